//! The help page of a view: its keys, as the table of bindings has them, and a line for each term on the screen.

use poolmon_model::column::{COLUMNS, Column};
use poolmon_model::{MarkKind, Pool, SourceKind, Value};
use ratatui::Frame;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use crate::app::App;
use crate::bindings::{self, Section, View};
use crate::theme::Magnitude;

/// Terms of the table that are no column: what they are called on the screen, and what they mean.
const TERMS: &[(&str, &str)] = &[
    ("Size", "bytes, as people read them"),
    ("( 12)  Δ", "the change since the last refresh, or since the baseline"),
    ("Trend", "bytes of the last refreshes; under 2 % of change is flat"),
    ("+Tag  -Tag", "new since the last refresh; gone: everything is freed"),
    ("!Tag  ?Tag", "leaks; may leak: by the verdict on all samples"),
    ("~", "inexact: the counter wrapped, or the source says so"),
    ("(no tag)", "bytes that the system counts but no row accounts for"),
];

/// What is in each pool.
const POOLS: &[(Pool, &str)] = &[
    (Pool::Nonpaged, "nonpaged pool: always in memory"),
    (Pool::Paged, "paged pool: may be written to the page file"),
    (Pool::Reclaimable, "slab the kernel may shrink when it needs memory"),
    (Pool::Unreclaimable, "slab that stays until its users free it"),
    (Pool::Vmalloc, "virtually contiguous areas, by the function that asked"),
    (Pool::CallSite, "memory by the source line that allocated it"),
    (Pool::KernelStack, "stacks of tasks in the kernel"),
    (Pool::PageTables, "page tables of processes"),
    (Pool::PerCpu, "memory that each processor has a copy of"),
];

/// Terms of a table that is grouped.
const GROUPS: &[(&str, &str)] = &[
    ("►Name 12", "a group that is folded, with its rows; ▼ unfolded"),
    ("mixed", "its rows hold several kinds of memory"),
    ("2 leak", "how many rows leak, and how fast together"),
    ("Lockstep", "rows that grow by equal counts: one cause"),
];

const HOLDERS: &[(&str, &str)] = &[
    ("Objects", "kernel objects that the holder keeps, each once"),
    ("Kernel", "memory of them; ~ estimated: what they take in their caches"),
    ("Δ", "against the count before, or the baseline; new: not there then"),
    ("Kept", "gained over the last counts, and kept; here sorted by it"),
    ("Trend", "the last counts"),
];

const TAPE: &[(&str, &str)] = &[("the curve", "bytes of all pools; the figure is the current sample's")];

/// Cells of a line that its text does not have: the border, and the keys.
const KEYS: u16 = 2 + 16;

/// A line of the page: a heading, which has no key, or a key or term and what it means.
type HelpLine = (String, &'static str);

/// Lines of the page.
pub(crate) fn lines(app: &App, view: View) -> u16 {
    let lines: usize = content(app, view).iter().map(|(_, what)| wrapped(what, app.size.0).len()).sum();
    u16::try_from(lines + colours(app).len()).unwrap_or(u16::MAX)
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

/// What the colours of the table mean.
fn colours(app: &App) -> Vec<Line<'static>> {
    let theme = app.theme;
    let part = |text: &'static str, style| Span::styled(text, style);
    let colours = [
        part("leaks", theme.leaking()),
        part(" (by verdict), ", Style::new()),
        part("+grew much", theme.change(true, Magnitude::Large)),
        part(", ", Style::new()),
        part("+grew", theme.change(true, Magnitude::Some)),
        part(", ", Style::new()),
        part("-shrank", theme.change(false, Magnitude::Some)),
        part(", steady", theme.dim()),
    ];
    wrapped_parts(part("  colours       ", theme.strong()), colours, app.size.0)
}

/// Parts next to their keys, on as many lines as a screen of this width needs.
fn wrapped_parts<'a>(key: Span<'a>, parts: impl IntoIterator<Item = Span<'a>>, width: u16) -> Vec<Line<'a>> {
    let indent = " ".repeat(key.content.chars().count());
    let room = usize::from(width.saturating_sub(2)).max(indent.len() + 1);
    let mut lines = vec![Line::from(key)];
    for part in parts {
        let Some(line) = lines.last_mut() else { break };
        if line.width() + part.content.trim_end().chars().count() > room {
            lines.push(Line::from(vec![Span::raw(indent.clone()), part]));
        } else {
            line.push_span(part);
        }
    }
    lines
}

/// What is on the page.
fn content(app: &App, view: View) -> Vec<HelpLine> {
    let tape = app.feed.is_tape();
    let mut lines = Vec::new();
    // Of a tape, time is what is new to a person who knows the screen.
    let mut sections = Section::ALL;
    sections.sort_by_key(|section| !(tape && *section == Section::Time));
    for section in sections {
        let here = || bindings::entries().filter(|it| it.section == section && it.applies(view, tape));
        if here().next().is_some() {
            lines.push((String::new(), section.title()));
        }
        lines.extend(here().map(|entry| (app.settings.keys.label(entry), entry.help)));
    }
    lines.push((String::new(), "Terms"));
    let fixed = |(term, what): &(&str, &'static str)| ((*term).to_owned(), *what);
    if matches!(view, View::Holders | View::Kinds) {
        lines.extend(HOLDERS.iter().map(fixed));
    } else {
        // A term that nothing on the screen uses explains nothing.
        let known = |column: &Column| {
            app.view.table.rows.iter().any(|row| !matches!(column.value(row), Value::Unknown))
        };
        let used = |column: &&&'static Column| column.always || known(column);
        let title = |column: &Column| match column.id {
            "tag" if app.view.widths.names => "Name".to_owned(),
            _ => column.title.to_owned(),
        };
        lines.extend(COLUMNS.iter().filter(used).map(|column| (title(column), column.about)));
        lines.extend(TERMS.iter().map(fixed));
        if app.view.grouping.by.is_some() {
            lines.extend(GROUPS.iter().map(fixed));
        }
        let here = |pool: &Pool| app.now.origin.pools.contains(pool);
        let pools = POOLS.iter().filter(|(pool, _)| here(pool));
        lines.extend(pools.map(|(pool, what)| (pool.short().to_owned(), *what)));
        if app.now.origin.kind == SourceKind::Windows && app.now.header.resident_kernel.is_some() {
            lines.push(("Krnl  P".to_owned(), "in memory: code of the kernel, and paged pool"));
        }
    }
    if tape {
        lines.extend(TAPE.iter().map(fixed));
        lines.extend(MarkKind::ALL.iter().map(|kind| (kind.letter().to_owned(), kind.word())));
    }
    lines
}

pub(super) fn draw(app: &App, at: u16, view: View, frame: &mut Frame<'_>) {
    let theme = app.theme;
    let area = frame.area();
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (key, what) in content(app, view) {
        if key.is_empty() {
            let heading = theme.strong().add_modifier(ratatui::style::Modifier::UNDERLINED);
            lines.push(Line::from(Span::styled(format!(" {what}"), heading)));
            continue;
        }
        for (at, what) in wrapped(what, app.size.0).into_iter().enumerate() {
            let key = if at == 0 { key.as_str() } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!("  {key:<14}"), theme.accent()),
                Span::raw(what),
            ]));
        }
    }
    lines.extend(colours(app));
    let more = self::lines(app, view) > area.height.saturating_sub(2);
    let bottom = if more { " ↑↓ scrolls, Esc closes " } else { " Esc closes " };
    let title = format!(" Keys and terms: {} ", view.title());
    let block = Block::bordered()
        .title(Span::styled(title, theme.strong()))
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
        let terms = [TERMS, GROUPS, HOLDERS, TAPE].into_iter().flatten().map(|(_, what)| *what);
        let pools = POOLS.iter().map(|(_, what)| *what);
        let columns = COLUMNS.iter().map(|column| column.about);
        let every: Vec<&str> =
            bindings::entries().map(|entry| entry.help).chain(terms).chain(pools).chain(columns).collect();
        for width in [20, 40, 60, 80, 200] {
            for what in &every {
                let lines = wrapped(what, width);
                assert_eq!(lines.join(" "), *what, "{width}");
                let room = usize::from(width - KEYS);
                let fits = |line: &&str| line.chars().count() <= room || !line.contains(' ');
                assert!(lines.iter().all(fits), "{width}: {lines:?}");
            }
        }
        for width in [20, 40, 60, 80] {
            let words = ["leaks", " (by verdict), ", "+grew much", ", ", "+grew"].map(Span::raw);
            let lines = wrapped_parts(Span::raw("  colours       "), words, width);
            assert!(width < 40 || lines.iter().all(|line| line.width() < usize::from(width)), "{width}");
            assert_eq!(lines.len() == 1, width > 57, "{width}: {lines:?}");
        }
        for what in every {
            assert_eq!(wrapped(what, 80).len(), 1, "80 columns have no room for `{what}`");
        }
    }
}
