//! Whether a text has the time of each snapshot below it: `poolmon … >> log` and then `date >> log`.

use super::input::{LineStep, Lines};

/// What a line is, for this question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineKind {
    /// A snapshot begins with it, or it belongs to one.
    Table,
    /// A date or a time.
    Date,
    /// Neither.
    Other,
}

/// Looks at the beginning of a text; `is_all`: there is no more of it. True if dates follow the snapshots that they belong to.
pub(super) fn survey(start: &[u8], is_all: bool, mut kind: impl FnMut(&[u8]) -> LineKind) -> bool {
    let mut lines = Lines::new(Box::new(std::io::Cursor::new(start.to_vec())));
    let (mut last, mut tables, mut dates) = (LineKind::Other, 0_u32, 0_u32);
    // Dates that have a line of a table right above them, and a blank line below.
    let (mut attached, mut above_blank, mut after_date) = (0_u32, true, false);
    while let Ok(step @ (LineStep::Line | LineStep::TooLong)) = lines.advance() {
        let line = if step == LineStep::Line { lines.line() } else { b"" };
        let blank = line.trim_ascii().is_empty();
        attached += u32::from(blank && after_date);
        let now = if blank { LineKind::Other } else { kind(line) };
        after_date = now == LineKind::Date && !above_blank;
        above_blank = blank;
        match now {
            LineKind::Date if tables == 0 => return false,
            LineKind::Date if last != LineKind::Date => dates += 1,
            LineKind::Table if last != LineKind::Table => tables += 1,
            _ => {}
        }
        if now != LineKind::Other {
            last = now;
        }
    }
    if is_all { dates > 0 && last == LineKind::Date } else { dates > 0 && attached >= dates }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, is_all: bool) -> bool {
        survey(text.as_bytes(), is_all, |line| match line {
            b"T" => LineKind::Table,
            b"D" => LineKind::Date,
            _ => LineKind::Other,
        })
    }

    #[test]
    fn dates_above_and_below() {
        for (text, below) in [
            ("T\nrow\nD\n", true),
            ("T\nrow\nD\nT\nrow\nD\n", true),
            ("T\nT\nrow\n\nD\nD\nT\nrow\nD\n", true),
            ("D\nT\nrow\nD\n", false),
            ("T\nrow\nD\nT\nrow\n", false),
            ("T\nrow\n", false),
        ] {
            assert_eq!(of(text, true), below, "{text}");
        }
        // Of a part, blank lines say it.
        assert!(of("T\nrow\nD\n\nT\nrow\nD\n\nT\n", false));
        assert!(!of("T\nrow\n\nD\nT\nrow\n\nD\nT\n", false));
    }
}
