//! Class 67: pool tags of Terminal Services sessions, one chained entry for each session. Systems before 24H2 have it.

use poolmon_model::Sample;
use poolmon_model::sample::Session;

use super::tags::{append, narrow_x64, narrow_x86};
use super::{BufferLayout, DecodeError, Decoded, at, limited, u32_in, u64_in};

/// `SystemSessionPoolTagInformation`.
pub const CLASS: u32 = 67;

/// Decodes class 67: one [`Session`] is appended to `sample.sessions` for each entry.
///
/// Sessions that were decoded before an error stay in the sample. An entry's rows end where the next entry starts, and
/// every step goes forward, so a chain that lies still ends.
pub fn session_tags(
    buffer: &[u8],
    layout: BufferLayout,
    sample: &mut Sample,
) -> Result<Decoded, DecodeError> {
    let mut total = Decoded::default();
    let mut offset = 0;
    loop {
        let head = match layout {
            BufferLayout::X64 => Head::x64(&at(CLASS, "a session entry", buffer, offset)?),
            BufferLayout::X86 => Head::x86(&at(CLASS, "a session entry", buffer, offset)?),
        };
        let rest = buffer.get(offset..).unwrap_or_default();
        let most = rest.len().saturating_sub(head.size);
        let broken = head.next != 0 && !(head.size..=most).contains(&head.next);
        let end = if head.next == 0 || broken { rest.len() } else { head.next };
        let body = rest.get(head.size..end).unwrap_or_default();
        let mut session = Session { id: head.session, rows: Vec::new() };
        let decoded = match layout {
            BufferLayout::X64 => {
                let (decoded, entries) = limited(head.count, body);
                append(&mut session.rows, entries, narrow_x64);
                decoded
            }
            BufferLayout::X86 => {
                let (decoded, entries) = limited(head.count, body);
                append(&mut session.rows, entries, narrow_x86);
                decoded
            }
        };
        sample.sessions.push(session);
        total.promised = total.promised.saturating_add(decoded.promised);
        total.read += decoded.read;
        if broken {
            return Err(DecodeError::Chain { class: CLASS, offset, next: head.next, least: head.size, most });
        }
        if head.next == 0 {
            return Ok(total);
        }
        offset += head.next;
    }
}

/// The fixed part of an entry.
struct Head {
    /// `NextEntryOffset`, bytes from the start of this entry; 0 = last.
    next: usize,
    session: u32,
    count: u32,
    /// Bytes of this fixed part.
    size: usize,
}

impl Head {
    fn x64(bytes: &[u8; 0x10]) -> Self {
        Self {
            next: usize::try_from(u64_in(bytes, 0)).unwrap_or(usize::MAX),
            session: u32_in(bytes, 8),
            count: u32_in(bytes, 12),
            size: bytes.len(),
        }
    }

    fn x86(bytes: &[u8; 0x0c]) -> Self {
        Self {
            next: usize::try_from(u32_in(bytes, 0)).unwrap_or(usize::MAX),
            session: u32_in(bytes, 4),
            count: u32_in(bytes, 8),
            size: bytes.len(),
        }
    }
}
