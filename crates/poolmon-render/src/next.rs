//! The commands that follow on an answer.

use poolmon_holder::Answer;
use poolmon_leak::Verdict;
use poolmon_model::Tag;
use poolmon_owner::next;
use poolmon_report::AnalysedSeries;

/// Steps that are printed.
const MOST: usize = 5;

/// Who it is: the command that follows on a verdict, quoted for a shell. `None` if it would say nothing new.
pub fn who(tag: &Tag) -> Option<String> {
    next::who(tag).map(|command| format!("find the driver, with evidence: {command}"))
}

/// Causes that have steps of their own, at most, and the steps of each behind the first one.
const CAUSES: (usize, usize) = (3, 2);

/// What to do about leaks, the gravest first: all about that one, and the first steps of the next ones, each step once.
pub fn leaks(judged: &AnalysedSeries, causes: &[&Verdict], known: &dyn Fn(&Tag) -> bool) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (at, verdict) in causes.iter().take(CAUSES.0).enumerate() {
        let mut steps = leak(judged, verdict, known(&verdict.tag));
        steps.retain(|step| !lines.contains(step));
        steps.truncate(if at == 0 { steps.len() } else { CAUSES.1 });
        lines.append(&mut steps);
    }
    lines
}

/// What to do about a leak: its owner unless it is `known`, the code that allocates it, the processes that hold it.
fn leak(judged: &AnalysedSeries, verdict: &Verdict, known: bool) -> Vec<String> {
    let mut lines = Vec::new();
    // Those of rows in lockstep as well: a leak of sockets shows in their inodes, too.
    let companions = judged.report.companions(verdict);
    let mut group = std::iter::once(verdict).chain(companions.iter().copied());
    let is_held = group.any(|row| matches!(judged.answer(row), Some(Answer::Held(_))));
    // Who is known to hold it is not looked for among drivers.
    if !known && !is_held {
        lines.extend(who(&verdict.tag));
    }
    if let Some(command) = next::trace(&verdict.tag, verdict.pool) {
        let place = if judged.is_live() { "" } else { "on that machine, " };
        lines.push(format!("{place}find the code that allocates and does not free: {command}"));
    }
    if judged.is_live() && is_held {
        // Who holds the rows is said already.
        lines.push(
            "see all that holders keep, and what changes: poolmon holders --for 40s --sort change".to_owned(),
        );
        return lines;
    }
    // Of a merged cache, whose objects they are, rather than the name that the kernel lists.
    let own = |row: &Verdict| judged.fitting(row).map_or_else(|| row.tag.clone(), Tag::name);
    for tag in std::iter::once(verdict).chain(companions.iter().copied()).map(own) {
        for command in next::holders(&tag) {
            let line = format!("list {}: {}", command.shows, command.command);
            if lines.len() < MOST && !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines
}
