//! What WinDbg prints for `!poolused`.

use crate::text::{self, TableLayout};
use crate::{FileFormat, FormatGroup, Holds};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "poolused",
    title: "the output of WinDbg's !poolused",
    about: "The output of WinDbg's !poolused: allocations that are outstanding",
    group: FormatGroup::Windows,
    holds: Holds::Rows,
    recognise: |input| text::first_layout(input.start()) == Some(TableLayout::PoolUsed),
    open: text::open,
};
