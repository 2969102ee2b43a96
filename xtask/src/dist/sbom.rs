//! What an executable is made of, as `CycloneDX` 1.5: every crate that is linked for its target, with version, licence, address and
//! checksum, from cargo's own answer and the lock file.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::{Value, json};

use super::VERSION;
use crate::root;

/// The list for a target. It has no number of its own: the same commit gives the same bytes.
pub fn cyclonedx(target: &str, made: u64) -> Result<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root()).args(["metadata", "--locked", "--format-version", "1"]);
    let output = command.args(["--filter-platform", target]).output();
    let output = output.map_err(|error| format!("cannot run cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let metadata =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).map_err(|error| error.to_string())?;
    list(&metadata, &sums(&lock), made)
}

/// Checksums by name and version.
fn sums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |part: &str, key: &str| {
        let line = part.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""));
        line.and_then(|text| text.strip_suffix('"')).map(str::to_owned)
    };
    let part = |part: &str| Some(((value(part, "name")?, value(part, "version")?), value(part, "checksum")?));
    lock.split("[[package]]").filter_map(part).collect()
}

fn list(metadata: &Value, sums: &BTreeMap<(String, String), String>, made: u64) -> Result<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let array = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let packages: BTreeMap<String, Value> =
        array(&metadata["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<String, Value> =
        array(&metadata["resolve"]["nodes"]).into_iter().map(|node| (text(&node["id"]), node)).collect();
    let program = packages.iter().find(|(_, package)| package["name"] == "poolmon");
    let (program, _) = program.ok_or("cargo metadata knows no package poolmon")?;
    // What is linked: no tests, no build scripts.
    let linked = |id: &str| -> Vec<String> {
        let deps = array(&nodes.get(id).unwrap_or(&Value::Null)["deps"]);
        let normal = deps
            .iter()
            .filter(|dep| array(&dep["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()))
            .map(|dep| text(&dep["pkg"]));
        // Macros run when it is built; nothing of them is in it.
        let is_macro = |id: &String| {
            let targets = array(&packages.get(id).unwrap_or(&Value::Null)["targets"]);
            targets.iter().any(|target| array(&target["kind"]).iter().any(|kind| kind == "proc-macro"))
        };
        normal.filter(|id| !is_macro(id)).collect()
    };
    let mut found = BTreeSet::new();
    let mut waiting = vec![program.clone()];
    while let Some(id) = waiting.pop() {
        if found.insert(id.clone()) {
            waiting.extend(linked(&id));
        }
    }
    let address = |id: &str| {
        let package = packages.get(id).unwrap_or(&Value::Null);
        format!("pkg:cargo/{}@{}", text(&package["name"]), text(&package["version"]))
    };
    let component = |id: &String| {
        let package = packages.get(id).unwrap_or(&Value::Null);
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        let mut component = json!({
            "type": "library", "bom-ref": address(id), "name": name, "version": version, "purl": address(id),
        });
        if let Some(licence) = package["license"].as_str() {
            // Cargo once allowed a slash for "or".
            component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
        }
        if let Some(sum) = sums.get(&(name, version)) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
        }
        component
    };
    let components: Vec<Value> = found.iter().filter(|id| *id != program).map(component).collect();
    let dependencies: Vec<Value> = found
        .iter()
        .map(|id| {
            let on: BTreeSet<String> = linked(id).iter().map(|id| address(id)).collect();
            json!({ "ref": address(id), "dependsOn": on })
        })
        .collect();
    let seconds = i64::try_from(made).map_err(|error| error.to_string())?;
    let time = jiff::Timestamp::from_second(seconds).map_err(|error| error.to_string())?;
    let all = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {
            "timestamp": time.to_string(),
            "component": {
                "type": "application", "bom-ref": address(program), "name": "poolmon", "version": VERSION,
                "purl": address(program), "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            },
        },
        "components": components, "dependencies": dependencies,
    });
    serde_json::to_string_pretty(&all).map(|text| text + "\n").map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_is_listed_and_nothing_else() {
        let text = cyclonedx("x86_64-unknown-linux-gnu", 1_800_000_000).unwrap();
        let list: Value = serde_json::from_str(&text).unwrap();
        let names: Vec<_> = list["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| part["name"].as_str().unwrap())
            .collect();
        for linked in ["jiff", "clap", "poolmon-store", "rustix"] {
            assert!(names.contains(&linked), "{linked}");
        }
        for other in
            ["insta", "proptest", "serde_derive", "windows-sys", "xtask", "poolmon-testkit", "poolmon"]
        {
            assert!(!names.contains(&other), "{other}");
        }
        for part in list["components"].as_array().unwrap() {
            let name = part["name"].as_str().unwrap();
            assert!(part["licenses"][0]["expression"].is_string(), "{name}");
            assert_eq!(part["hashes"].is_array(), !name.starts_with("poolmon"), "{name}");
        }
        assert_eq!(list["metadata"]["timestamp"], "2027-01-15T08:00:00Z");
    }
}
