//! The state of the screen. No terminal, no clock, no source: events come in, [`Effect`]s go out.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_model::delta::Presence;
use poolmon_model::{Filter, Labeler, Pool, Row, Sample, Scope, Sort, SourceKind, Table, TableRow, Tag};
use poolmon_source::Fact;

use crate::columns::{ColumnLayout, Widths};
use crate::folding;
use crate::history::History;
use crate::holders::HolderView;
use crate::replay::Replay;
use crate::replay::deck::Motion;
use crate::theme::{ColourMode, Theme};
use crate::tracing::RowTrace;
use crate::verdicts::{LiveVerdicts, Verdicts};

/// Intervals that `+` and `-` walk through, in milliseconds.
pub const INTERVALS: [u64; 9] = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
/// How long a message stays, in seconds.
const MESSAGE_SECONDS: i64 = 6;
/// Refreshes for which a row that is gone stays.
const LINGER: u8 = 3;

/// How the screen starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Rows shown, session included (`filter.scope`).
    pub filter: Filter,
    /// Their order.
    pub sort: Sort,
    /// Changed rows are coloured.
    pub highlight: bool,
    /// Totals at the bottom.
    pub totals: bool,
    /// The driver column comes before other columns where room is short (PoolMon's `/g`).
    pub show_driver: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            sort: Sort::default(),
            highlight: true,
            totals: false,
            show_driver: false,
        }
    }
}

/// What the terminal loop has to do for the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Leave.
    Quit,
    /// Ask the source now.
    Refresh,
    /// Clear and draw everything again.
    Redraw,
    /// Write a snapshot file.
    Snapshot,
    /// Ask for session pools from now on, or no more.
    Sessions(bool),
    /// Find out what is known of this row.
    Inquire(Row),
    /// Ask again what the system reports of it.
    Facts(Tag, Pool),
    /// Go to another moment of the tape.
    Wind(Motion),
    /// Trace this row.
    Trace(Row),
    /// Stop the trace that is being made.
    StopTrace,
    /// Read who held objects at a moment of the tape.
    Holders {
        /// When.
        to: Timestamp,
    },
    /// Read the points of a row of the tape.
    Chart {
        /// Of which row.
        row: (Tag, Pool),
        /// From when.
        from: Timestamp,
        /// Until when.
        to: Timestamp,
    },
}

/// What has the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The table.
    Table,
    /// The help page, scrolled by this many lines.
    Help(u16),
    /// The prompt for a session id.
    Session(String),
    /// The search line.
    Search(String),
    /// The detail pane of the selected row.
    Detail,
    /// Who holds objects.
    Holders,
    /// What kinds the selected holder keeps.
    Kinds,
    /// The prompt for a moment of the tape.
    Jump {
        /// What was typed.
        text: String,
        /// The detail pane is open behind it.
        detail: bool,
    },
}

/// What is known of the row in the detail pane.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    /// Of which row.
    pub key: Option<(Tag, Pool)>,
    /// What is known of the tag.
    pub lines: Vec<String>,
    /// What the system reports; `None` = not answered yet.
    pub facts: Option<Vec<Fact>>,
}

/// The sample against which everything is shown.
#[derive(Debug)]
pub struct Baseline {
    /// The sample.
    pub sample: Sample,
    /// When it was taken.
    pub at: Timestamp,
}

/// The state of the screen.
pub struct App {
    pub(crate) settings: Settings,
    pub(crate) interval: Duration,
    pub(crate) theme: Theme,
    pub(crate) zone: TimeZone,
    pub(crate) now: Sample,
    pub(crate) before: Option<Sample>,
    pub(crate) baseline: Option<Baseline>,
    pub(crate) table: Table,
    pub(crate) history: History,
    pub(crate) verdicts: Verdicts,
    pub(crate) holders: HolderView,
    pub(crate) widths: Widths,
    pub(crate) selected: Option<(Tag, Pool)>,
    pub(crate) cursor: usize,
    pub(crate) top: usize,
    pub(crate) skip: usize,
    pub(crate) mode: Mode,
    pub(crate) detail: Detail,
    pub(crate) paused: bool,
    /// The source tells one moment only; the screen stays paused.
    pub(crate) still: bool,
    pub(crate) message: Option<(String, Timestamp)>,
    pub(crate) trouble: Option<String>,
    /// When the data on the screen arrived, the time now, and since when an answer is awaited.
    pub(crate) arrived: Timestamp,
    pub(crate) clock: Timestamp,
    pub(crate) waiting: Option<Timestamp>,
    pub(crate) size: (u16, u16),
    pub(crate) last_click: Option<(usize, Timestamp)>,
    /// Text of the search line.
    pub(crate) search: String,
    /// Where the tape is, if it is one that is shown.
    pub(crate) replay: Option<Replay>,
    /// The last trace, if a row was traced.
    pub(crate) trace: Option<RowTrace>,
    /// Each copy of a slab cache (`kmalloc-rnd-NN-SIZE`) is a row.
    pub(crate) unfolded: bool,
    effects: Vec<Effect>,
    labeler: Option<Arc<dyn Labeler + Send + Sync>>,
    gone: Vec<(TableRow, u8)>,
    said: Vec<String>,
}

impl App {
    /// A screen that shows its first sample.
    pub fn new(
        first: Sample,
        settings: Settings,
        interval: Duration,
        labeler: Option<Arc<dyn Labeler + Send + Sync>>,
        colour: ColourMode,
        clock: Timestamp,
    ) -> Self {
        let mut app = Self {
            settings,
            interval,
            theme: Theme::new(colour),
            zone: TimeZone::system(),
            now: Sample::new(Arc::clone(&first.origin), first.width),
            before: None,
            baseline: None,
            table: Table::default(),
            history: History::default(),
            verdicts: Verdicts::default(),
            holders: HolderView::default(),
            widths: Widths::default(),
            selected: None,
            cursor: 0,
            top: 0,
            skip: 0,
            mode: Mode::Table,
            detail: Detail::default(),
            paused: false,
            still: false,
            message: None,
            trouble: None,
            arrived: clock,
            clock,
            waiting: None,
            size: (80, 24),
            last_click: None,
            search: String::new(),
            replay: None,
            trace: None,
            unfolded: false,
            effects: Vec::new(),
            labeler,
            gone: Vec::new(),
            said: Vec::new(),
        };
        if app.settings.filter.scope != Scope::System && first.sessions.is_empty() {
            app.effects.extend([Effect::Sessions(true), Effect::Refresh]);
        }
        app.now = first;
        app.remember();
        app.derive();
        app
    }

    /// Shows times in this zone instead of the system's.
    #[must_use]
    pub fn with_zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }

    /// Shows one moment of the past: nothing is refreshed.
    #[must_use]
    pub fn held_still(mut self) -> Self {
        self.still = true;
        self.paused = true;
        self
    }

    /// What is to be done; the list is empty afterwards.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub(crate) fn ask(&mut self, effect: Effect) {
        if self.still && effect == Effect::Refresh {
            self.say("This is one sample from a file: there is nothing to refresh.");
            return;
        }
        self.effects.push(effect);
    }

    /// The time is `clock` now; messages grow old.
    pub fn tick(&mut self, clock: Timestamp) {
        self.clock = clock;
        if self.message.as_ref().is_some_and(|(_, at)| clock.as_second() - at.as_second() >= MESSAGE_SECONDS)
        {
            self.message = None;
        }
    }

    /// The source was asked.
    pub fn asked(&mut self) {
        self.waiting = Some(self.clock);
    }

    /// The screen has this size now.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.size = (width, height);
        self.keep_in_view();
        self.keep_holder_in_view();
    }

    /// Rows on the screen, the sample's own time, settings: what `w` writes.
    pub fn shown(&self) -> (&Sample, &Table) {
        (&self.now, &self.table)
    }

    /// Says something to the person for a while.
    pub fn say(&mut self, text: impl Into<String>) {
        self.message = Some((text.into(), self.clock));
    }

    /// A new sample arrived. Frees one that is no longer needed, to be filled again.
    pub fn receive(&mut self, sample: Sample) -> Option<Sample> {
        self.waiting = None;
        self.trouble = None;
        self.arrived = self.clock;
        let now = std::mem::replace(&mut self.now, sample);
        let spare = self.before.replace(now);
        self.check_sessions();
        self.remember();
        for (_, left) in &mut self.gone {
            *left = left.saturating_sub(1);
        }
        self.derive();
        if self.table.rebooted {
            self.history.clear();
            self.verdicts.clear();
            self.holders.clear();
            self.baseline = None;
            self.remember();
            self.say("The machine rebooted: nothing is compared with earlier samples.");
        }
        self.collect_gone();
        self.mention_remarks();
        // What the system reports of the row in the detail pane is as new as the figures next to it. One thread answers for both, so that
        // a slow system is not asked faster than it answers.
        if let Some((tag, pool)) = self.detail.key.clone()
            && self.mode == Mode::Detail
            && self.detail.facts.is_some()
        {
            self.ask(Effect::Facts(tag, pool));
        }
        spare
    }

    /// A refresh failed: the old table stays, and the screen says so.
    pub fn fail(&mut self, error: &str) {
        self.waiting = None;
        self.trouble = Some(error.lines().next().unwrap_or("unknown reason").to_owned());
    }

    /// What is known of a row, for the detail pane.
    pub fn describe(&mut self, key: &(Tag, Pool), lines: Vec<String>) {
        if self.detail.key.as_ref() == Some(key) {
            self.detail.lines = lines;
        }
    }

    /// The rows were judged.
    pub fn judge(&mut self, judgement: LiveVerdicts) {
        self.verdicts.take_in(judgement);
        self.derive();
    }

    /// What the system reports of a row.
    pub fn facts(&mut self, key: &(Tag, Pool), facts: Vec<Fact>) {
        if self.detail.key.as_ref() == Some(key) {
            self.detail.facts = Some(facts);
        }
    }

    fn remember(&mut self) {
        self.history.push(&self.now, self.clock.as_millisecond());
    }

    pub(crate) fn mention_remarks(&mut self) {
        for n in 0..self.now.remarks.len() {
            let Some(remark) = self.now.remarks.get(n) else { break };
            if !self.said.contains(remark) {
                let remark = remark.clone();
                self.said.push(remark.clone());
                self.say(remark);
            }
        }
    }

    /// Back to the system's pools if the source has no such session.
    pub(crate) fn check_sessions(&mut self) {
        let sessions = &self.now.sessions;
        let gone = match self.settings.filter.scope {
            Scope::System => return,
            _ if sessions.is_empty() => {
                "This system has no session pools; these are the system's own.".into()
            }
            Scope::Session(id) if sessions.iter().all(|session| session.id != id) => {
                let ids: Vec<_> = sessions.iter().take(12).map(|session| session.id.to_string()).collect();
                format!(
                    "There is no session {id}; there are {}. These are the system's pools.",
                    ids.join(", ")
                )
            }
            _ => return,
        };
        self.settings.filter.scope = Scope::System;
        self.widths = Widths::default();
        self.ask(Effect::Sessions(false));
        self.say(gone);
    }

    /// Builds the table again from the samples: after a sample, and when what is shown changes.
    pub(crate) fn derive(&mut self) {
        let against = self.baseline.as_ref().map(|baseline| &baseline.sample).or(self.before.as_ref());
        let by_change = self.settings.sort.by_change;
        let wish = self.settings.filter.show_gone;
        self.settings.filter.show_gone = wish || by_change || self.baseline.is_some();
        let labeler = self.labeler.as_deref().map(|labeler| labeler as &dyn Labeler);
        let folded = (!self.unfolded).then(|| folding::folded(&self.settings.filter, &self.now, against));
        if let Some((now, against)) = folded.flatten() {
            self.table.update(against.as_ref(), &now, &self.settings.filter, labeler);
        } else {
            self.table.update(against, &self.now, &self.settings.filter, labeler);
        }
        if self.settings.filter.show_gone && self.baseline.is_none() {
            for (row, _) in self.gone.iter().filter(|(_, left)| *left > 0) {
                let here = |other: &TableRow| other.row.tag == row.row.tag && other.row.pool == row.row.pool;
                if self.settings.filter.admits_tag(&row.row.tag, row.row.pool)
                    && !self.table.rows.iter().any(here)
                {
                    self.table.rows.push(row.clone());
                }
            }
        }
        self.settings.filter.show_gone = wish;
        if self.settings.filter.scope == Scope::System {
            self.verdicts.label(&mut self.table.rows);
        }
        self.widths.grow(&self.table, self.settings.totals);
        self.order();
    }

    /// Keeps rows that are gone for some refreshes more.
    fn collect_gone(&mut self) {
        if !self.settings.sort.by_change || self.baseline.is_some() {
            self.gone.clear();
            return;
        }
        for row in self.table.rows.iter().filter(|row| row.presence == Presence::Gone) {
            let known =
                |(other, _): &(TableRow, u8)| other.row.tag == row.row.tag && other.row.pool == row.row.pool;
            // So many rows cannot vanish but by a fault; a person reads the first.
            if self.gone.len() < 64 && !self.gone.iter().any(known) {
                self.gone.push((row.clone(), LINGER));
            }
        }
        self.gone.retain(|(_, left)| *left > 0);
    }

    /// Sorts, and finds the selected row again.
    pub(crate) fn order(&mut self) {
        self.table.sort(self.settings.sort);
        let Some((tag, pool)) = &self.selected else {
            self.keep_in_view();
            return;
        };
        let found = self.table.rows.iter().position(|row| row.row.pool == *pool && row.row.tag == *tag);
        if let Some(at) = found {
            // The row keeps its line on the screen.
            let line = self.cursor.saturating_sub(self.top);
            self.cursor = at;
            self.top = at.saturating_sub(line);
        } else {
            self.select(self.cursor);
        }
        self.keep_in_view();
    }

    /// Selects the row at a place, or the nearest one.
    pub(crate) fn select(&mut self, at: usize) {
        self.cursor = at.min(self.table.rows.len().saturating_sub(1));
        self.selected = self.table.rows.get(self.cursor).map(|row| (row.row.tag.clone(), row.row.pool));
        self.keep_in_view();
        if self.mode == Mode::Detail {
            self.inquire();
            self.want_series();
        }
    }

    /// Back to the top: nothing is selected, and the view follows the order.
    pub(crate) fn deselect(&mut self) {
        self.selected = None;
        self.cursor = 0;
        self.top = 0;
    }

    pub(crate) fn keep_in_view(&mut self) {
        let page = self.page();
        self.top = self.top.min(self.table.rows.len().saturating_sub(page));
        if self.selected.is_some() {
            if self.cursor < self.top {
                self.top = self.cursor;
            }
            if self.cursor >= self.top + page {
                self.top = self.cursor + 1 - page;
            }
        }
    }

    /// Asks about the selected row, where that was not done already.
    pub(crate) fn inquire(&mut self) {
        let Some(row) = self.current() else { return };
        let key = (row.row.tag.clone(), row.row.pool);
        if self.detail.key.as_ref() != Some(&key) {
            let row = row.row.clone();
            self.detail = Detail { key: Some(key), lines: Vec::new(), facts: None };
            self.ask(Effect::Inquire(row));
        }
    }

    /// The selected row, or the first.
    pub(crate) fn current(&self) -> Option<&TableRow> {
        self.table.rows.get(self.cursor)
    }

    /// Rows that fit on the screen, one at least.
    pub(crate) fn page(&self) -> usize {
        usize::from(crate::render::regions(self).rows.height).max(1)
    }

    /// The columns on a screen of this width.
    pub(crate) fn layout(&self) -> ColumnLayout {
        let trend = self.settings.filter.scope == Scope::System && self.history.refreshes() > 1;
        self.widths.layout(self.size.0, self.settings.sort, self.settings.show_driver, trend, self.skip)
    }

    /// Whether the data is invented.
    pub(crate) fn simulated(&self) -> bool {
        self.now.origin.kind == SourceKind::Simulated
    }
}
