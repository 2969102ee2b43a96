//! A file whose newest sample comes first: read as if it were the other way round.

use std::collections::VecDeque;

use poolmon_model::Sample;
use poolmon_store::Losses;

use crate::clock::GOES_BACK;
use crate::{Remark, RemarkKind, Result, Samples};

/// Samples from which on an order is seen: of two, the clock may have been set back between them.
const ENOUGH: usize = 3;
/// Rows that are held at most while the order is not known: about 150 MB.
const MOST_ROWS: usize = 1_000_000;

/// Reads another reader, and turns its samples round if every step of its clock goes back.
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

    /// Reads as long as the clock goes back: as a rule, two samples.
    fn look(&mut self) {
        let (mut rows, mut times) = (0, Vec::new());
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
            let time = sample.time.and_then(|_| self.reader.reported_time());
            let goes_back = times.last().is_none_or(|before| time.is_some_and(|time| time < *before));
            self.held.push_back((sample, self.reader.remarks().to_vec()));
            let Some(time) = time.filter(|_| goes_back) else { return };
            times.push(time);
        }
        if times.len() < ENOUGH || !matches!(self.end, Some(Ok(false))) {
            return;
        }
        self.held.make_contiguous().reverse();
        times.reverse();
        for ((sample, remarks), time) in self.held.iter_mut().zip(times) {
            sample.time = Some(time);
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
