//! What earlier searches learned of drivers, on disk: safe to delete at any time.
//!
//! A [`FileIndex`]. The block of a driver has lines `S` (is it one, is its code read), `I` with what the file says of
//! itself, `T` for each tag that was answered down to literals, `E` for each piece of evidence. Behind the blocks is a table
//! of all tags with the names of their drivers, for `super::names`.

use std::fmt::Write as _;
use std::path::Path;

use poolmon_image::Machine;
use poolmon_image::files::FileList;
use poolmon_image::index::{FileIndex, FileStamp, IndexBlock, IndexRecord, field_text, text_field};
use poolmon_model::PoolTag;

use super::folder::TagQuery;
use super::{CallRole, DriverInfo, Evidence, EvidenceKind, names};

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

    /// Adds what was known of the same file.
    fn join(&mut self, old: Self) {
        self.driver |= old.driver;
        self.info = self.info.take().or(old.info);
        for row in old.evidence {
            // Code that was read before need not have been read now.
            let code = row.kind <= EvidenceKind::Structure && !self.full;
            let literal = row.kind > EvidenceKind::Structure;
            let again = self.answered.iter().any(|&(tag, all)| all && tag == row.tag);
            if (code || (literal && !again)) && !self.evidence.contains(&row) {
                self.evidence.push(row);
            }
        }
        self.full |= old.full;
        for row in old.answered {
            if !self.answered.contains(&row) {
                self.answered.push(row);
            }
        }
        self.evidence.sort_by_key(Evidence::order);
    }
}

impl IndexRecord for FileAnswer {
    const HEADER: &'static str = "poolmon-driver-index 5";

    fn write(&self, out: &mut String) {
        block(self, out);
    }

    fn parse(block: &str) -> Option<Self> {
        parse(block, None)
    }
}

/// Answers of earlier searches.
#[derive(Clone, Debug, Default)]
pub struct DriverIndex {
    files: FileIndex<FileAnswer>,
}

impl DriverIndex {
    /// Reads an index. A file that is missing, damaged or of another version is as good as an empty one.
    pub fn load(path: &Path) -> Self {
        Self { files: FileIndex::load(path) }
    }

    /// Writes the index, whole or not at all. The folder is made if it is missing.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn save(&self, path: &Path) -> std::io::Result<()> {
        let mut table = names::NamesTable::default();
        for (name, _, block) in self.files.kept() {
            if let Some(answer) = block.record() {
                table.add(name, &answer);
            }
        }
        self.files.save(path, &table.text())
    }

    /// Absolute paths of the files that it knows.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.paths()
    }

    /// Whether anything was learned since it was read.
    pub fn is_changed(&self) -> bool {
        self.files.is_changed()
    }

    /// How many files it knows.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Of how many listed files it knows all tags of their code, as they are now.
    pub fn known(&self, list: &FileList) -> usize {
        if self.is_empty() {
            return 0;
        }
        let known = |path: &Path| path.metadata().is_ok_and(|meta| self.knows(path, FileStamp::of(&meta)));
        list.files.iter().filter(|file| known(&file.path)).count()
    }

    fn knows(&self, path: &Path, stamp: FileStamp) -> bool {
        match self.files.get(path, stamp) {
            Some(IndexBlock::Fresh(answer)) => answer.full,
            Some(IndexBlock::Text(block)) => block.get(4..5) == Some("1"),
            None => false,
        }
    }

    pub(crate) fn answer(
        &self,
        path: &Path,
        stamp: FileStamp,
        query: TagQuery,
        code: bool,
    ) -> Option<FileAnswer> {
        let answer = match self.files.get(path, stamp)? {
            IndexBlock::Fresh(answer) => Some(answer.clone()),
            IndexBlock::Text(block) => parse(block, query.tag()),
        };
        answer.filter(|answer| answer.answers(query, code))
    }

    pub(crate) fn learn(&mut self, path: &Path, stamp: FileStamp, new: FileAnswer) {
        let mut answer = new;
        if let Some(old) = self.files.get(path, stamp).and_then(|block| block.record()) {
            answer.join(old);
        }
        self.files.learn(path, stamp, answer);
    }
}

fn number(field: Option<u32>) -> String {
    field.map_or_else(String::new, |field| format!("{field:x}"))
}

fn block(answer: &FileAnswer, out: &mut String) {
    let _ = writeln!(out, "S\t{}\t{}", u8::from(answer.driver), u8::from(answer.full));
    if let Some(info) = &answer.info {
        let tags: Vec<String> =
            info.framework_tags.iter().map(|tag| format!("{:08x}", tag.to_u32())).collect();
        let texts = [
            &info.version,
            &info.product,
            &info.description,
            &info.company,
            &info.pdb,
            &info.signer,
            &info.packed,
        ];
        let texts: Vec<String> = texts.into_iter().map(|field| text_field(field.as_deref())).collect();
        let _ = writeln!(
            out,
            "I\t{:x}\t{:x}\t{}\t{}",
            info.machine.to_pe(),
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
            text_field(Some(&row.section)),
            text_field(row.api.as_deref()),
            u8::from(row.library.is_some()),
        );
    }
}

/// Reads one block; with a tag only its evidence. None if a line is not as written here.
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

fn hex(field: &str) -> Option<u32> {
    u32::from_str_radix(field, 16).ok()
}

fn info(line: &str) -> Option<DriverInfo> {
    let mut fields = line.split('\t').skip(1);
    let machine = Machine::from_pe(u16::from_str_radix(fields.next()?, 16).ok()?);
    Some(DriverInfo {
        machine,
        timestamp: hex(fields.next()?)?,
        version: field_text(fields.next()?),
        product: field_text(fields.next()?),
        description: field_text(fields.next()?),
        company: field_text(fields.next()?),
        pdb: field_text(fields.next()?),
        signer: field_text(fields.next()?),
        packed: field_text(fields.next()?),
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
    let section = field_text(fields.next()?)?;
    let api = field_text(fields.next()?);
    let library = (fields.next()? == "1").then(|| super::library::of(tag)).flatten();
    Some(Evidence { tag, kind, offset, rva, site, section, api, role, wrapper, library })
}
