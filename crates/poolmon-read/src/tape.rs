//! Samples that can be wound to and fro: what a screen with a timeline needs.

use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::{CounterWidth, Counters, Pool, Sample, Tag, TimelineMark};

use crate::{Result, Samples};

/// Position of a sample. Of two samples of a tape the later one has the greater position, whatever their clocks say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(pub u64, pub u64);

/// Samples that can be wound to and fro: a recording, or files held in memory. It holds one sample at a time, and
/// [`Samples::next_into`] holds the next one; at the end nothing moves, and a later call finds what was recorded
/// meanwhile.
pub trait Tape: Samples {
    /// Its name in messages.
    fn name(&self) -> &str;

    /// Position of the held sample.
    fn place(&self) -> Place;

    /// Holds the last sample at or before `to`; the first of all if every one is later. False if there is none at all.
    ///
    /// # Errors
    /// The file cannot be read.
    fn seek(&mut self, to: Timestamp, sample: &mut Sample) -> Result<bool>;

    /// Holds the sample `count` before the held one, or the first. False at the start, where nothing moves.
    ///
    /// # Errors
    /// The file cannot be read.
    fn back(&mut self, count: u32, sample: &mut Sample) -> Result<bool>;

    /// What there is, as of now.
    ///
    /// # Errors
    /// The file cannot be read, or holds no sample yet.
    fn timeline(&mut self) -> Result<Timeline>;

    /// About `count` points of one row in `from..=to`. The held sample stays what it is.
    ///
    /// # Errors
    /// The file cannot be read.
    fn row(&mut self, row: &(Tag, Pool), from: Timestamp, to: Timestamp, count: u32)
    -> Result<Vec<RowPoint>>;

    /// The moment that a person typed, while the sample of `shown` is on the screen.
    ///
    /// # Errors
    /// The text is no moment.
    fn moment(&self, text: &str, shown: Timestamp) -> Result<Timestamp>;
}

/// One row at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowPoint {
    /// When.
    pub time: Timestamp,
    /// Its figures; none if the sample has no such row.
    pub counters: Counters,
    /// How wide its counters are.
    pub width: CounterWidth,
}

/// The whole of a tape at a glance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// Time of the first sample.
    pub first: Timestamp,
    /// Time of the last sample.
    pub last: Timestamp,
    /// Bytes of all pools together, in the order of time.
    pub totals: Vec<(Timestamp, u64)>,
    /// Marks, in the order of time.
    pub marks: Vec<TimelineMark>,
    /// The usual time between two samples.
    pub interval: Duration,
    /// A recorder writes it now.
    pub growing: bool,
    /// The samples have no times: each second since 1970 stands for one of them.
    pub numbered: bool,
}
