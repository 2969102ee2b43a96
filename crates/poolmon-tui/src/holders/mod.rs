//! The view of holders (key `o`): who keeps kernel objects, and what kinds one of them keeps.
//!
//! `keys.rs`: what keys do here; drawing is in `render/holders.rs`.

pub(crate) mod keys;

use std::collections::VecDeque;
use std::sync::Arc;

use poolmon_holder::{Census, Counts, Entry, Floors, HolderId, Kind, NEWCOMER, Prices, Unit, links};
use poolmon_model::{Row, Tag};
use rustc_hash::FxHashMap;

use crate::app::{App, Effect, Mode};

/// The part of a control group's memory that one below it has, from which on that one is listed instead.
const NESTED: f64 = 0.9;

/// Whether holders of this system can be counted.
const COUNTED_HERE: bool = cfg!(any(target_os = "linux", windows));

/// Points of a trend.
const POINTS: usize = 8;

/// Counts of holders that came in, oldest first.
#[derive(Clone, Debug, Default)]
pub struct HolderRun {
    /// The counts.
    pub counts: Vec<Arc<Census>>,
    /// They replace what was known: another moment of a tape.
    pub replaces: bool,
}

/// What the list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HolderOrder {
    Bytes,
    Objects,
    Name,
}

/// A holder in the list.
#[derive(Clone, Debug)]
pub(crate) struct HolderRow {
    pub id: HolderId,
    pub name: String,
    /// The unit or container that it runs in.
    pub group: Option<Arc<str>>,
    /// All it keeps, or those of the row that the list is of.
    pub objects: u64,
    pub change: Option<i64>,
    /// Kernel memory.
    pub bytes: Option<u64>,
    pub bytes_change: Option<i64>,
    /// What it gained and kept, objects and bytes, as soon as there are counts enough.
    pub gains: [Option<i64>; 2],
    /// It was not there at the count that changes are against.
    pub is_new: bool,
    pub kinds: Vec<KindRow>,
}

impl HolderRow {
    /// Whether its bytes are what its objects take in their caches.
    pub fn is_estimate(&self) -> bool {
        !matches!(self.id, HolderId::ControlGroup { .. })
    }

    /// The path and the memory of a control group.
    fn group_bytes(&self) -> Option<(&str, u64)> {
        match &self.id {
            HolderId::ControlGroup { path } => Some((path, self.bytes?)),
            _ => None,
        }
    }
}

/// What a holder keeps of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KindRow {
    pub kind: Kind,
    pub count: u64,
    pub change: Option<i64>,
}

/// What the screen knows of holders.
#[derive(Debug)]
pub(crate) struct HolderView {
    now: Option<Arc<Census>>,
    before: Option<Arc<Census>>,
    baseline: Option<Arc<Census>>,
    trends: FxHashMap<HolderId, VecDeque<f32>>,
    floors: Floors,
    pub rows: Vec<HolderRow>,
    pub order: HolderOrder,
    pub by_change: bool,
    pub reversed: bool,
    /// Only holders of what lives in this row.
    pub of: Option<Tag>,
    pub selected: Option<HolderId>,
    pub cursor: usize,
    pub top: usize,
    /// The selected kind of the holder whose kinds are shown, and the first one on the screen.
    pub kind: (usize, usize),
}

impl Default for HolderView {
    fn default() -> Self {
        Self {
            now: None,
            before: None,
            baseline: None,
            trends: FxHashMap::default(),
            floors: Floors::default(),
            rows: Vec::new(),
            order: HolderOrder::Bytes,
            // What grows comes first.
            by_change: true,
            reversed: false,
            of: None,
            selected: None,
            cursor: 0,
            top: 0,
            kind: (0, 0),
        }
    }
}

fn difference(now: u64, before: u64) -> i64 {
    i64::try_from(i128::from(now) - i128::from(before)).unwrap_or(i64::MAX)
}

impl HolderView {
    /// Whether they were counted.
    pub fn is_known(&self) -> bool {
        self.now.is_some()
    }

    /// What was counted last.
    pub fn census(&self) -> Option<&Census> {
        self.now.as_deref()
    }

    pub fn has_baseline(&self) -> bool {
        self.baseline.is_some()
    }

    /// Changes are shown since the last count, or no more.
    pub fn set_baseline(&mut self, is_set: bool) {
        self.baseline = self.now.clone().filter(|_| is_set);
    }

    fn take_in(&mut self, run: HolderRun) {
        if run.replaces {
            (self.now, self.before) = (None, None);
            self.trends.clear();
            self.floors.clear();
        }
        for census in run.counts {
            self.floors.count(&census);
            for entry in &census.entries {
                let trend = self.trends.entry(entry.holder.id.clone()).or_default();
                if trend.len() == POINTS {
                    trend.pop_front();
                }
                trend.push_back(weight(&entry.counts) as f32);
            }
            if self.trends.len() > census.entries.len() {
                let here: rustc_hash::FxHashSet<&HolderId> =
                    census.entries.iter().map(|entry| &entry.holder.id).collect();
                self.trends.retain(|id, _| here.contains(id));
            }
            self.before = self.now.replace(census);
        }
    }

    /// The last points of a holder, oldest first.
    pub fn trend(&self, id: &HolderId) -> impl Iterator<Item = f32> + '_ {
        self.trends.get(id).into_iter().flatten().copied()
    }

    /// Builds the list again: after a count, and when another order is wanted. `rows`: those of the sample.
    fn derive(&mut self, rows: &[Row], width: poolmon_model::CounterWidth) {
        self.rows.clear();
        let Some(now) = self.now.clone() else { return };
        let prices = Prices::new(rows, width);
        let earlier = self.baseline.as_ref().or(self.before.as_ref());
        let before: Option<FxHashMap<&HolderId, &Entry>> =
            earlier.map(|census| census.entries.iter().map(|entry| (&entry.holder.id, entry)).collect());
        let link = self.of.as_ref().and_then(links::find);
        let objects = |counts: &Counts| match link {
            None => counts.objects(),
            Some(link) => link.kinds.iter().filter_map(|(kind, _)| counts.get(*kind)).max().unwrap_or(0),
        };
        for entry in &now.entries {
            let then = before.as_ref().map(|before| before.get(&entry.holder.id).copied());
            let kinds = kinds(entry, then);
            let held = objects(&entry.counts);
            if kinds.is_empty() || link.is_some() && held == 0 {
                continue;
            }
            let bytes = prices.bytes(entry);
            let kept = self.floors.kept(entry);
            self.rows.push(HolderRow {
                id: entry.holder.id.clone(),
                // The path of a control group says what it is, and takes the room that there is.
                name: match entry.holder.id {
                    HolderId::ControlGroup { .. } => entry.holder.name.to_string(),
                    _ => entry.holder.to_string(),
                },
                group: entry.group.clone(),
                objects: held,
                change: then.map(|then| difference(held, then.map_or(0, |then| objects(&then.counts)))),
                bytes,
                bytes_change: bytes.zip(then).map(|(bytes, then)| {
                    difference(bytes, then.and_then(|then| prices.bytes(then)).unwrap_or(0))
                }),
                gains: [
                    kept.as_ref()
                        .map(|(before, since)| difference(objects(&since.counts), objects(&before.counts))),
                    bytes.zip(kept.as_ref()).map(|(_, (before, since))| {
                        difference(prices.bytes(since).unwrap_or(0), prices.bytes(before).unwrap_or(0))
                    }),
                ],
                is_new: then.is_some_and(|then| then.is_none()),
                kinds,
            });
        }
        self.leave_out_nested_groups();
        self.mark_groups_with_others_below();
        self.sort();
    }

    /// Of a group most of whose memory is one's below it, that one says more.
    fn leave_out_nested_groups(&mut self) {
        let groups: FxHashMap<&str, u64> = self.rows.iter().filter_map(HolderRow::group_bytes).collect();
        let mut nested = rustc_hash::FxHashSet::default();
        for (path, bytes) in &groups {
            let Some((parent, _)) = path.rsplit_once('/') else { continue };
            if groups.get(parent).is_some_and(|all| *bytes as f64 >= NESTED * *all as f64) {
                nested.insert(parent.to_owned());
            }
        }
        self.rows.retain(|row| row.group_bytes().is_none_or(|(path, _)| !nested.contains(path)));
    }

    /// The kernel counts what a group below has for those above it, too: listed beside each other, they are no sum.
    fn mark_groups_with_others_below(&mut self) {
        let paths: Vec<String> =
            self.rows.iter().filter_map(|row| Some(row.group_bytes()?.0.to_owned())).collect();
        for row in &mut self.rows {
            let Some((path, _)) = row.group_bytes() else { continue };
            let is_below =
                |other: &&String| other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
            let below = paths.iter().filter(is_below).count();
            if below > 0 {
                row.name = format!("{} +{below} below", row.name);
            }
        }
    }

    /// Whether changes that the list is sorted by are those that were kept: what comes and goes is no gain, whatever it changed by since
    /// the last count. Since a baseline, all counts.
    pub fn is_by_gain(&self) -> bool {
        self.by_change && !self.has_baseline()
    }

    fn sort(&mut self) {
        let (order, by_change, by_gain) = (self.order, self.by_change, self.is_by_gain());
        let [of_objects, of_bytes] =
            [0, 1].map(|at| move |row: &HolderRow| row.gains.get(at).copied().flatten().filter(|_| by_gain));
        let figure = |row: &HolderRow| match (order, by_change) {
            (HolderOrder::Bytes, false) => row.bytes.map_or(-1, i128::from),
            (HolderOrder::Bytes, true) => of_bytes(row).or(row.bytes_change).map_or(i128::MIN, i128::from),
            (HolderOrder::Objects, false) => i128::from(row.objects),
            (HolderOrder::Objects, true) => of_objects(row).or(row.change).map_or(i128::MIN, i128::from),
            (HolderOrder::Name, _) => 0,
        };
        let figure = |row: &HolderRow| figure(row) / if by_change && row.is_new { NEWCOMER } else { 1 };
        self.rows.sort_by(|a, b| {
            let by_name =
                || if order == HolderOrder::Name { a.name.cmp(&b.name) } else { std::cmp::Ordering::Equal };
            // Before there is a change.
            let by_objects = || b.bytes.cmp(&a.bytes).then_with(|| b.objects.cmp(&a.objects));
            let ordered = figure(b).cmp(&figure(a)).then_with(by_name);
            let ordered = if self.reversed { ordered.reverse() } else { ordered };
            ordered.then_with(by_objects).then_with(|| a.id.cmp(&b.id))
        });
        if let Some(selected) = &self.selected {
            match self.rows.iter().position(|row| row.id == *selected) {
                Some(at) => {
                    // It keeps its line on the screen.
                    let line = self.cursor.saturating_sub(self.top);
                    (self.cursor, self.top) = (at, at.saturating_sub(line));
                }
                None => self.select(self.cursor),
            }
        }
    }

    fn select(&mut self, at: usize) {
        self.cursor = at.min(self.rows.len().saturating_sub(1));
        self.selected = self.rows.get(self.cursor).map(|row| row.id.clone());
    }

    /// The holder whose kinds are shown, or that is selected; else the first.
    pub fn current(&self) -> Option<&HolderRow> {
        self.rows.get(self.cursor)
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Objects, and bytes as pages, so that control groups have a trend as well.
fn weight(counts: &Counts) -> u64 {
    match counts.objects() {
        0 => {
            counts.held().filter(|(kind, _)| kind.unit() == Unit::Bytes).map(|(_, bytes)| bytes / 4096).sum()
        }
        objects => objects,
    }
}

/// What changed most first, then what is most; bytes come last.
#[expect(
    clippy::option_option,
    reason = "no earlier count, and a holder that was not there then, are two things"
)]
fn kinds(entry: &Entry, then: Option<Option<&Entry>>) -> Vec<KindRow> {
    let before = |kind| then.map(|then| then.and_then(|then| then.counts.get(kind)).unwrap_or(0));
    let row =
        |(kind, count)| KindRow { kind, count, change: before(kind).map(|before| difference(count, before)) };
    let is_seen = |row: &KindRow| row.count > 0 || row.change.is_some_and(|by| by != 0);
    let mut rows: Vec<KindRow> = entry.counts.known().map(row).filter(is_seen).collect();
    let weight = |row: &KindRow| (row.change.unwrap_or(0).unsigned_abs(), row.count);
    let is_bytes = |row: &KindRow| row.kind.unit() == Unit::Bytes;
    rows.sort_by(|a, b| is_bytes(a).cmp(&is_bytes(b)).then_with(|| weight(b).cmp(&weight(a))));
    // A sum says nothing where it has one part alone.
    let is_listed = |row: &KindRow, rows: &[KindRow]| {
        let same = |other: &KindRow| {
            other.kind.sum() == Some(row.kind) && (other.count, other.change) == (row.count, row.change)
        };
        !(row.kind.is_sum() && rows.iter().any(same))
    };
    let all = rows.clone();
    rows.retain(|row| is_listed(row, &all));
    rows
}

impl App {
    /// Holders were counted.
    pub fn hold(&mut self, run: HolderRun) {
        self.holders.take_in(run);
        self.derive_holders();
    }

    pub(crate) fn derive_holders(&mut self) {
        self.holders.derive(&self.now.rows, self.now.width);
        self.keep_holder_in_view();
    }

    /// Whether the view is open.
    pub(crate) fn shows_holders(&self) -> bool {
        matches!(self.mode, Mode::Holders | Mode::Kinds)
    }

    /// Of a tape, holders are read for the moment that is shown, while they are looked at.
    pub(crate) fn want_holders(&mut self) {
        if self.feed.is_tape() && self.shows_holders() {
            let to = self.shown_time();
            self.ask(Effect::Holders { to });
        }
    }

    /// Whether they have still to be counted for the first time.
    pub(crate) fn waits_for_holders(&self) -> bool {
        let is_live = !self.feed.is_tape() && !self.feed.is_still() && !self.simulated();
        is_live && COUNTED_HERE && !self.holders.is_known()
    }

    /// Why the list is empty.
    pub(crate) fn why_no_holders(&self) -> &'static str {
        match (self.holders.is_known(), &self.holders.of) {
            (true, Some(_)) => "No holder has objects that live in this row. Press o for all holders.",
            (true, None) => "No holder keeps anything.",
            (false, _) if self.feed.is_tape() => "There are no holders in this recording at this moment.",
            (false, _) if self.feed.is_still() || self.simulated() => {
                "Holders are counted on live machines and in recordings."
            }
            (false, _) if COUNTED_HERE => {
                "Holders are being counted: the list comes with the next refresh (r: now)."
            }
            (false, _) => "Holders of this system are not counted.",
        }
    }

    /// Lines of the view that hold holders or kinds.
    pub(crate) fn holder_page(&self) -> usize {
        usize::from(crate::render::holders::rows(&crate::render::regions(self)).height).max(1)
    }

    pub(crate) fn keep_holder_in_view(&mut self) {
        let page = self.holder_page();
        let view = &mut self.holders;
        view.top = view.top.min(view.rows.len().saturating_sub(page));
        if view.selected.is_some() {
            view.top = view.top.min(view.cursor).max((view.cursor + 1).saturating_sub(page));
        }
        let kinds = view.current().map_or(0, |row| row.kinds.len());
        let (cursor, top) = view.kind;
        let cursor = cursor.min(kinds.saturating_sub(1));
        view.kind = (cursor, top.min(cursor).max((cursor + 1).saturating_sub(page)));
    }

    /// The row of the table that grows with a kind: of those that objects of it live in, the one that takes most.
    pub(crate) fn row_of(&self, kind: Kind) -> Option<usize> {
        // Caches of the kind's own before those of all that is like it, and those before what everything shares.
        let rows = self.view.table.rows.iter().enumerate();
        let close = |(at, row): (usize, &poolmon_model::TableRow)| {
            Some((closeness(&row.row.tag, kind)?, row.row.counters.bytes, at))
        };
        rows.filter_map(close).max_by_key(|&(closeness, bytes, _)| (closeness, bytes)).map(|(_, _, at)| at)
    }
}

/// How closely a row and a kind belong together: it is of this kind, or of a sum that it is a part of; and of nothing else.
pub(crate) fn closeness(tag: &Tag, kind: Kind) -> Option<(bool, u8)> {
    let link = links::find(tag)?;
    let has =
        |kind: Option<Kind>| kind.is_some_and(|kind| link.kinds.iter().any(|(other, _)| *other == kind));
    let sum = kind.sum();
    let near = [Some(kind), sum, sum.and_then(Kind::sum)].into_iter().position(has)?;
    Some((link.only, 2 - u8::try_from(near).ok()?))
}
