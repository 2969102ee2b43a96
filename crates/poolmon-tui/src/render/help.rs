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
    ("e  l  x", "totals; highlighting; kmalloc-rnd-* in one row, or each"),
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
    ("o", "holders, of the selected row or all; Enter lists kinds"),
    ("T", "trace a live row for 20 s: the stacks that keep its memory"),
    ("↑ ↓ PgUp PgDn", "select a row; Home clears the selection, End goes to the last"),
    ("← →  w", "columns that do not fit; write a snapshot to a file"),
    ("q or Esc", "quit; Esc first closes what is open"),
    ("", "Marks"),
    ("+Tag  -Tag", "new since the last refresh; gone: everything freed"),
    ("(  12)  ~0", "change; inexact: the kernel's 32-bit counter wrapped"),
    ("(no tag)", "bytes that the system counts but no tag accounts for"),
];

/// Cells of a line that its text does not have: the border, and the keys.
const KEYS: u16 = 2 + 16;

/// Lines of the page.
pub(crate) fn lines(app: &App) -> u16 {
    let lines: usize = entries(app).map(|(_, what)| wrapped(what, app.size.0).len()).sum();
    u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(1)
}

/// The lines of a text next to its keys, on a screen of this width: broken at blanks, as a narrow screen would cut the
/// meaning off. A word that is longer than a line stays whole.
fn wrapped(what: &str, width: u16) -> Vec<&str> {
    let room = usize::from(width.saturating_sub(KEYS));
    let mut lines = Vec::new();
    let mut rest = what;
    while rest.chars().count() > room {
        let fits = |&(at, _): &(usize, &str)| {
            at > 0 && rest.get(..at).is_some_and(|line| line.chars().count() <= room)
        };
        let blanks = || rest.match_indices(' ');
        let Some((at, _)) = blanks().take_while(|blank| fits(blank)).last().or_else(|| blanks().next())
        else {
            break;
        };
        let (line, after) = rest.split_at(at);
        lines.push(line);
        rest = after.trim_start();
    }
    lines.push(rest);
    lines
}

/// What is on it: the keys of time are others where a tape is shown.
fn entries(app: &App) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let (tape, live) = if app.replay.is_some() { (TAPE, &[][..]) } else { (&[][..], LIVE) };
    tape.iter().chain(ORDER).chain(live).chain(CLOSER)
}

pub(super) fn draw(app: &App, at: u16, frame: &mut Frame<'_>) {
    let theme = app.theme;
    let area = frame.area();
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (key, what) in entries(app) {
        if key.is_empty() {
            let heading = theme.strong().add_modifier(ratatui::style::Modifier::UNDERLINED);
            lines.push(Line::from(Span::styled(format!(" {what}"), heading)));
            continue;
        }
        for (at, what) in wrapped(what, app.size.0).into_iter().enumerate() {
            let key = if at == 0 { key } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!("  {key:<14}"), theme.accent()),
                Span::raw(what),
            ]));
        }
    }
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
    fn a_narrow_screen_cuts_no_text_off() {
        let every = || [ORDER, LIVE, TAPE, CLOSER].into_iter().flatten();
        for width in [20, 40, 60, 80, 200] {
            for (_, what) in every() {
                let lines = wrapped(what, width);
                assert_eq!(lines.join(" "), *what, "{width}");
                let room = usize::from(width - KEYS);
                let fits = |line: &&str| line.chars().count() <= room || !line.contains(' ');
                assert!(lines.iter().all(fits), "{width}: {lines:?}");
            }
        }
        assert!(
            every().all(|(_, what)| wrapped(what, 80).len() == 1),
            "80 columns have room for each in one line"
        );
    }

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
