//! `big`: large allocations, which have no pool header and are in a table of their own.

use std::io::Write as _;

use poolmon_dump::Dump;
use poolmon_render::dump::big::{self as render, BigFormat};

use crate::app::outcome::Outcome;
use crate::app::owners;
use crate::app::say::{self, note, warning};
use crate::cli::dump::{BigArgs, ListFormat};
use crate::cli::groups::RowArgs;
use crate::input;

/// Prints the allocations of a tag, largest first, or the sums of all tags; exit code 1 if some may be missing.
pub fn run(dump: &Dump, args: &BigArgs) -> anyhow::Result<Outcome> {
    let mut big = dump.big_pool(args.tag).map_err(|error| input::dump::named(error, dump.path()))?;
    for said in big.warnings.iter().chain(&big.notes) {
        warning!("{said}");
    }
    big.allocations.sort_by_key(|one| (std::cmp::Reverse(one.bytes), one.address));
    let owners = owners::load_or_find(&RowArgs::default())?;
    let mut out = say::out(args.format == ListFormat::Table);
    let limit = args.limit.unwrap_or(usize::MAX);
    match args.tag {
        Some(tag) => render::one_tag(&mut out, dump, &big, tag, args.format.into(), limit)?,
        None => render::sums(&mut out, &big, args.format.into(), limit, &owners)?,
    }
    out.flush()?;
    for note in render::notes(&big, args.tag, &owners) {
        note!("{note}");
    }
    Ok(Outcome::done_if(
        big.absent.total() == 0 && !big.cut && !big.allocations.is_empty() && dump.warnings().is_empty(),
    ))
}

impl From<ListFormat> for BigFormat {
    fn from(format: ListFormat) -> Self {
        match format {
            ListFormat::Table => Self::Table,
            ListFormat::Csv => Self::Csv,
            ListFormat::Tsv => Self::Tsv,
            ListFormat::Json => Self::Json,
        }
    }
}
