//! The stacks that keep memory, from traces with a planted leak in every form.
#![cfg(feature = "stacks")]

use std::io::Cursor;

use poolmon_etl::{Etl, EtlError, keep};
use poolmon_model::Pattern;
use poolmon_model::problem::Remedy as _;
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
                assert_eq!(healthy.figures.verdict, Verdict::FilledEarly, "{spec:?}");
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
    assert_eq!(
        answer.ending.remarks,
        ["no allocation has a stack: record with -stackwalk PoolAlloc+PoolFree"]
    );
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
    assert_eq!(error.to_string(), "the trace has no pool events; it has 8 images, 4 processes, 1 trace");
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
