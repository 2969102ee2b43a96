//! What every format gives: samples, oldest first.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_holder::Digest;
use poolmon_model::{CacheMaker, Sample, Summary};
use poolmon_store::{Losses, TimedMark};

use crate::{Remark, Result};

/// Samples of one file or recording, oldest first; one of them is in memory at a time.
///
/// A format has to implement [`Samples::next_into`] alone. The other methods are abilities that some formats have;
/// their defaults are right for a file that is read from front to back.
pub trait Samples: Send {
    /// Fills `sample` with the next one and reuses its memory; `false` at the end.
    ///
    /// `sample` has to be as the last call left it.
    ///
    /// # Errors
    /// The file cannot be read, or its content is not what it should be. There is nothing more after an error.
    fn next_into(&mut self, sample: &mut Sample) -> Result<bool>;

    /// Indices of the rows that changed with the last sample, ascending, if that is known and nothing else changed.
    fn changed(&self) -> Option<&[u32]> {
        None
    }

    /// Goes back before the first sample; `false` if the file has to be opened again for that.
    fn rewind(&mut self) -> bool {
        false
    }

    /// The time of the last sample as the file has it, where its clock is corrected so that it goes on.
    fn reported_time(&self) -> Option<Timestamp> {
        None
    }

    /// Remarks on the last sample; their texts are in [`Sample::remarks`], too.
    fn remarks(&self) -> &[Remark] {
        &[]
    }

    /// Whether all figures could be read until now; a dump may lack some.
    fn is_complete(&self) -> bool {
        true
    }

    /// What damage has cost until now.
    fn losses(&self) -> Losses {
        Losses::default()
    }

    /// Notes, gaps and module changes, oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    fn marks(&mut self) -> Result<Vec<TimedMark>> {
        Ok(Vec::new())
    }

    /// Names of slab caches that share one cache, in groups; of recordings alone.
    ///
    /// # Errors
    /// The file cannot be read.
    fn merged(&mut self) -> Result<Vec<Vec<String>>> {
        Ok(Vec::new())
    }

    /// Which modules made which slab caches; of recordings alone.
    ///
    /// # Errors
    /// The file cannot be read.
    fn makers(&mut self) -> Result<Vec<CacheMaker>> {
        Ok(Vec::new())
    }

    /// Passes who held objects between two moments to `each`, oldest first; of recordings alone. Gives how many counts there were.
    ///
    /// # Errors
    /// The file cannot be read.
    fn holders(
        &mut self,
        _from: Option<Timestamp>,
        _to: Option<Timestamp>,
        _each: &mut dyn FnMut(Timestamp, &Digest),
    ) -> Result<u64> {
        Ok(0)
    }

    /// Times of the first and the last sample, if they are known without reading everything.
    ///
    /// # Errors
    /// The file cannot be read.
    fn span(&mut self) -> Result<Option<(Timestamp, Timestamp)>> {
        Ok(None)
    }

    /// Holds the last sample at or before `time` (the first one if every sample is later) and the one before it, or
    /// before `earlier` the last one at or before that. `None` if this needs reading from the front.
    ///
    /// # Errors
    /// The file cannot be read, or there is no sample in it.
    fn at(&mut self, _time: Timestamp, _earlier: Earlier) -> Result<Option<SamplePair>> {
        Ok(None)
    }

    /// Skips what is earlier than `time`, if that costs nothing. Samples before it may still come.
    ///
    /// # Errors
    /// The file cannot be read.
    fn skip_before(&mut self, _time: Timestamp) -> Result<()> {
        Ok(())
    }

    /// Like [`Samples::next_into`], but skips to a sample at or after `time`: one before `until` that can be read
    /// cheaply, if there is one.
    ///
    /// # Errors
    /// As [`Samples::next_into`].
    fn next_after(&mut self, time: Timestamp, _until: Timestamp, sample: &mut Sample) -> Result<bool> {
        while self.next_into(sample)? {
            if sample.time.is_none_or(|now| now >= time) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Number of stretches between two moments of which the file holds a summary.
    ///
    /// # Errors
    /// The file cannot be read.
    fn summaries(&mut self, _from: Option<Timestamp>, _to: Option<Timestamp>) -> Result<usize> {
        Ok(0)
    }

    /// Like [`Samples::next_into`]; if the file holds a summary of a stretch that begins here and ends by `until`, its
    /// last sample is next, and `summary` describes the stretch.
    ///
    /// # Errors
    /// As [`Samples::next_into`].
    fn next_stretch(
        &mut self,
        _until: Option<Timestamp>,
        sample: &mut Sample,
        summary: &mut Option<Box<Summary>>,
    ) -> Result<bool> {
        *summary = None;
        self.next_into(sample)
    }
}

/// Which earlier sample another one is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// The one before it.
    Previous,
    /// The last one that is at least this much older.
    By(std::time::Duration),
}

/// A sample and the earlier one that it is compared with.
#[derive(Clone, Debug)]
pub struct SamplePair {
    /// The earlier one, if there is one.
    pub before: Option<Sample>,
    /// The sample.
    pub now: Sample,
    /// Time of the very first sample, if there is none as early as was asked for.
    pub too_early: Option<Timestamp>,
    /// The time that was asked for, if it is before the first sample or after the last one.
    pub outside: Option<Timestamp>,
}

impl SamplePair {
    /// What has to be said if no sample is of the time that was asked for.
    pub fn outside(&self, zone: &TimeZone) -> Option<String> {
        let (asked, shown) = (self.outside?, self.now.time?);
        Some(crate::moment::none_of(asked, shown, zone))
    }
}
