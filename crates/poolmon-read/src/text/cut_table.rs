//! What the beginning of a table of fields shows of its lines: that they were cut at a column, and that its rows come again.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::Cursor;

use super::delimited::{self, RowTrouble};
use super::frame::Frame;
use super::input::{LineStep, Lines};

/// Lines that have to end at a column where the titles do, too.
const FEW: usize = 3;

/// Lines that have to end at a column where the titles are shorter: three rows end together by chance.
const MANY: usize = 8;

/// What is known of the lines of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TableLines {
    /// Lines were cut at this length: a figure that ends there may go on.
    pub(super) edge: Option<usize>,
    /// Most rows are listed more than once: they are several samples.
    pub(super) repeats: bool,
    /// All of the text was seen.
    pub(super) is_all: bool,
}

/// Looks at the beginning of a text.
///
/// Lines that were cut at a column have one length, wherever their last separator is; no line is longer, and each that is shorter
/// is a row. Rows that end together because their figures have as many digits have their last separator at one place.
pub(super) fn survey(start: &[u8], is_all: bool, frame: Option<&Frame>) -> TableLines {
    let mut found = TableLines { is_all, ..TableLines::default() };
    let mut lines = Lines::new(Box::new(Cursor::new(start.to_vec())));
    let mut table: Option<delimited::TableColumns> = None;
    let mut ends: Vec<(usize, usize)> = Vec::new();
    let mut title_end = 0;
    let mut times: HashMap<Vec<u8>, u32> = HashMap::new();
    // Lengths of lines that are no rows.
    let mut others: HashSet<usize> = HashSet::new();
    while let Ok(step @ (LineStep::Line | LineStep::TooLong)) = lines.advance() {
        let line = lines.line();
        let line = frame.map_or(Cow::Borrowed(line), |frame| frame.clean(line));
        if step == LineStep::TooLong || line.trim_ascii().is_empty() || !lines.ended() && !is_all {
            continue;
        }
        let titles = delimited::columns(&line);
        let is_titles = titles.is_some();
        if is_titles {
            title_end = line.len();
        }
        table = titles.or(table);
        let Some(columns) = &table else { continue };
        let last = line.iter().rposition(|&byte| columns.is_separator(byte)).unwrap_or(0);
        let row = columns.row(&line, &mut RowTrouble::default()).and_then(|cells| columns.rows(&cells));
        if let Some((tag, pool, _)) = row.iter().flatten().flatten().next() {
            *times.entry([&[*pool as u8], tag.to_string().as_bytes()].concat()).or_default() += 1;
        } else if !is_titles {
            others.insert(line.len());
        }
        ends.push((line.len(), last));
    }
    let Some(edge) = ends.iter().map(|(end, _)| *end).max() else { return found };
    let all_rows = others.iter().all(|&end| end == edge);
    let at_edge: Vec<usize> = ends.iter().filter(|(end, _)| *end == edge).map(|(_, last)| *last).collect();
    let moves = at_edge.iter().any(|last| Some(last) != at_edge.first());
    let least = if title_end == edge { FEW } else { MANY };
    if all_rows && moves && at_edge.len() >= least && at_edge.len() * 2 >= ends.len() {
        found.edge = Some(edge);
    }
    let again = times.values().filter(|times| **times > 1).count();
    found.repeats = again * 2 > times.len();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> TableLines {
        survey(text.as_bytes(), true, None)
    }

    #[test]
    fn lines_that_were_cut_at_a_column() {
        for (text, edge) in [
            ("Tag,Type,Alloc\nTst1,Nonp,9000\nTst2,Paged,900\n", Some(14)),
            ("Tag;Type;Allocs;Free\nTst1;Nonp;900.000;40\nTst2;Nonp;900;400;50\n", Some(20)),
            // Three rows that end together by chance.
            ("Tag,Type,Bytes\nTst1,Nonp,90000\nTst2,Paged,9000\nTst3,Nonp,90000\nTst4,Nonp,1\n", None),
            // Figures of as many digits.
            ("Tag,Type,Bytes\nTst1,Nonp,90000\nTst2,Nonp,90001\nTst3,Nonp,90002\n", None),
            // A wrapped table has lines that are no rows.
            ("Tag,Type,Bytes\nTst1,Nonp,90000\n12\nTst2,Paged,9000\n34\nTst3,Nonp,90000\n56\n", None),
        ] {
            assert_eq!(seen(text).edge, edge, "{text}");
        }
    }

    #[test]
    fn rows_that_come_again() {
        assert!(seen("Tag,Type,Bytes\nTst1,Nonp,90000\nTst2,Nonp,5\nTst1,Nonp,90001\nTst2,Nonp,5\n").repeats);
        assert!(
            !seen("Tag,Type,Bytes\nTst1,Nonp,90000\nTst2,Nonp,5\nTst1,Nonp,90001\nTst3,Nonp,5\n").repeats
        );
    }
}
