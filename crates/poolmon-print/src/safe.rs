//! Text on its way to a terminal.

use std::io::{self, Write};

use poolmon_model::hidden::safe_lines;

use crate::paint::{Ink, Paint};

/// Writes text in which nothing steers a terminal: control characters but line ends and tabs, and marks of direction, are replaced.
/// Each write has to be of whole characters, as those of `write!` are.
#[derive(Debug)]
pub struct SafeText<W> {
    out: W,
    active: bool,
    colours: bool,
}

impl<W: Write> SafeText<W> {
    /// Around a writer; not `active`, everything passes as it is.
    pub const fn new(out: W, active: bool) -> Self {
        Self { out, active, colours: false }
    }

    /// What has a meaning ([`Ink::paint`]) is in colour.
    #[must_use]
    pub fn in_colour(self, colours: bool) -> Self {
        Self { colours, ..self }
    }
}

impl<W: Write> Ink for SafeText<W> {
    fn paint(&mut self, paint: Option<Paint>) -> io::Result<()> {
        if self.colours {
            self.out.write_all(paint.map_or(Paint::END, Paint::sequence).as_bytes())?;
        }
        Ok(())
    }
}

impl<W: Write> Write for SafeText<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) if self.active => self.out.write_all(safe_lines(text).as_bytes())?,
            _ if !self.active => self.out.write_all(bytes)?,
            _ => self.out.write_all(safe_lines(&String::from_utf8_lossy(bytes)).as_bytes())?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paint::Line;

    #[test]
    fn names_of_strangers_reach_no_terminal() {
        let written = |active| {
            let mut out = Vec::new();
            let mut safe = SafeText::new(&mut out, active);
            let (title, name) = ("\u{1b}]0;pwn\u{7}", "\u{202e}evil");
            writeln!(safe, "{title}\t{name}").unwrap();
            safe.flush().unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(true), "\u{fffd}]0;pwn\u{fffd}\t\u{fffd}evil\n");
        assert_eq!(written(false), "\u{1b}]0;pwn\u{7}\t\u{202e}evil\n");
    }

    /// The only sequences that pass are those of the meanings, wherever strangers put theirs.
    #[test]
    fn colours_have_a_way_of_their_own() {
        for colours in [true, false] {
            let mut out = Vec::new();
            let mut safe = SafeText::new(&mut out, true).in_colour(colours);
            let mut line = Line::default();
            for paint in Paint::ALL {
                line.push("\u{1b}[31m\u{9b}1m", Some(paint));
                line.push(Paint::END, None);
            }
            line.end(&mut safe).unwrap();
            let mut text = String::from_utf8(out).unwrap();
            assert_eq!(text.matches('\u{1b}').count(), if colours { 2 * Paint::ALL.len() } else { 0 });
            for known in Paint::ALL.map(Paint::sequence).into_iter().chain([Paint::END]) {
                text = text.replace(known, "");
            }
            assert_eq!(text, "\u{fffd}[31m\u{fffd}1m\u{fffd}[0m".repeat(Paint::ALL.len()) + "\n");
        }
    }
}
