//! How the rows moved, to compare each with all of them.

use poolmon_model::Pool;

use super::all::Moved;
use crate::series::BucketSeries;
use crate::suspicion::Others;

/// Rows that are listed, at least, for one to be compared with the others.
const COMPARED: usize = 20;

/// What all of them did.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Bytes that the rows of each pool gained.
    rose: Vec<(Pool, f64)>,
    usual: Option<f64>,
}

impl Rows {
    /// Of rows that moved like this.
    pub fn new(series: &[&BucketSeries], moved: &[Moved]) -> Self {
        if moved.len() < COMPARED {
            return Self::default();
        }
        let mut rows = Self::default();
        for (series, moved) in series.iter().zip(moved) {
            let change = moved.change.max(0.0);
            match rows.rose.iter_mut().find(|rose| rose.0 == series.pool) {
                Some(rose) => rose.1 += change,
                None => rows.rose.push((series.pool, change)),
            }
        }
        let mut relative: Vec<f64> =
            moved.iter().map(|row| row.change.max(0.0) / row.first.max(4096.0)).collect();
        relative.sort_by(f64::total_cmp);
        // Where nothing moves, each row is beyond.
        rows.usual = relative.get(relative.len() * 9 / 10).map(|usual| usual.max(1e-3));
        rows
    }

    /// What a row of this pool is compared with. One that is a pool of its own is all of it.
    pub fn of(&self, pool: Pool) -> Others {
        if pool.whole().is_some() {
            return Others { rose: None, usual: self.usual };
        }
        Others { rose: self.rose.iter().find(|rose| rose.0 == pool).map(|rose| rose.1), usual: self.usual }
    }
}
