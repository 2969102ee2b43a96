//! The metric families that tell of kernel memory, by exporter.

use poolmon_model::Pool;

use crate::Series;

/// The host's own verdict, judged at full resolution: bytes an hour of each suspect.
pub const SUSPECTS: &str = "poolmon_suspect_bytes_per_hour";

/// Driver and version of a tag, as labels.
pub const INFO: &str = "poolmon_tag_info";

/// When each host was started, seconds since 1970, by exporter.
pub const BOOT: [&str; 3] =
    ["poolmon_boot_time_seconds", "node_boot_time_seconds", "windows_system_boot_time_timestamp_seconds"];

/// What names the rows of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Labels `tag` and `pool`.
    Tags,
    /// The label `slab`.
    Slabs,
    /// None: the family is one pool.
    Pool(Pool),
}

/// A family of gauges.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Whose it is.
    pub exporter: &'static str,
    /// What a row holds: bytes, or objects if there is a `size`.
    pub held: &'static str,
    /// The lowest of the last hour of the same, if the exporter keeps that.
    pub floor: Option<&'static str>,
    /// Bytes of one object.
    pub size: Option<&'static str>,
    /// Its rows.
    pub rows: Rows,
}

/// All of them, what tells most first.
pub const FAMILIES: [Family; 4] = [
    Family {
        exporter: "poolmon",
        held: "poolmon_tag_bytes",
        floor: Some("poolmon_tag_floor_bytes"),
        size: None,
        rows: Rows::Tags,
    },
    Family {
        exporter: "node_exporter",
        held: "node_slabinfo_active_objects",
        floor: None,
        size: Some("node_slabinfo_object_size_bytes"),
        rows: Rows::Slabs,
    },
    Family {
        exporter: "windows_exporter",
        held: "windows_memory_pool_nonpaged_bytes",
        floor: None,
        size: None,
        rows: Rows::Pool(Pool::Nonpaged),
    },
    Family {
        exporter: "windows_exporter",
        held: "windows_memory_pool_paged_bytes",
        floor: None,
        size: None,
        rows: Rows::Pool(Pool::Paged),
    },
];

impl Family {
    /// The labels that name a row.
    pub const fn labels(&self) -> &'static [&'static str] {
        match self.rows {
            Rows::Tags => &["tag", "pool"],
            Rows::Slabs => &["slab"],
            Rows::Pool(_) => &[],
        }
    }

    /// Tag and pool of a series. The exporter of slabs does not tell which of them the kernel can shrink.
    pub fn row(&self, series: &Series) -> (String, Pool) {
        match self.rows {
            Rows::Tags => {
                let pool =
                    Pool::ALL.into_iter().chain(Pool::WHOLE).find(|pool| pool.id() == series.label("pool"));
                (series.label("tag").to_owned(), pool.unwrap_or(Pool::Nonpaged))
            }
            Rows::Slabs => (series.label("slab").to_owned(), Pool::Unreclaimable),
            Rows::Pool(pool) => ("(all tags)".to_owned(), pool),
        }
    }
}
