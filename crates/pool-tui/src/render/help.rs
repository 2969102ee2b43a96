//! The help page.

use ratatui::Frame;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use crate::app::App;

/// Headings have an empty key.
const HELP: &[(&str, &str)] = &[
    ("", "Order and rows"),
    ("t  a  f", "sort by tag, allocs, frees"),
    ("d or s", "sort by diff: outstanding allocations"),
    ("b  m", "sort by bytes, by bytes per allocation"),
    ("( or )", "sort by value, or by change"),
    ("z", "turn the order around; a click on a title does too"),
    ("p", "nonpaged, paged, all (Linux: each pool in turn)"),
    ("/", "search tags and drivers; * and ? are wildcards"),
    ("0-9  i", "a session's pool (old systems); i asks for the id"),
    ("e  l", "totals at the bottom; highlighting on and off"),
    ("", "Time"),
    ("Space", "pause and go on"),
    ("=", "show everything against now; = again ends it"),
    ("+  -", "longer or shorter interval"),
    ("r", "refresh at once; so does any key without a meaning"),
    ("", "Looking closer"),
    ("Enter", "detail of the selected row; a double click too"),
    ("↑↓ PgUp PgDn", "select a row and scroll; Home lets go of it, End is the last"),
    ("← →", "columns that do not fit"),
    ("w", "write a snapshot to a file"),
    ("q or Esc", "quit; Esc first closes what is open"),
    ("", "Marks"),
    ("+Tag  -Tag", "new since the last refresh; gone: it gave everything back"),
    ("(  12)", "change since the last refresh, or since the baseline"),
    ("~0", "inexact: the kernel's 32-bit counter wrapped"),
    ("(no tag)", "bytes the system counts and no tag accounts for"),
];

/// Lines of the page.
pub(crate) fn lines() -> u16 {
    u16::try_from(HELP.len()).unwrap_or(u16::MAX) + 2
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
