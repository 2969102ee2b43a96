//! Who held objects.

use jiff::Timestamp;
use poolmon_holder::Digest;

use super::{Recording, start_of, within};
use crate::error::{Result, StoreError};
use crate::segment::frame::wall_of;

/// Of recordings with up to this many samples every count is read; of longer ones one for each key, which are some minutes apart.
const SHORT: u64 = 20_000;

impl Recording {
    /// Passes who held objects in `from..=to` (`None` = without end) to `each`, oldest first: every count, or one every few minutes
    /// where there are days of them. Gives how many there were.
    ///
    /// # Errors
    /// A segment cannot be read.
    pub fn holders(
        &self,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        mut each: impl FnMut(Timestamp, &Digest),
    ) -> Result<u64> {
        let mut segments = Vec::new();
        for (at, file) in self.files.iter().enumerate() {
            // A segment ends where the next one begins.
            let next = self.files.get(at + 1).and_then(|file| start_of(&self.clock, file));
            let is_before = from.zip(next).is_some_and(|(from, next)| next < from);
            let is_behind = to.zip(start_of(&self.clock, file)).is_some_and(|(to, start)| start > to);
            if !is_before && !is_behind {
                segments.push(file);
            }
        }
        let mut opened = Vec::new();
        let mut samples = 0;
        for file in segments {
            let (cursor, index) = self.indexed(file)?;
            samples += u64::from(index.samples);
            opened.push((file, cursor, index));
        }
        let (mut digest, mut count) = (Digest::default(), 0);
        let mut tell = |time: Option<Timestamp>, digest: &Digest| {
            if let Some(time) = time.filter(|&time| within(wall_of(Some(time)), from, to)) {
                each(time, digest);
                count += 1;
            }
        };
        for (file, mut cursor, index) in opened {
            let reading = || StoreError::io("read", &file.path);
            if samples <= SHORT {
                cursor.rewind();
                while let Some(time) = cursor.next_holders(u64::MAX, &mut digest).map_err(reading())? {
                    tell(time, &digest);
                }
                continue;
            }
            for (at, key) in index.keys.iter().enumerate() {
                cursor.place_behind(key);
                let end = index.keys.get(at + 1).map_or(u64::MAX, |next| next.offset);
                if let Some(time) = cursor.next_holders(end, &mut digest).map_err(reading())? {
                    tell(time, &digest);
                }
            }
        }
        Ok(count)
    }

    /// Who held objects at a moment, by the last count at or before it, else the first one after it; with its time. `None` if nobody
    /// was counted.
    ///
    /// # Errors
    /// A segment cannot be read.
    pub fn holders_at(&self, time: Timestamp) -> Result<Option<(Timestamp, Digest)>> {
        let begun = self
            .files
            .iter()
            .rposition(|file| start_of(&self.clock, file).is_some_and(|start| start <= time));
        for at in (0..=begun.unwrap_or(0)).rev() {
            let Some(file) = self.files.get(at) else { break };
            let (mut cursor, index) = self.indexed(file)?;
            let mut found: Option<(Timestamp, Digest)> = None;
            let mut digest = Digest::default();
            // The list behind the last key before may follow on one that was damaged: then the key before that one.
            let wall = wall_of(Some(time));
            let mut keys =
                index.keys.iter().rev().skip_while(|key| key.sample > 0 && key.wall > wall).take(3);
            while let (None, Some(key)) = (&found, keys.next()) {
                cursor.place_behind(key);
                while let Some(counted) =
                    cursor.next_holders(u64::MAX, &mut digest).map_err(StoreError::io("read", &file.path))?
                {
                    let Some(counted) = counted else { continue };
                    if found.is_some() && counted > time {
                        break;
                    }
                    found = Some((counted, digest.clone()));
                    if counted > time {
                        break;
                    }
                }
            }
            // Where the first one of a segment is later, the one before it has an earlier one.
            let is_early = found.as_ref().is_some_and(|(counted, _)| *counted <= time);
            if is_early || at == 0 {
                return Ok(found);
            }
        }
        Ok(None)
    }
}
