//! The next command of a row: run by `!`, copied by `Y`. Only what this program printed itself is run, by itself, without a shell.

use std::io::{self, BufRead as _, Write as _};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poolmon_model::hidden::safe;
use ratatui_crossterm::crossterm::event::KeyCode;

use crate::app::{App, Effect, Mode};
use crate::render::detail::NEXT;

/// A command that can be run: of this program, with other rights if it begins with `sudo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCommand {
    sudo: bool,
    arguments: Vec<String>,
}

impl OwnCommand {
    /// Reads a command as it was printed; or why it cannot be run as it is. `program`: the other word that calls this program.
    fn parse(command: &str, program: &str) -> Result<Self, &'static str> {
        let words = words(command).ok_or("its quotes do not match")?;
        let mut words = words.into_iter().peekable();
        let sudo = words.next_if(|word| word == "sudo").is_some();
        words.next_if(|word| word == "poolmon" || word == program).ok_or("it is not a command of poolmon")?;
        let arguments: Vec<String> = words.collect();
        if arguments.iter().any(|word| matches!(word.as_str(), "DIR" | "FILE")) {
            return Err("a folder or file has to be filled in");
        }
        Ok(Self { sudo, arguments })
    }

    /// Runs it on the terminal as it is, and waits for a person who has read the output. What came of it, in a line.
    pub(crate) fn run(&self, shown: &str) -> String {
        let mut out = io::stdout();
        let shown = safe(shown);
        let _ = writeln!(out, "$ {shown}\n").and_then(|()| out.flush());
        let program = std::env::current_exe().unwrap_or_else(|_| "poolmon".into());
        let mut command = Command::new(if self.sudo { "sudo".as_ref() } else { program.as_os_str() });
        if self.sudo {
            command.arg(&program);
        }
        let said = match command.args(&self.arguments).status() {
            Ok(status) => match status.code() {
                Some(0) => "Done".to_owned(),
                Some(code) => format!("Ended with exit code {code}"),
                None => "Ended by a signal".to_owned(),
            },
            Err(error) => format!("Cannot run it: {error}"),
        };
        let _ = write!(out, "\n{said}. Press Enter to go back to the screen. ").and_then(|()| out.flush());
        let _ = io::stdin().lock().read_line(&mut String::new());
        format!("{said}: {shown}")
    }
}

/// The words of a command as a shell would read them: the quotes are those of [`poolmon_model::shell::word`].
fn words(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') if !cfg!(windows) => word.get_or_insert_default().push(chars.next()?),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// Puts a text into the clipboard of the terminal: OSC 52, which also crosses ssh.
pub(crate) fn clipboard(text: &str) -> String {
    format!("\x1b]52;c;{}\x07", STANDARD.encode(text))
}

impl App {
    /// The commands that are printed for the row in the pane of details.
    pub(crate) fn next_commands(&self) -> Vec<String> {
        let known = self.detail.known.iter().filter(|fact| fact.title == NEXT);
        known.map(|fact| fact.value.clone()).collect()
    }

    /// The key `!`: asks first.
    pub(crate) fn ask_to_run(&mut self) {
        if self.next_commands().is_empty() {
            return self.say("There is no next command for this row.");
        }
        self.mode = Mode::Run { at: 0 };
    }

    /// The key `Y`.
    pub(crate) fn copy_command(&mut self) {
        let Some(command) = self.next_commands().into_iter().next() else {
            return self.say("There is no next command for this row.");
        };
        if !self.settings.copy {
            return self.say("Copying is off: set copy = true in the file that poolmon config names.");
        }
        self.say(format!("Copied, if the terminal lets it: {command}"));
        self.ask(Effect::Copy(command));
    }

    pub(crate) fn run_key(&mut self, code: KeyCode, at: usize) {
        let commands = self.next_commands();
        self.mode = Mode::Detail;
        let Some(command) = commands.get(at) else { return };
        match code {
            KeyCode::Enter => match OwnCommand::parse(command, &poolmon_source::rights::program()) {
                Ok(own) => self.ask(Effect::Run(own, command.clone())),
                Err(why) => self.say(format!("Not run: {why}. {command}")),
            },
            KeyCode::Up => self.mode = Mode::Run { at: at.saturating_sub(1) },
            KeyCode::Down => self.mode = Mode::Run { at: (at + 1).min(commands.len() - 1) },
            KeyCode::Esc | KeyCode::Backspace | KeyCode::Char('n' | 'N' | 'q') => {}
            _ => self.mode = Mode::Run { at },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_commands_of_this_program_are_run_and_only_whole_ones() {
        let run = |command: &str| OwnCommand::parse(command, "/opt/poolmon");
        let own = |sudo, arguments: &[&str]| {
            Ok(OwnCommand { sudo, arguments: arguments.iter().map(|word| (*word).to_owned()).collect() })
        };
        assert_eq!(run("poolmon who dentry"), own(false, &["who", "dentry"]));
        assert_eq!(run("sudo /opt/poolmon trace 'a b'"), own(true, &["trace", "a b"]));
        assert!(run("poolmon who Leak --drivers DIR").unwrap_err().contains("filled in"));
        for other in ["rm -rf /", "sudo rm x", "sh -c poolmon", "", "sudo"] {
            assert_eq!(run(other), Err("it is not a command of poolmon"), "{other}");
        }
        // What a shell would do with it, nobody does.
        assert_eq!(run("poolmon who x; rm y"), own(false, &["who", "x;", "rm", "y"]));
        assert!(run("poolmon who 'x").is_err());
    }

    #[cfg(not(windows))]
    #[test]
    fn words_are_those_that_were_quoted() {
        for name in ["a b", "it's", "Ntf*", "$x", "", "\"", "\\", "a'b'c", "; rm -rf /"] {
            let command = format!("poolmon who {}", poolmon_model::shell::word(name));
            assert_eq!(words(&command).unwrap(), ["poolmon", "who", name]);
        }
    }

    #[test]
    fn the_clipboard_is_written_in_base64() {
        for (text, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
            ("\u{1b}]", "G10="),
        ] {
            assert_eq!(clipboard(text), format!("\x1b]52;c;{coded}\x07"));
        }
    }
}
