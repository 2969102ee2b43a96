//! A symbol file: whether it is the one of an image, and where its variables are.

use std::fs::File;
use std::path::{Path, PathBuf};

use pdb2::FallibleIterator as _;
use poolmon_image::pe::debug::PdbId;
use rustc_hash::FxHashMap;

use super::{Symbols, WANTED};

/// Why a symbol file is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SymbolError {
    /// It cannot be read.
    #[error("cannot read the symbols {path}: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It belongs to another build.
    #[error("the symbols {path} belong to another build: their key is {found}, the image needs {wanted}")]
    Other {
        /// The file.
        path: PathBuf,
        /// Its own key.
        found: String,
        /// The image's.
        wanted: String,
    },
}

/// An opened symbol file.
#[derive(Clone, Debug)]
pub struct PdbFile {
    name: String,
    offsets: FxHashMap<String, u32>,
}

impl PdbFile {
    /// Opens the file where it is the one that an image names, and looks up the kernel's variables.
    pub fn open(path: &Path, wanted: &PdbId) -> Result<Self, SymbolError> {
        Self::with(path, wanted, &WANTED)
    }

    /// The same for other names.
    pub fn with(path: &Path, wanted: &PdbId, names: &[&str]) -> Result<Self, SymbolError> {
        let unreadable = |why: &dyn std::fmt::Display| SymbolError::Unreadable {
            path: path.to_path_buf(),
            why: why.to_string(),
        };
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        let mut pdb = pdb2::PDB::open(file).map_err(|error| unreadable(&error))?;
        let found = key(&mut pdb).map_err(|error| unreadable(&error))?;
        if !found.eq_ignore_ascii_case(&wanted.key) {
            return Err(SymbolError::Other { path: path.to_path_buf(), found, wanted: wanted.key.clone() });
        }
        let offsets = offsets(&mut pdb, names).map_err(|error| unreadable(&error))?;
        Ok(Self { name: wanted.name.clone(), offsets })
    }
}

/// GUID and age as symbol stores write them. The age is the one that the linker wrote next to the symbols: tools that
/// change a file later raise another one.
fn key(pdb: &mut pdb2::PDB<'_, File>) -> pdb2::Result<String> {
    let information = pdb.pdb_information()?;
    let age = pdb.debug_information()?.age().unwrap_or(information.age);
    Ok(format!("{:X}{age:x}", information.guid.simple()))
}

fn offsets(pdb: &mut pdb2::PDB<'_, File>, names: &[&str]) -> pdb2::Result<FxHashMap<String, u32>> {
    let table = pdb.global_symbols()?;
    let addresses = pdb.address_map()?;
    let mut offsets = FxHashMap::default();
    let mut symbols = table.iter();
    while let Some(symbol) = symbols.next()? {
        let Ok(pdb2::SymbolData::Public(public)) = symbol.parse() else { continue };
        let name = public.name.to_string();
        // C names of 32-bit images begin with `_`.
        let plain = name.strip_prefix('_').unwrap_or(&name);
        if let Some(name) = names.iter().find(|wanted| **wanted == name || **wanted == plain)
            && let Some(offset) = public.offset.to_rva(&addresses)
        {
            offsets.insert((*name).to_owned(), offset.0);
        }
    }
    Ok(offsets)
}

impl Symbols for PdbFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn offset(&self, variable: &str) -> Option<u32> {
        self.offsets.get(variable).copied()
    }
}
