//! What comes out: plain data, and the sentence that says it.

use jiff::Timestamp;
use poolmon_model::units::{rfc3339, rough_hours};
use poolmon_model::{Key, Pool, Tag};
use serde::{Serialize, Serializer};

use crate::rising::Riser;
use crate::suspicion::{Facts, Level, Suspicion, Tests};

/// The verdict on one (tag, pool).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictKind {
    /// Grows without an end in sight, and neither load nor time of day nor a filling cache explains it.
    Leaking,
    /// More likely than not a leak, or likely one ([`Verdict::level`]): not every test is passed, or there is too little data to pass.
    Suspected,
    /// Grows, but cannot yet be distinguished from load, rhythm or a cache.
    Growing,
    /// Grows in several jumps, flat in between, and cannot yet be distinguished from load, rhythm or a cache.
    RepeatedJumps,
    /// Grew more slowly towards the end: a cache that fills.
    WarmingUp,
    /// Stopped growing although the machine worked on, and still holds what it gained: a leak that stopped, or a cache that is full.
    Plateau,
    /// Follows the machine's load or the time of day and falls back.
    LoadDriven,
    /// Jumped once and stays.
    Step,
    /// Its slabs grew and its objects hardly did: memory that is allocated and not in use.
    HalfEmptySlabs,
    /// Nothing to see.
    Steady,
    /// Too few samples for an answer.
    TooLittleData,
    /// No sample shows its bytes: a table without them, or one that was cut.
    Unknown,
}

impl VerdictKind {
    /// All of them, the gravest first.
    pub const ALL: [Self; 12] = [
        Self::Leaking,
        Self::Suspected,
        Self::Growing,
        Self::RepeatedJumps,
        Self::WarmingUp,
        Self::Plateau,
        Self::LoadDriven,
        Self::Step,
        Self::HalfEmptySlabs,
        Self::Steady,
        Self::TooLittleData,
        Self::Unknown,
    ];
    /// Those of what grows, but is not suspected to leak.
    pub const UNEXPLAINED: [Self; 2] = [Self::Growing, Self::RepeatedJumps];

    /// It goes on growing, whether it is a leak or not.
    pub const fn rises(self) -> bool {
        matches!(self, Self::Leaking | Self::Suspected | Self::Growing | Self::RepeatedJumps)
    }

    /// There is nothing to see, or nothing can be seen.
    pub const fn is_still(self) -> bool {
        matches!(self, Self::Steady | Self::TooLittleData | Self::Unknown)
    }

    /// Name in JSON, CSV and scenarios.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Leaking => "leaking",
            Self::Suspected => "suspected",
            Self::Growing => "growing",
            Self::RepeatedJumps => "repeated-jumps",
            Self::WarmingUp => "warming-up",
            Self::Plateau => "plateau",
            Self::LoadDriven => "load-driven",
            Self::Step => "step",
            Self::HalfEmptySlabs => "half-empty-slabs",
            Self::Steady => "steady",
            Self::TooLittleData => "too-little-data",
            Self::Unknown => "unknown",
        }
    }
}

/// A rate per hour with its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Rate {
    /// The estimate.
    pub per_hour: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Rate {
    /// One that is not known, which data has as null.
    pub(crate) const UNKNOWN: Self = Self { per_hour: f64::NAN, low: f64::NAN, high: f64::NAN };

    /// Whether it is known.
    pub const fn is_known(&self) -> bool {
        !self.per_hour.is_nan()
    }

    /// The number after ±: half the interval.
    pub const fn half(&self) -> f64 {
        (self.high - self.low).abs() / 2.0
    }

    /// Whether it is a rate of growth that can be said: it is larger than its error.
    pub const fn is_sure(&self) -> bool {
        self.per_hour > self.half()
    }
}

/// What runs out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Limit {
    /// The pool's own limit.
    Pool,
    /// The commit limit.
    Commit,
    /// Available memory.
    Available,
}

impl Limit {
    /// Name in JSON and CSV.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Commit => "commit",
            Self::Available => "available",
        }
    }

    /// Name in a sentence.
    pub const fn long(self) -> &'static str {
        match self {
            Self::Pool => "the pool's limit",
            Self::Commit => "the commit limit",
            Self::Available => "the end of available memory",
        }
    }

    /// What happens at the limit, in a sentence.
    pub const fn reached(self) -> &'static str {
        match self {
            Self::Pool => "the pool reaches its limit",
            Self::Commit => "the commit limit is reached",
            Self::Available => "memory runs out",
        }
    }
}

/// When memory runs out if all leaks go on as they do, counted from the last sample: one end for the whole machine.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Exhaustion {
    /// Hours left.
    pub hours: f64,
    /// The same at the upper ends of the rates' intervals.
    pub earliest: f64,
    /// The same at their lower ends; `None` if that is never, or in more than a year.
    pub latest: Option<f64>,
    /// What ends first.
    pub limit: Limit,
    /// Causes that bring it about; those in one lockstep group are one.
    pub causes: usize,
}

impl Exhaustion {
    /// `41 h (38 h to 45 h)`, `41 h (38 h or later)`, or `41 h` where the ends of the range read the same.
    pub fn range(&self) -> String {
        let [hours, earliest] = [self.hours, self.earliest].map(rough_hours);
        match self.latest.map(rough_hours) {
            Some(latest) if latest == earliest => hours,
            Some(latest) => format!("{hours} ({earliest} to {latest})"),
            None => format!("{hours} ({earliest} or later)"),
        }
    }
}

/// What the statistics found; `None` = could not be computed from what there is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Evidence {
    /// Points that were judged.
    pub points: usize,
    /// Hours that they span.
    pub hours: f64,
    /// Kendall's tau.
    pub tau: f64,
    /// Mann–Kendall with Hamed and Rao's correction, two-sided.
    pub p: f64,
    /// That the growth which load and time of day leave unexplained is none: Student's t, two-sided.
    pub p_partial: Option<f64>,
    /// The better of the two tests, counted twice, among all tags (Benjamini and Hochberg).
    pub q: f64,
    /// Growth over what remains of the noise.
    pub signal: f64,
    /// Growth over the most that it held until the growth began.
    pub outgrown: f64,
    /// Windows whose floor is above the one before, and windows compared.
    pub floor: (usize, usize),
    /// Deepest fall-back, as a part of the growth.
    pub drawdown: f64,
    /// Later half's slope over the earlier's, by the better of the two clocks (time, machine's work).
    pub ratio: Option<f64>,
    /// Last quarter's slope over the whole, by the same clock.
    pub last: Option<f64>,
    /// Squares left by the best filling curve over those left by a line; below 1 the curve fits better.
    pub filling: Option<f64>,
    /// Hours without growth at the end, though the machine worked on.
    pub ended: Option<f64>,
    /// Least quarter's slope over the steepest, by time.
    pub even: Option<f64>,
    /// The growth is even by the machine's work rather than by time.
    pub by_work: bool,
    /// Part of the growth that load and time of day leave unexplained.
    pub partial_share: Option<f64>,
    /// Over its standard error.
    pub partial_t: Option<f64>,
    /// Growth per hour from day to day: a fifth of all pairs grew less.
    pub day_low: Option<f64>,
    /// Largest single jump, as a part of the growth.
    pub jump: f64,
    /// Part of what was allocated in the window that was kept.
    pub retention: Option<f64>,
    /// Frees seen in the window, if the source reports it.
    pub frees: Option<f64>,
    /// Outstanding allocations never fell from sample to sample.
    pub only_rises: bool,
    /// Bytes per allocation stayed the same within 2 %.
    pub constant_size: bool,
}

/// The verdict on one (tag, pool).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Who.
    #[serde(serialize_with = "as_text")]
    pub tag: Tag,
    /// Of which pool.
    #[serde(serialize_with = "pool_id")]
    pub pool: Pool,
    /// The name of a merged cache that fits what is in it, if the row is listed under another one; set by callers who know holders.
    #[serde(skip)]
    pub fitting: Option<String>,
    /// What.
    pub kind: VerdictKind,
    /// Growth in bytes per hour over the window judged.
    #[serde(serialize_with = "known_rate")]
    pub bytes: Rate,
    /// Growth in outstanding allocations per hour, if the source reports them.
    pub allocs: Option<Rate>,
    /// Bytes held at the end.
    #[serde(serialize_with = "whole")]
    pub held: f64,
    /// Growth over the window judged, bytes.
    #[serde(serialize_with = "whole")]
    pub growth: f64,
    /// The last sample less the first one judged, bytes.
    #[serde(serialize_with = "whole")]
    pub change: f64,
    /// How sure it is that the row leaks; `None` if that is less likely than not.
    pub level: Option<Level>,
    /// The same as a number from 0 to 1, what others in lockstep with it show being known; the culprit of a group has the
    /// highest confidence of its members. `None` if it did not grow.
    pub confidence: Option<f64>,
    /// Part of the pool's growth in that time, 0 to 1; `None` if the pool does not grow.
    pub share: Option<f64>,
    /// The same with all tags of its pool that grow in lockstep with it; `None` if there are none.
    pub group_share: Option<f64>,
    /// Since when it grows. For programs `None`, too, if the date is unknown.
    #[serde(serialize_with = "time_text")]
    pub since: Option<Timestamp>,
    /// It already grew at the first sample, so that `since` is only the start of the recording.
    pub since_start: bool,
    /// When memory runs out, if this leak brings that about, alone or with others.
    pub exhaustion: Option<Exhaustion>,
    /// How many more hours of samples a surer answer needs.
    pub needs_hours: Option<f64>,
    /// Number of its lockstep group in [`Report::groups`].
    pub group: Option<usize>,
    /// Who uses the tag, if the source or the caller reported it.
    pub owner: Option<String>,
    /// Why this verdict, and what to know about it; each a short clause.
    pub reasons: Vec<String>,
    /// How likely it is that the row leaks for what it shows itself, and which facts decide; `None` if it did not grow.
    pub suspicion: Option<Suspicion>,
    /// The numbers behind it.
    pub evidence: Evidence,
    /// The samples have times; without them, what is per hour is not known.
    #[serde(skip)]
    pub timed: bool,
    /// What the series shows from the begin of its growth on; `None` if it did not grow.
    #[serde(skip)]
    pub facts: Option<Facts>,
    /// What the tests for a trend say of it, before it is seen with others.
    #[serde(skip)]
    pub tests: Tests,
}

/// Tags that grow by equal counts or whole multiples: one cause.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Group {
    /// Indices into [`Report::verdicts`].
    pub members: Vec<usize>,
    /// Index of the likeliest culprit.
    pub culprit: usize,
    /// Why that one.
    pub reason: String,
    /// Their bytes per hour together, without those of caches that the kernel can shrink where there are others.
    pub bytes_per_hour: f64,
}

/// Growth of a whole pool.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PoolGrowth {
    /// Which.
    #[serde(serialize_with = "pool_id")]
    pub pool: Pool,
    /// Bytes per hour; not known if the samples have no times.
    #[serde(serialize_with = "known_rate")]
    pub bytes: Rate,
    /// It grows at all: its trend is significant.
    pub grows: bool,
    /// There were enough samples to test that.
    pub tested: bool,
    /// The last sample less the first one judged, bytes.
    #[serde(serialize_with = "whole")]
    pub change: f64,
    /// Bytes at the end.
    #[serde(serialize_with = "whole")]
    pub held: f64,
    /// Told by the system's header; else the sum of the rows.
    pub from_header: bool,
}

/// What a recording without a suspect could have shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Power {
    /// A steady leak of N bytes an hour, from the first sample on, would have been a suspect in nine of ten rows; `None`: none
    /// would have been, however large.
    pub per_hour: Option<f64>,
}

/// Everything found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Leaking first, then by growth.
    pub verdicts: Vec<Verdict>,
    /// Lockstep groups.
    pub groups: Vec<Group>,
    /// The pools.
    pub pools: Vec<PoolGrowth>,
    /// Holders of whose objects there are more and more, the fastest first; set by callers who know holders.
    #[serde(skip)]
    pub risers: Vec<Riser>,
    /// How large a leak would have been seen; `None` if something leaks or is suspected to, and without rows.
    pub power: Option<Power>,
    /// Hours from the first to the last sample.
    pub hours: f64,
    /// The part that was judged, hours since the first sample: the latest boot that is long enough.
    pub judged: (f64, f64),
    /// Samples taken in.
    pub samples: u64,
    /// Reboots among them.
    pub reboots: u32,
    /// Samples that were not later than the one before, and were left out.
    pub out_of_order: u64,
    /// Bytes within which nine of ten rows stayed, at least 64 KiB; `None` without rows.
    pub calm: Option<f64>,
    /// False if no sample reported a time: their order counts, and nothing is known that is per hour.
    pub times_known: bool,
    /// Rows could not be read: what they hold is unknown. Set by who reads them.
    #[serde(skip)]
    pub lost_rows: bool,
}

/// A share from 0 to 1 for a person: `96 %`, `less than 1 %`.
pub fn percent(share: f64) -> String {
    if share < 0.005 { "less than 1 %".to_owned() } else { format!("{:.0} %", share * 100.0) }
}

impl Report {
    /// The verdict on one series; `None` if it was never seen.
    pub fn verdict(&self, key: &Key) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.tag == key.tag && verdict.pool == key.pool)
    }

    /// The leaking tags.
    pub fn leaks(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| verdict.kind == VerdictKind::Leaking)
    }

    /// The tags of one kind that stand for a cause: alone, or as the likeliest culprit of their lockstep group. The
    /// gravest cause first; of those only that `admits` lets pass. A culprit that does not pass, or is of another kind,
    /// hides no member.
    pub fn causes(&self, kind: VerdictKind, admits: impl Fn(&Verdict) -> bool) -> Vec<&Verdict> {
        self.ranked(&[kind], admits)
    }

    /// The same of several kinds, in one ranking: by the rate times the square of the confidence, which on tuning hosts puts the
    /// worst leak first more often than the rate times the odds (270 of 343 hosts against 259).
    pub fn ranked(&self, kinds: &[VerdictKind], admits: impl Fn(&Verdict) -> bool) -> Vec<&Verdict> {
        let hidden = |verdict: &Verdict| {
            let culprit = self.group_of(verdict).and_then(|group| self.verdicts.get(group.culprit));
            culprit.is_some_and(|culprit| {
                !std::ptr::eq(culprit, verdict) && kinds.contains(&culprit.kind) && admits(culprit)
            })
        };
        let of_kind =
            |verdict: &&Verdict| kinds.contains(&verdict.kind) && admits(verdict) && !hidden(verdict);
        let mut causes: Vec<&Verdict> = self.verdicts.iter().filter(of_kind).collect();
        // A small tag may be for a large group.
        let weight = |verdict: &Verdict| match self.group_of(verdict) {
            Some(group) if self.times_known => group.bytes_per_hour,
            Some(group) => {
                group.members.iter().filter_map(|&at| self.verdicts.get(at)).map(|it| it.change).sum()
            }
            None if self.times_known => verdict.bytes.per_hour,
            None => verdict.change,
        };
        let weight = |verdict: &Verdict| weight(verdict) * verdict.confidence.unwrap_or(0.0).powi(2);
        causes.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
        causes
    }

    /// The lockstep group of a verdict.
    pub fn group_of(&self, verdict: &Verdict) -> Option<&Group> {
        self.groups.get(verdict.group?)
    }

    /// The others of its lockstep group.
    pub fn companions(&self, verdict: &Verdict) -> Vec<&Verdict> {
        let members = self.group_of(verdict).map(|group| group.members.as_slice()).unwrap_or_default();
        let members = members.iter().filter_map(|&at| self.verdicts.get(at));
        members.filter(|other| !std::ptr::eq(*other, verdict)).collect()
    }
}

impl Verdict {
    /// The same for data: what is not known of a row is not a number, which data has as null.
    #[must_use]
    pub fn with_unknown_figures(&self) -> Self {
        let mut verdict = self.clone();
        if !self.timed {
            verdict.bytes = Rate::UNKNOWN;
            verdict.allocs = None;
        }
        if self.kind == VerdictKind::Unknown {
            (verdict.held, verdict.growth, verdict.change) = (f64::NAN, f64::NAN, f64::NAN);
            verdict.bytes = Rate::UNKNOWN;
        }
        verdict
    }

    /// How surely it is said to leak: what passed every test leaks, whatever its confidence; `None` if it is not said to.
    pub fn surely(&self) -> Option<Level> {
        match self.kind {
            VerdictKind::Leaking => Some(Level::Leak),
            VerdictKind::Suspected => Some(self.level.unwrap_or(Level::Possible)),
            _ => None,
        }
    }
}

pub(crate) fn as_text<S: Serializer>(tag: &Tag, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(tag)
}

/// A rate that is not known is null.
fn known_rate<S: Serializer>(rate: &Rate, serializer: S) -> Result<S::Ok, S::Error> {
    if rate.per_hour.is_nan() { serializer.serialize_none() } else { rate.serialize(serializer) }
}

/// Bytes are whole numbers in data, although statistics work with fractions; those that are not known are null.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this signature")]
#[expect(clippy::cast_possible_truncation, reason = "bytes of a machine's memory; a cast saturates")]
fn whole<S: Serializer>(bytes: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if bytes.is_nan() { serializer.serialize_none() } else { serializer.serialize_i64(bytes.round() as i64) }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this signature")]
pub(crate) fn pool_id<S: Serializer>(pool: &Pool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(pool.id())
}

#[expect(clippy::ref_option, reason = "serde asks for this signature")]
fn time_text<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    rfc3339(*time).serialize(serializer)
}
