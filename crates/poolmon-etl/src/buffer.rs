//! A file is a sequence of buffers without a header of its own: 72 bytes each, then records, packed or not.

use std::io::{self, Read, Seek, SeekFrom};

use poolmon_image::bytes::{u16_at, u32_at, u64_at};

use crate::record::Records;
use crate::{EtlError, Result, xpress};

/// Bytes before the records of a buffer.
pub const HEADER: usize = 72;
/// The largest buffer that is believed: sessions of Windows 10 are limited to 16 MiB.
pub const LARGEST: usize = 16 << 20;
/// How much more than the whole file all unpacked buffers may hold. Real traces are packed some 5 times smaller.
const EXPANSION: u64 = 100;
/// What a small file may unpack to in any case, in bytes.
const EXPANSION_FREE: u64 = 64 << 20;

/// Places without a buffer that are looked at one after the other; what follows is not read. A file whose size was set in advance
/// has no more of them in 64 GiB, in buffers of 64 KiB.
const MOST_WITHOUT: u32 = 1 << 20;

/// Events were lost before this buffer.
const EVENTS_LOST: u16 = 0x02;
/// A buffer was lost before this one.
const BUFFER_LOST: u16 = 0x04;
/// The processor is a 16-bit number.
const PROCESSOR_INDEX: u16 = 0x20;
/// The records are packed.
const COMPRESSED: u16 = 0x40;

/// What is known of a buffer before its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferHeader {
    /// Bytes in the file, this header included: the next buffer follows.
    pub size: usize,
    /// Bytes used after unpacking, this header included.
    pub used: usize,
    /// The processor whose events these are.
    pub cpu: u16,
    /// Its number among all buffers of the session.
    pub sequence: u64,
    /// Flags, as they are in the file.
    pub flags: u16,
    /// The kind of buffer: 4 = the first one, with the trace's header.
    pub kind: u16,
}

impl BufferHeader {
    /// Reads a header; `None` if these bytes cannot be one.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let word = |at| u32_at(bytes, at).and_then(|value| usize::try_from(value).ok());
        let flags = u16_at(bytes, 52)?;
        let kind = u16_at(bytes, 54)?;
        let size = word(0)?;
        let (saved, end) = (word(4)?, word(48)?);
        let used = if flags & COMPRESSED != 0 {
            saved
        } else if (HEADER..=size).contains(&end) {
            end
        } else {
            // A buffer that was written before it was closed has its end only here.
            saved.min(size)
        };
        let cpu = if flags & PROCESSOR_INDEX != 0 { u16_at(bytes, 40)? } else { u16::from(*bytes.get(40)?) };
        // Larger kinds have not been seen, and six are described: this reports buffers from other bytes.
        let plausible =
            (HEADER..=LARGEST).contains(&size) && (HEADER..=LARGEST).contains(&used) && kind < 0x100;
        plausible.then_some(Self { size, used, cpu, sequence: u64_at(bytes, 24)?, flags, kind })
    }

    /// Whether its records are packed.
    pub const fn is_compressed(&self) -> bool {
        self.flags & COMPRESSED != 0
    }

    /// Whether the session marked that events were lost before it.
    pub const fn follows_lost_events(&self) -> bool {
        self.flags & EVENTS_LOST != 0
    }

    /// Whether the session marked that a whole buffer was lost before it.
    pub const fn follows_lost_buffer(&self) -> bool {
        self.flags & BUFFER_LOST != 0
    }
}

/// Whether a file begins as a trace: a buffer's header and, if that is not packed, the trace's own header.
///
/// Some 80 bytes are enough.
pub fn is_etl(start: &[u8]) -> bool {
    let Some(header) = BufferHeader::read(start) else { return false };
    // The type of the first buffer, as every real trace has it.
    header.kind == 4 && (header.is_compressed() || matches!(start.get(74..76), Some([1 | 2, 0xC0])))
}

/// A buffer with its records unpacked.
#[derive(Debug)]
pub struct Buffer<'a> {
    /// Its header.
    pub header: BufferHeader,
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// Why its records are not complete.
    pub problem: Option<String>,
    bytes: &'a [u8],
}

impl<'a> Buffer<'a> {
    /// Its records, in the order in which they were written.
    pub const fn records(&self) -> Records<'a> {
        Records::new(self.bytes)
    }

    /// The bytes of its records, unpacked.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// Reads buffers of a file, one after the other or at a known place.
#[derive(Debug)]
pub struct Buffers<R> {
    reader: R,
    /// Bytes of the file.
    length: u64,
    /// Where the next buffer begins.
    next: u64,
    /// Bytes by which damage is skipped: the size of the session's buffers, if it is known.
    step: u64,
    /// Bytes that may still be unpacked.
    budget: u64,
    raw: Vec<u8>,
    unpacked: Vec<u8>,
    skipped: Option<Skipped>,
}

/// Bytes of a file that are no buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where they begin.
    pub offset: u64,
    /// How many.
    pub bytes: u64,
    /// All are zero, as in the unused end of a file whose size was set in advance.
    pub empty: bool,
    /// Only the beginning was looked at: there was too much of it.
    pub given_up: bool,
}

impl<R: Read + Seek> Buffers<R> {
    /// Prepares to read from the first buffer on.
    ///
    /// # Errors
    /// The reader cannot be positioned.
    pub fn new(mut reader: R) -> Result<Self> {
        let length = reader.seek(SeekFrom::End(0)).map_err(EtlError::io(0))?;
        Ok(Self {
            reader,
            length,
            next: 0,
            step: 0,
            budget: length.saturating_mul(EXPANSION).saturating_add(EXPANSION_FREE),
            raw: Vec::new(),
            unpacked: Vec::new(),
            skipped: None,
        })
    }

    /// Bytes of the file.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The next buffer; `None` at the end. Bytes that are no buffer are skipped, see [`Buffers::take_skipped`].
    ///
    /// # Errors
    /// The reader fails.
    pub fn next_buffer(&mut self) -> Result<Option<Buffer<'_>>> {
        let mut without = 0;
        loop {
            if self.next >= self.length {
                return Ok(None);
            }
            let offset = self.next;
            self.fetch(offset, HEADER)?;
            if let Some(header) = BufferHeader::read(&self.raw) {
                self.next = offset.saturating_add(header.size as u64);
                return self.read_at(offset).map(Some);
            }
            // Uncompressed buffers all have one size, so the next one is where it would be without the damage.
            let left = self.length - offset;
            without += 1;
            let given_up = without >= MOST_WITHOUT;
            let bytes = if self.step == 0 || given_up { left } else { self.step.min(left) };
            let empty = self.raw.iter().all(|byte| *byte == 0);
            let skipped = self.skipped.get_or_insert(Skipped { offset, bytes: 0, empty: true, given_up });
            skipped.bytes += bytes;
            skipped.empty &= empty;
            skipped.given_up |= given_up;
            self.next = offset + bytes;
        }
    }

    /// The bytes that were skipped before the buffer that was read last.
    pub const fn take_skipped(&mut self) -> Option<Skipped> {
        self.skipped.take()
    }

    /// Sets by how many bytes damage is skipped: the size of the session's buffers.
    pub(crate) const fn set_step(&mut self, bytes: u64) {
        self.step = bytes;
    }

    /// Begins again.
    pub(crate) const fn rewind(&mut self) {
        self.next = 0;
        self.skipped = None;
        self.budget = self.length.saturating_mul(EXPANSION).saturating_add(EXPANSION_FREE);
    }

    /// The buffer at a place where [`Buffers::next_buffer`] found one.
    ///
    /// # Errors
    /// The reader fails.
    pub fn read_at(&mut self, offset: u64) -> Result<Buffer<'_>> {
        self.fetch(offset, HEADER)?;
        let header = BufferHeader::read(&self.raw);
        let header = header.ok_or_else(|| EtlError::NotATrace {
            offset,
            problem: "no buffer is where one was before: the file was changed meanwhile".to_owned(),
        })?;
        let wanted = if header.is_compressed() { header.size } else { header.used };
        self.fetch(offset, wanted)?;
        let data = self.raw.get(HEADER..).unwrap_or_default();
        let mut problem = (self.raw.len() < wanted)
            .then(|| format!("{} of {wanted} bytes are in the file", self.raw.len()));
        if !header.is_compressed() {
            return Ok(Buffer { header, offset, problem, bytes: data });
        }
        let size = header.used - HEADER;
        self.unpacked.clear();
        if let Some(left) = self.budget.checked_sub(size as u64) {
            self.budget = left;
            if let Err(error) = xpress::unpack(data, size, &mut self.unpacked) {
                problem.get_or_insert_with(|| error.to_string());
            }
        } else {
            problem = Some(format!("the file claims to hold more than {EXPANSION} times its size"));
        }
        Ok(Buffer { header, offset, problem, bytes: &self.unpacked })
    }

    /// Fills `raw` with bytes of the file, or with what there is.
    fn fetch(&mut self, offset: u64, bytes: usize) -> Result<()> {
        let at = EtlError::io;
        self.reader.seek(SeekFrom::Start(offset)).map_err(at(offset))?;
        self.raw.clear();
        let read: io::Result<usize> = (&mut self.reader).take(bytes as u64).read_to_end(&mut self.raw);
        read.map_err(at(offset)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(size: u32, saved: u32, end: u32, flags: u16) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        bytes[..4].copy_from_slice(&size.to_le_bytes());
        bytes[4..8].copy_from_slice(&saved.to_le_bytes());
        bytes[40..42].copy_from_slice(&0x0102_u16.to_le_bytes());
        bytes[48..52].copy_from_slice(&end.to_le_bytes());
        bytes[52..54].copy_from_slice(&flags.to_le_bytes());
        bytes
    }

    #[test]
    fn the_end_is_the_offset_or_what_was_saved() {
        let used = |bytes: Vec<u8>| BufferHeader::read(&bytes).map(|header| header.used);
        assert_eq!(used(header(512, 400, 300, 1)), Some(300));
        assert_eq!(used(header(512, 400, 0, 1)), Some(400));
        assert_eq!(used(header(512, 400, 9_000, 1)), Some(400));
        assert_eq!(used(header(512, 4_000, 300, 0x40)), Some(4_000));
        for wrong in [header(71, 400, 300, 1), header(512, 0, 0, 1), header(u32::MAX, 400, 300, 1)] {
            assert_eq!(used(wrong), None);
        }
    }

    #[test]
    fn processors_above_255_have_a_wider_number() {
        let cpu = |flags| BufferHeader::read(&header(512, 400, 300, flags)).map(|header| header.cpu);
        assert_eq!((cpu(1), cpu(0x21)), (Some(2), Some(0x102)));
    }

    #[test]
    fn a_trace_is_recognised_by_its_first_buffer() {
        let mut start = header(512, 400, 400, 0x21);
        start.extend([2, 0, 2, 0xC0]);
        assert!(!is_etl(&start), "not the type of a first buffer");
        start[54] = 4;
        assert!(is_etl(&start));
        assert!(!is_etl(&start[..74]));
        start[75] = 0;
        assert!(!is_etl(&start), "no trace header");
        start[52] = 0x61;
        assert!(is_etl(&start), "packed: cannot be seen yet");
    }

    #[test]
    fn damage_is_skipped_in_steps_of_the_sessions_buffers() {
        let mut file = header(512, 80, 80, 1);
        file.resize(512, 0);
        file.extend([0xFF; 512]);
        file.extend([0; 512]);
        let mut good = header(512, 80, 80, 1);
        good.resize(512, 0);
        file.extend(good);
        file.extend([0; 1024]);
        let mut buffers = Buffers::new(io::Cursor::new(file)).unwrap();
        buffers.set_step(512);
        assert_eq!(buffers.next_buffer().unwrap().unwrap().offset, 0);
        assert_eq!(buffers.take_skipped(), None);
        assert_eq!(buffers.next_buffer().unwrap().unwrap().offset, 1536);
        assert_eq!(
            buffers.take_skipped(),
            Some(Skipped { offset: 512, bytes: 1024, empty: false, given_up: false })
        );
        assert!(buffers.next_buffer().unwrap().is_none());
        assert_eq!(
            buffers.take_skipped(),
            Some(Skipped { offset: 2048, bytes: 1024, empty: true, given_up: false })
        );
    }

    #[test]
    fn what_unpacks_to_far_more_than_the_file_is_refused() {
        // Matches of a zero over the whole buffer, as often as the file has room for.
        let mut packed = header(100, 16 << 20, 0, 0x40);
        packed.extend(0x7FFF_FFFF_u32.to_le_bytes());
        packed.push(0);
        packed.extend([7, 0, 15, 255, 0, 0]);
        let rest = (16_u32 << 20) - 72 - 1 - 3;
        packed.extend(rest.to_le_bytes());
        packed.resize(100, 0);
        let file = packed.repeat(50);
        let mut buffers = Buffers::new(io::Cursor::new(file)).unwrap();
        let mut whole = 0;
        let mut refused = 0;
        while let Some(buffer) = buffers.next_buffer().unwrap() {
            match buffer.problem {
                None => whole += 1,
                Some(problem) => {
                    assert!(problem.contains("100 times"), "{problem}");
                    refused += 1;
                }
            }
        }
        assert_eq!((whole, refused), (4, 46));
    }
}
