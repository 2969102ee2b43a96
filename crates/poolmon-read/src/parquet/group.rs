//! The rows of a row group: sorted by tag in the file, given by time.

use std::io;
use std::sync::Arc;

use poolmon_model::figure::{self, FIGURES};

use rustc_hash::FxHashMap;

use super::column::{Cell, Chunk, Column};
use super::thrift::{unzigzag, varint};
use super::{File, bad};
use crate::json_rows::quoted;

pub(super) const TIME: &str = "ts";
pub(super) const TAG: &str = "tag";
pub(super) const POOL: &str = "pool";
/// Columns that name a row and its machine, in the order of the CSV; the time is before them.
const NAMED: [&str; 6] = ["host", "boot", "session", TAG, "tag_raw", POOL];
/// Behind the figures.
const OWNER: &str = "owner";
/// Figures of the machine by name, on one row of each sample. Files of before have none.
const MACHINE: &str = "header";

/// Samples of a row group: what the writer ends one at.
const MOST_SAMPLES: usize = 1800;
/// Most bytes of a row group's rows in memory; the writer ends one at 24 MB of its own.
const MOST_BYTES: usize = 256 << 20;

/// Names of the columns that are read: the time, what names a row, its figures, its owner, figures of the machine.
pub(super) fn names() -> Vec<&'static str> {
    let figures = FIGURES.iter().map(|figure| figure.id);
    [TIME].into_iter().chain(NAMED).chain(figures).chain([OWNER, MACHINE]).collect()
}

/// The first line of the CSV.
pub(super) fn titles(names: &[&str]) -> Vec<u8> {
    let names = names.iter().map(|name| if *name == TIME { "time" } else { name });
    (names.collect::<Vec<_>>().join(",") + "\n").into_bytes()
}

/// One row through the samples of a row group.
struct Stream {
    /// Its CSV before and behind the figures.
    before: Vec<u8>,
    after: Vec<u8>,
    /// Its points, each as what changed since the one before.
    data: Vec<u8>,
    /// What was read of them; `None` = there is no point left.
    at: usize,
    point: Option<Point>,
}

/// A row at a moment.
#[derive(Clone, Copy, Default)]
struct Point {
    time: i64,
    step: i64,
    figures: [Option<i64>; figure::COUNT],
}

/// A row group in memory.
pub(super) struct Group {
    streams: Vec<Stream>,
    /// Times of its samples, in the order in which they were taken, and the next of them.
    times: Vec<i64>,
    next: usize,
    /// Figures of the machine, by the time of their sample.
    machines: FxHashMap<i64, Arc<str>>,
}

impl Group {
    /// Reads a row group.
    pub(super) fn read(
        file: &mut dyn File,
        rows: u64,
        chunks: &[Option<Chunk>],
        names: &[&str],
    ) -> io::Result<Self> {
        let mut columns: Vec<Option<Column>> = chunks.iter().map(|chunk| chunk.map(Column::new)).collect();
        let mut group =
            Self { streams: Vec::new(), times: Vec::new(), next: 0, machines: FxHashMap::default() };
        let (mut cells, mut key): (Vec<Option<Cell>>, Option<Vec<Option<Cell>>>) = (Vec::new(), None);
        let (mut last, mut place, mut bytes) = (Point::default(), 0, 0);
        for _ in 0..rows {
            cells.clear();
            for column in &mut columns {
                cells.push(match column {
                    Some(column) => column.next(file)?,
                    None => None,
                });
            }
            let (Some(Some(Cell::Int(time))), Some(key_cells), Some(figures), Some([owner, machine])) = (
                cells.first(),
                cells.get(1..=NAMED.len()),
                cells.get(1 + NAMED.len()..names.len() - 2),
                cells.last_chunk(),
            ) else {
                return Err(bad("a row has no time"));
            };
            if let Some(Cell::Text(machine)) = machine {
                bytes += machine.len() + 64;
                group.machines.insert(*time, Arc::clone(machine));
            }
            let is_same = key.as_ref().is_some_and(|key| key.iter().eq(key_cells.iter().chain([owner])));
            if !is_same {
                key = Some(key_cells.iter().chain([owner]).cloned().collect());
                group.streams.push(Stream::new(key_cells, owner.as_ref()));
                (last, place) = (Point::default(), 0);
            }
            let mut point = Point { time: *time, step: time.wrapping_sub(last.time), ..Point::default() };
            for (figure, cell) in point.figures.iter_mut().zip(figures) {
                *figure = match cell {
                    Some(Cell::Int(figure)) => Some(*figure),
                    _ => None,
                };
            }
            place = group.take_in(*time, place)?;
            if let Some(stream) = group.streams.last_mut() {
                let before = stream.data.len();
                put_point(&mut stream.data, &last, &point);
                bytes += stream.data.len() - before + if is_same { 0 } else { size_of::<Stream>() + 128 };
            }
            if bytes > MOST_BYTES {
                return Err(bad("a row group is larger than poolmon writes them"));
            }
            last = point;
        }
        for stream in &mut group.streams {
            stream.point = Some(Point::default());
            stream.advance();
        }
        Ok(group)
    }

    /// Merges the time of a stream's point into those of the group; `place` is behind that of its last point. Clocks are set back:
    /// the order is that of the samples, not that of their times.
    fn take_in(&mut self, time: i64, place: usize) -> io::Result<usize> {
        let later = self.times.get(place..).unwrap_or_default();
        if let Some(at) = later.iter().position(|known| *known == time) {
            return Ok(place + at + 1);
        }
        if self.times.len() >= MOST_SAMPLES {
            return Err(bad("a row group has more samples than poolmon writes"));
        }
        self.times.insert(place, time);
        Ok(place + 1)
    }

    /// Writes the rows of the next sample as CSV; `false` if there is none.
    pub(super) fn write(&mut self, system: Option<&str>, csv: &mut Vec<u8>) -> bool {
        let Some(&time) = self.times.get(self.next) else { return false };
        self.next += 1;
        // What is no time is no text: the reader of the table says so.
        let stamp = jiff::Timestamp::from_microsecond(time)
            .map_or_else(|_| time.to_string(), |time| time.to_string());
        let fallback = system.map(|system| Arc::from(format!("system=\"{system}\"")));
        let mut machine = self.machines.get(&time).cloned().or(fallback);
        for stream in &mut self.streams {
            let Some(point) = stream.point.filter(|point| point.time == time) else { continue };
            csv.extend_from_slice(stamp.as_bytes());
            csv.push(b',');
            csv.extend_from_slice(&stream.before);
            for figure in point.figures {
                if let Some(figure) = figure {
                    csv.extend_from_slice(figure.to_string().as_bytes());
                }
                csv.push(b',');
            }
            csv.extend_from_slice(&stream.after);
            if let Some(machine) = machine.take() {
                quoted(&machine, csv);
            }
            csv.push(b'\n');
            stream.advance();
        }
        true
    }
}

impl Stream {
    fn new(named: &[Option<Cell>], owner: Option<&Cell>) -> Self {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for cell in named {
            put_cell(cell.as_ref(), &mut before);
        }
        put_cell(owner, &mut after);
        Self { before, after, data: Vec::new(), at: 0, point: None }
    }

    /// Goes to its next point.
    fn advance(&mut self) {
        let mut rest = self.data.get(self.at..).unwrap_or_default();
        self.point = self.point.and_then(|last| point(&mut rest, &last));
        self.at = self.data.len() - rest.len();
    }
}

fn put_cell(cell: Option<&Cell>, csv: &mut Vec<u8>) {
    match cell {
        Some(Cell::Text(text)) => quoted(text, csv),
        Some(Cell::Int(number)) => csv.extend_from_slice(number.to_string().as_bytes()),
        None => {}
    }
    csv.push(b',');
}

fn put_number(data: &mut Vec<u8>, value: i64) {
    let mut value = (value << 1 ^ value >> 63).cast_unsigned();
    while value >= 0x80 {
        data.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    data.push((value & 0x7f) as u8);
}

/// What a figure is against the point before: as it was, unknown, or moved.
const SAME: u32 = 0;
const UNKNOWN: u32 = 1;
const MOVED: u32 = 2;

fn put_point(data: &mut Vec<u8>, last: &Point, point: &Point) {
    put_number(data, point.step.wrapping_sub(last.step));
    let pairs = last.figures.iter().zip(&point.figures);
    let kind = |(before, now): (&Option<i64>, &Option<i64>)| match now {
        _ if before == now => SAME,
        None => UNKNOWN,
        Some(_) => MOVED,
    };
    let kinds = pairs.clone().rev().fold(0, |kinds, pair| kinds << 2 | kind(pair));
    put_number(data, kinds.into());
    for (before, now) in pairs.filter(|(before, now)| before != now) {
        if let Some(now) = now {
            put_number(data, now.wrapping_sub(before.unwrap_or(0)));
        }
    }
}

fn point(data: &mut &[u8], last: &Point) -> Option<Point> {
    let step = last.step.wrapping_add(unzigzag(varint(data)?));
    let mut point = Point { time: last.time.wrapping_add(step), step, figures: last.figures };
    let mut kinds = u32::try_from(unzigzag(varint(data)?)).ok()?;
    for figure in &mut point.figures {
        match kinds & 3 {
            UNKNOWN => *figure = None,
            MOVED => *figure = Some(figure.unwrap_or(0).wrapping_add(unzigzag(varint(data)?))),
            _ => {}
        }
        kinds >>= 2;
    }
    Some(point)
}
