//! What PowerShell's `Get-Counter` prints on the console: counters below each other, each with its figure on the next line.
//!
//! ```text
//! Timestamp                 CounterSamples
//! ---------                 --------------
//! 3/1/2026 10:00:00 AM      \\srv1\memory\pool nonpaged bytes :
//!                           524288000
//! ```
//!
//! `Format-List` prints the same behind `Readings :`, with the time after it, and the samples of one counter as
//! `Path : ...`, `CookedValue : ...`. Names of counters are in the language of Windows, those of properties in English.

use std::sync::Arc;

use jiff::Timestamp;
use poolmon_model::{Origin, Pool, Sample, SourceKind};

use super::perfmon::{Column, column, figure, machine, value};
use crate::remark::CountedLines;
use crate::text::{DateRule, TextLines, ZONE_ASSUMED, date_rule, decoded, time_cell};
use crate::{FileFormat, FormatGroup, Holds, Input, ReadError, ReadOptions, Remark, RemarkKind, Result, Samples};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "get-counter",
    title: "a list of Get-Counter",
    about: "what PowerShell's Get-Counter prints: machine-wide figures over time, without tags",
    group: FormatGroup::Windows,
    holds: Holds::Totals,
    recognise: |input| recognise(input.start()),
    open: |input, options| Ok(Box::new(GetCounterReader::new(input, options)?)),
};

/// Lines in which the first counter has to be.
const LINES: usize = 40;

fn recognise(start: &[u8]) -> bool {
    let mut lines = TextLines::over(Box::new(std::io::Cursor::new(start.to_vec())));
    let mut place = Place::default();
    for _ in 0..LINES {
        let Ok(Some(line)) = lines.next_line() else { return false };
        match place.step(&decoded(line)) {
            Step::Figure(..) => return true,
            // Before it are blank lines, the heading, a prompt; not the rows of a table.
            Step::Other | Step::Blank | Step::Name | Step::Time(..) => {}
        }
    }
    false
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Blank,
    /// A heading, or the first half of a counter.
    Name,
    /// A counter and its figure.
    Figure(String, String),
    /// A time of the figures after it, or before it (`true`).
    Time(String, bool),
    Other,
}

/// Where in the list a line is.
#[derive(Default)]
struct Place {
    /// A counter whose figure follows.
    name: Option<String>,
}

impl Place {
    fn step(&mut self, line: &str) -> Step {
        let text = line.trim();
        if text.is_empty() {
            return Step::Blank;
        }
        if matches!(text.split_whitespace().next(), Some("Timestamp")) && text.ends_with("CounterSamples")
            || text.chars().all(|c| matches!(c, '-' | ' '))
        {
            return Step::Name;
        }
        if let Some((property, rest)) = property(text) {
            match property {
                "Timestamp" => return Step::Time(rest.to_owned(), true),
                "Path" if is_counter(rest) => {
                    self.name = Some(rest.to_owned());
                    return Step::Name;
                }
                "CookedValue" => {
                    return self.name.take().map_or(Step::Other, |name| Step::Figure(name, rest.to_owned()));
                }
                "Readings" if !rest.is_empty() => return self.counter(rest),
                "Readings" | "InstanceName" | "RawValue" | "SecondValue" | "MultipleCount" | "CounterType"
                | "TimeBase" | "Timestamp100NSec" | "Status" | "DefaultScale" | "CounterSamples" => return Step::Name,
                _ => {}
            }
        }
        if self.name.is_some() && text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains("\\\\") {
            return self.name.take().map_or(Step::Other, |name| Step::Figure(name, text.to_owned()));
        }
        self.counter(text)
    }

    /// `\\srv1\memory\pool nonpaged bytes :`, perhaps behind a time.
    fn counter(&mut self, text: &str) -> Step {
        let Some((before, name)) = text.find("\\\\").map(|at| text.split_at(at)) else {
            self.name = None;
            return Step::Other;
        };
        let Some(name) = name.trim_end().strip_suffix(':').map(str::trim_end).filter(|name| is_counter(name)) else {
            self.name = None;
            return Step::Other;
        };
        self.name = Some(name.to_owned());
        match before.trim() {
            "" => Step::Name,
            time => Step::Time(time.to_owned(), false),
        }
    }
}

/// `Name : value`, as `Format-List` prints it.
fn property(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once(':')?;
    let name = name.trim_end();
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric()) && name.starts_with(|c: char| c.is_ascii_uppercase());
    is_name.then(|| (name, rest.trim()))
}

/// `\\machine\object\counter`.
fn is_counter(name: &str) -> bool {
    name.strip_prefix("\\\\").is_some_and(|rest| rest.matches('\\').count() >= 2)
}

/// Reads the list line by line.
pub(crate) struct GetCounterReader {
    name: String,
    lines: TextLines,
    place: Place,
    rule: DateRule,
    /// Counters in the order in which they first appear.
    counters: Vec<(String, Column)>,
    options: ReadOptions,
    origin: Arc<Origin>,
    /// What was read of the next sample.
    next: Moment,
    foreign: CountedLines,
    /// A counter that is known was seen.
    known: bool,
    begun: bool,
    remarks: Vec<Remark>,
}

/// The figures of one moment.
#[derive(Default)]
struct Moment {
    time: Option<Timestamp>,
    local: bool,
    figures: Vec<(usize, f64)>,
}

impl GetCounterReader {
    /// Opens a list.
    ///
    /// # Errors
    /// It cannot be read.
    fn new(input: &Input, options: &ReadOptions) -> Result<Self> {
        let mut origin = Origin::new(SourceKind::TableFile, &[Pool::Nonpaged, Pool::Paged]);
        origin.file = Some(input.name().to_owned());
        Ok(Self {
            name: input.name().to_owned(),
            lines: TextLines::over(input.reader()?),
            place: Place::default(),
            rule: date_rule(input, options.dates)?,
            counters: Vec::new(),
            options: options.clone(),
            origin: Arc::new(origin),
            next: Moment::default(),
            foreign: CountedLines::default(),
            known: false,
            begun: false,
            remarks: Vec::new(),
        })
    }

    /// The place of a counter; it is added if it is new.
    fn counter(&mut self, name: &str) -> Result<usize> {
        if let Some(at) = self.counters.iter().position(|(known, _)| known == name) {
            return Ok(at);
        }
        if self.counters.is_empty() {
            let mut origin = (*self.origin).clone();
            origin.host = machine(name).filter(|host| host != ".");
            self.origin = Arc::new(origin);
        }
        self.counters.push((name.to_owned(), column(name)));
        let at = self.counters.len();
        let named = self.options.columns.iter().find(|(place, _)| *place == at);
        if let (Some((_, id)), Some((_, last))) = (named, self.counters.last_mut()) {
            *last = Column::Figure(figure(&self.name, id)?, 1.0);
        }
        Ok(at - 1)
    }

    /// Reads until a sample is complete; what belongs to the one after it is kept. `None` at the end.
    fn moment(&mut self) -> Result<Option<Moment>> {
        loop {
            let line = self.lines.next_line().map_err(|error| ReadError::read(&self.name, error))?;
            let Some(line) = line.map(|line| decoded(line).into_owned()) else {
                let last = std::mem::take(&mut self.next);
                return Ok((!last.figures.is_empty()).then_some(last));
            };
            match self.place.step(&line) {
                Step::Blank | Step::Name => {}
                Step::Other => self.foreign.add(self.lines.number(), line.as_bytes()),
                Step::Figure(name, figure) => {
                    // The last digits may be missing.
                    let Some(figure) = value(&figure, b';').filter(|_| self.lines.ended()) else {
                        self.foreign.add(self.lines.number(), line.as_bytes());
                        continue;
                    };
                    let at = self.counter(&name)?;
                    let again = self.next.figures.iter().any(|(known, _)| *known == at);
                    if again {
                        let done = std::mem::take(&mut self.next);
                        self.next.figures.push((at, figure));
                        return Ok(Some(done));
                    }
                    self.next.figures.push((at, figure));
                }
                Step::Time(text, after) => {
                    let Some((time, local)) = time_cell(text.as_bytes(), self.rule) else {
                        self.foreign.add(self.lines.number(), line.as_bytes());
                        continue;
                    };
                    // After the figures of one counter, before those of all: then, figures without a time are of another
                    // moment, whose heading is not there.
                    let same = self.next.time == Some(time) || (after && self.next.time.is_none());
                    if same || self.next.figures.is_empty() {
                        (self.next.time, self.next.local) = (Some(time), local);
                    } else {
                        let done = std::mem::replace(
                            &mut self.next,
                            Moment { time: Some(time), local, figures: Vec::new() },
                        );
                        return Ok(Some(done));
                    }
                }
            }
        }
    }
}

impl Samples for GetCounterReader {
    fn next_into(&mut self, sample: &mut Sample) -> Result<bool> {
        let first = !std::mem::replace(&mut self.begun, true);
        let Some(moment) = self.moment()? else {
            if first {
                let problem = "none of its counters has a value".to_owned();
                return Err(ReadError::line(&self.name, 1, problem, "save it again: typeperf -o FILE"));
            }
            return Ok(false);
        };
        sample.clear();
        self.remarks.clear();
        sample.origin = Arc::clone(&self.origin);
        sample.time = moment.time;
        let mut known = false;
        for (at, figure) in moment.figures {
            if let Some((_, Column::Figure(header, unit))) = self.counters.get(at) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "never negative; saturates"
                )]
                (header.set)(&mut sample.header, Some((figure * unit).round() as u64));
                known = true;
            }
        }
        if !known && !self.known {
            let problem = "no counter that poolmon knows; names may be in another language".to_owned();
            return Err(ReadError::line(&self.name, 1, problem, "name the columns: --columns 1=pool_nonpaged"));
        }
        self.known = true;
        if moment.time.is_some() && moment.local {
            self.remarks.push(Remark::new(RemarkKind::ZoneAssumed, ZONE_ASSUMED));
        }
        self.remarks.extend(std::mem::take(&mut self.foreign).remark_with_text(
            RemarkKind::NotUnderstood,
            "line was not understood and was skipped",
            "lines were not understood and were skipped",
        ));
        sample.remarks.extend(self.remarks.iter().map(|remark| remark.text.clone()));
        Ok(true)
    }

    fn remarks(&self) -> &[Remark] {
        &self.remarks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str, options: &ReadOptions) -> Result<GetCounterReader> {
        let input = Input::from_bytes("counters.txt", text.as_bytes().to_vec());
        assert!((FORMAT.recognise)(&input), "{text}");
        GetCounterReader::new(&input, options)
    }

    fn read(text: &str, options: &ReadOptions) -> Vec<Sample> {
        let mut reader = open(text, options).unwrap();
        let (mut sample, mut all) = (Sample::empty(), Vec::new());
        while reader.next_into(&mut sample).unwrap() {
            all.push(sample.clone());
        }
        all
    }

    const CONSOLE: &str = r"PS C:\> Get-Counter '\Memory\Pool Nonpaged Bytes','\Memory\Pool Paged Bytes' -MaxSamples 2

Timestamp                 CounterSamples
---------                 --------------
3/13/2026 9:59:58 PM      \\srv1\memory\pool nonpaged bytes :
                          500000000

                          \\srv1\memory\pool paged bytes :
                          200000000


3/13/2026 10:09:58 PM     \\srv1\memory\pool nonpaged bytes :
                          510000000

                          \\srv1\memory\pool paged bytes :
                          200000001

";

    fn figures(samples: &[Sample]) -> Vec<(Option<String>, Option<u64>, Option<u64>)> {
        let of = |it: &Sample| (it.time.map(|at| at.to_string()), it.header.pool_nonpaged, it.header.pool_paged);
        samples.iter().map(of).collect()
    }

    #[test]
    fn as_the_console_prints_it() {
        let samples = read(CONSOLE, &ReadOptions::default());
        let expected = [
            (Some("2026-03-13T21:59:58Z".to_owned()), Some(500_000_000), Some(200_000_000)),
            (Some("2026-03-13T22:09:58Z".to_owned()), Some(510_000_000), Some(200_000_001)),
        ];
        assert_eq!(figures(&samples), expected);
        assert_eq!(samples[0].origin.host.as_deref(), Some("srv1"));
        let said = &samples[0].remarks;
        assert!(said[0] == ZONE_ASSUMED && said[1].contains("line 1 (`PS C:"), "{said:?}");
        // A paste that ends in a figure: it may be cut.
        let cut = CONSOLE.trim_end();
        let samples = read(&cut[..cut.len() - 3], &ReadOptions::default());
        assert_eq!(samples[1].header.pool_paged, None);
        assert!(samples[1].remarks.iter().any(|said| said.contains("not understood")), "{:?}", samples[1].remarks);
    }

    #[test]
    fn as_format_list_prints_it() {
        let readings = r"
Timestamp : 13.03.2026 21:59:58
Readings  : \\srv1\memory\pool nonpaged bytes :
            500000000

            \\srv1\memory\pool paged bytes :
            200000000

Timestamp : 13.03.2026 22:09:58
Readings  : \\srv1\memory\pool nonpaged bytes :
            510000000

            \\srv1\memory\pool paged bytes :
            200000001

";
        let expected = figures(&read(CONSOLE, &ReadOptions::default()));
        assert_eq!(figures(&read(readings, &ReadOptions::default())), expected);
        let of = |counter: &str, value: u64, at: &str| {
            format!(
                "Path             : \\\\srv1\\memory\\{counter}\nInstanceName     : \nCookedValue      : {value}\n\
                 RawValue         : {value}\nTimestamp        : {at}\nStatus           : 0\n\n"
            )
        };
        let list = [
            of("pool nonpaged bytes", 500_000_000, "3/13/2026 9:59:58 PM"),
            of("pool paged bytes", 200_000_000, "3/13/2026 9:59:58 PM"),
            of("pool nonpaged bytes", 510_000_000, "3/13/2026 10:09:58 PM"),
            of("pool paged bytes", 200_000_001, "3/13/2026 10:09:58 PM"),
        ];
        assert_eq!(figures(&read(&list.concat(), &ReadOptions::default())), expected);
    }

    #[test]
    fn localised_counters_are_named_by_their_place() {
        let german = CONSOLE.replace("memory\\pool nonpaged bytes", "arbeitsspeicher\\nicht-auslagerungsseiten (bytes)");
        let german = german.replace("memory\\pool paged bytes", "arbeitsspeicher\\auslagerungsseiten (bytes)");
        let mut reader = open(&german, &ReadOptions::default()).unwrap();
        let error = reader.next_into(&mut Sample::empty()).unwrap_err();
        assert!(error.to_string().contains("another language"), "{error}");
        let columns = vec![(2, "pool_paged".to_owned())];
        let samples = read(&german, &ReadOptions { columns, ..ReadOptions::default() });
        assert_eq!(samples[1].header.pool_paged, Some(200_000_001));
    }

    #[test]
    fn other_texts_are_none() {
        for text in [" Tag  Type Allocs\n", "see \\\\srv1\\share\\file :\n", "a : b\n", ""] {
            assert!(!(FORMAT.recognise)(&Input::from_bytes("x", text.as_bytes().to_vec())), "{text}");
        }
    }
}
