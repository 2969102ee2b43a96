//! Standard input, which can be looked at before it is read: what was seen is kept until then.

use std::io::{self, Cursor, Read};
use std::sync::{Mutex, PoisonError};

/// What was looked at and not read yet.
static SEEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

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
        peek(&mut SEEN.lock().unwrap_or_else(PoisonError::into_inner), &mut self.at, io::stdin(), into)
    }
}

fn peek(seen: &mut Vec<u8>, at: &mut usize, mut more: impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut kept = seen.get(*at..).unwrap_or_default();
    let mut length = kept.read(into)?;
    if length == 0 {
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
                let length = peek(&mut seen, &mut at, &mut stream, &mut part).unwrap();
                read.extend_from_slice(&part[..length]);
            }
            assert_eq!(read, b"a long t");
        }
        let mut rest = Vec::new();
        Cursor::new(seen).chain(stream).read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"a long text");
    }
}
