//! Verdicts on the memory of real machines at work: false alarms, and how soon a leak that is added to it is found.
//!
//! The file is CSV, packed with gzip or not: a column `minute`, and a column for each machine with the percent of its memory that
//! is in use; an empty field is a moment that was missed. Each machine is one row without counts, the hardest case: nothing but
//! bytes that go up and down with the work.

use std::fmt::Write as _;
use std::io::Read as _;
use std::{fs, time};

use jiff::{SignedDuration, Timestamp};
use poolmon_model::{CounterWidth, Counters, Origin, Pool, Row, Sample, SourceKind, Tag};

use crate::judge::Judge;

/// Memory of each machine, bytes, if `--memory` does not say otherwise: the file has percentages only.
pub const MEMORY_GIB: f64 = 64.0;

/// Lengths of the windows, hours.
const LENGTHS: [f64; 6] = [3.0, 6.0, 12.0, 24.0, 48.0, 96.0];

/// Leaks that are added, MB an hour.
const RATES: [f64; 3] = [50.0, 200.0, 1000.0];

/// Minutes between two samples from which on they do not belong to one window.
const GAP: f64 = 60.0;

/// What the machines of a file used.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Name of each machine.
    pub machines: Vec<String>,
    /// Minute of each moment, rising.
    pub minutes: Vec<f64>,
    /// Percent of its memory that each machine used at each moment: as many as there are moments.
    pub percent: Vec<Vec<Option<f64>>>,
}

impl Load {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// The text names the file and the line: it cannot be read, its first line is not `minute,…`, a line has more or fewer fields,
    /// a field is no number from 0 to 100, or the minutes do not rise.
    pub fn read(file: &str) -> Result<Self, String> {
        let bytes = fs::read(file).map_err(|error| format!("{file}: {error}"))?;
        let mut text = String::new();
        let read = if bytes.starts_with(&[0x1f, 0x8b]) {
            flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text)
        } else {
            bytes.as_slice().read_to_string(&mut text)
        };
        read.map_err(|error| format!("{file}: {error}"))?;
        Self::parse(&text).map_err(|(line, what)| format!("{file}, line {line}: {what}"))
    }

    /// Reads the text; an error is a line, counted from 1, and what is wrong with it.
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
        let head = lines.next().and_then(|(_, line)| line.strip_prefix("minute,"));
        let head = head.ok_or((1, "expected `minute,MACHINE,…`".to_owned()))?;
        let machines: Vec<String> = head.split(',').map(str::to_owned).collect();
        let mut load = Self { percent: vec![Vec::new(); machines.len()], machines, minutes: Vec::new() };
        for (number, line) in lines {
            let mut fields = line.split(',');
            let minute = fields.next().and_then(|field| field.parse::<f64>().ok());
            let minute = minute.filter(|minute| minute.is_finite());
            let minute = minute.ok_or((number, "the minute is not a number".to_owned()))?;
            if load.minutes.last().is_some_and(|last| minute <= *last) {
                return Err((number, format!("minute {minute} is not later than the one before")));
            }
            load.minutes.push(minute);
            for column in &mut load.percent {
                let field = fields.next().ok_or((number, "has too few fields".to_owned()))?;
                column.push(percent(field).map_err(|what| (number, what))?);
            }
            if fields.next().is_some() {
                return Err((number, "has too many fields".to_owned()));
            }
        }
        Ok(load)
    }

    /// Every window of this length, each half a length after the one before: first and last place. None spans a gap.
    fn windows(&self, hours: f64) -> Vec<(usize, usize)> {
        let (minutes, mut windows, mut from) = (&self.minutes, Vec::new(), 0);
        for end in 1..=minutes.len() {
            if end < minutes.len() && minutes[end] - minutes[end - 1] <= GAP {
                continue;
            }
            let mut start = minutes[from];
            while start + hours * 60.0 <= minutes[end - 1] {
                let place = |minute: f64| minutes.partition_point(|&other| other < minute);
                windows.push((place(start), place(start + hours * 60.0)));
                start += hours * 30.0;
            }
            from = end;
        }
        windows
    }
}

fn percent(field: &str) -> Result<Option<f64>, String> {
    if field.is_empty() {
        return Ok(None);
    }
    let value = field.parse::<f64>().ok().filter(|value| (0.0..=100.0).contains(value));
    value.map(Some).ok_or_else(|| format!("`{field}` is not a percentage"))
}

/// How an added leak goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Leak {
    /// Nothing is added.
    None,
    /// Bytes an hour, at all times.
    Steady(f64),
    /// Bytes an hour in the mean; at each moment in proportion to what the machine uses above its quietest moments.
    ByWork(f64),
}

/// The surest level at which the window of a machine is named: 0 leak, 1 likely, 2 possible, 3 growing.
fn level(load: &Load, machine: usize, window: (usize, usize), memory: f64, leak: Leak) -> Option<usize> {
    let (from, to) = window;
    let column = load.percent.get(machine)?.get(from..to)?;
    let minutes = load.minutes.get(from..to)?;
    let known: Vec<f64> = column.iter().copied().flatten().collect();
    let least = known.iter().copied().fold(f64::INFINITY, f64::min);
    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
    let origin = std::sync::Arc::new(Origin::new(SourceKind::Linux, &[Pool::Unreclaimable]));
    let (mut judge, mut added, mut before) = (Judge::new(), 0.0, minutes.first().copied()?);
    for (&minute, &value) in minutes.iter().zip(column) {
        let Some(value) = value else { continue };
        let hours = (minute - before) / 60.0;
        added += match leak {
            Leak::None => 0.0,
            Leak::Steady(rate) => rate * hours,
            Leak::ByWork(rate) => rate * hours * (value - least) / (mean - least).max(1e-9),
        };
        before = minute;
        let mut sample = Sample::new(std::sync::Arc::clone(&origin), CounterWidth::Bits64);
        let passed = SignedDuration::from_secs((minute * 60.0) as i64);
        sample.time = Timestamp::from_second(1_800_000_000).ok().map(|start| start + passed);
        let bytes = (value / 100.0 * memory + added) as u64;
        sample.rows.push(Row {
            tag: Tag::name("work"),
            pool: Pool::Unreclaimable,
            counters: Counters { bytes: Some(bytes), ..Counters::default() },
            reported_owner: None,
        });
        judge.push(&sample);
    }
    judge.answer().lines.iter().map(|line| line.level).min()
}

/// What was found in windows of one length.
#[derive(Clone, Debug, Default, PartialEq)]
struct Found {
    windows: usize,
    /// Named at each of the first three levels of `judge::LEVELS`, or a more certain one.
    named: [usize; 3],
}

impl Found {
    fn over(load: &Load, hours: f64, memory: f64, leak: Leak) -> Self {
        let mut found = Self::default();
        for window in load.windows(hours) {
            for machine in 0..load.machines.len() {
                found.windows += 1;
                let named = level(load, machine, window, memory, leak);
                for (at, count) in found.named.iter_mut().enumerate() {
                    *count += usize::from(named.is_some_and(|named| named <= at));
                }
            }
        }
        found
    }
}

fn length(hours: f64) -> String {
    if hours < 48.0 { format!("{hours} h") } else { format!("{} days", hours / 24.0) }
}

/// Judges all windows of a file; gives the figures as Markdown.
pub fn document(load: &Load, memory_gib: f64) -> String {
    let start = time::Instant::now();
    let memory = memory_gib * f64::from(1_u32 << 30);
    let mut out = String::from(
        "| window | machine-days | *leak* | *likely* or better | *possible* or better |\n|---|---|---|---|---|\n",
    );
    for hours in LENGTHS {
        let found = Found::over(load, hours, memory, Leak::None);
        let days = found.windows as f64 * hours / 24.0;
        let cells =
            found.named.map(|named| format!(" {named} ({:.4} a day) |", named as f64 / days.max(1e-9)));
        let _ = writeln!(out, "| {} | {days:.0} |{}", length(hours), cells.concat());
    }
    let columns = RATES.map(|rate| format!(" {rate} MB/h, steady | {rate} MB/h, by the work |")).concat();
    let _ = writeln!(out, "\nNamed *leak* / *likely* or better / *possible* or better:\n");
    let _ = writeln!(out, "| window | windows |{columns}\n|---|---{}|", "|---".repeat(2 * RATES.len()));
    for hours in LENGTHS {
        let mut windows = 0;
        let mut cells = String::new();
        for rate in RATES {
            for leak in [Leak::Steady(rate * 1e6), Leak::ByWork(rate * 1e6)] {
                let found = Found::over(load, hours, memory, leak);
                windows = found.windows;
                let share = |named: usize| format!("{:.0}", 100.0 * named as f64 / windows.max(1) as f64);
                let _ = write!(cells, " {} % |", found.named.map(share).join(" / "));
            }
        }
        let _ = writeln!(out, "| {} | {windows} |{cells}", length(hours));
    }
    let (machines, seconds) = (load.machines.len(), start.elapsed().as_secs_f64());
    format!("{machines} machines of {memory_gib} GiB, {seconds:.0} s\n\n{out}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two machines: one level with a daily wave, one that misses a moment.
    fn made(moments: u32) -> String {
        let line = |at: u32| {
            let wave = (f64::from(at) * 5.0 / 1440.0 * std::f64::consts::TAU).sin();
            let other = if at == 3 { String::new() } else { format!("{:.2}", 50.0 + f64::from(at % 7)) };
            format!("{},{:.2},{other}\n", at * 5, 60.0 + 3.0 * wave)
        };
        format!("minute,a,b\n{}", (0..moments).map(line).collect::<String>())
    }

    #[test]
    fn a_file_is_read_and_cut_at_its_gaps() {
        let text = made(80).replace("\n200,", "\n2000,");
        // The lines after minute 2000 have to be later than it.
        let text: String = text
            .lines()
            .map(|line| match line.split_once(',') {
                Some((minute, rest))
                    if minute.parse().is_ok_and(|minute: u32| (201..2000).contains(&minute)) =>
                {
                    format!("{},{rest}\n", minute.parse::<u32>().unwrap_or(0) + 1800)
                }
                _ => format!("{line}\n"),
            })
            .collect();
        let load = Load::parse(&text).unwrap();
        assert_eq!((load.machines.len(), load.minutes.len()), (2, 80));
        assert_eq!((load.percent[1][3], load.percent[1][4]), (None, Some(54.0)));
        // 0 to 195 min, then 2000 to 2195: three hours fit once into each.
        assert_eq!(load.windows(3.0), [(0, 36), (40, 76)]);
        assert_eq!(load.windows(4.0), []);
    }

    #[test]
    fn wrong_lines_are_named() {
        let wrong = |text: &str| Load::parse(text).unwrap_err();
        assert_eq!(wrong("time,a\n"), (1, "expected `minute,MACHINE,…`".into()));
        assert_eq!(wrong("minute,a\n0,1\n5,x\n"), (3, "`x` is not a percentage".into()));
        assert_eq!(wrong("minute,a\n0,101\n").0, 2);
        assert_eq!(wrong("minute,a\n0,NaN\n").0, 2);
        assert_eq!(wrong("minute,a\n5,1\n5,1\n").0, 3);
        assert_eq!(wrong("minute,a,b\n5,1\n"), (2, "has too few fields".into()));
        assert_eq!(wrong("minute,a\n5,1,2\n"), (2, "has too many fields".into()));
        let error = Load::read("no-such-file.csv").unwrap_err();
        assert!(error.starts_with("no-such-file.csv: "), "{error}");
    }

    #[test]
    fn a_leak_that_is_added_is_found_and_nothing_else() {
        let load = Load::parse(&made(12 * 48 + 1)).unwrap();
        let window = load.windows(48.0)[0];
        let level = |machine, leak| level(&load, machine, window, 64e9, leak);
        for machine in 0..2 {
            assert!(level(machine, Leak::None).is_none_or(|level| level > 2), "{machine}");
            for leak in [Leak::Steady(1e9), Leak::ByWork(1e9)] {
                assert!(level(machine, leak).is_some_and(|level| level <= 2), "{machine} {leak:?}");
            }
        }
    }

    /// The real file: its shape, and that a fast leak in it is not missed.
    #[test]
    fn the_real_load_is_read() {
        let Some(file) = poolmon_testkit::shared("inputs/series/real-load-a.csv.gz") else { return };
        let load = Load::read(&file.to_string_lossy()).unwrap();
        assert_eq!((load.machines.len(), load.minutes.len()), (55, 1228));
        assert_eq!(load.percent.iter().flatten().filter(|value| value.is_none()).count(), 62);
        let window = load.windows(48.0)[0];
        let memory = MEMORY_GIB * f64::from(1_u32 << 30);
        let named = |leak: Leak| {
            let surest = (0..8).filter_map(|at| level(&load, at, window, memory, leak));
            surest.filter(|&level| level <= 1).count()
        };
        assert!(named(Leak::Steady(1e9)) >= 6);
        assert!(named(Leak::None) <= 2);
    }
}
