//! Lines of WinDbg's `!poolused`: rows that were wrapped are joined again, and rows that were cut are left out.

use poolmon_model::{Counters, Pool, Sample};

use super::build::TableScope;
use super::poolmon::is_cut;
use super::state::{LineUse, TextLayout, TextLine, TextParser, has_rows};
use super::windbg::{self, FigureEnd};
use crate::remark::{Remark, RemarkKind};

/// A WinDbg table as it is read.
#[derive(Default)]
pub(super) struct PoolUsedTable {
    pub(super) columns: windbg::PoolUsedColumns,
    /// Allocations and bytes of the rows so far, nonpaged and paged.
    sums: [(u64, u64); 2],
    /// A row that ends with a figure, and its number: the next line may be its rest.
    held: Option<(Vec<u8>, u64)>,
    /// Where the column line was cut: no figure that ends there is known to be whole.
    cut_at: Option<usize>,
    /// Some row has a description.
    described: bool,
    /// The description of the last row, its line, and the first row of it.
    about: Option<(Vec<u8>, u64, usize)>,
    /// WinDbg's own heading precedes the table.
    headed: bool,
    /// The length of the longest line.
    longest: usize,
    /// Rows that end with a figure that fills its column: their place, length and line.
    unsure: Vec<(usize, usize, u64)>,
}

impl PoolUsedTable {
    pub(super) fn new(columns: windbg::PoolUsedColumns) -> Self {
        Self { columns, ..Self::default() }
    }

    /// The heading was read.
    pub(super) fn headed() -> Self {
        Self { headed: true, ..Self::default() }
    }

    /// The column line was read, after what this layout was.
    pub(super) fn titled(mut self, line: &[u8], before: &TextLayout) -> Self {
        self.longest = line.len();
        self.headed = matches!(before, TextLayout::Windbg(table) if table.headed);
        self
    }
}

impl TextParser {
    pub(super) fn windbg(&mut self, at: TextLine<'_>, sample: &mut Sample) -> LineUse {
        if self.settle_windbg(Some(at), sample) {
            return LineUse::Taken;
        }
        let TextLayout::Windbg(table) = &mut self.mode else { return LineUse::Taken };
        table.longest = table.longest.max(at.line.len());
        let is_open = windbg::is_open(at.line, &table.columns);
        if !at.ended && at.line.last().is_some_and(u8::is_ascii_digit) {
            return self.last_windbg(at, is_open, sample);
        }
        if at.ended && is_open {
            table.held = Some((at.line.to_vec(), at.number));
            return LineUse::Taken;
        }
        self.windbg_row(at, sample)
    }

    /// Takes a line that ends with a figure where the text ends: the figure may have been cut there.
    fn last_windbg(&mut self, at: TextLine<'_>, is_row: bool, sample: &mut Sample) -> LineUse {
        if !is_row {
            let is_total = at.line.trim_ascii_start().starts_with(b"TOTAL");
            return if is_total { LineUse::Taken } else { self.windbg_row(at, sample) };
        }
        let before = sample.rows.len();
        let flow = self.windbg_row(at, sample);
        // No longer figure begins with 0.
        let last = sample.rows.get_mut(before..).and_then(|rows| rows.last_mut());
        if let Some(row) = last.filter(|row| row.pool == Pool::Paged && row.counters.bytes != Some(0)) {
            row.counters.bytes = None;
            self.ends_in_figure();
        }
        flow
    }

    /// Takes a line as it is.
    fn windbg_row(&mut self, at: TextLine<'_>, sample: &mut Sample) -> LineUse {
        let TextLayout::Windbg(table) = &mut self.mode else { return LineUse::Taken };
        match windbg::line(at.line, &table.columns) {
            windbg::PoolUsedLine::Row(tag, halves, text) => {
                table.described |= !text.is_empty();
                let about = text.trim_ascii();
                table.about = (!about.is_empty()).then(|| (about.to_vec(), at.number, sample.rows.len()));
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
                    if (total.live, total.bytes) == *sum {
                        // No figure of this pool was cut.
                        table
                            .unsure
                            .retain(|(at, ..)| sample.rows.get(*at).is_some_and(|row| row.pool != pool));
                    } else {
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
                let about = table.about.take().filter(|(about, number, _)| {
                    number + 1 == at.number && !text.is_empty() && windbg::continues_owner(about, text)
                });
                if let Some((about, _, from)) = about {
                    let whole = [&about, &b" "[..], text].concat();
                    let owner = windbg::owner(&whole).and_then(|text| self.builder.owner(&text));
                    for row in sample.rows.get_mut(from..).unwrap_or_default() {
                        row.reported_owner.clone_from(&owner);
                    }
                    table.about = Some((whole, at.number, from));
                    return LineUse::Taken;
                }
                if windbg::is_part_of_titles(text) {
                    table.cut_at = Some(at.line.len());
                }
                if is_cut(text) && has_rows(sample) {
                    self.builder.noticed.left_out.add(at.number, at.line);
                } else if !text.is_empty() {
                    return self.surroundings(at, sample);
                }
            }
        }
        LineUse::Taken
    }
    /// Takes the row that was held, with the next line if that is its rest; true if it is.
    pub(super) fn settle_windbg(&mut self, next: Option<TextLine<'_>>, sample: &mut Sample) -> bool {
        let TextLayout::Windbg(table) = &mut self.mode else { return false };
        let Some((row, number)) = table.held.take() else { return false };
        let columns = &table.columns;
        let rest = next.map_or(&b""[..], |next| next.line);
        let is_row = !matches!(
            windbg::line(rest, columns),
            windbg::PoolUsedLine::Other | windbg::PoolUsedLine::Broken
        );
        let is_rest = !is_row && rest.trim_ascii().first().is_some_and(u8::is_ascii_digit);
        let end = windbg::end(&row, columns);
        if is_rest {
            let joined = windbg::joined(&row, rest, columns);
            let Some(line) = joined else {
                self.builder.noticed.broken.add(number, &row);
                return true;
            };
            self.builder.noticed.joined += 1;
            self.windbg_row(TextLine { line: &line, number, ended: true }, sample);
            return true;
        }
        let all = end.figures == columns.figures();
        // WinDbg prints a description behind each row. Without one, a figure that fills its column may have been cut, or the
        // descriptions were taken away: if the next row follows, the end of the list shows it.
        let at_edge = table.cut_at.is_some_and(|edge| row.len() >= edge);
        let typed =
            end.last == FigureEnd::Perhaps && (!end.aligned || is_row) && !table.described && !at_edge;
        if all && (end.last == FigureEnd::Whole || typed) {
            let is_unsure = end.last == FigureEnd::Perhaps && end.aligned;
            self.windbg_row(TextLine { line: &row, number, ended: true }, sample);
            if let TextLayout::Windbg(table) = &mut self.mode
                && is_unsure
            {
                table.unsure.push((sample.rows.len().saturating_sub(1), row.len(), number));
            }
        } else {
            self.builder.noticed.broken.add(number, &row);
        }
        false
    }

    /// A figure that fills its column in the longest lines of a list may have been cut there: it is unknown, unless the line of
    /// totals confirms it, or the text is WinDbg's own from its heading on: its window does not cut what is copied.
    pub(super) fn settle_unsure(&mut self, sample: &mut Sample) {
        let TextLayout::Windbg(table) = &mut self.mode else { return };
        for (at, length, number) in table.unsure.drain(..) {
            let is_cut = length >= table.longest && !table.headed;
            if let Some(row) = sample.rows.get_mut(at).filter(|_| is_cut) {
                row.counters.bytes = None;
                self.builder.noticed.cut.add(number, b"");
            }
        }
    }
}
