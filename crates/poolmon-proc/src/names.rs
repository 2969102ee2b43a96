//! Names that were seen before: their text is kept, so that a refresh allocates nothing.
//!
//! The kernel lists the same things in the same order, so a name is first compared with the one that stood at this
//! position last time; only a list that changed costs a look-up.

use std::sync::Arc;

use poolmon_model::{Counters, Pool, Row, Tag};
use rustc_hash::FxHashMap;

/// One name and what never changes about it.
#[derive(Debug)]
struct Name {
    key: Arc<[u8]>,
    tag: Tag,
    owner: Option<Arc<str>>,
    pool: Pool,
    /// The pool was reported, not supposed.
    pool_told: bool,
    /// The sample in which it was seen last.
    round: u64,
    /// Its row in that sample.
    row: usize,
}

/// All names of one file.
#[derive(Debug, Default)]
pub struct Names {
    known: Vec<Name>,
    by_key: FxHashMap<Arc<[u8]>, usize>,
    /// The name at each position of the last list.
    order: Vec<usize>,
    position: usize,
    round: u64,
    seen: usize,
    unsure: usize,
}

/// Where a name is, and whether what was known of it still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundName {
    /// It was there in this or the last sample.
    Steady(usize),
    /// It was known, but absent from the last sample: what has it now may be something else.
    Returned(usize),
    /// Never seen.
    New,
}

impl Names {
    /// Starts another sample.
    pub fn begin(&mut self) {
        self.round += 1;
        self.position = 0;
        self.seen = 0;
        self.unsure = 0;
    }

    /// Finds the next name of the list.
    pub fn find(&mut self, key: &[u8]) -> FoundName {
        let position = self.position;
        self.position += 1;
        let hint = self.order.get(position).copied().unwrap_or(usize::MAX);
        let at = match self.known.get(hint) {
            Some(name) if *name.key == *key => Some(hint),
            _ => self.by_key.get(key).copied(),
        };
        self.remember(position, at.unwrap_or(usize::MAX));
        match at.and_then(|at| Some((at, self.known.get(at)?))) {
            Some((at, name)) if name.round + 1 >= self.round => FoundName::Steady(at),
            Some((at, _)) => FoundName::Returned(at),
            None => FoundName::New,
        }
    }

    fn remember(&mut self, position: usize, at: usize) {
        match self.order.get_mut(position) {
            Some(place) => *place = at,
            None => self.order.push(at),
        }
    }

    /// Learns the name that [`find`](Self::find) did not know, in its place.
    pub fn learn(&mut self, key: &[u8], tag: &str, owner: Option<Arc<str>>, pool: Pool) -> usize {
        let at = self.known.len();
        let key: Arc<[u8]> = key.into();
        self.by_key.insert(Arc::clone(&key), at);
        self.known.push(Name { key, tag: Tag::name(tag), owner, pool, pool_told: true, round: 0, row: 0 });
        self.remember(self.position.saturating_sub(1), at);
        at
    }

    /// Sets the pool of a name that is new or returned; where it was unknown, the name is unreclaimable slab.
    pub fn set_pool(&mut self, at: usize, reported: Option<Pool>) {
        if let Some(name) = self.known.get_mut(at) {
            name.pool = reported.unwrap_or(Pool::Unreclaimable);
            name.pool_told = reported.is_some();
        }
    }

    /// Rows of this sample whose pool was supposed.
    pub const fn unsure(&self) -> usize {
        self.unsure
    }

    /// Adds figures to the row of a name; the first ones of a sample make its row.
    ///
    /// Several vmalloc areas have one caller, and a kernel that does not merge caches may list a name twice.
    pub fn add(&mut self, at: usize, counters: Counters, rows: &mut Vec<Row>) {
        let Some(name) = self.known.get_mut(at) else { return };
        if name.round == self.round
            && let Some(row) = rows.get_mut(name.row)
        {
            let sum = &mut row.counters;
            sum.reported_diff =
                sum.reported_diff.zip(counters.reported_diff).map(|(a, b)| a.saturating_add(b));
            sum.bytes = sum.bytes.zip(counters.bytes).map(|(a, b)| a.saturating_add(b));
            sum.inexact |= counters.inexact;
            sum.used = sum.used.zip(counters.used).map(|(a, b)| a.saturating_add(b));
            return;
        }
        name.round = self.round;
        name.row = rows.len();
        self.seen += 1;
        self.unsure += usize::from(!name.pool_told);
        rows.push(Row {
            tag: name.tag.clone(),
            pool: name.pool,
            counters,
            reported_owner: name.owner.clone(),
        });
    }

    /// Ends the sample. Names that are gone are forgotten when they are more than those that are there.
    pub fn end(&mut self) {
        self.order.truncate(self.position);
        if self.known.len() <= self.seen * 2 + 64 {
            return;
        }
        let round = self.round;
        self.known.retain(|name| name.round == round);
        self.order.clear();
        self.by_key.clear();
        self.by_key.extend(self.known.iter().enumerate().map(|(at, name)| (Arc::clone(&name.key), at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &mut Names, keys: &[&str]) -> (Vec<Row>, Vec<FoundName>) {
        let (mut rows, mut found) = (Vec::new(), Vec::new());
        names.begin();
        for key in keys {
            let place = names.find(key.as_bytes());
            found.push(place);
            let at = match place {
                FoundName::Steady(at) | FoundName::Returned(at) => at,
                FoundName::New => names.learn(key.as_bytes(), key, None, Pool::Vmalloc),
            };
            let one = Counters { reported_diff: Some(1), bytes: Some(10), ..Counters::default() };
            names.add(at, one, &mut rows);
        }
        names.end();
        (rows, found)
    }

    fn text(rows: &[Row]) -> Vec<(String, i64)> {
        rows.iter().map(|row| (row.tag.to_string(), row.counters.reported_diff.unwrap())).collect()
    }

    #[test]
    fn names_are_summed_found_again_and_returned() {
        let mut names = Names::default();
        let (rows, found) = list(&mut names, &["a", "b", "a"]);
        assert_eq!(text(&rows), [("a".into(), 2), ("b".into(), 1)]);
        assert_eq!(found, [FoundName::New, FoundName::New, FoundName::Steady(0)]);
        let (rows, found) = list(&mut names, &["c", "b"]);
        assert_eq!(text(&rows), [("c".into(), 1), ("b".into(), 1)]);
        assert_eq!(found, [FoundName::New, FoundName::Steady(1)]);
        assert_eq!(list(&mut names, &["c", "a"]).1, [FoundName::Steady(2), FoundName::Returned(0)]);
    }

    #[test]
    fn names_that_come_and_go_do_not_pile_up() {
        let mut names = Names::default();
        for n in 0..1000 {
            list(&mut names, &["stays", &format!("nr{n}")]);
        }
        assert!(names.known.len() < 80, "{}", names.known.len());
        assert_eq!(names.known.len(), names.by_key.len());
        assert!(matches!(list(&mut names, &["stays"]).1[..], [FoundName::Steady(_)]));
    }
}
