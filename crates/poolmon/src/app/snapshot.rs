//! `-n FILE`: one snapshot, appended in PoolMon's layout. There are no change columns in it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use poolmon_model::{Sample, Table, column};
use poolmon_print::PrintOptions;
use poolmon_source::Source;

use super::owners::KnownOwners;
use crate::cli::live::LiveArgs;
use crate::input;

/// The file that PoolMon writes if none is named.
pub const DEFAULT_FILE: &str = "poolsnap.log";

/// Takes a sample of `source` and appends it to the file.
pub fn run(
    args: &LiveArgs,
    mut source: Box<dyn Source>,
    file: Option<&PathBuf>,
    owners: &KnownOwners,
) -> anyhow::Result<()> {
    source.want_sessions(args.rows.session.is_some());
    let sample = source.sample()?;
    input::tell_remarks(&sample);
    let mut table = Table::new(None, &sample, &args.rows.filter(), Some(owners));
    table.sort(args.rows.order(&column::TAG));
    let options = PrintOptions {
        totals: args.rows.totals,
        header: args.memory || args.stamp,
        stamp: args.stamp,
        driver: owners.asked_for(),
        ..PrintOptions::default()
    };
    append(file.map_or(Path::new(DEFAULT_FILE), PathBuf::as_path), &sample, &table, options)
}

/// Appends one snapshot to a file.
pub fn append(path: &Path, sample: &Sample, table: &Table, options: PrintOptions) -> anyhow::Result<()> {
    poolmon_print::poolmon::append(path, sample, table, options)
        .with_context(|| format!("cannot write the snapshot to {}", path.display()))
}
