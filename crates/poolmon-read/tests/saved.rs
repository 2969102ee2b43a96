//! Saved texts: what their lists leave out, where their times are, and figures at the edge of a line.
#![allow(missing_docs, reason = "a test")]

use poolmon_model::{Pool, Sample};
use poolmon_read::{Input, ReadOptions, identify};

fn read(text: impl Into<Vec<u8>>) -> Vec<Sample> {
    let input = Input::from_bytes("log", text.into());
    let mut reader = (identify(&input).unwrap().open)(&input, &ReadOptions::default()).unwrap();
    let (mut samples, mut sample) = (Vec::new(), Sample::empty());
    while reader.next_into(&mut sample).unwrap() {
        samples.push(sample.clone());
    }
    samples
}

const TITLES: &str = " Tag  Type     Allocs            Frees               Diff            Bytes                 Per Alloc\n\n";

fn row(tag: &str, live: u64, bytes: u64) -> String {
    format!(" {tag:<4} Nonp {live:>18}{:>19}{live:>18}{bytes:>15}{:>17}        \n", 0, bytes / live)
}

fn times(samples: &[Sample]) -> Vec<Option<String>> {
    samples.iter().map(|sample| sample.time.map(|time| time.to_string())).collect()
}

fn said(samples: &[Sample], what: &str) -> bool {
    samples.iter().any(|sample| sample.remarks.iter().any(|remark| remark.contains(what)))
}

#[test]
fn lists_of_other_tags_in_turn_say_nothing_of_the_rest() {
    let list = |minute: u64, tag: &str, live| {
        format!("2026-03-01 10:{minute:02}:00\n{TITLES}{}", row(tag, live, live * 64))
    };
    let text: String =
        (0..6).map(|at| list(at, if at % 2 == 0 { "Tst1" } else { "Tst2" }, 10 + at)).collect();
    let samples = read(text);
    assert_eq!(samples.len(), 6);
    assert!(samples.iter().all(|sample| sample.coverage.is_partial()));
    assert!(said(&samples, "leaves others out"));
}

#[test]
fn a_tag_that_is_new_leaves_nothing_out() {
    let old = row("Tst1", 1000, 99_000_000) + &row("Tst2", 1000, 98_000_000);
    let text = format!(
        "2026-03-01 10:00:00\n{TITLES}{old}2026-03-01 10:01:00\n{TITLES}{old}{}",
        row("Tst3", 9, 90_000)
    );
    assert!(!said(&read(text), "leaves others out"));
}

#[test]
fn a_reboot_leaves_nothing_out() {
    let text = format!(
        "2026-03-01 10:00:00\n{TITLES}{}{}2026-03-01 11:00:00\n{TITLES}{}",
        row("Tst1", 1000, 64_000),
        row("Tst2", 1000, 64_000),
        row("Tst1", 10, 640)
    );
    let samples = read(text);
    assert!(samples.iter().all(|sample| !sample.coverage.is_partial()));
}

#[test]
fn times_before_each_line_date_the_table() {
    for (before, time) in [
        ("2026-03-01T10:15:00+01:00 host poolmon: ", "2026-03-01T09:15:00Z"),
        ("[2026-03-01 10:15:00] ", "2026-03-01T10:15:00Z"),
        ("[1772359200] ", "2026-03-01T10:00:00Z"),
        ("3/1/2026 10:15:00 AM ", "2026-03-01T10:15:00Z"),
    ] {
        let table = format!("{TITLES}{}", row("Tst1", 10, 640));
        let text = table.lines().map(|line| [before, line, "\n"].concat()).collect::<Vec<_>>().concat();
        assert_eq!(times(&read(text)), [Some(time.to_owned())], "{before}");
        let csv = format!("{before}Tag,Type,Bytes\n{before}Tst1,Nonp,640\n");
        assert_eq!(times(&read(csv)), [Some(time.to_owned())], "{before}");
    }
    let table = format!("{TITLES}{}", row("Tst1", 10, 640));
    let lines = table.lines().map(|line| ["Mar  1 10:15:00 host tool: ", line, "\n"].concat());
    let text = lines.collect::<Vec<_>>().concat();
    let samples = read(text);
    assert!(times(&samples)[0].as_ref().is_some_and(|time| time.ends_with("-03-01T10:15:00Z")));
    assert!(said(&samples, "the year of the times"));
}

#[test]
fn times_below_their_tables() {
    let table = |live| format!("{TITLES}{}", row("Tst1", live, live * 64));
    for (first, second) in [
        ("2026-03-01 10:00:00\n", "2026-03-01 10:10:00\n"),
        ("Sun 03/01/2026\n10:00 AM\n", "Sun 03/01/2026\n10:10 AM\n"),
    ] {
        let samples = read(format!("{}{first}{}{second}", table(10), table(20)));
        let expected = ["2026-03-01T10:00:00Z", "2026-03-01T10:10:00Z"].map(|time| Some(time.to_owned()));
        assert_eq!(times(&samples), expected, "{first}");
        assert_eq!(samples[1].rows[0].counters.allocs, Some(20));
        assert_eq!(times(&read(format!("{}{first}", table(10)))), expected[..1]);
        // Above, though the first one has none.
        assert_eq!(times(&read(format!("{}{first}{}", table(10), table(20)))), [None, expected[0].clone()]);
    }
}

#[test]
fn poolused_wrapped_where_its_titles_end() {
    let titles = " Tag    Allocs     Used    Allocs     Used\n";
    // The last figure is wider than its column.
    let row = format!(
        " Tst1 {:8} {:8}  {:8} {:8}Text of a driver, Binary: tst.sys",
        12, 2_400_000, 7, 1_234_567_890
    );
    let (head, tail) = row.split_at(titles.len() - 1);
    let figures = |text: String| {
        let samples = read(text);
        let bytes =
            |pool| samples[0].rows.iter().find(|row| row.pool == pool).and_then(|row| row.counters.bytes);
        (bytes(Pool::Nonpaged), bytes(Pool::Paged), said(&samples, "could not be read"))
    };
    let other = format!(" Tst2 {:8} {:8}  {:8} {:8}Text\n", 1, 64, 0, 0);
    assert_eq!(figures(format!("{titles}{row}\n{other}")), (Some(2_400_000), Some(1_234_567_890), false));
    assert_eq!(figures(format!("{titles}{other}{head}\n")), (Some(64), None, true));
    // Without descriptions, a figure that fills its column is whole if a line is longer or the totals say so.
    let bare = format!(
        " Tst1 {:8} {:8}  {:8} {:8}\n Tst2 {:8} {:8}  {:8} {:8}\n",
        0, 0, 36_000, 33_000_000, 0, 0, 5, 64
    );
    let total = |bytes: u64| format!(" TOTAL {:6} {:8}  {:8} {bytes:8}\n", 0, 0, 36_005);
    let longer = " Tst3        1       64         0        0 \n";
    let headed =
        format!("0: kd> !poolused 4\n   Sorting by Paged Pool Consumed\n\n  Pool Used:\n{titles}{bare}");
    for text in [format!("{titles}{bare}{}", total(33_000_064)), format!("{titles}{bare}{longer}"), headed] {
        assert_eq!(figures(text).1, Some(33_000_000));
    }
    // Else it may be 33000000000, cut where the titles end: its objects are known.
    let samples = read(format!("{titles}{bare}"));
    let row = &samples[0].rows[0];
    assert_eq!((row.counters.reported_diff, row.counters.bytes), (Some(36_000), None));
    assert!(said(&samples, "cut at the edge"));
    // Whether it goes on cannot be seen: it is not taken.
    let (nonpaged, paged, broken) = figures(format!("{titles}{other}{head}\n{tail}\n"));
    assert_eq!((nonpaged, paged, broken), (Some(64), None, true));
    // Within a figure whose column has room left.
    let row = format!(" Tst1 {:8} {:8}  {:8} {:8}Text", 12, 123_456_789, 7, 2_400_000);
    let (head, tail) = row.split_at(titles.len() - 1);
    assert_eq!(
        figures(format!("{titles}{head}\n{tail}\n{other}")),
        (Some(123_456_789), Some(2_400_000), false)
    );
}

#[test]
fn bytes_at_the_edge_of_a_console() {
    // 79 columns; commas between thousands, and PoolMon's screen.
    let thousands =
        "  Tag  Type         Allocs            Frees          Diff              Bytes        Per Alloc";
    let rows = [
        " Tst1 Nonp      1,234,567        1,000,000       234,567        123,456,789              526",
        " Tst2 Nonp             12                2            10                640               64",
    ];
    let cut = |line: &str| line.chars().take(73).collect::<String>();
    let samples = read(format!("{}\n{}\n{}\n", cut(thousands.trim_start()), cut(rows[0]), cut(rows[1])));
    for row in &samples[0].rows {
        assert_eq!(row.counters.bytes, None, "{:?}", row.tag);
    }
    assert!(said(&samples, "cut at the edge"));
    let titles = " Tag  Type     Allocs            Frees            Diff   Bytes      Per Alloc";
    let row = " Tst1 Nonp    3971107 (   0)   3971077 (   0)       30 1234567680 (     0) 41152256";
    for edge in 57..=65 {
        let samples = read(format!("{}\n\n{}\n", &titles[..edge], &row[..edge]));
        assert_eq!(samples[0].rows[0].counters.bytes, None, "{edge}");
    }
    // Per Alloc was cut: it is worked out.
    let samples = read(format!("{titles}\n\n{}\n", &row[..79]));
    assert_eq!(samples[0].rows[0].counters.bytes, Some(1_234_567_680));
    assert_eq!(samples[0].rows[0].counters.reported_per_alloc, None);
}

#[test]
fn fields_that_end_at_the_edge() {
    let titles = "Tag\tType\tAllocs\tFrees\tBytes\tMapped_Driver\n";
    let samples =
        read(format!("{titles}Tst1\tNonp\t1234567890\t1234560000\t12345678\nTst2\tNonp\t9\t0\t640\tshort\n"));
    let bytes: Vec<_> = samples[0].rows.iter().map(|row| row.counters.bytes).collect();
    assert_eq!(bytes, [None, Some(640)]);
    assert!(said(&samples, "cut at the edge"));
}

#[test]
fn lines_that_end_with_a_carriage_return_alone() {
    let text = format!("2026-03-01 10:00:00\n{TITLES}{}", row("Tst1", 10, 640)).replace('\n', "\r");
    let samples = read(text);
    assert_eq!((samples.len(), samples[0].rows.len()), (1, 1));
}
