//! `holders`: who keeps kernel objects; `text.rs`: for a person, `records.rs`: JSON and CSV.

mod records;
#[cfg(test)]
mod tests;
mod text;

pub use records::{csv, json};
pub use text::write as text;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use poolmon_holder::{Counted, Counts, Entry, HolderId, Kind, NEWCOMER};

/// Help after the options of `holders`.
pub const HELP: &str = "\
On Linux, only your own processes can be looked into without root; the answer says how many were not. On Windows, handles by type
of object, and objects against handles, need no rights.
Sort by objects, change (with --for), or a kind: descriptors, sockets, threads, epoll-watches, handles, event-handles, …";

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
                let ids = || Kind::ALL.iter().map(|kind| kind.id());
                let like: Vec<&str> = ids().filter(|id| !text.is_empty() && id.contains(text)).collect();
                if like.is_empty() {
                    let kinds: Vec<&str> = ids().collect();
                    return format!("`{text}` is none of objects, change, {}", kinds.join(", "));
                }
                format!("`{text}` is no kind of object; did you mean {}?", like.join(", "))
            }),
        }
    }
}

/// Holders as they are listed.
#[derive(Clone, Copy, Debug)]
pub struct Holders<'a> {
    /// What was counted.
    pub counted: &'a Counted,
    /// When, if that was not just now: of a recording.
    pub at: Option<Timestamp>,
    /// The order.
    pub order: Order,
    /// At most this many.
    pub top: usize,
}

/// Holders of one sort are listed together: what they are counted in is not compared with the others'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    /// Those that keep objects.
    Holders,
    /// Types of objects of Windows: objects and handles of the whole machine.
    Types,
    /// Control groups: bytes.
    Groups,
}

impl Section {
    const ALL: [Self; 3] = [Self::Holders, Self::Types, Self::Groups];

    const fn of(id: &HolderId) -> Self {
        match id {
            HolderId::ObjectType { .. } => Self::Types,
            HolderId::ControlGroup { .. } => Self::Groups,
            _ => Self::Holders,
        }
    }
}

/// A holder that is listed.
struct Listed<'a> {
    entry: &'a Entry,
    section: Section,
    /// What it is ordered by within its section.
    size: u64,
    size_change: Option<i64>,
    /// What it gained and kept, if there were counts enough.
    gain: Option<i64>,
    objects: u64,
    /// `None` if there is no earlier moment.
    change: Option<i64>,
    /// It was not there at the earlier moment.
    is_new: bool,
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
    /// Those of a section, in order: all of them, of which the first `top` are written.
    fn listed(&self, section: Section) -> Vec<Listed<'a>> {
        let entries = self.counted.now.entries.iter().filter(|one| Section::of(&one.holder.id) == section);
        let mut all: Vec<Listed<'a>> = entries.map(|entry| self.one(entry)).collect();
        all.retain(|one| !one.kinds.is_empty());
        let of = |one: &Listed<'_>| match self.order {
            Order::Objects => i128::from(one.size),
            Order::Change if one.is_new => i128::from(one.size) / NEWCOMER,
            // What was freed in between is no gain, wherever in its ups and downs the counts found it.
            Order::Change => i128::from(one.gain.or(one.size_change).unwrap_or(0)),
            Order::Kind(kind) => one.entry.counts.get(kind).map_or(-1, i128::from),
        };
        if let Order::Kind(kind) = self.order {
            all.retain(|one| one.entry.counts.get(kind).is_some_and(|count| count > 0));
        }
        all.sort_by(|a, b| {
            let by_size = || b.size.cmp(&a.size).then_with(|| a.entry.holder.id.cmp(&b.entry.holder.id));
            of(b).cmp(&of(a)).then_with(by_size)
        });
        all
    }

    /// The first `top` of each section.
    fn written(&self) -> impl Iterator<Item = Listed<'a>> {
        Section::ALL.into_iter().flat_map(|section| self.listed(section).into_iter().take(self.top))
    }

    fn one(&self, entry: &'a Entry) -> Listed<'a> {
        let section = Section::of(&entry.holder.id);
        // A holder that was not there before had nothing.
        let before = self.counted.before.as_ref().map(|(census, _)| {
            let earlier = census.entries.iter().find(|other| other.holder.id == entry.holder.id);
            earlier.map(|other| &other.counts)
        });
        let since = |of: fn(&Counts, Section) -> u64| {
            before
                .map(|then| difference(of(&entry.counts, section), then.map_or(0, |then| of(then, section))))
        };
        let part = |(kind, count)| {
            let then = |then: Option<&Counts>| then.and_then(|then| then.get(kind)).unwrap_or(0);
            Part { kind, count, change: before.map(|before| difference(count, then(before))) }
        };
        let is_seen = |part: &Part| part.count > 0 || part.change.is_some_and(|by| by != 0);
        Listed {
            entry,
            section,
            size: size(&entry.counts, section),
            size_change: since(size),
            gain: self.counted.floors.gain(entry, |entry| size(&entry.counts, section)),
            objects: entry.counts.objects(),
            change: since(|counts, _| counts.objects()),
            is_new: before == Some(None),
            kinds: entry.counts.known().map(part).filter(is_seen).collect(),
        }
    }
}

fn size(counts: &Counts, section: Section) -> u64 {
    match section {
        Section::Holders => counts.objects(),
        Section::Types => counts.get(Kind::TypeObjects).unwrap_or(0),
        // All kernel memory of the group, or the parts that are known of it.
        Section::Groups => counts
            .get(Kind::GroupKernel)
            .unwrap_or_else(|| counts.held().map(|(_, bytes)| bytes).fold(0, u64::saturating_add)),
    }
}
