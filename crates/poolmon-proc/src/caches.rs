//! What the name of a slab cache says of it.

use poolmon_model::copies::random_copy;

/// Caches that the kernel creates as reclaimable (`SLAB_RECLAIM_ACCOUNT`), next to those of inodes.
const RECLAIMABLE: [&[u8]; 11] = [
    b"dentry",
    // Before Linux 2.6.22.
    b"dentry_cache",
    b"buffer_head",
    b"radix_tree_node",
    b"ext4_extent_status",
    b"xfs_inode",
    b"btrfs_inode",
    b"fuse_inode",
    b"ovl_inode",
    b"bdev_cache",
    b"dquot",
];

/// Caches of inodes that live only in memory, and cannot be shrunk.
const PINNED_INODES: [&[u8]; 3] = [b"shmem_inode_cache", b"hugetlbfs_inode_cache", b"mqueue_inode_cache"];

/// Whether a cache can be shrunk, by its name alone: of general caches, and of those that are the same on every kernel.
/// `None` if the name does not say.
pub fn reclaimable(name: &[u8]) -> Option<bool> {
    let name = base(name);
    if let Some(known) = kmalloc_reclaimable(name) {
        return Some(known);
    }
    if PINNED_INODES.contains(&name) {
        return Some(false);
    }
    (RECLAIMABLE.contains(&name) || name == b"inode_cache" || name.ends_with(b"_inode_cache")).then_some(true)
}

/// A name without its control group: `dentry(664:test.service)`, as kernels before 5.9 and crash print it, is `dentry`.
pub fn base(name: &[u8]) -> &[u8] {
    match memchr::memchr(b'(', name) {
        Some(at) if at > 0 && name.ends_with(b")") => name.get(..at).unwrap_or(name),
        _ => name,
    }
}

/// What the kernel's own names of general caches say: `kmalloc-rcl-64` is reclaimable, its sisters are not.
/// `None` for any other name.
pub fn kmalloc_reclaimable(name: &[u8]) -> Option<bool> {
    let kmalloc = Kmalloc::parse(name)?;
    Some(kmalloc.prefix == b"kmalloc-rcl-")
}

/// The name of a general cache, in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kmalloc<'a> {
    /// `kmalloc-`, `kmalloc-rcl-`, `kmalloc-cg-`, `dma-kmalloc-`, `kmalloc-rnd-`, `size-`.
    pub prefix: &'a [u8],
    /// The copy of a cache that is spread at random (`kmalloc-rnd-05-64`, Linux 6.6 and later), `01` to `15`.
    pub copy: Option<&'a [u8]>,
    /// The size of its objects, in bytes.
    pub size: u64,
}

impl<'a> Kmalloc<'a> {
    /// Reads a name; `None` if it is no general cache.
    pub fn parse(name: &'a [u8]) -> Option<Self> {
        // The SLAB allocator of Linux 2.6 and 3 has `size-8192` and `size-8192(DMA)`.
        const PREFIXES: [&[u8]; 6] =
            [b"kmalloc-rcl-", b"kmalloc-cg-", b"kmalloc-rnd-", b"dma-kmalloc-", b"kmalloc-", b"size-"];
        let prefix = PREFIXES.into_iter().find(|prefix| name.starts_with(prefix))?;
        let (prefix, mut rest) = name.split_at_checked(prefix.len())?;
        let mut copy = None;
        if prefix == b"kmalloc-rnd-" {
            let (number, size) = random_copy(std::str::from_utf8(name).ok()?)?;
            (copy, rest) = (Some(number.as_bytes()), size.as_bytes());
        }
        if prefix == b"size-" {
            rest = rest.strip_suffix(b"(DMA)").unwrap_or(rest);
        }
        let (digits, unit) = match rest {
            [digits @ .., b'k'] => (digits, 1 << 10),
            [digits @ .., b'M'] => (digits, 1 << 20),
            digits => (digits, 1),
        };
        let size = crate::bytes::number(digits)?.checked_mul(unit)?;
        Some(Self { prefix, copy, size })
    }
}

/// Whether an object of a general cache takes far more than its name says: a debug kernel (KASAN, `slub_debug`) keeps red
/// zones and the last users beside each object.
pub fn is_padded(name: &[u8], object_size: u64) -> bool {
    Kmalloc::parse(name)
        .is_some_and(|kmalloc| object_size > kmalloc.size.saturating_add(kmalloc.size / 4 + 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_kernels_show_in_the_size_of_objects() {
        for (name, size, wanted) in [
            ("kmalloc-64", 64, false),
            ("kmalloc-64", 192, true),
            ("kmalloc-4k", 4096, false),
            ("kmalloc-4k", 8192, true),
            ("dentry", 9000, false),
        ] {
            assert_eq!(is_padded(name.as_bytes(), size), wanted, "{name} {size}");
        }
    }

    #[test]
    fn names_of_general_caches() {
        for (name, wanted) in [
            ("kmalloc-rcl-2k", Some(true)),
            ("kmalloc-96", Some(false)),
            ("kmalloc-cg-8k", Some(false)),
            ("dma-kmalloc-1M", Some(false)),
            ("kmalloc-rnd-05-64", Some(false)),
            ("size-8192(DMA)", Some(false)),
            ("kmalloc-mine", None),
            ("kmalloc-rnd-64", None),
            ("kmalloc-", None),
            ("dentry", None),
        ] {
            assert_eq!(kmalloc_reclaimable(name.as_bytes()), wanted, "{name}");
        }
        let spread = Kmalloc::parse(b"kmalloc-rnd-05-2k").unwrap();
        assert_eq!((spread.copy, spread.size), (Some(&b"05"[..]), 2048));
    }

    #[test]
    fn caches_that_are_the_same_everywhere() {
        for (name, wanted) in [
            ("dentry", Some(true)),
            ("dentry(664:test.service)", Some(true)),
            ("ext4_inode_cache", Some(true)),
            ("shmem_inode_cache", Some(false)),
            ("kmalloc-64", Some(false)),
            ("my_cache", None),
            ("(odd)", None),
        ] {
            assert_eq!(reclaimable(name.as_bytes()), wanted, "{name}");
        }
    }
}
