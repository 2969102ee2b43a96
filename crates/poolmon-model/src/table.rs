//! The table derived from a sample: rows chosen, compared with an earlier sample, sorted and totalled.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use crate::column::{self, Column, Value};
use crate::delta::{Presence, RowIndex, rebooted};
use crate::owner::{OwnerOrigin, OwnerParts};
use crate::{CounterWidth, Counters, Coverage, Delta, Filter, Header, Key, Pool, Row, Sample, Scope};

/// What is known of a row's owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowLabel {
    /// PoolMon's `Mapped_Driver` text, one bracket for each source: `[ntfs.sys  -  AttrSup.c]`.
    pub mapped_driver: String,
    /// The driver or module alone, where one is known: `ntfs.sys`.
    pub driver: Option<String>,
    /// The description alone.
    pub description: Option<String>,
    /// Which source named the driver; if there is none, which one described it. `None` = neither is known.
    pub origin: Option<OwnerOrigin>,
}

impl RowLabel {
    /// Driver, description and origin; `None` if nothing is known.
    pub fn parts(&self) -> Option<OwnerParts<'_>> {
        let (name, description) = (self.driver.as_deref(), self.description.as_deref());
        self.origin.map(|origin| OwnerParts { name, description, origin })
    }
}

/// How grave a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// Growth that something explains: a cache that fills, load, a step.
    Explained,
    /// Grows, and cannot yet be distinguished from something harmless.
    Growing,
    /// May leak: the evidence is good, and not enough to be certain.
    Suspected,
    /// Leaks.
    Leaking,
}

/// The verdict on a row, as a table shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowVerdict {
    /// How grave it is.
    pub gravity: Gravity,
    /// In two or three words: `leaks 39.1 MiB/h`.
    pub brief: String,
    /// In a sentence, and why.
    pub lines: Vec<String>,
    /// Growth in bytes per hour.
    pub bytes_per_hour: i64,
    /// When it began, if that was seen.
    pub since: Option<jiff::Timestamp>,
    /// The row that stands for those that grow in lockstep with it, itself included; `None` if it grows alone.
    pub lockstep: Option<Key>,
}

impl RowVerdict {
    /// The gravest first, then by growth.
    pub fn rank(&self) -> i64 {
        // A kernel that grows by a petabyte an hour is none.
        const LIMIT: i64 = 1 << 50;
        let gravity = match self.gravity {
            Gravity::Explained => 0,
            Gravity::Growing => 1,
            Gravity::Suspected => 2,
            Gravity::Leaking => 3,
        };
        gravity * 2 * LIMIT + self.bytes_per_hour.clamp(-LIMIT, LIMIT)
    }
}

/// Knows owners of tags. The same tag gets the same shared label, so that a refresh allocates nothing.
pub trait Labeler {
    /// What is known of this row's owner.
    fn label(&self, row: &Row) -> Option<Arc<RowLabel>>;

    /// The verdict on this row, if there is one.
    fn verdict(&self, row: &Row) -> Option<Arc<RowVerdict>> {
        let _ = row;
        None
    }

    /// The version of a driver or module that a label names, if that is known.
    fn version(&self, driver: &str) -> Option<Arc<str>> {
        let _ = driver;
        None
    }
}

/// One row as it is shown.
#[derive(Clone, Debug)]
pub struct TableRow {
    /// The row as the source reported it; all figures zero where it is gone.
    pub row: Row,
    /// Width of its counters.
    pub width: CounterWidth,
    /// Change since the earlier sample; `None` if there is nothing to compare with.
    pub delta: Option<Delta>,
    /// Whether it is new or gone.
    pub presence: Presence,
    /// What is known of its owner.
    pub label: Option<Arc<RowLabel>>,
    /// The verdict on it, if there is one.
    pub verdict: Option<Arc<RowVerdict>>,
}

impl TableRow {
    /// Outstanding allocations.
    pub fn diff(&self) -> Option<i64> {
        self.row.counters.diff(self.width)
    }

    /// Bytes per outstanding allocation.
    pub fn per_alloc(&self) -> Option<u64> {
        self.row.counters.per_alloc(self.width)
    }

    /// Diff is the kernel's clamp, or the source says that its figures are incomplete or rounded.
    pub fn is_inexact(&self) -> bool {
        self.row.counters.is_inexact(self.width)
    }

    /// Whether a column's value is marked as inexact: Diff if it is, and the bytes if the source says it itself. What is unknown is
    /// never marked.
    pub fn is_marked(&self, column: &str) -> bool {
        let counters = &self.row.counters;
        match column {
            "diff" => counters.is_diff_inexact(self.width) && self.diff().is_some(),
            "bytes" => counters.inexact && counters.bytes.is_some(),
            "used" => counters.inexact && counters.used.is_some(),
            _ => false,
        }
    }

    /// How grave the verdict on it is, if there is one.
    pub fn gravity(&self) -> Option<Gravity> {
        self.verdict.as_ref().map(|verdict| verdict.gravity)
    }

    /// `Mapped_Driver` as PoolMon would print it, from the row itself or from a pooltag file.
    pub fn owner(&self) -> Option<&str> {
        self.label.as_ref().map(|label| label.mapped_driver.as_str()).or(self.row.reported_owner.as_deref())
    }
}

/// Sums over the rows shown of one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// The pool.
    pub pool: Pool,
    /// Rows shown.
    pub rows: usize,
    /// Sums; a figure that no row tells stays unknown.
    pub counters: Counters,
    /// Sum of the changes.
    pub delta: Option<Delta>,
    /// What the system counts in this pool and no tag accounts for (whole sample, whatever is filtered).
    /// `None` if the tags' sum is more: the two are not read in the same instant, or the system's figure is wrong.
    pub untagged: Option<u64>,
}

/// How rows are ordered.
#[derive(Clone, Copy, Debug)]
pub struct Sort {
    /// By this column.
    pub column: &'static Column,
    /// By its change instead of its value (PoolMon's `(`).
    pub by_change: bool,
    /// Against the column's natural order.
    pub reversed: bool,
    /// All rows of this pool come before the others.
    pub first_pool: Option<Pool>,
}

impl Default for Sort {
    fn default() -> Self {
        Self { column: &column::TAG, by_change: false, reversed: false, first_pool: None }
    }
}

impl Sort {
    /// By a column, in its natural order.
    pub const fn by(column: &'static Column) -> Self {
        Self { column, by_change: false, reversed: false, first_pool: None }
    }
}

/// The rows of one moment, ready to be shown. Kept and updated in place by live outputs.
#[derive(Debug, Default)]
pub struct Table {
    /// Rows that pass the filter, in the order of the last [`Table::sort`].
    pub rows: Vec<TableRow>,
    /// Sums by pool, in the order of [`Pool::ALL`].
    pub totals: Vec<Totals>,
    /// Machine-wide figures.
    pub header: Header,
    /// Page faults since the earlier sample, if both report them.
    pub page_faults_change: Option<i64>,
    /// The machine rebooted between the two samples: nothing is compared.
    pub rebooted: bool,
    index: RowIndex,
    gone_index: RowIndex,
    // Kept between sorts, so that a refresh allocates nothing.
    keys: Vec<((bool, SortKey), u32)>,
    place: Vec<u32>,
}

impl Table {
    /// A table of one sample, or of the change from `before` to `now`.
    pub fn new(
        before: Option<&Sample>,
        now: &Sample,
        filter: &Filter,
        labeler: Option<&dyn Labeler>,
    ) -> Self {
        let mut table = Self::default();
        table.update(before, now, filter, labeler);
        table
    }

    /// Fills the table again. Its memory is used again.
    pub fn update(
        &mut self,
        before: Option<&Sample>,
        now: &Sample,
        filter: &Filter,
        labeler: Option<&dyn Labeler>,
    ) {
        self.rebooted = before.is_some_and(|before| rebooted(before, now));
        let before = before.filter(|_| !self.rebooted);
        self.header.clone_from(&now.header);
        self.page_faults_change = before
            .and_then(|before| Some((before.header.page_faults?, now.header.page_faults?)))
            .map(|(then, now)| now.wrapping_sub(then).cast_signed());

        let now_rows = rows_in_scope(now, filter.scope);
        let old_rows = before.map(|before| rows_in_scope(before, filter.scope));
        // A copied screen reports its own changes; they count if there is no earlier sample to compare with.
        let reported = if filter.scope == Scope::System { now.reported_deltas.as_slice() } else { &[] };
        let old = old_rows.as_deref().zip(before.map(|before| before.coverage));
        self.fill(old, (&now_rows, now.coverage), reported, now.width, filter, labeler);
        self.total(now, filter);
    }

    fn fill(
        &mut self,
        old: Option<(&[Row], Coverage)>,
        (now_rows, now_coverage): (&[Row], Coverage),
        reported: &[Delta],
        width: CounterWidth,
        filter: &Filter,
        labeler: Option<&dyn Labeler>,
    ) {
        self.rows.clear();
        self.index.reset();
        self.gone_index.reset();
        let mut matched = 0;
        for (at, row) in now_rows.iter().enumerate() {
            let (delta, presence) = match old {
                None => (reported.get(at).copied(), Presence::Steady),
                Some((old_rows, coverage)) => match self.index.find(old_rows, row, at) {
                    Some((_, old)) => {
                        matched += 1;
                        (Some(Delta::between(&old.counters, &row.counters, width)), Presence::Steady)
                    }
                    // The earlier sample left such rows out: what this one held then is unknown.
                    None if !coverage.lists_all(row.pool) => (None, Presence::Steady),
                    None => (Some(Delta::from_nothing(&row.counters, width)), Presence::New),
                },
            };
            self.push(row, width, delta, presence, filter, labeler);
        }
        let Some((old_rows, _)) = old else { return };
        if !filter.show_gone || matched == old_rows.len() {
            return;
        }
        // A row that is gone holds zeros and is shown all the same.
        let shown = Filter { show_zero: true, ..filter.clone() };
        for (at, old) in old_rows.iter().enumerate() {
            if !now_coverage.lists_all(old.pool)
                || old.counters.is_zero()
                || self.gone_index.find(now_rows, old, at).is_some()
            {
                continue;
            }
            let nothing = old.counters.freed();
            let delta = Delta::between(&old.counters, &nothing, width);
            let row = Row { counters: nothing, ..old.clone() };
            self.push(&row, width, Some(delta), Presence::Gone, &shown, labeler);
        }
    }

    fn push(
        &mut self,
        row: &Row,
        width: CounterWidth,
        delta: Option<Delta>,
        presence: Presence,
        filter: &Filter,
        labeler: Option<&dyn Labeler>,
    ) {
        // Labels cost a lookup: asked for only where the row can still pass.
        if !filter.admits_tag(&row.tag, row.pool) {
            return;
        }
        // Most rows of a kernel that was just started hold nothing: no copy, no label.
        if !filter.show_zero && row.counters.is_zero() {
            return;
        }
        let label = labeler.and_then(|labeler| labeler.label(row));
        let verdict = labeler.and_then(|labeler| labeler.verdict(row));
        let row = TableRow { row: row.clone(), width, delta, presence, label, verdict };
        if filter.search.admits(&row) {
            self.rows.push(row);
        }
    }

    fn total(&mut self, now: &Sample, filter: &Filter) {
        self.totals.clear();
        for pool in Pool::ALL {
            let mut totals =
                Totals { pool, rows: 0, counters: Counters::default(), delta: None, untagged: None };
            for row in self.rows.iter().filter(|row| row.row.pool == pool) {
                totals.rows += 1;
                totals.counters.add(&row.row.counters, row.width);
                if let Some(delta) = &row.delta {
                    totals.delta.get_or_insert_default().add(delta);
                }
            }
            let reported = now.header.pool_total(pool).filter(|_| filter.scope == Scope::System);
            let shown = filter.view.admits(pool)
                && now.coverage.lists_all(pool)
                && now.rows.iter().any(|row| row.pool == pool)
                && now.rows.iter().all(|row| row.pool != pool || row.counters.bytes.is_some());
            if let Some(reported) = reported.filter(|_| shown) {
                totals.untagged = reported.checked_sub(now.tagged_bytes(pool));
            }
            if totals.rows > 0 || totals.untagged.is_some() {
                self.totals.push(totals);
            }
        }
    }

    /// Orders the rows. Rows that do not report the figure come last; equal rows stand by tag, then pool.
    pub fn sort(&mut self, sort: Sort) {
        let by_change = sort.by_change && sort.column.has_change();
        let value = |row| if by_change { sort.column.change(row) } else { sort.column.value(row) };
        let falling = sort.column.falling != sort.reversed;
        let tie = |a: &TableRow, b: &TableRow| (&a.row.tag, a.row.pool).cmp(&(&b.row.tag, b.row.pool));
        let later = |row: &TableRow| sort.first_pool.is_some_and(|first| row.row.pool != first);
        if sort.column.is(&column::TAG) && sort.first_pool.is_none() {
            // The commonest order needs no keys.
            self.rows.sort_by(|a, b| if falling { tie(b, a) } else { tie(a, b) });
            return;
        }
        // Each key is computed once, and rows are moved once.
        self.keys.clear();
        for (at, row) in self.rows.iter().enumerate() {
            let key = (later(row), SortKey::of(value(row), falling));
            self.keys.push((key, u32::try_from(at).unwrap_or(u32::MAX)));
        }
        let rows = &self.rows;
        let row = |at: u32| rows.get(at as usize);
        self.keys.sort_unstable_by(|(a, at_a), (b, at_b)| {
            a.cmp(b).then_with(|| match (row(*at_a), row(*at_b)) {
                (Some(a), Some(b)) => tie(a, b).then(at_a.cmp(at_b)),
                _ => Ordering::Equal,
            })
        });
        self.place.clear();
        self.place.resize(self.keys.len(), 0);
        for (to, (_, from)) in self.keys.iter().enumerate() {
            if let Some(slot) = self.place.get_mut(*from as usize) {
                *slot = u32::try_from(to).unwrap_or(u32::MAX);
            }
        }
        permute(&mut self.rows, &mut self.place);
    }
}

/// Moves every row to its place by following the cycles of the permutation.
fn permute(rows: &mut [TableRow], place: &mut [u32]) {
    for at in 0..rows.len() {
        while let Some(&to) = place.get(at) {
            let to = to as usize;
            if to == at || to >= rows.len() {
                break;
            }
            rows.swap(at, to);
            place.swap(at, to);
        }
    }
}

/// A sort key that orders unknown figures last in both directions.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SortKey {
    Rising(i128),
    Falling(Reverse<i128>),
    Text(String),
    TextFalling(Reverse<String>),
    Unknown,
}

impl SortKey {
    pub(crate) fn of(value: Value<'_>, falling: bool) -> Self {
        match (value.number(), value) {
            (Some(number), _) if falling => Self::Falling(Reverse(number)),
            (Some(number), _) => Self::Rising(number),
            (None, Value::Text(text)) if falling => Self::TextFalling(Reverse(text.into_owned())),
            (None, Value::Text(text)) => Self::Text(text.into_owned()),
            (None, _) => Self::Unknown,
        }
    }
}

/// The rows of a scope; sessions are summed by tag where all are asked for.
fn rows_in_scope(sample: &Sample, scope: Scope) -> std::borrow::Cow<'_, [Row]> {
    match scope {
        Scope::System => sample.rows.as_slice().into(),
        Scope::Session(id) => {
            sample.sessions.iter().find(|session| session.id == id).map_or(&[][..], |s| &s.rows).into()
        }
        Scope::AllSessions => {
            let mut sums: Vec<Row> = Vec::new();
            let mut at = rustc_hash::FxHashMap::default();
            for row in sample.sessions.iter().flat_map(|session| &session.rows) {
                let slot = *at.entry(row.key()).or_insert(sums.len());
                if slot == sums.len() {
                    sums.push(Row { counters: Counters::default(), ..row.clone() });
                }
                if let Some(sum) = sums.get_mut(slot) {
                    sum.counters.add(&row.counters, sample.width);
                }
            }
            sums.into()
        }
    }
}

#[cfg(test)]
mod tests;
