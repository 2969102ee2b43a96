//! `poolmon PATH…`: which command fits what the paths hold.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use poolmon_model::problem::Problem;
use poolmon_model::shell;
use poolmon_read::{Contents, Holds};

use crate::cli::open::nearly;

/// The command that fits.
pub struct FittingCommand {
    /// Its words, after `poolmon`: `leaks a.log b.log`.
    pub words: Vec<OsString>,
    /// Why it fits: `a.log is a PoolMon log with several samples`.
    pub why: String,
    /// What could be done next.
    pub next: Option<String>,
}

impl FittingCommand {
    /// The command as a person would type it.
    pub fn line(&self) -> String {
        let words = self.words.iter().map(|word| shell::word(&word.to_string_lossy()));
        std::iter::once("poolmon".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// Looks into the paths, and chooses.
///
/// # Errors
/// A path cannot be read, or holds nothing that is known; or the paths have nothing in common.
pub fn choose(paths: &[PathBuf], options: &[OsString]) -> anyhow::Result<FittingCommand> {
    let mut contents = Vec::new();
    for path in paths {
        ensure!(exists(path), missing(path));
        contents.push(Contents::of(path)?);
    }
    let images = contents.iter().filter(|contents| matches!(contents, Contents::Images)).count();
    ensure!(
        images == 0 || images == contents.len(),
        Problem::new(
            "some of these are drivers or modules, others hold samples",
            "open them separately: poolmon PATH"
        )
    );
    let first = paths.first().context("no path was named")?;
    let name = shown(first);
    let (command, why, replayed): (&[&str], _, _) = match contents.as_slice() {
        [found @ Contents::Trace(_)] => (&["trace"], found.title().to_owned(), false),
        [found @ Contents::Images, ..] => (&["who", "--all"], found.title().to_owned(), false),
        [Contents::Samples { format, .. }] if format.holds == Holds::OneMoment => {
            (&["dump"], format.title.to_owned(), false)
        }
        [found @ Contents::Samples { several: false, .. }] => {
            (&["top"], format!("{} with one sample", found.title()), false)
        }
        [found @ Contents::Samples { format, .. }] if format.holds == Holds::Rows => {
            (&["leaks"], format!("{} with several samples", found.title()), true)
        }
        [found @ Contents::Samples { .. }] => (&["leaks"], found.title().to_owned(), true),
        [Contents::Samples { several: false, .. }, Contents::Samples { several: false, .. }] => {
            (&["diff"], "samples of two moments".to_owned(), false)
        }
        _ => (&["leaks"], "samples of several moments".to_owned(), true),
    };
    let mut words: Vec<OsString> = command.iter().map(OsString::from).collect();
    for (index, path) in paths.iter().enumerate() {
        // `--all` takes one folder; further ones are named as `who` takes them elsewhere.
        if images > 0 && index > 0 {
            words.push("--drivers".into());
        }
        words.push(path.into());
    }
    let why = if let [_] = paths {
        format!("{name}: {why}")
    } else {
        format!("{name} and {} more: {why}", paths.len() - 1)
    };
    // What was piped is gone.
    let is_stream = paths.iter().any(|path| !path.is_file() && !path.is_dir());
    let next = (replayed && !is_stream).then(|| {
        let paths: Vec<_> = paths.iter().map(|path| shell::path(path)).collect();
        format!("to see it on the screen: poolmon replay {}", paths.join(" "))
    });
    words.extend(options.iter().cloned());
    Ok(FittingCommand { words, why, next })
}

fn shown(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}

/// A word that is neither a path nor a command, and does not look like a file that is missing.
pub fn unknown_word(paths: &[PathBuf]) -> Option<Problem> {
    let is_word = |path: &&PathBuf| {
        let letters =
            path.to_str().is_some_and(|word| word.chars().all(|c| c.is_ascii_alphabetic() || c == '-'));
        letters && !exists(path)
    };
    paths.first().filter(is_word).map(|path| missing(path))
}

fn exists(path: &Path) -> bool {
    path.as_os_str() == "-" || path.exists()
}

fn missing(path: &Path) -> Problem {
    let word = path.to_string_lossy();
    let remedy = nearly(&word).map_or_else(
        || "name a file or folder that exists; poolmon --help lists the commands".to_owned(),
        |command| format!("for the command, type: poolmon {command}"),
    );
    Problem::new(format!("{word}: there is no such file or folder, and no such command"), remedy)
}
