//! The source over a folder that looks like a kernel, and over the kernel of this machine.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::process::Command;

use poolmon_model::problem::Remedy as _;

use super::*;
use poolmon_testkit::{Need, skip};

const HEAD: &str = "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> \
    <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n";

/// A line of slabinfo: name, objects in use, slabs; 4 objects of 1,000 bytes in a slab of one page.
fn cache(name: &str, active: u64, slabs: u64) -> String {
    format!(
        "{name:<17} {active:6} {:6} 1000 4 1 : tunables 0 0 0 : slabdata {slabs:6} {slabs:6} 0\n",
        slabs * 4
    )
}

struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        let caches = [cache("dentry", 30, 10), cache("buffer_head", 6, 2), cache("kmalloc-64", 5, 2)];
        root.write("proc/slabinfo", &(HEAD.to_owned() + &caches.concat() + &cache("unused", 0, 0)));
        root.write(
            "proc/vmallocinfo",
            "0x1-0x2   20480 kernel_clone+0x94/0x3e0 pages=4 vmalloc N0=4\n\
             0x2-0x3    8192 map_it+0x1/0x2 [gpu] phys=0x0000000000009f000 ioremap\n\
             0x3-0x4   20480 kernel_clone+0x98/0x3e0 pages=4 vmalloc N0=4\n\
             0x5-0x6    8192 unpurged vm_area\n",
        );
        root.write(
            "proc/meminfo",
            "MemTotal: 1000 kB\nSReclaimable: 48 kB\nSUnreclaim: 8 kB\nVmallocUsed: 32 kB\n",
        );
        root.write("proc/vmstat", "nr_free_pages 1\npgfault 77\n");
        root.write("proc/uptime", "12.34 1.00\n");
        root.write("proc/sys/kernel/hostname", "box\n");
        root.write("proc/sys/kernel/osrelease", "6.18.44\n");
        root.write("proc/sys/kernel/random/boot_id", "0e1d\n");
        root.write("sys/kernel/slab/dentry/reclaim_account", "1\n");
        root.write("sys/kernel/slab/unused/reclaim_account", "0\n");
        root.write("sys/kernel/slab/:a-0000104/reclaim_account", "1\n");
        root.link("buffer_head", ":a-0000104");
        root.link("ext4_thing", ":a-0000104");
        root
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, cache: &str, id: &str) {
        symlink(id, self.0.path().join("sys/kernel/slab").join(cache)).unwrap();
    }

    fn slabs(&self, caches: &[String]) {
        self.write("proc/slabinfo", &(HEAD.to_owned() + &caches.concat()));
    }

    fn remove(&self, name: &str) {
        let path = self.0.path().join(name);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    fn open(&self, parts: Parts) -> Result<LinuxSource> {
        LinuxSource::with_parts(self.0.path(), parts)
    }

    fn source(&self) -> LinuxSource {
        LinuxSource::new(self.0.path()).unwrap()
    }
}

const SLAB_ONLY: Parts =
    Parts { slab: true, empty_caches: true, vmalloc: false, vmalloc_kept: Duration::ZERO, callsites: false };

fn reported(rows: &[Row]) -> Vec<(String, &'static str, i64, u64)> {
    let row = |row: &Row| {
        (row.tag.to_string(), row.pool.id(), row.counters.reported_diff.unwrap(), row.counters.bytes.unwrap())
    };
    rows.iter().map(row).collect()
}

#[test]
fn a_whole_sample() {
    let root = Root::new();
    root.write(
        "proc/allocinfo",
        "allocinfo - version: 1.0\n#     <size>  <calls> <tag info>\n0 0 a/b.c:1 func:f\n\
         4096 2 drivers/gpu/x.c:9 [gpu] func:g \n",
    );
    let mut source = root.source();
    let sample = source.sample().unwrap();
    let wanted = [
        ("dentry".into(), "reclaimable", 30, 40_960),
        ("buffer_head".into(), "reclaimable", 6, 8192),
        ("kmalloc-64".into(), "unreclaimable", 5, 8192),
        ("unused".into(), "unreclaimable", 0, 0),
        ("kernel_clone".into(), "vmalloc", 2, 32_768),
        ("map_it [gpu]".into(), "vmalloc", 1, 0),
        ("drivers/gpu/x.c:9 g".into(), "callsite", 2, 4096),
    ];
    assert_eq!(reported(&sample.rows), wanted);
    let owners: Vec<_> = sample.rows.iter().filter_map(|row| row.reported_owner.as_deref()).collect();
    assert_eq!(owners, ["gpu", "gpu"]);
    assert_eq!(sample.rows[0].counters.used, Some(30_000));
    assert_eq!(sample.rows[0].counters.allocs, None);
    for pool in [Pool::Reclaimable, Pool::Unreclaimable, Pool::Vmalloc] {
        let total = sample.header.pool_total(pool);
        assert_eq!(Some(sample.tagged_bytes(pool)), total, "{pool:?}");
    }
    assert_eq!((sample.header.memory_total, sample.header.page_faults), (Some(1_024_000), Some(77)));
    assert_eq!(sample.uptime, Some(std::time::Duration::from_millis(12_340)));
    assert!(sample.time.is_some());
    assert_eq!((&sample.remarks, sample.width), (&Vec::new(), CounterWidth::Bits64));
    let origin = source.origin();
    assert_eq!((origin.host.as_deref(), origin.boot.as_deref()), (Some("box"), Some("0e1d")));
    assert_eq!(origin.system.as_deref(), Some("Linux 6.18.44"));
    assert_eq!(origin.pools, [Pool::Reclaimable, Pool::Unreclaimable, Pool::Vmalloc, Pool::CallSite]);
}

#[test]
fn caches_that_come_go_and_return() {
    let root = Root::new();
    let mut source = root.open(Parts { empty_caches: false, ..SLAB_ONLY }).unwrap();
    let mut sample = source.sample().unwrap();
    assert_eq!(sample.rows.len(), 3, "a cache that never had a slab is left out");
    root.write("sys/kernel/slab/unused/reclaim_account", "1\n");
    root.slabs(&[cache("kmalloc-64", 1, 1), cache("unused", 4, 1), cache("dentry", 8, 2)]);
    source.sample_into(&mut sample).unwrap();
    let wanted = [
        ("kmalloc-64".into(), "unreclaimable", 1, 4096),
        ("unused".into(), "reclaimable", 4, 4096),
        ("dentry".into(), "reclaimable", 8, 8192),
    ];
    assert_eq!(reported(&sample.rows), wanted);
    // Its module is loaded again and made the cache again, in other ways. Meanwhile another one became empty.
    root.slabs(&[cache("kmalloc-64", 1, 1)]);
    source.sample_into(&mut sample).unwrap();
    assert_eq!(sample.rows.len(), 1);
    root.write("sys/kernel/slab/unused/reclaim_account", "0\n");
    root.slabs(&[cache("kmalloc-64", 0, 0), cache("unused", 4, 1)]);
    source.sample_into(&mut sample).unwrap();
    let wanted = [("kmalloc-64".into(), "unreclaimable", 0, 0), ("unused".into(), "unreclaimable", 4, 4096)];
    assert_eq!(reported(&sample.rows), wanted);
}

/// Kernels booted with `slab_nomerge` list one name for each of several caches.
#[test]
fn caches_of_one_name_are_summed() {
    let root = Root::new();
    root.slabs(&[cache("dentry", 1, 1), cache("dentry", 5, 2)]);
    let mut source = root.open(SLAB_ONLY).unwrap();
    for _ in 0..2 {
        assert_eq!(reported(&source.sample().unwrap().rows), [("dentry".into(), "reclaimable", 6, 12_288)]);
    }
}

#[test]
fn bad_lines_are_counted_and_the_others_shown() {
    let root = Root::new();
    root.slabs(&[
        "dentry -1 2 3 4 5\n".into(),
        cache("my cache", 1, 1),
        cache("dentry", 1, 1),
        "buffer_head 1 2".into(),
    ]);
    root.write("proc/vmallocinfo", "0x1-0x2 nonsense\n");
    let sample = root.source().sample().unwrap();
    assert_eq!(sample.rows.len(), 2);
    let path = root.0.path().display().to_string();
    assert_eq!(
        sample.remarks.iter().map(|remark| remark.replace(&path, "")).collect::<Vec<_>>(),
        [
            "/proc/slabinfo: 2 lines are not understood and were left out, the first is line 3",
            "/sys/kernel/slab: whether 1 cache can be shrunk is unknown; shown as unreclaimable",
            "/proc/vmallocinfo: line 1 is not understood and was left out",
        ]
    );
}

#[test]
fn without_sysfs_all_caches_are_unreclaimable_and_that_is_said() {
    let root = Root::new();
    root.remove("sys");
    let sample = root.open(SLAB_ONLY).unwrap().sample().unwrap();
    assert!(sample.rows.iter().all(|row| row.pool == Pool::Unreclaimable));
    assert_eq!(sample.remarks.len(), 1);
    assert!(sample.remarks[0].contains("whether 3 caches can be shrunk is unknown"), "{}", sample.remarks[0]);
}

fn refuse(path: &Path) -> io::Result<File> {
    if path.ends_with("slabinfo") || path.ends_with("vmallocinfo") {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    File::open(path)
}

#[test]
fn without_rights_the_error_names_file_and_remedies() {
    let root = Root::new();
    let error = LinuxSource::opened_by(root.0.path(), Parts::default(), refuse).unwrap_err();
    let text =
        poolmon_model::problem::Remedy::in_full(&error).replace(&root.0.path().display().to_string(), "");
    assert!(matches!(error, SourceError::Rights { .. }), "{text}");
    assert!(text.starts_with("/proc/slabinfo: permission denied\n"), "{text}");
    for remedy in ["sudo", "poolmon service install /var/lib/poolmon --mode 640", "poolmon demo"] {
        assert!(text.contains(remedy), "{text}");
    }
}

fn refuse_vmalloc(path: &Path) -> io::Result<File> {
    if path.ends_with("vmallocinfo") { refuse(path) } else { File::open(path) }
}

#[test]
fn a_part_that_is_refused_is_a_remark_beside_others_and_an_error_alone() {
    let root = Root::new();
    let mut source = LinuxSource::opened_by(root.0.path(), Parts::default(), refuse_vmalloc).unwrap();
    for _ in 0..2 {
        let sample = source.sample().unwrap();
        assert_eq!((sample.rows.len(), sample.remarks.len()), (4, 1));
        assert!(
            sample.remarks[0].contains("vmallocinfo: permission denied; run as root"),
            "{:?}",
            sample.remarks
        );
    }
    assert_eq!(source.origin().pools, [Pool::Reclaimable, Pool::Unreclaimable]);
    let alone = Parts::for_view(PoolView::Only(Pool::Vmalloc));
    let error = LinuxSource::opened_by(root.0.path(), alone, refuse_vmalloc).unwrap_err();
    assert!(matches!(error, SourceError::Rights { .. }), "{error}");
    let error = root.open(Parts::for_view(PoolView::Only(Pool::CallSite))).unwrap_err();
    assert!(matches!(error, SourceError::Unavailable { .. }), "{error}");
}

#[test]
fn a_kernel_without_slabinfo_and_files_that_are_something_else() {
    let root = Root::new();
    for text in ["", "slabinfo - version: 1.1\n", "\x1b[2J", HEAD, &(HEAD.to_owned() + "dentry\n")] {
        root.write("proc/slabinfo", text);
        let error = root.source().sample().unwrap_err();
        assert!(matches!(error, SourceError::Malformed { .. }), "{text:?}: {error}");
        assert!(!error.to_string().contains('\x1b'), "{error}");
    }
    root.remove("proc/slabinfo");
    let error = LinuxSource::new(root.0.path()).unwrap_err();
    assert!(matches!(error, SourceError::Unavailable { .. }), "{error}");
    assert!(error.in_full().contains("CONFIG_SLUB_DEBUG"), "{error}");
}

#[test]
fn call_sites_of_another_version_or_switched_off() {
    let root = Root::new();
    for (text, remark) in [
        (
            "allocinfo - version: 9.0\n",
            "expected `allocinfo - version: 1.x` or `2.x`, found `allocinfo - version: 9.0`",
        ),
        ("allocinfo - version: 1.0\n#\n0 0 mm/a.c:1 func:f\n", "is profiling on?"),
    ] {
        root.write("proc/allocinfo", text);
        let sample = root.source().sample().unwrap();
        assert_eq!((sample.rows.len(), sample.remarks.len()), (6, 1));
        assert!(sample.remarks[0].contains(remark), "{}", sample.remarks[0]);
    }
}

#[test]
fn pages_are_as_large_as_the_kernel_says() {
    let root = Root::new();
    let words = [33_usize, 1, 6, 16_384, 0, 0].map(usize::to_ne_bytes).concat();
    fs::create_dir_all(root.0.path().join("proc/self")).unwrap();
    fs::write(root.0.path().join("proc/self/auxv"), words).unwrap();
    let sample = root.source().sample().unwrap();
    assert_eq!(sample.tagged_bytes(Pool::Vmalloc), 8 * 16_384);
    assert_eq!(sample.rows[0].counters.bytes, Some(10 * 16_384));
}

#[test]
fn facts_of_caches_and_callers() {
    let root = Root::new();
    let mut source = root.source();
    let mut facts = |tag: &str, pool| -> Vec<_> {
        source.facts(&Tag::name(tag), pool).into_iter().map(|f| format!("{}: {}", f.title, f.value)).collect()
    };
    assert_eq!(
        facts("buffer_head", Pool::Reclaimable),
        [
            "Object size: 1,000 bytes with padding",
            "Objects: 6 used of 8",
            "Objects per slab: 4",
            "Pages per slab: 1",
            "Slabs: 2 active of 2",
            "Aliases: ext4_thing",
            "Flags: reclaimable",
        ]
    );
    assert_eq!(
        facts("kernel_clone", Pool::Vmalloc),
        [
            "Areas: 2",
            "Address space: 40.0 KiB with guard pages",
            "Largest area: 20.0 KiB",
            "Kinds: 2 vmalloc"
        ]
    );
    assert_eq!(facts("map_it [gpu]", Pool::Vmalloc)[3], "Kinds: 1 ioremap");
    for (tag, pool) in [("absent", Pool::Vmalloc), ("../../proc", Pool::Reclaimable), ("x", Pool::Paged)] {
        assert_eq!(facts(tag, pool), [""; 0], "{tag}");
    }
}

/// The kernel of this machine, against sums that `awk` makes of the same files.
#[test]
fn this_kernel() {
    let Ok(mut source) = LinuxSource::new(Path::new("/")) else {
        skip(Need::Root, "/proc/slabinfo cannot be read");
        return;
    };
    let awk = |program: &str, file: &str| {
        let output = Command::new("awk").args([program, file]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        text.trim().parse::<f64>().ok().filter(|_| output.status.success())
    };
    let slab = |sample: &Sample| {
        sample.rows.iter().filter(|r| matches!(r.pool, Pool::Reclaimable | Pool::Unreclaimable)).count()
            as f64
    };
    let Some(caches) = awk("/ : slabdata / { n++ } END { print n }", "/proc/slabinfo") else {
        skip(Need::Tools, "awk is absent");
        return;
    };
    let sample = source.sample().unwrap();
    // A module may load a cache in between, and mergeless kernels list a name twice.
    assert!((slab(&sample) - caches).abs() <= 3.0, "{} rows, {caches} caches", slab(&sample));

    // Sums move while they are read, so each is compared with a reading before and one after, a little apart.
    let page = source.page_size as f64;
    let pages = format!("/ : slabdata / {{ s += $(NF-1) * $6 }} END {{ printf \"%d\", s * {page} }}");
    let areas = format!(
        "match($0, /pages=[0-9]+/) {{ s += substr($0, RSTART+6, RLENGTH-6) }} END {{ printf \"%d\", s * {page} }}"
    );
    for (program, file, pools) in [
        (&pages, "/proc/slabinfo", [Pool::Reclaimable, Pool::Unreclaimable].as_slice()),
        (&areas, "/proc/vmallocinfo", &[Pool::Vmalloc]),
    ] {
        let before = awk(program, file).unwrap();
        let sample = source.sample().unwrap();
        let after = awk(program, file).unwrap();
        let ours: u64 = pools.iter().map(|pool| sample.tagged_bytes(*pool)).sum();
        let slack = 0.05 * before.max(after);
        let range = before.min(after) - slack..=before.max(after) + slack;
        assert!(range.contains(&(ours as f64)), "{file}: {ours} is outside of {range:?}");
        let reported: u64 = pools.iter().filter_map(|pool| sample.header.pool_total(*pool)).sum();
        assert!(
            (ours as f64 - reported as f64).abs() <= 0.1 * reported as f64,
            "{file}: {ours}, meminfo tells {reported}"
        );
    }
    // The kernel's own answer for each cache; merged ones are read through their links here.
    let of_slab = |row: &&Row| matches!(row.pool, Pool::Reclaimable | Pool::Unreclaimable);
    for row in sample.rows.iter().filter(of_slab) {
        let file = Path::new("/sys/kernel/slab").join(row.tag.to_string()).join("reclaim_account");
        let Ok(reported) = fs::read_to_string(file) else { continue };
        assert_eq!(reported.trim() == "1", row.pool == Pool::Reclaimable, "{:?}", row.tag);
    }
    assert!(sample.remarks.iter().all(|remark| !remark.contains("not understood")), "{:?}", sample.remarks);
    assert!(source.origin().boot.is_some() && sample.uptime.is_some());
    let facts = source.facts(&Tag::name("dentry"), Pool::Reclaimable);
    assert!(facts.iter().any(|fact| fact.title == "Slabs"), "{facts:?}");
}

#[test]
fn modules_of_now() {
    let root = Root::new();
    assert_eq!(LinuxSource::new(root.0.path()).unwrap().modules(), None, "a kernel without modules");
    root.write("proc/modules", "loop 45056 0 - Live 0x0\nveth 1 0 - Live 0x0\n");
    let mut source = LinuxSource::new(root.0.path()).unwrap();
    let names = |source: &mut LinuxSource| -> Vec<_> {
        source.modules().unwrap().into_iter().map(|module| module.name).collect()
    };
    assert_eq!(names(&mut source), ["loop", "veth"]);
    root.write("proc/modules", "veth 1 0 - Live 0x0\n");
    assert_eq!(names(&mut source), ["veth"]);
}

/// The areas are read again when their sum changes, and after a while; always where no such time was asked for.
#[test]
fn areas_are_kept_while_their_sum_stays() {
    let areas = |n: u32| format!("0x1-0x2   20480 kernel_clone+0x94/0x3e0 pages={n} vmalloc N0={n}\n");
    let used = |n: u32| format!("MemTotal: 100 kB\nVmallocUsed: {} kB\n", n * 4);
    let held = |source: &mut LinuxSource| {
        let sample = source.sample().unwrap();
        let row = sample.rows.iter().find(|row| row.pool == Pool::Vmalloc).unwrap();
        row.counters.bytes.unwrap() / 4096
    };
    for (kept, wanted) in [(Duration::ZERO, [4, 5, 6]), (Duration::from_mins(10), [4, 4, 6])] {
        let root = Root::new();
        let mut source = root.open(Parts { vmalloc_kept: kept, ..Parts::default() }).unwrap();
        let mut seen = Vec::new();
        for (pages, sum) in [(4, 4), (5, 4), (6, 6)] {
            root.write("proc/vmallocinfo", &areas(pages));
            root.write("proc/meminfo", &used(sum));
            seen.push(held(&mut source));
        }
        assert_eq!(seen, wanted, "{kept:?}");
    }
    let root = Root::new();
    root.write("proc/vmallocinfo", &areas(4));
    root.write("proc/meminfo", &used(4));
    let mut source =
        root.open(Parts { vmalloc_kept: Duration::from_millis(20), ..Parts::default() }).unwrap();
    assert_eq!(held(&mut source), 4);
    root.write("proc/vmallocinfo", &areas(7));
    std::thread::sleep(Duration::from_millis(30));
    assert_eq!(held(&mut source), 7, "their time is over");
}
