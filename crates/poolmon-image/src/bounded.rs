//! Files that a person names and that are small by their nature: lists of tags, tokens, certificates. A device, or something else that
//! never ends, in their place must not fill memory.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::Path;

/// Most bytes of a file with a secret or certificates.
pub const SECRET: u64 = 1 << 20;

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

/// As [`read`], of text in UTF-8.
///
/// # Errors
/// As [`read`], or it is no such text.
pub fn read_text(path: &Path, most: u64) -> Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|_| Error::new(ErrorKind::InvalidData, "it is not text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, vec![b'x'; 4096]).unwrap();
        assert_eq!(read(&path, 4096).unwrap().len(), 4096);
        assert_eq!(read_text(&path, SECRET).unwrap().len(), 4096);
        assert!(read(&path, 4095).unwrap_err().to_string().contains("as no such file has"));
        if cfg!(unix) {
            let error = read(Path::new("/dev/zero"), SECRET).unwrap_err();
            assert_eq!(error.to_string(), "it has more than 1 MiB, as no such file has");
        }
        std::fs::write(&path, b"\xff\xfe").unwrap();
        assert!(read_text(&path, SECRET).unwrap_err().to_string().contains("UTF-8"));
    }
}
