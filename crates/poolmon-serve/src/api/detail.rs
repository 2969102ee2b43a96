//! `/api/v1/row?tag=…&pool=…`: everything known of one row.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use jiff::tz::TimeZone;
use poolmon_leak::Verdict;
use poolmon_model::{Key, Pool, Tag};
use poolmon_print::schema;
use poolmon_report::words;
use serde::Serialize;

use super::status::{Point, points, text};
use super::{Answer, Context, Server, apart, document, parameters, problem, wrong};
use crate::moment::Moment;

/// What is asked for.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    tag: String,
    pool: String,
}

#[derive(Serialize)]
struct Detail {
    schema: &'static str,
    number: u64,
    tag: String,
    pool: &'static str,
    pool_name: &'static str,
    bytes: Option<u64>,
    outstanding: Option<i64>,
    allocs: Option<u64>,
    frees: Option<u64>,
    floor_bytes: Option<u64>,
    verdict: Option<Judgement>,
    known: Vec<Fact>,
    curve: Vec<Point>,
}

#[derive(Serialize)]
struct Judgement {
    kind: &'static str,
    word: &'static str,
    level: Option<&'static str>,
    confidence: Option<f64>,
    sentence: String,
    reasons: Vec<String>,
    evidence: Vec<String>,
    bytes_per_hour: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    since: Option<String>,
    owner: Option<String>,
}

#[derive(Serialize)]
struct Fact {
    title: &'static str,
    text: String,
}

/// Answers.
pub async fn get(
    State(server): Context,
    headers: HeaderMap,
    query: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Answer {
    let wanted = parameters(query)?;
    let pool = Pool::parse(&wanted.pool)
        .ok_or_else(|| wrong("there is no such pool", "name one of those in /api/v1/status"))?;
    let moment = server.shared.now();
    let tag = server.tag(&moment);
    let work = Arc::clone(&server);
    let found = apart(move || detail(&work, &moment, &wanted.tag, pool)).await?;
    let found =
        found.ok_or_else(|| problem(StatusCode::NOT_FOUND, "there is no such row", "see /api/v1/rows"))?;
    Ok(document(&headers, &tag, &found))
}

fn detail(server: &Server, moment: &Moment, name: &str, pool: Pool) -> Option<Detail> {
    let judged = server.shared.judged();
    let series = judged.series()?;
    let row = moment.now.rows.iter().find(|row| row.pool == pool && row.tag.to_string() == name);
    let verdict =
        series.report.verdicts.iter().find(|verdict| verdict.pool == pool && verdict.tag.to_string() == name);
    let tag: Tag = row.map(|row| row.tag.clone()).or_else(|| verdict.map(|verdict| verdict.tag.clone()))?;
    let zone = TimeZone::system();
    let key = Key { tag: tag.clone(), pool };
    let counters = row.map(|row| row.counters);
    let facts = judged.owners.explain(&tag, Some(pool)).into_iter();
    Some(Detail {
        schema: schema::DETAIL,
        number: moment.number,
        tag: name.to_owned(),
        pool: pool.id(),
        pool_name: pool.long(),
        bytes: counters.and_then(|counters| counters.bytes),
        outstanding: counters.and_then(|counters| counters.diff(moment.now.width)),
        allocs: counters.and_then(|counters| counters.allocs),
        frees: counters.and_then(|counters| counters.frees),
        floor_bytes: moment.floors.get(&key).copied(),
        verdict: verdict.map(|verdict| judgement(verdict, &series.report, &zone)),
        known: facts.map(|fact| Fact { title: fact.title, text: fact.text }).collect(),
        curve: points(&series.analysis, &series.analysis.curve(&tag, pool)),
    })
}

fn judgement(verdict: &Verdict, report: &poolmon_leak::Report, zone: &TimeZone) -> Judgement {
    let rate = |rate: f64| rate.is_finite().then_some(rate.round());
    let mut reasons = verdict.reasons.clone();
    reasons.extend(words::lockstep(report, verdict));
    let found = |one: &poolmon_leak::suspicion::Contribution| one.found.to_owned();
    let evidence = verdict.suspicion.as_ref().map(|suspicion| {
        let against = suspicion.doubts().map(|one| format!("against it: {}", found(one)));
        suspicion.reasons().map(found).chain(against).collect()
    });
    Judgement {
        kind: verdict.kind.id(),
        word: words::word(verdict),
        level: verdict.level.map(poolmon_leak::Level::id),
        confidence: verdict.confidence.map(|confidence| (confidence * 1000.0).round() / 1000.0),
        sentence: verdict.sentence(zone),
        reasons,
        evidence: evidence.unwrap_or_default(),
        bytes_per_hour: rate(verdict.bytes.per_hour),
        low: rate(verdict.bytes.low),
        high: rate(verdict.bytes.high),
        since: verdict.since.and_then(text),
        owner: verdict.owner.clone(),
    }
}
