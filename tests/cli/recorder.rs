//! `poolmon record` on this machine's own kernel: how it ends, what it survives, what others may do meanwhile.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::kernel::kernel_memory_is_readable;
use crate::screen::Terminal;
use crate::{POOLMON, json_of, poolmon, stdout_of, text, with_signals};
use poolmon_testkit::{Need, skip};

/// A recorder in a process of its own, ended with the test.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Running {
    fn start(folder: &Path, more: &[&str]) -> Self {
        let mut child = with_signals(POOLMON)
            .args(["record", "--interval", "100ms", path(folder)])
            .args(more)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr, said: String::new() }
    }

    /// Reads what it says until a line has these words.
    #[track_caller]
    fn wait_for(&mut self, words: &str) {
        let from = self.said.len();
        while !self.said[from..].contains(words) {
            let read = self.stderr.read_line(&mut self.said).unwrap();
            assert!(read > 0, "it ended without saying `{words}`:\n{}", self.said);
        }
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Ends it with a signal; its exit code and all that it said.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        while self.stderr.read_line(&mut self.said).unwrap() > 0 {}
        (self.child.wait().unwrap().code(), std::mem::take(&mut self.said))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder for a recording, where this kernel can be read.
fn folder() -> Option<(TempDir, PathBuf)> {
    if !kernel_memory_is_readable() {
        return None;
    }
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("rec");
    Some((temp, folder))
}

fn info(folder: &Path) -> Value {
    json_of(&["info", "--format", "json", path(folder)])
}

/// Waits until so many samples are recorded.
fn wait_for_samples(folder: &Path, wanted: u64) {
    let patience = Instant::now() + Duration::from_mins(1);
    loop {
        let out = poolmon(&["info", "--format", "json", path(folder)]);
        let samples =
            serde_json::from_slice::<Value>(&out.stdout).ok().and_then(|info| info["samples"].as_u64());
        if samples.is_some_and(|samples| samples >= wanted) {
            return;
        }
        assert!(Instant::now() < patience, "{samples:?} samples; {}", text(&out.stderr));
        thread::sleep(Duration::from_millis(50));
    }
}

fn kinds(info: &Value) -> Vec<&str> {
    info["marks"].as_array().unwrap().iter().map(|mark| mark["kind"].as_str().unwrap()).collect()
}

#[test]
fn for_a_time_and_then_it_ends() {
    let Some((_temp, folder)) = folder() else { return };
    let out = poolmon(&["record", path(&folder), "--interval", "100ms", "--for", "1s"]);
    let said = text(&out.stderr);
    assert!(out.status.success() && out.stdout.is_empty(), "{said}");
    assert!(said.contains(" every 100 ms to ") && said.contains("poolmon: recorded "), "{said}");
    assert_eq!(said.lines().count(), 2, "no status line where there is no terminal: {said}");
    let info = info(&folder);
    let samples = info["samples"].as_u64().unwrap();
    assert!((2..=11).contains(&samples), "{samples}");
    assert_eq!((&info["sources"][0], &info["counter_bits"]), (&"linux".into(), &64.into()));
    assert!(info["hosts"][0].is_string() && info["boots"][0].is_string());
    assert!(stdout_of(&["verify", path(&folder)]).contains(&format!("{samples} samples: intact")));

    let out = poolmon(&["record", path(&folder), "--interval", "100ms", "--for", "300ms", "--quiet"]);
    assert!(out.status.success() && out.stderr.is_empty(), "{}", text(&out.stderr));
    let info = self::info(&folder);
    assert_eq!(info["segments"], 2, "a recording is continued");
    assert_eq!(kinds(&info), ["stopped"]);
}

#[test]
fn ctrl_c_and_sigterm_end_it_cleanly() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let Some((_temp, folder)) = folder() else { return };
        let mut recorder = Running::start(&folder, &[]);
        recorder.wait_for("recording ");
        wait_for_samples(&folder, 3);
        let (code, said) = recorder.end(signal);
        assert_eq!(code, Some(0), "{signal}: {said}");
        assert!(said.contains("poolmon: recorded "), "{said}");
        let verified = stdout_of(&["verify", path(&folder)]);
        assert!(verified.contains(": intact") && !verified.contains("not closed"), "{verified}");
    }
}

#[test]
fn what_nohup_ignores_stays_ignored() {
    let Some((_temp, folder)) = folder() else { return };
    let line = format!("trap '' HUP; exec {POOLMON} record --interval 100ms {}", path(&folder));
    let mut child = with_signals("sh").args(["-c", &line]).stderr(Stdio::piped()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let mut recorder = Running { child, stderr, said: String::new() };
    recorder.wait_for("recording ");
    wait_for_samples(&folder, 1);
    recorder.signal("-HUP");
    let before = info(&folder)["samples"].as_u64().unwrap();
    wait_for_samples(&folder, before + 3);
    assert_eq!(recorder.end("-INT").0, Some(0));
}

#[test]
fn notes_are_taken_up_and_a_second_recorder_is_refused() {
    let Some((_temp, folder)) = folder() else { return };
    let mut recorder = Running::start(&folder, &[]);
    recorder.wait_for("recording ");
    wait_for_samples(&folder, 1);
    stdout_of(&["note", path(&folder), "installed", "a driver"]);
    assert_eq!(info(&folder)["marks"][0]["text"], "installed a driver", "reported at once");
    assert_eq!(info(&folder)["recording_now"], true);
    let second = poolmon(&["record", path(&folder), "--for", "1s"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second.stderr).contains("another recorder is writing here"), "{}", text(&second.stderr));
    assert_eq!(recorder.end("-INT").0, Some(0));
    let marks = stdout_of(&["export", path(&folder), "--format", "marks-csv"]);
    assert_eq!(marks.lines().nth(1).unwrap().split(',').next_back(), Some("installed a driver"), "{marks}");
    let waiting = fs::read_dir(&folder).unwrap().flatten();
    assert_eq!(waiting.filter(|file| file.file_name().to_string_lossy().starts_with("note-")).count(), 0);
    let text = stdout_of(&["info", path(&folder)]);
    assert!(text.contains("installed a driver") && text.contains("Notes     1"), "{text}");
    let none = poolmon(&["note", path(&folder.join("none")), "x"]);
    assert_eq!(none.status.code(), Some(1));
    assert_eq!(poolmon(&["note", path(&folder)]).status.code(), Some(2));
    assert_eq!(poolmon(&["note", path(&folder), "--at", "soon", "x"]).status.code(), Some(1));
}

#[test]
fn a_killed_recorder_loses_nothing_that_was_written() {
    let Some((_temp, folder)) = folder() else { return };
    let mut recorder = Running::start(&folder, &[]);
    recorder.wait_for("recording ");
    wait_for_samples(&folder, 5);
    let (code, _) = recorder.end("-KILL");
    assert_eq!(code, None);
    let before = info(&folder)["samples"].as_u64().unwrap();
    assert!(before >= 5);
    let out = poolmon(&["record", path(&folder), "--interval", "100ms", "--for", "200ms"]);
    let said = text(&out.stderr);
    assert!(
        said.contains(&format!(
            "was not closed: the previous recorder was interrupted (crash, kill, power loss); {before} samples \
                were kept"
        )),
        "{said}"
    );
    let info = info(&folder);
    assert!(info["samples"].as_u64().unwrap() > before);
    let mut kinds = kinds(&info);
    // A busy machine is late with some of the samples, and the recording says so.
    kinds.retain(|kind| *kind != "late");
    assert_eq!(kinds, ["stopped"]);
    assert!(stdout_of(&["verify", path(&folder)]).contains(": intact"));
}

#[test]
fn one_damaged_byte_is_found() {
    let Some((_temp, folder)) = folder() else { return };
    stdout_of(&["record", path(&folder), "--interval", "100ms", "--for", "1s", "--quiet"]);
    let segment = fs::read_dir(&folder).unwrap().flatten().map(|file| file.path());
    let segment = segment.into_iter().find(|file| file.extension().is_some_and(|end| end == "plog")).unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.len() / 3;
    bytes[at] ^= 0x10;
    fs::write(&segment, &bytes).unwrap();
    let out = poolmon(&["verify", path(&folder)]);
    let said = text(&out.stdout);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("DAMAGED\n  offset 0x") && said.contains("1 of 1 segment damaged"), "{said}");
    let place = said.split("offset 0x").nth(1).unwrap().split([' ', ':']).next().unwrap();
    let place = usize::from_str_radix(place, 16).unwrap();
    assert!(place <= at && at - place < bytes.len() / 2, "damage at {at:#x}: {said}");
}

/// A file system of one megabyte; `None`, with a line that says so, where it cannot be mounted.
struct Tiny(TempDir);

impl Tiny {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let args = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", path(folder.path())];
        let mounted = Command::new("mount").args(args).stderr(Stdio::null()).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        skip(Need::Root, "a small file system cannot be mounted here (root may)");
        None
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_told_once_and_recording_goes_on() {
    if !kernel_memory_is_readable() {
        return;
    }
    let Some(disk) = Tiny::mount() else { return };
    let folder = disk.0.path().join("rec");
    let mut recorder = Running::start(&folder, &[]);
    recorder.wait_for("recording ");
    wait_for_samples(&folder, 2);
    let filler = disk.0.path().join("filler");
    // More than there is: it takes every page that is left.
    assert!(fs::write(&filler, vec![0_u8; 2 << 20]).is_err());
    recorder.wait_for("the disk is full");
    thread::sleep(Duration::from_millis(500));
    fs::remove_file(&filler).unwrap();
    recorder.wait_for("disk space is available again");
    let before = info(&folder)["samples"].as_u64().unwrap();
    wait_for_samples(&folder, before + 3);
    let (code, said) = recorder.end("-INT");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("the disk is full").count(), 1, "{said}");
    let info = info(&folder);
    assert!(kinds(&info).contains(&"disk-full"), "{info:#}");
    assert!(stdout_of(&["verify", path(&folder)]).contains(": intact"));
}

#[test]
fn wrong_arguments() {
    for (args, code, words) in [
        (&["record"][..], 2, "DIR"),
        (&["record", "x", "--interval", "5ms"], 2, "100ms"),
        (&["record", "x", "--max-size", "1kB"], 2, "minimum is 1MB"),
        (&["record", "x", "--keep", "forever"], 2, "28d"),
        (&["record", "/proc/none", "--for", "1s"], 1, "/proc/none"),
        (&["info", "/nowhere"], 1, "no recording here"),
        (&["verify", "/nowhere"], 1, "no recording here"),
        (&["live", "--record", "x"], 1, "not a terminal"),
    ] {
        let out = poolmon(args);
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
}

#[test]
fn one_line_in_place_on_a_terminal_and_the_live_screen_records_too() {
    let Some((_temp, folder)) = folder() else { return };
    let Some(terminal) = Terminal::open(100, 20) else { return };
    let line = path(&folder);
    terminal.run(&format!("clear; {POOLMON} record --interval 100ms {line}; echo code=$?"));
    let status = |screen: &str| screen.lines().filter(|line| line.contains(" samples, ")).count();
    terminal.wait("a status line", |screen| status(screen) == 1);
    wait_for_samples(&folder, 12);
    let screen = terminal.screen();
    assert_eq!(status(&screen), 1, "{screen}");
    terminal.keys(&["C-c"]);
    let screen = terminal.wait("the end", |screen| screen.contains("code=0"));
    assert!(screen.contains("poolmon: recorded "), "{screen}");

    let before = info(&folder)["samples"].as_u64().unwrap();
    terminal.run(&format!("clear; {POOLMON} live --interval 1s --record {line}; echo code=$?"));
    wait_for_samples(&folder, before + 2);
    terminal.keys(&["q"]);
    let screen = terminal.wait("the end", |screen| screen.contains("code=0"));
    assert!(screen.contains("poolmon: recorded "), "{screen}");
    assert!(stdout_of(&["verify", line]).contains("2 segments"));
}

/// What the screen showed while it recorded, what `top` reports of that moment, and what the replay shows, are one table.
#[test]
fn the_screen_top_and_the_replay_show_one_table() {
    let Some((_temp, folder)) = folder() else { return };
    let Some(terminal) = Terminal::open(150, 30) else { return };
    let line = path(&folder);
    terminal
        .run(&format!("clear; TZ=UTC {POOLMON} live --interval 1s --pool slab --sort bytes --record {line}"));
    wait_for_samples(&folder, 4);
    // The pause keeps one sample on the screen.
    terminal.keys(&["Space"]);
    let screen = terminal.wait("the pause", |screen| screen.contains("PAUSED"));
    let time = |screen: &str| {
        let caption = screen.lines().find(|line| line.contains("System slab information")).unwrap();
        let clock = caption.split_whitespace().find(|word| word.len() == 8 && word.matches(':').count() == 2);
        clock.unwrap_or_else(|| panic!("no time in {caption}")).to_owned()
    };
    // Name, pool, diff, bytes of the rows: what is there without changes, which depend on the sample before.
    let rows = |screen: &str| -> Vec<Vec<String>> {
        let row = |line: &str| {
            let words: Vec<_> = line.split_whitespace().filter(|word| !word.contains(['(', ')'])).collect();
            (words.len() > 4 && ["Recl", "Unrec"].contains(&words[1]))
                .then(|| words[..4].iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
        };
        screen.lines().filter_map(row).collect()
    };
    let (clock, shown) = (time(&screen), rows(&screen));
    assert!(shown.len() > 15, "{screen}");
    terminal.keys(&["q"]);
    terminal.wait("the prompt", |screen| screen.contains("poolmon: recorded "));

    let date = info(&folder)["first"].as_str().unwrap()[..10].to_owned();
    // The screen reports whole seconds; the sample is the first that is not before them.
    let samples: Vec<String> = stdout_of(&["export", line, "--format", "csv", "-o", "-"])
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next().map(str::to_owned))
        .filter(|time| time.starts_with(&format!("{date}T{clock}")))
        .collect();
    let moment = samples.first().unwrap_or_else(|| panic!("no sample of {date} {clock}"));
    let table =
        stdout_of(&["top", line, "--at", moment, "--pool", "slab", "--sort", "bytes", "--format", "json"]);
    let table: Value = serde_json::from_str(&table).unwrap();
    for (row, reported) in shown.iter().zip(table["rows"].as_array().unwrap()) {
        let name = reported["tag"].as_str().unwrap();
        assert!(name.starts_with(row[0].trim_end_matches('…')), "{row:?} {reported}");
        assert_eq!(row[2], reported["diff"].to_string(), "{row:?}");
        assert_eq!(row[3], reported["bytes"].to_string(), "{row:?}");
    }
    terminal.run(&format!("clear; TZ=UTC {POOLMON} replay {line} --pool slab --sort bytes --at {moment}"));
    let screen = terminal.wait("the replay", |screen| screen.contains("REPLAY") && screen.contains(&clock));
    let replayed = rows(&screen);
    let both = shown.len().min(replayed.len());
    assert!(both > 12, "{screen}");
    assert_eq!(shown[..both], replayed[..both], "{screen}");
    terminal.keys(&["q"]);
}

#[test]
fn a_limit_that_is_exceeded_is_noted_and_decides_the_exit_code() {
    let Some((_temp, folder)) = folder() else { return };
    for (limit, code) in [("*>1KiB", 3), ("*>900TiB", 0)] {
        let mut recorder = Running::start(&folder, &["--fail-on", limit, "--for", "400ms"]);
        recorder.wait_for("recorded ");
        let (found, said) = recorder.end("-CONT");
        assert_eq!(found, Some(code), "{said}");
        assert_eq!(said.contains("limit: ") && said.contains("more than the limit of 1.00 KiB"), code == 3);
    }
    let marks = stdout_of(&["export", path(&folder), "--format", "marks-csv", "-o", "-"]);
    assert!(marks.contains("more than the limit of 1.00 KiB"), "{marks}");
}
