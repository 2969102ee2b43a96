//! `poolmon top`: one table, of this machine or of a saved file.

use std::io::{self, Write as _};
use std::thread;
use std::time::Duration;

use pool_model::{PoolView, Sample, Table, column};
use pool_print::{Format, Options};

use crate::args::{FormatArg, RowArgs, TopArgs};
use crate::{input, owners};

/// Prints the table.
pub fn run(args: &TopArgs) -> anyhow::Result<()> {
    let owners = owners::load(&args.rows)?;
    let (before, now) = match &args.file {
        Some(path) => input::last_two(path)?,
        None => sample_this_machine(args.rows.filter().view, args.rows.session.is_some(), args.over)?,
    };
    input::tell_remarks(&now);
    if args.rows.by_change && before.is_none() && now.told_deltas.is_empty() {
        eprintln!("poolmon: one snapshot has no change to sort by; {}", where_change_comes_from(args));
    }
    print(&args.rows, args.limit, args.format.into(), before.as_ref(), &now, &owners)
}

fn where_change_comes_from(args: &TopArgs) -> &'static str {
    if args.file.is_some() { "the file would need two" } else { "add --over 5s" }
}

/// Two samples `over` apart, or one.
fn sample_this_machine(
    view: PoolView,
    sessions: bool,
    over: Option<Duration>,
) -> anyhow::Result<(Option<Sample>, Sample)> {
    let mut source = input::live(view)?;
    source.want_sessions(sessions);
    let now = source.sample()?;
    let Some(over) = over else { return Ok((None, now)) };
    thread::sleep(over);
    let later = source.sample()?;
    Ok((Some(now), later))
}

/// Derives and prints the table; also what `live` does where there is no screen.
pub fn print(
    rows: &RowArgs,
    limit: Option<usize>,
    format: Format,
    before: Option<&Sample>,
    now: &Sample,
    owners: &owners::Known,
) -> anyhow::Result<()> {
    let mut table = Table::new(before, now, &rows.filter(), Some(owners.labeler()));
    table.sort(rows.order(&column::BYTES));
    if let Some(limit) = limit {
        table.rows.truncate(limit);
    }
    let told = table.rows.iter().any(|row| row.row.told_owner.is_some());
    let options = Options {
        totals: rows.totals,
        header: rows.totals || format == Format::Poolmon,
        stamp: format == Format::Poolmon,
        driver: owners.asked_for() || told,
    };
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    pool_print::write(&mut out, format, now, &table, options)?;
    out.flush()?;
    Ok(())
}

impl From<FormatArg> for Format {
    fn from(arg: FormatArg) -> Self {
        match arg {
            FormatArg::Table => Self::Table,
            FormatArg::Tsv => Self::Tsv,
            FormatArg::Csv => Self::Csv,
            FormatArg::Json => Self::Json,
            FormatArg::Poolmon => Self::Poolmon,
        }
    }
}
