//! The other names of slab caches that share one cache.

use poolmon_model::Tag;
use rustc_hash::FxHashMap;

use crate::error::Result;
use crate::reader::Recording;

/// Other names by the name that the kernel lists a cache under; empty for most systems.
#[derive(Debug, Default)]
pub(super) struct OtherNames(FxHashMap<Tag, Vec<String>>);

impl OtherNames {
    /// Those that a recording keeps.
    ///
    /// # Errors
    /// A segment cannot be read.
    pub(super) fn of(recording: &Recording) -> Result<Self> {
        Ok(Self::new(&recording.merged()?))
    }

    /// Each name of a group with the others: the kernel may list the cache under any of them.
    fn new(groups: &[Vec<String>]) -> Self {
        let others =
            |group: &[String], own: &String| group.iter().filter(|name| *name != own).cloned().collect();
        let named =
            groups.iter().flat_map(|group| group.iter().map(move |own| (Tag::name(own), others(group, own))));
        Self(named.collect())
    }

    /// The other names of a row; `None` if there are none.
    pub(super) fn get(&self, tag: &Tag) -> Option<&[String]> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(tag).map(Vec::as_slice).filter(|names| !names.is_empty())
    }

    /// The same as one text, with blanks between the names.
    pub(super) fn text(&self, tag: &Tag) -> Option<String> {
        Some(self.get(tag)?.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_of_a_group_has_the_others() {
        let names = OtherNames::new(&[["signal_cache", "UNIX", "PING"].map(str::to_owned).to_vec()]);
        assert_eq!(names.text(&Tag::name("UNIX")).as_deref(), Some("signal_cache PING"));
        assert_eq!(names.get(&Tag::name("dentry")), None);
    }
}
