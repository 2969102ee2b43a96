//! Rights that a command does not need are given up before it reads a byte that others wrote: what a fault of a parser can do is what the
//! command can do.
//!
//! Linux: capabilities of this thread, and of those that it starts from then on; and no program that is started gains any
//! (`no_new_privs`). Root without them still owns root's files, but cannot load modules, change users or configure the system.
//! Windows: privileges of the process. Where the system refuses, everything stays as it was.

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// It reads and writes files.
    Files,
    /// It reads files, the kernel's tables and what other processes hold, and writes a recording.
    Recorder,
    /// The same, traces the kernel, and answers requests.
    Watch,
}

/// Gives up what the work does not need. Call it before threads are started.
#[cfg(target_os = "linux")]
pub fn keep_only(work: Work) {
    use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs};
    // Files of all users: root is asked for because of them.
    let files = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
    // Descriptors of other processes, addresses of the kernel, and what newer kernels ask for in their stead.
    let recorder = files
        | CapabilitySet::SYS_PTRACE
        | CapabilitySet::SYSLOG
        | CapabilitySet::SYS_ADMIN
        | CapabilitySet::PERFMON
        | CapabilitySet::BPF
        | CapabilitySet::IPC_OWNER
        | CapabilitySet::CHECKPOINT_RESTORE;
    let needed = match work {
        Work::Files => files,
        Work::Recorder => recorder,
        // Rings of events stay in memory; a port below 1024.
        Work::Watch => recorder | CapabilitySet::IPC_LOCK | CapabilitySet::NET_BIND_SERVICE,
    };
    let _ = set_no_new_privs(true);
    let Ok(now) = capabilities(None) else { return };
    let kept = CapabilitySets {
        effective: now.effective & needed,
        permitted: now.permitted & needed,
        inheritable: CapabilitySet::empty(),
    };
    let _ = set_capabilities(None, kept);
}

/// Gives up what the work does not need.
#[cfg(windows)]
pub fn keep_only(work: Work) {
    crate::windows::live::keep_privileges(work != Work::Files);
}

/// Nothing that could be given up is known of this system.
#[cfg(not(any(target_os = "linux", windows)))]
pub fn keep_only(_: Work) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// The kernel's own words on this thread.
    fn status(key: &str) -> u64 {
        let text = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    }

    #[test]
    fn what_is_not_needed_is_gone_and_does_not_come_back() {
        let before = status("CapEff");
        // A thread of its own: what is given up is given up.
        let of = |work| {
            let given = std::thread::spawn(move || {
                keep_only(work);
                keep_only(Work::Watch);
                (status("CapEff"), status("CapPrm"), status("CapInh"), status("NoNewPrivs"))
            });
            given.join().unwrap()
        };
        // 1 and 2: files of others; 16: modules; 19: tracing.
        let (effective, permitted, inheritable, closed) = of(Work::Files);
        assert_eq!((effective, permitted, inheritable, closed), (before & 0b110, before & 0b110, 0, 1));
        // 10: low ports; 14: memory that stays; 21: most of the system.
        let (recorder, ..) = of(Work::Recorder);
        let (watch, ..) = of(Work::Watch);
        for (effective, kept, gone) in [
            (recorder, 1 << 19 | 1 << 21, 1 << 16 | 1 << 10 | 1 << 14),
            (watch, 1 << 10 | 1 << 14 | 1 << 19 | 1 << 21, 1 << 12 | 1 << 16 | 1 << 25 | 0b1111_1000),
        ] {
            assert_eq!((effective & kept, effective & gone), (before & kept, 0));
        }
    }
}
