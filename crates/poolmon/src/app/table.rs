//! A table of one sample, printed: what `top`, `replay`, `dump poolused` and a screen without a terminal share.

use std::io::Write as _;

use poolmon_model::group::GroupBy;
use poolmon_model::{Sample, Table, column};
use poolmon_print::groups::{self, Groups};
use poolmon_print::{PrintOptions, TableFormat};

use super::owners;
use crate::app::say::{self, note};
use crate::cli::groups::RowArgs;

/// What of a table is printed, and how.
#[derive(Default)]
pub struct Form {
    /// At most this many rows, or groups.
    pub limit: Option<usize>,
    /// Groups instead of rows.
    pub group: Option<GroupBy>,
    /// See [`PrintOptions::human`].
    pub human: bool,
    /// See [`PrintOptions::no_titles`].
    pub no_titles: bool,
}

/// Derives and prints the table; whether it has a row.
pub fn print(
    rows: &RowArgs,
    form: &Form,
    format: TableFormat,
    before: Option<&Sample>,
    now: &Sample,
    owners: &owners::KnownOwners,
) -> anyhow::Result<bool> {
    let filter = rows.filter();
    if let Some(doubt) = filter.search.doubt(before.is_some() || !now.reported_deltas.is_empty()) {
        note!("--search: {doubt}");
    }
    let mut table = Table::new(before, now, &filter, Some(owners));
    let mut order = rows.order(&column::BYTES);
    if rows.sort.is_none() && !rows.by_change {
        order.first_pool = now.first_pool;
    }
    table.sort(order);
    let groups = form.group.map(|by| Groups::of(&table, by, order, form.limit));
    if let Some(limit) = form.limit.filter(|_| groups.is_none()) {
        table.rows.truncate(limit);
    }
    let told = table.rows.iter().any(|row| row.row.reported_owner.is_some());
    let options = PrintOptions {
        totals: rows.totals,
        header: rows.totals || format == TableFormat::Poolmon,
        stamp: format == TableFormat::Poolmon,
        driver: owners.asked_for() || told,
        no_titles: form.no_titles,
        human: form.human,
    };
    let mut out = say::out(format == TableFormat::Table);
    match &groups {
        None => poolmon_print::write_painted(&mut out, format, now, &table, options)?,
        Some(list) => groups::write(&mut out, format, now, (&table, list), options)?,
    }
    out.flush()?;
    Ok(!table.rows.is_empty())
}
