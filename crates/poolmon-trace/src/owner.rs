//! Which frame of a stack to name first: the first one outside the allocator and the helpers that everybody calls.

use crate::Symbol;

/// Functions that allocate for others. A name that ends with `*` stands for all that begin so. Endings that compilers and
/// the kernel add (`.isra.0`, `_noprof`) are cut before.
const HELPERS: &[&str] = &[
    // The slab allocator, and what copies into its objects.
    "kmem_cache_alloc*",
    "kmalloc*",
    "__kmalloc*",
    "__do_kmalloc*",
    "kzalloc*",
    "kcalloc*",
    "krealloc*",
    "__do_krealloc",
    "kvmalloc*",
    "__kvmalloc*",
    "kvzalloc*",
    "kvcalloc*",
    "slab_*",
    "__slab_*",
    "___slab_alloc",
    "kmemdup*",
    "kstrdup*",
    "kasprintf",
    "kvasprintf*",
    "memdup_*",
    "devm_k*",
    "mempool_*",
    "kmem_*",
    "__kmem_cache_*",
    "__pcs_*",
    "alloc_from_pcs*",
    "alloc_*_sheaf",
    "__alloc_*_sheaf",
    "trace_*",
    "__traceiter_*",
    "perf_trace_*",
    // Pages, vmalloc, per CPU memory.
    "__alloc_pages*",
    "alloc_pages*",
    "__alloc_frozen_pages*",
    "alloc_frozen_pages*",
    "__get_free_page*",
    "get_free_pages*",
    "get_zeroed_page*",
    "folio_alloc*",
    "__folio_alloc*",
    "vma_alloc_folio*",
    "alloc_anon_folio",
    "filemap_alloc_folio*",
    "alloc_pages_bulk*",
    "__vmalloc_node*",
    "vmap",
    "vm_map_ram",
    "allocate_slab",
    "new_slab",
    "refill_*",
    "vmalloc*",
    "__vmalloc*",
    "vzalloc*",
    "__get_vm_area*",
    "alloc_vmap_area",
    "pcpu_alloc*",
    "__alloc_percpu*",
    "__percpu_counter_*",
    "percpu_ref_init",
    // Generic parts of sockets, packets, files and inodes: the caller is of interest.
    "__alloc_skb",
    "alloc_skb*",
    "build_skb*",
    "__build_skb*",
    "napi_*skb*",
    "__netdev_alloc_skb",
    "__napi_alloc_skb",
    "skb_clone",
    "skb_copy*",
    "pskb_*",
    "sock_alloc_send_*",
    "sock_wmalloc",
    "__ip_append_data",
    "sk_prot_alloc",
    "sk_alloc",
    "sk_clone*",
    "sock_alloc_inode",
    "alloc_inode",
    "new_inode*",
    "sock_alloc",
    "sock_alloc_file",
    "sock_map_fd",
    "sock_create*",
    "__sock_create",
    "alloc_empty_file*",
    "alloc_file*",
    "init_file",
    "anon_inode_*",
    "__anon_inode_*",
    "getname*",
    "vm_area_alloc",
    "vm_area_dup",
    "__d_alloc",
    "d_alloc*",
    "single_open*",
    "seq_open*",
    "bio_alloc*",
    "xas_*",
    "radix_tree_*",
    "idr_*",
    "ida_*",
    "kobject_*create*",
    // What a security module keeps for each object is allocated with the object.
    "security_*",
    "lsm_*",
    "genradix_*",
    "__genradix_*",
    "rhashtable_*",
    "mas_*",
    "mt_*",
    // Windows.
    "ExAllocate*",
    "ExpAllocate*",
    "ExAllocatePool*",
    "VerifierExAllocate*",
    "VeAllocate*",
];

/// Whether the allocator takes a general block for itself: the sheaves of objects of Linux 6.18 and later are such blocks, and the
/// caller of the allocator has nothing to do with them. Seen on Linux 7.3: one block of kmalloc-256 for each sheaf.
fn is_own(inner: Option<&Symbol>, symbol: Option<&Symbol>) -> bool {
    let name = |symbol: Option<&Symbol>| symbol?.function.as_deref().map(|name| plain(name).to_owned());
    let (Some(inner), Some(outer)) = (name(inner), name(symbol)) else { return false };
    inner.starts_with("__kmalloc") && (outer.starts_with("__pcs_") || outer.ends_with("_sheaf"))
}

/// Endings that say how a function was compiled or counted.
const ENDINGS: &[&str] = &["_noprof", ".cold"];

/// A function's name as it stands in the source.
pub fn plain(function: &str) -> &str {
    let name = function.split('.').next().filter(|name| !name.is_empty()).unwrap_or(function);
    ENDINGS.iter().fold(name, |name, ending| name.strip_suffix(ending).unwrap_or(name))
}

/// Whether a function allocates for others.
pub fn is_helper(function: &str) -> bool {
    let name = plain(function);
    HELPERS.iter().any(|helper| match helper.split_once('*') {
        None => *helper == name,
        Some((start, rest)) => {
            let rest = rest.trim_end_matches('*');
            name.strip_prefix(start).is_some_and(|name| name.contains(rest))
        }
    })
}

/// The frame to name, by its place in the stack: the first that is no helper; the first of all if nothing else is there. A
/// helper's name in a loaded module is the module's own.
pub fn frame<'a>(symbols: impl IntoIterator<Item = Option<&'a Symbol>>) -> usize {
    found(symbols).unwrap_or(0)
}

/// The same; `None` if nothing but helpers is there, or names are unknown.
pub fn found<'a>(symbols: impl IntoIterator<Item = Option<&'a Symbol>>) -> Option<usize> {
    let is_owner = |symbol: Option<&Symbol>| match symbol {
        Some(Symbol { function: Some(function), module: None, .. }) => !is_helper(function),
        Some(Symbol { function: Some(function), module: Some(_), .. }) => {
            !function.starts_with("ExAllocate") && !function.starts_with("VerifierExAllocate")
        }
        // The kernel of Windows without names: its allocator is in it.
        Some(Symbol { function: None, module: Some(module), .. }) => {
            !["ntoskrnl.exe", "ntkrnlmp.exe", "verifier.sys"].iter().any(|nt| module.eq_ignore_ascii_case(nt))
        }
        _ => false,
    };
    let mut inner = None;
    symbols
        .into_iter()
        .position(|symbol| is_owner(symbol) || is_own(std::mem::replace(&mut inner, symbol), symbol))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(function: &str, module: Option<&str>) -> Symbol {
        Symbol { function: Some(function.into()), module: module.map(Into::into), offset: 4 }
    }

    #[test]
    fn the_first_frame_outside_the_allocator() {
        let place = |functions: &[(&str, Option<&str>)]| {
            let symbols: Vec<Symbol> =
                functions.iter().map(|&(function, module)| of(function, module)).collect();
            frame(symbols.iter().map(Some))
        };
        assert_eq!(
            place(&[("kmem_cache_alloc_noprof", None), ("alloc_empty_file", None), ("path_openat", None)]),
            2
        );
        assert_eq!(place(&[("__kmalloc_cache_noprof", None), ("take_blocks", Some("leakmod"))]), 1);
        assert_eq!(place(&[("kmalloc_trace", None), ("kmalloc_wrap", Some("leakmod"))]), 1);
        assert_eq!(
            place(&[("kmem_cache_alloc.isra.0", None), ("kmemdup", None)]),
            0,
            "nothing else is known"
        );
        assert_eq!(frame([None, None]), 0);
        let sheaf = ["__kmalloc_flags_noprof", "__pcs_replace_empty_main", "__kmalloc_cache_noprof", "take"];
        assert_eq!(place(&sheaf.map(|name| (name, None))), 1, "a block of the allocator itself");
        let pages =
            ["allocate_slab", "refill_sheaf", "__pcs_replace_empty_main", "kmem_cache_alloc_noprof", "take"];
        assert_eq!(place(&pages.map(|name| (name, None))), 4, "pages for objects of the caller");
    }

    #[test]
    fn helpers_by_name() {
        for helper in [
            "kmem_cache_alloc_lru_noprof",
            "__alloc_skb",
            "kmalloc_reserve",
            "napi_alloc_skb",
            "mas_alloc_nodes.isra.0",
            "security_file_alloc",
            "anon_inode_getfile",
            "getname_flags.part.0",
        ] {
            assert!(is_helper(helper), "{helper}");
        }
        for own in [
            "path_openat",
            "inotify_handle_inode_event",
            "ep_insert",
            "dup_fd",
            "do_inotify_init",
            "fsnotify_add_mark",
        ] {
            assert!(!is_helper(own), "{own}");
        }
    }
}
