//! Drawing: pure functions from the state to a frame.
//!
//! From top to bottom: `header` (memory figures, `meters` if there is room, and the caption), `graph` (the pools over time, by `curve`), `rows` (titles, rows, totals),
//! `timeline` (of a tape), `footer` (status and keys); `help`, `detail`, `holders` and `chooser` (of columns) lie over the rows.

pub(crate) mod chooser;
mod curve;
pub(crate) mod detail;
mod footer;
pub(crate) mod graph;
mod header;
pub(crate) mod help;
pub(crate) mod holders;
mod meters;
mod rows;
pub(crate) mod timeline;

use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::units::{self, Precision};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Paragraph, Wrap};

use crate::app::{App, Mode};
use crate::bindings::View;

/// Where things are on the screen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Regions {
    pub header: Rect,
    pub caption: Rect,
    pub graph: Rect,
    pub titles: Rect,
    pub rows: Rect,
    pub totals: Rect,
    pub timeline: Rect,
    pub status: Rect,
    pub keys: Rect,
}

/// The smallest screen that has a row with its name and bytes.
const SMALLEST: (u16, u16) = (12, 2);

/// On a screen that is smaller: what it needs, as much of it as there is room for.
fn too_small(app: &App, frame: &mut Frame<'_>) {
    let area = frame.area();
    let (width, height) = SMALLEST;
    let full = format!("needs {width}x{height}, has {}x{}", area.width, area.height);
    let text = if full.chars().count() <= usize::from(area.width) * usize::from(area.height) {
        full
    } else {
        format!("{width}x{height}")
    };
    let text = ratatui::text::Line::styled(text, app.theme.warning());
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
}

/// Divides the screen. On a low one, what is needed least goes first: memory figures, keys, status, caption.
pub(crate) fn regions(app: &App) -> Regions {
    let (width, height) = app.size;
    let figures = if meters::are_shown(app, width) { 2 } else { header::lines(app, width).len() };
    let figures = u16::try_from(figures).unwrap_or(0);
    let figures = match height {
        16.. => figures,
        12..16 => figures.min(1),
        _ => 0,
    };
    let fixed = [figures, u16::from(height >= 5), u16::from(height >= 2)];
    let status = u16::from(height >= 4);
    let keys = u16::from(height >= 8);
    let timeline = match height {
        _ if !app.feed.is_tape() => 0,
        16.. => 2,
        7..16 => 1,
        _ => 0,
    };
    let graph = graph::lines(app);
    let body = height.saturating_sub(fixed.iter().sum::<u16>() + status + keys + timeline + graph);
    let totals = u16::try_from(rows::totals_lines(app)).unwrap_or(u16::MAX).min(body / 2);
    let mut y = 0;
    let mut take = |lines: u16| {
        let rect = Rect::new(0, y, width, lines);
        y += lines;
        rect
    };
    Regions {
        header: take(fixed[0]),
        caption: take(fixed[1]),
        graph: take(graph),
        titles: take(fixed[2]),
        rows: take(body - totals),
        totals: take(totals),
        timeline: take(timeline),
        status: take(status),
        keys: take(keys),
    }
}

/// Draws the whole screen.
pub fn render(app: &App, frame: &mut Frame<'_>) {
    let area = frame.area();
    if app.size != (area.width, area.height) {
        // Between a resize and its event: nothing is drawn where nothing is.
        return;
    }
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        return too_small(app, frame);
    }
    let regions = regions(app);
    let layout = app.layout();
    header::draw(app, &regions, frame.buffer_mut());
    graph::draw(app, regions.graph, frame.buffer_mut());
    rows::draw(app, &regions, &layout, frame.buffer_mut());
    timeline::draw(app, regions.timeline, frame.buffer_mut());
    footer::draw(app, &regions, &layout, frame.buffer_mut());
    match &app.mode {
        Mode::Help { at, over } => help::draw(app, *at, *over, frame),
        Mode::Detail | Mode::Run { .. } | Mode::Jump { over: View::Detail, .. } => {
            detail::draw(app, &regions, frame);
        }
        Mode::Columns { at } => chooser::draw(app, &regions, *at, frame),
        Mode::Holders | Mode::Kinds => holders::draw(app, &regions, frame.buffer_mut()),
        _ => {}
    }
    if let Some(cursor) = footer::cursor(app, &regions) {
        frame.set_cursor_position(cursor);
    }
}

/// Time of day in the screen's zone.
pub(crate) fn clock(app: &App, at: Timestamp) -> String {
    units::time_of_day(at, &app.zone)
}

/// A moment of a tape: date and time, or which of the samples without times it is. Live, the time of day.
pub(crate) fn moment(app: &App, at: Timestamp) -> String {
    let Some(replay) = app.feed.tape() else { return clock(app, at) };
    if replay.timeline.numbered {
        return format!("snapshot {} of {}", at.as_second(), replay.timeline.last.as_second());
    }
    let precision = if replay.timeline.interval < Duration::from_secs(1) {
        Precision::Milliseconds
    } else {
        Precision::Seconds
    };
    units::moment(at, &app.zone, precision)
}

/// A line of styled parts, with what does not fit left out whole.
pub(crate) struct ScreenLine<'a> {
    buffer: &'a mut ratatui::buffer::Buffer,
    x: u16,
    area: Rect,
}

impl<'a> ScreenLine<'a> {
    pub(crate) fn new(buffer: &'a mut ratatui::buffer::Buffer, area: Rect) -> Self {
        Self { buffer, x: area.x, area }
    }

    fn left(&self) -> u16 {
        self.area.right().saturating_sub(self.x)
    }

    /// Writes a part if all of it fits.
    pub(crate) fn part(&mut self, text: &str, style: Style) -> bool {
        let needs = u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
        if self.area.height == 0 || needs > self.left() {
            return false;
        }
        self.x = self.buffer.set_stringn(self.x, self.area.y, text, usize::from(self.left()), style).0;
        true
    }

    /// Writes a text; what does not fit ends in `…`.
    pub(crate) fn cut(&mut self, text: &str, style: Style) {
        if self.area.height > 0 && !self.part(text, style) && self.left() > 0 {
            let kept: String = text.chars().take(usize::from(self.left()) - 1).collect();
            self.part(&kept, style);
            self.part("…", style);
        }
    }
}
