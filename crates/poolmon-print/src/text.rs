//! Aligned text for people: every figure whole, units in the title, changes in parentheses.

use std::io::{self, Write};

use poolmon_model::column::Unit;
use poolmon_model::problem::shell_word;
use poolmon_model::sample::STANDARD_INPUT;
use poolmon_model::units::{counted, grouped, grouped_change, grouped_signed, human_bytes, human_change};
use poolmon_model::{
    Column, FIGURES, Figure, Header, Pool, Sample, SourceKind, Table, TableRow, Totals, Value, column, header,
};

use crate::paint::{Ink, Line, Paint};
use crate::{PrintOptions, poolmon};

/// Writes the table; columns are as wide as their content.
pub fn write(out: &mut dyn Ink, sample: &Sample, table: &Table, options: PrintOptions) -> io::Result<()> {
    framed(out, sample, table, options, |out| rows(out, table, options))
}

/// Writes what is around the lines of a table: figures of the machine, legends, totals.
pub(crate) fn framed(
    out: &mut dyn Ink,
    sample: &Sample,
    table: &Table,
    options: PrintOptions,
    lines: impl FnOnce(&mut dyn Ink) -> io::Result<()>,
) -> io::Result<()> {
    if sample.origin.kind == SourceKind::Simulated {
        writeln!(out, "SIMULATED: these figures are not from this machine.")?;
    }
    if options.header {
        poolmon::header(out, &table.header)?;
        linux_header(out, &table.header)?;
    }
    if sample.rows.is_empty() && sample.sessions.is_empty() && !sample.header.is_empty() {
        if !options.header {
            poolmon::header(out, &table.header)?;
            linux_header(out, &table.header)?;
        }
        // What was piped cannot be read a second time.
        let file = sample.origin.file.as_deref().filter(|file| *file != STANDARD_INPUT).unwrap_or("FILE");
        let leaks = format!("poolmon leaks {}", shell_word(file));
        return writeln!(out, "(only figures of the machine, no rows; how they changed: {leaks})");
    }
    lines(out)?;
    // With `--limit 0`, rows match and none is wanted.
    if table.rows.is_empty() && table.totals.iter().all(|totals| totals.rows == 0) {
        writeln!(out, "(no row matches the filter)")?;
    }
    if table.rows.iter().any(|row| row.row.counters.inexact) {
        writeln!(out, "~ not exact: the source reports these figures as incomplete or rounded.")?;
    } else if table.rows.iter().any(TableRow::is_inexact) {
        writeln!(out, "~ Diff is not exact: a 32-bit counter of the kernel wrapped while Bytes are held.")?;
    }
    if options.totals {
        totals(out, table)?;
    }
    Ok(())
}

fn rows(out: &mut dyn Ink, table: &Table, options: PrintOptions) -> io::Result<()> {
    let changes = crate::has_changes(table);
    let mut columns = Vec::new();
    for column in crate::columns(table, options.driver) {
        let rows = || table.rows.iter().map(|row| (row, row.is_marked(column.id)));
        columns.push(Cells::values(column, rows(), options));
        let known = || table.rows.iter().any(|row| column.change(row) != Value::Unknown);
        if changes && !column.is(&column::PER_ALLOC) && known() {
            let rows = table.rows.iter().map(|row| (row, pool_bytes(table, [row.row.pool])));
            columns.push(Cells::changes(column, rows, options));
        }
    }
    lines(out, &columns, table.rows.len(), options)
}

/// What the rows of these pools hold, as far as the table shows them.
pub(crate) fn pool_bytes(table: &Table, pools: impl IntoIterator<Item = Pool>) -> u64 {
    let held = |pool: Pool| {
        let shown = table.totals.iter().find(|totals| totals.pool == pool);
        let shown = shown.and_then(|totals| totals.counters.bytes).unwrap_or(0);
        table.header.pool_total(pool).unwrap_or(shown).max(shown)
    };
    pools.into_iter().map(held).fold(0, u64::saturating_add)
}

/// Writes N lines of columns, and their titles.
pub(crate) fn lines(
    out: &mut dyn Ink,
    columns: &[Cells],
    count: usize,
    options: PrintOptions,
) -> io::Result<()> {
    let mut line = Line::default();
    if !options.no_titles {
        for column in columns {
            column.put(&mut line, &column.title, Some(Paint::Title));
        }
        line.end(out)?;
    }
    for at in 0..count {
        for column in columns {
            let paint = column.paints.get(at).copied().flatten();
            column.put(&mut line, column.texts.get(at).map_or("", String::as_str), paint);
        }
        line.end(out)?;
    }
    Ok(())
}

/// What Linux counts of its kernel's memory, in one line after PoolMon's two.
fn linux_header(out: &mut dyn Write, header: &Header) -> io::Result<()> {
    let figures = header::FIGURES.iter().skip_while(|figure| figure.id != "slab_reclaimable");
    let mut line = String::new();
    for figure in figures {
        if let Some(bytes) = (figure.get)(header) {
            line.extend([" ", figure.title, ":", &(bytes / 1024).to_string(), "K"]);
        }
    }
    if line.is_empty() { Ok(()) } else { writeln!(out, "{line}") }
}

/// The totals by pool, with what no tag accounts for.
fn totals(out: &mut dyn Write, table: &Table) -> io::Result<()> {
    writeln!(out)?;
    for totals in &table.totals {
        write!(out, "Total {}: {}", totals.pool.long(), counted(totals.rows as u64, "row"))?;
        for figure in FIGURES {
            total(out, figure, totals)?;
        }
        writeln!(out)?;
        if let Some(untagged) = totals.untagged {
            writeln!(
                out,
                "  no tag accounts for {} bytes ({}) of the {}",
                grouped(untagged),
                human_bytes(untagged),
                totals.pool.long(),
            )?;
        }
    }
    Ok(())
}

/// `, 4,961 outstanding`; bytes with a unit, and their change.
fn total(out: &mut dyn Write, figure: &Figure, totals: &Totals) -> io::Result<()> {
    let (unit, noun) = (figure.unit, figure.noun);
    let blank = if noun.is_empty() { "" } else { " " };
    match figure.stored_value(&totals.counters) {
        Value::Count(bytes) if unit == Unit::Bytes => {
            write!(out, ", {} bytes{blank}{noun} ({})", grouped(bytes), human_bytes(bytes))?;
            if let Some(change) = totals.delta.as_ref().and_then(figure.change) {
                write!(out, ", change {} ({})", grouped_change(change), human_change(change))?;
            }
            Ok(())
        }
        Value::Count(count) => write!(out, ", {}{blank}{noun}", grouped(count)),
        Value::Signed(count) => write!(out, ", {}{blank}{noun}", grouped_signed(count)),
        Value::Unknown | Value::Text(_) | Value::Share(_) => Ok(()),
    }
}

/// One column, formatted.
pub(crate) struct Cells {
    title: String,
    texts: Vec<String>,
    /// What the cells mean; empty if none does.
    paints: Vec<Option<Paint>>,
    width: usize,
    left: bool,
}

impl Cells {
    /// Values of rows, and whether they are marked as inexact.
    pub fn values<'a>(
        column: &Column,
        rows: impl Iterator<Item = (&'a TableRow, bool)>,
        options: PrintOptions,
    ) -> Self {
        let cells = rows.map(|(row, marked)| {
            let value = column.value(row);
            let text = match value {
                _ if column.is(&column::POOL) => return row.row.pool.short().to_owned(),
                Value::Count(bytes) if options.human && column.unit == Unit::Bytes => human_bytes(bytes),
                value => value.plain().into_owned(),
            };
            if marked { format!("~{text}") } else { text }
        });
        Self::new(column.title.into(), cells.collect(), column.unit == Unit::Text)
    }

    /// Changes of rows, in parentheses, and of how many bytes the pools of each are.
    pub fn changes<'a>(
        column: &Column,
        rows: impl Iterator<Item = (&'a TableRow, u64)> + Clone,
        options: PrintOptions,
    ) -> Self {
        let paints = rows.clone().map(|(row, pools)| change_paint(column, row, pools)).collect();
        let cells = rows.map(|(row, _)| match column.change(row) {
            Value::Unknown => String::new(),
            Value::Signed(change) if options.human && column.unit == Unit::Bytes => {
                format!("({})", human_change(change))
            }
            Value::Signed(signed) if signed > 0 => format!("(+{signed})"),
            value => format!("({})", value.plain()),
        });
        Self { paints, ..Self::new("(+/-)".into(), cells.collect(), false) }
    }

    pub fn new(title: String, cells: Vec<String>, left: bool) -> Self {
        let width =
            cells.iter().map(|cell| cell.chars().count()).chain([title.chars().count()]).max().unwrap_or(0);
        Self { title, texts: cells, paints: Vec::new(), width, left }
    }

    fn put(&self, line: &mut Line, cell: &str, paint: Option<Paint>) {
        let pad = self.width.saturating_sub(cell.chars().count());
        if !line.is_empty() {
            line.blanks(2);
        }
        if self.left {
            line.push(cell, paint);
            line.blanks(pad);
        } else {
            line.blanks(pad);
            line.push(cell, paint);
        }
    }
}

/// What a change means: beside its row and its pool, as on the screen. Allocs and frees count what came and went, not what stays.
fn change_paint(column: &Column, row: &TableRow, pools: u64) -> Option<Paint> {
    let Value::Signed(change) = column.change(row) else { return None };
    if change == 0 {
        return Some(Paint::Faint);
    }
    if column.is(&column::ALLOCS) || column.is(&column::FREES) {
        return None;
    }
    let bytes = row.delta.and_then(|delta| delta.bytes).filter(|bytes| (*bytes > 0) == (change > 0))?;
    Paint::of_change(bytes, row.row.counters.bytes.unwrap_or(0), pools)
}
