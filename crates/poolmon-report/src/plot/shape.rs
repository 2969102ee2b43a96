//! Paths in a square of 1000 by 1000 that is stretched to the plot's size.

use std::fmt::Write as _;

use poolmon_leak::series::CurvePoint;

use super::scale::{ByteScale, TimeScale};

/// Distances between points over their median, from which on time without samples lies between them.
const GAP: f64 = 3.5;

/// Stretches without a gap or a reboot.
pub fn stretches(points: &[CurvePoint]) -> Vec<&[CurvePoint]> {
    let mut steps: Vec<f64> =
        points.windows(2).filter_map(|pair| Some(pair.get(1)?.hours - pair.first()?.hours)).collect();
    steps.sort_by(f64::total_cmp);
    let usual = steps.get(steps.len() / 2).copied().unwrap_or(f64::INFINITY);
    points.chunk_by(|a, b| a.boot == b.boot && b.hours - a.hours <= usual * GAP).collect()
}

/// A line through the values of the points.
pub fn line(
    points: &[CurvePoint],
    x: &TimeScale,
    y: &ByteScale,
    value: impl Fn(&CurvePoint) -> f64,
) -> String {
    let mut path = String::new();
    for stretch in stretches(points) {
        for (n, point) in stretch.iter().enumerate() {
            go(&mut path, n == 0, x.x(point.hours), y.y(value(point)));
        }
        if stretch.len() == 1 {
            // A single point would not be seen.
            path.push_str("h1");
        }
    }
    path
}

/// What lies between the minimum and the maximum.
pub fn band(points: &[CurvePoint], x: &TimeScale, y: &ByteScale) -> String {
    between(points, x, y, |point| point.most, |point| point.least)
}

/// What lies below the mean.
pub fn area(points: &[CurvePoint], x: &TimeScale, y: &ByteScale) -> String {
    between(points, x, y, |point| point.mean, |_| 0.0)
}

fn between(
    points: &[CurvePoint],
    x: &TimeScale,
    y: &ByteScale,
    upper: impl Fn(&CurvePoint) -> f64,
    lower: impl Fn(&CurvePoint) -> f64,
) -> String {
    let mut path = String::new();
    for stretch in stretches(points).into_iter().filter(|stretch| stretch.len() > 1) {
        for (n, point) in stretch.iter().enumerate() {
            go(&mut path, n == 0, x.x(point.hours), y.y(upper(point)));
        }
        for point in stretch.iter().rev() {
            go(&mut path, false, x.x(point.hours), y.y(lower(point)));
        }
        path.push('Z');
    }
    path
}

/// A polygon, or an open line, through corners that are in the square already.
pub fn corners(corners: impl IntoIterator<Item = (f64, f64)>, closed: bool) -> String {
    let mut path = String::new();
    for (n, (x, y)) in corners.into_iter().enumerate() {
        go(&mut path, n == 0, x, y);
    }
    if closed {
        path.push('Z');
    }
    path
}

fn go(path: &mut String, first: bool, x: f64, y: f64) {
    let _ = write!(path, "{}{x:.1} {y:.1}", if first { 'M' } else { 'L' });
}
