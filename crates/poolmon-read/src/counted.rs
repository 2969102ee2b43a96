//! What the first sample of a file has counted. Counts of allocations only rise until a reboot: they show in which order files
//! were taken, and that two of them are not of one machine.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use poolmon_model::Sample;

/// Rows that are kept of a file: the same ones of each, as far as it lists them.
const KEPT: usize = 64;
/// One row in N may contradict, as tags are loaded and unloaded.
const FEW: usize = 10;

/// Counts of allocations of some rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted(Vec<(u64, u64)>);

impl Counted {
    pub(crate) fn of(sample: &Sample) -> Self {
        let hashed = sample.rows.iter().filter_map(|row| {
            let mut hasher = DefaultHasher::new();
            (&row.tag, row.pool).hash(&mut hasher);
            Some((hasher.finish(), row.counters.allocs?))
        });
        let mut rows: Vec<(u64, u64)> = hashed.collect();
        rows.sort_unstable();
        // A tag that is listed twice, of two sessions, is not compared.
        let twice = |at: usize| {
            let name = |at: usize| rows.get(at).map(|row| row.0);
            name(at) == name(at + 1) || at.checked_sub(1).is_some_and(|before| name(before) == name(at))
        };
        Self(rows.iter().enumerate().filter(|(at, _)| !twice(*at)).map(|(_, row)| *row).take(KEPT).collect())
    }

    /// Whether another sample can be a later one of the same boot; `None` if no row has counts in both.
    pub(crate) fn goes_on(&self, after: &Self) -> Option<bool> {
        let pairs = self.0.iter().filter_map(|(name, then)| {
            let at = after.0.binary_search_by_key(name, |row| row.0).ok()?;
            Some((*then, after.0.get(at)?.1))
        });
        rises(pairs)
    }
}

/// Whether counts, each with its later value, rose; few may have fallen. `None` of none.
pub(crate) fn rises(pairs: impl Iterator<Item = (u64, u64)>) -> Option<bool> {
    let (mut all, mut fell) = (0, 0);
    for (then, now) in pairs {
        all += 1;
        // Counts of 32 bits begin again.
        let narrow = u32::try_from(then).ok().zip(u32::try_from(now).ok());
        fell += usize::from(match narrow {
            Some((then, now)) => now.wrapping_sub(then) > u32::MAX / 2,
            None => now < then,
        });
    }
    (all > 0).then_some(fell * FEW <= all)
}

/// In how many steps from one to the next the counts do not go on.
pub(crate) fn falls<'a>(order: impl IntoIterator<Item = &'a Counted>) -> usize {
    let mut before: Option<&Counted> = None;
    let mut falls = 0;
    for now in order {
        falls += usize::from(before.is_some_and(|before| before.goes_on(now) == Some(false)));
        before = Some(now);
    }
    falls
}
