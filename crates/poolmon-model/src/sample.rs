//! Everything that a source told about one moment.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::{CounterWidth, Counters, Coverage, Delta, Header, Pool, Tag};

/// What standard input is called in messages, and as a file of samples.
pub const STANDARD_INPUT: &str = "standard input";

/// One row: who holds how much of which pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Who.
    pub tag: Tag,
    /// Of which pool.
    pub pool: Pool,
    /// How much.
    pub counters: Counters,
    /// Owner text that came with the row itself (PoolMon's `Mapped_Driver`, WinDbg's `Binary:`, a Linux module).
    pub reported_owner: Option<Arc<str>>,
}

impl Row {
    /// A row with the three figures that Windows tells.
    pub const fn windows(tag: Tag, pool: Pool, allocs: u64, frees: u64, bytes: u64) -> Self {
        Self { tag, pool, counters: Counters::windows(allocs, frees, bytes), reported_owner: None }
    }
}

/// What kind of source a sample came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// A running Windows kernel.
    Windows,
    /// A running Linux kernel.
    Linux,
    /// A PoolMon log or screen copy.
    PoolmonLog,
    /// A CSV, TSV or JSON table.
    TableFile,
    /// WinDbg's `!poolused` text: outstanding allocations only.
    Windbg,
    /// A crash dump.
    Dump,
    /// A recording.
    Recording,
    /// Invented: the demo. Every output has to say so.
    Simulated,
}

impl SourceKind {
    /// Name in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Windows => "windows",
            Self::Linux => "linux",
            Self::PoolmonLog => "poolmon-log",
            Self::TableFile => "table",
            Self::Windbg => "windbg",
            Self::Dump => "dump",
            Self::Recording => "recording",
            Self::Simulated => "simulated",
        }
    }
}

/// Where samples come from; the same for all samples of one source between two boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Kind of source.
    pub kind: SourceKind,
    /// Host name, if known.
    pub host: Option<String>,
    /// System and build (`Windows 10.0.19045`, `Linux 6.18.44`), if known.
    pub system: Option<String>,
    /// Differs from boot to boot; counters of two boots are never compared.
    pub boot: Option<String>,
    /// File behind it, if it is one.
    pub file: Option<String>,
    /// Pools that this source can tell of, in the order of the `p` key.
    pub pools: Vec<Pool>,
}

impl Origin {
    /// An origin of which nothing but its kind and pools is known.
    pub fn new(kind: SourceKind, pools: &[Pool]) -> Self {
        Self { kind, host: None, system: None, boot: None, file: None, pools: pools.to_vec() }
    }
}

/// The pools of one Terminal Services session (Windows before 24H2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Session id.
    pub id: u32,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// All rows and figures of one moment, as reported: nothing here is derived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Wall-clock time, if known.
    pub time: Option<Timestamp>,
    /// Time since boot, if known.
    pub uptime: Option<Duration>,
    /// Where it comes from.
    pub origin: Arc<Origin>,
    /// How wide its alloc and free counters are.
    pub width: CounterWidth,
    /// Machine-wide figures.
    pub header: Header,
    /// The pool that the list itself is sorted by, if it says so (`!poolused 2`: nonpaged): its rows come first.
    pub first_pool: Option<Pool>,
    /// What the rows leave out: a row that is not listed is unknown where the list is not complete.
    pub coverage: Coverage,
    /// The system's rows, in the source's order.
    pub rows: Vec<Row>,
    /// Changes that the source itself reported, one for each of `rows`; empty if it reported none (a copied screen does).
    pub reported_deltas: Vec<Delta>,
    /// Rows of session pools, if the system has them and they were asked for.
    pub sessions: Vec<Session>,
    /// Rows whose own figures contradict each other. They are kept; the number is shown.
    pub disagreeing: usize,
    /// Remarks for the person (a source that could not be read, a row cut short), each said once.
    pub remarks: Vec<String>,
}

impl Sample {
    /// An empty sample of an origin.
    pub fn new(origin: Arc<Origin>, width: CounterWidth) -> Self {
        Self {
            time: None,
            uptime: None,
            origin,
            width,
            header: Header::default(),
            first_pool: None,
            coverage: Coverage::COMPLETE,
            rows: Vec::new(),
            reported_deltas: Vec::new(),
            sessions: Vec::new(),
            disagreeing: 0,
            remarks: Vec::new(),
        }
    }

    /// A sample to be filled by a reader, which writes its origin too.
    pub fn empty() -> Self {
        Self::new(Arc::new(Origin::new(SourceKind::Recording, &[])), CounterWidth::default())
    }

    /// Empties the sample and keeps its memory: a live source fills the same one again.
    pub fn clear(&mut self) {
        self.time = None;
        self.uptime = None;
        self.header = Header::default();
        self.first_pool = None;
        self.coverage = Coverage::COMPLETE;
        self.rows.clear();
        self.reported_deltas.clear();
        self.sessions.clear();
        self.disagreeing = 0;
        self.remarks.clear();
    }

    /// Sum of the bytes of one pool's rows; the largest number where a damaged log tells more than that.
    pub fn tagged_bytes(&self, pool: Pool) -> u64 {
        let of_pool = self.rows.iter().filter(|row| row.pool == pool);
        of_pool.filter_map(|row| row.counters.bytes).fold(0, u64::saturating_add)
    }
}
