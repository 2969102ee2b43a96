//! Figures of rows that have no place of their own in [`super::row`]: by name, at the end of a sample.
//!
//! A key declares them among the names of header figures, as `row.NAME`. A program that knows nothing of them takes those
//! names for header figures that it does not know, and ignores what follows the extras of a sample.

use std::borrow::Cow;

use poolmon_model::figure::{self, FIGURES, Figure};
use poolmon_model::{Counters, Row};

use super::int::{IntModel, Trend};
use super::range::{Coder, Prob};

/// Figures with a place of their own, in the order of FORMAT.md. Never changed: later figures follow by name.
pub const PLACED: [&Figure; 5] =
    [&figure::ALLOCS, &figure::FREES, &figure::DIFF, &figure::BYTES, &figure::USED];

const PREFIX: &str = "row.";

/// The 64 bits of a stored number.
pub fn bits_of(number: i128) -> Option<u64> {
    i64::try_from(number).map(i64::cast_unsigned).or_else(|_| u64::try_from(number)).ok()
}

/// The number of these 64 bits.
pub fn number_of(figure: &Figure, bits: u64) -> i128 {
    if figure.signed { bits.cast_signed().into() } else { bits.into() }
}

/// The figures that follow by name, and what they were in the last sample.
#[derive(Clone, Debug)]
pub struct FurtherFigures {
    /// Figures that this program knows.
    known: &'static [&'static Figure],
    declared: Vec<FurtherFigure>,
    changed: Vec<u32>,
}

#[derive(Clone, Debug)]
struct FurtherFigure {
    /// `None`: this program does not know it; it is read and dropped.
    known: Option<&'static Figure>,
    /// By number of the row.
    rows: Vec<(Option<u64>, Trend)>,
    moved: Prob,
    reported: Prob,
    model: IntModel,
}

impl Default for FurtherFigures {
    fn default() -> Self {
        Self::of(&FIGURES)
    }
}

impl FurtherFigures {
    /// None are declared yet; `known` are all figures of a row.
    pub fn of(known: &'static [&'static Figure]) -> Self {
        Self { known, declared: Vec::new(), changed: Vec::new() }
    }

    /// What a writer declares.
    pub fn names(&self) -> impl Iterator<Item = String> + use<> {
        let further = self.known.iter().filter(|figure| !PLACED.contains(figure));
        further.map(|figure| format!("{PREFIX}{}", figure.id))
    }

    /// Takes a name of a key; those of header figures are not meant.
    pub fn declare(&mut self, name: &str) {
        let Some(name) = name.strip_prefix(PREFIX) else { return };
        self.declared.push(FurtherFigure {
            known: self.known.iter().copied().find(|figure| figure.id == name && !PLACED.contains(figure)),
            rows: Vec::new(),
            moved: Prob::default(),
            reported: Prob::default(),
            model: IntModel::default(),
        });
    }

    /// The figures that have a place of their own, alone.
    pub fn placed<'a>(&self, counters: &'a Counters) -> Cow<'a, Counters> {
        let mut placed = Cow::Borrowed(counters);
        for figure in self.declared.iter().filter_map(|figure| figure.known) {
            if (figure.stored)(counters).is_some() {
                (figure.set)(placed.to_mut(), None);
            }
        }
        placed
    }

    /// Codes them for the rows of a sample: `order` = the number of each, `count` = how many numbers there are. The decoder
    /// ignores `rows`. Returns the places in `order` of rows of which one moved.
    pub fn code<'a, C: Coder>(
        &mut self,
        c: &mut C,
        order: &[u32],
        count: usize,
        rows: &(impl Iterator<Item = &'a Row> + Clone),
    ) -> &[u32] {
        self.changed.clear();
        for figure in &mut self.declared {
            figure.rows.resize_with(count, Default::default);
            let mut rows = rows.clone();
            for (at, &number) in order.iter().enumerate() {
                let row = rows.next();
                let now = row.and_then(|row| (figure.known?.stored)(&row.counters)).and_then(bits_of);
                if figure.code(c, number, now) {
                    self.changed.push(at as u32);
                }
                if c.is_spoiled() {
                    return &self.changed;
                }
            }
        }
        &self.changed
    }

    /// Writes those of row `number` into its counters.
    #[inline]
    pub fn complete(&self, number: u32, counters: &mut Counters) {
        for figure in &self.declared {
            let value = figure.rows.get(number as usize).and_then(|(value, _)| *value);
            if let Some((known, value)) = figure.known.zip(value) {
                (known.set)(counters, Some(number_of(known, value)));
            }
        }
    }
}

impl FurtherFigure {
    /// Codes one figure of one row; true if it moved.
    fn code<C: Coder>(&mut self, c: &mut C, number: u32, now: Option<u64>) -> bool {
        let Some((value, trend)) = self.rows.get_mut(number as usize) else { return false };
        if !c.bit(&mut self.moved, now != *value) {
            return false;
        }
        if !c.bit(&mut self.reported, now.is_some()) {
            *value = None;
            return true;
        }
        let before = value.unwrap_or(0);
        let step = now.unwrap_or(0).wrapping_sub(before).cast_signed();
        let step = trend.step(c, &mut self.model, step);
        *value = Some(before.wrapping_add(step.cast_unsigned()));
        true
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;

    use poolmon_model::{CounterWidth, Origin, Pool, Row, Sample, SourceKind, Tag};

    use super::super::{CodecState, KnownLayout};
    use super::*;

    thread_local! {
        /// Added to the figure below, which can so move while nothing else does.
        static BEYOND: Cell<i128> = const { Cell::new(0) };
    }

    /// Stands for a figure that a later version has: it is derived from bytes, unknown if they are odd, and read into a field
    /// that these samples leave free.
    static LATER: Figure = Figure {
        id: "later",
        signed: true,
        stored: |row| row.bytes.filter(|bytes| bytes % 2 == 0).map(|bytes| BEYOND.get() - i128::from(bytes)),
        set: |row, value| {
            row.reported_per_alloc =
                value.and_then(|value| i64::try_from(value).ok()).map(i64::cast_unsigned);
            true
        },
        ..figure::USED
    };
    static WITH_LATER: [&Figure; 2] = [&figure::BYTES, &LATER];
    static WITHOUT: [&Figure; 1] = [&figure::BYTES];

    fn sample(bytes: &[u64]) -> Sample {
        let origin = Origin::new(SourceKind::Linux, &[Pool::Nonpaged]);
        let mut sample = Sample::new(Arc::new(origin), CounterWidth::Bits64);
        for (n, &bytes) in bytes.iter().enumerate() {
            sample.rows.push(Row::windows(Tag::name(&format!("row {n}")), Pool::Nonpaged, 9, 1, bytes));
        }
        sample
    }

    fn completed(mut sample: Sample) -> Sample {
        for row in &mut sample.rows {
            let later = (LATER.stored)(&row.counters);
            (LATER.set)(&mut row.counters, later);
        }
        sample
    }

    #[test]
    fn they_come_back_and_are_ignored_by_programs_that_know_none() {
        let with = || FurtherFigures::of(&WITH_LATER);
        let first = sample(&[10, 20, 31, 40]);
        let (mut writer, key) = CodecState::key_with(&first, 0, with()).unwrap();
        let mut reader = CodecState::read_key_with(&key, with(), &mut KnownLayout::default()).unwrap();
        let mut unaware =
            CodecState::read_key_with(&key, FurtherFigures::of(&WITHOUT), &mut KnownLayout::default())
                .unwrap();
        assert_eq!(reader.to_sample(), completed(first.clone()));
        assert_eq!(writer.to_sample(), completed(first.clone()));
        assert_eq!(unaware.to_sample(), first);
        let moves = [
            (0, vec![10, 20, 31, 40], vec![]),
            (0, vec![10, 22, 32, 41], vec![1, 2, 3]),
            // It alone moves; it is unknown in the row whose bytes are odd.
            (-7, vec![10, 22, 32, 41], vec![0, 1, 2]),
            (i128::from(i64::MIN) + 40, vec![10, 22, 32, 40], vec![0, 1, 2, 3]),
        ];
        for (beyond, bytes, changed) in moves {
            BEYOND.set(beyond);
            let now = sample(&bytes);
            let payload = writer.delta(&now, 1).unwrap();
            reader.read_delta(&payload).unwrap();
            unaware.read_delta(&payload).unwrap();
            assert_eq!(reader.to_sample(), completed(now.clone()));
            assert_eq!(unaware.to_sample(), now);
            assert_eq!(reader.changed().unwrap(), changed);
            let tag = Tag::name("row 1");
            let counters = reader.counters(&tag, Pool::Nonpaged).unwrap();
            assert_eq!(counters, completed(now).rows[1].counters);
            for cut in 0..payload.len() {
                let _ = reader.clone().read_delta(&payload[..cut]);
            }
        }
        BEYOND.set(0);
        // A row that is first seen between.
        let grown = sample(&[10, 22, 32, 41, 50]);
        reader.read_delta(&writer.delta(&grown, 2).unwrap()).unwrap();
        assert_eq!(reader.to_sample(), completed(grown));
    }

    #[test]
    fn only_figures_without_a_place_of_their_own_are_declared() {
        let names = |known| FurtherFigures::of(known).names().collect::<Vec<_>>();
        assert_eq!(names(&WITH_LATER), ["row.later"]);
        assert!(names(&WITHOUT).is_empty());
    }
}
