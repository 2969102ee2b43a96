//! What the server knows at a moment. A new one replaces the old one as a whole: a request sees one moment, never two.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use poolmon_leak::Level;
use poolmon_model::{Key, RowVerdict, Sample, Tag, copies};
use rustc_hash::FxHashMap;

/// A sample, and what goes with it.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Counted from 1; a new one for each sample, judgement or failure.
    pub number: u64,
    /// The sample, each name once.
    pub now: Arc<Sample>,
    /// The one before it.
    pub before: Option<Arc<Sample>>,
    /// When it was taken, by the clock that is never set.
    pub taken: Instant,
    /// Samples that were taken so far.
    pub samples: u64,
    /// The verdicts, which are younger or older than the sample by some seconds.
    pub verdicts: Arc<Verdicts>,
    /// Rows with metrics of their own, the most important first.
    pub chosen: Vec<Key>,
    /// Lowest bytes within the last hour, of chosen rows that were watched for an hour.
    pub floors: FxHashMap<Key, u64>,
    /// Allocations and frees that go on after a wrap; empty if the kernel's own do not wrap.
    pub counters: FxHashMap<Key, [Option<u64>; 2]>,
    /// Rows that were added to another one of the same name.
    pub duplicates: usize,
    /// Why there is no newer sample.
    pub failing: Option<Failing>,
}

/// A source that does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Since when.
    pub since: Timestamp,
    /// What it says.
    pub error: String,
    /// How often it was asked in vain.
    pub times: u64,
}

/// Verdicts on rows, in short.
#[derive(Clone, Debug, Default)]
pub struct Verdicts {
    /// Of rows that have one; a row that is steady has none.
    pub rows: FxHashMap<Key, Arc<RowVerdict>>,
    /// What leaks or is suspected to, the gravest first.
    pub suspects: Vec<Suspect>,
    /// The answer in one line.
    pub headline: String,
    /// How grave it is: `good`, `unsure` or `bad`.
    pub mood: &'static str,
    /// How much longer samples are needed before anything can be said.
    pub needs: Option<Duration>,
}

/// A row that leaks or is suspected to.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// Which.
    pub key: Key,
    /// How surely it leaks.
    pub level: Level,
    /// Growth in bytes per hour.
    pub bytes_per_hour: f64,
    /// Seconds until memory runs out, if this row brings that about.
    pub exhaustion: Option<f64>,
    /// Who uses the tag, if known.
    pub owner: Option<String>,
}

impl Verdicts {
    /// The verdict on a row; the gravest of its copies if the row stands for them.
    pub fn of(&self, key: &Key) -> Option<&Arc<RowVerdict>> {
        let Some(size) = copies::joined_size(&key.tag) else { return self.rows.get(key) };
        let is_copy = |tag: &Tag| copies::copy_of(tag).is_some_and(|(_, of)| of == size);
        let of_copies = self.rows.iter().filter(|(of, _)| of.pool == key.pool && is_copy(&of.tag));
        of_copies.map(|(_, verdict)| verdict).max_by_key(|verdict| verdict.rank())
    }
}

impl Moment {
    /// Seconds since the sample was taken: by the machine's clock while it is watched, else by the sample's own time.
    pub fn age(&self, is_live: bool) -> Option<f64> {
        if is_live {
            return Some(self.taken.elapsed().as_secs_f64());
        }
        Some(Timestamp::now().duration_since(self.now.time?).as_secs_f64())
    }
}
