//! Reads any place of a file through a buffer of bounded size.

use std::io::{self, Read, Seek, SeekFrom};

/// Bytes read ahead.
const AHEAD: usize = 64 << 10;

/// A file and the part of it that is in memory.
#[derive(Debug)]
pub struct Window<R> {
    file: R,
    length: u64,
    start: u64,
    buffer: Vec<u8>,
}

impl<R: Read + Seek> Window<R> {
    /// Over a file of any size.
    pub fn new(mut file: R) -> io::Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, length, start: 0, buffer: Vec::new() })
    }

    /// Bytes of the file when it was last looked at.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Looks again how long the file is: a recorder may have written more. What was read is forgotten.
    pub fn refresh(&mut self) -> io::Result<u64> {
        self.length = self.file.seek(SeekFrom::End(0))?;
        self.buffer.clear();
        Ok(self.length)
    }

    /// Up to `count` bytes from `offset`; fewer at the end of the file.
    pub fn get(&mut self, offset: u64, count: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = count.min(left);
        let held = offset.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        let inside = held.filter(|&at| at + count <= self.buffer.len());
        let at = if let Some(at) = inside {
            at
        } else {
            self.file.seek(SeekFrom::Start(offset))?;
            self.buffer.clear();
            self.start = offset;
            let want = count.max(AHEAD).min(left) as u64;
            self.file.by_ref().take(want).read_to_end(&mut self.buffer)?;
            0
        };
        let end = (at + count).min(self.buffer.len());
        // One very large frame must not keep its memory for ever.
        if self.buffer.capacity() > 16 * AHEAD && self.buffer.len() <= AHEAD {
            self.buffer.shrink_to(AHEAD);
        }
        Ok(self.buffer.get(at..end).unwrap_or_default())
    }
}
