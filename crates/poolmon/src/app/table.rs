//! A table of one sample, printed: what `top`, `replay`, `dump poolused` and a screen without a terminal share.

use std::io::Write as _;

use poolmon_model::{Sample, Table, column};
use poolmon_print::{PrintOptions, TableFormat};

use super::owners;
use crate::app::say;
use crate::cli::groups::RowArgs;

/// Derives and prints the table; whether it has a row.
pub fn print(
    rows: &RowArgs,
    limit: Option<usize>,
    format: TableFormat,
    before: Option<&Sample>,
    now: &Sample,
    owners: &owners::KnownOwners,
) -> anyhow::Result<bool> {
    let mut table = Table::new(before, now, &rows.filter(), Some(owners));
    let mut order = rows.order(&column::BYTES);
    if rows.sort.is_none() && !rows.by_change {
        order.first_pool = now.first_pool;
    }
    table.sort(order);
    if let Some(limit) = limit {
        table.rows.truncate(limit);
    }
    let told = table.rows.iter().any(|row| row.row.reported_owner.is_some());
    let options = PrintOptions {
        totals: rows.totals,
        header: rows.totals || format == TableFormat::Poolmon,
        stamp: format == TableFormat::Poolmon,
        driver: owners.asked_for() || told,
    };
    let mut out = say::out(format == TableFormat::Table);
    poolmon_print::write(&mut out, format, now, &table, options)?;
    out.flush()?;
    Ok(!table.rows.is_empty())
}
