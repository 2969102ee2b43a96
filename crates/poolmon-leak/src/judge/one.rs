//! The verdict on one series, test by test.

use poolmon_model::Pool;

use super::Points;
use super::ended::ended;
use crate::config::AnalysisConfig;
use crate::reason;
use crate::stats::line::{self, correlation};
use crate::stats::{change_point, floor, mann_kendall, rank, rhythm, saturation, theil_sen};
use crate::suspicion::{Facts, Tests};
use crate::verdict::{Evidence, Rate, VerdictKind};

/// What is found on one series, before all are seen together.
#[derive(Clone, Debug)]
pub struct Finding {
    pub kind: VerdictKind,
    pub bytes: Rate,
    pub allocs: Option<Rate>,
    pub held: f64,
    pub growth: f64,
    /// Hours since the first sample at which the window judged begins.
    pub from: f64,
    pub bent: bool,
    pub needs: Option<f64>,
    /// Grows like a leak, but so does a cache until it is trimmed: hours until that can be distinguished.
    pub early: Option<f64>,
    pub reasons: Vec<String>,
    pub evidence: Evidence,
    /// Its growth is explained, whatever it looks like.
    pub excused: bool,
    /// It jumped once, and has gained nothing since.
    pub stands: bool,
    /// The outcome, before the series is seen with others.
    pub tests: Tests,
    /// The window, for lockstep groups.
    pub points: Points,
}

const NO_RATE: Rate = Rate { per_hour: 0.0, low: 0.0, high: 0.0 };

impl Finding {
    /// Takes rates from the straight line through the points from the begin of the growth on, where no test gave better ones.
    pub fn take_window(&mut self, facts: &Facts, all: &Points, config: &AnalysisConfig, counts: bool) {
        let from = all.hours.partition_point(|&hour| hour < facts.start);
        let points = all.after(from).thinned(config.points);
        // Two points leave nothing that an interval could be worked out from.
        let rate = |(slope, error): (f64, f64)| {
            let half = (config.widening * error).min(9.0 * slope.abs());
            Rate { per_hour: slope, low: slope - half, high: slope + half }
        };
        self.bytes = rate(line::slope(&points.hours, &points.mean));
        self.allocs = counts.then(|| rate(line::slope(&points.hours, &points.outstanding)));
        self.growth = facts.growth;
        self.from = facts.start;
        self.bent = facts.before > 0.0;
        self.points = points;
    }

    fn dull(kind: VerdictKind, points: &Points) -> Self {
        Self {
            kind,
            bytes: NO_RATE,
            allocs: None,
            held: points.mean.last().copied().unwrap_or(0.0),
            growth: 0.0,
            from: points.hours.first().copied().unwrap_or(0.0),
            bent: false,
            needs: None,
            early: None,
            reasons: Vec::new(),
            evidence: Evidence {
                points: points.len(),
                hours: points.span(),
                p: 1.0,
                q: 1.0,
                ..Evidence::default()
            },
            excused: false,
            stands: false,
            tests: Tests::Say(kind),
            points: Points::default(),
        }
    }
}

fn middle(values: &[f64]) -> f64 {
    rank::median_of(values).unwrap_or(0.0)
}

/// Judges one series. `reported` = whether rows report (allocs and frees, outstanding allocations).
pub fn judge(config: &AnalysisConfig, pool: Pool, all: &Points, reported: (bool, bool)) -> Finding {
    let mut finding = test(config, pool, all, reported);
    let early = finding.kind == VerdictKind::Leaking && finding.early.is_some();
    finding.tests = if early { Tests::TooEarly } else { Tests::Say(finding.kind) };
    finding
}

fn test(config: &AnalysisConfig, pool: Pool, all: &Points, reported: (bool, bool)) -> Finding {
    if all.len() < config.least_points || all.span() < config.least_hours {
        let mut finding = Finding::dull(VerdictKind::TooLittleData, all);
        let by_points = if all.len() > 1 {
            let step = all.span() / (all.len() - 1) as f64;
            config.least_points.saturating_sub(all.len()) as f64 * step
        } else {
            config.least_hours
        };
        finding.needs = Some(by_points.max(config.least_hours - all.span()));
        return finding;
    }
    let n = all.len();
    let (tenth, fifth) = ((n / 10).max(2), (n / 5).max(2));
    let end = middle(&all.mean[n - tenth..]);
    let rise = (end - middle(&all.mean[..fifth])).max(end - middle(&all.mean[..n / 2]));
    if rise < config.least_growth {
        // What stopped early has been level ever since; only the first points are lower.
        let moved = all.mean[n - 1] - all.mean[0] >= config.least_growth;
        let quiet = moved.then(|| ended(&all.thinned(config.points))).flatten();
        return quiet.map_or_else(|| dull(config, all), |quiet| stopped(all, quiet));
    }
    let points = all.thinned(config.points);
    if let Some(finding) = step(config, &points, rise) {
        return finding;
    }
    let (window, bent) = window(config, all, &points);
    let mut window = Window::new(config, window, bent, reported);
    window.evidence.outgrown = outgrown(all, &window);
    // The window begins with growth, of which the end may have nothing.
    window.evidence.ended = ended(&points);
    window.finding(pool)
}

/// Growth over the most that was held before the window, and in its first eighth, by when it has hardly begun.
fn outgrown(all: &Points, window: &Window) -> f64 {
    let points = &window.points;
    let eighth = points.hours.get((points.len() / 8).max(1)).copied().unwrap_or(0.0);
    let before = all.hours.partition_point(|&hour| hour < points.hours[0]);
    let level = middle(&all.mean[before..all.hours.partition_point(|&hour| hour <= eighth)]);
    let held = all.mean[..before].iter().copied().fold(level, f64::max);
    (window.growth / held.max(1.0)).clamp(0.0, 1e6)
}

/// What stopped growing so early that it shows no trend.
fn stopped(all: &Points, quiet: f64) -> Finding {
    let mut finding = Finding::dull(VerdictKind::Plateau, all);
    finding.growth = all.mean[all.len() - 1] - all.mean[0];
    finding.evidence.ended = Some(quiet);
    finding.reasons.push(quiet_for(quiet));
    finding.excused = true;
    finding
}

fn quiet_for(hours: f64) -> String {
    let quiet = poolmon_model::units::rough_hours(hours);
    format!("has not grown for {quiet}, although the machine was in use")
}

/// What does not grow: steady, or coming and going with the load.
fn dull(config: &AnalysisConfig, all: &Points) -> Finding {
    let mut finding = Finding::dull(VerdictKind::Steady, all);
    if swing(&all.mean) < config.least_growth || swing(&all.mean) < 0.1 * middle(&all.mean) {
        return finding;
    }
    let thin = all.thinned(config.points);
    if let Some(fell) = step(config, &thin, swing(&all.mean)) {
        return fell;
    }
    if let Some(reason) = comes_back(config, &thin) {
        finding.kind = VerdictKind::LoadDriven;
        finding.reasons.push(reason.into());
    }
    finding
}

fn swing(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        - values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Why a series without a trend is more than steady: it swings, and comes back.
fn comes_back(config: &AnalysisConfig, points: &Points) -> Option<&'static str> {
    let part = swing(&points.mean) / middle(&points.mean).max(1.0);
    if swing(&points.mean) < config.least_growth || part < 0.1 {
        return None;
    }
    if points.known_load().is_some_and(|load| correlation(&load, &points.mean) > 0.5) {
        return Some(reason::FOLLOWS_LOAD);
    }
    let falls = floor::drawdown(&points.mean) >= 0.25 * swing(&points.mean);
    (part > 0.25).then_some(if falls { reason::FALLS_BACK } else { reason::NO_TREND })
}

/// The largest change of the level from one point to the next but one, and after which point it happened.
fn largest_jump(y: &[f64]) -> (usize, f64) {
    let mut best = (0, 0.0_f64);
    for at in 2..y.len().saturating_sub(3) {
        let before = middle(&y[at.saturating_sub(2)..=at]);
        let after = middle(&y[at + 2..(at + 5).min(y.len())]);
        if (after - before).abs() > best.1.abs() {
            best = (at, after - before);
        }
    }
    best
}

/// One jump that explains the growth.
fn step(config: &AnalysisConfig, points: &Points, rise: f64) -> Option<Finding> {
    let (at, jump) = largest_jump(&points.mean);
    if jump.abs() < 0.5 * rise {
        return None;
    }
    // The median of slopes does not see further jumps: what the ends say must be explained too.
    let change = points.mean[points.len() - 1] - points.mean[0];
    if (change - jump).abs() > 0.35 * jump.abs() {
        return None;
    }
    // What is left of the growth on each side of the jump, leaving out the points that it happened in.
    let (early, late) = (&points.mean[..=at], &points.mean[(at + 3).min(points.len() - 1)..]);
    let side = |values: &[f64], from: usize| {
        let x = &points.hours[from..from + values.len()];
        let slope = theil_sen::slope(x, values, config.confidence, 1.0).map_or(0.0, |slope| slope.slope);
        slope * (x[x.len() - 1] - x[0])
    };
    let rest = side(early, 0) + side(late, points.len() - late.len());
    if rest.abs() > 0.35 * jump.abs() {
        return None;
    }
    // The jump has to stand out of what goes on before and after it.
    let noise = |values: &[f64]| rank::spread(values).max(1.0);
    if jump.abs() < 5.0 * noise(early).max(noise(late)) {
        return None;
    }
    // Ranks say little of a jump near an end, or of few points; that none before reaches one after says more.
    let highest = early.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let apart = jump > 0.0 && late.iter().all(|value| *value > highest);
    let by_luck = if apart { change_point::chance_apart(early.len(), late.len()) } else { 1.0 };
    let p = change_point::pettitt(&points.mean)?.p.min(by_luck);
    if p > 0.01 {
        return None;
    }
    let mut finding = Finding::dull(VerdictKind::Step, points);
    finding.growth = jump;
    finding.from = points.hours[at];
    finding.evidence.jump = (jump / rise).abs();
    finding.evidence.p = p;
    finding.stands = late.last() <= late.first();
    let flat = if finding.stands { "its growth; flat before and after" } else { "most of its growth" };
    finding.reasons.push(format!("one jump explains {flat}"));
    Some(finding)
}

/// Part of the growth that is before the growth, at most.
const GREW_BEFORE: f64 = 0.2;

/// The part of the series that is judged: all of it, or what comes after a bend upwards.
fn window(config: &AnalysisConfig, all: &Points, points: &Points) -> (Points, bool) {
    let (x, y) = (&points.hours, &points.mean);
    let all_growth = y[y.len() - 1] - y[0];
    // What grew for hours before it grew faster, as in a flash crowd, grew from the start.
    let late = |bend: &change_point::Bend| bend.before * (x[bend.at] - x[0]) < GREW_BEFORE * all_growth;
    let bend = change_point::bend(x, y);
    if let Some(bend) = bend
        .filter(|bend| bend.after > 0.0 && bend.before < 0.25 * bend.after && bend.gain > 0.1 && late(bend))
    {
        let at = all.hours.partition_point(|&hour| hour < points.hours[bend.at]);
        let rest = all.after(at);
        if rest.len() >= config.least_points * 2 && rest.span() >= all.span() * 0.15 {
            return (rest.thinned(config.points), true);
        }
    }
    (points.clone(), false)
}

/// A clock that runs by the machine's work: the load over time. Load sums square roots of counts, hence the square.
fn work(hours: &[f64], load: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let mut clock = vec![0.0];
    for (pair, load) in hours.windows(2).zip(&load[1..]) {
        sum += (pair[1] - pair[0]) * load * load;
        clock.push(sum);
    }
    clock
}

/// The statistics of the window.
struct Window<'a> {
    config: &'a AnalysisConfig,
    points: Points,
    bent: bool,
    reported: (bool, bool),
    slope: Option<theil_sen::Slope>,
    evidence: Evidence,
    growth: f64,
    covered_day: bool,
    /// Half width of the interval that autocorrelated residuals ask for.
    interval: f64,
}

impl<'a> Window<'a> {
    fn new(config: &'a AnalysisConfig, points: Points, bent: bool, reported: (bool, bool)) -> Self {
        let mut evidence = Evidence { points: points.len(), hours: points.span(), ..Evidence::default() };
        let (x, y) = (&points.hours, &points.mean);
        let plain = theil_sen::slope(x, y, config.confidence, 1.0);
        let per_step = plain.map_or(0.0, |slope| slope.slope) * points.span() / (points.len() - 1) as f64;
        let test = mann_kendall::hamed_rao(y, per_step, 0.05).with_correction_of_at_least(1.0, y.len());
        let slope = theil_sen::slope(x, y, config.confidence, test.correction);
        (evidence.p, evidence.q, evidence.tau) = (test.p, test.p, test.tau);
        let growth = slope.map_or(0.0, |slope| slope.slope) * points.span();
        let covered_day = points.span() >= config.day;
        let load = points.known_load();
        let partial = rhythm::partial(x, y, load.as_deref(), covered_day);
        let line = slope.map_or(0.0, |slope| slope.slope);
        let mut adjusted = y.clone();
        let mut partial_error = None;
        if let Some(partial) = partial {
            evidence.partial_share = Some(if line > 0.0 { partial.slope / line } else { 0.0 });
            evidence.p_partial = Some(partial.p);
            evidence.partial_t = Some(partial.t.clamp(-1e6, 1e6));
            adjusted = partial.adjusted;
            partial_error = Some(partial.error);
        }
        let own = theil_sen::slope(x, &adjusted, config.confidence, 1.0).map_or(line, |slope| slope.slope);
        // Student's 97.5 % point with three degrees of freedom: no more are left where residuals wander.
        let interval = partial_error.map_or(0.0, |error| 3.18 * error);
        let rest: Vec<f64> = adjusted.iter().zip(x).map(|(value, hour)| value - own * hour).collect();
        let noise = rank::spread(&rest).max(1.0);
        evidence.signal = own * points.span() / noise;
        let work = load.as_deref().map(|load| work(x, load));
        Self::clocks(&mut evidence, x, &adjusted, work.as_deref());
        // The costly question is asked only where the answer matters.
        if growth >= config.least_growth && evidence.p <= 0.01 && evidence.signal >= config.signal {
            let covariates = rhythm::covariates(x, load.as_deref(), covered_day);
            let clocks: Vec<&[f64]> = std::iter::once(x.as_slice()).chain(work.as_deref()).collect();
            evidence.filling = saturation::filling(&clocks, &covariates, y);
        }
        let windows = if points.len() >= 48 { 8 } else { 4 };
        evidence.floor = floor::rises(&points.min, windows);
        evidence.drawdown = if growth > 0.0 { floor::drawdown(&points.mean) / growth } else { 1.0 };
        evidence.day_low = rhythm::day_to_day(x, y).map(|day| day.low);
        // The median of slopes may not see that there were more jumps: the ends do.
        let most = growth.max(y[y.len() - 1] - y[0]);
        evidence.jump = if growth > 0.0 { largest_jump(y).1.max(0.0) / most } else { 0.0 };
        Self::counters(&mut evidence, &points, reported);
        Self { config, points, bent, reported, slope, evidence, growth, covered_day, interval }
    }

    /// Is the growth even, by time or by the machine's work?
    fn clocks(evidence: &mut Evidence, x: &[f64], y: &[f64], work: Option<&[f64]>) {
        let even = |parts: &saturation::Parts| parts.ratio.min(1.0 / parts.ratio.max(1e-9)).min(parts.last);
        let by_time = saturation::parts(x, y);
        // A cache that fills while the load rises looks even by work: by time it must not look full.
        let by_work = work
            .filter(|_| by_time.is_some_and(|time| time.ratio > 0.35))
            .and_then(|work| saturation::parts(work, y));
        evidence.even = by_time.map(|time| time.even);
        let best = match (by_time, by_work) {
            (Some(time), Some(work)) if even(&work) > even(&time) => {
                evidence.by_work = true;
                Some(work)
            }
            (Some(time), _) => Some(time),
            (None, work) => work,
        };
        evidence.ratio = best.map(|parts| parts.ratio.min(1e6));
        evidence.last = best.map(|parts| parts.last);
    }

    fn counters(evidence: &mut Evidence, points: &Points, reported: (bool, bool)) {
        let gain = |values: &[f64]| values[values.len() - 1] - values[0];
        if reported.0 {
            let (made, freed) = (gain(&points.allocs), gain(&points.frees));
            evidence.frees = Some(freed);
            if made > 0.0 {
                evidence.retention = Some(((made - freed) / made).clamp(-1.0, 1.0));
            }
        }
        if reported.1 {
            evidence.only_rises = !points.fell.contains(&true) && gain(&points.outstanding) > 0.0;
            let sizes: Vec<f64> = points
                .mean
                .iter()
                .zip(&points.outstanding)
                .filter(|(_, count)| **count > 0.0)
                .map(|(bytes, count)| bytes / count)
                .collect();
            let usual = middle(&sizes);
            evidence.constant_size =
                usual > 0.0 && !points.inexact && sizes.iter().all(|size| (size / usual - 1.0).abs() < 0.02);
        }
    }

    /// In less than a day a rhythm, or a cache that fills, looks like a trend. It is none if it is straight (a wave
    /// and a cache bend) and one thing more: hardly anything is freed, or it is long enough for a wave to bend, or it
    /// grew by more than a rhythm can in that time. Where it grew by far more than any rhythm, it need not be straight.
    fn beyond_rhythm(&self) -> bool {
        if self.covered_day {
            return true;
        }
        let (swing, span) = (self.config.swing, self.points.span());
        let long = span >= self.config.straight;
        // From the trough to the peak of a wave; twice that is out of reach for it, whatever the noise.
        let wave = 2.0 * swing / (1.0 - swing);
        if span >= self.config.starting && self.evidence.outgrown >= 2.0 * wave {
            return true;
        }
        let filling = self.evidence.filling.unwrap_or(0.0);
        let nothing_freed = self.evidence.retention.is_some_and(|kept| kept >= 0.9) && filling > 1.05;
        if long && (filling >= self.config.line || nothing_freed) {
            return true;
        }
        if self.evidence.even.is_none_or(|even| even < self.config.even) {
            return false;
        }
        if self.evidence.retention.is_some_and(|kept| kept >= self.config.retention) || long {
            return true;
        }
        let steepest = swing * std::f64::consts::TAU * span / 24.0;
        let most = wave.min(steepest * if span < 4.0 { 1.0 } else { 1.6 });
        let level = middle(&self.points.mean[..(self.points.len() / 8).max(2)]);
        self.growth > most * level
    }

    /// A cache on the way to its next trim is as straight as a leak, and frees as little from sample to sample. It is
    /// distinguished from one by what a cache does not do: hold far more than it ever did, keep all that it takes, or go on like
    /// that for days. Gives the hours until the first or the last of these is reached; `None` if one is.
    fn too_early(&self) -> Option<f64> {
        let (c, e) = (self.config, &self.evidence);
        // Where frees are unknown, as of slab caches, the deepest fall-back stands for them.
        let reported = e.retention.or(e.frees.is_none().then_some(1.0 - e.drawdown));
        let kept = reported.is_some_and(|kept| kept >= c.keeps_all);
        let (span, long) = (self.points.span(), 2.0 * c.day);
        if kept || e.outgrown >= c.outgrown || span >= long {
            return None;
        }
        let until_outgrown = span * (c.outgrown / e.outgrown.max(1e-9) - 1.0);
        Some(until_outgrown.min(long - span))
    }

    fn finding(self, pool: Pool) -> Finding {
        let rate = self.slope.map_or(NO_RATE, |slope| Rate {
            per_hour: slope.slope,
            low: slope.low,
            high: slope.high,
        });
        let (kind, reasons, needs) = self.decide(pool, rate);
        let early = self.too_early();
        // Noise that wanders makes every formula's interval too narrow: widened as the tuning hosts ask for.
        let wider = |half: f64| self.config.widening * half.max(self.interval);
        let rate = Rate {
            low: rate.per_hour - wider(rate.per_hour - rate.low),
            high: rate.per_hour + wider(rate.high - rate.per_hour),
            ..rate
        };
        let (mut kind, mut reasons) = (kind, reasons);
        if kind == VerdictKind::Leaking && rate.low <= 0.0 {
            kind = VerdictKind::Growing;
            reasons = vec!["how fast it grows is uncertain: it may not grow at all".to_owned()];
        }
        let allocs = self.reported.1.then(|| {
            let plain =
                theil_sen::slope(&self.points.hours, &self.points.outstanding, self.config.confidence, 1.0);
            plain.map_or(NO_RATE, |slope| Rate { per_hour: slope.slope, low: slope.low, high: slope.high })
        });
        let tail = (self.points.len() / 20).max(1);
        Finding {
            kind,
            bytes: rate,
            allocs,
            held: middle(&self.points.mean[self.points.len() - tail..]),
            growth: self.growth,
            from: self.points.hours[0],
            bent: self.bent,
            needs,
            early,
            reasons,
            excused: self.evidence.ended.is_some(),
            stands: false,
            evidence: self.evidence,
            tests: Tests::Say(kind),
            points: self.points,
        }
    }

    fn decide(&self, pool: Pool, rate: Rate) -> (VerdictKind, Vec<String>, Option<f64>) {
        let (c, e) = (self.config, &self.evidence);
        let span = self.points.span();
        let said = |text: &str| vec![text.to_owned()];
        if let Some(quiet) = e.ended {
            return (VerdictKind::Plateau, vec![quiet_for(quiet)], None);
        }
        if self.growth < c.least_growth || rate.low <= 0.0 || e.p > 0.01 {
            return match comes_back(c, &self.points) {
                Some(reason) => (VerdictKind::LoadDriven, said(reason), None),
                None => (VerdictKind::Steady, said("no trend beyond its own noise"), None),
            };
        }
        // Slopes of quarters say little where the noise is nearly as large as the growth.
        let clear = e.signal >= 2.5 * c.signal;
        // What comes in bursts lies next to any line, and by chance nearer to a curve. Where all that comes is kept and the
        // parts tell no slowing, the curve is no evidence.
        let goes_on = e.retention.is_some_and(|kept| kept >= c.keeps_bursts)
            && e.drawdown < 0.01
            && e.ratio.is_some_and(|ratio| ratio >= 0.8)
            && e.last.is_some_and(|last| last >= 0.7);
        let slows = e.ratio.is_some_and(|ratio| ratio < if clear { c.ratio } else { 0.5 * c.ratio })
            || clear && e.last.is_some_and(|last| last < c.last)
            || !goes_on
                && e.filling.is_some_and(|filling| {
                    filling < if span < c.two_days { c.filling_early } else { c.filling }
                });
        let kept =
            e.retention.is_some_and(|kept| kept >= 0.9) || e.filling.is_some_and(|ratio| ratio >= c.line);
        let explained = e.partial_share.is_some_and(|share| share < c.partial_share)
            || e.partial_t.is_some_and(|t| t < if kept { c.partial_t_kept } else { c.partial_t });
        if explained {
            if slows && e.signal >= c.signal {
                return (VerdictKind::WarmingUp, said("levels off"), None);
            }
            // Not proven is not refuted: where most of the growth is left, the load does not explain it.
            if e.partial_share.is_some_and(|share| share >= c.partial_share) {
                let reason = said("not yet distinguishable from what load and time of day can do");
                return (VerdictKind::Growing, reason, Some(span));
            }
            return (VerdictKind::LoadDriven, said(reason::LOAD_EXPLAINS), Some(span));
        }
        if slows {
            return (VerdictKind::WarmingUp, said("levels off"), Some(span * 0.5));
        }
        if e.jump > 0.5 && e.jump * e.signal > 6.0 {
            return (VerdictKind::Growing, said("one jump is most of its growth"), Some(span * 0.5));
        }
        let floor_rises = e.floor.1 == 0 || e.floor.0 * 3 >= e.floor.1 * 2;
        if e.signal < c.signal || !floor_rises || e.day_low.is_some_and(|low| low <= 0.0) {
            return (VerdictKind::Growing, said("not yet distinguishable from its own noise"), Some(span));
        }
        if pool == Pool::Reclaimable {
            return (
                VerdictKind::Growing,
                said("the kernel can shrink this cache when it needs the memory"),
                None,
            );
        }
        if !self.beyond_rhythm() {
            let reason = said("grows for less than a day: it may be a daily pattern");
            return (VerdictKind::Growing, reason, Some((c.day - span).max(0.0)));
        }
        let mut reasons = Vec::new();
        if e.frees == Some(0.0) {
            reasons.push("nothing is ever freed".into());
        } else if e.only_rises {
            reasons.push("outstanding allocations never fall".into());
        }
        if e.constant_size {
            reasons.push("bytes per allocation stay the same".into());
        }
        if e.by_work {
            reasons.push("grows evenly by the machine's work".into());
        }
        if e.outgrown >= c.outgrown && span < 2.0 * c.day {
            reasons.push(if e.outgrown < 100.0 {
                format!("holds {:.0} times what it held before it grew", e.outgrown + 1.0)
            } else {
                "held almost nothing before it grew".into()
            });
        }
        if !self.covered_day {
            reasons.push("grows for less than a day: a daily pattern is unlikely, but possible".into());
        }
        if self.points.inexact {
            reasons.push("some counts are inexact".into());
        }
        (VerdictKind::Leaking, reasons, None)
    }
}
