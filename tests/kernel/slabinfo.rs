//! `/proc/slabinfo`, read by the test itself.

use std::collections::HashMap;
use std::time::Duration;

/// The kernel's caches, live objects of each.
pub fn objects() -> HashMap<String, i64> {
    let text = std::fs::read_to_string("/proc/slabinfo").expect("root reads it");
    let row = |line: &str| {
        let mut fields = line.split_whitespace();
        Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
    };
    text.lines().skip(2).filter_map(row).collect()
}

/// What an object of a cache takes of its slab's pages.
pub fn bytes_per_object(cache: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/slabinfo").expect("root reads it");
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(cache)).expect("the cache");
    let figure =
        |n| line.split_whitespace().nth(n).and_then(|word| word.parse::<f64>().ok()).expect("a number");
    figure(5) * 4096.0 / figure(4)
}

/// Has the kernel gather half-filled slabs, where it can, so that each object counts.
pub fn gather() {
    for cache in std::fs::read_dir("/sys/kernel/slab").into_iter().flatten().flatten() {
        let _ = std::fs::write(cache.path().join("shrink"), "1\n");
    }
}

/// The caches of which something takes about so many objects, or more: those that grow so in two of three turns, as
/// what is freed meanwhile hides one now and then.
pub fn moved_by(count: i64, mut action: impl FnMut(u32)) -> Vec<String> {
    let mut turns: HashMap<String, u32> = HashMap::new();
    for turn in 0..3 {
        gather();
        let before = objects();
        action(turn);
        std::thread::sleep(Duration::from_millis(500));
        gather();
        for (tag, now) in objects() {
            if now - before.get(&tag).copied().unwrap_or(0) >= count * 8 / 10 {
                *turns.entry(tag).or_default() += 1;
            }
        }
    }
    let mut moved: Vec<String> =
        turns.into_iter().filter(|(_, turns)| *turns > 1).map(|(tag, _)| tag).collect();
    moved.sort();
    moved
}
