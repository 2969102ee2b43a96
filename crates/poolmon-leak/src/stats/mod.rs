//! The statistics, one idea a file, each citing its paper.
//!
//! * [`normal`]: the normal distribution; [`rank`]: medians and ranks;
//! * [`mann_kendall`]: is there a trend at all, with ties and autocorrelation;
//! * [`theil_sen`]: how steep it is, with its confidence interval;
//! * [`change_point`]: since when: a jump of the level, a bend of the slope;
//! * [`floor`]: the rising floor, and how far a series falls back;
//! * [`saturation`]: is the later part slower than the earlier;
//! * [`rhythm`]: trend without load and time of day, and growth from day to day;
//! * [`regression`]: least squares with several columns, which `rhythm` needs; [`line`]: with one, and correlation;
//! * [`false_discovery`]: many tags tested at once; [`discrete`]: where each can only give certain p-values;
//! * [`signed_rank`]: are differences above zero, and by how much.
//!
//! Everything here works on plain slices and knows nothing of tags.

pub mod change_point;
pub mod discrete;
pub mod false_discovery;
pub mod floor;
pub mod line;
pub mod mann_kendall;
pub mod normal;
pub mod rank;
pub mod regression;
pub mod rhythm;
pub mod saturation;
pub mod signed_rank;
pub mod theil_sen;
