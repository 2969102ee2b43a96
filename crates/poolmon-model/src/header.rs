//! Machine-wide figures of one moment: PoolMon's two header lines and their Linux counterparts.

use crate::Pool;

macro_rules! figures {
    ($( $(#[doc = $doc:literal])+ $field:ident: $title:literal, $unit:ident; )+) => {
        /// Machine-wide figures. `None` = not reported by this source. Sizes are in bytes.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Header {
            $( $(#[doc = $doc])+ pub $field: Option<u64>, )+
        }

        /// Every figure of [`Header`] once: what outputs iterate over.
        pub const FIGURES: &[Figure] = &[
            $( Figure {
                id: stringify!($field),
                title: $title,
                unit: FigureUnit::$unit,
                get: |header| header.$field,
                set: |header, value| header.$field = value,
            }, )+
        ];
    };
}

/// Unit of a header figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureUnit {
    /// Bytes.
    Bytes,
    /// A plain count.
    Count,
}

/// One figure of the header: its name, unit and place.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Name in JSON and metrics.
    pub id: &'static str,
    /// Label on the screen.
    pub title: &'static str,
    /// Its unit.
    pub unit: FigureUnit,
    /// Reads it.
    pub get: fn(&Header) -> Option<u64>,
    /// Sets it.
    pub set: fn(&mut Header, Option<u64>),
}

figures! {
    /// Physical memory.
    memory_total: "Memory", Bytes;
    /// Physical memory available without paging out.
    memory_available: "Avail", Bytes;
    /// Page faults: since boot in a log, per interval on PoolMon's screen.
    page_faults: "PageFlts", Count;
    /// Resident kernel and driver code (PoolMon's `InRam Krnl`).
    resident_kernel: "InRam Krnl", Bytes;
    /// Resident paged pool (the `P` after `InRam Krnl`).
    resident_paged: "InRam P", Bytes;
    /// Committed memory.
    commit: "Commit", Bytes;
    /// Commit limit.
    commit_limit: "Limit", Bytes;
    /// Highest commit since boot.
    commit_peak: "Peak", Bytes;
    /// Nonpaged pool in use.
    pool_nonpaged: "Pool N", Bytes;
    /// Paged pool in use.
    pool_paged: "Pool P", Bytes;
    /// Most that the nonpaged pool can grow to, if the system reports it.
    limit_nonpaged: "Limit N", Bytes;
    /// Most that the paged pool can grow to, if the system reports it.
    limit_paged: "Limit P", Bytes;
    /// Linux: slab that the kernel can shrink.
    slab_reclaimable: "SReclaimable", Bytes;
    /// Linux: slab that it cannot.
    slab_unreclaimable: "SUnreclaim", Bytes;
    /// Linux: kernel stacks.
    kernel_stack: "KernelStack", Bytes;
    /// Linux: page tables.
    page_tables: "PageTables", Bytes;
    /// Linux: vmalloc areas with pages behind them.
    vmalloc_used: "VmallocUsed", Bytes;
    /// Linux: per-CPU allocations.
    percpu: "Percpu", Bytes;
}

impl Header {
    /// What the system says a pool holds in total: the sum of its tags plus what no tag accounts for.
    pub fn pool_total(&self, pool: Pool) -> Option<u64> {
        match pool {
            Pool::Nonpaged => self.pool_nonpaged,
            Pool::Paged => self.pool_paged,
            Pool::Reclaimable => self.slab_reclaimable,
            Pool::Unreclaimable => self.slab_unreclaimable,
            Pool::Vmalloc => self.vmalloc_used,
            Pool::KernelStack => self.kernel_stack,
            Pool::PageTables => self.page_tables,
            Pool::PerCpu => self.percpu,
            Pool::CallSite => None,
        }
    }

    /// How much a pool can hold at most, if the system reports it.
    pub fn pool_limit(&self, pool: Pool) -> Option<u64> {
        match pool {
            Pool::Nonpaged => self.limit_nonpaged,
            Pool::Paged => self.limit_paged,
            _ => None,
        }
    }

    /// PoolMon's two header lines as labels and values, the blanks being PoolMon's own; only what is reported.
    ///
    /// Sizes are in K. `page_faults` is what is behind `PageFlts`: since boot in a log, a change on the screen.
    pub fn poolmon_lines(&self, page_faults: Option<i64>) -> [Vec<(&'static str, String)>; 2] {
        let kib = |bytes: Option<u64>, width: usize| bytes.map(|bytes| format!("{:>width$}K", bytes / 1024));
        let reported = |parts: [(&'static str, Option<String>); 5]| {
            parts.into_iter().filter_map(|(label, value)| Some((label, value?))).collect()
        };
        [
            reported([
                (" Memory:", kib(self.memory_total, 8)),
                (" Avail:", kib(self.memory_available, 8)),
                ("  PageFlts:", page_faults.map(|count| format!("{count:>6}"))),
                ("   InRam Krnl:", kib(self.resident_kernel, 5)),
                (" P:", kib(self.resident_paged, 5)),
            ]),
            reported([
                (" Commit:", kib(self.commit, 7)),
                (" Limit:", kib(self.commit_limit, 7)),
                (" Peak:", kib(self.commit_peak, 7)),
                ("            Pool N:", kib(self.pool_nonpaged, 5)),
                (" P:", kib(self.pool_paged, 5)),
            ]),
        ]
    }

    /// True if the source reported nothing.
    pub fn is_empty(&self) -> bool {
        FIGURES.iter().all(|figure| (figure.get)(self).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_reached_through_the_registry() {
        let mut header = Header::default();
        for (n, figure) in FIGURES.iter().enumerate() {
            (figure.set)(&mut header, Some(n as u64));
        }
        for (n, figure) in FIGURES.iter().enumerate() {
            assert_eq!((figure.get)(&header), Some(n as u64), "{}", figure.id);
        }
        assert_eq!(header.pool_total(Pool::Paged), header.pool_paged);
        assert_eq!(header.pool_limit(Pool::Nonpaged), header.limit_nonpaged);
        assert_eq!(header.pool_limit(Pool::Paged), header.limit_paged);
        assert_eq!(header.pool_limit(Pool::Reclaimable), None);
    }
}
