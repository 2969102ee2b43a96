//! Which event of the kernel a record is: a group and a type, in one number.

use std::fmt;

use crate::guid::{self, Guid};

/// Group (high byte) and type (low byte) of a kernel event. Sources: the class descriptions that Windows documents, and
/// public headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hook(pub u16);

impl Hook {
    /// The trace's own header.
    pub const TRACE_HEADER: Self = Self(0x0000);
    /// A process starts.
    pub const PROCESS_START: Self = Self(0x0301);
    /// A process ends.
    pub const PROCESS_END: Self = Self(0x0302);
    /// A process that ran when the trace began.
    pub const PROCESS_AT_START: Self = Self(0x0303);
    /// A process that ran when the trace ended.
    pub const PROCESS_AT_END: Self = Self(0x0304);
    /// An image is loaded. Traces of Windows 8 and 10 have it in the group of processes.
    pub const IMAGE_LOAD: Self = Self(0x030A);
    /// The same, in the group of images, where the documented class has it.
    pub const IMAGE_LOAD_CLASS: Self = Self(0x140A);
    /// An image is unloaded.
    pub const IMAGE_UNLOAD: Self = Self(0x1402);
    /// An image that was loaded when the trace began.
    pub const IMAGE_AT_START: Self = Self(0x1403);
    /// An image that was loaded when the trace ended.
    pub const IMAGE_AT_END: Self = Self(0x1404);
    /// Pool memory is allocated.
    pub const POOL_ALLOCATE: Self = Self(0x0E20);
    /// Pool memory of a session is allocated.
    pub const POOL_ALLOCATE_SESSION: Self = Self(0x0E21);
    /// Pool memory is freed.
    pub const POOL_FREE: Self = Self(0x0E22);
    /// Pool memory of a session is freed.
    pub const POOL_FREE_SESSION: Self = Self(0x0E23);
    /// A stack with its frames.
    pub const STACK: Self = Self(0x1820);
    /// A stack's definition: key and frames, when it is created.
    pub const STACK_KEY_CREATED: Self = Self(0x1822);
    /// A stack's definition, when its key is given up.
    pub const STACK_KEY_DELETED: Self = Self(0x1823);
    /// A stack's definition, when the trace ends.
    pub const STACK_KEY_AT_END: Self = Self(0x1824);
    /// The kernel part of a stack, by its key.
    pub const STACK_KERNEL_KEY: Self = Self(0x1825);
    /// The user part of a stack, by its key.
    pub const STACK_USER_KEY: Self = Self(0x1826);

    /// The group of pool events.
    pub const POOL_GROUP: u8 = 0x0E;
    /// The group of stack walks.
    pub const STACK_GROUP: u8 = 0x18;
    /// The group of images.
    pub const IMAGE_GROUP: u8 = 0x14;

    /// From group and type.
    pub const fn new(group: u8, kind: u8) -> Self {
        Self(u16::from_be_bytes([group, kind]))
    }

    /// Its group.
    pub const fn group(self) -> u8 {
        self.0.to_be_bytes()[0]
    }

    /// Its type within the group.
    pub const fn kind(self) -> u8 {
        self.0.to_be_bytes()[1]
    }

    /// An event of the old classes by GUID and type: the same event with a longer header.
    pub fn of_class(class: Guid, kind: u8) -> Option<Self> {
        let group = match class {
            guid::POOL => Self::POOL_GROUP,
            guid::STACK_WALK => Self::STACK_GROUP,
            guid::IMAGE => Self::IMAGE_GROUP,
            guid::PROCESS => 0x03,
            guid::EVENT_TRACE => 0x00,
            _ => return None,
        };
        Some(Self::new(group, kind))
    }

    /// What the group is about: `pool`, `images`; its number if it is not known.
    pub fn group_name(self) -> &'static str {
        const NAMES: [&str; 0x1F] = [
            "trace",
            "disk I/O",
            "memory",
            "processes",
            "file I/O",
            "threads",
            "TCP/IP",
            "jobs",
            "UDP/IP",
            "registry",
            "debug prints",
            "configuration",
            "group 0x0c",
            "WNF",
            "pool",
            "profile",
            "heap",
            "objects",
            "power",
            "bound modules",
            "images",
            "DPCs",
            "file cache",
            "critical sections",
            "stacks",
            "UMS",
            "ALPC",
            "split I/O",
            "thread pool",
            "hypervisor",
            "hypervisor",
        ];
        NAMES.get(usize::from(self.group())).copied().unwrap_or("other")
    }
}

impl fmt::Display for Hook {
    /// `0E20`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_types() {
        assert_eq!(Hook::new(0x0E, 0x20), Hook::POOL_ALLOCATE);
        assert_eq!((Hook::POOL_FREE.group(), Hook::POOL_FREE.kind()), (0x0E, 0x22));
        assert_eq!(Hook::of_class(guid::POOL, 32), Some(Hook::POOL_ALLOCATE));
        assert_eq!(Hook::of_class(guid::STACK_WALK, 32), Some(Hook::STACK));
        assert_eq!(Hook::of_class(guid::IMAGE, 10), Some(Hook::IMAGE_LOAD_CLASS));
        assert_eq!(Hook::of_class(Guid([0; 16]), 10), None);
        assert_eq!((Hook::STACK.group_name(), Hook(0xFF00).group_name()), ("stacks", "other"));
        assert_eq!(Hook::STACK.to_string(), "1820");
    }
}
