//! Perfmon's CSV and TSV (`PDH-CSV 4.0`): machine-wide figures over time. Perfmon knows no tags.
//!
//! The first field of the first line names format, time zone and bias: `(PDH-CSV 4.0) (GMT Standard Time)(-60)`.
//! UTC = local time + bias, in minutes. The bias is written once: where summer time ends, an hour comes twice. The order
//! of the file stays, and such a step back is said in the sample's remarks.
//!
//! `names`, `words`: counters and their machine; `numbers`, `times`: how the whole file writes them.

mod names;
mod numbers;
mod stems;
mod times;
mod words;

use std::sync::Arc;

use jiff::Timestamp;
use poolmon_model::{CounterWidth, Origin, Pool, Sample, SourceKind};

use crate::remark::CountedLines;
use crate::clock::{FileClock, TimeNote};
use crate::text::{Fields, Records, ZONE_ASSUMED, decoded};
use crate::{
    FileFormat, FormatGroup, Holds, Input, ReadError, ReadOptions, Remark, RemarkKind, Result, Samples,
};
pub(super) use names::{Column, choose, column};
pub(super) use stems::take_by_stems;
pub(super) use numbers::{FileNumbers, NoFigure, NumberSurvey};
pub(super) use times::FileTimes;

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "perfmon",
    title: "a Perfmon log",
    about: "Perfmon's CSV and TSV: machine-wide figures over time, without tags",
    group: FormatGroup::Windows,
    holds: Holds::Totals,
    recognise: |input| signature(input.start()).is_some(),
    open: |input, options| Ok(Box::new(PerfmonReader::new(input, options)?)),
};

/// What the first line says of a Perfmon log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    /// What precedes each line: `> ` of a mail, a time stamp.
    prefix: Vec<u8>,
    separator: u8,
    /// Perfmon's own first field. Without it, it is a script's table of counters.
    is_pdh: bool,
}

/// Separator and kind of a Perfmon log, by its first bytes, which may be UTF-16; `None` if they are not of one.
fn signature(start: &[u8]) -> Option<Signature> {
    let text: Vec<u8> = start.iter().copied().filter(|&byte| byte != 0).collect();
    // PowerShell writes the type of its objects first.
    let is_names = |line: &&[u8]| !line.trim_ascii().is_empty() && !line.starts_with(b"#TYPE");
    let names = text.split(|&b| b == b'\n').take(8).find(is_names)?;
    let own = memchr::memmem::find(names.get(..names.len().min(LONGEST_PREFIX))?, b"(PDH-");
    let own = own.map(|at| at - usize::from(names.get(..at).is_some_and(|before| before.ends_with(b"\""))));
    let quotes = || names.iter().take_while(|b| b">| \t".contains(b)).count();
    let (prefix, names) = names.split_at_checked(own.unwrap_or_else(quotes))?;
    // The mark of an encoding is no prefix.
    let prefix = prefix.iter().copied().filter(u8::is_ascii).collect();
    let names = names.trim_ascii();
    let has = |name: &[u8]| {
        names.iter().take(64).copied().collect::<Vec<_>>().windows(name.len()).any(|part| part == name)
    };
    let is_pdh = has(b"PDH-CSV") || has(b"PDH-TSV");
    let usual = if has(b"PDH-TSV") { b'\t' } else { b',' };
    // Spreadsheets save with the separator of their country.
    let count = |separator: u8| memchr::memchr_iter(separator, names).count();
    let most = [usual, b';', b'\t', b',']
        .into_iter()
        .rev()
        .max_by_key(|&separator| (count(separator), separator == usual))?;
    let separator = if count(most) == 0 { usual } else { most };
    let counted = || {
        let fields: Vec<_> =
            Fields::new(names, separator).map(|field| decoded(&field).into_owned()).collect();
        let first = fields.first().map(|name| column(name));
        matches!(first, Some(Column::Other))
            && fields
                .iter()
                .skip(1)
                .any(|name| name.contains('\\') && matches!(column(name), Column::Figure(..)))
    };
    (is_pdh || counted()).then_some(Signature { prefix, separator, is_pdh })
}

/// Longest text before the first name.
const LONGEST_PREFIX: usize = 160;

/// Reads a file line by line.
pub(crate) struct PerfmonReader {
    name: String,
    records: Records,
    separator: u8,
    /// Times have no zone.
    assumed: bool,
    times: FileTimes,
    numbers: FileNumbers,
    columns: Vec<Column>,
    origin: Arc<Origin>,
    clock: FileClock,
    /// The next line that has a time, and the time.
    fields: Vec<String>,
    next: Option<Timestamp>,
    /// Lines that are not of the log, since the last one that is.
    foreign: CountedLines,
    /// Figures that cannot be read.
    odd: OddFigures,
    begun: bool,
    remarks: Vec<Remark>,
    /// What its counters were taken for.
    guessed: Option<Remark>,
    /// Handles by process (`\Process(lsass)\Handle Count`) of the last line, if the file has them.
    handles: Vec<(Arc<str>, u64)>,
    /// A record that was read to see whether it belongs to the one before, and its line.
    pending: Option<(Vec<String>, u64)>,
    /// Line of the last record's end.
    line: u64,
    /// Behind the last record is what may be the rest of its last figure.
    rest_follows: bool,
}

impl PerfmonReader {
    /// Reads the line of names.
    ///
    /// # Errors
    /// It is no Perfmon log, or has no counter that is known.
    pub(crate) fn new(input: &Input, options: &ReadOptions) -> Result<Self> {
        let wrong =
            |problem: &str, remedy: &str| ReadError::line(input.name(), 1, problem.to_owned(), remedy);
        let Signature { prefix, separator, is_pdh } = signature(input.start()).ok_or_else(|| {
            wrong("this is not a Perfmon log", "its first field would be `(PDH-CSV 4.0) (time zone)(bias)`")
        })?;
        let mut records = Records::new(input.reader()?);
        records.without(&prefix);
        let mut names: Vec<String> = Vec::new();
        while names.is_empty() || names.first().is_some_and(|name| name.starts_with("#TYPE")) {
            let more = records.next_record(separator, &mut names);
            if !more.map_err(|error| ReadError::read(input.name(), error))? {
                break;
            }
        }
        let mut foreign = CountedLines::default();
        let first = names.first().map_or("", String::as_str);
        let own = first.rsplit('(').next().and_then(|bias| bias.trim_end_matches([')', ' ']).parse().ok());
        let chosen = options.zone.map(|offset| -i64::from(offset.seconds()) / 60);
        // Logs by older tools have no bias: their times are then taken for UTC.
        let bias = if is_pdh { chosen.or(own).unwrap_or(0) } else { 0 };
        let mut origin = Origin::new(SourceKind::TableFile, &[Pool::Nonpaged, Pool::Paged]);
        origin.file = Some(input.name().to_owned());
        let mut columns = Vec::new();
        for name in names.iter().skip(1) {
            let (found, is_broken) = column_of(name);
            if is_broken {
                foreign.add(1, name.as_bytes());
            }
            columns.push(found);
        }
        let counters = names.get(1..).unwrap_or_default();
        let guessed = take_by_stems(counters, &mut columns);
        origin.host = choose(input.name(), counters, &mut columns, options)?;
        let name = input.name().to_owned();
        Ok(Self {
            name,
            records,
            separator,
            assumed: !is_pdh,
            times: FileTimes::of(input, options, bias, is_pdh)?,
            numbers: survey(input, &prefix, separator)?,
            columns,
            origin: Arc::new(origin),
            clock: FileClock::default(),
            fields: Vec::new(),
            next: None,
            foreign,
            odd: OddFigures::default(),
            begun: false,
            remarks: Vec::new(),
            guessed,
            handles: Vec::new(),
            pending: None,
            line: 0,
            rest_follows: false,
        })
    }
}

impl PerfmonReader {
    /// Goes to the next line that has a time. What stands between, such as the last words of typeperf, is counted.
    fn fetch(&mut self) -> Result<()> {
        self.next = None;
        self.rest_follows = false;
        let mut directly = true;
        while self.record()? {
            let stamp = self.fields.first().map_or("", |stamp| stamp.trim());
            // Thousands that separate fields, too, would be read as figures.
            let surplus = self.fields.get(self.columns.len() + 1..).unwrap_or_default();
            let fits = self.fields.len() > 1 && surplus.iter().all(|field| field.trim().is_empty());
            let time = self.time(stamp).filter(|_| fits);
            if time.is_some() {
                self.join()?;
                if self.is_unmeasured() {
                    self.odd.add(NoFigure::Missing, self.line, "");
                    continue;
                }
                self.next = time;
                return Ok(());
            }
            let is_rest = |b: u8| b.is_ascii_digit() || b"\",;.\t".contains(&b);
            self.rest_follows |= std::mem::take(&mut directly) && stamp.bytes().next().is_none_or(is_rest);
            let between = char::from(self.separator).to_string();
            self.foreign.add(self.line, self.fields.join(&between).as_bytes());
        }
        Ok(())
    }

    /// Whether a line has a time and nothing else: it is no sample.
    fn is_unmeasured(&self) -> bool {
        let mut read = self.columns.iter().zip(self.fields.iter().skip(1));
        read.all(|(column, field)| {
            matches!(column, Column::Other) || self.numbers.value(field) == Err(NoFigure::Missing)
        })
    }

    /// The next record; `false` at the end.
    fn record(&mut self) -> Result<bool> {
        if let Some((fields, line)) = self.pending.take() {
            self.fields = fields;
            self.line = line;
            return Ok(true);
        }
        let more = self.records.next_record(self.separator, &mut self.fields);
        self.line = self.records.line();
        more.map_err(|error| ReadError::read(&self.name, error))
    }

    /// Adds the lines that follow to a record with too few fields, until it has all or a line has its own time.
    fn join(&mut self) -> Result<()> {
        while self.fields.len() <= self.columns.len() {
            let mut whole = std::mem::take(&mut self.fields);
            let line = self.line;
            let quoted = self.records.record().ends_with(b"\"");
            let follows = self.record()?;
            let apart = quoted && self.records.record().starts_with(b"\"");
            let rest = std::mem::take(&mut self.fields);
            let stamp = rest.first().map_or("", |stamp| stamp.trim());
            let fits = whole.len() + rest.len() <= self.columns.len() + 2 && is_cells(&rest);
            if !follows || !fits || (rest.len() > 1 && self.time(stamp).is_some()) {
                self.pending = follows.then_some((rest, self.line));
                self.fields = whole;
                self.line = line;
                return Ok(());
            }
            let mut rest = rest.into_iter();
            match (whole.pop(), rest.next()) {
                // Cut at a separator, which is gone.
                (Some(last), Some(first)) if apart => whole.extend([last, first]),
                (Some(last), Some(first)) => whole.push(last + &first),
                _ => {}
            }
            whole.extend(rest);
            self.fields = whole;
        }
        Ok(())
    }

    /// The time of a line that begins with this field.
    fn time(&self, stamp: &str) -> Option<Timestamp> {
        // A console wraps at any place, a mail program at the blank.
        let stamps = [stamp.replace('\n', ""), stamp.replace('\n', " ")];
        stamps.iter().find_map(|stamp| self.times.read(stamp)).map(|(time, _)| time)
    }

    fn remark(&mut self, remark: Remark, sample: &mut Sample) {
        sample.remarks.push(remark.text.clone());
        self.remarks.push(remark);
    }

    /// What is to be said of the lines that are not of the log.
    fn foreign(&mut self) -> Option<Remark> {
        std::mem::take(&mut self.foreign).remark_with_text(
            RemarkKind::NotUnderstood,
            "line was not understood and was skipped",
            "lines were not understood and were skipped",
        )
    }
}

impl Samples for PerfmonReader {
    fn reported_time(&self) -> Option<Timestamp> {
        self.clock.reported()
    }

    fn next_into(&mut self, sample: &mut Sample) -> Result<bool> {
        let first = !std::mem::replace(&mut self.begun, true);
        if first {
            self.fetch()?;
        }
        let Some(time) = self.next else {
            return match self.foreign().filter(|_| first).and_then(|remark| remark.lines.into_iter().next()) {
                None => Ok(false),
                Some(line) => {
                    let problem =
                        format!("`{}` does not begin with a time such as 10/29/2017 01:59:44.562", line.text);
                    let remedy = "remove the line, or rewrite the log with relog";
                    Err(ReadError::line(&self.name, line.number, problem, remedy))
                }
            };
        };
        sample.clear();
        self.remarks.clear();
        sample.origin = Arc::clone(&self.origin);
        sample.width = CounterWidth::default();
        sample.time = Some(time);
        self.handles.clear();
        let line = self.line;
        for (column, field) in self.columns.iter().zip(self.fields.iter().skip(1)) {
            // A missing sample is a blank. A figure that was wrapped has the line end in its quotes.
            let joined = field.contains('\n').then(|| field.replace('\n', ""));
            let is_read = !matches!(column, Column::Other);
            let value = match self.numbers.value(joined.as_deref().unwrap_or(field)) {
                Ok(value) => value,
                Err(why) => {
                    if is_read || (joined.is_some() && why != NoFigure::Missing) {
                        self.odd.add(why, line, field);
                    }
                    continue;
                }
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
        // Where summer time ends, the bias of the first line holds no more.
        if let Some(back) = self.clock.correct(sample, TimeNote { local: true, line, ..TimeNote::default() }) {
            self.remark(back, sample);
        }
        if self.assumed {
            self.remark(Remark::new(RemarkKind::ZoneAssumed, ZONE_ASSUMED), sample);
        }
        if let Some(doubt) = self.times.take_doubt() {
            self.remark(Remark::new(RemarkKind::Time, doubt), sample);
        }
        let last = match self.fields.len().checked_sub(2).and_then(|at| self.columns.get(at)) {
            Some(Column::Figure(figure, _)) => Some(*figure),
            _ => None,
        };
        self.fetch()?;
        if let Some(figure) = last.filter(|_| self.rest_follows) {
            // It may go on in the line that was not understood.
            (figure.set)(&mut sample.header, None);
        }
        for remark in self.guessed.take().into_iter().chain(self.odd.take()).chain(self.foreign()).collect::<Vec<_>>() {
            self.remark(remark, sample);
        }
        Ok(true)
    }

    fn remarks(&self) -> &[Remark] {
        &self.remarks
    }
}

/// How a file writes its numbers; of a stream, what is there is looked at.
fn survey(input: &Input, prefix: &[u8], separator: u8) -> Result<FileNumbers> {
    let bytes = if input.is_repeatable() {
        input.reader()?
    } else {
        Box::new(std::io::Cursor::new(input.start().to_vec()))
    };
    let mut records = Records::new(bytes);
    records.without(prefix);
    let (mut survey, mut fields) = (NumberSurvey::default(), Vec::new());
    // An error comes again when the file is read.
    while !survey.is_done() && records.next_record(separator, &mut fields).is_ok_and(|more| more) {
        fields.iter().skip(1).for_each(|field| survey.see(field));
    }
    Ok(survey.rule())
}

/// Figures that are not read, counted by the reason.
#[derive(Debug, Default)]
pub(super) struct OddFigures([CountedLines; 4]);

impl OddFigures {
    /// Counts one.
    pub(super) fn add(&mut self, why: NoFigure, line: u64, text: &str) {
        let [missing, rounded, unclear, broken] = &mut self.0;
        match why {
            NoFigure::Missing => missing.add(line, text.as_bytes()),
            NoFigure::Rounded => rounded.add(line, text.as_bytes()),
            NoFigure::Unclear => unclear.add(line, text.as_bytes()),
            NoFigure::NotANumber => broken.add(line, text.as_bytes()),
        }
    }

    /// What is to be said of those since the last call.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Remark> + use<> {
        let [missing, rounded, unclear, broken] = std::mem::take(&mut self.0);
        let remarks = [
            missing.remark(
                RemarkKind::RowsMissing,
                "figure was not measured (an empty cell or -1) and is unknown",
                "figures were not measured (empty cells or -1) and are unknown",
            ),
            rounded.remark_with_text(
                RemarkKind::Inexact,
                "figure was rounded by a spreadsheet and is unknown (format its cells as numbers)",
                "figures were rounded by a spreadsheet and are unknown (format their cells as numbers)",
            ),
            unclear.remark_with_text(
                RemarkKind::NotUnderstood,
                "figure is unknown: its mark may separate thousands or places, and the file does not show which",
                "figures are unknown: their mark may separate thousands or places, and the file does not show which",
            ),
            broken.remark_with_text(
                RemarkKind::NotUnderstood,
                "figure was not understood and is unknown",
                "figures were not understood and are unknown",
            ),
        ];
        remarks.into_iter().flatten()
    }
}

/// The column of a name that may have been wrapped, and whether that leaves unknown what it is.
fn column_of(name: &str) -> (Column, bool) {
    if !name.contains('\n') {
        return (column(name), false);
    }
    let names = [name.replace('\n', ""), name.replace('\n', " ")];
    let found = names.iter().map(|name| column(name)).find(|column| !matches!(column, Column::Other));
    let is_broken = found.is_none();
    (found.unwrap_or(Column::Other), is_broken)
}

/// Whether these are the rest of a line of figures.
fn is_cells(fields: &[String]) -> bool {
    let is_mark = |c: char| c.is_ascii_digit() || c.is_whitespace() || ".,-+eE\"".contains(c);
    fields.iter().all(|field| field.chars().all(is_mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::Offset;

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
    fn a_line_without_any_figure_is_no_sample() {
        let names = "\"(PDH-CSV 4.0) (GMT)(0)\",\"\\\\H\\Memory\\Pool Nonpaged Bytes\",\"\\\\H\\Memory\\Pool Paged Bytes\"\r\n";
        let log = format!(
            "{names}\"10/29/2017 01:00:00.000\",\"500\",\"600\"\r\n\"10/29/2017 01:10:00.000\",\"501\",\"\"\r\n\
                \"10/29/2017 01:20:00.000\",\"-1\",\"-1\"\r\n"
        );
        let samples = read(log.as_bytes(), &ReadOptions::default());
        let figures: Vec<_> =
            samples.iter().map(|line| (line.0.header.pool_nonpaged, line.0.header.pool_paged)).collect();
        assert_eq!(figures, [(Some(500), Some(600)), (Some(501), None)]);
        let said = &samples[1].0.remarks;
        assert!(said.iter().any(|text| text.contains("2 figures were not measured") && text.contains("line 3, 4")), "{said:?}");
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
        assert_eq!(third.0.time.unwrap().to_string(), "2017-10-29T01:00:14.562Z", "the hour that comes twice");
        let said = &third.0.remarks[0];
        assert!(said.starts_with("the clock goes back") && said.contains(" at line 4"), "{said}");
    }

    #[test]
    fn tabs_and_utf_16() {
        let tsv = LOG.replace("PDH-CSV", "PDH-TSV").replace("\",\"", "\"\t\"");
        let wide: Vec<u8> =
            [0xff, 0xfe].into_iter().chain(tsv.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(read(&wide, &ReadOptions::default()).len(), 3);
        assert_eq!(
            read(tsv.as_bytes(), &ReadOptions::default()),
            read(LOG.as_bytes(), &ReadOptions::default())
        );
    }

    #[test]
    fn localised_names_by_position() {
        let log = LOG.replace("Memory", "Bellek").replace("Process(", "Prozess(");
        let none = open(log.as_bytes(), &ReadOptions::default()).err().unwrap();
        let none = String::from(none);
        assert!(none.contains("another language") && none.contains("1 `\\\\SRV1\\Bellek\\Pool"), "{none}");
        assert!(none.ends_with("poolmon import log.csv --columns 1=pool_nonpaged -o DIR"), "{none}");
        let columns = vec![(1, "pool_nonpaged".to_owned())];
        let zone = Some(Offset::UTC);
        let samples = read(log.as_bytes(), &ReadOptions { zone, columns, ..ReadOptions::default() });
        assert_eq!(samples[0].0.header.pool_nonpaged, Some(88_350_000));
        assert_eq!(samples[0].0.time.unwrap().to_string(), "2017-10-29T01:59:44.562Z");
    }

    #[test]
    fn figures_that_cannot_be_known_are_said_and_not_read() {
        let log = |cells: [&str; 3]| {
            let line = |(minute, cell): (usize, &str)| format!("\"03/01/2026 10:0{minute}:00.000\",\"{cell}\",\"3.5\"\r\n");
            let lines: String = cells.into_iter().enumerate().map(line).collect();
            format!("\"(PDH-CSV 4.0) (UTC)(0)\",\"\\\\S\\Memory\\Pool Paged Bytes\",\"\\\\S\\P\\% T\"\r\n{lines}")
        };
        for (cells, expected, said) in [
            (["1,234,567", "1,234,568", "900,000"], [Some(1_234_567), Some(1_234_568), Some(900_000)], ""),
            (["5.00E+08", "1", "2"], [None, Some(1), Some(2)], "1 figure was rounded"),
            (["7", "1.000.000", "x"], [Some(7), Some(1_000_000), None], "1 figure was not understood"),
        ] {
            let samples = read(log(cells).as_bytes(), &ReadOptions::default());
            let read: Vec<_> = samples.iter().map(|(sample, _)| sample.header.pool_paged).collect();
            assert_eq!(read, expected, "{cells:?}");
            let remarks: Vec<&str> =
                samples.iter().flat_map(|(sample, _)| &sample.remarks).map(String::as_str).collect();
            assert!(if said.is_empty() { remarks.is_empty() } else { remarks[0].starts_with(said) }, "{remarks:?}");
        }
        // Thousands that separate fields, too.
        let unquoted = log(["1", "1,234,567", "2"]).replace('"', "");
        let samples = read(unquoted.as_bytes(), &ReadOptions::default());
        assert_eq!(samples.len(), 2);
        assert!(samples[0].0.remarks[0].contains("line 3"), "{:?}", samples[0].0.remarks);
    }

    /// What typeperf, PowerShell and spreadsheets make of it.
    #[test]
    fn other_hands() {
        let last_words = LOG.replace("1205", "7")
            + "Exiting, please wait...      \r\nThe command completed successfully.\r\n\r\n";
        let samples = read(format!("\r\n{last_words}").as_bytes(), &ReadOptions::default());
        assert_eq!(samples.len(), 3);
        let said = samples[2].0.remarks.last().unwrap();
        assert!(said.starts_with("2 lines were not understood"), "{said}");
        assert!(said.contains("line 6 (`Exiting, please wait...`), 7 (`The command completed successfully.`)"), "{said}");

        let exported = "#TYPE Selected.Thing\r\n\"Timestamp\",\"memory\\pool nonpaged bytes\",\"memory\\available mbytes\"\r\n\
            \"2026-03-01 10:00:00\",\"500000000\",\"2\"\r\n\"2026-03-01 10:05:00\",\"510000000\",\"2\"\r\n";
        let samples = read(exported.as_bytes(), &ReadOptions::default());
        assert_eq!(samples[1].0.header.pool_nonpaged, Some(510_000_000));
        assert_eq!(samples[1].0.time.unwrap().to_string(), "2026-03-01T10:05:00Z");
        assert_eq!(samples[1].0.remarks, [ZONE_ASSUMED]);

        let resaved = "(PDH-CSV 4.0) (W. Europe Standard Time)(-60);\\\\SRV1\\Memory\\Pool Nonpaged Bytes\n\
            01.03.2026 10:00;500000000,5\n01.03.2026 10:01;500100000\n";
        let samples = read(resaved.as_bytes(), &ReadOptions::default());
        assert_eq!(samples[0].0.header.pool_nonpaged, Some(500_000_001));
        assert_eq!(samples[1].0.time.unwrap().to_string(), "2026-03-01T09:01:00Z");

        let tsv = "\"(PDH-TSV 4.0) (GMT Standard Time)(0)\"\t\"\\\\SRV1\\Memory\\Pool Paged Bytes\"\n\
            \"03/01/2026 10:00:00.000\"\t\"7\"\n";
        assert_eq!(read(tsv.as_bytes(), &ReadOptions::default())[0].0.header.pool_paged, Some(7));
    }

    #[test]
    fn a_log_without_a_time_is_refused() {
        let none = LOG.lines().next().unwrap().to_owned() + "\r\nnothing\r\nmore\r\n";
        let mut reader = open(none.as_bytes(), &ReadOptions::default()).unwrap();
        let error = reader.next_into(&mut Sample::empty()).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("`nothing`"), "{error}");
    }
}
