//! From series to verdicts.
//!
//! 1. `points`: the buckets of the boot that is judged, thinned to what pairwise statistics can bear;
//! 2. `one`: the statistics of one series, and the verdict that follows from them, test by test;
//! 3. `ended`: whether the growth is over;
//! 4. `all`: many tags tested at once, shares of the pools' growth; `compare`: what each row is compared with;
//! 5. `spoken`: words about a row that single samples would contradict are corrected; `shape`: what growth looks like that is no
//!    suspect;
//! 6. `group`: lockstep groups and their likeliest culprit, with the help of [`owner`] and of what the machine did (`activity`);
//!    `company`: what their members say of one another;
//! 7. `end`: when memory runs out; `power`: how large a leak would have been seen, where none was.

mod activity;
mod all;
mod company;
mod compare;
mod end;
mod ended;
mod group;
mod one;
pub mod owner;
mod points;
mod pools;
mod power;
mod shape;
mod spoken;

pub(crate) use all::report;
pub use points::Points;
