//! The members of a zip archive, and their bytes. Nothing is unpacked before it is asked for, and nothing is written.

use std::io::{self, Read, Seek, SeekFrom};

use flate2::read::DeflateDecoder;

use crate::bytes::{u16_at, u32_at, u64_at};

/// Bytes at the end that hold the end of the directory, with the longest comment.
const TAIL: u64 = 22 + 0xffff;
/// More of a directory is not read.
const LARGEST_DIRECTORY: u64 = 64 << 20;

/// A file in an archive.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its path in the archive; of a folder with `/` at its end. Bytes that are no UTF-8 are replaced.
    pub name: String,
    /// It needs a password.
    pub is_encrypted: bool,
    /// 0: stored, 8: deflated.
    pub method: u16,
    /// CRC-32 of its bytes when unpacked; `None` if its writer did not know it beforehand.
    pub crc: Option<u32>,
    /// Bytes in the archive.
    pub packed: u64,
    /// Bytes when unpacked.
    pub size: u64,
    /// When it was written last.
    pub written: Written,
    /// Offset of its own header.
    header: u64,
}

/// When a file was written last, as far as its archive says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Seconds since 1970, UTC; newer writers add it.
    pub second: Option<i64>,
    /// Year, month, day, hour, minute and second by the clock where the archive was made, even seconds alone.
    pub by_clock: [u16; 6],
}

impl Member {
    /// Whether it is a folder.
    pub fn is_folder(&self) -> bool {
        self.name.ends_with('/')
    }

    /// Whether [`reader`] can read it.
    pub fn is_readable(&self) -> bool {
        !self.is_encrypted && matches!(self.method, 0 | 8)
    }
}

/// The directory at the archive's end; `None` if there is none: the archive was cut, or is still written.
///
/// # Errors
///
/// The file cannot be read, or the directory is damaged.
pub fn directory<F: Read + Seek>(file: &mut F) -> io::Result<Option<Vec<Member>>> {
    let end = file.seek(SeekFrom::End(0))?;
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
    // The archive says how many there are, modulo 65,536.
    let count = u16_at(last, 10).unwrap_or_default();
    if members.len() & 0xffff != usize::from(count) && count != u16::MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its list of files is damaged"));
    }
    Ok((!members.is_empty()).then_some(members))
}

/// The first member by its own header, where there is no directory.
///
/// # Errors
///
/// The file cannot be read, or ends inside that header.
pub fn first<F: Read + Seek>(file: &mut F) -> io::Result<Member> {
    let mut start = Vec::new();
    file.rewind()?;
    Read::by_ref(file).take(30 + 2 * 0xffff).read_to_end(&mut start)?;
    let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let field = |at| u16_at(&start, at).ok_or_else(cut);
    let (flags, method) = (field(6)?, field(8)?);
    let (name, extra) = (usize::from(field(26)?), usize::from(field(28)?));
    let figure = |at| u32_at(&start, at).ok_or_else(cut);
    let extra = start.get(30 + name..30 + name + extra).unwrap_or_default();
    let [size, packed, _] = wide(extra, [figure(22)?.into(), figure(18)?.into(), 0]);
    // A writer that did not know the sizes put them behind the data.
    let unknown = flags & 8 != 0;
    let end = file.seek(SeekFrom::End(0))?;
    if unknown && method == 0 {
        return Err(cut());
    }
    Ok(Member {
        name: text(start.get(30..30 + name).unwrap_or_default()),
        is_encrypted: flags & 1 != 0,
        method,
        crc: (!unknown).then_some(figure(14)?),
        packed: if unknown || packed == 0 { end } else { packed },
        size,
        written: Written { second: second(extra), by_clock: clock(field(12)?, field(10)?) },
        header: 0,
    })
}

/// Offset of a member's data.
///
/// # Errors
///
/// The file cannot be read, or there is no header of a member.
pub fn data<F: Read + Seek>(file: &mut F, member: &Member) -> io::Result<u64> {
    let mut header = [0; 30];
    file.seek(SeekFrom::Start(member.header))?;
    file.read_exact(&mut header)?;
    let field = |at| u16_at(&header, at).map_or(0, u64::from);
    if !header.starts_with(b"PK\x03\x04") {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(member.header + 30 + field(26) + field(28))
}

/// The bytes of a member, unpacked while they are read. What is not what was packed is an error at the end.
///
/// # Errors
///
/// As [`data`]; or the member is encrypted, or packed in a way that is not read.
pub fn reader<F: Read + Seek>(mut file: F, member: &Member) -> io::Result<MemberReader<F>> {
    if !member.is_readable() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let at = data(&mut file, member)?;
    file.seek(SeekFrom::Start(at))?;
    let packed = io::BufReader::new(file).take(member.packed);
    let bytes =
        if member.method == 0 { Bytes::Stored(packed) } else { Bytes::Deflated(DeflateDecoder::new(packed)) };
    Ok(MemberReader { bytes, crc: member.crc, found: crc32fast::Hasher::new(), length: 0, size: member.size })
}

/// See [`reader`].
pub struct MemberReader<F> {
    bytes: Bytes<F>,
    crc: Option<u32>,
    found: crc32fast::Hasher,
    length: u64,
    size: u64,
}

enum Bytes<F> {
    Stored(io::Take<io::BufReader<F>>),
    Deflated(DeflateDecoder<io::Take<io::BufReader<F>>>),
}

impl<F: Read> Read for MemberReader<F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = match &mut self.bytes {
            Bytes::Stored(bytes) => bytes.read(into),
            Bytes::Deflated(bytes) => bytes.read(into),
        }?;
        self.found.update(into.get(..length).unwrap_or_default());
        self.length += length as u64;
        let Some(crc) = self.crc else { return Ok(length) };
        let is_other = length == 0 && !into.is_empty() && self.found.clone().finalize() != crc;
        // A few bytes may stand for terabytes of zeros: no more is read than the archive says.
        if self.length > self.size || is_other {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "its bytes are not those that were packed",
            ));
        }
        Ok(length)
    }
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
        is_encrypted: field(8)? & 1 != 0,
        method: field(10)?,
        crc: u32_at(rest, 16),
        packed,
        size,
        written: Written { second: second(fields), by_clock: clock(field(14)?, field(12)?) },
        header,
    };
    Some((member, rest.get(46 + name + extra + comment..)?))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Date and time as DOS packs them.
fn clock(date: u16, time: u16) -> [u16; 6] {
    [1980 + (date >> 9), date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, (time & 31) * 2]
}

/// The extra fields of a member: number and bytes.
fn fields(extra: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = extra;
    std::iter::from_fn(move || {
        let (id, length) = (u16_at(rest, 0)?, usize::from(u16_at(rest, 2)?));
        let field = rest.get(4..(4 + length).min(rest.len())).unwrap_or_default();
        rest = rest.get(4 + length..).unwrap_or_default();
        Some((id, field))
    })
}

/// Seconds since 1970 of the last change, from the field of Unix times (id 0x5455).
fn second(extra: &[u8]) -> Option<i64> {
    let (_, field) = fields(extra).find(|(id, _)| *id == 0x5455)?;
    let has_it = field.first()? & 1 == 1;
    u32_at(field, 1).filter(|_| has_it).map(|second| i64::from(second.cast_signed()))
}

/// Figures of 32 bits that are full stand for one of 64 bits in the zip64 field (id 1), in this order.
fn wide(extra: &[u8], mut figures: [u64; 3]) -> [u64; 3] {
    for (_, field) in fields(extra).filter(|(id, _)| *id == 1) {
        let mut at = 0;
        for figure in figures.iter_mut().filter(|figure| **figure == u64::from(u32::MAX)) {
            *figure = u64_at(field, at).unwrap_or(*figure);
            at += 8;
        }
    }
    figures
}
