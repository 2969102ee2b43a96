//! What a report lists beside its causes: what growth is made of, and what is still held.

use poolmon_model::Pool;

use crate::verdict::{Report, Verdict, VerdictKind};

/// What shares of a pool's growth are parts of: the growth of all rows that rose, or of the pool if that is more. The header's
/// figure may have grown by more than all rows, and rows may have shrunk beside.
pub(crate) fn all_growth(changes: impl Iterator<Item = f64>, pool: f64) -> f64 {
    changes.filter(|change| *change > 0.0).sum::<f64>().max(pool)
}

impl Report {
    /// The rows that a pool's growth is made of, largest first, with their share of it, or of all that rose in it if that is more:
    /// as many as explain 90 %, at most `most`. Empty if the pool did not grow.
    pub fn growth_of(&self, pool: Pool, most: usize) -> Vec<(&Verdict, f64)> {
        let mut rows: Vec<&Verdict> =
            self.verdicts.iter().filter(|row| row.pool == pool && row.change > 0.0).collect();
        let grew = self.pools.iter().find(|growth| growth.pool == pool).map_or(0.0, |growth| growth.change);
        if grew <= 0.0 || rows.is_empty() {
            return Vec::new();
        }
        let all = all_growth(rows.iter().map(|row| row.change), grew);
        rows.sort_by(|a, b| b.change.total_cmp(&a.change));
        let mut explained = 0.0;
        let explains = |row: &&Verdict| {
            let before = explained;
            explained += row.change;
            before < 0.9 * all
        };
        rows.into_iter().take_while(explains).take(most).map(|row| (row, row.change / all)).collect()
    }

    /// Rows of too few samples to say more, that are at least a tenth of what their pool's growth is made of, or of what rose in a
    /// pool of which no more is known; the most first.
    pub fn grew_most(&self, admits: impl Fn(&Verdict) -> bool) -> Vec<&Verdict> {
        let mut shares: Vec<(&Verdict, f64)> =
            self.pools.iter().flat_map(|pool| self.growth_of(pool.pool, usize::MAX)).collect();
        let known = |pool: Pool| self.pools.iter().any(|growth| growth.pool == pool);
        let mut rest: Vec<&Verdict> =
            self.verdicts.iter().filter(|row| row.change > 0.0 && !known(row.pool)).collect();
        rest.sort_by_key(|row| row.pool);
        for of_pool in rest.chunk_by(|a, b| a.pool == b.pool) {
            let all = all_growth(of_pool.iter().map(|row| row.change), 0.0);
            shares.extend(of_pool.iter().map(|row| (*row, row.change / all)));
        }
        // One that comes with a later sample, or with few, has no interval to grow in.
        let rose = |row: &Verdict| row.facts.is_some_and(|facts| facts.rises.0 > 0);
        shares.retain(|(row, share)| {
            row.kind == VerdictKind::TooLittleData && rose(row) && *share >= 0.1 && admits(row)
        });
        let mut rows: Vec<&Verdict> = shares.into_iter().map(|(row, _)| row).collect();
        rows.sort_by(|a, b| b.change.total_cmp(&a.change));
        rows
    }

    /// Whether a row grows, without an explanation, by this many bytes an hour or more.
    pub fn grows_unexplained(&self, per_hour: f64, admits: impl Fn(&Verdict) -> bool) -> bool {
        let mut rows = self.verdicts.iter().filter(|row| admits(row));
        rows.any(|row| VerdictKind::UNEXPLAINED.contains(&row.kind) && row.bytes.per_hour >= per_hour)
    }

    /// Rows that stopped growing, or jumped once, and still hold at least a hundredth of their pool for it; the most first.
    pub fn still_held(&self, admits: impl Fn(&Verdict) -> bool) -> Vec<&Verdict> {
        let is_much = |verdict: &&Verdict| {
            let pool = self.pools.iter().find(|pool| pool.pool == verdict.pool).map_or(0.0, |pool| pool.held);
            verdict.change >= (0.01 * pool).max(1_048_576.0)
        };
        let kinds = [VerdictKind::Plateau, VerdictKind::Step];
        let of_kind = self.verdicts.iter().filter(|verdict| kinds.contains(&verdict.kind) && admits(verdict));
        let mut held: Vec<&Verdict> = of_kind.filter(is_much).collect();
        held.sort_by(|a, b| b.change.total_cmp(&a.change));
        held
    }
}
