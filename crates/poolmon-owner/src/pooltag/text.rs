//! Bytes to text: what editors and redirections make of a pooltag.txt.

use std::borrow::Cow;

/// The text of a file: UTF-16 with a byte-order mark, UTF-8, or else Latin-1.
///
/// A final `0x1A` is cut: Microsoft's own file ends with the end-of-file character of CP/M and DOS.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let mut text = match bytes {
        // PowerShell's `>` writes UTF-16.
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes).into(),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes).into(),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            // Latin-1, as in the files of the Debugging Tools: each byte is its own code point.
            Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect::<String>().into(),
        },
    };
    let kept = text.trim_end_matches('\x1a').len();
    match &mut text {
        Cow::Borrowed(text) => *text = text.get(..kept).unwrap_or(text),
        Cow::Owned(text) => text.truncate(kept),
    }
    text
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    char::decode_utf16(pairs.iter().map(|&pair| unit(pair)))
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// The lines without their ends: LF or CRLF. A last line end starts no further line.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.trim_end_matches('\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding() {
        let wide =
            |unit: fn(u16) -> [u8; 2]| "\u{feff}Irp - ü".encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        assert_eq!(decode(&wide(u16::to_le_bytes)), "Irp - ü");
        assert_eq!(decode(&wide(u16::to_be_bytes)), "Irp - ü");
        assert_eq!(decode(b"\xef\xbb\xbfIrp - \xc3\xbc"), "Irp - ü");
        assert_eq!(decode(b"Irp - \xfc"), "Irp - ü");
    }

    #[test]
    fn the_dos_end_of_file_character_is_cut() {
        assert_eq!(decode(b"Irp - x\n\x1a"), "Irp - x\n");
        assert_eq!(decode(b"Irp - \xfc\r\n\x1a"), "Irp - ü\r\n");
    }
}
