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
        Some(Self { time: Some(time), boot, uptime: report.last_uptime, clock: None })
    }
}

/// Nanoseconds from one time to another, as far as they fit.
pub(crate) fn nanos_between(from: Timestamp, to: Timestamp) -> i64 {
    let nanos = to.as_nanosecond() - from.as_nanosecond();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

pub(super) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Smallest difference of two clocks that is not their reading one after the other.
const SLACK: i64 = 1_000_000_000;

/// What happened between two samples.
#[derive(Debug, Default)]
pub(super) struct Between {
    /// Gaps; a step of the clock is the last one, so that none is written twice where a disk is full.
    pub gaps: Vec<Gap>,
    /// Nanoseconds that passed.
    pub passed: i64,
    /// Nothing but the wall clock says so.
    pub is_claim: bool,
    /// By how much the wall clock was set.
    pub set: i64,
}

/// What happened between the last sample and this one.
pub(super) fn between(
    last: Option<&Seen>,
    now: &Seen,
    config: &RecorderConfig,
    failing: Option<&Failing>,
) -> Between {
    let mut found = Between::default();
    let Some(last) = last else { return found };
    let (Some(before), Some(time)) = (last.time, now.time) else { return found };
    let wall = nanos_between(before, time);
    let is_reboot = last.boot.as_ref().zip(now.boot.as_ref()).is_some_and(|(a, b)| a != b);
    let own = last.clock.zip(now.clock).map(|(from, to)| nanos(to.saturating_sub(from)));
    // The uptimes of two boots have nothing to do with each other.
    let same_boot = !is_reboot && (own.is_some() || last.boot.is_some() && now.boot.is_some());
    let up = last.uptime.zip(now.uptime).filter(|_| same_boot);
    let up = up.and_then(|(from, to)| to.checked_sub(from)).map(nanos);
    // The recorder's clock may stand still while the machine sleeps, and the uptime may have few digits.
    let counted = match (own, up) {
        (Some(own), Some(up)) if up.saturating_sub(own) > SLACK => Some(up),
        (Some(own), _) => Some(own),
        (None, up) => up,
    };
    found.is_claim = counted.is_none() || is_reboot;
    found.passed = counted.filter(|_| !is_reboot).unwrap_or(wall);
    let mut add = |kind, length_ns, reason| found.gaps.push(Gap { kind, length_ns, reason });
    if last.clock.is_none() {
        let length = if is_reboot { wall } else { up.unwrap_or(wall) };
        add(GapKind::Stopped, length, Some("no recorder ran".into()));
    }
    if is_reboot && let (Some(a), Some(b)) = (&last.boot, &now.boot) {
        add(GapKind::Reboot, wall, Some(format!("boot {a} ended, boot {b} began")));
        return found;
    }
    let Some(counted) = counted else { return found };
    if let (Some(failing), Some(to)) = (failing, now.clock) {
        let length = nanos(to.saturating_sub(failing.since.clock));
        let times = if failing.count == 1 { "once".into() } else { format!("{} times", failing.count) };
        add(GapKind::Failed, length, Some(format!("failed {times}: {}", failing.reason)));
    }
    let mut ahead = wall.saturating_sub(counted);
    if let Some(own) = own {
        let mut slept = counted.saturating_sub(own);
        if up.is_none() && ahead > SLACK {
            // Without an uptime, a clock that is ahead is more often that of a machine that slept.
            slept = std::mem::take(&mut ahead);
            found.passed = wall;
        }
        if slept > SLACK {
            add(GapKind::Sleep, slept, None);
        } else if failing.is_none() && ahead.abs() <= SLACK {
            let interval = nanos(config.interval);
            // Half an interval and a little is what a busy machine does every day.
            if interval > 0 && own > interval + interval / 2 + 50_000_000 {
                add(GapKind::Late, own - interval, None);
            }
        }
    }
    // A clock that does not go forward was set back, by however little.
    if ahead.abs() > SLACK || wall <= 0 && ahead < 0 {
        let way = if ahead > 0 { "forward" } else { "back" };
        add(GapKind::ClockJump, ahead, Some(format!("the clock was set {way}")));
        found.set = ahead;
    }
    found
}
