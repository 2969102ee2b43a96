//! The API against its schemas and its description.

use std::path::Path;
use std::time::Duration;

use poolmon_serve::ServeConfig;
use serde_json::Value;

use crate::Running;

#[path = "../../../../tests/cli/schema/validate.rs"]
mod validate;

fn project(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

#[track_caller]
fn check(document: &Value, schema: &str) {
    let id = document["schema"].as_str().unwrap();
    assert_eq!(id.split('/').next(), Some(schema));
    let file = project("schema").join(format!("{}.json", schema.strip_prefix("poolmon.").unwrap()));
    let rules: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    if let Err(problem) = validate::validate(&rules, document) {
        panic!("{schema}: {problem}\n{document:#}");
    }
}

fn openapi(server: &Running) -> Value {
    let answer = server.get("/api/v1/openapi.json", &["Accept-Encoding: gzip"]);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&answer.body[..]), &mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_page_comes_packed_or_plain_as_the_client_can_read() {
    let server = Running::demo();
    assert_eq!(server.json("/api/v1/openapi.json"), openapi(&server));
    for path in ["/", "/app.js"] {
        let (packed, plain) = (server.get(path, &["Accept-Encoding: gzip"]), server.get(path, &[]));
        assert_eq!((packed.code, plain.code), (200, 200), "{path}");
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        assert_eq!(plain.header("content-encoding"), None);
        assert_ne!(packed.header("etag"), plain.header("etag"), "a cache keeps both apart");
        assert!(packed.body.len() < plain.body.len());
    }
}

#[test]
fn what_rows_cannot_answer_is_refused_and_not_changed() {
    let (server, _folder) = crate::recorded();
    for (query, words) in [
        ("at=start&before=end", "before is later than at"),
        ("limit=0", "limit is 1 to 500"),
        ("limit=501", "limit is 1 to 500"),
        ("limit=x", "\"limit: not a whole number\""),
        ("at=2031-01-01", "there is no sample of 2031-01-01"),
        ("before=2020-01-01", "there is no sample of 2020-01-01"),
    ] {
        let answer = server.get(&format!("/api/v1/rows?{query}"), &[]);
        assert_eq!(answer.code, 400, "{query}: {}", answer.text());
        assert!(answer.text().contains(words), "{query}: {}", answer.text());
    }
    assert_eq!(server.get("/api/v1/rows?limit=500&at=end&before=start", &[]).code, 200);
}

#[test]
fn every_document_fits_its_schema() {
    let server = Running::demo();
    let judged = |server: &Running| {
        let rows = server.json("/api/v1/rows?sort=verdict&limit=3");
        rows["rows"][0]["verdict"].is_object().then_some(rows)
    };
    let rows = server.wait("a verdict", judged);
    check(&rows, "poolmon.rows");
    assert_eq!(rows["rows"].as_array().unwrap().len(), 3);
    assert!(rows["rows"][0]["spark"].as_array().unwrap().len() > 1);
    check(&server.json("/api/v1/status"), "poolmon.status");
    check(&server.json("/api/v1/table"), "poolmon.table");
    check(&server.json("/api/v1/leaks"), "poolmon.leaks");
    let (tag, pool) = (rows["rows"][0]["tag"].as_str().unwrap(), rows["rows"][0]["pool"].as_str().unwrap());
    let detail = server.json(&format!("/api/v1/row?tag={}&pool={pool}", tag.replace(' ', "%20")));
    check(&detail, "poolmon.detail");
    assert!(!detail["curve"].as_array().unwrap().is_empty());
    for (path, code) in [
        ("/api/v1/rows?sort=nothing", 400),
        ("/api/v1/rows?pool=nothing", 400),
        ("/api/v1/rows?limit=many", 400),
        ("/api/v1/rows?wrong=1", 400),
        ("/api/v1/rows?at=-1h", 400),
        ("/api/v1/row?tag=%21%22%23%24&pool=nonpaged", 404),
        ("/api/v1/row?tag=None", 400),
        ("/api/v1/nothing", 404),
    ] {
        let answer = server.get(path, &[]);
        assert_eq!(answer.code, code, "{path}");
        check(&serde_json::from_slice(&answer.body).unwrap(), "poolmon.error");
    }
}

#[test]
fn pages_searches_and_orders() {
    let server = Running::demo();
    let tags = |path: &str| -> Vec<String> {
        let rows = server.json(path);
        rows["rows"].as_array().unwrap().iter().map(|row| row["tag"].as_str().unwrap().to_owned()).collect()
    };
    let first = tags("/api/v1/rows?sort=tag&limit=20");
    assert!(first.is_sorted() && first.len() == 20);
    assert_eq!(tags("/api/v1/rows?sort=tag&limit=5&offset=10"), first[10..15]);
    assert_eq!(tags("/api/v1/rows?sort=tag&limit=5&offset=999999"), [""; 0]);
    let found = tags("/api/v1/rows?search=leak&limit=500");
    assert!(!found.is_empty(), "case does not count");
    let total = server.json("/api/v1/rows?limit=1")["total"].as_u64().unwrap();
    assert!(total > found.len() as u64);
}

#[test]
fn an_unchanged_document_is_not_sent_again() {
    let kernel = poolmon_synth::SimulatedKernel::new(poolmon_synth::SimulationConfig::quiet());
    let source = poolmon_synth::SimulatedSource::real_time(kernel);
    let server = Running::new(source, Duration::from_hours(1), ServeConfig::default());
    for path in ["/api/v1/rows", "/api/v1/status", "/api/v1/table", "/api/v1/leaks"] {
        let answer = server.get(path, &[]);
        let tag = answer.header("etag").unwrap().to_owned();
        let again = server.get(path, &[&format!("If-None-Match: {tag}")]);
        assert_eq!((again.code, again.body.len()), (304, 0), "{path}");
        assert_eq!(server.get(path, &["If-None-Match: \"other\""]).code, 200, "{path}");
    }
}

/// Every route is described, and every path that is described answers.
#[test]
fn the_description_and_the_routes_are_the_same() {
    let server = Running::demo();
    let description = openapi(&server);
    let mut described: Vec<&str> =
        description["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    described.sort_unstable();
    let source = std::fs::read_to_string(project("crates/poolmon-serve/src/server.rs")).unwrap()
        + &std::fs::read_to_string(project("crates/poolmon-serve/src/page.rs")).unwrap();
    let mut routes: Vec<&str> = [".route(\"", "part!(\""]
        .iter()
        .flat_map(|call| source.split(call).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    routes.sort_unstable();
    assert_eq!(described, routes);
    for path in described.iter().filter(|path| **path != "/api/v1/events") {
        let answer = server.get(path, &["Accept-Encoding: gzip"]);
        assert!(matches!(answer.code, 200 | 400), "{path}: {}", answer.code);
    }
    let known = ["search", "pool", "sort", "by_change", "reverse", "limit", "offset", "at", "before", "over"];
    let named = description["paths"]["/api/v1/rows"]["get"]["parameters"].as_array().unwrap();
    assert_eq!(named.iter().map(|one| one["name"].as_str().unwrap()).collect::<Vec<_>>(), known);
}

#[test]
fn events_come_as_samples_do_and_end_with_the_server() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let server = Running::demo();
    let mut stream = server.connect();
    write!(stream, "GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).unwrap();
    let mut numbers = Vec::new();
    let mut lines = BufReader::new(stream).lines();
    while numbers.len() < 3 {
        let line = lines.next().expect("it goes on").unwrap();
        if let Some(data) = line.strip_prefix("data: ") {
            let news: Value = serde_json::from_str(data).unwrap();
            numbers.push(news["number"].as_u64().unwrap());
        }
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    drop(server);
    assert!(lines.all(|line| line.is_ok()), "it ended in order");
}

/// Of a file, any moment and any two of them.
#[test]
fn moments_of_a_file() {
    let (server, _folder) = crate::recorded();
    let leak = |query: &str| {
        let rows = server.json(&format!("/api/v1/rows?search=Leak&{query}"));
        check(&rows, "poolmon.rows");
        let of = |name: &str| rows["rows"][0][name].as_i64().unwrap();
        (rows["time"].as_str().unwrap().to_owned(), of("bytes"), of("bytes_change"))
    };
    let (last, held, _) = leak("");
    let (first, at_first, _) = leak("at=%2B1m");
    assert!(first < last && at_first < held, "{first} {last}");
    let (at, middle, grown) = leak("at=-30m&before=%2B1m");
    assert_eq!((grown, at < last), (middle - at_first, true));
    let (_, _, hour) = leak("over=30m");
    assert_eq!(hour, held - middle);
    let status = server.json("/api/v1/status");
    check(&status, "poolmon.status");
    assert_eq!((&status["live"], &status["argument"]), (&Value::from(false), &Value::from("pool.log")));
    let wrong = server.get("/api/v1/rows?at=never", &[]);
    assert_eq!(wrong.code, 400, "{}", wrong.text());
}

/// Times of day have no date: none is invented.
#[test]
fn times_of_day_have_no_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pool.log");
    let list = |minute: u64| {
        let allocs = 1000 + minute * 10;
        format!(
            "10:{minute:02}:00\n\n Tag  Type     Allocs  Frees  Diff  Bytes  Per Alloc\n\n Leak Nonp {allocs} 100 {} {} 64\n\n",
            allocs - 100,
            (allocs - 100) * 64
        )
    };
    std::fs::write(&path, (0..30).map(list).collect::<String>()).unwrap();
    let server = crate::served(&path);
    let (status, rows) = (server.json("/api/v1/status"), server.json("/api/v1/rows"));
    check(&status, "poolmon.status");
    check(&rows, "poolmon.rows");
    assert_eq!((&status["time"], &status["time_of_day"]), (&Value::Null, &Value::from("day 1 10:29:00")));
    assert_eq!(
        (&status["first"], &status["first_time_of_day"]),
        (&Value::Null, &Value::from("day 1 10:00:00"))
    );
    assert_eq!((&rows["time"], &rows["time_of_day"]), (&Value::Null, &Value::from("day 1 10:29:00")));
    let detail = server.json("/api/v1/row?tag=Leak&pool=nonpaged");
    let metrics = server.get("/metrics", &[]).text();
    for text in [status.to_string(), rows.to_string(), detail.to_string(), metrics] {
        assert!(!text.contains("1970-"), "{text}");
    }
}

/// A recording that is deleted while it is served: the page shows what was read, and every client gets the message that it is gone.
#[cfg(unix)]
#[test]
fn a_recording_that_is_gone_is_said_to_be() {
    let (server, folder) = crate::recording();
    assert_eq!(server.get("/api/v1/rows?at=start", &[]).code, 200);
    assert_eq!(server.get("/-/ready", &[]).code, 200);
    let away = tempfile::tempdir().unwrap();
    let kept = away.path().join("kept");
    std::fs::rename(folder.path(), &kept).unwrap();
    let answer = server.get("/api/v1/rows?at=start", &[]);
    assert_eq!(answer.code, 500, "{}", answer.text());
    assert!(answer.text().contains("see whether pool.log is still there"), "{}", answer.text());
    assert_eq!(server.get("/-/ready", &[]).code, 503);
    assert!(server.get("/metrics", &[]).text().contains("\npoolmon_source_up 0\n"));
    assert!(server.json("/api/v1/status")["failing"]["error"].is_string());
    // It is back.
    std::fs::rename(&kept, folder.path()).unwrap();
    assert_eq!(server.get("/api/v1/rows?at=start", &[]).code, 200);
    assert_eq!(server.get("/-/ready", &[]).code, 200);
}
