//! PoolMon's logs and screens, memsnap's logs, and what people paste of them.

use crate::text::{self, TableLayout};
use crate::{FileFormat, FormatGroup, Holds};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "poolmon-log",
    title: "a PoolMon log",
    about: "Logs and screen copies of PoolMon, memsnap's logs, and the PoolMon logs that poolmon writes",
    group: FormatGroup::Windows,
    holds: Holds::Rows,
    recognise: |input| text::first_layout(input.start()) == Some(TableLayout::PoolMon),
    open: text::open,
};
