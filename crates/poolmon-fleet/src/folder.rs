//! The hosts of a folder: a recording or a folder of logs each, or the folders that `poolmon export --partitioned` writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use poolmon_model::hive;
use poolmon_model::problem::Problem;

/// What there is of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFiles {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// What has to be read, by name: the folder, or files in folders of days.
    pub files: Vec<PathBuf>,
}

/// Lists them by name, with what is left out, and why.
///
/// # Errors
///
/// It is no folder, cannot be read, or has no folder in it.
pub fn hosts(folder: &Path) -> Result<(Vec<HostFiles>, Vec<String>), Problem> {
    let shown = folder.display();
    let no_folder = |what: &str, one: &str| {
        let remedy = format!("give a folder with a folder for each host; for one {one} use poolmon leaks");
        Problem::new(format!("{shown} {what}"), remedy)
    };
    if folder.is_file() {
        return Err(no_folder("is a file, not a folder", "file"));
    }
    let below = folders(folder)
        .map_err(|error| Problem { message: format!("cannot read {shown}: {error}"), remedy: None })?;
    let mut hosts: BTreeMap<String, HostFiles> = BTreeMap::new();
    let mut left_out = Vec::new();
    for path in below {
        let folder_name = path.file_name().unwrap_or_default().to_string_lossy();
        let (name, files) = match hive::host_of(&folder_name) {
            Some(name) => (name, days(&path)),
            None => (folder_name.into_owned(), vec![path.clone()]),
        };
        if let Some(other) = hosts.get(&name) {
            let path = path.display();
            left_out
                .push(format!("{path}: {} holds the same host (rename one of them)", other.path.display()));
            continue;
        }
        hosts.insert(name.clone(), HostFiles { name, path, files });
    }
    if hosts.is_empty() {
        return Err(no_folder("has no folder in it", "host"));
    }
    Ok((hosts.into_values().collect(), left_out))
}

/// Folders in a folder, by name.
fn folders(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

/// The Parquet files of all days; the folder itself if there is none.
fn days(host: &Path) -> Vec<PathBuf> {
    let days = folders(host).unwrap_or_default();
    let is_day =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("date="));
    let mut files: Vec<PathBuf> = days
        .iter()
        .filter(|path| is_day(path))
        .filter_map(|day| fs::read_dir(day).ok())
        .flat_map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())))
        .filter(|path| path.extension().is_some_and(|ending| ending == "parquet") && path.is_file())
        .collect();
    files.sort();
    if files.is_empty() { vec![host.to_owned()] } else { files }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_and_folders_of_days() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for day in ["host=a%20b/date=2026-11-30", "host=a%20b/date=2026-11-29", "srv", "host=empty"] {
            fs::create_dir_all(at(day)).unwrap();
        }
        for file in
            ["date=2026-11-30/part-0.parquet", "date=2026-11-29/part-0.parquet", "date=2026-11-29/notes"]
        {
            fs::write(at("host=a%20b").join(file), "").unwrap();
        }
        fs::write(at("readme"), "").unwrap();
        let (hosts, left_out) = hosts(folder.path()).unwrap();
        let names: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
        assert_eq!((names, left_out.len()), (vec!["a b", "empty", "srv"], 0));
        let day = |day: &str| at("host=a%20b").join(day).join("part-0.parquet");
        assert_eq!(hosts[0].files, [day("date=2026-11-29"), day("date=2026-11-30")]);
        assert_eq!((&hosts[1].files, &hosts[2].files), (&vec![at("host=empty")], &vec![at("srv")]));
    }

    #[test]
    fn a_host_that_is_there_twice_is_judged_once() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["srv", "host=srv"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let (hosts, left_out) = hosts(folder.path()).unwrap();
        assert_eq!((hosts.len(), left_out.len()), (1, 1));
        assert!(left_out[0].contains("srv: ") && left_out[0].contains("the same host"), "{left_out:?}");
    }
}
