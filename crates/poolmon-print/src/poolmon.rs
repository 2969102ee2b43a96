//! The wide snapshot layout of today's PoolMon (`-n`), so that scripts that parse its logs go on working.
//!
//! Right edges of the figures: Allocs 30, Frees 49, Diff 67, Bytes 82, Per Alloc 99; `Mapped_Driver` from 107.
//! There are no change columns in it. Linux rows keep the layout with longer names and add a Used column.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use poolmon_model::header::FIGURES;
use poolmon_model::units::day_and_time;
use poolmon_model::{Coverage, Header, Pool, Sample, Table, TableRow};

use crate::PrintOptions;

/// Writes one snapshot: an optional comment line with time and host, optional memory figures, columns, rows.
pub fn write(out: &mut dyn Write, sample: &Sample, table: &Table, options: PrintOptions) -> io::Result<()> {
    if options.stamp {
        writeln!(out, "{}", stamp(sample))?;
    }
    if options.header {
        header(out, &table.header)?;
    }
    let used = table.rows.iter().any(|row| row.row.counters.used.is_some());
    out.write_all(b"\n Tag  Type     Allocs            Frees               Diff            Bytes                 Per Alloc")?;
    if used {
        write!(out, "{:>15}", "Used")?;
    }
    out.write_all(if options.driver { b"       Mapped_Driver\n\n" } else { b"\n\n" })?;
    for row in &table.rows {
        write_row(out, row, used, options)?;
    }
    if options.totals {
        out.write_all(b"\n")?;
        for totals in &table.totals {
            let counters = totals.counters;
            write!(out, " TOTAL {:<5}", totals.pool.short())?;
            figures(out, 18, [counters.allocs.map(i128::from), counters.frees.map(i128::from)])?;
            write!(out, "{:>18}{:>15}", shown(counters.reported_diff), shown(counters.bytes))?;
            out.write_all(b"\n")?;
            if let Some(untagged) = totals.untagged {
                writeln!(
                    out,
                    " TOTAL {:<5} bytes that no tag accounts for: {untagged}",
                    totals.pool.short()
                )?;
            }
        }
    }
    Ok(())
}

/// Appends one snapshot to a file, whole or not at all as far as one write can.
///
/// # Errors
///
/// Those of the file; what was written of the snapshot is taken back.
pub fn append(path: &Path, sample: &Sample, table: &Table, options: PrintOptions) -> io::Result<()> {
    let mut text = Vec::new();
    write(&mut text, sample, table, options)?;
    let is_new = !path.exists();
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
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
    written
}

/// `# poolmon 1 time=… host=… boot=… system="…"`: what PoolMon's own logs lack.
pub fn stamp(sample: &Sample) -> String {
    let mut line = String::from("# poolmon 1");
    let of_day = day_and_time(sample.time);
    add(&mut line, "time", of_day.or_else(|| Some(sample.time?.to_string())));
    add(&mut line, "host", sample.origin.host.clone());
    add(&mut line, "boot", sample.origin.boot.clone());
    add(&mut line, "system", sample.origin.system.clone());
    line
}

/// Figures of the machine that rows do not have, by name, in bytes and whole numbers: `uptime_ms=… memory_total=… percpu=…`. With
/// the stamp, they are all that a log or a table needs to be the same sample again.
pub fn machine(sample: &Sample) -> String {
    let mut line = String::new();
    add(&mut line, "uptime_ms", sample.uptime.map(|uptime| uptime.as_millis().to_string()));
    for figure in FIGURES {
        add(&mut line, figure.id, (figure.get)(&sample.header).map(|value| value.to_string()));
    }
    line
}

/// The same with what a table has no column for: the system, and which rows it leaves out.
pub fn machine_and_system(sample: &Sample, coverage: Coverage) -> String {
    let mut line = machine(sample);
    add(&mut line, "system", sample.origin.system.clone());
    add(&mut line, "unlisted", coverage.words());
    line
}

fn add(line: &mut String, name: &str, value: Option<String>) {
    if let Some(value) = value {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend([name, "=", &quoted(&value)]);
    }
}

/// A value in quotes where it holds blanks; quotes and control characters cannot break the line.
fn quoted(value: &str) -> String {
    let clean: String = value.chars().map(|c| if c.is_control() || c == '"' { '_' } else { c }).collect();
    if clean.contains(' ') { format!("\"{clean}\"") } else { clean }
}

/// PoolMon's two lines of memory figures, in K; figures that are unknown are left out.
pub fn header(out: &mut dyn Write, header: &Header) -> io::Result<()> {
    for parts in header.poolmon_lines(header.page_faults.map(u64::cast_signed)) {
        if !parts.is_empty() {
            for (label, value) in parts {
                write!(out, "{label}{value}")?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}

fn write_row(out: &mut dyn Write, row: &TableRow, used: bool, options: PrintOptions) -> io::Result<()> {
    let counters = row.row.counters;
    let windows = matches!(row.row.pool, Pool::Nonpaged | Pool::Paged);
    let tag = row.row.tag.to_string();
    if windows {
        write!(out, " {tag} {:<5}", row.row.pool.short())?;
    } else {
        // Names longer than a tag push Type to the right; a blank inside a name would split it.
        write!(out, " {:<4} {:<5}", tag.replace(' ', "_"), row.row.pool.short())?;
    }
    figures(out, 19, [counters.allocs.map(i128::from), counters.frees.map(i128::from)])?;
    write!(out, "{:>18}{:>15}{:>17}", shown(row.diff()), shown(counters.bytes), shown(row.per_alloc()))?;
    if used {
        write!(out, "{:>15}", shown(counters.used))?;
    }
    if options.driver {
        write!(out, "        {}", row.owner().unwrap_or("Unknown Driver"))?;
        return out.write_all(b"\n");
    }
    // PoolMon leaves the blanks before the missing column: Microsoft's support scripts look for rows that end in them.
    out.write_all(b"        \n")
}

fn figures(out: &mut dyn Write, width: usize, figures: [Option<i128>; 2]) -> io::Result<()> {
    for (n, figure) in figures.into_iter().enumerate() {
        let width = if n == 0 { width } else { 19 };
        // One blank at least, however wide the number before it grew.
        write!(out, " {:>1$}", shown(figure), width - 1)?;
    }
    Ok(())
}

fn shown(figure: Option<impl std::fmt::Display>) -> String {
    figure.map_or_else(|| "-".into(), |figure| figure.to_string())
}
