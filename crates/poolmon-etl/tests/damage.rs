//! Traces that are cut or damaged: read as far as possible, never a panic, never without end.

use std::io::Cursor;

use poolmon_etl::{Etl, EtlError};
use poolmon_model::problem::Remedy as _;
use poolmon_synth::etl::{Arch, Header, Spec, Stacks, build};
use proptest::prelude::*;

fn small(stacks: Stacks, compressed: bool) -> Spec {
    let header = if stacks == Stacks::Items { Header::Event } else { Header::Perfinfo };
    Spec { stacks, compressed, header, cpus: 2, buffer_bytes: 2_048, rounds: 12, ..Spec::default() }
}

fn forms() -> [Spec; 5] {
    [
        small(Stacks::Inline, false),
        small(Stacks::Inline, true),
        small(Stacks::Keys, true),
        small(Stacks::Items, true),
        Spec { arch: Arch::X86, ..small(Stacks::Keys, false) },
    ]
}

/// Reads everything that can be read; the number of pool events.
fn read(bytes: &[u8]) -> Result<(usize, u64), EtlError> {
    let mut etl = Etl::open(Cursor::new(bytes))?;
    let mut events = 0;
    for event in etl.pool_events() {
        event?;
        events += 1;
    }
    let mut buffers = 0;
    while etl.buffers().next_buffer()?.is_some() && buffers < 1 {
        buffers += 1;
    }
    for image in etl.images().kernel() {
        let _ = (etl.images().frame(image.base, 0).to_string(), etl.images().version(image));
    }
    // The answers: a trace without what was asked for is refused, never more than that.
    #[cfg(feature = "stacks")]
    {
        use poolmon_etl::keep;
        let tags = keep::tags(&mut etl);
        let answer = keep::answer(&mut etl, None);
        assert_eq!(tags.is_ok(), answer.is_ok());
        if let (Ok(tags), Ok(answer)) = (tags, answer) {
            let of_tags: u64 = tags.rows.iter().map(|row| row.objects).sum();
            assert_eq!(of_tags, answer.objects(), "each object is of one tag");
        }
    }
    Ok((events, etl.counts().damages))
}

#[test]
fn a_trace_can_be_cut_at_every_place() {
    for spec in forms() {
        let (bytes, _) = build(&spec);
        let (all, _) = read(&bytes).unwrap();
        let mut before = 0;
        for end in 0..bytes.len() {
            match read(&bytes[..end]) {
                Ok((events, damages)) => {
                    assert!(events >= before, "{spec:?} cut at {end}: {events} after {before}");
                    // A cut between two buffers cannot be seen, nor one in the unused end of a buffer.
                    assert!(damages <= 2, "{spec:?} cut at {end}: {damages} damages");
                    before = events;
                }
                Err(error) => {
                    assert!(before == 0 && end < 512, "{spec:?} cut at {end}: {error}");
                    assert!(error.remedy().is_some(), "{error}");
                    assert!(error.to_string().contains("file offset"), "{error}");
                }
            }
        }
        assert!(before <= all && before + 40 > all, "{spec:?}: {before} of {all}");
    }
}

#[test]
fn a_damaged_buffer_costs_only_itself() {
    let spec = small(Stacks::Inline, false);
    let (bytes, _) = build(&spec);
    let (all, _) = read(&bytes).unwrap();
    let mut damaged = bytes.clone();
    damaged[4 * 2_048..4 * 2_048 + 80].fill(0xEE);
    let etl = Etl::open(Cursor::new(&damaged)).unwrap();
    let [damage] = etl.counts().damage.as_slice() else { panic!("{:?}", etl.counts().damage) };
    assert_eq!((damage.offset, damage.problem.as_str()), (0x2000, "2048 bytes are no buffer of a trace"));
    let (rest, _) = read(&damaged).unwrap();
    assert!(rest < all && rest + 40 > all, "{rest} of {all}");
    // A record in the middle: the rest of its buffer is lost.
    let mut damaged = bytes.clone();
    let marker = (4 * 2_048 + 400..).step_by(8).find(|at| damaged[at + 3] == 0xC0).unwrap();
    damaged[marker + 3] = 0;
    let etl = Etl::open(Cursor::new(&damaged)).unwrap();
    let [damage] = etl.counts().damage.as_slice() else { panic!("{:?}", etl.counts().damage) };
    assert_eq!(damage.offset, 0x2000);
    assert!(damage.problem.contains("no header of a record"), "{}", damage.problem);
}

#[test]
fn other_files_are_refused_with_a_remedy() {
    for (bytes, problem) in [
        (&b""[..], "this is not an ETW trace: the file is empty at file offset 0x0"),
        (b"PK\x03\x04", "this is not an ETW trace: no buffer begins at file offset 0x0"),
        (&[0; 4096], "this is not an ETW trace: no buffer begins at file offset 0x0"),
    ] {
        let error = Etl::open(Cursor::new(bytes)).unwrap_err();
        assert_eq!(error.to_string(), problem);
        assert!(error.remedy().unwrap().starts_with("name a file"), "{error}");
    }
    let (mut bytes, _) = build(&Spec::default());
    bytes[72 + 7] = 9;
    let error = Etl::open(Cursor::new(bytes)).unwrap_err();
    let problem = "the trace's header at file offset 0x48: the first record is not the trace's header";
    assert_eq!(error.to_string(), problem);
}

#[test]
fn the_unused_end_of_a_file_is_no_damage() {
    let (mut bytes, _) = build(&small(Stacks::Inline, false));
    let (all, _) = read(&bytes).unwrap();
    bytes.resize(bytes.len() + 10 * 2_048, 0);
    assert_eq!(read(&bytes).unwrap(), (all, 0));
}

fn mutated(spec: usize, changes: &[(prop::sample::Index, u8)], cut: prop::sample::Index) -> Vec<u8> {
    let (mut bytes, _) = build(&forms()[spec]);
    for (at, value) in changes {
        let at = at.index(bytes.len());
        bytes[at] = *value;
    }
    let end = cut.index(4 * bytes.len()).min(bytes.len());
    bytes.truncate(end);
    bytes
}

proptest! {
    /// `PROPTEST_CASES=100000` is the thorough run.
    #[test]
    fn mutations_neither_panic_nor_hang(
        spec in 0_usize..5,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..24),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = mutated(spec, &changes, cut);
        let begun = std::time::Instant::now();
        let _ = read(&bytes);
        prop_assert!(begun.elapsed().as_secs() < 20);
    }
}
