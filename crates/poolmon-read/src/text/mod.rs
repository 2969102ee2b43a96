//! Saved text becomes samples: PoolMon logs and screens, CSV and TSV tables, WinDbg's `!poolused`.
//!
//! Data passes in this order:
//!
//! 1. `encoding`, `input`: bytes of any encoding become lines, block by block;
//! 2. `reader`, `state`, `tables`: which layout a line belongs to, where a snapshot begins;
//! 3. `poolmon`, `delimited`, `windbg`: rows; `heading`, `moment`: what stands around them;
//! 4. `build`: rows are checked and become a [`Sample`]; what was odd becomes a remark.
//!
//! A row that cannot be read never ends the reading: it is counted, and [`Sample::remarks`] names its line.
//! Memory is bounded by the rows of one snapshot, not by the size of the file.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod build;
mod delimited;
mod encoding;
mod heading;
mod input;
mod moment;
mod name;
mod poolmon;
mod reader;
mod state;
mod tables;
mod windbg;

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use poolmon_model::Sample;

pub use name::time_in_name;
pub use reader::SampleReader;

use crate::{ReadError, Result};

/// The remark of a sample whose time stands in the text without a zone: whoever knows the zone can move it.
pub const ZONE_ASSUMED: &str = "the time zone is not told: the time is read as UTC";

/// A saved text: a file, or bytes that the caller has. It can be read again and again.
///
/// Standard input is read once, through [`SampleReader::new`].
#[derive(Clone, Debug)]
pub struct LogFile {
    name: String,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    File(PathBuf),
    Bytes(Arc<[u8]>),
}

impl LogFile {
    /// A file. Its beginning is looked at: an empty or binary one is refused here.
    ///
    /// # Errors
    /// [`ReadError::Io`] where it is missing or a folder, [`ReadError::Rights`] where it may not be read,
    /// [`ReadError::Malformed`] where it is empty or no text.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let log = Self { name: path.display().to_string(), content: Content::File(path.to_path_buf()) };
        let about = std::fs::metadata(path).map_err(|error| refused(path, error))?;
        if about.is_dir() {
            return Err(refused(path, io::ErrorKind::IsADirectory.into()));
        }
        // A pipe can be read only once.
        if about.is_file() {
            log.reader()?.check()?;
        }
        Ok(log)
    }

    /// Bytes that are held already; `name` stands in messages.
    ///
    /// # Errors
    /// [`ReadError::Malformed`] where they are empty or no text.
    pub fn from_bytes(name: &str, bytes: impl Into<Arc<[u8]>>) -> Result<Self> {
        let log = Self { name: name.to_owned(), content: Content::Bytes(bytes.into()) };
        log.reader()?.check()?;
        Ok(log)
    }

    /// Name for messages: the path as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A reader from the beginning: the way without allocations, see [`SampleReader::next_into`].
    pub fn reader(&self) -> Result<SampleReader> {
        let input: Box<dyn Read + Send> = match &self.content {
            Content::File(path) => Box::new(File::open(path).map_err(|error| refused(path, error))?),
            Content::Bytes(bytes) => Box::new(Cursor::new(Arc::clone(bytes))),
        };
        Ok(SampleReader::new(&self.name, input))
    }

    /// Every sample, in the order of the text. An error is the last item; a text without any row is one.
    pub fn samples(&self) -> impl Iterator<Item = Result<Sample>> + use<> {
        let (mut reader, mut failed) = match self.reader() {
            Ok(reader) => (Some(reader), None),
            Err(error) => (None, Some(error)),
        };
        std::iter::from_fn(move || {
            if let Some(error) = failed.take() {
                return Some(Err(error));
            }
            let mut sample = SampleReader::empty_sample();
            match reader.as_mut()?.next_into(&mut sample) {
                Ok(true) => Some(Ok(sample)),
                Ok(false) => None,
                Err(error) => Some(Err(error)),
            }
        })
    }

    /// The last sample and the one before it, where there is one. Never more than two or three are held.
    pub fn last_two(&self) -> Result<(Option<Sample>, Sample)> {
        self.reader()?.last_two()
    }
}

impl SampleReader {
    /// Reads to the end and keeps the last two samples: see [`LogFile::last_two`].
    pub fn last_two(&mut self) -> Result<(Option<Sample>, Sample)> {
        let mut before = None;
        let mut last = Self::empty_sample();
        // The first call gives a sample or an error.
        self.next_into(&mut last)?;
        let mut next = Self::empty_sample();
        while self.next_into(&mut next)? {
            let older = before.replace(last);
            last = std::mem::replace(&mut next, older.unwrap_or_else(Self::empty_sample));
        }
        Ok((before, last))
    }
}

fn refused(path: &Path, source: io::Error) -> ReadError {
    if source.kind() == io::ErrorKind::PermissionDenied {
        return ReadError::Rights {
            what: path.display().to_string(),
            remedy: "ask its owner for the right to read it, or copy it to a place of your own".into(),
        };
    }
    ReadError::Io { action: "open", path: path.to_path_buf(), source }
}
