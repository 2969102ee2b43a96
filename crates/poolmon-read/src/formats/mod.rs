//! The registry: one file a format. A format is added with its file and one line below.
//!
//! The first format that recognises a file is taken: what is known by its first bytes comes before what is known by
//! its name or its words.

use crate::FileFormat;

macro_rules! formats {
    ($($name:ident),+ $(,)?) => {
        $(pub(crate) mod $name;)+

        /// Every file format, in the order in which they are tried.
        pub static FORMATS: &[&FileFormat] = &[$(&$name::FORMAT),+];
    };
}

formats! {
    recording,
    linux_report,
    dump,
    perfmon_binary,
    perfmon,
    get_counter,
    slabinfo,
    slabtop,
    vmstat_slabs,
    crash_kmem,
    allocinfo,
    vmallocinfo,
    meminfo,
    bcc,
    table,
    poolused,
    poolmon_log,
}

pub(crate) mod text;
