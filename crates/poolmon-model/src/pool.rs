//! Where memory was taken from.

use std::fmt;

/// The kind of kernel memory behind a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pool {
    /// Windows nonpaged pool.
    Nonpaged,
    /// Windows paged pool.
    Paged,
    /// Linux slab that the kernel can shrink under pressure (dentries, inodes).
    Reclaimable,
    /// Linux slab that stays until its owner frees it.
    Unreclaimable,
    /// Linux vmalloc areas, summed by caller.
    Vmalloc,
    /// Linux allocation profiling: everything that one source line allocated. Overlaps the other kinds.
    CallSite,
    /// Linux kernel stacks, of which the kernel reports one figure and no rows.
    KernelStack,
    /// Linux page tables, likewise.
    PageTables,
    /// Linux per-CPU memory, likewise.
    PerCpu,
}

impl Pool {
    /// Pools of which the kernel reports one figure: it is their only row.
    pub const WHOLE: [Self; 3] = [Self::KernelStack, Self::PageTables, Self::PerCpu];

    /// Name of its only row, which is that of the figure in `/proc/meminfo`; `None` if a pool has rows.
    pub const fn whole(self) -> Option<&'static str> {
        match self {
            Self::KernelStack => Some("KernelStack"),
            Self::PageTables => Some("PageTables"),
            Self::PerCpu => Some("Percpu"),
            _ => None,
        }
    }

    /// Every kind that has rows, in the order in which `p` walks through them.
    pub const ALL: [Self; 6] =
        [Self::Nonpaged, Self::Paged, Self::Reclaimable, Self::Unreclaimable, Self::Vmalloc, Self::CallSite];

    /// Name in JSON, CSV and on the command line.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Nonpaged => "nonpaged",
            Self::Paged => "paged",
            Self::Reclaimable => "reclaimable",
            Self::Unreclaimable => "unreclaimable",
            Self::Vmalloc => "vmalloc",
            Self::CallSite => "callsite",
            Self::KernelStack => "kernel-stacks",
            Self::PageTables => "page-tables",
            Self::PerCpu => "percpu",
        }
    }

    /// Name in the Type column: at most five characters, PoolMon's own on Windows.
    pub const fn short(self) -> &'static str {
        match self {
            Self::Nonpaged => "Nonp",
            Self::Paged => "Paged",
            Self::Reclaimable => "Recl",
            Self::Unreclaimable => "Unrec",
            Self::Vmalloc => "Vmall",
            Self::CallSite => "Site",
            Self::KernelStack => "Stack",
            Self::PageTables => "PgTab",
            Self::PerCpu => "PCpu",
        }
    }

    /// Name in a sentence.
    pub const fn long(self) -> &'static str {
        match self {
            Self::Nonpaged => "nonpaged pool",
            Self::Paged => "paged pool",
            Self::Reclaimable => "reclaimable slab",
            Self::Unreclaimable => "unreclaimable slab",
            Self::Vmalloc => "vmalloc",
            Self::CallSite => "call sites",
            Self::KernelStack => "kernel stacks",
            Self::PageTables => "page tables",
            Self::PerCpu => "per-CPU memory",
        }
    }

    /// Reads any of the names above, and what other tools write: `NP`, `NonPaged Pool`, and Windows' `POOL_TYPE` without its
    /// variants (`NonPagedPoolNx`, `PagedPoolCacheAligned`).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is = |name: &str| name.eq_ignore_ascii_case(text);
        if let Some(pool) = Self::ALL.into_iter().find(|pool| is(pool.id()) || is(pool.short())) {
            return Some(pool);
        }
        let letters: String =
            text.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
        if matches!(letters.as_str(), "np" | "nonp") {
            return Some(Self::Nonpaged);
        }
        let (pool, rest) = match letters.strip_prefix("nonpaged") {
            Some(rest) => (Self::Nonpaged, rest),
            None => (Self::Paged, letters.strip_prefix("paged")?),
        };
        let mut rest = rest.strip_prefix("pool").unwrap_or(rest);
        for variant in ["nx", "execute", "cachealigned", "mustsucceed", "session"] {
            rest = rest.strip_prefix(variant).unwrap_or(rest);
        }
        rest.is_empty().then_some(pool)
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.short())
    }
}

/// Which pools are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PoolView {
    /// Every pool.
    #[default]
    All,
    /// Both kinds of Linux slab.
    Slab,
    /// One pool only.
    Only(Pool),
}

impl PoolView {
    /// Whether rows of this pool are shown.
    pub fn admits(self, pool: Pool) -> bool {
        match self {
            Self::All => true,
            Self::Slab => matches!(pool, Pool::Reclaimable | Pool::Unreclaimable),
            Self::Only(only) => only == pool,
        }
    }

    /// Reads `all`, `slab`, or the name of a pool.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "slab" => Some(Self::Slab),
            _ => Pool::parse(text).map(Self::Only),
        }
    }

    /// Name on the command line.
    pub const fn id(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Slab => "slab",
            Self::Only(pool) => pool.id(),
        }
    }

    /// The next view of PoolMon's `p` key: first pool → next pool → … → all → first pool.
    #[must_use]
    pub fn next(self, present: &[Pool]) -> Self {
        let at = match self {
            Self::All | Self::Slab => 0,
            Self::Only(only) => {
                present.iter().position(|&pool| pool == only).map_or(present.len(), |i| i + 1)
            }
        };
        present.get(at).map_or(Self::All, |&pool| Self::Only(pool))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_walks_nonpaged_paged_both() {
        let pools = [Pool::Nonpaged, Pool::Paged];
        let mut view = PoolView::All;
        let mut seen = Vec::new();
        for _ in 0..4 {
            view = view.next(&pools);
            seen.push(view);
        }
        let [n, p] = pools.map(PoolView::Only);
        assert_eq!(seen, [n, p, PoolView::All, n]);
    }

    #[test]
    fn every_name_reads_back() {
        for pool in Pool::ALL {
            assert_eq!(Pool::parse(pool.id()), Some(pool));
            assert_eq!(Pool::parse(pool.short()), Some(pool));
        }
        assert_eq!(Pool::parse("NonPaged"), Some(Pool::Nonpaged));
        for (name, pool) in [
            ("Non-Paged Pool", Some(Pool::Nonpaged)),
            ("NonPagedNx", Some(Pool::Nonpaged)),
            ("NonPagedPoolNxCacheAligned", Some(Pool::Nonpaged)),
            ("PagedPoolSession", Some(Pool::Paged)),
            ("NP", Some(Pool::Nonpaged)),
            ("pool", None),
            ("pagedfile", None),
            ("", None),
        ] {
            assert_eq!(Pool::parse(name), pool, "{name}");
        }
        for view in [PoolView::All, PoolView::Slab, PoolView::Only(Pool::Vmalloc)] {
            assert_eq!(PoolView::parse(view.id()), Some(view));
        }
        assert!(PoolView::Slab.admits(Pool::Reclaimable) && !PoolView::Slab.admits(Pool::Vmalloc));
    }
}
