//! The figures of one row: what changed, coded against what was expected.
//!
//! Frees follow allocs, bytes follow diff: a driver that allocates 96-byte blocks makes bytes a multiple of its
//! outstanding allocations, so that they often cost nothing at all.

use poolmon_model::{CounterWidth, Counters};

use super::int::{IntModel, Trend};
use super::range::{Coder, Prob};

/// A row's figures and how they have moved until now. It is kept small: thousands of them are walked through for each
/// sample, and what does not fit into the processor's caches costs more than the decoding.
#[derive(Clone, Debug, Default)]
pub struct RowState {
    allocs: u64,
    frees: u64,
    bytes: u64,
    alloc_trend: Trend,
    free_trend: Trend,
    byte_follow: Follow,
    /// Which figures are reported; those that are not are 0.
    reported: u8,
    /// What Windows does not report.
    rest: Option<Box<Rest>>,
}

/// Figures that only some sources report.
#[derive(Clone, Debug, Default)]
struct Rest {
    reported_diff: i64,
    used: u64,
    reported_per_alloc: u64,
    diff_trend: Trend,
    used_follow: Follow,
    per_alloc_trend: Trend,
}

impl RowState {
    /// Its figures.
    #[inline]
    pub fn now(&self) -> Counters {
        let reported = |bit: u8| self.reported & bit != 0;
        let mut now = Counters {
            allocs: reported(ALLOCS).then_some(self.allocs),
            frees: reported(FREES).then_some(self.frees),
            bytes: reported(BYTES).then_some(self.bytes),
            ..Counters::default()
        };
        if let Some(rest) = &self.rest {
            now.reported_diff = reported(TOLD_DIFF).then_some(rest.reported_diff);
            now.used = reported(USED).then_some(rest.used);
            now.reported_per_alloc = reported(PER_ALLOC).then_some(rest.reported_per_alloc);
        }
        now
    }

    /// Other figures are reported from now on: those that are not count from 0 when they come again.
    fn tell(&mut self, reported: u8) {
        let keep = |bit: u8, figure: u64| if reported & bit == 0 { 0 } else { figure };
        self.reported = reported;
        self.allocs = keep(ALLOCS, self.allocs);
        self.frees = keep(FREES, self.frees);
        self.bytes = keep(BYTES, self.bytes);
        if reported & REST != 0 && self.rest.is_none() {
            self.rest = Some(Box::default());
        }
        if let Some(rest) = &mut self.rest {
            rest.reported_diff = if reported & TOLD_DIFF == 0 { 0 } else { rest.reported_diff };
            rest.used = keep(USED, rest.used);
            rest.reported_per_alloc = keep(PER_ALLOC, rest.reported_per_alloc);
        }
    }
}

/// A size that follows the number of outstanding allocations.
#[derive(Clone, Copy, Debug, Default)]
struct Follow {
    /// Bytes for each further allocation.
    unit: i64,
    /// Whether the last four steps were what the unit said.
    hits: u8,
    /// How far the others were from it.
    trend: Trend,
}

/// Estimates shared by all rows.
#[derive(Clone, Debug)]
pub struct RowModels {
    changed: Vec<[Prob; 2]>,
    mask_changed: Prob,
    mask: [Prob; 6],
    allocs: IntModel,
    frees: IntModel,
    reported_diff: IntModel,
    bytes: FollowModel,
    used: FollowModel,
    reported_per_alloc: IntModel,
    births: Births,
    /// Whether the row before changed.
    neighbour: bool,
    spare: Prob,
}

#[derive(Clone, Debug)]
struct FollowModel {
    hit: Vec<[Prob; 2]>,
    coarse: Prob,
    fine: IntModel,
    sixteens: IntModel,
    spare: Prob,
}

/// Estimates for rows seen for the first time: whole counters, not steps.
#[derive(Clone, Debug)]
struct Births {
    allocs: IntModel,
    diff: IntModel,
    size: IntModel,
    coarse: Prob,
    per_alloc: IntModel,
}

impl Default for RowModels {
    fn default() -> Self {
        Self {
            changed: vec![[Prob::default(); 2]; 256],
            mask_changed: Prob::default(),
            mask: [Prob::default(); 6],
            allocs: IntModel::default(),
            frees: IntModel::default(),
            reported_diff: IntModel::default(),
            bytes: FollowModel::default(),
            used: FollowModel::default(),
            reported_per_alloc: IntModel::with_classes(16),
            births: Births {
                allocs: IntModel::with_classes(1),
                diff: IntModel::with_classes(66),
                size: IntModel::with_classes(66),
                coarse: Prob::default(),
                per_alloc: IntModel::with_classes(1),
            },
            neighbour: false,
            spare: Prob::default(),
        }
    }
}

impl Default for FollowModel {
    fn default() -> Self {
        Self {
            hit: vec![[Prob::default(); 2]; 16],
            coarse: Prob::default(),
            fine: IntModel::default(),
            sixteens: IntModel::default(),
            spare: Prob::default(),
        }
    }
}

/// Which figures are reported, one bit each.
fn mask_of(now: &Counters) -> u8 {
    let reported = [
        now.allocs.is_some(),
        now.frees.is_some(),
        now.reported_diff.is_some(),
        now.bytes.is_some(),
        now.used.is_some(),
        now.reported_per_alloc.is_some(),
    ];
    reported.iter().rev().fold(0, |mask, &reported| mask << 1 | u8::from(reported))
}

const ALLOCS: u8 = 1;
const FREES: u8 = 2;
const TOLD_DIFF: u8 = 4;
const BYTES: u8 = 8;
const USED: u8 = 16;
const PER_ALLOC: u8 = 32;

/// All that have no place in [`RowState`] itself.
const REST: u8 = TOLD_DIFF | USED | PER_ALLOC;

fn step(before: u64, now: Option<u64>) -> i64 {
    now.unwrap_or(0).wrapping_sub(before).cast_signed()
}

fn add(before: u64, step: i64) -> u64 {
    before.wrapping_add(step.cast_unsigned())
}

/// Class of a number by its size alone.
fn size_class(value: i64) -> usize {
    value.unsigned_abs().checked_ilog2().map_or(0, |place| place as usize + 1)
}

impl RowModels {
    /// Before the first row of a frame.
    pub fn start_frame(&mut self) {
        self.neighbour = false;
    }

    /// Codes whether a row that was there before changed; if so, [`RowModels::figures`] follow. The decoder ignores
    /// `changed`. `history` = whether it changed in each of the last eight samples, newest in bit 0: it is separate
    /// from the rows, as those that did not change need not be looked at.
    pub fn changed<C: Coder>(&mut self, c: &mut C, history: &mut u8, changed: bool) -> bool {
        let pair = self.changed.get_mut(usize::from(*history));
        let [calm, after] = pair.map_or([&mut self.spare, &mut self.mask_changed], |[a, b]| [a, b]);
        let prob = if self.neighbour { after } else { calm };
        let changed = c.bit(prob, changed);
        *history = *history << 1 | u8::from(changed);
        self.neighbour = changed;
        changed
    }

    fn mask<C: Coder>(&mut self, c: &mut C, mask: u8) -> u8 {
        let mut reported = 0;
        for (n, prob) in self.mask.iter_mut().enumerate() {
            reported |= u8::from(c.bit(prob, mask >> n & 1 == 1)) << n;
        }
        reported
    }

    /// Codes the figures of a row that changed. The decoder ignores `now`; both leave the figures in `state`.
    pub fn figures<C: Coder>(&mut self, c: &mut C, state: &mut RowState, now: &Counters) {
        let mut mask = mask_of(now);
        mask = if c.bit(&mut self.mask_changed, mask != state.reported) {
            self.mask(c, mask)
        } else {
            state.reported
        };
        if mask != state.reported {
            state.tell(mask);
        }
        let mut allocs = 0;
        if mask & ALLOCS != 0 {
            allocs = state.alloc_trend.step(c, &mut self.allocs, step(state.allocs, now.allocs));
            state.allocs = add(state.allocs, allocs);
        }
        // The step of Diff, as far as allocs and frees determine it.
        let mut diff = 0;
        if mask & FREES != 0 {
            let lag = step(state.frees, now.frees).wrapping_sub(allocs);
            let lag = state.free_trend.step(c, &mut self.frees, lag);
            state.frees = add(state.frees, lag.wrapping_add(allocs));
            diff = lag.wrapping_neg();
        }
        if mask & TOLD_DIFF != 0
            && let Some(rest) = &mut state.rest
        {
            let beyond = now.reported_diff.unwrap_or(0).wrapping_sub(rest.reported_diff).wrapping_sub(diff);
            diff = diff.wrapping_add(rest.diff_trend.step(c, &mut self.reported_diff, beyond));
            rest.reported_diff = rest.reported_diff.wrapping_add(diff);
        }
        if mask & BYTES != 0 {
            let moved = self.bytes.step(c, &mut state.byte_follow, diff, step(state.bytes, now.bytes));
            state.bytes = add(state.bytes, moved);
        }
        let Some(rest) = state.rest.as_deref_mut().filter(|_| mask & (USED | PER_ALLOC) != 0) else { return };
        if mask & USED != 0 {
            let moved = self.used.step(c, &mut rest.used_follow, diff, step(rest.used, now.used));
            rest.used = add(rest.used, moved);
        }
        if mask & PER_ALLOC != 0 {
            let moved = step(rest.reported_per_alloc, now.reported_per_alloc);
            let moved = rest.per_alloc_trend.step(c, &mut self.reported_per_alloc, moved);
            rest.reported_per_alloc = add(rest.reported_per_alloc, moved);
        }
    }

    /// Codes a row that is seen for the first time.
    pub fn birth<C: Coder>(&mut self, c: &mut C, width: CounterWidth, now: &Counters) -> RowState {
        let mask = self.mask(c, mask_of(now));
        let births = &mut self.births;
        let mut coded = Counters::default();
        if mask & ALLOCS != 0 {
            coded.allocs = Some(births.allocs.unsigned(c, 0, now.allocs.unwrap_or(0)));
        }
        let allocs = coded.allocs.unwrap_or(0);
        if mask & FREES != 0 {
            let diff = allocs.wrapping_sub(now.frees.unwrap_or(0)).cast_signed();
            let diff = births.diff.signed(c, size_class(allocs.cast_signed()), 0, diff);
            coded.frees = Some(allocs.wrapping_sub(diff.cast_unsigned()));
        }
        if mask & TOLD_DIFF != 0 {
            let expected = coded.diff(width).unwrap_or(0);
            let beyond = now.reported_diff.unwrap_or(0).wrapping_sub(expected);
            let beyond = births.diff.signed(c, 65, 0, beyond);
            coded.reported_diff = Some(expected.wrapping_add(beyond));
        }
        let diff = coded.diff(width).unwrap_or(0);
        for (bit, used) in [(BYTES, false), (USED, true)] {
            if mask & bit == 0 {
                continue;
            }
            let value = if used { now.used } else { now.bytes }.unwrap_or(0);
            let coarse = c.bit(&mut births.coarse, value.is_multiple_of(16));
            let shift = if coarse { 4 } else { 0 };
            let value = births.size.unsigned(c, size_class(diff), value >> shift) << shift;
            *(if used { &mut coded.used } else { &mut coded.bytes }) = Some(value);
        }
        if mask & PER_ALLOC != 0 {
            let reported = births.per_alloc.unsigned(c, 0, now.reported_per_alloc.unwrap_or(0));
            coded.reported_per_alloc = Some(reported);
        }
        let mut state = RowState {
            allocs,
            frees: coded.frees.unwrap_or(0),
            bytes: coded.bytes.unwrap_or(0),
            ..RowState::default()
        };
        state.byte_follow.unit = average(coded.bytes, diff);
        state.tell(mask);
        if let Some(rest) = &mut state.rest {
            rest.reported_diff = coded.reported_diff.unwrap_or(0);
            rest.used = coded.used.unwrap_or(0);
            rest.reported_per_alloc = coded.reported_per_alloc.unwrap_or(0);
            rest.used_follow.unit = average(coded.used, diff);
        }
        state
    }
}

/// Bytes for each outstanding allocation, where they divide without rest.
fn average(bytes: Option<u64>, diff: i64) -> i64 {
    let bytes = bytes.unwrap_or(0).cast_signed();
    if diff > 0 && bytes % diff == 0 { bytes / diff } else { 0 }
}

impl FollowModel {
    fn step<C: Coder>(&mut self, c: &mut C, follow: &mut Follow, diff: i64, moved: i64) -> i64 {
        let expected = follow.unit.wrapping_mul(diff);
        let pair = self.hit.get_mut(usize::from(follow.hits & 15));
        let [still, moving] = pair.map_or([&mut self.spare, &mut self.coarse], |[a, b]| [a, b]);
        let prob = if diff == 0 { still } else { moving };
        let hit = c.bit(prob, moved == expected);
        follow.hits = follow.hits << 1 | u8::from(hit);
        if hit {
            return expected;
        }
        let residual = moved.wrapping_sub(expected);
        // Kernels hand out multiples of 16 bytes (8 on old and small systems).
        let coarse = c.bit(&mut self.coarse, residual % 16 == 0);
        let residual = if coarse {
            follow.trend.step(c, &mut self.sixteens, residual >> 4).wrapping_shl(4)
        } else {
            follow.trend.step(c, &mut self.fine, residual)
        };
        let moved = expected.wrapping_add(residual);
        if diff != 0 && moved.wrapping_rem(diff) == 0 {
            follow.unit = moved.wrapping_div(diff);
        }
        moved
    }
}
