//! Who keeps objects: a process, a user, a queue, a mount, a control group.

use std::fmt;
use std::sync::Arc;

use poolmon_model::hidden::safe;

/// What makes a holder the same one at two moments.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HolderId {
    /// A process: its id, and when it started, since ids are used again. In clock ticks since the boot on Linux, in 100 ns since 1601
    /// on Windows.
    Process {
        /// Its id.
        pid: u32,
        /// When it started.
        start: u64,
    },
    /// All that belongs to a user and to no process: System V objects, keys.
    User {
        /// The user.
        uid: u32,
    },
    /// A System V message queue.
    Queue {
        /// Its id, as `ipcs` and `ipcrm -q` use it.
        id: u64,
    },
    /// A mount namespace.
    MountNamespace {
        /// Its inode, as `lsns` lists it.
        inode: u64,
    },
    /// A file system in memory, by its device number.
    Tmpfs {
        /// `major:minor`.
        device: Arc<str>,
    },
    /// A control group, by its path below the root of its hierarchy.
    ControlGroup {
        /// `/system.slice/ssh.service`.
        path: Arc<str>,
    },
    /// A Terminal Services session of Windows.
    Session {
        /// Its id.
        id: u32,
    },
    /// All objects of a type of Windows: who holds them is not known, how many there are is.
    ObjectType {
        /// `Token`.
        name: Arc<str>,
    },
    /// System V message queues to which the same process sent the last message.
    Sender {
        /// Which, as the queues name it.
        name: Arc<str>,
    },
    /// All processes of one name.
    Program {
        /// The name.
        name: Arc<str>,
    },
    /// Processes that a recording keeps no figures of their own for: those of one name, or (no name) all other holders.
    Others {
        /// The name.
        name: Arc<str>,
    },
    /// The machine as a whole.
    Machine,
}

/// What tells a holder of one type from the others of it, as a recording keeps it: two numbers and a text.
pub type Parts<'a> = (u64, u64, &'a str);

impl HolderId {
    /// Names of all kinds; a recording numbers them in this order.
    pub const TYPES: [&'static str; 12] = [
        "process",
        "user",
        "queue",
        "mount-namespace",
        "tmpfs",
        "control-group",
        "program",
        "others",
        "machine",
        "session",
        "object-type",
        "sender",
    ];

    /// Name of its kind in JSON and CSV.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Process { .. } => "process",
            Self::User { .. } => "user",
            Self::Queue { .. } => "queue",
            Self::MountNamespace { .. } => "mount-namespace",
            Self::Tmpfs { .. } => "tmpfs",
            Self::ControlGroup { .. } => "control-group",
            Self::Session { .. } => "session",
            Self::ObjectType { .. } => "object-type",
            Self::Sender { .. } => "sender",
            Self::Program { .. } => "program",
            Self::Others { .. } => "others",
            Self::Machine => "machine",
        }
    }

    /// What tells it from others of its type.
    pub fn parts(&self) -> Parts<'_> {
        match self {
            Self::Process { pid, start } => (u64::from(*pid), *start, ""),
            Self::User { uid } => (u64::from(*uid), 0, ""),
            Self::Queue { id } => (*id, 0, ""),
            Self::MountNamespace { inode } => (*inode, 0, ""),
            Self::Tmpfs { device: text }
            | Self::ControlGroup { path: text }
            | Self::Program { name: text }
            | Self::Sender { name: text }
            | Self::Others { name: text }
            | Self::ObjectType { name: text } => (0, 0, text),
            Self::Session { id } => (u64::from(*id), 0, ""),
            Self::Machine => (0, 0, ""),
        }
    }

    /// The holder of a type and its parts; `None` for a type of a later program.
    pub fn from_parts(kind: &str, (number, start, text): Parts<'_>) -> Option<Self> {
        let small = || u32::try_from(number).ok();
        Some(match kind {
            "process" => Self::Process { pid: small()?, start },
            "user" => Self::User { uid: small()? },
            "queue" => Self::Queue { id: number },
            "mount-namespace" => Self::MountNamespace { inode: number },
            "tmpfs" => Self::Tmpfs { device: text.into() },
            "control-group" => Self::ControlGroup { path: text.into() },
            "session" => Self::Session { id: small()? },
            "object-type" => Self::ObjectType { name: text.into() },
            "sender" => Self::Sender { name: text.into() },
            "program" => Self::Program { name: text.into() },
            "others" => Self::Others { name: text.into() },
            "machine" => Self::Machine,
            _ => return None,
        })
    }

    /// What tells it from others of its type, for a person and in tables: a number, a path, a name.
    pub fn text(&self) -> String {
        match self {
            Self::Tmpfs { .. }
            | Self::ControlGroup { .. }
            | Self::Sender { .. }
            | Self::Program { .. }
            | Self::Others { .. }
            | Self::ObjectType { .. } => self.parts().2.to_owned(),
            Self::Machine => String::new(),
            // No `_`: a type that only its name distinguishes must not become "0".
            Self::Process { .. }
            | Self::User { .. }
            | Self::Queue { .. }
            | Self::MountNamespace { .. }
            | Self::Session { .. } => self.parts().0.to_string(),
        }
    }

    /// The process, if it is one.
    pub const fn pid(&self) -> Option<u32> {
        match self {
            Self::Process { pid, .. } => Some(*pid),
            _ => None,
        }
    }
}

/// A holder with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Which.
    pub id: HolderId,
    /// Its name: of the program, of the place, of the unit. Control characters are replaced.
    pub name: Arc<str>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            HolderId::Process { pid, .. } if self.name.trim().is_empty() => {
                write!(f, "(no name) (pid {pid})")
            }
            HolderId::Process { pid, .. } => write!(f, "{} (pid {pid})", self.name),
            HolderId::User { uid } => write!(f, "uid {uid}"),
            HolderId::Queue { id } => write!(f, "message queue {id} ({})", self.name),
            HolderId::MountNamespace { inode } => write!(f, "mount namespace {inode} ({})", self.name),
            HolderId::Tmpfs { .. } => write!(f, "tmpfs {}", self.name),
            HolderId::ControlGroup { .. } => write!(f, "control group {}", self.name),
            HolderId::Session { id } => write!(f, "session {id}"),
            HolderId::ObjectType { name } => write!(f, "type {name}"),
            HolderId::Sender { name } => write!(f, "message queues ({name})"),
            HolderId::Program { .. } => write!(f, "all processes {}", self.name),
            HolderId::Others { name } if name.is_empty() => f.write_str("all other holders"),
            HolderId::Others { .. } => write!(f, "other processes {}", self.name),
            HolderId::Machine => f.write_str("this machine"),
        }
    }
}

/// A holder and the unit or container that it runs in (`python3 (pid 7) in web.service`), in at most this many cells. The
/// group is shortened first, so that the name and the number of a process stay: ids of containers to the digits that their tools print, then
/// the path to its last part, then its end.
pub fn fitted(holder: &str, group: Option<&str>, width: usize) -> String {
    const IN: &str = " in ";
    /// Cells in which a group says something.
    const SOME: usize = 6;
    if let Some(group) = group
        && let room @ SOME.. = width.saturating_sub(holder.chars().count() + IN.len())
    {
        return format!("{holder}{IN}{}", fitted_group(group, room));
    }
    let fits = holder.chars().count() <= width;
    if fits { holder.to_owned() } else { shortened(&with_brief_ids(holder), width) }
}

fn fitted_group(group: &str, width: usize) -> String {
    let fits = |text: &str| text.chars().count() <= width;
    if fits(group) {
        return group.to_owned();
    }
    let brief = with_brief_ids(group);
    if fits(&brief) {
        return brief;
    }
    let last = brief.trim_end_matches('/').rsplit('/').next().unwrap_or(&brief);
    let part = format!("…/{last}");
    if last.len() < brief.len() && fits(&part) {
        return part;
    }
    if fits(last) {
        return last.to_owned();
    }
    last.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Ids of containers as `docker ps` prints them: the first twelve of their 64 digits.
fn with_brief_ids(text: &str) -> String {
    const LONG: usize = 32;
    const BRIEF: usize = 12;
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_hexdigit()).len();
        let whole = if digits == 0 { c.len_utf8() } else { digits };
        let (run, after) = rest.split_at(whole);
        if digits >= LONG {
            out.extend(run.chars().take(BRIEF));
            out.push('…');
        } else {
            out.push_str(run);
        }
        rest = after;
    }
    out
}

/// Without its middle, if it is too long: both ends of a path, and of a process's name and number, say most.
fn shortened(text: &str, width: usize) -> String {
    let cells = text.chars().count();
    if cells <= width {
        return text.to_owned();
    }
    let (front, back) = (width / 2, (width - width / 2).saturating_sub(1));
    text.chars().take(front).chain(['…']).chain(text.chars().skip(cells - back)).take(width).collect()
}

/// The text with broken UTF-8 and what must not be shown replaced: names of processes are chosen by their owners.
pub fn shown(bytes: &[u8]) -> Arc<str> {
    safe(&String::from_utf8_lossy(bytes)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_holders() {
        let text = |id, name: &str| Holder { id, name: name.into() }.to_string();
        assert_eq!(text(HolderId::Process { pid: 7, start: 1 }, "python3"), "python3 (pid 7)");
        assert_eq!(text(HolderId::Process { pid: 7, start: 1 }, " "), "(no name) (pid 7)");
        assert_eq!(text(HolderId::Queue { id: 3 }, "last sender 7"), "message queue 3 (last sender 7)");
        assert_eq!(text(HolderId::User { uid: 0 }, ""), "uid 0");
        assert_eq!(text(HolderId::Tmpfs { device: "0:5".into() }, "/dev/shm"), "tmpfs /dev/shm");
    }

    #[test]
    fn the_group_is_cut_before_the_process() {
        let of = |width| fitted("python3 (pid 4788)", Some("/process_api/0123456789abcdef"), width);
        assert_eq!(of(80), "python3 (pid 4788) in /process_api/0123456789abcdef");
        assert_eq!(of(38), "python3 (pid 4788) in 0123456789abcdef", "the last part says most");
        assert_eq!(of(36), "python3 (pid 4788) in 0123456789abc…");
        assert_eq!(of(26), "python3 (pid 4788)", "nothing is said by four cells");
        assert_eq!((of(12).as_str(), of(1).as_str(), of(0).as_str()), ("python…4788)", "…", ""));
        assert_eq!(fitted("/a/long/path", None, 7), "/a/…ath");
        assert!((0..60).all(|width| of(width).chars().count() <= width));
    }

    #[test]
    fn ids_of_containers_are_as_long_as_their_tools_print_them() {
        let id = "0123456789abcdef".repeat(4);
        let scope = format!("/system.slice/docker-{id}.scope");
        let of = |width| fitted("nginx (pid 7)", Some(&scope), width);
        assert!(of(200).ends_with(&format!("{id}.scope")), "what fits is whole");
        assert_eq!(of(60), "nginx (pid 7) in /system.slice/docker-0123456789ab….scope");
        assert_eq!(of(50), "nginx (pid 7) in …/docker-0123456789ab….scope");
        assert_eq!(of(32), "nginx (pid 7) in docker-0123456…");
        assert_eq!(fitted(&scope, None, 40), "/system.slice/docker-0123456789ab….scope");
        assert_eq!(fitted("systemd (pid 1)", Some("init.scope"), 26), "systemd (pid 1) in init.s…");
        assert!((0..100).all(|width| of(width).chars().count() <= width));
        assert_eq!(with_brief_ids("käse/feed/0123456789"), "käse/feed/0123456789");
    }

    #[test]
    fn every_type_is_made_of_its_parts() {
        let all = [
            HolderId::Process { pid: 7, start: 1 << 40 },
            HolderId::User { uid: 1000 },
            HolderId::Queue { id: 3 },
            HolderId::MountNamespace { inode: 4_026_531_841 },
            HolderId::Tmpfs { device: "0:5".into() },
            HolderId::ControlGroup { path: "/a".into() },
            HolderId::Program { name: "a".into() },
            HolderId::Others { name: "".into() },
            HolderId::Machine,
            HolderId::Session { id: 2 },
            HolderId::ObjectType { name: "Token".into() },
            HolderId::Sender { name: "last sender a, pid 7".into() },
        ];
        assert_eq!(all.each_ref().map(HolderId::kind), HolderId::TYPES);
        assert_eq!(
            all.each_ref().map(HolderId::text),
            ["7", "1000", "3", "4026531841", "0:5", "/a", "a", "", "", "2", "Token", "last sender a, pid 7"]
        );
        for id in all {
            assert_eq!(HolderId::from_parts(id.kind(), id.parts()), Some(id));
        }
        assert_eq!(HolderId::from_parts("process", (1 << 40, 0, "")), None, "no process has this id");
        assert_eq!(HolderId::from_parts("planet", (1, 0, "")), None);
    }

    #[test]
    fn a_name_reaches_no_terminal_as_it_is() {
        assert_eq!(&*shown(b"a\x1b[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
        assert_eq!(&*shown(b"\xff"), "\u{fffd}");
        assert_eq!(&*shown("käse".as_bytes()), "käse");
        assert_eq!(&*shown("a\u{202e}exe.b\u{2066}\u{200b}".as_bytes()), "a\u{fffd}exe.b\u{fffd}\u{fffd}");
    }
}
