//! What is written must not be what is read.

use std::fs;
use std::path::{Path, PathBuf};

use poolmon_model::problem::Problem;

/// Refuses to write what is read, or two things into one file, by whatever name or link. `outputs` have the option that names
/// them; `inputs` may be folders, whose files are read. Devices and pipes may be both.
///
/// # Errors
///
/// Two of them are one file.
pub fn distinct<'a>(
    outputs: &[(&str, &Path)],
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<(), Problem> {
    let inputs: Vec<PathBuf> = inputs
        .into_iter()
        .flat_map(|input| {
            let inside = fs::read_dir(input).into_iter().flatten().flatten().map(|entry| entry.path());
            std::iter::once(input.to_owned()).chain(inside)
        })
        .collect();
    let refused = |output: &Path, why: &str| Err(Problem::new(format!("{}: {why}", output.display()), OTHER));
    for (at, (option, output)) in outputs.iter().enumerate() {
        let Some(own) = identity(output) else { continue };
        let is_own = |other: &Path| identity(other).is_some_and(|other| other == own);
        if inputs.iter().any(|input| is_own(input)) {
            return refused(output, &format!("{option} would overwrite what is read"));
        }
        if let Some((other, _)) = outputs.iter().take(at).find(|(_, other)| is_own(other)) {
            return refused(output, &format!("{other} and {option} are the same file"));
        }
    }
    Ok(())
}

const OTHER: &str = "name another file";

/// What makes two names one file: where it is on its disk, or for a file that is not there yet its folder and name.
#[derive(PartialEq, Eq)]
enum Identity {
    #[cfg(unix)]
    There(u64, u64),
    Named(PathBuf),
}

fn identity(path: &Path) -> Option<Identity> {
    let Ok(about) = fs::metadata(path) else {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        return Some(Identity::Named(folder.join(path.file_name()?)));
    };
    if !about.is_file() {
        return None;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        Some(Identity::There(about.dev(), about.ino()))
    }
    #[cfg(not(unix))]
    path.canonicalize().ok().map(Identity::Named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_by_two_names_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["input", "free"] {
            fs::write(path(name), name).unwrap();
        }
        fs::create_dir(path("sub")).unwrap();
        let refused = |outputs: &[&str], inputs: &[&str]| {
            let outputs: Vec<PathBuf> = outputs.iter().map(|name| path(name)).collect();
            let outputs: Vec<(&str, &Path)> =
                ["--one", "--two"].into_iter().zip(outputs.iter().map(|it| &**it)).collect();
            let inputs: Vec<PathBuf> = inputs.iter().map(|name| path(name)).collect();
            distinct(&outputs, inputs.iter().map(|input| &**input)).err().map(|problem| problem.message)
        };
        assert_eq!(refused(&["free", "new"], &["input", "missing"]), None);
        assert!(
            refused(&["sub/../input"], &["input"]).unwrap().ends_with("--one would overwrite what is read")
        );
        assert!(refused(&["input"], &["."]).is_some(), "a file of a folder that is read");
        assert!(refused(&["new", "sub/../new"], &[]).unwrap().ends_with("--one and --two are the same file"));
        assert!(refused(&["free", "free"], &[]).is_some());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("input", path("link")).unwrap();
            fs::hard_link(path("input"), path("hard")).unwrap();
            for output in ["link", "hard"] {
                assert!(refused(&[output], &["input"]).is_some(), "{output}");
                assert!(refused(&["input"], &[output]).is_some(), "{output}");
            }
            assert!(distinct(&[("-o", Path::new("/dev/null"))], [Path::new("/dev/null")]).is_ok());
        }
    }
}
