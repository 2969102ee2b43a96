//! `cargo install` of the crates as they would be published. On request, as everything is built again:
//! `POOLMON_REQUIRE=alone cargo test -p xtask --test install`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use poolmon_testkit::{Need, asked_for};

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Packed, unpacked elsewhere, and built from that alone: no file is missing in a package, and nothing depends on a crate by its path.
#[test]
fn from_packages_alone() {
    if !asked_for(Need::Alone) {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = root.join("target/install");
    let cargo = || {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.env("CARGO_TARGET_DIR", &target).current_dir(&root);
        cargo
    };
    let _ = fs::remove_dir_all(target.join("package"));
    run(cargo()
        .args(["package", "--workspace", "--exclude", "xtask", "--exclude", "poolmon-testkit"])
        .args(["--no-verify", "--allow-dirty", "--locked"]));
    let folder = tempfile::tempdir().unwrap();
    let mut patches = Vec::new();
    for entry in fs::read_dir(target.join("package")).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let Some(name) = name.strip_suffix(".crate") else { continue };
        run(Command::new("tar").arg("-xf").arg(entry.path()).arg("-C").arg(folder.path()));
        let (name, _) = name.rsplit_once('-').unwrap();
        // None is published yet: this is where they are instead.
        let place = folder.path().join(entry.file_name()).with_extension("");
        patches.push(format!("patch.crates-io.{name}.path='{}'", place.display()));
    }
    assert!(patches.len() > 20, "{patches:?}");
    let program = format!("poolmon-{}", env!("CARGO_PKG_VERSION"));
    let mut install = cargo();
    install.current_dir(folder.path()).args(["install", "--debug", "--path", &program]);
    install.arg("--root").arg(folder.path().join("installed"));
    for patch in &patches {
        install.args(["--config", patch]);
    }
    run(&mut install);
    let version = run(Command::new(folder.path().join("installed/bin/poolmon")).arg("--version"));
    assert!(
        String::from_utf8_lossy(&version.stdout)
            .starts_with(&format!("poolmon {}", env!("CARGO_PKG_VERSION")))
    );
    // The demo needs what is built in: tables, pages, pictures.
    let demo = run(Command::new(folder.path().join("installed/bin/poolmon")).arg("demo"));
    assert!(demo.stdout.len() > 1000);
}
