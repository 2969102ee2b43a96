//! This machine's own kernel: a program holds 15,000 sockets, and the table has to show just that.

use std::collections::HashSet;
use std::io::{BufRead as _, Read as _};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::second::Second;
use crate::{json_of, poolmon};
use poolmon_testkit::{Need, skip};

pub const HELD: i64 = 15_000;

/// Sockets of other programs come and go meanwhile, and half-filled slabs of each CPU count as active in the kernel's
/// own figure.
pub fn is_held(grown: i64) -> bool {
    (HELD - 300..HELD + 1200).contains(&grown)
}

/// One at a time: what one test holds, another would count.
static ALONE: Mutex<()> = Mutex::new(());

/// A second process of this test binary that holds sockets until it is told to let go.
pub struct Holder {
    second: Second,
    _alone: MutexGuard<'static, ()>,
}

impl Holder {
    /// Starts it, holding nothing yet. `None` where the limit on open files cannot be raised.
    pub fn start() -> Option<Self> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let second = Second::start("kernel::hold_sockets", 15_500, 0)?;
        // The kernel frees a little later what the test before let go.
        let patience = Instant::now() + Duration::from_secs(20);
        let count = || objects(&json_of(&["top", "--format", "json"]), "sock_inode_cache");
        let mut before = count();
        loop {
            thread::sleep(Duration::from_millis(300));
            let now = count();
            if (now - before).abs() < 50 || Instant::now() > patience {
                return Some(Self { second, _alone: alone });
            }
            before = now;
        }
    }

    /// Takes the sockets, or lets them go.
    pub fn say(&mut self, word: &str) {
        self.second.say(word);
    }
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
            "let go" => held.clear(),
            other => panic!("{other}"),
        }
        println!("done");
    }
}

fn row<'a>(json: &'a Value, tag: &str) -> &'a Value {
    json["rows"].as_array().unwrap().iter().find(|row| row["tag"] == tag).unwrap_or(&Value::Null)
}

fn objects(json: &Value, tag: &str) -> i64 {
    row(json, tag)["diff"].as_i64().unwrap()
}

pub fn kernel_memory_is_readable() -> bool {
    let readable = std::fs::File::open("/proc/slabinfo").and_then(|mut f| f.read(&mut [0; 16])).is_ok();
    if !readable {
        skip(Need::Root, "/proc/slabinfo is not readable here (root needed)");
    }
    readable
}

#[test]
fn held_sockets_show_as_so_many_objects_and_fall_again() {
    if !kernel_memory_is_readable() {
        return;
    }
    let Some(mut holder) = Holder::start() else {
        skip(Need::Root, "the limit on open files cannot be raised to 15,500");
        return;
    };
    let before = json_of(&["top", "--format", "json"]);
    holder.say("take");
    let during = json_of(&["top", "--format", "json"]);
    let grown = objects(&during, "sock_inode_cache") - objects(&before, "sock_inode_cache");
    assert!(is_held(grown), "grown by {grown}");
    let size = row(&during, "sock_inode_cache")["per_alloc"].as_i64().unwrap();
    let used = row(&during, "sock_inode_cache")["used"].as_i64().unwrap()
        - row(&before, "sock_inode_cache")["used"].as_i64().unwrap();
    assert_eq!(used, grown * size, "bytes in objects follow the objects");
    assert!(row(&during, "sock_inode_cache")["bytes"].as_i64().unwrap() >= used, "held pages cover them");

    // They fall again. The kernel frees inodes after a grace period, so it may take a moment.
    holder.say("let go");
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        let after = objects(&json_of(&["top", "--format", "json"]), "sock_inode_cache");
        if after < objects(&before, "sock_inode_cache") + HELD / 10 {
            break;
        }
        assert!(Instant::now() < patience, "still {after} objects");
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_change_between_two_samples_is_sorted_first() {
    if !kernel_memory_is_readable() {
        return;
    }
    let Some(mut holder) = Holder::start() else {
        skip(Need::Root, "the limit on open files cannot be raised");
        return;
    };
    let watcher = Command::new(crate::POOLMON)
        .args([
            "top",
            "--over",
            "6s",
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
        .unwrap();
    thread::sleep(Duration::from_millis(2500));
    holder.say("take");
    let output = watcher.wait_with_output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let first: Vec<&str> =
        json["rows"].as_array().unwrap().iter().filter_map(|row| row["tag"].as_str()).collect();
    let change = row(&json, "sock_inode_cache")["diff_change"].as_i64().unwrap_or(0);
    assert!(is_held(change), "{json:#}");
    assert!(first.iter().take(4).any(|&tag| tag == "sock_inode_cache"), "{first:?}");
}

#[test]
fn the_table_agrees_with_slabinfo_itself() {
    if !kernel_memory_is_readable() {
        return;
    }
    let read = || std::fs::read_to_string("/proc/slabinfo").unwrap();
    let before = read();
    let json = json_of(&["top", "--format", "json"]);
    let text = read();
    let before: HashSet<&str> = before.lines().collect();
    let mut compared = 0;
    // A slab that empties and goes changes no count of objects: only lines that stood still can be compared.
    for line in text.lines().skip(2).filter(|line| before.contains(line)) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let figure = |n: usize| fields[n].parse::<i64>().unwrap();
        // A busy cache changes between the two reads; the quiet ones have to be equal to the unit.
        let found = row(&json, fields[0]);
        if figure(2) > 0 && found["diff"] == figure(1) {
            assert_eq!(found["bytes"], figure(14) * figure(5) * 4096, "{line}");
            assert_eq!(found["used"], figure(1) * figure(3), "{line}");
            compared += 1;
        }
    }
    assert!(compared > 20, "only {compared} caches were quiet");
    assert!(poolmon(&["doctor"]).status.success());
}
