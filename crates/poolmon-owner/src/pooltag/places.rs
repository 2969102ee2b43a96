//! Where pooltag.txt and localtag.txt usually are.

use std::path::{Path, PathBuf};

const KITS: [&str; 3] = ["10", "8.1", "8.0"];
const MACHINES: [&str; 4] = ["x64", "x86", "arm64", "arm"];

/// Paths at which a pooltag.txt may be, the most likely first. Nothing is opened.
///
/// `environment` gives the value of a variable (`ProgramFiles(x86)`), `beside` is the program's own folder.
pub fn pooltag_candidates(
    beside: Option<&Path>,
    environment: impl Fn(&str) -> Option<String>,
) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = beside.map(|folder| folder.join("pooltag.txt")).into_iter().collect();
    let root = |name| environment(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let x86 = root("ProgramFiles(x86)");
    let native = root("ProgramW6432").or_else(|| root("ProgramFiles"));
    for programs in [&x86, &native].into_iter().flatten() {
        for kit in KITS {
            for machine in MACHINES {
                let kit = programs.join("Windows Kits").join(kit);
                paths.push(kit.join("Debuggers").join(machine).join("triage").join("pooltag.txt"));
            }
        }
    }
    for (programs, name) in [
        (&native, "Debugging Tools for Windows (x64)"),
        (&x86, "Debugging Tools for Windows (x86)"),
        (&native, "Debugging Tools for Windows"),
    ] {
        paths.extend(programs.as_ref().map(|root| root.join(name).join("triage").join("pooltag.txt")));
    }
    let mut seen = rustc_hash::FxHashSet::default();
    paths.retain(|path| seen.insert(path.clone()));
    paths
}

/// Paths at which PoolMon's `/c` wrote its localtag.txt: next to the program, and the current folder.
pub fn localtag_candidates(beside: Option<&Path>) -> Vec<PathBuf> {
    beside
        .map(|folder| folder.join("localtag.txt"))
        .into_iter()
        .chain([PathBuf::from("localtag.txt")])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_the_program_first_then_the_kits() {
        let paths = pooltag_candidates(Some(Path::new("tools")), |name| match name {
            "ProgramFiles(x86)" => Some("pf86".into()),
            "ProgramFiles" => Some("pf".into()),
            _ => None,
        });
        let end = |parts: &[&str]| parts.iter().collect::<PathBuf>();
        assert_eq!(paths[0], end(&["tools", "pooltag.txt"]));
        assert_eq!(
            paths[1],
            end(&["pf86", "Windows Kits", "10", "Debuggers", "x64", "triage", "pooltag.txt"])
        );
        assert!(paths.contains(&end(&["pf", "Debugging Tools for Windows (x64)", "triage", "pooltag.txt"])));
        assert!(paths.contains(&end(&[
            "pf86",
            "Windows Kits",
            "8.0",
            "Debuggers",
            "arm64",
            "triage",
            "pooltag.txt"
        ])));
    }

    #[test]
    fn no_environment_no_paths() {
        assert!(pooltag_candidates(None, |_| None).is_empty());
        assert_eq!(localtag_candidates(None), [PathBuf::from("localtag.txt")]);
    }
}
