//! What the machine does, as its rows show it: how much more or less than usual they allocate.
//!
//! Rows that follow the same work gain objects at the same times, although no object of one holds an object of the other. Of many
//! busy rows the middle one, cell by cell, is that work.

use super::Points;
use crate::stats::rank;

/// Cells that the judged time is cut into.
const CELLS: usize = 64;

/// Allocations from which on a row is busy.
const BUSY: f64 = 2_000.0;

/// Busy rows that are needed: of fewer, those that are compared might be the middle.
const ROWS: usize = 12;

/// Collects what rows allocate.
#[derive(Debug)]
pub struct Activity {
    from: f64,
    to: f64,
    /// For each cell, what each busy row allocated in it, over its mean.
    cells: Vec<Vec<f64>>,
}

impl Activity {
    /// Of these hours.
    pub fn new((from, to): (f64, f64)) -> Self {
        Self { from, to, cells: vec![Vec::new(); CELLS] }
    }

    /// Takes in a row; it counts if it is busy, and there all the time.
    pub fn add(&mut self, points: &Points) {
        let (Some(first), Some(last)) = (points.hours.first(), points.hours.last()) else { return };
        let span = self.to - self.from;
        let made = points.allocs[points.len() - 1] - points.allocs[0];
        if span <= 0.0 || last - first < 0.95 * span || made < BUSY {
            return;
        }
        let at = |cell: usize| points.at(&points.allocs, self.from + span * cell as f64 / CELLS as f64);
        for (number, cell) in self.cells.iter_mut().enumerate() {
            cell.push((at(number + 1) - at(number)) / made * CELLS as f64);
        }
    }

    /// The work done until each cell, if enough rows are busy.
    pub fn work(&self) -> Option<Work> {
        let mut sums = vec![0.0];
        for cell in &self.cells {
            let middle = rank::median_of(cell).filter(|_| cell.len() >= ROWS)?;
            sums.push(sums.last().copied().unwrap_or(0.0) + middle.max(0.0));
        }
        Some(Work { from: self.from, to: self.to, sums })
    }
}

/// Work of the machine, summed up.
#[derive(Clone, Debug)]
pub struct Work {
    from: f64,
    to: f64,
    sums: Vec<f64>,
}

impl Work {
    /// The work done until an hour.
    pub fn until(&self, hour: f64) -> f64 {
        let cells = (self.sums.len() - 1) as f64;
        let place = ((hour - self.from) / (self.to - self.from) * cells).clamp(0.0, cells);
        let before = (place.floor() as usize).min(self.sums.len() - 2);
        let (low, high) = (self.sums[before], self.sums[before + 1]);
        low + (high - low) * (place - before as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(hours: usize, made: impl Fn(usize) -> f64) -> Points {
        let mut points = Points::default();
        let mut sum = 0.0;
        for hour in 0..=hours {
            points.hours.push(hour as f64);
            points.allocs.push(sum);
            sum += made(hour);
        }
        points
    }

    #[test]
    fn the_middle_row_is_the_work_of_the_machine() {
        let mut activity = Activity::new((0.0, 64.0));
        for number in 0..14 {
            activity.add(&row(64, |hour| if hour < 32 { 100.0 } else { 300.0 } * f64::from(number + 1)));
        }
        // One that does as it likes, and more than those that follow the work: some that do little, some that came late.
        activity.add(&row(64, |hour| if hour < 32 { 9_000.0 } else { 0.0 }));
        for _ in 0..16 {
            activity.add(&row(64, |hour| if hour < 32 { 30.0 } else { 0.0 }));
            activity.add(&row(20, |_| 900.0));
        }
        let work = activity.work().unwrap();
        assert!((work.until(64.0) - 64.0).abs() < 1e-6, "{work:?}");
        assert!((work.until(32.0) - 16.0).abs() < 1e-6, "{work:?}");
        assert!((work.until(48.5) - 40.75).abs() < 1e-6, "{work:?}");
    }

    #[test]
    fn few_rows_are_not_the_machine() {
        let mut activity = Activity::new((0.0, 64.0));
        (0..ROWS - 1).for_each(|_| activity.add(&row(64, |_| 100.0)));
        assert!(activity.work().is_none());
    }
}
