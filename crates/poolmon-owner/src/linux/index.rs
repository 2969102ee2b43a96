//! What earlier searches learned of modules, on disk: safe to delete at any time.
//!
//! A [`FileIndex`]. The block of a file has a line `I` with what the file says of itself, and `C` for each cache that it
//! creates.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use poolmon_image::Machine;
use poolmon_image::index::{FileIndex, FileStamp, IndexRecord, field_text, text_field};

use super::creation::{Creation, CreationKind};
use super::module::{ModuleInfo, ScannedModule};

/// Answers of earlier searches.
#[derive(Clone, Debug, Default)]
pub struct ModuleIndex {
    files: FileIndex<Arc<ScannedModule>>,
}

impl IndexRecord for ScannedModule {
    const HEADER: &'static str = "poolmon-module-index 3";

    fn write(&self, out: &mut String) {
        block(self, out);
    }

    fn parse(block: &str) -> Option<Self> {
        let mut lines = block.lines();
        let mut module = info(lines.next()?)?;
        module.creations = lines.map(creation).collect::<Option<_>>()?;
        Some(module)
    }
}

impl ModuleIndex {
    /// Reads an index. A file that is missing, damaged or of another version is as good as an empty one.
    pub fn load(path: &Path) -> Self {
        Self { files: FileIndex::load(path) }
    }

    /// Writes the index, whole or not at all; the folder is made if it is missing. Writes nothing if nothing was learned.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn save(&self, path: &Path) -> std::io::Result<()> {
        if self.files.is_changed() { self.files.save(path, "") } else { Ok(()) }
    }

    /// How many files it knows.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub(crate) fn get(&self, path: &Path, stamp: FileStamp) -> Option<Arc<ScannedModule>> {
        self.files.get(path, stamp)?.record()
    }

    pub(crate) fn learn(&mut self, path: &Path, stamp: FileStamp, module: Arc<ScannedModule>) {
        self.files.learn(path, stamp, module);
    }
}

/// Names come from files: what would break the lines is written as a blank.
fn text(field: &str) -> String {
    field.replace(char::is_control, " ")
}

fn block(module: &ScannedModule, out: &mut String) {
    let ModuleInfo { machine, kernel, in_tree, signed, .. } = module.info;
    let machine = match machine {
        Machine::X64 => "x",
        Machine::Arm64 => "a",
        Machine::X86 | Machine::Other(_) => "",
    };
    let flags = u8::from(kernel) | u8::from(in_tree) << 1 | u8::from(signed) << 2;
    let info = &module.info;
    let texts = [&info.description, &info.version, &info.license].map(|field| text_field(field.as_deref()));
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
            text_field(row.function.as_deref()),
            text_field(row.through.as_deref()),
        );
    }
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
        description: field_text(fields.next()?),
        version: field_text(fields.next()?),
        license: field_text(fields.next()?),
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
        function: field_text(fields.next()?),
        through: field_text(fields.next()?),
    })
}
