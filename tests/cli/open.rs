//! `poolmon PATH…`: the command that fits is chosen by what the paths hold, and said.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use poolmon_synth::dump::{Arch, Form};
use poolmon_testkit::shared;

use crate::{POOLMON, dump, leaks, poolmon, text, who};

/// A snapshot of PoolMon with one tag.
fn snapshot(held: u32) -> String {
    format!(
        " Tag  Type     Allocs            Frees               Diff            Bytes                 Per Alloc\n\n \
         Leak Nonp {held:>18} {:>18} {held:>17} {:>14} {:>16}        \n\n",
        0,
        held * 100,
        100
    )
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Runs `poolmon` in the folder.
    fn run(&self, args: &[&str], input: Option<&str>) -> (Option<i32>, String, String) {
        let mut child = Command::new(POOLMON)
            .args(args)
            .current_dir(self.0.path())
            .env("TZ", "UTC")
            .env("XDG_CACHE_HOME", self.0.path().join("cache"))
            .env("LOCALAPPDATA", self.0.path().join("cache"))
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if let Some(input) = input {
            child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        }
        let output = child.wait_with_output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }
}

#[test]
fn each_kind_of_file_is_opened_by_the_command_that_fits() {
    let folder = Folder::new();
    folder.file("one.log", snapshot(10));
    folder.file("two.log", snapshot(10) + &snapshot(20));
    folder.file("b.log", snapshot(30));
    folder.file("driver.sys", who::small_driver(*b"Leak"));
    folder.file("top", snapshot(10));
    folder.file("two words.log", snapshot(10));
    fs::create_dir_all(folder.0.path().join("store/a.inf_amd64")).unwrap();
    folder.file("store/a.inf_amd64/a.sys", who::small_driver(*b"Leak"));
    fs::create_dir(folder.0.path().join("logs")).unwrap();
    folder.file("logs/a.log", snapshot(10));
    folder.file("logs/b.log", snapshot(20));
    leaks::record(&folder.0.path().join("recording"), true);
    dump::machine(Arch::Amd64, 19_041).write(Form::Full, &folder.0.path().join("MEMORY.DMP")).unwrap();
    for (args, running) in [
        (&["one.log"][..], "one.log: a PoolMon log with one sample; running: poolmon top one.log"),
        (&["two words.log"], "running: poolmon top 'two words.log'"),
        (&["./top"], "running: poolmon top ./top"),
        (&["one.log", "--format", "json"], "running: poolmon top one.log --format json"),
        (&["--pool", "nonpaged", "one.log"], "running: poolmon top one.log --pool nonpaged"),
        (&["-b", "one.log"], "running: poolmon top one.log --sort=bytes"),
        (&["two.log"], "two.log: a PoolMon log with several samples; running: poolmon leaks two.log"),
        (&["logs"], "running: poolmon leaks logs"),
        (&["one.log", "b.log"], "running: poolmon diff one.log b.log"),
        (&["one.log", "b.log", "two.log"], "running: poolmon leaks one.log b.log two.log"),
        (&["recording"], "recording: a recording; running: poolmon leaks recording"),
        (&["MEMORY.DMP"], "MEMORY.DMP: a memory dump; running: poolmon dump MEMORY.DMP"),
        (&["driver.sys"], "driver.sys: drivers or modules; running: poolmon who --all driver.sys"),
        (&["store"], "running: poolmon who --all store"),
        (&["driver.sys", "store"], "running: poolmon who --all driver.sys --drivers store"),
    ] {
        let (code, out, err) = folder.run(args, None);
        let expected = if cfg!(windows) { running.replace('\'', "\"") } else { running.to_owned() };
        assert!(err.contains(&expected), "{args:?}: {err}");
        assert!(code == Some(0) && !out.is_empty(), "{args:?}: {code:?}\n{out}{err}");
    }
    let (_, _, err) = folder.run(&["recording"], None);
    assert!(err.contains("to see it on the screen: poolmon replay recording"), "{err}");
    let (_, out, err) = folder.run(&["recording", "--quiet"], None);
    assert!(out.contains("Leak") && err.is_empty(), "{err}");
}

#[test]
fn a_pipe_is_opened_too_and_nothing_of_it_is_lost() {
    let folder = Folder::new();
    let (code, out, err) = folder.run(&["-"], Some(&snapshot(10)));
    assert!(err.contains("standard input: a PoolMon log with one sample; running: poolmon top -"), "{err}");
    assert!(code == Some(0) && out.contains("Leak"), "{out}");
    // What wrote it found nothing: no reason to show this machine instead.
    if cfg!(unix) {
        let (code, out, err) = folder.run(&[], Some(""));
        assert!(
            code != Some(0) && out.is_empty() && err.contains("the file is empty"),
            "{code:?} {out}{err}"
        );
    }
    // More than what is looked at to choose.
    let many: String = (1..3000).map(snapshot).collect();
    let (code, out, err) = folder.run(&["-", "--format", "json"], Some(&many));
    assert!(err.contains("running: poolmon leaks - --format json"), "{err}");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["samples"]), (Some(0), &serde_json::Value::from(2999)), "{err}");
}

#[test]
fn what_cannot_be_opened_is_named_with_what_can() {
    let folder = Folder::new();
    folder.file("mail.txt", "Dear all,\nthe server is slow.\n");
    folder.file("empty.log", "");
    folder.file("program", fs::read("/bin/ls").unwrap_or_else(|_| b"MZ\0\0".to_vec()));
    folder.file("screen.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0");
    folder.file("tags.txt", "rem\nTst1 - a.sys - First\nTst2 - b.sys - Second\nTst3 - c.sys - Third\n");
    folder.file("one.log", snapshot(10));
    folder.file("driver.sys", who::small_driver(*b"Leak"));
    for (args, words) in [
        (
            &["mail.txt"][..],
            &["mail.txt: ", "no row of a pool table", "Windows: ", "PoolMon log", "both: recording"][..],
        ),
        (&["empty.log"], &["empty.log", "empty"]),
        (&["program"], &["this is a program, not a log"]),
        (&["screen.png"], &["this is a picture (PNG)"]),
        (&["tags.txt"], &["this is a pooltag.txt", "--pooltag"]),
        (&["absent.log"], &["absent.log: there is no such file or folder", "poolmon --help"]),
        (&["one.log", "driver.sys"], &["others hold samples"]),
    ] {
        let (code, out, err) = folder.run(args, None);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{args:?}: {err}");
        for word in words {
            assert!(err.contains(word), "{args:?}: {word} is not in:\n{err}");
        }
    }
    let (code, _, err) = folder.run(&["recrod"], None);
    assert_eq!(code, Some(2), "a mistyped command is a wrong argument");
    assert!(err.contains("no such command") && err.contains("type: poolmon record"), "{err}");
    let (code, _, err) = folder.run(&["one.log", "--frobnicate"], None);
    assert!(code == Some(2) && err.contains("--frobnicate"), "{err}");
}

/// What `poolmon FILE` says of each file that people hold: the exit code, the command, how many lines the answer has and, of a table,
/// its first row (their files stay where they are); then what is on standard error.
#[test]
fn every_sample_beside_the_project_is_opened_sensibly() {
    let (Some(samples), Some(inputs)) = (shared("samples"), shared("inputs")) else { return };
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = vec![samples.clone(), inputs.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() { folders.push(entry) } else { files.push(entry) }
        }
    }
    files.sort();
    let mut summary = String::new();
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let output = poolmon(&[file.to_str().unwrap()]);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        let err = err.replace(file.to_str().unwrap(), name);
        let command = err.split("running: poolmon ").nth(1).and_then(|rest| rest.split_whitespace().next());
        let _ = write!(summary, "{name}: exit {}", output.status.code().unwrap());
        if let Some(command) = command {
            let _ = write!(
                summary,
                ", {command}, {}",
                poolmon_model::units::counted(out.lines().count() as u64, "line")
            );
        }
        if command == Some("top") {
            let mut words = out.lines().nth(1).unwrap_or_default().split_whitespace();
            let _ =
                write!(summary, ", first {} {}", words.next().unwrap_or("-"), words.next().unwrap_or("-"));
        }
        summary.push('\n');
        for line in err.lines() {
            // What is said of people's own files is ours up to their words.
            let line = line.split('`').next().unwrap_or_default().trim_end();
            let _ = writeln!(summary, "    {}", line.chars().take(150).collect::<String>());
        }
    }
    insta::assert_snapshot!(summary);
    let output = poolmon(&[inputs.join("drivers").to_str().unwrap()]);
    assert!(text(&output.stderr).contains("running: poolmon who --all"));
}

#[test]
fn a_folder_of_several_formats_is_not_named_after_the_first() {
    let folder = Folder::new();
    fs::create_dir(folder.0.path().join("case")).unwrap();
    folder.file("case/a.log", snapshot(10));
    folder.file("case/b.csv", "Time,Tag,Type,Bytes\n2026-03-01 10:00:00,Leak,Nonp,2000\n");
    let (_, _, err) = folder.run(&["case"], None);
    assert!(
        err.contains("case: files of several formats with several samples; running: poolmon leaks case"),
        "{err}"
    );
}

/// Of what is zipped, dumps and logs are read; the rest is named with what helps.
#[test]
fn a_zipped_trace_is_no_dump() {
    let folder = Folder::new();
    let zip = [&b"PK\x03\x04\x14\0\0\0\0\0"[..], &[0; 16], &[8, 0, 0, 0], b"pool.etl", &[0; 40]].concat();
    folder.file("pool.etl.zip", zip);
    let (code, _, err) = folder.run(&["pool.etl.zip"], None);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("pool.etl.zip/pool.etl") && err.contains("unzip pool.etl.zip"), "{err}");
}
