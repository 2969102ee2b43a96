//! What the course of a stack's outstanding objects means.

use serde::{Deserialize, Serialize};

use crate::timeline::{MOMENTS, Moment};

/// Share of allocations whose address came back without a free, above which frees are said to pass no tracepoint.
///
/// Measured on Linux 6.18: 70 to 99 % for paths that free in bulk or after RCU, 0 % for leaks.
pub const FREED_ELSEWHERE: f64 = 0.2;

/// Fewer objects than these are no growth.
const LEAST: u64 = 8;

/// Part of the outstanding objects that has to be older than half the trace: of an even growth it is half of them.
const OLD: u64 = 10;

/// Eighths of the trace in which the outstanding objects were allocated, as the effective number: an even growth has 8. Three
/// processes that started one after the other have 3: whether a fourth one follows needs a longer trace.
const EIGHTHS: f64 = 4.0;

/// Share of the growth that the second half of a trace must have: an even growth has a half.
const SECOND_HALF: f64 = 0.3;

/// What it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Outstanding objects grow through the whole trace, and the early ones are still there.
    KeepsGrowing,
    /// As `KeepsGrowing`, but the cache itself did not grow by nearly as much: their frees pass no tracepoint.
    Unconfirmed,
    /// Grew, but in a few steps: a process that starts looks like that, too.
    InSteps,
    /// Objects are held, and nearly all were allocated late: the trace is too short to say more.
    Recent,
    /// Grew in the beginning, flat since: typical of a cache that fills.
    FilledEarly,
    /// Freed where no tracepoint looks: addresses come back without a free.
    FreedElsewhere,
    /// Few objects, or as many as at other times of the trace.
    InUse,
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
            Self::InSteps => "grew in a few steps: trace longer to judge",
            Self::Recent => "allocated late in the trace: trace longer to judge",
            Self::FilledEarly => "grew early, flat since",
            Self::FreedElsewhere => "freed where no tracepoint looks: cannot be judged",
            Self::InUse => "in use, no growth",
            Self::AllFreed => "all freed",
        }
    }
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

/// Judges.
pub fn judge(course: &Course) -> Verdict {
    let Course { allocations, reused, objects, old, born, moments } = course;
    if *objects == 0 {
        return Verdict::AllFreed;
    }
    if *reused as f64 > FREED_ELSEWHERE * *allocations as f64 {
        return Verdict::FreedElsewhere;
    }
    let [.., half, fifth, sixth, seventh, last] = moments;
    let growth = last.objects.saturating_sub(moments[0].floor);
    if growth < LEAST {
        return Verdict::InUse;
    }
    let peak = |part: &[Moment]| part.iter().map(|moment| moment.peak).max().unwrap_or(0);
    let above = seventh.floor.min(last.floor) > peak(&moments[..4])
        && fifth.floor.min(sixth.floor) > peak(&moments[..2]);
    let second = last.objects.saturating_sub(half.objects) as f64;
    if above && *old > *objects / OLD && second >= SECOND_HALF * growth as f64 && last.objects > sixth.objects
    {
        return if eighths(born) >= EIGHTHS { Verdict::KeepsGrowing } else { Verdict::InSteps };
    }
    // What was there at half time, and is what is there now: nothing was added for long.
    let flat = second < SECOND_HALF * growth as f64 && *old > *objects / 2;
    match () {
        () if flat => Verdict::FilledEarly,
        () if *old < *objects / 10 && sixth.peak < *objects / 2 => Verdict::Recent,
        () => Verdict::InUse,
    }
}

/// In how many eighths the objects were allocated, each weighted by its share: the inverse of Simpson's index of concentration
/// (E. H. Simpson, Measurement of diversity, Nature 163, 1949), in its form without bias, so that few objects count fairly.
fn eighths(born: &[u64; MOMENTS]) -> f64 {
    let all: u64 = born.iter().sum();
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
            ([90, 110, 80, 100, 95, 105, 90, 100], 5, Verdict::InUse),
            ([1, 2, 3, 3, 4, 4, 5, 6], 3, Verdict::InUse),
            ([100, 90, 50, 40, 10, 0, 0, 0], 0, Verdict::AllFreed),
            // All young: each object is freed in the end, the working set grows with the load.
            ([100, 200, 300, 400, 500, 600, 700, 800], 0, Verdict::InUse),
            ([100, 200, 300, 400, 500, 600, 700, 800], 80, Verdict::InUse),
            ([100, 200, 300, 400, 500, 600, 700, 800], 81, Verdict::KeepsGrowing),
        ] {
            assert_eq!(judge(&course(objects, old)), verdict, "{objects:?}");
        }
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

    /// A working set that swings hides a growth below its swing.
    #[test]
    fn a_swing_is_no_growth() {
        let mut swings = course([100, 120, 110, 130, 120, 140, 130, 150], 40);
        for moment in &mut swings.moments {
            moment.floor = moment.objects - 80;
            moment.peak = moment.objects + 80;
        }
        assert_eq!(judge(&swings), Verdict::InUse);
    }
}
