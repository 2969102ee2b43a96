//! What the files of images say of themselves: who made them, and which version they are.

use std::collections::HashMap;

use poolmon_image::bytes::{u16_at, u32_at};

use crate::session::text;
use crate::{Image, Record, guid};

/// The type of these events within their class.
const KIND: u8 = 64;
/// Versions that are kept; more are counted as refused.
const MOST: usize = 1 << 14;
/// Characters that are kept of each text.
const LONGEST: usize = 256;

/// What the file of an image says of itself. Empty texts are unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileVersion {
    /// What it is: `NT Kernel & System`.
    pub description: String,
    /// Its version, as four numbers: `6.2.9200.16384`.
    pub version: String,
    /// The product that it belongs to.
    pub product: String,
    /// Who made it.
    pub company: String,
}

/// The versions of a trace, by the size and the time stamp of the image.
#[derive(Clone, Debug, Default)]
pub(crate) struct Versions {
    known: HashMap<(u64, u32), FileVersion>,
    refused: u64,
}

impl Versions {
    pub(crate) const fn refused(&self) -> u64 {
        self.refused
    }

    pub(crate) fn of(&self, image: &Image) -> Option<&FileVersion> {
        self.known.get(&(image.size, image.stamp))
    }

    /// Takes an event; `false` if it is not one of versions.
    pub(crate) fn take(&mut self, record: &Record<'_>) -> bool {
        if !record.is_of(guid::IMAGE_ID, KIND) {
            return false;
        }
        let Some((key, version)) = decode(record.body) else { return false };
        if self.known.len() < MOST || self.known.contains_key(&key) {
            self.known.insert(key, version);
        } else {
            self.refused += 1;
        }
        true
    }
}

/// Size and time stamp of the image; then UTF-16 texts, each with its zero: the file's first name, description, version,
/// version as numbers, language, product, company and more.
fn decode(body: &[u8]) -> Option<((u64, u32), FileVersion)> {
    let key = (u32_at(body, 0)?.into(), u32_at(body, 4)?);
    let mut rest = body.get(8..)?;
    let mut next = || {
        let end = (0..rest.len() / 2).find(|at| u16_at(rest, 2 * at) == Some(0)).unwrap_or(rest.len() / 2);
        let (now, after) = rest.split_at_checked(2 * end)?;
        rest = after.get(2..).unwrap_or_default();
        Some(text(now).trim().chars().take(LONGEST).collect::<String>())
    };
    let (_name, description, _named_version, version) = (next()?, next()?, next()?, next()?);
    let (_language, product, company) = (next()?, next()?, next()?);
    Some((key, FileVersion { description, version, product, company }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(texts: &[&str]) -> Vec<u8> {
        let mut body: Vec<u8> =
            [0x12_000_u32, 0x5F00_0001].iter().flat_map(|word| word.to_le_bytes()).collect();
        for text in texts {
            body.extend(text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
        }
        body
    }

    #[test]
    fn texts_are_found_by_their_place() {
        let all =
            body(&["a.sys", "A driver ", "1.2 (lab)", "1.2.3.4", "1033", "Product", "Example Ltd.", "x"]);
        let (key, version) = decode(&all).unwrap();
        assert_eq!(key, (0x12_000, 0x5F00_0001));
        assert_eq!((version.description.as_str(), version.version.as_str()), ("A driver", "1.2.3.4"));
        assert_eq!((version.product.as_str(), version.company.as_str()), ("Product", "Example Ltd."));
    }

    #[test]
    fn what_is_cut_has_empty_texts_and_what_is_hostile_is_short() {
        let cut = body(&["a.sys", "A driver"]);
        assert_eq!(decode(&cut).unwrap().1.company, "");
        assert_eq!(decode(&cut[..7]), None);
        let long = "\u{1b}".repeat(5_000);
        let (_, version) = decode(&body(&["", &long])).unwrap();
        assert_eq!(version.description, "\u{fffd}".repeat(LONGEST));
    }
}
