//! The answer for a person.

use std::io::{self, Write};
use std::time::Duration;

use poolmon_leak::measure::{Loss, LossKind, figure};
use poolmon_model::Filter;
use poolmon_model::units::{counted as count, grouped, human_amount, span};

use super::{Counted, Measured};
use crate::next::who;

/// Writes it.
pub fn write(
    out: &mut dyn Write,
    measured: &Measured,
    filter: &Filter,
    all: bool,
    limit: usize,
) -> io::Result<()> {
    let losses = &measured.losses;
    let shown: Vec<&Loss> =
        losses.tags.iter().filter(|loss| filter.admits_tag(&loss.tag, loss.pool)).collect();
    let seconds = |seconds: f64| span(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    writeln!(
        out,
        "{}: {} of {}, each paired with an idle interval, after {} of background noise and {}",
        measured.command,
        count(losses.pairs as u64, "run"),
        seconds(losses.run_seconds),
        seconds(losses.ambient_seconds),
        count(losses.warm_up as u64, "warm-up run"),
    )?;
    if measured.counted == Counted::Gathered {
        writeln!(
            out,
            "single objects counted: before each count the kernel dropped what it could of its caches, and compacted \
                half-filled slabs"
        )?;
    }
    if measured.stopped {
        writeln!(out, "stopped early: the result is based on the completed runs")?;
    }
    if measured.failed > 0 {
        writeln!(out, "{} ended with an exit code other than 0", count(measured.failed.into(), "run"))?;
    }
    writeln!(out)?;
    let of = |kind: LossKind| shown.iter().copied().filter(move |loss| loss.kind == kind);
    headline(out, measured, of(LossKind::Lost).count(), shown.len())?;
    for (kind, title) in [
        (LossKind::Lost, ""),
        (LossKind::Shrinkable, "\nTaken by caches that the kernel can shrink:"),
        (LossKind::FillsUp, "\nTaken by the first runs only:"),
        (LossKind::GivenBack, "\nTaken, and freed later:"),
        (LossKind::Noise, "\nWithin the noise:"),
    ] {
        let tags: Vec<&Loss> = of(kind).collect();
        if tags.is_empty() || kind == LossKind::Noise && !all {
            continue;
        }
        writeln!(out, "{title}")?;
        for loss in tags.iter().take(limit) {
            tell(out, loss)?;
        }
        if tags.len() > limit {
            writeln!(out, "  and {} more (--limit {})", tags.len() - limit, tags.len())?;
        }
    }
    let noise = of(LossKind::Noise).count();
    if noise > 0 && !all {
        writeln!(
            out,
            "\nThe other tags: {} moved within the noise (--all lists them), {} did not move.",
            grouped(noise as u64),
            grouped(losses.still as u64)
        )?;
    }
    if let Some(next) = of(LossKind::Lost).next().and_then(|first| who(&first.tag)) {
        writeln!(out, "\nNext: {next}")?;
    }
    Ok(())
}

fn headline(out: &mut dyn Write, measured: &Measured, lost: usize, moved: usize) -> io::Result<()> {
    let losses = &measured.losses;
    if losses.pairs == 0 {
        return writeln!(out, "No run and its idle interval were completed: no result.");
    }
    match lost {
        0 => writeln!(
            out,
            "No loss found in {} ({} moved).",
            count(losses.pairs as u64, "run"),
            count(moved as u64, "tag")
        )?,
        1 => writeln!(out, "Each run loses memory, of one tag:")?,
        n => writeln!(out, "Each run loses memory, of {n} tags:")?,
    }
    if measured.counted == Counted::InSlabs && lost == 0 {
        writeln!(
            out,
            "Linux counts whole slabs, so a loss of a few objects per run may stay hidden; --exact counts single \
                objects."
        )?;
    }
    if losses.pairs < losses.least_runs {
        writeln!(
            out,
            "Too few runs for this many moving tags: a loss in every run may stay hidden below {0} runs (--repeat \
                {0}).",
            losses.least_runs
        )?;
    }
    Ok(())
}

fn tell(out: &mut dyn Write, loss: &Loss) -> io::Result<()> {
    writeln!(out, "  {}", loss.sentence())?;
    if loss.kind == LossKind::Noise {
        return Ok(());
    }
    let (above, _, all) = loss.pairs;
    let amount = |value: f64| if loss.objects.is_some() { figure(value) } else { human_amount(value) };
    writeln!(
        out,
        "      {} per run on average; {above} of {} took more than their idle interval, which took {} to {}; q = \
            {:.1e}",
        amount(loss.mean),
        count(all as u64, "run"),
        amount(loss.idle.least),
        amount(loss.idle.most),
        loss.q
    )?;
    for reason in &loss.reasons {
        writeln!(out, "      {reason}")?;
    }
    Ok(())
}
