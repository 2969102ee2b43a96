//! The text of `--version`: the commit that was built and its date. Windows: puts version resource, icon and manifest into the executable.
//!
//! MinGW's `windres` is what the GNU targets have; for MSVC the linker itself embeds the manifest, and `rc.exe`, where
//! it is on the path (a developer prompt), compiles the rest. Without either the program is complete but has no icon.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=windows");
    let reported = |name: &str| env::var(name).unwrap_or_default();
    println!("cargo::rustc-env=POOLMON_VERSION={}", version(&reported));
    if reported("CARGO_CFG_TARGET_OS") != "windows" {
        return;
    }
    let folder = Path::new(&reported("CARGO_MANIFEST_DIR")).join("windows");
    let out = PathBuf::from(reported("OUT_DIR"));
    let msvc = reported("CARGO_CFG_TARGET_ENV") == "msvc";
    let script = out.join("poolmon.rc");
    let text = resources(&folder, &reported("CARGO_PKG_VERSION"), !msvc);
    if let Err(error) = fs::write(&script, text) {
        println!("cargo::warning=no version resource: cannot write {}: {error}", script.display());
        return;
    }
    if msvc {
        println!("cargo::rustc-link-arg-bins=/MANIFEST:EMBED");
        println!("cargo::rustc-link-arg-bins=/MANIFESTINPUT:{}", folder.join("poolmon.manifest").display());
        let object = out.join("poolmon.res");
        compile(Command::new("rc.exe").arg("/nologo").arg("/fo").arg(&object).arg(&script), &object);
        return;
    }
    let object = out.join("poolmon.res.o");
    let arch = reported("CARGO_CFG_TARGET_ARCH");
    let windres = [format!("{arch}-w64-mingw32-windres"), "windres".into(), "llvm-windres".into()]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok());
    match windres {
        Some(windres) => {
            compile(Command::new(windres).arg("--output-format=coff").arg(&script).arg(&object), &object);
        }
        None => println!("cargo::warning=no icon and version resource: windres is not installed"),
    }
}

/// Version, commit, its date and the target; from a packaged crate, which has no history, version and target alone.
fn version(reported: &dyn Fn(&str) -> String) -> String {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|text| !text.is_empty())
    };
    if let Some(folder) = git(&["rev-parse", "--git-dir"]) {
        println!("cargo::rerun-if-changed={folder}/HEAD");
        println!("cargo::rerun-if-changed={folder}/logs/HEAD");
    }
    // Of the commit, not of the build: two builds of one commit are equal.
    let commit = git(&["show", "-s", "--format=commit %h, %cs", "--abbrev=12", "HEAD"]);
    let commit = commit.map_or_else(String::new, |commit| format!("{commit}, "));
    format!("{} ({commit}{})", reported("CARGO_PKG_VERSION"), reported("TARGET"))
}

/// Compiles the resources and links them; a failure costs the icon, not the program.
fn compile(command: &mut Command, object: &Path) {
    match command.output() {
        Ok(output) if output.status.success() => {
            println!("cargo::rustc-link-arg-bins={}", object.display());
        }
        Ok(output) => println!(
            "cargo::warning=no icon and version resource: {}",
            String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("the resource compiler failed")
        ),
        Err(error) => println!("cargo::warning=no icon and version resource: {error}"),
    }
}

/// The resource script, in the numbers of the documented resource types.
fn resources(folder: &Path, version: &str, manifest: bool) -> String {
    // Both compilers read backslashes as escapes.
    let path = |name: &str| folder.join(name).display().to_string().replace('\\', "/");
    let numbers: Vec<&str> = version.split(['-', '+']).next().unwrap_or_default().split('.').collect();
    let numbers = format!("{},0", numbers.join(","));
    let manifest = if manifest { format!("1 24 \"{}\"\n", path("poolmon.manifest")) } else { String::new() };
    format!(
        "1 ICON \"{icon}\"\n{manifest}\
         1 VERSIONINFO\nFILEVERSION {numbers}\nPRODUCTVERSION {numbers}\nFILEOS 0x40004\nFILETYPE 1\nBEGIN\n\
         BLOCK \"StringFileInfo\"\nBEGIN\nBLOCK \"040904b0\"\nBEGIN\n\
         VALUE \"FileDescription\", \"Shows which driver is eating the kernel's memory\"\n\
         VALUE \"FileVersion\", \"{version}\"\nVALUE \"InternalName\", \"poolmon\"\n\
         VALUE \"LegalCopyright\", \"MIT OR Apache-2.0\"\nVALUE \"OriginalFilename\", \"poolmon.exe\"\n\
         VALUE \"ProductName\", \"poolmon\"\nVALUE \"ProductVersion\", \"{version}\"\nEND\nEND\n\
         BLOCK \"VarFileInfo\"\nBEGIN\nVALUE \"Translation\", 0x409, 1200\nEND\nEND\n",
        icon = path("poolmon.ico"),
    )
}
