//! A file that is written whole or not at all.

use std::collections::hash_map::RandomState;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Write as _};
use std::path::{Component, Path};
use std::sync::Arc;
#[cfg(unix)]
use std::time::{Duration, Instant};

use poolmon_model::problem::Problem;

use crate::dir::Dir;

/// A file that takes its name when it is complete: until then, what had the name before stays as it is. A device, a pipe or
/// `/dev/stdout` is written directly. Without [`WholeFile::finish`], nothing is left.
#[derive(Debug)]
pub struct WholeFile {
    file: File,
    /// `None` for a device.
    whole: Option<Whole>,
}

#[derive(Debug)]
struct Whole {
    dir: Arc<Dir>,
    name: OsString,
    /// Its name until it is complete; `None` where it has none.
    part: Option<OsString>,
}

impl WholeFile {
    /// Begins.
    ///
    /// # Errors
    ///
    /// Nothing can be written there.
    pub fn new(path: &Path) -> io::Result<Self> {
        if fs::metadata(path).is_ok_and(|about| about.is_dir()) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if is_stream(path) {
            return Ok(Self { file: stream(path)?, whole: None });
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        Self::within(Arc::new(Dir::open(folder.unwrap_or(Path::new(".")))?), name, 0o666)
    }

    /// Begins a file of a folder, for those that the mode admits.
    pub(crate) fn within(dir: Arc<Dir>, name: &OsStr, mode: u32) -> io::Result<Self> {
        let name = name.to_owned();
        if let Some(file) = dir.unnamed(mode) {
            return Ok(Self { file, whole: Some(Whole { dir, name, part: None }) });
        }
        let (file, part) = unused(|part| dir.create(part, mode))?;
        Ok(Self { file, whole: Some(Whole { dir, name, part: Some(part) }) })
    }

    /// Writes all of a file.
    ///
    /// # Errors
    ///
    /// Those of [`WholeFile::new`] and [`WholeFile::finish`].
    pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = Self::new(path)?;
        file.file().write_all(bytes)?;
        file.finish()
    }

    /// Where it is written.
    pub const fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// It is complete: it is on the disk, and takes its name.
    ///
    /// # Errors
    ///
    /// Those of the system; nothing is left then.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        let Some(whole) = &mut self.whole else { return Ok(()) };
        self.file.sync_all()?;
        let part = match whole.part.take() {
            Some(part) => part,
            None => unused(|part| whole.dir.name(&self.file, part))?.1,
        };
        let renamed = whole.dir.rename(&part, &whole.name);
        if renamed.is_err() {
            whole.part = Some(part);
        }
        renamed
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some(Whole { dir, part: Some(part), .. }) = &self.whole {
            let _ = dir.remove(part);
        }
    }
}

/// Tries names that no one can know beforehand, until one is not taken.
fn unused<T>(mut make: impl FnMut(&OsStr) -> io::Result<T>) -> io::Result<(T, OsString)> {
    let mut tries = 0;
    loop {
        // The keys of a hash table are as random as the system has them.
        let number = RandomState::new().build_hasher().finish();
        // Short, whatever the file is called: file systems limit names.
        let name = OsString::from(format!(".poolmon-{number:016x}.part"));
        match make(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < 100 => tries += 1,
            result => return result.map(|file| (file, name)),
        }
    }
}

/// How long a pipe may be without a reader: two programs of one script start in any order.
#[cfg(unix)]
const PATIENCE: Duration = Duration::from_secs(2);

/// Opens a device or a pipe. A pipe that no program reads would be waited for in silence, and for ever.
fn stream(path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    if fs::metadata(path).is_ok_and(|about| std::os::unix::fs::FileTypeExt::is_fifo(&about.file_type())) {
        return pipe(path);
    }
    File::options().append(true).open(path)
}

#[cfg(unix)]
fn pipe(path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let began = Instant::now();
    let file = loop {
        match File::options().append(true).custom_flags(flags).open(path) {
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
                if began.elapsed() >= PATIENCE {
                    let why = "no program reads this pipe; start the one that does first";
                    return Err(io::Error::new(io::ErrorKind::NotConnected, why));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            opened => break opened?,
        }
    };
    // From now on, a full pipe is waited for.
    rustix::fs::fcntl_setfl(&file, rustix::fs::fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    Ok(file)
}

/// Refuses to write a file that is there, be it a link that leads nowhere, unless it is to be replaced; and where nothing can be
/// written. Devices and pipes are written, not replaced.
///
/// # Errors
///
/// What is there, and what helps.
pub fn may_be_written(path: &Path, replace: bool) -> Result<(), Problem> {
    if path.is_dir() {
        return Err(Problem::new(format!("{}: this is a folder", path.display()), "name a file in it"));
    }
    if !replace && fs::symlink_metadata(path).is_ok() && !is_stream(path) {
        let what = format!("{}: the file exists", path.display());
        return Err(Problem::new(what, "name another one, or overwrite it with --force"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(Problem::new(format!("{}: there is no such folder", path.display()), "create it first"));
    }
    Ok(())
}

/// Whether a path is written directly: a device, a pipe, or one of the names by which a system calls what is open
/// (`/dev/stdout`, `/dev/fd/3`, `/proc/self/fd/3`), whatever that is.
pub fn is_stream(path: &Path) -> bool {
    if fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir()) {
        return true;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = fs::canonicalize(folder).unwrap_or_default();
    let mut parts = folder.components().filter(|part| *part != Component::RootDir);
    let root = parts.next().map(|part| part.as_os_str().to_owned());
    match root.as_deref().and_then(OsStr::to_str) {
        // What is below it (/dev/shm) is a folder as any other.
        Some("dev") => parts.next().is_none(),
        Some("proc") => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn until_it_is_complete_the_old_file_stays_and_a_link_is_replaced_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("old"), "old").unwrap();
        fs::hard_link(path("old"), path("name")).unwrap();
        let mut file = WholeFile::new(&path("name")).unwrap();
        file.file().write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(path("name")).unwrap(), "old");
        let mut file = WholeFile::new(&path("name")).unwrap();
        file.file().write_all(b"new").unwrap();
        file.finish().unwrap();
        let text = |name| fs::read_to_string(path(name)).unwrap();
        assert_eq!((text("name").as_str(), text("old").as_str()), ("new", "old"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left");
        assert!(WholeFile::new(folder.path()).is_err());
    }

    #[test]
    fn where_files_need_a_name_it_is_random_and_goes_with_them() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Arc::new(Dir::open(folder.path()).unwrap());
        let (file, part) = unused(|part| dir.create(part, 0o600)).unwrap();
        let begin = |part| Whole { dir: Arc::clone(&dir), name: "x.csv".into(), part };
        drop(WholeFile { file, whole: Some(begin(Some(part))) });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let (file, part) = unused(|part| dir.create(part, 0o600)).unwrap();
        WholeFile { file, whole: Some(begin(Some(part))) }.finish().unwrap();
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["x.csv"]);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_that_another_planted_is_written() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("victim"), "victim").unwrap();
        for name in ["out.csv.part", "out.csv"] {
            symlink(path("victim"), path(name)).unwrap();
        }
        fs::write(path("y.csv.part"), "mine").unwrap();
        let long = "n".repeat(255);
        for name in ["out.csv", "y.csv", &long] {
            let mut file = WholeFile::new(&path(name)).unwrap();
            file.file().write_all(b"new").unwrap();
            file.finish().unwrap();
            assert_eq!(fs::read_to_string(path(name)).unwrap(), "new");
        }
        let text = |name| fs::read_to_string(path(name)).unwrap();
        assert_eq!((text("victim").as_str(), text("y.csv.part").as_str()), ("victim", "mine"));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_there_is_replaced_only_when_asked_a_link_to_nothing_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "").unwrap();
        std::os::unix::fs::symlink(path("nothing"), path("link")).unwrap();
        for name in ["file", "link"] {
            let problem = may_be_written(&path(name), false).unwrap_err();
            assert!(problem.message.ends_with("the file exists"), "{problem}");
            assert_eq!(may_be_written(&path(name), true), Ok(()));
        }
        for fine in [path("new"), "new".into(), "/dev/null".into(), "/dev/stdout".into()] {
            assert_eq!(may_be_written(&fine, false), Ok(()));
        }
        assert!(
            may_be_written(folder.path(), true).is_err() && may_be_written(&path("no/new"), true).is_err()
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_without_a_reader_is_not_waited_for_and_one_with_a_reader_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (done, wait) = std::sync::mpsc::channel();
        let path = pipe.clone();
        std::thread::spawn(move || done.send(WholeFile::new(&path).map(drop)));
        let refused = wait.recv_timeout(Duration::from_mins(1)).expect("it waits").unwrap_err();
        assert!(refused.to_string().contains("no program reads this pipe"), "{refused}");
        // The reader comes a moment later, and is slower than a pipe is large.
        let path = pipe.clone();
        let reader = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            let mut file = File::open(path).unwrap();
            std::thread::sleep(Duration::from_millis(200));
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut file, &mut bytes).map(|_| bytes.len())
        });
        WholeFile::write(&pipe, &vec![b'x'; 1 << 20]).unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 1 << 20);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_program_that_is_killed_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = WholeFile::new(&folder.path().join("out.csv")).unwrap();
        file.file().write_all(b"half").unwrap();
        // No name, nothing to clean up: also after SIGKILL.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        file.finish().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn devices_and_what_is_open_are_written_and_never_replaced() {
        use std::os::unix::fs::MetadataExt as _;
        for stream in ["/dev/null", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
            assert!(is_stream(Path::new(stream)), "{stream}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_stream(&folder.path().join("a.csv")));
        assert!(!is_stream(Path::new("/dev/shm/a.csv")));
        let before = fs::symlink_metadata("/dev/null").unwrap();
        let mut file = WholeFile::new(Path::new("/dev/null")).unwrap();
        file.file().write_all(b"x").unwrap();
        file.finish().unwrap();
        let after = fs::symlink_metadata("/dev/null").unwrap();
        assert_eq!((before.ino(), before.rdev()), (after.ino(), after.rdev()));
    }
}
