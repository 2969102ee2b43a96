//! Kernel functions that take a pool tag, and where.

/// What the call does with the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallRole {
    /// Memory is taken under the tag.
    Allocate,
    /// A list is made whose blocks are taken under the tag.
    List,
    /// Memory is freed: a driver that frees a tag usually allocates it too.
    Free,
}

/// One function.
#[derive(Debug)]
pub(crate) struct Api {
    pub name: &'static str,
    /// Position of the tag, from 0.
    pub index: u8,
    /// The same on x86, in 4-byte words: a 64-bit flags argument takes two.
    pub index_x86: u8,
    pub role: CallRole,
}

const fn api(name: &'static str, index: u8, role: CallRole) -> Api {
    Api { name, index, index_x86: index, role }
}

const fn wide(name: &'static str, index: u8, role: CallRole) -> Api {
    Api { name, index, index_x86: index + 1, role }
}

static APIS: &[Api] = &[
    api("ExAllocatePoolWithTag", 2, CallRole::Allocate),
    wide("ExAllocatePool2", 2, CallRole::Allocate),
    wide("ExAllocatePool3", 2, CallRole::Allocate),
    api("ExAllocatePoolWithQuotaTag", 2, CallRole::Allocate),
    api("ExAllocatePoolWithTagPriority", 2, CallRole::Allocate),
    api("ExFreePoolWithTag", 1, CallRole::Free),
    api("ExFreePool2", 1, CallRole::Free),
    api("ExInitializeNPagedLookasideList", 5, CallRole::List),
    api("ExInitializePagedLookasideList", 5, CallRole::List),
    api("ExInitializeLookasideListEx", 6, CallRole::List),
    api("NdisAllocateMemoryWithTag", 2, CallRole::Allocate),
    api("NdisAllocateMemoryWithTagPriority", 2, CallRole::Allocate),
    api("NdisInitializeNPagedLookasideList", 5, CallRole::List),
    api("FltAllocatePoolAlignedWithTag", 3, CallRole::Allocate),
    api("FltFreePoolAlignedWithTag", 2, CallRole::Free),
    api("MmAllocateMappingAddress", 1, CallRole::Allocate),
    api("MmFreeMappingAddress", 1, CallRole::Free),
    api("IoInitializeRemoveLockEx", 1, CallRole::List),
];

/// The row of a function, where it takes a tag.
pub(crate) fn find(name: &str) -> Option<&'static Api> {
    APIS.iter().find(|api| api.name == name)
}

/// Functions whose arguments look like tags but never are: messages, stop codes, comparisons, services.
pub(crate) fn takes_no_tag(name: &str) -> bool {
    const STARTS: [&str; 10] =
        ["KeBugCheck", "DbgPrint", "vDbgPrint", "Rtl", "Zw", "Nt", "READ_", "WRITE_", "mem", "Ke"];
    STARTS.iter().any(|start| name.starts_with(start))
}
