//! Who holds what at one moment.

use std::sync::Arc;

use crate::{Counts, Holder, Kind};

/// A holder that came between two counts was started, as a rule, rather than has grown: sorted by change, it counts for this part (one
/// divided by it) of what it has.
pub const NEWCOMER: i128 = 10;

/// A holder and what it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who.
    pub holder: Holder,
    /// The unit or container that it runs in, if its control group says so.
    pub group: Option<Arc<str>>,
    /// How many of what.
    pub counts: Counts,
}

/// All holders of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Holders in no particular order; each once.
    pub entries: Vec<Entry>,
    /// Processes that there are.
    pub processes: u64,
    /// Processes whose descriptors may not be read.
    pub closed: u64,
    /// There may be processes that are not seen, outside of the container that this is, or locks that were not counted.
    pub hidden: bool,
    /// What a reader of the figures has to know.
    pub remarks: Vec<String>,
}

impl Census {
    /// How many objects of the kind all holders keep; `None` if it is known of none.
    pub fn total(&self, kind: Kind) -> Option<u64> {
        let known = self.entries.iter().filter_map(|entry| entry.counts.get(kind));
        known.fold(None, |sum: Option<u64>, count| Some(sum.unwrap_or(0).saturating_add(count)))
    }

    /// The entry of a process.
    pub fn process(&self, pid: u32) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.holder.id.pid() == Some(pid))
    }

    /// Whether every process could be looked into, so that what no process holds is held by none.
    pub fn is_complete(&self) -> bool {
        self.closed == 0 && !self.hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HolderId;

    #[test]
    fn totals_of_what_is_known() {
        let entry = |pid, threads: Option<u64>| {
            let mut counts = Counts::default();
            if let Some(threads) = threads {
                counts.set(Kind::Thread, threads);
            }
            let holder = Holder { id: HolderId::Process { pid, start: 0 }, name: "a".into() };
            Entry { holder, group: None, counts }
        };
        let census = Census {
            entries: vec![entry(1, Some(2)), entry(2, None), entry(3, Some(5))],
            ..Census::default()
        };
        assert_eq!((census.total(Kind::Thread), census.total(Kind::Tcp)), (Some(7), None));
        assert!(census.is_complete());
        assert!(!Census { hidden: true, ..Census::default() }.is_complete());
        assert_eq!(census.process(3).unwrap().counts.get(Kind::Thread), Some(5));
    }
}
