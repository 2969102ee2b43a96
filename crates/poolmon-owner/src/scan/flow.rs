//! What both readers of machine code share: values followed through registers, and calls with their arguments.
//!
//! A reader notes each call that carries a constant that could be a tag, or that hands on an argument of its own
//! function. When all code is read, [`resolve`] finds out which of the driver's functions hand an argument to the tag
//! position of a pool function, through any number of its own wrappers, and turns the notes into findings.

use poolmon_image::pe::imports::PeImports;
use rustc_hash::FxHashMap;

use super::api::{self, Api};

/// A call this many instructions after its constant was put in place still belongs to it, where the callee is not known.
/// No other call lies between the two: that would have taken the register. Long runs of stores do occur.
const NEAR: u32 = 48;
/// Wrappers of wrappers are followed this deep.
const ROUNDS: usize = 8;
/// Notes are kept up to here; no real driver comes near.
pub(crate) const MAX_CALLS: usize = 400_000;

/// What is known of a register or an argument slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum TagValue {
    #[default]
    Unknown,
    /// A constant, the file offset of its bytes, and the instruction that loaded it, counted from the start.
    Constant { value: u32, at: usize, step: u32 },
    /// The n-th argument of the function that is being read.
    Argument(u8),
    /// An imported function.
    Import(u32),
    /// An address in the image (ARM64 builds them in two steps).
    Address(u32),
}

/// Whom a call reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallTarget {
    Import(u32),
    Function(u32),
    Unknown,
}

/// One call worth a note.
#[derive(Clone, Debug)]
pub(crate) struct CallNote {
    pub site: u32,
    pub step: u32,
    pub function: u32,
    pub target: CallTarget,
    /// Position and value; [`REGISTER`] and above are registers next to the stack on x86.
    pub arguments: Vec<(u8, TagValue)>,
}

/// First position of the x86 registers that a fastcall uses.
pub(crate) const REGISTER: u8 = 100;

/// A tag stored into a structure before a call.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub value: u32,
    pub at: usize,
    pub site: u32,
    pub structure: &'static str,
}

/// Notes of one image.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub calls: Vec<CallNote>,
    /// Functions that only jump to an import, or to another function.
    pub thunks: FxHashMap<u32, CallTarget>,
    pub stored: Vec<Stored>,
}

impl Notes {
    /// Keeps a call that carries something of interest.
    pub fn call(&mut self, call: CallNote) {
        if !call.arguments.is_empty() && self.calls.len() < MAX_CALLS {
            self.calls.push(call);
        }
    }
}

/// How sure the code makes us.
#[derive(Clone, Debug)]
pub(crate) enum Proof {
    /// The tag argument of this function, called through the import table.
    Api(&'static Api),
    /// The argument that one of the driver's functions hands to the tag position of this one.
    Wrapper(&'static Api, u32),
    /// An argument of a function that is not known to take a tag: an import by name, or the driver's own.
    Argument(Option<String>),
}

/// A tag, where its bytes are, which call uses it.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub value: u32,
    pub at: usize,
    pub site: u32,
    pub proof: Proof,
}

/// Four printable characters, as a tag has, after the bit of protected pool is off. Spaces may only pad the end.
pub(crate) fn like_a_tag(value: u32) -> bool {
    let [a, b, c, d] = (value & 0x7fff_ffff).to_le_bytes();
    let text = |byte: u8| byte.is_ascii_graphic();
    let tail = match (text(b), text(c), text(d)) {
        (true, true, true) => true,
        (true, true, false) => d == b' ',
        (true, false, false) => c == b' ' && d == b' ',
        (true, false, true) => c == b' ',
        _ => false,
    };
    text(a) && tail
}

struct Resolver<'a> {
    notes: &'a Notes,
    imports: &'a PeImports,
    x86: bool,
    /// Own functions that hand their n-th argument to a pool function.
    wrappers: FxHashMap<u32, (&'static Api, u8)>,
}

enum Reached {
    Api(&'static Api, u8),
    Wrapper(&'static Api, u8, u32),
    Import(u32),
    Own,
}

impl Resolver<'_> {
    fn reach(&self, target: CallTarget) -> Reached {
        let mut target = target;
        for _ in 0..4 {
            match target {
                CallTarget::Function(rva) => {
                    if let Some(&(api, index)) = self.wrappers.get(&rva) {
                        return Reached::Wrapper(api, index, rva);
                    }
                    match self.notes.thunks.get(&rva) {
                        Some(&next) => target = next,
                        None => return Reached::Own,
                    }
                }
                CallTarget::Import(index) => {
                    let api = self.imports.name(index).and_then(api::find);
                    return match api {
                        Some(api) => Reached::Api(api, if self.x86 { api.index_x86 } else { api.index }),
                        None => Reached::Import(index),
                    };
                }
                CallTarget::Unknown => return Reached::Own,
            }
        }
        Reached::Own
    }

    fn find_wrappers(&mut self) {
        for _ in 0..ROUNDS {
            let mut found = Vec::new();
            for call in &self.notes.calls {
                let (api, index) = match self.reach(call.target) {
                    Reached::Api(api, index) | Reached::Wrapper(api, index, _) => (api, index),
                    Reached::Import(_) | Reached::Own => continue,
                };
                let handed = call.arguments.iter().find_map(|&(position, value)| match value {
                    TagValue::Argument(own) if position == index => Some(own),
                    _ => None,
                });
                if let Some(own) = handed
                    && !self.wrappers.contains_key(&call.function)
                {
                    found.push((call.function, (api, own)));
                }
            }
            if found.is_empty() {
                return;
            }
            for (function, what) in found {
                // Whoever allocates and frees in one function is known by the allocation.
                let row = self.wrappers.entry(function).or_insert(what);
                if what.0.role < row.0.role {
                    *row = what;
                }
            }
        }
    }

    fn judge(&self, call: &CallNote, position: u8, step: u32) -> Option<Proof> {
        let near = call.step.saturating_sub(step) <= NEAR;
        match self.reach(call.target) {
            Reached::Api(api, index) => (index == position).then_some(Proof::Api(api)),
            Reached::Wrapper(api, index, rva) => (index == position).then_some(Proof::Wrapper(api, rva)),
            Reached::Import(index) => {
                let name = self.imports.name(index)?;
                (near && !api::takes_no_tag(name)).then(|| Proof::Argument(Some(name.to_owned())))
            }
            Reached::Own => near.then_some(Proof::Argument(None)),
        }
    }
}

/// Turns the notes of one image into findings, the same literal once, by its best proof.
pub(crate) fn resolve(notes: &Notes, imports: &PeImports, x86: bool) -> Vec<Finding> {
    let mut resolver = Resolver { notes, imports, x86, wrappers: FxHashMap::default() };
    resolver.find_wrappers();
    let mut best: FxHashMap<(usize, u32), Finding> = FxHashMap::default();
    for call in &notes.calls {
        for &(position, value) in &call.arguments {
            let TagValue::Constant { value, at, step } = value else { continue };
            let Some(proof) = resolver.judge(call, position, step) else { continue };
            let finding = Finding { value, at, site: call.site, proof };
            let row = best.entry((at, value)).or_insert_with(|| finding.clone());
            if rank(&finding.proof) < rank(&row.proof) {
                *row = finding;
            }
        }
    }
    let mut findings: Vec<Finding> = best.into_values().collect();
    findings.sort_by_key(|finding| (finding.at, finding.value));
    findings
}

fn rank(proof: &Proof) -> (u8, u8) {
    match proof {
        Proof::Api(api) => (0, api.role as u8),
        Proof::Wrapper(api, _) => (1, api.role as u8),
        Proof::Argument(_) => (2, 0),
    }
}
