//! What poolmon prints in the wide layout and as CSV reads back equal; any bytes are read without a panic.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::sync::Arc;

use jiff::Timestamp;
use poolmon_model::{
    CounterWidth, Counters, Filter, Header, Origin, Pool, Row, Sample, SourceKind, Table, Tag,
};
use poolmon_print::{PrintOptions, TableFormat};
use poolmon_read::text::SampleReader;

use crate::common::LogFile;
use proptest::prelude::*;

fn counters() -> impl Strategy<Value = Counters> {
    // Rows of which nothing was ever allocated are not printed.
    let count = prop_oneof![1_u64..1000, 1_u64..=u64::from(u32::MAX)];
    // Fourteen digits: more would touch the figure before it in the printed layout.
    let bytes = prop_oneof![0_u64..100_000, 0..100_000_000_000_000_u64];
    (count.clone(), count, bytes).prop_map(|(allocs, frees, bytes)| Counters::windows(allocs, frees, bytes))
}

fn owner() -> impl Strategy<Value = Option<Arc<str>>> {
    prop_oneof![
        Just(None),
        "[a-z]{1,8}\\.sys  -  [A-Za-z .]{0,12}[a-z]"
            .prop_map(|text| Some(Arc::from(format!("[{text}]").as_str()))),
    ]
}

fn row() -> impl Strategy<Value = Row> {
    let tag = prop_oneof![any::<[u8; 4]>(), "[ -~]{4}".prop_map(|tag| tag.as_bytes().try_into().unwrap())];
    let pool = prop_oneof![Just(Pool::Nonpaged), Just(Pool::Paged)];
    (tag, pool, counters(), owner()).prop_map(|(tag, pool, counters, reported_owner)| Row {
        tag: Tag::pool(tag),
        pool,
        counters,
        reported_owner,
    })
}

fn header() -> impl Strategy<Value = Header> {
    let kib = || (0_u64..1 << 40).prop_map(|k| Some(k * 1024));
    // Never less than what the rows hold.
    let pool = || (1_u64 << 41..1 << 42).prop_map(|k| Some(k * 1024));
    ((kib(), kib(), 0_u64..1 << 40, kib(), kib()), (kib(), kib(), kib(), pool(), pool())).prop_map(
        |(first, second)| Header {
            memory_total: first.0,
            memory_available: first.1,
            page_faults: Some(first.2),
            resident_kernel: first.3,
            resident_paged: first.4,
            commit: second.0,
            commit_limit: second.1,
            commit_peak: second.2,
            pool_nonpaged: second.3,
            pool_paged: second.4,
            ..Header::default()
        },
    )
}

fn sample() -> impl Strategy<Value = Sample> {
    let time = (0_i64..4_000_000_000).prop_map(|second| Timestamp::from_second(second).ok());
    (time, prop::option::of("[A-Za-z0-9 -]{0,10}[A-Z]"), header(), prop::collection::vec(row(), 1..12))
        .prop_map(|(time, host, header, rows)| {
            let mut origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]);
            origin.host = host.map(|host| host.trim().to_owned());
            origin.boot = Some("b-17".into());
            origin.system = Some("Windows 10.0.19045".into());
            let mut sample = Sample::new(Arc::new(origin), CounterWidth::Bits32);
            (sample.time, sample.header, sample.rows) = (time, header, rows);
            sample
        })
}

fn printed(sample: &Sample, format: TableFormat) -> Vec<u8> {
    let table = Table::new(None, sample, &Filter::default(), None);
    let options =
        PrintOptions { totals: true, header: true, stamp: true, driver: true, ..PrintOptions::default() };
    let mut out = Vec::new();
    poolmon_print::write(&mut out, format, sample, &table, options).unwrap();
    out
}

fn read(bytes: Vec<u8>) -> Vec<Sample> {
    LogFile::from_bytes("log", bytes).unwrap().samples().collect::<Result<_, _>>().unwrap()
}

/// Per Alloc is printed and so comes back as told; everything else is as it was.
fn bare(sample: &Sample) -> Vec<Row> {
    let mut rows = sample.rows.clone();
    for row in &mut rows {
        row.counters.reported_per_alloc = None;
    }
    rows
}

/// CSV prints owners as plain text: brackets and outer blanks are not data.
fn plain(mut rows: Vec<Row>) -> Vec<Row> {
    for row in &mut rows {
        let parts = row.reported_owner.as_deref().and_then(poolmon_model::owner::OwnerParts::reported);
        row.reported_owner = parts.map(|parts| parts.plain().into());
    }
    rows
}

fn with_line_ends(text: &[u8]) -> Vec<u8> {
    let lines: Vec<_> = text.split(|&b| b == b'\n').collect();
    lines.join(&b"\r\n"[..])
}

proptest! {
    #[test]
    fn the_wide_layout_reads_back_equal(mut samples in prop::collection::vec(sample(), 1..4), crlf: bool) {
        // Lists of one moment would be one sample.
        for (n, sample) in (0..).zip(&mut samples) {
            sample.time = Timestamp::from_second(n * 1_000_000).ok();
        }
        let mut text: Vec<u8> = samples.iter().flat_map(|sample| printed(sample, TableFormat::Poolmon)).collect();
        if crlf {
            text = with_line_ends(&text);
        }
        let back = read(text.clone());
        prop_assert_eq!(back.len(), samples.len());
        for (mut back, sample) in back.into_iter().zip(&samples) {
            let back = &mut back;
            // A few large rows are not all of a Windows.
            back.remarks.retain(|remark| !remark.contains("leaves others out"));
            // Rows at random may have freed more than they allocated.
            let odd = sample.rows.iter().any(|row| row.counters.frees_exceed_allocs());
            let is_odd = |remark: &String| remark.contains("more frees than allocs");
            prop_assert_eq!(back.remarks.iter().any(is_odd), odd);
            back.remarks.retain(|remark| !is_odd(remark));
            prop_assert_eq!(bare(back), sample.rows.clone(), "{}", String::from_utf8_lossy(&text));
            prop_assert_eq!((&back.header, back.time, back.width), (&sample.header, sample.time, sample.width));
            prop_assert_eq!((&back.origin.host, &back.origin.boot, &back.origin.system),
                (&sample.origin.host, &sample.origin.boot, &sample.origin.system));
            prop_assert_eq!((back.disagreeing, &back.reported_deltas, &back.remarks), (0, &Vec::new(), &Vec::new()));
        }
    }

    #[test]
    fn csv_reads_back_equal(sample in sample(), tabs: bool) {
        let back = read(printed(&sample, if tabs { TableFormat::Tsv } else { TableFormat::Csv }));
        prop_assert_eq!(back.len(), 1);
        prop_assert_eq!(plain(bare(&back[0])), plain(sample.rows.clone()));
        prop_assert_eq!((back[0].time, &back[0].origin.host), (sample.time, &sample.origin.host));
    }

    #[test]
    fn utf16_reads_the_same(sample in sample(), big: bool, mark: bool) {
        let text = String::from_utf8(printed(&sample, TableFormat::Poolmon)).unwrap();
        let text = if mark { format!("\u{feff}{text}") } else { text };
        let bytes = text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
        prop_assert_eq!(bare(&read(bytes.collect())[0]), sample.rows);
    }

    #[test]
    fn a_log_cut_anywhere_gives_no_wrong_row(sample in sample(), at in any::<prop::sample::Index>()) {
        let text = printed(&sample, TableFormat::Poolmon);
        let end = text.iter().rposition(|&b| b == b'\n').map_or(0, |last| at.index(last));
        let Ok(log) = LogFile::from_bytes("cut", &text[..end]) else { return Ok(()) };
        for back in log.samples().filter_map(Result::ok) {
            let rows = bare(&back);
            prop_assert!(rows.len() <= sample.rows.len());
            for (back, row) in rows.iter().zip(&sample.rows) {
                prop_assert_eq!((&back.tag, back.pool, back.counters), (&row.tag, row.pool, row.counters));
            }
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut reader = SampleReader::new("bytes", std::io::Cursor::new(bytes));
        let mut sample = Sample::empty();
        while let Ok(true) = reader.next_into(&mut sample) {}
        prop_assert!(matches!(reader.next_into(&mut sample), Ok(false)));
    }

    #[test]
    fn any_text_never_panics(text in "( (Nonp|Paged|Tag|Type|TOTAL|Recl|[a-zA-Z.]{4})|[0-9]{1,22}|[-(),;:\t\n#!\"']| |\u{e9}|!poolused\n|Memory:|tag,pool,bytes\n){0,120}") {
        let mut reader = SampleReader::new("text", std::io::Cursor::new(text.into_bytes()));
        let mut sample = Sample::empty();
        while let Ok(true) = reader.next_into(&mut sample) {
            prop_assert!(sample.reported_deltas.is_empty() || sample.reported_deltas.len() == sample.rows.len());
        }
    }
}
