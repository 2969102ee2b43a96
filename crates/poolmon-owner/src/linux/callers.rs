//! Owners of vmalloc areas and of places in the source: the module where the kernel names one, else the part of the
//! kernel that a file or a well-known function belongs to.

/// Who called.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallerOwner {
    /// The module, or the part of the kernel.
    pub name: String,
    /// `name` is a module, which `ModuleCatalog::module` may know.
    pub module: bool,
    /// How that is known, in a sentence.
    pub why: String,
}

/// Functions of the kernel itself that show in `/proc/vmallocinfo`, and what they take memory for; a name that ends with
/// `*` stands for all that begin so. The first that fits counts.
const FUNCTIONS: &[(&str, &str, &str)] = &[
    ("alloc_large_system_hash", "memory", "hash tables made at boot; they do not grow"),
    ("alloc_thread_stack_node", "process", "kernel stacks: one for each thread"),
    ("dup_task_struct", "process", "kernel stacks: one for each thread"),
    ("copy_process", "process", "kernel stacks: one for each thread"),
    ("init_irq_stack*", "x86", "stacks for interrupts"),
    ("map_irq_stack*", "x86", "stacks for interrupts"),
    ("irq_init_percpu_irqstack", "x86", "stacks for interrupts"),
    ("bpf_jit_*", "bpf", "machine code of BPF programs: check with `bpftool prog`"),
    ("bpf_prog_*", "bpf", "BPF programs: check with `bpftool prog`"),
    ("bpf_map_*", "bpf", "BPF maps: check with `bpftool map`"),
    ("bpf_ringbuf_*", "bpf", "ring buffers of BPF: check with `bpftool map`"),
    ("*bpf*", "bpf", "BPF: check with `bpftool prog` and `bpftool map`"),
    ("module_alloc", "modules", "code and data of modules: check with `lsmod`"),
    ("move_module", "modules", "code and data of modules: check with `lsmod`"),
    ("load_module", "modules", "code and data of modules: check with `lsmod`"),
    ("layout_and_allocate", "modules", "code and data of modules: check with `lsmod`"),
    ("execmem_*", "modules", "code and data of modules: check with `lsmod`"),
    ("pcpu_*", "memory", "per-CPU memory"),
    ("kernel_clone", "process", "kernel stacks: one for each thread"),
    ("n_tty_open", "tty", "buffers of terminals: one for each that is open"),
    ("vc_allocate", "tty", "text of consoles"),
    ("seq_read*", "vfs", "large files of /proc while they are read"),
    (
        "kvmalloc_node",
        "memory",
        "large blocks of callers that kvmalloc hides: boot with allocation profiling to separate them",
    ),
    (
        "__kvmalloc_node*",
        "memory",
        "large blocks of callers that kvmalloc hides: boot with allocation profiling to separate them",
    ),
    ("acpi_*", "acpi", "ACPI tables and registers, mapped"),
    ("pci_*", "pci", "registers of PCI devices, mapped"),
    ("__pci_*", "pci", "registers of PCI devices, mapped"),
    ("msix_*", "pci", "interrupt tables of PCI devices, mapped"),
    ("efi_*", "efi", "firmware tables, mapped"),
    ("memremap", "memory", "device memory, mapped"),
    ("hpet_*", "x86", "timer registers, mapped"),
    ("swap*", "memory", "maps of swap space"),
    ("__do_sys_swapon", "memory", "maps of swap space"),
    ("do_replace*", "netfilter", "firewall tables"),
    ("xt_*", "netfilter", "firewall tables"),
    ("nf_*", "netfilter", "firewall tables"),
    ("alloc_netdev*", "net", "network devices"),
    ("netif_alloc_*", "net", "queues of network devices"),
    ("packet_*", "net", "buffers of programs that capture packets"),
    ("io_*", "io_uring", "rings of io_uring"),
    ("drm_*", "drm", "graphics"),
    ("vb2_*", "media", "video buffers"),
    ("snd_*", "sound", "sound buffers"),
    ("dm_*", "dm", "device mapper"),
    ("trace_*", "tracing", "trace buffers"),
    ("ring_buffer_*", "tracing", "trace buffers"),
    ("perf_*", "perf", "buffers of perf"),
    ("rb_alloc*", "perf", "buffers of perf"),
    ("relay_*", "relay", "buffers of relay channels"),
    ("crypto_*", "crypto", "working memory of compression and ciphers"),
    ("deflate_*", "crypto", "working memory of compression"),
    ("zisofs_*", "fs", "working memory of decompression"),
    ("fib_*", "net", "routing tables"),
    ("tnode_*", "net", "routing tables"),
    ("inet_*", "net", "tables of the network"),
    ("neigh_*", "net", "tables of neighbours"),
    (
        "bucket_table_alloc*",
        "lib",
        "hash tables that grow with their contents; allocation profiling shows the owner",
    ),
    ("alloc_fdtable", "vfs", "descriptor tables of processes with many open files"),
    ("kernel_read*", "vfs", "files that the kernel loads completely, such as modules and firmware"),
    ("fw_*", "firmware", "firmware of devices"),
    ("kcov_*", "kcov", "coverage of code"),
    ("ioremap*", "memory", "device memory, mapped"),
    ("devm_ioremap*", "memory", "device memory, mapped"),
    ("vm_map_ram", "memory", "pages mapped for a short time, by file systems above all"),
];

/// Folders of the source and what they are, longest first where one lies in another.
const FOLDERS: &[(&str, &str)] = &[
    ("mm/slab", "memory"),
    ("mm/kasan", "kasan"),
    ("mm", "memory"),
    ("kernel/bpf", "bpf"),
    ("kernel/cgroup", "cgroup"),
    ("kernel/events", "perf"),
    ("kernel/irq", "interrupts"),
    ("kernel/module", "modules"),
    ("kernel/sched", "scheduler"),
    ("kernel/time", "time"),
    ("kernel/trace", "tracing"),
    ("kernel/rcu", "rcu"),
    ("kernel/fork.c", "process"),
    ("kernel", "kernel"),
    ("fs/proc", "proc"),
    ("fs/sysfs", "sysfs"),
    ("fs/kernfs", "kernfs"),
    ("fs/notify", "fsnotify"),
    ("block", "block"),
    ("io_uring", "io_uring"),
    ("ipc", "ipc"),
    ("lib", "lib"),
    ("init", "boot"),
    ("crypto", "crypto"),
    ("certs", "certificates"),
    ("security/selinux", "selinux"),
    ("security/apparmor", "apparmor"),
    ("security", "security"),
    ("sound", "sound"),
    ("virt/kvm", "kvm"),
    ("net/netfilter", "netfilter"),
    ("net/ipv4/netfilter", "netfilter"),
    ("net/ipv6/netfilter", "netfilter"),
    ("net/core", "net"),
    ("net/socket.c", "net"),
    ("net/ipv4", "ipv4"),
    ("net/ipv6", "ipv6"),
    ("net/unix", "unix"),
    ("drivers/base", "devices"),
];

fn fits(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(inner), Some(_)) => inner.strip_suffix('*').is_some_and(|inner| name.contains(inner)),
        (None, Some(start)) => name.starts_with(start),
        _ => pattern == name,
    }
}

/// `text [module]` in two; with build ids it is `[module 0123…]`.
fn with_module(text: &str) -> (&str, Option<&str>) {
    let text = text.trim();
    let Some((rest, module)) = text.split_once('[') else { return (text, None) };
    let module = module.split([']', ' ']).next().filter(|module| !module.is_empty());
    (rest.trim(), module)
}

fn is_symbol(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.$".contains(&byte))
}

/// The owner of vmalloc areas by their caller: `function`, `function+0x1a/0x40`, either with `[module]` behind it.
pub fn vmalloc(caller: &str) -> Option<CallerOwner> {
    let (function, module) = with_module(caller);
    let function = function.split(['+', '.']).next().unwrap_or(function);
    if !is_symbol(function) {
        return None;
    }
    if let Some(module) = module {
        let why = format!("the kernel names the module {module} as the caller, in {function}");
        return Some(CallerOwner { name: module.to_owned(), module: true, why });
    }
    let (_, part, about) = FUNCTIONS.iter().find(|(pattern, ..)| fits(pattern, function))?;
    let why = format!("{function} is part of the kernel itself: {about}");
    Some(CallerOwner { name: (*part).to_owned(), module: false, why })
}

/// The owner of a place in the source: `file:line [module] func:name` as `/proc/allocinfo` writes it, or a row's name
/// `file:line name`.
pub fn call_site(place: &str) -> Option<CallerOwner> {
    let (file, rest) = place.trim().split_once(':')?;
    let file = file.trim_start_matches("./");
    let line: String = rest.chars().take_while(char::is_ascii_digit).collect();
    if file.is_empty() || line.is_empty() || file.contains(char::is_whitespace) {
        return None;
    }
    let rest = rest.get(line.len()..)?.trim();
    let (module, function) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((module, function)) => (Some(module.split(' ').next().unwrap_or(module)), function.trim()),
        None => (None, rest),
    };
    let function = function.strip_prefix("func:").unwrap_or(function);
    let within = if function.is_empty() { String::new() } else { format!(" in {function}") };
    if let Some(module) = module.filter(|module| !module.is_empty()) {
        let why = format!("the kernel names the module {module} for {file}:{line}{within}");
        return Some(CallerOwner { name: module.to_owned(), module: true, why });
    }
    let below = |folder: &str| {
        file.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '_', '.']))
    };
    let known = FOLDERS.iter().find(|(folder, _)| below(folder));
    let name = match known {
        Some((_, name)) => (*name).to_owned(),
        None => folder(file)?,
    };
    Some(CallerOwner { name, module: false, why: format!("it is allocated at {file}:{line}{within}") })
}

/// A file system or a protocol by its own folder; of drivers the class and the driver (`drivers/net/ethernet/intel`).
fn folder(file: &str) -> Option<String> {
    let (folders, _) = file.rsplit_once('/')?;
    let parts: Vec<&str> = folders.split('/').collect();
    let name = match parts.as_slice() {
        ["fs"] => "vfs".to_owned(),
        ["fs" | "net", name, ..] => (*name).to_owned(),
        ["arch", arch, ..] => (*arch).to_owned(),
        ["drivers", ..] => parts.get(..parts.len().min(5))?.join("/"),
        _ => parts.get(..parts.len().min(2))?.join("/"),
    };
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(owner: Option<CallerOwner>) -> (String, bool) {
        owner.map_or_else(|| ("-".to_owned(), false), |owner| (owner.name, owner.module))
    }

    #[test]
    fn callers_of_vmalloc() {
        for (caller, owner, module) in [
            ("xfs_buf_alloc+0x1d/0x40 [xfs]", "xfs", true),
            ("xfs_buf_alloc [xfs 0123456789abcdef]", "xfs", true),
            ("copy_process.constprop.0+0x94/0x3e0", "process", false),
            ("bpf_prog_alloc_no_stats", "bpf", false),
            ("array_bpf_new", "bpf", false),
            ("my_own_function", "-", false),
            ("(caller unknown)", "-", false),
            ("", "-", false),
            ("[xfs]", "-", false),
        ] {
            assert_eq!(name(vmalloc(caller)), (owner.to_owned(), module), "{caller}");
        }
        let why = vmalloc("n_tty_open+0x1/0x2").unwrap().why;
        assert_eq!(
            why,
            "n_tty_open is part of the kernel itself: buffers of terminals: one for each that is open"
        );
    }

    #[test]
    fn places_in_the_source() {
        for (place, owner, module) in [
            ("fs/ext4/super.c:1390 [ext4] func:ext4_alloc_inode", "ext4", true),
            ("fs/ext4/super.c:1390 ext4_alloc_inode", "ext4", false),
            ("./fs/inode.c:260 func:alloc_inode", "vfs", false),
            ("mm/slub.c:123 func:x", "memory", false),
            ("mmio/x.c:1 func:x", "mmio", false),
            ("kernel/fork.c:310 func:alloc_thread_stack_node", "process", false),
            ("kernel/bpf/core.c:1 func:x", "bpf", false),
            ("net/core/skbuff.c:1 func:x", "net", false),
            ("net/mptcp/a.c:1 func:x", "mptcp", false),
            ("arch/x86/kernel/a.c:1 func:x", "x86", false),
            (
                "drivers/net/ethernet/intel/e1000e/netdev.c:1 func:x",
                "drivers/net/ethernet/intel/e1000e",
                false,
            ),
            ("fs/ext4/super.c func:x", "-", false),
            ("no place", "-", false),
            (":1 x", "-", false),
        ] {
            assert_eq!(name(call_site(place)), (owner.to_owned(), module), "{place}");
        }
        let why = call_site("fs/ext4/super.c:1390 [ext4] func:ext4_alloc_inode").unwrap().why;
        assert_eq!(why, "the kernel names the module ext4 for fs/ext4/super.c:1390 in ext4_alloc_inode");
    }

    #[test]
    fn no_row_of_the_tables_hides_another() {
        for (n, (pattern, ..)) in FUNCTIONS.iter().enumerate() {
            let plain = pattern.trim_matches('*');
            let first = FUNCTIONS.iter().position(|(other, ..)| fits(other, plain));
            assert_eq!(first, Some(n), "{pattern}");
        }
    }
}
