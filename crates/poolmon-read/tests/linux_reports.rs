//! sosreport and supportconfig: folders and archives, plain and packed.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use poolmon_model::{Pool, Sample};
use poolmon_read::{Input, ReadOptions, Result, identify};

const SLABINFO: &str = "slabinfo - version: 2.1\n# name <active_objs>\n\
    dentry            169071 169092    192   21    1 : tunables    0    0    0 : slabdata   8051   8052      0\n";
const MEMINFO: &str = "MemTotal:       24684092 kB\nSUnreclaim:  90356 kB\n";
const VMALLOC: &str = "0x1-0x2   20480 kernel_clone+0x94/0x3e0 pages=4 vmalloc N0=4\n";

fn read(input: &Input) -> Result<Vec<Sample>> {
    let format = identify(input)?;
    assert_eq!(format.id, "linux-report");
    let mut reader = (format.open)(input, &ReadOptions::default())?;
    let mut samples = Vec::new();
    let mut sample = Sample::empty();
    while reader.next_into(&mut sample)? {
        samples.push(sample.clone());
    }
    Ok(samples)
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn sosreport(folder: &Path) {
    write(
        folder,
        &[
            ("sosreport-db7/date", "Sun Mar  1 10:00:00 UTC 2026\n"),
            ("sosreport-db7/sos_commands/kernel/uname_-a", "Linux db7 5.14.0-362.el9 #1 SMP x86_64\n"),
            (
                "sosreport-db7/sos_commands/memory/slabtop_-o",
                "  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME\n 9 9 100% 0.19K 1 21 4K dentry\n",
            ),
            ("sosreport-db7/proc/slabinfo", SLABINFO),
            ("sosreport-db7/proc/meminfo", MEMINFO),
            ("sosreport-db7/proc/vmallocinfo", VMALLOC),
            ("sosreport-db7/etc/passwd", "root:x:0:0\n"),
        ],
    );
}

fn check(samples: &[Sample]) {
    let [sample] = samples else { panic!("{samples:?}") };
    assert_eq!(sample.time.unwrap().to_string(), "2026-03-01T10:00:00Z");
    assert_eq!(sample.origin.host.as_deref(), Some("db7"));
    assert_eq!(sample.header.slab_unreclaimable, Some(90_356 << 10));
    let rows: Vec<_> =
        sample.rows.iter().map(|row| (row.tag.to_string(), row.pool, row.counters.bytes)).collect();
    assert_eq!(
        rows,
        [
            ("kernel_clone".to_owned(), Pool::Vmalloc, Some(16_384)),
            ("dentry".to_owned(), Pool::Reclaimable, Some(8052 * 4096)),
        ]
    );
    let said = &sample.remarks[0];
    let named =
        said.contains("proc/slabinfo") && said.contains("proc/meminfo") || said.contains("memory.txt");
    assert!(said.starts_with("read of this report: ") && named, "{said}");
    assert!(!sample.remarks.iter().any(|remark| remark.contains("no list")), "{:?}", sample.remarks);
}

fn packed(tar: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    xz.write_all(tar).unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(tar, ruzstd::encoding::CompressionLevel::Fastest);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(tar).unwrap();
    vec![
        ("a.tar", tar.to_vec()),
        ("a.tar.gz", gzip.finish().unwrap()),
        ("a.tar.xz", xz.finish().unwrap()),
        ("a.tar.zst", zstd),
    ]
}

#[test]
fn a_sosreport_as_folder_and_in_every_packing() {
    let folder = tempfile::tempdir().unwrap();
    sosreport(folder.path());
    check(&read(&Input::open(folder.path()).unwrap()).unwrap());
    check(&read(&Input::open(&folder.path().join("sosreport-db7")).unwrap()).unwrap());
    let tar = Command::new("tar").arg("-C").arg(folder.path()).args(["-cf", "-", "sosreport-db7"]).output();
    let Ok(tar) = tar.map(|output| output.stdout) else { return };
    for (name, bytes) in packed(&tar) {
        let samples = read(&Input::from_bytes(name, bytes)).unwrap_or_else(|error| panic!("{name}: {error}"));
        check(&samples);
    }
}

#[test]
fn a_supportconfig_with_its_lists_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let part = |name: &str, text: &str| {
        format!("#==[ Command ]======================================#\n# {name}\n{text}\n")
    };
    let memory = part("/usr/bin/free -k", "       total used\nMem: 1 2")
        + &part("/proc/meminfo", MEMINFO)
        + &part("/proc/slabinfo", SLABINFO)
        + &part("/proc/vmallocinfo", VMALLOC)
        + &part("/bin/rpm -V kernel", "2020-01-01 10:00:00 x");
    let basic = part("/bin/date", "Sun Mar  1 10:00:00 UTC 2026")
        + &part("/bin/uname -a", "Linux db7 5.14.21-150500 #1 SMP");
    write(
        folder.path(),
        &[
            ("scc_db7/basic-environment.txt", &basic),
            ("scc_db7/memory.txt", &memory),
            ("scc_db7/proc.txt", &memory),
        ],
    );
    check(&read(&Input::open(folder.path()).unwrap()).unwrap());
}

#[test]
fn two_machines_are_two_samples_and_archives_without_lists_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            ("a/date", "Sun Mar  1 10:00:00 UTC 2026\n"),
            ("a/proc/slabinfo", SLABINFO),
            ("b/date", "Sun Mar  1 10:10:00 UTC 2026\n"),
            ("b/proc/slabinfo", SLABINFO),
        ],
    );
    let samples = read(&Input::open(folder.path()).unwrap()).unwrap();
    let times: Vec<_> = samples.iter().map(|sample| sample.time.unwrap().to_string()).collect();
    assert_eq!(times, ["2026-03-01T10:00:00Z", "2026-03-01T10:10:00Z"]);
    fs::write(folder.path().join("a/x"), "x").unwrap();
    let tar =
        Command::new("tar").arg("-C").arg(folder.path()).args(["-cf", "-", "a/x"]).output().unwrap().stdout;
    let error = read(&Input::from_bytes("a.tar", tar)).unwrap_err().to_string();
    assert!(error.contains("no list of kernel memory"), "{error}");
    let bzip2 = read(&Input::from_bytes("a.tar.bz2", b"BZh91AY".to_vec())).unwrap_err().to_string();
    assert!(bzip2.contains("bzip2"), "{bzip2}");
}

#[test]
fn tools_of_bcc_are_named_and_refused() {
    for (text, wanted) in [
        (
            "10:00:00 loadavg: 0.1\n\nCACHE                            ALLOCS      BYTES\nkmalloc-4096   3554   14557184\n",
            "slabratetop",
        ),
        (
            "[10:00:00] Top 10 stacks with outstanding allocations:\n\t1048576 bytes in 256 allocations from stack\n",
            "memleak",
        ),
    ] {
        let input = Input::from_bytes("a.txt", text.as_bytes());
        let format = identify(&input).unwrap();
        let error = (format.open)(&input, &ReadOptions::default()).err().unwrap().to_string();
        assert!(error.contains(wanted) && error.contains("what is held"), "{error}");
    }
}
