//! Lines that could not be read, counted.

use std::path::Path;

/// Lines of a file that could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// How many.
    pub lines: usize,
    /// The first one's number, from 1; 0 if there is none.
    pub first: usize,
}

impl Unread {
    /// Counts a line.
    pub const fn line(&mut self, number: usize) {
        if self.lines == 0 {
            self.first = number;
        }
        self.lines += 1;
    }

    /// Says how many lines were skipped, if there are any.
    pub fn remark(self, path: &Path, remarks: &mut Vec<String>) {
        let path = path.display();
        match self.lines {
            0 => {}
            1 => remarks.push(format!("{path}: line {} is not understood and was left out", self.first)),
            n => remarks.push(format!(
                "{path}: {n} lines are not understood and were left out, the first is line {}",
                self.first
            )),
        }
    }
}
