//! JSON lines that `poolmon export` wrote, as the CSV that it writes of the same rows: one reader reads both.

use std::io::{self, BufRead, BufReader, Read};

use jiff::tz::TimeZone;
use poolmon_model::FIGURES;
use poolmon_model::units::of_day_and_time;
use serde_json::{Map, Value};

/// How each line begins.
const BEGINS: &[u8] = b"{\"schema\":\"poolmon.row/";
/// Columns before the figures, and behind them.
const BEFORE: [&str; 7] = ["time", "host", "boot", "session", "tag", "tag_raw", "pool"];
const OWNER: &str = "owner";
const HEADER: &str = "header";
/// No row is longer.
const LONGEST: u64 = 1 << 20;

/// Whether a file begins with such a row.
pub(crate) fn is_export(start: &[u8]) -> bool {
    start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).starts_with(BEGINS)
}

/// The lines as CSV.
pub(crate) struct AsCsv {
    lines: BufReader<Box<dyn Read + Send>>,
    /// The line at hand, as it is and as CSV.
    line: Vec<u8>,
    csv: Vec<u8>,
    /// What was given of it.
    at: usize,
    number: u64,
}

impl AsCsv {
    pub(crate) fn new(bytes: Box<dyn Read + Send>) -> Self {
        let figures = FIGURES.iter().map(|figure| figure.id);
        let titles: Vec<&str> = BEFORE.into_iter().chain(figures).chain([OWNER, HEADER]).collect();
        let csv = (titles.join(",") + "\n").into_bytes();
        Self { lines: BufReader::new(bytes), line: Vec::new(), csv, at: 0, number: 0 }
    }

    /// Reads the next line; `false` at the end.
    fn next(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.csv.clear();
        self.at = 0;
        if self.lines.by_ref().take(LONGEST).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(false);
        }
        self.number += 1;
        let text = self.line.trim_ascii();
        match serde_json::from_slice::<Map<String, Value>>(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text))
        {
            Ok(row) => write(&row, &mut self.csv),
            Err(_) if text.is_empty() => {}
            // A file that was cut: the reader of the table says so.
            Err(_) if !self.line.ends_with(b"\n") => self.csv.extend_from_slice(text),
            Err(error) => {
                let text = format!("line {} is no row as JSON: {error}", self.number);
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
        }
        Ok(true)
    }
}

impl Read for AsCsv {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.csv.len() {
            if !self.next()? {
                return Ok(0);
            }
        }
        let length = self.csv.get(self.at..).unwrap_or_default().read(into)?;
        self.at += length;
        Ok(length)
    }
}

fn write(row: &Map<String, Value>, csv: &mut Vec<u8>) {
    for name in BEFORE {
        let value = row.get(name);
        match value.filter(|value| !value.is_null()) {
            // Its date is unknown: the row says the time of day.
            None if name == "time" => field(of_day(row).as_ref(), csv),
            _ => field(value, csv),
        }
    }
    for figure in FIGURES {
        field(row.get(figure.id), csv);
    }
    field(row.get(OWNER), csv);
    let figures = row.get(HEADER).and_then(Value::as_object).into_iter().flatten();
    let machine: Vec<String> =
        figures.filter(|(_, value)| is_plain(value)).map(|(name, value)| format!("{name}={value}")).collect();
    quoted(&machine.join(" "), csv);
    csv.push(b'\n');
}

/// The time of a row that says only the time of day, as the series keeps it.
fn of_day(row: &Map<String, Value>) -> Option<Value> {
    let time = of_day_and_time(row.get("time_of_day")?.as_str()?, &TimeZone::UTC)?;
    Some(Value::String(time.to_string()))
}

/// A number, or a text that can be in quotes.
fn is_plain(value: &Value) -> bool {
    value.is_number() || value.as_str().is_some_and(|text| !text.contains(['"', '\\']))
}

fn field(value: Option<&Value>, csv: &mut Vec<u8>) {
    match value {
        Some(Value::String(text)) => quoted(text, csv),
        Some(Value::Number(number)) => csv.extend_from_slice(number.to_string().as_bytes()),
        _ => {}
    }
    csv.push(b',');
}

/// A field in quotes.
pub(crate) fn quoted(text: &str, csv: &mut Vec<u8>) {
    csv.push(b'"');
    csv.extend(text.bytes().flat_map(|byte| std::iter::repeat_n(byte, 1 + usize::from(byte == b'"'))));
    csv.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str) -> io::Result<String> {
        let mut out = String::new();
        AsCsv::new(Box::new(io::Cursor::new(text.as_bytes().to_vec()))).read_to_string(&mut out)?;
        Ok(out.split_once('\n').unwrap().1.to_owned())
    }

    #[test]
    fn a_row_is_its_columns() {
        let row = r#"{"schema":"poolmon.row/1","time":"2026-11-22T10:00:00Z","tag":"A\"b,","pool":"paged","allocs":5,"bytes":64,"header":{"system":"Windows 10","percpu":7}}"#;
        assert!(is_export(row.as_bytes()) && !is_export(b"{\"tag\":1}"));
        let read = csv(&format!("{row}\n\n{row}")).unwrap();
        let lines: Vec<&str> = read.lines().collect();
        assert_eq!(lines.len(), 2, "{read}");
        assert!(lines[0].starts_with(r#""2026-11-22T10:00:00Z",,,,"A""b,",,"paged",5,"#), "{read}");
        assert!(
            lines[0].ends_with(r#""percpu=7 system=""Windows 10""""#)
                || lines[0].ends_with(r#""system=""Windows 10"" percpu=7""#),
            "{read}"
        );
    }

    #[test]
    fn a_cut_row_is_left_to_the_reader_and_a_broken_one_named() {
        assert_eq!(csv("{\"schema\":\"poolmon.row/1\",\"ti").unwrap(), "{\"schema\":\"poolmon.row/1\",\"ti");
        let error = csv("{\"tag\":\"Tst1\"}\n{\"ti\n").unwrap_err().to_string();
        assert!(error.starts_with("line 2 is no row"), "{error}");
    }
}
