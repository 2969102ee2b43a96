//! Buffers built by hand, and a played kernel that answers with them.

use proptest::prelude::*;

use super::*;
use crate::windows::decode::DecodeError;
use crate::windows::query::QueryAnswer;
use crate::windows::status::{ACCESS_DENIED, INFO_LENGTH_MISMATCH, INVALID_INFO_CLASS};

const BASE: u64 = 0x7_0000;

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value);
}

/// A processor's word: 8 or 4 bytes.
fn word(bytes: &mut [u8], layout: BufferLayout, offset: usize, value: u64) {
    match layout {
        BufferLayout::X64 => put(bytes, offset, &value.to_le_bytes()),
        BufferLayout::X86 => put(bytes, offset, &u32::try_from(value).unwrap().to_le_bytes()),
    }
}

/// Class 5 of these processes, each with threads behind it; every figure is made of the id.
fn class_5(layout: BufferLayout, base: u64, list: &[(u32, &str)]) -> Vec<u8> {
    let (fixed, name_at, pid_at, handles_at, paged_at, nonpaged_at) = match layout {
        BufferLayout::X64 => (0x100, 0x40, 0x50, 0x60, 0xa0, 0xb0),
        BufferLayout::X86 => (0xb8, 0x3c, 0x44, 0x4c, 0x70, 0x78),
    };
    let mut all = Vec::new();
    for (at, &(pid, name)) in list.iter().enumerate() {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        // One thread of 0x40 bytes, then the name, then the next entry at a multiple of 8.
        let size = (fixed + 0x40 + name.len()).next_multiple_of(8);
        let mut entry = vec![0xcc; size];
        let next = if at + 1 == list.len() { 0 } else { u32::try_from(size).unwrap() };
        put(&mut entry, 0, &next.to_le_bytes());
        put(&mut entry, 4, &(pid + 1).to_le_bytes());
        put(&mut entry, 0x20, &(u64::from(pid) * 100).to_le_bytes());
        put(&mut entry, 0x38, &u16::try_from(name.len()).unwrap().to_le_bytes());
        word(&mut entry, layout, name_at, base + (all.len() + fixed + 0x40) as u64);
        let pointer = if layout == BufferLayout::X64 { 8 } else { 4 };
        word(&mut entry, layout, pid_at, pid.into());
        word(&mut entry, layout, pid_at + pointer, 4);
        put(&mut entry, handles_at, &(pid * 10).to_le_bytes());
        put(&mut entry, handles_at + 4, &(pid % 3).to_le_bytes());
        word(&mut entry, layout, paged_at, u64::from(pid) * 1000);
        word(&mut entry, layout, nonpaged_at, u64::from(pid) * 2000);
        put(&mut entry, fixed + 0x40, &name);
        all.extend(entry);
    }
    all
}

fn class_64(layout: BufferLayout, list: &[(u32, u16)]) -> Vec<u8> {
    let (header, size, pid_at, type_at) = match layout {
        BufferLayout::X64 => (16, 0x28, 8, 0x1e),
        BufferLayout::X86 => (8, 0x1c, 4, 0x12),
    };
    let mut all = vec![0; header];
    word(&mut all, layout, 0, list.len() as u64);
    for &(pid, index) in list {
        let mut entry = vec![0xcc; size];
        word(&mut entry, layout, pid_at, pid.into());
        put(&mut entry, type_at, &index.to_le_bytes());
        all.extend(entry);
    }
    all
}

fn class_16(layout: BufferLayout, list: &[(u16, u8)]) -> Vec<u8> {
    let (header, size) = if layout == BufferLayout::X64 { (8, 0x18) } else { (4, 0x10) };
    let mut all = vec![0xcc; header];
    put(&mut all, 0, &u32::try_from(list.len()).unwrap().to_le_bytes());
    for &(pid, index) in list {
        let mut entry = vec![0xcc; size];
        put(&mut entry, 0, &pid.to_le_bytes());
        entry[4] = index;
        all.extend(entry);
    }
    all
}

/// Types with objects, handles and index.
fn types(layout: BufferLayout, base: u64, list: &[(&str, u32, u32, u8)]) -> Vec<u8> {
    let (align, size, name_at, figures, index_at) = match layout {
        BufferLayout::X64 => (8, 0x68, 8, 0x10, 0x5a),
        BufferLayout::X86 => (4, 0x60, 4, 8, 0x52),
    };
    let mut all = vec![0; align];
    put(&mut all, 0, &u32::try_from(list.len()).unwrap().to_le_bytes());
    for &(name, objects, handles, index) in list {
        let start = all.len();
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut entry = vec![0xcc; size];
        put(&mut entry, 0, &u16::try_from(name.len()).unwrap().to_le_bytes());
        put(&mut entry, 2, &u16::try_from(name.len() + 2).unwrap().to_le_bytes());
        word(&mut entry, layout, name_at, base + (start + size) as u64);
        put(&mut entry, figures, &objects.to_le_bytes());
        put(&mut entry, figures + 4, &handles.to_le_bytes());
        entry[index_at] = index;
        entry.extend(name);
        entry.extend([0, 0]);
        entry.resize(entry.len().next_multiple_of(align), 0xcc);
        all.extend(entry);
    }
    all
}

#[test]
fn processes_of_both_layouts() {
    for layout in [BufferLayout::X64, BufferLayout::X86] {
        let bytes = class_5(layout, BASE, &[(0, ""), (4, "System"), (4788, "käse.exe")]);
        let mut found = Vec::new();
        let decoded = decode::processes(&bytes, BASE, layout, &mut found).unwrap();
        assert_eq!((decoded, found.len()), (Decoded { promised: 3, read: 3 }, 3));
        let last = Process {
            pid: 4788,
            parent: 4,
            name: "käse.exe".into(),
            created: 478_800,
            threads: 4789,
            handles: 47_880,
            session: 0,
            paged_quota: 4_788_000,
            nonpaged_quota: 9_576_000,
        };
        assert_eq!(found.pop(), Some(last), "{layout:?}");
        assert_eq!((found[0].name.as_str(), found[1].name.as_str()), ("", "System"));
    }
}

#[test]
fn lies_in_class_5_end() {
    let mut bytes = class_5(BufferLayout::X64, BASE, &[(4, "System"), (8, "b.exe")]);
    let mut found = Vec::new();
    // The names are elsewhere.
    decode::processes(&bytes, BASE + 0x10_0000, BufferLayout::X64, &mut found).unwrap();
    assert_eq!((found[0].name.as_str(), found[1].pid), ("", 8));
    put(&mut bytes, 0, &8_u32.to_le_bytes());
    let error = decode::processes(&bytes, BASE, BufferLayout::X64, &mut found).unwrap_err();
    assert!(
        matches!(error, DecodeError::Chain { class: 5, offset: 0, next: 8, least: 0x100, .. }),
        "{error}"
    );
    let error = decode::processes(&bytes[..0x80], BASE, BufferLayout::X64, &mut found).unwrap_err();
    assert_eq!(
        error.to_string(),
        "class 5: a process at offset 0x0 needs 256 bytes, the buffer has 128 there"
    );
}

#[test]
fn handles_of_both_classes_and_layouts() {
    let expected: HandleCounts = [((4, 7), 2), ((4, 9), 1), ((800, 7), 1)].into_iter().collect();
    for layout in [BufferLayout::X64, BufferLayout::X86] {
        let mut counts = HandleCounts::default();
        // The last one is not in a row with the others of its kind.
        let bytes = class_64(layout, &[(4, 7), (4, 9), (800, 7), (4, 7)]);
        assert!(decode::handles_ex(&bytes, layout, &mut counts).unwrap().is_complete());
        assert_eq!(counts, expected, "{layout:?}");
        let mut counts = HandleCounts::default();
        let bytes = class_16(layout, &[(4, 7), (4, 9), (800, 7), (4, 7)]);
        assert!(decode::handles(&bytes, layout, &mut counts).unwrap().is_complete());
        assert_eq!(counts, expected, "{layout:?}");
        let cut = decode::handles(&bytes[..bytes.len() - 1], layout, &mut counts).unwrap();
        assert_eq!((cut.promised, cut.read), (4, 3));
    }
}

#[test]
fn types_with_their_index_or_in_their_order() {
    let one = |name: &str, index, objects, handles| ObjectType { name: name.into(), index, objects, handles };
    for layout in [BufferLayout::X64, BufferLayout::X86] {
        let mut found = Vec::new();
        let bytes = types(layout, BASE, &[("Token", 3_270_000, 311_000, 5), ("Key", 9, 8, 44)]);
        assert!(decode::object_types(&bytes, BASE, layout, &mut found).unwrap().is_complete());
        assert_eq!(found, [one("Token", 5, 3_270_000, 311_000), one("Key", 44, 9, 8)], "{layout:?}");
        // Before Windows 8.1 the index is not said.
        let bytes = types(layout, BASE, &[("Type", 42, 0, 0), ("Directory", 7, 6, 0)]);
        found.clear();
        decode::object_types(&bytes, BASE, layout, &mut found).unwrap();
        assert_eq!((found[0].index, found[1].index), (2, 3), "{layout:?}");
        let error = decode::object_types(&bytes[..bytes.len() - 40], BASE, layout, &mut found).unwrap_err();
        assert!(error.to_string().starts_with("class 3: a type at offset "), "{error}");
    }
}

/// Answers with buffers whose pointers fit where they are written.
struct Played {
    refused: Vec<(u32, u32)>,
    pids: Vec<(u32, &'static str)>,
}

fn answer(buffer: &mut [u8], make: impl Fn(u64) -> Vec<u8>) -> QueryAnswer {
    let bytes = make(buffer.as_ptr().addr() as u64);
    let length = u32::try_from(bytes.len()).unwrap();
    let Some(room) = buffer.get_mut(..bytes.len()) else {
        return QueryAnswer { status: INFO_LENGTH_MISMATCH, length };
    };
    room.copy_from_slice(&bytes);
    QueryAnswer { status: 0, length }
}

impl Kernel for Played {
    fn query(&mut self, class: u32, buffer: &mut [u8]) -> QueryAnswer {
        if let Some(&(_, status)) = self.refused.iter().find(|(refused, _)| *refused == class) {
            return QueryAnswer { status, length: 0 };
        }
        let native = BufferLayout::NATIVE;
        match class {
            5 => answer(buffer, |base| class_5(native, base, &self.pids)),
            64 => answer(buffer, |_| class_64(native, &vec![(8, 5); 40_000])),
            16 => answer(buffer, |_| class_16(native, &[(8, 5)])),
            _ => QueryAnswer { status: INVALID_INFO_CLASS, length: 0 },
        }
    }

    fn query_session(&mut self, _: u32, _: &mut [u8]) -> QueryAnswer {
        unreachable!("no session is asked for")
    }

    fn query_types(&mut self, buffer: &mut [u8]) -> QueryAnswer {
        if let Some(&(_, status)) = self.refused.iter().find(|(refused, _)| *refused == 3) {
            return QueryAnswer { status, length: 0 };
        }
        answer(buffer, |base| types(BufferLayout::NATIVE, base, &[("Token", 7, 2, 5)]))
    }
}

#[test]
fn a_kernel_that_answers_and_one_that_refuses() {
    let mut played = Played { refused: Vec::new(), pids: vec![(8, "a.exe")] };
    let (mut reader, mut holding) = (HoldingReader::default(), Holding::default());
    for _ in 0..2 {
        reader.read_into(&mut played, &mut holding).unwrap();
        assert_eq!(holding.processes[0].name, "a.exe");
        assert_eq!(holding.handles[&(8, 5)], 40_000, "more than the first buffer holds");
        assert_eq!((holding.types.len(), holding.remarks.len()), (1, 0));
    }
    // Class 16 stands in.
    played.refused = vec![(64, INVALID_INFO_CLASS)];
    reader.read_into(&mut played, &mut holding).unwrap();
    assert_eq!((holding.handles[&(8, 5)], holding.remarks.len()), (1, 0));
    played.pids.push((70_000, "far.exe"));
    reader.read_into(&mut played, &mut holding).unwrap();
    assert_eq!(holding.handles.len(), 0, "it may be another process's");
    assert!(holding.remarks[0].contains("cuts ids of processes"), "{:?}", holding.remarks);
    // A sandbox.
    played.refused = vec![(64, ACCESS_DENIED), (16, ACCESS_DENIED), (3, ACCESS_DENIED)];
    reader.read_into(&mut played, &mut holding).unwrap();
    assert_eq!((holding.processes.len(), holding.handles.len(), holding.types.len()), (2, 0, 0));
    assert_eq!(holding.remarks.len(), 2);
    assert!(holding.remarks[0].contains("STATUS_ACCESS_DENIED"), "{:?}", holding.remarks);
    played.refused.push((5, ACCESS_DENIED));
    assert!(reader.read_into(&mut played, &mut holding).unwrap_err().to_string().contains("class 5"));
}

#[test]
fn indices_of_types_are_those_of_handles() {
    let one = |name: &str, index, handles| ObjectType { name: name.into(), index, objects: 9, handles };
    let indices = |list: &[(u16, u64)]| {
        let mut types = vec![one("Token", 5, 40), one("Event", 6, 700), one("Key", 7, 90)];
        let handles: HandleCounts = list.iter().map(|&(index, count)| ((8, index), count)).collect();
        align(&mut types, &handles);
        types.iter().map(|one| one.index).collect::<Vec<_>>()
    };
    // A handle that was closed in between is no reason.
    assert_eq!(indices(&[(5, 41), (6, 699), (7, 90)]), [5, 6, 7]);
    assert_eq!(indices(&[(3, 40), (4, 702), (5, 90)]), [3, 4, 5], "Wine 8");
    assert_eq!(indices(&[(6, 40), (7, 702), (8, 90)]), [6, 7, 8]);
    assert_eq!(indices(&[]), [5, 6, 7], "nothing to compare with");
}

proptest! {
    #[test]
    fn no_bytes_end_a_decoder(bytes in prop::collection::vec(any::<u8>(), 0..700), base in 0..600_u64) {
        for layout in [BufferLayout::X64, BufferLayout::X86] {
            let (mut processes, mut types, mut counts) = (Vec::new(), Vec::new(), HandleCounts::default());
            let _ = decode::processes(&bytes, base, layout, &mut processes);
            let _ = decode::object_types(&bytes, base, layout, &mut types);
            let _ = decode::handles_ex(&bytes, layout, &mut counts);
            let _ = decode::handles(&bytes, layout, &mut counts);
            prop_assert!(processes.len() * 0xb8 <= bytes.len() && types.len() * 0x60 <= bytes.len());
        }
    }
}
