//! The kernel without its debugger block: its image by the name in its export directory, its list of modules by the
//! form of a list whose first entry is the kernel itself, and what it shares with every process.

use poolmon_image::Machine;
use poolmon_image::bytes::u32_at;
use poolmon_image::pe::{ImageBytes as _, PeHeader, directory};

use crate::container::runs::PAGE;
use crate::encoded;
use crate::kdbg::KernelData;
use crate::locate;
use crate::memory::Memory;
use crate::modules;
use crate::paging::PagingForm;
use crate::pe::ModuleBytes;
use crate::scan;

/// Names under which the kernel exports its functions.
const NAMES: [&str; 4] = ["ntoskrnl.exe", "ntkrnlmp.exe", "ntkrnlpa.exe", "ntkrpamp.exe"];

/// Pages that are looked at in all searches of a dump: more are circles in damaged page tables.
pub(crate) fn budget(memory: &Memory) -> u64 {
    memory.map.pages().saturating_mul(4).saturating_add(1 << 21)
}

/// Searches what the page tables map where kernels are loaded; gives the debugger block, or what can be known without.
pub(crate) fn search(memory: &Memory, left: &mut u64) -> Option<KernelData> {
    let form = memory.walker()?.form;
    let (machine, start, end) = match form {
        PagingForm::X64 | PagingForm::X64Five => (Machine::X64, 0xffff_f800_0000_0000, u64::MAX),
        PagingForm::Arm64 => (Machine::Arm64, 0xffff_f800_0000_0000, u64::MAX),
        PagingForm::X86 | PagingForm::X86Pae => (Machine::X86, 0x8000_0000, u64::from(u32::MAX)),
    };
    let mut at = start;
    let mut second = None;
    while at < end && *left > 0 {
        *left -= 1;
        let step = match memory.page(at) {
            Ok(page) => {
                if page.starts_with(b"MZ") && is_kernel(memory, at, page, machine) {
                    // A copy of the file that is mapped somewhere has no list of modules.
                    if let Some(list) = module_list(memory, at) {
                        return Some(data(memory, at, list));
                    }
                    second = second.or(Some(at));
                }
                PAGE
            }
            Err(hole) => (hole.span - (at & (hole.span - 1))).max(PAGE),
        };
        at = at.saturating_add(step);
    }
    second.map(|base| data(memory, base, 0))
}

/// Whether the image at an address is a kernel of this machine.
fn is_kernel(memory: &Memory, base: u64, page: &[u8], machine: Machine) -> bool {
    let name = || {
        let header = PeHeader::parse(page).ok().filter(|header| header.machine == machine)?;
        let bytes = ModuleBytes { memory, base };
        let (table, _) = header.directory(directory::EXPORT)?;
        bytes.text(u32_at(&bytes.read(table, 40)?, 12)?)
    };
    name().is_some_and(|name| NAMES.iter().any(|known| known.eq_ignore_ascii_case(&name)))
}

/// What is known of a kernel by its image: the debugger block, plain or encoded, else its base and its modules alone.
/// `list` is the head of the list of modules, 0 if it is unknown.
pub(crate) fn data(memory: &Memory, base: u64, list: u64) -> KernelData {
    locate::in_image(memory, base)
        .or_else(|| encoded::find(memory, base, list))
        .unwrap_or_else(|| KernelData { kernel_base: base, module_list: list, ..KernelData::default() })
}

/// The head of the list of modules in the kernel's data: it points to an entry that points back, and that entry
/// describes the kernel.
pub(crate) fn module_list(memory: &Memory, base: u64) -> Option<u64> {
    let base = memory.address(base);
    let mut found = None;
    scan::words(memory, base, &mut |place, first| {
        let is_list = memory.is_kernel(first)
            && first.is_multiple_of(memory.pointer() as u64)
            && modules::is_list(memory, place)
            && modules::first(memory, place).is_some_and(|module| memory.address(module.base) == base);
        if is_list {
            found = Some(place);
        }
        found.is_none()
    });
    found
}

/// The page that the kernel shares with every process, at a documented address (`KUSER_SHARED_DATA`).
pub(crate) struct Shared<'a>(&'a Memory);

impl<'a> Shared<'a> {
    pub(crate) const fn of(memory: &'a Memory) -> Self {
        Self(memory)
    }

    const fn at(&self, offset: u64) -> u64 {
        offset + if self.0.is_narrow() { 0xffdf_0000 } else { 0xffff_f780_0000_0000 }
    }

    /// A time in 100 ns: since 1601 at `0x14`, since boot at `8`.
    pub(crate) fn time(&self, offset: u64) -> Option<u64> {
        self.0.array(self.at(offset)).ok().map(u64::from_le_bytes).filter(|&time| time != 0)
    }

    fn figure(&self, offset: u64) -> Option<u32> {
        self.0.u32(self.at(offset)).ok().filter(|&figure| figure != 0)
    }

    /// The build; before Windows 10 the last one of the version, which is all that is there.
    pub(crate) fn build(&self) -> Option<u32> {
        Some(match (self.figure(0x26c)?, self.0.u32(self.at(0x270)).ok()?) {
            (10, _) => self.figure(0x260).filter(|build| (10_240..100_000).contains(build))?,
            (6, 3) => 9600,
            (6, 2) => 9200,
            (6, 1) => 7601,
            (6, 0) => 6002,
            (5, 2) => 3790,
            (5, 1) => 2600,
            (5, 0) => 2195,
            _ => return None,
        })
    }

    /// Active processors; Windows 7 and later keep their number here.
    pub(crate) fn processors(&self) -> Option<u32> {
        self.figure(0x3c0).filter(|&count| count <= 2048 && self.build().is_some_and(|build| build >= 7600))
    }

    /// Physical memory in bytes.
    pub(crate) fn memory(&self) -> Option<u64> {
        let pages = u64::from(self.figure(0x2e8)?);
        self.build().map(|_| pages * PAGE)
    }
}

/// Whether the top page table is in the dump; without it nothing can be translated.
pub(crate) fn has_page_tables(memory: &Memory) -> bool {
    memory.walker().is_some_and(|walker| memory.physical(walker.root).is_some())
}
