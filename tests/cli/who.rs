//! `poolmon who`: drivers of a tag, with evidence.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use poolmon_synth::driver::{Processor, TEXT, call_slot, direct_x64, image};

use crate::{POOLMON, json_of, poolmon, shared, text, with_signals};

const TAGGED: &[&str] = &["ExAllocatePoolWithTag"];

/// A folder with drivers, and a place for the index outside of it.
pub struct Drivers {
    folder: tempfile::TempDir,
    cache: tempfile::TempDir,
}

impl Drivers {
    pub fn new() -> Self {
        let drivers = Self { folder: tempfile::tempdir().unwrap(), cache: tempfile::tempdir().unwrap() };
        // Two calls of the tag in one, the tag in data in another, in a text in a third; a framework driver by name.
        let mut twice = direct_x64(b"Leak");
        twice.resize(0x40, 0xcc);
        twice.extend([0x41, 0xb8]);
        twice.extend(b"Leak");
        call_slot(&mut twice, 0);
        twice.push(0xc3);
        drivers.put("proof.sys", &image(Processor::X64, &twice, TAGGED, false, &[]));
        drivers.put("table.sys", &image(Processor::X64, &[0xc3], TAGGED, false, b"Leak"));
        drivers.put("words.sys", &image(Processor::X64, &[0xc3], TAGGED, false, b"MemoryLeakTest"));
        drivers.put("LeakyBus.sys", &image(Processor::X64, &[0xc3], &["WdfVersionBind"], false, &[]));
        drivers.put("other.sys", &image(Processor::X64, &direct_x64(b"Othr"), TAGGED, false, &[]));
        drivers.put("broken.sys", b"MZ and no more");
        drivers.put("notes.txt", b"Leak");
        drivers
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn path(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    fn index(&self) -> PathBuf {
        self.cache.path().join("drivers.index")
    }

    /// `poolmon who ARGS` with this index.
    fn who(&self, args: &[&str]) -> Output {
        let index = self.index();
        poolmon(&[&["who", "--index", index.to_str().unwrap()], args].concat())
    }

    /// A text without what differs from run to run.
    fn plain(&self, bytes: &[u8]) -> String {
        text(bytes).replace(self.path(), "DRIVERS").replace('\\', "/")
    }
}

/// A driver that calls `ExAllocatePoolWithTag` with a tag.
pub fn small_driver(tag: [u8; 4]) -> Vec<u8> {
    image(Processor::X64, &direct_x64(&tag), TAGGED, false, &[])
}

#[test]
fn the_help_page() {
    insta::assert_snapshot!("help_who", crate::stdout_of(&["who", "--help"]));
}

#[test]
fn evidence_is_ranked_and_noise_is_last() {
    let drivers = Drivers::new();
    let output = drivers.who(&["Leak", "--drivers", drivers.path()]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!("who_text", drivers.plain(&output.stdout));
    assert_eq!(
        drivers.plain(&output.stderr),
        "poolmon: DRIVERS/broken.sys: damaged image: it ends inside the DOS header\n"
    );
    let verbose = drivers.who(&["Leak", "--drivers", drivers.path(), "-v", "--bytes"]);
    insta::assert_snapshot!("who_verbose", drivers.plain(&verbose.stdout));
}

#[test]
fn records_for_programs() {
    let drivers = Drivers::new();
    let folder = drivers.path();
    let output = drivers.who(&["Leak", "--drivers", folder, "--format", "csv"]);
    insta::assert_snapshot!("who_csv", drivers.plain(&output.stdout));
    let json = json_of(&["who", "Leak", "--no-index", "--drivers", folder, "--format", "json"]);
    assert_eq!(json["schema"], "poolmon.who/1");
    assert_eq!(json["tag_value"], "0x6b61654c");
    let standings: Vec<(&str, &str)> = json["drivers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|driver| (driver["driver"].as_str().unwrap(), driver["standing"].as_str().unwrap()))
        .collect();
    let expected = [
        ("proof.sys", "proven"),
        ("LeakyBus.sys", "framework"),
        ("table.sys", "bytes"),
        ("words.sys", "noise"),
    ];
    assert_eq!(standings, expected);
    assert_eq!(json["drivers"][0]["evidence"][1]["api"], "ExAllocatePoolWithTag");
    assert_eq!(json["searched"]["failed"], 1);
    assert!(json["failed"][0]["error"].as_str().unwrap().contains("DOS header"));
}

#[test]
fn every_driver_with_its_tags() {
    let drivers = Drivers::new();
    drivers.put("twin/proof.sys", &fs::read(drivers.folder.path().join("proof.sys")).unwrap());
    let output = drivers.who(&["--all", drivers.path()]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!("who_all", drivers.plain(&output.stdout));
    let local = drivers.cache.path().join("localtag.txt");
    let local = local.to_str().unwrap();
    let output = drivers.who(&["--all", drivers.path(), "--localtag", local]);
    assert!(output.status.success() && output.stdout.is_empty());
    insta::assert_snapshot!("who_localtag", fs::read_to_string(local).unwrap());
    // What PoolMon's /c reads.
    assert!(crate::stdout_of(&["tag", "Leak", "--localtag", local]).contains("proof.sys - in a call"));
}

#[test]
fn the_second_question_is_answered_from_the_index() {
    let drivers = Drivers::new();
    let folder = drivers.path();
    let ask = |args: &[&str]| {
        let output = drivers.who(&[args, &["--drivers", folder, "--format", "json"]].concat());
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (
            json["searched"]["from_index"].as_u64().unwrap(),
            json["searched"]["code_only"] == true,
            json["drivers"].clone(),
        )
    };
    let (fresh, _, first) = ask(&["Leak"]);
    assert_eq!(fresh, 0);
    let (again, _, second) = ask(&["Leak"]);
    assert_eq!((again, &second), (5, &first), "all but the broken file");
    // The table of all tags answers for a tag that was never asked, without a look at the files.
    assert!(drivers.who(&["--all", folder]).status.success());
    let (known, code_only, other) = ask(&["Othr"]);
    assert_eq!((known, code_only, other[0]["driver"].as_str()), (5, true, Some("other.sys")));
    // A changed file is read again, a damaged index is as good as none.
    drivers.put("other.sys", &image(Processor::X64, &direct_x64(b"Newr"), TAGGED, false, &[0]));
    assert_eq!(ask(&["Newr"]).2[0]["driver"], "other.sys");
    fs::write(drivers.index(), "nonsense").unwrap();
    assert_eq!(ask(&["Leak"]).0, 0);
    fs::remove_file(drivers.index()).unwrap();
    assert_eq!(ask(&["Leak"]).2, first);
}

#[test]
fn without_drivers_the_index_answers_or_the_remedy_is_told() {
    if cfg!(windows) {
        return;
    }
    let drivers = Drivers::new();
    let output = drivers.who(&["Leak"]);
    assert_eq!(output.status.code(), Some(2));
    let err = text(&output.stderr);
    assert!(err.contains("--drivers DIR") && err.contains("Windows disk"), "{err}");
    drivers.who(&["Leak", "--drivers", drivers.path()]);
    let output = drivers.who(&["Leak"]);
    assert!(text(&output.stdout).contains(" 1  proof.sys"), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("the 5 files in the index"), "{}", text(&output.stderr));
}

#[test]
fn tables_name_the_driver_that_was_found() {
    let drivers = Drivers::new();
    let log = drivers.cache.path().join("snap.log");
    fs::write(&log, " Leak Nonp  10  4  6  600  100\n Zzzz Nonp  10  4  6  600  100\n").unwrap();
    let run = |args: &[&str]| {
        let cache = drivers.cache.path();
        let output = Command::new(POOLMON)
            .args(args)
            .env("XDG_CACHE_HOME", cache)
            .env("LOCALAPPDATA", cache)
            .output()
            .unwrap();
        text(&output.stdout)
    };
    let table = ["top", log.to_str().unwrap(), "--format", "json"];
    assert!(!run(&table).contains("proof.sys"));
    run(&["who", "Leak", "--drivers", drivers.path()]);
    assert!(drivers.cache.path().join("poolmon/drivers.index").is_file());
    let json: serde_json::Value = serde_json::from_str(&run(&table)).unwrap();
    let owner = |row: usize| {
        json["rows"][row]
            .as_object()
            .unwrap()
            .values()
            .find_map(|v| v["name"].as_str().filter(|v| v.contains("proof")))
    };
    assert_eq!(owner(0).map(str::to_owned), Some("proof.sys, LeakyBus.sys".to_owned()));
    assert_eq!(owner(1), None);
    assert!(run(&["tag", "Leak"]).contains("proof.sys uses the tag in a call of a pool function"));
}

#[test]
fn a_mounted_disk_is_recognised() {
    let drivers = Drivers::new();
    let driver = fs::read(drivers.folder.path().join("proof.sys")).unwrap();
    let disk = tempfile::tempdir().unwrap();
    let at = |path: &str| disk.path().join("WINDOWS/System32").join(path);
    for (path, bytes) in [
        ("Drivers/proof.sys", driver.as_slice()),
        ("DriverStore/FileRepository/proof.inf_amd64/proof.sys", driver.as_slice()),
        ("elsewhere.sys", driver.as_slice()),
    ] {
        fs::create_dir_all(at(path).parent().unwrap()).unwrap();
        fs::write(at(path), bytes).unwrap();
    }
    let output = drivers.who(&["Leak", "--drivers", disk.path().to_str().unwrap()]);
    let out = text(&output.stdout);
    assert!(out.contains("Searched: 2 files"), "{out}");
    assert!(out.contains("the same file: ") && out.contains("FileRepository"), "{out}");
}

#[test]
fn a_tag_is_found_as_a_person_spells_it() {
    let drivers = Drivers::new();
    drivers.put("short.sys", &small_driver(*b"rx\0\0"));
    drivers
        .put("untagged.sys", &image(Processor::X64, &direct_x64(b"Leak"), &["ExAllocatePool"], false, &[]));
    for (asked, found) in [
        ("kaeL", "Leak: proof.sys allocates under this tag with ExAllocatePoolWithTag (2 places)"),
        ("LEAK", "Leak: proof.sys allocates under this tag with ExAllocatePoolWithTag (2 places)"),
        ("0x6b61654c", "Leak: proof.sys allocates under this tag with ExAllocatePoolWithTag (2 places)"),
        ("rx", "rx\\x00\\x00: short.sys allocates under this tag with ExAllocatePoolWithTag"),
        ("None", "None: untagged.sys allocates without a tag with ExAllocatePool, which is charged to None"),
    ] {
        let output = drivers.who(&[asked, "--drivers", drivers.path()]);
        assert_eq!(text(&output.stdout).lines().next(), Some(found), "{asked}");
        let said = text(&output.stderr).contains(&format!("no driver uses `{asked}"));
        assert_eq!(said, !["None", "0x6b61654c"].contains(&asked), "{asked}");
    }
}

#[test]
fn charged_tags_say_whom_to_look_at() {
    let drivers = Drivers::new();
    let output = drivers.who(&["Irp", "--drivers", drivers.path()]);
    let out = text(&output.stdout);
    assert!(out.contains("Irp  is allocated by the kernel for the sender of the requests; check"), "{out}");
    assert_eq!(output.status.code(), Some(0), "something is known");
    assert_eq!(drivers.who(&["Zz#9", "--drivers", drivers.path()]).status.code(), Some(1));
}

#[test]
fn what_cannot_be_searched_is_told() {
    let drivers = Drivers::new();
    let reported = |args: &[&str], code: i32, words: &[&str]| {
        let output = drivers.who(args);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {err}");
        for word in words {
            assert!(err.contains(word), "{word:?} is not in: {err}");
        }
    };
    reported(&["Leak", "--drivers", "/no/such/folder"], 1, &["/no/such/folder"]);
    reported(
        &["Leak", "--drivers", drivers.cache.path().to_str().unwrap()],
        1,
        &["no driver", "name another"],
    );
    reported(&["Leak", "--all"], 2, &["--all"]);
    reported(&[], 2, &["TAG"]);
    reported(&["", "--drivers", drivers.path()], 1, &["empty"]);
    // Headers that speak of four gigabytes, in a file that has them.
    let mut bytes = image(Processor::X64, &direct_x64(b"Leak"), TAGGED, false, &[]);
    let section = 0x98 + 240;
    bytes[section + 16..section + 20].copy_from_slice(&u32::MAX.to_le_bytes());
    drivers.put("huge.sys", &bytes);
    let huge = drivers.folder.path().join("huge.sys");
    fs::OpenOptions::new().write(true).open(&huge).unwrap().set_len(4 << 30).unwrap();
    reported(&["Leak", "--drivers", drivers.path()], 0, &["huge.sys: too large", "broken.sys: damaged"]);
}

#[test]
fn an_index_that_cannot_be_written_costs_only_a_line() {
    let drivers = Drivers::new();
    let file = drivers.cache.path().join("file");
    fs::write(&file, "").unwrap();
    let index = file.join("index");
    let args = ["who", "Leak", "--drivers", drivers.path(), "--index", index.to_str().unwrap()];
    let output = poolmon(&args);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("proof.sys"));
    assert!(text(&output.stderr).contains("cannot write the index"), "{}", text(&output.stderr));
}

#[cfg(unix)]
#[test]
fn ctrl_c_shows_what_was_found_so_far() {
    let drivers = Drivers::new();
    // Enough code for several seconds of reading.
    let mut code = vec![0x90_u8; 0x1000 - 0x100];
    code.splice(0..0, direct_x64(b"Leak"));
    let mut bytes = image(Processor::X64, &code, TAGGED, false, &[]);
    // Four sections more over the same code would be cut by the budget: many files are as good.
    bytes.resize(bytes.len() + (8 << 20), 0x90);
    let section = 0x98 + 240;
    let size = u32::try_from(bytes.len() - 0x400).unwrap();
    for at in [section + 8, section + 16] {
        bytes[at..at + 4].copy_from_slice(&size.to_le_bytes());
    }
    for n in 0..64 {
        drivers.put(&format!("long{n:02}.sys"), &bytes);
    }
    let interrupted_after = |millis: u64| {
        let mut child = with_signals(POOLMON)
            .args(["who", "--all", drivers.path(), "--no-index"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(millis));
        assert!(child.try_wait().unwrap().is_none(), "still reading");
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        child.wait_with_output().unwrap()
    };
    // A machine with much to do may not have read the first driver by then.
    let mut output = interrupted_after(700);
    for millis in [2_000, 6_000] {
        if !text(&output.stdout).contains("LeakyBus.sys") {
            output = interrupted_after(millis);
        }
    }
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("interrupted"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("LeakyBus.sys"), "{}", text(&output.stdout));
}

/// The tags of a driver whose source is open, as its own constants have them.
fn true_tags(file: &Path) -> BTreeSet<String> {
    let constants = fs::read_to_string(file).unwrap();
    constants.lines().filter_map(|line| Some(line.split('\'').nth(1)?.chars().rev().collect())).collect()
}

#[test]
fn real_drivers_show_their_tags_and_no_others() {
    let Some(folder) = shared("inputs/drivers") else { return };
    let path = folder.to_str().unwrap();
    let json = json_of(&["who", "--all", path, "--no-index", "--format", "json"]);
    let wanted = true_tags(&folder.join("systeminformer-tags.txt"));
    assert_eq!(wanted.len(), 55);
    let driver = |name: &str| {
        json["drivers"].as_array().unwrap().iter().find(|driver| driver["driver"] == name).unwrap().clone()
    };
    let found: BTreeSet<String> = driver("systeminformer-amd64.sys")["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["tag"].as_str().unwrap().to_owned())
        .collect();
    assert!(found.intersection(&wanted).count() >= 52, "{:?}", wanted.difference(&found));
    assert_eq!(found.difference(&wanted).count(), 0, "{:?}", found.difference(&wanted));

    for (tag, name) in
        [("WDiv", "WinDivert-2.2-x64.sys"), ("PMEM", "winpmem_x64.sys"), ("KpI2", "systeminformer-amd64.sys")]
    {
        let json = json_of(&["who", tag, "--drivers", path, "--no-index", "--format", "json"]);
        assert_eq!(json["drivers"][0]["driver"], name);
        assert_eq!(json["drivers"][0]["standing"], "proven");
    }
    // Tags that look like the kernel's, brought by a static library.
    for tag in ["PpRb", "PpUc", "SeAl", "SeSd", "SeTs"] {
        let json = json_of(&["who", tag, "--drivers", path, "--no-index", "--format", "json"]);
        assert_eq!(json["drivers"][0]["standing"], "library", "{tag}");
        let out = crate::stdout_of(&["who", tag, "--drivers", path, "--no-index"]);
        assert!(out.contains("static library wdmsec.lib"), "{out}");
    }
    // The framework's tag for a driver that names none, by its name.
    let out = crate::stdout_of(&["who", "WinD", "--drivers", path, "--no-index"]);
    assert!(out.contains("the framework's default tag"), "{out}");
}

#[test]
fn offsets_are_where_the_tag_is() {
    let drivers = Drivers::new();
    let json = json_of(&["who", "Leak", "--drivers", drivers.path(), "--no-index", "--format", "json"]);
    for driver in json["drivers"].as_array().unwrap() {
        let bytes = fs::read(driver["path"].as_str().unwrap()).unwrap();
        for row in driver["evidence"].as_array().unwrap() {
            let at = usize::try_from(row["offset"].as_u64().unwrap()).unwrap();
            assert_eq!(&bytes[at..at + 4], b"Leak");
            if row["kind"] == "call" {
                assert_eq!(row["rva"].as_u64().unwrap(), at as u64 - 0x400 + u64::from(TEXT));
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn caches_and_callers_of_linux() {
    let out = crate::stdout_of(&["who", "dentry", "--no-index"]);
    assert!(out.contains("vfs"), "{out}");
    let out = crate::stdout_of(&["who", "net/core/sock.c:2081", "--no-index"]);
    assert!(out.contains("net: "), "{out}");
    let nobody =
        crate::poolmon(&["who", "nonsense_cache", "--no-index", "--drivers", env!("CARGO_MANIFEST_DIR")]);
    assert_eq!(nobody.status.code(), Some(1));
    let Some(kernel) = poolmon_testkit::debian_kernel() else { return };
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("new/modules.index");
    for from_index in [false, true] {
        let args = ["who", "nf_conntrack", "--format", "json", "--drivers", kernel.to_str().unwrap()];
        let args = [&args[..], &["--index", index.to_str().unwrap()]].concat();
        let json = crate::json_of(&args);
        assert_eq!(json["creators"][0]["owner"], "nf_conntrack", "{json}");
        assert_eq!(json["creators"][0]["confidence"], "certain");
        assert!(index.is_file(), "kept for the next question; from it: {from_index}");
    }
}

#[test]
fn the_next_commands_for_a_tag() {
    let out = crate::stdout_of(&["who", "Test", "--next"]);
    insta::assert_snapshot!("who_next", out);
    let json = json_of(&["who", "some_cache", "--next", "--format", "json"]);
    let commands = json["commands"].as_array().unwrap();
    assert!(commands.iter().any(|next| next["command"] == "slub_debug=U,some_cache"), "{json}");
}
