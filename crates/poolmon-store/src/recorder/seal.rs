//! Closed segments become Parquet files, in the background.
//!
//! There is no portable way to lower one thread's priority without unsafe code; instead the thread rests three
//! times as long as it works, so that it takes a quarter of one core at most.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::WholeFile;
use crate::dir::Dir;
use crate::error::{Result, StoreError};
use crate::export::{ExportOptions, parquet};
use crate::reader::Recording;

/// Works through segments one after the other.
#[derive(Debug)]
pub struct Sealer {
    queue: Option<Sender<PathBuf>>,
    thread: Option<JoinHandle<()>>,
    error: Arc<Mutex<Option<StoreError>>>,
}

impl Sealer {
    /// Starts the thread.
    pub fn start(dir: Arc<Dir>, mode: u32) -> Self {
        let (queue, jobs) = channel::<PathBuf>();
        let error = Arc::new(Mutex::new(None));
        let reported = Arc::clone(&error);
        let thread = std::thread::Builder::new().name("seal".into()).spawn(move || {
            for segment in jobs {
                if let Err(error) = seal(&dir, &segment, mode)
                    && let Ok(mut reported) = reported.lock()
                {
                    *reported = Some(error);
                }
            }
        });
        Self { queue: Some(queue), thread: thread.ok(), error }
    }

    /// Queues a closed segment.
    pub fn seal(&self, segment: PathBuf) {
        if let Some(queue) = &self.queue {
            // The thread only ends when this end is dropped.
            let _ = queue.send(segment);
        }
    }

    /// The last error, once.
    pub fn error(&self) -> Option<StoreError> {
        self.error.lock().ok()?.take()
    }

    /// Waits for everything queued.
    pub fn finish(mut self) -> Result<()> {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.error().map_or(Ok(()), Err)
    }
}

/// Writes the Parquet file next to a segment, unless retention took the segment meanwhile.
fn seal(dir: &Arc<Dir>, segment: &Path, mode: u32) -> Result<()> {
    let Ok(recording) = Recording::open(segment) else { return Ok(()) };
    let mut worked = Instant::now();
    let mut pace = || {
        let took = worked.elapsed();
        if took > Duration::from_millis(5) {
            std::thread::sleep(took * 3);
            worked = Instant::now();
        }
    };
    let path = segment.with_extension("parquet");
    let is_there = || segment.file_name().is_some_and(|name| dir.is_there(name));
    let name = path.file_name().unwrap_or_default();
    let file = WholeFile::within(Arc::clone(dir), name, mode).map_err(StoreError::io("make", &path))?;
    match parquet::write_into(&recording, &ExportOptions::default(), file, &path, &mut pace) {
        Err(_) if !is_there() => Ok(()),
        Err(error) => Err(error),
        Ok(_) => {
            if !is_there() {
                let _ = dir.remove(name);
            }
            Ok(())
        }
    }
}
