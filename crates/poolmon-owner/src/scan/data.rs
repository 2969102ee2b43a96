//! Structures in data that carry a tag.

use poolmon_image::bytes::{u16_at, u32_at, u64_at};
use poolmon_image::pe::{Pe, PeSection, directory};

use super::value::like_a_tag;

/// A tag in a structure: value, file offset, structure.
pub(crate) type StructureTag = (u32, usize, &'static str);

/// Hostile or odd files may hold many; a driver has a handful.
const MAX_MEMBERS: usize = 4_096;

/// Finds the tables that a file-system filter and a framework driver hand to the kernel.
pub(crate) fn members(pe: &Pe<'_>, filter: bool, framework: bool) -> Vec<StructureTag> {
    let mut found = Vec::new();
    let step = if pe.is_64 { 8 } else { 4 };
    for section in pe.sections.iter().filter(|section| !section.is_code() && (filter || framework)) {
        let bytes = pe.section_bytes(section);
        for at in (0..bytes.len()).step_by(step) {
            if found.len() >= MAX_MEMBERS {
                return found;
            }
            let rest = bytes.get(at..).unwrap_or_default();
            if let Some((value, inside)) = filter.then(|| context(pe, rest)).flatten() {
                found.push((value, section.raw + at + inside, "FLT_CONTEXT_REGISTRATION"));
            } else if let Some((value, inside)) = framework.then(|| config(pe, rest)).flatten() {
                found.push((value, section.raw + at + inside, "WDF_DRIVER_CONFIG"));
            }
        }
    }
    found
}

fn pointer(pe: &Pe<'_>, bytes: &[u8], at: usize) -> Option<u64> {
    if pe.is_64 { u64_at(bytes, at) } else { u32_at(bytes, at).map(u64::from) }
}

/// None, or an address inside the image.
fn callback(pe: &Pe<'_>, bytes: &[u8], at: usize) -> Option<()> {
    let address = pointer(pe, bytes, at)?;
    (address == 0 || pe.rva_of(address).is_some()).then_some(())
}

/// `FLT_CONTEXT_REGISTRATION`: kind of context, flags, callback, size, tag, callbacks.
fn context(pe: &Pe<'_>, bytes: &[u8]) -> Option<(u32, usize)> {
    let kind = u16_at(bytes, 0)?;
    let flags = u16_at(bytes, 2)?;
    if !kind.is_power_of_two() || kind > 0x40 || flags > 3 {
        return None;
    }
    let (width, tag) = if pe.is_64 { (8, 0x18) } else { (4, 0xc) };
    if pe.is_64 && u32_at(bytes, 4)? != 0 {
        return None;
    }
    callback(pe, bytes, width)?;
    let size = pointer(pe, bytes, 2 * width)?;
    let variable = if pe.is_64 { u64::MAX } else { u64::from(u32::MAX) };
    if size != variable && !(1..0x10_0000).contains(&size) {
        return None;
    }
    let value = u32_at(bytes, tag).filter(|&value| like_a_tag(value))?;
    for n in 0..2 {
        callback(pe, bytes, (if pe.is_64 { 0x20 } else { 0x10 }) + n * width)?;
    }
    Some((value, tag))
}

/// `WDF_DRIVER_CONFIG`: its own size, two callbacks, flags, tag.
fn config(pe: &Pe<'_>, bytes: &[u8]) -> Option<(u32, usize)> {
    let (size, width) = if pe.is_64 { (0x20, 8) } else { (0x14, 4) };
    if u32_at(bytes, 0)? != size {
        return None;
    }
    callback(pe, bytes, width)?;
    callback(pe, bytes, 2 * width)?;
    let tag = size as usize - 4;
    (u32_at(bytes, tag - 4)? <= 3).then_some(())?;
    let value = u32_at(bytes, tag).filter(|&value| like_a_tag(value))?;
    Some((value, tag))
}

/// The tag that a variable of the driver holds at an RVA, and its file offset: four bytes for themselves in a section
/// that can be written to. A constant tag is in the code; what code loads from data for reading is text or a GUID.
pub(crate) fn variable(pe: &Pe<'_>, rva: u32) -> Option<(u32, usize)> {
    let at = pe.offset(rva)?;
    let value = u32_at(pe.bytes, at).filter(|&value| like_a_tag(value))?;
    let writable = pe.place(at).0.is_some_and(PeSection::is_writable);
    (writable && !in_text(pe.bytes, at)).then_some((value, at))
}

/// RVA of the variable in which the driver framework puts the address of its table of functions: what code links against
/// describes it in a `WDF_BIND_INFO` (wdf.h), known by the name of the library that it asks for.
pub(crate) fn framework_table(pe: &Pe<'_>) -> Option<u32> {
    let name: Vec<u8> = "KmdfLibrary\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let width = if pe.is_64 { 8 } else { 4 };
    // Size, name, three numbers of the version, number of functions, address of the variable.
    let table = if pe.is_64 { 0x20 } else { 0x18 };
    let names = memchr::memmem::find_iter(pe.bytes, &name).filter_map(|at| pe.place(at).1).take(8);
    names.filter_map(|rva| pe.image_base.checked_add(rva.into())).find_map(|address| {
        let address = address.to_le_bytes();
        let pointers = memchr::memmem::find_iter(pe.bytes, address.get(..width)?).take(64);
        pointers.filter_map(|at| at.checked_sub(width)).find_map(|info| {
            let size = u32_at(pe.bytes, info).filter(|size| (0x18..0x80).contains(size))?;
            let bytes = pe.bytes.get(info..info + size as usize)?;
            pe.rva_of(pointer(pe, bytes, table)?)
        })
    })
}

/// RVA of the slot with the function that checks the target of an indirect call (`GuardCFCheckFunctionPointer` of
/// `IMAGE_LOAD_CONFIG_DIRECTORY`): a call of it is none of the driver's own, and changes no argument.
pub(crate) fn guard(pe: &Pe<'_>) -> Option<u32> {
    let (config, _) = pe.directory(directory::LOAD_CONFIG)?;
    let pointer = pe.pointer(config.checked_add(if pe.is_64 { 0x70 } else { 0x48 })?)?;
    pe.rva_of(pointer)
}

/// Is the place inside a text of six or more printable characters, so that four of them mean nothing.
pub(crate) fn in_text(bytes: &[u8], at: usize) -> bool {
    let text = |byte: &u8| (0x20..0x7f).contains(byte);
    let before =
        bytes.get(at.saturating_sub(6)..at).unwrap_or_default().iter().rev().take_while(|b| text(b)).count();
    let end = at.saturating_add(10).min(bytes.len());
    let after =
        bytes.get(at.saturating_add(4)..end).unwrap_or_default().iter().take_while(|b| text(b)).count();
    before + after >= 2
}
