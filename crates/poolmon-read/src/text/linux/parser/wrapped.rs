//! Rows that a console or a mail program broke, and rows that were cut.
//!
//! Two kinds: a row that cannot be read without its rest (`part`), and one that can, though its last word may go on on the next
//! line (`held`).

use poolmon_model::Sample;
use poolmon_proc::allocinfo::CallLine;
use poolmon_proc::slab::CacheLine;
use poolmon_proc::tools::ToolLine;
use poolmon_proc::vmalloc::{self, VmallocLine};

use super::super::section::Section;
use super::words::has;
use super::{LONGEST_PART, LinuxParser};

/// The first part of a row.
pub(super) struct Part {
    number: u64,
    /// The length of what is in front of it, blanks included.
    lead: usize,
    body: Vec<u8>,
}

impl LinuxParser {
    /// Keeps the first part of a row for the next line.
    pub(super) fn keep_part(&mut self, body: &[u8], number: u64) {
        self.part = Some(Part { number, lead: self.lead, body: body.to_vec() });
    }

    /// A row that was cut stays cut.
    pub(super) fn drop_part(&mut self) {
        if let Some(part) = self.part.take() {
            self.noticed.broken.add(part.number, &part.body);
        }
    }

    /// Whether a row can be read without the end of its last word: a name, or the unit of a size.
    pub(super) fn may_be_cut(&self, body: &[u8]) -> bool {
        match self.section {
            Some(Section::Slabtop) => ToolLine::slabtop(body).is_some(),
            Some(Section::Crash) => ToolLine::crash(body).is_some(),
            Some(Section::Allocinfo) => !body.starts_with(b"#") && CallLine::parse(body).is_some(),
            _ => false,
        }
    }

    /// Takes the row that was held, with the next line if that is its rest; true if it is.
    pub(super) fn settle(&mut self, line: &[u8], sample: &mut Sample) -> bool {
        let Some((number, mut body)) = self.held.take() else { return false };
        let rest = line.get(self.prefix.min(line.len())..).unwrap_or_default().trim_ascii();
        let is_word = rest.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.-:".contains(byte));
        let unfinished = self.section == Some(Section::Allocinfo) && !has(&body, b" func:");
        // The begin of the next row: an address, or a size behind blanks.
        let begins_row = match self.section {
            Some(Section::Crash) => rest.len() >= 8 && rest.iter().all(u8::is_ascii_hexdigit),
            Some(Section::Allocinfo) => {
                !unfinished && line.starts_with(b" ") && rest.iter().all(u8::is_ascii_digit)
            }
            _ => false,
        };
        let is_word = is_word && !begins_row;
        let is_rest = !rest.is_empty() && (is_word || unfinished && CallLine::parse(rest).is_none());
        if is_rest {
            self.names_at_edge.joined();
            body.extend_from_slice(rest);
            if self.in_word {
                self.noticed.broken.add(number, &body);
                return true;
            }
            // In a narrow console, the rest may be cut as well.
            if line.len() >= self.longest && body.len() <= LONGEST_PART {
                self.held = Some((number, body));
                return true;
            }
        }
        self.row(&body, number, sample);
        is_rest
    }

    /// Joins a row that a console or a mail program wrapped with its rest.
    pub(super) fn join(&mut self, line: &[u8], sample: &mut Sample) -> bool {
        let Some(Part { number, lead, body: part }) = self.part.take() else { return false };
        let rest = line.get(self.prefix.min(line.len())..).unwrap_or_default();
        // What is in front of each line, blanks included, is no part of the row: a figure may have been cut in two.
        let blanks =
            rest.get(..lead.saturating_sub(self.prefix)).filter(|blanks| blanks.trim_ascii().is_empty());
        let rest = blanks.and_then(|blanks| rest.get(blanks.len()..)).unwrap_or(rest);
        let another = has(rest, TUNABLES) && has(&part, TUNABLES);
        let mut ways = [(&b""[..], rest), (b" ", rest.trim_ascii_start())];
        if vmalloc::begins_with_detail(rest) {
            ways.reverse();
        }
        for (between, rest) in ways {
            let whole = [&part, between, rest].concat();
            if self.section == Some(Section::Vmallocinfo) {
                let area = VmallocLine::parse(&whole);
                if !area.is_cut()
                    && area != VmallocLine::Unread
                    && VmallocLine::parse(rest) == VmallocLine::Unread
                {
                    self.area(&whole, sample);
                    return true;
                }
                continue;
            }
            if let Some(cache) =
                CacheLine::parse(&whole).filter(|cache| !another && !cache.name.contains(&b' '))
            {
                self.cache(cache);
                return true;
            }
        }
        self.noticed.broken.add(number, &part);
        false
    }
}

const TUNABLES: &[u8] = b": tunables";

/// The first part of a row that was wrapped: up to somewhere behind its five figures.
pub(super) fn is_part(body: &[u8]) -> bool {
    has(body, b" : ") || {
        let words: Vec<&[u8]> = body.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
        let figures = words.iter().rev().take(5).filter(|word| word.iter().all(u8::is_ascii_digit));
        let is_named = words.first().is_some_and(|name| !name.iter().all(u8::is_ascii_digit));
        words.len() > 5 && is_named && figures.count() == 5
    }
}
