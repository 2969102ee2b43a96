//! Our own table: tags and slab caches that everyone meets, in our own words.
//!
//! It names the component that is commonly documented as the user of a tag. It is no substitute for pooltag.txt, which
//! knows thousands; its worth is in the hints. [`windows`] and [`linux`] hold the rows.

pub mod linux;
pub mod windows;

use poolmon_model::Tag;

/// What is commonly known of a tag or a slab cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuiltinEntry {
    /// The tag, padded with spaces, or the name; `?` stands for one character, `*` for any number.
    pub tag: &'static str,
    /// The driver, or the part of the kernel, that uses it.
    pub component: &'static str,
    /// What it is.
    pub about: &'static str,
    /// What helps in a hunt; empty if there is nothing to say.
    pub hint: &'static str,
}

impl BuiltinEntry {
    /// The text for the `Mapped_Driver` column. Braces distinguish it from the brackets of Microsoft's file.
    pub fn text(&self) -> String {
        format!("{{{} - {}}}", self.component, self.about)
    }
}

/// What the table knows of a tag: an exact row before wildcards, wildcards in the table's order.
pub fn find(tag: &Tag) -> Option<&'static BuiltinEntry> {
    let (table, name) = match tag {
        Tag::Pool(tag) => (windows::TAGS, tag.unprotected().0.to_vec()),
        Tag::Name(name) => (linux::CACHES, name.as_bytes().to_vec()),
    };
    let exact = table.iter().find(|row| row.tag.as_bytes() == name);
    exact.or_else(|| table.iter().find(|row| fits(row.tag.as_bytes(), &name)))
}

/// Patterns come from the table alone: at most two `*` each.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => fits(rest, name),
        (Some((b'*', rest)), Some((_, tail))) => fits(rest, name) || fits(pattern, tail),
        (Some((b'?', rest)), Some((_, tail))) => fits(rest, tail),
        (Some((a, rest)), Some((b, tail))) => a == b && fits(rest, tail),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_row_is_well_formed_and_unique() {
        let mut seen = HashSet::new();
        for row in windows::TAGS.iter().chain(linux::CACHES) {
            assert!(seen.insert(row.tag), "{} twice", row.tag);
            assert!(!row.component.is_empty() && !row.about.is_empty(), "{}", row.tag);
            assert!(!row.text().contains('['), "{}", row.tag);
        }
        assert!(windows::TAGS.iter().all(|row| row.tag.len() == 4));
        assert!(windows::TAGS.len() >= 150, "{}", windows::TAGS.len());
        assert!(linux::CACHES.len() >= 40, "{}", linux::CACHES.len());
    }

    #[test]
    fn exact_before_wildcards() {
        assert_eq!(find(&Tag::pool(*b"Ntff")).unwrap().tag, "Ntff");
        assert_eq!(find(&Tag::pool(*b"NtfZ")).unwrap().tag, "Ntf?");
        assert_eq!(find(&Tag::pool(*b"Pro\xe3")).unwrap().tag, "Proc", "the protection bit does not count");
        assert_eq!(find(&Tag::name("kmalloc-64")).unwrap().tag, "kmalloc-*");
        assert_eq!(find(&Tag::name("kmalloc-rcl-64")).unwrap().tag, "kmalloc-rcl-*");
        assert_eq!(find(&Tag::name("ext4_inode_cache")).unwrap().component, "ext4");
        assert_eq!(find(&Tag::name("Proc")), None);
        assert_eq!(find(&Tag::pool(*b"zzzz")), None);
        // What no source proves is marked as such, or has no row at all.
        for tag in [*b"NpCD", *b"NpNL", *b"NPBL"] {
            let about = find(&Tag::pool(tag)).unwrap().about;
            assert!(about.starts_with("probably ") && about.ends_with("no list does"), "{about}");
        }
        for tag in [*b"amda", *b"acrl", *b"SysR", *b"SQSF", *b"ismc"] {
            assert_eq!(find(&Tag::pool(tag)), None);
        }
    }
}
