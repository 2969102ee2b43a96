//! The trace's own header: what the session was, and what it lost.

use poolmon_image::bytes::{u16_at, u32_at, u64_at};

use crate::clock::{Clock, ClockKind};
use crate::{Hook, Record};

/// What the first record of a trace says about the session that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Bytes of a buffer.
    pub buffer_bytes: u32,
    /// Windows' build number, as the session has it: 9200 is Windows 8.
    pub build: u32,
    /// Processors.
    pub cpus: u32,
    /// Bytes of a pointer: 4 or 8.
    pub pointer_bytes: u8,
    /// Events that were lost for want of buffers.
    pub events_lost: u32,
    /// Buffers that could not be written.
    pub buffers_lost: u32,
    /// Buffers in the file when the session ended; 0 if it did not end in order.
    pub buffers_written: u32,
    /// Mode of the session, as `EVENT_TRACE_*_MODE` flags.
    pub mode: u32,
    /// When the session ended, as a FILETIME; `None` if it did not end in order.
    pub end: Option<u64>,
    /// When the machine was booted, as a FILETIME.
    pub boot: Option<u64>,
    /// The name of the session.
    pub name: String,
    /// What time stamps mean.
    pub clock: Clock,
}

/// Bytes of a time zone within the header.
const ZONE: usize = 172;

impl Session {
    /// Reads the first record of a trace.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(record: &Record<'_>) -> Result<Self, &'static str> {
        if record.hook() != Some(Hook::TRACE_HEADER) {
            return Err("the first record is not the trace's header");
        }
        let first = record.time.unwrap_or_default();
        Self::decode(record.body, first).ok_or("shorter than the header of a trace")
    }

    fn decode(body: &[u8], first: u64) -> Option<Self> {
        // The field is 0 in traces of some tools; they are of 64-bit systems.
        let pointer = if u32_at(body, 44)? == 4 { 4 } else { 8 };
        let after_names = 56 + 2 * pointer;
        let boot = (after_names + ZONE).next_multiple_of(8);
        let mhz = u32_at(body, 52)?;
        let time = |at| u64_at(body, at).map(|time| (time != 0).then_some(time));
        let kind = ClockKind::from_number(u32_at(body, boot + 24)?);
        Some(Self {
            buffer_bytes: u32_at(body, 0)?,
            build: u32_at(body, 8)?,
            cpus: u32_at(body, 12)?,
            pointer_bytes: u8::try_from(pointer).ok()?,
            events_lost: u32_at(body, 48)?,
            buffers_lost: u32_at(body, boot + 28)?,
            buffers_written: u32_at(body, 36)?,
            mode: u32_at(body, 32)?,
            end: time(16)?,
            boot: time(boot)?,
            name: text(body.get(boot + 32..)?),
            clock: Clock::new(kind, u64_at(body, boot + 8)?, mhz, u64_at(body, boot + 16)?, first),
        })
    }

    /// Whether the traced system is a 64-bit one.
    pub const fn is_64_bit(&self) -> bool {
        self.pointer_bytes == 8
    }
}

/// Characters of a text that are kept.
const LONGEST: usize = 1_024;

/// UTF-16 text up to its zero; control characters become U+FFFD, as the text may reach a terminal.
pub(crate) fn text(bytes: &[u8]) -> String {
    let units = (0..bytes.len() / 2).map_while(|at| u16_at(bytes, 2 * at)).take_while(|unit| *unit != 0);
    let chars = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
    chars.take(LONGEST).map(printable).collect()
}

/// Bytes of text up to their zero, likewise.
pub(crate) fn narrow_text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let bytes = bytes.get(..end.min(LONGEST)).unwrap_or_default();
    String::from_utf8_lossy(bytes).chars().map(printable).collect()
}

const fn printable(c: char) -> char {
    // Control characters, and the marks that turn the direction of text.
    match c {
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            char::REPLACEMENT_CHARACTER
        }
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_at_their_zero_and_carry_no_control_characters() {
        let wide: Vec<u8> = "a\u{1b}b\u{202e}ü\0c".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(text(&wide), "a\u{fffd}b\u{fffd}ü");
        assert_eq!(text(&wide[..3]), "a");
        assert_eq!(text(&[0, 0xD8]), "\u{fffd}");
        assert_eq!(narrow_text(b"System\x07\0rest"), "System\u{fffd}");
        assert_eq!(narrow_text(b"cut"), "cut");
    }
}
