//! Real modules: those of Debian's kernel package, fetched once into `target/debian-kernel`.
//!
//! What the caches of Linux are called is general knowledge; the table below is written by hand from it. The names are
//! checked a second time by `objdump`, which shares nothing with our reader.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use poolmon_owner::linux::{
    CreationConfidence, CreationKind, ModuleCatalog, ModuleEvent, ModuleIndex, ScannedModule, SearchLimits,
};
use poolmon_testkit::{Need, debian_kernel, run, skip};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Caches and who creates them.
const EXPECTED: &[(&str, &str)] = &[
    ("ext4_inode_cache", "ext4"),
    ("ext4_extent_status", "ext4"),
    ("ext4_groupinfo_4k", "ext4"),
    ("jbd2_journal_head", "jbd2"),
    ("jbd2_inode", "jbd2"),
    ("btrfs_inode", "btrfs"),
    ("btrfs_extent_map", "btrfs"),
    ("btrfs_delayed_node", "btrfs"),
    ("xfs_inode", "xfs"),
    ("xfs_ili", "xfs"),
    ("xfs_buf", "xfs"),
    ("nf_conntrack", "nf_conntrack"),
    ("nf_conntrack_expect", "nf_conntrack"),
    ("kvm_vcpu", "kvm"),
    ("kvm_mmu_page_header", "kvm"),
    ("pte_list_desc", "kvm"),
    ("x86_emulator", "kvm"),
    ("fuse_inode", "fuse"),
    ("fuse_request", "fuse"),
    ("nfs_inode_cache", "nfs"),
    ("nfs_direct_cache", "nfs"),
    ("nfsd_drc", "nfsd"),
    ("nfsd4_stateids", "nfsd"),
    ("rpc_inode_cache", "sunrpc"),
    ("rpc_tasks", "sunrpc"),
    ("ovl_inode", "overlay"),
    ("cifs_inode_cache", "cifs"),
    ("ceph_inode_info", "ceph"),
    ("ceph_msg", "libceph"),
    ("rbd_img_request", "rbd"),
    ("f2fs_inode_cache", "f2fs"),
    ("fat_inode_cache", "fat"),
    ("isofs_inode_cache", "isofs"),
    ("udf_inode_cache", "udf"),
    ("squashfs_inode_cache", "squashfs"),
    ("v9fs_inode_cache", "9p"),
    ("gfs2_inode", "gfs2"),
    ("ocfs2_inode_cache", "ocfs2"),
    ("ubifs_inode_slab", "ubifs"),
    ("jfs_ip", "jfs"),
    ("sctp_chunk", "sctp"),
    ("SCTP", "sctp"),
    ("i915_request", "i915"),
    ("i915_vma", "i915"),
    ("drm_sched_fence", "gpu_sched"),
    ("bridge_fdb_cache", "bridge"),
    ("ip_vs_conn", "ip_vs"),
    ("dlm_lkb", "dlm"),
    ("kcopyd_job", "dm_mod"),
    ("raid5-md0", "raid456"),
    ("ecryptfs_inode_cache", "ecryptfs"),
    ("dentry", "kernel"),
    ("inode_cache", "kernel"),
    ("filp", "kernel"),
    ("task_struct", "kernel"),
    ("mm_struct", "kernel"),
    ("sock_inode_cache", "kernel"),
    ("skbuff_head_cache", "kernel"),
    ("radix_tree_node", "kernel"),
    ("buffer_head", "kernel"),
    ("TCP", "kernel"),
    ("UDPv6", "kernel"),
    ("biovec-64", "kernel"),
    ("bio-136", "kernel"),
];

fn module_file(files: &Path, name: &str) -> PathBuf {
    fn find(folder: &Path, wanted: &str) -> Option<PathBuf> {
        let entries = folder.read_dir().ok()?.flatten();
        let paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        let is = |path: &&PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(wanted);
        let here = paths.iter().find(is).filter(|path| path.is_file()).cloned();
        here.or_else(|| paths.iter().filter(|path| path.is_dir()).find_map(|path| find(path, wanted)))
    }
    find(&files.join("lib/modules"), &format!("{name}.ko")).unwrap()
}

fn read(files: &Path) -> ModuleCatalog {
    let mut index = ModuleIndex::default();
    let mut failed = Vec::new();
    let paths = [files.to_owned()];
    let (modules, summary) = ModuleCatalog::read(
        &paths,
        2,
        SearchLimits::default(),
        &mut index,
        &AtomicBool::new(false),
        |event| {
            if let ModuleEvent::File((path, Err(error))) = event {
                failed.push((path, error));
            }
        },
    );
    assert!(failed.is_empty(), "{failed:?}");
    assert!(summary.files > 3000, "{summary:?}");
    modules
}

#[test]
fn well_known_caches_have_the_right_creators() {
    let Some(files) = debian_kernel() else { return };
    let modules = read(files);
    let mut wrong = Vec::new();
    for &(cache, owner) in EXPECTED {
        let owners = modules.owners(cache);
        let names: Vec<&str> = owners.iter().map(poolmon_owner::linux::CacheOwner::name).collect();
        if names != [owner] || owners[0].confidence() > CreationConfidence::Likely {
            wrong.push(format!("{cache}: {names:?} instead of {owner}"));
        }
    }
    let (mut calls, mut unknown) = (0, 0);
    for (_, module) in modules.iter() {
        calls += module.calls;
        unknown += module.unknown;
    }
    let mut kinds = BTreeMap::new();
    for (.., row) in modules.caches() {
        *kinds.entry(row.kind).or_insert(0) += 1;
    }
    println!(
        "{} files, {calls} calls that create caches, {unknown} without a name, {kinds:?}",
        modules.len()
    );
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), EXPECTED.len());
    assert!(calls > 400 && unknown * 20 < calls, "{unknown} of {calls}");
}

/// Names that `objdump` shows before calls: the last text moved into the first register.
fn by_objdump(path: &Path) -> Option<BTreeSet<String>> {
    let run = |options: &str| run(Path::new("/"), &["objdump", options, path.to_str()?]).ok();
    let bytes = std::fs::read(path).ok()?;
    let headers = run("-hw")?;
    let mut sections = BTreeMap::new();
    for line in headers.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if let [_, name, _, _, _, offset, ..] = fields.as_slice() {
            sections.extend(usize::from_str_radix(offset, 16).ok().map(|at| ((*name).to_owned(), at)));
        }
    }
    let (mut names, mut last, mut moved) = (BTreeSet::new(), None, false);
    for line in run("-dr")?.lines() {
        if line.ends_with(">:") {
            last = None;
        } else if let Some((_, text)) = line.split_once("R_X86_64_32S\t").filter(|_| moved) {
            last = Some(text.to_owned());
        } else if line.contains("R_X86_64_PLT32\tkmem_cache_create") {
            let text = last.take().filter(|text: &String| text.starts_with(".rodata"));
            let (section, at) =
                text.as_deref().map_or(("", ""), |text| text.split_once("+0x").unwrap_or((text, "0")));
            if let (Some(start), Ok(at)) = (sections.get(section), usize::from_str_radix(at, 16)) {
                let name = bytes[start + at..].split(|&byte| byte == 0).next()?;
                names.insert(String::from_utf8_lossy(name).into_owned());
            }
        }
        if !line.contains("R_X86_64_") {
            moved = line.ends_with("$0x0,%rdi");
        }
    }
    Some(names)
}

#[test]
fn objdump_sees_the_same_names() {
    let Some(files) = debian_kernel() else { return };
    if run(Path::new("/"), &["objdump", "--version"]).is_err() {
        skip(Need::Tools, "objdump is absent");
        return;
    }
    let modules = read(files);
    let mut compared = 0;
    for (path, module) in modules.iter() {
        let small = path.metadata().is_ok_and(|meta| meta.len() < 300_000);
        let calls: BTreeSet<&str> = module
            .creations
            .iter()
            .filter(|row| row.kind == CreationKind::Call)
            .map(|row| row.name.as_str())
            .collect();
        if !small || calls.is_empty() || !path.to_string_lossy().ends_with(".ko") || compared > 150 {
            continue;
        }
        let seen = by_objdump(path).unwrap();
        let seen: BTreeSet<&str> = seen.iter().map(String::as_str).collect();
        assert_eq!(calls, seen, "{}", path.display());
        compared += calls.len();
    }
    println!("{compared} names compared");
    assert!(compared > 0 || modules.iter().all(|(path, _)| !path.to_string_lossy().ends_with(".ko")));
}

#[test]
fn packed_real_modules_and_their_changes() {
    let Some(files) = debian_kernel() else { return };
    let path = module_file(files, "ecryptfs");
    let bytes = std::fs::read(&path).unwrap();
    let limit = 64 << 20;
    let expected = ScannedModule::parse("ecryptfs.ko", &bytes, limit).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.ko"), &bytes).unwrap();
    if bytes.starts_with(b"\x7fELF") {
        for (program, name) in [
            (&["gzip", "-k", "m.ko"][..], "m.ko.gz"),
            (&["xz", "-k", "--check=crc32", "--lzma2=dict=1MiB", "m.ko"], "m.ko.xz"),
            (&["zstd", "-q", "m.ko"], "m.ko.zst"),
        ] {
            match run(folder.path(), program) {
                Ok(_) => {
                    let packed = std::fs::read(folder.path().join(name)).unwrap();
                    assert_eq!(
                        ScannedModule::parse("ecryptfs.ko", &packed, limit).unwrap(),
                        expected,
                        "{name}"
                    );
                }
                Err(error) => skip(Need::Tools, format_args!("{error}")),
            }
        }
    }
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..64);
    TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() })
        .run(&(changes, prop::option::of(any::<prop::sample::Index>())), |(changes, cut)| {
            let mut bytes = bytes.clone();
            for (n, (at, byte)) in changes.into_iter().enumerate() {
                // Half of them where they hurt: headers in front, the section table at the end.
                let length = bytes.len();
                let at = match n % 4 {
                    0 => at.index(64),
                    1 => length - 1 - at.index(6000.min(length)),
                    _ => at.index(length),
                };
                bytes[at] = byte;
            }
            bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
            let _ = ScannedModule::parse("m.ko", &bytes, limit);
            Ok(())
        })
        .unwrap();
}
