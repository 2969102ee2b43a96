//! Calls that create caches, and the names that they get.
//!
//! First the calls to the kernel's own functions; where a function hands its own argument on as the name, it is a
//! wrapper, and calls to it are looked for in the next round.

use poolmon_image::Machine;
use poolmon_image::bytes::u32_at;
use poolmon_image::code::x86::{NEAR_BRANCH, near_branches};
use rustc_hash::{FxHashMap, FxHashSet};

use super::creation::{Creation, CreationKind};
use super::flow::{self, KnownCall, Printers, RegisterValue};
use super::layout::{AddressSpace, Region};
use super::{arm64, x86};

/// What a function of the kernel does with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CreatorRole {
    /// The argument is the name.
    Create,
    /// The argument is a `struct proto`, which has the name.
    Protocol,
    /// The argument begins the names of a cache for each size.
    Sizes,
}

/// Functions of the kernel that create caches. The name or the structure is always their first argument.
const CREATORS: &[(&str, CreatorRole)] = &[
    ("kmem_cache_create", CreatorRole::Create),
    ("kmem_cache_create_usercopy", CreatorRole::Create),
    // Since 6.12 the other two are made of this one.
    ("__kmem_cache_create_args", CreatorRole::Create),
    ("proto_register", CreatorRole::Protocol),
    // Since 6.11: `msg_msg-8`, `msg_msg-16`, and so on.
    ("kmem_buckets_create", CreatorRole::Sizes),
];

/// Wrappers of wrappers of wrappers are as deep as it goes.
const ROUNDS: usize = 4;
/// Creations that are kept of one file: many times what any has.
const MAX_CREATIONS: usize = 4096;
/// A function without symbols is looked at from this far before its call on.
const BEFORE: u64 = 400;
/// A function without symbols is looked for from its call on at most this far back.
const LARGEST: u64 = 4096;
/// Elements of a table that are looked at.
const MAX_ELEMENTS: u64 = 512;

/// A function that is looked for.
#[derive(Clone, Debug)]
struct Callee<'a> {
    role: CreatorRole,
    /// Which argument the name is.
    argument: u8,
    api: &'a str,
    /// The wrapper's own name; none for a function of the kernel.
    through: Option<String>,
}

/// The function that a call is in.
#[derive(Clone, Copy, Debug)]
struct Inside<'n> {
    address: u64,
    name: Option<&'n str>,
}

/// What one file's code shows.
#[derive(Debug, Default)]
pub(crate) struct CreationsFound {
    pub creations: Vec<Creation>,
    /// Calls that create a cache.
    pub calls: usize,
    /// Those among them whose name could not be followed.
    pub unknown: usize,
}

/// Is any function that creates caches known here: if not, there is nothing to read.
pub(crate) fn is_needed(name: &[u8]) -> bool {
    CREATORS.iter().any(|(creator, _)| creator.as_bytes() == name)
}

/// Names of all functions that are of use here.
pub(crate) fn looked_for() -> Vec<&'static str> {
    CREATORS.iter().map(|(name, _)| *name).chain(flow::printers()).collect()
}

/// Reads the code around every call that creates caches.
pub(crate) fn read(layout: &AddressSpace<'_>, budget: usize) -> CreationsFound {
    let printers = Printers::new(layout);
    let starts = if layout.is_stripped() { starts(layout) } else { Vec::new() };
    let mut state = CreatorSearch { layout, printers, starts, shown: CreationsFound::default(), budget };
    let mut wanted: FxHashMap<u64, Callee<'_>> = FxHashMap::default();
    for &(api, role) in CREATORS {
        if let Some(address) = layout.named(api) {
            wanted.insert(address, Callee { role, argument: 0, api, through: None });
        }
    }
    let mut known: FxHashSet<u64> = wanted.keys().copied().collect();
    for _ in 0..ROUNDS {
        if wanted.is_empty() {
            break;
        }
        let wrappers = state.round(&wanted);
        wanted = wrappers.into_iter().filter(|(address, _)| known.insert(*address)).collect();
    }
    let mut shown = state.shown;
    shown.creations.sort();
    shown.creations.dedup();
    let mut seen = FxHashSet::default();
    shown.creations.retain(|row| seen.insert((row.name.clone(), row.kind == CreationKind::Format)));
    shown
}

struct CreatorSearch<'a, 'l> {
    layout: &'l AddressSpace<'a>,
    printers: Printers,
    /// Where functions begin that are called, if no symbols say it; sorted.
    starts: Vec<u64>,
    shown: CreationsFound,
    /// Bytes of code that may still be read: hostile symbols may overlap.
    budget: usize,
}

impl<'a> CreatorSearch<'a, '_> {
    fn round(&mut self, wanted: &FxHashMap<u64, Callee<'a>>) -> Vec<(u64, Callee<'a>)> {
        let mut wrappers = Vec::new();
        let mut done: FxHashSet<u64> = FxHashSet::default();
        for site in sites(self.layout, wanted) {
            let function = self.layout.function(site).filter(|function| function.size > 0);
            let Some(function) = function else {
                self.unnamed(site, wanted, &mut wrappers);
                continue;
            };
            if !done.insert(function.address) {
                continue;
            }
            let end = function.address.saturating_add(function.size);
            for call in self.follow(function.address, end, true) {
                let Some(callee) = wanted.get(&call.target) else { continue };
                let inside = Inside { address: function.address, name: Some(function.name) };
                self.call(&call, callee, Some(inside), &mut wrappers);
            }
        }
        wrappers
    }

    fn follow(&mut self, start: u64, end: u64, begins: bool) -> Vec<KnownCall> {
        let length = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
        let Some(left) = self.budget.checked_sub(length) else { return Vec::new() };
        self.budget = left;
        let mut calls = Vec::new();
        let tell = |call: KnownCall| calls.push(call);
        match self.layout.machine {
            Machine::X64 => x86::function(self.layout, &self.printers, (start, end), begins, tell),
            Machine::Arm64 => arm64::function(self.layout, &self.printers, (start, end), begins, tell),
            Machine::X86 | Machine::Other(_) => {}
        }
        calls
    }

    /// The call at `site`, which is in a function without a symbol. What is set right before it decides; if nothing is, the name may have
    /// come in where the function begins.
    fn unnamed(
        &mut self,
        site: u64,
        wanted: &FxHashMap<u64, Callee<'a>>,
        wrappers: &mut Vec<(u64, Callee<'a>)>,
    ) {
        let passed = |call: &KnownCall| {
            let callee = wanted.get(&call.target)?;
            Some((callee, call.arguments.get(usize::from(callee.argument)).copied().unwrap_or_default()))
        };
        let near = self.window(site);
        let (mut found, mut inside) = (near, None);
        let is_set = |value| {
            matches!(
                value,
                RegisterValue::Constant(_) | RegisterValue::Loaded { .. } | RegisterValue::Made(_)
            )
        };
        if !found.as_ref().and_then(passed).is_some_and(|(_, value)| is_set(value))
            && let Some(&start) =
                self.starts.get(self.starts.partition_point(|&start| start <= site).wrapping_sub(1))
            && site - start < LARGEST
        {
            let whole = self.follow(start, site + NEAR_BRANCH, true).into_iter().find(|call| call.at == site);
            let prints =
                |call: &Option<KnownCall>| call.as_ref().is_some_and(|call| !call.formats.is_empty());
            let says =
                whole.as_ref().and_then(passed).is_some_and(|(_, value)| value != RegisterValue::Unknown);
            if says || prints(&whole) && !prints(&found) {
                (found, inside) = (whole, Some(Inside { address: start, name: None }));
            }
        }
        let Some(call) = found else { return };
        if let Some(callee) = wanted.get(&call.target) {
            self.call(&call, callee, inside, wrappers);
        }
    }

    /// The call at `site` alone, where no symbol says where its function begins. Instructions of x64 have no fixed
    /// length, so several starts are tried until one arrives at the call.
    fn window(&mut self, site: u64) -> Option<KnownCall> {
        let region = self.layout.region(site)?;
        let first = site.saturating_sub(BEFORE).max(region.address);
        (first..=site).take(16).find_map(|start| {
            self.follow(start, site + NEAR_BRANCH, false).into_iter().find(|call| call.at == site)
        })
    }

    fn call(
        &mut self,
        call: &KnownCall,
        callee: &Callee<'a>,
        inside: Option<Inside<'_>>,
        wrappers: &mut Vec<(u64, Callee<'a>)>,
    ) {
        let layout = self.layout;
        let value = call.arguments.get(usize::from(callee.argument)).copied().unwrap_or_default();
        if callee.role == CreatorRole::Protocol {
            // The second argument says whether it has a cache of its own.
            if callee.through.is_none() && call.arguments.get(1) == Some(&RegisterValue::Constant(0)) {
                return;
            }
            self.shown.calls += 1;
            match value {
                RegisterValue::Constant(address) => match protocol(layout, address) {
                    Some(name) => self.add(CreationKind::Protocol, name, call, callee, inside),
                    None => self.shown.unknown += 1,
                },
                RegisterValue::Loaded { address, indexed } => {
                    let names = elements(layout, address, indexed, |to| protocol(layout, to));
                    self.shown.unknown += usize::from(names.is_empty());
                    for name in names {
                        self.add(CreationKind::Protocol, name, call, callee, inside);
                    }
                }
                RegisterValue::Argument(argument) => {
                    self.shown.calls -= 1;
                    self.wrapper(argument, callee, inside, wrappers);
                }
                _ => self.shown.unknown += 1,
            }
            return;
        }
        self.shown.calls += 1;
        if callee.role == CreatorRole::Sizes {
            match value {
                RegisterValue::Constant(address) if let Some(name) = layout.name_at(address) => {
                    self.add(CreationKind::Format, &format!("{name}-%s"), call, callee, inside);
                }
                _ => self.shown.unknown += 1,
            }
            return;
        }
        let kind = if callee.through.is_some() { CreationKind::Wrapper } else { CreationKind::Call };
        match value {
            RegisterValue::Constant(address) => match layout.name_at(address) {
                Some(name) => self.add(kind, name, call, callee, inside),
                None => self.near(call, callee, inside),
            },
            RegisterValue::Made(format) => match layout.name_at(format) {
                Some(format) => self.add(CreationKind::Format, format, call, callee, inside),
                None => self.shown.unknown += 1,
            },
            RegisterValue::Loaded { address, indexed } => {
                let names = elements(layout, address, indexed, |to| layout.name_at(to));
                if names.is_empty() {
                    self.near(call, callee, inside);
                }
                for name in names {
                    self.add(CreationKind::Table, name, call, callee, inside);
                }
            }
            RegisterValue::Argument(argument) => {
                self.shown.calls -= 1;
                self.wrapper(argument, callee, inside, wrappers);
            }
            RegisterValue::Stack(_) | RegisterValue::Unknown => self.near(call, callee, inside),
        }
    }

    /// A name that nothing shows, after texts were printed in the same function.
    fn near(&mut self, call: &KnownCall, callee: &Callee<'a>, inside: Option<Inside<'_>>) {
        let formats: Vec<&str> =
            call.formats.iter().filter_map(|&format| self.layout.name_at(format)).collect();
        self.shown.unknown += usize::from(formats.is_empty());
        for format in formats {
            self.add(CreationKind::Format, format, call, callee, inside);
        }
    }

    fn wrapper(
        &mut self,
        argument: u8,
        callee: &Callee<'a>,
        inside: Option<Inside<'_>>,
        wrappers: &mut Vec<(u64, Callee<'a>)>,
    ) {
        match inside {
            Some(Inside { address, name }) => {
                let unnamed = || format!("the function at {address:#x}");
                let through = Some(name.map_or_else(unnamed, str::to_owned));
                wrappers.push((address, Callee { role: callee.role, argument, api: callee.api, through }));
            }
            None => self.shown.unknown += 1,
        }
    }

    fn add(
        &mut self,
        kind: CreationKind,
        name: &str,
        call: &KnownCall,
        callee: &Callee<'a>,
        inside: Option<Inside<'_>>,
    ) {
        if self.shown.creations.len() < MAX_CREATIONS {
            self.shown.creations.push(Creation {
                kind,
                name: name.to_owned(),
                api: callee.api.to_owned(),
                function: inside.and_then(|inside| inside.name).map(str::to_owned),
                through: callee.through.clone(),
                offset: self.layout.offset(call.at),
            });
        }
    }
}

/// Distances between the rows of a table, tried in turn.
const STRIDES: [u64; 8] = [8, 16, 24, 32, 40, 48, 56, 64];

/// What `read` makes of the pointers of a table. Of a table of structures only one place is known, the name's in its
/// first row: the rows are as far apart as makes the next two names begin alike.
fn elements<'l, 'a>(
    layout: &'l AddressSpace<'a>,
    address: u64,
    indexed: bool,
    read: impl Fn(u64) -> Option<&'a str> + 'l,
) -> Vec<&'a str> {
    let end = match layout.object(address).filter(|object| object.size > 0) {
        Some(object) => object.address.saturating_add(object.size),
        None => address.saturating_add(MAX_ELEMENTS),
    };
    let at = |place: u64| if place < end { read(layout.pointer(place)?) } else { None };
    if indexed && at(address).is_none() {
        // Rows may be empty: pages smaller than the smallest, for one.
        let places =
            (0..MAX_ELEMENTS).map(|n| address.saturating_add(n * 8)).take_while(|&place| place < end);
        return places.filter_map(at).collect();
    }
    let Some(first) = at(address) else { return Vec::new() };
    let alike = |other: &str| first.get(..3).is_some_and(|start| other.starts_with(start));
    let stride = STRIDES.into_iter().find(|stride| at(address.saturating_add(*stride)).is_some_and(alike));
    let Some(stride) = stride else { return vec![first] };
    (0..MAX_ELEMENTS)
        .map_while(|n| at(address.saturating_add(n * stride)))
        .filter(|name| alike(name))
        .collect()
}

/// The name within a `struct proto`: 32 bytes, filled up with zeros, behind the pointer to the module that owns it.
///
/// Where in the structure that is changes from kernel to kernel.
fn protocol<'a>(layout: &AddressSpace<'a>, address: u64) -> Option<&'a str> {
    let this_module = layout.named("__this_module");
    let size = layout.object(address).map_or(640, |object| object.size.min(4096));
    let bytes = layout.bytes_at(address)?;
    let bytes = bytes.get(..bytes.len().min(usize::try_from(size).ok()?))?;
    (1..bytes.len() / 8).find_map(|n| {
        let field = bytes.get(n * 8..)?.get(..32)?;
        let before = address + (n as u64 - 1) * 8;
        let owned = match this_module {
            Some(own) => layout.field(before) == Some(own),
            None => layout.pointer(before).is_none(),
        };
        let end = field.iter().position(|&byte| byte == 0)?;
        let (name, rest) = field.split_at_checked(end)?;
        let good = owned && end >= 2 && rest.iter().all(|&byte| byte == 0);
        let first = name.first()?.is_ascii_alphanumeric();
        (good && first && name.iter().all(u8::is_ascii_graphic)).then(|| std::str::from_utf8(name).ok())?
    })
}

/// Where functions begin: what is called directly.
fn starts(layout: &AddressSpace<'_>) -> Vec<u64> {
    let mut starts = FxHashSet::default();
    for region in layout.regions.iter().filter(|region| region.code) {
        let called: Box<dyn Iterator<Item = u64>> = match layout.machine {
            Machine::X64 => Box::new(
                memchr::memchr_iter(0xe8, region.bytes)
                    .filter_map(|at| x86::branch(layout, region.address + at as u64)),
            ),
            Machine::Arm64 => Box::new(region.bytes.chunks_exact(4).enumerate().filter_map(|(n, word)| {
                let word = u32_at(word, 0).filter(|word| word >> 26 == 0x25)?;
                Some(arm64::branch(layout, region.address + n as u64 * 4, word))
            })),
            Machine::X86 | Machine::Other(_) => continue,
        };
        starts.extend(called.filter(|&target| layout.region(target).is_some_and(|region| region.code)));
    }
    let mut starts: Vec<u64> = starts.into_iter().collect();
    starts.sort_unstable();
    starts
}

/// Addresses of calls and jumps to the wanted functions, in order.
fn sites(layout: &AddressSpace<'_>, wanted: &FxHashMap<u64, Callee<'_>>) -> Vec<u64> {
    let mut sites = Vec::new();
    for region in layout.regions.iter().filter(|region| region.code) {
        match layout.machine {
            Machine::X64 => {
                for at in near_branches(region.bytes) {
                    let at = region.address + at as u64;
                    if x86::branch(layout, at).is_some_and(|target| wanted.contains_key(&target)) {
                        sites.push(at);
                    }
                }
            }
            Machine::Arm64 => words(region, layout, wanted, &mut sites),
            Machine::X86 | Machine::Other(_) => {}
        }
    }
    sites
}

fn words(
    region: &Region<'_>,
    layout: &AddressSpace<'_>,
    wanted: &FxHashMap<u64, Callee<'_>>,
    sites: &mut Vec<u64>,
) {
    for (n, word) in region.bytes.chunks_exact(4).enumerate() {
        let at = region.address + n as u64 * 4;
        let word = u32_at(word, 0).unwrap_or(0);
        if arm64::is_branch(word) && wanted.contains_key(&arm64::branch(layout, at, word)) {
            sites.push(at);
        }
    }
}
