//! A fleet of which the truth is known: rows that breathe, fill, jump and saw, and one tag that leaks with one version of its
//! driver.
#![allow(dead_code, reason = "shared by tests and examples, each of which uses a part")]

use std::fmt::Write as _;
use std::io::{self, Write};

/// A fleet.
#[derive(Clone, Copy)]
pub struct World {
    pub hosts: u32,
    /// Rows on each host.
    pub rows: u32,
    /// Hosts on which the tag `L007` leaks, the last ones.
    pub leaking: u32,
    /// Seconds from point to point.
    pub step: u32,
    /// Hours.
    pub hours: u32,
    /// Seconds since 1970 at the end.
    pub end: u64,
    /// Whose metrics.
    pub exporter: Exporter,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Exporter {
    /// Tags with their floors.
    Poolmon,
    /// Caches as `node_exporter` has them.
    Node,
}

/// One series: its name with labels as `Prometheus` writes them, and its points.
pub struct Line {
    pub family: &'static str,
    pub labels: Vec<(&'static str, String)>,
    pub points: Vec<(u64, f64)>,
}

/// xorshift64*: reproducible, and no dependency.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

impl World {
    pub fn host(host: u32) -> String {
        format!("srv{host:04}:9183")
    }

    pub fn leaks(&self, host: u32) -> bool {
        host >= self.hosts - self.leaking
    }

    /// One in four hosts has the version that leaks, the leaking ones among them.
    pub fn version(&self, host: u32) -> &'static str {
        if host >= self.hosts - (self.hosts / 4).max(self.leaking) { "1.2.3" } else { "1.2.4" }
    }

    /// Seconds since boot at the end.
    fn uptime(host: u32) -> u64 {
        86_400 * (2 + u64::from(host % 29))
    }

    fn values(&self, host: u32, row: u32) -> Vec<f64> {
        let mut dice = Dice(u64::from(host) * 7_919 + u64::from(row) * 104_729 + 88_172_645_463_325_252);
        let points = self.hours * 3600 / self.step;
        let size = 65_536.0 * 4_f64.powf(dice.unit() * 5.0);
        let phase = dice.unit();
        let (mut noise, mut level) = (0.0, 0.0);
        let is_leak = row == 7;
        (0..=points)
            .map(|point| {
                let hours = f64::from(point) * f64::from(self.step) / 3600.0;
                let pull = (f64::from(self.step) / 1800.0).min(1.0);
                noise += pull * (dice.normal() - noise);
                if is_leak {
                    let grown = if self.leaks(host) { 1e6 * hours } else { 0.0 };
                    return 3e6 + 6e4 * noise + grown;
                }
                let wave = |period: f64| (std::f64::consts::TAU * (hours / period + phase)).sin();
                let value = match row % 6 {
                    0 | 1 => size * (1.0 + 0.05 * noise),
                    2 => size * (1.0 + 0.4 * wave(24.0) + 0.02 * noise),
                    3 => {
                        // Jumps at odd hours, of any direction.
                        if dice.unit() < f64::from(self.step) / 3600.0 / 12.0 {
                            level += size * 0.2 * dice.normal();
                        }
                        size + level + size * 0.01 * noise
                    }
                    4 => size * (1.0 + 0.5 * (1.0 - (-(hours + 24.0 * phase) / 6.0).exp()) + 0.005 * noise),
                    _ => size * (1.0 + (hours / 5.0 + phase).fract() + 0.02 * noise),
                };
                value.max(0.0)
            })
            .map(f64::round)
            .collect()
    }

    /// Hands over every series.
    pub fn each(&self, mut take: impl FnMut(Line) -> io::Result<()>) -> io::Result<()> {
        let points = self.hours * 3600 / self.step;
        let begin = self.end - u64::from(points) * u64::from(self.step);
        let time = |point: usize| begin + point as u64 * u64::from(self.step);
        for host in 0..self.hosts {
            let name = Self::host(host);
            for row in 0..self.rows {
                let values = self.values(host, row);
                let with = |label: &'static str| match self.exporter {
                    Exporter::Poolmon => vec![
                        ("instance", name.clone()),
                        ("tag", label_of(row)),
                        ("pool", "nonpaged".to_owned()),
                    ],
                    Exporter::Node => vec![("instance", name.clone()), (label, label_of(row))],
                };
                let timed =
                    |values: &[f64]| values.iter().enumerate().map(|(at, v)| (time(at), *v)).collect();
                match self.exporter {
                    Exporter::Poolmon => {
                        let hour = (3600 / self.step).max(1) as usize;
                        let floor: Vec<f64> = (0..values.len())
                            .map(|at| {
                                values[at.saturating_sub(hour)..=at]
                                    .iter()
                                    .copied()
                                    .fold(f64::INFINITY, f64::min)
                            })
                            .collect();
                        take(Line { family: "poolmon_tag_bytes", labels: with(""), points: timed(&values) })?;
                        take(Line {
                            family: "poolmon_tag_floor_bytes",
                            labels: with(""),
                            points: timed(&floor),
                        })?;
                    }
                    Exporter::Node => {
                        let objects: Vec<f64> = values.iter().map(|bytes| (bytes / 256.0).round()).collect();
                        take(Line {
                            family: "node_slabinfo_active_objects",
                            labels: with("slab"),
                            points: timed(&objects),
                        })?;
                        take(Line {
                            family: "node_slabinfo_object_size_bytes",
                            labels: with("slab"),
                            points: values.iter().enumerate().map(|(at, _)| (time(at), 256.0)).collect(),
                        })?;
                    }
                }
            }
            let boot = (self.end - Self::uptime(host)) as f64;
            let all = |value: f64| (0..=points as usize).map(|at| (time(at), value)).collect::<Vec<_>>();
            let (family, info) = match self.exporter {
                Exporter::Poolmon => ("poolmon_boot_time_seconds", true),
                Exporter::Node => ("node_boot_time_seconds", false),
            };
            take(Line { family, labels: vec![("instance", name.clone())], points: all(boot) })?;
            if info {
                let labels = vec![
                    ("instance", name.clone()),
                    ("tag", label_of(7)),
                    ("pool", "nonpaged".to_owned()),
                    ("driver", "example.sys".to_owned()),
                    ("version", self.version(host).to_owned()),
                ];
                take(Line { family: "poolmon_tag_info", labels, points: all(1.0) })?;
            }
        }
        Ok(())
    }

    /// Lines for `/api/v1/import` of VictoriaMetrics.
    pub fn write_json_lines(&self, out: &mut impl Write) -> io::Result<()> {
        let mut text = String::new();
        self.each(|line| {
            text.clear();
            let _ = write!(text, "{{\"metric\":{{\"__name__\":\"{}\"", line.family);
            for (label, value) in &line.labels {
                let _ = write!(text, ",\"{label}\":\"{value}\"");
            }
            let values: Vec<String> = line.points.iter().map(|(_, value)| value.to_string()).collect();
            let times: Vec<String> = line.points.iter().map(|(time, _)| format!("{time}000")).collect();
            let _ =
                writeln!(text, "}},\"values\":[{}],\"timestamps\":[{}]}}", values.join(","), times.join(","));
            out.write_all(text.as_bytes())
        })
    }

    /// For `promtool tsdb create-blocks-from openmetrics`.
    pub fn write_open_metrics(&self, out: &mut impl Write) -> io::Result<()> {
        let mut lines = Vec::new();
        self.each(|line| {
            lines.push(line);
            Ok(())
        })?;
        lines.sort_by_key(|line| line.family);
        let mut family = "";
        for line in &lines {
            if line.family != family {
                family = line.family;
                writeln!(out, "# TYPE {family} gauge")?;
            }
            let labels: Vec<String> =
                line.labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            for (time, value) in &line.points {
                writeln!(out, "{family}{{{}}} {value} {time}", labels.join(","))?;
            }
        }
        writeln!(out, "# EOF")
    }
}

fn label_of(row: u32) -> String {
    format!("L{row:03}")
}
