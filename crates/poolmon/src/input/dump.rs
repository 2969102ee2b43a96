//! Opens dumps: a packed one is unpacked with progress.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use poolmon_dump::Dump;
use poolmon_model::units::human_bytes;
use poolmon_read::{ReadOptions, UnpackProgress, open_dump};
pub use poolmon_read::{dump_error as named, dump_pool_used as pool_used};

use crate::app::say::Progress;

/// Opens a dump; a packed one goes into `folder`, the system's temporary one where `None`.
pub fn open(path: &Path, folder: Option<&Path>) -> anyhow::Result<Dump> {
    Ok(open_dump(path, folder, &ReadOptions { progress: Some(progress()), ..ReadOptions::default() })?)
}

/// Shows on the terminal how far the unpacking of a dump is.
pub fn progress() -> UnpackProgress {
    let line = Mutex::new(None::<Progress>);
    Arc::new(move |path, how_far| {
        let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
        match how_far {
            Some(so_far) => line.get_or_insert_with(Progress::new).show(|| {
                let part = so_far.read.saturating_mul(100).checked_div(so_far.size).unwrap_or(100);
                let written = human_bytes(so_far.written);
                format!("unpacking {}: {part} %, {written} so far", path.display())
            }),
            None => *line = None,
        }
    })
}
