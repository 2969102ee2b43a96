//! The scanner over real drivers, which lie outside the repository.

mod surest;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use poolmon_model::PoolTag;
use poolmon_owner::scan::{
    self, DriverImage, DriverIndex, EvidenceKind, FileOutcome, SearchEvent, SearchLimits, TagQuery,
};
use proptest::prelude::*;

fn drivers() -> Option<PathBuf> {
    poolmon_testkit::shared("inputs/drivers")
}

fn driver(name: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(drivers()?.join(name)).unwrap())
}

/// The tags of a driver whose source is open, as its own constants have them.
fn true_tags() -> BTreeSet<PoolTag> {
    let text = std::fs::read_to_string(drivers().unwrap().join("systeminformer-tags.txt")).unwrap();
    text.lines()
        .filter_map(|line| {
            let reversed = line.split('\'').nth(1)?.as_bytes();
            Some(PoolTag([reversed[3], reversed[2], reversed[1], reversed[0]]))
        })
        .collect()
}

fn tags(bytes: &[u8]) -> Vec<PoolTag> {
    let mut tags: Vec<PoolTag> = Vec::new();
    for row in DriverImage::parse("x.sys", bytes).unwrap().evidence() {
        if !tags.contains(&row.tag) {
            tags.push(row.tag);
        }
    }
    tags
}

#[test]
fn systeminformer_shows_its_own_tags_and_no_others() {
    let Some(bytes) = driver("systeminformer-amd64.sys") else { return };
    let wanted = true_tags();
    let found: BTreeSet<PoolTag> = tags(&bytes).into_iter().collect();
    let missing: Vec<_> = wanted.difference(&found).collect();
    let wrong: Vec<_> = found.difference(&wanted).collect();
    eprintln!("{} of {}; missing {missing:?}; wrong {wrong:?}", found.len(), wanted.len());
    assert!(found.len() >= 52, "{missing:?}");
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn systeminformer_tells_whose_it_is() {
    let Some(bytes) = driver("systeminformer-amd64.sys") else { return };
    let info = DriverImage::parse("systeminformer.sys", &bytes).unwrap().info();
    eprintln!("{info:#?}");
    assert_eq!(info.pdb.as_deref(), Some("SystemInformer.pdb"));
    assert!(info.version.is_some() && info.company.is_some() && info.signer.is_some());
}

#[test]
fn windivert_shows_its_tag_first() {
    let Some(bytes) = driver("WinDivert-2.2-x64.sys") else { return };
    let image = DriverImage::parse("WinDivert64.sys", &bytes).unwrap();
    let rows = image.evidence();
    for row in &rows {
        eprintln!("{} {:?} {:#x} {} ({})", row.tag, row.kind, row.offset, row.explain(), row.confidence());
    }
    eprintln!("{:#?}", image.info());
    assert_eq!(rows[0].tag, PoolTag(*b"WDiv"));
    assert_eq!(rows[0].kind, EvidenceKind::Call);
    let calls = rows.iter().filter(|row| row.tag.0 == *b"WDiv" && row.kind == EvidenceKind::Call).count();
    assert!(calls >= 10, "{calls}");
    // Its framework would have named it after the file: the leading WDF is not there, so WinD.
    assert_eq!(image.info().framework_tags, [PoolTag(*b"WinD")]);
}

#[test]
fn winpmem_shows_its_tag_first_and_the_library_last() {
    let Some(bytes) = driver("winpmem_x64.sys") else { return };
    let rows = DriverImage::parse("winpmem_x64.sys", &bytes).unwrap().evidence();
    for row in &rows {
        eprintln!("{} {:?} {:#x} {} ({})", row.tag, row.kind, row.offset, row.explain(), row.confidence());
    }
    assert_eq!(rows[0].tag, PoolTag(*b"PMEM"));
    for tag in [b"PpRb", b"PpUc", b"SeAl", b"SeSd", b"SeTs"] {
        let row = rows.iter().find(|row| row.tag.0 == *tag).expect("a library's tag");
        assert_eq!(row.library, Some("wdmsec.lib"), "{row:?}");
    }
    assert!(rows.iter().filter(|row| row.library.is_none()).all(|row| row.tag.0 == *b"PMEM"));
}

#[test]
fn text_is_told_as_noise() {
    let Some(bytes) = driver("WinDivert-2.2-x64.sys") else { return };
    let image = DriverImage::parse("WinDivert64.sys", &bytes).unwrap();
    for tag in [b"Pool", b"List", b"Call", b"Time"] {
        let rows = image.evidence_for(PoolTag(*tag));
        assert!(!rows.is_empty());
        assert!(rows.iter().all(|row| row.kind == EvidenceKind::Text), "{rows:?}");
    }
}

#[test]
fn a_folder_is_searched_and_the_second_question_comes_from_the_index() {
    let Some(folder) = drivers() else { return };
    let never = AtomicBool::new(false);
    let ask = |query, index: &mut DriverIndex| {
        let mut found = Vec::new();
        let summary = scan::folder(
            std::slice::from_ref(&folder),
            query,
            2,
            SearchLimits::default(),
            index,
            &never,
            |event| {
                if let SearchEvent::File(report) = event
                    && let FileOutcome::Found(what) = report.outcome
                {
                    found.push((report.path.file_name().unwrap().to_owned(), what.evidence));
                }
            },
        );
        found.sort_by(|a, b| a.0.cmp(&b.0));
        (summary, found)
    };
    let mut index = DriverIndex::default();
    let query = TagQuery::Tag(PoolTag(*b"KpI2"));
    let (first, found) = ask(query, &mut index);
    assert_eq!((first.files, first.found, first.from_index), (3, 1, 0));
    assert_eq!(found[0].1[0].kind, EvidenceKind::Structure);
    let place = tempfile::tempdir().unwrap();
    index.save(&place.path().join("index")).unwrap();
    let mut index = DriverIndex::load(&place.path().join("index"));
    assert_eq!(index.len(), 3);
    let (second, again) = ask(query, &mut index);
    assert_eq!(second.from_index, 3);
    assert_eq!(found, again);
    // All tags, then any tag by its code, without a look at the files.
    let (_, all) = ask(TagQuery::All, &mut index);
    assert_eq!(all.len(), 3);
    index.save(&place.path().join("index")).unwrap();
    let mut index = DriverIndex::load(&place.path().join("index"));
    let (third, found) = ask(TagQuery::Code(PoolTag(*b"PMEM")), &mut index);
    assert_eq!((third.from_index, third.found), (3, 1));
    assert_eq!(found[0].0, "winpmem_x64.sys");
    assert_eq!(ask(TagQuery::All, &mut index).1, all);
}

/// What is read for one tag is a part of the code; it must show all that the whole code shows of it.
fn nothing_is_lost(name: &str, image: &DriverImage<'_>, tags: usize) {
    let all = image.evidence();
    let mut tags: Vec<PoolTag> = all.iter().map(|row| row.tag).take(tags).collect();
    tags.dedup();
    for tag in tags {
        let whole: Vec<_> = all.iter().filter(|row| row.tag == tag).collect();
        let one = image.evidence_for(tag);
        let one: Vec<_> = one.iter().filter(|row| row.kind <= EvidenceKind::Structure).collect();
        assert_eq!(one, whole, "{name} {tag}");
    }
}

#[test]
fn one_tag_shows_what_all_tags_show() {
    for name in ["systeminformer-amd64.sys", "WinDivert-2.2-x64.sys", "winpmem_x64.sys"] {
        let Some(bytes) = driver(name) else { return };
        nothing_is_lost(name, &DriverImage::parse(name, &bytes).unwrap(), usize::MAX);
    }
}

#[test]
fn the_surest_proof_of_each_tag_comes_first() {
    let (mut answers, mut mixed) = (0, 0);
    for name in ["systeminformer-amd64.sys", "WinDivert-2.2-x64.sys", "winpmem_x64.sys"] {
        let Some(bytes) = driver(name) else { return };
        let (all, several) = surest::every_answer(name, &DriverImage::parse(name, &bytes).unwrap());
        (answers, mixed) = (answers + all, mixed + several);
    }
    eprintln!("{answers} answers, {mixed} with weaker proof behind the surest");
    assert!(answers > 55 && mixed > 0, "{answers} answers, {mixed} with weaker proof: nothing was tried");
}

/// Beside a search for bytes: how many of the tags of each driver, and how many words besides. Text search is asked
/// for the tags that the person could mean: the true ones, and common words among known tags.
#[test]
fn precision_beside_byte_search() {
    let Some(folder) = drivers() else { return };
    let decoys =
        ["Call", "List", "Pool", "Proc", "Sect", "Stac", "Time", "Tran", "File", "Driv", "Devi", "Obje"];
    let library: Vec<PoolTag> = ["PMEM", "PpRb", "PpUc", "SeAl", "SeSd", "SeTs"]
        .iter()
        .map(|tag| PoolTag::padded(tag.as_bytes()).unwrap())
        .collect();
    let rows = [
        ("systeminformer-amd64.sys", true_tags().into_iter().collect()),
        ("WinDivert-2.2-x64.sys", vec![PoolTag(*b"WDiv")]),
        ("winpmem_x64.sys", library),
    ];
    eprintln!(
        "driver | true tags | code: right, wrong | bytes (grep -a, rg -a): right, wrong | strings -n 4: right, wrong"
    );
    for (name, wanted) in rows {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let asked: Vec<PoolTag> = wanted
            .iter()
            .copied()
            .chain(decoys.iter().map(|tag| PoolTag::padded(tag.as_bytes()).unwrap()))
            .collect();
        let found = tags(&bytes);
        let code = asked.iter().filter(|tag| found.contains(tag));
        let raw = asked.iter().filter(|tag| bytes.windows(4).any(|window| window == tag.0));
        // What `strings` prints: runs of four and more printable characters.
        let runs: Vec<&[u8]> =
            bytes.split(|byte| !(0x20..0x7f).contains(byte)).filter(|run| run.len() >= 4).collect();
        let text =
            asked.iter().filter(|tag| runs.iter().any(|run| run.windows(4).any(|window| window == tag.0)));
        let count = |tags: Vec<&PoolTag>| {
            let right = tags.iter().filter(|tag| wanted.contains(tag)).count();
            (right, tags.len() - right)
        };
        let (code, raw, text) = (count(code.collect()), count(raw.collect()), count(text.collect()));
        let others = found.iter().filter(|tag| !wanted.contains(tag)).count();
        eprintln!("{name} | {} | {code:?} | {raw:?} | {text:?}", wanted.len());
        assert_eq!((code.1, others), (0, 0), "{name}");
        assert!(raw.1 > code.1, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Any change to a real driver is read without a panic and in bounded time.
    #[test]
    fn changed_drivers_are_read_to_the_end(
        which in 0..3_usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..64),
        keep in any::<Option<prop::sample::Index>>(),
    ) {
        let Some(folder) = drivers() else { return Ok(()) };
        let name = ["systeminformer-amd64.sys", "WinDivert-2.2-x64.sys", "winpmem_x64.sys"][which];
        let mut bytes = std::fs::read(folder.join(name)).unwrap();
        for (at, value, header) in changes {
            // Headers are where a change does most harm.
            let end = if header { 0x800 } else { bytes.len() };
            let at = at.index(end);
            bytes[at] = value;
        }
        if let Some(keep) = keep {
            let length = keep.index(bytes.len());
            bytes.truncate(length);
        }
        if let Ok(image) = DriverImage::parse(name, &bytes) {
            let rows = image.evidence();
            prop_assert!(rows.len() <= 20_000);
            nothing_is_lost(name, &image, 4);
            let _ = image.info();
            for row in image.evidence_for(PoolTag(*b"KpI2")) {
                prop_assert!(row.offset < bytes.len() as u64);
                prop_assert!(!row.explain().is_empty());
            }
        }
    }
}
