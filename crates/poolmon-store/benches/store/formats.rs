//! The same samples in other formats, side by side.
//!
//! `POOLMON_PYTHON` names a Python with pyarrow, which writes SQLite and plain Parquet (`formats.py`);
//! `tests/tools.sh` makes one under `target/store-venv`. CSV is packed by the program `zstd`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use poolmon_model::Sample;
use poolmon_store::ClockMoment;
use poolmon_store::export::{self, ExportFormat, ExportOptions};
use poolmon_store::{Recorder, RecorderConfig, Recording};

/// What is compared: name of the file, and what is in the table.
const FORMATS: [(&str, &str); 9] = [
    ("a.log", "PoolMon text (wide)"),
    ("a.csv", "CSV"),
    ("a.csv.zst", "CSV, zstd -3"),
    ("dense.sqlite", "SQLite, every row"),
    ("changed.sqlite", "SQLite, changed rows only"),
    ("plain.parquet", "Parquet as pyarrow writes it (snappy)"),
    ("plain-zstd.parquet", "Parquet as pyarrow writes it (zstd)"),
    ("sealed.parquet", "Parquet sealed by poolmon"),
    ("plog", "**recording**"),
];

pub fn compare(base: &Path, seconds: u64, slab_seconds: u64) {
    let mut columns = Vec::new();
    let scratch = tempfile::tempdir_in(base).unwrap();
    for (name, mut machine) in super::machines() {
        let folder = scratch.path().join("recording");
        super::record(&folder, &mut *machine, seconds, 1000);
        columns.push((name, sizes(&folder, seconds)));
        fs::remove_dir_all(&folder).unwrap();
    }
    let folder = scratch.path().join("recording");
    if slab_seconds > 0 && slab(&folder, slab_seconds) {
        columns.push(("slab caches of this machine", sizes(&folder, slab_seconds)));
    }
    print!("| MB an hour at 1 s |");
    columns.iter().for_each(|(name, _)| print!(" {name} |"));
    println!("\n|---|{}", "---|".repeat(columns.len()));
    for (file, title) in FORMATS {
        print!("| {title} |");
        for (_, sizes) in &columns {
            match sizes.get(file) {
                Some(size) if *size < 0.1 => print!(" {size:.3} |"),
                Some(size) => print!(" {size:.2} |"),
                None => print!(" - |"),
            }
        }
        println!();
    }
}

/// MB an hour of each format.
fn sizes(folder: &Path, seconds: u64) -> BTreeMap<String, f64> {
    let recording = Recording::open(folder).unwrap();
    assert!(recording.verify().unwrap().is_whole());
    let at = |name: &str| folder.join(name);
    let options = ExportOptions::default();
    export::write_file(&recording, ExportFormat::Poolmon, &options, &at("a.log")).unwrap();
    export::write_file(&recording, ExportFormat::Csv, &options, &at("a.csv")).unwrap();
    export::parquet::write(&recording, &options, &at("sealed.parquet"), &mut || {}).unwrap();
    let zstd = Command::new("zstd").args(["-3", "-qo"]).args([at("a.csv.zst"), at("a.csv")]).status();
    assert!(zstd.unwrap().success());
    if let Some(python) = std::env::var_os("POOLMON_PYTHON") {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/store/formats.py");
        assert!(Command::new(python).arg(script).arg(folder).status().unwrap().success());
    }
    let mut sizes = BTreeMap::new();
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let name = if name.ends_with(".plog") { "plog".to_owned() } else { name };
        *sizes.entry(name).or_default() +=
            file.metadata().unwrap().len() as f64 / 1e6 / seconds as f64 * 3600.0;
    }
    sizes
}

/// Records this kernel's slab caches, live.
#[cfg(target_os = "linux")]
fn slab(folder: &Path, seconds: u64) -> bool {
    use poolmon_source::Source;
    use poolmon_source::linux::{LinuxSource, Parts};

    let parts = Parts { vmalloc: false, ..Parts::for_view(poolmon_model::PoolView::All) };
    let Ok(mut source) = LinuxSource::with_parts(Path::new("/"), parts) else {
        eprintln!("SKIPPED: slab caches: /proc/slabinfo is root's");
        return false;
    };
    let config = RecorderConfig { interval: Duration::from_secs(1), ..RecorderConfig::default() };
    let (mut recorder, _) = Recorder::open(folder, config).unwrap();
    let mut sample: Sample = source.sample().unwrap();
    let start = Instant::now();
    for n in 0..seconds {
        std::thread::sleep(Duration::from_secs(n).saturating_sub(start.elapsed()));
        source.sample_into(&mut sample).unwrap();
        let wall = sample.time.unwrap_or_else(jiff::Timestamp::now);
        recorder.record_at(&sample, ClockMoment { wall, clock: start.elapsed() }).unwrap();
    }
    recorder.close().unwrap();
    true
}

#[cfg(not(target_os = "linux"))]
fn slab(_: &Path, _: u64) -> bool {
    false
}
