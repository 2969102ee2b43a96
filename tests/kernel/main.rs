//! The verdict on this real kernel: programs that hold 50 objects a second beside a compile, a search through all files
//! and a tree of files that is written, and the same noise alone.
//!
//! * here: what is asked of `poolmon leaks --for`;
//! * `slabinfo.rs`: the kernel's own counts, read without poolmon;
//! * `measure.rs`: `poolmon measure` of commands that leave files in its memory;
//! * `holder.rs`: processes that hold sockets; * `noise.rs`: compile, search, files.
//!
//! A target of its own, so that no other test moves this kernel's caches meanwhile. It takes seven minutes: four with
//! 100 objects a second and three of noise. `POOLMON_KERNEL_TEST=full` asks for ten minutes of each, with 50 objects a
//! second; `POOLMON_PROGRAM` names another poolmon to ask than the one that was built with the test:
//!
//! ```sh
//! POOLMON_KERNEL_TEST=full POOLMON_PROGRAM=target/release/poolmon cargo test -p poolmon --test kernel -- --nocapture
//! ```
#![cfg(target_os = "linux")]

mod holder;
mod measure;
mod noise;
mod second;
mod slabinfo;

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use holder::Holders;
use noise::Noise;
use poolmon_testkit::{Need, skip};

/// How long, and how much.
struct Plan {
    held_seconds: u64,
    noise_seconds: u64,
    /// Objects held a second.
    rate: u64,
    interval: &'static str,
}

fn plan() -> Plan {
    if std::env::var_os("POOLMON_KERNEL_TEST").is_some_and(|wish| wish == "full") {
        Plan { held_seconds: 600, noise_seconds: 600, rate: 50, interval: "1s" }
    } else {
        Plan { held_seconds: 240, noise_seconds: 180, rate: 100, interval: "500ms" }
    }
}

fn program() -> OsString {
    std::env::var_os("POOLMON_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_poolmon").into())
}

/// One test at a time, of all processes of this machine: they share the kernel.
fn alone() -> File {
    let path = std::env::temp_dir().join("poolmon-kernel-test.lock");
    let file = File::options().create(true).append(true).open(&path).expect("a lock file");
    file.lock().expect("the lock");
    file
}

/// `poolmon leaks` over this machine, begun.
fn watch(seconds: u64, interval: &str, format: &str) -> Child {
    Command::new(program())
        .args(["leaks", "--for", &format!("{seconds}s"), "--interval", interval])
        .args(["--format", format, "--all", "--limit", "1000", "--fail-on", "leak"])
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
    if !slabinfo::is_readable() {
        return;
    }
    let _alone = alone();
    let plan = plan();
    let total = TAKEN * 3 + plan.rate * (plan.held_seconds + 30);
    let Some(mut holders) = Holders::start(total) else {
        skip(Need::Root, "no processes may hold enough sockets here");
        return;
    };
    settle();
    // What a socket takes on this kernel is not written down here: some of them show it.
    let held = slabinfo::moved_by(SAMPLE, |_| holders.take(TAKEN));
    assert!(!held.is_empty(), "the kernel keeps sockets in no cache?");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let cached = slabinfo::moved_by(SAMPLE, |turn| {
        noise::write_files(&folder.path().join(format!("known-{turn}")), TAKEN);
    });
    println!("a socket takes {held:?}; a file {cached:?}");
    let noise = Noise::start(folder.path());
    holders.take_steadily(plan.rate);
    let answer = Answer::of(plan.held_seconds, plan.interval);
    let turns = noise.stop();
    println!("{turns}");
    drop(holders);

    assert_eq!(answer.code, Some(3), "{}", answer.text);
    assert!(turns.compiled > 3 && turns.searched > 0 && turns.files > 500, "{turns}");
    // The held caches first, and in lockstep.
    let first = answer.first_named();
    assert!(!first.is_empty() && held.iter().any(|tag| tag == first[0]), "{first:?} of {held:?}");
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

/// Growth of the caches of files is told, and told as what the kernel can shrink.
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
        let told = ["warming-up", "load-driven", "step"]
            .iter()
            .any(|kind| answer.tags(kind).iter().any(|tag| cached.iter().any(|cached| cached == tag)));
        assert!(told, "files were written, and no cache of theirs moved: {cached:?}\n{}", answer.text);
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
    if !slabinfo::is_readable() {
        return;
    }
    let _alone = alone();
    let plan = plan();
    settle();
    let folder = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let noise = Noise::start(folder.path());
    let answer = Answer::of(plan.noise_seconds, plan.interval);
    let turns = noise.stop();
    println!("{turns}");
    assert!(turns.compiled > 3 && turns.searched > 0 && turns.files > 500, "{turns}");
    assert_eq!(answer.tags("leaking"), Vec::<&str>::new(), "{}", answer.text);
    assert_eq!(answer.code, Some(0), "{}", answer.text);
    assert!(answer.text.contains("Nothing leaks, as far as"), "{}", answer.text);
}
