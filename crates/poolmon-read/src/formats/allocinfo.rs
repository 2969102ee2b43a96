//! `/proc/allocinfo`: memory by the place in the source that allocated it.

use crate::text::linux::{self, Section};
use crate::{FileFormat, FormatGroup, Holds};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "allocinfo",
    title: "a saved /proc/allocinfo",
    about: "/proc/allocinfo 1.x and 2.x: bytes held by each call site",
    group: FormatGroup::Linux,
    holds: Holds::Rows,
    recognise: |input| linux::first_section(input.start()) == Some(Section::Allocinfo),
    open: |input, _| linux::open(input, Section::Allocinfo),
};
