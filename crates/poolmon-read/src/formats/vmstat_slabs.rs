//! What `vmstat -m` prints: objects, without the pages that they are in.

use crate::text::linux::{self, Section};
use crate::{FileFormat, FormatGroup, Holds};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "vmstat-m",
    title: "the output of vmstat -m",
    about: "The output of vmstat -m: objects of each slab cache",
    group: FormatGroup::Linux,
    holds: Holds::Rows,
    recognise: |input| linux::first_section(input.start()) == Some(Section::Vmstat),
    open: |input, _| linux::open(input, Section::Vmstat),
};
