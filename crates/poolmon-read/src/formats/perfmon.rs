//! Perfmon's CSV and TSV (`PDH-CSV 4.0`): machine-wide figures over time. Perfmon knows no tags.
//!
//! The first field of the first line names format, time zone and bias: `(PDH-CSV 4.0) (GMT Standard Time)(-60)`.
//! UTC = local time + bias, in minutes. The bias is written once: where summer time ends, an hour comes twice,
//! and the samples after it are an hour off. Such a step back is said in the sample's remarks.

use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use poolmon_model::header::{FIGURES, Figure};
use poolmon_model::{CounterWidth, Origin, Pool, Sample, SourceKind};

use crate::text::Records;
use crate::{FileFormat, FormatGroup, Holds, Input, ReadError, ReadOptions, Remark, RemarkKind, Result, Samples};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "perfmon",
    title: "a Perfmon log",
    about: "Perfmon's CSV and TSV: machine-wide figures over time, without tags",
    group: FormatGroup::Windows,
    holds: Holds::Totals,
    recognise: |input| signature(input.start()).is_some(),
    open: |input, options| Ok(Box::new(PerfmonReader::new(input, options)?)),
};

/// The separator of a Perfmon log, by its first bytes, which may be UTF-16; `None` if they are not of one.
fn signature(start: &[u8]) -> Option<u8> {
    let text: Vec<u8> = start.iter().copied().filter(|&byte| byte != 0).take(64).collect();
    let has = |name: &[u8]| text.windows(name.len()).any(|part| part == name);
    if has(b"PDH-CSV") {
        Some(b',')
    } else {
        has(b"PDH-TSV").then_some(b'\t')
    }
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

/// Reads a file line by line.
pub(crate) struct PerfmonReader {
    name: String,
    records: Records,
    separator: u8,
    bias: i64,
    columns: Vec<Column>,
    origin: Arc<Origin>,
    last: Option<Timestamp>,
    fields: Vec<String>,
    remarks: Vec<Remark>,
    /// Handles by process (`\Process(lsass)\Handle Count`) of the last line, if the file has them.
    handles: Vec<(Arc<str>, u64)>,
}

impl PerfmonReader {
    /// Reads the line of names.
    ///
    /// # Errors
    /// It is no Perfmon log, or has no counter that is known.
    pub(crate) fn new(input: &Input, options: &ReadOptions) -> Result<Self> {
        let wrong = |problem: &str, remedy: &str| {
            ReadError::line(input.name(), 1, problem.to_owned(), remedy)
        };
        let separator = signature(input.start()).ok_or_else(|| {
            wrong("this is not a Perfmon log", "its first field would be `(PDH-CSV 4.0) (time zone)(bias)`")
        })?;
        let mut records = Records::new(input.reader()?);
        let mut names = Vec::new();
        records.next_record(separator, &mut names).map_err(|error| ReadError::read(input.name(), error))?;
        let first = names.first().map_or("", String::as_str);
        let own = first.rsplit('(').next().and_then(|bias| bias.trim_end_matches([')', ' ']).parse().ok());
        let chosen = options.zone.map(|offset| -i64::from(offset.seconds()) / 60);
        // Logs by older tools have no bias: their times are then taken for UTC.
        let bias = chosen.or(own).unwrap_or(0);
        let mut origin = Origin::new(SourceKind::TableFile, &[Pool::Nonpaged, Pool::Paged]);
        origin.file = Some(input.name().to_owned());
        origin.host = names.get(1).and_then(|name| machine(name));
        let mut columns: Vec<Column> = names.iter().skip(1).map(|name| column(name)).collect();
        for (at, id) in &options.columns {
            let figure = FIGURES.iter().find(|figure| figure.id == id).ok_or_else(|| {
                let known: Vec<_> = FIGURES.iter().map(|figure| figure.id).collect();
                wrong(&format!("there is no figure `{id}`; there are {}", known.join(", ")), "use one of them")
            })?;
            let slot = at.checked_sub(1).and_then(|at| columns.get_mut(at)).ok_or_else(|| {
                wrong(&format!("there is no counter number {at}"), "counters are numbered from 1")
            })?;
            *slot = Column::Figure(figure, 1.0);
        }
        if columns.iter().all(|column| matches!(column, Column::Other)) {
            let problem = "no counter that poolmon knows; names may be in another language";
            return Err(wrong(problem, "name the columns: --columns 1=pool_nonpaged"));
        }
        let name = input.name().to_owned();
        Ok(Self {
            name,
            records,
            separator,
            bias,
            columns,
            origin: Arc::new(origin),
            last: None,
            fields: Vec::new(),
            remarks: Vec::new(),
            handles: Vec::new(),
        })
    }
}

impl Samples for PerfmonReader {
    fn next_into(&mut self, sample: &mut Sample) -> Result<bool> {
        let more = self.records.next_record(self.separator, &mut self.fields);
        if !more.map_err(|error| ReadError::read(&self.name, error))? {
            return Ok(false);
        }
        let stamp = self.fields.first().map_or("", |stamp| stamp.trim());
        let time = parse_time(stamp, self.bias).ok_or_else(|| {
            let problem = format!("`{stamp}` is not a time such as 10/29/2017 01:59:44.562");
            let remedy = "remove the line, or rewrite the log with relog";
            ReadError::line(&self.name, self.records.line(), problem, remedy)
        })?;
        sample.clear();
        self.remarks.clear();
        sample.origin = Arc::clone(&self.origin);
        sample.width = CounterWidth::default();
        sample.time = Some(time);
        if self.last.is_some_and(|last| time < last) {
            let text = "the log's clock goes back here (end of summer time, or set back)";
            self.remarks.push(Remark::new(RemarkKind::Time, text));
            sample.remarks.push(text.to_owned());
        }
        self.last = Some(time);
        self.handles.clear();
        for (column, field) in self.columns.iter().zip(self.fields.iter().skip(1)) {
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
                Column::Handles(process) => self.handles.push((Arc::clone(process), whole(value))),
                Column::Other => {}
            }
        }
        Ok(true)
    }

    fn remarks(&self) -> &[Remark] {
        &self.remarks
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

    type Line = (Sample, Vec<(Arc<str>, u64)>);

    fn open(log: &[u8], options: &ReadOptions) -> Result<PerfmonReader> {
        PerfmonReader::new(&Input::from_bytes("log.csv", log), options)
    }

    fn read(log: &[u8], options: &ReadOptions) -> Vec<Line> {
        let mut reader = open(log, options).unwrap();
        let mut sample = Sample::empty();
        let mut lines = Vec::new();
        while reader.next_into(&mut sample).unwrap() {
            lines.push((sample.clone(), reader.handles.clone()));
        }
        lines
    }

    #[test]
    fn figures_bias_and_blanks() {
        let samples = read(LOG.as_bytes(), &ReadOptions::default());
        let [first, second, third] = samples.as_slice() else { panic!("{samples:?}") };
        // Written in British summer time: UTC is an hour less.
        assert_eq!(first.0.time.unwrap().to_string(), "2017-10-29T00:59:44.562Z");
        assert_eq!(first.0.header.pool_nonpaged, Some(88_350_000));
        assert_eq!(first.0.header.memory_available, Some(2 << 20));
        assert_eq!(first.1, [("lsass".into(), 1205)]);
        assert_eq!(first.0.origin.host.as_deref(), Some("SRV1"));
        assert_eq!((second.0.header.pool_nonpaged, second.1.len()), (None, 0));
        assert!(third.0.remarks[0].contains("goes back"), "the hour that comes twice");
    }

    #[test]
    fn tabs_and_utf_16() {
        let tsv = LOG.replace("PDH-CSV", "PDH-TSV").replace("\",\"", "\"\t\"");
        let wide: Vec<u8> =
            [0xff, 0xfe].into_iter().chain(tsv.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(read(&wide, &ReadOptions::default()).len(), 3);
        assert_eq!(read(tsv.as_bytes(), &ReadOptions::default()), read(LOG.as_bytes(), &ReadOptions::default()));
    }

    #[test]
    fn localised_names_by_position() {
        let log = LOG
            .replace("Memory", "Speicher")
            .replace("Pool Nonpaged Bytes", "Nicht-Auslagerungsseiten (Bytes)");
        let log = log.replace("Process(", "Prozess(");
        let none = open(log.as_bytes(), &ReadOptions::default()).err().unwrap();
        assert!(none.to_string().contains("another language"), "{none}");
        let columns = vec![(1, "pool_nonpaged".to_owned())];
        let zone = Some(Offset::UTC);
        let samples = read(log.as_bytes(), &ReadOptions { zone, columns, ..ReadOptions::default() });
        assert_eq!(samples[0].0.header.pool_nonpaged, Some(88_350_000));
        assert_eq!(samples[0].0.time.unwrap().to_string(), "2017-10-29T01:59:44.562Z");
    }
}
