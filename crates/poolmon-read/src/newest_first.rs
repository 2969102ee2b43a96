//! A file whose newest sample comes first: read as if it were the other way round.

use std::collections::VecDeque;

use jiff::Timestamp;
use poolmon_model::Sample;
use poolmon_store::Losses;

use crate::clock::GOES_BACK;
use crate::counted::Counted;
use crate::{Remark, RemarkKind, Result, Samples};

/// Samples from which on an order is seen: of two, the clock may have been set back between them.
const ENOUGH: usize = 3;
/// Rows that are held at most while the order is not known: about 150 MB.
const MOST_ROWS: usize = 1_000_000;

/// Reads another reader, and turns its samples round if every step of its clock goes back; without times, if its counts fall at
/// every step.
pub(crate) struct AnyOrder {
    reader: Box<dyn Samples>,
    /// Samples that were read to see the order, the next one first.
    held: VecDeque<(Sample, Vec<Remark>)>,
    /// What ended the reading of them.
    end: Option<Result<bool>>,
    begun: bool,
    /// Remarks on the last sample, if it was held.
    remarks: Option<Vec<Remark>>,
}

impl AnyOrder {
    pub(crate) fn new(reader: Box<dyn Samples>) -> Self {
        Self { reader, held: VecDeque::new(), end: None, begun: false, remarks: None }
    }

    /// Reads as long as each sample is older than the one before: as a rule, two samples.
    fn look(&mut self) {
        let mut rows = 0;
        let mut read: Vec<(Option<Timestamp>, Counted)> = Vec::new();
        while rows <= MOST_ROWS {
            let mut sample = Sample::empty();
            match self.reader.next_into(&mut sample) {
                Ok(true) => {}
                end => {
                    self.end = Some(end);
                    break;
                }
            }
            rows += sample.rows.len();
            let now = (sample.time.and_then(|_| self.reader.reported_time()), Counted::of(&sample));
            let is_clear = now.0.is_some() == sample.time.is_some();
            let goes_back = is_clear && read.last().is_none_or(|before| is_older(&now, before));
            self.held.push_back((sample, self.reader.remarks().to_vec()));
            if !goes_back {
                return;
            }
            read.push(now);
        }
        if read.len() < ENOUGH || !matches!(self.end, Some(Ok(false))) {
            return;
        }
        self.held.make_contiguous().reverse();
        read.reverse();
        for ((sample, remarks), (time, _)) in self.held.iter_mut().zip(read) {
            sample.time = time;
            sample.remarks.retain(|text| !text.starts_with(GOES_BACK));
            remarks.retain(|remark| !remark.text.starts_with(GOES_BACK));
        }
        if let Some((sample, remarks)) = self.held.front_mut() {
            let said = Remark::new(
                RemarkKind::Time,
                "the newest sample comes first: the file is read from its end to its beginning",
            );
            sample.remarks.push(said.text.clone());
            remarks.push(said);
        }
    }
}

/// Whether a sample is older than the one before it in the file, by its time, or by its counts if both have none.
fn is_older(now: &(Option<Timestamp>, Counted), before: &(Option<Timestamp>, Counted)) -> bool {
    match (now.0, before.0) {
        (Some(now), Some(before)) => now < before,
        (None, None) => before.1.goes_on(&now.1) == Some(false) && now.1.goes_on(&before.1) == Some(true),
        _ => false,
    }
}

impl Samples for AnyOrder {
    fn next_into(&mut self, sample: &mut Sample) -> Result<bool> {
        if !std::mem::replace(&mut self.begun, true) {
            self.look();
        }
        if let Some((held, remarks)) = self.held.pop_front() {
            *sample = held;
            self.remarks = Some(remarks);
            return Ok(true);
        }
        self.remarks = None;
        match self.end.take() {
            Some(end) => end,
            None => self.reader.next_into(sample),
        }
    }

    fn remarks(&self) -> &[Remark] {
        self.remarks.as_deref().unwrap_or_else(|| self.reader.remarks())
    }

    fn is_complete(&self) -> bool {
        self.reader.is_complete()
    }

    fn losses(&self) -> Losses {
        self.reader.losses()
    }
}
