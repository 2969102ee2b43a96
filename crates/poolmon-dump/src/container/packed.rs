//! Packed dumps: gzip, zstd, xz and zip are unpacked into a temporary file, once, with progress.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use poolmon_model::units::human_bytes;

use super::{kinds, room, zip};
use crate::error::{DumpError, Result};

/// How a dump is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DumpPacking {
    Gzip,
    Zstd,
    Xz,
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
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(DumpPacking::Xz),
        [b'P', b'K', 3, 4, ..] => Some(DumpPacking::Zip),
        _ => None,
    }
}

/// Unpacks the file if it is packed; `None` if it is not. The temporary file has no name (on Windows: goes with its
/// last handle), so nothing is left behind, whatever ends the process.
pub(crate) fn unpack(path: &Path, file: &mut File, how: &mut Unpack<'_>) -> Result<Option<File>> {
    let io = |action| move |source| DumpError::Io { action, path: path.to_path_buf(), source };
    let mut start = Vec::new();
    Read::by_ref(file).take(kinds::LONGEST as u64).read_to_end(&mut start).map_err(io("read"))?;
    let Some(packing) = packing(&start) else { return Ok(None) };
    let size = file.metadata().map_err(io("read"))?.len();
    let member = if packing == DumpPacking::Zip { Some(zip::dump_in(path, file)?) } else { None };
    file.seek(SeekFrom::Start(member.as_ref().map_or(0, |(at, _)| *at))).map_err(io("read"))?;

    let folder = how.folder.map_or_else(std::env::temp_dir, Path::to_path_buf);
    let sparse = Sparse::new(how.limit, &folder);
    // Where the size is known, nothing is written that has no room.
    let known = member.as_ref().map(|(_, member)| member.size);
    sparse.expect(known.unwrap_or(0)).map_err(io("unpack"))?;
    let mut temporary = tempfile::tempfile_in(&folder).map_err(io("create a temporary file to unpack"))?;
    let read = Arc::new(AtomicU64::new(0));
    let inner = io::BufReader::with_capacity(CHUNK, file.try_clone().map_err(io("read"))?);
    let counted: Source = Box::new(CountedReader { inner, read: Arc::clone(&read) });
    let mut progress = Unpacking { how, read, size };
    let to = &mut temporary;
    // Reads every member of a gzip file that was appended to.
    let written = match (packing, &member) {
        (DumpPacking::Gzip, _) => {
            copy(&mut flate2::read::MultiGzDecoder::new(counted), to, &mut progress, sparse)
        }
        (DumpPacking::Zip, Some((_, member))) if member.method == 0 => {
            copy(&mut counted.take(member.size), to, &mut progress, sparse)
        }
        (DumpPacking::Zip, _) => {
            let packed = member.as_ref().map_or(0, |(_, member)| member.packed);
            let packed: Source = Box::new(counted.take(packed));
            copy(&mut flate2::read::DeflateDecoder::new(packed), to, &mut progress, sparse)
        }
        (DumpPacking::Zstd, _) => zstd(counted, to, &mut progress, sparse),
        (DumpPacking::Xz, _) => {
            let mut xz = lzma_rust2::XzReader::new_mem_limit(counted, true, XZ_MEMORY_KIB);
            copy(&mut xz, to, &mut progress, sparse)
        }
    };
    written.map_err(io("unpack"))?;
    Ok(Some(temporary))
}

/// A dictionary of xz beyond this is refused.
const XZ_MEMORY_KIB: u32 = 256 << 10;
/// A zstd window beyond this is refused: it would all be held in memory.
const ZSTD_WINDOW: u64 = 128 << 20;

/// zstd, frame after frame; skippable frames are skipped.
fn zstd(
    mut from: Source,
    to: &mut File,
    progress: &mut Unpacking<'_, '_>,
    mut sparse: Sparse,
) -> io::Result<()> {
    use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
    let wrong = |error: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    loop {
        let mut decoder = ruzstd::decoding::FrameDecoder::new();
        match decoder.init(&mut from) {
            Ok(()) => {}
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                io::copy(&mut Read::by_ref(&mut from).take(length.into()), &mut io::sink())?;
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
        sparse.expect(decoder.content_size())?;
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
            progress.tell(sparse.written)?;
        }
    }
}

fn copy(
    from: &mut dyn Read,
    to: &mut File,
    progress: &mut Unpacking<'_, '_>,
    mut sparse: Sparse,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let n = from.read(&mut buffer)?;
        if n == 0 {
            return sparse.finish(to);
        }
        sparse.write(to, buffer.get(..n).unwrap_or_default())?;
        progress.tell(sparse.written)?;
    }
}

/// The packed bytes: one type for all decoders, which are large.
type Source = Box<dyn Read + Send>;

/// How far it is.
struct Unpacking<'a, 'b> {
    how: &'a mut Unpack<'b>,
    read: Arc<AtomicU64>,
    size: u64,
}

impl Unpacking<'_, '_> {
    fn tell(&mut self, written: u64) -> io::Result<()> {
        let read = self.read.load(Ordering::Relaxed).min(self.size);
        if (self.how.progress)(written, read, self.size) {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::Interrupted, "stopped"))
        }
    }
}

/// Writes, but leaves holes where everything is zero: most of a complete dump is. Ends before the disk is full.
struct Sparse {
    written: u64,
    limit: u64,
    /// Bytes that take space, and how many may.
    stored: u64,
    room: u64,
    /// Bytes that the file was given in advance.
    given: u64,
    folder: PathBuf,
}

/// What is left free for everyone else on the disk.
const RESERVE: u64 = 256 << 20;

impl Sparse {
    fn new(limit: u64, folder: &Path) -> Self {
        let room = room::free(folder).map_or(u64::MAX, |free| free.saturating_sub(RESERVE));
        Self { written: 0, limit, stored: 0, room, given: 0, folder: folder.to_path_buf() }
    }

    /// Refuses what is known to be too large.
    fn expect(&self, more: u64) -> io::Result<()> {
        let size = self.written.saturating_add(more);
        if size > self.limit {
            return Err(self.too_large());
        }
        if self.stored.saturating_add(more) > self.room { Err(self.no_room(size)) } else { Ok(()) }
    }

    fn too_large(&self) -> io::Error {
        let problem = format!("its unpacked size is more than {} bytes", self.limit);
        io::Error::new(io::ErrorKind::InvalidData, problem)
    }

    fn no_room(&self, size: u64) -> io::Error {
        let problem = format!(
            "it needs {} or more, {} has {} to spare",
            human_bytes(size),
            self.folder.display(),
            human_bytes(self.room)
        );
        io::Error::new(io::ErrorKind::StorageFull, problem)
    }

    fn write(&mut self, to: &mut File, bytes: &[u8]) -> io::Result<()> {
        self.written = self.written.saturating_add(bytes.len() as u64);
        if self.written > self.limit {
            return Err(self.too_large());
        }
        if cfg!(windows) && self.written > self.given {
            // There, a file that is made longer takes its space at once: too little shows before the disk is full.
            self.given = self.written + RESERVE;
            to.set_len(self.given + RESERVE)?;
        }
        for part in bytes.chunks(4096) {
            if part.iter().all(|&byte| byte == 0) {
                to.seek(SeekFrom::Current(i64::try_from(part.len()).unwrap_or(0)))?;
                continue;
            }
            self.stored += part.len() as u64;
            if self.stored > self.room {
                return Err(self.no_room(self.written));
            }
            to.write_all(part)?;
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
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for CountedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// The command that unpacks a file in a shell.
pub(crate) fn unpack_by_hand(path: &Path, file: &mut File) -> String {
    let mut start = [0; 4];
    let is_read = file.rewind().and_then(|()| file.read_exact(&mut start)).is_ok();
    let command = match packing(&start).filter(|_| is_read) {
        Some(DumpPacking::Zstd) => "unzstd",
        Some(DumpPacking::Xz) => "unxz -k",
        Some(DumpPacking::Zip) => "unzip",
        Some(DumpPacking::Gzip) | None => "gunzip -k",
    };
    format!("unpack it first: {command} {}", path.display())
}

/// Whether the file starts like a packed one.
pub(crate) fn is_packed(bytes: &[u8]) -> bool {
    packing(bytes).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_that_has_no_room() {
        let mut to = tempfile::tempfile().unwrap();
        let mut sparse = Sparse::new(u64::MAX, Path::new("."));
        sparse.room = 8192;
        assert!(sparse.expect(8192).is_ok());
        let error = sparse.expect(8193).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(error.to_string().contains("to spare"), "{error}");
        // Holes take no room.
        sparse.write(&mut to, &vec![0; 1 << 16]).unwrap();
        sparse.write(&mut to, &[1; 8192]).unwrap();
        assert_eq!(sparse.write(&mut to, &[1]).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn free_space_is_known() {
        assert_eq!(room::free(&std::env::temp_dir()).is_some(), cfg!(unix));
        assert_eq!(room::free(Path::new("/nowhere/at/all")), None);
    }
}
