//! Tags, names and remarks: bytes estimated from the byte before.

use super::int::IntModel;
use super::range::{Coder, Prob};

/// Longest text in a frame, in bytes.
pub const LONGEST: usize = 1 << 16;

/// Estimates for text; fresh in each frame that brings new text.
#[derive(Debug)]
pub struct TextModel {
    /// A tree of 255 nodes for each byte before.
    nodes: Vec<Prob>,
    lengths: IntModel,
    spare: Prob,
}

impl Default for TextModel {
    fn default() -> Self {
        Self {
            nodes: vec![Prob::default(); 256 * 256],
            lengths: IntModel::with_classes(1),
            spare: Prob::default(),
        }
    }
}

impl TextModel {
    fn byte<C: Coder>(&mut self, c: &mut C, before: u8, byte: u8) -> u8 {
        let mut node = 1_usize;
        for n in (0..8).rev() {
            let at = usize::from(before) << 8 | node;
            let prob = self.nodes.get_mut(at).unwrap_or(&mut self.spare);
            node = node << 1 | usize::from(c.bit(prob, byte >> n & 1 == 1));
        }
        (node & 0xff) as u8
    }

    /// Codes four bytes of a tag.
    pub fn tag<C: Coder>(&mut self, c: &mut C, tag: [u8; 4]) -> [u8; 4] {
        let mut before = 0;
        tag.map(|byte| {
            before = self.byte(c, before, byte);
            before
        })
    }

    /// Codes a text. Bytes that are not UTF-8 (only damage can make them) become `U+FFFD`.
    pub fn text<C: Coder>(&mut self, c: &mut C, text: &str) -> String {
        let cut = text.floor_char_boundary(LONGEST);
        let bytes = text.as_bytes().get(..cut).unwrap_or_default();
        let count = self.lengths.unsigned(c, 0, bytes.len() as u64).min(LONGEST as u64);
        let mut coded = Vec::new();
        let mut before = 0;
        let mut rest = bytes.iter();
        for _ in 0..count {
            if c.is_spoiled() {
                break;
            }
            before = self.byte(c, before, rest.next().copied().unwrap_or(0));
            coded.push(before);
        }
        String::from_utf8(coded)
            .unwrap_or_else(|wrong| String::from_utf8_lossy(wrong.as_bytes()).into_owned())
    }

    /// Codes a text that may be missing.
    pub fn maybe<C: Coder>(&mut self, c: &mut C, text: Option<&str>) -> Option<String> {
        (c.raw(1, u64::from(text.is_some())) == 1).then(|| self.text(c, text.unwrap_or_default()))
    }
}
