//! One piece of evidence that a file creates a cache, in data and in words.

use std::fmt::Write as _;

/// How a file shows that it creates a cache, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CreationKind {
    /// The name is the argument of a call that creates caches.
    Call,
    /// The name goes through a function of the file's own into such a call.
    Wrapper,
    /// The name of a protocol that is registered with a cache for its sockets.
    Protocol,
    /// The name is in a table whose rows are given to such a call.
    Table,
    /// The name is printed by a format, and given to such a call.
    Format,
    /// The file creates a cache with a name that could not be traced, and contains this text.
    Text,
}

impl CreationKind {
    /// All kinds, best first.
    pub const ALL: [Self; 6] =
        [Self::Call, Self::Wrapper, Self::Protocol, Self::Table, Self::Format, Self::Text];
}

/// How far evidence goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CreationConfidence {
    /// The code creates a cache of exactly this name.
    Certain,
    /// It creates caches by a format or from a table, and the name fits.
    Likely,
    /// It may.
    Possible,
}

impl CreationConfidence {
    /// In one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Possible => "possible",
        }
    }
}

/// A cache that a file creates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Creation {
    /// How it shows.
    pub kind: CreationKind,
    /// The cache's name; with [`CreationKind::Format`] a printf format for it.
    pub name: String,
    /// The function that creates it (`kmem_cache_create`); empty with [`CreationKind::Text`].
    pub api: String,
    /// The function that the call is in, if symbols say.
    pub function: Option<String>,
    /// The file's own function that hands the name on.
    pub through: Option<String>,
    /// Place of the call in the file, unpacked; 0 with [`CreationKind::Text`].
    pub offset: u64,
}

impl Creation {
    /// Does it create the cache of this name.
    pub fn creates(&self, cache: &str) -> bool {
        match self.kind {
            CreationKind::Format => fits_format(&self.name, cache),
            // Such a protocol may also have caches for connections that are opened or wait.
            CreationKind::Protocol => ["", "tw_sock_", "request_sock_"]
                .iter()
                .any(|prefix| cache.strip_prefix(prefix) == Some(self.name.as_str())),
            CreationKind::Text if self.name.contains('%') => fits_format(&self.name, cache),
            _ => self.name == cache,
        }
    }

    /// How far it goes.
    pub const fn confidence(&self) -> CreationConfidence {
        match self.kind {
            CreationKind::Call | CreationKind::Wrapper | CreationKind::Protocol => {
                CreationConfidence::Certain
            }
            CreationKind::Table | CreationKind::Format => CreationConfidence::Likely,
            CreationKind::Text => CreationConfidence::Possible,
        }
    }

    /// In a sentence, without the file's name.
    pub fn explain(&self) -> String {
        let mut text = match self.kind {
            CreationKind::Call => format!("calls {} with this name", self.api),
            CreationKind::Wrapper => {
                let through = self.through.as_deref().unwrap_or("a function of its own");
                format!("passes this name to {through}, which calls {}", self.api)
            }
            CreationKind::Protocol => {
                format!("registers the protocol {} with a cache for its sockets", self.name)
            }
            CreationKind::Table => format!("calls {} with names from a table that has this one", self.api),
            CreationKind::Format => format!("calls {} with a name made by \"{}\"", self.api, self.name),
            CreationKind::Text => {
                return "creates a cache with a name that could not be traced, and contains this text"
                    .to_owned();
            }
        };
        if let Some(function) = &self.function {
            let _ = write!(text, ", in {function}");
        }
        let _ = write!(text, " (offset {:#x})", self.offset);
        text
    }
}

/// One part of a printf format.
enum FormatPart<'a> {
    Text(&'a [u8]),
    Decimal,
    Hexadecimal,
    Any,
}

/// The parts of a format; none if it says too little to be evidence: `%s` fits every name.
fn parts(format: &[u8]) -> Option<Vec<FormatPart<'_>>> {
    let mut parts = Vec::new();
    let mut rest = format;
    let mut literal = 0;
    while let Some(at) = memchr::memchr(b'%', rest) {
        let (before, from) = rest.split_at_checked(at)?;
        literal += before.len();
        parts.push(FormatPart::Text(before));
        // Flags, width, precision, length.
        let skip = from.iter().skip(1).take_while(|&&b| b"-+ #0123456789.*hlzjt".contains(&b)).count();
        let kind = *from.get(1 + skip)?;
        parts.push(match kind {
            b'%' => FormatPart::Text(b"%"),
            b'd' | b'i' | b'u' => FormatPart::Decimal,
            b'x' | b'X' | b'p' => FormatPart::Hexadecimal,
            _ => FormatPart::Any,
        });
        rest = from.get(2 + skip..)?;
    }
    literal += rest.len();
    parts.push(FormatPart::Text(rest));
    (literal >= 3 && parts.len() <= 17).then_some(parts)
}

/// Could `format` have printed `name`.
fn fits_format(format: &str, name: &str) -> bool {
    let name = name.as_bytes();
    name.len() <= 256 && parts(format.as_bytes()).is_some_and(|parts| fits(&parts, name))
}

/// Keeps the set of places that can be reached, so that no format makes it slow.
fn fits(parts: &[FormatPart<'_>], name: &[u8]) -> bool {
    let mut reached = vec![false; name.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for part in parts {
        let mut next = vec![false; name.len() + 1];
        for at in (0..=name.len()).filter(|&at| reached.get(at) == Some(&true)) {
            let rest = name.get(at..).unwrap_or_default();
            let run = |is: fn(&u8) -> bool| rest.iter().take_while(|byte| is(byte)).count();
            let (least, most) = match part {
                FormatPart::Text(text) if rest.starts_with(text) => (text.len(), text.len()),
                FormatPart::Text(_) => continue,
                FormatPart::Decimal => {
                    let sign = usize::from(rest.first() == Some(&b'-'));
                    let digits = rest.iter().skip(sign).take_while(|byte| byte.is_ascii_digit()).count();
                    (1 + sign, if digits == 0 { 0 } else { sign + digits })
                }
                FormatPart::Hexadecimal => (1, run(u8::is_ascii_hexdigit)),
                FormatPart::Any => (1, rest.len()),
            };
            if least <= most
                && let Some(ends) = next.get_mut(at + least..=at + most)
            {
                ends.fill(true);
            }
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_fit_what_they_could_have_printed() {
        for (format, name, fit) in [
            ("nf_conntrack_%u", "nf_conntrack_0", true),
            ("nf_conntrack_%u", "nf_conntrack_", false),
            ("nf_conntrack_%u", "nf_conntrack_expect", false),
            ("raid%d-%s", "raid5-md127", true),
            ("raid%d-%p", "raid5-0x12", false),
            ("raid%d-%p", "raid5-ffff8880deadbeef", true),
            ("%s_inode", "x_inode", true),
            ("%s_inode", "_inode", false),
            ("%s", "anything", false),
            ("100%%_%.3s", "100%_abc", true),
            ("%-8lu_ab", "12_ab", true),
            ("abc%", "abc", false),
            ("plain", "plain", true),
            ("x_%d_y", "x_-5_y", true),
            ("x_%d_y", "x_-_y", false),
        ] {
            assert_eq!(fits_format(format, name), fit, "{format} {name}");
        }
    }

    #[test]
    fn a_format_of_many_parts_does_not_take_long() {
        let format = "abc%s%s%s%s%s%s%s";
        let name = "abc".to_owned() + &"a".repeat(250);
        assert!(fits_format(format, &name));
        assert!(!fits_format(&format!("{format}b"), &name));
        assert!(!fits_format(&"%s".repeat(1000), &name));
    }

    #[test]
    fn protocols_have_up_to_three_caches() {
        let creation = Creation {
            kind: CreationKind::Protocol,
            name: "DCCP".into(),
            api: "proto_register".into(),
            function: Some("dccp_v4_init".into()),
            through: None,
            offset: 0x10,
        };
        assert!(creation.creates("DCCP") && creation.creates("tw_sock_DCCP"));
        assert!(creation.creates("request_sock_DCCP") && !creation.creates("DCCPv6"));
        assert_eq!(
            creation.explain(),
            "registers the protocol DCCP with a cache for its sockets, in dccp_v4_init (offset 0x10)"
        );
    }
}
