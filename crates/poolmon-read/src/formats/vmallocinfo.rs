//! `/proc/vmallocinfo`, saved once or in a series.

use crate::text::linux::{self, Section};
use crate::{FileFormat, FormatGroup, Holds};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "vmallocinfo",
    title: "a saved /proc/vmallocinfo",
    about: "/proc/vmallocinfo: areas of virtual memory by caller",
    group: FormatGroup::Linux,
    holds: Holds::Rows,
    recognise: |input| linux::first_section(input.start()) == Some(Section::Vmallocinfo),
    open: |input, _| linux::open(input, Section::Vmallocinfo),
};
