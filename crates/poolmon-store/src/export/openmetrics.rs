//! `OpenMetrics` text with timestamps, for back-filling Prometheus: each family once, each series in one piece. And the last
//! sample in Prometheus' own text format, without a time: files that its exporters pass on must have none.

use std::io::Write;

use poolmon_model::Sample;
use poolmon_model::figure::{FIGURES, Metric};
use poolmon_print::metrics::{Labels, MetricText};

use super::columns::Window;
use super::delimited::sink;
use super::select::{ExportOptions, Summary, check_dated};
use crate::error::{Result, StoreError};
use crate::reader::Recording;

/// Most memory that the series may take.
const MOST: usize = 512 << 20;

/// Every sample.
pub(super) fn write(recording: &Recording, options: &ExportOptions, out: &mut dyn Write) -> Result<Summary> {
    let summary = families(recording, options, MetricText::OpenMetrics, out)?;
    out.write_all(MetricText::OpenMetrics.end().as_bytes()).map_err(sink)?;
    Ok(summary)
}

/// The last sample alone.
pub(super) fn last(recording: &Recording, options: &ExportOptions, out: &mut dyn Write) -> Result<Summary> {
    let Some(end) = recording.info()?.last else { return Ok(Summary::default()) };
    let mut sample = Sample::empty();
    recording.cursor().seek(options.to.unwrap_or(end), &mut sample)?;
    let options = ExportOptions { from: sample.time, to: sample.time, ..options.clone() };
    families(recording, &options, MetricText::Prometheus, out)
}

fn families(
    recording: &Recording,
    options: &ExportOptions,
    text: MetricText,
    out: &mut dyn Write,
) -> Result<Summary> {
    // One window for each origin: a series must not be interrupted.
    let mut windows = vec![Window::default()];
    let mut bytes = 0;
    let summary = options.each(recording, |_, time, sample| {
        if text == MetricText::OpenMetrics {
            check_dated(recording, sample, time)?;
        }
        let fitting = windows.iter().position(|window| window.fits(sample));
        let at = fitting.unwrap_or(windows.len());
        if fitting.is_none() {
            windows.push(Window::default());
        }
        let Some(window) = windows.get_mut(at) else { return Ok(0) };
        let before = window.bytes();
        let rows = window.push(time, sample, options);
        bytes += window.bytes() - before;
        if bytes > MOST {
            return Err(StoreError::Malformed {
                path: recording.folder().into(),
                offset: 0,
                problem: "too many points for one OpenMetrics file".into(),
                remedy: "choose a shorter time, fewer tags, or a step (--every 60s)",
            });
        }
        Ok(rows)
    })?;
    for window in &mut windows {
        window.finish();
    }
    for (place, figure) in FIGURES.into_iter().enumerate() {
        family(out, &windows, place, &figure.metric, text).map_err(sink)?;
    }
    Ok(summary)
}

/// One figure of every row; `place` is where it is in the values.
fn family(
    out: &mut dyn Write,
    windows: &[Window],
    place: usize,
    metric: &Metric,
    text: MetricText,
) -> std::io::Result<()> {
    let mut begun = false;
    let mut line = String::new();
    for window in windows {
        for (key, points) in window.streams() {
            let mut labels = Labels::default();
            if let Some(host) = window.origin.as_ref().and_then(|origin| origin.host.as_deref()) {
                labels = labels.with("host", host);
            }
            if let Some(boot) = window.origin.as_ref().and_then(|origin| origin.boot.as_deref()) {
                labels = labels.with("boot", boot);
            }
            if let Some(session) = key.session {
                labels = labels.with("session", &session.to_string());
            }
            labels = labels.with("tag", &key.tag.to_string()).with("pool", key.pool.id());
            if let Some(owner) = &key.owner {
                labels = labels.with("owner", owner);
            }
            for (at, values) in points {
                let (Some(&Some(value)), Some(time)) = (values.get(place), window.times.get(at)) else {
                    continue;
                };
                line.clear();
                if !std::mem::replace(&mut begun, true) {
                    text.family(&mut line, metric);
                }
                text.sample(&mut line, metric, &labels, value, Some(*time));
                out.write_all(line.as_bytes())?;
            }
        }
    }
    Ok(())
}
