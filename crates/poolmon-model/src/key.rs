//! Which row is which: a row is known by its tag and its pool.

use rustc_hash::FxHashMap;

use crate::{Pool, Row, Tag};

/// What identifies a row from sample to sample.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Who.
    pub tag: Tag,
    /// Of which pool.
    pub pool: Pool,
}

impl Key {
    /// Whether it is the key of this row.
    pub fn is_of(&self, row: &Row) -> bool {
        self.pool == row.pool && self.tag == row.tag
    }
}

impl Row {
    /// What identifies it.
    pub fn key(&self) -> Key {
        Key { tag: self.tag.clone(), pool: self.pool }
    }
}

/// Numbers rows: each key has one small number, in the order in which keys were first seen.
///
/// Two samples of a source nearly always list the same rows in the same order, so a row is first looked for where it was
/// in the last sample: then nothing is hashed and nothing allocated.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    known: Vec<Key>,
    numbers: FxHashMap<Key, u32>,
    order: Vec<u32>,
}

impl Keys {
    /// Numbers all rows of a sample; [`Keys::order`] then has the number of each. Keys not seen before get the next ones.
    pub fn match_rows(&mut self, rows: &[Row]) {
        self.order.resize(rows.len(), u32::MAX);
        for (at, row) in rows.iter().enumerate() {
            let hint = self.order.get(at).copied().unwrap_or(u32::MAX);
            if self.known.get(hint as usize).is_some_and(|key| key.is_of(row)) {
                continue;
            }
            let number = self.number(row);
            if let Some(slot) = self.order.get_mut(at) {
                *slot = number;
            }
        }
    }

    /// The number of one row; it gets the next one if its key was not seen before.
    pub fn number(&mut self, row: &Row) -> u32 {
        let next = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        let known = &mut self.known;
        *self.numbers.entry(row.key()).or_insert_with_key(|key| {
            known.push(key.clone());
            next
        })
    }

    /// The number of each row of the last sample.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// Every key seen, by its number.
    pub fn known(&self) -> &[Key] {
        &self.known
    }

    /// How many keys were seen.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether no key was seen.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.known.clear();
        self.numbers.clear();
        self.order.clear();
    }

    /// Keeps the keys of these numbers; those that stay are numbered again, in the same order. The order of the last sample
    /// is forgotten.
    pub fn retain(&mut self, mut stays: impl FnMut(u32) -> bool) {
        let mut number = 0;
        self.known.retain(|_| {
            number += 1;
            stays(number - 1)
        });
        self.numbers.clear();
        self.numbers.extend((0..).zip(&self.known).map(|(number, key)| (key.clone(), number)));
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(tags: &str) -> Vec<Row> {
        let row = |letter: u8| Row::windows(Tag::pool([letter; 4]), Pool::Paged, 1, 0, 64);
        tags.bytes().map(row).collect()
    }

    #[test]
    fn a_row_keeps_its_number_in_any_order() {
        let mut keys = Keys::default();
        keys.match_rows(&rows("abc"));
        assert_eq!(keys.order(), [0, 1, 2]);
        keys.match_rows(&rows("cab"));
        assert_eq!(keys.order(), [2, 0, 1]);
        keys.match_rows(&rows("cdab"));
        assert_eq!(keys.order(), [2, 3, 0, 1]);
        keys.match_rows(&rows("b"));
        assert_eq!((keys.order(), keys.len()), (&[1][..], 4));
        assert!(keys.known().iter().zip(rows("abcd")).all(|(key, row)| key.is_of(&row)));
    }

    #[test]
    fn a_tag_in_two_pools_is_two_rows_and_a_duplicate_is_one() {
        let mut keys = Keys::default();
        let mut both = rows("aaa");
        if let Some(row) = both.get_mut(1) {
            row.pool = Pool::Nonpaged;
        }
        keys.match_rows(&both);
        assert_eq!(keys.order(), [0, 1, 0]);
    }

    #[test]
    fn those_that_stay_move_up() {
        let mut keys = Keys::default();
        keys.match_rows(&rows("abcd"));
        keys.retain(|number| number % 2 == 1);
        assert_eq!((keys.len(), keys.order().len()), (2, 0));
        keys.match_rows(&rows("dba"));
        assert_eq!(keys.order(), [1, 0, 2]);
    }
}
