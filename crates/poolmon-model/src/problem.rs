//! What went wrong, and what helps: two texts, so that each output can place them as it likes.

use std::path::Path;
use std::{fmt, io};

/// An error that may know what helps. `Display` is the message alone, in one line.
pub trait Remedy: fmt::Display {
    /// What helps: begins with a verb, and can be followed as it is.
    fn remedy(&self) -> Option<String>;

    /// Message and remedy, a line each; a remedy of several lines is indented as one block.
    fn in_full(&self) -> String {
        match self.remedy() {
            Some(remedy) => {
                format!("{self}\n  {}", remedy.lines().map(str::trim).collect::<Vec<_>>().join("\n  "))
            }
            None => self.to_string(),
        }
    }

    /// Message and remedy in one line, for a note or a log.
    fn in_one_line(&self) -> String {
        match self.remedy() {
            Some(remedy) => {
                format!("{self}; {}", remedy.lines().map(str::trim).collect::<Vec<_>>().join("; "))
            }
            None => self.to_string(),
        }
    }
}

/// A message with its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What failed, on what.
    pub message: String,
    /// What helps, if that is known.
    pub remedy: Option<String>,
}

impl Problem {
    /// Both texts.
    pub fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: Some(remedy.into()) }
    }
}

impl From<String> for Problem {
    fn from(message: String) -> Self {
        Self { message, remedy: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Remedy for Problem {
    fn remedy(&self) -> Option<String> {
        self.remedy.clone()
    }
}

/// A word as this system's shell takes it in a command: quoted if it has to be.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:+,=@%\\".contains(c);
    match word {
        "" => "''".to_owned(),
        _ if word.chars().all(|c| plain(c) && (cfg!(windows) || c != '\\')) => word.to_owned(),
        _ if cfg!(windows) => format!("\"{word}\""),
        _ => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// A path in a command, as [`shell_word`].
pub fn shell_path(path: &Path) -> String {
    shell_word(&path.to_string_lossy())
}

/// What helps against an answer of the operating system, if no more is known than that; `None` if nothing does in general.
pub fn remedy_of(error: &io::Error) -> Option<&'static str> {
    use io::ErrorKind::{
        FileTooLarge, NotADirectory, NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem,
        StorageFull,
    };
    Some(match error.kind() {
        StorageFull | QuotaExceeded => "free some space, or name a place on another disk",
        FileTooLarge => "name a place on another file system, or raise the limit of this user (ulimit -f)",
        ReadOnlyFilesystem => "name a place on a file system that can be written",
        PermissionDenied => "name another place, or run this as a user who has the right",
        NotADirectory => "check the path: a part of it is not a folder",
        NotFound => "check the path",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command() {
        assert_eq!(shell_word("logs/pool-1.log"), "logs/pool-1.log");
        let quoted = if cfg!(windows) { "\"a (1).log\"" } else { "'a (1).log'" };
        assert_eq!(shell_path(Path::new("a (1).log")), quoted);
    }

    #[test]
    fn a_full_disk_has_a_remedy_and_a_closed_pipe_has_none() {
        let of = |kind: io::ErrorKind| remedy_of(&kind.into());
        assert!(of(io::ErrorKind::StorageFull).unwrap().starts_with("free some space"));
        assert!(of(io::ErrorKind::ReadOnlyFilesystem).is_some());
        assert_eq!(of(io::ErrorKind::BrokenPipe), None);
    }

    #[test]
    fn the_remedy_is_apart_from_the_message() {
        let problem = Problem::new("x: no such file", "name another\ntry - for standard input");
        assert_eq!(problem.to_string(), "x: no such file");
        assert_eq!(problem.in_full(), "x: no such file\n  name another\n  try - for standard input");
        assert_eq!(problem.in_one_line(), "x: no such file; name another; try - for standard input");
    }
}
