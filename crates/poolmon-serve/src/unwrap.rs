//! 32-bit counters of Windows as counters that go on: a rate over a wrap would be wrong otherwise. After a restart of the
//! server they begin at the kernel's own figure again, which a metrics engine takes for a reset.

use poolmon_model::{CounterWidth, Key, Sample};
use rustc_hash::FxHashMap;

/// One more than the largest value.
const TURN: u64 = 1 << 32;

/// What was added so far.
#[derive(Debug, Default)]
pub struct Unwrapper {
    boot: Option<String>,
    rows: FxHashMap<Key, [Course; 2]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Course {
    last: u64,
    turns: u64,
}

impl Course {
    fn next(&mut self, raw: u64) -> u64 {
        if raw < self.last {
            self.turns += 1;
        }
        self.last = raw;
        self.turns * TURN + raw
    }
}

impl Unwrapper {
    /// Allocations and frees of each row of a sample, going on. Empty if its counters are 64 bits wide: they are what they are.
    pub fn push(&mut self, sample: &Sample) -> FxHashMap<Key, [Option<u64>; 2]> {
        if sample.width != CounterWidth::Bits32 {
            return FxHashMap::default();
        }
        if self.boot != sample.origin.boot {
            self.boot.clone_from(&sample.origin.boot);
            self.rows.clear();
        }
        let mut all = FxHashMap::default();
        for row in &sample.rows {
            let [allocs, frees] = self.rows.entry(row.key()).or_default();
            let figures = [
                row.counters.allocs.map(|raw| allocs.next(raw)),
                row.counters.frees.map(|raw| frees.next(raw)),
            ];
            all.insert(row.key(), figures);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use poolmon_model::{Origin, Pool, Row, SourceKind, Tag};

    use super::*;

    #[test]
    fn a_counter_goes_on_after_a_wrap_and_begins_again_after_a_boot() {
        let mut unwrapper = Unwrapper::default();
        let mut of = |boot: &str, allocs: u64, frees: u64, width| {
            let origin =
                Origin { boot: Some(boot.into()), ..Origin::new(SourceKind::Windows, &[Pool::Nonpaged]) };
            let mut sample = Sample::new(origin.into(), width);
            sample.rows = vec![Row::windows(Tag::pool(*b"Test"), Pool::Nonpaged, allocs, frees, 1)];
            unwrapper.push(&sample).values().next().copied()
        };
        let narrow = CounterWidth::Bits32;
        assert_eq!(of("a", TURN - 1, 5, narrow), Some([Some(TURN - 1), Some(5)]));
        assert_eq!(of("a", 9, 6, narrow), Some([Some(TURN + 9), Some(6)]));
        assert_eq!(of("a", 3, 7, narrow), Some([Some(2 * TURN + 3), Some(7)]));
        assert_eq!(of("b", 4, 0, narrow), Some([Some(4), Some(0)]));
        assert_eq!(of("b", 2, 0, CounterWidth::Bits64), None);
    }
}
