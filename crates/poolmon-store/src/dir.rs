//! A folder that others may write into.
//!
//! Its files are opened relative to the folder that was opened first, so that another one cannot take its place; never through
//! a link; and only regular files, so that no pipe and no device is read, written or waited for.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// A folder that is open.
#[derive(Debug)]
pub struct Dir {
    path: PathBuf,
    #[cfg(unix)]
    handle: File,
}

/// How a file of a folder is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    /// Created if it is missing.
    Lock(u32),
    /// A new file.
    New(u32),
}

impl Dir {
    /// Opens a folder. A link that another user made is refused if this program has more rights than that user.
    pub fn open(path: &Path) -> io::Result<Self> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let link = fs::symlink_metadata(path)?;
            if link.is_symlink() && own_user() == Some(0) && link.uid() != 0 {
                return Err(io::Error::other("this is a link that another user made"));
            }
            // What was no link a moment ago must not be one now.
            let no_link =
                if link.is_symlink() { rustix::fs::OFlags::empty() } else { rustix::fs::OFlags::NOFOLLOW };
            let open = |how: rustix::fs::OFlags| {
                let flags = how | no_link | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC;
                rustix::fs::open(path, flags, rustix::fs::Mode::empty())
            };
            let handle = open(rustix::fs::OFlags::RDONLY);
            // One that may be written and not be listed.
            #[cfg(target_os = "linux")]
            let handle = handle.or_else(|_| open(rustix::fs::OFlags::PATH));
            let handle = handle?;
            Ok(Self { path: path.into(), handle: handle.into() })
        }
        #[cfg(not(unix))]
        {
            if !fs::metadata(path)?.is_dir() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            Ok(Self { path: path.into() })
        }
    }

    /// Opens a folder, and makes it if it is missing, for those who may read its files.
    pub fn make(path: &Path, mode: u32) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt as _;
            // Who may read the files may list and enter the folder, who may write them may leave notes.
            builder.mode(mode | (mode & 0o444) >> 2);
        }
        #[cfg(not(unix))]
        let _ = mode;
        match fs::metadata(path) {
            Ok(about) if about.is_dir() => {}
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            // Where a link leads nowhere, nothing is made at its other end.
            Err(_) if fs::symlink_metadata(path).is_ok() => return Err(io::ErrorKind::NotFound.into()),
            Err(_) => builder.create(path)?,
        }
        Self::open(path)
    }

    /// Where it was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a regular file for reading.
    pub fn read(&self, name: &OsStr) -> io::Result<File> {
        self.file(name, Access::Read)
    }

    /// Opens a regular file that is there, for writing, unless it has a second name: that could be anyone's.
    pub fn write(&self, name: &OsStr) -> io::Result<File> {
        let file = self.file(name, Access::Write)?;
        if has_other_names(&file.metadata()?) { Err(not_ours()) } else { Ok(file) }
    }

    /// Opens a file to be locked, and makes it if it is missing.
    pub fn lock(&self, name: &OsStr, mode: u32) -> io::Result<File> {
        self.file(name, Access::Lock(mode))
    }

    /// Makes a file that is not there.
    pub fn create(&self, name: &OsStr, mode: u32) -> io::Result<File> {
        self.file(name, Access::New(mode))
    }

    #[cfg(unix)]
    fn file(&self, name: &OsStr, access: Access) -> io::Result<File> {
        use rustix::fs::{Mode, OFlags};
        let (flags, mode) = match access {
            Access::Read => (OFlags::RDONLY, 0),
            Access::Write => (OFlags::RDWR, 0),
            Access::Lock(mode) => (OFlags::RDWR | OFlags::CREATE, mode),
            Access::New(mode) => (OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode),
        };
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.handle, name, flags, Mode::from_raw_mode(mode));
        regular(File::from(file?))
    }

    #[cfg(not(unix))]
    fn file(&self, name: &OsStr, access: Access) -> io::Result<File> {
        let mut options = File::options();
        match access {
            Access::Read => options.read(true),
            Access::Write => options.read(true).write(true),
            Access::Lock(_) => options.read(true).write(true).create(true).truncate(false),
            Access::New(_) => options.write(true).create_new(true),
        };
        open(&self.path.join(name), &mut options)
    }

    /// Removes a file; a link is removed itself.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        #[cfg(unix)]
        {
            Ok(rustix::fs::unlinkat(&self.handle, name, rustix::fs::AtFlags::empty())?)
        }
        #[cfg(not(unix))]
        fs::remove_file(self.path.join(name))
    }

    /// Gives a file another name; what had that name goes.
    pub fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        #[cfg(unix)]
        {
            Ok(rustix::fs::renameat(&self.handle, from, &self.handle, to)?)
        }
        #[cfg(not(unix))]
        fs::rename(self.path.join(from), self.path.join(to))
    }

    /// A new file without a name, if the system has such files: nothing is left of it, however the program ends.
    pub fn unnamed(&self, mode: u32) -> Option<File> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{Mode, OFlags};
            // The name comes through this folder.
            if !Path::new("/proc/self/fd").exists() {
                return None;
            }
            let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
            rustix::fs::openat(&self.handle, ".", flags, Mode::from_raw_mode(mode)).ok().map(File::from)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = mode;
            None
        }
    }

    /// Gives a file without a name one that is not taken.
    #[cfg(target_os = "linux")]
    pub fn name(&self, file: &File, name: &OsStr) -> io::Result<()> {
        use std::os::fd::AsRawFd as _;
        let open = format!("/proc/self/fd/{}", file.as_raw_fd());
        let follow = rustix::fs::AtFlags::SYMLINK_FOLLOW;
        Ok(rustix::fs::linkat(rustix::fs::CWD, open, &self.handle, name, follow)?)
    }

    /// Gives a file without a name one that is not taken.
    #[cfg(not(target_os = "linux"))]
    pub fn name(&self, _: &File, _: &OsStr) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Names of its regular files.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStringExt as _;
            let mut names = Vec::new();
            for entry in rustix::fs::Dir::read_from(&self.handle)? {
                let entry = entry?;
                // Some file systems do not say what it is; opening it does.
                if matches!(
                    entry.file_type(),
                    rustix::fs::FileType::RegularFile | rustix::fs::FileType::Unknown
                ) {
                    names.push(OsString::from_vec(entry.file_name().to_bytes().to_vec()));
                }
            }
            Ok(names)
        }
        #[cfg(not(unix))]
        {
            let mut names = Vec::new();
            for entry in fs::read_dir(&self.path)? {
                let entry = entry?;
                if entry.file_type()?.is_file() {
                    names.push(entry.file_name());
                }
            }
            Ok(names)
        }
    }

    /// Makes names in the folder last through a power cut, if the system has that notion.
    pub fn sync(&self) -> io::Result<()> {
        #[cfg(unix)]
        self.handle.sync_all()?;
        Ok(())
    }

    /// Whether its path still leads to it, and a file of that name is in it.
    pub fn is_there(&self, name: &OsStr) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let same = |a: Metadata, b: Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
            let here = self.handle.metadata().ok().zip(fs::metadata(&self.path).ok());
            here.is_some_and(|(a, b)| same(a, b)) && self.read(name).is_ok()
        }
        #[cfg(not(unix))]
        self.path.join(name).is_file()
    }
}

/// The user as whom this program runs, to whom a process's own folder belongs; `None` where there is no such folder.
#[cfg(unix)]
pub fn own_user() -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").ok().map(|about| about.uid())
}

fn not_ours() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "this file has a second name elsewhere")
}

/// Whether a file has names but this one: another user may have given it the one by which it was found.
pub fn has_other_names(about: &Metadata) -> bool {
    #[cfg(unix)]
    {
        std::os::unix::fs::MetadataExt::nlink(about) > 1
    }
    #[cfg(not(unix))]
    {
        let _ = about;
        false
    }
}

/// The file, if it is a regular one.
fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not a regular file"))
    }
}

/// Opens a regular file of a folder for reading, by its path; never through a link, and without waiting.
pub fn read(path: &Path) -> io::Result<File> {
    open(path, File::options().read(true))
}

fn open(path: &Path, options: &mut fs::OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    // Files of compressed and remote volumes are reparse points as links are, and have to be opened as usual. Making a link
    // takes an administrator there.
    #[cfg(not(unix))]
    if fs::symlink_metadata(path).is_ok_and(|about| about.is_symlink()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is a link"));
    }
    regular(options.open(path)?)
}
