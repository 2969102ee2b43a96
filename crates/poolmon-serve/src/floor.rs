//! The lowest value of each row within the last hour, from every sample. Noise is above the floor, a leak lifts it.

use poolmon_model::Key;
use rustc_hash::FxHashMap;

/// Parts of the window: the lowest of each is kept, so that an hour of samples takes 480 bytes a row.
const PARTS: usize = 60;
/// Milliseconds of a part.
const PART: i64 = 60_000;

/// Floors of all rows.
#[derive(Debug, Default)]
pub struct Floors {
    rows: FxHashMap<Key, Window>,
    turn: u64,
}

#[derive(Debug)]
struct Window {
    lowest: [u64; PARTS],
    /// Number of the newest part since the epoch.
    part: i64,
    /// When the row was first seen, milliseconds.
    since: i64,
    turn: u64,
}

impl Floors {
    /// Takes the rows of a sample in; a row that is not among them begins again when it is back.
    pub fn push<'a>(&mut self, millis: i64, rows: impl Iterator<Item = (&'a Key, u64)>) {
        self.turn += 1;
        let part = millis.div_euclid(PART);
        for (key, value) in rows {
            let begin = || Window { lowest: [u64::MAX; PARTS], part, since: millis, turn: 0 };
            if !self.rows.contains_key(key) {
                self.rows.insert(key.clone(), begin());
            }
            let Some(window) = self.rows.get_mut(key) else { continue };
            if part < window.part {
                // The clock was set back: what was seen is of no known time.
                *window = begin();
            }
            window.advance(part);
            window.turn = self.turn;
            let place = place(part);
            if let Some(lowest) = window.lowest.get_mut(place) {
                *lowest = (*lowest).min(value);
            }
        }
        let turn = self.turn;
        self.rows.retain(|_, window| window.turn == turn);
    }

    /// The lowest value of a row in the hour before the last sample; `None` if it was not watched for an hour.
    pub fn of(&self, key: &Key, millis: i64) -> Option<u64> {
        let window = self.rows.get(key)?;
        let is_whole = millis - window.since >= PART * i64::try_from(PARTS).ok()?;
        is_whole.then(|| window.lowest.iter().copied().min())?.filter(|lowest| *lowest != u64::MAX)
    }
}

impl Window {
    fn advance(&mut self, part: i64) {
        let steps = usize::try_from(part - self.part).unwrap_or(PARTS).min(PARTS);
        for back in 0..steps {
            let at = place(part - i64::try_from(back).unwrap_or(0));
            if let Some(lowest) = self.lowest.get_mut(at) {
                *lowest = u64::MAX;
            }
        }
        self.part = part;
    }
}

fn place(part: i64) -> usize {
    usize::try_from(part.rem_euclid(i64::try_from(PARTS).unwrap_or(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use poolmon_model::{Pool, Tag};

    use super::*;

    fn key() -> Key {
        Key { tag: Tag::pool(*b"Leak"), pool: Pool::Nonpaged }
    }

    /// The floor after each second, against the definition: the lowest of the last 60 minutes, the begun one among them.
    #[test]
    fn the_lowest_of_the_last_hour_from_every_sample() {
        let (mut floors, key, mut all) = (Floors::default(), key(), Vec::new());
        for second in 0..3 * 3600_i64 {
            let value = u64::try_from(1_000_000 + second * 10 + (second * 7919) % 5_000).unwrap();
            let millis = 1_800_000_000_000 + second * 1000;
            all.push((millis, value));
            floors.push(millis, [(&key, value)].into_iter());
            let from = (millis.div_euclid(PART) - 59) * PART;
            let lowest = all.iter().filter(|(at, _)| *at >= from).map(|(_, value)| *value).min();
            let expected = lowest.filter(|_| second >= 3600);
            assert_eq!(floors.of(&key, millis), expected, "second {second}");
        }
    }

    #[test]
    fn a_gap_of_the_machine_is_no_value() {
        let (mut floors, key) = (Floors::default(), key());
        floors.push(0, [(&key, 5)].into_iter());
        floors.push(2 * 3_600_000, [(&key, 9)].into_iter());
        assert_eq!(floors.of(&key, 2 * 3_600_000), Some(9), "the 5 is two hours old");
    }

    #[test]
    fn a_row_that_was_gone_or_a_clock_set_back_begins_again() {
        let (mut floors, key) = (Floors::default(), key());
        floors.push(0, [(&key, 5)].into_iter());
        floors.push(3_600_000, [].into_iter());
        floors.push(3_700_000, [(&key, 9)].into_iter());
        assert_eq!(floors.of(&key, 3_700_000), None);
        floors.push(3_500_000, [(&key, 8)].into_iter());
        assert_eq!(floors.of(&key, 3_500_000), None);
        assert_eq!(floors.of(&key, 3_500_000 + 3_600_000), Some(8));
    }
}
