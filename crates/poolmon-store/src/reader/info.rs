//! What is in a recording.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::{CounterWidth, Sample, SourceKind};

use super::Recording;
use crate::error::{Result, StoreError};
use crate::folder;
use crate::segment::frame::time_of;

/// What `info` says of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordingInfo {
    /// Hosts.
    pub hosts: BTreeSet<String>,
    /// Systems and builds.
    pub systems: BTreeSet<String>,
    /// Boots, in the order in which they came.
    pub boots: Vec<String>,
    /// Kinds of source, by their names in JSON.
    pub kinds: BTreeSet<&'static str>,
    /// Some samples are invented.
    pub simulated: bool,
    /// Width of the counters in the last segment.
    pub width: CounterWidth,
    /// Time between samples that was asked for last.
    pub interval: Duration,
    /// First and last sample.
    pub first: Option<Timestamp>,
    /// Last sample.
    pub last: Option<Timestamp>,
    /// Samples.
    pub samples: u64,
    /// Segments.
    pub segments: usize,
    /// Bytes of the segments.
    pub bytes: u64,
    /// Parquet files next to them.
    pub sealed: usize,
    /// Gaps, notes and module changes.
    pub marks: u64,
    /// Who held objects; `None` if no one counted.
    pub holders: Option<HoldersInfo>,
    /// A recorder writes into the folder now.
    pub recording: bool,
    /// Segments whose recorder was interrupted, the one that is being written aside.
    pub unclosed: u64,
}

/// The last count of who held objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldersInfo {
    /// When it was.
    pub last: Timestamp,
    /// Processes that there were then.
    pub processes: u64,
}

impl Recording {
    /// What is in it, from heads and indexes, and the last count of holders.
    ///
    /// # Errors
    /// A segment cannot be read.
    pub fn info(&self) -> Result<RecordingInfo> {
        let mut info = RecordingInfo::default();
        for file in self.segments() {
            let size = file.size();
            // Nothing was ever in it.
            if size == 0 {
                continue;
            }
            info.segments += 1;
            let (mut segment, index) = self.indexed(file)?;
            let is_closed = segment.stored_index().map_err(StoreError::io("read", &file.path))?.is_some();
            info.unclosed += u64::from(!is_closed);
            info.bytes += size;
            info.samples += u64::from(index.samples);
            info.marks += index.marks.len() as u64;
            info.sealed += usize::from(file.sealed().exists());
            if let Some((first, last)) = index.span {
                info.first = info.first.into_iter().chain(time_of(first)).min();
                info.last = info.last.into_iter().chain(time_of(last)).max();
            }
            // Samples know where they are from, too.
            if segment.head().is_err() {
                let _ = segment.next_entry().map_err(StoreError::io("read", &file.path))?;
            }
            let head = segment.head().ok();
            let Some(origin) = head.map(|head| &head.origin).or_else(|| segment.origin()) else { continue };
            info.hosts.extend(origin.host.clone());
            info.systems.extend(origin.system.clone());
            info.kinds.insert(origin.kind.id());
            info.simulated |= origin.kind == SourceKind::Simulated;
            if let Some(head) = head {
                (info.width, info.interval) = (head.width, head.interval);
            } else {
                let mut sample = Sample::empty();
                segment.sample_into(&mut sample);
                info.width = sample.width;
            }
            if let Some(boot) = &origin.boot
                && info.boots.last() != Some(boot)
            {
                info.boots.push(boot.clone());
            }
        }
        if let Some(last) = info.last {
            let counted = self.holders_at(last)?;
            info.holders = counted.map(|(last, digest)| HoldersInfo { last, processes: digest.processes });
        }
        info.recording = !self.single && folder::lock_is_held(self.folder());
        if info.recording {
            info.unclosed = info.unclosed.saturating_sub(1);
        }
        Ok(info)
    }
}
