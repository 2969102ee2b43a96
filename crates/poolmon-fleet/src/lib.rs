#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! Data passes in one direction:
//!
//! 1. [`Engine`] asks a Prometheus-compatible engine (`answer` reads what it says) and counts rows, bytes and seconds;
//! 2. [`hunt`](mod@hunt) asks a few cheap questions, fetches the points of what may leak, and has `poolmon-leak` judge them;
//! 3. `contrast` and `uptime` compare hosts: does the leak go with a version of the driver, with the time since boot;
//! 4. a [`Fleet`] is plain data: [`words`] says it, `serde` writes it out.
//!
//! [`local`](mod@local) does the last two steps for recordings in a folder; [`folder`](mod@folder) lists its hosts. `family` is the one table of metric families that are known; [`typed`] reads what
//! people type.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]

mod answer;
mod contrast;
mod engine;
pub mod family;
pub mod folder;
pub mod hunt;
pub mod local;
mod promql;
pub mod typed;
mod uptime;
pub mod words;

use std::collections::BTreeSet;
use std::fmt::Display;

use jiff::Timestamp;
use poolmon_leak::Level;
use poolmon_model::Pool;
use serde::{Serialize, Serializer};

pub use answer::{Answer, Point, Series};
pub use contrast::{Contrast, Version};
pub use engine::{Access, Asked, Engine, EngineError};
pub use hunt::Hunt;
pub use uptime::{ByUptime, Class};

/// What was found. As JSON, it names its schema.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(tag = "schema", rename = "poolmon.fleet/1")]
pub struct Fleet {
    /// The end of the time looked at.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// Hours before it.
    pub window_hours: f64,
    /// Exporters whose series are there.
    pub exporters: BTreeSet<&'static str>,
    /// Hosts.
    pub hosts: usize,
    /// Hosts that could not be judged: without points from the beginning of the time, or with too little data.
    pub young: usize,
    /// Series of tags, caches and pools.
    pub series: u64,
    /// Of these, series whose floor rises.
    pub candidates: usize,
    /// Of these, candidates that were not judged, as there are too many.
    pub left_out: usize,
    /// Rows that may leak, and are less sure than what was asked for.
    pub less_sure: usize,
    /// Tags that leak somewhere, by what they lose together.
    pub findings: Vec<Finding>,
    /// What the engine says of its own answers; of a folder, which of its folders are not in this answer, and why.
    pub warnings: Vec<String>,
    /// What was asked, in order.
    pub asked: Vec<Asked>,
}

impl Fleet {
    /// Why it is unknown whether anything leaks; `None` if a host was judged.
    pub fn unknown(&self) -> Option<String> {
        if self.series == 0 {
            return Some("there are no series of tags or caches".to_owned());
        }
        let none =
            format!("none of {} could be judged", poolmon_model::units::counted(self.hosts as u64, "host"));
        (self.young >= self.hosts).then_some(if self.hosts == 1 {
            "its host could not be judged".to_owned()
        } else {
            none
        })
    }

    /// Findings by what they lose together, the most first.
    fn rank(&mut self) {
        let rate = |finding: &Finding| finding.on.iter().map(|on| on.bytes_per_hour).sum::<f64>();
        self.findings.sort_by(|a, b| rate(b).total_cmp(&rate(a)).then_with(|| a.tag.cmp(&b.tag)));
    }
}

/// A tag that leaks, or is suspected to, on some hosts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The tag, or the name of the cache.
    pub tag: String,
    /// Its pool.
    #[serde(serialize_with = "pool_id")]
    pub pool: Pool,
    /// Whose metrics show it.
    pub exporter: &'static str,
    /// Hosts that have it.
    pub hosts: usize,
    /// Where it leaks, fastest first.
    pub on: Vec<OnHost>,
    /// The version of the driver with which the leak goes.
    pub contrast: Option<Contrast>,
    /// What hosts hold by the time since their boot.
    pub by_uptime: Option<ByUptime>,
}

/// A leak on one host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OnHost {
    /// Which.
    pub host: String,
    /// How sure it is.
    #[serde(serialize_with = "level_id")]
    pub level: Level,
    /// The same as a number from 0 to 1; `None` if the host reports the level alone.
    pub confidence: Option<f64>,
    /// Bytes an hour.
    pub bytes_per_hour: f64,
    /// Bytes held at the end.
    pub held: Option<f64>,
    /// Driver and version, where an exporter knows them.
    pub driver: Option<String>,
    /// Who judged.
    pub judged_by: JudgedBy,
}

/// Who judged a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum JudgedBy {
    /// The host itself, from every sample.
    Host,
    /// This program, from the engine's points.
    Points,
}

fn as_text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn pool_id<S: Serializer>(pool: &Pool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(pool.id())
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn level_id<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(level.id())
}
