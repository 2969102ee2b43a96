//! Which segments go: the oldest closed ones first, never the open one.

use std::fs;
use std::path::Path;

use jiff::Timestamp;

use super::{Disk, RecorderConfig};
use crate::folder;
use crate::reader::segment_span;

/// What retention did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Done {
    pub deleted: u64,
    /// Bytes of closed segments that are left; `None` if the folder could not be listed.
    pub closed_bytes: Option<u64>,
}

/// Deletes what is too old or too much. What cannot be deleted stays for the next time.
pub(super) fn retain(
    folder: &Path,
    config: &RecorderConfig,
    current: Option<&Path>,
    written: u64,
    now: Option<Timestamp>,
    disk: &dyn Disk,
) -> Done {
    let Ok(files) = folder::segments(folder) else { return Done::default() };
    let closed = files.into_iter().filter(|file| Some(file.path.as_path()) != current);
    let closed: Vec<_> = closed.map(|file| (file.size(), file)).collect();
    let sealed = |path: &Path| fs::metadata(path).map_or(0, |data| data.len());
    let mut left: u64 = closed.iter().map(|file| file.0).sum();
    let mut all: u64 = written + left + closed.iter().map(|file| sealed(&file.1.sealed())).sum::<u64>();
    let mut done = Done::default();
    for (size, file) in &closed {
        let too_much = config.max_size.is_some_and(|most| all > most);
        let too_old = || {
            let (Some(keep), Some(now)) = (config.keep, now) else { return false };
            let last = segment_span(&file.path).map(|(_, last)| last);
            last.is_some_and(|last| now.duration_since(last).unsigned_abs() > keep && last < now)
        };
        if !too_much && !too_old() {
            break;
        }
        let parquet = file.sealed();
        let bytes = sealed(&parquet);
        // The Parquet file first: without its segment no one would know that it is ours.
        if parquet.exists() && disk.remove(&parquet).is_err() || disk.remove(&file.path).is_err() {
            break;
        }
        done.deleted += 1;
        left -= size;
        all = all.saturating_sub(size + bytes);
    }
    done.closed_bytes = Some(left);
    done
}
