//! `poolmon trace FILE.etl`, and what `poolmon FILE.etl` does: Windows event traces of every form, and files that are none.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use poolmon_synth::etl::{Arch, Header, Spec, Stacks, build};
use poolmon_testkit::shared;

use crate::{json_of, poolmon, schema, stdout_of, text};

/// A trace of four seconds with a leak of 400 objects of 336 bytes in `leaker.sys`.
pub fn trace(spec: &Spec) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pool.etl");
    fs::write(&path, build(spec).0).unwrap();
    let name = path.to_str().unwrap().to_owned();
    (folder, name)
}

#[test]
fn a_trace_lists_its_tags_and_the_next_command_gives_the_stacks() {
    let (_folder, path) = trace(&Spec::default());
    let words = stdout_of(&["trace", &path]);
    insta::assert_snapshot!("etl_tags", words.replace(&path, "pool.etl"));
    assert_eq!(stdout_of(&[&path]), words, "the command can be left out");
    let command = words.lines().last().unwrap().split("poolmon ").nth(1).unwrap();
    let stacks = stdout_of(&command.split(' ').collect::<Vec<_>>());
    insta::assert_snapshot!("etl_stacks", stacks);
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/trace.md");
    let guide = fs::read_to_string(guide).unwrap().replace("\r\n", "\n");
    for (args, answer) in [("", words.replace(&path, "pool.etl")), (" Leak", stacks)] {
        let block = format!("```console\n$ poolmon trace pool.etl{args}\n{answer}```\n");
        assert!(guide.contains(&block), "docs/guide/trace.md does not have:\n{block}");
    }
}

#[test]
fn the_leak_is_found_to_the_unit_in_every_form() {
    for (arch, header, stacks, compressed) in [
        (Arch::X64, Header::System, Stacks::Keys, true),
        (Arch::X64, Header::Compact, Stacks::Inline, false),
        (Arch::X86, Header::Perfinfo, Stacks::Keys, true),
        (Arch::X86, Header::Full, Stacks::Inline, true),
        (Arch::X64, Header::Instance, Stacks::Keys, false),
        (Arch::X64, Header::Event, Stacks::Items, true),
    ] {
        let spec = Spec { arch, header, stacks, compressed, ..Spec::default() };
        let (folder, path) = trace(&spec);
        let json = json_of(&["trace", &path, "Leak", "--format", "json"]);
        assert_eq!(schema::check(&json), "poolmon.trace/1");
        let owner = &json["owners"][0];
        assert_eq!((&owner["owner"], &owner["company"]), (&"leaker.sys".into(), &"Example Ltd.".into()));
        let stack = &owner["stacks"][0];
        assert_eq!((&stack["objects"], &stack["bytes"]), (&400.into(), &(400 * 336).into()), "{spec:?}");
        assert_eq!(stack["frames"][1]["place"], "leaker.sys+0x1514", "{spec:?}");

        let tags = json_of(&["trace", &path, "--format", "json"]);
        assert_eq!(schema::check(&tags), "poolmon.trace.tags/1");
        assert_eq!(
            (&tags["tags"][0]["tag"], &tags["tags"][0]["verdict"]),
            (&"Leak".into(), &"keeps-growing".into())
        );

        let svg = folder.path().join("leak.svg");
        let args = ["trace", &path, "Leak", "--folded", "--fail-on", "leak", "--svg", svg.to_str().unwrap()];
        let output = poolmon(&args);
        assert_eq!(output.status.code(), Some(3), "{spec:?}");
        let lines = text(&output.stdout);
        assert!(
            lines.lines().any(|line| line.contains("leaker.sys") && line.ends_with(" 134400")),
            "{lines}"
        );
        assert!(fs::read_to_string(svg).unwrap().contains("leaker.sys"));
    }
}

#[test]
fn all_tags_together_if_a_drawing_is_wanted() {
    let (_folder, path) = trace(&Spec::default());
    let all = stdout_of(&["trace", &path, "--folded"]);
    assert_eq!(all, stdout_of(&["trace", &path, "*", "--folded"]));
    assert!(all.contains("win32k.sys") && all.contains("leaker.sys"), "{all}");
}

/// What has nothing to show says why, and names a command that records what is missing.
#[test]
fn a_trace_without_pool_events_or_stacks_says_how_to_record_them() {
    let (_folder, bare) = trace(&Spec { stacks: Stacks::None, ..Spec::default() });
    let words = stdout_of(&["trace", &bare]);
    assert!(words.contains("no allocation has a stack: record with: xperf"), "{words}");
    assert!(words.contains("Leak"), "the tags are there all the same: {words}");
    let (_folder, none) = trace(&Spec { rounds: 0, ..Spec::default() });
    let err = failed(&["trace", &none]);
    for part in ["the trace has no pool events; it has 8 images", "wpr -start Pool -filemode", "xperf -on"] {
        assert!(err.contains(part), "{part} is not in:\n{err}");
    }
    let (_folder, path) = trace(&Spec::default());
    let err = failed(&["trace", &path, "Nope"]);
    assert!(err.contains("no events of tag Nope") && err.contains("Leak, Usti, Othr"), "{err}");
}

/// Fails with exit code 1 and nothing on standard output; what it says.
#[track_caller]
fn failed(args: &[&str]) -> String {
    let output = poolmon(args);
    let err = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""), "{args:?}: {err}");
    assert!(err.lines().count() >= 2, "{args:?}: no remedy: {err}");
    err
}

#[test]
fn what_is_empty_cut_or_another_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (bytes, _) = build(&Spec::default());
    for (name, bytes, parts) in [
        ("empty.etl", &b""[..], ["the file is empty", "name a Windows event trace"]),
        ("cut.etl", &bytes[..200], ["at file offset 0x48", "copy the trace again"]),
        ("text.etl", b"hello\n", ["this is not a trace", "--save FILE"]),
        ("zip.etl", b"PK\x03\x04\0\0\0\0\0\0\0\0", ["compressed (zip)", "unpack it"]),
        ("table.csv", b"tag,pool,bytes\nLeak,nonpaged,640\n", ["not a trace", "open it as that: poolmon "]),
        ("zero.etl", &[0; 8_192], ["not a trace", ""]),
    ] {
        let err = failed(&["trace", &file(name, bytes)]);
        assert!(parts.iter().all(|part| err.contains(part)), "{name}: {parts:?}: {err}");
    }
    let err = failed(&["trace", folder.path().to_str().unwrap(), "Leak"]);
    assert!(err.contains("not a trace"), "{err}");
    let err = failed(&["trace", "absent.etl", "Leak"]);
    assert!(err.contains("absent.etl"), "{err}");
    // A trace that ends early is read as far as it goes, and says so.
    let half = stdout_of(&["trace", &file("half.etl", &bytes[..bytes.len() / 2 + 100]), "Leak"]);
    assert!(
        half.contains("leaker.sys") && half.contains("could not be read, the first at file offset 0x"),
        "{half}"
    );
    // Commands that need samples name the one that reads traces.
    let err = failed(&["top", &file("pool.etl", &bytes)]);
    assert!(err.contains("Windows event trace") && err.contains("poolmon trace "), "{err}");
}

/// A file that is huge on paper: what is empty is skipped in big steps, and it ends.
#[test]
fn a_huge_sparse_file_ends() {
    let (folder, path) = trace(&Spec { buffer_bytes: 1_024, ..Spec::default() });
    File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    let words = stdout_of(&["trace", &path, "Leak"]);
    assert!(words.contains("leaker.sys (Example Ltd. 1.4.2.0)"), "{words}");
    assert!(words.contains("no buffer of a trace, as far as they were looked at"), "{words}");
    let empty = folder.path().join("empty.etl");
    File::create(&empty).unwrap().set_len(1 << 40).unwrap();
    let err = failed(&["trace", empty.to_str().unwrap()]);
    assert!(err.contains("not a trace"), "{err}");
}

#[test]
fn a_pipe_is_read_too() {
    let (folder, path) = trace(&Spec::default());
    let expected = stdout_of(&["trace", &path, "Leak"]);
    for args in [&["trace", "-", "Leak"][..], &["-"], &["trace", "-", "--format", "json"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_poolmon"))
            .args(args)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&fs::read(&path).unwrap()).unwrap();
        let output = child.wait_with_output().unwrap();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{args:?}: {err}");
        assert!(out.contains("Leak") && out.contains("leaker.sys"), "{args:?}: {out}");
        assert!(args.len() != 3 || args[2] != "Leak" || out == expected, "{out}");
    }
}

/// Real traces have no pool events: they are read, and what is missing is named.
#[test]
fn real_traces_are_read_and_say_what_they_hold() {
    let files: Vec<PathBuf> = ["ShutdownPerfDiagLogger.etl", "lxcore_kernel.etl"]
        .iter()
        .filter_map(|name| shared(&format!("inputs/etl/{name}")))
        .collect();
    for file in files {
        let err = failed(&["trace", file.to_str().unwrap()]);
        assert!(err.contains("the trace has no pool events; it has "), "{err}");
        assert!(err.contains("wpr -start Pool"), "{err}");
    }
}
