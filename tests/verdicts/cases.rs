//! What is right in each case.

use crate::judged::Judged;

/// Nearly nothing that a row allocates is freed, and it grows in a straight line: it is the first thing to look at, even after
/// 30 minutes, and the reason is said.
pub fn keeps_95_percent(judged: &Judged, tag: &str) {
    assert_eq!(judged.lines().first().map(String::as_str), Some(tag), "{:?}", judged.lines());
    let said = judged.said(tag);
    assert!(said.contains("freed") || said.contains("kept"), "{said}");
}

/// A leak that grows faster and faster is not explained by the load, and is the first suspect.
pub fn accelerates(judged: &Judged, tag: &str) {
    let said = judged.said(tag);
    assert!(!said.contains("explains most") && !said.contains("follows the load"), "{said}");
    assert_eq!(judged.suspects().first().map(String::as_str), Some(tag), "{said}");
}

/// The row that grows most, and of which nothing is freed, is named.
pub fn biggest_named(judged: &Judged, tag: &str) {
    assert!(judged.lines().iter().any(|line| line == tag), "{:?}\n{}", judged.lines(), judged.said(tag));
    assert!(!judged.said(tag).contains("levels off"), "{}", judged.said(tag));
}

/// The row that grows most, and of which nothing is freed, is named a leak.
pub fn biggest(judged: &Judged, tag: &str) {
    assert!(judged.leaks().iter().any(|leak| leak == tag), "{:?}\n{}", judged.leaks(), judged.said(tag));
    assert!(!judged.said(tag).contains("levels off"), "{}", judged.said(tag));
}

/// Hours of straight growth count although a flash crowd follows.
pub fn flash_crowd(judged: &Judged, tag: &str) {
    assert_eq!(judged.suspects().first().map(String::as_str), Some(tag), "{}", judged.said(tag));
    assert!(!judged.said(tag).contains("levels off"), "{}", judged.said(tag));
}

/// Pages grow while the objects do not: that is no leak.
pub fn fragmentation(judged: &Judged, tag: &str) {
    assert!(!judged.leaks().iter().any(|leak| leak == tag), "{}", judged.said(tag));
}

/// A leak whose rate may be zero is not one that is known.
pub fn interval(judged: &Judged, tag: &str) {
    assert!(judged.low(tag) > 0.0 || !judged.leaks().iter().any(|leak| leak == tag), "{}", judged.said(tag));
}

/// Rows that gain the same objects at the same time are one cause.
pub fn lockstep(judged: &Judged, culprit: &str, others: &[&str]) {
    let group = judged.group(culprit);
    let mut expected: Vec<&str> = others.to_vec();
    expected.push(culprit);
    expected.sort_unstable();
    assert_eq!(group, expected, "{:?}", judged.lines());
    assert_eq!(judged.culprit(culprit).as_deref(), Some(culprit));
}

/// A group is one leak, as sure as its strongest member, and ranked by the rate of all members together.
pub fn group_is_a_leak(judged: &Judged, culprit: &str, other: &str) {
    let leaks = judged.leaks();
    assert_eq!(leaks.first().map(String::as_str), Some(culprit), "{leaks:?}");
    assert_eq!(leaks.len(), 2, "{leaks:?}");
    assert!(leaks.iter().any(|leak| leak == other), "{leaks:?}");
    assert!(judged.group_rate(culprit) > judged.group_rate(other));
}

/// It is not said that outstanding allocations only ever rise if they fall.
pub fn rises_and_falls(judged: &Judged, tag: &str) {
    assert!(judged.falls(tag) > 5, "{}", judged.falls(tag));
    let said = judged.said(tag);
    assert!(!said.contains("only ever rise"), "{said}");
    assert!(judged.leaks().iter().any(|leak| leak == tag), "{:?}\n{said}", judged.leaks());
}

/// A queue of long-lived objects that fills after a start frees what it holds in time.
pub fn queue(judged: &Judged, tag: &str) {
    assert!(!judged.leaks().iter().any(|leak| leak == tag), "{}", judged.said(tag));
}

/// A few logs taken by hand give a ranking, and it is not said that a pool does not grow if no test was made.
pub fn few_logs(judged: &Judged, worst: &str, next: &str) {
    assert!(!judged.pools().contains("does not grow"), "{}", judged.pools());
    let lines = judged.lines();
    assert_eq!(lines.iter().map(String::as_str).take(2).collect::<Vec<_>>(), [worst, next], "{lines:?}");
}

/// Growth in several jumps is not one jump, and is named.
pub fn staircase(judged: &Judged, tag: &str) {
    let said = judged.said(tag);
    assert!(!said.contains("one jump") && !said.contains("and stays"), "{said}");
    assert_eq!(judged.lines().first().map(String::as_str), Some(tag), "{:?}\n{said}", judged.lines());
}

/// Two leaks that follow the same load are two causes.
pub fn two_leaks(judged: &Judged, one: &str, other: &str) {
    assert!(!judged.group(one).iter().any(|tag| tag == other), "{:?}", judged.group(one));
}
