//! The version resource: texts like `FileDescription`, and the fixed file version.

use super::{ImageBytes, Pe, PeHeader, directory};
use crate::bytes::{u16_at, u32_at};

/// Text for one line: no control characters, and of bounded length.
pub fn clean(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).take(256).collect();
    text.trim().to_owned()
}

/// Offset of a resource's entry under a directory: the one with this number, or the first.
fn entry(pe: &Pe<'_>, base: usize, directory: u32, number: Option<u32>) -> Option<u32> {
    let at = base.checked_add(directory as usize)?;
    let rows = usize::from(u16_at(pe.bytes, at + 12)?) + usize::from(u16_at(pe.bytes, at + 14)?);
    (0..rows.min(512)).find_map(|row| {
        let row = at + 16 + row * 8;
        let own = u32_at(pe.bytes, row)?;
        let target = u32_at(pe.bytes, row + 4)?;
        number.is_none_or(|number| number == own).then_some(target)
    })
}

/// All texts of the version resource, key and value, cleaned for one line.
pub fn strings(pe: &Pe<'_>) -> Option<Vec<(String, String)>> {
    const DOWN: u32 = 0x8000_0000;
    let (table, _) = pe.directory(directory::RESOURCE)?;
    let base = pe.offset(table)?;
    let kind = entry(pe, base, 0, Some(16))?;
    let name = entry(pe, base, kind & !DOWN, None)?;
    let leaf = if name & DOWN == 0 { name } else { entry(pe, base, name & !DOWN, None)? };
    let at = base.checked_add(leaf as usize & 0x7fff_ffff)?;
    let start = pe.offset(u32_at(pe.bytes, at)?)?;
    let size = (u32_at(pe.bytes, at + 4)? as usize).min(64 << 10);
    let bytes = pe.bytes.get(start..start.checked_add(size)?.min(pe.bytes.len()))?;
    let root = block(bytes, 0)?;
    let mut strings = Vec::new();
    for file_info in children(bytes, &root).filter(|child| child.key == "StringFileInfo") {
        for table in children(bytes, &file_info) {
            for row in children(bytes, &table) {
                let value = wide(bytes.get(row.value..row.end).unwrap_or_default());
                strings.push((row.key, clean(&value)));
            }
        }
    }
    Some(strings)
}

/// The fixed file version (`10.0.19041.1`), found by its signature: the path to it may lie in absent pages.
pub fn fixed(header: &PeHeader, image: &impl ImageBytes) -> Option<String> {
    const SIGNATURE: [u8; 4] = 0xfeef_04bd_u32.to_le_bytes();
    const PAGE: u32 = 0x1000;
    let resources = header.sections.iter().find(|section| section.name == ".rsrc")?;
    let end = resources.rva.saturating_add(resources.virtual_size.min(1 << 20));
    let mut at = resources.rva;
    while at < end {
        let piece = image.piece(at).unwrap_or_default();
        if let Some(hit) = memchr::memmem::find(piece, &SIGNATURE) {
            let found = image.read(at.checked_add(u32::try_from(hit).ok()?)?, 16)?;
            let (high, low) = (u32_at(&found, 8)?, u32_at(&found, 12)?);
            return Some(format!("{}.{}.{}.{}", high >> 16, high & 0xffff, low >> 16, low & 0xffff));
        }
        let next = at.saturating_add(u32::try_from(piece.len()).unwrap_or(u32::MAX).max(1));
        at = next.checked_next_multiple_of(PAGE)?;
    }
    None
}

/// One block of a version resource.
struct VersionBlock {
    key: String,
    value: usize,
    /// Where blocks inside it begin.
    inside: usize,
    end: usize,
}

fn wide(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)));
    let units: Vec<u16> = units.take_while(|&unit| unit != 0).take(512).collect();
    String::from_utf16_lossy(&units)
}

fn block(bytes: &[u8], at: usize) -> Option<VersionBlock> {
    let length = usize::from(u16_at(bytes, at)?);
    let value_length = usize::from(u16_at(bytes, at + 2)?);
    let text = u16_at(bytes, at + 4)? == 1;
    if length < 6 {
        return None;
    }
    let end = (at + length).min(bytes.len());
    let key = wide(bytes.get(at + 6..end)?);
    let after = at + 6 + (key.encode_utf16().count() + 1) * 2;
    let value = after.next_multiple_of(4);
    let inside = (value + if text { value_length * 2 } else { value_length }).next_multiple_of(4);
    Some(VersionBlock { key, value, inside, end })
}

fn children<'a>(bytes: &'a [u8], parent: &VersionBlock) -> impl Iterator<Item = VersionBlock> + use<'a> {
    let (mut at, end) = (parent.inside, parent.end);
    std::iter::from_fn(move || {
        let child = (at < end).then(|| block(bytes, at)).flatten()?;
        at = child.end.next_multiple_of(4);
        Some(child)
    })
    .take(256)
}
