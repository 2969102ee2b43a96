//! `/api/v1/status`: the source, its pools over time, what happened, and the answer in one line.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::HeaderMap;
use jiff::Timestamp;
use poolmon_leak::Analysis;
use poolmon_leak::series::CurvePoint;
use poolmon_model::units::{day_and_time, rfc3339};
use poolmon_model::{MarkKind, Pool, SourceKind, shell};
use poolmon_print::schema;
use poolmon_report::{AnalysedSeries, words};
use serde::Serialize;

use super::{Answer, Context, Server, apart, document};
use crate::moment::Moment;

/// The document.
#[derive(Serialize)]
pub struct Status {
    schema: &'static str,
    version: &'static str,
    number: u64,
    kind: &'static str,
    simulated: bool,
    source: String,
    argument: String,
    host: Option<String>,
    system: Option<String>,
    live: bool,
    recorded: Option<Recorded>,
    interval_seconds: Option<f64>,
    time: Option<String>,
    time_of_day: Option<String>,
    age_seconds: Option<f64>,
    failing: Option<Failing>,
    samples: u64,
    first: Option<String>,
    last: Option<String>,
    first_time_of_day: Option<String>,
    last_time_of_day: Option<String>,
    needs_seconds: Option<f64>,
    headline: String,
    mood: &'static str,
    remarks: Vec<String>,
    pools: Vec<PoolStatus>,
    marks: Vec<Mark>,
}

#[derive(Serialize)]
struct Recorded {
    argument: String,
    first: Option<String>,
}

#[derive(Serialize)]
struct Failing {
    since: Option<String>,
    error: String,
    times: u64,
}

#[derive(Serialize)]
struct PoolStatus {
    pool: &'static str,
    name: &'static str,
    bytes: Option<u64>,
    limit: Option<u64>,
    growth: Option<String>,
    made_of: Option<String>,
    curve: Vec<Point>,
}

/// One slot of a curve.
#[derive(Serialize)]
pub struct Point {
    time: Option<String>,
    hours: f64,
    least: f64,
    mean: f64,
    most: f64,
    boot: u32,
}

#[derive(Serialize)]
struct Mark {
    time: Option<String>,
    kind: &'static str,
    seconds: f64,
    text: String,
}

/// A curve, with the moments of its points where they are known.
pub fn points(analysis: &Analysis, curve: &[CurvePoint]) -> Vec<Point> {
    let point = |point: &CurvePoint| Point {
        time: analysis.at(point.hours).and_then(text),
        hours: point.hours,
        least: point.least,
        mean: point.mean,
        most: point.most,
        boot: point.boot,
    };
    curve.iter().map(point).collect()
}

/// A moment in RFC 3339, in whole seconds; `None` if its date is not known, which `day_and_time` writes.
pub fn text(time: Timestamp) -> Option<String> {
    rfc3339(Some(Timestamp::from_second(time.as_second()).unwrap_or(time)))
}

const fn mark_id(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Note => "note",
        MarkKind::Reboot => "reboot",
        MarkKind::Modules => "modules",
        MarkKind::Gap => "gap",
    }
}

/// Answers.
pub async fn get(State(server): Context, headers: HeaderMap) -> Answer {
    let moment = server.shared.now();
    let tag = server.tag(&moment);
    let work = Arc::clone(&server);
    let status = apart(move || status(&work, &moment)).await?;
    Ok(document(&headers, &tag, &status))
}

fn status(server: &Server, moment: &Moment) -> Status {
    let judged = server.shared.judged();
    let series = judged.series();
    let now = &moment.now;
    let report = series.map(|series| &series.report);
    let pool = |pool: Pool| {
        let curve = series.map(|series| series.analysis.pool_curve(pool)).unwrap_or_default();
        let bytes = now.header.pool_total(pool).or_else(|| {
            let known = now.rows.iter().any(|row| row.pool == pool) && now.coverage.lists_all(pool);
            known.then(|| now.tagged_bytes(pool))
        });
        if curve.is_empty() && bytes.is_none() {
            return None;
        }
        let growth = report.and_then(|report| report.pools.iter().find(|growth| growth.pool == pool));
        Some(PoolStatus {
            pool: pool.id(),
            name: pool.long(),
            bytes,
            limit: match pool {
                Pool::Nonpaged => now.header.limit_nonpaged,
                Pool::Paged => now.header.limit_paged,
                _ => None,
            },
            growth: growth.map(words::growth),
            made_of: report.and_then(|report| words::made_of(report, pool)),
            curve: series.map(|series| points(&series.analysis, &curve)).unwrap_or_default(),
        })
    };
    let mark = |mark: &poolmon_model::TimelineMark| Mark {
        time: text(mark.at),
        kind: mark_id(mark.kind),
        seconds: mark.length.as_secs_f64(),
        text: mark.text.clone(),
    };
    let reboots = series.map(AnalysedSeries::reboots).unwrap_or_default();
    let span = series.and_then(|series| series.span);
    Status {
        schema: schema::STATUS,
        version: env!("CARGO_PKG_VERSION"),
        number: moment.number,
        kind: now.origin.kind.id(),
        simulated: now.origin.kind == SourceKind::Simulated,
        source: series.map(|series| series.source.clone()).unwrap_or_default(),
        argument: server.argument.clone(),
        host: now.origin.host.clone(),
        system: now.origin.system.clone(),
        live: server.shared.interval.is_some(),
        recorded: server.shared.past.as_ref().map(|past| Recorded {
            argument: shell::path(past.folder()),
            first: past.first().and_then(text),
        }),
        interval_seconds: server.shared.interval.map(|interval| interval.as_secs_f64()),
        time: now.time.and_then(text),
        time_of_day: day_and_time(now.time),
        age_seconds: moment.age(server.shared.interval.is_some()).map(|age| (age * 10.0).round() / 10.0),
        failing: moment.failing.as_ref().map(|failing| Failing {
            since: text(failing.since),
            error: failing.error.clone(),
            times: failing.times,
        }),
        samples: moment.samples,
        first: span.and_then(|span| text(span.0)),
        last: span.and_then(|span| text(span.1)),
        first_time_of_day: day_and_time(span.map(|span| span.0)),
        last_time_of_day: day_and_time(span.map(|span| span.1)),
        needs_seconds: moment.verdicts.needs.map(|needs| needs.as_secs_f64()),
        headline: moment.verdicts.headline.clone(),
        mood: moment.verdicts.mood,
        remarks: now.remarks.clone(),
        pools: Pool::ALL.into_iter().filter_map(pool).collect(),
        marks: if judged.marks.is_empty() {
            reboots.iter().map(mark).collect()
        } else {
            judged.marks.iter().map(mark).collect()
        },
    }
}
