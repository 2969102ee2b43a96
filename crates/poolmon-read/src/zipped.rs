//! Zip archives of saved text: what people attach to a ticket. They are read as the folder that was packed would be.

use std::fs::File;
use std::path::Path;

use poolmon_image::zip::{self, Member};
use poolmon_model::problem::shell_word;

use crate::numbered::by_number;
use crate::{Input, ReadError, Result};

/// How an archive begins.
pub(crate) const MAGIC: &[u8] = b"PK\x03\x04";
/// More files of an archive are not looked at.
const MOST: usize = 10_000;

/// The files in an archive.
pub(crate) struct Members {
    /// In the order of their names.
    pub(crate) files: Vec<Member>,
    /// The archive has no list of them: there is the first alone.
    pub(crate) is_cut: bool,
}

/// What is said of an archive without a list of its files.
pub(crate) const CUT: &str =
    "left out: all but the first file of the zip archive: it was cut, or is not written to its end";

/// The files in a zip archive; `None` if it is none, or holds no files.
///
/// # Errors
/// It is damaged.
pub(crate) fn members(input: &Input) -> Result<Option<Members>> {
    if !input.start().starts_with(MAGIC) {
        return Ok(None);
    }
    let Ok(path) = input.file() else { return Ok(None) };
    let mut file = File::open(path).map_err(ReadError::io("open", path))?;
    let members = zip::directory(&mut file).and_then(|files| match files {
        Some(files) => Ok(Members { files, is_cut: false }),
        None => Ok(Members { files: vec![zip::first(&mut file)?], is_cut: true }),
    });
    let mut members = members.map_err(|error| ReadError::read(input.name(), error))?;
    members.files.retain(|member| !member.is_folder() && !is_hidden(&member.name));
    members.files.truncate(MOST);
    members.files.sort_by_cached_key(|member| (by_number(&member.name), member.name.clone()));
    Ok((!members.files.is_empty()).then_some(members))
}

/// What helps with an archive that has nothing to read.
pub(crate) fn remedy(path: &Path) -> String {
    format!("unpack it, and name what comes out: unzip {}", shell_word(&path.to_string_lossy()))
}

/// Whether a file or a folder above it is hidden, as in a folder; or what macOS puts beside each file.
fn is_hidden(name: &str) -> bool {
    name.split(['/', '\\']).any(|part| part.starts_with('.') || part == "__MACOSX")
}
