//! One trace in every form.

use super::Asked;
use poolmon_trace::{About, Answer, Ending, Engine, Event, Growth, Kind, Limits, Symbol};

/// `take` of a module keeps 1,600 objects, `scan` frees where no tracepoint looks, `fill` fills early.
fn answer() -> Answer {
    let mut engine = Engine::new(Limits::default());
    let stacks = engine.stacks_mut();
    let take = stacks.intern(&[0x1008, 0x2010, 0x5004]);
    let other = stacks.intern(&[0x1008, 0x2010, 0x6004]);
    let (scan, fill) = (stacks.intern(&[0x1008, 0x3010]), stacks.intern(&[0x1008, 0x9999]));
    engine.begin(0);
    for n in 0..1_600_u64 {
        let time = n * 2_500_000;
        let mut alloc = |address, stack, task| {
            let kind = Kind::Alloc { address, bytes: 256, requested: 200, stack, task };
            engine.push(Event { time, cpu: 0, kind });
        };
        let (stack, task) = if n % 8 == 0 { (other, 13) } else { (take, 12) };
        alloc(0x10_0000 + n * 256, stack, task);
        alloc(0x900, scan, 0);
        if n < 100 {
            alloc(0x80_0000 + n * 256, fill, 77);
        }
    }
    let symbol = |address: u64, function: &str, module: Option<&str>| {
        let module = module.map(str::to_owned);
        (address, Symbol { function: Some(function.into()), module, offset: address % 0x1000 })
    };
    let ending = Ending {
        end: 4_000_000_000,
        stopped: None,
        lost: 17,
        events: 3_300,
        growth: Some(Growth { objects: 1_710, bytes: 437_760, exact: true, within: 0 }),
        tasks: vec![(12, "writer".into()), (13, "asker".into())],
        symbols: vec![
            symbol(0x1008, "kmem_cache_alloc_noprof", None),
            symbol(0x2010, "take<x>", Some("leakmod")),
            symbol(0x3010, "scan_all", None),
            symbol(0x5004, "worker", Some("leakmod")),
            symbol(0x6004, "do_ioctl", None),
        ],
        remarks: vec!["a remark of the end".into()],
        ..Ending::default()
    };
    let about = About {
        target: "leaky_item".into(),
        sharing: vec!["skbuff_ext_cache".into()],
        host: Some("srv1".into()),
        system: Some("Linux 6.12.8".into()),
        started: Some("2026-11-29T02:00:00Z".into()),
        ..About::default()
    };
    Answer::new(about, ending, engine.finish(4_000_000_000))
}

fn written(write: impl Fn(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn for_a_person() {
    insta::assert_snapshot!(
        "trace_text",
        written(|out| super::text(out, &answer(), 5, Asked::Live).unwrap())
    );
    let short = written(|out| super::text(out, &answer(), 1, Asked::Live).unwrap());
    assert!(short.contains("and 1 more (--top 2)"), "{short}");
}

#[test]
fn for_programs() {
    insta::assert_snapshot!("trace_json", written(|out| super::json(out, &answer()).unwrap()));
}

#[test]
fn for_a_report() {
    let section = super::section(&poolmon_trace::TraceFound::Stacks(Box::new(answer())));
    let [take, fill, scan] = section.owners.as_slice() else { panic!("{section:?}") };
    assert_eq!(
        (take.name.as_str(), take.objects, take.verdict),
        ("take<x> [leakmod]", 1_600, "keeps growing")
    );
    assert_eq!(take.stack, ["kmem_cache_alloc_noprof+0x8", "take<x>+0x10 [leakmod]", "worker+0x4 [leakmod]"]);
    assert!(fill.stack.is_empty() && scan.share < 0.01, "{fill:?} {scan:?}");
    assert!(section.explained.contains("explain 425 KiB in 1,701 objects (99 %)."), "{}", section.explained);
    assert!(section.title.contains("leaky_item on srv1") && section.remarks.len() == 3, "{section:?}");
}

#[test]
fn for_flame_graph_tools() {
    insta::assert_snapshot!("trace_folded", written(|out| super::folded(out, &answer()).unwrap()));
}

#[test]
fn as_a_drawing() {
    let svg = written(|out| super::svg(out, &answer()).unwrap());
    insta::assert_snapshot!("trace_svg", svg);
    assert!(svg.contains("take&lt;x&gt;") && !svg.contains("take<x>"), "names are no markup");
}

#[test]
fn more_and_less_than_the_growth_is_explained_in_words() {
    let of = |objects| {
        let mut answer = answer();
        answer.ending.growth = Some(Growth { objects, bytes: objects * 256, exact: false, within: 0 });
        written(|out| super::text(out, &answer, 5, Asked::Live).unwrap())
    };
    assert!(of(1_000).contains("(170 %): an upper bound"), "{}", of(1_000));
    assert!(of(4_000).contains("(43 %): the rest was in events that were lost"), "{}", of(4_000));
    let exact = |lost, objects, within| {
        let mut answer = answer();
        answer.ending.lost = lost;
        answer.ending.growth = Some(Growth { objects, bytes: objects * 256, exact: within == 0, within });
        answer.totals.older_frees = 78;
        written(|out| super::text(out, &answer, 5, Asked::Live).unwrap())
    };
    // Without a lost event, nothing is said of any; what older objects were freed is in the figure that is explained.
    let bulk = exact(0, 3_922, 0);
    assert!(
        bulk.contains("(3,922 objects); 78 objects older than the trace were freed, so 4,000 were added."),
        "{bulk}"
    );
    assert!(
        bulk.contains("(43 %): the rest was allocated in bulk, which no tracepoint reports.\n"),
        "{bulk}"
    );
    let near = exact(0, 2_000, 400);
    assert!(
        near.contains("(2,000 objects ± 400)") && near.contains("(82 %), as far as the kernel's own count"),
        "{near}"
    );
    let mut site = answer();
    site.about.subject = poolmon_trace::Subject::CallSite;
    site.ending.growth = Some(Growth { objects: 40_000, bytes: 160_000_000, exact: true, within: 0 });
    let site = written(|out| super::text(out, &site, 5, Asked::Live).unwrap());
    assert!(
        site.contains("The call site changed by +153 MiB") && site.contains("(4 %): the rest is pages"),
        "{site}"
    );
    assert!(
        of(-5).contains("changed by -1.25 KiB (-5 objects, counted in whole slabs).\nOutstanding"),
        "{}",
        of(-5)
    );
}

/// What can be done next depends on where the answer is: nothing is advised that was done, or cannot be done there.
#[test]
fn the_next_step_fits_where_the_answer_is_read() {
    let mut kernel = answer();
    for owner in &mut kernel.owners {
        owner.module = None;
    }
    let next = |asked| {
        let text = written(|out| super::text(out, &kernel, 5, asked).unwrap());
        text.split_once("Next: ").map(|(_, next)| next.trim().to_owned())
    };
    assert!(next(Asked::Live).unwrap().ends_with("poolmon holders --for 40s --sort change"));
    assert!(next(Asked::Saved("x.ptrace")).unwrap().contains("`poolmon trace x.ptrace`"));
    assert_eq!(next(Asked::File("x.ptrace")), None);
}
