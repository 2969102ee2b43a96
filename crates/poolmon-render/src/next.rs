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

/// What to do about holders that rise, before all else: see what each of them keeps.
pub fn holders(judged: &AnalysedSeries, steps: &mut Vec<String>) {
    let step = see_holders(judged);
    steps.retain(|other| *other != step);
    steps.insert(0, step);
}

/// Who holds the rows is said already: all else that they keep.
fn see_holders(judged: &AnalysedSeries) -> String {
    let command = if judged.is_live() {
        "poolmon holders --for 40s --sort change".to_owned()
    } else {
        format!("poolmon holders {} --sort change", poolmon_model::shell::word(&judged.source))
    };
    format!("see all that holders keep, and what changes: {command}")
}

/// A holder that explains this part of a row's growth leaves nothing to trace: its own code, or what it was asked to do, is next.
const ALL_OF_IT: f64 = 0.9;

/// What to do about a leak: the processes that hold it if they are known, else its owner unless it is `known`, and the code that allocates
/// it.
fn leak(judged: &AnalysedSeries, verdict: &Verdict, known: bool) -> Vec<String> {
    let mut lines = Vec::new();
    // Those of rows in lockstep as well: a leak of sockets shows in their inodes, too.
    let companions = judged.report.companions(verdict);
    let group = || std::iter::once(verdict).chain(companions.iter().copied());
    let explained = group().filter_map(|row| match judged.answer(row) {
        Some(Answer::Held(explanation)) => Some(explanation.together.share),
        _ => None,
    });
    let explained = explained.reduce(f64::max);
    if explained.is_some() {
        lines.push(see_holders(judged));
    } else if !known {
        // Who is known to hold it is not looked for among drivers.
        lines.extend(who(&verdict.tag));
    }
    if explained.is_none_or(|share| share < ALL_OF_IT)
        && let Some(command) = next::trace(&verdict.tag, verdict.pool)
    {
        let place = if judged.is_live() { "" } else { "on that machine, " };
        lines.push(format!("{place}find the code that allocates and does not free: {command}"));
    }
    // Who holds the rows is said already.
    if explained.is_some() && judged.is_live() {
        return lines;
    }
    // Of a merged cache, whose objects they are, rather than the name that the kernel lists.
    let own = |row: &Verdict| judged.fitting(row).map_or_else(|| row.tag.clone(), Tag::name);
    for tag in group().map(own) {
        for command in next::holders(&tag) {
            let line = format!("list {}: {}", command.shows, command.command);
            if lines.len() < MOST && !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines
}
