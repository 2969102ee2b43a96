//! `--pooltag FILE` and `--localtag FILE`, next to `--pooltag` alone.
//!
//! Both options may be used without a file, so clap would take whatever follows for one: a log, a tag, a recording. The rule
//! is here instead: the next word is the file if it is a pooltag file, or if it ends in `.txt` and does not exist (then
//! the error names it). `--pooltag=FILE` takes any file.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use poolmon_owner::PooltagFile;

/// Bytes of a file that are looked at.
const START: u64 = 64 << 10;

/// Joins each `--pooltag` with the file behind it: `--pooltag FILE` becomes `--pooltag=FILE`.
pub fn join(args: Vec<OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::with_capacity(args.len());
    let mut rest = args.into_iter().peekable();
    while let Some(mut arg) = rest.next() {
        if arg == "--" {
            // A command of its own follows.
            joined.push(arg);
            joined.extend(rest);
            break;
        }
        if (arg == "--pooltag" || arg == "--localtag")
            && let Some(file) = rest.next_if(|next| is_file(next))
        {
            arg.push("=");
            arg.push(file);
        }
        joined.push(arg);
    }
    joined
}

fn is_file(word: &OsStr) -> bool {
    let path = Path::new(word);
    if !path.exists() {
        let is_option = word.as_encoded_bytes().starts_with(b"-");
        return !is_option && path.extension().is_some_and(|end| end.eq_ignore_ascii_case("txt"));
    }
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(START).read_to_end(&mut start));
    path.is_file() && read.is_ok() && is_pooltag(&start)
}

/// At least one entry, and more entries than lines that are none.
fn is_pooltag(start: &[u8]) -> bool {
    let file = PooltagFile::parse("", start);
    file.entries().len() > file.irregular().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(words: &[&OsStr]) -> Vec<OsString> {
        join(words.iter().map(|&word| word.to_owned()).collect())
    }

    #[test]
    fn only_a_pooltag_file_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.into_os_string()
        };
        let tags = file("mine.dat", "Leak - evil.sys - it leaks\nIrp - nt - requests\n");
        let log = file(
            "log.txt",
            " Memory: 8387516K Avail: 1K\n Tag  Type     Allocs     Frees      Diff   Bytes  Per Alloc\n\n \
             Leak Nonp          5         1         4     400        100\n",
        );
        let option = OsStr::new("--pooltag");
        let with = |value: &OsStr| {
            let mut whole = OsString::from("--pooltag=");
            whole.push(value);
            whole
        };
        assert_eq!(joined(&[option, &tags, &log]), [with(&tags), log.clone()]);
        assert_eq!(joined(&[option, &log]), [option.to_owned(), log]);
        let missing = OsStr::new("missing.txt");
        assert_eq!(joined(&[option, missing]), [with(missing)], "the error names it");
        for word in ["Leak", "rec", "--sort", "-x.txt"].map(OsStr::new) {
            assert_eq!(joined(&[option, word]), [option.to_owned(), word.to_owned()]);
        }
        let dashes = OsStr::new("--");
        assert_eq!(joined(&[dashes, option, missing]), [dashes, option, missing], "another program's option");
    }
}
