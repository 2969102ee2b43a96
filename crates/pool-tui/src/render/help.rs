//! The help page.

use ratatui::Frame;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use crate::app::App;

/// Headings have an empty key.
const HELP: &[(&str, &str)] = &[
    ("", "Order and rows"),
    ("t a f d b m", "sort by tag, allocs, frees, diff (or s), bytes, per alloc"),
    ("v", "sort by verdict: what leaks first, once there is enough data"),
    ("( or )", "sort by value, or by change"),
    ("z", "turn the order around; a click on the sorted title does too"),
    ("p", "nonpaged, paged, all (Linux: each pool in turn)"),
    ("/", "search tags and drivers; * and ? are wildcards"),
    ("0-9  i", "a session's pool (old systems); i asks for its id"),
    ("e  l", "totals at the bottom; highlighting on and off"),
    ("", "Time"),
    ("Space  r", "pause and go on; refresh at once, as any unused key does"),
    ("=", "show all changes since now; = again ends it"),
    ("+  -", "longer or shorter interval"),
    ("", "Looking closer"),
    ("Enter", "detail of the selected row; a double click too"),
    ("↑ ↓ PgUp PgDn", "select a row; Home lets go of it, End goes to the last"),
    ("← →  w", "columns that do not fit; write a snapshot to a file"),
    ("q or Esc", "quit; Esc first closes what is open"),
    ("", "Marks"),
    ("+Tag  -Tag", "new since the last refresh; gone: gave everything back"),
    ("(  12)  ~0", "change; inexact: the kernel's 32-bit counter wrapped"),
    ("(no tag)", "bytes that the system counts and no tag accounts for"),
];

/// Lines of the page.
pub(crate) fn lines() -> u16 {
    u16::try_from(HELP.len()).unwrap_or(u16::MAX) + 1
}

pub(super) fn draw(app: &App, at: u16, frame: &mut Frame<'_>) {
    let theme = app.theme;
    let area = frame.area();
    let mut lines: Vec<Line<'_>> = HELP
        .iter()
        .map(|(key, what)| {
            if key.is_empty() {
                Line::from(Span::styled(
                    format!(" {what}"),
                    theme.strong().add_modifier(ratatui::style::Modifier::UNDERLINED),
                ))
            } else {
                Line::from(vec![Span::styled(format!("  {key:<14}"), theme.accent()), Span::raw(*what)])
            }
        })
        .collect();
    let colours = vec![
        Span::raw("  "),
        Span::styled(format!("{:<14}", "colours"), theme.strong()),
        Span::styled("grew", theme.grew()),
        Span::raw(", "),
        Span::styled("shrank", theme.shrank()),
        Span::raw(", "),
        Span::styled("new", theme.new_row()),
        Span::raw(", "),
        Span::styled("gone", theme.gone()),
        Span::raw("; they fade over three refreshes"),
    ];
    lines.push(Line::from(colours));
    let more = crate::render::help::lines().saturating_sub(area.height.saturating_sub(2)) > 0;
    let bottom = if more { " ↑↓ scrolls, Esc closes " } else { " Esc closes " };
    let block = Block::bordered()
        .title(Span::styled(" poolmon: which driver is eating the kernel's memory ", theme.strong()))
        .title_bottom(Span::styled(bottom, theme.dim()))
        .border_style(theme.dim());
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).style(Style::new()).block(block).scroll((at, 0)), area);
}
