//! The page, embedded and packed.

use std::io::Read as _;

use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};

use crate::api::{hash, typed, with_tag};

/// A part of the page.
struct Part {
    path: &'static str,
    kind: &'static str,
    packed: &'static [u8],
}

macro_rules! part {
    ($path:literal, $file:literal, $kind:literal) => {
        Part { path: $path, kind: $kind, packed: include_bytes!(concat!(env!("OUT_DIR"), "/", $file, ".gz")) }
    };
}

const PARTS: [Part; 6] = [
    part!("/", "index.html", "text/html; charset=utf-8"),
    part!("/style.css", "style.css", "text/css; charset=utf-8"),
    part!("/app.js", "app.js", "text/javascript; charset=utf-8"),
    part!("/charts.js", "charts.js", "text/javascript; charset=utf-8"),
    part!("/icon.svg", "icon.svg", "image/svg+xml"),
    part!("/api/v1/openapi.json", "openapi.json", "application/json"),
];

/// Where the parts are.
pub fn paths() -> impl Iterator<Item = &'static str> {
    PARTS.iter().map(|part| part.path)
}

/// Answers with a part.
pub async fn get(uri: Uri, headers: HeaderMap) -> Response {
    let Some(part) = PARTS.iter().find(|part| part.path == uri.path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let accepts = headers.get_all(header::ACCEPT_ENCODING).iter();
    let packs = accepts.filter_map(|value| value.to_str().ok()).any(accepts_gzip);
    // The two are different documents to a cache.
    let tag = if packs { hash(part.packed) } else { format!("{}-plain", hash(part.packed)) };
    let mut answer = with_tag(&headers, &tag, || {
        if packs { typed(part.kind, part.packed) } else { typed(part.kind, unpacked(part.packed)) }
    });
    if packs {
        answer.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    answer
}

/// Plain `curl` and most readers of an API description take no packed answer.
fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    // What this program carries was packed when it was built.
    let _ = flate2::read::GzDecoder::new(packed).read_to_end(&mut plain);
    plain
}

fn accepts_gzip(list: &str) -> bool {
    list.split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_gzip = matches!(parts.next(), Some("gzip" | "x-gzip" | "*"));
        is_gzip && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}
