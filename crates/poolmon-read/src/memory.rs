//! Files as a tape: all of their samples are held in memory, so there is a limit.

use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::units::grouped;
use poolmon_model::{Pool, Sample, Tag};
use poolmon_store::totals;

use crate::recorded_tape::sum;
use crate::tape::{Place, RowPoint, Tape, Timeline};
use crate::{ReadError, Result, SampleSeries, Samples, moment};

/// Rows of all snapshots together: about 150 MB.
const MOST_ROWS: usize = 1_000_000;

/// The tape.
pub(crate) struct MemoryTape {
    name: String,
    samples: Vec<(Timestamp, Sample)>,
    /// Index of the held sample; `None` before the first.
    at: Option<usize>,
    numbered: bool,
}

impl MemoryTape {
    /// Reads a series to its end.
    pub(crate) fn read(mut series: SampleSeries) -> Result<Self> {
        let mut samples = Vec::new();
        let mut rows = 0;
        let mut sample = Sample::empty();
        while series.next_into(&mut sample)? {
            rows += sample.rows.len();
            if rows > MOST_ROWS {
                let limit = grouped(MOST_ROWS as u64);
                let problem = format!("more than {limit} rows; a log is kept in memory while it is shown");
                let remedy = "import it first: poolmon import FILE -o DIR";
                return Err(ReadError::unsuitable(series.name(), problem, remedy));
            }
            samples.push(sample.clone());
        }
        if samples.is_empty() {
            return Err(nothing(series.name()));
        }
        Ok(Self::new(series.name().to_owned(), samples))
    }

    /// Samples without times are numbered: each stands for a second since 1970.
    fn new(name: String, samples: Vec<Sample>) -> Self {
        let numbered = samples.iter().any(|sample| sample.time.is_none());
        let samples = (1..).zip(samples).map(|(n, mut sample)| {
            if numbered {
                sample.time = Timestamp::from_second(n).ok();
            }
            (sample.time.unwrap_or_default(), sample)
        });
        Self { name, samples: samples.collect(), at: None, numbered }
    }

    fn hold(&mut self, at: usize, sample: &mut Sample) -> bool {
        let Some((_, held)) = self.samples.get(at) else { return false };
        sample.clone_from(held);
        self.at = Some(at);
        true
    }
}

fn nothing(name: &str) -> ReadError {
    ReadError::unsuitable(name, "there is no snapshot in it", "name a file with a pool table")
}

/// The usual time between two samples, if it is written nowhere.
fn usual(mut distances: Vec<Duration>) -> Duration {
    distances.sort_unstable();
    distances.get(distances.len() / 2).copied().unwrap_or(Duration::from_secs(5))
}

impl Samples for MemoryTape {
    fn next_into(&mut self, sample: &mut Sample) -> Result<bool> {
        Ok(self.hold(self.at.map_or(0, |at| at + 1), sample))
    }

    fn rewind(&mut self) -> bool {
        self.at = None;
        true
    }
}

impl Tape for MemoryTape {
    fn name(&self) -> &str {
        &self.name
    }

    fn place(&self) -> Place {
        Place(0, self.at.unwrap_or(0) as u64)
    }

    fn seek(&mut self, to: Timestamp, sample: &mut Sample) -> Result<bool> {
        let at = self.samples.iter().rposition(|(time, _)| *time <= to).unwrap_or(0);
        Ok(self.hold(at, sample))
    }

    fn back(&mut self, count: u32, sample: &mut Sample) -> Result<bool> {
        let now = self.at.unwrap_or(0);
        let to = now.saturating_sub(count as usize);
        Ok(to < now && self.hold(to, sample))
    }

    fn timeline(&mut self) -> Result<Timeline> {
        let (Some((first, _)), Some((last, _))) = (self.samples.first(), self.samples.last()) else {
            return Err(nothing(&self.name));
        };
        let distances = self.samples.windows(2).filter_map(|two| match two {
            [(a, _), (b, _)] => Duration::try_from(b.duration_since(*a)).ok(),
            _ => None,
        });
        Ok(Timeline {
            first: *first,
            last: *last,
            totals: self.samples.iter().map(|(time, sample)| (*time, sum(&totals(sample)))).collect(),
            marks: Vec::new(),
            interval: usual(distances.collect()),
            growing: false,
            numbered: self.numbered,
        })
    }

    fn row(
        &mut self,
        row: &(Tag, Pool),
        from: Timestamp,
        to: Timestamp,
        _count: u32,
    ) -> Result<Vec<RowPoint>> {
        let within = self.samples.iter().filter(|(time, _)| (from..=to).contains(time));
        let points = within.map(|(time, sample)| {
            let found = sample.rows.iter().find(|other| other.pool == row.1 && other.tag == row.0);
            let counters = found.map(|row| row.counters).unwrap_or_default();
            RowPoint { time: *time, counters, width: sample.width }
        });
        Ok(points.collect())
    }

    fn moment(&self, text: &str, shown: Timestamp) -> Result<Timestamp> {
        let (first, last) = (self.samples.first(), self.samples.last());
        let ends = first.zip(last).map(|(first, last)| (first.0, last.0)).unwrap_or_default();
        if self.numbered {
            // The number of a snapshot.
            if let Some(at) = text.trim().parse().ok().and_then(|n: i64| Timestamp::from_second(n).ok()) {
                return Ok(at);
            }
            if !["start", "end", "first", "last"].contains(&text.trim()) {
                let problem = "these snapshots have no times: type the number of a snapshot";
                return Err(ReadError::unsuitable(&self.name, problem, "1 is the first of them"));
            }
        }
        Ok(moment::typed(text, shown, ends.0, ends.1)?)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::ReadOptions;

    const SNAP: &str = " Tag  Type     Allocs     Frees      Diff   Bytes  Per Alloc\n\n\
         Leak Nonp      31642      1204    30438 31168512   1024\n";

    #[test]
    fn snapshots_without_times_are_numbered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("three.log");
        std::fs::write(&path, SNAP.repeat(3)).unwrap();
        let mut tape =
            MemoryTape::read(SampleSeries::open(&[path], ReadOptions::default()).unwrap()).unwrap();
        let timeline = tape.timeline().unwrap();
        assert!(timeline.numbered);
        assert_eq!((timeline.first.as_second(), timeline.last.as_second()), (1, 3));
        assert_eq!(timeline.totals.len(), 3);
        let mut sample = Sample::empty();
        let to = tape.moment("2", timeline.first).unwrap();
        assert!(tape.seek(to, &mut sample).unwrap());
        assert_eq!(tape.place(), Place(0, 1));
        assert!(tape.moment("14:00", timeline.first).unwrap_err().to_string().contains("number"));
        assert!(tape.next_into(&mut sample).unwrap() && !tape.next_into(&mut sample).unwrap());
        assert!(tape.back(9, &mut sample).unwrap() && !tape.back(1, &mut sample).unwrap());
        let row = (sample.rows[0].tag.clone(), Pool::Nonpaged);
        let points = tape.row(&row, timeline.first, timeline.last, 9).unwrap();
        assert_eq!(
            points.iter().map(|point| point.counters.bytes).collect::<Vec<_>>(),
            [Some(31_168_512); 3]
        );
    }

    #[test]
    fn a_log_that_is_too_long_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.log");
        let mut text = SNAP.to_owned();
        for n in 0..50_000 {
            let _ = writeln!(text, " {n:04x} Nonp      31642      1204    30438 31168512   1024");
        }
        std::fs::write(&path, text.repeat(21)).unwrap();
        let error =
            MemoryTape::read(SampleSeries::open(&[path], ReadOptions::default()).unwrap()).err().unwrap();
        assert!(poolmon_model::problem::Remedy::in_full(&error).contains("poolmon import"), "{error}");
    }
}
