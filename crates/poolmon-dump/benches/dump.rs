//! A complete dump of a 64 GB machine (sparse on disk): opening, `poolused`, `find`, each as a process of its own, beside
//! kdmp-parser and, where `target/volatility3` exists (`tests/volatility3.sh` makes it), volatility3.
//!
//! `cargo bench -p poolmon-dump` prints the times (best of several, in the process, file cache warm) and peak memory.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use poolmon_dump::{Dump, Needle};
use poolmon_synth::dump::{Arch, Form, Spec, build};

/// Pages of 64 GB.
const PAGES: u64 = 1 << 24;
/// Pages of the module that is searched: 512 MB.
const MODULE_PAGES: u64 = 1 << 17;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.as_slice() {
        [_, child, what, path] if child == "--child" => run(what, Path::new(path)),
        _ => parent(),
    }
}

fn parent() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("MEMORY.DMP");
    let spec = Spec {
        cpus: 32,
        memory_pages: PAGES,
        large_module_pages: MODULE_PAGES,
        ..Spec::new(Arch::Amd64, 22_621)
    };
    build(&spec).write(Form::Full, &path).expect("the dump is written");
    let size = path.metadata().map_or(0, |data| data.len());
    println!("complete dump, {} GiB, 32 processors", size >> 30);
    let kernel = folder.path().join("KERNEL.DMP");
    build(&Spec { large_module_pages: 0, ..spec })
        .write(Form::BitmapKernel, &kernel)
        .expect("the dump is written");
    let me = std::env::current_exe().expect("this program");
    for (what, path) in [
        ("open", &path),
        ("open", &kernel),
        ("poolused", &path),
        ("poolused", &kernel),
        ("find", &path),
        ("kdmp-parser open", &path),
        ("kdmp-parser open", &kernel),
    ] {
        let start = Instant::now();
        let output = Command::new(&me).args(["--child", what]).arg(path).output().expect("the child runs");
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let reported = String::from_utf8_lossy(&output.stdout);
        println!(
            "{name} {what}: {} whole process {:.1} ms",
            reported.trim(),
            start.elapsed().as_secs_f64() * 1e3
        );
    }
    volatility(&path);
}

/// Best of several runs, and the peak memory of the process.
fn run(what: &str, path: &Path) {
    let mut best = Duration::MAX;
    let mut cpu = u64::MAX;
    let mut note = String::new();
    for _ in 0..if what.starts_with("kdmp") { 1 } else { 5 } {
        let (start, cpu_start) = (Instant::now(), on_cpu());
        match what {
            "kdmp-parser open" => {
                let parser = kdmp_parser::parse::KernelDumpParser::new(path).expect("it opens");
                note = format!("{} pages", parser.physmem().len());
            }
            "open" => note = format!("{} pages", Dump::open(path).expect("it opens").info().pages),
            "poolused" => {
                let used = Dump::open(path).and_then(|dump| dump.pool_used()).expect("it answers");
                note = format!("{} rows of {} tables", used.sample.rows.len(), used.found.tables);
            }
            _ => {
                let dump = Dump::open(path).expect("it opens");
                let needle = Needle::parse("Zq7x").expect("a tag");
                let report = dump.find(&needle, &mut |_, _| true).expect("it answers");
                let speed = report.bytes as f64 / (on_cpu() - cpu_start) as f64;
                note = format!("{} hits, {:.2} GB/s of CPU time", report.hits.len(), speed);
            }
        }
        best = best.min(start.elapsed());
        cpu = cpu.min(on_cpu() - cpu_start);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).map_or("?", str::trim).to_owned()
    };
    println!(
        "{:.3} ms (CPU {:.3} ms), peak {} (anonymous {}), {note};",
        best.as_secs_f64() * 1e3,
        cpu as f64 / 1e6,
        field("VmHWM:"),
        field("RssAnon:")
    );
}

fn volatility(path: &Path) {
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/volatility3/bin/python");
    if !python.exists() {
        println!("volatility3: not installed in target/volatility3, not measured");
        return;
    }
    let script = "
import sys, time, pathlib
from volatility3.framework import contexts
from volatility3.framework.layers import crash, physical
start = time.perf_counter()
c = contexts.Context()
c.config['file.location'] = pathlib.Path(sys.argv[1]).as_uri()
c.add_layer(physical.FileLayer(c, 'file', 'file'))
c.config['memory.base_layer'] = 'file'
c.add_layer(crash.WindowsCrashDump64Layer(c, 'memory', 'memory'))
print(f'{(time.perf_counter() - start) * 1e3:.3f} ms')
";
    let output = Command::new(python).args(["-c", script]).arg(path).output().expect("python runs");
    println!("MEMORY.DMP volatility3 open: {}", String::from_utf8_lossy(&output.stdout).trim());
}

/// Nanoseconds that this process spent on a processor: on a shared machine the fairer figure.
fn on_cpu() -> u64 {
    let reported = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    reported.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0)
}
