//! Packs bytes as \[MS-XCA\] 2.3 describes: plain LZ77.

use std::collections::HashMap;

/// The furthest match.
const WINDOW: usize = 8_192;

/// Packs bytes. Long repetitions get the long forms of a length.
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packer = Packer { out: vec![0; 4], flags_at: 0, flags: 0, count: 0, nibble: None };
    let mut seen: HashMap<[u8; 3], usize> = HashMap::new();
    let mut at = 0;
    while at < bytes.len() {
        let three = bytes.get(at..at + 3).map(|three| [three[0], three[1], three[2]]);
        let earlier = three.and_then(|three| seen.insert(three, at)).filter(|earlier| at - earlier <= WINDOW);
        if let Some(earlier) = earlier {
            let same = bytes[at..].iter().zip(&bytes[earlier..]).take_while(|(a, b)| a == b).count();
            packer.flag(true);
            packer.match_of(at - earlier, same);
            at += same;
        } else {
            packer.flag(false);
            packer.out.push(bytes[at]);
            at += 1;
        }
    }
    packer.end()
}

struct Packer {
    out: Vec<u8>,
    flags_at: usize,
    flags: u32,
    count: u32,
    nibble: Option<usize>,
}

impl Packer {
    /// What follows is a match, or a byte.
    fn flag(&mut self, is_match: bool) {
        if self.count == 32 {
            self.write_flags();
            self.flags_at = self.out.len();
            self.out.extend([0; 4]);
            self.count = 0;
            self.flags = 0;
        }
        self.flags = self.flags << 1 | u32::from(is_match);
        self.count += 1;
    }

    fn write_flags(&mut self) {
        self.out[self.flags_at..self.flags_at + 4].copy_from_slice(&self.flags.to_le_bytes());
    }

    fn match_of(&mut self, distance: usize, length: usize) {
        let length = length - 3;
        let word = (distance - 1) << 3 | length.min(7);
        self.out.extend((word as u16).to_le_bytes());
        if length < 7 {
            return;
        }
        let half = (length - 7).min(15) as u8;
        if let Some(at) = self.nibble.take() {
            self.out[at] |= half << 4;
        } else {
            self.nibble = Some(self.out.len());
            self.out.push(half);
        }
        if half < 15 {
            return;
        }
        if length - 22 < 255 {
            self.out.push((length - 22) as u8);
        } else if let Ok(length) = u16::try_from(length) {
            self.out.push(255);
            self.out.extend(length.to_le_bytes());
        } else {
            self.out.extend([255, 0, 0]);
            self.out.extend((length as u32).to_le_bytes());
        }
    }

    /// The flags that were not used are ones.
    fn end(mut self) -> Vec<u8> {
        let unused = 32 - self.count;
        if unused == 32 {
            self.flags = u32::MAX;
        } else if unused > 0 {
            self.flags = self.flags << unused | ((1_u64 << unused) - 1) as u32;
        }
        self.write_flags();
        self.out
    }
}
