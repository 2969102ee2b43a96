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
        (b"", "no dump header"),
        (b"\x7fELF\x01\x01\x01", "not a 64-bit little-endian core"),
        (b"\x1f\x8b\x08", "packed"),
    ] {
        let error = refuse(start.to_vec());
        assert!(error.contains(expected) && error.contains("X.DMP"), "{start:?}: {error}");
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
    let built = tiny();
    let dump = open(&built, Form::Triage);
    let reported: Vec<_> = dump.modules().unwrap().into_iter().map(|m| (m.path, m.base, m.size)).collect();
    let planted: Vec<_> = built.modules.iter().map(|m| (m.path.clone(), m.base, m.size)).collect();
    assert_eq!(reported, planted);
    let unloaded: Vec<_> = dump.unloaded_modules().into_iter().map(|u| (u.name, u.start, u.end)).collect();
    let planted: Vec<_> = built.unloaded.iter().map(|u| (u.name.clone(), u.start, u.end)).collect();
    assert_eq!(unloaded, planted);
    assert_eq!(dump.info().build_text.as_deref(), Some("26100.1.synthetic.1"));
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
