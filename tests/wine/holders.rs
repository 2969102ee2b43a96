//! Who holds what under Wine: handles of a program that leaks, by type and to the unit; objects against handles.

use std::collections::HashMap;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::script::{Figures, Script, many};
use crate::wine::{Wine, answer};

/// `leaker.exe`, which holds handles until it is dropped.
struct Leaker<'a> {
    wine: &'a Wine,
    child: Child,
    /// Its id in Wine.
    pid: u64,
}

impl<'a> Leaker<'a> {
    /// The number of events, files and keys at once, and this many more events a second.
    fn start(wine: &'a Wine, events: u32, files: u32, keys: u32, rate: u32) -> Self {
        let ready = || -> Vec<u64> {
            let names = std::fs::read_dir(&wine.folder).expect("the folder").flatten();
            names.filter_map(|name| name.file_name().to_str()?.strip_prefix("ready-")?.parse().ok()).collect()
        };
        let before = ready();
        let words = [events, files, keys, rate].map(|number| number.to_string());
        let mut leaker = Self { wine, child: wine.leaker(&words), pid: 0 };
        let until = Instant::now() + Duration::from_mins(1);
        while leaker.pid == 0 {
            assert!(Instant::now() < until, "leaker.exe does not start");
            std::thread::sleep(Duration::from_millis(50));
            leaker.pid = ready().into_iter().find(|pid| !before.contains(pid)).unwrap_or(0);
        }
        wine.settle();
        leaker
    }
}

impl Drop for Leaker<'_> {
    fn drop(&mut self) {
        let _ = std::fs::write(self.wine.folder.join("stop"), "");
        let _ = self.child.wait();
    }
}

fn of_process(answer: &Value, pid: u64) -> HashMap<String, i64> {
    let holders = answer["holders"].as_array().expect("holders");
    let own = holders.iter().find(|one| one["type"] == "process" && one["pid"] == pid);
    let own = own.unwrap_or_else(|| panic!("process {pid} is missing: {answer:#}"));
    assert_eq!(own["name"], "leaker.exe");
    let kinds = own["kinds"].as_array().expect("kinds").iter();
    kinds.map(|kind| (kind["kind"].as_str().unwrap().to_owned(), kind["count"].as_i64().unwrap())).collect()
}

fn holders(wine: &Wine) -> Value {
    let out = answer(&wine.run(None, &["holders", "--format", "json", "--top", "10000"]));
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}\n{out}"))
}

#[test]
fn handles_by_type_to_the_unit() {
    let Some(wine) = Wine::alone() else { return };
    let (idle, leaks) = (Leaker::start(&wine, 0, 0, 0, 0), Leaker::start(&wine, 700, 300, 200, 0));
    let answer = holders(&wine);
    let (idle, leaks) = (of_process(&answer, idle.pid), of_process(&answer, leaks.pid));
    let more = |kind: &str| leaks.get(kind).unwrap_or(&0) - idle.get(kind).unwrap_or(&0);
    let found =
        ["handles", "event-handles", "file-handles", "key-handles", "mutant-handles", "threads"].map(more);
    assert_eq!(found, [1_200, 700, 300, 200, 0, 0], "{leaks:?}\n{idle:?}");
    // Handles of all kinds are those that the process has.
    let parts: i64 =
        leaks.iter().filter(|(kind, _)| kind.ends_with("-handles")).map(|(_, count)| count).sum();
    assert_eq!(leaks["handles"], parts, "{leaks:?}");
    // Its session, and what all processes have of a type.
    let all = answer["holders"].as_array().unwrap();
    assert!(all.iter().any(|one| one["type"] == "session"), "{answer:#}");
    let events = all.iter().find(|one| one["type"] == "object-type" && one["id"] == "Event").expect("a type");
    let count = |kind: &str| {
        let kinds = events["kinds"].as_array().unwrap();
        kinds.iter().find(|one| one["kind"] == kind).map_or(0, |one| one["count"].as_u64().unwrap())
    };
    assert!(count("type-objects") >= 700 && count("type-handles") >= 700, "{events:#}");
}

/// A tag that grows by `step` from table to table, beside sixty that stand still, and a type that grows likewise.
fn growing(tag: [u8; 4], step: u64, of_type: impl Fn(u64) -> String) -> Script {
    (0..120).fold(Script::new(), |script, n| {
        let grows: Figures = [0, 0, 0, 1000 + step * n, 100, (900 + step * n) * 512];
        let mut rows = many(60);
        rows.push((tag, grows));
        script.table(&rows).line(&of_type(n))
    })
}

fn leaks(wine: &Wine, script: &Script, tag: &str) -> Value {
    let json = wine.json(
        script,
        &["leaks", "--for", "25s", "--interval", "500ms", "--format", "json", "--all", "--limit", "100"],
    );
    let row = json["verdicts"].as_array().unwrap().iter().find(|row| row["tag"] == tag);
    row.unwrap_or_else(|| panic!("no verdict on {tag}: {json:#}")).clone()
}

#[test]
fn a_leak_of_events_names_the_process_that_keeps_them() {
    let Some(wine) = Wine::alone() else { return };
    let _still = Leaker::start(&wine, 5_000, 0, 0, 0);
    let leaker = Leaker::start(&wine, 0, 0, 0, 100);
    let row = leaks(&wine, &growing(*b"Even", 50, |_| String::new()).line("handles"), "Even");
    let named = row["held_by"]["holders"].as_array().unwrap_or_else(|| panic!("{row:#}"));
    let [one] = &named[..] else { panic!("{row:#}") };
    assert_eq!((&one["pid"], &one["kind"]), (&leaker.pid.into(), &"event-handles".into()), "{row:#}");
    let rate = one["per_second"].as_f64().unwrap();
    assert!((80.0..=120.0).contains(&rate), "{row:#}");
    let reason = row["reasons"][0].as_str().unwrap();
    assert!(reason.starts_with("leaker.exe (pid ") && reason.contains(" Event handles, "), "{reason}");
    assert!(reason.contains("in step with Even: explains"), "{reason}");
}

#[test]
fn objects_that_outgrow_their_handles_are_kept_by_a_driver() {
    let Some(wine) = Wine::ready() else { return };
    let script = growing(*b"Toke", 40, |n| format!("type {} 311000 Token", 3_270_000 + 40 * n));
    let row = leaks(&wine, &script, "Toke");
    assert_eq!(row["held_by"]["holders"], Value::Array(Vec::new()), "{row:#}");
    let objects = &row["held_by"]["objects_without_handles"];
    assert_eq!((&objects["object_type"], &objects["handles"]), (&"Token".into(), &311_000.into()), "{row:#}");
    let reason = row["reasons"][0].as_str().unwrap();
    assert!(reason.ends_with("references are held inside the kernel; look for a driver"), "{reason}");

    let args = ["who", "Toke", "--no-index", "--drivers", "C:\\windows\\system32\\drivers"];
    let out = answer(&wine.run(Some(&script), &args));
    let line = "Objects    3,270,000 Token objects, 311,000 handles: 2,959,000 or more objects without a handle, kept by references \
                inside the kernel";
    assert!(out.lines().any(|found| found == line), "{out}");
}

/// What a person sees; other tests' leakers are among the processes.
#[test]
fn as_a_table() {
    let Some(wine) = Wine::alone() else { return };
    let leaker = Leaker::start(&wine, 900, 0, 0, 0);
    let output = wine.run(None, &["holders", "--sort", "event-handles", "--top", "50"]);
    let out = answer(&output);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let name = format!("leaker.exe (pid {}) in session ", leaker.pid);
    let own = out.lines().find(|line| line.contains(&name)).unwrap_or_else(|| panic!("{out}"));
    // From the right: the blanks before a column may be of an odd number.
    let (_, kinds) = own.rsplit_once("  ").unwrap();
    let events: u64 = kinds.split_once(" Event handles").unwrap().0.replace(',', "").parse().unwrap();
    assert!((900..950).contains(&events), "{own}");
}
