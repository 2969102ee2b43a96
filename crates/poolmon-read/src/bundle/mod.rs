//! Reports that Linux distributions collect (sosreport, supportconfig), as a folder or as an archive: the few of their
//! files that hold lists of caches, put together as one sample for each machine and moment.
//!
//! Nothing is written to disk: members of an archive are held in memory.

mod folder;
mod tar;
mod unpack;
mod wanted;

use std::io::Cursor;
use std::path::{Path, PathBuf};

use crate::text::linux::{LinuxReader, LinuxSource};
use crate::{Input, ReadError, Remark, RemarkKind, Result, Samples};
use wanted::Found;

/// Whether an input is a folder or an archive of this kind. Of an archive only that it is one can be known cheaply.
pub(crate) fn is_report(input: &Input) -> bool {
    match input.path() {
        Some(path) if input.files().is_some() => folder::holds_report(path),
        _ => unpack::is_archive(input),
    }
}

/// Whether bytes are the start of a tar archive.
pub(crate) fn is_archive(start: &[u8]) -> bool {
    tar::is_header(start)
}

/// Whether a folder, or a folder in it, is a report.
pub(crate) fn is_report_folder(path: &Path) -> bool {
    folder::holds_report(path)
}

/// Of the files and folders next to a report, leaves those that are no part of it.
pub(crate) fn leave_what_is_beside(path: &Path, files: &mut Vec<PathBuf>, folders: &mut Vec<PathBuf>) {
    folder::leave_what_is_beside(path, files, folders);
}

/// Opens what was found in a report.
pub(crate) fn open(input: &Input) -> Result<Box<dyn Samples>> {
    let mut found = match input.path() {
        Some(path) if input.files().is_some() => folder::find(path)?,
        _ => {
            let bytes = unpack::reader(input)?;
            tar::find(bytes).map_err(|error| ReadError::read(input.name(), error))?
        }
    };
    if !found.iter().any(|found| found.wanted.holds_rows) {
        return Err(ReadError::unsuitable(
            input.name(),
            "this archive holds no list of kernel memory: no proc/slabinfo, slabtop output or memory.txt",
            "name a sosreport or supportconfig, or unpack it and name the files",
        ));
    }
    // Machines and moments in their order, the date of each before its lists.
    found.sort_by(|a, b| (&a.root, a.wanted.rank).cmp(&(&b.root, b.wanted.rank)));
    let names: Vec<&str> = found.iter().map(|found| found.name.as_str()).collect();
    let remark = Remark::new(RemarkKind::Other, format!("read of this report: {}", names.join(", ")));
    let mut root: Option<String> = None;
    let sources = found.into_iter().map(|Found { root: own, name, bytes, .. }| {
        let begins = root.as_ref().is_some_and(|last| *last != own);
        root = Some(own);
        LinuxSource { name, begins, bytes: Box::new(Cursor::new(bytes)) }
    });
    let sources = sources.collect();
    Ok(Box::new(LinuxReader::new(input.name(), sources, true).of_report(vec![remark])))
}
