//! Buffers built by hand, field by field, from the layouts of the public headers.

use std::sync::Arc;

use poolmon_model::{CounterWidth, Counters, Header, Origin, Pool, PoolTag, Sample, SourceKind, Tag};
use proptest::prelude::*;

use super::*;

fn sample() -> Sample {
    let origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]);
    Sample::new(Arc::new(origin), CounterWidth::default())
}

/// A buffer that is written field by field.
#[derive(Default)]
struct Buffer(Vec<u8>);

impl Buffer {
    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
    fn u32(self, value: u32) -> Self {
        self.bytes(&value.to_le_bytes())
    }
    fn u64(self, value: u64) -> Self {
        self.bytes(&value.to_le_bytes())
    }
    /// `Count` of a 64-bit buffer, with its padding.
    fn count64(self, count: u32) -> Self {
        self.u32(count).u32(0xdead_beef)
    }
    /// One `SYSTEM_POOLTAG` of a 64-bit system: paged first.
    fn tag64(self, tag: [u8; 4], paged: (u32, u32, u64), nonpaged: (u32, u32, u64)) -> Self {
        let first = self.bytes(&tag).u32(paged.0).u32(paged.1).u32(0xdead_beef).u64(paged.2);
        first.u32(nonpaged.0).u32(nonpaged.1).u64(nonpaged.2)
    }
    fn tag32(self, tag: [u8; 4], paged: [u32; 3], nonpaged: [u32; 3]) -> Self {
        paged.into_iter().chain(nonpaged).fold(self.bytes(&tag), Self::u32)
    }
    fn tag2(self, tag: [u8; 4], paged: [u64; 3], nonpaged: [u64; 3]) -> Self {
        paged.into_iter().chain(nonpaged).fold(self.bytes(&tag).u32(0xdead_beef), Self::u64)
    }
}

fn two_tags_64() -> Vec<u8> {
    let none = (0, 0, 0);
    Buffer::default()
        .count64(2)
        .tag64(*b"Proc", (0, 0, 0), (900, 800, 512_000))
        .tag64(*b"MmSt", (3_971_107, 3_971_077, 8456), none)
        .0
}

fn reported(sample: &Sample) -> Vec<(String, Pool, Counters)> {
    sample.rows.iter().map(|row| (row.tag.to_string(), row.pool, row.counters)).collect()
}

#[test]
fn class_22_of_both_layouts() {
    let wanted = [
        ("Proc".to_owned(), Pool::Nonpaged, Counters::windows(900, 800, 512_000)),
        ("MmSt".to_owned(), Pool::Paged, Counters::windows(3_971_107, 3_971_077, 8456)),
    ];
    let buffer = two_tags_64();
    assert_eq!(buffer.len(), 8 + 2 * 0x28);
    let mut got = sample();
    let decoded = pool_tags(&buffer, BufferLayout::X64, &mut got).unwrap();
    assert_eq!((decoded, decoded.is_complete()), (Decoded { promised: 2, read: 2 }, true));
    assert_eq!(reported(&got), wanted);

    let buffer = Buffer::default()
        .u32(2)
        .tag32(*b"Proc", [0; 3], [900, 800, 512_000])
        .tag32(*b"MmSt", [3_971_107, 3_971_077, 8456], [0; 3])
        .0;
    assert_eq!(buffer.len(), 4 + 2 * 0x1c);
    let mut got = sample();
    pool_tags(&buffer, BufferLayout::X86, &mut got).unwrap();
    assert_eq!((reported(&got), got.width), (wanted.to_vec(), CounterWidth::Bits32));
}

#[test]
fn class_255_has_counters_beyond_32_bits() {
    let big = 5_000_000_000;
    let buffer = Buffer::default().count64(1).tag2(*b"FMfn", [big, big - 7, 4480], [2, 1, 64]).0;
    assert_eq!(buffer.len(), 0x40);
    let mut got = sample();
    pool_tags2(&buffer, BufferLayout::X64, &mut got).unwrap();
    assert_eq!(got.width, CounterWidth::Bits64);
    let wanted = [
        ("FMfn".to_owned(), Pool::Nonpaged, Counters::windows(2, 1, 64)),
        ("FMfn".to_owned(), Pool::Paged, Counters::windows(big, big - 7, 4480)),
    ];
    assert_eq!(reported(&got), wanted);

    let buffer = Buffer::default().u32(1).tag32(*b"FMfn", [9, 2, 4480], [2, 1, 64]).0;
    let mut got = sample();
    pool_tags2(&buffer, BufferLayout::X86, &mut got).unwrap();
    assert_eq!((got.rows.len(), got.width), (2, CounterWidth::Bits32));
    assert_eq!(got.rows[1].counters, Counters::windows(9, 2, 4480));
}

/// Where cut Allocs are less than cut Frees, class 22 reports Allocs = Frees while bytes are held.
#[test]
fn the_kernels_clamp_is_marked_and_a_wrap_is_not() {
    let buffer = Buffer::default()
        .count64(2)
        .tag64(*b"Clmp", (7, 7, 96), (0, 0, 0))
        .tag64(*b"Wrap", (10, 4_294_967_286, 640), (0, 0, 0))
        .0;
    let mut got = sample();
    pool_tags(&buffer, BufferLayout::X64, &mut got).unwrap();
    assert!(got.rows[0].counters.is_inexact(got.width));
    assert!(!got.rows[1].counters.is_inexact(got.width));
    assert_eq!(got.rows[1].counters.diff(got.width), Some(20));
}

#[test]
fn the_overflow_row_and_a_protected_tag() {
    let buffer = Buffer::default()
        .count64(2)
        .tag64(*b"Pro\xe3", (1, 0, 16), (0, 0, 0))
        .tag64(*b"Ovfl", (0, 0, 0), (4, 1, 4096))
        .0;
    assert_eq!(&buffer[8 + 0x28..8 + 0x2c], &0x6c66_764f_u32.to_le_bytes());
    let mut got = sample();
    pool_tags(&buffer, BufferLayout::X64, &mut got).unwrap();
    let tags: Vec<_> = got.rows.iter().map(|row| row.tag.clone()).collect();
    assert_eq!(tags, [Tag::pool(*b"Proc"), Tag::pool(*b"Ovfl")]);
}

#[test]
fn more_than_65536_tags() {
    let count = 70_000_u32;
    let buffer = (1..=count).fold(Buffer::default().count64(count), |buffer, n| {
        buffer.tag64(n.to_le_bytes(), (n, 0, 16), (n, 1, 32))
    });
    let mut got = sample();
    let decoded = pool_tags(&buffer.0, BufferLayout::X64, &mut got).unwrap();
    assert_eq!(decoded, Decoded { promised: 70_000, read: 70_000 });
    assert_eq!(got.rows.len(), 140_000);
    assert_eq!(got.rows[139_999].tag, Tag::Pool(PoolTag::from_u32(count)));
    let room = got.rows.capacity();
    got.clear();
    pool_tags(&buffer.0, BufferLayout::X64, &mut got).unwrap();
    assert_eq!(got.rows.capacity(), room, "the second sample uses the first one's memory");
}

#[test]
fn a_count_that_promises_more_than_there_is() {
    let mut buffer = two_tags_64();
    buffer[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut got = sample();
    let decoded = pool_tags(&buffer, BufferLayout::X64, &mut got).unwrap();
    assert_eq!((decoded.read, decoded.is_complete(), got.rows.len()), (2, false, 2));
}

#[test]
fn a_count_that_promises_less_leaves_the_rest_alone() {
    let mut buffer = two_tags_64();
    buffer[0] = 1;
    let mut got = sample();
    assert!(pool_tags(&buffer, BufferLayout::X64, &mut got).unwrap().is_complete());
    assert_eq!(got.rows.len(), 1);
}

#[test]
fn errors_name_class_offset_and_sizes() {
    let text = pool_tags(&[1, 2], BufferLayout::X64, &mut sample()).unwrap_err().to_string();
    assert_eq!(text, "class 22: the header at offset 0x0 needs 8 bytes, the buffer has 2 there");
    let text = performance(&[0; 16], &mut Header::default()).unwrap_err().to_string();
    assert!(text.starts_with("class 2: ") && text.contains("needs 312 bytes"), "{text}");
}

fn session64(next: u64, id: u32, count: u32) -> Buffer {
    Buffer::default().u64(next).u32(id).u32(count)
}

#[test]
fn sessions_are_chained() {
    let first = session64(0x10 + 0x28, 0, 1).tag64(*b"Gla1", (10, 4, 960), (0, 0, 0));
    let buffer = first.bytes(&session64(0, 2, 1).tag64(*b"Gla5", (0, 0, 0), (3, 1, 128)).0).0;
    let mut got = sample();
    let decoded = session_tags(&buffer, BufferLayout::X64, &mut got).unwrap();
    assert_eq!(decoded, Decoded { promised: 2, read: 2 });
    let ids: Vec<_> =
        got.sessions.iter().map(|s| (s.id, s.rows[0].tag.to_string(), s.rows[0].pool)).collect();
    assert_eq!(ids, [(0, "Gla1".into(), Pool::Paged), (2, "Gla5".into(), Pool::Nonpaged)]);
    assert!(got.rows.is_empty());

    let first = Buffer::default().u32(0x0c + 0x1c).u32(1).u32(1).tag32(*b"Gla1", [10, 4, 960], [0; 3]);
    let buffer = first.u32(0).u32(7).u32(0).0;
    let mut got = sample();
    session_tags(&buffer, BufferLayout::X86, &mut got).unwrap();
    assert_eq!(got.sessions.iter().map(|s| (s.id, s.rows.len())).collect::<Vec<_>>(), [(1, 1), (7, 0)]);
}

#[test]
fn lies_of_a_session_chain_end() {
    for next in [1, 0x0f, 0x11, u64::MAX, u64::MAX - 0x0f] {
        let buffer = session64(next, 3, 1).tag64(*b"Gla1", (10, 4, 960), (0, 0, 0)).0;
        let mut got = sample();
        let result = session_tags(&buffer, BufferLayout::X64, &mut got);
        if next == 0x11 {
            // Room for another entry's fixed part is there: it is read, cut rows and all, and its lie ends the chain.
            assert_eq!(got.sessions.len(), 2, "{next:#x}");
        } else {
            assert!(matches!(result, Err(DecodeError::Chain { offset: 0, .. })), "{next:#x}: {result:?}");
            assert_eq!(got.sessions[0].rows.len(), 1, "{next:#x}: what was there stays");
        }
    }
}

#[test]
fn a_session_that_overlaps_the_next_gives_only_its_own_rows() {
    // 1,000 entries, each promising everything behind it: decoding all of that would take 1,000 times the buffer.
    let entries = 1000;
    let mut buffer = Vec::new();
    for n in 0..entries {
        let next = if n + 1 == entries { 0 } else { 0x10 };
        buffer.extend(session64(next, n, u32::MAX).0);
    }
    let mut got = sample();
    let decoded = session_tags(&buffer, BufferLayout::X64, &mut got).unwrap();
    assert_eq!((decoded.read, got.sessions.len()), (0, 1000));
}

#[test]
fn big_pool_addresses_tell_the_pool_or_are_withheld() {
    let buffer = Buffer::default()
        .count64(4)
        .u64(0xffff_8001_0000_0001)
        .u64(0x2000)
        .bytes(b"Thr\xe5\0\0\0\0")
        .u64(0xffff_a001_0000_0000)
        .u64(0x1_0000_0000)
        .bytes(b"CM25\0\0\0\0")
        .u64(0)
        .u64(0x3000)
        .bytes(b"Pool\0\0\0\0")
        .u64(1)
        .u64(0x4000)
        .bytes(b"Irp \0\0\0\0")
        .0;
    let mut got = Vec::new();
    assert_eq!(big_pool(&buffer, BufferLayout::X64, &mut got).unwrap(), Decoded { promised: 4, read: 4 });
    let allocation =
        |tag: [u8; 4], pool, address, bytes| BigAllocation { tag: PoolTag(tag), pool, address, bytes };
    let wanted = [
        allocation(*b"Thre", Some(Pool::Nonpaged), Some(0xffff_8001_0000_0000), 0x2000),
        allocation(*b"CM25", Some(Pool::Paged), Some(0xffff_a001_0000_0000), 0x1_0000_0000),
        allocation(*b"Pool", None, None, 0x3000),
        allocation(*b"Irp ", Some(Pool::Nonpaged), None, 0x4000),
    ];
    assert_eq!(got, wanted);

    let buffer = Buffer::default().u32(1).u32(0x8123_4001).u32(0x5000).bytes(b"Cont").0;
    got.clear();
    big_pool(&buffer, BufferLayout::X86, &mut got).unwrap();
    assert_eq!(got, [allocation(*b"Cont", Some(Pool::Nonpaged), Some(0x8123_4000), 0x5000)]);
}

#[test]
fn performance_of_all_three_sizes() {
    for size in [0x138, 0x158, 0x178, 0x200] {
        let mut buffer = vec![0xff; size];
        for (offset, value) in [
            (0x2c, 1_u32),
            (0x30, 2),
            (0x34, 3),
            (0x38, 4),
            (0x3c, 5),
            (0x70, 6),
            (0x74, 3_000_000),
            (0x8c, 8),
            (0xa8, 9),
            (0xac, 10),
        ] {
            buffer[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        }
        let mut header = Header { memory_total: Some(77), ..Header::default() };
        performance(&buffer, &mut header).unwrap();
        let wanted = Header {
            memory_total: Some(77),
            memory_available: Some(4096),
            commit: Some(2 * 4096),
            commit_limit: Some(3 * 4096),
            commit_peak: Some(4 * 4096),
            page_faults: Some(5),
            pool_paged: Some(6 * 4096),
            pool_nonpaged: Some(3_000_000 * 4096),
            resident_kernel: Some(18 * 4096),
            resident_paged: Some(9 * 4096),
            ..Header::default()
        };
        assert_eq!(header, wanted, "size {size:#x}");
    }
}

/// `RTL_PROCESS_MODULE_INFORMATION` of a 64-bit system.
fn module64(base: u64, size: u32, path: &[u8], name_at: u16) -> Vec<u8> {
    let head = Buffer::default().u64(0).u64(0).u64(base).u32(size).u32(0).u32(0).bytes(&[1, 0]);
    let mut bytes = head.bytes(&name_at.to_le_bytes()).bytes(path).0;
    bytes.resize(0x128, 0);
    bytes
}

const NTFS: &[u8] = br"\SystemRoot\System32\drivers\Ntfs.sys";

fn ntfs(base: Option<u64>, extended: Option<(u32, u32)>) -> Module {
    Module {
        name: "Ntfs.sys".into(),
        path: r"\SystemRoot\System32\drivers\Ntfs.sys".into(),
        base,
        size: 0x2c_0000,
        checksum: extended.map(|e| e.0),
        timestamp: extended.map(|e| e.1),
    }
}

#[test]
fn modules_with_and_without_their_base() {
    let buffer = Buffer::default()
        .count64(2)
        .bytes(&module64(0xffff_f801_2345_0000, 0x2c_0000, NTFS, 29))
        .bytes(&module64(0, 0x2c_0000, NTFS, 29))
        .0;
    let mut got = Vec::new();
    assert!(modules(&buffer, BufferLayout::X64, &mut got).unwrap().is_complete());
    assert_eq!(got, [ntfs(Some(0xffff_f801_2345_0000), None), ntfs(None, None)]);

    let head = Buffer::default().u32(1).u32(0).u32(0).u32(0x8055_0000).u32(0x2c_0000).u32(0).u32(0);
    let mut buffer = head.bytes(&[1, 0, 29, 0]).bytes(NTFS).0;
    buffer.resize(4 + 0x11c, 0);
    got.clear();
    modules(&buffer, BufferLayout::X86, &mut got).unwrap();
    assert_eq!(got, [ntfs(Some(0x8055_0000), None)]);
}

#[test]
fn a_path_without_an_end_and_a_name_outside_of_it() {
    let buffer = Buffer::default().count64(1).bytes(&module64(1, 2, &[b'a'; 256], 700)).0;
    let mut got = Vec::new();
    modules(&buffer, BufferLayout::X64, &mut got).unwrap();
    assert_eq!((got[0].path.len(), got[0].name.len()), (256, 256));
}

fn module_ex64(next: u16) -> Vec<u8> {
    let head = Buffer::default().bytes(&next.to_le_bytes()).bytes(&[0; 6]);
    head.bytes(&module64(0x1000, 0x2c_0000, NTFS, 29)).u32(0xc0de).u32(0x5f5e_1000).u64(0x1_4000_0000).0
}

#[test]
fn extended_modules_end_with_an_empty_one_or_a_last_one() {
    let wanted = ntfs(Some(0x1000), Some((0xc0de, 0x5f5e_1000)));
    assert_eq!(module_ex64(0).len(), 0x140);
    for end in [vec![0; 2], vec![0; 0x140]] {
        let buffer = [module_ex64(0x140), module_ex64(0x140), end].concat();
        let mut got = Vec::new();
        assert_eq!(modules_ex(&buffer, BufferLayout::X64, &mut got), Ok(Decoded { promised: 2, read: 2 }));
        assert_eq!(got, [wanted.clone(), wanted.clone()]);
    }
    let mut got = Vec::new();
    modules_ex(&[module_ex64(0x140), module_ex64(0)].concat(), BufferLayout::X64, &mut got).unwrap();
    assert_eq!(got.len(), 2);

    let mut entry = Buffer::default().u32(0x12c).u32(0).u32(0).u32(0x8055_0000).u32(0x2c_0000).u32(0).u32(0);
    entry = entry.bytes(&[1, 0, 29, 0]).bytes(NTFS);
    entry.0.resize(0x120, 0);
    let buffer = entry.u32(0xc0de).u32(0x5f5e_1000).u32(0).bytes(&[0; 2]).0;
    got.clear();
    modules_ex(&buffer, BufferLayout::X86, &mut got).unwrap();
    assert_eq!(got, [ntfs(Some(0x8055_0000), Some((0xc0de, 0x5f5e_1000)))]);
}

#[test]
fn lies_of_a_module_chain_end() {
    for next in [1, 0x13f, 0x140, u16::MAX] {
        let mut got = Vec::new();
        let result = modules_ex(&module_ex64(next), BufferLayout::X64, &mut got);
        assert!(matches!(result, Err(DecodeError::Chain { offset: 0, .. })), "{next:#x}: {result:?}");
        assert_eq!(got.len(), 1);
    }
}

proptest! {
    /// A buffer cut at any length: whole entries only, in order, never a panic.
    #[test]
    fn cut_buffers_give_a_prefix(tags in prop::collection::vec(any::<([u8; 4], u32, u32, u64)>(), 0..20), cut: u16) {
        let count = u32::try_from(tags.len()).unwrap();
        let buffer = tags.iter().fold(Buffer::default().count64(count), |buffer, (tag, a, f, bytes)| {
            buffer.tag64(*tag, (*a, *f, *bytes), (*f, *a, *bytes))
        }).0;
        let mut whole = sample();
        prop_assert!(pool_tags(&buffer, BufferLayout::X64, &mut whole).unwrap().is_complete());
        let length = usize::from(cut) % (buffer.len() + 1);
        let mut got = sample();
        match pool_tags(&buffer[..length], BufferLayout::X64, &mut got) {
            Ok(decoded) => {
                prop_assert_eq!(decoded, Decoded { promised: tags.len(), read: (length - 8) / 0x28 });
                prop_assert!(whole.rows.starts_with(&got.rows));
            }
            Err(_) => prop_assert!(length < 8),
        }
    }

    /// Bytes of any kind: every decoder ends, and reads no more entries than the bytes can hold.
    #[test]
    fn any_bytes_end(bytes in prop::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..2000)) {
        for layout in [BufferLayout::X64, BufferLayout::X86] {
            let (mut got, mut big, mut mods) = (sample(), Vec::new(), Vec::new());
            for decoded in [
                pool_tags(&bytes, layout, &mut got),
                pool_tags2(&bytes, layout, &mut got),
                session_tags(&bytes, layout, &mut got),
                big_pool(&bytes, layout, &mut big),
                modules(&bytes, layout, &mut mods),
                modules_ex(&bytes, layout, &mut mods),
            ].into_iter().flatten() {
                prop_assert!(decoded.read <= decoded.promised);
                prop_assert!(decoded.read <= bytes.len() / 0x0c);
            }
            prop_assert!(got.rows.iter().all(|row| !row.counters.is_zero()));
            prop_assert!(got.sessions.len() <= bytes.len() / 0x0c + 1);
            let _ = performance(&bytes, &mut Header::default());
        }
    }
}
