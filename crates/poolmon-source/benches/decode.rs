//! Decoding the buffer of class 22: 20,000 tags in both pools.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use poolmon_model::{CounterWidth, Origin, Pool, Sample, SourceKind};
use poolmon_source::windows::decode::{BufferLayout, pool_tags, pool_tags2};

fn decode(criterion: &mut Criterion) {
    let count = 20_000_u32;
    let mut narrow = [count.to_le_bytes(), [0; 4]].concat();
    let mut wide = narrow.clone();
    for n in 1..=count {
        narrow.extend(n.to_le_bytes());
        wide.extend(u64::from(n).to_le_bytes());
        for figure in 1..=9 {
            narrow.extend((n + figure).to_le_bytes());
        }
        for figure in 1..=6 {
            wide.extend(u64::from(n + figure).to_le_bytes());
        }
    }
    let origin = Arc::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]));
    let mut sample = Sample::new(origin, CounterWidth::Bits32);
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(count.into()));
    group.bench_function("class 22, 20,000 tags", |bencher| {
        bencher.iter(|| {
            sample.clear();
            pool_tags(black_box(&narrow), BufferLayout::X64, &mut sample).map(|decoded| decoded.read)
        });
    });
    group.bench_function("class 255, 20,000 tags", |bencher| {
        bencher.iter(|| {
            sample.clear();
            pool_tags2(black_box(&wide), BufferLayout::X64, &mut sample).map(|decoded| decoded.read)
        });
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
