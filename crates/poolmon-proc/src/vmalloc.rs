//! `/proc/vmallocinfo`: areas of the kernel's virtual memory, summed by the function that asked for them.
//!
//! What counts as bytes is what `VmallocUsed` of `/proc/meminfo` counts: pages that the area itself brought along
//! (`pages=`). An area without them maps memory that belongs to someone else: device memory (`ioremap`), pages that the
//! caller already had (`vmap`, `vm_map_ram`), or per-CPU chunks, which `Percpu` counts. Such areas count as areas, with
//! no bytes. Areas that were freed but not yet taken out of the page tables (`unpurged vm_area`) belong to no one and
//! are left out.

use std::sync::Arc;

use poolmon_model::{Counters, Pool, Row};

use crate::Unread;
use crate::bytes::{lines, next_number, number, word};
use crate::names::{FoundName, Names};

/// One area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area<'a> {
    /// Function that asked for it, without offsets and compiler suffixes.
    pub function: &'a [u8],
    /// Its module, where it is not the kernel's own.
    pub module: Option<&'a [u8]>,
    /// Address space with its guard page, in bytes.
    pub size: u64,
    /// Pages that it brought along.
    pub pages: u64,
    /// The words behind the caller: `pages=4 vmalloc N0=4`.
    pub details: &'a [u8],
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VmallocLine<'a> {
    /// An area of someone.
    Area(Area<'a>),
    /// An area that was freed and waits.
    Unpurged,
    /// None of this file's lines.
    Unread,
}

impl<'a> VmallocLine<'a> {
    /// Reads a line.
    pub fn parse(line: &'a [u8]) -> Self {
        Self::area(line).unwrap_or(Self::Unread)
    }

    /// Whether the end of an area is missing: behind its caller, the kernel prints of what kind it is.
    pub fn is_cut(&self) -> bool {
        let Self::Area(area) = self else { return false };
        let mut details = area.details;
        let kind = |word: &[u8]| is_detail(word) && !word.contains(&b'=') || word == b"vm_map_ram";
        !std::iter::from_fn(|| word(&mut details)).any(kind)
    }

    fn area(line: &'a [u8]) -> Option<Self> {
        let mut rest = line;
        let addresses = word(&mut rest)?;
        if !addresses.starts_with(b"0x") || !addresses.contains(&b'-') {
            return None;
        }
        let size = next_number(&mut rest)?;
        let details = rest.trim_ascii();
        let first = word(&mut rest)?;
        if first == b"unpurged" {
            return Some(Self::Unpurged);
        }
        let mut area = Area { function: b"(caller unknown)", module: None, size, pages: 0, details };
        if first == b"vm_map_ram" {
            // Older kernels report these areas by this word alone.
            area.function = first;
        } else if !is_detail(first) {
            area.function = function(first);
            area.details = rest.trim_ascii();
            let mut after = rest;
            if let Some(module) = word(&mut after).and_then(|word| word.strip_prefix(b"[")) {
                // With build ids it is `[module 0123…]`: the name ends at the blank or the bracket.
                let named = module.strip_suffix(b"]");
                area.module = Some(named.unwrap_or(module)).filter(|module| !module.is_empty());
                area.details = after.trim_ascii();
            }
        }
        let mut details = area.details;
        while let Some(word) = word(&mut details) {
            if let Some(pages) = word.strip_prefix(b"pages=") {
                area.pages = number(pages)?;
                break;
            }
        }
        Some(Self::Area(area))
    }
}

/// Whether a text begins with what is behind the caller of an area: its module, its pages, its kind.
pub fn begins_with_detail(text: &[u8]) -> bool {
    let mut rest = text;
    word(&mut rest).is_some_and(|word| is_detail(word) || word.starts_with(b"["))
}

/// Words that the kernel prints behind the caller.
fn is_detail(word: &[u8]) -> bool {
    matches!(word, b"ioremap" | b"vmalloc" | b"vmap" | b"user" | b"dma-coherent" | b"sparse" | b"vpages")
        || word.starts_with(b"pages=")
        || word.starts_with(b"phys=")
}

/// `copy_process.constprop.0+0x94/0x3e0` is `copy_process`.
fn function(symbol: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'+', symbol).unwrap_or(symbol.len());
    let name = symbol.get(..end).unwrap_or(symbol);
    match memchr::memchr(b'.', name) {
        Some(dot) if dot > 0 => name.get(..dot).unwrap_or(name),
        _ => name,
    }
}

/// Appends a row for each caller of `text`. Freed areas give none.
pub fn append(
    text: &[u8],
    page_size: u64,
    names: &mut Names,
    key: &mut Vec<u8>,
    rows: &mut Vec<Row>,
) -> Unread {
    let mut unread = Unread::default();
    names.begin();
    for (number, line) in (1..).zip(lines(text)) {
        if !append_line(line, page_size, names, key, rows) {
            unread.line(number);
        }
    }
    names.end();
    unread
}

/// Appends the row of one area, or adds it to the row of its caller. False if the line is no area.
pub fn append_line(
    line: &[u8],
    page_size: u64,
    names: &mut Names,
    key: &mut Vec<u8>,
    rows: &mut Vec<Row>,
) -> bool {
    let area = match VmallocLine::parse(line) {
        VmallocLine::Area(area) => area,
        VmallocLine::Unpurged => return true,
        VmallocLine::Unread => return false,
    };
    key.clear();
    key.extend_from_slice(area.function);
    if let Some(module) = area.module {
        for part in [b" [".as_slice(), module, b"]"] {
            key.extend_from_slice(part);
        }
    }
    let at = match names.find(key) {
        FoundName::Steady(at) | FoundName::Returned(at) => at,
        FoundName::New => {
            let owner = area.module.map(|module| Arc::from(String::from_utf8_lossy(module)));
            names.learn(key, &String::from_utf8_lossy(key), owner, Pool::Vmalloc)
        }
    };
    let counters = Counters {
        reported_diff: Some(1),
        bytes: Some(area.pages.saturating_mul(page_size)),
        ..Counters::default()
    };
    names.add(at, counters, rows);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn area(line: &str) -> Area<'_> {
        match VmallocLine::parse(line.as_bytes()) {
            VmallocLine::Area(area) => area,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn callers_of_the_kernel_and_of_modules() {
        let got = area(
            "0x00000000c12dac63-0x000000009ea2a0f5   20480 kernel_clone+0x94/0x3e0 pages=4 vmalloc N0=4",
        );
        let wanted = Area {
            function: b"kernel_clone",
            module: None,
            size: 20_480,
            pages: 4,
            details: b"pages=4 vmalloc N0=4",
        };
        assert_eq!(got, wanted);
        let got = area("0x1-0x2 8192 nv_alloc.isra.0+0x1/0x2 [nvidia] pages=1 vmalloc");
        assert_eq!(
            (got.function, got.module, got.pages),
            (b"nv_alloc".as_slice(), Some(b"nvidia".as_slice()), 1)
        );
        let got = area("0x1-0x2 8192 f+0x1/0x2 [m 0123456789abcdef] pages=1 vmalloc");
        assert_eq!((got.module, got.pages), (Some(b"m".as_slice()), 1));
    }

    #[test]
    fn mapped_device_memory_has_no_pages() {
        let got = area("0x1-0x2 8192 vp_modern_map_capability+0x12d/0x1c0 phys=0x0000004000000000 ioremap");
        assert_eq!((got.function, got.pages), (b"vp_modern_map_capability".as_slice(), 0));
        assert_eq!(got.details, b"phys=0x0000004000000000 ioremap");
    }

    #[test]
    fn areas_without_a_caller() {
        assert_eq!(area("0x1-0x2 8192 pages=1 vmalloc N0=1").function, b"(caller unknown)");
        assert_eq!(area("0x1-0x2 8192 vm_map_ram").function, b"vm_map_ram");
        assert_eq!(VmallocLine::parse(b"0x1-0x2 8192 unpurged vm_area"), VmallocLine::Unpurged);
        assert_eq!(area("0x1-0x2 8192 0xffffffff81234567 pages=1").function, b"0xffffffff81234567");
        assert_eq!(area("0x1-0x2 8192 .text_start+0x0/0x1 pages=1").function, b".text_start");
    }

    #[test]
    fn lines_that_are_none() {
        for line in [
            "",
            "0x1-0x2",
            "0x1-0x2 8192",
            "0x1-0x2 -8192 f+0x1/0x2 pages=1",
            "0x1-0x2 many f+0x1/0x2 pages=1",
            "8192 f+0x1/0x2 pages=1",
            "0x1-0x2 8192 f+0x1/0x2 pages=99999999999999999999999",
            "0x1-0x2 8192 f+0x1/0x2 pages=-1",
        ] {
            assert_eq!(VmallocLine::parse(line.as_bytes()), VmallocLine::Unread, "{line}");
        }
    }

    proptest! {
        #[test]
        fn callers_sum(calls in prop::collection::vec((0..4_usize, 0..1000_u32, any::<u16>()), 0..60)) {
            let mut text = String::new();
            for (function, pages, offset) in &calls {
                use std::fmt::Write as _;
                writeln!(text, "0x1-0x2 4096 f{function}+{offset:#x}/0x9000 pages={pages} vmalloc").unwrap();
            }
            let (mut rows, mut names) = (Vec::new(), Names::default());
            let unread = append(text.as_bytes(), 4096, &mut names, &mut Vec::new(), &mut rows);
            prop_assert_eq!(unread, Unread::default());
            for row in &rows {
                let of_row = |call: &&(usize, u32, u16)| row.tag.to_string() == format!("f{}", call.0);
                let pages: u64 = calls.iter().filter(of_row).map(|call| u64::from(call.1)).sum();
                prop_assert_eq!(row.counters.bytes, Some(pages * 4096));
                let areas = i64::try_from(calls.iter().filter(of_row).count()).unwrap();
                prop_assert_eq!(row.counters.reported_diff, Some(areas));
            }
        }

        #[test]
        fn any_line_ends(line in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = VmallocLine::parse(&line);
        }
    }
}
