//! What both readers of machine code share: values followed through registers, and calls with their arguments.
//!
//! A reader notes each call that carries a constant that could be a tag, or that hands on an argument of its own
//! function. When all code is read, [`resolve`] finds out which of the driver's functions hand an argument to the tag
//! position of a pool function, through any number of its own wrappers, and turns the notes into findings.

use std::ops::Range;

use poolmon_image::pe::imports::PeImports;
use rustc_hash::{FxHashMap, FxHashSet};

use super::api::{self, Api};
use super::stores::Stored;
use super::value::{Choices, TagValue, like_a_tag};

/// A call this many instructions after its constant was put in place still belongs to it, where the callee is not known.
/// No other call lies between the two: that would have taken the register. Long runs of stores do occur.
const NEAR: u32 = 48;
/// Arguments that ARM64 and x64 hand over in registers, of which x64 has four.
const REGISTERS: u8 = 4;
/// Wrappers of wrappers are followed this deep.
const ROUNDS: usize = 8;
/// Notes are kept up to here; no real driver comes near.
pub(crate) const MAX_CALLS: usize = 400_000;

/// Whom a call reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallTarget {
    Import(u32),
    Function(u32),
    /// A function of the driver framework, by its place in the framework's table.
    Framework(u32),
    Unknown,
}

/// One call worth a note.
#[derive(Clone, Debug)]
pub(crate) struct CallNote {
    pub site: u32,
    pub step: u32,
    pub function: u32,
    pub target: CallTarget,
    /// A jump: a call only if a function begins where it leads.
    pub jump: bool,
}

/// Position and value of an argument, one row for each value that is possible; [`REGISTER`] and above are registers next
/// to the stack on x86.
pub(crate) type Argument = (u8, TagValue);

/// First position of the x86 registers that a fastcall uses.
pub(crate) const REGISTER: u8 = 100;

/// Notes of one image.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// With the range of its arguments in `arguments`.
    pub calls: Vec<(CallNote, Range<usize>)>,
    /// Those of all calls: most calls have a few, and there are many calls.
    arguments: Vec<Argument>,
    /// Calls that allocate without a tag.
    pub untagged: Vec<(u32, &'static str)>,
    /// Functions that only jump to an import, or to another function.
    pub thunks: FxHashMap<u32, CallTarget>,
    pub stored: Vec<Stored>,
    /// Where the image says that functions begin, and where calls lead to, as far as bytes look like calls.
    pub functions: FxHashSet<u32>,
    /// Those that were read.
    pub read: FxHashSet<u32>,
    /// Those that find their arguments relative to EBP (x86).
    pub framed: FxHashSet<u32>,
    /// Arguments that a function keeps in memory, where they are not followed.
    pub kept: FxHashSet<(u32, u8)>,
    /// Arguments that a function compares with four characters: reasons, not tags. An allocator only hands a tag on.
    pub compared: FxHashSet<(u32, u8)>,
    /// What each import does, by its number: calls are many.
    roles: Vec<ImportRole>,
}

/// What an import does with tags.
#[derive(Clone, Copy, Debug, Default)]
struct ImportRole {
    api: Option<&'static Api>,
    /// Its name, where it allocates without a tag.
    untagged: Option<&'static str>,
}

impl Notes {
    /// No notes yet of an image with these imports.
    pub fn new(imports: &PeImports) -> Self {
        let role = |name: &String| ImportRole { api: api::find(name), untagged: api::without_a_tag(name) };
        Self { roles: imports.names.iter().map(role).collect(), ..Self::default() }
    }

    fn role(&self, import: u32) -> ImportRole {
        self.roles.get(import as usize).copied().unwrap_or_default()
    }

    /// Notes where a function begins that is read now.
    pub fn begin(&mut self, function: u32) {
        self.read.insert(function);
    }

    /// Notes a comparison of two values.
    pub fn compare(&mut self, function: u32, one: TagValue, other: TagValue, choices: &Choices) {
        if one == TagValue::Unknown || other == TagValue::Unknown {
            return;
        }
        let is_text = |value| matches!(value, TagValue::Constant { value, .. } if like_a_tag(value));
        for (one, other) in [(one, other), (other, one)] {
            for value in choices.all(one) {
                if let (TagValue::Argument(n), true) = (value, choices.all(other).any(is_text)) {
                    self.compared.insert((function, n));
                }
            }
        }
    }

    /// Keeps a call that carries something of interest.
    pub fn call(&mut self, call: CallNote, arguments: &[Argument]) {
        if !arguments.is_empty() && self.calls.len() < MAX_CALLS {
            let first = self.arguments.len();
            self.arguments.extend_from_slice(arguments);
            self.calls.push((call, first..self.arguments.len()));
        }
    }

    /// All that are calls, with their arguments.
    fn all_calls(&self) -> impl Iterator<Item = (&CallNote, &[Argument])> {
        let calls = self.calls.iter().filter(|(call, _)| self.is_call(call));
        calls.map(|(call, range)| (call, self.arguments.get(range.clone()).unwrap_or_default()))
    }

    /// Whom a target reaches at last, if it only jumps on.
    pub fn behind(&self, target: CallTarget) -> CallTarget {
        let next = |target| match target {
            CallTarget::Function(rva) => self.thunks.get(&rva).copied(),
            _ => None,
        };
        std::iter::successors(Some(target), |&target| next(target)).take(4).last().unwrap_or(target)
    }

    /// Notes a call that allocates without a tag. `behind` is whom it reaches at last.
    pub fn without_a_tag(&mut self, site: u32, behind: CallTarget) {
        if let CallTarget::Import(index) = behind
            && let Some(name) = self.role(index).untagged
            && self.untagged.len() < MAX_CALLS
        {
            self.untagged.push((site, name));
        }
    }

    /// Where a call that reaches an import or the framework at last has its tag, if it takes one.
    pub fn tag_position(&self, behind: CallTarget, x86: bool) -> Option<u8> {
        let api = match behind {
            CallTarget::Import(index) => self.role(index).api,
            CallTarget::Framework(place) => api::framework(place),
            _ => None,
        };
        api.map(|api| if x86 { api.index_x86 } else { api.index })
    }

    /// Whether a note is a call: a jump inside a function is none.
    fn is_call(&self, call: &CallNote) -> bool {
        match call.target {
            CallTarget::Function(rva) if call.jump => {
                self.functions.contains(&rva) || self.thunks.contains_key(&rva)
            }
            _ => true,
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

struct Resolver<'a> {
    notes: &'a Notes,
    imports: &'a PeImports,
    x86: bool,
    /// Own functions that hand their n-th argument to a pool function.
    wrappers: FxHashMap<u32, (&'static Api, u8)>,
    /// Calls to which a function hands an argument of its own, with the position there.
    handed: FxHashMap<(u32, u8), Vec<(CallTarget, u8)>>,
}

enum Reached {
    Api(&'static Api, u8),
    Wrapper(&'static Api, u8, u32),
    Import(u32),
    /// A function of the driver framework that takes no tag.
    Framework,
    /// One of the driver's own, by its RVA where that is known.
    Own(Option<u32>),
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
                        None => return Reached::Own(Some(rva)),
                    }
                }
                CallTarget::Import(index) => {
                    return match self.notes.role(index).api {
                        Some(api) => Reached::Api(api, if self.x86 { api.index_x86 } else { api.index }),
                        None => Reached::Import(index),
                    };
                }
                CallTarget::Framework(place) => {
                    return match api::framework(place) {
                        Some(api) => Reached::Api(api, if self.x86 { api.index_x86 } else { api.index }),
                        None => Reached::Framework,
                    };
                }
                CallTarget::Unknown => return Reached::Own(None),
            }
        }
        Reached::Own(None)
    }

    fn find_wrappers(&mut self) {
        for _ in 0..ROUNDS {
            let mut found = Vec::new();
            for (call, arguments) in self.notes.all_calls() {
                let (api, index) = match self.reach(call.target) {
                    Reached::Api(api, index) | Reached::Wrapper(api, index, _) => (api, index),
                    Reached::Import(_) | Reached::Framework | Reached::Own(_) => continue,
                };
                let handed = arguments.iter().find_map(|&(position, value)| match value {
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
                // A function that allocates and frees is known by the allocation.
                let row = self.wrappers.entry(function).or_insert(what);
                if what.0.role < row.0.role {
                    *row = what;
                }
            }
        }
    }

    fn judge(&self, call: &CallNote, position: u8, value: u32, step: u32) -> Option<Proof> {
        // Where no tag is known to be wanted, the number itself has to look like one.
        let near = call.step.saturating_sub(step) <= NEAR && like_a_tag(value);
        match self.reach(call.target) {
            Reached::Api(api, index) => (index == position).then_some(Proof::Api(api)),
            Reached::Wrapper(api, index, rva) => (index == position).then_some(Proof::Wrapper(api, rva)),
            Reached::Import(index) => {
                let name = self.imports.name(index)?;
                (near && !api::takes_no_tag(name)).then(|| Proof::Argument(Some(name.to_owned())))
            }
            Reached::Framework => None,
            // A function that was read and does nothing with the argument, as one that counts references, is no proof.
            Reached::Own(Some(rva)) if self.ignores(rva, position, ROUNDS) => None,
            Reached::Own(_) => near.then_some(Proof::Argument(None)),
        }
    }

    /// Whether a function was read that only compares the argument, or neither keeps it nor hands it to a call that
    /// could take a tag.
    ///
    /// What is left in a register at a call counts as handed to it, so callees are asked in turn, a few deep.
    fn ignores(&self, function: u32, position: u8, depth: usize) -> bool {
        // Other arguments are on the stack, which is not followed everywhere.
        let followed = if self.x86 { self.notes.framed.contains(&function) } else { position < REGISTERS };
        let ignored = |&(target, there): &(CallTarget, u8)| match self.reach(target) {
            Reached::Import(_) | Reached::Framework => true,
            Reached::Api(_, index) | Reached::Wrapper(_, index, _) => index != there,
            Reached::Own(Some(rva)) => depth > 0 && self.ignores(rva, there, depth - 1),
            Reached::Own(None) => false,
        };
        let argument = (function, position);
        let unused = || {
            self.notes.read.contains(&function)
                && !self.notes.kept.contains(&argument)
                && self.handed.get(&argument).is_none_or(|calls| calls.iter().all(ignored))
        };
        followed && (self.notes.compared.contains(&argument) || unused())
    }
}

/// Turns the notes of one image into findings, the same literal once, by its best proof.
pub(crate) fn resolve(notes: &Notes, imports: &PeImports, x86: bool) -> Vec<Finding> {
    let mut handed: FxHashMap<_, Vec<_>> = FxHashMap::default();
    for (call, arguments) in notes.all_calls() {
        for &(position, value) in arguments {
            if let TagValue::Argument(own) = value {
                handed.entry((call.function, own)).or_default().push((call.target, position));
            }
        }
    }
    let mut resolver = Resolver { notes, imports, x86, wrappers: FxHashMap::default(), handed };
    resolver.find_wrappers();
    let mut best: FxHashMap<(usize, u32), Finding> = FxHashMap::default();
    for (call, arguments) in notes.all_calls() {
        for &(position, value) in arguments {
            let TagValue::Constant { value, at, step } = value else { continue };
            let Some(proof) = resolver.judge(call, position, value, step) else { continue };
            let at = at as usize;
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
