//! CSV (RFC 4180) and TSV: every column of the registry, changes next to values, unknown figures empty.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use poolmon_model::{Sample, Table, Value, column, formula};

/// Writes the rows. The first columns name time and host if the sample reports them, so that files can be joined.
pub fn write(out: &mut dyn Write, separator: u8, sample: &Sample, table: &Table) -> io::Result<()> {
    let changes = crate::has_changes(table);
    let time = sample.time.map(|time| time.to_string());
    let host = sample.origin.host.as_deref();
    let mut line = LineWriter::new(out, separator);
    line.optional(time.as_deref().map(|_| "time"))?;
    line.optional(host.map(|_| "host"))?;
    for column in column::COLUMNS {
        line.field(column.id)?;
        if changes && column.has_change() {
            line.field(&format!("{}_change", column.id))?;
        }
    }
    line.field("inexact")?;
    line.end()?;
    for row in &table.rows {
        line.optional(time.as_deref())?;
        line.optional(host)?;
        for column in column::COLUMNS {
            if column.is(&column::DRIVER) {
                line.field(&row.owner_parts().map(|parts| parts.plain()).unwrap_or_default())?;
                continue;
            }
            line.value(&column.value(row))?;
            if changes && column.has_change() {
                line.value(&column.change(row))?;
            }
        }
        line.field(if row.is_inexact() { "true" } else { "false" })?;
        line.end()?;
    }
    Ok(())
}

static RAW: AtomicBool = AtomicBool::new(false);

/// Whether all tables of this program are written for programs alone: text as it is, also what a spreadsheet computes.
pub fn raw(wanted: bool) {
    RAW.store(wanted, Ordering::Relaxed);
}

/// Lines of CSV or TSV; fields are quoted if they have to be.
pub struct LineWriter<'a> {
    out: &'a mut dyn Write,
    separator: u8,
    first: bool,
}

impl<'a> LineWriter<'a> {
    /// Before the first line; the separator is a comma or a tab.
    pub fn new(out: &'a mut dyn Write, separator: u8) -> Self {
        Self { out, separator, first: true }
    }

    /// Writes a whole line.
    ///
    /// # Errors
    ///
    /// Those of the writer behind it.
    pub fn line(&mut self, fields: &[impl AsRef<str>]) -> io::Result<()> {
        fields.iter().try_for_each(|field| self.field(field.as_ref()))?;
        self.end()
    }

    fn separate(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.first) { Ok(()) } else { self.out.write_all(&[self.separator]) }
    }

    pub(crate) fn optional(&mut self, text: Option<&str>) -> io::Result<()> {
        text.map_or(Ok(()), |text| self.field(text))
    }

    /// Writes a figure or text plain, for programs; unknown is an empty field.
    ///
    /// # Errors
    ///
    /// Those of the writer behind it.
    pub fn value(&mut self, value: &Value<'_>) -> io::Result<()> {
        match value {
            Value::Unknown => self.field(""),
            // A share is a number here, not a text with a percent sign.
            Value::Share(share) => self.field(&format!("{share:.4}")),
            Value::Count(count) => self.number(Some(count)),
            Value::Signed(signed) => self.number(Some(signed)),
            Value::Text(text) => self.field(text),
        }
    }

    /// Writes a number; `None` is an empty field.
    ///
    /// # Errors
    ///
    /// Those of the writer behind it.
    pub fn number(&mut self, number: Option<impl fmt::Display>) -> io::Result<()> {
        self.separate()?;
        number.map_or(Ok(()), |number| write!(self.out, "{number}"))
    }

    /// Writes one field of a line; a text that a spreadsheet would compute begins with an apostrophe, unless [`raw`] was asked for.
    ///
    /// # Errors
    ///
    /// Those of the writer behind it.
    pub fn field(&mut self, text: &str) -> io::Result<()> {
        self.separate()?;
        let guarded = if RAW.load(Ordering::Relaxed) { Cow::Borrowed(text) } else { formula::guarded(text) };
        let text = guarded.as_ref();
        let special = |b: u8| b == self.separator || matches!(b, b'"' | b'\n' | b'\r');
        // Blanks at an end are part of a tag (`Irp `): quotes keep spreadsheets from trimming them.
        let quoted = text.bytes().any(special) || text.starts_with(' ') || text.ends_with(' ');
        if quoted {
            write!(self.out, "\"{}\"", text.replace('"', "\"\""))
        } else {
            self.out.write_all(text.as_bytes())
        }
    }

    /// Ends a line.
    ///
    /// # Errors
    ///
    /// Those of the writer behind it.
    pub fn end(&mut self) -> io::Result<()> {
        self.first = true;
        self.out.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_computes_nothing() {
        let mut out = Vec::new();
        let mut line = LineWriter::new(&mut out, b',');
        for text in ["=HYPERLINK(\"x\")", "+1|A", "-1+1", "Ntfx"] {
            line.field(text).unwrap();
        }
        line.number(Some(-5)).unwrap();
        line.field("-0.25").unwrap();
        line.end().unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "\"'=HYPERLINK(\"\"x\"\")\",'+1|A,'-1+1,Ntfx,-5,-0.25\n");
    }
}
