//! Rows turned into one stream for each tag, in little memory: a figure that stays the same costs nothing.

use std::sync::Arc;

use jiff::Timestamp;
use poolmon_model::{Counters, Origin, Pool, Row, Sample, Tag, figure};
use poolmon_print::poolmon::machine_and_system;
use rustc_hash::FxHashMap;

use super::select::ExportOptions;

/// What a stream is called. Its order is that of the output.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Session, or the system.
    pub session: Option<u32>,
    /// Who.
    pub tag: Tag,
    /// Of which pool.
    pub pool: Pool,
    /// Owner text that came with the row.
    pub owner: Option<Arc<str>>,
}

/// The figures of a row, in the order of [`figure::FIGURES`].
pub type Values = [Option<i64>; figure::COUNT];

/// The figures of a row; counts beyond 2^63 (there are none) are at it.
pub fn values(sample: &Sample, counters: &Counters) -> Values {
    figure::FIGURES.map(|figure| {
        (figure.get)(counters, sample.width).map(|number| i64::try_from(number).unwrap_or(i64::MAX))
    })
}

/// One row through the samples of a window.
#[derive(Debug, Default)]
struct Stream {
    data: Vec<u8>,
    now: Values,
    present: bool,
    /// Samples that `now` (or absence) has held for, not yet in `data`.
    run: u64,
    /// Samples that it knows of.
    length: u64,
}

const REPEAT: u64 = 0;
const ABSENT: u64 = 1;
const CHANGE: u64 = 2;

fn put(data: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return data.push(low & 0x7f);
        }
        data.push(low | 0x80);
    }
}

fn get(data: &mut std::slice::Iter<'_, u8>) -> Option<u64> {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = *data.next()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
        shift += 7;
    }
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

impl Stream {
    fn flush(&mut self) {
        if self.run > 0 {
            put(&mut self.data, self.run << 2 | if self.present { REPEAT } else { ABSENT });
            self.run = 0;
        }
    }

    /// Nothing until sample `at`.
    fn absent_until(&mut self, at: u64) {
        if self.length < at {
            if self.present {
                self.flush();
                self.present = false;
            }
            self.run += at - self.length;
            self.length = at;
        }
    }

    fn push(&mut self, at: u64, values: Values) {
        self.absent_until(at);
        if self.length > at {
            // A second row of the same name in one sample: the first is kept.
            return;
        }
        self.length += 1;
        if self.present && values == self.now {
            self.run += 1;
            return;
        }
        self.flush();
        let mask = values.iter().rev().fold(0, |mask, value| mask << 1 | u64::from(value.is_some()));
        put(&mut self.data, mask << 2 | CHANGE);
        for (now, value) in self.now.iter().zip(values) {
            if let Some(value) = value {
                put(&mut self.data, zigzag(value.wrapping_sub(now.unwrap_or(0))));
            }
        }
        (self.now, self.present) = (values, true);
    }
}

/// The samples of a window, by tag.
#[derive(Debug, Default)]
pub struct Window {
    /// Where they come from; one origin a window.
    pub origin: Option<Arc<Origin>>,
    /// Their times.
    pub times: Vec<Timestamp>,
    /// Of each, the figures of the machine by name, and what it leaves out.
    pub machines: Vec<String>,
    numbers: FxHashMap<Key, usize>,
    streams: Vec<(Key, Stream)>,
    /// Streams in the order of the last sample's rows: mostly that of the next one, too.
    order: Vec<usize>,
    bytes: usize,
}

impl Window {
    /// Whether a sample belongs into this window.
    pub fn fits(&self, sample: &Sample) -> bool {
        self.origin
            .as_ref()
            .is_none_or(|origin| Arc::ptr_eq(origin, &sample.origin) || **origin == *sample.origin)
    }

    /// Bytes that it takes, about.
    pub fn bytes(&self) -> usize {
        self.bytes + self.streams.len() * size_of::<(Key, Stream)>()
    }

    /// Adds a sample; returns how many rows it had.
    pub fn push(&mut self, time: Timestamp, sample: &Sample, options: &ExportOptions) -> u64 {
        let at = self.times.len() as u64;
        self.times.push(time);
        let machine = machine_and_system(sample, options.coverage(sample));
        self.bytes += size_of::<String>() + machine.len();
        self.machines.push(machine);
        self.origin.get_or_insert_with(|| Arc::clone(&sample.origin));
        let mut count = 0;
        for (place, (session, row)) in options.rows(sample).enumerate() {
            let number = self.number(place, session, row);
            if let Some((_, stream)) = self.streams.get_mut(number) {
                let before = stream.data.len();
                stream.push(at, values(sample, &row.counters));
                self.bytes += stream.data.len() - before;
                count += 1;
            }
        }
        count
    }

    fn number(&mut self, place: usize, session: Option<u32>, row: &Row) -> usize {
        let guess = self.order.get(place).copied();
        let is_it = |key: &Key| {
            key.session == session
                && key.pool == row.pool
                && key.tag == row.tag
                && key.owner == row.reported_owner
        };
        if let Some(guess) = guess
            && self.streams.get(guess).is_some_and(|(key, _)| is_it(key))
        {
            return guess;
        }
        let key = Key { session, tag: row.tag.clone(), pool: row.pool, owner: row.reported_owner.clone() };
        let next = self.streams.len();
        let number = *self.numbers.entry(key.clone()).or_insert(next);
        if number == next {
            self.streams.push((key, Stream::default()));
        }
        match self.order.get_mut(place) {
            Some(slot) => *slot = number,
            None => self.order.push(number),
        }
        number
    }

    /// Sorts the streams by session, tag and pool; nothing may be added after it.
    pub fn finish(&mut self) {
        self.numbers.clear();
        self.order.clear();
        for (_, stream) in &mut self.streams {
            stream.flush();
        }
        self.streams.sort_by(|a, b| a.0.cmp(&b.0));
    }

    /// Every stream, sorted: its name and its points (number of the sample, figures).
    pub fn streams(&self) -> impl Iterator<Item = (&Key, Points<'_>)> {
        self.streams.iter().map(|(key, stream)| {
            let points = Points {
                data: stream.data.iter(),
                at: 0,
                left: 0,
                now: [None; figure::COUNT],
                present: false,
            };
            (key, points)
        })
    }
}

/// The points of one stream.
#[derive(Debug)]
pub struct Points<'a> {
    data: std::slice::Iter<'a, u8>,
    at: usize,
    left: u64,
    now: Values,
    present: bool,
}

impl Iterator for Points<'_> {
    type Item = (usize, Values);

    fn next(&mut self) -> Option<Self::Item> {
        while self.left == 0 || !self.present {
            self.at += usize::try_from(std::mem::take(&mut self.left)).ok()?;
            let op = get(&mut self.data)?;
            match op & 3 {
                CHANGE => {
                    for (n, now) in self.now.iter_mut().enumerate() {
                        *now = if op >> (n + 2) & 1 == 1 {
                            let moved = unzigzag(get(&mut self.data)?);
                            Some(now.unwrap_or(0).wrapping_add(moved))
                        } else {
                            None
                        };
                    }
                    (self.present, self.left) = (true, 1);
                }
                kind => {
                    self.left = op >> 2;
                    self.present = kind == REPEAT;
                }
            }
        }
        self.left -= 1;
        self.at += 1;
        Some((self.at - 1, self.now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn point_of(a: i64, b: Option<i64>) -> Values {
        std::array::from_fn(|n| match n % 4 {
            0 => Some(a),
            2 => b,
            3 => Some(i64::MAX - a),
            _ => None,
        })
    }

    proptest! {
        #[test]
        fn points_come_back(points in prop::collection::vec(prop::option::of((0_i64..3, any::<Option<i64>>())), 0..60)) {
            let mut stream = Stream::default();
            for (at, point) in points.iter().enumerate() {
                if let Some((a, b)) = point {
                    stream.push(at as u64, point_of(*a, *b));
                }
            }
            stream.flush();
            let read: Vec<_> =
                Points { data: stream.data.iter(), at: 0, left: 0, now: [None; figure::COUNT], present: false }.collect();
            let expected: Vec<_> = points
                .iter()
                .enumerate()
                .filter_map(|(at, point)| point.map(|(a, b)| (at, point_of(a, b))))
                .collect();
            prop_assert_eq!(read, expected);
        }
    }
}
