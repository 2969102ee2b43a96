//! The list of columns, over the rows.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;
use ratatui::widgets::{Block, Clear};

use super::{Regions, ScreenLine};
use crate::app::App;
use crate::columns::{CellKind, Choice};
use crate::config::quoted;
use crate::tracing::wrapped;

/// The pane, its border included.
fn area(regions: &Regions) -> Rect {
    Rect {
        y: regions.titles.y,
        height: regions.titles.height + regions.rows.height + regions.totals.height,
        ..regions.rows
    }
}

/// The list, and below it the line for the configuration file, which goes first where there is no room.
fn parts(app: &App, regions: &Regions) -> (Rect, Vec<String>) {
    let inner = Block::bordered().inner(area(regions));
    let lines = wrapped(&[line_of_file(app)], inner.width.saturating_sub(1));
    let needs = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    if inner.height < needs.saturating_add(4) {
        return (inner, Vec::new());
    }
    (Rect { height: inner.height - needs, ..inner }, lines)
}

/// What keeps these columns for the next time.
fn line_of_file(app: &App) -> String {
    let names: Vec<String> = match &app.settings.columns {
        Some(chosen) => chosen.iter().map(|choice| quoted(&choice.name())).collect(),
        None => Vec::new(),
    };
    format!("columns = [{}]", names.join(", "))
}

/// Lines of the list that fit on the screen.
pub(crate) fn page(app: &App) -> usize {
    parts(app, &super::regions(app)).0.height.into()
}

/// The first line of the list on the screen, if this one is selected.
fn top(at: usize, page: usize) -> usize {
    (at + 1).saturating_sub(page)
}

/// The line of the list at a line of the screen.
pub(crate) fn line_at(app: &App, at: usize, y: u16) -> Option<usize> {
    let list = parts(app, &super::regions(app)).0;
    let line = top(at, list.height.into()) + usize::from(y.checked_sub(list.y)?);
    (y < list.bottom() && line < app.choices().len()).then_some(line)
}

/// Its title in the table; of a change, that of its value.
fn title(choice: Choice) -> String {
    match choice.kind {
        CellKind::Value | CellKind::Short => choice.column.title.to_owned(),
        CellKind::Change | CellKind::ShortChange => format!("{} Δ", choice.column.title),
        _ => {
            let mut name = choice.name();
            if let Some(first) = name.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            name
        }
    }
}

pub(super) fn draw(app: &App, regions: &Regions, at: usize, frame: &mut Frame<'_>) {
    let theme = app.theme;
    let area = area(regions);
    let (choices, chosen) = (app.choices(), app.chosen());
    let hidden = app.layout().hidden;
    let about = match (&app.settings.columns, hidden) {
        (None, _) => " those that say most and fit ".to_owned(),
        (Some(_), 0) => " chosen; all of them fit ".to_owned(),
        (Some(_), hidden) => format!(" chosen; ← → scroll to the {hidden} that do not fit "),
    };
    let block = Block::bordered()
        .title(Span::styled(" Columns ", theme.strong()))
        .title_bottom(Span::styled(about, theme.dim()))
        .border_style(theme.dim());
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    let (list, file) = parts(app, regions);
    let buffer = frame.buffer_mut();
    let page = usize::from(list.height);
    for ((n, choice), y) in choices.iter().enumerate().skip(top(at, page)).take(page).zip(list.y..) {
        let line = Rect { y, height: 1, ..list };
        let is_chosen = chosen.contains(choice);
        let mut parts = ScreenLine::new(buffer, line);
        parts.part(if is_chosen { " [x] " } else { " [ ] " }, theme.accent());
        let style = if is_chosen { theme.strong() } else { Style::new() };
        parts.part(&format!("{:<15}", title(*choice)), style);
        parts.cut(choice.about(), theme.dim());
        if n == at {
            theme.select_line(line, buffer);
        }
    }
    if file.is_empty() {
        return;
    }
    let below = Rect { y: list.bottom() + 1, height: 1, ..list };
    ScreenLine::new(buffer, below)
        .cut(" For the next time, in the file that poolmon config names:", theme.dim());
    for (line, y) in file.iter().zip(below.y + 1..) {
        let mut parts = ScreenLine::new(buffer, Rect { y, ..below });
        parts.part(" ", theme.accent());
        parts.cut(line.trim_start(), theme.accent());
    }
}
