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
    // Its own cache may be named; another trace is no tag.
    assert_eq!(stdout_of(&["trace", &path, "leaky_item"]), stdout_of(&["trace", &path]));
    refused(&["trace", &path, "filp"], "this is a trace of leaky_item, and filp was asked for");
    refused(&["trace", &path, &path], "one trace is read at a time");
}

/// Exit code 1 and nothing on standard output; what was said has this in it.
#[track_caller]
fn refused(args: &[&str], why: &str) {
    let output = poolmon(args);
    let err = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""), "{args:?}: {err}");
    assert!(err.contains(why) && err.lines().count() >= 2, "{args:?}: {err}");
}

/// What is written is neither what is read nor each other, by whatever name; it is refused before anything is written.
#[test]
fn a_trace_is_not_written_over_itself() {
    let (folder, path) = saved();
    let before = fs::read(&path).unwrap();
    let name = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::hard_link(&path, name("hard")).unwrap();
    let mut names = vec![path.clone(), name("hard"), name("./saved.ptrace")];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&path, name("link")).unwrap();
        names.push(name("link"));
    }
    if cfg!(not(unix)) {
        // The system says of no two names there that they are one file: the drawing takes the place of the name alone.
        names.retain(|name| !name.ends_with("hard"));
    }
    for other in &names {
        refused(&["trace", &path, "--svg", other], "--svg would overwrite what is read");
    }
    refused(&["trace", "filp", "--save", &name("w"), "--svg", &name("./w")], "are the same file");
    refused(&["trace", "filp", "--svg", "-"], "standard output has the answer");
    refused(
        &["report", &path, "--trace", &path, "-o", &path, "--format", "html", "--force"],
        "would overwrite what is read",
    );
    let log = name("pool.csv");
    fs::write(&log, "time,tag,pool,bytes\n2026-11-22T10:00:00Z,Leak,nonpaged,640\n").unwrap();
    refused(&["export", &log, "-o", &log, "--force"], "would overwrite what is read");
    assert!(fs::read(&path).unwrap() == before && fs::read_to_string(&log).unwrap().contains("Leak"));
    assert!(!fs::exists(name("w")).unwrap());
}

#[test]
fn options_of_a_live_trace_are_refused_with_a_file() {
    let (_folder, path) = saved();
    for option in [["--save", "x.ptrace"], ["--for", "5s"], ["--max-load", "5"], ["--frames", "5"]] {
        refused(&["trace", &path, option[0], option[1]], &format!("{} is for a live trace", option[0]));
    }
    let output = poolmon(&["trace", &path, "--top", "0"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

/// Whatever is interrupted shows what it has, and says by its exit code that it was interrupted.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_has_its_exit_code_everywhere() {
    use std::process::{Command, Stdio};
    for args in [
        &["leaks", "--for", "10min", "--interval", "100ms"][..],
        &["holders", "--for", "10min"],
        &["top", "--over", "10min"],
        &["report", "--format", "md", "--for", "10min"],
        &["trace", "filp", "--for", "10min", "--max-load", "100"],
    ] {
        let mut command = crate::with_signals(crate::POOLMON);
        let child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2_500));
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        let err = text(&output.stderr);
        // Without rights, there is nothing to interrupt.
        if output.status.code() != Some(1) {
            assert_eq!(output.status.code(), Some(130), "{args:?}: {err}");
            assert!(text(&output.stdout).lines().count() > 2, "{args:?}: {err}");
        }
    }
}
