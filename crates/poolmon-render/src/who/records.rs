//! The answer for programs: one JSON object, or CSV with a line for each place.
//!
//! `schema` changes when a field changes its meaning; fields may be added without that. Offsets are bytes in the file,
//! RVAs are addresses in the loaded image; `null` = there is none.

use std::io::{self, Write};
use std::path::Path;

use poolmon_holder::{HeldBy, Kind, Tally};
use poolmon_model::{PoolTag, Tag};
use poolmon_owner::Owners;
use poolmon_owner::scan::{CallRole, Evidence, charged};
use poolmon_owner::who::{RankedDriver, Standing, WhoAnswer};
use poolmon_print::delimited::LineWriter;
use poolmon_print::schema;
use serde::Serialize;

use super::UnderTag;

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    tag: Option<String>,
    tag_value: Option<String>,
    charged: Option<&'static str>,
    held_by: Vec<HolderJson>,
    objects: Vec<TallyJson>,
    known: Vec<KnownJson>,
    drivers: Vec<DriverJson>,
    failed: Vec<FailedJson>,
    searched: SearchedJson,
}

/// A process that holds objects of the tag's type.
#[derive(Serialize)]
struct HolderJson {
    r#type: &'static str,
    pid: Option<u32>,
    name: String,
    group: Option<String>,
    kind: Kind,
    count: u64,
    of: u64,
}

/// Objects of a type that are allocated under the tag, and handles to them.
#[derive(Serialize)]
struct TallyJson {
    object_type: String,
    objects: u64,
    handles: u64,
}

fn holder(held: &HeldBy) -> HolderJson {
    HolderJson {
        r#type: held.entry.holder.id.kind(),
        pid: held.entry.holder.id.pid(),
        name: held.entry.holder.name.to_string(),
        group: held.entry.group.as_deref().map(str::to_owned),
        kind: held.kind,
        count: held.count,
        of: held.total,
    }
}

fn tally(tally: &Tally) -> TallyJson {
    TallyJson { object_type: tally.object_type.to_string(), objects: tally.objects, handles: tally.handles }
}

#[derive(Serialize)]
struct KnownJson {
    title: &'static str,
    text: String,
}

#[derive(Serialize)]
struct DriverJson {
    driver: String,
    path: String,
    copies: Vec<String>,
    bytes: u64,
    loaded: Option<bool>,
    /// Of the tag that was asked for.
    standing: Option<&'static str>,
    framework: bool,
    machine: String,
    version: Option<String>,
    product: Option<String>,
    description: Option<String>,
    company: Option<String>,
    signer: Option<String>,
    pdb: Option<String>,
    framework_tags: Vec<String>,
    /// Sections of code that cannot be read.
    packed: Option<String>,
    evidence: Vec<EvidenceJson>,
}

#[derive(Serialize)]
struct EvidenceJson {
    tag: String,
    kind: &'static str,
    confidence: String,
    explanation: String,
    api: Option<String>,
    role: Option<&'static str>,
    library: Option<&'static str>,
    section: String,
    offset: u64,
    rva: Option<u32>,
    call_rva: Option<u32>,
    wrapper_rva: Option<u32>,
}

#[derive(Serialize)]
struct FailedJson {
    path: String,
    error: String,
}

#[derive(Serialize)]
struct SearchedJson {
    files: usize,
    bytes: u64,
    found: usize,
    failed: usize,
    from_index: usize,
    code_only: bool,
    interrupted: bool,
}

/// One object and a line end.
pub fn json(
    out: &mut dyn Write,
    asked: Option<(PoolTag, &Owners)>,
    answer: &WhoAnswer,
    (held, types): &UnderTag,
) -> io::Result<()> {
    let tag = asked.map(|(tag, _)| tag);
    let known = asked.map(|(tag, owners)| owners.known(&Tag::Pool(tag))).unwrap_or_default();
    let summary = &answer.summary;
    let document = Document {
        schema: schema::WHO,
        tag: tag.map(|tag| tag.to_string()),
        tag_value: tag.map(|tag| format!("{:#010x}", tag.unprotected().to_u32())),
        charged: tag.and_then(charged),
        held_by: held.iter().map(holder).collect(),
        objects: types.iter().map(tally).collect(),
        known: known.into_iter().map(|line| KnownJson { title: line.title, text: line.text }).collect(),
        drivers: answer.drivers.iter().map(|driver| one(driver, tag.is_some())).collect(),
        failed: answer
            .failed
            .iter()
            .map(|(path, error)| FailedJson { path: text(path), error: error.to_string() })
            .collect(),
        searched: SearchedJson {
            files: summary.files,
            bytes: summary.bytes,
            found: summary.found,
            failed: summary.failed,
            from_index: summary.from_index,
            code_only: answer.code_only,
            interrupted: summary.cancelled,
        },
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn one(driver: &RankedDriver, asked: bool) -> DriverJson {
    let info = &driver.info;
    DriverJson {
        driver: driver.name(),
        path: text(&driver.path),
        copies: driver.copies.iter().map(|path| text(path)).collect(),
        bytes: driver.bytes,
        loaded: driver.loaded,
        standing: asked.then(|| standing(driver.standing())),
        framework: driver.framework,
        machine: info.machine.to_string(),
        version: info.version.clone(),
        product: info.product.clone(),
        description: info.description.clone(),
        company: info.company.clone(),
        signer: info.signer.clone(),
        pdb: info.pdb.clone(),
        framework_tags: info.framework_tags.iter().map(ToString::to_string).collect(),
        packed: info.packed.clone(),
        evidence: driver.evidence.iter().map(evidence).collect(),
    }
}

const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Proven(_) => "proven",
        Standing::Framework => "framework",
        Standing::Library => "library",
        Standing::Bytes(_) => "bytes",
        Standing::Noise => "noise",
    }
}

const fn role(role: CallRole) -> &'static str {
    match role {
        CallRole::Allocate => "allocate",
        CallRole::List => "list",
        CallRole::Free => "free",
    }
}

fn evidence(row: &Evidence) -> EvidenceJson {
    EvidenceJson {
        tag: row.tag.to_string(),
        kind: row.kind.word(),
        confidence: row.confidence().to_string(),
        explanation: row.explain(),
        api: row.api.clone(),
        role: row.role.map(role),
        library: row.library,
        section: row.section.clone(),
        offset: row.offset,
        rva: row.rva,
        call_rva: row.site,
        wrapper_rva: row.wrapper,
    }
}

const COLUMNS: [&str; 18] = [
    "driver",
    "path",
    "loaded",
    "machine",
    "version",
    "company",
    "signer",
    "tag",
    "kind",
    "confidence",
    "api",
    "role",
    "library",
    "section",
    "offset",
    "rva",
    "call_rva",
    "wrapper_rva",
];

/// A line for each place; tags that only a framework would give have a line of the kind `framework`.
pub fn csv(out: &mut dyn Write, answer: &WhoAnswer) -> io::Result<()> {
    let mut lines = LineWriter::new(out, b',');
    lines.line(&COLUMNS)?;
    let hex = |rva: Option<u32>| rva.map(|rva| format!("{rva:#x}")).unwrap_or_default();
    for driver in &answer.drivers {
        let info = &driver.info;
        let loaded = driver.loaded.map(|loaded| loaded.to_string()).unwrap_or_default();
        let reported = |field: &Option<String>| field.clone().unwrap_or_default();
        let mut line = |tag: PoolTag, rest: [String; 10]| {
            let own = [
                driver.name(),
                text(&driver.path),
                loaded.clone(),
                info.machine.to_string(),
                reported(&info.version),
                reported(&info.company),
                reported(&info.signer),
                tag.to_string(),
            ];
            let fields: Vec<&String> = own.iter().chain(&rest).collect();
            lines.line(&fields)
        };
        for row in &driver.evidence {
            line(
                row.tag,
                [
                    row.kind.word().to_owned(),
                    row.confidence().to_string(),
                    reported(&row.api),
                    row.role.map(role).unwrap_or_default().to_owned(),
                    row.library.unwrap_or_default().to_owned(),
                    row.section.clone(),
                    format!("{:#x}", row.offset),
                    hex(row.rva),
                    hex(row.site),
                    hex(row.wrapper),
                ],
            )?;
        }
        for &tag in &info.framework_tags {
            let mut rest: [String; 10] = Default::default();
            rest[0].push_str("framework");
            rest[1].push_str("medium");
            line(tag, rest)?;
        }
    }
    Ok(())
}
