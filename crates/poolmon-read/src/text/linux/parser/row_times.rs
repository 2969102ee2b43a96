//! Rows that carry a time each: `while sleep 60; do grep dentry /proc/slabinfo | sed "s/^/$(date +%s) /"; done`.
//!
//! Without a header before each list, the times say where the next one begins.

use poolmon_model::Sample;

use super::super::super::input::{LineStep, Lines};
use super::super::section::Section;
use super::super::stamp::Stamp;
use super::LinuxParser;

/// The times in front of rows.
#[derive(Default)]
pub(super) struct RowTimes {
    /// The text has one header, or none: times separate its lists.
    separate: bool,
    /// A header was read.
    titled: bool,
    /// What was in front of the line before, and its time.
    last: (Vec<u8>, Option<Stamp>),
    /// Time of the row before in this sample.
    before: Option<Stamp>,
    /// Rows of this sample have several times.
    pub(super) several: bool,
}

impl RowTimes {
    /// Whether times separate the lists of a text that begins so.
    pub(super) fn survey(&mut self, start: &[u8]) {
        let mut lines = Lines::new(Box::new(std::io::Cursor::new(start.to_vec())));
        let mut headers = 0;
        while let Ok(step @ (LineStep::Line | LineStep::TooLong)) = lines.advance() {
            headers += u32::from(step == LineStep::Line && Section::announced(lines.line()).is_some());
        }
        *self = Self { separate: headers <= 1, ..Self::default() };
    }

    /// Whether this list may end where a row comes again with another time.
    pub(super) fn separates(&self) -> bool {
        self.separate && self.before.is_some()
    }

    /// A header begins a list: with a second one, headers separate the lists.
    pub(super) fn header(&mut self) {
        self.separate &= !std::mem::replace(&mut self.titled, true);
    }

    /// Gets ready for a sample.
    pub(super) fn start(&mut self) {
        (self.before, self.several) = (None, false);
    }
}

impl LinuxParser {
    /// Whether a line of the list has a time of its own, and begins the next list by it.
    pub(super) fn begins_by_time(&mut self, line: &[u8], sample: &mut Sample) -> bool {
        if self.prefix == 0 || self.is_report {
            return false;
        }
        let Some(front) = line.get(..self.prefix) else { return false };
        if self.row_times.last.0 != front {
            let stamp = self.stamp_before(self.prefix, line);
            self.row_times.last = (front.to_vec(), stamp);
        }
        let Some(stamp) = self.row_times.last.1 else { return false };
        if !self.has_content(sample) {
            // The list goes on, in another sample.
            self.time = self.time.or(Some(stamp));
            self.noticed.headless |= self.without_header;
            self.seen |= self.section.map_or(0, Section::bit);
            if self.section.and_then(Section::caches).is_some() && !self.skipping {
                self.listing = self.section;
            }
        } else if let Some(before) = self.row_times.before {
            if self.row_times.separate && before.is_apart(stamp) {
                return true;
            }
            self.row_times.several |= before.time != stamp.time;
        }
        self.row_times.before = Some(stamp);
        false
    }

    /// Whether column names that are repeated have another time than the rows above them.
    pub(super) fn is_later_header(&self, prefix: usize, line: &[u8]) -> bool {
        let stamp = self.stamp_before(prefix, line);
        self.row_times.before.zip(stamp).is_some_and(|(before, stamp)| before.is_apart(stamp))
    }
}
