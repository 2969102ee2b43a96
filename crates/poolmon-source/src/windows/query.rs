//! Asking a kernel: which class, how large a buffer, how often.
//!
//! The kernel is behind [`Kernel`], so that tests can play one that grows between two calls, refuses or lies.
//!
//! Size protocol of the pool tag classes: a buffer below header + one entry is refused with a length that is *not* the
//! real need; any other short buffer is refused with the real need of that moment. New tags appear at any time,
//! so every larger buffer gets slack, and the buffer is kept for the next refresh.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use poolmon_model::Sample;

use super::decode::{self, BufferLayout, DecodeError, Decoded};
use super::status::{self, INFO_LENGTH_MISMATCH, INVALID_INFO_CLASS, NOT_IMPLEMENTED, SUCCESS};
use crate::{Result, SourceError};

/// The kernel's answer to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryAnswer {
    /// NTSTATUS.
    pub status: u32,
    /// `ReturnLength`: bytes written, or bytes needed; 0 if the kernel left it alone.
    pub length: u32,
}

/// Something that answers `NtQuerySystemInformation`.
pub trait Kernel: Send {
    /// Asks for `class`; the answer goes into `buffer`, which is aligned to 8 bytes.
    fn query(&mut self, class: u32, buffer: &mut [u8]) -> QueryAnswer;

    /// Asks for class 67, the pool tags of one session, or of all with `u32::MAX`.
    fn query_session(&mut self, session: u32, buffer: &mut [u8]) -> QueryAnswer;

    /// Asks `NtQueryObject` for all types of objects; the answer goes into `buffer`. A kernel that is played need not know it.
    fn query_types(&mut self, _buffer: &mut [u8]) -> QueryAnswer {
        QueryAnswer { status: NOT_IMPLEMENTED, length: 0 }
    }
}

/// Room for the 4,096 slots that the kernel's table has by default, in class 22.
const FIRST_SIZE: usize = 160 * 1024;
/// No table is that large: 256 MiB are more than six million tags.
const LARGEST: usize = 256 << 20;
/// As many as System Informer makes.
const TRIES: usize = 8;

/// Memory for answers, aligned to 8 bytes, kept between calls.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
}

impl Buffer {
    /// At least `size` bytes. What they hold is what the last answer left there.
    fn sized(&mut self, size: usize) -> &mut [u8] {
        if self.bytes.len() < size + 8 {
            self.bytes.resize(size + 8, 0);
        }
        let at = self.bytes.as_ptr().align_offset(8);
        let end = at + self.bytes.len() - 8;
        self.bytes.get_mut(at..end).unwrap_or_default()
    }

    /// Usable size in bytes.
    fn size(&self) -> usize {
        self.bytes.len().saturating_sub(8)
    }

    /// Calls until the answer fits: what was written, or the last status.
    fn fill(
        &mut self,
        first: usize,
        mut call: impl FnMut(&mut [u8]) -> QueryAnswer,
    ) -> std::result::Result<&[u8], u32> {
        let mut size = self.size().max(first);
        for _ in 0..TRIES {
            let buffer = self.sized(size);
            let given = buffer.len();
            let answer = call(buffer);
            let reported = usize::try_from(answer.length).unwrap_or(usize::MAX);
            match answer.status {
                SUCCESS => {
                    // Beyond the reported length is the previous answer. A kernel that reports no length filled everything.
                    let written = if reported == 0 { given } else { reported.min(given) };
                    return Ok(self.sized(size).get(..written).unwrap_or_default());
                }
                INFO_LENGTH_MISMATCH => {
                    // A need that would fit is not the need.
                    let needed = if reported > given { reported } else { given.saturating_mul(2) };
                    size = needed.saturating_add(needed / 8).saturating_add(4096);
                    if size > LARGEST {
                        return Err(INFO_LENGTH_MISMATCH);
                    }
                }
                other => return Err(other),
            }
        }
        Err(INFO_LENGTH_MISMATCH)
    }
}

/// Which class reports this kernel's pool tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Class {
    /// Not asked yet, or 255 has neither answered nor been refused for good.
    #[default]
    Unknown,
    /// 255: counters as wide as a pointer.
    Wide,
    /// 22: 32-bit counters.
    Narrow,
}

/// Asks for pool tags repeatedly, with the same buffer.
#[derive(Debug, Default)]
pub struct Tags {
    class: Class,
    buffer: Buffer,
}

impl Tags {
    /// Appends the rows of now to `sample` and sets the width of its counters.
    ///
    /// A kernel that counts more entries than it wrote leaves a remark in the sample.
    pub fn sample(&mut self, kernel: &mut dyn Kernel, sample: &mut Sample) -> Result<()> {
        if self.class != Class::Narrow {
            match self.buffer.fill(FIRST_SIZE, |buffer| kernel.query(decode::tags::CLASS_2, buffer)) {
                Ok(bytes) => {
                    let decoded =
                        decode::pool_tags2(bytes, BufferLayout::NATIVE, sample).map_err(malformed)?;
                    self.class = Class::Wide;
                    remark_if_cut(decoded, sample);
                    return Ok(());
                }
                Err(INVALID_INFO_CLASS | NOT_IMPLEMENTED) => self.class = Class::Narrow,
                // It has answered before: this is a failure, not an older system.
                Err(status) if self.class == Class::Wide => {
                    return Err(status::tags_error(decode::tags::CLASS_2, status));
                }
                Err(_) => {}
            }
        }
        let bytes = self
            .buffer
            .fill(FIRST_SIZE, |buffer| kernel.query(decode::tags::CLASS, buffer))
            .map_err(|status| status::tags_error(decode::tags::CLASS, status))?;
        let decoded = decode::pool_tags(bytes, BufferLayout::NATIVE, sample).map_err(malformed)?;
        remark_if_cut(decoded, sample);
        Ok(())
    }

    /// Size of the buffer that is kept, in bytes.
    pub fn buffer_size(&self) -> usize {
        self.buffer.size()
    }
}

fn remark_if_cut(decoded: Decoded, sample: &mut Sample) {
    if !decoded.is_complete() {
        sample.remarks.push(format!(
            "the kernel counted {} tags but reported {}; the rest is missing from this table",
            decoded.promised, decoded.read
        ));
    }
}

/// Appends the session pools of now to `sample`, or says in a remark why there are none.
pub fn sessions(kernel: &mut dyn Kernel, buffer: &mut Buffer, sample: &mut Sample) {
    let remark = match session_bytes(kernel, buffer) {
        // No session has a pool: success without a byte.
        Ok([]) => return,
        Ok(bytes) => match decode::session_tags(bytes, BufferLayout::NATIVE, sample) {
            Ok(decoded) if decoded.is_complete() => return,
            Ok(decoded) => {
                format!(
                    "session pools: the kernel counted {} tags but reported {}",
                    decoded.promised, decoded.read
                )
            }
            Err(error) => format!("session pools: {error}"),
        },
        Err(INVALID_INFO_CLASS | NOT_IMPLEMENTED) => {
            "this system has no session pools (Windows 11 24H2 and later keep them in the system's pools)"
                .into()
        }
        Err(status) => format!("session pools are not available: {}", status::text(status)),
    };
    sample.remarks.push(remark);
}

/// The answer to class 67 for all sessions, or its status.
pub fn session_bytes<'a>(
    kernel: &mut dyn Kernel,
    buffer: &'a mut Buffer,
) -> std::result::Result<&'a [u8], u32> {
    buffer.fill(64 * 1024, |bytes| kernel.query_session(u32::MAX, bytes))
}

/// The answer to a class that needs nothing but a buffer of `first` bytes or more, or its status.
pub fn plain<'a>(
    kernel: &mut dyn Kernel,
    class: u32,
    first: usize,
    buffer: &'a mut Buffer,
) -> std::result::Result<&'a [u8], u32> {
    buffer.fill(first, |bytes| kernel.query(class, bytes))
}

/// The answer to `NtQueryObject` for all types of objects, or its status.
pub fn types<'a>(kernel: &mut dyn Kernel, buffer: &'a mut Buffer) -> std::result::Result<&'a [u8], u32> {
    buffer.fill(16 * 1024, |bytes| kernel.query_types(bytes))
}

/// A buffer that is not what its class should be.
pub fn malformed(error: DecodeError) -> SourceError {
    let place = match error {
        DecodeError::Short { offset, .. } | DecodeError::Chain { offset, .. } => {
            format!("offset {offset:#x}")
        }
    };
    SourceError::Malformed {
        path: "the kernel's answer".into(),
        place,
        problem: error.to_string(),
        remedy: "report this layout with the output of `poolmon doctor`".into(),
    }
}

#[cfg(test)]
mod tests;
