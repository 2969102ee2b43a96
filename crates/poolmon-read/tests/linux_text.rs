//! Text of Linux and its tools: alone, in series, mixed, wrapped, with something in front of each line.

use poolmon_model::{Pool, Sample};
use poolmon_read::{Input, ReadOptions, identify};
use proptest::prelude::*;

const VERSION: &str = "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> \
    <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n";

fn cache(name: &str, active: u64, objects: u64, size: u64, per_slab: u64, pages: u64, slabs: u64) -> String {
    format!(
        "{name:<17} {active:6} {objects:6} {size:6} {per_slab:4} {pages:4} : tunables    0    0    0 : slabdata {slabs:6} {slabs:6}      0\n"
    )
}

fn slabinfo(active: u64, slabs: u64) -> String {
    VERSION.to_owned()
        + &cache("dentry", 169_071, 169_092, 192, 21, 1, 8052)
        + &cache("leaky_cache", active, slabs * 32, 128, 32, 1, slabs)
}

fn read(text: impl AsRef<[u8]>) -> (&'static str, Vec<Sample>) {
    let input = Input::from_bytes("a.txt", text.as_ref());
    let format = identify(&input).unwrap();
    let mut reader = (format.open)(&input, &ReadOptions::default()).unwrap();
    let mut samples = Vec::new();
    let mut sample = Sample::empty();
    while reader.next_into(&mut sample).unwrap() {
        samples.push(sample.clone());
    }
    (format.id, samples)
}

fn failure(text: &str) -> String {
    let input = Input::from_bytes("a.txt", text.as_bytes());
    let opened = identify(&input).and_then(|format| (format.open)(&input, &ReadOptions::default()));
    match opened.and_then(|mut reader| reader.next_into(&mut Sample::empty())) {
        Ok(_) => panic!("read"),
        Err(error) => error.to_string(),
    }
}

/// `name pool diff bytes used`, sorted by name.
fn rows(sample: &Sample) -> Vec<String> {
    let text = |figure: Option<u64>| figure.map_or("-".into(), |figure| figure.to_string());
    let mut rows: Vec<String> = sample
        .rows
        .iter()
        .map(|row| {
            let counters = row.counters;
            let mark = if counters.inexact { "~" } else { "" };
            let diff = counters.reported_diff.map_or("-".into(), |diff| diff.to_string());
            format!(
                "{} {} {diff} {mark}{} {}",
                row.tag,
                row.pool.id(),
                text(counters.bytes),
                text(counters.used)
            )
        })
        .collect();
    rows.sort();
    rows
}

fn bytes_of(sample: &Sample, name: &str) -> Option<u64> {
    sample.rows.iter().find(|row| row.tag.to_string() == name)?.counters.bytes
}

fn times(samples: &[Sample]) -> Vec<String> {
    samples.iter().map(|sample| sample.time.map_or("-".into(), |time| time.to_string())).collect()
}

#[test]
fn a_saved_slabinfo() {
    let (id, samples) = read(slabinfo(2000, 64));
    assert_eq!((id, samples.len()), ("slabinfo", 1));
    assert_eq!(
        rows(&samples[0]),
        ["dentry reclaimable 169071 32980992 32461632", "leaky_cache unreclaimable 2000 262144 256000"]
    );
    assert_eq!(samples[0].remarks.len(), 1, "{:?}", samples[0].remarks);
    assert!(samples[0].remarks[0].contains("which caches can be shrunk"));
}

/// The SLAB allocator with statistics, and caches of control groups, as kernels up to 5.9 list them.
#[test]
fn statistics_and_control_groups() {
    let text = "slabinfo - version: 2.1 (statistics)\n# name <active_objs> : globalstat <listallocs>\n\
        size-8192             10     12   8192    1    2 : tunables    8    4    0 : slabdata     12     12      0 : \
        globalstat     200     14   20    0    0    0    0    0    0 : cpustat     55     24     60      0\n\
        dentry(664:test.service)   21   21  192   21    1 : tunables    0    0    0 : slabdata      1      1      0\n";
    let (_, samples) = read(text);
    assert_eq!(
        rows(&samples[0]),
        ["dentry(664:test.service) reclaimable 21 4096 4032", "size-8192 unreclaimable 10 98304 81920"]
    );
}

#[test]
fn slabinfo_of_linux_2_4_is_refused_by_its_version() {
    let text = failure("slabinfo - version: 1.1\nkmem_cache 59 78 100 2 2 1\n");
    assert!(text.contains("line 1") && text.contains("slabinfo 1.x"), "{text}");
}

/// A kernel with pages of 16 KiB lists more objects in a slab than 4 KiB have room for.
#[test]
fn the_size_of_a_page_is_that_which_objects_need() {
    let text = VERSION.to_owned()
        + &cache("dentry", 80, 85, 192, 85, 1, 1)
        + &cache("tiny", 1, 256, 16, 256, 1, 1)
        + "0x1-0x2 8192 f+0x1/0x2 pages=2 vmalloc\n";
    let (_, samples) = read(text);
    assert_eq!(
        (bytes_of(&samples[0], "dentry"), bytes_of(&samples[0], "tiny")),
        (Some(16_384), Some(16_384))
    );
    assert_eq!(bytes_of(&samples[0], "f"), Some(32_768));
    assert!(samples[0].remarks.iter().any(|remark| remark.contains("16 KiB")), "{:?}", samples[0].remarks);
}

#[test]
fn a_debug_kernel_is_named() {
    let text = VERSION.to_owned()
        + &cache("kmalloc-64", 21, 21, 192, 21, 1, 1)
        + &cache("kmalloc-96", 16, 16, 256, 16, 1, 1);
    let said = &read(text).1[0].remarks;
    assert_eq!(said[0], "a debug kernel (KASAN, slub_debug): an object of kmalloc-64 takes 192 bytes");
    assert!(!read(slabinfo(2000, 64)).1[0].remarks.iter().any(|remark| remark.contains("debug")));
}

#[test]
fn series_with_times_of_all_kinds() {
    for (first, second) in [
        ("Sun Mar  1 10:00:00 UTC 2026", "Sun Mar  1 10:10:00 UTC 2026"),
        ("zzz ***Sun Mar  1 10:00:00 UTC 2026", "zzz ***Sun Mar  1 10:10:00 UTC 2026"),
        ("1772359200", "1772359800"),
        ("--- 2026-03-01T10:00:00+00:00 ---", "--- 2026-03-01T10:10:00+00:00 ---"),
    ] {
        let text = format!("{first}\n{}{second}\n{}", slabinfo(2000, 64), slabinfo(4000, 128));
        let (_, samples) = read(text);
        assert_eq!(times(&samples), ["2026-03-01T10:00:00Z", "2026-03-01T10:10:00Z"], "{first}");
        assert_eq!(bytes_of(&samples[1], "leaky_cache"), Some(128 * 4096), "{first}");
    }
}

#[test]
fn a_time_in_front_of_every_line() {
    for (first, second) in [
        ("[2026-03-01 10:00:00] ", "[2026-03-01 10:10:00] "),
        ("1772359200.250000 ", "1772359800.250000 "),
        ("2026-03-01T10:00:00Z host1 slab[12]: ", "2026-03-01T10:10:00Z host1 slab[12]: "),
    ] {
        let stamped = |stamp: &str, text: &str| {
            let lines: Vec<String> = text.lines().map(|line| format!("{stamp}{line}\n")).collect();
            lines.concat()
        };
        let text = stamped(first, &slabinfo(2000, 64)) + &stamped(second, &slabinfo(4000, 128));
        let (_, samples) = read(text);
        assert_eq!(samples.len(), 2, "{first}");
        assert_eq!((samples[1].time.unwrap() - samples[0].time.unwrap()).get_seconds(), 600, "{first}");
        assert_eq!(rows(&samples[0]).len(), 2, "{first}: {:?}", samples[0].remarks);
        assert_eq!(bytes_of(&samples[1], "leaky_cache"), Some(128 * 4096), "{first}");
    }
}

#[test]
fn machine_wide_figures_with_a_time_in_front() {
    let text = "[2026-03-01 10:00:00] SUnreclaim:  5 kB\n[2026-03-01 10:01:00] SUnreclaim:  6 kB\n[2026-03-01 10:02:00] SUnreclaim:  7 kB\n";
    let (id, samples) = read(text);
    assert_eq!(id, "meminfo");
    assert_eq!(times(&samples), ["2026-03-01T10:00:00Z", "2026-03-01T10:01:00Z", "2026-03-01T10:02:00Z"]);
    assert_eq!(samples[2].header.slab_unreclaimable, Some(7 << 10));
}

#[test]
fn a_series_without_times_begins_again_with_each_list() {
    let (_, samples) = read(slabinfo(2000, 64).repeat(3) + &slabinfo(4000, 128));
    assert_eq!(times(&samples), ["-"; 4]);
    assert!(samples.iter().all(|sample| sample.rows.len() == 2));
    let row = |n: u64| format!("tst_inode                 {n}   9888   1024     16\n");
    let vmstat = |n| {
        format!(
            "Cache                       Num  Total   Size  Pages\n{}other 1 2 3 4\nCache Num Total Size Pages\nthird 1 1 8 9\n",
            row(n)
        )
    };
    let (id, samples) = read(vmstat(9888) + &vmstat(9000));
    assert_eq!((id, samples.len(), samples[0].rows.len()), ("vmstat-m", 2, 3));
    assert_eq!(
        rows(&samples[1])[2],
        "tst_inode reclaimable 9000 ~10125312 9216000".replace("reclaimable", "unreclaimable")
    );
    assert!(samples[0].remarks[0].contains("vmstat -m"), "{:?}", samples[0].remarks);
}

#[test]
fn slabtop_once_and_again() {
    let text = " Active / Total Objects (% used)    : 990 / 1000 (99.0%)\n Active / Total Slabs (% used)      : 20 / 20 (100.0%)\n \
        Minimum / Average / Maximum Object : 0.06K / 0.10K / 3.00K\n\n  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME                   \n\
        734506368 734506368 100%    0.06K 11476662       64  45906648K big_node               \n   670    661  98%    3.00K     67       10      2144K tst_cache              \n";
    let (id, samples) = read(text.repeat(3));
    assert_eq!((id, samples.len()), ("slabtop", 3));
    assert_eq!(
        rows(&samples[1]),
        ["big_node unreclaimable 734506368 47008407552 -", "tst_cache unreclaimable 661 2195456 -"]
    );
    assert_eq!(samples[0].remarks.len(), 1, "{:?}", samples[0].remarks);
}

#[test]
fn kmem_s_repeats_its_header_before_each_cache() {
    let of = |address: &str, name: &str, slabs: u64| {
        format!(
            "CACHE             OBJSIZE  ALLOCATED     TOTAL  SLABS  SSIZE  NAME\n{address}      192         40        42  {slabs:5}     4k  {name}\n\
             CPU 0 KMEM_CACHE_CPU:\n  ffffe8ffffc03a40\nCPU 0 SLAB:\n  (empty)\nKMEM_CACHE_NODE   NODE  SLABS  PARTIAL  PER-CPU\n\
             ffff888100040000     0      2        1        0\nNODE 0 PARTIAL:\n  SLAB              MEMORY            NODE  TOTAL  ALLOCATED  FREE\n\
             \u{20} ffffea0004000000  ffff888100000000     0     21         19     2\n  FREE / [ALLOCATED]\n   [ffff888100000000]\n"
        )
    };
    // Caches of control groups share a name, not an address.
    let list = |slabs| {
        of("ffff888100042a00", "dentry", slabs)
            + &of("ffff888100042b00", "dentry", 3)
            + &of("ffff888100042c00", "filp", 4)
    };
    let (format, samples) = read(format!("crash> kmem -S\n{}", list(2)));
    assert_eq!((format, samples.len()), ("crash-kmem", 1));
    let held: Vec<_> = samples[0].rows.iter().map(|row| (row.tag.to_string(), row.counters.bytes)).collect();
    assert_eq!(held, [("dentry".to_owned(), Some(5 * 4096)), ("filp".to_owned(), Some(4 * 4096))]);
    // A second list begins with the same cache.
    let (_, samples) = read(format!("crash> kmem -S\n{}crash> kmem -S\n{}", list(2), list(5)));
    assert_eq!(samples.len(), 2);
    assert_eq!(samples[1].rows[0].counters.bytes, Some(8 * 4096));
}

#[test]
fn crash_with_notes_and_single_slabs() {
    let text = "      DATE: Sun Mar  1 10:00:00 UTC 2026\nNODENAME: db7\nRELEASE: 5.14.0-362\ncrash> kmem -S\n\
        CACHE             OBJSIZE  ALLOCATED     TOTAL  SLABS  SSIZE  NAME\n\
        ffff000000000100      304    3563564   7039393  282756    16k  tst_object\n\
        CPU 0 KMEM_CACHE_CPU:\n  ffff88003fc1a3c0\nCPU 0 SLAB:\n  SLAB              MEMORY            NODE  TOTAL  ALLOCATED  FREE\n  \
        ffffea0000dd4b80  ffff88003752e000     0    128        100    28\n  FREE / [ALLOCATED]\n   [ffff88003752e000]\n\
        kmem: NOTE: kmalloc-512: slab: ffff0000000003 oo objects: 64 slab objects: 0\n\
        ffff000000000300      512          ?         ?      ?    32k  kmalloc-512\n";
    let (id, samples) = read(text);
    assert_eq!((id, samples.len()), ("crash-kmem", 1));
    assert_eq!(
        rows(&samples[0]),
        ["kmalloc-512 unreclaimable - - -", "tst_object unreclaimable 3563564 4632674304 1083323456"]
    );
    assert_eq!(samples[0].origin.host.as_deref(), Some("db7"));
    assert_eq!(samples[0].origin.system.as_deref(), Some("Linux 5.14.0-362"));
    assert_eq!(times(&samples), ["2026-03-01T10:00:00Z"]);
    let said = samples[0].remarks.join("\n");
    assert!(
        said.contains("1 note of crash")
            && said.contains("1 cache has only unknown figures (`?`): line 15")
            && said.contains("7 lines on single slabs"),
        "{said}"
    );
}

#[test]
fn allocinfo_marks_what_the_kernel_marks() {
    let text = "allocinfo - version: 2.0\n#     <size>  <calls> <tag info>\n       49152       48 drivers/test/core.c:2709 func:test_create accurate:no\n          \
        16        1 fs/test/test_mount.c:87 [test] func:test_mount \n           0        0 fs/test/none.c:1 func:none\n";
    let (id, samples) = read(text);
    assert_eq!(id, "allocinfo");
    assert_eq!(
        rows(&samples[0]),
        [
            "drivers/test/core.c:2709 test_create callsite 48 ~49152 -",
            "fs/test/test_mount.c:87 test_mount callsite 1 16 -"
        ]
    );
    assert_eq!(samples[0].rows[1].reported_owner.as_deref(), Some("test"));
    assert_eq!(
        samples[0].remarks,
        ["1 call site is incomplete (accurate:no): the kernel missed allocations"]
    );
}

#[test]
fn machine_wide_figures_alone_and_with_the_name_of_the_file() {
    for before in ["", "/proc/meminfo:"] {
        let text = |unreclaim: u32| {
            format!(
                "{before}Slab:             209032 kB\n{before}SReclaimable:     118676 kB\n{before}SUnreclaim:   {unreclaim} kB\n"
            )
        };
        let series = format!(
            "Sun Mar  1 10:00:00 UTC 2026\n{}Sun Mar  1 10:10:00 UTC 2026\n{}",
            text(90_356),
            text(95_920)
        );
        let (id, samples) = read(series);
        assert_eq!(id, "meminfo");
        let figures: Vec<_> = samples.iter().map(|sample| sample.header.slab_unreclaimable).collect();
        assert_eq!(figures, [Some(90_356 << 10), Some(95_920 << 10)], "{before}");
        assert_eq!(times(&samples), ["2026-03-01T10:00:00Z", "2026-03-01T10:10:00Z"]);
    }
}

/// A script that writes several files in turn, each with a date or all after one.
#[test]
fn lists_of_one_moment_are_one_sample() {
    let meminfo = "MemTotal:   24684092 kB\nMemFree:  1 kB\nSlab:  209032 kB\nSReclaimable:   118676 kB\nSUnreclaim:  90356 kB\nHugePages_Total:       0\n";
    let vmalloc =
        "0x00000000c12dac63-0x000000009ea2a0f5   20480 kernel_clone+0x94/0x3e0 pages=4 vmalloc N0=4\n";
    let slabtop = "  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME\n   670    661  98%    3.00K     67       10      2144K tst_cache\n";
    for date in [true, false] {
        let round = |minute: u32, active, slabs| {
            let at = |second: u32| format!("Sun Mar  1 10:{minute:02}:{second:02} UTC 2026\n");
            let again = |second| if date { at(second) } else { String::new() };
            at(0) + meminfo + &again(1) + slabtop + &again(2) + &slabinfo(active, slabs) + &again(3) + vmalloc
        };
        let (id, samples) = read(round(0, 2000, 64) + &round(1, 4000, 128));
        assert_eq!(id, "slabtop");
        assert_eq!(times(&samples), ["2026-03-01T10:00:00Z", "2026-03-01T10:01:00Z"], "{date}");
        let last = &samples[1];
        assert_eq!(last.header.slab_unreclaimable, Some(90_356 << 10));
        assert_eq!(
            rows(last),
            [
                "dentry reclaimable 169071 32980992 32461632",
                "kernel_clone vmalloc 1 16384 -",
                "leaky_cache unreclaimable 4000 524288 512000",
            ],
            "of two lists of the same caches the better one"
        );
        assert!(
            last.remarks.iter().any(|remark| remark.contains("list of slabtop was not counted")),
            "{:?}",
            last.remarks
        );
    }
}

#[test]
fn figures_without_rows_are_no_moment_of_a_series_of_rows() {
    let meminfo = "SUnreclaim:  90356 kB\n";
    let text = format!(
        "2026-03-01 10:00:00Z\n{}2026-03-01 10:05:00Z\n{meminfo}2026-03-01 10:10:00Z\n{}",
        slabinfo(2000, 64),
        slabinfo(4000, 128)
    );
    let (_, samples) = read(text);
    assert_eq!(times(&samples), ["2026-03-01T10:00:00Z", "2026-03-01T10:10:00Z"]);
    assert!(samples[1].remarks.iter().any(|remark| remark.contains("no caches")), "{:?}", samples[1].remarks);
}

/// A console of 80 columns wraps rows within a figure, a mail program at a blank.
#[test]
fn wrapped_rows_are_joined_and_cut_rows_are_counted() {
    let text = slabinfo(2000, 64);
    for width in [66, 72, 76, 80, 90, 100, 104, 108, 112] {
        let hard: String = text
            .lines()
            .flat_map(|line| {
                let parts: Vec<String> = line
                    .as_bytes()
                    .chunks(width)
                    .map(|part| String::from_utf8_lossy(part).into_owned() + "\n")
                    .collect();
                parts
            })
            .collect();
        let (_, samples) = read(&hard);
        assert_eq!(rows(&samples[0]), rows(&read(&text).1[0]), "{width}");
        let cut: Vec<&str> = text.lines().map(|line| &line[..width.min(line.len())]).collect();
        let cut = cut.join("\n") + "\n";
        let input = Input::from_bytes("a.txt", cut.as_bytes());
        let mut sample = Sample::empty();
        let mut reader = (identify(&input).unwrap().open)(&input, &ReadOptions::default()).unwrap();
        if reader.next_into(&mut sample).is_ok_and(|found| found) {
            assert!(
                width > 104 && bytes_of(&sample, "leaky_cache") == Some(64 * 4096),
                "{width}: {:?}",
                rows(&sample)
            );
        }
    }
    let mail = text.replace(" : slabdata", " :\nslabdata").replace("> : tunables", ">\n: tunables");
    let (_, samples) = read(&mail);
    assert_eq!(rows(&samples[0]), rows(&read(&text).1[0]));
    let broken = text.replace("slabdata     64     64      0", "slabdata     6");
    let (_, samples) = read(broken);
    assert_eq!(samples[0].rows.len(), 1);
    assert!(samples[0].remarks[0].starts_with("1 row could not be read"), "{:?}", samples[0].remarks);
}

#[test]
fn lines_of_others_are_counted() {
    let (_, samples) =
        read(format!("root@db7:~# cat /proc/slabinfo\n{}root@db7:~# exit\n", slabinfo(2000, 64)));
    assert_eq!(samples[0].rows.len(), 2);
    let said = samples[0].remarks.join("\n");
    assert!(
        said.contains("2 lines belong to no list that is read here, and were skipped: line 1 (`root@db7:~# cat /proc/slabinfo`), 6 (`root@db7:~# exit`)"),
        "{said}"
    );
}

proptest! {
    /// Whatever is in front of each line, however lines end and in which encoding: the same rows.
    #[test]
    fn the_same_rows_in_any_dress(
        before in "(> |\\| |[0-9]{10} |\\[2026-03-01 10:00:0[0-9]\\] |  |\t)?",
        ending in "(\n|\r\n|\n\n)",
        wide: bool,
        figures in prop::collection::vec((1..1_000_000_u64, 0..1_000_u64), 1..20),
    ) {
        let mut text = VERSION.to_owned();
        for (at, (objects, slabs)) in figures.iter().enumerate() {
            text += &cache(&format!("cache_{at}"), *objects, *objects, 64, 64, 1, *slabs);
        }
        let dressed: Vec<String> = text.lines().map(|line| format!("{before}{line}{ending}")).collect();
        let dressed = dressed.concat();
        let bytes: Vec<u8> = if wide {
            [0xff, 0xfe].into_iter().chain(dressed.encode_utf16().flat_map(u16::to_le_bytes)).collect()
        } else {
            dressed.into_bytes()
        };
        let (_, samples) = read(bytes);
        prop_assert_eq!(samples.len(), 1);
        prop_assert_eq!(samples[0].rows.len(), figures.len());
        for (at, (objects, slabs)) in figures.iter().enumerate() {
            let row = &samples[0].rows[at];
            prop_assert_eq!(row.pool, Pool::Unreclaimable);
            prop_assert_eq!((row.counters.reported_diff, row.counters.bytes), (i64::try_from(*objects).ok(), Some(slabs * 4096)));
        }
    }

    #[test]
    fn any_text_ends(text in "([ -~]{0,60}\n|slabinfo - version: 2.1\n|Cache Num Total Size Pages\n|a 1 2 3 4\n|SUnreclaim: 5 kB\n|1772359200\n|x 1 1 8 1 1 : tunables 0 0 0 : slabdata 1 1 0\n){0,40}") {
        let input = Input::from_bytes("a.txt", text.as_bytes());
        let Ok(format) = identify(&input) else { return Ok(()) };
        let Ok(mut reader) = (format.open)(&input, &ReadOptions::default()) else { return Ok(()) };
        let mut sample = Sample::empty();
        let mut count = 0;
        while let Ok(true) = reader.next_into(&mut sample) {
            count += 1;
            prop_assert!(count <= text.lines().count());
        }
    }
}

#[test]
fn lists_without_their_header_may_be_a_part() {
    let caches = |slabs| {
        cache("kmalloc-64", slabs * 64, slabs * 64, 64, 64, 1, slabs)
            + &cache("dentry", 21, 21, 192, 21, 1, 1)
    };
    let (id, samples) = read(format!("{}{}", caches(5), caches(9)));
    assert_eq!((id, samples.len()), ("slabinfo", 2));
    assert_eq!(
        samples[1].rows.iter().find(|row| row.tag.to_string() == "kmalloc-64").unwrap().counters.bytes,
        Some(9 * 4096)
    );
    assert!(samples[0].coverage.is_partial());
    assert!(samples[0].remarks.iter().any(|said| said.contains("no header")), "{:?}", samples[0].remarks);
    let quoted = caches(5).lines().map(|line| ["> ", line, "\n"].concat()).collect::<Vec<_>>().concat();
    assert_eq!(rows(&read(quoted).1[0]), rows(&samples[0]));

    let (id, samples) = read(
        "        45M    11520 mm/slub.c:12 func:alloc_slab\n     4096        1 fs/a.c:9 [ext4] func:f\n",
    );
    assert_eq!((id, samples.len()), ("allocinfo", 1));
    assert_eq!(
        rows(&samples[0]),
        ["fs/a.c:9 f callsite 1 4096 -", "mm/slub.c:12 alloc_slab callsite 11520 ~47185920 -"]
    );
}

#[test]
fn times_below_their_lists() {
    let text = format!("{}2026-03-01 10:00:00\n{}2026-03-01 10:10:00\n", slabinfo(10, 1), slabinfo(60, 2));
    let (_, samples) = read(&text);
    assert_eq!(times(&samples), ["2026-03-01T10:00:00Z", "2026-03-01T10:10:00Z"]);
    assert_eq!(
        samples[1].rows.iter().find(|row| row.tag.to_string() == "leaky_cache").unwrap().counters.bytes,
        Some(8192)
    );
}

#[test]
fn names_that_are_cut_are_reported_and_never_merged_silently() {
    const TITLES: &str = "  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME                   ";
    let row = |objects: u64, name: &str| {
        format!(
            "{objects:6} {objects:6} 100%    0.50K {:6}       32 {:9}K {name:<23}",
            objects / 32,
            objects / 2
        )
    };
    let texts = |width: usize, names: &[&str]| {
        let rows = names.iter().map(|name| row(1_280_000, name)).chain([row(420_000, "dentry")]);
        let lines = std::iter::once(TITLES.to_owned()).chain(rows);
        let text: String = lines.map(|line| line.get(..width).unwrap_or(&line).to_owned() + "\n").collect();
        let samples = read(text).1;
        (samples[0].remarks.join("; "), samples[0].rows[0].counters.bytes)
    };
    let names = ["mlx5_fs_ftes_0000:3b:00.0", "mlx5_fs_ftes_0000:3b:00.1"];
    let (said, bytes) = texts(80, &names);
    assert_eq!(bytes, None);
    assert!(
        said.contains("2 rows have the same name, cut at the edge of the line")
            && said.contains("line 2 (`mlx5_fs_ftes_0000:3b:00`), 3 (`mlx5"),
        "{said}"
    );
    let (said, _) = texts(70, &["kmalloc-rcl-128-long"]);
    assert!(said.contains("name is cut at the edge of the line: it may be another cache: line 2"), "{said}");
    for (whole, bytes) in
        [texts(200, &names), texts(200, &["dentry_of_a_long_name_here"]), texts(80, &["kmalloc-64"])]
    {
        assert!(!whole.contains("edge") && bytes == Some(655_360_000), "{bytes:?} {whole}");
    }
    // `vmstat -m` cuts names itself.
    let text = "Cache                       Num  Total   Size  Pages\n\
        dentry                      100    128    192     21\n\
        mlx5_fs_ftes_0000:3b:00.             100    128    512     32\n\
        mlx5_fs_ftes_0000:3b:00.             200    256    512     32\n\
        radix_tree_node             100    128    192     21\n";
    let said = read(text).1[0].remarks.join("; ");
    assert!(said.contains("the same name"), "{said}");
}
