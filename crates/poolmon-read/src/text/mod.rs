//! Saved text becomes samples: PoolMon logs and screens, CSV and TSV tables, WinDbg's `!poolused`.
//!
//! Data passes in this order:
//!
//! 1. `encoding`, `input`: bytes of any encoding become lines, block by block;
//! 2. `frame`: what surrounds the lines is taken off; `dates`, `numbers`, `below`, `cut_table`: how the whole file writes them;
//! 3. `reader`, `state`, `tables`, `wrapped`, `wrapped_cells`, `seen`: which layout a line belongs to, where a snapshot begins, which lines are one;
//! 4. `poolmon`, `delimited`, `windbg`, `poolused`: rows; `heading`, `memory`, `moment`, `month_names`: what precedes them;
//! 5. `build`: rows are checked and become a `Sample`; what was odd becomes a remark;
//! 6. `views`: several lists of one moment become one sample; `pool_header`: whether its pool sizes can be true.
//!
//! A row that cannot be read never ends the reading: it is counted, and `Sample::remarks` names its line.
//! Memory is bounded by the rows of one snapshot, not by the size of the file.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod below;
mod build;
mod cut_table;
mod dates;
mod delimited;
mod encoding;
mod fields;
mod frame;
mod heading;
mod input;
pub(crate) mod linux;
mod memory;
mod moment;
mod month_names;
mod name;
mod numbers;
mod pool_header;
mod poolmon;
mod poolused;
mod reader;
mod records;
mod row_times;
mod seen;
mod state;
mod tables;
mod views;
mod windbg;
mod wrapped;
mod wrapped_cells;

use std::borrow::Cow;
use std::io::Cursor;

pub(crate) use dates::{FileDates, survey as date_survey};
pub(crate) use encoding::{cyrillic, decoded};
pub(crate) use fields::Fields;
pub(crate) use input::EndlessLine;
pub(crate) use moment::{DateRule, cell as time_cell};
pub(crate) use name::{
    NamedMoment, NamedSeries, moment_in_name, moments_by_year_last, moments_in_names, seconds_in_name,
    words_in_name,
};
pub(crate) use pool_header::{Snapshot, drop_sizes, stale_files};
pub use reader::SampleReader;
pub(crate) use records::{Records, TextLines};
pub use views::note_cut_lists;

use crate::{Input, ReadOptions, Result, Samples};
use encoding::StartKind;
use input::{LineStep, Lines};

/// The remark of a sample whose time is in the text without a zone: a caller that knows the zone can move it.
pub const ZONE_ASSUMED: &str = "the time zone is unknown: times are read as UTC";
/// The remark of a sample whose time is a time of day.
pub(crate) const DATE_ASSUMED: &str = "the times have no dates, which are unknown: days are counted from day 1, and whole days may be missing between two samples";

/// What the first line that is not prose belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableLayout {
    /// A log or screen of PoolMon.
    PoolMon,
    /// CSV or TSV.
    Table,
    /// WinDbg's `!poolused`.
    PoolUsed,
}

/// The layout of a text, by its first bytes; `None` if they are no text or hold no table.
pub(crate) fn first_layout(start: &[u8]) -> Option<TableLayout> {
    let mut lines = Lines::new(Box::new(Cursor::new(start.to_vec())));
    if lines.verdict().ok()? != StartKind::Text {
        return None;
    }
    let frame = frame::survey(lines.start());
    loop {
        match lines.advance().ok()? {
            LineStep::End => return None,
            LineStep::TooLong => {}
            LineStep::Line => {
                let line = lines.line();
                let line = frame.as_ref().map_or(Cow::Borrowed(line), |frame| frame.clean(line));
                if let Some(layout) = layout(&line) {
                    return Some(layout);
                }
            }
        }
    }
}

fn layout(line: &[u8]) -> Option<TableLayout> {
    if delimited::columns(line).is_some() {
        Some(TableLayout::Table)
    } else if windbg::columns(line).is_some() || windbg::starts(line) {
        Some(TableLayout::PoolUsed)
    } else if heading::columns(line).is_some()
        || memory::is_memory(line)
        || matches!(poolmon::pasted(line, false), poolmon::PastedLine::Row(..))
    {
        Some(TableLayout::PoolMon)
    } else {
        None
    }
}

/// Whether the first bytes of a file are those of a text.
pub(crate) fn is_text(start: &[u8]) -> bool {
    encoding::judge(start).0 == StartKind::Text
}

/// Looks at the first bytes of an input.
///
/// # Errors
/// It is empty or no text; the message says what it is instead.
pub(crate) fn check(input: &Input) -> Result<()> {
    SampleReader::new(input.name(), Cursor::new(input.start().to_vec())).check()
}

/// Reads an input as text.
pub(crate) fn open(input: &Input, options: &ReadOptions) -> Result<Box<dyn Samples>> {
    check(input)?;
    let dates = dates::survey(input, options.dates)?;
    let trust = pool_header::survey(input)?;
    Ok(Box::new(SampleReader::new(input.name(), input.reader()?).with_dates(dates).with_trust(trust)))
}

/// The samples of a saved text: see [`SampleReader::next_into`].
///
/// # Errors
/// The input cannot be read, is empty or no text.
pub fn reader(input: &Input) -> Result<SampleReader> {
    check(input)?;
    let trust = pool_header::survey(input)?;
    Ok(SampleReader::new(input.name(), input.reader()?)
        .with_dates(dates::survey(input, None)?)
        .with_trust(trust))
}
