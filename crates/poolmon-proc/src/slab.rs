//! `/proc/slabinfo`: the caches of the slab allocator.

use poolmon_model::{Counters, Pool, Row};

use crate::Unread;
use crate::bytes::{last_number, lines, next_number};
use crate::names::{FoundName, Names};

/// One line of `/proc/slabinfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLine<'a> {
    /// Name; it may hold blanks.
    pub name: &'a [u8],
    /// Objects in use. Objects that wait on a CPU's own slab count as used, as the kernel counts them.
    pub active_objects: u64,
    /// Objects that the slabs have room for.
    pub objects: u64,
    /// Size of an object with its padding, in bytes.
    pub object_size: u64,
    /// Objects in a slab.
    pub objects_per_slab: u64,
    /// Pages in a slab.
    pub pages_per_slab: u64,
    /// Slabs in use.
    pub active_slabs: u64,
    /// Slabs.
    pub slabs: u64,
}

impl<'a> CacheLine<'a> {
    /// Reads a line of slabinfo 2.x; `None` if it is none.
    ///
    /// The figures are found from the first colon of the tunables leftwards, as a name may hold blanks and colons.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        const TUNABLES: &[u8] = b": tunables ";
        const SLABDATA: &[u8] = b": slabdata ";
        let mut end = line.len();
        let mut data = None;
        let mut left = loop {
            let colon = memchr::memrchr(b':', line.get(..end)?)?;
            let part = line.get(colon..)?;
            if part.starts_with(SLABDATA) {
                data = part.get(SLABDATA.len()..);
            } else if part.starts_with(TUNABLES) {
                break line.get(..colon)?;
            }
            end = colon;
        };
        let mut data = data?;
        let (active_slabs, slabs) = (next_number(&mut data)?, next_number(&mut data)?);
        // Every 2.x line has a third figure here. Without it the line was cut, perhaps within the second.
        next_number(&mut data)?;
        let pages_per_slab = last_number(&mut left)?;
        let objects_per_slab = last_number(&mut left)?;
        let object_size = last_number(&mut left)?;
        let objects = last_number(&mut left)?;
        let active_objects = last_number(&mut left)?;
        let name = left.trim_ascii();
        (!name.is_empty()).then_some(Self {
            name,
            active_objects,
            objects,
            object_size,
            objects_per_slab,
            pages_per_slab,
            active_slabs,
            slabs,
        })
    }

    /// The line without its name, to be kept when the text is gone.
    pub fn unnamed(self) -> CacheLine<'static> {
        CacheLine { name: b"", ..self }
    }

    /// The smallest size of a page that has room for the objects of a slab: 4, 8, 16 or 64 KiB. Of all lines of a kernel the
    /// largest is the size of its pages, as a slab never holds fewer objects than fit.
    pub const fn least_page_size(&self) -> u64 {
        let bytes = self.object_size.saturating_mul(self.objects_per_slab);
        match bytes.div_ceil(if self.pages_per_slab == 0 { 1 } else { self.pages_per_slab }) {
            0..=4096 => 4096,
            4097..=8192 => 8192,
            8193..=16_384 => 16_384,
            _ => 65_536,
        }
    }

    /// The row's figures: whole pages held, and bytes in live objects.
    pub fn counters(&self, page_size: u64) -> Counters {
        Counters {
            reported_diff: Some(i64::try_from(self.active_objects).unwrap_or(i64::MAX)),
            bytes: Some(self.slabs.saturating_mul(self.pages_per_slab).saturating_mul(page_size)),
            used: Some(self.active_objects.saturating_mul(self.object_size)),
            ..Counters::default()
        }
    }
}

/// Version line of a text that this module understands.
pub fn is_slabinfo(text: &[u8]) -> bool {
    text.starts_with(b"slabinfo - version: 2.")
}

/// The lines that stand for caches, each with its number from 1.
pub fn cache_lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let numbered = (1..).zip(lines(text)).skip(1);
    numbered.filter(|(_, line)| !line.starts_with(b"# name ") && !line.trim_ascii().is_empty())
}

/// Appends a row for each cache of `text`. Caches without a slab are left out before their first one, unless
/// `empty` is set. `pool` is asked once for each name, and again for one that returned.
pub fn append(
    text: &[u8],
    page_size: u64,
    empty: bool,
    names: &mut Names,
    mut pool: impl FnMut(&[u8]) -> Option<Pool>,
    rows: &mut Vec<Row>,
) -> Unread {
    let mut unread = Unread::default();
    // A line has a hundred bytes or more.
    rows.reserve(text.len() / 100);
    names.begin();
    for (number, line) in cache_lines(text) {
        let Some(cache) = CacheLine::parse(line) else {
            unread.line(number);
            continue;
        };
        let at = match names.find(cache.name) {
            FoundName::Steady(at) => at,
            FoundName::Returned(at) => {
                names.set_pool(at, pool(cache.name));
                at
            }
            FoundName::New if cache.slabs == 0 && !empty => continue,
            FoundName::New => {
                let at =
                    names.learn(cache.name, &String::from_utf8_lossy(cache.name), None, Pool::Unreclaimable);
                names.set_pool(at, pool(cache.name));
                at
            }
        };
        names.add(at, cache.counters(page_size), rows);
    }
    names.end();
    unread
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINE: &[u8] = b"dentry            169071 169092    192   21    1 : tunables    0    0    0 : slabdata   8051   8052      0";

    #[test]
    fn a_line_of_the_kernel() {
        let cache = CacheLine::parse(LINE).unwrap();
        let wanted = CacheLine {
            name: b"dentry",
            active_objects: 169_071,
            objects: 169_092,
            object_size: 192,
            objects_per_slab: 21,
            pages_per_slab: 1,
            active_slabs: 8051,
            slabs: 8052,
        };
        assert_eq!(cache, wanted);
        let counters = cache.counters(4096);
        assert_eq!(counters.reported_diff, Some(169_071));
        assert_eq!((counters.bytes, counters.used), (Some(8052 * 4096), Some(169_071 * 192)));
        assert_eq!((counters.allocs, counters.frees), (None, None));
    }

    #[test]
    fn statistics_behind_the_slab_data_are_left_alone() {
        let line = [LINE, b" : globalstat 1 2 3 4 : cpustat 5 6 7 8"].concat();
        assert_eq!(CacheLine::parse(&line), CacheLine::parse(LINE));
    }

    /// Out-of-tree modules name caches as they please.
    #[test]
    fn names_with_blanks_digits_and_colons() {
        for name in ["my cache", "a: b 12", "x 1 2 3", "odd : tunables y", "\u{fffd}"] {
            let line = format!("{name}   5  6  64  64 1 : tunables 0 0 0 : slabdata 1 1 0");
            let cache = CacheLine::parse(line.as_bytes()).unwrap();
            assert_eq!((cache.name, cache.active_objects), (name.as_bytes(), 5), "{name}");
        }
    }

    #[test]
    fn lines_that_are_none() {
        for line in [
            "",
            "dentry",
            "dentry 1 2 3 4 5",
            "dentry -1 2 192 21 1 : tunables 0 0 0 : slabdata 1 1 0",
            "dentry 99999999999999999999 2 192 21 1 : tunables 0 0 0 : slabdata 1 1 0",
            "dentry 2 192 21 1 : tunables 0 0 0 : slabdata 1 1 0",
            "1 2 192 21 1 : tunables 0 0 0 : slabdata 1 1 0",
            "dentry 1 2 192 21 1 : tunables 0 0 0",
            "dentry 1 2 192 21 1 : tunables 0 0 0 : slabdata 1",
            "dentry 1 2 192 21 1 : tunables 0 0 0 : slabdata 1 10",
            "dentry 1 2 192 21 1 : slabdata 1 1 0 : tunables 0 0 0",
        ] {
            assert_eq!(CacheLine::parse(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn pages_are_as_large_as_objects_need() {
        let least = |line: &str| CacheLine::parse(line.as_bytes()).unwrap().least_page_size();
        assert_eq!(least("dentry 1 2 192 21 1 : tunables 0 0 0 : slabdata 1 1 0"), 4096);
        assert_eq!(least("dentry 1 2 192 85 1 : tunables 0 0 0 : slabdata 1 1 0"), 16_384);
        assert_eq!(least("task 1 2 5888 11 1 : tunables 0 0 0 : slabdata 1 1 0"), 65_536);
        assert_eq!(least("none 0 0 0 0 0 : tunables 0 0 0 : slabdata 0 0 0"), 4096);
    }

    #[test]
    fn huge_figures_stay_at_the_top() {
        let most = u64::MAX;
        let line = format!("x {most} {most} {most} 1 {most} : tunables 0 0 0 : slabdata {most} {most} 0");
        let counters = CacheLine::parse(line.as_bytes()).unwrap().counters(4096);
        assert_eq!((counters.reported_diff, counters.bytes), (Some(i64::MAX), Some(most)));
    }

    proptest! {
        #[test]
        fn what_the_kernel_prints_reads_back(
            name in "[a-zA-Z_][a-zA-Z0-9_:() -]{0,30}[a-zA-Z0-9_)]",
            n in any::<[u32; 7]>(),
        ) {
            let line = format!(
                "{name:<17} {:6} {:6} {:6} {:4} {:4} : tunables {:4} {:4} {:4} : slabdata {:6} {:6} {:6}",
                n[0], n[1], n[2], n[3], n[4], 0, 0, 0, n[5], n[6], 0
            );
            let cache = CacheLine::parse(line.as_bytes()).unwrap();
            prop_assert_eq!(cache.name, name.as_bytes());
            let got = [cache.active_objects, cache.objects, cache.object_size, cache.objects_per_slab,
                cache.pages_per_slab, cache.active_slabs, cache.slabs];
            prop_assert_eq!(got, n.map(u64::from));
        }

        #[test]
        fn any_line_ends(line in prop::collection::vec(any::<u8>(), 0..200), cut in 0..LINE.len()) {
            let _ = CacheLine::parse(&line);
            let cut = CacheLine::parse(&LINE[..cut]);
            prop_assert!(cut.is_none_or(|cache| cache.name == b"dentry" && cache.object_size == 192));
        }
    }
}
