//! `cargo xtask dist`: the zip that people download: executable, licences, README; and its SHA-256 for the manifests.

use std::fs;
use std::process::Command;

use crate::{root, windows, zip};

/// Packs what `cargo xtask windows` built.
pub fn run(args: &[&str]) -> crate::Done {
    let target = windows::target(args)?;
    let exe = windows::exe(target);
    let mut files = Vec::new();
    let read = |path: &std::path::Path| {
        fs::read(path).map_err(|error| format!("{}: {error}; run cargo xtask windows first", path.display()))
    };
    files.push(("poolmon.exe".to_owned(), read(&exe)?));
    for name in ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"] {
        files.push((name.to_owned(), read(&root().join(name))?));
    }
    let folder = root().join("target/dist");
    let path = folder.join(format!("poolmon-{}-windows-{}.zip", env!("CARGO_PKG_VERSION"), target.name));
    let cannot = |error| format!("cannot write {}: {error}", path.display());
    fs::create_dir_all(&folder).map_err(cannot)?;
    let packed = zip::zip(&files).map_err(cannot)?;
    fs::write(&path, &packed).map_err(cannot)?;
    println!("{}: {} bytes", path.display(), packed.len());
    // The manifests in packaging/ want it.
    if let Ok(output) = Command::new("sha256sum").arg(&path).output() {
        print!("{}", String::from_utf8_lossy(&output.stdout));
    }
    Ok(())
}
