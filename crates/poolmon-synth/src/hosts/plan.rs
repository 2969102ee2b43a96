//! What one tag of a host is like, and what is true of it.

use poolmon_model::{Pool, Tag};

use super::Shape;

/// One tag of a host.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name.
    pub tag: Tag,
    /// Its pool.
    pub pool: Pool,
    /// Bytes of one allocation.
    pub size: f64,
    /// Allocations outstanding on average, without the shape.
    pub base: f64,
    /// Noise of the outstanding allocations, part of `base`.
    pub noise: f64,
    /// How long the noise remembers, hours.
    pub memory: f64,
    /// How far the base follows the load: 0.5 = half as much again where the load doubles.
    pub gain: f64,
    /// How often in an hour everything outstanding is freed and allocated again.
    pub turnover: f64,
    /// Never frees anything.
    pub no_frees: bool,
    /// Sizes differ from allocation to allocation, so that bytes per allocation wander by this part.
    pub mixed: f64,
    /// What it does over time.
    pub shape: Shape,
    /// Loses `multiple` allocations whenever tag number `leader` of the host loses one.
    pub follows: Option<Follow>,
    /// First seen this many hours after the start.
    pub appears: f64,
    /// Its 32-bit counters start just below the wrap.
    pub wraps: bool,
    /// Name of the verdict that a scenario expects.
    pub expect: Option<String>,
}

/// A tag of another layer that an allocation of the leaking one drags along.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Follow {
    /// Index of the tag that leaks.
    pub leader: usize,
    /// Allocations for each of the leader's.
    pub multiple: u32,
}

impl Plan {
    /// A tag with a little traffic.
    pub fn new(tag: Tag, pool: Pool, size: f64, base: f64) -> Self {
        Self {
            tag,
            pool,
            size,
            base,
            noise: 0.01,
            memory: 0.05,
            gain: 0.0,
            turnover: 2.0,
            no_frees: false,
            mixed: 0.0,
            shape: Shape::Traffic,
            follows: None,
            appears: 0.0,
            wraps: false,
            expect: None,
        }
    }
}

/// What is true of a tag: what a verdict is measured against.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Index of the tag in the host's plans.
    pub at: usize,
    /// Name of its shape; `lockstep` for a tag that is dragged along.
    pub shape: &'static str,
    /// Bytes lost in an hour, where it leaks until the end of the recording.
    pub leak: Option<f64>,
    /// Since when, hours.
    pub since: f64,
    /// Worth acting on; see [`super::worth_acting_on`].
    pub worth: bool,
    /// What it leaked during the recording is more than twice the standard deviation of the tag's own noise.
    pub visible: bool,
}
