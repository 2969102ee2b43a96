//! Functions that an image exports.

use rustc_hash::FxHashMap;

use super::{ImageBytes, PeHeader, directory};
use crate::bytes::{u16_at, u32_at};

/// The kernel exports about 3,500 functions.
const MAX_FUNCTIONS: u32 = 1 << 16;

/// Names of the exported functions by their RVAs; `None` if the tables are absent. Names in absent pages are left out.
pub fn names(header: &PeHeader, image: &impl ImageBytes) -> Option<FxHashMap<u32, String>> {
    let (table, _) = header.directory(directory::EXPORT)?;
    let table = image.read(table, 40)?;
    let field = |at| u32_at(&table, at);
    let (functions, count) = (field(28)?, field(20)?.min(MAX_FUNCTIONS));
    let (texts, ordinals, named) = (field(32)?, field(36)?, field(24)?.min(MAX_FUNCTIONS));
    let functions = image.read(functions, count as usize * 4)?;
    let (texts, ordinals) =
        (image.read(texts, named as usize * 4)?, image.read(ordinals, named as usize * 2)?);
    let mut found = FxHashMap::default();
    for row in 0..named as usize {
        let (Some(text), Some(ordinal)) = (u32_at(&texts, row * 4), u16_at(&ordinals, row * 2)) else {
            break;
        };
        let function = u32_at(&functions, usize::from(ordinal) * 4).filter(|&function| function != 0);
        if let (Some(function), Some(name)) = (function, image.text(text)) {
            found.insert(function, name);
        }
    }
    Some(found)
}
