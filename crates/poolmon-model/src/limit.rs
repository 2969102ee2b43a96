//! A limit on the bytes that a tag or cache may hold: `kmalloc-*>5GiB`.

use std::fmt;
use std::str::FromStr;

use crate::units::{human_bytes, parse_bytes};
use crate::{Pattern, Sample, Tag};

/// A limit on the bytes that each matching tag or cache may hold.
#[derive(Clone, Debug)]
pub struct Limit {
    /// The pattern as it was written.
    name: String,
    pattern: Pattern,
    bytes: u64,
}

/// A row that holds more than a limit allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// Which tag or cache.
    pub tag: Tag,
    /// What it holds, in bytes.
    pub held: u64,
    /// What it may hold, in bytes.
    pub limit: u64,
}

impl Limit {
    /// A limit of bytes for the tags that match.
    pub fn new(pattern: &str, bytes: u64) -> Self {
        Self { name: pattern.to_owned(), pattern: Pattern::new(pattern), bytes }
    }

    /// Whether a tag that holds `bytes` exceeds the limit.
    pub fn is_exceeded(&self, tag: &Tag, bytes: u64) -> bool {
        bytes > self.bytes && self.pattern.matches(tag)
    }

    /// What exceeds the limit in a sample; a row whose bytes are unknown does not.
    pub fn excesses<'a>(&'a self, sample: &'a Sample) -> impl Iterator<Item = Excess> + 'a {
        let rows = sample.rows.iter().filter_map(|row| Some((&row.tag, row.counters.bytes?)));
        rows.filter_map(|(tag, bytes)| self.excess(tag, bytes))
    }

    /// Why it is unknown whether anything exceeds the limit in a sample; `None` if it is known.
    pub fn doubt(&self, sample: &Sample) -> Option<String> {
        let limit = human_bytes(self.bytes);
        let matching = || sample.rows.iter().filter(|row| self.pattern.matches(&row.tag));
        if let Some(row) = matching().find(|row| row.counters.bytes.is_none()) {
            return Some(format!(
                "{}: its bytes are unknown, and with them whether it exceeds {limit}",
                row.tag
            ));
        }
        let left_out = matching().next().is_none() && !sample.coverage.is_complete();
        left_out.then(|| {
            format!(
                "{}: not in this list, which leaves rows out: it is unknown whether it exceeds {limit}",
                self.name
            )
        })
    }

    /// As [`Limit::is_exceeded`], with what a person has to know.
    pub fn excess(&self, tag: &Tag, bytes: u64) -> Option<Excess> {
        let exceeded = self.is_exceeded(tag, bytes);
        exceeded.then(|| Excess { tag: tag.clone(), held: bytes, limit: self.bytes })
    }
}

impl FromStr for Limit {
    type Err = String;

    /// A pattern as of `--include`, `>`, and a size with its unit.
    fn from_str(text: &str) -> Result<Self, String> {
        // A tag may contain `>`, a size cannot.
        let (pattern, size) = text.rsplit_once('>').ok_or_else(|| wrong(text))?;
        let size = size.strip_prefix('=').unwrap_or(size);
        if pattern.trim().is_empty() {
            return Err(wrong(text));
        }
        Ok(Self::new(pattern.trim(), parse_bytes(size)?))
    }
}

fn wrong(text: &str) -> String {
    format!("`{text}` is not a limit; write TAG>SIZE in quotes, as 'kmalloc-*>5GiB' or 'Leak>500MB'")
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tag, held, limit } = self;
        write!(f, "{tag} holds {}, more than the limit of {}", human_bytes(*held), human_bytes(*limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pool, Row};

    #[test]
    fn rows_above_the_limit_are_found_and_no_others() {
        let mut sample = Sample::empty();
        sample.rows = [("kmalloc-64", 6 << 30), ("kmalloc-96", 5 << 30), ("dentry", 7 << 30)]
            .map(|(tag, bytes)| Row::windows(Tag::name(tag), Pool::Unreclaimable, 1, 0, bytes))
            .into();
        let limit: Limit = "kmalloc-*>5GiB".parse().unwrap();
        let found: Vec<_> = limit.excesses(&sample).map(|excess| excess.to_string()).collect();
        assert_eq!(found, ["kmalloc-64 holds 6.00 GiB, more than the limit of 5.00 GiB"]);
        sample.rows[0].counters.bytes = None;
        assert_eq!(limit.excesses(&sample).count(), 0, "what is unknown exceeds nothing");
        assert!(limit.doubt(&sample).unwrap().starts_with("kmalloc-64: its bytes are unknown"));
        let other: Limit = "absent>1GiB".parse().unwrap();
        assert_eq!(other.doubt(&sample), None, "what a whole list does not show holds nothing");
        sample.coverage = sample.coverage.partial();
        assert!(other.doubt(&sample).unwrap().starts_with("absent: not in this list"));
    }

    #[test]
    fn a_limit_without_a_tag_a_size_or_a_unit_is_refused_with_an_example() {
        for text in ["", "Leak", "Leak>", "Leak>5", ">5GiB", "Leak>many", "Leak<5GiB"] {
            let error = text.parse::<Limit>().unwrap_err();
            assert!(error.contains("500MB"), "{text}: {error}");
        }
        assert!("a>b>1KiB".parse::<Limit>().unwrap().is_exceeded(&Tag::name("a>b"), 1025));
    }
}
