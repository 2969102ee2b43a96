//! Gradient boosting of trees that ask two questions, for the logistic loss.
//!
//! Each tree is fitted to what the ones before leave (Friedman 2001; second order as Chen and Guestrin 2016), on a random part of the
//! cases, and added with a small weight. Where the measure of a rule may speak in one direction only, splits that contradict it are
//! not taken, and what is below a split stays on its side of the middle.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "bins and weights of a table"
)]

use poolmon_leak::suspicion::{Order, RULES, Side, Split, Tree};

/// Bins that a measure is sorted into, at most; one more is for unknown ones.
const BINS: usize = 96;
const UNKNOWN: u8 = BINS as u8;
/// What is taken of each tree.
const RATE: f64 = 0.1;
/// How strongly values are drawn to zero, in cases that say nothing.
const RIDGE: f64 = 4.0;
/// The least sum of p(1-p) on a side: about as many undecided cases.
const LEAST: f64 = 2.5;
/// Trees, at most; their number is found on hosts that are left out.
const MOST: usize = 560;
/// One of N hosts of each length is left out for that.
const LEFT_OUT: u64 = 5;
/// Hosts of all lengths follow one another in turn: if every fifth host were left out, all of one length were.
pub const LENGTHS: u64 = 5;
/// Trees without a gain after which no more are tried.
const PATIENCE: usize = 60;
/// Rows that do not leak, at most about: of more, every second, third, … is taken, and counts as as many.
const INNOCENT: usize = 120_000;
/// Part of the cases that each tree sees.
const PART: f64 = 0.7;

/// How strongly confidences stay as they were fitted.
const STAYS: f64 = 2.0;

/// Number of rules.
pub const R: usize = RULES.len();

/// A row that grew.
pub struct Case {
    /// What the rules measure, NaN where they do not.
    pub measures: [f32; R],
    /// Whether it leaks.
    pub leaks: bool,
    /// Number of its host.
    pub host: u64,
}

/// A fitted forest.
pub struct Fitted {
    /// Log odds before any tree.
    pub prior: f64,
    /// The trees, each centred on the cases.
    pub trees: Vec<Tree>,
}

#[derive(Clone, Copy, Default)]
struct Sum {
    gradient: f64,
    curve: f64,
}

impl Sum {
    fn value(self) -> f64 {
        -self.gradient / (self.curve + RIDGE)
    }

    fn gain(self) -> f64 {
        self.gradient * self.gradient / (self.curve + RIDGE)
    }
}

/// Measures as bins, rule by rule.
struct Binned {
    /// Least measures of bins 1, 2, ….
    edges: Vec<Vec<f32>>,
    bins: Vec<Vec<u8>>,
}

impl Binned {
    fn new(cases: &[Case]) -> Self {
        let (mut edges, mut bins) = (Vec::new(), Vec::new());
        for rule in 0..R {
            // Half of the edges by rows that leak, as they are few.
            let mut all = Vec::new();
            for leaks in [false, true] {
                let known = cases.iter().filter(|case| case.leaks == leaks).map(|case| case.measures[rule]);
                let mut known: Vec<f32> = known.filter(|measure| !measure.is_nan()).collect();
                known.sort_by(f32::total_cmp);
                let half = BINS / 2;
                all.extend((1..half).filter_map(|at| known.get(at * known.len() / half).copied()));
            }
            all.sort_by(f32::total_cmp);
            all.dedup();
            bins.push(
                cases
                    .iter()
                    .map(|case| match case.measures[rule] {
                        measure if measure.is_nan() => UNKNOWN,
                        measure => all.partition_point(|edge| *edge <= measure) as u8,
                    })
                    .collect(),
            );
            edges.push(all);
        }
        Self { edges, bins }
    }
}

/// A split with what it brings.
#[derive(Clone, Copy)]
struct Best {
    gain: f64,
    rule: usize,
    bin: u8,
    unknown: u8,
    sums: [Sum; 2],
}

struct Boost<'a> {
    cases: &'a [Case],
    binned: &'a Binned,
    /// Log odds of each case so far.
    scores: Vec<f64>,
    random: u64,
}

impl Boost<'_> {
    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The best split of some cases, with values within bounds; `None` if none is worth it.
    fn split(&self, rows: &[u32], sums: &[Sum], bounds: (f64, f64)) -> Option<Best> {
        let total = rows.iter().fold(Sum::default(), |total, &row| Sum {
            gradient: total.gradient + sums[row as usize].gradient,
            curve: total.curve + sums[row as usize].curve,
        });
        let mut best: Option<Best> = None;
        for (rule, known) in RULES.iter().enumerate() {
            if self.binned.edges[rule].is_empty() {
                continue;
            }
            let mut bins = [Sum::default(); BINS + 1];
            let of_rule = &self.binned.bins[rule];
            for &row in rows {
                let bin = &mut bins[usize::from(of_rule[row as usize])];
                bin.gradient += sums[row as usize].gradient;
                bin.curve += sums[row as usize].curve;
            }
            let unknown = bins[BINS];
            let mut low = Sum::default();
            for (bin, of_bin) in bins.iter().enumerate().take(self.binned.edges[rule].len()) {
                low.gradient += of_bin.gradient;
                low.curve += of_bin.curve;
                for side in [0, 1_u8] {
                    if side == 1 && unknown.curve <= 0.0 {
                        continue;
                    }
                    let mut below = low;
                    if side == 0 {
                        below.gradient += unknown.gradient;
                        below.curve += unknown.curve;
                    }
                    let above =
                        Sum { gradient: total.gradient - below.gradient, curve: total.curve - below.curve };
                    if below.curve < LEAST || above.curve < LEAST {
                        continue;
                    }
                    let [a, b] = [below, above].map(|sum| sum.value().clamp(bounds.0, bounds.1));
                    let wrong = match known.order {
                        Order::Rising => a > b,
                        Order::Falling => a < b,
                        Order::Free { .. } => false,
                    };
                    let gain = below.gain() + above.gain() - total.gain();
                    if !wrong && gain > best.map_or(1e-3, |best| best.gain) {
                        let sums = [below, above];
                        best = Some(Best { gain, rule, bin: bin as u8, unknown: side, sums });
                    }
                }
            }
        }
        best
    }

    fn question(&self, best: &Best) -> Split {
        Split {
            rule: best.rule as u8,
            at: self.binned.edges[best.rule][usize::from(best.bin)],
            unknown: best.unknown,
        }
    }

    fn side(&self, best: &Best, row: u32) -> usize {
        match self.binned.bins[best.rule][row as usize] {
            UNKNOWN => usize::from(best.unknown),
            bin => usize::from(bin > best.bin),
        }
    }

    /// Fits one tree to some cases; `None` if nothing is left to learn.
    fn tree(&self, rows: &[u32], sums: &[Sum]) -> Option<Tree> {
        let none = (f64::NEG_INFINITY, f64::INFINITY);
        let root = self.split(rows, sums, none)?;
        let means = root.sums.map(Sum::value);
        let middle = f64::midpoint(means[0], means[1]);
        let bounds = match RULES[root.rule].order {
            Order::Rising => [(f64::NEG_INFINITY, middle), (middle, f64::INFINITY)],
            Order::Falling => [(middle, f64::INFINITY), (f64::NEG_INFINITY, middle)],
            Order::Free { .. } => [none, none],
        };
        let mut parts = [Vec::new(), Vec::new()];
        for &row in rows {
            parts[self.side(&root, row)].push(row);
        }
        let sides = [0, 1].map(|at| {
            let (low, high) = bounds[at];
            let value = |sum: Sum| (RATE * sum.value().clamp(low, high)) as f32;
            match self.split(&parts[at], sums, bounds[at]) {
                Some(best) => Side {
                    split: self.question(&best),
                    mean: value(root.sums[at]),
                    values: best.sums.map(value),
                },
                None => Side {
                    split: self.question(&root),
                    mean: value(root.sums[at]),
                    values: [value(root.sums[at]); 2],
                },
            }
        });
        Some(Tree { split: self.question(&root), sides })
    }
}

/// What a tree adds to a case.
fn value(tree: &Tree, measures: &[f32; R]) -> f64 {
    let side = |split: &Split| match measures[usize::from(split.rule)] {
        measure if measure.is_nan() => usize::from(split.unknown),
        measure => usize::from(measure >= split.at),
    };
    let half = &tree.sides[side(&tree.split)];
    f64::from(half.values[side(&half.split)])
}

/// Log odds of a case.
pub fn score(prior: f64, trees: &[Tree], measures: &[f32; R]) -> f64 {
    prior + trees.iter().map(|tree| value(tree, measures)).sum::<f64>()
}

fn loss(score: f64, leaks: bool) -> f64 {
    let signed = if leaks { -score } else { score };
    if signed > 30.0 { signed } else { signed.exp().ln_1p() }
}

fn fit(cases: &[Case], most: usize, check: &[Case]) -> (Fitted, usize) {
    let leaks = cases.iter().filter(|case| case.leaks).count() as f64;
    let prior = ((leaks + 0.5) / (cases.len() as f64 - leaks + 0.5)).ln();
    let binned = Binned::new(cases);
    let mut boost =
        Boost { cases, binned: &binned, scores: vec![prior; cases.len()], random: 0x9e37_79b9_7f4a_7c15 };
    let mut checked = vec![prior; check.len()];
    let (mut best, mut best_at) = (f64::INFINITY, 0);
    let mut trees = Vec::new();
    while trees.len() < most {
        let rows: Vec<u32> = (0..cases.len() as u32).filter(|_| boost.random() < PART).collect();
        let sums: Vec<Sum> = boost
            .scores
            .iter()
            .zip(boost.cases)
            .map(|(score, case)| {
                let p = 1.0 / (1.0 + (-score).exp());
                Sum { gradient: p - f64::from(u8::from(case.leaks)), curve: (p * (1.0 - p)).max(1e-9) }
            })
            .collect();
        let Some(tree) = boost.tree(&rows, &sums) else { break };
        for (score, case) in boost.scores.iter_mut().zip(cases) {
            *score += value(&tree, &case.measures);
        }
        for (score, case) in checked.iter_mut().zip(check) {
            *score += value(&tree, &case.measures);
        }
        trees.push(tree);
        if !check.is_empty() {
            let now: f64 = checked.iter().zip(check).map(|(score, case)| loss(*score, case.leaks)).sum();
            if now < best {
                (best, best_at) = (now, trees.len());
            } else if trees.len() > best_at + PATIENCE {
                break;
            }
        }
    }
    (Fitted { prior, trees }, best_at)
}

/// Fits the number of trees on hosts that are left out, then all of them on all cases.
pub fn boosted(cases: Vec<Case>) -> Fitted {
    let leaking = cases.iter().filter(|case| case.leaks).count();
    let each = (cases.len() - leaking).div_ceil(INNOCENT).max(1);
    let mut innocent = 0;
    let is_taken = |case: &Case| {
        innocent += usize::from(!case.leaks);
        case.leaks || innocent % each == 0
    };
    let cases = cases.into_iter().filter(is_taken);
    let (check, rest): (Vec<Case>, Vec<Case>) =
        cases.partition(|case| (case.host / LENGTHS).is_multiple_of(LEFT_OUT));
    let (_, trees) = fit(&rest, MOST, &check);
    eprintln!("  {trees} trees");
    let all: Vec<Case> = rest.into_iter().chain(check).collect();
    let (mut fitted, _) = fit(&all, trees, &[]);
    centre(&mut fitted, &all);
    fitted.prior -= (each as f64).ln();
    fitted
}

/// Makes the stated confidences those of cases that nothing was fitted on: log odds are stretched and moved (Platt 1999).
pub fn calibrate(fitted: &mut Fitted, cases: &[Case]) {
    let scores: Vec<f64> =
        cases.iter().map(|case| score(fitted.prior, &fitted.trees, &case.measures)).collect();
    let (mut stretch, mut moved) = (1.0, 0.0);
    for _ in 0..50 {
        // Newton's step; few cases change little.
        let (mut a, mut b, mut aa, mut ab, mut bb) =
            (STAYS * (stretch - 1.0), STAYS * moved, STAYS, 0.0, STAYS);
        for (score, case) in scores.iter().zip(cases) {
            let p = 1.0 / (1.0 + (-(stretch * score + moved)).exp());
            let (off, curve) = (p - f64::from(u8::from(case.leaks)), p * (1.0 - p));
            a += off * score;
            b += off;
            aa += curve * score * score;
            ab += curve * score;
            bb += curve;
        }
        let rest = aa * bb - ab * ab;
        stretch -= (bb * a - ab * b) / rest;
        moved -= (aa * b - ab * a) / rest;
    }
    eprintln!("  stretched by {stretch:.3}, moved by {moved:+.3}");
    fitted.prior = fitted.prior * stretch + moved;
    for tree in &mut fitted.trees {
        for side in &mut tree.sides {
            side.mean *= stretch as f32;
            side.values = side.values.map(|value| value * stretch as f32);
        }
    }
}

/// Moves the mean of each tree into the prior, and makes the means of sides those of all cases, so that 0 says nothing.
fn centre(fitted: &mut Fitted, cases: &[Case]) {
    for tree in &mut fitted.trees {
        let (mut sums, mut counts) = ([0.0; 2], [0.0; 2]);
        for case in cases {
            let measure = case.measures[usize::from(tree.split.rule)];
            let upper = if measure.is_nan() { tree.split.unknown == 1 } else { measure >= tree.split.at };
            sums[usize::from(upper)] += value(tree, &case.measures);
            counts[usize::from(upper)] += 1.0;
        }
        let mean = (sums[0] + sums[1]) / (counts[0] + counts[1]);
        fitted.prior += mean;
        for (at, side) in tree.sides.iter_mut().enumerate() {
            side.mean = (sums[at] / f64::max(counts[at], 1.0) - mean) as f32;
            side.values = side.values.map(|value| value - mean as f32);
        }
    }
}
