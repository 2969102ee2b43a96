//! Odd forms of saved text, one test each: what it is, where it comes from, and what has to be read.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::path::PathBuf;
use std::time::Duration;

use poolmon_model::problem::Remedy as _;
use poolmon_model::{CounterWidth, Pool, Sample, SourceKind, Tag};
use poolmon_read::{Earlier, ReadError, ReadOptions, SampleSeries};

use crate::common::LogFile;

const COLUMNS: &str = " Tag  Type     Allocs            Frees               Diff            Bytes                 Per Alloc\r\n\r\n";
const IRP: &str =
    " Irp  Nonp                 100                 60                40           4000              100\r\n";
const MMST: &str =
    " MmSt Paged                  7                  6                 1           4096             4096\r\n";

fn read(bytes: impl Into<Vec<u8>>) -> Vec<Sample> {
    let log = LogFile::from_bytes("log", bytes.into()).unwrap();
    log.samples().collect::<Result<_, _>>().unwrap()
}

fn one(bytes: impl Into<Vec<u8>>) -> Sample {
    let mut samples = read(bytes);
    assert_eq!(samples.len(), 1);
    samples.pop().unwrap()
}

fn tags(sample: &Sample) -> Vec<String> {
    sample.rows.iter().map(|row| row.tag.to_string()).collect()
}

fn time(sample: &Sample) -> String {
    sample.time.map_or("-".into(), |time| time.to_string())
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn problem(bytes: &[u8]) -> String {
    let first = LogFile::from_bytes("x.log", bytes).and_then(|log| log.samples().next().unwrap());
    match first {
        Err(error @ ReadError::Malformed { .. }) => error.in_full(),
        other => panic!("{other:?}"),
    }
}

/// 32-bit and early x64 PoolMon: narrow columns, memory figures that touch their labels.
#[test]
fn narrow_logs() {
    let sample =
        one(" Memory:16468560K Avail:12072536K  PageFlts:468600648   InRam Krnl:56708K P:950888K\n \
         Commit:4100436K Limit:17517136K Peak:11685564K            Pool N:710920K P:983564K\n\n \
         Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc\n\n \
         EtwB Nonp       6394      4056      2338 163418368      69896\n \
         MmSt Paged   2269405   2095404    174001 156097152        897\n");
    assert_eq!(tags(&sample), ["EtwB", "MmSt"]);
    assert_eq!(sample.rows[0].counters.bytes, Some(163_418_368));
    assert_eq!(sample.header.page_faults, Some(468_600_648));
    assert_eq!(
        (sample.header.pool_nonpaged, sample.header.pool_paged),
        (Some(710_920 * 1024), Some(983_564 * 1024))
    );
    assert!(sample.remarks.is_empty());
}

/// Support scripts write a date line, then let `poolmon -n` append: many snapshots in one file.
#[test]
fn dates_before_snapshots() {
    let text = format!(
        "Monday, November 23, 2026 6:13:47 AM\r\n{COLUMNS}{IRP}\r\n\
         2026.11.23-06:18:47 Pacific Standard Time (local time of SRV01)\r\n{COLUMNS}{IRP}{MMST}\r\n\
         Mon 11/23/2026 \r\n06:23 AM\r\n{COLUMNS}{IRP}{COLUMNS}{IRP}"
    );
    let samples = read(text);
    let times: Vec<_> = samples.iter().map(time).collect();
    assert_eq!(times, ["2026-11-23T06:13:47Z", "2026-11-23T06:18:47Z", "2026-11-23T06:23:00Z", "-"]);
    assert_eq!(samples[0].remarks, ["the time zone is unknown: times are read as UTC"]);
    assert!(samples[3].remarks.is_empty());
    assert_eq!(samples.iter().map(|sample| sample.rows.len()).collect::<Vec<_>>(), [1, 2, 1, 1]);
}

/// poolmon's own comment line: PoolMon's logs tell neither time nor host nor boot.
#[test]
fn our_own_comment() {
    let text = format!(
        "# poolmon 1 time=2026-11-23T06:13:47Z host=\"SRV 01\" boot=b1 system=\"Windows 10.0.19045\" \r\n{COLUMNS}{IRP}\
         # poolmon 1 time=2026-11-23T06:14:47Z host=SRV02\r\n{COLUMNS}{IRP}"
    );
    let [first, second] = read(text).try_into().unwrap();
    assert_eq!(
        (time(&first).as_str(), first.origin.host.as_deref()),
        ("2026-11-23T06:13:47Z", Some("SRV 01"))
    );
    assert_eq!(
        (first.origin.boot.as_deref(), first.origin.system.as_deref()),
        (Some("b1"), Some("Windows 10.0.19045"))
    );
    assert_eq!((second.origin.host.as_deref(), &second.origin.boot), (Some("SRV02"), &None));
    // A snapshot without a comment may be of another boot: the one told before does not hold for it.
    let [first, second] =
        read(format!("# poolmon 1 host=A boot=b1\n{COLUMNS}{IRP}{COLUMNS}{IRP}")).try_into().unwrap();
    assert_eq!((first.origin.boot.as_deref(), second.origin.boot.as_deref()), (Some("b1"), None));
    assert_eq!(second.origin.host.as_deref(), Some("A"));
    assert!(first.remarks.is_empty(), "the zone is told");
}

/// memsnap's `!` lines (XP support tools) before a pool table; its process rows are not rows of pools.
#[test]
fn memsnap_lines() {
    let text = format!(
        "Process ID         Proc.Name Wrkng.Set PagedPool  NonPgdPl\r\n!LogType=memsnap\r\n!ComputerName=LAB2\r\n\
         !buildnumber=3790\r\n!SystemTime=09\\03\\2002 15:39:31.0781 (GMT)\r\n!TickCount=67179359\r\n\
         00000000              (null)     16384         0         0         0         0         0\r\n\
         00000004              System    233472         0         0         0     32768       738\r\n\r\n{COLUMNS}{IRP}"
    );
    let sample = one(text);
    assert_eq!(time(&sample), "2002-09-03T15:39:31.781Z");
    assert_eq!(sample.uptime, Some(Duration::from_millis(67_179_359)));
    assert_eq!(
        (sample.origin.host.as_deref(), sample.origin.system.as_deref()),
        (Some("LAB2"), Some("Windows build 3790"))
    );
    assert_eq!(
        sample.remarks,
        ["2 process rows of memsnap's were skipped: they list processes, not pool tags"]
    );
}

/// PowerShell's `>`: UTF-16 with a mark. And without one, where logs were joined.
#[test]
fn utf16_with_and_without_a_mark() {
    let text = format!("{COLUMNS}{IRP}");
    for bytes in [utf16(&format!("\u{feff}{text}")), utf16(&text)] {
        assert_eq!(tags(&one(bytes)), ["Irp "]);
    }
    let big: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(tags(&one(big)), ["Irp "]);
}

/// `Get-Date > FILE` writes UTF-16, `poolmon -n FILE` then appends single bytes. The other way round, PowerShell's
/// `>>` appends UTF-16 to a file of single bytes.
#[test]
fn files_of_two_encodings() {
    let mut bytes = utf16("\u{feff}\r\nMonday, November 23, 2026 6:13:47 AM\r\n\r\n");
    bytes.extend_from_slice(format!("{COLUMNS}{IRP}").as_bytes());
    let sample = one(bytes);
    assert_eq!((time(&sample).as_str(), tags(&sample)), ("2026-11-23T06:13:47Z", vec!["Irp ".to_owned()]));

    let mut bytes = format!("{COLUMNS}{IRP}").into_bytes();
    bytes.extend(utf16(&format!("{COLUMNS}{MMST}")));
    let samples = read(bytes);
    assert_eq!(samples.iter().map(tags).collect::<Vec<_>>(), [["Irp "], ["MmSt"]]);
}

/// UTF-8 with a mark; the 0x1A that old editors and `copy` end a file with.
#[test]
fn marks_at_both_ends() {
    let text = format!("\u{feff}{COLUMNS}{IRP}\x1a");
    let sample = one(text);
    assert_eq!((tags(&sample), sample.remarks.len()), (vec!["Irp ".to_owned()], 0));
    let text = format!("{COLUMNS}{}\x1a", IRP.trim_end());
    assert_eq!(tags(&one(text)), ["Irp "]);
}

/// Tags are four raw bytes: blanks inside and before, Latin-1, control bytes, the protection bit in the last one.
#[test]
fn tags_that_break_other_readers() {
    let mut bytes = COLUMNS.as_bytes().to_vec();
    for tag in [&b"Dh 1"[..], b"  rx", b"Io  ", b"Pro\xe3", b"a\0\x01\x7f", b"-UMD", b"@GM5", b"    "] {
        bytes.push(b' ');
        bytes.extend_from_slice(tag);
        bytes.extend_from_slice(&IRP.as_bytes()[5..]);
    }
    assert_eq!(
        tags(&one(bytes)),
        ["Dh 1", "  rx", "Io  ", "Pro\\xe3", "a\\x00\\x01\\x7f", "-UMD", "@GM5", "    "]
    );
}

/// A screen copied from a web page: no-break spaces, rules, prompts, thousands grouped, a totals line.
#[test]
fn pasted_from_a_web_page() {
    let sample = one("PS C:\\tools> .\\poolmon.exe -b\n## Tag Type Allocs\n--------------------\n\
         Tag Type Allocs Frees Diff Bytes Per Alloc\n\u{2014}\u{2014}\u{2014}\u{2013}\n\n\
         \u{a0}Irp\u{a0} Nonp 1,100 ( 3) 1,060 ( -2) 40 4,000 ( -128) 100\n\n\
         MmSt Paged 7 ( 0) 6 ( 0) 1 4096 ( 0) 4096 [nt!mm - sections]\n\
         TOTAL Nonp 1100 1060 40 4000\n[...]\n");
    assert_eq!(tags(&sample), ["Irp ", "MmSt"]);
    assert_eq!(sample.rows[0].counters.allocs, Some(1100));
    assert_eq!((sample.reported_deltas[0].frees, sample.reported_deltas[0].bytes), (Some(-2), Some(-128)));
    assert_eq!(sample.rows[1].reported_owner.as_deref(), Some("[nt!mm - sections]"));
    assert_eq!(sample.remarks, ["1 place where rows were left out when this was saved: line 11"]);
}

/// Some rows of a copied screen have changes in brackets, others do not: the lists stay side by side.
#[test]
fn changes_of_some_rows_only() {
    let sample = one(" A    Nonp 1 1 0 0 0\n B    Nonp 2 ( 1) 1 ( 0) 1 8 ( 8) 8\n C    Nonp 1 1 0 0 0\n");
    let bytes: Vec<_> = sample.reported_deltas.iter().map(|delta| delta.bytes).collect();
    assert_eq!(bytes, [None, Some(8), None]);
}

/// The session pools of a Terminal Server.
#[test]
fn sessions() {
    let sample =
        one(format!(" Memory: 260620K Avail: 96364K\n Session 3 pool information\n{COLUMNS}{IRP}{MMST}"));
    assert!(sample.rows.is_empty());
    assert_eq!((sample.sessions[0].id, sample.sessions[0].rows.len()), (3, 2));
    let sample = one(format!(" All sessions pool information\n{COLUMNS}{IRP}"));
    assert_eq!((sample.rows.len(), sample.remarks.len()), (1, 1));
}

/// Allocs wrapped at 2^32, Frees not yet: the told Diff is right and is not stored beside the counters.
#[test]
fn wrapped_counters() {
    let sample = one(format!(
        "{COLUMNS} Wrap Nonp                  10         4294967286                20            640               32\n"
    ));
    assert_eq!((sample.rows[0].counters.reported_diff, sample.disagreeing), (None, 0));
    assert_eq!(sample.rows[0].counters.diff(sample.width), Some(20));
}

/// 26H1 keeps 64-bit counters: one count beyond 32 bits makes the whole sample wide.
#[test]
fn wide_counters() {
    let row = " Big  Nonp          5000000000         4000000000        1000000000     1000000000                1\n";
    let sample = one(format!("{COLUMNS}{row}{IRP}"));
    assert_eq!((sample.width, sample.rows[0].counters.reported_diff), (CounterWidth::Bits64, None));
    assert_eq!(one(format!("{COLUMNS}{IRP}")).width, CounterWidth::Bits32);
}

/// A filter matched nothing for a while (`poolmon /iLeak /n`): the empty snapshot's figures are not the next one's.
#[test]
fn snapshots_without_rows() {
    let text = format!(
        "2026-11-23 06:00:00\n Memory:1K Avail:1K  PageFlts:5\n{COLUMNS}\n Memory:2K\n Commit:3K\n{COLUMNS}{IRP}"
    );
    let sample = one(text);
    assert_eq!(
        (sample.header.memory_total, sample.header.page_faults, sample.time),
        (Some(2048), None, None)
    );
    assert_eq!(sample.header.commit, Some(3072));
}

/// Rows that cannot be read are counted, and their lines named; the others stay.
#[test]
fn broken_rows_do_not_end_the_reading() {
    let text = format!(
        "{COLUMNS} Wait Nonp    39711...\r\n{IRP} Huge Nonp 99999999999999999999999 1 1 1 1\r\n{MMST} Wait Nonp 5 4"
    );
    let sample = one(text);
    assert_eq!(tags(&sample), ["Irp ", "MmSt"]);
    assert_eq!(
        sample.remarks,
        [
            "3 rows could not be read and were skipped: line 3 (`Wait Nonp    39711...`), 5 (`Huge Nonp 99999999999999999999999 1 1 1 …`), 7 (`Wait Nonp 5 4`)"
        ]
    );
}

/// A Per Alloc that is not Bytes / Diff: a typing error, or figures of two moments.
#[test]
fn a_wrong_per_alloc_is_said() {
    let sample = one(format!("{COLUMNS}{}", IRP.replace("              100\r", "              101\r")));
    assert_eq!(sample.remarks, ["1 row has a Per Alloc that is not Bytes / Diff: line 3"]);
    assert_eq!(sample.disagreeing, 0);
}

/// poolmon's own Linux layout: long names push the columns, `-` is not known, Used stands behind Per Alloc.
#[test]
fn linux_in_the_wide_layout() {
    let columns = COLUMNS.trim_end();
    let sample = one(format!(
        "{columns}           Used       Mapped_Driver\n\n \
         dentry Recl                   -                  -              4961        1040000              192         952512        Unknown Driver\n \
         kmalloc-64 Unrec                  -                  -                10           4096               64            640        [slab]\n\n \
         TOTAL Recl                  -                  -              4961        1040000\n"
    ));
    let row = &sample.rows[0];
    assert_eq!(
        (row.tag.clone(), row.pool, row.counters.allocs),
        (Tag::name("dentry"), Pool::Reclaimable, None)
    );
    assert_eq!(
        (row.counters.reported_diff, row.counters.used, row.reported_owner.as_deref()),
        (Some(4961), Some(952_512), None)
    );
    assert_eq!(sample.rows[1].reported_owner.as_deref(), Some("[slab]"));
    assert_eq!(sample.origin.pools, [Pool::Reclaimable, Pool::Unreclaimable]);
    assert_eq!((sample.rows.len(), sample.width, sample.remarks.len()), (2, CounterWidth::Bits64, 0));
}

/// A table that grows by a row a tag and sample: its `time` column splits it.
#[test]
fn a_time_column_makes_samples() {
    let samples = read(
        "time,host,tag,pool,allocs,frees,diff,bytes,bytes_change\n\
         2026-11-23T06:00:00Z,SRV01,\"Irp \",nonpaged,100,60,40,4000,\n\
         2026-11-23T06:00:00Z,SRV01,MmSt,paged,7,6,1,4096,16\n\
         2026-11-23T06:05:00Z,SRV01,\"Irp \",nonpaged,110,60,50,5000,1000\n\
         2026-11-23T06:10:00Z,SRV01,\"Irp \",nonpaged,1,1,0,0,0\n",
    );
    let seen: Vec<_> =
        samples.iter().map(|s| (time(s), s.origin.host.clone().unwrap(), s.rows.len())).collect();
    let row = |time: &str, host: &str, rows| (time.to_owned(), host.to_owned(), rows);
    assert_eq!(
        seen,
        [
            row("2026-11-23T06:00:00Z", "SRV01", 2),
            row("2026-11-23T06:05:00Z", "SRV01", 1),
            row("2026-11-23T06:10:00Z", "SRV01", 1)
        ]
    );
    assert_eq!(samples[0].reported_deltas.iter().map(|d| d.bytes).collect::<Vec<_>>(), [None, Some(16)]);
    assert_eq!((samples[0].origin.kind, samples[0].remarks.len()), (SourceKind::TableFile, 0));
}

/// `Export-Csv` of a PowerShell port: a type line, everything in quotes, both pools in a row; files joined by `cat`.
#[test]
fn powershell_tables_joined() {
    let file = "#TYPE Selected.System.Management.Automation.PSCustomObject\r\n\
        \"Tag\",\"PagedAllocs\",\"PagedFrees\",\"PagedDiff\",\"PagedUsedBytes\",\"NonPagedAllocs\",\"NonPagedFrees\",\"NonPagedDiff\",\"NonPagedUsedBytes\",\"TotalUsedBytes\",\"Binary\",\"Description\"\r\n\
        \"File\",\"100\",\"40\",\"60\",\"4000\",\"500\",\"300\",\"200\",\"64000\",\"68000\",\"nt!io\",\"File objects\"\r\n\
        \"Irp \",\"0\",\"0\",\"0\",\"0\",\"5\",\"5\",\"0\",\"0\",\"0\",\"\",\"\"\r\n\
        \"Cut \",\"0\"\r\n";
    let samples = read(file.repeat(2));
    assert_eq!(samples.len(), 2);
    let sample = &samples[1];
    assert_eq!(tags(sample), ["File", "File", "Irp "]);
    assert_eq!(sample.tagged_bytes(Pool::Nonpaged), 64_000);
    assert_eq!(sample.rows[0].reported_owner.as_deref(), Some("[nt!io - File objects]"));
    assert_eq!(sample.remarks, ["1 row could not be read and was skipped: line 10 (`\"Cut \",\"0\"`)"]);
}

/// A table whose Diff is its own: kept, and counted.
#[test]
fn tables_that_contradict_themselves() {
    let sample = one(
        "Tag;Type;Allocs;Frees;Diff;Bytes\nTest;Paged;1473;1002;281;1972392\nMmSt;Paged;614;441;173;83456\n",
    );
    assert_eq!((sample.disagreeing, sample.rows[0].counters.reported_diff), (1, Some(281)));
    assert_eq!(sample.rows[1].counters.reported_diff, None);
}

/// Today's WinDbg: a tab before the description; the sum is right, so nothing is remarked. Two tables of one
/// moment are one sample.
#[test]
fn windbg_of_today() {
    let table = "0: kd> !poolused 2\nUsing a machine size of 3fdec8 pages to configure the kd cache\n..\n\
        Sorting by NonPaged Pool Consumed\n\n               NonPaged                  Paged\n \
        Tag       Allocs         Used       Allocs         Used\n\n \
        Leak         100        64000            0            0\tA leaking driver , Binary: leak.sys\n \
        CIcr           0            0            8        35760\tCode Integrity allocations , Binary: ci.dll\n\n \
        TOTAL        100        64000            8        35760\n";
    let text = format!(
        "Debug session time: Mon Nov 23 06:13:47.000 2026 (UTC - 8:00)\nSystem Uptime: 2 days 3:04:05.678\n{table}{table}"
    );
    let [first] = read(text).try_into().unwrap();
    assert_eq!(
        (time(&first).as_str(), first.uptime),
        ("2026-11-23T14:13:47Z", Some(Duration::from_secs(2 * 86_400 + 11_045)))
    );
    assert_eq!(
        (tags(&first), first.remarks.len()),
        (vec!["Leak".to_owned(), "CIcr".to_owned()], 0),
        "{:?}",
        first.remarks
    );
    let leak = &first.rows[0];
    assert_eq!(
        (leak.counters.allocs, leak.counters.reported_diff, leak.counters.bytes),
        (None, Some(100), Some(64_000))
    );
    assert_eq!(leak.reported_owner.as_deref(), Some("[leak.sys - A leaking driver]"));
}

/// WinDbg shows dots for bytes that do not print; where the text does not name the tag, that is said.
#[test]
fn windbg_dots() {
    let sample = one(
        "  Pool Used:\n Tag    Allocs     Used    Allocs     Used\n ab..        1      520         0        0Something\n",
    );
    assert_eq!(tags(&sample), ["ab.."]);
    assert_eq!(sample.remarks, ["1 tag with dots, which may replace blanks or non-printing bytes: line 3"]);
}

/// What is no saved text at all, and what a person can do.
#[test]
fn errors_say_what_helps() {
    assert!(problem(b"").contains("the file is empty"));
    assert!(problem(&[0; 5000]).contains("not text"));
    assert!(problem(b"PAGEDU64\x0f\0\0\0\x61\x4a\0\0").contains("crash dump"));
    assert!(problem(b"\x1f\x8b\x08\0\0\0\0\0").contains("gzip -d"));
    let error = problem(b"hello\nworld\n Wait Nonp 5\n");
    assert!(
        error.starts_with("x.log: lines 1 to 3: no row of a pool table was found; 1 row could not be read"),
        "{error}"
    );
    assert!(error.contains("name a file that poolmon reads"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let missing = LogFile::open(folder.path().join("none.log")).err().unwrap().to_string();
    assert!(missing.starts_with("cannot open ") && missing.contains("none.log"), "{missing}");
    assert!(LogFile::open(folder.path()).err().unwrap().to_string().contains("the folder is empty"));
}

/// Ten million columns, and lines without an end: memory stays bounded, the rows around them are read.
#[test]
fn monstrous_lines() {
    let mut text = format!("{COLUMNS}{IRP}");
    text.push_str(&"tag,pool,".repeat(1_200_000));
    text.push_str("\r\n");
    text.push_str(MMST);
    let sample = one(text);
    assert_eq!(tags(&sample), ["Irp ", "MmSt"]);
    assert_eq!(sample.remarks, ["1 line longer than 1 MiB was skipped: line 4"]);
    let header = format!("tag,pool,bytes{}\n", ",x".repeat(100_000));
    assert!(problem(header.as_bytes()).contains("no row"));
}

/// Reading with one sample used again gives the same as samples of their own; the last two are the last two.
#[test]
fn the_last_two_of_many() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.log");
    let mut text = String::new();
    for n in 0..5 {
        text.extend(["2026-11-23T06:0", &n.to_string(), ":00Z\r\n", COLUMNS, &IRP.repeat(n + 1)]);
    }
    std::fs::write(&path, &text).unwrap();
    let log = LogFile::open(&path).unwrap();
    let all: Vec<Sample> = log.samples().collect::<Result<_, _>>().unwrap();
    let mut reader = log.reader().unwrap();
    let mut sample = Sample::empty();
    for expected in &all {
        assert!(reader.next_into(&mut sample).unwrap());
        assert_eq!(&sample, expected);
    }
    assert!(!reader.next_into(&mut sample).unwrap());
    let last_two = |path: PathBuf| {
        let mut series = SampleSeries::open(&[path], ReadOptions::default()).unwrap();
        let pair = series.at(None, Earlier::Previous).unwrap();
        (pair.before, pair.now)
    };
    let (before, last) = last_two(path);
    assert_eq!((before.as_ref(), &last), (all.get(3), &all[4]));
    let path = folder.path().join("one.log");
    std::fs::write(&path, format!("{COLUMNS}{IRP}")).unwrap();
    let (before, last) = last_two(path);
    assert_eq!((before, last.rows.len()), (None, 1));
}
