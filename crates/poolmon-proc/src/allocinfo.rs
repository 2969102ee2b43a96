//! `/proc/allocinfo`: memory allocation profiling, one line for each place in the source that allocates.
//!
//! Kernels built with `CONFIG_MEM_ALLOC_PROFILING` (6.10 and later) have it. Places that hold nothing are left out. The
//! same memory shows in slab or vmalloc rows too.

use std::borrow::Cow;
use std::sync::Arc;

use poolmon_model::{Counters, Pool, Row};

use crate::Unread;
use crate::bytes::{lines, next_number, number, word};
use crate::names::{FoundName, Names};
use crate::tools::size;

/// One line: figures and where in the source they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLine<'a> {
    /// Bytes held.
    pub bytes: u64,
    /// Allocations held.
    pub calls: u64,
    /// `file:line [module] func:name`.
    pub place: &'a [u8],
    /// The kernel missed some allocations of this place, and says so (`accurate:no`, version 2); or the bytes are rounded.
    pub inexact: bool,
}

impl<'a> CallLine<'a> {
    /// Reads a line; `None` if it is none.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let mut rest = line;
        let size = word(&mut rest)?;
        let exact = number(size);
        let bytes = exact.or_else(|| human(size))?;
        let calls = next_number(&mut rest)?;
        let place = rest.trim_ascii();
        let complete = place.strip_suffix(b" accurate:no");
        let inexact = complete.is_some() || exact.is_none();
        let place = complete.unwrap_or(place).trim_ascii_end();
        (!place.is_empty()).then_some(Self { bytes, calls, place, inexact })
    }
}

/// A size that `numfmt --to=iec` rounded: `45.2M`, `45.2Mi`.
fn human(word: &[u8]) -> Option<u64> {
    let word = word.strip_suffix(b"B").unwrap_or(word);
    let word = word.strip_suffix(b"i").unwrap_or(word);
    word.last().filter(|unit| b"KMGT".contains(unit))?;
    size(word).map(|(bytes, _)| bytes)
}

/// Where in the source memory was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// File, from the top of the source tree.
    pub file: &'a str,
    /// Line in it, digits.
    pub line: &'a str,
    /// Module, where it is not the kernel's own.
    pub module: Option<&'a str>,
    /// Function.
    pub function: &'a str,
}

impl<'a> Place<'a> {
    /// Reads `file:line [module] func:name`; `None` if it is none.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (place, function) = text.rsplit_once(" func:")?;
        let place = place.trim_end();
        let (place, module) = match place.strip_suffix(']').and_then(|place| place.rsplit_once(" [")) {
            Some((place, module)) => (place, Some(module)),
            None => (place, None),
        };
        let (file, line) = place.rsplit_once(':')?;
        let reported = !file.is_empty() && !line.is_empty() && !function.is_empty();
        let number = line.bytes().all(|byte| byte.is_ascii_digit());
        (reported && number).then_some(Self { file: file.trim_start_matches("./"), line, module, function })
    }

    /// The row's name: `fs/ext4/super.c:1390 ext4_alloc_inode`.
    pub fn name(&self) -> String {
        format!("{}:{} {}", self.file, self.line, self.function)
    }

    /// Who owns the place: its module, else the first two directories of its file (`fs/ext4`, `mm`).
    pub fn owner(&self) -> Option<&'a str> {
        if self.module.is_some() {
            return self.module;
        }
        let (folder, _) = self.file.rsplit_once('/')?;
        let second = folder.match_indices('/').nth(1).map_or(folder.len(), |(at, _)| at);
        folder.get(..second).filter(|folder| !folder.is_empty())
    }
}

/// Version line of a text that this module understands.
pub fn is_allocinfo(text: &[u8]) -> bool {
    text.starts_with(b"allocinfo - version: 1.") || text.starts_with(b"allocinfo - version: 2.")
}

/// Appends a row for each place of `text` that holds something.
pub fn append(text: &[u8], names: &mut Names, rows: &mut Vec<Row>) -> Unread {
    let mut unread = Unread::default();
    names.begin();
    for (number, line) in (1..).zip(lines(text)).skip(1) {
        if line.first() == Some(&b'#') {
            continue;
        }
        if !append_line(line, names, rows) {
            unread.line(number);
        }
    }
    names.end();
    unread
}

/// Appends the row of one line, if the place holds something. False if it is no line of a place.
pub fn append_line(line: &[u8], names: &mut Names, rows: &mut Vec<Row>) -> bool {
    let Some(call) = CallLine::parse(line) else { return false };
    if call.bytes == 0 && call.calls == 0 {
        return true;
    }
    let at = match names.find(call.place) {
        FoundName::Steady(at) | FoundName::Returned(at) => at,
        FoundName::New => {
            let text: Cow<'_, str> = String::from_utf8_lossy(call.place);
            let Some(place) = Place::parse(&text) else { return false };
            names.learn(call.place, &place.name(), place.owner().map(Arc::from), Pool::CallSite)
        }
    };
    let counters = Counters {
        reported_diff: Some(i64::try_from(call.calls).unwrap_or(i64::MAX)),
        bytes: Some(call.bytes),
        inexact: call.inexact,
        ..Counters::default()
    };
    names.add(at, counters, rows);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_of_the_kernel_and_of_modules() {
        let place = Place::parse("fs/ext4/super.c:1390 [ext4] func:ext4_alloc_inode").unwrap();
        assert_eq!(place.name(), "fs/ext4/super.c:1390 ext4_alloc_inode");
        assert_eq!(place.owner(), Some("ext4"));
        for (text, owner) in [
            ("mm/slub.c:12 func:alloc_slab_page", Some("mm")),
            ("drivers/net/ethernet/x/y.c:1 func:f", Some("drivers/net")),
            ("./include/linux/skbuff.h:9 func:f", Some("include/linux")),
            ("main.c:1 func:f", None),
            ("/build/nvidia/nv.c:7 [nvidia] func:nv", Some("nvidia")),
        ] {
            assert_eq!(Place::parse(text).unwrap().owner(), owner, "{text}");
        }
    }

    #[test]
    fn lines_of_both_versions_and_lines_that_are_none() {
        let line = CallLine::parse(b"       4096        1 mm/slub.c:12 func:f ").unwrap();
        assert_eq!((line.bytes, line.calls, line.place), (4096, 1, b"mm/slub.c:12 func:f".as_slice()));
        let marked = CallLine::parse(b"4096 1 mm/slub.c:12 func:f accurate:no");
        assert_eq!(marked, Some(CallLine { inexact: true, ..line }));
        let rounded = CallLine::parse(b"45.5M 12 mm/slub.c:12 func:f").unwrap();
        assert_eq!((rounded.bytes, rounded.calls, rounded.inexact), (91 << 19, 12, true));
        for text in [
            "",
            "4096",
            "4096 1",
            "4096X 1 mm/slub.c:12 func:f",
            "-4096 1 mm/slub.c:12 func:f",
            "99999999999999999999 1 a:1 func:f",
        ] {
            assert_eq!(CallLine::parse(text.as_bytes()), None, "{text}");
        }
        for text in ["", "mm/slub.c:12", "mm/slub.c func:f", "mm/slub.c:x func:f", ":1 func:f", "a:1 func:"] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }

    #[test]
    fn unused_places_are_left_out_and_bad_ones_counted() {
        let text = b"allocinfo - version: 1.0\n#     <size>  <calls> <tag info>\n\
            0 0 init/main.c:1 func:never\n4096 2 mm/a.c:1 func:f\nnonsense\n64 1 nowhere\n10 1 mm/a.c:1 func:f";
        assert!(is_allocinfo(text));
        let (mut rows, mut names) = (Vec::new(), Names::default());
        let unread = append(text, &mut names, &mut rows);
        assert_eq!(unread, Unread { lines: 2, first: 5 });
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].counters.bytes, rows[0].counters.reported_diff), (Some(4106), Some(3)));
        assert_eq!((rows[0].pool, rows[0].reported_owner.as_deref()), (Pool::CallSite, Some("mm")));
    }

    proptest! {
        #[test]
        fn what_the_kernel_prints_reads_back(
            file in "[a-z]{1,8}(/[a-z_-]{1,8}){0,3}\\.c",
            line: u32,
            module in prop::option::of("[a-z_]{1,10}"),
            function in "[a-z_][a-z_0-9.]{0,20}",
            bytes: u64,
            calls: u64,
        ) {
            let shown = module.as_ref().map(|module| format!(" [{module}]")).unwrap_or_default();
            let text = format!("{bytes:12} {calls:8} {file}:{line}{shown} func:{function} ");
            let call = CallLine::parse(text.as_bytes()).unwrap();
            prop_assert_eq!((call.bytes, call.calls), (bytes, calls));
            let place = Place::parse(std::str::from_utf8(call.place).unwrap()).unwrap();
            prop_assert_eq!(place.module, module.as_deref());
            prop_assert_eq!(place.name(), format!("{file}:{line} {function}"));
        }

        #[test]
        fn any_text_ends(text in prop::collection::vec(any::<u8>(), 0..300)) {
            append(&text, &mut Names::default(), &mut Vec::new());
        }
    }
}
