//! What `poolmon doctor` reports: plain data, asked once.

use std::time::Duration;

use poolmon_model::Header;

use super::calls::{self, ThisMachine};
use crate::windows::decode::{self, BufferLayout};
use crate::windows::query::{self, Buffer};
use crate::windows::source::{self, Machine as _};
use crate::windows::status;
use crate::windows::trace::Readiness;

/// The bit of `NtGlobalFlag` that turns on pool tagging (`gflags +ptg`).
pub const POOL_TAGGING: u32 = 0x400;

/// The system's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// 10 for Windows 10 and 11.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
    /// Build (`26100`).
    pub build: u32,
    /// A server edition.
    pub server: bool,
}

impl Version {
    /// `Windows 10.0.26100`.
    pub fn text(self) -> String {
        format!("Windows {}.{}.{}", self.major, self.minor, self.build)
    }

    /// The name on the box (`11 24H2`, `Server 2025`), for the builds that have one.
    pub const fn name(self) -> Option<&'static str> {
        Some(match (self.build, self.server) {
            (9200, false) => "8",
            (9200, true) => "Server 2012",
            (9600, false) => "8.1",
            (9600, true) => "Server 2012 R2",
            (10240, _) => "10 1507",
            (14393, false) => "10 1607",
            (14393, true) => "Server 2016",
            (17763, false) => "10 1809",
            (17763, true) => "Server 2019",
            (19041, _) => "10 2004",
            (19042, _) => "10 20H2",
            (19043, _) => "10 21H1",
            (19044, _) => "10 21H2",
            (19045, _) => "10 22H2",
            (20348, _) => "Server 2022",
            (22000, _) => "11 21H2",
            (22621, _) => "11 22H2",
            (22631, _) => "11 23H2",
            (26100, false) => "11 24H2",
            (26100, true) => "Server 2025",
            (26200, _) => "11 25H2",
            _ => return None,
        })
    }

    /// Every system from Server 2003 (5.2) on tags its pools always.
    pub const fn always_tags(self) -> bool {
        self.major > 5 || (self.major == 5 && self.minor >= 2)
    }
}

/// State of a privilege in this process's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// The token does not have it: not run as administrator.
    Absent,
    /// It could be enabled.
    Disabled,
    /// It is in force.
    Enabled,
}

/// How one class answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassFact {
    /// Information class of `NtQuerySystemInformation`.
    pub class: u32,
    /// What it reports.
    pub what: &'static str,
    /// NTSTATUS; 0 = it answered.
    pub status: u32,
    /// Entries that it reported, where it answered and has entries.
    pub entries: Option<usize>,
}

impl ClassFact {
    /// It answered.
    pub const fn answers(&self) -> bool {
        self.status == status::SUCCESS
    }

    /// Its status in words (`0xc0000003 STATUS_INVALID_INFO_CLASS`).
    pub fn status_text(&self) -> String {
        status::text(self.status)
    }
}

/// Everything that this machine reports about what poolmon can do on it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DoctorFacts {
    /// Version and build, as the kernel reports them.
    pub version: Version,
    /// It is Wine that answers, not Windows.
    pub wine: bool,
    /// The computer's name.
    pub computer: Option<String>,
    /// Classes 255, 22, 67, 66, 77, 11 and 2, in this order.
    pub classes: Vec<ClassFact>,
    /// `GlobalFlag` in the registry; it takes effect at the next boot.
    pub global_flag: Option<u32>,
    /// Administrator's rights; `None` if the token does not say.
    pub elevated: Option<bool>,
    /// `SeDebugPrivilege`; `None` if the token does not say.
    pub debug_privilege: Option<Privilege>,
    /// Loaded drivers whose base address was withheld, and all of them; `None` if they cannot be listed.
    pub hidden_bases: Option<(usize, usize)>,
    /// Whether `poolmon trace` would work.
    pub tracing: Readiness,
    /// Time since boot.
    pub uptime: Duration,
    /// Name of this boot, the same until the next one.
    pub boot: Option<String>,
    /// Machine-wide figures; the pool limits in it are Microsoft's documented ones for this system, not reported by it.
    pub header: Header,
}

impl DoctorFacts {
    /// Pool tagging is in force: always from Server 2003 on, by the flag before.
    pub fn tagging(&self) -> bool {
        self.version.always_tags() || self.global_flag.is_some_and(|flags| flags & POOL_TAGGING != 0)
    }
}

/// Asks everything once. It enables no privilege.
pub fn doctor() -> DoctorFacts {
    let version = calls::version();
    let mut machine = ThisMachine;
    let mut header = Header::default();
    machine.figures(&mut header);
    limits(version, &mut header);
    let mut bases = None;
    let classes = classes(&mut machine, &mut bases);
    let (wine, elevated) = (calls::is_wine(), calls::is_elevated());
    DoctorFacts {
        tracing: Readiness {
            build: version.build,
            elevated,
            sessions: super::etw::system_sessions(),
            paging_disabled: calls::is_executive_paging_disabled(),
            wine,
        },
        version,
        wine,
        computer: calls::computer_name(),
        classes,
        global_flag: calls::global_flag(),
        elevated,
        debug_privilege: calls::debug_privilege(),
        hidden_bases: bases,
        uptime: calls::uptime(),
        boot: super::boot(&mut machine),
        header,
    }
}

fn classes(machine: &mut ThisMachine, bases: &mut Option<(usize, usize)>) -> Vec<ClassFact> {
    let mut buffer = Buffer::default();
    let mut sample = poolmon_model::Sample::new(
        poolmon_model::Origin::new(poolmon_model::SourceKind::Windows, &[]).into(),
        poolmon_model::CounterWidth::default(),
    );
    let mut facts = Vec::new();
    let mut tell = |class, what, answer: Result<Option<usize>, u32>| {
        let (status, entries) = match answer {
            Ok(entries) => (status::SUCCESS, entries),
            Err(status) => (status, None),
        };
        facts.push(ClassFact { class, what, status, entries });
    };

    let class = decode::tags::CLASS_2;
    let answer = query::plain(machine, class, 1 << 18, &mut buffer).map(|bytes| {
        decode::pool_tags2(bytes, BufferLayout::NATIVE, &mut sample).ok().map(|decoded| decoded.read)
    });
    tell(class, "pool tags, 64-bit counters", answer);

    let class = decode::tags::CLASS;
    let answer = query::plain(machine, class, 1 << 18, &mut buffer).map(|bytes| {
        decode::pool_tags(bytes, BufferLayout::NATIVE, &mut sample).ok().map(|decoded| decoded.read)
    });
    tell(class, "pool tags, 32-bit counters", answer);

    let answer = query::session_bytes(machine, &mut buffer).map(|bytes| {
        let _ = decode::session_tags(bytes, BufferLayout::NATIVE, &mut sample);
        Some(sample.sessions.len())
    });
    tell(decode::sessions::CLASS, "session pools", answer);

    let mut allocations = Vec::new();
    let class = decode::big_pool::CLASS;
    let answer = query::plain(machine, class, 1 << 18, &mut buffer).map(|bytes| {
        decode::big_pool(bytes, BufferLayout::NATIVE, &mut allocations).ok().map(|decoded| decoded.read)
    });
    tell(class, "big pool allocations", answer);

    for class in [decode::modules::CLASS_EX, decode::modules::CLASS] {
        let mut found = Vec::new();
        let answer = query::plain(machine, class, 1 << 18, &mut buffer).map(|bytes| {
            let decoded = if class == decode::modules::CLASS {
                decode::modules(bytes, BufferLayout::NATIVE, &mut found)
            } else {
                decode::modules_ex(bytes, BufferLayout::NATIVE, &mut found)
            };
            decoded.ok().map(|decoded| decoded.read)
        });
        if !found.is_empty() {
            *bases = Some((found.iter().filter(|module| module.base.is_none()).count(), found.len()));
        }
        tell(class, "loaded drivers", answer);
    }

    let class = decode::performance::CLASS;
    let answer = query::plain(machine, class, decode::performance::MOST, &mut buffer).map(|_| None);
    tell(class, "machine-wide figures", answer);
    facts
}

/// Microsoft's documented limits (Memory Limits for Windows and Windows Server Releases, 64-bit): nonpaged pool is
/// limited by memory or 16 TiB, paged pool by commit or 15.5 TiB (Windows 8.1, Server 2012 R2 and later).
fn limits(version: Version, header: &mut Header) {
    const TIB: u64 = 1 << 40;
    if (version.major, version.minor) >= (6, 3) && size_of::<usize>() == 8 {
        header.limit_nonpaged = header.memory_total.map(|memory| memory.min(16 * TIB));
        header.limit_paged = header.commit_limit.map(|commit| commit.min(15 * TIB + TIB / 2));
    }
}

/// The kernel and its loaded drivers; see [`source::modules`].
pub fn modules() -> crate::Result<Vec<decode::Module>> {
    source::modules(&mut ThisMachine)
}
