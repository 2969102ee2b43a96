//! The tags of a trace that holds many: what each did, what it keeps, and whose it is.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use poolmon_model::{Pool, PoolTag};

use crate::doubt::{Seen, doubt};
use crate::verdict::{self, Verdict};
use crate::{About, Answer, Ending, Module, StackSummary, Summary, Symbol, Symbols, Totals, answer, owner};

/// What the events of one tag say, each on its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TagTotals {
    /// Allocations.
    pub allocations: u64,
    /// Bytes of them.
    pub allocated: u64,
    /// Frees, those of objects that are older than the trace included.
    pub frees: u64,
    /// Bytes of them.
    pub freed: u64,
}

impl TagTotals {
    /// Bytes that the trace saw allocated and not freed; negative if more was freed.
    pub fn change(&self) -> i64 {
        let change = i128::from(self.allocated) - i128::from(self.freed);
        i64::try_from(change).unwrap_or(if change < 0 { i64::MIN } else { i64::MAX })
    }
}

/// One tag.
#[derive(Clone, Debug)]
pub struct TagRow {
    /// The tag.
    pub tag: PoolTag,
    /// The pool.
    pub pool: Pool,
    /// What its events say.
    pub totals: TagTotals,
    /// Objects that were allocated in the trace and are outstanding at its end.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// What their course means.
    pub verdict: Verdict,
    /// The owner of the stack that keeps most of them, and its share of the bytes, 0 to 1; `None` if nothing is outstanding or no
    /// stack is known.
    pub owner: Option<(String, f64)>,
}

/// What a trace says.
#[derive(Debug)]
pub enum TraceFound {
    /// The stacks that keep memory.
    Stacks(Box<Answer>),
    /// The tags.
    Tags(Box<TraceTags>),
}

impl TraceFound {
    /// Whether something keeps growing through the whole trace.
    pub fn accuses(&self) -> bool {
        match self {
            Self::Stacks(answer) => answer.accused().next().is_some(),
            Self::Tags(tags) => tags.accused().next().is_some(),
        }
    }
}

/// All tags of a trace.
#[derive(Debug)]
pub struct TraceTags {
    /// What was traced.
    pub about: About,
    /// How it ended.
    pub ending: Ending,
    /// Length, in seconds.
    pub seconds: f64,
    /// What was counted in all.
    pub totals: Totals,
    /// The tags: those that keep growing first, then by outstanding bytes.
    pub rows: Vec<TagRow>,
    /// Why the trace cannot show that nothing grows; `None` if it can.
    pub doubt: Option<String>,
}

impl TraceTags {
    /// Folds by tag. The first frame of each stack is no address but the number of its tag in `tags`, from 1.
    pub fn new(
        mut about: About,
        mut ending: Ending,
        summary: Summary,
        tags: Vec<((PoolTag, Pool), TagTotals)>,
    ) -> Self {
        answer::clean(&mut about, &mut ending);
        let symbols: Symbols = std::mem::take(&mut ending.symbols).into_iter().collect();
        let mut by_tag: BTreeMap<u64, Vec<(StackSummary, Option<String>)>> = BTreeMap::new();
        for figures in summary.stacks {
            let Some((&tag, frames)) = summary.frames.frames(figures.stack).split_first() else { continue };
            by_tag.entry(tag).or_default().push((figures, owner_of(frames, &symbols)));
        }
        let mut rows: Vec<TagRow> = Vec::with_capacity(tags.len());
        for (number, ((tag, pool), totals)) in (1..).zip(tags) {
            rows.push(row(tag, pool, totals, by_tag.remove(&number).unwrap_or_default()));
        }
        let seconds = summary.length as f64 / 1e9;
        let mut all = Self { about, ending, seconds, totals: summary.totals, rows, doubt: None };
        all.doubt = doubt(&Seen {
            ending: &all.ending,
            growth: None,
            totals: &all.totals,
            seconds,
            lost: all.lost_share(),
            objects: all.rows.iter().map(|row| row.objects).sum(),
        });
        if all.doubt.is_some() {
            for row in &mut all.rows {
                row.verdict = row.verdict.in_doubt();
            }
        }
        all.rows.sort_unstable_by_key(|row| {
            let growing = row.verdict == Verdict::KeepsGrowing;
            (!growing, Reverse(row.bytes), Reverse(row.totals.change()), row.tag, row.pool)
        });
        all
    }

    /// Tags that are accused: their objects grow through the whole trace.
    pub fn accused(&self) -> impl Iterator<Item = &TagRow> {
        self.rows.iter().filter(|row| row.verdict == Verdict::KeepsGrowing)
    }

    /// Share of all events that the system dropped, 0 to 1.
    pub fn lost_share(&self) -> f64 {
        let seen = self.totals.allocations.saturating_add(self.totals.frees);
        self.ending.lost as f64 / self.ending.lost.saturating_add(seen).max(1) as f64
    }

    /// Who made a driver, if the trace says it.
    pub fn made(&self, driver: &str) -> Option<&Module> {
        self.ending.modules.iter().find(|made| made.name == driver)
    }
}

/// The driver or function of a stack.
fn owner_of(frames: &[u64], symbols: &Symbols) -> Option<String> {
    let at = owner::frame(frames.iter().map(|&frame| symbols.get(frame)));
    let address = *frames.get(at)?;
    Some(symbols.get(address).and_then(Symbol::name).unwrap_or_else(|| format!("{address:#x}")))
}

fn row(tag: PoolTag, pool: Pool, totals: TagTotals, stacks: Vec<(StackSummary, Option<String>)>) -> TagRow {
    let mut sum: Option<StackSummary> = None;
    let mut owners: BTreeMap<String, u64> = BTreeMap::new();
    // A stack that keeps growing is not hidden by others that come and go; objects that moved from one to another are no growth.
    let mut kept = 0;
    for (figures, owner) in stacks {
        if figures.verdict == Verdict::KeepsGrowing {
            kept += figures.course().grown();
        }
        if let Some(owner) = owner.filter(|_| figures.bytes > 0) {
            let bytes = owners.entry(owner).or_default();
            *bytes = bytes.saturating_add(figures.bytes);
        }
        match &mut sum {
            Some(sum) => answer::add(sum, &figures),
            None => sum = Some(figures),
        }
    }
    let (objects, bytes) = sum.as_ref().map_or((0, 0), |sum| (sum.objects, sum.bytes));
    let verdict = match &sum {
        Some(sum) if kept > 0 && sum.course().grown() >= kept / 2 => Verdict::KeepsGrowing,
        Some(sum) => verdict::judge(&sum.course()),
        None => Verdict::AllFreed,
    };
    // As many older objects were freed.
    let more = totals.allocations.saturating_sub(totals.frees);
    let replaced =
        verdict == Verdict::KeepsGrowing && sum.as_ref().is_some_and(|sum| sum.course().grown() / 2 > more);
    let verdict = if replaced { Verdict::Replaced } else { verdict };
    let most = owners.into_iter().max_by_key(|(_, bytes)| *bytes);
    let owner = most.map(|(owner, most)| (owner, most as f64 / bytes.max(1) as f64));
    TagRow { tag, pool, totals, objects, bytes, verdict, owner }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine, Event, Kind, Limits};

    /// `Leak` keeps an object a round through one driver, and turns over a thousand through another one; `Idle` frees what is
    /// older than the trace.
    #[test]
    fn each_tag_has_its_own_objects_verdict_and_owner() {
        let mut engine = Engine::new(Limits::default());
        let stacks = engine.stacks_mut();
        let (keeps, turns) = (stacks.intern(&[1, 0x50, 0x1000]), stacks.intern(&[1, 0x50, 0x2000]));
        engine.begin(0);
        for n in 0..800_u64 {
            let time = n * 1_000_000;
            let mut alloc = |address, bytes, stack| {
                let kind = Kind::Alloc { address, bytes, requested: bytes, stack, task: 1 };
                engine.push(Event { time, cpu: 0, kind });
            };
            alloc(0x10_0000 + n * 64, 64, keeps);
            alloc(0x80_0000 + n % 100 * 4_096, 16, turns);
            if n % 100 == 99 {
                for n in 0..100 {
                    let kind = Kind::Free { address: 0x80_0000 + n * 4_096 };
                    engine.push(Event { time, cpu: 0, kind });
                }
            }
        }
        let driver = |name: &str| Symbol { function: None, module: Some(name.into()), offset: 0 };
        let symbols =
            vec![(0x50, driver("ntoskrnl.exe")), (0x1000, driver("a.sys")), (0x2000, driver("b.sys"))];
        let leak = TagTotals { allocations: 1_600, allocated: 64_000, frees: 800, freed: 12_800 };
        let idle = TagTotals { frees: 5, freed: 500, ..TagTotals::default() };
        let tags =
            vec![((PoolTag(*b"Leak"), Pool::Nonpaged), leak), ((PoolTag(*b"Idle"), Pool::Paged), idle)];
        let ending = Ending { symbols, ..Ending::default() };
        let tags = TraceTags::new(About::default(), ending, engine.finish(800_000_000), tags);
        let [leak, idle] = tags.rows.as_slice() else { panic!("{:?}", tags.rows) };
        assert_eq!((leak.tag, leak.objects, leak.bytes), (PoolTag(*b"Leak"), 800, 51_200));
        assert_eq!((leak.verdict, leak.owner.clone()), (Verdict::KeepsGrowing, Some(("a.sys".into(), 1.0))));
        assert_eq!((idle.objects, idle.verdict, idle.owner.clone()), (0, Verdict::AllFreed, None));
        assert_eq!((leak.totals.change(), idle.totals.change()), (51_200, -500));
        assert_eq!(tags.accused().count(), 1);
        assert!(TraceFound::Tags(Box::new(tags)).accuses());
    }
}
