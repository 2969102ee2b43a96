//! Every command of ours that an answer prints is run as it is printed, by a shell, where `DIR` is a folder of drivers.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use poolmon_testkit::{Need, skip};
use tempfile::TempDir;

use crate::{POOLMON, text};

/// A folder in which `DIR` holds drivers that use the tag `Leak`, and a cache folder of its own.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for (file, tag) in [("leaker.sys", *b"Leak"), ("odd.sys", *b"T 2 ")] {
            let path = desk.at("DIR").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, crate::who::small_driver(tag)).unwrap();
        }
        desk
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, program: &str, args: &[&str]) -> Output {
        let path = format!(
            "{}:{}",
            Path::new(POOLMON).parent().unwrap().display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let mut command = crate::with_signals(program);
        command.args(args).current_dir(self.0.path()).env("PATH", path).env("TZ", "UTC");
        command.env("XDG_CACHE_HOME", self.at("cache")).output().unwrap()
    }

    /// What the program prints, both streams.
    fn says(&self, args: &[&str]) -> String {
        let output = self.run(POOLMON, args);
        text(&output.stdout) + &text(&output.stderr)
    }

    /// Runs a command as it was printed; root's rights are those of the test. What runs until it is stopped is stopped.
    fn shell(&self, command: &str) -> Output {
        let command = command.strip_prefix("sudo ").unwrap_or(command);
        self.run("timeout", &["--preserve-status", "-s", "INT", "6", "sh", "-c", &format!("exec {command}")])
    }
}

/// The commands of ours in a text: from the program's name to the end of the line, or to the next command in it.
fn ours(text: &str) -> BTreeSet<String> {
    let mut commands = BTreeSet::new();
    for line in text.lines() {
        for (at, _) in line.match_indices("poolmon ") {
            let before = &line[..at];
            let start = before.trim_end();
            let is_command = start.is_empty()
                || start.ends_with(':')
                || start.ends_with("sudo")
                || start.ends_with("su -c '")
                || start.ends_with(", later")
                || start.ends_with('`');
            if !is_command {
                continue;
            }
            let end = [", later", "`", "; "].iter().filter_map(|end| line[at..].find(end)).min();
            let command = &line[at..end.map_or(line.len(), |end| at + end)];
            // Whether it is sudo, su or nothing depends on who runs the test.
            let quoted = start.ends_with("su -c '");
            let command = command.trim_end();
            commands.insert(if quoted { command.trim_end_matches('\'') } else { command }.to_owned());
        }
    }
    commands
}

/// A saved list of Linux caches every five minutes of a day; one of them grows.
fn slabinfo(grows: &str) -> String {
    let mut log = String::new();
    for n in 0..288_u64 {
        let at = jiff::civil::date(2026, 3, 1).at(0, 0, 0, 0);
        let at = at + jiff::SignedDuration::from_mins(5 * i64::try_from(n).unwrap());
        writeln!(log, "{}\nslabinfo - version: 2.1", at.strftime("%F %T")).unwrap();
        for (name, objects) in [(grows, 64_000 + 640 * n), ("dentry", 42_000), ("kmalloc-512", 3200)] {
            writeln!(
                log,
                "{name} {objects} {objects} 256 16 1 : tunables 0 0 0 : slabdata {0} {0} 0",
                objects / 16
            )
            .unwrap();
        }
    }
    log
}

#[track_caller]
fn runs(desk: &Desk, said: &str, wanted: &[&str]) {
    let commands = ours(said);
    for wanted in wanted {
        assert!(commands.contains(*wanted), "{wanted} is not in {commands:?}\n{said}");
    }
    for command in &commands {
        let output = desk.shell(command);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        if command.starts_with("poolmon trace") && output.status.code() == Some(1) && !desk.traces() {
            skip(Need::Root, format_args!("this machine cannot be traced: {err}"));
            continue;
        }
        // 1: no driver uses the tag, which is an answer. 130: stopped by this test.
        assert!(matches!(output.status.code(), Some(0 | 130)), "{command}: {:?}\n{out}{err}", output.status);
        // On a busy machine it may be stopped before it has begun.
        let stopped = output.status.code() == Some(130);
        assert!(!out.is_empty() || stopped || command.contains("record"), "{command} prints nothing\n{err}");
    }
}

impl Desk {
    fn traces(&self) -> bool {
        self.run("sh", &["-c", "poolmon trace kmalloc-64 --for 1s"]).status.success()
    }
}

#[test]
fn of_a_leaking_tag() {
    let desk = Desk::new();
    crate::leaks::record(&desk.at("week"), true);
    let said = desk.says(&["leaks", "week"]);
    runs(&desk, &said, &["poolmon who Leak --drivers DIR"]);
    // The search's result is kept: the step is answered.
    let said = desk.says(&["leaks", "week"]);
    assert!(!said.contains("poolmon who"), "{said}");
    let said = desk.says(&["who", "Leak", "--next"]);
    assert!(said.contains("/adddriver leaker.sys") && !said.contains("poolmon who"), "{said}");
    // In a report, the search is a part of it.
    for drivers in [&["--drivers", "DIR"][..], &[]] {
        let args = [&["report", "week", "--force", "-o", "report.md"], drivers].concat();
        let output = desk.run(POOLMON, &args);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let report = fs::read_to_string(desk.at("report.md")).unwrap();
        assert!(report.contains("/adddriver leaker.sys"), "{report}");
        assert!(report.contains("!poolfind Leak 0") && !report.contains("findstr"), "{report}");
        runs(&desk, &report, &[]);
    }
}

#[test]
fn of_a_path_alone() {
    let desk = Desk::new();
    crate::leaks::record(&desk.at("a week"), true);
    let said = desk.says(&["a week"]);
    let commands = ours(&said);
    assert!(commands.iter().any(|command| command.starts_with("poolmon replay ")), "{said}");
    runs(&desk, &said, &["poolmon who Leak --drivers DIR"]);
}

#[test]
fn of_what_does_not_leak() {
    let desk = Desk::new();
    crate::leaks::record(&desk.at("week"), false);
    let said = desk.says(&["leaks", "week"]);
    assert!(!said.contains("poolmon who"), "{said}");
    fs::write(desk.at("slab.txt"), slabinfo("some_cache")).unwrap();
    let said = desk.says(&["leaks", "slab.txt", "--exclude", "some_cache"]);
    assert!(ours(&said).is_empty(), "{said}");
}

#[test]
fn of_leaking_caches() {
    let desk = Desk::new();
    for (cache, wanted, holders) in [
        ("filp", &["poolmon who filp", "poolmon trace filp"][..], Some("lsof -nP")),
        ("kmalloc-256", &["poolmon trace kmalloc-256"], None),
        ("UNIX", &["poolmon who UNIX", "poolmon trace UNIX"], Some("ss -xap")),
    ] {
        fs::write(desk.at("slab.txt"), slabinfo(cache)).unwrap();
        let said = desk.says(&["leaks", "slab.txt"]);
        let commands = ours(&said);
        for wanted in wanted {
            assert!(commands.contains(*wanted), "{wanted} is not in {said}");
        }
        assert!(!commands.iter().any(|command| command.starts_with("poolmon who kmalloc")), "{said}");
        assert!(holders.is_none_or(|tool| said.contains(tool)), "{said}");
        assert_eq!(holders.is_none(), !said.contains("list "), "{said}");
        runs(&desk, &said, &[]);
    }
}

#[test]
fn of_tags_that_shells_would_read_differently() {
    let desk = Desk::new();
    for tag in ["Leak", "T 2 ", "$a`b", "\\x2dab", "a\"b'", "1394", "%x!"] {
        let said = desk.says(&["who", tag, "--next"]);
        let commands = ours(&said);
        assert_eq!(commands.len(), 1, "{said}");
        let output = desk.shell(commands.first().unwrap());
        let used = matches!(tag, "Leak" | "T 2 ");
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(i32::from(!used)), "{commands:?}: {err}");
        // It was searched for, not refused.
        assert!(
            used || err.contains("uses the tag") || !text(&output.stdout).is_empty(),
            "{commands:?}: {err}"
        );
        let tag = desk.says(&["tag", tag]);
        for command in ours(&tag) {
            assert_eq!(desk.shell(&command).status.code(), Some(i32::from(!used)), "{command}");
        }
    }
}
