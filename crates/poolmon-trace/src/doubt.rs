//! Whether a trace could have shown a growth: what is not growing in it is called so only then.

use std::time::Duration;

use poolmon_model::units::{counted, span};

use crate::{Ending, Growth, Totals};

/// Shortest trace that shows that nothing grows, in seconds; of one that was stopped, which may have been for what was seen.
const SHORTEST: f64 = 10.0;
const SHORTEST_STOPPED: f64 = 30.0;

/// Share of events lost, beyond which a growth may be among them.
const LOST: f64 = 0.01;

/// Share of the cache's growth that the stacks have to explain, if that is known, and objects beyond which a lower one counts.
const EXPLAINED: f64 = 0.5;
const FEW: u64 = 64;

/// What a trace is judged by, stacks aside.
pub struct Seen<'a> {
    pub ending: &'a Ending,
    /// By how much what is traced grew, if all of its allocations make events.
    pub growth: Option<Growth>,
    pub totals: &'a Totals,
    pub seconds: f64,
    /// Share of events lost, 0 to 1.
    pub lost: f64,
    /// Objects that are outstanding at the end.
    pub objects: u64,
}

/// Why a trace that shows no growth does not prove that there is none; `None` if it does.
pub fn doubt(seen: &Seen<'_>) -> Option<String> {
    let Seen { ending, growth, totals, seconds, lost, objects } = seen;
    let length = || span(Duration::try_from_secs_f64(*seconds).unwrap_or_default());
    if ending.stopped.is_some() && *seconds < SHORTEST_STOPPED {
        return Some(format!("the trace ended after {}, before its time", length()));
    }
    if *seconds < SHORTEST {
        return Some(format!("{} are too short (at least {SHORTEST:.0} s are needed)", length()));
    }
    if *lost > LOST {
        return Some(format!("{:.1} % of the events were lost", lost * 100.0));
    }
    if totals.refused > 0 {
        return Some(format!(
            "{} could not be followed, as the memory limit was reached",
            counted(totals.refused, "allocation")
        ));
    }
    if let Some(why) = &ending.incomplete {
        return Some(why.clone());
    }
    let growth = (*growth)?;
    let grown = u64::try_from(growth.objects.saturating_add_unsigned(totals.older_frees)).ok()?;
    let hidden = grown.saturating_sub(*objects);
    ((*objects as f64) < EXPLAINED * grown as f64 && hidden > FEW.max(growth.within)).then(|| {
        format!(
            "{} that were added passed no tracepoint, or their events were lost",
            counted(hidden, "object")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Growth;

    fn of(seconds: f64, stopped: bool, lost: f64, refused: u64, growth: Option<i64>) -> Option<String> {
        let growth = growth.map(|objects| Growth { objects, ..Growth::default() });
        let ending = Ending { stopped: stopped.then(|| "x".into()), ..Ending::default() };
        let totals = Totals { refused, older_frees: 50, ..Totals::default() };
        doubt(&Seen { ending: &ending, growth, totals: &totals, seconds, lost, objects: 100 })
    }

    #[test]
    fn short_stopped_and_lossy_traces_prove_nothing() {
        assert_eq!(of(10.0, false, 0.01, 0, Some(150)), None);
        assert_eq!(of(60.0, true, 0.0, 0, None), None);
        for (doubt, why) in [
            (of(9.9, false, 0.0, 0, None), "too short"),
            (of(29.0, true, 0.0, 0, None), "before its time"),
            (of(60.0, false, 0.011, 0, None), "1.1 % of the events"),
            (of(60.0, false, 0.0, 1, None), "1 allocation could not be followed"),
            (of(60.0, false, 0.0, 0, Some(151)), "101 objects that were added passed no tracepoint"),
        ] {
            assert!(doubt.as_ref().is_some_and(|doubt| doubt.contains(why)), "{why}: {doubt:?}");
        }
    }
}
