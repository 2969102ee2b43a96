//! What was found, ranked, and in words.

use std::cmp::Reverse;
use std::fmt;

use poolmon_model::PoolTag;

use super::api::{self, CallRole};

/// How a driver shows a tag, best first: the order is the order of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvidenceKind {
    /// (a) The tag argument of a pool function that the driver imports.
    Call,
    /// (b) An argument of a call: the driver has its own function that allocates.
    Argument,
    /// (c) A member of a structure that the kernel reads a tag from.
    Structure,
    /// (d) Four bytes in code that no call was seen to use.
    Code,
    /// (e) Four bytes in data.
    Data,
    /// (f) A part of a longer text or of an import's name: as a rule noise.
    Text,
}

impl EvidenceKind {
    /// All kinds, best first.
    pub const ALL: [Self; 6] =
        [Self::Call, Self::Argument, Self::Structure, Self::Code, Self::Data, Self::Text];

    /// Its letter in lists, from `a`.
    pub const fn letter(self) -> char {
        match self {
            Self::Call => 'a',
            Self::Argument => 'b',
            Self::Structure => 'c',
            Self::Code => 'd',
            Self::Data => 'e',
            Self::Text => 'f',
        }
    }

    /// One word for a table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Argument => "argument",
            Self::Structure => "structure",
            Self::Code => "code",
            Self::Data => "data",
            Self::Text => "text",
        }
    }
}

impl fmt::Display for EvidenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// How far to trust one piece of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvidenceConfidence {
    /// Chance alone explains it.
    Noise,
    /// Worth a look where nothing better is found.
    Low,
    /// Probable.
    Medium,
    /// As good as certain.
    High,
}

impl fmt::Display for EvidenceConfidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Noise => "noise",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}

/// One place where a driver shows a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The tag, without the bit of protected pool.
    pub tag: PoolTag,
    /// What kind of place.
    pub kind: EvidenceKind,
    /// File offset of the tag's bytes (on ARM64 of the instruction, where two halves make the tag).
    pub offset: u64,
    /// The same as an RVA; none if the bytes are not loaded.
    pub rva: Option<u32>,
    /// RVA of the call, where one was found.
    pub site: Option<u32>,
    /// Section, or empty for the headers and what is behind the sections.
    pub section: String,
    /// The function that takes the tag, or the structure that holds it.
    pub api: Option<String>,
    /// Does the call allocate, make a list, or free.
    pub role: Option<CallRole>,
    /// RVA of the driver's own function between the tag and [`Evidence::api`].
    pub wrapper: Option<u32>,
    /// The static library that brought the tag, where it is known for it.
    pub library: Option<&'static str>,
}

impl Evidence {
    /// How far to trust it.
    pub fn confidence(&self) -> EvidenceConfidence {
        match (self.kind, self.wrapper, &self.api) {
            (EvidenceKind::Call | EvidenceKind::Structure, ..) | (EvidenceKind::Argument, Some(_), _) => {
                EvidenceConfidence::High
            }
            (EvidenceKind::Argument, None, None) => EvidenceConfidence::Medium,
            (EvidenceKind::Argument | EvidenceKind::Code | EvidenceKind::Data, ..) => EvidenceConfidence::Low,
            (EvidenceKind::Text, ..) => EvidenceConfidence::Noise,
        }
    }

    /// One plain sentence or two.
    pub fn explain(&self) -> String {
        let api = self.api.as_deref().unwrap_or("a pool function");
        let mut text = match (self.kind, self.wrapper) {
            (EvidenceKind::Call, _) => match self.role {
                Some(CallRole::Free) => format!("frees memory under this tag with {api}"),
                Some(CallRole::List) => format!("creates a lookaside list under this tag with {api}"),
                _ if api::without_a_tag(api).is_some() => {
                    format!("allocates without a tag with {api}, which is charged to None")
                }
                _ => format!("allocates under this tag with {api}"),
            },
            (EvidenceKind::Argument, Some(rva)) => {
                format!("passes this tag to its own function at RVA {rva:#x}, which passes it to {api}")
            }
            (EvidenceKind::Argument, None) => match &self.api {
                Some(api) => {
                    format!("passes these four characters to {api}, which is not known to take a tag")
                }
                None => "passes this tag to its own function, as a driver with its own allocator does".into(),
            },
            (EvidenceKind::Structure, _) => format!("passes this tag to the kernel in {api}"),
            (EvidenceKind::Code, _) => {
                "has these four bytes in its code, but no call that uses them was found".into()
            }
            (EvidenceKind::Data, _) => "has these four bytes in its data: a table of tags, or chance".into(),
            (EvidenceKind::Text, _) => "has these four bytes inside a longer text: usually noise".into(),
        };
        if let Some(library) = self.library {
            text.push_str("; the code is from the static library ");
            text.push_str(library);
        }
        text
    }

    /// The order of an answer: the surest first, then kind, own code before a library's, allocations before frees, then by
    /// place.
    pub(crate) fn order(
        &self,
    ) -> (Reverse<EvidenceConfidence>, EvidenceKind, bool, Option<CallRole>, bool, u64) {
        (
            Reverse(self.confidence()),
            self.kind,
            self.library.is_some(),
            self.role,
            self.api.is_some() && self.wrapper.is_none(),
            self.offset,
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn evidence() -> impl Strategy<Value = Evidence> {
        let kind = prop::sample::select(EvidenceKind::ALL.to_vec());
        let role = prop::sample::select(vec![CallRole::Allocate, CallRole::List, CallRole::Free]);
        let api = prop::option::of(prop::sample::select(vec!["ExAllocatePool2", "IoSetX"]));
        let library = prop::option::of(Just("x.lib"));
        let places = (0..64_u64, prop::option::of(0..64_u32));
        (kind, prop::option::of(role), api, library, places).prop_map(|(kind, role, api, library, places)| {
            let (offset, wrapper) = places;
            Evidence {
                tag: PoolTag(*b"Test"),
                kind,
                offset,
                rva: None,
                site: None,
                section: String::new(),
                api: api.map(str::to_owned),
                role,
                wrapper,
                library,
            }
        })
    }

    proptest! {
        /// Whatever was found and in whatever order: nothing is more certain than what comes before it, of the same
        /// confidence the better kind comes first, then own code, then allocations.
        #[test]
        fn nothing_is_surer_than_what_comes_before_it(mut rows in prop::collection::vec(evidence(), 1..24)) {
            let most = rows.iter().map(Evidence::confidence).max();
            rows.sort_by_key(Evidence::order);
            prop_assert_eq!(rows.first().map(Evidence::confidence), most);
            for pair in rows.windows(2) {
                let [one, next] = pair else { continue };
                prop_assert!(one.confidence() >= next.confidence());
                if one.confidence() == next.confidence() {
                    prop_assert!(one.kind <= next.kind);
                    if one.kind == next.kind {
                        prop_assert!(one.library.is_none() || next.library.is_some());
                        if one.library == next.library {
                            prop_assert!(one.role <= next.role);
                        }
                    }
                }
            }
        }
    }
}
