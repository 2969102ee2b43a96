//! A report that was unpacked into a folder.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::wanted::{Found, LARGEST, MOST, WANTED};
use crate::{FORMATS, Input, ReadError, Result};

/// First line of each part of supportconfig's files. Its `memory.txt` has too usual a name.
const SUPPORTCONFIG: &[u8] = b"#==[ ";

/// Whether a folder, or a folder in it, is a report.
pub(super) fn holds_report(folder: &Path) -> bool {
    roots(folder).iter().any(|root| is_root(root))
}

/// The files of all reports in a folder.
pub(super) fn find(folder: &Path) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for root in roots(folder).into_iter().filter(|root| is_root(root)) {
        for wanted in &WANTED {
            let path = root.join(wanted.path);
            if !path.is_file() || found.len() >= MOST {
                continue;
            }
            let mut bytes = Vec::new();
            let file = File::open(&path).map_err(ReadError::io("open", &path))?;
            file.take(LARGEST).read_to_end(&mut bytes).map_err(ReadError::io("read", &path))?;
            let below = path.strip_prefix(folder).unwrap_or(&path);
            let name = below.display().to_string();
            found.push(Found { wanted, root: root.display().to_string(), name, bytes });
        }
    }
    Ok(found)
}

/// See [`super::leave_what_is_beside`].
pub(super) fn leave_what_is_beside(folder: &Path, files: &mut Vec<PathBuf>, folders: &mut Vec<PathBuf>) {
    if is_root(folder) {
        // A report has files of many kinds at its top: of those that hold samples, what is not the report's own.
        files.retain(|file| {
            let own = WANTED.iter().any(|wanted| folder.join(wanted.path) == *file);
            !own && !starts_as_supportconfig(file) && holds_samples(file)
        });
        folders.clear();
    } else {
        folders.retain(|folder| !is_root(folder));
    }
}

fn holds_samples(file: &Path) -> bool {
    Input::open(file).is_ok_and(|input| FORMATS.iter().any(|format| (format.recognise)(&input)))
}

fn starts_as_supportconfig(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(8 << 10).read_to_end(&mut start));
    read.is_ok() && memchr::memmem::find(&start, SUPPORTCONFIG).is_some()
}

fn is_root(root: &Path) -> bool {
    root.join("proc/slabinfo").is_file()
        || root.join("sos_commands/memory").is_dir()
        || starts_as_supportconfig(&root.join("memory.txt"))
}

/// The folder, then the folders in it, sorted by name.
fn roots(folder: &Path) -> Vec<PathBuf> {
    let mut below: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .take(MOST)
        .collect();
    below.sort();
    below.insert(0, folder.to_owned());
    below
}
