//! The figures of a row, each defined once: name, unit, metric, names in other tools' tables, and how it is read from and
//! written to [`Counters`] and [`Delta`].
//!
//! Columns, totals, exports, imports, metrics, JSON and the screen iterate over [`FIGURES`]. To add one: a field in
//! [`Counters`] and in [`Delta`], and a [`Figure`] here.

use crate::column::{Unit, Value};
use crate::{CounterWidth, Counters, Delta};

/// How a figure behaves as a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows until the next boot.
    Counter,
    /// It goes up and down.
    Gauge,
}

impl MetricKind {
    /// Name in `OpenMetrics`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// A figure as a metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Name, without the suffix of counters: `poolmon_tag_allocs`.
    pub name: &'static str,
    /// How it behaves.
    pub kind: MetricKind,
    /// Its unit in `OpenMetrics`; empty for a plain count.
    pub unit: &'static str,
    /// One sentence.
    pub help: &'static str,
}

/// Where a figure is on the screen: how wide, and what gives way first on a narrow one.
#[derive(Clone, Copy, Debug)]
pub struct ScreenPlace {
    /// Cells that its values take at least, the gap before them included.
    pub width: u16,
    /// Rank of its values: the lowest are kept longest. 0 = always shown.
    pub rank: u8,
    /// Rank of its changes; `None` = they are not shown unless rows are sorted by them.
    pub change_rank: Option<u8>,
}

/// One figure of a row.
#[derive(Debug)]
pub struct Figure {
    /// Name on the command line, in data files and in JSON.
    pub id: &'static str,
    /// Title on the screen and in text tables.
    pub title: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// It can be negative.
    pub signed: bool,
    /// One line for help and legends.
    pub about: &'static str,
    /// What a number of them is called: `12 allocs`, `12 outstanding`; for bytes, what follows `12 bytes`.
    pub noun: &'static str,
    /// A column that is shown even if no row knows the figure.
    pub always: bool,
    /// Its place on the screen.
    pub screen: ScreenPlace,
    /// How it is exported as a metric.
    pub metric: Metric,
    /// Names in other tools' tables, lower case, letters and digits only. Its own name need not be among them.
    pub aliases: &'static [&'static str],
    /// What is stored of it, nothing derived from other figures.
    pub stored: fn(&Counters) -> Option<i128>,
    /// Reads it. `None` = unknown.
    pub get: fn(&Counters, CounterWidth) -> Option<i128>,
    /// Writes it as a source reported it. False if it does not fit.
    pub set: fn(&mut Counters, Option<i128>) -> bool,
    /// What is stored of it once the row has disappeared: everything freed, nothing else changed.
    pub freed: fn(&Counters) -> Option<i128>,
    /// Reads its change.
    pub change: fn(&Delta) -> Option<i64>,
    /// Its place for a change.
    pub change_mut: fn(&mut Delta) -> &mut Option<i64>,
}

/// A figure is what its name says it is.
impl PartialEq for Figure {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Figure {}

/// Writes a count that is never negative.
fn put(place: &mut Option<u64>, value: Option<i128>) -> bool {
    match value.map(u64::try_from).transpose() {
        Ok(value) => {
            *place = value;
            true
        }
        Err(_) => false,
    }
}

/// Allocations since boot.
pub static ALLOCS: Figure = Figure {
    id: "allocs",
    title: "Allocs",
    unit: Unit::Count,
    signed: false,
    about: "allocations since boot",
    noun: "allocs",
    always: false,
    screen: ScreenPlace { width: 10, rank: 40, change_rank: Some(110) },
    metric: Metric {
        name: "poolmon_tag_allocs",
        kind: MetricKind::Counter,
        unit: "",
        help: "Allocations since boot.",
    },
    aliases: &["allocations", "alloc"],
    stored: |counters| counters.allocs.map(i128::from),
    get: |counters, _| counters.allocs.map(i128::from),
    set: |counters, value| put(&mut counters.allocs, value),
    freed: |counters| counters.allocs.map(i128::from),
    change: |delta| delta.allocs,
    change_mut: |delta| &mut delta.allocs,
};

/// Frees since boot.
pub static FREES: Figure = Figure {
    id: "frees",
    title: "Frees",
    unit: Unit::Count,
    signed: false,
    about: "frees since boot",
    noun: "frees",
    always: false,
    screen: ScreenPlace { width: 10, rank: 50, change_rank: Some(120) },
    metric: Metric {
        name: "poolmon_tag_frees",
        kind: MetricKind::Counter,
        unit: "",
        help: "Frees since boot.",
    },
    aliases: &["freed", "free"],
    stored: |counters| counters.frees.map(i128::from),
    get: |counters, _| counters.frees.map(i128::from),
    set: |counters, value| put(&mut counters.frees, value),
    freed: |counters| counters.frees.map(|frees| counters.allocs.unwrap_or(frees).into()),
    change: |delta| delta.frees,
    change_mut: |delta| &mut delta.frees,
};

/// Outstanding allocations.
pub static DIFF: Figure = Figure {
    id: "diff",
    title: "Diff",
    unit: Unit::Count,
    signed: true,
    about: "outstanding allocations: allocs - frees, or live objects",
    noun: "outstanding",
    always: true,
    screen: ScreenPlace { width: 9, rank: 10, change_rank: Some(170) },
    metric: Metric {
        name: "poolmon_tag_outstanding",
        kind: MetricKind::Gauge,
        unit: "",
        help: "Outstanding allocations.",
    },
    aliases: &["difference", "outstanding", "current"],
    stored: |counters| counters.reported_diff.map(i128::from),
    get: |counters, width| counters.diff(width).map(i128::from),
    set: |counters, value| match value.map(i64::try_from).transpose() {
        Ok(value) => {
            counters.reported_diff = value;
            true
        }
        Err(_) => false,
    },
    freed: |counters| counters.reported_diff.map(|_| 0),
    change: |delta| delta.diff,
    change_mut: |delta| &mut delta.diff,
};

/// Bytes held.
pub static BYTES: Figure = Figure {
    id: "bytes",
    title: "Bytes",
    unit: Unit::Bytes,
    signed: false,
    about: "bytes held now; for a slab cache, whole pages",
    noun: "",
    always: true,
    screen: ScreenPlace { width: 8, rank: 0, change_rank: Some(7) },
    metric: Metric { name: "poolmon_tag_bytes", kind: MetricKind::Gauge, unit: "bytes", help: "Bytes held." },
    aliases: &["usedbytes", "bytesused", "usage"],
    stored: |counters| counters.bytes.map(i128::from),
    get: |counters, _| counters.bytes.map(i128::from),
    set: |counters, value| put(&mut counters.bytes, value),
    freed: |counters| counters.bytes.map(|_| 0),
    change: |delta| delta.bytes,
    change_mut: |delta| &mut delta.bytes,
};

/// Bytes in live objects.
pub static USED: Figure = Figure {
    id: "used",
    title: "Used",
    unit: Unit::Bytes,
    signed: false,
    about: "bytes in live objects, if reported apart from bytes held",
    noun: "used",
    always: false,
    screen: ScreenPlace { width: 8, rank: 80, change_rank: Some(180) },
    metric: Metric {
        name: "poolmon_tag_used_bytes",
        kind: MetricKind::Gauge,
        unit: "bytes",
        help: "Bytes in live objects.",
    },
    aliases: &[],
    stored: |counters| counters.used.map(i128::from),
    get: |counters, _| counters.used.map(i128::from),
    set: |counters, value| put(&mut counters.used, value),
    freed: |counters| counters.used.map(|_| 0),
    change: |delta| delta.used,
    change_mut: |delta| &mut delta.used,
};

/// Names of Per Alloc in other tools' tables. It is no figure of its own: it is derived from Bytes and Diff.
pub const PER_ALLOC_ALIASES: [&str; 3] = ["peralloc", "balloc", "bytesperalloc"];

/// How many figures there are.
pub const COUNT: usize = 5;

/// Every figure, in the order of outputs.
pub static FIGURES: [&Figure; COUNT] = [&ALLOCS, &FREES, &DIFF, &BYTES, &USED];

/// The figure of this name.
pub fn by_id(id: &str) -> Option<&'static Figure> {
    FIGURES.into_iter().find(|figure| figure.id == id)
}

/// The figure that another tool's table means by this name: lower case, letters and digits only.
pub fn by_alias(name: &str) -> Option<&'static Figure> {
    FIGURES.into_iter().find(|figure| figure.id == name || figure.aliases.contains(&name))
}

impl Figure {
    /// Its value in these counters.
    pub fn value(&self, counters: &Counters, width: CounterWidth) -> Value<'static> {
        self.as_value((self.get)(counters, width))
    }

    /// What is stored of it, nothing derived.
    pub fn stored_value(&self, counters: &Counters) -> Value<'static> {
        self.as_value((self.stored)(counters))
    }

    /// Its change.
    pub fn change_value(&self, delta: &Delta) -> Value<'static> {
        (self.change)(delta).map_or(Value::Unknown, Value::Signed)
    }

    fn as_value(&self, number: Option<i128>) -> Value<'static> {
        let value = if self.signed {
            number.and_then(|number| i64::try_from(number).ok()).map(Value::Signed)
        } else {
            number.and_then(|number| u64::try_from(number).ok()).map(Value::Count)
        };
        value.unwrap_or(Value::Unknown)
    }
}

impl Counters {
    /// The row once it has disappeared from the table.
    ///
    /// What the source did not report stays unknown: a row without Frees has none now either.
    #[must_use]
    pub fn freed(&self) -> Self {
        let mut freed = *self;
        for figure in FIGURES {
            (figure.set)(&mut freed, (figure.freed)(self));
        }
        freed
    }

    /// PoolMon hides such a row: nothing was ever allocated.
    pub fn is_zero(&self) -> bool {
        FIGURES.iter().filter_map(|figure| (figure.stored)(self)).all(|number| number == 0)
    }

    /// Adds a row's figures; what neither knows stays unknown. Sums stop at the largest number.
    pub fn add(&mut self, row: &Self, width: CounterWidth) {
        for figure in FIGURES {
            if let Some(number) = (figure.get)(row, width) {
                let (low, high) =
                    if figure.signed { (i64::MIN.into(), i64::MAX.into()) } else { (0, u64::MAX.into()) };
                let sum = (figure.stored)(self).unwrap_or(0) + number;
                (figure.set)(self, Some(sum.clamp(low, high)));
            }
        }
    }
}

impl Delta {
    /// Adds a row's changes; what neither knows stays unknown.
    pub fn add(&mut self, row: &Self) {
        for figure in FIGURES {
            if let Some(change) = (figure.change)(row) {
                let sum = (figure.change_mut)(self);
                *sum = Some(sum.unwrap_or(0).saturating_add(change));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = FIGURES
            .iter()
            .flat_map(|figure| figure.aliases.iter().copied().chain([figure.id]))
            .chain(PER_ALLOC_ALIASES)
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        for figure in FIGURES {
            assert!(std::ptr::eq(by_id(figure.id).unwrap(), figure));
            assert!(figure.aliases.iter().all(|alias| std::ptr::eq(by_alias(alias).unwrap(), figure)));
        }
        assert!(by_alias("nothing").is_none());
    }

    #[test]
    fn every_figure_is_read_back_as_it_was_written() {
        let mut counters = Counters::default();
        let mut delta = Delta::default();
        for (n, figure) in FIGURES.into_iter().enumerate() {
            assert_eq!(figure.stored_value(&counters), Value::Unknown, "{}", figure.id);
            let n = i64::try_from(n).unwrap() + 7;
            assert!((figure.set)(&mut counters, Some(n.into())));
            *(figure.change_mut)(&mut delta) = Some(-n);
        }
        for (n, figure) in FIGURES.into_iter().enumerate() {
            let n = i64::try_from(n).unwrap() + 7;
            assert_eq!((figure.get)(&counters, CounterWidth::Bits64), Some(n.into()), "{}", figure.id);
            assert_eq!(figure.change_value(&delta), Value::Signed(-n));
            assert_eq!((figure.set)(&mut counters, Some(-1)), figure.signed, "a count is not negative");
            assert!(!(figure.set)(&mut counters, Some(i128::MAX)));
        }
    }

    #[test]
    fn a_row_that_disappeared_holds_nothing_and_invents_nothing() {
        let full = Counters { reported_diff: Some(3), used: Some(48), ..Counters::windows(10, 7, 64) };
        let freed = full.freed();
        assert_eq!(
            freed,
            Counters { reported_diff: Some(0), used: Some(0), frees: Some(10), bytes: Some(0), ..full }
        );
        for figure in FIGURES {
            let mut one = Counters::default();
            (figure.set)(&mut one, Some(5));
            let freed = one.freed();
            for other in FIGURES {
                let known = (other.stored)(&freed).is_some();
                assert_eq!(known, other == figure, "{} of a row that knows {} alone", other.id, figure.id);
            }
            assert_eq!(one.freed().freed(), freed, "{}", figure.id);
        }
        assert_eq!(Counters { frees: Some(5), ..Counters::default() }.freed().frees, Some(5));
    }

    #[test]
    fn any_figure_that_is_not_zero_shows_a_row() {
        assert!(Counters::default().is_zero());
        for figure in FIGURES {
            let mut counters = Counters::windows(0, 0, 0);
            (figure.set)(&mut counters, Some(0));
            assert!(counters.is_zero());
            (figure.set)(&mut counters, Some(1));
            assert!(!counters.is_zero(), "{}", figure.id);
        }
    }

    #[test]
    fn sums_leave_unknown_figures_unknown_and_stop_at_the_largest() {
        let mut sum = Counters::default();
        let row = Counters { bytes: Some(u64::MAX), reported_diff: Some(-3), ..Counters::default() };
        sum.add(&row, CounterWidth::Bits64);
        sum.add(&row, CounterWidth::Bits64);
        assert_eq!(sum, Counters { bytes: Some(u64::MAX), reported_diff: Some(-6), ..Counters::default() });
        let mut delta = Delta::default();
        delta.add(&Delta { bytes: Some(2), ..Delta::default() });
        delta.add(&Delta { bytes: Some(-5), ..Delta::default() });
        assert_eq!(delta, Delta { bytes: Some(-3), ..Delta::default() });
    }

    #[test]
    fn a_sum_of_diffs_is_not_the_difference_of_sums() {
        let mut sum = Counters::default();
        // Allocs wrapped, frees not yet: its Diff is 20.
        sum.add(&Counters::windows(10, u64::from(u32::MAX) - 9, 640), CounterWidth::Bits32);
        sum.add(&Counters::windows(5, 2, 64), CounterWidth::Bits32);
        assert_eq!(sum.reported_diff, Some(23));
    }
}
