//! `cargo xtask vm [KERNEL…]`: the program and the real-kernel tests inside a kernel of their own.
//!
//! * `registry.rs`: which kernels Debian's registry serves, and their packages as folders;
//! * `module.rs`: our leaking module, built with the kernel's own headers and compiler;
//! * `guest.rs`: the initramfs: program, tests, a compiler for noise, kernel modules;
//! * `qemu.rs`: boots it without KVM and watches the console.
//!
//! The guest runs in virtual time (`-icount`): its clock advances with the instructions that it executes, and jumps
//! ahead when its processor sleeps. A busy host makes a run longer, it does not change what the guest sees; and
//! four idle minutes in the guest take a second.

mod guest;
mod module;
mod qemu;
mod registry;

use std::path::PathBuf;

use crate::{root, windows};

/// Debian packages, and a file of each that shows that it is there.
const PACKAGES: [(&str, &str); 6] = [
    ("qemu-system-x86", "/usr/bin/qemu-system-x86_64"),
    ("busybox-static", "/bin/busybox"),
    ("cpio", "/usr/bin/cpio"),
    ("xz-utils", "/usr/bin/xz"),
    ("gcc", "/usr/bin/gcc"),
    ("util-linux", "/usr/bin/unshare"),
];

/// Tested unless kernels are named: what most servers run, and what comes next.
const DEFAULT: [&str; 2] = ["6.1", "newest"];

/// Boots each kernel; the first failure ends it.
pub fn run(args: &[&str]) -> crate::Done {
    if !(cfg!(target_os = "linux") && cfg!(target_arch = "x86_64")) {
        return Err("cargo xtask vm needs Linux on x86-64: it boots Debian's amd64 kernels".into());
    }
    let asked = parse(args)?;
    windows::ensure(&PACKAGES, asked.install)?;
    let registry = registry::Registry::open(&folder())?;
    if asked.list {
        for release in registry.releases()? {
            println!("{release}");
        }
        return Ok(());
    }
    let programs = guest::Programs::build(asked.program)?;
    let mut run = Vec::new();
    for kernel in asked.kernels {
        let release = registry.release(kernel)?;
        println!("== kernel {release}");
        let packages = registry.packages(&release)?;
        let module = module::build(&packages)?;
        let guest = guest::Guest::build(&packages, &programs, &module, &asked.words)?;
        let seconds = qemu::run(&guest)?;
        run.push(format!("kernel {release}: tests passed in {seconds} s"));
    }
    println!("{}", run.join("\n"));
    Ok(())
}

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked<'a> {
    kernels: Vec<&'a str>,
    /// Names of tests, or parts of them; all if empty.
    words: Vec<&'a str>,
    /// A poolmon to test instead of building one.
    program: Option<&'a str>,
    install: bool,
    list: bool,
}

fn parse<'a>(args: &[&'a str]) -> Result<Asked<'a>, String> {
    let mut asked = Asked::default();
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        match arg {
            "--install" => asked.install = true,
            "--list" => asked.list = true,
            "--program" => asked.program = Some(args.next().ok_or("--program needs a file")?),
            "--" => asked.words.extend(args.by_ref()),
            _ if arg.starts_with('-') => {
                return Err(format!("{arg} is not an option of this command; see cargo xtask help"));
            }
            kernel => asked.kernels.push(kernel),
        }
    }
    if asked.kernels.is_empty() {
        asked.kernels.extend(DEFAULT);
    }
    Ok(asked)
}

/// Where packages and guests are kept. Safe to delete.
fn folder() -> PathBuf {
    root().join("target/vm")
}

/// The same, as an absolute path that other programs can be handed.
fn text(path: &std::path::Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn kernels_come_first_and_test_names_behind_two_dashes() {
        let asked = super::parse(&["--install", "--", "measure::"]).unwrap();
        assert_eq!(
            (asked.kernels, asked.words, asked.install),
            (vec!["6.1", "newest"], vec!["measure::"], true)
        );
        assert_eq!(super::parse(&["6.12"]).unwrap().kernels, ["6.12"]);
        assert!(super::parse(&["--kvm"]).unwrap_err().contains("--kvm"));
        assert!(super::parse(&["--program"]).is_err());
    }
}
