//! Which kinds of objects live in which slab caches of Linux and under which pool tags of Windows, and how many objects of the row
//! one of them takes.
//!
//! Sources of Linux, by the letter of a line:
//!
//! * `M`: measured by us on Linux 6.18: thousands of one kind were made, and `/proc/slabinfo` was read before and after;
//! * `K`: the kernel's own source creates the cache for this structure, or allocates it there, in the file that is named: read in
//!   Debian's packages linux-source-6.1 (6.1.192) and linux-source-6.12 (6.12.117). Other versions are named where they differ.
//!
//! Figures per object hold for kernels that give each structure a cache of its own; the kernel lists a cache that it merged with
//! others under one of their names, which is why callers hand all names of a row.
//!
//! Windows allocates the objects of a type under a tag that is the first four characters of the type's name, with blanks behind a
//! shorter one: `_OBJECT_TYPE.Key` in the kernel's public symbols, and pooltag.txt of the debuggers, which lists these tags as the
//! objects of these types. Several handles may lead to one object, and references of the kernel keep objects without any handle.

use poolmon_model::{PoolTag, Tag};
use poolmon_proc::caches::Kmalloc;

use crate::Kind;
use crate::Kind::{
    Child, Descriptor, Epoll, EpollWatch, EventFd, FanotifyMark, File, Flock, InotifyWatch, IoUring, Key,
    Lease, LoopDevice, MappedFile, Mapping, Memfd, Message, MessageQueue, Mount, Namespace, NetNamespace,
    Netlink, Packet, PerfEvent, Pipe, PosixLock, PosixTimer, Raw, SemaphoreSet, SharedMemory, SignalFd,
    Socket, Tcp, Tcp6, Thread, TimerFd, TmpfsInode, Udp, Udp6, Unix, UnixStream, Zombie,
};

/// The kinds that live in a row. Of a merged cache, the lines of all its names count together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// Name of the cache, with at most one `*`.
    pub row: &'static str,
    /// Kinds, with the objects of the row that one of them takes.
    pub kinds: &'static [(Kind, f64)],
    /// Nothing else lives there: what no holder has is kept by the kernel itself.
    pub only: bool,
    /// Where that is known from.
    pub source: &'static str,
}

const fn only(row: &'static str, kinds: &'static [(Kind, f64)], source: &'static str) -> Link {
    Link { row, kinds, only: true, source }
}

const fn shared(row: &'static str, kinds: &'static [(Kind, f64)], source: &'static str) -> Link {
    Link { row, kinds, only: false, source }
}

/// Caches of Linux. The first line that fits a name counts.
#[rustfmt::skip]
pub const LINUX: &[Link] = &[
    only("sock_inode_cache", &[(Socket, 1.0)], "M, K net/socket.c"),
    only("UNIX-STREAM", &[(UnixStream, 1.0)], "M, K net/unix/af_unix.c"),
    only("UNIX", &[(Unix, 1.0)], "M, K net/unix/af_unix.c"),
    only("TCP", &[(Tcp, 1.0)], "M, K net/ipv4/tcp_ipv4.c; connections that no process has any more are here, too"),
    only("TCPv6", &[(Tcp6, 1.0)], "M, K net/ipv6/tcp_ipv6.c"),
    only("UDP", &[(Udp, 1.0)], "M, K net/ipv4/udp.c"),
    only("UDPv6", &[(Udp6, 1.0)], "M, K net/ipv6/udp.c"),
    only("RAW", &[(Raw, 1.0)], "M, K net/ipv4/raw.c"),
    only("RAWv6", &[(Raw, 1.0)], "M, K net/ipv6/raw.c"),
    only("PING", &[(Raw, 1.0)], "K net/ipv4/ping.c"),
    only("tcp_bind*_bucket", &[(Tcp, 1.0), (Tcp6, 1.0)], "M, K net/ipv4/tcp.c: one for each port that is bound"),
    only("filp", &[(Descriptor, 1.0), (MappedFile, 1.0), (SharedMemory, 1.0)], "M, K fs/file_table.c; a mapped file needs no descriptor"),
    only("lsm_file_cache", &[(Descriptor, 1.0), (MappedFile, 1.0), (SharedMemory, 1.0)], "M, K security/security.c: one for each filp"),
    shared("lsm_inode_cache", &[(Socket, 1.0), (Pipe, 0.5), (Memfd, 1.0), (TmpfsInode, 1.0), (SharedMemory, 1.0)], "M, K security/security.c: one for each inode"),
    only("eventpoll_epi", &[(EpollWatch, 1.0)], "M, K fs/eventpoll.c"),
    only("eventpoll_pwq", &[(EpollWatch, 1.0)], "M, K fs/eventpoll.c"),
    only("ep_head", &[(EpollWatch, 1.0)], "M, K fs/eventpoll.c: one for each watched file"),
    only("inotify_inode_mark", &[(InotifyWatch, 1.0)], "M, K fs/notify/inotify/inotify_user.c"),
    only("fanotify_mark", &[(FanotifyMark, 1.0)], "M, K fs/notify/fanotify/fanotify_user.c"),
    only("fsnotify_mark", &[(FanotifyMark, 1.0)], "K fs/notify/fanotify/fanotify_user.c, Linux 6.1; fanotify_mark in 6.12"),
    only("fsnotify_mark_connector", &[(InotifyWatch, 1.0), (FanotifyMark, 1.0)], "M, K fs/notify/fsnotify.c: one for each watched inode"),
    only("file_lock_cache", &[(PosixLock, 1.0), (Flock, 1.0), (Lease, 1.0)], "M, K fs/locks.c; leases up to Linux 6.1"),
    only("file_lease_cache", &[(Lease, 1.0)], "M, K fs/locks.c, Linux 6.12; 6.1 has leases in file_lock_cache"),
    shared("file_lock_ctx", &[(PosixLock, 1.0), (Flock, 1.0), (Lease, 1.0)], "M, K fs/locks.c: one for each inode that was locked"),
    only("task_struct", &[(Thread, 1.0), (Zombie, 1.0), (Child, 1.0)], "M, K kernel/fork.c"),
    only("thread_stack", &[(Thread, 1.0), (Child, 1.0)], "K kernel/fork.c"),
    shared("pid", &[(Thread, 1.0), (Zombie, 1.0), (Child, 1.0), (Kind::PidFd, 1.0)], "M, K kernel/pid.c"),
    only("signal_cache", &[(Child, 1.0), (Zombie, 1.0)], "M, K kernel/fork.c: one for each process"),
    only("sighand_cache", &[(Child, 1.0), (Zombie, 1.0)], "M, K kernel/fork.c: one for each process"),
    only("mm_struct", &[(Child, 1.0)], "M, K kernel/fork.c"),
    only("files_cache", &[(Child, 1.0)], "M, K kernel/fork.c"),
    only("fs_cache", &[(Child, 1.0)], "K kernel/fork.c"),
    shared("cred*", &[(Child, 1.0), (Zombie, 1.0)], "M, K kernel/cred.c: threads share their process's"),
    shared("vmap_area", &[(Thread, 0.36)], "M: of kernel stacks; other callers of vmalloc are here, too"),
    only("kernel_clone", &[(Thread, 1.0), (Child, 1.0)], "M, K kernel/fork.c: the stacks, in /proc/vmallocinfo"),
    only("vm_area_struct", &[(Mapping, 1.0)], "M, K kernel/fork.c"),
    shared("vma_lock", &[(Mapping, 1.0)], "K kernel/fork.c, Linux 6.12; 6.1 and 6.18 have none"),
    shared("anon_vma*", &[(Mapping, 1.0)], "K mm/rmap.c: of mappings that were written"),
    shared("maple_node", &[(Mapping, 0.12)], "M: 0.1 to 0.15; K lib/maple_tree.c"),
    shared("posix_timers_cache", &[(PosixTimer, 1.0)], "M, K kernel/time/posix-timers.c"),
    shared("shmem_inode_cache", &[(TmpfsInode, 1.0), (Memfd, 1.0), (SharedMemory, 1.0), (MappedFile, 1.0)], "M, K mm/shmem.c: shared anonymous mappings are files of it, too"),
    shared("mnt_cache", &[(Mount, 1.0)], "M, K fs/namespace.c; namespaces without a process are not counted"),
    shared("net_namespace", &[(NetNamespace, 1.0)], "M, K net/core/net_namespace.c; those that only sockets keep are not counted"),
    only("key_jar", &[(Key, 1.0)], "M, K security/keys/key.c"),
    shared("msg_msg-*", &[(Message, 1.0)], "M, K ipc/msgutil.c, Linux 6.12; POSIX message queues use it, too"),
    shared("perf_event", &[(PerfEvent, 1.0)], "M, K kernel/events/core.c"),
    shared("inode_cache", &[(Pipe, 0.5), (IoUring, 1.0), (Namespace, 1.0)], "M"),
    shared("proc_inode_cache", &[(Netlink, 0.9), (Child, 1.0)], "M"),
    shared("dentry", &[(Socket, 1.0), (Pipe, 0.5), (Memfd, 1.0), (TmpfsInode, 1.0), (SharedMemory, 1.0), (EventFd, 1.0), (Epoll, 1.0), (TimerFd, 1.0), (SignalFd, 1.0), (Kind::BpfMap, 1.0), (PerfEvent, 1.0), (IoUring, 1.0)], "M"),
    shared("sigqueue", &[(PosixTimer, 1.0)], "K kernel/time/posix-timers.c, Linux 6.1 and 6.12; none on 6.18 (M)"),
    shared("radix_tree_node", &[(IoUring, 1.7)], "M"),
    shared("kmalloc-32", &[(Thread, 1.1), (IoUring, 0.9)], "M"),
    shared("kmalloc-64", &[(EventFd, 1.0), (Udp, 1.0), (Udp6, 1.0), (Key, 0.7), (Message, 1.0)], "M"),
    shared("kmalloc-96", &[(Thread, 0.8), (Message, 1.0)], "M"),
    shared("kmalloc-192", &[(Pipe, 0.5), (Key, 0.5)], "M"),
    shared("kmalloc-256", &[(Epoll, 1.0), (TimerFd, 1.0), (MessageQueue, 1.0), (SharedMemory, 1.0), (IoUring, 1.9)], "M"),
    shared("kmalloc-512", &[(Key, 0.75), (SemaphoreSet, 1.0), (Kind::BpfMap, 1.0), (Kind::Inotify, 0.7)], "M"),
    shared("kmalloc-1k", &[(Pipe, 0.5), (IoUring, 4.9), (LoopDevice, 1.0)], "M"),
    shared("kmalloc-2k", &[(Netlink, 1.0), (Packet, 1.0), (IoUring, 0.7)], "M"),
    shared("kmalloc-cg-32", &[(Kind::Inotify, 1.1), (InotifyWatch, 1.0), (FanotifyMark, 1.0)], "M"),
    shared("kmalloc-cg-64", &[(Message, 1.0)], "K ipc/msgutil.c, Linux 6.1"),
    shared("kmalloc-cg-128", &[(IoUring, 1.0), (Message, 1.0)], "M"),
    shared("kmalloc-cg-192", &[(Pipe, 0.5)], "M, K fs/pipe.c"),
    shared("kmalloc-cg-256", &[(MessageQueue, 1.0), (SharedMemory, 0.9)], "M, K ipc"),
    shared("kmalloc-cg-512", &[(SemaphoreSet, 0.9), (Kind::BpfMap, 1.0), (Kind::Inotify, 0.7)], "M"),
    shared("kmalloc-cg-1k", &[(Pipe, 0.5)], "M, K fs/pipe.c: the ring of buffers"),
    shared("*_inode_cache", &[(File, 1.0), (InotifyWatch, 1.0), (FanotifyMark, 1.0)], "K fs/inode.c: an inode with references is not reclaimed; an open or watched file has one"),
];

const fn object_type(name: &'static str, kinds: &'static [(Kind, f64)], source: &'static str) -> Link {
    Link { row: name, kinds, only: false, source }
}

const PUBLIC: &str = "pooltag.txt; _OBJECT_TYPE.Key";

/// Types of objects of Windows, by their names as `NtQueryObject` and Process Explorer have them. A row is the tag of the type.
#[rustfmt::skip]
pub const WINDOWS: &[Link] = &[
    object_type("File", &[(Kind::FileHandle, 1.0)], PUBLIC),
    object_type("Token", &[(Kind::TokenHandle, 1.0)], PUBLIC),
    object_type("Process", &[(Kind::ProcessHandle, 1.0), (Kind::Process, 1.0)], PUBLIC),
    object_type("Thread", &[(Kind::ThreadHandle, 1.0), (Thread, 1.0)], PUBLIC),
    object_type("Event", &[(Kind::EventHandle, 1.0)], PUBLIC),
    object_type("Key", &[(Kind::KeyHandle, 1.0)], PUBLIC),
    object_type("Semaphore", &[(Kind::SemaphoreHandle, 1.0)], PUBLIC),
    object_type("Mutant", &[(Kind::MutantHandle, 1.0)], PUBLIC),
    object_type("Section", &[(Kind::SectionHandle, 1.0)], PUBLIC),
    object_type("ALPC Port", &[(Kind::AlpcHandle, 1.0)], PUBLIC),
    object_type("Timer", &[(Kind::TimerHandle, 1.0)], PUBLIC),
    object_type("Job", &[(Kind::JobHandle, 1.0)], PUBLIC),
    object_type("IoCompletion", &[(Kind::CompletionHandle, 1.0)], PUBLIC),
    object_type("TpWorkerFactory", &[(Kind::WorkerHandle, 1.0)], PUBLIC),
    object_type("WaitCompletionPacket", &[(Kind::PacketHandle, 1.0)], "_OBJECT_TYPE.Key"),
    object_type("EtwRegistration", &[(Kind::EtwHandle, 1.0)], PUBLIC),
    object_type("Directory", &[(Kind::DirectoryHandle, 1.0)], PUBLIC),
    object_type("SymbolicLink", &[(Kind::LinkHandle, 1.0)], PUBLIC),
    object_type("Desktop", &[(Kind::DesktopHandle, 1.0)], PUBLIC),
    object_type("WindowStation", &[(Kind::StationHandle, 1.0)], PUBLIC),
];

/// The line for a row, by one of its names.
pub fn find(tag: &Tag) -> Option<&'static Link> {
    match tag {
        Tag::Name(name) => {
            let name = plain(name);
            LINUX.iter().find(|link| fits(link.row, &name))
        }
        Tag::Pool(tag) => WINDOWS.iter().find(|link| is_tag_of(*tag, link.row)),
    }
}

/// Whether it is one of the kernel's caches for allocations of any kind: what lives there is never known in full.
pub fn is_general(tag: &Tag) -> bool {
    matches!(tag, Tag::Name(name) if Kmalloc::parse(plain(name).as_bytes()).is_some())
}

/// Whether objects of this type of Windows are allocated under this tag.
pub fn is_tag_of(tag: PoolTag, object_type: &str) -> bool {
    let name = object_type.as_bytes();
    PoolTag::padded(name.get(..4).unwrap_or(name)) == Some(tag.unprotected())
}

/// The kind of a handle to an object of this type of Windows.
pub fn handle_kind(object_type: &str) -> Kind {
    let link = WINDOWS.iter().find(|link| link.row == object_type);
    link.and_then(|link| link.kinds.first()).map_or(Kind::OtherHandle, |(kind, _)| *kind)
}

/// One of several copies that the kernel makes of `kmalloc-64` (`kmalloc-rnd-07-64`) holds what `kmalloc-64` holds elsewhere.
fn plain(name: &str) -> String {
    let Some(rest) = name.strip_prefix("kmalloc-rnd-") else { return name.to_owned() };
    match rest.split_once('-') {
        Some((_, size)) => format!("kmalloc-{size}"),
        None => name.to_owned(),
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_name_with_kinds_and_a_source() {
        for link in LINUX {
            assert!(link.row.matches('*').count() <= 1, "{}", link.row);
            assert!(!link.kinds.is_empty() && !link.source.is_empty(), "{}", link.row);
            assert!(link.kinds.iter().all(|(_, per)| (0.1..=5.0).contains(per)), "{}", link.row);
            assert_eq!(find(&Tag::name(&link.row.replace('*', "2"))).map(|found| found.row), Some(link.row));
        }
    }

    #[test]
    fn rows_and_their_kinds() {
        let first = |name: &str| find(&Tag::name(name)).map(|link| link.kinds[0].0);
        assert_eq!(first("UNIX"), Some(Unix));
        assert_eq!(first("kmalloc-rnd-07-64"), Some(EventFd));
        assert_eq!(first("kmalloc-rnd-*-64"), Some(EventFd), "copies as one row");
        assert_eq!(first("tcp_bind2_bucket"), Some(Tcp));
        assert_eq!(first("ext4_inode_cache"), Some(File));
        assert_eq!(first("leakmod_objects"), None);
        assert_eq!(find(&Tag::pool(*b"Leak")), None);
        let general = ["kmalloc-8", "kmalloc-rnd-03-4k", "kmalloc-cg-16", "kmalloc-rcl-96", "dma-kmalloc-64"];
        assert!(general.iter().all(|name| is_general(&Tag::name(name))) && !is_general(&Tag::name("filp")));
    }

    #[test]
    fn tags_of_windows_are_the_beginnings_of_types() {
        let first = |tag: &[u8; 4]| find(&Tag::pool(*tag)).map(|link| link.kinds[0].0);
        assert_eq!(first(b"Toke"), Some(Kind::TokenHandle));
        assert_eq!(first(b"Tok\xe5"), Some(Kind::TokenHandle), "with the bit of a protected allocation");
        assert_eq!(
            (first(b"Key "), first(b"Job "), first(b"ALPC")),
            (Some(Kind::KeyHandle), Some(Kind::JobHandle), Some(Kind::AlpcHandle))
        );
        assert_eq!((first(b"Key\0"), first(b"toke")), (None, None));
        assert_eq!(
            (handle_kind("Mutant"), handle_kind("FilterCommunicationPort")),
            (Kind::MutantHandle, Kind::OtherHandle)
        );
        let mut tags: Vec<&[u8]> =
            WINDOWS.iter().map(|link| &link.row.as_bytes()[..4.min(link.row.len())]).collect();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), WINDOWS.len(), "each tag is one type's");
        for link in WINDOWS {
            assert!(link.kinds[0].0.sum() == Some(Kind::Handle) && !link.source.is_empty(), "{}", link.row);
        }
    }
}
