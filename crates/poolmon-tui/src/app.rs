//! The state of the screen. No terminal, no clock, no source: events come in, [`Effect`]s go out.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_model::column;
use poolmon_model::{Filter, Labeler, Pool, Row, Sample, Scope, Sort, SourceKind, Table, Tag};
use poolmon_source::Fact;

use crate::bindings::View;
use crate::columns::{Choice, Widths};
use crate::detail::DetailView;
use crate::feed::Feed;
use crate::history::History;
use crate::holders::HolderView;
use crate::keymap::Keymap;
use crate::pools::PoolHistory;
use crate::replay::deck::Motion;
use crate::runner::OwnCommand;
use crate::table::TableView;
use crate::theme::{Look, Strokes, Theme};
use crate::verdicts::{LiveVerdicts, Verdicts};

/// Intervals that `+` and `-` walk through, in milliseconds.
pub const INTERVALS: [u64; 9] = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
/// How long a message stays, in seconds.
const MESSAGE_SECONDS: i64 = 6;

/// How the screen starts.
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
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
    /// The columns of the table; `None` = those that say most and fit.
    pub columns: Option<Vec<Choice>>,
    /// Which key does what.
    pub keys: Keymap,
    /// `Y` may write into the clipboard of the terminal.
    pub copy: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            sort: Sort::default(),
            highlight: true,
            totals: false,
            show_driver: false,
            columns: None,
            keys: Keymap::default(),
            copy: false,
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
    /// Run a command of this program in the place of the screen, and come back. As it is printed, too.
    Run(OwnCommand, String),
    /// Put this text into the clipboard of the terminal.
    Copy(String),
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
    /// The help page.
    Help {
        /// Lines that are scrolled out.
        at: u16,
        /// The view whose keys it explains, and to which it goes back.
        over: View,
    },
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
    /// Whether the next command of the row is to be run.
    Run {
        /// Which of them.
        at: usize,
    },
    /// The list of columns.
    Columns {
        /// The selected line.
        at: usize,
    },
    /// The prompt for a moment of the tape.
    Jump {
        /// What was typed.
        text: String,
        /// The view behind it.
        over: View,
    },
}

impl Mode {
    /// The view that has the keys, or lies behind the prompt that takes them as text.
    pub(crate) fn view(&self) -> View {
        match self {
            Self::Table | Self::Session(_) | Self::Search(_) => View::Table,
            Self::Detail | Self::Run { .. } => View::Detail,
            Self::Holders => View::Holders,
            Self::Kinds => View::Kinds,
            Self::Columns { .. } => View::Columns,
            Self::Help { .. } => View::Help,
            Self::Jump { over, .. } => *over,
        }
    }

    pub(crate) fn is_prompt(&self) -> bool {
        matches!(self, Self::Session(_) | Self::Search(_) | Self::Jump { .. } | Self::Run { .. })
    }
}

impl From<View> for Mode {
    fn from(view: View) -> Self {
        match view {
            View::Table | View::Help => Self::Table,
            View::Detail => Self::Detail,
            View::Holders => Self::Holders,
            View::Kinds => Self::Kinds,
            View::Columns => Self::Columns { at: 0 },
        }
    }
}

/// The sample against which everything is shown.
#[derive(Debug)]
pub struct Baseline {
    /// The sample.
    pub sample: Sample,
    /// When it was taken.
    pub at: Timestamp,
}

/// What the screen does once there are verdicts, unless a key comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Nothing.
    #[default]
    AsAsked,
    /// What leaks comes first.
    OnVerdict,
    /// The same, at the end of the tape.
    OnVerdictAtEnd,
}

/// The state of the screen.
pub struct App {
    pub(crate) settings: Settings,
    /// Where samples come from.
    pub(crate) feed: Feed,
    pub(crate) interval: Duration,
    pub(crate) theme: Theme,
    pub(crate) strokes: Strokes,
    pub(crate) zone: TimeZone,
    pub(crate) now: Sample,
    pub(crate) before: Option<Sample>,
    pub(crate) baseline: Option<Baseline>,
    pub(crate) history: History,
    pub(crate) pools: PoolHistory,
    pub(crate) verdicts: Verdicts,
    /// The views: each has its own state, and its keys in a file next to it.
    pub(crate) view: TableView,
    pub(crate) detail: DetailView,
    pub(crate) holders: HolderView,
    /// What has the keys.
    pub(crate) mode: Mode,
    pub(crate) paused: bool,
    pub(crate) opening: Opening,
    pub(crate) message: Option<(String, Timestamp)>,
    pub(crate) trouble: Option<String>,
    /// What is damaged of the tape, if that is known.
    pub(crate) damage: Option<String>,
    /// When the data on the screen arrived, the time now, and since when an answer is awaited.
    pub(crate) arrived: Timestamp,
    pub(crate) clock: Timestamp,
    pub(crate) waiting: Option<Timestamp>,
    pub(crate) size: (u16, u16),
    pub(crate) labeler: Option<Arc<dyn Labeler + Send + Sync>>,
    effects: Vec<Effect>,
    said: Vec<String>,
}

impl App {
    /// A screen that shows its first sample.
    pub fn new(
        first: Sample,
        settings: Settings,
        interval: Duration,
        labeler: Option<Arc<dyn Labeler + Send + Sync>>,
        look: impl Into<Look>,
        clock: Timestamp,
    ) -> Self {
        let look = look.into();
        let mut app = Self {
            settings,
            feed: Feed::Live,
            interval,
            theme: Theme::new(look.colours, look.palette),
            strokes: look.strokes,
            zone: TimeZone::system(),
            now: Sample::new(Arc::clone(&first.origin), first.width),
            before: None,
            baseline: None,
            history: History::default(),
            pools: PoolHistory::default(),
            verdicts: Verdicts::default(),
            view: TableView::default(),
            detail: DetailView::default(),
            holders: HolderView::default(),
            mode: Mode::Table,
            paused: false,
            opening: Opening::AsAsked,
            message: None,
            trouble: None,
            damage: None,
            arrived: clock,
            clock,
            waiting: None,
            size: (80, 24),
            labeler,
            effects: Vec::new(),
            said: Vec::new(),
        };
        if app.settings.filter.scope != Scope::System && first.sessions.is_empty() {
            app.effects.extend([Effect::Sessions(true), Effect::Refresh]);
        }
        app.now = first;
        app.remember();
        app.derive();
        app.mention_remarks();
        app
    }

    /// Shows times in this zone instead of the system's.
    #[must_use]
    pub fn with_zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }

    /// The same, with what is known of the time before its first sample.
    pub(crate) fn with_past(mut self, history: History, pools: PoolHistory) -> Self {
        (self.history, self.pools) = (history, pools);
        self.remember();
        self.derive();
        self
    }

    /// Shows one moment of the past: nothing is refreshed.
    #[must_use]
    pub fn held_still(mut self) -> Self {
        // The status line shows its remarks all the time.
        self.message = None;
        self.feed = Feed::Still;
        self.paused = true;
        self
    }

    /// What is to be done; the list is empty afterwards.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub(crate) fn ask(&mut self, effect: Effect) {
        if self.feed.is_still() && effect == Effect::Refresh {
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
        self.keep_detail_in_view();
    }

    /// Rows on the screen, the sample's own time, settings: what `w` writes.
    pub fn shown(&self) -> (&Sample, &Table) {
        (&self.now, &self.view.table)
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
        self.view.age_gone();
        self.derive();
        if self.view.table.rebooted {
            self.history.clear();
            self.pools.clear();
            self.verdicts.clear();
            self.holders.clear();
            self.baseline = None;
            self.remember();
            self.say("The machine rebooted: nothing is compared with earlier samples.");
        }
        self.collect_gone();
        self.keep_detail_in_view();
        self.mention_remarks();
        // What the system reports of the row in the detail pane is as new as the figures next to it. One thread answers for both, so that
        // a slow system is not asked faster than it answers.
        if let Some((tag, pool)) = self.detail.key.clone()
            && self.mode.view() == View::Detail
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
    pub fn describe(&mut self, key: &(Tag, Pool), known: Vec<Fact>) {
        if self.detail.key.as_ref() == Some(key) {
            self.detail.known = known;
        }
    }

    /// The rows were judged.
    pub fn judge(&mut self, judgement: LiveVerdicts) {
        self.verdicts.take_in(judgement);
        self.derive();
        self.open_on_verdict();
    }

    /// There are no verdicts, for this reason.
    pub(crate) fn not_judged(&mut self, why: &str) {
        self.verdicts.expect(false);
        self.say(format!("No verdicts: {why}"));
    }

    /// The tape is damaged. The status line says so for as long as it is shown.
    pub(crate) fn damaged(&mut self, what: String) {
        self.damage = Some(what);
    }

    /// Where something leaks, a person sees that first.
    fn open_on_verdict(&mut self) {
        let opening = std::mem::take(&mut self.opening);
        if opening == Opening::AsAsked || !self.verdicts.has_suspect() {
            return;
        }
        self.settings.sort = Sort::by(&column::VERDICT);
        self.order();
        self.select(0);
        if opening == Opening::OnVerdictAtEnd {
            self.ask(Effect::Wind(Motion::End));
        }
    }

    /// What the system reports of a row.
    pub fn facts(&mut self, key: &(Tag, Pool), facts: Vec<Fact>) {
        if self.detail.key.as_ref() == Some(key) {
            self.detail.facts = Some(facts);
        }
    }

    fn remember(&mut self) {
        self.history.push(&self.now, self.clock.as_millisecond());
        self.pools.push(&self.now, self.clock);
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
        self.view.widths = Widths::default();
        self.ask(Effect::Sessions(false));
        self.say(gone);
    }

    /// Asks about the selected row, where that was not done already.
    pub(crate) fn inquire(&mut self) {
        let Some(row) = self.current() else { return };
        let key = (row.row.tag.clone(), row.row.pool);
        if self.detail.key.as_ref() != Some(&key) {
            let row = row.row.clone();
            self.detail.turn_to(key);
            self.ask(Effect::Inquire(row));
        }
    }

    /// Whether the data is invented.
    pub(crate) fn simulated(&self) -> bool {
        self.now.origin.kind == SourceKind::Simulated
    }
}
