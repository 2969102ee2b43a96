//! Whose file it is: version resource, debug record, signer, service name.

use poolmon_model::PoolTag;

use super::imports::Imports;
use super::library::framework_tag;
use super::pe::{DEBUG, Machine, Pe, RESOURCE, u16_at, u32_at};
use super::signer;

/// What a file tells of itself. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverInfo {
    /// What it was made for.
    pub machine: Machine,
    /// Seconds since 1970, or a hash in builds that can be repeated.
    pub timestamp: u32,
    /// File version, as text.
    pub version: Option<String>,
    /// Product name.
    pub product: Option<String>,
    /// File description.
    pub description: Option<String>,
    /// Company name.
    pub company: Option<String>,
    /// Name of the symbol file, without its folder.
    pub pdb: Option<String>,
    /// Common name of the signer's certificate; the signature itself is not checked.
    pub signer: Option<String>,
    /// Tags that the framework gives this driver if it has none of its own: made from its names.
    pub framework_tags: Vec<PoolTag>,
}

pub(crate) fn read(name: &str, pe: &Pe<'_>, imports: &Imports) -> DriverInfo {
    let strings = version(pe).unwrap_or_default();
    let find = |key: &str| {
        strings.iter().find(|(own, value)| own == key && !value.is_empty()).map(|(_, value)| value.clone())
    };
    let mut framework_tags = Vec::new();
    if imports.has("WdfVersionBind") {
        let original = find("OriginalFilename").or_else(|| find("InternalName"));
        for name in [Some(name.to_owned()), original].into_iter().flatten() {
            let file = name.rsplit(['/', '\\']).next().unwrap_or_default();
            let service = file.split('.').next().unwrap_or_default();
            if let Some(tag) = framework_tag(service)
                && !framework_tags.contains(&tag)
            {
                framework_tags.push(tag);
            }
        }
    }
    DriverInfo {
        machine: pe.machine,
        timestamp: pe.timestamp,
        version: find("FileVersion"),
        product: find("ProductName"),
        description: find("FileDescription"),
        company: find("CompanyName"),
        pdb: pdb(pe),
        signer: signer::read(pe),
        framework_tags,
    }
}

/// Text for one line: no control characters, and of bounded length.
pub(crate) fn clean(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).take(256).collect();
    text.trim().to_owned()
}

fn pdb(pe: &Pe<'_>) -> Option<String> {
    let (table, size) = pe.directory(DEBUG)?;
    let at = pe.offset(table)?;
    (0..(size as usize / 28).min(64)).find_map(|row| {
        let row = at.checked_add(row * 28)?;
        if u32_at(pe.bytes, row + 12)? != 2 {
            return None;
        }
        let length = u32_at(pe.bytes, row + 16)? as usize;
        // The RVA is right in a file and in memory; a record that is not loaded has only a file offset.
        let rva = u32_at(pe.bytes, row + 20).filter(|&rva| rva != 0);
        let start = rva.and_then(|rva| pe.offset(rva)).or(u32_at(pe.bytes, row + 24).map(|at| at as usize))?;
        let record = pe.bytes.get(start..start.checked_add(length)?.min(pe.bytes.len()))?;
        if record.get(..4) != Some(b"RSDS") {
            return None;
        }
        let path = record.get(24..)?;
        let path = path.get(..memchr::memchr(0, path).unwrap_or(path.len()).min(1024))?;
        let path = String::from_utf8_lossy(path);
        path.rsplit(['/', '\\']).next().map(clean).filter(|name| !name.is_empty())
    })
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

fn version(pe: &Pe<'_>) -> Option<Vec<(String, String)>> {
    const DOWN: u32 = 0x8000_0000;
    let (table, _) = pe.directory(RESOURCE)?;
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
