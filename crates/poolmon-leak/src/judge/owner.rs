//! Who is rather the victim than the culprit.
//!
//! A lost reference in a filter driver keeps file objects, NTFS contexts and tokens alive; they hold most of the
//! bytes and are charged to the system. The table names layers of which hunters met that (issue reports collected in
//! the project's field notes); it says nothing of a tag that stands alone.
//!
//! On Linux some caches that cannot be shrunk hold parts of objects that can: they go with them.

use poolmon_model::Tag;

/// What the caller knows of a tag's owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerHint {
    /// The driver (`example.sys`).
    pub driver: String,
    /// It does not come with the system.
    pub third_party: bool,
}

/// Layers that other drivers' requests are charged to.
const LAYERS: &[(&[u8], &str)] = &[
    (b"File", "file objects"),
    (b"IoNm", "names of file objects"),
    (b"IoFE", "file object extensions"),
    (b"FMfn", "file name cache of the filter manager"),
    (b"FMsl", "stream lists of the filter manager"),
    (b"FOCX", "file object contexts of the filter manager"),
    (b"NtfC", "NTFS contexts"),
    (b"NtFC", "NTFS contexts"),
    (b"Ntff", "NTFS file control blocks"),
    (b"NtxF", "NTFS file control blocks"),
    (b"NtfF", "NTFS file control blocks"),
    (b"Toke", "tokens"),
    (b"SeAt", "security attributes of tokens"),
    (b"SeTd", "data of tokens"),
    (b"SeTl", "lists of tokens"),
    (b"Thre", "thread objects"),
    (b"Proc", "process objects"),
    (b"Irp ", "I/O requests"),
    (b"Mdl ", "memory descriptor lists"),
    (b"MmSt", "section prototype page tables"),
    (b"MmCa", "control areas"),
    (b"MmRe", "control areas"),
    (b"EtwB", "trace buffers"),
];

/// Slab caches whose objects are made and freed with an inode. Their own flags do not say that the kernel can shrink
/// them, but it does with the inodes (Linux 6.18: a search through all files and a copied tree grew `lsm_inode_cache`
/// by 114 MB an hour, in lockstep with the inodes' own caches).
const PARTS_OF_INODES: &[&str] = &[
    "lsm_inode_cache",
    "selinux_inode_security",
    "iint_cache",
    "ima_iint_cache",
    "jbd2_inode",
    "fscrypt_info",
    "fscrypt_inode_info",
    "fsverity_info",
];

/// Whether the tag's objects are parts of inodes, whose caches the kernel can shrink.
pub fn is_part_of_inodes(tag: &Tag) -> bool {
    matches!(tag, Tag::Name(name) if PARTS_OF_INODES.contains(&&**name))
}

/// Bytes of bookkeeping for an object of another cache, at most: for each slab the kernel allocates a vector with 8
/// bytes an object (whom it is charged to), 16 with allocation profiling. It comes from a general cache and goes with
/// the slab (Linux 6.18: `kmalloc-192` grew by a vector for each slab of dentries and of inodes of proc).
pub const BOOKKEEPING: f64 = 16.0;

/// Whether it is one of the kernel's general caches that cannot be shrunk.
pub fn is_general(tag: &Tag) -> bool {
    matches!(tag, Tag::Name(name) if name.starts_with("kmalloc-") && !name.starts_with("kmalloc-rcl-"))
}

/// What layer the tag belongs to, if it is one that others' requests are charged to.
pub fn layer(tag: &Tag) -> Option<&'static str> {
    let tag = tag.as_pool()?.unprotected();
    LAYERS.iter().find(|(name, _)| *name == tag.0).map(|(_, what)| *what)
}
