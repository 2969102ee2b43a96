//! `DuckDB`, pyarrow and Polars open what is exported and find the same sums and slopes.
//!
//! `POOLMON_PYTHON` names a Python that has them; `tests/tools.sh` makes one, and `./check` runs it.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "small numbers of a test"
)]
#![cfg(feature = "parquet")]

mod common;

use std::collections::BTreeMap;
use std::process::Command;

use common::{moment, sample};
use poolmon_store::export::{self, ExportFormat, ExportOptions};
use poolmon_store::{Recorder, RecorderConfig, Recording};
use poolmon_testkit::{Need, skip};

/// Exact sums of one series.
#[derive(Default)]
struct Sums {
    n: i128,
    allocs: i128,
    frees: i128,
    diff: i128,
    bytes: i128,
    t: i128,
    tt: i128,
    ty: i128,
}

#[test]
fn other_tools_agree() {
    let Some(python) = std::env::var_os("POOLMON_PYTHON") else {
        skip(Need::Python, "POOLMON_PYTHON is not set (./check sets it)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (mut recorder, _) = Recorder::open(folder.path(), RecorderConfig::default()).unwrap();
    let mut series: BTreeMap<(String, String), Sums> = BTreeMap::new();
    for n in 0..3000 {
        let sample = sample(n);
        recorder.record_at(&sample, moment(n)).unwrap();
        for row in &sample.rows {
            let sums = series.entry((row.tag.to_string(), row.pool.id().to_owned())).or_default();
            let (t, y) = (i128::from(n), i128::from(row.counters.bytes.unwrap()));
            sums.n += 1;
            sums.allocs += i128::from(row.counters.allocs.unwrap());
            sums.frees += i128::from(row.counters.frees.unwrap());
            sums.diff += i128::from(row.counters.diff(sample.width).unwrap());
            sums.bytes += y;
            sums.t += t;
            sums.tt += t * t;
            sums.ty += t * y;
        }
    }
    recorder.close().unwrap();
    let recording = Recording::open(folder.path()).unwrap();
    let options = ExportOptions::default();
    let at = |name: &str| folder.path().join(name);
    for (format, name) in
        [(ExportFormat::Csv, "a.csv"), (ExportFormat::Tsv, "a.tsv"), (ExportFormat::JsonLines, "a.jsonl")]
    {
        export::write_file(&recording, format, &options, &at(name)).unwrap();
    }
    export::parquet::write(&recording, &options, &at("a.parquet"), &mut || {}).unwrap();
    let expected: Vec<_> = series
        .iter()
        .map(|((tag, pool), sums)| {
            let over = sums.n * sums.ty - sums.t * sums.bytes;
            let under = sums.n * sums.tt - sums.t * sums.t;
            serde_json::json!({
                "key": [tag, pool],
                "n": i64::try_from(sums.n).unwrap(),
                "allocs": i64::try_from(sums.allocs).unwrap(),
                "frees": i64::try_from(sums.frees).unwrap(),
                "diff": i64::try_from(sums.diff).unwrap(),
                "bytes": i64::try_from(sums.bytes).unwrap(),
                "slope": over as f64 / under as f64,
            })
        })
        .collect();
    std::fs::write(at("expected.json"), serde_json::to_string(&expected).unwrap()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools.py");
    let out = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    print!("{}", String::from_utf8_lossy(&out.stdout));
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(String::from_utf8_lossy(&out.stdout).lines().count(), 11);
}
