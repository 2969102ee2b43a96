//! Which files there are.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Folders inside folders are followed this deep.
const MAX_DEPTH: usize = 64;

/// One file that is to be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedFile {
    /// Where it is.
    pub path: PathBuf,
    /// It was named itself, so it is read whatever its name is.
    pub named: bool,
    /// Its folder says that it is a plain file: it can be opened without a look at what it is.
    pub plain: bool,
}

/// Files to read, listed and not opened.
#[derive(Debug, Default)]
pub struct FileList {
    /// The files.
    pub files: Vec<ListedFile>,
    /// What could not be listed, and why.
    pub failures: Vec<(PathBuf, io::Error)>,
}

impl FileList {
    /// How many files and failures.
    pub const fn len(&self) -> usize {
        self.files.len() + self.failures.len()
    }

    /// Whether there is nothing to read.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Lists files and folders, with what is in them if `wanted` takes it: in the order of `paths`, each folder sorted, no
/// file twice.
pub fn list(paths: &[PathBuf], cancel: &AtomicBool, wanted: impl Fn(&Path) -> bool) -> FileList {
    let mut listed = FileList::default();
    let mut seen = rustc_hash::FxHashSet::default();
    for path in paths {
        let mut files = Vec::new();
        match path.metadata() {
            Ok(meta) if meta.is_dir() => walk(path, cancel, &wanted, &mut files, &mut listed.failures),
            Ok(_) => files.push(ListedFile { path: path.clone(), named: true, plain: false }),
            Err(error) => listed.failures.push((path.clone(), error)),
        }
        files.sort();
        listed.files.extend(files.into_iter().filter(|file| seen.insert(file.path.clone())));
    }
    listed
}

fn walk(
    root: &Path,
    cancel: &AtomicBool,
    wanted: &impl Fn(&Path) -> bool,
    files: &mut Vec<ListedFile>,
    failures: &mut Vec<(PathBuf, io::Error)>,
) {
    let mut open: Vec<(PathBuf, usize)> = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        if cancel.load(Ordering::Relaxed) {
            break;
        }
        let entries = match folder.read_dir() {
            Ok(entries) => entries,
            Err(error) => {
                failures.push((folder, error));
                continue;
            }
        };
        for entry in entries.flatten() {
            // A link to a folder may lead back here, or to a kernel's sources: only real folders are followed.
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() {
                if depth < MAX_DEPTH {
                    open.push((path, depth + 1));
                }
            } else if wanted(&path) {
                files.push(ListedFile { path, named: false, plain: kind.is_file() });
            }
        }
    }
}

/// Whether a file's name has one of these extensions, in any case.
pub fn has_extension(path: &Path, wanted: &[&str]) -> bool {
    path.extension().is_some_and(|own| wanted.iter().any(|wanted| own.eq_ignore_ascii_case(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_sorted_and_no_file_is_listed_twice() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("b")).unwrap();
        for name in ["b/z.sys", "b/a.SYS", "a.sys", "a.txt"] {
            std::fs::write(at(name), name).unwrap();
        }
        let paths = [at("b"), folder.path().to_owned(), at("a.txt"), at("none")];
        let listed = list(&paths, &AtomicBool::new(false), |path| has_extension(path, &["sys"]));
        let found: Vec<&Path> = listed.files.iter().map(|file| file.path.as_path()).collect();
        assert_eq!(found, [at("b/a.SYS"), at("b/z.sys"), at("a.sys"), at("a.txt")]);
        let named: Vec<bool> = listed.files.iter().map(|file| file.named).collect();
        assert_eq!(named, [false, false, false, true]);
        assert_eq!((listed.len(), listed.failures[0].0.clone()), (5, at("none")));
    }

    #[cfg(unix)]
    #[test]
    fn links_to_folders_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
        std::fs::write(folder.path().join("a"), "").unwrap();
        let listed = list(&[folder.path().to_owned()], &AtomicBool::new(false), |_| true);
        let plain: Vec<bool> = listed.files.iter().map(|file| file.plain).collect();
        assert_eq!(plain, [true, false], "the link itself is a file that may fail to be read");
    }
}
