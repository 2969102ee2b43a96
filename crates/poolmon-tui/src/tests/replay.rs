//! The screen over a tape: pictures, keys, and the deck that plays it.

use std::sync::Arc;
use std::time::Duration;

use insta::assert_snapshot;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_model::{CounterWidth, Gravity, MarkKind, Pool, RowVerdict, Sample, Tag, TimelineMark};
use poolmon_read::moment::parse;
use poolmon_read::tape::{Place, RowPoint, Tape, Timeline};
use poolmon_read::{ReadError, Result, Samples};
use proptest::prelude::*;
use ratatui_crossterm::crossterm::event::KeyCode;

use super::support::{Known, START, at, windows};
use super::{code, lines_of, picture, press};
use crate::app::{App, Effect, Mode, Settings};
use crate::replay::deck::{Deck, LEAD, Motion};
use crate::replay::{RowSeries, Speed};
use crate::{ColourMode, LiveVerdicts};

/// A tape in memory. Its first samples come from [`recorded`]; one with `more` is still recorded.
struct Fake {
    samples: Vec<Sample>,
    at: usize,
    more: Vec<Sample>,
    marks: Vec<TimelineMark>,
    /// Reading fails.
    broken: bool,
}

fn time(sample: &Sample) -> Timestamp {
    sample.time.unwrap()
}

impl Fake {
    fn hold(&mut self, at: usize, sample: &mut Sample) -> bool {
        let Some(held) = self.samples.get(at) else { return false };
        sample.clone_from(held);
        self.at = at;
        true
    }
}

fn failed(why: &str) -> ReadError {
    ReadError::Io { action: "read", path: "fake".into(), source: std::io::Error::other(why) }
}

impl Samples for Fake {
    fn next_into(&mut self, sample: &mut Sample) -> Result<bool> {
        if self.broken {
            return Err(failed("disk on fire"));
        }
        if self.at + 1 == self.samples.len() && !self.more.is_empty() {
            self.samples.push(self.more.remove(0));
        }
        Ok(self.hold(self.at + 1, sample))
    }

    fn merged(&mut self) -> Result<Vec<Vec<String>>> {
        Ok(vec![vec!["UNIX".into(), "pid".into(), "signal_cache".into()]])
    }
}

impl Tape for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn place(&self) -> Place {
        Place(0, self.at as u64)
    }

    fn seek(&mut self, to: Timestamp, sample: &mut Sample) -> Result<bool> {
        let at = self.samples.iter().rposition(|sample| time(sample) <= to).unwrap_or(0);
        Ok(self.hold(at, sample))
    }

    fn back(&mut self, count: u32, sample: &mut Sample) -> Result<bool> {
        let to = self.at.saturating_sub(count as usize);
        Ok(to < self.at && self.hold(to, sample))
    }

    fn timeline(&mut self) -> Result<Timeline> {
        let totals = self.samples.iter().map(|sample| {
            let bytes = sample.tagged_bytes(Pool::Nonpaged) + sample.tagged_bytes(Pool::Paged);
            (time(sample), bytes)
        });
        Ok(Timeline {
            first: self.samples.iter().map(time).min().ok_or_else(|| failed("nothing"))?,
            last: self.samples.iter().map(time).max().ok_or_else(|| failed("nothing"))?,
            totals: totals.collect(),
            marks: self.marks.clone(),
            interval: Duration::from_secs(5),
            growing: !self.more.is_empty(),
            numbered: false,
        })
    }

    fn row(
        &mut self,
        row: &(Tag, Pool),
        from: Timestamp,
        to: Timestamp,
        _count: u32,
    ) -> Result<Vec<RowPoint>> {
        let within = self.samples.iter().filter(|sample| (from..=to).contains(&time(sample)));
        let points = within.map(|sample| {
            let found = sample.rows.iter().find(|other| other.tag == row.0 && other.pool == row.1);
            let mut counters = found.map(|row| row.counters).unwrap_or_default();
            (counters.allocs, counters.frees) = (None, None);
            RowPoint { time: time(sample), counters, width: CounterWidth::default() }
        });
        Ok(points.collect())
    }

    fn moment(&self, text: &str, _shown: Timestamp) -> Result<Timestamp> {
        match text.parse() {
            Ok(seconds) => Ok(at(seconds)),
            Err(_) => Ok(parse(text, &TimeZone::UTC).map(|_| at(0))?),
        }
    }
}

/// Five minutes, a gap of ten, a minute, a reboot, another minute.
fn recorded() -> Fake {
    let mut samples: Vec<Sample> = (0..60).chain(180..192).map(windows).collect();
    for sample in &mut samples {
        Arc::make_mut(&mut sample.origin).boot = Some("a".into());
    }
    for n in 200..212 {
        let mut sample = windows(n - 200);
        sample.time = Some(at(i64::try_from(n).unwrap() * 5));
        Arc::make_mut(&mut sample.origin).boot = Some("b".into());
        samples.push(sample);
    }
    let mark = |seconds, kind, text: &str, length| TimelineMark {
        at: at(seconds),
        kind,
        length: Duration::from_secs(length),
        text: text.into(),
    };
    let marks = vec![
        mark(152, MarkKind::Note, "installed the driver", 0),
        mark(900, MarkKind::Gap, "the machine slept for 10 min", 600),
        mark(930, MarkKind::Modules, "loaded bad.sys", 0),
        mark(1000, MarkKind::Reboot, "rebooted, 45 s without a sample", 45),
    ];
    Fake { samples, at: 0, more: Vec::new(), marks, broken: false }
}

/// The screen and what answers it, without threads.
pub(super) struct Player {
    pub(super) app: App,
    deck: Deck,
}

fn player_of(tape: Fake, from: Option<i64>, to: Option<i64>) -> Player {
    let mut deck = Deck::new(Box::new(tape), from.map(at), to.map(at)).unwrap();
    let moment = deck.moment(false).unwrap();
    let first = (**moment.run.last().unwrap()).clone();
    let app = App::new(
        first,
        Settings::default(),
        Duration::from_secs(1),
        Some(Arc::new(Known)),
        ColourMode::Sixteen,
        at(0),
    )
    .with_zone(TimeZone::UTC)
    .with_tape(deck.timeline().clone(), moment, None);
    Player { app, deck }
}

pub(super) fn player() -> Player {
    player_of(recorded(), None, None)
}

impl Player {
    /// Does what the state asks for.
    pub(super) fn answer(&mut self) {
        while let effects @ [_, ..] = self.app.take_effects().as_slice() {
            for effect in effects {
                match effect {
                    Effect::Wind(motion) => match self.deck.go(motion) {
                        Ok(moment) => self.app.show(moment),
                        Err(error) => self.app.refuse(&error),
                    },
                    Effect::Chart { row, from, to } => {
                        let points = self.deck.row(row, *from, *to, 240).unwrap();
                        self.app.chart(RowSeries { row: row.clone(), from: *from, to: *to, points });
                    }
                    Effect::Inquire(row) => self.app.facts(&(row.tag.clone(), row.pool), Vec::new()),
                    _ => {}
                }
            }
        }
    }

    fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            press(&mut self.app, &key.to_string());
            self.answer();
        }
    }

    pub(super) fn code(&mut self, key: KeyCode) {
        code(&mut self.app, key);
        self.answer();
    }

    /// Seconds since the start of the sample that is shown.
    fn at(&self) -> i64 {
        self.app.shown_time().as_second() - START
    }

    fn picture(&mut self, width: u16, height: u16) -> String {
        picture(&mut self.app, width, height)
    }

    /// Everything that the rows show.
    fn rows(&self) -> String {
        format!("{:?}{:?}", self.app.view.table.rows, self.app.view.table.totals)
    }
}

#[test]
fn pictures() {
    let mut player = player();
    assert_snapshot!("replay_start_80x24", player.picture(80, 24));
    player.press("]");
    assert_snapshot!("replay_note_80x24", player.picture(80, 24));
    assert_snapshot!("replay_note_120x40", player.picture(120, 40));
    assert_snapshot!("replay_note_40x10", player.picture(40, 10));
    player.press("]");
    assert_snapshot!("replay_gap_120x24", player.picture(120, 24));
    player.press("]]");
    assert_snapshot!("replay_reboot_80x24", player.picture(80, 24));
    player.press("@14:0");
    assert_snapshot!("replay_prompt_80x24", player.picture(80, 24));
    player.code(KeyCode::Esc);
    player.press("h");
    assert_snapshot!("replay_help_80x30", player.picture(80, 30));
}

#[test]
fn quick_presses_go_from_mark_to_mark() {
    let mut player = player();
    // Faster than the tape answers.
    press(&mut player.app, "]");
    press(&mut player.app, "]");
    press(&mut player.app, "]");
    player.answer();
    assert_eq!(player.at(), 930);
    press(&mut player.app, "[");
    press(&mut player.app, "[");
    player.answer();
    assert_eq!(player.at(), 155);
    player.press("[");
    assert!(player.at() == 155 && player.picture(80, 24).contains("There is no mark before this sample."));
    player.press("]]]]");
    assert!(player.at() == 1000 && player.picture(80, 24).contains("There is no mark after this sample."));
}

#[test]
fn the_detail_has_a_chart_around_the_moment() {
    let mut player = player();
    player.press("@150");
    player.code(KeyCode::Enter);
    player.press("/leak");
    player.code(KeyCode::Enter);
    player.code(KeyCode::Enter);
    assert_eq!(player.app.mode, Mode::Detail);
    assert_snapshot!("replay_detail_100x30", player.picture(100, 30));
    player.press(".");
    assert_eq!((player.at(), &player.app.mode), (155, &Mode::Detail), "time goes on behind it");
    player.press("@0");
    player.code(KeyCode::Enter);
    assert_eq!((player.at(), &player.app.mode), (0, &Mode::Detail));
}

#[test]
fn the_time_stands_on_the_screen_whatever_else_does() {
    let mut player = player();
    player.press("]]]]=");
    for width in [40, 60, 80, 200] {
        let screen = player.picture(width, 24);
        assert!(screen.contains("2026-11-23 14:19:52") && screen.contains("REPLAY"), "{screen}");
    }
    player.press("=");
    assert!(player.picture(80, 24).contains("REBOOTED"));
}

#[test]
fn no_line_of_the_help_is_cut_on_80_columns() {
    let mut player = player();
    player.press("h");
    let screen = player.picture(80, 60);
    for line in screen.lines().filter(|line| line.starts_with('│')) {
        assert!(line.ends_with(" │") || line.trim_matches(['│', ' ']).is_empty(), "{line:?}");
    }
}

#[test]
fn keys_go_where_they_say() {
    let mut player = player();
    let mut to = |keys: &str, seconds: i64| {
        player.press(keys);
        assert_eq!(player.at(), seconds, "{keys}");
    };
    to(",", 0);
    to(".", 5);
    to("..", 15);
    to(",", 10);
    to(">", 70);
    to("><", 70);
    to("jk", 70);
    to("K", 955 + 100);
    to("J", 0);
    to("}", 1055);
    to("{", 0);
    to("]", 155);
    to("]", 900);
    to("]", 930);
    to("]", 1000);
    to("]", 1000);
    to("[", 930);
    to("[", 900);
    to("[", 155);
    to("[", 155);
    player.code(KeyCode::End);
    assert_eq!(player.at(), 1055);
    player.press(" ");
    assert!(player.app.paused, "there is nothing to play");
    player.code(KeyCode::Home);
    assert_eq!(player.at(), 0);
    player.press("@152");
    player.code(KeyCode::Enter);
    assert_eq!(player.at(), 150, "the last sample before that moment");
    player.press("@soon");
    player.code(KeyCode::Enter);
    assert_eq!(player.at(), 150);
    assert!(player.picture(80, 24).contains("`soon` is not a time"));
    player.press("@12");
    player.code(KeyCode::Esc);
    assert_eq!((player.at(), &player.app.mode), (150, &Mode::Table));
}

/// A verdict on the row `Leak`, which began in the middle of the tape.
pub(super) fn leak(since: i64) -> LiveVerdicts {
    let verdict = RowVerdict {
        gravity: Gravity::Leaking,
        brief: "leaks 14.0 MiB/h".into(),
        lines: vec!["Leak (nonpaged) leaks".into()],
        bytes_per_hour: 14 << 20,
        since: Some(at(since)),
        lockstep: None,
    };
    LiveVerdicts { rows: vec![(Tag::pool(*b"Leak"), Pool::Nonpaged, Arc::new(verdict))], left: None }
}

#[test]
fn a_leak_is_marked_where_it_begins_and_its_curve_is_all_of_the_tape() {
    for (width, height) in [(60, 20), (80, 24), (120, 40), (200, 50)] {
        let mut player = player();
        player.app.opening = crate::app::Opening::OnVerdictAtEnd;
        player.app.verdicts.expect(true);
        assert!(player.picture(120, 40).contains("looking for leaks"));
        player.app.judge(leak(600));
        player.answer();
        assert!(!player.picture(120, 40).contains("looking for leaks"));
        assert_eq!(player.at(), 1055, "the end, where it can be seen");
        assert_snapshot!(format!("verdict_{width}x{height}"), player.picture(width, height));
        player.code(KeyCode::Enter);
        let screen = player.picture(width, height);
        assert_snapshot!(format!("verdict_detail_{width}x{height}"), screen);
    }
}

#[test]
fn a_click_on_the_timeline_goes_there() {
    let mut player = player();
    player.picture(120, 30);
    let line = player.app.regions().timeline;
    super::click(&mut player.app, 60, line.y);
    player.answer();
    let middle = player.at();
    assert!((200..950).contains(&middle), "{middle}");
    super::click(&mut player.app, 1, line.y);
    player.answer();
    assert_eq!(player.at(), middle, "a label is no moment");
}

#[test]
fn changes_are_since_the_sample_before_on_whatever_way() {
    let mut player = player();
    let change = |player: &Player| {
        let row = player.app.view.table.rows.iter().find(|row| row.row.tag.to_string() == "Leak").unwrap();
        row.delta.and_then(|delta| delta.bytes)
    };
    assert_eq!(change(&player), None, "the first sample");
    player.press(".");
    assert_eq!(change(&player), Some(40 * 512));
    player.press("@150");
    player.code(KeyCode::Enter);
    assert_eq!(change(&player), Some(40 * 512));
    player.press(",");
    assert_eq!(change(&player), Some(40 * 512), "backwards too");
    player.press("@900");
    player.code(KeyCode::Enter);
    assert_eq!(change(&player), Some(121 * 40 * 512), "across the gap, which the screen tells");
    assert!(player.picture(120, 24).contains("GAP 10 min 5 s"));
    player.press("]]");
    assert_eq!(change(&player), None, "not across a reboot");
    player.press(",=.");
    assert_eq!(change(&player), None, "nor against a baseline of another boot");
}

#[test]
fn play_runs_at_its_speed_waits_for_no_gap_and_stops_at_the_end() {
    let mut player = player();
    player.press(" ");
    assert!(!player.app.paused);
    assert_eq!(player.app.wait(), Duration::from_secs(5));
    player.press("++");
    assert_eq!(player.app.wait(), Duration::from_millis(500));
    player.press("++");
    assert_eq!(player.app.wait(), Duration::from_millis(50), "no more than twenty pictures a second");
    player.app.pass();
    player.answer();
    assert_eq!(player.at(), 30, "600 times 50 ms");
    player.press("------");
    player.press("@295");
    player.code(KeyCode::Enter);
    assert_eq!(player.app.wait(), Duration::from_secs(2), "ten minutes without a sample");
    player.app.pass();
    player.answer();
    assert_eq!(player.at(), 900);
    player.press("+++++");
    for _ in 0..40 {
        player.app.pass();
        player.answer();
    }
    assert_eq!(player.at(), 1055);
    assert!(player.app.paused && player.picture(80, 24).contains("the end"));
}

#[test]
fn what_is_recorded_meanwhile_follows() {
    let mut tape = recorded();
    tape.more = tape.samples.split_off(70);
    let mut player = player_of(tape, None, None);
    player.code(KeyCode::End);
    assert!(!player.app.paused);
    while player.at() < 1055 {
        let before = player.at();
        player.app.pass();
        player.answer();
        assert!(player.at() > before, "stuck at {before}");
    }
    assert!(player.picture(80, 24).contains("RECORDING"));
}

#[test]
fn a_tape_that_cannot_be_read_stops_and_says_so() {
    let mut tape = recorded();
    tape.samples.truncate(3);
    let mut player = player_of(tape, None, None);
    player.press(" ");
    player.app.refuse("disk on fire\n  put it out");
    assert!(player.app.paused && player.picture(80, 24).contains("disk on fire"));
    let broken = Fake { broken: true, ..recorded() };
    assert!(Deck::new(Box::new(broken), None, None).is_ok_and(|mut deck| deck.go(&Motion::Next).is_err()));
    let none = Fake { samples: Vec::new(), ..recorded() };
    assert!(Deck::new(Box::new(none), None, None).is_err());
}

#[test]
fn a_range_is_not_left() {
    let mut player = player_of(recorded(), Some(52), Some(108));
    assert_eq!(player.at(), 55);
    assert!(player.app.before.is_some(), "compared with the sample before the range");
    player.press(",");
    assert_eq!(player.at(), 55);
    for (key, seconds) in [("K", 105), (".", 105), ("J", 55)] {
        player.press(key);
        assert_eq!(player.at(), seconds, "{key}");
    }
    player.code(KeyCode::End);
    assert_eq!(player.at(), 105);
    assert!(
        Deck::new(Box::new(recorded()), Some(at(320)), Some(at(800))).is_err(),
        "only the gap lies there"
    );
}

#[test]
fn speeds() {
    for (text, speed) in
        [("1", Speed::Times(1)), ("10x", Speed::Times(10)), ("60×", Speed::Times(60)), ("max", Speed::Max)]
    {
        assert_eq!(text.parse(), Ok(speed));
    }
    for text in ["0", "", "fast", "-1", "1000000"] {
        assert!(text.parse::<Speed>().is_err(), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn forward_and_back_again_is_the_same_table(start in 0_i64..1060, steps in 1_usize..70) {
        let mut player = player();
        player.press("b");
        player.press(&format!("@{start}"));
        player.code(KeyCode::Enter);
        let mut seen = vec![(player.at(), player.rows())];
        for _ in 0..steps {
            player.press(".");
            if player.at() == seen[seen.len() - 1].0 {
                break;
            }
            seen.push((player.at(), player.rows()));
        }
        // The widths of columns only grow: after this they are the same for all.
        let last = player.picture(120, 30);
        for (at, rows) in seen.iter().rev().skip(1) {
            player.press(",");
            prop_assert_eq!(player.at(), *at);
            prop_assert_eq!(&player.rows(), rows);
        }
        for _ in 1..seen.len() {
            player.press(".");
        }
        prop_assert_eq!(player.picture(120, 30), last, "trends and colours included");
    }

    #[test]
    fn a_clock_that_was_set_back_never_breaks_the_order_of_steps(
        jumps in prop::collection::vec(-40_i64..20, 1..6),
        steps in prop::collection::vec(any::<bool>(), 1..90),
    ) {
        let mut now = 500;
        let mut samples = Vec::new();
        for (n, step) in (0..80).enumerate() {
            now += if n % 13 == 12 { jumps[n / 13 % jumps.len()] * 5 } else { 5 };
            let mut sample = windows(step);
            sample.time = Some(at(now));
            samples.push(sample);
        }
        let expected = samples.clone();
        let tape = Fake { samples, marks: Vec::new(), ..recorded() };
        let mut deck = Deck::new(Box::new(tape), None, None).unwrap();
        let mut place = 0;
        for on in steps {
            let moment = deck.go(if on { &Motion::Next } else { &Motion::Previous }).unwrap();
            place = if on { (place + 1).min(79) } else { usize::saturating_sub(place, 1) };
            prop_assert_eq!(&**moment.run.last().unwrap(), &expected[place]);
            let before = moment.run.len().checked_sub(2).map(|n| (*moment.run[n]).clone());
            prop_assert_eq!(before.as_ref(), place.checked_sub(1).map(|before| &expected[before]));
            prop_assert_eq!(moment.run.len(), LEAD.min(place + 1));
        }
    }

    #[test]
    fn no_key_makes_it_panic(
        keys in prop::collection::vec(prop_oneof![
            4 => prop::char::range(' ', '~').prop_map(KeyCode::Char),
            2 => prop::sample::select(vec![KeyCode::Home, KeyCode::End, KeyCode::Enter, KeyCode::Esc, KeyCode::Down, KeyCode::Left]),
        ], 1..60),
        (width, height) in (0_u16..130, 0_u16..50),
    ) {
        let mut player = player();
        for key in keys {
            player.code(key);
            if !player.app.paused {
                player.app.pass();
                player.answer();
            }
            let buffer = super::draw(&mut player.app, width, height);
            prop_assert_eq!(lines_of(&buffer).len(), usize::from(height));
        }
    }
}

#[test]
fn the_detail_names_the_caches_that_share_one() {
    let mut deck = Deck::new(Box::new(recorded()), None, None).unwrap();
    let said = |facts: Vec<poolmon_source::Fact>| {
        facts.into_iter().map(|fact| format!("{}: {}", fact.title, fact.value)).collect::<Vec<_>>()
    };
    assert_eq!(said(deck.facts(&Tag::name("signal_cache"))), ["Aliases: UNIX, pid"]);
    assert!(deck.facts(&Tag::name("dentry")).is_empty() && deck.facts(&Tag::pool(*b"UNIX")).is_empty());
}
