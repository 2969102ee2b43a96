//! A second process of a test binary that does as instructed, line by line: `ready` when it runs, `done` after each line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The process. It ends with this value.
pub struct Second {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Where it makes its files: gone when it is.
    _folder: tempfile::TempDir,
}

impl Second {
    /// Starts the ignored test `name` of this binary, which may open `files`; `number` is its `POOLMON_HOLDER`. `None`
    /// where the machine forbids that.
    pub fn start(name: &str, files: u64, number: u64) -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let mut child = Command::new("sh")
            .args(["-c", &format!("ulimit -n {files} 2>/dev/null || exit 9; exec \"$0\" \"$@\"")])
            .arg(std::env::current_exe().ok()?)
            .args(["--exact", name, "--ignored", "--nocapture", "--quiet"])
            .env("POOLMON_HOLDER", number.to_string())
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let input = child.stdin.take()?;
        let output = BufReader::new(child.stdout.take()?);
        let mut second = Self { child, input, output, _folder: folder };
        second.answers("ready").then_some(second)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Has it do something, and waits until that is done.
    pub fn say(&mut self, words: &str) {
        writeln!(self.input, "{words}").expect("the second process listens");
        assert!(self.answers("done"), "the second process could not: {words}");
    }

    fn answers(&mut self, word: &str) -> bool {
        let mut line = String::new();
        while self.output.read_line(&mut line).is_ok_and(|n| n > 0) {
            if line.trim_end().ends_with(word) {
                return true;
            }
            line.clear();
        }
        false
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
