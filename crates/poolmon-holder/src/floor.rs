//! What holders gained and kept: a process that opens thousands and closes all of them has changed a lot from one count to another, and
//! gained nothing.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::{Census, Counts, Entry, HolderId};

/// The least that each holder kept of each kind, over stretches of time one after the other.
#[derive(Clone, Debug, Default)]
pub struct Floors {
    stretches: VecDeque<FxHashMap<HolderId, Counts>>,
    /// Counts in each stretch, and how many the last one still takes, where [`count`](Self::count) begins them.
    length: usize,
    room: usize,
}

/// Stretches that are kept of counts without an end, and the most counts in each.
const STRETCHES: usize = 4;
const LONGEST: usize = 4;

impl Floors {
    /// Begins the next stretch; of those before, at most `most` with it are kept.
    pub fn begin(&mut self, most: usize) {
        self.stretches.push_back(FxHashMap::default());
        while self.stretches.len() > most.max(2) {
            self.stretches.pop_front();
        }
    }

    /// Takes a count into the stretch that was begun last.
    pub fn add(&mut self, census: &Census) {
        if self.stretches.is_empty() {
            self.begin(2);
        }
        let Some(stretch) = self.stretches.back_mut() else { return };
        for entry in &census.entries {
            match stretch.get_mut(&entry.holder.id) {
                Some(floor) => lower(floor, &entry.counts),
                None => _ = stretch.insert(entry.holder.id.clone(), entry.counts.clone()),
            }
        }
    }

    /// Takes one of many counts: from the second one on there are gains. The stretches grow from one count to four, so that what comes
    /// and goes is soon separated from what stays, and then slide.
    pub fn count(&mut self, census: &Census) {
        self.length = self.length.max(1);
        if self.room == 0 {
            if self.stretches.len() == STRETCHES && self.length < LONGEST {
                self.join_pairs();
                self.length *= 2;
            }
            self.begin(STRETCHES);
            self.room = self.length;
        }
        self.room -= 1;
        self.add(census);
    }

    fn join_pairs(&mut self) {
        let mut old = std::mem::take(&mut self.stretches).into_iter();
        while let Some(mut first) = old.next() {
            for (id, counts) in old.next().unwrap_or_default() {
                match first.get_mut(&id) {
                    Some(floor) => lower(floor, &counts),
                    None => _ = first.insert(id, counts),
                }
            }
            self.stretches.push_back(first);
        }
    }

    /// What a holder kept all through the earlier half of the stretches, and all through the later half; `None` before there are two, and
    /// of a holder that was not there in the earlier half.
    pub fn kept(&self, entry: &Entry) -> Option<(Entry, Entry)> {
        let half = self.stretches.len() / 2;
        let least = |stretches: &mut dyn Iterator<Item = &FxHashMap<HolderId, Counts>>| {
            stretches.filter_map(|stretch| stretch.get(&entry.holder.id)).fold(
                None,
                |floor: Option<Counts>, counts| {
                    Some(floor.map_or_else(
                        || counts.clone(),
                        |mut floor| {
                            lower(&mut floor, counts);
                            floor
                        },
                    ))
                },
            )
        };
        let of = |counts| Entry { holder: entry.holder.clone(), group: None, counts };
        let before = least(&mut self.stretches.iter().take(half))?;
        let since = least(&mut self.stretches.iter().skip(half))?;
        Some((of(before), of(since)))
    }

    /// By how much more it keeps than before, counted in this way; `None` as for [`kept`](Self::kept).
    pub fn gain(&self, entry: &Entry, count: impl Fn(&Entry) -> u64) -> Option<i64> {
        let (before, since) = self.kept(entry)?;
        i64::try_from(i128::from(count(&since)) - i128::from(count(&before))).ok()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

fn lower(floor: &mut Counts, counts: &Counts) {
    for (kind, count) in counts.known() {
        if floor.get(kind).is_none_or(|least| count < least) {
            floor.set(kind, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Holder, Kind};

    fn entry(pid: u32, sockets: u64) -> Entry {
        let mut counts = Counts::default();
        counts.set(Kind::Unix, sockets);
        let holder = Holder { id: HolderId::Process { pid, start: 1 }, name: "a".into() };
        Entry { holder, group: None, counts }
    }

    fn objects(entry: &Entry) -> u64 {
        entry.counts.objects()
    }

    #[test]
    fn who_closes_all_has_gained_nothing() {
        let mut floors = Floors::default();
        for second in 0..20_u64 {
            if second % 10 == 0 {
                floors.begin(2);
            }
            let entries =
                vec![entry(1, 50 * second), entry(2, 400 * (second % 5)), entry(3, 9_000 - 10 * second)];
            floors.add(&Census { entries, ..Census::default() });
        }
        let gains = [1, 2, 3, 4].map(|pid| floors.gain(&entry(pid, 0), objects));
        assert_eq!(gains, [Some(500), Some(0), Some(-100), None]);
    }

    /// As the screen counts: a leak beside one that opens thousands and closes all, with every phase between them.
    #[test]
    fn of_counts_without_an_end_the_leak_is_soon_above_what_comes_and_goes() {
        for period in 2..6_u64 {
            for phase in 0..period {
                let mut floors = Floors::default();
                for n in 0..100_u64 {
                    let entries = vec![entry(1, 250 * n), entry(2, 2_000 / period * ((n + phase) % period))];
                    floors.count(&Census { entries, ..Census::default() });
                    let [leak, comes_and_goes] = [1, 2].map(|pid| floors.gain(&entry(pid, 0), objects));
                    assert_eq!(leak.is_some(), n > 0);
                    assert!(
                        n < 4 * period || leak > comes_and_goes,
                        "period {period}, phase {phase}, count {n}"
                    );
                }
                let most = floors.stretches.len();
                assert!(most <= STRETCHES, "{most}");
            }
        }
    }

    #[test]
    fn stretches_slide() {
        let mut floors = Floors::default();
        assert_eq!(floors.gain(&entry(1, 0), objects), None);
        for second in 0..100_u64 {
            if second % 4 == 0 {
                floors.begin(4);
            }
            floors.add(&Census { entries: vec![entry(1, second)], ..Census::default() });
            let gain = floors.gain(&entry(1, 0), objects);
            assert_eq!(gain.is_some(), second >= 4, "one stretch alone shows no gain");
            assert!(second < 12 || gain == Some(8), "{gain:?} at {second}");
        }
        floors.clear();
        assert_eq!(floors.gain(&entry(1, 0), objects), None);
    }
}
