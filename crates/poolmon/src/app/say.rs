//! The one door to standard error: errors with their remedy, warnings, notes, and one line of progress.
//!
//! `--quiet` silences notes and progress; warnings (the answer is not complete or not what was asked for) and errors
//! remain. A line of progress is cleared before anything else is said.

use std::cell::Cell;
use std::fmt::{Arguments, Display};
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use poolmon_dump::DumpError;
use poolmon_model::hidden::{safe, safe_lines};
use poolmon_model::problem::{Problem, Remedy, remedy_of};
use poolmon_owner::pooltag::PooltagError;
use poolmon_print::SafeText;
use poolmon_read::ReadError;
use poolmon_read::moment::NotAMoment;
use poolmon_source::SourceError;
use poolmon_store::StoreError;

use crate::cli::live::Color;

static QUIET: AtomicBool = AtomicBool::new(false);

/// Characters of the line of progress that is on the terminal now.
static SHOWN: Mutex<usize> = Mutex::new(0);

/// Widest line of progress: the smallest usual terminal, without its last column.
const WIDTH: usize = 79;

/// From now on, neither notes nor progress.
pub fn quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Whether notes and progress are silenced.
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// A line that helps to read the answer.
macro_rules! note {
    ($($text:tt)+) => { $crate::app::say::noted(format_args!($($text)+)) };
}

/// A line that the answer must not be read without.
macro_rules! warning {
    ($($text:tt)+) => { $crate::app::say::warned(format_args!($($text)+)) };
}

/// A line of the answer, on standard output.
macro_rules! answer {
    ($($text:tt)+) => { $crate::app::say::answered(format_args!($($text)+)) };
}

pub(crate) use {answer, note, warning};

/// See [`note!`].
pub fn noted(text: Arguments<'_>) {
    if !is_quiet() {
        line(&text);
    }
}

/// See [`answer!`].
pub fn answered(text: Arguments<'_>) -> io::Result<()> {
    let mut out = out(true);
    writeln!(out, "{text}").and_then(|()| out.flush())
}

/// `--color`.
static COLOR: OnceLock<Color> = OnceLock::new();

/// When answers, and the screen, have colours.
pub fn set_color(color: Color) {
    let _ = COLOR.set(color);
}

/// See [`set_color`].
pub fn color() -> Color {
    COLOR.get().copied().unwrap_or_default()
}

/// The one door to standard output. For a person, and on a terminal, nothing passes that steers one, as others chose
/// the names; what a program reads stays as it is.
pub fn out(for_a_person: bool) -> SafeText<BufWriter<StdoutLock<'static>>> {
    let out = io::stdout().lock();
    let active = for_a_person || out.is_terminal();
    let auto = || out.is_terminal() && poolmon_tui::takes_colours();
    let colours = for_a_person && (color() == Color::Always || color() == Color::Auto && auto());
    SafeText::new(BufWriter::with_capacity(1 << 16, out), active).in_colour(colours)
}

thread_local! {
    static HUSHED: Cell<bool> = const { Cell::new(false) };
}

/// Nothing that the calling thread says from now on is written: it works behind the screen, whose terminal this is.
pub fn hush() {
    HUSHED.set(true);
}

/// See [`warning!`].
pub fn warned(text: Arguments<'_>) {
    line(&text);
}

/// A warning with what helps.
pub fn warn(problem: &dyn Remedy) {
    line(&problem.in_full());
}

/// An error, with its causes and its remedy.
pub fn error(error: &anyhow::Error) {
    line(&in_full(error));
}

/// An error with its causes, and its remedy in a line of its own.
pub fn in_full(error: &anyhow::Error) -> String {
    problem(error).in_full()
}

/// The error and its causes; a cause that a message names already is not repeated.
fn said_once(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |mut text, cause| {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text.extend([": ", &cause]);
        }
        text
    })
}

/// An error as its message and what helps.
pub fn problem(error: &anyhow::Error) -> Problem {
    Problem { message: said_once(error), remedy: remedy(error) }
}

/// What helps, of the outermost cause that knows it.
pub fn remedy(error: &anyhow::Error) -> Option<String> {
    fn of<E: Remedy + Display + std::fmt::Debug + Send + Sync + 'static>(
        error: &anyhow::Error,
    ) -> Option<String> {
        error.downcast_ref::<E>().and_then(Remedy::remedy)
    }
    of::<Problem>(error)
        .or_else(|| of::<SourceError>(error))
        .or_else(|| of::<ReadError>(error))
        .or_else(|| of::<StoreError>(error))
        .or_else(|| of::<DumpError>(error))
        .or_else(|| of::<PooltagError>(error))
        .or_else(|| of::<poolmon_tui::ScreenError>(error))
        .or_else(|| of::<NotAMoment>(error))
        .or_else(|| of::<poolmon_record::RecordError>(error))
        .or_else(|| of::<poolmon_watch::WatchError>(error))
        .or_else(|| of::<poolmon_watch::ContinuedError>(error))
        .or_else(|| of::<poolmon_trace::file::FileError>(error))
        .or_else(|| of_server(error))
        .or_else(|| Some(error.chain().find_map(|cause| cause.downcast_ref().and_then(remedy_of))?.into()))
}

#[cfg(feature = "serve")]
fn of_server(error: &anyhow::Error) -> Option<String> {
    error.downcast_ref::<poolmon_serve::ServeError>().and_then(Remedy::remedy)
}

#[cfg(not(feature = "serve"))]
const fn of_server(_: &anyhow::Error) -> Option<String> {
    None
}

/// What is wrong with the command line: as clap writes it, unless that quotes something that steers a terminal.
pub fn usage(error: &clap::Error) -> io::Result<()> {
    let text = error.render().to_string();
    match safe_lines(&text) {
        // Help and version come this way too, for standard output.
        std::borrow::Cow::Owned(_) if error.use_stderr() => put(format_args!("{text}")),
        // A terminal that is gone is no reason to stop.
        _ => {
            return error
                .print()
                .and_then(|()| io::stdout().flush())
                .or_else(|io| if error.use_stderr() { Ok(()) } else { Err(io) });
        }
    }
    Ok(())
}

/// Writes a line, with the program's name before it. A terminal that is gone is no reason to stop.
fn line(text: &dyn Display) {
    put(format_args!("poolmon: {text}\n"));
}

fn put(text: Arguments<'_>) {
    if HUSHED.get() {
        return;
    }
    let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut out = io::stderr().lock();
    // Messages quote names of files, hosts and caches.
    let text = text.to_string();
    let text = safe_lines(&text);
    let _ =
        wipe(&mut out, &mut shown).and_then(|()| out.write_all(text.as_bytes())).and_then(|()| out.flush());
}

fn wipe(out: &mut dyn Write, shown: &mut usize) -> io::Result<()> {
    match std::mem::take(shown) {
        0 => Ok(()),
        wide => write!(out, "\r{:wide$}\r", ""),
    }
}

/// Writes a text over the one that is shown. Blanks, not an escape sequence: consoles before Windows 10 know none.
fn write_over(out: &mut dyn Write, shown: &mut usize, text: &str) -> io::Result<()> {
    let text: String = safe(text).chars().take(WIDTH).collect();
    let wide = text.chars().count();
    write!(out, "\r{text}{:1$}\r{text}", "", shown.saturating_sub(wide))?;
    *shown = wide;
    out.flush()
}

/// A line of progress on a terminal, written in place; nothing if standard error is none, or with `--quiet`.
pub struct Progress {
    wanted: bool,
    next: Instant,
}

impl Progress {
    /// What is done within a third of a second needs no line.
    const PATIENCE: Duration = Duration::from_millis(300);
    /// Time between two lines.
    const PAUSE: Duration = Duration::from_millis(100);

    /// Before the work.
    pub fn new() -> Self {
        Self { wanted: !is_quiet() && io::stderr().is_terminal(), next: Instant::now() + Self::PATIENCE }
    }

    /// Shows a text, if it is time for one.
    pub fn show(&mut self, text: impl FnOnce() -> String) {
        if self.wanted && Instant::now() >= self.next {
            self.show_now(&text());
        }
    }

    /// Shows a text at once.
    pub fn show_now(&mut self, text: &str) {
        if self.wanted {
            self.next = Instant::now() + Self::PAUSE;
            let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = write_over(&mut io::stderr().lock(), &mut shown, text);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.wanted {
            put(format_args!(""));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let cause = io::Error::other("no such thing");
        let error = anyhow::Error::new(cause).context("cannot open x: no such thing").context("cannot read");
        assert_eq!(said_once(&error), "cannot read: cannot open x: no such thing");
    }

    #[test]
    fn the_remedy_is_found_below_a_context() {
        let error =
            anyhow::Error::new(Problem::new("x: a folder", "name a file in x")).context("cannot write");
        assert_eq!(said_once(&error), "cannot write: x: a folder");
        assert_eq!(remedy(&error).as_deref(), Some("name a file in x"));
    }

    #[test]
    fn what_the_system_says_has_a_remedy_below_everything_else() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let stored = anyhow::Error::new(StoreError::io("write", "x")(full())).context("export");
        for error in [anyhow::Error::new(full()).context("cannot write x"), stored] {
            assert!(remedy(&error).unwrap().starts_with("free some space"), "{error:?}");
        }
    }

    #[test]
    fn progress_is_written_in_place() {
        let (mut out, mut shown) = (Vec::new(), 0);
        write_over(&mut out, &mut shown, "9,999 s\u{9b}mples").unwrap();
        write_over(&mut out, &mut shown, "1 sample").unwrap();
        wipe(&mut out, &mut shown).unwrap();
        let blanks = |n| " ".repeat(n);
        let expected = format!(
            "\r9,999 s\u{fffd}mples\r9,999 s\u{fffd}mples\r1 sample{}\r1 sample\r{}\r",
            blanks(5),
            blanks(8)
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
