//! Sources that stand around another one.

use std::sync::Arc;

use poolmon_model::{Origin, Pool, Sample, Tag};

use crate::{Fact, LoadedModule, Result, Source};

/// A source around another one. What it does not do itself is the inner one's: a call that is added to [`Source`] later is passed on as well.
pub trait Wrapper: Send {
    /// The source inside.
    fn inner(&self) -> &dyn Source;

    /// The same, to be asked.
    fn inner_mut(&mut self) -> &mut dyn Source;

    /// [`Source::sample_into`].
    ///
    /// # Errors
    /// Those of the inner source.
    fn now_into(&mut self, sample: &mut Sample) -> Result<()> {
        self.inner_mut().sample_into(sample)
    }

    /// [`Source::past_into`].
    ///
    /// # Errors
    /// Those of the inner source.
    fn earlier_into(&mut self, sample: &mut Sample) -> Result<bool> {
        self.inner_mut().past_into(sample)
    }
}

impl<T: Wrapper> Source for T {
    fn origin(&self) -> &Arc<Origin> {
        self.inner().origin()
    }

    fn sample_into(&mut self, sample: &mut Sample) -> Result<()> {
        self.now_into(sample)
    }

    fn past_into(&mut self, sample: &mut Sample) -> Result<bool> {
        self.earlier_into(sample)
    }

    fn want_sessions(&mut self, wanted: bool) {
        self.inner_mut().want_sessions(wanted);
    }

    fn is_still(&self) -> bool {
        self.inner().is_still()
    }

    fn count_each(&mut self) -> Result<bool> {
        self.inner_mut().count_each()
    }

    fn facts(&mut self, tag: &Tag, pool: Pool) -> Vec<Fact> {
        self.inner_mut().facts(tag, pool)
    }

    fn merged(&self) -> Vec<Vec<String>> {
        self.inner().merged()
    }

    fn modules(&mut self) -> Option<Vec<LoadedModule>> {
        self.inner_mut().modules()
    }
}
