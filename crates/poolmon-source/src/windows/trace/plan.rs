//! What Windows is asked for, as bytes: which way there is, the filter of tags, the groups of events, the events with stacks.
//!
//! Sources: Windows' documentation of system providers and of system trace sessions; its public headers. The mask of the pool's group
//! is in no header of the SDK, but in public descriptions of the kernel's.

use poolmon_model::PoolTag;

/// Tags that the kernel can choose by; more are chosen when the trace is read.
pub const MOST_TAGS: usize = 4;

/// A GUID in the order of its fields.
pub type Guid = (u32, u16, u16, [u8; 8]);

/// The provider of memory events.
pub const MEMORY: Guid = (0x8295_8ca9, 0xb6cd, 0x47f8, [0xa3, 0xa8, 0x03, 0xae, 0x85, 0xa4, 0xbc, 0x24]);
/// Its keyword of pool events.
pub const MEMORY_POOL: u64 = 8;
/// The provider of processes and images.
pub const PROCESS: Guid = (0x151f_55dc, 0x467d, 0x471f, [0x83, 0xb5, 0x5f, 0x88, 0x9d, 0x46, 0xff, 0x66]);
/// Its keywords of processes and of images.
pub const PROCESS_LOADER: u64 = 0x1 | 0x1000;
/// The class of pool events.
const POOL: Guid = (0x0268_a8b6, 0x74fd, 0x4302, [0x9d, 0xd0, 0x6e, 0x8f, 0x17, 0x95, 0xc0, 0xcf]);
/// Allocations and frees, of the pool and of sessions.
const POOL_EVENTS: [u8; 4] = [32, 33, 34, 35];

/// How a system is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// System providers: Windows 11, Server 2022 and later. The kernel chooses the tags.
    Providers,
    /// A system trace session with masks of groups: Windows 8 and Server 2012 and later. Every tag is recorded.
    Masks,
}

impl Way {
    /// Of a build; `None` before Windows 8.
    pub const fn of(build: u32) -> Option<Self> {
        match build {
            20_348.. => Some(Self::Providers),
            9_200.. => Some(Self::Masks),
            _ => None,
        }
    }
}

/// The events that get stacks: `CLASSIC_EVENT_ID` for each.
pub fn stacks() -> Vec<u8> {
    let event = |kind: u8| {
        let mut bytes = guid(POOL).to_vec();
        bytes.extend([kind, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    };
    POOL_EVENTS.into_iter().flat_map(event).collect()
}

/// The groups of a system trace session: processes and images in the first mask, the pool in the second.
pub fn masks() -> Vec<u8> {
    const PROCESS: u32 = 0x1;
    const IMAGE_LOAD: u32 = 0x4;
    const POOL: u32 = 0x40;
    [PROCESS | IMAGE_LOAD, POOL, 0, 0, 0, 0, 0, 0].into_iter().flat_map(u32::to_le_bytes).collect()
}

/// The filter of the memory provider: `EVENT_FILTER_HEADER`, then the tags.
pub fn filter(tags: &[PoolTag]) -> Option<Vec<u8>> {
    const POOL_FILTER: u16 = 1;
    const HEADER: u32 = 24;
    let count = u32::try_from(tags.len()).ok()?;
    if tags.is_empty() || tags.len() > MOST_TAGS {
        return None;
    }
    let mut bytes = POOL_FILTER.to_le_bytes().to_vec();
    bytes.extend([0; 6 + 8]);
    bytes.extend((HEADER + 4 * count).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(tags.iter().flat_map(|tag| tag.0));
    Some(bytes)
}

/// A GUID as it is in memory.
pub fn guid((first, second, third, rest): Guid) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&first.to_le_bytes());
    bytes[4..6].copy_from_slice(&second.to_le_bytes());
    bytes[6..8].copy_from_slice(&third.to_le_bytes());
    bytes[8..].copy_from_slice(&rest);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_its_tags_in_reading_order() {
        let bytes = filter(&[PoolTag(*b"Leak"), PoolTag(*b"Irp ")]).unwrap();
        assert_eq!(bytes.len(), 32);
        assert_eq!((&bytes[..8], &bytes[8..16]), (&[1, 0, 0, 0, 0, 0, 0, 0][..], &[0; 8][..]));
        assert_eq!((&bytes[16..20], &bytes[20..24]), (&[32, 0, 0, 0][..], &[0; 4][..]));
        assert_eq!(&bytes[24..], b"LeakIrp ");
        assert_eq!((filter(&[]), filter(&[PoolTag(*b"Leak"); 5])), (None, None));
    }

    #[test]
    fn stacks_are_asked_for_allocations_and_frees() {
        let bytes = stacks();
        assert_eq!(bytes.len(), 4 * 24);
        let pool =
            [0xb6, 0xa8, 0x68, 0x02, 0xfd, 0x74, 0x02, 0x43, 0x9d, 0xd0, 0x6e, 0x8f, 0x17, 0x95, 0xc0, 0xcf];
        for (at, kind) in POOL_EVENTS.into_iter().enumerate() {
            assert_eq!(&bytes[24 * at..24 * at + 16], &pool);
            assert_eq!(&bytes[24 * at + 16..24 * at + 24], &[kind, 0, 0, 0, 0, 0, 0, 0]);
        }
        assert_eq!(&masks()[..8], &[5, 0, 0, 0, 0x40, 0, 0, 0]);
        assert_eq!(masks().len(), 32);
    }

    #[test]
    fn each_build_has_its_way() {
        let ways = [7_601, 9_199, 9_200, 19_045, 20_347, 20_348, 26_100].map(Way::of);
        let (masks, providers) = (Some(Way::Masks), Some(Way::Providers));
        assert_eq!(ways, [None, None, masks, masks, masks, providers, providers]);
    }
}
