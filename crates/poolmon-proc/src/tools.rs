//! Rows of the tools that print slab caches: `slabtop`, `vmstat -m`, and crash's `kmem -s` and `kmem -S`.

use poolmon_model::Counters;

use crate::bytes::{last_word, number, word};

/// What a tool prints of one cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ToolLine<'a> {
    /// Name of the cache; it may hold blanks.
    pub name: &'a [u8],
    /// Objects in use.
    pub active: Option<u64>,
    /// Bytes of the slabs.
    pub bytes: Option<u64>,
    /// Bytes in live objects.
    pub used: Option<u64>,
    /// The bytes are rounded, or a lower bound.
    pub inexact: bool,
}

impl<'a> ToolLine<'a> {
    /// A row of `slabtop`: `OBJS ACTIVE USE OBJ-SIZE SLABS OBJ/SLAB CACHE-SIZE NAME`.
    ///
    /// Object sizes are rounded to 0.01 KiB, so that bytes in live objects are unknown. Older versions print the cache's
    /// size without its unit, which is KiB; `--human` rounds it.
    pub fn slabtop(line: &'a [u8]) -> Option<Self> {
        let mut rest = line;
        number(word(&mut rest)?)?;
        let active = number(word(&mut rest)?)?;
        let share = word(&mut rest)?.strip_suffix(b"%")?;
        number(share)?;
        size(word(&mut rest)?)?;
        number(word(&mut rest)?)?;
        number(word(&mut rest)?)?;
        let (bytes, exact) = size(word(&mut rest)?)?;
        let name = rest.trim_ascii();
        (!name.is_empty()).then_some(Self {
            name,
            active: Some(active),
            bytes: Some(bytes),
            used: None,
            inexact: !exact,
        })
    }

    /// A row of `vmstat -m`: `Cache Num Total Size Pages`. What it calls pages is the number of objects in a slab: how many
    /// pages a slab has is unknown, and the bytes are those of its objects alone.
    pub fn vmstat(line: &'a [u8]) -> Option<Self> {
        let mut rest = line;
        number(last_word(&mut rest)?)?;
        let object_size = number(last_word(&mut rest)?)?;
        let objects = number(last_word(&mut rest)?)?;
        let active = number(last_word(&mut rest)?)?;
        let name = rest.trim_ascii();
        (!name.is_empty()).then_some(Self {
            name,
            active: Some(active),
            bytes: Some(objects.checked_mul(object_size)?),
            used: Some(active.checked_mul(object_size)?),
            inexact: true,
        })
    }

    /// A row of crash's `kmem -s`: `CACHE OBJSIZE ALLOCATED TOTAL SLABS SSIZE NAME`, and before crash 7.2.4
    /// `CACHE NAME OBJSIZE ALLOCATED TOTAL SLABS SSIZE`. A figure that crash could not work out is `?`.
    pub fn crash(line: &'a [u8]) -> Option<Self> {
        let mut rest = line;
        let address = word(&mut rest)?;
        if address.len() < 8 || !address.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut after = rest;
        if let Some(figures) = CrashFigures::leading(&mut after) {
            return figures.line(after.trim_ascii());
        }
        let figures = CrashFigures::trailing(&mut rest)?;
        figures.line(rest.trim_ascii())
    }

    /// The row's figures.
    pub fn counters(&self) -> Counters {
        Counters {
            reported_diff: self.active.map(|active| i64::try_from(active).unwrap_or(i64::MAX)),
            bytes: self.bytes,
            used: self.used,
            inexact: self.inexact,
            ..Counters::default()
        }
    }
}

/// The five figures of crash's rows: object size, allocated, total, slabs, slab size.
struct CrashFigures([Option<u64>; 5]);

impl CrashFigures {
    fn leading(rest: &mut &[u8]) -> Option<Self> {
        let mut figures = [None; 5];
        for (at, place) in figures.iter_mut().enumerate() {
            *place = figure(word(rest)?, at == 4)?.known();
        }
        Some(Self(figures))
    }

    fn trailing(rest: &mut &[u8]) -> Option<Self> {
        let mut figures = [None; 5];
        for (at, place) in figures.iter_mut().enumerate().rev() {
            *place = figure(last_word(rest)?, at == 4)?.known();
        }
        Some(Self(figures))
    }

    fn line(self, name: &[u8]) -> Option<ToolLine<'_>> {
        let [object_size, active, _, slabs, slab_size] = self.0;
        (!name.is_empty()).then_some(ToolLine {
            name,
            active,
            bytes: slabs.zip(slab_size).and_then(|(slabs, size)| slabs.checked_mul(size)),
            used: active.zip(object_size).and_then(|(active, size)| active.checked_mul(size)),
            inexact: false,
        })
    }
}

/// A figure of crash's, which may be unknown.
enum CrashFigure {
    Known(u64),
    Unknown,
}

impl CrashFigure {
    const fn known(self) -> Option<u64> {
        match self {
            Self::Known(figure) => Some(figure),
            Self::Unknown => None,
        }
    }
}

/// A figure of crash's: `?` is unknown; a slab's size has to carry its `k`. `None` if the word is neither.
fn figure(word: &[u8], is_slab_size: bool) -> Option<CrashFigure> {
    if word == b"?" {
        return Some(CrashFigure::Unknown);
    }
    if is_slab_size {
        return word.strip_suffix(b"k").and_then(number)?.checked_mul(1024).map(CrashFigure::Known);
    }
    number(word).map(CrashFigure::Known)
}

/// A size of `slabtop`'s in bytes, and whether it is whole: `2144K`, `2144` (KiB), `0.19K`, `1.2G`, `45M`.
pub(crate) fn size(word: &[u8]) -> Option<(u64, bool)> {
    let (digits, unit) = match word {
        [digits @ .., b'M'] => (digits, 1_u64 << 20),
        [digits @ .., b'G'] => (digits, 1 << 30),
        [digits @ .., b'T'] => (digits, 1 << 40),
        [digits @ .., b'B'] => (digits, 1),
        [digits @ .., b'K'] | digits => (digits, 1 << 10),
    };
    if let Some(whole) = number(digits) {
        return Some((whole.checked_mul(unit)?, unit <= 1 << 10));
    }
    // A decimal comma is printed under locales that have one.
    let point = digits.iter().position(|byte| matches!(byte, b'.' | b','))?;
    let (whole, fraction) = digits.split_at_checked(point)?;
    let fraction = fraction.get(1..).filter(|fraction| fraction.len() <= 6)?;
    let places = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    let parts = number(fraction)?.checked_mul(unit)?.checked_div(places)?;
    Some((number(whole)?.checked_mul(unit)?.checked_add(parts)?, false))
}

/// What a line of column names announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolHeader {
    /// `slabtop`: its summary or its column names.
    Slabtop,
    /// `vmstat -m`.
    Vmstat,
    /// crash's `kmem -s` or `kmem -S`.
    Crash,
}

impl ToolHeader {
    /// Finds the column names of a tool in a line, and where they begin.
    pub fn find(line: &[u8]) -> Option<(Self, usize)> {
        const HEADERS: [(&[&[u8]], ToolHeader); 5] = [
            (&[b"Active", b"/", b"Total", b"Objects", b"(%", b"used)"], ToolHeader::Slabtop),
            (&[b"OBJS", b"ACTIVE", b"USE", b"OBJ", b"SIZE", b"SLABS"], ToolHeader::Slabtop),
            (&[b"Cache", b"Num", b"Total", b"Size", b"Pages"], ToolHeader::Vmstat),
            (&[b"CACHE", b"OBJSIZE", b"ALLOCATED", b"TOTAL", b"SLABS", b"SSIZE"], ToolHeader::Crash),
            (&[b"CACHE", b"NAME", b"OBJSIZE", b"ALLOCATED", b"TOTAL", b"SLABS", b"SSIZE"], ToolHeader::Crash),
        ];
        HEADERS.iter().find_map(|(words, header)| Some((*header, find_words(line, words)?)))
    }
}

/// Where these words follow each other in a line, whatever the blanks between them.
fn find_words(line: &[u8], words: &[&[u8]]) -> Option<usize> {
    let (first, others) = words.split_first()?;
    let at = memchr::memmem::find(line, first)?;
    let mut rest = line.get(at + first.len()..)?;
    for wanted in others {
        if word(&mut rest)? != *wanted {
            return None;
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn figures(line: &ToolLine<'_>) -> (Option<u64>, Option<u64>, Option<u64>, bool) {
        (line.active, line.bytes, line.used, line.inexact)
    }

    #[test]
    fn rows_of_slabtop_with_and_without_units() {
        let line =
            ToolLine::slabtop(b"  1340   1322  98%    3.00K    134       10      4288K my cache  ").unwrap();
        assert_eq!(line.name, b"my cache");
        assert_eq!(figures(&line), (Some(1322), Some(4288 << 10), None, false));
        let old = ToolLine::slabtop(b"387904 387904 100%    0.06K   6061       64      24244 dma").unwrap();
        assert_eq!(old.bytes, Some(24_244 << 10));
        let human = ToolLine::slabtop(b"9 9 100% 192B 1 21 1.5G x").unwrap();
        assert_eq!(figures(&human), (Some(9), Some(3 << 29), None, true));
        assert_eq!(ToolLine::slabtop(b"9 9 100% 0,19K 1 21 8M x").map(|line| line.inexact), Some(true));
        for line in [
            "",
            "9 9 100% 0.06K 1 21 84K",
            "9 9 100 0.06K 1 21 84K x",
            "Active / Total Slabs (% used)",
            "9 9 100% 0.06K 1 21 84Q x",
        ] {
            assert_eq!(ToolLine::slabtop(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn rows_of_vmstat_are_lower_bounds() {
        let line = ToolLine::vmstat(b"my inode                 9800   9888   1024     16").unwrap();
        assert_eq!(
            (line.name, figures(&line)),
            (&b"my inode"[..], (Some(9800), Some(9888 << 10), Some(9800 << 10), true))
        );
        for line in ["", "9888 9888 1024 16", "Cache Num Total Size Pages", "x 1 2 3"] {
            assert_eq!(ToolLine::vmstat(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn rows_of_crash_in_both_orders_with_unknown_figures() {
        let new =
            ToolLine::crash(b"ffff000000000100      304    100    120  30    16k  tst (664:a b.service)")
                .unwrap();
        assert_eq!(new.name, b"tst (664:a b.service)");
        assert_eq!(figures(&new), (Some(100), Some(30 * 16 * 1024), Some(30_400), false));
        let old = ToolLine::crash(b"ffff8800 tst_cache 304 100 120 30 16k").unwrap();
        assert_eq!((old.name, figures(&old)), (&b"tst_cache"[..], figures(&new)));
        let lost =
            ToolLine::crash(b"ffff000000000300      512          ?         ?      ?    32k  kmalloc-512")
                .unwrap();
        assert_eq!(figures(&lost), (None, None, None, false));
        for line in [
            "",
            "kmem: NOTE: x",
            "ffff8800 1 2 3 4 5 name",
            "  ffffea0000dd4b80  ffff88003752e000     0    128        100    28",
        ] {
            assert_eq!(ToolLine::crash(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn headers_with_what_comes_before_them() {
        for (line, wanted) in [
            ("  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME", Some((ToolHeader::Slabtop, 2))),
            (" Active / Total Objects (% used)    : 990 / 1000 (99.0%)", Some((ToolHeader::Slabtop, 1))),
            ("Cache                       Num  Total   Size  Pages", Some((ToolHeader::Vmstat, 0))),
            (
                "> CACHE             OBJSIZE  ALLOCATED     TOTAL  SLABS  SSIZE  NAME",
                Some((ToolHeader::Crash, 2)),
            ),
            (
                "CACHE            NAME                 OBJSIZE  ALLOCATED     TOTAL  SLABS  SSIZE",
                Some((ToolHeader::Crash, 0)),
            ),
            ("Cached: 12 kB", None),
        ] {
            assert_eq!(ToolHeader::find(line.as_bytes()), wanted, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_ends(line in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (ToolLine::slabtop(&line), ToolLine::vmstat(&line), ToolLine::crash(&line), ToolHeader::find(&line));
        }

        #[test]
        fn what_the_tools_print_reads_back(
            name in "[a-z_][a-zA-Z0-9_:() -]{0,20}[a-zA-Z_)]", n in any::<[u32; 4]>(), percent in 0..101_u8, kib: u32,
        ) {
            let [objects, active, slabs, per_slab] = n;
            let line = format!("{objects:6} {active:6} {percent:3}%    0.06K {slabs:6} {per_slab:8} {kib:9}K {name:<23}");
            let read = ToolLine::slabtop(line.as_bytes()).unwrap();
            prop_assert_eq!((read.name, read.active, read.bytes), (name.as_bytes(), Some(active.into()), Some(u64::from(kib) << 10)));
            let line = format!("{name:<24} {active:6} {objects:6} {slabs:6} {per_slab:6}");
            let read = ToolLine::vmstat(line.as_bytes()).unwrap();
            prop_assert_eq!((read.name, read.active), (name.as_bytes(), Some(active.into())));
            prop_assert_eq!(read.bytes, Some(u64::from(objects) * u64::from(slabs)));
            let line = format!("ffff888100042a00 {objects:8} {active:10} {per_slab:9} {slabs:6} {kib:5}k  {name}");
            let read = ToolLine::crash(line.as_bytes()).unwrap();
            prop_assert_eq!((read.name, read.active), (name.as_bytes(), Some(active.into())));
            prop_assert_eq!(read.bytes, u64::from(slabs).checked_mul(u64::from(kib) << 10));
        }
    }
}
