//! `/api/v1/rows`: the table, filtered, sorted and paged; of the newest moment, of another one of a recording, or between two.
//! `/api/v1/table`: all rows, as `poolmon top --format json` prints them.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use jiff::tz::TimeZone;
use poolmon_model::units::{day_and_time, parse_span};
use poolmon_model::{
    Column, FIGURES, Filter, Gravity, Key, Labeler as _, PoolView, Sample, Sort, Table, TableRow, Value,
    column,
};
use poolmon_print::schema;
use poolmon_read::{Earlier, SampleSeries};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::status::text;
use super::{
    Answer, Context, Refusal, Server, apart, document, failed, parameters, typed, unreadable, when, with_tag,
    wrong,
};
use crate::moment::{Moment, Verdicts};
use crate::rows;

/// Most rows of one answer.
const MOST: usize = 500;
/// Rows in an answer if nothing else is asked for.
const USUAL: usize = 100;
/// Points of a sparkline.
const SPARK: usize = 40;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Part of a tag's name or of its owner's.
    search: Option<String>,
    pool: Option<String>,
    /// Id of a column, or `verdict`.
    sort: Option<String>,
    by_change: Option<bool>,
    reverse: Option<bool>,
    limit: Option<usize>,
    offset: Option<usize>,
    /// A moment of a recording.
    at: Option<String>,
    /// The moment that it is compared with.
    before: Option<String>,
    /// Or how long before it that is.
    over: Option<String>,
}

/// The two samples that a table is made of.
struct Pair {
    before: Option<Arc<Sample>>,
    now: Arc<Sample>,
}

/// Answers.
pub async fn get(
    State(server): Context,
    headers: HeaderMap,
    query: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Answer {
    let wanted = parameters(query)?;
    let order = order(&wanted)?;
    let filter = filter(&wanted)?;
    if !(1..=MOST).contains(&wanted.limit.unwrap_or(USUAL)) {
        return Err(wrong(
            "an answer cannot have that number of rows",
            &format!("limit is 1 to {MOST}; the next ones follow with offset"),
        ));
    }
    let moment = server.shared.now();
    let tag = server.tag(&moment);
    let work = Arc::clone(&server);
    let rows = apart(move || {
        let pair = pair(&work, &moment, &wanted)?;
        Ok::<_, Refusal>(page(&work, &moment, &pair, &wanted, &filter, order))
    });
    Ok(document(&headers, &tag, &rows.await??))
}

/// Answers with every row, in the order of bytes.
pub async fn table(State(server): Context, headers: HeaderMap) -> Answer {
    let moment = server.shared.now();
    let tag = server.tag(&moment);
    let work = Arc::clone(&server);
    let text = apart(move || {
        let before = moment.before.as_deref();
        let mut table = Table::new(before, &moment.now, &Filter::default(), Some(&*work.shared.owners));
        table.sort(Sort::by(&column::BYTES));
        let mut text = Vec::new();
        poolmon_print::json::write(&mut text, &moment.now, &table).map(|()| text)
    });
    let text = text.await?.map_err(failed)?;
    Ok(with_tag(&headers, &tag, || typed("application/json", text)))
}

fn order(wanted: &Wanted) -> Result<Sort, Refusal> {
    let by: &'static Column = match wanted.sort.as_deref() {
        None => &column::BYTES,
        Some("verdict") => &column::VERDICT,
        Some(id) => {
            let names = || column::COLUMNS.iter().map(|column| column.id).collect::<Vec<_>>().join(", ");
            column::by_id(id).ok_or_else(|| {
                wrong("there is no such column to sort by", &format!("sort by one of: verdict, {}", names()))
            })?
        }
    };
    let (by_change, reversed) = (wanted.by_change == Some(true), wanted.reverse == Some(true));
    Ok(Sort { by_change, reversed, ..Sort::by(by) })
}

fn filter(wanted: &Wanted) -> Result<Filter, Refusal> {
    let view = match wanted.pool.as_deref().filter(|pool| !pool.is_empty()) {
        Some(pool) => PoolView::parse(pool).ok_or_else(|| {
            wrong("there is no such pool", "name one of those in /api/v1/status, slab or all")
        })?,
        None => PoolView::All,
    };
    Ok(Filter { view, ..Filter::default() })
}

fn pair(server: &Server, moment: &Moment, wanted: &Wanted) -> Result<Pair, Refusal> {
    if wanted.at.is_none() && wanted.before.is_none() && wanted.over.is_none() {
        return Ok(Pair { before: moment.before.clone(), now: Arc::clone(&moment.now) });
    }
    let shared = &server.shared;
    let (mut saved, mut written) = (shared.series(), None);
    let series: &mut SampleSeries = match (&mut saved, &shared.past) {
        (Some(series), _) => series,
        (None, Some(past)) => written.insert(past.series().map_err(|error| unreadable(server, &error))?),
        (None, None) => {
            let remedy = "record it beside: poolmon serve --record DIR; or serve a recording: poolmon serve --from RECORDING";
            return Err(wrong("a live source that is not recorded has no other moments", remedy));
        }
    };
    let earlier = match wanted.over.as_deref() {
        Some(over) => Earlier::By(parse_span(over).map_err(|error| wrong(error, "write 10m, 2h or 1d"))?),
        None => Earlier::Previous,
    };
    let at = |text: &Option<String>| text.as_deref().map(when).transpose();
    let mut read = |text: &Option<String>, earlier: Earlier| {
        let found = series.at(at(text)?, earlier);
        shared.was_read(found.as_ref().err());
        let pair = found.map_err(|error| unreadable(server, &error))?;
        match pair.outside(&TimeZone::system()) {
            Some(outside) => Err(wrong(outside, "ask for a time from first to last of /api/v1/status")),
            None => Ok(pair),
        }
    };
    let mut now = read(&wanted.at, earlier)?;
    if wanted.before.is_some() {
        now.before = Some(read(&wanted.before, Earlier::Previous)?.now);
    }
    if now.before.as_ref().is_some_and(|before| before.time > now.now.time) {
        return Err(wrong(
            "before is later than at",
            "give the earlier moment as before, the later one as at",
        ));
    }
    rows::join(&mut now.now);
    if let Some(before) = &mut now.before {
        rows::join(before);
    }
    Ok(Pair { before: now.before.map(Arc::new), now: Arc::new(now.now) })
}

fn page(
    server: &Server,
    moment: &Moment,
    pair: &Pair,
    wanted: &Wanted,
    filter: &Filter,
    order: Sort,
) -> Rows {
    let owners = &server.shared.owners;
    let mut table = Table::new(pair.before.as_deref(), &pair.now, filter, Some(&**owners));
    let search = wanted.search.as_deref().unwrap_or_default().trim().to_lowercase();
    if !search.is_empty() {
        table.rows.retain(|row| fits(row, &search, owners));
    }
    label(&mut table.rows, &moment.verdicts);
    table.sort(order);
    let total = table.rows.len();
    let offset = wanted.offset.unwrap_or(0).min(total);
    let limit = wanted.limit.unwrap_or(USUAL);
    let rows: Vec<TableRow> = table.rows.drain(..).skip(offset).take(limit).collect();
    let judged = server.shared.judged();
    let spark = |row: &TableRow| {
        let series = judged.series()?;
        let curve = series.analysis.curve(&row.row.tag, row.row.pool);
        let step = curve.len().div_ceil(SPARK).max(1);
        let part = |part: &[poolmon_leak::series::CurvePoint]| {
            part.iter().map(|point| point.mean).sum::<f64>() / part.len().max(1) as f64
        };
        Some(curve.chunks(step).map(|points| part(points).round()).collect::<Vec<f64>>())
            .filter(|spark| spark.len() > 1)
    };
    let sparks = rows.iter().map(spark).collect();
    Rows {
        number: moment.number,
        time: pair.now.time.and_then(text),
        time_of_day: day_and_time(pair.now.time),
        since: pair.before.as_ref().and_then(|before| before.time).and_then(text),
        rebooted: table.rebooted,
        total,
        offset,
        limit,
        shown: rows,
        sparks,
    }
}

fn fits(row: &TableRow, search: &str, owners: &poolmon_owner::Owners) -> bool {
    let has = |text: &str| text.to_lowercase().contains(search);
    has(&row.row.tag.to_string())
        || row.row.reported_owner.as_deref().is_some_and(has)
        || owners.label(&row.row).is_some_and(|label| {
            label.driver.as_deref().is_some_and(has) || label.description.as_deref().is_some_and(has)
        })
}

fn label(rows: &mut [TableRow], verdicts: &Verdicts) {
    for row in rows {
        let key = Key { tag: row.row.tag.clone(), pool: row.row.pool };
        row.verdict = verdicts.of(&key).cloned();
    }
}

/// The document.
struct Rows {
    number: u64,
    time: Option<String>,
    time_of_day: Option<String>,
    since: Option<String>,
    rebooted: bool,
    total: usize,
    offset: usize,
    limit: usize,
    shown: Vec<TableRow>,
    sparks: Vec<Option<Vec<f64>>>,
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", schema::ROWS)?;
        map.serialize_entry("number", &self.number)?;
        map.serialize_entry("time", &self.time)?;
        map.serialize_entry("time_of_day", &self.time_of_day)?;
        map.serialize_entry("since", &self.since)?;
        map.serialize_entry("rebooted", &self.rebooted)?;
        map.serialize_entry("total", &self.total)?;
        map.serialize_entry("offset", &self.offset)?;
        map.serialize_entry("limit", &self.limit)?;
        let rows: Vec<OneRow<'_>> =
            self.shown.iter().zip(&self.sparks).map(|(row, spark)| OneRow { row, spark }).collect();
        map.serialize_entry("rows", &rows)?;
        map.end()
    }
}

struct OneRow<'a> {
    row: &'a TableRow,
    spark: &'a Option<Vec<f64>>,
}

/// A verdict in a table.
#[derive(serde::Serialize)]
pub struct ShortVerdict<'a> {
    gravity: &'static str,
    brief: &'a str,
    bytes_per_hour: i64,
}

/// The verdict on a row, in short.
pub fn short(row: &TableRow) -> Option<ShortVerdict<'_>> {
    row.verdict.as_deref().map(|verdict| ShortVerdict {
        gravity: match verdict.gravity {
            Gravity::Leaking => "leaking",
            Gravity::Suspected => "suspected",
            Gravity::Growing => "growing",
            Gravity::Explained => "explained",
        },
        brief: &verdict.brief,
        bytes_per_hour: verdict.bytes_per_hour,
    })
}

impl Serialize for OneRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = self.row;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("tag", &row.row.tag.to_string())?;
        map.serialize_entry("pool", row.row.pool.id())?;
        for figure in FIGURES {
            let value = number(&figure.value(&row.row.counters, row.width));
            let change = row.delta.and_then(|delta| (figure.change)(&delta));
            if value.is_some() || figure.always {
                map.serialize_entry(figure.id, &value)?;
                map.serialize_entry(&format!("{}_change", figure.id), &change)?;
            }
        }
        map.serialize_entry(
            "owner",
            &row.owner_parts().and_then(|parts| parts.name.or(parts.description).map(str::to_owned)),
        )?;
        map.serialize_entry("verdict", &short(row))?;
        map.serialize_entry("spark", self.spark)?;
        map.end()
    }
}

fn number(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Count(count) => Some((*count).into()),
        Value::Signed(signed) => Some((*signed).into()),
        _ => None,
    }
}
