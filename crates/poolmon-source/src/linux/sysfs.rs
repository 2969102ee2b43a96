//! `/sys/kernel/slab`: whether a cache can be shrunk, which names share it, and how it is built.
//!
//! A cache that was merged with others has a link to a directory named by its properties (`:aA-0000064`); the
//! letter `a` says that the kernel accounts it as reclaimable. A cache of its own has a directory with the file
//! `reclaim_account`. A link is five times cheaper to read than a file is to open, so it is tried first.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use poolmon_model::Pool;
use poolmon_proc::caches::kmalloc_reclaimable;
use rustix::fs::{Mode, OFlags};

use crate::Fact;

/// `/sys/kernel/slab`, opened when it is first needed.
#[derive(Debug)]
pub struct SlabDirectory {
    path: PathBuf,
    open: OnceCell<Option<OwnedFd>>,
    name: Vec<u8>,
}

impl SlabDirectory {
    /// The directory at `path`.
    pub const fn new(path: PathBuf) -> Self {
        Self { path, open: OnceCell::new(), name: Vec::new() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The pool of a cache; `None` if the system does not report.
    pub fn pool(&mut self, name: &[u8]) -> Option<Pool> {
        let reclaimable = kmalloc_reclaimable(name).or_else(|| self.ask(name))?;
        Some(if reclaimable { Pool::Reclaimable } else { Pool::Unreclaimable })
    }

    fn ask(&mut self, name: &[u8]) -> Option<bool> {
        if !is_file_name(name) {
            return None;
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let path = &self.path;
        let opened = || rustix::fs::open(path, flags | OFlags::DIRECTORY, Mode::empty()).ok();
        let directory = self.open.get_or_init(opened).as_ref()?;
        let mut buffer = [0_u8; 64];
        if let Ok(length) = rustix::fs::readlinkat_raw(directory, name, &mut buffer)
            && let Some(reclaimable) = by_id(buffer.get(..length)?)
        {
            return Some(reclaimable);
        }
        self.name.clear();
        self.name.extend_from_slice(name);
        self.name.extend_from_slice(b"/reclaim_account");
        let file = rustix::fs::openat(directory, self.name.as_slice(), flags, Mode::empty()).ok()?;
        let length = rustix::io::read(file, &mut buffer).ok()?;
        match buffer.get(..length)?.trim_ascii() {
            b"0" => Some(false),
            b"1" => Some(true),
            _ => None,
        }
    }

    /// What the directory of one cache reports: aliases and how the cache is built. Nothing here walks the cache.
    pub fn facts(&self, name: &str) -> Vec<Fact> {
        if !is_file_name(name.as_bytes()) {
            return Vec::new();
        }
        let cache = self.path.join(name);
        let mut facts = Vec::new();
        let mut tell = |title: &str, value: String| facts.push(Fact { title: title.into(), value });
        if let Some(aliases) = self.aliases(name, &cache) {
            tell("Aliases", aliases);
        }
        let read = |file: &str| {
            let text = fs::read_to_string(cache.join(file)).ok()?;
            Some(text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        for (file, title, unit) in FIGURES {
            if let Some(value) = read(file).filter(|value| value != "0" || unit.is_empty()) {
                tell(title, format!("{value}{unit}"));
            }
        }
        let flags: Vec<_> =
            FLAGS.iter().filter(|(file, _)| read(file).as_deref() == Some("1")).map(|flag| flag.1).collect();
        if !flags.is_empty() {
            tell("Flags", flags.join(", "));
        }
        facts
    }

    /// The names of merged caches in groups of two and more, each sorted.
    pub fn merged(&self) -> Vec<Vec<String>> {
        let mut groups: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if let Ok(id) = fs::read_link(entry.path()) {
                groups.entry(id).or_default().push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        let mut groups: Vec<_> = groups.into_values().filter(|group| group.len() > 1).collect();
        for group in &mut groups {
            group.sort_unstable();
        }
        groups
    }

    /// The other names of a merged cache, sorted.
    fn aliases(&self, name: &str, cache: &Path) -> Option<String> {
        let id = fs::read_link(cache).ok()?;
        let mut names: Vec<_> = fs::read_dir(&self.path)
            .ok()?
            .filter_map(Result::ok)
            .filter(|entry| entry.file_name() != name && fs::read_link(entry.path()).is_ok_and(|to| to == id))
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort_unstable();
        let id = String::from_utf8_lossy(id.as_os_str().as_bytes()).into_owned();
        Some(if names.is_empty() { format!("none (merged as {id})") } else { names.join(", ") })
    }
}

/// Figures of a cache: file, title, unit. Those with a unit are left out where they are 0.
const FIGURES: &[(&str, &str, &str)] = &[
    ("object_size", "Requested object size", " bytes"),
    ("align", "Alignment", " bytes"),
    ("usersize", "Max copied to user space", " bytes"),
    ("ctor", "Constructor", ""),
    ("cpu_partial", "CPU partial", " objects"),
    ("sheaf_capacity", "CPU sheaf", " objects"),
    ("min_partial", "Partial slabs kept", " slabs"),
];

/// Switches of a cache: file and what it means.
const FLAGS: &[(&str, &str)] = &[
    ("reclaim_account", "reclaimable"),
    ("hwcache_align", "aligned to cache lines"),
    ("cache_dma", "DMA memory"),
    ("destroy_by_rcu", "freed after RCU"),
    ("red_zone", "red zones"),
    ("poison", "poisoned"),
    ("store_user", "last users kept"),
    ("sanity_checks", "checked"),
    ("trace", "traced"),
];

/// A name that stands for one entry of a directory.
fn is_file_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/') && !name.contains(&0)
}

/// What the id of a merged cache says: flag letters between the colon and the dash, then the size.
fn by_id(id: &[u8]) -> Option<bool> {
    let rest = id.strip_prefix(b":")?;
    let flags = rest.iter().position(|&byte| byte == b'-').and_then(|dash| rest.get(..dash));
    Some(flags.unwrap_or_default().contains(&b'a'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn ids_of_merged_caches() {
        for (id, wanted) in [
            (":a-0000104", Some(true)),
            (":aA-0000016", Some(true)),
            (":dA-0000064", Some(false)),
            (":0000024", Some(false)),
            ("../elsewhere", None),
        ] {
            assert_eq!(by_id(id.as_bytes()), wanted, "{id}");
        }
    }

    fn directory() -> (tempfile::TempDir, SlabDirectory) {
        let folder = tempfile::tempdir().unwrap();
        for (id, files) in [
            (":a-0000104", &[("reclaim_account", "1\n")] as &[_]),
            (
                ":0000064",
                &[("reclaim_account", "0\n"), ("ctor", "\n"), ("align", "8\n"), ("cpu_partial", "0\n")],
            ),
            (
                "inode_cache",
                &[("reclaim_account", "1\n"), ("ctor", "init_once+0x0/0x20\n"), ("object_size", "600\n")],
            ),
            ("mystery", &[("reclaim_account", "perhaps\n")]),
        ] {
            fs::create_dir(folder.path().join(id)).unwrap();
            for (file, text) in files {
                fs::write(folder.path().join(id).join(file), text).unwrap();
            }
        }
        for (name, id) in
            [("buffer_head", ":a-0000104"), ("b", ":0000064"), ("a", ":0000064"), ("c", ":0000064")]
        {
            symlink(id, folder.path().join(name)).unwrap();
        }
        let directory = SlabDirectory::new(folder.path().to_owned());
        (folder, directory)
    }

    #[test]
    fn pools_by_link_by_file_and_unknown() {
        let (_folder, mut slab) = directory();
        for (name, pool) in [
            ("buffer_head", Pool::Reclaimable),
            ("a", Pool::Unreclaimable),
            ("inode_cache", Pool::Reclaimable),
        ] {
            assert_eq!(slab.pool(name.as_bytes()), Some(pool), "{name}");
        }
        for name in ["mystery", "absent", "../slab/inode_cache", "..", "nul\0"] {
            assert_eq!(slab.pool(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn names_that_share_a_cache() {
        let (_folder, slab) = directory();
        assert_eq!(slab.merged(), [["a", "b", "c"]], "buffer_head has no other name");
    }

    #[test]
    fn facts_of_merged_and_lone_caches() {
        let (_folder, slab) = directory();
        let facts = |name| -> Vec<_> { slab.facts(name).into_iter().map(|f| (f.title, f.value)).collect() };
        let fact = |title: &str, value: &str| (title.to_owned(), value.to_owned());
        assert_eq!(facts("b"), [fact("Aliases", "a, c"), fact("Alignment", "8 bytes")]);
        assert_eq!(
            facts("buffer_head"),
            [fact("Aliases", "none (merged as :a-0000104)"), fact("Flags", "reclaimable")]
        );
        let wanted = [
            fact("Requested object size", "600 bytes"),
            fact("Constructor", "init_once+0x0/0x20"),
            fact("Flags", "reclaimable"),
        ];
        assert_eq!(facts("inode_cache"), wanted);
        assert_eq!(facts("../x"), []);
    }
}
