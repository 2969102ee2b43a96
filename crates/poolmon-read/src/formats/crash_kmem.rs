//! What crash(8) prints for `kmem -s`, and the heads of `kmem -S`.

use crate::text::linux::{self, Section};
use crate::{FileFormat, FormatGroup, Holds};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "crash-kmem",
    title: "the output of crash's kmem -s",
    about: "The output of kmem -s (or -S) in crash(8)",
    group: FormatGroup::Linux,
    holds: Holds::Rows,
    recognise: |input| linux::first_section(input.start()) == Some(Section::Crash),
    open: |input, _| linux::open(input, Section::Crash),
};
