//! Lines become rows; where one sample ends and the next begins.
//!
//! A sample ends when a list of the same kind begins again, or when a list comes with a time that is more than
//! [`TOGETHER`] later: scripts write a date before each of several lists, and all of them are one moment.

mod headless;
mod names_at_edge;
mod row_times;
mod words;
mod wrapped;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use poolmon_model::header::FIGURES;
use poolmon_model::{CounterWidth, Coverage, Header, Origin, Pool, Sample, SourceKind};
use poolmon_proc::allocinfo::{self, CallLine};
use poolmon_proc::caches::{is_padded, reclaimable};
use poolmon_proc::meminfo::memory_line;
use poolmon_proc::names::{FoundName, Names};
use poolmon_proc::slab::CacheLine;
use poolmon_proc::tools::ToolLine;
use poolmon_proc::vmalloc;

use super::super::below::{self, LineKind};
use super::super::input::Lines;
use super::noticed::Noticed;
use super::section::Section;
use super::stamp::Stamp;
use crate::Remark;
use crate::clock::FileClock;
use names_at_edge::NamesAtEdge;
use row_times::RowTimes;
use rustc_hash::FxHashSet;
use words::{first_word, has, is_count, is_slab_detail, lead};
use wrapped::{Part, is_part};

/// Lists whose times are no further apart are of one moment.
const TOGETHER: SignedDuration = SignedDuration::from_secs(120);
/// Longest row of a list that is held to be joined with its rest.
const LONGEST_PART: usize = 400;

/// Whether a line belongs to the sample being read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LineUse {
    /// It does, or it does not matter.
    Taken,
    /// It begins the next one.
    Next,
    /// The text is of a kind that is not read: the problem, and what helps.
    Refused(&'static str, &'static str),
}

#[expect(clippy::struct_excessive_bools, reason = "each is a mark of its own")]
pub(super) struct LinuxParser {
    file: String,
    /// Samples without rows are left out.
    rows_wanted: bool,
    now: Timestamp,
    /// The time of a list is below it.
    pub(super) dates_below: bool,
    /// The text is a part of a report on the whole machine.
    pub(super) is_report: bool,
    caches: Names,
    callers: Names,
    places: Names,
    key: Vec<u8>,
    /// Caches of `/proc/slabinfo`: their pages are known once all are read.
    slab: Vec<(usize, CacheLine<'static>)>,
    section: Option<Section>,
    /// The length of what is in front of each line of the list.
    prefix: usize,
    /// Rows of the list so far.
    listed: usize,
    /// Rows of this list are skipped: one that is as good or better was read.
    skipping: bool,
    /// The list that the caches of this sample are from.
    listing: Option<Section>,
    /// The first name or address of a list whose column names are repeated between its rows: where it comes again, the next
    /// list begins.
    first_id: Vec<u8>,
    /// The header of the list was lost.
    without_header: bool,
    /// Rows of such a list.
    ids: FxHashSet<Box<[u8]>>,
    /// A row that was cut, with its line number.
    part: Option<Part>,
    /// A whole row at the edge of the text: the end of its last word may be on the next line.
    held: Option<(u64, Vec<u8>)>,
    /// The longest line of the list so far.
    longest: usize,
    names_at_edge: NamesAtEdge,
    /// The length of what is in front of the row that is read, blanks included.
    lead: usize,
    /// The text ends with the last word of the line at hand.
    in_word: bool,
    /// Number of the line at hand.
    number: u64,
    /// Kinds of lists in this sample.
    seen: u8,
    time: Option<Stamp>,
    row_times: RowTimes,
    /// A time that came after a list.
    later: Option<Stamp>,
    host: Option<String>,
    system: Option<String>,
    origin: Option<Arc<Origin>>,
    only_totals: u64,
    pub(super) clock: FileClock,
    pub(super) noticed: Noticed,
    /// Remarks on the last sample.
    pub(super) remarks: Vec<Remark>,
}

impl LinuxParser {
    /// `now` decides years that are not in the text.
    pub(super) fn new(file: &str, rows_wanted: bool, now: Timestamp) -> Self {
        Self {
            file: file.to_owned(),
            rows_wanted,
            now,
            dates_below: false,
            is_report: false,
            caches: Names::default(),
            callers: Names::default(),
            places: Names::default(),
            key: Vec::new(),
            slab: Vec::new(),
            section: None,
            prefix: 0,
            listed: 0,
            skipping: false,
            listing: None,
            first_id: Vec::new(),
            without_header: false,
            ids: FxHashSet::default(),
            part: None,
            held: None,
            longest: 0,
            names_at_edge: NamesAtEdge::default(),
            lead: 0,
            in_word: false,
            number: 0,
            clock: FileClock::default(),
            seen: 0,
            time: None,
            row_times: RowTimes::default(),
            later: None,
            host: None,
            system: None,
            origin: None,
            only_totals: 0,
            noticed: Noticed::default(),
            remarks: Vec::new(),
        }
    }

    /// Whether a text has the time of each list below it.
    pub(super) fn surveys_below(&mut self, lines: &Lines) -> bool {
        self.row_times.survey(lines.start());
        below::survey(lines.start(), lines.start_is_all(), |line| match () {
            () if Section::of(line).is_some() => LineKind::Table,
            () if Stamp::find(line, 0, self.now).is_some() => LineKind::Date,
            () => LineKind::Other,
        })
    }

    /// Gets ready for a sample.
    pub(super) fn start(&mut self, sample: &mut Sample) {
        sample.clear();
        for names in [&mut self.caches, &mut self.callers, &mut self.places] {
            names.begin();
        }
        self.slab.clear();
        (self.seen, self.listed, self.skipping, self.listing) = (0, 0, false, None);
        self.ids.clear();
        self.names_at_edge.start();
        self.row_times.start();
        self.time = self.later.take();
    }

    /// Whether the sample holds anything yet.
    pub(super) fn has_content(&self, sample: &Sample) -> bool {
        !sample.rows.is_empty() || !self.slab.is_empty() || !sample.header.is_empty()
    }

    /// A time that came last is not that of what follows.
    pub(super) fn forget_time(&mut self) {
        self.later = None;
    }

    /// A text ends: a row that was cut stays cut, and another text begins without a list.
    pub(super) fn end_of_text(&mut self, sample: &mut Sample) {
        self.settle(b"", sample);
        self.drop_part();
        self.section = None;
        self.prefix = 0;
    }

    /// Takes a line.
    pub(super) fn take(&mut self, line: &[u8], (number, ended): (u64, bool), sample: &mut Sample) -> LineUse {
        self.number = number;
        // Where the text ends inside of a line, its last word may be cut.
        self.in_word = !ended && line.last().is_some_and(|last| !last.is_ascii_whitespace());
        if self.settle(line, sample) {
            return LineUse::Taken;
        }
        if line.trim_ascii().is_empty() {
            self.drop_part();
            return LineUse::Taken;
        }
        if self.join(line, sample) {
            return LineUse::Taken;
        }
        let at_edge = line.len() >= self.longest;
        self.longest = self.longest.max(line.len());
        self.lead = lead(line, self.prefix);
        self.names_at_edge.line(line, number);
        if let Some((section, prefix)) = Section::announced(line) {
            return self.announced(section, prefix, line, sample);
        }
        if self.section.is_some() {
            if self.begins_by_time(line, sample) {
                return LineUse::Next;
            }
            let body = line.get(self.prefix.min(line.len())..).unwrap_or_default().trim_ascii();
            if self.in_word && self.may_be_cut(body) {
                self.noticed.broken.add(number, body);
                return LineUse::Taken;
            }
            // A blank behind a name shows that it is whole.
            let goes_on =
                !line.ends_with(b" ") || self.section == Some(Section::Allocinfo) && !has(body, b" func:");
            if at_edge && goes_on && self.may_be_cut(body) {
                if self.section == Some(Section::Crash) && self.is_repeated(first_word(body), sample) {
                    return LineUse::Next;
                }
                self.held = Some((number, body.to_vec()));
                return LineUse::Taken;
            }
            if let Some(used) = self.row(body, number, sample) {
                return used;
            }
        }
        if let Some((section, prefix)) = Section::without_header(line) {
            return self.headless(section, prefix, (line, number), sample);
        }
        if let Some(stamp) = Stamp::find(line, number, self.now) {
            self.section = None;
            if self.is_report {
                self.time.get_or_insert(stamp);
            } else if self.has_content(sample) && !(self.dates_below && self.time.is_none()) {
                self.later = Some(stamp);
            } else {
                self.time = Some(stamp);
            }
            return LineUse::Taken;
        }
        if !self.fact(line) {
            self.noticed.foreign.add(number, line);
        }
        LineUse::Taken
    }

    /// A list is announced by its first line.
    fn announced(&mut self, section: Section, prefix: usize, line: &[u8], sample: &mut Sample) -> LineUse {
        // slabtop has a summary before its column names; vmstat repeats its own, and `kmem -S` before each cache.
        let again = self.section == Some(section)
            && self.seen & section.bit() != 0
            && (self.listed == 0 || matches!(section, Section::Vmstat | Section::Crash))
            && !self.is_later_header(prefix, line);
        if again {
            self.names_at_edge.titles(section, line);
            self.prefix = prefix;
            return LineUse::Taken;
        }
        if section == Section::OldSlabinfo {
            return LineUse::Refused(
                "this is slabinfo 1.x, of Linux before 2.6.0, which is not read",
                "use /proc/slabinfo of Linux 2.6 or later: its first line is `slabinfo - version: 2.x`",
            );
        }
        let stamp = self.stamp_before(prefix, line);
        if self.begins_next(section, stamp, sample) {
            return LineUse::Next;
        }
        self.row_times.header();
        self.enter(section, prefix, stamp, sample);
        self.names_at_edge.titles(section, line);
        LineUse::Taken
    }

    fn area(&mut self, body: &[u8], sample: &mut Sample) {
        if !self.skipping {
            vmalloc::append_line(body, 4096, &mut self.callers, &mut self.key, &mut sample.rows);
        }
    }

    fn memory(&mut self, body: &[u8], prefix: usize, stamp: Option<Stamp>, sample: &mut Sample) -> LineUse {
        let body =
            match memchr::memrchr(b':', body).and_then(|colon| memchr::memrchr(b':', body.get(..colon)?)) {
                // `grep` of several files: `/proc/meminfo:Slab:  12 kB`.
                Some(file) => body.get(file + 1..).unwrap_or_default(),
                None => body,
            };
        let mut said = Header::default();
        memory_line(body, &mut said);
        let known = |figure: &&poolmon_model::header::Figure| (figure.get)(&said).is_some();
        let figure = FIGURES.iter().find(known);
        if figure.is_some_and(|figure| (figure.get)(&sample.header).is_some()) {
            return if self.is_report { LineUse::Taken } else { LineUse::Next };
        }
        if self.section != Some(Section::Meminfo) || self.seen & Section::Meminfo.bit() == 0 {
            self.enter(Section::Meminfo, prefix, stamp, sample);
        }
        if let Some(figure) = figure {
            (figure.set)(&mut sample.header, (figure.get)(&said));
        }
        LineUse::Taken
    }

    fn stamp_before(&self, prefix: usize, line: &[u8]) -> Option<Stamp> {
        Stamp::find(line.get(..prefix)?, self.number, self.now)
    }

    fn begins_next(&self, section: Section, stamp: Option<Stamp>, sample: &Sample) -> bool {
        if self.is_report || !self.has_content(sample) {
            return false;
        }
        if self.seen & section.bit() != 0 {
            return true;
        }
        let Some(then) = stamp.or(self.later) else { return false };
        // A time of the moment before may have parts of a second that this one does not show.
        let together = |time: Stamp| {
            let later = then.time.duration_since(time.time);
            -SignedDuration::from_secs(1) <= later && later <= TOGETHER
        };
        !self.time.is_some_and(together)
    }

    fn enter(&mut self, section: Section, prefix: usize, stamp: Option<Stamp>, sample: &mut Sample) {
        self.skipping = self.is_report && self.seen & section.bit() != 0;
        let waiting = self.later.take();
        self.time = self.time.or(stamp).or(waiting);
        if let Some(rank) = section.caches() {
            let known = self.listing.and_then(Section::caches);
            self.skipping |= known.is_some_and(|known| known >= rank);
            if !self.skipping && known.is_some() {
                // A better list of the same caches: it takes the place of the first one.
                sample.rows.retain(|row| !matches!(row.pool, Pool::Reclaimable | Pool::Unreclaimable));
                self.slab.clear();
                self.caches.begin();
                self.noticed.repeated = self.listing;
                (self.noticed.rounded, self.noticed.lower_bounds) = (false, false);
            }
            if self.skipping {
                self.noticed.repeated = Some(section).filter(|_| !self.is_report);
            } else {
                self.listing = Some(section);
            }
        }
        self.section = Some(section);
        self.prefix = prefix;
        (self.listed, self.longest) = (0, 0);
        self.without_header = false;
        self.seen |= section.bit();
    }

    /// A line of the list; `None` if it is none.
    fn row(&mut self, body: &[u8], number: u64, sample: &mut Sample) -> Option<LineUse> {
        match self.section? {
            Section::Meminfo if is_count(body) => {
                // A figure in kB without its unit was cut.
                if memory_line(body, &mut Header::default()) {
                    self.noticed.broken.add(number, body);
                }
            }
            Section::Slabinfo => {
                let cache = CacheLine::parse(body);
                if cache.is_some_and(|cache| self.is_listed_again(cache.name, sample)) {
                    return Some(LineUse::Next);
                }
                return self.slabinfo(body, number);
            }
            Section::Slabtop => {
                let summary = [b"Active / Total".as_slice(), b"Minimum / Average"];
                if summary.iter().any(|start| body.starts_with(start)) {
                    return Some(LineUse::Taken);
                }
                return self.tool(ToolLine::slabtop(body)?, b"", sample);
            }
            Section::Vmstat => {
                let line = ToolLine::vmstat(body)?;
                return self.tool(line, line.name, sample);
            }
            Section::Crash => {
                if let Some(line) = ToolLine::crash(body) {
                    if line.active.is_none() && line.bytes.is_none() {
                        self.noticed.unknown.add(number, line.name);
                    }
                    // Its address: caches of control groups share a name.
                    return self.tool(line, first_word(body), sample);
                }
                if body.starts_with(b"kmem: ") {
                    self.noticed.notes.add(number, body);
                } else if is_slab_detail(body) {
                    self.noticed.details += 1;
                } else {
                    return None;
                }
            }
            Section::Allocinfo => {
                if !body.starts_with(b"#") {
                    let call = CallLine::parse(body)?;
                    if self.is_listed_again(call.place, sample) {
                        return Some(LineUse::Next);
                    }
                    self.noticed.incomplete += u64::from(call.inexact && call.bytes > 0);
                    if !self.skipping && !allocinfo::append_line(body, &mut self.places, &mut sample.rows) {
                        self.noticed.broken.add(number, body);
                    }
                    self.listed += 1;
                }
            }
            Section::OldSlabinfo | Section::Vmallocinfo | Section::Meminfo => return None,
        }
        Some(LineUse::Taken)
    }

    fn slabinfo(&mut self, body: &[u8], number: u64) -> Option<LineUse> {
        if let Some(line) = CacheLine::parse(body) {
            self.cache(line);
        } else if body.starts_with(b"#") || body.ends_with(b">") && body.contains(&b'<') {
            // Column names, and their rest if they were wrapped.
        } else if body.starts_with(b":")
            && [&b"globalstat"[..], b"cpustat"].iter().any(|word| has(body, word))
        {
            // Statistics of the row before, which a console or a mail program put on a line of their own.
        } else if body.len() <= LONGEST_PART && is_part(body) {
            self.keep_part(body, number);
        } else {
            return None;
        }
        Some(LineUse::Taken)
    }

    fn cache(&mut self, line: CacheLine<'_>) {
        self.listed += 1;
        if !self.skipping {
            if is_padded(line.name, line.object_size) {
                self.noticed.padded.get_or_insert_with(|| (line.name.to_vec(), line.object_size));
            }
            let at = self.name(line.name);
            self.slab.push((at, line.unnamed()));
        }
    }

    fn name(&mut self, name: &[u8]) -> usize {
        match self.caches.find(name) {
            FoundName::Steady(at) | FoundName::Returned(at) => at,
            FoundName::New => {
                let text = String::from_utf8_lossy(name);
                let at = self.caches.learn(name, &text, None, Pool::Unreclaimable);
                let pool = |shrinks| if shrinks { Pool::Reclaimable } else { Pool::Unreclaimable };
                self.caches.set_pool(at, reclaimable(name).map(pool));
                at
            }
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the end of each arm of `row`")]
    fn tool(&mut self, line: ToolLine<'_>, id: &[u8], sample: &mut Sample) -> Option<LineUse> {
        if !id.is_empty() {
            if self.listed == 0 {
                self.first_id.clear();
                self.first_id.extend_from_slice(id);
            } else if self.is_repeated(id, sample) {
                return Some(LineUse::Next);
            }
        }
        if self.section == Some(Section::Vmstat) {
            self.noticed.lower_bounds |= !self.skipping;
        } else {
            self.noticed.rounded |= line.inexact && !self.skipping;
        }
        self.seen |= self.section.map_or(0, Section::bit);
        self.listed += 1;
        if !self.skipping {
            let at = self.name(line.name);
            self.names_at_edge.row(self.section, at, line.name);
            self.caches.add(at, line.counters(), &mut sample.rows);
        }
        Some(LineUse::Taken)
    }

    /// Whether a name or address is that of the first row of the list: the next list begins.
    fn is_repeated(&self, id: &[u8], sample: &Sample) -> bool {
        self.listed > 0 && id == self.first_id && !self.is_report && self.has_content(sample)
    }

    /// Which machine it is: `uname -a`, and crash's first lines.
    fn fact(&mut self, line: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(line.trim_ascii()) else { return false };
        if let Some((key, value)) = text.split_once(": ") {
            let place = match key {
                "NODENAME" => &mut self.host,
                "RELEASE" => &mut self.system,
                // `#==[ Command ]===` of supportconfig has neither.
                _ => return false,
            };
            let value = value.trim();
            *place = Some(if key == "RELEASE" { format!("Linux {value}") } else { value.to_owned() });
            self.origin = None;
            return true;
        }
        let mut words = text.split_ascii_whitespace();
        let (Some("Linux"), Some(host), Some(release)) = (words.next(), words.next(), words.next()) else {
            // Separators say nothing.
            return text.bytes().all(|byte| byte.is_ascii_punctuation());
        };
        let is_release = release.starts_with(|c: char| c.is_ascii_digit()) && release.contains('.');
        if is_release {
            self.host = Some(host.to_owned());
            self.system = Some(format!("Linux {release}"));
            self.origin = None;
        }
        is_release
    }

    /// Completes the sample; false if there is nothing in it.
    pub(super) fn finish(&mut self, sample: &mut Sample) -> bool {
        let largest = self.slab.iter().map(|(_, line)| line.least_page_size()).max();
        let page_size = largest.unwrap_or(4096);
        for (at, line) in self.slab.drain(..) {
            self.caches.add(at, line.counters(page_size), &mut sample.rows);
        }
        for row in sample.rows.iter_mut().filter(|row| row.pool == Pool::Vmalloc) {
            // Counted in pages of 4 KiB until now.
            row.counters.bytes = row.counters.bytes.map(|bytes| bytes.saturating_mul(page_size / 4096));
        }
        if sample.rows.is_empty() && (self.rows_wanted || sample.header.is_empty()) {
            self.only_totals += u64::from(!sample.header.is_empty());
            return false;
        }
        let mut noticed = std::mem::take(&mut self.noticed);
        noticed.only_totals = std::mem::take(&mut self.only_totals);
        noticed.page_size = (page_size != 4096).then_some(page_size);
        noticed.unsure = self.caches.unsure() > 0;
        self.names_at_edge.finish(sample, &mut noticed);
        noticed.time = self.time;
        for names in [&mut self.caches, &mut self.callers, &mut self.places] {
            names.end();
        }
        sample.width = CounterWidth::Bits64;
        if noticed.headless || noticed.has_broken_rows() {
            sample.coverage = Coverage::COMPLETE.partial();
        }
        sample.time = self.time.map(|time| time.time);
        sample.origin = self.origin(sample);
        self.remarks.clear();
        noticed.say(self.is_report, &mut self.remarks);
        if let Some(time) = self.time.filter(|_| !self.is_report) {
            self.remarks.extend(self.clock.correct(sample, time.note()));
        }
        true
    }

    fn origin(&mut self, sample: &Sample) -> Arc<Origin> {
        let seen = |pool: &Pool| sample.rows.iter().any(|row| row.pool == *pool);
        let mut pools: Vec<Pool> = Pool::ALL.into_iter().filter(seen).collect();
        if pools.is_empty() {
            pools = Pool::ALL.into_iter().filter(|pool| sample.header.pool_total(*pool).is_some()).collect();
        }
        if let Some(origin) = self.origin.as_ref().filter(|origin| origin.pools == pools) {
            return Arc::clone(origin);
        }
        let origin = Arc::new(Origin {
            host: self.host.clone(),
            system: self.system.clone(),
            file: Some(self.file.clone()),
            ..Origin::new(SourceKind::TableFile, &pools)
        });
        self.origin = Some(Arc::clone(&origin));
        origin
    }
}
