//! Structures in data that carry a tag.

use poolmon_image::bytes::{u16_at, u32_at, u64_at};
use poolmon_image::pe::Pe;

use super::flow::like_a_tag;

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
