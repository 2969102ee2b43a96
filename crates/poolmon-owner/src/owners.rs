//! Who uses a row's tag: pooltag files, what the row itself reports, what searches of drivers found, and our own table,
//! as one label.

use std::sync::{Arc, PoisonError, RwLock};

use poolmon_model::owner::{OwnerOrigin, OwnerParts};
use poolmon_model::{Labeler, Row, RowLabel, Tag};
use rustc_hash::FxHashMap;

use crate::Versions;
use crate::pooltag::{PooltagEntry, PooltagFile};
use crate::scan::{LazyDriverNames, NamedDriver};
use crate::{BuiltinEntry, known};

/// PoolMon's words for a tag that no file knows.
pub const UNKNOWN_DRIVER: &str = "Unknown Driver";

/// Tags kept in the cache; a source with more starts afresh, so that hostile input cannot fill the memory.
const CACHED_TAGS: usize = 1 << 16;

/// The labels of one tag: one for each text that rows reported of it, nearly always exactly one.
type Labels = Vec<(Option<Arc<str>>, Option<Arc<RowLabel>>)>;

/// Drivers that are named one by one in a label.
const NAMED: usize = 3;

/// `a.sys, b.sys and 4 more`.
fn names(scanned: &[NamedDriver]) -> String {
    let first: Vec<&str> = scanned.iter().take(NAMED).map(|named| &*named.driver).collect();
    let more = scanned.len().saturating_sub(NAMED);
    first.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
}

/// `<a.sys: call, b.sys: argument>`: angles distinguish it from the brackets of Microsoft's file and our own braces.
pub(crate) fn bracket(scanned: &[NamedDriver]) -> String {
    let first: Vec<String> = scanned.iter().take(NAMED).map(NamedDriver::text).collect();
    let more = scanned.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("<{}{more}>", first.join(", "))
}

/// This row was never labelled.
struct NotCached;

/// Everything that names owners. Labels are made once for each tag and shared after that.
#[derive(Debug)]
pub struct Owners {
    local: Vec<PooltagFile>,
    files: Vec<PooltagFile>,
    built_in: bool,
    scanned: Option<LazyDriverNames>,
    versions: Option<Versions>,
    cache: RwLock<FxHashMap<Tag, Labels>>,
}

impl Default for Owners {
    fn default() -> Self {
        Self::new()
    }
}

impl Owners {
    /// Our own table alone.
    pub fn new() -> Self {
        Self {
            local: Vec::new(),
            files: Vec::new(),
            built_in: true,
            scanned: None,
            versions: None,
            cache: RwLock::default(),
        }
    }

    /// Adds a pooltag.txt; files are asked in the order in which they were added.
    #[must_use]
    pub fn with_pooltag(mut self, file: PooltagFile) -> Self {
        self.files.push(file);
        self.cleared()
    }

    /// Adds a localtag.txt: its owners are before those of every pooltag.txt, as in PoolMon.
    #[must_use]
    pub fn with_localtag(mut self, file: PooltagFile) -> Self {
        self.local.push(file);
        self.cleared()
    }

    /// Leaves our own table out, or takes it in again.
    #[must_use]
    pub fn with_built_in(mut self, wanted: bool) -> Self {
        self.built_in = wanted;
        self.cleared()
    }

    /// Adds what earlier searches of drivers found. It is read when the first Windows tag is asked for.
    #[must_use]
    pub fn with_scanned(mut self, names: LazyDriverNames) -> Self {
        self.scanned = Some(names);
        self.cleared()
    }

    /// Adds the versions of drivers: of the machine whose rows are labelled.
    #[must_use]
    pub fn with_versions(mut self, versions: Versions) -> Self {
        self.versions = Some(versions);
        self
    }

    /// Leaves out what searches found: for callers that search the drivers themselves.
    #[must_use]
    pub fn without_scanned(mut self) -> Self {
        self.scanned = None;
        self.cleared()
    }

    /// Drivers that searches found for a tag, best evidence first.
    pub fn scanned(&self, tag: &Tag) -> Vec<NamedDriver> {
        let found = self.scanned.as_ref().zip(tag.as_pool());
        found.map(|(names, tag)| names.names().of(tag).collect()).unwrap_or_default()
    }

    /// File names of the drivers that searches proved to use a tag; not those that would get it from a framework.
    pub fn proven(&self, tag: &Tag) -> Vec<String> {
        let proven = self.scanned(tag).into_iter().filter(|named| named.kind.is_some());
        proven.map(|named| named.driver.into()).collect()
    }

    /// The index behind [`Owners::scanned`].
    pub fn index(&self) -> Option<&std::path::Path> {
        self.scanned.as_ref().map(LazyDriverNames::index)
    }

    fn cleared(mut self) -> Self {
        self.cache.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        self
    }

    /// The files, local ones first.
    pub fn files(&self) -> impl Iterator<Item = &PooltagFile> {
        self.local.iter().chain(&self.files)
    }

    /// What our own table knows of a tag.
    pub fn built_in(&self, tag: &Tag) -> Option<&'static BuiltinEntry> {
        self.built_in.then(|| known::find(tag)).flatten()
    }

    /// The entries of all files that name the owners of a tag, with their file.
    pub fn entries<'a>(
        &'a self,
        tag: &Tag,
    ) -> impl Iterator<Item = (&'a PooltagFile, &'a PooltagEntry)> + use<'a> {
        let tag = tag.as_pool();
        self.files().flat_map(move |file| {
            let found = tag.map(|tag| file.lookup(tag));
            found.into_iter().flatten().map(move |entry| (file, entry))
        })
    }

    /// The label of a tag for which the row itself reported `reported`.
    fn make(&self, tag: &Tag, reported: Option<&str>) -> Option<RowLabel> {
        let mut label = RowLabel::default();
        let (mut named_by, mut described_by) = (None, None);
        let mut brackets: Vec<String> = Vec::new();
        // What the row reports comes first: it was true on the machine that it is from.
        if let Some(reported) =
            reported.map(str::trim).filter(|reported| !reported.is_empty() && *reported != UNKNOWN_DRIVER)
        {
            if let Some(parts) = OwnerParts::reported(reported) {
                label.driver = parts.name.map(Into::into);
                label.description = parts.description.map(Into::into);
                named_by = label.driver.is_some().then_some(OwnerOrigin::Source);
                described_by = label.description.is_some().then_some(OwnerOrigin::Source);
            }
            brackets.push(reported.to_owned());
        }
        for (file, entry) in self.entries(tag) {
            let local = self.local.iter().any(|local| std::ptr::eq(local, file));
            let origin = if local { OwnerOrigin::Localtag } else { OwnerOrigin::Pooltag };
            if label.driver.is_none() {
                label.driver = entry.binary.as_deref().map(Into::into);
                named_by = label.driver.is_some().then_some(origin);
            }
            if label.description.is_none() && !entry.description.is_empty() {
                label.description = Some(entry.description.to_string());
                described_by = Some(origin);
            }
            let bracket = format!("[{}]", entry.text);
            if !brackets.iter().any(|have| have.contains(&bracket)) {
                brackets.push(bracket);
            }
        }
        let scanned = self.scanned(tag);
        // A pooltag file is believed, even if it says that the kernel charges the tag; proof is shown next to it.
        let known = self.built_in(tag);
        if !scanned.is_empty() {
            if label.driver.is_none() && known.is_none_or(|known| known.component == "various") {
                label.driver = Some(names(&scanned));
                named_by = Some(OwnerOrigin::Drivers);
            }
            brackets.push(bracket(&scanned));
        }
        if let Some(known) = known {
            if label.driver.is_none() && known.component != "various" {
                label.driver = Some(known.component.to_owned());
                named_by = Some(OwnerOrigin::BuiltIn);
            }
            if label.description.is_none() {
                label.description = Some(known.about.to_owned());
                described_by = Some(OwnerOrigin::BuiltIn);
            }
            if brackets.is_empty() {
                brackets.push(known.text());
            }
        }
        if brackets.is_empty()
            && (self.files().next().is_some() || reported.is_some())
            && tag.as_pool().is_some()
        {
            brackets.push(UNKNOWN_DRIVER.to_owned());
        }
        label.origin = named_by.or(described_by);
        label.mapped_driver = brackets.concat();
        (!label.mapped_driver.is_empty()).then_some(label)
    }

    /// The label as it was made before; `Err` where this was never asked.
    fn cached(&self, row: &Row) -> Result<Option<Arc<RowLabel>>, NotCached> {
        let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
        let labels = cache.get(&row.tag).ok_or(NotCached)?;
        labels
            .iter()
            .find(|(reported, _)| *reported == row.reported_owner)
            .map(|(_, label)| label.clone())
            .ok_or(NotCached)
    }
}

impl Labeler for Owners {
    fn version(&self, driver: &str) -> Option<Arc<str>> {
        self.versions.as_ref()?.of(driver)
    }

    fn label(&self, row: &Row) -> Option<Arc<RowLabel>> {
        if let Ok(label) = self.cached(row) {
            return label;
        }
        let label = self.make(&row.tag, row.reported_owner.as_deref()).map(Arc::new);
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= CACHED_TAGS {
            cache.clear();
        }
        let labels = cache.entry(row.tag.clone()).or_default();
        // Another thread may have been faster; the same tag keeps the same label.
        if let Some((_, label)) = labels.iter().find(|(reported, _)| *reported == row.reported_owner) {
            return label.clone();
        }
        if labels.len() >= 16 {
            labels.clear();
        }
        labels.push((row.reported_owner.clone(), label.clone()));
        label
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::trivially_copy_pass_by_ref, reason = "byte strings read best")]
    use super::*;
    use poolmon_model::Pool;

    fn row(tag: &[u8; 4], reported: Option<&str>) -> Row {
        Row {
            reported_owner: reported.map(Into::into),
            ..Row::windows(Tag::pool(*tag), Pool::Paged, 2, 1, 64)
        }
    }

    fn owners() -> Owners {
        let file =
            "Tst1 - mine.sys  -  Its.c\nTst2 - <unknown>    - a\nTst2 - other.sys - b\nQq?? - q.sys - all\n";
        Owners::new().with_pooltag(PooltagFile::parse("pooltag.txt", file.as_bytes()))
    }

    fn shown(owners: &Owners, tag: &[u8; 4], reported: Option<&str>) -> Option<String> {
        owners.label(&row(tag, reported)).map(|label| label.mapped_driver.clone())
    }

    #[test]
    fn brackets_as_poolmon_prints_them() {
        let owners = owners();
        assert_eq!(shown(&owners, b"Tst1", None).as_deref(), Some("[mine.sys  -  Its.c]"));
        assert_eq!(shown(&owners, b"Tst2", None).as_deref(), Some("[<unknown> - a][other.sys - b]"));
        assert_eq!(shown(&owners, b"QqXx", None).as_deref(), Some("[q.sys - all]"));
        assert_eq!(shown(&owners, b"Zz99", None).as_deref(), Some("Unknown Driver"));
        let label = owners.label(&row(b"Tst2", None)).unwrap();
        assert_eq!((label.driver.as_deref(), label.description.as_deref()), (Some("other.sys"), Some("a")));
    }

    #[test]
    fn the_origin_is_that_of_the_name() {
        let owners = owners().with_localtag(PooltagFile::parse("localtag.txt", b"Tst3 - local.sys - c\n"));
        let origin = |tag, reported| owners.label(&row(tag, reported)).and_then(|label| label.origin);
        assert_eq!(origin(b"Tst1", None), Some(OwnerOrigin::Pooltag));
        assert_eq!(origin(b"Tst3", None), Some(OwnerOrigin::Localtag));
        assert_eq!(origin(b"Tst1", Some("[x.sys - X]")), Some(OwnerOrigin::Source));
        assert_eq!(origin(b"Proc", None), Some(OwnerOrigin::BuiltIn));
        assert_eq!(origin(b"Zz99", None), None, "`Unknown Driver` is a display text, not an owner");
    }

    #[test]
    fn our_own_table_is_never_taken_for_microsofts() {
        let own = Owners::new();
        let text = shown(&own, b"Proc", None).unwrap();
        assert!(text.starts_with("{nt!ps - ") && text.ends_with('}'), "{text}");
        assert_eq!(shown(&own, b"Zz99", None), None, "no file was given: nothing is claimed");
        assert_eq!(shown(&own.with_built_in(false), b"Proc", None), None);
    }

    #[test]
    fn the_local_file_stands_first() {
        let local = PooltagFile::parse("localtag.txt", b"Tst1 - local.sys\n");
        let owners = owners().with_localtag(local);
        assert_eq!(shown(&owners, b"Tst1", None).as_deref(), Some("[local.sys][mine.sys  -  Its.c]"));
    }

    #[test]
    fn what_the_row_told_comes_first_and_is_not_repeated() {
        let owners = owners();
        let reported = Some("[mine.sys  -  Its.c]");
        assert_eq!(shown(&owners, b"Tst1", reported).as_deref(), reported);
        assert_eq!(
            shown(&owners, b"Tst1", Some("[x.sys - X]")).as_deref(),
            Some("[x.sys - X][mine.sys  -  Its.c]")
        );
        assert_eq!(shown(&owners, b"Tst1", Some("Unknown Driver")).as_deref(), reported);
        assert_eq!(shown(&owners, b"Zz99", Some("Unknown Driver")).as_deref(), Some("Unknown Driver"));
        let label = owners.label(&row(b"Zz99", Some("[x.sys - X]"))).unwrap();
        assert_eq!((label.driver.as_deref(), label.description.as_deref()), (Some("x.sys"), Some("X")));
    }

    #[test]
    fn linux_names() {
        let mut row = row(b"xxxx", Some("nf_conntrack"));
        row.tag = Tag::name("nf_conntrack_expect");
        let label = owners().label(&row).unwrap();
        assert_eq!(
            (label.mapped_driver.as_str(), label.driver.as_deref()),
            ("nf_conntrack", Some("nf_conntrack"))
        );
        row.tag = Tag::name("something");
        row.reported_owner = None;
        assert_eq!(owners().label(&row), None, "pooltag.txt says nothing of Linux");
    }

    #[test]
    fn the_same_tag_gets_the_same_label_in_every_thread() {
        let owners = owners();
        let first = owners.label(&row(b"Tst1", None)).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert!(Arc::ptr_eq(&first, &owners.label(&row(b"Tst1", None)).unwrap())));
            }
        });
    }

    #[test]
    fn a_flood_of_told_owners_does_not_grow_the_cache_without_end() {
        let owners = owners();
        for n in 0..100 {
            let reported = format!("[x{n}.sys - X]");
            assert!(shown(&owners, b"Tst1", Some(&reported)).unwrap().starts_with(&reported));
        }
        assert!(owners.cache.read().unwrap().values().all(|labels| labels.len() <= 16));
    }
}
