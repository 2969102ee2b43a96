//! The answer of a trace: stacks folded by owner, next to what the kernel says of the cache itself.

use std::borrow::Cow;

use poolmon_model::hidden::safe;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::doubt::{Seen, doubt};
use crate::verdict::{self, Verdict, smallest};
use crate::{MOMENTS, Module, Moment, StackSummary, Stacks, Summary, Symbol, Symbols, Totals, owner};

/// More objects than half-filled slabs of the CPUs hide.
const SLACK: u64 = 64;

/// What is traced, on which machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// The cache or tag, as it was asked for.
    pub target: String,
    /// What that is.
    pub subject: Subject,
    /// Caches that the events cannot tell apart from it: merged ones, or those of the same size.
    pub sharing: Vec<String>,
    /// The machine.
    pub host: Option<String>,
    /// Its system (`Linux 6.12.8`).
    pub system: Option<String>,
    /// When the trace began, in RFC 3339.
    pub started: Option<String>,
    /// The same on the clock of the events, in nanoseconds.
    pub start: u64,
    /// What has to be known to read the answer.
    pub remarks: Vec<String>,
}

/// What is traced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A slab cache.
    #[default]
    Cache,
    /// Several slab caches together.
    Caches,
    /// A tag of Windows' pools.
    Tag,
    /// Whole pages.
    Pages,
    /// Memory that each processor has its own copy of.
    PerCpu,
    /// Areas of the kernel's virtual memory.
    Vmalloc,
    /// A line of the kernel's source.
    CallSite,
}

impl Subject {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Caches => "caches together",
            Self::Tag => "tag",
            Self::Pages => "memory in use",
            Self::PerCpu => "per-CPU memory",
            Self::Vmalloc => "vmalloc space",
            Self::CallSite => "call site",
        }
    }

    /// What an object is.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Pages => "page",
            Self::Vmalloc => "area",
            _ => "object",
        }
    }
}

/// How a trace ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ending {
    /// When, on the clock of the events, in nanoseconds.
    pub end: u64,
    /// Why before its time; `None` if it was not.
    pub stopped: Option<String>,
    /// Why events are missing that nobody counted; `None` if none are known to be.
    pub incomplete: Option<String>,
    /// Events that the system dropped, as they were not read in time.
    pub lost: u64,
    /// Events that were read, those of other caches included that the system could not drop by itself; 0 if unknown.
    pub events: u64,
    /// What the system says of the cache itself; `None` if it does not.
    pub growth: Option<Growth>,
    /// Names of processes.
    pub tasks: Vec<(u32, String)>,
    /// Names of addresses.
    pub symbols: Vec<(u64, Symbol)>,
    /// Who made the modules of these addresses, if that is known.
    pub modules: Vec<Module>,
    /// What has to be known to read the answer.
    pub remarks: Vec<String>,
}

/// By how much a cache or tag grew during the trace, by the system's own counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    /// Objects.
    pub objects: i64,
    /// Bytes in objects.
    pub bytes: i64,
    /// Each object was counted, rather than whole slabs, and none that is free.
    pub exact: bool,
    /// By how many objects the count may be wrong: free ones in the slabs that processors allocate from count as used.
    #[serde(default)]
    pub within: u64,
}

/// A stack of an owner.
#[derive(Clone, Debug)]
pub struct OwnerStack {
    /// Its frames, innermost first.
    pub frames: Vec<u64>,
    /// Its figures.
    pub figures: StackSummary,
}

/// All stacks whose first frame of interest is the same function.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The function, or driver; its address if that is all that is known.
    pub name: String,
    /// The module or driver; `None` for the kernel itself.
    pub module: Option<String>,
    /// Who made it; `None` if unknown.
    pub made: Option<Module>,
    /// Sums over its stacks; `stack` is that of the first.
    pub figures: StackSummary,
    /// Its stacks, the one with the most outstanding bytes first.
    pub stacks: Vec<OwnerStack>,
}

/// The answer.
#[derive(Debug)]
pub struct Answer {
    /// What was traced.
    pub about: About,
    /// How it ended.
    pub ending: Ending,
    /// Length, in seconds.
    pub seconds: f64,
    /// What was counted in all.
    pub totals: Totals,
    /// Owners: those that keep growing first, then by outstanding bytes.
    pub owners: Vec<Owner>,
    /// Names of addresses.
    pub symbols: Symbols,
    /// Why the trace cannot show that nothing grows; `None` if it can.
    pub doubt: Option<String>,
}

impl Answer {
    /// Folds and judges.
    pub fn new(mut about: About, mut ending: Ending, summary: Summary) -> Self {
        clean(&mut about, &mut ending);
        let symbols: Symbols = std::mem::take(&mut ending.symbols).into_iter().collect();
        let Summary { length, totals, stacks, frames } = summary;
        let mut owners = fold(stacks, &frames, &symbols);
        for owner in &mut owners {
            let made = ending.modules.iter().find(|made| Some(&made.name) == owner.module.as_ref());
            owner.made = made.cloned();
        }
        confirm(&mut owners, ending.growth, totals.older_frees);
        let mut answer =
            Self { about, ending, seconds: length as f64 / 1e9, totals, owners, symbols, doubt: None };
        answer.doubt = doubt(&Seen {
            ending: &answer.ending,
            growth: answer.ending.growth.filter(|_| answer.about.subject != Subject::CallSite),
            totals: &answer.totals,
            seconds: answer.seconds,
            lost: answer.lost_share(),
            objects: answer.objects(),
        });
        let owners = &mut answer.owners;
        if answer.doubt.is_some() {
            let stacks = owners.iter_mut().flat_map(|owner| {
                let stacks = owner.stacks.iter_mut().map(|stack| &mut stack.figures);
                stacks.chain([&mut owner.figures])
            });
            for figures in stacks {
                figures.verdict = figures.verdict.in_doubt();
            }
        }
        owners.sort_unstable_by(|a, b| {
            let key = |owner: &Owner| {
                (owner.figures.verdict != Verdict::KeepsGrowing, std::cmp::Reverse(owner.figures.bytes))
            };
            key(a).cmp(&key(b)).then_with(|| (&a.name, &a.module).cmp(&(&b.name, &b.module)))
        });
        answer
    }

    /// Owners that are accused: their objects grow through the whole trace, and so does the cache.
    pub fn accused(&self) -> impl Iterator<Item = &Owner> {
        self.owners.iter().filter(|owner| owner.figures.verdict == Verdict::KeepsGrowing)
    }

    /// Bytes that are outstanding.
    pub fn outstanding(&self) -> u64 {
        self.owners.iter().fold(0, |sum, owner| sum.saturating_add(owner.figures.bytes))
    }

    /// Objects that are outstanding.
    pub fn objects(&self) -> u64 {
        self.owners.iter().map(|owner| owner.figures.objects).sum()
    }

    /// Share of the growth that the outstanding objects explain, 1 for all of it. Objects that are older than the trace and were
    /// freed during it made the growth smaller, which is taken into account. `None` if the cache did not grow, or the growth
    /// is unknown.
    pub fn explained(&self) -> Option<f64> {
        let grown = self.ending.growth?.objects.saturating_add_unsigned(self.totals.older_frees);
        (grown > 0).then(|| self.objects() as f64 / grown as f64)
    }

    /// The smallest growth of an owner that this trace would have shown, in objects.
    pub fn smallest(&self) -> u64 {
        smallest(self.owners.iter().map(|owner| owner.figures.objects).max().unwrap_or(0))
    }

    /// Share of all events that the system dropped, 0 to 1.
    pub fn lost_share(&self) -> f64 {
        let seen = self.ending.events.max(self.totals.allocations.saturating_add(self.totals.frees));
        self.ending.lost as f64 / self.ending.lost.saturating_add(seen).max(1) as f64
    }

    /// A process by its name and number.
    pub fn task(&self, task: u32) -> String {
        match self.ending.tasks.iter().find(|(known, _)| *known == task) {
            Some((_, name)) => format!("{name} ({task})"),
            None if task == 0 => "idle".into(),
            None => format!("process {task}"),
        }
    }
}

fn fold(stacks: Vec<StackSummary>, frames: &Stacks, symbols: &Symbols) -> Vec<Owner> {
    let mut places: FxHashMap<(String, Option<String>), usize> = FxHashMap::default();
    let mut owners: Vec<Owner> = Vec::new();
    for figures in stacks {
        let addresses = frames.frames(figures.stack);
        let found = owner::found(addresses.iter().map(|&address| symbols.get(address)));
        let address = addresses.get(found.unwrap_or(0)).copied();
        let symbol = address.and_then(|address| symbols.get(address));
        let name = match (symbol, address) {
            // The stack ends within the allocator.
            (Some(Symbol { function: Some(function), .. }), _) if found.is_none() => {
                format!("unknown caller of {function}")
            }
            (Some(Symbol { function: Some(function), .. }), _) => function.clone(),
            (Some(Symbol { module: Some(module), .. }), _) => module.clone(),
            (_, Some(address)) => format!("{address:#x}"),
            (_, None) => "unknown stack".to_owned(),
        };
        let module = symbol.and_then(|symbol| symbol.module.clone());
        let stack = OwnerStack { frames: addresses.to_vec(), figures };
        let place = *places.entry((name.clone(), module.clone())).or_insert(owners.len());
        match owners.get_mut(place) {
            Some(owner) => {
                add(&mut owner.figures, &stack.figures);
                owner.stacks.push(stack);
            }
            None => owners.push(Owner {
                name,
                module,
                made: None,
                figures: stack.figures.clone(),
                stacks: vec![stack],
            }),
        }
    }
    for owner in &mut owners {
        judge(owner);
    }
    owners
}

/// Judges an owner by all its objects, and by each of its stacks: what comes and goes through one path must not hide what another
/// one keeps. Objects that only moved from one path to another are no growth of the owner.
fn judge(owner: &mut Owner) {
    owner.figures.verdict = verdict::judge(&owner.figures.course());
    let growing = |stack: &OwnerStack| stack.figures.verdict == Verdict::KeepsGrowing;
    // The paths to look at first.
    owner.stacks.sort_unstable_by_key(|stack| {
        (!growing(stack), std::cmp::Reverse(stack.figures.bytes), stack.figures.stack)
    });
    let grown = |figures: &StackSummary| figures.course().grown();
    let of_paths: u64 = owner.stacks.iter().filter(|stack| growing(stack)).map(|it| grown(&it.figures)).sum();
    if of_paths > 0 && grown(&owner.figures) >= of_paths / 2 {
        owner.figures.verdict = Verdict::KeepsGrowing;
    }
}

/// Names come from the traced machine, or from a file of anybody: nothing of them steers a terminal.
pub(crate) fn clean(about: &mut About, ending: &mut Ending) {
    let texts = [&mut about.target].into_iter().chain(&mut about.sharing).chain(&mut about.remarks);
    let texts = texts.chain(&mut about.host).chain(&mut about.system).chain(&mut about.started);
    let texts = texts.chain(&mut ending.stopped).chain(&mut ending.remarks);
    let texts = texts.chain(ending.tasks.iter_mut().map(|(_, name)| name));
    let symbols = ending.symbols.iter_mut();
    let symbols = symbols.flat_map(|(_, symbol)| symbol.function.iter_mut().chain(&mut symbol.module));
    let modules = ending.modules.iter_mut().flat_map(|made| {
        let known = made.company.iter_mut().chain(&mut made.version).chain(&mut made.description);
        known.chain([&mut made.name])
    });
    for text in texts.chain(symbols).chain(modules) {
        if let Cow::Owned(safe) = safe(text) {
            *text = safe;
        }
    }
}

pub(crate) fn add(sum: &mut StackSummary, one: &StackSummary) {
    sum.allocations += one.allocations;
    sum.frees += one.frees;
    sum.reused += one.reused;
    sum.objects += one.objects;
    sum.bytes = sum.bytes.saturating_add(one.bytes);
    sum.requested = sum.requested.saturating_add(one.requested);
    sum.oldest = sum.oldest.max(one.oldest);
    sum.old += one.old;
    sum.born.iter_mut().zip(one.born).for_each(|(sum, one)| *sum += one);
    let mut moments = [Moment::default(); MOMENTS];
    for (moment, (a, b)) in moments.iter_mut().zip(sum.moments.iter().zip(one.moments)) {
        *moment = a.beside(b);
    }
    sum.moments = moments;
    for &(task, count) in &one.tasks {
        match sum.tasks.iter_mut().find(|(known, _)| *known == task) {
            Some((_, sum)) => *sum += count,
            None => sum.tasks.push((task, count)),
        }
    }
    sum.tasks.sort_unstable_by_key(|&(task, count)| (std::cmp::Reverse(count), task));
}

/// Growth by events that the cache itself does not show is no leak: frees passed no tracepoint, of addresses that were not handed
/// out again yet, or as many older objects were freed, so that objects were replaced. The cache's own growth is given to those first
/// of whose objects the fewest came back without a free: a leaked address never does.
fn confirm(owners: &mut [Owner], growth: Option<Growth>, older_frees: u64) {
    let objects = owners.iter().fold(0, |sum: u64, owner| sum.saturating_add(owner.figures.objects));
    let mut growing: Vec<&mut Owner> =
        owners.iter_mut().filter(|owner| owner.figures.verdict == Verdict::KeepsGrowing).collect();
    growing.sort_unstable_by(|a, b| {
        let reused = |owner: &Owner| owner.figures.reused as f64 / owner.figures.allocations.max(1) as f64;
        let ties = |a: &Owner, b: &Owner| (b.figures.objects, &a.name).cmp(&(a.figures.objects, &b.name));
        reused(a).total_cmp(&reused(b)).then_with(|| ties(a, b))
    });
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let slack = |growth: Growth| growth.objects.saturating_add_unsigned(SLACK.max(growth.within));
    // What the cache may have got, and what it has more than before: by its own count, and by the events.
    let mut added = growth.map_or(i64::MAX, |growth| slack(growth).saturating_add_unsigned(older_frees));
    let mut more = growth.map_or(i64::MAX, slack).min(signed(objects).saturating_sub_unsigned(older_frees));
    // Without any growth, N more than are freed may be allocated by chance.
    let chance = signed(2 * older_frees.isqrt());
    for owner in growing {
        let (objects, grown) = (signed(owner.figures.objects), signed(owner.figures.course().grown()));
        owner.figures.verdict = match () {
            () if objects / 2 > added => Verdict::Unconfirmed,
            () if grown / 2 > more.saturating_sub(chance) => Verdict::Replaced,
            () => {
                added = added.saturating_sub(objects);
                more = more.saturating_sub(grown);
                continue;
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine, Event, Kind, Limits, StackId};

    /// 1,000 objects that `take` keeps, through two paths, and a `turn` whose objects are freed.
    fn summary() -> (Summary, Vec<(u64, Symbol)>) {
        let mut engine = Engine::new(Limits::default());
        let alloc = [0x10, 0x20, 0x30].map(|caller| engine.stacks_mut().intern(&[0x1, caller, 0x40]));
        engine.begin(0);
        let push = |engine: &mut Engine, time, address, stack: StackId| {
            let kind = Kind::Alloc { address, bytes: 64, requested: 64, stack, task: 7 };
            engine.push(Event { time, cpu: 0, kind });
        };
        for n in 0..1_000_u64 {
            let time = n * 1_000_000;
            push(&mut engine, time, 0x10_0000 + n * 64, alloc[usize::from(n % 4 == 0)]);
            push(&mut engine, time + 1, 0x500, alloc[2]);
            engine.push(Event { time: time + 2, cpu: 0, kind: Kind::Free { address: 0x500 } });
        }
        let symbol = |address, function: &str, offset| {
            (
                address,
                Symbol {
                    function: Some(function.into()),
                    module: (address != 1).then(|| "m".into()),
                    offset,
                },
            )
        };
        let symbols = vec![
            symbol(1, "kmalloc", 0),
            symbol(0x10, "take", 0),
            symbol(0x20, "take", 16),
            symbol(0x30, "turn", 0),
        ];
        (engine.finish(1_000_000_000), symbols)
    }

    fn answer(growth: Option<Growth>) -> Answer {
        let (summary, symbols) = summary();
        Answer::new(
            About::default(),
            Ending { symbols, growth, end: 1_000_000_000, ..Ending::default() },
            summary,
        )
    }

    #[test]
    fn stacks_of_one_owner_are_folded_and_the_growing_one_is_first() {
        let answer = answer(Some(Growth { objects: 1_010, bytes: 64_640, exact: true, within: 0 }));
        let names: Vec<_> =
            answer.accused().map(|owner| (owner.name.as_str(), owner.module.as_deref())).collect();
        assert_eq!(names, [("take", Some("m"))]);
        let take = &answer.owners[0];
        assert_eq!((take.figures.objects, take.figures.bytes, take.stacks.len()), (1_000, 64_000, 2));
        assert_eq!(take.figures.tasks, [(7, 1_000)]);
        assert_eq!(take.stacks[0].figures.objects, 750, "the larger one first");
        assert!((answer.explained().unwrap() - 1_000.0 / 1_010.0).abs() < 1e-9);
        assert_eq!(answer.owners[1].figures.verdict, Verdict::AllFreed);
    }

    #[test]
    fn a_cache_that_did_not_grow_accuses_nobody() {
        let answer = answer(Some(Growth { objects: 30, bytes: 1_920, exact: true, within: 0 }));
        assert_eq!(answer.accused().count(), 0);
        assert_eq!(answer.owners[0].figures.verdict, Verdict::Unconfirmed);
    }

    #[test]
    fn without_the_cache_s_own_figures_nothing_is_explained_and_the_events_count() {
        let answer = answer(None);
        assert_eq!((answer.explained(), answer.accused().count()), (None, 1));
    }

    /// Objects over the eight parts, with a swing around them.
    fn path(frames: &[u64], objects: [u64; MOMENTS], swing: u64, reused: u64) -> OwnerStack {
        let moments = objects.map(|objects| Moment {
            floor: objects.saturating_sub(swing),
            peak: objects + swing,
            objects,
            bytes: objects * 64,
        });
        let [.., last] = objects;
        let mut figures = StackSummary {
            stack: StackId::OTHER,
            allocations: 100_000,
            frees: 0,
            reused,
            objects: last,
            bytes: last * 64,
            requested: last * 64,
            oldest: 0,
            old: last / 2,
            born: [last / 8; MOMENTS],
            moments,
            tasks: Vec::new(),
            verdict: Verdict::InUse,
        };
        figures.verdict = verdict::judge(&figures.course());
        OwnerStack { frames: frames.to_vec(), figures }
    }

    fn owner(name: &str, stacks: Vec<OwnerStack>) -> Owner {
        let mut figures = stacks[0].figures.clone();
        stacks[1..].iter().for_each(|stack| add(&mut figures, &stack.figures));
        let mut owner = Owner { name: name.into(), module: None, made: None, figures, stacks };
        judge(&mut owner);
        owner
    }

    const LEAK: [u64; MOMENTS] = [100, 200, 300, 400, 500, 600, 700, 800];
    const LEVEL: [u64; MOMENTS] = [5_000; MOMENTS];

    #[test]
    fn a_path_that_keeps_is_not_hidden_by_others_of_its_owner() {
        let owner = |other| owner("open", vec![path(&[1], other, 2_000, 0), path(&[2], LEAK, 0, 0)]);
        let busy = owner(LEVEL);
        assert_eq!(busy.figures.verdict, Verdict::KeepsGrowing);
        assert_eq!(busy.stacks[0].frames, [2], "the path that keeps comes first");
        // What one path gained, the other one lost: the load moved.
        let moved = owner([5_000, 4_900, 4_800, 4_700, 4_600, 4_500, 4_400, 4_300]);
        assert_eq!(moved.figures.verdict, Verdict::InUse);
    }

    /// A bulk free that no tracepoint reports looks like growth until its addresses come back: the growth of the cache belongs
    /// to the path whose addresses do not.
    #[test]
    fn the_cache_s_growth_confirms_those_whose_addresses_never_come_back() {
        let bulk = LEAK.map(|objects| objects * 10);
        let mut owners = vec![
            owner("bulk", vec![path(&[1], bulk, 0, 9_000)]),
            owner("leak", vec![path(&[2], LEAK, 0, 0)]),
        ];
        confirm(&mut owners, Some(Growth { objects: 850, bytes: 0, exact: true, within: 0 }), 0);
        let verdicts: Vec<Verdict> = owners.iter().map(|owner| owner.figures.verdict).collect();
        assert_eq!(verdicts, [Verdict::Unconfirmed, Verdict::KeepsGrowing]);
    }

    #[test]
    fn names_of_strangers_steer_no_terminal() {
        let (summary, mut symbols) = summary();
        symbols[1].1.function = Some("ta\u{1b}[2Jke".into());
        let ending = Ending { symbols, tasks: vec![(7, "a\nb\u{202e}".into())], ..Ending::default() };
        let about = About { host: Some("\u{7}srv".into()), ..About::default() };
        let answer = Answer::new(about, ending, summary);
        assert!(answer.owners.iter().any(|owner| owner.name == "ta\u{fffd}[2Jke"));
        assert_eq!(
            (answer.task(7).as_str(), answer.about.host.as_deref()),
            ("a\u{fffd}b\u{fffd} (7)", Some("\u{fffd}srv"))
        );
    }

    #[test]
    fn lost_events_are_a_share_of_all_that_were_read() {
        let mut answer = answer(None);
        answer.ending.lost = 100;
        answer.ending.events = 9_900;
        assert!((answer.lost_share() - 0.01).abs() < 1e-9);
    }
}
