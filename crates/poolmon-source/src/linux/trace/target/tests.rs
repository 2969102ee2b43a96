//! Caches, lines of the source and other memory of a kernel that a folder plays.

use std::os::unix::fs::symlink;

use super::*;
use poolmon_model::problem::Remedy as _;

const SLABINFO: &str = "slabinfo - version: 2.1\n# name            <active_objs>\n\
    skbuff_ext_cache 5 10 192 21 1 : tunables 0 0 0 : slabdata 1 1 0\n\
    filp 100 110 256 16 1 : tunables 0 0 0 : slabdata 7 7 0\n\
    kmalloc-rnd-01-256 3 16 256 16 1 : tunables 0 0 0 : slabdata 1 1 0\n\
    kmalloc-cg-256 7 16 256 16 1 : tunables 0 0 0 : slabdata 1 1 0\n\
    kmalloc-256 20 32 256 16 1 : tunables 0 0 0 : slabdata 2 2 0\n";

fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let slab = root.path().join("sys/kernel/slab");
    fs::create_dir_all(root.path().join("proc")).unwrap();
    fs::write(root.path().join("proc/slabinfo"), SLABINFO).unwrap();
    for cache in ["filp", ":0000192", "kmalloc-256", "kmalloc-rnd-01-256"] {
        fs::create_dir_all(slab.join(cache)).unwrap();
        fs::write(slab.join(cache).join("shrink"), "").unwrap();
        fs::write(slab.join(cache).join("object_size"), "184\n").unwrap();
    }
    symlink(":0000192", slab.join("skbuff_ext_cache")).unwrap();
    symlink(":0000192", slab.join("leakmod_item")).unwrap();
    root
}

#[test]
fn a_merged_cache_is_traced_under_the_name_that_the_kernel_uses() {
    let root = root();
    let target = Target::find(root.path(), "leakmod_item").unwrap();
    let kind = TargetKind::Named { name: "skbuff_ext_cache".into(), size: 192, object_size: Some(184) };
    assert_eq!((target.kinds, target.rows), (vec![kind], vec!["skbuff_ext_cache".to_owned()]));
    assert_eq!((target.name.as_str(), target.sharing), ("leakmod_item", vec!["skbuff_ext_cache".to_owned()]));
    let filp = Target::find(root.path(), "filp").unwrap();
    assert_eq!((&filp.sharing, filp.is_reclaimable(root.path())), (&Vec::<String>::new(), false));
    fs::write(root.path().join("sys/kernel/slab/filp/reclaim_account"), "1\n").unwrap();
    assert!(filp.is_reclaimable(root.path()));
}

#[test]
fn general_caches_by_size_and_class_with_their_copies() {
    let root = root();
    let target = Target::find(root.path(), "kmalloc-256").unwrap();
    assert_eq!(target.kinds, [TargetKind::General { size: 256, class: Class::Normal }]);
    assert_eq!((target.rows.len(), target.sharing), (2, vec!["kmalloc-rnd-01-256".to_owned()]));
    let account = Target::find(root.path(), "kmalloc-cg-256").unwrap();
    assert_eq!(account.kinds, [TargetKind::General { size: 256, class: Class::Account }]);
}

#[test]
fn several_caches_in_one_trace() {
    let root = root();
    let find = |names: &[&str]| Target::find_all(root.path(), names);
    let both = find(&["filp", "kmalloc-256"]).unwrap();
    assert_eq!(both.name, "filp, kmalloc-256");
    assert_eq!(both.rows, ["filp", "kmalloc-rnd-01-256", "kmalloc-256"]);
    assert_eq!(RowState::read(root.path(), &both).unwrap().objects, 123);
    // Two names of one cache count once.
    let merged = find(&["leakmod_item", "skbuff_ext_cache"]).unwrap();
    assert_eq!((merged.kinds.len(), merged.rows), (1, vec!["skbuff_ext_cache".to_owned()]));
    for (names, why) in [
        (&["filp", "pages"][..], "only slab caches"),
        (&["kmalloc-256", "filp", "kmalloc-cg-256"], "of different kinds"),
        (&["filp", "nothing"], "`nothing`"),
    ] {
        let error = find(names).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn rows_before_and_after() {
    let root = root();
    let target = Target::find(root.path(), "kmalloc-256").unwrap();
    let before = RowState::read(root.path(), &target).unwrap();
    fs::write(root.path().join("proc/slabinfo"), SLABINFO.replace("256 20 32", "256 17 32")).unwrap();
    let after = RowState::read(root.path(), &target).unwrap();
    assert_eq!(before.until(after), Some(Growth { objects: -3, bytes: -768, exact: true, within: 0 }));
    // What the processors allocate from next counts as used: two slabs and two sheaves of each.
    let file = |name: &str, text: &str| {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    file("sys/kernel/slab/kmalloc-256/objs_per_slab", "16\n");
    file("sys/kernel/slab/kmalloc-256/sheaf_capacity", "4\n");
    file("sys/devices/system/cpu/online", "0-2,5\n");
    let within = RowState::read(root.path(), &target).unwrap();
    assert_eq!(before.until(within), Some(Growth { objects: -3, bytes: -768, exact: false, within: 160 }));
}

#[test]
fn memory_outside_of_caches_before_and_after() {
    let root = root();
    let growth = |name: &str, file: &str, before: &str, after: &str| {
        let target = Target::find(root.path(), name).unwrap();
        let state = |text: &str| {
            fs::write(root.path().join(file), text).unwrap();
            RowState::read(root.path(), &target).unwrap()
        };
        state(before).until(state(after))
    };
    let meminfo = |free: u32| format!("MemTotal:        8000 kB\nMemFree: {free} kB\nPercpu: 1 kB\n");
    let pages = growth("pages", "proc/meminfo", &meminfo(4_000), &meminfo(3_600));
    assert_eq!(pages, Some(Growth { objects: 100, bytes: 409_600, exact: false, within: 0 }));
    assert_eq!(growth("pages", "proc/meminfo", "x", "y"), None, "unknown, not zero");
    // Half of these pages only left the processors' own lists.
    fs::write(root.path().join("proc/meminfo"), meminfo(4_000)).unwrap();
    let zones = |count: u32| {
        format!(
            "  pagesets\n    cpu: 0\n              count:    {count}\n              high:  99\n    cpu: 1\n              count:    7\n"
        )
    };
    let kept = growth("pages", "proc/zoneinfo", &zones(50), &zones(0));
    assert_eq!(kept, Some(Growth { objects: 50, bytes: 204_800, exact: true, within: 0 }));
    let area = "0x1-0x2   20480 load+0x1/0x2 [m] pages=4 vmalloc\n";
    let freed = "0x3-0x4   8192 unpurged vm_area\n";
    let areas = growth("vmalloc", "proc/vmallocinfo", area, &format!("{area}{freed}{area}"));
    assert_eq!(areas, Some(Growth { objects: 1, bytes: 20_480, exact: true, within: 0 }));
    assert_eq!(growth("percpu", "proc/meminfo", &meminfo(1), &meminfo(1)), None);
}

#[test]
fn a_line_of_the_source_by_the_code_of_its_function() {
    let root = root();
    let write = |name: &str, text: &str| fs::write(root.path().join("proc").join(name), text).unwrap();
    let find = |name: &str| Target::find(root.path(), name);
    let error = find("fs/eventfd.c:389").unwrap_err();
    assert!(error.to_string().contains("CONFIG_MEM_ALLOC_PROFILING"), "{error}");
    let lines = |bytes: u32, calls: u32| {
        format!(
            "allocinfo - version: 1.0\n{bytes} {calls} fs/eventfd.c:389 func:do_eventfd\n\
            64 1 fs/eventfd.c:395 func:do_eventfd\n9 9 x.c:1 [tun] func:do_eventfd\n640 10 a.c:7 func:inlined\n"
        )
    };
    write("allocinfo", &lines(4096, 64));
    write("kallsyms", "0000000000000000 T do_eventfd\n");
    let error = find("fs/eventfd.c:389").unwrap_err();
    assert!(error.remedy().unwrap().contains("kptr_restrict"), "{error}");
    write(
        "kallsyms",
        "ffffffff81000100 T do_eventfd\nffffffff81000180 T next\nffffffffc0000000 t do_eventfd\t[tun]\n",
    );
    let target = find("fs/eventfd.c:389 do_eventfd").unwrap();
    let code = vec![(0xffff_ffff_8100_0100, 0xffff_ffff_8100_0180)];
    let kind = TargetKind::Site { function: "do_eventfd".into(), module: None, code };
    assert_eq!((&target.kinds, target.name.as_str()), (&vec![kind], "fs/eventfd.c:389 do_eventfd"));
    assert_eq!(target.sharing, ["fs/eventfd.c:395 do_eventfd"]);
    let before = RowState::read(root.path(), &target).unwrap();
    write("allocinfo", &lines(8192, 128));
    let after = RowState::read(root.path(), &target).unwrap();
    assert_eq!(before.until(after), Some(Growth { objects: 64, bytes: 4096, exact: true, within: 0 }));
    write("allocinfo", &lines(8192, 128).replace("func:do_eventfd\n64", "func:do_eventfd accurate:no\n64"));
    let inexact = RowState::read(root.path(), &target).unwrap();
    assert_eq!(before.until(inexact), None, "the kernel missed some");
    for (name, remedy) in [
        ("fs/eventfd.c:391", "poolmon trace fs/eventfd.c:389"),
        ("fs/other.c:1", "poolmon top --pool callsite"),
        ("a.c:7", "64 bytes an object"),
    ] {
        let error = find(name).unwrap_err();
        assert!(error.remedy().unwrap().contains(remedy), "{name}: {error} {:?}", error.remedy());
    }
}

#[test]
fn an_unknown_cache_says_how_to_list_them() {
    let root = root();
    for (name, meant) in [
        ("FILP", "filp"),
        ("filp_cache", "filp"),
        ("skbuff_ext", "skbuff_ext_cache"),
        ("kmalloc-0256", "kmalloc-256"),
    ] {
        let remedy = Target::find(root.path(), name).unwrap_err().remedy().unwrap();
        assert!(remedy.ends_with(&format!("poolmon trace {meant}")), "{name}: {remedy}");
    }
    for name in ["nothing", "../slab/filp", "", "kmalloc-12345", "fil"] {
        let error = Target::find(root.path(), name).unwrap_err();
        assert!(error.remedy().unwrap().contains("poolmon top"), "{name}: {error}");
    }
}

#[test]
fn a_slip_of_the_finger_is_known() {
    for (one, other, steps) in
        [("filp", "flip", 1), ("dentry", "dentyr", 1), ("", "abc", 3), ("kitten", "sitting", 3)]
    {
        assert_eq!((distance(one, other), distance(other, one)), (steps, steps), "{one} {other}");
    }
    let root = root();
    let remedy = |name: &str| Target::find(root.path(), name).unwrap_err().remedy().unwrap();
    assert!(remedy("flip").ends_with("poolmon trace filp"), "{}", remedy("flip"));
    assert_eq!(remedy("nothing_like_it"), LIST);
}
