//! Finds page tables and the kernel debugger block: by the dump header, or by search if there is no header.

use std::path::Path;

use memchr::memmem;
use poolmon_image::Machine;
use poolmon_image::bytes::{index, u32_at, u64_at};

use crate::container::header::DumpHeader;
use crate::container::runs::PAGE;
use crate::error::{COPY_AGAIN, DumpError, Result};
use crate::kdbg::{KernelData, MAGIC};
use crate::kernel;
use crate::memory::Memory;
use crate::modules;
use crate::paging::{PagingForm, Walker};
use crate::scan;

/// Sets up page tables by the header; of the forms that the machine can have, the first that leads to the
/// kernel's own lists. Gives the debugger block, or what is known of the kernel without it.
pub(crate) fn by_header(memory: &mut Memory, header: &DumpHeader) -> Option<KernelData> {
    let forms: &[PagingForm] = match (header.machine()?, header.pae) {
        (Machine::X64, _) => &[PagingForm::X64, PagingForm::X64Five],
        (Machine::X86, true) => &[PagingForm::X86Pae, PagingForm::X86],
        (Machine::X86, false) => &[PagingForm::X86, PagingForm::X86Pae],
        (Machine::Arm64, _) => &[PagingForm::Arm64],
        (Machine::Other(_), _) => return None,
    };
    let mut second = None;
    for &form in forms {
        memory.set_walker(Walker::new(form, header.directory_table_base));
        if let Some(data) =
            KernelData::read(memory, header.debugger_data).filter(|_| header.debugger_data != 0)
        {
            return Some(data);
        }
        if second.is_none() && modules::is_list(memory, header.module_list) {
            second = Some(form);
        }
    }
    let form = second.or_else(|| forms.first().copied())?;
    memory.set_walker(Walker::new(form, header.directory_table_base));
    // The header's pointer is bad, or what it points to is encoded: the first module of the list is the kernel, and
    // its data hold the block. Without a list, the kernel is searched.
    match modules::first(memory, header.module_list).filter(|_| second.is_some()) {
        Some(kernel) => Some(kernel::data(memory, memory.address(kernel.base), header.module_list)),
        None => kernel::search(memory, &mut kernel::budget(memory)),
    }
}

/// Searches the kernel's image for the block.
pub(crate) fn in_image(memory: &Memory, base: u64) -> Option<KernelData> {
    let finder = memmem::Finder::new(MAGIC);
    let mut found = None;
    scan::pages(memory, base, &mut |place, page| {
        found = finder.find_iter(page).find_map(|hit| {
            let block = (place + hit as u64).wrapping_sub(0x10);
            KernelData::read(memory, block)
                .filter(|data| data.kernel_base == base || memory.address(data.kernel_base) == base)
        });
        found.is_none()
    });
    found
}

/// Sets up page tables for memory without a header: page tables are searched that map a kernel. Only if there are
/// none, the debugger block is searched in physical memory, and page tables that map the base which it reports.
pub(crate) fn by_search(path: &Path, memory: &mut Memory, roots: &[u64]) -> Result<KernelData> {
    let mut left = kernel::budget(memory);
    for &root in roots {
        for form in WIDE {
            memory.set_walker(Walker::new(form, root));
            if let Some(data) = kernel::search(memory, &mut left) {
                return Ok(data);
            }
        }
    }
    let mut next = 0;
    loop {
        let found = self_mapped(memory, &mut next);
        if found.is_empty() {
            break;
        }
        for walker in found {
            memory.set_walker(walker);
            if let Some(data) = kernel::search(memory, &mut left) {
                return Ok(data);
            }
        }
    }
    memory.clear_walker();
    let blocks = blocks(memory);
    if blocks.is_empty() {
        return Err(DumpError::NotADump {
            path: path.to_path_buf(),
            why: "it has no dump header, and no Windows kernel was found in it: neither page tables that map one nor \
                a kernel debugger block (KDBG)"
                .into(),
            remedy: "use a MEMORY.DMP, a raw memory image of Windows or an ELF core of a virtual machine (QEMU: \
                dump-guest-memory)"
                .into(),
        });
    }
    let mut next = 0;
    loop {
        let candidates = self_mapped(memory, &mut next);
        if candidates.is_empty() {
            return Err(DumpError::NotADump {
                path: path.to_path_buf(),
                why: "it contains a kernel debugger block, but no page tables of its kernel were found"
                    .into(),
                remedy: COPY_AGAIN.into(),
            });
        }
        if let Some((walker, data)) = candidates.into_iter().find_map(|walker| check(memory, walker, &blocks))
        {
            memory.set_walker(walker);
            return Ok(data);
        }
    }
}

/// Forms of 64-bit page tables, which look alike from their top.
const WIDE: [PagingForm; 3] = [PagingForm::X64, PagingForm::X64Five, PagingForm::Arm64];

/// Whether these tables map the base of one of the kernels to an image.
fn check(memory: &Memory, walker: Walker, blocks: &[KernelData]) -> Option<(Walker, KernelData)> {
    let narrow = matches!(walker.form, PagingForm::X86 | PagingForm::X86Pae);
    blocks.iter().find_map(|data| {
        let is_narrow = data.kernel_base >> 32 == 0xffff_ffff;
        if narrow != is_narrow {
            return None;
        }
        let base = if narrow { data.kernel_base & 0xffff_ffff } else { data.kernel_base };
        let page = memory.physical(memory.walk(&walker, base).ok()?.physical)?;
        page.starts_with(b"MZ").then(|| (walker, data.clone()))
    })
}

/// Every block in physical memory that looks right, at most 16.
fn blocks(memory: &Memory) -> Vec<KernelData> {
    let file = memory.file();
    let finder = memmem::Finder::new(MAGIC);
    let mut found: Vec<KernelData> = Vec::new();
    memory.each_run_with_data(|run| {
        let start = index(run.offset);
        let end = start.saturating_add(index(run.pages.saturating_mul(PAGE))).min(file.len());
        let bytes = file.get(start..end).unwrap_or_default();
        for hit in finder.find_iter(bytes) {
            let Some(block) = hit.checked_sub(0x10).filter(|at| at.is_multiple_of(8)) else { continue };
            let Some(data) = bytes.get(block..).and_then(KernelData::parse) else { continue };
            if data.module_list >= 0xffff_0000_0000_0000 && !found.contains(&data) {
                found.push(data);
            }
        }
        found.len() < 16
    });
    found
}

/// Bits 12 to 51 of an entry.
const FRAME: u64 = 0x000f_ffff_ffff_f000;

/// Pages that are tried before the search for more goes on.
const AT_ONCE: usize = 64;

/// Walks the pages from the `next`th of the dump on for top tables. Windows maps its page tables into themselves: one
/// entry of the upper half of a top table points to the table; without PAE it is entry 0x300; with PAE the fourth
/// directory starts with entries for all four, its own included, and these four are as good as the real top table.
fn self_mapped(memory: &Memory, next: &mut u64) -> Vec<Walker> {
    let file = memory.file();
    let mut found = Vec::new();
    let mut before = 0;
    memory.each_run_with_data(|run| {
        for page in next.saturating_sub(before)..run.pages {
            *next = before + page + 1;
            let at = (run.pfn + page) * PAGE;
            let start = index(run.offset + page * PAGE);
            let Some(bytes) = file.get(start..start.saturating_add(0x1000)) else { break };
            let own = |entry: u64| entry & 1 != 0 && entry & FRAME == at;
            let upper = bytes.get(0x800..).unwrap_or_default();
            if upper.chunks_exact(8).any(|entry| u64_at(entry, 0).is_some_and(own)) {
                found.extend(WIDE.map(|form| Walker::new(form, at)));
            }
            if u32_at(bytes, 0xc00)
                .is_some_and(|entry| entry & 1 != 0 && u64::from(entry & 0xffff_f000) == at)
            {
                found.push(Walker::new(PagingForm::X86, at));
            }
            if u64_at(bytes, 0x18).is_some_and(own) {
                found.push(Walker::new(PagingForm::X86Pae, at));
            }
            if found.len() >= AT_ONCE {
                return false;
            }
        }
        before += run.pages;
        true
    });
    found
}
