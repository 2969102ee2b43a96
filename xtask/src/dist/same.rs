//! `cargo xtask same`: two builds of one commit, in folders of different names, are compared byte by byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Done, root, windows};

/// Builds the commit at hand twice and compares what is packed: `linux` (the default) or a target of `windows`. It takes as long as two
/// releases.
pub fn run(args: &[&str]) -> Done {
    let linux = matches!(args, [] | ["linux"]);
    let mut made = Vec::new();
    // Lengths differ as well: padding would hide what is as long.
    for name in ["a", "another-folder-with-a-longer-name"] {
        let folder = root().join("target/same").join(name);
        let _ = fs::remove_dir_all(&folder);
        crate::run(
            Command::new("git").args(["clone", "--quiet", "--no-hardlinks"]).arg(root()).arg(&folder),
        )?;
        let xtask = |args: &[&str]| {
            let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo.current_dir(&folder).env_remove("CARGO_TARGET_DIR");
            crate::run(
                cargo
                    .args(["run", "--quiet", "--locked", "--package", "xtask", "--bin", "xtask", "--"])
                    .args(args),
            )
        };
        let exe = if linux {
            xtask(&["dist", "linux"])?;
            folder.join("target").join(super::build::LINUX).join("release/poolmon")
        } else {
            let target = windows::target(args)?;
            xtask(&[&["windows"], args].concat())?;
            xtask(&[&["dist"], args].concat())?;
            folder.join("target").join(target.triple).join("release/poolmon.exe")
        };
        made.push((exe, folder.join("target/dist")));
    }
    let [(one, ones), (two, twos)] = made.as_slice() else { return Err("two builds are compared".into()) };
    let mut pairs = vec![(one.clone(), two.clone())];
    pairs.extend(names(ones)?.into_iter().map(|name| (ones.join(&name), twos.join(&name))));
    if names(ones)? != names(twos)? {
        return Err(format!("{} and {} hold other files", ones.display(), twos.display()));
    }
    for (one, two) in &pairs {
        compare(one, two)?;
        println!("the same: {}", one.file_name().unwrap_or_default().display());
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let list = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<PathBuf> = list.flatten().map(|entry| entry.file_name().into()).collect();
    names.sort();
    Ok(names)
}

/// Fails at the first byte that differs.
fn compare(one: &Path, two: &Path) -> Done {
    let read = |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let (a, b) = (read(one)?, read(two)?);
    match a.iter().zip(&b).position(|(a, b)| a != b) {
        Some(at) => Err(format!("{} and {} differ at offset {at:#x}", one.display(), two.display())),
        None if a.len() != b.len() => {
            Err(format!("{} has {} bytes, {} has {}", one.display(), a.len(), two.display(), b.len()))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_or_a_length_that_differs_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        let (a, b, c) = (file("a", b"abcd"), file("b", b"abXd"), file("c", b"abcde"));
        assert!(compare(&a, &b).unwrap_err().ends_with("differ at offset 0x2"));
        assert!(compare(&a, &c).unwrap_err().contains("has 4 bytes"));
        assert_eq!(compare(&a, &a), Ok(()));
    }
}
