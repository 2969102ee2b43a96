//! Lines of CSV and TSV tables.

use poolmon_model::{Counters, Coverage, Key, Sample, Tag};

use super::build::{HostFact, SampleBuilder, TableScope};
use super::encoding::decoded;
use super::numbers::{is_rounded, is_unclear};
use super::poolmon::is_cut;
use super::state::{LineUse, Refusal, TextLayout, TextLine, TextParser, has_rows};
use super::{delimited, heading, memory, moment, windbg};
use crate::remark::{Remark, RemarkKind};

impl TextParser {
    pub(super) fn delimited(&mut self, at: TextLine<'_>, sample: &mut Sample) -> LineUse {
        if at.line.iter().all(|b| b.is_ascii_whitespace() || *b == 0) {
            self.flush_cells();
            return LineUse::Taken;
        }
        if let Some(flow) = self.continued_cells(at, sample) {
            return flow;
        }
        let before = sample.rows.len();
        if let Some(flow) = self.row_of_cells(at, sample) {
            if flow == LineUse::Taken {
                self.forget_cut_figure(at, before, sample);
                let before = self.builder.session.is_none().then_some(before);
                self.cells.took(at, at.line.len(), before);
            }
            return flow;
        }
        if delimited::columns(at.line).is_some()
            || memory::is_memory(at.line)
            || heading::columns(at.line).is_some()
            || windbg::starts(at.line)
            || at.line.starts_with(b"#")
            || self.is_date(at.line)
        {
            return self.surroundings(at, sample);
        }
        let text = at.line.trim_ascii();
        if heading::is_furniture(text) {
            return LineUse::Taken;
        }
        let TextLayout::Delimited(columns, _) = &self.mode else { return LineUse::Taken };
        let rounded = columns.holds(at.line, is_rounded);
        let unclear = columns.holds(at.line, is_unclear);
        if !is_cut(text) && !rounded && (self.rest_of_last(at, sample) || self.hold_cells(at)) {
            return LineUse::Taken;
        }
        let noticed = &mut self.builder.noticed;
        let few = if is_cut(text) {
            &mut noticed.left_out
        } else if rounded {
            &mut noticed.rounded
        } else if unclear {
            &mut noticed.unclear
        } else {
            &mut noticed.broken
        };
        few.add(at.number, at.line);
        LineUse::Taken
    }

    /// A row without its last columns that is as long as any line: it was cut, and its last figure may go on.
    fn forget_cut_figure(&mut self, at: TextLine<'_>, before: usize, sample: &mut Sample) {
        let TextLayout::Delimited(columns, _) = &self.mode else { return };
        let ends = at.line.last().is_some_and(|&last| columns.is_separator(last));
        let is_at_cut = self.cut_table.edge == Some(at.line.len());
        let whole = columns.is_full(at.line) && !ends && !is_at_cut;
        if whole || !columns.has_figure_at_end(at.line) || !(is_at_cut || self.cells.touches_edge(at.line)) {
            return;
        }
        for row in sample.rows.get_mut(before..).unwrap_or_default() {
            columns.forget_last_figure(at.line, &mut row.counters);
        }
        self.builder.noticed.cut.add(at.number, at.line);
    }

    /// Whether a line is a date or a time between two tables, and no rest of a figure.
    fn is_date(&self, line: &[u8]) -> bool {
        line.iter().any(|b| b":-/".contains(b) || b.is_ascii_alphabetic())
            && moment::find(line, self.dates.rule)
                .is_some_and(|found| found.alone && (found.date.is_some() || found.time.is_some()))
    }

    /// Takes a line as a row; `None` if it is none.
    pub(super) fn row_of_cells(&mut self, at: TextLine<'_>, sample: &mut Sample) -> Option<LineUse> {
        let TextLayout::Delimited(columns, time_now) = &mut self.mode else { return None };
        let rows = has_rows(sample);
        let mut trouble = delimited::RowTrouble::default();
        let cells = columns.row(at.line, &mut trouble)?;
        let found = columns.rows(&cells)?;
        let around = &mut self.builder.around;
        let host = decoded(cells.host.trim_ascii());
        let boot = cells.boot.as_ref().map(|boot| decoded(boot.trim_ascii()));
        let same_boot = boot.as_ref().is_none_or(|boot| around.is_boot(boot));
        if !host.is_empty() && self.table_host.as_ref().is_some_and(|known| *known != *host) {
            let known = self.table_host.as_deref().unwrap_or_default();
            self.refused = Some(second_host(at.number, &host, known));
            return Some(LineUse::Taken);
        }
        if rows && !(*time_now == *cells.time && same_boot) {
            return Some(LineUse::Next);
        }
        let texts = columns.unknown_texts(at.line);
        let mut again = false;
        for (tag, pool, figures) in found.iter().flatten().filter(|_| !columns.sessions) {
            let key = Key { tag: tag.clone(), pool: *pool };
            // Tags of bytes that do not print may look the same.
            let Some(before) = self.listed.get(&key).filter(|_| is_plain(&key.tag)) else { continue };
            let known = sample.rows.get(before.0).map(|row| row.counters);
            again |=
                known.is_some_and(|known| known.bytes != figures.bytes || known.allocs != figures.allocs);
            if let Some(column) = columns.differing(&before.1, &texts) {
                self.refused = Some(second_table(at.number, &key.tag, column));
                return Some(LineUse::Taken);
            }
            // In a table without times, few repeated rows are no second sample.
            let is_first = before.0 == 0 && !self.cut_table.is_all;
            if again && (*time_now).trim_ascii().is_empty() && !self.cut_table.repeats && !is_first {
                if let Some(row) = sample.rows.get_mut(before.0) {
                    add(&mut row.counters, figures);
                }
                self.builder.noticed.added.add(at.number, at.line);
                return Some(LineUse::Taken);
            }
            if !again {
                self.builder.noticed.repeated.add(at.number, at.line);
                return Some(LineUse::Taken);
            }
        }
        // The same rows with the same time: a clock without seconds, or the hour after summer time.
        if again {
            return Some(LineUse::Next);
        }
        if !rows {
            time_now.clear();
            time_now.extend_from_slice(&cells.time);
            if let Some((time, assumed)) = moment::cell(&cells.time, self.dates.rule) {
                around.time = Some(time);
                around.assumed = assumed;
                around.line = at.number;
            } else if !cells.time.trim_ascii().is_empty() {
                around.forget_moment();
                let shown = String::from_utf8_lossy(&cells.time).chars().take(40).collect::<String>();
                let text = format!("`{shown}` is not read as a time");
                self.builder.noticed.said.push(Remark::new(RemarkKind::Time, text));
            }
            if !host.is_empty() {
                self.builder.around.set(HostFact::Host, Some(&host));
                self.table_host = Some(host.into_owned());
            }
            if let Some(boot) = &boot {
                self.builder.around.set(HostFact::Boot, Some(boot));
            }
        }
        machine(&cells.header, columns.scope(), sample, &mut self.builder);
        for name in columns.unknown_figures(at.line) {
            unknown_column(name, &mut self.builder.noticed.said);
        }
        if columns.sessions {
            self.builder.session = cells.session;
        }
        let owner = self.builder.owner(&cells.owner());
        if trouble.unit {
            self.builder.noticed.units.add(at.number, at.line);
        }
        self.builder.table = columns.scope();
        let is_cut = !at.ended
            && columns.ends_with_figure()
            && columns.has_figure_at_end(at.line)
            && at.line.last().is_some_and(|&last| last.is_ascii_digit());
        let mut forgot = false;
        for (tag, pool, mut reported) in found.into_iter().flatten() {
            reported.inexact |= trouble.unit;
            if self.builder.session.is_none() {
                self.listed.insert(Key { tag: tag.clone(), pool }, (sample.rows.len(), texts.clone()));
            }
            if is_cut && !columns.confirms_last(at.line, &reported) {
                columns.forget_last_figure(at.line, &mut reported);
                forgot = true;
            }
            self.builder.push(sample, (tag, pool), reported, owner.clone(), at.number);
            self.builder.changes(sample, cells.change);
        }
        let is_open = at.line.last().is_some_and(|&last| columns.is_separator(last));
        if forgot || !at.ended && is_open {
            self.ends_in_figure();
        }
        Some(LineUse::Taken)
    }
}

/// The row of another computer than those before.
fn second_host(line: u64, host: &str, known: &str) -> Refusal {
    Refusal {
        line,
        problem: format!("this row is of a second computer, `{host}`; those before are of `{known}`"),
        remedy: "keep the rows of one computer, and name the others as files of their own",
    }
}

/// A tag that comes again with another text beside it.
fn second_table(line: u64, tag: &Tag, column: &str) -> Refusal {
    Refusal {
        line,
        problem: format!(
            "`{tag}` is listed a second time, with another `{column}`: these are tables of several machines or groups"
        ),
        remedy: "keep the rows of one of them, and name the others as files of their own",
    }
}

/// Names a column of figures that are not known, once.
fn unknown_column(name: &str, said: &mut Vec<Remark>) {
    let text = format!("the column `{name}` holds figures and is not known: it was left out");
    let remark = Remark::new(RemarkKind::UnknownColumn, text);
    if !said.contains(&remark) {
        said.push(remark);
    }
}

/// Takes the figures of the machine that an export has next to its rows.
fn machine(cell: &[u8], scope: TableScope, sample: &mut Sample, builder: &mut SampleBuilder) {
    if cell.is_empty() || scope != TableScope::Everything {
        return;
    }
    let fields = heading::fields(cell);
    heading::machine(&fields, sample, &mut builder.around.uptime);
    let system = fields.iter().find(|(name, _)| name == "system");
    builder.around.set(HostFact::System, system.map(|(_, system)| system.as_str()));
    let unlisted = fields.iter().find(|(name, _)| name == "unlisted");
    builder.unlisted = unlisted.map_or(Coverage::COMPLETE, |(_, words)| Coverage::from_words(words));
}

/// Adds the figures of a row that is listed a second time.
fn add(row: &mut Counters, more: &Counters) {
    for (sum, more) in [
        (&mut row.allocs, more.allocs),
        (&mut row.frees, more.frees),
        (&mut row.bytes, more.bytes),
        (&mut row.used, more.used),
    ] {
        *sum = sum.zip(more).and_then(|(a, b)| a.checked_add(b));
    }
    row.reported_diff = row.reported_diff.zip(more.reported_diff).and_then(|(a, b)| a.checked_add(b));
    row.reported_per_alloc = None;
}

/// Whether a tag has nothing but letters that print: two of those are one.
pub(super) fn is_plain(tag: &Tag) -> bool {
    tag.as_pool().is_none_or(|tag| tag.0.iter().all(|b| b.is_ascii_graphic() && *b != b'.' && *b != b'?'))
}
