//! The simulated kernel as a source.

use std::sync::Arc;
use std::time::{Duration, Instant};

use poolmon_model::{Origin, Sample};
use poolmon_source::{Result, Source};

use super::SimulatedKernel;

/// How simulated time passes.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// As fast as real time; the instant of the last sample.
    Real(Option<Instant>),
    /// The same step before every sample but the first.
    Fixed { step: Duration, started: bool },
}

/// A source that samples a [`SimulatedKernel`]. The first sample shows its start.
#[derive(Debug)]
pub struct SimulatedSource {
    kernel: SimulatedKernel,
    pace: Pace,
    sessions: bool,
    /// Simulated time that lies before the first sample, and how far apart its moments are.
    past: Duration,
}

/// Time between two moments of the past.
const PAST_STEP: Duration = Duration::from_mins(20);

impl SimulatedSource {
    /// Time passes as it does outside, after so much of it that is simulated at once.
    pub fn with_past(kernel: SimulatedKernel, past: Duration) -> Self {
        Self { past, ..Self::real_time(kernel) }
    }

    /// Time passes as it does outside.
    pub fn real_time(kernel: SimulatedKernel) -> Self {
        Self { kernel, pace: Pace::Real(None), sessions: false, past: Duration::ZERO }
    }

    /// Every sample is `step` after the one before, however fast it is asked for.
    pub fn fixed_step(kernel: SimulatedKernel, step: Duration) -> Self {
        Self { kernel, pace: Pace::Fixed { step, started: false }, sessions: false, past: Duration::ZERO }
    }

    /// The kernel behind it.
    pub fn kernel(&self) -> &SimulatedKernel {
        &self.kernel
    }
}

impl Source for SimulatedSource {
    fn origin(&self) -> &Arc<Origin> {
        self.kernel.origin()
    }

    fn sample_into(&mut self, sample: &mut Sample) -> Result<()> {
        while self.kernel.elapsed() < self.past {
            self.kernel.step(PAST_STEP);
        }
        match &mut self.pace {
            Pace::Real(last) => {
                let now = Instant::now();
                if let Some(before) = last.replace(now) {
                    self.kernel.step(now.duration_since(before));
                }
            }
            Pace::Fixed { step, started: true } => self.kernel.step(*step),
            Pace::Fixed { started, .. } => *started = true,
        }
        self.kernel.fill(sample, self.sessions);
        Ok(())
    }

    fn past_into(&mut self, sample: &mut Sample) -> Result<bool> {
        if self.kernel.elapsed() >= self.past {
            return Ok(false);
        }
        self.kernel.fill(sample, self.sessions);
        self.kernel.step(PAST_STEP);
        Ok(true)
    }

    fn want_sessions(&mut self, wanted: bool) {
        self.sessions = wanted;
    }
}
