//! Tables of cells as people have them: wrapped, joined from texts of several encodings, coloured, with dates between them.
#![allow(missing_docs, reason = "a test")]

use poolmon_model::{Pool, Sample};
use poolmon_read::{Input, ReadOptions, identify};

fn read(text: impl Into<Vec<u8>>) -> Vec<Sample> {
    let input = Input::from_bytes("table.csv", text.into());
    let mut reader = (identify(&input).unwrap().open)(&input, &ReadOptions::default()).unwrap();
    let (mut samples, mut sample) = (Vec::new(), Sample::empty());
    while reader.next_into(&mut sample).unwrap() {
        samples.push(sample.clone());
    }
    samples
}

/// Tag and bytes of each row.
fn bytes(sample: &Sample) -> Vec<(String, Option<u64>)> {
    sample.rows.iter().map(|row| (row.tag.to_string(), row.counters.bytes)).collect()
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_last_figure_at_the_edge_goes_on_in_the_next_line() {
    // A console of 30 columns. Its first line shows where it wraps.
    let [sample] = read(
        "Tag,Type,Allocs,Frees,Diff,Byt\nes,Mapped_Driver\nTst1,Nonp,390138,0,390138,1000\n0017216,driver.sys - Blocks of\n it\n",
    )
    .try_into()
    .unwrap();
    assert_eq!(bytes(&sample), [("Tst1".into(), Some(10_000_017_216))]);
    assert!(sample.remarks.iter().any(|remark| remark.contains("joined again")), "{:?}", sample.remarks);

    // Nothing shows that: the figure is unknown, never its first part.
    let [sample] =
        read("Tag,Type,Allocs,Frees,Bytes\nTst1,Nonp,9390138,9000000,1000\n0017216\n").try_into().unwrap();
    assert_eq!(bytes(&sample), [("Tst1".into(), None)]);
    assert!(sample.remarks[0].contains("cut at the edge of the line"), "{:?}", sample.remarks);
}

#[test]
fn tabs_behind_indentation_and_quotes() {
    let table = "Tag\tPaged Allocs\tPaged Frees\tPaged Diff\tPaged Usage\tNPaged Allocs\tNPaged Frees\tNPaged Diff\tNPaged Usage\n\
        AA0a\t0\t0\t0\t0\t9\t4\t5\t640\n";
    for prefix in ["\t", "> ", "    ", "> \t", "| ", "2026-03-01 10:00:00 "] {
        let text: String = table.lines().flat_map(|line| [prefix, line, "\n"]).collect();
        let [sample] = read(text).try_into().unwrap();
        assert_eq!(bytes(&sample), [("AA0a".into(), Some(640))], "{prefix:?}");
    }
}

#[test]
fn one_text_in_two_encodings() {
    let at = |hour: u32, bytes: u64| {
        format!("Time,Tag,Type,Bytes\r\n2026-03-01T{hour}:00:00Z,Tst1,Nonp,{bytes}\r\n")
    };
    let mark = [0xff, 0xfe];
    for text in [
        [at(10, 640).as_bytes(), &mark, &wide(&at(11, 704))].concat(),
        [at(10, 640).as_bytes(), &wide(&at(11, 704))].concat(),
        [&mark[..], &wide(&at(10, 640)), at(11, 704).as_bytes()].concat(),
        [&mark[..], &wide(&at(10, 640)), b"\xef\xbb\xbf", at(11, 704).as_bytes()].concat(),
        [&mark[..], &wide(&at(10, 640)), &mark, &wide(&at(11, 704))].concat(),
    ] {
        let [first, second] = read(text).try_into().unwrap();
        assert_eq!(bytes(&first), [("Tst1".into(), Some(640))]);
        assert_eq!(bytes(&second), [("Tst1".into(), Some(704))]);
        assert_eq!(second.remarks, Vec::<String>::new());
    }
}

#[test]
fn colours_are_no_owner() {
    let text = "\x1b[1m Tag  Type     Allocs            Frees            Diff   Bytes       Per Alloc\x1b[0m\n\
        \x1b[31m Tst1 Nonp                 10                  5                5         640              128\x1b[0m\n";
    let [sample] = read(text).try_into().unwrap();
    assert_eq!(bytes(&sample), [("Tst1".into(), Some(640))]);
    assert_eq!((&sample.rows[0].reported_owner, sample.remarks.len()), (&None, 0), "{:?}", sample.remarks);
}

#[test]
fn what_spreadsheets_and_windows_call_things() {
    let [sample] =
        read("sep=;\nTag;Pool;Allocs;Frees;Bytes\nTst1;NonPagedNx;9;4;640\nTst2;PagedPool;9;4;64 KB\n")
            .try_into()
            .unwrap();
    let row =
        |at: usize| (sample.rows[at].pool, sample.rows[at].counters.bytes, sample.rows[at].counters.inexact);
    assert_eq!((row(0), row(1)), ((Pool::Nonpaged, Some(640), false), (Pool::Paged, Some(65536), true)));
    assert_eq!(
        sample.remarks,
        ["1 row has bytes in a larger unit: they were rounded when this was saved: line 4"]
    );
}

/// A script writes the date, then the table.
#[test]
fn dates_between_tables() {
    let table = |date: &str, bytes: u64| format!("{date}\nTag,Type,Bytes\nTst1,Nonp,{bytes}\n");
    let samples = read(table("2026-03-01 10:00:00", 640) + &table("2026-03-01 11:00:00", 704));
    let times: Vec<_> = samples.iter().map(|sample| sample.time.unwrap().to_string()).collect();
    assert_eq!(times, ["2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"]);
    assert_eq!(bytes(&samples[1]), [("Tst1".into(), Some(704))]);
}

/// A console wrapped the names and the lines of a Perfmon log; a mail program quoted it.
#[test]
fn perfmon_in_pieces() {
    let text = "> \"(PDH-CSV 4.0) (UTC)(0)\",\"\\\\srv1\\Memory\\P\n> ool Nonpaged Bytes\",\"\\\\srv1\\Memory\\Pool\n> Paged Bytes\"\n\
        > \"03/01/2026 10:00:00.000\",\n> \"640\",\"70\n> 4\"\n> \"03/01/2026 10:00:05.000\",\"641\",\"705\"\n";
    let samples = read(text);
    let figures: Vec<_> =
        samples.iter().map(|sample| (sample.header.pool_nonpaged, sample.header.pool_paged)).collect();
    assert_eq!(figures, [(Some(640), Some(704)), (Some(641), Some(705))]);

    let stamped = text.replace("> ", "Mar  1 12:34:56 host tool: ");
    let times: Vec<_> = read(stamped).iter().map(|sample| sample.time.unwrap().to_string()).collect();
    assert_eq!(times, ["2026-03-01T10:00:00Z", "2026-03-01T10:00:05Z"], "the log's own times");

    // A name of which a part is lost: said, not dropped.
    let lost = read(text.replace("ool Nonpaged", "xyz Nonpaged"));
    assert_eq!(lost[0].header.pool_nonpaged, None);
    assert!(
        lost[0].remarks.iter().any(|remark| remark.contains("xyz Nonpaged Bytes")),
        "{:?}",
        lost[0].remarks
    );
}

fn refused(text: &str) -> String {
    let input = Input::from_bytes("table.csv", text.as_bytes().to_vec());
    let mut reader = (identify(&input).unwrap().open)(&input, &ReadOptions::default()).unwrap();
    let mut sample = Sample::empty();
    loop {
        match reader.next_into(&mut sample) {
            Ok(more) => assert!(more, "not refused"),
            Err(error) => return error.to_string(),
        }
    }
}

#[test]
fn every_column_of_figures_is_read_or_named() {
    let table = "Tag,Type,Allocs,Frees,KBytes,Bytes,Bytes,Widgets\nTst1,Nonp,9,4,2,2048,7,-\nTst2,Paged,9,4,2,2048,8,1 024\n";
    let samples: Vec<Sample> = read(table);
    assert_eq!(samples[0].rows[0].counters.bytes, Some(2048));
    for name in ["`Bytes (the second of that name)`", "`Widgets`"] {
        assert!(samples[0].remarks.iter().any(|said| said.contains(name)), "{name} {:?}", samples[0].remarks);
    }
    assert!(!samples[0].remarks.iter().any(|said| said.contains("KBytes")));
    // Without bytes, the larger unit is what there is.
    for (name, bytes) in [("KBytes", 3 << 10), ("Bytes (KB)", 3 << 10), ("Used MB", 3 << 20)] {
        let samples = read(format!("Tag,Type,Allocs,Frees,{name}\nTst1,Nonp,9,4,3\n"));
        assert_eq!(samples[0].rows[0].counters.bytes, Some(bytes), "{name}");
        assert!(samples[0].rows[0].counters.inexact, "{name}");
    }
}

#[test]
fn what_is_current_may_be_a_size() {
    let samples = read("Tag,Paged current (total),Non-paged current (total)\nTst1,12,8.5 GB\n");
    let row = |at: usize| samples[0].rows[at].counters;
    assert_eq!((row(0).reported_diff, row(0).bytes), (None, Some(17 << 29)));
    assert_eq!((row(1).reported_diff, row(1).bytes), (Some(12), None));
}

#[test]
fn tables_of_several_machines_are_refused() {
    for (header, rows) in [
        ("Host,Tag,Type,Bytes", "SRV1,Tst1,Nonp,5\nSRV2,Tst1,Nonp,6\n"),
        ("PSComputerName,Tag,Type,Bytes", "SRV1,Tst1,Nonp,5\nSRV2,Tst2,Nonp,6\n"),
        ("Cluster,Tag,Type,Bytes", "A,Tst1,Nonp,5\nA,Tst2,Nonp,5\nB,Tst1,Nonp,5\n"),
    ] {
        let error = refused(&format!("{header}\n{rows}"));
        assert!(
            error.contains("line ")
                && (error.contains("second computer") || error.contains("several machines")),
            "{error}"
        );
    }
    let same = read("Host,Tag,Type,Bytes,Note\nSRV1,Tst1,Nonp,5,a\nSRV1,Tst2,Nonp,5,b\nSRV1,Tst1,Nonp,5,a\n");
    assert_eq!(same[0].rows.len(), 2);
    assert!(same[0].remarks.iter().any(|said| said.contains("row is there twice")), "{:?}", same[0].remarks);
}

#[test]
fn a_figure_below_its_title_is_whole() {
    // PowerShell's Format-Table: numbers end where their titles do.
    let table = "\
Tag  Type    Allocs    Frees     Diff        Bytes
---  ----    ------    -----     ----        -----
Tst1 Nonp    900000      400   899600   9211904000
Tst2 Paged    16000    11000     5000      5120000
";
    let [sample] = read(table).try_into().unwrap();
    assert_eq!(bytes(&sample), [("Tst1".into(), Some(9_211_904_000)), ("Tst2".into(), Some(5_120_000))]);
    assert!(!sample.remarks.iter().any(|remark| remark.contains("cut")), "{:?}", sample.remarks);

    // The same, to the left, and padded to the width of the screen.
    let table = "\
Tag  Type  Allocs Frees Diff   Bytes     
Tst1 Nonp  900000 400   899600 9211904000
Tst2 Paged 16000  11000 5000   5120000   
";
    let [sample] = read(table).try_into().unwrap();
    assert_eq!(bytes(&sample)[1], ("Tst2".into(), Some(5_120_000)));

    // The column line ends where the rows do, and the figures are not below their titles: it was cut.
    let table = "\
Tag  Type   Allocs Frees   Diff  Bytes
Tst1 Nonp    900000    400  899600 92119
";
    let cut: String = table.lines().flat_map(|line| [&line[..38], "\n"]).collect();
    let [sample] = read(cut).try_into().unwrap();
    assert_eq!(bytes(&sample), [("Tst1".into(), None)]);
}

#[test]
fn a_log_whose_bytes_are_in_another_unit() {
    let log = |title: &str| {
        let titles =
            format!(" Tag  Type     Allocs            Frees               Diff            {title}\n\n");
        titles + " Leak Nonp              2000000            1800000            200000          200000\n"
    };
    for (title, shift) in [("KB", 10), ("Bytes (KB)", 10), ("MB", 20)] {
        let [sample] = read(log(title)).try_into().unwrap();
        assert_eq!(bytes(&sample), [("Leak".into(), Some(200_000 << shift))], "{title}");
        assert!(sample.remarks.iter().any(|remark| remark.contains("larger unit")), "{:?}", sample.remarks);
    }
}

#[test]
fn fractions_of_a_unit_are_not_cut() {
    let [sample] = read(
        "Tag,Type,Diff,KB\nLeak,Nonp,200000,200000.00\nStdy,Paged,9761,4880.50\nFlat,Nonp,200000,18750.00\n",
    )
    .try_into()
    .unwrap();
    let expected = [("Leak", 204_800_000), ("Stdy", 4_997_632), ("Flat", 19_200_000)];
    assert_eq!(bytes(&sample), expected.map(|(tag, bytes)| (tag.to_owned(), Some(bytes))));
    assert!(!sample.remarks.iter().any(|remark| remark.contains("cut")), "{:?}", sample.remarks);

    // A row that cannot be read is no rest of the one before.
    let [sample] =
        read("Tag,Type,Diff,KB\nLeak,Nonp,200000,200000\n2tdy,Paged,9761,48x80\n").try_into().unwrap();
    assert_eq!(bytes(&sample), [("Leak".into(), Some(204_800_000))]);
    assert!(sample.remarks.iter().any(|remark| remark.contains("could not be read")), "{:?}", sample.remarks);
}

#[test]
fn no_figure_is_taken_at_the_edge_where_the_titles_were_cut() {
    let table = "\
0: kd> !poolused
 Sorting by Tag

               NonPaged                  Paged
 Tag     Allocs         Used     Allocs         Used

 Big1    899600   9211904000          0            0
 Pgd1         0            0      16000     33000000
 Mix        500        64000        700        89600
";
    for width in 44..=60 {
        let cut: String = table.lines().flat_map(|line| [&line[..line.len().min(width)], "\n"]).collect();
        let input = Input::from_bytes("pool.txt", cut.clone().into_bytes());
        let mut reader = (identify(&input).unwrap().open)(&input, &ReadOptions::default()).unwrap();
        let mut sample = Sample::empty();
        let Ok(true) = reader.next_into(&mut sample) else { continue };
        for (tag, bytes) in bytes(&sample) {
            let right = [("Big1", 9_211_904_000), ("Pgd1", 33_000_000), ("Mix ", 64_000), ("Mix ", 89_600)];
            let fits =
                right.iter().any(|(name, right)| *name == tag && bytes.is_none_or(|bytes| bytes == *right));
            assert!(fits, "{width}: {tag} {bytes:?}\n{cut}");
        }
    }
}

/// One mark before three digits in every figure: thousands or places, which nothing shows.
#[test]
fn a_row_that_is_lost_for_an_unclear_mark_says_so() {
    let text = "Tag,Type,Diff,MB\nLeak,Nonp,200000,195.312\nFlat,Nonp,9928,4.848\n";
    let input = Input::from_bytes("table.csv", text.as_bytes().to_vec());
    let mut reader = (identify(&input).unwrap().open)(&input, &ReadOptions::default()).unwrap();
    let error = reader.next_into(&mut Sample::empty()).unwrap_err().to_string();
    assert!(error.contains("2 rows were skipped: a mark in them may separate thousands"), "{error}");
}
