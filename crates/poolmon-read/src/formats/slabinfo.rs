//! `/proc/slabinfo`, saved once or by a script in a series.

use crate::text::linux::{self, Section};
use crate::{FileFormat, FormatGroup, Holds};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "slabinfo",
    title: "a saved /proc/slabinfo",
    about: "/proc/slabinfo 2.x, once or many times with dates between",
    group: FormatGroup::Linux,
    holds: Holds::Rows,
    recognise: |input| matches!(linux::first_section(input.start()), Some(Section::Slabinfo | Section::OldSlabinfo)),
    open: |input, _| linux::open(input, Section::Slabinfo),
};
