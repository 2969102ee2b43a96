//! `find`: `!for_each_module s -a @#Base @#End "Tag"`.

use std::io;

use poolmon_dump::{Dump, FindHit, FindReport, Needle};
use poolmon_model::units::{counted, grouped, human_bytes};
use poolmon_print::schema;
use serde_json::{Value, json};

use super::address;
use crate::columns::table;

/// For a person.
pub fn text(out: &mut dyn io::Write, dump: &Dump, hits: &[FindHit]) -> io::Result<()> {
    let rows: Vec<Vec<String>> = hits
        .iter()
        .map(|hit| {
            let code = if hit.in_code { "code" } else { "data" };
            vec![
                address(dump, hit.address),
                format!("{}+{:#x}", hit.module, hit.offset),
                hit.section.as_deref().unwrap_or("-").to_owned(),
                if hit.section.is_some() { code } else { "-" }.to_owned(),
                format!("{} | {}", hex(&hit.before), hex(&hit.bytes)),
            ]
        })
        .collect();
    table(out, &rows, &[])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// How far the search could see, a line each: a tag in a page that is absent is not found.
pub fn notes(report: &FindReport, shown: usize) -> Vec<String> {
    let mut notes = vec![format!(
        "{} in {}, {} searched",
        counted(report.hits.len() as u64, "place"),
        counted(report.modules as u64, "module"),
        human_bytes(report.bytes)
    )];
    if shown < report.hits.len() {
        let more = (report.hits.len() - shown) as u64;
        notes.push(format!("{} (--limit)", counted(more, "more place")));
    }
    if report.cut {
        notes.push("the search ended at its limit; there may be more places".to_owned());
    }
    let absent = report.absent;
    if absent.total() == 0 {
        return notes;
    }
    let parts = [
        (absent.paged_out, "paged out"),
        (absent.not_in_dump, "not in this dump"),
        (absent.unmapped, "not mapped (discarded after start, or session space)"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|part| part.0 > 0)
        .map(|part| format!("{} {}", grouped(part.0), part.1))
        .collect();
    notes.push(format!(
        "{} could not be searched: {}; mainly in {}",
        counted(absent.total(), "page"),
        parts.join(", "),
        most_absent(report)
    ));
    notes
}

/// The three modules that lack most.
fn most_absent(report: &FindReport) -> String {
    let mut modules: Vec<_> = report.absent_in.iter().collect();
    modules.sort_by_key(|module| std::cmp::Reverse(module.absent.total()));
    let reported: Vec<String> = modules
        .iter()
        .take(3)
        .map(|module| {
            format!("{} ({} of {})", module.module, grouped(module.absent.total()), grouped(module.pages))
        })
        .collect();
    reported.join(", ")
}

/// One JSON object.
pub fn json(needle: &Needle, report: &FindReport, hits: &[FindHit]) -> Value {
    let absent = |pages: &poolmon_dump::AbsentPages| json!({ "paged_out": pages.paged_out, "not_in_dump": pages.not_in_dump, "unmapped": pages.unmapped });
    let hits: Vec<Value> = hits
        .iter()
        .map(|hit| {
            json!({
                "address": format!("{:#x}", hit.address),
                "module": &*hit.module,
                "offset": hit.offset,
                "section": hit.section.as_deref(),
                "in_code": hit.in_code,
                "before": hex(&hit.before),
                "bytes": hex(&hit.bytes),
            })
        })
        .collect();
    let absent_in: Vec<Value> = report
        .absent_in
        .iter()
        .map(|module| json!({ "module": &*module.module, "pages": module.pages, "absent": absent(&module.absent) }))
        .collect();
    json!({
        "schema": schema::FIND,
        "needle": needle.text,
        "found": report.hits.len(),
        "hits": hits,
        "modules": report.modules,
        "bytes": report.bytes,
        "cut": report.cut,
        "absent": absent(&report.absent),
        "absent_in": absent_in,
    })
}
