//! What is said in words, whatever the format.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_leak::{AnalysisConfig, PoolGrowth, Report, Riser, Verdict, VerdictKind, reason};
use poolmon_model::units::{
    Precision, counted, exact_hours, human_amount, human_rate, rate_margin, rough_span, span,
};
use poolmon_model::{Filter, Gravity, Key, Pool, RowVerdict};
use std::time::Duration;

/// Members of a lockstep group that are named.
const MEMBERS: usize = 8;

/// `2026-11-23 14:05`.
pub fn moment(at: Timestamp, zone: &TimeZone) -> String {
    poolmon_model::units::moment(at, zone, Precision::Minutes)
}

/// `17,280 samples over 24 h, 2026-11-22 14:00 to 2026-11-23 14:00`; after a reboot, what part of it was judged.
pub fn extent(report: &Report, span: Option<(Timestamp, Timestamp)>, zone: &TimeZone) -> String {
    let mut text = seen(report);
    if let Some((from, to)) = span {
        // Within a few minutes, two moments would look the same.
        let precision = if report.hours < 1.0 { Precision::Seconds } else { Precision::Minutes };
        let [from, to] = [from, to].map(|at| poolmon_model::units::moment(at, zone, precision));
        text = format!("{text}, {from} to {to}");
    }
    if report.reboots > 0 {
        text = format!("{text}, {}", counted(report.reboots.into(), "reboot"));
        let (from, to) = report.judged;
        let at = |hours: f64| {
            let after = jiff::SignedDuration::try_from_secs_f64(hours * 3600.0).ok()?;
            Some(moment(span?.0.checked_add(after).ok()?, zone))
        };
        if let (Some(from), Some(to)) = (at(from), at(to)) {
            text = format!("{text}; judged: {from} to {to}, all figures are of that time");
        }
    }
    text
}

/// `17,280 samples over 24 h`; samples without times are over no time that is known.
fn seen(report: &Report) -> String {
    let samples = counted(report.samples, "sample");
    if report.times_known { format!("{samples} over {}", exact_hours(report.hours)) } else { samples }
}

/// What has to be known of the times, where it is not usual.
pub fn times(report: &Report) -> Option<String> {
    if !report.times_known {
        let unknown = "the samples have no times: they are judged by their order, and how fast anything grows is unknown";
        return Some(unknown.to_owned());
    }
    let left = counted(report.out_of_order, "sample");
    let are = if report.out_of_order == 1 { "is" } else { "are" };
    (report.out_of_order > 0).then(|| {
        format!(
            "{left} {are} left out: not later than the one before (files that overlap, or a clock set back)"
        )
    })
}

/// `nonpaged grows 41.0 MiB/h ± 2.00 MiB/h (512 MiB now); paged does not grow (90.0 MiB)`.
pub fn pools(report: &Report) -> String {
    match report.pools.as_slice() {
        [] if report.samples < 2 => "unknown (one sample shows no change)".to_owned(),
        [] if report.judged.0 >= report.judged.1 => {
            "unknown (one sample since the last reboot shows no change)".to_owned()
        }
        [] => "unknown (the lists leave out rows, or the bytes of some)".to_owned(),
        pools => pools.iter().map(pool).collect::<Vec<_>>().join("; "),
    }
}

/// `nonpaged grows 41.0 MiB/h ± 2.00 MiB/h (512 MiB now)`.
fn pool(pool: &PoolGrowth) -> String {
    format!("{} {}", pool.pool.id(), growth(pool))
}

/// `grows 41.0 MiB/h ± 2.00 MiB/h (512 MiB now)`.
pub fn growth(pool: &PoolGrowth) -> String {
    let held = human_amount(pool.held);
    if pool.grows {
        let by = if pool.bytes.is_known() {
            rate_margin(pool.bytes.per_hour, pool.bytes.half())
        } else {
            format!("by {} over all samples", human_amount(pool.change))
        };
        format!("grows {by} ({held} now)")
    } else if pool.tested && pool.bytes.per_hour > 0.0 && pool.change > 0.0 {
        format!("shows no certain growth ({held} now, +{} since the first sample)", human_amount(pool.change))
    } else if pool.tested {
        format!("does not grow ({held})")
    } else {
        let (sign, change) = (if pool.change < 0.0 { '-' } else { '+' }, human_amount(pool.change.abs()));
        format!("holds {held}, {sign}{change} since the first sample (not enough samples for a trend)")
    }
}

/// How many tags an answer names.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Tags that were analysed and are shown.
    pub tags: usize,
    /// Tags that leak.
    pub leaks: usize,
    /// Causes that they have.
    pub causes: usize,
    /// Causes that are suspected to be leaks.
    pub suspects: usize,
    /// Tags whose bytes are not known.
    pub unknown: usize,
    /// Holders that only rise and that no leak or suspect names.
    pub rising: usize,
    /// One of them grows as fast as a leak that would have been seen, and nothing explains it.
    pub unexplained: bool,
}

/// Whether one of these rows grows as fast as a leak that would have been seen, and nothing explains it.
pub fn unexplained(report: &Report, admits: impl Fn(&Verdict) -> bool) -> bool {
    let visible = report.power.and_then(|power| power.per_hour);
    visible.is_some_and(|rate| report.grows_unexplained(rate, admits))
}

/// How still it was: nothing that moves little can be a large leak.
fn calm(report: &Report) -> String {
    report
        .calm
        .map(|bytes| format!("; 90 % of them changed by at most {}", human_amount(bytes)))
        .unwrap_or_default()
}

/// What a pool's growth is made of: `Leak +923 MiB (75 %, likely leaks)`; `None` if the pool did not grow.
pub fn made_of(report: &Report, pool: Pool) -> Option<String> {
    let rows = report.growth_of(pool, 6);
    let part = |(row, share): &(&Verdict, f64)| {
        let state = match (row.kind, row.level) {
            (VerdictKind::Suspected, Some(level)) => format!("{} leaks", level.adverb()),
            (other, _) => kind(other).to_owned(),
        };
        let name = row.tag.to_string();
        format!(
            "{} +{} ({}, {state})",
            name.trim_end(),
            human_amount(row.change),
            poolmon_leak::percent(*share)
        )
    };
    (!rows.is_empty()).then(|| rows.iter().map(part).collect::<Vec<_>>().join(", "))
}

/// What the answer is in one line.
pub fn headline(report: &Report, config: &AnalysisConfig, needs: Option<Duration>, counts: Counts) -> String {
    let Counts { tags, leaks, causes, suspects, unknown, rising, unexplained } = counts;
    if leaks == 0 && suspects > 0 {
        return format!("No certain leak, but {} in {}:", counted(suspects as u64, "suspect"), seen(report));
    }
    if leaks == 0 && rising > 0 {
        let (holders, rises) = (counted(rising as u64, "holder"), if rising == 1 { "rises" } else { "rise" });
        return format!("No row is a suspect, but {holders} only {rises} in {}:", seen(report));
    }
    if let Some(needs) = needs {
        let more = rough_span(needs);
        let least = counted(config.least_points as u64, "sample");
        let over = span(Duration::from_millis((config.least_hours * 3_600_000.0).round() as u64));
        if !report.times_known && report.samples > 0 {
            return format!(
                "Too little data for any verdict: {}, and at least {least} are needed.",
                seen(report)
            );
        }
        return format!(
            "Too little data for any verdict: {}, and at least {least} over {over} are needed: about {more} more at \
             this pace.",
            seen(report)
        );
    }
    let also = match suspects {
        0 => ":".to_owned(),
        1 => "; one more is suspected to:".to_owned(),
        n => format!("; {n} more are suspected to:"),
    };
    match leaks {
        0 => none_found(report, tags, unknown, unexplained),
        1 => format!("One tag leaks{also}"),
        n if causes < n => format!("{n} tags leak, of {}{also}", counted(causes as u64, "cause")),
        n => format!("{n} tags leak{also}"),
    }
}

/// What is known where nothing is suspected: nothing was found, or nothing could have been.
fn none_found(report: &Report, tags: usize, unknown: usize, unexplained: bool) -> String {
    let seen = seen(report);
    if tags == 0 {
        let why = if report.verdicts.is_empty() {
            "figures of the machine alone, without tags or caches"
        } else {
            "no tag or cache matches what was asked for"
        };
        return format!("Unknown whether anything leaks: {why}, in {seen}.");
    }
    if tags == unknown {
        return format!("Unknown whether anything leaks: the bytes of no tag or cache are known, in {seen}.");
    }
    // What nine of ten rows of all show says nothing of the few that were asked for.
    let all = tags == report.verdicts.len();
    let calm = if all { calm(report) } else { String::new() };
    let tags = counted((tags - unknown) as u64, "tag");
    if report.lost_rows {
        return format!(
            "No leak found among the rows that could be read, in {seen} ({tags} analysed); what the skipped ones hold is unknown."
        );
    }
    match report.power.map(|power| power.per_hour) {
        Some(None) => format!(
            "{seen} of {tags} could not have shown a leak, however large: more samples, over a longer time, are needed."
        ),
        // Such a row is the proof that a leak of its rate need not be a suspect.
        Some(Some(_)) if unexplained => format!(
            "Nothing is likely to leak in {seen} ({tags} analysed{calm}), but not all growth is explained."
        ),
        Some(Some(_)) if !all => format!("No leak found in {seen} ({tags} analysed)."),
        Some(Some(rate)) => format!(
            "No leak found in {seen} ({tags} analysed{calm}).\nA steady leak of {} or more would have been suspected in 9 of 10 \
             tags.",
            human_rate(rate)
        ),
        None => format!("No leak found in {seen} ({tags} analysed{calm})."),
    }
}

/// With a capital letter first.
pub fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

/// What begins the list of holders that only rise.
pub const RISERS: &str = "Holders that only rise, and free nothing";

/// Holders that only rise and that no leak or suspect names, of rows that are shown; of all rows, if none is known to be theirs.
pub fn risers<'a>(report: &'a Report, filter: &'a Filter) -> impl Iterator<Item = &'a Riser> {
    let is_shown = |riser: &&Riser| {
        let mut rows = riser.rows.iter();
        !riser.is_named && (riser.rows.is_empty() || rows.any(|(tag, pool, _)| filter.admits_tag(tag, *pool)))
    };
    report.risers.iter().filter(is_shown)
}

/// Who grows in lockstep with it: two sentences; empty if no one does.
pub fn lockstep(report: &Report, verdict: &Verdict) -> Vec<String> {
    let Some(group) = report.group_of(verdict) else { return Vec::new() };
    let companions = report.companions(verdict);
    let others: Vec<String> = companions
        .iter()
        .map(|other| {
            let tag = other.tag.to_string();
            let name = match &other.fitting {
                Some(fitting) => format!("{fitting} (listed as {tag})"),
                None => tag.trim_end().to_owned(),
            };
            format!("{name} {}", speed(other))
        })
        .collect();
    let together = if report.times_known {
        human_rate(group.bytes_per_hour)
    } else {
        human_amount(companions.iter().chain([&verdict]).map(|row| row.change).sum())
    };
    let left = others.len().saturating_sub(MEMBERS);
    let names = others.iter().take(MEMBERS).map(String::as_str).collect::<Vec<_>>().join(", ");
    let rest = if left > 0 { format!(" and {left} more") } else { String::new() };
    let shrinks = report.companions(verdict).iter().any(|other| other.pool == Pool::Reclaimable)
        && verdict.pool != Pool::Reclaimable;
    let counted = if shrinks { " that the kernel cannot shrink" } else { "" };
    vec![
        format!("in lockstep with it: {names}{rest}; one cause, {together} together{counted}"),
        format!("most likely cause: {}", group.reason),
    ]
}

/// How fast it grows, or how much if the samples have no times.
pub fn speed(verdict: &Verdict) -> String {
    if verdict.timed { human_rate(verdict.bytes.per_hour) } else { human_amount(verdict.change) }
}

/// Half of the interval of that; empty if it is not known.
pub fn margin(verdict: &Verdict) -> String {
    let half = verdict.bytes.half();
    if verdict.timed && half >= 0.5 { human_rate(half) } else { String::new() }
}

/// What part of its pool's growth a verdict explains, in a table; empty if it does not.
pub fn share(verdict: &Verdict) -> String {
    verdict.share.map(poolmon_leak::percent).unwrap_or_default()
}

/// Since when, in a table.
pub fn since(verdict: &Verdict, zone: &TimeZone) -> String {
    verdict.since.map(|since| moment(since, zone)).unwrap_or_default()
}

/// Tags of a kind, as a count is reported.
pub const fn explained(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Leaking => "leaking",
        VerdictKind::Suspected => "suspected to leak",
        VerdictKind::Growing => "growing, but not called a leak",
        VerdictKind::RepeatedJumps => "growing in jumps",
        VerdictKind::WarmingUp => "levelling off (typical of a cache)",
        VerdictKind::Plateau => "no longer growing, but still held",
        VerdictKind::LoadDriven => "following the load or falling back",
        VerdictKind::Step => "one jump, flat since",
        VerdictKind::HalfEmptySlabs => "grown by slabs that are not full",
        VerdictKind::Steady => "steady",
        VerdictKind::TooLittleData => "with too little data",
        VerdictKind::Unknown => "unknown (their bytes are not known)",
    }
}

/// What the count of tags without a section of their own begins with: only if some were `named` are they others.
pub const fn others_title(named: bool) -> &'static str {
    if named { "The other tags" } else { "Tags" }
}

/// What a table of changing tags says if it is empty.
pub const fn nothing_moves(needs: Option<Duration>) -> &'static str {
    if needs.is_some() { "Not enough samples." } else { "Nothing beyond noise." }
}

/// A verdict in a table, in the words of its sentence.
pub fn word(verdict: &Verdict) -> &'static str {
    match (verdict.kind, verdict.reasons.first().map(String::as_str)) {
        (VerdictKind::LoadDriven, Some(reason::FALLS_BACK)) => "falls back",
        (VerdictKind::LoadDriven, Some(reason::NO_TREND)) => "without a trend",
        (kind, _) => self::kind(kind),
    }
}

const fn kind(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Leaking => "leaks",
        VerdictKind::Suspected => "suspect",
        VerdictKind::Growing => "grows",
        VerdictKind::RepeatedJumps => "grows in jumps",
        VerdictKind::WarmingUp => "levels off",
        VerdictKind::Plateau => "plateau",
        VerdictKind::LoadDriven => "follows the load",
        VerdictKind::Step => "one jump",
        VerdictKind::HalfEmptySlabs => "half-empty slabs",
        VerdictKind::Steady => "steady",
        VerdictKind::TooLittleData => "too little data",
        VerdictKind::Unknown => "unknown",
    }
}

/// How the verdicts come about: a title and what is done.
pub const METHOD: &[(&str, &str)] = &[
    (
        "Trend",
        "The growth is the median of the slopes of all pairs of points (Theil 1950, Sen 1968), so single peaks \
         do not move it. The interval after ± is Sen's at 95 %, widened if neighbouring points are correlated.",
    ),
    (
        "Is it more than noise",
        "Mann and Kendall's test for a trend, with ties and the correction of Hamed and Rao (1998) for points that \
         depend on each other; also the growth that remains when the machine's load and the time of day are removed. As thousands of tags are tested at once, the share of false alarms is limited (Benjamini and Hochberg 1995).",
    ),
    (
        "Cache, load or leak",
        "A cache levels off and is trimmed. So the later slope is compared with the earlier one, curves that \
            level off with a line, and the deepest fall with the growth. A leak also raises the minimum of every window, and never frees what it allocates, if the source counts allocs and frees.",
    ),
    (
        "Since when",
        "The point where the slope changed (Hudson 1966), or where the level jumped (Pettitt 1979).",
    ),
    (
        "Lockstep",
        "Tags whose outstanding allocations grow by equal counts, or by whole multiples, are one cause. The most \
            likely cause among them is the one with the most evidence: never freed, or owned by a third party. The largest by bytes is often only a side effect.",
    ),
    (
        "When memory runs out",
        "The distance to the pool's limit, the commit limit or the end of available memory at the last sample, \
            divided by the rate; the earliest counts. Nothing else is assumed to grow.",
    ),
];

/// What the verdicts cannot do.
pub const LIMITS: &[&str] = &[
    "A verdict covers only the time of the samples. A leak that was not active in it is not found; a cache that \
        grows without being trimmed in it looks like a leak.",
    "A tag names the allocator, which is not always the cause: drivers request objects from the system (files, \
        requests, tokens) that are charged to the system's own tags.",
    "Two drivers may use the same tag. The evidence in their machine code shows which one does; the rate shows \
        only how much.",
];

/// What the screen shows in a row and in its detail pane; `None` if there is nothing to show.
pub fn row_verdict(report: &Report, verdict: &Verdict, zone: &TimeZone) -> Option<RowVerdict> {
    // A row that hides a leak in the ups and downs of others; of several, the one that is of the kind most closely.
    let is_here = |riser: &&Riser| {
        let row = riser.rows.first();
        !riser.is_named && row.is_some_and(|(tag, pool, _)| *tag == verdict.tag && *pool == verdict.pool)
    };
    let is_said = matches!(verdict.kind, VerdictKind::Leaking | VerdictKind::Suspected);
    let riser = report.risers.iter().find(is_here).filter(|_| !is_said);
    let gravity = match verdict.kind {
        _ if riser.is_some() => Gravity::Suspected,
        VerdictKind::Leaking => Gravity::Leaking,
        VerdictKind::Suspected => Gravity::Suspected,
        VerdictKind::Growing | VerdictKind::RepeatedJumps => Gravity::Growing,
        VerdictKind::WarmingUp
        | VerdictKind::Plateau
        | VerdictKind::LoadDriven
        | VerdictKind::Step
        | VerdictKind::HalfEmptySlabs => Gravity::Explained,
        VerdictKind::Steady | VerdictKind::TooLittleData | VerdictKind::Unknown => return None,
    };
    let brief = match (gravity, riser) {
        (_, Some(riser)) => format!("holder rises {}", riser.speed()),
        (Gravity::Explained, None) => word(verdict).to_owned(),
        _ => format!("{} {}", word(verdict), speed(verdict)),
    };
    let sentence = verdict.sentence(zone);
    // A reason that the sentence consists of is not given again.
    let reasons = verdict.reasons.iter().filter(|reason| !sentence.contains(reason.as_str())).cloned();
    let first = riser.map(|riser| format!("a holder only rises: {}", riser.sentence()));
    let lines = first.into_iter().chain([sentence.clone()]).chain(reasons).collect();
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and a rank is all it is for")]
    let bytes_per_hour = verdict.bytes.per_hour as i64;
    // What was under way when the samples begin has no beginning among them.
    let since = verdict.since.filter(|_| !verdict.since_start);
    let culprit = report.group_of(verdict).and_then(|group| report.verdicts.get(group.culprit));
    let lockstep = culprit.map(|culprit| Key { tag: culprit.tag.clone(), pool: culprit.pool });
    Some(RowVerdict { gravity, brief, lines, bytes_per_hour, since, lockstep })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AnalysedSeries;
    use jiff::SignedDuration;
    use poolmon_leak::Analysis;
    use poolmon_model::{CounterWidth, Origin, Row, Sample, SourceKind, Tag};

    /// Samples a minute apart, of boots that are so long.
    fn report(boots: &[u64]) -> (Report, (Timestamp, Timestamp)) {
        let mut analysis = Analysis::new(AnalysisConfig { least_hours: 0.1, ..AnalysisConfig::default() });
        let start: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        let mut time = start;
        for (boot, length) in boots.iter().enumerate() {
            let mut origin = Origin::new(SourceKind::Windows, &[Pool::Paged]);
            origin.boot = Some(boot.to_string());
            let mut sample = Sample::new(origin.into(), CounterWidth::Bits64);
            for n in 0..*length {
                sample.time = Some(time);
                sample.rows = vec![Row::windows(Tag::pool(*b"Tst1"), Pool::Paged, 10 + n, 0, 1000)];
                analysis.push(&sample);
                time += SignedDuration::from_mins(1);
            }
        }
        let last = time - SignedDuration::from_mins(1);
        // Once more, as in two files that overlap.
        let mut again = Sample::empty();
        again.time = Some(start);
        analysis.push(&again);
        (analysis.report(), (start, last))
    }

    #[test]
    fn after_a_reboot_the_part_that_is_judged_is_named() {
        let (whole, span) = report(&[60]);
        assert!(!extent(&whole, Some(span), &TimeZone::UTC).contains("judged"));
        let (after, span) = report(&[60, 60]);
        let text = extent(&after, Some(span), &TimeZone::UTC);
        assert!(text.contains("1 reboot; judged: 2026-03-01 11:00 to 2026-03-01 11:59"), "{text}");
    }

    #[test]
    fn samples_that_are_left_out_are_counted() {
        let said = times(&report(&[20]).0).unwrap();
        assert!(said.starts_with("1 sample is left out: not later than the one before"), "{said}");
    }

    #[test]
    fn skipped_rows_are_not_acquitted() {
        let mut report = Report::default();
        report.lost_rows = true;
        let counts = Counts { tags: 3, ..Counts::default() };
        let said = headline(&report, &AnalysedSeries::config(), None, counts);
        assert!(said.starts_with("No leak found among the rows that could be read"), "{said}");
    }

    /// What a table says of a row, the sentence on the row says too, and nothing is said twice.
    #[test]
    fn a_verdict_has_one_wording() {
        type Series = (&'static str, fn(u64) -> u64);
        let series: [Series; 4] = [
            ("swings", |n| 100 + 40 * (n % 30).min(30 - n % 30)),
            ("noise", |n| 400 + n * n * 7919 % 400),
            ("leaks", |n| 100 + 20 * n),
            ("stays", |_| 100),
        ];
        let mut seen = Vec::new();
        for (name, held) in series {
            let mut analysis =
                Analysis::new(AnalysisConfig { least_hours: 0.1, ..AnalysisConfig::default() });
            let origin = Origin::new(SourceKind::Windows, &[Pool::Paged]);
            let mut sample = Sample::new(origin.into(), CounterWidth::Bits64);
            let start: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
            for n in 0..240_u64 {
                sample.time = Some(start + SignedDuration::from_mins(n.cast_signed()));
                let (frees, held) = (1000 + 50 * n, held(n));
                sample.rows =
                    vec![Row::windows(Tag::pool(*b"Tst1"), Pool::Paged, frees + held, frees, held * 1024)];
                analysis.push(&sample);
            }
            let report = analysis.report();
            let Some(shown) = row_verdict(&report, &report.verdicts[0], &TimeZone::UTC) else { continue };
            seen.push((name, shown.brief.clone()));
            if shown.gravity == Gravity::Explained && report.verdicts[0].kind == VerdictKind::LoadDriven {
                let words = ["falls back", "without a trend", "load"];
                let said = words.iter().find(|word| shown.brief.contains(**word)).expect("one of them");
                assert!(shown.lines[0].contains(said), "{shown:?}");
            }
            for (at, line) in shown.lines.iter().enumerate() {
                assert!(!shown.lines[..at].iter().any(|before| before.contains(line.as_str())), "{shown:?}");
            }
        }
        assert!(seen.iter().any(|(_, brief)| brief == "falls back"), "{seen:?}");
        assert!(seen.iter().all(|(name, _)| *name != "stays"), "{seen:?}");
    }

    #[test]
    fn without_rows_it_is_unknown_whether_anything_leaks() {
        let (mut report, _) = report(&[20]);
        let counts = Counts::default();
        let said = |report: &Report| headline(report, &AnalysedSeries::config(), None, counts);
        assert!(said(&report).contains("no tag or cache matches what was asked for"));
        report.verdicts.clear();
        assert!(said(&report).contains("figures of the machine alone"));
    }

    #[test]
    fn what_would_have_been_suspected_is_not_told_beside_a_row_that_was_not() {
        let mut analysis = Analysis::new(AnalysisConfig { least_hours: 0.1, ..AnalysisConfig::default() });
        let mut sample =
            Sample::new(Origin::new(SourceKind::Windows, &[Pool::Paged]).into(), CounterWidth::Bits64);
        let start: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        for n in 0..120_u32 {
            sample.time = Some(start + SignedDuration::from_mins(n.into()));
            let row = |tag: u32| {
                let held = 2000 + 100 * tag + n * tag % 7;
                let frees = u64::from(50 * n);
                Row::windows(
                    Tag::name(&format!("T{tag:03}")),
                    Pool::Paged,
                    frees + u64::from(held),
                    frees,
                    u64::from(held) * 100,
                )
            };
            sample.rows = (0..20).map(row).collect();
            analysis.push(&sample);
        }
        let mut report = analysis.report();
        let counts = |report: &Report| Counts {
            tags: 20,
            unexplained: unexplained(report, |_| true),
            ..Counts::default()
        };
        let said = |report: &Report| headline(report, &AnalysedSeries::config(), None, counts(report));
        let rate = report.power.and_then(|power| power.per_hour).expect("a leak could have been seen");
        assert!(said(&report).contains("A steady leak of"), "{}", said(&report));
        // Of one row that was asked for, what holds for most rows says nothing.
        assert!(said(&report).contains("90 % of them"), "{}", said(&report));
        let one = Counts { tags: 1, ..Counts::default() };
        let one = headline(&report, &AnalysedSeries::config(), None, one);
        assert!(one.starts_with("No leak found in ") && one.ends_with(" (1 tag analysed)."), "{one}");
        let row = &mut report.verdicts[0];
        row.kind = VerdictKind::Growing;
        row.bytes.per_hour = rate / 2.0;
        assert!(said(&report).contains("A steady leak of"), "{}", said(&report));
        report.verdicts[0].bytes.per_hour = rate;
        assert!(said(&report).contains("not all growth is explained"), "{}", said(&report));
        assert!(!said(&report).contains("A steady leak of"), "{}", said(&report));
        // Of some rows alone, what the others do counts for nothing.
        let growing = report.verdicts[0].tag.clone();
        for (of_it, clear) in [(true, false), (false, true)] {
            let unexplained = unexplained(&report, |row| (row.tag == growing) == of_it);
            let one = Counts { tags: 1, unexplained, ..Counts::default() };
            let one = headline(&report, &AnalysedSeries::config(), None, one);
            assert_eq!(one.starts_with("No leak found"), clear, "{one}");
        }
    }
}
