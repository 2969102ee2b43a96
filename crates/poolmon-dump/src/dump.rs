//! A dump, opened: what every command asks.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use poolmon_image::Machine;
use poolmon_image::bytes::u32_at;
use poolmon_model::hidden::SafeString;
use poolmon_model::{CounterWidth, Header as SampleHeader, Origin, Pool, PoolTag, Sample, SourceKind};

use crate::bigpool::{self, BigPool};
use crate::container::header::DumpHeader;
use crate::container::packed::{self, UNPACK_LIMIT, Unpack};
use crate::container::{self, Container};
use crate::error::{COPY_AGAIN, DumpError, Result, WANT_KERNEL_DUMP};
use crate::exports::Exports;
use crate::find::{self, FindReport, Needle};
use crate::info::{AnswerableQuestions, DumpInfo};
use crate::kdbg::KernelData;
use crate::kernel::{self, Shared};
use crate::locate;
use crate::map::Backing;
use crate::memory::{AbsentPages, Memory};
use crate::modules::{self, LoadedModule, ModuleList, UnloadedDriver, filetime};
use crate::paging::{Absent, PagingForm, Translation};
use crate::pe::{ImageDetails, PdbId};
use crate::symbols::{SymbolPlaces, Symbols};
use crate::tracker::{self, PoolUsed};

/// An opened dump. Everything is read when it is asked for; opening costs the same at every size.
pub struct Dump {
    path: PathBuf,
    container: Container,
    header: Option<DumpHeader>,
    data: Option<KernelData>,
    processors: Option<u32>,
    memory: Memory,
    warnings: Vec<String>,
    places: Option<SymbolPlaces>,
}

/// The image of a module as it stood in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryImage {
    /// All its bytes in memory layout; absent pages are zeros and are listed in `holes`.
    pub bytes: Vec<u8>,
    /// Offset and length of what is absent.
    pub holes: Vec<(u32, u32)>,
    /// How many pages are absent, and why.
    pub absent: AbsentPages,
}

impl std::fmt::Debug for Dump {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dump")
            .field("path", &self.path)
            .field("container", &self.container)
            .finish_non_exhaustive()
    }
}

impl Dump {
    /// Opens a dump. A packed one is unpacked into the system's temporary folder first, in silence.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, Unpack { folder: None, limit: UNPACK_LIMIT, progress: &mut |_, _, _| true })
    }

    /// Opens a dump; says where a packed one goes and hears how far it is.
    pub fn open_with(path: impl AsRef<Path>, mut unpack: Unpack<'_>) -> Result<Self> {
        let path = path.as_ref();
        let mut file = opened(path)?;
        let Some(plain) = packed::unpack(path, &mut file, &mut unpack)? else {
            return Self::new(path, Backing::map(path, file)?);
        };
        Self::new(path, Backing::map(path, plain)?).map_err(|error| match error {
            DumpError::NotADump { why, .. } if why == container::NO_HEADER => DumpError::OtherPacked {
                path: path.to_path_buf(),
                remedy: packed::unpack_by_hand(path, &mut file),
            },
            other => other,
        })
    }

    /// Takes a dump that is already in memory. It cannot be a packed one. `name` is for messages.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self> {
        let path = Path::new(name);
        if packed::is_packed(&bytes) {
            return Err(DumpError::NotADump {
                path: path.to_path_buf(),
                why: "it is packed".into(),
                remedy: "open it as a file".into(),
            });
        }
        Self::new(path, Backing::owned(bytes))
    }

    fn new(path: &Path, backing: Backing) -> Result<Self> {
        let opened = container::open(path, backing.bytes())?;
        let mut memory = Memory::new(backing, opened.map, opened.triage);
        let mut warnings = opened.warnings;
        let mut processors = opened.header.as_ref().map(|header| header.processors).or(opened.processors);
        let data = match (&opened.header, opened.container) {
            (Some(header), Container::Triage) => {
                memory.set_narrow(!header.is_64);
                triage_data(&memory)
            }
            (Some(_), Container::HeaderOnly) => None,
            (Some(header), _) => {
                let data = locate::by_header(&mut memory, header);
                if data.is_none() {
                    warnings.push(format!("{}: pool tables cannot be found", no_kernel(&memory)));
                }
                data
            }
            (None, _) => {
                let found = locate::by_search(path, &mut memory, &opened.roots);
                let data = found.map_err(|error| error.because(&warnings))?;
                processors = data.processors(&memory).or(processors);
                processors = processors.or_else(|| Shared::of(&memory).processors());
                Some(data)
            }
        };
        Ok(Self {
            path: path.to_path_buf(),
            container: opened.container,
            header: opened.header,
            data,
            processors,
            memory,
            warnings,
            places: None,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Kind of file.
    pub const fn container(&self) -> Container {
        self.container
    }

    /// The header, if the file has one.
    pub const fn header(&self) -> Option<&DumpHeader> {
        self.header.as_ref()
    }

    /// The kernel debugger block, if it was found.
    pub const fn kernel_data(&self) -> Option<&KernelData> {
        self.data.as_ref()
    }

    /// Windows build; 0 if it is unknown.
    fn build(&self) -> u32 {
        let reported = self.header.as_ref().map(|header| header.build).filter(|&build| build != 0);
        reported
            .or_else(|| {
                // `19041.1.amd64fre.vb_release…` starts with it; older kernels say `7601.win7sp1…`.
                let text = self.data.as_ref()?.build_text(&self.memory)?;
                text.split('.').next()?.parse().ok()
            })
            .or_else(|| Shared::of(&self.memory).build())
            .unwrap_or(0)
    }

    /// The system has addresses of 32 bits.
    pub fn is_narrow(&self) -> bool {
        self.machine() == Some(Machine::X86)
    }

    /// What is wrong with the file as a whole: parts of it are missing or contradict each other.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn machine(&self) -> Option<Machine> {
        self.header.as_ref().and_then(DumpHeader::machine).or_else(|| {
            Some(match self.memory.walker()?.form {
                PagingForm::X64 | PagingForm::X64Five => Machine::X64,
                PagingForm::X86 | PagingForm::X86Pae => Machine::X86,
                PagingForm::Arm64 => Machine::Arm64,
            })
        })
    }

    /// What the dump is, and what it can answer.
    pub fn info(&self) -> DumpInfo {
        let header = self.header.as_ref();
        let (time, uptime) = self.times();
        let pages = if self.memory.triage.is_some() { 0 } else { self.memory.map.pages() };
        let mut warnings = self.warnings.clone();
        let counted = self.data.as_ref().and_then(|data| data.processors(&self.memory));
        if let (Some(reported), Some(counted)) = (header.map(|header| header.processors), counted)
            && reported != counted
        {
            warnings.push(format!("the header gives {reported} processors, the kernel's own list {counted}"));
        }
        DumpInfo {
            container: self.container,
            dump_type: header.map(|header| header.dump_type),
            machine: self.machine(),
            paging: self.memory.walker().map(|walker| walker.form),
            build: Some(self.build().max(self.switched_build())).filter(|&build| build != 0),
            build_text: self.data.as_ref().and_then(|data| data.build_text(&self.memory)),
            product_type: header.and_then(|header| header.product_type),
            time,
            uptime,
            processors: self.processors,
            bugcheck: self.bugcheck(),
            exception: header.and_then(|header| header.exception),
            kernel_version: self.kernel_version(),
            pages,
            memory: self.memory_size(),
            file_size: self.memory.file().len() as u64,
            kernel_base: self.data.as_ref().map(|data| self.memory.address(data.kernel_base)),
            comment: header.and_then(|header| header.comment.clone()),
            answers: self.answers(),
            warnings,
        }
    }

    fn answers(&self) -> AnswerableQuestions {
        let no_pages = self.no_pages().map(|(_, why)| why);
        let tables = match (&no_pages, &self.data) {
            (Some(why), _) => Err(why.clone()),
            (None, None) => Err(no_kernel(&self.memory).to_owned()),
            (None, Some(_)) => Ok(()),
        };
        // A file that was cut may have lost the list that it says it has.
        let modules = match (self.container, self.module_list()) {
            (Container::HeaderOnly, _) => Err("it is a header without memory".to_owned()),
            (_, Ok(_)) => Ok(()),
            (_, Err(DumpError::Unanswerable { why, .. })) => Err(why),
            (_, Err(error)) => Err(error.to_string()),
        };
        AnswerableQuestions {
            pool_used: tables.clone(),
            modules,
            find: no_pages.map_or(Ok(()), Err),
            big_pool: tables,
        }
    }

    /// Why there is no memory to look at: what was asked for, and the reason.
    fn no_pages(&self) -> Option<(&'static str, String)> {
        match self.container {
            Container::Triage => Some((
                "pool tables are not in this file",
                "it is a triage dump (small memory dump), which contains the crashing thread and the list of \
                    drivers, but not the pools or the drivers' code"
                    .to_owned(),
            )),
            Container::HeaderOnly => {
                Some(("pool tables are not in this file", "it is a header without memory".to_owned()))
            }
            _ => None,
        }
    }

    fn bugcheck(&self) -> Option<(u32, [u64; 4])> {
        if let Some(header) = &self.header {
            return Some((header.bugcheck, header.parameters));
        }
        let data = self.data.as_ref().filter(|data| data.bugcheck_data != 0)?;
        let step = self.memory.pointer() as u64;
        let code = self.memory.u32(data.bugcheck_data).ok().filter(|&code| code != 0)?;
        let mut parameters = [0; 4];
        for (at, parameter) in (1..).zip(&mut parameters) {
            *parameter = self.memory.pointer_at(data.bugcheck_data.wrapping_add(at * step)).ok()?;
        }
        Some((code, parameters))
    }

    /// When the dump was taken, and how long the system ran: from the header, else from the page that the kernel shares
    /// with every process.
    fn times(&self) -> (Option<jiff::Timestamp>, Option<Duration>) {
        let ticks = |ticks: u64| Duration::from_nanos(ticks.saturating_mul(100));
        if let Some(header) = &self.header {
            return (header.system_time.and_then(filetime), header.up_time.map(ticks));
        }
        let shared = Shared::of(&self.memory);
        (shared.time(0x14).and_then(filetime), shared.time(8).map(ticks))
    }

    /// The build that the system calls itself, if it is a release that a switch makes of the kernel's (19045 of 19041).
    fn switched_build(&self) -> u32 {
        let known = Shared::of(&self.memory).build().filter(|_| self.build() >= 10_240);
        known.filter(|&known| known - self.build().min(known) < 200).unwrap_or(0)
    }

    /// File version of the kernel.
    fn kernel_version(&self) -> Option<String> {
        ImageDetails::read(&self.memory, self.data.as_ref()?.kernel_base).version
    }

    /// Physical memory of the machine in bytes.
    fn memory_size(&self) -> Option<u64> {
        let counted =
            self.data.as_ref().and_then(|data| KernelData::pages(&self.memory, data.physical_pages));
        counted.or_else(|| Shared::of(&self.memory).memory())
    }

    /// The pool table, summed over all processors.
    pub fn pool_used(&self) -> Result<PoolUsed> {
        let data = self.tables("pool table")?;
        let (time, uptime) = self.times();
        let build = self.build();
        let mut origin = Origin::new(SourceKind::Dump, &[Pool::Nonpaged, Pool::Paged]);
        origin.file = Some(self.path.display().to_string());
        origin.system = system_version(build);
        origin.boot = self.boot(time, uptime);
        let mut sample = Sample::new(Arc::new(origin), CounterWidth::Bits64);
        sample.time = time;
        sample.uptime = uptime;
        let pages = |variable| KernelData::pages(&self.memory, variable);
        sample.header = SampleHeader {
            memory_total: self.memory_size(),
            memory_available: pages(data.available),
            commit: pages(data.committed),
            commit_limit: pages(data.commit_limit),
            ..SampleHeader::default()
        };
        let known = tracker::TrackerHints {
            build,
            processors: self.processors.unwrap_or(0),
            places: self.places.clone(),
        };
        let mut used = tracker::pool_used(&self.memory, data, &known, sample)?;
        // A damaged container is a reason for wrong figures, too.
        used.warnings.extend(self.warnings.iter().cloned());
        used.sample.remarks.extend(self.warnings.iter().cloned());
        Ok(used)
    }

    /// What distinguishes this boot from others: the kernel's number of the boot, else the minute of it.
    fn boot(&self, time: Option<jiff::Timestamp>, uptime: Option<Duration>) -> Option<String> {
        if let Some(boot) = self.header.as_ref().and_then(|header| header.boot_id) {
            return Some(format!("boot {boot}"));
        }
        let seconds = time?.as_second() - i64::try_from(uptime?.as_secs()).ok()?;
        Some(format!("booted {}", jiff::Timestamp::from_second(seconds / 60 * 60).ok()?))
    }

    /// The debugger block, or why there can be no tables.
    fn tables(&self, what: &'static str) -> Result<&KernelData> {
        if let Some((what, why)) = self.no_pages() {
            return Err(DumpError::Unanswerable { what, why, remedy: WANT_KERNEL_DUMP });
        }
        self.data.as_ref().ok_or_else(|| DumpError::Unanswerable {
            what,
            why: no_kernel(&self.memory).into(),
            remedy: COPY_AGAIN,
        })
    }

    /// Loaded modules, in the order of loading, and what is wrong with their list.
    pub fn module_list(&self) -> Result<ModuleList> {
        if let Some(triage) = &self.memory.triage {
            let modules = triage.modules(self.memory.file())?;
            return Ok(ModuleList { modules, warnings: Vec::new() });
        }
        let head = self.header.as_ref().map(|header| header.module_list).filter(|&head| head != 0);
        let own = self.data.as_ref().map(|data| data.module_list).filter(|&head| head != 0);
        let Some(head) = head.or(own) else {
            let (why, remedy) = match (self.container, &self.data) {
                (Container::HeaderOnly, _) => ("the file is a header without memory", WANT_KERNEL_DUMP),
                (_, None) => (no_kernel(&self.memory), COPY_AGAIN),
                _ => ("no list of them was found in the kernel's data", COPY_AGAIN),
            };
            return Err(DumpError::Unanswerable { what: "loaded modules", why: why.into(), remedy });
        };
        let mut list = modules::list(&self.memory, head, self.build());
        if list.modules.is_empty()
            && let Some(own) = own.filter(|&own| own != head)
        {
            list = modules::list(&self.memory, own, self.build());
        }
        if list.modules.is_empty() {
            return Err(DumpError::Absent {
                what: "list of loaded modules",
                address: head,
                why: list.warnings.pop().unwrap_or_else(|| "it is empty".into()),
                remedy: WANT_KERNEL_DUMP,
            });
        }
        Ok(list)
    }

    /// Loaded modules, in the order of loading.
    pub fn modules(&self) -> Result<Vec<LoadedModule>> {
        self.module_list().map(|list| list.modules)
    }

    /// Drivers that were unloaded.
    pub fn unloaded_modules(&self) -> Vec<UnloadedDriver> {
        if let Some(triage) = &self.memory.triage {
            return triage.unloaded(self.memory.file());
        }
        let variable = self.data.as_ref().map_or(0, |data| data.unloaded_drivers);
        if variable == 0 { Vec::new() } else { modules::unloaded(&self.memory, variable) }
    }

    /// The module that an address lies in (`lm a`).
    pub fn module_at(&self, address: u64) -> Result<Option<LoadedModule>> {
        let address = self.memory.address(address);
        Ok(self.modules()?.into_iter().find(|module| module.contains(address)))
    }

    /// Header, PDB and version of a module, as far as its pages are in the dump.
    pub fn module_details(&self, module: &LoadedModule) -> ImageDetails {
        ImageDetails::read(&self.memory, module.base)
    }

    /// The whole image of a module; `None` if no page of it is in the dump, or where it is larger than 128 MiB.
    pub fn module_image(&self, module: &LoadedModule) -> Option<MemoryImage> {
        let size = usize::try_from(module.size).ok().filter(|&size| size <= 128 << 20)?;
        let mut image = MemoryImage { bytes: Vec::new(), holes: Vec::new(), absent: AbsentPages::default() };
        let mut at = 0;
        let mut any = false;
        while at < size {
            let left = size - at;
            match self.memory.page(module.base.wrapping_add(at as u64)) {
                Ok(page) => {
                    let page = page.get(..left.min(page.len())).unwrap_or(page);
                    image.bytes.resize(at, 0);
                    image.bytes.extend_from_slice(page);
                    any = true;
                    at += page.len().max(1);
                }
                Err(hole) => {
                    let n = left.min(0x1000);
                    image.absent.add(hole.why, 1);
                    let start = u32::try_from(at).unwrap_or(u32::MAX);
                    match image.holes.last_mut() {
                        Some(last) if last.0 + last.1 == start => last.1 += 0x1000,
                        _ => image.holes.push((start, 0x1000)),
                    }
                    at += n;
                }
            }
        }
        image.bytes.resize(size, 0);
        any.then_some(image)
    }

    /// The names of functions by their addresses.
    pub fn exports<'a>(&'a self, modules: &'a [LoadedModule]) -> Exports<'a> {
        Exports::new(&self.memory, modules)
    }

    /// Searches all loaded modules (`!for_each_module s -a`).
    pub fn find(&self, needle: &Needle, progress: &mut find::Progress<'_>) -> Result<FindReport> {
        if let Some((_, why)) = self.no_pages() {
            return Err(DumpError::Unanswerable {
                what: "the drivers' code is not in this file",
                why,
                remedy: WANT_KERNEL_DUMP,
            });
        }
        Ok(find::find(&self.memory, &self.modules()?, needle, progress))
    }

    /// Large allocations, of one tag or of all.
    pub fn big_pool(&self, tag: Option<PoolTag>) -> Result<BigPool> {
        let data = self.tables("table of large allocations")?;
        bigpool::big_pool(&self.memory, data, self.build(), self.places.as_ref(), tag)
    }

    /// The symbol file that the kernel's image names, where that page is in the dump.
    pub fn kernel_pdb(&self) -> Option<PdbId> {
        ImageDetails::read(&self.memory, self.data.as_ref()?.kernel_base).pdb
    }

    /// Compares the pool tables with these symbols of the kernel from now on.
    pub fn use_symbols(&mut self, symbols: &dyn Symbols) {
        if let Some(data) = &self.data {
            self.places = Some(SymbolPlaces::new(symbols, &self.memory, data.kernel_base));
        }
    }

    /// Translates a virtual address.
    pub fn translate(&self, address: u64) -> std::result::Result<Translation, Absent> {
        self.memory.translate(address).map_err(|hole| hole.why)
    }

    /// Reads virtual memory; fails where any of it is absent.
    pub fn read_virtual(&self, address: u64, to: &mut [u8]) -> std::result::Result<(), Absent> {
        self.memory.read(address, to)
    }

    /// Reads physical memory; fails where any of it is not in the dump.
    pub fn read_physical(&self, address: u64, to: &mut [u8]) -> std::result::Result<(), Absent> {
        let mut done = 0;
        while let Some(rest) = to.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let from = self.memory.physical(address.wrapping_add(done as u64)).ok_or(Absent::NotInDump)?;
            let n = from.len().min(rest.len());
            for (to, from) in rest.iter_mut().zip(from) {
                *to = *from;
            }
            done += n;
        }
        Ok(())
    }

    /// Calls back with every stretch of physical memory in the dump (address, bytes) until it answers `false`.
    pub fn each_physical_range(&self, mut each: impl FnMut(u64, u64) -> bool) {
        const PAGE: u64 = container::runs::PAGE;
        self.memory.map.each_run(self.memory.file(), |run| {
            each(run.pfn.saturating_mul(PAGE), run.pages.saturating_mul(PAGE))
        });
    }
}

/// Opens a file; what is none is refused in words, as it cannot be read at many places.
fn opened(path: &Path) -> Result<File> {
    let no = |why: &str, remedy: String| {
        Err(DumpError::NotADump { path: path.to_path_buf(), why: why.to_owned(), remedy })
    };
    let save = || "save it to a file first: cat > MEMORY.DMP".to_owned();
    if path == Path::new("-") {
        return no("a dump is read at many places, which standard input cannot do", save());
    }
    let io = |source| DumpError::Io { action: "open", path: path.to_path_buf(), source };
    // Before it is opened: a pipe without a writer would wait for one.
    let about = std::fs::metadata(path).map_err(io)?;
    if about.is_dir() {
        let newest = dumps_in(path).into_iter().max_by_key(|(time, _)| *time);
        let remedy = newest.map_or_else(
            || "name a file in it".to_owned(),
            |(_, file)| format!("name a file in it, such as {file}"),
        );
        return no("it is a folder", remedy);
    }
    if !about.is_file() {
        return no("a dump is read at many places, which a pipe or a device cannot do", save());
    }
    File::open(path).map_err(io)
}

/// Files of a folder that have the name of a dump, with their times.
fn dumps_in(folder: &Path) -> Vec<(Option<std::time::SystemTime>, SafeString)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(10_000);
    let dumps = entries.filter(|entry| {
        let is_named = entry.path().extension().is_some_and(|ending| ending.eq_ignore_ascii_case("dmp"));
        is_named && entry.file_type().is_ok_and(|kind| kind.is_file())
    });
    let time = |entry: &std::fs::DirEntry| entry.metadata().and_then(|about| about.modified()).ok();
    dumps.map(|entry| (time(&entry), entry.file_name().to_string_lossy().as_ref().into())).collect()
}

/// Why nothing is known of the kernel.
fn no_kernel(memory: &Memory) -> &'static str {
    if kernel::has_page_tables(memory) {
        "no kernel was found in this dump"
    } else {
        "the page tables, by which everything is found, are not in this dump"
    }
}

/// The debugger block of a triage dump: at a file offset of its own.
fn triage_data(memory: &Memory) -> Option<KernelData> {
    let (at, size) = memory.triage.as_ref()?.debugger_data?;
    let bytes = memory.file().get(at..at.checked_add(size)?)?;
    u32_at(bytes, 0x10)?;
    KernelData::parse(bytes)
}

/// `Windows 10.0.19045`: what a live system would call itself.
fn system_version(build: u32) -> Option<String> {
    let (major, minor) = match build {
        0 => return None,
        1..2600 => (5, 0),
        2600..3790 => (5, 1),
        3790..6000 => (5, 2),
        6000..7600 => (6, 0),
        7600..9200 => (6, 1),
        9200..9600 => (6, 2),
        9600..10_240 => (6, 3),
        _ => (10, 0),
    };
    Some(format!("Windows {major}.{minor}.{build}"))
}
