//! The last sample of a file as a source: the screen over a dump.

use std::path::Path;
use std::sync::Arc;

use poolmon_model::{CounterWidth, Origin, Pool, Sample, SourceKind};
use poolmon_source::{Result, Source};

use super::series::Series;

/// One moment that never changes.
pub struct Still {
    sample: Sample,
    complete: bool,
}

impl Still {
    /// Reads a file up to its last sample.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut series = Series::open(&[path.to_path_buf()])?;
        for remark in series.take_remarks() {
            eprintln!("poolmon: {remark}");
        }
        let empty = || {
            Sample::new(Arc::new(Origin::new(SourceKind::PoolmonLog, &Pool::ALL)), CounterWidth::default())
        };
        let (mut sample, mut next) = (None, empty());
        while series.next_into(&mut next)? {
            next = sample.replace(next).unwrap_or_else(empty);
        }
        let Some(sample) = sample else { anyhow::bail!("{}: there is no sample in it", path.display()) };
        Ok(Self { sample, complete: series.complete() })
    }

    /// What its source remarked.
    pub fn remarks(&self) -> &[String] {
        &self.sample.remarks
    }

    /// False where a dump did not tell all its figures.
    pub fn complete(&self) -> bool {
        self.complete
    }
}

impl Source for Still {
    fn origin(&self) -> &Arc<Origin> {
        &self.sample.origin
    }

    fn sample_into(&mut self, sample: &mut Sample) -> Result<()> {
        sample.clone_from(&self.sample);
        Ok(())
    }

    fn is_still(&self) -> bool {
        true
    }
}
