//! `!for_each_module s -a @#Base @#End "Tag"`: bytes searched in every loaded module, page by page.

use memchr::memmem::Finder;
use poolmon_image::pe::{PeHeader, PeSection};
use poolmon_model::PoolTag;
use poolmon_model::hidden::SafeString;

use crate::container::runs::PAGE;
use crate::memory::{AbsentPages, Memory};
use crate::modules::LoadedModule;
use crate::pe;

/// What is searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needle {
    /// As asked for.
    pub text: String,
    /// The bytes; of a tag without the protection bit.
    bytes: Vec<u8>,
    /// The last byte counts with and without its top bit: a tag's protection.
    protected: bool,
}

/// Longest sequence that is searched, in bytes.
pub const LONGEST: usize = 256;

impl Needle {
    /// A tag, as its four bytes are in code; also with the protection bit set.
    pub fn tag(tag: PoolTag) -> Self {
        let plain = tag.unprotected();
        Self { text: tag.to_string(), bytes: plain.0.to_vec(), protected: true }
    }

    /// Plain bytes; `None` if there are none, or more than 256 of them.
    pub fn bytes(bytes: &[u8]) -> Option<Self> {
        let text = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        (1..=LONGEST).contains(&bytes.len()).then(|| Self { text, bytes: bytes.to_vec(), protected: false })
    }

    /// Reads what a person types: `0x6b61654c` (a number, searched little-endian), `4c 65 61 6b` (bytes), else a tag.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is neither a tag (one to four characters) nor hex (`0x6b61654c`, `4c 65 61 6b`)"
            )
        };
        if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            let value = u64::from_str_radix(&digits.replace('`', ""), 16).map_err(|_| wrong())?;
            let length = digits.len().div_ceil(2).next_power_of_two().clamp(1, 8);
            let bytes = value.to_le_bytes();
            return bytes.get(..length).and_then(Self::bytes).ok_or_else(wrong);
        }
        if text.len() > 4 {
            let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
                return Err(wrong());
            }
            let pair = |at| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
            let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(pair).collect();
            return bytes.as_deref().and_then(Self::bytes).ok_or_else(wrong);
        }
        text.parse().map(Self::tag).map_err(|_| wrong())
    }

    /// What is searched fast: all bytes, or those before a last byte that has two forms.
    fn prefix(&self) -> &[u8] {
        match self.bytes.split_last() {
            Some((_, prefix)) if self.protected => prefix,
            _ => &self.bytes,
        }
    }

    /// Whether the bytes that follow a found prefix are a hit.
    fn ends(&self, after: &[u8]) -> bool {
        !self.protected || after.first().map(|byte| byte & 0x7f) == self.bytes.last().map(|byte| byte & 0x7f)
    }
}

/// Its status.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FindHit {
    /// Address.
    pub address: u64,
    /// Name of the module (`myfault`).
    pub module: SafeString,
    /// Offset from the module's base.
    pub offset: u32,
    /// Section, where the module's header is in the dump.
    pub section: Option<SafeString>,
    /// The section is code.
    pub in_code: bool,
    /// Up to eight bytes before it.
    pub before: Vec<u8>,
    /// Up to sixteen bytes from it on.
    pub bytes: Vec<u8>,
}

impl FindHit {
    /// The line that WinDbg prints.
    pub fn windbg_line(&self) -> String {
        let mut line = format!("{:08x}`{:08x} ", self.address >> 32, self.address & 0xffff_ffff);
        if self.address >> 32 == 0 {
            line = format!("{:08x} ", self.address);
        }
        for at in 0..16 {
            line.push(if at == 8 { '-' } else { ' ' });
            line += &self.bytes.get(at).map_or_else(|| "??".to_owned(), |byte| format!("{byte:02x}"));
        }
        line += "  ";
        let shown = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
        line.extend((0..16).map(|at| self.bytes.get(at).map_or('?', shown)));
        line
    }
}

/// Absent pages of one module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModuleAbsent {
    /// Name of the module.
    pub module: SafeString,
    /// Its pages.
    pub pages: u64,
    /// Those that could not be searched.
    pub absent: AbsentPages,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FindReport {
    /// Hits by module, in the order of addresses.
    pub hits: Vec<FindHit>,
    /// Modules searched.
    pub modules: usize,
    /// Bytes searched.
    pub bytes: u64,
    /// Pages that could not be searched, in all modules.
    pub absent: AbsentPages,
    /// Modules of which pages are absent.
    pub absent_in: Vec<ModuleAbsent>,
    /// The search was stopped or reached a limit: there may be more.
    pub cut: bool,
}

/// Called after each module: modules done, modules in all. Answer `false` to stop.
pub type Progress<'a> = dyn FnMut(usize, usize) -> bool + 'a;

/// More hits are not given.
const MOST_HITS: usize = 100_000;
/// No driver is larger; a larger size is a damaged list.
const LARGEST_MODULE: u32 = 1 << 30;

/// Searches all modules.
pub(crate) fn find(
    memory: &Memory,
    modules: &[LoadedModule],
    needle: &Needle,
    progress: &mut Progress<'_>,
) -> FindReport {
    let finder = Finder::new(needle.prefix());
    let mut report = FindReport::default();
    // Modules share no pages: more than all pages of the dump is a circle in damaged page tables.
    let mut budget = memory.map.pages().saturating_add(0x10_0000).saturating_mul(PAGE);
    for (at, module) in modules.iter().enumerate() {
        let mut search = Search {
            memory,
            module,
            needle,
            finder: &finder,
            image: None,
            image_read: false,
            tail: Vec::new(),
        };
        if !search.run(&mut report, &mut budget) || !progress(at + 1, modules.len()) {
            report.cut |= at + 1 < modules.len() || report.hits.len() >= MOST_HITS;
            break;
        }
    }
    report
}

struct Search<'a> {
    memory: &'a Memory,
    module: &'a LoadedModule,
    needle: &'a Needle,
    finder: &'a Finder<'a>,
    /// Header of the module, read at its first hit.
    image: Option<PeHeader>,
    image_read: bool,
    /// Last bytes of the page before, where it was there.
    tail: Vec<u8>,
}

impl Search<'_> {
    /// Searches the module; `false` if a limit is reached.
    fn run(&mut self, report: &mut FindReport, budget: &mut u64) -> bool {
        let size = u64::from(self.module.size.min(LARGEST_MODULE));
        let mut absent = AbsentPages::default();
        let mut at = 0;
        let mut more = true;
        while at < size && more {
            let address = self.module.base.wrapping_add(at);
            let to_page_end = PAGE - address % PAGE;
            match self.memory.page(address) {
                Ok(page) => {
                    let length = page.len().min(poolmon_image::bytes::index(size - at));
                    let page = page.get(..length).unwrap_or(page);
                    more = self.page(address, page, report);
                    report.bytes += page.len() as u64;
                    *budget = budget.saturating_sub(page.len() as u64);
                    more &= *budget > 0;
                    at += to_page_end;
                }
                Err(hole) => {
                    // A hole of an upper page table is skipped as a whole.
                    let step = hole.span - (address & (hole.span - 1));
                    let step = step.max(to_page_end).min(size - at);
                    absent.add(hole.why, step.div_ceil(PAGE));
                    self.tail.clear();
                    at += step;
                }
            }
        }
        report.modules += 1;
        if absent.total() > 0 {
            for (to, pages) in [
                (&mut report.absent.unmapped, absent.unmapped),
                (&mut report.absent.paged_out, absent.paged_out),
                (&mut report.absent.not_in_dump, absent.not_in_dump),
            ] {
                *to = to.saturating_add(pages);
            }
            let pages = size.div_ceil(PAGE);
            report.absent_in.push(ModuleAbsent { module: self.module.name().into(), pages, absent });
        }
        report.cut |= !more;
        more
    }

    fn page(&mut self, address: u64, page: &[u8], report: &mut FindReport) -> bool {
        let (finder, needle) = (self.finder, self.needle);
        let keep = needle.bytes.len().saturating_sub(1);
        let old = self.tail.len();
        if old > 0 {
            // What starts in the last bytes of the page before and ends in this one.
            let mut joined = std::mem::take(&mut self.tail);
            joined.extend_from_slice(page.get(..keep.min(page.len())).unwrap_or(page));
            for hit in finder.find_iter(&joined).take_while(|hit| *hit < old) {
                let end = hit + needle.bytes.len();
                let after = joined.get(hit + needle.prefix().len()..).unwrap_or_default();
                if end > old && end <= joined.len() && needle.ends(after) {
                    self.hit(address.wrapping_sub((old - hit) as u64), report);
                }
            }
            self.tail = joined;
        }
        for hit in finder.find_iter(page) {
            if report.hits.len() >= MOST_HITS {
                return false;
            }
            let after = page.get(hit + needle.prefix().len()..).unwrap_or_default();
            if needle.ends(after) {
                self.hit(address.wrapping_add(hit as u64), report);
            }
        }
        self.tail.clear();
        self.tail.extend_from_slice(page.get(page.len().saturating_sub(keep)..).unwrap_or_default());
        true
    }

    fn hit(&mut self, address: u64, report: &mut FindReport) {
        let offset = u32::try_from(address.wrapping_sub(self.module.base)).unwrap_or(0);
        if !self.image_read {
            self.image = pe::header(self.memory, self.module.base);
            self.image_read = true;
        }
        let section = self.image.as_ref().and_then(|image| image.section_at(offset));
        report.hits.push(FindHit {
            address,
            module: self.module.name().into(),
            offset,
            section: section.map(|section| section.name.as_str().into()),
            in_code: section.is_some_and(PeSection::is_code),
            before: around(self.memory, address.wrapping_sub(8), 8).unwrap_or_default(),
            bytes: (1..=16).rev().find_map(|n| around(self.memory, address, n)).unwrap_or_default(),
        });
    }
}

fn around(memory: &Memory, address: u64, length: usize) -> Option<Vec<u8>> {
    memory.buffer(address, length).ok()
}
