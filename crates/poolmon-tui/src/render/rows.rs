//! The column line, the rows and the totals.

use std::fmt::Write as _;

use poolmon_model::column::{self, Unit};
use poolmon_model::delta::Presence;
use poolmon_model::group::Group;
use poolmon_model::units::{human_bytes, rough_span};
use poolmon_model::{Gravity, Pool, TableRow, Totals, Value};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::Regions;
use super::header::by_change;
use crate::app::App;
use crate::columns::{
    CellKind, ColumnLayout, Place, description, driver, untagged, write_short, write_value,
};
use crate::table::groups::Line;
use crate::theme::Magnitude;

pub(super) fn draw(app: &App, regions: &Regions, layout: &ColumnLayout, buffer: &mut Buffer) {
    if regions.titles.height > 0 {
        titles(app, regions.titles, layout, buffer);
    }
    let mut scratch = String::with_capacity(64);
    let page = usize::from(regions.rows.height);
    for (n, line) in (app.view.top..).map_while(|at| app.view.line(at)).take(page).enumerate() {
        let y = regions.rows.y + u16::try_from(n).unwrap_or(0);
        let selected = app.view.has_selection() && app.view.top + n == app.view.cursor;
        let (row, group) = match line {
            Line::Row(at) => (app.view.table.rows.get(at), None),
            Line::Group(at) => {
                let group = app.view.grouping.groups.get(at);
                (group.map(|group| &group.sum), group)
            }
        };
        let Some(row) = row else { break };
        draw_row(app, row, group, Rect { y, height: 1, ..regions.rows }, layout, buffer, &mut scratch);
        if selected {
            app.theme.select_line(Rect { y, height: 1, ..regions.rows }, buffer);
        }
    }
    if app.view.table.rows.is_empty() && regions.rows.height > 0 {
        let why = if app.now.rows.is_empty() {
            "The source reported no rows."
        } else {
            "No row matches the filter."
        };
        let doubt = app.settings.filter.search.doubt(true);
        let lines = std::iter::once(why.to_owned()).chain(doubt.filter(|_| !app.now.rows.is_empty()));
        for (y, line) in (regions.rows.y + regions.rows.height / 3..regions.rows.bottom()).zip(lines) {
            let room = usize::from(regions.rows.width.saturating_sub(2));
            buffer.set_stringn(2, y, line, room, app.theme.dim());
        }
    }
    if regions.totals.height > 0 {
        totals(app, regions.totals, layout, buffer);
    }
}

fn titles(app: &App, area: Rect, layout: &ColumnLayout, buffer: &mut Buffer) {
    let sort = app.settings.sort;
    buffer.set_style(area, app.theme.titles());
    let falling = sort.column.falling != sort.reversed;
    let arrow = if falling { "▼" } else { "▲" };
    for place in &layout.places {
        let title = match place.kind {
            CellKind::Value if place.column.id == column::TAG.id => match app.view.grouping.by {
                Some(by) => by.title(),
                None if app.view.widths.names => "Name",
                None => place.column.title,
            },
            CellKind::Value => place.column.title,
            CellKind::Short => column::BYTES.title,
            CellKind::Change | CellKind::ShortChange => "",
            CellKind::Human => "Size",
            CellKind::Trend => "Trend",
            CellKind::Driver => "Driver",
            CellKind::Description => "Description",
            CellKind::Verdict => column::VERDICT.title,
        };
        let sorted_value = sort.column.id == place.column.id
            && matches!(place.kind, CellKind::Value | CellKind::Short | CellKind::Driver | CellKind::Verdict)
            && !by_change(app);
        let sorted_change = sort.column.id == place.column.id
            && matches!(place.kind, CellKind::Change | CellKind::ShortChange)
            && by_change(app);
        let text = match (sorted_value, sorted_change) {
            (true, _) => format!("{title}{arrow}"),
            (_, true) => format!("Δ{arrow}"),
            _ if place.kind == CellKind::Trend => trend_title(app, place.width.saturating_sub(2).into()),
            _ => title.to_owned(),
        };
        let style = if sorted_value || sorted_change { app.theme.accent() } else { Style::new() };
        let cells = u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
        let x = match (place.kind, place.column.unit) {
            (CellKind::Value, Unit::Text) | (CellKind::Change | CellKind::ShortChange, _) => place.x + 1,
            (CellKind::Trend | CellKind::Driver | CellKind::Description | CellKind::Verdict, _) => {
                place.x + 2
            }
            // The arrow is after the digits' right edge where there is room, so that titles do not move.
            _ => (place.x + place.width).saturating_sub(cells),
        };
        let room = (place.x + place.width).saturating_sub(x).max(cells).min(area.right().saturating_sub(x));
        buffer.set_stringn(x, area.y, text, room.into(), style);
    }
}

/// `Trend 5 min`: with the time that its points span, if there is room.
fn trend_title(app: &App, cells: usize) -> String {
    let title = "Trend".to_owned();
    let span = app.history.span(cells).and_then(|span| u64::try_from(span).ok()).filter(|span| *span > 0);
    let Some(span) = span else { return title };
    let full = format!("{title} {}", rough_span(std::time::Duration::from_millis(span)));
    if full.chars().count() <= cells { full } else { title }
}

/// How much the change of a row means: its bytes, beside those of the row and of its pool.
fn magnitude(app: &App, row: &TableRow, group: Option<&Group>) -> Magnitude {
    let delta = row.delta.unwrap_or_default();
    match delta.bytes {
        Some(bytes) if bytes != 0 => {
            let held = row.row.counters.bytes.unwrap_or(0);
            Magnitude::of(bytes, held, of_pools(app, row, group))
        }
        _ if delta.is_change() => Magnitude::Small,
        _ => Magnitude::None,
    }
}

/// The sign before a tag, and how both are written: what is new is bold, what leaks has the colour of verdicts.
fn sign(app: &App, row: &TableRow) -> (char, Style) {
    match row.presence {
        Presence::Gone => ('-', app.theme.gone()),
        _ if row.gravity() == Some(Gravity::Leaking) => ('!', app.theme.leaking()),
        _ if row.gravity() == Some(Gravity::Suspected) => ('?', app.theme.suspected()),
        Presence::New => ('+', app.theme.strong()),
        Presence::Steady => (' ', Style::new()),
    }
}

fn draw_row(
    app: &App,
    row: &TableRow,
    group: Option<&Group>,
    area: Rect,
    layout: &ColumnLayout,
    buffer: &mut Buffer,
    scratch: &mut String,
) {
    let magnitude = magnitude(app, row, group);
    let style = if row.presence == Presence::Gone { app.theme.gone() } else { Style::new() };
    for place in &layout.places {
        scratch.clear();
        let mut cell_style = style;
        match place.kind {
            CellKind::Value if place.column.id == column::TAG.id => {
                let (sign, style) = sign(app, row);
                if let Some(group) = group {
                    name_of_group(app, group, sign, place.width, scratch);
                    left(buffer, place, area, scratch, style.add_modifier(Modifier::BOLD));
                    continue;
                }
                let indent = if app.view.grouping.by.is_some() { " " } else { "" };
                let _ = write!(scratch, "{indent}{sign}{}", row.row.tag);
                left(buffer, place, area, scratch, style);
                continue;
            }
            CellKind::Value if place.column.id == column::POOL.id => {
                let short = group.map_or(Some(row.row.pool), Group::pool).map_or("mixed", Pool::short);
                let _ = write!(scratch, " {short}");
                left(buffer, place, area, scratch, style);
                continue;
            }
            CellKind::Value => {
                if group
                    .map_or_else(|| row.is_marked(place.column.id), |group| group.is_marked(place.column.id))
                {
                    scratch.push('~');
                }
                write_value(scratch, &place.column.value(row));
            }
            CellKind::Change => {
                let change = place.column.change(row);
                // Allocs and frees count what came and went, not what stays.
                let stays = !(place.column.is(&column::ALLOCS) || place.column.is(&column::FREES));
                let magnitude = if stays { magnitude } else { magnitude.min(Magnitude::Small) };
                cell_style = change_cell(app, &change, place.width, style, magnitude, scratch);
            }
            CellKind::Short => short_bytes(row, group, scratch),
            CellKind::ShortChange => {
                let Some(change) = row.delta.and_then(|delta| delta.bytes) else { continue };
                scratch.push_str(if change > 0 { "+" } else { "" });
                scratch.push_str(if change < 0 { "-" } else { "" });
                write_short(scratch, change.unsigned_abs());
                cell_style = style_of_change(app, change, style, magnitude);
            }
            CellKind::Human => {
                scratch.push_str(&row.row.counters.bytes.map_or_else(String::new, human_bytes));
                cell_style = style.patch(app.theme.dim());
            }
            CellKind::Trend => {
                spark(app, row, group, place.width.saturating_sub(2).into(), scratch);
                let flat = scratch.chars().all(|bar| matches!(bar, ' ' | '▁'));
                let style =
                    if flat { app.theme.dim() } else { app.theme.accent().remove_modifier(Modifier::BOLD) };
                left(buffer, place, area, scratch, style);
                continue;
            }
            CellKind::Verdict => {
                if let Some(verdict) = &row.verdict {
                    scratch.push_str("  ");
                    scratch.push_str(whole_words(&verdict.brief, place.width));
                    let style = match verdict.gravity {
                        Gravity::Leaking => app.theme.leaking(),
                        Gravity::Suspected => app.theme.suspected(),
                        Gravity::Growing => app.theme.growing(),
                        Gravity::Explained => app.theme.dim(),
                    };
                    left(buffer, place, area, scratch, style);
                }
                continue;
            }
            CellKind::Driver | CellKind::Description if group.is_some() => {
                if place.kind == CellKind::Description || !layout.has(CellKind::Description) {
                    members(app, group, scratch);
                    left(buffer, place, area, scratch, app.theme.dim());
                }
                continue;
            }
            CellKind::Driver | CellKind::Description => {
                let text = if place.kind == CellKind::Driver { driver(row) } else { description(row) };
                scratch.push_str("  ");
                scratch.push_str(text.unwrap_or_default());
                // A name that is none, on every second row, would be noise.
                let known = row.label.as_ref().is_none_or(|label| label.driver.is_some());
                let named = place.kind == CellKind::Driver && known;
                let style = if named { Style::new() } else { app.theme.dim() };
                left(buffer, place, area, scratch, style);
                continue;
            }
        }
        right(buffer, place, area, scratch, cell_style);
    }
}

/// A verdict without its rate where there is no room for both: half a figure is none.
fn whole_words(brief: &str, width: u16) -> &str {
    if brief.chars().count() + 2 <= usize::from(width) {
        return brief;
    }
    let rate = brief.strip_suffix("/h").and_then(|rest| rest.rsplit_once(' ')?.0.rsplit_once(' '));
    rate.map_or(brief, |(word, _)| word)
}

/// Bytes in a few cells, marked if they are inexact.
fn short_bytes(row: &TableRow, group: Option<&Group>, scratch: &mut String) {
    let bytes = column::BYTES.id;
    if group.map_or_else(|| row.is_marked(bytes), |group| group.is_marked(bytes)) {
        scratch.push('~');
    }
    match row.row.counters.bytes {
        Some(bytes) => write_short(scratch, bytes),
        None => scratch.push('-'),
    }
}

/// ` (   0)`: a change in parentheses, as PoolMon writes it.
fn change_cell(
    app: &App,
    change: &Value<'_>,
    width: u16,
    style: Style,
    magnitude: Magnitude,
    scratch: &mut String,
) -> Style {
    let Value::Signed(change) = *change else { return style };
    let inner = usize::from(width).saturating_sub(3);
    let _ = write!(scratch, "({change:>inner$})");
    style_of_change(app, change, style, magnitude)
}

fn style_of_change(app: &App, change: i64, style: Style, magnitude: Magnitude) -> Style {
    match change {
        0 => app.theme.dim(),
        _ if !app.settings.highlight => style,
        _ => style.patch(app.theme.change(change > 0, magnitude.max(Magnitude::Small))),
    }
}

/// An eighth of a cell, two eighths, …
pub(super) const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Bars between the minimum and the maximum of the last points. A change under 2 % looks flat: it is.
fn spark(app: &App, row: &TableRow, group: Option<&Group>, cells: usize, scratch: &mut String) {
    let sums = group.map(|group| sums(app, group, cells));
    let of_row = || app.history.points(&row.row.tag, row.row.pool, cells).map(|point| point.bytes);
    match &sums {
        Some(sums) => bars(|| sums.iter().copied(), scratch),
        None => bars(of_row, scratch),
    }
}

/// The past of a group: a point is the sum of the rows that were there.
fn sums(app: &App, group: &Group, cells: usize) -> Vec<Option<f32>> {
    let mut sums: Vec<Option<f32>> = Vec::new();
    for row in group.rows.iter().filter_map(|&at| app.view.table.rows.get(at)) {
        for (n, point) in app.history.points(&row.row.tag, row.row.pool, cells).enumerate() {
            if sums.len() <= n {
                sums.push(None);
            }
            if let (Some(sum), Some(bytes)) = (sums.get_mut(n), point.bytes) {
                *sum = Some(sum.unwrap_or(0.0) + bytes);
            }
        }
    }
    sums
}

/// `►!ntfs.sys 12`: what does not fit is cut from the name, never from the number.
fn name_of_group(app: &App, group: &Group, sign: char, width: u16, out: &mut String) {
    let arrow = if app.view.grouping.is_open(group) { '▼' } else { '►' };
    let count = format!(" {}", group.rows.len());
    let room = usize::from(width).saturating_sub(2 + count.len());
    let name = &group.key.name;
    let _ = write!(out, "{arrow}{sign}");
    if name.chars().count() > room {
        out.extend(name.chars().take(room.saturating_sub(1)));
        out.push('…');
    } else {
        out.push_str(name);
    }
    out.push_str(&count);
}

/// The rows of a group in the order of the table, as many as a cell can hold.
fn members(app: &App, group: Option<&Group>, out: &mut String) {
    let rows = group.map(|group| group.rows.as_slice()).unwrap_or_default();
    out.push(' ');
    for row in rows.iter().take(32).filter_map(|&at| app.view.table.rows.get(at)) {
        let _ = write!(out, " {}", row.row.tag.to_string().trim_end());
    }
}

/// Bytes of the pools that a line is part of.
fn of_pools(app: &App, row: &TableRow, group: Option<&Group>) -> u64 {
    let Some(group) = group else { return app.pools.last(row.row.pool) };
    group.pools.iter().map(|pool| app.pools.last(*pool)).fold(0, u64::saturating_add)
}

fn bars<I: Iterator<Item = Option<f32>>>(points: impl Fn() -> I, scratch: &mut String) {
    let (mut least, mut most) = (f32::MAX, f32::MIN);
    for bytes in points().flatten() {
        least = least.min(bytes);
        most = most.max(bytes);
    }
    let range = (most - least).max(most * 0.02).max(1.0);
    scratch.push_str("  ");
    for point in points() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 7")]
        let bar = |bytes: f32| ((bytes - least) / range * 7.0).clamp(0.0, 7.0).round() as usize;
        scratch.push(point.map_or(' ', |bytes| BARS.get(bar(bytes)).copied().unwrap_or('█')));
    }
}

/// Writes a text from the left; what does not fit ends in `…`.
fn left(buffer: &mut Buffer, place: &Place, area: Rect, text: &str, style: Style) {
    let width = place.width.min(area.right().saturating_sub(place.x));
    if width == 0 {
        return;
    }
    let end = buffer.set_stringn(place.x, area.y, text, width.into(), style).0;
    if end == place.x + width && text.chars().count() > usize::from(width) {
        buffer.set_stringn(end - 1, area.y, "…", 1, style);
    }
}

/// Writes a figure at the right edge.
fn right(buffer: &mut Buffer, place: &Place, area: Rect, text: &str, style: Style) {
    let cells = u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
    let room = place.width.min(area.right().saturating_sub(place.x));
    if cells > room {
        // Never half a figure.
        buffer.set_stringn(place.x, area.y, "#".repeat(room.into()), room.into(), style);
        return;
    }
    buffer.set_stringn(place.x + room - cells, area.y, text, cells.into(), style);
}

/// Lines that the totals want: one a pool, and one for what no tag accounts for.
pub(super) fn totals_lines(app: &App) -> usize {
    if !app.settings.totals {
        return 0;
    }
    app.view.table.totals.iter().map(|t| usize::from(t.rows > 0) + usize::from(t.untagged.is_some())).sum()
}

fn totals(app: &App, area: Rect, layout: &ColumnLayout, buffer: &mut Buffer) {
    let sums = app.view.table.totals.iter().filter(|totals| totals.rows > 0).map(|totals| (totals, true));
    let rests =
        app.view.table.totals.iter().filter(|totals| totals.untagged.is_some()).map(|totals| (totals, false));
    for (y, (totals, sum)) in (area.y..).zip(sums.chain(rests)) {
        if y >= area.bottom() {
            return;
        }
        total_line(app, totals, sum, Rect { y, height: 1, ..area }, layout, buffer);
    }
}

fn total_line(app: &App, totals: &Totals, sum: bool, area: Rect, layout: &ColumnLayout, buffer: &mut Buffer) {
    let label = if sum { "Total" } else { " (no tag)" };
    let label = if sum && !app.view.widths.names {
        format!("{label} {}", totals.pool.short())
    } else {
        format!(" {} {}", label.trim_start(), totals.pool.short())
    };
    let style = if sum { app.theme.strong() } else { Style::new() };
    buffer.set_stringn(area.x, area.y, &label, area.width.into(), style);
    let mut scratch = String::new();
    for place in &layout.places {
        if place.column.unit == Unit::Text && place.kind == CellKind::Value {
            continue;
        }
        scratch.clear();
        let (mut value, change) = place.column.total(totals);
        if !sum {
            value = if place.column.id == column::BYTES.id { untagged(totals) } else { Value::Unknown };
        }
        let mut cell_style = style;
        match (place.kind, &value) {
            (CellKind::Value, Value::Unknown) => continue,
            (CellKind::Value, value) => write_value(&mut scratch, value),
            (CellKind::Change, _) if sum => {
                cell_style = change_cell(app, &change, place.width, style, Magnitude::Small, &mut scratch);
            }
            (CellKind::Short, Value::Count(bytes)) => write_short(&mut scratch, *bytes),
            (CellKind::Human, Value::Count(bytes)) => scratch.push_str(&human_bytes(*bytes)),
            (CellKind::Human, Value::Signed(bytes)) => {
                scratch.push_str(if *bytes < 0 { "-" } else { "" });
                scratch.push_str(&human_bytes(bytes.unsigned_abs()));
            }
            _ => continue,
        }
        right(buffer, place, area, &scratch, cell_style);
    }
}
