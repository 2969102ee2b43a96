//! The timeline of a tape: what all pools held from its start to its end, its marks, and where the shown moment is.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_model::units::{human_bytes, short_moment};
use poolmon_model::{MarkKind, Pool, Sample, TimelineMark};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::rows::BARS;
use crate::app::App;
use poolmon_read::tape::Timeline;

/// Where a leak begins.
pub(super) const BEGIN: &str = "!";

/// Narrower screens have no labels at the sides.
const LABELLED: u16 = 60;

pub(super) fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    let Some(replay) = app.feed.tape() else { return };
    if area.height == 0 || area.width < 8 {
        return;
    }
    let theme = app.theme;
    let timeline = &replay.timeline;
    let ([left, right], bars) = layout(app, timeline, area);
    let (side, end) = (cells(&left), cells(&right));
    buffer.set_stringn(area.x, area.y, &left, side.into(), theme.dim());
    buffer.set_stringn(bars.right(), area.y, &right, end.into(), theme.dim());
    for (n, bar) in (0..).zip(spark(timeline, bars.width)) {
        buffer[(bars.x + n, area.y)].set_char(bar).set_style(theme.accent().remove_modifier(Modifier::BOLD));
    }
    let here = bars.x + place(timeline, bars.width, app.shown_time());
    // On one line the letters are in the curve, else below it.
    let below = area.y + u16::from(area.height > 1);
    let mut marks: Vec<(u16, &TimelineMark)> =
        timeline.marks.iter().map(|mark| (place(timeline, bars.width, mark.at), mark)).collect();
    // Of several in one cell the gravest is seen.
    marks.sort_by_key(|(_, mark)| mark.kind);
    for (x, mark) in marks {
        buffer.set_string(bars.x + x, below, mark.kind.letter(), style_of(app, mark.kind));
    }
    for begin in app.verdicts.begins() {
        let x = bars.x + place(timeline, bars.width, begin);
        buffer.set_string(x, below, BEGIN, theme.leaking());
    }
    buffer[(here, area.y)].set_style(theme.selected());
    if area.height > 1 {
        let cell = &mut buffer[(here, below)];
        if cell.symbol() == " " {
            cell.set_char('▲').set_style(theme.strong());
        } else {
            cell.set_style(theme.selected());
        }
        let held = format!(" {}", human_bytes(total(&app.now)));
        // Where there are no labels it would be in the way of the letters.
        if side >= cells(&held) {
            buffer.set_stringn(area.x, below, held, side.into(), theme.strong());
        }
    }
}

/// How a mark looks, wherever it is drawn.
pub(super) fn style_of(app: &App, kind: MarkKind) -> Style {
    match kind {
        MarkKind::Reboot => app.theme.warning().remove_modifier(Modifier::REVERSED),
        MarkKind::Note => app.theme.accent(),
        MarkKind::Gap | MarkKind::Modules => app.theme.strong(),
    }
}

/// The labels, and the cells of the curve between them.
fn layout(app: &App, timeline: &Timeline, area: Rect) -> ([String; 2], Rect) {
    let labels = labels(timeline, &app.zone, area.width);
    let [side, end] = [&labels[0], &labels[1]].map(|label| cells(label));
    let width = area.width.saturating_sub(side + end + 1);
    (labels, Rect { x: area.x + side + 1, width, height: 1, ..area })
}

/// The moment at a cell of the timeline, if there is one.
pub(crate) fn time_at(app: &App, area: Rect, x: u16, y: u16) -> Option<Timestamp> {
    let timeline = &app.feed.tape()?.timeline;
    let (_, bars) = layout(app, timeline, area);
    if y < area.y || y >= area.bottom() || x < bars.x || x >= bars.right() {
        return None;
    }
    let all = timeline.last.duration_since(timeline.first).as_millis();
    let part = all * i128::from(x - bars.x) / i128::from(bars.width.saturating_sub(1).max(1));
    let part = jiff::SignedDuration::from_millis(i64::try_from(part).ok()?);
    timeline.first.checked_add(part).ok()
}

fn cells(text: &str) -> u16 {
    u16::try_from(text.chars().count()).unwrap_or(u16::MAX)
}

/// Bytes of all pools; call sites are those of the others once more.
fn total(sample: &Sample) -> u64 {
    let of = |pool: Pool| sample.header.pool_total(pool).unwrap_or_else(|| sample.tagged_bytes(pool));
    let pools = Pool::ALL.into_iter().filter(|&pool| pool != Pool::CallSite);
    pools.map(of).fold(0, u64::saturating_add)
}

/// Start and end, as short as they can be distinguished.
fn labels(timeline: &Timeline, zone: &TimeZone, width: u16) -> [String; 2] {
    if width < LABELLED {
        return [String::new(), String::new()];
    }
    if timeline.numbered {
        return [format!(" {:>9}", 1), format!(" {} ", timeline.last.as_second())];
    }
    let [first, last] = [timeline.first, timeline.last].map(|at| at.to_zoned(zone.clone()));
    let is_long = timeline.last.duration_since(timeline.first).as_secs() >= 3600;
    let shown = |at: &jiff::Zoned| match (first.date() == last.date(), is_long) {
        (false, _) => short_moment(at.timestamp(), zone),
        (true, false) => at.strftime("%H:%M:%S").to_string(),
        (true, true) => at.strftime("%H:%M").to_string(),
    };
    // The side of the first one is wide enough for the bytes below it.
    [format!(" {:>9}", shown(&first)), format!(" {} ", shown(&last))]
}

/// The cell in which a moment lies.
fn place(timeline: &Timeline, cells: u16, at: Timestamp) -> u16 {
    let all = timeline.last.duration_since(timeline.first).as_secs_f64();
    let part = at.duration_since(timeline.first).as_secs_f64();
    if all <= 0.0 || cells == 0 {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "less than `cells`")]
    let cell = (part / all).clamp(0.0, 1.0).mul_add(f64::from(cells - 1), 0.5) as u16;
    cell.min(cells - 1)
}

/// A bar for each cell, blank where nothing was recorded. A change under 2 % looks flat: it is.
fn spark(timeline: &Timeline, width: u16) -> Vec<char> {
    let totals = || timeline.totals.iter().map(|point| point.1);
    let most = totals().max().unwrap_or(0);
    let least = totals().min().unwrap_or(0);
    let range = (most - least).max(most / 50).max(1);
    let mut heights: Vec<Option<u64>> = vec![None; width.into()];
    for &(at, bytes) in &timeline.totals {
        if let Some(cell) = heights.get_mut(usize::from(place(timeline, width, at))) {
            *cell = Some(cell.map_or(bytes, |held| held.max(bytes)));
        }
    }
    // Points are minutes apart: cells between two of them hold what the first one held.
    let mut held = None;
    for height in &mut heights {
        held = height.or(held);
        *height = held;
    }
    for gap in timeline.marks.iter().filter(|mark| !mark.length.is_zero()) {
        let Ok(start) = gap.at.checked_sub(gap.length) else { continue };
        let (from, to) = (place(timeline, width, start), place(timeline, width, gap.at));
        for cell in heights.iter_mut().take(to.into()).skip(usize::from(from) + 1) {
            *cell = None;
        }
    }
    let bar = |bytes: u64| {
        let eighth = usize::try_from((bytes - least).saturating_mul(7) / range).unwrap_or(7);
        BARS.get(eighth).copied().unwrap_or('█')
    };
    heights.into_iter().map(|height| height.map_or(' ', bar)).collect()
}
