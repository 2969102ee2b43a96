//! Rows that processes hold: handles, sockets, open files, mapped regions. The tool of the system that lists the processes.
//!
//! Sources: the manual pages of ss, lsof, `/proc/PID/fdinfo`, `/proc/PID/timers`, lslocks, lsns, ipcs and ps; `handle.exe` and
//! `netstat` on learn.microsoft.com.

use poolmon_model::Tag;

use super::List;

/// Who holds the rows: the tool, its command, what it lists and what it needs.
struct Holders {
    /// Tags (`????`) or names of caches (`name*`).
    rows: &'static [&'static str],
    tool: &'static str,
    command: &'static str,
    shows: &'static str,
    needs: &'static str,
}

const HANDLES: &str = "Get-Process | Sort-Object HandleCount -Descending | Select-Object -First 10 HandleCount, Id, ProcessName";

#[rustfmt::skip]
const WINDOWS: &[Holders] = &[
    Holders {
        rows: &["Thre", "Proc", "Toke", "File", "Even", "Key ", "Sema", "Muta", "Sect", "IoFE", "EtwR", "ALPC", "Time", "Job "],
        tool: "PowerShell", command: HANDLES,
        shows: "processes with the most handles", needs: "PowerShell",
    },
    Holders {
        rows: &["Thre", "Proc", "Toke", "File", "Even", "Key ", "Sema", "Muta", "Sect", "ALPC", "Time", "Job "],
        tool: "handle.exe", command: "handle.exe -s",
        shows: "how many handles of each type are open; far fewer than the tag's allocations: the kernel holds them",
        needs: "Sysinternals Handle; administrator",
    },
    Holders {
        rows: &["AfdE", "AfdC", "AfdB", "TcpE", "TTcb", "TcpL", "UdpA"],
        tool: "netstat", command: "netstat -ano",
        shows: "sockets with the id of their process", needs: "nothing",
    },
];

#[rustfmt::skip]
const LINUX: &[Holders] = &[
    Holders {
        rows: &["UNIX", "UNIX-STREAM"],
        tool: "ss", command: "ss -xap", shows: "local sockets with their processes", needs: "root",
    },
    Holders {
        rows: &["TCP", "TCPv6", "MPTCP*", "tw_sock_TCP*", "request_sock_TCP*", "tcp_bind*_bucket"],
        tool: "ss", command: "ss -tap", shows: "TCP sockets with their processes", needs: "root",
    },
    Holders {
        rows: &["UDP", "UDPv6", "UDP-Lite*"],
        tool: "ss", command: "ss -uap", shows: "UDP sockets with their processes", needs: "root",
    },
    Holders {
        rows: &["sock_inode_cache", "skbuff_*"],
        tool: "ss", command: "ss -ap", shows: "sockets with their queues and processes", needs: "root",
    },
    Holders {
        rows: &["filp", "files_cache", "cred_jar", "seq_file", "pde_opener"],
        tool: "lsof", command: "lsof -nP | awk '{ print $2, $1 }' | sort | uniq -c | sort -rn | head",
        shows: "processes with the most open files (count, id, name)", needs: "root; lsof",
    },
    Holders {
        rows: &["eventpoll_*"],
        tool: "grep", command: "grep -c ^tfd /proc/[0-9]*/fdinfo/* 2>/dev/null | sort -t: -k2 -rn | head",
        shows: "descriptors of processes that watch the most files with epoll", needs: "root",
    },
    Holders {
        rows: &["inotify_*", "fsnotify_mark*", "dnotify_*", "fanotify_*"],
        tool: "grep", command: "grep -cE '^(inotify|fanotify)' /proc/[0-9]*/fdinfo/* 2>/dev/null | sort -t: -k2 -rn | head",
        shows: "descriptors of processes with the most watches", needs: "root",
    },
    Holders {
        rows: &["KernelStack", "task_struct", "pid", "thread_stack*", "signal_cache", "sighand_cache", "fs_cache", "mm_struct", "pgd"],
        tool: "ps", command: "ps -eo nlwp,pid,comm --sort=-nlwp | head",
        shows: "processes with the most threads; compare their sum with the cache's objects", needs: "nothing",
    },
    Holders {
        rows: &["PageTables"],
        tool: "grep", command: "grep -H VmPTE /proc/[0-9]*/status 2>/dev/null | sort -k2 -rn | head",
        shows: "processes with the most page tables", needs: "nothing",
    },
    Holders {
        rows: &["Percpu"],
        tool: "grep",
        command: "grep -rH --include=memory.stat ^percpu /sys/fs/cgroup 2>/dev/null | sort -k2 -rn | head",
        shows: "control groups with the most per-CPU memory", needs: "control groups of version 2",
    },
    Holders {
        rows: &["vm_area_struct", "vma_lock", "anon_vma", "anon_vma_chain", "maple_node"],
        tool: "wc", command: "wc -l /proc/[0-9]*/maps 2>/dev/null | sort -rn | head",
        shows: "processes with the most mapped regions", needs: "root",
    },
    Holders {
        rows: &["posix_timers_cache"],
        tool: "grep", command: "grep -c ^ID /proc/[0-9]*/timers 2>/dev/null | sort -t: -k2 -rn | head",
        shows: "processes with the most timers", needs: "root",
    },
    Holders {
        rows: &["file_lock_cache", "file_lock_ctx", "file_lease_cache"],
        tool: "lslocks", command: "lslocks", shows: "file locks with their processes", needs: "root",
    },
    Holders {
        rows: &["net_namespace", "pid_namespace", "uts_namespace", "user_namespace", "nsproxy", "mnt_cache"],
        tool: "lsns", command: "lsns", shows: "namespaces with their processes", needs: "root",
    },
    Holders {
        rows: &["msg_msg-*", "mqueue_inode_cache"],
        tool: "ipcs", command: "ipcs -qp", shows: "message queues with the last processes that used them", needs: "root",
    },
];

pub fn commands(list: &mut List, tag: &Tag) {
    let table = if tag.as_pool().is_some() { WINDOWS } else { LINUX };
    for row in table.iter().filter(|row| row.rows.iter().any(|pattern| admits(pattern, tag))) {
        list.add(row.tool, row.command, row.shows, row.needs);
    }
}

fn admits(pattern: &str, tag: &Tag) -> bool {
    match tag {
        Tag::Pool(tag) => tag.unprotected().0 == pattern.as_bytes(),
        Tag::Name(name) => match pattern.split_once('*') {
            Some((start, end)) => {
                name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
            }
            None => **name == *pattern,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(tag: &Tag) -> Vec<&'static str> {
        let mut list = List(Vec::new());
        commands(&mut list, tag);
        list.0.into_iter().map(|next| next.tool).collect()
    }

    #[test]
    fn held_by_processes() {
        for (tag, wanted) in [
            (Tag::pool(*b"Toke"), &["PowerShell", "handle.exe"][..]),
            (Tag::pool(*b"Pro\xe3"), &["PowerShell", "handle.exe"]),
            (Tag::pool(*b"AfdE"), &["netstat"]),
            (Tag::pool(*b"Leak"), &[]),
            (Tag::name("UNIX"), &["ss"]),
            (Tag::name("tcp_bind2_bucket"), &["ss"]),
            (Tag::name("filp"), &["lsof"]),
            (Tag::name("eventpoll_epi"), &["grep"]),
            (Tag::name("Toke"), &[]),
            (Tag::name("kmalloc-64"), &[]),
        ] {
            assert_eq!(tools(&tag), wanted, "{tag}");
        }
    }

    #[test]
    fn each_pattern_is_a_tag_or_a_name() {
        assert!(WINDOWS.iter().flat_map(|row| row.rows).all(|tag| tag.len() == 4));
        assert!(LINUX.iter().flat_map(|row| row.rows).all(|name| name.matches('*').count() <= 1));
    }
}
