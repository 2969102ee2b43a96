//! What the course of a stack's outstanding objects means.

use serde::{Deserialize, Serialize};

use crate::timeline::{MOMENTS, Moment};

/// Share of allocations whose address came back without a free, above which frees are said to pass no tracepoint.
///
/// Measured on Linux 6.18: 70 to 99 % for paths that free in bulk or after RCU, 0 % for leaks.
pub const FREED_ELSEWHERE: f64 = 0.2;

/// Fewer objects than these are no growth.
const LEAST: u64 = 8;

/// Eighths of the trace in which the objects that are kept were allocated, as the effective number: an even growth has 8. Three
/// processes that started one after the other have 3: whether a fourth one follows needs a longer trace.
const EIGHTHS: f64 = 4.0;

/// In this number of eighths, a growth is steady even if one of them has much more than the others; an eighth takes part in it with this
/// share of the even one.
const WIDE: usize = 6;
const PART: f64 = 0.125;

/// Share of the growth that the second half of a trace must have: an even growth has a half.
const SECOND_HALF: f64 = 0.3;

/// Beyond this share of the growth in the second half, too little of it is old to know whether it stays.
const LATE: f64 = 0.9;

/// Up to this share of the growth in the second half is called flat.
const FLAT: f64 = 0.1;

/// Growth of the min beyond which more objects are in use than in the beginning.
const MORE: f64 = 0.25;

/// What it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Outstanding objects grow through the whole trace, and the early ones are still there.
    KeepsGrowing,
    /// As `KeepsGrowing`, but the cache itself did not grow by nearly as much: their frees pass no tracepoint.
    Unconfirmed,
    /// As `KeepsGrowing`, but as many older objects were freed meanwhile: objects that live longer than the trace, and are replaced,
    /// look like that, too.
    Replaced,
    /// Grew, but in a few steps: a process that starts looks like that, too.
    InSteps,
    /// Grew in the beginning, and more slowly since.
    Slowing,
    /// Objects are held, and nearly all were allocated late: the trace is too short to say more.
    Recent,
    /// Grew in the beginning, flat since: typical of a cache that fills.
    FilledEarly,
    /// More objects than in the beginning, but those of the beginning were freed: a higher load, or a longer queue.
    Turnover,
    /// Freed where no tracepoint looks: addresses come back without a free.
    FreedElsewhere,
    /// Few objects, or as many as at other times of the trace.
    InUse,
    /// No growth was seen, but this trace could not have shown one: it is too short, was stopped, or has lost events.
    NotJudged,
    /// Nothing is outstanding.
    AllFreed,
}

impl Verdict {
    /// In words, after a number of objects.
    pub const fn words(self) -> &'static str {
        match self {
            Self::KeepsGrowing => "keeps growing",
            Self::Unconfirmed => {
                "grows by its events, but the cache does not: freed where no tracepoint looks"
            }
            Self::Replaced => "grows, but as many older objects were freed: trace longer to judge",
            Self::InSteps => "grew in a few steps: trace longer to judge",
            Self::Slowing => "grew early, and more slowly since: trace longer to judge",
            Self::Recent => "allocated late in the trace: trace longer to judge",
            Self::FilledEarly => "grew early, flat since",
            Self::Turnover => "more in use than in the beginning, but most early ones were freed",
            Self::FreedElsewhere => "freed where no tracepoint looks: cannot be judged",
            Self::InUse => "in use, no growth",
            Self::NotJudged => "in use; this trace cannot show whether it grows",
            Self::AllFreed => "all freed",
        }
    }

    /// The same of a trace that could not have shown a growth: nothing is called flat then.
    #[must_use]
    pub const fn in_doubt(self) -> Self {
        match self {
            Self::InUse | Self::FilledEarly | Self::Turnover => Self::NotJudged,
            other => other,
        }
    }
}

/// The smallest growth that is seen among this number of objects: a number that only comes and goes varies by its square root.
pub const fn smallest(objects: u64) -> u64 {
    let swing = objects.isqrt();
    if swing > LEAST { swing } else { LEAST }
}

/// The figures that a verdict rests on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course {
    /// Allocations.
    pub allocations: u64,
    /// Addresses that were handed out again without a free.
    pub reused: u64,
    /// Outstanding objects at the end.
    pub objects: u64,
    /// Those older than half the trace.
    pub old: u64,
    /// The outstanding objects by the eighth of the trace in which they were allocated.
    pub born: [u64; MOMENTS],
    /// The eight parts of the trace.
    pub moments: [Moment; MOMENTS],
}

impl Course {
    /// By how many objects the min of what is outstanding rose in each eighth of the trace, as far as objects of that eighth are still
    /// there: what comes and goes beside them is not in it.
    ///
    /// The min is that of the whole rest of the trace, so that what is drained later never counts. The last eighth has no later one,
    /// and may end within a burst; the first one may fill a cache: neither counts for more than the largest other one.
    pub fn kept(&self) -> [u64; MOMENTS] {
        let mut floors = self.moments.map(|moment| moment.floor);
        for at in (0..MOMENTS - 1).rev() {
            floors[at] = floors[at].min(floors[at + 1]);
        }
        let after = |at: usize| floors.get(at + 1).copied().unwrap_or(self.moments[at].objects);
        let mut kept: [u64; MOMENTS] =
            std::array::from_fn(|at| after(at).saturating_sub(floors[at]).min(self.born[at]));
        let [first, middle @ .., last] = &mut kept;
        let most = middle.iter().copied().max().unwrap_or(0);
        *last = (*last).min(most);
        *first = (*first).min(most.max(*last));
        kept
    }

    /// The sum of [`Course::kept`].
    pub fn grown(&self) -> u64 {
        self.kept().iter().fold(0, |sum, kept| sum.saturating_add(*kept))
    }
}

/// Judges.
pub fn judge(course: &Course) -> Verdict {
    let Course { allocations, reused, objects, old, born, moments } = course;
    if *objects == 0 {
        return Verdict::AllFreed;
    }
    if *reused as f64 > FREED_ELSEWHERE * *allocations as f64 {
        return Verdict::FreedElsewhere;
    }
    if *objects < LEAST {
        return Verdict::InUse;
    }
    let kept = course.kept();
    let sum = |part: &[u64]| part.iter().fold(0, |sum: u64, kept| sum.saturating_add(*kept));
    let (all, second) = (sum(&kept), sum(&kept[MOMENTS / 2..]));
    let floor = |part: &[Moment]| part.iter().map(|moment| moment.floor).min().unwrap_or(0);
    let (early, late) = (floor(&moments[1..4]), floor(&moments[MOMENTS - 2..]));
    let more = late.saturating_sub(early);
    let turnover = more >= smallest(*objects) && more as f64 > MORE * early as f64;
    if all >= smallest(*objects) && second as f64 > LATE * all as f64 && steps(&kept) > 1 {
        return if turnover && all < more / 2 { Verdict::Turnover } else { Verdict::Recent };
    }
    if all >= smallest(*objects) && second as f64 >= SECOND_HALF * all as f64 {
        let goes_on = kept[MOMENTS - 2..].iter().any(|&kept| kept > 0);
        let parts = kept.iter().filter(|&&kept| kept as f64 >= PART * all as f64 / MOMENTS as f64).count();
        let steady = eighths(&kept) >= EIGHTHS || parts >= WIDE;
        return if goes_on && steady { Verdict::KeepsGrowing } else { Verdict::InSteps };
    }
    // What was there at half time is most of what is there now.
    if *old > *objects / 2 {
        let early = sum(&born[..MOMENTS / 2]).saturating_add(second);
        let slower = second >= LEAST && second as f64 > FLAT * early as f64 || goes_on_evenly(&kept);
        return if slower { Verdict::Slowing } else { Verdict::FilledEarly };
    }
    if *old < *objects / 10 && moments[MOMENTS - 3].peak < *objects / 2 {
        return Verdict::Recent;
    }
    if turnover { Verdict::Turnover } else { Verdict::InUse }
}

/// In how many eighths anything was kept.
fn steps(kept: &[u64; MOMENTS]) -> usize {
    kept.iter().filter(|&&kept| kept > 0).count()
}

/// Whether a small growth goes on evenly after a large one in the beginning, as that of a cache that fills does not.
fn goes_on_evenly(kept: &[u64; MOMENTS]) -> bool {
    let mut tail = *kept;
    tail[..3].fill(0);
    let all: u64 = tail.iter().fold(0, |sum, kept| sum.saturating_add(*kept));
    let end = tail[MOMENTS - 2].saturating_add(tail[MOMENTS - 1]);
    all >= 2 * LEAST && eighths(&tail) >= EIGHTHS && end as f64 >= 0.9 * 0.4 * all as f64
}

/// In how many eighths the objects were allocated, each weighted by its share: the inverse of Simpson's index of concentration
/// (E. H. Simpson, Measurement of diversity, Nature 163, 1949), in its form without bias, so that few objects count fairly.
fn eighths(born: &[u64; MOMENTS]) -> f64 {
    let all = born.iter().fold(0, |sum: u64, born| sum.saturating_add(*born));
    let pairs = |count: u64| count as f64 * count.saturating_sub(1) as f64;
    let same: f64 = born.iter().map(|&count| pairs(count)).sum();
    if same > 0.0 { pairs(all) / same } else { MOMENTS as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(objects: [u64; MOMENTS], old: u64) -> Course {
        let mut before = 0;
        let moments = objects.map(|objects| {
            let (floor, peak) = (objects.min(before), objects.max(before));
            before = objects;
            Moment { floor, peak, objects, bytes: objects * 64 }
        });
        let mut before = 0;
        let born = objects.map(|objects| objects.saturating_sub(std::mem::replace(&mut before, objects)));
        Course { allocations: 10_000, reused: 0, objects: objects[7], old, born, moments }
    }

    #[test]
    fn courses_and_their_verdicts() {
        for (objects, old, verdict) in [
            ([100, 200, 300, 400, 500, 600, 700, 800], 400, Verdict::KeepsGrowing),
            // It began midway.
            ([0, 0, 0, 160, 320, 480, 640, 800], 160, Verdict::KeepsGrowing),
            // In bursts: four of them are more than three processes that start.
            ([0, 200, 200, 400, 400, 600, 600, 800], 400, Verdict::KeepsGrowing),
            ([0, 0, 0, 200, 200, 600, 600, 800], 200, Verdict::InSteps),
            ([700, 780, 800, 800, 800, 800, 800, 800], 800, Verdict::FilledEarly),
            ([400, 600, 700, 750, 775, 788, 794, 800], 740, Verdict::FilledEarly),
            ([0, 0, 0, 0, 0, 0, 0, 800], 0, Verdict::Recent),
            ([1, 2, 3, 3, 4, 4, 5, 6], 3, Verdict::InUse),
            ([100, 90, 50, 40, 10, 0, 0, 0], 0, Verdict::AllFreed),
            // One step, late or in the middle.
            ([0, 0, 0, 0, 800, 800, 800, 800], 0, Verdict::InSteps),
            ([0, 0, 0, 400, 400, 400, 800, 800], 400, Verdict::InSteps),
            // Behind a cache that fills, what goes on is not flat.
            ([900, 900, 910, 920, 930, 940, 950, 960], 920, Verdict::KeepsGrowing),
            ([800, 1_600, 1_610, 1_620, 1_630, 1_640, 1_650, 1_660], 1_620, Verdict::Slowing),
            ([500, 700, 800, 850, 880, 910, 930, 950], 850, Verdict::Slowing),
        ] {
            assert_eq!(judge(&course(objects, old)), verdict, "{objects:?}");
        }
    }

    /// The floors of a trace of `filp` on Linux 6.18: a process that leaked 60 files a second, and one that opened 400 files and closed
    /// them, again and again.
    #[test]
    fn a_leak_beside_bursts_of_the_same_stack_is_seen_by_its_floor() {
        let floors = [0, 111, 181, 289, 359, 431, 538, 608];
        let peaks = [465, 543, 633, 730, 811, 902, 992, 1_080];
        let mut beside = course([111, 181, 289, 359, 431, 538, 608, 704], 359);
        for (moment, (floor, peak)) in beside.moments.iter_mut().zip(floors.into_iter().zip(peaks)) {
            (moment.floor, moment.peak) = (floor, peak);
        }
        assert_eq!(judge(&beside), Verdict::KeepsGrowing);
        assert_eq!(beside.kept(), [108, 70, 108, 70, 72, 107, 70, 96]);
        // The same ending within a burst: what is there for the moment is no part of the growth.
        (beside.objects, beside.born[7], beside.moments[7].objects) = (1_100, 492, 1_100);
        assert_eq!((judge(&beside), beside.kept()[7]), (Verdict::KeepsGrowing, 108));
        // The bursts alone.
        let mut alone = course([0; MOMENTS], 0);
        (alone.objects, alone.born[7], alone.moments[7].objects) = (400, 400, 400);
        alone.moments.iter_mut().for_each(|moment| moment.peak = 400);
        assert_eq!(judge(&alone), Verdict::InUse);
    }

    /// Each object is freed in the end: more of them are there, as the load is higher, or the queue longer.
    #[test]
    fn objects_that_are_replaced_by_more_are_no_leak() {
        let mut queue = course([100, 200, 300, 400, 500, 600, 700, 800], 0);
        queue.born = [0, 0, 0, 0, 0, 0, 100, 700];
        assert_eq!(judge(&queue), Verdict::Turnover);
        queue.born = [0, 0, 0, 0, 0, 100, 200, 500];
        assert_eq!(judge(&queue), Verdict::Recent);
        queue.born = [20, 20, 20, 100, 100, 140, 150, 250];
        queue.old = 160;
        assert_eq!(judge(&queue), Verdict::KeepsGrowing);
    }

    #[test]
    fn nothing_is_called_flat_in_doubt() {
        for flat in [Verdict::InUse, Verdict::FilledEarly, Verdict::Turnover] {
            assert_eq!(flat.in_doubt(), Verdict::NotJudged);
        }
        for other in [Verdict::KeepsGrowing, Verdict::AllFreed, Verdict::FreedElsewhere, Verdict::Recent] {
            assert_eq!(other.in_doubt(), other);
        }
        assert_eq!((smallest(0), smallest(64), smallest(1_000_000)), (8, 8, 1_000));
    }

    #[test]
    fn in_how_many_eighths() {
        for (born, number) in [
            ([100; 8], 8.0),
            ([0, 0, 0, 0, 300, 300, 300, 300], 4.0),
            ([0, 0, 500, 0, 0, 0, 0, 0], 1.0),
            // One each: nothing is concentrated.
            ([1; 8], 8.0),
            ([0, 3, 0, 0, 0, 0, 0, 0], 1.0),
        ] {
            assert!((eighths(&born) - number).abs() < 0.1, "{born:?}: {}", eighths(&born));
        }
    }

    #[test]
    fn addresses_that_come_back_are_never_accused() {
        let grows = course([100, 200, 300, 400, 500, 600, 700, 800], 400);
        assert_eq!(judge(&Course { reused: 2_001, ..grows }), Verdict::FreedElsewhere);
        assert_eq!(judge(&Course { reused: 2_000, ..grows }), Verdict::KeepsGrowing);
    }

    /// A working set that swings hides a growth below its swing; without one, its objects are young.
    #[test]
    fn a_swing_is_no_leak() {
        let mut level = course([90, 110, 80, 100, 95, 105, 90, 100], 5);
        level.born = [0, 0, 2, 3, 5, 10, 20, 60];
        assert_eq!(judge(&level), Verdict::InUse);
        let mut swings = course([100, 120, 110, 130, 120, 140, 130, 150], 40);
        for moment in &mut swings.moments {
            moment.floor = moment.objects - 80;
            moment.peak = moment.objects + 80;
        }
        assert_eq!(judge(&swings), Verdict::Turnover);
    }
}
