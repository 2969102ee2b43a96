//! A simulated kernel pool, and writers of test data.

pub mod hosts;
