//! JSON and CSV for programs: every document fits its schema in `schema/`, and `docs/data.md` names every one.

mod validate;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use poolmon_model::{FIGURES, header};
use poolmon_print::schema;
use poolmon_synth::dump::{Arch, Form};
use serde_json::{Value, json};

use crate::{dump, etl, exchange, json_of, leaks, stdout_of, trace, who};

fn project(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// `poolmon.dump.who/1` is in `schema/dump.who.json`.
fn file_of(id: &str) -> PathBuf {
    let name = id.strip_prefix("poolmon.").and_then(|id| id.split_once('/')).expect("poolmon.NAME/N").0;
    project("schema").join(format!("{name}.json"))
}

fn schema_of(id: &str) -> Value {
    let path = file_of(id);
    let text = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{id} has no schema {}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Fails unless the document fits the schema that it names; hands back which one.
#[track_caller]
pub fn check(document: &Value) -> String {
    let id = document["schema"].as_str().unwrap_or_else(|| panic!("no schema is named: {document:#}"));
    assert!(schema::ALL.contains(&id), "{id} is not in poolmon_print::schema");
    if let Err(problem) = validate::validate(&schema_of(id), document) {
        panic!("{id}: {problem}\n{document:#}");
    }
    id.to_owned()
}

#[test]
fn every_name_has_one_schema_and_every_schema_a_name() {
    let files: BTreeSet<PathBuf> =
        fs::read_dir(project("schema")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files, schema::ALL.iter().map(|id| file_of(id)).collect());
    for id in schema::ALL {
        let schema = schema_of(id);
        assert_eq!(
            (&schema["title"], &schema["properties"]["schema"]["const"]),
            (&Value::from(*id), &Value::from(*id))
        );
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        strict(&schema, id);
    }
}

/// Objects are closed, and every field is described.
fn strict(schema: &Value, at: &str) {
    if let Some(fields) = schema.get("properties") {
        assert_eq!(schema["additionalProperties"], false, "{at}");
        for (name, field) in fields.as_object().unwrap() {
            assert!(
                ["description", "$ref", "const"].iter().any(|key| field.get(key).is_some()),
                "{at}.{name} is not described"
            );
        }
    }
    match schema {
        Value::Object(map) => map.iter().for_each(|(name, inner)| strict(inner, &format!("{at}.{name}"))),
        Value::Array(list) => list.iter().for_each(|inner| strict(inner, at)),
        _ => {}
    }
}

/// A new figure needs no hand: `INSTA_UPDATE=always cargo test --test cli schema` describes it in the schemas.
#[test]
fn every_figure_is_in_the_schemas() {
    let rows = ["/properties/rows/items/properties", "/$defs/totals/properties"];
    for (id, places, changes) in [(schema::TABLE, &rows[..], true), (schema::ROW, &["/properties"], false)] {
        let mut schema = schema_of(id);
        let old = schema.clone();
        for place in places {
            let fields = schema.pointer_mut(place).and_then(Value::as_object_mut).unwrap();
            for figure in FIGURES {
                let about = format!("{}; null or absent = unknown", figure.about);
                let mut value = json!({ "description": about, "type": ["integer", "null"] });
                if !figure.signed {
                    value["minimum"] = 0.into();
                }
                fields.entry(figure.id).or_insert(value);
                let about = format!("change of {} since the earlier sample", figure.id);
                if changes {
                    let change = json!({ "description": about, "type": ["integer", "null"] });
                    fields.entry(format!("{}_change", figure.id)).or_insert(change);
                }
            }
        }
        if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
            fs::write(file_of(id), format!("{schema:#}\n")).unwrap();
        } else {
            assert_eq!(schema, old, "{id} lacks a figure; INSTA_UPDATE=always adds it");
        }
    }
    let table = schema_of(schema::TABLE);
    for figure in header::FIGURES {
        assert!(table["properties"]["header"]["properties"].get(figure.id).is_some(), "{}", figure.id);
    }
}

/// Runs the program for each document.
#[test]
fn every_document_fits_its_schema() {
    let mut seen = BTreeSet::new();
    let mut see = |args: &[&str]| seen.insert(check(&json_of(&[args, &["--format", "json"]].concat())));

    let (_folder, path) = dump::written(&dump::machine(Arch::Amd64, 19_045), Form::BitmapKernel);
    let path = dump::name(&path);
    let questions: [&[&str]; 7] =
        [&[], &["poolused"], &["modules"], &["find", "Zq7x"], &["big"], &["big", "CM31"], &["who", "Zq7x"]];
    for question in questions {
        see(&[&["dump", path], question].concat());
    }
    see(&["dump", path, "modules", "0xfffff8034a201012"]);

    let folder = tempfile::tempdir().unwrap();
    leaks::record(folder.path(), true);
    let recording = folder.path().to_str().unwrap();
    for args in [
        &["info", recording][..],
        &["leaks", recording, "--all"],
        &["diff", recording],
        &["top", recording],
        &["top", recording, "--group", "owner"],
    ] {
        see(args);
    }

    let drivers = who::Drivers::new();
    see(&["who", "Leak", "--no-index", "--drivers", drivers.path()]);
    see(&["who", "--all", drivers.path(), "--no-index"]);
    see(&["who", "Leak", "--next"]);
    see(&["who", "dentry", "--no-index"]);
    if cfg!(target_os = "linux") {
        see(&["holders"]);
    }

    #[cfg(feature = "fleet")]
    {
        let engine = crate::fleet::FakeEngine::start();
        see(&["fleet", "--url", &engine.url, "--at", "2026-11-30T12:00:00Z"]);
    }

    let (_folder, saved) = trace::saved();
    see(&["trace", &saved]);
    let (_folder, trace) = etl::trace(&poolmon_synth::etl::Spec::default());
    see(&["trace", &trace]);

    let temp = tempfile::tempdir().unwrap();
    let recording = exchange::recording(temp.path(), 3, 8);
    see(&["info", recording.to_str().unwrap()]);
    for line in stdout_of(&["export", recording.to_str().unwrap(), "--format", "jsonl"]).lines() {
        seen.insert(check(&serde_json::from_str(line).unwrap()));
    }

    // `measure.rs` and `open.rs` check these, and the tests of poolmon-serve: they need a command to measure, a kernel's modules, a server.
    let served = [schema::STATUS, schema::ROWS, schema::DETAIL, schema::ERROR];
    let mut elsewhere = vec![schema::MEASURE, schema::WHO_MODULES];
    elsewhere.extend(served);
    if !cfg!(target_os = "linux") {
        elsewhere.insert(0, schema::HOLDERS);
    }
    let rest: Vec<&str> = schema::ALL.iter().copied().filter(|id| !seen.contains(*id)).collect();
    assert_eq!(rest, elsewhere, "documents that no command above prints");
}

/// It needs the kernel's own table, which only root may read.
#[cfg(target_os = "linux")]
#[test]
fn a_measurement_fits_its_schema() {
    if !crate::kernel::kernel_memory_is_readable() {
        return;
    }
    let quick = ["measure", "--noise", "1s", "--settle", "200ms", "--seed=7", "--repeat", "2", "--all"];
    let document = json_of(&[&quick[..], &["--format", "json", "--", "true"]].concat());
    assert_eq!(check(&document), schema::MEASURE);
    assert!(!document["tags"].as_array().unwrap().is_empty(), "something moved");
}

#[test]
fn the_page_on_data_names_every_document_and_every_column() {
    let page = fs::read_to_string(project("docs/data.md")).unwrap();
    let quoted: BTreeSet<&str> = page.split('`').skip(1).step_by(2).collect();
    let named: BTreeSet<&str> =
        quoted.iter().copied().filter(|text| text.starts_with("poolmon.") && text.contains('/')).collect();
    assert_eq!(named, schema::ALL.iter().copied().collect());

    let (_folder, path) = dump::written(&dump::machine(Arch::Amd64, 19_045), Form::BitmapKernel);
    let dump = dump::name(&path);
    let temp = tempfile::tempdir().unwrap();
    let recording = exchange::recording(temp.path(), 3, 8);
    let recording = recording.to_str().unwrap();
    let drivers = who::Drivers::new();
    for args in [
        &["top", recording][..],
        &["diff", recording, "--format", "csv"],
        &["leaks", recording],
        #[cfg(target_os = "linux")]
        &["holders"],
        &["who", "Leak", "--no-index", "--drivers", drivers.path()],
        &["dump", dump, "modules"],
        &["dump", dump, "big"],
        &["export", recording],
        &["export", recording, "--format", "header-csv"],
        &["export", recording, "--format", "marks-csv"],
    ] {
        let format = if args.contains(&"--format") { &[][..] } else { &["--format", "csv"] };
        let out = stdout_of(&[args, format].concat());
        for column in out.lines().next().unwrap().split(',') {
            let base = column.strip_suffix("_change").unwrap_or(column);
            assert!(quoted.contains(base), "docs/data.md does not describe {column} of {args:?}");
        }
    }
}
