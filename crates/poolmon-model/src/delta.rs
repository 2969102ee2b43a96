//! The change between two samples.
//!
//! Rules, each with a test:
//! * 32-bit counters are subtracted modulo 2³² and read as signed: no kernel makes 2³¹ allocations in an interval.
//! * A tag that was absent held nothing: its change is all it has now (it appeared late, or came back); unless the
//!   sample lists only some rows ([`crate::Coverage`]): then what it held is unknown.
//! * A tag that is absent now gave everything back; it stays for one table, marked [`Presence::Gone`].
//! * Across a reboot nothing is compared.

use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::counters::low32;
use crate::figure::FIGURES;
use crate::{CounterWidth, Counters, Key, Row, Sample};

/// Change of one row between two samples. `None` = one of the two did not report the figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Change of Allocs.
    pub allocs: Option<i64>,
    /// Change of Frees.
    pub frees: Option<i64>,
    /// Change of Diff.
    pub diff: Option<i64>,
    /// Change of Bytes.
    pub bytes: Option<i64>,
    /// Change of the bytes in live objects.
    pub used: Option<i64>,
    /// Change of Per Alloc.
    pub per_alloc: Option<i64>,
}

impl Delta {
    /// From `before` to `now`.
    pub fn between(before: &Counters, now: &Counters, width: CounterWidth) -> Self {
        let plain = |a: Option<u64>, b: Option<u64>| Some(b?.wrapping_sub(a?).cast_signed());
        let (allocs, frees) = Self::made(before, now, width);
        let diff = match (before.diff(width), now.diff(width)) {
            (Some(a), Some(b)) => Some(b.wrapping_sub(a)),
            _ => None,
        };
        Self {
            allocs,
            frees,
            diff,
            bytes: plain(before.bytes, now.bytes),
            used: plain(before.used, now.used),
            per_alloc: plain(before.per_alloc(width), now.per_alloc(width)),
        }
    }

    /// The changes of Allocs and Frees alone.
    pub fn made(before: &Counters, now: &Counters, width: CounterWidth) -> (Option<i64>, Option<i64>) {
        let count = |a: Option<u64>, b: Option<u64>| {
            let (a, b) = (a?, b?);
            Some(match width {
                CounterWidth::Bits32 => i64::from(low32(b).wrapping_sub(low32(a)).cast_signed()),
                CounterWidth::Bits64 => b.wrapping_sub(a).cast_signed(),
            })
        };
        (count(before.allocs, now.allocs), count(before.frees, now.frees))
    }

    /// Everything that a row has, as its change from nothing.
    pub fn from_nothing(now: &Counters, width: CounterWidth) -> Self {
        let whole = |figure: Option<u64>| figure.map(u64::cast_signed);
        Self {
            allocs: whole(now.allocs),
            frees: whole(now.frees),
            diff: now.diff(width),
            bytes: whole(now.bytes),
            used: whole(now.used),
            per_alloc: whole(now.per_alloc(width)),
        }
    }

    /// True where some figure changed.
    pub fn is_change(&self) -> bool {
        FIGURES.iter().filter_map(|figure| (figure.change)(self)).any(|change| change != 0)
    }
}

/// Whether a row was there before and is there now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// In both samples, or there is nothing to compare with.
    #[default]
    Steady,
    /// Only in the newer sample.
    New,
    /// Only in the older sample: all that it held was freed.
    Gone,
}

/// Finds the rows of one sample by tag and pool, cheaply where two samples list them in the same order.
#[derive(Debug, Default)]
pub struct RowIndex {
    by_key: FxHashMap<Key, usize>,
    filled: bool,
}

impl RowIndex {
    /// Forgets the last sample and keeps the memory.
    pub fn reset(&mut self) {
        self.by_key.clear();
        self.filled = false;
    }

    /// The row of `rows` with the key of `wanted`; `hint` is where it probably is.
    pub fn find<'a>(&mut self, rows: &'a [Row], wanted: &Row, hint: usize) -> Option<(usize, &'a Row)> {
        if let Some(row) = rows.get(hint)
            && row.pool == wanted.pool
            && row.tag == wanted.tag
        {
            return Some((hint, row));
        }
        if !self.filled {
            // The first of two equal keys wins, as in the source's own order.
            for (at, row) in rows.iter().enumerate().rev() {
                self.by_key.insert(row.key(), at);
            }
            self.filled = true;
        }
        let at = *self.by_key.get(&wanted.key())?;
        rows.get(at).map(|row| (at, row))
    }
}

/// Whether the machine rebooted between two samples, so that their counters do not belong together.
pub fn rebooted(before: &Sample, now: &Sample) -> bool {
    let mut index = RowIndex::default();
    let counters = now.rows.iter().enumerate().map(|(at, row)| {
        // A row without Allocs is not worth the search.
        let before = row.counters.allocs.and_then(|_| index.find(&before.rows, row, at));
        (before.map(|(_, old)| &old.counters), &row.counters)
    });
    let boots = (before.origin.boot.as_deref(), now.origin.boot.as_deref());
    is_reboot(boots, (before.uptime, now.uptime), counters)
}

/// The rule behind [`rebooted`], for callers that keep less than a sample: boot ids, uptimes, and the counters of each row,
/// before and now.
///
/// The boot id decides, else an uptime that went back, else a guess from the counters: a kernel's Allocs and Frees never fall, so
/// if Allocs fell for most of the rows that both samples have, it is another boot. In a list of few rows it takes more: Allocs and
/// Frees of nearly all of them fell, by more than a counter that passed 2³² does.
pub fn is_reboot<'a>(
    boots: (Option<&str>, Option<&str>),
    uptimes: (Option<Duration>, Option<Duration>),
    counters: impl Iterator<Item = (Option<&'a Counters>, &'a Counters)>,
) -> bool {
    /// Rows from which on Allocs alone allow a guess.
    const ENOUGH: usize = 4;
    /// A counter that passes 2³² falls by more, unless it made half of all its counts in one step.
    const WRAPS: u64 = 1 << 31;
    if let (Some(before), Some(now)) = boots {
        return before != now;
    }
    if let (Some(before), Some(now)) = uptimes {
        return now < before;
    }
    let (mut both, mut fell) = (0_usize, 0_usize);
    let (mut whole, mut sank) = (0_usize, 0_usize);
    for (before, now) in counters {
        let Some(before) = before else { continue };
        let of = |before: Option<u64>, now: Option<u64>| before.filter(|&before| before > 0).zip(now);
        let Some((then, allocs)) = of(before.allocs, now.allocs) else { continue };
        both += 1;
        fell += usize::from(allocs < then);
        if let Some((freed, frees)) = of(before.frees, now.frees) {
            let sinks = |before: u64, now: u64| now < before && before - now <= WRAPS;
            whole += 1;
            sank += usize::from(sinks(then, allocs) && sinks(freed, frees));
        }
    }
    let nearly_all = |part: usize, of: usize| part * 10 >= of * 9;
    (both >= ENOUGH && fell * 2 > both) || (whole > 0 && nearly_all(sank, whole) && nearly_all(fell, both))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Origin, Pool, SourceKind, Tag};
    use std::sync::Arc;

    fn sample(rows: &[(&[u8; 4], u64)]) -> Sample {
        let origin = Arc::new(Origin::new(SourceKind::Windows, &[Pool::Paged]));
        let mut sample = Sample::new(origin, CounterWidth::Bits32);
        sample.rows = rows
            .iter()
            .map(|(tag, allocs)| Row::windows(Tag::pool(**tag), Pool::Paged, *allocs, 0, 0))
            .collect();
        sample
    }

    #[test]
    fn counters_wrap_at_32_bits() {
        let before = Counters::windows(0xffff_fff0, 0xffff_ff00, 1000);
        let now = Counters::windows(0x10, 0xffff_ff10, 900);
        let delta = Delta::between(&before, &now, CounterWidth::Bits32);
        assert_eq!((delta.allocs, delta.frees, delta.bytes), (Some(32), Some(16), Some(-100)));
        assert_eq!(delta.diff, Some(16));
    }

    #[test]
    fn wide_counters_do_not_wrap() {
        let before = Counters::windows(0xffff_fff0, 0, 0);
        let now = Counters::windows(0x1_0000_0010, 0, 0);
        assert_eq!(Delta::between(&before, &now, CounterWidth::Bits64).allocs, Some(32));
    }

    #[test]
    fn an_unknown_figure_has_no_change() {
        let slab = Counters { reported_diff: Some(5), bytes: Some(4096), ..Counters::default() };
        let delta = Delta::between(&slab, &slab, CounterWidth::Bits64);
        assert_eq!((delta.allocs, delta.diff), (None, Some(0)));
    }

    #[test]
    fn most_counters_falling_is_a_reboot_one_wrapping_is_not() {
        let before =
            sample(&[(b"A   ", 50), (b"B   ", 60), (b"C   ", 4_294_967_290), (b"D   ", 9), (b"E   ", 1)]);
        let wrapped = sample(&[(b"A   ", 51), (b"B   ", 61), (b"C   ", 2), (b"D   ", 9), (b"E   ", 1)]);
        let other = sample(&[(b"A   ", 5), (b"B   ", 6), (b"C   ", 2), (b"D   ", 9), (b"E   ", 1)]);
        assert!(!rebooted(&before, &wrapped));
        assert!(rebooted(&before, &other));
    }

    #[test]
    fn a_list_of_few_rows_shows_a_reboot_if_all_its_counters_fall() {
        let few = |rows: &[(u64, u64)]| {
            let mut few = sample(&[]);
            let row = |(at, &(allocs, frees)): (u8, &(u64, u64))| {
                Row::windows(Tag::pool([b'A' + at, b' ', b' ', b' ']), Pool::Paged, allocs, frees, 64)
            };
            few.rows = (0..).zip(rows).map(row).collect();
            few
        };
        let before = few(&[(2_000_000, 1_800_000), (9_000_000, 8_990_000), (500_000, 300_000)]);
        assert!(rebooted(&before, &few(&[(9_000, 8_000), (7_000, 6_900), (500, 300)])));
        assert!(rebooted(&few(&[(2_000_000, 1_800_000)]), &few(&[(9_000, 8_000)])));
        // Frees went on, or a row did.
        assert!(!rebooted(&before, &few(&[(9_000, 1_800_001), (7_000, 8_990_001), (500, 300_001)])));
        assert!(!rebooted(&before, &few(&[(9_000, 8_000), (7_000, 6_900), (500_001, 300_001)])));
        // Counters that passed 2³² together.
        let near = few(&[(4_294_967_290, 4_294_967_280), (4_294_967_200, 4_294_967_190)]);
        assert!(!rebooted(&near, &few(&[(900, 800), (700, 600)])));
    }

    #[test]
    fn the_boot_id_decides_where_there_is_one() {
        let with = |boot: &str| {
            let mut s = sample(&[]);
            s.origin = Arc::new(Origin { boot: Some(boot.into()), ..(*s.origin).clone() });
            s
        };
        assert!(rebooted(&with("a"), &with("b")));
        assert!(!rebooted(&with("a"), &with("a")));
    }

    #[test]
    fn rows_are_found_in_any_order() {
        let a = sample(&[(b"A   ", 1), (b"B   ", 2), (b"C   ", 3)]);
        let b = sample(&[(b"C   ", 3), (b"A   ", 1), (b"D   ", 4)]);
        let mut index = RowIndex::default();
        let found: Vec<_> =
            b.rows.iter().enumerate().map(|(at, row)| index.find(&a.rows, row, at).map(|f| f.0)).collect();
        assert_eq!(found, [Some(2), Some(0), None]);
    }
}
