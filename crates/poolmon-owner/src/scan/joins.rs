//! Values that a jump takes to a later place of its function, where they join what is known there.
//!
//! A reader goes through the bytes in order. Without this it would lose what was known at a jump: the tags of a `switch`
//! whose cases share one call, the argument that stays where a default is put in otherwise.

use super::value::{Choices, TagValue};

/// More are forgotten: hostile code cannot make a reader slow.
const MOST: usize = 256;

/// A place that values are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    Register(u8),
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

    /// Keeps a value that matters for the place where a jump leads to, which is further on.
    pub fn leave(&mut self, to: u32, joined: Joined, value: TagValue, choices: &Choices) {
        if choices.matters(value) && self.waiting.len() < MOST {
            self.waiting.push((to, joined, value));
            self.next = self.next.min(to);
        }
    }

    /// Hands over the values that wait for this place, and forgets those for one before it, which no instruction began
    /// at.
    pub fn arrive(&mut self, rva: u32, mut take: impl FnMut(Joined, TagValue)) {
        if rva < self.next {
            return;
        }
        self.next = u32::MAX;
        self.waiting.retain(|&(to, joined, value)| {
            if to == rva {
                take(joined, value);
            } else if to > rva {
                self.next = self.next.min(to);
            }
            to > rva
        });
    }
}

/// What a place holds where a jump arrives: of the code before it too, if that goes on here and knows a value. What it
/// does not know it has not set, or a call has destroyed.
pub(super) fn join(
    before: TagValue,
    arrived: TagValue,
    falls_through: bool,
    step: u32,
    choices: &mut Choices,
) -> TagValue {
    if falls_through && before == TagValue::Unknown { before } else { choices.either(before, arrived, step) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_arrive_where_the_jump_leads_and_are_joined() {
        let tag = |text: &[u8; 4]| TagValue::Constant { value: u32::from_le_bytes(*text), at: 0, step: 0 };
        let (mut joins, mut choices) = (Joins::default(), Choices::default());
        joins.clear();
        let place = Joined::Register(8);
        joins.leave(0x20, place, tag(b"AAAA"), &choices);
        joins.leave(0x20, place, TagValue::Unknown, &choices);
        let mut arrive = |rva| {
            let mut arrived = Vec::new();
            joins.arrive(rva, |joined, value| arrived.push((joined, value)));
            arrived
        };
        assert!(arrive(0x1f).is_empty());
        let [(joined, value)] = arrive(0x20)[..] else { panic!("one value") };
        assert_eq!((joined, value), (place, tag(b"AAAA")));
        assert!(arrive(0x20).is_empty());
        let both = join(tag(b"BBBB"), value, true, 1, &mut choices);
        assert_eq!(choices.all(both).count(), 2);
        assert_eq!(join(TagValue::Unknown, value, true, 1, &mut choices), TagValue::Unknown);
        assert_eq!(join(TagValue::Unknown, value, false, 0, &mut choices), value);
    }
}
