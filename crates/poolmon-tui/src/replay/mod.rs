//! Replay: the same screen over a tape, with time.
//!
//! * `poolmon_read::Tape`: what is needed of a recording;
//! * [`deck`]: motions in, moments out, in the reading thread;
//! * this file: the state; `keys`: the keys of time. As in all of [`App`], nothing is read here.

pub mod deck;
pub(crate) mod keys;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use poolmon_model::{Pool, Tag, TimelineMark, copies};

use crate::app::{App, Effect};
use crate::bindings::View;
use crate::history::Point;
use deck::{DeckMoment, Motion};
use poolmon_read::tape::Timeline;

/// The screen is drawn at most this often while it plays.
const FRAME: Duration = Duration::from_millis(50);
/// Nothing that was recorded is waited for longer than this in a gap.
const PATIENCE: Duration = Duration::from_secs(2);
/// How far to both sides of the moment the chart of a row shows, in seconds; `None` = everything.
pub(crate) const SPANS: [(Option<i64>, &str); 5] = [
    (Some(5 * 60), "10 min"),
    (Some(30 * 60), "1 h"),
    (Some(12 * 3600), "1 day"),
    (Some(84 * 3600), "1 week"),
    (None, "everything"),
];

/// How quickly recorded time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// So many times as quickly as it did.
    Times(u32),
    /// The whole recording in a minute, 6000 times as quickly at least.
    Max,
}

/// Speeds that `<` and `>` walk through.
pub const SPEEDS: [Speed; 6] =
    [Speed::Times(1), Speed::Times(2), Speed::Times(10), Speed::Times(60), Speed::Times(600), Speed::Max];

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Times(times) => write!(f, "{times}×"),
            Self::Max => f.write_str("max"),
        }
    }
}

impl std::str::FromStr for Speed {
    type Err = String;

    /// `10`, `10x`, `10×`, `max`.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let times =
            text.trim_end_matches(['x', 'X', '×']).parse().ok().filter(|times| (1..=100_000).contains(times));
        times.map(Self::Times).ok_or_else(|| format!("`{text}` is not a speed; write 1, 10, 600 or max"))
    }
}

/// Points of one row, read for the chart.
#[derive(Clone, Debug)]
pub struct RowSeries {
    /// Of which row.
    pub row: (Tag, Pool),
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// The points.
    pub points: Vec<Point>,
}

/// Where the replay is.
#[derive(Debug)]
pub struct Replay {
    pub(crate) timeline: Timeline,
    pub(crate) speed: Speed,
    pub(crate) next: Option<Timestamp>,
    pub(crate) at_start: bool,
    pub(crate) series: Option<RowSeries>,
    pub(crate) span: usize,
}

impl App {
    /// The same screen over a tape: time stands still at `moment` until it is played.
    #[must_use]
    pub fn with_tape(mut self, timeline: Timeline, moment: DeckMoment, speed: Option<Speed>) -> Self {
        let replay = Replay {
            timeline,
            speed: speed.unwrap_or(Speed::Times(1)),
            next: None,
            at_start: true,
            series: None,
            // A leak is seen in all of it.
            span: SPANS.len() - 1,
        };
        self.feed = crate::feed::Feed::Tape(Box::new(replay));
        self.paused = speed.is_none();
        self.take_effects();
        self.show(moment);
        self
    }

    /// Time of what is shown.
    pub(crate) fn shown_time(&self) -> Timestamp {
        self.now.time.or(self.feed.tape().map(|replay| replay.timeline.first)).unwrap_or(self.arrived)
    }

    /// Shows another moment.
    pub fn show(&mut self, moment: DeckMoment) {
        self.waiting = None;
        self.trouble = None;
        self.arrived = self.clock;
        let [.., now] = moment.run.as_slice() else { return };
        self.now.clone_from(now);
        self.before = moment.run.len().checked_sub(2).and_then(|n| moment.run.get(n)).map(|s| (**s).clone());
        self.check_sessions();
        self.history.clear();
        self.pools.clear();
        for sample in &moment.run {
            let at = sample.time.unwrap_or(Timestamp::UNIX_EPOCH).as_millisecond();
            // Trends and colours do not reach across a reboot.
            if self.history.refreshes() > 0 && sample.origin.boot != now.origin.boot {
                self.history.clear();
            }
            self.history.push(sample, at);
            self.pools.push(sample, sample.time.unwrap_or_default());
        }
        let shown = self.shown_time();
        if let Some(replay) = self.feed.tape_mut() {
            if let Some(timeline) = moment.timeline {
                replay.timeline = timeline;
            }
            replay.timeline.last = replay.timeline.last.max(shown);
            replay.next = moment.next;
            replay.at_start = moment.at_start;
            if moment.next.is_none() && !replay.timeline.growing && !self.paused {
                self.paused = true;
                self.say("This is the end of the recording.");
            }
        }
        self.derive();
        self.want_series();
        self.want_holders();
    }

    /// The tape could not be read, or did not understand: what is shown stays.
    pub fn refuse(&mut self, error: &str) {
        self.waiting = None;
        self.paused = true;
        self.say(error.lines().next().unwrap_or("it cannot be read").to_owned());
    }

    /// How long until what is recorded goes on, while it plays.
    pub fn wait(&self) -> Duration {
        let Some(replay) = self.feed.tape() else { return self.interval };
        let Some(next) = replay.next else {
            return (replay.timeline.interval / 2).clamp(Duration::from_millis(200), PATIENCE);
        };
        let recorded = Duration::try_from(next.duration_since(self.shown_time())).unwrap_or_default();
        let wait = recorded.div_f64(self.factor());
        let gap = recorded > replay.timeline.interval * 3;
        wait.clamp(FRAME, if gap { PATIENCE } else { Duration::MAX })
    }

    /// Time passes: what is next is asked for.
    pub fn pass(&mut self) {
        let Some(replay) = self.feed.tape() else { return };
        let to = FRAME.mul_f64(self.factor());
        let to = SignedDuration::try_from(to).ok().and_then(|to| self.shown_time().checked_add(to).ok());
        let to = replay.next.into_iter().chain(to).max();
        let to = to.unwrap_or(replay.timeline.last);
        self.ask(Effect::Wind(Motion::Forward(to)));
    }

    fn factor(&self) -> f64 {
        let Some(replay) = self.feed.tape() else { return 1.0 };
        match replay.speed {
            Speed::Times(times) => f64::from(times),
            Speed::Max => {
                let all = replay.timeline.last.duration_since(replay.timeline.first).as_secs_f64();
                (all / 60.0).max(6000.0)
            }
        }
    }

    /// Whether new samples are shown as they are recorded.
    pub(crate) fn follows(&self) -> bool {
        let end = |replay: &Replay| replay.next.is_none() && replay.timeline.growing;
        !self.paused && self.feed.tape().is_some_and(end)
    }

    /// Points of a row were read.
    pub fn chart(&mut self, series: RowSeries) {
        if let Some(replay) = self.feed.tape_mut() {
            replay.series = Some(series);
        }
    }

    /// Asks for the points of the row in the detail pane, unless those that are there still do.
    pub(crate) fn want_series(&mut self) {
        if self.mode.view() != View::Detail {
            return;
        }
        let Some(row) = self.current().map(|row| (row.row.tag.clone(), row.row.pool)) else { return };
        if copies::joined_size(&row.0).is_some() {
            return;
        }
        let shown = self.shown_time();
        let Some(replay) = self.feed.tape() else { return };
        let (first, last) = (replay.timeline.first, replay.timeline.last);
        let around = |sign: i64| {
            let side =
                SPANS.get(replay.span).and_then(|span| span.0).map(|s| SignedDuration::from_secs(s * sign));
            side.and_then(|side| shown.checked_add(side).ok())
        };
        let from = around(-1).map_or(first, |from| from.max(first));
        let to = around(1).map_or(last, |to| to.min(last));
        if let Some(series) = replay.series.as_ref().filter(|series| series.row == row) {
            // The moment moves through a chart that stands still, until it comes near its edge.
            let side = series.to.duration_since(series.from) / 8;
            let near =
                |edge: Timestamp, all: Timestamp| edge != all && (shown.duration_since(edge)).abs() < side;
            let within = series.from <= shown && shown <= series.to;
            if within && !near(series.from, first) && !near(series.to, last) {
                return;
            }
        }
        self.ask(Effect::Chart { row, from, to });
    }

    /// Points of a row for its chart and rates.
    pub(crate) fn points_of(&self, row: &(Tag, Pool)) -> Vec<Point> {
        match self.feed.tape() {
            Some(replay) if copies::joined_size(&row.0).is_none() => {
                let series = replay.series.as_ref().filter(|series| series.row == *row);
                series.map_or_else(Vec::new, |series| series.points.clone())
            }
            // The tape has each copy of a cache, and not the row that stands for all.
            _ => self.history.points(&row.0, row.1, crate::history::POINTS).collect(),
        }
    }

    /// The mark that the shown sample is the first one after, or the next one nearby.
    pub(crate) fn near_mark(&self) -> Option<(&TimelineMark, SignedDuration)> {
        let replay = self.feed.tape()?;
        let shown = self.shown_time();
        let before = self.before.as_ref().and_then(|before| before.time).unwrap_or(shown);
        let far = SignedDuration::try_from(replay.timeline.interval * 12).unwrap_or_default();
        let marks = replay.timeline.marks.iter();
        marks
            .map(|mark| (mark, mark.at.duration_since(shown)))
            .filter(|(mark, distance)| distance.abs() <= far || (mark.at > before && mark.at <= shown))
            .min_by_key(|(mark, distance)| {
                (!(mark.at > before && mark.at <= shown), std::cmp::Reverse(mark.kind), distance.abs())
            })
    }

    /// Time without samples before the shown one, where it is much longer than usual.
    pub(crate) fn gap(&self) -> Option<Duration> {
        let replay = self.feed.tape()?;
        let before = self.before.as_ref()?.time?;
        let time = Duration::try_from(self.now.time?.duration_since(before)).ok()?;
        (!replay.timeline.numbered && time > replay.timeline.interval * 3).then_some(time)
    }
}
