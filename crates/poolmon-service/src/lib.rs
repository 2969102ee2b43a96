#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! * [`mod@unit`]: the text of the unit for systemd, on any system;
//! * `systemd.rs`, `windows.rs`: what each system's service manager is asked for. Only the one of this system is built;
//!   both have the same functions.
#![deny(clippy::print_stderr, clippy::print_stdout)]

use std::io;
use std::path::{Path, PathBuf};

use poolmon_model::problem::{Problem, remedy_of};

#[cfg(target_os = "linux")]
mod systemd;
pub mod unit;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub use systemd::{install, start, status, stop, uninstall};
#[cfg(windows)]
pub use windows::{Recorder, install, run, start, status, stop, uninstall};

/// Name that the system knows it by.
pub const NAME: &str = "poolmon";
/// What it is for, as the service managers show it.
pub const ABOUT: &str = "Records which drivers hold the kernel's memory.";

/// What is to be installed.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The folder of the recording, absolute. It is created.
    pub folder: PathBuf,
    /// What follows `record`: the folder and its options.
    pub arguments: Vec<String>,
    /// Whether it is started as well.
    pub start: bool,
    /// Whether a copy of this program is installed, in the system's own place for programs.
    pub copy: bool,
}

/// Takes each line of the answer as it comes.
pub type Say<'a> = &'a mut dyn FnMut(&str) -> io::Result<()>;

/// Why it was not done.
#[derive(Debug)]
pub enum ServiceError {
    /// What failed, and what helps.
    Failed(Problem),
    /// The answer could not be written.
    Output(io::Error),
}

impl From<Problem> for ServiceError {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl From<io::Error> for ServiceError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// "cannot WHAT PATH: the system's reason", and what helps, if that is known.
fn cannot(what: &str, path: &Path, error: &io::Error, remedy: Option<&str>) -> ServiceError {
    let message = format!("cannot {what} {}: {error}", path.display());
    // Rights do not help against a full disk.
    let general =
        remedy_of(error).filter(|_| remedy.is_none() || error.kind() != io::ErrorKind::PermissionDenied);
    Problem { message, remedy: general.or(remedy).map(str::to_owned) }.into()
}

/// The folder as the service finds it: whole, and without links on the way, as what a unit protects is named by its real place.
///
/// # Errors
///
/// The current folder is not known.
pub fn place(folder: &Path) -> io::Result<PathBuf> {
    let whole = std::path::absolute(folder)?;
    if cfg!(windows) {
        return Ok(whole);
    }
    let real = |part: &Path| Some(part.canonicalize().ok()?.join(whole.strip_prefix(part).ok()?));
    // A path that ends with a separator would not be the same text.
    Ok(whole.ancestors().find_map(real).map_or_else(|| whole.clone(), |real| real.components().collect()))
}

/// Makes the folder of the recording.
#[cfg(target_os = "linux")]
fn create_folder(folder: &Path) -> Result<(), ServiceError> {
    std::fs::create_dir_all(folder).map_err(|error| cannot("create the folder", folder, &error, None))
}

/// This program's own file.
fn program() -> Result<PathBuf, ServiceError> {
    std::env::current_exe()
        .map_err(|error| Problem::from(format!("cannot find this program's own file: {error}")).into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_behind_a_link_is_named_by_its_real_place() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        std::fs::create_dir(home.join("real")).unwrap();
        std::os::unix::fs::symlink("real", home.join("link")).unwrap();
        assert_eq!(place(&home.join("link")).unwrap(), home.join("real"));
        assert_eq!(place(&home.join("link/new/rec")).unwrap(), home.join("real/new/rec"));
        assert_eq!(place(&home.join("new")).unwrap(), home.join("new"));
    }
}
