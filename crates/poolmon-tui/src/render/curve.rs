//! A filled curve in a rectangle of cells: Braille dots, or blocks where the console has no Braille; and its axis.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::rows::BARS;
use crate::theme::Strokes;

/// Dots of a Braille cell from the bottom to the top: left column, right column.
const DOTS: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];

/// How many points side by side a curve in this many cells has.
pub(super) fn points(cells: u16, strokes: Strokes) -> usize {
    usize::from(cells) * if strokes == Strokes::Braille { 2 } else { 1 }
}

/// Draws the surface under a curve of heights from 0 to 1; `None` = nothing is known there. `style`: of a line of cells, counted from
/// the top.
pub(super) fn draw(
    heights: &[Option<f64>],
    area: Rect,
    strokes: Strokes,
    style: impl Fn(u16) -> Style,
    buffer: &mut Buffer,
) {
    let steps = if strokes == Strokes::Braille { 4 } else { 8 };
    let full = u32::from(area.height) * steps;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to `full`")]
    // What is there is seen: one step at least.
    let filled = |height: f64| ((height.clamp(0.0, 1.0) * f64::from(full)).round() as u32).max(1);
    let at = |n: usize| heights.get(n).copied().flatten().map_or(0, filled);
    for x in 0..area.width {
        for y in 0..area.height {
            let below = u32::from(area.height - 1 - y) * steps;
            let part = |n: usize| at(n).saturating_sub(below).min(steps) as usize;
            let symbol = match strokes {
                Strokes::Braille => {
                    let columns = [0, 1].map(|side| part(usize::from(x) * 2 + side));
                    let dots = DOTS.iter().zip(columns).flat_map(|(dots, count)| dots.iter().take(count));
                    let dots: u32 = dots.sum();
                    (dots != 0).then(|| char::from_u32(0x2800 + dots)).flatten()
                }
                Strokes::Blocks => part(x.into()).checked_sub(1).and_then(|eighth| BARS.get(eighth).copied()),
            };
            if let (Some(symbol), Some(cell)) = (symbol, buffer.cell_mut((area.x + x, area.y + y))) {
                cell.set_char(symbol).set_style(style(y));
            }
        }
    }
}

/// A height for each point of a curve of `span` milliseconds up to `end`: the largest value in its time, else the one before. Points begin
/// at multiples of their length, so that the curve stands still between two of them.
pub(super) fn heights(
    within: &[(i64, u64)],
    end: i64,
    span: i64,
    points: usize,
    bounds: (u64, u64),
) -> Vec<Option<f64>> {
    let count = i64::try_from(points).unwrap_or(1).max(1);
    let length = (span / count).max(1);
    let last = end.div_euclid(length);
    let mut highest: Vec<Option<u64>> = vec![None; points];
    let mut before = None;
    for &(at, bytes) in within {
        match usize::try_from(at.div_euclid(length) - (last - count + 1)) {
            Ok(place) => {
                if let Some(place) = highest.get_mut(place) {
                    *place = Some(place.map_or(bytes, |known| known.max(bytes)));
                }
            }
            Err(_) => before = Some(bytes),
        }
    }
    for place in &mut highest {
        before = place.or(before);
        *place = before;
    }
    highest.into_iter().map(|value| Some(height(value?, bounds))).collect()
}

/// The values at the bottom and at the top of an axis. It begins at zero where that costs little; else what is less than a fiftieth
/// of the figure looks flat, for it is.
pub(super) fn bounds(least: u64, most: u64) -> (u64, u64) {
    let range = (most - least.min(most)).max(most / 50).max(1);
    if least <= range {
        return (0, step_up(most.max(1), step(most.max(1))));
    }
    let step = step(range);
    // What is flat runs through the middle: at the bottom, it would look like nothing.
    let spare = (range - (most - least).min(range)) / 2;
    let low = least.saturating_sub(spare) / step * step;
    (low, step_up(most.saturating_add(spare).max(low + 1), step))
}

/// An eighth of a range or more, as a power of two: bounds stay where they are while a curve moves a little.
fn step(range: u64) -> u64 {
    (range / 8).max(1).next_power_of_two()
}

fn step_up(value: u64, step: u64) -> u64 {
    value.div_ceil(step).saturating_mul(step)
}

/// Where a value lies between the bounds.
pub(super) fn height(value: u64, (low, high): (u64, u64)) -> f64 {
    value.saturating_sub(low) as f64 / high.saturating_sub(low).max(1) as f64
}

/// `1023 KiB` and a blank.
const LABEL: u16 = 9;
/// Cells of an axis that has room.
pub(super) const AXIS: u16 = LABEL + 1;

/// The bounds at the left of an area, with the line of the axis. Cells that they take.
pub(super) fn axis(
    bounds: (u64, u64),
    named: fn(u64) -> String,
    area: Rect,
    style: Style,
    buffer: &mut Buffer,
) -> u16 {
    if area.height == 0 || area.width <= LABEL {
        return 0;
    }
    for y in 0..area.height {
        buffer.set_string(
            area.x + LABEL,
            area.y + y,
            if y == 0 || y + 1 == area.height { "┤" } else { "│" },
            style,
        );
    }
    let mut label = |y: u16, value: u64| {
        let text = if value == 0 { "0".to_owned() } else { named(value) };
        buffer.set_stringn(
            area.x,
            y,
            format!("{text:>width$}", width = usize::from(LABEL)),
            LABEL.into(),
            style,
        );
    };
    label(area.y, bounds.1);
    if area.height > 1 {
        label(area.bottom() - 1, bounds.0);
    }
    AXIS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::buffer::Buffer;

    use super::*;

    fn lines(heights: &[Option<f64>], width: u16, height: u16, strokes: Strokes) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        draw(heights, area, strokes, |_| Style::new(), &mut buffer);
        (0..height).map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect()).collect()
    }

    #[test]
    fn a_ramp_rises_dot_by_dot() {
        let ramp: Vec<Option<f64>> = (1..=8).map(|n| Some(f64::from(n) / 8.0)).collect();
        assert_eq!(lines(&ramp, 4, 2, Strokes::Braille), ["  ⣠⣾", "⣠⣾⣿⣿"]);
        assert_eq!(lines(&ramp, 8, 1, Strokes::Blocks), ["▁▂▃▄▅▆▇█"]);
        assert_eq!(lines(&[None, Some(0.0)], 2, 1, Strokes::Blocks), [" ▁"], "unknown is not zero");
    }

    #[test]
    fn an_axis_begins_at_zero_where_that_costs_little() {
        let mib = 1 << 20;
        assert_eq!(bounds(0, 100 * mib).0, 0);
        assert_eq!(bounds(60 * mib, 100 * mib), (56 * mib, 104 * mib), "a range of 40, in steps of 8");
        assert_eq!(bounds(1000 * mib, 1001 * mib), (988 * mib, 1012 * mib), "almost flat, in the middle");
        assert_eq!(bounds(0, 0), (0, 1));
    }

    #[test]
    fn what_was_not_sampled_is_carried_on_and_what_came_before_is_not_invented() {
        let points = [(5_000, 10), (8_000, 20)];
        let at = heights(&points, 9_999, 10_000, 10, (0, 20));
        assert_eq!(at[..5], [None; 5]);
        assert_eq!(at[5..], [Some(0.5), Some(0.5), Some(0.5), Some(1.0), Some(1.0)]);
        // With a point from before, the curve begins at the edge.
        assert_eq!(heights(&[(-3_000, 20), (8_000, 10)], 9_999, 10_000, 10, (0, 20))[0], Some(1.0));
    }

    proptest! {
        #[test]
        fn a_curve_lies_within_its_bounds(a: u64, b: u64) {
            let (least, most) = (a.min(b), a.max(b));
            let (low, high) = bounds(least, most);
            prop_assert!(low <= least && most <= high && low < high);
            for value in [least, most] {
                prop_assert!((0.0..=1.0).contains(&height(value, (low, high))));
            }
        }
    }
}
