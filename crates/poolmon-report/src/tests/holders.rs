//! Rows that grow beside a process that grows.

use std::collections::HashMap;

use jiff::Timestamp;
use poolmon_holder::{Answer, Census, Counts, Entry, History, Holder, HolderId, Kind};
use poolmon_leak::{Analysis, OwnerHint, VerdictKind};
use poolmon_model::{CacheMaker, CounterWidth, Counters, Key, Origin, Pool, Row, Sample, SourceKind, Tag};
use poolmon_owner::linux::MergedCaches;

use crate::{AnalysedSeries, main_holder};

/// Two minutes in which a process takes 50 files and sockets a second.
fn judged(merged: &MergedCaches) -> AnalysedSeries {
    let pools = [Pool::Unreclaimable, Pool::Reclaimable];
    let mut analysis = Analysis::new(AnalysedSeries::config());
    let mut history = History::default();
    let rows = [
        ("signal_cache", Pool::Unreclaimable, 1152),
        ("sock_inode_cache", Pool::Reclaimable, 832),
        ("leakmod_objects", Pool::Unreclaimable, 256),
        ("dentry", Pool::Reclaimable, 192),
        ("steady", Pool::Unreclaimable, 64),
    ];
    for second in 0..120_u64 {
        let origin = Origin::new(SourceKind::Linux, &pools);
        let mut sample = Sample::new(origin.into(), CounterWidth::Bits64);
        sample.time = Timestamp::from_second(1_800_000_000 + second.cast_signed()).ok();
        sample.rows.extend(rows.map(|(name, pool, size)| {
            let objects = match name {
                "steady" => 500,
                // Of the cache of directory entries, no holder here is known to grow so fast.
                "dentry" => 40_000 + 500 * second,
                "leakmod_objects" => 1_000 + 77 * second,
                _ => 2_000 + 50 * second,
            };
            let reported_diff = i64::try_from(objects).ok();
            let bytes = Some(objects * size);
            let counters = Counters { reported_diff, bytes, used: bytes, ..Counters::default() };
            Row { tag: Tag::name(name), pool, counters, reported_owner: None }
        }));
        analysis.push(&sample);
        let mut counts = Counts::default();
        counts.set(Kind::Unix, 50 * second);
        counts.set(Kind::Socket, 50 * second);
        let holder = Holder { id: HolderId::Process { pid: 4788, start: 1 }, name: "python3".into() };
        let entries = vec![Entry { holder, group: None, counts }];
        history.push(second as f64, &Census { entries, ..Census::default() });
    }
    series(analysis, &history, merged)
}

/// What is said of an analysis and the holders that were counted beside it.
fn series(analysis: Analysis, history: &History, merged: &MergedCaches) -> AnalysedSeries {
    let report = analysis.report_with(&|_, _| None, &main_holder(&analysis, history, merged));
    AnalysedSeries {
        source: AnalysedSeries::THIS_MACHINE.into(),
        host: None,
        system: None,
        span: None,
        needs: analysis.needs(),
        report,
        perfmon: None,
        analysis,
        last: Sample::empty(),
        holders: HashMap::default(),
    }
    .with_holders(history, merged)
    .with_merged(merged)
}

#[test]
fn a_row_says_who_holds_it_first() {
    let names = ["signal_cache", "UNIX", "UNIX-STREAM"].map(str::to_owned).to_vec();
    let merged_names = MergedCaches::new([names]);
    let judged_again = judged;
    let judged = judged(&merged_names);
    let verdict = |name: &str| {
        judged.report.verdicts.iter().find(|verdict| verdict.tag == Tag::name(name)).expect("a verdict")
    };
    let holder = "python3 (pid 4788) holds 5,950 UNIX sockets, +50/s, in step with UNIX: explains 100 % (100–100) of its growth";
    let row = verdict("signal_cache");
    assert!(row.kind.rises(), "{row:?}");
    assert_eq!(row.reasons[0], holder);
    assert_eq!(judged.fitting(row), Some("UNIX"));
    let merged: Vec<_> = row.reasons.iter().filter(|reason| reason.contains("in one cache with")).collect();
    assert!(
        merged[0].starts_with("by what holds them, these are objects of UNIX; the kernel keeps"),
        "{merged:?}"
    );

    let lines = crate::words::lockstep(&judged.report, verdict("sock_inode_cache"));
    assert!(lines[0].contains("UNIX (listed as signal_cache) "), "{lines:?}");

    let hint = |tag: &Tag, _| Some(OwnerHint { driver: format!("owner of {tag}"), third_party: false });
    let owned = judged_again(&merged_names).with_owners(hint);
    let used_by = |name: &str| {
        let row =
            owned.report.verdicts.iter().find(|verdict| verdict.tag == Tag::name(name)).expect("a verdict");
        row.owner.clone()
    };
    assert_eq!(used_by("signal_cache").as_deref(), Some("owner of UNIX"), "not that of the name in the list");
    assert_eq!(used_by("sock_inode_cache"), None, "as it was");

    let sockets = verdict("sock_inode_cache");
    assert!(sockets.reasons[0].starts_with("python3 (pid 4788) holds 5,950 sockets (growing: UNIX sockets)"));
    let shrinkable = |row: &poolmon_leak::Verdict| {
        row.reasons.iter().any(|reason| reason.contains("can shrink this cache"))
    };
    assert!(!shrinkable(sockets), "what is held cannot be shrunk: {:?}", sockets.reasons);

    let module = verdict("leakmod_objects");
    // What lives in a cache that nobody knows may be held by something that is not counted.
    assert_eq!(module.reasons[0], "no holder's descriptors, threads, mappings or locks grow in step with it");
    let key = Key { tag: module.tag.clone(), pool: module.pool };
    assert!(matches!(judged.holders.get(&key), Some(Answer::Nobody(_))));
    // What the kernel caches belongs to no process, which is no accusation.
    let entries = verdict("dentry");
    assert!(entries.kind.rises() && shrinkable(entries), "{entries:?}");
    assert!(entries.reasons.iter().all(|reason| !reason.contains("held by")), "{:?}", entries.reasons);
    assert_eq!(verdict("steady").kind, VerdictKind::Steady);
    assert_eq!(judged.holders.len(), 3);
}

/// What no process holds is the module's that made the cache, under the name that it gave, whatever name the kernel lists.
#[test]
fn a_merged_cache_that_no_process_holds_is_the_modules() {
    let names = ["leakmod_objects", "mine_item", "other"].map(str::to_owned).to_vec();
    let maker = CacheMaker { cache: "mine_item".into(), module: "mine".into(), loaded: 7 };
    let judged = judged(&MergedCaches::new([names]).made_by([maker]));
    let rows = &judged.report.verdicts;
    let row = rows.iter().find(|verdict| verdict.tag == Tag::name("leakmod_objects")).expect("a verdict");
    let sentence = &row.reasons[0];
    assert!(sentence.starts_with("its growth is held by no process: "), "{sentence}");
    assert!(
        sentence.ends_with("; mine allocates it: mine_item was made when that module was loaded"),
        "{sentence}"
    );
    assert_eq!(judged.fitting(row), Some("mine_item"));
    let owned = judged.with_owners(|_, _| panic!("the module is known"));
    let row = owned
        .report
        .verdicts
        .iter()
        .find(|verdict| verdict.tag == Tag::name("leakmod_objects"))
        .expect("a verdict");
    assert_eq!(row.owner.as_deref(), Some("mine"));
    let shared = row.reasons.iter().find(|reason| reason.contains("in one cache with")).expect("shared");
    assert!(
        shared.starts_with("by the module that was loaded last, these are objects of mine_item; "),
        "{shared}"
    );
}

/// Sockets that many processes hold, none of which grows as the row does: not one of them is named, and the cache is not called
/// shrinkable either.
#[test]
fn what_is_held_is_not_called_shrinkable_though_no_holder_is_named() {
    for (each, is_pinned) in [(400_u64, true), (60, false)] {
        let origin = || Origin::new(SourceKind::Linux, &[Pool::Reclaimable]);
        let (mut analysis, mut history) = (Analysis::new(AnalysedSeries::config()), History::default());
        for second in 0..120_u64 {
            let mut sample = Sample::new(origin().into(), CounterWidth::Bits64);
            sample.time = Timestamp::from_second(1_800_000_000 + second.cast_signed()).ok();
            let objects = 4_000 + 50 * second;
            let bytes = Some(objects * 832);
            let reported_diff = i64::try_from(objects).ok();
            let counters = Counters { reported_diff, bytes, used: bytes, ..Counters::default() };
            let tag = Tag::name("sock_inode_cache");
            sample.rows.push(Row { tag, pool: Pool::Reclaimable, counters, reported_owner: None });
            analysis.push(&sample);
            let entry = |pid: u32| {
                let mut counts = Counts::default();
                counts.set(Kind::Socket, each);
                let holder = Holder { id: HolderId::Process { pid, start: 1 }, name: "many".into() };
                Entry { holder, group: None, counts }
            };
            history
                .push(second as f64, &Census { entries: (1..=20).map(entry).collect(), ..Census::default() });
        }
        let mut report = analysis.report();
        super::super::name_holders(&mut report, &analysis, &history, &MergedCaches::default());
        let reasons = &report.verdicts[0].reasons;
        let said =
            "80 % of its objects are held (8,000 of 9,950, most by sockets): the kernel cannot free those";
        assert_eq!(reasons.iter().any(|reason| reason == said), is_pinned, "{reasons:?}");
        let shrinks = reasons.iter().any(|reason| reason.contains("can shrink this cache"));
        assert_eq!(shrinks, !is_pinned, "{reasons:?}");
    }
}

/// Two minutes in which one process takes 50 TCP sockets a second, and another one (or the same) 100 locks.
fn two_leaks(pids: [u32; 2]) -> AnalysedSeries {
    let names = ["file_lock_cache", "skbuff_ext_cache", "xsk_generic_xmit_cache"].map(str::to_owned);
    let merged = MergedCaches::new([names.to_vec()]);
    let (mut analysis, mut history) = (Analysis::new(AnalysedSeries::config()), History::default());
    for second in 0..120_u64 {
        let mut sample =
            Sample::new(Origin::new(SourceKind::Linux, &[Pool::Unreclaimable]).into(), CounterWidth::Bits64);
        sample.time = Timestamp::from_second(1_800_000_000 + second.cast_signed()).ok();
        let rows = [("TCP", 2_000, 50, 2_496), ("file_lock_cache", 1_000, 100, 192)];
        sample.rows.extend(rows.map(|(name, held, rate, size)| {
            let objects = held + rate * second;
            let bytes = Some(objects * size);
            let reported_diff = i64::try_from(objects).ok();
            let counters = Counters { reported_diff, bytes, used: bytes, ..Counters::default() };
            Row { tag: Tag::name(name), pool: Pool::Unreclaimable, counters, reported_owner: None }
        }));
        analysis.push(&sample);
        let mut entries: Vec<Entry> = Vec::new();
        for (pid, (kind, rate)) in pids.into_iter().zip([(Kind::Tcp, 50), (Kind::PosixLock, 100)]) {
            let id = HolderId::Process { pid, start: 1 };
            let at = entries.iter().position(|entry| entry.holder.id == id).unwrap_or_else(|| {
                let holder = Holder { id, name: "python3".into() };
                entries.push(Entry { holder, group: None, counts: Counts::default() });
                entries.len() - 1
            });
            entries[at].counts.set(kind, rate * second);
        }
        history.push(second as f64, &Census { entries, ..Census::default() });
    }
    series(analysis, &history, &merged)
}

/// Files that two processes open are no cause of the locks that one of them takes on its own, though they grow by a whole multiple.
#[test]
fn a_row_of_two_holders_is_not_one_cause_with_the_row_of_one() {
    let (mut analysis, mut history) = (Analysis::new(AnalysedSeries::config()), History::default());
    for second in 0..120_u64 {
        let mut sample =
            Sample::new(Origin::new(SourceKind::Linux, &[Pool::Unreclaimable]).into(), CounterWidth::Bits64);
        sample.time = Timestamp::from_second(1_800_000_000 + second.cast_signed()).ok();
        sample.rows.extend([("filp", 150, 192), ("file_lock_cache", 75, 192)].map(|(name, rate, size)| {
            let objects = 1_000 + rate * second;
            let bytes = Some(objects * size);
            let reported_diff = i64::try_from(objects).ok();
            let counters = Counters { reported_diff, bytes, used: bytes, ..Counters::default() };
            Row { tag: Tag::name(name), pool: Pool::Unreclaimable, counters, reported_owner: None }
        }));
        analysis.push(&sample);
        let entry = |pid, locks: u64| {
            let mut counts = Counts::default();
            counts.set(Kind::Descriptor, 75 * second);
            counts.set(Kind::PosixLock, locks);
            let holder = Holder { id: HolderId::Process { pid, start: 1 }, name: "python3".into() };
            Entry { holder, group: None, counts }
        };
        let entries = vec![entry(7, 0), entry(8, 75 * second)];
        history.push(second as f64, &Census { entries, ..Census::default() });
    }
    let judged = series(analysis, &history, &MergedCaches::default());
    assert!(judged.report.groups.is_empty(), "{:?}", judged.report.groups);
    let locks = judged.report.verdicts.iter().find(|row| row.tag == Tag::name("file_lock_cache")).unwrap();
    assert!(locks.reasons[0].starts_with("python3 (pid 8) holds "), "{:?}", locks.reasons);
}

/// Two leaks are as steady as each other. If two processes hold them, they are two causes, and each says whose it is.
#[test]
fn rows_of_different_holders_are_different_causes() {
    let judged = two_leaks([4602, 4603]);
    assert!(judged.report.groups.is_empty(), "{:?}", judged.report.groups);
    for (name, pid) in [("TCP", 4602), ("file_lock_cache", 4603)] {
        let row = judged.report.verdicts.iter().find(|row| row.tag == Tag::name(name)).expect("a verdict");
        assert!(row.reasons[0].starts_with(&format!("python3 (pid {pid}) holds ")), "{:?}", row.reasons);
    }
    let causes = judged.report.ranked(&[judged.report.verdicts[0].kind], |_| true);
    assert_eq!(causes.len(), 2, "{causes:?}");
}

/// Of what one process holds, the steps still show one cause; but what its rows are called is what it holds, not what grows beside.
#[test]
fn what_holds_a_row_names_it_before_what_grows_in_lockstep() {
    let judged = two_leaks([4602, 4602]);
    assert_eq!(judged.report.groups.len(), 1, "one cause");
    let row = judged.report.verdicts.iter().find(|row| row.tag == Tag::name("file_lock_cache"));
    let reasons = &row.expect("a verdict").reasons;
    assert!(reasons[0].contains("POSIX locks"), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.starts_with("the kernel keeps file_lock_cache in one cache")));
    assert!(reasons.iter().all(|reason| !reason.contains("skbuff_ext_cache;")), "{reasons:?}");
}
