//! What only system calls say. Tests play a system in a folder, and put their own answers here.

use std::path::Path;

/// Objects and bytes of a file system in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Inodes in use.
    pub inodes: Option<u64>,
    /// Bytes in use.
    pub bytes: u64,
}

/// The system calls.
#[derive(Clone, Copy, Debug)]
pub struct Calls {
    /// Number of descriptors by the size of the folder `/proc/PID/fd`; `None` before Linux 6.2, which does not report it.
    pub descriptors: fn(&Path) -> Option<u64>,
    /// The protocol of the socket that a link in `/proc/PID/fd` points to.
    pub protocol: fn(&Path) -> Option<Vec<u8>>,
    /// How full the file system at this place is.
    pub fill: fn(&Path) -> Option<Fill>,
}

impl Default for Calls {
    fn default() -> Self {
        Self { descriptors, protocol, fill }
    }
}

fn descriptors(folder: &Path) -> Option<u64> {
    // 0 on kernels that do not count, and of a process without descriptors, whose list costs nothing.
    std::fs::metadata(folder).ok().map(|data| data.len()).filter(|count| *count > 0)
}

fn protocol(link: &Path) -> Option<Vec<u8>> {
    let mut name = [0; 32];
    let length = rustix::fs::getxattr(link, "system.sockprotoname", &mut name[..]).ok()?;
    name.get(..length).map(<[u8]>::to_vec)
}

fn fill(place: &Path) -> Option<Fill> {
    let stat = rustix::fs::statvfs(place).ok()?;
    // A file system without a limit reports 0 of everything.
    let inodes = (stat.f_files > 0).then(|| stat.f_files.saturating_sub(stat.f_ffree));
    let blocks = (stat.f_blocks > 0).then(|| stat.f_blocks.saturating_sub(stat.f_bfree))?;
    Some(Fill { inodes, bytes: blocks.saturating_mul(stat.f_frsize) })
}
