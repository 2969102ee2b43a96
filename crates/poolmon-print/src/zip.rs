//! A ZIP file with a few whole files in it: local headers, deflated content, a central directory.
//!
//! Written from PKWARE's APPNOTE. Times are fixed, so the same files make the same bytes.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// 1 January 2026, 00:00, as DOS has it.
const DATE: u16 = (2026 - 1980) << 9 | 1 << 5 | 1;

/// A zip file of `(name, content)`. Files of 4 GiB and more do not fit this format.
///
/// # Errors
///
/// A file, a name or all of it is too long for the format.
pub fn zip(files: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in files {
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        packed.write_all(content)?;
        let packed = packed.finish()?;
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let at = size(out.len())?;
        // Version needed 2.0, UTF-8 names, deflate.
        let mut entry = [20_u16, 1 << 11, 8, 0, DATE].map(u16::to_le_bytes).concat();
        entry.extend([crc.sum(), size(packed.len())?, size(content.len())?].map(u32::to_le_bytes).concat());
        entry.extend(u16::try_from(name.len()).map_err(io::Error::other)?.to_le_bytes());
        entry.extend([0, 0]);
        out.extend(b"PK\x03\x04");
        out.extend(&entry);
        out.extend(name.as_bytes());
        out.extend(packed);
        // Made by version 2.0 on FAT; no comment, first disk, no attributes.
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&entry);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let count = u16::try_from(files.len()).map_err(io::Error::other)?.to_le_bytes();
    let at = size(out.len())?;
    let length = size(directory.len())?;
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].concat());
    out.extend([length.to_le_bytes(), at.to_le_bytes()].concat());
    out.extend([0, 0]);
    Ok(out)
}

fn size(size: usize) -> io::Result<u32> {
    u32::try_from(size).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use poolmon_testkit::{Need, skip};

    #[test]
    fn another_program_reads_it_back() {
        let files = [("a/read me.txt".into(), vec![b'x'; 10_000]), ("empty".into(), Vec::new())];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        std::fs::write(&path, super::zip(&files).unwrap()).unwrap();
        let script = "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                      print([(i.filename,z.read(i)==b'x'*i.file_size,i.file_size) for i in z.infolist()])";
        let Ok(output) = Command::new("python3").args(["-c", script]).arg(&path).output() else {
            skip(Need::Tools, "python3 is not installed");
            return;
        };
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            "[('a/read me.txt', True, 10000), ('empty', True, 0)]",
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
