//! From a few cheap questions to verdicts.
//!
//! 1. What is there: which families, which hosts, how many series.
//! 2. Suspects that the hosts name themselves: one small family.
//! 3. Candidates among all other series: those whose floor (the lowest of each eighth of the time) hardly ever fell, and rose in the
//!    later half as in the earlier. Nothing that breathes or fills up passes, however large, and a small leak passes beside large rows.
//! 4. The points of the candidates, judged here as `poolmon leaks` judges a recording.
//! 5. For the tags that leak somewhere: where else they are, with which driver, and for how long those hosts have run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use poolmon_leak::{Analysis, AnalysisConfig, Level};
use poolmon_model::{Key, Pool, Tag};

use crate::contrast::{self, Version};
use crate::family::{BOOT, FAMILIES, Family, INFO, SUSPECTS};
use crate::promql::{one_of, seconds, select};
use crate::uptime::{self, Held};
use crate::{Answer, Asked, Engine, EngineError, Finding, Fleet, JudgedBy, OnHost, Point, Series};

/// Parts of the time whose floors are compared.
const FLOORS: u32 = 8;

/// Of the seven steps between them this many may fall: a leak with much noise falls once in a while.
const MOST_FALLS: u32 = 1;

/// The later half has to bring this part of the earlier half's rise at least, or it is filling up. The judge asks for half.
const LATER: f64 = 0.4;

/// The earlier half has to rise by more than this many bytes: as the judge has it, 64 KiB in all are no news.
const LEAST_RISE: u32 = 32_768;

/// Of a longer time not all points are fetched, but the floors of [`POINTS`] parts.
const LONG: Duration = Duration::from_hours(36);

/// Parts of a long time.
const POINTS: u32 = 1_440;

/// What to look at.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// The end of the time looked at.
    pub at: Timestamp,
    /// How long it is.
    pub window: Duration,
    /// Matchers that every series has to meet (`job="windows"`), comma between them; may be empty.
    pub matchers: String,
    /// The label that names a host.
    pub host: String,
    /// Series in one question for candidates; a larger fleet is asked in parts.
    pub part: u64,
    /// Candidates whose points are fetched.
    pub most: usize,
    /// The least sure rows that are findings; what is less sure is counted.
    pub least: Level,
}

impl Hunt {
    /// The day until `at`, on all hosts.
    pub fn new(at: Timestamp) -> Self {
        Self {
            at,
            window: Duration::from_hours(24),
            matchers: String::new(),
            host: "instance".to_owned(),
            part: 30_000,
            most: 500,
            // Of tens of thousands of rows, some rise all day by chance.
            least: Level::Likely,
        }
    }
}

/// A series that may be a leak.
#[derive(Clone, Debug)]
struct Candidate {
    host: String,
    tag: String,
    pool: Pool,
    family: &'static Family,
    /// By which part of what it held before its floor rose.
    ratio: f64,
}

/// All of it while it goes on.
struct Run<'a> {
    engine: &'a Engine,
    hunt: &'a Hunt,
    asked: Vec<Asked>,
    warnings: BTreeSet<String>,
}

/// Asks and judges.
///
/// # Errors
///
/// If the engine does not answer a question.
pub fn run(engine: &Engine, hunt: &Hunt) -> Result<Fleet, EngineError> {
    let mut run = Run { engine, hunt, asked: Vec::new(), warnings: BTreeSet::new() };
    let families = run.families()?;
    let mut fleet =
        Fleet { at: hunt.at, window_hours: hunt.window.as_secs_f64() / 3600.0, ..Fleet::default() };
    let boots = if families.is_empty() { BTreeMap::new() } else { run.boots()? };
    let mut found: BTreeMap<(String, Pool), (Vec<OnHost>, &'static Family)> = BTreeMap::new();
    let (mut hosts, mut watched) = (BTreeSet::new(), BTreeSet::new());
    let mut candidates = Vec::new();
    for family in families {
        let here = run.hosts(family)?;
        fleet.series += here.iter().map(|(_, series)| series).sum::<u64>();
        fleet.exporters.insert(family.exporter);
        watched.extend(run.watched(family)?);
        let mut accused = BTreeSet::new();
        if family.floor.is_some() {
            for (host, tag, pool, on_host) in run.suspects()? {
                accused.insert((host, tag.clone(), pool));
                if on_host.level < hunt.least {
                    fleet.less_sure += 1;
                    continue;
                }
                found.entry((tag, pool)).or_insert_with(|| (Vec::new(), family)).0.push(on_host);
            }
        }
        for part in parts(&here, hunt.part) {
            let new = run.candidates(family, &part)?;
            candidates.extend(
                new.into_iter()
                    .filter(|one| !accused.contains(&(one.host.clone(), one.tag.clone(), one.pool))),
            );
        }
        hosts.extend(here.into_iter().map(|(host, _)| host));
    }
    fleet.hosts = hosts.len();
    fleet.young = hosts.difference(&watched).count();
    fleet.candidates = candidates.len();
    // What outgrew itself most comes first; bytes would put the steps of large rows before small leaks.
    candidates.sort_by(|a, b| b.ratio.total_cmp(&a.ratio).then_with(|| a.host.cmp(&b.host)));
    fleet.left_out = candidates.len().saturating_sub(hunt.most);
    candidates.truncate(hunt.most);
    let mut config = AnalysisConfig::default();
    // These were chosen because they rise: false discoveries are counted among all series.
    config.false_discoveries *=
        candidates.len().max(1) as f64 / (fleet.series.max(1) as f64).max(candidates.len() as f64);
    for (row, points) in run.points(&candidates)? {
        let boot = boots.get(&row.host).copied();
        if let Some(on_host) = judge(&row, &points, boot, &config) {
            if on_host.level < hunt.least {
                fleet.less_sure += 1;
                continue;
            }
            let key = (row.tag.clone(), row.pool);
            found.entry(key).or_insert_with(|| (Vec::new(), row.family)).0.push(on_host);
        }
    }
    for ((tag, pool), (mut leaking, family)) in found {
        if hunt.least > Level::Possible && is_chance(&leaking, &config) {
            fleet.less_sure += 1;
            continue;
        }
        leaking
            .sort_by(|a, b| b.bytes_per_hour.total_cmp(&a.bytes_per_hour).then_with(|| a.host.cmp(&b.host)));
        fleet.findings.push(run.finding(family, (tag, pool), leaking, &boots, &watched)?);
    }
    fleet.rank();
    fleet.warnings = run.warnings.into_iter().collect();
    fleet.asked = run.asked;
    Ok(fleet)
}

impl Run<'_> {
    fn ask(&mut self, what: &'static str, query: &str) -> Result<Vec<Series>, EngineError> {
        let Answer { series, warnings, asked } = self.engine.query(what, query, self.hunt.at)?;
        self.warnings.extend(warnings);
        self.asked.extend(asked);
        Ok(series)
    }

    /// The families that this engine has.
    fn families(&mut self) -> Result<Vec<&'static Family>, EngineError> {
        let names = one_of("__name__", FAMILIES.iter().map(|family| family.held));
        let query = format!("count by (__name__) ({})", select("", &[&names, &self.hunt.matchers]));
        let series = self.ask("which families there are", &query)?;
        let is_there = |family: &&Family| series.iter().any(|one| one.label("__name__") == family.held);
        Ok(FAMILIES.iter().filter(is_there).collect())
    }

    /// Hosts of a family and how many series each has.
    fn hosts(&mut self, family: &Family) -> Result<Vec<(String, u64)>, EngineError> {
        let query =
            format!("count by ({}) ({})", self.hunt.host, select(family.held, &[&self.hunt.matchers]));
        let series = self.ask("hosts", &query)?;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let mut hosts: Vec<(String, u64)> = series
            .iter()
            .map(|one| (one.label(&self.hunt.host).to_owned(), one.last().unwrap_or(0.0) as u64))
            .collect();
        hosts.sort();
        Ok(hosts)
    }

    /// When each host was started, where an exporter tells it.
    fn boots(&mut self) -> Result<BTreeMap<String, f64>, EngineError> {
        let names = one_of("__name__", BOOT);
        let series = self.ask("boot times", &select("", &[&names, &self.hunt.matchers]))?;
        let boot = |one: &Series| Some((one.label(&self.hunt.host).to_owned(), one.last()?));
        Ok(series.iter().filter_map(boot).collect())
    }

    /// What hosts say themselves.
    fn suspects(&mut self) -> Result<Vec<(String, String, Pool, OnHost)>, EngineError> {
        let query = format!("{} > 0", select(SUSPECTS, &[&self.hunt.matchers]));
        let series = self.ask("suspects of the hosts' own", &query)?;
        let family = &FAMILIES[0];
        let suspect = |one: &Series| {
            let level = Level::ALL.into_iter().find(|level| level.id() == one.label("verdict"))?;
            let (tag, pool) = family.row(one);
            let host = one.label(&self.hunt.host).to_owned();
            let on_host = OnHost {
                host: host.clone(),
                level,
                confidence: None,
                bytes_per_hour: one.last()?,
                held: None,
                driver: None,
                judged_by: JudgedBy::Host,
            };
            Some((host, tag, pool, on_host))
        };
        Ok(series.iter().filter_map(suspect).collect())
    }

    /// Series of these hosts whose floor rises in both halves of the time.
    fn candidates(&mut self, family: &'static Family, hosts: &[&str]) -> Result<Vec<Candidate>, EngineError> {
        let hunt = self.hunt;
        let here = one_of(&hunt.host, hosts.iter().copied());
        // The exporter's own floor is the lowest of an hour at full resolution: a point of it stands for all points of the hour.
        let held = select(family.floor.unwrap_or(family.held), &[&here, &hunt.matchers]);
        let part = seconds(hunt.window / FLOORS);
        let floor = |parts_ago: u32| match parts_ago {
            0 => format!("min_over_time({held}[{part}])"),
            _ => {
                format!("min_over_time({held}[{part}] offset {})", seconds(hunt.window / FLOORS * parts_ago))
            }
        };
        let (now, middle, then) = (floor(0), floor(FLOORS / 2), floor(FLOORS - 1));
        let size = family.size.map_or_else(String::new, |size| {
            let on = [&[hunt.host.as_str()], family.labels()].concat().join(", ");
            format!(" * on ({on}) {}", select(size, &[&here, &hunt.matchers]))
        });
        let query = format!(
            "((({now} - {middle}) > {LATER} * ({middle} - {then})) / {then}) \
             and (({middle} - {then}){size} > {LEAST_RISE}) \
             and (resets({}[{}:{part}]) <= {MOST_FALLS})",
            floor(0),
            seconds(hunt.window / FLOORS * (FLOORS - 1)),
        );
        let series = self.ask("candidates: the floor rises", &query)?;
        let candidate = |one: &Series| {
            let (tag, pool) = family.row(one);
            // What held nothing before outgrew itself without bound.
            let ratio = one.last().unwrap_or(f64::INFINITY);
            Candidate { host: one.label(&hunt.host).to_owned(), tag, pool, family, ratio }
        };
        Ok(series.iter().map(candidate).collect())
    }

    /// Hosts that have points from the beginning of the time looked at; of the others nothing is known yet.
    fn watched(&mut self, family: &Family) -> Result<Vec<String>, EngineError> {
        let before = seconds(self.hunt.window / FLOORS * (FLOORS - 1));
        let held = select(family.held, &[&self.hunt.matchers]);
        let query = format!("count by ({}) ({held} offset {before})", self.hunt.host);
        let old = self.ask("hosts that are watched for long enough", &query)?;
        Ok(old.iter().map(|one| one.label(&self.hunt.host).to_owned()).collect())
    }

    /// The points of the candidates, bytes over seconds since 1970.
    fn points(&mut self, candidates: &[Candidate]) -> Result<Vec<(Candidate, Vec<Point>)>, EngineError> {
        let mut rows: BTreeMap<(&str, &str, Pool), Vec<&Candidate>> = BTreeMap::new();
        for one in candidates {
            rows.entry((one.family.held, &one.tag, one.pool)).or_default().push(one);
        }
        let mut found = Vec::with_capacity(candidates.len());
        for row in rows.into_values() {
            let Some(&first) = row.first() else { continue };
            let here = one_of(&self.hunt.host, row.iter().map(|one| one.host.as_str()));
            let of_row = first.matchers();
            let matchers: Vec<&str> =
                of_row.iter().map(String::as_str).chain([here.as_str(), &self.hunt.matchers]).collect();
            let held = select(first.family.held, &matchers);
            let window = seconds(self.hunt.window);
            let query = if self.hunt.window > LONG {
                let step = seconds(self.hunt.window / POINTS);
                format!("min_over_time({held}[{step}])[{window}:{step}]")
            } else {
                format!("{held}[{window}]")
            };
            let series = self.ask("points of candidates", &query)?;
            let sizes = match first.family.size {
                Some(size) => self.ask("sizes of objects", &select(size, &matchers))?,
                None => Vec::new(),
            };
            for &one in &row {
                let of_host = |series: &&Series| series.label(&self.hunt.host) == one.host;
                let Some(series) = series.iter().find(of_host) else { continue };
                let size = match first.family.size {
                    Some(_) => sizes.iter().find(of_host).and_then(Series::last),
                    None => Some(1.0),
                };
                let Some(size) = size else { continue };
                let points = series.points.iter().filter(|point| point.value.is_finite());
                let points = points.map(|point| Point { at: point.at, value: point.value * size }).collect();
                found.push((one.clone(), points));
            }
        }
        Ok(found)
    }

    /// What the fleet shows of a tag that leaks somewhere.
    fn finding(
        &mut self,
        family: &'static Family,
        (tag, pool): (String, Pool),
        mut on: Vec<OnHost>,
        boots: &BTreeMap<String, f64>,
        watched: &BTreeSet<String>,
    ) -> Result<Finding, EngineError> {
        let row = Candidate { host: String::new(), tag, pool, family, ratio: 0.0 };
        let of_row = row.matchers();
        let matchers: Vec<&str> =
            of_row.iter().map(String::as_str).chain([self.hunt.matchers.as_str()]).collect();
        let mut held = select(family.held, &matchers);
        if let Some(size) = family.size {
            let on = [&[self.hunt.host.as_str()], family.labels()].concat().join(", ");
            held = format!("{held} * on ({on}) {}", select(size, &matchers));
        }
        let now = self.ask("the tag on all hosts", &held)?;
        let mut drivers: BTreeMap<String, String> = BTreeMap::new();
        if family.floor.is_some() {
            for one in self.ask("its driver on all hosts", &select(INFO, &matchers))? {
                let name = [one.label("driver"), one.label("version")].join(" ");
                drivers.insert(one.label(&self.hunt.host).to_owned(), name.trim().to_owned());
            }
        }
        let held: BTreeMap<&str, f64> =
            now.iter().filter_map(|one| Some((one.label(&self.hunt.host), one.last()?))).collect();
        let mut versions: BTreeMap<&str, Version> = BTreeMap::new();
        for &host in held.keys() {
            let Some(name) = drivers.get(host).filter(|name| !name.is_empty()) else { continue };
            let new = || Version { name: name.clone(), hosts: 0, leaking: 0 };
            let version = versions.entry(name).or_insert_with(new);
            version.hosts += 1;
            version.leaking += usize::from(on.iter().any(|on| on.host == host));
        }
        for one in &mut on {
            one.driver = drivers.get(&one.host).filter(|name| !name.is_empty()).cloned();
            one.held = one.held.or_else(|| held.get(one.host.as_str()).copied());
        }
        let at = self.hunt.at.as_millisecond() as f64 / 1e3;
        let days =
            |host: &str| boots.get(host).map(|boot| (at - boot) / 86_400.0).filter(|days| *days >= 0.0);
        let by_uptime: Vec<Held> =
            held.iter().filter_map(|(host, &bytes)| Some(Held { days: days(host)?, bytes })).collect();
        Ok(Finding {
            tag: row.tag,
            pool,
            exporter: family.exporter,
            hosts: held
                .keys()
                .filter(|&&host| watched.contains(host) || on.iter().any(|on| on.host == host))
                .count(),
            on,
            contrast: contrast::find(versions.into_values().collect()),
            by_uptime: uptime::pivot(&by_uptime),
        })
    }
}

impl Candidate {
    /// Matchers of its row, on any host.
    fn matchers(&self) -> Vec<String> {
        let value = |label: &&str| match *label {
            "pool" => one_of("pool", [self.pool.id()]),
            label => one_of(label, [self.tag.as_str()]),
        };
        self.family.labels().iter().map(value).collect()
    }
}

/// As `poolmon leaks` judges a recording; `None` if it is no suspect. Points before the boot are of another life.
fn judge(row: &Candidate, points: &[Point], boot: Option<f64>, config: &AnalysisConfig) -> Option<OnHost> {
    let key = Key { tag: Tag::name(&row.tag), pool: row.pool };
    let mut analysis = Analysis::new(config.clone());
    for point in points.iter().filter(|point| boot.is_none_or(|boot| point.at >= boot)) {
        let Ok(at) = SignedDuration::try_from_secs_f64(point.at).map(Timestamp::from_duration) else {
            continue;
        };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, which no kernel holds"
        )]
        analysis.push_values(at.ok()?, [(&key, point.value as u64)]);
    }
    let report = analysis.report();
    let verdict = report.verdict(&key)?;
    Some(OnHost {
        host: row.host.clone(),
        level: verdict.surely()?,
        confidence: verdict.confidence,
        bytes_per_hour: verdict.bytes.per_hour,
        held: Some(verdict.held),
        driver: None,
        judged_by: JudgedBy::Points,
    })
}

/// Of tens of thousands of rows some rise all day by chance. On one host alone, by points alone, a leak counts if it is worth acting on.
fn is_chance(on: &[OnHost], config: &AnalysisConfig) -> bool {
    // Tests that a row passes are made for the rows of one machine, not for those of a fleet.
    let is_sure = |one: &OnHost| one.confidence.and_then(Level::of) == Some(Level::Leak);
    matches!(on, [one] if one.judged_by == JudgedBy::Points && !is_sure(one) && one.bytes_per_hour < config.worth_per_hour)
}

/// Hosts in parts of at most `most` series, or of one host.
fn parts(hosts: &[(String, u64)], most: u64) -> Vec<Vec<&str>> {
    let mut parts: Vec<Vec<&str>> = Vec::new();
    let mut room = 0;
    for (host, series) in hosts {
        if room < *series || parts.is_empty() {
            parts.push(Vec::new());
            room = most.max(*series);
        }
        room -= series;
        if let Some(part) = parts.last_mut() {
            part.push(host);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grew_before_the_boot_is_of_another_life() {
        let row = Candidate {
            host: "a".into(),
            tag: "Leak".into(),
            pool: Pool::Nonpaged,
            family: &FAMILIES[0],
            ratio: 1.0,
        };
        // Grows all day, falls at the boot, and stays where it is.
        let points: Vec<Point> = (0..288_u32)
            .map(|at| {
                let grown = if at < 240 { f64::from(at) * 1e5 } else { 0.0 };
                let value = 3e6 + f64::from(at * 7919 % 13) * 2048.0 + grown;
                Point { at: 1.8e9 + f64::from(at) * 300.0, value }
            })
            .collect();
        let config = AnalysisConfig::default();
        assert!(judge(&row, &points[..240], None, &config).is_some());
        assert_eq!(judge(&row, &points[..240], Some(1.8e9 + 239.0 * 300.0), &config), None);
        assert_eq!(judge(&row, &points, Some(1.8e9 + 240.0 * 300.0), &config), None);
    }

    #[test]
    fn parts_hold_all_hosts_once() {
        let hosts: Vec<(String, u64)> = [7, 3, 12, 1, 9].iter().map(|n| (format!("h{n}"), *n)).collect();
        assert_eq!(parts(&hosts, 10), [vec!["h7", "h3"], vec!["h12"], vec!["h1", "h9"]]);
        assert!(parts(&[], 10).is_empty());
    }

    #[test]
    fn a_small_rise_on_one_host_alone_is_chance() {
        let on = |bytes_per_hour: f64, confidence: f64, judged_by: JudgedBy| OnHost {
            host: "a".into(),
            level: Level::Leak,
            confidence: Some(confidence),
            bytes_per_hour,
            held: None,
            driver: None,
            judged_by,
        };
        let config = AnalysisConfig::default();
        let small = on(2e4, 0.97, JudgedBy::Points);
        assert!(is_chance(std::slice::from_ref(&small), &config));
        assert!(!is_chance(&[small.clone(), small], &config), "two hosts are no chance");
        assert!(!is_chance(&[on(1e6, 0.97, JudgedBy::Points)], &config));
        assert!(!is_chance(&[on(2e4, 0.97, JudgedBy::Host)], &config), "the host saw every sample");
        assert!(!is_chance(&[on(2e4, 0.995, JudgedBy::Points)], &config));
    }
}
