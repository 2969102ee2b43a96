//! Frames that bring a damaged one back.
//!
//! Between two keys, frames are dealt to [`LANES`] lanes by their number. Before the next key, each lane writes
//! the XOR of its frames, heads included. One damaged frame in a lane is the XOR of the others and the parity;
//! so damage up to `LANES` frames wide loses nothing.

use std::collections::BTreeMap;

use super::bytes::{Put, Take};
use super::frame::{FrameHead, HEAD, checksum};

/// Lanes of a group.
pub const LANES: u32 = 8;

/// XOR of the frames of one group, by lane.
#[derive(Clone, Debug, Default)]
pub struct Group {
    lanes: [Lane; LANES as usize],
    first: Option<u32>,
}

#[derive(Clone, Debug, Default)]
struct Lane {
    xor: Vec<u8>,
    numbers: Vec<u32>,
}

fn xor_into(into: &mut Vec<u8>, bytes: &[u8]) {
    if into.len() < bytes.len() {
        into.resize(bytes.len(), 0);
    }
    for (a, b) in into.iter_mut().zip(bytes) {
        *a ^= b;
    }
}

impl Group {
    /// Adds a frame.
    pub fn add(&mut self, number: u32, frame: &[u8]) {
        self.first.get_or_insert(number);
        if let Some(lane) = self.lanes.get_mut((number % LANES) as usize) {
            xor_into(&mut lane.xor, frame);
            lane.numbers.push(number);
        }
    }

    /// Forgets everything: a key follows.
    pub fn clear(&mut self) {
        self.first = None;
        for lane in &mut self.lanes {
            lane.xor.clear();
            lane.numbers.clear();
        }
    }

    /// Payloads of the parity frames, the first of which will be frame `next`: each stands as far behind the last
    /// frame of its lane as there are lanes, so that no damage of that width hits both.
    pub fn payloads(&self, next: u32) -> Vec<Vec<u8>> {
        let lanes = (0..LANES).filter_map(|n| self.lanes.get((next.wrapping_add(n) % LANES) as usize));
        let lanes = lanes.filter(|lane| !lane.numbers.is_empty());
        lanes
            .map(|lane| {
                let mut out = Vec::with_capacity(lane.xor.len() + 16);
                out.u16(u16::try_from(lane.numbers.len()).unwrap_or(u16::MAX));
                out.u32(lane.numbers.iter().fold(0, |xor, number| xor ^ number));
                out.u32(lane.numbers.first().copied().unwrap_or(0));
                out.extend_from_slice(&lane.xor);
                out
            })
            .collect()
    }

    /// The frame that is missing in the lane of a parity frame, where exactly one is.
    pub fn recover(&self, payload: &[u8], into: &mut BTreeMap<u32, Vec<u8>>) -> Option<()> {
        let mut take = Take(payload);
        let (count, numbers, first) = (take.u16()?, take.u32()?, take.u32()?);
        let lane = self.lanes.get((first % LANES) as usize)?;
        if lane.numbers.len() + 1 != usize::from(count) {
            return None;
        }
        let number = lane.numbers.iter().fold(numbers, |xor, number| xor ^ number);
        let mut frame = lane.xor.clone();
        xor_into(&mut frame, take.0);
        let (head, sum) = FrameHead::parse(&frame)?;
        frame.truncate(HEAD + head.length as usize);
        let payload = frame.get(HEAD..)?;
        let good = payload.len() == head.length as usize && checksum(&frame, payload) == sum;
        if good && head.number == number {
            into.insert(number, frame);
        }
        Some(())
    }
}
