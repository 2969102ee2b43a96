//! What commands share. A command never imports another one.
//!
//! * [`owners`]: where drivers' names come from; * [`table`]: a table, printed; [`snapshot`]: one appended to a file;
//! * [`screen`]: the screen over any source; [`judge`]: its verdicts; [`judged`]: verdicts on files or on this machine.

pub mod judge;
pub mod judged;
pub mod owners;
pub mod screen;
pub mod snapshot;
pub mod table;
