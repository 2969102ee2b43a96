//! Whose file it is: version resource, debug record, signer, service name.

use poolmon_image::Machine;
use poolmon_image::pe::imports::PeImports;
use poolmon_image::pe::version::{self, clean};
use poolmon_image::pe::{Pe, debug, signer};
use poolmon_model::PoolTag;

use super::library::framework_tag;
use super::packed::{self, PackedSection};

/// What a file says of itself. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DriverInfo {
    /// What it was made for.
    pub machine: Machine,
    /// Seconds since 1970, or a hash in builds that can be repeated.
    pub timestamp: u32,
    /// File version, as text.
    pub version: Option<String>,
    /// Product name.
    pub product: Option<String>,
    /// File description.
    pub description: Option<String>,
    /// Company name.
    pub company: Option<String>,
    /// Name of the symbol file, without its folder.
    pub pdb: Option<String>,
    /// Common name of the signer's certificate; the signature itself is not checked.
    pub signer: Option<String>,
    /// Tags that the framework gives this driver if it has none of its own: made from its names.
    pub framework_tags: Vec<PoolTag>,
    /// Sections of code that are packed or encrypted, with how even their bytes are: what they do cannot be read.
    pub packed: Option<String>,
}

pub(crate) fn read(name: &str, pe: &Pe<'_>, imports: &PeImports) -> DriverInfo {
    let strings = version::strings(pe).unwrap_or_default();
    let find = |key: &str| {
        strings.iter().find(|(own, value)| own == key && !value.is_empty()).map(|(_, value)| value.clone())
    };
    let mut framework_tags = Vec::new();
    if imports.has("WdfVersionBind") {
        let original = find("OriginalFilename").or_else(|| find("InternalName"));
        for name in [Some(name.to_owned()), original].into_iter().flatten() {
            let file = name.rsplit(['/', '\\']).next().unwrap_or_default();
            let service = file.split('.').next().unwrap_or_default();
            if let Some(tag) = framework_tag(service)
                && !framework_tags.contains(&tag)
            {
                framework_tags.push(tag);
            }
        }
    }
    DriverInfo {
        machine: pe.machine,
        timestamp: pe.timestamp,
        version: find("FileVersion"),
        product: find("ProductName"),
        description: find("FileDescription"),
        company: find("CompanyName"),
        pdb: debug::pdb_of(pe).map(|pdb| clean(&pdb.name)).filter(|name| !name.is_empty()),
        signer: signer::read(pe),
        framework_tags,
        packed: Some(packed::sections(pe, imports))
            .filter(|packed| !packed.is_empty())
            .map(|packed| packed.iter().map(PackedSection::explain).collect::<Vec<_>>().join(", ")),
    }
}
