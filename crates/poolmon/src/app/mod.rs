//! What commands share. A command never imports another one.
//!
//! * [`say`]: everything on standard error; [`outcome`]: exit codes;
//! * [`owners`]: where drivers' names come from; * [`table`]: a table, printed; [`snapshot`]: one appended to a file;
//! * [`screen`]: the screen over any source; [`judge`]: its verdicts; [`judged`]: verdicts on files or on this machine.

pub mod judge;
pub mod judged;
pub mod outcome;
pub mod owners;
pub mod say;
pub mod screen;
pub mod snapshot;
pub mod table;
