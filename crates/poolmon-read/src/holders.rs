//! Who held objects, of recordings.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use poolmon_holder::{Counted, Digest, Floors, History, Holding};
use poolmon_model::{Row, Tag};

use crate::moment::{When, none_of};
use crate::{Earlier, Holds, ReadError, Result, SampleSeries};

impl SampleSeries {
    /// Who held objects over the time of the series, as seconds since `first`; empty if nobody was counted.
    ///
    /// # Errors
    /// A recording cannot be read.
    pub fn holder_history(&mut self, first: Timestamp, last: Timestamp) -> Result<History> {
        let mut history = History::default();
        let mut take = |time: Timestamp, digest: &Digest| {
            history.push_digest(time.duration_since(first).as_secs_f64(), digest);
        };
        for part in self.parts.iter_mut().filter(|part| part.format.holds == Holds::Recording) {
            part.opened(&self.options)?.holders(Some(first), Some(last), &mut take)?;
        }
        Ok(history)
    }

    /// Who held objects at a moment (else at the end), and what changed in the `length` before it (else since the start); with the
    /// time of that count, and what has to be said if it is not of the moment that was asked for.
    ///
    /// # Errors
    /// It is no recording, nobody was counted in it, or it cannot be read.
    pub fn counted(
        &mut self,
        when: Option<When>,
        length: Option<Duration>,
    ) -> Result<(Timestamp, Counted, Option<String>)> {
        let name = self.name.clone();
        let none = |what: &str| {
            let remedy = "record them with `poolmon record` (without --no-holders), or count those of now: poolmon holders";
            ReadError::unsuitable(&name, what, remedy)
        };
        let recording = self.recording()?.ok_or_else(|| none("holders are in recordings only"))?;
        let info = recording.info()?;
        let (Some(first), Some(last)) = (info.first, info.last) else {
            return Err(recording.no_sample().into());
        };
        let zone = TimeZone::system();
        let time = when.map_or(last, |when| when.until(first, last, &zone));
        let outside = when.and_then(|when| when.outside(first, last, &zone));
        let mut outside = outside.map(|time| none_of(time, time.clamp(first, last), &zone));
        let Some((at, now)) = recording.holders_at(time)? else {
            return Err(none("it has no holders"));
        };
        let ago =
            |length| at.checked_sub(SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX)).ok();
        let start = length.map_or(Some(first), ago).unwrap_or(first);
        let before = recording.holders_at(start)?.filter(|(then, _)| *then < at);
        let mut floors = Floors::default();
        if let Some((then, _)) = &before {
            let middle = *then + at.duration_since(*then) / 2;
            let mut is_later = false;
            recording.holders(Some(*then), Some(at), &mut |time: Timestamp, digest: &Digest| {
                if time > middle && !std::mem::replace(&mut is_later, true) {
                    floors.begin(2);
                }
                floors.add(&digest.census());
            })?;
        }
        let before = before.map(|(then, digest)| (digest.census(), at.duration_since(then).as_secs_f64()));
        if length.is_some() && start < first {
            // What changed since is known of a shorter time, or of none.
            outside = outside.or_else(|| Some(none_of(start, first, &zone)));
        }
        Ok((at, Counted { now: now.census(), before, floors }, outside))
    }

    /// Who held the objects of a row at the end, at most `most`; `names`: all names of its cache, its own first.
    ///
    /// # Errors
    /// As of [`counted`](Self::counted).
    pub fn holding(&mut self, names: &[Tag], most: usize) -> Result<Holding> {
        let last = self.at(None, Earlier::Previous)?.now;
        let end = last.time.unwrap_or(Timestamp::MAX);
        let at_end = self.recording()?.map(|recording| recording.holders_at(end)).transpose()?;
        let census = at_end.flatten().map(|(_, digest)| digest.census()).unwrap_or_default();
        let of_row = |row: &&Row| names.contains(&row.tag);
        let objects = last.rows.iter().filter(of_row).filter_map(|row| row.counters.diff(last.width)).max();
        Ok(Holding::new(names, &census, objects.and_then(|count| u64::try_from(count).ok()), most))
    }
}
