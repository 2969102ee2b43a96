//! `DuckDB`, pyarrow and Polars over the exports of a recording of this machine: sums and slopes have to be equal.
//!
//! `POOLMON_PYTHON` names a Python that has them; `./check` makes one.

use std::collections::BTreeMap;
use std::process::Command;

use poolmon_model::Sample;
use poolmon_store::Recording;
use serde_json::json;

use crate::kernel::kernel_memory_is_readable;
use crate::{stdout_of, text};
use poolmon_testkit::{Need, skip};

/// Rows, sums of allocs, frees, diff and bytes, points of bytes over time.
type Series = (i64, [i64; 4], Vec<(f64, f64)>);

#[test]
fn other_tools_agree_on_this_machine() {
    let Some(python) = std::env::var_os("POOLMON_PYTHON") else {
        skip(Need::Python, "POOLMON_PYTHON is not set (./check sets it)");
        return;
    };
    if !kernel_memory_is_readable() {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name).to_str().unwrap().to_owned();
    stdout_of(&["record", &at("rec"), "--interval", "100ms", "--for", "3s", "--quiet"]);
    for name in ["a.parquet", "a.csv", "a.tsv", "a.jsonl"] {
        stdout_of(&["export", &at("rec"), "-o", &at(name)]);
    }
    // What is in the recording, not what was exported.
    let mut series: BTreeMap<_, Series> = BTreeMap::new();
    let mut cursor = Recording::open(&temp.path().join("rec")).unwrap().cursor();
    let mut sample = Sample::empty();
    let mut start = None;
    while cursor.next_sample(&mut sample).unwrap() {
        let time = sample.time.unwrap().as_nanosecond();
        let since = (time - *start.get_or_insert(time)) as f64 / 1e9;
        for row in &sample.rows {
            let (number, sums, points) = series.entry((row.tag.to_string(), row.pool.id())).or_default();
            let whole = |figure: Option<u64>| figure.map_or(0, |figure| i64::try_from(figure).unwrap());
            let counters = &row.counters;
            let diff = counters.diff(sample.width).unwrap_or(0);
            let figures = [whole(counters.allocs), whole(counters.frees), diff, whole(counters.bytes)];
            *number += 1;
            sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
            points.push((since, figures[3] as f64));
        }
    }
    let expected: Vec<_> = series
        .iter()
        .map(|((tag, pool), (number, [allocs, frees, diff, bytes], points))| {
            let slope = slope(points);
            json!({ "key": [tag, pool], "n": number, "allocs": allocs, "frees": frees, "diff": diff, "bytes": bytes, "slope": slope })
        })
        .collect();
    assert!(expected.len() > 20);
    std::fs::write(at("expected.json"), serde_json::to_string(&expected).unwrap()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../poolmon-store/tests/tools.py");
    let out = Command::new(python).arg(script).arg(temp.path()).arg("1e-9").output().unwrap();
    let said = text(&out.stdout);
    print!("{said}");
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert_eq!(said.lines().count(), 11);
}

/// Least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let number = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / number;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let over: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    over / points.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>()
}
