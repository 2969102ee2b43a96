//! PoolMon's two lines of memory figures, which a console cut or wrapped as it did the rows.
//!
//! A figure is known to be whole by its unit; the count of page faults has none, and is known by what follows it. One that the end
//! of a line touches without it, or that has no unit where its neighbours have one, is unknown: `P:44` was `P:4427892K`.

use poolmon_model::{Header, Sample};

use super::poolmon::number;
use super::state::{TextLine, TextParser};

/// Longest text of memory figures.
const LONGEST: usize = 512;

/// The labels of the first line, colon included.
const UPPER: [&[u8]; 5] = [b"Memory:", b"Avail:", b"PageFlts:", b"InRam Krnl:", b"P:"];
/// Those of the second one.
const LOWER: [&[u8]; 5] = [b"Commit:", b"Limit:", b"Peak:", b"Pool N:", b"P:"];

fn labels() -> impl Iterator<Item = &'static [u8]> {
    UPPER.into_iter().chain(LOWER)
}

/// Whether a line is one of the two with memory figures. Alone, `P:` may be anything.
pub(super) fn is_memory(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    text.len() <= LONGEST && labels().any(|label| label != b"P:" && text.starts_with(label))
}

/// Whether a line is the first of the two, or a part of it.
fn is_upper(line: &[u8]) -> bool {
    UPPER.iter().any(|label| line.trim_ascii().starts_with(label))
}

/// Whether a line is the beginning of one of the two.
fn begins(line: &[u8]) -> bool {
    [UPPER[0], LOWER[0]].iter().any(|start| line.trim_ascii().starts_with(start))
}

/// How a text of memory figures ends, and what is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MemoryText {
    /// Some figure is not known to be whole.
    cut: bool,
    /// All labels are PoolMon's, and only the end may be missing.
    sound: bool,
    /// The text ends inside of a figure or of a label.
    open: bool,
}

/// Figures touch their labels once they are wide, so nothing is split at blanks: a figure is what is after a label and its
/// colon.
pub(super) fn memory(line: &[u8], header: &mut Header) -> MemoryText {
    // A blank at the end shows that a figure is whole.
    let text = line.trim_ascii_start();
    let mut found = MemoryText { sound: true, ..MemoryText::default() };
    // Texts that people typed may have plain bytes; PoolMon's have a unit each.
    let has_units = text.windows(2).any(|two| matches!(two, [b'0'..=b'9', b'K' | b'k' | b'M' | b'm']));
    let mut rest = text;
    let mut in_ram = false;
    while let Some(colon) = memchr::memchr(b':', rest) {
        let label = rest.get(..colon).unwrap_or_default().trim_ascii();
        let from = rest.get(colon + 1..).unwrap_or_default();
        rest = from;
        found.sound &= labels().any(|known| known.strip_suffix(b":") == Some(label));
        let Some((value, after)) =
            number(from.trim_ascii_start()).and_then(|(v, r)| Some((u64::try_from(v).ok()?, r)))
        else {
            found.open = from.trim_ascii().is_empty();
            found.cut |= found.open;
            found.sound &= found.open;
            continue;
        };
        rest = after;
        let ends = |word: &[u8]| label.ends_with(word);
        if ends(b"PageFlts") {
            found.open = after.is_empty();
            found.cut |= found.open;
            found.sound &= matches!(after, [] | [b' ' | b'\t', ..]);
            header.page_faults = Some(value).filter(|_| matches!(after, [b' ' | b'\t', ..]));
            continue;
        }
        let (bytes, behind) = match after {
            [b'K' | b'k', behind @ ..] => (value.checked_mul(1024), behind),
            [b'M' | b'm', behind @ ..] => (value.checked_mul(1024 * 1024), behind),
            _ => {
                let is_whole = !has_units && !after.is_empty();
                found.open = after.is_empty();
                found.cut |= !is_whole;
                found.sound &= found.open;
                (Some(value).filter(|_| is_whole), after)
            }
        };
        rest = behind;
        let place = if ends(b"Memory") {
            &mut header.memory_total
        } else if ends(b"Avail") {
            &mut header.memory_available
        } else if ends(b"Krnl") {
            in_ram = true;
            &mut header.resident_kernel
        } else if ends(b"Commit") {
            &mut header.commit
        } else if ends(b"Limit") {
            &mut header.commit_limit
        } else if ends(b"Peak") {
            &mut header.commit_peak
        } else if ends(b"Pool N") || ends(b" N") {
            in_ram = false;
            &mut header.pool_nonpaged
        } else if ends(b"P") && (in_ram || text.starts_with(b"Memory")) {
            &mut header.resident_paged
        } else if ends(b"P") {
            &mut header.pool_paged
        } else {
            continue;
        };
        // What poolmon's own stamp says in bytes is exact.
        if bytes.is_some() && place.zip(bytes).is_none_or(|(known, bytes)| known / 1024 != bytes / 1024) {
            *place = bytes;
        }
    }
    let rest = rest.trim_ascii();
    if !rest.is_empty() {
        let is_label = labels().any(|label| label.starts_with(rest));
        (found.open, found.sound) = (is_label, found.sound && is_label);
        found.cut |= is_label;
    }
    found
}

/// The line of memory figures that was read last: the next one may be its rest.
pub(super) struct MemoryLine {
    text: Vec<u8>,
    number: u64,
    end: MemoryText,
}

impl TextParser {
    /// Takes a line of memory figures.
    pub(super) fn memory_line(&mut self, at: TextLine<'_>, sample: &mut Sample) {
        if self.memory.is_some() && self.rest_of_memory(at, sample) {
            return;
        }
        let end = memory(at.line, &mut sample.header);
        self.memory = Some(MemoryLine { text: at.line.to_vec(), number: at.number, end });
    }

    /// Whether a line is the rest of the memory figures before it, which are read then.
    pub(super) fn rest_of_memory(&mut self, at: TextLine<'_>, sample: &mut Sample) -> bool {
        let Some(mut open) = self.memory.take() else { return false };
        let goes_on = if is_memory(at.line) {
            // What a line cannot show is where its last figure ends: only the rest of the same line goes on.
            open.end.open && is_upper(at.line) == is_upper(&open.text) && !begins(at.line)
        } else {
            true
        };
        if goes_on && at.line.len() + open.text.len() < LONGEST && open.end.sound {
            let rest = at.line.trim_ascii_end();
            for between in [&b""[..], b" "] {
                let joined = [&open.text, between, rest].concat();
                let end = memory(&joined, &mut Header::default());
                if end.sound && (end.open || !end.cut) {
                    memory(&joined, &mut sample.header);
                    (open.text, open.end) = (joined, end);
                    self.memory = Some(open);
                    return true;
                }
            }
        }
        self.memory = Some(open);
        self.settle_memory();
        false
    }

    /// Nothing follows a line of memory figures.
    pub(super) fn settle_memory(&mut self) {
        if let Some(open) = self.memory.take().filter(|open| open.end.cut) {
            self.builder.noticed.memory.add(open.number, &open.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_touch_labels() {
        let mut header = Header::default();
        for line in [
            &b"Memory:33473120K Avail:20055132K  PageFlts:468600648   InRam Krnl:10444K P:1843072K"[..],
            b"Commit:15035764K Limit:67027552K Peak:16677444K            Pool N:1023400K P:1955448K",
        ] {
            memory(line, &mut header);
        }
        let kib = |k: u64| Some(k * 1024);
        let expected = Header {
            memory_total: kib(33_473_120),
            memory_available: kib(20_055_132),
            page_faults: Some(468_600_648),
            resident_kernel: kib(10_444),
            resident_paged: kib(1_843_072),
            commit: kib(15_035_764),
            commit_limit: kib(67_027_552),
            commit_peak: kib(16_677_444),
            pool_nonpaged: kib(1_023_400),
            pool_paged: kib(1_955_448),
            ..Header::default()
        };
        assert_eq!(header, expected);
        assert!(is_memory(b" Commit: 5K") && !is_memory(b"The Commit: 5K"));
    }

    #[test]
    fn a_figure_without_its_unit_is_unknown() {
        for (line, cut) in [
            ("Memory:100K Avail:50K", false),
            ("Memory:100K Avail:50", true),
            ("Memory:100K Avail:50 ", true),
            ("Memory:100K Avail:50...", true),
            ("Memory:100K Avail:", true),
            ("Memory:100K Ava", true),
            ("Memory:100K PageFlts:50", true),
            ("Memory:100", true),
        ] {
            let mut header = Header::default();
            assert_eq!(memory(line.as_bytes(), &mut header).cut, cut, "{line}");
            assert_eq!(
                (header.memory_available, header.page_faults),
                ((!cut).then_some(50 << 10), None),
                "{line}"
            );
        }
        let mut header = Header::default();
        memory(b"Memory:104857600 Avail:52428800 ", &mut header);
        assert_eq!(header.memory_total, Some(104_857_600), "typed in bytes");
    }
}
