//! Runs against idle intervals: first each tag alone, then all of them together.

use poolmon_model::owner::reported_name;
use poolmon_model::{Pool, Tag};

use super::report::{Idle, Loss, LossKind, Losses, PerRun, figure};
use super::series::{Change, Measurement, Track};
use super::{ALPHA, INTERVAL_ALPHA, Phase, least_runs};
use crate::judge::owner::OwnerHint;
use crate::stats::{discrete, line, mann_kendall, rank, signed_rank, theil_sen};

/// Pairs from which on early and late runs are compared.
const ENOUGH_FOR_HALVES: usize = 10;

/// A run and the idle interval next to it, as numbers of intervals.
#[derive(Clone, Copy)]
struct Pair {
    run: usize,
    idle: usize,
    /// Seconds of the run over those of the idle interval.
    ratio: f64,
}

/// Judges everything.
pub fn all(measured: &Measurement, owner: &dyn Fn(&Tag, Pool) -> Option<OwnerHint>) -> Losses {
    let pairs = pairs(&measured.intervals);
    let ambient: Vec<(usize, f64)> = numbered(&measured.intervals, Phase::Ambient).collect();
    let mut runs: Vec<f64> = pairs.iter().map(|pair| measured.intervals[pair.run].1).collect();
    let mut losses = Losses {
        pairs: pairs.len(),
        ambient: ambient.len(),
        ambient_seconds: ambient.iter().map(|interval| interval.1).sum(),
        warm_up: measured.count(Phase::WarmUp),
        run_seconds: rank::median(&mut runs).unwrap_or(0.0),
        level: signed_rank::level(pairs.len(), INTERVAL_ALPHA),
        alpha: ALPHA,
        ..Losses::default()
    };
    let mut tests = Vec::new();
    let mut figures = 1;
    for track in &measured.tracks {
        let Some((loss, least)) = one(track, measured, &pairs, &ambient) else {
            losses.still += 1;
            continue;
        };
        figures = figures.max(track.figures());
        tests.push((loss.p, least));
        let hint = owner(&track.tag, track.pool).map(|hint| hint.driver);
        let owner = hint.or_else(|| track.owner.as_deref().and_then(reported_name));
        losses.tags.push(Loss { owner, ..loss });
    }
    losses.least_runs = least_runs(losses.tags.len(), figures);
    for (loss, q) in losses.tags.iter_mut().zip(discrete::adjust(&tests, ALPHA)) {
        loss.q = q;
        if q > ALPHA {
            loss.kind = LossKind::Noise;
            loss.reasons.clear();
        }
    }
    losses.tags.sort_by(|a, b| {
        a.kind.cmp(&b.kind).then(b.bytes.estimate.total_cmp(&a.bytes.estimate)).then(a.tag.cmp(&b.tag))
    });
    losses
}

fn numbered(intervals: &[(Phase, f64)], wanted: Phase) -> impl Iterator<Item = (usize, f64)> {
    intervals
        .iter()
        .enumerate()
        .filter(move |(_, interval)| interval.0 == wanted)
        .map(|(at, interval)| (at, interval.1))
}

/// The first run with the first idle interval, and so on; a last one without its partner is left out.
fn pairs(intervals: &[(Phase, f64)]) -> Vec<Pair> {
    numbered(intervals, Phase::Run)
        .zip(numbered(intervals, Phase::Idle))
        .map(|((run, long), (idle, beside))| Pair {
            run,
            idle,
            ratio: if beside > 0.0 { long / beside } else { 1.0 },
        })
        .collect()
}

impl Track {
    /// Figures that are tested.
    fn figures(&self) -> usize {
        if self.objects_told && !self.bytes_of_objects { 2 } else { 1 }
    }

    fn column(&self, of: fn(&Change) -> f64, intervals: usize) -> Vec<f64> {
        let mut column = vec![0.0; intervals];
        for change in &self.changes {
            column[change.at] = of(change);
        }
        column
    }
}

/// Run less idle interval, pair by pair.
fn differences(column: &[f64], pairs: &[Pair]) -> Vec<f64> {
    pairs.iter().map(|pair| column[pair.run] - column[pair.idle] * pair.ratio).collect()
}

fn per_run(differences: &[f64]) -> PerRun {
    let (estimate, low, high) = signed_rank::location(differences, INTERVAL_ALPHA)
        .map_or((0.0, 0.0, 0.0), |at| (at.estimate, at.low, at.high));
    PerRun { estimate, low, high }
}

/// One tag, with the smallest p-value that it could have had; `None` if no pair saw a change.
fn one(
    track: &Track,
    measured: &Measurement,
    pairs: &[Pair],
    ambient: &[(usize, f64)],
) -> Option<(Loss, f64)> {
    let of_pair = |at: usize| pairs.iter().any(|pair| pair.run == at || pair.idle == at);
    if !track.changes.iter().any(|change| of_pair(change.at)) {
        return None;
    }
    let size = measured.intervals.len();
    let bytes = track.column(|change| change.bytes, size);
    let objects = track.objects_told.then(|| track.column(|change| change.objects, size));
    let by_bytes = differences(&bytes, pairs);
    let by_objects = objects.as_ref().map(|column| differences(column, pairs));
    // Where objects and bytes are distinguished both are tested, and the better one counts twice (Bonferroni).
    let tests = [
        by_objects.as_ref().map(|values| signed_rank::test(values)),
        (by_objects.is_none() || track.figures() == 2).then(|| signed_rank::test(&by_bytes)),
    ];
    let number = tests.iter().flatten().count() as f64;
    let best = |of: fn(&signed_rank::SignedRank) -> f64| {
        (tests.iter().flatten().map(of).fold(1.0, f64::min) * number).min(1.0)
    };
    let column = objects.as_deref().unwrap_or(&bytes);
    let tested = by_objects.as_deref().unwrap_or(&by_bytes);
    let Fate { kind, kept, lost, reasons } = fate(track, column, tested, measured, pairs, ambient);
    // Of what a run takes, a part may be lost.
    let taken = per_run(tested).estimate;
    let part = |run: PerRun| lost.map_or(run, |lost| run.times(lost, taken));
    let mut beside: Vec<f64> = pairs.iter().map(|pair| column[pair.idle]).collect();
    let idle = Idle {
        least: beside.iter().copied().fold(f64::INFINITY, f64::min),
        most: beside.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        median: rank::median(&mut beside).unwrap_or(0.0),
    };
    let above = tested.iter().filter(|d| **d > 0.0).count();
    let below = tested.iter().filter(|d| **d < 0.0).count();
    let loss = Loss {
        tag: track.tag.clone(),
        pool: track.pool,
        kind,
        objects: by_objects.as_deref().map(|values| part(per_run(values))),
        bytes: part(per_run(&by_bytes)),
        held_bytes: track
            .bytes_of_objects
            .then(|| per_run(&differences(&track.column(|change| change.held, size), pairs)).estimate),
        mean: tested.iter().sum::<f64>() / tested.len().max(1) as f64,
        kept,
        idle,
        pairs: (above, below, tested.len()),
        p: best(|test| test.p),
        q: 1.0,
        owner: None,
        reasons,
    };
    Some((loss, best(|test| test.least)))
}

/// What becomes of what a run took, if the difference is real.
struct Fate {
    kind: LossKind,
    /// What is kept of it.
    kept: f64,
    /// What is lost, where it is a part of what a run takes: the rest is freed later.
    lost: Option<PerRun>,
    reasons: Vec<String>,
}

fn fate(
    track: &Track,
    column: &[f64],
    tested: &[f64],
    measured: &Measurement,
    pairs: &[Pair],
    ambient: &[(usize, f64)],
) -> Fate {
    let taken = per_run(tested).estimate;
    let seconds = |at: usize| measured.intervals[at].1;
    let rates: Vec<f64> =
        ambient.iter().filter(|interval| interval.1 > 0.0).map(|&(at, long)| column[at] / long).collect();
    // What still came back at first, of this program's own start and of what ran before, promises no further fall that
    // runs would have to make up for.
    let rate = tempered_mean(rates).max(0.0);
    // Over run and idle interval together: what came back in the idle interval is no loss.
    let cycles: Vec<f64> = pairs
        .iter()
        .map(|pair| column[pair.run] + column[pair.idle] - rate * (seconds(pair.run) + seconds(pair.idle)))
        .collect();
    let kept = per_run(&cycles);
    // How far what the background takes in a pair may be off.
    let doubt = background_error(column, ambient) * cycle_seconds(measured, pairs);
    let mut fate = Fate { kind: LossKind::Lost, kept: kept.estimate, lost: None, reasons: Vec::new() };
    let gulps = gulps(column, pairs, ambient) < taken / 2.0;
    let barely = kept.estimate < taken / 2.0 && kept.high < taken;
    if barely && let Some(lost) = left_over(&cycles).filter(|lost| lost.low > doubt && lost.estimate < taken)
    {
        let rest = (figure(taken), figure(taken - lost.estimate));
        fate.reasons.push(if track.objects_told {
            format!("takes {} objects per run, of which {} are freed later", rest.0, rest.1)
        } else {
            "takes more per run, which is freed later".to_owned()
        });
        (fate.kept, fate.lost) = (lost.estimate, Some(lost));
    } else if barely || gulps {
        fate.reasons.extend((track.pool == Pool::Reclaimable).then(|| SHRINKS.to_owned()));
        fate.reasons.push(if barely {
            "runs and idle intervals together grow barely more than the background".to_owned()
        } else {
            "now and then a run frees what several took".to_owned()
        });
        fate.kind = LossKind::GivenBack;
        return fate;
    }
    if tested.len() >= ENOUGH_FOR_HALVES && fate.lost.is_none() {
        let (early, late) = tested.split_at(tested.len() / 2);
        let (early, late) = (per_run(early), per_run(late));
        if late.estimate < early.estimate / 4.0 && late.low <= 0.0 {
            fate.kind = LossKind::FillsUp;
        }
    }
    if track.pool == Pool::Reclaimable {
        if measured.caches_dropped {
            fate.reasons.push("still there after the kernel dropped what it could of this cache".to_owned());
        } else {
            fate.reasons.push(SHRINKS.to_owned());
            fate.kind = fate.kind.max(LossKind::Shrinkable);
        }
    }
    fate
}

const SHRINKS: &str = "the kernel can shrink this cache when it needs the memory";

/// Pairs from which on the level after each of them shows what is left over.
const ENOUGH_FOR_LEVELS: usize = 8;

/// What each pair leaves over, where it is small beside what comes and goes: a rise of the level after each pair. `None` if the level
/// does not rise for certain, or wanders: then each step is as much a surprise as the one before, and a rise proves nothing.
fn left_over(cycles: &[f64]) -> Option<PerRun> {
    if cycles.len() < ENOUGH_FOR_LEVELS {
        return None;
    }
    let mut sum = 0.0;
    let levels: Vec<f64> = std::iter::once(0.0)
        .chain(cycles.iter().map(|cycle| {
            sum += cycle;
            sum
        }))
        .collect();
    let numbers: Vec<f64> = (0..levels.len()).map(|at| at as f64).collect();
    let slope = theil_sen::slope(&numbers, &levels, 1.0 - INTERVAL_ALPHA, 1.0)?;
    // What comes in one pair goes in the next, so that steps are correlated by -1/2 where only a level is noisy.
    let steps: Vec<f64> = cycles.iter().map(|cycle| cycle - slope.slope).collect();
    let squares: f64 = steps.iter().map(|step| step * step).sum();
    let next: f64 = steps.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let test = mann_kendall::original(&levels);
    let holds = slope.low > 0.0 && test.p <= ALPHA && next < -0.25 * squares;
    holds.then_some(PerRun { estimate: slope.slope, low: slope.low, high: slope.high })
}

impl PerRun {
    /// The part of it that `lost` is of what is taken.
    fn times(self, lost: Self, taken: f64) -> Self {
        let each = self.estimate / taken.max(f64::MIN_POSITIVE);
        Self { estimate: lost.estimate * each, low: lost.low * each, high: lost.high * each }
    }
}

/// How far the rate of the background may be off, a second: by what its level varied, at either end.
fn background_error(column: &[f64], ambient: &[(usize, f64)]) -> f64 {
    let (mut seconds, mut sum) = (0.0, 0.0);
    let (mut times, mut levels) = (vec![0.0], vec![0.0]);
    for &(at, long) in ambient {
        seconds += long;
        sum += column[at];
        times.push(seconds);
        levels.push(sum);
    }
    if seconds > 0.0 { line::line(&times, &levels).1 * std::f64::consts::SQRT_2 / seconds } else { 0.0 }
}

/// Seconds of a run and its idle interval, on average.
fn cycle_seconds(measured: &Measurement, pairs: &[Pair]) -> f64 {
    let of_pair = |pair: &Pair| measured.intervals[pair.run].1 + measured.intervals[pair.idle].1;
    pairs.iter().map(of_pair).sum::<f64>() / pairs.len().max(1) as f64
}

/// The mean, with the minimum and the maximum value put level with their neighbours, so that one burst does not decide.
///
/// Not the median: a kernel that counts whole slabs shows steady growth as rare steps, and the median of those is zero.
fn tempered_mean(mut rates: Vec<f64>) -> f64 {
    rates.sort_unstable_by(f64::total_cmp);
    let n = rates.len();
    if n >= 4 {
        rates[0] = rates[1];
        rates[n - 1] = rates[n - 2];
    }
    rates.iter().sum::<f64>() / n.max(1) as f64
}

/// Mean change of a run. Falls of a size that idle intervals have too are the machine's, not the command's.
fn gulps(column: &[f64], pairs: &[Pair], ambient: &[(usize, f64)]) -> f64 {
    let idle = pairs.iter().map(|pair| pair.idle).chain(ambient.iter().map(|interval| interval.0));
    let usual = idle.map(|at| column[at]).fold(0.0, f64::min);
    let kept: f64 =
        pairs.iter().map(|pair| column[pair.run]).filter(|&change| change > 0.0 || change < usual).sum();
    kept / pairs.len().max(1) as f64
}
