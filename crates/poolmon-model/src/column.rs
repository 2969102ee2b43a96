//! The column registry: one definition of every column feeds every output.

use std::borrow::Cow;

use crate::TableRow;

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// The source does not tell this figure.
    Unknown,
    /// Text.
    Text(Cow<'a, str>),
    /// A count that is never negative.
    Count(u64),
    /// A count or a change that can be negative.
    Signed(i64),
    /// A share, 0.0 to 1.0.
    Share(f64),
}

impl Value<'_> {
    /// The value as a number to sort by.
    pub fn number(&self) -> Option<i128> {
        match *self {
            Self::Count(count) => Some(count.into()),
            Self::Signed(signed) => Some(signed.into()),
            #[expect(clippy::cast_possible_truncation, reason = "a share of at most a few thousand percent")]
            Self::Share(share) => Some((share * 1e9) as i128),
            Self::Unknown | Self::Text(_) => None,
        }
    }

    /// The value as plain text: what tables, CSV and PoolMon logs print. Unknown is `-`.
    pub fn plain(&self) -> Cow<'_, str> {
        match self {
            Self::Unknown => "-".into(),
            Self::Text(text) => text.as_ref().into(),
            Self::Count(count) => count.to_string().into(),
            Self::Signed(signed) => signed.to_string().into(),
            Self::Share(share) => format!("{:.1}%", share * 100.0).into(),
        }
    }
}

/// Unit of a column's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Text, no figure.
    Text,
    /// A count of allocations or frees.
    Count,
    /// Bytes.
    Bytes,
    /// Percent.
    Percent,
}

/// One column: every output takes name, title, unit, order and value from here.
#[derive(Debug)]
pub struct Column {
    /// Name on the command line, in CSV, TSV and JSON.
    pub id: &'static str,
    /// Title on the screen and in text tables.
    pub title: &'static str,
    /// Unit of its figures.
    pub unit: Unit,
    /// Sorted from the largest down.
    pub falling: bool,
    /// One line for help and legends.
    pub about: &'static str,
    /// Reads the value.
    pub value: fn(&TableRow) -> Value<'_>,
    /// Reads its change since the earlier sample, where the column has one.
    pub change: Option<fn(&TableRow) -> Value<'_>>,
}

fn count(figure: Option<u64>) -> Value<'static> {
    figure.map_or(Value::Unknown, Value::Count)
}

fn signed(figure: Option<i64>) -> Value<'static> {
    figure.map_or(Value::Unknown, Value::Signed)
}

fn text(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::Unknown, |text| Value::Text(text.into()))
}

/// The tag, or the name on Linux.
pub static TAG: Column = Column {
    id: "tag",
    title: "Tag",
    unit: Unit::Text,
    falling: false,
    about: "pool tag, slab cache, vmalloc caller or call site",
    value: |row| Value::Text(row.row.tag.to_string().into()),
    change: None,
};

/// The pool.
pub static POOL: Column = Column {
    id: "pool",
    title: "Type",
    unit: Unit::Text,
    falling: false,
    about: "nonpaged or paged pool; reclaimable or unreclaimable slab, vmalloc, call site",
    value: |row| Value::Text(row.row.pool.id().into()),
    change: None,
};

/// Allocations since boot.
pub static ALLOCS: Column = Column {
    id: "allocs",
    title: "Allocs",
    unit: Unit::Count,
    falling: true,
    about: "allocations since boot",
    value: |row| count(row.row.counters.allocs),
    change: Some(|row| signed(row.delta.and_then(|delta| delta.allocs))),
};

/// Frees since boot.
pub static FREES: Column = Column {
    id: "frees",
    title: "Frees",
    unit: Unit::Count,
    falling: true,
    about: "frees since boot",
    value: |row| count(row.row.counters.frees),
    change: Some(|row| signed(row.delta.and_then(|delta| delta.frees))),
};

/// Outstanding allocations.
pub static DIFF: Column = Column {
    id: "diff",
    title: "Diff",
    unit: Unit::Count,
    falling: true,
    about: "outstanding allocations: allocs - frees, or live objects",
    value: |row| signed(row.diff()),
    change: Some(|row| signed(row.delta.and_then(|delta| delta.diff))),
};

/// Bytes held.
pub static BYTES: Column = Column {
    id: "bytes",
    title: "Bytes",
    unit: Unit::Bytes,
    falling: true,
    about: "bytes held now; for a slab cache, whole pages",
    value: |row| count(row.row.counters.bytes),
    change: Some(|row| signed(row.delta.and_then(|delta| delta.bytes))),
};

/// Bytes in live objects.
pub static USED: Column = Column {
    id: "used",
    title: "Used",
    unit: Unit::Bytes,
    falling: true,
    about: "bytes in live objects, where the system tells them apart from what is held",
    value: |row| count(row.row.counters.used),
    change: Some(|row| signed(row.delta.and_then(|delta| delta.used))),
};

/// Share of the held bytes in live objects.
pub static FILL: Column = Column {
    id: "fill",
    title: "Fill",
    unit: Unit::Percent,
    falling: false,
    about: "used / bytes: a low share is fragmentation",
    value: |row| row.row.counters.utilisation().map_or(Value::Unknown, Value::Share),
    change: None,
};

/// Bytes per outstanding allocation.
pub static PER_ALLOC: Column = Column {
    id: "per_alloc",
    title: "Per Alloc",
    unit: Unit::Bytes,
    falling: true,
    about: "bytes per outstanding allocation, cut to a whole number; 0 where none is outstanding",
    value: |row| count(row.per_alloc()),
    change: Some(|row| signed(row.delta.and_then(|delta| delta.per_alloc))),
};

/// PoolMon's `Mapped_Driver`.
pub static DRIVER: Column = Column {
    id: "mapped_driver",
    title: "Mapped_Driver",
    unit: Unit::Text,
    falling: false,
    about: "who uses the tag: from pooltag.txt, the built-in table, or the system itself",
    value: |row| text(row.owner()),
    change: None,
};

/// The verdict on the row. Not one of [`COLUMNS`]: only the live screen has the series of samples that it needs.
pub static VERDICT: Column = Column {
    id: "verdict",
    title: "Verdict",
    unit: Unit::Text,
    falling: true,
    about: "whether the row leaks, judged from all samples since the start",
    value: |row| row.verdict.as_ref().map_or(Value::Unknown, |verdict| Value::Signed(verdict.rank())),
    change: None,
};

/// Every column, in the order in which outputs show them.
pub static COLUMNS: &[&Column] =
    &[&TAG, &POOL, &ALLOCS, &FREES, &DIFF, &BYTES, &USED, &FILL, &PER_ALLOC, &DRIVER];

/// The column of this name.
pub fn by_id(id: &str) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.id == id).copied()
}

/// The column that one of PoolMon's sort letters stands for.
pub fn by_key(key: char) -> Option<&'static Column> {
    match key.to_ascii_lowercase() {
        't' => Some(&TAG),
        'a' => Some(&ALLOCS),
        'f' => Some(&FREES),
        'd' | 's' => Some(&DIFF),
        'b' => Some(&BYTES),
        'm' => Some(&PER_ALLOC),
        _ => None,
    }
}

/// Whether a column has anything to say about these rows.
///
/// Columns that only one system fills are left out elsewhere: Used and Fill on Windows, Allocs and Frees on Linux.
pub fn is_told(column: &Column, rows: &[TableRow]) -> bool {
    rows.iter().any(|row| (column.value)(row) != Value::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for column in COLUMNS {
            assert_eq!(by_id(column.id).map(|found| found.title), Some(column.title));
        }
        assert_eq!(by_id("nothing").map(|found| found.id), None);
    }

    #[test]
    fn poolmons_letters() {
        let ids: Vec<_> = "tafdbmsTB".chars().map(|key| by_key(key).map_or("", |column| column.id)).collect();
        assert_eq!(ids, ["tag", "allocs", "frees", "diff", "bytes", "per_alloc", "diff", "tag", "bytes"]);
    }

    #[test]
    fn unknown_is_a_dash() {
        assert_eq!(Value::Unknown.plain(), "-");
        assert_eq!(Value::Share(0.9375).plain(), "93.8%");
    }
}
