//! Meters in the place of the plain memory figures, if the screen is wide: how much of what there is is used, for memory, commit and pools,
//! with the numbers at both ends; and what has no limit to the right of them.

use poolmon_model::Header;
use poolmon_model::units::{grouped, human_bytes};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::ScreenLine;
use crate::app::App;

/// A shorter meter says less than its numbers.
const SHORTEST: usize = 8;
/// A longer one says no more.
const LONGEST: usize = 32;
/// `1023 MiB`.
const SIZE: usize = 8;
/// `of 1023 GiB`, `0.1 % of RAM`.
const LIMIT: usize = 12;
/// Between two columns.
const GAP: usize = 2;

const FULL: char = '■';
const EMPTY: char = '·';

/// How much of a limit is used.
struct Meter {
    label: &'static str,
    used: u64,
    limit: u64,
    /// What all of it is.
    of: String,
}

impl Meter {
    fn new(label: &'static str, used: Option<u64>, limit: Option<u64>) -> Option<Self> {
        let (used, limit) = (used?, limit.filter(|limit| *limit > 0)?);
        Some(Self { label, used, limit, of: format!("of {}", human_bytes(limit)) })
    }

    /// A pool: of its limit if the system reports one, else of all memory.
    fn pool(label: &'static str, used: Option<u64>, limit: Option<u64>, memory: Option<u64>) -> Option<Self> {
        Self::new(label, used, limit).or_else(|| {
            let meter = Self::new(label, used, memory)?;
            let percent = meter.part() * 100.0;
            let digits = usize::from(percent < 9.95);
            Some(Self { of: format!("{percent:.digits$} % of RAM"), ..meter })
        })
    }

    fn part(&self) -> f64 {
        self.used as f64 / self.limit as f64
    }

    /// Cells that are full; what is there is seen.
    fn full(&self, cells: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to `cells`")]
        let full = (self.part().clamp(0.0, 1.0) * cells as f64).round() as usize;
        full.max(usize::from(self.used > 0)).min(cells)
    }
}

/// A figure that has no limit.
type Plain = (&'static str, String);

/// What is in the lines of the header.
struct Lines {
    meters: [[Meter; 2]; 2],
    plain: [Vec<Plain>; 2],
    /// Cells of each meter.
    cells: usize,
}

/// The header as meters; `None` = there is no room for them, or no figures.
fn lines(app: &App, width: u16) -> Option<Lines> {
    let header = &app.view.table.header;
    let used = header.memory_total.zip(header.memory_available).map(|(all, free)| all.saturating_sub(free));
    let memory = Meter::new("Memory", used, header.memory_total);
    let commit = Meter::new("Commit", header.commit, header.commit_limit);
    let pool = |label, used, limit| Meter::pool(label, used, limit, header.memory_total);
    let (pools, plain) = if super::header::is_linux(header) {
        let pools =
            [pool("Slab R", header.slab_reclaimable, None), pool("Slab U", header.slab_unreclaimable, None)];
        (pools, linux(header))
    } else {
        let pools = [
            pool("Nonpaged", header.pool_nonpaged, header.limit_nonpaged),
            pool("Paged", header.pool_paged, header.limit_paged),
        ];
        (pools, windows(app, header))
    };
    let [first, second] = pools;
    let meters = [[memory?, first?], [commit?, second?]];
    let labels = [0, 1].map(|column| widest(meters.iter().map(|line| line[column].label)));
    let figures: usize = [0, 1].into_iter().filter_map(|column| plain_width(&plain, column)).sum();
    let taken: usize =
        labels.iter().map(|label| 1 + label + 1 + SIZE + 1 + 1 + LIMIT + GAP).sum::<usize>() + figures;
    // After the last column there is no gap.
    let cells = (usize::from(width) + GAP).checked_sub(taken)? / 2;
    (cells >= SHORTEST).then_some(Lines { meters, plain, cells: cells.min(LONGEST) })
}

fn linux(header: &Header) -> [Vec<Plain>; 2] {
    let reported = |parts: [(&'static str, Option<u64>); 2]| {
        parts.into_iter().filter_map(|(label, bytes)| Some((label, human_bytes(bytes?)))).collect()
    };
    [
        reported([("KernelStack", header.kernel_stack), ("Vmalloc", header.vmalloc_used)]),
        reported([("PageTables", header.page_tables), ("Percpu", header.percpu)]),
    ]
}

fn windows(app: &App, header: &Header) -> [Vec<Plain>; 2] {
    // Per interval on the screen; 0 before there is a second sample.
    let faults = header.page_faults.map(|_| app.view.table.page_faults_change.unwrap_or(0));
    let faults = faults.map(|faults| grouped(faults.unsigned_abs()));
    let bytes = |bytes: Option<u64>| bytes.map(human_bytes);
    let reported = |parts: [(&'static str, Option<String>); 2]| {
        parts.into_iter().filter_map(|(label, value)| Some((label, value?))).collect()
    };
    [
        reported([("PageFlts", faults), ("Peak", bytes(header.commit_peak))]),
        reported([("InRam Krnl", bytes(header.resident_kernel)), ("P", bytes(header.resident_paged))]),
    ]
}

fn widest<'a>(labels: impl Iterator<Item = &'a str>) -> usize {
    labels.map(|label| label.chars().count()).max().unwrap_or(0)
}

fn label_width(plain: &[Vec<Plain>; 2], column: usize) -> usize {
    widest(plain.iter().filter_map(|line| line.get(column)).map(|(label, _)| *label))
}

/// Cells of a column of plain figures, if it has any.
fn plain_width(plain: &[Vec<Plain>; 2], column: usize) -> Option<usize> {
    plain.iter().any(|line| line.len() > column).then(|| label_width(plain, column) + 1 + SIZE + GAP)
}

/// Whether the header is drawn as meters.
pub(super) fn are_shown(app: &App, width: u16) -> bool {
    lines(app, width).is_some()
}

/// Draws the header as meters; false if it has to be plain.
pub(super) fn draw(app: &App, area: Rect, buffer: &mut Buffer) -> bool {
    let Some(Lines { meters, plain, cells }) = lines(app, area.width) else { return false };
    let theme = app.theme;
    let labels = [0, 1].map(|column| widest(meters.iter().map(|line| line[column].label)));
    for ((y, meters), figures) in (area.y..area.bottom()).zip(&meters).zip(&plain) {
        let mut line = ScreenLine::new(buffer, Rect { y, height: 1, ..area });
        for (meter, label) in meters.iter().zip(labels) {
            line.part(&format!(" {:<label$}", meter.label), theme.dim());
            line.part(&format!(" {:>SIZE$} ", human_bytes(meter.used)), theme.strong());
            let full = meter.full(cells);
            for cell in 0..full {
                line.part(FULL.encode_utf8(&mut [0; 4]), theme.meter(cell, cells));
            }
            line.part(&EMPTY.to_string().repeat(cells - full), theme.dim());
            line.part(&format!(" {:<width$}", meter.of, width = LIMIT + GAP), theme.dim());
        }
        for (column, (label, value)) in figures.iter().enumerate() {
            let width = label_width(&plain, column);
            line.part(&format!("{label:<width$}"), theme.dim());
            line.part(&format!(" {value:>SIZE$}"), Style::new());
            line.part("  ", theme.dim());
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_is_full_only_at_its_limit_and_never_empty_while_something_is_used() {
        let full = |used, limit| Meter::new("x", Some(used), Some(limit)).unwrap().full(10);
        assert_eq!([full(0, 100), full(1, 1000), full(50, 100), full(100, 100)], [0, 1, 5, 10]);
        assert_eq!(full(300, 100), 10, "Linux commits more than its limit");
        assert!(Meter::new("x", Some(1), Some(0)).is_none() && Meter::new("x", None, Some(1)).is_none());
    }

    #[test]
    fn a_pool_without_a_limit_is_measured_by_the_memory() {
        let of = |used, limit, memory| Meter::pool("x", Some(used), limit, memory).map(|meter| meter.of);
        assert_eq!(of(1 << 20, Some(1 << 30), Some(1 << 34)).unwrap(), "of 1.00 GiB");
        assert_eq!(of(26, None, Some(1000)).unwrap(), "2.6 % of RAM");
        assert_eq!(of(124, None, Some(1000)).unwrap(), "12 % of RAM");
        assert_eq!(of(124, None, None), None);
    }
}
