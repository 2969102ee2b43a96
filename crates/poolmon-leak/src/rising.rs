//! Counts that only rise: of what one process keeps, there is no noise of others, no load and no slab. So the questions are fewer than a
//! row is asked, and each has the answer and the threshold that rows have: enough points, a signed-rank test of what each count gained
//! (false discoveries among all counts limited), nothing freed, no levelling off, as straight as a leak of the same length must be.

use poolmon_model::units::{exact_hours, grouped};
use poolmon_model::{Pool, Tag};
use serde::Serialize;

use crate::stats::{change_point, discrete, floor, saturation, signed_rank, theil_sen};
use crate::{AnalysisConfig, Rate};

/// A count over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CountCurve {
    /// Seconds, rising.
    pub seconds: Vec<f64>,
    /// The count at each of them.
    pub counts: Vec<f64>,
}

/// That a count only rises.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Rise {
    /// How much an hour, with its interval (95 %).
    pub rate: Rate,
    /// By how much it rose.
    pub growth: f64,
    /// For how many seconds it has risen: until the last point.
    pub seconds: f64,
    /// Whether it was level before that.
    pub began: bool,
    /// Points at which it had risen since the one before, and all but the first.
    pub rises: (usize, usize),
    /// The rate of false discoveries at which it is one.
    pub q: f64,
}

impl Rise {
    /// How much a second.
    pub fn per_second(&self) -> f64 {
        self.rate.per_hour / 3600.0
    }
}

/// A holder, a process as a rule, of one kind of whose objects it keeps more and more.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Riser {
    /// What it is (`process`), as data names it.
    pub holder_type: &'static str,
    /// Its id, if it is a process.
    pub pid: Option<u32>,
    /// Its name in data.
    pub name: String,
    /// The unit or container that it runs in.
    pub group: Option<String>,
    /// How it is called in a sentence.
    pub who: String,
    /// The kind of objects, as data names it.
    pub kind: &'static str,
    /// Its name in a sentence, of several.
    pub kinds: &'static str,
    /// How many it keeps at the end.
    pub held: u64,
    /// How it rises.
    pub rise: Rise,
    /// The rows that such objects live in: tag, pool, what a person calls it.
    pub rows: Vec<(Tag, Pool, String)>,
    /// The verdict on a row that leaks, or is suspected to, names it already.
    pub is_named: bool,
}

impl Riser {
    /// One that no verdict names and of which no row is known. `holder`: what it is, its pid and its name; `kind`: its name in data and in a
    /// sentence, and how many it keeps.
    pub fn new(
        (holder_type, pid, name): (&'static str, Option<u32>, &str),
        who: String,
        group: Option<&str>,
        (kind, kinds, held): (&'static str, &'static str, u64),
        rise: Rise,
    ) -> Self {
        let (name, group) = (name.to_owned(), group.map(str::to_owned));
        Self {
            holder_type,
            pid,
            name,
            group,
            who,
            kind,
            kinds,
            held,
            rise,
            rows: Vec::new(),
            is_named: false,
        }
    }

    /// `python3 leak.py (pid 7) in web.service: 2,014 UNIX sockets, +50/s (49.9–50.1, 95 %), all 40 s`.
    pub fn sentence(&self) -> String {
        let group = self.group.as_ref().map_or_else(String::new, |group| format!(" in {group}"));
        let length = exact_hours(self.rise.seconds / 3600.0);
        let since = if self.rise.began { format!("for the last {length}") } else { format!("all {length}") };
        let Rate { per_hour, low, high } = self.rise.rate;
        let (_, per) = unit(per_hour);
        format!(
            "{}{group}: {} {}, {} ({}–{}, 95 %), {since}",
            self.who,
            grouped(self.held),
            self.kinds,
            self.speed(),
            figure(low / per),
            figure(high / per)
        )
    }

    /// `+50.0/s`.
    pub fn speed(&self) -> String {
        let (unit, per) = unit(self.rise.rate.per_hour);
        format!("+{}/{unit}", figure(self.rise.rate.per_hour / per))
    }

    /// `lives in UNIX (levels off) and filp (levels off)`: where its objects are, and what the rows show of it.
    pub fn places(&self) -> Option<String> {
        let names: Vec<&str> = self.rows.iter().map(|(.., name)| name.as_str()).collect();
        (!names.is_empty()).then(|| format!("its objects live in {}", names.join(", ")))
    }
}

fn figure(value: f64) -> String {
    if value.abs() >= 99.95 { grouped(value.round() as u64) } else { format!("{value:.1}") }
}

/// The unit in which a rate is no fraction: a second, a minute, an hour; and the part of an hour that it is.
fn unit(per_hour: f64) -> (&'static str, f64) {
    match per_hour {
        rate if rate >= 3600.0 => ("s", 3600.0),
        rate if rate >= 60.0 => ("min", 60.0),
        _ => ("h", 1.0),
    }
}

/// Of all counts that were taken, those that only rise.
pub fn rising(curves: &[CountCurve], config: &AnalysisConfig) -> Vec<Option<Rise>> {
    // Each count is a test, those included that go up and down: what is named must stand out of all of them.
    let tests: Vec<(f64, f64)> = curves
        .iter()
        .map(|curve| {
            let test = signed_rank::test(&gains(&thinned(curve, config.points).counts));
            (test.p, test.least)
        })
        .collect();
    let q = discrete::adjust(&tests, config.false_discoveries);
    let of = |(curve, q): (&CountCurve, f64)| {
        let is_rare = q <= config.false_discoveries;
        is_rare.then(|| rise(&thinned(curve, config.points), q, config)).flatten()
    };
    curves.iter().zip(q).map(of).collect()
}

fn gains(counts: &[f64]) -> Vec<f64> {
    counts.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// At most `most` points, the last one among them.
fn thinned(curve: &CountCurve, most: usize) -> CountCurve {
    let n = curve.seconds.len().min(curve.counts.len());
    let step = n.div_ceil(most.max(1)).max(1);
    let at = || (0..n).rev().step_by(step);
    let pick = |values: &[f64]| {
        let mut picked: Vec<f64> = at().map(|at| values[at]).collect();
        picked.reverse();
        picked
    };
    CountCurve { seconds: pick(&curve.seconds), counts: pick(&curve.counts) }
}

fn rise(curve: &CountCurve, q: f64, config: &AnalysisConfig) -> Option<Rise> {
    let (all_x, all_y) = (&curve.seconds, &curve.counts);
    let long = |x: &[f64]| {
        let span = x.last().zip(x.first()).map_or(0.0, |(last, first)| last - first);
        x.len() >= config.least_points && span >= config.least_hours * 3600.0
    };
    if !long(all_x) {
        return None;
    }
    // What was level at first is judged from when it began to rise.
    let bend = change_point::bend(all_x, all_y)
        .filter(|bend| bend.after > 0.0 && bend.before.abs() < 0.25 * bend.after && bend.gain > 0.1)
        .map(|bend| bend.at)
        .filter(|at| long(&all_x[*at..]));
    let from = bend.unwrap_or(0);
    let (x, y) = (&all_x[from..], &all_y[from..]);
    let growth = y.last()? - y.first()?;
    // Also of what was before: a count that fell was freed.
    if growth <= 0.0 || floor::drawdown(all_y) > (1.0 - config.keeps_all) * growth {
        return None;
    }
    let parts = saturation::parts(x, y)?;
    if parts.even < config.even || ended(y) {
        return None;
    }
    if saturation::filling(&[x], &[], y).is_some_and(|curve| curve < config.filling) {
        return None;
    }
    let slope = theil_sen::slope(x, y, config.confidence, config.widening * config.widening)?;
    // Counts are whole: each end may be one object off.
    let whole = 2.0 / (x.last()? - x.first()?);
    if slope.low <= whole {
        return None;
    }
    let hourly = |per_second: f64| per_second * 3600.0;
    let rises = y.windows(2).filter(|pair| pair[1] > pair[0]).count();
    Some(Rise {
        rate: Rate {
            per_hour: hourly(slope.slope),
            low: hourly(slope.low - whole),
            high: hourly(slope.high + whole),
        },
        growth,
        seconds: x.last()? - x.first()?,
        began: bend.is_some(),
        rises: (rises, y.len() - 1),
        q,
    })
}

/// Whether it has been level at the end for longer than chance explains, given how seldom it was level before.
fn ended(y: &[f64]) -> bool {
    const CHANCE: f64 = 0.05;
    let gains = gains(y);
    let level = gains.iter().rev().take_while(|gain| **gain == 0.0).count();
    let before = &gains[..gains.len() - level];
    let still = before.iter().filter(|gain| **gain == 0.0).count();
    // One more of both than there were (Laplace).
    let chance = (still as f64 + 1.0) / (before.len() as f64 + 2.0);
    chance.powf(level as f64) < CHANCE
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn config() -> AnalysisConfig {
        AnalysisConfig { least_hours: 20.0 / 3600.0, ..AnalysisConfig::default() }
    }

    fn curve(points: usize, count: impl FnMut(f64) -> f64) -> CountCurve {
        let seconds: Vec<f64> = (0..points).map(|at| at as f64).collect();
        let counts = seconds.iter().copied().map(count).collect();
        CountCurve { seconds, counts }
    }

    fn alone(curve: CountCurve) -> Option<Rise> {
        rising(&[curve], &config())[0]
    }

    #[test]
    fn a_straight_line_rises() {
        let rise = alone(curve(41, |at| 300.0 + (at * 50.0).floor())).unwrap();
        assert!((rise.per_second() - 50.0).abs() < 0.1 && rise.rate.low > 0.0, "{rise:?}");
        assert_eq!((rise.growth, rise.rises, rise.began, rise.seconds), (2_000.0, (40, 40), false, 40.0));
        let late = alone(curve(41, |at| 7.0 + (at - 15.0).max(0.0) * 20.0)).unwrap();
        assert!(late.began && (24.0..=26.0).contains(&late.seconds), "{late:?}");
        assert!((late.per_second() - 20.0).abs() < 0.5, "{late:?}");
    }

    #[test]
    fn a_riser_in_words() {
        let rise = alone(curve(41, |at| 14.0 + (at * 50.0).floor())).unwrap();
        let mut riser = Riser::new(
            ("process", Some(7), "python3 leak.py"),
            "python3 leak.py (pid 7)".into(),
            Some("web.service"),
            ("unix", "UNIX sockets", 2_014),
            rise,
        );
        assert_eq!(
            riser.sentence(),
            "python3 leak.py (pid 7) in web.service: 2,014 UNIX sockets, +50.0/s (50.0–50.0, 95 %), all 40 s"
        );
        assert_eq!(riser.places(), None);
        riser.rise = Rise { rate: Rate { per_hour: 30.0, low: 24.0, high: 36.0 }, began: true, ..rise };
        assert!(
            riser.sentence().ends_with("+30.0/h (24.0–36.0, 95 %), for the last 40 s"),
            "{}",
            riser.sentence()
        );
        riser.rise.rate = Rate { per_hour: 720_000.0, low: 719_000.0, high: 721_000.0 };
        assert!(riser.sentence().contains("+200/s"), "{}", riser.sentence());
    }

    #[test]
    fn few_points_and_a_short_time_show_nothing() {
        assert_eq!(alone(curve(11, |at| at * 500.0)), None);
        let short = curve(40, |at| at * 50.0);
        let quick = CountCurve { seconds: short.seconds.iter().map(|at| at / 10.0).collect(), ..short };
        assert_eq!(alone(quick), None, "4 s");
    }

    #[test]
    fn what_is_given_back_ends_or_levels_off_does_not() {
        assert_eq!(alone(curve(41, |at| 2_000.0 * (at / 20.0).fract())), None, "a sawtooth");
        assert_eq!(alone(curve(41, |at| if at < 12.0 { 5.0 } else { 20_000.0 })), None, "one jump");
        assert_eq!(alone(curve(41, |at| 500.0 * (at / 8.0).floor())), None, "five stairs");
        assert_eq!(alone(curve(41, |at| 50.0 * at.min(36.0))), None, "it has ended");
        assert_eq!(alone(curve(41, |at| (9_000.0 * (1.0 - (-at / 30.0).exp())).round())), None, "it fills");
        assert_eq!(alone(curve(41, |at| 50.0 * at - if at > 20.0 { 200.0 } else { 0.0 })), None, "it fell");
    }

    #[test]
    fn one_of_thousands_has_to_stand_out_of_all() {
        // The fewest points that can show anything of a count alone: fourteen rises happen to one of sixteen thousand.
        let rise = curve(15, |at| at * 1.5);
        let rise = CountCurve { seconds: rise.seconds.iter().map(|at| at * 2.0).collect(), ..rise };
        assert!(alone(rise.clone()).is_some());
        let busy = |seed: usize| curve(15, |at| 100.0 + ((at as usize * 7_919 + seed * 104_729) % 31) as f64);
        let mut all: Vec<CountCurve> = (0..1_000).map(busy).collect();
        all.push(rise);
        assert!(rising(&all, &config()).iter().all(Option::is_none));
    }

    /// What holders do that is no leak, drawn at random: what each count gains or loses, then the course of it.
    fn innocent() -> impl Strategy<Value = (usize, CountCurve)> {
        let points = 13..200_usize;
        (0..6_usize, points, any::<u64>(), 1..5_000_u32, 0.02..0.9_f64, 0.0..1.0_f64).prop_map(
            |(mechanism, points, seed, size, part, phase)| {
                let mut state = seed | 1;
                let mut chance = move || {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    (state >> 11) as f64 / (1_u64 << 53) as f64
                };
                let (n, size) = (points as f64, f64::from(size));
                let mut walk = size;
                let curve = curve(points, |at| {
                    let time = at / n;
                    match mechanism {
                        // Fills, and levels off within the time.
                        0 => (size * (1.0 - (-time / (0.35 * part)).exp())).round(),
                        // Fills as fast as it can, until it is full.
                        1 => (size * ((time - 0.3 * phase) / (0.6 * part)).clamp(0.0, 1.0)).round(),
                        // Fills and closes all, at least two counts later: what takes less shows any phase of it.
                        2 => (size * (time / part.max(2.0 / n) + phase).fract()).round(),
                        // A number that wanders.
                        3 => {
                            walk = (walk + ((chance() - 0.5) * 2.0 * (1.0 + size / 50.0)).round()).max(0.0);
                            walk
                        }
                        // One jump.
                        4 => {
                            if time < part {
                                3.0
                            } else {
                                3.0 + size
                            }
                        }
                        // Stairs, each longer than the counts are apart.
                        _ => {
                            let steps = 2.0 + (phase * 6.0).floor();
                            (size / steps * (time * steps).floor()).round()
                        }
                    }
                });
                (mechanism, curve)
            },
        )
    }

    proptest! {
        #[test]
        fn innocent_holders_are_not_named(batch in proptest::collection::vec(innocent(), 1..20)) {
            let curves: Vec<CountCurve> = batch.iter().map(|(_, curve)| curve.clone()).collect();
            for ((mechanism, curve), found) in batch.iter().zip(rising(&curves, &config())) {
                prop_assert!(found.is_none(), "mechanism {mechanism}: {found:?} {curve:?}");
            }
        }

        /// A leak by the clock, of any rate that shows at each count, beside what the process held before.
        #[test]
        fn a_steady_leak_is_named(points in 40..200_usize, rate in 1.0..500.0_f64, held in 0..10_000_u32) {
            let leak = curve(points, |at| f64::from(held) + (at * rate).floor());
            let busy: Vec<CountCurve> = (0..50_usize)
                .map(|seed| curve(points, |at| ((at as usize * 7_919 + seed * 104_729) % 31) as f64))
                .collect();
            let all: Vec<CountCurve> = busy.into_iter().chain([leak]).collect();
            let found = rising(&all, &config());
            let rise = found.last().unwrap().expect("it rises");
            prop_assert!(rise.rate.low / 3600.0 <= rate && rate <= rise.rate.high / 3600.0, "{rise:?}");
            prop_assert!(found[..50].iter().all(Option::is_none));
        }
    }
}
