//! Slab caches: what the kernel can shrink is no leak, makes no cause graver, and uses up nothing.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_leak::{Analysis, AnalysisConfig, Report, Verdict, VerdictKind};
use poolmon_model::{CounterWidth, Counters, Origin, Pool, Row, Sample, SourceKind, Tag};

const START: i64 = 1_772_409_600;

/// Ten minutes are seldom enough to be certain.
const NAMED: [VerdictKind; 2] = [VerdictKind::Leaking, VerdictKind::Suspected];

/// Ten minutes at a second: for each cache (name, pool, size of an object, objects at first, more of them a second).
fn ten_minutes(caches: &[(&str, Pool, u64, u64, u64)]) -> Report {
    let pools = [Pool::Reclaimable, Pool::Unreclaimable];
    let origin = Origin { boot: Some("one".into()), ..Origin::new(SourceKind::Linux, &pools) };
    let mut analysis = Analysis::new(AnalysisConfig::default());
    let mut sample = Sample::new(origin.into(), CounterWidth::Bits64);
    for n in 0..=600_u64 {
        sample.time = Timestamp::from_second(START + n.cast_signed()).ok();
        let row = |&(name, pool, size, first, more): &(&str, Pool, u64, u64, u64)| {
            let objects = first + more * n;
            let counters = Counters {
                reported_diff: Some(objects.cast_signed()),
                bytes: Some(objects * size),
                used: Some(objects * size),
                ..Counters::default()
            };
            Row { tag: Tag::name(name), pool, counters, reported_owner: None }
        };
        sample.rows = caches.iter().map(row).collect();
        sample.header.commit = Some(10_000_000_000);
        sample.header.commit_limit = Some(10_001_000_000);
        sample.header.memory_available = Some(20_000_000_000);
        analysis.push(&sample);
    }
    analysis.report()
}

fn of<'a>(report: &'a Report, tag: &str) -> &'a Verdict {
    report.verdicts.iter().find(|verdict| verdict.tag == Tag::name(tag)).expect("the tag is there")
}

/// As seen on Linux 6.18: the search through /proc makes eight inodes for each file that is held.
#[test]
fn what_can_be_shrunk_makes_no_cause_graver() {
    let report = ten_minutes(&[
        ("UDP", Pool::Unreclaimable, 1344, 40, 101),
        ("sock_inode_cache", Pool::Reclaimable, 832, 200, 101),
        ("filp", Pool::Unreclaimable, 192, 700, 130),
        ("proc_inode_cache", Pool::Reclaimable, 704, 9000, 1040),
        ("kmalloc-8k", Pool::Unreclaimable, 8192, 40, 0),
    ]);
    let named: Vec<String> =
        report.ranked(&NAMED, |_| true).into_iter().map(|cause| cause.tag.to_string()).collect();
    assert_eq!(named, ["UDP", "filp"], "{:?}", report.groups);
    assert_ne!(of(&report, "proc_inode_cache").kind, VerdictKind::Leaking);
    assert_eq!(of(&report, "filp").group, of(&report, "proc_inode_cache").group, "they are in lockstep");
    let group = report.group_of(of(&report, "filp")).unwrap();
    assert!((group.bytes_per_hour - 130.0 * 192.0 * 3600.0).abs() < 1e3, "{group:?}");
}

/// As seen on Linux 6.18 beside a message queue: for each slab of 64 messages, one object of 512 bytes, and no other cause.
#[test]
fn what_the_kernel_keeps_to_charge_a_slab_is_no_cause_of_its_own() {
    let leak = ("msg_msg-64", Pool::Unreclaimable, 64, 100, 64_000);
    let group = |size, more| {
        let charge = ("kmalloc-512", Pool::Unreclaimable, size, 900, more);
        let report = ten_minutes(&[leak, charge, ("kmalloc-8k", Pool::Unreclaimable, 8192, 40, 0)]);
        let causes = report.ranked(&NAMED, |_| true).len();
        let charged = of(&report, "kmalloc-512").group;
        (charged.is_some() && charged == of(&report, "msg_msg-64").group, causes)
    };
    assert_eq!(group(512, 1000).1, 1);
    assert!(group(512, 1000).0);
    // A count that fits none, and objects of another size.
    for (size, more) in [(512, 1740), (512, 2500), (4096, 1000), (64, 1000)] {
        assert!(!group(size, more).0, "{size} {more}");
    }
}

/// No commit is charged for the kernel's own memory, so that the end comes with the memory that is available.
#[test]
fn the_end_is_that_of_available_memory() {
    let report = ten_minutes(&[
        ("UDP", Pool::Unreclaimable, 1344, 40, 100),
        ("sock_inode_cache", Pool::Reclaimable, 832, 200, 100),
        ("ext4_inode_cache", Pool::Reclaimable, 1144, 9000, 37),
    ]);
    let hours = 20e9 / (1344.0 * 100.0 * 3600.0);
    let end = of(&report, "UDP").exhaustion.expect("an end");
    assert!((end.hours / hours - 1.0).abs() < 0.01, "{end:?}");
    let sentence = of(&report, "UDP").sentence(&TimeZone::UTC);
    assert!(sentence.contains("at this rate, memory runs out in 41 h"), "{sentence}");
    assert_eq!(of(&report, "ext4_inode_cache").exhaustion, None, "the kernel shrinks it before");
}

/// Each slab of 21 dentries has a vector of 168 bytes.
#[test]
fn bookkeeping_of_slabs_is_no_leak_of_its_own() {
    let dentries = ("dentry", Pool::Reclaimable, 192, 9000, 1050);
    let vectors = ("kmalloc-192", Pool::Unreclaimable, 192, 400, 50);
    let report = ten_minutes(&[dentries, vectors, ("mystery_cache", Pool::Unreclaimable, 192, 400, 50)]);
    assert_eq!(of(&report, "kmalloc-192").kind, VerdictKind::Growing);
    assert!(of(&report, "kmalloc-192").reasons[0].contains("bookkeeping"));
    assert!(NAMED.contains(&of(&report, "mystery_cache").kind));
    // More than that, or with nothing beside that grows.
    let more = ten_minutes(&[dentries, ("kmalloc-192", Pool::Unreclaimable, 192, 400, 150)]);
    assert!(NAMED.contains(&of(&more, "kmalloc-192").kind));
    assert!(NAMED.contains(&of(&ten_minutes(&[vectors]), "kmalloc-192").kind));
}

#[test]
fn parts_of_inodes_go_with_the_inodes() {
    let report = ten_minutes(&[
        ("ext4_inode_cache", Pool::Reclaimable, 1144, 9000, 1000),
        ("lsm_inode_cache", Pool::Unreclaimable, 32, 9000, 1000),
        ("mystery_cache", Pool::Unreclaimable, 32, 9000, 700),
    ]);
    let part = of(&report, "lsm_inode_cache");
    assert_eq!(part.kind, VerdictKind::Growing, "{part:?}");
    assert!(part.reasons[0].starts_with("part of each inode"), "{:?}", part.reasons);
    assert!(NAMED.contains(&of(&report, "mystery_cache").kind), "of others nothing is known");
}

/// One call site always fills the same copy of a cache that is spread at random.
#[test]
fn one_copy_that_grows_is_one_call_site() {
    let copy = |name, more| (name, Pool::Unreclaimable, 64, 1000, more);
    let report = ten_minutes(&[
        copy("kmalloc-rnd-05-64", 1000),
        copy("kmalloc-rnd-06-64", 0),
        copy("kmalloc-rnd-01-2k", 700),
        copy("kmalloc-rnd-02-2k", 900),
        copy("kmalloc-64", 800),
    ]);
    let last = |tag| of(&report, tag).reasons.last().map(String::as_str);
    assert_eq!(
        last("kmalloc-rnd-05-64"),
        Some("1 of 16 copies of kmalloc-64 grows: one call site of the kernel")
    );
    let two = Some("2 of 16 copies of kmalloc-2k grow: at least 2 call sites of the kernel");
    assert_eq!((last("kmalloc-rnd-01-2k"), last("kmalloc-rnd-02-2k")), (two, two));
    assert!(!of(&report, "kmalloc-64").reasons.iter().any(|reason| reason.contains("copies")));
    assert!(!of(&report, "kmalloc-rnd-06-64").reasons.iter().any(|reason| reason.contains("copies")));
}
