//! What a person sees of a recorder: one line that is written again in its place.

use std::io::{self, IsTerminal as _, Write};

use jiff::Zoned;

use super::events::Event;

/// Widest status line: the smallest usual terminal, without its last column.
const WIDTH: usize = 79;

/// Tells events on standard error: the status in one line in place on a terminal, everything else a line each.
pub struct StatusLine<W: Write> {
    out: W,
    in_place: bool,
    /// Characters of the status that stands there now.
    shown: usize,
}

impl StatusLine<io::Stderr> {
    /// On standard error.
    pub fn stderr() -> Self {
        let out = io::stderr();
        let in_place = out.is_terminal();
        Self { out, in_place, shown: 0 }
    }
}

impl<W: Write> StatusLine<W> {
    /// Tells an event. A terminal that is gone is no reason to stop recording.
    pub fn tell(&mut self, event: &Event<'_>) {
        let _ = self.write(event, &Zoned::now());
    }

    fn write(&mut self, event: &Event<'_>, now: &Zoned) -> io::Result<()> {
        if !matches!(event, Event::Now(_)) {
            self.clear()?;
            for line in event.to_string().lines() {
                writeln!(self.out, "poolmon: {line}")?;
            }
        } else if self.in_place {
            let line: String = format!("{} {event}", now.strftime("%H:%M:%S")).chars().take(WIDTH).collect();
            let long = line.chars().count();
            // Blanks, not an escape sequence: consoles before Windows 10 know none.
            write!(self.out, "\r{line}{:1$}\r", "", self.shown.saturating_sub(long))?;
            write!(self.out, "{line}")?;
            self.shown = long;
        }
        self.out.flush()
    }

    fn clear(&mut self) -> io::Result<()> {
        if self.shown > 0 {
            write!(self.out, "\r{:1$}\r", "", self.shown)?;
            self.shown = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolmon_store::Status;

    fn told(in_place: bool) -> String {
        let mut line = StatusLine { out: Vec::new(), in_place, shown: 0 };
        let now = jiff::civil::date(2026, 11, 23).at(14, 5, 9, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap();
        let long = Status { samples: 9_999, total_bytes: 100, ..Status::default() };
        let short = Status { samples: 1, ..long };
        for event in [Event::Now(&long), Event::Now(&short), Event::Works] {
            line.write(&event, &now).unwrap();
        }
        String::from_utf8(line.out).unwrap()
    }

    #[test]
    fn in_place_and_line_by_line() {
        assert_eq!(told(false), "poolmon: samples come again\n");
        let (long, short) = ("14:05:09 9,999 samples, 100 B", "14:05:09 1 sample, 100 B");
        let blanks = |n| " ".repeat(n);
        assert_eq!(
            told(true),
            format!(
                "\r{long}\r{long}\r{short}{}\r{short}\r{}\rpoolmon: samples come again\n",
                blanks(long.len() - short.len()),
                blanks(short.len())
            )
        );
    }
}
