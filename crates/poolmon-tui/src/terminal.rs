//! Everything that touches the terminal: setup, restoring it whatever happens, events, signals, the loop.

use std::io::{self, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use poolmon_model::{CounterWidth, Row, Sample};
use ratatui::Terminal;
use ratatui_crossterm::CrosstermBackend;
use ratatui_crossterm::crossterm::event::{self, DisableMouseCapture, EnableMouseCapture, Event};
use ratatui_crossterm::crossterm::execute;
use ratatui_crossterm::crossterm::terminal::{
    DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};

use crate::app::{App, Effect};
use crate::replay::deck::Motion;
use crate::runner::{self, OwnCommand};
use crate::sampler::{self, Asked, Question, SamplerAnswer};
use crate::theme::ColourMode;
use crate::tracing::{TraceNews, TraceThread};
use crate::{Describe, Looks, SnapshotWriter, Tracer};

/// How often the clock on the screen moves on (age of data, messages).
const TICK: Duration = Duration::from_secs(1);
/// How often the input thread looks whether it is still wanted; a key wakes it at once.
const KEYS: Duration = Duration::from_millis(250);
/// How long the input thread is waited for at the end; a live one answers within a quarter of a second.
const GONE: Duration = Duration::from_millis(500);

/// What wakes the loop.
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation for every refresh")]
enum Wake {
    Input(Event),
    Answer(SamplerAnswer),
    Trace(TraceNews),
    Leave,
}

/// Whether what is printed on a terminal may have colours: the environment does not ask for none, and the terminal knows their sequences
/// (the console of Windows has to be asked first).
pub fn takes_colours() -> bool {
    #[cfg(windows)]
    let knows = ratatui_crossterm::crossterm::ansi_support::supports_ansi();
    #[cfg(not(windows))]
    let knows = true;
    knows && ColourMode::from_env(|name| std::env::var(name).ok()) != ColourMode::None
}

/// The terminal in its alternate screen; dropping it restores what was there.
struct Screen {
    terminal: Terminal<CrosstermBackend<io::Stdout>>,
    away: Arc<Away>,
}

impl Screen {
    fn open() -> io::Result<Self> {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            hook(info);
        }));
        // Whether there are colours was decided before: `--color always` overrides NO_COLOR.
        ratatui_crossterm::crossterm::style::force_color_output(true);
        match enter().and_then(|()| Terminal::new(CrosstermBackend::new(stdout()))) {
            Ok(terminal) => Ok(Self { terminal, away: Arc::default() }),
            Err(error) => {
                restore();
                Err(error)
            }
        }
    }
}

impl Screen {
    /// Runs a command where the screen was, and shows the screen again. What came of it.
    fn run(&mut self, command: &OwnCommand, shown: &str) -> io::Result<String> {
        let away = Arc::clone(&self.away);
        away.is_away.store(true, Ordering::Relaxed);
        // The input thread is between two keys now, and takes none of the command's.
        let keys = away.keys.lock();
        self.terminal.show_cursor()?;
        restore();
        let said = command.run(shown);
        let entered = enter();
        drop(keys);
        away.is_away.store(false, Ordering::Relaxed);
        entered?;
        self.terminal.clear()?;
        Ok(said)
    }
}

/// A command has the terminal.
#[derive(Default)]
struct Away {
    is_away: AtomicBool,
    /// Held by who reads keys.
    keys: Mutex<()>,
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    unwrapped(true)
        .and_then(|()| execute!(stdout(), EnterAlternateScreen, EnableMouseCapture))
        .and_then(|()| unwrapped(true))
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.terminal.show_cursor();
        restore();
    }
}

/// A console of Windows without virtual terminal sequences wraps at once and scrolls the whole screen by a line when its last cell
/// is written: wrapping is off while the screen is shown, in the buffer that is current when this is called. Terminals elsewhere wait
/// for the next character.
fn unwrapped(is_off: bool) -> io::Result<()> {
    match (cfg!(windows), is_off) {
        (false, _) => Ok(()),
        (true, true) => execute!(stdout(), DisableLineWrap),
        (true, false) => execute!(stdout(), EnableLineWrap),
    }
}

/// Nothing can be done where this fails: the terminal is gone.
fn restore() {
    let _ = unwrapped(false);
    let _ = execute!(
        stdout(),
        DisableMouseCapture,
        LeaveAlternateScreen,
        ratatui_crossterm::crossterm::cursor::Show
    );
    let _ = unwrapped(false);
    let _ = disable_raw_mode();
}

/// Runs the screen until the person leaves.
pub fn run(
    mut app: App,
    asked: Asked,
    mut describe: Describe,
    mut snapshot: SnapshotWriter,
    tracer: Option<Tracer>,
    looks: Looks,
) -> io::Result<Option<String>> {
    let (wake, wakes) = channel();
    let answers = wake.clone();
    let questions = sampler::start(asked, move |answer| answers.send(Wake::Answer(answer)).is_ok())?;
    let mut screen = Screen::open()?;
    let stop = Arc::new(AtomicBool::new(false));
    let signals = Signals::listen(&wake, &screen.away)?;
    let input = listen_to_keys(wake.clone(), Arc::clone(&stop), Arc::clone(&screen.away))?;
    if looks.judge.is_some() || looks.check.is_some() {
        let judged = wake.clone();
        // It ends with the process: there is nothing that it could leave half done.
        thread::Builder::new().name("judge".into()).spawn(move || {
            if let Some(judge) = looks.judge {
                let answer = judge().map_or_else(SamplerAnswer::NotJudged, SamplerAnswer::Judged);
                let _ = judged.send(Wake::Answer(answer));
            }
            if let Some(damage) = looks.check.and_then(|check| check()) {
                let _ = judged.send(Wake::Answer(SamplerAnswer::Damaged(damage)));
            }
        })?;
    }
    let mut tracing = Tracing { tracer, wake, thread: None };
    let outcome =
        main_loop(&mut app, &mut screen, &wakes, &questions, &mut describe, &mut snapshot, &mut tracing);
    stop.store(true, Ordering::Relaxed);
    if let Some(thread) = tracing.thread {
        thread.end();
    }
    signals.close();
    drop(wakes);
    // The input thread looks at `stop` four times a second; it must not read what the shell should get.
    // Not for ever: where the terminal is gone (a closed window, a lost connection), the key reader of crossterm
    // turns in circles at the end of its input and never comes back. The thread ends with the process.
    let patience = Instant::now() + GONE;
    while !input.is_finished() && Instant::now() < patience {
        thread::sleep(Duration::from_millis(5));
    }
    drop(screen);
    if let Some(left) = looks.left {
        left.keep(&app);
    }
    outcome.map(|()| app.damage)
}

/// What traces a row.
struct Tracing {
    tracer: Option<Tracer>,
    wake: Sender<Wake>,
    /// The last one.
    thread: Option<TraceThread>,
}

impl Tracing {
    fn start(&mut self, app: &mut App, row: Row) {
        let wake = self.wake.clone();
        let started = match &self.tracer {
            Some(tracer) => {
                TraceThread::start(Arc::clone(tracer), row, move |news| wake.send(Wake::Trace(news)).is_ok())
                    .map_err(|error| format!("no thread for it: {error}"))
            }
            None => Err("this source cannot be traced".into()),
        };
        match started {
            Ok(thread) => self.thread = Some(thread),
            Err(why) => app.trace_news(TraceNews::End(Err(why))),
        }
    }
}

struct Pace {
    spare: Option<Sample>,
    due: Instant,
    /// When what is shown came.
    since: Instant,
    again: bool,
}

fn main_loop(
    app: &mut App,
    screen: &mut Screen,
    wakes: &Receiver<Wake>,
    questions: &Sender<Question>,
    describe: &mut Describe,
    snapshot: &mut SnapshotWriter,
    tracing: &mut Tracing,
) -> io::Result<()> {
    let size = screen.terminal.size()?;
    app.resize(size.width, size.height);
    let (now, _) = app.shown();
    let spare = Sample::new(Arc::clone(&now.origin), CounterWidth::default());
    let mut pace =
        Pace { spare: Some(spare), due: Instant::now() + app.interval, since: Instant::now(), again: false };
    let mut stale = true;
    loop {
        for effect in app.take_effects() {
            match effect {
                Effect::Quit => return Ok(()),
                Effect::Refresh if app.feed.is_tape() => wind(app, Motion::Look, questions),
                Effect::Refresh => refresh(app, &mut pace, questions),
                Effect::Wind(motion) => wind(app, motion, questions),
                Effect::Chart { row, from, to } => drop(questions.send(Question::Chart(row, from, to))),
                Effect::Holders { to } => drop(questions.send(Question::Holders(to))),
                Effect::Trace(row) => tracing.start(app, row),
                Effect::StopTrace => tracing.thread.iter().for_each(TraceThread::stop),
                Effect::Run(command, shown) => {
                    let said = screen.run(&command, &shown)?;
                    let size = screen.terminal.size()?;
                    app.resize(size.width, size.height);
                    app.tick(Timestamp::now());
                    app.say(said);
                    stale = true;
                }
                Effect::Copy(text) => {
                    use io::Write as _;
                    let mut out = stdout();
                    out.write_all(runner::clipboard(&text).as_bytes()).and_then(|()| out.flush())?;
                }
                Effect::Redraw => screen.terminal.clear()?,
                Effect::Sessions(wanted) => drop(questions.send(Question::Sessions(wanted))),
                Effect::Inquire(row) => {
                    let key = (row.tag.clone(), row.pool);
                    app.describe(&key, describe(&row));
                    drop(questions.send(Question::Facts(row.tag, row.pool)));
                }
                Effect::Facts(tag, pool) => drop(questions.send(Question::Facts(tag, pool))),
                Effect::Snapshot => {
                    let (sample, table) = app.shown();
                    let said = match snapshot(sample, table) {
                        Ok(path) => format!("Snapshot written to {}", path.display()),
                        Err(error) => format!("No snapshot: {error}"),
                    };
                    app.say(said);
                }
            }
        }
        if std::mem::take(&mut stale) {
            screen.terminal.draw(|frame| crate::render(app, frame))?;
        }
        if app.feed.is_tape() {
            // The speed may have changed since the sample came.
            pace.due = pace.since + app.wait();
        }
        let mut wait = TICK;
        if !app.paused && app.waiting.is_none() {
            wait = wait.min(pace.due.saturating_duration_since(Instant::now()));
        }
        let first = match wakes.recv_timeout(wait) {
            Ok(wake) => Some(wake),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        app.tick(Timestamp::now());
        // Where a sample is due, the screen is drawn when it has come, and not before and after it.
        stale = first.is_some() || app.paused || Instant::now() < pace.due;
        // Everything that waits is taken in before the next frame: a held key never runs ahead of the screen.
        for wake in first.into_iter().chain(wakes.try_iter()) {
            if !take_in(app, wake, &mut pace, questions) {
                return Ok(());
            }
        }
        if app.paused || Instant::now() < pace.due {
            continue;
        }
        if !app.feed.is_tape() {
            refresh(app, &mut pace, questions);
        } else if app.waiting.is_none() {
            app.pass();
        }
    }
}

/// Takes one event in; false = leave.
fn take_in(app: &mut App, wake: Wake, pace: &mut Pace, questions: &Sender<Question>) -> bool {
    let interval = app.interval;
    match wake {
        Wake::Leave => return false,
        Wake::Input(Event::Key(key)) => app.on_key(key),
        Wake::Input(Event::Mouse(mouse)) => app.on_mouse(mouse),
        Wake::Input(Event::Resize(width, height)) => app.resize(width, height),
        Wake::Input(_) => {}
        Wake::Answer(SamplerAnswer::Sample(sample)) => {
            pace.spare = app
                .receive(sample)
                .or_else(|| Some(Sample::new(Arc::clone(&app.now.origin), CounterWidth::default())));
        }
        Wake::Answer(SamplerAnswer::Failed(sample, error)) => {
            app.fail(&error);
            pace.spare = Some(sample);
        }
        Wake::Answer(SamplerAnswer::Facts(key, facts)) => app.facts(&key, facts),
        Wake::Answer(SamplerAnswer::Moment(moment)) => {
            pace.since = Instant::now();
            app.show(moment);
        }
        Wake::Answer(SamplerAnswer::Refused(error)) => app.refuse(&error),
        Wake::Answer(SamplerAnswer::Chart(series)) => app.chart(series),
        Wake::Answer(SamplerAnswer::Judged(judgement)) => app.judge(judgement),
        Wake::Answer(SamplerAnswer::NotJudged(why)) => app.not_judged(&why),
        Wake::Answer(SamplerAnswer::Damaged(what)) => app.damaged(what),
        Wake::Answer(SamplerAnswer::Holders(run)) => app.hold(run),
        Wake::Trace(news) => app.trace_news(news),
    }
    if app.interval != interval {
        pace.due = Instant::now() + app.interval;
    }
    if pace.again && pace.spare.is_some() {
        pace.again = false;
        refresh(app, pace, questions);
    }
    true
}

/// Asks for another moment of the tape.
fn wind(app: &mut App, motion: Motion, questions: &Sender<Question>) {
    app.asked();
    if questions.send(Question::Wind(motion)).is_err() {
        app.refuse("the reading thread has ended; quit with q and start again");
    }
}

/// Asks for a sample, unless one is under way; then once more after it.
fn refresh(app: &mut App, pace: &mut Pace, questions: &Sender<Question>) {
    pace.due = Instant::now() + app.interval;
    match pace.spare.take() {
        Some(sample) => {
            app.asked();
            if questions.send(Question::Sample(sample)).is_err() {
                app.fail("the sampling thread has ended; quit with q and start again");
            }
        }
        // Asked for while one is under way: made up for once, when that one has come.
        None => pace.again = true,
    }
}

fn listen_to_keys(
    wake: Sender<Wake>,
    stop: Arc<AtomicBool>,
    away: Arc<Away>,
) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name("input".into()).spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            if away.is_away.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(20));
                continue;
            }
            let _keys = away.keys.lock();
            let event = match event::poll(KEYS) {
                Ok(false) => continue,
                Ok(true) => event::read().map(Wake::Input),
                Err(error) => Err(error),
            };
            // A terminal that is gone ends the screen.
            if wake.send(event.unwrap_or(Wake::Leave)).is_err() {
                return;
            }
        }
    })
}

/// Signals that end the screen.
#[cfg(unix)]
struct Signals(signal_hook::iterator::Handle);

#[cfg(unix)]
impl Signals {
    fn listen(wake: &Sender<Wake>, away: &Arc<Away>) -> io::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let handle = signals.handle();
        let (wake, away) = (wake.clone(), Arc::clone(away));
        thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                // Ctrl-C is the command's that has the terminal.
                if signal == SIGINT && away.is_away.load(Ordering::Relaxed) {
                    continue;
                }
                if wake.send(Wake::Leave).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self(handle))
    }

    fn close(&self) {
        self.0.close();
    }
}

/// Windows: Ctrl-C comes as a key, and closing the window ends the program.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "as on unix")]
    fn listen(_wake: &Sender<Wake>, _away: &Arc<Away>) -> io::Result<Self> {
        Ok(Self)
    }

    fn close(&self) {}
}
