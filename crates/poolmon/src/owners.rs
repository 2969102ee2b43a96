//! Where drivers' names come from: the pooltag files that were asked for, and the table that is built in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use pool_model::{Labeler, Pool, Tag};
use pool_owner::{Owners, PooltagFile, pooltag};

use crate::args::RowArgs;

/// Everything known of tags' owners.
pub struct Known {
    owners: Arc<Owners>,
    asked_for: bool,
}

impl Known {
    /// A pooltag file was asked for, so the Mapped_Driver column is wanted.
    pub fn asked_for(&self) -> bool {
        self.asked_for
    }

    /// Who labels rows.
    pub fn labeler(&self) -> &dyn Labeler {
        self.owners.as_ref()
    }

    /// The same, shared with the screen.
    pub fn shared_labeler(&self) -> Arc<dyn Labeler + Send + Sync> {
        Arc::clone(&self.owners) as Arc<dyn Labeler + Send + Sync>
    }

    /// All that is known of a tag, in lines.
    pub fn explain(&self, tag: &Tag, pool: Option<Pool>) -> Vec<String> {
        self.owners.explain(tag, pool)
    }
}

/// Loads what `--pooltag` and `--localtag` name.
pub fn load(rows: &RowArgs) -> anyhow::Result<Known> {
    let pooltag = rows.pooltag.as_ref().map(|file| file.as_deref());
    let localtag = rows.localtag.as_ref().map(|file| file.as_deref());
    load_files(pooltag, localtag)
}

/// Loads the files; `Some(None)` = asked for without a name, so looked for in the usual places.
pub fn load_files(pooltag: Option<Option<&Path>>, localtag: Option<Option<&Path>>) -> anyhow::Result<Known> {
    let mut owners = Owners::builtin();
    if let Some(name) = localtag {
        let path = name.unwrap_or_else(|| Path::new("localtag.txt"));
        owners.add_local(open(path).context(
            "PoolMon on 32-bit Windows made this file by scanning drivers; give the one you have as -c FILE",
        )?);
    }
    if let Some(name) = pooltag {
        match name.map(Path::to_path_buf).or_else(find) {
            Some(path) => owners.add(open(&path)?),
            None => {
                owners.ask();
                eprintln!(
                    "poolmon: no pooltag.txt beside the program, in this folder or in the Windows Kits; \
                     only the built-in table is used\n  it comes with the Debugging Tools for Windows \
                     (folder triage); name it with --pooltag=FILE"
                );
            }
        }
    }
    Ok(Known { owners: Arc::new(owners), asked_for: pooltag.is_some() || localtag.is_some() })
}

fn open(path: &Path) -> anyhow::Result<PooltagFile> {
    let file = PooltagFile::open(path)?;
    if let Some(summary) = file.broken_summary() {
        eprintln!("poolmon: {summary}");
    }
    Ok(file)
}

/// The first pooltag.txt in the usual places.
pub fn find() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok();
    pooltag::candidates(beside.as_deref(), |name| std::env::var_os(name))
        .into_iter()
        .find(|path| path.is_file())
}
