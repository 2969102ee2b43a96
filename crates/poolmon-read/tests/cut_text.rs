//! Texts that end in the middle, or whose lines do; lists that follow each other without a line between them; wrapped rows.
#![allow(missing_docs, reason = "a test")]

use std::fmt::Write as _;

use poolmon_model::{Counters, Sample};
use poolmon_read::{Input, ReadOptions, identify};

fn try_read(text: &str) -> Option<Vec<Sample>> {
    let input = Input::from_bytes("a.txt", text.as_bytes());
    let mut reader = (identify(&input).ok()?.open)(&input, &ReadOptions::default()).ok()?;
    let (mut samples, mut sample) = (Vec::new(), Sample::empty());
    while reader.next_into(&mut sample).ok()? {
        samples.push(sample.clone());
    }
    Some(samples)
}

fn read(text: &str) -> Vec<Sample> {
    try_read(text).expect(text)
}

fn one(text: &str) -> Sample {
    let mut samples = read(text);
    assert_eq!(samples.len(), 1, "{text}");
    samples.remove(0)
}

/// Tag and bytes of each row.
fn bytes(sample: &Sample) -> Vec<(String, Option<u64>)> {
    sample.rows.iter().map(|row| (row.tag.to_string().trim_end().to_owned(), row.counters.bytes)).collect()
}

/// The figures of a row, with those that the width of a sample decides.
fn figures(sample: &Sample, counters: &Counters) -> [Option<i128>; 5] {
    [
        counters.allocs.map(i128::from),
        counters.frees.map(i128::from),
        counters.diff(sample.width).map(i128::from),
        counters.bytes.map(i128::from),
        counters.used.map(i128::from),
    ]
}

const POOLMON: &str =
    " Tag  Type     Allocs            Frees               Diff            Bytes                 Per Alloc

 Tst1 Nonp              7000000            5000000           2000000     1234000000               617
 Tst2 Paged            43000000           42400000            600000      240000000               400
";
const POOLUSED: &str = " Sorting by NonPaged Pool Consumed

               NonPaged                  Paged
 Tag     Allocs         Used     Allocs         Used

 Tst1     50000     51200000          0            0
 Tst4        10         2560      19000     90000000
";
const CSV: &str = "Tag,Type,Allocs,Frees,Diff,Bytes
Tst1,Nonp,900000,400,899600,8636160
Tst2,Paged,9000000,4000,8996000,86361600
";
const TSV: &str = "Tag\tType\tDiff\tBytes\tFrees\tAllocs
Tst1\tNonp\t899600\t8636160\t400\t900000
Tst2\tPaged\t8996000\t86361600\t4000\t9000000
";
const SLABTOP: &str = "  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME                   
  1670   1661  98%    3.00K    167       10      5344K tst_cache              
123456 123400  99%    1.00K   7716       16    123456K other_cache            
";
const SLABINFO: &str = "slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
tst_cache          661  670   3072   10    8 : tunables    0    0    0 : slabdata   67  67      0
dentry            42000  42000    192   21    1 : tunables    0    0    0 : slabdata   2000   2000      0
";
const VMSTAT: &str = "Cache                       Num  Total   Size  Pages
tst_cache                   661    670   3072     10
dentry                    42000  42000    192     21
";
const CRASH: &str = "CACHE             OBJSIZE  ALLOCATED     TOTAL  SLABS  SSIZE  NAME
ffff888100042a00     3072        661       670     67    32k  tst_cache
ffff888100042b00      192      42000     42000   2000     4k  dentry
";
const ALLOCINFO: &str = "allocinfo - version: 1.0
#     <size>  <calls> <tag info>
        4096        1 mm/slub.c:12 func:alloc_slab_page
    86361600    20000 fs/ext4/super.c:1390 [ext4] func:ext4_alloc_inode
";
const MEMINFO: &str = "MemTotal:       16384000 kB
MemAvailable:    8000000 kB
Slab:             209032 kB
SReclaimable:     118676 kB
SUnreclaim:        90356 kB
";

#[test]
fn a_text_that_ends_anywhere_has_right_figures_or_unknown_ones() {
    for whole in [POOLMON, POOLUSED, CSV, TSV, SLABTOP, SLABINFO, VMSTAT, CRASH, ALLOCINFO, MEMINFO] {
        let right = one(whole);
        let last_line = whole.trim_end().rfind('\n').unwrap() + 1;
        for end in last_line + 1..whole.len() {
            let text = &whole[..end];
            if text.ends_with('\n') || text[last_line..].trim().is_empty() {
                continue;
            }
            // A name that may go on in the next line takes the only other row with it: an error says so.
            let Some(mut samples) = try_read(text) else {
                let fragment = text[last_line..].trim();
                assert!(whole == CRASH && !fragment.contains(' ') && fragment.len() < 8, "{text}");
                continue;
            };
            assert_eq!(samples.len(), 1, "{text}");
            let sample = samples.remove(0);
            assert!(sample.rows.len() <= right.rows.len(), "{text}");
            for row in &sample.rows {
                let of = right.rows.iter().find(|other| other.tag == row.tag && other.pool == row.pool);
                let of = of.unwrap_or_else(|| panic!("{text}: no row is called {}", row.tag));
                let read = figures(&sample, &row.counters);
                for (figure, right) in read.iter().zip(figures(&right, &of.counters)) {
                    assert!(figure.is_none() || *figure == right, "{text}: {figure:?}, not {right:?}");
                }
            }
            let header = poolmon_model::header::FIGURES.iter();
            for figure in header {
                let read = (figure.get)(&sample.header);
                assert!(
                    read.is_none() || read == (figure.get)(&right.header),
                    "{text}: {} {read:?}",
                    figure.id
                );
            }
            // Where something is missing, a remark says so; a line of one word may be anything.
            let lost = sample.rows.len() < right.rows.len()
                || sample.header != right.header
                || sample.rows.iter().any(|row| row.counters.bytes.is_none());
            let said = sample.remarks.iter().any(|remark| remark.contains("line"));
            assert!(!lost || said, "{text}: nothing was said: {:?}", sample.remarks);
        }
    }
}

#[test]
fn a_table_that_was_cut_at_a_column_has_right_figures_or_unknown_ones() {
    let rows = [
        ("Tst1", "Nonp", 900_000_u64, 400_u64, 9216),
        ("Tst2", "Paged", 9000, 4000, 96),
        ("Tst3", "Nonp", 123_456_789, 120_000_000, 512),
        ("Tst4", "Nonp", 77, 5, 1_048_576),
        ("Tst5", "Paged", 4_000_000, 2_000_001, 640),
    ];
    for separator in [',', ';', '\t'] {
        let mut whole = String::from("Tag,Type,Allocs,Frees,Diff,Bytes,PerAlloc\n");
        for (tag, pool, allocs, frees, each) in rows {
            let diff = allocs - frees;
            let _ = writeln!(whole, "{tag},{pool},{allocs},{frees},{diff},{},{each}", diff * each);
        }
        let whole = whole.replace(',', &separator.to_string());
        let right = one(&whole);
        for width in 12..70 {
            let lines: Vec<&str> = whole.lines().map(|line| &line[..width.min(line.len())]).collect();
            let text = lines.join("\n") + "\n";
            for sample in try_read(&text).into_iter().flatten() {
                for row in &sample.rows {
                    let of = right.rows.iter().find(|other| other.key() == row.key()).expect(&text);
                    let read = figures(&sample, &row.counters);
                    for (figure, right) in read.iter().zip(figures(&right, &of.counters)) {
                        assert!(
                            figure.is_none() || *figure == right,
                            "{width}: {text}: {figure:?}, not {right:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_name_that_ends_with_blanks_does_not_go_on() {
    let text = "  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME                   
  1670   1661  98%    3.00K    167       10      5344K tst_cache              
123456";
    let sample = one(text);
    assert_eq!(bytes(&sample), [("tst_cache".to_owned(), Some(5344 << 10))]);
    assert!(sample.remarks.iter().any(|remark| remark.contains("line 3 (`123456`)")), "{:?}", sample.remarks);
}

#[test]
fn snapshots_without_a_line_between_them_are_several() {
    let row = |tag: &str, allocs: u64| {
        format!(
            " {tag} Nonp         {allocs:>10}                  0        {allocs:>10}     {:>10}               617\n",
            allocs * 617
        )
    };
    let titles = " Tag  Type     Allocs            Frees               Diff            Bytes                 Per Alloc\n\n";
    let mut log = titles.to_owned();
    for sample in 0..3 {
        // The second row never changes.
        log += &(row("Tst1", 7000 + sample) + &row("Tst2", 50) + &row("Tst3", 60 + sample));
    }
    let samples = read(&log);
    assert_eq!(samples.len(), 3);
    for (number, sample) in (0..).zip(&samples) {
        assert_eq!(sample.rows.len(), 3);
        assert_eq!(sample.rows[0].counters.allocs, Some(7000 + number));
    }
    // A row that somebody pasted twice is one.
    let sample =
        one(&(titles.to_owned() + &row("Tst1", 7) + &row("Tst2", 8) + &row("Tst2", 8) + &row("Tst3", 9)));
    assert_eq!(sample.rows.len(), 3);
    assert!(
        sample.remarks.iter().any(|remark| remark.contains("twice: it is counted once: line 5")),
        "{:?}",
        sample.remarks
    );
}

#[test]
fn a_tag_that_few_rows_repeat_is_added_and_most_rows_that_come_again_are_a_sample() {
    let sample =
        one("Tag,Type,Allocs,Frees,Diff,Bytes\nTst1,Nonp,900,400,500,64000\nTst2,Nonp,900,400,500,64000\n\
        Tst3,Nonp,900,400,500,64000\nTst2,Nonp,100,40,60,6400\nTst4,Paged,900,400,500,64000\n");
    assert_eq!(sample.rows.len(), 4);
    assert_eq!(figures(&sample, &sample.rows[1].counters)[..4], [1000, 440, 560, 70_400].map(Some));
    assert!(
        sample
            .remarks
            .iter()
            .any(|remark| remark.contains("listed already") && remark.contains("line 5 (`Tst2,Nonp")),
        "{:?}",
        sample.remarks
    );
    let samples = read("Tag,Type,Bytes\nTst1,Nonp,900\nTst2,Nonp,800\nTst2,Nonp,1800\nTst1,Nonp,1000\n");
    assert_eq!(samples.len(), 2);
    assert_eq!(samples[1].rows.len(), 2);
}

#[test]
fn rows_that_were_wrapped_at_a_blank_are_joined() {
    let text = " Tag  Type     Allocs            Frees               Diff
Bytes                 Per Alloc

 Tst1 Paged             7000000            5000000           2000000
1234000000               617
 Tst2 Nonp             43000000           42400000            600000
240000000               400
 Tst3 Nonp                  600                200               400
80000               200
";
    let named = |rows: &[(&str, u64)]| {
        rows.iter().map(|(tag, bytes)| ((*tag).to_owned(), Some(*bytes))).collect::<Vec<_>>()
    };
    let expected = named(&[("Tst1", 1_234_000_000), ("Tst2", 240_000_000), ("Tst3", 80_000)]);
    assert_eq!(bytes(&one(text)), expected);
    // Inside of a change in brackets.
    let text = " Tag  Type     Allocs            Frees            Diff   Bytes       Per
 Alloc

 Tst1 Nonp     7000000 (   3)    5000000 (   1)  2000000 1234567680 (   
-64)    617
 Tst2 Paged   43000000 (   3)   42400000 (   1)   600000  240000000 (   
-64)    400
";
    let sample = one(text);
    assert_eq!(bytes(&sample), named(&[("Tst1", 1_234_567_680), ("Tst2", 240_000_000)]));
    assert!(sample.rows.iter().all(|row| row.reported_owner.is_none()));
    assert_eq!(sample.reported_deltas[0].bytes, Some(-64));
    // Descriptions of WinDbg.
    let text = POOLUSED.replace(
        "          0            0\n",
        "          0            0\tUNKNOWN pooltag\n'Tst1', please update pooltag.txt\n",
    );
    let text = text.trim_end().to_owned() + "\tTest hives ,\nBinary: test.sys\n";
    let sample = one(&text);
    let owners: Vec<_> = sample.rows.iter().map(|row| row.reported_owner.as_deref()).collect();
    assert_eq!(owners, [None, Some("[test.sys - Test hives]"), Some("[test.sys - Test hives]")]);
    assert!(!sample.remarks.iter().any(|remark| remark.contains("understood")), "{:?}", sample.remarks);
}

#[test]
fn dates_without_a_time_and_messages_of_the_shell_are_reported() {
    let text = ["2026-03-13\n", POOLMON].concat();
    let sample = one(&text);
    assert!(
        sample
            .remarks
            .iter()
            .any(|remark| remark.contains("no time of day, and is not used: line 1 (`2026-03-13`)")),
        "{:?}",
        sample.remarks
    );
    let text = [
        POOLMON,
        "poolmon.exe is not recognized as an internal or external command,\n",
        "C:\\tools> poolmon.exe -b -n a.txt\n",
    ]
    .concat();
    let sample = one(&text);
    assert!(
        sample
            .remarks
            .iter()
            .any(|remark| remark.contains("1 line was not understood and was skipped: line 5")),
        "{:?}",
        sample.remarks
    );
    let sample = one(&[SLABINFO, "root@host:~#\nroot@host:~# date -x\n"].concat());
    assert!(
        sample.remarks.iter().any(|remark| remark.contains("line 5 (`root@host:~#`)")),
        "{:?}",
        sample.remarks
    );
}
