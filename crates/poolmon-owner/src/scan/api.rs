//! Kernel functions that take a pool tag, and where.

use poolmon_model::PoolTag;

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

/// Positions are those of the declarations in the public headers of the driver kit (wdm.h, ntifs.h, ntddk.h, ndis.h,
/// fltkernel.h, storport.h, video.h, winddi.h).
static APIS: &[Api] = &[
    api("ExAllocatePoolWithTag", 2, CallRole::Allocate),
    wide("ExAllocatePool2", 2, CallRole::Allocate),
    wide("ExAllocatePool3", 2, CallRole::Allocate),
    api("ExAllocatePoolWithQuotaTag", 2, CallRole::Allocate),
    api("ExAllocatePoolWithTagPriority", 2, CallRole::Allocate),
    api("ExAllocateCacheAwareRundownProtection", 1, CallRole::Allocate),
    api("ExFreePoolWithTag", 1, CallRole::Free),
    api("ExFreePool2", 1, CallRole::Free),
    api("ExInitializeNPagedLookasideList", 5, CallRole::List),
    api("ExInitializePagedLookasideList", 5, CallRole::List),
    api("ExInitializeLookasideListEx", 6, CallRole::List),
    api("FsRtlAllocatePoolWithTag", 2, CallRole::Allocate),
    api("FsRtlAllocatePoolWithQuotaTag", 2, CallRole::Allocate),
    api("FsRtlAllocateExtraCreateParameter", 4, CallRole::Allocate),
    api("FsRtlInitExtraCreateParameterLookasideList", 3, CallRole::List),
    api("NdisAllocateMemoryWithTag", 2, CallRole::Allocate),
    api("NdisAllocateMemoryWithTagPriority", 2, CallRole::Allocate),
    api("NdisFreeMemoryWithTagPriority", 2, CallRole::Free),
    api("NdisAllocateCloneOidRequest", 2, CallRole::Allocate),
    api("NdisAllocateGenericObject", 1, CallRole::Allocate),
    api("NdisInitializeNPagedLookasideList", 5, CallRole::List),
    api("FltAllocatePoolAlignedWithTag", 3, CallRole::Allocate),
    api("FltAllocateExtraCreateParameter", 5, CallRole::Allocate),
    api("FltInitExtraCreateParameterLookasideList", 4, CallRole::List),
    api("FltFreePoolAlignedWithTag", 2, CallRole::Free),
    api("MmAllocateMappingAddress", 1, CallRole::Allocate),
    api("MmAllocateMappingAddressEx", 1, CallRole::Allocate),
    api("MmFreeMappingAddress", 1, CallRole::Free),
    api("IoInitializeRemoveLockEx", 1, CallRole::List),
    // StorPortAllocatePool and StorPortFreePool of the headers call it; of its functions, allocation has a tag there.
    api("StorPortExtendedFunction", 3, CallRole::Allocate),
    api("VideoPortAllocatePool", 3, CallRole::Allocate),
    api("EngAllocMem", 2, CallRole::Allocate),
    api("EngAllocUserMem", 1, CallRole::Allocate),
    api("EngAllocPrivateUserMem", 2, CallRole::Allocate),
];

/// Functions of the kernel-mode driver framework by their place in its table (`WdfMemoryCreateTableIndex` and
/// `WdfLookasideListCreateTableIndex` of wdffuncenum.h). The first argument of each is the driver's globals.
static FRAMEWORK: &[(u32, Api)] = &[
    (192, api("WdfMemoryCreate", 3, CallRole::Allocate)),
    (198, api("WdfLookasideListCreate", 5, CallRole::List)),
];

/// The framework's function at a place of its table, if it takes a tag.
pub(crate) fn framework(place: u32) -> Option<&'static Api> {
    FRAMEWORK.iter().find(|row| row.0 == place).map(|row| &row.1)
}

/// The row of a function, where it takes a tag.
pub(crate) fn find(name: &str) -> Option<&'static Api> {
    APIS.iter().find(|api| api.name == name)
}

/// Functions that allocate without a tag; the kernel charges [`CHARGED`] for them.
pub(crate) fn without_a_tag(name: &str) -> Option<&'static str> {
    ["ExAllocatePool", "ExAllocatePoolWithQuota"].into_iter().find(|own| *own == name)
}

/// The tag of what is allocated without one.
pub(crate) const CHARGED: PoolTag = PoolTag(*b"None");

/// Functions whose arguments look like tags but are never charged: messages, stop codes, comparisons, services, and
/// tags of references.
pub(crate) fn takes_no_tag(name: &str) -> bool {
    const STARTS: [&str; 14] = [
        "KeBugCheck",
        "DbgPrint",
        "vDbgPrint",
        "Rtl",
        "Zw",
        "Nt",
        "READ_",
        "WRITE_",
        "mem",
        "Ke",
        "Ob",
        "Etw",
        // The tag of addresses that were reserved with MmAllocateMappingAddress: nothing is charged.
        "MmMapLockedPagesWithReservedMapping",
        "MmUnmapReservedMapping",
    ];
    STARTS.iter().any(|start| name.starts_with(start))
}
