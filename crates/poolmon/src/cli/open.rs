//! `poolmon PATH…`: what is done depends on what the paths hold.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};

use super::Cli;

// Options of `open`.
#[derive(Debug, Clone, Args)]
pub struct OpenArgs {
    /// Any file or folder that poolmon reads, several of them, or - for standard input; then options of the command
    /// that fits
    #[arg(value_name = "PATH", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

impl OpenArgs {
    /// The paths, and the options for the command that will be chosen.
    ///
    /// Every word before the first option is a path; after it only what exists is, as it may be an option's value.
    pub fn split(&self) -> (Vec<PathBuf>, Vec<OsString>) {
        let mut options_began = false;
        let (paths, options): (Vec<_>, Vec<_>) = self.words.iter().cloned().partition(|word| {
            options_began |= is_option(word);
            is_path(word) || !options_began
        });
        (paths.into_iter().map(PathBuf::from).collect(), options)
    }
}

/// The words for `poolmon open`, if the first of them names a path rather than a command.
pub fn without_command(words: &[OsString]) -> Option<Vec<OsString>> {
    let first = words.first()?;
    (!is_option(first) && !is_command(first)).then(|| opened(words))
}

/// Moves options that every command has from before a command's name to behind it: clap would take them for some of the live screen.
pub fn behind_command(mut words: Vec<OsString>) -> Vec<OsString> {
    let mut at = 0;
    while let Some(word) = words.get(at).and_then(|word| word.to_str()) {
        at += match word {
            "-q" | "--quiet" | "--raw" => 1,
            "--color" | "--dates" => 2,
            _ if ["--color=", "--dates="].iter().any(|option| word.starts_with(option)) => 1,
            _ => break,
        };
    }
    if words.get(at).is_some_and(is_command) {
        words[..=at].rotate_right(1);
    }
    words
}

/// The words for `poolmon open`, if options of the live screen come first and a path that exists follows.
pub fn with_path(words: &[OsString]) -> Option<Vec<OsString>> {
    let options_first = words.first().is_some_and(is_option);
    (options_first && words.iter().any(is_path)).then(|| opened(words))
}

fn opened(words: &[OsString]) -> Vec<OsString> {
    std::iter::once("open".into()).chain(words.iter().cloned()).collect()
}

fn is_option(word: &OsString) -> bool {
    word != "-" && word.as_encoded_bytes().starts_with(b"-")
}

fn is_path(word: &OsString) -> bool {
    word == "-" || (!is_option(word) && Path::new(word).exists())
}

/// Names of the commands in their order: clap would define all their options to find one.
const COMMANDS: &[&str] = &[
    "live",
    "top",
    "diff",
    "open",
    "leaks",
    #[cfg(feature = "fleet")]
    "fleet",
    "holders",
    "measure",
    "report",
    "replay",
    "record",
    #[cfg(feature = "serve")]
    "serve",
    "service",
    "note",
    "info",
    "verify",
    "export",
    "import",
    "demo",
    "config",
    "doctor",
    "dump",
    "tag",
    "trace",
    "who",
    "completions",
    "man",
];

/// Whether a word is the name of a command.
pub fn is_command(word: &OsString) -> bool {
    word == "help" || word.to_str().is_some_and(|word| COMMANDS.contains(&word))
}

/// The command whose name is nearly this word.
pub fn nearly(word: &str) -> Option<String> {
    let command = Cli::command();
    let names =
        command.get_subcommands().filter(|command| !command.is_hide_set()).map(clap::Command::get_name);
    let nearest = names.map(|name| (strsim::osa_distance(name, word), name)).min()?;
    (nearest.0 <= 1 + word.len() / 5).then(|| nearest.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn commands_keep_their_names_and_everything_else_is_a_path() {
        for (line, opens) in [
            ("pool.log", true),
            ("- --limit 3", true),
            ("./top", true),
            ("top", false),
            ("help leaks", false),
            ("--pool paged", false),
            ("", false),
        ] {
            assert_eq!(without_command(&words(line)).is_some(), opens, "{line}");
        }
    }

    #[test]
    fn the_list_has_the_names_of_all_commands() {
        let command = Cli::command();
        assert!(command.get_subcommands().map(clap::Command::get_name).eq(COMMANDS.iter().copied()));
        assert!(command.get_subcommands().all(|command| command.get_all_aliases().next().is_none()));
    }

    #[test]
    fn options_before_a_path_need_the_path_to_exist() {
        assert!(with_path(&words("--pool paged Cargo.toml")).is_some());
        assert!(with_path(&words("--pool paged no-such-file")).is_none());
    }

    #[test]
    fn paths_and_options_are_told_apart() {
        let (paths, options) =
            OpenArgs { words: words("absent.log Cargo.toml --limit 5 src --format json") }.split();
        assert_eq!(paths, ["absent.log", "Cargo.toml", "src"].map(PathBuf::from));
        assert_eq!(options, words("--limit 5 --format json"));
    }

    #[test]
    fn a_mistyped_command_is_recognised() {
        assert_eq!(nearly("topp").as_deref(), Some("top"));
        assert_eq!(nearly("repaly").as_deref(), Some("replay"));
        assert_eq!(nearly("recrd").as_deref(), Some("record"));
        assert_eq!(nearly("pool.log"), None);
    }
}
