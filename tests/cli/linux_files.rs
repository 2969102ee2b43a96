//! Saved lists of Linux and its tools, as people post and collect them.

use std::fs;
use std::path::{Path, PathBuf};

use std::sync::Arc;
use std::time::Duration;

use poolmon_model::{CounterWidth, Counters, Origin, Pool, Row, Sample, SourceKind, Tag};
use poolmon_store::{ClockMoment, Recorder, RecorderConfig};

use crate::{json_of, poolmon, stdout_of, text};

const VERSION: &str = "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : \
    tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n";

fn slabinfo(objects: u64) -> String {
    let slabs = objects / 64;
    format!(
        "{VERSION}kmalloc-64  {objects}  {objects}     64   64    1 : tunables    0    0    0 : slabdata   {slabs}   {slabs}      0\n\
         my_cache            661    670   3072   10    8 : tunables    0    0    0 : slabdata     67     67      0\n"
    )
}

fn write(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

/// `tag diff bytes` of each row, largest first.
fn rows(path: &Path) -> Vec<String> {
    let table = json_of(&["top", path.to_str().unwrap(), "--sort", "bytes", "--format", "json"]);
    let rows = table["rows"].as_array().unwrap().iter();
    rows.map(|row| format!("{} {} {}", row["tag"].as_str().unwrap(), row["diff"], row["bytes"])).collect()
}

#[test]
fn each_kind_of_list_shows_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content, wanted) in [
        ("slabinfo", slabinfo(64_000), ["kmalloc-64 64000 4096000", "my_cache 661 2195456"].as_slice()),
        (
            "slabtop",
            "  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME\n734506368 734506368 100%    0.06K 11476662       64  45906648K big_node\n   \
             670    661  98%    3.00K     67       10      2144K my_cache\n"
                .to_owned(),
            ["big_node 734506368 47008407552", "my_cache 661 2195456"].as_slice(),
        ),
        (
            "vmstat",
            "Cache                       Num  Total   Size  Pages\nmy_inode                   9888   9888   1024     16\nsmall 10 10 64 64\n".to_owned(),
            ["my_inode 9888 10125312", "small 10 640"].as_slice(),
        ),
        (
            "crash",
            "crash> kmem -s\nCACHE             OBJSIZE  ALLOCATED     TOTAL  SLABS  SSIZE  NAME\nffff000000000100      304    3563564   7039393  282756    16k  my_object\n\
             ffff000000000300      512          ?         ?      ?    32k  kmalloc-512\n"
                .to_owned(),
            ["my_object 3563564 4632674304"].as_slice(),
        ),
        (
            "allocinfo",
            "allocinfo - version: 2.0\n#     <size>  <calls> <tag info>\n       49152       48 drivers/my/core.c:2709 func:my_create accurate:no\n          \
             16        1 fs/my/mount.c:87 [my] func:my_mount \n"
                .to_owned(),
            ["drivers/my/core.c:2709 my_create 48 49152", "fs/my/mount.c:87 my_mount 1 16"].as_slice(),
        ),
    ] {
        assert_eq!(rows(&write(folder.path(), name, &content)), wanted, "{name}");
    }
    let shown = stdout_of(&["top", folder.path().join("allocinfo").to_str().unwrap()]);
    assert!(shown.contains("~49152") && shown.contains("~ not exact"), "{shown}");
    let crash = poolmon(&["top", folder.path().join("crash").to_str().unwrap()]);
    assert!(
        text(&crash.stderr).contains("1 cache has only unknown figures (`?`): line 4"),
        "{}",
        text(&crash.stderr)
    );
}

#[test]
fn a_series_of_slabinfo_is_judged_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let series: Vec<String> = (0..40)
        .map(|n| {
            format!(
                "Sun Mar  1 {:02}:{:02}:00 UTC 2026\n{}",
                10 + n / 6,
                n % 6 * 10,
                slabinfo(64_000 + 32_000 * n)
            )
        })
        .collect();
    let file = write(folder.path(), "series.txt", &series.concat());
    let file = file.to_str().unwrap();
    let verdicts = json_of(&["leaks", file, "--format", "json"]);
    let leak = verdicts["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|verdict| verdict["tag"] == "kmalloc-64")
        .unwrap();
    assert!(leak["level"] == "likely" || leak["level"] == "leak", "{leak}");
    let recording = folder.path().join("rec");
    let recording = recording.to_str().unwrap();
    stdout_of(&["import", "-o", recording, file]);
    let info = json_of(&["info", recording, "--format", "json"]);
    assert_eq!(info["samples"], 40, "{info}");
}

#[test]
fn figures_of_meminfo_are_a_series_of_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let series: Vec<String> = (0..40)
        .map(|n| {
            format!(
                "Sun Mar  1 {:02}:{:02}:00 UTC 2026\nSReclaimable:     118676 kB\nSUnreclaim:  {} kB\n",
                10 + n / 6,
                n % 6 * 10,
                90_000 + 500 * n
            )
        })
        .collect();
    let file = write(folder.path(), "meminfo.txt", &series.concat());
    let said = stdout_of(&["leaks", file.to_str().unwrap()]);
    assert!(
        said.contains("Machine:  reclaimable does not grow (116 MiB); unreclaimable grows 2.93 MiB/h"),
        "{said}"
    );
    assert_eq!(said.matches("2.93 MiB/h").count(), 1, "the same figures are printed once: {said}");
}

#[test]
fn a_sosreport_is_opened_as_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "sos-db7/date", "Sun Mar  1 10:00:00 UTC 2026\n");
    write(folder.path(), "sos-db7/proc/slabinfo", &slabinfo(64_000));
    assert_eq!(rows(folder.path()), ["kmalloc-64 64000 4096000", "my_cache 661 2195456"]);
    let said = text(&poolmon(&["top", folder.path().to_str().unwrap()]).stderr);
    assert!(said.contains("read of this report: ") && said.contains("proc/slabinfo"), "{said}");
}

#[test]
fn slabinfo_of_linux_2_4_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "old", "slabinfo - version: 1.1\nkmem_cache 59 78 100 2 2 1\n");
    let output = poolmon(&["top", file.to_str().unwrap()]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("slabinfo 1.x"), "{}", text(&output.stderr));
}

#[test]
fn copies_of_a_general_cache_are_one_row_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    let copy = |n: u32| {
        format!(
            "kmalloc-rnd-{n:02}-64  64 64  64   64    1 : tunables    0    0    0 : slabdata   1   1      0\n"
        )
    };
    let file = write(folder.path(), "slabinfo", &(VERSION.to_owned() + &copy(1) + &copy(2) + &copy(15)));
    assert_eq!(rows(&file), ["kmalloc-rnd-*-64 192 12288"]);
    let file = file.to_str().unwrap();
    assert_eq!(json_of(&["top", file, "--no-fold", "--format", "json"])["row_count"], 3);
    assert_eq!(json_of(&["top", file, "--include", "kmalloc-rnd-02-64", "--format", "json"])["row_count"], 1);
}

/// A series of machine figures has no rows: what it has is shown, and how it changed.
#[test]
fn figures_of_a_machine_without_rows() {
    let folder = tempfile::tempdir().unwrap();
    let moment = |minute: u32, unreclaimable: u64| {
        format!(
            "Sun Mar  1 10:{minute:02}:00 UTC 2026\nSlab:             209032 kB\nSReclaimable:     118676 kB\n\
             SUnreclaim:        {unreclaimable} kB\n"
        )
    };
    let path = write(folder.path(), "meminfo.txt", &(moment(0, 90_356) + &moment(10, 95_920)));
    let path = path.to_str().unwrap();
    assert_eq!(
        stdout_of(&["top", path]),
        format!(
            " SReclaimable:118676K SUnreclaim:95920K\n\
             (only figures of the machine, no rows; how they changed: poolmon leaks {path})\n"
        )
    );
    let diff = stdout_of(&["diff", path]);
    assert!(diff.contains("unreclaimable slab: +5.43 MiB (32.6 MiB/h), now 93.7 MiB\n"), "{diff}");
    assert!(!diff.contains("No row changed"), "{diff}");
}

/// The kernel lists a merged cache under one of its names: a recording keeps the others, and the verdict names the one that fits
/// what grows in lockstep.
#[test]
fn a_recording_names_merged_caches_by_all_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let config = RecorderConfig { interval: Duration::from_mins(1), ..RecorderConfig::default() };
    let (mut recorder, _) = Recorder::open(folder.path(), config).unwrap();
    recorder.merged(vec![["UNIX", "mm_slot", "signal_cache"].map(str::to_owned).to_vec()]);
    let origin = Origin::new(SourceKind::Linux, &[Pool::Reclaimable, Pool::Unreclaimable]);
    let origin = Arc::new(Origin { boot: Some("a".into()), ..origin });
    let start: jiff::Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
    for n in 0..400_u64 {
        let mut sample = Sample::new(Arc::clone(&origin), CounterWidth::Bits64);
        sample.time = Some(start + Duration::from_secs(n * 60));
        // A program opens sockets and does not close them; processes come and go.
        let sockets = 5000 + n * 40;
        let tasks = 300 + n * 7919 % 41;
        sample.rows = [
            ("signal_cache", 1152, tasks + sockets),
            ("sock_inode_cache", 896, sockets),
            ("filp", 256, 9000 + sockets),
            ("task_struct", 9792, tasks),
        ]
        .map(|(name, size, objects)| Row {
            tag: Tag::name(name),
            pool: Pool::Unreclaimable,
            counters: Counters {
                reported_diff: i64::try_from(objects).ok(),
                bytes: Some(objects * size),
                used: Some(objects * size),
                ..Counters::default()
            },
            reported_owner: None,
        })
        .to_vec();
        let moment = ClockMoment { wall: sample.time.unwrap(), clock: Duration::from_secs(n * 60) };
        recorder.record_at(&sample, moment).unwrap();
    }
    recorder.close().unwrap();
    let leaks = stdout_of(&["leaks", folder.path().to_str().unwrap()]);
    assert!(leaks.contains("signal_cache"), "{leaks}");
    assert!(leaks.contains("these are objects of UNIX"), "{leaks}");
    assert!(leaks.contains("in one cache with UNIX, mm_slot"), "{leaks}");
}
