//! One JSON object.

use std::io::{self, Write};

use poolmon_print::schema;
use poolmon_trace::{Answer, Growth, Owner, OwnerStack, StackSummary, Subject, Verdict};
use serde::Serialize;

#[derive(Serialize)]
struct Json<'a> {
    schema: &'static str,
    target: &'a str,
    subject: Subject,
    sharing: &'a [String],
    host: Option<&'a str>,
    system: Option<&'a str>,
    started: Option<&'a str>,
    seconds: f64,
    stopped: Option<&'a str>,
    doubt: Option<&'a str>,
    events: Events,
    growth: Option<Growth>,
    outstanding: Outstanding,
    explained: Option<f64>,
    remarks: Vec<&'a str>,
    owners: Vec<JsonOwner<'a>>,
}

#[derive(Serialize)]
struct Events {
    allocations: u64,
    frees: u64,
    reused: u64,
    older_frees: u64,
    failed: u64,
    lost: u64,
    late: u64,
    refused: u64,
    refused_stacks: u64,
}

#[derive(Serialize)]
struct Outstanding {
    objects: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct JsonOwner<'a> {
    owner: &'a str,
    module: Option<&'a str>,
    company: Option<&'a str>,
    version: Option<&'a str>,
    #[serde(flatten)]
    figures: Figures,
    running: Vec<Running<'a>>,
    stacks: Vec<JsonStack<'a>>,
}

#[derive(Serialize)]
struct Figures {
    verdict: Verdict,
    allocations: u64,
    frees: u64,
    reused: u64,
    objects: u64,
    bytes: u64,
    requested_bytes: u64,
    oldest_seconds: f64,
    moments: Vec<JsonMoment>,
}

#[derive(Serialize)]
struct JsonMoment {
    min: u64,
    max: u64,
    objects: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Running<'a> {
    process: u32,
    name: Option<&'a str>,
    objects: u64,
}

#[derive(Serialize)]
struct JsonStack<'a> {
    #[serde(flatten)]
    figures: Figures,
    running: Vec<Running<'a>>,
    frames: Vec<Frame>,
}

#[derive(Serialize)]
struct Frame {
    address: String,
    place: Option<String>,
}

/// Writes it, with every owner and every stack.
///
/// # Errors
///
/// Those of `out`.
pub fn json(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    let (about, ending, totals) = (&answer.about, &answer.ending, &answer.totals);
    let json = Json {
        schema: schema::TRACE,
        target: &about.target,
        subject: about.subject,
        sharing: &about.sharing,
        host: about.host.as_deref(),
        system: about.system.as_deref(),
        started: about.started.as_deref(),
        seconds: answer.seconds,
        stopped: ending.stopped.as_deref(),
        doubt: answer.doubt.as_deref(),
        events: Events {
            allocations: totals.allocations,
            frees: totals.frees,
            reused: totals.reused,
            older_frees: totals.older_frees,
            failed: totals.failed,
            lost: ending.lost,
            late: totals.late,
            refused: totals.refused,
            refused_stacks: totals.refused_stacks,
        },
        growth: ending.growth,
        outstanding: Outstanding { objects: answer.objects(), bytes: answer.outstanding() },
        explained: answer.explained(),
        remarks: about.remarks.iter().chain(&ending.remarks).map(String::as_str).collect(),
        owners: answer.owners.iter().map(|owner| json_owner(answer, owner)).collect(),
    };
    crate::json(out, &json)
}

fn json_owner<'a>(answer: &'a Answer, owner: &'a Owner) -> JsonOwner<'a> {
    JsonOwner {
        owner: &owner.name,
        module: owner.module.as_deref(),
        company: owner.made.as_ref().and_then(|made| made.company.as_deref()),
        version: owner.made.as_ref().and_then(|made| made.version.as_deref()),
        figures: figures(&owner.figures),
        running: running(answer, &owner.figures),
        stacks: owner.stacks.iter().map(|stack| json_stack(answer, stack)).collect(),
    }
}

/// The processes that were running, those with the most objects first.
fn running<'a>(answer: &'a Answer, figures: &StackSummary) -> Vec<Running<'a>> {
    let name = |process: u32| answer.ending.tasks.iter().find(|(task, _)| *task == process);
    let tasks = figures.tasks.iter();
    tasks
        .map(|&(process, objects)| Running {
            process,
            name: name(process).map(|(_, name)| name.as_str()),
            objects,
        })
        .collect()
}

fn json_stack<'a>(answer: &'a Answer, stack: &OwnerStack) -> JsonStack<'a> {
    let frame = |&address: &u64| Frame {
        address: format!("{address:#x}"),
        place: answer.symbols.get(address).and_then(poolmon_trace::Symbol::place),
    };
    JsonStack {
        figures: figures(&stack.figures),
        running: running(answer, &stack.figures),
        frames: stack.frames.iter().map(frame).collect(),
    }
}

fn figures(figures: &StackSummary) -> Figures {
    let moment = |moment: &poolmon_trace::Moment| JsonMoment {
        min: moment.floor,
        max: moment.peak,
        objects: moment.objects,
        bytes: moment.bytes,
    };
    Figures {
        verdict: figures.verdict,
        allocations: figures.allocations,
        frees: figures.frees,
        reused: figures.reused,
        objects: figures.objects,
        bytes: figures.bytes,
        requested_bytes: figures.requested,
        oldest_seconds: figures.oldest as f64 / 1e9,
        moments: figures.moments.iter().map(moment).collect(),
    }
}
