//! Marks of recordings in words.

use std::time::Duration;

use poolmon_model::{MarkKind, TimelineMark};
use poolmon_store::{Gap, GapKind, ModuleChange, RecordedMark, TimedMark};

/// Modules that a mark names.
const NAMED: usize = 4;

/// A mark in words; `None` if its time is not known.
pub fn mark(timed: &TimedMark) -> Option<TimelineMark> {
    let at = timed.time?;
    let mut length = Duration::ZERO;
    let (kind, text) = match &timed.mark {
        RecordedMark::Note(text) => (MarkKind::Note, text.trim().to_owned()),
        RecordedMark::Modules(changes) => (MarkKind::Modules, modules(changes)),
        RecordedMark::Gap(gap) => {
            if gap.length_ns > 0 && gap.kind != GapKind::ClockJump {
                length = gap.length();
            }
            (if gap.kind == GapKind::Reboot { MarkKind::Reboot } else { MarkKind::Gap }, words(gap))
        }
    };
    Some(TimelineMark { at, kind, length, text: text.replace(['\n', '\r', '\t'], " ") })
}

fn words(gap: &Gap) -> String {
    let length = poolmon_model::units::span(gap.length());
    let what = match gap.kind {
        GapKind::Sleep => format!("the machine slept for {length}"),
        GapKind::ClockJump if gap.length_ns < 0 => format!("the clock was set back by {length}"),
        GapKind::ClockJump => format!("the clock was set forward by {length}"),
        GapKind::Late => format!("the recorder was late, {length} without a sample"),
        GapKind::Failed if gap.length_ns == 0 => "the source failed".to_owned(),
        GapKind::Failed => format!("the source failed for {length}"),
        GapKind::Reboot => format!("rebooted, {length} without a sample"),
        GapKind::Stopped => format!("no recorder ran for {length}"),
        GapKind::DiskFull => format!("the disk was full for {length}"),
        GapKind::Other(_) => format!("{length} without a sample"),
    };
    match &gap.reason {
        // Boot ids mean nothing to a person.
        Some(reason) if gap.kind != GapKind::Reboot => format!("{what}: {reason}"),
        _ => what,
    }
}

fn modules(changes: &[ModuleChange]) -> String {
    let list = |loaded: bool| {
        let names: Vec<&str> = changes
            .iter()
            .filter(|change| change.loaded == loaded)
            .map(|change| change.name.as_str())
            .collect();
        let more = names.len().saturating_sub(NAMED);
        let listed = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let verb = if loaded { "loaded" } else { "unloaded" };
        match (names.len(), more) {
            (0, _) => None,
            (_, 0) => Some(format!("{verb} {listed}")),
            _ => Some(format!("{verb} {listed} and {more} more")),
        }
    };
    [list(true), list(false)].into_iter().flatten().collect::<Vec<_>>().join("; ")
}
