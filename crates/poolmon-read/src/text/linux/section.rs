//! What a line announces or belongs to, and how much in front of it was added by the program that wrote it down.

use poolmon_proc::allocinfo::{CallLine, Place};
use poolmon_proc::bytes::{last_word, number};
use poolmon_proc::slab::CacheLine;
use poolmon_proc::tools::ToolHeader;
use poolmon_proc::vmalloc::VmallocLine;

/// One kind of list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// `/proc/slabinfo` 2.x.
    Slabinfo,
    /// `/proc/slabinfo` 1.x.
    OldSlabinfo,
    /// `slabtop`.
    Slabtop,
    /// `vmstat -m`.
    Vmstat,
    /// `kmem -s` and `kmem -S` of crash.
    Crash,
    /// `/proc/allocinfo`.
    Allocinfo,
    /// `/proc/vmallocinfo`.
    Vmallocinfo,
    /// `/proc/meminfo`.
    Meminfo,
}

impl Section {
    /// Its bit in a set.
    pub(super) const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// How well it knows caches; `None` if it lists none. Of two lists of one moment the better one is kept.
    pub(super) const fn caches(self) -> Option<u8> {
        match self {
            Self::Slabinfo | Self::OldSlabinfo => Some(3),
            Self::Crash => Some(2),
            Self::Slabtop => Some(1),
            Self::Vmstat => Some(0),
            Self::Allocinfo | Self::Vmallocinfo | Self::Meminfo => None,
        }
    }

    /// What it is called in messages.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Slabinfo | Self::OldSlabinfo => "slabinfo",
            Self::Slabtop => "slabtop",
            Self::Vmstat => "vmstat -m",
            Self::Crash => "kmem -s",
            Self::Allocinfo => "allocinfo",
            Self::Vmallocinfo => "vmallocinfo",
            Self::Meminfo => "meminfo",
        }
    }

    /// Which list a line announces, or whose line it is if its list has no header; and the length of what is in front of
    /// it: a quotation mark, a time.
    pub(crate) fn of(line: &[u8]) -> Option<(Self, usize)> {
        Self::announced(line).or_else(|| Self::without_header(line))
    }

    /// By a version line or column names.
    pub(super) fn announced(line: &[u8]) -> Option<(Self, usize)> {
        const SLABINFO: &[u8] = b"slabinfo - version: ";
        const ALLOCINFO: &[u8] = b"allocinfo - version: ";
        if line.len() > LONGEST {
            return None;
        }
        let (section, at) = if let Some(at) = memchr::memmem::find(line, SLABINFO) {
            let version = line.get(at + SLABINFO.len()..).unwrap_or_default();
            (if version.starts_with(b"1.") { Self::OldSlabinfo } else { Self::Slabinfo }, at)
        } else if let Some(at) = memchr::memmem::find(line, ALLOCINFO) {
            (Self::Allocinfo, at)
        } else {
            let (header, at) = ToolHeader::find(line)?;
            let section = match header {
                ToolHeader::Slabtop => Self::Slabtop,
                ToolHeader::Vmstat => Self::Vmstat,
                ToolHeader::Crash => Self::Crash,
            };
            (section, at)
        };
        Some((section, prefix(line, at)))
    }

    /// By the shape of a row: `/proc/meminfo` and `/proc/vmallocinfo` have no header, and that of others may be lost.
    pub(super) fn without_header(line: &[u8]) -> Option<(Self, usize)> {
        if let Some(at) = meminfo(line) {
            return Some((Self::Meminfo, prefix(line, at)));
        }
        if let Some(cache) = CacheLine::parse(line).filter(|_| line.len() <= LONGEST) {
            // The name is the last word before the figures; what is in front of it is not known.
            let mut before = cache.name;
            let name = last_word(&mut before).map_or(0, <[u8]>::len);
            let quoted = before.iter().any(|b| b.is_ascii_digit() || b">|:".contains(b));
            let at = line.len() - line.trim_ascii_start().len();
            return Some((
                Self::Slabinfo,
                if quoted { prefix(line, at + cache.name.len() - name) } else { 0 },
            ));
        }
        if CallLine::parse(line).is_some_and(|call| {
            std::str::from_utf8(call.place).is_ok_and(|place| Place::parse(place).is_some())
        }) {
            return Some((Self::Allocinfo, 0));
        }
        let at = memchr::memmem::find(line, b"0x")?;
        let row = line.get(at..)?;
        (at <= 64 && VmallocLine::parse(row) != VmallocLine::Unread)
            .then(|| (Self::Vmallocinfo, prefix(line, at)))
    }
}

/// Longest line that announces a list.
const LONGEST: usize = 400;

/// The length of what is in front of `at`, without the blanks next to it.
fn prefix(line: &[u8], at: usize) -> usize {
    line.get(..at).unwrap_or_default().trim_ascii_end().len()
}

/// Where `Name:   123 kB` begins at the end of a line, if there is one. `grep` of several files puts the file's name and a
/// colon in front.
fn meminfo(line: &[u8]) -> Option<usize> {
    let mut rest = line.trim_ascii_end().strip_suffix(b" kB")?;
    number(last_word(&mut rest)?)?;
    let name = last_word(&mut rest)?.strip_suffix(b":")?;
    let begins = memchr::memrchr(b':', name).map_or(0, |colon| colon + 1);
    let key = name.get(begins..).unwrap_or_default();
    let is_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'(' | b')');
    (key.first().is_some_and(u8::is_ascii_uppercase) && key.iter().all(is_key)).then_some(rest.len() + begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_known_by_their_first_line() {
        for (line, wanted) in [
            ("slabinfo - version: 2.1", Some((Section::Slabinfo, 0))),
            ("slabinfo - version: 2.1 (statistics)", Some((Section::Slabinfo, 0))),
            ("Mar 01 10:00:00 slabinfo - version: 2.1", Some((Section::Slabinfo, 15))),
            ("> slabinfo - version: 1.1", Some((Section::OldSlabinfo, 1))),
            ("allocinfo - version: 2.0", Some((Section::Allocinfo, 0))),
            ("SUnreclaim:        90356 kB", Some((Section::Meminfo, 0))),
            ("10:00:01 /proc/meminfo:Slab:   90356 kB", Some((Section::Meminfo, 23))),
            ("| 0x1-0x2 8192 f+0x1/0x2 pages=1 vmalloc", Some((Section::Vmallocinfo, 1))),
            ("Cache   Num  Total   Size  Pages", Some((Section::Vmstat, 0))),
            ("kmalloc-64 9 64 64 64 1 : tunables 0 0 0 : slabdata 1 1 0", Some((Section::Slabinfo, 0))),
            ("> kmalloc-64 9 64 64 64 1 : tunables 0 0 0 : slabdata 1 1 0", Some((Section::Slabinfo, 1))),
            ("  45.2M  12 mm/slub.c:12 func:f", Some((Section::Allocinfo, 0))),
            ("the size: 12 kB", None),
            ("Total RAM 12 kB", None),
            ("kmalloc-64 1 2 3", None),
        ] {
            assert_eq!(Section::of(line.as_bytes()), wanted, "{line}");
        }
    }
}
