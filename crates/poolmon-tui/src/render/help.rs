//! The help page.

use ratatui::Frame;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use crate::app::App;

/// Headings have an empty key.
const ORDER: &[(&str, &str)] = &[
    ("", "Order and rows"),
    ("t a f d b m", "sort by tag, allocs, frees, diff (or s), bytes, per alloc"),
    ("v", "sort by verdict: leaks first, when there is enough data"),
    ("( or )", "switch between sorting by value and by change"),
    ("z", "reverse the order (or click the sorted title)"),
    ("p", "nonpaged, paged, all (Linux: each pool in turn)"),
    ("/", "search tags and drivers; * and ? are wildcards"),
    ("0-9  i", "a session's pool (old systems); i prompts for its id"),
    ("e  l", "totals at the bottom; highlighting on and off"),
];

const LIVE: &[(&str, &str)] = &[
    ("", "Time"),
    ("Space  r", "pause and resume; refresh now (any unused key does, too)"),
    ("=", "show changes since this moment; press = again to end"),
    ("+  -", "longer or shorter interval"),
];

/// What the keys do while a tape is shown.
const TAPE: &[(&str, &str)] = &[
    ("", "Time of the recording"),
    ("Space", "play and pause"),
    (", .", "one sample back, one forward; or Shift with ← →"),
    ("j k  J K", "a minute back, forward; an hour back, forward"),
    ("{ }", "a day back, a day forward"),
    ("< >", "slower, faster: 1, 2, 10, 60, 600 times, max"),
    ("@", "go to 2026-11-22 14:00, 14:05, -2h, +10m, start, end"),
    ("[ ]", "previous, next mark: note, gap, reboot, modules"),
    ("Home End", "start; end: new samples follow while it is recorded"),
    ("=", "show changes since this sample; press = again to end"),
    ("c", "how much time the chart in the detail shows"),
    ("the curve", "bytes of all pools; the figure is the current sample's"),
];

const CLOSER: &[(&str, &str)] = &[
    ("", "Looking closer"),
    ("Enter", "details of the selected row (or double-click)"),
    ("T", "trace a live row for 20 s: the stacks that keep its memory"),
    ("↑ ↓ PgUp PgDn", "select a row; Home clears the selection, End goes to the last"),
    ("← →  w", "columns that do not fit; write a snapshot to a file"),
    ("q or Esc", "quit; Esc first closes what is open"),
    ("", "Marks"),
    ("+Tag  -Tag", "new since the last refresh; gone: everything freed"),
    ("(  12)  ~0", "change; inexact: the kernel's 32-bit counter wrapped"),
    ("(no tag)", "bytes that the system counts but no tag accounts for"),
];

/// Lines of the page.
pub(crate) fn lines(app: &App) -> u16 {
    u16::try_from(entries(app).count()).unwrap_or(u16::MAX) + 1
}

/// What is on it: the keys of time are others where a tape is shown.
fn entries(app: &App) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let (tape, live) = if app.replay.is_some() { (TAPE, &[][..]) } else { (&[][..], LIVE) };
    tape.iter().chain(ORDER).chain(live).chain(CLOSER)
}

pub(super) fn draw(app: &App, at: u16, frame: &mut Frame<'_>) {
    let theme = app.theme;
    let area = frame.area();
    let mut lines: Vec<Line<'_>> = entries(app)
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
    let more = self::lines(app).saturating_sub(area.height.saturating_sub(2)) > 0;
    let bottom = if more { " ↑↓ scrolls, Esc closes " } else { " Esc closes " };
    let block = Block::bordered()
        .title(Span::styled(" poolmon: which driver is eating the kernel's memory ", theme.strong()))
        .title_bottom(Span::styled(bottom, theme.dim()))
        .border_style(theme.dim());
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).style(Style::new()).block(block).scroll((at, 0)), area);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_has_the_same_keys() {
        let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/screen.md");
        let guide = std::fs::read_to_string(guide).unwrap();
        let (_, section) = guide.split_once("## Keys").expect("a section on keys");
        let section = section.split("\n## ").next().unwrap_or_default();
        let named: Vec<&str> =
            section.split('`').skip(1).step_by(2).flat_map(str::split_whitespace).collect();
        let keys = ORDER.iter().chain(LIVE).flat_map(|(keys, _)| keys.split_whitespace());
        for key in keys.filter(|key| key.chars().count() == 1) {
            assert!(named.contains(&key), "`{key}` is on the help page, not in docs/guide/screen.md");
        }
    }
}
