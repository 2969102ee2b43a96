//! The payload of a summary's frame, and the gathering of what is in it.

use poolmon_model::{Gather, Sample};

use super::bytes::{Put, Take};
use crate::codec;

/// A stretch is at least this long: a day then has as many as are wanted to judge it.
const LEAST: std::time::Duration = std::time::Duration::from_mins(8);

/// The sample before a stretch: number of the segment in the recording, number of the sample in the segment.
pub type Place = (u64, u32);

/// Which sample the stretch comes after, and the summary in bits.
pub fn parse(payload: &[u8]) -> Option<(Place, &[u8])> {
    let mut take = Take(payload);
    Some(((take.u64()?, take.u32()?), take.0))
}

/// Gathers samples as they are written. It goes on from segment to segment.
#[derive(Debug, Default)]
pub struct Stretch {
    gather: Gather,
    after: Place,
}

impl Stretch {
    /// A sample was written at this place; `changed` = the places of the rows that did, where nothing but figures changed.
    pub fn push(&mut self, sample: &Sample, changed: Option<&[u32]>, at: Place) {
        if !self.gather.push_changed(sample, changed) {
            self.after = at;
        }
    }

    /// The payload, where the stretch is long enough to end with this sample, which came last and is a key.
    pub fn end(&mut self, sample: &Sample, at: Place) -> Option<(Place, Vec<u8>)> {
        if self.gather.samples() < 2 || self.gather.span() < LEAST {
            return None;
        }
        let summary = self.gather.finish()?;
        let after = std::mem::replace(&mut self.after, at);
        let mut payload = Vec::new();
        payload.u64(after.0);
        payload.u32(after.1);
        payload.extend_from_slice(&codec::summary::write(&summary, sample));
        Some((after, payload))
    }
}
