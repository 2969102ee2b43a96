//! How much a change means.

/// How much a change means, beside its row and its pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Magnitude {
    /// Nothing changed.
    None,
    /// So little that only somebody who reads every figure wants to know.
    Small,
    /// A hundredth of the row, or a hundred-thousandth of the pool.
    Some,
    /// A thousandth of the pool; or a tenth of a row that matters in its pool.
    Large,
}

impl Magnitude {
    /// Of a change by `bytes` of a row that holds `row` bytes now, in a pool of `pool` bytes.
    pub fn of(bytes: i64, row: u64, pool: u64) -> Self {
        let by = bytes.unsigned_abs();
        // What it held before counts as well: a row that shrank to nothing lost all of it.
        let row = row.max(row.saturating_add_signed(bytes.saturating_neg())).max(1);
        let parts = |of: u64, parts: u64| by >= (of / parts).max(1);
        match by {
            0 => Self::None,
            _ if parts(pool, 1_000) || parts(row, 10) && parts(pool, 10_000) => Self::Large,
            _ if parts(pool, 100_000) || parts(row, 100) && parts(pool, 10_000_000) => Self::Some,
            _ => Self::Small,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_means_what_it_is_beside_its_row_and_its_pool() {
        let (kib, gib) = (1_i64 << 10, 1_u64 << 30);
        let of = |bytes, row| Magnitude::of(bytes, row, gib);
        assert_eq!(of(0, gib), Magnitude::None);
        assert_eq!(of(512, 1 << 20), Magnitude::Small, "two objects of a big row");
        assert_eq!(of(512, 1024), Magnitude::Some, "half of a row that is nothing in its pool");
        assert_eq!(of(32, 32), Magnitude::Small, "all of a row that is even less");
        assert_eq!(of(16 * kib, 1 << 20), Magnitude::Some);
        assert_eq!(of(200 * kib, 1 << 20), Magnitude::Large, "a fifth of a row that counts");
        assert_eq!(of(2048 * kib, gib / 2), Magnitude::Large, "a thousandth of the pool");
        assert_eq!(of(-200 * kib, 0), Magnitude::Large, "all that there was");
        for (bytes, row, pool) in [(i64::MIN, u64::MAX, 0), (i64::MAX, 0, u64::MAX), (1, 0, 0)] {
            assert!(Magnitude::of(bytes, row, pool) > Magnitude::None);
        }
    }
}
