//! `holders`: who keeps kernel objects; `text.rs`: for a person, `records.rs`: JSON and CSV.

mod records;
#[cfg(test)]
mod tests;
mod text;

pub use records::{csv, json};
pub use text::write as text;

use std::fmt;
use std::str::FromStr;

use poolmon_holder::{Counted, Counts, Entry, Kind, Unit};

/// Help after the options of `holders`.
pub const HELP: &str = "\
Without root, only your own processes can be looked into; the answer says how many were not.
Sort by objects, change (with --for), or a kind: descriptors, sockets, threads, epoll-watches, posix-locks, …";

/// How holders are ordered, largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By objects of all kinds.
    #[default]
    Objects,
    /// By what objects changed.
    Change,
    /// By one kind.
    Kind(Kind),
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Objects => "objects",
            Self::Change => "change",
            Self::Kind(kind) => kind.id(),
        })
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "objects" => Ok(Self::Objects),
            "change" => Ok(Self::Change),
            _ => Kind::by_id(text).map(Self::Kind).ok_or_else(|| {
                let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.id()).collect();
                format!("`{text}` is none of objects, change, {}", kinds.join(", "))
            }),
        }
    }
}

/// Holders as they are listed.
#[derive(Clone, Copy, Debug)]
pub struct Holders<'a> {
    /// What was counted.
    pub counted: &'a Counted,
    /// The order.
    pub order: Order,
    /// At most this many.
    pub top: usize,
}

/// A holder that is listed.
struct Listed<'a> {
    entry: &'a Entry,
    objects: u64,
    /// `None` if there is no earlier moment.
    change: Option<i64>,
    kinds: Vec<Part>,
}

/// What a holder keeps of one kind.
struct Part {
    kind: Kind,
    count: u64,
    change: Option<i64>,
}

fn difference(now: u64, before: u64) -> i64 {
    i64::try_from(i128::from(now) - i128::from(before)).unwrap_or(i64::MAX)
}

impl<'a> Holders<'a> {
    /// Those that are listed, in order.
    fn listed(&self) -> Vec<Listed<'a>> {
        let mut all: Vec<Listed<'a>> = self.counted.now.entries.iter().map(|entry| self.one(entry)).collect();
        all.retain(|one| !one.kinds.is_empty());
        let of = |one: &Listed<'_>| match self.order {
            Order::Objects => i128::from(one.objects),
            Order::Change => i128::from(one.change.unwrap_or(0)),
            Order::Kind(kind) => one.entry.counts.get(kind).map_or(-1, i128::from),
        };
        if let Order::Kind(kind) = self.order {
            all.retain(|one| one.entry.counts.get(kind).is_some_and(|count| count > 0));
        }
        all.sort_by(|a, b| of(b).cmp(&of(a)).then_with(|| a.entry.holder.id.cmp(&b.entry.holder.id)));
        all
    }

    fn one(&self, entry: &'a Entry) -> Listed<'a> {
        // A holder that was not there before had nothing.
        let before = self.counted.before.as_ref().map(|(census, _)| {
            let earlier = census.entries.iter().find(|other| other.holder.id == entry.holder.id);
            earlier.map(|other| &other.counts)
        });
        let objects = entry.counts.objects();
        let change = before.map(|then| difference(objects, then.map_or(0, Counts::objects)));
        let part = |(kind, count)| {
            let then = |then: Option<&Counts>| then.and_then(|then| then.get(kind)).unwrap_or(0);
            Part { kind, count, change: before.map(|before| difference(count, then(before))) }
        };
        let is_seen = |part: &Part| part.count > 0 || part.change.is_some_and(|by| by != 0);
        Listed { entry, objects, change, kinds: entry.counts.known().map(part).filter(is_seen).collect() }
    }
}

/// Whether a holder has only bytes, as control groups do: they are listed on their own.
fn has_bytes_alone(listed: &Listed<'_>) -> bool {
    listed.kinds.iter().all(|part| part.kind.unit() == Unit::Bytes)
}
