//! What earlier searches learned of modules, on disk: safe to delete at any time.
//!
//! One text file. Each file is a block of lines: `F` with size, time of change and path, `I` with what the file tells of
//! itself, `C` for each cache that it creates. A block counts only while size and time of the file are the same.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::creation::{Creation, CreationKind};
use super::elf::Machine;
use super::module::{ModuleInfo, ScannedModule};

/// First line; a file that begins otherwise is ignored.
const HEADER: &str = "poolmon-module-index 1\n";
/// Last line: a write that was cut off leaves no half of a block.
const END: &str = ".\n";

/// A file's identity beside its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub bytes: u64,
    /// Nanoseconds since 1970.
    pub changed: u128,
}

/// Answers of earlier searches.
#[derive(Clone, Debug, Default)]
pub struct ModuleIndex {
    known: FxHashMap<PathBuf, (Stamp, Arc<ScannedModule>)>,
    changed: bool,
}

impl ModuleIndex {
    /// Reads an index. A file that is missing, damaged or of another version is as good as an empty one.
    pub fn load(path: &Path) -> Self {
        let text = std::fs::read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let known = text.and_then(|text| parse(&text)).unwrap_or_default();
        Self { known, changed: false }
    }

    /// Writes the index beside its place, then moves it there, so that a reader never sees half of it. Writes nothing
    /// where nothing was learned.
    pub fn save(&self, path: &Path) -> std::io::Result<()> {
        if !self.changed {
            return Ok(());
        }
        let new = path.with_extension(format!("new{}", std::process::id()));
        let mut file = std::io::BufWriter::new(std::fs::File::create(&new)?);
        file.write_all(HEADER.as_bytes())?;
        for (name, (stamp, module)) in &self.known {
            file.write_all(block(name, *stamp, module).as_bytes())?;
        }
        file.write_all(END.as_bytes())?;
        let done =
            file.into_inner().map_err(std::io::IntoInnerError::into_error).and_then(|file| file.sync_all());
        done.and_then(|()| std::fs::rename(&new, path)).inspect_err(|_| drop(std::fs::remove_file(&new)))
    }

    /// How many files it knows.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Does it know none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub(crate) fn get(&self, path: &Path, stamp: Stamp) -> Option<&Arc<ScannedModule>> {
        self.known.get(path).filter(|(own, _)| *own == stamp).map(|(_, module)| module)
    }

    pub(crate) fn learn(&mut self, path: PathBuf, stamp: Stamp, module: Arc<ScannedModule>) {
        self.changed = true;
        self.known.insert(path, (stamp, module));
    }
}

/// Names come from files: what would break the lines is written as a blank.
fn text(field: &str) -> String {
    field.replace(char::is_control, " ")
}

fn option(field: Option<&str>) -> String {
    // A leading mark tells an empty text from none.
    field.map_or_else(String::new, |field| format!("={}", text(field)))
}

fn block(path: &Path, stamp: Stamp, module: &ScannedModule) -> String {
    let mut out = String::new();
    // Odd paths are not indexed.
    let Some(name) = path.to_str().filter(|name| !name.contains(char::is_control)) else { return out };
    let ModuleInfo { machine, kernel, in_tree, signed, .. } = module.info;
    let machine = match machine {
        Machine::X64 => "x",
        Machine::Arm64 => "a",
    };
    let _ = writeln!(out, "F\t{}\t{}\t{name}", stamp.bytes, stamp.changed);
    let flags = u8::from(kernel) | u8::from(in_tree) << 1 | u8::from(signed) << 2;
    let info = &module.info;
    let texts = [&info.description, &info.version, &info.license].map(|field| option(field.as_deref()));
    let _ = writeln!(
        out,
        "I\t{machine}\t{flags}\t{}\t{}\t{}\t{}",
        module.calls,
        module.unknown,
        text(&info.name),
        texts.join("\t")
    );
    for row in &module.creations {
        let kind = CreationKind::ALL.iter().position(|&kind| kind == row.kind).unwrap_or(0);
        let _ = writeln!(
            out,
            "C\t{kind}\t{:x}\t{}\t{}\t{}\t{}",
            row.offset,
            text(&row.name),
            text(&row.api),
            option(row.function.as_deref()),
            option(row.through.as_deref()),
        );
    }
    out
}

/// None where a line is not as written here.
fn parse(text: &str) -> Option<FxHashMap<PathBuf, (Stamp, Arc<ScannedModule>)>> {
    let body = text.strip_prefix(HEADER)?.strip_suffix(END)?;
    let mut known = FxHashMap::default();
    let mut lines = body.lines().peekable();
    while let Some(line) = lines.next() {
        let mut fields = line.strip_prefix("F\t")?.splitn(3, '\t');
        let bytes = fields.next()?.parse().ok()?;
        let changed = fields.next()?.parse().ok()?;
        let path = PathBuf::from(fields.next()?);
        let mut module = info(lines.next()?)?;
        while let Some(line) = lines.next_if(|line| line.starts_with("C\t")) {
            module.creations.push(creation(line)?);
        }
        known.insert(path, (Stamp { bytes, changed }, Arc::new(module)));
    }
    Some(known)
}

fn back(field: &str) -> Option<String> {
    field.strip_prefix('=').map(str::to_owned)
}

fn info(line: &str) -> Option<ScannedModule> {
    let mut fields = line.strip_prefix("I\t")?.split('\t');
    let machine = match fields.next()? {
        "x" => Machine::X64,
        "a" => Machine::Arm64,
        _ => return None,
    };
    let flags: u8 = fields.next()?.parse().ok()?;
    let calls = fields.next()?.parse().ok()?;
    let unknown = fields.next()?.parse().ok()?;
    let info = ModuleInfo {
        name: fields.next()?.to_owned(),
        kernel: flags & 1 != 0,
        machine,
        description: back(fields.next()?),
        version: back(fields.next()?),
        license: back(fields.next()?),
        in_tree: flags & 2 != 0,
        signed: flags & 4 != 0,
    };
    Some(ScannedModule { info, creations: Vec::new(), calls, unknown })
}

fn creation(line: &str) -> Option<Creation> {
    let mut fields = line.strip_prefix("C\t")?.split('\t');
    Some(Creation {
        kind: *CreationKind::ALL.get(fields.next()?.parse::<usize>().ok()?)?,
        offset: u64::from_str_radix(fields.next()?, 16).ok()?,
        name: fields.next()?.to_owned(),
        api: fields.next()?.to_owned(),
        function: back(fields.next()?),
        through: back(fields.next()?),
    })
}
