//! Text in which Linux and its tools report kernel memory: `/proc/slabinfo`, `/proc/allocinfo`, `/proc/vmallocinfo`,
//! `/proc/meminfo`, `slabtop`, `vmstat -m`, crash's `kmem -s`; once or in a series, alone or one after the other.
//!
//! 1. `section`: which of them a line announces or belongs to, and what is in front of it;
//! 2. `stamp`: times between samples and before lines;
//! 3. `parser`: lines become rows; where one sample ends and the next begins;
//! 4. `noticed`: what was odd becomes remarks;
//! 5. `reader`: lines of one or several files into samples.

mod noticed;
mod parser;
mod reader;
mod section;
mod stamp;

use std::io::Cursor;

pub(crate) use reader::{LinuxReader, LinuxSource};
pub(crate) use section::Section;
pub(super) use stamp::{NO_DATE, Stamp};

use super::encoding::StartKind;
use super::input::{LineStep, Lines};
use crate::{Input, Result, Samples};

/// What the first bytes of a text hold: the first list of rows, else machine-wide figures. `None` if they are no text or
/// hold neither.
pub(crate) fn first_section(start: &[u8]) -> Option<Section> {
    let mut lines = Lines::new(Box::new(Cursor::new(start.to_vec())));
    if lines.verdict().ok()? != StartKind::Text {
        return None;
    }
    let mut totals = None;
    loop {
        match lines.advance().ok()? {
            LineStep::End => return totals,
            LineStep::TooLong => {}
            LineStep::Line => match Section::of(lines.line()) {
                Some((Section::Meminfo, _)) => totals = Some(Section::Meminfo),
                Some((section, _)) => return Some(section),
                None => {}
            },
        }
    }
}

/// Reads an input whose first list or figures are of `section`.
pub(crate) fn open(input: &Input, section: Section) -> Result<Box<dyn Samples>> {
    super::check(input)?;
    let source = LinuxSource { name: input.name().to_owned(), begins: false, bytes: input.reader()? };
    Ok(Box::new(LinuxReader::new(input.name(), vec![source], section != Section::Meminfo)))
}
