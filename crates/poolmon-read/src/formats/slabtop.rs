//! What `slabtop -o` prints.

use crate::text::linux::{self, Section};
use crate::{FileFormat, FormatGroup, Holds};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "slabtop",
    title: "the output of slabtop",
    about: "The output of slabtop, once or repeated",
    group: FormatGroup::Linux,
    holds: Holds::Rows,
    recognise: |input| linux::first_section(input.start()) == Some(Section::Slabtop),
    open: |input, _| linux::open(input, Section::Slabtop),
};
