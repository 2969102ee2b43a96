//! What a path holds, by its content rather than by its name.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use poolmon_read::perfmon;

/// Bytes looked at.
const START: usize = 64 << 10;
/// First bytes of a segment of a recording.
const SEGMENT: &[u8] = b"\x89PLOG\r\n\x1a";
/// First bytes of what poolmon-dump reads: Windows dumps, ELF cores, gzip, zstd, zip.
const DUMPS: [&[u8]; 6] = [b"PAGE", b"MDMP", b"\x7fELF", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"];

/// What a path holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder that a recorder wrote, or one segment of it.
    Recording,
    /// A PoolMon log or screen, a CSV or TSV table without times, WinDbg's `!poolused`.
    Log,
    /// A CSV or TSV table with a time on each line: what `poolmon export` writes.
    Table,
    /// A folder of logs or tables.
    LogFolder,
    /// Perfmon's CSV or TSV: machine-wide figures only.
    Perfmon,
    /// Perfmon's binary log; another tool has to turn it into text.
    BinaryLog,
    /// A memory dump, packed ones included.
    Dump,
    /// `-`: a log on standard input.
    StandardInput,
}

/// Looks at a path. A missing one, one without rights and an empty folder are errors that name it.
pub fn of(path: &Path) -> anyhow::Result<Kind> {
    if path.as_os_str() == "-" {
        return Ok(Kind::StandardInput);
    }
    let about = fs::metadata(path).with_context(|| format!("cannot open {}", path.display()))?;
    if about.is_dir() {
        return folder(path);
    }
    if !about.is_file() {
        // A pipe can be read only once, and only text comes through one.
        return Ok(Kind::Log);
    }
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(START as u64).read_to_end(&mut start))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(by_content(path, &start))
}

fn by_content(path: &Path, start: &[u8]) -> Kind {
    let named = |ending: &str| path.extension().is_some_and(|other| other.eq_ignore_ascii_case(ending));
    if start.starts_with(SEGMENT) || named("plog") {
        Kind::Recording
    } else if DUMPS.iter().any(|magic| start.starts_with(magic))
        || ["dmp", "vmem", "raw", "elf"].iter().any(|end| named(end))
    {
        Kind::Dump
    } else if perfmon::is_binary_log(start, path) {
        Kind::BinaryLog
    } else if perfmon::is_perfmon(start) {
        Kind::Perfmon
    } else if has_times(start) {
        Kind::Table
    } else {
        Kind::Log
    }
}

/// The first line names columns, time, tag and pool among them.
fn has_times(start: &[u8]) -> bool {
    let first = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let first = String::from_utf8_lossy(first).to_ascii_lowercase();
    let names: Vec<_> = first
        .trim_start_matches('\u{feff}')
        .split([',', '\t'])
        .map(|name| name.trim().trim_matches('"'))
        .collect();
    ["time", "tag", "pool"].iter().all(|wanted| names.contains(wanted))
}

fn folder(path: &Path) -> anyhow::Result<Kind> {
    let files = files(path)?;
    if files.iter().any(|file| file.extension().is_some_and(|end| end == "plog")) {
        return Ok(Kind::Recording);
    }
    if files.is_empty() {
        bail!("{}: the folder is empty\n  `poolmon record {0}` writes a recording into it", path.display());
    }
    Ok(Kind::LogFolder)
}

/// Plain files of a folder, sorted by name; hidden ones are left out.
pub fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let cannot = || format!("cannot list {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides() {
        let kind = |name: &str, start: &[u8]| by_content(Path::new(name), start);
        assert_eq!(kind("a.bin", b"\x89PLOG\r\n\x1a..."), Kind::Recording);
        assert_eq!(kind("a.txt", b"PAGEDU64"), Kind::Dump);
        assert_eq!(kind("memory.dmp", b"junk"), Kind::Dump);
        assert_eq!(kind("a.log", b" Memory: 1K"), Kind::Log);
        assert_eq!(kind("a.csv", b"tag,pool,allocs,frees,bytes\n"), Kind::Log);
        assert_eq!(kind("a.csv", b"\xef\xbb\xbftime,t_s,\"tag\",pool,bytes\r\n"), Kind::Table);
        assert_eq!(kind("a.csv", b"\"(PDH-CSV 4.0) (UTC)(0)\",\"x\"\n"), Kind::Perfmon);
        assert_eq!(kind("a.blg", b"\x00\x01"), Kind::BinaryLog);
    }

    #[test]
    fn folders() {
        let folder = tempfile::tempdir().unwrap();
        assert!(of(folder.path()).unwrap_err().to_string().contains("empty"));
        fs::write(folder.path().join("snap1.log"), "x").unwrap();
        assert_eq!(of(folder.path()).unwrap(), Kind::LogFolder);
        fs::write(folder.path().join("000001.plog"), "x").unwrap();
        assert_eq!(of(folder.path()).unwrap(), Kind::Recording);
        assert!(of(&folder.path().join("none")).unwrap_err().to_string().contains("none"));
    }
}
