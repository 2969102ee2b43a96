//! One tag over a folder of drivers, beside `rg -a -l` and `grep -a -l`; all tags; the second question from the index.
//!
//! `POOLMON_SHARED=… cargo bench -p pool-owner --bench scan`. The folder is made of the real drivers outside the
//! repository, a third each, padded with random bytes to half a megabyte; in all but 34 copies of `WinDivert` the tag that
//! is asked for is replaced by one of the copy's own. Nothing is timed without them. The best of five runs is told.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use pool_model::PoolTag;
use pool_owner::scan::{self, Index, Limits, Query, Summary};

const FILES: usize = 1_000;
const SIZE: usize = 512 << 10;

fn best(mut run: impl FnMut()) -> Duration {
    let times = (0..5).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    times.min().unwrap()
}

fn fill(folder: &Path, drivers: &Path) {
    let names = ["systeminformer-amd64.sys", "WinDivert-2.2-x64.sys", "winpmem_x64.sys"];
    let real: Vec<Vec<u8>> = names.iter().map(|name| std::fs::read(drivers.join(name)).unwrap()).collect();
    let mut state = 1_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    for n in 0..FILES {
        let mut bytes = real[n % 3].clone();
        if n % 10 != 1 {
            // Another driver's tag: as if each had its own.
            let own = format!("D{:03}", n % 1_000);
            let places: Vec<usize> = memchr::memmem::find_iter(&bytes, b"WDiv").collect();
            for at in places {
                bytes[at..at + 4].copy_from_slice(own.as_bytes());
            }
        }
        while bytes.len() < SIZE {
            bytes.extend(random().to_le_bytes());
        }
        std::fs::write(folder.join(format!("driver{n:04}.sys")), bytes).unwrap();
    }
}

fn lines(program: &str, folder: &Path) -> usize {
    let args: &[&str] = if program == "rg" { &["-a", "-l", "WDiv"] } else { &["-r", "-a", "-l", "WDiv"] };
    let output = Command::new(program).args(args).arg(folder).stdin(Stdio::null()).output().unwrap();
    output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).count()
}

fn ask(folder: &Path, query: Query, index: &mut Index) -> Summary {
    let never = AtomicBool::new(false);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    scan::folder(&[folder.to_owned()], query, threads, Limits::default(), index, &never, |event| {
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
    fill(folder.path(), &drivers);
    let tag = Query::Tag(PoolTag(*b"WDiv"));
    for program in ["rg", "grep"] {
        if Command::new(program).arg("--version").output().is_ok() {
            let files = lines(program, folder.path());
            let time = best(|| assert_eq!(lines(program, folder.path()), files));
            println!("{program} -a -l: {time:?}, {files} files");
        }
    }
    let found = ask(folder.path(), tag, &mut Index::default()).found;
    let time = best(|| assert_eq!(ask(folder.path(), tag, &mut Index::default()).found, found));
    println!("one tag, with evidence: {time:?}, {found} files");
    let absent = Query::Tag(PoolTag(*b"Zq#7"));
    let time = best(|| assert_eq!(ask(folder.path(), absent, &mut Index::default()).found, 0));
    println!("a tag that no file has: {time:?}");
    let time = best(|| assert_eq!(ask(folder.path(), Query::All, &mut Index::default()).found, FILES));
    println!("all tags of all drivers: {time:?}");
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("index");
    let mut index = Index::default();
    ask(folder.path(), tag, &mut index);
    index.save(&file).unwrap();
    let time = best(|| assert_eq!(ask(folder.path(), tag, &mut Index::load(&file)).from_index, FILES));
    println!("the same question from the index: {time:?}, {} bytes", file.metadata().unwrap().len());
    ask(folder.path(), Query::All, &mut index);
    index.save(&file).unwrap();
    let other = Query::Code(PoolTag(*b"KpI2"));
    let time = best(|| assert_eq!(ask(folder.path(), other, &mut Index::load(&file)).from_index, FILES));
    println!("another tag from an index of all tags: {time:?}, {} bytes", file.metadata().unwrap().len());
}
