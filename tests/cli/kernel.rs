//! This machine's own kernel: the table agrees with what the kernel says itself. What needs a quiet kernel is in
//! `tests/kernel/`, which `cargo xtask vm` runs in a kernel of its own.

use std::collections::HashSet;
use std::io::Read as _;

use serde_json::Value;

use crate::{json_of, poolmon};
use poolmon_testkit::{Need, skip};

fn row<'a>(json: &'a Value, tag: &str) -> &'a Value {
    json["rows"].as_array().unwrap().iter().find(|row| row["tag"] == tag).unwrap_or(&Value::Null)
}

pub fn kernel_memory_is_readable() -> bool {
    let readable = std::fs::File::open("/proc/slabinfo").and_then(|mut f| f.read(&mut [0; 16])).is_ok();
    if !readable {
        skip(Need::Root, "/proc/slabinfo is not readable here (root needed)");
    }
    readable
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
