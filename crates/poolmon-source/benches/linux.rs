//! What a sample of this machine costs, part by part, and what a kernel with many call sites would cost.
//!
//! Needs root for `/proc/slabinfo`; says so and measures the parsers alone otherwise.

#[cfg(unix)]
mod unix {
    use std::fmt::Write as _;
    use std::hint::black_box;
    use std::path::Path;

    use criterion::Criterion;
    use poolmon_source::Source;
    use poolmon_source::linux::names::Names;
    use poolmon_source::linux::{LinuxSource, Parts, allocinfo};

    const NONE: Parts = Parts {
        slab: false,
        empty_caches: false,
        vmalloc: false,
        vmalloc_kept: std::time::Duration::ZERO,
        callsites: false,
    };
    const SLAB: Parts = Parts { slab: true, ..NONE };
    const CASES: [(&str, Parts); 4] = [
        ("caches with slabs", SLAB),
        ("all caches", Parts { empty_caches: true, ..SLAB }),
        ("vmalloc", Parts { vmalloc: true, ..NONE }),
        ("all", Parts { slab: true, empty_caches: true, vmalloc: true, callsites: true, ..NONE }),
    ];

    pub fn live(criterion: &mut Criterion) {
        let mut group = criterion.benchmark_group("live");
        for (name, parts) in CASES {
            let open = || LinuxSource::with_parts(Path::new("/"), parts);
            let Ok(mut source) = open() else {
                eprintln!("SKIPPED: {name}: this needs root");
                continue;
            };
            let Ok(mut sample) = source.sample() else { continue };
            group.bench_function(format!("{name}, steady"), |bencher| {
                bencher.iter(|| source.sample_into(&mut sample).is_ok());
            });
            group.bench_function(format!("{name}, opened and first sample"), |bencher| {
                bencher.iter(|| open().and_then(|mut source| source.sample()).is_ok());
            });
        }
        group.finish();
    }

    pub fn parsers(criterion: &mut Criterion) {
        let mut text = String::from("allocinfo - version: 1.0\n#     <size>  <calls> <tag info>\n");
        for n in 0..6000 {
            let (size, calls) = if n % 3 == 0 { (0, 0) } else { (n * 64, n) };
            let _ =
                writeln!(text, "{size:12} {calls:8} drivers/net/file{}.c:{n} func:function_{n} ", n % 300);
        }
        let (mut names, mut rows) = (Names::default(), Vec::new());
        criterion.bench_function("allocinfo, 6,000 lines", |bencher| {
            bencher.iter(|| {
                rows.clear();
                allocinfo::append(black_box(text.as_bytes()), &mut names, &mut rows)
            });
        });
    }
}

#[cfg(unix)]
criterion::criterion_group!(benches, unix::live, unix::parsers);
#[cfg(unix)]
criterion::criterion_main!(benches);

#[cfg(not(unix))]
fn main() {}
