//! Linux: `/proc` and control groups as a [`Census`].
//!
//! The cheapest figures first: a process whose number of descriptors did not change since the last census is not looked into
//! again but at every 64th, and mappings are counted again if its address space changed.
//!
//! * `text.rs`: lines of `/proc`; `calls.rs`: what only system calls say;
//! * `process.rs`: descriptors, threads, mappings of a process; `script.rs`: which script it runs;
//!   `machine.rs`: locks, System V objects, keys, mounts, tmpfs;
//! * `group.rs`: control groups, units, containers.

mod calls;
mod group;
mod machine;
mod process;
mod script;
#[cfg(test)]
mod tests;
#[doc(hidden)]
pub mod text;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use poolmon_model::problem::Problem;
use rustc_hash::{FxHashMap, FxHashSet};

pub use calls::{Calls, Fill};
pub use group::unit;
use process::{LOCKS, Process};

use crate::{Census, Counts, Entry, Holder, HolderId, Kind};

/// The inode of the first namespace of processes, the same on every machine (`PROC_PID_INIT_INO` in the kernel's source).
const FIRST_PID_NAMESPACE: u64 = 0xefff_fffc;

/// Of machines with very many locks, or with locks of open files, the processes with most of them whose locks are counted each time.
const LOCKERS: usize = 8;

/// And descriptors of the others that are asked at each census, so that after some of them every process is counted.
const ASKED: usize = 2_000;

/// Reads holders of the system below a root.
#[derive(Debug)]
pub struct Reader {
    root: PathBuf,
    calls: Calls,
    processes: FxHashMap<u32, Process>,
    other_locks: Vec<(Kind, u64)>,
    /// The last process whose locks were asked for in turn.
    asked: u32,
    round: u64,
}

impl Reader {
    /// The system below `root`: `/` in life.
    pub fn new(root: &Path) -> Self {
        Self::with_calls(root, Calls::default())
    }

    /// The same with other system calls: tests play a system in a folder.
    pub fn with_calls(root: &Path, calls: Calls) -> Self {
        let (processes, other_locks) = (FxHashMap::default(), Vec::new());
        Self { root: root.to_owned(), calls, processes, other_locks, asked: 0, round: 0 }
    }

    /// Fills `census` with the holders of now. What it held before is forgotten.
    ///
    /// # Errors
    ///
    /// `/proc` cannot be listed.
    pub fn census_into(&mut self, census: &mut Census) -> Result<(), Problem> {
        self.round += 1;
        *census = Census { entries: std::mem::take(&mut census.entries), ..Census::default() };
        census.entries.clear();
        // All at one moment, and it may take the longest: first.
        let locks = machine::locks(&self.root);
        self.processes()?;
        self.families();
        self.locks(locks, census);
        self.push_processes(census);
        self.push_machine(census);
        self.see_what_is_hidden(census);
        remark(census);
        Ok(())
    }

    fn processes(&mut self) -> Result<(), Problem> {
        let folder = self.root.join("proc");
        let failed = |error: std::io::Error| Problem {
            message: format!("cannot list {}: {error}", folder.display()),
            remedy: Some("mount it: mount -t proc proc /proc".to_owned()),
        };
        for entry in fs::read_dir(&folder).map_err(failed)?.flatten() {
            let name = entry.file_name();
            let pid = text::number(name.as_encoded_bytes()).and_then(|pid| u32::try_from(pid).ok());
            let Some(pid) = pid else { continue };
            let path = entry.path();
            // It may have ended since the folder was listed.
            let Ok(line) = fs::read(path.join("stat")) else { continue };
            let Some(stat) = text::stat(&line) else { continue };
            let process = self.processes.entry(pid).or_insert_with(|| Process::new(&stat));
            if process.start != stat.start {
                *process = Process::new(&stat);
            }
            process.refresh(&path, pid, &stat, self.round, &self.calls);
        }
        let round = self.round;
        self.processes.retain(|_, process| process.seen == round);
        if self.processes.is_empty() {
            // This one is always listed.
            return Err(failed(std::io::Error::other("it lists no process")));
        }
        Ok(())
    }

    /// Children and zombies count for their parent.
    fn families(&mut self) {
        // Threads of the kernel are no program's.
        let own = self.processes.values().filter(|process| !process.is_kernel);
        let children: Vec<_> = own.map(|process| (process.parent, process.is_zombie)).collect();
        for process in self.processes.values_mut() {
            process.counts.set(Kind::Child, 0);
            process.counts.set(Kind::Zombie, 0);
        }
        for (parent, is_zombie) in children {
            if let Some(parent) = self.processes.get_mut(&parent) {
                parent.counts.add(if is_zombie { Kind::Zombie } else { Kind::Child }, 1);
            }
        }
    }

    /// Locks of processes and of their open files (`F_OFD_SETLK`); the rest belongs to other machines, or to processes that were not asked
    /// yet, and is kept for the machine.
    fn locks(&mut self, locks: Option<machine::Locks>, census: &mut Census) {
        self.other_locks.clear();
        let Some(locks) = locks else {
            census.remarks.push("locks are unknown: proc/locks cannot be read".to_owned());
            return;
        };
        let is_asked = locks.is_cut || locks.of_files > 0;
        for (&pid, process) in &mut self.processes {
            let of = |kind| locks.counts.get(&(pid, kind)).copied().unwrap_or(0);
            if !is_asked {
                process.forget_file_locks();
            }
            process.listed_locks(LOCKS.map(of), locks.is_cut);
        }
        let others = locks.counts.iter().filter(|((pid, _), _)| !self.processes.contains_key(pid));
        self.other_locks.extend(others.map(|(&(_, kind), &count)| (kind, count)));
        if is_asked {
            self.locks_in_turn(&locks);
        }
        let of_files = self.processes.values().map(Process::file_locks).fold(0, u64::saturating_add);
        if let Some(rest) = locks.of_files.checked_sub(of_files).filter(|rest| *rest > 0) {
            self.other_locks.push((Kind::PosixLock, rest));
        }
        if locks.is_cut {
            census.hidden = true;
            census.remarks.push(format!(
                "there are very many file locks: those of the {LOCKERS} processes with most of them are counted, and those of others in \
                 turn, a few processes at each count"
            ));
        }
    }

    /// Of a list that was cut, most processes have more locks than it shows, or none there, and of open files it says no process: their
    /// descriptors know.
    fn locks_in_turn(&mut self, locks: &machine::Locks) {
        let mut pids = if locks.is_cut { locks.processes(LOCKERS) } else { Vec::new() };
        let with = self.processes.iter().map(|(&pid, process)| (process.file_locks(), pid));
        let mut with: Vec<(u64, u32)> = with.filter(|(count, _)| *count > 0).collect();
        with.sort_unstable_by(|a, b| b.cmp(a));
        with.truncate(LOCKERS);
        with.retain(|(_, pid)| !pids.contains(pid));
        pids.extend(with.into_iter().map(|(_, pid)| pid));
        let mut all: Vec<u32> = self.processes.keys().copied().collect();
        all.sort_unstable();
        let next = all.partition_point(|pid| *pid <= self.asked);
        all.rotate_left(next);
        let mut asked = 0;
        for pid in all {
            let lockable = self.processes.get(&pid).map_or(0, Process::lockable);
            // One with more than that is asked alone.
            if asked > 0 && asked + lockable > ASKED {
                break;
            }
            asked += lockable;
            self.asked = pid;
            if !pids.contains(&pid) {
                pids.push(pid);
            }
        }
        for pid in pids {
            if let Some(process) = self.processes.get_mut(&pid).filter(|process| !process.is_closed) {
                process.locks(pid, &self.root.join(format!("proc/{pid}/fdinfo")), locks.is_cut);
            }
        }
    }

    /// Inside of a container, processes outside are not listed.
    fn see_what_is_hidden(&self, census: &mut Census) {
        let link = fs::read_link(self.root.join("proc/self/ns/pid")).ok();
        let namespace = link.and_then(|link| text::namespace(link.as_os_str().as_encoded_bytes()));
        if namespace.is_some_and(|inode| inode != FIRST_PID_NAMESPACE) {
            census.hidden = true;
            census.remarks.push("this is a container: processes outside of it are not seen".to_owned());
        }
        // Each namespace has a process 1. Mounted with `hidepid`, `/proc` shows those of others to root alone.
        if namespace.is_some() && !self.processes.contains_key(&1) {
            census.hidden = true;
            census.remarks.push(
                "processes of other users are hidden (/proc is mounted with hidepid): run with sudo to count them".to_owned(),
            );
        }
    }

    fn push_processes(&self, census: &mut Census) {
        for (&pid, process) in &self.processes {
            // What a zombie keeps counts for its parent.
            if process.is_zombie {
                continue;
            }
            census.processes += 1;
            census.closed += u64::from(process.is_closed);
            let id = HolderId::Process { pid, start: process.start };
            census.entries.push(Entry {
                holder: Holder { id, name: Arc::clone(&process.name) },
                group: process.group.clone(),
                counts: process.counts.clone(),
            });
        }
    }

    fn push_machine(&self, census: &mut Census) {
        let entries = &mut census.entries;
        let name = |pid: u32| self.processes.get(&pid).map(|process| Arc::clone(&process.name));
        machine::users(&self.root, &name, entries);
        let mut namespaces = BTreeMap::<u64, (u32, Arc<str>)>::new();
        let mut nets = FxHashSet::default();
        for (&pid, process) in &self.processes {
            let [mount, net] = process.namespaces;
            nets.extend(net);
            nets.extend(&process.nets);
            let Some(mount) = mount else { continue };
            let first = namespaces.entry(mount).or_insert_with(|| (pid, Arc::clone(&process.name)));
            if pid < first.0 {
                *first = (pid, Arc::clone(&process.name));
            }
        }
        machine::mounts(&self.root, &namespaces, &mut nets, &self.calls, entries);
        let mut counts = Counts::default();
        for &(kind, count) in &self.other_locks {
            counts.add(kind, count);
        }
        if !nets.is_empty() {
            counts.set(Kind::NetNamespace, nets.len() as u64);
        }
        if let Some(devices) = machine::loop_devices(&self.root) {
            counts.set(Kind::LoopDevice, devices);
        }
        let holder = Holder { id: HolderId::Machine, name: "this machine".into() };
        entries.push(Entry { holder, group: None, counts });
        if !group::read(&self.root, entries) {
            census.remarks.push("there are more than 1,000 control groups: the rest was not read".to_owned());
        }
    }
}

fn remark(census: &mut Census) {
    if census.closed > 0 {
        census.remarks.push(format!(
            "the descriptors of {} of {} processes may not be read: run as root to count them",
            census.closed, census.processes
        ));
    }
}
