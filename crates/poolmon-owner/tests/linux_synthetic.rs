//! The reader of modules over files that the tests write themselves.

mod elf;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use elf::{Part, file, loaded};
use poolmon_owner::linux::{
    CreationConfidence, CreationKind, Machine, MergedCaches, ModuleCatalog, ModuleError, ModuleEvent,
    ModuleIndex, ScannedModule, SearchLimits, places,
};
use proptest::prelude::*;

const LIMIT: u64 = 1 << 20;

fn shown(module: &ScannedModule) -> Vec<(CreationKind, &str)> {
    module.creations.iter().map(|row| (row.kind, row.name.as_str())).collect()
}

#[test]
fn a_module_of_each_processor() {
    for (bytes, machine) in [(elf::x64(), Machine::X64), (elf::arm64(), Machine::Arm64)] {
        let module = ScannedModule::parse("other_name.ko", &bytes, LIMIT).unwrap();
        assert_eq!(module.info.machine, machine);
        assert_eq!((module.info.name.as_str(), module.info.in_tree), ("my_mod", true));
        assert_eq!(module.info.description.as_deref(), Some("A module for tests"));
        assert_eq!(
            shown(&module),
            [
                (CreationKind::Call, "plain_cache"),
                (CreationKind::Wrapper, "wrapped_cache"),
                (CreationKind::Protocol, "MYPROTO"),
                (CreationKind::Format, "fmt_cache_%d"),
            ],
            "{machine}"
        );
        assert_eq!((module.calls, module.unknown), (4, 0));
        let words: Vec<String> =
            module.creations.iter().map(poolmon_owner::linux::Creation::explain).collect();
        assert!(
            words[0].starts_with("calls kmem_cache_create with this name, in my_init (offset 0x"),
            "{words:?}"
        );
        assert!(
            words[1].starts_with("passes this name to my_wrap, which calls kmem_cache_create"),
            "{words:?}"
        );
    }
}

#[test]
fn a_kernel_without_symbols() {
    let module = ScannedModule::parse("vmlinux", &elf::kernel(), LIMIT).unwrap();
    assert!(module.info.kernel);
    assert_eq!(shown(&module), [(CreationKind::Call, "built_in_cache")]);
    assert_eq!(module.creations[0].function, None);
}

#[test]
fn a_kernel_for_a_boot_loader() {
    let packed = gzip(&elf::kernel());
    let mut image = vec![0_u8; 1024];
    image[0x1f1] = 1;
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x206..0x208].copy_from_slice(&0x20f_u16.to_le_bytes());
    image[0x248..0x24c].copy_from_slice(&8_u32.to_le_bytes());
    image[0x24c..0x250].copy_from_slice(&u32::try_from(packed.len()).unwrap().to_le_bytes());
    image.extend([0; 8]);
    let headers = image.clone();
    image.extend(&packed);
    let module = ScannedModule::parse("vmlinuz", &image, LIMIT).unwrap();
    assert_eq!(shown(&module), [(CreationKind::Call, "built_in_cache")]);
    let cut = ScannedModule::parse("vmlinuz", &headers, LIMIT).unwrap_err();
    assert_eq!(
        cut.to_string(),
        "damaged: the compressed kernel extends past the end of the file, at offset 0x248"
    );
    image[0x206] = 1;
    let old = ScannedModule::parse("vmlinuz", &image, LIMIT).unwrap_err().to_string();
    assert!(old.contains("older than 2.08"), "{old}");
}

#[test]
fn names_that_functions_of_the_kernel_hand_on() {
    let module = ScannedModule::parse("vmlinux", &elf::traced_kernel(), LIMIT).unwrap();
    assert_eq!(
        shown(&module),
        [(CreationKind::Wrapper, "wrapped_cache"), (CreationKind::Format, "sized-%s")],
        "{module:?}"
    );
    assert_eq!((module.calls, module.unknown), (2, 0));
    let words = module.creations[0].explain();
    assert!(
        words.starts_with("passes this name to the function at 0xffffffff81000018, which calls"),
        "{words}"
    );
    assert!(module.creations[1].creates("sized-8k") && !module.creations[1].creates("sized"));
}

#[test]
fn an_arm64_image_plain_packed_and_for_efi() {
    let expected = [(CreationKind::Call, "plain_cache"), (CreationKind::Wrapper, "wrapped_cache")];
    for listed in [false, true] {
        let image = elf::image(listed);
        let module = ScannedModule::parse("Image", &image, LIMIT).unwrap();
        assert_eq!(shown(&module), expected, "{module:?}");
        assert_eq!((module.info.machine, module.info.kernel), (Machine::Arm64, true));
        assert_eq!(ScannedModule::parse("Image.gz", &gzip(&image), LIMIT).unwrap(), module);
        let packed = zstd(&image);
        let mut efi = vec![0_u8; 0x200];
        efi[..2].copy_from_slice(b"MZ");
        efi[4..8].copy_from_slice(b"zimg");
        efi[8..12].copy_from_slice(&0x200_u32.to_le_bytes());
        efi[12..16].copy_from_slice(&u32::try_from(packed.len()).unwrap().to_le_bytes());
        efi[24..30].copy_from_slice(b"zstd22");
        efi.extend(&packed);
        assert_eq!(ScannedModule::parse("vmlinuz", &efi, LIMIT).unwrap(), module);
        let cut = ScannedModule::parse("vmlinuz", &efi[..efi.len() - 1], LIMIT).unwrap_err().to_string();
        assert!(cut.contains("extends past the end of the file"), "{cut}");
        efi[0x200..0x204].fill(1);
        efi[24..30].copy_from_slice(b"lzo\x1b[2");
        let other = ScannedModule::parse("vmlinuz", &efi, LIMIT).unwrap_err().to_string();
        assert_eq!(
            other,
            "not supported: its kernel is compressed with lzo2; use the uncompressed kernel instead"
        );
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut packer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(6)).unwrap();
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

#[test]
fn packed_modules_are_the_same() {
    let plain = elf::x64();
    let expected = ScannedModule::parse("m.ko", &plain, LIMIT).unwrap();
    for (name, packed) in [("m.ko.gz", gzip(&plain)), ("m.ko.xz", xz(&plain)), ("m.ko.zst", zstd(&plain))] {
        assert_eq!(ScannedModule::parse(name, &packed, LIMIT).unwrap(), expected, "{name}");
        // What they are is reported by their bytes.
        assert_eq!(ScannedModule::parse("m.ko", &packed, LIMIT).unwrap(), expected, "{name}");
        let cut = ScannedModule::parse(name, &packed[..packed.len() / 2], LIMIT).unwrap_err();
        assert!(matches!(cut, ModuleError::Unpack(..)), "{name}: {cut}");
        let large = ScannedModule::parse(name, &packed, plain.len() as u64 - 1);
        assert!(matches!(large, Err(ModuleError::TooLarge { .. })), "{name}: {large:?}");
        assert!(ScannedModule::parse(name, &packed, plain.len() as u64).is_ok(), "{name}");
    }
}

#[test]
fn a_bomb_is_not_unpacked() {
    let zeros = vec![0_u8; 8 << 20];
    for packed in [gzip(&zeros), xz(&zeros), zstd(&zeros)] {
        assert!(packed.len() < 1 << 20);
        assert_eq!(ScannedModule::parse("m.ko", &packed, LIMIT), Err(ModuleError::TooLarge { limit: LIMIT }));
    }
}

#[test]
fn bad_files_say_what_is_wrong() {
    let good = elf::x64();
    let changed = |at: usize, bytes: &[u8]| {
        let mut file = good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    for (bytes, error) in [
        (Vec::new(), "neither a kernel module nor a kernel"),
        (b"MZ\x90\0".to_vec(), "neither a kernel module nor a kernel"),
        (b"\x7fELF".to_vec(), "ends within its header"),
        (good[..50].to_vec(), "ends within its header"),
        (good[..good.len() - 1].to_vec(), "section table extends past the end"),
        (changed(4, &[1]), "it is 32-bit"),
        (changed(5, &[2]), "big-endian"),
        (changed(16, &[4]), "neither a module nor a kernel"),
        (changed(18, &[8]), "ELF machine 8"),
        (changed(58, &[40]), "rows or their number are wrong"),
        (changed(60, &[0, 0]), "no section table"),
        (changed(40, &[0xff; 8]), "section table extends past the end"),
    ] {
        let reported = ScannedModule::parse("m.ko", &bytes, LIMIT).unwrap_err().to_string();
        assert!(reported.contains(error), "{reported:?} should say {error:?}");
    }
    let beyond = Part { bytes: Vec::new(), ..loaded(".text", 6, &[]) };
    let mut bytes = file(1, 62, vec![beyond]);
    let table = usize::try_from(u64::from_le_bytes(bytes[40..48].try_into().unwrap())).unwrap();
    bytes[table + 64 + 32..table + 64 + 40].copy_from_slice(&u64::MAX.to_le_bytes());
    let reported = ScannedModule::parse("m.ko", &bytes, LIMIT).unwrap_err().to_string();
    assert!(reported.contains("a section extends past the end of the file"), "{reported}");
}

fn read(
    paths: &[PathBuf],
    index: &mut ModuleIndex,
) -> (ModuleCatalog, poolmon_owner::linux::SearchSummary, Vec<String>) {
    let mut failed = Vec::new();
    let (modules, summary) = ModuleCatalog::read(
        paths,
        2,
        SearchLimits { bytes: LIMIT },
        index,
        &AtomicBool::new(false),
        |event| {
            if let ModuleEvent::File((path, Err(error))) = event {
                failed.push(format!("{}: {error}", path.file_name().unwrap().to_string_lossy()));
            }
        },
    );
    failed.sort();
    (modules, summary, failed)
}

#[test]
fn a_system_with_modules_and_a_kernel() {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, bytes: &[u8]| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    assert!(places(root.path()).is_empty());
    write("proc/sys/kernel/osrelease", b"9.9.9-test\n");
    write("lib/modules/9.9.9-test/kernel/fs/my/my-mod.ko.xz", &xz(&elf::x64()));
    write("lib/modules/9.9.9-test/kernel/bad.ko", b"nothing");
    write("lib/modules/9.9.9-test/modules.dep", b"not read");
    write("boot/vmlinuz-9.9.9-test", &elf::kernel());
    let places = places(root.path());
    assert_eq!(places.len(), 2, "{places:?}");

    let mut index = ModuleIndex::default();
    let (modules, summary, failed) = read(&places, &mut index);
    assert_eq!((summary.files, summary.failed, summary.from_index), (3, 1, 0));
    assert!(failed.len() == 1 && failed[0].starts_with("bad.ko: neither a kernel module"), "{failed:?}");
    let check = |modules: &ModuleCatalog| {
        let owners = modules.owners("plain_cache");
        assert_eq!(owners.len(), 1);
        assert_eq!((owners[0].name(), owners[0].subsystem().as_deref()), ("my_mod", Some("fs/my")));
        assert_eq!(owners[0].confidence(), CreationConfidence::Certain);
        assert!(owners[0].explain().starts_with("my_mod calls kmem_cache_create with this name, in my_init"));
        assert_eq!(modules.owners("plain_cache(12:session.scope)"), owners);
        assert_eq!(modules.owners("fmt_cache_17")[0].confidence(), CreationConfidence::Likely);
        assert_eq!(modules.owners("tw_sock_MYPROTO").len(), 1);
        let kernel = &modules.owners("built_in_cache")[0];
        assert_eq!((kernel.name(), kernel.subsystem()), ("kernel", None));
        assert!(kernel.explain().starts_with("the kernel itself calls"));
        assert!(modules.owners("fmt_cache_x").is_empty() && modules.owners("nothing").is_empty());
        assert_eq!(modules.module("my_mod").unwrap().1.info.license.as_deref(), Some("GPL"));
        assert_eq!(modules.caches().count(), 5);
        let merged = MergedCaches::new([vec!["plain_cache".into(), "built_in_cache".into()]]);
        let all = modules.owners_of_merged("plain_cache", &merged);
        let names: Vec<_> = all.iter().map(|(name, owners)| (name.as_str(), owners[0].name())).collect();
        assert_eq!(names, [("plain_cache", "my_mod"), ("built_in_cache", "kernel")]);
    };
    check(&modules);

    let path = root.path().join("index");
    index.save(&path).unwrap();
    let mut loaded = ModuleIndex::load(&path);
    assert_eq!(loaded.len(), 2);
    let (modules, summary, _) = read(&places, &mut loaded);
    assert_eq!(summary.from_index, 2);
    check(&modules);
    // A file that changed is read again; an index that was cut counts for nothing.
    write("lib/modules/9.9.9-test/kernel/fs/my/my-mod.ko.xz", &xz(&[elf::x64(), vec![0; 64]].concat()));
    assert_eq!(read(&places, &mut loaded).1.from_index, 1);
    let text = std::fs::read(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 3]).unwrap();
    assert!(ModuleIndex::load(&path).is_empty() && ModuleIndex::load(&root.path().join("none")).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_change_of_a_module_makes_it_panic(
        which in 0..7_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..24),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = match which {
            0 => elf::x64(),
            1 => elf::arm64(),
            2 => elf::kernel(),
            3 => elf::traced_kernel(),
            4 => elf::image(false),
            5 => elf::image(true),
            _ => zstd(&elf::x64()),
        };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(module) = ScannedModule::parse("m.ko", &bytes, LIMIT) {
            for row in &module.creations {
                prop_assert!(!row.explain().is_empty() && !row.name.is_empty());
            }
        }
    }

    #[test]
    fn no_text_is_an_index_that_panics(lines in prop::collection::vec("([FIC]\t)?[0-9a-f=\t/]{0,20}", 0..8)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        std::fs::write(&path, format!("poolmon-module-index 3\n{}\n.\n", lines.join("\n"))).unwrap();
        let _ = ModuleIndex::load(&path);
    }
}
