//! The status line and the line of keys.

use poolmon_model::units::{human_bytes, rough_span, span};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{Regions, ScreenLine, clock};
use crate::app::{App, Mode};
use crate::bindings::{self, View};
use crate::columns::ColumnLayout;

/// Keys of a screen that has no line for them.
const HINT: &str = " h help  q quit";
/// Keys of the question whether a command is to be run.
const RUN: &str = "Enter = run it, Esc = cancel";
const RUN_OF_SEVERAL: &str = "Enter = run it, ↑↓ = another, Esc = cancel";

pub(super) fn draw(app: &App, regions: &Regions, layout: &ColumnLayout, buffer: &mut Buffer) {
    let theme = app.theme;
    // A screen too low for a line of keys still says how to learn of them, and how to leave.
    let hint = if regions.keys.height == 0 && prompt(app).is_none() { HINT } else { "" };
    let cells = u16::try_from(hint.chars().count()).unwrap_or(u16::MAX);
    let hint = if cells <= regions.status.width && regions.status.height > 0 { hint } else { "" };
    let room =
        Rect { width: regions.status.width - if hint.is_empty() { 0 } else { cells }, ..regions.status };
    status(app, &Regions { status: room, ..*regions }, layout, buffer);
    buffer.set_string(room.right(), room.y, hint, theme.accent());
    if let Some((message, _)) = &app.message {
        // On a low screen a message takes the status line.
        let area = if regions.keys.height > 0 { regions.keys } else { regions.status };
        buffer.set_stringn(
            area.x,
            area.y,
            " ".repeat(if area.height > 0 { area.width.into() } else { 0 }),
            area.width.into(),
            theme.strong(),
        );
        let mut line = ScreenLine::new(buffer, area);
        line.part(" ", theme.strong());
        line.cut(message, theme.strong());
        return;
    }
    let mut line = ScreenLine::new(buffer, regions.keys);
    if let Some((_, _, hint)) = prompt(app) {
        // Of the view's keys, none means now what it usually does.
        line.part(" ", theme.dim());
        return line.cut(hint, theme.dim());
    }
    for (entry, brief) in bindings::footer(app.mode.view(), app.feed.is_tape()) {
        let key = app.settings.keys.short_label(entry);
        let needs = key.chars().count() + brief.chars().count() + 3;
        if needs > usize::from(line.left()) {
            break;
        }
        line.part(" ", theme.dim());
        line.part(&key, theme.accent());
        line.part(" ", theme.dim());
        line.part(brief, ratatui::style::Style::new());
        line.part(" ", theme.dim());
    }
}

fn prompt(app: &App) -> Option<(&'static str, String, &'static str)> {
    match &app.mode {
        Mode::Session(text) => {
            Some((" Session id: ", text.clone(), "Enter = all sessions, S = system, Esc = cancel"))
        }
        Mode::Jump { text, .. } => Some((
            " Go to: @",
            text.clone(),
            "2026-11-22 14:00, 14:05, ±2h from here, start, end; Esc = cancel",
        )),
        Mode::Run { at } => {
            let commands = app.next_commands();
            let keys = if commands.len() > 1 { RUN_OF_SEVERAL } else { RUN };
            Some((" Run this command? ", commands.get(*at)?.clone(), keys))
        }
        Mode::Search(text) => Some((
            " Search: ",
            text.clone(),
            "Enter keeps, Esc clears; ntf*, owner:ntfs, pool:paged, verdict:leak, >10M",
        )),
        _ => None,
    }
}

/// Where the cursor is while something is typed.
pub(super) fn cursor(app: &App, regions: &Regions) -> Option<Position> {
    let (label, text, _) = prompt(app).filter(|_| !matches!(app.mode, Mode::Run { .. }))?;
    let x = u16::try_from(label.chars().count() + text.chars().count()).ok()?;
    (regions.status.height > 0 && x < regions.status.width).then(|| Position::new(x, regions.status.y))
}

fn status(app: &App, regions: &Regions, layout: &ColumnLayout, buffer: &mut Buffer) {
    let theme = app.theme;
    let mut line = ScreenLine::new(buffer, regions.status);
    if let Some((label, text, hint)) = prompt(app) {
        line.part(label, theme.accent());
        line.cut(&text, theme.strong());
        // With a line of keys, the hint is there.
        if regions.keys.height == 0 {
            line.part("   ", theme.dim());
            line.part(hint, theme.dim());
        }
        return;
    }
    let age = app.clock.as_second() - app.arrived.as_second();
    // What is wrong with a file's figures has to be seen for as long as they are.
    if let Some(remark) = app.now.remarks.first().filter(|_| app.feed.is_still()) {
        line.cut(&format!(" {remark} "), theme.warning());
        return;
    }
    if let Some(trouble) = &app.trouble {
        let text = format!(" data from {}, {age} s old: {trouble} ", clock(app, app.arrived));
        line.cut(&text, theme.warning());
        return;
    }
    let waited = app.waiting.map_or(0, |since| app.clock.as_second() - since.as_second());
    if waited >= 3 {
        let text =
            format!(" data from {}: the system has not answered for {waited} s ", clock(app, app.arrived));
        line.cut(&text, theme.warning());
        return;
    }
    if app.shows_holders() {
        line.cut(&super::holders::about(app), theme.dim());
        return;
    }
    if let Some(damage) = &app.damage {
        line.cut(&format!(" {damage} "), theme.warning());
        return;
    }
    if let Some((mark, distance)) = app.near_mark() {
        line.cut(&format!(" {}{} ", mark.sentence(), away(distance)), theme.accent());
    }
    if let Some((trace, progress)) =
        app.detail.trace.as_ref().and_then(|trace| Some((trace, trace.progress()?)))
    {
        line.part(&format!(" tracing {}: {progress} ", trace.key.0), theme.accent());
    }
    if !app.settings.totals {
        for totals in &app.view.table.totals {
            if let Some(untagged) = totals.untagged {
                let text = format!(" (no tag) {} {} ", totals.pool.short(), human_bytes(untagged));
                line.part(&text, theme.dim());
            }
        }
    }
    let shown = || (app.view.top..app.view.top + app.page()).filter_map(|at| app.view.row_at(at));
    if shown().any(|row| row.row.counters.inexact) {
        line.part(" ~ inexact: incomplete or rounded at the source ", theme.dim());
    } else if shown().any(poolmon_model::TableRow::is_inexact) {
        line.part(" ~ inexact: the kernel's counter wrapped ", theme.dim());
    }
    if app.verdicts.is_pending() {
        line.part(" looking for leaks … ", theme.accent());
    }
    if let Some(left) = app.verdicts.left() {
        line.part(&format!(" verdicts in {} ", rough_span(left)), theme.dim());
    }
    if (layout.hidden > 0 || app.view.skip > 0) && app.mode.view() == View::Table {
        line.part(&format!(" ←→ columns that do not fit: {} ", layout.hidden), theme.dim());
    }
    if app.now.disagreeing > 0 {
        line.part(&format!(" {} rows contradict themselves ", app.now.disagreeing), theme.dim());
    }
    if app.view.len() > app.page() {
        let last = (app.view.top + app.page()).min(app.view.len());
        let what = if app.view.grouping.by.is_some() { "lines" } else { "rows" };
        line.part(&format!(" {what} {}-{last} ", app.view.top + 1), theme.dim());
    }
}

/// Where a mark is, seen from the shown moment.
fn away(distance: jiff::SignedDuration) -> String {
    let length = span(distance.unsigned_abs());
    match distance.as_millis() {
        0 => String::new(),
        1.. => format!(" (in {length})"),
        _ => format!(" ({length} ago)"),
    }
}
