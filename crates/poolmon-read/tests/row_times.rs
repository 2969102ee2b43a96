//! Lists without a header between them whose rows carry a time each.
#![allow(missing_docs, reason = "a test")]

use poolmon_model::Sample;
use poolmon_read::{Input, ReadOptions, identify};

/// Each sample's time, and its rows' names and bytes.
fn read(text: &str) -> Vec<(String, Vec<(String, u64)>)> {
    let input = Input::from_bytes("a.txt", text.as_bytes().to_vec());
    let mut reader = (identify(&input).unwrap().open)(&input, &ReadOptions::default()).unwrap();
    let (mut samples, mut sample) = (Vec::new(), Sample::empty());
    while reader.next_into(&mut sample).unwrap() {
        let rows = sample.rows.iter().map(|row| (row.tag.to_string(), row.counters.bytes.unwrap())).collect();
        samples.push((sample.time.unwrap().to_string(), rows));
    }
    samples
}

/// The second of three lists has a row more, which comes first. `step`: seconds between them.
fn text(
    step: u64,
    front: impl Fn(u64) -> String,
    titles: &[&str],
    row: impl Fn(&str, u64) -> String,
) -> String {
    let mut text: String = titles.iter().map(|line| front(0) + line + "\n").collect();
    for list in 0..3 {
        for (name, pages) in [("added", 7), ("grows", 10 + list), ("stays", 5)] {
            if name != "added" || (list == 1 && step > 2) {
                text += &(front(list * step) + &row(name, pages) + "\n");
            }
        }
    }
    text
}

fn expected(step: u64, name: impl Fn(&str) -> String) -> Vec<(String, Vec<(String, u64)>)> {
    let list = |list: u64| {
        let added = (list == 1 && step > 2).then_some(("added", 7));
        let rows = added.into_iter().chain([("grows", 10 + list), ("stays", 5)]);
        let seconds = 1_781_078_400 + i64::try_from(list * step).unwrap();
        let time = jiff::Timestamp::from_second(seconds);
        (time.unwrap().to_string(), rows.map(|(tag, pages)| (name(tag), pages * 4096)).collect())
    };
    (0..3).map(list).collect()
}

/// What scripts and `ts` put in front of a line.
fn fronts() -> [fn(u64) -> String; 5] {
    fn clock(seconds: u64) -> String {
        format!("{:02}:{:02}:{:02}", 8 + seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
    [
        |seconds| format!("2026-06-10 {} ", clock(seconds)),
        |seconds| format!("2026-06-10T{}+00:00 ", clock(seconds)),
        |seconds| format!("Wed Jun 10 {} UTC 2026 ", clock(seconds)),
        |seconds| format!("2026-06-10 {}: ", clock(seconds)),
        |seconds| format!("{} ", 1_781_078_400 + seconds),
    ]
}

const SLABINFO: [&str; 2] = [
    "slabinfo - version: 2.1",
    "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>",
];

#[test]
fn caches_are_never_added_up() {
    let slab = |name: &str, pages: u64| {
        format!("{name} {pages} {pages} 4096 1 1 : tunables 0 0 0 : slabdata {pages} {pages} 0")
    };
    for (number, front) in fronts().into_iter().enumerate() {
        for step in [1, 5, 300, 3600] {
            for titles in [&SLABINFO[..], &[]] {
                assert_eq!(
                    read(&text(step, front, titles, slab)),
                    expected(step, str::to_owned),
                    "front {number}, every {step} s, {} lines of titles",
                    titles.len()
                );
            }
        }
        let vmstat = |name: &str, pages: u64| format!("{name}  {pages}  {pages}  4096  1");
        for step in [1, 5, 300] {
            let titles = "Cache                       Num  Total   Size  Pages";
            let once = text(step, front, &[titles], vmstat);
            assert_eq!(read(&once), expected(step, str::to_owned), "front {number}, every {step} s, vmstat");
        }
    }
}

#[test]
fn a_log_with_its_column_line_once() {
    let titles = " Tag  Type     Allocs            Frees            Diff   Bytes       Per Alloc";
    let tag = |name: &str| name[..4].to_owned();
    let row = |name: &str, pages: u64| {
        format!(
            " {} Nonp {:>10} {:>10} {:>10} {:>10} {:>10}",
            tag(name),
            pages + 3,
            3,
            pages,
            pages * 4096,
            4096
        )
    };
    for (number, front) in fronts().into_iter().enumerate() {
        for step in [1, 5, 300] {
            let once = text(step, front, &[titles], row);
            assert_eq!(read(&once), expected(step, tag), "front {number}, every {step} s");
        }
    }
}

#[test]
fn a_clock_that_ticks_within_a_list_does_not_end_it() {
    let front = fronts()[0];
    let mut text = String::new();
    for list in 0..2 {
        let at = list * 60;
        for line in SLABINFO {
            text += &(front(at) + line + "\n");
        }
        for (later, name) in [(0, "one"), (1, "two"), (2, "three")] {
            text += &(front(at + later) + name + " 9 9 4096 1 1 : tunables 0 0 0 : slabdata 9 9 0\n");
        }
    }
    assert_eq!(read(&text).iter().map(|(_, rows)| rows.len()).collect::<Vec<_>>(), [3, 3]);
}

#[test]
fn headers_separate_lists_that_have_them() {
    // Longer than what is looked at before reading, with a pause within each list.
    let rows = |text: &str| read(text).iter().map(|(_, rows)| rows.len()).collect::<Vec<_>>();
    let front = fronts()[0];
    let titles = " Tag  Type     Allocs            Frees            Diff   Bytes       Per Alloc";
    let (mut caches, mut tags) = (String::new(), String::new());
    for list in 0..4 {
        caches += &SLABINFO.map(|line| front(list * 300) + line + "\n").concat();
        tags += &(front(list * 300) + titles + "\n");
        for row in 0..4000 {
            let front = front(list * 300 + row / 2000 * 10);
            let cache = format!("{front}cache_{row:04} 9 9 4096 1 1 : tunables 0 0 0 : slabdata 9 9 0\n");
            let tag =
                format!("{front} {row:04} Nonp {:>10} {:>10} {:>10} {:>10} {:>10}\n", 12, 3, 9, 36_864, 4096);
            caches += &cache;
            tags += &tag;
        }
    }
    for text in [caches, tags] {
        assert!(rows(&text).ends_with(&[4000, 4000, 4000]), "{:?}", rows(&text));
    }
}
