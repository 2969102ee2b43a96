//! Lines of CSV, TSV and WinDbg tables.

use poolmon_model::{Counters, Sample};

use super::build::{HostFact, TableScope};
use super::encoding::decoded;
use super::poolmon::is_cut;
use super::state::{LineUse, TextLayout, TextLine, TextParser, has_rows};
use super::{delimited, heading, moment, windbg};
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
                let before = self.builder.session.is_none().then_some(before);
                self.cells.took(at, at.line.len(), before);
            }
            return flow;
        }
        if delimited::columns(at.line).is_some()
            || heading::is_memory(at.line)
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
        let rounded = columns.is_rounded(at.line);
        if !is_cut(text) && !rounded && (self.rest_of_last(at, sample) || self.hold_cells(at)) {
            return LineUse::Taken;
        }
        let noticed = &mut self.builder.noticed;
        let few = if is_cut(text) {
            &mut noticed.left_out
        } else if rounded {
            &mut noticed.rounded
        } else {
            &mut noticed.broken
        };
        few.add(at.number, at.line);
        LineUse::Taken
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
        let same_host = host.is_empty() || around.is_host(&host);
        if rows && !(*time_now == *cells.time && same_host && same_boot) {
            return Some(LineUse::Next);
        }
        if !rows {
            time_now.clear();
            time_now.extend_from_slice(&cells.time);
            if let Some((time, assumed)) = moment::cell(&cells.time, self.dates.rule) {
                around.time = Some(time);
                around.assumed = assumed;
            } else if !cells.time.trim_ascii().is_empty() {
                around.forget_moment();
                let shown = String::from_utf8_lossy(&cells.time).chars().take(40).collect::<String>();
                let text = format!("`{shown}` is not read as a time");
                self.builder.noticed.said.push(Remark::new(RemarkKind::Time, text));
            }
            for name in columns.unknown_figures(at.line) {
                let text = format!("the column `{name}` holds figures and is not known: it was left out");
                self.builder.noticed.said.push(Remark::new(RemarkKind::UnknownColumn, text));
            }
            if !host.is_empty() {
                self.builder.around.set(HostFact::Host, Some(&host));
            }
            if let Some(boot) = &boot {
                self.builder.around.set(HostFact::Boot, Some(boot));
            }
        }
        if columns.sessions {
            self.builder.session = cells.session;
        }
        let owner = self.builder.owner(&cells.owner());
        if trouble.unit {
            self.builder.noticed.units.add(at.number, at.line);
        }
        self.builder.table = columns.scope();
        let ends_with_figure = columns.ends_with_figure();
        for (tag, pool, mut reported) in found.into_iter().flatten() {
            reported.inexact |= trouble.unit;
            self.builder.push(sample, (tag, pool), reported, owner.clone(), at.number);
            self.builder.changes(sample, cells.change);
        }
        if !at.ended && ends_with_figure {
            self.may_be_cut();
        }
        Some(LineUse::Taken)
    }

    pub(super) fn windbg(&mut self, at: TextLine<'_>, sample: &mut Sample) -> LineUse {
        let TextLayout::Windbg(table) = &mut self.mode else { return LineUse::Taken };
        match windbg::line(at.line, &table.columns) {
            windbg::PoolUsedLine::Row(tag, halves, text) => {
                let owner = windbg::owner(text).and_then(|text| self.builder.owner(&text));
                let unknown_bytes =
                    tag.as_pool().is_some_and(|tag| tag.0.contains(&b'.')) && !windbg::names_tag(text);
                if unknown_bytes {
                    self.builder.noticed.dots.add(at.number, at.line);
                }
                self.builder.table = TableScope::BothPools;
                if !has_rows(sample) {
                    table.sums = Default::default();
                }
                for ((half, pool), sum) in halves.into_iter().zip(windbg::POOLS).zip(&mut table.sums) {
                    sum.0 = sum.0.wrapping_add(half.live);
                    sum.1 = sum.1.wrapping_add(half.bytes);
                    if half == windbg::PoolUsedHalf::default() || half.is_nothing() {
                        continue;
                    }
                    let reported = Counters {
                        allocs: half.allocs,
                        frees: half.frees,
                        reported_diff: i64::try_from(half.live).ok(),
                        bytes: Some(half.bytes),
                        ..Counters::default()
                    };
                    self.builder.push(sample, (tag.clone(), pool), reported, owner.clone(), at.number);
                }
            }
            windbg::PoolUsedLine::Total(halves) if has_rows(sample) => {
                for ((total, pool), sum) in halves.into_iter().zip(windbg::POOLS).zip(&table.sums) {
                    if (total.live, total.bytes) != *sum {
                        let text = format!(
                            "WinDbg's TOTAL line gives {} allocations and {} bytes of {}, the rows add up to {} \
                                and {}: rows are missing",
                            total.live,
                            total.bytes,
                            pool.long(),
                            sum.0,
                            sum.1
                        );
                        self.builder.noticed.said.push(Remark::new(RemarkKind::RowsMissing, text));
                    }
                }
            }
            windbg::PoolUsedLine::Total(_) => {}
            windbg::PoolUsedLine::Broken => self.builder.noticed.broken.add(at.number, at.line),
            windbg::PoolUsedLine::Other => {
                let text = at.line.trim_ascii();
                if is_cut(text) && has_rows(sample) {
                    self.builder.noticed.left_out.add(at.number, at.line);
                } else if !text.is_empty() {
                    return self.surroundings(at, sample);
                }
            }
        }
        LineUse::Taken
    }
}
