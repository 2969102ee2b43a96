//! One JSON object.

use std::io::{self, Write};

use poolmon_leak::measure::LossKind;
use poolmon_model::Filter;
use poolmon_print::schema;
use serde::Serialize;

use super::{Counted, Measured};

#[derive(Serialize)]
struct Json<'a> {
    schema: &'static str,
    command: &'a str,
    runs: usize,
    /// Runs that ended with another exit code than 0, those that do not count among them.
    failed_runs: u32,
    stopped: bool,
    /// Each object was counted, rather than whole slabs.
    exact: bool,
    seed: u64,
    run_seconds: f64,
    warm_up_runs: usize,
    ambient_seconds: f64,
    /// How sure the intervals are.
    level: f64,
    false_discoveries: f64,
    /// Runs without which a single tag cannot stand out, as many as moved.
    least_runs: usize,
    still_tags: usize,
    tags: Vec<&'a poolmon_leak::measure::Loss>,
}

/// Writes it.
pub fn json(out: &mut dyn Write, measured: &Measured, filter: &Filter, all: bool) -> io::Result<()> {
    let losses = &measured.losses;
    let wanted = |loss: &&poolmon_leak::measure::Loss| {
        (all || loss.kind != LossKind::Noise) && filter.admits_tag(&loss.tag, loss.pool)
    };
    let json = Json {
        schema: schema::MEASURE,
        command: &measured.command,
        runs: losses.pairs,
        failed_runs: measured.failed,
        stopped: measured.stopped,
        exact: measured.counted != Counted::InSlabs,
        seed: measured.seed,
        run_seconds: losses.run_seconds,
        warm_up_runs: losses.warm_up,
        ambient_seconds: losses.ambient_seconds,
        level: losses.level,
        false_discoveries: losses.alpha,
        least_runs: losses.least_runs,
        still_tags: losses.still,
        tags: losses.tags.iter().filter(wanted).collect(),
    };
    crate::json(out, &json)
}
