//! One run of the command.

use std::ffi::OsString;
use std::io;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use poolmon_model::problem::Problem;
use poolmon_record::Stop;

use crate::WatchError;

/// Longest time between two looks at whether the command has ended.
const LOOK: Duration = Duration::from_millis(20);

/// How long a command may take to end automatically after Ctrl-C, which the terminal sends to it too.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is run repeatedly.
pub struct Command {
    words: Vec<OsString>,
    show: bool,
}

/// How a run ended.
pub enum Ended {
    /// With exit code 0.
    Well,
    /// Otherwise: how, in words.
    Badly(String),
    /// The person stopped it.
    Stopped,
}

impl Command {
    /// `words`: the program and its arguments; `show`: its output goes to stderr.
    pub fn new(words: &[OsString], show: bool) -> Self {
        Self { words: words.to_vec(), show }
    }

    /// As it would be typed.
    pub fn reported(&self) -> String {
        let plain = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_-./=:\\,+@%".contains(c))
        };
        let word = |word: &OsString| {
            let text = word.to_string_lossy();
            if plain(&text) { text.into_owned() } else { format!("{text:?}") }
        };
        self.words.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    /// Runs it to its end. What it complains of is shown where `complaints`, so that a mistake is seen at once.
    ///
    /// # Errors
    ///
    /// It cannot be started, waited for or ended.
    pub fn run(&self, stop: &Stop, complaints: bool) -> Result<Ended, WatchError> {
        let no_command = || Problem::from("there is no command".to_owned());
        let (program, arguments) = self.words.split_first().ok_or_else(no_command)?;
        let out = if self.show { Stdio::from(io::stderr()) } else { Stdio::null() };
        let err = if self.show || complaints { Stdio::inherit() } else { Stdio::null() };
        let mut child = std::process::Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|error| {
                Problem::new(
                    format!("cannot start `{}`: {error}", program.to_string_lossy()),
                    format!(
                        "put a program and its arguments after --; for a shell: -- {}",
                        if cfg!(windows) { "cmd /c ..." } else { "sh -c '...'" }
                    ),
                )
            })?;
        let mut wait = Duration::from_millis(1);
        loop {
            if let Some(status) = child.try_wait().map_err(|error| WatchError::Child("wait for", error))? {
                return Ok(if stop.wait_until(Instant::now()) { Ended::Stopped } else { ended(status) });
            }
            if stop.wait_until(Instant::now() + wait) {
                end(&mut child)?;
                return Ok(Ended::Stopped);
            }
            wait = (wait * 2).min(LOOK);
        }
    }
}

fn ended(status: ExitStatus) -> Ended {
    if status.success() { Ended::Well } else { Ended::Badly(status.to_string()) }
}

/// Ends the command, which is not to outlive this program.
fn end(child: &mut Child) -> Result<(), WatchError> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if child.try_wait().map_err(|error| WatchError::Child("wait for", error))?.is_some() {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    child.kill().map_err(|error| WatchError::Child("stop", error))?;
    child.wait().map_err(|error| WatchError::Child("wait for", error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_as_it_would_be_typed() {
        let words = ["sh", "-c", "a; b \"c\"", ""].map(OsString::from);
        assert_eq!(Command::new(&words, false).reported(), r#"sh -c "a; b \"c\"" """#);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let command = Command::new(&[OsString::from("/nonexistent/program")], false);
        let error = command.run(&Stop::default(), false).err().expect("it cannot start");
        assert!(error.to_string().contains("/nonexistent/program"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn it_ends_well_badly_or_when_stopped() {
        let shell = |script: &str| Command::new(&["sh", "-c", script].map(OsString::from), false);
        let stop = Stop::default();
        assert!(matches!(shell("exit 0").run(&stop, false), Ok(Ended::Well)));
        let Ok(Ended::Badly(how)) = shell("exit 7").run(&stop, false) else { panic!("it failed") };
        assert!(how.contains('7'), "{how}");
        stop.ask();
        let before = Instant::now();
        assert!(matches!(shell("exec sleep 60").run(&stop, false), Ok(Ended::Stopped)));
        assert!(before.elapsed() < Duration::from_secs(30), "it was ended");
    }
}
