//! What is scraped.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use poolmon_model::{CounterWidth, Counters, Origin, Pool, Row, Sample, SourceKind, Tag};
use poolmon_serve::ServeConfig;
use poolmon_testkit::{Need, skip};

use crate::{Fixed, Running};

const OPENMETRICS: &str = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5";

fn series<'a>(text: &'a str, name: &str) -> Vec<(&'a str, f64)> {
    let of = |line: &'a str| {
        let (labels, value) = line.rsplit_once(' ')?;
        let rest = labels.strip_prefix(name)?;
        (rest.is_empty() || rest.starts_with('{')).then(|| (rest, value.parse().unwrap()))
    };
    text.lines().filter(|line| !line.starts_with('#')).filter_map(of).collect()
}

fn sample(rows: Vec<Row>) -> Sample {
    let origin = Origin { host: Some("db7".into()), ..Origin::new(SourceKind::Simulated, &[Pool::Nonpaged]) };
    let mut sample = Sample::new(origin.into(), CounterWidth::Bits64);
    sample.rows = rows;
    sample
}

fn row(tag: Tag, bytes: u64) -> Row {
    Row::windows(tag, Pool::Nonpaged, bytes / 10, bytes / 20, bytes)
}

/// promtool reads the Prometheus text; the other format is checked by its rules.
#[test]
fn both_formats_are_clean() {
    let server = Running::demo();
    let suspected = |server: &Running| {
        let text = server.text("/metrics");
        let floors = !series(&text, "poolmon_tag_floor_bytes").is_empty();
        (floors && !series(&text, "poolmon_suspect_bytes_per_hour").is_empty()).then_some(text)
    };
    let text = server.wait("a suspect and floors", suspected);
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    match tool {
        Ok(mut tool) => {
            tool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
            let output = tool.wait_with_output().unwrap();
            let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
            assert!(output.status.success() && said.iter().all(String::is_empty), "{said:?}");
        }
        Err(_) => skip(Need::Prometheus, "there is no promtool here"),
    }
    let answer = server.get("/metrics", &[OPENMETRICS]);
    assert_eq!(
        answer.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let open = answer.text();
    assert!(open.ends_with("\n# EOF\n"));
    let mut families = std::collections::BTreeSet::new();
    for line in open.lines().filter(|line| line.starts_with("# TYPE ")) {
        let name = line.split(' ').nth(2).unwrap();
        assert!(!name.ends_with("_total") && families.insert(name.to_owned()), "{line}");
    }
    for line in open.lines().filter(|line| line.starts_with("# UNIT ")) {
        let mut words = line.split(' ').skip(2);
        assert!(words.next().unwrap().ends_with(&format!("_{}", words.next().unwrap())), "{line}");
    }
    let suspects = series(&open, "poolmon_suspect_bytes_per_hour");
    let of = |name: &str| suspects.iter().any(|(labels, _)| labels.contains(name));
    assert!(
        ["leak", "likely", "possible"].iter().any(|level| of(&format!("verdict=\"{level}\""))),
        "{suspects:?}"
    );
}

/// The same figures as the table has: what is summed as `other` is the rest.
#[test]
fn figures_are_those_of_the_table() {
    let rows = (1..200_u64).map(|n| row(Tag::name(&format!("T{n:03}")), n * 1000)).collect();
    let config = ServeConfig { top: 10, ..ServeConfig::default() };
    let server = Running::new(Fixed::new(sample(rows)), Duration::from_hours(1), config);
    let (text, table) = (server.text("/metrics"), server.json("/api/v1/table"));
    let rows = table["rows"].as_array().unwrap();
    for (family, figure) in [("poolmon_tag_bytes", "bytes"), ("poolmon_tag_outstanding", "diff")] {
        let all = series(&text, family);
        assert_eq!(all.len(), 11, "{all:?}");
        for (labels, value) in &all[..10] {
            let row = rows.iter().find(|row| labels.contains(row["tag"].as_str().unwrap())).unwrap();
            assert_eq!(row[figure].as_f64(), Some(*value), "{labels}");
        }
        let sum: f64 = rows.iter().map(|row| row[figure].as_f64().unwrap()).sum();
        assert!(all[10].0.contains("tag=\"other\""));
        assert_eq!(all.iter().map(|(_, value)| value).sum::<f64>(), sum, "nothing is lost: {family}");
    }
    assert_eq!(
        series(&text, "poolmon_tag_allocs_total").len(),
        10,
        "a counter of others would seem to reset"
    );
    assert_eq!(series(&text, "poolmon_pool_bytes"), [("{pool=\"nonpaged\"}", 19_900_000.0)]);
    assert_eq!(series(&text, "poolmon_source_up"), [("", 1.0)]);
}

#[test]
fn the_number_of_series_has_a_limit_and_what_is_left_out_is_counted() {
    let rows = (1..100_u64).map(|n| row(Tag::name(&format!("T{n:03}")), n * 1000)).collect();
    let config = ServeConfig { top: 50, max_series: 41, ..ServeConfig::default() };
    let server = Running::new(Fixed::new(sample(rows)), Duration::from_hours(1), config);
    let text = server.text("/metrics");
    // Ten rows of four series fit.
    assert_eq!(series(&text, "poolmon_tag_bytes").len(), 10 + 1);
    assert!(text.contains("poolmon_tag_bytes{tag=\"T099\"") && !text.contains("tag=\"T089\""));
    assert_eq!(series(&text, "poolmon_series_dropped"), [("", 160.0)]);
}

/// `node_exporter` lost whole scrapes by a cache that was listed twice.
#[test]
fn a_name_that_is_listed_twice_is_one_series() {
    let name = || Tag::name("mlx5_fs_ftes");
    let rows = vec![row(name(), 4096), row(name(), 8192), row(Tag::name("other"), 1), row(Tag::name("a"), 5)];
    let server = Running::new(Fixed::new(sample(rows)), Duration::from_hours(1), ServeConfig::default());
    let text = server.text("/metrics");
    let all = series(&text, "poolmon_tag_bytes");
    assert_eq!(all[0], ("{tag=\"mlx5_fs_ftes\",pool=\"nonpaged\"}", 12_288.0));
    assert_eq!(series(&text, "poolmon_duplicate_rows"), [("", 1.0)]);
    let mut labels: Vec<&str> = all.iter().map(|(labels, _)| *labels).collect();
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels.len(), all.len(), "a cache that is called other is part of that row: {all:?}");
}

#[test]
fn hostile_names_stay_labels() {
    let hostile = "a\"} 1\npoolmon_up 1\n# EOF\n\\";
    let rows =
        vec![row(Tag::name(hostile), 4096), row(Tag::pool(*b"\xff\"\n\\"), 50), row(Tag::pool(*b"Irp "), 9)];
    let server = Running::new(Fixed::new(sample(rows)), Duration::from_hours(1), ServeConfig::default());
    let text = server.text("/metrics");
    assert!(series(&text, "poolmon_up").is_empty());
    assert!(text.contains("tag=\"Irp \""), "a blank is part of a tag");
    assert_eq!(series(&text, "poolmon_tag_bytes").len(), 3);
}

/// What is unknown has no series, and a source that fails is shown.
#[test]
fn unknown_is_absent_and_a_failing_source_is_shown() {
    let mut unknown = row(Tag::name("unknown"), 10);
    unknown.counters = Counters { bytes: Some(10), ..Counters::default() };
    let source = Fixed::new(sample(vec![unknown]));
    let broken = std::sync::Arc::clone(&source.broken);
    let server = Running::new(source, Duration::from_millis(20), ServeConfig::default());
    assert!(!server.text("/metrics").contains("poolmon_tag_outstanding"));
    broken.store(true, Ordering::Relaxed);
    let down = |server: &Running| {
        (series(&server.text("/metrics"), "poolmon_source_up") == [("", 0.0)]).then_some(())
    };
    server.wait("the source is down", down);
    let text = server.text("/metrics");
    assert_eq!(series(&text, "poolmon_tag_bytes").len(), 1, "the last figures stay, with their age");
    assert_eq!(server.get("/-/ready", &[]).code, 503);
    assert_eq!(server.get("/-/healthy", &[]).code, 200);
    let status = server.json("/api/v1/status");
    assert!(status["failing"]["error"].as_str().unwrap().contains("/proc/slabinfo"), "{status}");
    assert!(status["failing"]["since"].is_string());
    broken.store(false, Ordering::Relaxed);
    server.wait("it works again", |server| (server.get("/-/ready", &[]).code == 200).then_some(()));
}
