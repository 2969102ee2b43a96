#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! The verdict as a file to send: one HTML page without network, or Markdown.
//!
//! Data passes in one direction:
//!
//! 1. [`Material`] is everything that is shown: the verdicts, the series behind them, marks, what is known of owners;
//! 2. `findings` chooses what is worth telling, `words` says it; the same for every format;
//! 3. `plot` draws the series as SVG, `html` puts the page together, `markdown` the text.
//!
//! Tags, names of hosts and notes come from drivers and logs of strangers: all text goes through [`html`]'s or
//! [`markdown`]'s escaping, and the page's policy allows no script but its own.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "places on a plot and rounded figures, far from the limits of their types"
)]

mod analysed;
mod findings;
mod holders;
pub mod html;
pub mod markdown;
mod plot;
mod risers;
#[cfg(test)]
mod tests;
mod traces;
pub mod words;

pub use traces::{TraceOwner, TraceSection};

pub use analysed::{AnalysedSeries, owner_hint};
pub use holders::{main_holder, name_holders};
pub use risers::risers;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_leak::{Analysis, Report, Verdict};
use poolmon_model::{Filter, Pool, Tag, TimelineMark};

/// Everything that a report shows.
#[non_exhaustive]
pub struct Material<'a> {
    /// The headline's own words instead of the host's name.
    pub title: Option<String>,
    /// Name of the file or folder.
    pub source: String,
    /// Host, if known.
    pub host: Option<String>,
    /// System and build, if known.
    pub system: Option<String>,
    /// First and last sample, where times are known.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The verdicts.
    pub report: &'a Report,
    /// The series behind them.
    pub analysis: &'a Analysis,
    /// How much longer samples are needed before anything can be said.
    pub needs: Option<Duration>,
    /// What Perfmon's figures say of the pools.
    pub perfmon: Option<&'a Report>,
    /// Notes, gaps, reboots, modules: oldest first.
    pub events: Vec<TimelineMark>,
    /// What is known of the owners of tags.
    pub dossiers: Vec<Dossier>,
    /// Traces of what grows.
    pub traces: Vec<TraceSection>,
    /// Which tags are shown.
    pub filter: Filter,
    /// Causes that get a section of their own.
    pub limit: usize,
    /// Times are reported in this zone.
    pub zone: TimeZone,
    /// When the report was made.
    pub made: Timestamp,
    /// What made it (`poolmon 0.1.0`).
    pub maker: String,
}

/// What is known of a tag's owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dossier {
    /// The tag.
    pub tag: Tag,
    /// Its pool.
    pub pool: Pool,
    /// From files and tables: title and text.
    pub known: Vec<(String, String)>,
    /// Drivers that were searched and show the tag, best evidence first.
    pub suspects: Vec<Suspect>,
    /// How much was searched, in words; `None` if nothing was.
    pub searched: Option<String>,
    /// File names of drivers that are proven to use the tag, by this search or an earlier one.
    pub drivers: Vec<String>,
}

/// A driver that shows the tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// File, version, whose it is.
    pub name: String,
    /// The evidence, best first; each a sentence.
    pub evidence: Vec<String>,
    /// The driver's file name, if its own code or structures are proven to use the tag.
    pub proven: Option<String>,
}

impl<'a> Material<'a> {
    /// A report on `source` with the six most important causes. Everything else is unknown until it is set.
    pub fn new(
        source: impl Into<String>,
        report: &'a Report,
        analysis: &'a Analysis,
        made: Timestamp,
    ) -> Self {
        Self {
            title: None,
            source: source.into(),
            host: None,
            system: None,
            span: None,
            report,
            analysis,
            needs: None,
            perfmon: None,
            events: Vec::new(),
            dossiers: Vec::new(),
            traces: Vec::new(),
            filter: Filter::default(),
            limit: 6,
            zone: TimeZone::UTC,
            made,
            maker: concat!("poolmon-report ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// What is above everything: the title, else the host, else the source.
    pub fn headline(&self) -> &str {
        self.title.as_ref().or(self.host.as_ref()).unwrap_or(&self.source)
    }

    /// The causes that get a section: leaks, then what grows. Dossiers are worth collecting for these.
    pub fn causes(&self) -> Vec<&Verdict> {
        findings::causes(self).collect()
    }
}
