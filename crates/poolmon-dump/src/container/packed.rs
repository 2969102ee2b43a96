//! Packed dumps: gzip, zstd and zip are unpacked into a temporary file, once, with progress.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use poolmon_image::bytes::{u16_at, u32_at, u64_at};

use crate::error::{DumpError, Result};

/// How a dump is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DumpPacking {
    Gzip,
    Zstd,
    Zip,
}

/// Called while a dump is unpacked: bytes written so far, packed bytes read, packed size. Answer `false` to stop.
pub type Progress<'a> = dyn FnMut(u64, u64, u64) -> bool + 'a;

/// Where a packed dump goes, and how large it may become.
pub struct Unpack<'a> {
    /// Folder for the temporary file; the system's own where `None`.
    pub folder: Option<&'a Path>,
    /// Most bytes to unpack.
    pub limit: u64,
    /// Called every few megabytes.
    pub progress: &'a mut Progress<'a>,
}

/// 1 TiB: what is larger is more likely a bomb than a dump.
pub const UNPACK_LIMIT: u64 = 1 << 40;
const CHUNK: usize = 1 << 20;

fn packing(start: &[u8]) -> Option<DumpPacking> {
    match start {
        [0x1f, 0x8b, 8, ..] => Some(DumpPacking::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(DumpPacking::Zstd),
        [b'P', b'K', 3, 4, ..] => Some(DumpPacking::Zip),
        _ => None,
    }
}

/// Unpacks the file if it is packed; `None` if it is not. The temporary file has no name (on Windows: goes with its
/// last handle), so nothing is left behind, whatever ends the process.
pub(crate) fn unpack(path: &Path, file: &mut File, how: &mut Unpack<'_>) -> Result<Option<File>> {
    let io = |action| move |source| DumpError::Io { action, path: path.to_path_buf(), source };
    let mut start = Vec::new();
    Read::by_ref(file).take(64 << 10).read_to_end(&mut start).map_err(io("read"))?;
    let Some(packing) = packing(&start) else { return Ok(None) };
    let size = file.metadata().map_err(io("read"))?.len();
    let from = if packing == DumpPacking::Zip { zip_data(path, &start)? } else { (0, None) };
    file.seek(SeekFrom::Start(from.0)).map_err(io("read"))?;

    let mut temporary = match how.folder {
        Some(folder) => tempfile::tempfile_in(folder),
        None => tempfile::tempfile(),
    }
    .map_err(io("create a temporary file to unpack"))?;
    let counted = CountedReader { inner: io::BufReader::with_capacity(CHUNK, file), read: 0 };
    let written = match (packing, from.1) {
        (DumpPacking::Gzip, _) => {
            // Reads every member of a file that was appended to.
            let mut gzip = flate2::read::MultiGzDecoder::new(counted);
            copy(&mut gzip, &mut temporary, size, how, |gzip| gzip.get_ref().read)
        }
        (DumpPacking::Zip, Some(stored)) => {
            let mut plain = counted.take(stored);
            copy(&mut plain, &mut temporary, size, how, |plain| plain.get_ref().read)
        }
        (DumpPacking::Zip, None) => {
            let mut deflate = flate2::read::DeflateDecoder::new(counted);
            copy(&mut deflate, &mut temporary, size, how, |deflate| deflate.get_ref().read)
        }
        (DumpPacking::Zstd, _) => zstd(counted, &mut temporary, size, how),
    };
    written.map_err(io("unpack"))?;
    Ok(Some(temporary))
}

/// A zstd window beyond this is refused: it would all be held in memory.
const ZSTD_WINDOW: u64 = 128 << 20;

/// zstd, frame after frame; skippable frames are skipped.
fn zstd<R: Read>(
    mut from: CountedReader<R>,
    to: &mut File,
    size: u64,
    how: &mut Unpack<'_>,
) -> io::Result<()> {
    use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
    let wrong = |error: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    let mut sparse = Sparse::new(how.limit);
    loop {
        let mut decoder = ruzstd::decoding::FrameDecoder::new();
        match decoder.init(&mut from) {
            Ok(()) => {}
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                io::copy(&mut from.by_ref().take(length.into()), &mut io::sink())?;
                continue;
            }
            // The magic number is the first thing that is missing at the end of the file.
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::MagicNumberReadError(
                error,
            ))) if error.kind() == io::ErrorKind::UnexpectedEof && sparse.written > 0 => {
                return sparse.finish(to);
            }
            Err(error) => return Err(wrong(&error)),
        }
        let mut buffer = vec![0; CHUNK];
        while !decoder.is_finished() || decoder.can_collect() > 0 {
            decoder
                .decode_blocks(&mut from, ruzstd::decoding::BlockDecodingStrategy::UptoBytes(CHUNK))
                .map_err(|error| wrong(&error))?;
            if decoder.can_collect() as u64 > ZSTD_WINDOW {
                return Err(wrong(&"its window is larger than 128 MiB"));
            }
            loop {
                let n = decoder.read(&mut buffer)?;
                if n == 0 {
                    break;
                }
                sparse.write(to, buffer.get(..n).unwrap_or_default())?;
            }
            tell(how, sparse.written, from.read, size)?;
        }
    }
}

fn copy<R: Read>(
    from: &mut R,
    to: &mut File,
    size: u64,
    how: &mut Unpack<'_>,
    read: impl Fn(&R) -> u64,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut sparse = Sparse::new(how.limit);
    loop {
        let n = from.read(&mut buffer)?;
        if n == 0 {
            return sparse.finish(to);
        }
        sparse.write(to, buffer.get(..n).unwrap_or_default())?;
        tell(how, sparse.written, read(from), size)?;
    }
}

fn tell(how: &mut Unpack<'_>, written: u64, read: u64, size: u64) -> io::Result<()> {
    if (how.progress)(written, read.min(size), size) {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::Interrupted, "stopped"))
    }
}

/// Writes, but leaves holes where everything is zero: most of a complete dump is.
struct Sparse {
    written: u64,
    limit: u64,
}

impl Sparse {
    const fn new(limit: u64) -> Self {
        Self { written: 0, limit }
    }

    fn write(&mut self, to: &mut File, bytes: &[u8]) -> io::Result<()> {
        self.written = self.written.saturating_add(bytes.len() as u64);
        if self.written > self.limit {
            let problem = format!("its unpacked size is more than {} bytes", self.limit);
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        for part in bytes.chunks(4096) {
            if part.iter().all(|&byte| byte == 0) {
                to.seek(SeekFrom::Current(i64::try_from(part.len()).unwrap_or(0)))?;
            } else {
                to.write_all(part)?;
            }
        }
        Ok(())
    }

    fn finish(&self, to: &mut File) -> io::Result<()> {
        to.set_len(self.written)
    }
}

/// Counts what was read of the packed file.
struct CountedReader<R> {
    inner: R,
    read: u64,
}

impl<R: Read> Read for CountedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.read += n as u64;
        Ok(n)
    }
}

/// Where the first member's data starts and, if it is stored plainly, how long it is.
fn zip_data(path: &Path, start: &[u8]) -> Result<(u64, Option<u64>)> {
    let wrong = |problem: &str| DumpError::Malformed {
        what: "zip archive",
        offset: 0,
        problem: format!("{}: {problem}", path.display()),
        remedy: "unpack it with a zip program and use the dump inside",
    };
    let field = |at| u16_at(start, at).ok_or_else(|| wrong("the file ends inside its first header"));
    let (flags, method) = (field(6)?, field(8)?);
    let (name, extra) = (usize::from(field(26)?), usize::from(field(28)?));
    if flags & 1 != 0 {
        return Err(wrong("it is encrypted"));
    }
    let mut size = u64::from(u32_at(start, 22).unwrap_or(0));
    if size == u64::from(u32::MAX) {
        // More than 4 GiB: the true size is the first figure of the zip64 field (id 1) among the extra fields.
        let mut rest = start.get(30 + name..30 + name + extra).unwrap_or_default();
        while let (Some(id), Some(length)) = (u16_at(rest, 0), u16_at(rest, 2)) {
            if id == 1 {
                size = u64_at(rest, 4).ok_or_else(|| wrong("its zip64 field is cut"))?;
            }
            rest = rest.get(4 + usize::from(length)..).unwrap_or_default();
        }
    }
    let data = (30 + name + extra) as u64;
    match method {
        0 if flags & 8 == 0 => Ok((data, Some(size))),
        8 => Ok((data, None)),
        0 => Err(wrong("its first member is stored without a size")),
        other => Err(wrong(&format!("compression method {other} is not supported"))),
    }
}

/// The command that unpacks a file in a shell.
pub(crate) fn unpack_by_hand(path: &Path, file: &mut File) -> String {
    let mut start = [0; 4];
    let is_read = file.rewind().and_then(|()| file.read_exact(&mut start)).is_ok();
    let command = match packing(&start).filter(|_| is_read) {
        Some(DumpPacking::Zstd) => "unzstd",
        Some(DumpPacking::Zip) => "unzip",
        Some(DumpPacking::Gzip) | None => "gunzip -k",
    };
    format!("unpack it first: {command} {}", path.display())
}

/// Whether the file starts like a packed one.
pub(crate) fn is_packed(bytes: &[u8]) -> bool {
    packing(bytes).is_some()
}
