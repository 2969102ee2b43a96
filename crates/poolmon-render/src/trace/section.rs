//! What a trace found, for a report.

use poolmon_report::{TraceOwner, TraceSection};
use poolmon_trace::{Answer, Owner, TraceFound, TraceTags, Verdict};

use super::text::{explained, head, name, remarks};

/// Owners, or tags, that a report lists.
const OWNERS: usize = 10;

/// The section of a trace.
pub fn section(found: &TraceFound) -> TraceSection {
    match found {
        TraceFound::Stacks(answer) => of_stacks(answer),
        TraceFound::Tags(tags) => of_tags(tags),
    }
}

fn share(bytes: u64, all: u64) -> f64 {
    bytes as f64 / all.max(1) as f64
}

fn of_stacks(answer: &Answer) -> TraceSection {
    let owner = |owner: &Owner| TraceOwner {
        name: name(owner),
        objects: owner.figures.objects,
        bytes: owner.figures.bytes,
        share: share(owner.figures.bytes, answer.outstanding()),
        verdict: owner.figures.verdict.words(),
        stack: owner
            .stacks
            .first()
            .filter(|_| owner.figures.verdict == Verdict::KeepsGrowing)
            .map(|stack| stack.frames.iter().map(|&frame| answer.symbols.place(frame)).collect())
            .unwrap_or_default(),
    };
    TraceSection {
        title: head(&answer.about, &answer.ending, answer.seconds, &answer.totals),
        remarks: remarks(&answer.about, &answer.ending, &answer.totals, answer.lost_share()),
        explained: explained(answer).replace('\n', " "),
        owners: answer
            .owners
            .iter()
            .filter(|owner| owner.figures.objects > 0)
            .take(OWNERS)
            .map(owner)
            .collect(),
    }
}

fn of_tags(tags: &TraceTags) -> TraceSection {
    let all = tags.rows.iter().fold(0_u64, |sum, row| sum.saturating_add(row.bytes));
    let rows = tags.rows.iter().filter(|row| row.objects > 0).take(OWNERS);
    let owners = rows.map(|row| TraceOwner {
        name: match &row.owner {
            Some((driver, _)) => format!("{} ({driver})", row.tag),
            None => row.tag.to_string(),
        },
        objects: row.objects,
        bytes: row.bytes,
        share: share(row.bytes, all),
        verdict: row.verdict.words(),
        stack: Vec::new(),
    });
    TraceSection {
        title: head(&tags.about, &tags.ending, tags.seconds, &tags.totals),
        remarks: remarks(&tags.about, &tags.ending, &tags.totals, tags.lost_share()),
        explained: String::new(),
        owners: owners.collect(),
    }
}
