//! The kernel debugger block (`KDDEBUGGER_DATA64`, documented in `wdbgexts.h`): where the kernel's tables are.
//!
//! Its layout is the same on 32-bit systems, with addresses sign-extended. The header of a dump points to it; where
//! that pointer is bad it is searched in the kernel's image.

use poolmon_image::bytes::{array, u16_at, u32_at, u64_at};
use poolmon_model::hidden::SafeString;

use crate::memory::Memory;

/// What the block reported. Addresses are of variables unless said otherwise; 0 = unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelData {
    /// Size of the block in bytes; grows from release to release.
    pub size: u32,
    /// Base address of the kernel's image.
    pub kernel_base: u64,
    /// Head of the loaded module list.
    pub module_list: u64,
    /// `KiBugcheckData`: code and four parameters.
    pub bugcheck_data: u64,
    /// Number of physical pages.
    pub physical_pages: u64,
    /// Commit limit, pages.
    pub commit_limit: u64,
    /// Committed pages.
    pub committed: u64,
    /// Available pages.
    pub available: u64,
    /// `PoolTrackTable`: the variable that points to the first processor's table.
    pub pool_track_table: u64,
    /// Build text of the kernel.
    pub build_lab: u64,
    /// Array of pointers to the processors' blocks.
    pub processor_block: u64,
    /// List of unloaded drivers.
    pub unloaded_drivers: u64,
    /// x86: address extension in use.
    pub pae: bool,
}

/// The owner tag of the block, at +0x10.
pub(crate) const MAGIC: &[u8; 4] = b"KDBG";
/// Smallest and largest size seen are 0x208 (2000) and 0x380 (2020); room for what comes.
const SIZES: std::ops::RangeInclusive<u32> = 0x1c0..=0x1000;
/// Bytes that are used of it.
pub(crate) const USED: usize = 0x240;

impl KernelData {
    /// Reads the block; `None` if these bytes are none.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        if array::<4>(bytes, 0x10)? != *MAGIC {
            return None;
        }
        let size = u32_at(bytes, 0x14)?;
        if !SIZES.contains(&size) {
            return None;
        }
        let field = |at: usize| {
            // A field behind the block's own end belongs to something else.
            if at + 8 > size as usize { 0 } else { u64_at(bytes, at).unwrap_or(0) }
        };
        let kernel_base = field(0x18);
        let plausible = kernel_base.is_multiple_of(0x1000) && kernel_base >= 0xffff_0000_0000_0000;
        plausible.then(|| Self {
            size,
            kernel_base,
            pae: u16_at(bytes, 0x36) == Some(1),
            module_list: field(0x48),
            bugcheck_data: field(0x88),
            physical_pages: field(0xf8),
            commit_limit: field(0x148),
            committed: field(0x150),
            available: field(0x1a8),
            pool_track_table: field(0x1b8),
            build_lab: field(0x208),
            processor_block: field(0x218),
            unloaded_drivers: field(0x220),
        })
    }

    /// Reads the block at a virtual address.
    pub(crate) fn read(memory: &Memory, address: u64) -> Option<Self> {
        let mut bytes = [0; USED];
        // An old block is shorter than what is used of new ones, and its page may be the last: read what is there.
        let mut got = 0;
        while got < USED {
            let Ok(part) = memory.page(address.wrapping_add(got as u64)) else { break };
            let rest = bytes.get_mut(got..).unwrap_or_default();
            let n = part.len().min(rest.len());
            if n == 0 {
                break;
            }
            rest.get_mut(..n)?.copy_from_slice(part.get(..n)?);
            got += n;
        }
        Self::parse(bytes.get(..got)?)
    }

    /// The kernel's build text (`19041.1.amd64fre.vb_release.191206-1406`).
    pub(crate) fn build_text(&self, memory: &Memory) -> Option<SafeString> {
        if self.build_lab == 0 {
            return None;
        }
        let page = memory.page(self.build_lab).ok()?;
        let text = poolmon_image::bytes::ascii(page.get(..page.len().min(128))?);
        let plain = |c: char| c.is_ascii_graphic();
        (!text.is_empty() && text.chars().all(plain)).then(|| text.as_str().into())
    }

    /// Number of processors, counted in the array of their blocks.
    pub(crate) fn processors(&self, memory: &Memory) -> Option<u32> {
        let step = memory.pointer() as u64;
        let mut count = 0;
        // The array has a slot for every processor that the system could have.
        while count < 2048 && self.processor_block != 0 {
            match memory.pointer_at(self.processor_block.wrapping_add(u64::from(count) * step)) {
                Ok(block) if memory.is_kernel(block) => count += 1,
                _ => break,
            }
        }
        (count > 0).then_some(count)
    }

    /// A page count behind a variable, in bytes.
    pub(crate) fn pages(memory: &Memory, variable: u64) -> Option<u64> {
        let count = memory.pointer_at(variable).ok().filter(|_| variable != 0)?;
        (count > 0 && count < 1 << 40).then(|| count * crate::container::runs::PAGE)
    }
}
