//! Which columns are on the screen, where, and how wide: figures always get the room that their digits need.

use std::fmt::{self, Write as _};

use poolmon_model::column::{self, COLUMNS, Column, Unit};
use poolmon_model::group::Group;
use poolmon_model::units::human_bytes;
use poolmon_model::{Sort, Table, TableRow, Tag, Value};

/// What a cell shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// The column's value.
    Value,
    /// Its change, in parentheses.
    Change,
    /// Bytes with a unit.
    Human,
    /// Bytes in five cells, on a screen that has no room for exact ones: `1.07M`.
    Short,
    /// Their change.
    ShortChange,
    /// The last points of bytes.
    Trend,
    /// The driver or module.
    Driver,
    /// What is known of the tag.
    Description,
    /// Whether the row leaks.
    Verdict,
}

/// A column that a person can show, or leave out.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// What it shows.
    pub(crate) kind: CellKind,
    /// Of which column of the registry.
    pub(crate) column: &'static Column,
}

impl PartialEq for Choice {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.column.is(other.column)
    }
}

impl Choice {
    /// All of them, in their order on the screen. The tag is always shown.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        let mut add = |kind, column| all.push(Self { kind, column });
        for column in COLUMNS.into_iter().filter(|it| it.unit != Unit::Text || it.is(&column::POOL)) {
            add(CellKind::Value, column);
            if column.has_change() {
                add(CellKind::Change, column);
            }
        }
        add(CellKind::Human, &column::BYTES);
        add(CellKind::Trend, &column::BYTES);
        add(CellKind::Verdict, &column::VERDICT);
        add(CellKind::Driver, &column::DRIVER);
        add(CellKind::Description, &column::DRIVER);
        all.sort_by_key(|choice| order(choice.kind, choice.column));
        all
    }

    /// Its name in the configuration; of a figure and its change, as in CSV.
    pub fn name(self) -> String {
        match self.kind {
            CellKind::Value | CellKind::Short => self.column.id.to_owned(),
            CellKind::Change | CellKind::ShortChange => format!("{}_change", self.column.id),
            CellKind::Human => "size".to_owned(),
            CellKind::Trend => "trend".to_owned(),
            CellKind::Driver => "driver".to_owned(),
            CellKind::Description => "description".to_owned(),
            CellKind::Verdict => "verdict".to_owned(),
        }
    }

    /// What is in it, in a few words.
    pub(crate) fn about(self) -> &'static str {
        match self.kind {
            CellKind::Value | CellKind::Short | CellKind::Verdict => self.column.about,
            CellKind::Change | CellKind::ShortChange => {
                "its change since the last refresh, or since the baseline"
            }
            CellKind::Human => "bytes, as people read them",
            CellKind::Trend => "bytes of the last refreshes",
            CellKind::Driver => "the driver or module that the row belongs to",
            CellKind::Description => "what is known of the tag",
        }
    }
}

/// What a table is laid out for.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Cells of a line.
    pub width: u16,
    /// The order of the rows.
    pub sort: Sort,
    /// The driver comes before other columns.
    pub show_driver: bool,
    /// There are points for a trend.
    pub trend: bool,
    /// Columns that are scrolled out to the left.
    pub skip: usize,
    /// The columns that a person chose; `None` = those that say most and fit.
    pub chosen: Option<&'a [Choice]>,
}

/// One column on the screen.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// What it shows.
    pub kind: CellKind,
    /// Of which column of the registry.
    pub column: &'static Column,
    /// First cell.
    pub x: u16,
    /// Cells, the gap before it included.
    pub width: u16,
}

/// Columns on the screen, from left to right.
#[derive(Clone, Debug, Default)]
pub struct ColumnLayout {
    /// The columns.
    pub places: Vec<Place>,
    /// Columns with figures for which there is no room.
    pub hidden: usize,
}

impl ColumnLayout {
    /// Whether such a column is on the screen.
    pub fn has(&self, kind: CellKind) -> bool {
        self.places.iter().any(|place| place.kind == kind)
    }
}

const N: usize = column::COUNT;

/// A narrower screen has the columns of [`Widths::narrow`].
const NARROW: u16 = 50;
/// Cells of [`CellKind::Short`] and [`CellKind::ShortChange`] with the gap before them, and the mark or sign.
const SHORT: u16 = 7;
/// The narrowest column of verdicts, with its gap.
const SHORT_VERDICT: u16 = 7;

// Ranks of what is not a column of the registry, among `ScreenPlace::rank`.
/// Without allocs, the change of Diff tells most about a row.
const CHANGE_OF_DIFF: u8 = 60;
/// The driver, if it was asked for.
const SHOWN_DRIVER: u8 = 70;
const HUMAN: u8 = 130;
const TREND: u8 = 140;
const DESCRIPTION: u8 = 160;

/// How much room the rows need.
#[derive(Clone, Debug, Default)]
pub struct Widths {
    value: [u16; N],
    change: [u16; N],
    driver: u16,
    description: u16,
    verdict: u16,
    /// Names of groups with the number of their rows.
    group: u16,
    /// Tags are names of any length.
    pub names: bool,
}

/// Counts what is written.
struct Counter(u16);

impl fmt::Write for Counter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(chars(text));
        Ok(())
    }
}

fn chars(text: &str) -> u16 {
    u16::try_from(text.chars().count()).unwrap_or(u16::MAX)
}

/// Cells that a value takes; 0 = unknown.
fn cells(value: &Value<'_>) -> u16 {
    let digits = |n: u64| u16::try_from(n.checked_ilog10().unwrap_or(0)).unwrap_or(0) + 1;
    match value {
        Value::Unknown => 0,
        Value::Text(text) => chars(text),
        Value::Count(n) => digits(*n),
        Value::Signed(n) => digits(n.unsigned_abs()) + u16::from(*n < 0),
        Value::Share(_) => 6,
    }
}

/// Writes a value without any allocation of its own.
pub fn write_value(out: &mut String, value: &Value<'_>) {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Unknown => out.write_str("-"),
        Value::Text(text) => out.write_str(text),
        Value::Count(n) => write!(out, "{n}"),
        Value::Signed(n) => write!(out, "{n}"),
        Value::Share(share) => write!(out, "{:.1}%", share * 100.0),
    };
}

/// Writes bytes in at most five cells: `1.07M`, `1016K`, `512`.
pub fn write_short(out: &mut String, bytes: u64) {
    let text = human_bytes(bytes);
    let (figure, unit) = text.split_once(' ').unwrap_or((&text, ""));
    out.push_str(figure);
    out.extend(unit.chars().next().filter(|unit| *unit != 'B'));
}

/// The driver or module of a row.
pub fn driver(row: &TableRow) -> Option<&str> {
    match &row.label {
        Some(label) => Some(label.driver.as_deref().unwrap_or(&label.mapped_driver)),
        None => row.row.reported_owner.as_deref(),
    }
}

/// What is known of a row's tag.
pub fn description(row: &TableRow) -> Option<&str> {
    row.label.as_ref()?.description.as_deref()
}

impl Widths {
    /// Widens to hold all rows of a table, and its totals where they are shown. Never narrows, so that columns do not jump.
    pub fn grow(&mut self, table: &Table, totals: bool) {
        for row in &table.rows {
            self.grow_row(row);
        }
        for totals in table.totals.iter().filter(|_| totals) {
            for (at, column) in COLUMNS.iter().enumerate() {
                let (value, change) = column.total(totals);
                widen(&mut self.value, at, cells(&value));
                widen(&mut self.change, at, cells(&change));
            }
            widen(&mut self.value, index(&column::BYTES), cells(&untagged(totals)));
        }
    }

    /// Widens to hold groups and their sums.
    pub fn grow_groups(&mut self, groups: &[Group]) {
        for group in groups {
            for (at, column) in COLUMNS.iter().enumerate().filter(|(_, column)| column.unit != Unit::Text) {
                let mark = u16::from(group.is_marked(column.id));
                widen(&mut self.value, at, cells(&column.value(&group.sum)) + mark);
                widen(&mut self.change, at, cells(&column.change(&group.sum)));
            }
            self.verdict = self.verdict.max(group.sum.verdict.as_ref().map_or(0, |it| chars(&it.brief)));
            let count = cells(&Value::Count(group.rows.len() as u64));
            self.group = self.group.max(chars(&group.key.name) + count + 3);
        }
    }

    /// Cells of a tag and its sign, of a group's name, or of a tag in a group.
    fn names(&self) -> u16 {
        let tag = self.value.first().copied().unwrap_or(0) + 1;
        if self.group > 0 { self.group.max(tag + 1) } else { tag }
    }

    fn grow_row(&mut self, row: &TableRow) {
        for (at, column) in COLUMNS.iter().enumerate() {
            let width = match column.unit {
                Unit::Text if column.is(&column::TAG) => {
                    let mut counter = Counter(0);
                    let _ = write!(counter, "{}", row.row.tag);
                    self.names |= matches!(row.row.tag, Tag::Name(_));
                    counter.0
                }
                Unit::Text if column.is(&column::POOL) => 5,
                Unit::Text => 0,
                _ => cells(&column.value(row)),
            };
            let mark = u16::from(row.is_marked(column.id));
            widen(&mut self.value, at, width + mark);
            widen(&mut self.change, at, cells(&column.change(row)));
        }
        self.driver = self.driver.max(driver(row).map_or(0, chars));
        self.description = self.description.max(description(row).map_or(0, chars));
        self.verdict = self.verdict.max(row.verdict.as_ref().map_or(0, |verdict| chars(&verdict.brief)));
    }

    fn is_reported(&self, column: &Column) -> bool {
        self.value.get(index(column)).is_some_and(|&width| width > 0)
    }

    /// Cells of a column with its gap; PoolMon's own widths where they suffice.
    fn needs(&self, kind: CellKind, column: &'static Column, before: Option<&Place>) -> u16 {
        let at = index(column);
        let value = self.value.get(at).copied().unwrap_or(0);
        let value = if column.is(&column::TAG) { self.names() - 1 } else { value };
        match kind {
            CellKind::Value => {
                // A title may be over the blank title of the change to its left.
                let lent =
                    before.filter(|b| b.kind == CellKind::Change).map_or(0, |b| b.width.saturating_sub(5));
                let title = if column.unit == Unit::Text {
                    0
                } else {
                    (chars(column.title) + 2).saturating_sub(lent)
                };
                (value + 1).max(column.screen.width).max(title)
            }
            CellKind::Change => {
                let least = if column.unit == Unit::Bytes { 6 } else { 4 };
                self.change.get(at).copied().unwrap_or(0).max(least) + 3
            }
            CellKind::Human | CellKind::Trend => 10,
            CellKind::Short | CellKind::ShortChange => SHORT,
            CellKind::Driver => self.driver.clamp(6, 14) + 2,
            CellKind::Description => self.description.clamp(4, 12) + 2,
            CellKind::Verdict => self.verdict.clamp(8, 18) + 2,
        }
    }

    /// Chooses the columns for a screen, or shows those that were chosen.
    pub fn layout(&self, wish: &Wish<'_>) -> ColumnLayout {
        let Wish { width, sort, show_driver, trend, skip, chosen } = *wish;
        if let Some(chosen) = chosen {
            return self.chosen(width, chosen, skip);
        }
        if width < NARROW && skip == 0 {
            return self.narrow(width);
        }
        let layout = self.wide(width, sort, show_driver, trend, skip);
        let has = |kind| layout.places.iter().any(|it| it.kind == kind);
        let change =
            layout.places.iter().any(|it| it.kind == CellKind::Change && it.column.is(&column::BYTES));
        if change && has(CellKind::Verdict) || skip > 0 || self.verdict == 0 {
            return layout;
        }
        // Both the change and the verdict are worth more than the verdict's figure.
        let cut = Self { verdict: self.verdict.min(12), ..self.clone() };
        let mut layout = cut.wide(width, sort, show_driver, trend, skip);
        let used = layout.places.last().map_or(0, |last| last.x + last.width);
        if let Some(at) = layout.places.iter().position(|it| it.kind == CellKind::Verdict) {
            let more = (self.verdict + 2).saturating_sub(cut.verdict + 2).min(width.saturating_sub(used));
            for (n, place) in layout.places.iter_mut().enumerate().skip(at) {
                if n == at { place.width += more } else { place.x += more }
            }
        }
        layout
    }

    fn wide(&self, width: u16, sort: Sort, show_driver: bool, trend: bool, skip: usize) -> ColumnLayout {
        let wanted = self.wanted(sort, show_driver, trend);
        let mut figures: Vec<usize> = wanted
            .iter()
            .filter(|w| w.0 == CellKind::Value && w.1.unit != Unit::Text)
            .map(|w| index(w.1))
            .collect();
        figures.sort_unstable();
        let reported = figures.len();
        // The sorted column and at least one figure stay.
        let skipped = figures.get(..skip.min(reported.saturating_sub(1))).unwrap_or_default();
        let mut chosen: Vec<(CellKind, &'static Column)> = Vec::with_capacity(wanted.len());
        for want in wanted.iter().filter(|w| w.1.unit == Unit::Text || !skipped.contains(&index(w.1))) {
            // A change means nothing without its value.
            if want.0 == CellKind::Change && !chosen.iter().any(|c| c.0 == CellKind::Value && c.1.is(want.1))
            {
                continue;
            }
            chosen.push(*want);
            chosen.sort_by_key(|(kind, column)| order(*kind, column));
            if self.lay(&chosen, width).1 > width && chosen.len() > 1 {
                chosen.retain(|c| c.0 != want.0 || c.1.id != want.1.id);
            }
        }
        let (mut places, used) = self.lay(&chosen, width);
        self.spread(&mut places, width.saturating_sub(used));
        let shown =
            places.iter().filter(|p| p.kind == CellKind::Value && p.column.unit != Unit::Text).count();
        ColumnLayout { hidden: reported.saturating_sub(shown), places }
    }

    /// The tag, which stays, and next to it the columns that a person chose, from the one on to which they were scrolled.
    fn chosen(&self, width: u16, chosen: &[Choice], skip: usize) -> ColumnLayout {
        let skip = skip.min(chosen.len().saturating_sub(1));
        let mut kept: Vec<(CellKind, &'static Column)> = vec![(CellKind::Value, &column::TAG)];
        for choice in chosen.iter().skip(skip) {
            kept.push((choice.kind, choice.column));
            if self.lay(&kept, width).1 > width {
                kept.pop();
                break;
            }
        }
        let (mut places, used) = self.lay(&kept, width);
        self.spread(&mut places, width.saturating_sub(used));
        ColumnLayout { hidden: (chosen.len() + 1).saturating_sub(places.len()), places }
    }

    /// Whether a column has something to say of the rows.
    pub(crate) fn says(&self, choice: Choice) -> bool {
        match choice.kind {
            CellKind::Value if choice.column.unit == Unit::Text => true,
            CellKind::Value | CellKind::Change => self.is_reported(choice.column),
            CellKind::Human | CellKind::Short | CellKind::ShortChange | CellKind::Trend => {
                self.is_reported(&column::BYTES)
            }
            CellKind::Driver => self.driver > 0,
            CellKind::Description => self.description > 0,
            CellKind::Verdict => true,
        }
    }

    /// Name, bytes and change, and the verdict where there is room: what a row is read for. What is left makes the figures exact and has
    /// the kind of memory; the arrow keys go through the other columns.
    fn narrow(&self, width: u16) -> ColumnLayout {
        let bytes = &column::BYTES;
        let reported =
            COLUMNS.iter().filter(|column| column.unit != Unit::Text && self.is_reported(column)).count();
        // Two figures and five cells of a name.
        let change = width >= 2 * SHORT + 5;
        let mut left = width.saturating_sub(if change { 2 * SHORT } else { SHORT });
        let whole = self.verdict + 2;
        let verdict = if left >= whole + self.names().min(10) { whole } else { whole.min(left / 2) };
        let verdict = if self.verdict > 0 && verdict >= SHORT_VERDICT { verdict } else { 0 };
        left -= verdict;
        let name = self.names().clamp(5, 20).min(left);
        left -= name;
        let mut chosen = vec![(CellKind::Value, &column::TAG, name)];
        if left >= column::POOL.screen.width {
            left -= column::POOL.screen.width;
            chosen.push((CellKind::Value, &column::POOL, column::POOL.screen.width));
        }
        let mut figure = |short: CellKind, exact: CellKind| {
            let more = self.needs(exact, bytes, None).saturating_sub(SHORT);
            if more > left {
                return chosen.push((short, bytes, SHORT));
            }
            left -= more;
            chosen.push((exact, bytes, SHORT + more));
        };
        figure(CellKind::Short, CellKind::Value);
        if change {
            figure(CellKind::ShortChange, CellKind::Change);
        }
        if verdict > 0 {
            chosen.push((CellKind::Verdict, &column::VERDICT, verdict));
        }
        let mut x = 0;
        let places = chosen.into_iter().map(|(kind, column, width)| {
            // The name has what is left at the end.
            let width = if x == 0 { width + left } else { width };
            x += width;
            Place { kind, column, x: x - width, width }
        });
        ColumnLayout { places: places.collect(), hidden: reported.saturating_sub(1) }
    }

    /// Every column that has something to say, the most important first.
    fn wanted(&self, sort: Sort, show_driver: bool, trend: bool) -> Vec<(CellKind, &'static Column)> {
        use CellKind::{Change, Description, Driver, Human, Trend, Value, Verdict};
        let mut ranked: Vec<(u8, CellKind, &'static Column)> = Vec::with_capacity(2 * N + 8);
        let mut add = |rank: u8, kind: CellKind, column: &'static Column| {
            let says = match kind {
                Value => self.is_reported(column) || rank == 0,
                Change => self.is_reported(column) && column.has_change(),
                Human | CellKind::Short | CellKind::ShortChange => self.is_reported(&column::BYTES),
                Trend => trend,
                Driver => self.driver > 0,
                Description => self.description > 0,
                Verdict => self.verdict > 0 || sort.column.is(&column::VERDICT),
            };
            if says {
                ranked.push((rank, kind, column));
            }
        };
        for column in COLUMNS {
            if column.is(&column::DRIVER) {
                continue;
            }
            add(column.screen.rank, Value, column);
            if let Some(rank) = column.screen.change_rank {
                add(rank, Change, column);
            }
        }
        // What rows are sorted by comes right after the columns that are always shown.
        if sort.column.is(&column::VERDICT) {
            add(1, Verdict, &column::VERDICT);
        } else if sort.column.unit != Unit::Text {
            add(1, Value, sort.column);
            if sort.by_change {
                add(1, Change, sort.column);
            }
        }
        add(column::VERDICT.screen.rank, Verdict, &column::VERDICT);
        if !self.is_reported(&column::ALLOCS) {
            add(CHANGE_OF_DIFF, Change, &column::DIFF);
        }
        if show_driver {
            add(SHOWN_DRIVER, Driver, &column::DRIVER);
        }
        add(HUMAN, Human, &column::BYTES);
        add(TREND, Trend, &column::BYTES);
        add(column::DRIVER.screen.rank, Driver, &column::DRIVER);
        add(DESCRIPTION, Description, &column::DRIVER);
        ranked.sort_by_key(|entry| entry.0);
        let mut list: Vec<(CellKind, &'static Column)> = Vec::with_capacity(ranked.len());
        for (_, kind, column) in ranked {
            if !list.iter().any(|l| l.0 == kind && l.1.is(column)) {
                list.push((kind, column));
            }
        }
        list
    }

    /// Places from left to right and the width that they take.
    fn lay(&self, chosen: &[(CellKind, &'static Column)], width: u16) -> (Vec<Place>, u16) {
        let mut places: Vec<Place> = Vec::with_capacity(chosen.len());
        let mut x = 0_u16;
        for &(kind, column) in chosen {
            let mut needs = self.needs(kind, column, places.last());
            if column.is(&column::TAG) && kind == CellKind::Value {
                // A group has no tag: its name is all that it is known by.
                let least = if self.group > 0 { 20 } else { 11 };
                needs = needs.min((width / 4).max(least)).min(width);
            }
            places.push(Place { kind, column, x, width: needs });
            x = x.saturating_add(needs);
        }
        (places, x)
    }

    /// Gives what is left to the columns that can use it.
    fn spread(&self, places: &mut [Place], mut left: u16) {
        for (kind, most) in [
            (CellKind::Value, self.names()),
            (CellKind::Driver, self.driver + 2),
            (CellKind::Description, self.description + 2),
            (CellKind::Trend, 32),
        ] {
            if let Some(place) = places.iter_mut().find(|place| place.kind == kind) {
                let more = most.saturating_sub(place.width).min(left);
                place.width += more;
                left -= more;
            }
        }
        let mut x = 0;
        for place in places {
            place.x = x;
            x += place.width;
        }
    }
}

/// A column's place in the registry.
fn index(column: &Column) -> usize {
    COLUMNS.iter().position(|known| known.id == column.id).unwrap_or(0)
}

fn order(kind: CellKind, column: &Column) -> (usize, u8) {
    let place = match kind {
        CellKind::Trend | CellKind::Verdict => index(&column::DRIVER),
        _ => index(column),
    };
    let within = match kind {
        CellKind::Value => 0,
        CellKind::Change => 1,
        CellKind::Human | CellKind::Short | CellKind::ShortChange => 2,
        CellKind::Trend => 3,
        CellKind::Verdict => 4,
        CellKind::Driver => 5,
        CellKind::Description => 6,
    };
    (place, within)
}

fn widen(widths: &mut [u16; N], at: usize, to: u16) {
    if let Some(width) = widths.get_mut(at) {
        *width = (*width).max(to);
    }
}

/// Bytes of a pool that no tag accounts for.
pub fn untagged(totals: &poolmon_model::Totals) -> Value<'static> {
    totals.untagged.map_or(Value::Unknown, Value::Count)
}
