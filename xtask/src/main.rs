//! Chores: `cargo xtask COMMAND`.
//!
//! * `windows.rs`: `windows`, the cross-build of `poolmon.exe`;
//! * `wine.rs`: `wine`, the tests of that executable under Wine;
//! * `vm/`: `vm`, the tests of real kernels, each booted under QEMU;
//! * `dist/`: `dist`, what people download: archives, packages, the list of what they are made of; `same`, two builds compared;
//! * `accuracy/`: a program of its own: how often verdicts are right, on hosts simulated from mechanisms;
//! * `icon.rs`: `icon`, draws the icon; `picture.rs`: `picture`, draws the screens for the README and the guide; here: `accuracy`, `man` and `completions`.
#![forbid(unsafe_code)]

mod dist;
mod icon;
mod picture;
mod vm;
mod windows;
mod wine;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Chores fail with a text for the person at the keyboard.
type Done = Result<(), String>;

const HELP: &str = "\
cargo xtask COMMAND
  windows [--install] [--target x64|win7|arm64]   cross-build poolmon.exe (needs Debian's rustc-web and MinGW-w64)
  wine [--install] [TEST...]                      run the tests of poolmon.exe under Wine
  vm [--install] [--list] [KERNEL...] [-- TEST...] run the real-kernel tests in kernels of their own (6.1 and newest)
  dist [--target x64|win7|arm64]                  pack target/dist/poolmon-VERSION-TARGET.zip, from what windows built
  dist linux [--exe FILE]                         build a static poolmon and pack archive, .deb and .rpm into target/dist
  dist sbom TARGET                                print the parts of the executable for a target of rustc (CycloneDX)
  same [linux] [--target x64|win7|arm64]          build this commit twice, in two folders, and compare every byte
  man [FOLDER]                                    write the man pages (default target/man)
  completions [FOLDER]                            write the shells' completions (default target/completions)
  accuracy [--set SET] [--hosts N] ...            how often verdicts are right, on hosts simulated from mechanisms
  accuracy shapes [--hosts N] [--tags N] ...      the same on hosts drawn from shapes of curves
  accuracy real [FILE]                            false alarms on the memory of real machines, and leaks added to it
  accuracy fit [--hosts N] [--check]              fit what the rules of verdicts weigh, on tuning hosts
  icon                                            draw crates/poolmon/windows/poolmon.ico anew
  picture [NAME…]                                 draw docs/screen*.svg from the running program (tmux)";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["windows", rest @ ..] => windows::run(rest).map(|_| ()),
        ["wine", rest @ ..] => wine::run(rest),
        ["vm", rest @ ..] => vm::run(rest),
        ["dist", rest @ ..] => dist::run(rest),
        ["same", rest @ ..] => dist::same::run(rest),
        ["man"] => man(&root().join("target/man")),
        ["man", folder] => man(Path::new(folder)),
        ["completions"] => completions(&root().join("target/completions")),
        ["completions", folder] => completions(Path::new(folder)),
        ["accuracy", rest @ ..] => accuracy(rest),
        ["icon"] => icon::run(),
        ["picture", names @ ..] => picture::draw(&root(), names),
        ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        _ => Err(HELP.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Runs a command; what it prints goes to the person.
fn run(command: &mut Command) -> Done {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name} failed: {status}")),
        Err(error) => Err(format!("cannot run {name}: {error}")),
    }
}

/// Runs one of the two yardsticks of the verdicts, built for release: some minutes.
fn accuracy(args: &[&str]) -> Done {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(["run", "--quiet", "--release", "--package"]);
    match args {
        ["fit", rest @ ..] => run(command.args(["poolmon-leak", "--example", "fit", "--"]).args(rest)),
        ["shapes", rest @ ..] => {
            run(command.args(["poolmon-leak", "--example", "accuracy", "--"]).args(rest))
        }
        _ => run(command.args(["xtask", "--bin", "accuracy", "--"]).args(args)),
    }
}

/// The program, built for this machine, with arguments still to come.
fn poolmon() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(["run", "--quiet", "--package", "poolmon", "--"]);
    command
}

fn man(folder: &Path) -> Done {
    let folder = std::path::absolute(folder).map_err(|error| error.to_string())?;
    run(poolmon().arg("man").arg(&folder))?;
    println!("{}", folder.display());
    Ok(())
}

fn completions(folder: &Path) -> Done {
    let cannot = |error: std::io::Error| format!("cannot write completions to {}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(cannot)?;
    for (shell, file) in [
        ("bash", "poolmon.bash"),
        ("zsh", "_poolmon"),
        ("fish", "poolmon.fish"),
        ("powershell", "_poolmon.ps1"),
        ("elvish", "poolmon.elv"),
    ] {
        let output = poolmon().args(["completions", shell]).output().map_err(cannot)?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        std::fs::write(folder.join(file), output.stdout).map_err(cannot)?;
    }
    println!("{}", folder.display());
    Ok(())
}
