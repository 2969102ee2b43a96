//! Bytes that bring damaged frames back.
//!
//! The frames between two keys (a *group*) are laid into a ring: byte `n` of the group is combined (XOR) with place `n` modulo
//! the ring's length. Bytes that damage took are the XOR of the others at their place, as long as no two of them
//! share one. The ring is as long as all frames that [`BURST`] bytes of damage can touch, so that one such damage in
//! a group loses nothing, wherever it begins.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use super::bytes::{Put, Take};
use super::frame::{FrameHead, HEAD, checksum};

/// Damage that loses nothing: a sector of today's disks.
pub const BURST: usize = 4096;
/// Longest ring. Two neighbouring frames longer than that together are not brought back.
const MOST: usize = 1 << 20;

/// The frames since the last key, as far as their parity needs them.
#[derive(Clone, Debug, Default)]
pub struct Group {
    start: u64,
    length: usize,
    /// The group itself up to [`MOST`] bytes, then a ring of that length.
    ring: Vec<u8>,
    /// Lengths of the last frames: all that one burst can touch.
    recent: VecDeque<usize>,
    /// Bytes of the frames that one burst can touch, at most.
    widest: usize,
}

impl Group {
    /// Adds the frame at `offset`. What is not next to the frame before begins a group of its own.
    pub fn add(&mut self, offset: u64, frame: &[u8]) {
        if offset != self.end() {
            self.clear();
            self.start = offset;
        }
        let mut rest = frame;
        while !rest.is_empty() {
            let at = self.length % MOST;
            let (now, later) = rest.split_at(rest.len().min(MOST - at));
            if self.ring.len() < at + now.len() {
                self.ring.resize(at + now.len(), 0);
            }
            xor(self.ring.iter_mut().skip(at), now);
            self.length += now.len();
            rest = later;
        }
        self.recent.push_back(frame.len());
        // A burst touches the first and the last of its frames with one byte at least.
        while self.recent.len() > 2 && self.recent.iter().skip(1).rev().skip(1).sum::<usize>() > BURST - 2 {
            self.recent.pop_front();
        }
        self.widest = self.widest.max(self.recent.iter().sum());
    }

    /// Byte after its last frame.
    pub fn end(&self) -> u64 {
        self.start + self.length as u64
    }

    /// Whether there is nothing to protect.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Forgets everything, and keeps the memory.
    pub fn clear(&mut self) {
        (self.start, self.length, self.widest) = (0, 0, 0);
        self.ring.clear();
        self.recent.clear();
    }

    /// The payload of the parity frame.
    pub fn payload(&self) -> Vec<u8> {
        // A ring of `MOST` bytes only folds into one whose length divides it.
        let folds = if self.length <= MOST { self.widest } else { self.widest.next_power_of_two() };
        let stride = folds.clamp(1, MOST);
        let mut out = Vec::with_capacity(16 + stride);
        out.u64(self.start);
        out.u32(u32::try_from(self.length).unwrap_or(u32::MAX));
        out.u32(u32::try_from(stride).unwrap_or(u32::MAX));
        let mut turns = self.ring.chunks(stride);
        out.extend_from_slice(turns.next().unwrap_or_default());
        for turn in turns {
            xor(out.iter_mut().skip(16), turn);
        }
        out
    }
}

fn xor<'a>(into: impl Iterator<Item = &'a mut u8>, bytes: &[u8]) {
    for (a, b) in into.zip(bytes) {
        *a ^= b;
    }
}

/// A parity frame.
#[derive(Clone, Debug)]
pub struct Parity<'a> {
    /// Where its group is in the file.
    pub group: Range<u64>,
    ring: &'a [u8],
}

impl<'a> Parity<'a> {
    /// Reads a payload.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let mut take = Take(payload);
        let (start, length, stride) = (take.u64()?, take.u32()?, take.u32()?);
        let group = start..start.checked_add(length.into())?;
        let right = take.0.len() == length.min(stride) as usize && !take.0.is_empty();
        right.then_some(Self { group, ring: take.0 })
    }

    /// The frames that are in `holes` (bytes of the file) and can be brought back. `bytes` is the group as it is read.
    pub fn recover(&self, mut bytes: Vec<u8>, holes: &[Range<u64>], into: &mut BTreeMap<u32, Vec<u8>>) {
        let inside = |at: u64| {
            let at = at.clamp(self.group.start, self.group.end) - self.group.start;
            usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len())
        };
        let holes: Vec<_> = holes.iter().map(|hole| inside(hole.start)..inside(hole.end)).collect();
        let stride = self.ring.len();
        let mut unknown = vec![0_u8; stride];
        for hole in &holes {
            bytes.get_mut(hole.clone()).unwrap_or_default().fill(0);
            for at in hole.clone() {
                if let Some(count) = unknown.get_mut(at % stride) {
                    *count = count.saturating_add(1);
                }
            }
        }
        let mut ring = self.ring.to_vec();
        for turn in bytes.chunks(stride) {
            xor(ring.iter_mut(), turn);
        }
        for at in holes.iter().cloned().flatten() {
            let place = at % stride;
            if let (Some(byte), Some(1), Some(known)) =
                (bytes.get_mut(at), unknown.get(place), ring.get(place))
            {
                *byte = *known;
            }
        }
        for hole in holes {
            let mut rest = bytes.get(hole).unwrap_or_default();
            while let Some((head, sum)) = FrameHead::parse(rest) {
                let Some((frame, later)) = rest.split_at_checked(HEAD + head.length as usize) else { break };
                if checksum(frame, frame.get(HEAD..).unwrap_or_default()) != sum {
                    break;
                }
                into.insert(head.number, frame.to_vec());
                rest = later;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::frame::{FrameKind, NO_TIME};
    use super::*;

    fn group(sizes: &[usize], start: u64) -> (Group, Vec<Vec<u8>>) {
        let (mut group, mut frames, mut at) = (Group::default(), Vec::new(), start);
        for (n, &size) in sizes.iter().enumerate() {
            let payload = vec![u8::try_from(n % 251).unwrap(); size];
            let number = u32::try_from(n).unwrap();
            let length = u32::try_from(size).unwrap();
            let head =
                FrameHead { kind: FrameKind::Note, flags: 0, length, number, sample: 0, wall: NO_TIME };
            let frame = head.frame(&payload);
            group.add(at, &frame);
            at += frame.len() as u64;
            frames.push(frame);
        }
        (group, frames)
    }

    proptest! {
        #[test]
        fn one_burst_anywhere_loses_nothing(
            sizes in prop::collection::vec(prop_oneof![0_usize..90, 0_usize..9000], 1..60),
            first in any::<prop::sample::Index>(),
        ) {
            let (group, frames) = group(&sizes, 1000);
            let payload = group.payload();
            let parity = Parity::parse(&payload).unwrap();
            let bytes = frames.concat();
            prop_assert_eq!(parity.group.clone(), 1000..1000 + bytes.len() as u64);
            let from = first.index(bytes.len());
            let to = (from + BURST).min(bytes.len());
            // What a reader knows: the frames that were touched.
            let (mut at, mut hole, mut touched) = (0, None, BTreeMap::new());
            for (n, frame) in frames.iter().enumerate() {
                let end = at + frame.len();
                if from < end && at < to {
                    hole = Some(hole.map_or(at, |(begin, _)| begin)).map(|begin| (begin, end));
                    touched.insert(u32::try_from(n).unwrap(), frame.clone());
                }
                at = end;
            }
            let (begin, end) = hole.unwrap();
            let mut damaged = bytes.clone();
            damaged[from..to].fill(0xa5);
            let mut found = BTreeMap::new();
            let hole = 1000 + begin as u64..1000 + end as u64;
            parity.recover(damaged, std::slice::from_ref(&hole), &mut found);
            prop_assert_eq!(found, touched);
        }
    }

    #[test]
    fn a_group_longer_than_the_longest_ring() {
        let sizes = vec![5000; 400];
        let (group, frames) = group(&sizes, 0);
        let payload = group.payload();
        assert!(payload.len() < 20_000, "{}", payload.len());
        let parity = Parity::parse(&payload).unwrap();
        let mut found = BTreeMap::new();
        let hole = 300 * 5028..302 * 5028;
        parity.recover(frames.concat(), std::slice::from_ref(&hole), &mut found);
        assert_eq!(found.len(), 2);
        assert_eq!(found.get(&300), frames.get(300));
    }
}
