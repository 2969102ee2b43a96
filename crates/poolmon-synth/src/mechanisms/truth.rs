//! What is true of a host: which rows leak, why, how fast and since when.

use poolmon_model::{Key, Pool, Tag};

/// What makes a row what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mechanism {
    /// Objects that always exist.
    Constant,
    /// Objects that live for a short time, whatever the load is.
    Churn,
    /// Objects of requests.
    Load,
    /// Objects that live for hours or days: their count wanders.
    LongLived,
    /// Jobs that hold memory for a while.
    Jobs,
    /// Objects of people who are logged on.
    Sessions,
    /// A cache that is full, or replaces what it holds.
    Cache,
    /// A cache on the way to its limit.
    CacheFilling,
    /// A cache that is cut down from time to time.
    CacheTrimmed,
    /// A queue of long-lived objects that fills after the start of a service.
    QueueFilling,
    /// A table of distinct names that has been filling for long.
    OldTable,
    /// A table of distinct names that has just been started.
    ColdTable,
    /// A registry hive.
    Hive,
    /// A scan or backup that touches very many files.
    Scan,
    /// Slabs that are half empty.
    Fragmentation,
    /// A part of the requests loses an object.
    PerRequest,
    /// A busy row, of whose allocations a small part is lost.
    BusyRow,
    /// A timer loses objects.
    Timer,
    /// Loses objects in working hours.
    WorkingHours,
    /// Loses more and more.
    Accelerating,
    /// Failures lose objects.
    ErrorPath,
    /// Jobs lose many objects at once.
    Staircase,
    /// Lost objects, and has stopped to.
    Stopped,
    /// Loses objects; a restart of the service at night frees them.
    NightlyRestart,
    /// Loses objects; the end of the process that holds them frees them.
    ProcessExit,
    /// Each end of a process, or logon, loses an object.
    PerExit,
    /// Loses few, large blocks.
    BigBlocks,
    /// A row whose counters wrap at 2³².
    CounterWrap,
    /// A reference to a file is lost, and with it all layers of the file.
    FileLayers,
    /// Connections are lost with all that belongs to them.
    Connections,
    /// Threads or processes that never end, with their stacks.
    Threads,
    /// Memory of control groups or devices that are never freed, with a part for each CPU.
    PerCpu,
    /// Page tables that are never freed.
    PageTables,
}

impl Mechanism {
    /// Whether it loses objects; a row of [`Mechanism::CounterWrap`] may or may not.
    pub const fn leaks(self) -> bool {
        self as usize >= Self::PerRequest as usize
    }

    /// Name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Churn => "churn",
            Self::Load => "load",
            Self::LongLived => "long-lived objects",
            Self::Jobs => "jobs",
            Self::Sessions => "sessions",
            Self::Cache => "cache",
            Self::CacheFilling => "cache filling",
            Self::CacheTrimmed => "cache trimmed",
            Self::QueueFilling => "queue filling",
            Self::OldTable => "old table",
            Self::ColdTable => "cold table",
            Self::Hive => "hive",
            Self::Scan => "scan",
            Self::Fragmentation => "fragmentation",
            Self::PerRequest => "per request",
            Self::BusyRow => "busy row",
            Self::Timer => "timer",
            Self::WorkingHours => "working hours",
            Self::Accelerating => "accelerating",
            Self::ErrorPath => "error path",
            Self::Staircase => "staircase",
            Self::Stopped => "stopped",
            Self::NightlyRestart => "nightly restart",
            Self::ProcessExit => "process exit frees",
            Self::PerExit => "per exit or logon",
            Self::BigBlocks => "big blocks",
            Self::CounterWrap => "counter wrap",
            Self::FileLayers => "file layers",
            Self::Connections => "connections",
            Self::Threads => "threads",
            Self::PerCpu => "per CPU",
            Self::PageTables => "page tables",
        }
    }
}

/// What has become of a leak at the last sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It goes on.
    Leaks,
    /// It stopped at least a tenth of the recording before the last sample; what was lost is still held.
    Stopped,
    /// What was lost was freed within the recording: it is bounded, as long as it is freed in time.
    Bounded,
    /// It lost nothing within the last boot of the recording.
    Silent,
}

/// One leak, with all rows that it makes grow. Times are hours from the first sample.
#[derive(Clone, Debug)]
pub struct Cause {
    /// How it loses memory.
    pub mechanism: Mechanism,
    /// Indices into [`Truth::rows`]; empty if it only shows in the machine-wide figures.
    pub members: Vec<usize>,
    /// The row whose owner loses the objects; `None` if all members are layers that it drags along.
    pub culprit: Option<usize>,
    /// What has become of it.
    pub standing: Standing,
    /// Its begin, if it began within the last boot of the recording.
    pub onset: Option<f64>,
    /// Bytes an hour of all members, from its begin or the first sample of the last boot to its end or the last sample.
    pub bytes_per_hour: f64,
    /// Bytes lost by all members in that time.
    pub lost: f64,
    /// Worth acting on: it goes on, and at this rate takes 1 % of the machine's memory within 30 days, or has lost 50 MiB
    /// within the recording.
    pub worth: bool,
    /// Visible: in a member, what was lost is more than three standard deviations of what the row holds otherwise, at
    /// least ten objects, and lost in at least three intervals between samples (two if there are no more).
    pub visible: bool,
}

/// The truth about one row.
#[derive(Clone, Debug)]
pub struct RowTruth {
    /// Which.
    pub key: Key,
    /// Why it behaves as it does.
    pub mechanism: Mechanism,
    /// Index into [`Truth::causes`].
    pub cause: Option<usize>,
    /// Bytes of lost objects at each sample of the last boot; empty if it loses none.
    pub lost: Vec<f64>,
}

/// The truth about a host.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// Every row that was ever listed.
    pub rows: Vec<RowTruth>,
    /// Its leaks, the fastest first.
    pub causes: Vec<Cause>,
    /// Hours from the first sample to each sample of the last boot.
    pub hours: Vec<f64>,
}

impl Truth {
    /// The row of a tag and pool.
    pub fn row(&self, tag: &Tag, pool: Pool) -> Option<&RowTruth> {
        self.rows.iter().find(|row| row.key.pool == pool && row.key.tag == *tag)
    }

    /// Causes that a judge has to name: worth acting on, visible, and in rows.
    pub fn wanted(&self) -> impl Iterator<Item = (usize, &Cause)> {
        let all = self.causes.iter().enumerate();
        all.filter(|(_, cause)| cause.worth && cause.visible && !cause.members.is_empty())
    }

    /// Bytes an hour that a row lost from this moment to the last sample, both in hours from the first sample.
    pub fn rate_since(&self, row: &RowTruth, since: f64) -> Option<f64> {
        let first = self.hours.iter().position(|&hours| hours >= since - 1e-6)?;
        let hours = self.hours.last()? - self.hours.get(first)?;
        (hours > 0.0).then_some((row.lost.last()? - row.lost.get(first)?) / hours)
    }
}
