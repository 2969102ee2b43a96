//! Saved texts as people have them: cut, wrapped, quoted, indented, in another language, of another tool.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::fmt::Write as _;

use common::LogFile;
use poolmon_model::{Coverage, Pool, Sample};
use poolmon_read::{Input, ReadOptions, SampleSeries};

fn read(text: impl Into<Vec<u8>>) -> Vec<Sample> {
    LogFile::from_bytes("log", text).unwrap().samples().collect::<Result<_, _>>().unwrap()
}

fn one(text: impl Into<Vec<u8>>) -> Sample {
    let [sample] = read(text).try_into().unwrap();
    sample
}

/// Tag, pool, outstanding allocations and bytes of each row.
fn rows(sample: &Sample) -> Vec<(String, Pool, Option<i64>, Option<u64>)> {
    let row = |row: &poolmon_model::Row| {
        (row.tag.to_string(), row.pool, row.counters.diff(sample.width), row.counters.bytes)
    };
    sample.rows.iter().map(row).collect()
}

const WIDE: &str = " Tag  Type     Allocs            Frees               Diff            Bytes                 Per Alloc\n\n";
const NARROW: &str = " Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc\n\n";

fn wide(tag: &str, pool: &str, allocs: u64, frees: u64, bytes: u64) -> String {
    let diff = allocs - frees;
    format!(" {tag:<4} {pool:<5}{allocs:>19}{frees:>19}{diff:>18}{bytes:>15}{:>17}        \n", bytes / diff)
}

/// Three rows: the figures below are from them.
fn table() -> String {
    [
        WIDE.to_owned(),
        wide("Big1", "Nonp", 9_000_000, 8_000_000, 2_345_678_912),
        wide("Io", "Paged", 700_000, 300_000, 160_000_000),
        wide("x y", "Nonp", 900, 400, 64_000),
    ]
    .concat()
}

fn expected() -> Vec<(String, Pool, Option<i64>, Option<u64>)> {
    vec![
        ("Big1".into(), Pool::Nonpaged, Some(1_000_000), Some(2_345_678_912)),
        ("Io  ".into(), Pool::Paged, Some(400_000), Some(160_000_000)),
        ("x y ".into(), Pool::Nonpaged, Some(500), Some(64_000)),
    ]
}

/// A console cuts every line at its edge: whatever the edge, no figure is too small.
#[test]
fn figures_cut_at_any_edge_are_never_taken_as_whole() {
    for edge in 20..110 {
        let cut: String =
            table().lines().map(|line| [line.get(..edge.min(line.len())).unwrap(), "\n"].concat()).collect();
        let Ok(samples) = LogFile::from_bytes("log", cut).unwrap().samples().collect::<Result<Vec<_>, _>>()
        else {
            continue;
        };
        for row in rows(&samples[0]) {
            let whole = expected().into_iter().find(|whole| whole.0 == row.0).unwrap();
            assert_eq!(row.2, whole.2, "edge {edge}: {row:?}");
            assert!(row.3.is_none() || row.3 == whole.3, "edge {edge}: {row:?}");
        }
        let lost =
            samples[0].rows.iter().any(|row| row.counters.bytes.is_none()) || samples[0].rows.len() < 3;
        assert!(!lost || !samples[0].remarks.is_empty(), "edge {edge}");
    }
}

/// A console broke the lines of a log whose numbers have dots or commas between their thousands: no row is lost.
#[test]
fn numbers_with_marks_are_whole_wherever_a_console_broke_them() {
    for mark in [".", ",", "'"] {
        let marked = |number: u64| poolmon_model::units::grouped(number).replace(',', mark);
        let mut text =
            " Tag  Type     Allocs            Frees               Diff            Bytes    Per Alloc\n\n"
                .to_owned();
        for (tag, live, each) in [("Leak", 200_000_u64, 1024), ("Flat", 150, 96), ("Grow", 1_234_567, 4096)] {
            let [allocs, frees, diff, bytes, each] =
                [live + 5_000_000, 5_000_000, live, live * each, each].map(marked);
            let _ = writeln!(text, " {tag} Nonp {allocs:>18} {frees:>18} {diff:>17} {bytes:>14} {each:>12}");
        }
        for edge in (60..100).filter(|edge| text.lines().all(|line| line.len() < 2 * edge)) {
            let mut broken = String::new();
            for mut line in text.lines() {
                while line.len() > edge {
                    let (head, rest) = line.split_at(edge);
                    let _ = writeln!(broken, "{head}");
                    line = rest;
                }
                let _ = writeln!(broken, "{line}");
            }
            let samples: Vec<_> = LogFile::from_bytes("log", broken.clone())
                .unwrap()
                .samples()
                .collect::<Result<_, _>>()
                .unwrap();
            let found: Vec<_> =
                rows(&samples[0]).into_iter().map(|(_, _, diff, bytes)| (diff, bytes)).collect();
            let expected = [
                (Some(200_000), Some(204_800_000)),
                (Some(150), Some(14_400)),
                (Some(1_234_567), Some(5_056_786_432)),
            ];
            assert_eq!(found, expected, "{mark} at {edge}:\n{broken}{:?}", samples[0].remarks);
        }
    }
}

/// A console wraps every line at its edge, a mail program at a blank: rows are whole again, or counted.
#[test]
fn rows_wrapped_at_any_edge_are_joined_or_counted() {
    let mut whole = 0;
    for edge in 60..110 {
        let mut hard = String::new();
        let mut soft = String::new();
        for line in table().lines() {
            let line = line.trim_end();
            let (mut rest, mut column) = (line, edge);
            while rest.len() > column {
                let (head, tail) = rest.split_at(column);
                let _ = writeln!(hard, "{}", head.trim_end());
                (rest, column) = (tail, edge);
            }
            let _ = writeln!(hard, "{rest}");
            match line.get(..edge).and_then(|head| head.rfind(' ')).filter(|_| line.len() > edge) {
                Some(at) => {
                    let _ = writeln!(soft, "{}\n{}", line[..at].trim_end(), line[at..].trim_start());
                }
                None => {
                    let _ = writeln!(soft, "{line}");
                }
            }
        }
        for text in [hard, soft] {
            let Ok(samples) =
                LogFile::from_bytes("log", text.clone()).unwrap().samples().collect::<Result<Vec<_>, _>>()
            else {
                continue;
            };
            let found = rows(&samples[0]);
            for row in &found {
                let expected = expected().into_iter().find(|whole| whole.0 == row.0).unwrap();
                assert!(row.3.is_none() || *row == expected, "edge {edge}: {row:?}\n{text}");
            }
            whole += usize::from(found == expected());
            assert!(found == expected() || !samples[0].remarks.is_empty(), "edge {edge}\n{text}");
        }
    }
    assert!(whole > 80, "{whole} of 100");
}

#[test]
fn what_surrounds_lines_is_taken_off() {
    for (before, after) in [
        ("> ", ""),
        ("> > ", ""),
        ("| ", ""),
        ("    ", ""),
        ("\t", ""),
        ("10:15:00 ", ""),
        ("[2026-03-01 10:15:00] ", ""),
        ("Mar  1 10:15:00 host tool[812]: ", ""),
        ("", "\r"),
        ("# ", ""),
    ] {
        let framed: String = table().lines().map(|line| [before, line, after, "\n"].concat()).collect();
        let sample = one(framed);
        assert_eq!(rows(&sample), expected(), "{before:?}");
        assert!(
            sample.remarks.iter().all(|remark| ["zone", "the year of the times", "dates"]
                .iter()
                .any(|word| remark.contains(word))),
            "{before:?}: {:?}",
            sample.remarks
        );
    }
    let fenced = format!("Look at this:\n\n```\n{}```\n", table());
    let sample = one(fenced);
    assert_eq!(rows(&sample), expected());
    assert_eq!(sample.remarks, ["1 line was not understood and was skipped: line 1 (`Look at this:`)"]);
    let page = format!("<html><body><pre>{}</pre>\n", table());
    assert_eq!(rows(&one(page)), expected());
    let stamped: String =
        table().lines().map(|line| ["2026-03-01T10:15:00Z ", line, "\n"].concat()).collect();
    assert_eq!(one(stamped).time.unwrap().to_string(), "2026-03-01T10:15:00Z");
}

#[test]
fn cells_between_bars() {
    let sample = one("| Tag | Type | Allocs | Frees | Diff | Bytes |\n|---|:-:|--:|--:|--:|--:|\n\
        | `Tst1` | Nonp | 9,000 | 400 | 8,600 | 1,761,280 |\n| `a b ` | Paged | 8 | 0 | 8 | **512** |\n");
    assert_eq!(
        rows(&sample),
        [
            ("Tst1".into(), Pool::Nonpaged, Some(8600), Some(1_761_280)),
            ("a b ".into(), Pool::Paged, Some(8), Some(512))
        ]
    );
    assert!(sample.remarks.is_empty(), "{:?}", sample.remarks);
}

#[test]
fn snapshots_of_one_pool_in_turn_say_nothing_of_the_other() {
    let mut text = String::new();
    for n in 0..4_u64 {
        let _ = write!(text, "2026-03-01 1{n}:00:00\n\n{WIDE}{}", wide("TstP", "Paged", 900, 400, 6400));
        let _ = write!(
            text,
            "\n2026-03-01 1{n}:00:10\n\n{WIDE}{}",
            wide("TstN", "Nonp", 900 + n, 400, 6400 + n * 64)
        );
    }
    let samples = read(text.clone());
    assert_eq!(samples.len(), 8);
    assert_eq!(samples[0].coverage, Coverage::COMPLETE.without(Pool::Nonpaged));
    assert_eq!(samples[1].coverage, Coverage::COMPLETE.without(Pool::Paged));
    let mut series = open(&text);
    let pair = series.at(None, poolmon_read::Earlier::Previous).unwrap();
    assert_eq!(pair.before.unwrap().time.unwrap().to_string(), "2026-03-01T12:00:10Z", "of the same pool");
    let (first, last) = open(&text).ends().unwrap().unwrap();
    assert_eq!((first.rows.len(), last.rows.len()), (2, 2));
    assert!(first.coverage.is_complete() && last.coverage.is_complete());
    // In the same second, they are one sample.
    let at_once = text.replace(":00:10", ":00:00");
    let samples = read(at_once);
    assert_eq!(samples.len(), 4);
    assert!(samples.iter().all(|sample| sample.rows.len() == 2 && sample.coverage.is_complete()));
}

fn open(text: &str) -> SampleSeries {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    std::fs::write(&path, text).unwrap();
    // The file is open, or read again by its name: it has to stay.
    let path = folder.keep().join("a.log");
    SampleSeries::open(&[path], ReadOptions::default()).unwrap()
}

#[test]
fn the_first_and_the_last_sample_of_one_log() {
    let snap = |n: u64| {
        format!("2026-03-01 1{n}:00:00\n\n{WIDE}{}", wide("Tst1", "Nonp", 900 + n, 400, 6400 + n * 64))
    };
    let (first, last) = open(&(0..5).map(snap).collect::<String>()).ends().unwrap().unwrap();
    assert_eq!((first.rows[0].counters.bytes, last.rows[0].counters.bytes), (Some(6400), Some(6656)));
    assert_eq!(open(&snap(0)).ends().unwrap(), Err(1));
}

#[test]
fn lists_of_the_largest_rows_say_nothing_of_the_others() {
    let mut text = String::from("Time,Tag,Type,Allocs,Frees,Bytes\n");
    for n in 0..4_u64 {
        for (place, bytes) in [9000, 800, 70].into_iter().enumerate() {
            let tag = (place as u64 + n) % 4;
            let _ = writeln!(text, "2026-03-01T10:0{n}:00Z,Tst{tag},Nonp,{},0,{bytes}", bytes / 10);
        }
    }
    let samples = read(text);
    assert!(samples.iter().all(|sample| sample.coverage.is_partial()));
    assert!(
        samples[3].remarks[0].starts_with("this list has 3 rows and leaves others out"),
        "{:?}",
        samples[3].remarks
    );
    // `!poolused /t2`, and the rows that somebody left out.
    let dump = "0: kd> !poolused /t2 2\n Tag       Allocs         Used     Allocs         Used\n \
        Tst1         100        64000          0            0\n";
    assert!(one(dump).coverage.is_partial());
    assert!(one(format!("{}[...]\n", table())).coverage.is_partial());
    assert!(!one(table() + &wide("Tst4", "Paged", 9, 3, 96)).coverage.is_partial());
}

#[test]
fn two_views_of_one_moment_are_one_sample() {
    let view = |command: &str, rows: &str| {
        format!(
            "0: kd> !poolused {command}\n Tag       Allocs         Used     Allocs         Used\n\n{rows}\n"
        )
    };
    let nonpaged = view(
        "2",
        " TstA         100        64000          0            0\n TstB           5          320          8          512\n",
    );
    let paged = view(
        "4",
        " TstB           5          320          8          512\n TstC           0            0         10         4096\n",
    );
    let sample = one(nonpaged.clone() + &paged);
    assert_eq!(sample.rows.len(), 4);
    // Where a figure changed, the machine ran between them.
    let later = paged.replace(" 320 ", " 384 ");
    assert_eq!(read(nonpaged + &later).len(), 2);
}

#[test]
fn tables_of_other_tools() {
    let pool_mon_x = "Tag,Paged Allocs,Paged Frees,Paged Diff,Paged Usage,NPaged Allocs,NPaged Frees,NPaged Diff,NPaged Usage,Source,\n\
        Tst1,0,0,0,0 B,9000,400,8600,8600 KB,a.sys,\n";
    let wide: Vec<u8> = pool_mon_x
        .replace(',', "\0,\0")
        .replace('\n', "\0\n\0")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let sample = one(wide);
    assert_eq!(rows(&sample), [("Tst1".into(), Pool::Nonpaged, Some(8600), Some(8600 << 10))]);
    assert_eq!(sample.remarks.len(), 1, "{:?}", sample.remarks);

    let informer = "Tag\tDriver\tPaged allocations (total)\tPaged bytes (total)\tPaged bytes (delta)\t\
        Non-paged current (total)\tNon-paged bytes (total)\nTst1\ta.sys\t5\t1.5 kB\t0\t8600\t8.58 GB\n";
    let sample = one(informer);
    assert_eq!(rows(&sample)[0], ("Tst1".into(), Pool::Nonpaged, Some(8600), Some(858 * (1 << 30) / 100)));
    assert_eq!(
        sample.remarks,
        ["1 row has bytes in a larger unit: they were rounded when this was saved: line 2"]
    );

    let samples = read(
        "\"DateTime\",\"Tag\",\"NonPagedUsedBytes\"\n\"2026-03-01T10:00:00\",\"Tst1\",\"1999\"\n\
        \"2026-03-01T10:00:05\",\"Tst1\",\"2055\"\n",
    );
    assert_eq!(samples.len(), 2);
    assert_eq!(rows(&samples[1]), [("Tst1".into(), Pool::Nonpaged, None, Some(2055))]);
    assert!(!samples[1].coverage.has(Pool::Paged));

    let sample = one("Tag,Type,Bytes,Quota\nTst1,Nonp,64,17\n");
    assert_eq!(sample.remarks, ["the column `Quota` holds figures and is not known: it was left out"]);
}

#[test]
fn numbers_of_other_countries() {
    for (mark, separator) in
        [(".", ";"), ("\u{a0}", ";"), ("\u{202f}", "\t"), ("'", ","), ("’", ";"), (" ", ";"), (",", ";")]
    {
        let rows_text = String::from("Tst1;Nonp;9.000;400;8.600;86.361.600\nTst2;Nonp;900;400;500;640\n");
        let text = format!("Tag;Type;Allocs;Frees;Diff;Bytes\n{}", rows_text.replace('.', mark));
        let sample = one(text.replace(';', separator));
        assert_eq!(rows(&sample)[0].3, Some(86_361_600), "{mark:?}");
        assert_eq!(rows(&sample).len(), 2, "{mark:?}: {:?}", sample.remarks);
    }
    let sample = one("Tag;Type;Bytes\nTst1;Nonp;8,64E+10\nTst2;Nonp;640\n");
    assert_eq!(sample.rows.len(), 1);
    assert!(sample.remarks[0].contains("spreadsheet"), "{:?}", sample.remarks);
}

#[test]
fn the_order_of_dates_is_the_files() {
    let snap = |date: &str, n: u64| format!("{date}\n\n{NARROW}{}", wide("Tst1", "Nonp", 900 + n, 400, 6400));
    let text = snap("31/05/2026 23:55:00.00", 0)
        + &snap("01/06/2026 00:05:00.00", 1)
        + &snap("02/06/2026 00:05:00.00", 2);
    let times: Vec<String> = read(text).iter().map(|sample| sample.time.unwrap().to_string()).collect();
    assert_eq!(times, ["2026-05-31T23:55:00Z", "2026-06-01T00:05:00Z", "2026-06-02T00:05:00Z"]);
    let unclear = one(snap("05/06/2026 10:00", 0));
    assert!(unclear.remarks.iter().any(|remark| remark.contains("--dates dmy")), "{:?}", unclear.remarks);
    let input = Input::from_bytes("log", snap("05/06/2026 10:00", 0).into_bytes());
    let options = ReadOptions { dates: Some(poolmon_read::DateOrder::Dmy), ..ReadOptions::default() };
    let mut reader = (poolmon_read::identify(&input).unwrap().open)(&input, &options).unwrap();
    let mut sample = Sample::empty();
    assert!(reader.next_into(&mut sample).unwrap());
    assert_eq!(sample.time.unwrap().to_string(), "2026-06-05T10:00:00Z");
    assert!(!sample.remarks.iter().any(|remark| remark.contains("--dates")));
}

#[test]
fn a_clock_set_back_keeps_the_order_of_the_file() {
    let snap =
        |time: &str| format!("2026-10-25 {time}:00\n\n{NARROW}{}", wide("Tst1", "Nonp", 900, 400, 6400));
    let samples = read(snap("02:59") + &snap("02:04") + &snap("02:09"));
    let times: Vec<String> = samples.iter().map(|sample| sample.time.unwrap().to_string()).collect();
    assert_eq!(times, ["2026-10-25T02:59:00Z", "2026-10-25T03:04:00Z", "2026-10-25T03:09:00Z"]);
    assert!(samples[1].remarks.iter().any(|remark| remark.contains("the clock goes back")));
}

#[test]
fn the_pool_that_a_list_is_sorted_by_comes_first() {
    let view = |name: &str, rows: &str| {
        format!(
            "0: kd> !poolused\n Sorting by {name} Pool Consumed\n\n \
             Tag       Allocs         Used     Allocs         Used\n\n{rows}\n"
        )
    };
    let nonpaged = view("NonPaged", " TstA         100        64000          0            0\n");
    let paged = view("Paged", " TstC           0            0         10      4096000\n");
    assert_eq!(one(nonpaged.clone()).first_pool, Some(Pool::Nonpaged));
    assert_eq!(one(paged.clone()).first_pool, Some(Pool::Paged));
    assert_eq!(one([nonpaged.clone(), paged.clone()].concat()).first_pool, Some(Pool::Nonpaged));
    assert_eq!(one([paged, nonpaged].concat()).first_pool, Some(Pool::Paged));
    assert_eq!(
        one(view("  Tag", " TstA         100        64000          0            0\n")).first_pool,
        None
    );
}

/// Memory lines as PoolMon writes them, with these pool sizes in KiB.
fn memory(nonpaged: u64, paged: u64) -> String {
    format!(
        " Memory: 8388080K Avail: 4194304K  PageFlts:   100   InRam Krnl:10240K P:51200K\n \
         Commit:4194304K Limit:9437184K Peak:4718592K            Pool N:{nonpaged:5}K P:{paged:5}K\n"
    )
}

#[test]
fn pool_sizes_that_contradict_the_tags_are_not_used_and_that_is_said_once() {
    let snap = |n: u64, sizes: (u64, u64), bytes: u64| {
        let small = wide("Tst2", "Paged", 9, 3, 96);
        let header = memory(sizes.0, sizes.1);
        format!("2026-03-01 1{n}:00:00\n\n{header}{WIDE}{}{small}", wide("Tst1", "Nonp", 900, 400, bytes))
    };
    let remarks = |samples: &[Sample]| {
        let said = samples.iter().flat_map(|sample| &sample.remarks);
        said.filter(|remark| remark.contains("sum of its tags")).cloned().collect::<Vec<_>>()
    };
    // Written once and repeated: the tag grows by 2 MB an hour, the pools by nothing. From the first sample on.
    let constant: String = (0..4).map(|n| snap(n, (90_000, 80_000), 20_000_000 + n * 2_000_000)).collect();
    let samples = read(constant.clone());
    assert!(samples.iter().all(|sample| sample.header.pool_nonpaged.is_none()), "{samples:?}");
    assert!(samples.iter().all(|sample| sample.header.memory_total.is_some()));
    assert_eq!(
        remarks(&samples),
        [
            "the pool sizes in the memory lines stay the same while the tags change: these sizes are not used, \
            each pool is the sum of its tags"
        ]
    );
    // The change comes late: it holds for the samples before it, too.
    let late: String = (0..4).map(|n| snap(n, (90_000, 80_000), 20_000_000 + (n / 3) * 2_000_000)).collect();
    assert!(read(late).iter().all(|sample| sample.header.pool_nonpaged.is_none()));
    // In UTF-16, as PowerShell writes it.
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(constant.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert!(read(utf16).iter().all(|sample| sample.header.pool_nonpaged.is_none()));
    // Less than what the tags hold.
    let small: String = (0..3).map(|n| snap(n, (1000 + n, 80_000), 20_000_000)).collect();
    let samples = read(small);
    assert!(samples.iter().all(|sample| sample.header.pool_paged.is_none()));
    assert_eq!(
        remarks(&samples),
        ["the memory lines give 0.98 MiB to the nonpaged pool, its tags hold 19.1 MiB: these sizes are not \
            used, each pool is the sum of its tags"]
    );
    // Pools that change with their tags, and a machine on which nothing changes.
    for step in [2000, 0] {
        let true_lines: String =
            (0..3).map(|n| snap(n, (90_000 + n * step, 80_000), 20_000_000 + n * step * 1000)).collect();
        let samples = read(true_lines);
        assert!(samples.iter().all(|sample| sample.header.pool_nonpaged.is_some()));
        assert!(remarks(&samples).is_empty());
    }
}

/// A pipe cannot be looked through beforehand: what contradicts it is found from sample to sample.
#[cfg(unix)]
#[test]
fn constant_pool_sizes_are_found_in_a_pipe_too() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("log");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let snap = |n: u64| {
        let rows =
            wide("Tst1", "Nonp", 900, 400, 20_000_000 + n * 2_000_000) + &wide("Tst2", "Paged", 9, 3, 96);
        format!("2026-03-01 1{n}:00:00\n\n{}{WIDE}{rows}", memory(90_000, 80_000))
    };
    let text: String = (0..4).map(snap).collect();
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::write(pipe, text).unwrap()
    });
    let input = Input::open(&pipe).unwrap();
    let mut reader = poolmon_read::text::reader(&input).unwrap();
    let mut samples = Vec::new();
    let mut sample = Sample::empty();
    while reader.next_into(&mut sample).unwrap() {
        samples.push(sample.clone());
    }
    writer.join().unwrap();
    assert_eq!(samples.len(), 4);
    assert!(samples.iter().all(|sample| sample.header.pool_nonpaged.is_none()), "{samples:?}");
}
