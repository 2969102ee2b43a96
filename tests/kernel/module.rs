//! A kernel module that leaks on purpose (`tests/vm/module/`): what poolmon says is compared with what the module
//! counts itself.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{in_guest, program, slabinfo};

/// The module, loaded. Unloading it frees all that it holds.
struct Module;

fn parameter(name: &str) -> PathBuf {
    PathBuf::from("/sys/module/poolmon_leak/parameters").join(name)
}

impl Module {
    fn load(objects_per_tick: u32, blocks_per_tick: u32) -> Self {
        let file = std::env::var_os("POOLMON_MODULE").expect("the guest says where it is");
        let options = [("objects_per_tick", objects_per_tick), ("blocks_per_tick", blocks_per_tick)];
        let options = options.map(|(name, value)| format!("{name}={value}"));
        let status = Command::new("insmod").arg(file).args(options).status().expect("insmod");
        assert!(status.success(), "{status}");
        Self
    }
}

/// Objects and blocks that the loaded module holds now.
fn held() -> (f64, f64) {
    let read =
        |name| fs::read_to_string(parameter(name)).expect("readable").trim().parse().expect("a number");
    (read("objects"), read("blocks"))
}

impl Drop for Module {
    fn drop(&mut self) {
        let status = Command::new("rmmod").arg("poolmon_leak").status();
        assert!(std::thread::panicking() || status.is_ok_and(|status| status.success()), "it is unloaded");
    }
}

/// The verdicts on this kernel after so many seconds.
fn leaks(seconds: u64) -> Value {
    let output = Command::new(program())
        .args(["leaks", "--for", &format!("{seconds}s"), "--interval", "1s", "--format", "json", "--all"])
        .output()
        .expect("the program starts");
    let out = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

#[test]
fn its_leaks_are_named_with_their_rates() {
    if !in_guest() {
        return;
    }
    let _module = Module::load(10, 5);
    // The first slabs are gone before the watch begins.
    std::thread::sleep(Duration::from_secs(2));
    let (start, before) = (Instant::now(), held());
    let answer = leaks(120);
    let (hours, after) = (start.elapsed().as_secs_f64() / 3600.0, held());
    let leaking =
        answer["verdicts"].as_array().expect("verdicts").iter().filter(|row| row["kind"] == "leaking");
    let leaking: Vec<&Value> = leaking.collect();
    let expected =
        [("leaky_item", (after.0 - before.0) / hours), ("kmalloc-256", (after.1 - before.1) / hours)];
    assert_eq!(
        leaking.first().map(|row| &row["tag"]),
        Some(&Value::from("leaky_item")),
        "the larger one first"
    );
    for (tag, objects) in expected {
        let row =
            leaking.iter().find(|row| row["tag"] == tag).unwrap_or_else(|| panic!("{tag} leaks: {answer:#}"));
        let bytes = objects * slabinfo::bytes_per_object(tag);
        for (unit, truth) in [("allocs", objects), ("bytes", bytes)] {
            let found = row[unit]["per_hour"].as_f64().unwrap_or_else(|| panic!("no rate: {row}"));
            assert!(
                (found / truth - 1.0).abs() < 0.05,
                "{tag}: {found} {unit} an hour, the module took {truth}"
            );
        }
    }
    assert_eq!(leaking.len(), expected.len(), "nothing else leaks here: {leaking:?}");
}

#[test]
fn its_cache_leads_to_its_file() {
    if !in_guest() {
        return;
    }
    let output = Command::new(program())
        .args(["who", "leaky_item", "--no-index", "--drivers", "/modules"])
        .output()
        .expect("the program starts");
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{out}");
    assert!(out.contains("poolmon_leak") && out.contains("leak_init"), "{out}");
}

#[test]
fn what_is_unloaded_leaks_no_longer() {
    if !in_guest() {
        return;
    }
    drop(Module::load(50, 20));
    std::thread::sleep(Duration::from_secs(2));
    let answer = leaks(60);
    let leaking =
        answer["verdicts"].as_array().expect("verdicts").iter().filter(|row| row["kind"] == "leaking");
    assert_eq!(leaking.count(), 0, "{answer:#}");
}
