//! `-n FILE`: one snapshot, appended in PoolMon's layout. There are no change columns in it.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use poolmon_model::{Sample, Table, column};
use poolmon_print::{PrintOptions, TableFormat};
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

/// Appends one snapshot to a file, whole or not at all as far as one write can.
pub fn append(path: &Path, sample: &Sample, table: &Table, options: PrintOptions) -> anyhow::Result<()> {
    let mut text = Vec::new();
    poolmon_print::write(&mut text, TableFormat::Poolmon, sample, table, options)?;
    let cannot = || format!("cannot write the snapshot to {}", path.display());
    let is_new = !path.exists();
    let mut file = OpenOptions::new().create(true).append(true).open(path).with_context(cannot)?;
    let before = file.metadata().map(|about| about.len());
    let written = file.write_all(&text).and_then(|()| match file.sync_data() {
        // A pipe or a device has nothing to sync.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other,
    });
    if written.is_err() && path.is_file() {
        // A part of a snapshot would be read as a whole one.
        let _ = match before {
            _ if is_new => std::fs::remove_file(path),
            Ok(length) => file.set_len(length),
            Err(_) => Ok(()),
        };
    }
    written.with_context(cannot)
}
