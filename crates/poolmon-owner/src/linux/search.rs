//! Many files at once: read by several threads, and the answers drawn from all of them.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use poolmon_image::files::{self, FileReader, FileToRead, SearchLimits, SearchSummary};
use poolmon_image::index::FileStamp;
use poolmon_model::problem::Problem;
use poolmon_model::units::counted;
use rustc_hash::FxHashMap;

use super::creation::{Creation, CreationConfidence, CreationKind};
use super::index::ModuleIndex;
use super::module::{ModuleInfo, ScannedModule, name_of};
use super::{ModuleError, aliases, flat, image};

/// Files that need more are read one at a time, packed or not.
const SMALL: u64 = 64 << 20;

/// One file, done: where it is, and why it was not read if it was not.
pub type ModuleDone = (PathBuf, Result<(), ModuleError>);

/// What a search of modules reports while it runs.
pub type ModuleEvent = files::SearchEvent<ModuleDone>;

/// Who creates a cache, with the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheOwner {
    /// The file.
    pub path: PathBuf,
    /// What it reports of itself.
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
    let release = release(root);
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

/// Files that were not read, one problem for each reason: a folder of another processor's modules is one, not thousands. If `all` failed,
/// the last says what helps.
pub fn not_read(failed: &[(PathBuf, ModuleError)], all: bool) -> Vec<Problem> {
    let mut reasons: Vec<(String, &Path, usize)> = Vec::new();
    let mut known = FxHashMap::default();
    for (path, error) in failed {
        let text = error.to_string();
        let at = *known.entry(text.clone()).or_insert(reasons.len());
        match reasons.get_mut(at) {
            Some((_, _, count)) => *count += 1,
            None => reasons.push((text, path, 1)),
        }
    }
    let line = |(reason, first, count): (String, &Path, usize)| {
        let more = match count - 1 {
            0 => String::new(),
            more => format!(" and {}", counted(more as u64, "more file")),
        };
        Problem::from(format!("{}{more}: {reason}", first.display()))
    };
    let mut problems: Vec<Problem> = reasons.into_iter().map(line).collect();
    if let Some(last) = problems.last_mut().filter(|_| all) {
        last.message.push_str("; no cache was searched for");
        last.remedy =
            Some("name modules (.ko) and kernels that were built for x64 or ARM64: --drivers DIR".into());
    }
    problems
}

/// Whether modules and kernels are those of the running release, by their paths (`lib/modules/RELEASE`, `vmlinuz-RELEASE`). `root` is `/`,
/// but in tests.
pub fn are_running(paths: &[PathBuf], root: &Path) -> bool {
    let release = release(root);
    let is = |path: &Path| {
        path.iter().filter_map(|part| part.to_str()).any(|part| {
            part == release || part.strip_suffix(&*release).is_some_and(|before| before.ends_with('-'))
        })
    };
    paths.iter().all(|path| !release.is_empty() && is(path))
}

fn release(root: &Path) -> String {
    let text = std::fs::read_to_string(root.join("proc/sys/kernel/osrelease")).unwrap_or_default();
    text.trim().to_owned()
}

/// All modules of one system, read.
#[derive(Clone, Debug, Default)]
pub struct ModuleCatalog {
    files: Vec<(PathBuf, Arc<ScannedModule>)>,
    by_name: FxHashMap<String, usize>,
}

impl ModuleCatalog {
    /// Reads files and folders (with what is in them) with `threads` threads. `report` runs on the calling thread. What is
    /// learned goes into `index`, which the caller loads before and saves after.
    pub fn read(
        paths: &[PathBuf],
        threads: usize,
        limits: SearchLimits,
        index: &mut ModuleIndex,
        cancel: &AtomicBool,
        mut report: impl FnMut(ModuleEvent),
    ) -> (Self, SearchSummary) {
        let wanted = |path: &Path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_module);
        let list = files::list(paths, cancel, wanted);
        report(ModuleEvent::Listed { files: list.len() });
        let reader = ModuleReader { limits, index };
        let mut all = Vec::new();
        let summary = files::search(&list, &reader, threads, cancel, |done| {
            let result =
                done.result.map(|module| all.push((done.path.clone(), done.stamp, done.from_index, module)));
            let found = result.is_ok();
            report(ModuleEvent::File((done.path, result)));
            found
        });
        all.sort_by(|a, b| a.0.cmp(&b.0));
        let mut modules = Self::default();
        for (path, stamp, from_index, module) in all {
            if !from_index {
                index.learn(&path, stamp, Arc::clone(&module));
            }
            modules.add(path, module);
        }
        (modules, summary)
    }

    /// Whether files or folders hold a module or a kernel: by their names, files also by their first bytes.
    pub fn is_any_in(paths: &[PathBuf]) -> bool {
        let named = |path: &Path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_module);
        let kernel = |path: &Path| {
            let mut start = Vec::new();
            let file = std::fs::File::open(path);
            let read = file.and_then(|file| file.take(image::HEAD as u64).read_to_end(&mut start));
            read.is_ok()
                && (start.starts_with(b"\x7fELF") || image::is_boot_image(&start) || flat::is_image(&start))
        };
        paths.iter().any(|path| {
            if path.is_dir() {
                !files::list(std::slice::from_ref(path), &AtomicBool::new(false), named).is_empty()
            } else {
                named(path) || kernel(path)
            }
        })
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

    /// Who creates a cache of this name, best proof first. Mere texts are reported only where nothing better is.
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

    /// Who creates the caches that share the memory of this one: its own owners first, then those of each other name
    /// that has any.
    pub fn owners_of_merged(
        &self,
        cache: &str,
        merged: &aliases::MergedCaches,
    ) -> Vec<(String, Vec<CacheOwner>)> {
        let names = std::iter::once(cache).chain(merged.others(cache));
        let all = names.map(|name| (name.to_owned(), self.owners(name)));
        all.filter(|(name, owners)| name == cache || !owners.is_empty()).collect()
    }

    /// Every cache that code creates, with its file; texts that may be names are left out.
    pub fn caches(&self) -> impl Iterator<Item = (&Path, &ScannedModule, &Creation)> {
        self.iter().flat_map(|(path, module)| {
            let rows = module.creations.iter().filter(|row| row.kind != CreationKind::Text);
            rows.map(move |row| (path, module, row))
        })
    }
}

struct ModuleReader<'a> {
    limits: SearchLimits,
    index: &'a ModuleIndex,
}

impl FileReader for ModuleReader<'_> {
    type Shown = Arc<ScannedModule>;
    type Error = ModuleError;
    type Buffers = Vec<u8>;

    fn has_index(&self) -> bool {
        !self.index.is_empty()
    }

    fn known(&self, path: &Path, stamp: FileStamp) -> Option<Arc<ScannedModule>> {
        self.index.get(path, stamp)
    }

    fn read(&self, from: FileToRead<'_>, buffer: &mut Vec<u8>) -> Result<Arc<ScannedModule>, ModuleError> {
        let FileToRead { path, stamp: FileStamp { bytes, .. }, file, large, .. } = from;
        let most = self.limits.bytes;
        if bytes > most {
            return Err(ModuleError::TooLarge { limit: most });
        }
        let small = SMALL.min(most);
        let _one = (bytes > small).then(|| large.enter());
        buffer.clear();
        // A file that grows meanwhile is read no further.
        file.take(bytes).read_to_end(buffer)?;
        let name = path.to_str().unwrap_or_default();
        let module = if bytes > small {
            ScannedModule::parse(name, buffer, most)
        } else {
            match ScannedModule::parse(name, buffer, small) {
                Err(ModuleError::TooLarge { .. }) if small < most => {
                    let _one = large.enter();
                    ScannedModule::parse(name, buffer, most)
                }
                done => done,
            }
        };
        if bytes > small {
            *buffer = Vec::new();
        }
        module.map(Arc::new)
    }
}

/// By its name.
fn is_module(name: &str) -> bool {
    let plain = [".gz", ".xz", ".zst"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    plain.strip_suffix(".ko").is_some()
        || ["vmlinuz", "vmlinux", "Image"].iter().any(|kernel| {
            plain.strip_prefix(kernel).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
}

#[cfg(test)]
mod tests {
    use poolmon_model::problem::Remedy as _;

    use super::*;

    #[test]
    fn a_reason_that_many_files_share_is_one_line() {
        let other = ModuleError::Unsupported("it is 32-bit".into());
        let list: Vec<_> = ["a.ko", "b.ko", "c.ko"].map(|name| (PathBuf::from(name), other.clone())).into();
        let failed = [&list[..2], &[("d.ko".into(), ModuleError::NotElf)], &list[2..]].concat();
        let texts =
            |all| not_read(&failed, all).into_iter().map(|problem| problem.in_full()).collect::<Vec<_>>();
        assert_eq!(
            texts(false),
            [
                "a.ko and 2 more files: not supported: it is 32-bit",
                "d.ko: neither a kernel module nor a kernel: it does not start with ELF, plain or compressed",
            ]
        );
        assert!(texts(true)[1].ends_with(
            "; no cache was searched for\n  name modules (.ko) and kernels that were built for x64 or ARM64: --drivers DIR"
        ));
        assert!(not_read(&[], false).is_empty());
    }

    #[test]
    fn files_of_the_running_release() {
        let root = tempfile::tempdir().unwrap();
        let is =
            |paths: &[&str]| are_running(&paths.iter().map(PathBuf::from).collect::<Vec<_>>(), root.path());
        assert!(!is(&["/lib/modules/6.1.0-9-amd64"]), "which one runs is unknown");
        std::fs::create_dir_all(root.path().join("proc/sys/kernel")).unwrap();
        std::fs::write(root.path().join("proc/sys/kernel/osrelease"), "6.1.0-9-amd64\n").unwrap();
        assert!(is(&["/lib/modules/6.1.0-9-amd64/kernel/fs", "/boot/vmlinuz-6.1.0-9-amd64"]) && is(&[]));
        assert!(!is(&["/lib/modules/6.1.0-9-amd64", "/boot/vmlinuz-6.1.0-19-amd64"]));
        assert!(!is(&["/lib/modules/6.1.0-9-amd64-dbg"]) && !is(&["/mnt/boot/vmlinuz"]));
    }

    #[test]
    fn kernels_and_modules_by_their_names() {
        for name in
            ["a.ko", "a.ko.zst", "vmlinuz", "vmlinuz-6.1", "vmlinux-6.1", "Image", "Image.gz", "vmlinux.xz"]
        {
            assert!(is_module(name), "{name}");
        }
        for name in ["vmlinuz.sig.txt", "Imagery", "a.kop", "vmlinuxes"] {
            assert!(!is_module(name), "{name}");
        }
    }
}
