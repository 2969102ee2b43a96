//! What earlier searches learned of files, on disk: safe to delete at any time.
//!
//! One text file. Its first line names what it is an index of, with a version; each file is a line `F` with size, time of
//! change and path, followed by a block of lines of the owner's own ([`IndexRecord`]). A block counts only while size and
//! time of the file are the same, and is parsed when it is asked for, so a large index costs little. Behind the blocks the
//! owner may put a table of its own ([`tail`] reads it alone); the last line holds the table's offset, and an index whose
//! write was cut off lacks it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use rustc_hash::FxHashMap;

use crate::private;

/// More files than this are not kept from one save to the next.
const MAX_FILES: usize = 50_000;
/// The last line begins so, and the offset of the table follows.
const LAST: &str = ".\t";

/// A file's identity next to its path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileStamp {
    /// Its size.
    pub bytes: u64,
    /// Time of change in nanoseconds since 1970.
    pub changed: u128,
}

impl FileStamp {
    /// Of a file.
    pub fn of(meta: &std::fs::Metadata) -> Self {
        let changed = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self { bytes: meta.len(), changed: changed.map_or(0, |time| time.as_nanos()) }
    }
}

/// What an index keeps of one file.
pub trait IndexRecord: Sized {
    /// First line of the index, with a version; an index that begins otherwise is ignored.
    const HEADER: &'static str;

    /// Writes lines, none of which begins with `F` or `.` and a tab.
    fn write(&self, out: &mut String);

    /// Reads these lines; `None` if one is not as it is written.
    fn parse(block: &str) -> Option<Self>;
}

/// A record that several share.
impl<R: IndexRecord> IndexRecord for Arc<R> {
    const HEADER: &'static str = R::HEADER;

    fn write(&self, out: &mut String) {
        R::write(self, out);
    }

    fn parse(block: &str) -> Option<Self> {
        R::parse(block).map(Self::new)
    }
}

/// A block of an index: as it was read, or learned since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexBlock<'a, R> {
    /// Its lines.
    Text(&'a str),
    /// A record that is not written yet.
    Fresh(&'a R),
}

impl<R: IndexRecord + Clone> IndexBlock<'_, R> {
    /// The record; `None` if its lines are damaged.
    pub fn record(&self) -> Option<R> {
        match self {
            Self::Text(block) => R::parse(block),
            Self::Fresh(record) => Some((*record).clone()),
        }
    }
}

/// Records of files by their paths.
#[derive(Clone, Debug)]
pub struct FileIndex<R> {
    text: String,
    blocks: FxHashMap<String, (FileStamp, Range<usize>)>,
    fresh: FxHashMap<String, (FileStamp, R)>,
}

impl<R> Default for FileIndex<R> {
    fn default() -> Self {
        Self { text: String::new(), blocks: FxHashMap::default(), fresh: FxHashMap::default() }
    }
}

impl<R: IndexRecord> FileIndex<R> {
    /// Reads an index. A file that is missing, damaged, of another version, or that another user could have written, is as good as
    /// an empty one.
    pub fn load(path: &Path) -> Self {
        let mut text = String::new();
        let read = private::open(path).and_then(|mut file| file.read_to_string(&mut text).ok());
        let text = read.map(|_| text);
        text.and_then(Self::from_text).unwrap_or_default()
    }

    fn from_text(mut text: String) -> Option<Self> {
        let end = table_start(text.as_bytes())?;
        let whole = text.strip_prefix(R::HEADER)?.starts_with('\n') && text.get(..end)?.ends_with('\n');
        if !whole {
            return None;
        }
        text.truncate(end);
        // From the line end before the first block on.
        let starts: Vec<usize> =
            memchr::memmem::find_iter(text.as_bytes(), b"\nF\t").map(|at| at + 1).collect();
        let mut blocks = FxHashMap::default();
        blocks.reserve(starts.len());
        let ends = starts.iter().skip(1).copied().chain([end]);
        for (&start, end) in starts.iter().zip(ends) {
            let block = text.get(start..end).unwrap_or_default();
            let Some((line, _)) = block.split_once('\n') else { continue };
            let mut fields = line.splitn(4, '\t').skip(1);
            let bytes = fields.next().and_then(|field| field.parse().ok());
            let changed = fields.next().and_then(|field| field.parse().ok());
            if let (Some(bytes), Some(changed), Some(path)) = (bytes, changed, fields.next()) {
                let lines = start + line.len() + 1..end;
                blocks.insert(path.to_owned(), (FileStamp { bytes, changed }, lines));
            }
        }
        Some(Self { text, blocks, fresh: FxHashMap::default() })
    }

    /// Writes the index next to its place, then moves it there, so that a reader never sees half of it. The folder is made
    /// if it is missing. `table` goes behind the blocks, whole lines of it.
    ///
    /// # Errors
    ///
    /// Those of the file system; an index that was there is untouched then.
    pub fn save(&self, path: &Path, table: &str) -> io::Result<()> {
        // Where others could have written it, it would not be read again.
        private::replace(path, |file| self.write(file, table)).map(drop)
    }

    fn write(&self, file: &File, table: &str) -> io::Result<()> {
        let mut out = io::BufWriter::new(file);
        let mut lines = format!("{}\n", R::HEADER);
        let mut start = 0;
        for (name, stamp, block) in self.kept() {
            let _ = writeln!(lines, "F\t{}\t{}\t{name}", stamp.bytes, stamp.changed);
            match block {
                IndexBlock::Text(block) => lines.push_str(block),
                IndexBlock::Fresh(record) => record.write(&mut lines),
            }
            out.write_all(lines.as_bytes())?;
            start += lines.len();
            lines.clear();
        }
        start += lines.len();
        writeln!(out, "{lines}{table}{LAST}{start}")?;
        out.flush()
    }

    /// What the next save writes, with the files' paths. Beyond any real machine's files, what was not asked for since the
    /// index was read gives way.
    pub fn kept(&self) -> impl Iterator<Item = (&str, FileStamp, IndexBlock<'_, R>)> {
        let room = self.blocks.len() + self.fresh.len() <= MAX_FILES;
        let old = self.blocks.iter().filter(move |(name, _)| room && !self.fresh.contains_key(*name));
        let old = old.map(|(name, (stamp, range))| {
            let block = self.text.get(range.clone()).unwrap_or_default();
            (name.as_str(), *stamp, IndexBlock::Text(block))
        });
        let fresh = self.fresh.iter();
        old.chain(fresh.map(|(name, (stamp, record))| (name.as_str(), *stamp, IndexBlock::Fresh(record))))
    }

    /// What is known of a file as it is now.
    pub fn get(&self, path: &Path, stamp: FileStamp) -> Option<IndexBlock<'_, R>> {
        let name = name(path)?;
        if let Some((own, record)) = self.fresh.get(&name) {
            return (*own == stamp).then_some(IndexBlock::Fresh(record));
        }
        let (own, range) = self.blocks.get(&name)?;
        (*own == stamp).then(|| IndexBlock::Text(self.text.get(range.clone()).unwrap_or_default()))
    }

    /// Notes what was learned of a file. Odd paths are not indexed.
    pub fn learn(&mut self, path: &Path, stamp: FileStamp, record: R) {
        if let Some(name) = name(path) {
            self.fresh.insert(name, (stamp, record));
        }
    }

    /// Absolute paths of the files that it knows.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let old = self.blocks.keys().filter(|name| !self.fresh.contains_key(*name));
        old.chain(self.fresh.keys()).map(String::as_str)
    }

    /// Whether anything was learned since it was read.
    pub fn is_changed(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// How many files it knows.
    pub fn len(&self) -> usize {
        self.paths().count()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.fresh.is_empty()
    }
}

/// The table behind the blocks, read alone; `None` if the index is damaged, of another version, or the table larger than
/// `max` bytes.
pub fn tail<R: IndexRecord>(path: &Path, max: u64) -> Option<String> {
    let mut file = private::open(path)?;
    let mut head = vec![0; R::HEADER.len()];
    file.read_exact(&mut head).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(32))).ok()?;
    let mut bytes = Vec::new();
    (&mut file).take(32).read_to_end(&mut bytes).ok()?;
    let start = last_number(&bytes)? as u64;
    if head != R::HEADER.as_bytes() || start > length || length - start > max {
        return None;
    }
    file.seek(SeekFrom::Start(start)).ok()?;
    bytes.clear();
    file.take(length - start).read_to_end(&mut bytes).ok()?;
    let mut table = String::from_utf8(bytes).ok()?;
    table.truncate(table.trim_end().rfind('\n').map_or(0, |end| end + 1));
    Some(table)
}

/// Where the table of an index begins, if its last line is whole.
fn table_start(index: &[u8]) -> Option<usize> {
    last_number(index.get(index.len().saturating_sub(32)..)?).filter(|&start| start < index.len())
}

fn last_number(tail: &[u8]) -> Option<usize> {
    let tail = tail.strip_suffix(b"\n")?;
    let line = tail.get(memchr::memrchr(b'\n', tail)? + 1..)?;
    std::str::from_utf8(line).ok()?.strip_prefix(LAST)?.parse().ok()
}

/// Paths as the index writes them; odd ones are not indexed.
fn name(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let name = path.to_str()?;
    (!name.chars().any(char::is_control)).then(|| name.to_owned())
}

/// A text as a field of a line: what would break lines is a blank, and a leading mark distinguishes an empty text from none.
pub fn text_field(text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| format!("={}", text.replace(char::is_control, " ")))
}

/// The text of a field of [`text_field`].
pub fn field_text(field: &str) -> Option<String> {
    field.strip_prefix('=').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Word(String);

    impl IndexRecord for Word {
        const HEADER: &'static str = "test-index 1";

        fn write(&self, out: &mut String) {
            let _ = writeln!(out, "W\t{}", text_field(Some(&self.0)));
        }

        fn parse(block: &str) -> Option<Self> {
            field_text(block.strip_prefix("W\t")?.strip_suffix('\n')?).map(Self)
        }
    }

    fn word(index: &FileIndex<Word>, path: &Path, stamp: FileStamp) -> Option<String> {
        index.get(path, stamp)?.record().map(|word| word.0)
    }

    #[test]
    fn what_was_learned_is_read_again_and_a_changed_file_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("sub/test.index");
        let (a, b) = (folder.path().join("a"), folder.path().join("tab\tname"));
        let stamp = FileStamp { bytes: 5, changed: 7 };
        let mut index = FileIndex::load(&place);
        assert!(index.is_empty() && !index.is_changed());
        index.learn(&a, stamp, Word("one\ntwo".into()));
        index.learn(&b, stamp, Word("odd".into()));
        index.save(&place, "T\tx\n").unwrap();
        for _ in 0..2 {
            let index = FileIndex::<Word>::load(&place);
            assert_eq!((index.len(), index.is_changed()), (1, false));
            assert_eq!(word(&index, &a, stamp).unwrap(), "one two");
            assert_eq!(word(&index, &a, FileStamp { bytes: 6, ..stamp }), None);
            assert_eq!(tail::<Word>(&place, 100).unwrap(), "T\tx\n");
            assert_eq!(tail::<Word>(&place, 3), None);
            index.save(&place, "T\tx\n").unwrap();
        }
        let mut index = FileIndex::load(&place);
        index.learn(&a, stamp, Word("new".into()));
        assert_eq!((word(&index, &a, stamp).unwrap(), index.len()), ("new".into(), 1));
        assert_eq!(
            std::fs::read_dir(place.parent().unwrap()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn damage_and_other_versions_are_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("test.index");
        let mut index = FileIndex::default();
        index.learn(&folder.path().join("a"), FileStamp::default(), Word("one".into()));
        index.save(&place, "").unwrap();
        let sound = std::fs::read_to_string(&place).unwrap();
        for damaged in [&sound[..sound.len() - 1], &sound.replace("index 1", "index 2"), "", ".\t0\n"] {
            std::fs::write(&place, damaged).unwrap();
            assert!(FileIndex::<Word>::load(&place).is_empty(), "{damaged:?}");
        }
        std::fs::write(&place, sound.replace("index 1", "index 10")).unwrap();
        assert!(FileIndex::<Word>::load(&place).is_empty());
    }

    #[test]
    fn the_last_line_must_be_whole() {
        assert_eq!(table_start(b"x\n.\t1\n"), Some(1));
        assert_eq!(table_start(b"x\n.\t1"), None);
        assert_eq!(table_start(b"x\n.\t99999\n"), None);
        assert_eq!(table_start(b".\t1\n"), None);
        assert_eq!(table_start(b""), None);
    }
}
