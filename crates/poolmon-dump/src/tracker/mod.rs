//! The pool tracker tables: what `!poolused` sums, found without symbols.
//!
//! Debugger block → first table → entry size and slots ([`detect`]) → the other processors' tables ([`percpu`]) →
//! sums, clamped as the kernel clamps them → a sample. Where there are symbols, [`symbols`] compares.

mod detect;
mod layout;
mod percpu;
mod symbols;

use detect::{FoundLayout, TableBytes};
use layout::{Figures, TrackerLayout};
use percpu::Tables;
use poolmon_model::units::counted;
use poolmon_model::{CounterWidth, Pool, PoolTag, Row, Sample};
use rustc_hash::FxHashMap;
use symbols::Checked;

use crate::container::runs::PAGE;
use crate::error::{DumpError, Result, WANT_KERNEL_DUMP};
use crate::kdbg::KernelData;
use crate::memory::Memory;
use crate::scan;
use crate::symbols::SymbolPlaces;

/// The overflow bucket, and the tag under which it is.
const OVERFLOW: PoolTag = PoolTag(*b"Ovfl");

/// The pool table of a dump.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PoolUsed {
    /// Rows as a live system would report them; `remarks` repeats the warnings.
    pub sample: Sample,
    /// The tables of all processors were found and read whole. `false`: the figures are too small or even wrong,
    /// and a program must say so and end with a code other than 0.
    pub complete: bool,
    /// What the person has to know, the gravest first.
    pub warnings: Vec<String>,
    /// What is good to know: what the symbols confirm.
    pub notes: Vec<String>,
    /// How it was found.
    pub found: TrackerFacts,
}

/// How the tables were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrackerFacts {
    /// Address of the first processor's table.
    pub table: u64,
    /// Bytes of an entry.
    pub entry_size: usize,
    /// Hashed slots.
    pub slots: usize,
    /// Slots with a tag.
    pub tags: usize,
    /// Tables that were summed.
    pub tables: u64,
    /// Processors that the dump reports.
    pub processors: u32,
    /// Address of the array of the processors' tables, if it was found.
    pub array: Option<u64>,
    /// Pages of the tables that are not in the dump.
    pub absent_pages: u64,
    /// Rows whose sum was negative and was clamped.
    pub clamped: u64,
    /// The debugger block did not lead to the table; it was found by search.
    pub by_search: bool,
}

/// What a caller knows of the system.
pub(crate) struct TrackerHints {
    pub(crate) build: u32,
    /// 0 if unknown.
    pub(crate) processors: u32,
    /// What the symbols report.
    pub(crate) places: Option<SymbolPlaces>,
}

/// Where the tables are.
struct Located {
    /// Address of the variable that points to the first table; 0 if it was found by search.
    variable: u64,
    first: u64,
    found: FoundLayout,
    keys: TableBytes,
    tables: Option<Tables>,
    by_search: bool,
    /// The variable points to another table, of which nothing is in the dump: this one is another processor's.
    lacks_first: bool,
}

/// Finds the tables without symbols.
fn locate(memory: &Memory, data: &KernelData, candidates: [TrackerLayout; 3]) -> Result<Located> {
    let direct = by_variable(memory, data.pool_track_table, candidates);
    let by_search = direct.is_err();
    let (first, found, keys) = match direct {
        Ok(found) => found,
        Err(error) => search(memory, data, candidates).ok_or(error)?,
    };
    let tables = percpu::find(memory, data, first, &found, &keys);
    let variable = if by_search { 0 } else { memory.address(data.pool_track_table) };
    let named = memory.pointer_at(data.pool_track_table).ok().filter(|&named| memory.is_kernel(named));
    let lacks_first = by_search && data.pool_track_table != 0 && named.is_some_and(|named| named != first);
    Ok(Located { variable, first, found, keys, tables, by_search, lacks_first })
}

/// Finds and sums the tables, into an empty sample.
pub(crate) fn pool_used(
    memory: &Memory,
    data: &KernelData,
    known: &TrackerHints,
    mut sample: Sample,
) -> Result<PoolUsed> {
    let candidates = TrackerLayout::candidates(memory.is_narrow(), known.build);
    let located = locate(memory, data, candidates);
    let checked = match &known.places {
        Some(places) => symbols::check(memory, data, places, candidates, located)?,
        None => Checked::without(located?),
    };
    let Checked { located, mut warnings, notes, expansion } = checked;
    let Located { first, found, keys, tables, by_search, lacks_first, .. } = located;
    let mut absent_pages = keys.absent_pages(found.length());
    let mut sums = Sums::new(&found);
    sums.add(&keys);
    if let Some(expansion) = &expansion {
        absent_pages += expansion.absent_pages;
        sums.append(&expansion.bytes);
    }
    let others = tables.as_ref().map(|tables| tables.others.as_slice()).unwrap_or_default();
    for &other in others {
        let table = TableBytes::read(memory, other, found.length());
        absent_pages += table.absent_pages(found.length());
        sums.add(&table);
    }
    let empty = tables.as_ref().map_or(0, |tables| tables.empty);
    let summed = 1 + others.len() as u64 + empty;
    let unreadable = tables.as_ref().map_or(0, |tables| tables.unreadable);
    let mut complete =
        tell_tables(&mut warnings, known.processors, summed, unreadable, tables.as_ref(), lacks_first);
    if absent_pages > 0 {
        complete = false;
        warnings.push(format!(
            "this dump lacks {} of the pool tables: tags on such pages are missing or too small",
            counted(absent_pages, "page")
        ));
    }
    complete &= tell_overflow(&mut warnings, &sums, &found, expansion.is_some());
    let clamped = sums.rows(&mut sample);
    if clamped > 0 {
        warnings.push(format!("{} below 0, shown as 0 as the kernel does", counted(clamped, "sum")));
    }
    sample.width = if found.layout.wide_counts { CounterWidth::Bits64 } else { CounterWidth::Bits32 };
    sample.remarks.extend(warnings.iter().cloned());
    let found = TrackerFacts {
        table: first,
        entry_size: found.layout.stride,
        slots: found.mask + 1,
        tags: sums.tags(),
        tables: summed,
        processors: known.processors,
        array: tables.map(|tables| tables.array),
        absent_pages,
        clamped,
        by_search,
    };
    Ok(PoolUsed { sample, complete, warnings, notes, found })
}

/// Says what is missing of the processors' tables; `false` if something is.
fn tell_tables(
    warnings: &mut Vec<String>,
    processors: u32,
    summed: u64,
    unreadable: u64,
    tables: Option<&Tables>,
    lacks_first: bool,
) -> bool {
    if summed >= u64::from(processors) && unreadable == 0 && processors > 0 && !lacks_first {
        return true;
    }
    let warning = match (summed, processors) {
        _ if lacks_first => format!(
            "THESE FIGURES ARE WRONG: the table of the first processor, which knows every tag, is not in this dump. {} \
was found of {} processors, so tags are missing and every figure is too small",
            if summed == 1 { "One other table".to_owned() } else { format!("{summed} other tables") },
            if processors == 0 { "an unknown number of".to_owned() } else { processors.to_string() },
        ),
        (1, 0) => {
            "THESE FIGURES MAY BE WRONG: the number of processors is unknown, and only the table of the first one \
                was found"
                .to_owned()
        }
        (_, 0) => return unreadable == 0,
        (1, _) => {
            let why = if tables.is_some() {
                "the others' tables are not in it"
            } else {
                "the list of the others was not found"
            };
            format!(
                "THESE FIGURES ARE WRONG: the machine had {processors} processors, but only the first one's table was \
found ({why}). Every figure is that processor's share, and can even be negative"
            )
        }
        _ => format!(
            "THESE FIGURES ARE WRONG: the machine had {processors} processors, but only {summed} tables were found and \
read. The allocations and frees of the other processors are missing"
        ),
    };
    warnings.push(warning);
    false
}

/// Says that tags may be elsewhere; `false` if some may be missing altogether.
fn tell_overflow(warnings: &mut Vec<String>, sums: &Sums, found: &FoundLayout, expansion: bool) -> bool {
    if sums.overflow_used() {
        warnings.push("the pool table was full: tags that did not fit are summed in the row `Ovfl`".into());
    }
    let full = found.keys > found.mask && !expansion;
    if full {
        warnings.push(
            "the pool table is full: more tags may be in the kernel's expansion table, which cannot be found \
                without symbols and is not part of these figures"
                .into(),
        );
    }
    !full
}

/// Reads the first table through the variable that the debugger block names.
fn by_variable(
    memory: &Memory,
    variable: u64,
    candidates: [TrackerLayout; 3],
) -> Result<(u64, FoundLayout, TableBytes)> {
    let absent = |address, why: &str| DumpError::Absent {
        what: "pool table",
        address,
        why: why.to_owned(),
        remedy: WANT_KERNEL_DUMP,
    };
    if variable == 0 {
        return Err(absent(0, "nothing in the kernel's data leads to it"));
    }
    let first = memory.pointer_at(variable).map_err(|why| {
        absent(memory.address(variable), &format!("its variable cannot be read: {}", why.why()))
    })?;
    if first % PAGE != 0 || !memory.is_kernel(first) {
        return Err(absent(first, "its address is not one of a kernel table"));
    }
    let bytes = TableBytes::read(memory, first, detect::most_bytes(memory.is_narrow()));
    if !bytes.is_any_present() {
        return Err(absent(first, "none of its pages is in the dump"));
    }
    let near = detect::figures_near(memory, variable);
    match detect::detect(&bytes, candidates, &near) {
        Some(found) => Ok((first, found, bytes)),
        None => {
            Err(absent(first, "its tags are not where a known kernel puts them; the build may be too new"))
        }
    }
}

/// Pointers that are tried where the debugger block does not lead to the table.
const MOST_TRIED: usize = 1 << 16;
/// Of these, this many are read whole.
const MOST_READ: u32 = 64;

/// Searches the kernel's data for pointers to something that hashes like a pool table. The first processor's table
/// knows every tag, the others' only those that they used: the one with the most keys is it.
fn search(
    memory: &Memory,
    data: &KernelData,
    candidates: [TrackerLayout; 3],
) -> Option<(u64, FoundLayout, TableBytes)> {
    let mut tried = rustc_hash::FxHashSet::default();
    let mut budget = MOST_READ;
    let mut best: Option<(u64, FoundLayout, TableBytes)> = None;
    scan::words(memory, data.kernel_base, &mut |place, pointer| {
        let is_new = pointer % PAGE == 0 && memory.is_kernel(pointer) && tried.insert(pointer);
        if is_new
            && let Ok(first) = memory.page(pointer)
            && first.len() as u64 == PAGE
            && detect::looks_like(first, candidates)
        {
            budget -= 1;
            let table = TableBytes::read(memory, pointer, detect::most_bytes(memory.is_narrow()));
            let near = detect::figures_near(memory, place);
            if let Some(found) = detect::detect(&table, candidates, &near)
                && best.as_ref().is_none_or(|(_, best, _)| found.keys > best.keys)
            {
                best = Some((pointer, found, table));
            }
        }
        budget > 0 && tried.len() < MOST_TRIED
    });
    best
}

/// Sums by slot.
struct Sums {
    layout: TrackerLayout,
    slots: Vec<(u32, Figures, Figures)>,
    /// Slot of the overflow bucket.
    bucket: usize,
}

impl Sums {
    fn new(found: &FoundLayout) -> Self {
        Self {
            layout: found.layout,
            slots: vec![(0, Figures::default(), Figures::default()); found.entries()],
            bucket: found.mask + 1,
        }
    }

    fn add(&mut self, table: &TableBytes) {
        for (slot, (key, nonpaged, paged)) in self.slots.iter_mut().enumerate() {
            let Some(entry) = table.entry(slot, self.layout.stride) else { continue };
            if *key == 0 {
                *key = poolmon_image::bytes::u32_at(entry, 0).unwrap_or(0);
            }
            if let Some((n, p)) = self.layout.figures(entry) {
                nonpaged.add(n);
                paged.add(p);
            }
        }
    }

    /// Adds the entries of another table, each a tag of its own.
    fn append(&mut self, bytes: &[u8]) {
        for entry in bytes.chunks_exact(self.layout.stride) {
            if let (Some(key), Some((nonpaged, paged))) =
                (poolmon_image::bytes::u32_at(entry, 0).filter(|&key| key != 0), self.layout.figures(entry))
            {
                self.slots.push((key, nonpaged, paged));
            }
        }
    }

    fn tags(&self) -> usize {
        self.slots.iter().filter(|slot| slot.0 != 0).count()
    }

    fn overflow_used(&self) -> bool {
        self.slots.get(self.bucket).is_some_and(|(key, n, p)| {
            *key == OVERFLOW.to_u32() && [n, p].into_iter().any(|sum| sum.allocs != 0 || sum.bytes != 0)
        })
    }

    /// Makes rows; gives how many sums were clamped.
    fn rows(&self, sample: &mut Sample) -> u64 {
        let mut clamped = 0;
        let mut at: FxHashMap<(PoolTag, Pool), usize> = FxHashMap::default();
        for (key, nonpaged, paged) in &self.slots {
            // The kernel strips the protection bit; a table that kept it means the same tag.
            let tag = PoolTag::from_u32(*key).unprotected();
            for (pool, sum) in [(Pool::Nonpaged, nonpaged), (Pool::Paged, paged)] {
                if *key == 0 || *sum == Figures::default() {
                    continue;
                }
                let (allocs, frees, bytes) = self.clamp(sum, &mut clamped);
                let row = Row::windows(tag.into(), pool, allocs, frees, bytes);
                let twin = at.get(&(tag, pool)).and_then(|&at| sample.rows.get_mut(at));
                if let Some(twin) = twin {
                    let add =
                        |to: &mut Option<u64>, more: u64| *to = Some(to.unwrap_or(0).wrapping_add(more));
                    add(&mut twin.counters.allocs, allocs);
                    add(&mut twin.counters.frees, frees);
                    add(&mut twin.counters.bytes, bytes);
                } else {
                    at.insert((tag, pool), sample.rows.len());
                    sample.rows.push(row);
                }
            }
        }
        clamped
    }

    /// Allocs, frees, bytes as they are shown: no difference and no sum below 0.
    fn clamp(&self, sum: &Figures, clamped: &mut u64) -> (u64, u64, u64) {
        let (mut allocs, mut frees) = (sum.allocs, sum.frees);
        if !self.layout.wide_counts {
            // 32-bit counters wrapped on each processor alone: their sum is right modulo 2³².
            allocs &= 0xffff_ffff;
            frees &= 0xffff_ffff;
            if allocs.wrapping_sub(frees) & 0xffff_ffff >= 0x8000_0000 {
                frees = allocs;
                *clamped += 1;
            }
        } else if allocs.wrapping_sub(frees).cast_signed() < 0 {
            allocs = frees;
            *clamped += 1;
        }
        let bytes = u64::try_from(sum.bytes).unwrap_or_else(|_| {
            *clamped += 1;
            0
        });
        (allocs, frees, bytes)
    }
}
