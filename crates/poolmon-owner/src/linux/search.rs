//! Many files at once: found, read by several threads, told one by one; and the answers drawn from all of them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::UNIX_EPOCH;

use rustc_hash::FxHashMap;

use super::creation::{Creation, CreationConfidence, CreationKind};
use super::index::{ModuleIndex, Stamp};
use super::module::{ModuleInfo, ScannedModule, name_of};
use super::{ModuleError, aliases};

/// Files that need more are read one at a time, packed or not.
const SMALL: u64 = 64 << 20;
/// Folders inside folders are followed this deep.
const MAX_DEPTH: usize = 64;

/// Bounds of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleLimits {
    /// Most bytes of one file that are taken into memory, unpacked.
    pub bytes: u64,
}

impl Default for ModuleLimits {
    fn default() -> Self {
        Self { bytes: 512 << 20 }
    }
}

/// What a search tells while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleEvent {
    /// The files to search are known; nothing is read yet.
    Listed {
        /// How many.
        files: usize,
    },
    /// One was read. Their order is not fixed.
    Read {
        /// Where it is.
        path: PathBuf,
    },
    /// One could not be searched.
    Failed {
        /// Where it is.
        path: PathBuf,
        /// Why.
        error: ModuleError,
    },
}

/// What came of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModuleSummary {
    /// Files searched, or answered from the index.
    pub files: usize,
    /// Bytes of these files, as they lie on disk.
    pub bytes: u64,
    /// Files that could not be searched.
    pub failed: usize,
    /// Files answered from the index.
    pub from_index: usize,
    /// It was ended early by the cancel flag.
    pub cancelled: bool,
}

/// Who creates a cache, with the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheOwner {
    /// The file.
    pub path: PathBuf,
    /// What it tells of itself.
    pub info: ModuleInfo,
    /// The proof.
    pub creation: Creation,
}

impl CacheOwner {
    /// The owner's name: the module's, or `kernel` for what is built in.
    pub fn name(&self) -> &str {
        if self.info.kernel { "kernel" } else { &self.info.name }
    }

    /// Where in the source tree the module belongs (`fs/ext4`), by its path.
    pub fn subsystem(&self) -> Option<String> {
        subsystem(&self.path)
    }

    /// How far the proof goes.
    pub const fn confidence(&self) -> CreationConfidence {
        self.creation.confidence()
    }

    /// In a sentence: `ext4 calls kmem_cache_create with this name, in init_inodecache (offset 0x1234)`.
    pub fn explain(&self) -> String {
        let who = if self.info.kernel { "the kernel itself" } else { self.info.name.as_str() };
        format!("{who} {}", self.creation.explain())
    }
}

/// The folder of a module below its kernel's folder, without the first `kernel/`.
fn subsystem(path: &Path) -> Option<String> {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    let at =
        parts.windows(2).rposition(|pair| pair.first() == Some(&"lib") && pair.last() == Some(&"modules"))?;
    let mut folders = parts.get(at + 3..parts.len().checked_sub(1)?)?;
    if let Some((&"kernel", rest)) = folders.split_first() {
        folders = rest;
    }
    (!folders.is_empty()).then(|| folders.join("/"))
}

/// Where the running system keeps its modules and its kernel; what is not there is left out. `root` is `/`, but in tests.
pub fn places(root: &Path) -> Vec<PathBuf> {
    let release = std::fs::read_to_string(root.join("proc/sys/kernel/osrelease")).unwrap_or_default();
    let release = release.trim();
    if release.is_empty() || release.contains('/') {
        return Vec::new();
    }
    let modules = [format!("lib/modules/{release}"), format!("usr/lib/modules/{release}")];
    let kernels = [
        format!("boot/vmlinuz-{release}"),
        format!("lib/modules/{release}/vmlinuz"),
        format!("usr/lib/modules/{release}/vmlinuz"),
        format!("boot/vmlinux-{release}"),
    ];
    let first = |names: &[String], is: fn(&Path) -> bool| {
        names.iter().map(|name| root.join(name)).find(|path| is(path))
    };
    first(&modules, Path::is_dir).into_iter().chain(first(&kernels, Path::is_file)).collect()
}

/// All modules of one system, read.
#[derive(Clone, Debug, Default)]
pub struct ModuleCatalog {
    files: Vec<(PathBuf, Arc<ScannedModule>)>,
    by_name: FxHashMap<String, usize>,
}

impl ModuleCatalog {
    /// Reads files and folders (with what is in them) with `threads` threads. `tell` runs on the calling thread. What is
    /// learned goes into `index`, which the caller loads before and saves after.
    pub fn read(
        paths: &[PathBuf],
        threads: usize,
        limits: ModuleLimits,
        index: &mut ModuleIndex,
        cancel: &AtomicBool,
        mut tell: impl FnMut(ModuleEvent),
    ) -> (Self, ModuleSummary) {
        let (list, failures) = list(paths, cancel);
        tell(ModuleEvent::Listed { files: list.len() + failures.len() });
        let mut summary = ModuleSummary::default();
        let failed = |summary: &mut ModuleSummary, tell: &mut dyn FnMut(ModuleEvent), path, error| {
            summary.failed += 1;
            tell(ModuleEvent::Failed { path, error });
        };
        for (path, error) in failures {
            summary.files += 1;
            failed(&mut summary, &mut tell, path, error);
        }
        let next = AtomicUsize::new(0);
        let large = Mutex::new(());
        let known: &ModuleIndex = index;
        let mut all = Vec::new();
        std::thread::scope(|scope| {
            let (send, receive) = mpsc::sync_channel(256);
            for _ in 0..threads.clamp(1, 64) {
                let send = send.clone();
                let (next, large, list) = (&next, &large, &list);
                scope.spawn(move || {
                    while !cancel.load(Ordering::Relaxed) {
                        let Some(path) = list.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                        if send.send((path.clone(), file(path, limits, known, large))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(send);
            for (path, done) in receive {
                summary.files += 1;
                match done {
                    Ok(done) => {
                        summary.bytes += done.stamp.bytes;
                        summary.from_index += usize::from(done.from_index);
                        tell(ModuleEvent::Read { path: path.clone() });
                        all.push((path, done));
                    }
                    Err(error) => failed(&mut summary, &mut tell, path, error),
                }
            }
        });
        summary.cancelled = cancel.load(Ordering::Relaxed);
        all.sort_by(|a, b| a.0.cmp(&b.0));
        let mut modules = Self::default();
        for (path, done) in all {
            if !done.from_index {
                index.learn(path.clone(), done.stamp, Arc::clone(&done.module));
            }
            modules.add(path, done.module);
        }
        (modules, summary)
    }

    /// Adds one that was read elsewhere.
    pub fn add(&mut self, path: PathBuf, module: Arc<ScannedModule>) {
        self.by_name.entry(module.info.name.clone()).or_insert(self.files.len());
        self.files.push((path, module));
    }

    /// How many files were read.
    pub const fn len(&self) -> usize {
        self.files.len()
    }

    /// Was nothing read.
    pub const fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// All files with what they show, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &ScannedModule)> {
        self.files.iter().map(|(path, module)| (path.as_path(), module.as_ref()))
    }

    /// A module by its name, as `/proc/vmallocinfo`, `/proc/allocinfo` and `lsmod` write it.
    pub fn module(&self, name: &str) -> Option<(&Path, &ScannedModule)> {
        let at = self.by_name.get(name).or_else(|| self.by_name.get(&name_of(name)))?;
        self.files.get(*at).map(|(path, module)| (path.as_path(), module.as_ref()))
    }

    /// Who creates a cache of this name, best proof first. Mere texts are told only where nothing better is.
    pub fn owners(&self, cache: &str) -> Vec<CacheOwner> {
        let mut owners = self.exactly(cache);
        // Kernels before 5.9 have one cache for each control group: `dentry(12:session-1.scope)`.
        if owners.is_empty()
            && let Some((parent, _)) = cache.split_once('(')
        {
            owners = self.exactly(parent);
        }
        owners
    }

    fn exactly(&self, cache: &str) -> Vec<CacheOwner> {
        let mut owners: Vec<CacheOwner> = self
            .files
            .iter()
            .flat_map(|(path, module)| module.creations.iter().map(move |row| (path, module, row)))
            .filter(|(_, _, row)| row.creates(cache))
            .map(|(path, module, row)| CacheOwner {
                path: path.clone(),
                info: module.info.clone(),
                creation: row.clone(),
            })
            .collect();
        owners.sort_by(|a, b| {
            (a.creation.kind, &a.path, a.creation.offset).cmp(&(b.creation.kind, &b.path, b.creation.offset))
        });
        if owners.first().is_some_and(|best| best.creation.kind < CreationKind::Text) {
            owners.retain(|owner| owner.creation.kind < CreationKind::Text);
        }
        // One row for each file: its best.
        let mut seen = rustc_hash::FxHashSet::default();
        owners.retain(|owner| seen.insert(owner.path.clone()));
        owners
    }

    /// Who creates the caches that share the memory of this one: its own owners first, then those of each other name.
    pub fn owners_of_merged(
        &self,
        cache: &str,
        merged: &aliases::MergedCaches,
    ) -> Vec<(String, Vec<CacheOwner>)> {
        let names = std::iter::once(cache).chain(merged.others(cache));
        names.map(|name| (name.to_owned(), self.owners(name))).collect()
    }

    /// Every cache that code creates, with its file; texts that may be names are left out.
    pub fn caches(&self) -> impl Iterator<Item = (&Path, &ScannedModule, &Creation)> {
        self.iter().flat_map(|(path, module)| {
            let rows = module.creations.iter().filter(|row| row.kind != CreationKind::Text);
            rows.map(move |row| (path, module, row))
        })
    }
}

struct ReadModule {
    stamp: Stamp,
    module: Arc<ScannedModule>,
    from_index: bool,
}

fn file(
    path: &Path,
    limits: ModuleLimits,
    known: &ModuleIndex,
    large: &Mutex<()>,
) -> Result<ReadModule, ModuleError> {
    let io = |error: std::io::Error| ModuleError::Io(error.to_string());
    let meta = path.metadata().map_err(io)?;
    let changed = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let stamp = Stamp { bytes: meta.len(), changed: changed.map_or(0, |time| time.as_nanos()) };
    if let Some(module) = known.get(path, stamp) {
        return Ok(ReadModule { stamp, module: Arc::clone(module), from_index: true });
    }
    if !meta.is_file() {
        return Err(ModuleError::Io("not a regular file".into()));
    }
    if stamp.bytes > limits.bytes {
        return Err(ModuleError::TooLarge { limit: limits.bytes });
    }
    let name = path.to_str().unwrap_or_default();
    let read = |limit| {
        let mut bytes = Vec::new();
        // A file that grows meanwhile is read no further.
        File::open(path).map_err(io)?.take(stamp.bytes).read_to_end(&mut bytes).map_err(io)?;
        ScannedModule::parse(name, &bytes, limit)
    };
    let small = SMALL.min(limits.bytes);
    let mut result =
        if stamp.bytes > small { Err(ModuleError::TooLarge { limit: small }) } else { read(small) };
    if small < limits.bytes && matches!(result, Err(ModuleError::TooLarge { .. })) {
        let _one = large.lock().unwrap_or_else(PoisonError::into_inner);
        result = read(limits.bytes);
    }
    Ok(ReadModule { stamp, module: Arc::new(result?), from_index: false })
}

type ListFailure = (PathBuf, ModuleError);

/// Files to read, sorted, and what could not be listed.
fn list(paths: &[PathBuf], cancel: &AtomicBool) -> (Vec<PathBuf>, Vec<ListFailure>) {
    let (mut files, mut failures) = (Vec::new(), Vec::new());
    let mut open: Vec<(PathBuf, usize)> = Vec::new();
    let io = |error: &std::io::Error| ModuleError::Io(error.to_string());
    for path in paths {
        match path.metadata() {
            Ok(meta) if meta.is_dir() => open.push((path.clone(), 0)),
            Ok(_) => files.push(path.clone()),
            Err(error) => failures.push((path.clone(), io(&error))),
        }
    }
    while let Some((folder, depth)) = open.pop() {
        if cancel.load(Ordering::Relaxed) {
            break;
        }
        let entries = match folder.read_dir() {
            Ok(entries) => entries,
            Err(error) => {
                failures.push((folder, io(&error)));
                continue;
            }
        };
        for entry in entries.flatten() {
            // A link to a folder may lead back here, or to a kernel's sources: only real folders are followed.
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                if depth < MAX_DEPTH {
                    open.push((entry.path(), depth + 1));
                }
            } else if entry.file_name().to_str().is_some_and(is_module) {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files.dedup();
    (files, failures)
}

/// By its name.
fn is_module(name: &str) -> bool {
    let plain = [".gz", ".xz", ".zst"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    plain.strip_suffix(".ko").is_some() || name.starts_with("vmlinuz") || name == "vmlinux"
}
