//! The scanner over images that this file builds: x64, x86 and ARM64, so that the logic is tested without real drivers.

#![allow(clippy::cast_possible_truncation, clippy::trivially_copy_pass_by_ref, missing_docs)]

use std::sync::atomic::AtomicBool;

use poolmon_image::pe::PeError;
use poolmon_model::PoolTag;
use poolmon_owner::scan::{
    self, CallRole, DriverImage, DriverIndex, EvidenceKind, FileOutcome, ScanError, SearchEvent,
    SearchLimits, TagQuery,
};
use poolmon_synth::driver::{DATA, Processor, SLOTS, TEXT, call, call_slot, direct_x64, image};

fn only(bytes: &[u8]) -> poolmon_owner::scan::Evidence {
    let rows = DriverImage::parse("test.sys", bytes).unwrap().evidence();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].clone()
}

#[test]
fn x64_calls_through_both_import_tables() {
    for delayed in [false, true] {
        let bytes = image(Processor::X64, &direct_x64(b"Test"), &["ExAllocatePoolWithTag"], delayed, &[]);
        let row = only(&bytes);
        assert_eq!((row.tag, row.kind), (PoolTag(*b"Test"), EvidenceKind::Call));
        assert_eq!(row.api.as_deref(), Some("ExAllocatePoolWithTag"));
        assert_eq!((row.offset, row.rva, row.section.as_str()), (0x402, Some(TEXT + 2), ".text"));
        assert_eq!(row.role, Some(CallRole::Allocate));
    }
}

#[test]
fn the_bit_of_protected_pool_is_taken_off() {
    let bytes = image(
        Processor::X64,
        &direct_x64(&[b'P', b'r', b'o', b'c' | 0x80]),
        &["ExFreePoolWithTag"],
        false,
        &[],
    );
    // r8d is not where a free takes its tag.
    assert!(DriverImage::parse("x", &bytes).unwrap().evidence().is_empty());
    let bytes = image(
        Processor::X64,
        &direct_x64(&[b'P', b'r', b'o', b'c' | 0x80]),
        &["ExAllocatePool2"],
        false,
        &[],
    );
    assert_eq!(only(&bytes).tag, PoolTag(*b"Proc"));
    assert_eq!(
        DriverImage::parse("x", &bytes).unwrap().evidence_for(PoolTag(*b"Proc"))[0].kind,
        EvidenceKind::Call
    );
}

/// A function, a thunk before it and a wrapper around it, called with this tag.
fn wrapped_x64(tag: &[u8; 4]) -> Vec<u8> {
    // 0x1000: thunk; 0x1010: wrapper (size, tag); 0x1020: wrapper of the wrapper; 0x1030: its caller.
    let mut code = Vec::new();
    code.extend([0xff, 0x25]);
    code.extend((SLOTS - (TEXT + 6)).to_le_bytes());
    code.resize(0x10, 0xcc);
    code.extend([0x44, 0x8b, 0xc2]); // mov r8d, edx
    call(&mut code, TEXT);
    code.push(0xc3);
    code.resize(0x20, 0xcc);
    call(&mut code, TEXT + 0x10);
    code.push(0xc3);
    code.resize(0x30, 0xcc);
    code.push(0xba); // mov edx, tag
    code.extend(tag);
    call(&mut code, TEXT + 0x20);
    code.push(0xc3);
    image(Processor::X64, &code, &["ExAllocatePool2"], false, &[])
}

#[test]
fn x64_thunks_wrappers_and_wrappers_of_wrappers_are_followed() {
    // A short tag may be any number elsewhere: that the wrapper wants a tag is known only when all is read.
    for tag in [*b"Wrap", *b"rx\0\0", *b"abc\0"] {
        let row = only(&wrapped_x64(&tag));
        assert_eq!((row.tag, row.kind), (PoolTag(tag), EvidenceKind::Argument));
        assert_eq!(row.wrapper, Some(TEXT + 0x20));
        assert_eq!(row.api.as_deref(), Some("ExAllocatePool2"));
    }
}

#[test]
fn x64_stack_arguments_and_variables_are_read() {
    // mov dword ptr [rsp+28h], 'Look'; call ExInitializeNPagedLookasideList
    let mut code = vec![0xc7, 0x44, 0x24, 0x28];
    code.extend(b"Look");
    call_slot(&mut code, 0);
    code.push(0xc3);
    let row = only(&image(Processor::X64, &code, &["ExInitializeNPagedLookasideList"], false, &[]));
    assert_eq!((row.tag, row.kind, row.role), (PoolTag(*b"Look"), EvidenceKind::Call, Some(CallRole::List)));
    // mov r8d, [rip + variable]
    let mut code = vec![0x44, 0x8b, 0x05];
    code.extend((DATA + 0x800 - (TEXT + 7)).to_le_bytes());
    call_slot(&mut code, 0);
    code.push(0xc3);
    let row = only(&image(Processor::X64, &code, &["ExAllocatePoolWithTag"], false, b"Vari"));
    assert_eq!((row.tag, row.kind, row.section.as_str()), (PoolTag(*b"Vari"), EvidenceKind::Call, ".data"));
}

#[test]
fn messages_and_stop_codes_are_no_tags() {
    for import in ["KeBugCheckEx", "DbgPrint", "RtlCompareMemory"] {
        let bytes = image(Processor::X64, &direct_x64(b"Stop"), &[import], false, &[]);
        let image = DriverImage::parse("x", &bytes).unwrap();
        assert!(image.evidence().is_empty());
        assert_eq!(image.evidence_for(PoolTag(*b"Stop"))[0].kind, EvidenceKind::Code);
    }
}

#[test]
fn x86_pushes_are_counted_from_the_back() {
    // push tag; push size; push type; call [slot]
    for (import, before) in [("ExAllocatePoolWithTag", 2), ("ExAllocatePool2", 3)] {
        let mut code = vec![0x68];
        code.extend(b"Push");
        code.extend(std::iter::repeat_n([0x6a, 0x10], before).flatten());
        code.extend([0xff, 0x15]);
        code.extend((0x10000 + SLOTS).to_le_bytes());
        code.push(0xc3);
        let row = only(&image(Processor::X86, &code, &[import], false, &[]));
        assert_eq!((row.tag, row.kind, row.offset), (PoolTag(*b"Push"), EvidenceKind::Call, 0x401));
    }
}

#[test]
fn arm64_literals_and_halves_are_read() {
    let code = |load: &[u32]| {
        let mut words = load.to_vec();
        // adrp x8, page of the slots; ldr x8, [x8, #0x100]; blr x8; ret; literal
        words.extend([0xb000_0008_u32, 0xf940_8108, 0xd63f_0100, 0xd65f_03c0, u32::from_le_bytes(*b"Lite")]);
        words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>()
    };
    // ldr w2, =literal, five words on
    let row =
        only(&image(Processor::Arm64, &code(&[0x1800_0002 | 5 << 5]), &["ExAllocatePool2"], false, &[]));
    assert_eq!((row.tag, row.kind, row.offset), (PoolTag(*b"Lite"), EvidenceKind::Call, 0x414));
    // movz w2, #'Ha'; movk w2, #'lf', lsl 16
    let [a, b, c, d] = *b"Half";
    let low = u32::from(u16::from_le_bytes([a, b]));
    let high = u32::from(u16::from_le_bytes([c, d]));
    let halves = [0x5280_0002 | low << 5, 0x72a0_0002 | high << 5];
    let bytes = image(Processor::Arm64, &code(&halves), &["ExAllocatePool2"], false, &[]);
    let row = only(&bytes);
    assert_eq!((row.tag, row.kind), (PoolTag(*b"Half"), EvidenceKind::Call));
    // The cheap search beforehand must not lose it: the four bytes are nowhere.
    assert_eq!(DriverImage::parse("x", &bytes).unwrap().evidence_for(PoolTag(*b"Half")).len(), 1);
}

fn tags(code: &[u8], imports: &[&str]) -> Vec<String> {
    let bytes = image(Processor::X64, code, imports, false, &[]);
    let image = DriverImage::parse("test.sys", &bytes).unwrap();
    let mut tags = Vec::new();
    for row in image.evidence() {
        assert_eq!(row.kind, EvidenceKind::Call, "{row:?}");
        // The question for one tag reads less, and must not lose it.
        assert!(image.evidence_for(row.tag).contains(&row), "{row:?}");
        tags.push(row.tag.to_string());
    }
    tags.sort();
    tags
}

#[test]
fn a_tag_chosen_without_a_branch_is_both() {
    // neg ecx; sbb r8d, r8d; and r8d, 'p' - 'c' in the last byte; add r8d, 'RxSc'
    let mut code = vec![0xf7, 0xd9, 0x45, 0x1b, 0xc0, 0x41, 0x81, 0xe0, 0, 0, 0, 13, 0x41, 0x81, 0xc0];
    code.extend(b"RxSc");
    call_slot(&mut code, 0);
    code.push(0xc3);
    assert_eq!(tags(&code, &["ExAllocatePoolWithTag"]), ["RxSc", "RxSp"]);
    // xor eax, eax; test ecx, ecx; setne al; dec eax; and eax, 1; lea r8d, [rax + 'AxSc']
    let mut code =
        vec![0x33, 0xc0, 0x85, 0xc9, 0x0f, 0x95, 0xc0, 0xff, 0xc8, 0x83, 0xe0, 1, 0x44, 0x8d, 0x80];
    code.extend(b"AxSc");
    call_slot(&mut code, 0);
    code.push(0xc3);
    assert_eq!(tags(&code, &["ExAllocatePoolWithTag"]), ["AxSc", "BxSc"]);
    // mov eax, tag; mov r8d, other; cmovle r8d, eax
    let mut code = vec![0xb8];
    code.extend(b"zyXW");
    code.extend([0x41, 0xb8]);
    code.extend(b"ABCD");
    code.extend([0x44, 0x0f, 0x4e, 0xc0]);
    call_slot(&mut code, 0);
    code.push(0xc3);
    assert_eq!(tags(&code, &["ExAllocatePoolWithTag"]), ["ABCD", "zyXW"]);
}

#[test]
fn cases_that_share_a_call_are_all_seen() {
    // test ecx, ecx; je 1; mov r8d, tag; jmp 2; 1: mov r8d, tag; 2: call
    let mut code = vec![0x85, 0xc9, 0x74, 8, 0x41, 0xb8];
    code.extend(b"OneA");
    code.extend([0xeb, 6, 0x41, 0xb8]);
    code.extend(b"TwoB");
    call_slot(&mut code, 0);
    code.push(0xc3);
    assert_eq!(tags(&code, &["ExAllocatePoolWithTag"]), ["OneA", "TwoB"]);
}

#[test]
fn a_tag_that_does_not_print_is_one_where_a_pool_function_takes_it() {
    assert_eq!(tags(&direct_x64(b"rx\0\0"), &["ExAllocatePoolWithTag"]), ["rx\\x00\\x00"]);
    assert!(tags(&direct_x64(b"\0\0\0\0"), &["ExAllocatePoolWithTag"]).is_empty());
    // Anywhere else it is any number.
    assert!(tags(&direct_x64(b"rx\0\0"), &["IoSomething"]).is_empty());
}

#[test]
fn packed_thunks_are_known_wherever_they_are() {
    // A call of the second of two thunks that follow each other without padding.
    let mut code = vec![0xff, 0x25];
    code.extend((SLOTS + 8 - (TEXT + 6)).to_le_bytes());
    code.extend([0xff, 0x25]);
    code.extend((SLOTS - (TEXT + 12)).to_le_bytes());
    code.resize(0x10, 0xcc);
    code.extend([0x41, 0xb8]);
    code.extend(b"Thnk");
    call(&mut code, TEXT + 6);
    code.push(0xc3);
    assert_eq!(tags(&code, &["ExAllocatePoolWithTag", "ZwClose"]), ["Thnk"]);
}

#[test]
fn reasons_that_a_function_compares_are_no_tags() {
    // 0x1000: cmp edx, 'Why1'; ret. 0x1010: mov edx, 'Why1'; call it.
    let mut code = vec![0x81, 0xfa];
    code.extend(b"Why1");
    code.push(0xc3);
    code.resize(0x10, 0xcc);
    code.push(0xba);
    code.extend(b"Why1");
    call(&mut code, TEXT);
    code.push(0xc3);
    assert!(tags(&code, &["ZwClose"]).is_empty());
    // The same with a function that keeps it: a tag of the driver's own allocator, perhaps.
    code.splice(..7, [0x89, 0x51, 0x10, 0x90, 0x90, 0x90, 0xc3]);
    let bytes = image(Processor::X64, &code, &["ZwClose"], false, &[]);
    assert_eq!(only(&bytes).kind, EvidenceKind::Argument);
    // And with one that does nothing with it.
    code.splice(..7, [0x33, 0xc0, 0x90, 0x90, 0x90, 0x90, 0xc3]);
    assert!(tags(&code, &["ZwClose"]).is_empty());
}

/// A row of a filter's context table: kind 8, size 0x40.
fn context(tag: &[u8; 4]) -> Vec<u8> {
    let mut row = vec![8, 0, 0, 0, 0, 0, 0, 0];
    row.extend(0x11000_u64.to_le_bytes());
    row.extend(0x40_u64.to_le_bytes());
    row.extend(tag);
    row.resize(0x38, 0);
    row
}

#[test]
fn structures_data_and_text_are_told_apart() {
    let mut extra = context(b"Ctxt");
    extra.resize(0x100, 0);
    extra.extend(b"Lone\0\0\0\0 a longer text\0");
    let bytes = image(Processor::X64, &[0xc3], &["FltRegisterFilter"], false, &extra);
    let image = DriverImage::parse("x", &bytes).unwrap();
    let kind =
        |tag: &[u8; 4]| image.evidence_for(PoolTag(*tag)).iter().map(|row| row.kind).collect::<Vec<_>>();
    assert_eq!(kind(b"Ctxt"), [EvidenceKind::Structure]);
    assert_eq!(kind(b"Lone"), [EvidenceKind::Data]);
    assert_eq!(kind(b"long"), [EvidenceKind::Text]);
    assert_eq!(kind(b"None"), []);
    assert_eq!(image.evidence().len(), 1);
}

#[test]
fn a_framework_driver_is_found_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = image(Processor::X64, &[0xc3], &["WdfVersionBind"], false, &[]);
    std::fs::write(folder.path().join("wdfAbcdef.sys"), &bytes).unwrap();
    std::fs::write(folder.path().join("other.sys"), &bytes).unwrap();
    std::fs::write(folder.path().join("bad.sys"), b"MZ and no more").unwrap();
    std::fs::write(folder.path().join("text.txt"), b"Abcd").unwrap();
    let found = |cancelled: bool| {
        let mut rows = Vec::new();
        let flag = AtomicBool::new(cancelled);
        let query = TagQuery::Tag(PoolTag(*b"Abcd"));
        let paths = [folder.path().to_owned(), folder.path().join("gone.sys")];
        let summary = scan::folder(
            &paths,
            query,
            2,
            SearchLimits::default(),
            &mut DriverIndex::default(),
            &flag,
            |event| {
                if let SearchEvent::File(report) = event {
                    rows.push((
                        report.path.file_name().unwrap().to_str().unwrap().to_owned(),
                        report.outcome,
                    ));
                }
            },
        );
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        (summary, rows)
    };
    let (summary, rows) = found(false);
    assert_eq!((summary.files, summary.found, summary.failed), (4, 1, 2));
    assert!(matches!(&rows[0].1, FileOutcome::Failed(ScanError::Pe(PeError::Damaged(_)))), "{rows:?}");
    assert!(matches!(&rows[1].1, FileOutcome::Failed(ScanError::Io(_))));
    assert!(matches!(&rows[2].1, FileOutcome::Nothing));
    assert!(matches!(&rows[3].1, FileOutcome::Found(found) if found.framework && found.evidence.is_empty()));
    assert!(found(true).0.cancelled);
}

#[test]
fn a_huge_file_is_read_as_far_as_its_headers_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.sys");
    let bytes = image(Processor::X64, &direct_x64(b"Test"), &["ExAllocatePoolWithTag"], false, &[]);
    let ask = |limit| {
        let mut rows = Vec::new();
        let never = AtomicBool::new(false);
        let query = TagQuery::Tag(PoolTag(*b"Test"));
        scan::folder(
            std::slice::from_ref(&path),
            query,
            1,
            SearchLimits { bytes: limit },
            &mut DriverIndex::default(),
            &never,
            |event| {
                if let SearchEvent::File(report) = event {
                    rows.push(report.outcome);
                }
            },
        );
        rows.remove(0)
    };
    std::fs::write(&path, &bytes).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(4 << 30).unwrap();
    assert!(matches!(ask(512 << 20), FileOutcome::Found(_)));
    assert!(matches!(ask(0x1000), FileOutcome::Failed(ScanError::TooLarge { .. })));
}

#[test]
fn a_changed_file_or_a_damaged_index_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, place) = (folder.path().join("a.sys"), folder.path().join("index"));
    let ask = |index: &mut DriverIndex| {
        let never = AtomicBool::new(false);
        let query = TagQuery::Tag(PoolTag(*b"Test"));
        scan::folder(std::slice::from_ref(&path), query, 1, SearchLimits::default(), index, &never, |_| {})
    };
    let bytes = image(Processor::X64, &direct_x64(b"Test"), &["ExAllocatePoolWithTag"], false, &[]);
    std::fs::write(&path, &bytes).unwrap();
    let mut index = DriverIndex::load(&place);
    assert_eq!(ask(&mut index).found, 1);
    index.save(&place).unwrap();
    assert_eq!(ask(&mut DriverIndex::load(&place)).from_index, 1);
    let whole = std::fs::read(&place).unwrap();
    for cut in 0..whole.len() {
        std::fs::write(&place, &whole[..cut]).unwrap();
        let answer = ask(&mut DriverIndex::load(&place));
        assert_eq!((answer.found, answer.from_index), (1, 0), "{cut}");
    }
    std::fs::write(&place, &whole).unwrap();
    std::fs::write(&path, [bytes.as_slice(), &[0]].concat()).unwrap();
    assert_eq!(ask(&mut DriverIndex::load(&place)).from_index, 0);
}

#[test]
fn what_is_no_image_is_said_to_be_none() {
    assert_eq!(DriverImage::parse("x", b"#!/bin/sh").unwrap_err(), ScanError::Pe(PeError::NotPe));
    let bytes = image(Processor::X64, &[0xc3], &[], false, &[]);
    for cut in 2..bytes.len() {
        if let Ok(image) = DriverImage::parse("x", &bytes[..cut]) {
            let _ = (image.evidence(), image.info());
        }
    }
}

/// Bytes as even as packed ones, the same every time.
fn even(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn a_packed_driver_is_one_line_and_readable_code_beside_it_stays() {
    for processor in [Processor::X64, Processor::X86, Processor::Arm64] {
        let mut code = even(0x1000);
        if processor == Processor::X64 {
            // What looks like a call with a tag: mov ecx, tag; call of a place in the section.
            code[0x100..0x10b].copy_from_slice(b"\xb9Fake\xe8\x00\x01\x00\x00\xc3");
            code[0x20a..0x210].copy_from_slice(b"\xcc\x48\x89\xc8\xc3\xcc");
        }
        let bytes = image(processor, &code, &["ExAllocatePoolWithTag"], false, &[]);
        let driver = DriverImage::parse("packed.sys", &bytes).unwrap();
        assert_eq!(driver.evidence(), [], "{processor:?}");
        let packed = driver.info().packed.unwrap();
        assert!(packed.starts_with(".text (7.9") && packed.ends_with(" of 8 bits a byte)"), "{packed}");
    }
    // One call of an import is enough: what can be read is read.
    let mut code = even(0x1000);
    let call = direct_x64(b"Real");
    code[..call.len()].copy_from_slice(&call);
    let bytes = image(Processor::X64, &code, &["ExAllocatePoolWithTag"], false, &[]);
    let driver = DriverImage::parse("mixed.sys", &bytes).unwrap();
    assert_eq!(driver.info().packed, None);
    assert!(driver.evidence().iter().any(|row| row.tag == PoolTag(*b"Real")));
    // So is a jump to one, and plain code is never even.
    let mut code = even(0x1000);
    code[0x10..0x15].copy_from_slice(&[0xe8, 0xeb, 0, 0, 0]);
    code[0x100..0x102].copy_from_slice(&[0xff, 0x25]);
    code[0x102..0x106].copy_from_slice(&SLOTS.wrapping_sub(TEXT + 0x106).to_le_bytes());
    let bytes = image(Processor::X64, &code, &["ExAllocatePoolWithTag"], false, &[]);
    assert_eq!(DriverImage::parse("thunk.sys", &bytes).unwrap().info().packed, None);
    let plain = image(Processor::X64, &direct_x64(b"Real"), &["ExAllocatePoolWithTag"], false, &[]);
    assert_eq!(DriverImage::parse("plain.sys", &plain).unwrap().info().packed, None);
}

#[test]
fn a_folder_lists_a_packed_driver_and_the_index_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("packed.sys");
    let bytes = image(Processor::X64, &even(0x1000), &["ExAllocatePoolWithTag"], false, &[]);
    std::fs::write(&path, bytes).unwrap();
    let mut index = DriverIndex::default();
    let none = AtomicBool::new(false);
    let mut seen = Vec::new();
    for query in [TagQuery::All, TagQuery::All, TagQuery::Code(PoolTag(*b"Fake"))] {
        scan::folder(
            std::slice::from_ref(&path),
            query,
            1,
            SearchLimits::default(),
            &mut index,
            &none,
            |event| {
                if let SearchEvent::File(report) = event {
                    seen.push(match report.outcome {
                        FileOutcome::Found(found) => found.info.packed.is_some() && found.evidence.is_empty(),
                        _ => false,
                    });
                }
            },
        );
        let place = folder.path().join("index");
        index.save(&place).unwrap();
        index = DriverIndex::load(&place);
    }
    assert_eq!(seen, [true, true, false], "it is listed among all, and says nothing of one tag");
}

#[test]
fn a_computed_tag_is_found_wherever_the_code_is_in_the_file() {
    // sbb r8d, r8d; and r8d, 13 << 24; add r8d, 'RxSc': that, or 'RxSp', which is nowhere in the file.
    let mut code = vec![0x45, 0x1b, 0xc0, 0x41, 0x81, 0xe0, 0, 0, 0, 13, 0x41, 0x81, 0xc0];
    code.extend(b"RxSc");
    call_slot(&mut code, 0);
    code.push(0xc3);
    let bytes = image(Processor::X64, &code, &["ExAllocatePoolWithTag"], false, &[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("far.sys");
    // The search reads pieces of 64 KiB: the code is in the first, in the third, and across an edge.
    for at in [0x400_usize, 0x2_0400, 0x2_0000 - 7] {
        let mut file = bytes.clone();
        if at != 0x400 {
            let text = file[0x400..0x1400].to_vec();
            file[0x400..0x1400].fill(0);
            file.resize(at + 0x1000, 0);
            file[at..].copy_from_slice(&text);
            let row = file.windows(8).position(|name| name == b".text\0\0\0").unwrap();
            file[row + 20..row + 24].copy_from_slice(&(at as u32).to_le_bytes());
        }
        std::fs::write(&path, &file).unwrap();
        let query = TagQuery::Tag(PoolTag(*b"RxSp"));
        let none = AtomicBool::new(false);
        let mut index = DriverIndex::default();
        let paths = std::slice::from_ref(&path);
        let mut found = false;
        scan::folder(paths, query, 1, SearchLimits::default(), &mut index, &none, |event| {
            if let SearchEvent::File(report) = event {
                found = matches!(report.outcome, FileOutcome::Found(_));
            }
        });
        assert!(found, "at {at:#x}");
    }
}
