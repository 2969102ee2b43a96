//! One tag over a folder of drivers, beside `rg -a -l` and `grep -a -l`; all tags; the second question from the index.
//!
//! `POOLMON_SHARED=… cargo bench -p poolmon-owner --bench scan`. The folder holds 1,600 files, 512 MB, all made of the real
//! drivers outside the repository: whole drivers of three makers in turn, each followed by bytes of the next ones as an
//! overlay up to its size; in all but 54 copies of `WinDivert` the tag that is asked for is replaced by one of the copy's
//! own. Nothing is timed without them. Each line is the best of nine rounds in which the programs take turns: wall clock,
//! and user and system time of the process.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use poolmon_model::PoolTag;
use poolmon_owner::scan::{self, DriverIndex, SearchLimits, SearchSummary, TagQuery};

const FILES: usize = 1_600;
const SIZE: usize = 320 << 10;
const ROUNDS: usize = 9;

fn fill(folder: &Path, drivers: &Path) {
    let names = ["systeminformer-amd64.sys", "WinDivert-2.2-x64.sys", "winpmem_x64.sys"];
    let real: Vec<Vec<u8>> = names.iter().map(|name| std::fs::read(drivers.join(name)).unwrap()).collect();
    let all = real.concat();
    for n in 0..FILES {
        let mut bytes = real[n % 3].clone();
        bytes.extend(all.iter().cycle().skip(n * 4_096 % all.len()).take(SIZE.saturating_sub(bytes.len())));
        if n % 30 != 1 {
            // Another driver's tag: as if each had its own.
            let own = format!("D{:03}", n % 1_000);
            let places: Vec<usize> = memchr::memmem::find_iter(&bytes, b"WDiv").collect();
            for at in places {
                bytes[at..at + 4].copy_from_slice(own.as_bytes());
            }
        }
        std::fs::write(folder.join(format!("driver{n:04}.sys")), bytes).unwrap();
    }
}

/// User and system time of this process, or of its children that have ended.
fn cpu(children: bool) -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<i64> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|f| f.parse().ok())
        .collect();
    // utime, stime, cutime, cstime are 11 fields behind the state, which is no number.
    let at = if children { 12 } else { 10 };
    let ticks: i64 = fields.get(at..at + 2).map_or(0, |ticks| ticks.iter().sum());
    // Ticks of 10 ms.
    Duration::from_millis(ticks.unsigned_abs() * 10)
}

/// One thing that is timed.
struct Run<'a> {
    name: &'a str,
    children: bool,
    what: Box<dyn FnMut() -> usize + 'a>,
    wall: Vec<Duration>,
    cpu: Duration,
    found: usize,
}

fn run<'a>(name: &'a str, children: bool, what: impl FnMut() -> usize + 'a) -> Run<'a> {
    Run { name, children, what: Box::new(what), wall: Vec::new(), cpu: Duration::ZERO, found: 0 }
}

fn take_turns(runs: &mut [Run<'_>]) {
    for _ in 0..ROUNDS {
        for run in runs.iter_mut() {
            let (start, before) = (Instant::now(), cpu(run.children));
            run.found = (run.what)();
            run.wall.push(start.elapsed());
            run.cpu += cpu(run.children).saturating_sub(before);
        }
    }
    for run in runs {
        run.wall.sort();
        println!(
            "{:<34} best {:>9.2?}, median {:>9.2?}, user + system {:>9.2?} a run, {} files",
            run.name,
            run.wall[0],
            run.wall[ROUNDS / 2],
            run.cpu / u32::try_from(ROUNDS).unwrap(),
            run.found
        );
    }
}

fn lines(program: &str, folder: &Path, tag: &str) -> usize {
    let args: &[&str] = if program == "rg" { &["-a", "-l"] } else { &["-r", "-a", "-l"] };
    let output = Command::new(program).args(args).arg(tag).arg(folder).stdin(Stdio::null()).output().unwrap();
    output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).count()
}

fn ask(folder: &Path, query: TagQuery, index: &mut DriverIndex) -> SearchSummary {
    let never = AtomicBool::new(false);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    scan::folder(&[folder.to_owned()], query, threads, SearchLimits::default(), index, &never, |event| {
        std::hint::black_box(&event);
    })
}

fn main() {
    // `cargo test --benches` calls this too; only `cargo bench` says so.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let Some(drivers) =
        std::env::var_os("POOLMON_SHARED").map(|shared| PathBuf::from(shared).join("inputs/drivers"))
    else {
        eprintln!("SKIPPED: scan: ../shared is absent");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fill(folder, &drivers);
    let there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    for (tag, about) in [("WDiv", "a tag of 54 drivers"), ("Zq#7", "a tag of none")] {
        println!("{about}:");
        let query = TagQuery::Tag(PoolTag::padded(tag.as_bytes()).unwrap());
        let mut runs = Vec::new();
        if there("rg") {
            runs.push(run("  rg -a -l", true, || lines("rg", folder, tag)));
        }
        if there("grep") {
            runs.push(run("  grep -r -a -l", true, || lines("grep", folder, tag)));
        }
        runs.push(run("  poolmon-owner, with evidence", false, || {
            ask(folder, query, &mut DriverIndex::default()).found
        }));
        take_turns(&mut runs);
    }
    println!("all tags of all drivers:");
    take_turns(&mut [run("  poolmon-owner", false, || {
        ask(folder, TagQuery::All, &mut DriverIndex::default()).found
    })]);
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("index");
    let tag = TagQuery::Tag(PoolTag(*b"WDiv"));
    let mut index = DriverIndex::default();
    ask(folder, tag, &mut index);
    index.save(&file).unwrap();
    println!("the same question again, from the index ({} bytes):", file.metadata().unwrap().len());
    take_turns(&mut [run("  poolmon-owner", false, || {
        ask(folder, tag, &mut DriverIndex::load(&file)).from_index
    })]);
    ask(folder, TagQuery::All, &mut index);
    index.save(&file).unwrap();
    println!("another tag, from the index of all tags ({} bytes):", file.metadata().unwrap().len());
    let other = TagQuery::Code(PoolTag(*b"KpI2"));
    take_turns(&mut [run("  poolmon-owner", false, || {
        ask(folder, other, &mut DriverIndex::load(&file)).from_index
    })]);
}
