//! What a reader of machine code knows of a register or an argument.

use super::flow::Argument;

/// What is known of a register or an argument slot. It is copied for every instruction, so it is kept small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum TagValue {
    #[default]
    Unknown,
    /// A constant, the file offset of its bytes, and the instruction that loaded it, counted from the start.
    Constant { value: u32, at: u32, step: u32 },
    /// One of several, by a condition: a set of [`Choices`].
    Either { set: u32, step: u32 },
    /// The n-th argument of the function that is being read.
    Argument(u8),
    /// An imported function.
    Import(u32),
    /// An address in the image (ARM64 builds them in two steps).
    Address(u32),
    /// The table of the driver framework's functions.
    FrameworkTable,
    /// A function of that table, by its place.
    Framework(u32),
    /// The function that checks the target of an indirect call.
    Guard,
}

/// Values that are kept of one place; a fifth is forgotten.
const CHOICES: usize = 4;
/// Sets that are kept of one function; no real one comes near.
const MAX_SETS: usize = 1 << 16;

/// What may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TagChoice {
    /// As [`TagValue::Constant`].
    Constant {
        value: u32,
        at: u32,
    },
    Argument(u8),
}

impl TagChoice {
    fn at_step(self, step: u32) -> TagValue {
        match self {
            Self::Constant { value, at } => TagValue::Constant { value, at, step },
            Self::Argument(n) => TagValue::Argument(n),
        }
    }
}

/// The values of one place, of which it holds one.
type ChoiceSet = [Option<TagChoice>; CHOICES];

/// The sets behind [`TagValue::Either`] of the function that is being read.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    sets: Vec<ChoiceSet>,
}

impl Choices {
    /// Forgets all, at the start of a function.
    pub fn clear(&mut self) {
        self.sets.clear();
    }

    fn set(&self, value: TagValue) -> ChoiceSet {
        let one = match value {
            TagValue::Either { set, .. } => {
                return self.sets.get(set as usize).copied().unwrap_or_default();
            }
            TagValue::Constant { value, at, .. } => Some(TagChoice::Constant { value, at }),
            TagValue::Argument(n) => Some(TagChoice::Argument(n)),
            _ => None,
        };
        let mut set = [None; CHOICES];
        set[0] = one;
        set
    }

    /// One of two values; what is unknown of one leaves the other.
    pub fn either(&mut self, one: TagValue, other: TagValue, step: u32) -> TagValue {
        if one.moved(step) == other.moved(step)
            && matches!(one, TagValue::Argument(_) | TagValue::Constant { .. })
        {
            return one.moved(step);
        }
        let mut set = self.set(one);
        for choice in self.set(other).into_iter().flatten() {
            if !set.contains(&Some(choice))
                && let Some(free) = set.iter_mut().find(|choice| choice.is_none())
            {
                *free = Some(choice);
            }
        }
        match set {
            [None, ..] => TagValue::Unknown,
            [Some(one), None, ..] => one.at_step(step),
            set => self.keep(set, step),
        }
    }

    fn keep(&mut self, set: ChoiceSet, step: u32) -> TagValue {
        if self.sets.last() != Some(&set) {
            if self.sets.len() >= MAX_SETS {
                return TagValue::Unknown;
            }
            self.sets.push(set);
        }
        TagValue::Either { set: u32::try_from(self.sets.len() - 1).unwrap_or(u32::MAX), step }
    }

    /// One of two numbers that code at a place computes.
    pub fn one_of(&mut self, numbers: [u32; 2], at: usize, step: u32) -> TagValue {
        let [one, other] = numbers.map(|value| TagValue::constant(value, at, step));
        self.either(one, other, step)
    }

    /// All values that are possible, at least one.
    pub fn all(&self, value: TagValue) -> impl Iterator<Item = TagValue> + use<> {
        let (alone, set, step) = match value {
            TagValue::Either { step, .. } => (None, self.set(value), step),
            _ => (Some(value), [None; CHOICES], 0),
        };
        alone.into_iter().chain(set.into_iter().flatten().map(move |choice| choice.at_step(step)))
    }

    /// Adds a value, or each that is possible, to the arguments of a call if it is worth a note; `tag`: the callee has
    /// its tag there.
    pub fn note(&self, to: &mut Vec<Argument>, position: u8, value: TagValue, tag: bool) {
        match value {
            TagValue::Either { .. } => {
                let noted = self.all(value).filter(|value| value.is_noted(tag));
                to.extend(noted.map(|value| (position, value)));
            }
            value if value.is_noted(tag) => to.push((position, value)),
            _ => {}
        }
    }

    /// Whether a value may become an argument that is noted: a jump takes it along.
    pub fn matters(&self, value: TagValue) -> bool {
        match value {
            TagValue::Constant { value, .. } => like_a_tag(value),
            TagValue::Argument(_) => true,
            TagValue::Either { .. } => self.all(value).any(|value| self.matters(value)),
            _ => false,
        }
    }

    /// The result of an instruction at a place that computes with a value; unknown where it is no constant.
    pub fn computed(
        &mut self,
        value: TagValue,
        at: usize,
        step: u32,
        result: impl Fn(u32) -> u32,
    ) -> TagValue {
        let number = |value| match value {
            TagValue::Constant { value, .. } => TagValue::constant(result(value), at, step),
            _ => TagValue::Unknown,
        };
        match value {
            TagValue::Either { .. } => {
                self.all(value).map(number).fold(TagValue::Unknown, |all, one| self.either(all, one, step))
            }
            value => number(value),
        }
    }
}

impl TagValue {
    /// A constant whose bytes are at a file offset.
    pub fn constant(value: u32, at: usize, step: u32) -> Self {
        u32::try_from(at).map_or(Self::Unknown, |at| Self::Constant { value, at, step })
    }

    /// The same value, as if it had been loaded by this instruction: its way to a call is counted from the last move.
    pub fn moved(self, step: u32) -> Self {
        match self {
            Self::Constant { value, at, .. } => Self::Constant { value, at, step },
            Self::Either { set, .. } => Self::Either { set, step },
            other => other,
        }
    }

    /// Whether it is worth a note as an argument. Any constant is where a pool function has its tag: some do not print.
    /// Elsewhere a number that could be a short tag is: the function may turn out to hand it on.
    pub fn is_noted(self, tag: bool) -> bool {
        match self {
            Self::Constant { value, .. } => {
                like_a_tag(value) || like_a_short_tag(value) || (tag && value & 0x7fff_ffff != 0)
            }
            Self::Argument(_) => true,
            _ => false,
        }
    }
}

/// Four printable characters, as a tag has, after the bit of protected pool is off. Spaces may only pad the end.
pub(crate) fn like_a_tag(value: u32) -> bool {
    // The least that has a character in its highest byte: most numbers are smaller.
    if value & 0x7fff_ffff < 0x2000_0000 {
        return false;
    }
    let [a, b, c, d] = (value & 0x7fff_ffff).to_le_bytes();
    let text = |byte: u8| byte.is_ascii_graphic();
    let tail = match (text(b), text(c), text(d)) {
        (true, true, true) => true,
        (true, true, false) => d == b' ',
        (true, false, false) => c == b' ' && d == b' ',
        (true, false, true) => c == b' ',
        _ => false,
    };
    text(a) && tail
}

/// Two or three printable characters, filled up with zeros. Many numbers look so: it takes a function that is known to want a tag.
fn like_a_short_tag(value: u32) -> bool {
    let [a, b, c, d] = value.to_le_bytes();
    a.is_ascii_graphic() && b.is_ascii_graphic() && d == 0 && (c == 0 || c.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(value: u32) -> TagValue {
        TagValue::Constant { value, at: 7, step: 1 }
    }

    fn numbers(choices: &Choices, value: TagValue) -> Vec<u32> {
        let number = |value| if let TagValue::Constant { value, .. } = value { Some(value) } else { None };
        choices.all(value).filter_map(number).collect()
    }

    #[test]
    fn a_choice_keeps_both_and_what_is_unknown_leaves_the_other() {
        let mut choices = Choices::default();
        let mut both = |one, other| {
            let value = choices.either(one, other, 3);
            (value, numbers(&choices, value))
        };
        assert_eq!(both(constant(1), constant(2)).1, [1, 2]);
        assert_eq!(both(constant(1), constant(1)).1, [1]);
        assert_eq!(both(TagValue::Unknown, constant(2)).1, [2]);
        assert_eq!(both(TagValue::Unknown, TagValue::Import(1)).0, TagValue::Unknown);
        let many = (1..=5).fold(TagValue::Unknown, |all, n| choices.either(all, constant(n), n));
        assert_eq!(numbers(&choices, many), [1, 2, 3, 4]);
        let mixed = choices.either(constant(1), TagValue::Argument(2), 3);
        let mixed: Vec<_> = choices.all(mixed).collect();
        assert!(matches!(mixed[..], [TagValue::Constant { value: 1, .. }, TagValue::Argument(2)]));
    }

    #[test]
    fn sets_of_one_function_are_bounded_and_values_are_small() {
        let mut choices = Choices::default();
        let last = (0..200_000).map(|n| choices.one_of([n, n + 1], 7, 1)).last();
        assert_eq!((last, choices.sets.len()), (Some(TagValue::Unknown), MAX_SETS));
        choices.clear();
        let value = choices.one_of([1, 2], 7, 1);
        assert_eq!(numbers(&choices, value), [1, 2]);
        assert!(size_of::<TagValue>() <= 16);
    }

    #[test]
    fn short_tags_are_noted_wherever_they_are_and_other_numbers_only_as_a_tag() {
        for (value, anywhere) in [
            (u32::from_le_bytes(*b"rx\0\0"), true),
            (u32::from_le_bytes(*b"abc\0"), true),
            (u32::from_le_bytes(*b"abcd"), true),
            (u32::from_le_bytes(*b"a\0\0\0"), false),
            (u32::from_le_bytes(*b"a\0c\0"), false),
            (u32::from_le_bytes(*b"\0ab\0"), false),
            (0x1000, false),
        ] {
            assert_eq!(constant(value).is_noted(false), anywhere, "{value:#x}");
            assert!(constant(value).is_noted(true), "{value:#x}");
        }
        assert!(!constant(0).is_noted(true));
    }

    #[test]
    fn a_carry_that_masks_and_adds_makes_one_of_two() {
        // sbb; and; add
        let mut choices = Choices::default();
        let carry = choices.one_of([0, u32::MAX], 7, 1);
        let masked = choices.computed(carry, 8, 2, |n| n & 0x10);
        let tag = choices.computed(masked, 9, 3, |n| n.wrapping_add(0x6353_7852));
        assert_eq!(numbers(&choices, tag), [0x6353_7852, 0x6353_7862]);
        assert_eq!(choices.computed(TagValue::Argument(1), 8, 2, |n| n), TagValue::Unknown);
    }
}
