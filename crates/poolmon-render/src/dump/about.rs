//! What the dump is, and what it can answer.

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_dump::{Answerable, Dump, DumpInfo, PoolUsed};
use poolmon_model::units::{self, Precision, counted, human_bytes};
use poolmon_model::{Labeler, Row};
use poolmon_print::schema;
use serde_json::{Value, json};

use super::address;

/// What is shown next to what the dump says of itself.
pub struct Beside<'a> {
    /// The symbol file in use.
    pub symbols: Option<&'a Path>,
    /// The pool tables, or why there are none.
    pub used: Result<&'a PoolUsed, String>,
    /// Whose the tags are.
    pub owners: &'a dyn Labeler,
    /// The command that was typed, up to the file, to be copied.
    pub command: &'a str,
}

/// Tags that are shown.
const TOP: usize = 5;
/// How to get a dump that holds what this one does not.
const BETTER: &str = "for a dump with pool tables: Task Manager > Details > System > Create live kernel memory dump \
    file (Windows 11), or set a kernel memory dump under System > Advanced > Startup and Recovery before the next crash";

/// For a person.
pub fn text(dump: &Dump, info: &DumpInfo, beside: &Beside<'_>) -> String {
    let mut lines: Vec<(&str, String)> = Vec::new();
    lines.push(("File", format!("{} ({})", dump.path().display(), human_bytes(info.file_size))));
    let machine = info.machine.map_or("unknown processor", poolmon_dump::Machine::name);
    let machine = info.paging.map_or(machine, poolmon_dump::PagingForm::name);
    lines.push(("Kind", format!("{}, {machine}", info.kind())));
    lines.push(("System", info.system().unwrap_or_else(|| "unknown".into())));
    lines.extend(info.build_text.as_ref().map(|text| ("Kernel", text.to_string())));
    lines.push(("Taken", taken(info)));
    lines.extend(info.processors.map(|count| ("Processors", count.to_string())));
    lines.push(("Memory", memory(info)));
    let bugcheck = info.bugcheck_text().unwrap_or_else(|| "none: the system was running".into());
    lines.push(("Bugcheck", bugcheck));
    let wide = info.machine != Some(poolmon_dump::Machine::X86);
    for (at, (value, name)) in info.bugcheck_parameters().into_iter().enumerate() {
        let value = if wide { format!("{value:#018x}") } else { format!("{value:#010x}") };
        lines.push(("", format!("{} {value}  {name}", at + 1).trim_end().to_owned()));
    }
    lines.extend(fault(dump, info).map(|place| ("Faulting code", place)));
    lines.extend(info.kernel_base.map(|base| ("Kernel at", address(dump, base))));
    if let Some(pdb) = dump.kernel_pdb() {
        let used = beside.symbols.map(|path| format!(", in use: {}", path.display())).unwrap_or_default();
        lines.push(("Symbols", format!("{}{used}", pdb.symbol_key())));
    }
    lines.extend(info.comment.as_ref().map(|text| ("Comment", text.to_string())));
    let (mut can, mut cannot) = (Vec::new(), Vec::<(&str, Vec<&str>)>::new());
    let answers = answers(info, beside);
    for (question, answer) in &answers {
        match answer {
            Ok(()) => can.push(*question),
            Err(why) => match cannot.iter_mut().find(|(known, _)| known == why) {
                Some((_, questions)) => questions.push(question),
                None => cannot.push((why, vec![question])),
            },
        }
    }
    lines.push(("Answers", if can.is_empty() { "nothing".into() } else { can.join(", ") }));
    lines.extend(
        cannot.iter().map(|(why, questions)| ("Does not answer", format!("{}: {why}", questions.join(", ")))),
    );
    lines.extend(info.warnings.iter().map(|warning| ("Warning", warning.clone())));
    match beside.used {
        Ok(used) => {
            let new = used.warnings.iter().filter(|warning| !info.warnings.contains(warning));
            lines.extend(new.map(|warning| ("Warning", warning.clone())));
            top(&mut lines, used, beside);
        }
        Err(_) => lines.push(("Next", BETTER.to_owned())),
    }
    let mut text = String::new();
    for (title, line) in lines {
        let _ = writeln!(text, "{title:<15} {line}");
    }
    text
}

/// The library's answers, with what a look at the tables showed, and `who`, which needs the drivers' code as `find` does.
fn answers(info: &DumpInfo, beside: &Beside<'_>) -> Vec<(&'static str, Answerable)> {
    let mut list: Vec<_> =
        info.answers.list().into_iter().map(|(question, answer)| (question, answer.clone())).collect();
    for (question, answer) in &mut list {
        if *question == "poolused"
            && answer.is_ok()
            && let Err(why) = &beside.used
        {
            *answer = Err(why.clone());
        }
    }
    list.push(("who", info.answers.find.clone()));
    list
}

/// `module+offset` of the code that faulted; its address alone if no module is there.
fn fault(dump: &Dump, info: &DumpInfo) -> Option<String> {
    let at = info.fault()?;
    let exception = info.exception.filter(|&(_, address)| address == at);
    let status = exception.and_then(|(code, _)| poolmon_dump::status_name(code.into()));
    let status = status.map(|name| format!(": {name}")).unwrap_or_default();
    let module = dump.module_at(at).ok().flatten()?;
    Some(format!("{}+{:#x}{status}", module.file_name(), at.wrapping_sub(module.base) & 0xffff_ffff))
}

/// The largest tags with their owners, and the command that asks for the first one's.
fn top(lines: &mut Vec<(&str, String)>, used: &PoolUsed, beside: &Beside<'_>) {
    let bytes = |row: &Row| row.counters.bytes.unwrap_or(0);
    let mut rows: Vec<&Row> = used.sample.rows.iter().filter(|row| bytes(row) > 0).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(bytes(row)));
    rows.truncate(TOP);
    for (at, row) in rows.iter().enumerate() {
        let owner = beside.owners.label(row).map(|label| label.mapped_driver.clone()).unwrap_or_default();
        let (tag, pool) = (row.tag.to_string(), row.pool.id());
        let line = format!("{tag:<4} {pool:<8} {:>10}  {owner}", human_bytes(bytes(row)));
        lines.push((if at == 0 { "Largest tags" } else { "" }, line.trim_end().to_owned()));
    }
    if let Some(first) = rows.first() {
        let tag = first.tag.to_string();
        let quoted = if tag.chars().all(|c| c.is_ascii_alphanumeric()) { tag } else { format!("\"{tag}\"") };
        lines.push(("Next", format!("{} who {quoted}", beside.command)));
    }
}

fn taken(info: &DumpInfo) -> String {
    let after = info.uptime.map(|uptime| format!("{} after boot", units::span(uptime)));
    let parts = [info.time.map(utc), after];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "unknown".into() } else { parts.join(", ") }
}

/// `2026-11-23 14:05:07 UTC`.
pub(super) fn utc(time: Timestamp) -> String {
    format!("{} UTC", units::moment(time, &TimeZone::UTC, Precision::Seconds))
}

fn memory(info: &DumpInfo) -> String {
    let machine = info.memory.map_or("unknown".to_owned(), human_bytes);
    if info.pages == 0 {
        return format!("{machine}; no pages of it in this file");
    }
    let (pages, bytes) = (counted(info.pages, "page"), human_bytes(info.pages.saturating_mul(4096)));
    format!("{machine}; {bytes} of it in this file ({pages})")
}

/// One JSON object.
pub fn json(dump: &Dump, info: &DumpInfo, beside: &Beside<'_>) -> Value {
    let answers: serde_json::Map<String, Value> = answers(info, beside)
        .into_iter()
        .map(|(question, answer)| {
            let why = answer.as_ref().err();
            (question.to_owned(), json!({ "can": answer.is_ok(), "why_not": why }))
        })
        .collect();
    let known = info.known_bugcheck();
    json!({
        "schema": schema::DUMP,
        "file": dump.path().display().to_string(),
        "file_bytes": info.file_size,
        "kind": info.kind(),
        "dump_type": info.dump_type,
        "machine": info.machine.map(poolmon_dump::Machine::name),
        "paging": info.paging.map(poolmon_dump::PagingForm::name),
        "system": info.system(),
        "build": info.build,
        "build_text": info.build_text.as_deref(),
        "time": info.time.map(|time| time.to_string()),
        "uptime_s": info.uptime.map(|uptime| uptime.as_secs()),
        "processors": info.processors,
        "pages": info.pages,
        "memory_bytes": info.memory,
        "kernel_base": info.kernel_base.map(|base| format!("{base:#x}")),
        "pdb_key": dump.kernel_pdb().map(|pdb| pdb.symbol_key()),
        "symbols_in_use": beside.symbols.map(|path| path.display().to_string()),
        "comment": info.comment.as_deref(),
        "bugcheck": info.bugcheck.map(|(code, values)| json!({
            "code": format!("{code:#x}"),
            "name": info.bugcheck_name(),
            "meaning": known.map(|known| known.meaning),
            "parameters": values.map(|value| format!("{value:#x}")),
        })),
        "faulting_code": fault(dump, info),
        "kernel_version": info.kernel_version,
        "answers": answers,
        "warnings": info.warnings,
    })
}
