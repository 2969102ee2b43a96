//! The view of holders: a list, and the kinds of one of them, in the place of the rows.

use poolmon_holder::{HolderId, Kind, Unit, fitted};
use poolmon_model::units::{counted, grouped, grouped_change, human_bytes, human_change};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Regions;
use super::rows::BARS;
use crate::app::{App, Mode};
use crate::holders::{HolderOrder, HolderRow, KindRow, closeness};

/// Cells of a figure, the blank before it included.
const FIGURE: u16 = 11;

/// Cells that a name needs: `python3 (pid 4788)`.
const NAME: u16 = 18;

/// Cells of a trend, the blanks before it included.
const TREND: u16 = 10;

/// Where holders and kinds are listed: below the titles.
pub(crate) fn rows(regions: &Regions) -> Rect {
    Rect { height: regions.rows.height + regions.totals.height, ..regions.rows }
}

/// What the columns are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cell {
    Name,
    Objects,
    Change,
    Bytes,
    BytesChange,
    Trend,
    Kinds,
}

/// Columns with their places and widths on a screen of this width.
fn columns(app: &App, width: u16) -> Vec<(Cell, u16, u16)> {
    let view = &app.holders;
    let (both, trend, wide) = (width >= 76, width >= 66, width >= 110);
    let mut figures = match (both, view.order) {
        (true, _) => vec![Cell::Objects, Cell::Change, Cell::Bytes, Cell::BytesChange],
        (false, HolderOrder::Bytes) => vec![Cell::Objects, Cell::Bytes, Cell::BytesChange],
        (false, _) => vec![Cell::Objects, Cell::Change, Cell::Bytes],
    };
    let trend_cells = if trend { TREND } else { 0 };
    // A figure says nothing without the name that it belongs to. The one that the list is sorted by goes last.
    let others = [Cell::Objects, Cell::Change, Cell::BytesChange, Cell::Bytes];
    let unsorted = others.into_iter().filter(|&cell| !is_sorted(app, cell)).collect::<Vec<_>>();
    for other in unsorted {
        let cells = FIGURE * u16::try_from(figures.len()).unwrap_or(4);
        if 1 + trend_cells + cells + NAME > width {
            figures.retain(|&cell| cell != other);
        }
    }
    let taken = figures.iter().fold(1 + trend_cells, |taken, _| taken + FIGURE);
    let room = width.saturating_sub(taken);
    let name = if wide { room.min(38) } else { room };
    let mut columns = vec![(Cell::Name, 1, name)];
    let mut x = 1 + name;
    for cell in figures {
        columns.push((cell, x, FIGURE));
        x += FIGURE;
    }
    if trend {
        columns.push((Cell::Trend, x, trend_cells));
        x += trend_cells;
    }
    if wide {
        columns.push((Cell::Kinds, x + 2, width.saturating_sub(x + 2)));
    }
    columns
}

/// What a click on a title sorts by: by change or not, if the column has both.
pub(crate) fn order_at(app: &App, x: u16) -> Option<(HolderOrder, Option<bool>)> {
    let columns = columns(app, super::regions(app).rows.width);
    let (cell, ..) = columns.into_iter().find(|(_, left, width)| (*left..left + width).contains(&x))?;
    match cell {
        Cell::Name => Some((HolderOrder::Name, None)),
        Cell::Objects => Some((HolderOrder::Objects, Some(false))),
        Cell::Change => Some((HolderOrder::Objects, Some(true))),
        Cell::Bytes => Some((HolderOrder::Bytes, Some(false))),
        Cell::BytesChange | Cell::Trend => Some((HolderOrder::Bytes, Some(true))),
        Cell::Kinds => None,
    }
}

/// Whether this is the column that the list is sorted by.
fn is_sorted(app: &App, cell: Cell) -> bool {
    let view = &app.holders;
    match view.order {
        HolderOrder::Name => cell == Cell::Name,
        HolderOrder::Objects => cell == if view.by_change { Cell::Change } else { Cell::Objects },
        HolderOrder::Bytes => cell == if view.by_change { Cell::BytesChange } else { Cell::Bytes },
    }
}

pub(super) fn draw(app: &App, regions: &Regions, buffer: &mut Buffer) {
    let area = rows(regions);
    let whole = Rect { y: regions.titles.y, height: regions.titles.height + area.height, ..area };
    for y in whole.y..whole.bottom() {
        buffer.set_stringn(whole.x, y, " ".repeat(whole.width.into()), whole.width.into(), Style::new());
        buffer.set_style(Rect { y, height: 1, ..whole }, Style::reset());
    }
    buffer.set_style(Rect { height: regions.titles.height, ..whole }, app.theme.titles());
    match (&app.mode, app.holders.current()) {
        (Mode::Kinds, Some(row)) => draw_kinds(app, row, regions.titles, area, buffer),
        _ => draw_list(app, regions.titles, area, buffer),
    }
}

fn draw_list(app: &App, titles: Rect, area: Rect, buffer: &mut Buffer) {
    let view = &app.holders;
    let columns = columns(app, area.width);
    let arrow = if view.reversed { "▲" } else { "▼" };
    for &(cell, x, width) in &columns {
        let sorted = is_sorted(app, cell);
        let title = match cell {
            Cell::Name => {
                app.holders.of.as_ref().map_or_else(|| "Holder".to_owned(), |tag| format!("Holder of {tag}"))
            }
            Cell::Objects => "Objects".into(),
            Cell::Bytes => "Kernel".into(),
            Cell::Change | Cell::BytesChange if sorted && view.is_by_gain() => "Kept".into(),
            Cell::Change | Cell::BytesChange => "Δ".into(),
            Cell::Trend => "  Trend".into(),
            Cell::Kinds => "Kinds".into(),
        };
        let text = if sorted { format!("{title}{arrow}") } else { title };
        let style = if sorted { app.theme.accent() } else { Style::new() };
        place(buffer, Rect::new(x, titles.y, width, titles.height), &text, style, is_figure(cell));
    }
    if view.rows.is_empty() {
        let y = area.y + area.height / 3;
        place(
            buffer,
            Rect::new(2, y, area.width.saturating_sub(2), 1),
            app.why_no_holders(),
            Style::new(),
            false,
        );
        return;
    }
    for (n, row) in view.rows.iter().skip(view.top).take(area.height.into()).enumerate() {
        let y = area.y + u16::try_from(n).unwrap_or(0);
        for &(cell, x, width) in &columns {
            let (text, style) = match cell {
                Cell::Name => (fitted(&row.name, row.group.as_deref(), width.into()), Style::new()),
                _ => text_of(app, row, cell),
            };
            place(buffer, Rect::new(x, y, width, 1), &text, style, is_figure(cell));
        }
        if view.selected.is_some() && view.top + n == view.cursor {
            app.theme.select_line(Rect { y, height: 1, ..area }, buffer);
        }
    }
}

fn is_figure(cell: Cell) -> bool {
    matches!(cell, Cell::Objects | Cell::Change | Cell::Bytes | Cell::BytesChange)
}

/// A cell of a holder.
fn text_of(app: &App, row: &HolderRow, cell: Cell) -> (String, Style) {
    let change = |by: Option<i64>, text: fn(i64) -> String| match by {
        Some(_) if row.is_new => ("new".to_owned(), app.theme.dim()),
        None => (String::new(), Style::new()),
        Some(0) => ("0".to_owned(), app.theme.dim()),
        Some(by) => (text(by), coloured(app, by)),
    };
    let gain = |at: usize| {
        row.gains.get(at).copied().flatten().filter(|_| app.holders.is_by_gain() && is_sorted(app, cell))
    };
    let only_bytes = row.objects == 0 && matches!(row.id, HolderId::ControlGroup { .. });
    match cell {
        Cell::Name => (row.name.clone(), Style::new()),
        Cell::Objects if only_bytes => ("-".into(), app.theme.dim()),
        Cell::Objects => (grouped(row.objects), Style::new()),
        Cell::Change if only_bytes => (String::new(), Style::new()),
        Cell::Change => change(gain(0).or(row.change), grouped_change),
        Cell::Bytes => match row.bytes {
            None => ("-".into(), app.theme.dim()),
            Some(bytes) if row.is_estimate() => (format!("~{}", human_bytes(bytes)), Style::new()),
            Some(bytes) => (human_bytes(bytes), Style::new()),
        },
        Cell::BytesChange => change(gain(1).or(row.bytes_change), human_change),
        Cell::Trend => (format!("  {}", spark(app, &row.id)), app.theme.accent()),
        Cell::Kinds => (spoken(row), app.theme.dim()),
    }
}

fn coloured(app: &App, by: i64) -> Style {
    match by {
        _ if !app.settings.highlight => Style::new(),
        1.. => app.theme.grew(),
        _ => app.theme.shrank(),
    }
}

/// Bars between the minimum and the maximum of the last counts; a change under 2 % looks flat.
fn spark(app: &App, id: &HolderId) -> String {
    let points: Vec<f32> = app.holders.trend(id).collect();
    let points = points.get(points.len().saturating_sub(usize::from(TREND) - 2)..).unwrap_or_default();
    let (least, most) =
        points.iter().fold((f32::MAX, f32::MIN), |(a, b), &point| (a.min(point), b.max(point)));
    let range = (most - least).max(most * 0.02).max(1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 7")]
    let bar = |point: &f32| ((point - least) / range * 7.0).clamp(0.0, 7.0).round() as usize;
    points.iter().map(|point| BARS.get(bar(point)).copied().unwrap_or('█')).collect()
}

/// `20,000 UNIX stream sockets, 43 open files`.
fn spoken(row: &HolderRow) -> String {
    let parts =
        row.kinds.iter().filter(|part| !part.kind.is_sum()).take(4).map(|part| match part.kind.unit() {
            Unit::Objects => counted_kind(part),
            Unit::Bytes => format!("{} {}", name(part.kind), human_bytes(part.count)),
        });
    parts.collect::<Vec<_>>().join(", ")
}

fn counted_kind(part: &KindRow) -> String {
    format!("{} {}", grouped(part.count), if part.count == 1 { part.kind.one() } else { part.kind.many() })
}

/// `page tables` of `bytes of page tables`.
fn name(kind: Kind) -> &'static str {
    kind.many().strip_prefix("bytes of ").unwrap_or(kind.many())
}

fn draw_kinds(app: &App, row: &HolderRow, titles: Rect, area: Rect, buffer: &mut Buffer) {
    let width = area.width;
    let name_width = width.saturating_sub(1 + 2 * FIGURE).min(36);
    let columns = [(1, name_width), (1 + name_width, FIGURE), (1 + name_width + FIGURE, FIGURE)];
    let rest = 1 + name_width + 2 * FIGURE + 2;
    let at = |(x, width): (u16, u16), y| Rect::new(x, y, width, 1);
    let is_shown = titles.height > 0;
    if is_shown {
        let name = fitted(&row.name, row.group.as_deref(), name_width.into());
        place(buffer, at(columns[0], titles.y), &name, app.theme.accent(), false);
        place(buffer, at(columns[1], titles.y), "Held", Style::new(), true);
        place(buffer, at(columns[2], titles.y), "Δ", Style::new(), true);
        place(buffer, at((rest, width.saturating_sub(rest)), titles.y), "Lives in", Style::new(), false);
    }
    let (cursor, top) = app.holders.kind;
    for (n, part) in row.kinds.iter().skip(top).take(area.height.into()).enumerate() {
        let y = area.y + u16::try_from(n).unwrap_or(0);
        let is_bytes = part.kind.unit() == Unit::Bytes;
        let amount = if is_bytes { human_bytes(part.count) } else { grouped(part.count) };
        let change = part.change.map(|by| match (by, is_bytes) {
            (0, _) => "0".to_owned(),
            (_, true) => human_change(by),
            (_, false) => grouped_change(by),
        });
        let style = match part.change {
            Some(0) | None => app.theme.dim(),
            Some(by) => coloured(app, by),
        };
        place(buffer, at(columns[0], y), name(part.kind), Style::new(), false);
        place(buffer, at(columns[1], y), &amount, Style::new(), true);
        place(buffer, at(columns[2], y), &change.unwrap_or_default(), style, true);
        place(
            buffer,
            at((rest, width.saturating_sub(rest)), y),
            &lives_in(app, part.kind),
            app.theme.dim(),
            false,
        );
        if top + n == cursor {
            app.theme.select_line(Rect { y, height: 1, ..area }, buffer);
        }
    }
}

/// Names of the table's rows that objects of a kind live in, the one that Enter goes to first.
fn lives_in(app: &App, kind: Kind) -> String {
    let Some(first) = app.row_of(kind) else { return String::new() };
    let rows = app.view.table.rows.iter().enumerate();
    let is_own = |tag| closeness(tag, kind).is_some_and(|(only, _)| only);
    let others = rows.filter(|(at, row)| *at != first && is_own(&row.row.tag));
    let first = app.view.table.rows.get(first).into_iter();
    let names: Vec<String> =
        first.chain(others.map(|(_, row)| row)).map(|row| row.row.tag.to_string()).collect();
    names.join(", ")
}

/// What the status line says: the number of processes, since when changes are, and what could not be read.
pub(super) fn about(app: &App) -> String {
    let Some(census) = app.holders.census() else { return String::new() };
    let processes = counted(census.processes, "process").replace("processs", "processes");
    let since = if app.holders.has_baseline() {
        "changes since the baseline"
    } else {
        "changes since the count before"
    };
    let remark = census.remarks.first().map_or_else(String::new, |remark| format!("; {remark}"));
    format!(" {processes}; {since}{remark} ")
}

/// Writes a text into a cell: figures at its right edge, and never half of one; other texts from the left, with `…` where they are cut.
fn place(buffer: &mut Buffer, area: Rect, text: &str, style: Style, is_figure: bool) {
    // A terminal may have fewer rows than the titles need.
    let area = area.intersection(buffer.area);
    let (cells, width) = (text.chars().count(), usize::from(area.width));
    if area.height == 0 || width == 0 {
        return;
    }
    if is_figure {
        let text = if cells > width { "#".repeat(width) } else { text.to_owned() };
        let x = area.x + area.width - u16::try_from(text.chars().count()).unwrap_or(area.width);
        buffer.set_stringn(x, area.y, &text, width, style);
    } else if cells > width {
        let kept: String = text.chars().take(width - 1).chain(['…']).collect();
        buffer.set_stringn(area.x, area.y, kept, width, style);
    } else {
        buffer.set_stringn(area.x, area.y, text, width, style);
    }
}
