//! Values that a jump takes to a later place of its function, where they join what is known there.
//!
//! A reader goes through the bytes in order. Without this it would lose what was known at a jump: the tags of a `switch`
//! whose cases share one call, the argument that stays where a default is put in otherwise.

use super::value::{TagValue, like_a_tag};

/// More are forgotten: hostile code cannot make a reader slow.
const MOST: usize = 256;

/// A place that values are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    Register(usize),
    /// The last that was pushed.
    Pushed,
}

#[derive(Default)]
pub(super) struct Joins {
    waiting: Vec<(u32, Joined, TagValue)>,
    /// The nearest place that values wait for.
    next: u32,
}

impl Joins {
    /// Forgets all, at the start of a function.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.next = u32::MAX;
    }

    /// Keeps the values that matter for the place where a jump at `from` leads to; jumps back are not followed.
    pub fn leave(&mut self, from: u32, to: u32, values: impl Iterator<Item = (Joined, TagValue)>) {
        if to <= from {
            return;
        }
        for (joined, value) in values {
            let matters = |value| match value {
                TagValue::Constant { value, .. } => like_a_tag(value),
                TagValue::Argument(_) => true,
                _ => false,
            };
            if self.waiting.len() < MOST && value.all().any(matters) {
                self.waiting.push((to, joined, value));
                self.next = self.next.min(to);
            }
        }
    }

    /// The values that wait for this place or for one before it, which no instruction began at.
    pub fn arrive(&mut self, rva: u32) -> Vec<(Joined, TagValue)> {
        if rva < self.next {
            return Vec::new();
        }
        let here = self.waiting.iter().filter(|row| row.0 == rva).map(|&(_, joined, value)| (joined, value));
        let here = here.collect();
        self.waiting.retain(|row| row.0 > rva);
        self.next = self.waiting.iter().map(|row| row.0).min().unwrap_or(u32::MAX);
        here
    }
}

/// What a place holds where a jump arrives: of the code before it too, if that goes on here and knows a value. What it
/// does not know it has not set, or a call has destroyed.
pub(super) fn join(before: TagValue, arrived: TagValue, falls_through: bool, step: u32) -> TagValue {
    if falls_through && before == TagValue::Unknown { before } else { before.either(arrived, step) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_arrive_where_the_jump_leads_and_are_joined() {
        let tag = |text: &[u8; 4]| TagValue::Constant { value: u32::from_le_bytes(*text), at: 0, step: 0 };
        let mut joins = Joins::default();
        joins.clear();
        let place = Joined::Register(8);
        joins.leave(0x10, 0x20, [(place, tag(b"AAAA")), (place, TagValue::Unknown)].into_iter());
        joins.leave(0x30, 0x20, [(place, tag(b"Back"))].into_iter());
        assert!(joins.arrive(0x1f).is_empty());
        let [(joined, value)] = joins.arrive(0x20)[..] else { panic!("one value") };
        assert_eq!((joined, value), (place, tag(b"AAAA")));
        assert!(joins.arrive(0x20).is_empty());
        assert_eq!(join(tag(b"BBBB"), value, true, 1).all().count(), 2);
        assert_eq!(join(TagValue::Unknown, value, true, 1), TagValue::Unknown);
        assert_eq!(join(TagValue::Unknown, value, false, 0), value);
    }
}
