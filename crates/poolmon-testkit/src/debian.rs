//! The kernel package of this machine's Debian, unpacked once into `target/debian-kernel`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::{Need, asked_for, skip};

/// Runs a program for at most a minute; its output, if it succeeds.
///
/// # Errors
///
/// What the program, or starting it, failed with.
pub fn run(folder: &Path, program: &[&str]) -> Result<String, String> {
    let out = Command::new("timeout").arg("60").args(program).current_dir(folder).output();
    match out {
        Ok(out) if out.status.success() => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
        Ok(out) => Err(format!("{program:?}: {}", String::from_utf8_lossy(&out.stderr).trim())),
        Err(error) => Err(format!("{program:?}: {error}")),
    }
}

/// The package's files. Needs the network, so it skips the test unless that is asked for.
#[must_use]
pub fn debian_kernel() -> Option<&'static Path> {
    static FILES: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    if !asked_for(Need::Network) {
        return None;
    }
    match FILES.get_or_init(fetch) {
        Ok(files) => Some(files),
        Err(error) => {
            skip(Need::Network, format_args!("Debian's kernel package cannot be fetched: {error}"));
            None
        }
    }
}

fn fetch() -> Result<PathBuf, String> {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/debian-kernel");
    let done = cache.join("files");
    if done.is_dir() {
        return Ok(done);
    }
    // A folder of its own for each process: two may fetch at the same time.
    let own = cache.join(format!("fetch-{}", std::process::id()));
    std::fs::create_dir_all(&own).map_err(|error| error.to_string())?;
    let name = package(&own).or_else(|_| {
        run(&own, &["apt-get", "update", "-qq"])?;
        package(&own)
    })?;
    run(&own, &["apt-get", "download", "-qq", &name]).or_else(|_| {
        // The list may be older than the archive.
        run(&own, &["apt-get", "update", "-qq"])?;
        run(&own, &["apt-get", "download", "-qq", &package(&own)?])
    })?;
    run(&own, &["sh", "-c", "dpkg-deb -x ./*.deb files"])?;
    let moved = std::fs::rename(own.join("files"), &done);
    let _ = std::fs::remove_dir_all(&own);
    match moved {
        Err(error) if !done.is_dir() => Err(error.to_string()),
        _ => Ok(done),
    }
}

fn package(folder: &Path) -> Result<String, String> {
    let shown = run(folder, &["apt-cache", "show", "--no-all-versions", "linux-image-amd64"])?;
    let depends = shown.lines().find_map(|line| line.strip_prefix("Depends: ")).unwrap_or_default();
    let name = depends.split([' ', ',']).find(|word| word.starts_with("linux-image-"));
    name.map(str::to_owned).ok_or_else(|| "linux-image-amd64 names no kernel".to_owned())
}
