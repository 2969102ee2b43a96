//! What is in a recording.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_model::units::{
    counted as count, day_and_time, grouped, human_bytes, moment_with_zone, rfc3339, span,
};
use poolmon_model::{CounterWidth, shell};
use poolmon_print::schema;
use poolmon_store::{RecordedMark, RecordingInfo, TimedMark, Verification};
use serde_json::{Value, json};

/// Notes that are shown as text; `--format json` has all of them.
const NOTES: usize = 10;

/// Gaps by kind: how many, how long together, in seconds.
fn gaps(marks: &[TimedMark]) -> BTreeMap<&'static str, (u64, Duration)> {
    let mut gaps: BTreeMap<_, (u64, Duration)> = BTreeMap::new();
    for mark in marks {
        if let RecordedMark::Gap(gap) = &mark.mark {
            let sum = gaps.entry(gap.kind.id()).or_default();
            *sum = (sum.0 + 1, sum.1.saturating_add(gap.length()));
        }
    }
    gaps
}

fn bits(width: CounterWidth) -> u8 {
    if width == CounterWidth::Bits32 { 32 } else { 64 }
}

fn local(time: Timestamp, zone: &TimeZone) -> String {
    moment_with_zone(time, zone)
}

/// For a person.
pub fn text(
    path: &Path,
    info: &RecordingInfo,
    check: Option<&Verification>,
    marks: &[TimedMark],
    zone: &TimeZone,
) -> String {
    let mut lines: Vec<(&str, String)> = vec![("Recording", path.display().to_string())];
    let joined = |texts: Vec<&str>| if texts.is_empty() { "-".to_owned() } else { texts.join(", ") };
    let interrupted = match info.unclosed {
        0 => String::new(),
        1 => "a segment was not closed: its recorder was interrupted".to_owned(),
        number => format!("{} were not closed: their recorders were interrupted", count(number, "segment")),
    };
    let state = match (info.recording, info.unclosed) {
        (true, 0) => "being written now".to_owned(),
        (true, _) => format!("being written now; {interrupted}"),
        (false, 0) => "closed".to_owned(),
        (false, _) => interrupted,
    };
    lines.push(("State", state));
    lines.push(("Host", joined(info.hosts.iter().map(String::as_str).collect())));
    lines.push(("System", joined(info.systems.iter().map(String::as_str).collect())));
    let simulated = if info.simulated { " (simulated samples)" } else { "" };
    let kinds = joined(info.kinds.iter().copied().collect());
    lines.push(("Source", format!("{kinds}, {}-bit counters{simulated}", bits(info.width))));
    let boots = match info.boots.len() {
        0 => "unknown".to_owned(),
        number => number.to_string(),
    };
    lines.push(("Boots", boots));
    if let (Some(first), Some(last)) = (info.first, info.last) {
        let length = Duration::try_from(last.duration_since(first)).unwrap_or_default();
        lines.push(("First", local(first, zone)));
        lines.push(("Last", format!("{} ({} later)", local(last, zone), span(length))));
    }
    let every = match info.interval {
        Duration::ZERO => String::new(),
        interval => format!(", one every {}", span(interval)),
    };
    let samples = check.map_or(info.samples, Verification::samples);
    let damage = match check.map(Verification::lost) {
        None => " by the indexes (`poolmon verify` reads them)".to_owned(),
        Some(0) => String::new(),
        Some(lost) => format!("; {} lost to damage", grouped(lost)),
    };
    lines.push(("Samples", format!("{}{every}{damage}", grouped(samples))));
    if let Some(damage) = check.and_then(|check| check.in_words(info.recording)) {
        lines.push(("Damage", format!("{damage}; see where: poolmon verify {}", shell::path(path))));
    }
    let sealed = match info.sealed {
        0 => String::new(),
        number => format!("; also {}", count(number as u64, "Parquet file")),
    };
    let segments = count(info.segments as u64, "segment");
    lines.push(("Size", format!("{} in {segments}{sealed}", human_bytes(info.bytes))));
    let gaps: Vec<_> = gaps(marks)
        .into_iter()
        .map(|(kind, (number, length))| format!("{} {kind} ({})", grouped(number), span(length)))
        .collect();
    lines.push(("Gaps", if gaps.is_empty() { "none".into() } else { gaps.join(", ") }));
    let changes = marks.iter().filter_map(|mark| match &mark.mark {
        RecordedMark::Modules(changes) => Some(changes),
        _ => None,
    });
    let (loaded, unloaded): (Vec<_>, Vec<_>) = changes.flatten().partition(|change| change.loaded);
    lines.push(("Modules", format!("{} loaded, {} unloaded", loaded.len(), unloaded.len())));
    let holders = info.holders.map(|counted| {
        let es = if counted.processes == 1 { "" } else { "es" };
        let last = local(counted.last, zone);
        format!("{} process{es} at the last count, {last}", grouped(counted.processes))
    });
    lines.push(("Holders", holders.unwrap_or_else(|| "not recorded".into())));
    let notes: Vec<_> = marks
        .iter()
        .filter_map(|mark| match &mark.mark {
            RecordedMark::Note(text) => Some((mark.time, text)),
            _ => None,
        })
        .collect();
    let reported = if notes.len() > NOTES {
        format!("{}, the last {NOTES}:", notes.len())
    } else {
        notes.len().to_string()
    };
    lines.push(("Notes", reported));
    let mut text: Vec<_> = lines.iter().map(|(name, value)| format!("{name:<10}{value}\n")).collect();
    for (time, note) in notes.iter().skip(notes.len().saturating_sub(NOTES)) {
        let time = time.map_or_else(|| "-".to_owned(), |time| local(time, zone));
        text.push(format!("  {time}  {}\n", note.replace(['\n', '\r'], " ")));
    }
    text.concat()
}

/// One JSON object.
pub fn json(info: &RecordingInfo, check: Option<&Verification>, marks: &[TimedMark]) -> Value {
    let gaps: serde_json::Map<_, _> = gaps(marks)
        .into_iter()
        .map(|(kind, (number, length))| {
            (kind.to_owned(), json!({ "count": number, "seconds": length.as_secs_f64() }))
        })
        .collect();
    let time = rfc3339;
    let marks: Vec<_> = marks
        .iter()
        .map(|mark| {
            let time = time(mark.time);
            match &mark.mark {
                RecordedMark::Gap(gap) => json!({
                    "time": time,
                    "kind": gap.kind.id(),
                    "seconds": gap.length_ns as f64 / 1e9,
                    "reason": gap.reason,
                }),
                RecordedMark::Note(text) => json!({ "time": time, "kind": "note", "text": text }),
                RecordedMark::Modules(changes) => {
                    let changes: Vec<_> = changes
                        .iter()
                        .map(|change| {
                            json!({
                                "loaded": change.loaded,
                                "name": change.name,
                                "detail": change.detail,
                                "bytes": change.size,
                            })
                        })
                        .collect();
                    json!({ "time": time, "kind": "modules", "modules": changes })
                }
            }
        })
        .collect();
    json!({
        "schema": schema::INFO,
        "hosts": info.hosts,
        "systems": info.systems,
        "boots": info.boots,
        "sources": info.kinds,
        "simulated": info.simulated,
        "counter_bits": bits(info.width),
        "interval_seconds": info.interval.as_secs_f64(),
        "first": time(info.first),
        "last": time(info.last),
        "first_time_of_day": day_and_time(info.first),
        "last_time_of_day": day_and_time(info.last),
        "samples": check.map_or(info.samples, Verification::samples),
        "lost": check.map(Verification::lost),
        "unclosed": info.unclosed,
        "segments": info.segments,
        "bytes": info.bytes,
        "parquet_files": info.sealed,
        "holders": info.holders.map(|counted| {
            json!({ "last": counted.last.to_string(), "processes": counted.processes })
        }),
        "recording_now": info.recording,
        "gaps": gaps,
        "marks": marks,
    })
}
