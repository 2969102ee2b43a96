//! A played machine that agrees with itself, and then does not.

use super::*;
use crate::windows::query::QueryAnswer;
use crate::windows::status::{INFO_LENGTH_MISMATCH, INVALID_INFO_CLASS};

/// Answers of a class, one after the other; the last one stays.
#[derive(Default)]
struct Played {
    answers: BTreeMap<u32, Vec<Vec<u8>>>,
    types: Vec<u8>,
    paged: u64,
    uptime: u64,
}

fn give(bytes: Option<&[u8]>, buffer: &mut [u8]) -> QueryAnswer {
    let Some(bytes) = bytes else { return QueryAnswer { status: INVALID_INFO_CLASS, length: 0 } };
    let length = u32::try_from(bytes.len()).unwrap();
    let Some(room) = buffer.get_mut(..bytes.len()) else {
        return QueryAnswer { status: INFO_LENGTH_MISMATCH, length };
    };
    room.copy_from_slice(bytes);
    QueryAnswer { status: 0, length }
}

impl Kernel for Played {
    fn query(&mut self, class: u32, buffer: &mut [u8]) -> QueryAnswer {
        let list = self.answers.get_mut(&class);
        let now = list.map(|list| if list.len() > 1 { list.remove(0) } else { list[0].clone() });
        give(now.as_deref(), buffer)
    }

    fn query_session(&mut self, _: u32, _: &mut [u8]) -> QueryAnswer {
        QueryAnswer { status: INVALID_INFO_CLASS, length: 0 }
    }

    fn query_types(&mut self, buffer: &mut [u8]) -> QueryAnswer {
        // The names are where the buffer is.
        let base = buffer.as_ptr().addr() as u64;
        let mut bytes = self.types.clone();
        if let Some(pointer) = bytes.get_mut(16..24) {
            pointer.copy_from_slice(&(base + 8 + 0x68).to_le_bytes());
        }
        give(Some(&bytes), buffer)
    }
}

impl Machine for Played {
    fn figures(&mut self, header: &mut Header) {
        (header.pool_paged, header.pool_nonpaged) = (Some(self.paged), Some(100 * 4096));
    }
    fn uptime(&mut self) -> Option<Duration> {
        Some(Duration::from_secs(self.uptime))
    }
    fn show_addresses(&mut self) -> bool {
        false
    }
}

/// `Test` in nonpaged pool: allocs, frees, bytes.
fn narrow(rows: &[([u8; 4], [u64; 3])]) -> Vec<u8> {
    let mut bytes = (rows.len() as u64).to_le_bytes().to_vec();
    for (tag, [allocs, frees, held]) in rows {
        let low = |count: &u64| u32::try_from(count & 0xffff_ffff).unwrap().to_le_bytes();
        bytes.extend([&tag[..], &[0; 20], &low(allocs), &low(frees), &held.to_le_bytes()].concat());
    }
    bytes
}

fn wide(rows: &[([u8; 4], [u64; 3])]) -> Vec<u8> {
    let mut bytes = (rows.len() as u64).to_le_bytes().to_vec();
    for (tag, figures) in rows {
        bytes.extend([&tag[..], &[0; 28]].concat());
        bytes.extend(figures.iter().flat_map(|figure| figure.to_le_bytes()));
    }
    bytes
}

fn performance(paged: u32) -> Vec<u8> {
    let mut bytes = vec![0; decode::performance::LEAST];
    bytes[0x70..0x74].copy_from_slice(&paged.to_le_bytes());
    bytes[0x74] = 100;
    bytes
}

/// One process; its handles to objects of type 2.
fn handle_list(count: u64) -> Vec<u8> {
    let mut bytes = [count.to_le_bytes(), [0; 8]].concat();
    for _ in 0..count {
        let mut entry = [0; 0x28];
        (entry[8], entry[0x1e]) = (4, 2);
        bytes.extend(entry);
    }
    bytes
}

fn types(handles: u32) -> Vec<u8> {
    let mut bytes = vec![0; 8 + 0x68 + 16];
    bytes[0] = 1;
    (bytes[8], bytes[10]) = (10, 12);
    bytes[8 + 0x14..8 + 0x18].copy_from_slice(&handles.to_le_bytes());
    bytes[8 + 0x5a] = 2;
    let name = "Event".encode_utf16().flat_map(u16::to_le_bytes);
    bytes[8 + 0x68..8 + 0x68 + 10].copy_from_slice(&name.collect::<Vec<u8>>());
    bytes
}

fn module_list(names: &[&str]) -> Vec<u8> {
    let mut bytes = (names.len() as u64).to_le_bytes().to_vec();
    for name in names {
        let mut entry = [0; 0x128];
        entry[0x28..0x28 + name.len()].copy_from_slice(name.as_bytes());
        bytes.extend(entry);
    }
    bytes
}

fn module_chain(names: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for name in names {
        let mut entry = [0; 0x140];
        entry[..2].copy_from_slice(&0x140_u16.to_le_bytes());
        entry[8 + 0x28..8 + 0x28 + name.len()].copy_from_slice(name.as_bytes());
        bytes.extend(entry);
    }
    bytes.extend([0; 2]);
    bytes
}

const BIG: u64 = 5 << 32;

/// A machine on which everything agrees: 22 before, 255, 22 after.
fn sound() -> Played {
    let before = [(*b"Rest", [9, 4, 640]), (*b"Busy", [BIG + 100, BIG + 50, 4096])];
    let between = [(*b"Rest", [9, 4, 640]), (*b"Busy", [BIG + 110, BIG + 55, 8192])];
    let after = [(*b"Rest", [9, 4, 640]), (*b"Busy", [BIG + 120, BIG + 60, 4096])];
    let mut time = vec![0; 0x30];
    time[..8].copy_from_slice(&1_000_000_000_000_i64.to_le_bytes());
    time[8..16].copy_from_slice(&1_000_770_000_000_i64.to_le_bytes());
    let answers = [
        (22, vec![narrow(&before), narrow(&after)]),
        (255, vec![wide(&between)]),
        (2, vec![performance(1000)]),
        (5, vec![vec![0; 0x100]]),
        (64, vec![handle_list(300)]),
        (3, vec![time]),
        (11, vec![module_list(&["ntoskrnl.exe", "ntfs.sys"])]),
        (77, vec![module_chain(&["ntoskrnl.exe", "ntfs.sys"])]),
    ];
    Played { answers: answers.into(), types: types(310), paged: 1000 * 4096, uptime: 77 }
}

fn found(machine: Played) -> Vec<(CheckResult, String)> {
    let mut machine = machine;
    checks(&mut machine, Some(2)).into_iter().map(|check| (check.state, check.found)).collect()
}

#[test]
fn what_agrees_is_good() {
    let found = found(sound());
    let texts = [
        "2 rows agree, 1 of them to the byte",
        "2 figures agree",
        "300 handles of 1 types agree",
        "agree to 0.0 s",
        "2 drivers in classes 11 and 77; the loader has 2",
    ];
    for ((state, text), expected) in found.iter().zip(texts) {
        assert_eq!(*state, CheckResult::Good, "{text}");
        assert!(text.starts_with(expected), "{text}");
    }
}

/// A fault, which comparison finds it, and its words.
type Fault = (fn(&mut Played), usize, CheckResult, &'static str);

#[test]
fn each_contradiction_is_found_by_its_own_check() {
    let faults: [Fault; 8] = [
        // A row that rests has other bytes; counts go back; a row is missing.
        (
            |m| {
                m.answers.get_mut(&255).unwrap()[0] =
                    wide(&[(*b"Rest", [9, 4, 600]), (*b"Busy", [BIG + 110, BIG + 55, 1])]);
            },
            0,
            CheckResult::Bad,
            "1 of 2 rows contradict each other: Rest",
        ),
        (
            |m| {
                m.answers.get_mut(&255).unwrap()[0] =
                    wide(&[(*b"Rest", [9, 4, 640]), (*b"Busy", [BIG + 90, BIG + 55, 1])]);
            },
            0,
            CheckResult::Bad,
            "1 of 2 rows contradict each other: Busy",
        ),
        (
            |m| m.answers.get_mut(&255).unwrap()[0] = wide(&[(*b"Rest", [9, 4, 640])]),
            0,
            CheckResult::Bad,
            "1 of 2 rows",
        ),
        (|m| drop(m.answers.remove(&255)), 0, CheckResult::Note, "cannot be compared; 255: 0xc0000003"),
        (
            |m| m.paged = 3000 * 4096,
            1,
            CheckResult::Bad,
            "contradict each other: paged pool 4096000 and 12288000 bytes",
        ),
        (
            |m| m.types = types(3000),
            2,
            CheckResult::Note,
            "300 handles are listed; Event has 3000 handles, 300 are listed",
        ),
        (|m| m.uptime = 7000, 3, CheckResult::Note, "77 s since boot, 7000 s of uptime"),
        (
            |m| m.answers.get_mut(&77).unwrap()[0] = module_chain(&["ntoskrnl.exe", "hid.sys"]),
            4,
            CheckResult::Note,
            "2 in class 11, 2 in class 77, the loader has 2; only in one: hid.sys, ntfs.sys",
        ),
    ];
    for (fault, at, state, words) in faults {
        let mut machine = sound();
        fault(&mut machine);
        for (n, (found, text)) in found(machine).into_iter().enumerate() {
            if n == at {
                assert_eq!(found, state, "{text}");
                assert!(text.starts_with(words), "{text}: not {words}");
            } else {
                assert_eq!(found, CheckResult::Good, "{words}: {text}");
            }
        }
    }
}

#[test]
fn a_machine_that_refuses_everything_is_no_contradiction() {
    for (state, text) in found(Played::default()) {
        assert_eq!(state, CheckResult::Note, "{text}");
        assert!(text.starts_with("cannot be compared"), "{text}");
    }
}
