//! How the program's sources may depend on each other, and how long they may be.

use std::fs;
use std::path::{Path, PathBuf};

/// The longest source file of the workspace.
const LONGEST: usize = 600;
/// The program holds arguments and calls, no logic.
const PROGRAM: usize = 7_000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{}", folder.display());
    found
}

/// The command that a file belongs to: `commands/who/linux.rs` and `commands/who.rs` are `who`.
fn command<'a>(path: &'a Path, commands: &Path) -> Option<&'a str> {
    let first = path.strip_prefix(commands).ok()?.iter().next()?.to_str()?;
    Some(first.strip_suffix(".rs").unwrap_or(first)).filter(|name| *name != "mod")
}

#[test]
fn a_command_names_no_other_command_and_nothing_else_names_a_command() {
    let program = root().join("crates/poolmon/src");
    let commands = program.join("commands");
    let all = sources(&program);
    let mut names: Vec<&str> = all.iter().filter_map(|(path, _)| command(path, &commands)).collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() > 15, "{names:?}");
    for (path, text) in &all {
        let own = command(path, &commands);
        if path.ends_with("commands/mod.rs") || path.ends_with("main.rs") {
            continue;
        }
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            let place = || format!("{}:{}: {line}", path.display(), at + 1);
            assert!(own.is_some() || !line.contains("commands::"), "{}", place());
            for other in names.iter().filter(|other| Some(**other) != own) {
                assert!(!line.contains(&format!("commands::{other}")), "{}", place());
            }
        }
        // `super` of a command's main file is `commands`.
        let is_main = own.is_some_and(|own| {
            path.ends_with(format!("{own}.rs")) || path.ends_with(format!("{own}/mod.rs"))
        });
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        assert!(
            !is_main || !product.contains("use super::"),
            "{}: shared pieces belong into app/",
            path.display()
        );
    }
}

#[test]
fn no_file_is_too_long() {
    for folder in ["crates", "xtask", "tests", "fuzz/fuzz_targets", "benches"].map(|name| root().join(name)) {
        if !folder.is_dir() {
            continue;
        }
        for (path, text) in sources_or_none(&folder) {
            let lines = text.lines().count();
            assert!(lines <= LONGEST, "{}: {lines} lines", path.display());
        }
    }
}

fn sources_or_none(folder: &Path) -> Vec<(PathBuf, String)> {
    let has_any = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if has_any && !folder.ends_with("benches") { sources(folder) } else { Vec::new() }
}

#[test]
fn the_program_is_thin() {
    let lines: usize =
        sources(&root().join("crates/poolmon/src")).iter().map(|(_, text)| text.lines().count()).sum();
    assert!(lines < PROGRAM, "crates/poolmon/src has {lines} lines: logic belongs into a crate");
}

/// Names that others chose must not steer a terminal: only `app/say.rs` writes to one.
#[test]
fn standard_output_has_one_door() {
    for (path, text) in sources(&root().join("crates/poolmon/src")) {
        let is_door = path.ends_with("app/say.rs");
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            let is_write = line.contains("stdout()") && !line.contains("is_terminal()");
            assert!(is_door || !is_write, "{}:{}: use say::out: {line}", path.display(), at + 1);
            assert!(!line.contains("println!"), "{}:{}: {line}", path.display(), at + 1);
        }
    }
}
