//! Free space of a folder.

use std::path::Path;

/// Bytes that this user may still write there; `None` if that is not known.
#[cfg(unix)]
pub(super) fn free(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

/// Bytes that this user may still write there; `None`, as elsewhere a file is given its space before it is written.
#[cfg(not(unix))]
pub(super) fn free(_: &Path) -> Option<u64> {
    None
}
