//! Metrics as text: `OpenMetrics` 1.0, and Prometheus' own format 0.0.4. Exports and the server write through this.

use std::fmt::{Display, Write as _};

use jiff::Timestamp;
use poolmon_model::figure::{Metric, MetricKind};

/// Which of the two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricText {
    /// `OpenMetrics` 1.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Prometheus,
}

impl MetricText {
    /// The media type of an HTTP answer.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// What ends the text.
    pub const fn end(self) -> &'static str {
        match self {
            Self::OpenMetrics => "# EOF\n",
            Self::Prometheus => "",
        }
    }

    /// Begins a family: its type, unit and help. `OpenMetrics` names a family of counters without the suffix of its samples,
    /// Prometheus with it.
    pub fn family(self, out: &mut String, metric: &Metric) {
        let Metric { name, kind, unit, help } = *metric;
        let suffix = if self == Self::Prometheus { suffix(kind) } else { "" };
        let _ = writeln!(out, "# TYPE {name}{suffix} {}", kind.id());
        if !unit.is_empty() && self == Self::OpenMetrics {
            let _ = writeln!(out, "# UNIT {name} {unit}");
        }
        let _ = writeln!(out, "# HELP {name}{suffix} {help}");
    }

    /// One sample of a family. A time is written in `OpenMetrics` alone: files that Prometheus' exporters pass on must have none.
    pub fn sample(
        self,
        out: &mut String,
        metric: &Metric,
        labels: &Labels,
        value: impl Display,
        time: Option<Timestamp>,
    ) {
        let _ = write!(out, "{}{}", metric.name, suffix(metric.kind));
        if !labels.0.is_empty() {
            let _ = write!(out, "{{{}}}", labels.0);
        }
        let _ = write!(out, " {value}");
        if let Some(time) = time.filter(|_| self == Self::OpenMetrics) {
            let millis = time.as_millisecond();
            let _ = write!(out, " {}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000));
        }
        out.push('\n');
    }
}

const fn suffix(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Counter => "_total",
        MetricKind::Gauge => "",
    }
}

/// Labels of a sample, escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(String);

impl Labels {
    /// The same with one label more. Its value may be any text.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let comma = if self.0.is_empty() { "" } else { "," };
        let _ = write!(self.0, "{comma}{name}=\"");
        for character in value.chars() {
            match character {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                other => self.0.push(other),
            }
        }
        self.0.push('"');
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: Metric =
        Metric { name: "poolmon_x_bytes", kind: MetricKind::Gauge, unit: "bytes", help: "Bytes held." };
    const FREES: Metric =
        Metric { name: "poolmon_frees", kind: MetricKind::Counter, unit: "", help: "Frees." };

    fn text(format: MetricText) -> String {
        let mut out = String::new();
        let labels = Labels::default().with("tag", "a\"b\\c\nd ").with("pool", "paged");
        for metric in [BYTES, FREES] {
            format.family(&mut out, &metric);
            format.sample(&mut out, &metric, &labels, 12, Timestamp::from_millisecond(-1_500).ok());
        }
        out + format.end()
    }

    #[test]
    fn two_formats() {
        let labels = r#"{tag="a\"b\\c\nd ",pool="paged"}"#;
        assert_eq!(
            text(MetricText::OpenMetrics),
            format!(
                "# TYPE poolmon_x_bytes gauge\n# UNIT poolmon_x_bytes bytes\n# HELP poolmon_x_bytes Bytes held.\n\
                 poolmon_x_bytes{labels} 12 -2.500\n\
                 # TYPE poolmon_frees counter\n# HELP poolmon_frees Frees.\n\
                 poolmon_frees_total{labels} 12 -2.500\n# EOF\n"
            )
        );
        assert_eq!(
            text(MetricText::Prometheus),
            format!(
                "# TYPE poolmon_x_bytes gauge\n# HELP poolmon_x_bytes Bytes held.\npoolmon_x_bytes{labels} 12\n\
                 # TYPE poolmon_frees_total counter\n# HELP poolmon_frees_total Frees.\npoolmon_frees_total{labels} 12\n"
            )
        );
    }
}
