//! The commands that follow on an answer.

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

/// What to do about a leak: its owner unless it is `known`, the code that allocates it, the processes that hold it.
pub fn leak(judged: &AnalysedSeries, verdict: &Verdict, known: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if !known {
        lines.extend(who(&verdict.tag));
    }
    if let Some(command) = next::trace(&verdict.tag, verdict.pool) {
        let place = if judged.is_live() { "" } else { "on that machine, " };
        lines.push(format!("{place}find the code that allocates and does not free: {command}"));
    }
    // Those of rows in lockstep as well: a leak of sockets shows in their inodes, too.
    let companions = judged.report.companions(verdict);
    for tag in std::iter::once(&verdict.tag).chain(companions.iter().map(|other| &other.tag)) {
        for command in next::holders(tag) {
            let line = format!("list {}: {}", command.shows, command.command);
            if lines.len() < MOST && !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines
}
