//! The series behind the page, and the verdicts on it: of a file once, of a live source again and again.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_holder::{PATIENCE, Watch};
use poolmon_leak::{Analysis, AnalysisConfig, Report};
use poolmon_model::{Key, Row, Sample, SourceKind, TimelineMark};
use poolmon_owner::Owners;
use poolmon_owner::linux::MergedCaches;
use poolmon_report::words::row_verdict;
use poolmon_report::{AnalysedSeries, Dossier, Material, html, main_holder, owner_hint};
use rustc_hash::FxHashMap;

use crate::moment::{Suspect, Verdicts};

/// A series that is judged.
pub struct Judged {
    /// Always there but while it is judged.
    series: Option<AnalysedSeries>,
    /// Of this machine, if it is the one that is watched.
    holders: Option<(Watch, MergedCaches)>,
    /// Rows of the first sample.
    first: Vec<Row>,
    /// Notes, gaps, reboots.
    pub marks: Vec<TimelineMark>,
    pub owners: Arc<Owners>,
}

impl Judged {
    /// A live source, before its first sample.
    pub fn live(sample: &Sample, owners: Arc<Owners>) -> Self {
        let origin = &sample.origin;
        let here = || {
            (
                Watch::new(None),
                MergedCaches::read(Path::new("/sys/kernel/slab")).with_makers(Path::new("/sys")),
            )
        };
        let is_here = matches!(origin.kind, SourceKind::Linux | SourceKind::Windows);
        let series = AnalysedSeries {
            source: if is_here { AnalysedSeries::THIS_MACHINE } else { "a simulated kernel" }.to_owned(),
            host: origin.host.clone(),
            system: origin.system.clone(),
            span: None,
            report: Report::default(),
            needs: None,
            perfmon: None,
            analysis: Analysis::new(AnalysisConfig::live()),
            last: Sample::empty(),
            holders: FxHashMap::default(),
        };
        Self {
            series: Some(series),
            holders: is_here.then(here),
            first: sample.rows.clone(),
            marks: Vec::new(),
            owners,
        }
    }

    /// A file that was judged.
    pub fn saved(series: AnalysedSeries, marks: Vec<TimelineMark>, owners: Arc<Owners>) -> Self {
        Self { series: Some(series), holders: None, first: Vec::new(), marks, owners }
    }

    /// What was judged.
    pub fn series(&self) -> Option<&AnalysedSeries> {
        self.series.as_ref()
    }

    /// Takes a sample of a live source in.
    pub fn push(&mut self, sample: &Sample) {
        let Some(series) = &mut self.series else { return };
        series.analysis.push(sample);
        if let Some(time) = sample.time {
            series.span = Some((series.span.map_or(time, |span| span.0), time));
        }
        series.last.clone_from(sample);
        if let Some((holders, _)) = &mut self.holders {
            holders.look(PATIENCE);
        }
    }

    /// Judges what there is of a live source by now.
    pub fn judge(&mut self) {
        let Some(mut series) = self.series.take() else { return };
        series.needs = series.analysis.needs();
        let owners = Arc::clone(&self.owners);
        let hint = owner_hint(&*owners);
        series = if let Some((holders, merged)) = &self.holders {
            let holder = main_holder(&series.analysis, holders.history(), merged);
            series.report = series.analysis.report_with(&hint, &holder);
            drop(holder);
            series
                .with_first(&self.first)
                .with_holders(holders.history(), merged)
                .with_merged(merged)
                .with_owners(&hint)
        } else {
            series.report = series.analysis.report_with(&hint, &|_, _| None);
            series.with_first(&self.first)
        };
        self.series = Some(series);
    }

    /// Everything that a report shows.
    pub fn material(&self) -> Option<Material<'_>> {
        let series = self.series.as_ref()?;
        let mut material = Material::new(&series.source, &series.report, &series.analysis, Timestamp::now());
        material.host.clone_from(&series.host);
        material.system.clone_from(&series.system);
        (material.span, material.needs) = (series.span, series.needs);
        material.perfmon = series.perfmon.as_ref();
        material.events.clone_from(&self.marks);
        material.zone = TimeZone::system();
        material.maker = format!("poolmon {}", env!("CARGO_PKG_VERSION"));
        let known = |key: &Key| {
            let lines = self.owners.known(&key.tag).into_iter();
            lines.map(|line| (line.title.to_owned(), line.text)).collect()
        };
        let causes: Vec<Key> = material
            .causes()
            .into_iter()
            .map(|verdict| Key { tag: verdict.tag.clone(), pool: verdict.pool })
            .collect();
        let dossiers = causes.into_iter().map(|key| Dossier {
            known: known(&key),
            drivers: self.owners.proven(&key.tag),
            tag: key.tag,
            pool: key.pool,
            suspects: Vec::new(),
            searched: None,
        });
        material.dossiers = dossiers.collect();
        Some(material)
    }

    /// The verdicts in short.
    pub fn verdicts(&self) -> Verdicts {
        let (Some(series), Some(material)) = (&self.series, self.material()) else {
            return Verdicts::default();
        };
        let zone = TimeZone::system();
        let key = |verdict: &poolmon_leak::Verdict| Key { tag: verdict.tag.clone(), pool: verdict.pool };
        let rows = series.report.verdicts.iter();
        let rows = rows.filter_map(|verdict| {
            Some((key(verdict), Arc::new(row_verdict(&series.report, verdict, &zone)?)))
        });
        let suspects = series.report.verdicts.iter().filter_map(|verdict| {
            Some(Suspect {
                key: key(verdict),
                level: verdict.surely()?,
                bytes_per_hour: verdict.bytes.per_hour,
                exhaustion: verdict.exhaustion.map(|end| end.hours * 3600.0),
                owner: verdict.owner.clone(),
            })
        });
        Verdicts {
            rows: rows.collect(),
            suspects: suspects.collect(),
            headline: html::headline(&material),
            mood: html::mood(&material),
            needs: series.needs,
        }
    }
}
