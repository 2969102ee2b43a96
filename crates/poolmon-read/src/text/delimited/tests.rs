use super::*;

fn read(header: &str, row: &str) -> Option<Vec<(String, Pool, Counters)>> {
    let columns = columns(header.as_bytes()).expect(header);
    let cells = columns.row(row.as_bytes(), &mut RowTrouble::default())?;
    let rows = columns.rows(&cells)?;
    Some(rows.into_iter().flatten().map(|(tag, pool, reported)| (tag.to_string(), pool, reported)).collect())
}

fn one(header: &str, row: &str) -> (String, Pool, Counters) {
    read(header, row).and_then(|mut rows| rows.pop()).expect(row)
}

#[test]
fn any_order_case_and_separator() {
    for (header, row) in [
        ("tag,pool,allocs,frees,bytes", "Irp ,nonpaged,5,3,640"),
        ("Bytes;FREES;Allocs;Type;TAG", "640;3;5;Nonp;Irp"),
        (
            "\"Tag\"\t\"Pool Type\"\t\"Allocs\"\t\"Frees\"\t\"Used_Bytes\"",
            "\"Irp \"\t\"NonPaged\"\t\"5\"\t\"3\"\t\"640\"",
        ),
    ] {
        let (tag, pool, reported) = one(header, row);
        assert_eq!((tag.as_str(), pool), ("Irp ", Pool::Nonpaged));
        assert_eq!(
            (reported.allocs, reported.frees, reported.bytes),
            (Some(5), Some(3), Some(640)),
            "{header}"
        );
    }
}

#[test]
fn quotes_inside_tags() {
    // Windows 10 has such tags: `Cs@"`, `Cs@#`.
    assert_eq!(one("tag\tpool\tbytes", "Cs@\"\tnonpaged\t5").0, "Cs@\"");
    assert_eq!(one("tag,pool,bytes", "\"a\"\"b,\",nonpaged,5").0, "a\"b,");
    assert_eq!(one("tag,pool,bytes", "\"abc,nonpaged,5").0, "\"abc");
}

#[test]
fn unknown_is_none_and_nonsense_is_broken() {
    let reported = one("tag,pool,allocs,frees,diff,bytes", "a,paged,-,,7,4096").2;
    assert_eq!(
        (reported.allocs, reported.frees, reported.reported_diff, reported.bytes),
        (None, None, Some(7), Some(4096))
    );
    for row in [
        "a,paged,x,1,1,1",
        "a,paged,1,1,1",
        "a,purple,1,1,1,1",
        "a,paged,1,1,1,1,9",
        ",paged,1,1,1,1",
        "a,paged,-1,1,1,1",
    ] {
        assert!(read("tag,pool,allocs,frees,diff,bytes", row).is_none(), "{row}");
    }
}

#[test]
fn one_row_a_tag() {
    // The columns of a PowerShell port that many people run.
    let header = "Tag,PagedAllocs,PagedFrees,PagedDiff,PagedUsedBytes,NonPagedAllocs,NonPagedFrees,NonPagedDiff,NonPagedUsedBytes,TotalUsedBytes,Binary,Description";
    let rows =
        read(header, "File,100,40,60,4000,44288592,43651808,636784,254683680,254687680,nt!io,File objects")
            .unwrap();
    assert_eq!(
        rows.iter().map(|(_, pool, reported)| (*pool, reported.bytes)).collect::<Vec<_>>(),
        [(Pool::Nonpaged, Some(254_683_680)), (Pool::Paged, Some(4000))]
    );
    assert_eq!(read(header, "File,1,1,0,0,0,0,0,0,0,,").unwrap().len(), 1);
}

#[test]
fn linux_names() {
    let (tag, pool, reported) = one("tag,pool,diff,bytes,used", "kmalloc-64,unreclaimable,10,4096,640");
    assert_eq!((tag.as_str(), pool, reported.used), ("kmalloc-64", Pool::Unreclaimable, Some(640)));
    assert_eq!(one("tag,pool,bytes", "fsop,reclaimable,1").0, "fsop");
    assert_eq!(one("tag,pool,bytes", "LongName,paged,1").0, "LongName");
}

#[test]
fn screens_with_tabs_are_no_tables() {
    assert_eq!(columns(b"Tag \tType \tAllocs \t\tFrees \t\tDiff \tBytes \t\t\tPer Alloc"), None);
    assert_eq!(columns(b"tag team, type, bytes"), None);
}

#[test]
fn thousands_and_places_in_a_column_of_kilobytes() {
    for (cell, bytes) in [
        ("\"8,996,000.5\"", Some(9_211_904_512)),
        ("8785.16", Some(8_996_003)),
        ("3.1", Some(3174)),
        ("\"8,996,000,5\"", None),
        // It may be 195,312 KB.
        ("195.312", None),
    ] {
        let found = read("tag,pool,diff,Bytes (KB)", &format!("Tst1,nonpaged,5,{cell}"));
        assert_eq!(found.and_then(|rows| rows[0].2.bytes), bytes, "{cell}");
    }
    let columns = columns(b"tag,pool,diff,Bytes (KB)").unwrap();
    assert!(columns.holds(b"Tst1,nonpaged,5,195.312", super::super::numbers::is_unclear));
    assert!(!columns.holds(b"Tst1,nonpaged,5,1195.312", super::super::numbers::is_unclear));
}
