//! `!poolused` as WinDbg prints it.

mod common;

use poolmon_dump::windbg::{PoolUsedFlags, PoolUsedOptions, poolused_text};
use poolmon_dump::{Needle, PoolUsed};
use poolmon_model::{Pool, PoolTag, Row};
use poolmon_synth::dump::{Arch, Form, Spec, build};

/// Rows of the documented example.
fn example() -> PoolUsed {
    let built = build(&Spec::new(Arch::Amd64, 19_045));
    let mut used = common::open(&built, Form::BitmapKernel).pool_used().unwrap();
    let row =
        |tag: &[u8; 4], pool, live: u64, bytes| Row::windows(PoolTag(*tag).into(), pool, live + 7, 7, bytes);
    used.sample.rows = vec![
        row(b"rx\0\0", Pool::Nonpaged, 3, 1248),
        row(b"8042", Pool::Nonpaged, 4, 3944),
        row(b"AGP ", Pool::Nonpaged, 1, 344),
        row(b"AGP ", Pool::Paged, 2, 384),
        row(b"AcdN", Pool::Nonpaged, 2, 1072),
        row(b"AcpB", Pool::Paged, 4, 576),
        row(b"Wmit", Pool::Nonpaged, 1, 4096),
        row(b"Wmit", Pool::Paged, 7, 49480),
        row(b"Gone", Pool::Nonpaged, 0, 0),
        row(b"Huge", Pool::Nonpaged, 3_569_403, 209_111_104),
    ];
    used
}

fn describe(tag: PoolTag) -> Option<(String, Option<String>)> {
    match &tag.0 {
        b"8042" => Some(("PS/2 kb and mouse".into(), Some("i8042prt.sys".into()))),
        b"AcdN" => Some(("TDI AcdObjectInfoG".into(), None)),
        _ => None,
    }
}

#[test]
fn the_text_is_windbgs() {
    let used = example();
    let options = PoolUsedOptions { describe: Some(&describe), ..PoolUsedOptions::default() };
    insta::assert_snapshot!("by_tag", poolused_text(&used, &options));
    let by_paged = PoolUsedOptions {
        flags: PoolUsedFlags::from_number(4).unwrap(),
        top: Some(2),
        ..PoolUsedOptions::default()
    };
    insta::assert_snapshot!("by_paged", poolused_text(&used, &by_paged));
    let starts = |tag: PoolTag| tag.0.starts_with(b"A");
    let verbose = PoolUsedOptions {
        flags: PoolUsedFlags::from_number(3).unwrap(),
        filter: Some(&starts),
        ..PoolUsedOptions::default()
    };
    insta::assert_snapshot!("verbose", poolused_text(&used, &verbose));
}

#[test]
fn the_lines_of_the_real_sample_are_reproduced() {
    let Some(sample) = poolmon_testkit::shared("samples/windbg-poolused.txt") else { return };
    let sample = std::fs::read_to_string(sample).unwrap();
    let used = example();
    let text =
        poolused_text(&used, &PoolUsedOptions { describe: Some(&describe), ..PoolUsedOptions::default() });
    let same = text.lines().filter(|line| !line.is_empty() && sample.lines().any(|real| real == *line));
    // The sample's `rx..` line has one blank less than all others: taken for a slip of the person who copied it.
    let same: Vec<&str> = same.map(|line| line.get(..6).unwrap_or(line)).collect();
    assert_eq!(same, ["   Sor", "  Pool", "      ", " Tag  ", " 8042 ", " AGP  ", " AcdN "], "{text}");
}

#[test]
fn flags_that_make_no_sense_are_refused() {
    assert!(PoolUsedFlags::from_number(6).unwrap_err().contains("together"));
    assert!(PoolUsedFlags::from_number(8).unwrap_err().contains("session"));
    assert!(PoolUsedFlags::from_number(32).is_err());
    assert_eq!(PoolUsedFlags::from_number(0), Ok(PoolUsedFlags::default()));
}

#[test]
fn a_hit_is_printed_as_s_prints_it() {
    let built = build(&Spec::new(Arch::Amd64, 19_045));
    let dump = common::open(&built, Form::BitmapKernel);
    let report = dump.find(&Needle::parse("Zq7x").unwrap(), &mut |_, _| true).unwrap();
    let lines: Vec<String> = report.hits.iter().take(2).map(poolmon_dump::FindHit::windbg_line).collect();
    insta::assert_snapshot!("find", lines.join("\n"));
}
