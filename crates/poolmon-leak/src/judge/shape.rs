//! What the growth of a row that is not suspected to leak looks like: in jumps, or by slabs that are not full.

use poolmon_model::Pool;
use poolmon_model::units::counted;

use super::all::Moved;
use super::one::Finding;
use crate::suspicion::Facts;
use crate::verdict::VerdictKind;

/// A jump is at least this part of the growth.
const JUMP: f64 = 0.1;
/// Jumps make up at least this part of the growth.
const MADE_OF: f64 = 0.8;
/// What the row does between its jumps takes most of its points.
const JUMPING: f64 = 0.25;
/// Objects gained, at the size that one has at the end, are at most this part of the growth of what holds them.
const FEW_OBJECTS: f64 = 0.25;

/// Part of what it allocates that a row keeps if it is no cache.
const KEEPS: f64 = 0.98;
/// Slope of the last quarter over that of the whole, if growth goes on.
const GOES_ON: f64 = 0.3;

/// Part of its swing that a plateau still holds at the end.
const HELD: f64 = 0.75;

/// Says it, where nothing graver is said.
pub fn describe(finding: &mut Finding, pool: Pool, facts: Option<&Facts>, moved: &Moved) {
    if matches!(finding.kind, VerdictKind::WarmingUp | VerdictKind::Plateau) && moved.change <= 0.0 {
        finding.kind = VerdictKind::LoadDriven;
        finding.reasons = vec!["holds no more than at the first sample".into()];
        finding.needs = None;
    } else if finding.kind == VerdictKind::Plateau && moved.change < HELD * moved.swing {
        finding.kind = VerdictKind::WarmingUp;
    }
    let e = &finding.evidence;
    // A cache that is full replaces what it holds. What frees next to nothing and goes on grows as its work does.
    if finding.kind == VerdictKind::WarmingUp
        && e.retention.is_some_and(|kept| kept >= KEEPS)
        && e.last.is_some_and(|last| last >= GOES_ON)
        && !finding.excused
    {
        finding.kind = VerdictKind::Growing;
        finding.reasons = vec!["allocates less than at first, and frees next to nothing of it".into()];
    }
    if finding.excused || finding.kind != VerdictKind::Growing {
        return;
    }
    let in_slabs = matches!(pool, Pool::Reclaimable | Pool::Unreclaimable);
    let objects = facts.and_then(|facts| facts.objects).filter(|_| in_slabs);
    if objects.is_some_and(|objects| objects <= FEW_OBJECTS) {
        finding.kind = VerdictKind::HalfEmptySlabs;
        finding.needs = None;
    } else if let Some(jumps) = jumps(&finding.points.mean) {
        finding.kind = VerdictKind::RepeatedJumps;
        finding
            .reasons
            .insert(0, format!("its growth is {}, flat in between", counted(jumps as u64, "jump")));
    }
}

/// How many jumps the growth is made of; `None` if it is another kind of growth, or one jump.
fn jumps(y: &[f64]) -> Option<usize> {
    let growth = y.last()? - y.first()?;
    if growth <= 0.0 || y.len() < 12 {
        return None;
    }
    let (mut jumps, mut made_of, mut points) = (0_usize, 0.0, 0_usize);
    let mut rise = (0.0, 0_usize);
    let moves = y.windows(2).map(|pair| pair[1] - pair[0]);
    // A jump within a mean of samples is two rises, one after the other.
    for change in moves.chain([0.0]) {
        if change > JUMP / 4.0 * growth {
            rise = (rise.0 + change, rise.1 + 1);
        } else {
            if rise.0 >= JUMP * growth {
                (jumps, made_of, points) = (jumps + 1, made_of + rise.0, points + rise.1);
            }
            rise = (0.0, 0);
        }
    }
    let falls = y.windows(2).any(|pair| pair[0] - pair[1] > JUMP * growth);
    let flat = points as f64 <= JUMPING * y.len() as f64;
    (jumps >= 2 && flat && !falls && made_of >= MADE_OF * growth).then_some(jumps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stairs(heights: &[(usize, f64)]) -> Vec<f64> {
        let mut level = 1e6;
        (0..60)
            .map(|at| {
                level += heights.iter().filter(|step| step.0 == at).map(|step| step.1).sum::<f64>();
                level + f64::from(u8::from(at % 3 == 0)) * 2e3
            })
            .collect()
    }

    #[test]
    fn jumps_are_counted() {
        assert_eq!(jumps(&stairs(&[(10, 1e6), (30, 1e6), (50, 1e6)])), Some(3));
        // A jump in the middle of a point.
        assert_eq!(jumps(&stairs(&[(10, 4e5), (11, 6e5), (40, 1e6)])), Some(2));
    }

    #[test]
    fn other_growth_is_not_called_jumps() {
        assert_eq!(jumps(&stairs(&[(20, 1e6)])), None, "one jump");
        let line: Vec<f64> = (0..60).map(|at| f64::from(at) * 1e5).collect();
        assert_eq!(jumps(&line), None, "a line");
        let mut spikes = stairs(&[(10, 1e6), (30, 1e6)]);
        spikes[45] += 2e6;
        assert_eq!(jumps(&spikes), None, "it falls");
        let mut slope = stairs(&[(10, 1e6), (30, 1e6)]);
        for (at, value) in slope.iter_mut().enumerate() {
            *value += at as f64 * 2e4;
        }
        assert_eq!(jumps(&slope), None, "a third of it grows evenly");
        // Three rises of eight points each are slopes.
        let slopes: Vec<(usize, f64)> =
            [5, 25, 45].iter().flat_map(|from| (*from..from + 8).map(|at| (at, 2e5))).collect();
        assert_eq!(jumps(&stairs(&slopes)), None, "it rises in two fifths of the points");
    }
}
