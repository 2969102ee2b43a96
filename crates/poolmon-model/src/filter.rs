//! Which rows are shown: PoolMon's `/i` and `/x` patterns, pools, sessions.

use crate::{Pool, PoolView, Search, Tag};

/// A tag pattern: `*` = any number of characters, `?` = exactly one. Case counts, as in PoolMon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    fold_case: bool,
}

impl Pattern {
    /// PoolMon's meaning: the whole tag has to match. A pattern shorter than a tag matches its padded form too.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), fold_case: false }
    }

    /// The meaning while typing a search: found anywhere in the tag, upper and lower case alike.
    pub fn search(text: &str) -> Self {
        Self { text: format!("*{}*", text.to_lowercase()), fold_case: true }
    }

    /// The pattern as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a tag matches.
    pub fn matches(&self, tag: &Tag) -> bool {
        match tag {
            Tag::Pool(pool_tag) => {
                // The kernel's four bytes compare as they are; an escaped form (`a\x00`) is what a person can type.
                let bytes = pool_tag.unprotected().0;
                let trimmed = bytes.trim_ascii_end();
                self.matches_bytes(&bytes)
                    || self.matches_bytes(trimmed)
                    || (!pool_tag.is_printable() && self.matches_bytes(pool_tag.to_string().as_bytes()))
            }
            Tag::Name(name) => self.matches_bytes(name.as_bytes()),
        }
    }

    /// Whether a text matches (search in owner and description columns).
    pub fn matches_text(&self, text: &str) -> bool {
        self.matches_bytes(text.as_bytes())
    }

    fn matches_bytes(&self, text: &[u8]) -> bool {
        wildcard(self.text.as_bytes(), text, self.fold_case)
    }
}

/// Matches `*` and `?` without recursion: on a mismatch, the last `*` takes one byte more.
fn wildcard(pattern: &[u8], text: &[u8], fold_case: bool) -> bool {
    let same = |a: u8, b: u8| if fold_case { a.eq_ignore_ascii_case(&b) } else { a == b };
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(&byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(&want) if want == b'?' || same(want, byte) => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after_star, from)) = retry else { return false };
                p = after_star;
                t = from + 1;
                retry = Some((after_star, from + 1));
            }
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|&byte| byte == b'*'))
}

/// Whose rows are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The system's pools.
    #[default]
    System,
    /// The sum over all Terminal Services sessions.
    AllSessions,
    /// One session.
    Session(u32),
}

impl Scope {
    /// PoolMon's third line; of Linux's slab caches if they are what the system has.
    pub fn caption(self, slab: bool) -> String {
        match self {
            Self::System if slab => "System slab information".into(),
            Self::System => "System pool information".into(),
            Self::AllSessions => "All sessions pool information".into(),
            Self::Session(id) => format!("Session {id} pool information"),
        }
    }
}

/// Everything that decides whether a row is shown.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Pools shown.
    pub view: PoolView,
    /// Whose rows.
    pub scope: Scope,
    /// Only tags that match one of these; empty = all.
    pub include: Vec<Pattern>,
    /// No tags that match one of these.
    pub exclude: Vec<Pattern>,
    /// What the search line asks for.
    pub search: Search,
    /// Also rows in which every figure is zero (PoolMon hides them).
    pub show_zero: bool,
    /// Also rows that only the earlier sample had: they gave everything back.
    pub show_gone: bool,
}

impl Filter {
    /// Whether rows of a pool that is shown may be left out: sums of what is shown are then no pool's.
    pub fn is_part_of_a_pool(&self) -> bool {
        !self.include.is_empty() || !self.exclude.is_empty() || !self.search.text().trim().is_empty()
    }

    /// Whether a tag of a pool passes the view and the `/i` and `/x` patterns.
    pub fn admits_tag(&self, tag: &Tag, pool: Pool) -> bool {
        self.view.admits(pool)
            && (self.include.is_empty() || self.include.iter().any(|pattern| pattern.matches(tag)))
            && !self.exclude.iter().any(|pattern| pattern.matches(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hit(pattern: &str, tag: [u8; 4]) -> bool {
        Pattern::new(pattern).matches(&Tag::pool(tag))
    }

    #[test]
    fn poolmons_examples() {
        assert!(hit("Aud*", *b"AudF"));
        assert!(hit("Icc?", *b"Iccx"));
        assert!(hit("Cc??", *b"CcBc"));
        assert!(!hit("aud*", *b"AudF"), "case counts");
        assert!(hit("Irp", *b"Irp "), "short tags are padded");
        assert!(hit("Irp?", *b"Irp "));
        assert!(!hit("Irp", *b"IrpX"));
        assert!(hit("*", *b"None"));
    }

    #[test]
    fn search_finds_anywhere_in_either_case() {
        let pattern = Pattern::search("NTF");
        assert!(pattern.matches(&Tag::pool(*b"xNtf")));
        assert!(Pattern::search("sock*cache").matches(&Tag::name("sock_inode_cache")));
    }

    #[test]
    fn tags_that_do_not_print_match_their_escaped_form() {
        assert!(hit("a\\x00\\x01b", *b"a\0\x01b"));
        assert!(Pattern::new("Proc").matches(&Tag::pool(*b"Pro\xe3")), "the protection bit does not count");
    }

    /// The obvious recursive definition, as an independent check.
    fn slow(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => {
                slow(rest, text) || text.split_first().is_some_and(|(_, tail)| slow(pattern, tail))
            }
            (Some((b'?', rest)), Some((_, tail))) => slow(rest, tail),
            (Some((a, rest)), Some((b, tail))) => a == b && slow(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn wildcards_agree_with_their_definition(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            prop_assert_eq!(
                wildcard(pattern.as_bytes(), text.as_bytes(), false),
                slow(pattern.as_bytes(), text.as_bytes())
            );
        }
    }
}
