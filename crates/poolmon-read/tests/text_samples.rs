//! Real saved texts, with the exact figures that they hold.
//!
//! They lie outside of the repository: `POOLMON_SHARED`, or `../shared` beside it. Where they are absent, the tests
//! say so and pass.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::path::PathBuf;

use poolmon_model::problem::Remedy as _;
use poolmon_model::{CounterWidth, Pool, Row, Sample, SourceKind};

use crate::common::LogFile;

fn shared(name: &str) -> Option<PathBuf> {
    poolmon_testkit::shared(&format!("samples/{name}"))
}

/// The only sample of a file.
fn only(name: &str) -> Option<Sample> {
    let log = LogFile::open(shared(name)?).unwrap();
    let mut samples: Vec<Sample> = log.samples().collect::<Result<_, _>>().unwrap();
    assert_eq!(samples.len(), 1, "{name}");
    samples.pop()
}

/// `tag|pool|allocs|frees|diff|bytes|per alloc`, as told or derived; `-` where not told.
fn shown(row: &Row, width: CounterWidth) -> String {
    let text = |figure: Option<u64>| figure.map_or("-".to_owned(), |figure| figure.to_string());
    let counters = &row.counters;
    let diff = counters.diff(width).map_or("-".to_owned(), |diff| diff.to_string());
    let [allocs, frees, bytes] = [counters.allocs, counters.frees, counters.bytes].map(text);
    format!("{}|{}|{allocs}|{frees}|{diff}|{bytes}|{}", row.tag, row.pool, text(counters.reported_per_alloc))
}

fn rows(sample: &Sample) -> Vec<String> {
    sample.rows.iter().map(|row| shown(row, sample.width)).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "the figures that it is compared with are optional")]
fn kib(k: u64) -> Option<u64> {
    Some(k * 1024)
}

/// What holds for every PoolMon text here.
fn is_poolmon(sample: &Sample, name: &str) {
    assert_eq!(sample.origin.kind, SourceKind::PoolmonLog);
    assert_eq!(sample.origin.pools, [Pool::Nonpaged, Pool::Paged]);
    assert!(sample.origin.file.as_deref().is_some_and(|file| file.ends_with(name)));
    assert_eq!((sample.width, sample.time, sample.uptime), (CounterWidth::Bits32, None, None));
}

#[test]
fn screen_of_the_documentation() {
    let name = "poolmon-screen-docs-display.txt";
    let Some(sample) = only(name) else { return };
    is_poolmon(&sample, name);
    assert_eq!(
        rows(&sample),
        [
            "Wait|Nonp|3971107|3971077|30|8456|281",
            "ObSt|Nonp|2791258|2791258|0|0|0",
            "Gxlt|Paged|1161638|1161630|8|864|108",
            "Ustm|Paged|1088342|1088298|44|2464|56",
            "Io  |Nonp|1021112|1020985|127|91912|723",
            "ObSq|Paged|967615|967615|0|0|0",
            "Key |Paged|954821|953979|842|87528|103",
            "SePa|Nonp|680348|680321|27|3656|135",
        ]
    );
    assert_eq!(sample.reported_deltas.len(), 8);
    let io = sample.reported_deltas[4];
    assert_eq!(
        (io.allocs, io.frees, io.diff, io.bytes, io.per_alloc),
        (Some(1), Some(1), None, Some(0), None)
    );
    let header = &sample.header;
    assert_eq!((header.memory_total, header.memory_available), (kib(260_620), kib(96_364)));
    assert_eq!(
        (header.page_faults, header.resident_kernel, header.resident_paged),
        (Some(0), kib(1916), kib(17_856))
    );
    assert_eq!(
        (header.commit, header.commit_limit, header.commit_peak),
        (kib(203_500), kib(640_916), kib(260_632))
    );
    assert_eq!((header.pool_nonpaged, header.pool_paged), (kib(8332), kib(27_220)));
    assert_eq!((sample.disagreeing, sample.remarks.len()), (0, 0), "{:?}", sample.remarks);
}

#[test]
fn screen_with_drivers() {
    let name = "poolmon-screen-docs-mapped-driver.txt";
    let Some(sample) = only(name) else { return };
    is_poolmon(&sample, name);
    assert_eq!(
        rows(&sample),
        [
            "NtFA|Nonp|9112|9112|0|0|0",
            "NtFB|Paged|3996|3986|10|252088|25208",
            "NtFC|Paged|1579279|1579269|10|640|64",
            "NtFD|Nonp|13|13|0|0|0",
            "NtFF|Paged|1128|1128|0|0|0",
            "NtFI|Nonp|152|152|0|0|0",
            "NtFL|Nonp|68398|68390|8|27280|3410",
            "NtFS|Paged|2915|2614|301|80192|266",
            "NtFa|Paged|838|829|9|288|32",
            "NtFd|Paged|137696|137688|8|720|90",
            "NtFf|Nonp|2|1|1|40|40",
            "NtFs|Nonp|48825|47226|1599|64536|40",
            "NtFv|Paged|551|551|0|0|0",
        ]
    );
    assert_eq!(sample.rows[0].reported_owner.as_deref(), Some("[ntfs.sys  -  AttrSup.c]"));
    assert_eq!(sample.rows[12].reported_owner.as_deref(), Some("[ntfs.sys  -  ViewSup.c]"));
    assert_eq!((sample.header.page_faults, sample.header.pool_paged), (Some(85), kib(33_024)));
    assert_eq!((sample.reported_deltas.len(), sample.disagreeing, sample.remarks.len()), (13, 0, 0));
}

#[test]
fn pasted_screen_with_tabs() {
    let name = "poolmon-screen-win7-tabs.txt";
    let Some(sample) = only(name) else { return };
    is_poolmon(&sample, name);
    assert_eq!(
        rows(&sample),
        [
            "CM31|Paged|169392|153744|15648|74838016|4782",
            "MmSt|Paged|673616|656049|17567|28286672|1610",
            "MmRe|Paged|67417|66213|1204|12613400|10476",
        ]
    );
    let deltas: Vec<_> = sample.reported_deltas.iter().map(|d| (d.allocs, d.frees, d.bytes)).collect();
    assert_eq!(
        deltas,
        [(Some(0), Some(0), Some(0)), (Some(16), Some(17), Some(-184)), (Some(0), Some(0), Some(0))]
    );
    assert_eq!((sample.header.memory_total, sample.header.pool_nonpaged), (kib(2_096_696), kib(43_452)));
    assert_eq!(sample.remarks, ["1 place where rows were left out when this was saved: line 9"]);
}

#[test]
fn snapshot_with_drivers() {
    let name = "poolmon-snapshot-mapped-driver.txt";
    let Some(sample) = only(name) else { return };
    is_poolmon(&sample, name);
    assert_eq!(
        rows(&sample),
        ["ConT|Nonp|3097|2409|688|42770432|62166", "Thre|Nonp|180351|176602|3749|13179648|3515"]
    );
    assert_eq!(sample.rows[0].reported_owner, None, "PoolMon does not know the driver");
    assert_eq!(sample.rows[1].reported_owner.as_deref(), Some("[nt!ps - Thread objects]"));
    assert!(sample.header.is_empty() && sample.reported_deltas.is_empty() && sample.remarks.is_empty());
}

#[test]
fn snapshot_of_windows_11() {
    let name = "poolmon-snapshot-win11.txt";
    let Some(sample) = only(name) else { return };
    is_poolmon(&sample, name);
    assert_eq!(
        rows(&sample),
        [
            "FMfn|Paged|8665967|5982729|2683238|1495080176|557",
            "File|Nonp|44288592|43651808|636784|254683680|399",
            "File|Paged|100|40|60|4000|66",
            "Toke|Paged|1000000|900000|100000|120000000|1200",
            "SeAt|Paged|2000000|1900000|100000|20000000|200",
            "SeTd|Paged|500|100|400|40000|100",
            "SeTl|Nonp|600|200|400|80000|200",
            "MmSt|Paged|1624294|1189612|434682|515671920|1186",
        ]
    );
    let header = &sample.header;
    assert_eq!((header.memory_total, header.memory_available), (kib(49_371_552), kib(26_121_028)));
    assert_eq!((header.page_faults, header.resident_kernel), (Some(901_597_864), kib(76_500)));
    assert_eq!(
        (header.resident_paged, header.pool_nonpaged, header.pool_paged),
        (kib(4_130_272), kib(2_275_124), kib(4_427_892))
    );
    assert_eq!(
        (header.commit, header.commit_limit, header.commit_peak),
        (kib(35_762_700), kib(64_575_904), kib(43_634_092))
    );
    assert_eq!((sample.disagreeing, sample.reported_deltas.len(), sample.remarks.len()), (0, 0, 0));
}

#[test]
fn the_articles_table() {
    let name = "seed-example.txt";
    let Some(sample) = only(name) else { return };
    is_poolmon(&sample, name);
    assert_eq!(
        rows(&sample),
        [
            "Test|Paged|1473|1002|281|1972392|-",
            "ipdc|Paged|12485|5648|4027|40395|-",
            "CM28|Paged|6662|5571|1691|1745|-",
            "MmSt|Paged|614|441|173|83456|-",
        ]
    );
    assert_eq!(sample.disagreeing, 3);
    let told: Vec<_> = sample.rows.iter().map(|row| row.counters.reported_diff).collect();
    assert_eq!(told, [Some(281), Some(4027), Some(1691), None]);
    assert_eq!(sample.reported_deltas[1].allocs, Some(10));
    assert!(sample.remarks.is_empty(), "{:?}", sample.remarks);
}

#[test]
fn windbgs_poolused() {
    let Some(sample) = only("windbg-poolused.txt") else { return };
    assert_eq!(sample.origin.kind, SourceKind::Windbg);
    let rows = rows(&sample);
    for row in [
        "1394|Nonp|-|-|1|520|-",
        "8042|Nonp|-|-|4|3944|-",
        "AGP |Nonp|-|-|1|344|-",
        "AGP |Paged|-|-|2|384|-",
        "AcpB|Paged|-|-|4|576|-",
        "AcpD|Nonp|-|-|40|13280|-",
        "Wmip|Nonp|-|-|146|3504|-",
        "Wmip|Paged|-|-|182|18600|-",
        "ohci|Nonp|-|-|1|136|-",
        "  rx|Nonp|-|-|3|1248|-",
        "vPrt|Paged|-|-|18|68160|-",
    ] {
        assert!(rows.iter().any(|found| found == row), "{row} in {rows:#?}");
    }
    let owner = |tag: &str| {
        let row = sample.rows.iter().find(|row| row.tag.to_string() == tag).unwrap();
        row.reported_owner.as_deref()
    };
    assert_eq!(owner("8042"), Some("[i8042prt.sys - PS/2 kb and mouse]"));
    assert_eq!(owner("ohci"), Some("[1394 OHCI host controller driver]"));
    assert_eq!(owner("  rx"), None);
    // 35 lines of tags; AGP, AcpA, Wmip, Wmit and usbp hold memory of both pools.
    assert_eq!(rows.len(), 35 + 5);
    let sums = [Pool::Nonpaged, Pool::Paged].map(|pool| sample.tagged_bytes(pool));
    assert_eq!(sums, [126_512, 183_024]);
    assert_eq!(
        sample.remarks,
        [
            "1 place where rows were left out when this was saved: line 21".to_owned(),
            format!(
                "WinDbg's TOTAL line gives 3570214 allocations and 209120008 bytes of nonpaged pool, the rows add \
                    up to 343 and {}: rows are missing",
                sums[0]
            ),
            format!(
                "WinDbg's TOTAL line gives 38769 allocations and 13066104 bytes of paged pool, the rows add up to \
                    220 and {}: rows are missing",
                sums[1]
            ),
        ]
    );
}

#[test]
fn a_whole_windows_10_table() {
    let Some(sample) = only("windows10-pool-table.tsv") else { return };
    assert_eq!(sample.origin.kind, SourceKind::TableFile);
    assert_eq!(sample.rows.len(), 3050);
    assert_eq!(sample.tagged_bytes(Pool::Nonpaged), 889_167_696);
    assert_eq!(sample.tagged_bytes(Pool::Paged), 641_416_592);
    assert_eq!((sample.disagreeing, sample.remarks.len()), (0, 0), "{:?}", sample.remarks);
    assert!(
        sample.rows.iter().all(|row| row.counters.reported_diff.is_none() && row.tag.as_pool().is_some())
    );
    assert!(rows(&sample).iter().any(|row| row == "Cs@\"|Nonp|7|0|7|896|-"));
    assert!(rows(&sample).iter().any(|row| row == "Se  |Paged|9732686|9728431|4255|207104|-"));
}

#[test]
fn memsnap_tells_of_processes_only() {
    let Some(path) = shared("memsnap-log-xp-2002.txt") else { return };
    let log = LogFile::open(path).unwrap();
    let error = log.samples().next().unwrap().unwrap_err().to_string();
    assert!(error.contains("no row of a pool table was found"), "{error}");
    assert!(error.contains("4 process rows of memsnap's were skipped"), "{error}");
    assert!(error.contains("lines 1 to 11"), "{error}");
}

#[test]
fn texts_of_other_kinds_are_refused() {
    for name in ["linux-slabtop-once.txt", "linux-allocinfo-head.txt", "windbg-lm-x64.txt", "pooltag.txt"] {
        let Some(path) = shared(name) else { return };
        let mut samples = LogFile::open(path).unwrap().samples();
        let error = samples.next().unwrap().unwrap_err().in_full();
        assert!(
            error.contains("no row of a pool table") && error.contains("name a file that poolmon reads"),
            "{error}"
        );
        assert!(samples.next().is_none());
    }
}
