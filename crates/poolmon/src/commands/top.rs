//! `poolmon top`: one table, of this machine or of a saved file.

use std::path::Path;
use std::thread;
use std::time::Duration;

use poolmon_model::{PoolView, Sample};

use crate::app::{owners, table};
use crate::cli::top::{FormatArg, TopArgs};
use crate::input;
use crate::input::kind::Kind;

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
    table::print(&rows, args.limit, args.format.into(), before.as_ref(), &now, &owners)
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
    table::print(&args.rows, args.limit, args.format.into(), None, &used.sample, &owners)?;
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
