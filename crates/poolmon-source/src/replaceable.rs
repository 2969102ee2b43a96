//! Who but root could put something else in the place of a file that root runs, or follows.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use poolmon_model::shell;

/// A file or folder in whose place someone but root could put another.
#[derive(Debug, PartialEq, Eq)]
pub struct Replaceable {
    /// Which.
    pub path: PathBuf,
    /// Who could, and how.
    pub why: Why,
}

/// Who could, and how.
#[derive(Debug, PartialEq, Eq)]
pub enum Why {
    /// It belongs to this user.
    Owner(u32),
    /// This group can write it.
    Group(u32),
    /// All users can write it.
    All,
}

impl Replaceable {
    /// Who could, in words.
    pub fn who(&self) -> String {
        let path = self.path.display();
        match self.why {
            Why::Owner(user) => format!("{path} belongs to user {user}"),
            Why::Group(group) => format!("{path} can be written by group {group}"),
            Why::All => format!("{path} can be written by all users"),
        }
    }

    /// What helps.
    pub fn remedy(&self) -> String {
        let path = shell::path(&self.path);
        match self.why {
            Why::Owner(_) => format!("give it to root: chown root {path}"),
            Why::Group(_) | Why::All => format!("let only root write there: chmod go-w {path}"),
        }
    }
}

/// Who but root could put something else in the place of this file or folder; `None` if no one could. What is missing is made by root.
pub fn replaceable(path: &Path) -> Option<Replaceable> {
    const STICKY: u32 = 0o1000;
    let mut below = None;
    for part in path.ancestors() {
        let Ok(about) = fs::metadata(part) else {
            below = Some(0);
            continue;
        };
        let why = match (about.uid(), about.mode(), about.gid()) {
            (user, ..) if user != 0 => Some(Why::Owner(user)),
            // Only the owner of what is in it may rename or remove it.
            (_, mode, _) if mode & STICKY != 0 && below == Some(0) => None,
            (_, mode, _) if mode & 0o002 != 0 => Some(Why::All),
            (_, mode, group) if mode & 0o020 != 0 && group != 0 => Some(Why::Group(group)),
            _ => None,
        };
        if let Some(why) = why {
            return Some(Replaceable { path: part.to_owned(), why });
        }
        below = Some(about.uid());
    }
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    #[test]
    fn a_program_that_others_can_replace_is_none_for_root() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("bin");
        fs::create_dir(&folder).unwrap();
        let program = folder.join("poolmon");
        fs::write(&program, "").unwrap();
        if chown(&program, Some(0), Some(0)).is_err() {
            return;
        }
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        mode(&program, 0o755);
        mode(&folder, 0o755);
        mode(home.path(), 0o755);
        // The folder of temporary files is everyone's, but sticky.
        let replaceable = |path: &Path| replaceable(path).map(|other| other.who());
        assert_eq!(replaceable(&program), None);
        for (part, bad, group, reason) in [
            (&*program, 0o777, 0, "can be written by all users"),
            (&program, 0o775, 100, "can be written by group 100"),
            (&folder, 0o777, 0, "can be written by all users"),
            (home.path(), 0o777, 0, "can be written by all users"),
        ] {
            chown(part, None, Some(group)).unwrap();
            mode(part, bad);
            assert_eq!(replaceable(&program), Some(format!("{} {reason}", part.display())));
            mode(part, 0o755);
        }
        mode(&folder, 0o1777);
        assert_eq!(replaceable(&program), None);
        // Of a file, the sticky bit says nothing.
        mode(&program, 0o1777);
        assert_eq!(replaceable(&program), Some(format!("{} can be written by all users", program.display())));
        mode(&program, 0o755);
        chown(&program, Some(65534), None).unwrap();
        assert_eq!(replaceable(&program), Some(format!("{} belongs to user 65534", program.display())));
        // Their folder above it is enough.
        chown(&program, Some(0), None).unwrap();
        chown(home.path(), Some(65534), None).unwrap();
        assert!(replaceable(&program).unwrap().ends_with("belongs to user 65534"));
    }

    #[test]
    fn what_helps_can_be_done() {
        let other = |why| Replaceable { path: "/usr/local/my bin".into(), why }.remedy();
        assert_eq!(other(Why::All), "let only root write there: chmod go-w '/usr/local/my bin'");
        assert_eq!(other(Why::Owner(1000)), "give it to root: chown root '/usr/local/my bin'");
    }

    #[test]
    fn a_folder_that_others_could_replace_is_none_for_root() {
        let home = tempfile::tempdir().unwrap();
        if chown(home.path(), Some(65534), None).is_err() {
            return;
        }
        let other = replaceable(&home.path().join("new/rec")).unwrap();
        assert_eq!((other.path.as_path(), other.why), (home.path(), Why::Owner(65534)));
        chown(home.path(), Some(0), None).unwrap();
        assert_eq!(replaceable(&home.path().join("new/rec")), None);
    }
}
