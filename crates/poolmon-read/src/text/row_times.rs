//! Rows of a PoolMon log that carry a time each, with the column line once: the times say where the next list begins.

use poolmon_model::{Sample, Tag};

use super::frame::Frame;
use super::input::{LineStep, Lines};
use super::linux::Stamp;
use super::poolmon::{self, PastedLine};
use super::{delimited, heading, windbg};

/// The times in front of rows.
#[derive(Default)]
pub(super) struct RowTimes {
    /// The text has one column line: times separate its lists.
    separate: bool,
    /// A list with a column line was read.
    titled: bool,
    /// What was in front of the row before, and its time.
    last: Option<(Vec<u8>, Stamp)>,
}

impl RowTimes {
    /// Whether times separate the lists of a text that begins so.
    pub(super) fn survey(start: &[u8], frame: &Frame) -> Self {
        let mut lines = Lines::new(Box::new(std::io::Cursor::new(start.to_vec())));
        let mut titles = 0;
        while let Ok(step @ (LineStep::Line | LineStep::TooLong)) = lines.advance() {
            if step == LineStep::Line {
                let line = frame.clean(lines.line());
                let is_title = heading::columns(&line).is_some()
                    || delimited::columns(&line).is_some()
                    || windbg::columns(&line).is_some();
                titles += u32::from(is_title);
            }
        }
        Self { separate: titles == 1, ..Self::default() }
    }

    /// A column line begins a list: with a second one, column lines separate the lists.
    pub(super) fn titled(&mut self) {
        self.separate &= !std::mem::replace(&mut self.titled, true);
    }

    /// Gets ready for a sample.
    pub(super) fn start(&mut self) {
        self.last = None;
    }

    /// Whether a row, behind this front, begins the next list; `of` reads the front's time.
    pub(super) fn begin_next(
        &mut self,
        (front, line): (&[u8], &[u8]),
        used_column: bool,
        sample: &Sample,
        of: impl FnOnce(&[u8]) -> Option<Stamp>,
    ) -> bool {
        if !self.separate || self.last.as_ref().is_some_and(|(last, _)| last == front) {
            return false;
        }
        let PastedLine::Row(tag, pool, _) = poolmon::pasted(line, used_column) else { return false };
        let Some(stamp) = of(front) else { return false };
        let before = self.last.replace((front.to_vec(), stamp));
        let again = |tag: &Tag| sample.rows.iter().any(|row| row.pool == pool && row.tag == *tag);
        before.is_some_and(|(_, before)| before.is_apart(stamp) || (before.time != stamp.time && again(&tag)))
    }
}
