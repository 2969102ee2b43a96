//! A sample as it grows: rows are checked and counted, what lies around them is remembered, remarks are collected.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use poolmon_model::sample::Session;
use poolmon_model::{CounterWidth, Counters, Coverage, Delta, Origin, Pool, Row, Sample, SourceKind, Tag};
use rustc_hash::FxHashMap;

use super::encoding::decoded;
use crate::clock::TimeNote;
use crate::remark::{CountedLines, Remark, RemarkKind};

/// What the lines before a snapshot tell of it.
#[derive(Default)]
pub(super) struct Surroundings {
    pub(super) time: Option<Timestamp>,
    /// The zone of `time` was unknown.
    pub(super) assumed: bool,
    pub(super) date: Option<Date>,
    pub(super) clock: Option<Time>,
    /// The last date of the text: times of day without one may be of it.
    last_date: Option<Date>,
    /// The time of day has no seconds.
    pub(super) coarse: bool,
    /// Where the time is.
    pub(super) line: u64,
    pub(super) uptime: Option<Duration>,
    host: Option<String>,
    boot: Option<String>,
    system: Option<String>,
    /// The boot was reported for the snapshot that is being read.
    boot_reported: bool,
    /// Counts changes of host, boot and system.
    version: u32,
}

impl Surroundings {
    /// Sets one of host, boot and system; they hold until the next line that tells them.
    pub(super) fn set(&mut self, which: HostFact, value: Option<&str>) {
        let place = match which {
            HostFact::Host => &mut self.host,
            HostFact::Boot => &mut self.boot,
            HostFact::System => &mut self.system,
        };
        self.boot_reported |= matches!(which, HostFact::Boot);
        let value = value.filter(|value| !value.is_empty());
        if place.as_deref() != value {
            *place = value.map(str::to_owned);
            self.version += 1;
        }
    }

    /// Whether this is the boot that was reported last; an empty text is no boot.
    pub(super) fn is_boot(&self, boot: &str) -> bool {
        self.boot.as_deref().unwrap_or_default() == boot
    }

    /// Gives a time of day the last date of the text, or the one that stands for none; true if it had none.
    fn date_clock(&mut self) -> bool {
        if self.time.is_some() || self.date.is_some() {
            self.last_date = self.date.or(self.last_date);
            return false;
        }
        let Some(clock) = self.clock else { return false };
        let date = self.last_date.unwrap_or(super::linux::NO_DATE);
        self.time = Offset::UTC.to_timestamp(DateTime::from_parts(date, clock)).ok();
        self.assumed = true;
        self.time.is_some()
    }

    /// Forgets what belongs to one snapshot alone.
    pub(super) fn forget_moment(&mut self) {
        self.time = None;
        self.assumed = false;
        self.date = None;
        self.clock = None;
        self.coarse = false;
        self.line = 0;
        self.uptime = None;
    }
}

/// What a table says of rows that it does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TableScope {
    /// Nothing: a pool without rows may have been left out.
    #[default]
    Rows,
    /// It has columns for both pools: one without rows is empty.
    BothPools,
    /// It is an export of a recording, whose samples list everything.
    Everything,
}

/// One of the texts that hold for many snapshots.
#[derive(Clone, Copy)]
pub(super) enum HostFact {
    Host,
    Boot,
    System,
}

/// What is noticed while one sample is read.
#[derive(Default)]
pub(super) struct NoticedLines {
    /// Rows that could not be read.
    pub(super) broken: CountedLines,
    /// Places where rows were left out by the person who saved the text.
    pub(super) left_out: CountedLines,
    /// Lines that are not understood.
    pub(super) other: CountedLines,
    /// Rows whose last figure was cut at the edge of the line.
    pub(super) cut: CountedLines,
    /// Lines of memory figures that were cut.
    pub(super) memory: CountedLines,
    /// Rows that are there twice with other figures, which were added.
    pub(super) added: CountedLines,
    /// Dates without a time of day.
    pub(super) dates: CountedLines,
    /// Rows that are there twice.
    pub(super) repeated: CountedLines,
    /// Rows that were wrapped and could be joined.
    pub(super) joined: u64,
    /// Rows with a figure that a spreadsheet rounded.
    pub(super) rounded: CountedLines,
    /// Rows with a figure whose mark may separate thousands or places.
    pub(super) unclear: CountedLines,
    /// Rows with bytes in KB, MB or GB.
    pub(super) units: CountedLines,
    /// Lines that are too long.
    pub(super) long: CountedLines,
    /// Rows whose Per Alloc is not Bytes ÷ Diff.
    pub(super) per_alloc: CountedLines,
    /// Rows with more frees than allocations.
    pub(super) freed: CountedLines,
    /// WinDbg tags with dots, which stand for blanks or bytes that do not print.
    pub(super) dots: CountedLines,
    /// memsnap's process rows.
    pub(super) processes: u64,
    /// Remarks that a layout adds.
    pub(super) said: Vec<Remark>,
}

/// Whether a row's Per Alloc is Bytes ÷ Diff; `None` if one of them is not reported.
#[inline]
pub(super) fn agrees(row: &Counters) -> Option<bool> {
    Some(divides(row.used.or(row.bytes)?, row.reported_diff?, row.reported_per_alloc?))
}

/// Builds samples, one after the other.
pub(super) struct SampleBuilder {
    file: String,
    pub(super) around: Surroundings,
    pub(super) noticed: NoticedLines,
    /// Session whose rows come now.
    pub(super) session: Option<u32>,
    pub(super) kind: SourceKind,
    /// All counts joined bit by bit: says whether one of them exceeds 32 bits.
    counts: u64,
    /// Pools seen, one bit each.
    pools: u8,
    diffs_reported: bool,
    /// Least bytes of a row.
    least: u64,
    /// What the table says of rows that it does not have.
    pub(super) table: TableScope,
    /// What an export says that it leaves out.
    pub(super) unlisted: Coverage,
    /// The list was cut when it was saved: the N largest.
    pub(super) cut_list: bool,
    /// The pool that the list says it is sorted by.
    pub(super) first_pool: Option<Pool>,
    /// Why the order of day and month is not certain.
    pub(super) doubt: Option<String>,
    owners: FxHashMap<Box<[u8]>, Arc<str>>,
    origin: Option<(SourceKind, u8, u32, Arc<Origin>)>,
    /// Remarks on the last sample.
    pub(super) remarks: Vec<Remark>,
    /// How the time of the last sample was written.
    pub(super) time_note: TimeNote,
}

/// Owner texts that are shared between rows; beyond this, a file is not a pool table any more.
const OWNERS: usize = 16_384;
const WINDOWS: u8 = 0b11;
/// Bytes of the smallest row from which on a list is taken for a part.
const LEAST_OF_CUT: u64 = 64 << 10;

impl SampleBuilder {
    pub(super) fn new(file: String) -> Self {
        Self {
            file,
            around: Surroundings::default(),
            noticed: NoticedLines::default(),
            session: None,
            kind: SourceKind::PoolmonLog,
            counts: 0,
            pools: 0,
            diffs_reported: false,
            least: u64::MAX,
            table: TableScope::default(),
            unlisted: Coverage::COMPLETE,
            cut_list: false,
            first_pool: None,
            doubt: None,
            owners: FxHashMap::default(),
            origin: None,
            remarks: Vec::new(),
            time_note: TimeNote::default(),
        }
    }

    /// Name of the file, for messages.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// Gets ready for a new sample.
    pub(super) fn start(&mut self, sample: &mut Sample) {
        sample.clear();
        self.session = None;
        self.counts = 0;
        self.pools = 0;
        self.diffs_reported = false;
        self.least = u64::MAX;
        self.table = TableScope::default();
    }

    /// An owner's text, shared with every row that has the same. Latin-1 if it is not UTF-8.
    pub(super) fn owner(&mut self, text: &[u8]) -> Option<Arc<str>> {
        let text = text.trim_ascii();
        if text.is_empty() || text == b"-" || text == b"Unknown Driver" {
            return None;
        }
        if let Some(known) = self.owners.get(text) {
            return Some(Arc::clone(known));
        }
        let owner: Arc<str> = decoded(text).into();
        if self.owners.len() >= OWNERS {
            self.owners.clear();
        }
        self.owners.insert(text.into(), Arc::clone(&owner));
        Some(owner)
    }

    /// Adds a row.
    #[inline]
    pub(super) fn push(
        &mut self,
        sample: &mut Sample,
        row: (Tag, Pool),
        reported: Counters,
        owner: Option<Arc<str>>,
        line: u64,
    ) {
        let mut counters = Counters { reported_diff: None, ..reported };
        self.counts |= reported.allocs.unwrap_or(0) | reported.frees.unwrap_or(0);
        self.pools |= 1 << (row.1 as u8);
        self.least = self.least.min(reported.bytes.unwrap_or(0));
        if let Some(diff) = reported.reported_diff {
            self.diffs_reported = true;
            // What Allocs − Frees says as well is derived, not stored.
            if counters.diff(CounterWidth::Bits32) != Some(diff) {
                counters.reported_diff = Some(diff);
                sample.disagreeing += usize::from(counters.diff_disagrees());
            }
            if agrees(&reported) == Some(false) {
                if owner.is_none() && is_cut_per_alloc(&reported) {
                    counters.reported_per_alloc = None;
                    self.noticed.cut.add(line, b"");
                } else {
                    self.noticed.per_alloc.add(line, b"");
                }
            }
        }
        if reported.frees > reported.allocs && counters.frees_exceed_allocs() {
            self.noticed.freed.add(line, b"");
        }
        let row = Row { tag: row.0, pool: row.1, counters, reported_owner: owner };
        match self.session {
            None => sample.rows.push(row),
            Some(id) => match sample.sessions.iter_mut().find(|session| session.id == id) {
                Some(session) => session.rows.push(row),
                None => sample.sessions.push(Session { id, rows: vec![row] }),
            },
        }
    }

    /// Adds the changes that were reported of the row pushed last. Rows of sessions have no place for them.
    pub(super) fn changes(&self, sample: &mut Sample, delta: Delta) {
        if self.session.is_none() && delta != Delta::default() {
            sample.reported_deltas.resize(sample.rows.len().saturating_sub(1), Delta::default());
            sample.reported_deltas.push(delta);
        }
    }

    /// Completes the sample: width, origin, time, remarks.
    pub(super) fn finish(&mut self, sample: &mut Sample) {
        if !sample.reported_deltas.is_empty() {
            sample.reported_deltas.resize(sample.rows.len(), Delta::default());
        }
        let linux = self.pools & !WINDOWS != 0;
        let wide = linux || self.kind == SourceKind::Windbg || self.counts > u64::from(u32::MAX);
        sample.width = if wide { CounterWidth::Bits64 } else { CounterWidth::Bits32 };
        if wide && self.diffs_reported {
            let sessions = sample.sessions.iter_mut().flat_map(|session| &mut session.rows);
            sample.rows.iter_mut().chain(sessions).for_each(|row| widen(&mut row.counters));
        }
        if !std::mem::take(&mut self.around.boot_reported) {
            // An earlier snapshot's boot: it is unknown whether the machine rebooted since.
            self.around.set(HostFact::Boot, None);
            self.around.boot_reported = false;
        }
        sample.origin = self.origin();
        sample.coverage = self.coverage();
        sample.first_pool = self.first_pool.take();
        if let Some(date) = self.around.date.filter(|_| self.around.time.is_none()) {
            self.noticed.dates.add(self.around.line, date.to_string().as_bytes());
        }
        let dateless = self.around.date_clock();
        if dateless {
            self.noticed.said.push(Remark::new(RemarkKind::DateAssumed, super::DATE_ASSUMED));
        }
        sample.time = self.around.time;
        sample.uptime = self.around.uptime;
        let assumed = self.around.time.is_some() && self.around.assumed;
        if let Some(doubt) = self.doubt.as_ref().filter(|_| sample.time.is_some()) {
            self.noticed.said.push(Remark::new(RemarkKind::Time, doubt.clone()));
        }
        let (coarse, line) = (self.around.coarse, self.around.line);
        self.time_note = TimeNote { local: assumed, coarse, dateless, line };
        self.around.forget_moment();
        let noticed = std::mem::take(&mut self.noticed);
        self.remarks.clear();
        noticed.say(assumed, &mut self.remarks);
        sample.remarks.extend(self.remarks.iter().map(ToString::to_string));
    }

    /// What the rows leave out. The text does not say so itself: it follows from what is in it.
    fn coverage(&mut self) -> Coverage {
        let mut coverage = Coverage::COMPLETE;
        if self.table == TableScope::Everything {
            return std::mem::take(&mut self.unlisted);
        }
        if self.pools & !WINDOWS == 0 && self.table != TableScope::BothPools {
            for pool in
                [Pool::Nonpaged, Pool::Paged].into_iter().filter(|&pool| self.pools & 1 << pool as u8 == 0)
            {
                coverage = coverage.without(pool);
            }
        }
        // Every Windows has tags that hold less than this: a list without them was cut, or shows chosen tags.
        let chosen = self.pools & !WINDOWS == 0 && self.least >= LEAST_OF_CUT;
        let noticed = &self.noticed;
        let lost = [&noticed.broken, &noticed.left_out, &noticed.long, &noticed.rounded, &noticed.unclear];
        if std::mem::take(&mut self.cut_list) || chosen || lost.iter().any(|lines| !lines.is_empty()) {
            coverage = coverage.partial();
        }
        coverage
    }

    fn origin(&mut self) -> Arc<Origin> {
        let version = self.around.version;
        if let Some((kind, pools, known, origin)) = &self.origin
            && (*kind, *pools, *known) == (self.kind, self.pools, version)
        {
            return Arc::clone(origin);
        }
        let seen = if self.pools & !WINDOWS == 0 { WINDOWS } else { self.pools };
        let pools = Pool::ALL.into_iter().filter(|&pool| seen & 1 << (pool as u8) != 0).collect();
        let origin = Arc::new(Origin {
            kind: self.kind,
            host: self.around.host.clone(),
            system: self.around.system.clone(),
            boot: self.around.boot.clone(),
            file: Some(self.file.clone()),
            pools,
        });
        self.origin = Some((self.kind, self.pools, version, Arc::clone(&origin)));
        origin
    }
}

impl NoticedLines {
    /// The remarks on a text without a row.
    pub(super) fn say_of_none(&mut self, into: &mut Vec<Remark>) {
        // Of a text without a table, no line is understood.
        self.other = CountedLines::default();
        self.say(false, into);
    }

    /// The remarks. `assumed`: the zone of the sample's time is not known.
    pub(super) fn say(&self, assumed: bool, into: &mut Vec<Remark>) {
        use RemarkKind::{Contradiction, CutShort, Inexact, NotUnderstood, RowsMissing, TooLong, UnclearTag};
        let counted = [
            self.broken.remark_with_text(
                NotUnderstood,
                "row could not be read and was skipped",
                "rows could not be read and were skipped",
            ),
            self.rounded.remark(
                NotUnderstood,
                "row was skipped: a spreadsheet rounded its figures (1,2E+09); save the original again",
                "rows were skipped: a spreadsheet rounded their figures (1,2E+09); save the original again",
            ),
            self.unclear.remark_with_text(
                NotUnderstood,
                "row was skipped: a mark in it may separate thousands or decimal places, and the file does not show which",
                "rows were skipped: a mark in them may separate thousands or decimal places, and the file does not show \
                    which",
            ),
            self.cut.remark(
                CutShort,
                "row is cut at the edge of the line: its last figure is not known",
                "rows are cut at the edge of the line: their last figures are not known",
            ),
            self.memory.remark_with_text(
                CutShort,
                "line of memory figures is cut: a figure in it is not known",
                "lines of memory figures are cut: a figure in each is not known",
            ),
            self.units.remark(
                Inexact,
                "row has bytes in a larger unit: they were rounded when this was saved",
                "rows have bytes in a larger unit: they were rounded when this was saved",
            ),
            self.other.remark_with_text(
                NotUnderstood,
                "line was not understood and was skipped",
                "lines were not understood and were skipped",
            ),
            self.repeated.remark(
                RemarkKind::OtherRows,
                "row is there twice: it is counted once",
                "rows are there twice: they are counted once",
            ),
            self.added.remark_with_text(
                RemarkKind::Contradiction,
                "row has a tag that is listed already, with other figures: they are added",
                "rows have a tag that is listed already, with other figures: they are added",
            ),
            self.dates.remark_with_text(
                RemarkKind::Time,
                "date has no time of day, and is not used",
                "dates have no time of day, and are not used",
            ),
            self.left_out.remark(
                RowsMissing,
                "place where rows were left out when this was saved",
                "places where rows were left out when this was saved",
            ),
            self.long.remark(
                TooLong,
                "line longer than 1 MiB was skipped",
                "lines longer than 1 MiB were skipped",
            ),
            self.per_alloc.remark(
                Contradiction,
                "row has a Per Alloc that is not Bytes / Diff",
                "rows have a Per Alloc that is not Bytes / Diff",
            ),
            self.freed.remark(
                Contradiction,
                "row has more frees than allocs: what is outstanding is unknown",
                "rows have more frees than allocs: what is outstanding is unknown",
            ),
            self.dots.remark(
                UnclearTag,
                "tag with dots, which may replace blanks or non-printing bytes",
                "tags with dots, which may replace blanks or non-printing bytes",
            ),
        ];
        into.extend(counted.into_iter().flatten());
        if self.joined > 0 {
            let rows = if self.joined == 1 { "row was wrapped and is" } else { "rows were wrapped and are" };
            into.push(Remark::new(RemarkKind::Joined, format!("{} {rows} joined again", self.joined)));
        }
        if self.processes > 0 {
            let remark = Remark::new(RemarkKind::OtherRows, processes(self.processes));
            into.push(Remark { count: self.processes, ..remark });
        }
        if assumed {
            into.push(Remark::new(RemarkKind::ZoneAssumed, super::ZONE_ASSUMED));
        }
        for remark in &self.said {
            if !into.contains(remark) {
                into.push(remark.clone());
            }
        }
    }
}

/// How memsnap's process rows are mentioned.
fn processes(count: u64) -> String {
    let rows = if count == 1 { "row of memsnap's was" } else { "rows of memsnap's were" };
    format!("{count} process {rows} skipped: they list processes, not pool tags")
}

/// Whether `per_alloc` is `bytes` ÷ `diff`, cut to a whole number, or 0 if nothing is outstanding.
#[inline]
fn divides(bytes: u64, diff: i64, per_alloc: u64) -> bool {
    let Some(diff) = u64::try_from(diff).ok().filter(|&diff| diff > 0) else {
        return per_alloc == 0 || diff < 0;
    };
    per_alloc.checked_mul(diff).is_some_and(|low| low <= bytes && bytes - low < diff)
}

/// Whether Per Alloc has the first digits of what it should be, and not all of them: the line was cut within it.
fn is_cut_per_alloc(row: &Counters) -> bool {
    let (Some(bytes), Some(diff), Some(reported)) = (
        row.used.or(row.bytes),
        row.reported_diff.and_then(|diff| u64::try_from(diff).ok()),
        row.reported_per_alloc,
    ) else {
        return false;
    };
    let mut whole = bytes.checked_div(diff).unwrap_or(0);
    while whole > reported {
        whole /= 10;
    }
    whole == reported && reported > 0
}

/// In a sample of wide counters, Diff is the plain difference; what was taken for a wrap is reported instead.
fn widen(counters: &mut Counters) {
    let Some(reported) = counters.diff(CounterWidth::Bits32) else { return };
    let plain = Counters { reported_diff: None, ..*counters };
    counters.reported_diff = (plain.diff(CounterWidth::Bits64) != Some(reported)).then_some(reported);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn per_alloc_is_cut_to_a_whole_number() {
        assert!(divides(8456, 30, 281));
        assert!(!divides(8456, 30, 282));
        assert!(!divides(8456, 30, 280));
        assert!(divides(4096, 0, 0));
        assert!(!divides(4096, 0, 5));
        assert!(divides(4096, -3, 7), "nothing can be said of a negative Diff");
        assert!(!divides(5, 2, u64::MAX));
    }

    #[test]
    fn wide_counters_do_not_wrap() {
        // 10 allocations after a wrap, reported as 20 outstanding: right for 32 bits, a reported figure for 64.
        let mut counters = Counters::windows(10, u64::from(u32::MAX) - 9, 640);
        widen(&mut counters);
        assert_eq!(counters.reported_diff, Some(20));
        let mut plain = Counters { reported_diff: Some(-20), ..Counters::windows(10, 30, 0) };
        widen(&mut plain);
        assert_eq!(plain.reported_diff, None);
    }
}
