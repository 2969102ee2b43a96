//! What the dump is, and what it can answer.

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_dump::{Dump, DumpInfo};
use poolmon_model::units::{self, Precision, grouped, human_bytes};
use poolmon_print::schema;
use serde_json::{Value, json};

use super::address;

/// For a person.
pub fn text(dump: &Dump, info: &DumpInfo, symbols: Option<&Path>) -> String {
    let mut lines: Vec<(&str, String)> = Vec::new();
    lines.push(("File", format!("{} ({})", dump.path().display(), human_bytes(info.file_size))));
    let machine = info.machine.map_or("unknown processor", poolmon_dump::Machine::name);
    let machine = info.paging.map_or(machine, poolmon_dump::PagingForm::name);
    lines.push(("Kind", format!("{}, {machine}", info.kind())));
    lines.push(("System", info.system().unwrap_or_else(|| "unknown".into())));
    lines.extend(info.build_text.clone().map(|text| ("Kernel", text)));
    lines.push(("Taken", taken(info)));
    lines.extend(info.processors.map(|count| ("Processors", count.to_string())));
    lines.push(("Memory", memory(info)));
    let bugcheck = info.bugcheck_text().unwrap_or_else(|| "none: the system was running".into());
    lines.push(("Bugcheck", bugcheck));
    if let Some((_, values)) = info.bugcheck {
        let names = info.known_bugcheck().map_or(&[][..], |known| known.parameters);
        let wide = info.machine != Some(poolmon_dump::Machine::X86);
        for (at, value) in values.into_iter().enumerate() {
            let name = names.get(at).copied().unwrap_or_default();
            let value = if wide { format!("{value:#018x}") } else { format!("{value:#010x}") };
            lines.push(("", format!("{} {value}  {name}", at + 1).trim_end().to_owned()));
        }
    }
    lines.extend(info.kernel_base.map(|base| ("Kernel at", address(dump, base))));
    if let Some(pdb) = dump.kernel_pdb() {
        let used = symbols.map(|path| format!(", in use: {}", path.display())).unwrap_or_default();
        lines.push(("Symbols", format!("{}{used}", pdb.symbol_key())));
    }
    lines.extend(info.comment.clone().map(|text| ("Comment", text)));
    let (mut can, mut cannot) = (Vec::new(), Vec::<(&str, Vec<&str>)>::new());
    for (question, answer) in answers(info) {
        match answer {
            Ok(()) => can.push(question),
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
    let mut text = String::new();
    for (title, line) in lines {
        let _ = writeln!(text, "{title:<15} {line}");
    }
    text
}

/// The library's answers, and `who`, which needs the drivers' code as `find` does.
fn answers(info: &DumpInfo) -> Vec<(&'static str, &poolmon_dump::Answerable)> {
    let mut list = info.answers.list().to_vec();
    list.push(("who", &info.answers.find));
    list
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
    let (pages, bytes) = (grouped(info.pages), human_bytes(info.pages.saturating_mul(4096)));
    format!("{machine}; {bytes} of it in this file ({pages} pages)")
}

/// One JSON object.
pub fn json(dump: &Dump, info: &DumpInfo, symbols: Option<&Path>) -> Value {
    let answers: serde_json::Map<String, Value> = answers(info)
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
        "build_text": info.build_text,
        "time": info.time.map(|time| time.to_string()),
        "uptime_s": info.uptime.map(|uptime| uptime.as_secs()),
        "processors": info.processors,
        "pages": info.pages,
        "memory_bytes": info.memory,
        "kernel_base": info.kernel_base.map(|base| format!("{base:#x}")),
        "pdb_key": dump.kernel_pdb().map(|pdb| pdb.symbol_key()),
        "symbols_in_use": symbols.map(|path| path.display().to_string()),
        "comment": info.comment,
        "bugcheck": info.bugcheck.map(|(code, values)| json!({
            "code": format!("{code:#x}"),
            "name": known.map(|known| known.name),
            "meaning": known.map(|known| known.meaning),
            "parameters": values.map(|value| format!("{value:#x}")),
        })),
        "answers": answers,
        "warnings": info.warnings,
    })
}
