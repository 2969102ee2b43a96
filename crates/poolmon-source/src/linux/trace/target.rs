//! Which cache is traced: by its name, by the names that share it, or by the size of a general cache.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use poolmon_proc::caches::Kmalloc;
use poolmon_proc::slab::{CacheLine, cache_lines};
use poolmon_proc::vmalloc::VmallocLine;
use poolmon_trace::{Growth, Kallsyms, Subject};

use super::sites::{self, Site, SiteName};
use crate::linux::files::failed;
use crate::{Result, SourceError};

/// What helps if there is no such cache.
const LIST: &str = "list the caches with: poolmon top --pool slab";

/// Caches in one trace: the kernel compares each event with each of them.
const MOST_CACHES: usize = 8;

/// Parts of a function that a filter can name.
const MOST_PARTS: usize = 16;

/// What is traced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As it was asked for.
    pub name: String,
    /// How its events are known; of several caches, each.
    pub kinds: Vec<TargetKind>,
    /// Its rows in `/proc/slabinfo`: several of a general cache whose copies the events cannot tell apart.
    pub rows: Vec<String>,
    /// Other caches that are traced with it, as the events cannot tell them apart.
    pub sharing: Vec<String>,
}

/// How the events of a cache are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// By the cache's name in them. Kernels before 6.1 have none there: then by the size of its objects.
    Named {
        /// The name that the kernel uses.
        name: String,
        /// Bytes that an object takes.
        size: u64,
        /// Bytes of an object without its padding, if known.
        object_size: Option<u64>,
    },
    /// By the size of the block.
    General {
        /// Bytes.
        size: u64,
        /// Which general caches, if the kernel has several of a size.
        class: Class,
    },
    /// Not in a cache at all.
    Outside(Outside),
    /// By the code that allocates: a function of which a line in the kernel's source grows.
    Site {
        /// The function.
        function: String,
        /// Its module.
        module: Option<String>,
        /// Where its code is: starts and ends.
        code: Vec<(u64, u64)>,
    },
}

/// Memory outside of slab caches, each with its own allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// Whole pages, of the kernel and of processes.
    Pages,
    /// Memory that each processor has its own copy of.
    PerCpu,
    /// Areas of the kernel's virtual memory.
    Vmalloc,
}

impl Outside {
    /// The names by which it is asked for.
    const ALL: [(&'static str, Self); 3] =
        [("pages", Self::Pages), ("percpu", Self::PerCpu), ("vmalloc", Self::Vmalloc)];

    /// As the answer names it.
    pub const fn subject(self) -> Subject {
        match self {
            Self::Pages => Subject::Pages,
            Self::PerCpu => Subject::PerCpu,
            Self::Vmalloc => Subject::Vmalloc,
        }
    }
}

/// Kinds of general caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `kmalloc-N` and its random copies.
    Normal,
    /// `kmalloc-cg-N`: counted for a control group.
    Account,
    /// `kmalloc-rcl-N`.
    Reclaimable,
    /// `dma-kmalloc-N`.
    Dma,
}

impl Class {
    fn of(prefix: &[u8]) -> Self {
        match prefix {
            b"kmalloc-cg-" => Self::Account,
            b"kmalloc-rcl-" => Self::Reclaimable,
            b"dma-kmalloc-" => Self::Dma,
            _ => Self::Normal,
        }
    }
}

impl Target {
    /// Finds several caches, to be traced together.
    ///
    /// # Errors
    ///
    /// As [`Target::find`]; or they cannot be traced together.
    pub fn find_all(root: &Path, names: &[&str]) -> Result<Self> {
        let mut all: Option<Self> = None;
        for name in names {
            let next = Self::find(root, name)?;
            all = Some(match all {
                None => next,
                Some(all) => all.together(next, names)?,
            });
        }
        all.ok_or_else(|| unknown("", &[]))
    }

    fn together(mut self, other: Self, names: &[&str]) -> Result<Self> {
        let alone = |why: &str| SourceError::Unavailable {
            what: names.join(" and "),
            why: why.to_owned(),
            remedy: format!("trace one after the other: poolmon trace {}", names.first().unwrap_or(&"CACHE")),
        };
        let all = || self.kinds.iter().chain(&other.kinds);
        if all().any(|kind| matches!(kind, TargetKind::Outside(_) | TargetKind::Site { .. })) {
            return Err(alone("only slab caches can be traced together"));
        }
        let mut classes = all().filter_map(|kind| match kind {
            TargetKind::General { class, .. } => Some(*class),
            _ => None,
        });
        if classes.next().is_some_and(|first| classes.any(|class| class != first)) {
            return Err(alone("general caches of different kinds cannot be traced together"));
        }
        if all().count() > MOST_CACHES {
            return Err(alone(&format!("at most {MOST_CACHES} caches can be traced together")));
        }
        // The same cache, perhaps by another of its names.
        if other.kinds.iter().all(|kind| self.kinds.contains(kind)) {
            return Ok(self);
        }
        self.name = format!("{}, {}", self.name, other.name);
        self.kinds.extend(other.kinds);
        self.rows.extend(other.rows);
        self.sharing.extend(other.sharing);
        Ok(self)
    }

    /// Finds a cache of the kernel whose files are below `root`.
    ///
    /// # Errors
    ///
    /// `/proc/slabinfo` cannot be read, or has no such cache.
    pub fn find(root: &Path, name: &str) -> Result<Self> {
        if let Some((_, outside)) = Outside::ALL.iter().find(|(known, _)| *known == name) {
            let kind = TargetKind::Outside(*outside);
            return Ok(Self {
                name: name.to_owned(),
                kinds: vec![kind],
                rows: Vec::new(),
                sharing: Vec::new(),
            });
        }
        if let Some(line) = SiteName::parse(name) {
            return Self::site(root, name, line);
        }
        let text = slabinfo(root)?;
        let lines: Vec<CacheLine> =
            cache_lines(&text).filter_map(|(_, line)| CacheLine::parse(line)).collect();
        if let Some(kmalloc) = Kmalloc::parse(name.as_bytes()).filter(|_| !name.starts_with("size-"))
            && lines.iter().any(|line| line.name == name.as_bytes())
        {
            return Ok(Self::general(name, &kmalloc, &lines));
        }
        let folder = root.join("sys/kernel/slab");
        let sharing = sharing(&folder, name);
        let line = lines
            .iter()
            .find(|line| line.name == name.as_bytes())
            .or_else(|| lines.iter().find(|line| sharing.iter().any(|other| other.as_bytes() == line.name)));
        let Some(line) = line else { return Err(unknown(name, &lines)) };
        let own = String::from_utf8_lossy(line.name).into_owned();
        let object_size = fs::read_to_string(folder.join(&own).join("object_size"));
        let object_size = object_size.ok().and_then(|text| text.trim().parse().ok());
        let kind = TargetKind::Named { name: own.clone(), size: line.object_size, object_size };
        Ok(Self { name: name.to_owned(), kinds: vec![kind], rows: vec![own], sharing })
    }

    /// A line of the kernel's source: all allocations of its function are traced, as events name code and no lines.
    fn site(root: &Path, name: &str, wanted: SiteName<'_>) -> Result<Self> {
        let unavailable = |why: &str, remedy: String| SourceError::Unavailable {
            what: format!("the call site `{name}`"),
            why: why.to_owned(),
            remedy,
        };
        let Some(sites) = sites::read(root, None)? else {
            let why = "this kernel has no /proc/allocinfo (it was built without CONFIG_MEM_ALLOC_PROFILING)";
            return Err(unavailable(why, LIST.into()));
        };
        let Some(found) = sites.iter().find(|site| wanted.is(site)) else {
            let of_file = sites.iter().filter(|site| site.file == wanted.file);
            return Err(match of_file.min_by_key(|site| site.line.abs_diff(wanted.line)) {
                Some(near) => unavailable(
                    "no line of that name allocates",
                    format!("trace the nearest one that does: poolmon trace {}:{}", near.file, near.line),
                ),
                None => unavailable(
                    "no line of that file allocates",
                    "list the lines with: poolmon top --pool callsite".into(),
                ),
            });
        };
        let kallsyms = fs::read_to_string(root.join("proc/kallsyms")).unwrap_or_default();
        let symbols = Kallsyms::parse(&kallsyms);
        if symbols.are_hidden() {
            let remedy = "run as root with `sysctl kernel.kptr_restrict=1`, or trace a slab cache";
            return Err(unavailable("the kernel hides where its functions are", remedy.into()));
        }
        let code = symbols.ranges(&found.function, found.module.as_deref());
        if code.is_empty() || code.len() > MOST_PARTS {
            let why =
                format!("its function {} is a part of others, and has no code of its own", found.function);
            let size = found.bytes.checked_div(found.calls).filter(|&size| size > 0);
            return Err(unavailable(
                &why,
                size.map_or(LIST.into(), |size| {
                    format!("trace the cache of its size, {size} bytes an object: poolmon top --pool slab lists them")
                }),
            ));
        }
        let is_other =
            |site: &&Site| site.function == found.function && site.module == found.module && !wanted.is(site);
        let sharing = sites.iter().filter(is_other).map(Site::name).collect();
        let kind = TargetKind::Site { function: found.function.clone(), module: found.module.clone(), code };
        Ok(Self { name: found.name(), kinds: vec![kind], rows: Vec::new(), sharing })
    }

    /// Whether the kernel takes its objects for a cache of what is on disks, which it may drop.
    pub fn is_reclaimable(&self, root: &Path) -> bool {
        let is = |row: &String| {
            let path = root.join("sys/kernel/slab").join(row).join("reclaim_account");
            fs::read_to_string(path).is_ok_and(|text| text.trim() == "1")
        };
        self.rows.iter().any(is)
    }

    fn general(name: &str, kmalloc: &Kmalloc, lines: &[CacheLine]) -> Self {
        let class = Class::of(kmalloc.prefix);
        let is_row = |line: &&CacheLine| {
            Kmalloc::parse(line.name)
                .is_some_and(|other| other.size == kmalloc.size && Class::of(other.prefix) == class)
        };
        let rows: Vec<String> =
            lines.iter().filter(is_row).map(|line| String::from_utf8_lossy(line.name).into_owned()).collect();
        let sharing = rows.iter().filter(|row| *row != name).cloned().collect();
        // What is asked for is rounded up to the size of an object, which debug kernels enlarge.
        let object_size = |line: &&CacheLine| line.name == name.as_bytes();
        let size = lines.iter().find(object_size).map_or(kmalloc.size, |line| line.object_size);
        Self { name: name.to_owned(), kinds: vec![TargetKind::General { size, class }], rows, sharing }
    }
}

/// The state of the rows of a target: objects, and bytes in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowState {
    objects: u64,
    bytes: u64,
    /// Each object counts.
    gathered: bool,
    /// Free objects that may count as used: those that processors allocate from next.
    within: u64,
    /// The kernel has no such count.
    unknown: bool,
}

impl RowState {
    /// Reads it, after the kernel gathered half-filled slabs, so that each object counts.
    ///
    /// # Errors
    ///
    /// `/proc/slabinfo` cannot be read; of memory outside of caches `/proc/meminfo` or `/proc/vmallocinfo`.
    pub fn read(root: &Path, target: &Target) -> Result<Self> {
        if let [TargetKind::Outside(outside)] = target.kinds[..] {
            return Self::outside(root, outside);
        }
        if let [TargetKind::Site { function, module, .. }] = &target.kinds[..] {
            return Self::of_function(root, function, module.as_ref());
        }
        let shrink = |row: &String| {
            let path = root.join("sys/kernel/slab").join(row).join("shrink");
            fs::OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(b"1\n")).is_ok()
        };
        let gathered = target.rows.iter().all(shrink);
        let text = slabinfo(root)?;
        let within = target.rows.iter().map(|row| kept_by_processors(root, row)).sum();
        let mut state = Self { gathered, within, ..Self::default() };
        for line in cache_lines(&text).filter_map(|(_, line)| CacheLine::parse(line)) {
            if target.rows.iter().any(|row| row.as_bytes() == line.name) {
                state.objects = state.objects.saturating_add(line.active_objects);
                state.bytes =
                    state.bytes.saturating_add(line.active_objects.saturating_mul(line.object_size));
            }
        }
        Ok(state)
    }

    fn of_function(root: &Path, function: &str, module: Option<&String>) -> Result<Self> {
        let sites = sites::read(root, Some(function))?.unwrap_or_default();
        let mut state = Self { gathered: true, ..Self::default() };
        for site in sites.iter().filter(|site| site.module.as_ref() == module) {
            state.objects = state.objects.saturating_add(site.calls);
            state.bytes = state.bytes.saturating_add(site.bytes);
            state.unknown |= site.inexact;
        }
        Ok(state)
    }

    fn outside(root: &Path, outside: Outside) -> Result<Self> {
        let read = |path: &str| {
            let path = root.join(path);
            fs::read(&path).map_err(|error| failed("read", &path, error, ("", "")))
        };
        let mut state = Self::default();
        match outside {
            Outside::Pages => {
                let text = read("proc/meminfo")?;
                let text = String::from_utf8_lossy(&text);
                let kib = |name: &str| {
                    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
                    line.split_ascii_whitespace().next()?.parse::<u64>().ok()
                };
                let used =
                    kib("MemTotal:").zip(kib("MemFree:")).map(|(total, free)| total.saturating_sub(free));
                state.unknown = used.is_none();
                // Free pages that a processor keeps for itself are not in `MemFree`: up to an eighth of all memory since Linux 6.7.
                let zones = read("proc/zoneinfo").ok();
                let kept =
                    zones.as_deref().map_or(0, pages_of_processors).saturating_mul(super::record::PAGE);
                state.gathered = zones.is_some();
                state.bytes = used.unwrap_or(0).saturating_mul(1024).saturating_sub(kept);
                state.objects = state.bytes / super::record::PAGE;
            }
            Outside::Vmalloc => {
                for line in read("proc/vmallocinfo")?.split(|&byte| byte == b'\n') {
                    if let VmallocLine::Area(area) = VmallocLine::parse(line) {
                        state.objects += 1;
                        state.bytes = state.bytes.saturating_add(area.size);
                    }
                }
                state.gathered = true;
            }
            // `Percpu` of /proc/meminfo counts whole chunks, which hardly ever grow.
            Outside::PerCpu => state.unknown = true,
        }
        Ok(state)
    }

    /// What changed until a later state; `None` if the kernel does not count that.
    pub fn until(self, later: Self) -> Option<Growth> {
        let known = !(self.unknown || later.unknown);
        known.then_some(Growth {
            objects: later.objects.wrapping_sub(self.objects).cast_signed(),
            bytes: later.bytes.wrapping_sub(self.bytes).cast_signed(),
            exact: self.gathered && later.gathered && self.within.max(later.within) == 0,
            within: self.within.max(later.within),
        })
    }
}

/// Free objects of a cache that the kernel may count as used: those of the slab that each processor allocates from, and since Linux
/// 6.18 those of its two sheaves. Measured on Linux 6.18 with `filp`: up to 1.7 slabs a processor, as others allocate meanwhile.
fn kept_by_processors(root: &Path, row: &str) -> u64 {
    let number = |path: PathBuf| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let folder = root.join("sys/kernel/slab").join(row);
    let slab = number(folder.join("objs_per_slab")).unwrap_or(0);
    let sheaf = number(folder.join("sheaf_capacity")).unwrap_or(0);
    let processors = fs::read_to_string(root.join("sys/devices/system/cpu/online")).unwrap_or_default();
    (slab + sheaf).saturating_mul(2).saturating_mul(listed(&processors))
}

/// How many numbers a list of ranges like `0-3,8` has.
fn listed(ranges: &str) -> u64 {
    let count = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.trim().parse::<u64>().ok()?, last.trim().parse::<u64>().ok()?);
        Some(last.saturating_sub(first).saturating_add(1))
    };
    ranges.split(',').filter_map(count).sum()
}

/// Free pages that processors keep for themselves: each `count:` of `/proc/zoneinfo`.
fn pages_of_processors(zoneinfo: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(zoneinfo);
    let counts =
        text.lines().filter_map(|line| line.trim_start().strip_prefix("count:")?.trim().parse::<u64>().ok());
    counts.fold(0, u64::saturating_add)
}

fn slabinfo(root: &Path) -> Result<Vec<u8>> {
    let path = root.join("proc/slabinfo");
    let absent =
        ("the kernel was built without CONFIG_SLUB_DEBUG, or a container hides it", "run on the host");
    fs::read(&path).map_err(|error| failed("read", &path, error, absent))
}

/// The other names of a cache that the kernel merged: links to the same folder.
fn sharing(folder: &Path, name: &str) -> Vec<String> {
    let plain = !name.is_empty() && !name.contains('/') && !name.starts_with('.');
    let Some(id) = plain.then(|| fs::read_link(folder.join(name)).ok()).flatten() else { return Vec::new() };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.file_name() != name && fs::read_link(entry.path()).is_ok_and(|to| to == id))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

fn unknown(name: &str, lines: &[CacheLine]) -> SourceError {
    let names = || lines.iter().map(|line| String::from_utf8_lossy(line.name));
    // Another size is no slip.
    let is_sized = Kmalloc::parse(name.as_bytes()).is_some();
    let typo = || {
        let near = names().map(|other| (distance(name, &other), other)).min_by_key(|(distance, _)| *distance);
        near.filter(|(distance, _)| *distance <= name.len() / 4 + 1 && name.len() > 3).map(|(_, other)| other)
    };
    let similar = names().find(|other| is_similar(name, other)).or_else(|| typo().filter(|_| !is_sized));
    SourceError::Unavailable {
        what: format!("the slab cache `{name}`"),
        why: "the kernel has none of that name".into(),
        remedy: match similar {
            Some(other) => format!("trace the one that it has: poolmon trace {other}"),
            None => LIST.into(),
        },
    }
}

/// How many letters are to be put in, left out, changed, or swapped with the next one to make one name of the other (optimal string
/// alignment: G. Navarro, A guided tour to approximate string matching, ACM Computing Surveys 33, 2001).
fn distance(one: &str, other: &str) -> usize {
    let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX / 2);
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (i, letter) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, wanted) in other.iter().enumerate() {
            let changed = at(&above, j) + usize::from(letter != wanted);
            let mut steps = changed.min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped =
                i > 0 && j > 0 && one.get(i - 1) == Some(wanted) && other.get(j - 1) == Some(letter);
            if swapped {
                steps = steps.min(at(&before, j - 1) + 1);
            }
            row.push(steps);
        }
        before = std::mem::replace(&mut above, row);
    }
    at(&above, other.len())
}

/// Whether a cache may be what was meant: `kmalloc-1024` is `kmalloc-1k`, `Dentry` is `dentry`, `dentry_cache` as well.
fn is_similar(name: &str, other: &str) -> bool {
    let size = |name: &str| Kmalloc::parse(name.as_bytes()).map(|it| (it.size, it.prefix.to_vec()));
    let begins = |long: &str, short: &str| {
        short.len() >= 4 && long.to_ascii_lowercase().starts_with(&short.to_ascii_lowercase())
    };
    match (size(name), size(other)) {
        (None, None) => begins(name, other) || begins(other, name),
        (one, another) => one == another,
    }
}

#[cfg(test)]
mod tests;
