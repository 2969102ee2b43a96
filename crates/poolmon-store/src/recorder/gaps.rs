//! What happened between two samples.
//!
//! Three clocks distinguish it: the wall clock, the recorder's own (it never jumps; on Linux it stands still while
//! the machine sleeps) and the system's uptime (it counts sleep).

use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::Sample;

use super::{OpenReport, RecorderConfig};
use crate::segment::marks::{Gap, GapKind};

/// A moment on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockMoment {
    /// The wall clock.
    pub wall: Timestamp,
    /// The recorder's own clock, since it was opened.
    pub clock: Duration,
}

/// What is remembered of a sample.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub time: Option<Timestamp>,
    boot: Option<String>,
    uptime: Option<Duration>,
    /// `None`: an earlier recorder saw it.
    pub clock: Option<Duration>,
}

/// A source that gives no samples.
#[derive(Debug)]
pub(super) struct Failing {
    since: ClockMoment,
    pub reason: String,
    pub count: u64,
}

impl Failing {
    pub(super) fn new(since: ClockMoment) -> Self {
        Self { since, reason: String::new(), count: 0 }
    }
}

impl Seen {
    pub(super) fn of(sample: &Sample, moment: ClockMoment) -> Self {
        Self {
            time: Some(sample.time.unwrap_or(moment.wall)),
            boot: sample.origin.boot.clone(),
            uptime: sample.uptime,
            clock: Some(moment.clock),
        }
    }

    pub(super) fn from_report(report: &OpenReport) -> Option<Self> {
        let (time, boot) = report.last_sample.clone()?;
        Some(Self { time: Some(time), boot, uptime: None, clock: None })
    }
}

/// Nanoseconds from one time to another, as far as they fit.
pub(crate) fn nanos_between(from: Timestamp, to: Timestamp) -> i64 {
    let nanos = to.as_nanosecond() - from.as_nanosecond();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Smallest difference of two clocks that is not their reading one after the other.
const SLACK: i64 = 1_000_000_000;

/// Gaps between the last sample and this one.
pub(super) fn between(
    last: Option<&Seen>,
    now: &Seen,
    config: &RecorderConfig,
    failing: Option<&Failing>,
) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut add = |kind, length_ns, reason| gaps.push(Gap { kind, length_ns, reason });
    let Some(last) = last else { return gaps };
    let (Some(before), Some(time)) = (last.time, now.time) else { return gaps };
    let wall = nanos_between(before, time);
    if last.clock.is_none() {
        add(GapKind::Stopped, wall, Some("no recorder ran".into()));
    }
    if let (Some(a), Some(b)) = (&last.boot, &now.boot)
        && a != b
    {
        add(GapKind::Reboot, wall, Some(format!("boot {a} ended, boot {b} began")));
        return gaps;
    }
    let (Some(from), Some(to)) = (last.clock, now.clock) else { return gaps };
    let own = nanos(to.saturating_sub(from));
    let ahead = wall.saturating_sub(own);
    if let Some(failing) = failing {
        let length = nanos(to.saturating_sub(failing.since.clock));
        let times = if failing.count == 1 { "once".into() } else { format!("{} times", failing.count) };
        add(GapKind::Failed, length, Some(format!("failed {times}: {}", failing.reason)));
    }
    if ahead.abs() > SLACK {
        let up = last.uptime.zip(now.uptime).map(|(a, b)| nanos(b).saturating_sub(nanos(a)));
        let slept = up.map_or(ahead > 0, |up| up.saturating_sub(own) > ahead / 2 && ahead > 0);
        if slept {
            add(GapKind::Sleep, ahead, None);
        } else {
            let way = if ahead > 0 { "forward" } else { "back" };
            add(GapKind::ClockJump, ahead, Some(format!("the clock was set {way}")));
        }
    } else if failing.is_none() {
        let interval = nanos(config.interval);
        // Half an interval and a little is what a busy machine does every day.
        if interval > 0 && own > interval + interval / 2 + 50_000_000 {
            add(GapKind::Late, own - interval, None);
        }
    }
    gaps
}
