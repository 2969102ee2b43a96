//! `poolmon trace`: saved traces, read on any system, and what a trace is refused for. Traces of a real kernel are in
//! `tests/kernel/trace.rs`.

use std::fs;

use poolmon_trace::file::Writer;
use poolmon_trace::{About, Ending, Engine, Event, Growth, Kind, Limits, Symbol};

use crate::{json_of, poolmon, stdout_of, text};

/// A saved trace: `take` of a module keeps 800 objects in 8 s, `turn` keeps none.
pub fn saved() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.ptrace");
    let about = About { target: "leaky_item".into(), host: Some("srv1".into()), ..About::default() };
    let mut writer = Writer::new(fs::File::create(&path).unwrap(), &about).unwrap();
    let mut engine = Engine::new(Limits::default());
    let (take, turn) =
        (engine.stacks_mut().intern(&[0x1000, 0x2000]), engine.stacks_mut().intern(&[0x1000, 0x3000]));
    for n in 0..800_u64 {
        let time = n * 10_000_000;
        for (address, stack) in [(0x10_0000 + n * 64, take), (0x500, turn)] {
            let kind = Kind::Alloc { address, bytes: 64, requested: 60, stack, task: 9 };
            engine.push(Event { time, cpu: 0, kind });
        }
        engine.push(Event { time: time + 1, cpu: 0, kind: Kind::Free { address: 0x500 } });
    }
    let end = 8_000_000_000;
    engine.settle_with(end, |stacks, event| writer.event(stacks, event).unwrap());
    let symbol = |address, function: &str, module: Option<&str>| {
        (address, Symbol { function: Some(function.into()), module: module.map(Into::into), offset: 4 })
    };
    let ending = Ending {
        end,
        growth: Some(Growth { objects: 800, bytes: 51_200, exact: true, within: 0 }),
        tasks: vec![(9, "taker".into())],
        symbols: vec![
            symbol(0x1000, "kmem_cache_alloc", None),
            symbol(0x2000, "take", Some("leakmod")),
            symbol(0x3000, "turn", None),
        ],
        ..Ending::default()
    };
    writer.finish(engine.stacks(), &ending).unwrap();
    let name = path.to_str().unwrap().to_owned();
    (folder, name)
}

#[test]
fn a_saved_trace_is_read_in_every_form() {
    let (folder, path) = saved();
    let words = stdout_of(&["trace", &path]);
    for part in [
        "leaky_item on srv1: 8 s, 1,600 allocations, 800 frees",
        "explain 50.0 KiB in 800 objects (100 %)",
        "1 owner keeps growing",
        "take [leakmod]: 800 objects",
        "> take+0x4 [leakmod]",
        "taker (9) 800",
        "modinfo leakmod",
    ] {
        assert!(words.contains(part), "{part:?} is not in:\n{words}");
    }
    assert_eq!(stdout_of(&["trace", &path, "--folded"]), "take [leakmod];kmem_cache_alloc 51200\n");
    let json = json_of(&["trace", &path, "--format", "json"]);
    assert_eq!((&json["owners"][0]["owner"], &json["explained"]), (&"take".into(), &1.0.into()));
    let svg = folder.path().join("flame.svg");
    let output = poolmon(&["trace", &path, "--fail-on", "leak", "--svg", svg.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    assert!(fs::read_to_string(svg).unwrap().contains("take [leakmod]: 50.0 KiB (100.0 %)"));
}

#[test]
fn a_cut_trace_is_read_up_to_its_damage_and_other_files_are_refused() {
    let (folder, path) = saved();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 20]).unwrap();
    let output = poolmon(&["trace", &path]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && out.contains("800 objects"), "{out}{err}");
    assert!(err.contains("the file is cut here") && out.contains("ended early"), "{out}{err}");
    let other = folder.path().join("notes.txt");
    fs::write(&other, "hello").unwrap();
    let output = poolmon(&["trace", other.to_str().unwrap()]);
    let err = text(&output.stderr);
    assert!(
        output.status.code() == Some(1) && err.contains("this is not a trace") && err.contains("--save FILE"),
        "{err}"
    );
}

/// Neither a minute of tracing nor an answer is lost to a drawing that cannot be written: that is said at once.
#[test]
fn a_drawing_that_cannot_be_written_is_refused_before_the_trace() {
    let output = poolmon(&["trace", "filp", "--for", "10min", "--svg", "/no/such/folder/x.svg"]);
    let err = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("cannot write /no/such/folder/x.svg"), "{err}");
}

/// What the options mean, and what they exclude.
#[test]
fn memory_outside_of_caches_is_asked_for_by_option_or_name() {
    for arguments in [&["trace"][..], &["trace", "filp", "--pages"], &["trace", "--pages", "--percpu"]] {
        let output = poolmon(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
    }
}

/// A kernel without such a cache, or a system without live tracing: the answer says what to do.
#[test]
fn what_is_neither_cache_nor_file_has_a_remedy() {
    let output = poolmon(&["trace", "no_such_cache"]);
    let err = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("no_such_cache"), "{err}");
    assert!(err.lines().count() >= 2, "no remedy: {err}");
}

/// A file that is not there is a file, not a cache; two tags of one are refused.
#[test]
fn a_file_that_is_missing_is_named() {
    for name in ["missing.etl", "missing.ptrace", "no/such/missing.etl"] {
        let output = poolmon(&["trace", name]);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(err.contains(&format!("cannot open {name}")) && err.contains("check the path"), "{err}");
    }
    let (_folder, path) = saved();
    let output = poolmon(&["trace", &path, "One", "Two"]);
    let err = text(&output.stderr);
    assert!(output.status.code() == Some(1) && err.contains("one tag are shown at a time"), "{err}");
}
