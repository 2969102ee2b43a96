//! What earlier searches learned, on disk: safe to delete at any time.
//!
//! One text file. Each driver is a block of lines: `F` with size, time of change and path, `I` with what the file tells of
//! itself, `T` for each tag that was answered down to literals, `E` for each piece of evidence. A block counts only while
//! size and time of the file are the same. Blocks are parsed when they are asked for, so a large index costs little.
//! Behind the blocks stands a table of all tags with the names of their drivers, for [`super::names`], and the last
//! line tells where it begins: a screen reads that table alone.

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

use poolmon_model::PoolTag;
use rustc_hash::FxHashMap;

use super::folder::TagQuery;
use super::{CallRole, DriverInfo, Evidence, EvidenceKind, Machine, names};

/// First line; a file that begins otherwise is ignored.
pub(super) const HEADER: &str = "poolmon-driver-index 2";

/// More files than this are not kept from one save to the next.
const MAX_FILES: usize = 50_000;

/// A file's identity beside its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub bytes: u64,
    /// Nanoseconds since 1970.
    pub changed: u128,
}

impl Stamp {
    pub fn of(meta: &std::fs::Metadata) -> Self {
        let changed = meta.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        Self { bytes: meta.len(), changed: changed.map_or(0, |time| time.as_nanos()) }
    }
}

/// What is known of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileAnswer {
    pub driver: bool,
    pub info: Option<DriverInfo>,
    /// Code and structures were read for all tags.
    pub full: bool,
    /// Tags answered down to literals, and those answered for code alone.
    pub answered: Vec<(PoolTag, bool)>,
    pub evidence: Vec<Evidence>,
}

impl FileAnswer {
    pub fn not_a_driver() -> Self {
        Self { full: true, ..Self::default() }
    }

    pub fn nothing(query: TagQuery) -> Self {
        Self { driver: true, answered: Self::answered(query), ..Self::default() }
    }

    pub fn all(info: DriverInfo, evidence: Vec<Evidence>) -> Self {
        Self { driver: true, info: Some(info), full: true, answered: Vec::new(), evidence }
    }

    pub fn answered(query: TagQuery) -> Vec<(PoolTag, bool)> {
        match query {
            TagQuery::Tag(tag) => vec![(tag.unprotected(), true)],
            TagQuery::Code(tag) => vec![(tag.unprotected(), false)],
            TagQuery::All => Vec::new(),
        }
    }

    /// With `code`, a question down to literals is answered by code and structures too.
    fn answers(&self, query: TagQuery, code: bool) -> bool {
        let query = match query {
            TagQuery::Tag(tag) if code => TagQuery::Code(tag),
            other => other,
        };
        let known = |wanted: PoolTag, literals: bool| {
            self.answered.iter().any(|&(tag, all)| tag == wanted.unprotected() && (all || !literals))
        };
        !self.driver && self.full
            || match query {
                TagQuery::All => self.full,
                TagQuery::Code(tag) => self.full || known(tag, false),
                TagQuery::Tag(tag) => known(tag, true),
            }
    }
}

/// A file that knows how much was written to it.
struct Counted {
    out: std::io::BufWriter<std::fs::File>,
    bytes: usize,
}

impl Counted {
    fn text(&mut self, text: &str) -> std::io::Result<()> {
        self.bytes += text.len();
        self.out.write_all(text.as_bytes())
    }
}

/// Answers of earlier searches.
#[derive(Clone, Debug, Default)]
pub struct DriverIndex {
    text: String,
    blocks: FxHashMap<String, (Stamp, Range<usize>)>,
    fresh: FxHashMap<String, (Stamp, FileAnswer)>,
}

impl DriverIndex {
    /// Reads an index. A file that is missing, damaged or of another version is as good as an empty one.
    pub fn load(path: &Path) -> Self {
        let text = std::fs::read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        text.map(Self::from_text).unwrap_or_default()
    }

    fn from_text(mut text: String) -> Self {
        // The last line tells where the blocks end: a write that was cut off lacks it, and is as good as none.
        let end = names::table_start(text.as_bytes()).filter(|&end| {
            text.starts_with(HEADER)
                && text.is_char_boundary(end)
                && text.get(..end).is_some_and(|t| t.ends_with('\n'))
        });
        let Some(end) = end else { return Self::default() };
        text.truncate(end);
        let mut blocks = FxHashMap::default();
        let mut open: Option<(String, Stamp, usize)> = None;
        // From the line end before the first block on.
        let starts: Vec<usize> =
            memchr::memmem::find_iter(text.as_bytes(), b"\nF\t").map(|at| at + 1).collect();
        blocks.reserve(starts.len());
        for start in starts {
            if let Some((path, stamp, from)) = open.take() {
                blocks.insert(path, (stamp, from..start));
            }
            let rest = text.get(start..).unwrap_or_default();
            let length = memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |n| n + 1);
            let line = rest.get(..length).unwrap_or_default().trim_end_matches('\n');
            let mut fields = line.split('\t').skip(1);
            let bytes = fields.next().and_then(|field| field.parse().ok());
            let changed = fields.next().and_then(|field| field.parse().ok());
            if let (Some(bytes), Some(changed), Some(path)) = (bytes, changed, fields.next()) {
                open = Some((path.to_owned(), Stamp { bytes, changed }, start + length));
            }
        }
        if let Some((path, stamp, from)) = open {
            blocks.insert(path, (stamp, from..text.len()));
        }
        Self { text, blocks, fresh: FxHashMap::default() }
    }

    /// Writes the index beside its place, then moves it there, so that a reader never sees half of it. The folder is made
    /// where it is missing.
    pub fn save(&self, path: &Path) -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let new = path.with_extension(format!("new{}", std::process::id()));
        let mut file = Counted { out: std::io::BufWriter::new(std::fs::File::create(&new)?), bytes: 0 };
        let done = self.write(&mut file).and_then(|()| file.out.flush());
        let done = done.and_then(|()| file.out.get_ref().sync_all());
        done.and_then(|()| std::fs::rename(&new, path)).inspect_err(|_| drop(std::fs::remove_file(&new)))
    }

    fn write(&self, file: &mut Counted) -> std::io::Result<()> {
        let mut table = names::NamesTable::default();
        file.text(HEADER)?;
        file.text("\n")?;
        for (name, (stamp, range)) in &self.blocks {
            // Beyond any real machine's drivers, what was not asked for this time gives way.
            if !self.fresh.contains_key(name) && self.blocks.len() + self.fresh.len() <= MAX_FILES {
                let block = self.text.get(range.clone()).unwrap_or_default();
                if let Some(answer) = parse(block, None) {
                    table.add(name, &answer);
                }
                file.text(&format!("F\t{}\t{}\t{name}\n", stamp.bytes, stamp.changed))?;
                file.text(block)?;
            }
        }
        for (name, (stamp, answer)) in &self.fresh {
            table.add(name, answer);
            file.text(&format!("F\t{}\t{}\t{name}\n", stamp.bytes, stamp.changed))?;
            file.text(&block(answer))?;
        }
        let start = file.bytes;
        file.text(&table.text())?;
        file.text(&names::last_line(start))
    }

    /// Absolute paths of the files that it knows.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let old = self.blocks.keys().filter(|name| !self.fresh.contains_key(*name));
        old.chain(self.fresh.keys()).map(String::as_str)
    }

    /// Has anything been learned since it was read.
    pub fn is_changed(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// Does it know all tags of this file's code, as the file is now.
    pub(crate) fn knows(&self, path: &Path, stamp: Stamp) -> bool {
        let Some(name) = name(path) else { return false };
        if let Some((own, answer)) = self.fresh.get(&name) {
            return *own == stamp && answer.full;
        }
        self.blocks.get(&name).is_some_and(|(own, range)| {
            *own == stamp && self.text.get(range.clone()).and_then(|block| block.get(4..5)) == Some("1")
        })
    }

    /// How many files it knows.
    pub fn len(&self) -> usize {
        self.blocks.len() + self.fresh.keys().filter(|name| !self.blocks.contains_key(*name)).count()
    }

    /// Does it know none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn known(&self, name: &str, stamp: Stamp, tag: Option<PoolTag>) -> Option<FileAnswer> {
        if let Some((own, answer)) = self.fresh.get(name) {
            return (*own == stamp).then(|| answer.clone());
        }
        let (own, range) = self.blocks.get(name)?;
        (*own == stamp).then(|| parse(self.text.get(range.clone()).unwrap_or_default(), tag))?
    }

    pub(crate) fn answer(
        &self,
        path: &Path,
        stamp: Stamp,
        query: TagQuery,
        code: bool,
    ) -> Option<FileAnswer> {
        self.known(&name(path)?, stamp, query.tag()).filter(|answer| answer.answers(query, code))
    }

    pub(crate) fn learn(&mut self, path: &Path, stamp: Stamp, new: FileAnswer) {
        let Some(name) = name(path) else { return };
        let mut answer = new;
        if let Some(old) = self.known(&name, stamp, None) {
            answer.driver |= old.driver;
            answer.info = answer.info.or(old.info);
            for row in old.evidence {
                // Code that was read before need not have been read now.
                let code = row.kind <= EvidenceKind::Structure && !answer.full;
                let literal = row.kind > EvidenceKind::Structure;
                let again = answer.answered.iter().any(|&(tag, all)| all && tag == row.tag);
                if (code || (literal && !again)) && !answer.evidence.contains(&row) {
                    answer.evidence.push(row);
                }
            }
            answer.full |= old.full;
            for row in old.answered {
                if !answer.answered.contains(&row) {
                    answer.answered.push(row);
                }
            }
            answer.evidence.sort_by_key(Evidence::order);
        }
        self.fresh.insert(name, (stamp, answer));
    }
}

/// Paths as the index writes them; odd ones are not indexed.
fn name(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let name = path.to_str()?;
    (!name.chars().any(char::is_control)).then(|| name.to_owned())
}

fn text(field: Option<&str>) -> String {
    // A leading mark tells an empty text from none; control characters were taken out before.
    field.map_or_else(String::new, |field| format!("={}", field.replace(char::is_control, " ")))
}

fn number(field: Option<u32>) -> String {
    field.map_or_else(String::new, |field| format!("{field:x}"))
}

fn block(answer: &FileAnswer) -> String {
    let mut out = String::new();
    let machine = |machine| match machine {
        Machine::X86 => 0x14c,
        Machine::X64 => 0x8664,
        Machine::Arm64 => 0xaa64,
        Machine::Other(raw) => raw,
    };
    let _ = writeln!(out, "S\t{}\t{}", u8::from(answer.driver), u8::from(answer.full));
    if let Some(info) = &answer.info {
        let tags: Vec<String> =
            info.framework_tags.iter().map(|tag| format!("{:08x}", tag.to_u32())).collect();
        let texts = [&info.version, &info.product, &info.description, &info.company, &info.pdb, &info.signer];
        let texts: Vec<String> = texts.into_iter().map(|field| text(field.as_deref())).collect();
        let _ = writeln!(
            out,
            "I\t{:x}\t{:x}\t{}\t{}",
            machine(info.machine),
            info.timestamp,
            texts.join("\t"),
            tags.join(",")
        );
    }
    for (tag, literals) in &answer.answered {
        let _ = writeln!(out, "T\t{:08x}\t{}", tag.to_u32(), u8::from(*literals));
    }
    for row in &answer.evidence {
        let kind = EvidenceKind::ALL.iter().position(|&kind| kind == row.kind).unwrap_or(0);
        let role = match row.role {
            Some(CallRole::Allocate) => "a",
            Some(CallRole::List) => "l",
            Some(CallRole::Free) => "f",
            None => "",
        };
        let _ = writeln!(
            out,
            "E\t{:08x}\t{kind}\t{:x}\t{}\t{}\t{}\t{role}\t{}\t{}\t{}",
            row.tag.to_u32(),
            row.offset,
            number(row.rva),
            number(row.site),
            number(row.wrapper),
            text(Some(&row.section)),
            text(row.api.as_deref()),
            u8::from(row.library.is_some()),
        );
    }
    out
}

/// Reads one block; with a tag only its evidence. None where a line is not as written here.
fn parse(block: &str, tag: Option<PoolTag>) -> Option<FileAnswer> {
    let wanted = tag.map(|tag| format!("E\t{:08x}\t", tag.unprotected().to_u32()));
    let mut answer = FileAnswer::default();
    for line in block.lines() {
        match line.get(..2) {
            Some("S\t") => {
                answer.driver = line.get(2..3)? == "1";
                answer.full = line.get(4..5)? == "1";
            }
            Some("I\t") => answer.info = Some(info(line)?),
            Some("T\t") => {
                let tag = u32::from_str_radix(line.get(2..10)?, 16).ok()?;
                answer.answered.push((PoolTag::from_u32(tag), line.get(11..12)? == "1"));
            }
            Some("E\t") if wanted.as_ref().is_none_or(|wanted| line.starts_with(wanted.as_str())) => {
                answer.evidence.push(evidence(line)?);
            }
            _ => {}
        }
    }
    Some(answer)
}

fn back(field: &str) -> Option<String> {
    field.strip_prefix('=').map(str::to_owned)
}

fn hex(field: &str) -> Option<u32> {
    u32::from_str_radix(field, 16).ok()
}

fn info(line: &str) -> Option<DriverInfo> {
    let mut fields = line.split('\t').skip(1);
    let machine = match u16::from_str_radix(fields.next()?, 16).ok()? {
        0x14c => Machine::X86,
        0x8664 => Machine::X64,
        0xaa64 => Machine::Arm64,
        raw => Machine::Other(raw),
    };
    Some(DriverInfo {
        machine,
        timestamp: hex(fields.next()?)?,
        version: back(fields.next()?),
        product: back(fields.next()?),
        description: back(fields.next()?),
        company: back(fields.next()?),
        pdb: back(fields.next()?),
        signer: back(fields.next()?),
        framework_tags: fields.next()?.split(',').filter_map(hex).map(PoolTag::from_u32).collect(),
    })
}

fn evidence(line: &str) -> Option<Evidence> {
    let mut fields = line.split('\t').skip(1);
    let tag = PoolTag::from_u32(hex(fields.next()?)?);
    let kind = *EvidenceKind::ALL.get(fields.next()?.parse::<usize>().ok()?)?;
    let offset = u64::from_str_radix(fields.next()?, 16).ok()?;
    let rva = hex(fields.next()?);
    let site = hex(fields.next()?);
    let wrapper = hex(fields.next()?);
    let role = match fields.next()? {
        "a" => Some(CallRole::Allocate),
        "l" => Some(CallRole::List),
        "f" => Some(CallRole::Free),
        _ => None,
    };
    let section = back(fields.next()?)?;
    let api = back(fields.next()?);
    let library = (fields.next()? == "1").then(|| super::library::of(tag)).flatten();
    Some(Evidence { tag, kind, offset, rva, site, section, api, role, wrapper, library })
}
