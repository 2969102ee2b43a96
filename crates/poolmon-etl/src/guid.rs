//! GUIDs of event classes and providers.

use std::fmt;

use poolmon_image::bytes::array;

/// A GUID, as its sixteen bytes are in a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// From the digits of its text, in order.
    pub const fn new(digits: u128) -> Self {
        Self(turned(digits.to_be_bytes()))
    }

    /// From bytes at an offset.
    pub(crate) fn at(bytes: &[u8], at: usize) -> Option<Self> {
        array(bytes, at).map(Self)
    }
}

/// Text has the first three numbers with their highest digits first, a file with their lowest byte first.
const fn turned(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes.swap(0, 3);
    bytes.swap(1, 2);
    bytes.swap(4, 5);
    bytes.swap(6, 7);
    bytes
}

impl fmt::Display for Guid {
    /// `0268a8b6-74fd-4302-9dd0-6e8f1795c0cf`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in turned(self.0).into_iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guid({self})")
    }
}

/// Pool events.
pub const POOL: Guid = Guid::new(0x0268_a8b6_74fd_4302_9dd0_6e8f_1795_c0cf);
/// Stack walks.
pub const STACK_WALK: Guid = Guid::new(0xdef2_fe46_7bd6_4b80_bd94_f57f_e20d_0ce3);
/// Loading of images.
pub const IMAGE: Guid = Guid::new(0x2cb1_5d1d_5fc1_11d2_abe1_00a0_c911_f518);
/// Processes.
pub const PROCESS: Guid = Guid::new(0x3d6f_a8d0_fe05_11d0_9dda_00c0_4fd7_ba7c);
/// What tools add of each image when they merge a trace: its debug information, and what its file says of itself.
pub const IMAGE_ID: Guid = Guid::new(0xb3e6_75d7_2554_4f18_830b_2762_7325_60de);
/// The trace itself: its header.
pub const EVENT_TRACE: Guid = Guid::new(0x68fd_d900_4a3e_11d1_84f4_0000_f804_64e3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_are_written_as_usual() {
        assert_eq!(POOL.to_string(), "0268a8b6-74fd-4302-9dd0-6e8f1795c0cf");
        assert_eq!(Guid::at(&POOL.0, 0), Some(POOL));
        assert_eq!(Guid::at(&POOL.0, 1), None);
    }
}
