//! Class 66: every pool allocation of a page or more, with its address.

use poolmon_model::{Pool, PoolTag};

use super::tags::tag;
use super::{BufferLayout, DecodeError, Decoded, counted, u32_in, u64_in};

/// `SystemBigPoolInformation`.
pub const CLASS: u32 = 66;

/// One big pool allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BigAllocation {
    /// Who asked for it.
    pub tag: PoolTag,
    /// From which pool; `None` if the whole address was withheld, as its lowest bit gives the pool.
    pub pool: Option<Pool>,
    /// Its address; `None` if Windows withheld it (11 24H2 and later, without `SeDebugPrivilege`).
    pub address: Option<u64>,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Decodes class 66: allocations are appended to `found`.
pub fn big_pool(
    buffer: &[u8],
    layout: BufferLayout,
    found: &mut Vec<BigAllocation>,
) -> Result<Decoded, DecodeError> {
    match layout {
        BufferLayout::X64 => {
            let (decoded, entries) = counted::<0x18>(CLASS, buffer, layout)?;
            found.extend(
                entries
                    .iter()
                    .map(|entry| allocation(u64_in(entry, 0), u64_in(entry, 8), tag_at(entry, 0x10))),
            );
            Ok(decoded)
        }
        BufferLayout::X86 => {
            let (decoded, entries) = counted::<0x0c>(CLASS, buffer, layout)?;
            found.extend(
                entries.iter().map(|entry| {
                    allocation(u32_in(entry, 0).into(), u32_in(entry, 4).into(), tag_at(entry, 8))
                }),
            );
            Ok(decoded)
        }
    }
}

fn tag_at(entry: &[u8], offset: usize) -> PoolTag {
    tag(entry.get(offset..).unwrap_or_default())
}

/// Bit 0 of the address is set for nonpaged pool.
fn allocation(address: u64, bytes: u64, tag: PoolTag) -> BigAllocation {
    let nonpaged = address & 1 != 0;
    let page = address & !1;
    let pool = (address != 0).then_some(if nonpaged { Pool::Nonpaged } else { Pool::Paged });
    BigAllocation { tag, pool, address: (page != 0).then_some(page), bytes }
}
