//! Where `unsafe` stands: each file and how often, as agreed. A new place or a changed count fails here, and is
//! looked at by a second pair of eyes before this list changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// File, how many times the word stands in its code.
const AGREED: &[(&str, usize)] = &[
    // The memory map of a dump.
    ("crates/poolmon-dump/src/map.rs", 1),
    // Calls into Windows.
    ("crates/poolmon-source/src/windows/live/calls.rs", 18),
    // A test's global allocator, which counts.
    ("crates/poolmon-tui/tests/allocations.rs", 5),
];

/// The only places in which it may stand at all.
const FOLDERS: &[&str] = &[
    "crates/poolmon-source/src/windows/live/",
    "crates/poolmon-dump/src/map.rs",
    "crates/poolmon-tui/tests/allocations.rs",
];

/// Lines of an argument that may stand between `// SAFETY:` and its block.
const ARGUMENT: usize = 9;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The code of a line, without what stands behind `//` and in strings.
fn code(line: &str) -> String {
    let mut out = String::new();
    let mut in_text = false;
    let mut before = ' ';
    for c in line.chars() {
        match c {
            '"' if before != '\\' => in_text = !in_text,
            '/' if before == '/' && !in_text => break,
            _ if !in_text => out.push(c),
            _ => {}
        }
        before = c;
    }
    out
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// How many times the word stands in a file's code, and the lines with a block that has no argument before it.
fn unsafe_in(text: &str) -> (usize, Vec<usize>) {
    let mut count = 0;
    let mut bare = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    for (n, line) in lines.iter().enumerate() {
        let code = code(line);
        let here = words(&code).filter(|word| *word == "unsafe").count();
        count += here;
        // Declarations of foreign functions are not blocks.
        if here > 0 && !code.contains("unsafe extern") {
            let argued = lines[n.saturating_sub(ARGUMENT)..n].iter().any(|line| line.contains("// SAFETY:"));
            if !argued {
                bare.push(n + 1);
            }
        }
    }
    (count, bare)
}

#[test]
fn unsafe_stands_where_it_was_agreed_and_says_why() {
    let root = root();
    let mut files = Vec::new();
    for folder in ["crates", "xtask", "tests", "fuzz", "benches"] {
        rust_files(&root.join(folder), &mut files);
    }
    assert!(files.len() > 50, "the workspace's files were not found");
    let mut found = BTreeMap::new();
    for path in files {
        let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        let (count, bare) = unsafe_in(&fs::read_to_string(&path).unwrap());
        if count > 0 {
            assert_eq!(bare, Vec::<usize>::new(), "{name}: no `// SAFETY:` before these lines");
            found.insert(name, count);
        }
    }
    let agreed: BTreeMap<String, usize> =
        AGREED.iter().map(|&(name, count)| (name.to_owned(), count)).collect();
    assert_eq!(found, agreed, "left: what is there; right: what was agreed");
    for name in found.keys() {
        let allowed = FOLDERS.iter().any(|folder| name.starts_with(folder));
        assert!(allowed, "{name} is outside of the folders where `unsafe` may stand");
    }
}

#[test]
fn the_count_sees_code_and_nothing_else() {
    let text = "// unsafe\nlet a = \"unsafe\"; // unsafe\n// SAFETY: as it is\nlet b = unsafe { 1 };\n#![forbid(unsafe_code)]\n";
    assert_eq!(unsafe_in(text), (1, vec![]));
    assert_eq!(unsafe_in("let b = unsafe { unsafe { 1 } };"), (2, vec![1]));
}
