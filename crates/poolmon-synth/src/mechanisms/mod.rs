//! Hosts simulated from mechanisms: what allocates and frees objects, not what its curve looks like.
//!
//! A host does work with the rhythm of days and weeks (`load`); its processes allocate and free objects (`process`), which
//! rows count as Windows or Linux would (`row`, `slabs`). In some rows objects are lost, in others they pile up for good
//! reasons. Whoever judges the samples is measured by the [`Truth`].
//!
//! 1. `seeds`: which host, of three sets that code cannot mix; `chance`: random numbers;
//! 2. `schedule`: when it is sampled, and when it is rebooted; `load`: what work it does meanwhile;
//! 3. `background`: rows in which nothing is wrong; `growth`: rows that grow without a leak; `leaks`: leaks;
//! 4. [`Host::run`]: samples, and then the truth.
//!
//! It shares nothing with `hosts`, which draws shapes of curves, and it was written without a look at the code of the judge.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "objects and bytes of a simulated machine stay far below 2^53 and are never negative"
)]

mod background;
mod builder;
mod chance;
mod growth;
mod host;
mod leaks;
mod load;
mod names;
mod process;
mod row;
mod schedule;
mod seeds;
mod slabs;
mod truth;

#[cfg(test)]
mod tests;

pub use builder::System;
pub use host::Host;
pub use schedule::{Length, Schedule};
pub use seeds::{HeldOut, Seed, Set, Tuning, Validation};
pub use truth::{Cause, Mechanism, RowTruth, Standing, Truth};
