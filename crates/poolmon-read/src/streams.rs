//! Standard input, pipes and devices, which can be looked at before they are read: what was seen is kept until then.

use std::fs::File;
use std::io::{self, Cursor, IsTerminal as _, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

/// What was looked at and not read yet. The path of standard input is `-`.
static SEEN: Mutex<Vec<Seen>> = Mutex::new(Vec::new());

/// Most that is looked at: of a text without a table in so much, nothing is known anyway.
const MOST: usize = 256 << 20;

/// A stream that was looked at.
struct Seen {
    path: PathBuf,
    /// A pipe that was opened: opening it again would wait for another writer. `None` is standard input.
    file: Option<File>,
    bytes: Vec<u8>,
}

impl Seen {
    fn open(path: &Path) -> io::Result<Self> {
        let file = if path.as_os_str() == "-" { None } else { Some(File::open(path)?) };
        Ok(Self { path: path.to_owned(), file, bytes: Vec::new() })
    }

    /// What follows the bytes that were seen.
    fn more(&mut self) -> Box<dyn Read + '_> {
        match &mut self.file {
            Some(file) => Box::new(file),
            None => Box::new(io::stdin()),
        }
    }
}

/// A stream from its first byte that was not read: what was looked at, then what follows.
pub(crate) fn rest(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    let mut all = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let seen = match all.iter().position(|seen| seen.path == path) {
        Some(at) => all.swap_remove(at),
        None => Seen::open(path)?,
    };
    let bytes = Cursor::new(seen.bytes);
    Ok(match seen.file {
        Some(file) => Box::new(bytes.chain(file)),
        None => Box::new(bytes.chain(io::stdin())),
    })
}

/// Reads a stream, and keeps every byte for [`rest`].
pub(crate) struct Peek {
    path: PathBuf,
    at: usize,
}

impl Peek {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), at: 0 }
    }
}

impl Read for Peek {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut all = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        let at = if let Some(at) = all.iter().position(|seen| seen.path == self.path) {
            at
        } else {
            all.push(Seen::open(&self.path)?);
            all.len() - 1
        };
        let Some(seen) = all.get_mut(at) else { return Ok(0) };
        let mut bytes = std::mem::take(&mut seen.bytes);
        let length = peek(&mut bytes, &mut self.at, seen.more(), into, MOST);
        seen.bytes = bytes;
        length
    }
}

/// Whether standard input is to be read: something is written to it, or it is a pipe that ends without a byte. Waits so long for
/// its first byte, which is kept.
pub fn is_input_piped(patience: Duration) -> bool {
    if io::stdin().is_terminal() {
        return false;
    }
    let (found, first) = mpsc::channel();
    // Ends with the program, if nothing ever comes.
    std::thread::spawn(move || {
        let length = Peek::new(Path::new("-")).read(&mut [0; 1]);
        let _ = found.send(is_to_be_read(&length, is_input_a_pipe));
    });
    first.recv_timeout(patience).unwrap_or(false)
}

/// Whether standard input is to be read, by the length of its first byte. A pipe without a byte is an empty file: what wrote it
/// found nothing. `/dev/null` (`NUL`) is no file to read.
fn is_to_be_read(first: &io::Result<usize>, is_a_pipe: impl FnOnce() -> bool) -> bool {
    first.as_ref().is_ok_and(|&length| length > 0 || is_a_pipe())
}

fn peek(
    seen: &mut Vec<u8>,
    at: &mut usize,
    mut more: impl Read,
    into: &mut [u8],
    most: usize,
) -> io::Result<usize> {
    let mut kept = seen.get(*at..).unwrap_or_default();
    let mut length = kept.read(into)?;
    if length == 0 && seen.len() < most {
        length = more.read(into)?;
        seen.extend_from_slice(into.get(..length).unwrap_or_default());
    }
    *at += length;
    Ok(length)
}

/// Whether standard input is a pipe; false where that cannot be known.
pub fn is_input_a_pipe() -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        std::fs::metadata("/dev/stdin").is_ok_and(|about| about.file_type().is_fifo())
    }
    #[cfg(windows)]
    {
        winapi_util::file::typ(winapi_util::HandleRef::stdin()).is_ok_and(|kind| kind.is_pipe())
    }
    #[cfg(not(any(unix, windows)))]
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_is_kept_and_can_be_looked_at_again() {
        let mut stream = Cursor::new(b"a long text".to_vec());
        let mut seen = Vec::new();
        for _ in 0..2 {
            let (mut at, mut read) = (0, Vec::new());
            for size in [3, 1, 4] {
                let mut part = vec![0; size];
                let length = peek(&mut seen, &mut at, &mut stream, &mut part, 1000).unwrap();
                read.extend_from_slice(&part[..length]);
            }
            assert_eq!(read, b"a long t");
        }
        let mut rest = Vec::new();
        Cursor::new(seen).chain(stream).read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"a long text");
    }

    /// `grep` without a hit, piped into the program, is no reason to show this machine.
    #[test]
    fn a_pipe_is_to_be_read_without_a_byte_too() {
        assert!(is_to_be_read(&Ok(0), || true));
        assert!(is_to_be_read(&Ok(1), || false), "a file");
        assert!(!is_to_be_read(&Ok(0), || false), "/dev/null");
        assert!(!is_to_be_read(&Err(io::Error::other("closed")), || true));
    }

    #[test]
    fn an_endless_stream_is_not_kept_without_end() {
        let (mut seen, mut at, mut part) = (Vec::new(), 0, [0; 64]);
        while peek(&mut seen, &mut at, io::repeat(b'x'), &mut part, 1000).unwrap() > 0 {
            assert!(at < 2000);
        }
        assert!((1000..1064).contains(&seen.len()));
    }
}
