//! The answer for a person.

use std::io::{self, Write};
use std::time::Duration;

use jiff::tz::TimeZone;
use poolmon_holder::{Kind, Unit, fitted};
use poolmon_model::units::{
    self, Precision, counted, grouped, grouped_change, human_bytes, human_change, span,
};

use poolmon_print::{Ink, Line, Paint};

use super::{Holders, Listed, Order, Part, Section};

/// Kinds that are written out for a holder.
const SPOKEN: usize = 4;

/// Cells of the names of holders, at least and at most.
const NAMES: (usize, usize) = (40, 64);

/// Writes it.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Ink, holders: &Holders<'_>) -> io::Result<()> {
    writeln!(out, "{}", about(holders))?;
    if let Order::Kind(kind) = holders.order
        && Section::ALL.into_iter().all(|section| holders.listed(section).is_empty())
    {
        return writeln!(out, "\nNo holder keeps any {}.", kind.many());
    }
    let changes = holders.counted.before.is_some();
    for section in Section::ALL {
        let listed = holders.listed(section);
        if listed.is_empty() {
            continue;
        }
        let names = || listed.iter().take(holders.top).map(|one| name(one, usize::MAX).chars().count());
        let width = names().max().unwrap_or(0).clamp(NAMES.0, NAMES.1);
        match section {
            Section::Holders => {
                let change = if changes { format!("{:>11}  ", "Change") } else { String::new() };
                writeln!(out)?;
                let mut titles = Line::default();
                titles.push(
                    &format!("{:>11}  {change}{:<width$}  Kinds", "Objects", "Holder"),
                    Some(Paint::Title),
                );
                titles.end(out)?;
            }
            Section::Types => writeln!(out, "\nTypes of objects, and handles to them:")?,
            Section::Groups => writeln!(out, "\nControl groups (a group's figures include those below it):")?,
        }
        for one in listed.iter().take(holders.top) {
            line(out, one, width)?;
        }
        more(out, listed.len(), holders.top)?;
    }
    Ok(())
}

fn line(out: &mut dyn Ink, one: &Listed<'_>, width: usize) -> io::Result<()> {
    let name = name(one, width);
    if one.section == Section::Holders {
        let change = |by| if one.is_new { "new".to_owned() } else { grouped_change(by) };
        let mut line = Line::default();
        line.push(&format!("{:>11}  ", grouped(one.objects)), None);
        if let Some(by) = one.change {
            // Beside what the holder has: a tenth of it is much.
            let paint = Paint::of_change(by, one.objects, one.objects.saturating_mul(100));
            line.push(&format!("{:>11}", change(by)), paint);
            line.blanks(2);
        }
        line.push(&format!("{name:<width$}  {}", kinds(one)), None);
        return line.end(out);
    }
    writeln!(out, "  {name:<width$}  {}", kinds(one))
}

/// `212 processes; change over 40 s`.
fn about(holders: &Holders<'_>) -> String {
    let processes = counted(holders.counted.now.processes, "process").replace("processs", "processes");
    let moment = |at| units::moment(at, &TimeZone::system(), Precision::Seconds);
    let at = holders.at.map_or_else(String::new, |at| format!(" at {}", moment(at)));
    let processes = processes + &at;
    match &holders.counted.before {
        None => processes,
        Some((_, seconds)) => {
            format!("{processes}; change over {}", span(Duration::from_secs_f64(seconds.round())))
        }
    }
}

/// In this many cells. Data has all of it.
fn name(one: &Listed<'_>, width: usize) -> String {
    let (holder, group) = match one.section {
        Section::Holders => (one.entry.holder.to_string(), one.entry.group.as_deref()),
        Section::Types | Section::Groups => (one.entry.holder.name.to_string(), None),
    };
    fitted(&holder, group, width)
}

/// `20,000 UNIX stream sockets (+2,000), 103 open files`: what changed most first, then what is most.
fn kinds(one: &Listed<'_>) -> String {
    let is_sum_of_seen = |kind: Kind| kind.is_sum() && kind.parts().any(|part| has(one, part));
    let mut parts: Vec<&Part> = one.kinds.iter().filter(|part| !is_sum_of_seen(part.kind)).collect();
    let is_bytes = |part: &Part| part.kind.unit() == Unit::Bytes;
    let weight = |part: &Part| (part.change.unwrap_or(0).unsigned_abs(), part.count);
    let mixed = parts.iter().any(|part| !is_bytes(part));
    // Bytes are not compared with objects: they come last.
    parts.sort_by(|a, b| {
        (mixed && is_bytes(a)).cmp(&(mixed && is_bytes(b))).then_with(|| weight(b).cmp(&weight(a)))
    });
    let mut texts: Vec<String> = parts.iter().take(SPOKEN).map(|part| spoken(part, one.is_new)).collect();
    if parts.len() > SPOKEN {
        texts.push(counted((parts.len() - SPOKEN) as u64, "more kind"));
    }
    texts.join(", ")
}

fn has(one: &Listed<'_>, kind: Kind) -> bool {
    one.kinds.iter().any(|part| part.kind == kind)
}

fn spoken(part: &Part, is_new: bool) -> String {
    let Part { kind, count, change } = *part;
    let change = |text: fn(i64) -> String| {
        change.filter(|by| *by != 0 && !is_new).map_or_else(String::new, |by| format!(" ({})", text(by)))
    };
    match kind.unit() {
        Unit::Objects => {
            let what = if count == 1 { kind.one() } else { kind.many() };
            format!("{} {what}{}", grouped(count), change(grouped_change))
        }
        Unit::Bytes => {
            let what = kind.many().strip_prefix("bytes of ").unwrap_or(kind.many());
            format!("{what} {}{}", human_bytes(count), change(human_change))
        }
    }
}

fn more(out: &mut dyn Write, all: usize, top: usize) -> io::Result<()> {
    if all > top {
        writeln!(out, "  and {} more (--top {all})", all - top)?;
    }
    Ok(())
}
