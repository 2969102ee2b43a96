//! The members of a zip archive, and which of them is the dump.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use poolmon_image::bytes::{u16_at, u32_at, u64_at};
use poolmon_model::hidden::SafeString;
use poolmon_model::shell;

use super::lime;
use crate::error::{DumpError, Result};

/// Where a member's data are.
pub(super) struct Member {
    name: SafeString,
    encrypted: bool,
    /// 0 stored, 8 deflated.
    pub(super) method: u16,
    /// Bytes in the archive.
    pub(super) packed: u64,
    /// Bytes when unpacked.
    pub(super) size: u64,
    /// Offset of its own header.
    header: u64,
}

/// Bytes at the end that hold the end of the directory, with the longest comment.
const TAIL: u64 = 22 + 0xffff;
/// More of a directory is not read.
const LARGEST_DIRECTORY: u64 = 64 << 20;
/// Names in a message.
const NAMED: usize = 5;

/// The member that is the dump, and the offset of its data.
pub(super) fn dump_in(path: &Path, file: &mut File) -> Result<(u64, Member)> {
    let wrong = |problem: &str| malformed(path, problem);
    let mut members = match directory(file) {
        Ok(Some(members)) => members,
        // No directory: the archive was cut, or is still written. The first member describes itself.
        Ok(None) => vec![first(file).map_err(|_| wrong("the file ends inside its first header"))?],
        Err(source) => return Err(DumpError::Io { action: "read", path: path.to_path_buf(), source }),
    };
    members.retain(|member| !member.name.ends_with('/') && (member.size > 0 || member.packed > 0));
    let all: Vec<&str> = members.iter().take(NAMED).map(|member| &*member.name).collect();
    let all = all.join(", ");
    let count = members.len();
    // One file alone may be the memory of a machine, which has no beginning of its own; text and little files are none.
    let is_read = |member: &&Member| !member.encrypted && matches!(member.method, 0 | 8);
    let lone = members.first().filter(is_read).is_some_and(|it| it.size < 1 << 20 || is_text(file, it));
    if count > 1 || lone {
        let is_dump: Vec<bool> = members.iter().map(|member| is_dump(file, member)).collect();
        let mut is_dump = is_dump.into_iter();
        members.retain(|_| is_dump.next() == Some(true));
        if count > 0 && members.is_empty() {
            let none = if count == 1 {
                "the file in it is no dump".into()
            } else {
                format!("none of its {count} files is a dump")
            };
            return Err(DumpError::NotADump {
                path: path.to_path_buf(),
                why: format!("it is a zip archive, and {none}: {all}"),
                remedy: format!("unpack it, and name what you want to read: unzip {}", shell::path(path)),
            });
        }
    }
    if members.len() > 1 {
        let names: Vec<&str> = members.iter().take(NAMED).map(|member| &*member.name).collect();
        let first = names.first().copied().unwrap_or_default();
        return Err(DumpError::NotADump {
            path: path.to_path_buf(),
            why: format!("it is a zip archive with {} dumps: {}", members.len(), names.join(", ")),
            remedy: format!(
                "unpack the one that you mean: unzip {} {}",
                shell::path(path),
                shell::word(first)
            ),
        });
    }
    let Some(member) = members.pop() else { return Err(wrong("it holds no files")) };
    if member.encrypted {
        return Err(wrong("it is encrypted"));
    }
    match member.method {
        0 | 8 => {}
        other => return Err(wrong(&format!("compression method {other} is not supported"))),
    }
    let start = data(file, &member).map_err(|_| wrong("the header of its dump is damaged"))?;
    Ok((start, member))
}

fn malformed(path: &Path, problem: &str) -> DumpError {
    DumpError::Malformed {
        what: "zip archive",
        offset: 0,
        problem: format!("{}: {problem}", path.display()),
        remedy: "unpack it with a zip program and use the dump inside",
    }
}

/// Whether a member starts as a dump does, or has the name of a raw image.
fn is_dump(file: &mut File, member: &Member) -> bool {
    let signs: [&[u8]; 5] = [b"PAGEDU64", b"PAGEDUMP", b"\x7fELF", &lime::MAGIC, b"MDMP"];
    let ending = Path::new(&*member.name).extension().unwrap_or_default();
    peek(file, member).is_ok_and(|start| signs.iter().any(|sign| start.starts_with(sign)))
        || ["dmp", "vmem", "raw", "mem", "lime", "elf"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Whether a member starts as text does.
fn is_text(file: &mut File, member: &Member) -> bool {
    peek(file, member).is_ok_and(|start| {
        !start.starts_with(b"PAGE")
            && start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    })
}

/// The first bytes of a member.
fn peek(file: &mut File, member: &Member) -> io::Result<[u8; 8]> {
    let mut start = [0; 8];
    let at = data(file, member)?;
    file.seek(SeekFrom::Start(at))?;
    match member.method {
        0 => file.take(member.packed).read_exact(&mut start),
        8 => flate2::read::DeflateDecoder::new(file.take(member.packed)).read_exact(&mut start),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }?;
    Ok(start)
}

/// Offset of a member's data.
fn data(file: &mut File, member: &Member) -> io::Result<u64> {
    let mut header = [0; 30];
    file.seek(SeekFrom::Start(member.header))?;
    file.read_exact(&mut header)?;
    let field = |at| u16_at(&header, at).map_or(0, u64::from);
    if !header.starts_with(b"PK\x03\x04") {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(member.header + 30 + field(26) + field(28))
}

/// The first member by its own header.
fn first(file: &mut File) -> io::Result<Member> {
    let mut start = Vec::new();
    file.rewind()?;
    Read::by_ref(file).take(30 + 2 * 0xffff).read_to_end(&mut start)?;
    let field = |at| u16_at(&start, at).ok_or(io::ErrorKind::UnexpectedEof);
    let (flags, method) = (field(6)?, field(8)?);
    let (name, extra) = (usize::from(field(26)?), usize::from(field(28)?));
    let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let size = |at| u32_at(&start, at).map(u64::from).ok_or_else(cut);
    let extra = start.get(30 + name..30 + name + extra).unwrap_or_default();
    let [size, packed, _] = wide(extra, [size(22)?, size(18)?, 0]);
    // A writer that did not know the sizes put them behind the data.
    let unknown = flags & 8 != 0;
    let end = file.metadata()?.len();
    if unknown && method == 0 {
        return Err(cut());
    }
    Ok(Member {
        name: text(start.get(30..30 + name).unwrap_or_default()),
        encrypted: flags & 1 != 0,
        method,
        packed: if unknown || packed == 0 { end } else { packed },
        size,
        header: 0,
    })
}

/// The directory at the archive's end.
fn directory(file: &mut File) -> io::Result<Option<Vec<Member>>> {
    let end = file.metadata()?.len();
    let from = end.saturating_sub(TAIL);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    Read::by_ref(file).take(TAIL).read_to_end(&mut tail)?;
    let Some(at) = memchr::memmem::rfind(&tail, b"PK\x05\x06") else { return Ok(None) };
    let last = tail.get(at..).unwrap_or_default();
    let (Some(size), Some(start)) = (u32_at(last, 12), u32_at(last, 16)) else { return Ok(None) };
    let (mut size, mut start) = (u64::from(size), u64::from(start));
    if start == u64::from(u32::MAX) || size == u64::from(u32::MAX) {
        // More than 4 GiB: 20 bytes before, a pointer to a longer form of the same.
        let locator = at.checked_sub(20).and_then(|at| tail.get(at..)).unwrap_or_default();
        let Some(place) = u64_at(locator, 8).filter(|_| locator.starts_with(b"PK\x06\x07")) else {
            return Ok(None);
        };
        let mut long = [0; 56];
        file.seek(SeekFrom::Start(place))?;
        file.read_exact(&mut long)?;
        (size, start) = (u64_at(&long, 40).unwrap_or(0), u64_at(&long, 48).unwrap_or(0));
    }
    if size > LARGEST_DIRECTORY || start.checked_add(size).is_none_or(|behind| behind > end) {
        return Ok(None);
    }
    let mut rows = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    Read::by_ref(file).take(size).read_to_end(&mut rows)?;
    let mut members = Vec::new();
    let mut rest = rows.as_slice();
    while let Some((member, more)) = row(rest) {
        members.push(member);
        rest = more;
    }
    Ok((!members.is_empty()).then_some(members))
}

/// One row of the directory, and what follows it.
fn row(rest: &[u8]) -> Option<(Member, &[u8])> {
    if !rest.starts_with(b"PK\x01\x02") {
        return None;
    }
    let field = |at| u16_at(rest, at);
    let figure = |at| u32_at(rest, at).map(u64::from);
    let (name, extra, comment) = (usize::from(field(28)?), usize::from(field(30)?), usize::from(field(32)?));
    let fields = rest.get(46 + name..46 + name + extra)?;
    let [size, packed, header] = wide(fields, [figure(24)?, figure(20)?, figure(42)?]);
    let member = Member {
        name: text(rest.get(46..46 + name)?),
        encrypted: field(8)? & 1 != 0,
        method: field(10)?,
        packed,
        size,
        header,
    };
    Some((member, rest.get(46 + name + extra + comment..)?))
}

fn text(bytes: &[u8]) -> SafeString {
    String::from_utf8_lossy(bytes).as_ref().into()
}

/// Figures of 32 bits that are full stand for one of 64 bits in the zip64 field (id 1), in this order.
fn wide(mut extra: &[u8], mut figures: [u64; 3]) -> [u64; 3] {
    while let (Some(id), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        if id == 1 {
            let mut at = 4;
            for figure in figures.iter_mut().filter(|figure| **figure == u64::from(u32::MAX)) {
                *figure = u64_at(extra, at).unwrap_or(*figure);
                at += 8;
            }
        }
        extra = extra.get(4 + usize::from(length)..).unwrap_or_default();
    }
    figures
}
