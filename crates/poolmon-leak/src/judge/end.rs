//! When memory runs out: one end for the machine, from all leaks together, as a range.

use poolmon_model::{Header, Pool};

use crate::suspicion::Level;
use crate::verdict::{Exhaustion, Group, Limit, PoolGrowth, Rate, Verdict, VerdictKind};

/// Hours beyond which no end is stated: what goes well for a year changes before it ends.
const YEAR: f64 = 24.0 * 365.0;

/// A row that leaks: its pool, its bytes an hour, and the cause that it belongs to.
struct Leak {
    pool: Pool,
    bytes: Rate,
    cause: usize,
}

/// Something that can run out.
struct Bound {
    limit: Limit,
    /// Bytes that are left of it.
    room: Option<f64>,
    /// Which pools use it up.
    uses: fn(Pool) -> bool,
}

/// Writes it to each leak that takes part in it. Leaks and likely leaks count; possible ones only where there are no others. Nothing
/// is said where something that is no leak grows faster: memory may run out long before. `hours` were judged.
pub fn state(header: &Header, groups: &[Group], pools: &[PoolGrowth], hours: f64, verdicts: &mut [Verdict]) {
    let of_level = |verdict: &Verdict, least: Level| {
        let suspected = verdict.kind == VerdictKind::Suspected && verdict.level >= Some(least);
        verdict.kind == VerdictKind::Leaking || suspected
    };
    let sure = verdicts.iter().any(|verdict| of_level(verdict, Level::Likely));
    let least = if sure { Level::Likely } else { Level::Possible };
    let leaks: Vec<Leak> = verdicts
        .iter()
        .enumerate()
        .filter(|(_, verdict)| of_level(verdict, least))
        .map(|(at, verdict)| Leak {
            pool: verdict.pool,
            bytes: verdict.bytes,
            // Numbers of groups are below those of rows that are alone.
            cause: verdict.group.unwrap_or(groups.len() + at),
        })
        .collect();
    let others = |bound: &Bound| {
        let uses = |pool: Pool| (bound.uses)(pool);
        let mut sum = 0.0_f64;
        for pool in pools.iter().filter(|growth| growth.grows && uses(growth.pool)) {
            let known: f64 =
                leaks.iter().filter(|leak| leak.pool == pool.pool).map(|leak| leak.bytes.per_hour).sum();
            sum += (pool.bytes.per_hour - known).max(0.0);
        }
        let unexplained = |verdict: &&Verdict| {
            let may_go_on = VerdictKind::UNEXPLAINED.contains(&verdict.kind)
                || matches!(verdict.kind, VerdictKind::Suspected | VerdictKind::TooLittleData);
            may_go_on && !of_level(verdict, least) && uses(verdict.pool)
        };
        // Call sites are counted in their pools, too.
        let rows = verdicts.iter().filter(unexplained).filter(|row| row.pool != Pool::CallSite);
        let rate = |row: &Verdict| if hours > 0.0 { row.change / hours } else { 0.0 };
        rows.map(rate).fold(sum, f64::max)
    };
    let Some((end, bound)) = first(header, &leaks, others) else { return };
    for verdict in verdicts.iter_mut().filter(|verdict| of_level(verdict, least)) {
        verdict.exhaustion = (bound.uses)(verdict.pool).then_some(end);
    }
}

/// What ends first at these rates, and when.
fn first(header: &Header, leaks: &[Leak], others: impl Fn(&Bound) -> f64) -> Option<(Exhaustion, Bound)> {
    let room = |limit: Option<u64>, used: Option<u64>| Some(limit?.saturating_sub(used?) as f64);
    let bounds = [
        Bound {
            limit: Limit::Pool,
            room: room(header.limit_nonpaged, header.pool_total(Pool::Nonpaged)),
            uses: |pool| pool == Pool::Nonpaged,
        },
        Bound {
            limit: Limit::Pool,
            room: room(header.limit_paged, header.pool_total(Pool::Paged)),
            uses: |pool| pool == Pool::Paged,
        },
        // Linux charges no commit for what its kernel takes.
        Bound {
            limit: Limit::Commit,
            room: room(header.commit_limit, header.commit),
            uses: |pool| matches!(pool, Pool::Nonpaged | Pool::Paged),
        },
        // Paged pool can leave memory, so that it does not use up what is available. What the kernel can shrink counts
        // as available.
        Bound {
            limit: Limit::Available,
            room: header.memory_available.map(|bytes| bytes as f64),
            uses: |pool| !matches!(pool, Pool::Paged | Pool::Reclaimable),
        },
    ];
    bounds
        .into_iter()
        .filter_map(|bound| Some((until(&bound, leaks, others(&bound))?, bound)))
        .min_by(|a, b| a.0.hours.total_cmp(&b.0.hours))
}

/// `others` is what else grows, bytes an hour: if that goes on, the end comes earlier; if it is more, it is the end of that.
fn until(bound: &Bound, leaks: &[Leak], others: f64) -> Option<Exhaustion> {
    let room = bound.room?;
    let taking: Vec<&Leak> = leaks.iter().filter(|leak| (bound.uses)(leak.pool)).collect();
    let rate: f64 = taking.iter().map(|leak| leak.bytes.per_hour).sum();
    if rate <= 0.0 || others > rate {
        return None;
    }
    let mut causes: Vec<usize> = taking.iter().map(|leak| leak.cause).collect();
    causes.sort_unstable();
    causes.dedup();
    // Rows of one cause err in the same direction; causes do not.
    let of_cause = |cause: usize| taking.iter().filter(move |leak| leak.cause == cause);
    let margin = causes
        .iter()
        .map(|&cause| of_cause(cause).map(|leak| leak.bytes.half()).sum::<f64>().powi(2))
        .sum::<f64>()
        .sqrt();
    let hours = |rate: f64| Some(room / rate).filter(|hours| rate > 0.0 && *hours <= YEAR);
    Some(Exhaustion {
        hours: hours(rate)?,
        earliest: hours(rate + margin + others)?,
        latest: hours(rate - margin),
        limit: bound.limit,
        causes: causes.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leak(per_hour: f64, half: f64, cause: usize, pool: Pool) -> Leak {
        Leak { pool, bytes: Rate { per_hour, low: per_hour - half, high: per_hour + half }, cause }
    }

    fn none(_: &Bound) -> f64 {
        0.0
    }

    fn windows() -> Header {
        let (commit_limit, commit) = (Some(10_000), Some(1_000));
        Header { commit_limit, commit, memory_available: Some(4_000), ..Header::default() }
    }

    #[test]
    fn leaks_add_up_to_one_end() {
        let leaks = [leak(300.0, 30.0, 0, Pool::Nonpaged), leak(100.0, 40.0, 1, Pool::Paged)];
        let (end, bound) = first(&windows(), &leaks, none).unwrap();
        // Of available memory nonpaged pool takes 300 an hour, of commit both take 400.
        assert_eq!((end.limit, end.causes), (Limit::Available, 1));
        assert!((end.hours - 4_000.0 / 300.0).abs() < 1e-9 && !(bound.uses)(Pool::Paged));
        let header = Header { memory_available: Some(100_000), ..windows() };
        let (end, _) = first(&header, &leaks, none).unwrap();
        assert_eq!((end.limit, end.causes), (Limit::Commit, 2));
        assert!((end.hours - 22.5).abs() < 1e-9);
        // Causes err independently: a margin of 50.
        assert!((end.earliest - 20.0).abs() < 1e-9 && (end.latest.unwrap() - 9_000.0 / 350.0).abs() < 1e-9);
        // Rows of one cause do not: 70.
        let one = [leak(300.0, 30.0, 0, Pool::Nonpaged), leak(100.0, 40.0, 0, Pool::Paged)];
        let (end, _) = first(&header, &one, none).unwrap();
        assert!((end.earliest - 9_000.0 / 470.0).abs() < 1e-9 && end.causes == 1);
    }

    #[test]
    fn an_end_that_may_never_come_has_no_latest() {
        let (end, _) = first(&windows(), &[leak(100.0, 100.0, 0, Pool::Nonpaged)], none).unwrap();
        assert_eq!(end.latest, None);
        assert!(end.range().ends_with(" or later)"), "{}", end.range());
    }

    #[test]
    fn what_else_grows_makes_the_end_earlier_or_hides_it() {
        let leaks = [leak(300.0, 0.0, 0, Pool::Nonpaged)];
        let (end, _) = first(&windows(), &leaks, |_| 100.0).unwrap();
        assert!((end.hours - 4_000.0 / 300.0).abs() < 1e-9 && (end.earliest - 10.0).abs() < 1e-9);
        assert!(first(&windows(), &leaks, |_| 301.0).is_none());
    }

    #[test]
    fn nothing_beyond_a_year_and_nothing_that_shrinks() {
        assert!(first(&windows(), &[leak(0.1, 0.0, 0, Pool::Nonpaged)], none).is_none());
        assert!(first(&windows(), &[leak(1e3, 0.0, 0, Pool::Reclaimable)], none).is_none());
    }
}
