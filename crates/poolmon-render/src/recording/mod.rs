//! `info` and `verify`: recordings.

pub mod info;
pub mod verify;
