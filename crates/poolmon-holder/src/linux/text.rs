//! The text of `/proc`, word by word. Lines that are not understood are left out: newer kernels add some.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use crate::{Counts, Kind};

/// What `/proc/PID/stat` says of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat<'a> {
    /// Its name as the kernel has it; up to 15 bytes, any of them.
    pub name: &'a [u8],
    /// `R`, `S`, `Z` …
    pub state: u8,
    /// Its parent.
    pub parent: u32,
    /// Its threads.
    pub threads: u64,
    /// When it started, clock ticks since the boot.
    pub start: u64,
    /// Bytes of address space; 0 of kernel threads.
    pub space: u64,
    /// It is a thread of the kernel.
    pub is_kernel: bool,
}

/// `PF_KTHREAD` of the kernel's `include/linux/sched.h`: in field 9 since Linux 2.6.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// Parses `/proc/PID/stat`. A name may hold blanks and parentheses: the last `)` of the line ends it.
pub fn stat(text: &[u8]) -> Option<Stat<'_>> {
    let open = text.iter().position(|byte| *byte == b'(')?;
    let close = text.iter().rposition(|byte| *byte == b')')?;
    let name = text.get(open + 1..close)?;
    let mut words = words(text.get(close + 1..)?);
    let state = *words.next()?.first()?;
    let parent = number(words.next()?)?;
    // 4 is the parent, 9 flags, 20 num_threads, 22 starttime, 23 vsize (proc_pid_stat(5)).
    let is_kernel = number(words.nth(4)?)? & KERNEL_THREAD != 0;
    let threads = number(words.nth(10)?)?;
    let start = number(words.nth(1)?)?;
    let space = number(words.next()?)?;
    Some(Stat { name, state, parent: u32::try_from(parent).ok()?, threads, start, space, is_kernel })
}

/// Bytes of page tables, of `/proc/PID/status`.
pub fn page_tables(text: &[u8]) -> Option<u64> {
    let kilobytes = lines(text).find_map(|line| line.strip_prefix(b"VmPTE:"))?;
    number(words(kilobytes).next()?)?.checked_mul(1024)
}

/// Whether a line of `/proc/PID/maps` maps a file from its beginning: `7f00-7f10 r-xp 00000000 fd:00 1234 /lib/x`.
pub fn maps_file(line: &[u8]) -> bool {
    let mut words = words(line).skip(2);
    let is_start = words.next().is_some_and(|offset| offset.iter().all(|byte| *byte == b'0'));
    is_start && words.nth(1).and_then(number).is_some_and(|inode| inode != 0)
}

/// What a link in `/proc/PID/fd` points to. Sockets are refined by their protocol: [`protocol`].
pub fn descriptor(link: &[u8]) -> Kind {
    let link = link.strip_suffix(b" (deleted)").unwrap_or(link);
    if let Some(name) = link.strip_prefix(b"anon_inode:") {
        let name = name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]")).unwrap_or(name);
        return match name {
            b"eventpoll" => Kind::Epoll,
            b"eventfd" => Kind::EventFd,
            b"timerfd" => Kind::TimerFd,
            b"signalfd" => Kind::SignalFd,
            b"inotify" => Kind::Inotify,
            b"fanotify" => Kind::Fanotify,
            b"io_uring" => Kind::IoUring,
            b"bpf-map" => Kind::BpfMap,
            b"bpf-prog" => Kind::BpfProgram,
            b"bpf_link" | b"bpf-link" => Kind::BpfLink,
            b"perf_event" => Kind::PerfEvent,
            b"pidfd" => Kind::PidFd,
            _ => Kind::OtherAnon,
        };
    }
    if link.starts_with(b"socket:[") {
        return Kind::OtherSocket;
    }
    if link.starts_with(b"pipe:[") {
        return Kind::Pipe;
    }
    // `mnt:[4026531841]`: a namespace; a path begins with a slash.
    if !link.starts_with(b"/") && link.ends_with(b"]") {
        return if link.starts_with(b"pidfd:") { Kind::PidFd } else { Kind::Namespace };
    }
    match link {
        _ if link.starts_with(b"/memfd:") => Kind::Memfd,
        _ if link.starts_with(b"/dmabuf:") => Kind::DmaBuf,
        _ if link.starts_with(b"/dev/dri/") => Kind::Drm,
        _ => Kind::File,
    }
}

/// The kind of a socket of this protocol, as the attribute `system.sockprotoname` names it.
pub fn protocol(name: &[u8]) -> Kind {
    match name.strip_suffix(b"\0").unwrap_or(name) {
        b"UNIX-STREAM" => Kind::UnixStream,
        b"UNIX" => Kind::Unix,
        b"TCP" => Kind::Tcp,
        b"TCPv6" => Kind::Tcp6,
        b"UDP" | b"UDP-Lite" => Kind::Udp,
        b"UDPv6" | b"UDPLITEv6" => Kind::Udp6,
        b"RAW" | b"RAWv6" | b"PING" | b"PINGv6" => Kind::Raw,
        b"NETLINK" => Kind::Netlink,
        b"PACKET" => Kind::Packet,
        _ => Kind::OtherSocket,
    }
}

/// What is registered with a descriptor, and where: epoll instances, watches, marks.
pub const fn registers(kind: Kind) -> Option<(Kind, &'static [u8])> {
    match kind {
        Kind::Epoll => Some((Kind::EpollWatch, b"tfd:")),
        Kind::Inotify => Some((Kind::InotifyWatch, b"inotify ")),
        // The first line, `fanotify flags:`, is the group's own.
        Kind::Fanotify => Some((Kind::FanotifyMark, b"fanotify ")),
        _ => None,
    }
}

/// Whether a line of `/proc/PID/fdinfo/N` is of a registration; the kind's lines begin so.
pub fn is_registration(line: &[u8], begin: &[u8]) -> bool {
    line.starts_with(begin) && !line.starts_with(b"fanotify flags:")
}

/// A line of `/proc/locks`, or of a lock in `/proc/PID/fdinfo/N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock<'a> {
    /// The kind of lock.
    pub kind: Kind,
    /// It belongs to an open file (`F_OFD_SETLK`), not to a process.
    pub is_ofd: bool,
    /// No one else can have the same one.
    pub is_exclusive: bool,
    /// Its process; 0 for locks of open files and of other machines.
    pub pid: u32,
    /// The inode that it is of: `fd:00:1234`.
    pub file: &'a [u8],
    /// Its first and its last byte.
    pub range: [&'a [u8]; 2],
}

/// Parses `1: POSIX  ADVISORY  WRITE 4711 fd:00:1234 0 EOF`; `->` in front of the kind: it waits for the one above.
pub fn lock(line: &[u8]) -> Option<Lock<'_>> {
    let mut words = words(line).skip(1).skip_while(|word| *word == b"->");
    let name = words.next()?;
    let kind = match name {
        b"POSIX" | b"OFDLCK" | b"ACCESS" => Kind::PosixLock,
        b"FLOCK" => Kind::Flock,
        b"LEASE" | b"DELEG" | b"LAYOUT" => Kind::Lease,
        _ => return None,
    };
    let is_exclusive = words.nth(1)? == b"WRITE";
    let pid = words.next()?;
    number_or_signed(pid)?;
    let pid = number(pid).and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
    let mut place = || words.next().unwrap_or_default();
    Some(Lock {
        kind,
        is_ofd: name == b"OFDLCK",
        is_exclusive,
        pid,
        file: place(),
        range: [place(), place()],
    })
}

/// A System V message queue, of `/proc/sysvipc/msg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its id.
    pub id: u64,
    /// Messages in it.
    pub messages: u64,
    /// The process that sent the last one; 0 = none yet.
    pub sender: u32,
    /// The user that made it.
    pub creator: u32,
}

/// Parses a line of `/proc/sysvipc/msg`: `key msqid perms cbytes qnum lspid lrpid uid gid cuid cgid stime rtime ctime`.
pub fn queue(line: &[u8]) -> Option<Queue> {
    let mut words = words(line);
    number_or_signed(words.next()?)?;
    let id = number(words.next()?)?;
    let messages = number(words.nth(2)?)?;
    let sender = u32::try_from(number(words.next()?)?).ok()?;
    let creator = u32::try_from(number(words.nth(3)?)?).ok()?;
    Some(Queue { id, messages, sender, creator })
}

/// The creator of a semaphore set: `key semid perms nsems uid gid cuid cgid otime ctime`.
pub fn semaphore_set(line: &[u8]) -> Option<u32> {
    let mut words = words(line);
    number_or_signed(words.next()?)?;
    number(words.next()?)?;
    u32::try_from(number(words.nth(4)?)?).ok()
}

/// The creator of a shared memory segment:
/// `key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap`.
pub fn shared_memory(line: &[u8]) -> Option<u32> {
    let mut words = words(line);
    number_or_signed(words.next()?)?;
    number(words.next()?)?;
    u32::try_from(number(words.nth(7)?)?).ok()
}

/// The user and its keys, of a line of `/proc/key-users`: `    0:    83 82/82 78/1000000 1907/25000000`.
pub fn key_user(line: &[u8]) -> Option<(u32, u64)> {
    let mut words = words(line);
    let uid = number(words.next()?.strip_suffix(b":")?)?;
    words.next()?;
    let keys = words.next()?;
    let end = keys.iter().position(|byte| *byte == b'/')?;
    Some((u32::try_from(uid).ok()?, number(keys.get(..end)?)?))
}

/// A line of `/proc/PID/mountinfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MountLine<'a> {
    /// `major:minor`.
    pub device: &'a [u8],
    /// What of the file system is mounted: `/`, or `net:[4026532281]` of a namespace that is kept by its mount.
    pub root: &'a [u8],
    /// Where; blanks are written `\040`.
    pub place: &'a [u8],
    /// The type of the file system.
    pub system: &'a [u8],
}

/// Parses a line of `/proc/PID/mountinfo`.
pub fn mount(line: &[u8]) -> Option<MountLine<'_>> {
    let mut words = words(line);
    number(words.next()?)?;
    number(words.next()?)?;
    let (device, root, place) = (words.next()?, words.next()?, words.next()?);
    // Optional fields lie before the dash.
    words.find(|word| *word == b"-")?;
    Some(MountLine { device, root, place, system: words.next()? })
}

/// `\040` and the like as the bytes that they stand for.
pub fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let octal = |byte: &u8| (b'0'..=b'7').contains(byte);
        match after.get(..3).filter(|digits| byte == b'\\' && digits.iter().all(octal)) {
            Some(digits) => {
                let value = digits.iter().fold(0_u32, |sum, digit| sum * 8 + u32::from(digit - b'0'));
                plain.push((value & 0xff).to_le_bytes()[0]);
                rest = after.get(3..).unwrap_or_default();
            }
            None => plain.push(byte),
        }
    }
    plain
}

/// The number of a link to a namespace: `net:[4026531840]`.
pub fn namespace(link: &[u8]) -> Option<u64> {
    let start = link.iter().position(|byte| *byte == b'[')?;
    number(link.get(start + 1..)?.strip_suffix(b"]")?)
}

/// Figures of a control group: `memory.stat` of version 2. Version 1 has other names there, of which none is kernel memory.
pub fn group_memory(text: &[u8], counts: &mut Counts) {
    for line in lines(text) {
        let mut words = words(line);
        let (Some(name), Some(value)) = (words.next(), words.next().and_then(number)) else { continue };
        let kind = match name {
            b"slab_reclaimable" => Kind::GroupSlabReclaimable,
            b"slab_unreclaimable" => Kind::GroupSlabUnreclaimable,
            b"kernel_stack" => Kind::GroupKernelStack,
            b"pagetables" => Kind::GroupPageTables,
            b"percpu" => Kind::GroupPercpu,
            b"sock" => Kind::GroupSock,
            b"vmalloc" => Kind::GroupVmalloc,
            b"kernel" => Kind::GroupKernel,
            _ => continue,
        };
        counts.set(kind, value);
    }
}

/// Passes each line of the first `most` bytes of a file on, in little memory: some files of `/proc` have a million lines. Says whether
/// that was all of it.
pub fn each_line(path: &Path, most: u64, mut each: impl FnMut(&[u8])) -> io::Result<bool> {
    let mut reader = BufReader::with_capacity(1 << 15, File::open(path)?.take(most));
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        if !text.is_empty() {
            each(text);
        }
        line.clear();
    }
    Ok(reader.get_ref().limit() > 0)
}

/// The lines, without empty ones.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// A decimal number without sign.
pub fn number(word: &[u8]) -> Option<u64> {
    let value = |sum: u64, digit: &u8| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    };
    if word.is_empty() { None } else { word.iter().try_fold(0, value) }
}

/// Keys of System V objects are signed.
fn number_or_signed(word: &[u8]) -> Option<u64> {
    number(word.strip_prefix(b"-").unwrap_or(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_processes_may_hold_anything() {
        let line =
            b"4788 (a) R (b) S 1 4788 4788 0 -1 4194560 0 0 0 0 5 4 3 2 20 0 17 0 987654 1048576 200 1 2 3";
        let found = stat(line).unwrap();
        assert_eq!(found.name, b"a) R (b");
        assert_eq!((found.state, found.parent, found.threads), (b'S', 1, 17));
        assert_eq!((found.start, found.space, found.is_kernel), (987_654, 1_048_576, false));
        let kernel = b"77 (kworker/0:1) I 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 55 0 0";
        assert_eq!(stat(kernel).map(|found| (found.is_kernel, found.threads)), Some((true, 1)));
        assert_eq!(stat(b"4788 (a"), None);
        assert_eq!(page_tables(b"Name:\tx\nVmPTE:\t      44 kB\nThreads:\t1\n"), Some(45_056));
        assert_eq!(page_tables(b"Name:\tkthreadd\n"), None, "kernel threads have none");
        assert!(maps_file(b"7f00-7f10 r--p 00000000 fd:00 1234       /lib/x"));
        assert!(!maps_file(b"7f10-7f20 r-xp 00001000 fd:00 1234       /lib/x"), "its second part");
        assert!(!maps_file(b"7f20-7f30 rw-p 00000000 00:00 0 "), "no file");
    }

    #[test]
    fn links_of_descriptors() {
        for (link, kind) in [
            (&b"/dev/null"[..], Kind::File),
            (b"/var/log/x (deleted)", Kind::File),
            (b"socket:[1234]", Kind::OtherSocket),
            (b"pipe:[77]", Kind::Pipe),
            (b"anon_inode:[eventpoll]", Kind::Epoll),
            (b"anon_inode:inotify", Kind::Inotify),
            (b"anon_inode:bpf-map", Kind::BpfMap),
            (b"anon_inode:[userfaultfd]", Kind::OtherAnon),
            (b"/memfd:x (deleted)", Kind::Memfd),
            (b"/dmabuf:", Kind::DmaBuf),
            (b"/dev/dri/card0", Kind::Drm),
            (b"net:[4026531840]", Kind::Namespace),
            (b"pidfd:[4]", Kind::PidFd),
            (b"", Kind::File),
        ] {
            assert_eq!(descriptor(link), kind, "{}", String::from_utf8_lossy(link));
        }
        assert_eq!((protocol(b"TCPv6\0"), protocol(b"UNIX-STREAM")), (Kind::Tcp6, Kind::UnixStream));
        assert_eq!(protocol(b"SCTP"), Kind::OtherSocket);
    }

    #[test]
    fn lines_of_a_long_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks");
        let long = "x".repeat(100_000);
        std::fs::write(&path, format!("one\n\n{long}\nlast")).unwrap();
        let mut lengths = Vec::new();
        assert!(each_line(&path, u64::MAX, |line| lengths.push(line.len())).unwrap());
        assert_eq!(lengths, [3, 100_000, 4], "none is cut, empty ones are left out");
        assert!(!each_line(&path, 9, |_| ()).unwrap(), "not all of it");
        assert!(each_line(&folder.path().join("none"), 9, |_| ()).is_err());
    }

    #[test]
    fn registrations_and_watches() {
        let registered = |text, begin| lines(text).filter(|line| is_registration(line, begin)).count();
        let epoll = b"pos:\t0\nflags:\t02\nmnt_id:\t15\ntfd:        5 events:       1d data: 5 \ntfd: 6\n";
        assert_eq!(registered(epoll, b"tfd:"), 2);
        let inotify = b"pos:\t0\ninotify wd:3 ino:9e7e sdev:800013 mask:800afce\n";
        assert_eq!(registered(inotify, b"inotify "), 1);
        let fanotify =
            b"fanotify flags:10 event-flags:0\nfanotify mnt_id:12 mflags:40\nfanotify ino:4f sdev:8\n";
        assert_eq!(registered(fanotify, b"fanotify "), 2, "the first line is the group itself");
    }

    #[test]
    fn locks_with_their_processes() {
        let of = |line: &'static str| lock(line.as_bytes());
        let short = |line| of(line).map(|lock| (lock.kind, lock.pid, lock.is_ofd, lock.is_exclusive));
        assert_eq!(
            of("1: POSIX  ADVISORY  WRITE 4711 fd:00:1234 7 EOF"),
            Some(Lock {
                kind: Kind::PosixLock,
                is_ofd: false,
                is_exclusive: true,
                pid: 4711,
                file: b"fd:00:1234",
                range: [b"7", b"EOF"]
            })
        );
        assert_eq!(
            short("1: -> POSIX  ADVISORY  READ 12 fd:00:1234 0 EOF"),
            Some((Kind::PosixLock, 12, false, false))
        );
        assert_eq!(of("1: -> POSIX  ADVISORY  READ 12 fd:00:1234 0 EOF").unwrap().file, b"fd:00:1234");
        assert_eq!(short("2: FLOCK  ADVISORY  WRITE 8 00:17:9 0 EOF"), Some((Kind::Flock, 8, false, true)));
        assert_eq!(short("3: LEASE  ACTIVE    READ 9 00:17:9 0 EOF"), Some((Kind::Lease, 9, false, false)));
        let of_file = short("4: OFDLCK ADVISORY  READ -1 00:06:1 0 EOF");
        assert_eq!(of_file, Some((Kind::PosixLock, 0, true, false)), "of no process");
        assert_eq!((of("5: POSIX"), of("5: POSIX ADVISORY WRITE x")), (None, None));
    }

    #[test]
    fn objects_of_system_v() {
        let msg = b"  -123   3   600  160  4  4788  0  1000 1000 1001 1000 1700000000 0 1700000000";
        assert_eq!(queue(msg), Some(Queue { id: 3, messages: 4, sender: 4788, creator: 1001 }));
        assert_eq!(
            queue(b"       key      msqid perms      cbytes       qnum lspid lrpid"),
            None,
            "the heading"
        );
        assert_eq!(semaphore_set(b" 0 5 600 1 0 0 33 0 0 1700000000"), Some(33));
        let shm = b" 0 7 600 4096 4788 4788 1 0 0 44 0 1700000000 0 1700000000 4096 0";
        assert_eq!(shared_memory(shm), Some(44));
        assert_eq!(key_user(b"    0:   190 189/189 184/1000000 5515/25000000"), Some((0, 189)));
        assert_eq!(key_user(b"nonsense"), None);
    }

    #[test]
    fn mounts_and_namespaces() {
        let line = b"36 35 98:0 / /mnt/a\\040b rw,noatime master:1 shared:2 - tmpfs tmpfs rw,size=4k";
        let found = mount(line).unwrap();
        assert_eq!((found.device, found.root, found.system), (&b"98:0"[..], &b"/"[..], &b"tmpfs"[..]));
        assert_eq!(unescaped(found.place), b"/mnt/a b");
        assert_eq!(unescaped(b"a\\04"), b"a\\04");
        assert_eq!(namespace(b"net:[4026531840]"), Some(4_026_531_840));
        assert_eq!(namespace(b"/proc/1/ns/net"), None);
    }

    #[test]
    fn figures_of_a_control_group() {
        let mut counts = Counts::default();
        group_memory(b"anon 4096\nkernel 900\nslab_unreclaimable 77\nsock 0\nnew_one x\n", &mut counts);
        assert_eq!(counts.get(Kind::GroupSlabUnreclaimable), Some(77));
        assert_eq!((counts.get(Kind::GroupSock), counts.get(Kind::GroupVmalloc)), (Some(0), None));
    }

    proptest! {
        #[test]
        fn no_text_ends_a_parser(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut counts = Counts::default();
            group_memory(&text, &mut counts);
            let _ = (stat(&text), page_tables(&text), descriptor(&text), protocol(&text), lock(&text));
            let _ = (queue(&text), semaphore_set(&text), shared_memory(&text), key_user(&text), mount(&text));
            let _ = (namespace(&text), number(&text), is_registration(&text, b"tfd:"));
            prop_assert!(unescaped(&text).len() <= text.len());
        }
    }
}
