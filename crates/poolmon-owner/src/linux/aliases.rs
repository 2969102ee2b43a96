//! Caches that share their memory: the kernel merges caches of like objects, and `/sys/kernel/slab` then has one folder
//! for all and a link for each name.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use poolmon_model::Tag;
use rustc_hash::FxHashMap;

use crate::known;

/// Names that are written out in a sentence.
const SPOKEN: usize = 8;

/// Which names stand for one and the same cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergedCaches {
    groups: Vec<Vec<String>>,
    by_name: FxHashMap<String, usize>,
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
}
