//! What the first sample of a file has counted. Counts of allocations and frees only rise until a reboot: they show in which order
//! files were taken, and that two of them are not of one machine.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use poolmon_model::Sample;

/// Rows that are kept of a file: the same ones of each, as far as it lists them.
const KEPT: usize = 64;
/// One count in N may contradict, as tags are loaded and unloaded.
const FEW: usize = 10;

/// Counts of some rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted(Vec<Count>);

/// The counts of one row, whose tag and pool are a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Count {
    row: u64,
    allocs: u64,
    frees: Option<u64>,
}

impl Count {
    /// A checksum of its tag and pool.
    pub(crate) fn row(&self) -> u64 {
        self.row
    }

    /// Allocations since boot.
    pub(crate) fn allocs(&self) -> u64 {
        self.allocs
    }

    /// Allocations that are not freed.
    pub(crate) fn live(&self) -> Option<u64> {
        Some(self.allocs.wrapping_sub(self.frees?))
    }
}

impl Counted {
    pub(crate) fn of(sample: &Sample) -> Self {
        let hashed = sample.rows.iter().filter_map(|row| {
            let mut hasher = DefaultHasher::new();
            (&row.tag, row.pool).hash(&mut hasher);
            Some(Count { row: hasher.finish(), allocs: row.counters.allocs?, frees: row.counters.frees })
        });
        let mut rows: Vec<Count> = hashed.collect();
        rows.sort_unstable();
        // A tag that is listed twice, of two sessions, is not compared.
        let twice = |at: usize| {
            let name = |at: usize| rows.get(at).map(|count| count.row);
            name(at) == name(at + 1) || at.checked_sub(1).is_some_and(|before| name(before) == name(at))
        };
        Self(rows.iter().enumerate().filter(|(at, _)| !twice(*at)).map(|(_, row)| *row).take(KEPT).collect())
    }

    /// The counts, sorted by row.
    pub(crate) fn rows(&self) -> &[Count] {
        &self.0
    }

    /// Whether another sample can be a later one of the same boot; `None` if no row has counts in both.
    pub(crate) fn goes_on(&self, after: &Self) -> Option<bool> {
        let mut later = after.0.iter().peekable();
        rises(self.0.iter().flat_map(|then| {
            while later.next_if(|now| now.row < then.row).is_some() {}
            let now = later.next_if(|now| now.row == then.row);
            let allocs = now.map(|now| (then.allocs, now.allocs));
            let frees = now.and_then(|now| then.frees.zip(now.frees));
            [allocs, frees].into_iter().flatten()
        }))
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
