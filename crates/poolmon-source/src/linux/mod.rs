//! A live Linux kernel: slab caches, vmalloc areas and call sites.
//!
//! A sample is made from these files, in this order:
//!
//! 1. [`meminfo`]: `/proc/meminfo`, `/proc/vmstat`, `/proc/uptime`, the figures of the header;
//! 2. [`slab`]: `/proc/slabinfo`, one row for each cache; [`sysfs`] reports once whether a cache can be shrunk;
//! 3. [`vmalloc`]: `/proc/vmallocinfo`, one row for each function that asked for areas;
//! 4. [`allocinfo`]: `/proc/allocinfo`, one row for each place in the source that holds memory, if the kernel reports it.
//!
//! The text of these files is parsed by `poolmon-proc`, which reads saved ones, too.
//!
//! Beside samples, `shrink`: the kernel gathers half-filled slabs, so that each object counts; `modules`: `/proc/modules`, for those who want to know which came and went.
//!
//! `trace/`: who allocates from a cache and does not free, from the kernel's tracepoints.
//!
//! Files are opened once (`files`) and read again into one buffer; names that were seen before are kept ([`names`]),
//! so that a refresh allocates nothing for a row.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod facts;
mod files;
mod modules;
mod shrink;
pub mod sysfs;
mod system;
#[cfg(target_os = "linux")]
pub mod trace;

pub use poolmon_proc::{allocinfo, bytes, meminfo, names, slab, vmalloc};

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use poolmon_model::problem::Remedy as _;
use poolmon_model::{CounterWidth, Origin, Pool, PoolView, Row, Sample, Tag};

use crate::{Fact, LoadedModule, Result, Source, SourceError};
use files::{Absent, Files, KernelFile, Opener, failed};
use names::Names;
use sysfs::SlabDirectory;

/// Which parts of a sample are read. What is not shown need not be paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four switches that are unrelated")]
pub struct Parts {
    /// Slab caches.
    pub slab: bool,
    /// Slab caches that have had no slab since the source was opened: half of them, all figures 0. Each costs a look
    /// at sysfs in the first sample.
    pub empty_caches: bool,
    /// Vmalloc areas, summed by caller. The most costly part for the kernel.
    pub vmalloc: bool,
    /// The areas of the last sample are taken again while `VmallocUsed` stays what it was, for as long as this. The kernel takes
    /// longer to list them than it takes for all else of a sample. Zero: they are read for each sample.
    pub vmalloc_kept: Duration,
    /// Call sites, if the kernel has allocation profiling.
    pub callsites: bool,
}

impl Default for Parts {
    fn default() -> Self {
        Self { slab: true, empty_caches: true, vmalloc: true, vmalloc_kept: Duration::ZERO, callsites: true }
    }
}

impl Parts {
    /// What a view of one pool, or of all, needs.
    pub fn for_view(view: PoolView) -> Self {
        Self {
            slab: view.admits(Pool::Reclaimable) || view.admits(Pool::Unreclaimable),
            empty_caches: true,
            vmalloc: view.admits(Pool::Vmalloc),
            vmalloc_kept: Duration::ZERO,
            callsites: view.admits(Pool::CallSite),
        }
    }
}

/// One file of rows.
#[derive(Debug)]
enum Part {
    /// Not asked for.
    Off,
    /// Open.
    On(KernelFile),
    /// Cannot be read: the remark that says why.
    Missing(String),
}

/// A live Linux kernel, or a folder that looks like one.
#[derive(Debug)]
pub struct LinuxSource {
    origin: Arc<Origin>,
    empty_caches: bool,
    page_size: u64,
    slab: Part,
    vmalloc: Part,
    callsites: Part,
    meminfo: Option<KernelFile>,
    vmstat: Option<KernelFile>,
    uptime: Option<KernelFile>,
    modules: Option<KernelFile>,
    sysfs: SlabDirectory,
    drop_caches: PathBuf,
    caches: Names,
    callers: Names,
    places: Names,
    buffer: Vec<u8>,
    key: Vec<u8>,
    areas: KeptAreas,
}

/// The areas of an earlier sample.
#[derive(Debug, Default)]
struct KeptAreas {
    /// For how long they may be taken again.
    kept: Duration,
    rows: Vec<Row>,
    /// When they were read, and `VmallocUsed` then.
    read: Option<(Instant, u64)>,
}

impl KeptAreas {
    /// Whether they hold while this much is in use.
    fn hold(&self, now: Instant, used: Option<u64>) -> bool {
        self.read.is_some_and(|(at, then)| used == Some(then) && now.duration_since(at) < self.kept)
    }
}

const NO_SLABINFO: Absent = (
    "the kernel was built without CONFIG_SLUB_DEBUG, /proc is not mounted, or a container hides it",
    "run on the host rather than in a container, or try `poolmon demo`",
);
const NO_VMALLOCINFO: Absent =
    ("the kernel or a container hides it", "run on the host rather than in a container");
const NO_ALLOCINFO: Absent = (
    "the kernel has no memory allocation profiling",
    "it needs Linux 6.10 or later with CONFIG_MEM_ALLOC_PROFILING, booted with sysctl.vm.mem_profiling=1",
);

impl LinuxSource {
    /// Opens everything below `root` (`/` in life).
    pub fn new(root: &Path) -> Result<Self> {
        Self::with_parts(root, Parts::default())
    }

    /// Opens the chosen parts below `root`.
    ///
    /// Slab caches that cannot be read are an error. Other parts that cannot be read are a remark in each sample; an
    /// error where nothing else was asked for, as an empty table says nothing.
    pub fn with_parts(root: &Path, parts: Parts) -> Result<Self> {
        Self::opened_by(root, parts, |path| File::open(path))
    }

    fn opened_by(root: &Path, parts: Parts, open: Opener) -> Result<Self> {
        let files = Files::new(root, open);
        let part = |wanted: bool, name: &str, absent: Absent| {
            if !wanted {
                return (Part::Off, None);
            }
            match files.open(name) {
                Ok(file) => (Part::On(file), None),
                Err(error) => {
                    // Most kernels have no allocation profiling: `poolmon doctor` says so, not every sample.
                    let usual = error.kind() == ErrorKind::NotFound && name == "proc/allocinfo";
                    let error = failed("open", &files.path(name), error, absent);
                    (if usual { Part::Off } else { Part::Missing(remark(&error)) }, Some(error))
                }
            }
        };
        let (slab, error) = part(parts.slab, "proc/slabinfo", NO_SLABINFO);
        if let Some(error) = error {
            return Err(error);
        }
        let (vmalloc, vmalloc_error) = part(parts.vmalloc, "proc/vmallocinfo", NO_VMALLOCINFO);
        let (callsites, callsites_error) = part(parts.callsites, "proc/allocinfo", NO_ALLOCINFO);
        let mut origin = system::origin(&files);
        for (part, pools) in [
            (&slab, [Pool::Reclaimable, Pool::Unreclaimable].as_slice()),
            (&vmalloc, &[Pool::Vmalloc]),
            (&callsites, &[Pool::CallSite]),
        ] {
            if matches!(part, Part::On(_)) {
                origin.pools.extend_from_slice(pools);
            }
        }
        if origin.pools.is_empty()
            && let Some(error) = vmalloc_error.or(callsites_error)
        {
            return Err(error);
        }
        Ok(Self {
            origin: Arc::new(origin),
            empty_caches: parts.empty_caches,
            page_size: system::page_size(&files),
            slab,
            vmalloc,
            callsites,
            meminfo: files.open("proc/meminfo").ok(),
            vmstat: files.open("proc/vmstat").ok(),
            uptime: files.open("proc/uptime").ok(),
            modules: files.open("proc/modules").ok(),
            sysfs: SlabDirectory::new(files.path("sys/kernel/slab")),
            drop_caches: files.path("proc/sys/vm/drop_caches"),
            caches: Names::default(),
            callers: Names::default(),
            places: Names::default(),
            buffer: Vec::new(),
            key: Vec::new(),
            areas: KeptAreas { kept: parts.vmalloc_kept, ..KeptAreas::default() },
        })
    }

    fn slab_rows(&mut self, sample: &mut Sample) -> Result<()> {
        let Part::On(file) = &self.slab else { return Ok(()) };
        let text = file.text(&mut self.buffer)?;
        if !slab::is_slabinfo(text) {
            return Err(SourceError::Malformed {
                path: file.path.display().to_string(),
                place: "line 1".into(),
                problem: format!("expected `slabinfo - version: 2.x`, found {}", start_of(text)),
                remedy: "the kernel is older than 2.6.10 or the file is not the kernel's own".into(),
            });
        }
        let before = sample.rows.len();
        let unread = slab::append(
            text,
            self.page_size,
            self.empty_caches,
            &mut self.caches,
            |name| self.sysfs.pool(name),
            &mut sample.rows,
        );
        if sample.rows.len() == before {
            return Err(SourceError::Malformed {
                path: file.path.display().to_string(),
                place: "every line".into(),
                problem: format!(
                    "it lists no cache that can be read ({} lines are not understood)",
                    unread.lines
                ),
                remedy: "a container may hide the host's caches: run on the host, or try `poolmon demo`"
                    .into(),
            });
        }
        unread.remark(&file.path, &mut sample.remarks);
        let unsure = self.caches.unsure();
        if unsure > 0 {
            let caches = if unsure == 1 { "cache" } else { "caches" };
            sample.remarks.push(format!(
                "{}: whether {unsure} {caches} can be shrunk is unknown; shown as unreclaimable",
                self.sysfs.path().display()
            ));
        }
        Ok(())
    }

    fn vmalloc_rows(&mut self, sample: &mut Sample) {
        let file = match &self.vmalloc {
            Part::Off => return,
            Part::Missing(why) => return sample.remarks.push(why.clone()),
            Part::On(file) => file,
        };
        let (now, used) = (Instant::now(), sample.header.vmalloc_used);
        if self.areas.hold(now, used) {
            return sample.rows.extend_from_slice(&self.areas.rows);
        }
        self.areas.read = None;
        match file.text(&mut self.buffer) {
            Ok(text) => {
                let before = sample.rows.len();
                let remarks = sample.remarks.len();
                vmalloc::append(text, self.page_size, &mut self.callers, &mut self.key, &mut sample.rows)
                    .remark(&file.path, &mut sample.remarks);
                // A remark belongs to the sample that it was made for.
                if !self.areas.kept.is_zero() && sample.remarks.len() == remarks {
                    self.areas.rows.clear();
                    self.areas.rows.extend_from_slice(sample.rows.get(before..).unwrap_or_default());
                    self.areas.read = used.map(|used| (now, used));
                }
            }
            Err(error) => sample.remarks.push(remark(&error)),
        }
    }

    fn callsite_rows(&mut self, sample: &mut Sample) {
        let file = match &self.callsites {
            Part::Off => return,
            Part::Missing(why) => return sample.remarks.push(why.clone()),
            Part::On(file) => file,
        };
        let path = file.path.display();
        let text = match file.text(&mut self.buffer) {
            Ok(text) => text,
            Err(error) => return sample.remarks.push(remark(&error)),
        };
        if !allocinfo::is_allocinfo(text) {
            let found = start_of(text);
            let why = format!(
                "{path}: expected `allocinfo - version: 1.x` or `2.x`, found {found}; no call sites are shown"
            );
            return sample.remarks.push(why);
        }
        let before = sample.rows.len();
        allocinfo::append(text, &mut self.places, &mut sample.rows).remark(&file.path, &mut sample.remarks);
        if sample.rows.len() == before {
            let why =
                format!("{path}: no call site holds memory; is profiling on? (sysctl vm.mem_profiling=1)");
            sample.remarks.push(why);
        }
    }

    fn header(&mut self, sample: &mut Sample) {
        if let Some(file) = &self.meminfo
            && let Ok(text) = file.read(&mut self.buffer)
        {
            meminfo::memory(text, &mut sample.header);
        }
        if let Some(file) = &self.vmstat
            && let Ok(text) = file.read(&mut self.buffer)
        {
            sample.header.page_faults = meminfo::page_faults(text);
        }
        if let Some(file) = &self.uptime
            && let Ok(text) = file.read(&mut self.buffer)
        {
            sample.uptime = meminfo::uptime(text);
        }
    }
}

/// An error as a remark: one line.
fn remark(error: &SourceError) -> String {
    error.in_one_line()
}

/// The start of a text, as it can be shown to a person.
fn start_of(text: &[u8]) -> String {
    let line = bytes::lines(text).next().unwrap_or_default();
    let line = String::from_utf8_lossy(line.get(..60).unwrap_or(line));
    if line.is_empty() { "nothing".into() } else { format!("`{}`", line.escape_debug()) }
}

impl Source for LinuxSource {
    fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    fn sample_into(&mut self, sample: &mut Sample) -> Result<()> {
        sample.clear();
        sample.width = CounterWidth::Bits64;
        if !Arc::ptr_eq(&sample.origin, &self.origin) {
            sample.origin = Arc::clone(&self.origin);
        }
        self.header(sample);
        self.slab_rows(sample)?;
        self.vmalloc_rows(sample);
        self.callsite_rows(sample);
        sample.time = Some(Timestamp::now());
        Ok(())
    }

    fn facts(&mut self, tag: &Tag, pool: Pool) -> Vec<Fact> {
        let Tag::Name(name) = tag else { return Vec::new() };
        let part = match pool {
            Pool::Reclaimable | Pool::Unreclaimable => &self.slab,
            Pool::Vmalloc => &self.vmalloc,
            _ => return Vec::new(),
        };
        let Part::On(file) = part else { return Vec::new() };
        let text = file.read(&mut self.buffer).unwrap_or_default();
        if pool == Pool::Vmalloc {
            return facts::vmalloc(text, name);
        }
        let mut facts = facts::slab(text, name);
        facts.extend(self.sysfs.facts(name));
        facts
    }

    fn count_each(&mut self) -> Result<bool> {
        if matches!(self.slab, Part::On(_)) {
            shrink::drop_caches(&self.drop_caches)?;
            shrink::all(self.sysfs.path())?;
        }
        Ok(true)
    }

    fn merged(&self) -> Vec<Vec<String>> {
        self.sysfs.merged()
    }

    fn modules(&mut self) -> Option<Vec<LoadedModule>> {
        // A kernel without loadable modules has no such file.
        self.modules.as_ref()?.read(&mut self.buffer).ok().map(modules::loaded)
    }
}

#[cfg(test)]
mod tests;
