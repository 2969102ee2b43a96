//! Reasons of verdicts that more than one place has to know.

/// The bytes follow the machine's load.
pub const FOLLOWS_LOAD: &str = "its bytes follow the machine's load";
/// Load or time of day explain the growth.
pub const LOAD_EXPLAINS: &str = "load or time of day explains most of its growth";
/// What was gained is given up again.
pub const FALLS_BACK: &str = "falls back on its own";
/// Swings, with neither a trend nor a fall.
pub const NO_TREND: &str = "changes, but without a trend";
