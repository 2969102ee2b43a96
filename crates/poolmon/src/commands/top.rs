//! `poolmon top`: one table, of this machine or of a saved file.

use std::io::{self, Write as _};
use std::path::Path;
use std::thread;
use std::time::Duration;

use poolmon_model::{PoolView, Sample, Table, column};
use poolmon_print::{Format, Options};

use crate::args::{FormatArg, RowArgs, TopArgs};
use crate::input::kind::Kind;
use crate::{input, owners};

/// Prints the table.
pub fn run(args: &TopArgs) -> anyhow::Result<()> {
    if let Some(path) = args.file.as_deref()
        && input::kind::of(path).is_ok_and(|kind| kind == Kind::Dump)
    {
        return of_dump(path, args);
    }
    let owners = owners::load(&args.rows)?;
    let mut rows = args.rows.clone();
    if cfg!(target_os = "linux") && args.file.is_none() {
        // As slabtop: vmalloc areas and call sites cost the kernel several times as much to list.
        rows.pool.get_or_insert(PoolView::Slab);
    }
    let (before, now) = match &args.file {
        Some(path) => input::past::moment(path, args.at.as_deref(), args.over)?,
        None => sample_this_machine(rows.filter().view, rows.session.is_some(), args.over)?,
    };
    input::tell_remarks(&now);
    if args.file.is_some() && args.format == FormatArg::Table {
        input::past::tell_moment(before.as_ref(), &now, args.at.as_deref());
    }
    if args.format == FormatArg::Table && args.rows.pool.is_none() && rows.pool.is_some() {
        tell_what_is_left_out(&now);
    }
    if args.rows.by_change && before.is_none() && now.told_deltas.is_empty() {
        eprintln!("poolmon: one snapshot has no change to sort by; {}", where_change_comes_from(args));
    }
    print(&rows, args.limit, args.format.into(), before.as_ref(), &now, &owners)
}

/// The pool table of a dump; exit code 1 where it is not complete.
fn of_dump(path: &Path, args: &TopArgs) -> anyhow::Result<()> {
    let used = input::dump::pool_used(&input::dump::open(path, None)?)?;
    input::tell_remarks(&used.sample);
    if args.rows.by_change {
        eprintln!(
            "poolmon: a dump is one moment: there is no change to sort by; `poolmon diff` compares two"
        );
    }
    let owners = owners::load(&args.rows)?;
    print(&args.rows, args.limit, args.format.into(), None, &used.sample, &owners)?;
    if used.complete { Ok(()) } else { Err(crate::Exit(1).into()) }
}

/// A table of slab caches says how much it does not show, so that a leak elsewhere is not overlooked.
fn tell_what_is_left_out(now: &Sample) {
    let slab = now.header.slab_reclaimable.unwrap_or(0) + now.header.slab_unreclaimable.unwrap_or(0);
    if let Some(vmalloc) = now.header.vmalloc_used.filter(|&vmalloc| vmalloc > slab / 4) {
        eprintln!(
            "poolmon: these are the slab caches; vmalloc holds {} more (--pool vmalloc, or --pool all)",
            poolmon_model::units::human_bytes(vmalloc)
        );
    }
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
    let mut table = Table::new(before, now, &rows.filter(), Some(owners));
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
    poolmon_print::write(&mut out, format, now, &table, options)?;
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
