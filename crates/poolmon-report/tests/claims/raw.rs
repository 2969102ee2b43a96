//! What has to be so of the samples for a sentence to be true.

use jiff::tz::TimeZone;
use poolmon_leak::{Evidence, Level, Report, Verdict, VerdictKind};
use poolmon_report::{AnalysedSeries, words};

use crate::history::{At, History};

/// The samples of one row that the judge worked with.
struct Seen<'a> {
    hours: &'a [f64],
    at: &'a [At],
    /// First sample of the window that the sentence is about, at the earliest and at the latest: a window begins at a point, and
    /// a point may stand for several samples.
    from: (usize, usize),
}

/// Samples that one point stands for, at most: 300 samples in at most 96 points, and as many for a bucket of two.
const IN_A_POINT: usize = 4;

/// Every sentence that is not true.
pub fn false_sentences(history: &History, judged: &AnalysedSeries) -> Vec<String> {
    let report = &judged.report;
    let mut wrong = Vec::new();
    for verdict in &report.verdicts {
        let row = &history.rows[number(verdict)];
        let mut say = |sentence: &str, holds: bool| {
            if !holds {
                wrong.push(format!("{} | {sentence}", verdict.sentence(&TimeZone::UTC)));
            }
        };
        of_sentence(history, report, verdict, row, &mut say);
        // The tests' window begins where the sentence says; that of the rules has an onset of its own.
        let since = |at: jiff::Timestamp| hour(history, at);
        let of_rules = verdict.facts.map(|facts| facts.start);
        let of_tests = verdict.since.map(since);
        let seen_since = |start: Option<f64>| seen(history, report, start, row);
        for reason in &verdict.reasons {
            let reason = reason.strip_prefix("against it: ").unwrap_or(reason);
            let rule = poolmon_leak::suspicion::RULES.iter().any(|rule| rule.classes.contains(&reason));
            let seen = seen_since(if rule { of_rules } else { of_tests });
            say(reason, reason_holds(reason, verdict, &seen));
        }
        let seen = seen_since(of_rules);
        // What `--explain` prints.
        for one in verdict.suspicion.iter().flat_map(|suspicion| &suspicion.contributions) {
            say(one.found, reason_holds(one.found, verdict, &seen));
        }
    }
    of_pools(history, report, &mut wrong);
    wrong
}

/// Hours from the first sample.
fn hour(history: &History, at: jiff::Timestamp) -> f64 {
    at.duration_since(history.samples[0].time.unwrap()).as_secs_f64() / 3600.0
}

/// The number of a row, which is the last letter of its tag.
fn number(verdict: &Verdict) -> usize {
    verdict.tag.to_string().bytes().next_back().map_or(0, |digit| usize::from(digit - b'0'))
}

/// Whether a change is that from the first to the last of these; each end may be a mean of a few samples.
fn is_change(history: &History, at: &[impl Held], change: f64) -> bool {
    let range = |part: &[_]| {
        let bytes = || part.iter().map(Held::held);
        (bytes().fold(f64::INFINITY, f64::min), bytes().fold(f64::NEG_INFINITY, f64::max))
    };
    // Of up to 256 samples, each is kept.
    let few = if history.hours.len() > 256 { IN_A_POINT } else { 1 };
    let (first, last) = (range(&at[..few.min(at.len())]), range(&at[at.len().saturating_sub(few)..]));
    change >= last.0 - first.1 - 1.0 && change <= last.1 - first.0 + 1.0
}

trait Held {
    fn held(&self) -> f64;
}

impl Held for At {
    fn held(&self) -> f64 {
        self.bytes as f64
    }
}

impl Held for f64 {
    fn held(&self) -> f64 {
        *self
    }
}

/// The samples of the boot that was judged: first one and end.
fn boot(history: &History, report: &Report) -> (usize, usize) {
    let middle = f64::midpoint(report.judged.0, report.judged.1);
    let at = history.hours.partition_point(|hour| *hour <= middle).max(1) - 1;
    let is_same = |other: &u32| *other == history.boots[at];
    let from = history.boots.iter().position(is_same).unwrap();
    let end = history.boots.iter().rposition(is_same).unwrap() + 1;
    (from, end)
}

fn seen<'a>(history: &'a History, report: &Report, start: Option<f64>, row: &'a [At]) -> Seen<'a> {
    let (from, end) = boot(history, report);
    let hours = &history.hours[from..end];
    let start = start.unwrap_or(hours[0]);
    let at = hours.partition_point(|hour| *hour < start - 1e-9);
    let first = at.saturating_sub(IN_A_POINT);
    Seen { hours, at: &row[from..end], from: (first, (at + IN_A_POINT).min(end - from - 1)) }
}

impl Seen<'_> {
    fn last(&self) -> &At {
        &self.at[self.at.len() - 1]
    }

    /// Whether it holds for a window that begins with the first point.
    fn any(&self, holds: impl Fn(usize) -> bool) -> bool {
        (self.from.0..=self.from.1).any(holds)
    }

    /// Bytes never fell from `from` on.
    fn never_falls(&self, from: usize) -> bool {
        self.at[from..].windows(2).all(|pair| pair[1].bytes >= pair[0].bytes)
    }

    fn bytes(&self, at: usize) -> f64 {
        self.at[at].bytes as f64
    }

    fn growth(&self, from: usize) -> f64 {
        self.bytes(self.at.len() - 1) - self.bytes(from)
    }

    /// The most less the least.
    fn swing(&self, from: usize) -> f64 {
        let bytes = || self.at[from..].iter().map(|at| at.bytes);
        (bytes().max().unwrap_or(0) - bytes().min().unwrap_or(0)) as f64
    }

    /// The largest rise within as many samples as a jump between points may stand for.
    fn largest_rise(&self, from: usize) -> f64 {
        let wide = 7 * IN_A_POINT;
        let end = |at: usize| self.bytes((at + wide).min(self.at.len() - 1));
        (from..self.at.len()).map(|at| end(at) - self.bytes(at)).fold(0.0, f64::max)
    }

    /// The part kept of what was allocated after `from`; `None` if nothing was.
    fn kept(&self, from: usize) -> Option<f64> {
        let made = self.last().allocs - self.at[from].allocs;
        let freed = (self.last().frees - self.at[from].frees) as f64;
        (made > 0).then(|| ((made as f64 - freed) / made as f64).clamp(-1.0, 1.0))
    }

    fn kept_within(&self, low: f64, high: f64) -> bool {
        self.any(|from| self.kept(from).is_some_and(|kept| (low - 1e-9..high + 1e-9).contains(&kept)))
    }

    fn moves(&self, from: usize) -> usize {
        self.at[from..].windows(2).filter(|pair| pair[1].bytes != pair[0].bytes).count()
    }

    fn moves_within(&self, low: usize, high: usize) -> bool {
        self.any(|from| (low..=high).contains(&self.moves(from)))
    }

    /// The highest that it held before the window, at least, over the growth.
    fn outgrown_within(&self, low: f64, high: f64) -> bool {
        self.any(|from| {
            let mut bytes: Vec<u64> = self.at[..=from].iter().map(|at| at.bytes).collect();
            bytes.sort_unstable();
            // The judge takes the median of points, which are means of samples.
            let level = |part: usize| (bytes[(bytes.len() - 1) * part / 100] as f64).max(4096.0);
            // The first and the last point are means of a few samples, too: any value between theirs.
            let range = |part: &[At]| {
                let bytes = || part.iter().map(|at| at.bytes as f64);
                (bytes().fold(f64::INFINITY, f64::min), bytes().fold(0.0, f64::max))
            };
            let n = self.at.len();
            let start = range(&self.at[from..(from + IN_A_POINT).min(n)]);
            let end = range(&self.at[n - IN_A_POINT.min(n)..]);
            let (least, most) = (end.0 - start.1, end.1 - start.0);
            least / level(70) <= high * 1.25 + 0.01 && most / level(30) >= low * 0.8 - 0.01
        })
    }

    fn allocs_within(&self, low: f64, high: f64) -> bool {
        self.any(|from| {
            let made = (self.last().allocs - self.at[from].allocs) as f64;
            (low..high).contains(&made)
        })
    }
}

/// Checks what [`Verdict::sentence`] says.
fn of_sentence(
    history: &History,
    report: &Report,
    verdict: &Verdict,
    row: &[At],
    say: &mut impl FnMut(&str, bool),
) {
    let (from, end) = boot(history, report);
    let at = &row[from..end];
    let last = at[at.len() - 1].bytes as f64;
    let rate = verdict.bytes;
    say("the rate lies in its interval", rate.low <= rate.per_hour && rate.per_hour <= rate.high);
    say("level and confidence agree", verdict.level == verdict.confidence.and_then(Level::of));
    if verdict.kind == VerdictKind::Leaking {
        say("the interval of a leak is above 0", rate.low > 0.0);
        say("a leak is likely at least", verdict.level >= Some(Level::Likely));
    }
    let sentence = verdict.sentence(&TimeZone::UTC);
    say("nothing is certain", !sentence.contains("(100 % sure)"));
    match verdict.kind {
        VerdictKind::Steady => {
            say("held is the last figure", verdict.held == row[row.len() - 1].bytes as f64)
        }
        VerdictKind::WarmingUp | VerdictKind::Plateau => {
            // Points are means of a few samples.
            let most = at.iter().map(|at| at.bytes).max().unwrap_or(0) as f64;
            let least = at.iter().map(|at| at.bytes).min().unwrap_or(0) as f64;
            say("grew by its growth", is_change(history, at, verdict.change));
            if let Some(quiet) = verdict.evidence.ended {
                let since = history.hours[end - 1] - quiet;
                let at = history.hours[from..end].partition_point(|hour| *hour < since);
                say("does not grow at the end", last - row[from + at].bytes as f64 <= 0.35 * (most - least));
                let first = row[from].bytes as f64;
                let holds = last - first >= 0.7 * (most - first);
                say("still holds it", holds || verdict.kind != VerdictKind::Plateau);
            }
        }
        VerdictKind::LoadDriven => {
            let sentence = sentence.as_str();
            say("something shows that it follows the load", !sentence.contains("follows the load"));
            let rises = at.windows(2).all(|pair| pair[1].bytes >= pair[0].bytes);
            say("falls back", !rises || !sentence.contains("falls"));
        }
        VerdictKind::Step => {
            let jump = (0..at.len().saturating_sub(4))
                .map(|from| {
                    let wide = &at[from..(from + 7 * IN_A_POINT).min(at.len())];
                    let bytes = || wide.iter().map(|at| at.bytes);
                    (bytes().max().unwrap_or(0) - bytes().min().unwrap_or(0)) as f64
                })
                .fold(0.0, f64::max);
            say("there is such a jump", verdict.growth.abs() <= 1.3 * jump);
        }
        _ => {}
    }
    if !verdict.kind.rises() {
        return;
    }
    if let Some(since) = verdict.since {
        let hour = hour(history, since);
        let within = hour >= history.hours[from] - 1e-3 && hour <= history.hours[end - 1] + 1e-3;
        say("since lies in what was judged", within);
        if sentence.contains("since before the first sample") {
            say("the recording starts then", hour == 0.0);
        }
    }
    if let Some(share) = verdict.share {
        let all = |at: usize| history.rows.iter().map(|row| row[at].bytes as f64).sum::<f64>();
        let held = |row: &[At], at: usize| row[at].bytes as f64;
        let part = |from: usize, end: usize| {
            let change = |row: &[At]| held(row, end) - held(row, from);
            let rose: f64 = history.rows.iter().map(|row| change(row).max(0.0)).sum();
            change(row) / rose.max(all(end) - all(from))
        };
        // Each end may be a mean of a few samples.
        let few = if history.hours.len() > 256 { IN_A_POINT } else { 1 };
        let near = |from: usize, end: usize| (share - part(from, end)).abs() <= 0.06;
        let holds = (0..few).any(|a| (0..few).any(|b| near(from + a, end - 1 - b)));
        say("its share of the pool's growth", holds);
    }
    if let Some(end) = verdict.exhaustion {
        let year = 24.0 * 365.0;
        let known = !report.pools.is_empty();
        say("an end is less than a year away", known && end.latest.unwrap_or(end.hours) <= year);
        say(
            "the end lies in its range",
            end.earliest <= end.hours && end.latest.is_none_or(|latest| end.hours <= latest),
        );
        say(
            "a leak brings the end about",
            matches!(verdict.kind, VerdictKind::Leaking | VerdictKind::Suspected),
        );
    }
}

/// Checks what is said of pools, and the line of a recording without a leak.
fn of_pools(history: &History, report: &Report, wrong: &mut Vec<String>) {
    let (from, end) = boot(history, report);
    let all = |at: usize| history.rows.iter().map(|row| row[at].bytes as f64).sum::<f64>();
    for pool in &report.pools {
        let made: Vec<(&Verdict, f64)> = report.growth_of(pool.pool, 6);
        if made.iter().map(|row| row.1).sum::<f64>() > 1.0 + 1e-9 {
            wrong.push(format!("more than all of it: {:?}", words::made_of(report, pool.pool)));
        }
        for (row, _) in made {
            if !is_change(history, &history.rows[number(row)][from..end], row.change) {
                wrong.push(format!("{} +{} is not its change", row.tag, row.change));
            }
        }
        let sums: Vec<f64> = (from..end).map(all).collect();
        if !is_change(history, &sums, pool.change) {
            wrong.push(format!("pool {}: {}", pool.pool.id(), words::growth(pool)));
        }
        if pool.grows && pool.bytes.per_hour <= 0.0 {
            wrong.push(format!("pool {}: {}", pool.pool.id(), words::growth(pool)));
        }
    }
    if let Some(calm) = report.calm {
        let swing = |row: &Vec<At>| {
            let bytes = || row[from..end].iter().map(|at| at.bytes);
            (bytes().max().unwrap_or(0) - bytes().min().unwrap_or(0)) as f64
        };
        let still = history.rows.iter().filter(|row| swing(row) <= calm).count();
        if still * 10 < history.rows.len() * 9 {
            wrong.push(format!("90 % of the rows changed by at most {calm}"));
        }
    }
}

/// Whether a reason is true of the samples.
fn reason_holds(reason: &str, verdict: &Verdict, seen: &Seen) -> bool {
    let e = &verdict.evidence;
    let n = seen.at.len();
    match reason {
        "nothing is ever freed" | "frees nothing" => {
            seen.any(|from| seen.last().frees == seen.at[from].frees)
        }
        "outstanding allocations never fall" => seen.any(|from| {
            seen.at[from..]
                .windows(2)
                .all(|pair| pair[1].allocs - pair[1].frees >= pair[0].allocs - pair[0].frees)
        }),
        "bytes per allocation stay the same" => seen.any(|from| {
            let sizes = seen.at[from..].iter().filter(|at| at.allocs > at.frees);
            let sizes: Vec<f64> = sizes.map(|at| at.bytes as f64 / (at.allocs - at.frees) as f64).collect();
            let least = sizes.iter().copied().fold(f64::INFINITY, f64::min);
            sizes.iter().all(|size| *size <= least * 1.05)
        }),
        "never falls" | "rises in each interval in which it changes" => {
            seen.any(|from| seen.never_falls(from))
        }
        "keeps less than 0.3 % of what it allocates" => seen.kept_within(-1.0, 0.003),
        "keeps less than 2 % of what it allocates" => seen.kept_within(0.003, 0.02),
        "keeps 2 to 10 % of what it allocates" => seen.kept_within(0.02, 0.1),
        "keeps 10 to 50 % of what it allocates" => seen.kept_within(0.1, 0.5),
        "keeps 50 to 90 % of what it allocates" => seen.kept_within(0.5, 0.9),
        "keeps 90 to 99 % of what it allocates" => seen.kept_within(0.9, 0.99),
        "keeps more than 99 % of what it allocates" => seen.kept_within(0.99, 1.0),
        "changed once" => seen.moves_within(0, 1),
        "changed two to four times" => seen.moves_within(2, 4),
        "changed a few times" => seen.moves_within(2, 30),
        "grew by less than 2 % of what it held" => seen.outgrown_within(-9.0, 0.02),
        "grew by 2 to 10 % of what it held" => seen.outgrown_within(0.02, 0.1),
        "grew by 10 to 40 % of what it held" => seen.outgrown_within(0.1, 0.4),
        "grew by 40 to 150 % of what it held" => seen.outgrown_within(0.4, 1.5),
        "holds several times what it held" => seen.outgrown_within(1.5, 8.0),
        "holds many times what it held" | "held almost nothing before it grew" => {
            seen.outgrown_within(8.0, f64::INFINITY)
        }
        "allocated fewer than 20 times" => seen.allocs_within(0.0, 20.0),
        "allocated fewer than 1,000 times" => seen.allocs_within(0.0, 1e3),
        "allocated fewer than 50,000 times" => seen.allocs_within(0.0, 5e4),
        "allocated very often" => seen.allocs_within(5e4, f64::INFINITY),
        "grows for less than a day: a daily pattern is unlikely, but possible"
        | "grows for less than a day: it may be a daily pattern" => {
            seen.any(|from| seen.hours[n - 1] - seen.hours[from] < 24.0)
        }
        "did not grow in the last quarter" => seen.any(|from| {
            let quarter = seen.hours[n - 1] - (seen.hours[n - 1] - seen.hours[from]) / 4.0;
            let at = seen.hours.partition_point(|hour| *hour < quarter);
            // The quarter of the points begins within a point, and the last one is a mean of a few samples, too.
            let end = (n - IN_A_POINT.min(n)..n).map(|at| seen.bytes(at)).fold(f64::INFINITY, f64::min);
            (at.saturating_sub(IN_A_POINT)..=(at + IN_A_POINT).min(n - 1))
                .any(|at| end - seen.bytes(at) <= 0.1 * seen.swing(from))
        }),
        "no interval has most of its growth" => seen.any(|from| {
            let rises = seen.at[from..].windows(2).map(|pair| pair[1].bytes as f64 - pair[0].bytes as f64);
            rises.fold(0.0, f64::max) <= 0.55 * seen.growth(from)
        }),
        "grew in one jump" | "grew in one interval" => {
            seen.any(|from| seen.largest_rise(from) >= 0.7 * seen.growth(from))
        }
        "grew mostly in one jump" | "grew mostly in one interval" | "one jump is most of its growth" => {
            seen.any(|from| seen.largest_rise(from) >= 0.4 * seen.growth(from))
        }
        "gains bytes but no objects: half-empty slabs" => seen.any(|from| {
            let objects = |at: usize| (seen.at[at].allocs - seen.at[at].frees) as f64;
            let each = seen.bytes(n - 1) / objects(n - 1).max(1.0);
            (objects(n - 1) - objects(from)) * each <= 0.35 * seen.growth(from).abs() + each
        }),
        "falls for moments only" | "rises in each interval, averaged over a few samples" => {
            seen.any(|from| !seen.never_falls(from))
        }
        "load or time of day explains most of its growth" => e.partial_share.is_some_and(|share| share < 0.5),
        "holds no more than at the first sample" => {
            seen.any(|from| seen.growth(from) <= 0.1 * seen.swing(0)) || seen.growth(0) <= 0.1 * seen.swing(0)
        }
        "falls back on its own" => !seen.never_falls(0),
        "grows in lockstep with one that is more likely to leak"
        | "grows in lockstep with a certain leak"
        | "grows with others that are less likely to leak" => verdict.group.is_some(),
        other => {
            is_statistical(other)
                || times_held(other, seen)
                    .or_else(|| quiet_for(other, e, seen))
                    .or_else(|| made_of_jumps(other, seen))
                    .unwrap_or(false)
        }
    }
}

/// `holds 4 times what it held before it grew`; `None` if it says something else.
fn times_held(reason: &str, seen: &Seen) -> Option<bool> {
    let times = reason.strip_prefix("holds ")?.strip_suffix(" times what it held before it grew")?;
    let times: f64 = times.parse().ok()?;
    // Levels are medians of points.
    let is_near = |from: usize| {
        let eighth = (from + (seen.at.len() - from) / 8 + IN_A_POINT).min(seen.at.len() - 1);
        let held = || seen.at[..=eighth].iter().map(|at| at.bytes as f64);
        let (least, most) = (held().fold(f64::INFINITY, f64::min), held().fold(0.0, f64::max));
        let now = seen.bytes(seen.at.len() - 1);
        now / least.max(1.0) >= 0.7 * times && now / most.max(1.0) <= 1.4 * times
    };
    Some(seen.any(is_near))
}

/// `its growth is 3 jumps, flat in between`; `None` if it says something else.
fn made_of_jumps(reason: &str, seen: &Seen) -> Option<bool> {
    let jumps: usize =
        reason.strip_prefix("its growth is ")?.strip_suffix(" jumps, flat in between")?.parse().ok()?;
    Some(seen.any(|from| {
        // The most that this number of rises, none longer than a jump and none overlapping, can make up.
        let n = seen.at.len();
        let mut most = vec![0.0; n];
        for _ in 0..jumps {
            let mut with_one_more = most.clone();
            for end in from + 1..n {
                let start = end.saturating_sub(7 * IN_A_POINT).max(from);
                let rise = |at: usize| most[at] + seen.bytes(end) - seen.bytes(at);
                let best = (start..end).map(rise).fold(with_one_more[end - 1], f64::max);
                with_one_more[end] = best.max(most[end]);
            }
            most = with_one_more;
        }
        most[n - 1] >= 0.6 * seen.growth(from)
    }))
}

/// `has not grown for 5 h, although the machine was in use`; `None` if it says something else.
fn quiet_for(reason: &str, evidence: &Evidence, seen: &Seen) -> Option<bool> {
    reason.strip_prefix("has not grown for ")?;
    let since = seen.hours[seen.at.len() - 1] - evidence.ended?;
    let at = seen.hours.partition_point(|hour| *hour < since);
    Some(seen.growth(at) <= 0.35 * seen.swing(0))
}

/// What says how a row goes on in words that are measured on points, or weighs it against noise: there is no one figure that a
/// single sample could contradict.
fn is_statistical(reason: &str) -> bool {
    const WORDS: &[&str] = &[
        "no trend beyond its own noise",
        "its bytes follow the machine's load",
        "changes, but without a trend",
        "freed what it had gained just before the end",
        "one jump explains its growth; flat before and after",
        "one jump explains most of its growth",
        "how fast it grows is uncertain: it may not grow at all",
        "levels off",
        "allocates less than at first, and frees next to nothing of it",
        "not yet distinguishable from what load and time of day can do",
        "not yet distinguishable from its own noise",
        "grows evenly by the machine's work",
        "with this many tags, one would rise like this by chance",
        "too early to distinguish it from a cache that will be trimmed",
        "grows too little to be distinguished from a cache that is trimmed now and then",
        "some counts are inexact",
    ];
    let rule = |name: &str| poolmon_leak::suspicion::RULES.iter().find(|rule| rule.name == name);
    let of = |name: &str| rule(name).is_some_and(|rule| rule.classes.contains(&reason));
    // Rules that compare parts of the growth with each other, or with its noise.
    let measured = [
        "keeps-on",
        "kept-evenly",
        "beyond-chance",
        "beyond-work",
        "straight",
        "slows",
        "at-the-end",
        "objects",
        "load",
        "by-days",
        "pool-share",
        "began",
        "uptime",
        "known",
        "noise",
        "without-load",
        "curve",
        "tests",
        "jump",
        "turnover",
        "beyond-size",
        "of-growth",
        "beyond-rows",
        "all-along",
    ];
    let known = WORDS.contains(&reason) || measured.iter().any(|name| of(name));
    // Of these, the exact ones are checked above.
    known || ["falls", "rises", "moments"].iter().any(|name| of(name))
}
