//! Secrets: how they are read, and compared so that the time taken says nothing of them.

use std::fs;
use std::path::Path;

use poolmon_image::bounded;

use crate::ServeError;

/// Shortest token that is accepted, characters.
const SHORTEST: usize = 16;

/// The tokens of a file, any of which admits.
#[derive(Clone)]
pub struct Tokens(Vec<Box<[u8]>>);

/// Never printed.
impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}

impl Tokens {
    /// Reads one token a line; empty lines and those that begin with `#` do not count.
    ///
    /// # Errors
    ///
    /// The file cannot be read, others can read it too, or it holds no token or one that is too short.
    pub fn read(path: &Path) -> Result<Self, ServeError> {
        let problem = |problem: String| ServeError::Token { path: path.to_owned(), problem };
        let cannot = |error: std::io::Error| problem(format!("cannot read the file of tokens: {error}"));
        let meta = fs::metadata(path).map_err(cannot)?;
        if is_open(&meta) {
            return Err(problem("other users can read or write the file of tokens".to_owned()));
        }
        let text = bounded::read_text(path, bounded::SMALL).map_err(cannot)?;
        let mut tokens = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let token = line.trim();
            if token.is_empty() || token.starts_with('#') {
                continue;
            }
            if token.chars().count() < SHORTEST {
                return Err(problem(format!("line {}: a token of fewer than {SHORTEST} characters", at + 1)));
            }
            tokens.push(token.as_bytes().into());
        }
        if tokens.is_empty() {
            return Err(problem("there is no token in the file".to_owned()));
        }
        Ok(Self(tokens))
    }

    /// Whether a text is one of them.
    pub fn admit(&self, text: &[u8]) -> bool {
        // All are compared: which one fits must not show in the time either.
        self.0.iter().fold(false, |found, token| is_same(token, text) | found)
    }
}

#[cfg(unix)]
fn is_open(meta: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    meta.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open(_: &fs::Metadata) -> bool {
    false
}

/// Compares every byte, however early they differ; the time depends on the length of `text` alone.
fn is_same(secret: &[u8], text: &[u8]) -> bool {
    let mut differ = secret.len() ^ text.len();
    for (at, byte) in text.iter().enumerate() {
        let other = secret.get(at % secret.len().max(1)).copied().unwrap_or(0);
        differ |= usize::from(std::hint::black_box(byte ^ other));
    }
    std::hint::black_box(differ) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_text_is_the_same() {
        let secret = b"0123456789abcdef";
        assert!(is_same(secret, secret));
        for other in [&b"0123456789abcdeg"[..], b"0123456789abcde", b"", b"0123456789abcdef0123456789abcdef"]
        {
            assert!(!is_same(secret, other), "{other:?}");
        }
        assert!(!is_same(b"", b"x") && is_same(b"", b""));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_or_that_is_too_short_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let read = |text: &str, mode: u32| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            Tokens::read(&path).map_err(|error| error.to_string())
        };
        let tokens = read("# for Prometheus\n\n 0123456789abcdef \nanother-long-token\n", 0o600).unwrap();
        assert!(tokens.admit(b"0123456789abcdef") && tokens.admit(b"another-long-token"));
        assert!(!tokens.admit(b"# for Prometheus") && !tokens.admit(b""));
        assert_eq!(format!("{tokens:?}"), "Tokens(2)");
        assert!(read("0123456789abcdef", 0o640).unwrap_err().contains("other users"));
        assert!(read("0123456789abcdef\nshort\n", 0o600).unwrap_err().contains("line 2"));
        assert!(read("# nothing\n", 0o600).unwrap_err().contains("no token"));
    }

    #[test]
    fn a_mark_of_an_editor_is_no_part_of_a_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        fs::write(&path, "\u{feff}0123456789abcdef\r\nfedcba9876543210\r\n").unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let tokens = Tokens::read(&path).unwrap();
        assert!(tokens.admit(b"0123456789abcdef") && tokens.admit(b"fedcba9876543210"));
    }
}
