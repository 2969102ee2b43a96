//! The rows of a sample as the server shows them: copies of a cache joined, as `poolmon top` does, and each name once. The kernel
//! may list a name twice (`mlx5_fs_ftes`, once for each card); two series with the same labels would end a whole scrape.

use poolmon_model::{Counters, Key, Row, Sample, copies};
use rustc_hash::FxHashMap;

/// Joins what has the same name, in place. Returns how many rows were added to another one.
pub fn join(sample: &mut Sample) -> usize {
    copies::fold(sample);
    if !sample.reported_deltas.is_empty() {
        // A copied screen: its changes belong to rows by their place.
        return 0;
    }
    let mut places: FxHashMap<Key, usize> = FxHashMap::default();
    let mut rows: Vec<Row> = Vec::with_capacity(sample.rows.len());
    let mut joined = 0;
    for row in sample.rows.drain(..) {
        if let Some(first) = places.get(&row.key()).and_then(|at| rows.get_mut(*at)) {
            // A sum of its own: Diff of a first row that reports none is derived, and would be lost.
            let mut sum =
                Counters { inexact: first.counters.inexact | row.counters.inexact, ..Counters::default() };
            sum.add(&first.counters, sample.width);
            sum.add(&row.counters, sample.width);
            first.counters = sum;
            joined += 1;
        } else {
            places.insert(row.key(), rows.len());
            rows.push(row);
        }
    }
    sample.rows = rows;
    joined
}

#[cfg(test)]
mod tests {
    use poolmon_model::{CounterWidth, Origin, Pool, SourceKind, Tag};

    use super::*;

    #[test]
    fn the_same_name_twice_is_one_row_and_is_counted() {
        let origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged]);
        let mut sample = Sample::new(origin.into(), CounterWidth::Bits64);
        let row = |pool, bytes| Row::windows(Tag::name("mlx5_fs_ftes"), pool, 3, 1, bytes);
        sample.rows = vec![row(Pool::Nonpaged, 100), row(Pool::Paged, 7), row(Pool::Nonpaged, 20)];
        assert_eq!(join(&mut sample), 1);
        let bytes: Vec<_> = sample.rows.iter().map(|row| (row.pool, row.counters.bytes)).collect();
        assert_eq!(bytes, [(Pool::Nonpaged, Some(120)), (Pool::Paged, Some(7))]);
        let sum = sample.rows[0].counters;
        assert_eq!((sum.allocs, sum.diff(sample.width)), (Some(6), Some(4)));
    }
}
