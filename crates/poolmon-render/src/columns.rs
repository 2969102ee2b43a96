//! Rows of text in columns.

use std::fmt::Write as _;
use std::io;

/// Writes rows of text, each column as wide as its widest cell; the last one is not padded. Those named in `right` are
/// numbers.
pub fn table(out: &mut dyn io::Write, rows: &[Vec<String>], right: &[usize]) -> io::Result<()> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows {
        let mut line = String::new();
        for (at, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            if at > 0 {
                line += "  ";
            }
            let _ = if right.contains(&at) {
                write!(line, "{cell:>width$}")
            } else {
                write!(line, "{cell:<width$}")
            };
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
