//! One file: a module or a kernel, and the caches that it creates.

use poolmon_image::Machine;
use poolmon_image::elf::Elf;

use super::creation::{Creation, CreationKind};
use super::creators::{self, CreationsFound};
use super::layout::AddressSpace;
use super::{ModuleError, flat, image, unpack};

/// Texts that are kept of a file that creates a cache of unknown name.
const MAX_TEXTS: usize = 8192;
/// The name of a kernel.
const KERNEL: &str = "vmlinux";
/// Behind a module that was signed.
const SIGNED: &[u8] = b"~Module signature appended~\n";

/// What a file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModuleInfo {
    /// The module's name (`ext4`); of a kernel `vmlinux`.
    pub name: String,
    /// It is a kernel, not a module.
    pub kernel: bool,
    /// What it was made for.
    pub machine: Machine,
    /// Its authors' line.
    pub description: Option<String>,
    /// Its version, if it has one of its own.
    pub version: Option<String>,
    /// Its licence.
    pub license: Option<String>,
    /// It was built with the kernel; a module without this mark came from elsewhere.
    pub in_tree: bool,
    /// A signature is behind it. Whose it is, and whether it is right, is not looked at.
    pub signed: bool,
}

/// All that one file shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedModule {
    /// Whose file it is.
    pub info: ModuleInfo,
    /// Caches that it creates, best evidence first.
    pub creations: Vec<Creation>,
    /// Calls that create caches.
    pub calls: usize,
    /// Those among them whose name could not be followed.
    pub unknown: usize,
}

impl ScannedModule {
    /// Reads a file as it lies on disk: a module, packed or not, or a kernel (`vmlinux`, `vmlinuz`). `file` is its name;
    /// `limit` the most bytes that it may unpack to.
    pub fn parse(file: &str, bytes: &[u8], limit: u64) -> Result<Self, ModuleError> {
        if bytes.len() as u64 > limit {
            return Err(ModuleError::TooLarge { limit });
        }
        let plain = unpack::unpack(bytes, limit)?;
        let signed = plain.ends_with(SIGNED);
        if image::is_boot_image(&plain) {
            return Self::plain(file, &image::unpack(&plain, limit)?, signed);
        }
        Self::plain(file, &plain, signed)
    }

    /// Reads a module or a kernel that is packed no longer.
    fn plain(file: &str, bytes: &[u8], signed: bool) -> Result<Self, ModuleError> {
        if !flat::is_image(bytes) {
            return Self::elf(file, bytes, signed);
        }
        let info = ModuleInfo {
            name: KERNEL.to_owned(),
            kernel: true,
            machine: Machine::Arm64,
            description: None,
            version: None,
            license: None,
            in_tree: true,
            signed,
        };
        let mut module = Self { info, creations: Vec::new(), calls: 0, unknown: 0 };
        module.trace(&flat::layout(bytes, &creators::looked_for()), bytes.len());
        Ok(module)
    }

    /// Follows names to the calls that create caches.
    fn trace(&mut self, layout: &AddressSpace<'_>, length: usize) {
        let budget = length.saturating_mul(2).max(1 << 20);
        let CreationsFound { creations, calls, unknown } = creators::read(layout, budget);
        (self.creations, self.calls, self.unknown) = (creations, calls, unknown);
    }

    fn elf(file: &str, bytes: &[u8], signed: bool) -> Result<Self, ModuleError> {
        let elf = Elf::parse(bytes)?;
        let info = info(file, &elf, signed);
        let mut module = Self { info, creations: Vec::new(), calls: 0, unknown: 0 };
        // A kernel creates caches in any case; of the modules most do not, and their code need not be read.
        let needed = !elf.relocatable || elf.symbols().any(|symbol| creators::is_needed(symbol.name));
        if !needed {
            return Ok(module);
        }
        module.trace(&AddressSpace::new(&elf), bytes.len());
        if module.unknown > 0 && elf.relocatable {
            let known = |text: &str| module.creations.iter().any(|row| row.name == text);
            let texts: Vec<Creation> = AddressSpace::texts(&elf, MAX_TEXTS)
                .into_iter()
                .filter(|text| !known(text))
                .map(|text| Creation {
                    kind: CreationKind::Text,
                    name: text.to_owned(),
                    api: String::new(),
                    function: None,
                    through: None,
                    offset: 0,
                })
                .collect();
            module.creations.extend(texts);
        }
        Ok(module)
    }
}

/// The name of a module's file without folders and endings; `-` is `_` in names of modules.
pub(crate) fn name_of(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = name.find(".ko").map_or(name, |at| name.get(..at).unwrap_or(name));
    stem.replace('-', "_")
}

fn info(file: &str, elf: &Elf<'_>, signed: bool) -> ModuleInfo {
    let fields = elf.section(b".modinfo").map_or(&[][..], |section| section.bytes);
    let field = |key: &str| {
        let found = fields
            .split(|&byte| byte == 0)
            .find_map(|row| row.strip_prefix(key.as_bytes())?.strip_prefix(b"="))?;
        let text: String = String::from_utf8_lossy(found).chars().take(256).collect();
        Some(text.replace(char::is_control, " ")).filter(|text| !text.is_empty())
    };
    let kernel = !elf.relocatable;
    let name = if kernel { KERNEL.to_owned() } else { field("name").unwrap_or_else(|| name_of(file)) };
    ModuleInfo {
        name,
        kernel,
        machine: elf.machine,
        description: field("description"),
        version: field("version"),
        license: field("license"),
        in_tree: kernel || field("intree").is_some(),
        signed,
    }
}
