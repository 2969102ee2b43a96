//! `/api/v1/events`: a line for each new moment. A reader that is slow misses moments, not order: it gets the newest.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::WatchStream;

use super::status::text;
use super::{Context, problem};
use crate::moment::Moment;
use poolmon_model::units::day_and_time;

/// A comment this often shows proxies that the connection is alive.
const ALIVE: Duration = Duration::from_secs(15);

#[derive(Serialize)]
struct News<'a> {
    number: u64,
    time: Option<String>,
    time_of_day: Option<String>,
    failing_since: Option<String>,
    headline: &'a str,
    mood: &'a str,
    suspects: usize,
}

/// Answers until the reader or the server ends.
pub async fn get(State(server): Context) -> Response {
    let Ok(place) = Arc::clone(&server.listeners).try_acquire_owned() else {
        return problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many pages listen for events",
            "close one, or ask /api/v1/rows",
        );
    };
    let moments = WatchStream::new(server.shared.moment.clone()).map(Some);
    let ends = WatchStream::new(server.stop.clone()).filter(|stop| *stop).map(|_| None);
    let events = moments.merge(ends).map_while(move |moment| {
        let _place = &place;
        moment.map(|moment| Ok::<Event, Infallible>(event(&moment)))
    });
    let mut answer = Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)).into_response();
    answer.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    answer
}

fn event(moment: &Moment) -> Event {
    let news = News {
        number: moment.number,
        time: moment.now.time.and_then(text),
        time_of_day: day_and_time(moment.now.time),
        failing_since: moment.failing.as_ref().and_then(|failing| text(failing.since)),
        headline: &moment.verdicts.headline,
        mood: moment.verdicts.mood,
        suspects: moment.verdicts.suspects.len(),
    };
    let data = serde_json::to_string(&news).unwrap_or_default();
    Event::default().event("moment").id(moment.number.to_string()).data(data)
}
