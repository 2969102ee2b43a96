//! `/proc/meminfo` or lines of it, in a series: figures of the machine, without rows.

use crate::text::linux::{self, Section};
use crate::{FileFormat, FormatGroup, Holds};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "meminfo",
    title: "a saved /proc/meminfo",
    about: "/proc/meminfo, or lines of it, many times: machine-wide figures",
    group: FormatGroup::Linux,
    holds: Holds::Totals,
    recognise: |input| linux::first_section(input.start()) == Some(Section::Meminfo),
    open: |input, _| linux::open(input, Section::Meminfo),
};
