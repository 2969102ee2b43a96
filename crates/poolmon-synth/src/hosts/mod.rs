//! Labelled hosts: samples of machines of which the truth is known, to measure verdicts against.
//!
//! 1. [`rng`]: the seeded generator; [`Load`]: what the machine does all day;
//! 2. [`Shape`]: what one tag does over time; [`Plan`]: everything about one tag; [`Truth`]: what is true of it;
//! 3. [`Host`]: steps all tags through time and gives samples;
//! 4. [`random`]: hosts drawn from a seed; [`scenario`]: hosts written down in `tests/scenarios/*.toml`.
//!
//! The simulation shares no code with `poolmon-leak`.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and hours of a simulation, far from the limits of their types"
)]

mod host;
mod load;
mod plan;
pub mod random;
pub mod rng;
pub mod scenario;
mod shape;

pub use host::{Clock, Host, Limits};
pub use load::Load;
pub use plan::{Follow, Plan, Truth};
pub use shape::Shape;

/// Whether a leak is worth acting on: at least 1 MB an hour or 1 % of its pool a day, still going on at the end
/// of the recording, and for at least a quarter of it.
pub fn worth_acting_on(bytes_per_hour: f64, pool_bytes: f64, since_hours: f64, hours: f64) -> bool {
    (bytes_per_hour >= 1e6 || bytes_per_hour * 24.0 >= pool_bytes * 0.01)
        && hours - since_hours >= hours * 0.25
}
