//! What a Linux kernel reports, file by file.

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use poolmon_model::problem::Remedy as _;
use poolmon_model::rights::as_root;

use super::{Check, CheckResult};
use crate::linux::trace::LinuxCapture;

/// All checks, the most important first.
pub fn checks() -> Vec<Check> {
    vec![system(), slabinfo(), sysfs(), vmallocinfo(), allocinfo(), meminfo(), merging(), btf(), tracing()]
}

fn system() -> Check {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_else(|_| "unknown".into());
    Check::new(CheckResult::Good, "kernel", format!("Linux {}", release.trim()))
}

fn slabinfo() -> Check {
    let what = "/proc/slabinfo";
    match fs::read_to_string(what) {
        Ok(text) => {
            let caches = text.lines().filter(|line| !line.starts_with(['#'])).count().saturating_sub(1);
            Check::new(CheckResult::Good, what, format!("{caches} slab caches"))
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Check::new(CheckResult::Bad, what, "permission denied: only root can read it").remedy(format!(
                "{}\nor record as root for the group of the folder: {}",
                as_root("poolmon"),
                as_root("poolmon service install /var/lib/poolmon --mode 640")
            ))
        }
        Err(error) => Check::new(CheckResult::Bad, what, error.to_string())
            .remedy("the kernel is built without it, or this container hides it: run poolmon on the host"),
    }
}

fn sysfs() -> Check {
    let what = "/sys/kernel/slab";
    match fs::read_dir(what) {
        Ok(entries) => {
            let (mut links, mut folders) = (0, 0);
            for entry in entries.flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_symlink() => links += 1,
                    _ => folders += 1,
                }
            }
            Check::new(CheckResult::Good, what, format!("{folders} caches, {links} names of merged caches"))
        }
        Err(error) => Check::new(CheckResult::Note, what, error.to_string()).remedy(
            "without it reclaimable caches cannot be distinguished from others, and aliases are unknown",
        ),
    }
}

fn vmallocinfo() -> Check {
    let what = "/proc/vmallocinfo";
    match fs::read_to_string(what) {
        Ok(text) => Check::new(CheckResult::Good, what, format!("{} areas", text.lines().count())),
        Err(error) => Check::new(CheckResult::Note, what, error.to_string())
            .remedy("vmalloc rows are left out; use the same permission as for /proc/slabinfo"),
    }
}

fn allocinfo() -> Check {
    let what = "/proc/allocinfo";
    let mut start = [0; 64];
    match fs::File::open(what).and_then(|mut file| file.read(&mut start)) {
        Ok(_) => Check::new(CheckResult::Good, what, "memory allocation profiling: a row for each source line \
            that allocates"),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Check::new(CheckResult::Note, what, "this kernel has no memory allocation profiling")
                .remedy("Linux 6.10 and later have it with CONFIG_MEM_ALLOC_PROFILING; then boot with sysctl.vm.mem_profiling=1")
        }
        Err(error) => Check::new(CheckResult::Note, what, error.to_string()),
    }
}

fn meminfo() -> Check {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let figure = |name: &str| {
        text.lines()
            .find(|line| line.starts_with(name))
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    match (figure("SReclaimable:"), figure("SUnreclaim:")) {
        (Some(reclaimable), Some(unreclaimable)) => {
            Check::new(CheckResult::Good, "/proc/meminfo", format!("{reclaimable}, {unreclaimable}"))
        }
        _ => Check::new(
            CheckResult::Note,
            "/proc/meminfo",
            "has no slab figures: memory that no cache accounts for stays unknown",
        ),
    }
}

fn merging() -> Check {
    let command_line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let has = |option: &str| command_line.split_whitespace().any(|word| word == option);
    if has("slab_nomerge") || has("slub_nomerge") {
        Check::new(CheckResult::Good, "cache merging", "off: each cache has its own row")
    } else {
        Check::new(
            CheckResult::Note,
            "cache merging",
            "on: caches of similar size share a row; Enter shows the other names",
        )
        .remedy("boot with slab_nomerge to see each one")
    }
}

/// Whether `poolmon trace` works: tracepoints are opened, and closed again before they are switched on.
fn tracing() -> Check {
    let what = "kernel tracepoints";
    match LinuxCapture::open(&["kmalloc-64"], 1) {
        Ok(_) => Check::new(
            CheckResult::Good,
            what,
            "poolmon trace CACHE finds the code that allocates and does not free",
        ),
        Err(error) => {
            let remedy = error.remedy().unwrap_or_default();
            Check::new(CheckResult::Note, what, error.to_string())
                .remedy(remedy.replace("trace ...", "trace CACHE").replace("trace kmalloc-64", "trace CACHE"))
        }
    }
}

fn btf() -> Check {
    if Path::new("/sys/kernel/btf/vmlinux").exists() {
        Check::new(
            CheckResult::Good,
            "BTF",
            "kernel types are available: bpftrace can follow a cache's allocations",
        )
    } else {
        Check::new(CheckResult::Note, "BTF", "none: bpftrace needs kernel headers to follow allocations")
    }
}
