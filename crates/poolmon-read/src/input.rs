//! One file, folder or stream, with its first bytes: what formats are recognised by and read from.

use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use poolmon_image::zip::{self, Member};
use poolmon_model::problem::shell_word;
use poolmon_model::sample::STANDARD_INPUT;

use crate::numbered::by_number;
use crate::packed::Packing;
use crate::{ReadError, Result, bundle, parquet, streams, text, zipped};

/// Bytes that a format is recognised by.
const START: u64 = 64 << 10;

/// Something that samples may be in.
pub struct Input {
    name: String,
    path: Option<PathBuf>,
    content: Content,
    start: Vec<u8>,
    /// It is packed text, which is read unpacked; with the first bytes as they are packed.
    packed: Option<(Packing, Vec<u8>)>,
}

enum Content {
    File(PathBuf),
    Folder(Vec<PathBuf>),
    Bytes(Arc<[u8]>),
    /// A file in a zip archive.
    Member(PathBuf, Member),
    /// A pipe: what was not read yet. It can be read only once.
    Stream(Mutex<Option<Box<dyn Read + Send>>>),
}

impl Input {
    /// Opens a path; `-` is standard input.
    ///
    /// # Errors
    /// There is no such file, it may not be read, or it is an empty folder.
    pub fn open(path: &Path) -> Result<Self> {
        if path.as_os_str() == "-" {
            let rest = streams::rest(path).map_err(ReadError::io("open", path))?;
            return Self::stream(STANDARD_INPUT, None, rest);
        }
        let about = fs::metadata(path).map_err(ReadError::io("open", path))?;
        let name = path.display().to_string();
        if about.is_dir() {
            let files = files(path)?;
            // A report may hold nothing but folders.
            if files.is_empty() && !crate::bundle::is_report_folder(path) {
                let mut folders = crate::part::folders_in(path);
                let is_shown = |entry: &fs::DirEntry| !entry.file_name().as_encoded_bytes().starts_with(b".");
                let others = fs::read_dir(path).into_iter().flatten().flatten().filter(is_shown).count();
                if folders.is_empty() && others > 0 {
                    let remedy = "name the pipe itself, or a folder with saved files";
                    return Err(ReadError::unsuitable(&name, "the folder holds no plain files", remedy));
                }
                if folders.is_empty() {
                    let remedy = format!("record into it: poolmon record {}", shell_word(&name));
                    return Err(ReadError::unsuitable(&name, "the folder is empty", remedy));
                }
                folders.truncate(8);
                let folders: Vec<String> =
                    folders.iter().map(|folder| folder.display().to_string()).collect();
                let remedy = format!("name the folders in it: poolmon {}", folders.join(" "));
                return Err(ReadError::unsuitable(&name, "the folder holds no files, only folders", remedy));
            }
            return Ok(Self {
                name,
                path: Some(path.into()),
                content: Content::Folder(files),
                start: Vec::new(),
                packed: None,
            });
        }
        if !about.is_file() {
            let rest = streams::rest(path).map_err(ReadError::io("open", path))?;
            return Self::stream(&name, Some(path), rest);
        }
        let file = File::open(path).map_err(ReadError::io("open", path))?;
        let mut start = Vec::new();
        file.take(START).read_to_end(&mut start).map_err(ReadError::io("read", path))?;
        let content = Content::File(path.into());
        Ok(Self { name, path: Some(path.into()), content, start, packed: None }.unpacked())
    }

    /// A file in a zip archive. Its path is that of the archive, with its own behind it.
    ///
    /// # Errors
    /// It is damaged, needs a password, or is packed in a way that is not read.
    pub(crate) fn member(archive: &Path, member: Member) -> Result<Self> {
        let path = archive.join(&member.name);
        let content = Content::Member(archive.into(), member);
        let mut input = Self {
            name: path.display().to_string(),
            path: Some(path),
            content,
            start: Vec::new(),
            packed: None,
        };
        let mut start = Vec::new();
        let read = input.bytes(&[])?.take(START).read_to_end(&mut start);
        read.map_err(|error| ReadError::read(&input.name, error))?;
        input.start = start;
        Ok(input.unpacked())
    }

    /// As [`Input::open`], to look at: what is read of standard input or of a pipe is kept, and comes again from the next
    /// [`Input::open`].
    ///
    /// # Errors
    /// As [`Input::open`].
    pub fn peek(path: &Path) -> Result<Self> {
        if path.as_os_str() == "-" {
            return Self::stream(STANDARD_INPUT, None, Box::new(streams::Peek::new(path)));
        }
        let is_stream = fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir());
        if is_stream {
            return Self::stream(&path.display().to_string(), Some(path), Box::new(streams::Peek::new(path)));
        }
        Self::open(path)
    }

    /// Bytes in memory; `name` appears in messages.
    pub fn from_bytes(name: &str, bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        let start = bytes.iter().take(64 << 10).copied().collect();
        Self { name: name.to_owned(), path: None, content: Content::Bytes(bytes), start, packed: None }
            .unpacked()
    }

    fn stream(name: &str, path: Option<&Path>, mut stream: Box<dyn Read + Send>) -> Result<Self> {
        let mut start = Vec::new();
        let read = Read::by_ref(&mut stream).take(START).read_to_end(&mut start);
        read.map_err(ReadError::io("read", Path::new(name)))?;
        let content = Content::Stream(Mutex::new(Some(stream)));
        let path = path.map(Into::into);
        Ok(Self { name: name.to_owned(), path, content, start, packed: None }.unpacked())
    }

    /// If there is text in a packed file, its first bytes are those of the text. Packed dumps, archives and modules are
    /// unpacked by their readers.
    fn unpacked(mut self) -> Self {
        let Some(packing) = Packing::of(&self.start) else { return self };
        let start = match packing {
            Packing::Parquet => self.parquet_start(),
            _ => packing.start(&self.start, START),
        };
        if !start.is_empty() && !bundle::is_archive(&start) && text::is_text(&start) {
            self.packed = Some((packing, std::mem::replace(&mut self.start, start)));
        }
        self
    }

    /// Bytes at random, if it is no stream.
    fn at_random(&self) -> io::Result<Box<dyn parquet::File>> {
        match &self.content {
            Content::File(path) => Ok(Box::new(File::open(path)?)),
            Content::Bytes(bytes) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
            Content::Folder(_) | Content::Member(..) | Content::Stream(_) => {
                Err(io::ErrorKind::Unsupported.into())
            }
        }
    }

    /// The first bytes of the rows in a Parquet file; none if poolmon did not write it.
    fn parquet_start(&self) -> Vec<u8> {
        let mut start = Vec::new();
        if let Ok(rows) = self.at_random().and_then(parquet::AsCsv::open) {
            // What is damaged is reported when it is read.
            let _ = rows.take(START).read_to_end(&mut start);
        }
        start
    }

    /// What it is called in messages: the path as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its length in bytes, as far as it is known: that of a file.
    pub(crate) fn length(&self) -> u64 {
        match &self.content {
            Content::File(path) => fs::metadata(path).map_or(0, |about| about.len()),
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Member(_, member) => member.size,
            Content::Folder(_) | Content::Stream(_) => 0,
        }
    }

    /// When it was written last, as the file system or its archive says.
    pub(crate) fn written(&self, zone: &TimeZone) -> Option<Timestamp> {
        if let Content::Member(_, member) = &self.content {
            let [year, month, day, hour, minute, second] =
                member.written.by_clock.map(|figure| i16::try_from(figure).unwrap_or(-1));
            let [month, day, hour, minute, second] =
                [month, day, hour, minute, second].map(|figure| i8::try_from(figure).unwrap_or(-1));
            let by_clock = || DateTime::new(year, month, day, hour, minute, second, 0).ok();
            let by_clock = || by_clock()?.to_zoned(zone.clone()).ok().map(|time| time.timestamp());
            return member
                .written
                .second
                .and_then(|second| Timestamp::from_second(second).ok())
                .or_else(by_clock);
        }
        let modified = fs::metadata(self.path.as_deref()?).and_then(|about| about.modified()).ok()?;
        Timestamp::try_from(modified).ok()
    }

    /// Its path, unless it is standard input or bytes in memory.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The first 64 KiB of a file or stream, or of the text that is packed in it.
    pub fn start(&self) -> &[u8] {
        &self.start
    }

    /// The plain files of a folder, sorted by name; `None` if it is no folder.
    pub fn files(&self) -> Option<&[PathBuf]> {
        match &self.content {
            Content::Folder(files) => Some(files),
            _ => None,
        }
    }

    /// Whether the file's name has one of these endings, in any case.
    pub fn has_ending(&self, endings: &[&str]) -> bool {
        let name = self.path.as_deref().map(|path| match &self.packed {
            Some(_) => path.with_extension(""),
            None => path.to_path_buf(),
        });
        let ending = name.as_deref().and_then(Path::extension);
        ending.is_some_and(|ending| endings.iter().any(|known| ending.eq_ignore_ascii_case(known)))
    }

    /// Whether it can be read more than once.
    pub fn is_repeatable(&self) -> bool {
        !matches!(self.content, Content::Stream(_))
    }

    /// The path of a file that has to be read at random.
    ///
    /// # Errors
    /// It is a stream or bytes in memory.
    pub fn file(&self) -> Result<&Path> {
        match (&self.content, &self.path) {
            (Content::File(_) | Content::Folder(_), Some(path)) if self.packed.is_none() => Ok(path),
            (Content::Member(archive, _), _) => Err(ReadError::unsuitable(
                &self.name,
                "of what is in a zip archive, only text is read",
                zipped::remedy(archive),
            )),
            _ => Err(ReadError::unsuitable(
                &self.name,
                "a dump or recording cannot be read from a pipe",
                "save it to a file, and use that",
            )),
        }
    }

    /// The content from the beginning; of packed text, the text.
    ///
    /// # Errors
    /// The file cannot be opened, or a stream was read before.
    pub fn reader(&self) -> Result<Box<dyn Read + Send>> {
        let Some((packing, start)) = &self.packed else { return self.bytes(&self.start) };
        let failed = |error| ReadError::read(&self.name, error);
        let unpacked = match packing {
            Packing::Parquet => {
                Box::new(self.at_random().and_then(parquet::AsCsv::open).map_err(failed)?) as Box<_>
            }
            _ => packing.reader(self.bytes(start)?).map_err(failed)?,
        };
        Ok(Box::new(Unpacking { unpacked, packing: *packing, name: self.name.clone(), length: 0 }))
    }

    /// The bytes as they are; `start` of them was read from a stream.
    fn bytes(&self, start: &[u8]) -> Result<Box<dyn Read + Send>> {
        match &self.content {
            Content::File(path) => Ok(Box::new(File::open(path).map_err(ReadError::io("open", path))?)),
            Content::Bytes(bytes) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
            Content::Member(archive, member) => {
                let file = File::open(archive).map_err(ReadError::io("open", archive))?;
                let why = if member.is_encrypted {
                    "it needs a password"
                } else {
                    "it is packed in a way that is not read"
                };
                if !member.is_readable() {
                    return Err(ReadError::unsuitable(&self.name, why, zipped::remedy(archive)));
                }
                let bytes = zip::reader(file, member).map_err(|error| ReadError::read(&self.name, error))?;
                Ok(Box::new(bytes))
            }
            Content::Folder(_) => {
                let path = self.path.as_deref().unwrap_or(Path::new(""));
                Err(ReadError::io("open", path)(io::ErrorKind::IsADirectory.into()))
            }
            Content::Stream(stream) => {
                let rest = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
                let rest = rest.ok_or_else(|| {
                    ReadError::unsuitable(
                        &self.name,
                        "it can be read only once, and this command needs to read it repeatedly",
                        "save it to a file, and use that",
                    )
                })?;
                Ok(Box::new(Cursor::new(start.to_vec()).chain(rest)))
            }
        }
    }
}

/// Text that is unpacked while it is read. An error says how much of it is there, and how to get at that.
struct Unpacking {
    unpacked: Box<dyn Read + Send>,
    packing: Packing,
    name: String,
    length: u64,
}

impl Read for Unpacking {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.unpacked.read(into) {
            Ok(length) => {
                self.length += length as u64;
                Ok(length)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let (name, length) = (&self.name, self.length);
                let mut text = format!("it is cut short or damaged after {length} bytes of text ({error})");
                if self.packing == Packing::Parquet {
                    text.push_str("; export the recording again");
                }
                if let Some(command) = self.packing.command() {
                    text.extend(["; to read those: ", command, " ", &shell_word(name), " > part.txt"]);
                }
                Err(io::Error::new(error.kind(), text))
            }
        }
    }
}

/// Plain files of a folder, sorted by name, numbers in them counted as such; hidden ones are left out.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(ReadError::io("list", folder))? {
        let path = entry.map_err(ReadError::io("list", folder))?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.is_file() {
            files.push(path);
        }
    }
    files.sort_by_cached_key(|file| (by_number(&file.to_string_lossy()), file.clone()));
    Ok(files)
}
