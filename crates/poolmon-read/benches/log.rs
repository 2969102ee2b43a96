//! How fast saved text is read, in bytes a second: `cargo bench -p poolmon-read --bench log`.
//!
//! `POOLMON_BENCH_LOG=FILE` reads that file once from front to back instead, and `POOLMON_BENCH_WRITE=FILE` with
//! `POOLMON_BENCH_MIB=N` writes one of N MiB: what the figure for a 1 GB log is measured with.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use criterion::{Criterion, Throughput};
use poolmon_model::Sample;
use poolmon_read::{Input, ReadOptions, identify};

/// Rows of a snapshot: a busy Windows 11 has about as many.
const ROWS: u64 = 3000;

/// One snapshot of the wide layout, every figure moved on by `step`.
fn snapshot(out: &mut String, step: u64, driver: bool) {
    out.push_str(
        " Memory:49371552K Avail:26121028K  PageFlts:901597864   InRam Krnl:76500K P:4130272K\n \
         Commit:35762700K Limit:64575904K Peak:43634092K            Pool N:2275124K P:4427892K\n\n \
         Tag  Type     Allocs            Frees               Diff            Bytes                 Per Alloc\n\n",
    );
    for row in 0..ROWS {
        let live = row * row % 100_000;
        let frees = row * 7919 + step * 13;
        let bytes = live * (row % 4096);
        let per_alloc = bytes.checked_div(live).unwrap_or(0);
        let pool = if row % 3 == 0 { "Paged" } else { "Nonp " };
        let allocs = frees + live;
        let _ = write!(out, " T{row:03x} {pool}{allocs:>19}{frees:>19}{live:>18}{bytes:>15}{per_alloc:>17}");
        out.push_str(if driver { "        [driver.sys - what it holds]\n" } else { "\n" });
    }
}

/// The same as a screen with changes in brackets.
fn screen(out: &mut String, step: u64) {
    out.push_str(" Tag  Type     Allocs            Frees            Diff   Bytes       Per Alloc\n\n");
    for row in 0..ROWS {
        let (live, frees) = (row * 3, row * 7919 + step * 13);
        let _ = writeln!(
            out,
            " T{row:03x} Nonp {:>10} (   1) {frees:>9} (   0) {live:>8} {:>7} (    64) {:>6}",
            frees + live,
            live * 64,
            if live == 0 { 0 } else { 64 }
        );
    }
}

fn table(out: &mut String) {
    out.push_str("tag,pool,allocs,frees,diff,bytes\n");
    for row in 0..ROWS * 20 {
        let _ = writeln!(out, "T{:03x},nonpaged,{},{row},7,{}", row % 4096, row + 7, row * 3);
    }
}

/// Reads through the door, as the program does.
fn read(input: &Input) -> (usize, usize) {
    let format = identify(input).unwrap();
    let mut reader = (format.open)(input, &ReadOptions::default()).unwrap();
    let mut sample = Sample::empty();
    let (mut samples, mut rows) = (0, 0);
    while reader.next_into(&mut sample).unwrap() {
        samples += 1;
        rows += black_box(&sample).rows.len();
    }
    (samples, rows)
}

fn write_file(path: &str) {
    let mib: usize = std::env::var("POOLMON_BENCH_MIB").ok().and_then(|n| n.parse().ok()).unwrap_or(1024);
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let (mut written, mut step, mut text) = (0, 0, String::new());
    while written < mib * 1024 * 1024 {
        text.clear();
        snapshot(&mut text, step, false);
        file.write_all(text.as_bytes()).unwrap();
        written += text.len();
        step += 1;
    }
    file.flush().unwrap();
}

fn main() {
    if let Ok(path) = std::env::var("POOLMON_BENCH_WRITE") {
        return write_file(&path);
    }
    if let Ok(path) = std::env::var("POOLMON_BENCH_LOG") {
        let length = std::fs::metadata(&path).unwrap().len();
        let log = Input::open(Path::new(&path)).unwrap();
        let start = Instant::now();
        let (samples, rows) = read(&log);
        let seconds = start.elapsed().as_secs_f64();
        println!("{samples} samples, {rows} rows, {:.0} MB/s", length as f64 / 1e6 / seconds);
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("log");
    let mut inputs = Vec::new();
    for (name, driver) in [("wide", false), ("wide with drivers", true)] {
        let mut text = String::new();
        for step in 0..100 {
            snapshot(&mut text, step, driver);
        }
        if name == "wide" {
            let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            inputs.push(("wide, UTF-16", utf16));
        }
        inputs.push((name, text.into_bytes()));
    }
    let mut text = String::new();
    for step in 0..100 {
        screen(&mut text, step);
    }
    inputs.push(("screen", text.into_bytes()));
    let mut text = String::new();
    table(&mut text);
    inputs.push(("csv", text.into_bytes()));
    for (name, bytes) in inputs {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        let log = Input::from_bytes(name, bytes);
        group.bench_function(name, |bencher| bencher.iter(|| read(&log)));
    }
    group.finish();
    criterion.final_summary();
}
