//! Names that end where the lines were cut: two caches may have become one name.

use poolmon_model::{Counters, Sample, Tag};
use rustc_hash::{FxHashMap, FxHashSet};

use super::super::noticed::Noticed;
use super::super::section::Section;

/// `vmstat -m` cuts names itself.
const VMSTAT: usize = 24;
/// The title before the last one of slabtop.
const BEFORE: &[u8] = b"CACHE SIZE";
/// Blanks behind the last title of slabtop, whose names take 23 columns at least.
const BEHIND_TITLE: usize = 19;

/// What is known of the ends of names in a list.
#[derive(Default)]
pub(super) struct NamesAtEdge {
    /// Where the column line was cut.
    titles: Option<usize>,
    /// The end of the last line, and its number; 0 if something follows the name.
    end: (usize, u64),
    longest: usize,
    /// Rows: the place of the name, where the line ends, its number, and the name.
    rows: Vec<(usize, usize, u64, Box<[u8]>)>,
    /// Names that end elsewhere.
    others: Vec<usize>,
}

impl NamesAtEdge {
    pub(super) fn start(&mut self) {
        self.rows.clear();
        self.others.clear();
        (self.titles, self.longest) = (None, 0);
    }

    /// A line of the text.
    pub(super) fn line(&mut self, line: &[u8], number: u64) {
        let is_open = line.last().is_some_and(|byte| !byte.is_ascii_whitespace());
        self.end = (if is_open { line.len() } else { 0 }, number);
        self.longest = self.longest.max(line.len());
    }

    /// The last name went on on another line: it is whole.
    pub(super) fn joined(&mut self) {
        self.end.0 = 0;
    }

    /// The column line of a list.
    pub(super) fn titles(&mut self, section: Section, line: &[u8]) {
        self.longest = if self.rows.is_empty() { line.len() } else { self.longest };
        if section != Section::Slabtop {
            return;
        }
        let Some(at) = memchr::memmem::find(line, BEFORE) else { return };
        let rest = line.get(at + BEFORE.len()..).unwrap_or_default();
        let title = rest.trim_ascii();
        let behind = rest.trim_ascii_start().len() - title.len();
        let is_cut = title.len() < b"NAME".len() || (1..BEHIND_TITLE).contains(&behind);
        self.titles = is_cut.then_some(line.len());
    }

    /// A row of a list, whose name is known as `at`.
    pub(super) fn row(&mut self, section: Option<Section>, at: usize, name: &[u8]) {
        let (end, number) = self.end;
        let ends_here = match section {
            Some(Section::Slabtop) => end > 0 && end >= self.longest,
            Some(Section::Vmstat) => name.len() >= VMSTAT,
            _ => false,
        };
        if ends_here {
            self.rows.push((at, end, number, name.into()));
        } else {
            self.others.push(at);
        }
    }

    /// Says which names are cut, at the end of a sample, and forgets the figures of those that are several caches.
    pub(super) fn finish(&mut self, sample: &mut Sample, noticed: &mut Noticed) {
        let longest = self.longest;
        self.rows.retain(|(_, end, _, name)| *end >= longest || name.len() >= VMSTAT);
        // Where names are repeated anyway, those at the edge may be whole: a cache for each control group.
        self.others.sort_unstable();
        let repeats = self.others.windows(2).any(|pair| matches!(pair, [a, b] if a == b));
        let mut times: FxHashMap<usize, u32> = FxHashMap::default();
        for (at, ..) in self.rows.iter().filter(|_| !repeats) {
            *times.entry(*at).or_default() += 1;
        }
        let mut several: FxHashSet<Tag> = FxHashSet::default();
        for (at, end, number, name) in &self.rows {
            if times.get(at).is_some_and(|times| *times > 1) {
                noticed.same_names.add(*number, name);
                several.insert(Tag::name(&String::from_utf8_lossy(name)));
            } else if self.titles.is_some_and(|edge| *end >= edge) {
                noticed.cut_names.add(*number, name);
            }
        }
        for row in sample.rows.iter_mut().filter(|row| several.contains(&row.tag)) {
            row.counters = Counters::default();
        }
    }
}
