//! The owner of a row as data: the driver or module, what it is, and which source of knowledge named it.

use crate::TableRow;

/// Where the knowledge of an owner comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerOrigin {
    /// The row itself: the kernel, a saved log or a table named its owner.
    Source,
    /// A localtag.txt.
    Localtag,
    /// A pooltag.txt.
    Pooltag,
    /// A search of driver images.
    Drivers,
    /// The table that is built into poolmon.
    BuiltIn,
}

impl OwnerOrigin {
    /// Every origin.
    pub const ALL: [Self; 5] = [Self::Source, Self::Localtag, Self::Pooltag, Self::Drivers, Self::BuiltIn];

    /// Name in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Localtag => "localtag",
            Self::Pooltag => "pooltag",
            Self::Drivers => "drivers",
            Self::BuiltIn => "built-in",
        }
    }
}

/// The owner of a row without the brackets of PoolMon's `Mapped_Driver` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerParts<'a> {
    /// The driver or module.
    pub name: Option<&'a str>,
    /// What it allocates.
    pub description: Option<&'a str>,
    /// Which source named it; if there is no name, which source described it.
    pub origin: OwnerOrigin,
}

impl OwnerParts<'_> {
    /// One plain text, `name - description`: what [`OwnerParts::reported`] takes apart again.
    pub fn plain(&self) -> String {
        [self.name, self.description].into_iter().flatten().collect::<Vec<_>>().join(" - ")
    }
}

impl<'a> OwnerParts<'a> {
    /// The parts of a text that a row brought along: `[ntfs.sys  -  AttrSup.c][…]`, `{nt!ps - Threads}`,
    /// `<a.sys: call, …>`, `ntfs.sys - AttrSup.c` or a module alone. `None` if it names nothing.
    pub fn reported(text: &'a str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text == "Unknown Driver" {
            return None;
        }
        let inner = match text.chars().next() {
            Some('[') => enclosed(text, ']'),
            Some('{') => enclosed(text, '}'),
            // What a search of drivers found: the driver with the best evidence comes first.
            Some('<') if text.contains(": ") => text.get(1..)?.split(": ").next()?,
            _ => text,
        };
        let (name, description) = match inner.split_once(" - ") {
            Some((name, description)) => (name, Some(description.trim())),
            None => (inner, None),
        };
        let (name, description) = (known_binary(name), description.filter(|text| !text.is_empty()));
        let origin = OwnerOrigin::Source;
        (name.is_some() || description.is_some()).then_some(Self { name, description, origin })
    }
}

/// The name in a text that a row brought along, else its description.
pub fn reported_name(text: &str) -> Option<String> {
    let parts = OwnerParts::reported(text)?;
    parts.name.or(parts.description).map(str::to_owned)
}

/// What is between the first character and the closing one.
fn enclosed(text: &str, end: char) -> &str {
    text.get(1..).and_then(|rest| rest.split(end).next()).unwrap_or(text)
}

/// The binary without angle brackets; `None` for `<unknown>` and for nothing.
pub fn known_binary(field: &str) -> Option<&str> {
    let field = field.trim();
    // Folklore: `<nvlddmkm.sys>` is in brackets although it is known.
    let bare = field.strip_prefix('<').and_then(|f| f.strip_suffix('>')).unwrap_or(field).trim();
    (!bare.is_empty() && !bare.eq_ignore_ascii_case("unknown")).then_some(bare)
}

impl TableRow {
    /// The owner in parts; `None` if it is unknown.
    pub fn owner_parts(&self) -> Option<OwnerParts<'_>> {
        let Some(label) = &self.label else {
            return OwnerParts::reported(self.row.reported_owner.as_deref()?);
        };
        label.parts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Option<(Option<&str>, Option<&str>)> {
        OwnerParts::reported(text).map(|parts| (parts.name, parts.description))
    }

    #[test]
    fn reported_texts_lose_their_brackets() {
        assert_eq!(parts("[ntfs.sys  -  AttrSup.c][x]"), Some((Some("ntfs.sys"), Some("AttrSup.c"))));
        assert_eq!(parts("{nt!ps - Threads}"), Some((Some("nt!ps"), Some("Threads"))));
        assert_eq!(parts("<a.sys: call, b.sys: argument>"), Some((Some("a.sys"), None)));
        assert_eq!(parts("<nvlddmkm.sys>"), Some((Some("nvlddmkm.sys"), None)));
        assert_eq!(parts("[<unknown> - Sockets]"), Some((None, Some("Sockets"))));
        assert_eq!(parts("nf_conntrack"), Some((Some("nf_conntrack"), None)));
        assert_eq!((parts("Unknown Driver"), parts(" "), parts("[]"), parts("{")), (None, None, None, None));
    }

    #[test]
    fn plain_text_is_read_back() {
        for text in ["ntfs.sys - AttrSup.c", "ntfs.sys"] {
            assert_eq!(OwnerParts::reported(text).map(|parts| parts.plain()).as_deref(), Some(text));
        }
    }
}
