//! Whatever stands around the rows of a table, and however its lines were broken: a row is the same, or a remark says that it is
//! not.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::fmt::Write as _;

use common::LogFile;
use common::dress::{Breaks, breaks, broken, encoded, prefix};
use poolmon_model::units::grouped;
use poolmon_model::{Counters, Pool, Row, Sample, Tag};
use proptest::prelude::*;

/// A row with a tag of its own: `number` counts them.
fn row() -> impl Strategy<Value = Row> {
    let tag = "[A-Za-z][A-Za-z0-9]{2}[a-z0-9 ]";
    (tag, any::<bool>(), 1_u64..5_000_000, 0_u64..4_000_000_000, 8_u64..90_000).prop_map(
        |(tag, paged, live, frees, each)| {
            let frees = frees.min(u64::from(u32::MAX) - live);
            let bytes = live * each + live / 3;
            Row {
                tag: Tag::pool(tag.as_bytes().try_into().unwrap()),
                pool: if paged { Pool::Paged } else { Pool::Nonpaged },
                counters: Counters::windows(live + frees, frees, bytes),
                reported_owner: None,
            }
        },
    )
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(row(), 1..12).prop_map(|mut rows| {
        rows.sort_by_key(Row::key);
        rows.dedup_by_key(|row| row.key());
        rows
    })
}

#[derive(Clone, Copy, Debug)]
enum Layout {
    Wide,
    Narrow,
    Markdown,
    PoolUsed,
    /// `!poolused` of old versions: columns that large figures outgrow.
    OldPoolUsed,
    /// PoolMon's own screen, with changes in brackets.
    Screen,
    /// A log whose figures have commas between their thousands.
    Thousands,
    Tsv,
}

fn rendered(layout: Layout, rows: &[Row]) -> Vec<String> {
    let mut lines: Vec<String> = match layout {
        Layout::Wide => vec![
            " Tag  Type     Allocs            Frees               Diff            Bytes                 Per Alloc".into(),
            String::new(),
        ],
        Layout::Narrow => {
            vec![" Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc".into(), String::new()]
        }
        Layout::Markdown => {
            vec!["| Tag | Type | Allocs | Frees | Diff | Bytes |".into(), "|---|---|--:|--:|--:|--:|".into()]
        }
        Layout::PoolUsed => {
            vec![" Tag          Allocs           Used         Allocs           Used".into(), String::new()]
        }
        Layout::OldPoolUsed => vec![" Tag    Allocs     Used    Allocs     Used".into()],
        Layout::Screen | Layout::Thousands => vec![
            " Tag  Type     Allocs            Frees            Diff   Bytes      Per Alloc".into(),
            String::new(),
        ],
        Layout::Tsv => vec!["Tag\tType\tAllocs\tFrees\tDiff\tBytes".into()],
    };
    for row in rows {
        let (allocs, frees, bytes) =
            (row.counters.allocs.unwrap(), row.counters.frees.unwrap(), row.counters.bytes.unwrap());
        let live = allocs - frees;
        let (tag, pool, each) = (row.tag.to_string(), row.pool.short(), bytes / live);
        lines.push(match layout {
            Layout::Wide => {
                format!(" {tag} {pool:<5}{allocs:>19}{frees:>19}{live:>18}{bytes:>15}{each:>17}        ")
            }
            Layout::Narrow => {
                format!(" {tag} {pool:<5}{allocs:>10} {frees:>10} {live:>9} {bytes:>12} {each:>10}")
            }
            Layout::Markdown => format!("| `{tag}` | {pool} | {allocs} | {frees} | {live} | {bytes} |"),
            Layout::PoolUsed if row.pool == Pool::Paged => {
                format!(" {tag}{:>15}{:>15}{live:>15}{bytes:>15}\tText", 0, 0)
            }
            Layout::PoolUsed => format!(" {tag}{live:>15}{bytes:>15}{:>15}{:>15}\tText", 0, 0),
            Layout::OldPoolUsed if row.pool == Pool::Paged => {
                format!(" {tag} {:8} {:8}  {live:8} {bytes:8}Text", 0, 0)
            }
            Layout::OldPoolUsed => format!(" {tag} {live:8} {bytes:8}  {:8} {:8}Text", 0, 0),
            Layout::Screen => format!(
                " {tag} {pool:<5} {allocs:9} ({:4}) {frees:9} ({:4}) {live:8} {bytes:7} ({:6}) {each:6}",
                0, 0, 0
            ),
            Layout::Thousands => format!(
                " {tag} {pool:<5} {:>13} {:>13} {:>11} {:>15} {:>9}",
                grouped(allocs),
                grouped(frees),
                grouped(live),
                grouped(bytes),
                grouped(each)
            ),
            Layout::Tsv => format!("{tag}\t{pool}\t{allocs}\t{frees}\t{live}\t{bytes}"),
        });
    }
    lines
}

proptest! {
    #[test]
    fn rows_are_the_same_or_said_to_be_lost(
        rows in rows(),
        layout in prop::sample::select(vec![
            Layout::Wide, Layout::Narrow, Layout::Markdown, Layout::PoolUsed, Layout::OldPoolUsed, Layout::Screen,
            Layout::Thousands, Layout::Tsv,
        ]),
        prefix in prefix(),
        breaks in breaks(),
        crlf: bool,
        encoding in 0_u8..4,
    ) {
        // The last figure of a line without anything behind it: nothing shows that it was cut.
        let unseen = matches!((layout, breaks), (Layout::Tsv, Breaks::Cut(_)));
        let breaks = if unseen { Breaks::None } else { breaks };
        let mut text = String::new();
        for line in broken(&rendered(layout, &rows), breaks) {
            let _ = write!(text, "{prefix}{line}{}", if crlf { "\r\n" } else { "\n" });
        }
        let Ok(log) = LogFile::from_bytes("log", encoded(&text, encoding)) else { return Err(TestCaseError::fail(text)) };
        // Nothing at all is an error, which says so.
        let Ok(samples) = log.samples().collect::<Result<Vec<Sample>, _>>() else {
            prop_assert!(!matches!(breaks, Breaks::None), "{}", text);
            return Ok(());
        };
        let mut found = 0;
        for sample in &samples {
            for row in &sample.rows {
                let whole = rows.iter().find(|whole| whole.key() == row.key());
                prop_assert!(whole.is_some(), "{:?}\n{}", row, text);
                let (is, should) = (row.counters, whole.unwrap().counters);
                prop_assert_eq!(is.diff(sample.width), should.diff(sample.width), "{}", text);
                prop_assert!(is.bytes.is_none() || is.bytes == should.bytes, "{:?}\n{}", row, text);
                found += usize::from(is.bytes.is_some());
            }
        }
        let said = samples.iter().any(|sample| !sample.remarks.is_empty());
        prop_assert!(found == rows.len() || said, "{} of {}\n{}", found, rows.len(), text);
        if matches!(breaks, Breaks::None) {
            prop_assert_eq!(found, rows.len(), "{}", text);
        }
    }
}
