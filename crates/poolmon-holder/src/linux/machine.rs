//! What belongs to no single process: locks, System V objects, keys, loop devices, mounts, namespaces, file systems in memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::calls::Calls;
use super::text;
use crate::holder::shown;
use crate::{Counts, Entry, Holder, HolderId, Kind};

/// Bytes of `/proc/locks` that are read, some 17,000 lines: for each page of it, the kernel walks all locks of those before again.
pub const MOST_LOCKS: u64 = 1 << 20;

/// Locks by kind and process.
#[derive(Debug, Default)]
pub struct Locks {
    pub counts: FxHashMap<(u32, Kind), u64>,
    /// Those of open files, of which the list does not say who has them.
    pub of_files: u64,
    /// There are more than were read.
    pub is_cut: bool,
}

impl Locks {
    /// The processes with most of them, at most this many.
    pub fn processes(&self, most: usize) -> Vec<u32> {
        let mut pids: FxHashMap<u32, u64> = FxHashMap::default();
        for (&(pid, _), count) in self.counts.iter().filter(|((pid, _), _)| *pid > 0) {
            *pids.entry(pid).or_default() += count;
        }
        let mut pids: Vec<(u64, u32)> = pids.into_iter().map(|(pid, count)| (count, pid)).collect();
        pids.sort_unstable_by(|a, b| b.cmp(a));
        pids.into_iter().take(most).map(|(_, pid)| pid).collect()
    }
}

/// All locks, or the newest of each processor, if there are very many.
pub fn locks(root: &Path) -> Option<Locks> {
    let mut locks = Locks::default();
    let count = |line: &[u8]| match text::lock(line) {
        Some(lock) if lock.is_ofd => locks.of_files += 1,
        Some(lock) => *locks.counts.entry((lock.pid, lock.kind)).or_default() += 1,
        None => {}
    };
    let is_cut = !text::each_line(&root.join("proc/locks"), MOST_LOCKS, count).ok()?;
    Some(Locks { is_cut, ..locks })
}

/// Users with the System V objects that they made and their keys; queues that hold messages, those of one last sender together.
pub fn users(root: &Path, name_of: &dyn Fn(u32) -> Option<Arc<str>>, entries: &mut Vec<Entry>) {
    let mut users: BTreeMap<u32, Counts> = BTreeMap::new();
    let mut add = |uid: u32, kind: Kind, count: u64| users.entry(uid).or_default().add(kind, count);
    let read = |name: &str| fs::read(root.join("proc").join(name)).unwrap_or_default();
    let mut senders: BTreeMap<u32, (u64, u64, u64)> = BTreeMap::new();
    for queue in text::lines(&read("sysvipc/msg")).filter_map(text::queue) {
        add(queue.creator, Kind::MessageQueue, 1);
        if queue.messages > 0 {
            let (queues, messages, id) = senders.entry(queue.sender).or_default();
            (*queues, *messages, *id) = (*queues + 1, messages.saturating_add(queue.messages), queue.id);
        }
    }
    for (sender, (queues, messages, id)) in senders {
        let mut counts = Counts::default();
        counts.set(Kind::Message, messages);
        let name: Arc<str> = match name_of(sender) {
            Some(name) => format!("last sender {name}, pid {sender}").into(),
            None => format!("last sender pid {sender}").into(),
        };
        // None of many queues grows all the time if a process fills one after the other.
        let id =
            if queues == 1 { HolderId::Queue { id } } else { HolderId::Sender { name: Arc::clone(&name) } };
        entries.push(Entry { holder: Holder { id, name }, group: None, counts });
    }
    for uid in text::lines(&read("sysvipc/sem")).filter_map(text::semaphore_set) {
        add(uid, Kind::SemaphoreSet, 1);
    }
    for uid in text::lines(&read("sysvipc/shm")).filter_map(text::shared_memory) {
        add(uid, Kind::SharedMemory, 1);
    }
    for (uid, keys) in text::lines(&read("key-users")).filter_map(text::key_user) {
        add(uid, Kind::Key, keys);
    }
    entries.extend(users.into_iter().map(|(uid, counts)| Entry {
        holder: Holder { id: HolderId::User { uid }, name: format!("uid {uid}").into() },
        group: None,
        counts,
    }));
}

/// Loop devices with a file behind them.
pub fn loop_devices(root: &Path) -> Option<u64> {
    let devices = fs::read_dir(root.join("sys/block")).ok()?.flatten();
    let is_used = |path: &Path| path.join("loop/backing_file").exists();
    Some(devices.filter(|device| is_used(&device.path())).count() as u64)
}

/// Mounts of each namespace, and file systems in memory. `namespaces`: inode of a mount namespace, a process in it and its name.
/// Network namespaces that a mount keeps are added to `nets`.
pub fn mounts(
    root: &Path,
    namespaces: &BTreeMap<u64, (u32, Arc<str>)>,
    nets: &mut FxHashSet<u64>,
    calls: &Calls,
    entries: &mut Vec<Entry>,
) {
    let mut systems: FxHashSet<Vec<u8>> = FxHashSet::default();
    for (&inode, (pid, name)) in namespaces {
        let folder = root.join(format!("proc/{pid}"));
        let Ok(table) = fs::read(folder.join("mountinfo")) else { continue };
        let mut counts = Counts::default();
        let lines: Vec<_> = text::lines(&table).filter_map(text::mount).collect();
        // Of two file systems at one place, the later one hides the other, which cannot be asked.
        let last: FxHashMap<&[u8], usize> =
            lines.iter().enumerate().map(|(at, mount)| (mount.place, at)).collect();
        for (at, mount) in lines.iter().enumerate() {
            counts.add(Kind::Mount, 1);
            if mount.system == b"nsfs" && mount.root.starts_with(b"net:[") {
                nets.extend(text::namespace(mount.root));
            }
            let is_seen = last.get(mount.place) == Some(&at);
            if mount.system == b"tmpfs" && is_seen && systems.insert(mount.device.to_vec()) {
                entries.extend(tmpfs(&folder, mount, calls));
            }
        }
        let holder =
            Holder { id: HolderId::MountNamespace { inode }, name: format!("{name}, pid {pid}").into() };
        entries.push(Entry { holder, group: None, counts });
    }
}

fn tmpfs(folder: &Path, mount: &text::MountLine<'_>, calls: &Calls) -> Option<Entry> {
    use std::os::unix::ffi::OsStrExt as _;

    let place = text::unescaped(mount.place);
    let relative = place.strip_prefix(b"/").unwrap_or(&place);
    let path = folder.join("root").join(std::ffi::OsStr::from_bytes(relative));
    let fill = (calls.fill)(&path)?;
    let mut counts = Counts::default();
    counts.set(Kind::TmpfsBytes, fill.bytes);
    if let Some(inodes) = fill.inodes {
        counts.set(Kind::TmpfsInode, inodes);
    }
    let holder = Holder { id: HolderId::Tmpfs { device: shown(mount.device) }, name: shown(&place) };
    Some(Entry { holder, group: None, counts })
}
