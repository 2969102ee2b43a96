//! What commands share. A command never imports another one.
//!
//! * [`say`]: everything on standard error; [`outcome`]: exit codes;
//! * [`owners`]: where drivers' names come from; * [`table`]: a table, printed; [`snapshot`]: one appended to a file;
//! * [`screen`]: the screen over any source; [`live_judge`]: its verdicts; [`row_trace`]: its key `T`; [`analyse`]: verdicts on files or on this machine;
//! * [`simulated`]: the kernel of the demo;
//! * [`drivers`], [`caches`], [`suspects`]: searches for owners; [`copy`]: samples into a folder; [`limits`]: `--fail-on TAG>SIZE`;
//! * [`status_line`], [`search_progress`]: what a person sees meanwhile.

pub mod analyse;
pub mod caches;
pub mod copy;
pub mod drivers;
pub mod limits;
pub mod live_judge;
pub mod open;
pub mod outcome;
pub mod owners;
pub mod row_trace;
pub mod say;
pub mod screen;
pub mod search_progress;
pub mod simulated;
pub mod snapshot;
pub mod status_line;
pub mod suspects;
pub mod table;
