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

use super::perfmon::{Column, FileNumbers, FileTimes, NumberSurvey, OddFigures, choose, column, take_by_stems};
use crate::remark::CountedLines;
use crate::clock::{FileClock, TimeNote};
use crate::text::{TextLines, ZONE_ASSUMED, decoded};
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
/// Counters that are looked at.
const MOST: usize = 10_000;

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
    times: FileTimes,
    numbers: FileNumbers,
    clock: FileClock,
    /// Counters in the order in which they first appear.
    counters: Vec<String>,
    columns: Vec<Column>,
    origin: Arc<Origin>,
    /// What was read of the next sample.
    next: Moment,
    foreign: CountedLines,
    odd: OddFigures,
    begun: bool,
    remarks: Vec<Remark>,
    /// What its counters were taken for.
    guessed: Option<Remark>,
}

/// The figures of one moment.
#[derive(Default)]
struct Moment {
    time: Option<Timestamp>,
    local: bool,
    /// Line of the first figure.
    line: u64,
    /// Counters, and what is known of them.
    figures: Vec<(usize, Option<f64>)>,
}

impl GetCounterReader {
    /// Looks at all counters of a list and how it writes numbers; of a stream, what is there is looked at.
    ///
    /// # Errors
    /// It cannot be read, its counters are of several machines, or none is known.
    fn new(input: &Input, options: &ReadOptions) -> Result<Self> {
        let bytes = if input.is_repeatable() {
            input.reader()?
        } else {
            Box::new(std::io::Cursor::new(input.start().to_vec()))
        };
        let (mut lines, mut place) = (TextLines::over(bytes), Place::default());
        let (mut counters, mut survey) = (Vec::<String>::new(), NumberSurvey::default());
        // An error comes again when the list is read.
        while let Ok(Some(line)) = lines.next_line() {
            if let Step::Figure(name, figure) = place.step(&decoded(line)) {
                survey.see(&figure);
                if !counters.contains(&name) && counters.len() < MOST {
                    counters.push(name);
                }
            }
        }
        let mut columns: Vec<Column> = counters.iter().map(|name| column(name)).collect();
        let mut origin = Origin::new(SourceKind::TableFile, &[Pool::Nonpaged, Pool::Paged]);
        origin.file = Some(input.name().to_owned());
        let guessed = take_by_stems(&counters, &mut columns);
        origin.host = choose(input.name(), &counters, &mut columns, options)?;
        Ok(Self {
            name: input.name().to_owned(),
            lines: TextLines::over(input.reader()?),
            place: Place::default(),
            times: FileTimes::of(input, options, 0, false)?,
            numbers: survey.rule(),
            clock: FileClock::default(),
            counters,
            columns,
            origin: Arc::new(origin),
            next: Moment::default(),
            foreign: CountedLines::default(),
            odd: OddFigures::default(),
            begun: false,
            remarks: Vec::new(),
            guessed,
        })
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
                    let at = self.counters.iter().position(|known| *known == name);
                    // The last digits may be missing.
                    let Some(at) = at.filter(|_| self.lines.ended()) else {
                        self.foreign.add(self.lines.number(), line.as_bytes());
                        continue;
                    };
                    let read = !matches!(self.columns.get(at), Some(Column::Other));
                    let value = self.numbers.value(&figure).map_err(|why| {
                        if read {
                            self.odd.add(why, self.lines.number(), &figure);
                        }
                    });
                    let again = self.next.figures.iter().any(|(known, _)| *known == at);
                    let done = again.then(|| std::mem::take(&mut self.next));
                    if self.next.figures.is_empty() {
                        self.next.line = self.lines.number();
                    }
                    self.next.figures.push((at, value.ok()));
                    if done.is_some() {
                        return Ok(done);
                    }
                }
                Step::Time(text, after) => {
                    let Some((time, local)) = self.times.read(&text) else {
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
                            Moment { time: Some(time), local, line: 0, figures: Vec::new() },
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
        for (at, figure) in moment.figures {
            if let (Some(Column::Figure(header, unit)), Some(figure)) = (self.columns.get(at), figure) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "never negative; saturates"
                )]
                (header.set)(&mut sample.header, Some((figure * unit).round() as u64));
            }
        }
        let note = TimeNote { local: moment.local, line: moment.line, ..TimeNote::default() };
        self.remarks.extend(self.clock.correct(sample, note));
        self.remarks.extend(self.guessed.take());
        self.remarks.extend(self.times.take_doubt().map(|doubt| Remark::new(RemarkKind::Time, doubt)));
        if moment.time.is_some() && moment.local {
            self.remarks.push(Remark::new(RemarkKind::ZoneAssumed, ZONE_ASSUMED));
        }
        self.remarks.extend(std::mem::take(&mut self.foreign).remark_with_text(
            RemarkKind::NotUnderstood,
            "line was not understood and was skipped",
            "lines were not understood and were skipped",
        ));
        self.remarks.extend(self.odd.take());
        sample.remarks.extend(self.remarks.iter().map(|remark| remark.text.clone()));
        Ok(true)
    }

    fn reported_time(&self) -> Option<Timestamp> {
        self.clock.reported()
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
    fn localised_counters_are_known_or_named_by_their_place() {
        let french = CONSOLE.replace("memory\\pool nonpaged bytes", "mémoire\\octets de réserve non paginée");
        let samples = read(&french, &ReadOptions::default());
        assert_eq!(samples[1].header.pool_nonpaged, Some(510_000_000));
        let other = CONSOLE.replace("\\memory\\", "\\no such object\\");
        let error = open(&other, &ReadOptions::default()).err().unwrap();
        assert!(String::from(error).contains("--columns 1=pool_nonpaged -o DIR"));
        let columns = vec![(2, "pool_paged".to_owned())];
        let samples = read(&other, &ReadOptions { columns, ..ReadOptions::default() });
        assert_eq!(samples[1].header.pool_paged, Some(200_000_001));
        assert_eq!(samples[1].header.pool_nonpaged, None);
    }

    #[test]
    fn two_machines_are_not_mixed() {
        let two = CONSOLE.replace("\\\\srv1\\memory\\pool paged", "\\\\srv2\\memory\\pool paged");
        let error = open(&two, &ReadOptions::default()).err().unwrap();
        assert!(String::from(error).contains("2 machines (srv1, srv2)"));
    }

    #[test]
    fn other_texts_are_none() {
        for text in [" Tag  Type Allocs\n", "see \\\\srv1\\share\\file :\n", "a : b\n", ""] {
            assert!(!(FORMAT.recognise)(&Input::from_bytes("x", text.as_bytes().to_vec())), "{text}");
        }
    }
}
