#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! The live screen.
//!
//! Data passes through these modules in one direction:
//!
//! 1. `terminal`: keys, mouse, signals, time; the only module that touches the terminal;
//! 2. `sampler`: the thread that asks the source, and the judge of its samples (`verdicts`); `tracing`: one that traces a row;
//! 3. [`App`] (`app`): the state, with one part for each view (`table`, `detail`, `holders`, [`mod@replay`]); `feed`: where samples come
//!    from; `history`, `pools`: the past of each row and pool. [`bindings`] is the one table of keys, to which each view adds its own; `input`, `prompts`
//!    and `mouse` turn events into its actions; [`config`] is what a person set, [`keymap`] their keys, `left` how they left the screen; `runner` runs the next command of a row;
//! 4. `columns`: which columns stand where;
//! 5. [`render`] and `theme`: the state as a frame.
//!
//! The screen never reads the system: its samples come from a [`Source`], or from a [`Tape`] ([`mod@replay`]).
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]

mod action;
mod app;
pub mod bindings;
mod columns;
pub mod config;
mod detail;
mod feed;
mod folding;
mod history;
mod holders;
mod input;
pub mod keymap;
mod left;
mod mouse;
mod pools;
mod prompts;
mod render;
pub mod replay;
mod runner;
mod sampler;
mod table;
mod terminal;
mod theme;
mod tracing;
mod verdicts;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::problem::Remedy;
use poolmon_model::{Labeler, Row, Sample, Table};
use poolmon_source::{Source, SourceError};

use app::Opening;
use replay::deck::{Deck, Motion};

pub use app::{App, Effect, INTERVALS, Mode, Settings};
pub use columns::Choice;
pub use config::Config;
pub use holders::HolderRun;
pub use left::LeftFile;
pub use poolmon_read::{DamageCheck, Tape};
pub use render::render;
pub use replay::{SPEEDS, Speed};
pub use terminal::takes_colours;
pub use theme::{ColourMode, Look, Palette, Theme};
pub use tracing::{GoOn, TRACE_LENGTH, Tracer};
pub use verdicts::{LiveVerdicts, VerdictSource};

/// Writes what is on the screen to a file and returns its path, or why not.
pub type SnapshotWriter = Box<dyn FnMut(&Sample, &Table) -> Result<PathBuf, String>>;
/// What is known of a row's tag, as facts.
pub type Describe = Box<dyn FnMut(&Row) -> Vec<poolmon_source::Fact>>;

/// What the screen needs.
pub struct ScreenOptions {
    /// Where samples come from.
    pub source: Box<dyn Source>,
    /// Who knows the owners of tags.
    pub labeler: Option<Arc<dyn Labeler + Send + Sync>>,
    /// Who judges whether rows leak.
    pub judge: Option<Box<dyn VerdictSource>>,
    /// Time between two refreshes.
    pub interval: Duration,
    /// How the screen starts.
    pub initial: Settings,
    /// How it looks; see [`Look::from_env`].
    pub look: Look,
    /// What the key `w` does.
    pub snapshot_writer: SnapshotWriter,
    /// What the detail pane tells of a row.
    pub describe: Describe,
    /// What the key `T` does.
    pub tracer: Option<Tracer>,
    /// Where it is remembered how the screen is left.
    pub left: Option<LeftFile>,
    /// If something leaks from the start, by the past that the source knows, its rows come first.
    pub opens_on_verdict: bool,
}

/// Why the screen could not be shown, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScreenError {
    /// The first sample failed; the terminal was not touched.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The tape cannot be read; the terminal was not touched.
    #[error("{0}")]
    Tape(String),
    /// The terminal cannot be used, or was lost.
    #[error("cannot use the terminal: {0}")]
    Terminal(#[from] std::io::Error),
}

impl Remedy for ScreenError {
    fn remedy(&self) -> Option<String> {
        match self {
            Self::Source(source) => source.remedy(),
            Self::Tape(_) => None,
            Self::Terminal(_) => {
                Some("run poolmon in a terminal, or write a snapshot: poolmon -n FILE".into())
            }
        }
    }
}

/// Judges a whole tape, on a thread of its own; or in one line why it cannot.
pub type TapeJudge = Box<dyn FnOnce() -> Result<LiveVerdicts, String> + Send>;

/// What the screen needs to show a tape.
pub struct ReplayOptions {
    /// The tape.
    pub tape: Box<dyn Tape>,
    /// Only samples from this time on …
    pub from: Option<Timestamp>,
    /// … and until this one.
    pub to: Option<Timestamp>,
    /// The moment to begin at, else the first.
    pub at: Option<Timestamp>,
    /// It plays at this speed from the start, else it waits for Space.
    pub speed: Option<Speed>,
    /// Who knows the owners of tags.
    pub labeler: Option<Arc<dyn Labeler + Send + Sync>>,
    /// What judges the range that is shown.
    pub judge: Option<TapeJudge>,
    /// Looks for damage, once it was judged: reading all of a tape takes longer than a person should wait for the first frame.
    pub check: Option<DamageCheck>,
    /// If something leaks, its rows come first, with the gravest selected; and if no other moment was asked for, the last is shown.
    pub opens_on_verdict: bool,
    /// How the screen starts.
    pub initial: Settings,
    /// Where it is remembered how the screen is left.
    pub left: Option<LeftFile>,
    /// How it looks.
    pub look: Look,
    /// What the key `w` does.
    pub snapshot_writer: SnapshotWriter,
    /// What the detail pane tells of a row.
    pub describe: Describe,
}

/// What looks at all of a tape while it is shown.
#[derive(Default)]
struct Looks {
    judge: Option<TapeJudge>,
    check: Option<DamageCheck>,
    left: Option<LeftFile>,
}

/// Shows a tape until the person leaves. Returns what is damaged, if that was found meanwhile.
///
/// # Errors
/// [`ScreenError::Tape`] if it cannot be read, before the terminal is touched; [`ScreenError::Terminal`].
pub fn replay(options: ReplayOptions) -> Result<Option<String>, ScreenError> {
    let ReplayOptions {
        tape,
        from,
        to,
        at,
        speed,
        labeler,
        judge,
        check,
        opens_on_verdict,
        initial,
        mut left,
        look,
        snapshot_writer,
        describe,
    } = options;
    let mut deck = Deck::new(tape, from, to).map_err(ScreenError::Tape)?;
    let moment = match at {
        Some(at) => deck.go(&Motion::To(at)),
        None => deck.moment(false),
    };
    let moment = moment.map_err(ScreenError::Tape)?;
    let Some(first) = moment.run.last().map(|sample| (**sample).clone()) else { return Ok(None) };
    let mut app = App::new(first, initial, Duration::from_secs(1), labeler, look, Timestamp::now())
        .with_tape(deck.timeline().clone(), moment, speed);
    if let Some(left) = &mut left {
        left.restore(&mut app);
    }
    if opens_on_verdict {
        let stays = at.is_some() || speed.is_some();
        app.opening = if stays { Opening::OnVerdict } else { Opening::OnVerdictAtEnd };
    }
    app.verdicts.expect(judge.is_some());
    let looks = Looks { judge, check, left };
    Ok(terminal::run(app, sampler::of_deck(deck), describe, snapshot_writer, None, looks)?)
}

/// Shows the screen until the person leaves.
///
/// # Errors
/// [`ScreenError::Source`] where the first sample fails, before the terminal is touched; [`ScreenError::Terminal`].
pub fn run(mut options: ScreenOptions) -> Result<(), ScreenError> {
    if options.initial.filter.scope != poolmon_model::Scope::System {
        options.source.want_sessions(true);
    }
    let (mut history, mut pools) = (history::History::default(), pools::PoolHistory::default());
    let mut past = Sample::empty();
    while options.source.past_into(&mut past)? {
        if let Some(judge) = &mut options.judge {
            judge.push_past(&past);
        }
        history.push(&past, past.time.unwrap_or_default().as_millisecond());
        pools.push(&past, Timestamp::now());
    }
    let first = options.source.sample()?;
    if let Some(judge) = &mut options.judge {
        judge.push(&first);
    }
    let ScreenOptions { source, labeler, mut judge, interval, initial, mut left, look, .. } = options;
    let (describe, snapshot_writer, tracer) = (options.describe, options.snapshot_writer, options.tracer);
    let mut app = App::new(first, initial, interval, labeler, look, Timestamp::now());
    let has_past = history.refreshes() > 0;
    if has_past {
        app = app.with_past(history, pools);
    }
    if let Some(left) = &mut left {
        left.restore(&mut app);
    }
    if has_past {
        // With a past, there are verdicts from the first frame on.
        if let Some(judge) = &mut judge {
            app.opening = if options.opens_on_verdict { Opening::OnVerdict } else { Opening::AsAsked };
            app.judge(judge.judge());
        }
    }
    if source.is_still() {
        app = app.held_still();
    }
    terminal::run(
        app,
        sampler::of_source(source, judge),
        describe,
        snapshot_writer,
        tracer,
        Looks { left, ..Looks::default() },
    )?;
    Ok(())
}

#[cfg(test)]
mod tests;
