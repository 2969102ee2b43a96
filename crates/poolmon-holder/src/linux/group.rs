//! Control groups: kernel memory of each, and which unit or container a path means.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::text;
use crate::holder::shown;
use crate::{Counts, Entry, Holder, HolderId, Kind};

/// Groups that are read at most; machines with more are rare.
const MOST: usize = 1_000;

/// Levels below the root.
const DEEPEST: usize = 16;

/// Control groups with the kernel memory that they are charged for. False if there were more than are read.
pub fn read(root: &Path, entries: &mut Vec<Entry>) -> bool {
    let mount = root.join("sys/fs/cgroup");
    // Version 2 alone has this file; version 1 has a hierarchy for memory below the same place.
    let folder = if mount.join("cgroup.controllers").exists() { mount } else { mount.join("memory") };
    let mut waiting = vec![(folder.clone(), 0)];
    let mut seen = 0;
    while let Some((place, depth)) = waiting.pop() {
        seen += 1;
        if seen > MOST {
            return false;
        }
        let counts = counts(&place);
        // The root's figures are the machine's.
        if depth > 0 && counts.known().next().is_some() {
            let path = place.strip_prefix(&folder).unwrap_or(&place);
            let path = format!("/{}", path.display());
            let name = match unit(&path) {
                Some(unit) if unit != path => format!("{path} ({unit})"),
                _ => path.clone(),
            };
            let holder = Holder {
                id: HolderId::ControlGroup { path: shown(path.as_bytes()) },
                name: shown(name.as_bytes()),
            };
            entries.push(Entry { holder, group: None, counts });
        }
        if depth < DEEPEST {
            waiting.extend(folders(&place).map(|inner| (inner, depth + 1)));
        }
    }
    true
}

fn folders(place: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path())
}

fn counts(place: &Path) -> Counts {
    let mut counts = Counts::default();
    if let Ok(stat) = fs::read(place.join("memory.stat")) {
        text::group_memory(&stat, &mut counts);
    }
    // Version 1, before Linux 6.16 or so.
    if let Ok(usage) = fs::read(place.join("memory.kmem.usage_in_bytes"))
        && let Some(bytes) = text::number(usage.trim_ascii())
    {
        counts.set(Kind::GroupKernel, bytes);
    }
    counts
}

/// The unit or container of a process, by its `/proc/PID/cgroup`; else the path of the group that its memory is charged to.
pub fn of_process(text: &[u8]) -> Option<Arc<str>> {
    // `0::/system.slice/ssh.service`; version 1: `4:memory:/docker/…`, a line for each hierarchy.
    let lines: Vec<(String, String)> = text::lines(text)
        .filter_map(|line| {
            let line = String::from_utf8_lossy(line);
            let mut parts = line.splitn(3, ':').skip(1);
            Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
        })
        .collect();
    let of = |controller: &str| {
        let has = |controllers: &str| controllers.split(',').any(|name| name == controller);
        lines.iter().find(|(controllers, _)| has(controllers))
    };
    // Version 2 has one hierarchy, without a name.
    let path = || of("memory").or_else(|| of(""));
    let unit = lines.iter().find_map(|(_, path)| unit(path));
    let group = unit.or_else(|| path().map(|(_, path)| path.clone()).filter(|path| path != "/"));
    group.map(|group| shown(group.as_bytes()))
}

/// Runtimes that put the id of a container into the name of a scope: `docker-ID.scope`.
const RUNTIMES: [(&str, &str); 5] = [
    ("docker-", "docker"),
    ("cri-containerd-", "containerd"),
    ("crio-", "CRI-O"),
    ("libpod-", "podman"),
    ("nerdctl-", "nerdctl"),
];

/// What a path of control groups means: `container 0123456789ab (docker)`, `ssh.service`; the innermost part that says so.
pub fn unit(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.iter().enumerate().rev().find_map(|(at, part)| {
        let outer = at.checked_sub(1).and_then(|at| parts.get(at)).copied().unwrap_or_default();
        let scope = part.strip_suffix(".scope").unwrap_or(part);
        for (begin, runtime) in RUNTIMES {
            if let Some(id) = scope.strip_prefix(begin).filter(|id| is_id(id)) {
                return Some(container(id, runtime));
            }
        }
        if is_id(part) {
            let runtime = if outer == "docker" {
                "docker"
            } else if parts.iter().any(|part| part.starts_with("kubepods")) {
                "Kubernetes"
            } else {
                outer
            };
            return Some(container(part, runtime));
        }
        if let Some(name) = part.strip_prefix("lxc.payload.") {
            return Some(format!("container {name} (LXC)"));
        }
        if outer == "lxc" {
            return Some(format!("container {part} (LXC)"));
        }
        if let Some(name) = scope.strip_prefix("machine-") {
            return Some(format!("machine {name}"));
        }
        [".service", ".scope"].iter().any(|end| part.ends_with(end)).then(|| (*part).to_owned())
    })
}

fn container(id: &str, runtime: &str) -> String {
    let short = id.get(..12).unwrap_or(id);
    if runtime.is_empty() { format!("container {short}") } else { format!("container {short} ({runtime})") }
}

/// Ids of containers are 64 hexadecimal digits.
fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_containers() {
        let id = "0123456789abcdef".repeat(4);
        for (path, wanted) in [
            ("/system.slice/ssh.service", Some("ssh.service")),
            ("/system.slice/ssh.service/inner", Some("ssh.service")),
            (&format!("/system.slice/docker-{id}.scope"), Some("container 0123456789ab (docker)")),
            (&format!("/docker/{id}"), Some("container 0123456789ab (docker)")),
            (&format!("/docker/{id}/init.scope"), Some("init.scope")),
            (
                &format!("/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope"),
                Some("container 0123456789ab (containerd)"),
            ),
            (&format!("/kubepods/burstable/podx/{id}"), Some("container 0123456789ab (Kubernetes)")),
            ("/lxc.payload.web1/system.slice", Some("container web1 (LXC)")),
            ("/machine.slice/machine-vm1.scope", Some("machine vm1")),
            ("/user.slice", None),
            ("/docker/short", None),
            ("", None),
        ] {
            assert_eq!(unit(path).as_deref(), wanted, "{path}");
        }
        let lines = b"12:memory:/\n0::/system.slice/cron.service\n";
        assert_eq!(of_process(lines).as_deref(), Some("cron.service"));
        let own = b"12:pids:/x\n4:cpu,memory:/jobs/7\n0::/\n";
        assert_eq!(of_process(own).as_deref(), Some("/jobs/7"), "what its memory is charged to");
        assert_eq!(of_process(b"0::/jobs/8\n").as_deref(), Some("/jobs/8"));
        assert_eq!(of_process(b"4:memory:/\n0::/\n"), None, "the root is no group");
    }

    #[test]
    fn both_versions_of_control_groups() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().join("sys/fs/cgroup");
        let inner = base.join("system.slice/a.service");
        fs::create_dir_all(&inner).unwrap();
        fs::write(base.join("cgroup.controllers"), "memory").unwrap();
        fs::write(base.join("memory.stat"), "kernel 999").unwrap();
        fs::write(inner.join("memory.stat"), "anon 1\nslab_unreclaimable 4096\nsock 8192\n").unwrap();
        let mut entries = Vec::new();
        assert!(read(root.path(), &mut entries));
        let [entry] = &entries[..] else { panic!("{entries:?}") };
        assert_eq!(entry.holder.to_string(), "control group /system.slice/a.service (a.service)");
        assert_eq!(entry.counts.get(Kind::GroupSlabUnreclaimable), Some(4096));
        assert_eq!(entry.counts.get(Kind::GroupKernel), None, "absent is unknown");

        let root = tempfile::tempdir().unwrap();
        let group = root.path().join("sys/fs/cgroup/memory/job");
        fs::create_dir_all(&group).unwrap();
        fs::write(group.join("memory.stat"), "cache 5\nrss 6\n").unwrap();
        fs::write(group.join("memory.kmem.usage_in_bytes"), "12288\n").unwrap();
        let mut entries = Vec::new();
        assert!(read(root.path(), &mut entries));
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].counts.get(Kind::GroupKernel), Some(12_288));
    }

    #[test]
    fn a_machine_with_too_many_groups_says_so() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().join("sys/fs/cgroup");
        for n in 0..MOST {
            fs::create_dir_all(base.join(n.to_string())).unwrap();
        }
        fs::write(base.join("cgroup.controllers"), "").unwrap();
        assert!(!read(root.path(), &mut Vec::new()));
    }
}
