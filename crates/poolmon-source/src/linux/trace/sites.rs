//! `/proc/allocinfo`, where a kernel has it: the lines of its source that allocate, and what each holds.
//!
//! A trace can start from a line, and the lines that grew are named next to a cache that did. Since Linux 7.3 the kernel itself picks
//! the lines of one function (`linux/alloc_tag.h`); before, all of them are read as text.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use poolmon_proc::allocinfo::{CallLine, Place, is_allocinfo};
use rustix::ioctl::{Direction, opcode};

use super::calls;
use crate::linux::files::failed;
use crate::{Result, SourceError};

/// A line of the kernel's source, and what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// File, from the top of the source tree.
    pub file: String,
    /// Line in it.
    pub line: u64,
    /// Function.
    pub function: String,
    /// Module; `None` for the kernel itself.
    pub module: Option<String>,
    /// Bytes that it holds.
    pub bytes: u64,
    /// Objects that it holds.
    pub calls: u64,
    /// The kernel missed some of them, and says so.
    pub inexact: bool,
}

impl Site {
    fn parse(line: &[u8]) -> Option<Self> {
        let line = CallLine::parse(line)?;
        let text = String::from_utf8_lossy(line.place);
        let place = Place::parse(&text)?;
        Some(Self {
            file: place.file.to_owned(),
            line: place.line.parse().ok()?,
            function: place.function.to_owned(),
            module: place.module.map(str::to_owned),
            bytes: line.bytes,
            calls: line.calls,
            inexact: line.inexact,
        })
    }

    /// As rows name it: `fs/ext4/super.c:1390 ext4_alloc_inode`.
    pub fn name(&self) -> String {
        format!("{}:{} {}", self.file, self.line, self.function)
    }

    fn is(&self, other: &Self) -> bool {
        (self.line, &self.file, &self.function) == (other.line, &other.file, &other.function)
            && self.module == other.module
    }
}

/// Which line is meant: `fs/eventfd.c:389`, the name of its row, or its line of `/proc/allocinfo` without the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteName<'a> {
    /// File, from the top of the source tree.
    pub file: &'a str,
    /// Line in it.
    pub line: u64,
    /// Function, if it was named.
    pub function: Option<&'a str>,
}

impl<'a> SiteName<'a> {
    /// Reads it; `None` if the text is not the name of a line.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let (file, line) = words.next()?.rsplit_once(':')?;
        let is_source = [".c", ".h", ".rs", ".S"].iter().any(|ending| file.ends_with(ending));
        let function = words.next_back().map(|word| word.strip_prefix("func:").unwrap_or(word));
        let file = file.trim_start_matches("./");
        Some(Self { file, line: line.parse().ok()?, function }).filter(|_| is_source)
    }

    /// Whether this is that line.
    pub fn is(&self, site: &Site) -> bool {
        self.line == site.line
            && self.file == site.file
            && self.function.is_none_or(|function| function == site.function)
    }
}

/// Reads the lines of one function, or all. `None` if the kernel does not count them.
///
/// # Errors
///
/// The file cannot be read, or is of an unknown version.
pub fn read(root: &Path, function: Option<&str>) -> Result<Option<Vec<Site>>> {
    let path = root.join("proc/allocinfo");
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| failed("open", &path, error, ("", "")))?,
    };
    if let Some(function) = function
        && let Some(sites) = picked(|request, bytes| calls::ioctl(&file, request, bytes), function)
    {
        return Ok(Some(sites));
    }
    let text = fs::read(&path).map_err(|error| failed("read", &path, error, ("", "")))?;
    if !is_allocinfo(&text) {
        let found = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
        return Err(SourceError::Malformed {
            path: path.display().to_string(),
            place: "line 1".into(),
            problem: format!(
                "expected `allocinfo - version: 1.x` or `2.x`, found `{}`",
                String::from_utf8_lossy(found).escape_debug()
            ),
            remedy: "trace a slab cache: poolmon top --pool slab lists them".into(),
        });
    }
    let sites = text.split(|&byte| byte == b'\n').filter_map(Site::parse);
    let wanted = |site: &Site| function.is_none_or(|function| function == site.function);
    Ok(Some(sites.filter(wanted).collect()))
}

/// Lines that hold more than before, those that grew most first: bytes and objects.
pub fn grown(before: &[Site], after: Vec<Site>) -> Vec<(Site, u64, u64)> {
    let growth = |site: Site| {
        let earlier = before.iter().find(|earlier| earlier.is(&site));
        let (bytes, calls) = earlier.map_or((0, 0), |earlier| (earlier.bytes, earlier.calls));
        let (bytes, calls) = (site.bytes.saturating_sub(bytes), site.calls.saturating_sub(calls));
        (bytes > 0).then_some((site, bytes, calls))
    };
    let mut grown: Vec<_> = after.into_iter().filter_map(growth).collect();
    grown.sort_unstable_by(|(a, of_a, _), (b, of_b, _)| {
        of_b.cmp(of_a).then_with(|| (&a.file, a.line).cmp(&(&b.file, b.line)))
    });
    grown
}

// `linux/alloc_tag.h` of Linux 7.3. A tag is three names of 64 bytes and a line; a filter is a mask, a tag and three numbers; an
// answer is a tag, bytes, calls, and whether they are accurate.
const NAME: usize = 64;
const TAG: usize = 3 * NAME + 8;
const FILTER: usize = 8 + TAG + 3 * 8;
const DATA: usize = TAG + 3 * 8;
/// A position, a filter, and room for the answer.
const GET_AT: usize = 8 + FILTER + DATA;
const BY_FUNCTION: u64 = 1 << 1;
const GROUP: u8 = 0xA6;

/// The lines of a function, picked by the kernel; `call` makes a request with an argument that the kernel fills. `None` if this kernel
/// does not do that, or not to the end.
fn picked(mut call: impl FnMut(u32, &mut [u8]) -> io::Result<()>, function: &str) -> Option<Vec<Site>> {
    // Of longer names the kernel compares the ends.
    if function.len() >= NAME {
        return None;
    }
    let mut first = [0; GET_AT];
    first.get_mut(8..16)?.copy_from_slice(&BY_FUNCTION.to_ne_bytes());
    first.get_mut(16 + NAME..)?.get_mut(..function.len())?.copy_from_slice(function.as_bytes());
    let request = |direction, number, size| opcode::from_components(direction, GROUP, number, size);
    let mut sites = Vec::new();
    let mut next = [0; DATA];
    let mut answered = call(request(Direction::ReadWrite, 1, GET_AT), &mut first);
    next.copy_from_slice(first.get(GET_AT - DATA..)?);
    loop {
        match answered {
            Ok(()) => sites.extend(decode(&next).filter(|site| site.function == function)),
            // There is no further one.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Some(sites),
            Err(_) => return None,
        }
        answered = call(request(Direction::Read, 2, DATA), &mut next);
    }
}

fn decode(data: &[u8; DATA]) -> Option<Site> {
    let name = |at: usize| {
        let bytes = data.get(at..)?.get(..NAME)?;
        let text = bytes.split(|&byte| byte == 0).next()?;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    let number = |at: usize| Some(u64::from_ne_bytes(*data.get(at..)?.first_chunk()?));
    Some(Site {
        module: name(0).filter(|name| !name.is_empty()),
        function: name(NAME)?,
        file: name(2 * NAME)?.trim_start_matches("./").to_owned(),
        line: number(3 * NAME)?,
        bytes: number(TAG)?,
        calls: number(TAG + 8)?,
        inexact: data.get(TAG + 16) == Some(&0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "allocinfo - version: 2.0\n#     <size>  <calls> <tag info>\n\
        4096 64 fs/eventfd.c:389 func:do_eventfd\n\
        512 2 ./include/linux/skbuff.h:9 [tun] func:tun_get accurate:no\n\
        96 3 fs/eventfd.c:400 func:do_eventfd\nnonsense\n";

    fn root(text: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc")).unwrap();
        fs::write(root.path().join("proc/allocinfo"), text).unwrap();
        root
    }

    fn site(file: &str, line: u64, function: &str, bytes: u64, calls: u64) -> Site {
        let (file, function) = (file.to_owned(), function.to_owned());
        Site { file, line, function, bytes, calls, ..Site::default() }
    }

    #[test]
    fn lines_of_one_function_and_all() {
        let root = root(TEXT);
        let eventfd = [
            site("fs/eventfd.c", 389, "do_eventfd", 4096, 64),
            site("fs/eventfd.c", 400, "do_eventfd", 96, 3),
        ];
        assert_eq!(read(root.path(), Some("do_eventfd")).unwrap().unwrap(), eventfd);
        let all = read(root.path(), None).unwrap().unwrap();
        let tun = Site {
            module: Some("tun".into()),
            inexact: true,
            ..site("include/linux/skbuff.h", 9, "tun_get", 512, 2)
        };
        assert_eq!((all.len(), &all[1]), (3, &tun));
    }

    #[test]
    fn a_kernel_without_it_or_with_another_version() {
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(read(empty.path(), None).unwrap(), None);
        let error = read(root("allocinfo - version: 9.0\n").path(), None).unwrap_err().to_string();
        assert!(error.contains("proc/allocinfo") && error.contains("line 1"), "{error}");
    }

    #[test]
    fn names_of_lines() {
        let name = |text| SiteName::parse(text).map(|name| (name.file, name.line, name.function));
        assert_eq!(name("fs/eventfd.c:389"), Some(("fs/eventfd.c", 389, None)));
        let full = Some(("fs/ext4/super.c", 1390, Some("ext4_alloc_inode")));
        assert_eq!(name("fs/ext4/super.c:1390 ext4_alloc_inode"), full);
        assert_eq!(name("./fs/ext4/super.c:1390 [ext4] func:ext4_alloc_inode"), full);
        for other in ["filp", "kmalloc-64", ":0000192", "a:b", "C:1", "x.c:", "x.c:1x", ""] {
            assert_eq!(name(other), None, "{other}");
        }
        let parsed = SiteName::parse("fs/eventfd.c:389 other").unwrap();
        assert!(!parsed.is(&site("fs/eventfd.c", 389, "do_eventfd", 1, 1)));
    }

    #[test]
    fn what_grew_most_is_first() {
        let before = [site("a.c", 1, "f", 100, 1), site("b.c", 1, "g", 500, 5)];
        let after =
            vec![site("a.c", 1, "f", 150, 2), site("b.c", 1, "g", 400, 4), site("c.c", 1, "h", 4_000, 10)];
        let grown: Vec<_> =
            grown(&before, after).into_iter().map(|(site, bytes, calls)| (site.file, bytes, calls)).collect();
        assert_eq!(grown, [("c.c".to_owned(), 4_000, 10), ("a.c".to_owned(), 50, 1)]);
    }

    /// A kernel that picks, played: what it is asked, and what it answers.
    struct Picks {
        left: Vec<[u8; DATA]>,
        end: i32,
        asked: Vec<u32>,
    }

    impl Picks {
        fn call(&mut self, request: u32, bytes: &mut [u8]) -> io::Result<()> {
            self.asked.push(request);
            if self.left.is_empty() {
                return Err(io::Error::from_raw_os_error(self.end));
            }
            let data = self.left.remove(0);
            let at = bytes.len() - DATA;
            if at > 0 {
                assert_eq!(bytes[8..16], 2_u64.to_ne_bytes(), "by function");
                assert_eq!(&bytes[80..91], b"do_eventfd\0");
            }
            bytes[at..].copy_from_slice(&data);
            Ok(())
        }
    }

    fn data(function: &str, line: u64, accurate: u8) -> [u8; DATA] {
        let mut data = [0; DATA];
        data[64..64 + function.len()].copy_from_slice(function.as_bytes());
        data[128..140].copy_from_slice(b"fs/eventfd.c");
        for (at, number) in [(192, line), (200, 4096), (208, 64)] {
            data[at..at + 8].copy_from_slice(&number.to_ne_bytes());
        }
        data[216] = accurate;
        data
    }

    #[test]
    fn the_kernel_picks_the_lines_of_a_function_if_it_can() {
        let kernel = |end| Picks {
            left: vec![data("do_eventfd", 389, 1), data("do_eventfd", 400, 0), data("another", 1, 1)],
            end,
            asked: Vec::new(),
        };
        let mut picks = kernel(libc::ENOENT);
        let sites = picked(|request, bytes| picks.call(request, bytes), "do_eventfd").unwrap();
        assert_eq!(sites[0], site("fs/eventfd.c", 389, "do_eventfd", 4096, 64));
        assert_eq!((sites.len(), sites[1].inexact), (2, true));
        // _IOWR(0xA6, 1, 464 bytes), then _IOR(0xA6, 2, 224 bytes) for each further one.
        #[cfg(target_arch = "x86_64")]
        assert_eq!(picks.asked, [0xC1D0_A601, 0x80E0_A602, 0x80E0_A602, 0x80E0_A602]);
        // It changed meanwhile, or has no such request: the text is read.
        for end in [libc::EAGAIN, libc::ENOTTY] {
            let mut picks = kernel(end);
            assert_eq!(picked(|request, bytes| picks.call(request, bytes), "do_eventfd"), None);
        }
        assert_eq!(picked(|_, _| panic!("too long to compare"), &"f".repeat(64)), None);
    }
}
