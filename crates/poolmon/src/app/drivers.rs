//! Drivers to search: where they are, and what is known of them already. `who` and `report` share it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use poolmon_model::problem::Problem;
use poolmon_owner::scan::{DriverIndex, places};
use poolmon_owner::who::{DriverPlaces, WhoAnswer};

use super::owners;
use super::say::{self, note, warning};
use crate::cli::who::WhoArgs;

/// Where drivers are: those named, or what this system has, or what the index knows; none if there is nothing.
pub fn places(args: &WhoArgs, index: &DriverIndex) -> anyhow::Result<Option<DriverPlaces>> {
    let loaded = loaded();
    if !args.drivers.drivers.is_empty() {
        for path in &args.drivers.drivers {
            std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        }
        return Ok(Some(DriverPlaces { paths: places::named(&args.drivers.drivers), loaded }));
    }
    let mut paths = loaded.clone().unwrap_or_default();
    paths.retain(|path| path.is_file());
    paths.extend(places::of_system(|name| std::env::var(name).ok()));
    if paths.is_empty() {
        paths = index.paths().map(PathBuf::from).filter(|path| path.is_file()).collect();
        paths.sort();
        if !paths.is_empty() {
            note!("no --drivers: searching the {} files in the index", paths.len());
        }
    }
    Ok((!paths.is_empty()).then_some(DriverPlaces { paths, loaded }))
}

/// Files of the loaded drivers, if the system reports it.
fn loaded() -> Option<Vec<PathBuf>> {
    cfg_select! {
        windows => {
            let root = std::env::var("SystemRoot").unwrap_or_else(|_| r"C:\Windows".to_owned());
            let modules = poolmon_source::windows::live::modules().ok()?;
            Some(modules.iter().map(|module| places::of_module(&module.path, &root)).collect())
        }
        _ => None,
    }
}

/// The index and its file.
pub struct Store {
    /// What is known of drivers.
    pub index: DriverIndex,
    file: Option<PathBuf>,
    named: bool,
}

impl Store {
    /// Opens what the arguments name.
    pub fn open(args: &WhoArgs) -> Self {
        let file = if args.no_index { None } else { args.index.clone().or_else(owners::index_file) };
        let index = file.as_deref().map(DriverIndex::load).unwrap_or_default();
        Self { index, file, named: args.index.is_some() }
    }

    /// A search is not lost because its index cannot be written; the person is warned.
    pub fn save(&self) {
        let Some(file) = self.file.as_deref().filter(|_| self.index.is_changed()) else { return };
        if let Err(error) = self.index.save(file) {
            let remedy =
                if self.named { "name another file" } else { "choose another file with --index FILE" };
            say::warn(&Problem::new(
                format!("cannot write the index {}: {error}", Path::new(file).display()),
                format!(
                    "{remedy}, or use --no-index: without an index, the next search reads the drivers again"
                ),
            ));
        }
    }
}

/// What could not be searched, a line a file; an error where nothing was.
pub fn tell_failures(answer: &WhoAnswer, places: &DriverPlaces) -> anyhow::Result<()> {
    for (path, error) in &answer.failed {
        warning!("{}: {error}", path.display());
    }
    let paths: Vec<String> = places.paths.iter().map(|path| path.display().to_string()).collect();
    ensure!(
        answer.summary.files > 0 || answer.summary.cancelled,
        Problem::new(
            format!("no driver (.sys, .exe, .dll) in {}", paths.join(", ")),
            "name another folder, or the files themselves"
        )
    );
    Ok(())
}
