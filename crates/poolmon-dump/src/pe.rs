//! Images of modules as they are in the dumped memory, with holes where pages are absent.

use poolmon_image::pe::{ImageBytes, PeHeader, debug, version};

pub use poolmon_image::pe::debug::PdbId;
use poolmon_model::hidden::safe;

use crate::memory::Memory;

/// The bytes of a module by RVA.
pub(crate) struct ModuleBytes<'a> {
    pub(crate) memory: &'a Memory,
    pub(crate) base: u64,
}

impl ImageBytes for ModuleBytes<'_> {
    fn piece(&self, rva: u32) -> Option<&[u8]> {
        self.memory.page(self.base.wrapping_add(rva.into())).ok()
    }
}

/// The headers of the image at `base`; its first page holds them.
pub(crate) fn header(memory: &Memory, base: u64) -> Option<PeHeader> {
    PeHeader::parse(memory.page(base).ok()?).ok()
}

/// What can be read of an image; `None` if the pages with it are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageDetails {
    /// Header, if its page is in the dump.
    pub image: Option<PeHeader>,
    /// The timestamp is a hash of the content, not a time.
    pub reproducible: Option<bool>,
    /// Its PDB.
    pub pdb: Option<PdbId>,
    /// File version (`10.0.19041.1`).
    pub version: Option<String>,
}

impl ImageDetails {
    pub(crate) fn read(memory: &Memory, base: u64) -> Self {
        let Some(header) = header(memory, base) else { return Self::default() };
        let bytes = ModuleBytes { memory, base };
        let debug = debug::read(&header, &bytes);
        let version = version::fixed(&header, &bytes);
        // Sections and symbol files have names that anyone can choose.
        let pdb = debug.pdb.map(|pdb| PdbId { name: safe(&pdb.name).into_owned(), ..pdb });
        Self { image: Some(header), reproducible: debug.reproducible, pdb, version }
    }
}
