//! The tags of a trace, as a table and as JSON.

use std::io::{self, Write};

use poolmon_model::Tag;
use poolmon_model::units::{grouped, human_bytes};
use poolmon_owner::next::argument;
use poolmon_print::schema;
use poolmon_trace::{TagRow, TraceTags, Verdict};
use serde::Serialize;

use super::text::{head, more, remarks};

/// Writes a table of `top` tags. `file` is how the trace was named, for the next command.
///
/// # Errors
///
/// Those of `out`.
pub fn tags(out: &mut dyn Write, tags: &TraceTags, file: &str, top: usize) -> io::Result<()> {
    writeln!(out, "{}", head(&tags.about, &tags.ending, tags.seconds, &tags.totals))?;
    for line in remarks(&tags.about, &tags.ending, &tags.totals, tags.lost_share()) {
        writeln!(out, "  {line}")?;
    }
    writeln!(out)?;
    let titles = ["Tag", "Pool", "Allocs", "Frees", "Held", "Bytes", "Driver", "Verdict"].map(str::to_owned);
    let lines: Vec<[String; 8]> =
        std::iter::once(titles).chain(tags.rows.iter().take(top).map(|row| cells(tags, row))).collect();
    let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    for cells in &lines {
        // Figures to the right, words to the left.
        let padded = |(at, (cell, width)): (usize, (&String, usize))| {
            if (2..6).contains(&at) { format!("{cell:>width$}") } else { format!("{cell:width$}") }
        };
        let line: Vec<String> = cells.iter().zip(widths).enumerate().map(padded).collect();
        writeln!(out, "{}", line.join("  ").trim_end())?;
    }
    more(out, tags.rows.len(), top)?;
    if let Some(doubt) = &tags.doubt {
        writeln!(out, "\nThe trace cannot show that a tag does not grow: {doubt}.")?;
    }
    if let Some(first) = tags.rows.first().filter(|row| row.objects > 0) {
        let tag = argument(&Tag::Pool(first.tag));
        writeln!(out, "\nNext: the stacks of a tag: poolmon trace {file} {tag}")?;
    }
    Ok(())
}

fn cells(tags: &TraceTags, row: &TagRow) -> [String; 8] {
    let driver = match &row.owner {
        None => "-".to_owned(),
        Some((driver, share)) => {
            let company = tags.made(driver).and_then(|made| made.company.as_deref());
            let company = company.map(|company| format!(", {company}")).unwrap_or_default();
            // All of it needs no figure.
            let share = if *share < 0.995 { format!(" ({:.0} %)", share * 100.0) } else { String::new() };
            format!("{driver}{share}{company}")
        }
    };
    [
        row.tag.to_string(),
        row.pool.short().to_owned(),
        grouped(row.totals.allocations),
        grouped(row.totals.frees),
        grouped(row.objects),
        human_bytes(row.bytes),
        driver,
        row.verdict.words().to_owned(),
    ]
}

#[derive(Serialize)]
struct Json<'a> {
    schema: &'static str,
    system: Option<&'a str>,
    started: Option<&'a str>,
    seconds: f64,
    lost: u64,
    doubt: Option<&'a str>,
    remarks: Vec<&'a str>,
    tags: Vec<JsonTag<'a>>,
}

#[derive(Serialize)]
struct JsonTag<'a> {
    tag: String,
    pool: &'static str,
    verdict: Verdict,
    allocations: u64,
    allocated_bytes: u64,
    frees: u64,
    freed_bytes: u64,
    objects: u64,
    bytes: u64,
    owner: Option<&'a str>,
    owner_share: Option<f64>,
    company: Option<&'a str>,
    version: Option<&'a str>,
}

/// Writes all tags as one JSON object.
///
/// # Errors
///
/// Those of `out`.
pub fn tags_json(out: &mut dyn Write, tags: &TraceTags) -> io::Result<()> {
    let (about, ending) = (&tags.about, &tags.ending);
    let json = Json {
        schema: schema::TRACE_TAGS,
        system: about.system.as_deref(),
        started: about.started.as_deref(),
        seconds: tags.seconds,
        lost: ending.lost,
        doubt: tags.doubt.as_deref(),
        remarks: about.remarks.iter().chain(&ending.remarks).map(String::as_str).collect(),
        tags: tags.rows.iter().map(|row| json_tag(tags, row)).collect(),
    };
    crate::json(out, &json)
}

fn json_tag<'a>(tags: &'a TraceTags, row: &'a TagRow) -> JsonTag<'a> {
    let made = row.owner.as_ref().and_then(|(owner, _)| tags.made(owner));
    JsonTag {
        tag: row.tag.to_string(),
        pool: row.pool.id(),
        verdict: row.verdict,
        allocations: row.totals.allocations,
        allocated_bytes: row.totals.allocated,
        frees: row.totals.frees,
        freed_bytes: row.totals.freed,
        objects: row.objects,
        bytes: row.bytes,
        owner: row.owner.as_ref().map(|(owner, _)| owner.as_str()),
        owner_share: row.owner.as_ref().map(|(_, share)| *share),
        company: made.and_then(|made| made.company.as_deref()),
        version: made.and_then(|made| made.version.as_deref()),
    }
}
