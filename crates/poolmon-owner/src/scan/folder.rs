//! Many files at once: found, read by several threads, told one by one.
//!
//! One tag is searched as bytes first; only a file that holds them is parsed, and only one that holds them where code
//! could take them from is disassembled. [`list`] finds the files, [`search`] reads them, [`folder`] does both. Memory stays bounded: a thread keeps one small file, and large files are taken
//! one at a time, up to [`SearchLimits::bytes`].

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use poolmon_model::PoolTag;

use super::index::{DriverIndex, FileAnswer, Stamp};
use super::literal::{Literal, OVERLAP};
use super::pe::{Pe, SECURITY, ScanError};
use super::{DriverImage, DriverInfo, Evidence, framework_tag};

/// Files above this are read one at a time.
const LARGE: u64 = 16 << 20;
/// Small enough to stay in a processor's cache between reading and searching.
const PIECE: usize = 64 << 10;
/// Files that a thread searches before it tells of them, or so much time.
const BATCH: usize = 64;
const PAUSE: Duration = Duration::from_millis(50);
/// Folders inside folders are followed this deep.
const MAX_DEPTH: usize = 64;

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

/// Bounds of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchLimits {
    /// Most bytes of one file that are taken into memory. A larger file is read as far as its headers say it goes,
    /// or skipped where they say more.
    pub bytes: u64,
}

impl Default for SearchLimits {
    fn default() -> Self {
        Self { bytes: 512 << 20 }
    }
}

/// A driver that answers the question.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// What came of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOutcome {
    /// It shows the tag, or tags.
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
pub struct FileReport {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// What came of it.
    pub outcome: FileOutcome,
}

/// What a search tells while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchEvent {
    /// The files to search are known; nothing is read yet.
    Listed {
        /// How many.
        files: usize,
    },
    /// One is done. Their order is not fixed.
    File(FileReport),
}

/// What came of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchSummary {
    /// Files searched, or answered from the index.
    pub files: usize,
    /// Bytes of these files.
    pub bytes: u64,
    /// Files that answer the question.
    pub found: usize,
    /// Files that could not be searched.
    pub failed: usize,
    /// Files answered from the index.
    pub from_index: usize,
    /// It was ended early by the cancel flag.
    pub cancelled: bool,
}

/// One file that is to be searched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ListedFile {
    path: PathBuf,
    /// The person named it, so it is searched whatever it is.
    named: bool,
    /// Its folder says that it is a plain file: it can be opened without a look at what it is.
    plain: bool,
}

/// The files of a search, listed and not read.
#[derive(Clone, Debug, Default)]
pub struct FileList {
    files: Vec<ListedFile>,
    /// What could not be listed.
    failures: Vec<FileReport>,
}

impl FileList {
    /// How many.
    pub fn len(&self) -> usize {
        self.files.len() + self.failures.len()
    }

    /// Is there nothing to search.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Of how many the index knows all tags of their code, as they are now.
    pub fn known(&self, index: &DriverIndex) -> usize {
        if index.is_empty() {
            return 0;
        }
        let known = |path: &Path| path.metadata().is_ok_and(|meta| index.knows(path, Stamp::of(&meta)));
        self.files.iter().filter(|file| known(&file.path)).count()
    }
}

/// Searches files and folders (with what is in them) with `threads` threads. `tell` runs on the calling thread. What is
/// learned goes into `index`, which the caller loads before and saves after.
pub fn folder(
    paths: &[PathBuf],
    query: TagQuery,
    threads: usize,
    limits: SearchLimits,
    index: &mut DriverIndex,
    cancel: &AtomicBool,
    tell: impl FnMut(SearchEvent),
) -> SearchSummary {
    let options = SearchOptions { query, code_suffices: false, threads, limits };
    search(&list(paths, cancel), options, index, cancel, tell)
}

/// How files are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchOptions {
    /// What is asked.
    pub query: TagQuery,
    /// A file whose code is in the index is not read again for literals.
    pub code_suffices: bool,
    /// So many threads.
    pub threads: usize,
    /// Bounds.
    pub limits: SearchLimits,
}

/// Searches listed files; see [`folder`].
pub fn search(
    files: &FileList,
    options: SearchOptions,
    index: &mut DriverIndex,
    cancel: &AtomicBool,
    mut tell: impl FnMut(SearchEvent),
) -> SearchSummary {
    tell(SearchEvent::Listed { files: files.len() });
    let mut summary = SearchSummary::default();
    for report in &files.failures {
        summary.files += 1;
        summary.failed += 1;
        tell(SearchEvent::File(report.clone()));
    }
    let files = &files.files;
    let next = AtomicUsize::new(0);
    let large = Mutex::new(());
    let known: &DriverIndex = index;
    let mut learned = Vec::new();
    std::thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel(64);
        for _ in 0..options.threads.clamp(1, 64) {
            let send = send.clone();
            let (next, large) = (&next, &large);
            scope.spawn(move || {
                let mut worker = SearchWorker::new(options, known, large, cancel);
                // Told in batches: to wake the other thread for each file costs as much as to search it.
                let (mut batch, mut told) = (Vec::new(), Instant::now());
                while !cancel.load(Ordering::Relaxed) {
                    let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                    batch.push(worker.file(file));
                    if batch.len() >= BATCH || told.elapsed() >= PAUSE {
                        told = Instant::now();
                        if send.send(std::mem::take(&mut batch)).is_err() {
                            return;
                        }
                    }
                }
                let _ = send.send(batch);
            });
        }
        drop(send);
        for done in receive.into_iter().flatten() {
            let FileResult { report, answer } = done;
            summary.files += 1;
            summary.bytes += report.bytes;
            match &report.outcome {
                FileOutcome::Found(_) => summary.found += 1,
                FileOutcome::Failed(_) => summary.failed += 1,
                _ => {}
            }
            match answer {
                Some((stamp, answer)) => learned.push((report.path.clone(), stamp, answer)),
                None if !matches!(report.outcome, FileOutcome::Failed(_)) => summary.from_index += 1,
                None => {}
            }
            tell(SearchEvent::File(report));
        }
    });
    for (path, stamp, answer) in learned {
        index.learn(&path, stamp, answer);
    }
    summary.cancelled = cancel.load(Ordering::Relaxed);
    summary
}

/// Lists what is to be searched: in the order of `paths`, each folder sorted, no file twice.
pub fn list(paths: &[PathBuf], cancel: &AtomicBool) -> FileList {
    let mut listed = FileList::default();
    let mut seen = rustc_hash::FxHashSet::default();
    for path in paths {
        let mut files = Vec::new();
        match path.metadata() {
            Ok(meta) if meta.is_dir() => walk(path, cancel, &mut files, &mut listed.failures),
            Ok(_) => files.push(ListedFile { path: path.clone(), named: true, plain: false }),
            Err(error) => listed.failures.push(unlisted(path, &error)),
        }
        files.sort();
        listed.files.extend(files.into_iter().filter(|file| seen.insert(file.path.clone())));
    }
    listed
}

fn unlisted(path: &Path, error: &std::io::Error) -> FileReport {
    let outcome = FileOutcome::Failed(ScanError::Io(error.to_string()));
    FileReport { path: path.to_owned(), bytes: 0, outcome }
}

fn walk(root: &Path, cancel: &AtomicBool, files: &mut Vec<ListedFile>, failures: &mut Vec<FileReport>) {
    let mut open: Vec<(PathBuf, usize)> = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        if cancel.load(Ordering::Relaxed) {
            break;
        }
        let entries = match folder.read_dir() {
            Ok(entries) => entries,
            Err(error) => {
                failures.push(unlisted(&folder, &error));
                continue;
            }
        };
        for entry in entries.flatten() {
            // A link to a folder may lead back here: only real folders are followed.
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() {
                if depth < MAX_DEPTH {
                    open.push((path, depth + 1));
                }
            } else if has_extension(&path, &["sys", "exe", "dll"]) {
                files.push(ListedFile { path, named: false, plain: kind.is_file() });
            }
        }
    }
}

fn has_extension(path: &Path, wanted: &[&str]) -> bool {
    path.extension().is_some_and(|own| wanted.iter().any(|wanted| own.eq_ignore_ascii_case(wanted)))
}

struct FileResult {
    report: FileReport,
    /// What the index should learn; none where it knew.
    answer: Option<(Stamp, FileAnswer)>,
}

struct SearchWorker<'a> {
    query: TagQuery,
    code_suffices: bool,
    literal: Option<Literal>,
    limits: SearchLimits,
    known: &'a DriverIndex,
    large: &'a Mutex<()>,
    cancel: &'a AtomicBool,
    buffer: Vec<u8>,
    piece: Vec<u8>,
}

impl<'a> SearchWorker<'a> {
    fn new(
        options: SearchOptions,
        known: &'a DriverIndex,
        large: &'a Mutex<()>,
        cancel: &'a AtomicBool,
    ) -> Self {
        let SearchOptions { query, code_suffices, limits, .. } = options;
        let literal = query.tag().map(Literal::new);
        Self {
            query,
            code_suffices,
            literal,
            limits,
            known,
            large,
            cancel,
            buffer: Vec::new(),
            piece: Vec::new(),
        }
    }

    fn file(&mut self, listed: &ListedFile) -> FileResult {
        let path = &listed.path;
        let report = |bytes, outcome| FileReport { path: path.to_owned(), bytes, outcome };
        let io = |error: std::io::Error| ScanError::Io(error.to_string());
        let failed = |error| FileResult { report: report(0, FileOutcome::Failed(error)), answer: None };
        // One look less at the path where the index cannot know the file.
        let mut open = None;
        let meta = if listed.plain && self.known.is_empty() {
            File::open(path).and_then(|file| open.insert(file).metadata())
        } else {
            path.metadata()
        };
        let meta = match meta.map_err(io) {
            Ok(meta) => meta,
            Err(error) => return failed(error),
        };
        let stamp = Stamp::of(&meta);
        if let Some(answer) = self.known.answer(path, stamp, self.query, self.code_suffices) {
            return FileResult {
                report: report(stamp.bytes, self.outcome(path, answer, true)),
                answer: None,
            };
        }
        if !meta.is_file() {
            return failed(ScanError::Io("not a regular file".into()));
        }
        let file = open.map_or_else(|| File::open(path), Ok).map_err(io);
        match file.and_then(|file| self.search(file, path, listed.named, stamp.bytes)) {
            Ok(answer) => {
                let outcome = self.outcome(path, answer.clone(), false);
                FileResult { report: report(stamp.bytes, outcome), answer: Some((stamp, answer)) }
            }
            Err(error) => {
                FileResult { report: report(stamp.bytes, FileOutcome::Failed(error)), answer: None }
            }
        }
    }

    /// Does the file's name make the tag that the frameworks would give the driver.
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
        if evidence.is_empty() && !framework && (wanted.is_some() || info.framework_tags.is_empty()) {
            return FileOutcome::Nothing;
        }
        FileOutcome::Found(Box::new(FoundDriver { info, evidence, framework, from_index }))
    }

    fn search(
        &mut self,
        mut file: File,
        path: &Path,
        named: bool,
        bytes: u64,
    ) -> Result<FileAnswer, ScanError> {
        let io = |error: std::io::Error| ScanError::Io(error.to_string());
        if !named && !has_extension(path, &["sys"]) {
            self.take(&mut file, 4096).map_err(io)?;
            if Pe::parse(&self.buffer).map_or(true, |pe| pe.subsystem != 1) {
                return Ok(FileAnswer::not_a_driver());
            }
            file.seek(SeekFrom::Start(0)).map_err(io)?;
        }
        let need = if bytes > LARGE { self.need(&mut file, bytes).map_err(io)?? } else { bytes };
        let large = self.large;
        let _one = (need > LARGE).then(|| large.lock().unwrap_or_else(PoisonError::into_inner));
        let by_name = self.by_name(path);
        if !by_name && !self.holds(&mut file, need).map_err(io)?? {
            return Ok(FileAnswer::nothing(self.query));
        }
        // A file that grows meanwhile is read no further.
        self.take(&mut file, need).map_err(io)?;
        let answer = self.bytes(path, by_name);
        if need > LARGE {
            self.buffer = Vec::new();
        }
        answer
    }

    fn take(&mut self, file: &mut File, bytes: u64) -> std::io::Result<()> {
        self.buffer.clear();
        file.take(bytes).read_to_end(&mut self.buffer).map(|_| ())
    }

    /// How much of a large file its headers speak of, where that is within the limit.
    fn need(&mut self, file: &mut File, bytes: u64) -> std::io::Result<Result<u64, ScanError>> {
        self.take(file, 64 << 10)?;
        file.seek(SeekFrom::Start(0))?;
        let pe = match Pe::parse(&self.buffer) {
            Ok(pe) => pe,
            Err(error) => return Ok(Err(error)),
        };
        let sections = pe.ends().max().unwrap_or(0);
        let signature = pe.directory(SECURITY).map_or(0, |(at, size)| u64::from(at) + u64::from(size));
        let need = sections.max(signature).max(u64::from(pe.headers)).min(bytes);
        let limit = self.limits.bytes;
        Ok(if need > limit { Err(ScanError::TooLarge { bytes: need, limit }) } else { Ok(need) })
    }

    /// Is the tag in the first `need` bytes, read piece by piece; where it is, the file is put back to its start. Damage is
    /// told in any case: a bad file must not look like one that was searched.
    fn holds(&mut self, file: &mut File, need: u64) -> std::io::Result<Result<bool, ScanError>> {
        let Some(literal) = &self.literal else { return Ok(Ok(true)) };
        self.piece.resize(PIECE + OVERLAP, 0);
        let (mut kept, mut left) = (0, need);
        let (mut found, mut first, mut arm64) = (false, true, false);
        while left > 0 && !found && !self.cancel.load(Ordering::Relaxed) {
            let room = PIECE.min(usize::try_from(left).unwrap_or(PIECE));
            let read = file.read(self.piece.get_mut(kept..kept + room).unwrap_or_default())?;
            if read == 0 {
                break;
            }
            left -= read as u64;
            let filled = kept + read;
            let bytes = self.piece.get(..filled).unwrap_or_default();
            if first {
                first = false;
                match Pe::parse(bytes) {
                    Ok(pe) => arm64 = pe.machine == super::Machine::Arm64,
                    Err(error) if left == 0 || error == ScanError::NotPe => return Ok(Err(error)),
                    // Headers further on: the whole file decides.
                    Err(_) => found = true,
                }
            }
            found = found || literal.is_in(bytes) || (arm64 && literal.is_built_in(bytes));
            kept = filled.min(OVERLAP);
            self.piece.copy_within(filled - kept..filled, 0);
        }
        if found {
            file.seek(SeekFrom::Start(0))?;
        } else if self.cancel.load(Ordering::Relaxed) {
            // Half a file read is no answer, and must not get into the index as one.
            return Ok(Err(ScanError::Io("cancelled".into())));
        }
        // An empty file.
        Ok(if first { Err(ScanError::NotPe) } else { Ok(found) })
    }

    /// Searches what is in the buffer.
    fn bytes(&self, path: &Path, by_name: bool) -> Result<FileAnswer, ScanError> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if self.buffer.get(..2) != Some(b"MZ") {
            return Err(ScanError::NotPe);
        }
        let Some((literal, tag)) = self.literal.as_ref().zip(self.query.tag()) else {
            let image = DriverImage::parse(&name, &self.buffer)?;
            return Ok(FileAnswer::all(image.info(), image.evidence()));
        };
        let arm64 = || Pe::parse(&self.buffer).is_ok_and(|pe| pe.machine == super::Machine::Arm64);
        let built = || literal.is_built_in(&self.buffer) && arm64();
        if !(by_name || literal.is_in(&self.buffer) || built()) {
            // Damage is told in any case: a bad file must not look like one that was searched.
            Pe::parse(&self.buffer)?;
            return Ok(FileAnswer::nothing(self.query));
        }
        let image = DriverImage::parse(&name, &self.buffer)?;
        let mut evidence = if image.may_use(literal) { image.evidence_of(tag, literal) } else { Vec::new() };
        if matches!(self.query, TagQuery::Tag(_)) {
            evidence = image.with_literals(tag, &evidence);
        }
        Ok(FileAnswer { info: Some(image.info()), evidence, ..FileAnswer::nothing(self.query) })
    }
}
