//! The keys of time while a tape is shown, and what they do.

use jiff::SignedDuration;
use ratatui_crossterm::crossterm::event::KeyCode;

use super::deck::Motion;
use super::{SPANS, SPEEDS, Speed};
use crate::app::{App, Effect};
use crate::bindings::{Action, Entry, Key, When};

const TAPE: When = When::Tape;

/// The keys.
pub const KEYS: &[Entry] = &[
    Entry::time(TAPE, &[(Key::Char(' '), Action::Play)], "play and pause").footer(21, "play"),
    Entry::time(
        TAPE,
        &[(Key::Char(','), Action::Step(false)), (Key::Char('.'), Action::Step(true))],
        "one sample back, one forward; also Shift with ← →",
    )
    .footer(22, "step")
    .aliases(&[
        (Key::Shift(KeyCode::Left), Action::Step(false)),
        (Key::Shift(KeyCode::Right), Action::Step(true)),
    ]),
    Entry::time(
        TAPE,
        &[(Key::Char('<'), Action::Leap(-60)), (Key::Char('>'), Action::Leap(60))],
        "a minute back, forward",
    )
    .footer(23, "minute"),
    Entry::time(
        TAPE,
        &[(Key::Char('J'), Action::Leap(-3600)), (Key::Char('K'), Action::Leap(3600))],
        "an hour back, forward",
    )
    .footer(101, "hour"),
    Entry::time(
        TAPE,
        &[(Key::Char('{'), Action::Leap(-86_400)), (Key::Char('}'), Action::Leap(86_400))],
        "a day back, forward",
    )
    .footer(102, "day"),
    Entry::time(
        TAPE,
        &[(Key::Char('['), Action::Mark(false)), (Key::Char(']'), Action::Mark(true))],
        "previous, next mark: note, gap, reboot, modules",
    )
    .footer(25, "marks"),
    Entry::time(
        TAPE,
        &[(Key::Char('@'), Action::Jump)],
        "go to 2026-11-22 14:00, 14:05, -2h, +10m, start, end",
    )
    .footer(24, "go to"),
    Entry::time(
        TAPE,
        &[(Key::Char('-'), Action::Speed(false)), (Key::Char('+'), Action::Speed(true))],
        "slower, faster: 1, 2, 10, 60, 600 times, max",
    )
    .footer(26, "speed"),
    Entry::time(
        TAPE,
        &[(Key::Code(KeyCode::Home), Action::Start), (Key::Code(KeyCode::End), Action::End)],
        "start; end: new samples follow while it is recorded",
    )
    .footer(103, "start, end"),
    Entry::time(TAPE, &[(Key::Letter('c'), Action::Span)], "how much time the chart of a row shows")
        .footer(27, "chart"),
    Entry::time(TAPE, &[(Key::Letter('r'), Action::Look)], "look at what was recorded meanwhile"),
];

impl App {
    /// An action of time; false if it is none.
    pub(crate) fn tape_action(&mut self, action: Action) -> bool {
        match action {
            Action::Play => self.play(),
            Action::Step(on) => {
                self.paused = true;
                self.wind(if on { Motion::Next } else { Motion::Previous });
            }
            Action::Leap(seconds) => self.leap(seconds),
            Action::Mark(on) => self.go_to_mark(on),
            Action::Speed(faster) => self.change_speed(faster),
            Action::Jump => self.prompt_for_moment(),
            Action::Span => self.next_span(),
            Action::Look => self.wind(Motion::Look),
            Action::Start => self.wind(Motion::Start),
            Action::End => self.go_to_end(),
            _ => return false,
        }
        true
    }

    pub(super) fn wind(&mut self, motion: Motion) {
        self.message = None;
        self.ask(Effect::Wind(motion));
    }

    fn play(&mut self) {
        let Some(replay) = self.feed.tape() else { return };
        let ended = replay.next.is_none() && !replay.timeline.growing;
        if self.paused && ended {
            self.say("This is the end. Home goes to the start.");
            return;
        }
        self.paused = !self.paused;
    }

    /// N seconds on, or back; one sample at least. Of samples without times, a tenth or all of the way.
    fn leap(&mut self, seconds: i64) {
        let Some(replay) = self.feed.tape() else { return };
        let seconds = if replay.timeline.numbered { seconds.signum() * 10 } else { seconds };
        let Ok(to) = self.shown_time().checked_add(SignedDuration::from_secs(seconds)) else { return };
        self.wind(if seconds > 0 { Motion::Forward(to) } else { Motion::Back(to) });
    }

    fn go_to_end(&mut self) {
        let growing = self.feed.tape().is_some_and(|replay| replay.timeline.growing);
        self.paused = !growing;
        self.wind(Motion::End);
        if growing {
            self.say("A recorder is writing: new samples appear as they are recorded.");
        }
    }

    fn go_to_mark(&mut self, on: bool) {
        let Some(replay) = self.feed.tape() else { return };
        if replay.timeline.marks.is_empty() {
            return self.say("There are no marks in this recording.");
        }
        // The tape knows where it is heading: quick presses go from mark to mark.
        self.paused = true;
        self.wind(Motion::Mark(on));
    }

    fn change_speed(&mut self, faster: bool) {
        let Some(replay) = self.feed.tape_mut() else { return };
        let rank = |speed: Speed| match speed {
            Speed::Times(times) => u64::from(times),
            Speed::Max => u64::MAX,
        };
        let now = rank(replay.speed);
        let next = if faster {
            SPEEDS.into_iter().find(|&speed| rank(speed) > now)
        } else {
            SPEEDS.into_iter().rev().find(|&speed| rank(speed) < now)
        };
        replay.speed = next.unwrap_or(replay.speed);
        let text = match replay.speed {
            Speed::Max => "Maximum speed.".to_owned(),
            Speed::Times(1) => "Real time.".to_owned(),
            Speed::Times(times) => format!("{times} times real time."),
        };
        let hint = if self.paused { " Space plays." } else { "" };
        self.say(format!("{text}{hint}"));
    }

    fn next_span(&mut self) {
        let Some(replay) = self.feed.tape_mut() else { return };
        // Spans that are longer than the recording all show everything.
        let all = replay.timeline.last.duration_since(replay.timeline.first).as_secs();
        replay.span = (replay.span + 1) % SPANS.len();
        while SPANS.get(replay.span).is_some_and(|span| span.0.is_some_and(|side| side * 2 >= all)) {
            replay.span = (replay.span + 1) % SPANS.len();
        }
        replay.series = None;
        let text = SPANS.get(replay.span).map_or("", |span| span.1);
        self.say(format!("The chart of a row shows {text}."));
        self.want_series();
    }
}
