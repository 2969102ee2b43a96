//! What a reader of machine code knows of a register or an argument.

/// What is known of a register or an argument slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum TagValue {
    #[default]
    Unknown,
    /// A constant, the file offset of its bytes, and the instruction that loaded it, counted from the start.
    Constant { value: u32, at: usize, step: u32 },
    /// One of several, by a condition.
    Either { choices: [Option<TagChoice>; CHOICES], step: u32 },
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

/// What may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TagChoice {
    /// As [`TagValue::Constant`].
    Constant {
        value: u32,
        at: u32,
    },
    Argument(u8),
}

impl TagValue {
    fn choices(self) -> [Option<TagChoice>; CHOICES] {
        let one = match self {
            Self::Either { choices, .. } => return choices,
            Self::Constant { value, at, .. } => {
                u32::try_from(at).ok().map(|at| TagChoice::Constant { value, at })
            }
            Self::Argument(n) => Some(TagChoice::Argument(n)),
            _ => None,
        };
        let mut choices = [None; CHOICES];
        choices[0] = one;
        choices
    }

    fn of(choice: TagChoice, step: u32) -> Self {
        match choice {
            TagChoice::Constant { value, at } => Self::Constant { value, at: at as usize, step },
            TagChoice::Argument(n) => Self::Argument(n),
        }
    }

    /// One of two values; what is unknown of one leaves the other.
    pub fn either(self, other: Self, step: u32) -> Self {
        let mut choices = self.choices();
        for choice in other.choices().into_iter().flatten() {
            if !choices.contains(&Some(choice))
                && let Some(free) = choices.iter_mut().find(|choice| choice.is_none())
            {
                *free = Some(choice);
            }
        }
        match choices {
            [None, ..] => Self::Unknown,
            [Some(one), None, ..] => Self::of(one, step),
            choices => Self::Either { choices, step },
        }
    }

    /// One of two numbers that code at a place computes.
    pub fn one_of(numbers: [u32; 2], at: usize, step: u32) -> Self {
        let [one, other] = numbers.map(|value| Self::Constant { value, at, step });
        one.either(other, step)
    }

    /// All values that are possible, at least one.
    pub fn all(self) -> impl Iterator<Item = Self> {
        let alone = if matches!(self, Self::Either { .. }) { None } else { Some(self) };
        let (choices, step) = match self {
            Self::Either { choices, step } => (choices, step),
            _ => ([None; CHOICES], 0),
        };
        alone.into_iter().chain(choices.into_iter().flatten().map(move |choice| Self::of(choice, step)))
    }

    /// The same value, as if it had been loaded by this instruction: its way to a call is counted from the last move.
    pub fn moved(self, step: u32) -> Self {
        match self {
            Self::Constant { value, at, .. } => Self::Constant { value, at, step },
            Self::Either { choices, .. } => Self::Either { choices, step },
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

    /// The result of an instruction at a place that computes with it; unknown where it is no constant.
    pub fn computed(self, at: usize, step: u32, result: impl Fn(u32) -> u32) -> Self {
        let number = |value| match value {
            Self::Constant { value, .. } => Self::Constant { value: result(value), at, step },
            _ => Self::Unknown,
        };
        self.all().map(number).fold(Self::Unknown, |all, one| all.either(one, step))
    }
}

/// Four printable characters, as a tag has, after the bit of protected pool is off. Spaces may only pad the end.
pub(crate) fn like_a_tag(value: u32) -> bool {
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

    fn numbers(value: TagValue) -> Vec<u32> {
        let number = |value| if let TagValue::Constant { value, .. } = value { Some(value) } else { None };
        value.all().filter_map(number).collect()
    }

    #[test]
    fn a_choice_keeps_both_and_what_is_unknown_leaves_the_other() {
        assert_eq!(numbers(constant(1).either(constant(2), 3)), [1, 2]);
        assert_eq!(numbers(constant(1).either(constant(1), 3)), [1]);
        assert_eq!(numbers(TagValue::Unknown.either(constant(2), 3)), [2]);
        let mixed: Vec<_> = constant(1).either(TagValue::Argument(2), 3).all().collect();
        assert!(matches!(mixed[..], [TagValue::Constant { value: 1, .. }, TagValue::Argument(2)]));
        assert_eq!(TagValue::Unknown.either(TagValue::Import(1), 3), TagValue::Unknown);
        let many = (1..=5).fold(TagValue::Unknown, |all, n| all.either(constant(n), n));
        assert_eq!(numbers(many), [1, 2, 3, 4]);
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
        let carry = TagValue::one_of([0, u32::MAX], 7, 1);
        let tag = carry.computed(8, 2, |n| n & 0x10).computed(9, 3, |n| n.wrapping_add(0x6353_7852));
        assert_eq!(numbers(tag), [0x6353_7852, 0x6353_7862]);
        assert_eq!(TagValue::Argument(1).computed(8, 2, |n| n), TagValue::Unknown);
    }
}
