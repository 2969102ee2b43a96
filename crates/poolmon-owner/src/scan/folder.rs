//! Many driver files at once.
//!
//! One tag is searched as bytes first; only a file that holds them is parsed, and only one that holds them where code
//! could take them from is disassembled. [`list`] finds the files, [`search`] reads them, [`folder`] does both; threads,
//! large files and events are [`poolmon_image::files`]'s.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use poolmon_image::files::{
    self, FileList, FileReader, FileToRead, SearchLimits, SearchSummary, has_extension,
};
use poolmon_image::index::FileStamp;
use poolmon_image::pe::{Pe, PeError, PeHeader, PeSection, directory};
use poolmon_model::PoolTag;

use super::index::{DriverIndex, FileAnswer};
use super::literal::{Literal, OVERLAP};
use super::{DriverImage, DriverInfo, Evidence, Machine, ScanError, framework_tag};

/// Files above this are read one at a time.
const LARGE: u64 = 16 << 20;
/// Small enough to stay in a processor's cache between reading and searching.
const PIECE: usize = 128 << 10;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagQuery {
    /// Who uses this tag, down to literals in text.
    Tag(PoolTag),
    /// Who uses this tag, by code and structures only: an index that knows the files answers it for every tag.
    Code(PoolTag),
    /// All drivers with all tags that their code and structures show.
    All,
}

impl TagQuery {
    /// The tag that is asked for.
    pub const fn tag(self) -> Option<PoolTag> {
        match self {
            Self::Tag(tag) | Self::Code(tag) => Some(tag),
            Self::All => None,
        }
    }
}

/// A driver that answers the question.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundDriver {
    /// Whose file it is.
    pub info: DriverInfo,
    /// Best first.
    pub evidence: Vec<Evidence>,
    /// The frameworks give this driver the tag, if it has none of its own: from its file name.
    pub framework: bool,
    /// Answered from the index, without reading the file.
    pub from_index: bool,
}

/// Result for one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOutcome {
    /// It shows the tag, or tags; or it is packed, and all tags are asked for.
    Found(Box<FoundDriver>),
    /// It does not.
    Nothing,
    /// It is no driver: a program that lies in the same folder.
    NotDriver,
    /// It was not searched; the error says why.
    Failed(ScanError),
}

/// One file, done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileReport {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its result.
    pub outcome: FileOutcome,
}

/// What a search of drivers reports while it runs.
pub type SearchEvent = files::SearchEvent<FileReport>;

/// How files are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchOptions {
    /// What is asked.
    pub query: TagQuery,
    /// A file whose code is in the index is not read again for literals.
    pub code_suffices: bool,
    /// How many threads.
    pub threads: usize,
    /// Bounds.
    pub limits: SearchLimits,
}

/// Searches files and folders (with what is in them) with `threads` threads. `report` runs on the calling thread. What is
/// learned goes into `index`, which the caller loads before and saves after.
pub fn folder(
    paths: &[PathBuf],
    query: TagQuery,
    threads: usize,
    limits: SearchLimits,
    index: &mut DriverIndex,
    cancel: &AtomicBool,
    report: impl FnMut(SearchEvent),
) -> SearchSummary {
    let options = SearchOptions { query, code_suffices: false, threads, limits };
    search(&list(paths, cancel), options, index, cancel, report)
}

/// Lists what is to be searched: in the order of `paths`, each folder sorted, no file twice.
pub fn list(paths: &[PathBuf], cancel: &AtomicBool) -> FileList {
    files::list(paths, cancel, |path| has_extension(path, &["sys", "exe", "dll"]))
}

/// Searches listed files; see [`folder`].
pub fn search(
    list: &FileList,
    options: SearchOptions,
    index: &mut DriverIndex,
    cancel: &AtomicBool,
    mut report: impl FnMut(SearchEvent),
) -> SearchSummary {
    report(SearchEvent::Listed { files: list.len() });
    let reader = DriverReader::new(options, index);
    let mut learned = Vec::new();
    let summary = files::search(list, &reader, options.threads, cancel, |done| {
        let (path, stamp) = (done.path, done.stamp);
        let outcome = match done.result {
            Ok((outcome, answer)) => {
                learned.extend(answer.map(|answer| (path.clone(), stamp, answer)));
                outcome
            }
            Err(error) => FileOutcome::Failed(error),
        };
        let found = matches!(outcome, FileOutcome::Found(_));
        report(SearchEvent::File(FileReport { path, bytes: stamp.bytes, outcome }));
        found
    });
    for (path, stamp, answer) in learned {
        index.learn(&path, stamp, answer);
    }
    summary
}

/// Where code is in the file, by the headers: the file may end earlier.
pub(super) fn code(sections: &[PeSection]) -> Vec<Range<usize>> {
    let end = |section: &PeSection| usize::try_from(section.claimed_end).unwrap_or(usize::MAX);
    let code = sections.iter().filter(|section| section.is_code());
    code.map(|section| section.raw..end(section)).collect()
}

/// Reads drivers for one question.
struct DriverReader<'a> {
    query: TagQuery,
    code_suffices: bool,
    literal: Option<Literal>,
    limits: SearchLimits,
    index: &'a DriverIndex,
}

/// Buffers of one thread.
#[derive(Default)]
struct Buffers {
    whole: Vec<u8>,
    piece: Vec<u8>,
}

impl Buffers {
    fn take(&mut self, file: &mut File, bytes: u64) -> std::io::Result<()> {
        self.whole.clear();
        file.take(bytes).read_to_end(&mut self.whole).map(|_| ())
    }
}

impl FileReader for DriverReader<'_> {
    /// The result, and what the index should learn; `None` if it knew.
    type Shown = (FileOutcome, Option<FileAnswer>);
    type Error = ScanError;
    type Buffers = Buffers;

    fn has_index(&self) -> bool {
        !self.index.is_empty()
    }

    fn known(&self, path: &Path, stamp: FileStamp) -> Option<Self::Shown> {
        let answer = self.index.answer(path, stamp, self.query, self.code_suffices)?;
        Some((self.outcome(path, answer, true), None))
    }

    fn read(&self, file: FileToRead<'_>, buffers: &mut Buffers) -> Result<Self::Shown, ScanError> {
        let path = file.path;
        let answer = self.search(file, buffers)?;
        Ok((self.outcome(path, answer.clone(), false), Some(answer)))
    }
}

impl<'a> DriverReader<'a> {
    fn new(options: SearchOptions, index: &'a DriverIndex) -> Self {
        let SearchOptions { query, code_suffices, limits, .. } = options;
        Self { query, code_suffices, literal: query.tag().map(Literal::new), limits, index }
    }

    /// Whether the file's name makes the tag that the frameworks would give the driver.
    fn by_name(&self, path: &Path) -> bool {
        let service = path.file_stem().and_then(|name| name.to_str());
        let tag = service.and_then(framework_tag);
        tag.is_some() && tag == self.query.tag().map(PoolTag::unprotected)
    }

    fn outcome(&self, path: &Path, answer: FileAnswer, from_index: bool) -> FileOutcome {
        let Some(info) = answer.info else {
            return if answer.driver { FileOutcome::Nothing } else { FileOutcome::NotDriver };
        };
        let wanted = self.query.tag().map(PoolTag::unprotected);
        let literals = matches!(self.query, TagQuery::Tag(_));
        let fits = |row: &Evidence| {
            wanted.is_none_or(|tag| tag == row.tag)
                && (literals || row.kind <= super::EvidenceKind::Structure)
        };
        let evidence: Vec<Evidence> = answer.evidence.into_iter().filter(fits).collect();
        let framework = self.by_name(path) && wanted.is_some_and(|tag| info.framework_tags.contains(&tag));
        let listed = !info.framework_tags.is_empty() || info.packed.is_some();
        if evidence.is_empty() && !framework && (wanted.is_some() || !listed) {
            return FileOutcome::Nothing;
        }
        FileOutcome::Found(Box::new(FoundDriver { info, evidence, framework, from_index }))
    }

    fn search(&self, from: FileToRead<'_>, buffers: &mut Buffers) -> Result<FileAnswer, ScanError> {
        let FileToRead { path, named, stamp: FileStamp { bytes, .. }, mut file, large, cancel } = from;
        if !named && !has_extension(path, &["sys"]) {
            buffers.take(&mut file, 4096)?;
            if PeHeader::parse(&buffers.whole).map_or(true, |pe| pe.subsystem != 1) {
                return Ok(FileAnswer::not_a_driver());
            }
            file.seek(SeekFrom::Start(0))?;
        }
        let need = if bytes > LARGE { self.need(&mut file, bytes, buffers)? } else { bytes };
        let _one = (need > LARGE).then(|| large.enter());
        let by_name = self.by_name(path);
        if !by_name && !self.holds(&mut file, need, &mut buffers.piece, cancel)? {
            return Ok(FileAnswer::nothing(self.query));
        }
        // A file that grows meanwhile is read no further.
        buffers.take(&mut file, need)?;
        let answer = self.bytes(path, by_name, &buffers.whole);
        if need > LARGE {
            buffers.whole = Vec::new();
        }
        answer
    }

    /// How much of a large file its headers speak of, if that is within the limit.
    fn need(&self, file: &mut File, bytes: u64, buffers: &mut Buffers) -> Result<u64, ScanError> {
        buffers.take(file, 64 << 10)?;
        file.seek(SeekFrom::Start(0))?;
        let pe = PeHeader::parse(&buffers.whole)?;
        let sections = pe.sections.iter().map(|section| section.claimed_end).max().unwrap_or(0);
        let signature =
            pe.directory(directory::SECURITY).map_or(0, |(at, size)| u64::from(at) + u64::from(size));
        let need = sections.max(signature).max(u64::from(pe.headers)).min(bytes);
        let limit = self.limits.bytes;
        if need > limit { Err(ScanError::TooLarge { bytes: need, limit }) } else { Ok(need) }
    }

    /// Whether the tag is in the first `need` bytes, read piece by piece; if it is, the file is put back to its start.
    /// Damage is reported in any case: a bad file must not look like one that was searched.
    fn holds(
        &self,
        file: &mut File,
        need: u64,
        piece: &mut Vec<u8>,
        cancel: &AtomicBool,
    ) -> Result<bool, ScanError> {
        let Some(literal) = &self.literal else { return Ok(true) };
        piece.resize(PIECE + OVERLAP, 0);
        let (mut kept, mut left) = (0, need);
        let (mut found, mut first, mut machine) = (false, true, Machine::Other(0));
        // Where code is in the file, and where in it the piece begins.
        let (mut code, mut begin) = (Vec::new(), 0_usize);
        while left > 0 && !found && !cancel.load(Ordering::Relaxed) {
            let room = PIECE.min(usize::try_from(left).unwrap_or(PIECE));
            let read = file.read(piece.get_mut(kept..kept + room).unwrap_or_default())?;
            if read == 0 {
                break;
            }
            left -= read as u64;
            let filled = kept + read;
            let bytes = piece.get(..filled).unwrap_or_default();
            if first {
                first = false;
                match PeHeader::parse(bytes) {
                    Ok(pe) => (machine, code) = (pe.machine, self::code(&pe.sections)),
                    Err(error) if left == 0 || error == PeError::NotPe => return Err(error.into()),
                    // Headers further on: the whole file decides.
                    Err(_) => found = true,
                }
            }
            let here = |range: &Range<usize>| {
                let start = range.start.saturating_sub(begin);
                let end = range.end.saturating_sub(begin).min(filled);
                (start < end).then_some(start..end)
            };
            let code: Vec<_> = code.iter().filter_map(here).collect();
            found = found || literal.may_be_in(bytes, machine, &code);
            kept = filled.min(OVERLAP);
            begin += filled - kept;
            piece.copy_within(filled - kept..filled, 0);
        }
        if found {
            file.seek(SeekFrom::Start(0))?;
        } else if cancel.load(Ordering::Relaxed) {
            // It must not get into the index as an answer.
            return Err(ScanError::Cancelled);
        }
        // An empty file.
        if first { Err(PeError::NotPe.into()) } else { Ok(found) }
    }

    /// Searches a file's bytes.
    fn bytes(&self, path: &Path, by_name: bool, bytes: &[u8]) -> Result<FileAnswer, ScanError> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Some((literal, tag)) = self.literal.as_ref().zip(self.query.tag()) else {
            let image = DriverImage::parse(&name, bytes)?;
            return Ok(FileAnswer::all(image.info(), image.evidence()));
        };
        let pe = Pe::parse(bytes)?;
        if !(by_name || literal.may_be_in(bytes, pe.machine, &code(&pe.sections))) {
            return Ok(FileAnswer::nothing(self.query));
        }
        let image = DriverImage::over(&name, pe);
        let mut evidence = if image.may_use(literal) { image.evidence_of(tag, literal) } else { Vec::new() };
        if matches!(self.query, TagQuery::Tag(_)) {
            evidence = image.with_literals(tag, &evidence);
        }
        Ok(FileAnswer { info: Some(image.info()), evidence, ..FileAnswer::nothing(self.query) })
    }
}
