//! tracefs: where the kernel describes its tracepoints. Used wherever it is mounted; where it is not, mounted for a moment in a mount
//! namespace of its own, which nobody else sees.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::calls;
use super::format::EventFormat;
use poolmon_model::rights::as_root;

use crate::{Result, SourceError};

/// Where it is by custom.
const USUAL: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// The formats of events, each a group and a name, by their names; those that this kernel does not have are absent.
pub fn formats(
    names: &'static [(&'static str, &'static str)],
) -> Result<BTreeMap<&'static str, EventFormat>> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    for place in mounted(&mounts).into_iter().chain(USUAL.map(PathBuf::from)) {
        match read(&place, names) {
            Ok(formats) if !formats.is_empty() => return Ok(formats),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(rights()),
            _ => {}
        }
    }
    // A namespace belongs to a thread, and ends with it.
    let thread = std::thread::Builder::new().name("tracefs".into()).spawn(move || {
        let place = Path::new(USUAL[0]);
        calls::mount_tracefs(place)?;
        read(place, names)
    });
    let formats =
        thread.and_then(|thread| thread.join().map_err(|_| io::Error::other("its reader failed"))?);
    match formats {
        Ok(formats) if !formats.is_empty() => Ok(formats),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(rights()),
        other => Err(SourceError::Unavailable {
            what: "tracefs (/sys/kernel/tracing)".into(),
            why: match other {
                Err(error) if error.kind() != io::ErrorKind::NotFound => error.to_string(),
                _ => "the kernel was built without tracepoints of its allocator, or a container hides them".into(),
            },
            remedy: "run on the host rather than in a container; `poolmon leaks` and `poolmon who` need no tracing".into(),
        }),
    }
}

/// What helps where rights are missing.
pub fn rights() -> SourceError {
    SourceError::Rights {
        what: "kernel tracepoints".into(),
        remedy: format!(
            "run as root, on the host if this is a container: {}\n  \
            without root it needs the capabilities cap_perfmon, cap_syslog and cap_dac_read_search, and in a container those of the host",
            as_root("poolmon trace ...")
        ),
    }
}

/// Where tracefs is mounted, and debugfs, which holds it.
fn mounted(mounts: &str) -> Vec<PathBuf> {
    let place = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let (place, kind) = (unescaped(words.next()?), words.next()?);
        match kind {
            "tracefs" => Some(PathBuf::from(place)),
            "debugfs" => Some(Path::new(&place).join("tracing")),
            _ => None,
        }
    };
    mounts.lines().filter_map(place).collect()
}

/// Blanks in a path are `\040` there.
fn unescaped(path: &str) -> String {
    path.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
}

fn read(
    place: &Path,
    names: &'static [(&'static str, &'static str)],
) -> io::Result<BTreeMap<&'static str, EventFormat>> {
    let mut formats = BTreeMap::new();
    for &(group, name) in names {
        match fs::read_to_string(place.join("events").join(group).join(name).join("format")) {
            Ok(text) => {
                formats.extend(EventFormat::parse(&text).map(|format| (name, format)));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(formats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_where_it_is_mounted() {
        let mounts = "proc /proc proc rw 0 0\nt /mnt/my\\040traces tracefs rw 0 0\nd /sys/kernel/debug debugfs rw 0 0\nshort\n";
        let places = ["/mnt/my traces", "/sys/kernel/debug/tracing"].map(PathBuf::from);
        assert_eq!(mounted(mounts), places);
    }

    #[test]
    fn formats_of_a_folder_that_has_some_of_the_events() {
        let folder = tempfile::tempdir().unwrap();
        let event = folder.path().join("events/kmem/kfree");
        fs::create_dir_all(&event).unwrap();
        fs::write(event.join("format"), "ID: 9\n\tfield:void * ptr;\toffset:16;\tsize:8;\n").unwrap();
        let formats = read(folder.path(), &[("kmem", "kfree"), ("kmem", "kmalloc_node")]).unwrap();
        assert_eq!(formats.keys().copied().collect::<Vec<_>>(), ["kfree"]);
    }
}
