//! The live screen in a real terminal (tmux): keys in, captured frames out.
//!
//! Frames of fixed tables are snapshots of `poolmon-tui`; here the whole program runs, on the simulated kernel and on
//! this machine's own.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::POOLMON;
use crate::kernel::kernel_memory_is_readable;
use poolmon_testkit::{Need, skip};

/// One tmux server of its own, ended with the test.
pub struct Terminal {
    socket: String,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Terminal {
    /// Runs a shell in a terminal of this size; `None` (and a line that says so) without tmux.
    pub fn open(columns: u32, lines: u32) -> Option<Self> {
        if Command::new("tmux").arg("-V").stdout(Stdio::null()).status().is_err() {
            skip(Need::Tmux, "tmux is not installed");
            return None;
        }
        let socket = format!("poolmon-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let terminal = Self { socket };
        let (columns, lines) = (columns.to_string(), lines.to_string());
        let args = [
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-s",
            "t",
            "-x",
            &columns,
            "-y",
            &lines,
            "PS1='$ ' XDG_STATE_HOME=/dev/null sh",
        ];
        let status = Command::new("tmux").args(["-L", &terminal.socket]).args(args).status().unwrap();
        assert!(status.success());
        terminal.wait("the prompt", |screen| screen.contains('$'));
        Some(terminal)
    }

    pub fn tmux(&self, args: &[&str]) -> String {
        let output = Command::new("tmux").args(["-L", &self.socket]).args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub fn run(&self, line: &str) {
        self.tmux(&["send-keys", "-t", "t", "-l", line]);
        self.keys(&["Enter"]);
    }

    pub fn keys(&self, keys: &[&str]) {
        let mut args = vec!["send-keys", "-t", "t"];
        args.extend(keys);
        self.tmux(&args);
    }

    pub fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-t", "t"])
    }

    pub fn resize(&self, columns: u32, lines: u32) {
        self.tmux(&["resize-window", "-t", "t", "-x", &columns.to_string(), "-y", &lines.to_string()]);
    }

    /// Waits until the screen is as wanted; a screen that never is fails with its last frame.
    ///
    /// The first frame that is as wanted may be half drawn. The next one is handed out, if it is as wanted too.
    #[track_caller]
    pub fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let patience = Instant::now() + Duration::from_mins(1);
        let mut before = false;
        loop {
            let screen = self.screen();
            let now = wanted(&screen);
            if now && before {
                return screen;
            }
            before = now;
            assert!(Instant::now() < patience, "never saw {what}; the screen is\n{screen}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-L", &self.socket, "kill-server"]).stderr(Stdio::null()).status();
    }
}

/// A row of the table; the footer's line of what no tag accounts for is none, nor are the meters of the header.
fn is_row(line: &str) -> bool {
    let is_of_pool = line.contains(" Nonp ") || line.contains(" Paged ");
    is_of_pool && !["(no tag)", "Paged pool", "■"].iter().any(|other| line.contains(other))
}

#[test]
fn every_key_of_poolmon_does_what_it_says() {
    let Some(terminal) = Terminal::open(120, 40) else { return };
    terminal.run(&format!("{POOLMON} demo --interval 1s; echo code=$?"));
    let first =
        terminal.wait("the first table", |screen| screen.lines().filter(|line| is_row(line)).count() > 20);
    assert!(first.to_uppercase().contains("SIMULATED"), "{first}");

    terminal.keys(&["p"]);
    terminal.wait("nonpaged rows only", |s| {
        s.contains(" Nonp ") && !s.lines().any(|line| is_row(line) && line.contains(" Paged "))
    });
    terminal.keys(&["p"]);
    terminal.wait("paged rows only", |s| {
        s.lines().any(is_row) && !s.lines().any(|line| is_row(line) && line.contains(" Nonp "))
    });
    terminal.keys(&["P"]);
    terminal.wait("both again", |s| {
        [" Nonp ", " Paged "].iter().all(|pool| s.lines().any(|line| is_row(line) && line.contains(pool)))
    });

    terminal.keys(&["t"]);
    terminal.wait("sorted by tag", |screen| {
        let tags: Vec<&str> =
            screen.lines().filter(|line| is_row(line)).filter_map(|line| line.get(1..5)).collect();
        tags.len() > 20 && tags.is_sorted()
    });
    terminal.keys(&["b"]);
    terminal.keys(&["e"]);
    terminal.wait("totals", |screen| screen.to_lowercase().contains("total"));
    terminal.keys(&["e"]);
    terminal.keys(&["?"]);
    terminal.wait("help", |screen| screen.to_lowercase().contains("sort"));
    terminal.keys(&["Escape"]);
    terminal.keys(&["/"]);
    terminal.tmux(&["send-keys", "-t", "t", "-l", "leak"]);
    let found = terminal.wait("the leaking tag alone", |screen| {
        let rows: Vec<&str> = screen.lines().filter(|line| is_row(line)).collect();
        !rows.is_empty() && rows.iter().all(|line| line.to_lowercase().contains("leak"))
    });
    assert!(found.contains("Leak"), "{found}");
    terminal.keys(&["Escape"]);
    terminal.keys(&["Space"]);
    terminal.wait("the pause", |screen| screen.to_uppercase().contains("PAUSED"));
    terminal.keys(&["Space"]);

    for (columns, lines) in [(80, 24), (40, 10), (200, 50)] {
        terminal.resize(columns, lines);
        terminal.wait("rows in the new size", |screen| screen.contains("Nonp") || screen.contains("Paged"));
    }
    terminal.keys(&["q"]);
    // The command itself, `echo code=$?`, may be on the screen before its answer does.
    let end = terminal.wait("the end", |screen| screen.lines().any(|line| line.starts_with("code=")));
    assert!(end.contains("code=0"), "{end}");
}

/// What a person wants to know of a leak: that it leaks, whose it is, how it went, what to do next.
fn sees_the_leak(screen: &str, driver: &str) -> bool {
    let curve = |line: &str| line.chars().filter(|c| ('\u{2800}'..='\u{28ff}').contains(c)).count() > 8;
    let words = ["Verdict", " leaks ", driver, "Next", "poolmon who Leak"];
    words.iter().all(|word| screen.contains(word)) && screen.lines().any(curve)
}

/// A first visit: the demo, then a folder of logs. What to press is on the screen: Enter, named in the footer.
#[test]
fn a_new_user_sees_leak_owner_curve_and_next_step_within_ten_keys() {
    let Some(terminal) = Terminal::open(120, 40) else { return };
    terminal.run(&format!("{POOLMON} demo"));
    terminal.wait("the leak first", |screen| screen.contains("!Leak") && screen.contains("Enter detail"));
    terminal.keys(&["Enter"]);
    terminal.wait("its details", |screen| sees_the_leak(screen, "leakdrv.sys"));
    terminal.keys(&["Escape", "q"]);
    terminal.wait("the prompt", |screen| screen.trim_end().ends_with('$'));

    let folder = tempfile::tempdir().unwrap();
    crate::guide::write_logs(folder.path());
    let logs = folder.path().join("logs").display().to_string();
    terminal.run(&format!("clear; {POOLMON} {logs}"));
    let replay = format!("poolmon replay {logs}");
    terminal.wait("the verdict, and how to see it", |screen| screen.replace('\n', "").contains(&replay));
    terminal.run(&format!("clear; {POOLMON} replay {logs}"));
    terminal.wait("the suspect first", |screen| screen.contains("?Leak"));
    terminal.keys(&["Enter"]);
    // No one knows the driver of these logs: that is said, and how to find it.
    terminal.wait("its details", |screen| sees_the_leak(screen, "it is not in the built-in table"));
    terminal.keys(&["q"]);
}

#[test]
fn signals_and_q_leave_the_terminal_as_it_was() {
    for (name, keys, kill) in
        [("q", &["q"][..], None), ("Ctrl-C", &["C-c"][..], None), ("SIGTERM", &[][..], Some("TERM"))]
    {
        let Some(terminal) = Terminal::open(80, 24) else { return };
        terminal.run(&format!("stty -a | md5sum; {POOLMON} demo"));
        terminal.wait("the table", |screen| screen.contains("Nonp"));
        terminal.keys(keys);
        if let Some(signal) = kill {
            let pane = terminal.tmux(&["display-message", "-p", "-t", "t", "#{pane_pid}"]);
            Command::new("pkill")
                .args([&format!("-{signal}"), "-P", pane.trim(), "poolmon"])
                .status()
                .unwrap();
        }
        terminal.wait("the prompt", |screen| !screen.contains("Nonp") && screen.trim_end().ends_with('$'));
        terminal.run("stty -a | md5sum");
        let screen = terminal.wait("both sums", |screen| screen.matches("  -").count() == 2);
        let sums: Vec<&str> = screen.lines().filter(|line| line.ends_with("  -")).collect();
        assert_eq!(sums[0], sums[1], "{name}: the terminal's settings\n{screen}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_goes_away_ends_the_program() {
    // Seen with a killed tmux server: the program stayed behind and kept a core busy.
    let Some(terminal) = Terminal::open(80, 24) else { return };
    terminal.run(&format!("echo pid=$$; exec {POOLMON} demo"));
    terminal.wait("the table", |screen| screen.contains("Nonp"));
    let pid = terminal.tmux(&["display-message", "-p", "-t", "t", "#{pane_pid}"]);
    let process = std::path::PathBuf::from(format!("/proc/{}/exe", pid.trim()));
    assert!(std::fs::read_link(&process).is_ok_and(|exe| exe.ends_with("poolmon")), "{}", process.display());
    drop(terminal);
    let patience = Instant::now() + Duration::from_secs(10);
    // A process that has ended but was not waited for has no readable exe.
    while std::fs::read_link(&process).is_ok() {
        assert!(Instant::now() < patience, "{} still runs", pid.trim());
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_dump_on_the_screen_stands_still() {
    use poolmon_synth::dump::{Arch, Form, Spec, build};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("MEMORY.DMP");
    let mut spec = Spec::new(Arch::Amd64, 19_045).tiny();
    spec.hide_array = true;
    build(&spec).write(Form::BitmapKernel, &path).unwrap();
    let Some(terminal) = Terminal::open(120, 24) else { return };
    terminal.run(&format!("TZ=UTC {POOLMON} live --from {}; echo exit=$?", path.display()));
    // The whole screen: its last line is drawn last.
    let drawn = |screen: &str| screen.contains("DUMP OF 2021-02-21 01:38:22") && screen.contains("q quit");
    let screen = terminal.wait("the table", drawn);
    assert!(!screen.contains("every 5"), "{screen}");
    terminal.wait("the warning", |screen| screen.contains("THESE FIGURES ARE WRONG"));
    terminal.keys(&["Space"]);
    terminal.wait("why nothing happens", |screen| screen.contains("there is nothing to refresh"));
    terminal.keys(&["t"]);
    terminal.wait("the keys work", |screen| screen.contains("by Tag"));
    terminal.keys(&["q"]);
    terminal.wait("the exit code", |screen| screen.contains("exit=1"));
}

#[test]
fn no_colour_means_none_unless_colours_are_asked_for() {
    for (option, is_coloured) in [("", false), ("--color always", true)] {
        let Some(terminal) = Terminal::open(80, 24) else { return };
        terminal.run(&format!("NO_COLOR=1 {POOLMON} demo {option}"));
        terminal.wait("the table", |screen| screen.contains("Nonp"));
        let coded = terminal.tmux(&["capture-pane", "-p", "-e", "-t", "t"]);
        let colours = ["[31m", "[32m", "[33m", "[36m", "38;2", "38;5"];
        let found = colours.iter().find(|colour| coded.contains(**colour));
        assert_eq!(found.is_some(), is_coloured, "{found:?} in {coded:?}");
        terminal.keys(&["q"]);
    }
}

/// `T` while files are opened and kept: the screen goes on, Esc ends the trace, and the path of `open` is shown.
#[cfg(target_os = "linux")]
#[test]
fn a_row_of_the_live_screen_is_traced() {
    if !kernel_memory_is_readable() {
        return;
    }
    let Some(terminal) = Terminal::open(100, 70) else { return };
    terminal.run(&format!("{POOLMON} --interval 500ms"));
    terminal.wait("the table", |screen| screen.contains(" Unrec "));
    terminal.keys(&["/"]);
    terminal.tmux(&["send-keys", "-t", "t", "-l", "filp"]);
    terminal.keys(&["Enter"]);
    terminal.wait("the cache", |screen| screen.contains("filp") && !screen.contains("dentry"));
    terminal.keys(&["Down", "T"]);
    let is_refused = |screen: &str| screen.contains("No trace: ");
    let screen = terminal.wait("the trace", |screen| screen.contains("1 s of 20 s") || is_refused(screen));
    if is_refused(&screen) {
        return skip(Need::Root, "this kernel lets nobody trace");
    }
    let mut kept = Vec::new();
    for _ in 0..30 {
        kept.extend((0..10).map(|_| std::fs::File::open("/dev/null").unwrap()));
        thread::sleep(Duration::from_millis(100));
    }
    terminal.wait("refreshes meanwhile", |screen| screen.contains("every 500 ms"));
    terminal.keys(&["Escape"]);
    let screen = terminal.wait("the stacks", |screen| screen.contains("ended early: stopped by the user"));
    drop(kept);
    for part in ["traced until", "filp on ", "path_openat"] {
        assert!(screen.contains(part), "{part:?} is not in\n{screen}");
    }
    terminal.keys(&["q"]);
    terminal.wait("the prompt", |screen| !screen.contains("filp on ") && screen.trim_end().ends_with('$'));
}

/// Which caches grow on a real kernel depends on what else runs there: `tests/kernel/` checks that in a kernel of its own,
/// the order by change is checked over made-up samples in poolmon-tui.
#[cfg(target_os = "linux")]
#[test]
fn the_live_screen_finds_a_cache_of_this_kernel() {
    if !kernel_memory_is_readable() {
        return;
    }
    let Some(terminal) = Terminal::open(140, 30) else { return };
    terminal.run(&format!("{POOLMON} --interval 500ms"));
    let is_row = |line: &str| [" Recl ", " Unrec "].iter().any(|pool| line.contains(pool));
    terminal.wait("the table", |screen| screen.lines().filter(|line| is_row(line)).count() > 10);
    terminal.keys(&["/"]);
    terminal.tmux(&["send-keys", "-t", "t", "-l", "sock_inode"]);
    terminal.wait("the cache alone", |screen| {
        let rows: Vec<&str> = screen.lines().filter(|line| is_row(line)).collect();
        !rows.is_empty() && rows.iter().all(|line| line.contains("sock_inode_cache"))
    });
    terminal.keys(&["Enter"]);
    terminal.keys(&["q"]);
}

/// A screen is left with an order; the next one of that source has it, and says so. `--no-config` begins without.
#[test]
fn a_screen_begins_as_it_was_left() {
    let Some(terminal) = Terminal::open(100, 24) else { return };
    let folder = tempfile::tempdir().unwrap();
    crate::guide::write_logs(folder.path());
    let logs = folder.path().join("logs").display().to_string();
    let state = folder.path().join("state");
    let visit = |options: &str, keys: &str| {
        let line = format!(
            "clear; XDG_STATE_HOME={} {POOLMON} replay {logs} {options}; echo code=$?",
            state.display()
        );
        terminal.run(&line);
        let first = terminal.wait("the table", |screen| screen.contains(" Tag") && screen.contains("?Leak"));
        terminal.keys(&[keys]);
        terminal.wait("the end", |screen| screen.lines().any(|line| line == "code=0"));
        first
    };
    let files = || std::fs::read_dir(state.join("poolmon").join("screen")).map_or(0, Iterator::count);
    visit("", "q");
    assert_eq!(files(), 0, "nothing was changed");
    terminal.run(&format!("clear; XDG_STATE_HOME={} {POOLMON} replay {logs}; echo code=$?", state.display()));
    terminal.wait("the table", |screen| screen.contains("?Leak"));
    terminal.keys(&["/"]);
    terminal.tmux(&["send-keys", "-t", "t", "-l", "leak"]);
    terminal.keys(&["Enter", "q"]);
    terminal.wait("the end", |screen| screen.lines().any(|line| line == "code=0"));
    assert_eq!(files(), 1);
    let again = visit("", "q");
    assert!(again.contains("/leak") && again.contains("As it was left: /leak."), "{again}");
    let afresh = visit("--no-config", "q");
    assert!(!afresh.contains("/leak") && !afresh.contains("As it was left"), "{afresh}");
}

/// `!` runs a command of ours where the screen was, and comes back; what it reads is not taken by the screen.
#[test]
fn the_next_command_of_a_row_is_run_and_the_screen_comes_back() {
    let Some(terminal) = Terminal::open(120, 30) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("slabinfo.txt");
    std::fs::write(
        &file,
        "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : \
         tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n\
         dentry 80000 84000 192 21 1 : tunables 0 0 0 : slabdata 4000 4000 0\n",
    )
    .unwrap();
    terminal.run(&format!("{POOLMON} live --from {}; echo code=$?", file.display()));
    terminal.wait("the row", |screen| screen.contains(" dentry "));
    terminal.keys(&["Down", "Enter"]);
    terminal.wait("its details", |screen| screen.contains("! run next"));
    terminal.keys(&["!"]);
    terminal.wait("the question", |screen| screen.contains("Run this command? poolmon who dentry"));
    terminal.keys(&["Enter"]);
    let away = terminal.wait("its output", |screen| screen.contains("Press Enter to go back to the screen."));
    assert!(away.contains("$ poolmon who dentry") && !away.contains("! run next"), "{away}");
    terminal.keys(&["q", "Enter"]);
    terminal.wait("the screen", |screen| {
        screen.contains("dentry  reclaimable slab") && screen.contains(": poolmon who dentry")
    });
    terminal.keys(&["Escape"]);
    terminal.wait("the table", |screen| screen.contains(" Name ") && !screen.contains("! run next"));
    terminal.keys(&["q"]);
    let end = terminal.wait("the end", |screen| screen.lines().any(|line| line.starts_with("code=")));
    assert!(end.contains("code=0"), "{end}");
}

#[test]
fn the_screen_has_the_columns_and_keys_of_the_configuration() {
    let Some(terminal) = Terminal::open(100, 30) else { return };
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("poolmon").join("config.toml");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "columns = [\"diff\", \"verdict\"]\n[keys]\nquit = \"F10\"\nrefresh = \"q\"\n")
        .unwrap();
    let line = format!("XDG_CONFIG_HOME={} {POOLMON} demo; echo code=$?", home.path().display());
    terminal.run(&line);
    let shown =
        terminal.wait("the chosen columns", |screen| screen.lines().any(|line| line.starts_with(" Tag")));
    let titles = shown.lines().find(|line| line.starts_with(" Tag")).unwrap();
    assert!(titles.contains("Diff") && titles.contains("Verdict") && !titles.contains("Bytes"), "{shown}");
    assert!(shown.contains("F10 quit"), "{shown}");
    // What has another meaning now does not leave.
    terminal.keys(&["q", "|"]);
    terminal.wait("the list of columns", |screen| screen.contains("[x] Diff"));
    terminal.keys(&["F10"]);
    terminal.wait("the end", |screen| screen.contains("code=0"));
}
