//! The leaking module in `tests/vm/module/`, built with a kernel's own headers and compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::registry::{Packages, output};
use crate::root;

/// The module's name.
pub const NAME: &str = "poolmon_leak";

/// Runs in a mount namespace of its own, where root of the new tree is the small Debian with the kernel's headers.
const SCRIPT: &str = r#"
set -e
root=$1 release=$2
mkdir -p "$root/proc" "$root/dev" "$root/tmp"
[ -e "$root/usr/bin/awk" ] || ln -s mawk "$root/usr/bin/awk"
mount -t proc proc "$root/proc"
touch "$root/dev/null" "$root/dev/urandom"
mount --bind /dev/null "$root/dev/null"
mount --bind /dev/urandom "$root/dev/urandom"
exec chroot "$root" /usr/bin/env -i PATH=/usr/bin:/usr/sbin /usr/bin/make -s -C "/usr/src/linux-headers-$release" M=/module modules
"#;

/// Builds it, unless this source was built for this kernel before.
pub fn build(packages: &Packages) -> Result<PathBuf, String> {
    let source = root().join("tests/vm/module").join(format!("{NAME}.c"));
    let folder = packages.build.join("module");
    let (copy, built) = (folder.join(format!("{NAME}.c")), folder.join(format!("{NAME}.ko")));
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let text = fs::read(&source).map_err(|error| failed(&source, error))?;
    if built.exists() && fs::read(&copy).is_ok_and(|before| before == text) {
        return Ok(built);
    }
    fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
    let _ = fs::remove_file(&built);
    fs::write(&copy, text).map_err(|error| failed(&copy, error))?;
    let makefile = folder.join("Makefile");
    fs::write(&makefile, format!("obj-m := {NAME}.o\n")).map_err(|error| failed(&makefile, error))?;
    println!("building {NAME}.ko for {}", packages.release);
    let mut command = Command::new("unshare");
    // Without root, a user namespace makes us root of the small Debian.
    command.args(["--map-root-user", "--mount", "--pid", "--fork"]);
    command.args(["sh", "-c", SCRIPT, "build"]).arg(&packages.build).arg(&packages.release);
    output(&mut command)?;
    if built.exists() { Ok(built) } else { Err(format!("{} was not built", built.display())) }
}
