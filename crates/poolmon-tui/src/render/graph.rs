//! The graph above the table: what each pool held over time, one next to the other. Each has an axis of its own, for a pool that is
//! small beside another would be flat.

use poolmon_model::units::{self, human_bytes, human_change, rough_span};
use poolmon_model::{Pool, PoolView};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{ScreenLine, curve};
use crate::app::App;
use crate::bindings::View;
use crate::theme::Strokes;

/// Narrower, a pool has no room for its axis and a curve.
const NARROWEST: u16 = 36;

/// Spans of time that the graph shows, in seconds.
const SPANS: [i64; 13] = [
    60,
    120,
    300,
    600,
    1800,
    3600,
    3 * 3600,
    6 * 3600,
    12 * 3600,
    86_400,
    2 * 86_400,
    4 * 86_400,
    7 * 86_400,
];

/// How much time the graph shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum GraphSpan {
    /// All that there is.
    #[default]
    All,
    /// The last seconds.
    Last(i64),
    /// There is no graph.
    Off,
}

impl GraphSpan {
    /// The next one: shorter ones as long as they differ, then none, then everything.
    pub fn next(self, length: i64) -> Self {
        let all = length / 1000;
        let shorter = |than: i64| [86_400, 3600, 600].into_iter().find(|span| *span < than);
        match self {
            Self::All => shorter(all).map_or(Self::Off, Self::Last),
            Self::Last(span) => shorter(span).map_or(Self::Off, Self::Last),
            Self::Off => Self::All,
        }
    }
}

/// Lines that it wants on a screen of this height.
pub(super) fn lines(app: &App) -> u16 {
    if app.view.graph == GraphSpan::Off || app.feed.is_tape() || app.feed.is_still() || app.size.0 < NARROWEST
    {
        return 0;
    }
    let detail = app.mode.view() == View::Detail;
    match app.size.1 {
        ..22 => 0,
        // A row's own curve and facts need the lines more.
        22..36 if detail => 0,
        22..30 => 4,
        30..45 => 6,
        _ => 9,
    }
}

/// Pools that are shown: those of the table that hold something, the largest where there is no room for all; in their own order.
fn shown(app: &App, width: u16) -> Vec<Pool> {
    let wanted = |pool: &Pool| match app.settings.filter.view {
        PoolView::Only(only) => *pool == only,
        // Call sites are the memory of the others once more.
        _ => *pool != Pool::CallSite,
    };
    let mut pools: Vec<Pool> = app.now.origin.pools.iter().copied().filter(wanted).collect();
    pools.retain(|pool| app.pools.last(*pool) > 0);
    let room = usize::from(width / NARROWEST);
    while pools.len() > room.max(1) {
        let least = pools.iter().copied().min_by_key(|pool| app.pools.last(*pool));
        pools.retain(|pool| Some(*pool) != least);
    }
    pools
}

pub(super) fn draw(app: &App, area: Rect, buffer: &mut Buffer) {
    if area.height < 2 {
        return;
    }
    let pools = shown(app, area.width);
    let Ok(count @ 1..) = u16::try_from(pools.len()) else { return };
    let width = area.width / count;
    for (n, pool) in (0..count).zip(pools) {
        let x = area.x + n * width;
        let width = if n + 1 == count { area.right() - x } else { width - 1 };
        panel(app, pool, Rect { x, width, ..area }, buffer);
    }
}

/// What the pool under a cell of the graph held at the time of that cell, in words.
pub(crate) fn value_at(app: &App, area: Rect, x: u16, y: u16) -> Option<String> {
    if area.height < 2 || y < area.y || y >= area.bottom() {
        return None;
    }
    let pools = shown(app, area.width);
    let count = u16::try_from(pools.len()).ok().filter(|count| *count > 0)?;
    let width = area.width / count;
    let n = (x / width).min(count - 1);
    let pool = *pools.get(usize::from(n))?;
    let left = area.x + n * width + curve::AXIS;
    let right = if n + 1 == count { area.right() } else { area.x + (n + 1) * width - 1 };
    if x < left || x >= right {
        return None;
    }
    let (end, span) = (app.pools.end()?, span(app));
    let at = end - span * i64::from(right - 1 - x) / i64::from(right - left).max(1);
    // The last point until then: the curve goes on at its height.
    let (_, bytes) = app.pools.of(pool, end - span).take_while(|point| point.0 <= at).last()?;
    let mut name = pool.long().to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let time = jiff::Timestamp::from_millisecond(at).ok()?;
    let when =
        if span >= 86_400_000 { units::short_moment(time, &app.zone) } else { super::clock(app, time) };
    Some(format!("{name} at {when}: {} ({} bytes)", human_bytes(bytes), units::grouped(bytes)))
}

/// Milliseconds that the graph shows.
fn span(app: &App) -> i64 {
    if let GraphSpan::Last(span) = app.view.graph {
        return span * 1000;
    }
    let length = app.pools.length();
    // A little more than a span is that span: half of the graph would be empty for it.
    let fits = |span: &i64| *span + *span / 16 >= length;
    SPANS.into_iter().map(|span| span * 1000).find(fits).unwrap_or(length)
}

fn panel(app: &App, pool: Pool, area: Rect, buffer: &mut Buffer) {
    let theme = app.theme;
    let Some(end) = app.pools.end() else { return };
    let span = span(app);
    let within: Vec<(i64, u64)> = app.pools.of(pool, end - span).collect();
    let (least, most) =
        within.iter().fold((u64::MAX, 0), |(least, most), point| (least.min(point.1), most.max(point.1)));
    if least > most {
        return;
    }
    title(app, pool, &within, Rect { height: 1, ..area }, buffer);
    let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let limit = app.now.header.pool_limit(pool);
    let bounds = curve::bounds(
        app.view.axis_from(least),
        limit.filter(|limit| is_near(most, *limit)).unwrap_or(most).max(most),
    );
    let axis = curve::axis(bounds, human_bytes, below, theme.dim(), buffer);
    let plot = Rect { x: below.x + axis, width: below.width - axis, ..below };
    let heights = curve::heights(&within, end, span, curve::points(plot.width, app.strokes), bounds);
    let style = |line: u16| theme.surface(line, plot.height);
    curve::draw(&heights, plot, app.strokes, style, buffer);
    if let Some(limit) = limit.filter(|limit| (bounds.0..=bounds.1).contains(limit)) {
        limit_line(app, curve::height(limit, bounds), plot, buffer);
    }
    baseline(app, end, span, plot, buffer);
}

/// Whether a pool is so full that its limit belongs on the axis: farther away, the limit would flatten the curve.
const fn is_near(most: u64, limit: u64) -> bool {
    most >= limit / 2
}

/// A line at the limit of a pool, behind the curve.
fn limit_line(app: &App, height: f64, plot: Rect, buffer: &mut Buffer) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a line of the plot")]
    let down = ((1.0 - height.clamp(0.0, 1.0)) * f64::from(plot.height)) as u16;
    let y = plot.y + down.min(plot.height.saturating_sub(1));
    let sign = if app.strokes == Strokes::Braille { '┄' } else { '-' };
    let signs = " limit ".chars().chain(std::iter::repeat(sign));
    for (x, sign) in (plot.x..plot.right()).zip(std::iter::once(sign).chain(signs)) {
        if let Some(cell) = buffer.cell_mut((x, y)).filter(|cell| cell.symbol() == " ") {
            cell.set_char(sign).set_style(app.theme.strong());
        }
    }
}

/// ` Nonpaged pool  482 MiB  +1.2 MiB in 10 min`.
fn title(app: &App, pool: Pool, within: &[(i64, u64)], area: Rect, buffer: &mut Buffer) {
    let theme = app.theme;
    let [first, .., last] = within else { return };
    let (from, to) = (first.1, last.1);
    let change = i64::try_from(i128::from(to) - i128::from(from)).unwrap_or(0);
    let length = u64::try_from((last.0 - first.0) / 1000).unwrap_or(0);
    let mut line = ScreenLine::new(buffer, area);
    line.part(" ", theme.strong());
    let mut name = pool.long().to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    line.part(&name, theme.strong());
    line.part(&format!("  {}", human_bytes(to)), theme.accent());
    let by = if change == 0 { "unchanged".to_owned() } else { human_change(change) };
    let magnitude = crate::theme::Magnitude::of(change, to, to);
    // Without the change, its time would be read as that of the size.
    if line.part(&format!("  {by}"), theme.change(change > 0, magnitude)) {
        line.part(&format!(" in {}", rough_span(std::time::Duration::from_secs(length))), theme.dim());
    }
    if let Some(limit) = app.now.header.pool_limit(pool).filter(|limit| is_near(to, *limit)) {
        line.part(&format!("  limit {}", human_bytes(limit)), theme.strong());
    }
}

/// A line where the baseline was set.
fn baseline(app: &App, end: i64, span: i64, plot: Rect, buffer: &mut Buffer) {
    let Some(baseline) = &app.baseline else { return };
    let at = baseline.sample.time.unwrap_or(baseline.at).as_millisecond();
    let ago = end - at;
    if ago < 0 || ago >= span || plot.width == 0 {
        return;
    }
    let cells = i64::from(plot.width);
    let Ok(back) = u16::try_from(ago * cells / span.max(1)) else { return };
    let x = plot.right() - 1 - back.min(plot.width - 1);
    for y in plot.y..plot.bottom() {
        buffer.set_string(x, y, if app.strokes == Strokes::Braille { "┊" } else { "|" }, app.theme.strong());
    }
}

#[cfg(test)]
mod tests {
    use super::GraphSpan::{All, Last, Off};
    use super::*;

    #[test]
    fn spans_are_walked_through_as_long_as_they_differ() {
        let walk = |seconds: i64| {
            let mut span = GraphSpan::All;
            let mut seen = Vec::new();
            loop {
                span = span.next(seconds * 1000);
                seen.push(span);
                if span == GraphSpan::All {
                    return seen;
                }
            }
        };
        assert_eq!(walk(30), [Off, All]);
        assert_eq!(walk(4000), [Last(3600), Last(600), Off, All]);
        assert_eq!(walk(200_000), [Last(86_400), Last(3600), Last(600), Off, All]);
    }
}
