//! Bugchecks in words: name, what it means, and what its parameters report where that helps.

/// A bugcheck that is explained here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bugcheck {
    /// Code without the bit that marks small dumps.
    pub code: u32,
    /// What it means.
    pub meaning: &'static str,
    /// What the parameters are, in order; empty if it is unknown.
    pub parameters: &'static [&'static str],
}

/// A small dump carries this bit on top of some codes (0x1000007E).
const SMALL_DUMP: u32 = 0x1000_0000;

/// Every documented bugcheck: code and name, a line each.
const NAMES: &str = include_str!("bugchecks.txt");
/// Status codes that bugchecks of drivers, disks and memory carry.
const STATUSES: &str = include_str!("ntstatus.txt");

/// The name of a bugcheck (`DRIVER_IRQL_NOT_LESS_OR_EQUAL`).
pub fn name(code: u32) -> Option<&'static str> {
    find(NAMES, code).or_else(|| find(NAMES, code & !SMALL_DUMP))
}

/// The name of a status code (`STATUS_ACCESS_VIOLATION`), also where it is sign-extended to 64 bits.
pub fn status(value: u64) -> Option<&'static str> {
    let code = (value & 0xffff_ffff) as u32;
    let is_whole = value >> 32 == 0 || value >> 32 == 0xffff_ffff;
    find(STATUSES, code).filter(|_| is_whole)
}

fn find(list: &'static str, code: u32) -> Option<&'static str> {
    list.lines().find_map(|line| {
        let (number, name) = line.split_once(' ')?;
        (u32::from_str_radix(number, 16) == Ok(code)).then_some(name)
    })
}

/// Whether the system went on after this report was taken.
pub fn is_live(code: u32) -> bool {
    // Folklore: the graphics and USB timeouts are written as live reports, too, though their names do not say so.
    matches!(code, 0x117 | 0x141 | 0x144 | 0x161)
        || name(code).is_some_and(|name| name.contains("LIVEDUMP") || name.contains("LIVE_DUMP"))
}

/// What is known of a bugcheck beyond its name.
pub fn lookup(code: u32) -> Option<&'static Bugcheck> {
    let plain = code & !SMALL_DUMP;
    BUGCHECKS.iter().find(|bugcheck| bugcheck.code == plain)
}

const fn known(code: u32, meaning: &'static str, parameters: &'static [&'static str]) -> Bugcheck {
    Bugcheck { code, meaning, parameters }
}

const ACCESS: &[&str] = &["address", "IRQL", "0 read, 1 write, 8 execute", "address of the code"];
const EXCEPTION: &[&str] = &["exception code", "address of the code", "exception record", "context"];
const NONE: &[&str] = &[];

/// Every explained bugcheck, by code.
pub static BUGCHECKS: &[Bugcheck] = &[
    known(0x01, "a thread left a system call with unbalanced APC disables", NONE),
    known(0x0a, "the kernel touched bad or paged-out memory at too high an IRQL", ACCESS),
    known(0x12, "a trap of unknown cause", NONE),
    known(0x18, "the reference count of an object is wrong", NONE),
    known(
        0x19,
        "the header of a pool block is damaged: some driver wrote outside its block",
        &["kind of damage", "pool block", "depends on the kind", "depends on the kind"],
    ),
    known(0x1a, "the memory manager found its tables damaged", &["kind of damage"]),
    known(0x1e, "an unhandled exception in the kernel", &["exception code", "address of the code"]),
    known(0x20, "a thread ended with a kernel APC pending", NONE),
    known(0x21, "more quota was returned than was charged", &["process", "pool", "charge", "quota"]),
    known(0x22, "a file system failed", NONE),
    known(0x23, "the FAT file system failed", NONE),
    known(0x24, "NTFS failed", NONE),
    known(0x27, "the SMB redirector failed", NONE),
    known(0x2e, "a parity error of memory", NONE),
    known(0x3b, "an exception in a system call", EXCEPTION),
    known(0x3d, "an exception in an interrupt handler", NONE),
    known(0x3f, "system page table entries ran out: too much I/O, or a driver that leaks mappings", NONE),
    known(
        0x41,
        "an allocation that must not fail failed: the pool is exhausted",
        &["bytes requested", "pages in use", "pages of the largest request", "pages available"],
    ),
    known(0x44, "a driver completed an IRP twice", &["IRP"]),
    known(0x4a, "a system call returned at too high an IRQL", NONE),
    known(0x4c, "a hard error at start or shutdown", NONE),
    known(0x4d, "no free memory was left and no page could be written out", NONE),
    known(0x4e, "the list of physical pages is damaged: often a driver that freed pages twice", NONE),
    known(
        0x50,
        "the kernel touched memory that does not exist",
        &["address", "0 read, 2 write, 10 execute", "address of the code", "reserved"],
    ),
    known(0x51, "the registry failed", NONE),
    known(0x5c, "the hardware layer could not start", NONE),
    known(0x74, "the system hive cannot be read", &["reserved", "reserved", "reserved", "status code"]),
    known(0x76, "a driver left pages locked after an I/O", &["0", "process", "pages locked", "0"]),
    known(
        0x77,
        "a kernel stack could not be read back from the page file",
        &["status code", "I/O status code"],
    ),
    known(
        0x7a,
        "kernel data could not be read back from the page file",
        &["page table entry or lock", "status code"],
    ),
    known(0x7b, "the boot disk cannot be reached", NONE),
    known(0x7e, "an unhandled exception in a system thread", EXCEPTION),
    known(0x7f, "a processor trap in the kernel, often an overrun kernel stack (8)", &["trap number"]),
    known(0x80, "the hardware raised a non-maskable interrupt", NONE),
    known(0x8e, "an unhandled exception in the kernel", EXCEPTION),
    known(0x9c, "the processor reported a hardware error", NONE),
    known(
        0x9f,
        "a driver did not finish a change of power state",
        &["kind", "device object or timeout", "depends on the kind", "IRP or depends on the kind"],
    ),
    known(0xa5, "the firmware's ACPI tables are wrong", NONE),
    known(0xb8, "a deferred procedure tried to wait", NONE),
    known(0xbe, "a driver wrote to read-only memory", NONE),
    known(0xc1, "a driver wrote outside a block of special pool", NONE),
    known(
        0xc2,
        "a driver called the pool wrongly: freed twice, at a wrong IRQL, or with a wrong tag",
        &["kind of error", "depends on the kind", "depends on the kind", "depends on the kind"],
    ),
    known(0xc4, "Driver Verifier caught a driver breaking a rule", &["rule"]),
    known(0xc5, "a driver damaged the pool's own lists", ACCESS),
    known(0xc9, "Driver Verifier caught a wrong I/O request", NONE),
    known(0xcb, "a driver left pages of a process locked", NONE),
    known(0xd0, "a driver damaged the memory manager's pool", ACCESS),
    known(0xd1, "a driver touched bad or paged-out memory at too high an IRQL", ACCESS),
    known(0xd5, "a driver used memory that it had freed", NONE),
    known(
        0xd8,
        "a driver used up all page table entries",
        &["name of the driver", "entries it took", "free entries", "all entries"],
    ),
    known(0xda, "a driver used page table entries wrongly", NONE),
    known(0xde, "a driver damaged pool that holds pages of a file", NONE),
    known(0xe2, "this dump was requested by keyboard or debugger", NONE),
    known(0xe3, "a thread released a lock that it did not hold", NONE),
    known(0xea, "a driver loops, usually a graphics driver", NONE),
    known(0xef, "a process that the system cannot do without ended", &["process"]),
    known(0xf4, "a process or thread that the system cannot do without ended", NONE),
    known(0xf7, "a driver wrote over the end of a buffer on its stack", NONE),
    known(0xfc, "the kernel ran into data as if it were code", NONE),
    known(0x101, "a processor did not answer clock interrupts", NONE),
    known(0x109, "the kernel's own code or tables were changed", NONE),
    known(0x10d, "a framework driver broke a rule", NONE),
    known(0x10e, "the graphics memory manager failed", NONE),
    known(0x113, "the graphics kernel failed", NONE),
    known(0x116, "the graphics driver did not recover from a timeout", NONE),
    known(0x119, "the graphics scheduler failed", NONE),
    known(0x124, "the hardware reported an error that cannot be corrected", NONE),
    known(0x133, "a driver held a processor at high IRQL for too long", NONE),
    known(
        0x139,
        "the kernel found one of its structures damaged",
        &["kind of damage", "trap frame", "exception record", "reserved"],
    ),
    known(
        0x13a,
        "the kernel's heap, which holds the pools, is damaged",
        &["kind of damage", "heap", "address", "reserved"],
    ),
    known(0x154, "the memory compression store failed, often a failing disk", NONE),
    known(0x161, "no crash: a dump of the running system", NONE),
    known(0x18b, "the secure kernel failed", NONE),
    known(0x1c8, "no crash of its own: the power button was held until the system was reset", NONE),
    known(
        0xc000_021a,
        "the logon process or the client/server subsystem died",
        &["what ended", "status code"],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_known_with_the_small_dump_bit() {
        assert!(BUGCHECKS.is_sorted_by_key(|bugcheck| bugcheck.code));
        assert!(BUGCHECKS.len() >= 60);
        assert_eq!(name(0x1000_007e), Some("SYSTEM_THREAD_EXCEPTION_NOT_HANDLED"));
        assert_eq!((lookup(0xdead), name(0xdead)), (None, None));
        assert!(BUGCHECKS.iter().all(|b| b.parameters.len() <= 4 && name(b.code).is_some()));
    }

    #[test]
    fn lists_are_sorted_and_have_no_twins() {
        for list in [NAMES, STATUSES] {
            let codes: Vec<u32> = list
                .lines()
                .map(|line| u32::from_str_radix(line.split_once(' ').unwrap().0, 16).unwrap())
                .collect();
            assert!(codes.is_sorted_by(|a, b| a < b));
        }
        assert!(NAMES.lines().count() > 400);
        assert_eq!(status(0xffff_ffff_c000_0005), Some("STATUS_ACCESS_VIOLATION"));
        assert_eq!(status(0xffff_f803_c000_0005), None);
    }

    #[test]
    fn live_reports_are_known() {
        for code in [0x117, 0x141, 0x144, 0x156, 0x15e, 0x161, 0x193, 0x1a1, 0x1b8, 0x1cc] {
            assert!(is_live(code) && name(code).is_some(), "{code:#x}");
        }
        for code in [0xcc, 0xd6, 0xce, 0xe6, 0x12b, 0x1c8, 0x1ca] {
            assert!(!is_live(code) && name(code).is_some(), "{code:#x}");
        }
    }
}
