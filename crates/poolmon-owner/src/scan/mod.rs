//! Which driver images use a tag, with evidence from their machine code.
//!
//! A [`DriverImage`] is one file, read by [`poolmon_image::pe`]; `x86` and `arm64` follow constants through the code
//! and note calls, `flow` turns the notes into findings, `data` adds structures in data, and
//! `packed` finds sections that are no code yet, `library` marks what a static library brought. `literal` asks beforehand, and cheaply, whether a file holds the
//! tag at all. `info` says whose file it is. [`folder`](fn@folder) does all this for many files at once, and
//! [`index`] remembers the answers, [`DriverNames`] is its small table for screens. [`places`] knows where drivers and the
//! index are.
//!
//! Files are hostile by default: nothing is believed, every loop has a limit.

mod api;
mod arm64;
mod choosing;
mod code;
mod data;
mod error;
mod evidence;
mod flow;
pub mod folder;
pub mod index;
mod info;
mod joins;
mod library;
mod literal;
mod masks;
mod names;
mod packed;
pub mod places;
mod stores;
mod value;
mod x86;

use poolmon_model::PoolTag;

pub use api::CallRole;
pub use error::ScanError;
pub use evidence::{Evidence, EvidenceConfidence, EvidenceKind};
pub use folder::{
    FileOutcome, FileReport, FoundDriver, SearchEvent, SearchOptions, TagQuery, folder, list, search,
};
pub use index::DriverIndex;
pub use info::DriverInfo;
pub use library::{charged, framework_tag};
pub use names::{DriverNames, LazyDriverNames, NamedDriver};
pub use poolmon_image::Machine;
pub use poolmon_image::files::{FileList, SearchLimits, SearchSummary};

use flow::{Finding, Notes, Proof};
use literal::Literal;
use poolmon_image::pe::imports::PeImports;
use poolmon_image::pe::{Pe, PeSection};
use rustc_hash::FxHashSet;

/// Code that is read of one image: far more than any driver has, so that overlapping sections cost no time.
const CODE_BUDGET: usize = 64 << 20;
/// Evidence that is kept of one image.
const MAX_EVIDENCE: usize = 20_000;
/// Places of one tag's bytes around which code is read; with more, all of it is.
const MAX_PLACES: usize = 256;
/// Literals of one tag that are listed of one image, for each of the last three kinds.
const MAX_LITERALS: usize = 64;

/// One driver image over its bytes.
#[derive(Debug)]
pub struct DriverImage<'a> {
    name: String,
    pe: Pe<'a>,
    imports: PeImports,
}

impl<'a> DriverImage<'a> {
    /// Reads headers and imports. `name` is the file's name, from which a service name is guessed.
    pub fn parse(name: &str, bytes: &'a [u8]) -> Result<Self, ScanError> {
        Ok(Self::over(name, Pe::parse(bytes)?))
    }

    /// The same for a file whose headers are read.
    pub(crate) fn over(name: &str, pe: Pe<'a>) -> Self {
        let imports = PeImports::read(&pe);
        Self { name: name.to_owned(), pe, imports }
    }

    /// The same for an image as it stood in memory at `base`, out of a dump: [`Evidence::offset`] is the RVA then. What
    /// is absent is zeros. `export` names the function at an address: the list of imports lies in pages that Windows
    /// throws away after a driver's start, but the addresses that it was turned into stay.
    pub fn parse_mapped(
        name: &str,
        bytes: &'a [u8],
        base: u64,
        export: &dyn Fn(u64) -> Option<String>,
    ) -> Result<Self, ScanError> {
        let pe = Pe::parse_mapped(bytes, base)?;
        let mut imports = PeImports::read(&pe);
        imports.add_resolved(&pe, export);
        Ok(Self { name: name.to_owned(), pe, imports })
    }

    /// What the image was made for.
    pub fn machine(&self) -> Machine {
        self.pe.machine
    }

    /// Does it run in the kernel, by its own account.
    pub fn is_native(&self) -> bool {
        self.pe.subsystem == 1
    }

    /// Whose file it is.
    pub fn info(&self) -> DriverInfo {
        info::read(&self.name, &self.pe, &self.imports)
    }

    /// All tags that calls and structures show, best evidence first: kinds [`EvidenceKind::Call`], [`EvidenceKind::Argument`] and
    /// [`EvidenceKind::Structure`]. Literals are not listed, for every word of text would be a tag.
    pub fn evidence(&self) -> Vec<Evidence> {
        let mut notes = Notes::new(&self.imports);
        self.read_all(&mut notes);
        self.conclude(notes, None)
    }

    fn read_all(&self, notes: &mut Notes) {
        match self.pe.machine {
            Machine::X86 | Machine::X64 => x86::read(&self.pe, &self.imports, notes, self.budget()),
            Machine::Arm64 => arm64::read(&self.pe, &self.imports, notes, self.budget()),
            Machine::Other(_) => {}
        }
    }

    fn budget(&self) -> usize {
        CODE_BUDGET.min(self.pe.bytes.len().saturating_mul(2))
    }

    /// The rows of one tag of [`DriverImage::evidence`], reading no more code than they need.
    pub(crate) fn evidence_of(&self, tag: PoolTag, literal: &Literal) -> Vec<Evidence> {
        let tag = tag.unprotected();
        let mut notes = Notes::new(&self.imports);
        // A library is known by several of its tags.
        let alone = self.pe.machine == Machine::X64 && library::of(tag).is_none() && tag != api::CHARGED;
        let bytes = if alone { self.pe.bytes } else { &[] };
        let places: Vec<usize> = literal.find(bytes).chain(literal.added(bytes)).collect();
        let few = alone && places.len() <= MAX_PLACES;
        if !few || !x86::read_around(&self.pe, &self.imports, &mut notes, self.budget(), &places) {
            self.read_all(&mut notes);
        }
        let mut evidence = self.conclude(notes, Some(tag));
        evidence.retain(|row| row.tag == tag);
        evidence
    }

    /// Turns notes on code into evidence, and adds structures in data; with a tag only what has to do with it.
    fn conclude(&self, mut notes: Notes, tag: Option<PoolTag>) -> Vec<Evidence> {
        let x86 = self.pe.machine == Machine::X86;
        // Of two calls that say the same, the first in the image is reported, whatever the order of reading.
        notes.calls.sort_by_key(|(call, _)| call.site);
        let mut evidence: Vec<Evidence> = flow::resolve(&notes, &self.imports, x86)
            .into_iter()
            .map(|finding| self.found(finding))
            .collect();
        for stored in &notes.stored {
            let mut row = self.at(stored.value, stored.at, EvidenceKind::Structure);
            row.site = Some(stored.site);
            row.api = Some(stored.structure.to_owned());
            evidence.push(row);
        }
        let none = u32::from_le_bytes(api::CHARGED.0);
        for (site, name) in notes.untagged {
            // No bytes name the tag: the call is the place.
            let Some(at) = self.pe.offset(site) else { continue };
            let mut row = self.at(none, at, EvidenceKind::Call);
            row.site = Some(site);
            row.api = Some(name.to_owned());
            row.role = Some(CallRole::Allocate);
            evidence.push(row);
        }
        let filter = self.imports.has("FltRegisterFilter");
        let framework = self.imports.has("WdfVersionBind");
        for (value, at, structure) in data::members(&self.pe, filter, framework) {
            let mut row = self.at(value, at, EvidenceKind::Structure);
            row.api = Some(structure.to_owned());
            evidence.push(row);
        }
        if tag.is_none_or(|tag| library::of(tag).is_some()) {
            library::mark(&mut evidence);
        }
        evidence.sort_by_key(Evidence::order);
        let mut seen = FxHashSet::default();
        evidence.retain(|row| seen.insert((row.tag, row.offset)));
        evidence.truncate(MAX_EVIDENCE);
        self.without_noise(evidence)
    }

    /// Leaves out arguments of calls in packed code: such calls are bytes that look like one.
    fn without_noise(&self, mut evidence: Vec<Evidence>) -> Vec<Evidence> {
        if evidence.iter().any(|row| row.kind == EvidenceKind::Argument) {
            let packed = packed::sections(&self.pe, &self.imports);
            let noise = |site: u32| packed.iter().any(|packed| packed.section.holds_rva(site));
            evidence.retain(|row| row.kind != EvidenceKind::Argument || !row.site.is_some_and(noise));
        }
        evidence
    }

    /// All that the image shows of one tag, best first, down to literals in text.
    pub fn evidence_for(&self, tag: PoolTag) -> Vec<Evidence> {
        let literal = Literal::new(tag);
        let evidence = if self.may_use(&literal) { self.evidence_of(tag, &literal) } else { Vec::new() };
        self.with_literals(tag, &evidence)
    }

    /// The rows of one tag out of [`DriverImage::evidence`], with the literals added.
    pub(crate) fn with_literals(&self, tag: PoolTag, all: &[Evidence]) -> Vec<Evidence> {
        let tag = tag.unprotected();
        let literal = Literal::new(tag);
        let mut rows: Vec<Evidence> = all.iter().filter(|row| row.tag == tag).cloned().collect();
        let known: Vec<u64> = rows.iter().map(|row| row.offset).collect();
        let loaded = match self.pe.machine {
            Machine::Arm64 => arm64::literals(&self.pe, &self.imports, self.budget()),
            _ => FxHashSet::default(),
        };
        let mut counts = [0_usize; 3];
        for at in literal.find(self.pe.bytes) {
            if known.contains(&(at as u64)) {
                continue;
            }
            let loaded = self.pe.place(at).1.is_some_and(|rva| loaded.contains(&rva));
            let kind = if loaded { EvidenceKind::Code } else { self.literal_kind(at) };
            let count = match kind {
                EvidenceKind::Code => &mut counts[0],
                EvidenceKind::Data => &mut counts[1],
                _ => &mut counts[2],
            };
            *count += 1;
            if *count <= MAX_LITERALS {
                rows.push(self.at(u32::from_le_bytes(tag.0), at, kind));
            }
        }
        rows.sort_by_key(Evidence::order);
        rows
    }

    fn literal_kind(&self, at: usize) -> EvidenceKind {
        let code = self.pe.place(at).0.is_some_and(PeSection::is_code);
        // Names of imports may be in a section of code (INIT), and a tag next to printable opcodes looks like text.
        if data::in_text(self.pe.bytes, at) {
            EvidenceKind::Text
        } else if code {
            EvidenceKind::Code
        } else {
            EvidenceKind::Data
        }
    }

    /// Is the tag anywhere that code or a structure could take it from: if not, no code needs to be read.
    fn may_use(&self, literal: &Literal) -> bool {
        if self.pe.machine == Machine::X64 {
            // Code is read around the places that hold it, which finds out at little cost.
            return true;
        }
        let aligned = |at: usize| self.pe.place(at).1.is_some_and(|rva| rva % 4 == 0);
        literal.find(self.pe.bytes).any(|at| self.pe.is_code(at) || aligned(at))
            || literal.may_be_computed(self.pe.bytes, self.pe.machine, &folder::code(&self.pe.sections))
    }

    fn at(&self, value: u32, at: usize, kind: EvidenceKind) -> Evidence {
        let (section, rva) = self.pe.place(at);
        Evidence {
            tag: PoolTag::from_u32(value).unprotected(),
            kind,
            offset: at as u64,
            rva,
            site: None,
            section: section.map(|section| section.name.clone()).unwrap_or_default(),
            api: None,
            role: None,
            wrapper: None,
            library: None,
        }
    }

    fn found(&self, finding: Finding) -> Evidence {
        let kind =
            if matches!(finding.proof, Proof::Api(_)) { EvidenceKind::Call } else { EvidenceKind::Argument };
        let mut row = self.at(finding.value, finding.at, kind);
        row.site = Some(finding.site);
        match finding.proof {
            Proof::Api(api) => {
                row.api = Some(api.name.to_owned());
                row.role = Some(api.role);
            }
            Proof::Wrapper(api, rva) => {
                row.api = Some(api.name.to_owned());
                row.role = Some(api.role);
                row.wrapper = Some(rva);
            }
            Proof::Argument(name) => row.api = name,
        }
        row
    }
}
