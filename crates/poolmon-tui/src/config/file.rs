//! Where the configuration file is, and whether it may be read.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use poolmon_image::bounded;
use poolmon_model::problem::Problem;

use super::Config;

/// Where a person's configuration is, by the environment; `None` if it names no folder for it.
pub fn path(get: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name: &str| get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = if cfg!(windows) {
        folder("APPDATA")?
    } else {
        folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?
    };
    Some(base.join("poolmon").join("config.toml"))
}

/// Reads the configuration of the person who runs this program: what is set, and why a file was left out that another user could write.
/// Without a file, nothing is set.
///
/// # Errors
///
/// A file that cannot be read, or the first line of it that is wrong.
pub fn load() -> Result<(Config, Option<Problem>), Problem> {
    let Some(path) = path(|name| std::env::var_os(name)) else { return Ok(Default::default()) };
    let refused = poolmon_source::rights::is_root().then(|| not_by_root(&path)).flatten();
    if refused.is_some() {
        return Ok((Config::default(), refused));
    }
    let text = match read(&path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Default::default());
        }
        Err(error) => {
            return Err(Problem::new(
                format!("cannot read the configuration {}: {error}", path.display()),
                "mend that, or leave it out: poolmon --no-config",
            ));
        }
    };
    Config::parse(&text, &path.display().to_string()).map(|config| (config, None))
}

fn read(path: &Path) -> io::Result<String> {
    // A pipe would be waited for.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("this is not a file"));
    }
    bounded::read_text(path, bounded::SMALL)
}

/// Why root does not follow a file: another user could have written it.
#[cfg(unix)]
fn not_by_root(path: &Path) -> Option<Problem> {
    use poolmon_source::replaceable::replaceable;
    // What is missing is not read. A link is followed: both it and what it names have to be root's.
    let real = std::fs::canonicalize(path).ok()?;
    let other = replaceable(path).or_else(|| replaceable(&real))?;
    Some(Problem::new(
        format!("the configuration {} is not read by root: {}", path.display(), other.who()),
        other.remedy(),
    ))
}

#[cfg(not(unix))]
fn not_by_root(_path: &Path) -> Option<Problem> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    #[test]
    fn the_file_is_where_the_environment_says() {
        let at = |pairs: &[(&str, &str)]| {
            let pairs: Vec<(String, OsString)> =
                pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            path(|wanted| Some(pairs.iter().find(|(name, _)| name == wanted)?.1.clone()))
        };
        let config = |folder: &str| Some(Path::new(folder).join("poolmon/config.toml"));
        assert_eq!(at(&[("HOME", "/home/me")]), config("/home/me/.config"));
        assert_eq!(at(&[("HOME", "/home/me"), ("XDG_CONFIG_HOME", "/etc/me")]), config("/etc/me"));
        // As the standard says, what is not absolute counts as not set.
        assert_eq!(at(&[("HOME", "/home/me"), ("XDG_CONFIG_HOME", "x")]), config("/home/me/.config"));
        assert_eq!(at(&[("XDG_CONFIG_HOME", "")]), None);
    }

    #[test]
    fn root_does_not_follow_what_another_user_could_have_written() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config.toml");
        std::fs::write(&file, "theme = \"dark\"").unwrap();
        if chown(&file, Some(0), Some(0)).is_err() {
            return;
        }
        assert_eq!(not_by_root(&file), None);
        assert_eq!(not_by_root(&home.path().join("none.toml")), None);
        chown(&file, Some(65534), None).unwrap();
        let problem = not_by_root(&file).unwrap();
        assert!(problem.message.contains("is not read by root") && problem.message.ends_with("user 65534"));
        assert!(problem.remedy.unwrap().starts_with("give it to root: chown root"));
        chown(&file, Some(0), None).unwrap();
        // Another user's folder behind a link of root's own.
        let link = home.path().join("link.toml");
        let theirs = home.path().join("theirs");
        std::fs::create_dir(&theirs).unwrap();
        std::fs::rename(&file, theirs.join("config.toml")).unwrap();
        std::os::unix::fs::symlink(theirs.join("config.toml"), &link).unwrap();
        assert_eq!(not_by_root(&link), None);
        std::fs::set_permissions(&theirs, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(not_by_root(&link).unwrap().message.contains("can be written by all users"));
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(read(home.path()).unwrap_err().to_string(), "this is not a file");
        let long = home.path().join("long");
        std::fs::write(&long, vec![b'#'; (1 << 20) + 1]).unwrap();
        assert!(read(&long).unwrap_err().to_string().contains("more than 1 MiB"));
    }
}
