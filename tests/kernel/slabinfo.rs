//! `/proc/slabinfo`, read by the test itself.

use std::collections::HashMap;
use std::time::Duration;

/// The kernel's caches, live objects of each.
fn objects() -> Option<HashMap<String, i64>> {
    let text = std::fs::read_to_string("/proc/slabinfo").ok()?;
    let row = |line: &str| {
        let mut fields = line.split_whitespace();
        Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
    };
    Some(text.lines().skip(2).filter_map(row).collect())
}

/// Can this machine's kernel be watched at all?
pub fn is_readable(test: &str) -> bool {
    let readable = objects().is_some_and(|caches| caches.len() > 20);
    if !readable {
        eprintln!("SKIPPED: {test}: /proc/slabinfo is not readable here (root needed)");
    }
    readable
}

/// The caches that grow by about as many objects, or more, while something is done.
pub fn moved_by(count: i64, action: impl FnOnce()) -> Vec<String> {
    let before = objects().expect("readable a moment ago");
    action();
    std::thread::sleep(Duration::from_millis(500));
    let after = objects().expect("readable a moment ago");
    let grown = |(tag, now): (&String, &i64)| {
        (now - before.get(tag).copied().unwrap_or(0) >= count * 8 / 10).then(|| tag.clone())
    };
    let mut moved: Vec<String> = after.iter().filter_map(grown).collect();
    moved.sort();
    moved
}
