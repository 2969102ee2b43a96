//! The environment names a file of the time zone, which is read whole: a device or a pipe in its place would be waited for without end.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::{ReadError, Result};

/// Most bytes of a time zone: the largest that there are have 4 kB.
const LARGEST: u64 = 1 << 20;

/// Refuses a `TZ` that names something else than a file of a time zone. One that is not there is as good as none.
///
/// # Errors
/// It is a device, a pipe, a folder, or far too large.
pub fn check_zone() -> Result<()> {
    check(std::env::var_os("TZ").as_deref(), std::env::var_os("TZDIR").as_deref())
}

fn check(zone: Option<&OsStr>, folder: Option<&OsStr>) -> Result<()> {
    let Some(zone) = zone else { return Ok(()) };
    let name = zone.to_string_lossy();
    let name = Path::new(name.strip_prefix(':').unwrap_or(&name));
    if name.as_os_str().is_empty() {
        return Ok(());
    }
    let path = Path::new(folder.unwrap_or("/usr/share/zoneinfo".as_ref())).join(name);
    match fs::metadata(&path) {
        Ok(about) if !about.is_file() || about.len() > LARGEST => Err(ReadError::unsuitable(
            &path.display(),
            "the environment (TZ) names it as the time zone, and it is not one",
            "unset TZ, or name a zone: export TZ=Europe/Berlin",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_device_or_a_pipe_is_no_zone() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        fs::write(folder.path().join("Zone"), "TZif").unwrap();
        let of = |zone: &str, folder: Option<&Path>| check(Some(zone.as_ref()), folder.map(Path::as_os_str));
        assert!(of(&format!(":{}", pipe.display()), None).is_err());
        assert!(of("pipe", Some(folder.path())).is_err());
        assert!(of("/dev/zero", None).is_err() && of("zero", Some(Path::new("/dev"))).is_err());
        for fine in ["", "UTC", "Zone", "Europe/Nowhere", "CET-1CEST,M3.5.0,M10.5.0/3"] {
            assert!(of(fine, Some(folder.path())).is_ok(), "{fine}");
        }
        assert!(check(None, None).is_ok());
    }
}
