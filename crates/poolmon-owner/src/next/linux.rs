//! The commands for a slab cache, a caller of vmalloc or a call site of Linux.
//!
//! Sources: Documentation/mm/slab.rst (`slab_debug`, `alloc_traces`), include/trace/events/kmem.h (fields of the tracepoints),
//! proc(5), sysctl/vm.rst (`drop_caches`), bpftrace(8).

use poolmon_model::{Pool, Tag};
use poolmon_proc::caches::{Kmalloc, base};

use super::argument::quoted;
use super::{List, Subject, argument, holders, is_whole, trace, who};

pub fn commands(list: &mut List, name: &str, of: &Subject<'_>) {
    if !of.searched
        && let Some(command) = who(of.tag)
    {
        list.add(
            "poolmon",
            command,
            "which module, or the kernel itself, creates it",
            "the modules in /lib/modules or a kernel in /boot (or --drivers)",
        );
    }
    if matches!(of.pool, Some(Pool::Vmalloc | Pool::CallSite)) {
        let file = if of.pool == Some(Pool::Vmalloc) { "/proc/vmallocinfo" } else { "/proc/allocinfo" };
        if let Some(command) = of.pool.and_then(|pool| trace(of.tag, pool)) {
            list.add(
                "poolmon",
                command,
                "which callers of the line allocate and do not free",
                "root on the Linux machine",
            );
        }
        list.add("grep", format!("grep -F -- {} {file}", quoted(name)), "its areas or its line", "root");
        return;
    }
    let pool = of.pool.or_else(|| Pool::WHOLE.into_iter().find(|pool| pool.whole() == Some(name)));
    if let Some(command) = trace(of.tag, pool.unwrap_or(Pool::Unreclaimable)) {
        list.add(
            "poolmon",
            command,
            "which code allocates from the cache and does not free",
            "root on the Linux machine, while the cache grows",
        );
    }
    holders::commands(list, of.tag);
    if is_whole(name) {
        return;
    }
    if of.pool == Some(Pool::Reclaimable) {
        list.add(
            "sysctl",
            "sysctl vm.drop_caches=2",
            "a cache that shrinks after this is not a leak",
            "root; file access is slower for a while",
        );
    }
    let filter = match general(name) {
        Some(size) => format!("tracepoint:kmem:kmalloc /args->bytes_alloc == {size}/"),
        None => format!("tracepoint:kmem:kmem_cache_alloc /str(args->name) == {}/", c_text(base_text(name))),
    };
    list.add(
        "bpftrace",
        format!("bpftrace -e {}", quoted(&format!("{filter} {{ @[kstack] = count(); }}"))),
        if general(name).is_some() {
            "who allocates blocks of this size, by stack; frees are not subtracted"
        } else {
            "who allocates from the cache, by stack; frees are not subtracted"
        },
        if general(name).is_some() {
            "root; bpftrace; some CPU time while it runs"
        } else {
            "root; bpftrace, Linux 6.1 or later; some CPU time while it runs"
        },
    );
    let cache = traced(name);
    // The names end in a comma or a blank there; the allocator before SLUB has no such option.
    if name.starts_with("size-") || cache.contains('/') || argument(&Tag::name(&cache)) != cache {
        return;
    }
    list.add(
        "kernel",
        format!("slub_debug=U,{cache}"),
        "as a boot option: who allocates and frees, for the file below",
        "a reboot; memory and time for each object of the cache",
    );
    list.add(
        "kernel",
        format!("cat /sys/kernel/debug/slab/{cache}/alloc_traces"),
        "callers of all objects held now, the most common first",
        "root; the boot option above (before Linux 5.15: /sys/kernel/slab/.../alloc_calls)",
    );
}

/// The size of the blocks of a general cache, of one copy of it or of all its copies together; `None` for other names.
pub fn general(name: &str) -> Option<u64> {
    Kmalloc::parse(traced(name).as_bytes()).map(|kmalloc| kmalloc.size)
}

/// The name under which the kernel knows a row: random copies of a cache (`kmalloc-rnd-*-64` is a row of all of them) are traced
/// as their common size, a control group's copy as its cache.
pub fn traced(name: &str) -> String {
    let copies = name.strip_prefix("kmalloc-rnd-").and_then(|rest| rest.split_once('-'));
    match copies {
        Some((number, size)) if number == "*" || Kmalloc::parse(name.as_bytes()).is_some() => {
            format!("kmalloc-{size}")
        }
        _ => base_text(name).to_owned(),
    }
}

fn base_text(name: &str) -> &str {
    name.get(..base(name.as_bytes()).len()).unwrap_or(name)
}

/// A string of bpftrace, which writes them as C does.
fn c_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::next;

    fn of(name: &str, pool: Option<Pool>) -> Vec<String> {
        let tag = Tag::name(name);
        next::commands(&Subject::new(&tag, pool)).into_iter().map(|next| next.command).collect()
    }

    #[test]
    fn general_caches_are_traced_by_size() {
        for (name, size, traced) in [
            ("kmalloc-256", 256, "kmalloc-256"),
            ("kmalloc-rcl-2k", 2048, "kmalloc-rcl-2k"),
            ("dma-kmalloc-96", 96, "dma-kmalloc-96"),
            ("kmalloc-rnd-05-1k", 1024, "kmalloc-1k"),
            ("kmalloc-rnd-*-64", 64, "kmalloc-64"),
        ] {
            let list = of(name, Some(Pool::Unreclaimable));
            let wanted = format!(
                "bpftrace -e 'tracepoint:kmem:kmalloc /args->bytes_alloc == {size}/ {{ @[kstack] = count(); }}'"
            );
            assert!(list.contains(&wanted), "{list:#?}");
            assert!(list.contains(&format!("sudo poolmon trace {traced}")), "{list:#?}");
            assert!(!list.iter().any(|command| command.starts_with("poolmon who")), "the kernel creates it");
        }
    }

    #[test]
    fn figures_without_rows_lead_to_their_holders() {
        for (name, pool, wanted) in [
            ("PageTables", Pool::PageTables, "VmPTE"),
            ("KernelStack", Pool::KernelStack, "nlwp"),
            ("Percpu", Pool::PerCpu, "sudo poolmon trace --percpu"),
        ] {
            for pool in [Some(pool), None] {
                let list = of(name, pool);
                assert!(list.iter().any(|command| command.contains(wanted)), "{list:#?}");
                let caches = |command: &String| command.contains("who") || command.contains("kmem_cache");
                assert!(!list.iter().any(caches), "it is no cache: {list:#?}");
            }
        }
    }

    #[test]
    fn caches_of_their_own_are_traced_by_name() {
        let list = of("some_cache(664:a.service)", Some(Pool::Unreclaimable));
        let wanted = "bpftrace -e 'tracepoint:kmem:kmem_cache_alloc /str(args->name) == \"some_cache\"/ { @[kstack] = count(); }'";
        assert!(list.iter().any(|command| command == wanted), "{list:#?}");
        assert!(list.iter().any(|command| command == "sudo poolmon trace some_cache"), "{list:#?}");
        assert!(list.iter().any(|command| command == "slub_debug=U,some_cache"), "{list:#?}");
        assert!(!list.iter().any(|command| command.contains("drop_caches")), "it cannot shrink");
        assert!(of("dentry", Some(Pool::Reclaimable)).iter().any(|command| command.contains("drop_caches")));
    }

    #[test]
    fn callers_and_call_sites_are_looked_up() {
        let list = of("load_module", Some(Pool::Vmalloc));
        assert_eq!(list, ["poolmon who load_module", "grep -F -- 'load_module' /proc/vmallocinfo"]);
        let list = of("fs/eventfd.c:389 do_eventfd", Some(Pool::CallSite));
        assert!(list.contains(&"sudo poolmon trace 'fs/eventfd.c:389 do_eventfd'".to_owned()), "{list:#?}");
    }

    #[test]
    fn hostile_names_stay_data() {
        let list = of("a'; rm -rf /; '", None);
        assert!(list.iter().all(|command| !command.contains("'; rm") || command.contains(r"'\''; rm")));
    }
}
