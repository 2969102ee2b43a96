//! A line of progress while drivers are searched.

use poolmon_model::units::human_bytes;
use poolmon_owner::scan::{FileOutcome, SearchEvent};

use super::say;

const BAR: usize = 16;

/// The state of a search.
pub struct Progress {
    line: say::Progress,
    files: usize,
    done: usize,
    bytes: u64,
    found: usize,
}

impl Progress {
    /// Before the search.
    pub fn new() -> Self {
        Self { line: say::Progress::new(), files: 0, done: 0, bytes: 0, found: 0 }
    }

    /// Takes what the search reports.
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
        let text = self.text();
        self.line.show(|| text);
    }

    fn text(&self) -> String {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills() {
        let mut progress = Progress::new();
        assert!(progress.text().starts_with("[----------------] 0 of 0 files"));
        progress.tell(&SearchEvent::Listed { files: 4 });
        progress.done = 2;
        progress.bytes = 3 << 20;
        assert_eq!(
            progress.text(),
            "[########--------] 2 of 4 files, 3.00 MiB, 0 with hits  (Ctrl-C ends it)"
        );
    }
}
