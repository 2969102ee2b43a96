//! Sources that do not depend on each other, compared: what `poolmon doctor --self-test` finds out of a Windows that no one has tried yet.
//! Over the same small trait as the live source, so that tests can play a machine that contradicts itself.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use poolmon_model::{CounterWidth, Counters, Header, Origin, Pool, Sample, SourceKind, Tag};

use super::decode::{self, BufferLayout, DecodeError, Decoded, Module};
use super::holding::{Holding, HoldingReader};
use super::query::{self, Buffer, Kernel};
use super::source::Machine;
use super::status;
use crate::doctor::{Check, CheckResult};

/// `SystemTimeOfDayInformation`.
const TIME_OF_DAY: u32 = 3;
/// Names that are listed of those that differ.
const NAMED: usize = 3;

/// All comparisons. `drivers`: how many modules Windows' loader lists, if it does.
pub fn checks(machine: &mut impl Machine, drivers: Option<usize>) -> Vec<Check> {
    vec![classes(machine), figures(machine), handles(machine), boot(machine), modules(machine, drivers)]
}

type Table = BTreeMap<(Tag, Pool), Counters>;
type Decode = fn(&[u8], BufferLayout, &mut Sample) -> Result<Decoded, DecodeError>;

fn table(kernel: &mut dyn Kernel, class: u32, decode: Decode) -> Result<Table, String> {
    let mut buffer = Buffer::default();
    let mut sample = Sample::new(Origin::new(SourceKind::Windows, &[]).into(), CounterWidth::default());
    let bytes = query::plain(kernel, class, 1 << 18, &mut buffer).map_err(status::text)?;
    decode(bytes, BufferLayout::NATIVE, &mut sample).map_err(|error| error.to_string())?;
    Ok(sample.rows.into_iter().map(|row| ((row.tag, row.pool), row.counters)).collect())
}

/// Class 255 between two answers of class 22: its counts are between theirs, and rows that rest are equal to the unit.
fn classes(kernel: &mut dyn Kernel) -> Check {
    let what = "self-test: classes 22 and 255";
    let narrow = |kernel: &mut dyn Kernel| table(kernel, decode::tags::CLASS, decode::pool_tags);
    let (first, wide) = (narrow(kernel), table(kernel, decode::tags::CLASS_2, decode::pool_tags2));
    let (first, wide, last) = match (first, wide, narrow(kernel)) {
        (Ok(first), Ok(wide), Ok(last)) => (first, wide, last),
        (first, wide, _) => {
            let of = |class, answer: Result<Table, String>| answer.err().map(|why| format!("{class}: {why}"));
            let why: Vec<_> = of(22, first).into_iter().chain(of(255, wide)).collect();
            return Check::new(CheckResult::Note, what, format!("cannot be compared; {}", why.join("; ")));
        }
    };
    let (mut resting, mut wrong) = (0, Vec::new());
    let both: Vec<_> = first.iter().filter_map(|(key, before)| Some((key, before, last.get(key)?))).collect();
    for (key, before, after) in &both {
        let Some(wide) = wide.get(*key) else {
            wrong.push(key.0.to_string());
            continue;
        };
        let low = |count: Option<u64>| count.unwrap_or(0) & u64::from(u32::MAX);
        // Where the cut Allocs are less than the cut Frees, class 22 says something else.
        let is_exact = !before.is_inexact(CounterWidth::Bits32) && !after.is_inexact(CounterWidth::Bits32);
        let is_between = |of: fn(&Counters) -> Option<u64>| {
            let from = |count: &Counters| low(of(count)).wrapping_sub(low(of(before))) & u64::from(u32::MAX);
            !is_exact || from(wide) <= from(after)
        };
        let rests = before == after;
        resting += usize::from(rests);
        let same = !rests || wide.bytes == before.bytes;
        if !(same && is_between(|counters| counters.allocs) && is_between(|counters| counters.frees)) {
            wrong.push(key.0.to_string());
        }
    }
    if wrong.is_empty() {
        let found = format!("{} rows agree, {resting} of them to the byte", both.len());
        return Check::new(CheckResult::Good, what, found);
    }
    let found = format!("{} of {} rows contradict each other: {}", wrong.len(), both.len(), some(&wrong));
    Check::new(CheckResult::Bad, what, found)
}

fn some(names: &[String]) -> String {
    let rest = names.len().saturating_sub(NAMED);
    let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{rest}", names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "))
}

/// Class 2 before and after the documented call, whose figures are between them, give or take a hundredth.
fn figures(machine: &mut impl Machine) -> Check {
    type Figure = fn(&Header) -> Option<u64>;
    let what = "self-test: class 2 and performance call";
    let class = |machine: &mut dyn Kernel| {
        let (mut buffer, mut header) = (Buffer::default(), Header::default());
        let most = decode::performance::MOST;
        let bytes =
            query::plain(machine, decode::performance::CLASS, most, &mut buffer).map_err(status::text)?;
        decode::performance(bytes, &mut header).map_err(|error| error.to_string())?;
        Ok::<_, String>(header)
    };
    let first = class(machine);
    let mut called = Header::default();
    machine.figures(&mut called);
    let (first, last) = match (first, class(machine)) {
        (Ok(first), Ok(last)) => (first, last),
        (Err(why), _) | (_, Err(why)) => {
            return Check::new(CheckResult::Note, what, format!("cannot be compared: class 2: {why}"));
        }
    };
    let figures: [(&str, Figure); 4] = [
        ("paged pool", |header| header.pool_paged),
        ("nonpaged pool", |header| header.pool_nonpaged),
        ("commit", |header| header.commit),
        ("commit limit", |header| header.commit_limit),
    ];
    let (mut compared, mut wrong) = (0, Vec::new());
    for (name, of) in figures {
        let (Some(one), Some(two), Some(called)) = (of(&first), of(&last), of(&called)) else { continue };
        compared += 1;
        let slack = one.max(two) / 100 + (4 << 20);
        if called + slack < one.min(two) || called > one.max(two) + slack {
            wrong.push(format!("{name} {one} and {called} bytes"));
        }
    }
    match (compared, wrong.is_empty()) {
        (0, _) => Check::new(CheckResult::Note, what, "cannot be compared: the call reports nothing"),
        (_, true) => Check::new(CheckResult::Good, what, format!("{compared} figures agree")),
        _ => Check::new(CheckResult::Bad, what, format!("contradict each other: {}", some(&wrong))),
    }
}

/// Handles that are listed one by one, and how many there are of each type.
fn handles(kernel: &mut dyn Kernel) -> Check {
    let what = "self-test: handles and types of objects";
    let began = Instant::now();
    let mut holding = Holding::default();
    if let Err(error) = HoldingReader::default().read_into(kernel, &mut holding) {
        return Check::new(CheckResult::Note, what, format!("cannot be compared: {error}"));
    }
    let took = began.elapsed().as_secs_f64() * 1e3;
    if holding.handles.is_empty() || holding.types.is_empty() {
        let why = holding.remarks.first().map_or("none are listed", |remark| remark);
        return Check::new(CheckResult::Note, what, format!("cannot be compared: {why}"));
    }
    let mut listed: BTreeMap<u16, u64> = BTreeMap::new();
    for (&(_, index), count) in &holding.handles {
        *listed.entry(index).or_default() += count;
    }
    let far = |counted: u64, listed: u64| counted.abs_diff(listed) > counted.max(listed) / 20 + 50;
    let wrong: Vec<_> = holding
        .types
        .iter()
        .map(|one| (one, listed.get(&one.index).copied().unwrap_or(0)))
        .filter(|(one, listed)| far(one.handles.into(), *listed))
        .map(|(one, listed)| format!("{} has {} handles, {listed} are listed", one.name, one.handles))
        .collect();
    let all: u64 = listed.values().sum();
    if wrong.is_empty() {
        let found = format!("{all} handles of {} types agree, in {took:.1} ms", holding.types.len());
        return Check::new(CheckResult::Good, what, found);
    }
    Check::new(CheckResult::Note, what, format!("{all} handles are listed; {}", some(&wrong)))
}

/// The time since the boot that class 3 reports against the count of milliseconds.
fn boot(machine: &mut impl Machine) -> Check {
    let what = "self-test: boot time and uptime";
    let mut buffer = Buffer::default();
    let times =
        query::plain(machine, TIME_OF_DAY, 0x30, &mut buffer).map_err(status::text).and_then(|bytes| {
            let at = |offset: usize| Some(i64::from_le_bytes(*bytes.get(offset..)?.first_chunk()?));
            // Boot, and now, in 100 ns.
            at(0).zip(at(8)).ok_or_else(|| "the answer is cut".to_owned())
        });
    let (boot, now) = match times {
        Ok(times) => times,
        Err(why) => {
            return Check::new(CheckResult::Note, what, format!("cannot be compared: class 3: {why}"));
        }
    };
    let since = u64::try_from(now.saturating_sub(boot)).unwrap_or(0);
    let since = Duration::from_micros(since / 10);
    let Some(uptime) = machine.uptime() else {
        return Check::new(CheckResult::Note, what, "cannot be compared: the uptime is unknown");
    };
    let apart = since.abs_diff(uptime).as_secs_f64();
    // A clock that is slewed to the network's may lose some seconds a day.
    if apart <= 5.0 + uptime.as_secs_f64() * 1e-4 {
        return Check::new(CheckResult::Good, what, format!("agree to {apart:.1} s"));
    }
    let found = format!("{:.0} s since boot, {:.0} s of uptime", since.as_secs_f64(), uptime.as_secs_f64());
    Check::new(CheckResult::Note, what, found)
}

/// Both lists of the kernel's, and the number of the loader's.
fn modules(kernel: &mut dyn Kernel, drivers: Option<usize>) -> Check {
    type List = fn(&[u8], BufferLayout, &mut Vec<Module>) -> Result<Decoded, DecodeError>;
    let what = "self-test: lists of drivers";
    let list = |kernel: &mut dyn Kernel, class: u32, decode: List| {
        let (mut buffer, mut found) = (Buffer::default(), Vec::new());
        let bytes = query::plain(kernel, class, 1 << 17, &mut buffer).map_err(status::text)?;
        decode(bytes, BufferLayout::NATIVE, &mut found).map_err(|error| error.to_string())?;
        Ok::<_, String>(found.into_iter().map(|module| module.name).collect::<BTreeSet<_>>())
    };
    let both = list(kernel, decode::modules::CLASS, decode::modules)
        .and_then(|old| Ok((old, list(kernel, decode::modules::CLASS_EX, decode::modules_ex)?)));
    let (old, new) = match both {
        Ok(both) => both,
        Err(why) => return Check::new(CheckResult::Note, what, format!("cannot be compared: {why}")),
    };
    let differ: Vec<String> = old.symmetric_difference(&new).cloned().collect();
    let loader =
        drivers.map_or_else(|| "the loader's is unknown".into(), |count| format!("the loader has {count}"));
    if differ.is_empty() && drivers.is_none_or(|count| count.abs_diff(new.len()) <= 2) {
        return Check::new(
            CheckResult::Good,
            what,
            format!("{} drivers in classes 11 and 77; {loader}", new.len()),
        );
    }
    let names = if differ.is_empty() { String::new() } else { format!("; only in one: {}", some(&differ)) };
    let found = format!("{} in class 11, {} in class 77, {loader}{names}", old.len(), new.len());
    Check::new(CheckResult::Note, what, found)
}

#[cfg(test)]
mod tests;
