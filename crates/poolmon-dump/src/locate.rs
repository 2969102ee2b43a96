//! Finds page tables and the kernel debugger block: by the dump header, or by search if there is no header.

use std::path::Path;

use memchr::memmem;
use poolmon_image::Machine;
use poolmon_image::bytes::{index, u64_at};

use crate::container::header::DumpHeader;
use crate::container::runs::PAGE;
use crate::error::{DumpError, Result};
use crate::kdbg::{KernelData, MAGIC};
use crate::memory::Memory;
use crate::modules;
use crate::paging::{PagingForm, Walker};
use crate::pe;

/// Sets up page tables by the header; of the forms that the machine can have, the first that leads to the
/// kernel's own lists. Gives the debugger block where it can be read.
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
    // The header's pointer is bad: the first module of the list is the kernel, and its data hold the block.
    let kernel = modules::first(memory, header.module_list)?;
    in_image(memory, kernel.base, kernel.size)
}

/// Searches the kernel's image for the block.
pub(crate) fn in_image(memory: &Memory, base: u64, size: u32) -> Option<KernelData> {
    let ranges = pe::header(memory, base).map(|image| image.writable_ranges());
    let ranges = ranges.filter(|ranges| !ranges.is_empty()).unwrap_or_else(|| vec![(0, size)]);
    let finder = memmem::Finder::new(MAGIC);
    for (start, length) in ranges {
        let mut at = u64::from(start);
        let end = at + u64::from(length.min(size));
        while at < end {
            if let Ok(page) = memory.page(base.wrapping_add(at)) {
                for hit in finder.find_iter(page) {
                    let block = base.wrapping_add(at + hit as u64).wrapping_sub(0x10);
                    if let Some(data) = KernelData::read(memory, block)
                        .filter(|data| data.kernel_base == base || memory.is_narrow())
                    {
                        return Some(data);
                    }
                }
            }
            at = (at / PAGE + 1) * PAGE;
        }
    }
    None
}

/// Sets up page tables for memory without a header: the block is searched in physical memory, then page tables are
/// searched that map the kernel's base to an image.
pub(crate) fn by_search(path: &Path, memory: &mut Memory, roots: &[u64]) -> Result<KernelData> {
    let blocks = blocks(memory);
    if blocks.is_empty() {
        return Err(DumpError::NotADump {
            path: path.to_path_buf(),
            why: "it has no dump header, and no kernel debugger block (KDBG) was found in it".into(),
            remedy: "take a crash dump or a live kernel dump instead (QEMU: dump-guest-memory -w): 64-bit Windows \
                8 and later encode that block while they run, so a raw image cannot be read without symbols",
        });
    }
    let found = roots
        .iter()
        .find_map(|&root| {
            [PagingForm::X64, PagingForm::X64Five]
                .into_iter()
                .find_map(|form| check(memory, Walker::new(form, root), &blocks))
        })
        .or_else(|| search_roots(memory, &blocks));
    let Some((walker, data)) = found else {
        return Err(DumpError::NotADump {
            path: path.to_path_buf(),
            why: "it contains a kernel debugger block, but no page tables of its kernel were found".into(),
            remedy: "take a crash dump instead: the image may be truncated, or from an unsupported processor \
                (ARM64)",
        });
    };
    memory.set_walker(walker);
    Ok(data)
}

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
    memory.map.each_run(file, |run| {
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

/// Walks all pages for top tables. Windows maps its page tables into themselves: one entry of the upper half of
/// a top table points to the table; without PAE it is entry 0x300; with PAE the fourth directory starts with
/// entries for all four, its own included, and these four are as good as the real top table.
fn search_roots(memory: &Memory, blocks: &[KernelData]) -> Option<(Walker, KernelData)> {
    let file = memory.file();
    let mut found = None;
    memory.map.each_run(file, |run| {
        for page in 0..run.pages {
            let at = (run.pfn + page) * PAGE;
            let start = index(run.offset + page * PAGE);
            let Some(bytes) = file.get(start..start.saturating_add(0x1000)) else { break };
            let own = |entry: u64| entry & 1 != 0 && entry & FRAME == at;
            let upper = bytes.get(0x800..).unwrap_or_default();
            let mut forms = [None; 3];
            if upper.chunks_exact(8).any(|entry| u64_at(entry, 0).is_some_and(own)) {
                forms = [Some(PagingForm::X64), Some(PagingForm::X64Five), None];
            }
            if poolmon_image::bytes::u32_at(bytes, 0xc00)
                .is_some_and(|entry| entry & 1 != 0 && u64::from(entry & 0xffff_f000) == at)
            {
                forms = [forms[0], forms[1], Some(PagingForm::X86)];
            }
            if u64_at(bytes, 0x18).is_some_and(own) {
                forms = [forms[0], forms[1], Some(PagingForm::X86Pae)];
            }
            for form in forms.into_iter().flatten() {
                found = check(memory, Walker::new(form, at), blocks);
                if found.is_some() {
                    return false;
                }
            }
        }
        true
    });
    found
}
