//! Plots as SVG that fill the width they get: text keeps its size, curves are stretched.
//!
//! * [`scale`]: axes; * [`shape`]: paths; * here: pools, tags with their trend, compositions, small curves in tables.
//!
//! Every plot carries its figures next to it ([`Plot::data`]), so that a script can show the one under the pointer.

mod scale;
mod shape;

use poolmon_leak::series::CurvePoint;
use poolmon_leak::{PoolGrowth, Verdict, VerdictKind};
use poolmon_model::MarkKind;
use poolmon_model::units::human_amount;
use serde_json::{Value, json};

use self::scale::{ByteScale, Tick, TimeScale};
use crate::Material;
use crate::findings::{self, Composition};
use crate::html::markup::{Html, html, html_piece};

/// Room above the curves: letters of marks and the uppermost label.
const TOP: f64 = 22.0;

/// Room below: the labels of time.
const BOTTOM: f64 = 22.0;

/// Room at the left: the labels of bytes.
const GUTTER: u32 = 76;

/// Room that a label of time needs next to one at an edge, of 1000 in the narrowest plot.
const EDGE_ROOM: f64 = 170.0;

/// Marks that are drawn, of all: more would hide the curve.
const MARKS: usize = 60;

/// A plot.
pub struct Plot {
    /// The drawing.
    pub svg: Html,
    /// `{x: [0..1000], t: [moment], s: [[name, [figure]]]}`.
    pub data: Value,
    /// Its axis of bytes starts at zero.
    pub from_zero: bool,
}

/// Axes and what is drawn between them.
struct Frame<'a> {
    material: &'a Material<'a>,
    x: TimeScale,
    y: ByteScale,
    height: f64,
    shapes: Html,
}

impl<'a> Frame<'a> {
    fn new(material: &'a Material<'a>, window: (f64, f64), y: ByteScale, height: f64) -> Self {
        let x = TimeScale::new(window.0, window.1, material.analysis, &material.zone);
        Self { material, x, y, height, shapes: Html::default() }
    }

    fn path(&mut self, class: &str, path: &str) {
        if !path.is_empty() {
            html!(self.shapes, r#"<path class="{}" d="{}"/>"#, class, path);
        }
    }

    /// Puts the frame around what was drawn: labels of bytes in a drawing of their own, so that the other can be
    /// stretched to any width.
    fn finish(self, name: &str) -> Html {
        let Self { height, .. } = self;
        let inner = height - TOP - BOTTOM;
        let ticks = self.y.ticks();
        let mut svg =
            html_piece!(r#"<svg class="scale" width="{}" height="{}" aria-hidden="true">"#, GUTTER, height);
        for tick in &ticks {
            let y = TOP + tick.at / 1000.0 * inner + 4.0;
            let x = GUTTER - 8;
            html!(svg, r#"<text class="tick" x="{}" y="{:.1}" text-anchor="end">{}</text>"#, x, y, tick.text);
        }
        html!(
            svg,
            r#"</svg><svg class="chart" width="100%" height="{}" role="img" aria-label="{}">"#,
            height,
            name
        );
        for tick in &ticks {
            let y = TOP + tick.at / 1000.0 * inner;
            html!(svg, r#"<line class="grid" x1="0" x2="100%" y1="{:.1}" y2="{:.1}"/>"#, y, y);
        }
        self.gaps(&mut svg, inner);
        html!(
            svg,
            r#"<svg class="curves" y="{}" width="100%" height="{}" viewBox="0 0 1000 1000" preserveAspectRatio="none" overflow="visible">{}</svg>"#,
            TOP,
            inner,
            self.shapes
        );
        self.marks(&mut svg, inner);
        let y = height - 5.0;
        let ticks = self.x.ticks();
        for (n, tick) in ticks.iter().enumerate() {
            // A label that is pushed inside at an edge must not run into its neighbour.
            let near =
                |other: Option<&Tick>| other.is_some_and(|other| (other.at - tick.at).abs() < EDGE_ROOM);
            if tick.at < 20.0 && near(ticks.get(n + 1))
                || tick.at > 980.0 && near(ticks.get(n.wrapping_sub(1)))
            {
                continue;
            }
            let anchor = match tick.at {
                at if at < 20.0 => "start",
                at if at > 980.0 => "end",
                _ => "middle",
            };
            let wide = if n % 2 == 1 { " wide" } else { "" };
            html!(
                svg,
                r#"<text class="tick{}" x="{:.2}%" y="{:.1}" text-anchor="{}">{}</text>"#,
                wide,
                tick.at / 10.0,
                y,
                anchor,
                tick.text
            );
        }
        html!(svg, "</svg>");
        svg
    }

    /// Time without samples, shaded.
    fn gaps(&self, svg: &mut Html, inner: f64) {
        for event in self.material.events.iter().filter(|event| !event.length.is_zero()) {
            let Some(to) = self.x.hours(event.at) else { continue };
            let from = self.x.x(to - event.length.as_secs_f64() / 3600.0);
            let to = self.x.x(to);
            html!(
                svg,
                r#"<rect class="gap" x="{:.2}%" width="{:.2}%" y="{}" height="{}"/>"#,
                from / 10.0,
                (to - from).max(1.0) / 10.0,
                TOP,
                inner
            );
        }
    }

    /// A line and a letter for each mark; letters that would cover each other are left out.
    fn marks(&self, svg: &mut Html, inner: f64) {
        let mut last = f64::NEG_INFINITY;
        for event in self.material.events.iter().take(MARKS) {
            let Some(at) = self.x.hours(event.at).map(|hours| self.x.x(hours)) else { continue };
            let class = event.kind.word();
            let x = at / 10.0;
            html!(
                svg,
                r#"<g class="mark {}"><title>{}</title><line x1="{:.2}%" x2="{:.2}%" y1="16" y2="{:.1}"/>"#,
                class,
                event.text,
                x,
                x,
                TOP + inner
            );
            if at - last > 14.0 {
                html!(
                    svg,
                    r#"<text x="{:.2}%" y="12" text-anchor="middle">{}</text>"#,
                    x,
                    event.kind.letter()
                );
                last = at;
            }
            html!(svg, "</g>");
        }
    }

    fn data(&self, points: &[CurvePoint], series: Vec<(String, Vec<f64>)>) -> Value {
        let hours: Vec<f64> = points.iter().map(|point| point.hours).collect();
        data(&self.x, &hours, series)
    }
}

fn data(x: &TimeScale, hours: &[f64], series: Vec<(String, Vec<f64>)>) -> Value {
    let at: Vec<u32> = hours.iter().map(|&hours| x.x(hours).round() as u32).collect();
    let reported: Vec<String> = hours.iter().map(|&hours| x.reported(hours)).collect();
    let figures = |values: Vec<f64>| values.into_iter().map(human_amount).collect::<Vec<_>>();
    let series: Vec<Value> =
        series.into_iter().map(|(name, values)| json!([name, figures(values)])).collect();
    json!({ "x": at, "t": reported, "s": series })
}

/// From the first to the last sample.
fn everything(material: &Material<'_>) -> (f64, f64) {
    (0.0, material.report.hours)
}

fn means(points: &[CurvePoint]) -> Vec<f64> {
    points.iter().map(|point| point.mean).collect()
}

/// A pool over the whole time, with its marks.
pub fn pool(material: &Material<'_>, growth: &PoolGrowth) -> Plot {
    let points = material.analysis.pool_curve(growth.pool);
    let y = ByteScale::of(points.iter().flat_map(|point| [point.least, point.most]), false);
    let mut frame = Frame::new(material, everything(material), y, 220.0);
    if y.starts_at_zero() {
        frame.path("area", &shape::area(&points, &frame.x, &y));
    }
    frame.path("band", &shape::band(&points, &frame.x, &y));
    frame.path("curve", &shape::line(&points, &frame.x, &y, |point| point.mean));
    let data = frame.data(&points, vec![(growth.pool.long().to_owned(), means(&points))]);
    Plot {
        svg: frame.finish(&format!("{} over time", growth.pool.long())),
        data,
        from_zero: y.starts_at_zero(),
    }
}

/// A tag over the whole time, with the trend that the verdict found, and how steep that may as well be.
pub fn tag(material: &Material<'_>, verdict: &Verdict) -> Plot {
    let points = material.analysis.curve(&verdict.tag, verdict.pool);
    let trend = verdict.kind.rises().then(|| findings::trend(material, verdict, &points)).flatten();
    let ends = trend.map(|trend| [trend.bytes.0, trend.bytes.1]).into_iter().flatten();
    let y = ByteScale::of(points.iter().flat_map(|point| [point.least, point.most]).chain(ends), false);
    let mut frame = Frame::new(material, everything(material), y, 240.0);
    frame.path("band leak", &shape::band(&points, &frame.x, &y));
    frame.path("curve leak", &shape::line(&points, &frame.x, &y, |point| point.mean));
    if let Some(trend) = trend {
        let (from, to) = (frame.x.x(trend.hours.0), frame.x.x(trend.hours.1));
        let fan = [
            (from, y.y(trend.low.0)),
            (to, y.y(trend.low.1)),
            (to, y.y(trend.high.1)),
            (from, y.y(trend.high.0)),
        ];
        // The two borders cross in the middle: two triangles.
        frame.path("fan", &shape::corners(fan, true));
        let line = [(from, y.y(trend.bytes.0)), (to, y.y(trend.bytes.1))];
        frame.path("trend", &shape::corners(line, false));
    }
    let name = verdict.tag.to_string();
    let mut series = vec![(name.trim_end().to_owned(), means(&points))];
    if points.iter().any(|point| point.most > point.least) {
        series.push(("most".to_owned(), points.iter().map(|point| point.most).collect()));
    }
    let data = frame.data(&points, series);
    Plot { svg: frame.finish(&format!("{} over time", name.trim_end())), data, from_zero: y.starts_at_zero() }
}

/// What a pool's growth is made of, one layer on the other.
pub fn composition(material: &Material<'_>, composition: &Composition<'_>) -> Plot {
    let Composition { hours, layers, others, whole } = composition;
    let mut sums = vec![vec![0.0; hours.len()]];
    for values in layers.iter().map(|layer| &layer.1).chain([others]) {
        let below = sums.last().cloned().unwrap_or_default();
        sums.push(below.iter().zip(values).map(|(below, value)| below + value).collect());
    }
    let top = sums.last().cloned().unwrap_or_default();
    let y = ByteScale::of(top.iter().chain(whole).copied(), true);
    let mut frame = Frame::new(material, material.report.judged, y, 260.0);
    for (n, pair) in sums.windows(2).enumerate() {
        let [below, above] = pair else { continue };
        let up = hours.iter().zip(above).map(|(&hour, &value)| (frame.x.x(hour), y.y(value)));
        let down = hours.iter().zip(below).rev().map(|(&hour, &value)| (frame.x.x(hour), y.y(value)));
        let path = shape::corners(up.chain(down).collect::<Vec<_>>(), true);
        // The last layer is what all the others grew by.
        let class = if n == layers.len() { 0 } else { n + 1 };
        frame.path(&format!("layer s{class}"), &path);
    }
    let outline = hours.iter().zip(whole).map(|(&hour, &value)| (frame.x.x(hour), y.y(value)));
    frame.path("whole", &shape::corners(outline.collect::<Vec<_>>(), false));
    let mut series = vec![("whole pool".to_owned(), whole.clone())];
    series.extend(
        layers
            .iter()
            .map(|(verdict, values)| (verdict.tag.to_string().trim_end().to_owned(), values.clone())),
    );
    series.push(("others".to_owned(), others.clone()));
    let data = data(&frame.x, hours, series);
    Plot { svg: frame.finish("composition of the growth"), data, from_zero: true }
}

/// A curve of the size of a word.
pub fn small(material: &Material<'_>, verdict: &Verdict) -> Html {
    let points = material.analysis.curve(&verdict.tag, verdict.pool);
    let x = TimeScale::new(0.0, material.report.hours, material.analysis, &material.zone);
    let y = ByteScale::of(points.iter().map(|point| point.mean), false);
    let path = shape::line(&points, &x, &y, |point| point.mean);
    let class = if verdict.kind == VerdictKind::Leaking { "curve leak" } else { "curve" };
    html_piece!(
        r#"<svg class="small" viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true"><path class="{}" d="{}"/></svg>"#,
        class,
        path
    )
}

/// Kinds of marks that the plots show, for the key below them.
pub fn kinds(material: &Material<'_>) -> Vec<MarkKind> {
    MarkKind::ALL.into_iter().filter(|kind| material.events.iter().any(|event| event.kind == *kind)).collect()
}
