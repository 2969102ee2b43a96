//! Where drivers' names come from: the pooltag files that were asked for, what earlier searches of drivers found (the
//! index of `poolmon who`, read when the first tag of Windows is shown), and the table that is built in.
#![expect(clippy::option_option, reason = "an option that is absent, bare, or has a file's name")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use poolmon_model::problem::Problem;
use poolmon_model::{Labeler, Row, RowLabel, Tag};
use poolmon_owner::pooltag::places;
use poolmon_owner::scan::LazyDriverNames;
use poolmon_owner::{NEXT, Owners, PooltagFile, next};
use poolmon_source::Fact;

use crate::app::say::{self};
use crate::cli::groups::RowArgs;

/// Everything known of tags' owners.
pub struct KnownOwners {
    /// The owners themselves.
    pub owners: Owners,
    asked_for: bool,
}

impl KnownOwners {
    /// A pooltag file was asked for, so the `Mapped_Driver` column is wanted.
    pub fn asked_for(&self) -> bool {
        self.asked_for
    }

    /// The same, with one file more.
    #[must_use]
    pub fn with(self, file: PooltagFile) -> Self {
        Self { owners: self.owners.with_pooltag(file), ..self }
    }

    /// What a pooltag.txt, else our own table, says of a tag, as debuggers show it: description and binary.
    pub fn description(&self, tag: &Tag) -> Option<(String, Option<String>)> {
        if let Some((_, entry)) = self.owners.entries(tag).next() {
            return Some((entry.description.to_string(), entry.binary.as_deref().map(str::to_owned)));
        }
        let known = self.owners.built_in(tag)?;
        let binary = (known.component != "various").then(|| known.component.to_owned());
        Some((known.about.to_owned(), binary))
    }

    /// A column for drivers is worth its place on a screen: a file was asked for, or searches of this Windows system's
    /// drivers have left an index.
    pub fn has_drivers(&self) -> bool {
        self.asked_for || (cfg!(windows) && self.owners.index().is_some_and(Path::is_file))
    }

    /// All that is known of a tag, in lines.
    pub fn explain(&self, tag: &Tag) -> Vec<String> {
        let lines = self.owners.explain(tag, None);
        let width = lines.iter().map(|line| line.title.chars().count()).max().unwrap_or(0);
        lines.iter().map(|line| format!("{:width$}  {}", line.title, line.text)).collect()
    }

    /// What is known of a row that its figures do not say, and the commands that find out more.
    pub fn facts(&self, row: &Row) -> Vec<Fact> {
        let (tag, fact) = (&row.tag, |title: &str, value| Fact { title: title.to_owned(), value });
        let known = self.owners.explain(tag, None).into_iter();
        let known = known.filter(|line| !matches!(line.title, "Tag" | "Name" | NEXT));
        let next = next::who(tag).into_iter().chain(next::trace(tag, row.pool));
        known.map(|line| fact(line.title, line.text)).chain(next.map(|command| fact(NEXT, command))).collect()
    }
}

impl Labeler for KnownOwners {
    fn label(&self, row: &Row) -> Option<Arc<RowLabel>> {
        self.owners.label(row)
    }
}

/// Loads what `--pooltag` and `--localtag` name.
pub fn load(rows: &RowArgs) -> anyhow::Result<KnownOwners> {
    load_files(rows.pooltag.file(), rows.localtag.file())
}

/// The same; where no pooltag.txt is named, one that is found is still better than none.
pub fn load_or_find(rows: &RowArgs) -> anyhow::Result<KnownOwners> {
    let found = if rows.pooltag.file().is_none() { find() } else { None };
    let pooltag = rows.pooltag.file().or_else(|| found.as_deref().map(Some));
    load_files(pooltag, rows.localtag.file())
}

/// Loads the files; `Some(None)` = asked for without a name, so looked for in the usual places.
pub fn load_files(
    pooltag: Option<Option<&Path>>,
    localtag: Option<Option<&Path>>,
) -> anyhow::Result<KnownOwners> {
    let mut owners = Owners::new();
    if let Some(name) = localtag {
        let found = places::localtag_candidates(beside().as_deref()).into_iter().find(|path| path.is_file());
        match name.map(Path::to_path_buf).or(found) {
            Some(path) => owners = owners.with_localtag(PooltagFile::open(path)?),
            None => {
                bail!(Problem::new(
                    "there is no localtag.txt next to the program or in this folder",
                    "create one from the drivers: poolmon who --all DIR --localtag localtag.txt; or name one: -c \
                        FILE"
                ));
            }
        }
    }
    if let Some(name) = pooltag {
        match name.map(Path::to_path_buf).or_else(find) {
            Some(path) => owners = owners.with_pooltag(PooltagFile::open(path)?),
            None => say::warn(&Problem::new(
                "there is no pooltag.txt next to the program, in this folder or in the Windows Kits; only the \
                    built-in table is used",
                "name one with --pooltag=FILE (the Debugging Tools for Windows have one in the folder triage)",
            )),
        }
    }
    if let Some(index) = index_file() {
        owners = owners.with_scanned(LazyDriverNames::at(index));
    }
    Ok(KnownOwners { owners, asked_for: pooltag.is_some() || localtag.is_some() })
}

/// The first pooltag.txt in the usual places.
pub fn find() -> Option<PathBuf> {
    let mut paths = places::pooltag_candidates(beside().as_deref(), |name| std::env::var(name).ok());
    paths.push(PathBuf::from("pooltag.txt"));
    paths.into_iter().find(|path| path.is_file())
}

/// Where `poolmon who` keeps what it learned of drivers, for this person.
pub fn index_file() -> Option<PathBuf> {
    poolmon_owner::scan::places::index_file(
        |name| std::env::var(name).ok(),
        poolmon_source::rights::is_root(),
    )
}

/// Where `poolmon who` keeps what it learned of Linux modules, for this person.
pub fn modules_index_file() -> Option<PathBuf> {
    Some(index_file()?.with_file_name("modules.index"))
}

/// The program's own folder.
fn beside() -> Option<PathBuf> {
    std::env::current_exe().ok()?.parent().map(Path::to_path_buf)
}
