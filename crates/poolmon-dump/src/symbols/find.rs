//! Symbols of a dump's kernel: from folders and stores on this machine; from a server only where that is asked for,
//! with the system's own `curl` and the address that the person's symbol path names.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use poolmon_model::problem::Problem;

use super::{PdbFile, SymbolPath, path};
use crate::Dump;
use crate::pe::PdbId;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Folders, stores or whole symbol paths.
    pub paths: &'a [String],
    /// Files that are missing may be fetched.
    pub download: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The symbol file in use.
    pub used: Option<PathBuf>,
    /// Why there is none, and what helps.
    pub problems: Vec<Problem>,
}

const NAME_A_SERVER: &str = "set _NT_SYMBOL_PATH, or use: --symbols srv*FOLDER*https://SERVER";

/// Looks for the symbols of the dump's kernel, and compares with them from now on. Nothing is looked for, and nothing
/// said, where neither an option nor `_NT_SYMBOL_PATH` names a place.
pub fn apply(dump: &mut Dump, wanted: Wanted<'_>) -> Outcome {
    let mut text = wanted.paths.join(";");
    if let Ok(own) = std::env::var("_NT_SYMBOL_PATH") {
        text = format!("{text};{own}");
    }
    let path = SymbolPath::parse(&text);
    let mut outcome = Outcome::default();
    if path == SymbolPath::default() {
        if wanted.download {
            outcome.problems.push(Problem::new("no symbol server is set", NAME_A_SERVER));
        }
        return outcome;
    }
    let Some(pdb) = dump.kernel_pdb() else {
        outcome.problems.push("no symbols: the page with their name is not in this dump".to_owned().into());
        return outcome;
    };
    for candidate in path.candidates(&pdb) {
        if outcome.take(dump, &candidate, &pdb) {
            return outcome;
        }
    }
    if wanted.download {
        download(dump, &path, &pdb, &mut outcome);
    } else if outcome.problems.is_empty() {
        let message = format!("the symbols {} are not on this machine", pdb.symbol_key());
        outcome.problems.push(match path.servers.first() {
            Some(server) => {
                Problem::new(message, format!("download them from {} with --symbols-download", server.url))
            }
            None => message.into(),
        });
    }
    outcome
}

impl Outcome {
    /// Uses a file, if it is the right one.
    fn take(&mut self, dump: &mut Dump, file: &Path, pdb: &PdbId) -> bool {
        match PdbFile::open(file, pdb) {
            Ok(symbols) => {
                dump.use_symbols(&symbols);
                self.used = Some(file.to_path_buf());
                true
            }
            Err(error) => {
                self.problems.push(error.to_string().into());
                false
            }
        }
    }
}

fn download(dump: &mut Dump, path: &SymbolPath, pdb: &PdbId, outcome: &mut Outcome) {
    if path.servers.is_empty() {
        outcome.problems.push(Problem::new("the symbol path has no server", NAME_A_SERVER));
    }
    for server in &path.servers {
        let (Some(url), Some(store)) = (server.address(pdb), server.store.as_deref()) else {
            outcome.problems.push(Problem::new(
                format!("{}: the path has no folder for downloads", server.url),
                format!("name a folder: srv*FOLDER*{}", server.url),
            ));
            continue;
        };
        let Some(target) = path::place(store, pdb) else { continue };
        match fetch(&url, &target) {
            Ok(part) => {
                // Kept only where it is what the kernel names.
                if !outcome.take(dump, &part, pdb) {
                    let _ = fs::remove_file(&part);
                    continue;
                }
                match fs::rename(&part, &target) {
                    Ok(()) => outcome.used = Some(target),
                    Err(error) => {
                        outcome.problems.push(format!("cannot write {}: {error}", target.display()).into());
                    }
                }
                return;
            }
            Err(problem) => outcome.problems.push(problem.into()),
        }
    }
}

/// The program that downloads. On Windows it is the system's own: by its name alone, one next to this program would come first.
fn curl() -> PathBuf {
    match std::env::var_os("SystemRoot").filter(|_| cfg!(windows)) {
        Some(system) => Path::new(&system).join(r"System32\curl.exe"),
        None => "curl".into(),
    }
}

/// Fetches a file next to its target; gives where it is.
fn fetch(url: &str, target: &Path) -> Result<PathBuf, String> {
    let cannot = |what: &dyn std::fmt::Display| format!("cannot download {url}: {what}");
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .map_err(|error| format!("cannot create the folder {}: {error}", folder.display()))?;
    let part = target.with_extension(format!("part{}", std::process::id()));
    let progress = if io::stderr().is_terminal() { "--progress-bar" } else { "--silent" };
    let fixed = [
        "--fail",
        "--location",
        "--show-error",
        "--proto",
        "=http,https",
        "--connect-timeout",
        "30",
        progress,
    ];
    let arguments = fixed.iter().map(OsStr::new).chain([
        OsStr::new("--output"),
        part.as_os_str(),
        OsStr::new("--url"),
        OsStr::new(url),
    ]);
    let status = Command::new(curl()).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(part),
        Ok(status) => {
            let _ = fs::remove_file(&part);
            Err(cannot(&format!("curl ended with {status}")))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(cannot(&"curl was not found; Windows 10 1803 and later have it, elsewhere install it"))
        }
        Err(error) => Err(cannot(&error)),
    }
}
