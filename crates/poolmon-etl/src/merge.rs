//! The records of all processors in the order of time.
//!
//! Buffers are in a file in the order in which they were full; each has the events of one processor. One buffer of each
//! processor is held, from its first record to its last.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io::{Read, Seek};

use crate::buffer::Buffers;
use crate::stack::StackRecord;
use crate::{Record, Records, Result};

/// Where a buffer is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Its earliest time stamp.
    pub(crate) first: u64,
    /// Its offset in the file.
    pub(crate) offset: u64,
}

/// A record's turn: its time; stacks after events of the same time; the processor.
type Turn = Reverse<(u64, bool, u16)>;

/// The buffers of one processor.
#[derive(Debug)]
struct Stream<'a> {
    places: std::slice::Iter<'a, Place>,
    bytes: Vec<u8>,
    /// Records of the buffer that is held: time, whether it is a stack, place.
    records: std::vec::IntoIter<(u64, bool, usize)>,
    /// The place of the record whose turn is in the heap; `None` if its buffer is not held yet.
    next: Option<usize>,
}

/// All processors.
#[derive(Debug)]
pub(crate) struct Merge<'a> {
    streams: BTreeMap<u16, Stream<'a>>,
    turns: BinaryHeap<Turn>,
}

impl<'a> Merge<'a> {
    pub(crate) fn new(places: &'a BTreeMap<u16, Vec<Place>>) -> Self {
        let mut merge = Self { streams: BTreeMap::new(), turns: BinaryHeap::new() };
        for (&cpu, places) in places {
            let places = places.iter();
            let stream = Stream { places, bytes: Vec::new(), records: Vec::new().into_iter(), next: None };
            merge.add_buffer(cpu, &stream);
            merge.streams.insert(cpu, stream);
        }
        merge
    }

    /// The turn of a processor's next buffer, before it is read.
    fn add_buffer(&mut self, cpu: u16, stream: &Stream<'a>) {
        if let Some(place) = stream.places.as_slice().first() {
            self.turns.push(Reverse((place.first, false, cpu)));
        }
    }

    /// Calls `each` with the next record, its time and its processor; `false` at the end.
    pub(crate) fn next<R: Read + Seek>(
        &mut self,
        buffers: &mut Buffers<R>,
        mut each: impl FnMut(&Record<'_>, u64, u16),
    ) -> Result<bool> {
        while let Some(Reverse((time, _, cpu))) = self.turns.pop() {
            let Some(stream) = self.streams.get_mut(&cpu) else { continue };
            if let Some(offset) = stream.next.take() {
                if let Some(record) = Records::at(&stream.bytes, offset) {
                    each(&record, time, cpu);
                }
                if !stream.advance(cpu, &mut self.turns) {
                    Self::wait(stream, cpu, &mut self.turns);
                }
                return Ok(true);
            }
            if let Some(place) = stream.places.next() {
                stream.hold(buffers.read_at(place.offset)?.bytes());
                if !stream.advance(cpu, &mut self.turns) {
                    Self::wait(stream, cpu, &mut self.turns);
                }
            }
        }
        Ok(false)
    }

    /// Frees a buffer that is done, and queues the processor's next one.
    fn wait(stream: &mut Stream<'_>, cpu: u16, turns: &mut BinaryHeap<Turn>) {
        stream.bytes = Vec::new();
        if let Some(place) = stream.places.as_slice().first() {
            turns.push(Reverse((place.first, false, cpu)));
        }
    }
}

impl Stream<'_> {
    fn hold(&mut self, bytes: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        let records = Records::new(&self.bytes).map_while(std::result::Result::ok);
        let timed = records.filter_map(|record| {
            let is_stack = StackRecord::decode(&record).is_some();
            record.time.map(|time| (time, is_stack, record.offset))
        });
        let mut records: Vec<_> = timed.collect();
        // An interrupt between reserving the space and taking the time puts records out of order.
        records.sort_by_key(|(time, is_stack, _)| (*time, *is_stack));
        self.records = records.into_iter();
    }

    /// Queues the next record of the buffer; `false` at its end.
    fn advance(&mut self, cpu: u16, turns: &mut BinaryHeap<Turn>) -> bool {
        let Some((time, is_stack, offset)) = self.records.next() else { return false };
        self.next = Some(offset);
        turns.push(Reverse((time, is_stack, cpu)));
        true
    }
}
