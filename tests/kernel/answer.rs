//! What `poolmon leaks` says beside leaking processes: in a watch of this machine, and of a recording of the same time.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use poolmon_testkit::Need;
use serde_json::Value;

/// How long it watches.
pub const SECONDS: u64 = 40;

/// The program: in the guest its release build, elsewhere the one that was built with the tests.
pub fn program() -> std::ffi::OsString {
    let here = std::ffi::OsString::from(env!("CARGO_BIN_EXE_poolmon"));
    if poolmon_testkit::wanted(Need::Vm) { crate::program() } else { here }
}

/// A watch, begun.
fn watch(format: &str) -> Child {
    let length = format!("{SECONDS}s");
    Command::new(program())
        .args(["leaks", "--for", &length, "--interval", "1s", "--all", "--limit", "1000", "--format", format])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// `poolmon record` beside the watch.
fn record(folder: &Path) -> Child {
    Command::new(program())
        .args(["record", "--interval", "1s", "--quiet", "--for", &format!("{SECONDS}s")])
        .arg(folder)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// `poolmon leaks` of a recording.
fn judged(folder: &Path, format: &str) -> Vec<u8> {
    let leaks = ["leaks", "--all", "--limit", "1000", "--format", format];
    let output = Command::new(program()).args(leaks).arg(folder).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// An answer, in both forms.
pub struct Said {
    /// For a person.
    pub text: String,
    /// The whole document.
    pub json: Value,
    /// Its verdicts.
    pub rows: Vec<Value>,
}

impl Said {
    fn new(text: &[u8], json: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text).into_owned();
        let json: Value = serde_json::from_slice(json).expect("valid JSON");
        let rows = json["verdicts"].as_array().expect("verdicts").clone();
        Self { text, json, rows }
    }

    /// Watches and records the same 40 s: what is said live, and of the recording.
    pub fn live_and_recorded() -> [Self; 2] {
        let recording = tempfile::tempdir().expect("a folder");
        let recorder = record(recording.path());
        let [text, json] =
            ["text", "json"].map(watch).map(|child| child.wait_with_output().expect("it ends"));
        let ended = recorder.wait_with_output().expect("it ends");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        println!("{}", String::from_utf8_lossy(&json.stderr));
        let live = Self::new(&text.stdout, &json.stdout);
        let of_recording = ["text", "json"].map(|format| judged(recording.path(), format));
        [live, Self::new(&of_recording[0], &of_recording[1])]
    }

    /// The first verdict that names a holder: its line, and the first line below it.
    pub fn first(&self, holder: &str) -> [&str; 2] {
        let is_title = |line: &str| line.starts_with("  ") && !line.starts_with("   ");
        let mut found = [""; 2];
        for line in self.text.lines() {
            if is_title(line) {
                found = [line, ""];
            } else if found[1].is_empty() {
                found[1] = line.trim_start();
            }
            let names = line.contains(" in step with ") || line.contains(" is held by ");
            if line.starts_with("      ") && names && line.contains(holder) {
                return found;
            }
        }
        panic!("{holder} is not named:\n{}", self.text);
    }

    /// The verdict on this line of the text.
    pub fn row_of(&self, line: &str) -> &Value {
        // `TCP (unreclaimable) …`, `UNIX-STREAM, listed as signal_cache (…`.
        let names = line.trim_start().split(" (").next().unwrap_or_default();
        let tag = names.rsplit(" listed as ").next().unwrap_or_default();
        let found = self.rows.iter().find(|row| row["tag"] == tag);
        found.unwrap_or_else(|| panic!("no verdict on {tag}: {line}"))
    }

    /// Every holder that is named, with the row that it is named for.
    pub fn named(&self) -> impl Iterator<Item = (&Value, &Value)> {
        self.rows.iter().flat_map(|row| holders(row).iter().map(move |holder| (row, holder)))
    }
}

/// The holders of a row, the one that explains it best first.
pub fn holders(row: &Value) -> &[Value] {
    row["held_by"]["holders"].as_array().map_or(&[], Vec::as_slice)
}

/// The cache that a holder was found to keep its objects in: the row's own name, or the one that fits of a merged cache.
pub fn cache<'a>(row: &'a Value, holder: &'a Value) -> &'a str {
    holder["cache"].as_str().or(row["tag"].as_str()).expect("a name")
}

/// Of names of one cache in several versions of Linux, that of this kernel.
pub fn here<'a>(names: &[&'a str]) -> &'a str {
    let exists = |name: &&&str| Path::new("/sys/kernel/slab").join(name).exists();
    names.iter().find(exists).unwrap_or_else(|| panic!("this kernel has none of {names:?}"))
}

/// What has to be said of a leak.
pub struct Wanted<'a> {
    /// Name for messages.
    pub what: &'a str,
    /// The cache, by the one name that fits.
    pub cache: &'a str,
    /// The kind that is counted.
    pub kind: &'a str,
    /// Objects a second.
    pub rate: f64,
    /// The part of the row's growth that it explains at least, if nothing else leaks into the same slabs.
    pub explains: f64,
    /// Text by which the holder is named.
    pub holder: String,
}

impl Wanted<'_> {
    /// Whether this holder of this row is the leak.
    pub fn is_it(&self, row: &Value, holder: &Value) -> bool {
        let name = holder["name"].as_str().unwrap_or_default();
        let named = match holder["pid"].as_u64() {
            Some(pid) => format!("{name} (pid {pid})"),
            None => name.to_owned(),
        };
        cache(row, holder) == self.cache && holder["kind"] == self.kind && named.contains(&self.holder)
    }

    /// The holder that the verdict names first for the leak's cache, which has to be the leak; `others`: leaks into the same slabs, which
    /// may come before it.
    pub fn check(&self, said: &Said, others: &[&Self]) {
        let Self { what, cache, .. } = self;
        let found: Vec<(&Value, &Value)> =
            said.named().filter(|(row, holder)| self.is_it(row, holder)).collect();
        let [(row, own)] = found[..] else {
            let of_cache =
                said.rows.iter().filter(|row| row["tag"] == *cache || row["held_by"]["cache"] == *cache);
            panic!(
                "{what}: {} rows name it for {cache}: {:#?}\n{}",
                found.len(),
                of_cache.collect::<Vec<_>>(),
                said.text
            )
        };
        let before = holders(row).iter().take_while(|holder| *holder != own);
        let before: Vec<&Value> = before.collect();
        let is_leak = |holder: &&Value| others.iter().any(|other| other.is_it(row, holder));
        assert!(before.iter().all(is_leak), "{what}: another holder comes first: {row:#}\n{}", said.text);
        let per_second = own["per_second"].as_f64().expect("a rate");
        assert!((per_second / self.rate - 1.0).abs() < 0.1, "{what}: {per_second} of {} a second", self.rate);
        let [share, together] =
            [&own["explains"], &row["held_by"]["explains"]].map(|it| it.as_f64().expect("a share"));
        let share = if others.is_empty() { share } else { together };
        assert!((self.explains..=1.0).contains(&share), "{what}: explains {share}: {row:#}\n{}", said.text);
        // In words, on the line of the holder: the first, if no other leak comes first.
        let says = |line: &str| {
            line.contains(&self.holder) && line.contains(&format!("in step with {cache}: explains "))
        };
        let line = row["reasons"][before.len()].as_str().expect("a reason");
        assert!(says(line), "{what}: {line}");
        if before.is_empty() {
            let title = match row["tag"].as_str() {
                Some(tag) if tag == *cache => format!("  {cache} ("),
                tag => format!("  {cache}, listed as {} (", tag.unwrap_or_default()),
            };
            // The text is of another watch of the same time: its counts differ a little.
            if let Some(at) = said.text.find(&title) {
                let second = said.text[at..].lines().nth(1).unwrap_or_default();
                assert!(says(second), "{what}: below its name: {second}");
            } else {
                // It is behind the row that takes most of the same leak.
                let [title, second] = said.first(&self.holder);
                let behind = said.text.find(title).map(|at| &said.text[at..]).unwrap_or_default();
                let lockstep = behind.lines().find(|line| line.contains("in lockstep with it: "));
                let is_behind = lockstep.is_some_and(|line| line.contains(cache));
                assert!(
                    is_behind && second.contains(&self.holder),
                    "{what}: {title}\n{second}\n{}",
                    said.text
                );
            }
        }
    }
}
