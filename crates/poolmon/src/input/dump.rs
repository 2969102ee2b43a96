//! Opens dumps: a packed one is unpacked with progress, and every error names the file.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use poolmon_dump::{Dump, DumpError, PoolUsed, UNPACK_LIMIT, Unpack};
use poolmon_model::units::human_bytes;

/// Opens a dump; a packed one goes into `folder`, the system's temporary one where `None`.
pub fn open(path: &Path, folder: Option<&Path>) -> anyhow::Result<Dump> {
    let mut line = Progress::new();
    let mut progress = |written: u64, read: u64, size: u64| {
        line.tell(|| {
            let part = read.saturating_mul(100).checked_div(size).unwrap_or(100);
            format!("unpacking {}: {part} %, {} so far", path.display(), human_bytes(written))
        });
        true
    };
    let opened = Dump::open_with(path, Unpack { folder, limit: UNPACK_LIMIT, progress: &mut progress });
    line.clear();
    opened.map_err(|error| {
        let is_full = matches!(&error, DumpError::Io { action, source, .. }
            if action.contains("unpack") && source.kind() != io::ErrorKind::InvalidData);
        let named = named(error, path);
        if is_full {
            named.context("a packed dump needs room for all of it\n  name a folder that has it: --temp DIR")
        } else {
            named
        }
    })
}

/// The pool table of a dump; the error names the file.
pub fn pool_used(dump: &Dump) -> anyhow::Result<PoolUsed> {
    dump.pool_used().map_err(|error| named(error, dump.path()))
}

/// An error of a dump, with the file's name where its text lacks it.
pub fn named(error: DumpError, path: &Path) -> anyhow::Error {
    let name = path.display().to_string();
    let tells = error.to_string().contains(&name);
    let error = anyhow::Error::new(error);
    if tells { error } else { error.context(name) }
}

/// A line on the terminal that is written over, at most ten times a second; nothing where there is no terminal.
pub struct Progress {
    shown: bool,
    next: Instant,
}

impl Progress {
    /// What is done within a third of a second needs no line.
    pub fn new() -> Self {
        Self { shown: false, next: Instant::now() + Duration::from_millis(300) }
    }

    /// Shows a text, if it is time.
    pub fn tell(&mut self, text: impl FnOnce() -> String) {
        let now = Instant::now();
        if now >= self.next && io::stderr().is_terminal() {
            self.next = now + Duration::from_millis(100);
            self.shown = true;
            // Clears to the end of the line; consoles that cannot show the two characters, no more.
            let _ = write!(io::stderr(), "\rpoolmon: {}\x1b[K", text());
            let _ = io::stderr().flush();
        }
    }

    /// Takes it away.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
            let _ = io::stderr().flush();
        }
    }
}
