//! Windows images (PE), read without trust.
//!
//! [`PeHeader`] is what the headers say. [`Pe`] is an image over all its bytes: a file, or memory in one piece.
//! [`ImageBytes`] are the bytes of an image by RVA, with holes where pages are absent: [`debug`], [`exports`] and
//! [`version`] need no more, so they serve files and dumps. [`imports`] are the slots that the loader fills,
//! [`functions`] where functions begin, [`signer`] who signed a file.

pub mod debug;
pub mod exports;
pub mod functions;
mod header;
mod image;
pub mod imports;
pub mod signer;
pub mod version;

pub use header::{PeError, PeHeader, PeSection, directory};
pub use image::Pe;

use crate::bytes;

/// The bytes of an image by RVA. Some may be absent.
pub trait ImageBytes {
    /// The bytes from an RVA on, as many as are in one piece; `None` in a hole.
    fn piece(&self, rva: u32) -> Option<&[u8]>;

    /// Copies bytes that may lie in several pieces; `None` if any of them is absent.
    fn read(&self, rva: u32, length: usize) -> Option<Vec<u8>> {
        // It grows with what is there: a length that lies costs nothing.
        let mut copy = Vec::new();
        while copy.len() < length {
            let at = rva.checked_add(u32::try_from(copy.len()).ok()?)?;
            let piece = self.piece(at).filter(|piece| !piece.is_empty())?;
            let wanted = piece.len().min(length - copy.len());
            copy.extend_from_slice(piece.get(..wanted)?);
        }
        Some(copy)
    }

    /// A text of at most 256 bytes that ends with a zero; `None` if it is empty.
    fn text(&self, rva: u32) -> Option<String> {
        let mut copy = Vec::new();
        while copy.len() < 256 {
            let at = rva.checked_add(u32::try_from(copy.len()).ok()?)?;
            let piece = self.piece(at).filter(|piece| !piece.is_empty())?;
            let piece = piece.get(..piece.len().min(256))?;
            copy.extend_from_slice(piece);
            if piece.contains(&0) {
                return Some(bytes::ascii(&copy)).filter(|text| !text.is_empty());
            }
        }
        None
    }
}
