//! The answer for a person: how much was seen, how much of the growth it explains, and who is accused, with stacks.

use std::io::{self, Write};
use std::time::Duration;

use poolmon_model::Tag;
use poolmon_model::units::{counted, grouped, grouped_signed, human_bytes, human_change, span};
use poolmon_owner::next::argument;
use poolmon_trace::{
    About, Answer, Ending, Owner, OwnerStack, StackSummary, Subject, Totals, Verdict, owner,
};

use super::Asked;

/// Stacks that are shown of an owner, and processes that are named.
const SHOWN: usize = 3;

/// Beyond these shares of the growth, the answer says why more or less is explained.
const ALL: std::ops::RangeInclusive<f64> = 0.9..=1.1;

/// Writes it; `top` owners of each kind.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, answer: &Answer, top: usize, asked: Asked<'_>) -> io::Result<()> {
    writeln!(out, "{}", head(&answer.about, &answer.ending, answer.seconds, &answer.totals))?;
    for line in remarks(&answer.about, &answer.ending, &answer.totals, answer.lost_share()) {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "\n{}\n", explained(answer))?;
    let accused: Vec<&Owner> = answer.accused().collect();
    match accused.len() {
        0 => writeln!(out, "{}", none(answer))?,
        1 => writeln!(out, "1 owner keeps growing:")?,
        n => writeln!(out, "{n} owners keep growing:")?,
    }
    for owner in accused.iter().take(top) {
        tell(out, answer, owner)?;
    }
    more(out, accused.len(), top)?;
    others(out, answer, top)?;
    if let Some(next) = accused.first().and_then(|first| next(first, answer, asked)) {
        writeln!(out, "\nNext: {next}")?;
    }
    Ok(())
}

/// What can be said if no stack is called a leak.
fn none(answer: &Answer) -> String {
    use Verdict::{InSteps, Recent, Replaced, Slowing};
    let unclear = |owner: &&Owner| matches!(owner.figures.verdict, InSteps | Recent | Replaced | Slowing);
    if let Some(doubt) = &answer.doubt {
        return format!("Whether a stack keeps growing cannot be judged: {doubt}.");
    }
    match answer.owners.iter().filter(unclear).count() {
        0 => format!(
            "No stack keeps growing. Fewer than {} that are kept would not have been seen.",
            counted(answer.smallest(), answer.about.subject.unit())
        ),
        1 => "No stack is known to keep growing; one grew, and needs a longer trace to judge.".to_owned(),
        n => format!("No stack is known to keep growing; {n} grew, and need a longer trace to judge."),
    }
}

/// `filp on srv1 (Linux 6.12.8): 60 s, 9,123 allocations, 4,100 frees, 12 addresses reused, 0 events lost`
pub(super) fn head(about: &About, ending: &Ending, seconds: f64, totals: &Totals) -> String {
    let mut text = about.target.clone();
    if let Some(host) = &about.host {
        text = format!("{text} on {host}");
    }
    if let Some(system) = &about.system {
        text = format!("{text} ({system})");
    }
    format!(
        "{text}: {}, {}, {}, {} reused, {} lost",
        span(Duration::try_from_secs_f64(seconds).unwrap_or_default()),
        counted(totals.allocations, "allocation"),
        counted(totals.frees, "free"),
        grouped_addresses(totals.reused),
        counted(ending.lost, "event"),
    )
}

fn grouped_addresses(count: u64) -> String {
    format!("{} address{}", grouped(count), if count == 1 { "" } else { "es" })
}

/// What has to be known to read the answer.
pub(super) fn remarks(about: &About, ending: &Ending, totals: &Totals, lost_share: f64) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(why) = &ending.stopped {
        lines.push(format!("ended early: {why}"));
    }
    if !about.sharing.is_empty() {
        let names = &about.sharing;
        let (first, rest) = names.split_at(names.len().min(6));
        let rest = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        lines.push(format!("traced with it, as the kernel keeps them in one cache or its events do not separate them: {}{rest}", first.join(", ")));
    }
    if ending.lost > 0 {
        lines.push(format!(
            "{:.2} % of the events were lost: an object whose free was lost counts as outstanding until its address is reused",
            lost_share * 100.0
        ));
    }
    lines.extend(totals.beyond_limits());
    lines.extend(about.remarks.iter().chain(&ending.remarks).cloned());
    lines
}

/// How much of the cache's growth the outstanding allocations explain, and why more or less.
pub(super) fn explained(answer: &Answer) -> String {
    let (subject, unit) = (answer.about.subject, answer.about.subject.unit());
    let outstanding = format!("{} in {}", human_bytes(answer.outstanding()), counted(answer.objects(), unit));
    let Some(growth) = answer.ending.growth else {
        return format!(
            "Outstanding: {outstanding}. The growth of the {} itself is unknown.",
            subject.words()
        );
    };
    let about = match subject {
        _ if growth.exact => String::new(),
        Subject::Pages => ", including free pages that a processor keeps for itself".into(),
        // Free ones that a processor allocates from next count as used.
        _ if growth.within > 0 => format!(" ± {}", grouped(growth.within)),
        _ => ", counted in whole slabs".into(),
    };
    let added = growth.objects.saturating_add_unsigned(answer.totals.older_frees);
    let older = match answer.totals.older_frees {
        0 => String::new(),
        older => format!(
            "; {} older than the trace {} freed, so {} were added",
            counted(older, unit),
            if older == 1 { "was" } else { "were" },
            grouped_signed(added).trim_start_matches('+')
        ),
    };
    let text = format!(
        "The {} changed by {} ({} {unit}{}{about}){older}.\nOutstanding allocations",
        subject.words(),
        human_change(growth.bytes),
        grouped_signed(growth.objects),
        if growth.objects.abs() == 1 { "" } else { "s" },
    );
    match answer.explained() {
        None => format!("{text}: {outstanding}."),
        Some(share) => {
            let why = match share {
                _ if ALL.contains(&share) => ".",
                _ if added.abs_diff(i64::try_from(answer.objects()).unwrap_or(i64::MAX)) <= growth.within => {
                    ", as far as the kernel's own count is exact."
                }
                more if more > 1.0 => {
                    ": an upper bound, as some frees pass no tracepoint, and older objects may have been freed."
                }
                _ if subject == Subject::CallSite => {
                    ": the rest is pages, per-CPU memory or vmalloc (poolmon trace --pages, --percpu, --vmalloc)."
                }
                _ if answer.ending.lost > 0 => {
                    ": the rest was in events that were lost, or was allocated in bulk, which no tracepoint reports."
                }
                _ if !growth.exact && growth.within == 0 => {
                    ": the rest was allocated in bulk, which no tracepoint reports, or is free in slabs that count as full."
                }
                _ => ": the rest was allocated in bulk, which no tracepoint reports.",
            };
            format!("{text} explain {outstanding} ({:.0} %){why}", share * 100.0)
        }
    }
}

fn tell(out: &mut dyn Write, answer: &Answer, owner: &Owner) -> io::Result<()> {
    let figures = &owner.figures;
    let share = figures.bytes as f64 / answer.outstanding().max(1) as f64 * 100.0;
    writeln!(
        out,
        "  {}: {}, {}, {share:.1} % of what is outstanding, the oldest for {}",
        name(owner),
        counted(figures.objects, answer.about.subject.unit()),
        human_bytes(figures.bytes),
        span(Duration::from_nanos(figures.oldest)),
    )?;
    writeln!(out, "      {}", counts(figures))?;
    let moments: Vec<String> = figures.moments.iter().map(|moment| grouped(moment.objects)).collect();
    writeln!(out, "      {}s over the trace: {}", answer.about.subject.unit(), moments.join(" "))?;
    if let Some(running) = running(answer, figures) {
        writeln!(out, "      running at the time: {running}")?;
    }
    let stacks: Vec<&OwnerStack> = owner.stacks.iter().filter(|stack| stack.figures.objects > 0).collect();
    for stack in stacks.iter().take(SHOWN) {
        // Of a single stack that is the line above.
        let running = running(answer, &stack.figures).filter(|_| stacks.len() > 1);
        frames(out, answer, stack, running.as_deref())?;
    }
    if stacks.len() > SHOWN {
        writeln!(
            out,
            "      and {} with fewer bytes (--format json has all)",
            counted((stacks.len() - SHOWN) as u64, "stack")
        )?;
    }
    Ok(())
}

/// The processes that were running when the objects were allocated, with how many of them: those with the most.
fn running(answer: &Answer, figures: &StackSummary) -> Option<String> {
    let tasks = figures.tasks.iter().take(SHOWN);
    let tasks: Vec<String> =
        tasks.map(|&(task, count)| format!("{} {}", answer.task(task), grouped(count))).collect();
    let more = figures.tasks.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(", {more} more") } else { String::new() };
    (!tasks.is_empty()).then(|| tasks.join(", ") + &more)
}

fn counts(figures: &StackSummary) -> String {
    format!(
        "{}, {}, {} reused; {} asked for",
        counted(figures.allocations, "allocation"),
        counted(figures.frees, "free"),
        grouped_addresses(figures.reused),
        human_bytes(figures.requested),
    )
}

/// The frames of a stack; the owner's is marked.
fn frames(out: &mut dyn Write, answer: &Answer, stack: &OwnerStack, running: Option<&str>) -> io::Result<()> {
    let figures = &stack.figures;
    let objects = counted(figures.objects, answer.about.subject.unit());
    let running = running.map_or(String::new(), |running| format!(" (running: {running})"));
    writeln!(out, "      stack of {objects}, {}{running}:", human_bytes(figures.bytes))?;
    if stack.frames.is_empty() {
        return writeln!(out, "          (unknown)");
    }
    let of = owner::frame(stack.frames.iter().map(|&frame| answer.symbols.get(frame)));
    for (at, &frame) in stack.frames.iter().enumerate() {
        let mark = if at == of { '>' } else { ' ' };
        writeln!(out, "        {mark} {}", answer.symbols.place(frame))?;
    }
    Ok(())
}

/// The owners that are not accused, a line each, those without outstanding objects left out.
fn others(out: &mut dyn Write, answer: &Answer, top: usize) -> io::Result<()> {
    let is_other =
        |owner: &&Owner| owner.figures.verdict != Verdict::KeepsGrowing && owner.figures.objects > 0;
    let others: Vec<&Owner> = answer.owners.iter().filter(is_other).collect();
    if others.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nOutstanding, but not called a leak:")?;
    for owner in others.iter().take(top) {
        let figures = &owner.figures;
        writeln!(
            out,
            "  {}: {}, {}: {}",
            name(owner),
            counted(figures.objects, answer.about.subject.unit()),
            human_bytes(figures.bytes),
            figures.verdict.words(),
        )?;
        let reused = figures.reused as f64 / figures.allocations.max(1) as f64 * 100.0;
        if figures.verdict == Verdict::FreedElsewhere {
            writeln!(
                out,
                "      of {}, the addresses of {reused:.0} % were reused without a free",
                counted(figures.allocations, "allocation")
            )?;
        }
        // Held at once, not in a course: the stack is what there is to know.
        let most = figures.bytes > answer.outstanding() / 2 && figures.verdict != Verdict::InUse;
        if let Some(stack) = owner.stacks.first().filter(|_| most) {
            frames(out, answer, stack, running(answer, &stack.figures).as_deref())?;
        }
    }
    more(out, others.len(), top)
}

pub(super) fn more(out: &mut dyn Write, all: usize, top: usize) -> io::Result<()> {
    if all > top {
        writeln!(out, "  and {} more (--top {all})", all - top)?;
    }
    Ok(())
}

pub(super) fn name(owner: &Owner) -> String {
    let name = match &owner.module {
        Some(module) if *module != owner.name => format!("{} [{module}]", owner.name),
        _ => owner.name.clone(),
    };
    let made = owner.made.iter().flat_map(|made| [&made.company, &made.version]);
    let made: Vec<&str> = made.flatten().map(String::as_str).collect();
    if made.is_empty() { name } else { format!("{name} ({})", made.join(" ")) }
}

/// What to do about the first owner; `None` if all is done that this program knows.
fn next(owner: &Owner, answer: &Answer, asked: Asked<'_>) -> Option<String> {
    let here = asked == Asked::Screen || asked == Asked::Live;
    Some(match &owner.module {
        // Programs that were loaded into the kernel, and its own trampolines: no file of a module is behind them.
        Some(module) if module == "bpf" => "identify the program: bpftool prog list".to_owned(),
        Some(module) if module.starts_with("__builtin") => return None,
        Some(_) if answer.about.subject == Subject::Tag => {
            let tag = argument(&Tag::name(&answer.about.target));
            format!("on the traced machine, find the drivers that use the tag: poolmon who {tag}")
        }
        Some(module) if answer.about.subject == Subject::Cache => format!(
            "identify the module: modinfo {module}; find where the cache is created: poolmon who {}",
            argument(&Tag::name(&answer.about.target))
        ),
        Some(module) => format!("identify the module: modinfo {module}"),
        // The kernel's own code: who makes it do that is in the lines above.
        None => match asked {
            Asked::Saved(file) => {
                format!("give {file} to others: `poolmon trace {file}` reads it on any system")
            }
            _ if here && answer.about.subject != Subject::Tag => {
                "see what processes keep, and what changes: poolmon holders --for 40s --sort change"
                    .to_owned()
            }
            _ => return None,
        },
    })
}
