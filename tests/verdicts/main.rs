//! Histories that were judged wrongly once, each with the answer that is right.
//!
//! Every case has one function that says what is right (`cases.rs`), asked of a history of our own (`ours.rs`, built by
//! `history.rs`) and of the one in which the fault was found, where that is at hand (`originals.rs`). `judged.rs` is the only
//! file that names the types of verdicts.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "objects and bytes stay far below 2^53 and are never negative"
)]

mod cases;
mod history;
mod judged;
mod originals;
mod ours;
