//! One sample as a source: the screen over a dump.

use std::sync::Arc;

use poolmon_model::{Origin, Sample};
use poolmon_source::{Result, Source};

/// One moment that never changes.
pub struct Still(pub Sample);

impl Source for Still {
    fn origin(&self) -> &Arc<Origin> {
        &self.0.origin
    }

    fn sample_into(&mut self, sample: &mut Sample) -> Result<()> {
        sample.clone_from(&self.0);
        Ok(())
    }

    fn is_still(&self) -> bool {
        true
    }
}
