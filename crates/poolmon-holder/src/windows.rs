//! Windows: processes with their handles, threads and quota; sessions; types of objects, as a [`Census`].
//!
//! Figures come from `poolmon-source`, which has the system calls; here they become holders, on every system, so that tests run
//! anywhere.

use std::sync::Arc;

use poolmon_source::windows::decode::{ObjectType, Process};
use poolmon_source::windows::holding::Holding;
use rustc_hash::FxHashMap;

use crate::holder::shown;
use crate::{Census, Counts, Entry, Holder, HolderId, Kind, links};

/// Fills `census` from what Windows reported.
pub fn census_from(holding: &Holding, census: &mut Census) {
    *census = Census { entries: std::mem::take(&mut census.entries), ..Census::default() };
    census.entries.clear();
    census.remarks.clone_from(&holding.remarks);
    let kinds: FxHashMap<u16, Kind> =
        holding.types.iter().map(|one| (one.index, links::handle_kind(&one.name))).collect();
    // Handles are counted by their types, whose names may be unknown.
    let are_known = !holding.handles.is_empty() && !holding.types.is_empty();
    let mut handles: FxHashMap<u32, Counts> = FxHashMap::default();
    for (&(pid, index), &count) in holding.handles.iter().filter(|_| are_known) {
        let kind = kinds.get(&index).copied().unwrap_or(Kind::OtherHandle);
        handles.entry(pid).or_default().add(kind, count);
    }
    let mut sessions: FxHashMap<u32, u64> = FxHashMap::default();
    // The idle process is none.
    for process in holding.processes.iter().filter(|process| process.pid != 0) {
        census.processes += 1;
        *sessions.entry(process.session).or_default() += 1;
        let mut counts = handles.remove(&process.pid).unwrap_or_default();
        if are_known {
            for kind in Kind::Handle.parts() {
                counts.add(kind, 0);
            }
            // All of one moment; Wine 8 says the room in a process's table instead of its handles.
            counts.set(Kind::Handle, Kind::Handle.parts().filter_map(|kind| counts.get(kind)).sum());
        } else {
            counts.set(Kind::Handle, process.handles.into());
        }
        census.entries.push(entry(process, counts));
    }
    census.entries.extend(sessions.into_iter().map(session));
    census.entries.extend(holding.types.iter().map(of_type));
}

fn entry(process: &Process, mut counts: Counts) -> Entry {
    counts.set(Kind::Thread, process.threads.into());
    counts.set(Kind::PagedQuota, process.paged_quota);
    counts.set(Kind::NonpagedQuota, process.nonpaged_quota);
    let id = HolderId::Process { pid: process.pid, start: process.created };
    // Session 0 has the services: nearly all processes of a server.
    let group = (process.session > 0).then(|| format!("session {}", process.session).into());
    Entry { holder: Holder { id, name: shown(process.name.as_bytes()) }, group, counts }
}

fn session((id, processes): (u32, u64)) -> Entry {
    let mut counts = Counts::default();
    counts.set(Kind::Process, processes);
    let holder = Holder { id: HolderId::Session { id }, name: format!("session {id}").into() };
    Entry { holder, group: None, counts }
}

fn of_type(one: &ObjectType) -> Entry {
    let mut counts = Counts::default();
    counts.set(Kind::TypeObjects, one.objects.into());
    counts.set(Kind::TypeHandles, one.handles.into());
    let name = shown(one.name.as_bytes());
    let holder = Holder { id: HolderId::ObjectType { name: Arc::clone(&name) }, name };
    Entry { holder, group: None, counts }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, name: &str, session: u32) -> Process {
        Process {
            pid,
            parent: 4,
            name: name.into(),
            created: 77,
            threads: 3,
            handles: 9,
            session,
            paged_quota: 4096,
            nonpaged_quota: 8192,
        }
    }

    fn holding() -> Holding {
        let one =
            |name: &str, index, objects, handles| ObjectType { name: name.into(), index, objects, handles };
        Holding {
            processes: vec![process(0, "", 0), process(4, "System", 0), process(800, "a.exe", 2)],
            handles: [((800, 5), 6), ((800, 60), 2), ((4, 7), 1), ((9, 5), 1)].into_iter().collect(),
            types: vec![one("Token", 5, 900, 7), one("Composition", 60, 3, 2), one("Key", 7, 8, 1)],
            remarks: vec!["cut".to_owned()],
        }
    }

    #[test]
    fn processes_sessions_and_types() {
        let mut census = Census::default();
        census_from(&holding(), &mut census);
        let mut all: Vec<String> = census
            .entries
            .iter()
            .map(|entry| {
                let held: Vec<_> =
                    entry.counts.held().map(|(kind, count)| format!("{count} {}", kind.id())).collect();
                let group = entry.group.as_deref().map_or_else(String::new, |group| format!(" in {group}"));
                format!("{}{group}: {}", entry.holder, held.join(", "))
            })
            .collect();
        all.sort();
        assert_eq!(
            all,
            [
                "System (pid 4): 3 threads, 1 handles, 1 key-handles, 4096 paged-quota, 8192 nonpaged-quota",
                "a.exe (pid 800) in session 2: 3 threads, 8 handles, 6 token-handles, 2 other-handles, 4096 \
                 paged-quota, 8192 nonpaged-quota",
                "session 0: 1 processes",
                "session 2: 1 processes",
                "type Composition: 3 type-objects, 2 type-handles",
                "type Key: 8 type-objects, 1 type-handles",
                "type Token: 900 type-objects, 7 type-handles",
            ]
        );
        assert_eq!((census.processes, census.remarks.len()), (2, 1));
        let process = census.process(800).unwrap();
        assert_eq!(process.counts.get(Kind::FileHandle), Some(0), "known to be none");
        assert_eq!(process.counts.objects(), 3 + 6 + 2);
    }

    #[test]
    fn without_names_of_types_only_the_sum_is_known() {
        let mut census = Census::default();
        census_from(&Holding { types: Vec::new(), ..holding() }, &mut census);
        let counts = &census.process(800).unwrap().counts;
        assert_eq!((counts.get(Kind::Handle), counts.get(Kind::FileHandle)), (Some(9), None));
        assert_eq!(counts.get(Kind::OtherHandle), None, "unknown, not another type");
        assert_eq!(counts.objects(), 3 + 9);
    }
}
