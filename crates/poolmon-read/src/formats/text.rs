//! Text of which the first lines say nothing: a pool table may follow after any preamble.

use crate::{FileFormat, FormatGroup, Holds, text};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "text",
    title: "text that may hold a pool table",
    about: "Any text: PoolMon's tables are found in it after a preamble of any length",
    group: FormatGroup::Any,
    holds: Holds::Rows,
    recognise: |_| false,
    open: text::open,
};
