//! Bugchecks in words: name, what it means, and what its parameters report where that helps.

/// A bugcheck that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bugcheck {
    /// Code without the bit that marks small dumps.
    pub code: u32,
    /// Name (`DRIVER_IRQL_NOT_LESS_OR_EQUAL`).
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What the parameters are, in order; empty if it is unknown.
    pub parameters: &'static [&'static str],
}

/// A small dump carries this bit on top of some codes (0x1000007E).
const SMALL_DUMP: u32 = 0x1000_0000;

/// The bugcheck of a code.
pub fn lookup(code: u32) -> Option<&'static Bugcheck> {
    let plain = code & !SMALL_DUMP;
    BUGCHECKS.iter().find(|bugcheck| bugcheck.code == plain)
}

const fn known(
    code: u32,
    name: &'static str,
    meaning: &'static str,
    parameters: &'static [&'static str],
) -> Bugcheck {
    Bugcheck { code, name, meaning, parameters }
}

const ACCESS: &[&str] = &["address", "IRQL", "0 read, 1 write, 8 execute", "address of the code"];
const EXCEPTION: &[&str] = &["exception code", "address of the code", "exception record", "context"];
const NONE: &[&str] = &[];

/// Every known bugcheck, by code.
pub static BUGCHECKS: &[Bugcheck] = &[
    known(0x01, "APC_INDEX_MISMATCH", "a thread left a system call with unbalanced APC disables", NONE),
    known(
        0x0a,
        "IRQL_NOT_LESS_OR_EQUAL",
        "the kernel touched bad or paged-out memory at too high an IRQL",
        ACCESS,
    ),
    known(0x12, "TRAP_CAUSE_UNKNOWN", "a trap of unknown cause", NONE),
    known(0x18, "REFERENCE_BY_POINTER", "the reference count of an object is wrong", NONE),
    known(
        0x19,
        "BAD_POOL_HEADER",
        "the header of a pool block is damaged: some driver wrote outside its block",
        &["kind of damage", "pool block", "depends on the kind", "depends on the kind"],
    ),
    known(0x1a, "MEMORY_MANAGEMENT", "the memory manager found its tables damaged", &["kind of damage"]),
    known(
        0x1e,
        "KMODE_EXCEPTION_NOT_HANDLED",
        "an unhandled exception in the kernel",
        &["exception code", "address of the code"],
    ),
    known(0x20, "KERNEL_APC_PENDING_DURING_EXIT", "a thread ended with a kernel APC pending", NONE),
    known(
        0x21,
        "QUOTA_UNDERFLOW",
        "more quota was returned than was charged",
        &["process", "pool", "charge", "quota"],
    ),
    known(0x22, "FILE_SYSTEM", "a file system failed", NONE),
    known(0x23, "FAT_FILE_SYSTEM", "the FAT file system failed", NONE),
    known(0x24, "NTFS_FILE_SYSTEM", "NTFS failed", NONE),
    known(0x27, "RDR_FILE_SYSTEM", "the SMB redirector failed", NONE),
    known(0x2e, "DATA_BUS_ERROR", "a parity error of memory", NONE),
    known(0x3b, "SYSTEM_SERVICE_EXCEPTION", "an exception in a system call", EXCEPTION),
    known(0x3d, "INTERRUPT_EXCEPTION_NOT_HANDLED", "an exception in an interrupt handler", NONE),
    known(
        0x3f,
        "NO_MORE_SYSTEM_PTES",
        "system page table entries ran out: too much I/O, or a driver that leaks mappings",
        NONE,
    ),
    known(
        0x41,
        "MUST_SUCCEED_POOL_EMPTY",
        "an allocation that must not fail failed: the pool is exhausted",
        &["bytes requested", "pages in use", "pages of the largest request", "pages available"],
    ),
    known(0x44, "MULTIPLE_IRP_COMPLETE_REQUESTS", "a driver completed an IRP twice", &["IRP"]),
    known(0x4a, "IRQL_GT_ZERO_AT_SYSTEM_SERVICE", "a system call returned at too high an IRQL", NONE),
    known(0x4c, "FATAL_UNHANDLED_HARD_ERROR", "a hard error at start or shutdown", NONE),
    known(0x4d, "NO_PAGES_AVAILABLE", "no free memory was left and no page could be written out", NONE),
    known(
        0x4e,
        "PFN_LIST_CORRUPT",
        "the list of physical pages is damaged: often a driver that freed pages twice",
        NONE,
    ),
    known(
        0x50,
        "PAGE_FAULT_IN_NONPAGED_AREA",
        "the kernel touched memory that does not exist",
        &["address", "0 read, 2 write, 10 execute", "address of the code", "reserved"],
    ),
    known(0x51, "REGISTRY_ERROR", "the registry failed", NONE),
    known(0x5c, "HAL_INITIALIZATION_FAILED", "the hardware layer could not start", NONE),
    known(0x74, "BAD_SYSTEM_CONFIG_INFO", "the system hive cannot be read", NONE),
    known(
        0x76,
        "PROCESS_HAS_LOCKED_PAGES",
        "a driver left pages locked after an I/O",
        &["0", "process", "pages locked", "0"],
    ),
    known(
        0x77,
        "KERNEL_STACK_INPAGE_ERROR",
        "a kernel stack could not be read back from the page file",
        NONE,
    ),
    known(0x7a, "KERNEL_DATA_INPAGE_ERROR", "kernel data could not be read back from the page file", NONE),
    known(0x7b, "INACCESSIBLE_BOOT_DEVICE", "the boot disk cannot be reached", NONE),
    known(
        0x7e,
        "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED",
        "an unhandled exception in a system thread",
        EXCEPTION,
    ),
    known(
        0x7f,
        "UNEXPECTED_KERNEL_MODE_TRAP",
        "a processor trap in the kernel, often an overrun kernel stack (8)",
        &["trap number"],
    ),
    known(0x80, "NMI_HARDWARE_FAILURE", "the hardware raised a non-maskable interrupt", NONE),
    known(0x8e, "KERNEL_MODE_EXCEPTION_NOT_HANDLED", "an unhandled exception in the kernel", EXCEPTION),
    known(0x9c, "MACHINE_CHECK_EXCEPTION", "the processor reported a hardware error", NONE),
    known(
        0x9f,
        "DRIVER_POWER_STATE_FAILURE",
        "a driver did not finish a change of power state",
        &["kind", "device object or timeout", "depends on the kind", "IRP or depends on the kind"],
    ),
    known(0xa5, "ACPI_BIOS_ERROR", "the firmware's ACPI tables are wrong", NONE),
    known(0xbe, "ATTEMPTED_WRITE_TO_READONLY_MEMORY", "a driver wrote to read-only memory", NONE),
    known(
        0xc1,
        "SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION",
        "a driver wrote outside a block of special pool",
        NONE,
    ),
    known(
        0xc2,
        "BAD_POOL_CALLER",
        "a driver called the pool wrongly: freed twice, at a wrong IRQL, or with a wrong tag",
        &["kind of error", "depends on the kind", "depends on the kind", "depends on the kind"],
    ),
    known(
        0xc4,
        "DRIVER_VERIFIER_DETECTED_VIOLATION",
        "Driver Verifier caught a driver breaking a rule",
        &["rule"],
    ),
    known(0xc5, "DRIVER_CORRUPTED_EXPOOL", "a driver damaged the pool's own lists", ACCESS),
    known(0xc9, "DRIVER_VERIFIER_IOMANAGER_VIOLATION", "Driver Verifier caught a wrong I/O request", NONE),
    known(0xcb, "DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS", "a driver left pages of a process locked", NONE),
    known(0xd0, "DRIVER_CORRUPTED_MMPOOL", "a driver damaged the memory manager's pool", ACCESS),
    known(
        0xd1,
        "DRIVER_IRQL_NOT_LESS_OR_EQUAL",
        "a driver touched bad or paged-out memory at too high an IRQL",
        ACCESS,
    ),
    known(0xd5, "DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL", "a driver used memory that it had freed", NONE),
    known(
        0xd8,
        "DRIVER_USED_EXCESSIVE_PTES",
        "a driver used up all page table entries",
        &["name of the driver", "entries it took", "free entries", "all entries"],
    ),
    known(0xda, "SYSTEM_PTE_MISUSE", "a driver used page table entries wrongly", NONE),
    known(0xde, "POOL_CORRUPTION_IN_FILE_AREA", "a driver damaged pool that holds pages of a file", NONE),
    known(0xe2, "MANUALLY_INITIATED_CRASH", "this dump was requested by keyboard or debugger", NONE),
    known(0xe3, "RESOURCE_NOT_OWNED", "a thread released a lock that it did not hold", NONE),
    known(0xea, "THREAD_STUCK_IN_DEVICE_DRIVER", "a driver loops, usually a graphics driver", NONE),
    known(0xef, "CRITICAL_PROCESS_DIED", "a process that the system cannot do without ended", &["process"]),
    known(
        0xf4,
        "CRITICAL_OBJECT_TERMINATION",
        "a process or thread that the system cannot do without ended",
        NONE,
    ),
    known(0xf7, "DRIVER_OVERRAN_STACK_BUFFER", "a driver wrote over the end of a buffer on its stack", NONE),
    known(0xfc, "ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY", "the kernel ran into data as if it were code", NONE),
    known(0x101, "CLOCK_WATCHDOG_TIMEOUT", "a processor did not answer clock interrupts", NONE),
    known(0x109, "CRITICAL_STRUCTURE_CORRUPTION", "the kernel's own code or tables were changed", NONE),
    known(0x10d, "WDF_VIOLATION", "a framework driver broke a rule", NONE),
    known(0x10e, "VIDEO_MEMORY_MANAGEMENT_INTERNAL", "the graphics memory manager failed", NONE),
    known(0x113, "VIDEO_DXGKRNL_FATAL_ERROR", "the graphics kernel failed", NONE),
    known(0x116, "VIDEO_TDR_FAILURE", "the graphics driver did not recover from a timeout", NONE),
    known(0x119, "VIDEO_SCHEDULER_INTERNAL_ERROR", "the graphics scheduler failed", NONE),
    known(0x124, "WHEA_UNCORRECTABLE_ERROR", "the hardware reported an error that cannot be corrected", NONE),
    known(0x133, "DPC_WATCHDOG_VIOLATION", "a driver held a processor at high IRQL for too long", NONE),
    known(
        0x139,
        "KERNEL_SECURITY_CHECK_FAILURE",
        "the kernel found one of its structures damaged",
        &["kind of damage", "trap frame", "exception record", "reserved"],
    ),
    known(
        0x13a,
        "KERNEL_MODE_HEAP_CORRUPTION",
        "the kernel's heap, which holds the pools, is damaged",
        &["kind of damage", "heap", "address", "reserved"],
    ),
    known(
        0x154,
        "UNEXPECTED_STORE_EXCEPTION",
        "the memory compression store failed, often a failing disk",
        NONE,
    ),
    known(0x161, "LIVE_SYSTEM_DUMP", "no crash: a dump of the running system", NONE),
    known(0x18b, "SECURE_KERNEL_ERROR", "the secure kernel failed", NONE),
    known(0x1a8, "ATTEMPTED_SWITCH_FROM_DPC", "a deferred procedure tried to wait", NONE),
    known(0xc000_021a, "WINLOGON_FATAL_ERROR", "the logon process or the client/server subsystem died", NONE),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_known_with_the_small_dump_bit() {
        assert!(BUGCHECKS.is_sorted_by_key(|bugcheck| bugcheck.code));
        assert!(BUGCHECKS.len() >= 60);
        assert_eq!(lookup(0x1000_007e).map(|b| b.name), Some("SYSTEM_THREAD_EXCEPTION_NOT_HANDLED"));
        assert_eq!(lookup(0xdead), None);
        assert!(BUGCHECKS.iter().all(|b| b.parameters.len() <= 4));
    }
}
