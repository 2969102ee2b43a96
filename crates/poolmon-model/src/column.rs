//! The column registry: one definition of every column feeds every output.

use std::borrow::Cow;

use crate::figure::{self, Figure, ScreenPlace};
use crate::{TableRow, Totals};

/// What is in a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// The source does not report this figure.
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

    /// The value in its unit, to be compared with a limit; a share of a half is 0.5.
    #[expect(clippy::cast_precision_loss, reason = "a limit has three digits")]
    pub const fn measure(&self) -> Option<f64> {
        match *self {
            Self::Count(count) => Some(count as f64),
            Self::Signed(signed) => Some(signed as f64),
            Self::Share(share) => Some(share),
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
    /// A text table shows it even if no row knows its value.
    pub always: bool,
    /// Its place on the screen.
    pub screen: ScreenPlace,
    /// What is in its cells.
    cell: Cell,
}

/// What is in the cells of a column.
#[derive(Debug)]
enum Cell {
    /// A figure of the row.
    Figure(&'static Figure),
    /// Something else that a row knows.
    Row {
        value: fn(&TableRow) -> Value<'_>,
        change: Option<fn(&TableRow) -> Value<'_>>,
        total: Option<fn(&Totals) -> Value<'static>>,
    },
}

impl Column {
    /// The column of a figure.
    pub const fn of(figure: &'static Figure) -> Self {
        Self {
            id: figure.id,
            title: figure.title,
            unit: figure.unit,
            falling: true,
            about: figure.about,
            always: figure.always,
            screen: figure.screen,
            cell: Cell::Figure(figure),
        }
    }

    /// A row's value.
    pub fn value<'a>(&self, row: &'a TableRow) -> Value<'a> {
        match &self.cell {
            Cell::Figure(figure) => figure.value(&row.row.counters, row.width),
            Cell::Row { value, .. } => value(row),
        }
    }

    /// Whether its values can be compared with those of an earlier sample.
    pub const fn has_change(&self) -> bool {
        matches!(self.cell, Cell::Figure(_) | Cell::Row { change: Some(_), .. })
    }

    /// A row's change since the earlier sample.
    pub fn change<'a>(&self, row: &'a TableRow) -> Value<'a> {
        match &self.cell {
            Cell::Figure(figure) => row.delta.map_or(Value::Unknown, |delta| figure.change_value(&delta)),
            Cell::Row { change, .. } => change.map_or(Value::Unknown, |change| change(row)),
        }
    }

    /// Value and change in a line of totals.
    pub fn total(&self, totals: &Totals) -> (Value<'static>, Value<'static>) {
        match &self.cell {
            // The sum of the rows' own differences, not the difference of the sums.
            Cell::Figure(figure) => (
                figure.stored_value(&totals.counters),
                totals.delta.map_or(Value::Unknown, |delta| figure.change_value(&delta)),
            ),
            Cell::Row { total, .. } => (total.map_or(Value::Unknown, |total| total(totals)), Value::Unknown),
        }
    }

    /// Whether it is that other column.
    pub fn is(&self, other: &Self) -> bool {
        self.id == other.id
    }
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

/// A column of text.
const TEXT: ScreenPlace = ScreenPlace { width: 8, rank: 0, change_rank: None };

/// The tag, or the name on Linux.
pub static TAG: Column = Column {
    id: "tag",
    title: "Tag",
    unit: Unit::Text,
    falling: false,
    about: "pool tag, slab cache, vmalloc caller or call site",
    always: true,
    screen: ScreenPlace { width: 5, ..TEXT },
    cell: Cell::Row { value: |row| Value::Text(row.row.tag.to_string().into()), change: None, total: None },
};

/// The pool.
pub static POOL: Column = Column {
    id: "pool",
    title: "Type",
    unit: Unit::Text,
    falling: false,
    about: "kind of memory: a Windows pool, or slab, vmalloc, call site",
    always: true,
    screen: ScreenPlace { width: 6, ..TEXT },
    cell: Cell::Row { value: |row| Value::Text(row.row.pool.id().into()), change: None, total: None },
};

/// Allocations since boot.
pub static ALLOCS: Column = Column::of(&figure::ALLOCS);

/// Frees since boot.
pub static FREES: Column = Column::of(&figure::FREES);

/// Outstanding allocations.
pub static DIFF: Column = Column::of(&figure::DIFF);

/// Bytes held.
pub static BYTES: Column = Column::of(&figure::BYTES);

/// Bytes in live objects.
pub static USED: Column = Column::of(&figure::USED);

/// Share of the held bytes in live objects.
pub static FILL: Column = Column {
    id: "fill",
    title: "Fill",
    unit: Unit::Percent,
    falling: false,
    about: "used / bytes: a low share is fragmentation",
    always: false,
    screen: ScreenPlace { width: 7, rank: 90, change_rank: None },
    cell: Cell::Row {
        value: |row| row.row.counters.utilisation().map_or(Value::Unknown, Value::Share),
        change: None,
        total: Some(|totals| totals.counters.utilisation().map_or(Value::Unknown, Value::Share)),
    },
};

/// Bytes per outstanding allocation.
pub static PER_ALLOC: Column = Column {
    id: "per_alloc",
    title: "Per Alloc",
    unit: Unit::Bytes,
    falling: true,
    about: "bytes per outstanding allocation, rounded down; 0 without any",
    always: false,
    screen: ScreenPlace { width: 7, rank: 100, change_rank: None },
    cell: Cell::Row {
        value: |row| count(row.per_alloc()),
        change: Some(|row| signed(row.delta.and_then(|delta| delta.per_alloc))),
        total: None,
    },
};

/// PoolMon's `Mapped_Driver`.
pub static DRIVER: Column = Column {
    id: "mapped_driver",
    title: "Mapped_Driver",
    unit: Unit::Text,
    falling: false,
    about: "owner of the tag: pooltag.txt, the built-in table, the system",
    always: false,
    screen: ScreenPlace { rank: 150, ..TEXT },
    cell: Cell::Row { value: |row| text(row.owner()), change: None, total: None },
};

/// The verdict on the row. Not one of [`COLUMNS`]: only the live screen has the series of samples that it needs.
pub static VERDICT: Column = Column {
    id: "verdict",
    title: "Verdict",
    unit: Unit::Text,
    falling: true,
    about: "whether the row leaks, from all samples since the start",
    always: false,
    screen: ScreenPlace { rank: 5, ..TEXT },
    cell: Cell::Row {
        value: |row| row.verdict.as_ref().map_or(Value::Unknown, |verdict| Value::Signed(verdict.rank())),
        change: None,
        total: None,
    },
};

/// The columns of all figures.
static FIGURE_COLUMNS: [Column; figure::COUNT] = {
    let mut columns = [const { Column::of(&figure::ALLOCS) }; figure::COUNT];
    let mut at = 0;
    while at < figure::COUNT {
        columns[at] = Column::of(figure::FIGURES[at]);
        at += 1;
    }
    columns
};

/// How many columns there are.
pub const COUNT: usize = figure::COUNT + 5;

/// Every column, in the order in which outputs show them: names, figures, what is derived from them, owners.
pub static COLUMNS: [&Column; COUNT] = {
    let mut columns = [&TAG; COUNT];
    columns[1] = &POOL;
    let mut at = 0;
    while at < figure::COUNT {
        columns[2 + at] = &FIGURE_COLUMNS[at];
        at += 1;
    }
    columns[COUNT - 3] = &FILL;
    columns[COUNT - 2] = &PER_ALLOC;
    columns[COUNT - 1] = &DRIVER;
    columns
};

/// The column of this name.
pub fn by_id(id: &str) -> Option<&'static Column> {
    COLUMNS.into_iter().find(|column| column.id == id)
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

/// Whether any of these rows knows a column's value.
///
/// Columns that only one system fills are left out elsewhere: Used and Fill on Windows, Allocs and Frees on Linux.
pub fn is_known(column: &Column, rows: &[TableRow]) -> bool {
    rows.iter().any(|row| column.value(row) != Value::Unknown)
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
