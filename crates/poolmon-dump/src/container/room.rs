//! Free space of a folder.

use std::path::Path;

/// Bytes that this user may still write there; `None` if the system does not say.
#[cfg(unix)]
pub(super) fn free(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

/// Bytes that this user may still write there; `None` if the system does not say.
#[cfg(windows)]
pub(super) fn free(folder: &Path) -> Option<u64> {
    use std::os::windows::ffi::OsStrExt as _;

    let name: Vec<u16> = folder.as_os_str().encode_wide().chain([0]).collect();
    let mut bytes = 0;
    // SAFETY: the name ends with a zero, the one result is written to a variable of its type, and the others, which are
    // not asked for, may be null.
    #[expect(unsafe_code, reason = "a system call; argued above")]
    let is_known = unsafe {
        windows_sys::Win32::Storage::FileSystem::GetDiskFreeSpaceExW(
            name.as_ptr(),
            &raw mut bytes,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        )
    };
    (is_known != 0).then_some(bytes)
}

/// Bytes that this user may still write there; `None` if the system does not say.
#[cfg(not(any(unix, windows)))]
pub(super) fn free(_: &Path) -> Option<u64> {
    None
}
