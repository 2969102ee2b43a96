//! Colours of an answer for a person, by what they mean.
//!
//! What is written is text: a sequence in it reaches no terminal ([`SafeText`](crate::SafeText) replaces it). Colours take a way of
//! their own through that door. A writer says what a piece of text means, as a [`Paint`], and the door alone knows which sequence
//! that is, so that no name in the data can be one.

use std::io::{self, Write};
use std::ops::Range;

use poolmon_model::Magnitude;

/// What a piece of text means. Each is said in words or by a sign as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Titles of columns.
    Title,
    /// A change that matters, and which way.
    Grew,
    /// The same, of a thousandth of the pool or more.
    GrewMuch,
    /// Less than before.
    Shrank,
    /// Much less than before.
    ShrankMuch,
    /// What does not change.
    Faint,
    /// The verdict that something leaks. Nothing else is red.
    Leaking,
    /// The verdict that something may leak.
    Suspected,
}

impl Paint {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Title,
        Self::Grew,
        Self::GrewMuch,
        Self::Shrank,
        Self::ShrankMuch,
        Self::Faint,
        Self::Leaking,
        Self::Suspected,
    ];

    /// The sequence that begins it, of those that terminals of 16 colours know.
    pub const fn sequence(self) -> &'static str {
        match self {
            Self::Title => "\x1b[1m",
            Self::Grew => "\x1b[33m",
            Self::GrewMuch | Self::Suspected => "\x1b[1;33m",
            Self::Shrank => "\x1b[36m",
            Self::ShrankMuch => "\x1b[1;36m",
            Self::Faint => "\x1b[2m",
            Self::Leaking => "\x1b[1;31m",
        }
    }

    /// The sequence that ends each of them.
    pub const END: &'static str = "\x1b[0m";

    /// Of a change by `bytes` of a row that holds `row` bytes now, in a pool of `pool` bytes: as on the screen.
    pub fn of_change(bytes: i64, row: u64, pool: u64) -> Option<Self> {
        match (Magnitude::of(bytes, row, pool), bytes > 0) {
            (Magnitude::None, _) => Some(Self::Faint),
            (Magnitude::Small, _) => None,
            (Magnitude::Some, true) => Some(Self::Grew),
            (Magnitude::Some, false) => Some(Self::Shrank),
            (Magnitude::Large, true) => Some(Self::GrewMuch),
            (Magnitude::Large, false) => Some(Self::ShrankMuch),
        }
    }
}

/// Where an answer is written that may have colours.
pub trait Ink: Write {
    /// What is written next means this, until the next call.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    fn paint(&mut self, paint: Option<Paint>) -> io::Result<()>;
}

/// Without colours.
impl Ink for Vec<u8> {
    fn paint(&mut self, _: Option<Paint>) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that knows no colours.
pub struct Unpainted<'a>(pub &'a mut dyn Write);

impl Write for Unpainted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Ink for Unpainted<'_> {
    fn paint(&mut self, _: Option<Paint>) -> io::Result<()> {
        Ok(())
    }
}

/// A line that is put together piece by piece.
#[derive(Debug, Default)]
pub struct Line {
    text: String,
    painted: Vec<(Range<usize>, Paint)>,
}

impl Line {
    /// Adds a piece.
    pub fn push(&mut self, text: &str, paint: Option<Paint>) {
        let begin = self.text.len();
        self.text.push_str(text);
        if let Some(paint) = paint.filter(|_| !text.is_empty()) {
            self.painted.push((begin..self.text.len(), paint));
        }
    }

    /// Adds blanks.
    pub fn blanks(&mut self, count: usize) {
        self.text.extend(std::iter::repeat_n(' ', count));
    }

    /// Nothing was added.
    pub const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Writes it, without blanks at its end, and begins a new one.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn end(&mut self, out: &mut dyn Ink) -> io::Result<()> {
        let text = self.text.trim_end();
        let mut at = 0;
        for (range, paint) in &self.painted {
            let range = range.start.min(text.len())..range.end.min(text.len());
            out.write_all(text.get(at..range.start).unwrap_or_default().as_bytes())?;
            out.paint(Some(*paint))?;
            out.write_all(text.get(range.clone()).unwrap_or_default().as_bytes())?;
            out.paint(None)?;
            at = range.end;
        }
        writeln!(out, "{}", text.get(at..).unwrap_or_default())?;
        self.text.clear();
        self.painted.clear();
        Ok(())
    }
}
