//! A real terminal (tmux): keys in, captured frames out.

use poolmon_testkit::{Need, skip};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// One tmux server of its own, ended with the test.
pub struct Terminal {
    socket: String,
}

impl Terminal {
    /// Runs a shell in a terminal of 120 × 30; `None`, and a line that says so, without tmux.
    pub fn open() -> Option<Self> {
        if Command::new("tmux").arg("-V").stdout(Stdio::null()).status().is_err() {
            skip(Need::Tmux, "tmux is not installed");
            return None;
        }
        let socket = format!("poolmon-wine-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let terminal = Self { socket };
        terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "30", "PS1='$ ' sh"]);
        terminal.wait("the prompt", |screen| screen.contains('$'));
        Some(terminal)
    }

    fn tmux(&self, args: &[&str]) -> String {
        let output = Command::new("tmux").args(["-L", &self.socket]).args(args).output().expect("tmux runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Types a line and ends it.
    pub fn run(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.keys(&["Enter"]);
    }

    pub fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Waits until the screen is as wanted; a screen that never is fails with its last frame.
    ///
    /// A frame may be caught half drawn: Wine writes a screen cell by cell. So all that a test wants of a screen
    /// belongs into `wanted`, and no frame is handed out.
    #[track_caller]
    pub fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let patience = Instant::now() + Duration::from_mins(1);
        loop {
            let screen = self.tmux(&["capture-pane", "-p"]);
            if wanted(&screen) {
                return;
            }
            assert!(Instant::now() < patience, "never saw {what}; the screen is\n{screen}");
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-L", &self.socket, "kill-server"]).stderr(Stdio::null()).status();
    }
}
