//! Standard input, which can be looked at before it is read: what was seen is kept until then.

use std::io::{self, Cursor, Read};
use std::sync::{Mutex, PoisonError};

/// What was looked at and not read yet.
static SEEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Most that is looked at: of a text without a table in so much, nothing is known anyway.
const MOST: usize = 256 << 20;

/// Standard input from its first byte that was not read: what was looked at, then what follows.
pub(crate) fn rest() -> impl Read + Send {
    let seen = std::mem::take(&mut *SEEN.lock().unwrap_or_else(PoisonError::into_inner));
    Cursor::new(seen).chain(io::stdin())
}

/// Reads standard input, and keeps every byte for [`rest`].
#[derive(Default)]
pub(crate) struct Peek {
    at: usize,
}

impl Read for Peek {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        peek(&mut seen, &mut self.at, io::stdin(), into, MOST)
    }
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

    #[test]
    fn an_endless_stream_is_not_kept_without_end() {
        let (mut seen, mut at, mut part) = (Vec::new(), 0, [0; 64]);
        while peek(&mut seen, &mut at, io::repeat(b'x'), &mut part, 1000).unwrap() > 0 {
            assert!(at < 2000);
        }
        assert!((1000..1064).contains(&seen.len()));
    }
}
