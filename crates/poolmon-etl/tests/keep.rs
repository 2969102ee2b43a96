//! The stacks that keep memory, from traces with a planted leak in every form.
#![cfg(feature = "stacks")]

use std::io::Cursor;

use poolmon_etl::{Etl, EtlError, keep};
use poolmon_model::problem::Remedy as _;
use poolmon_model::{Pattern, Pool};
use poolmon_synth::etl::{Arch, Header, Site, Spec, Stacks, build};
use poolmon_trace::{Answer, Owner, Verdict};

fn answer(bytes: Vec<u8>, tag: Option<&str>) -> Result<Answer, EtlError> {
    let mut etl = Etl::open(Cursor::new(bytes)).unwrap();
    keep::answer(&mut etl, tag.map(Pattern::new).as_ref())
}

fn owner<'a>(answer: &'a Answer, name: &str) -> &'a Owner {
    answer.owners.iter().find(|owner| owner.name == name).unwrap()
}

fn frames_of(site: &Site) -> Vec<String> {
    site.stack.iter().map(|place| format!("{}+{:#x}", place.driver(), place.offset)).collect()
}

#[test]
fn the_leaking_driver_is_accused_and_no_other_in_every_form() {
    for arch in [Arch::X86, Arch::X64] {
        for header in Header::ALL {
            for stacks in [Stacks::Inline, Stacks::Keys] {
                let spec =
                    Spec { arch, header, stacks, compressed: header == Header::Perfinfo, ..Spec::default() };
                let (bytes, truth) = build(&spec);
                let answer = answer(bytes, Some("Leak")).unwrap();
                let accused: Vec<&str> = answer.accused().map(|owner| owner.name.as_str()).collect();
                assert_eq!(accused, ["leaker.sys"], "{spec:?}");

                let made = answer.owners[0].made.as_ref().unwrap();
                assert_eq!(made.company.as_deref(), Some("Example Ltd."), "{spec:?}");
                assert_eq!(made.version.as_deref(), Some("1.4.2.0"), "{spec:?}");
                assert_eq!(owner(&answer, "healthy.sys").made, None, "{spec:?}");

                let [leak, frees, fills, hides] = [0, 1, 2, 3].map(|n| &truth.sites[n]);
                let leaker = owner(&answer, "leaker.sys");
                let first = &leaker.stacks[0];
                let frames: Vec<String> =
                    first.frames.iter().map(|frame| answer.symbols.place(*frame)).collect();
                assert_eq!(frames, frames_of(leak), "{spec:?}");
                let figures = &first.figures;
                assert_eq!(
                    (figures.allocations, figures.objects, figures.bytes),
                    (400, 400, 400 * 336),
                    "{spec:?}"
                );
                assert_eq!((figures.frees, figures.reused), (0, 0), "{spec:?}");
                assert_eq!(
                    (leaker.figures.allocations, leaker.figures.frees),
                    (400 + frees.allocations, frees.frees)
                );
                assert_eq!(answer.task(figures.tasks[0].0), "caller.exe (1234)", "{spec:?}");

                let healthy = owner(&answer, "healthy.sys");
                // Four seconds do not show that it stays flat.
                assert_eq!(healthy.figures.verdict, Verdict::NotJudged, "{spec:?}");
                assert_eq!((healthy.figures.objects, healthy.figures.bytes), (fills.kept, fills.kept_bytes));
                // Freed without events: the address comes back each time but the last.
                let kernel = owner(&answer, "ntoskrnl.exe");
                assert_eq!(kernel.figures.verdict, Verdict::FreedElsewhere, "{spec:?}");
                assert_eq!(
                    (kernel.figures.allocations, kernel.figures.reused),
                    (hides.allocations, hides.allocations - 1)
                );
                assert_eq!(answer.totals.older_frees, if truth.older_frees > 0 { 25 } else { 0 }, "{spec:?}");
            }
        }
    }
}

#[test]
fn without_a_tag_all_of_them_are_read_and_named() {
    let (bytes, truth) = build(&Spec::default());
    let answer = answer(bytes, None).unwrap();
    assert_eq!(answer.totals.allocations, truth.allocations());
    assert_eq!(answer.about.target, "the whole pool");
    let [remark] = answer.about.remarks.as_slice() else { panic!("{:?}", answer.about.remarks) };
    assert!(remark.starts_with("all 3 tags together; those that keep most: Leak"), "{remark}");
    assert_eq!(answer.ending.remarks, Vec::<String>::new());
    assert_eq!(answer.accused().next().unwrap().name, "leaker.sys");
}

#[test]
fn a_trace_without_stacks_says_so() {
    let (bytes, _) = build(&Spec { stacks: Stacks::None, events_lost: 3, ..Spec::default() });
    let answer = answer(bytes, Some("Le*")).unwrap();
    let [remark] = answer.ending.remarks.as_slice() else { panic!("{:?}", answer.ending.remarks) };
    assert!(remark.starts_with("no allocation has a stack: record with: xperf"), "{remark}");
    assert_eq!(answer.ending.lost, 3);
}

#[test]
fn what_is_not_there_is_named_with_a_remedy() {
    let (bytes, _) = build(&Spec::default());
    let error = answer(bytes, Some("Nope")).unwrap_err();
    assert_eq!(error.to_string(), "the trace has no events of tag Nope");
    assert_eq!(error.remedy().unwrap(), "choose one that it has: Leak, Usti, Othr");
    let (bytes, _) = build(&Spec { rounds: 0, ..Spec::default() });
    let error = answer(bytes, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the trace has no pool events; it has 8 images, 4 processes, 2 of other providers, 1 trace"
    );
    assert!(error.remedy().unwrap().contains("-stackwalk PoolAlloc+PoolFree"));
}

#[test]
fn damage_is_named_in_the_answer() {
    let (mut bytes, _) = build(&Spec::default());
    bytes[3 * 8_192..3 * 8_192 + 72].fill(0xEE);
    let answer = answer(bytes, Some("Leak")).unwrap();
    let remarks = answer.ending.remarks.join("\n");
    assert!(
        remarks
            .contains("1 place could not be read, the first at file offset 0x6000: 8192 bytes are no buffer"),
        "{remarks}"
    );
}

/// Each tag on its own, in every form: what is kept, and who keeps it.
#[test]
fn the_tags_of_a_trace_have_their_own_figures_verdict_and_owner() {
    for arch in [Arch::X86, Arch::X64] {
        for header in Header::ALL {
            for stacks in [Stacks::None, Stacks::Inline, Stacks::Keys] {
                let spec = Spec { arch, header, stacks, ..Spec::default() };
                let (bytes, truth) = build(&spec);
                let mut etl = Etl::open(Cursor::new(bytes)).unwrap();
                let tags = poolmon_etl::keep::tags(&mut etl).unwrap();
                let names: Vec<String> = tags.rows.iter().map(|row| row.tag.to_string()).collect();
                // `Leak` is allocated from both pools: the leak and its table.
                assert_eq!(names, ["Leak", "Leak", "Usti", "Othr"], "{spec:?}");
                let leak = &tags.rows[0];
                // What the driver that frees still holds, and the address of the hidden free.
                let (mut kept, mut bytes) = (1, 64);
                for site in truth.sites.iter().filter(|site| ["leaks", "frees"].contains(&site.name)) {
                    kept += site.kept;
                    bytes += site.kept_bytes;
                }
                assert_eq!((leak.pool, leak.objects, leak.bytes), (Pool::Nonpaged, kept, bytes), "{spec:?}");
                let has_stacks = stacks != Stacks::None;
                let owner = leak.owner.as_ref().map(|(owner, _)| owner.as_str());
                assert_eq!(owner, has_stacks.then_some("leaker.sys"), "{spec:?}");
                if has_stacks {
                    let accused: Vec<_> = tags.accused().map(|row| (row.tag, row.pool)).collect();
                    assert_eq!(accused, [(leak.tag, Pool::Nonpaged)], "{spec:?}");
                }
                assert_eq!(tags.rows[1].verdict, Verdict::NotJudged, "{spec:?}");
                let allocations: u64 = tags.rows.iter().map(|row| row.totals.allocations).sum();
                let frees: u64 = tags.rows.iter().map(|row| row.totals.frees).sum();
                assert_eq!((allocations, frees), (truth.allocations(), truth.frees()), "{spec:?}");
            }
        }
    }
}

/// Found by fuzzing: such a tag was in the table, and then was said not to be in the trace.
#[test]
fn a_tag_of_which_objects_were_only_freed_has_an_answer() {
    let spec = Spec { header: Header::Perfinfo, compressed: false, ..Spec::default() };
    let (mut bytes, _) = build(&spec);
    // Type and group of a free, its time, its pool, its tag.
    let is_free = |bytes: &[u8]| bytes[..2] == [0x22, 0x0e] && bytes[14..18] == *b"Othr";
    let at = bytes.windows(18).position(is_free).expect("a free of another tag");
    bytes[at + 14..at + 18].copy_from_slice(b"Gone");
    let tags = keep::tags(&mut Etl::open(Cursor::new(bytes.clone())).unwrap()).unwrap();
    let row = tags.rows.iter().find(|row| row.tag.to_string() == "Gone").expect("a row of the table");
    assert_eq!((row.totals.allocations, row.totals.frees), (0, 1));
    let gone = answer(bytes.clone(), Some("Gone")).unwrap();
    assert_eq!((gone.objects(), gone.totals.allocations, gone.totals.older_frees), (0, 0, 1));
    assert!(matches!(answer(bytes, Some("None")), Err(EtlError::NoSuchTag { .. })));
}
