//! `/api/v1`: JSON documents, each with a schema in `schema/`; `page/openapi.json` describes the routes.
//!
//! * [`status`]: the source, its pools over time, the answer in one line; [`rows`]: the table, also of another moment;
//!   [`detail`]: one row; [`events`]: what is new, as it happens.

pub mod detail;
pub mod events;
pub mod rows;
pub mod status;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use jiff::tz::TimeZone;
use poolmon_model::shell;
use poolmon_print::metrics::MetricText;
use poolmon_print::schema;
use poolmon_read::moment::{self, When};
use poolmon_report::html;
use serde::Serialize;

use crate::feed::Shared;
use crate::metrics;
use crate::moment::Moment;

/// What handlers work with.
pub struct Server {
    pub shared: Arc<Shared>,
    /// Most series of rows in the metrics.
    pub max_series: usize,
    /// Places for listeners to events.
    pub listeners: Arc<tokio::sync::Semaphore>,
    /// Turns true when the server ends.
    pub stop: tokio::sync::watch::Receiver<bool>,
    /// Differs from start to start: a number of a moment means nothing without it.
    pub start: String,
    /// The source as an argument of a command; empty for this machine.
    pub argument: String,
}

/// What a handler gets.
pub type Context = State<Arc<Server>>;

/// An answer of a handler.
pub type Answer = Result<Response, Refusal>;

/// An answer that is an error.
#[derive(Debug)]
pub struct Refusal(Box<Response>);

impl From<Response> for Refusal {
    fn from(answer: Response) -> Self {
        Self(Box::new(answer))
    }
}

impl axum::response::IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    schema: &'static str,
    error: &'a str,
    remedy: &'a str,
}

/// An error as a document.
pub fn problem(code: StatusCode, error: &str, remedy: &str) -> Response {
    let document = Problem { schema: schema::ERROR, error, remedy };
    let mut answer = json_bytes(serde_json::to_vec(&document).unwrap_or_default());
    *answer.status_mut() = code;
    answer
}

/// A request that cannot mean anything.
pub fn wrong(error: impl std::fmt::Display, remedy: &str) -> Refusal {
    problem(StatusCode::BAD_REQUEST, &error.to_string(), remedy).into()
}

/// The server failed, not the request.
pub fn failed(error: impl std::fmt::Display) -> Refusal {
    let remedy = "ask again; if it fails each time, report it with the output of poolmon doctor";
    problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string(), remedy).into()
}

/// The file that is served, or the recording beside, can no longer be read.
pub fn unreadable(server: &Server, error: impl std::fmt::Display) -> Refusal {
    let beside = server.shared.past.as_ref().map(|past| shell::path(past.folder()));
    let source = beside.as_deref().unwrap_or(&server.argument);
    let remedy = format!("see whether {source} is still there, and can be read");
    problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string(), &remedy).into()
}

/// The parameters of a request.
pub fn parameters<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Refusal> {
    query
        .map(|Query(wanted)| wanted)
        .map_err(|error| wrong(in_words(&error.body_text()), "see /api/v1/openapi.json"))
}

/// What is wrong with a parameter, without the names of the libraries' steps.
fn in_words(error: &str) -> String {
    let error = error.rsplit("query string: ").next().unwrap_or(error);
    error
        .replace("invalid digit found in string", "not a whole number")
        .replace("provided string was not `true` or `false`", "neither true nor false")
}

fn json_bytes(bytes: Vec<u8>) -> Response {
    typed("application/json", bytes)
}

/// Bytes of a type.
pub fn typed(kind: &'static str, bytes: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], bytes.into()).into_response()
}

/// A document that stays the same as long as `tag` does; nothing of it if the asker has it already.
pub fn document(headers: &HeaderMap, tag: &str, document: &impl Serialize) -> Response {
    with_tag(headers, tag, || json_bytes(serde_json::to_vec(document).unwrap_or_default()))
}

/// An answer with an entity tag.
pub fn with_tag(headers: &HeaderMap, tag: &str, answer: impl FnOnce() -> Response) -> Response {
    let quoted = format!("\"{tag}\"");
    let has = |value: &HeaderValue| {
        value.to_str().is_ok_and(|list| {
            list.split(',').any(|one| one.trim().trim_start_matches("W/") == quoted || one.trim() == "*")
        })
    };
    let mut answer = if headers.get_all(header::IF_NONE_MATCH).iter().any(has) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        answer()
    };
    if let Ok(value) = HeaderValue::from_str(&quoted) {
        answer.headers_mut().insert(header::ETAG, value);
    }
    answer
}

impl Server {
    /// What an answer from a moment is called.
    pub fn tag(&self, moment: &Moment) -> String {
        format!("{}-{}", self.start, moment.number)
    }
}

/// Runs what may wait for a lock or a disk, apart from the thread that serves.
pub async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(failed)
}

/// Reads a moment of a query.
pub fn when(text: &str) -> Result<When, Refusal> {
    moment::parse(text, &TimeZone::system())
        .map_err(|error| wrong(error, "write 2026-11-22T14:00:00Z, -2h, +10m, start or end"))
}

/// `/metrics`.
pub async fn scrape(State(server): Context, request: Request<Body>) -> Response {
    let moment = server.shared.now();
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let format = if accepts_openmetrics(accepts) { MetricText::OpenMetrics } else { MetricText::Prometheus };
    let source = metrics::Source {
        interval: server.shared.interval,
        owners: &*server.shared.owners,
        max_series: server.max_series,
    };
    let mut answer = typed(format.content_type(), metrics::text(format, &moment, &source));
    answer.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    answer
}

/// Whether an `Accept` prefers `OpenMetrics` to plain text.
fn accepts_openmetrics(accept: &str) -> bool {
    let weight = |name: &str| {
        let of =
            accept.split(',').filter(|one| one.split(';').next().is_some_and(|kind| kind.trim() == name));
        let weights = of.map(|one| {
            let q = one.split(';').find_map(|part| part.trim().strip_prefix("q="));
            q.map_or(1.0, |q| q.trim().parse().unwrap_or(0.0))
        });
        weights.fold(0.0, f64::max)
    };
    let ours = weight("application/openmetrics-text");
    ours > 0.0 && ours >= weight("text/plain")
}

/// `/-/healthy`: the server answers.
pub async fn healthy() -> &'static str {
    "poolmon is healthy\n"
}

/// `/-/ready`: there are samples, and the last attempt to take one succeeded. Since when it did not is for those who may ask for more.
pub async fn ready(State(server): Context) -> Response {
    if server.shared.now().failing.is_none() {
        return "poolmon is ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "poolmon takes no samples\n").into_response()
}

/// `/report.html`: the report, as a file to keep.
pub async fn report(State(server): Context) -> Answer {
    let work = Arc::clone(&server);
    let page = apart(move || work.shared.judged().material().map(|material| html::page(&material))).await?;
    let mut answer = typed("text/html; charset=utf-8", page.unwrap_or_default());
    let name = HeaderValue::from_static("attachment; filename=\"poolmon-report.html\"");
    answer.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(answer)
}

/// `/api/v1/leaks`: the verdicts, as `poolmon leaks --format json` prints them.
pub async fn leaks(State(server): Context, headers: HeaderMap) -> Answer {
    let tag = server.tag(&server.shared.now());
    let work = Arc::clone(&server);
    let text = apart(move || {
        let judged = work.shared.judged();
        let mut text = Vec::new();
        let filter = poolmon_model::Filter::default();
        judged
            .series()
            .map(|series| poolmon_render::leaks::json(&mut text, series, &filter, false))
            .transpose()
            .map(|_| text)
    });
    let text = text.await?.map_err(failed)?;
    Ok(with_tag(&headers, &tag, || json_bytes(text)))
}

/// A hash for entity tags of what is embedded.
pub fn hash(bytes: &[u8]) -> String {
    format!("{:016x}", poolmon_model::fnv(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_own_accept_headers() {
        let new = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                   text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert!(accepts_openmetrics(new));
        assert!(!accepts_openmetrics("text/plain;version=0.0.4;q=0.9,application/openmetrics-text;q=0.5"));
        for other in ["", "*/*", "text/plain", "text/html,*/*;q=0.8", "application/openmetrics-text;q=0"] {
            assert!(!accepts_openmetrics(other), "{other}");
        }
    }

    #[test]
    fn an_answer_that_the_asker_has_is_not_sent_again() {
        let code = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(value));
            with_tag(&headers, "s-1", || "x".into_response()).status().as_u16()
        };
        assert_eq!(["\"s-1\"", "W/\"s-1\"", "\"a\", \"s-1\"", "*"].map(code), [304; 4]);
        assert_eq!(["\"s-2\"", "s-1", ""].map(code), [200; 3]);
    }
}
