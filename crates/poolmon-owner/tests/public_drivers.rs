//! Drivers that anyone can fetch, with the tags that their code really hands to the pool's functions.
//!
//! The lists were read from disassemblies (`push` or `mov` before each call of an allocating import or of a function that
//! ends in one) and, for `VirtualBox`, `ViGEm` and `WinDivert`, from their public source. A constant of the source that the compiler
//! left out is not in the list of that processor.

mod surest;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use poolmon_owner::scan::DriverImage;
use poolmon_testkit::{Need, asked_for, run, skip};

/// Allocated without a tag: the system charges these.
const UNTAGGED: [&str; 3] = ["None", "Ddk", "Wdm"];

const SHARED_FOLDERS: &str =
    "IPRT RxBm RxDc RxFc RxIr RxLL RxMs RxNf RxNr RxSC RxSc RxSp RxVn RxWq SHFL rx\\x00\\x00";

/// The tags of a driver by the name it was fetched under, without its checksum; `None` for one that is not listed.
fn true_tags(name: &str, processor: &str) -> Option<&'static str> {
    Some(match (name, processor) {
        ("VBoxGuest" | "VBoxMouseNT", _) => "IPRT",
        ("VBoxMouse", "ARM64") => "IPRT VBMF VBRL",
        ("VBoxMouse", _) => "IPRT VBRL",
        ("VBoxSF", _) => SHARED_FOLDERS,
        // Built with the debug library, which has one more.
        ("VBoxSFW2K", _) => {
            "IPRT Rx?? RxBm RxDc RxFc RxIr RxLL RxMs RxNf RxNr RxSC RxSc RxSp RxVn RxWq SHFL rx\\x00\\x00"
        }
        ("VBoxVideo", _) => "IPRT VBVH",
        ("VBoxWddm", _) => "Dlmp IPRT VBDM VBGA",
        ("ViGEmBus", _) => "BPMo DS4U DmfT HTMo RBMo TDat ViGE ViUX",
        ("WinDivert32" | "WinDivert64", _) => "WDiv",
        ("winboxflt", _) => "WfBc WfBt",
        // Allocates without a tag only.
        ("CH341S64" | "CH341S98" | "CH341SER", _) => "",
        _ => return None,
    })
}

/// Right, wrong and missing tags.
#[derive(Debug, Default)]
struct Score {
    right: usize,
    wrong: Vec<String>,
    missing: Vec<String>,
}

/// Paths of the drivers; none where they are not asked for. Fetched once: tests run at the same time.
fn fetched() -> Vec<PathBuf> {
    static FILES: OnceLock<Vec<PathBuf>> = OnceLock::new();
    FILES.get_or_init(fetch).clone()
}

fn fetch() -> Vec<PathBuf> {
    if !asked_for(Need::Network) {
        return Vec::new();
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/public_drivers.sh");
    let folder = match run(Path::new("."), &["sh", script]) {
        Ok(folder) => folder,
        Err(error) => {
            skip(Need::Network, error);
            return Vec::new();
        }
    };
    let mut files: Vec<_> =
        std::fs::read_dir(folder.trim()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn the_surest_proof_of_each_tag_comes_first() {
    let (mut answers, mut mixed) = (0, 0);
    let files = fetched();
    for path in &files {
        let bytes = std::fs::read(path).unwrap();
        let name = path.display().to_string();
        let Ok(image) = DriverImage::parse(&name, &bytes) else { continue };
        let (all, several) = surest::every_answer(&name, &image);
        (answers, mixed) = (answers + all, mixed + several);
    }
    eprintln!("{answers} answers, {mixed} with weaker proof behind the surest");
    assert!(files.is_empty() || (answers > 100 && mixed > 0), "{answers} answers, {mixed} with weaker proof");
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "a few dozen tags")]
fn public_drivers_show_their_tags_and_no_others() {
    let files = fetched();
    if files.is_empty() {
        return;
    }
    let mut scores: BTreeMap<String, Score> = BTreeMap::new();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        // The disc also has drivers for another system (OS/2), which are no images.
        let Ok(image) = DriverImage::parse(name, &bytes) else {
            assert!(!bytes.windows(4).take(1024).any(|word| word == b"PE\0\0"), "{name}");
            continue;
        };
        let processor = image.info().machine.to_string();
        let listed = true_tags(name.split('-').next().unwrap(), &processor);
        let Some(listed) = listed else {
            panic!("{name} ({processor}) is not listed: read its tags from its code")
        };
        let wanted: BTreeSet<String> =
            listed.split(' ').filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        let mut found: BTreeSet<String> =
            image.evidence().iter().map(|row| row.tag.to_string().trim_end().to_owned()).collect();
        let untagged = UNTAGGED.iter().filter(|tag| found.remove(**tag)).count();
        assert!(!wanted.is_empty() || untagged > 0, "{name}: what it allocates without a tag is not seen");
        let score = scores.entry(processor).or_default();
        score.right += wanted.intersection(&found).count();
        score.missing.extend(wanted.difference(&found).map(|tag| format!("{name}: {tag}")));
        score.wrong.extend(found.difference(&wanted).map(|tag| format!("{name}: {tag}")));
    }
    assert_eq!(scores.keys().map(String::as_str).collect::<Vec<_>>(), ["ARM64", "x64", "x86"]);
    for (processor, score) in &scores {
        let all = score.right + score.missing.len();
        let recall = score.right as f64 / all as f64;
        let precision = score.right as f64 / (score.right + score.wrong.len()) as f64;
        eprintln!("{processor}: {all} tags, recall {recall:.3}, precision {precision:.3}, {score:?}");
        assert!(recall >= 0.99 && precision >= 0.99, "{processor}: {score:?}");
    }
}
