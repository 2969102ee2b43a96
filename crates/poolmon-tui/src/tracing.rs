//! A trace of one row, made while the screen goes on: the thread, and what the state knows of it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use poolmon_model::units::{counted, span};
use poolmon_model::{Pool, Row, Tag, copies};

use crate::app::{App, Effect, Mode};
use crate::bindings::View;
use crate::render;

/// How long the key `T` traces.
pub const TRACE_LENGTH: Duration = Duration::from_secs(20);
/// How often a trace reports how it is going.
const STEP: Duration = Duration::from_millis(500);
/// How long the end of a trace is waited for when the screen ends: the system has to stop making events.
const PATIENCE: Duration = Duration::from_secs(3);

/// Is handed the time since the beginning and the events so far; false = stop, with what was found up to now.
pub type GoOn<'a> = &'a mut dyn FnMut(Duration, u64) -> bool;
/// Traces a row for a time: what was found, in lines, or in one line why nothing was.
pub type Tracer = Arc<dyn Fn(&Row, Duration, GoOn<'_>) -> Result<Vec<String>, String> + Send + Sync>;

/// What a trace reports.
#[derive(Debug)]
pub(crate) enum TraceNews {
    /// It goes on: the time since the beginning, and events.
    Step(Duration, u64),
    /// It is over.
    End(Result<Vec<String>, String>),
}

/// A trace that is being made, on a thread of its own.
pub(crate) struct TraceThread {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl TraceThread {
    pub(crate) fn start(
        tracer: Tracer,
        row: Row,
        mut tell: impl FnMut(TraceNews) -> bool + Send + 'static,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let thread = thread::Builder::new().name("trace".into()).spawn(move || {
            let mut reported = None;
            let found = tracer(&row, TRACE_LENGTH, &mut |elapsed, events| {
                if reported.is_none_or(|last: Instant| last.elapsed() >= STEP) {
                    reported = Some(Instant::now());
                    if !tell(TraceNews::Step(elapsed, events)) {
                        return false;
                    }
                }
                !stopping.load(Ordering::Relaxed)
            });
            tell(TraceNews::End(found));
        })?;
        Ok(Self { stop, thread })
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Stops it, and waits until it has ended, not for ever.
    pub(crate) fn end(self) {
        self.stop();
        let patience = Instant::now() + PATIENCE;
        while !self.thread.is_finished() && Instant::now() < patience {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The last trace.
#[derive(Debug)]
pub(crate) struct RowTrace {
    /// Of which row.
    pub key: (Tag, Pool),
    pub state: TraceState,
    /// When it began or, once there is a result, when it ended.
    pub at: Timestamp,
    /// Its stacks are shown rather than the charts, or the figures where there is no room for both.
    pub shown: bool,
    /// Lines that are scrolled out.
    pub scroll: u16,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TraceState {
    Running { elapsed: Duration, events: u64, stopping: bool },
    Done(Vec<String>),
    Failed(String),
}

impl RowTrace {
    /// How it is going, in a line; `None` if it is over.
    pub(crate) fn progress(&self) -> Option<String> {
        match &self.state {
            TraceState::Running { stopping: true, .. } => Some("stopping …".into()),
            TraceState::Running { elapsed, events, .. } => Some(format!(
                "{} of {}, {}; Esc stops",
                span(Duration::from_secs(elapsed.as_secs())),
                span(TRACE_LENGTH),
                counted(*events, "event")
            )),
            _ => None,
        }
    }
}

impl App {
    /// Traces the selected row. False if no row is selected.
    pub(crate) fn trace_selected(&mut self) -> bool {
        if self.mode != Mode::Detail && !self.view.has_selection() {
            return false;
        }
        let Some(row) = self.current().map(|row| row.row.clone()) else { return false };
        let key = (row.tag.clone(), row.pool);
        let simulated = "these figures are simulated: trace a real machine with `poolmon` and T";
        let joined = "this row stands for several caches: press x and select one of them";
        let refusal = (self.feed.no_trace())
            .or(self.simulated().then_some(simulated))
            .or(copies::joined_size(&key.0).map(|_| joined));
        if let Some(why) = refusal {
            self.say(format!("No trace: {why}."));
            return true;
        }
        if let Some(trace) = self.detail.trace.as_ref().filter(|trace| trace.progress().is_some()) {
            let text = format!("{} is being traced: Esc stops it.", trace.key.0);
            self.say(text);
            return true;
        }
        let state = TraceState::Running { elapsed: Duration::ZERO, events: 0, stopping: false };
        self.detail.trace = Some(RowTrace { key, state, at: self.clock, shown: true, scroll: 0 });
        self.open();
        self.ask(Effect::Trace(row));
        true
    }

    /// Esc: stops a trace that is being made. False if there is none.
    pub(crate) fn stop_trace(&mut self) -> bool {
        let Some(RowTrace { state: TraceState::Running { stopping, .. }, .. }) = &mut self.detail.trace
        else {
            return false;
        };
        // A system that does not answer must not keep the person here.
        let first = !std::mem::replace(stopping, true);
        if first {
            self.ask(Effect::StopTrace);
        }
        first
    }

    /// A trace reports.
    pub(crate) fn trace_news(&mut self, news: TraceNews) {
        let Some(trace) = &mut self.detail.trace else { return };
        let end = match news {
            TraceNews::Step(now, seen) => {
                if let TraceState::Running { elapsed, events, .. } = &mut trace.state {
                    (*elapsed, *events) = (now, seen);
                }
                return;
            }
            TraceNews::End(end) => end,
        };
        trace.at = self.clock;
        let said = match end {
            Ok(lines) => {
                trace.state = TraceState::Done(lines);
                let tag = trace.key.0.to_string();
                let away = self.shown_trace().is_none();
                away.then(|| format!("The trace of {} is done: Enter on its row shows it.", tag.trim_end()))
            }
            Err(why) => {
                trace.state = TraceState::Failed(why.clone());
                Some(format!("No trace: {why}"))
            }
        };
        if let Some(said) = said {
            self.say(said);
        }
    }

    /// The last trace, if it is of this row.
    pub(crate) fn trace_of(&self, key: &(Tag, Pool)) -> Option<&RowTrace> {
        self.detail.trace.as_ref().filter(|trace| trace.key == *key)
    }

    /// The trace of the row in the detail pane, if it has a result.
    pub(crate) fn done_trace(&self) -> Option<&RowTrace> {
        let row = self.current().filter(|_| self.mode.view() == View::Detail)?;
        let trace = self.detail.trace.as_ref()?;
        let of_row = trace.key.0 == row.row.tag && trace.key.1 == row.row.pool;
        (of_row && matches!(trace.state, TraceState::Done(_))).then_some(trace)
    }

    /// The same, if its stacks are shown.
    pub(crate) fn shown_trace(&self) -> Option<&RowTrace> {
        self.done_trace().filter(|trace| trace.shown)
    }

    /// Stacks or charts. Without stacks, a refresh as with any key that has no meaning.
    pub(crate) fn stacks_or_charts(&mut self) {
        let there = self.done_trace().is_some();
        if let Some(trace) = self.detail.trace.as_mut().filter(|_| there) {
            trace.shown = !trace.shown;
            trace.scroll = 0;
        }
        if !there {
            self.ask(Effect::Refresh);
        }
    }

    /// Scrolls the stacks by halves of a page. False if none are shown.
    pub(crate) fn scroll_trace(&mut self, halves: isize) -> bool {
        let (page, _) = render::detail::trace_scroll(self);
        let by = i32::from(page.saturating_sub(1).max(2)) * i32::try_from(halves).unwrap_or(0) / 2;
        self.scroll_trace_lines(by)
    }

    /// Scrolls the stacks. False if none are shown.
    pub(crate) fn scroll_trace_lines(&mut self, by: i32) -> bool {
        if self.shown_trace().is_none() {
            return false;
        }
        let (_, most) = render::detail::trace_scroll(self);
        if let Some(trace) = &mut self.detail.trace {
            let to = i32::from(trace.scroll) + by;
            trace.scroll = u16::try_from(to.clamp(0, i32::from(most))).unwrap_or(0);
        }
        true
    }
}

/// Lines as they are shown in this width: long ones go on in the next line, further to the right.
pub(crate) fn wrapped(lines: &[String], width: u16) -> Vec<String> {
    let width = usize::from(width).max(8);
    let mut all = Vec::new();
    for line in lines {
        let begins = line.chars().take_while(|c| *c == ' ').count().min(width / 2);
        let mut rest: Vec<char> = line.trim_end().chars().collect();
        let mut indent = 0;
        while rest.len() + indent > width {
            let room = width - indent;
            let text = if indent == 0 { begins } else { 0 };
            // A word that is longer than the line is cut.
            let at = (text + 1..=room).rev().find(|&at| rest.get(at) == Some(&' ')).unwrap_or(room);
            let tail: Vec<char> = rest.split_off(at).into_iter().skip_while(|c| *c == ' ').collect();
            all.push(" ".repeat(indent) + &rest.iter().collect::<String>());
            rest = tail;
            indent = (begins + 2).min(width / 2);
        }
        all.push(" ".repeat(indent) + &rest.iter().collect::<String>());
    }
    all
}
