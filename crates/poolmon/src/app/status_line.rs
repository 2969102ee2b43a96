//! What a person sees of a recorder: its state in one line that is written in place, everything else a line each.

use jiff::Zoned;
use poolmon_record::RecordEvent;

use crate::app::say::{Progress, note};

/// Prints events on standard error.
pub struct StatusLine(Progress);

impl StatusLine {
    /// Before the first event.
    pub fn new() -> Self {
        Self(Progress::new())
    }

    /// Prints an event.
    pub fn tell(&mut self, event: &RecordEvent<'_>) {
        if matches!(event, RecordEvent::Now(_)) {
            self.0.show_now(&format!("{} {event}", Zoned::now().strftime("%H:%M:%S")));
        } else {
            for line in event.to_string().lines() {
                note!("{line}");
            }
        }
    }
}
