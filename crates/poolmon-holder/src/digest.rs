//! What a recording keeps of a census: the holders that hold or grow most, and sums of the rest.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::{Census, Counts, Entry, Holder, HolderId, Unit};

/// Holders with figures of their own, at most.
const MOST: usize = 256;

/// Names whose other processes have a sum of their own, at most.
const NAMES: usize = 64;

/// What a holder grew weighs more than what it holds.
const GROWTH: u64 = 8;

/// Bytes that weigh as much as an object.
const PAGE: u64 = 4096;

/// A holder, or a sum of several, in a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Who, and what it keeps.
    pub entry: Entry,
    /// Processes that it stands for.
    pub processes: u64,
    /// It was there before it was first listed: among the others.
    pub is_late: bool,
}

/// What a recording has of a census.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// In no particular order, each holder once.
    pub kept: Vec<Kept>,
    /// Processes that there were.
    pub processes: u64,
    /// Processes whose descriptors could not be read.
    pub closed: u64,
    /// There may have been processes, or locks of processes, that were not seen.
    pub hidden: bool,
}

impl Digest {
    /// Whether every process could be looked into.
    pub const fn is_complete(&self) -> bool {
        self.closed == 0 && !self.hidden
    }

    /// The same as a census, with remarks for who reads it later.
    pub fn census(&self) -> Census {
        let mut remarks = Vec::new();
        if self.closed > 0 {
            let (closed, all) = (self.closed, self.processes);
            remarks.push(format!(
                "the descriptors of {closed} of {all} processes could not be read when this was recorded: record with sudo"
            ));
        }
        if self.hidden {
            remarks.push(
                "recorded in a container, where /proc hides processes of other users, or beside very many file locks: not all holders \
                 were seen"
                    .to_owned(),
            );
        }
        let entries = self.kept.iter().map(|kept| kept.entry.clone()).collect();
        Census { entries, processes: self.processes, closed: self.closed, hidden: self.hidden, remarks }
    }
}

/// What is known of a holder from one census to the next.
#[derive(Debug)]
struct Known {
    /// What it weighed when it was first seen.
    first: u64,
    /// The censuses that saw it first and last.
    born: u64,
    seen: u64,
    is_kept: bool,
}

/// Makes digests of one census after the other. Who is listed once stays, as long as nobody else weighs twice as much.
#[derive(Debug, Default)]
pub struct Keeper {
    known: FxHashMap<HolderId, Known>,
    censuses: u64,
}

impl Keeper {
    /// Fills `digest`, and uses its memory again.
    pub fn digest_into(&mut self, census: &Census, digest: &mut Digest) {
        self.censuses += 1;
        let now = self.censuses;
        let mut ranked: Vec<(u64, &Entry)> = Vec::with_capacity(census.entries.len());
        let mut others: Vec<&Entry> = Vec::new();
        for entry in &census.entries {
            let weight = weight(&entry.counts);
            let new = || Known { first: weight, born: now, seen: now, is_kept: false };
            let known = self.known.entry(entry.holder.id.clone()).or_insert_with(new);
            known.seen = now;
            // Of a storm of short-lived processes none is listed: each has to be there twice.
            let is_settled = now == 1 || known.born < now || entry.holder.id.pid().is_none();
            if known.is_kept || is_settled {
                let score = weight.saturating_add(weight.saturating_sub(known.first).saturating_mul(GROWTH));
                ranked.push((
                    if known.is_kept { score.saturating_mul(2).saturating_add(1) } else { score },
                    entry,
                ));
            } else {
                others.push(entry);
            }
        }
        if ranked.len() > MOST {
            ranked.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.holder.id.cmp(&b.1.holder.id)));
        }
        let cut = ranked.split_off(ranked.len().min(MOST));
        others.extend(cut.into_iter().map(|(_, entry)| entry));
        digest.kept.clear();
        for (_, entry) in ranked {
            let Some(known) = self.known.get_mut(&entry.holder.id) else { continue };
            let is_late = !known.is_kept && known.born + 1 < now;
            known.is_kept = true;
            digest.kept.push(Kept { entry: entry.clone(), processes: 1, is_late });
        }
        for entry in &others {
            if let Some(known) = self.known.get_mut(&entry.holder.id) {
                known.is_kept = false;
            }
        }
        sum_up(&others, &mut digest.kept);
        self.known.retain(|_, known| known.seen == now);
        (digest.processes, digest.closed, digest.hidden) = (census.processes, census.closed, census.hidden);
    }
}

/// Objects, and bytes as pages.
fn weight(counts: &Counts) -> u64 {
    let bytes: u64 = counts
        .held()
        .filter(|(kind, _)| kind.unit() == Unit::Bytes)
        .map(|(_, bytes)| bytes / PAGE)
        .fold(0, u64::saturating_add);
    counts.objects().saturating_add(bytes)
}

/// Processes of one name as one, those of rarer names and all other holders as the last.
fn sum_up(others: &[&Entry], kept: &mut Vec<Kept>) {
    let mut names: FxHashMap<Arc<str>, (u64, Counts)> = FxHashMap::default();
    let add = |sums: &mut (u64, Counts), processes: u64, counts: &Counts| {
        sums.0 += processes;
        for (kind, count) in counts.known() {
            sums.1.add(kind, count);
        }
    };
    let nameless: Arc<str> = "".into();
    for entry in others {
        match entry.holder.id {
            HolderId::Process { .. } => {
                add(names.entry(Arc::clone(&entry.holder.name)).or_default(), 1, &entry.counts);
            }
            // A group's figures are in those above it.
            HolderId::ControlGroup { .. } => {}
            _ => add(names.entry(Arc::clone(&nameless)).or_default(), 0, &entry.counts),
        }
    }
    let mut rest = names.remove(&nameless);
    let mut sums: Vec<(u64, Arc<str>, (u64, Counts))> =
        names.into_iter().map(|(name, sums)| (weight(&sums.1), name, sums)).collect();
    sums.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    for (_, _, (processes, counts)) in sums.split_off(sums.len().min(NAMES)) {
        add(rest.get_or_insert_default(), processes, &counts);
    }
    let listed =
        sums.into_iter().map(|(_, name, sums)| (name, sums)).chain(rest.map(|sums| (nameless, sums)));
    kept.extend(listed.map(|(name, (processes, counts))| {
        let holder = Holder { id: HolderId::Others { name: Arc::clone(&name) }, name };
        Kept { entry: Entry { holder, group: None, counts }, processes, is_late: false }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    fn process(pid: u32, name: &str, sockets: u64) -> Entry {
        let mut counts = Counts::default();
        counts.set(Kind::Unix, sockets);
        let holder = Holder { id: HolderId::Process { pid, start: 1 }, name: name.into() };
        Entry { holder, group: None, counts }
    }

    fn census(entries: Vec<Entry>) -> Census {
        Census { processes: entries.len() as u64, entries, ..Census::default() }
    }

    fn digest(keeper: &mut Keeper, entries: Vec<Entry>) -> Digest {
        let mut digest = Digest::default();
        let census = census(entries);
        keeper.digest_into(&census, &mut digest);
        assert_eq!(digest.census().total(Kind::Unix), census.total(Kind::Unix), "nothing is lost");
        digest
    }

    fn find(digest: &Digest, pid: u32) -> Option<&Kept> {
        digest.kept.iter().find(|kept| kept.entry.holder.id.pid() == Some(pid))
    }

    #[test]
    fn of_a_small_machine_all_is_kept() {
        let mut keeper = Keeper::default();
        let all: Vec<Entry> = (1..=200).map(|pid| process(pid, "a", 1)).collect();
        let kept = digest(&mut keeper, all);
        assert_eq!((kept.kept.len(), kept.processes), (200, 200));
        assert!(kept.kept.iter().all(|kept| kept.processes == 1 && !kept.is_late));
    }

    #[test]
    fn the_largest_and_those_that_grow() {
        let mut keeper = Keeper::default();
        let all = |leak: u64| {
            let large = (1..=300).map(|pid| process(pid, "large", 1000 + u64::from(pid)));
            let small = (301..=900).map(|pid| process(pid, "small", 2));
            large.chain(small).chain([process(1000, "leaks", leak)]).collect::<Vec<_>>()
        };
        let first = digest(&mut keeper, all(2));
        assert_eq!(first.kept.len(), MOST + 3, "and the rest of three names");
        assert!(find(&first, 300).is_some() && find(&first, 1).is_none() && find(&first, 1000).is_none());
        let rest = |digest: &Digest, name: &str| {
            let others = |kept: &&Kept| kept.entry.holder.id == HolderId::Others { name: name.into() };
            digest.kept.iter().find(others).map(|kept| kept.processes)
        };
        assert_eq!((rest(&first, "large"), rest(&first, "small")), (Some(44), Some(600)));
        let second = digest(&mut keeper, all(200));
        assert!(find(&second, 1000).is_none(), "nobody goes for one that weighs about as much");
        let third = digest(&mut keeper, all(300));
        let leaks = find(&third, 1000).expect("growth weighs more");
        assert!(leaks.is_late && find(&third, 45).is_none(), "the smallest goes");
        assert_eq!(rest(&third, "leaks"), None);
        assert!(!find(&digest(&mut keeper, all(300)), 1000).unwrap().is_late, "said once");
    }

    #[test]
    fn a_process_is_kept_when_it_is_seen_twice() {
        let mut keeper = Keeper::default();
        let _ = digest(&mut keeper, vec![process(1, "a", 1)]);
        let storm = digest(&mut keeper, vec![process(1, "a", 1), process(2, "a", 5), process(3, "b", 5)]);
        assert!(find(&storm, 2).is_none());
        assert_eq!(storm.kept.len(), 3);
        let later = digest(&mut keeper, vec![process(1, "a", 1), process(2, "a", 9)]);
        assert!(!find(&later, 2).unwrap().is_late, "it is new, not late");
        assert_eq!(keeper.known.len(), 2, "who ended is forgotten");
    }

    #[test]
    fn rare_names_and_other_holders_are_one() {
        let mut keeper = Keeper::default();
        let _ = digest(&mut keeper, Vec::new());
        let storm = (0..100).map(|pid| process(pid, &format!("name{pid}"), 1 + u64::from(pid)));
        let kept = digest(&mut keeper, storm.collect());
        assert_eq!(kept.kept.len(), NAMES + 1);
        let rest = kept.kept.last().unwrap();
        assert_eq!((rest.entry.holder.to_string(), rest.processes), ("all other holders".into(), 36));
    }

    #[test]
    fn control_groups_that_are_left_out_are_in_no_sum() {
        let mut keeper = Keeper::default();
        let group = |n: u64| {
            let mut counts = Counts::default();
            counts.set(Kind::GroupKernel, n * PAGE);
            let path: Arc<str> = format!("/{n}").into();
            Entry {
                holder: Holder { id: HolderId::ControlGroup { path: Arc::clone(&path) }, name: path },
                group: None,
                counts,
            }
        };
        let kept = digest(&mut keeper, (1..=400).map(group).collect());
        assert_eq!(kept.kept.len(), MOST);
        assert!(kept.kept.iter().all(|kept| kept.entry.counts.get(Kind::GroupKernel).unwrap() > 144 * PAGE));
    }
}
