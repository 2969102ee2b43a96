//! A fleet without an engine: recordings or logs of many hosts, each judged on its own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use poolmon_leak::{Level, Report, VerdictKind};
use poolmon_model::{Pool, Sample};

use crate::uptime::{self, Held};
use crate::{Finding, Fleet, JudgedBy, OnHost};

/// Whose the series are, where no exporter is asked.
pub const RECORDINGS: &str = "recordings";

/// What a host's samples show.
#[derive(Clone, Copy, Debug)]
pub struct LocalHost<'a> {
    /// Its name.
    pub name: &'a str,
    /// The verdicts.
    pub report: &'a Report,
    /// Its samples are too few, or over too short a time, for any verdict.
    pub too_little: bool,
    /// The last sample.
    pub last: &'a Sample,
}

impl LocalHost<'_> {
    /// Whether a leak could have been found on it: a host that cannot be judged is none without a leak.
    fn is_judged(&self) -> bool {
        let is_known = |kind| !matches!(kind, VerdictKind::TooLittleData | VerdictKind::Unknown);
        let too_small = self.report.power.is_some_and(|power| power.per_hour.is_none());
        !self.too_little && !too_small && self.report.verdicts.iter().any(|verdict| is_known(verdict.kind))
    }
}

/// What one host holds of a row.
#[derive(Clone, Copy, Debug)]
struct Holding {
    uptime: Option<Duration>,
    bytes: f64,
    /// Whether a leak would have been found there: of a host that was not judged it is unknown whether the row leaks.
    counts: bool,
}

/// Joins what is found on each host, one host after the other: of a host, only what leaks is kept, and a number for each row.
#[derive(Debug)]
pub struct Joined {
    least: Level,
    fleet: Fleet,
    found: BTreeMap<(String, Pool), Vec<OnHost>>,
    held: BTreeMap<(String, Pool), Vec<Holding>>,
}

impl Joined {
    /// No host yet. `least`: the least sure rows that are findings.
    pub fn new(least: Level) -> Self {
        let fleet = Fleet { exporters: BTreeSet::from([RECORDINGS]), ..Fleet::default() };
        Self { least, fleet, found: BTreeMap::new(), held: BTreeMap::new() }
    }

    /// Adds a host.
    pub fn add(&mut self, host: LocalHost<'_>) {
        let (fleet, verdicts, is_judged) = (&mut self.fleet, &host.report.verdicts, host.is_judged());
        fleet.hosts += 1;
        fleet.at = host.last.time.map_or(fleet.at, |at| at.max(fleet.at));
        fleet.window_hours = fleet.window_hours.max(host.report.hours);
        fleet.series += verdicts.len() as u64;
        fleet.candidates += verdicts.iter().filter(|verdict| verdict.kind.rises()).count();
        fleet.young += usize::from(!is_judged);
        let mut leaking = BTreeSet::new();
        for verdict in verdicts {
            let Some(level) = verdict.surely() else { continue };
            if level < self.least {
                fleet.less_sure += 1;
                continue;
            }
            let row = (verdict.tag.to_string(), verdict.pool);
            leaking.insert(row.clone());
            self.found.entry(row).or_default().push(OnHost {
                host: host.name.to_owned(),
                level,
                confidence: verdict.confidence,
                bytes_per_hour: verdict.bytes.per_hour,
                held: Some(verdict.held),
                driver: None,
                judged_by: JudgedBy::Points,
            });
        }
        let mut seen = BTreeSet::new();
        for row in &host.last.rows {
            let key = (row.tag.to_string(), row.pool);
            let Some(bytes) = row.counters.bytes.filter(|_| seen.insert(key.clone())) else { continue };
            let counts = is_judged || leaking.contains(&key);
            let holding = Holding { uptime: host.last.uptime, bytes: bytes as f64, counts };
            self.held.entry(key).or_default().push(holding);
        }
    }

    /// All of them.
    pub fn finish(self) -> Fleet {
        let Self { mut fleet, found, held, .. } = self;
        for ((tag, pool), mut on) in found {
            on.sort_by(|a, b| {
                b.bytes_per_hour.total_cmp(&a.bytes_per_hour).then_with(|| a.host.cmp(&b.host))
            });
            let held = held.get(&(tag.clone(), pool)).map(Vec::as_slice).unwrap_or_default();
            let by_uptime: Vec<Held> = held
                .iter()
                .filter_map(|one| Some(Held { days: one.uptime?.as_secs_f64() / 86_400.0, bytes: one.bytes }))
                .collect();
            fleet.findings.push(Finding {
                tag,
                pool,
                exporter: RECORDINGS,
                hosts: held.iter().filter(|one| one.counts).count().max(on.len()),
                on,
                contrast: None,
                by_uptime: uptime::pivot(&by_uptime),
            });
        }
        fleet.rank();
        fleet
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{SignedDuration, Timestamp};
    use poolmon_leak::{Analysis, AnalysisConfig};
    use poolmon_model::{Key, Tag};

    fn join(hosts: &[LocalHost<'_>], least: Level) -> Fleet {
        let mut joined = Joined::new(least);
        for host in hosts {
            joined.add(*host);
        }
        joined.finish()
    }

    /// A day of a host: `Leak` grows by `per_hour` bytes an hour, `Calm` does not.
    fn day(per_hour: u64) -> Analysis {
        let key = |tag: &[u8; 4]| Key { tag: Tag::pool(*tag), pool: Pool::Nonpaged };
        let (leak, calm) = (key(b"Leak"), key(b"Calm"));
        let start: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        let mut analysis = Analysis::new(AnalysisConfig::default());
        for point in 0..288_u32 {
            let noise = u64::from(point * 7919 % 13) * 4096;
            let grown = per_hour * u64::from(point) / 12;
            let at = start + SignedDuration::from_mins((point * 5).into());
            analysis.push_values(at, [(&leak, (4 << 20) + noise + grown), (&calm, (8 << 20) + noise)]);
        }
        analysis
    }

    #[test]
    fn hosts_that_leak_are_named_fastest_first() {
        let rates = [2_000_000, 0, 1_000_000, 0];
        let reports: Vec<Report> = rates.iter().map(|rate| day(*rate).report()).collect();
        let last = Sample::empty();
        let names = ["a", "b", "c", "d"];
        let hosts: Vec<LocalHost<'_>> = names
            .iter()
            .zip(&reports)
            .map(|(name, report)| LocalHost { name, report, too_little: false, last: &last })
            .collect();
        let fleet = join(&hosts, Level::Likely);
        let [finding] = &fleet.findings[..] else { panic!("{:#?}", fleet.findings) };
        assert_eq!(finding.tag, "Leak");
        assert_eq!(finding.on.iter().map(|on| on.host.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!((fleet.hosts, fleet.young, fleet.series), (4, 0, 8));
        let short = Analysis::new(AnalysisConfig::default()).report();
        let young = LocalHost { name: "e", report: &short, too_little: true, last: &last };
        assert_eq!(join(&[hosts[0], young], Level::Likely).young, 1);
        // A host that cannot be judged has neither a leak nor none.
        let only = join(&[young, LocalHost { name: "f", ..young }], Level::Likely);
        assert_eq!((only.hosts, only.young, only.series), (2, 2, 0));
        assert!(only.unknown().is_some());
        let unjudged = LocalHost { too_little: true, ..hosts[1] };
        let said = crate::words::text(&join(&[unjudged, unjudged], Level::Likely));
        assert!(
            said.starts_with("Unknown whether anything leaks: none of 2 hosts could be judged"),
            "{said}"
        );
        assert!(
            said.contains("Not judged: 2 hosts with too little data") && !said.contains("--over"),
            "{said}"
        );
        let said = crate::words::text(&join(&[hosts[1], hosts[3], unjudged], Level::Likely));
        assert!(said.starts_with("No leak found on 2 hosts "), "{said}");
        // As `poolmon leaks` says it: what passed every test leaks, and what is not said to leak does not, whatever its confidence.
        let leak = |kind| {
            let mut report = reports[0].clone();
            let verdict = report.verdicts.iter_mut().find(|verdict| verdict.kind.rises()).unwrap();
            assert_eq!(verdict.level, Some(Level::Likely));
            verdict.kind = kind;
            let found = join(
                &[LocalHost { name: "a", report: &report, too_little: false, last: &last }],
                Level::Possible,
            );
            found.findings.first().map(|finding| finding.on[0].level)
        };
        assert_eq!(leak(VerdictKind::Leaking), Some(Level::Leak));
        assert_eq!(leak(VerdictKind::Suspected), Some(Level::Likely));
        assert_eq!(leak(VerdictKind::Plateau), None);
        let certain = join(&hosts, Level::Leak);
        assert_eq!(
            (certain.findings.len(), certain.less_sure),
            (0, 2),
            "bytes alone prove no more than likely"
        );
    }
}
