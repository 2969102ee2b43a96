//! Which rows get metrics of their own: the largest, every suspect, and for an hour those that were among them. A row that
//! comes and goes with each scrape would be a new series each time.

use poolmon_model::Key;
use rustc_hash::{FxHashMap, FxHashSet};

/// How long a row stays, milliseconds.
const STAYS: i64 = 3_600_000;

/// Remembers which rows were shown.
#[derive(Debug)]
pub struct Chooser {
    /// Rows of the largest bytes that are shown.
    top: usize,
    /// Rows that are shown, and when they last were among the chosen, milliseconds.
    shown: FxHashMap<Key, i64>,
}

impl Chooser {
    /// The `top` largest rows are shown.
    pub fn new(top: usize) -> Self {
        Self { top, shown: FxHashMap::default() }
    }

    /// The rows to show, the most important first: suspects, the largest, those that were. `rows` are all there are, with their bytes.
    pub fn choose(&mut self, millis: i64, rows: &[(&Key, u64)], suspects: &[Key]) -> Vec<Key> {
        let mut largest: Vec<&(&Key, u64)> = rows.iter().collect();
        largest.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.tag.cmp(&b.0.tag)));
        largest.truncate(self.top);
        let all: FxHashSet<&Key> = rows.iter().map(|(key, _)| *key).collect();
        let present = |key: &Key| all.contains(key);
        let mut chosen: Vec<Key> = suspects.iter().filter(|key| present(key)).cloned().collect();
        for (key, _) in largest {
            if !chosen.contains(key) {
                chosen.push((*key).clone());
            }
        }
        // A clock that was set back must not keep rows for ever.
        self.shown.retain(|_, last| (0..STAYS).contains(&(millis - *last)));
        for key in &chosen {
            self.shown.insert(key.clone(), millis);
        }
        let mut stay: Vec<(i64, Key)> = self
            .shown
            .iter()
            .filter(|(key, last)| **last != millis && present(key))
            .map(|(key, last)| (*last, key.clone()))
            .collect();
        stay.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.tag.cmp(&b.1.tag)));
        chosen.extend(stay.into_iter().map(|(_, key)| key));
        chosen
    }
}

#[cfg(test)]
mod tests {
    use poolmon_model::{Pool, Tag};

    use super::*;

    fn key(name: &str) -> Key {
        Key { tag: Tag::name(name), pool: Pool::Unreclaimable }
    }

    fn names(chosen: &[Key]) -> Vec<String> {
        chosen.iter().map(|key| key.tag.to_string()).collect()
    }

    #[test]
    fn suspects_first_then_the_largest_and_for_an_hour_those_that_were() {
        let (a, b, c, leak) = (key("a"), key("b"), key("c"), key("leak"));
        let mut chooser = Chooser::new(2);
        let first = [(&a, 30), (&b, 20), (&c, 10), (&leak, 1)];
        assert_eq!(names(&chooser.choose(0, &first, std::slice::from_ref(&leak))), ["leak", "a", "b"]);
        // c overtakes b, and the leak is no longer one: both stay for an hour.
        let later = [(&a, 30), (&b, 20), (&c, 25), (&leak, 1)];
        assert_eq!(names(&chooser.choose(1_000, &later, &[])), ["a", "c", "b", "leak"]);
        assert_eq!(names(&chooser.choose(STAYS - 1, &later, &[])), ["a", "c", "b", "leak"]);
        assert_eq!(names(&chooser.choose(STAYS, &later, &[])), ["a", "c"]);
    }

    #[test]
    fn a_row_that_is_gone_is_not_shown() {
        let (a, b) = (key("a"), key("b"));
        let mut chooser = Chooser::new(1);
        chooser.choose(0, &[(&a, 30), (&b, 20)], std::slice::from_ref(&b));
        assert_eq!(names(&chooser.choose(5, &[(&a, 30)], &[b])), ["a"]);
    }
}
