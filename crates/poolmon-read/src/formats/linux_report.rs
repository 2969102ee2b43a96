//! sosreport and supportconfig, as a folder or as an archive.

use crate::{FileFormat, FormatGroup, Holds, bundle};

pub(crate) static FORMAT: FileFormat = FileFormat {
    id: "linux-report",
    title: "a sosreport or supportconfig",
    about: "Folders and archives (tar, also gzip, xz and zstd) of sosreport and supportconfig",
    group: FormatGroup::Linux,
    holds: Holds::Rows,
    recognise: bundle::is_report,
    open: |input, _| bundle::open(input),
};
