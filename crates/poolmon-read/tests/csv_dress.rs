//! Tables of cells in any dress: each separator, quotes, prefixes, encodings, and lines that a console or a mail program wrapped.
//! Each row is the same, or a remark says that rows were lost; no figure is ever another one.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::fmt::Write as _;

use common::dress::{Breaks, breaks, broken, encoded, prefix};
use poolmon_model::{Pool, Sample};
use poolmon_read::{Input, ReadOptions, identify};
use proptest::prelude::*;

/// Whose columns.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Columns {
    /// poolmon's own and those of scripts: a row a pool.
    Long,
    /// Those of `PoolMonX` v3 and of PowerShell: both pools in one row.
    BothPools,
    /// The nonpaged pool alone, with the time of each row.
    OnePool,
}

#[derive(Clone, Debug)]
struct Line {
    tag: String,
    live: u64,
    frees: u64,
    bytes: u64,
}

fn line() -> impl Strategy<Value = Line> {
    ("[A-Za-z][A-Za-z0-9]{3}", 1_u64..5_000_000, 0_u64..4_000_000_000, 8_u64..90_000).prop_map(
        |(tag, live, frees, each)| Line {
            tag,
            live,
            frees: frees.min(u64::from(u32::MAX) - live),
            bytes: live * each,
        },
    )
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec(line(), 1..12).prop_map(|mut lines| {
        lines.sort_by(|a, b| a.tag.cmp(&b.tag));
        lines.dedup_by(|a, b| a.tag == b.tag);
        lines
    })
}

fn rendered(columns: Columns, lines: &[Line], separator: char, quoted: bool, owners: bool) -> Vec<String> {
    let mut cells: Vec<Vec<String>> = Vec::new();
    let words = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
    let mut head = words(match columns {
        Columns::Long => "Tag,Type,Allocs,Frees,Diff,Bytes",
        Columns::BothPools => {
            "Tag,Paged Allocs,Paged Frees,Paged Diff,Paged Usage,NPaged Allocs,NPaged Frees,NPaged Diff,NPaged Usage"
        }
        Columns::OnePool => "DateTime,Tag,NonPagedUsedBytes",
    });
    if owners {
        head.push("Mapped_Driver".to_owned());
    }
    cells.push(head);
    for Line { tag, live, frees, bytes } in lines {
        let allocs = live + frees;
        let mut row = words(&match columns {
            Columns::Long => format!("{tag},Nonp,{allocs},{frees},{live},{bytes}"),
            Columns::BothPools => format!("{tag},0,0,0,0,{allocs},{frees},{live},{bytes}"),
            Columns::OnePool => format!("2026-03-01T10:00:00,{tag},{bytes}"),
        });
        if owners {
            row.push("driver.sys - Blocks of it".to_owned());
        }
        cells.push(row);
    }
    let quote = |cell: &String| if quoted { format!("\"{cell}\"") } else { cell.clone() };
    cells.iter().map(|row| row.iter().map(quote).collect::<Vec<_>>().join(&separator.to_string())).collect()
}

fn read(bytes: Vec<u8>) -> Result<Vec<Sample>, String> {
    let input = Input::from_bytes("table.csv", bytes);
    let format = identify(&input).map_err(|error| error.to_string())?;
    let mut reader = (format.open)(&input, &ReadOptions::default()).map_err(|error| error.to_string())?;
    let (mut samples, mut sample) = (Vec::new(), Sample::empty());
    while reader.next_into(&mut sample).map_err(|error| error.to_string())? {
        samples.push(sample.clone());
    }
    if samples.is_empty() { Err("no sample".to_owned()) } else { Ok(samples) }
}

proptest! {
    #[test]
    fn rows_are_the_same_or_said_to_be_lost(
        lines in lines(),
        columns in prop_oneof![Just(Columns::Long), Just(Columns::BothPools), Just(Columns::OnePool)],
        separator in prop_oneof![Just(','), Just(';'), Just('\t')],
        quoted: bool,
        owners: bool,
        prefix in prefix(),
        breaks in breaks(),
        crlf: bool,
        last_end: bool,
        encoding in 0_u8..4,
    ) {
        let whole = rendered(columns, &lines, separator, quoted, owners);
        // The last figure of a line without anything behind it: nothing shows that it was cut.
        let unseen = matches!(breaks, Breaks::Cut(edge) if !owners || edge < whole[0].len());
        let breaks = if unseen { Breaks::None } else { breaks };
        let mut text = String::new();
        let end = if crlf { "\r\n" } else { "\n" };
        for line in broken(&whole, breaks) {
            let _ = write!(text, "{prefix}{line}{end}");
        }
        if !last_end {
            text.truncate(text.len() - end.len());
        }
        let samples = match read(encoded(&text, encoding)) {
            Ok(samples) => samples,
            // Nothing at all is an error, which says so.
            Err(error) => {
                prop_assert!(!matches!(breaks, Breaks::None), "{}\n{}", error, text);
                return Ok(());
            }
        };
        let mut found = 0;
        for row in samples.iter().flat_map(|sample| &sample.rows) {
            let tag = row.tag.to_string();
            let whole = lines.iter().find(|line| line.tag == tag);
            if row.counters.is_zero() && row.pool == Pool::Paged {
                continue;
            }
            prop_assert!(whole.is_some() && row.pool == Pool::Nonpaged, "{:?} is no row\n{}", row, text);
            let whole = whole.unwrap();
            let (allocs, frees) = (row.counters.allocs, row.counters.frees);
            prop_assert!(allocs.is_none_or(|it| it == whole.live + whole.frees), "{:?}\n{}", row, text);
            prop_assert!(frees.is_none_or(|it| it == whole.frees), "{:?}\n{}", row, text);
            prop_assert!(row.counters.bytes.is_none_or(|it| it == whole.bytes), "{:?}\n{}", row, text);
            found += usize::from(row.counters.bytes.is_some());
        }
        let usual = |remark: &&String| remark.contains("zone") || remark.contains("leaves others out");
        let said = samples.iter().any(|sample| sample.remarks.iter().any(|remark| !usual(&remark)));
        prop_assert!(found == lines.len() || said, "{} of {}\n{}", found, lines.len(), text);
        if matches!(breaks, Breaks::None) {
            // Without a line end, the last figure may have been cut.
            prop_assert!(found + usize::from(!last_end) >= lines.len(), "{}", text);
        }
    }

    /// Perfmon's CSV, wrapped and quoted: figures are the same ones, and a line that is lost is named.
    #[test]
    fn perfmon_wrapped(
        figures in prop::collection::vec((1_u64..1 << 40, 1_u64..1 << 40), 1..12),
        separator in prop_oneof![Just(','), Just(';'), Just('\t')],
        prefix in prefix(),
        breaks in breaks().prop_filter("names of columns may be lost", |it| !matches!(it, Breaks::Cut(_))),
        crlf: bool,
        encoding in 0_u8..4,
    ) {
        let mut rows = vec![[
            format!("(PDH-{} 4.0) (UTC)(0)", if separator == '\t' { "TSV" } else { "CSV" }),
            r"\\srv1\Memory\Pool Nonpaged Bytes".to_owned(),
            r"\\srv1\Memory\Pool Paged Bytes".to_owned(),
        ]];
        for (at, (nonpaged, paged)) in figures.iter().enumerate() {
            rows.push([format!("03/01/2026 10:{at:02}:00.000"), nonpaged.to_string(), paged.to_string()]);
        }
        let quoted = |row: &[String; 3]| row.each_ref().map(|field| format!("\"{field}\"")).join(&separator.to_string());
        let whole: Vec<String> = rows.iter().map(quoted).collect();
        let mut text = String::new();
        for line in broken(&whole, breaks) {
            let _ = write!(text, "{prefix}{line}{}", if crlf { "\r\n" } else { "\n" });
        }
        let samples = match read(encoded(&text, encoding)) {
            Ok(samples) => samples,
            Err(error) => {
                prop_assert!(!matches!(breaks, Breaks::None), "{}\n{}", error, text);
                return Ok(());
            }
        };
        let mut found = 0;
        for sample in &samples {
            let minute = sample.time.map(|time| time.as_second() / 60 % 60);
            let is = (sample.header.pool_nonpaged, sample.header.pool_paged);
            let should = minute.and_then(|minute| figures.get(usize::try_from(minute).ok()?));
            prop_assert!(should.is_some(), "{:?}\n{}", sample, text);
            let should = should.unwrap();
            prop_assert!(is.0.is_none_or(|it| it == should.0) && is.1.is_none_or(|it| it == should.1), "{:?}\n{}", is, text);
            found += usize::from(is.0.is_some() && is.1.is_some());
        }
        let said = samples.iter().any(|sample| sample.remarks.iter().any(|remark| !remark.contains("zone")));
        prop_assert!(found == figures.len() || said, "{} of {}\n{}", found, figures.len(), text);
    }
}
