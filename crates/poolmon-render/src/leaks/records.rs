//! The answer for programs.

use std::io::{self, Write};

use poolmon_holder::{Answer, Grower};
use poolmon_leak::{Riser, Verdict, VerdictKind};
use poolmon_model::Filter;
use poolmon_model::units::{day_and_time, rfc3339};
use poolmon_print::delimited::LineWriter;
use poolmon_print::schema;
use poolmon_report::AnalysedSeries;
use serde::Serialize;

#[derive(Serialize)]
struct Json<'a> {
    schema: &'static str,
    source: &'a str,
    host: Option<&'a str>,
    system: Option<&'a str>,
    first: Option<String>,
    last: Option<String>,
    /// The same if only times of day are known.
    first_time_of_day: Option<String>,
    last_time_of_day: Option<String>,
    samples: u64,
    hours: f64,
    reboots: u32,
    times_known: bool,
    /// Seconds of samples that are missing until anything can be said.
    needs_seconds: Option<f64>,
    power: Option<poolmon_leak::Power>,
    pools: &'a [poolmon_leak::PoolGrowth],
    perfmon_pools: Option<&'a [poolmon_leak::PoolGrowth]>,
    groups: Vec<Group<'a>>,
    rising_holders: Vec<Rising<'a>>,
    verdicts: Vec<OfRow<'a>>,
}

/// A holder that only rises, whatever its rows do.
#[derive(Serialize)]
struct Rising<'a> {
    r#type: &'static str,
    pid: Option<u32>,
    name: &'a str,
    group: Option<&'a str>,
    kind: &'static str,
    count: u64,
    /// Objects that it gained.
    growth: f64,
    /// In this time, which ends with the last count.
    seconds: f64,
    per_second: f64,
    per_second_low: f64,
    per_second_high: f64,
    /// Rows that its objects live in, by tag.
    rows: Vec<String>,
    /// A leak or a suspect among the verdicts names it, too.
    in_verdict: bool,
}

fn risings(judged: &AnalysedSeries) -> Vec<Rising<'_>> {
    judged.report.risers.iter().map(Rising::of).collect()
}

impl<'a> Rising<'a> {
    fn of(riser: &'a Riser) -> Self {
        let rate = riser.rise.rate;
        let [per_second, per_second_low, per_second_high] =
            [rate.per_hour, rate.low, rate.high].map(|per_hour| per_hour / 3600.0);
        Self {
            r#type: riser.holder_type,
            pid: riser.pid,
            name: &riser.name,
            group: riser.group.as_deref(),
            kind: riser.kind,
            count: riser.held,
            growth: riser.rise.growth,
            seconds: riser.rise.seconds,
            per_second,
            per_second_low,
            per_second_high,
            rows: riser.rows.iter().map(|(tag, ..)| tag.to_string().trim_end().to_owned()).collect(),
            in_verdict: riser.is_named,
        }
    }
}

/// A verdict, and who holds the row's objects.
#[derive(Serialize)]
struct OfRow<'a> {
    #[serde(flatten)]
    verdict: Verdict,
    held_by: Option<HeldBy<'a>>,
}

/// Who holds a row's objects. No holders: the kernel itself.
#[derive(Serialize)]
struct HeldBy<'a> {
    holders: Vec<Holder<'a>>,
    /// Of a type of Windows whose objects outgrow its handles.
    objects_without_handles: Option<Unhandled<'a>>,
    explains: f64,
    explains_low: Option<f64>,
    explains_high: Option<f64>,
    cache: Option<&'a str>,
    /// That made the cache when it was loaded.
    module: Option<&'a str>,
}

#[derive(Serialize)]
struct Unhandled<'a> {
    object_type: &'a str,
    objects: u64,
    handles: u64,
    objects_per_second: f64,
}

#[derive(Serialize)]
struct Holder<'a> {
    r#type: &'static str,
    pid: Option<u32>,
    name: &'a str,
    group: Option<&'a str>,
    cache: Option<&'a str>,
    kind: poolmon_holder::Kind,
    growing: Option<poolmon_holder::Kind>,
    count: u64,
    of: u64,
    per_second: f64,
    explains: f64,
}

fn held_by<'a>(judged: &'a AnalysedSeries, verdict: &Verdict) -> Option<HeldBy<'a>> {
    let holder = |grower: &'a Grower| Holder {
        r#type: grower.holder.id.kind(),
        pid: grower.holder.id.pid(),
        name: &grower.holder.name,
        group: grower.group.as_deref(),
        cache: grower.fitting.as_deref(),
        kind: grower.kind,
        growing: grower.mostly,
        count: grower.held,
        of: grower.total,
        per_second: grower.per_second,
        explains: grower.explains.share,
    };
    match judged.answer(verdict)? {
        Answer::Held(explanation) => Some(HeldBy {
            holders: explanation.growers.iter().map(holder).collect(),
            objects_without_handles: None,
            explains: explanation.together.share,
            explains_low: (!explanation.is_rough).then_some(explanation.together.low),
            explains_high: (!explanation.is_rough).then_some(explanation.together.high),
            cache: explanation.fitting.as_deref(),
            module: None,
        }),
        Answer::Unhandled(unhandled) => Some(HeldBy {
            holders: Vec::new(),
            objects_without_handles: Some(Unhandled {
                object_type: &unhandled.object_type,
                objects: unhandled.objects,
                handles: unhandled.handles,
                objects_per_second: unhandled.per_second,
            }),
            explains: unhandled.handled,
            explains_low: None,
            explains_high: None,
            cache: None,
            module: None,
        }),
        // What lives there is not known.
        Answer::Nobody(nobody) if nobody.kinds.is_empty() && nobody.made_by.is_none() => None,
        Answer::Nobody(nobody) => Some(HeldBy {
            holders: Vec::new(),
            objects_without_handles: None,
            explains: nobody.explained,
            explains_low: None,
            explains_high: None,
            cache: judged.fitting(verdict),
            module: nobody.made_by.as_ref().map(|(_, module)| module.as_str()),
        }),
        Answer::Unknown => None,
    }
}

/// A lockstep group by names, as indices mean nothing once verdicts are filtered.
#[derive(Serialize)]
struct Group<'a> {
    culprit: String,
    members: Vec<String>,
    reason: &'a str,
    bytes_per_hour: Option<f64>,
}

/// One JSON object.
pub fn json(out: &mut dyn Write, judged: &AnalysedSeries, filter: &Filter, all: bool) -> io::Result<()> {
    let report = &judged.report;
    let tag = |at: usize| report.verdicts.get(at).map(|verdict| verdict.tag.to_string()).unwrap_or_default();
    let json = Json {
        schema: schema::LEAKS,
        source: &judged.source,
        host: judged.host.as_deref(),
        system: judged.system.as_deref(),
        first: rfc3339(judged.span.map(|span| span.0)),
        last: rfc3339(judged.span.map(|span| span.1)),
        first_time_of_day: day_and_time(judged.span.map(|span| span.0)),
        last_time_of_day: day_and_time(judged.span.map(|span| span.1)),
        samples: report.samples,
        hours: report.hours,
        reboots: report.reboots,
        times_known: report.times_known,
        needs_seconds: judged.needs.map(|needs| needs.as_secs_f64()),
        power: report.power,
        pools: &report.pools,
        perfmon_pools: judged.perfmon.as_ref().map(|figures| figures.pools.as_slice()),
        groups: report
            .groups
            .iter()
            .map(|group| Group {
                culprit: tag(group.culprit),
                members: group.members.iter().map(|&at| tag(at)).collect(),
                reason: &group.reason,
                bytes_per_hour: report.times_known.then_some(group.bytes_per_hour),
            })
            .collect(),
        rising_holders: risings(judged),
        verdicts: wanted(judged, filter, all)
            .map(|verdict| OfRow {
                verdict: verdict.with_unknown_figures(),
                held_by: held_by(judged, verdict),
            })
            .collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &json)?;
    writeln!(out)
}

fn wanted<'a>(
    judged: &'a AnalysedSeries,
    filter: &'a Filter,
    all: bool,
) -> impl Iterator<Item = &'a Verdict> {
    let reported = move |verdict: &&Verdict| {
        (all || !matches!(verdict.kind, VerdictKind::Steady | VerdictKind::TooLittleData))
            && filter.admits_tag(&verdict.tag, verdict.pool)
    };
    judged.report.verdicts.iter().filter(reported)
}

const COLUMNS: [&str; 21] = [
    "tag",
    "pool",
    "verdict",
    "bytes_per_hour",
    "bytes_per_hour_low",
    "bytes_per_hour_high",
    "allocs_per_hour",
    "bytes",
    "growth",
    "change",
    "level",
    "confidence",
    "share",
    "since",
    "since_start",
    "exhausted_in_hours",
    "limit",
    "needs_hours",
    "group",
    "owner",
    "reasons",
];

/// A line for each tag.
pub fn csv(out: &mut dyn Write, judged: &AnalysedSeries, filter: &Filter, all: bool) -> io::Result<()> {
    let mut lines = LineWriter::new(out, b',');
    lines.line(&COLUMNS)?;
    for verdict in wanted(judged, filter, all) {
        let is_known = verdict.kind != VerdictKind::Unknown;
        let is_timed = is_known && verdict.timed;
        let figure = |figure: Option<f64>| figure.map(|figure| format!("{figure:.3}")).unwrap_or_default();
        let bytes = |bytes: f64| if is_known { format!("{bytes:.0}") } else { String::new() };
        let end = verdict.exhaustion;
        let fields = [
            verdict.tag.to_string(),
            verdict.pool.id().to_owned(),
            verdict.kind.id().to_owned(),
            figure(is_timed.then_some(verdict.bytes.per_hour)),
            figure(is_timed.then_some(verdict.bytes.low)),
            figure(is_timed.then_some(verdict.bytes.high)),
            figure(verdict.allocs.filter(|_| is_timed).map(|allocs| allocs.per_hour)),
            bytes(verdict.held),
            bytes(verdict.growth),
            bytes(verdict.change),
            verdict.level.map(|level| level.id().to_owned()).unwrap_or_default(),
            figure(verdict.confidence),
            figure(verdict.share),
            rfc3339(verdict.since).unwrap_or_default(),
            verdict.since_start.to_string(),
            figure(end.map(|end| end.hours)),
            end.map(|end| end.limit.id().to_owned()).unwrap_or_default(),
            figure(verdict.needs_hours),
            verdict.group.map(|group| group.to_string()).unwrap_or_default(),
            verdict.owner.clone().unwrap_or_default(),
            verdict.reasons.join("; "),
        ];
        lines.line(&fields)?;
    }
    Ok(())
}
