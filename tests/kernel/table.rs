//! `poolmon top` over a quiet kernel: a process holds 15,000 sockets, and the table shows just that.

use std::io::BufRead as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::second::Second;
use crate::{in_guest, program, settle, slabinfo};

const HELD: i64 = 15_000;

/// Half-filled slabs of each CPU count as active in the kernel's own figure.
fn is_held(grown: i64) -> bool {
    (HELD - 100..HELD + 300).contains(&grown)
}

/// A second process of this test binary that holds sockets until it is asked to free them.
fn holder() -> Second {
    let holder =
        Second::start("table::hold_sockets", 15_500, 0).expect("a process that may open 15,500 files");
    settle();
    // What other tests freed may still count as in use: since 6.18 each CPU keeps some of it at hand.
    slabinfo::gather();
    holder
}

#[test]
#[ignore = "the holder's own process, started by the tests below"]
fn hold_sockets() {
    let mut held = Vec::new();
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        match line.unwrap().as_str() {
            "take" => {
                held.extend((0..HELD).map(|_| std::os::unix::net::UnixDatagram::unbound().unwrap()));
            }
            "free" => held.clear(),
            other => panic!("{other}"),
        }
        println!("done");
    }
}

fn top(args: &[&str]) -> Value {
    let output =
        Command::new(program()).args(["top", "--format", "json"]).args(args).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("valid JSON")
}

fn row<'a>(json: &'a Value, tag: &str) -> &'a Value {
    json["rows"].as_array().unwrap().iter().find(|row| row["tag"] == tag).unwrap_or(&Value::Null)
}

fn figure(json: &Value, name: &str) -> i64 {
    row(json, "sock_inode_cache")[name].as_i64().unwrap()
}

#[test]
fn held_sockets_show_as_objects_and_fall_again() {
    if !in_guest() {
        return;
    }
    let mut holder = holder();
    let before = top(&[]);
    holder.say("take");
    let during = top(&[]);
    let grown = figure(&during, "diff") - figure(&before, "diff");
    assert!(is_held(grown), "grown by {grown}");
    let used = figure(&during, "used") - figure(&before, "used");
    assert_eq!(used, grown * figure(&during, "per_alloc"), "bytes in objects follow the objects");
    assert!(figure(&during, "bytes") >= used, "held pages cover them");

    // The kernel frees inodes after a grace period, so it may take a moment.
    holder.say("free");
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        let after = figure(&top(&[]), "diff");
        if after < figure(&before, "diff") + HELD / 10 {
            break;
        }
        assert!(Instant::now() < patience, "still {after} objects");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_change_between_two_samples_is_sorted_first() {
    if !in_guest() {
        return;
    }
    let mut holder = holder();
    let watcher = Command::new(program())
        .args([
            "top",
            "--over",
            "10s",
            "--sort",
            "diff",
            "--by-change",
            "--pool",
            "reclaimable",
            "--limit",
            "6",
        ])
        .args(["--format", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    // The guest's clock: the first sample is taken within the first of ten seconds.
    std::thread::sleep(Duration::from_secs(5));
    holder.say("take");
    let output = watcher.wait_with_output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let change = row(&json, "sock_inode_cache")["diff_change"].as_i64().unwrap_or(0);
    assert!(is_held(change), "{json:#}");
    let tags = json["rows"].as_array().unwrap().iter().filter_map(|row| row["tag"].as_str());
    // Each socket has an inode and a dentry.
    assert!(tags.take(2).any(|tag| tag == "sock_inode_cache"), "{json:#}");
}
