//! A series that was judged: what `leaks` and `report` show.

use std::time::Duration;

use jiff::Timestamp;
use poolmon_holder::{Answer, History, links};
use poolmon_leak::{Analysis, AnalysisConfig, OwnerHint, Report, Verdict};
use poolmon_model::{Counters, Key, Labeler, MarkKind, Pool, Row, Sample, Tag, TimelineMark};
use poolmon_owner::linux::MergedCaches;
use rustc_hash::FxHashMap;

use crate::holders::{fitting, name_holders};
use crate::risers;

/// What is known of tags' owners, as the judge asks for it.
pub fn owner_hint(labeler: &dyn Labeler) -> impl Fn(&Tag, Pool) -> Option<OwnerHint> + '_ {
    |tag, pool| {
        let row = Row { tag: tag.clone(), pool, counters: Counters::default(), reported_owner: None };
        let driver = labeler.label(&row)?.driver.clone()?;
        Some(OwnerHint { driver, third_party: false })
    }
}

/// What was judged.
pub struct AnalysedSeries {
    /// Name for headlines.
    pub source: String,
    /// Host and system, if known.
    pub host: Option<String>,
    /// System and build, if known.
    pub system: Option<String>,
    /// First and last sample.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The verdicts.
    pub report: Report,
    /// How much longer samples are needed before anything can be said.
    pub needs: Option<Duration>,
    /// What Perfmon's figures say of the pools, if there were any.
    pub perfmon: Option<Report>,
    /// What the verdicts rest on.
    pub analysis: Analysis,
    /// The rows of the last sample.
    pub last: Sample,
    /// Who holds the objects of rows that grow, if holders were counted.
    pub holders: FxHashMap<Key, Answer>,
}

impl AnalysedSeries {
    /// The source's name if the samples were taken just now, of the machine that poolmon runs on.
    pub const THIS_MACHINE: &str = "this machine";

    /// How a series is judged. The shortest span is the same for a file, for samples of a given length and for those that a person
    /// ended: 20 s.
    pub fn config() -> AnalysisConfig {
        AnalysisConfig { least_hours: 20.0 / 3600.0, ..AnalysisConfig::default() }
    }

    /// Takes the figures of verdicts from samples, as every other command does: the last figure is the last sample's, and growth
    /// over all samples is last minus first. Rows that either sample leaves out keep the judge's own, which are averages.
    #[must_use]
    pub fn with_first(mut self, first: &[Row]) -> Self {
        let bytes = |row: &Row| Some((row.key(), row.counters.bytes?));
        let [first, last] = [first, &self.last.rows]
            .map(|rows| rows.iter().filter_map(bytes).collect::<FxHashMap<Key, u64>>());
        let one_boot = self.report.reboots == 0;
        for verdict in &mut self.report.verdicts {
            let key = Key { tag: verdict.tag.clone(), pool: verdict.pool };
            let Some(&now) = last.get(&key) else { continue };
            verdict.held = now as f64;
            let grows = verdict.kind.rises();
            if let Some(&then) = first.get(&key).filter(|_| grows && verdict.since_start && one_boot) {
                verdict.growth = now as f64 - then as f64;
            }
        }
        self
    }

    /// Says of each row that grows who holds its objects ([`name_holders`]), and which holders only rise ([`risers`]).
    #[must_use]
    pub fn with_holders(mut self, history: &History, merged: &MergedCaches) -> Self {
        self.holders = name_holders(&mut self.report, &self.analysis, history, merged);
        self.report.risers = risers(&self.report, &self.analysis, history, merged, &self.holders);
        self
    }

    /// Names the owner of what a merged cache was found to hold, not of the name under which the kernel lists it.
    #[must_use]
    pub fn with_owners(mut self, owner: impl Fn(&Tag, Pool) -> Option<OwnerHint>) -> Self {
        let fitting = |verdict: &Verdict| {
            let fitting = Tag::name(self.fitting(verdict)?);
            let of_module = match self.answer(verdict) {
                Some(Answer::Nobody(nobody)) => nobody.made_by.as_ref().map(|(_, module)| module.clone()),
                _ => None,
            };
            Some(of_module.or_else(|| owner(&fitting, verdict.pool).map(|hint| hint.driver)))
        };
        let owners: Vec<Option<Option<String>>> = self.report.verdicts.iter().map(fitting).collect();
        for (verdict, owner) in self.report.verdicts.iter_mut().zip(owners) {
            if let Some(owner) = owner {
                verdict.owner = owner;
            }
        }
        self
    }

    /// Who holds the objects of a row, if that was asked.
    pub fn answer(&self, verdict: &Verdict) -> Option<&Answer> {
        self.holders.get(&Key { tag: verdict.tag.clone(), pool: verdict.pool })
    }

    /// The name of the cache that the objects of a row belong to by who holds them, or by the module that was loaded last, if the kernel
    /// lists it under another one.
    pub fn fitting(&self, verdict: &Verdict) -> Option<&str> {
        fitting(self.answer(verdict)?, &verdict.tag.to_string())
    }

    /// Adds to each cache that grows the names that share it, and which of them fits what grows in lockstep with it. The kernel
    /// lists a merged cache under one name only: a leak of sockets may be called `signal_cache`.
    #[must_use]
    pub fn with_merged(mut self, merged: &MergedCaches) -> Self {
        let reasons: Vec<Option<String>> =
            self.report.verdicts.iter().map(|verdict| merged_names(&self, verdict, merged)).collect();
        for (verdict, reason) in self.report.verdicts.iter_mut().zip(reasons) {
            verdict.reasons.extend(reason);
        }
        self
    }

    /// Reboots of the machine, as the counters show them.
    pub fn reboots(&self) -> Vec<TimelineMark> {
        let Some(pool) = self.report.pools.first() else { return Vec::new() };
        let curve = self.analysis.pool_curve(pool.pool);
        let changes = curve.windows(2).filter_map(|pair| match pair {
            [before, after] if before.boot != after.boot => self.analysis.at(after.hours),
            _ => None,
        });
        let event = |at| TimelineMark {
            at,
            kind: MarkKind::Reboot,
            length: Duration::ZERO,
            text: "rebooted: counters start from zero".to_owned(),
        };
        changes.map(event).collect()
    }

    /// Whether they were.
    pub fn is_live(&self) -> bool {
        self.source == Self::THIS_MACHINE
    }
}

fn merged_names(judged: &AnalysedSeries, verdict: &Verdict, merged: &MergedCaches) -> Option<String> {
    let cache = name(&verdict.tag)?;
    if !verdict.kind.rises() {
        return None;
    }
    let names = merged.explain(cache)?;
    if let Some(fitting) = judged.fitting(verdict) {
        let Some(Answer::Held(explanation)) = judged.answer(verdict) else {
            return Some(format!(
                "by the module that was loaded last, these are objects of {fitting}; {names}"
            ));
        };
        // Two leaks may share the slabs of one cache.
        let mut of: Vec<&str> = Vec::new();
        for grower in &explanation.growers {
            let own = grower.fitting.as_deref().unwrap_or(cache);
            if !of.contains(&own) {
                of.push(own);
            }
        }
        return Some(format!("by what holds them, these are objects of {}; {names}", of.join(" and ")));
    }
    // A holder that explains the growth of what is listed by this name leaves nothing to guess.
    let is_known = match judged.answer(verdict) {
        Some(Answer::Held(explanation)) => {
            links::find(&verdict.tag).is_some() && explanation.main().is_some()
        }
        _ => false,
    };
    if is_known {
        return Some(names);
    }
    let lockstep: Vec<&str> =
        judged.report.companions(verdict).iter().filter_map(|it| name(&it.tag)).collect();
    Some(match merged.fitting(cache, &lockstep) {
        Some(fitting) => {
            format!("by what grows in lockstep with it, these are objects of {fitting}; {names}")
        }
        None => names,
    })
}

fn name(tag: &Tag) -> Option<&str> {
    match tag {
        Tag::Name(name) => Some(name),
        Tag::Pool(_) => None,
    }
}
