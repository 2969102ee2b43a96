//! The drivers and processes of the story, and where they are.

use super::Arch;

/// A driver that is loaded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Driver {
    pub(super) path: &'static str,
    pub(super) base: [u64; 2],
    pub(super) size: u64,
    pub(super) stamp: u32,
    /// Description, version, product and company, if its file says them.
    pub(super) version: Option<[&'static str; 4]>,
}

/// In the order of [`Place`]'s numbers.
pub(super) const DRIVERS: [Driver; 4] = [
    Driver {
        path: r"\SystemRoot\system32\ntoskrnl.exe",
        base: [0x8261_0000, 0xFFFF_F800_0280_0000],
        size: 0x5D_0000,
        stamp: 0x5A49_7359,
        version: Some(["NT Kernel & System", "6.3.9600.17415", "Windows", "Microsoft Corporation"]),
    },
    Driver {
        path: r"\SystemRoot\system32\DRIVERS\leaker.sys",
        base: [0x8B04_0000, 0xFFFF_F880_0410_0000],
        size: 0x1_2000,
        stamp: 0x5F00_0001,
        version: Some(["Leaks on purpose", "1.4.2.0", "Leaker", "Example Ltd."]),
    },
    Driver {
        path: r"\??\C:\Program Files\Example\healthy.sys",
        base: [0x8B10_0000, 0xFFFF_F880_0420_0000],
        size: 0x9000,
        stamp: 0x5F00_0002,
        version: None,
    },
    Driver {
        path: r"\SystemRoot\System32\win32k.sys",
        base: [0x9A00_0000, 0xFFFF_F960_0004_0000],
        size: 0x31_0000,
        stamp: 0x5F00_0003,
        version: None,
    },
];

/// The kernel.
pub(super) const NT: usize = 0;
/// The driver that leaks.
pub(super) const LEAKER: usize = 1;
/// A driver that does not.
pub(super) const HEALTHY: usize = 2;
/// A driver of sessions.
pub(super) const WIN32K: usize = 3;

/// A process of the story.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program {
    pub(super) id: u32,
    pub(super) parent: u32,
    pub(super) session: u32,
    pub(super) name: &'static str,
    pub(super) thread: u32,
}

/// The system's own process, and one that calls the driver that leaks.
pub(super) const PROGRAMS: [Program; 2] = [
    Program { id: 4, parent: 0, session: u32::MAX, name: "System", thread: 60 },
    Program { id: 1_234, parent: 500, session: 1, name: "caller.exe", thread: 1_240 },
];

/// A place in a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub(super) driver: usize,
    /// Bytes after the driver's beginning.
    pub offset: u64,
}

impl Place {
    /// The driver's file name.
    pub fn driver(&self) -> &'static str {
        let path = DRIVERS[self.driver].path;
        path.rsplit('\\').next().unwrap_or(path)
    }

    /// Its address. As the trace has it: 32 bits on x86.
    pub const fn address(&self, arch: Arch) -> u64 {
        let base = DRIVERS[self.driver].base;
        self.offset
            + match arch {
                Arch::X86 => base[0],
                Arch::X64 => base[1],
            }
    }
}
