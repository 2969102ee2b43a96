//! The detail pane: exact figures, what is known of the tag, and bytes and diff over time.

use std::fmt::Write as _;
use std::time::Duration;

use poolmon_model::column::{COLUMNS, Column, Unit};
use poolmon_model::units::{
    counted, grouped, grouped_change, grouped_signed, human_bytes, human_change, rough_span,
};
use poolmon_model::{Gravity, TableRow, Value};
use poolmon_source::Fact;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use super::{Regions, curve};
use crate::app::App;
use crate::history::Point;
use crate::theme::Strokes;
use crate::tracing::{RowTrace, TraceState, wrapped};

pub(super) fn draw(app: &App, regions: &Regions, frame: &mut Frame<'_>) {
    let Some(row) = app.current() else { return };
    let area = area(regions);
    let trace = app.shown_trace();
    let mut title = format!(" {}  {} ", row.row.tag, row.row.pool.long());
    if let Some(trace) = trace {
        let _ = write!(title, " traced until {} ", super::clock(app, trace.at));
    }
    let block =
        Block::bordered().title(Span::styled(title, app.theme.strong())).border_style(app.theme.dim());
    frame.render_widget(Clear, area);
    let inner = block.inner(area);
    if let Some(trace) = trace.filter(|_| !is_wide(inner)) {
        frame.render_widget(block, area);
        return draw_trace(app, trace, inner, frame);
    }
    let points = app.points_of(&(row.row.tag.clone(), row.row.pool));
    let text = text(app, row, &points, text_width(inner));
    let (left, charts) = divided(inner, text.len());
    let below = text.len().saturating_sub(usize::from(app.detail.scroll) + usize::from(left.height));
    let more = match below {
        0 if app.detail.scroll > 0 => " PgUp: back ".to_owned(),
        0 => String::new(),
        below => format!(" PgDn: {} more ", counted(below as u64, "line")),
    };
    frame.render_widget(block.title_bottom(Span::styled(more, app.theme.accent())), area);
    if let Some(trace) = trace {
        draw_trace(app, trace, trace_area(inner), frame);
    }
    frame.render_widget(Paragraph::new(text).scroll((app.detail.scroll, 0)), left);
    if trace.is_none() {
        draw_charts(app, &points, charts, frame);
    }
}

/// The pane, its border included.
fn area(regions: &Regions) -> Rect {
    Rect {
        y: regions.titles.y,
        height: regions.titles.height + regions.rows.height + regions.totals.height,
        ..regions.rows
    }
}

/// Whether there is room for two things next to each other.
fn is_wide(inner: Rect) -> bool {
    inner.width >= 112
}

/// Figures, and what is to the right of them.
fn beside(inner: Rect) -> (Rect, Rect) {
    let wide = (inner.width / 2).clamp(74, 78);
    (Rect { width: wide, ..inner }, Rect { x: inner.x + wide, width: inner.width - wide, ..inner })
}

/// Cells of a line of text.
fn text_width(inner: Rect) -> u16 {
    if is_wide(inner) { beside(inner).0.width } else { inner.width }
}

/// Where the text of `lines` lines is, and where the charts are.
fn divided(inner: Rect, lines: usize) -> (Rect, Rect) {
    if is_wide(inner) {
        return beside(inner);
    }
    let lines = u16::try_from(lines).unwrap_or(u16::MAX);
    let low = lines.min(inner.height.saturating_sub(6).max(inner.height / 2));
    // No chart, no room for it.
    let low = if has_chart(inner.width, inner.height - low) { low } else { inner.height };
    (Rect { height: low, ..inner }, Rect { y: inner.y + low, height: inner.height - low, ..inner })
}

/// Lines of the text that fit on the screen, and by how many lines it can be scrolled.
pub(crate) fn text_scroll(app: &App) -> (u16, u16) {
    let Some(row) = app.current() else { return (0, 0) };
    let inner = Block::bordered().inner(area(&super::regions(app)));
    let points = app.points_of(&(row.row.tag.clone(), row.row.pool));
    let lines = text(app, row, &points, text_width(inner)).len();
    let room = divided(inner, lines).0.height;
    (room, u16::try_from(lines).unwrap_or(u16::MAX).saturating_sub(room))
}

/// Where stacks are: to the right of the figures, or in their place.
fn trace_area(inner: Rect) -> Rect {
    if is_wide(inner) { beside(inner).1 } else { inner }
}

/// Lines of the stacks that fit on the screen, and by how many lines they can be scrolled.
pub(crate) fn trace_scroll(app: &App) -> (u16, u16) {
    let area = trace_area(Block::bordered().inner(area(&super::regions(app))));
    let lines = match app.shown_trace().map(|trace| &trace.state) {
        Some(TraceState::Done(lines)) => wrapped(lines, area.width).len(),
        _ => 0,
    };
    (area.height, u16::try_from(lines).unwrap_or(u16::MAX).saturating_sub(area.height))
}

fn draw_trace(app: &App, trace: &RowTrace, area: Rect, frame: &mut Frame<'_>) {
    let TraceState::Done(lines) = &trace.state else { return };
    let lines = wrapped(lines, area.width);
    let lines = lines.iter().skip(usize::from(trace.scroll)).take(usize::from(area.height));
    let styled = lines.map(|line| {
        // The frame of the owner.
        let style = if line.trim_start().starts_with("> ") { app.theme.strong() } else { Style::new() };
        Line::styled(line.as_str(), style)
    });
    frame.render_widget(Paragraph::new(styled.collect::<Vec<_>>()), area);
}

/// Title of a command that is worth running if the row leaks.
pub(crate) const NEXT: &str = "Next";
/// Cells of a title and the blanks around it.
const TITLE: u16 = 12;
/// A narrower pane breaks the lines of figures.
const FIGURES: u16 = 67;

/// The verdict first, as it is what the pane is opened for; figures, owner, trace, what else is known.
fn text(app: &App, row: &TableRow, points: &[Point], width: u16) -> Vec<Line<'static>> {
    let theme = app.theme;
    let mut lines = Vec::new();
    let mut titled =
        |title: &str, text: &str, style: Style| put(&mut lines, (title, theme.dim()), text, style, width);
    if let Some(verdict) = &row.verdict {
        for (n, text) in verdict.lines.iter().enumerate() {
            let (title, style) = if n == 0 { ("Verdict", theme.strong()) } else { ("", Style::new()) };
            titled(title, text, style);
        }
    }
    let known = |next: bool| app.detail.known.iter().filter(move |fact| (fact.title == NEXT) == next);
    if row.gravity() >= Some(Gravity::Suspected) {
        for (n, fact) in known(true).enumerate() {
            titled(if n == 0 { NEXT } else { "" }, &fact.value, theme.accent());
        }
    }
    for column in COLUMNS.iter().filter(|column| column.unit != Unit::Text) {
        figure(app, row, column, points, width, &mut lines);
    }
    let mut titled =
        |title: &str, text: &str, style: Style| put(&mut lines, (title, theme.dim()), text, style, width);
    if row.is_inexact() {
        let why = if row.row.counters.inexact {
            "inexact: the source reports these figures as incomplete or rounded"
        } else {
            "inexact: bytes are held although the wrapped counters are 0"
        };
        titled("~", why, theme.dim());
    }
    // Where its name comes from is said below.
    let is_owner = |fact: &Fact| matches!(fact.title.as_str(), "Owner" | "Scanned" | "Built-in");
    if let Some(owner) = row.owner().filter(|_| !known(false).any(is_owner)) {
        titled("Driver", owner, theme.strong());
    }
    if let Some(trace) = app.trace_of(&(row.row.tag.clone(), row.row.pool)) {
        let state = match &trace.state {
            TraceState::Failed(why) => why.clone(),
            TraceState::Done(_) => {
                let what = if trace.shown { "hides" } else { "shows" };
                format!("ended at {}; c {what} it", super::clock(app, trace.at))
            }
            TraceState::Running { .. } => trace.progress().unwrap_or_default(),
        };
        titled("Trace", &state, theme.strong());
    }
    for fact in known(false) {
        let style = if is_owner(fact) { theme.strong() } else { Style::new() };
        titled(&fact.title, &fact.value, style);
    }
    match &app.detail.facts {
        None => lines.push(Line::styled(" asking the system …", theme.dim())),
        Some(facts) => {
            for fact in facts {
                put(&mut lines, (&fact.title, theme.dim()), &fact.value, Style::new(), width);
            }
        }
    }
    lines
}

/// Writes a title and a text, whose further lines begin where its first one does.
fn put(lines: &mut Vec<Line<'static>>, (title, dim): (&str, Style), text: &str, style: Style, width: u16) {
    let title = format!(" {title:<10} ");
    let indent = title.chars().count();
    let room = width.saturating_sub(u16::try_from(indent).unwrap_or(u16::MAX));
    for (n, line) in wrapped(&[text.to_owned()], room).iter().enumerate() {
        let before = if n == 0 { title.clone() } else { " ".repeat(indent) };
        lines.push(Line::from(vec![
            Span::styled(before, dim),
            Span::styled(line.trim_start().to_owned(), style),
        ]));
    }
}

/// ` Bytes  8,456  8.26 KiB  +128 B  +3.75 KiB/h`; in a narrow pane, the change is below the value.
fn figure(
    app: &App,
    row: &TableRow,
    column: &'static Column,
    points: &[Point],
    width: u16,
    lines: &mut Vec<Line<'static>>,
) {
    let theme = app.theme;
    let value = column.value(row);
    let bytes = column.unit == Unit::Bytes;
    let exact = match value {
        Value::Unknown | Value::Text(_) => return,
        Value::Count(count) => grouped(count),
        Value::Signed(n) => grouped_signed(n),
        ref share @ Value::Share(_) => share.plain().into_owned(),
    };
    let mark = if row.is_marked(column.id) { "~" } else { "" };
    let exact = format!("{mark}{exact}");
    let human = match value {
        Value::Count(count) if bytes => human_bytes(count),
        _ => String::new(),
    };
    let title = Span::styled(format!(" {:<10} ", column.title), theme.dim());
    let mut changes = Vec::new();
    if let Value::Signed(change) = column.change(row) {
        let text = match change {
            0 => "unchanged".to_owned(),
            _ if bytes => human_change(change),
            _ => grouped_change(change),
        };
        let style = match change {
            0 => theme.dim(),
            1.. => theme.grew(),
            _ => theme.shrank(),
        };
        changes.push((text, style));
    }
    let rate = match column.id {
        _ if points.len() < 3 => None,
        "bytes" => per_hour(points, |point| point.bytes).map(|rate| format!("{}/h", human_change(rate))),
        "diff" => per_hour(points, |point| point.diff).map(|rate| format!("{}/h", grouped_change(rate))),
        _ => None,
    };
    changes.extend(rate.map(|rate| (rate, Style::new())));
    if width >= FIGURES {
        let mut spans = vec![
            title,
            Span::styled(format!("{exact:>17}"), theme.strong()),
            Span::raw(format!("{human:>10}  ")),
        ];
        spans.extend(changes.into_iter().map(|(text, style)| Span::styled(format!("{text:<12}"), style)));
        return lines.push(Line::from(spans));
    }
    let mut parts = vec![(exact, theme.strong())];
    parts.extend(Some((human, Style::new())).filter(|(text, _)| !text.is_empty()));
    parts.extend(changes);
    // As many parts as fit are in a line, each of them whole.
    let (mut line, mut used) = (vec![title], TITLE);
    for (text, style) in parts {
        let cells = u16::try_from(text.chars().count()).unwrap_or(u16::MAX).saturating_add(2);
        if used + cells > width + 2 && used > TITLE {
            lines.push(Line::from(std::mem::replace(&mut line, vec![Span::raw(" ".repeat(TITLE.into()))])));
            used = TITLE;
        }
        line.push(Span::styled(format!("{text}  "), style));
        used += cells;
    }
    lines.push(Line::from(line));
}

/// Mean change per hour over all points kept.
fn per_hour(points: &[Point], figure: impl Fn(&Point) -> Option<f32>) -> Option<i64> {
    let mut told = points.iter().filter_map(|point| Some((point.at, figure(point)?)));
    let (from, first) = told.next()?;
    let (to, last) = told.next_back()?;
    let hours = (to - from) as f64 / 3_600_000.0;
    #[expect(clippy::cast_possible_truncation, reason = "a rate of less than 2^63 bytes per hour")]
    let rate = (f64::from(last - first) / hours).round() as i64;
    (hours > 0.0 && rate != 0).then_some(rate)
}

/// Whether this much room is enough for a chart.
const fn has_chart(width: u16, height: u16) -> bool {
    height >= 5 && width >= 30
}

/// A figure that has a chart.
struct Charted {
    title: &'static str,
    figure: fn(&Point) -> Option<f32>,
    named: fn(u64) -> String,
    /// It is in bytes.
    is_size: bool,
}

const BYTES: Charted =
    Charted { title: "Bytes", figure: |point| point.bytes, named: human_bytes, is_size: true };
const DIFF: Charted = Charted { title: "Diff", figure: |point| point.diff, named: grouped, is_size: false };

impl Charted {
    fn values(&self, points: &[Point]) -> Vec<(i64, u64)> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let value = |point: &Point| Some((point.at, (self.figure)(point)?.max(0.0).round() as u64));
        points.iter().filter_map(value).collect()
    }
}

/// The charts that there is room for, and where they are.
fn panels(area: Rect) -> Vec<(&'static Charted, Rect)> {
    match area.height {
        _ if !has_chart(area.width, area.height) => Vec::new(),
        12.. => {
            let first = area.height / 2;
            let bottom = Rect { y: area.y + first, height: area.height - first, ..area };
            vec![(&BYTES, Rect { height: first, ..area }), (&DIFF, bottom)]
        }
        _ => vec![(&BYTES, area)],
    }
}

fn draw_charts(app: &App, points: &[Point], area: Rect, frame: &mut Frame<'_>) {
    for (charted, area) in panels(area) {
        chart(app, charted, points, area, frame);
    }
}

/// The charts on the screen, with the cells of their curves.
fn plots(app: &App, points: &[Point]) -> Vec<(&'static Charted, Rect, Rect)> {
    let Some(row) = app.current().filter(|_| app.shown_trace().is_none()) else { return Vec::new() };
    let inner = Block::bordered().inner(area(&super::regions(app)));
    let lines = text(app, row, points, text_width(inner)).len();
    let charts = panels(divided(inner, lines).1).into_iter();
    charts
        .map(|(charted, area)| {
            let inner = Block::bordered().inner(area);
            let width = inner.width.saturating_sub(curve::AXIS);
            (charted, area, Rect { x: inner.x + curve::AXIS, width, ..inner })
        })
        .collect()
}

/// Points of the row in the pane.
fn points_shown(app: &App) -> Vec<Point> {
    app.current().map_or_else(Vec::new, |row| app.points_of(&(row.row.tag.clone(), row.row.pool)))
}

/// What the chart under a cell has at the time of that cell, in words; and that time.
pub(crate) fn value_at(app: &App, x: u16, y: u16) -> Option<(String, i64)> {
    let points = points_shown(app);
    let mut charts = plots(app, &points).into_iter();
    let (charted, _, plot) = charts.find(|(_, area, _)| (area.y..area.bottom()).contains(&y))?;
    let data = charted.values(&points);
    let [first, .., last] = data.as_slice() else { return None };
    if !(plot.x..plot.right()).contains(&x) {
        return None;
    }
    let span = last.0 - first.0;
    let at = last.0 - span * i64::from(plot.right() - 1 - x) / i64::from(plot.width).max(1);
    // The last point until then: the curve goes on at its height.
    let (_, value) = data.iter().take_while(|point| point.0 <= at).last()?;
    let (human, exact) = ((charted.named)(*value), grouped(*value));
    let exact = if human == exact { String::new() } else { format!(" (about {exact})") };
    Some((format!("{} at {}: {human}{exact}", charted.title, when(app, at, span)), at))
}

/// A moment of a chart that is `span` milliseconds long.
fn when(app: &App, at: i64, span: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    match span {
        _ if app.feed.tape().is_some_and(|replay| replay.timeline.numbered) => super::moment(app, time),
        86_400_000.. => poolmon_model::units::short_moment(time, &app.zone),
        _ => super::clock(app, time),
    }
}

/// Where the cursor of the charts is after a step: by a point, and by a cell at least. After the last point there is none.
///
/// # Errors
///
/// Why there is no curve to go along.
pub(crate) fn step_cursor(app: &App, on: bool) -> Result<Option<i64>, &'static str> {
    if app.shown_trace().is_some() {
        return Err("Press c for the curves, in the place of the trace.");
    }
    let points = points_shown(app);
    let charts = plots(app, &points).into_iter();
    let mut charts = charts.map(|(charted, _, plot)| (charted.values(&points), plot));
    let found = charts.find(|(data, _)| data.len() > 1);
    let (data, plot) =
        found.ok_or("There is no curve to go along: it needs two points and a larger window.")?;
    let (first, last) = (data.first().map_or(0, |point| point.0), data.last().map_or(0, |point| point.0));
    let cell = (last - first) / i64::from(plot.width).max(1);
    let times = data.iter().map(|point| point.0);
    Ok(match (app.detail.cursor, on) {
        (None, false) => Some(last),
        (None, true) => Some(first),
        (Some(at), false) => Some(times.rev().find(|time| *time < at && at - time >= cell).unwrap_or(first)),
        (Some(at), true) => {
            let next = times.into_iter().find(|time| *time > at && time - at >= cell);
            next.or((at < last).then_some(last))
        }
    })
}

/// ` 14:03:12  12.8 MiB  +20.0 KiB since 14:03:07`: the point of this number, in as many words as fit.
fn reading(app: &App, charted: &Charted, data: &[(i64, u64)], n: usize, width: u16) -> String {
    let (Some(&(at, value)), Some(first), Some(last)) = (data.get(n), data.first(), data.last()) else {
        return String::new();
    };
    let span = last.0 - first.0;
    let mut text = format!(" {}  {}", when(app, at, span), (charted.named)(value));
    let Some(&(before, held)) = n.checked_sub(1).and_then(|before| data.get(before)) else { return text };
    let change = i64::try_from(i128::from(value) - i128::from(held)).unwrap_or(0);
    let change = match change {
        0 => "unchanged".to_owned(),
        _ if charted.is_size => human_change(change),
        _ => grouped_change(change),
    };
    for part in [format!("  {change}"), format!(" since {}", when(app, before, span))] {
        if text.chars().count() + part.chars().count() > usize::from(width) {
            break;
        }
        text.push_str(&part);
    }
    text
}

fn chart(app: &App, charted: &Charted, points: &[Point], area: Rect, frame: &mut Frame<'_>) {
    let (theme, named) = (app.theme, charted.named);
    let data = charted.values(points);
    let title = format!(" {} ", charted.title);
    let block = Block::bordered().title(Span::styled(title, theme.strong())).border_style(theme.dim());
    let inner = block.inner(area);
    let ([first, .., last], 3..) = (data.as_slice(), inner.height) else {
        let text = app.feed.no_points(app.history.refreshes() < 2);
        let text = Paragraph::new(Span::styled(text, theme.dim())).wrap(Wrap { trim: false });
        frame.render_widget(text.block(block), area);
        return;
    };
    frame.render_widget(block, area);
    let buffer = frame.buffer_mut();
    let values = || data.iter().map(|point| point.1);
    let bounds = curve::bounds(app.view.axis_from(values().min().unwrap_or(0)), values().max().unwrap_or(0));
    let above = Rect { height: inner.height - 1, ..inner };
    let axis = curve::axis(bounds, named, above, theme.dim(), buffer);
    let plot = Rect { x: above.x + axis, width: above.width - axis, ..above };
    let span = (last.0 - first.0).max(1);
    let heights = curve::heights(&data, last.0, span, curve::points(plot.width, app.strokes), bounds);
    curve::draw(&heights, plot, app.strokes, |line| theme.surface(line, plot.height), buffer);
    let x = |at: i64| {
        let cells = i64::from(plot.width.saturating_sub(1));
        let inside = (first.0..=last.0).contains(&at);
        inside.then(|| plot.x + u16::try_from((at - first.0) * cells / span).unwrap_or(0))
    };
    let mut line = |at: i64, style: Style, sign: &str, top: &str| {
        let Some(x) = x(at) else { return };
        for y in plot.y..plot.bottom() {
            buffer.set_string(x, y, if y == plot.y { top } else { sign }, style);
        }
    };
    // What happened meanwhile: a thin line, with its letter on the top.
    let thin = if app.strokes == Strokes::Braille { "┊" } else { "|" };
    let mut marks: Vec<_> =
        app.feed.tape().map_or_else(Vec::new, |replay| replay.timeline.marks.iter().collect());
    // Of several in one cell the gravest is seen.
    marks.sort_by_key(|mark| mark.kind);
    for mark in marks {
        let (at, style) = (mark.at.as_millisecond(), super::timeline::style_of(app, mark.kind));
        line(at, style, thin, mark.kind.letter());
    }
    let row = app.current().and_then(|row| row.verdict.as_ref());
    if let Some(since) = row.and_then(|verdict| verdict.since) {
        line(since.as_millisecond(), theme.leaking(), "!", "!");
    }
    let mut times =
        [format!("{} ago", rough_span(Duration::from_millis(span.unsigned_abs()))), "now".to_owned()];
    if app.feed.is_tape() {
        // The shown moment.
        line(app.shown_time().as_millisecond(), theme.strong(), "│", "│");
        times = [first.0, last.0]
            .map(|at| super::moment(app, jiff::Timestamp::from_millisecond(at).unwrap_or_default()));
    }
    let below = Rect { y: plot.bottom(), height: 1, ..plot };
    let here = app.detail.cursor.and_then(|at| data.iter().rposition(|point| point.0 <= at).or(Some(0)));
    if let Some((n, point)) = here.and_then(|n| Some((n, data.get(n)?))) {
        line(point.0, theme.accent(), if app.strokes == Strokes::Braille { "┃" } else { "|" }, "▼");
        let text = reading(app, charted, &data, n, inner.width);
        buffer.set_stringn(inner.x, below.y, text, inner.width.into(), theme.accent());
        return;
    }
    let cells = |text: &String| u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
    let fits = |times: &[String; 2]| cells(&times[0]).saturating_add(cells(&times[1])) < below.width;
    if !fits(&times) && app.feed.tape().is_some_and(|replay| !replay.timeline.numbered) {
        times = [first.0, last.0].map(|at| {
            let at = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
            poolmon_model::units::short_moment(at, &app.zone)
        });
    }
    buffer.set_stringn(below.x, below.y, &times[0], below.width.into(), theme.dim());
    // Both, or the first alone: never half a time.
    if fits(&times) {
        buffer.set_string(below.right() - cells(&times[1]), below.y, &times[1], theme.dim());
    }
}
