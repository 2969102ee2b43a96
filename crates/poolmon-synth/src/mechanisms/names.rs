//! Rows that every system has, with the sizes that public tables show, and invented names beside them.
//!
//! Sizes and counts of Windows tags: a pool table of a Windows 10 machine; lifetimes are count over rate (Little's law).
//! Sizes of Linux caches: `/proc/slabinfo` of a 6.x kernel on x86-64.

use std::collections::HashSet;

use poolmon_model::{Pool, Tag};

use super::chance::Chance;

/// A row that is known by name.
pub(super) struct Known {
    pub name: &'static str,
    pub pool: Pool,
    /// Bytes of an object.
    pub size: u64,
    /// Objects on a middling machine.
    pub held: f64,
    /// Mean lifetime in hours; 0 = they always exist.
    pub lives: f64,
}

const fn row(name: &'static str, pool: Pool, size: u64, held: f64, lives: f64) -> Known {
    Known { name, pool, size, held, lives }
}

use Pool::{Nonpaged as N, Paged as P, Reclaimable as R, Unreclaimable as U, Vmalloc as V};

/// Tags of Windows.
pub(super) const WINDOWS: &[Known] = &[
    row("EtwB", N, 65_536, 900.0, 0.0),
    row("MmSt", P, 2544, 61_000.0, 13.0),
    row("FMfn", P, 480, 190_000.0, 1.5),
    row("MmRe", P, 13_696, 3500.0, 70.0),
    row("NtfF", P, 1584, 29_000.0, 23.0),
    row("Ntff", P, 1376, 33_000.0, 16.0),
    row("smNp", N, 4096, 10_000.0, 23.0),
    row("CM16", P, 4896, 8500.0, 0.0),
    row("CM25", P, 4096, 2200.0, 0.0),
    row("CM31", P, 4096, 5100.0, 0.0),
    row("File", N, 400, 74_000.0, 0.5),
    row("smBt", N, 4096, 7200.0, 26.0),
    row("Ntfx", N, 320, 63_000.0, 19.0),
    row("MmCa", N, 320, 54_000.0, 11.0),
    row("Thre", N, 2416, 5900.0, 1.6),
    row("Proc", N, 2944, 310.0, 2.0),
    row("Toke", P, 1760, 7000.0, 0.2),
    row("FMsl", N, 192, 62_000.0, 23.0),
    row("FIcs", P, 192, 62_000.0, 23.0),
    row("IoNm", P, 240, 37_000.0, 0.3),
    row("NtFs", P, 96, 88_000.0, 0.6),
    row("NtFC", P, 224, 26_000.0, 0.4),
    row("EtwR", N, 224, 30_000.0, 11.0),
    row("Vad ", N, 160, 40_000.0, 0.5),
    row("Even", N, 128, 49_000.0, 0.4),
    row("Obtb", P, 3504, 1700.0, 14.0),
    row("ObHd", P, 96, 24_000.0, 1.1),
    row("SeAt", P, 112, 15_000.0, 0.3),
    row("AthM", N, 4096, 13.0, 0.0),
    row("CcSc", N, 560, 8700.0, 1.5),
    row("FSro", P, 176, 26_000.0, 5.0),
    row("Ntfc", P, 160, 25_000.0, 35.0),
    row("Key ", P, 256, 15_500.0, 0.06),
    row("AfdE", N, 592, 1900.0, 0.3),
    row("TcpE", N, 1104, 700.0, 0.2),
    row("UdpA", N, 432, 500.0, 0.1),
    row("Irp ", N, 560, 900.0, 0.002),
    row("Mdl ", N, 160, 1100.0, 0.001),
    row("MmSe", N, 96, 33_000.0, 0.5),
    row("ALPC", P, 592, 9800.0, 0.4),
    row("Wait", N, 240, 2600.0, 0.05),
    row("Sema", N, 144, 7100.0, 0.7),
    row("Muta", N, 144, 3900.0, 0.6),
    row("NDnd", N, 2048, 300.0, 0.0),
    row("UlHR", N, 416, 20.0, 0.01),
];

/// Caches of Linux.
pub(super) const LINUX: &[Known] = &[
    row("dentry", R, 192, 210_000.0, 14.0),
    row("inode_cache", R, 608, 24_000.0, 20.0),
    row("ext4_inode_cache", R, 1176, 90_000.0, 30.0),
    row("proc_inode_cache", R, 656, 5200.0, 0.6),
    row("shmem_inode_cache", R, 720, 2600.0, 40.0),
    row("radix_tree_node", R, 576, 60_000.0, 17.0),
    row("buffer_head", R, 104, 130_000.0, 9.0),
    row("kernfs_node_cache", U, 128, 38_000.0, 0.0),
    row("filp", U, 256, 9600.0, 0.1),
    row("vm_area_struct", U, 184, 41_000.0, 0.8),
    row("anon_vma", U, 104, 17_000.0, 0.8),
    row("mm_struct", U, 1408, 260.0, 0.7),
    row("task_struct", U, 9728, 700.0, 1.1),
    row("cred", U, 192, 1900.0, 0.2),
    row("pid", U, 128, 800.0, 1.1),
    row("signal_cache", U, 1152, 420.0, 0.9),
    row("sighand_cache", U, 2112, 400.0, 0.9),
    row("files_cache", U, 704, 330.0, 0.9),
    row("sock_inode_cache", R, 832, 1700.0, 0.2),
    row("TCP", U, 2432, 500.0, 0.15),
    row("UDP", U, 1344, 140.0, 0.1),
    row("UNIX", U, 1088, 620.0, 0.5),
    row("skbuff_head_cache", U, 256, 2300.0, 0.0005),
    row("nf_conntrack", U, 256, 4100.0, 0.1),
    row("eventpoll_epi", U, 128, 900.0, 0.3),
    row("kmalloc-8", U, 8, 21_000.0, 30.0),
    row("kmalloc-16", U, 16, 17_000.0, 4.0),
    row("kmalloc-32", U, 32, 34_000.0, 7.0),
    row("kmalloc-64", U, 64, 39_000.0, 3.0),
    row("kmalloc-96", U, 96, 9300.0, 5.0),
    row("kmalloc-128", U, 128, 7900.0, 2.0),
    row("kmalloc-192", U, 192, 8200.0, 6.0),
    row("kmalloc-256", U, 256, 5400.0, 0.7),
    row("kmalloc-512", U, 512, 4700.0, 1.5),
    row("kmalloc-1k", U, 1024, 3500.0, 1.0),
    row("kmalloc-2k", U, 2048, 2100.0, 0.5),
    row("kmalloc-4k", U, 4096, 900.0, 0.8),
    row("kmalloc-8k", U, 8192, 250.0, 3.0),
    row("kmalloc-cg-64", U, 64, 6600.0, 0.4),
    row("kmalloc-cg-192", U, 192, 3900.0, 0.4),
    row("kmalloc-cg-512", U, 512, 1400.0, 0.3),
    row("kmalloc-cg-1k", U, 1024, 1100.0, 0.2),
    row("kmalloc-rcl-96", R, 96, 2100.0, 20.0),
    row("alloc_thread_stack_node", V, 16_384, 690.0, 1.1),
    row("bpf_prog_alloc_no_stats", V, 4096, 160.0, 0.0),
    row("module_memory_alloc", V, 65_536, 420.0, 0.0),
];

/// Names that are taken, and new ones.
pub(super) struct Names {
    linux: bool,
    taken: HashSet<String>,
}

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Tags of one driver often share their first letters.
const FAMILIES: &[&str] =
    &["Vi", "Nt", "FM", "Cm", "Ob", "Se", "Al", "Rf", "Wc", "Hs", "Dx", "Us", "Af", "Pn"];
const SUBSYSTEMS: &[&str] =
    &["drv", "fs", "net", "nft", "usb", "blk", "dm", "kvm", "xt", "mlx", "scsi", "snd"];
const ENDINGS: &[&str] = &["_cache", "_entry", "", "-256", "_ctx", "_desc"];

impl Names {
    pub(super) fn new(linux: bool, known: &[Known]) -> Self {
        Self { linux, taken: known.iter().map(|known| known.name.to_owned()).collect() }
    }

    /// A name that no other row has.
    pub(super) fn invent(&mut self, chance: &mut Chance) -> Tag {
        loop {
            let name = if self.linux { cache(chance) } else { tag(chance) };
            if self.taken.insert(name.clone()) {
                return self.tag(&name);
            }
        }
    }

    /// The tag of a name.
    pub(super) fn tag(&self, name: &str) -> Tag {
        match <[u8; 4]>::try_from(name.as_bytes()) {
            Ok(bytes) if !self.linux => Tag::pool(bytes),
            _ => Tag::name(name),
        }
    }
}

fn letters(count: usize, from: &[u8], chance: &mut Chance) -> String {
    (0..count).map(|_| char::from(*chance.pick(from))).collect()
}

fn tag(chance: &mut Chance) -> String {
    if chance.happens(0.5) {
        let family = *chance.pick(FAMILIES);
        format!("{family}{}", letters(2, LETTERS, chance))
    } else {
        letters(4, LETTERS, chance)
    }
}

fn cache(chance: &mut Chance) -> String {
    let (subsystem, ending) = (*chance.pick(SUBSYSTEMS), *chance.pick(ENDINGS));
    format!("{subsystem}_{}{ending}", letters(4, &LETTERS[..26], chance))
}
