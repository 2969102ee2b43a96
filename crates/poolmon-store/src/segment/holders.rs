//! Who holds kernel objects, next to samples: a complete list, then what changed against the one before.

use poolmon_holder::{Counts, Digest, Entry, Holder, HolderId, Kept, Kind};
use rustc_hash::FxHashMap;

use super::bytes::{Put, Take};

/// Frame flag: the payload is complete; else it holds what changed against the list before.
pub const COMPLETE: u8 = 1;

/// Places of one list, at most: what a writer of today keeps, many times.
const MOST: usize = 1 << 16;

/// Figure 0 of a change: processes. The figure of a kind is its number in the table of names, from 1.
const PROCESSES: u64 = 0;

/// A holder whose figures changed: its place, and the changes of its figures, `None` = unknown now.
type Changed = (usize, Vec<(u64, Option<i64>)>);

/// The list that the last frame left.
#[derive(Clone, Debug)]
pub struct Holders {
    number: u32,
    /// Names of types and kinds of the last complete frame, as far as this program knows them.
    names: Names,
    slots: Vec<Option<Kept>>,
    places: FxHashMap<HolderId, usize>,
    digest: Digest,
}

#[derive(Clone, Debug)]
struct Names {
    types: Vec<String>,
    kinds: Vec<Option<Kind>>,
}

impl Names {
    /// Those of this program.
    fn own() -> Self {
        let types = HolderId::TYPES.map(str::to_owned).into();
        Self { types, kinds: Kind::ALL.map(Some).into() }
    }

    fn kind(&self, number: u64) -> Option<Kind> {
        usize::try_from(number).ok().and_then(|at| self.kinds.get(at).copied()).flatten()
    }
}

trait Varint {
    fn varint(&mut self, value: u64);
    fn signed(&mut self, value: i64);
}

impl Varint for Vec<u8> {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(low(value) | 0x80);
            value >>= 7;
        }
        self.push(low(value));
    }

    fn signed(&mut self, value: i64) {
        self.varint((value << 1 ^ value >> 63).cast_unsigned());
    }
}

/// The lowest byte.
const fn low(value: u64) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low
}

fn varint(take: &mut Take<'_>) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take.u8()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn signed(take: &mut Take<'_>) -> Option<i64> {
    let value = varint(take)?;
    Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

impl Holders {
    /// A list that begins with this digest, and the payload of its complete frame.
    pub fn begin(digest: &Digest) -> (Self, Vec<u8>) {
        let (slots, places, about) = (Vec::new(), FxHashMap::default(), Digest::default());
        let mut list = Self { number: 0, names: Names::own(), slots, places, digest: about };
        list.digest = sums(digest);
        for (at, kept) in digest.kept.iter().enumerate() {
            list.put(at, Kept { is_late: false, ..kept.clone() });
        }
        let payload = list.complete();
        (list, payload)
    }

    /// The payload of a frame that repeats the whole list.
    pub fn complete(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.u32(self.number);
        out.varint(HolderId::TYPES.len() as u64);
        for name in HolderId::TYPES {
            out.text(Some(name));
        }
        out.varint(Kind::ALL.len() as u64);
        for kind in Kind::ALL {
            out.text(Some(kind.id()));
        }
        about(&mut out, &self.digest);
        let listed = self.slots.iter().enumerate().filter_map(|(at, slot)| Some((at, slot.as_ref()?)));
        holders(&mut out, &listed.collect::<Vec<_>>());
        out
    }

    /// The payload of a frame that turns the list into this digest, which it is then.
    pub fn change(&mut self, digest: &Digest) -> Vec<u8> {
        self.number = self.number.wrapping_add(1);
        let mut stays = vec![false; self.slots.len()];
        let (mut added, mut changed): (Vec<&Kept>, Vec<Changed>) = (Vec::new(), Vec::new());
        for kept in &digest.kept {
            let at = self.places.get(&kept.entry.holder.id).copied();
            let before = at.and_then(|at| Some((at, self.slots.get_mut(at)?.as_mut()?)));
            match before {
                Some((at, before)) if has_same_names(&before.entry, &kept.entry) => {
                    if let Some(stays) = stays.get_mut(at) {
                        *stays = true;
                    }
                    let figures = differences(before, kept);
                    if !figures.is_empty() {
                        changed.push((at, figures));
                    }
                    before.entry.counts.clone_from(&kept.entry.counts);
                    before.processes = kept.processes;
                }
                _ => added.push(kept),
            }
        }
        self.digest = sums(digest);
        let mut out = Vec::new();
        out.u32(self.number);
        about(&mut out, &self.digest);
        let gone = |(at, stays): (usize, &bool)| {
            (!stays && self.slots.get(at).is_some_and(Option::is_some)).then_some(at)
        };
        let gone: Vec<usize> = stays.iter().enumerate().filter_map(gone).collect();
        out.varint(gone.len() as u64);
        let mut gaps = Gaps::default();
        for at in gone {
            out.varint(gaps.to(at));
            self.remove(at);
        }
        let mut free = 0;
        let mut places = Vec::new();
        for kept in added {
            while self.slots.get(free).is_some_and(Option::is_some) {
                free += 1;
            }
            places.push((free, kept));
            self.put(free, Kept { is_late: false, ..kept.clone() });
        }
        holders(&mut out, &places);
        changed.sort_unstable_by_key(|(at, _)| *at);
        out.varint(changed.len() as u64);
        let mut gaps = Gaps::default();
        for (at, figures) in changed {
            out.varint(gaps.to(at));
            out.varint(figures.len() as u64);
            for (figure, by) in figures {
                out.varint(2 * figure + u64::from(by.is_none()));
                if let Some(by) = by {
                    out.signed(by);
                }
            }
        }
        out
    }

    fn remove(&mut self, at: usize) {
        if let Some(kept) = self.slots.get_mut(at).and_then(Option::take) {
            self.places.remove(&kept.entry.holder.id);
        }
    }

    fn put(&mut self, at: usize, kept: Kept) {
        if at >= self.slots.len() {
            self.slots.resize_with(at + 1, || None);
        }
        self.places.insert(kept.entry.holder.id.clone(), at);
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Some(kept);
        }
    }

    /// Reads a complete frame; `None` if it is none.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut take = Take(payload);
        let number = take.u32()?;
        let mut types = Vec::new();
        for _ in 0..varint(&mut take)? {
            types.push(take.text()?.unwrap_or_default());
        }
        let mut kinds = Vec::new();
        for _ in 0..varint(&mut take)? {
            kinds.push(Kind::by_id(&take.text()?.unwrap_or_default()));
        }
        let (slots, places) = (Vec::new(), FxHashMap::default());
        let digest = read_about(&mut take)?;
        let mut list = Self { number, names: Names { types, kinds }, slots, places, digest };
        list.read_holders(&mut take)?;
        Some(list)
    }

    /// Reads a frame of changes; `None` if it is none, or follows on another list: this one is spoiled then.
    pub fn apply(&mut self, payload: &[u8]) -> Option<()> {
        let mut take = Take(payload);
        if take.u32()? != self.number.wrapping_add(1) {
            return None;
        }
        self.number = self.number.wrapping_add(1);
        self.digest = read_about(&mut take)?;
        // Who came late did so once.
        self.slots.iter_mut().flatten().for_each(|kept| kept.is_late = false);
        let mut gaps = Gaps::default();
        for _ in 0..varint(&mut take)? {
            let at = gaps.read(&mut take)?;
            self.remove(at);
        }
        self.read_holders(&mut take)?;
        let mut gaps = Gaps::default();
        for _ in 0..varint(&mut take)? {
            let at = gaps.read(&mut take)?;
            for _ in 0..varint(&mut take)? {
                let figure = varint(&mut take)?;
                let by = if figure & 1 == 0 { Some(signed(&mut take)?) } else { None };
                // A holder of a later program's type has an empty place here.
                if let Some(kept) = self.slots.get_mut(at).and_then(Option::as_mut) {
                    change(kept, figure >> 1, by, &self.names);
                }
            }
        }
        Some(())
    }

    fn read_holders(&mut self, take: &mut Take<'_>) -> Option<()> {
        let mut gaps = Gaps::default();
        for _ in 0..varint(take)? {
            let at = gaps.read(take).filter(|&at| at < MOST)?;
            if let Some(kept) = read_holder(take, &self.names)? {
                self.put(at, kept);
            }
        }
        Some(())
    }

    /// The list as a digest.
    pub fn digest_into(&self, digest: &mut Digest) {
        digest.kept.clear();
        digest.kept.extend(self.slots.iter().flatten().cloned());
        let Digest { processes, closed, hidden, .. } = self.digest;
        (digest.processes, digest.closed, digest.hidden) = (processes, closed, hidden);
    }
}

/// Places, which rise: each as its distance from the one after that before.
#[derive(Default)]
struct Gaps(usize);

impl Gaps {
    fn to(&mut self, at: usize) -> u64 {
        let gap = at.saturating_sub(self.0);
        self.0 = at + 1;
        gap as u64
    }

    fn read(&mut self, take: &mut Take<'_>) -> Option<usize> {
        let at = self.0.checked_add(usize::try_from(varint(take)?).ok()?)?;
        self.0 = at.checked_add(1)?;
        Some(at)
    }
}

/// All but the holders.
fn sums(digest: &Digest) -> Digest {
    Digest { kept: Vec::new(), ..*digest }
}

fn about(out: &mut Vec<u8>, digest: &Digest) {
    out.varint(digest.processes);
    out.varint(digest.closed);
    out.push(u8::from(digest.hidden));
}

fn read_about(take: &mut Take<'_>) -> Option<Digest> {
    let (processes, closed) = (varint(take)?, varint(take)?);
    Some(Digest { kept: Vec::new(), processes, closed, hidden: take.u8()? & 1 != 0 })
}

fn holders(out: &mut Vec<u8>, listed: &[(usize, &Kept)]) {
    out.varint(listed.len() as u64);
    let mut gaps = Gaps::default();
    for (at, Kept { entry, processes, is_late }) in listed {
        out.varint(gaps.to(*at));
        let (number, start, text) = entry.holder.id.parts();
        let kind = entry.holder.id.kind();
        out.varint(
            HolderId::TYPES.iter().position(|name| *name == kind).unwrap_or(HolderId::TYPES.len()) as u64
        );
        out.varint(number);
        out.varint(start);
        out.text(Some(text));
        out.text(Some(&entry.holder.name));
        out.text(entry.group.as_deref());
        out.push(u8::from(*is_late));
        out.varint(*processes);
        out.varint(entry.counts.known().count() as u64);
        for (kind, count) in entry.counts.known() {
            out.varint(kind as u64);
            out.varint(count);
        }
    }
}

/// Outer `None`: the bytes are no holder; inner: one of a later program's type.
#[expect(clippy::option_option, reason = "damage and what is not known are two things")]
fn read_holder(take: &mut Take<'_>, names: &Names) -> Option<Option<Kept>> {
    let kind = usize::try_from(varint(take)?).ok()?;
    let (number, start) = (varint(take)?, varint(take)?);
    let (text, name, group) =
        (take.text()?.unwrap_or_default(), take.text()?.unwrap_or_default(), take.text()?);
    let is_late = take.u8()? & 1 != 0;
    let processes = varint(take)?;
    let mut counts = Counts::default();
    for _ in 0..varint(take)? {
        let (kind, count) = (varint(take)?, varint(take)?);
        if let Some(kind) = names.kind(kind) {
            counts.set(kind, count);
        }
    }
    let id = names.types.get(kind).and_then(|kind| HolderId::from_parts(kind, (number, start, &text)));
    Some(id.map(|id| {
        let holder = Holder { id, name: name.into() };
        Kept { entry: Entry { holder, group: group.map(Into::into), counts }, processes, is_late }
    }))
}

fn has_same_names(a: &Entry, b: &Entry) -> bool {
    a.holder.name == b.holder.name && a.group == b.group
}

/// Figures that differ, each with its change; `None`: it is not known any more.
fn differences(before: &Kept, now: &Kept) -> Vec<(u64, Option<i64>)> {
    let by = |now: u64, before: u64| now.wrapping_sub(before).cast_signed();
    let mut found = Vec::new();
    if before.processes != now.processes {
        found.push((PROCESSES, Some(by(now.processes, before.processes))));
    }
    for kind in Kind::ALL {
        let change = match (before.entry.counts.get(kind), now.entry.counts.get(kind)) {
            (before, now) if before == now => continue,
            (before, Some(now)) => Some(by(now, before.unwrap_or(0))),
            (_, None) => None,
        };
        found.push((kind as u64 + 1, change));
    }
    found
}

fn change(kept: &mut Kept, figure: u64, by: Option<i64>, names: &Names) {
    let counts = &mut kept.entry.counts;
    match (figure.checked_sub(1), by) {
        (None, by) => kept.processes = kept.processes.wrapping_add_signed(by.unwrap_or(0)),
        (Some(kind), by) => match (names.kind(kind), by) {
            (None, _) => {}
            (Some(kind), None) => counts.forget(kind),
            (Some(kind), Some(by)) => counts.set(kind, counts.get(kind).unwrap_or(0).wrapping_add_signed(by)),
        },
    }
}

#[cfg(test)]
#[path = "holders_tests.rs"]
mod tests;
