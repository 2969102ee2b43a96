//! Who holds the objects of one row now.

use std::sync::Arc;

use poolmon_model::units::{grouped, human_bytes};
use poolmon_model::{PoolTag, Tag};

use crate::{Anonymous, Census, Entry, History, HolderId, Kind, Unit, links};

/// A holder of objects that live in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBy {
    /// Who, and all that it keeps.
    pub entry: Entry,
    /// What it keeps most of, of what lives in the row.
    pub kind: Kind,
    /// How many.
    pub count: u64,
    /// Of how many, all holders together.
    pub total: u64,
    /// The name of the cache that it keeps them in, if that is not the one that was asked for: the kernel keeps both in one.
    pub through: Option<String>,
}

/// Who keeps less than this part of a row's objects is not named; if their number is not known, of what all holders keep in it, unless
/// nobody keeps more.
const WEAK: f64 = 0.01;

/// Holders that keep less than this part of a row's objects together do not explain it.
const MUCH: f64 = 0.5;

/// Who holds the objects of a row.
#[derive(Clone, Debug, Default)]
pub struct Holding {
    /// Who, largest first.
    pub held: Vec<HeldBy>,
    /// How many of the row's objects all holders keep together at most, and how many there are; `None` if that is not known.
    pub part: Option<(u64, u64)>,
    /// What is missing.
    pub remarks: Vec<String>,
}

impl Holding {
    /// Of a row with this number of objects, if that is known; at most `most` holders. `names`: all names of its cache, its own first.
    pub fn new(names: &[Tag], census: &Census, objects: Option<u64>, most: usize) -> Self {
        let total = |&(kind, per): &(Kind, f64)| census.total(kind).unwrap_or(0) as f64 * per;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of objects")]
        let kept = linked(names).iter().map(total).sum::<f64>() as u64;
        Self {
            held: held_by(names, census, objects, most),
            part: objects.filter(|objects| *objects > 0).map(|objects| (kept.min(objects), objects)),
            remarks: census.remarks.clone(),
        }
    }

    /// That holders do not explain the row's objects, if they keep less than half of them.
    pub fn unexplained(&self) -> Option<String> {
        let (kept, objects) = self.part?;
        let share = kept as f64 / objects as f64;
        (share < MUCH).then(|| {
            format!(
                "holders that are counted keep at most {} of its ~{} objects ({:.0} %)",
                grouped(kept),
                grouped(objects),
                share * 100.0
            )
        })
    }

    /// Pseudonyms instead of names.
    pub fn anonymise(&mut self) {
        HeldBy::anonymise(&mut self.held);
    }
}

/// The kinds that live in a row, with the objects of the row that one of them takes. `names`: all names of its cache, since the kernel
/// counts what is under one of them with all others.
fn linked(names: &[Tag]) -> Vec<(Kind, f64)> {
    let links = || names.iter().filter_map(links::find);
    // Mapped files are open ones. Whether they are in memory (`shmem_inode_cache`) is not known of them.
    let has_files = links().any(|link| link.kinds.iter().any(|(kind, _)| *kind == Kind::Descriptor));
    let mut kinds: Vec<(Kind, f64)> = Vec::new();
    for &(kind, per) in
        links().flat_map(|link| link.kinds).filter(|(kind, _)| has_files || *kind != Kind::MappedFile)
    {
        // One object may take a part of the cache under each of its names.
        match kinds.iter_mut().find(|known| known.0 == kind) {
            Some(known) => known.1 += per,
            None => kinds.push((kind, per)),
        }
    }
    kinds
}

/// The holders of a row with this number of objects (if that is known), at most `most`: of what lives there under its own name first, the
/// largest of these first. `names`: all names of its cache, its own first.
pub fn held_by(names: &[Tag], census: &Census, objects: Option<u64>, most: usize) -> Vec<HeldBy> {
    let kinds = linked(names);
    let own = names.first().and_then(links::find);
    let has = |link: &links::Link, kind: Kind| link.kinds.iter().any(|(of, _)| *of == kind);
    let is_own = |kind: Kind| own.is_some_and(|link| has(link, kind));
    let order =
        |a: &(f64, Kind), b: &(f64, Kind)| is_own(a.1).cmp(&is_own(b.1)).then_with(|| a.0.total_cmp(&b.0));
    let weight = |entry: &Entry, kind: Kind, per: f64| entry.counts.get(kind).unwrap_or(0) as f64 * per;
    let mut found: Vec<((f64, Kind), &Entry)> = census
        .entries
        .iter()
        .filter_map(|entry| {
            let weights = kinds.iter().map(|&(kind, per)| (weight(entry, kind, per), kind));
            Some((weights.filter(|(weight, _)| *weight > 0.0).max_by(|a, b| order(a, b))?, entry))
        })
        .collect();
    let all: f64 = found.iter().map(|((weight, _), _)| weight).sum();
    let is_strong =
        |one: &((f64, Kind), &Entry)| one.0.0 >= WEAK * objects.map_or(all, |objects| objects as f64);
    if objects.is_some() || found.iter().any(is_strong) {
        found.retain(is_strong);
    }
    found.sort_by(|a, b| order(&b.0, &a.0).then_with(|| a.1.holder.id.cmp(&b.1.holder.id)));
    let through = |kind: Kind| {
        let of_kind = names.iter().find(|name| links::find(name).is_some_and(|link| has(link, kind)))?;
        (Some(of_kind) != names.first()).then(|| of_kind.to_string())
    };
    let of = |((_, kind), entry): ((f64, Kind), &Entry)| HeldBy {
        kind,
        count: entry.counts.get(kind).unwrap_or(0),
        total: census.total(kind).unwrap_or(0),
        through: through(kind),
        entry: entry.clone(),
    };
    found.into_iter().take(most).map(of).collect()
}

/// The objects of a row that holders keep now, by kind: what the kernel cannot free, however little memory there is. Largest first; only
/// of rows whose lines in the table of links say how many objects of the row one takes. `names` as for [`held_by`].
pub fn pinned(names: &[Tag], history: &History) -> Vec<(Kind, u64)> {
    let Some(total) = history.total() else { return Vec::new() };
    // `*_inode_cache` is any file system's, and open files are those of all.
    if names.iter().filter_map(links::find).any(|link| link.row.starts_with('*')) {
        return Vec::new();
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of objects")]
    let of = |&(kind, per): &(Kind, f64)| (kind, (total.now(kind) as f64 * per) as u64);
    let mut kinds: Vec<(Kind, u64)> = linked(names).iter().map(of).filter(|(_, count)| *count > 0).collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    kinds
}

impl HeldBy {
    /// Pseudonyms instead of names.
    pub fn anonymise(all: &mut [Self]) {
        let mut names = Anonymous::default();
        for held in all {
            names.holder(&mut held.entry.holder);
            names.group(&mut held.entry.group);
        }
    }

    /// `python3 (pid 4788) in web.service: 18,413 of 20,252 sockets`.
    pub fn sentence(&self) -> String {
        let amount = |count: u64| match self.kind.unit() {
            Unit::Objects => grouped(count),
            Unit::Bytes => human_bytes(count),
        };
        let group = self.entry.group.as_ref().map_or_else(String::new, |group| format!(" in {group}"));
        let of = if self.total > self.count { format!(" of {}", amount(self.total)) } else { String::new() };
        let what = if self.count == 1 && of.is_empty() { self.kind.one() } else { self.kind.many() };
        let through = self
            .through
            .as_ref()
            .map_or_else(String::new, |name| format!(" (in {name}, which shares its slabs)"));
        format!("{}{group}: {}{of} {what}{through}", self.entry.holder, amount(self.count))
    }
}

/// Objects of a type of Windows, and handles to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The type (`Token`).
    pub object_type: Arc<str>,
    /// Objects that exist.
    pub objects: u64,
    /// Handles to them, of all processes.
    pub handles: u64,
}

/// Types whose objects are allocated under a tag, those with most objects first; more than one if their names begin alike.
pub fn tallies(tag: PoolTag, census: &Census) -> Vec<Tally> {
    let of = |entry: &Entry| match &entry.holder.id {
        HolderId::ObjectType { name } if links::is_tag_of(tag, name) => Some(Tally {
            object_type: Arc::clone(name),
            objects: entry.counts.get(Kind::TypeObjects)?,
            handles: entry.counts.get(Kind::TypeHandles)?,
        }),
        _ => None,
    };
    let mut all: Vec<Tally> = census.entries.iter().filter_map(of).collect();
    all.sort_by(|a, b| b.objects.cmp(&a.objects).then_with(|| a.object_type.cmp(&b.object_type)));
    all
}

impl Tally {
    /// `3,270,000 Token objects, 311,000 handles: 2,959,000 objects or more without a handle are kept by references inside the kernel`.
    pub fn sentence(&self) -> String {
        let about = format!(
            "{} {}, {} {}",
            grouped(self.objects),
            if self.objects == 1 {
                format!("{} object", self.object_type)
            } else {
                format!("{} objects", self.object_type)
            },
            grouped(self.handles),
            if self.handles == 1 { "handle" } else { "handles" },
        );
        match self.objects.checked_sub(self.handles).filter(|without| *without > 0) {
            // Several handles may lead to one object: there may be more.
            Some(without) => {
                format!(
                    "{about}: {} or more objects without a handle, kept by references inside the kernel",
                    grouped(without)
                )
            }
            None => about,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counts, Holder, HolderId};

    #[test]
    fn the_largest_holders_of_what_lives_in_a_row() {
        let entry = |pid, counts: &[(Kind, u64)]| {
            let mut all = Counts::default();
            for (kind, count) in counts {
                all.set(*kind, *count);
            }
            let holder = Holder { id: HolderId::Process { pid, start: 1 }, name: "p".into() };
            Entry { holder, group: (pid == 2).then(|| "a.service".into()), counts: all }
        };
        let entries = vec![
            entry(1, &[(Kind::Socket, 5), (Kind::Pipe, 8)]),
            entry(2, &[(Kind::Socket, 90)]),
            entry(3, &[(Kind::Socket, 0)]),
        ];
        let census = Census { entries, ..Census::default() };
        let text = |names: &[&str], most| {
            let names: Vec<Tag> = names.iter().map(|name| Tag::name(name)).collect();
            held_by(&names, &census, None, most).iter().map(HeldBy::sentence).collect::<Vec<_>>()
        };
        let both = ["p (pid 2) in a.service: 90 of 95 sockets", "p (pid 1): 5 of 95 sockets"];
        assert_eq!(text(&["sock_inode_cache"], 9), both, "pipes live elsewhere");
        assert_eq!(text(&["sock_inode_cache"], 1), both[..1]);
        let through = both.map(|line| format!("{line} (in sock_inode_cache, which shares its slabs)"));
        assert_eq!(text(&["unknown", "sock_inode_cache"], 9), through, "a merged name counts");
        assert_eq!(text(&["kmalloc-cg-1k"], 9), ["p (pid 1): 8 pipe ends"]);
        let own_first = ["p (pid 1): 8 pipe ends", through[0].as_str()];
        assert_eq!(text(&["kmalloc-cg-1k", "sock_inode_cache"], 9), own_first);
        assert!(text(&["unknown"], 9).is_empty());
        assert_eq!(
            text(&["UNIX", "sock_inode_cache"], 9),
            through,
            "nobody has any of its own, and the cache is one"
        );
        let mapped = entry(4, &[(Kind::MappedFile, 700), (Kind::Memfd, 2)]);
        let census = Census { entries: vec![mapped], ..Census::default() };
        let of = |name: &str| {
            held_by(&[Tag::name(name)], &census, None, 9).iter().map(HeldBy::sentence).collect::<Vec<_>>()
        };
        assert_eq!(of("shmem_inode_cache"), ["p (pid 4): 2 memfds"], "most mapped files are on disks");
        assert_eq!(of("filp"), ["p (pid 4): 700 mapped files"]);
    }

    #[test]
    fn weak_holders_are_left_out() {
        let of = |id, name: &str, kind, count| {
            let mut counts = Counts::default();
            counts.set(kind, count);
            Entry { holder: Holder { id, name: name.into() }, group: None, counts }
        };
        let process = |pid| HolderId::Process { pid, start: 1 };
        let entries = vec![of(process(1), "leaky", Kind::Unix, 9_000), of(process(2), "sh", Kind::Child, 3)];
        let census = Census { entries, ..Census::default() };
        let text = |names: &[&str]| {
            let names: Vec<Tag> = names.iter().map(|name| Tag::name(name)).collect();
            held_by(&names, &census, None, 9).iter().map(HeldBy::sentence).collect::<Vec<_>>()
        };
        assert_eq!(text(&["UNIX", "signal_cache"]), ["leaky (pid 1): 9,000 UNIX sockets"]);
        let shared = "leaky (pid 1): 9,000 UNIX sockets (in UNIX, which shares its slabs)";
        assert_eq!(text(&["signal_cache", "UNIX"]), [shared], "of the row that is listed, the leak");
        assert_eq!(text(&["signal_cache"]), ["sh (pid 2): 3 running children"], "there are no others");
    }

    /// Most names of files are held by no one: the few of a file system in memory do not explain them.
    #[test]
    fn holders_that_do_not_explain_a_row_are_not_its_holders() {
        let of = |id, name: &str, kind, count| {
            let mut counts = Counts::default();
            counts.set(kind, count);
            Entry { holder: Holder { id, name: name.into() }, group: None, counts }
        };
        let entries = vec![
            of(HolderId::Tmpfs { device: "0:5".into() }, "/run", Kind::TmpfsInode, 800),
            of(HolderId::Process { pid: 1, start: 1 }, "many", Kind::Socket, 9_000),
        ];
        let census = Census { entries, ..Census::default() };
        let of = |objects| {
            let holding = Holding::new(&[Tag::name("dentry")], &census, objects, 9);
            let named: Vec<String> = holding.held.iter().map(HeldBy::sentence).collect();
            (named, holding.unexplained())
        };
        let both = ["many (pid 1): 9,000 sockets", "tmpfs /run: 800 tmpfs inodes"];
        assert_eq!(of(None), (both.map(str::to_owned).to_vec(), None), "as far as is known");
        assert_eq!(of(Some(10_000)), (both.map(str::to_owned).to_vec(), None));
        let little = |objects: &str, share| {
            Some(format!("holders that are counted keep at most 9,800 of its ~{objects} objects ({share} %)"))
        };
        assert_eq!(of(Some(196_000)), (vec![both[0].to_owned()], little("196,000", 5)));
        assert_eq!(of(Some(980_000)), (Vec::new(), little("980,000", 1)));
        assert_eq!(of(Some(0)).1, None);
    }

    #[test]
    fn objects_against_handles_of_a_tag() {
        let of_type = |name: &str, objects, handles| {
            let mut counts = Counts::default();
            counts.set(Kind::TypeObjects, objects);
            counts.set(Kind::TypeHandles, handles);
            let holder = Holder { id: HolderId::ObjectType { name: name.into() }, name: name.into() };
            Entry { holder, group: None, counts }
        };
        let entries = vec![
            of_type("Token", 3_270_000, 311_000),
            of_type("FilterConnectionPort", 9, 9),
            of_type("FilterCommunicationPort", 1, 30),
        ];
        let census = Census { entries, ..Census::default() };
        let text = |tag: &[u8; 4]| -> Vec<String> {
            tallies(PoolTag(*tag), &census).iter().map(Tally::sentence).collect()
        };
        assert_eq!(
            text(b"Toke"),
            [
                "3,270,000 Token objects, 311,000 handles: 2,959,000 or more objects without a handle, kept by references inside the \
              kernel"
            ]
        );
        assert_eq!(
            text(b"Filt"),
            ["9 FilterConnectionPort objects, 9 handles", "1 FilterCommunicationPort object, 30 handles"]
        );
        assert!(text(b"Even").is_empty());
    }
}
