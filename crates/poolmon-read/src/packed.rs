//! Files packed with gzip, xz or zstd, known by their first bytes: a log in one is read as if it were not packed. So are rows that poolmon
//! exported as JSON lines or Parquet.

use std::io::{self, Cursor, Read};

use crate::{json_rows, parquet};

/// Memory that an xz file may ask for its dictionary, in KiB: what `xz -9` takes, twice.
const XZ_MEMORY_KIB: u32 = 128 << 10;
/// Bytes that a zstd file may ask for its window: `zstd --ultra --long=27`.
const ZSTD_WINDOW: u64 = 128 << 20;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Xz,
    Zstd,
    /// For which there is no decoder here.
    Bzip2,
    /// Rows that poolmon exported as JSON lines, which are read as its CSV.
    JsonRows,
    /// The same as Parquet, which is read at random: see [`parquet::AsCsv`].
    Parquet,
}

/// First bytes of packed files.
const STARTS: [(&[u8], Packing); 5] = [
    (b"\x1f\x8b\x08", Packing::Gzip),
    (b"\xfd7zXZ\0", Packing::Xz),
    (&[0x28, 0xb5, 0x2f, 0xfd], Packing::Zstd),
    (b"BZh", Packing::Bzip2),
    (parquet::MAGIC, Packing::Parquet),
];

impl Packing {
    /// By the first bytes of a file; `None` if it is not packed.
    pub(crate) fn of(start: &[u8]) -> Option<Self> {
        let known = STARTS.iter().find(|(bytes, _)| start.starts_with(bytes)).map(|(_, packing)| *packing);
        known.or_else(|| json_rows::is_export(start).then_some(Self::JsonRows))
    }

    /// The command that unpacks what is readable of a file; `None` if there is none.
    pub(crate) const fn command(self) -> Option<&'static str> {
        Some(match self {
            Self::Gzip => "gzip -dc",
            Self::Xz => "xz -dc",
            Self::Zstd => "zstd -dc",
            Self::Bzip2 => "bzip2 -dc",
            Self::JsonRows => "cat",
            Self::Parquet => return None,
        })
    }

    /// What is in packed bytes.
    ///
    /// # Errors
    /// There is no decoder, or the first bytes are damaged.
    pub(crate) fn reader(self, bytes: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
            Self::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(bytes, true, XZ_MEMORY_KIB)),
            Self::Zstd => Box::new(Zstd::new(bytes)),
            Self::JsonRows => Box::new(json_rows::AsCsv::new(bytes)),
            Self::Bzip2 | Self::Parquet => return Err(io::ErrorKind::Unsupported.into()),
        })
    }

    /// The first bytes of what is packed in the start of a file, up to `most`.
    pub(crate) fn start(self, start: &[u8], most: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        // The end is missing, so that an error says nothing.
        let _ = self
            .reader(Box::new(Cursor::new(start.to_vec())))
            .map(|it| it.take(most).read_to_end(&mut bytes));
        bytes
    }
}

/// All frames of a zstd file: appending to a packed log makes several.
struct Zstd {
    state: Option<ZstdState>,
}

enum ZstdState {
    /// Before a frame, of which the first byte was read.
    Between(Option<u8>, Box<dyn Read + Send>),
    Frame(Box<ruzstd::decoding::StreamingDecoder<Joined, ruzstd::decoding::FrameDecoder>>),
}

type Joined = io::Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>;

impl Zstd {
    fn new(bytes: Box<dyn Read + Send>) -> Self {
        Self { state: Some(ZstdState::Between(None, bytes)) }
    }
}

fn invalid(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

impl Read for Zstd {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            match self.state.take() {
                None => return Ok(0),
                Some(ZstdState::Between(None, mut bytes)) => {
                    let mut first = [0];
                    // At the end of the file, the state stays `None`.
                    if bytes.read(&mut first)? > 0 {
                        self.state = Some(ZstdState::Between(Some(first[0]), bytes));
                    }
                }
                Some(ZstdState::Between(Some(first), bytes)) => {
                    let joined = Cursor::new(vec![first]).chain(bytes);
                    let frame =
                        ruzstd::decoding::StreamingDecoder::new_with_max_window_size(joined, ZSTD_WINDOW);
                    self.state = Some(ZstdState::Frame(Box::new(frame.map_err(invalid)?)));
                }
                Some(ZstdState::Frame(mut frame)) => {
                    let length = frame.read(into).map_err(invalid)?;
                    if length > 0 {
                        self.state = Some(ZstdState::Frame(frame));
                        return Ok(length);
                    }
                    let (_, bytes) = frame.into_inner().into_inner();
                    self.state = Some(ZstdState::Between(None, bytes));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(text).unwrap();
        out.finish().unwrap()
    }

    fn xz(text: &[u8]) -> Vec<u8> {
        let mut out = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default()).unwrap();
        out.write_all(text).unwrap();
        out.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
    }

    /// Appending to a packed log makes several packed files in one.
    #[test]
    fn all_parts_are_unpacked() {
        let long = vec![b'x'; 300_000];
        for pack in [gzip, xz, zstd] {
            let packed = [pack(b"one\n"), pack(&long), pack(b"two\n")].concat();
            let packing = Packing::of(&packed).unwrap();
            let mut text = Vec::new();
            packing.reader(Box::new(Cursor::new(packed.clone()))).unwrap().read_to_end(&mut text).unwrap();
            assert_eq!(text, [b"one\n", &long[..], b"two\n"].concat(), "{packing:?}");
            assert_eq!(packing.start(&packed, 6), b"one\nxx", "{packing:?}");
            let cut = &packed[..packed.len() - 3];
            let read = packing.reader(Box::new(Cursor::new(cut.to_vec()))).unwrap().read_to_end(&mut text);
            assert!(read.is_err(), "{packing:?}: a cut file is no whole one");
        }
        assert_eq!(Packing::of(b"plain"), None);
    }
}
