//! `cargo xtask windows`: `poolmon.exe` from this machine.
//!
//! rustup has no standard library for the GNU targets at hand everywhere, so it is built from Debian's sources with
//! Debian's compiler (`rustc-web`, `rust-web-src`) and MinGW-w64. On Windows itself plain `cargo build --release` does.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::dist::build::{check, crates, remap};
use crate::root;

/// No executable above this; with everything, it has to stay below 9 MB.
const LARGEST: u64 = 9_000_000;

/// A Windows target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Name on the command line and of the zip.
    pub name: &'static str,
    /// rustc's name.
    pub triple: &'static str,
    /// The linker.
    linker: &'static str,
    /// Who it is for.
    about: &'static str,
}

const TARGETS: [Target; 3] = [
    Target {
        name: "x64",
        triple: "x86_64-pc-windows-gnu",
        linker: "x86_64-w64-mingw32-gcc",
        about: "Windows 10, Server 2016 and later",
    },
    Target {
        name: "win7",
        triple: "x86_64-win7-windows-gnu",
        linker: "x86_64-w64-mingw32-gcc",
        about: "Server 2012 R2, Windows 8.1 and earlier",
    },
    Target {
        name: "arm64",
        triple: "aarch64-pc-windows-gnullvm",
        linker: "aarch64-w64-mingw32-clang",
        about: "Windows on ARM64 (needs llvm-mingw, which Debian 12 does not package)",
    },
];

/// Debian packages, and a file of each that shows that it is there.
const PACKAGES: [(&str, &str); 4] = [
    ("rustc-web", "/usr/bin/rustc"),
    ("cargo-web", "/usr/bin/cargo"),
    ("rust-web-src", "/usr/lib/rustlib/src/rust/library/std/Cargo.toml"),
    ("gcc-mingw-w64-x86-64", "/usr/bin/x86_64-w64-mingw32-gcc"),
];

/// The target that arguments name.
pub fn target(args: &[&str]) -> Result<Target, String> {
    let mut target = TARGETS[0];
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        match arg {
            "--install" => {}
            "--target" => {
                let name = args.next().copied().unwrap_or_default();
                target =
                    *TARGETS.iter().find(|target| target.name == name || target.triple == name).ok_or_else(
                        || format!("--target takes {}", TARGETS.map(|target| target.name).join(", ")),
                    )?;
            }
            other => return Err(format!("{other} is not an option of this command; see cargo xtask help")),
        }
    }
    Ok(target)
}

/// Builds, checks the size, and says where the executable is.
pub fn run(args: &[&str]) -> Result<PathBuf, String> {
    let target = target(args)?;
    ensure(&PACKAGES, args.contains(&"--install"))?;
    if !on_path(target.linker) {
        return Err(format!("{} ({}) needs the linker {}", target.triple, target.about, target.linker));
    }
    let mut cargo = Command::new("/usr/bin/cargo");
    clear_rustup(&mut cargo);
    let linker = format!("CARGO_TARGET_{}_LINKER", target.triple.to_uppercase().replace('-', "_"));
    // The same bytes in every folder: no path of this machine is named, no time of a link, and no table of symbols.
    let mut flags = remap(&crates());
    flags.push("-Clink-arg=-Wl,--strip-all,--no-insert-timestamp".into());
    cargo
        .current_dir(root())
        .env("RUSTC", "/usr/bin/rustc")
        // Debian's stable compiler builds its own standard library with this.
        .env("RUSTC_BOOTSTRAP", "1")
        .env(linker, target.linker)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .args(["build", "--locked", "--release", "--package", "poolmon", "--target", target.triple])
        .arg("-Zbuild-std=std,panic_abort");
    crate::run(&mut cargo)?;
    let exe = exe(target);
    let size = check(&exe)?;
    println!("{}: {size} bytes ({:.2} MB), {}", exe.display(), size as f64 / 1e6, target.about);
    if size > LARGEST {
        return Err(format!("that is above {LARGEST} bytes: look for a dependency that has grown"));
    }
    Ok(exe)
}

/// Where the executable of a target is.
pub fn exe(target: Target) -> PathBuf {
    root().join("target").join(target.triple).join("release/poolmon.exe")
}

/// rustup's cargo hands its own toolchain on to children; Debian's must not see it.
fn clear_rustup(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let inherited = text.starts_with("CARGO") || text.starts_with("RUSTUP") || text.starts_with("RUST");
        // Where crates are stored stays as the person set it.
        if inherited && !matches!(&*text, "CARGO_HOME" | "CARGO_NET_OFFLINE" | "CARGO_BUILD_JOBS") {
            command.env_remove(&name);
        }
    }
    command.env_remove("LD_LIBRARY_PATH");
}

/// A program of this name can be run.
pub fn on_path(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

/// Installs packages whose file is missing, or says which are.
pub fn ensure(packages: &[(&str, &str)], install: bool) -> crate::Done {
    let missing: Vec<&str> =
        packages.iter().filter(|(_, file)| !Path::new(file).exists()).map(|&(package, _)| package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !install {
        return Err(format!(
            "missing Debian packages: {0}\n  apt-get install {0}, or add --install",
            missing.join(" ")
        ));
    }
    let apt = |args: &[&str]| {
        let mut command = if on_path("sudo") && !is_root() {
            let mut sudo = Command::new("sudo");
            sudo.arg("apt-get");
            sudo
        } else {
            Command::new("apt-get")
        };
        crate::run(command.env("DEBIAN_FRONTEND", "noninteractive").args(args).stdout(Stdio::null()))
    };
    apt(&["update", "-qq"])?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(&missing);
    apt(&install)
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}
