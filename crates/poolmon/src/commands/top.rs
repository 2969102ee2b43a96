//! `poolmon top`: one table, of this machine or of a saved file.

use std::time::{Duration, Instant};

use poolmon_model::group::GroupBy;
use poolmon_model::{PoolView, Sample, copies};
use poolmon_read::{ReadOptions, SamplePair};
use poolmon_record::Stop;

use crate::app::outcome::Outcome;
use crate::app::say::note;
use crate::app::{limits, owners, table};
use crate::cli::top::{FormatArg, GroupArg, TopArgs};
use crate::input::{self, FileMoment};

/// Prints the table; exit code 1 if a dump lacks some of its figures, no sample is of `--at` or a limit cannot be checked, 3 if one is
/// exceeded.
pub fn run(args: &TopArgs) -> anyhow::Result<Outcome> {
    let owners = owners::load(&args.rows)?;
    let mut rows = args.rows.clone();
    if cfg!(target_os = "linux") && args.file.is_none() {
        // As slabtop: vmalloc areas and call sites cost the kernel several times as much to list.
        rows.which.pool.get_or_insert(PoolView::Slab);
    }
    let mut interrupted = false;
    let mut found = match &args.file {
        Some(path) => {
            let keep_undated = args.at.is_none() && args.over.is_none();
            let options = ReadOptions { keep_undated, ..ReadOptions::default() };
            input::at(std::slice::from_ref(path), args.at.as_deref(), args.over, options)?
        }
        None => sample_this_machine(rows.filter().view, rows.session.is_some(), args.over, &mut interrupted)?,
    };
    // A person who names a copy wants to see it.
    if !args.no_fold && !args.rows.which.include.iter().any(|tag| copies::names_a_copy(tag)) {
        found.pair.before.iter_mut().for_each(|before| _ = copies::fold(before));
        copies::fold(&mut found.pair.now);
    }
    let SamplePair { before, now, .. } = &found.pair;
    input::tell_remarks(now);
    if args.file.is_some() && args.format == FormatArg::Table && !found.one_moment {
        input::tell_moment(&found.pair, args.at.as_deref());
    }
    if args.format == FormatArg::Table && args.rows.which.pool.is_none() && rows.which.pool.is_some() {
        tell_what_is_left_out(now);
    }
    if args.rows.by_change && found.one_moment {
        note!("a dump is one sample: there is no change to sort by; `poolmon diff` compares two");
    } else if args.rows.by_change && before.is_none() && now.reported_deltas.is_empty() {
        note!("one snapshot has no change to sort by; {}", where_change_comes_from(args));
    }
    let form = table::Form {
        limit: args.limit,
        group: args.group.map(|GroupArg::Owner| GroupBy::Owner),
        human: args.human,
        no_titles: args.no_header,
    };
    table::print(&rows, &form, args.format.into(), before.as_ref(), now, &owners)?;
    if let Some(outcome) = limits::checked(&args.fail_on.limits, now) {
        return Ok(outcome);
    }
    Ok(Outcome::done_if(found.complete && found.pair.outside.is_none()).if_not(interrupted))
}

/// A table of slab caches says how much it does not show, so that a leak elsewhere is not overlooked.
fn tell_what_is_left_out(now: &Sample) {
    let slab = now.header.slab_reclaimable.unwrap_or(0) + now.header.slab_unreclaimable.unwrap_or(0);
    if let Some(vmalloc) = now.header.vmalloc_used.filter(|&vmalloc| vmalloc > slab / 4) {
        note!(
            "these are the slab caches; vmalloc holds {} more (--pool vmalloc, or --pool all)",
            poolmon_model::units::human_bytes(vmalloc)
        );
    }
}

fn where_change_comes_from(args: &TopArgs) -> &'static str {
    if args.file.is_some() { "the file would need two" } else { "add --over 5s" }
}

/// Two samples `over` apart, or less if that is interrupted, or one.
fn sample_this_machine(
    view: PoolView,
    sessions: bool,
    over: Option<Duration>,
    interrupted: &mut bool,
) -> anyhow::Result<FileMoment> {
    input::tell_unread_pipe("top");
    let mut source = input::live(view)?;
    source.want_sessions(sessions);
    let first = source.sample()?;
    let (before, now) = match over {
        None => (None, first),
        Some(over) => {
            let stop = Stop::on_signals()?;
            *interrupted = stop.wait_until(Instant::now() + over);
            stop.done();
            (Some(first), source.sample()?)
        }
    };
    let pair = SamplePair { before, now, too_early: None, outside: None };
    Ok(FileMoment { pair, complete: true, one_moment: false, file_date: false })
}
