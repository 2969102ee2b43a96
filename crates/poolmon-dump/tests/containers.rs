//! Containers that are odd, cut or none at all: what is said, and what is still answered.

mod common;

use common::{open, same};
use poolmon_dump::{Container, Dump, DumpError};
use poolmon_synth::dump::{Arch, Built, Form, Spec, build};

fn tiny() -> Built {
    build(&Spec::new(Arch::Amd64, 26_100).tiny())
}

fn refuse(bytes: Vec<u8>) -> String {
    Dump::from_bytes("X.DMP", bytes).expect_err("it is refused").to_string()
}

#[test]
fn what_is_no_kernel_dump_is_named() {
    for (start, expected) in [
        (&b"MDMP\x93\xa7"[..], "dump of one process"),
        (b"HIBR", "hibernation file"),
        (b"PAGEDU64", "truncated or unknown"),
        (b"PAGEDUMQ", "truncated or unknown"),
        (b"hello", "no dump header"),
        (b"", "is empty"),
        (b"RSTR", "hibernation file"),
        (b"\xd2\xbe\xd2\xbe\x08\0\0\0", "VMware"),
        (b"\x7fVirtualBox SavedState V2.0\n", "VirtualBox"),
        (b"\x14\x20\x28\x01", "Hyper-V"),
        (b"QFI\xfb\0\0\0\x03", "qcow2"),
        (b"LibvirtQemudSave", "libvirt"),
        (b"vhdxfile", "vhdx"),
        (b"MSCF\0\0\0\0", "cabinet"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"Rar!\x1a\x07\x01\0", "rar"),
        (b"MSWIM\0\0\0", "wim"),
        (b"BZh91AY", "bzip2"),
        (b"\x7fELF\x01\x01\x01", "not a 64-bit little-endian core"),
        (b"\x1f\x8b\x08", "packed"),
    ] {
        let error = refuse(start.to_vec());
        assert!(error.contains(expected) && error.contains("X.DMP"), "{start:?}: {error}");
    }
    // Each comes with a command that names the file, at any size.
    for start in [&b"HIBR"[..], b"\xd2\xbe\xd2\xbe", b"MSCF", b"7z\xbc\xaf\x27\x1c"] {
        let mut bytes = vec![0x90; 2 << 20];
        bytes[..start.len()].copy_from_slice(start);
        let error = Dump::from_bytes("X.DMP", bytes).unwrap_err();
        assert!(poolmon_model::problem::Remedy::remedy(&error).unwrap().contains("X.DMP"), "{error}");
    }
    let error = Dump::open("/nowhere/MEMORY.DMP").unwrap_err();
    assert!(matches!(error, DumpError::Io { action: "open", .. }));
    assert!(error.to_string().contains("/nowhere/MEMORY.DMP"));
}

#[test]
fn an_image_without_windows_says_what_was_searched() {
    let error = refuse(vec![0x90; 2 << 20]);
    assert!(error.contains("kernel debugger block (KDBG)") && error.contains("page tables"), "{error}");
}

#[test]
fn what_is_no_file_is_said() {
    use poolmon_model::problem::Remedy as _;

    let folder = tempfile::tempdir().unwrap();
    let said = |path: &std::path::Path| Dump::open(path).unwrap_err().in_full();
    assert!(said(folder.path()).contains("it is a folder"));
    std::fs::write(folder.path().join("MEMORY.DMP"), "").unwrap();
    assert!(said(folder.path()).contains("MEMORY.DMP"), "{}", said(folder.path()));
    assert!(said(&folder.path().join("MEMORY.DMP")).contains("is empty"));
    assert!(said(std::path::Path::new("-")).contains("standard input"));
    #[cfg(unix)]
    assert!(said(std::path::Path::new("/dev/null")).contains("a pipe or a device"));
}

/// Whatever the names in a dump hold, what is given of them steers no terminal, and is one line.
#[test]
fn hostile_texts_are_harmless() {
    use poolmon_model::hidden::is_hidden;
    use poolmon_synth::dump::spec::EVIL;

    for (arch, number) in [(Arch::Amd64, 26_100), (Arch::Aarch64, 22_000), (Arch::I386Pae, 19_041)] {
        let built = build(&Spec { hostile: true, ..Spec::new(arch, number).tiny() });
        let forms = [Form::Full, Form::BitmapKernel, Form::Raw, Form::Elf, Form::Triage];
        for form in forms {
            let dump = open(&built, form);
            let mut texts: Vec<String> = Vec::new();
            let info = dump.info();
            texts.extend([&info.comment, &info.build_text].into_iter().flatten().map(ToString::to_string));
            texts.extend(info.warnings.clone());
            let modules = dump.modules().unwrap();
            for module in &modules {
                let details = dump.module_details(module);
                texts.extend([
                    module.path.to_string(),
                    module.name().to_owned(),
                    module.file_name().to_owned(),
                ]);
                texts.extend(module.symbol_key());
                texts.extend(details.pdb.map(|pdb| pdb.symbol_key()));
                texts.extend(details.version);
            }
            texts.extend(dump.unloaded_modules().iter().map(|driver| driver.name.to_string()));
            texts.extend(dump.kernel_pdb().map(|pdb| pdb.symbol_key()));
            let needle = poolmon_dump::Needle::parse("0x0000").unwrap();
            if let Ok(report) = dump.find(&needle, &mut |done, _| done < 4) {
                texts.extend(report.hits.iter().take(5000).flat_map(|hit| {
                    [
                        hit.module.to_string(),
                        hit.section.as_deref().unwrap_or_default().to_owned(),
                        hit.windbg_line(),
                    ]
                }));
                texts.extend(report.absent_in.iter().map(|absent| absent.module.to_string()));
            }
            let unfit = texts.iter().find(|text| text.contains(is_hidden));
            assert_eq!(unfit, None, "{arch:?} {form:?}");
            assert!(
                EVIL.contains(is_hidden) && texts.iter().any(|text| text.contains("]0;X")),
                "{arch:?} {form:?}"
            );
            if matches!(form, Form::Full | Form::Triage) {
                assert!(info.comment.is_some(), "{arch:?} {form:?}");
            }
        }
    }
}

#[test]
fn a_header_alone_tells_what_it_is() {
    let dump = open(&tiny(), Form::HeaderOnly);
    let info = dump.info();
    assert_eq!((info.container, info.kind()), (Container::HeaderOnly, "header without memory"));
    assert!(info.bugcheck_text().unwrap().contains("DRIVER_IRQL"));
    assert!(info.answers.list().iter().all(|(_, answer)| answer.is_err()));
    assert!(dump.pool_used().unwrap_err().to_string().contains("header without memory"));
    assert!(dump.modules().is_err());
}

#[test]
fn a_synthetic_triage_dump_lists_modules() {
    let specs = [(Arch::Amd64, 26_100), (Arch::Aarch64, 22_000), (Arch::I386, 7601), (Arch::I386Pae, 19_041)];
    for (arch, number) in specs {
        triage(&build(&Spec::new(arch, number).tiny()));
    }
}

#[test]
fn a_piece_of_a_triage_dump_says_that_it_was_cut_and_answers_nothing_that_is_lost() {
    let bytes = build(&Spec::new(Arch::Amd64, 19_045).tiny()).bytes(Form::Triage);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.dmp");
    std::fs::write(&path, &bytes[..0x2400]).unwrap();
    let dump = Dump::open(&path).unwrap();
    let info = dump.info();
    assert!(dump.modules().is_err() && info.answers.modules.is_err(), "{:?}", info.answers);
    assert!(info.warnings.iter().any(|warning| warning.contains("the file is cut")), "{:?}", info.warnings);
    std::fs::write(&path, &bytes).unwrap();
    let info = Dump::open(&path).unwrap().info();
    assert!(info.answers.modules.is_ok() && info.warnings.is_empty(), "{:?}", info.warnings);
}

fn triage(built: &Built) {
    let dump = open(built, Form::Triage);
    let reported: Vec<_> =
        dump.modules().unwrap().into_iter().map(|m| (m.path.to_string(), m.base, m.size)).collect();
    let planted: Vec<_> = built.modules.iter().map(|m| (m.path.clone(), m.base, m.size)).collect();
    assert_eq!(reported, planted);
    let unloaded: Vec<_> =
        dump.unloaded_modules().into_iter().map(|u| (u.name.to_string(), u.start, u.end)).collect();
    let planted: Vec<_> = built.unloaded.iter().map(|u| (u.name.clone(), u.start, u.end)).collect();
    assert_eq!(unloaded, planted);
    let text = format!("{}.1.synthetic.1", built.spec.build);
    assert_eq!(dump.info().build_text.as_deref(), Some(text.as_str()));
    assert!(dump.pool_used().unwrap_err().to_string().contains("triage dump"));
}

#[test]
fn a_cut_file_is_said_and_never_passes_for_whole() {
    let built = tiny();
    for form in [Form::Full, Form::BitmapKernel, Form::RangesKernel, Form::RangesFull, Form::Elf] {
        let bytes = built.bytes(form);
        let mut said = 0;
        for part in 1..8 {
            let cut = bytes[..bytes.len() / 8 * part].to_vec();
            let dump = match Dump::from_bytes("X.DMP", cut) {
                Ok(dump) => dump,
                // A core has no header that leads to the kernel: what is searched may be in the missing part.
                Err(error) if form == Form::Elf => {
                    assert!(error.to_string().contains("missing"), "{error}");
                    said += 1;
                    continue;
                }
                Err(_) => continue,
            };
            let info = dump.info();
            // A debugger's kernel dump (8) does not report its number of pages; its last range does.
            assert!(
                info.warnings.iter().any(|warning| warning.contains("missing")),
                "{form:?} {part}: {:?}",
                info.warnings
            );
            said += 1;
            if let Ok(used) = dump.pool_used()
                && used.complete
            {
                same(&used, &built, "a cut dump that calls itself complete");
            }
        }
        assert!(said > 0, "{form:?}");
    }
}

#[test]
fn lying_lengths_are_refused_where_they_stand() {
    let built = tiny();
    let patched = |form, at: usize, value: u64| {
        let mut bytes = built.bytes(form);
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        refuse(bytes)
    };
    for (form, at, value, expected) in [
        (Form::BitmapKernel, 0x2030, u64::MAX, "bits do not fit"),
        (Form::BitmapKernel, 0x2020, 0x123, "cannot be right"),
        (Form::RangesFull, 0x2018, u64::MAX, "do not end at the first page"),
        (Form::RangesKernel, 0x2010, 7, "do not end at the first page"),
        (Form::RangesKernel, 0x2030, 0, "it is empty"),
        (Form::Full, 0xf98, 6, "dump type 0x6 without its page table"),
        (Form::Full, 0x88, 0, "it is empty"),
    ] {
        let error = patched(form, at, value);
        assert!(error.contains(expected) && error.contains("offset 0x"), "{form:?}: {error}");
    }
}

#[test]
fn a_run_list_that_does_not_fit_is_said() {
    let built = tiny();
    let mut bytes = built.bytes(Form::Full);
    bytes[0x88] = 43;
    // The forty areas behind the true runs are fill, which is no memory.
    let dump = Dump::from_bytes("X.DMP", bytes).unwrap();
    assert!(dump.info().warnings.iter().any(|warning| warning.contains("more memory runs than fit")));
    same(&dump.pool_used().unwrap(), &built, "the pages of the first runs are where they were");
}

#[test]
fn the_header_and_the_kernel_disagree_about_processors() {
    let built = tiny();
    let mut bytes = built.bytes(Form::BitmapKernel);
    bytes[0x34] = 9;
    let dump = Dump::from_bytes("X.DMP", bytes).unwrap();
    assert!(
        dump.info().warnings.iter().any(|warning| warning.contains("9 processors, the kernel's own list 2"))
    );
    let used = dump.pool_used().unwrap();
    assert!(!used.complete && used.warnings[0].contains("only 2 tables"));
}

#[test]
fn dumps_of_two_boots_are_told_apart() {
    let built = tiny();
    let boot =
        |bytes| Dump::from_bytes("X.DMP", bytes).unwrap().pool_used().unwrap().sample.origin.boot.clone();
    let first = boot(built.bytes(Form::BitmapKernel));
    let mut bytes = built.bytes(Form::BitmapKernel);
    bytes[0x1054] = 78;
    assert_eq!(first.as_deref(), Some("boot 77"));
    assert_ne!(boot(bytes), first);
    // Without a number of the boot, the minute of it.
    let mut bytes = built.bytes(Form::BitmapKernel);
    bytes[0x1054..0x1058].copy_from_slice(b"PAGE");
    assert_eq!(boot(bytes).as_deref(), Some("booted 2021-02-21T01:38:00Z"));
}

#[test]
fn what_stands_behind_an_import_slot_has_its_name() {
    let built = build(&Spec::new(Arch::Amd64, 19_045).tiny());
    let dump = common::open(&built, Form::BitmapKernel);
    let modules = dump.modules().unwrap();
    let exports = dump.exports(&modules);
    assert_eq!(exports.at(built.kernel + 0x1100).as_deref(), Some("ExAllocatePoolWithTag"));
    assert_eq!(exports.at(built.kernel + 0x1000), None, "exported by number only");
    assert_eq!(exports.at(built.kernel + 0x1101), None);
    assert_eq!(exports.at(8), None);
}
