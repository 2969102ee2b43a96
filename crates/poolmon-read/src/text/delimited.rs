//! CSV and TSV: a header line names the columns, in any order and case; one row a pool, or one row a tag.

mod cell;

use std::borrow::Cow;

use poolmon_model::{CounterWidth, Counters, Delta, Figure, Pool, PoolTag, Tag, figure, formula};

use super::build::{TableScope, agrees};
use super::fields::Fields;
use super::numbers::FileNumbers;
use super::poolmon::{short, tag_text};
use cell::{Numbers, in_unit, in_units, looks_like_figure, value, whole};

/// What a column's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TableFigure {
    /// A figure that is stored.
    Stored(&'static Figure),
    /// Per Alloc, which is derived: here it only checks the row.
    PerAlloc,
    /// Bytes in units of two to this power: `KB`.
    InUnits(u32),
}

const BYTES: TableFigure = TableFigure::Stored(&figure::BYTES);
const USED: TableFigure = TableFigure::Stored(&figure::USED);
const DIFF: TableFigure = TableFigure::Stored(&figure::DIFF);

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TableColumn {
    Ignored,
    Tag,
    Pool,
    Time,
    Host,
    Boot,
    Session,
    /// The four bytes of a tag as a number; a row that has none is no tag of Windows.
    RawTag,
    Owner,
    Binary,
    About,
    /// Figures of the machine by name, as poolmon exports them.
    Header,
    /// A figure of the row's pool.
    Plain(TableFigure),
    /// A figure of the nonpaged pool, in a table with one row a tag.
    Nonpaged(TableFigure),
    /// The same of the paged pool.
    Paged(TableFigure),
    /// A change that was reported.
    Change(TableFigure),
    /// A figure that follows from others of the row: a sum of both pools, the change of one.
    Derived,
}

/// The columns of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableColumns {
    separator: u8,
    fields: Vec<TableColumn>,
    /// Fields that a row has at least.
    least: usize,
    /// One row a tag, both pools next to each other.
    wide: bool,
    /// There is a column with raw tags.
    raw: bool,
    /// There is a column with sessions.
    pub(super) sessions: bool,
    /// Columns that are not known: their places and names.
    unknown: Vec<(usize, String)>,
    /// How the file writes large numbers.
    numbers: FileNumbers,
}

/// One row's cells.
#[derive(Default)]
pub(super) struct TableCells<'a> {
    tag: Cow<'a, [u8]>,
    raw: Option<PoolTag>,
    pool: Option<Pool>,
    plain: Counters,
    halves: [Counters; 2],
    /// Changes that were reported.
    pub(super) change: Delta,
    /// As the file has it.
    pub(super) time: Cow<'a, [u8]>,
    /// Computer's name.
    pub(super) host: Cow<'a, [u8]>,
    /// Differs from boot to boot; `None` in a table without such a column.
    pub(super) boot: Option<Cow<'a, [u8]>>,
    /// Terminal Services session.
    pub(super) session: Option<u32>,
    owner: Cow<'a, [u8]>,
    binary: Cow<'a, [u8]>,
    about: Cow<'a, [u8]>,
    /// Figures of the machine, by name.
    pub(super) header: Cow<'a, [u8]>,
}

/// What is not right with a row, or was not read of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RowTrouble {
    /// A figure is in a larger unit: `8.58 GB`, `8996000 KB`.
    pub(super) unit: bool,
}

/// Most columns that a header line may have: a table of pool tags has a dozen or two.
const MOST: usize = 1000;

/// Reads a header line. `None` if it is none.
pub(super) fn columns(line: &[u8]) -> Option<TableColumns> {
    if line.len() > 64 * 1024 || !line.windows(3).any(|three| three.eq_ignore_ascii_case(b"tag")) {
        return None;
    }
    b"\t;,|".iter().find_map(|&separator| with(line, separator))
}

fn with(line: &[u8], separator: u8) -> Option<TableColumns> {
    if memchr::memchr_iter(separator, line).take(MOST).count() == MOST {
        return None;
    }
    let mut columns = Vec::new();
    let mut unknown = Vec::new();
    let mut rest = Fields::new(line, separator).peekable();
    while let Some(field) = rest.next() {
        let field = without_nuls(field);
        // A separator after the last column, too.
        if field.is_empty() && rest.peek().is_none() && columns.len() > 1 {
            break;
        }
        // A screen whose columns became tabs has empty columns and blanks before the tabs: that is no TSV.
        if field.is_empty() || (separator == b'\t' && field.ends_with(b" ")) {
            return None;
        }
        let mut column = named(&field);
        let mut name: String = String::from_utf8_lossy(&field).trim().chars().take(40).collect();
        // Of two columns of one name, the first is read.
        if !matches!(column, TableColumn::Ignored | TableColumn::Derived) && columns.contains(&column) {
            column = TableColumn::Ignored;
            name += " (the second of that name)";
        }
        if column == TableColumn::Ignored {
            unknown.push((columns.len(), name));
        }
        columns.push(column);
    }
    // Next to bytes, the same in KB says nothing more.
    for half in
        [TableColumn::Plain as fn(TableFigure) -> TableColumn, TableColumn::Nonpaged, TableColumn::Paged]
    {
        let mut known = columns.contains(&half(BYTES))
            || (half(BYTES) == TableColumn::Plain(BYTES) && columns.contains(&half(USED)));
        for column in &mut columns {
            let in_units = (10..50).step_by(10).any(|unit| *column == half(TableFigure::InUnits(unit)));
            if in_units && std::mem::replace(&mut known, true) {
                *column = TableColumn::Derived;
            }
        }
    }
    let has = |column: TableColumn| columns.contains(&column);
    let count = |test: fn(&TableColumn) -> bool| columns.iter().filter(|column| test(column)).count();
    let plain = count(|column| matches!(column, TableColumn::Plain(_)));
    // Scripts that watch one figure of one pool write one such column.
    let halves = count(|column| matches!(column, TableColumn::Nonpaged(_) | TableColumn::Paged(_)));
    let wide = halves >= 2 || (halves == 1 && !has(TableColumn::Pool) && plain == 0);
    if !has(TableColumn::Tag) || !(wide || (has(TableColumn::Pool) && plain > 0)) {
        return None;
    }
    if !has(TableColumn::Plain(BYTES)) {
        // `used` alone is what is held; next to `bytes` it is what live objects fill.
        for column in columns.iter_mut().filter(|column| **column == TableColumn::Plain(USED)) {
            *column = TableColumn::Plain(BYTES);
        }
    }
    let needed = |column: &TableColumn| {
        matches!(
            column,
            TableColumn::Tag | TableColumn::Plain(_) | TableColumn::Nonpaged(_) | TableColumn::Paged(_)
        ) || (*column == TableColumn::Pool && !wide)
    };
    let least = columns.iter().rposition(needed)? + 1;
    let [raw, sessions] = [TableColumn::RawTag, TableColumn::Session].map(|column| columns.contains(&column));
    let numbers = FileNumbers::default();
    Some(TableColumns { separator, fields: columns, least, wide, raw, sessions, unknown, numbers })
}

/// `PoolMonX` writes a NUL behind each cell.
fn without_nuls(field: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if memchr::memchr(0, &field).is_none() {
        return field;
    }
    let mut bytes: &[u8] = &field;
    while let [0, rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., 0] = bytes {
        bytes = rest;
    }
    Cow::Owned(bytes.to_vec())
}

/// What a column of this name holds: case, blanks, dashes and underscores do not count.
fn named(field: &[u8]) -> TableColumn {
    let letters: Vec<u8> =
        field.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
    let name = std::str::from_utf8(&letters).unwrap_or_default();
    match name {
        "tag" | "pooltag" | "tagname" => return TableColumn::Tag,
        "pool" | "type" | "pooltype" => return TableColumn::Pool,
        "time" | "timestamp" | "datetime" | "date" | "sampletime" => return TableColumn::Time,
        "host" | "hostname" | "computer" | "computername" | "machine" | "machinename" | "server"
        | "servername" | "node" | "nodename" | "pscomputername" => return TableColumn::Host,
        "boot" => return TableColumn::Boot,
        "session" | "sessionid" => return TableColumn::Session,
        "tagraw" => return TableColumn::RawTag,
        "header" => return TableColumn::Header,
        "mappeddriver" | "driver" | "owner" => return TableColumn::Owner,
        "binary" | "source" | "module" => return TableColumn::Binary,
        "description" | "sourcedescription" => return TableColumn::About,
        _ => {}
    }
    // System Informer writes `Paged bytes (total)` and `Paged bytes (delta)`.
    let name = name.strip_suffix("total").filter(|name| !name.is_empty()).unwrap_or(name);
    for end in ["delta", "change"] {
        if let Some(figure) = name.strip_suffix(end).and_then(table_figure) {
            return TableColumn::Change(figure);
        }
    }
    if let Some(figure) = table_figure(name) {
        return TableColumn::Plain(figure);
    }
    // With one row a tag, `used` is what a pool holds.
    let half = |rest: &str| table_figure(rest).map(|figure| if figure == USED { BYTES } else { figure });
    for (start, column) in [
        ("nonpaged", TableColumn::Nonpaged as fn(TableFigure) -> TableColumn),
        ("npaged", TableColumn::Nonpaged),
        ("nonp", TableColumn::Nonpaged),
        ("paged", TableColumn::Paged),
    ] {
        if let Some(figure) = name.strip_prefix(start).and_then(half) {
            return column(figure);
        }
        // What follows from other columns: a change, bytes in another unit, a pool's sum.
        let rest =
            name.strip_prefix(start).map(|rest| rest.trim_end_matches("delta").trim_end_matches("change"));
        if rest.is_some_and(|rest| half(rest).is_some()) {
            return TableColumn::Derived;
        }
    }
    let sum = name.strip_prefix("total").or_else(|| name.strip_prefix("combined")).and_then(table_figure);
    if sum.is_some() || matches!(name, "line" | "index") {
        return TableColumn::Derived;
    }
    TableColumn::Ignored
}

/// The unit that a column of bytes names, as a power of two: 10 for `KB`, `(KiB)`.
pub(super) fn unit(title: &[u8]) -> Option<u32> {
    match named(title) {
        TableColumn::Plain(TableFigure::InUnits(unit)) => Some(unit),
        _ => None,
    }
}

/// The figure of this name, as the table of figures knows it.
fn table_figure(name: &str) -> Option<TableFigure> {
    if figure::PER_ALLOC_ALIASES.contains(&name) {
        return Some(TableFigure::PerAlloc);
    }
    if let Some(figure) = figure::by_alias(name) {
        return Some(TableFigure::Stored(figure));
    }
    // `KBytes`, `Bytes (KB)`, `Size MiB`.
    let units: [(&[&str], u32); 4] = [
        (&["kbytes", "kb", "kib"], 10),
        (&["mbytes", "mb", "mib"], 20),
        (&["gbytes", "gb", "gib"], 30),
        (&["tbytes", "tb", "tib"], 40),
    ];
    let is_bytes = |rest: &str| {
        rest.is_empty()
            || figure::by_alias(rest).is_some_and(|it| [BYTES, USED].contains(&TableFigure::Stored(it)))
    };
    let (_, unit) = units
        .into_iter()
        .find(|(names, _)| names.iter().any(|end| name.strip_suffix(end).is_some_and(is_bytes)))?;
    Some(TableFigure::InUnits(unit))
}

impl TableColumns {
    /// Reads a row. `None` where it is broken.
    pub(super) fn row<'a>(&self, line: &'a [u8], trouble: &mut RowTrouble) -> Option<TableCells<'a>> {
        let mut cells = TableCells::default();
        let mut count = 0;
        let mut numbers = (self.numbers, trouble);
        for field in Fields::new(line, self.separator) {
            let field = unguarded(without_nuls(field));
            let Some(column) = self.fields.get(count) else {
                // More fields than columns: something was not quoted. Empty ones at the end are harmless.
                if field.is_empty() {
                    continue;
                }
                return None;
            };
            count += 1;
            match *column {
                TableColumn::Ignored | TableColumn::Derived => {}
                TableColumn::Tag => cells.tag = field,
                TableColumn::Pool if self.wide => {}
                TableColumn::Pool => cells.pool = Some(Pool::parse(std::str::from_utf8(&field).ok()?)?),
                TableColumn::Time => cells.time = field,
                TableColumn::Host => cells.host = field,
                TableColumn::Boot => cells.boot = Some(field),
                TableColumn::Session => cells.session = whole(&field).ok()?,
                TableColumn::RawTag => cells.raw = whole(&field).ok()?.map(PoolTag::from_u32),
                TableColumn::Header => cells.header = field,
                TableColumn::Owner => cells.owner = field,
                TableColumn::Binary => cells.binary = field,
                TableColumn::About => cells.about = field,
                TableColumn::Plain(figure) => set(&mut cells.plain, figure, &field, &mut numbers)?,
                TableColumn::Nonpaged(figure) => {
                    set(cells.halves.first_mut()?, figure, &field, &mut numbers)?;
                }
                TableColumn::Paged(figure) => set(cells.halves.last_mut()?, figure, &field, &mut numbers)?,
                TableColumn::Change(figure) => change(&mut cells.change, figure, &field, &mut numbers)?,
            }
        }
        (count >= self.least).then_some(cells)
    }

    /// The pools of a row with their figures; a tag that has nothing in a pool has no row there, as in PoolMon.
    pub(super) fn rows(&self, cells: &TableCells<'_>) -> Option<[Option<(Tag, Pool, Counters)>; 2]> {
        if !self.wide {
            let pool = cells.pool?;
            let tag = match cells.raw {
                Some(raw) => Tag::Pool(raw),
                None if self.raw => name(&cells.tag)?,
                None => tag(&cells.tag, pool)?,
            };
            return Some([Some((tag, pool, cells.plain)), None]);
        }
        let tag = Tag::from(short(&cells.tag)?);
        let pools = [Pool::Nonpaged, Pool::Paged];
        let mut rows = [None, None];
        for ((row, pool), reported) in rows.iter_mut().zip(pools).zip(cells.halves) {
            if !reported.is_zero() {
                *row = Some((tag.clone(), pool, reported));
            }
        }
        Some(rows)
    }

    /// Fields of a line.
    pub(super) fn count(&self, line: &[u8]) -> usize {
        Fields::new(line, self.separator).count()
    }

    /// Whether a byte is what is between its fields.
    pub(super) fn is_separator(&self, byte: u8) -> bool {
        byte == self.separator
    }

    /// Fields that a row has at least.
    pub(super) fn least(&self) -> usize {
        self.least
    }

    /// Whether a line has a field for each column.
    pub(super) fn is_full(&self, line: &[u8]) -> bool {
        self.count(line) == self.fields.len()
    }

    /// Whether a line has more fields than there are columns.
    pub(super) fn has_too_many(&self, line: &[u8]) -> bool {
        self.count(line) > self.fields.len()
    }

    /// Whether these are the columns of another line and further ones that are known.
    pub(super) fn extends(&self, other: &Self) -> bool {
        self.separator == other.separator
            && self.unknown.len() <= other.unknown.len()
            && (self.fields.len() > other.fields.len() || self.unknown.len() < other.unknown.len())
            && self.fields.len() >= other.fields.len()
    }

    /// Whether fewer of these columns are not known.
    pub(super) fn names_more_than(&self, other: &Self) -> bool {
        self.fields.len() == other.fields.len() && self.unknown.len() < other.unknown.len()
    }

    /// Whether a line ends with a figure of its row.
    pub(super) fn has_figure_at_end(&self, line: &[u8]) -> bool {
        let last = self.count(line).checked_sub(1).and_then(|last| self.fields.get(last));
        matches!(last, Some(TableColumn::Plain(_) | TableColumn::Nonpaged(_) | TableColumn::Paged(_)))
    }

    /// Takes the figure out of a row that a line ends with.
    pub(super) fn forget_last_figure(&self, line: &[u8], row: &mut Counters) {
        let last = self.count(line).checked_sub(1).and_then(|last| self.fields.get(last));
        if let Some(TableColumn::Plain(figure) | TableColumn::Nonpaged(figure) | TableColumn::Paged(figure)) =
            last
        {
            match figure {
                TableFigure::Stored(figure) => _ = (figure.set)(row, None),
                TableFigure::InUnits(_) => row.bytes = None,
                TableFigure::PerAlloc => row.reported_per_alloc = None,
            }
        }
    }

    /// Whether other figures of the row show that the one a line ends with is whole.
    pub(super) fn confirms_last(&self, line: &[u8], row: &Counters) -> bool {
        let last = self.count(line).checked_sub(1).and_then(|last| self.fields.get(last));
        let Some(TableColumn::Plain(last)) = last else { return false };
        match last {
            TableFigure::PerAlloc => agrees(row) == Some(true),
            TableFigure::InUnits(_) => false,
            TableFigure::Stored(_) if *last == DIFF => {
                let plain = Counters { reported_diff: None, ..*row };
                row.reported_diff.is_some() && plain.diff(CounterWidth::Bits32) == row.reported_diff
            }
            // No longer figure begins with 0.
            TableFigure::Stored(figure) => {
                (figure.get)(row, CounterWidth::Bits64).is_some_and(|value| value == 0)
            }
        }
    }

    /// Whether a line ends with a figure, which may go on.
    pub(super) fn is_open(&self, line: &[u8]) -> bool {
        let last = self.count(line).checked_sub(1).and_then(|last| self.fields.get(last));
        last.is_some_and(|last| {
            !matches!(
                last,
                TableColumn::Owner | TableColumn::Binary | TableColumn::About | TableColumn::Header
            )
        })
    }

    /// In a file that writes large numbers like this.
    pub(super) fn with_numbers(self, numbers: FileNumbers) -> Self {
        Self { numbers, ..self }
    }

    /// Names of columns that are not known and hold figures in this row.
    pub(super) fn unknown_figures(&self, line: &[u8]) -> Vec<&str> {
        // What poolmon derives for its exports is known to it.
        if self.unknown.is_empty() || self.is_export() {
            return Vec::new();
        }
        let fields: Vec<Cow<'_, [u8]>> = Fields::new(line, self.separator).map(without_nuls).collect();
        let is_figure = |at: usize| fields.get(at).is_some_and(|field| looks_like_figure(field));
        self.unknown.iter().filter(|(at, _)| is_figure(*at)).map(|(_, name)| name.as_str()).collect()
    }

    /// What a line has in columns that are not known and hold no figures: it may say whose row it is.
    pub(super) fn unknown_texts(&self, line: &[u8]) -> Vec<Box<[u8]>> {
        if self.unknown.is_empty() {
            return Vec::new();
        }
        let fields: Vec<Cow<'_, [u8]>> = Fields::new(line, self.separator).map(without_nuls).collect();
        let texts =
            self.unknown.iter().map(|(at, _)| fields.get(*at).map_or(&b""[..], |field| field.trim_ascii()));
        texts.map(|text| if looks_like_figure(text) { Box::default() } else { text.into() }).collect()
    }

    /// The name of the column that differs between two rows' [`TableColumns::unknown_texts`].
    pub(super) fn differing(&self, a: &[Box<[u8]>], b: &[Box<[u8]>]) -> Option<&str> {
        let differ = |at: &usize| a.get(*at).zip(b.get(*at)).is_some_and(|(a, b)| a != b);
        (0..a.len()).find(differ).and_then(|at| self.unknown.get(at)).map(|(_, name)| name.as_str())
    }

    /// Whether a row that cannot be read holds such a figure.
    pub(super) fn holds(&self, line: &[u8], such: fn(&[u8]) -> bool) -> bool {
        self.fields.iter().zip(Fields::new(line, self.separator)).any(|(column, field)| {
            let is_figure =
                matches!(column, TableColumn::Plain(_) | TableColumn::Nonpaged(_) | TableColumn::Paged(_));
            is_figure && such(&field)
        })
    }

    /// Whether it is what poolmon writes of a recording.
    fn is_export(&self) -> bool {
        self.raw && self.fields.contains(&TableColumn::Boot)
    }

    /// What the table says of rows that it does not have.
    pub(super) fn scope(&self) -> TableScope {
        if self.is_export() {
            TableScope::Everything
        } else if self.has_both_pools() {
            TableScope::BothPools
        } else {
            TableScope::Rows
        }
    }

    /// Whether a row says what the tag holds of both pools.
    fn has_both_pools(&self) -> bool {
        let has = |test: fn(&TableColumn) -> bool| self.fields.iter().any(test);
        self.wide
            && has(|column| matches!(column, TableColumn::Nonpaged(_)))
            && has(|column| matches!(column, TableColumn::Paged(_)))
    }

    /// Whether a row's last field is a figure, which may be cut short where the line has no end.
    pub(super) fn ends_with_figure(&self) -> bool {
        !matches!(
            self.fields.last(),
            Some(TableColumn::Ignored | TableColumn::Owner | TableColumn::Binary | TableColumn::About)
        )
    }
}

impl TableCells<'_> {
    /// Owner as PoolMon prints it: `[x.sys - what it is]`.
    pub(super) fn owner(&self) -> Cow<'_, [u8]> {
        let (binary, about) = (self.binary.trim_ascii(), self.about.trim_ascii());
        match (binary, about) {
            _ if !self.owner.is_empty() => Cow::Borrowed(&self.owner),
            (b"", b"") => Cow::Borrowed(b""),
            (b"", text) | (text, b"") => Cow::Owned([b"[", text, b"]"].concat()),
            (binary, about) => Cow::Owned([b"[", binary, b" - ", about, b"]"].concat()),
        }
    }
}

/// A tag, or a name where it is longer than a tag or the pool is not of Windows.
fn tag(text: &[u8], pool: Pool) -> Option<Tag> {
    let windows = matches!(pool, Pool::Nonpaged | Pool::Paged);
    let trimmed = text.trim_ascii_end();
    if let Some(tag) = tag_text(text, pool).filter(|_| windows).or_else(|| tag_text(trimmed, pool)) {
        return Some(tag);
    }
    name(trimmed)
}

fn name(text: &[u8]) -> Option<Tag> {
    let text = text.trim_ascii_end();
    (!text.is_empty()).then(|| Tag::name(&String::from_utf8_lossy(text)))
}

fn set(row: &mut Counters, which: TableFigure, text: &[u8], numbers: &mut Numbers<'_>) -> Option<()> {
    match which {
        // Other tools print fractions; it is derived anyway.
        TableFigure::PerAlloc => {
            row.reported_per_alloc =
                value(text, numbers).ok().flatten().and_then(|value| u64::try_from(value).ok());
            Some(())
        }
        // `8.58 GB` outstanding are no allocations.
        TableFigure::Stored(_) if which == DIFF && in_unit(text.trim_ascii(), numbers.0).is_some() => {
            match row.bytes {
                Some(_) => None,
                None => set(row, BYTES, text, numbers),
            }
        }
        TableFigure::Stored(figure) => (figure.set)(row, value(text, numbers).ok()?).then_some(()),
        TableFigure::InUnits(unit) => {
            let bytes = match value(text, numbers) {
                Ok(figure) => {
                    figure.map(|figure| figure.checked_mul(1 << unit).ok_or(())).transpose().ok()?
                }
                Err(_) => Some(in_units(text, unit, numbers.0)?.0),
            };
            numbers.1.unit |= bytes.is_some();
            (figure::BYTES.set)(row, bytes).then_some(())
        }
    }
}

fn change(delta: &mut Delta, which: TableFigure, text: &[u8], numbers: &mut Numbers<'_>) -> Option<()> {
    let value = value(text, numbers).ok()?.map(i64::try_from).transpose().ok()?;
    match which {
        TableFigure::PerAlloc => delta.per_alloc = value,
        TableFigure::InUnits(unit) => delta.bytes = value.and_then(|value| value.checked_mul(1 << unit)),
        TableFigure::Stored(figure) => *(figure.change_mut)(delta) = value,
    }
    Some(())
}

#[cfg(test)]
mod tests;

/// The field without the apostrophe that keeps spreadsheets from computing it.
fn unguarded(field: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if field.first() != Some(&b'\'') {
        return field;
    }
    match std::str::from_utf8(&field).map(|text| text.len() - formula::unguarded(text).len()) {
        Ok(1) => Cow::Owned(field.get(1..).unwrap_or_default().to_vec()),
        _ => field,
    }
}
