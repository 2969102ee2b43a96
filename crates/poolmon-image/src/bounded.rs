//! Files that a person names and that are small by their nature: lists of tags, tokens, certificates, a configuration. A device, or something else that
//! never ends, in their place must not fill memory.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::Path;

/// Most bytes of a file with a secret, certificates or a configuration.
pub const SMALL: u64 = 1 << 20;

/// Reads a file of at most `most` bytes.
///
/// # Errors
/// It cannot be read, or it is longer.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let problem = format!("it has more than {} MiB, as no such file has", most >> 20);
        return Err(Error::new(ErrorKind::InvalidData, problem));
    }
    Ok(bytes)
}

/// As [`read`], of text in UTF-8, or in UTF-16 with a mark, as `>` writes it in PowerShell. The mark is no part of the text.
///
/// # Errors
/// As [`read`], or it is no such text.
pub fn read_text(path: &Path, most: u64) -> Result<String> {
    decoded(&read(path, most)?)
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, "it is no text in UTF-8 or UTF-16"))
}

fn decoded(bytes: &[u8]) -> Option<String> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, []) = bytes.as_chunks() else { return None };
        String::from_utf16(&pairs.iter().map(|pair| unit(*pair)).collect::<Vec<u16>>()).ok()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => String::from_utf8(rest.to_vec()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_that_a_shell_writes_is_read() {
        let text = "theme = \"dark\" # ü\n";
        let wide = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(unit).collect()
        };
        let (little, big) = (wide(u16::to_le_bytes), wide(u16::to_be_bytes));
        let marked = format!("\u{feff}{text}").into_bytes();
        for bytes in [text.as_bytes(), &little, &big, &marked] {
            assert_eq!(decoded(bytes).as_deref(), Some(text), "{bytes:?}");
        }
        assert_eq!([&b"a\xff"[..], b"\xff\xfea"].map(decoded), [None, None]);
    }

    #[test]
    fn what_never_ends_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, vec![b'x'; 4096]).unwrap();
        assert_eq!(read(&path, 4096).unwrap().len(), 4096);
        assert_eq!(read_text(&path, SMALL).unwrap().len(), 4096);
        assert!(read(&path, 4095).unwrap_err().to_string().contains("as no such file has"));
        if cfg!(unix) {
            let error = read(Path::new("/dev/zero"), SMALL).unwrap_err();
            assert_eq!(error.to_string(), "it has more than 1 MiB, as no such file has");
        }
        std::fs::write(&path, b"\xff\xff").unwrap();
        assert!(read_text(&path, SMALL).unwrap_err().to_string().contains("UTF-8"));
    }
}
