//! One process: what it holds, read again only as far as it may have changed.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::calls::Calls;
use super::text::{self, Stat};
use super::{group, script};
use crate::{Counts, Kind};

/// Everything is read again at every 64th census. In between, a descriptor that was closed and opened again with another kind is
/// still counted as what it was.
const FULL: u64 = 64;

const fn is_lockable(kind: Kind) -> bool {
    matches!(kind, Kind::File | Kind::Memfd)
}

/// What is known of a process.
#[derive(Debug)]
pub struct Process {
    pub start: u64,
    pub name: Arc<str>,
    /// Unit or container, if its control group tells.
    pub group: Option<Arc<str>>,
    pub counts: Counts,
    pub parent: u32,
    pub is_zombie: bool,
    /// A thread of the kernel.
    pub is_kernel: bool,
    /// Its mount and its network namespace.
    pub namespaces: [Option<u64>; 2],
    /// Network namespaces that its descriptors keep.
    pub nets: Vec<u64>,
    /// Its descriptors may not be read.
    pub is_closed: bool,
    /// The census that saw it last.
    pub seen: u64,
    /// The censuses that it was seen by.
    sights: u64,
    name_bytes: Vec<u8>,
    /// Number and kind of each descriptor, by number.
    open: Vec<(u32, Kind)>,
    descriptors: Option<u64>,
    space: Option<u64>,
    /// POSIX locks, flocks and leases when they were counted last.
    known_locks: Option<[u64; 3]>,
    /// Locks of its open files (`F_OFD_SETLK`), as its descriptors had them when they were asked last.
    file_locks: u64,
}

/// Kinds of locks.
pub const LOCKS: [Kind; 3] = [Kind::PosixLock, Kind::Flock, Kind::Lease];

impl Process {
    /// Before anything but its line was read.
    pub fn new(stat: &Stat<'_>) -> Self {
        Self {
            start: stat.start,
            name: "".into(),
            group: None,
            counts: Counts::default(),
            parent: stat.parent,
            is_zombie: false,
            is_kernel: stat.is_kernel,
            namespaces: [None; 2],
            nets: Vec::new(),
            is_closed: false,
            seen: 0,
            sights: 0,
            name_bytes: Vec::new(),
            open: Vec::new(),
            descriptors: None,
            space: None,
            known_locks: None,
            file_locks: 0,
        }
    }

    /// What the list of all locks has of it: all, or (of a list that was cut) that many at least.
    pub fn listed_locks(&mut self, counts: [u64; 3], is_cut: bool) {
        let known = self.known_locks.filter(|_| is_cut).unwrap_or_default();
        let mut locks = counts;
        for (count, known) in locks.iter_mut().zip(known) {
            *count = known.max(*count);
        }
        if !is_cut {
            self.known_locks = Some(locks);
        }
        self.set_locks(locks);
    }

    fn set_locks(&mut self, locks: [u64; 3]) {
        for (kind, count) in LOCKS.into_iter().zip(locks) {
            self.counts.set(kind, count);
        }
        self.counts.add(Kind::PosixLock, self.file_locks);
    }

    /// Locks of its open files, as far as is known.
    pub const fn file_locks(&self) -> u64 {
        self.file_locks
    }

    /// No open file of the machine has a lock any more.
    pub fn forget_file_locks(&mut self) {
        self.file_locks = 0;
    }

    /// Descriptors that may have locks.
    pub fn lockable(&self) -> usize {
        if self.is_closed { 0 } else { self.open.iter().filter(|(_, kind)| is_lockable(*kind)).count() }
    }

    /// Brings it up to date. `folder`: its folder in `/proc`; `pid` spreads full readings over censuses.
    pub fn refresh(&mut self, folder: &Path, pid: u32, stat: &Stat<'_>, round: u64, calls: &Calls) {
        let is_new = self.seen == 0;
        let full = is_new || (round + u64::from(pid)).is_multiple_of(FULL);
        self.seen = round;
        self.parent = stat.parent;
        self.is_zombie = matches!(stat.state, b'Z' | b'X');
        self.sights += 1;
        // It may have become another program: between fork and exec it still is its parent, and a new script need not change its name.
        if is_new || full || self.sights == 2 || self.name_bytes != stat.name {
            self.name_bytes = stat.name.to_vec();
            let name = script::name(stat.name, folder);
            if name != self.name {
                self.name = name;
            }
        }
        self.counts.set(Kind::Thread, stat.threads);
        for kind in [Kind::Child, Kind::Zombie, Kind::PosixLock, Kind::Flock, Kind::Lease] {
            self.counts.forget(kind);
        }
        if self.is_zombie || stat.space == 0 {
            // Kernel threads and the dead hold no descriptors.
            self.open.clear();
            self.count();
            return;
        }
        if full {
            self.group = fs::read(folder.join("cgroup")).ok().and_then(|text| group::of_process(&text));
            for (place, name) in self.namespaces.iter_mut().zip(["ns/mnt", "ns/net"]) {
                let link = fs::read_link(folder.join(name)).ok();
                *place = link.and_then(|link| text::namespace(link.as_os_str().as_encoded_bytes()));
            }
        }
        // Most processes have none, and are asked seldom.
        let asks = full || self.counts.get(Kind::PosixTimer).is_some_and(|timers| timers > 0);
        if asks && let Ok(timers) = fs::read(folder.join("timers")) {
            let timers = text::lines(&timers).filter(|line| line.starts_with(b"ID:")).count();
            self.counts.set(Kind::PosixTimer, timers as u64);
        }
        if full || self.space != Some(stat.space) {
            self.space = Some(stat.space);
            let (mut all, mut files) = (0, 0);
            let count = |line: &[u8]| {
                all += 1;
                files += u64::from(text::maps_file(line));
            };
            if text::each_line(&folder.join("maps"), u64::MAX, count).is_ok() {
                self.counts.set(Kind::Mapping, all);
                self.counts.set(Kind::MappedFile, files);
            }
            if let Some(bytes) =
                fs::read(folder.join("status")).ok().and_then(|text| text::page_tables(&text))
            {
                self.counts.set(Kind::PageTable, bytes);
            }
        }
        self.descriptors(&folder.join("fd"), full, calls);
        self.registered(&folder.join("fdinfo"));
    }

    fn descriptors(&mut self, folder: &Path, full: bool, calls: &Calls) {
        let count = (calls.descriptors)(folder);
        if !full && count.is_some() && count == self.descriptors {
            return;
        }
        self.descriptors = count;
        match self.list(folder, full, calls) {
            Ok(()) => {
                self.is_closed = false;
                self.count();
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.is_closed = true;
                self.open.clear();
                for kind in [Kind::Socket].into_iter().chain(Kind::Descriptor.parts()) {
                    self.counts.forget(kind);
                }
                match count {
                    Some(count) => self.counts.set(Kind::Descriptor, count),
                    None => self.counts.forget(Kind::Descriptor),
                }
            }
            // It has just ended; the next census does not find it.
            Err(_) => {}
        }
    }

    /// Lists the descriptors; those that were there before keep their kind unless everything is read.
    fn list(&mut self, folder: &Path, full: bool, calls: &Calls) -> io::Result<()> {
        let mut numbers = Vec::with_capacity(self.open.len());
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            let number = text::number(name.as_encoded_bytes()).and_then(|number| u32::try_from(number).ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        if full {
            self.open.clear();
            self.nets.clear();
        }
        let mut open = Vec::with_capacity(numbers.len());
        let mut before = std::mem::take(&mut self.open).into_iter().peekable();
        for number in numbers {
            while before.next_if(|(old, _)| *old < number).is_some() {}
            let known = before.next_if(|(old, _)| *old == number);
            // One that was closed since the list was read is left out.
            open.extend(
                known.or_else(|| Some((number, self.kind(&folder.join(number.to_string()), calls)?))),
            );
        }
        self.open = open;
        Ok(())
    }

    fn kind(&mut self, path: &Path, calls: &Calls) -> Option<Kind> {
        let link = fs::read_link(path).ok()?;
        let link = link.as_os_str().as_encoded_bytes();
        let kind = text::descriptor(link);
        match kind {
            Kind::OtherSocket => Some((calls.protocol)(path).map_or(kind, |name| text::protocol(&name))),
            Kind::Namespace if link.starts_with(b"net:[") => {
                self.nets.extend(text::namespace(link));
                Some(kind)
            }
            _ => Some(kind),
        }
    }

    /// Counts its descriptors by kind.
    fn count(&mut self) {
        for kind in [Kind::Descriptor, Kind::Socket].into_iter().chain(Kind::Descriptor.parts()) {
            self.counts.set(kind, 0);
        }
        for (_, kind) in &self.open {
            self.counts.add(*kind, 1);
        }
        let sockets = Kind::Socket.parts().filter_map(|kind| self.counts.get(kind)).sum();
        self.counts.set(Kind::Socket, sockets);
        self.counts.set(Kind::Descriptor, self.open.len() as u64);
    }

    /// What its epoll, inotify and fanotify descriptors have registered. The kernel counts it nowhere, so it is read each time.
    fn registered(&mut self, folder: &Path) {
        if self.is_closed {
            return;
        }
        for kind in [Kind::EpollWatch, Kind::InotifyWatch, Kind::FanotifyMark] {
            self.counts.set(kind, 0);
        }
        for (number, kind) in &self.open {
            let Some((what, begin)) = text::registers(*kind) else { continue };
            let mut count = 0;
            let look = |line: &[u8]| count += u64::from(text::is_registration(line, begin));
            if text::each_line(&folder.join(number.to_string()), u64::MAX, look).is_ok() {
                self.counts.add(what, count);
            }
        }
    }

    /// Its locks as its descriptors have them, which costs a walk over its own locks alone. Those of its open files are known by nothing
    /// else; its others are taken from here if the list of all locks was cut.
    pub fn locks(&mut self, pid: u32, folder: &Path, is_cut: bool) {
        let mut counts = FxHashMap::<Kind, u64>::default();
        // A process has its POSIX locks of a file once, through however many descriptors.
        let mut files = FxHashSet::<Vec<u8>>::default();
        let mut of_files = 0;
        // A descriptor that was duplicated leads to the same open file, which has an exclusive lock once.
        let mut exclusive = FxHashSet::<Vec<u8>>::default();
        for (number, _) in self.open.iter().filter(|(_, kind)| is_lockable(*kind)) {
            let mut file: Option<Vec<u8>> = None;
            let mut is_known = false;
            let count = |line: &[u8]| {
                let Some(lock) = line.strip_prefix(b"lock:").and_then(text::lock) else { return };
                if lock.is_ofd {
                    let place = [lock.file, lock.range[0], lock.range[1]].join(&b' ');
                    of_files += u64::from(!lock.is_exclusive || exclusive.insert(place));
                    return;
                }
                if lock.pid != pid {
                    return;
                }
                if file.is_none() {
                    is_known = !files.insert(lock.file.to_vec());
                    file = Some(lock.file.to_vec());
                }
                if !(is_known && lock.kind == Kind::PosixLock) {
                    *counts.entry(lock.kind).or_default() += 1;
                }
            };
            let _ = text::each_line(&folder.join(number.to_string()), u64::MAX, count);
        }
        self.file_locks = of_files;
        if is_cut {
            self.known_locks = Some(LOCKS.map(|kind| counts.get(&kind).copied().unwrap_or(0)));
        }
        self.set_locks(self.known_locks.unwrap_or_default());
    }
}
