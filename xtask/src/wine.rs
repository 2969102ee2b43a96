//! `cargo xtask wine`: the tests in `tests/wine/`, on the executable that `cargo xtask windows` built.

use std::process::Command;

use crate::{root, windows};

/// Debian packages, and a file of each that shows that it is there.
const PACKAGES: [(&str, &str); 3] = [
    ("gcc-mingw-w64-x86-64", "/usr/bin/x86_64-w64-mingw32-gcc"),
    ("wine64", "/usr/lib/wine/wine64"),
    ("wine", "/usr/bin/wine"),
];

/// Runs all tests, or those whose names contain one of the words.
pub fn run(args: &[&str]) -> crate::Done {
    let words: Vec<&str> = args.iter().copied().filter(|&arg| arg != "--install").collect();
    if !windows::on_path("wine") && !windows::on_path("wine64") || args.contains(&"--install") {
        windows::ensure(&PACKAGES, args.contains(&"--install"))?;
    }
    let exe = match std::env::var_os("POOLMON_WINE_EXE") {
        Some(exe) => exe.into(),
        None => windows::exe(windows::target(&[])?),
    };
    if !exe.exists() {
        return Err(format!("{} is absent: run cargo xtask windows first", exe.display()));
    }
    let required = std::env::var("POOLMON_REQUIRE").unwrap_or_default() + ",wine";
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(root())
        .env("POOLMON_WINE_EXE", &exe)
        // Elsewhere these tests are skipped; here a missing tool is a failure.
        .env("POOLMON_REQUIRE", required)
        .args(["test", "--package", "xtask", "--test", "wine", "--"])
        .args(words);
    crate::run(&mut cargo)
}
