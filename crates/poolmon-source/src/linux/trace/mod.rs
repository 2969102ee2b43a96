//! Tracing a slab cache of a live kernel, through the tracepoints of its allocator.
//!
//! In this order:
//!
//! 1. [`target`]: which cache, and what shares it; `sites.rs`: lines of the source, and what grew there;
//! 2. `tracefs.rs`, `format.rs`: what this kernel's tracepoints look like; `plan.rs`: which of them are opened, with which filter;
//! 3. `calls.rs`: `perf_event_open` and its ring, the only `unsafe`; `rings.rs`: all of them, for all processors;
//! 4. `record.rs`: a record as an event of `poolmon-trace`;
//! 5. `modules.rs`: names of code whose module was unloaded meanwhile;
//! 6. here: [`LinuxCapture`], which names stacks and processes in the end, and compares with `/proc/slabinfo`.

mod calls;
pub mod format;
mod modules;
pub mod plan;
pub mod record;
mod rings;
mod sites;
pub mod target;
mod tracefs;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use poolmon_model::units::{counted, human_bytes};
use poolmon_trace::{About, Ending, Engine, Growth, Kallsyms, Stacks, Subject, Symbols};
use rustix::time::{ClockId, clock_gettime};

use self::modules::ModulePlaces;
use self::rings::Rings;
use self::sites::Site;
use self::target::{RowState, Target};
use super::files::{Files, failed};
use super::system;
use crate::trace::{Capture, Drained};
use crate::{Result, SourceError};

/// What the kernel takes for a record, in nanoseconds: measured on Linux 6.18, an allocation with its stack and its free take 1,380
/// together.
const KERNEL_COST: u64 = 700;

/// Processes that are named: at most these in all, and at each look.
const TASKS: usize = 4_096;
const TASKS_AT_ONCE: usize = 16;

/// Lines of the source that are named.
const SITES: usize = 3;

/// A live kernel's tracepoints.
#[derive(Debug)]
pub struct LinuxCapture {
    /// Where the kernel's files are.
    root: PathBuf,
    about: About,
    target: Target,
    rings: Rings,
    /// The modules when it began.
    modules: ModulePlaces,
    /// What each line of the source held, and which grew.
    sites: Vec<Site>,
    grown: Vec<(Site, u64, u64)>,
    before: RowState,
    after: Option<RowState>,
    start: u64,
    worked: u64,
    /// Lost records that were reported.
    lost: u64,
    /// Lost records in all, known at the end.
    lost_at_end: u64,
    tasks: BTreeMap<u32, Option<String>>,
}

impl LinuxCapture {
    /// Prepares to trace a cache, or several together; `frames` of each stack are kept.
    ///
    /// # Errors
    ///
    /// There is no such cache, no tracepoints, or no right to use them.
    pub fn open(caches: &[&str], frames: u16) -> Result<Self> {
        Self::open_at(Path::new("/"), caches, frames)
    }

    /// The same of a kernel whose files, those of its tracepoints aside, are below `root`.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn open_at(root: &Path, caches: &[&str], frames: u16) -> Result<Self> {
        // First of all: without rights, what else is missing is of no use.
        let formats = tracefs::formats(plan::EVENTS).map_err(|error| by_name(error, caches))?;
        let target = Target::find_all(root, caches)?;
        let planned = plan::plan(&target, &formats, root.join("sys/kernel/slab/kmalloc-cg-64").exists())?;
        let mut remarks = Vec::new();
        if target.is_reclaimable(root) {
            remarks.push(
                "the kernel frees objects of this cache when memory runs short: growth alone is no leak"
                    .to_owned(),
            );
        }
        let is_named = |kind: &target::TargetKind| matches!(kind, target::TargetKind::Named { .. });
        if target.kinds.iter().any(is_named) && !plan::is_by_name(&planned) {
            remarks.push(
                "this kernel's events do not name the cache (Linux 6.1 and later do): objects of other caches of the same size count, too"
                    .to_owned(),
            );
        }
        let rings = Rings::open(&planned, frames).map_err(|error| by_name(error, caches))?;
        let files = Files::new(root, |path| fs::File::open(path));
        let origin = system::origin(&files);
        let subject = match &target.kinds[..] {
            [target::TargetKind::Outside(outside)] => outside.subject(),
            [target::TargetKind::Site { .. }] => Subject::CallSite,
            [_, _, ..] => Subject::Caches,
            _ => Subject::Cache,
        };
        let about = About {
            subject,
            target: target.name.clone(),
            sharing: target.sharing.clone(),
            host: origin.host.clone(),
            system: origin.system.clone(),
            started: Some(Timestamp::now().to_string()),
            start: 0,
            remarks,
        };
        let before = RowState::default();
        Ok(Self {
            root: root.to_owned(),
            about,
            target,
            rings,
            modules: ModulePlaces::default(),
            sites: Vec::new(),
            grown: Vec::new(),
            before,
            after: None,
            start: 0,
            worked: 0,
            lost: 0,
            lost_at_end: 0,
            tasks: BTreeMap::new(),
        })
    }

    fn module_places(&self) -> ModulePlaces {
        ModulePlaces::parse(&fs::read_to_string(self.root.join("proc/modules")).unwrap_or_default())
    }

    /// The lines of the source that may explain what the cache grew by, if the kernel counts them.
    fn grown_sites(&self, growth: Option<Growth>) -> Option<String> {
        let grown = u64::try_from(growth?.bytes).ok()?;
        let is_cache = !matches!(self.target.kinds[..], [target::TargetKind::Site { .. }]);
        let large = self.grown.iter().filter(|(_, bytes, _)| *bytes >= (grown / 10).max(1));
        let large: Vec<&(Site, u64, u64)> = large.take(SITES).filter(|_| is_cache && grown > 0).collect();
        let (first, ..) = large.first()?;
        let each = large.iter().map(|(site, bytes, calls)| {
            format!("{} +{} in {}", site.name(), human_bytes(*bytes), counted(*calls, "object"))
        });
        Some(format!(
            "source lines that grew meanwhile, in whatever cache: {}; trace one with: poolmon trace {}:{}",
            each.collect::<Vec<_>>().join(", "),
            first.file,
            first.line
        ))
    }

    fn see_tasks(&mut self, seen: &[u32]) {
        let new: Vec<u32> = seen.iter().copied().filter(|task| !self.tasks.contains_key(task)).collect();
        for task in new.into_iter().take(TASKS_AT_ONCE) {
            if task != 0 && self.tasks.len() < TASKS {
                let name = fs::read_to_string(format!("/proc/{task}/comm")).ok();
                self.tasks.insert(task, name.map(|name| name.trim().to_owned()));
            }
        }
    }
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let (seconds, rest) = (time.tv_sec.cast_unsigned(), time.tv_nsec.cast_unsigned());
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

impl Capture for LinuxCapture {
    fn about(&self) -> &About {
        &self.about
    }

    fn start(&mut self) -> Result<u64> {
        self.rings.switch(true)?;
        self.before = RowState::read(&self.root, &self.target)?;
        self.modules = self.module_places();
        // What cannot be read here is not needed.
        self.sites = sites::read(&self.root, None).ok().flatten().unwrap_or_default();
        self.start = nanoseconds(ClockId::Monotonic);
        self.worked = nanoseconds(ClockId::ThreadCPUTime);
        Ok(self.start)
    }

    fn drain(&mut self, patience: Duration, engine: &mut Engine) -> Result<Drained> {
        if !patience.is_zero() {
            self.rings.wait(patience)?;
        }
        // A record that an interrupt found half written has its time already; it is there at the next look.
        let complete = nanoseconds(ClockId::Monotonic).saturating_sub(2_000_000);
        let read = self.rings.read(self.start, engine)?;
        self.see_tasks(&read.tasks);
        let worked = nanoseconds(ClockId::ThreadCPUTime);
        let own = worked.saturating_sub(std::mem::replace(&mut self.worked, worked));
        let cost = Duration::from_nanos(own.saturating_add(read.events.saturating_mul(KERNEL_COST)));
        let now = nanoseconds(ClockId::Monotonic);
        // A ring says what it lost with the next record that finds room; at the end there is none.
        let lost = read.lost.max(self.lost_at_end.saturating_sub(self.lost));
        self.lost += lost;
        Ok(Drained { now, complete, events: read.events, lost, cost })
    }

    fn stop(&mut self) -> Result<u64> {
        let end = nanoseconds(ClockId::Monotonic);
        self.after = Some(RowState::read(&self.root, &self.target)?);
        let sites = sites::read(&self.root, None).ok().flatten().unwrap_or_default();
        self.grown = sites::grown(&self.sites, sites);
        self.rings.switch(false)?;
        self.lost_at_end = self.rings.lost().unwrap_or(0);
        Ok(end)
    }

    fn describe(&mut self, stacks: &Stacks, ending: &mut Ending) {
        ending.growth = self.after.and_then(|after| self.before.until(after));
        ending.remarks.extend(self.grown_sites(ending.growth));
        let named = self.tasks.iter().filter_map(|(task, name)| Some((*task, name.clone()?)));
        ending.tasks = named.collect();
        let text = fs::read_to_string(self.root.join("proc/kallsyms")).unwrap_or_default();
        let symbols = Kallsyms::parse(&text);
        if symbols.are_hidden() {
            ending.remarks.push(
                "the kernel hides its symbols, so stacks are addresses: run as root with `sysctl kernel.kptr_restrict=1`"
                    .to_owned(),
            );
            return;
        }
        let ids = (1..stacks.len()).filter_map(|number| u32::try_from(number).ok());
        let frames =
            ids.flat_map(|number| stacks.frames(poolmon_trace::StackId::from_number(number)).iter().copied());
        let after = self.module_places();
        let named = frames.filter_map(|frame| {
            modules::symbol(frame, &symbols, &self.modules, &after).map(|symbol| (frame, symbol))
        });
        ending.symbols = named.collect::<Symbols>().sorted();
    }
}

/// A remedy that names a trace names this one, if its name can be pasted into a shell as it is.
fn by_name(error: SourceError, caches: &[&str]) -> SourceError {
    let is_plain = |cache: &&str| cache.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:/".contains(c));
    match error {
        SourceError::Rights { what, remedy } if caches.iter().all(is_plain) => {
            let remedy = remedy.replace("trace ...", &format!("trace {}", caches.join(" ")));
            SourceError::Rights { what, remedy }
        }
        other => other,
    }
}

/// What a refusal of `perf_event_open` means.
fn refused(event: &str, error: std::io::Error) -> SourceError {
    match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => tracefs::rights(),
        Some(libc::EMFILE | libc::ENFILE) => SourceError::Unavailable {
            what: format!("the tracepoint {event}"),
            why: "this process may not open enough files for all processors".into(),
            remedy: "raise the limit first: ulimit -n 65536".into(),
        },
        Some(libc::ENOSYS) => SourceError::Unavailable {
            what: format!("the tracepoint {event}"),
            why: "the kernel was built without CONFIG_PERF_EVENTS, or a container forbids perf_event_open"
                .into(),
            remedy: "run on the host rather than in a container".into(),
        },
        _ => failed("open", Path::new(event), error, ("", "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolmon_model::problem::Remedy as _;

    #[test]
    fn the_remedy_for_missing_rights_is_this_very_command() {
        let remedy = |caches: &[&str]| by_name(tracefs::rights(), caches).remedy().unwrap();
        assert!(remedy(&["filp", "kmalloc-64"]).contains(": sudo poolmon trace filp kmalloc-64\n"));
        assert!(remedy(&["a'b"]).contains(": sudo poolmon trace ...\n"), "nothing that a shell reads");
    }
}
