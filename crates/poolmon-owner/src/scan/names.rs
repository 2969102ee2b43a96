//! Tags with the names of their drivers, read from the end of an index: small, for a screen that names owners.
//!
//! Only what is proven goes in: kinds [`EvidenceKind::Call`] to [`EvidenceKind::Structure`], without the tags of static libraries, and the
//! tags that the frameworks make from a driver's name.

use std::path::Path;
use std::sync::OnceLock;

use poolmon_image::index;
use poolmon_model::PoolTag;

use super::index::FileAnswer;
use super::{Evidence, EvidenceKind};

/// More than the names of a hundred thousand drivers take.
const MAX_BYTES: u64 = 32 << 20;

/// One driver of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedDriver {
    /// File name (`WinDivert64.sys`).
    pub driver: Box<str>,
    /// By what kind of evidence; none if the frameworks make the tag from the driver's name.
    pub kind: Option<EvidenceKind>,
}

impl NamedDriver {
    /// How it is known, in words that follow the driver's name.
    pub fn about(&self) -> &'static str {
        match self.kind {
            Some(EvidenceKind::Call) => "uses the tag in a call of a pool function",
            Some(EvidenceKind::Argument) => "passes the tag to its own allocator",
            Some(_) => "has the tag in a structure that the kernel reads",
            None => "would get the tag from its framework, by its name",
        }
    }

    /// Name and kind, as a label shows them: `WinDivert64.sys: call`.
    pub fn text(&self) -> String {
        format!("{}: {}", self.driver, self.kind.map_or("framework", EvidenceKind::word))
    }
}

/// Which drivers use which tag, by what earlier searches found.
#[derive(Clone, Debug, Default)]
pub struct DriverNames {
    /// Sorted by tag, then the best evidence first.
    rows: Vec<(u32, u8, Box<str>)>,
}

impl DriverNames {
    /// Reads the table of an index; empty if there is none, or a damaged one.
    pub fn load(path: &Path) -> Self {
        let table = index::tail::<FileAnswer>(path, MAX_BYTES).unwrap_or_default();
        let mut rows: Vec<_> = table.lines().filter_map(row).collect();
        rows.sort();
        Self { rows }
    }

    /// The drivers of a tag, best evidence first.
    pub fn of(&self, tag: PoolTag) -> impl Iterator<Item = NamedDriver> + '_ {
        let raw = tag.unprotected().to_u32();
        let from = self.rows.partition_point(|row| row.0 < raw);
        let rows = self.rows.iter().skip(from).take_while(move |row| row.0 == raw);
        rows.map(|(_, kind, driver)| NamedDriver {
            driver: driver.clone(),
            kind: EvidenceKind::ALL.get(usize::from(*kind)).copied(),
        })
    }

    /// Is nothing known.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// The table of an index that is read when the first tag is asked for.
#[derive(Debug)]
pub struct LazyDriverNames {
    index: std::path::PathBuf,
    names: OnceLock<DriverNames>,
}

impl LazyDriverNames {
    /// Nothing is read yet.
    pub fn at(index: std::path::PathBuf) -> Self {
        Self { index, names: OnceLock::new() }
    }

    /// The index.
    pub fn index(&self) -> &Path {
        &self.index
    }

    /// The table, read now if it was not before.
    pub fn names(&self) -> &DriverNames {
        self.names.get_or_init(|| DriverNames::load(&self.index))
    }
}

const FRAMEWORK: u8 = 9;

fn row(line: &str) -> Option<(u32, u8, Box<str>)> {
    let mut fields = line.strip_prefix("X\t")?.split('\t');
    let tag = u32::from_str_radix(fields.next()?, 16).ok()?;
    let kind = fields.next()?.parse().ok()?;
    Some((tag, kind, fields.next()?.into()))
}

/// Collects the rows while an index is written.
#[derive(Default)]
pub(super) struct NamesTable {
    rows: Vec<(u32, String, u8)>,
}

impl NamesTable {
    /// Takes what one file shows. `path` is as the index writes it.
    pub fn add(&mut self, path: &str, answer: &FileAnswer) {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let proven = |row: &&Evidence| row.kind <= EvidenceKind::Structure && row.library.is_none();
        for row in answer.evidence.iter().filter(proven) {
            let kind = EvidenceKind::ALL.iter().position(|&kind| kind == row.kind).unwrap_or(0);
            self.rows.push((row.tag.to_u32(), name.to_owned(), u8::try_from(kind).unwrap_or(0)));
        }
        for tag in answer.info.iter().flat_map(|info| &info.framework_tags) {
            self.rows.push((tag.to_u32(), name.to_owned(), FRAMEWORK));
        }
    }

    /// One line for each tag and driver, with the best kind.
    pub fn text(mut self) -> String {
        use std::fmt::Write as _;
        self.rows.sort();
        self.rows.dedup_by(|next, kept| (next.0, &next.1) == (kept.0, &kept.1));
        let mut text = String::new();
        for (tag, name, kind) in &self.rows {
            let _ = writeln!(text, "X\t{tag:08x}\t{kind}\t{name}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_kind_of_a_driver_counts_and_order_is_by_kind() {
        let table = NamesTable {
            rows: vec![
                (7, "b.sys".into(), 2),
                (7, "b.sys".into(), 1),
                (7, "a.sys".into(), 9),
                (6, "c".into(), 0),
            ],
        };
        let text = table.text();
        assert_eq!(text, "X\t00000006\t0\tc\nX\t00000007\t9\ta.sys\nX\t00000007\t1\tb.sys\n");
        let mut rows: Vec<_> = text.lines().filter_map(row).collect();
        rows.sort();
        let names = DriverNames { rows };
        let reported: Vec<String> =
            names.of(PoolTag::from_u32(0x8000_0007)).map(|named| named.text()).collect();
        assert_eq!(reported, ["b.sys: argument", "a.sys: framework"]);
        assert_eq!(names.of(PoolTag::from_u32(8)).count(), 0);
    }
}
