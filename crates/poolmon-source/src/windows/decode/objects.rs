//! Class 3 of `NtQueryObject`: types of objects, with how many objects and handles of each there are.
//!
//! Layout: `OBJECT_TYPE_INFORMATION` of mingw-w64's `winternl.h`; `TypeIndex`, in what was padding before Windows 8.1, and the
//! alignment of entries by `phnt`.

use super::processes::text;
use super::{BufferLayout, DecodeError, Decoded, at, u16_in, u32_in, u64_in};

/// `ObjectTypesInformation`.
pub const CLASS: u32 = 3;

/// The first index before Windows 8.1, which does not say it: the two before it are no types (Windows 7 and 8).
const FIRST: usize = 2;

/// A type of object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectType {
    /// Its name (`Token`).
    pub name: String,
    /// The index by which handles name it.
    pub index: u16,
    /// Objects that exist.
    pub objects: u32,
    /// Handles to them, of all processes and the kernel.
    pub handles: u32,
}

/// Decodes the answer: types are appended to `found`. `base`: the address at which the kernel filled the buffer.
///
/// # Errors
///
/// An entry is cut.
pub fn object_types(
    buffer: &[u8],
    base: u64,
    layout: BufferLayout,
    found: &mut Vec<ObjectType>,
) -> Result<Decoded, DecodeError> {
    let align: usize = match layout {
        BufferLayout::X64 => 8,
        BufferLayout::X86 => 4,
    };
    let count: [u8; 4] = at(CLASS, "the number of types", buffer, 0)?;
    let promised = usize::try_from(u32::from_le_bytes(count)).unwrap_or(usize::MAX);
    let mut total = Decoded { promised, read: 0 };
    let (mut offset, first) = (align, found.len());
    while total.read < promised {
        let (one, size, room) = match layout {
            BufferLayout::X64 => {
                let entry: [u8; 0x68] = at(CLASS, "a type", buffer, offset)?;
                let name = text(buffer, base, u16_in(&entry, 0), u64_in(&entry, 8));
                (object_type(name, &entry, 0x10, 0x5a), entry.len(), u16_in(&entry, 2))
            }
            BufferLayout::X86 => {
                let entry: [u8; 0x60] = at(CLASS, "a type", buffer, offset)?;
                let name = text(buffer, base, u16_in(&entry, 0), u32_in(&entry, 4).into());
                (object_type(name, &entry, 8, 0x52), entry.len(), u16_in(&entry, 2))
            }
        };
        found.push(one);
        total.read += 1;
        offset += size + usize::from(room).next_multiple_of(align);
    }
    let own = found.get_mut(first..).unwrap_or_default();
    if own.iter().all(|one| one.index == 0) {
        for (at, one) in own.iter_mut().enumerate() {
            one.index = u16::try_from(at + FIRST).unwrap_or(u16::MAX);
        }
    }
    Ok(total)
}

fn object_type(name: String, entry: &[u8], figures: usize, index: usize) -> ObjectType {
    ObjectType {
        name,
        index: u16::from(entry.get(index).copied().unwrap_or(0)),
        objects: u32_in(entry, figures),
        handles: u32_in(entry, figures + 4),
    }
}
