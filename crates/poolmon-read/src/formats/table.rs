//! CSV and TSV with a line of column names: what `poolmon export`, `poolmon top` and PowerShell scripts write.

use crate::text::{self, TableLayout};
use crate::{FileFormat, FormatGroup, Holds};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "table",
    title: "a CSV or TSV table",
    about: "CSV or TSV whose first line names tag, pool and figures; with a time column, many samples",
    group: FormatGroup::Any,
    holds: Holds::Rows,
    recognise: |input| text::first_layout(input.start()) == Some(TableLayout::Table),
    open: text::open,
};
