//! Bytes of every row at the samples of the last boot: what a person with a spreadsheet has.

use poolmon_model::{Keys, Sample};

/// Points that the methods work on at most; pairs of them are compared.
const POINTS: usize = 96;

/// The series of a host.
#[derive(Default)]
pub struct Series {
    keys: Keys,
    boot: Option<String>,
    /// Hours of each sample from the first one.
    hours: Vec<f64>,
    /// Bytes of each row, by the number of its key; shorter than `hours` if it is not listed any more.
    rows: Vec<Vec<f64>>,
}

/// One row, thinned to at most [`POINTS`] points.
pub struct Line<'a> {
    /// The number of its key.
    pub key: u32,
    /// Hours of each point.
    pub hours: &'a [f64],
    /// Bytes at each point.
    pub bytes: Vec<f64>,
}

impl Series {
    /// Takes in a sample; one of another boot begins again.
    pub fn push(&mut self, sample: &Sample, hours: f64) {
        if self.boot != sample.origin.boot {
            self.boot.clone_from(&sample.origin.boot);
            self.hours.clear();
            self.rows.iter_mut().for_each(Vec::clear);
        }
        let at = self.hours.len();
        self.hours.push(hours);
        self.keys.match_rows(&sample.rows);
        for (row, &number) in sample.rows.iter().zip(self.keys.order()) {
            let number = number as usize;
            if self.rows.len() <= number {
                self.rows.resize(number + 1, Vec::new());
            }
            // A tag that appears late held nothing before.
            self.rows[number].resize(at, 0.0);
            self.rows[number].push(row.counters.bytes.unwrap_or(0) as f64);
        }
    }

    /// The key of a number.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    fn picked(&self) -> Vec<usize> {
        let samples = self.hours.len();
        let points = samples.min(POINTS);
        (0..points).map(|point| if points > 1 { point * (samples - 1) / (points - 1) } else { 0 }).collect()
    }

    /// Hands every row that changed to the caller.
    pub fn each_changing(&self, mut take: impl FnMut(Line<'_>)) {
        let picked = self.picked();
        let hours: Vec<f64> = picked.iter().map(|&at| self.hours[at]).collect();
        for (number, row) in self.rows.iter().enumerate() {
            let bytes: Vec<f64> = picked.iter().map(|&at| row.get(at).copied().unwrap_or(0.0)).collect();
            if bytes.windows(2).any(|pair| (pair[0] - pair[1]).abs() > 0.0) {
                take(Line { key: u32::try_from(number).unwrap_or(u32::MAX), hours: &hours, bytes });
            }
        }
    }
}
