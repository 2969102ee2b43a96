//! `/metrics`: families whose number of series is bounded, as a metrics engine pays for each one.
//!
//! A figure of a row is a family of [`FIGURES`], as in exports. Rows without series of their own are summed in the row `other`; it has
//! no counters, as a row that begins to be shown would look like a reset of it.

use std::collections::BTreeMap;
use std::time::Duration;

use poolmon_model::figure::{FIGURES, Metric, MetricKind};
use poolmon_model::{Counters, Figure, Key, Labeler, Pool, Row, figure};
use poolmon_print::metrics::{Labels, MetricText};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::moment::Moment;
use crate::process;

const OTHER: &str = "other";

/// What is known besides the moment.
pub struct Source<'a> {
    /// Time between two samples; `None` for a file.
    pub interval: Option<Duration>,
    /// Names owners.
    pub owners: &'a dyn Labeler,
    /// Most series of rows.
    pub max_series: usize,
}

macro_rules! gauge {
    ($name:literal, $unit:literal, $help:literal) => {
        Metric { name: $name, kind: MetricKind::Gauge, unit: $unit, help: $help }
    };
}

const BUILD: Metric = gauge!("poolmon_build_info", "", "Version of poolmon; always 1.");
const SOURCE: Metric = gauge!("poolmon_source_info", "", "What is watched; always 1.");
const UP: Metric = gauge!("poolmon_source_up", "", "1 if the last attempt to take a sample succeeded.");
const AGE: Metric = gauge!("poolmon_sample_age_seconds", "seconds", "Time since the last sample was taken.");
const BOOT: Metric =
    gauge!("poolmon_boot_time_seconds", "seconds", "When the machine was booted, as Unix time.");
const SAMPLES: Metric =
    Metric { name: "poolmon_samples", kind: MetricKind::Counter, unit: "", help: "Samples that were taken." };
const POOL: Metric =
    gauge!("poolmon_pool_bytes", "bytes", "Bytes of a pool: the system's figure, else the sum of its rows.");
const LIMIT: Metric =
    gauge!("poolmon_pool_limit_bytes", "bytes", "Most that the pool can grow to, if the system reports it.");
const UNTAGGED: Metric =
    gauge!("poolmon_untagged_bytes", "bytes", "Bytes of a pool that no tag accounts for.");
const ROWS: Metric = gauge!("poolmon_pool_tags", "", "Tags or caches of a pool.");
const FLOOR: Metric = gauge!(
    "poolmon_tag_floor_bytes",
    "bytes",
    "Lowest bytes within the last hour, from every sample; absent until the tag was watched for an hour."
);
const INFO: Metric = gauge!("poolmon_tag_info", "", "Driver or module that uses the tag; always 1.");
const SUSPECT: Metric = gauge!(
    "poolmon_suspect_bytes_per_hour",
    "",
    "Growth of a tag that leaks or is suspected to, in bytes per hour."
);
const EXHAUSTION: Metric = gauge!(
    "poolmon_suspect_exhaustion_seconds",
    "seconds",
    "Time until memory runs out if all leaks go on as they do."
);
const JUDGED: Metric = gauge!("poolmon_judged", "", "1 if there are enough samples for verdicts.");
const SHOWN: Metric = gauge!("poolmon_series", "", "Series of tags in this answer.");
const DROPPED: Metric =
    gauge!("poolmon_series_dropped", "", "Series of tags that --max-series left out of this answer.");
const DUPLICATES: Metric = gauge!(
    "poolmon_duplicate_rows",
    "",
    "Rows that the kernel listed under a name it listed before; they are summed."
);
const RESIDENT: Metric =
    gauge!("process_resident_memory_bytes", "bytes", "Resident memory of poolmon itself.");
const VIRTUAL: Metric = gauge!("process_virtual_memory_bytes", "bytes", "Virtual memory of poolmon itself.");
const STARTED: Metric =
    gauge!("process_start_time_seconds", "seconds", "When poolmon was started, as Unix time.");
const CPU: Metric = Metric {
    name: "process_cpu_seconds",
    kind: MetricKind::Counter,
    unit: "seconds",
    help: "CPU time of poolmon itself.",
};
const FILES: Metric = gauge!("process_open_fds", "", "Open files of poolmon itself.");

/// The answer.
pub fn text(format: MetricText, moment: &Moment, source: &Source<'_>) -> String {
    let mut page = Page { format, out: String::with_capacity(32 << 10) };
    machine(&mut page, moment, source);
    let (rows, dropped) = bounded(moment, source);
    pools(&mut page, moment);
    let shown = tags(&mut page, moment, source, &rows);
    suspects(&mut page, moment);
    page.one(&SHOWN, shown);
    page.one(&DROPPED, dropped);
    page.one(&DUPLICATES, moment.duplicates);
    own(&mut page);
    page.out.push_str(format.end());
    page.out
}

struct Page {
    format: MetricText,
    out: String,
}

impl Page {
    fn one(&mut self, metric: &Metric, value: impl std::fmt::Display) {
        self.all(metric, [(Labels::default(), value)]);
    }

    /// A family; nothing at all if it has no sample. Returns how many it has.
    fn all<V: std::fmt::Display>(
        &mut self,
        metric: &Metric,
        samples: impl IntoIterator<Item = (Labels, V)>,
    ) -> usize {
        let mut count = 0;
        for (labels, value) in samples {
            if count == 0 {
                self.format.family(&mut self.out, metric);
            }
            self.format.sample(&mut self.out, metric, &labels, value, None);
            count += 1;
        }
        count
    }
}

fn of_key(key: &Key) -> Labels {
    Labels::default().with("tag", &key.tag.to_string()).with("pool", key.pool.id())
}

fn of_pool(pool: Pool) -> Labels {
    Labels::default().with("pool", pool.id())
}

fn machine(page: &mut Page, moment: &Moment, source: &Source<'_>) {
    let origin = &moment.now.origin;
    page.all(&BUILD, [(Labels::default().with("version", env!("CARGO_PKG_VERSION")), 1)]);
    let mut labels = Labels::default().with("kind", origin.kind.id());
    if let Some(host) = &origin.host {
        labels = labels.with("host", host);
    }
    if let Some(system) = &origin.system {
        labels = labels.with("system", system);
    }
    page.all(&SOURCE, [(labels, 1)]);
    page.one(&UP, u8::from(moment.failing.is_none()));
    if let Some(age) = moment.age(source.interval.is_some()) {
        page.one(&AGE, format_args!("{age:.3}"));
    }
    let dated = moment.now.time.filter(|time| !poolmon_model::units::is_dateless(*time));
    if let (Some(time), Some(uptime)) = (dated, moment.now.uptime) {
        let boot = time.as_millisecond() as f64 / 1000.0 - uptime.as_secs_f64();
        page.one(&BOOT, format_args!("{boot:.0}"));
    }
    page.one(&SAMPLES, moment.samples);
    page.one(&JUDGED, u8::from(moment.verdicts.needs.is_none()));
}

fn pools(page: &mut Page, moment: &Moment) {
    let now = &moment.now;
    let of = |pool: Pool| now.rows.iter().filter(move |row| row.pool == pool);
    let known = |pool: Pool| of(pool).all(|row| row.counters.bytes.is_some()) && now.coverage.lists_all(pool);
    let present: Vec<Pool> = Pool::ALL
        .into_iter()
        .filter(|&pool| of(pool).next().is_some() || now.header.pool_total(pool).is_some())
        .collect();
    let held = |&pool: &Pool| {
        let sum = (known(pool) && of(pool).next().is_some()).then(|| now.tagged_bytes(pool));
        Some((of_pool(pool), now.header.pool_total(pool).or(sum)?))
    };
    page.all(&POOL, present.iter().filter_map(held));
    let limits = [(Pool::Nonpaged, now.header.limit_nonpaged), (Pool::Paged, now.header.limit_paged)];
    page.all(&LIMIT, limits.into_iter().filter_map(|(pool, limit)| Some((of_pool(pool), limit?))));
    let untagged = |&pool: &Pool| {
        let rows = known(pool) && of(pool).next().is_some();
        let untagged = now.header.pool_total(pool).filter(|_| rows)?.checked_sub(now.tagged_bytes(pool))?;
        Some((of_pool(pool), untagged))
    };
    page.all(&UNTAGGED, present.iter().filter_map(untagged));
    page.all(&ROWS, present.iter().map(|&pool| (of_pool(pool), of(pool).count())));
}

/// The chosen rows that fit into the limit, and how many series of the others are left out.
fn bounded<'a>(moment: &'a Moment, source: &Source<'_>) -> (Vec<&'a Row>, usize) {
    let by_key: FxHashMap<Key, &Row> = moment.now.rows.iter().map(|row| (row.key(), row)).collect();
    let mut left = source.max_series;
    let (mut rows, mut dropped) = (Vec::new(), 0);
    for key in &moment.chosen {
        let Some(row) = by_key.get(key).filter(|_| key.tag.to_string() != OTHER) else { continue };
        let figures = FIGURES.iter().filter(|figure| value(figure, row, moment).is_some()).count();
        let series = figures
            + usize::from(moment.floors.contains_key(key))
            + usize::from(driver(row, source.owners).is_some());
        // What follows is less important: a smaller row must not take the place of a larger one.
        if series > left {
            left = 0;
            dropped += series;
        } else {
            left -= series;
            rows.push(*row);
        }
    }
    (rows, dropped)
}

fn value(figure: &Figure, row: &Row, moment: &Moment) -> Option<i128> {
    let unwrapped = moment.counters.get(&row.key());
    let on = |at: usize| unwrapped.and_then(|both| both.get(at).copied().flatten()).map(i128::from);
    let wide = if *figure == figure::ALLOCS {
        on(0)
    } else if *figure == figure::FREES {
        on(1)
    } else {
        None
    };
    wide.or_else(|| (figure.get)(&row.counters, moment.now.width))
}

fn driver(row: &Row, owners: &dyn Labeler) -> Option<String> {
    let named = owners.label(row).and_then(|label| label.driver.clone());
    named.or_else(|| row.reported_owner.as_deref().map(str::to_owned))
}

fn tags(page: &mut Page, moment: &Moment, source: &Source<'_>, rows: &[&Row]) -> usize {
    let shown: FxHashSet<Key> = rows.iter().map(|row| row.key()).collect();
    let mut others: BTreeMap<Pool, Counters> = BTreeMap::new();
    for row in moment.now.rows.iter().filter(|row| !shown.contains(&row.key())) {
        others.entry(row.pool).or_default().add(&row.counters, moment.now.width);
    }
    let mut count = 0;
    for figure in FIGURES {
        let own = rows.iter().filter_map(|row| Some((of_key(&row.key()), value(figure, row, moment)?)));
        let is_gauge = figure.metric.kind == MetricKind::Gauge;
        let sums = others.iter().filter(|_| is_gauge).filter_map(|(pool, sum)| {
            let labels = Labels::default().with("tag", OTHER).with("pool", pool.id());
            Some((labels, (figure.stored)(sum)?))
        });
        count += page.all(&figure.metric, own.chain(sums));
    }
    let floors = rows.iter().filter_map(|row| Some((of_key(&row.key()), *moment.floors.get(&row.key())?)));
    count += page.all(&FLOOR, floors);
    let suspects = moment.verdicts.suspects.iter();
    let mut drivers: BTreeMap<Labels, &str> = BTreeMap::new();
    let named: Vec<(Key, Option<String>)> = rows
        .iter()
        .map(|row| (row.key(), driver(row, source.owners)))
        .chain(suspects.map(|suspect| (suspect.key.clone(), suspect.owner.clone())))
        .collect();
    for (key, driver) in &named {
        if let Some(driver) = driver {
            // One series a row, whatever is known of it twice: a join needs one partner.
            drivers.entry(of_key(key)).or_insert(driver);
        }
    }
    let info = drivers.into_iter().map(|(labels, driver)| {
        let labels = labels.with("driver", driver);
        match source.owners.version(driver) {
            Some(version) => (labels.with("version", &version), 1),
            None => (labels, 1),
        }
    });
    count + page.all(&INFO, info)
}

fn suspects(page: &mut Page, moment: &Moment) {
    let suspects = &moment.verdicts.suspects;
    page.all(
        &SUSPECT,
        suspects.iter().filter(|one| one.bytes_per_hour.is_finite()).map(|one| {
            (of_key(&one.key).with("verdict", one.level.id()), format!("{:.0}", one.bytes_per_hour))
        }),
    );
    page.all(
        &EXHAUSTION,
        suspects.iter().filter_map(|one| Some((of_key(&one.key), format!("{:.0}", one.exhaustion?)))),
    );
}

fn own(page: &mut Page) {
    let process = process::now();
    page.one(&STARTED, format_args!("{:.3}", process.started));
    page.all(&RESIDENT, process.resident.map(|bytes| (Labels::default(), bytes)));
    page.all(&VIRTUAL, process.virtual_.map(|bytes| (Labels::default(), bytes)));
    page.all(&CPU, process.cpu.map(|seconds| (Labels::default(), format!("{seconds:.2}"))));
    page.all(&FILES, process.files.map(|files| (Labels::default(), files)));
}
