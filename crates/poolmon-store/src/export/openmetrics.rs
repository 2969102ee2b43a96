//! `OpenMetrics` text with timestamps, for back-filling Prometheus: each family once, each series in one piece. And the last
//! sample in Prometheus' own text format, without a time: files that its exporters pass on must have none.

use std::fmt::Write as _;
use std::io::Write;

use poolmon_model::Sample;
use poolmon_model::figure::{FIGURES, Metric, MetricKind};

use super::columns::Window;
use super::delimited::sink;
use super::select::{ExportOptions, Summary};
use crate::error::{Result, StoreError};
use crate::reader::Recording;

/// Most memory that the series may take.
const MOST: usize = 512 << 20;

/// Which of the two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    OpenMetrics,
    Prometheus,
}

/// Every sample.
pub(super) fn write(recording: &Recording, options: &ExportOptions, out: &mut dyn Write) -> Result<Summary> {
    let summary = families(recording, options, Text::OpenMetrics, out)?;
    out.write_all(b"# EOF\n").map_err(sink)?;
    Ok(summary)
}

/// The last sample alone.
pub(super) fn last(recording: &Recording, options: &ExportOptions, out: &mut dyn Write) -> Result<Summary> {
    let Some(end) = recording.info()?.last else { return Ok(Summary::default()) };
    let mut sample = Sample::empty();
    recording.cursor().seek(options.to.unwrap_or(end), &mut sample)?;
    let options = ExportOptions { from: sample.time, to: sample.time, ..options.clone() };
    families(recording, &options, Text::Prometheus, out)
}

fn families(
    recording: &Recording,
    options: &ExportOptions,
    text: Text,
    out: &mut dyn Write,
) -> Result<Summary> {
    // One window for each origin: a series must not be interrupted.
    let mut windows = vec![Window::default()];
    let mut bytes = 0;
    let summary = options.each(recording, |_, time, sample| {
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
    text: Text,
) -> std::io::Result<()> {
    let Metric { name, kind, unit, help } = *metric;
    let mut begun = false;
    let suffix = if kind == MetricKind::Counter { "_total" } else { "" };
    // OpenMetrics names a family without the suffix of its samples, Prometheus with it.
    let family = if text == Text::Prometheus { format!("{name}{suffix}") } else { name.to_owned() };
    let mut line = String::new();
    for window in windows {
        for (key, points) in window.streams() {
            let mut labels = String::new();
            let mut label = |name: &str, value: &str| {
                let comma = if labels.is_empty() { "" } else { "," };
                let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                let _ = write!(labels, "{comma}{name}=\"{value}\"");
            };
            if let Some(host) = window.origin.as_ref().and_then(|origin| origin.host.as_deref()) {
                label("host", host);
            }
            if let Some(boot) = window.origin.as_ref().and_then(|origin| origin.boot.as_deref()) {
                label("boot", boot);
            }
            if let Some(session) = key.session {
                label("session", &session.to_string());
            }
            label("tag", &key.tag.to_string());
            label("pool", key.pool.id());
            if let Some(owner) = &key.owner {
                label("owner", owner);
            }
            for (at, values) in points {
                let (Some(&Some(value)), Some(time)) = (values.get(place), window.times.get(at)) else {
                    continue;
                };
                if !begun {
                    begun = true;
                    writeln!(out, "# TYPE {family} {}", kind.id())?;
                    if !unit.is_empty() && text == Text::OpenMetrics {
                        writeln!(out, "# UNIT {name} {unit}")?;
                    }
                    writeln!(out, "# HELP {family} {help}")?;
                }
                let millis = time.as_millisecond();
                line.clear();
                let _ = write!(line, "{name}{suffix}{{{labels}}} {value}");
                if text == Text::OpenMetrics {
                    let _ = write!(line, " {}.{:03}", millis / 1000, millis % 1000);
                }
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(())
}
