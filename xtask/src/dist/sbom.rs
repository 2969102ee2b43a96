//! What an executable is made of, as `CycloneDX` 1.5: every crate that is linked for its target, with version, licence, address and
//! checksum, from cargo's own tree and the lock file.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::{Value, json};

use super::VERSION;
use crate::root;

/// The list for a target. It has no number of its own: the same commit gives the same bytes.
pub fn cyclonedx(target: &str, made: u64) -> Result<String, String> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).map_err(|error| error.to_string())?;
    list(&linked(target)?, &sums(&lock), made)
}

/// A crate that is linked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Crate {
    licence: String,
    /// Those that it needs.
    needs: BTreeSet<Name>,
}

/// Name and version.
type Name = (String, String);

/// What is linked for a target: no tests, no build scripts, and no macros, which run when it is built.
///
/// `cargo metadata` would not do: it has one set of features for all systems, and lists what Windows needs for Linux as well.
pub fn linked(target: &str) -> Result<BTreeMap<Name, Crate>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root()).args(["tree", "--locked", "--package", "poolmon", "--target", target]);
    command.args(["--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", "|{p}|{l}"]);
    let output = command.output().map_err(|error| format!("cannot run cargo tree: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    tree(&String::from_utf8_lossy(&output.stdout))
}

/// Lines of `DEPTH|NAME vVERSION …|LICENCE`; below a crate that was there before, there are none.
fn tree(text: &str) -> Result<BTreeMap<Name, Crate>, String> {
    let mut found: BTreeMap<Name, Crate> = BTreeMap::new();
    let mut above: Vec<Name> = Vec::new();
    for line in text.lines() {
        let unclear = || format!("cargo tree: unclear line: {line}");
        let [depth, package, licence] = line.splitn(3, '|').collect::<Vec<_>>()[..] else {
            return Err(unclear());
        };
        let depth: usize = depth.parse().map_err(|_| unclear())?;
        let mut words = package.split(' ');
        let name = words.next().zip(words.next().and_then(|version| version.strip_prefix('v')));
        let (name, version) = name.ok_or_else(unclear)?;
        let name = (name.to_owned(), version.to_owned());
        above.truncate(depth);
        if let Some(parent) = above.last() {
            found.entry(parent.clone()).or_default().needs.insert(name.clone());
        }
        let licence = licence.strip_suffix(" (*)").unwrap_or(licence);
        licence.clone_into(&mut found.entry(name.clone()).or_default().licence);
        above.push(name);
    }
    Ok(found)
}

/// Checksums by name and version.
fn sums(lock: &str) -> BTreeMap<Name, String> {
    let value = |part: &str, key: &str| {
        let line = part.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""));
        line.and_then(|text| text.strip_suffix('"')).map(str::to_owned)
    };
    let part = |part: &str| Some(((value(part, "name")?, value(part, "version")?), value(part, "checksum")?));
    lock.split("[[package]]").filter_map(part).collect()
}

fn list(linked: &BTreeMap<Name, Crate>, sums: &BTreeMap<Name, String>, made: u64) -> Result<String, String> {
    let address = |(name, version): &Name| format!("pkg:cargo/{name}@{version}");
    let is_program = |name: &Name| name.0 == "poolmon";
    let program = linked.keys().find(|name| is_program(name)).ok_or("cargo tree knows no package poolmon")?;
    let component = |(name, about): (&Name, &Crate)| {
        let mut component = json!({
            "type": "library", "bom-ref": address(name), "name": name.0, "version": name.1, "purl": address(name),
        });
        if !about.licence.is_empty() {
            // Cargo once allowed a slash for "or".
            component["licenses"] = json!([{ "expression": about.licence.replace('/', " OR ") }]);
        }
        if let Some(sum) = sums.get(name) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
        }
        component
    };
    let components: Vec<Value> = linked.iter().filter(|(name, _)| !is_program(name)).map(component).collect();
    let dependencies: Vec<Value> = linked
        .iter()
        .map(|(name, about)| {
            let on: Vec<String> = about.needs.iter().map(address).collect();
            json!({ "ref": address(name), "dependsOn": on })
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

    const SHIPPED: [&str; 5] = [
        "x86_64-unknown-linux-musl",
        "x86_64-unknown-linux-gnu",
        "aarch64-unknown-linux-gnu",
        "x86_64-pc-windows-gnu",
        "aarch64-pc-windows-msvc",
    ];

    #[test]
    fn a_tree_is_read_with_the_edges_below_a_crate_that_is_there_twice() {
        let text = "0|poolmon v0.1.0 (/a b/poolmon)|MIT\n1|a v1.0.0|MIT OR Apache-2.0\n2|c v3.0.0|Zlib\n\
                    1|b v2.0.0|MIT/Apache-2.0\n2|a v1.0.0|MIT OR Apache-2.0 (*)\n1|c v3.0.0|Zlib\n";
        let found = tree(text).unwrap();
        let name = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        let (a, b, c) = (name("a", "1.0.0"), name("b", "2.0.0"), name("c", "3.0.0"));
        assert_eq!(found[&name("poolmon", "0.1.0")].needs, [a.clone(), b.clone(), c.clone()].into());
        assert_eq!(found[&a], Crate { licence: "MIT OR Apache-2.0".into(), needs: [c.clone()].into() });
        assert_eq!(found[&b].needs, [a].into());
        assert!(found[&c].needs.is_empty());
        assert!(tree("poolmon v0.1.0").is_err());
    }

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
        for linked in ["jiff", "clap", "poolmon-store", "rustix", "rustls"] {
            assert!(names.contains(&linked), "{linked}");
        }
        // Of tests, of macros, of Windows alone, and what only Windows' way to TLS would bring on other systems.
        for other in [
            "insta",
            "proptest",
            "serde_derive",
            "windows-sys",
            "native-tls",
            "xtask",
            "poolmon-testkit",
            "poolmon",
        ] {
            assert!(!names.contains(&other), "{other}");
        }
        for part in list["components"].as_array().unwrap() {
            let name = part["name"].as_str().unwrap();
            assert!(part["licenses"][0]["expression"].is_string(), "{name}");
            assert_eq!(part["hashes"].is_array(), !name.starts_with("poolmon"), "{name}");
        }
        assert_eq!(list["metadata"]["timestamp"], "2027-01-15T08:00:00Z");
    }

    /// deny.toml has to allow OpenSSL below native-tls, as it sees the features of all systems at once. Here it is each system's own.
    #[test]
    fn no_c_library_that_parses_is_linked_for_any_system() {
        let rules = std::fs::read_to_string(root().join("deny.toml")).unwrap();
        let banned: Vec<_> = rules
            .lines()
            .filter_map(|line| line.trim().strip_prefix("{ crate = \"")?.split_once('"'))
            .map(|(name, _)| name.to_owned())
            .collect();
        assert!(banned.len() >= 5 && banned.contains(&"openssl-sys".to_owned()), "{banned:?}");
        for target in SHIPPED {
            let linked = linked(target).unwrap();
            assert!(linked.len() > 100, "{target}: {}", linked.len());
            for (name, _) in linked.keys() {
                assert!(!banned.contains(name), "{target}: {name}");
            }
        }
    }
}
