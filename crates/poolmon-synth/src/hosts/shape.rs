//! What one tag does over time, next to its ordinary traffic.

use serde::Deserialize;

/// The shape of a tag's growth. Counts are outstanding allocations; hours count from the start of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case", tag = "shape")]
pub enum Shape {
    /// Never changes.
    Constant,
    /// Comes and goes, no more.
    Traffic,
    /// Loses allocations all the time.
    SteadyLeak {
        /// Allocations lost in an hour.
        per_hour: f64,
    },
    /// The same, so slow that the tag's own traffic hides it for a long time.
    SlowLeak {
        /// Allocations lost in an hour.
        per_hour: f64,
    },
    /// Loses allocations in proportion to the machine's load.
    LoadLeak {
        /// Allocations lost in an hour of mean load.
        per_hour: f64,
    },
    /// Loses many at once, now and then.
    BurstLeak {
        /// Allocations lost in an hour, on average.
        per_hour: f64,
        /// Bursts in an hour, on average.
        bursts: f64,
    },
    /// Begins to leak.
    LateLeak {
        /// Allocations lost in an hour.
        per_hour: f64,
        /// From when on, hours.
        from: f64,
    },
    /// Stops leaking (a service was stopped, a driver updated).
    FixedLeak {
        /// Allocations lost in an hour.
        per_hour: f64,
        /// Until when, hours.
        until: f64,
    },
    /// A cache that fills: 1 − exp(−t/τ).
    CacheExp {
        /// Its allocations when full.
        size: f64,
        /// τ, hours.
        tau: f64,
    },
    /// A cache whose misses get rarer: log(1 + t/τ).
    CacheLog {
        /// Its allocations after one τ, over log 2.
        size: f64,
        /// τ, hours.
        tau: f64,
    },
    /// A cache that grows until memory pressure trims it.
    Sawtooth {
        /// Height of a tooth, allocations.
        size: f64,
        /// Length of a tooth, hours (each tooth differs by up to a quarter).
        period: f64,
    },
    /// Follows the time of day.
    Daily {
        /// Part of its mean by which it swings to each side.
        swing: f64,
        /// Hour of the day of its peak.
        peak: f64,
    },
    /// Takes one block and keeps it.
    Step {
        /// Allocations.
        size: f64,
        /// When, hours.
        at: f64,
    },
    /// A random walk that comes back (Ornstein–Uhlenbeck).
    Walk {
        /// Its standard deviation, allocations.
        sigma: f64,
        /// How long it remembers, hours.
        tau: f64,
    },
    /// Follows the machine's load.
    Load {
        /// Part of its mean by which it grows when the load doubles.
        gain: f64,
    },
}

impl Shape {
    /// Name in tables.
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Traffic => "traffic",
            Self::SteadyLeak { .. } => "steady-leak",
            Self::SlowLeak { .. } => "slow-leak",
            Self::LoadLeak { .. } => "load-leak",
            Self::BurstLeak { .. } => "burst-leak",
            Self::LateLeak { .. } => "late-leak",
            Self::FixedLeak { .. } => "fixed-leak",
            Self::CacheExp { .. } => "cache-exp",
            Self::CacheLog { .. } => "cache-log",
            Self::Sawtooth { .. } => "sawtooth",
            Self::Daily { .. } => "daily",
            Self::Step { .. } => "step",
            Self::Walk { .. } => "walk",
            Self::Load { .. } => "load",
        }
    }

    /// Allocations lost in an hour and since when, where the tag still leaks at the end of the recording.
    pub const fn leak(&self) -> Option<(f64, f64)> {
        match *self {
            Self::SteadyLeak { per_hour }
            | Self::SlowLeak { per_hour }
            | Self::LoadLeak { per_hour }
            | Self::BurstLeak { per_hour, .. } => Some((per_hour, 0.0)),
            Self::LateLeak { per_hour, from } => Some((per_hour, from)),
            _ => None,
        }
    }
}
