//! Axes: where a value is, and which values get a label.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _, Unit, Zoned};
use poolmon_leak::Analysis;
use poolmon_model::units::{Precision, bytes::UNITS, moment, rough_hours};

/// Ticks that an axis of time has at most.
const TICKS: f64 = 7.0;

/// Steps below a day, seconds.
const STEPS: [f64; 15] =
    [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 10_800.0, 21_600.0];

/// Steps of days.
const DAYS: [i64; 9] = [1, 2, 7, 14, 30, 60, 120, 365, 730];

/// A labelled place on an axis: 0 to 1000.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where.
    pub at: f64,
    /// What is there.
    pub text: String,
}

/// Bytes from the bottom up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ByteScale {
    low: f64,
    high: f64,
    step: f64,
}

impl ByteScale {
    /// A scale that holds these values. It starts at zero, unless the values leave most of the room empty then.
    pub fn of(values: impl IntoIterator<Item = f64>, zero: bool) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (low, high) =
            finite.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let low = if zero || !low.is_finite() || low < 0.5 * high || low >= high { 0.0 } else { low };
        let high = if high > low { high } else { low + (low * 0.1).max(1.0) };
        let step = nice((high - low) / 4.0);
        Self { low: (low / step).floor() * step, high: (high / step).ceil() * step, step }
    }

    /// Does the axis start at zero.
    pub const fn starts_at_zero(&self) -> bool {
        self.low <= 0.0
    }

    /// 0 at the top to 1000 at the bottom.
    pub fn y(&self, bytes: f64) -> f64 {
        (1000.0 - (bytes - self.low) / (self.high - self.low) * 1000.0).clamp(-50.0, 1050.0)
    }

    /// From the bottom up.
    pub fn ticks(&self) -> Vec<Tick> {
        // The largest unit in which three digits after the point distinguish neighbours: 8807.75 GiB, as 8.601 TiB
        // would be there twice.
        let fits = |(unit, name)| digits(self.step / unit).map(|digits| (unit, name, digits));
        let (unit, name, digits) =
            UNITS.into_iter().filter(|unit| self.high >= unit.0).find_map(fits).unwrap_or((1.0, "B", 1));
        let count = ((self.high - self.low) / self.step).round() as usize;
        let one = |n: usize| {
            let value = self.low + self.step * n as f64;
            let text =
                if value == 0.0 { "0".to_owned() } else { format!("{:.digits$} {name}", value / unit) };
            Tick { at: self.y(value), text }
        };
        (0..=count).map(one).collect()
    }
}

/// Digits after the point that a step needs, where three are enough.
fn digits(step: f64) -> Option<usize> {
    (0..=3)
        .find(|digits| {
            let shifted = step * 10_f64.powi(*digits);
            shifted > 0.5 && (shifted - shifted.round()).abs() < 1e-6 * shifted
        })
        .and_then(|digits| usize::try_from(digits).ok())
}

/// Steps of an axis, in units. Above 200 they are parts of the next larger unit: 256 MiB are 0.25 GiB.
const NICE: [f64; 12] = [1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 25.0, 50.0, 100.0, 200.0, 256.0, 512.0];

/// The next round number of bytes: a step of [`NICE`] in the unit of the value; at least a byte.
fn nice(value: f64) -> f64 {
    let unit = UNITS.into_iter().map(|unit| unit.0).find(|&unit| unit <= value).unwrap_or(1.0);
    let whole = |step: &f64| unit > 1.0 || step.fract() == 0.0;
    let step = NICE.into_iter().filter(whole).find(|step| step * unit >= value * (1.0 - 1e-9));
    (step.unwrap_or(1024.0) * unit).max(1.0)
}

/// Time from left to right.
#[derive(Clone, Debug)]
pub struct TimeScale {
    from: f64,
    to: f64,
    /// The first moment of the axis, where times are known.
    start: Option<Zoned>,
}

impl TimeScale {
    /// From `from` to `to`, hours since the first sample.
    pub fn new(from: f64, to: f64, analysis: &Analysis, zone: &TimeZone) -> Self {
        let to = if to > from { to } else { from + 1.0 / 60.0 };
        Self { from, to, start: analysis.at(from).map(|start| start.to_zoned(zone.clone())) }
    }

    /// 0 at the left to 1000 at the right.
    pub fn x(&self, hours: f64) -> f64 {
        ((hours - self.from) / (self.to - self.from) * 1000.0).clamp(0.0, 1000.0)
    }

    /// Hours since the first sample of a moment that lies within.
    pub fn hours(&self, at: jiff::Timestamp) -> Option<f64> {
        let since = at.duration_since(self.start.as_ref()?.timestamp()).as_secs_f64() / 3600.0;
        let hours = self.from + since;
        (hours >= self.from - 1e-6 && hours <= self.to + 1e-6).then_some(hours)
    }

    /// The moment in words, for a reader who points at it.
    pub fn reported(&self, hours: f64) -> String {
        let since = SignedDuration::try_from_secs_f64((hours - self.from) * 3600.0).ok();
        match self.start.as_ref().zip(since).and_then(|(start, since)| start.checked_add(since).ok()) {
            Some(at) => moment(at.timestamp(), at.time_zone(), Precision::Seconds),
            None => format!("+{}", rough_hours(hours)),
        }
    }

    /// From left to right.
    pub fn ticks(&self) -> Vec<Tick> {
        let seconds = (self.to - self.from) * 3600.0;
        let Some(start) = &self.start else { return self.plain(seconds) };
        let step = STEPS.into_iter().find(|step| seconds / step <= TICKS);
        let ticks = match step {
            Some(step) => within_days(start, step, seconds),
            None => days(start, seconds),
        };
        ticks.into_iter().map(|(since, text)| Tick { at: self.x(self.from + since / 3600.0), text }).collect()
    }

    fn plain(&self, seconds: f64) -> Vec<Tick> {
        let step = STEPS.into_iter().find(|step| seconds / step <= TICKS).unwrap_or_else(|| {
            let days = DAYS.into_iter().map(|days| days as f64 * 86_400.0);
            days.into_iter().find(|step| seconds / step <= TICKS).unwrap_or(seconds)
        });
        let count = (seconds / step).floor().clamp(0.0, 2.0 * TICKS) as usize;
        let reported = |n: usize| {
            let since = step * n as f64 / 3600.0;
            let text = if n == 0 { "start".to_owned() } else { format!("+{}", rough_hours(since)) };
            Tick { at: self.x(self.from + since), text }
        };
        (0..=count).map(reported).collect()
    }
}

/// Seconds after the start, and the label: full minutes and hours of the day.
fn within_days(start: &Zoned, step: f64, seconds: f64) -> Vec<(f64, String)> {
    let midnight = start.start_of_day().map_or(0.0, |day| start.duration_since(&day).as_secs_f64());
    let first = (step - midnight % step) % step;
    let count = ((seconds - first) / step).floor().clamp(-1.0, 2.0 * TICKS);
    let mut ticks = Vec::new();
    for n in 0..=(count as i64).max(-1) {
        let since = first + step * n as f64;
        let Ok(duration) = SignedDuration::try_from_secs_f64(since) else { continue };
        // Half a second on: rounding must not make 13:59 of 14:00.
        let near = start.checked_add(duration).ok().and_then(|at| at.round(Unit::Second).ok());
        let Some(at) = near else { continue };
        let is_midnight = at.hour() == 0 && at.minute() == 0 && at.second() == 0;
        let form = match step {
            _ if is_midnight => "%b %-d",
            step if step < 60.0 => "%H:%M:%S",
            _ => "%H:%M",
        };
        ticks.push((since, at.strftime(form).to_string()));
    }
    ticks
}

/// The same for midnights.
fn days(start: &Zoned, seconds: f64) -> Vec<(f64, String)> {
    let step = DAYS.into_iter().find(|days| seconds / (*days as f64 * 86_400.0) <= TICKS).unwrap_or(3650);
    let mut ticks = Vec::new();
    let mut day = start.start_of_day().and_then(|day| day.checked_add(1.day()));
    while let Ok(at) = &day {
        let since = at.duration_since(start).as_secs_f64();
        if since > seconds || ticks.len() > 2 * TICKS as usize {
            break;
        }
        ticks.push((since, at.strftime("%b %-d").to_string()));
        day = at.checked_add(step.days());
    }
    ticks
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use poolmon_leak::AnalysisConfig;
    use poolmon_model::{CounterWidth, Origin, Sample, SourceKind};
    use proptest::prelude::*;

    use super::*;

    fn analysis(start: &str) -> Analysis {
        let mut analysis = Analysis::new(AnalysisConfig::default());
        let mut sample = Sample::new(Origin::new(SourceKind::Windows, &[]).into(), CounterWidth::default());
        sample.time = Some(start.parse::<Timestamp>().unwrap());
        analysis.push(&sample);
        analysis
    }

    fn texts(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.text.as_str()).collect()
    }

    #[test]
    fn bytes_in_round_steps() {
        let scale = ByteScale::of([0.0, 3.2e6, 9.4e6], false);
        assert_eq!(texts(&scale.ticks()), ["0", "2.5 MiB", "5.0 MiB", "7.5 MiB", "10.0 MiB"]);
        let far = ByteScale::of([1.02e9, 1.05e9], false);
        assert!(!far.starts_at_zero());
        assert_eq!(texts(&far.ticks()), ["970 MiB", "980 MiB", "990 MiB", "1000 MiB", "1010 MiB"]);
        assert!(ByteScale::of([1.02e9, 1.05e9], true).starts_at_zero());
        assert_eq!(texts(&ByteScale::of([4096.0], false).ticks()), ["0", "1 KiB", "2 KiB", "3 KiB", "4 KiB"]);
        assert!(ByteScale::of([0.0, 100.0], false).y(100.0).abs() < 1e-9);
        let near = ByteScale::of([8.807_929e12, 8.808_785e12], false);
        assert_eq!(texts(&near.ticks())[..2], ["8203.00 GiB", "8203.25 GiB"]);
    }

    #[test]
    fn hours_of_the_day_and_midnights() {
        let of = |hours: f64| {
            let scale = TimeScale::new(0.0, hours, &analysis("2026-11-22T08:10:00Z"), &TimeZone::UTC);
            texts(&scale.ticks()).join(" ")
        };
        assert_eq!(of(0.002), "08:10:00 08:10:02 08:10:04 08:10:06");
        assert_eq!(of(1.0), "08:10 08:20 08:30 08:40 08:50 09:00 09:10");
        assert_eq!(of(24.0), "12:00 18:00 Nov 23 06:00");
        assert_eq!(of(24.0 * 6.0), "Nov 23 Nov 24 Nov 25 Nov 26 Nov 27 Nov 28");
        assert_eq!(of(24.0 * 28.0), "Nov 23 Nov 30 Dec 7 Dec 14");
        let unknown = TimeScale::new(0.0, 2.0, &Analysis::new(AnalysisConfig::default()), &TimeZone::UTC);
        assert_eq!(texts(&unknown.ticks()), ["start", "+30 min", "+1 h", "+1 h 30 min", "+2 h"]);
    }

    proptest! {
        #[test]
        fn ticks_lie_on_the_axis(low in 0.0..1e13_f64, more in 0.0..1e13_f64, hours in 1e-4..20_000.0_f64) {
            let scale = ByteScale::of([low, low + more], false);
            let ticks = scale.ticks();
            prop_assert!((2..=7).contains(&ticks.len()), "{ticks:?}");
            prop_assert!(ticks.iter().all(|tick| (-0.1..=1000.1).contains(&tick.at)));
            prop_assert!(ticks.windows(2).all(|pair| pair[0].text != pair[1].text), "{ticks:?}");
            let time = TimeScale::new(0.0, hours, &analysis("2026-03-27T23:59:59Z"), &TimeZone::UTC);
            let ticks = time.ticks();
            prop_assert!(ticks.len() <= 16 && ticks.is_sorted_by(|a, b| a.at < b.at), "{ticks:?}");
        }
    }
}
