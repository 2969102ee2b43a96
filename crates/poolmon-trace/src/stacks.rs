//! Stacks, each kept once.

use rustc_hash::FxHashMap;

/// A stack, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackId(u32);

impl StackId {
    /// All stacks beyond the limit, and those without a frame.
    pub const OTHER: Self = Self(0);

    /// Its number: 0 is [`StackId::OTHER`], the others count from 1.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The stack of this number, as a file names it. [`Stacks::frames`] of a number that was never interned is empty.
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Every stack that was seen, up to a limit.
#[derive(Debug)]
pub struct Stacks {
    limit: usize,
    frames: usize,
    all: Vec<Box<[u64]>>,
    by_frames: FxHashMap<Box<[u64]>, StackId>,
    refused: u64,
}

impl Stacks {
    /// None yet; at most `limit`, of at most `frames` frames each.
    pub fn new(limit: usize, frames: usize) -> Self {
        Self { limit, frames, all: vec![Box::default()], by_frames: FxHashMap::default(), refused: 0 }
    }

    /// The stack of these frames, innermost first. [`StackId::OTHER`] without frames, and for a new one beyond the limit.
    pub fn intern(&mut self, frames: &[u64]) -> StackId {
        let frames = frames.get(..self.frames).unwrap_or(frames);
        if frames.is_empty() {
            return StackId::OTHER;
        }
        if let Some(&id) = self.by_frames.get(frames) {
            return id;
        }
        let Some(number) = u32::try_from(self.all.len()).ok().filter(|_| self.all.len() <= self.limit) else {
            self.refused += 1;
            return StackId::OTHER;
        };
        self.all.push(frames.into());
        self.by_frames.insert(frames.into(), StackId(number));
        StackId(number)
    }

    /// The frames of a stack, innermost first; none for [`StackId::OTHER`].
    pub fn frames(&self, id: StackId) -> &[u64] {
        self.all.get(id.index()).map_or(&[], |frames| frames)
    }

    /// How many there are, [`StackId::OTHER`] included.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether no stack was interned.
    pub fn is_empty(&self) -> bool {
        self.all.len() <= 1
    }

    /// How often a new stack was refused, as the limit was reached.
    pub const fn refused(&self) -> u64 {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stack_once_and_refusals_counted() {
        let mut stacks = Stacks::new(2, 3);
        let a = stacks.intern(&[1, 2]);
        let b = stacks.intern(&[1, 2, 3, 4]);
        assert_eq!((a.number(), b.number()), (1, 2));
        assert_eq!(stacks.intern(&[1, 2]), a);
        assert_eq!(stacks.intern(&[1, 2, 3, 5]), b, "cut at three frames");
        assert_eq!(stacks.frames(b), [1, 2, 3]);
        assert_eq!(stacks.intern(&[]), StackId::OTHER);
        assert_eq!((stacks.intern(&[9]), stacks.refused(), stacks.len()), (StackId::OTHER, 1, 3));
        assert_eq!(stacks.frames(StackId::from_number(77)), [0_u64; 0]);
    }
}
