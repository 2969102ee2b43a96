//! A line on stderr while a search takes longer than a second, where stderr is a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use poolmon_model::units::human_bytes;
use poolmon_owner::scan::{FileOutcome, SearchEvent};

/// Nothing is shown before.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time between two drawings.
const PAUSE: Duration = Duration::from_millis(100);
const BAR: usize = 24;

/// The state of a search.
pub struct Progress {
    shown: bool,
    terminal: bool,
    next: Instant,
    files: usize,
    done: usize,
    bytes: u64,
    found: usize,
}

impl Progress {
    /// Begins now.
    pub fn new() -> Self {
        let terminal = io::stderr().is_terminal();
        let next = Instant::now() + PATIENCE;
        Self { shown: false, terminal, next, files: 0, done: 0, bytes: 0, found: 0 }
    }

    /// Takes what the search tells.
    pub fn tell(&mut self, event: &SearchEvent) {
        match event {
            // A second pass over the same files starts again.
            SearchEvent::Listed { files } => {
                (self.files, self.done, self.bytes, self.found) = (*files, 0, 0, 0);
            }
            SearchEvent::File(report) => {
                self.done += 1;
                self.bytes += report.bytes;
                self.found += usize::from(matches!(report.outcome, FileOutcome::Found(_)));
            }
        }
        if self.terminal && Instant::now() >= self.next {
            self.next = Instant::now() + PAUSE;
            self.shown = true;
            let _ = write!(io::stderr().lock(), "\r\x1b[K{}", self.line());
        }
    }

    fn line(&self) -> String {
        let full = (self.done * BAR).checked_div(self.files).unwrap_or(0).min(BAR);
        let bar = "#".repeat(full) + &"-".repeat(BAR - full);
        format!(
            "[{bar}] {} of {} files, {}, {} with hits  (Ctrl-C ends it)",
            self.done,
            self.files,
            human_bytes(self.bytes),
            self.found
        )
    }

    /// Takes the line away again.
    pub fn done(&mut self) {
        if self.shown {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills() {
        let mut progress = Progress::new();
        assert!(progress.line().starts_with("[------------------------] 0 of 0 files"));
        progress.tell(&SearchEvent::Listed { files: 4 });
        progress.done = 2;
        progress.bytes = 3 << 20;
        assert_eq!(
            progress.line(),
            "[############------------] 2 of 4 files, 3.00 MiB, 0 with hits  (Ctrl-C ends it)"
        );
    }
}
