//! What a sample lists: all rows, or only some of them. A row that it does not list is unknown, not empty.

use crate::Pool;

/// Which rows a sample leaves out without saying anything about them.
///
/// A snapshot of one pool (PoolMon's `-p`) says nothing about the other pool; a list of the ten largest tags says
/// nothing about the eleventh. The default is a sample that lists everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Coverage(u8);

/// The word for such a list.
const SOME: &str = "some";

/// The bit of a list that was cut or filtered; the lower bits stand for pools that are left out.
const PARTIAL: u8 = 1 << 7;

impl Coverage {
    /// Every row of every pool is listed.
    pub const COMPLETE: Self = Self(0);

    /// The same without the rows of one pool.
    #[must_use]
    pub const fn without(self, pool: Pool) -> Self {
        Self(self.0 | 1 << (pool as u8))
    }

    /// The same with the rows of one pool.
    #[must_use]
    pub const fn with(self, pool: Pool) -> Self {
        Self(self.0 & !(1 << (pool as u8)))
    }

    /// Whether both may have rows of one of these pools.
    pub fn overlaps(self, other: Self, pools: &[Pool]) -> bool {
        pools.iter().any(|&pool| self.has(pool) && other.has(pool))
    }

    /// The same of a list that was cut (the ten largest) or filtered (tags that match a pattern).
    #[must_use]
    pub const fn partial(self) -> Self {
        Self(self.0 | PARTIAL)
    }

    /// Whether a row of this pool that is not listed holds nothing.
    pub const fn lists_all(self, pool: Pool) -> bool {
        self.0 & (PARTIAL | 1 << (pool as u8)) == 0
    }

    /// Whether there may be rows of this pool.
    pub const fn has(self, pool: Pool) -> bool {
        self.0 & 1 << (pool as u8) == 0
    }

    /// Whether everything is listed.
    pub const fn is_complete(self) -> bool {
        self.0 == 0
    }

    /// Whether the list was cut or filtered.
    pub const fn is_partial(self) -> bool {
        self.0 & PARTIAL != 0
    }

    /// What is left out, in words, for a file that people and this program read: pools by their names, then `some` if the list was cut
    /// or filtered. `None` if everything is listed.
    pub fn words(self) -> Option<String> {
        let pools = Pool::ALL.into_iter().filter(|&pool| !self.has(pool)).map(Pool::id);
        let words: Vec<&str> = pools.chain(self.is_partial().then_some(SOME)).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }

    /// What [`Coverage::words`] gave; words that are not known say that something is left out.
    pub fn from_words(words: &str) -> Self {
        let add = |coverage: Self, word: &str| match Pool::ALL.into_iter().find(|pool| pool.id() == word) {
            Some(pool) => coverage.without(pool),
            None => coverage.partial(),
        };
        words.split_whitespace().fold(Self::COMPLETE, add)
    }

    /// As one byte of a recording: bit 7 for a cut list, bit N for a pool that is left out.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// What [`Coverage::bits`] gave.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_unknown() {
        let whole = Coverage::COMPLETE;
        assert!(whole.is_complete() && whole.lists_all(Pool::Paged) && whole.has(Pool::Paged));
        let one = whole.without(Pool::Paged);
        assert!(one.lists_all(Pool::Nonpaged) && !one.lists_all(Pool::Paged) && !one.has(Pool::Paged));
        let cut = whole.partial();
        assert!(!cut.lists_all(Pool::Nonpaged) && cut.has(Pool::Nonpaged) && cut.is_partial());
        assert!(!one.is_complete() && !cut.is_complete() && !one.is_partial());
        assert!(!one.overlaps(whole.without(Pool::Nonpaged), &[Pool::Nonpaged, Pool::Paged]));
        assert!(one.overlaps(cut, &[Pool::Nonpaged, Pool::Paged]) && one.with(Pool::Paged).is_complete());
        assert_eq!(Coverage::from_bits(one.partial().bits()), one.partial());
        assert_eq!((whole.words(), one.partial().words().as_deref()), (None, Some("paged some")));
        for coverage in [whole, one, cut, one.partial()] {
            assert_eq!(Coverage::from_words(&coverage.words().unwrap_or_default()), coverage);
        }
    }
}
