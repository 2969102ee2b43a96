//! Opens dumps: a packed one is unpacked with progress.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use poolmon_dump::Dump;
use poolmon_model::units::human_bytes;
use poolmon_read::{ReadOptions, UnpackProgress, open_dump};
pub use poolmon_read::{dump_error as named, dump_pool_used as pool_used};

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
            Some(so_far) => line.get_or_insert_with(Progress::new).tell(|| {
                let part = so_far.read.saturating_mul(100).checked_div(so_far.size).unwrap_or(100);
                let written = human_bytes(so_far.written);
                format!("unpacking {}: {part} %, {written} so far", path.display())
            }),
            None => {
                if let Some(mut line) = line.take() {
                    line.clear();
                }
            }
        }
    })
}

/// A line on the terminal that is written over, at most ten times a second; nothing where there is no terminal.
pub struct Progress {
    shown: bool,
    next: Instant,
}

impl Progress {
    /// What is done within a third of a second needs no line.
    pub fn new() -> Self {
        Self { shown: false, next: Instant::now() + Duration::from_millis(300) }
    }

    /// Shows a text, if it is time.
    pub fn tell(&mut self, text: impl FnOnce() -> String) {
        let now = Instant::now();
        if now >= self.next && io::stderr().is_terminal() {
            self.next = now + Duration::from_millis(100);
            self.shown = true;
            // Clears to the end of the line; consoles that cannot show the two characters, no more.
            let _ = write!(io::stderr(), "\rpoolmon: {}\x1b[K", text());
            let _ = io::stderr().flush();
        }
    }

    /// Takes it away.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
            let _ = io::stderr().flush();
        }
    }
}
