//! Perfmon's CSV and TSV (`PDH-CSV 4.0`): machine-wide figures over time. Perfmon knows no tags.
//!
//! The first field of the first line names format, time zone and bias: `(PDH-CSV 4.0) (GMT Standard Time)(-60)`.
//! UTC = local time + bias, in minutes. The bias is written once: where summer time ends, an hour comes twice,
//! and the samples after it are an hour off. Such a step back is said in the sample's remarks.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use poolmon_model::header::{FIGURES, Figure};
use poolmon_model::{CounterWidth, Origin, Pool, Sample, SourceKind};

use super::fields::Records;
use crate::{ReadError, Result};

/// What a person says about a file that does not say it itself.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Minutes from local time to UTC, instead of the file's own.
    pub bias: Option<i64>,
    /// Columns (from 1 = the first counter) and the header figures that they hold, for localised names:
    /// `pool_nonpaged`, `pool_paged`, `memory_available`, `commit` …
    pub positions: Vec<(usize, String)>,
}

/// English names of counters, the figure behind each, and its unit in bytes.
const COUNTERS: [(&str, &str, f64); 9] = [
    ("pool nonpaged bytes", "pool_nonpaged", 1.0),
    ("pool paged bytes", "pool_paged", 1.0),
    ("pool paged resident bytes", "resident_paged", 1.0),
    ("available bytes", "memory_available", 1.0),
    ("available kbytes", "memory_available", 1024.0),
    ("available mbytes", "memory_available", 1_048_576.0),
    ("committed bytes", "commit", 1.0),
    ("commit limit", "commit_limit", 1.0),
    ("system driver resident bytes", "resident_kernel", 1.0),
];

/// What a column holds.
#[derive(Debug)]
enum Column {
    Figure(&'static Figure, f64),
    /// Handles of a process.
    Handles(Arc<str>),
    Other,
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerfmonSample {
    /// Time and machine-wide figures; it has no rows.
    pub sample: Sample,
    /// Handles by process (`\Process(lsass)\Handle Count`), where the file has them.
    pub handles: Vec<(Arc<str>, u64)>,
}

/// Reads a file line by line.
#[derive(Debug)]
pub struct PerfmonReader<R> {
    path: PathBuf,
    records: Records<R>,
    separator: char,
    bias: i64,
    columns: Vec<Column>,
    origin: Arc<Origin>,
    last: Option<Timestamp>,
}

/// Whether the first bytes of a file are those of a Perfmon log.
pub fn is_perfmon(start: &[u8]) -> bool {
    let text: Vec<u8> = start.iter().copied().filter(|&byte| byte != 0).take(64).collect();
    text.windows(7).any(|part| part == b"PDH-CSV" || part == b"PDH-TSV")
}

/// Whether they are those of a binary log, which only Windows can read.
pub fn is_binary_log(start: &[u8], path: &Path) -> bool {
    let named = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("blg"));
    named || start.windows(7).take(64).any(|part| part == b"PDH-BIN")
}

impl PerfmonReader<BufReader<File>> {
    /// Opens a file.
    pub fn open(path: &Path, options: &Options) -> Result<Self> {
        let file = File::open(path).map_err(ReadError::io("open", path))?;
        Self::new(BufReader::new(file), path, options)
    }
}

impl<R: BufRead> PerfmonReader<R> {
    /// Reads from any input; `path` stands in messages.
    pub fn new(mut input: R, path: &Path, options: &Options) -> Result<Self> {
        let wrong = |line, problem: String, remedy| ReadError::line(path, line, problem, remedy);
        let start = input.fill_buf().map_err(ReadError::io("read", path))?;
        if is_binary_log(start, path) {
            let problem = "a binary Perfmon log, which only Windows itself can read".into();
            return Err(wrong(1, problem, "on Windows: relog in.blg -f csv -o out.csv"));
        }
        let tabs = start.iter().filter(|&&byte| byte != 0).copied().take(64).collect::<Vec<_>>();
        let separator = if tabs.windows(7).any(|part| part == b"PDH-TSV") { '\t' } else { ',' };
        let mut records = Records::new(input);
        let mut names = Vec::new();
        records.next_record(separator, &mut names).map_err(ReadError::io("read", path))?;
        let first = names.first().map_or("", String::as_str);
        if !first.contains("PDH-") {
            let problem = "this is not a Perfmon log".into();
            return Err(wrong(1, problem, "its first field would be `(PDH-CSV 4.0) (time zone)(bias)`"));
        }
        let told = first.rsplit('(').next().and_then(|bias| bias.trim_end_matches([')', ' ']).parse().ok());
        // Logs by older tools tell no bias: their times are then taken for UTC.
        let bias = options.bias.or(told).unwrap_or(0);
        let mut origin = Origin::new(SourceKind::TableFile, &[Pool::Nonpaged, Pool::Paged]);
        origin.file = Some(path.display().to_string());
        origin.host = names.get(1).and_then(|name| machine(name));
        let mut columns: Vec<Column> = names.iter().skip(1).map(|name| column(name)).collect();
        for (at, id) in &options.positions {
            let figure = FIGURES.iter().find(|figure| figure.id == id);
            let figure = figure.ok_or_else(|| {
                let known: Vec<_> = FIGURES.iter().map(|figure| figure.id).collect();
                let problem = format!("there is no figure `{id}`; there are {}", known.join(", "));
                wrong(1, problem, "name one of them")
            })?;
            let slot = at.checked_sub(1).and_then(|at| columns.get_mut(at)).ok_or_else(|| {
                wrong(1, format!("there is no counter number {at}"), "counters are numbered from 1")
            })?;
            *slot = Column::Figure(figure, 1.0);
        }
        if columns.iter().all(|column| matches!(column, Column::Other)) {
            let problem = "no counter that poolmon knows; names may be in another language".into();
            return Err(wrong(1, problem, "say which column is what: --column 1=pool_nonpaged"));
        }
        Ok(Self {
            path: path.into(),
            records,
            separator,
            bias,
            columns,
            origin: Arc::new(origin),
            last: None,
        })
    }

    /// Minutes that are added to the file's times.
    pub fn bias(&self) -> i64 {
        self.bias
    }

    /// The next line; `None` at the end of the file.
    pub fn next_sample(&mut self) -> Result<Option<PerfmonSample>> {
        let mut fields = Vec::new();
        let more = self.records.next_record(self.separator, &mut fields);
        if !more.map_err(ReadError::io("read", &self.path))? {
            return Ok(None);
        }
        let stamp = fields.first().map_or("", |stamp| stamp.trim());
        let time = parse_time(stamp, self.bias).ok_or_else(|| {
            let problem = format!("`{stamp}` is not a time such as 10/29/2017 01:59:44.562");
            let remedy = "cut the line out, or write the log again with relog";
            ReadError::line(&self.path, self.records.line(), problem, remedy)
        })?;
        let mut sample = Sample::new(Arc::clone(&self.origin), CounterWidth::default());
        sample.time = Some(time);
        if self.last.is_some_and(|last| time < last) {
            sample.remarks.push("the log's clock goes back here (end of summer time, or set back)".into());
        }
        self.last = Some(time);
        let mut handles = Vec::new();
        for (column, field) in self.columns.iter().zip(fields.iter().skip(1)) {
            // A missing sample is a blank.
            let Some(value) =
                field.trim().parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0)
            else {
                continue;
            };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "never negative; saturates"
            )]
            let whole = |value: f64| value.round() as u64;
            match column {
                Column::Figure(figure, unit) => (figure.set)(&mut sample.header, Some(whole(value * unit))),
                Column::Handles(process) => handles.push((Arc::clone(process), whole(value))),
                Column::Other => {}
            }
        }
        Ok(Some(PerfmonSample { sample, handles }))
    }
}

/// `\\MACHINE\Object(instance)\Counter` → `MACHINE`.
fn machine(name: &str) -> Option<String> {
    let rest = name.trim().strip_prefix("\\\\")?;
    rest.split('\\').next().filter(|host| !host.is_empty()).map(Into::into)
}

fn column(name: &str) -> Column {
    let name = name.trim();
    let (path, counter) = name.rsplit_once('\\').unwrap_or(("", name));
    let object = path.rsplit('\\').next().unwrap_or_default();
    let counter = counter.to_lowercase();
    if let Some(instance) = object.strip_prefix("Process(").and_then(|rest| rest.strip_suffix(')'))
        && counter == "handle count"
    {
        return Column::Handles(instance.into());
    }
    if !object.eq_ignore_ascii_case("memory") {
        return Column::Other;
    }
    let known = COUNTERS.iter().find(|known| known.0 == counter);
    let figure = known.and_then(|known| Some((FIGURES.iter().find(|figure| figure.id == known.1)?, known.2)));
    figure.map_or(Column::Other, |(figure, unit)| Column::Figure(figure, unit))
}

/// `MM/DD/YYYY hh:mm:ss.mmm`, whatever the system's language.
fn parse_time(text: &str, bias: i64) -> Option<Timestamp> {
    let local = DateTime::strptime("%m/%d/%Y %H:%M:%S%.f", text).ok()?;
    let bias = SignedDuration::try_from_secs_f64(bias as f64 * 60.0).ok()?;
    Offset::UTC.to_timestamp(local).ok()?.checked_add(bias).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\"(PDH-CSV 4.0) (GMT Standard Time)(-60)\",\"\\\\SRV1\\Memory\\Pool Nonpaged Bytes\",\"\\\\SRV1\\Memory\\Available MBytes\",\"\\\\SRV1\\Process(lsass)\\Handle Count\",\"\\\\SRV1\\Processor(_Total)\\% Processor Time\"\r\n\
        \"10/29/2017 01:59:44.562\",\"88350000.4\",\"2\",\"1205\",\"3.5\"\r\n\
        \"10/29/2017 01:59:59.500\",\" \",\"3\",\" \",\" \"\r\n\
        \"10/29/2017 01:00:14.562\",\"88350001\",\" \",\"7\",\"1\"\r\n";

    fn read(log: &[u8], options: &Options) -> Vec<PerfmonSample> {
        let mut reader = PerfmonReader::new(log, Path::new("log.csv"), options).unwrap();
        std::iter::from_fn(|| reader.next_sample().unwrap()).collect()
    }

    #[test]
    fn figures_bias_and_blanks() {
        let samples = read(LOG.as_bytes(), &Options::default());
        let [first, second, third] = samples.as_slice() else { panic!("{samples:?}") };
        // Written in British summer time: UTC is an hour less.
        assert_eq!(first.sample.time.unwrap().to_string(), "2017-10-29T00:59:44.562Z");
        assert_eq!(first.sample.header.pool_nonpaged, Some(88_350_000));
        assert_eq!(first.sample.header.memory_available, Some(2 << 20));
        assert_eq!(first.handles, [("lsass".into(), 1205)]);
        assert_eq!(first.sample.origin.host.as_deref(), Some("SRV1"));
        assert_eq!((second.sample.header.pool_nonpaged, second.handles.len()), (None, 0));
        assert!(third.sample.remarks[0].contains("goes back"), "the hour that comes twice");
    }

    #[test]
    fn tabs_and_utf_16() {
        let tsv = LOG.replace("PDH-CSV", "PDH-TSV").replace("\",\"", "\"\t\"");
        let wide: Vec<u8> =
            [0xff, 0xfe].into_iter().chain(tsv.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(read(&wide, &Options::default()).len(), 3);
        assert_eq!(read(tsv.as_bytes(), &Options::default()), read(LOG.as_bytes(), &Options::default()));
    }

    #[test]
    fn localised_names_by_position() {
        let log = LOG
            .replace("Memory", "Speicher")
            .replace("Pool Nonpaged Bytes", "Nicht-Auslagerungsseiten (Bytes)");
        let log = log.replace("Process(", "Prozess(");
        let none = PerfmonReader::new(log.as_bytes(), Path::new("log.csv"), &Options::default()).unwrap_err();
        assert!(none.to_string().contains("another language"), "{none}");
        let positions = vec![(1, "pool_nonpaged".to_owned())];
        let samples = read(log.as_bytes(), &Options { positions, bias: Some(0) });
        assert_eq!(samples[0].sample.header.pool_nonpaged, Some(88_350_000));
        assert_eq!(samples[0].sample.time.unwrap().to_string(), "2017-10-29T01:59:44.562Z");
    }

    #[test]
    fn a_binary_log_says_what_to_do() {
        let error =
            PerfmonReader::new(&b"\x01\x02"[..], Path::new("in.blg"), &Options::default()).unwrap_err();
        assert!(error.to_string().contains("relog in.blg -f csv -o out.csv"));
    }
}
