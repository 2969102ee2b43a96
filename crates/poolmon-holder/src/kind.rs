//! What a holder keeps: kinds of objects, and a count of each.

use serde::{Serialize, Serializer};

/// What a count of a kind means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Objects.
    Objects,
    /// Bytes.
    Bytes,
}

macro_rules! kinds {
    ($($name:ident $id:literal $one:literal $many:literal $unit:ident;)+) => {
        /// A kind of object that keeps kernel memory in use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $(
                #[doc = concat!($many, ".")]
                $name,
            )+
        }

        impl Kind {
            /// Every kind, in the order in which they are listed.
            pub const ALL: [Self; [$($id),+].len()] = [$(Self::$name),+];

            /// Name in JSON, CSV and options.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)+ }
            }

            /// Name of one.
            pub const fn one(self) -> &'static str {
                match self { $(Self::$name => $one,)+ }
            }

            /// Name of several.
            pub const fn many(self) -> &'static str {
                match self { $(Self::$name => $many,)+ }
            }

            /// What is counted.
            pub const fn unit(self) -> Unit {
                match self { $(Self::$name => Unit::$unit,)+ }
            }
        }
    };
}

kinds! {
    Descriptor "descriptors" "descriptor" "descriptors" Objects;
    Socket "sockets" "socket" "sockets" Objects;
    File "files" "open file" "open files" Objects;
    UnixStream "unix-stream" "UNIX stream socket" "UNIX stream sockets" Objects;
    Unix "unix" "UNIX socket" "UNIX sockets" Objects;
    Tcp "tcp" "TCP socket" "TCP sockets" Objects;
    Tcp6 "tcp6" "TCPv6 socket" "TCPv6 sockets" Objects;
    Udp "udp" "UDP socket" "UDP sockets" Objects;
    Udp6 "udp6" "UDPv6 socket" "UDPv6 sockets" Objects;
    Raw "raw" "raw socket" "raw sockets" Objects;
    Netlink "netlink" "netlink socket" "netlink sockets" Objects;
    Packet "packet" "packet socket" "packet sockets" Objects;
    OtherSocket "other-sockets" "socket of another family" "sockets of other families" Objects;
    Pipe "pipes" "pipe end" "pipe ends" Objects;
    Epoll "epoll" "epoll instance" "epoll instances" Objects;
    EpollWatch "epoll-watches" "epoll registration" "epoll registrations" Objects;
    EventFd "eventfd" "eventfd" "eventfds" Objects;
    TimerFd "timerfd" "timerfd" "timerfds" Objects;
    SignalFd "signalfd" "signalfd" "signalfds" Objects;
    Inotify "inotify" "inotify instance" "inotify instances" Objects;
    InotifyWatch "inotify-watches" "inotify watch" "inotify watches" Objects;
    Fanotify "fanotify" "fanotify group" "fanotify groups" Objects;
    FanotifyMark "fanotify-marks" "fanotify mark" "fanotify marks" Objects;
    IoUring "io-uring" "io_uring" "io_urings" Objects;
    BpfMap "bpf-maps" "BPF map" "BPF maps" Objects;
    BpfProgram "bpf-programs" "BPF program" "BPF programs" Objects;
    BpfLink "bpf-links" "BPF link" "BPF links" Objects;
    PerfEvent "perf-events" "perf event" "perf events" Objects;
    Memfd "memfd" "memfd" "memfds" Objects;
    Drm "drm" "DRM device file" "DRM device files" Objects;
    DmaBuf "dma-bufs" "DMA buffer" "DMA buffers" Objects;
    PidFd "pidfd" "pidfd" "pidfds" Objects;
    Namespace "namespaces" "open namespace" "open namespaces" Objects;
    OtherAnon "other-anon" "other anonymous file" "other anonymous files" Objects;
    Thread "threads" "thread" "threads" Objects;
    Child "children" "running child" "running children" Objects;
    Zombie "zombies" "zombie child" "zombie children" Objects;
    Mapping "mappings" "mapping" "mappings" Objects;
    MappedFile "mapped-files" "mapped file" "mapped files" Objects;
    PageTable "page-tables" "byte of page tables" "bytes of page tables" Bytes;
    PosixLock "posix-locks" "POSIX lock" "POSIX locks" Objects;
    Flock "flocks" "flock" "flocks" Objects;
    Lease "leases" "lease" "leases" Objects;
    PosixTimer "posix-timers" "POSIX timer" "POSIX timers" Objects;
    MessageQueue "message-queues" "System V message queue" "System V message queues" Objects;
    Message "messages" "message" "messages" Objects;
    SemaphoreSet "semaphore-sets" "System V semaphore set" "System V semaphore sets" Objects;
    SharedMemory "shared-memory" "System V shared memory segment" "System V shared memory segments" Objects;
    Key "keys" "key" "keys" Objects;
    Mount "mounts" "mount" "mounts" Objects;
    NetNamespace "net-namespaces" "network namespace" "network namespaces" Objects;
    TmpfsInode "tmpfs-inodes" "tmpfs inode" "tmpfs inodes" Objects;
    TmpfsBytes "tmpfs-bytes" "byte of tmpfs" "bytes of tmpfs" Bytes;
    LoopDevice "loop-devices" "loop device" "loop devices" Objects;
    GroupSlabReclaimable "slab-reclaimable" "byte of reclaimable slabs" "bytes of reclaimable slabs" Bytes;
    GroupSlabUnreclaimable "slab-unreclaimable" "byte of unreclaimable slabs" "bytes of unreclaimable slabs" Bytes;
    GroupKernelStack "kernel-stacks" "byte of kernel stacks" "bytes of kernel stacks" Bytes;
    GroupPageTables "group-page-tables" "byte of page tables" "bytes of page tables" Bytes;
    GroupPercpu "percpu" "byte of per-CPU memory" "bytes of per-CPU memory" Bytes;
    GroupSock "socket-buffers" "byte of socket buffers" "bytes of socket buffers" Bytes;
    GroupVmalloc "vmalloc" "byte of vmalloc" "bytes of vmalloc" Bytes;
    GroupKernel "kernel-memory" "byte of kernel memory" "bytes of kernel memory" Bytes;
    Handle "handles" "handle" "handles" Objects;
    FileHandle "file-handles" "File handle" "File handles" Objects;
    TokenHandle "token-handles" "Token handle" "Token handles" Objects;
    ProcessHandle "process-handles" "Process handle" "Process handles" Objects;
    ThreadHandle "thread-handles" "Thread handle" "Thread handles" Objects;
    EventHandle "event-handles" "Event handle" "Event handles" Objects;
    KeyHandle "key-handles" "Key handle" "Key handles" Objects;
    SemaphoreHandle "semaphore-handles" "Semaphore handle" "Semaphore handles" Objects;
    MutantHandle "mutant-handles" "Mutant handle" "Mutant handles" Objects;
    SectionHandle "section-handles" "Section handle" "Section handles" Objects;
    AlpcHandle "alpc-handles" "ALPC port handle" "ALPC port handles" Objects;
    TimerHandle "timer-handles" "Timer handle" "Timer handles" Objects;
    JobHandle "job-handles" "Job handle" "Job handles" Objects;
    CompletionHandle "completion-handles" "IoCompletion handle" "IoCompletion handles" Objects;
    WorkerHandle "worker-handles" "TpWorkerFactory handle" "TpWorkerFactory handles" Objects;
    PacketHandle "packet-handles" "WaitCompletionPacket handle" "WaitCompletionPacket handles" Objects;
    EtwHandle "etw-handles" "EtwRegistration handle" "EtwRegistration handles" Objects;
    DirectoryHandle "directory-handles" "Directory handle" "Directory handles" Objects;
    LinkHandle "link-handles" "SymbolicLink handle" "SymbolicLink handles" Objects;
    DesktopHandle "desktop-handles" "Desktop handle" "Desktop handles" Objects;
    StationHandle "station-handles" "WindowStation handle" "WindowStation handles" Objects;
    OtherHandle "other-handles" "handle of another type" "handles of other types" Objects;
    PagedQuota "paged-quota" "byte of paged pool quota" "bytes of paged pool quota" Bytes;
    NonpagedQuota "nonpaged-quota" "byte of nonpaged pool quota" "bytes of nonpaged pool quota" Bytes;
    Process "processes" "process" "processes" Objects;
    TypeObjects "type-objects" "object" "objects" Objects;
    TypeHandles "type-handles" "handle" "handles" Objects;
}

impl Kind {
    /// The kind with this name.
    pub fn by_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.id() == id)
    }

    /// The sum that it is a part of: an open descriptor of some kind is a [`Kind::Descriptor`], too.
    pub const fn sum(self) -> Option<Self> {
        match self {
            Self::UnixStream
            | Self::Unix
            | Self::Tcp
            | Self::Tcp6
            | Self::Udp
            | Self::Udp6
            | Self::Raw
            | Self::Netlink
            | Self::Packet
            | Self::OtherSocket => Some(Self::Socket),
            Self::Socket
            | Self::File
            | Self::Pipe
            | Self::Epoll
            | Self::EventFd
            | Self::TimerFd
            | Self::SignalFd
            | Self::Inotify
            | Self::Fanotify
            | Self::IoUring
            | Self::BpfMap
            | Self::BpfProgram
            | Self::BpfLink
            | Self::PerfEvent
            | Self::Memfd
            | Self::Drm
            | Self::DmaBuf
            | Self::PidFd
            | Self::Namespace
            | Self::OtherAnon => Some(Self::Descriptor),
            Self::FileHandle
            | Self::TokenHandle
            | Self::ProcessHandle
            | Self::ThreadHandle
            | Self::EventHandle
            | Self::KeyHandle
            | Self::SemaphoreHandle
            | Self::MutantHandle
            | Self::SectionHandle
            | Self::AlpcHandle
            | Self::TimerHandle
            | Self::JobHandle
            | Self::CompletionHandle
            | Self::WorkerHandle
            | Self::PacketHandle
            | Self::EtwHandle
            | Self::DirectoryHandle
            | Self::LinkHandle
            | Self::DesktopHandle
            | Self::StationHandle
            | Self::OtherHandle => Some(Self::Handle),
            _ => None,
        }
    }

    /// The parts of the sum `kind`, which are no sums themselves.
    pub fn parts(self) -> impl Iterator<Item = Self> {
        let is_part =
            move |kind: &Self| kind.sum() == Some(self) || kind.sum().and_then(Self::sum) == Some(self);
        Self::ALL.into_iter().filter(|kind| !kind.is_sum()).filter(is_part)
    }

    /// Whether it is the sum of other kinds.
    pub const fn is_sum(self) -> bool {
        matches!(self, Self::Descriptor | Self::Socket | Self::Handle)
    }

    /// Whether it counts a type of object over the whole machine, which no holder keeps.
    pub const fn is_tally(self) -> bool {
        matches!(self, Self::TypeObjects | Self::TypeHandles)
    }

    /// Whether it counts objects, each once, that a holder takes of its own accord: mappings change with everything that a program does.
    pub fn is_own(self) -> bool {
        let is_object = !self.is_sum() && !self.is_tally() && self.unit() == Unit::Objects;
        is_object && !matches!(self, Self::Mapping | Self::MappedFile)
    }

    const fn bit(self) -> u128 {
        1 << self as u32
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

/// How many objects of each kind; a kind that was not read is unknown, not zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    known: u128,
    values: [u64; Kind::ALL.len()],
}

impl Default for Counts {
    fn default() -> Self {
        Self { known: 0, values: [0; Kind::ALL.len()] }
    }
}

impl Counts {
    /// The count; `None` if it is unknown.
    pub fn get(&self, kind: Kind) -> Option<u64> {
        if self.known & kind.bit() == 0 { None } else { self.values.get(kind as usize).copied() }
    }

    /// Sets it.
    pub fn set(&mut self, kind: Kind, count: u64) {
        self.known |= kind.bit();
        if let Some(value) = self.values.get_mut(kind as usize) {
            *value = count;
        }
    }

    /// Adds to it; what was unknown starts at 0.
    pub fn add(&mut self, kind: Kind, count: u64) {
        let sum = self.get(kind).unwrap_or(0).saturating_add(count);
        self.set(kind, sum);
    }

    /// Forgets it.
    pub fn forget(&mut self, kind: Kind) {
        self.known &= !kind.bit();
        if let Some(value) = self.values.get_mut(kind as usize) {
            *value = 0;
        }
    }

    /// What is known and not 0, in the order of [`Kind::ALL`].
    pub fn held(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        Kind::ALL.into_iter().filter_map(|kind| Some((kind, self.get(kind).filter(|count| *count > 0)?)))
    }

    /// What is known.
    pub fn known(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        Kind::ALL.into_iter().filter_map(|kind| Some((kind, self.get(kind)?)))
    }

    /// Objects of all kinds, each once: sums and bytes are left out.
    pub fn objects(&self) -> u64 {
        // Mapped files are mappings, too.
        let counted = |(kind, _): &(Kind, u64)| {
            kind.unit() == Unit::Objects && !kind.is_sum() && !kind.is_tally() && *kind != Kind::MappedFile
        };
        let parts: u64 = self.held().filter(counted).map(|(_, count)| count).sum();
        // Descriptors and handles that were counted and not looked at.
        let unseen = |sum: Kind| {
            let seen: u64 = sum.parts().filter_map(|kind| self.get(kind)).sum();
            self.get(sum).unwrap_or(0).saturating_sub(seen)
        };
        parts + unseen(Kind::Descriptor) + unseen(Kind::Handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_fit_the_mask() {
        let mut ids: Vec<_> = Kind::ALL.iter().map(|kind| kind.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Kind::ALL.len());
        assert!(Kind::ALL.len() <= 128);
        for kind in Kind::ALL {
            assert_eq!(Kind::by_id(kind.id()), Some(kind));
        }
        assert_eq!(Kind::by_id("sock"), None);
    }

    #[test]
    fn unknown_is_not_zero() {
        let mut counts = Counts::default();
        assert_eq!((counts.get(Kind::Thread), counts.known().count()), (None, 0));
        counts.set(Kind::Thread, 0);
        assert_eq!((counts.get(Kind::Thread), counts.held().count()), (Some(0), 0));
        counts.add(Kind::GroupKernel, 7);
        counts.add(Kind::GroupKernel, u64::MAX);
        assert_eq!(counts.get(Kind::GroupKernel), Some(u64::MAX), "sums saturate");
        counts.forget(Kind::GroupKernel);
        assert_eq!(counts.get(Kind::GroupKernel), None);
    }

    #[test]
    fn each_object_counts_once() {
        let mut counts = Counts::default();
        for (kind, count) in [
            (Kind::Descriptor, 10),
            (Kind::Socket, 6),
            (Kind::Tcp, 6),
            (Kind::File, 3),
            (Kind::Thread, 2),
            (Kind::PageTable, 40_960),
            (Kind::Mapping, 5),
            (Kind::MappedFile, 3),
        ] {
            counts.set(kind, count);
        }
        assert_eq!(counts.objects(), 17, "6 sockets, 3 files, 1 unknown descriptor, 2 threads, 5 mappings");
    }

    #[test]
    fn parts_of_sums() {
        assert!(Kind::Descriptor.parts().any(|kind| kind == Kind::Tcp), "through sockets");
        assert!(Kind::Descriptor.parts().all(|kind| !kind.is_sum() && kind != Kind::EpollWatch));
        assert_eq!(Kind::Socket.parts().count(), 10);
        assert_eq!(Kind::Thread.parts().count(), 0);
    }
}
