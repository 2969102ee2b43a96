//! Which drivers use a tag, ranked; or all drivers with all their tags.
//!
//! [`ask`] and [`all`] search with [`crate::scan`], fold copies of one file and put the best evidence first.
//! [`RankedDriver::groups`] and [`RankedDriver::tags`] are what a person reads; [`localtag`] writes them as a file in the form of
//! pooltag.txt.

use std::cmp::Reverse;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use poolmon_image::files::threads;
use poolmon_model::PoolTag;
use rustc_hash::FxHashSet;

use crate::scan::{
    self, DriverIndex, DriverInfo, Evidence, EvidenceConfidence, EvidenceKind, FileList, FileOutcome,
    ScanError, SearchEvent, SearchLimits, SearchOptions, SearchSummary, TagQuery,
};

/// Where drivers are searched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriverPlaces {
    /// Files and folders, the most interesting first.
    pub paths: Vec<PathBuf>,
    /// Files of the drivers that are loaded now; none if the system does not report.
    pub loaded: Option<Vec<PathBuf>>,
}

/// One driver of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RankedDriver {
    /// Where it is.
    pub path: PathBuf,
    /// The same file in other places.
    pub copies: Vec<PathBuf>,
    /// Its size.
    pub bytes: u64,
    /// Whose file it is, by its own account.
    pub info: DriverInfo,
    /// Best first.
    pub evidence: Vec<Evidence>,
    /// The frameworks give this driver the tag that was asked for, if it has none of its own.
    pub framework: bool,
    /// Is it loaded, if the system reports it.
    pub loaded: Option<bool>,
}

/// How good a driver's best evidence is; the order is the order of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// (a) to (c): its own code or structures use the tag.
    Proven(EvidenceKind),
    /// The frameworks make the tag from its name.
    Framework,
    /// A static library that it contains uses the tag.
    Library,
    /// An argument of a function that is not known to take a tag, or (d) and (e): four bytes.
    Bytes(EvidenceKind),
    /// (f): four bytes inside a text.
    Noise,
}

/// Pieces of evidence that say the same of different places.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EvidenceGroup<'a> {
    /// What kind.
    pub kind: EvidenceKind,
    /// How far to trust it.
    pub confidence: EvidenceConfidence,
    /// One plain sentence.
    pub text: String,
    /// The places, at least one.
    pub places: Vec<&'a Evidence>,
}

/// One tag of a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagUse<'a> {
    /// The tag.
    pub tag: PoolTag,
    /// The best evidence.
    pub best: &'a Evidence,
    /// All places.
    pub places: usize,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WhoAnswer {
    /// Best first.
    pub drivers: Vec<RankedDriver>,
    /// Files that could not be searched, and why.
    pub failed: Vec<(PathBuf, ScanError)>,
    /// How much was searched.
    pub summary: SearchSummary,
    /// Proof came out of the index, so files were not searched for mere bytes.
    pub code_only: bool,
}

/// Asks who uses a tag. Where the index knows nearly all files and has proof, they are not read again for mere bytes,
/// unless `thorough` is set.
pub fn ask(
    tag: PoolTag,
    places: &DriverPlaces,
    thorough: bool,
    index: &mut DriverIndex,
    cancel: &AtomicBool,
    mut tell: impl FnMut(&SearchEvent),
) -> WhoAnswer {
    let files = scan::list(&places.paths, cancel);
    let known = if thorough { 0 } else { index.known(&files) };
    // The few that it does not know are searched as usual.
    let mostly = known > 0 && files.len() - known <= (files.len() / 8).max(8);
    let options = options(TagQuery::Tag(tag));
    if mostly {
        let options = SearchOptions { code_suffices: true, ..options };
        let answer = search(&files, options, places, index, cancel, &mut tell);
        if answer.is_proven() || answer.summary.cancelled {
            return WhoAnswer { code_only: true, ..answer };
        }
    }
    search(&files, options, places, index, cancel, &mut tell)
}

/// Finds all drivers with the tags that their code and structures show.
pub fn all(
    places: &DriverPlaces,
    index: &mut DriverIndex,
    cancel: &AtomicBool,
    mut tell: impl FnMut(&SearchEvent),
) -> WhoAnswer {
    let files = scan::list(&places.paths, cancel);
    let mut answer = search(&files, options(TagQuery::All), places, index, cancel, &mut tell);
    answer.drivers.sort_by_cached_key(|driver| (driver.name().to_lowercase(), driver.path.clone()));
    answer
}

fn options(query: TagQuery) -> SearchOptions {
    SearchOptions { query, code_suffices: false, threads: threads(), limits: SearchLimits::default() }
}

fn search(
    files: &FileList,
    options: SearchOptions,
    places: &DriverPlaces,
    index: &mut DriverIndex,
    cancel: &AtomicBool,
    tell: &mut impl FnMut(&SearchEvent),
) -> WhoAnswer {
    let mut answer = WhoAnswer::default();
    let loaded: Option<FxHashSet<String>> =
        places.loaded.as_ref().map(|paths| paths.iter().map(|path| folded(path)).collect());
    answer.summary = scan::search(files, options, index, cancel, |event| {
        tell(&event);
        let SearchEvent::File(report) = event else { return };
        match report.outcome {
            FileOutcome::Found(found) => answer.drivers.push(RankedDriver {
                loaded: loaded.as_ref().map(|loaded| loaded.contains(&folded(&report.path))),
                path: report.path,
                copies: Vec::new(),
                bytes: report.bytes,
                info: found.info,
                evidence: found.evidence,
                framework: found.framework,
            }),
            FileOutcome::Failed(error) => answer.failed.push((report.path, error)),
            FileOutcome::Nothing | FileOutcome::NotDriver => {}
        }
    });
    answer.failed.sort_by(|a, b| a.0.cmp(&b.0));
    answer.drivers.sort_by_cached_key(|driver| {
        let places = driver.evidence.len();
        (
            driver.standing(),
            driver.loaded != Some(true),
            is_stored(&driver.path),
            Reverse(places),
            driver.path.clone(),
        )
    });
    answer.drivers = fold_copies(answer.drivers);
    answer
}

/// Whether a file is in the driver store: what lies there alone was copied for devices, and is not installed.
fn is_stored(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str().eq_ignore_ascii_case("DriverStore"))
}

/// Other tags that a person may mean by a text, the likeliest first, each with what it has to do with the text.
///
/// C spells a tag backwards (`'tseT'` is `Test`); WinDbg and this program show it as a number too; short ones end with
/// blanks or with zeros; the case of letters is easily lost.
pub fn spellings(text: &str) -> Vec<(PoolTag, &'static str)> {
    let mut all: Vec<(PoolTag, &'static str)> = Vec::new();
    let own = text.parse::<PoolTag>().ok();
    let number = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    if let Some(number) = number.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
        all.push((PoolTag::from_u32(number).unprotected(), "the same number"));
    }
    if let Some(PoolTag([a, b, c, d])) = own {
        all.push((PoolTag([d, c, b, a]), "the same constant as C spells it"));
        let mut padded = [a, b, c, d];
        for byte in padded.iter_mut().rev().take_while(|byte| **byte == b' ') {
            *byte = 0;
        }
        all.push((PoolTag(padded), "padded with zeros"));
        if let Some(short) = PoolTag::padded(text.bytes().rev().collect::<Vec<u8>>().as_slice()) {
            all.push((short, "the same constant as C spells it"));
        }
        let bytes = [a, b, c, d];
        for cased in
            [bytes.map(|b| b.to_ascii_lowercase()), bytes.map(|b| b.to_ascii_uppercase()), capital(bytes)]
        {
            all.push((PoolTag(cased), "in other letters"));
        }
    }
    let mut seen: Vec<PoolTag> = own.into_iter().collect();
    all.retain(|(tag, _)| {
        let new = !seen.contains(tag);
        seen.push(*tag);
        new
    });
    all
}

fn capital([first, rest @ ..]: [u8; 4]) -> [u8; 4] {
    let [b, c, d] = rest.map(|byte| byte.to_ascii_lowercase());
    [first.to_ascii_uppercase(), b, c, d]
}

/// Paths of Windows are the same in any case of their letters.
fn folded(path: &Path) -> String {
    path.to_string_lossy().to_lowercase().replace('/', "\\")
}

/// The same file in two places (a driver and its copy in the driver store) is listed once.
fn fold_copies(drivers: Vec<RankedDriver>) -> Vec<RankedDriver> {
    let mut kept: Vec<RankedDriver> = Vec::new();
    let mut places = rustc_hash::FxHashMap::<(String, u64, u32), Vec<usize>>::default();
    for driver in drivers {
        let identity = (driver.name().to_lowercase(), driver.bytes, driver.info.timestamp);
        let same = places.entry(identity).or_default();
        let twin = same.iter().copied().find(|&at| {
            kept.get(at).is_some_and(|own| own.info == driver.info && own.evidence == driver.evidence)
        });
        if let Some(own) = twin.and_then(|at| kept.get_mut(at)) {
            own.copies.push(driver.path);
        } else {
            same.push(kept.len());
            kept.push(driver);
        }
    }
    kept
}

impl WhoAnswer {
    /// Whether a driver's code or structures use the tag.
    pub fn is_proven(&self) -> bool {
        self.drivers.iter().any(|driver| matches!(driver.standing(), Standing::Proven(_)))
    }
}

impl RankedDriver {
    /// Whether it is listed only because it is packed or encrypted: it shows no tag.
    pub fn is_only_packed(&self) -> bool {
        self.evidence.is_empty() && self.info.framework_tags.is_empty() && self.info.packed.is_some()
    }

    /// The file's name.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }

    /// Whether all its copies are in the driver store: it is not installed.
    pub fn is_only_stored(&self) -> bool {
        std::iter::once(&self.path).chain(&self.copies).all(|path| is_stored(path))
    }

    /// The name that it was built under, if it has another one now.
    pub fn built_as(&self) -> Option<&str> {
        let built = Path::new(self.info.pdb.as_deref()?).file_stem()?.to_str()?;
        let name = self.path.file_stem()?.to_string_lossy().to_lowercase();
        let same = name.starts_with(&built.to_lowercase()) || built.to_lowercase().starts_with(&name);
        (!same).then_some(built)
    }

    /// What proves that it uses the tag, in one sentence: the strongest evidence, and how many places say the same.
    pub fn proof(&self) -> Option<String> {
        let groups = self.groups();
        let best = groups.first().filter(|_| matches!(self.standing(), Standing::Proven(_)))?;
        let places = best.places.len();
        Some(if places > 1 { format!("{} ({places} places)", best.text) } else { best.text.clone() })
    }

    /// How good its best evidence is.
    pub fn standing(&self) -> Standing {
        let Some(best) = self.evidence.first() else { return Standing::Framework };
        let own = match best.kind {
            _ if best.library.is_some() => Standing::Library,
            // Four characters that a known function gets which takes no tag prove nothing.
            EvidenceKind::Argument if best.confidence() == EvidenceConfidence::Low => {
                Standing::Bytes(EvidenceKind::Code)
            }
            EvidenceKind::Call | EvidenceKind::Argument | EvidenceKind::Structure => {
                Standing::Proven(best.kind)
            }
            EvidenceKind::Code | EvidenceKind::Data => Standing::Bytes(best.kind),
            EvidenceKind::Text => Standing::Noise,
        };
        if self.framework { own.min(Standing::Framework) } else { own }
    }

    /// The evidence, places that say the same together.
    pub fn groups(&self) -> Vec<EvidenceGroup<'_>> {
        let mut groups: Vec<EvidenceGroup<'_>> = Vec::new();
        for row in &self.evidence {
            let (text, confidence) = (row.explain(), row.confidence());
            match groups.iter_mut().find(|group| group.kind == row.kind && group.text == text) {
                Some(group) => group.places.push(row),
                None => groups.push(EvidenceGroup { kind: row.kind, confidence, text, places: vec![row] }),
            }
        }
        groups
    }

    /// All its tags, in the order of their characters.
    pub fn tags(&self) -> Vec<TagUse<'_>> {
        let mut tags: Vec<TagUse<'_>> = Vec::new();
        for row in &self.evidence {
            match tags.iter_mut().find(|own| own.tag == row.tag) {
                Some(own) => own.places += 1,
                None => tags.push(TagUse { tag: row.tag, best: row, places: 1 }),
            }
        }
        tags.sort_by_key(|own| own.tag);
        tags
    }
}

/// Writes all tags of all drivers in the form of pooltag.txt, as PoolMon's `/c` made its localtag.txt: a line for each
/// tag and driver. Tags of static libraries are left out: they name no driver.
pub fn localtag(drivers: &[RankedDriver], out: &mut dyn Write) -> io::Result<()> {
    let mut lines: Vec<(PoolTag, String, &'static str)> = Vec::new();
    for driver in drivers {
        let own = driver.tags().into_iter().filter(|own| own.best.library.is_none());
        lines.extend(own.map(|own| (own.tag, driver.name(), own.best.kind.word())));
        // What the framework uses if the driver names no tag.
        let framework = driver.info.framework_tags.iter().map(|&tag| (tag, driver.name(), "framework"));
        lines.extend(framework);
    }
    lines.sort();
    lines.dedup_by(|next, kept| (next.0, &next.1) == (kept.0, &kept.1));
    writeln!(out, "rem Tags found in drivers by poolmon: <tag> - <driver> - <how the driver shows it>")?;
    for (tag, name, how) in &lines {
        writeln!(out, "{tag} - {name} - {}", explained(how))?;
    }
    Ok(())
}

fn explained(word: &str) -> &'static str {
    match word {
        "call" => "in a call of a pool function",
        "argument" => "in a call of its own allocator",
        "structure" => "in a structure that the kernel reads",
        _ => "by its name, if the framework chose the tag",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::{CallRole, Machine};
    use crate::{Owners, PooltagFile};

    fn row(tag: [u8; 4], kind: EvidenceKind) -> Evidence {
        let api = matches!(kind, EvidenceKind::Call).then(|| "ExAllocatePool2".to_owned());
        Evidence {
            tag: PoolTag(tag),
            kind,
            offset: 0x400,
            rva: Some(0x1000),
            site: None,
            section: ".text".into(),
            role: api.as_ref().map(|_| CallRole::Allocate),
            api,
            wrapper: None,
            library: None,
        }
    }

    fn driver(path: &str, evidence: Vec<Evidence>) -> RankedDriver {
        let info = DriverInfo {
            machine: Machine::X64,
            timestamp: 1,
            version: None,
            product: None,
            description: None,
            company: None,
            pdb: None,
            signer: None,
            framework_tags: Vec::new(),
            packed: None,
        };
        let path = PathBuf::from(path);
        RankedDriver { path, copies: Vec::new(), bytes: 1, info, evidence, framework: false, loaded: None }
    }

    #[test]
    fn proof_stands_before_names_before_bytes() {
        let standing = |kind| driver("a.sys", vec![row(*b"Test", kind)]).standing();
        let framework =
            RankedDriver { framework: true, ..driver("a.sys", vec![row(*b"Test", EvidenceKind::Text)]) }
                .standing();
        let library = Evidence { library: Some("x.lib"), ..row(*b"Test", EvidenceKind::Call) };
        let named = Evidence { api: Some("IoSetX".into()), ..row(*b"Test", EvidenceKind::Argument) };
        let order = [
            standing(EvidenceKind::Call),
            standing(EvidenceKind::Argument),
            standing(EvidenceKind::Structure),
            framework,
            driver("a.sys", vec![library]).standing(),
            driver("a.sys", vec![named]).standing(),
            standing(EvidenceKind::Data),
            standing(EvidenceKind::Text),
        ];
        assert!(order.is_sorted_by(|a, b| a < b), "{order:?}");
    }

    #[test]
    fn other_spellings_of_a_tag_are_offered_once() {
        let all = |text: &str| spellings(text).iter().map(|(tag, _)| tag.to_string()).collect::<Vec<_>>();
        assert_eq!(all("AKOD")[0], "DOKA");
        assert_eq!(all("0x414b4f44"), ["DOKA"]);
        assert!(all("rx").contains(&"rx\\x00\\x00".to_owned()));
        assert!(all("xr").contains(&"rx  ".to_owned()));
        assert!(all("test").contains(&"Test".to_owned()) && !all("test").contains(&"test".to_owned()));
        assert!(all("not a tag").is_empty());
    }

    #[test]
    fn the_installed_copy_is_the_title_and_a_renamed_driver_says_so() {
        let evidence = || vec![row(*b"Test", EvidenceKind::Call)];
        let store = "/w/System32/DriverStore/FileRepository/a.inf/a.sys";
        assert!(driver(store, evidence()).is_only_stored());
        let both =
            fold_copies(vec![driver("/w/System32/drivers/a.sys", evidence()), driver(store, evidence())]);
        assert!(!both[0].is_only_stored());
        let mut renamed = driver("/d/foo.sys", evidence());
        assert_eq!(renamed.built_as(), None);
        renamed.info.pdb = Some("dokan2.pdb".into());
        assert_eq!(renamed.built_as(), Some("dokan2"));
        let suffixed = RankedDriver { path: "/d/dokan2_x64.sys".into(), ..renamed };
        assert_eq!(suffixed.built_as(), None);
        assert_eq!(suffixed.proof().as_deref(), Some("allocates under this tag with ExAllocatePool2"));
    }

    #[test]
    fn copies_are_told_once_and_changed_files_are_not_copies() {
        let evidence = || vec![row(*b"Test", EvidenceKind::Call)];
        let other = RankedDriver { bytes: 2, ..driver("/c/A.SYS", evidence()) };
        let folded = fold_copies(vec![driver("/a/a.sys", evidence()), driver("/b/A.sys", evidence()), other]);
        assert_eq!(folded.len(), 2);
        assert_eq!(folded[0].copies, [PathBuf::from("/b/A.sys")]);
    }

    #[test]
    fn places_that_say_the_same_are_one_group() {
        let far = Evidence { offset: 0x900, ..row(*b"Test", EvidenceKind::Call) };
        let driver =
            driver("a.sys", vec![row(*b"Test", EvidenceKind::Call), far, row(*b"Test", EvidenceKind::Data)]);
        let groups: Vec<(EvidenceKind, usize)> =
            driver.groups().iter().map(|g| (g.kind, g.places.len())).collect();
        assert_eq!(groups, [(EvidenceKind::Call, 2), (EvidenceKind::Data, 1)]);
    }

    #[test]
    fn a_localtag_file_is_read_back() {
        let library = Evidence { library: Some("x.lib"), ..row(*b"Libr", EvidenceKind::Call) };
        let mut first = driver(
            "/d/first.sys",
            vec![row(*b"Ab  ", EvidenceKind::Call), row(*b"Ab  ", EvidenceKind::Structure), library],
        );
        first.info.framework_tags = vec![PoolTag(*b"firs")];
        let drivers = [first, driver("/d/second.sys", vec![row(*b"Ab  ", EvidenceKind::Argument)])];
        let mut bytes = Vec::new();
        localtag(&drivers, &mut bytes).unwrap();
        let file = PooltagFile::parse("localtag.txt", &bytes);
        assert!(file.irregular().is_empty(), "{:?}", file.irregular());
        let owners = |tag: &[u8; 4]| -> Vec<String> {
            file.lookup(PoolTag(*tag))
                .filter_map(|entry| entry.binary.as_deref().map(str::to_owned))
                .collect()
        };
        assert_eq!(owners(b"Ab  "), ["first.sys", "second.sys"]);
        assert_eq!(owners(b"firs"), ["first.sys"]);
        assert!(owners(b"Libr").is_empty());
        assert_eq!(Owners::new().with_localtag(file).files().count(), 1);
    }
}
