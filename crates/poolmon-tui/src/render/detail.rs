//! The detail pane: exact figures, what is known of the tag, and bytes and diff over time.

use std::fmt::Write as _;

use poolmon_model::column::{COLUMNS, Column, Unit};
use poolmon_model::units::{
    grouped, grouped_change, grouped_signed, human_amount, human_bytes, human_change, span,
};
use poolmon_model::{TableRow, Value};
use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Clear, Dataset, GraphType, Paragraph, Wrap};

use super::Regions;
use crate::app::App;
use crate::history::Point;
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
    frame.render_widget(block, area);
    if let Some(trace) = trace {
        draw_trace(app, trace, trace_area(inner), frame);
        if !is_wide(inner) {
            return;
        }
    }

    let points = app.points_of(&(row.row.tag.clone(), row.row.pool));
    let text = text(app, row, &points);
    let figures = u16::try_from(text.len()).unwrap_or(u16::MAX);
    let (left, charts) = if is_wide(inner) {
        beside(inner)
    } else {
        let low = figures.min(inner.height.saturating_sub(6).max(inner.height / 2));
        (Rect { height: low, ..inner }, Rect { y: inner.y + low, height: inner.height - low, ..inner })
    };
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }), left);
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

fn text<'a>(app: &'a App, row: &'a TableRow, points: &[Point]) -> Vec<Line<'a>> {
    let theme = app.theme;
    let mut lines = Vec::new();
    for column in COLUMNS.iter().filter(|column| column.unit != Unit::Text) {
        if let Some(line) = figure(app, row, column, points) {
            lines.push(line);
        }
    }
    if row.is_inexact() {
        let why = if row.row.counters.inexact {
            " ~ inexact: the source reports these figures as incomplete or rounded"
        } else {
            " ~ inexact: bytes are held although the wrapped counters are 0"
        };
        lines.push(Line::styled(why, theme.dim()));
    }
    let label = |title: &str| Span::styled(format!(" {title:<10} "), theme.dim());
    if let Some(owner) = row.owner() {
        lines.push(Line::from(vec![label("Driver"), Span::styled(owner, theme.strong())]));
    }
    if let Some(verdict) = &row.verdict {
        for (n, text) in verdict.lines.iter().enumerate() {
            let style = if n == 0 { theme.strong() } else { Style::new() };
            lines.push(Line::from(vec![
                label(if n == 0 { "Verdict" } else { "" }),
                Span::styled(text, style),
            ]));
        }
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
        lines.push(Line::from(vec![label("Trace"), Span::styled(state, theme.strong())]));
    }
    for line in &app.detail.lines {
        lines.push(Line::from(vec![Span::raw(" "), Span::raw(line.as_str())]));
    }
    match &app.detail.facts {
        None => lines.push(Line::styled(" asking the system …", theme.dim())),
        Some(facts) => {
            for fact in facts {
                lines.push(Line::from(vec![label(&fact.title), Span::raw(fact.value.as_str())]));
            }
        }
    }
    lines
}

/// ` Bytes  8,456  8.26 KiB  +128 B  +3.75 KiB/h`.
fn figure<'a>(app: &App, row: &TableRow, column: &'static Column, points: &[Point]) -> Option<Line<'a>> {
    let theme = app.theme;
    let value = column.value(row);
    let bytes = column.unit == Unit::Bytes;
    let exact = match value {
        Value::Unknown | Value::Text(_) => return None,
        Value::Count(count) => grouped(count),
        Value::Signed(n) => grouped_signed(n),
        ref share @ Value::Share(_) => share.plain().into_owned(),
    };
    let mark = if row.is_marked(column.id) { "~" } else { "" };
    let mut spans = vec![
        Span::styled(format!(" {:<10} ", column.title), theme.dim()),
        Span::styled(format!("{:>17}", format!("{mark}{exact}")), theme.strong()),
    ];
    let human = match value {
        Value::Count(count) if bytes => human_bytes(count),
        _ => String::new(),
    };
    spans.push(Span::raw(format!("{human:>10}  ")));
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
        spans.push(Span::styled(format!("{text:<12}"), style));
    }
    let rate = match column.id {
        _ if points.len() < 3 => None,
        "bytes" => per_hour(points, |point| point.bytes).map(|rate| format!("{}/h", human_change(rate))),
        "diff" => per_hour(points, |point| point.diff).map(|rate| format!("{}/h", grouped_change(rate))),
        _ => None,
    };
    spans.push(Span::raw(rate.unwrap_or_default()));
    Some(Line::from(spans))
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

fn draw_charts(app: &App, points: &[Point], area: Rect, frame: &mut Frame<'_>) {
    if area.height < 5 || area.width < 30 {
        return;
    }
    let both = area.height >= 12;
    let first = if both { area.height / 2 } else { area.height };
    let top = Rect { height: first, ..area };
    let bottom = Rect { y: area.y + first, height: area.height - first, ..area };
    let grew = app.theme.accent();
    let bytes = |value: f64| human_amount(value.max(0.0));
    chart(app, " Bytes ", points, |p| p.bytes, bytes, (top, grew), frame);
    if both {
        let plain = |value: f64| format!("{value:.0}");
        chart(app, " Diff ", points, |p| p.diff, plain, (bottom, grew), frame);
    }
}

fn chart(
    app: &App,
    title: &str,
    points: &[Point],
    figure: impl Fn(&Point) -> Option<f32>,
    label: impl Fn(f64) -> String,
    (area, style): (Rect, Style),
    frame: &mut Frame<'_>,
) {
    let theme = app.theme;
    let start = points.first().map_or(0, |point| point.at);
    let data: Vec<(f64, f64)> = points
        .iter()
        .filter_map(|point| Some(((point.at - start) as f64 / 1000.0, f64::from(figure(point)?))))
        .collect();
    let block =
        Block::bordered().title(Span::styled(title.to_owned(), theme.strong())).border_style(theme.dim());
    if data.len() < 2 {
        let text = app.feed.no_points(app.history.refreshes() < 2);
        frame.render_widget(Paragraph::new(Span::styled(text, theme.dim())).block(block), area);
        return;
    }
    let least = data.iter().map(|point| point.1).fold(f64::MAX, f64::min);
    let most = data.iter().map(|point| point.1).fold(f64::MIN, f64::max);
    // A steady figure is a line in the middle.
    let margin = ((most - least) * 0.05).max(most.abs() * 0.01).max(1.0);
    let floor = if least >= 0.0 { (least - margin).max(0.0) } else { least - margin };
    let bounds = [floor, most + margin];
    let end = data.last().map_or(1.0, |point| point.0).max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "seconds of at most two hours"
    )]
    let ago = span(std::time::Duration::from_secs(end as u64));
    let labels = [label(bounds[0]), label(f64::midpoint(bounds[0], bounds[1])), label(bounds[1])];
    let line = |data, style| {
        Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line).style(style).data(data)
    };
    let mut lines = vec![line(&data, style)];
    let mut times = [format!("{ago} ago"), "now".to_owned()];
    let mut here = Vec::new();
    if app.feed.is_tape() {
        // The shown moment is a line through the curve.
        let at = (app.shown_time().as_millisecond() - start) as f64 / 1000.0;
        here.extend([(at, bounds[0]), (at, bounds[1])].into_iter().filter(|_| (0.0..=end).contains(&at)));
        let stop = points.last().map_or(start, |point| point.at);
        times = [start, stop]
            .map(|at| super::moment(app, jiff::Timestamp::from_millisecond(at).unwrap_or_default()));
    }
    if !here.is_empty() {
        lines.insert(0, line(&here, theme.dim()));
    }
    let chart = Chart::new(lines)
        .block(block)
        // Right of the axis of values, a long label does not push that one to the right.
        .x_axis(
            Axis::default()
                .bounds([0.0, end])
                .labels(times)
                .labels_alignment(Alignment::Right)
                .style(theme.dim()),
        )
        .y_axis(Axis::default().bounds(bounds).labels(labels).style(theme.dim()));
    frame.render_widget(chart, area);
}
