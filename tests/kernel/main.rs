//! The program on a real kernel of its own: `cargo xtask vm` boots one and runs this target inside. Elsewhere every test
//! here but those of `trace.rs`, `leakers.rs`, `kept.rs` and `alone.rs` is skipped, since other programs of a machine would move the figures.
//!
//! * here: what is asked of `poolmon leaks --for`, beside programs that hold 100 objects a second, a compiler, a search
//!   through all files and a tree of files that is written; and beside the same noise alone;
//! * `module.rs`: a kernel module that leaks on purpose: its rate, and its owner;
//! * `table.rs`: 15,000 held sockets in `poolmon top`;
//! * `trace.rs`: `poolmon trace` of leaks and of loads that leak nothing; runs on any kernel as root;
//! * `leakers.rs`, `kept.rs`, `alone.rs`: who holds what leaks; run on any kernel as root; `answer.rs`: what has to be said of it;
//! * `measure.rs`: `poolmon measure` of commands that leave files in memory;
//! * `slabinfo.rs`: the kernel's own counts, read without poolmon; `holder.rs`: processes that hold sockets; `noise.rs`:
//!   compiler, search, files.
#![cfg(target_os = "linux")]

mod alone;
mod answer;
mod holder;
mod kept;
mod leakers;
mod measure;
mod module;
mod noise;
mod second;
mod slabinfo;
mod table;
mod trace;

use std::ffi::OsString;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use holder::Holders;
use noise::Noise;
use poolmon_testkit::{Need, asked_for};

/// How long objects are held and watched, and how long noise alone: seconds of the guest's clock.
const HELD_SECONDS: u64 = 240;
const NOISE_SECONDS: u64 = 180;
/// Objects held a second.
const RATE: u64 = 100;
const INTERVAL: &str = "1s";

fn program() -> OsString {
    std::env::var_os("POOLMON_PROGRAM").unwrap_or_else(|| "/bin/poolmon".into())
}

/// Whether this is the guest of `cargo xtask vm`; skips the test elsewhere.
fn in_guest() -> bool {
    asked_for(Need::Vm)
}

/// `poolmon leaks` over this machine, begun.
fn watch(seconds: u64, interval: &str, format: &str) -> Child {
    Command::new(program())
        .args(["leaks", "--for", &format!("{seconds}s"), "--interval", interval])
        .args(["--format", format, "--all", "--limit", "1000", "--fail-on", "likely"])
        .env("TZ", "UTC")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// What it answered.
struct Answer {
    code: Option<i32>,
    text: String,
    json: Value,
}

impl Answer {
    /// Asks in words and as JSON, both at the same time.
    fn of(seconds: u64, interval: &str) -> Self {
        let children = ["text", "json"].map(|format| watch(seconds, interval, format));
        let [text, json] = children.map(|child| child.wait_with_output().expect("the program ends"));
        let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        println!("{}{}", words(&text.stdout), words(&text.stderr));
        assert_eq!(text.status.code(), json.status.code(), "{}", words(&json.stdout));
        Self {
            code: text.status.code(),
            text: words(&text.stdout),
            json: serde_json::from_slice(&json.stdout).expect("valid JSON"),
        }
    }

    fn verdicts(&self, kind: &str) -> Vec<&Value> {
        let all = self.json["verdicts"].as_array().expect("verdicts");
        all.iter().filter(|verdict| verdict["kind"] == kind).collect()
    }

    fn tags(&self, kind: &str) -> Vec<&str> {
        self.verdicts(kind).iter().map(|verdict| verdict["tag"].as_str().unwrap_or_default()).collect()
    }

    /// The tags of the first cause that the text names: itself and those in lockstep with it.
    fn first_named(&self) -> Vec<&str> {
        let mut lines = self.text.lines().skip_while(|line| !line.contains(" leaks "));
        let Some(tag) = lines.next().and_then(|line| line.split_whitespace().next()) else {
            return Vec::new();
        };
        let lockstep = lines
            .take_while(|line| line.starts_with("      "))
            .find_map(|line| line.trim_start().strip_prefix("in lockstep with it: "));
        let others = lockstep.and_then(|line| line.split(';').next()).unwrap_or_default();
        let others = others.split(", ").filter_map(|other| other.split_whitespace().next());
        std::iter::once(tag).chain(others).collect()
    }
}

/// How many sockets, and files, show which caches they take from.
const TAKEN: u64 = 1000;
const SAMPLE: i64 = 1000;

/// Waits until what went before has settled: inodes are freed a grace period after their sockets.
fn settle() {
    std::thread::sleep(Duration::from_secs(3));
}

#[test]
fn held_objects_are_named_first_beside_a_compile_and_a_search() {
    if !in_guest() {
        return;
    }
    let total = TAKEN * 3 + RATE * (HELD_SECONDS + 30);
    let mut holders = Holders::start(total).expect("processes that may hold enough sockets");
    settle();
    // What a socket takes on this kernel is not written down here: some of them show it.
    let held = slabinfo::moved_by(SAMPLE, |_| holders.take(TAKEN));
    assert!(!held.is_empty(), "the kernel keeps sockets in no cache?");
    let folder = tempfile::tempdir_in(std::env::temp_dir()).unwrap();
    let cached = slabinfo::moved_by(SAMPLE, |turn| {
        noise::write_files(&folder.path().join(format!("known-{turn}")), TAKEN);
    });
    println!("a socket takes {held:?}; a file {cached:?}");
    let noise = Noise::start(folder.path());
    holders.take_steadily(RATE);
    let answer = Answer::of(HELD_SECONDS, INTERVAL);
    let turns = noise.stop();
    println!("{turns}");
    drop(holders);

    // Within an hour of the start of a system much fills up in a straight line: a suspect is named, but it need not be a likely one.
    assert!(matches!(answer.code, Some(0 | 3)), "{}", answer.text);
    assert!(turns.compiled > 3 && turns.searched > 0 && turns.files > 500, "{turns}");
    // The held caches first, and in lockstep.
    let first = answer.first_named();
    assert!(
        !first.is_empty() && held.iter().any(|tag| tag == first[0]),
        "{first:?} of {held:?}\n{}",
        answer.text
    );
    // Nothing but what the holder holds: what it was seen to take, or what grows in lockstep with that.
    for tag in answer.tags("leaking") {
        assert!(
            first.contains(&tag) || held.iter().any(|held| held == tag),
            "{tag} is not what is held: {held:?}\n{}",
            answer.text
        );
    }
    shrinkable_is_called_so(&answer, &cached, &held);
}

/// Growth of the caches of files is reported, and reported as what the kernel can shrink.
fn shrinkable_is_called_so(answer: &Answer, cached: &[String], held: &[String]) {
    for verdict in answer.verdicts("leaking") {
        assert_ne!(verdict["pool"], "reclaimable", "the kernel shrinks it: {verdict}");
    }
    let growing = answer.verdicts("growing");
    let inodes = |verdict: &&&Value| {
        let tag = verdict["tag"].as_str().unwrap_or_default();
        tag.ends_with("inode_cache")
            && cached.iter().any(|cached| cached == tag)
            && !held.iter().any(|h| h == tag)
    };
    let Some(inodes) = growing.iter().find(inodes) else {
        // A search that read a cold disk at first: then they fill up ever more slowly, or came in one step.
        let reported = ["warming-up", "load-driven", "step"]
            .iter()
            .any(|kind| answer.tags(kind).iter().any(|tag| cached.iter().any(|cached| cached == tag)));
        assert!(reported, "files were written, and no cache of theirs moved: {cached:?}\n{}", answer.text);
        return;
    };
    let tag = inodes["tag"].as_str().unwrap();
    assert!(answer.text.contains(&format!("{tag} (reclaimable) grows by")), "{}", answer.text);
    assert!(
        answer.text.contains("the kernel can shrink this cache when it needs the memory"),
        "{}",
        answer.text
    );
}

#[test]
fn noise_alone_names_nothing() {
    if !in_guest() {
        return;
    }
    settle();
    let folder = tempfile::tempdir_in(std::env::temp_dir()).unwrap();
    let noise = Noise::start(folder.path());
    let answer = Answer::of(NOISE_SECONDS, INTERVAL);
    let turns = noise.stop();
    println!("{turns}");
    assert!(turns.compiled > 3 && turns.searched > 0 && turns.files > 500, "{turns}");
    assert_eq!(answer.tags("leaking"), Vec::<&str>::new(), "{}", answer.text);
    assert_eq!(answer.code, Some(0), "{}", answer.text);
    assert!(answer.text.contains("No leak found in"), "{}", answer.text);
}
