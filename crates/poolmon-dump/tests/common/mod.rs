//! What the tests share: the planted truth as the reader should report it.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;

use poolmon_dump::{Dump, PoolUsed};
use poolmon_model::{Pool, PoolTag};
use poolmon_synth::dump::{Arch, Built, Form, Spec};

/// Tag and pool → allocs, frees, bytes.
pub type Rows = BTreeMap<(PoolTag, Pool), (u64, u64, u64)>;

/// Planted rows; counts are cut where entries hold 32 bits.
pub fn planted(built: &Built) -> Rows {
    let cut = |count: u64| if matches!(built.spec.entry, 0x1c | 0x28) { count & 0xffff_ffff } else { count };
    let mut rows = Rows::new();
    let overflow = built.overflow.map(|(nonpaged, paged)| (*b"Ovfl", nonpaged, paged));
    let tags = built.tags.iter().map(|tag| (tag.tag, tag.nonpaged, tag.paged)).chain(overflow);
    for (tag, nonpaged, paged) in tags {
        for (pool, held) in [(Pool::Nonpaged, nonpaged), (Pool::Paged, paged)] {
            if held.allocs > 0 {
                rows.insert(
                    (PoolTag(tag), pool),
                    (cut(held.allocs), cut(held.frees), held.bytes.cast_unsigned()),
                );
            }
        }
    }
    rows
}

/// Rows that the reader reported.
pub fn reported(used: &PoolUsed) -> Rows {
    let row = |row: &poolmon_model::Row| {
        let counters = row.counters;
        let figures = (counters.allocs.unwrap(), counters.frees.unwrap(), counters.bytes.unwrap());
        ((row.tag.as_pool().unwrap(), row.pool), figures)
    };
    used.sample.rows.iter().map(row).collect()
}

/// Every layout of every processor.
pub fn layouts() -> Vec<Spec> {
    use Arch::{Aarch64, Amd64, Amd64La57, I386, I386Pae};
    [
        (Amd64, 3790),
        (Amd64, 7601),
        (Amd64, 9600),
        (Amd64, 14_393),
        (Amd64, 19_045),
        (Amd64, 20_348),
        (Amd64, 26_100),
        (Amd64La57, 26_100),
        (I386, 2600),
        (I386, 7601),
        (I386Pae, 6002),
        (I386Pae, 15_063),
        (I386Pae, 19_041),
        (I386Pae, 21_292),
        (Aarch64, 19_041),
        (Aarch64, 22_000),
    ]
    .into_iter()
    .map(|(arch, build)| Spec::new(arch, build))
    .collect()
}

/// Containers that a machine can be dumped into.
pub const FORMS: [Form; 7] = [
    Form::Full,
    Form::OldSummary,
    Form::BitmapFull,
    Form::BitmapKernel,
    Form::RangesKernel,
    Form::RangesKernelUser,
    Form::RangesFull,
];

/// Opens what was built, without a file.
pub fn open(built: &Built, form: Form) -> Dump {
    Dump::from_bytes("synthetic", built.bytes(form))
        .unwrap_or_else(|error| panic!("{:?} {form:?}: {error}", built.spec))
}

/// Compares without printing thousands of rows.
pub fn same(used: &PoolUsed, built: &Built, what: &str) {
    let (reported, planted) = (reported(used), planted(built));
    let wrong: Vec<_> = planted.iter().filter(|(key, row)| reported.get(key) != Some(row)).collect();
    if let Some((key, row)) = wrong.first() {
        panic!(
            "{what}: {} of {} rows, first {key:?} {row:?}, reported {:?}",
            wrong.len(),
            planted.len(),
            reported.get(key)
        );
    }
    assert_eq!(reported.len(), planted.len(), "{what}");
}
