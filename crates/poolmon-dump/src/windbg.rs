//! `!poolused` as WinDbg prints it.

use std::fmt::Write as _;

use poolmon_model::{Pool, PoolTag};
use rustc_hash::FxHashMap;

use crate::tracker::PoolUsed;

/// WinDbg's `PoolUsedFlags` argument.
#[expect(clippy::struct_excessive_bools, reason = "four bits of a flag word")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolUsedFlags {
    /// Bit 0: frees and differences too.
    pub verbose: bool,
    /// Bit 1: sort by nonpaged bytes.
    pub by_nonpaged: bool,
    /// Bit 2: sort by paged bytes.
    pub by_paged: bool,
    /// Bit 3: the session pool.
    pub session: bool,
}

impl PoolUsedFlags {
    /// From the number that people type. Bits 1 and 2 exclude each other.
    pub fn from_number(number: u32) -> Result<Self, String> {
        let flags = Self {
            verbose: number & 1 != 0,
            by_nonpaged: number & 2 != 0,
            by_paged: number & 4 != 0,
            session: number & 8 != 0,
        };
        match number {
            16.. => Err(format!("flags {number:#x}: !poolused knows only bits 0 to 3")),
            _ if flags.by_nonpaged && flags.by_paged => {
                Err("flags 2 (by nonpaged) and 4 (by paged) cannot be used together".to_owned())
            }
            _ if flags.session => {
                Err("flag 8 (session pool): its table cannot be found without symbols, and \
systems from Windows Server 2022 on have none"
                    .to_owned())
            }
            _ => Ok(flags),
        }
    }
}

/// What pooltag.txt says of a tag: description, and binary where it names one.
pub type Describe<'a> = dyn Fn(PoolTag) -> Option<(String, Option<String>)> + 'a;

/// How the text is made.
#[derive(Clone, Copy, Default)]
pub struct PoolUsedOptions<'a> {
    /// Flags.
    pub flags: PoolUsedFlags,
    /// Only tags that this admits.
    pub filter: Option<&'a dyn Fn(PoolTag) -> bool>,
    /// At most this many rows (`/t20`).
    pub top: Option<usize>,
    /// Texts behind the rows; without them every tag is unknown.
    pub describe: Option<&'a Describe<'a>>,
}

/// Outstanding allocations and bytes of one pool.
#[derive(Clone, Copy, Default)]
struct TagTotals {
    allocs: u64,
    frees: u64,
    diff: i64,
    bytes: u64,
}

struct PoolUsedLine {
    tag: PoolTag,
    nonpaged: TagTotals,
    paged: TagTotals,
}

/// The text, with a line feed behind every line.
pub fn poolused_text(used: &PoolUsed, options: &PoolUsedOptions<'_>) -> String {
    let mut lines = lines(used, options);
    let flags = options.flags;
    let heading = if flags.by_nonpaged {
        lines.sort_by_key(|line| std::cmp::Reverse(line.nonpaged.bytes));
        "   Sorting by NonPaged Pool Consumed"
    } else if flags.by_paged {
        lines.sort_by_key(|line| std::cmp::Reverse(line.paged.bytes));
        "   Sorting by Paged Pool Consumed"
    } else {
        "   Sorting by  Tag"
    };
    lines.truncate(options.top.unwrap_or(usize::MAX));
    let mut text = format!("{heading}\n\n  Pool Used:\n");
    if flags.verbose {
        text += "                     NonPaged                                 Paged\n";
        text += " Tag    Allocs    Frees     Diff     Used    Allocs    Frees     Diff     Used\n";
    } else {
        text += "            NonPaged            Paged\n Tag    Allocs     Used    Allocs     Used\n";
    }
    let (mut nonpaged, mut paged) = (TagTotals::default(), TagTotals::default());
    for line in &lines {
        let _ = write!(text, " {}", shown(line.tag));
        figures(&mut text, &line.nonpaged, &line.paged, flags.verbose);
        text += &describe(line.tag, options);
        text.push('\n');
        add(&mut nonpaged, &line.nonpaged);
        add(&mut paged, &line.paged);
    }
    text += " TOTAL   ";
    figures(&mut text, &nonpaged, &paged, flags.verbose);
    text.push('\n');
    text
}

fn figures(text: &mut String, nonpaged: &TagTotals, paged: &TagTotals, verbose: bool) {
    let (n, p) = (nonpaged, paged);
    // WinDbg's widths: what is wider pushes the rest to the right, as it does there.
    let _ = if verbose {
        write!(
            text,
            "{:>9} {:>8} {:>8} {:>8} {:>9} {:>8} {:>8} {:>8}",
            n.allocs, n.frees, n.diff, n.bytes, p.allocs, p.frees, p.diff, p.bytes
        )
    } else {
        write!(text, "{:>9} {:>8} {:>9} {:>8}", n.diff, n.bytes, p.diff, p.bytes)
    };
}

fn add(sum: &mut TagTotals, more: &TagTotals) {
    sum.allocs = sum.allocs.saturating_add(more.allocs);
    sum.frees = sum.frees.saturating_add(more.frees);
    sum.diff = sum.diff.saturating_add(more.diff);
    sum.bytes = sum.bytes.saturating_add(more.bytes);
}

fn lines(used: &PoolUsed, options: &PoolUsedOptions<'_>) -> Vec<PoolUsedLine> {
    let mut lines: Vec<PoolUsedLine> = Vec::new();
    let mut at: FxHashMap<PoolTag, usize> = FxHashMap::default();
    for row in &used.sample.rows {
        let Some(tag) = row.tag.as_pool().filter(|&tag| options.filter.is_none_or(|admits| admits(tag)))
        else {
            continue;
        };
        let counters = &row.counters;
        let held = TagTotals {
            allocs: counters.allocs.unwrap_or(0),
            frees: counters.frees.unwrap_or(0),
            diff: counters.diff(used.sample.width).unwrap_or(0),
            bytes: counters.bytes.unwrap_or(0),
        };
        let place = *at.entry(tag).or_insert(lines.len());
        if place == lines.len() {
            lines.push(PoolUsedLine { tag, nonpaged: TagTotals::default(), paged: TagTotals::default() });
        }
        if let Some(line) = lines.get_mut(place) {
            match row.pool {
                Pool::Paged => line.paged = held,
                _ => line.nonpaged = held,
            }
        }
    }
    let holds = |held: &TagTotals| held.diff != 0 || held.bytes != 0;
    lines.retain(|line| options.flags.verbose || holds(&line.nonpaged) || holds(&line.paged));
    lines.sort_by_key(|line| line.tag);
    lines
}

/// Bytes that do not print become dots (`rx..`).
fn shown(tag: PoolTag) -> String {
    tag.0.iter().map(|&byte| if (0x20..0x7f).contains(&byte) { char::from(byte) } else { '.' }).collect()
}

fn describe(tag: PoolTag, options: &PoolUsedOptions<'_>) -> String {
    match options.describe.and_then(|describe| describe(tag)) {
        Some((text, Some(binary))) => format!("{text} , Binary: {binary}"),
        Some((text, None)) => format!("{text} "),
        None => {
            // Folklore: this text takes the tag as a C string of width four, so `rx\0\0` is shown as `  rx` here and as
            // `rx..` in the first column (samples of Windows 2000 to 7).
            let end = tag.0.iter().position(|&byte| byte == 0).unwrap_or(4);
            let name: String = shown(tag).chars().take(end).collect();
            format!("UNKNOWN pooltag '{name:>4}', please update pooltag.txt")
        }
    }
}
