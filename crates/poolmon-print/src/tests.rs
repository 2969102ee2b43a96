use std::sync::Arc;

use poolmon_model::group::GroupBy;
use poolmon_model::{
    CounterWidth, Counters, Filter, Origin, Pool, Row, Sample, Sort, SourceKind, Table, Tag, column,
};

use crate::{Paint, PrintOptions, SafeText, TableFormat, write, write_painted};

fn windows() -> (Sample, Sample) {
    let mut origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]);
    origin.host = Some("SRV 01".into());
    origin.boot = Some("b1".into());
    origin.system = Some("Windows 10.0.19045".into());
    let origin = Arc::new(origin);
    let sample = |rows: &[(&[u8; 4], Pool, u64, u64, u64)]| {
        let mut sample = Sample::new(Arc::clone(&origin), CounterWidth::Bits32);
        sample.time = Some("2026-11-23T06:13:47Z".parse().unwrap());
        sample.header.memory_total = Some(33_473_120 << 10);
        sample.header.memory_available = Some(20_055_132 << 10);
        sample.header.page_faults = Some(901_597_864);
        sample.header.commit = Some(15_035_764 << 10);
        sample.header.pool_nonpaged = Some(1 << 20);
        sample.header.pool_paged = Some(2 << 20);
        sample.rows =
            rows.iter().map(|&(tag, pool, a, f, b)| Row::windows(Tag::pool(*tag), pool, a, f, b)).collect();
        sample
    };
    let before = sample(&[(b"Irp ", Pool::Nonpaged, 100, 90, 1000), (b"MmSt", Pool::Paged, 50, 10, 40_000)]);
    let mut now = sample(&[
        (b"Irp ", Pool::Nonpaged, 4_288_592, 4_288_000, 254_683),
        (b"MmSt", Pool::Paged, 50, 11, 39_000),
        (b"a\"\0,", Pool::Paged, 7, 7, 4096),
    ]);
    now.rows[1].reported_owner = Some("[nt!mm - Mm section object prototype ptes]".into());
    (before, now)
}

fn linux() -> Sample {
    let origin = Arc::new(Origin::new(SourceKind::Linux, &[Pool::Reclaimable, Pool::Unreclaimable]));
    let mut sample = Sample::new(origin, CounterWidth::Bits64);
    sample.header.memory_total = Some(24_684_092 << 10);
    sample.header.slab_reclaimable = Some(1 << 20);
    let row = |name, pool, objects, bytes, used| Row {
        tag: Tag::name(name),
        pool,
        counters: Counters {
            reported_diff: Some(objects),
            bytes: Some(bytes),
            used: Some(used),
            ..Counters::default()
        },
        reported_owner: None,
    };
    sample.rows = vec![
        row("dentry", Pool::Reclaimable, 4961, 1_040_000, 952_512),
        row("kmalloc-64", Pool::Unreclaimable, 10, 4096, 640),
    ];
    sample
}

fn printed(format: TableFormat, before: Option<&Sample>, now: &Sample, options: PrintOptions) -> String {
    let mut table = Table::new(before, now, &Filter::default(), None);
    table.sort(Sort::by(&column::BYTES));
    let mut out = Vec::new();
    write(&mut out, format, now, &table, options).unwrap();
    String::from_utf8(out).unwrap()
}

const ALL: PrintOptions =
    PrintOptions { totals: true, header: true, stamp: true, driver: true, no_titles: false, human: false };

#[test]
fn every_format_of_a_windows_table() {
    let (before, now) = windows();
    for (name, format) in [
        ("table", TableFormat::Table),
        ("csv", TableFormat::Csv),
        ("tsv", TableFormat::Tsv),
        ("json", TableFormat::Json),
        ("poolmon", TableFormat::Poolmon),
    ] {
        insta::assert_snapshot!(format!("windows_{name}"), printed(format, Some(&before), &now, ALL));
    }
    insta::assert_snapshot!(
        "windows_plain",
        printed(TableFormat::Table, None, &now, PrintOptions::default())
    );
    insta::assert_snapshot!(
        "windows_poolmon_plain",
        printed(TableFormat::Poolmon, None, &now, PrintOptions::default())
    );
}

#[test]
fn every_format_of_a_linux_table() {
    let now = linux();
    for (name, format) in [
        ("table", TableFormat::Table),
        ("csv", TableFormat::Csv),
        ("json", TableFormat::Json),
        ("poolmon", TableFormat::Poolmon),
    ] {
        insta::assert_snapshot!(format!("linux_{name}"), printed(format, None, &now, ALL));
    }
}

#[test]
fn a_list_of_no_rows_says_so_only_if_none_matches() {
    let text = |filter: &Filter| {
        let now = linux();
        let mut table = Table::new(None, &now, filter, None);
        table.rows.clear();
        let mut out = Vec::new();
        write(&mut out, TableFormat::Table, &now, &table, PrintOptions::default()).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert!(!text(&Filter::default()).contains("no row"), "rows match, and the caller wants none of them");
    let none = Filter { include: vec![poolmon_model::Pattern::new("zzzz")], ..Filter::default() };
    assert!(text(&none).contains("(no row matches the filter)"));
}

#[test]
fn json_is_json_and_exact() {
    let (before, now) = windows();
    let value: serde_json::Value =
        serde_json::from_str(&printed(TableFormat::Json, Some(&before), &now, ALL)).unwrap();
    assert_eq!(value["rows"][0]["bytes"], 254_683);
    assert_eq!(value["rows"][2]["tag"], "a\"\\x00,");
    assert_eq!(value["rows"][2]["inexact"], true);
    assert_eq!(value["totals"]["paged"]["bytes"], 43_096);
    assert_eq!(value["totals"]["paged"]["untagged_bytes"], (2 << 20) - 43_096);
}

#[test]
fn the_wide_layouts_right_edges() {
    let (_, now) = windows();
    let text =
        printed(TableFormat::Poolmon, None, &now, PrintOptions { driver: true, ..PrintOptions::default() });
    let row = text.lines().find(|line| line.contains("MmSt")).unwrap();
    let edges: Vec<usize> = row[..100]
        .char_indices()
        .filter(|&(at, c)| c != ' ' && row[at + 1..].starts_with(' '))
        .map(|(at, _)| at + 1)
        .collect();
    assert_eq!(edges, [5, 11, 30, 49, 67, 82, 99]);
    assert_eq!(row.find("[nt!mm"), Some(107));
}

#[test]
fn groups_in_every_format() {
    let (before, mut now) = windows();
    for (row, owner) in now.rows.iter_mut().zip([Some("ntfs.sys"), Some("Ntfs.sys"), None]) {
        row.reported_owner = owner.map(Into::into);
    }
    let mut table = Table::new(Some(&before), &now, &Filter::default(), None);
    let sort = Sort::by(&column::BYTES);
    table.sort(sort);
    let groups = crate::groups::Groups::of(&table, GroupBy::Owner, sort, None);
    let written = |format, options| {
        let mut out = Vec::new();
        crate::groups::write(&mut out, format, &now, (&table, &groups), options).unwrap();
        String::from_utf8(out).unwrap()
    };
    for (name, format) in
        [("table", TableFormat::Table), ("csv", TableFormat::Csv), ("json", TableFormat::Json)]
    {
        insta::assert_snapshot!(format!("groups_{name}"), written(format, PrintOptions::default()));
    }
    let human = PrintOptions { human: true, no_titles: true, ..PrintOptions::default() };
    insta::assert_snapshot!("groups_human", written(TableFormat::Table, human));
    let mut out = Vec::new();
    let refused = crate::groups::write(&mut out, TableFormat::Poolmon, &now, (&table, &groups), human);
    assert!(refused.is_err() && out.is_empty(), "PoolMon's layout has no place for a group");
    assert_eq!(crate::groups::Groups::of(&table, GroupBy::Owner, sort, Some(1)).list.len(), 1);
}

/// What a change means shows in its sign and its digits: colours are no part of the text.
#[test]
fn colours_change_nothing_but_colours() {
    let (before, now) = windows();
    let options = PrintOptions { totals: false, header: false, ..ALL };
    let painted = |colours: bool, format: TableFormat| {
        let mut table = Table::new(Some(&before), &now, &Filter::default(), None);
        table.sort(Sort::by(&column::BYTES));
        let mut out = Vec::new();
        let mut safe = SafeText::new(&mut out, true).in_colour(colours);
        write_painted(&mut safe, format, &now, &table, options).unwrap();
        String::from_utf8(out).unwrap()
    };
    let (plain, coloured) = (painted(false, TableFormat::Table), painted(true, TableFormat::Table));
    assert!(!plain.contains('\x1b'), "{plain}");
    for (paint, cell) in
        [(Paint::Title, "Bytes"), (Paint::Faint, "("), (Paint::GrewMuch, "(+"), (Paint::Shrank, "(-")]
    {
        assert!(coloured.contains(&format!("{}{cell}", paint.sequence())), "{paint:?} {cell}\n{coloured}");
    }
    assert!(!coloured.contains(Paint::Leaking.sequence()), "a table has no verdicts");
    let known = Paint::ALL.map(Paint::sequence).into_iter().chain([Paint::END]);
    assert_eq!(known.fold(coloured, |text, sequence| text.replace(sequence, "")), plain);
    for format in [TableFormat::Csv, TableFormat::Json, TableFormat::Poolmon] {
        assert!(!painted(true, format).contains('\x1b'));
    }
}

/// What reads tables with `awk` and `sort` needs neither titles nor any other line that is no row.
#[test]
fn a_table_without_titles_has_a_line_for_each_row() {
    let now = linux();
    let bare = PrintOptions { no_titles: true, ..PrintOptions::default() };
    let text = printed(TableFormat::Table, None, &now, bare);
    assert_eq!(text.lines().count(), now.rows.len(), "{text}");
    assert!(text.starts_with("dentry"), "{text}");
    let human = PrintOptions { human: true, ..PrintOptions::default() };
    let text = printed(TableFormat::Table, None, &now, human);
    assert!(text.contains("1016 KiB") || text.contains("1,016 KiB") || text.contains("0.99 MiB"), "{text}");
    assert!(!text.contains("1040000"), "{text}");
}
