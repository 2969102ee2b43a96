//! A kernel module that leaks on purpose (`tests/vm/module/`): what poolmon says is compared with what the module
//! counts itself.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::answer::Said;
use crate::{in_guest, program, slabinfo};

/// The module, loaded. Unloading it frees all that it holds.
struct Module;

fn parameter(name: &str) -> PathBuf {
    PathBuf::from("/sys/module/poolmon_leak/parameters").join(name)
}

impl Module {
    /// Changes a rate: objects, or blocks, taken every 100 ms.
    fn set(name: &str, rate: u32) {
        fs::write(parameter(name), rate.to_string()).expect("writable");
    }

    fn load(objects_per_tick: u32, blocks_per_tick: u32) -> Self {
        Self::load_merged(objects_per_tick, blocks_per_tick, 0)
    }

    /// With a cache that the kernel merges with others of this size; 0: it has its own.
    fn load_merged(objects_per_tick: u32, blocks_per_tick: u32, merged_size: u32) -> Self {
        let file = std::env::var_os("POOLMON_MODULE").expect("the guest says where it is");
        let options = [
            ("objects_per_tick", objects_per_tick),
            ("blocks_per_tick", blocks_per_tick),
            ("merged_size", merged_size),
        ];
        let options = options.map(|(name, value)| format!("{name}={value}"));
        let status = Command::new("insmod").arg(file).args(options).status().expect("insmod");
        assert!(status.success(), "{status}");
        Self
    }
}

/// Objects and blocks that the loaded module holds now.
fn held() -> (f64, f64) {
    let read =
        |name| fs::read_to_string(parameter(name)).expect("readable").trim().parse().expect("a number");
    (read("objects"), read("blocks"))
}

impl Drop for Module {
    fn drop(&mut self) {
        let status = Command::new("rmmod").arg("poolmon_leak").status();
        assert!(std::thread::panicking() || status.is_ok_and(|status| status.success()), "it is unloaded");
    }
}

/// The verdicts on this kernel after so many seconds.
fn leaks(seconds: u64) -> Value {
    let output = Command::new(program())
        .args(["leaks", "--for", &format!("{seconds}s"), "--interval", "1s", "--format", "json", "--all"])
        .output()
        .expect("the program starts");
    let out = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

#[test]
fn its_leaks_are_named_with_their_rates() {
    if !in_guest() {
        return;
    }
    let _module = Module::load(10, 5);
    // The first slabs are gone before the watch begins.
    std::thread::sleep(Duration::from_secs(2));
    let (start, before) = (Instant::now(), held());
    let answer = leaks(120);
    let (hours, after) = (start.elapsed().as_secs_f64() / 3600.0, held());
    // Two minutes are too few to be certain.
    let named = |row: &&Value| row["kind"] == "leaking" || row["kind"] == "suspected";
    let leaking: Vec<&Value> =
        answer["verdicts"].as_array().expect("verdicts").iter().filter(named).collect();
    let expected =
        [("leaky_item", (after.0 - before.0) / hours), ("kmalloc-256", (after.1 - before.1) / hours)];
    assert_eq!(
        leaking.first().map(|row| &row["tag"]),
        Some(&Value::from("leaky_item")),
        "the larger one first"
    );
    for (tag, objects) in expected {
        let row =
            leaking.iter().find(|row| row["tag"] == tag).unwrap_or_else(|| panic!("{tag} leaks: {answer:#}"));
        let bytes = objects * slabinfo::bytes_per_object(tag);
        for (unit, truth) in [("allocs", objects), ("bytes", bytes)] {
            let found = row[unit]["per_hour"].as_f64().unwrap_or_else(|| panic!("no rate: {row}"));
            assert!(
                (found / truth - 1.0).abs() < 0.05,
                "{tag}: {found} {unit} an hour, the module took {truth}"
            );
        }
    }
    let others = leaking
        .iter()
        .filter(|row| row["kind"] == "leaking" && !expected.iter().any(|(tag, _)| row["tag"] == *tag));
    assert_eq!(others.count(), 0, "nothing else leaks here: {leaking:?}");
}

/// `poolmon trace` of a cache while the module takes objects for 18 of 20 seconds: it begins and ends within the trace, so that
/// each object counts. The answer, and how many the module took.
fn trace(cache: &str, rate: &str) -> (Value, f64) {
    let child = Command::new(program())
        .args(["trace", cache, "--for", "20s", "--max-load", "100", "--format", "json", "--quiet"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    std::thread::sleep(Duration::from_secs(2));
    let before = held();
    Module::set(rate, 7);
    std::thread::sleep(Duration::from_secs(17));
    Module::set(rate, 0);
    // A round that has begun ends.
    std::thread::sleep(Duration::from_millis(300));
    let after = held();
    let output = child.wait_with_output().expect("the program ends");
    let json = serde_json::from_slice(&output.stdout).expect("valid JSON");
    (json, after.0 - before.0 + after.1 - before.1)
}

/// A path of a kernel thread and one of a timer, each the one owner that is accused, to the object.
#[test]
fn its_paths_are_the_stacks_that_keep() {
    if !in_guest() {
        return;
    }
    let _module = Module::load(0, 0);
    for (cache, rate, function, below) in [
        ("leaky_item", "objects_per_tick", "take_items", "kthread"),
        ("kmalloc-256", "blocks_per_tick", "take_blocks", "timer"),
    ] {
        let (answer, taken) = trace(cache, rate);
        let owners = answer["owners"].as_array().expect("owners");
        let accused: Vec<&Value> = owners.iter().filter(|it| it["verdict"] == "keeps-growing").collect();
        let [owner] = accused[..] else { panic!("{cache}: {answer:#}") };
        println!("{cache}: {} {} of {taken}, {}", owner["owner"], owner["objects"], answer["explained"]);
        assert_eq!(
            (&owner["owner"], &owner["module"]),
            (&function.into(), &"poolmon_leak".into()),
            "{cache}"
        );
        assert_eq!(owner["objects"].as_f64(), Some(taken), "{cache}: {owner:#}");
        assert!(taken > 1_000.0, "{taken}");
        let frames = owner["stacks"][0]["frames"].to_string();
        assert!(frames.contains(below), "{cache}: called from elsewhere: {frames}");
        let explained = answer["explained"].as_f64().expect("a share");
        assert!((0.99..=1.01).contains(&explained), "{cache}: {explained}: {answer:#}");
        assert_eq!(answer["events"]["lost"], 0, "{cache}");
    }
}

/// Stacks of the module are named as its own, whether it was loaded or unloaded during the trace; kallsyms, which is read at the end,
/// has its names in the first case only.
#[test]
fn it_comes_and_goes_while_it_is_traced() {
    if !in_guest() {
        return;
    }
    let begin = || {
        Command::new(program())
            .args(["trace", "kmalloc-256", "--for", "8s", "--max-load", "100", "--format", "json", "--quiet"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts")
    };
    let places = |child: std::process::Child| -> Vec<String> {
        let output = child.wait_with_output().expect("the program ends");
        let json: Value = serde_json::from_slice(&output.stdout).expect("valid JSON");
        let stacks = json["owners"].as_array().expect("owners").iter();
        let stacks = stacks.flat_map(|owner| owner["stacks"].as_array().expect("stacks"));
        let frames = stacks.flat_map(|stack| stack["frames"].as_array().expect("frames"));
        frames.filter_map(|frame| frame["place"].as_str().map(str::to_owned)).collect()
    };
    let child = begin();
    std::thread::sleep(Duration::from_secs(1));
    let module = Module::load(0, 7);
    let loaded = places(child);
    assert!(loaded.iter().any(|place| place.starts_with("take_blocks+")), "{loaded:?}");
    let child = begin();
    std::thread::sleep(Duration::from_secs(4));
    drop(module);
    let unloaded = places(child);
    assert!(unloaded.iter().any(|place| place.starts_with("poolmon_leak+0x")), "{unloaded:?}");
    assert!(!unloaded.iter().any(|place| place.starts_with("take_blocks")), "{unloaded:?}");
}

#[test]
fn its_cache_leads_to_its_file() {
    if !in_guest() {
        return;
    }
    let output = Command::new(program())
        .args(["who", "leaky_item", "--no-index", "--drivers", "/modules"])
        .output()
        .expect("the program starts");
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{out}");
    assert!(out.contains("poolmon_leak") && out.contains("leak_init"), "{out}");
}

#[test]
fn what_is_unloaded_leaks_no_longer() {
    if !in_guest() {
        return;
    }
    drop(Module::load(50, 20));
    std::thread::sleep(Duration::from_secs(2));
    let answer = leaks(60);
    let leaking =
        answer["verdicts"].as_array().expect("verdicts").iter().filter(|row| row["kind"] == "leaking");
    assert_eq!(leaking.count(), 0, "{answer:#}");
}

/// A size of which the kernel has a cache that others may be merged with, of which no process holds objects; and one of its names.
fn mergeable() -> (u32, String) {
    let folder = std::path::Path::new("/sys/kernel/slab");
    let links = fs::read_dir(folder).expect("slabs").flatten().filter_map(|entry| {
        let target = fs::read_link(entry.path()).ok()?.to_str()?.to_owned();
        Some((target, entry.file_name().to_string_lossy().into_owned()))
    });
    let mut groups = std::collections::BTreeMap::<String, Vec<String>>::new();
    for (target, name) in links {
        groups.entry(target).or_default().push(name);
    }
    let unheld = |names: &Vec<String>| {
        let is_linked =
            |name: &String| poolmon_holder::links::find(&poolmon_model::Tag::name(name)).is_some();
        !names.iter().any(|name| is_linked(name) || name.starts_with("kmalloc"))
    };
    let found = groups.into_iter().filter(|(_, names)| unheld(names)).find_map(|(target, names)| {
        // `:0000320`: 320 bytes and no flags.
        let size = target.strip_prefix(':')?.parse().ok()?;
        (200..2000).contains(&size).then(|| (size, names[0].clone()))
    });
    found.expect("a cache that others may be merged with")
}

/// The kernel lists its cache under another one's name; it is the module's all the same, and no process's.
#[test]
fn its_merged_cache_is_named_as_its_own_and_held_by_no_process() {
    if !in_guest() {
        return;
    }
    let (size, other) = mergeable();
    let _module = Module::load_merged(20, 0, size);
    std::thread::sleep(Duration::from_secs(2));
    let target = fs::read_link("/sys/kernel/slab/leaky_item").expect("it is merged");
    let others =
        fs::read_link(std::path::Path::new("/sys/kernel/slab").join(&other)).expect("as is the other");
    assert_eq!(target, others, "{other}");
    for said in Said::live_and_recorded() {
        let row = said.rows.iter().find(|row| row["held_by"]["module"] == "poolmon_leak");
        let row = row.unwrap_or_else(|| panic!("the module is not named: {}", said.text));
        println!("{} bytes, with {other}, listed as {}", size, row["tag"]);
        assert_ne!(row["tag"], "leaky_item", "the kernel lists it under another name");
        assert_eq!(row["held_by"]["cache"], "leaky_item", "{row:#}");
        assert_eq!(row["held_by"]["holders"], Value::Array(Vec::new()), "{row:#}");
        let sentence = row["reasons"][0].as_str().expect("a reason");
        assert!(sentence.starts_with("its growth is held by no process: "), "{sentence}");
        assert!(
            sentence
                .ends_with("; poolmon_leak allocates it: leaky_item was made when that module was loaded"),
            "{sentence}"
        );
        let tag = row["tag"].as_str().expect("a name");
        let title = format!("  leaky_item, listed as {tag} (");
        let [first, second] = said.first("poolmon_leak allocates it");
        println!("{first}\n{second}");
        assert!(first.starts_with(&title), "{}", said.text);
        assert_eq!(second, sentence, "{}", said.text);
    }
}

/// Modules of the system are known by the order of loading, too: each cache is the module's that makes it.
#[test]
fn caches_of_the_file_systems_modules_are_theirs() {
    if !in_guest() {
        return;
    }
    let sys = std::path::Path::new("/sys");
    let merged = poolmon_owner::linux::MergedCaches::read(&sys.join("kernel/slab")).with_makers(sys);
    for (cache, module) in [("ext4_inode_cache", "ext4"), ("jbd2_journal_head", "jbd2")] {
        if !sys.join("module").join(module).join("initstate").exists() {
            println!("{module} is built in here");
            continue;
        }
        // A merged cache may have a name that was made later.
        let own = merged.others(cache).count() == 0;
        assert!(!own || merged.newest(cache) == Some((cache, module)), "{cache}: {:?}", merged.newest(cache));
    }
    assert_eq!(merged.newest("filp"), None, "the kernel's own");
}
