//! Caches that share their memory: the kernel merges caches of like objects, and `/sys/kernel/slab` then has one folder
//! for all and a link for each name.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use poolmon_model::{CacheMaker, Tag};
use rustc_hash::FxHashMap;

use crate::known;

/// Names that are written out in a sentence.
const SPOKEN: usize = 8;

/// Between what the kernel shows of a module and the first cache that the module makes are at most this many files of other things
/// that it makes while it is loaded.
const NEAR: u64 = 512;

/// Which names stand for one and the same cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergedCaches {
    groups: Vec<Vec<String>>,
    by_name: FxHashMap<String, usize>,
    /// Caches that a module made when it was loaded, by their names.
    makers: FxHashMap<String, CacheMaker>,
}

/// A module in sysfs: the numbers of the first and the last file that the kernel made of it before the module's own code ran.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LoadedAt {
    name: String,
    first: u64,
    last: u64,
}

impl MergedCaches {
    /// Reads the links of `/sys/kernel/slab`; empty if there is none.
    pub fn read(folder: &Path) -> Self {
        let mut groups: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
        for entry in folder.read_dir().into_iter().flatten().flatten() {
            let Ok(target) = std::fs::read_link(entry.path()) else { continue };
            let Some(target) = target.file_name() else { continue };
            let name = entry.file_name().to_string_lossy().into_owned();
            groups.entry(target.as_encoded_bytes().to_vec()).or_default().push(name);
        }
        Self::new(groups.into_values())
    }

    /// From groups of names.
    pub fn new(groups: impl IntoIterator<Item = Vec<String>>) -> Self {
        let mut merged = Self::default();
        for mut group in groups {
            group.sort();
            group.dedup();
            for name in &group {
                merged.by_name.insert(name.clone(), merged.groups.len());
            }
            merged.groups.push(group);
        }
        merged
    }

    /// Adds which modules made which caches, by the order in which the kernel numbers what it puts below `sys` (`/sys`): a cache that
    /// was made right after a module was loaded, and before another one, is that module's.
    #[must_use]
    pub fn with_makers(self, sys: &Path) -> Self {
        self.made_by(makers(modules(&sys.join("module")), &numbered(&sys.join("kernel/slab"))))
    }

    /// Adds which modules made which caches.
    #[must_use]
    pub fn made_by(mut self, makers: impl IntoIterator<Item = CacheMaker>) -> Self {
        self.makers.extend(makers.into_iter().map(|maker| (maker.cache.clone(), maker)));
        self
    }

    /// Which modules made which caches, sorted.
    pub fn makers(&self) -> Vec<CacheMaker> {
        let mut makers: Vec<CacheMaker> = self.makers.values().cloned().collect();
        makers.sort_unstable();
        makers
    }

    /// Of all names of a cache, its own included: the one that the module loaded last has made, and that module. `None` if no module
    /// made any of them.
    pub fn newest<'a>(&'a self, cache: &str) -> Option<(&'a str, &'a str)> {
        let group = self.by_name.get(cache).and_then(|&at| self.groups.get(at));
        let names = group.into_iter().flatten().map(String::as_str).chain([cache]);
        let made = names.filter_map(|name| self.makers.get_key_value(name));
        let newest = made.max_by_key(|(name, maker)| (maker.loaded, std::cmp::Reverse(name.as_str())))?;
        Some((newest.0.as_str(), newest.1.module.as_str()))
    }

    /// The other names of a cache, sorted.
    pub fn others<'a>(&'a self, cache: &'a str) -> impl Iterator<Item = &'a str> {
        let group = self.by_name.get(cache).and_then(|&at| self.groups.get(at));
        group.into_iter().flatten().map(String::as_str).filter(move |name| *name != cache)
    }

    /// The name of a cache that fits what grows in lockstep with it: one of the same part of the kernel as most of that. `None` if
    /// no name fits better than the one that is listed.
    pub fn fitting<'a>(&'a self, cache: &str, lockstep: &[&str]) -> Option<&'a str> {
        let part = |name: &str| known::find(&Tag::name(name)).map(|known| known.component);
        let fits = |name: &str| match part(name) {
            Some(own) => lockstep.iter().filter(|other| part(other) == Some(own)).count(),
            None => 0,
        };
        let group = self.by_name.get(cache).and_then(|&at| self.groups.get(at))?;
        // Of equals, the first one.
        let best = group.iter().rev().max_by_key(|name| fits(name))?;
        (fits(best) > fits(cache)).then_some(best.as_str())
    }

    /// In a sentence; none if the cache is its own.
    pub fn explain(&self, cache: &str) -> Option<String> {
        let others: Vec<&str> = self.others(cache).collect();
        let (first, rest) = others.split_at(others.len().min(SPOKEN));
        if first.is_empty() {
            return None;
        }
        let mut text = format!("the kernel keeps {cache} in one cache with {}", first.join(", "));
        if !rest.is_empty() {
            let _ = write!(text, " and {} more", rest.len());
        }
        text.push_str(": its figures are the sum of all of them; boot with slab_nomerge to separate them");
        Some(text)
    }
}

/// What the running kernel itself shows of a cache's creator below `sys` (`/sys`), as titles and texts: the function that sets up its
/// objects, and the module that was loaded right before the cache was made. For systems without files of modules.
pub fn shown_by_kernel(sys: &Path, cache: &str) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let own = sys.join("kernel/slab").join(cache);
    let constructor = std::fs::read_to_string(own.join("ctor")).unwrap_or_default();
    // `sighand_ctor+0x0/0x30`, of a module with `[xfs]` behind it; an address where names are hidden.
    if let Some((name, rest)) = constructor.split_once('+') {
        let module = rest.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
        let part =
            module.map_or_else(|| "the kernel itself".to_owned(), |(name, _)| format!("module {name}"));
        facts.push(("Set up by".to_owned(), format!("{name}, of {part}: the constructor of its objects")));
    }
    let merged = MergedCaches::read(&sys.join("kernel/slab")).with_makers(sys);
    if let Some(maker) = merged.makers.get(cache) {
        facts.push((
            "Made by".to_owned(),
            format!("probably module {}: it was loaded right before", maker.module),
        ));
    }
    facts
}

/// The numbers of what is in a folder of sysfs, of links their own: the kernel counts them up (`kernfs`).
#[cfg(unix)]
fn numbered(folder: &Path) -> Vec<(u64, String)> {
    use std::os::unix::fs::DirEntryExt as _;
    let entries = folder.read_dir().into_iter().flatten().flatten();
    entries.map(|entry| (entry.ino(), entry.file_name().to_string_lossy().into_owned())).collect()
}

#[cfg(not(unix))]
fn numbered(_: &Path) -> Vec<(u64, String)> {
    Vec::new()
}

/// Modules that were loaded: those that are built in have no state.
fn modules(folder: &Path) -> Vec<LoadedAt> {
    let of = |(first, name): (u64, String)| {
        let own = folder.join(&name);
        let files = numbered(&own);
        files.iter().any(|(_, file)| file == "initstate").then(|| {
            let inner = ["sections", "notes", "parameters"].map(|inner| numbered(&own.join(inner)));
            let last = files.iter().chain(inner.iter().flatten()).map(|(number, _)| *number).max();
            LoadedAt { name, first, last: last.unwrap_or(first) }
        })
    };
    numbered(folder).into_iter().filter_map(of).collect()
}

fn makers(mut modules: Vec<LoadedAt>, caches: &[(u64, String)]) -> Vec<CacheMaker> {
    modules.sort_by_key(|module| module.first);
    let of = |(number, cache): &(u64, String)| {
        let after = modules.partition_point(|module| module.first < *number);
        let module = modules.get(after.checked_sub(1)?)?;
        let is_near = (module.last..=module.last.saturating_add(NEAR)).contains(number);
        is_near.then(|| CacheMaker {
            cache: cache.clone(),
            module: module.name.clone(),
            loaded: module.first,
        })
    };
    caches.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn one_cache_with_many_names() {
        let merged = MergedCaches::new([names(&["b", "a", "c", "a"]), names(&["own"])]);
        assert_eq!(merged.others("a").collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(
            merged.explain("b").unwrap(),
            "the kernel keeps b in one cache with a, c: its figures are the sum of all of them; boot with \
                slab_nomerge to separate them"
        );
        assert_eq!((merged.explain("own"), merged.explain("none")), (None, None));
        let many: Vec<String> = (0..20).map(|n| format!("n{n:02}")).collect();
        assert!(MergedCaches::new([many]).explain("n00").unwrap().contains("n08 and 11 more"));
    }

    #[cfg(unix)]
    #[test]
    fn links_of_the_system() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(":0000064")).unwrap();
        std::fs::create_dir(folder.path().join("dentry")).unwrap();
        for name in ["pid", "kmalloc-64"] {
            std::os::unix::fs::symlink(":0000064", folder.path().join(name)).unwrap();
        }
        let merged = MergedCaches::read(folder.path());
        assert_eq!(merged.others("pid").collect::<Vec<_>>(), ["kmalloc-64"]);
        assert_eq!(merged.others("dentry").count(), 0);
        assert_eq!(MergedCaches::read(&folder.path().join("none")), MergedCaches::default());
    }

    #[test]
    fn the_name_that_fits_the_rows_in_lockstep() {
        let groups = [vec!["signal_cache".to_owned(), "UNIX".to_owned(), "mine".to_owned()]];
        let merged = MergedCaches::new(groups);
        assert_eq!(merged.fitting("signal_cache", &["sock_inode_cache", "filp"]), Some("UNIX"));
        assert_eq!(merged.fitting("signal_cache", &["task_struct", "mm_struct"]), None, "it fits as it is");
        assert_eq!(merged.fitting("UNIX", &["task_struct", "sock_inode_cache", "pid"]), Some("signal_cache"));
        assert_eq!(merged.fitting("signal_cache", &[]), None);
        assert_eq!(merged.fitting("filp", &["sock_inode_cache"]), None, "it is its own");
    }

    #[test]
    fn the_module_that_was_loaded_last_before_a_cache_was_made() {
        let module = |name: &str, first, last| LoadedAt { name: name.into(), first, last };
        let caches = [
            (90, "built_in"),
            (145, "a_item"),
            (700, "later"),
            (901, "b_item"),
            (902, "b_other"),
            (880, "while_b_is_set_up"),
        ];
        let caches = caches.map(|(number, name)| (number, name.to_owned()));
        let found = makers(vec![module("b", 870, 900), module("a", 100, 140)], &caches);
        let mut list: Vec<_> =
            found.iter().map(|maker| (maker.cache.as_str(), maker.module.as_str())).collect();
        list.sort_unstable();
        assert_eq!(list, [("a_item", "a"), ("b_item", "b"), ("b_other", "b")], "`later` is too far from a");
        let merged = MergedCaches::new([names(&["xfrm_dst_cache", "a_item", "b_item"]), names(&["own"])]);
        let merged = merged.made_by(found);
        assert_eq!(
            MergedCaches::default().made_by(merged.makers()).newest("b_other"),
            Some(("b_other", "b"))
        );
        assert_eq!(merged.newest("xfrm_dst_cache"), Some(("b_item", "b")));
        assert_eq!(merged.newest("b_other"), Some(("b_other", "b")), "a cache of its own");
        assert_eq!((merged.newest("own"), merged.newest("none")), (None, None));
    }

    #[test]
    fn the_constructor_shows_whose_a_cache_is() {
        let sys = tempfile::tempdir().unwrap();
        let write = |cache: &str, text: &str| {
            let folder = sys.path().join("kernel/slab").join(cache);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("ctor"), text).unwrap();
        };
        write("sighand_cache", "sighand_ctor+0x0/0x30\n");
        write("xfs_inode", "xfs_fs_inode_init_once+0x0/0x80 [xfs]\n");
        write("pid", "\n");
        let of = |cache: &str| {
            shown_by_kernel(sys.path(), cache).into_iter().map(|(_, text)| text).collect::<Vec<_>>()
        };
        assert_eq!(
            of("sighand_cache"),
            ["sighand_ctor, of the kernel itself: the constructor of its objects"]
        );
        assert_eq!(
            of("xfs_inode"),
            ["xfs_fs_inode_init_once, of module xfs: the constructor of its objects"]
        );
        assert!(of("pid").is_empty() && of("none").is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_module_that_is_built_in_loads_nothing() {
        let sys = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(sys.path().join("module/printk/parameters")).unwrap();
        std::fs::create_dir_all(sys.path().join("module/leakmod/sections")).unwrap();
        std::fs::write(sys.path().join("module/leakmod/initstate"), "live").unwrap();
        let found: Vec<String> =
            modules(&sys.path().join("module")).into_iter().map(|one| one.name).collect();
        assert_eq!(found, ["leakmod"]);
        assert_eq!(MergedCaches::default().with_makers(&sys.path().join("none")), MergedCaches::default());
    }
}
