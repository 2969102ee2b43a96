//! Synthetic traces with a planted leak, in every form, to the unit.

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;

use poolmon_etl::{Etl, Event, Hook, Images, PoolAction, PoolRecord, is_etl, xpress};
use poolmon_model::{Pool, PoolTag};
use poolmon_synth::etl::{Arch, Header, Site, Spec, Stacks, build, pack};
use proptest::prelude::*;

fn every_form() -> Vec<Spec> {
    let mut forms = Vec::new();
    for arch in [Arch::X86, Arch::X64] {
        for header in Header::ALL {
            for stacks in [Stacks::None, Stacks::Inline, Stacks::Keys, Stacks::Items] {
                for compressed in [false, true] {
                    if stacks != Stacks::Items || header == Header::Event {
                        forms.push(Spec { arch, header, stacks, compressed, ..Spec::default() });
                    }
                }
            }
        }
    }
    forms
}

fn frames_of(site: &Site) -> Vec<String> {
    site.stack.iter().map(|place| format!("{}+{:#x}", place.driver(), place.offset)).collect()
}

fn named(event: &Event<PoolRecord>, images: &Images) -> Vec<String> {
    let frames = event.kernel_stack.iter().flat_map(|frames| frames.iter());
    frames.map(|frame| images.frame(*frame, event.time).to_string()).collect()
}

/// Allocations, frees that pair with them, objects that are left, bytes of them; per stack and tag. An address that is
/// handed out again was freed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    allocations: u64,
    frees: u64,
    kept: u64,
    kept_bytes: u64,
}

fn by_stack(etl: &mut Etl<Cursor<Vec<u8>>>) -> HashMap<(PoolTag, Vec<String>), Found> {
    let images = etl.images().clone();
    let mut found: HashMap<_, Found> = HashMap::new();
    let mut held = BTreeMap::new();
    for event in etl.pool_events() {
        let event = event.unwrap();
        match event.value.action {
            PoolAction::Allocate => {
                let key = (event.value.tag, named(&event, &images));
                found.entry(key.clone()).or_default().allocations += 1;
                held.insert(event.value.address, (key, event.value.bytes));
            }
            PoolAction::Free => {
                if let Some((key, _)) = held.remove(&event.value.address) {
                    found.get_mut(&key).unwrap().frees += 1;
                }
            }
        }
    }
    for (key, bytes) in held.into_values() {
        let found = found.get_mut(&key).unwrap();
        found.kept += 1;
        found.kept_bytes += bytes;
    }
    found
}

#[test]
fn the_planted_leak_is_found_to_the_unit_in_every_form() {
    let forms = every_form();
    assert_eq!(forms.len(), 76);
    for spec in forms {
        let (bytes, truth) = build(&spec);
        assert!(is_etl(&bytes[..80]), "{spec:?}");
        let mut etl = Etl::open(Cursor::new(bytes)).unwrap();
        let counts = etl.counts();
        assert_eq!(counts.damage, [], "{spec:?}");
        assert_eq!(counts.pool_events(), truth.allocations() + truth.frees(), "{spec:?}");
        assert_eq!(counts.other_pool_events(), truth.other_events, "{spec:?}");
        assert_eq!((counts.short_pool_events, counts.refused), (0, 0), "{spec:?}");
        assert_eq!(etl.images().kernel().count(), 4, "{spec:?}");

        if spec.stacks == Stacks::None {
            let all = etl.pool_events().map(Result::unwrap);
            assert!(all.filter(|event| event.kernel_stack.is_some()).count() == 0, "{spec:?}");
            continue;
        }
        let found = by_stack(&mut etl);
        assert_eq!(found.len(), truth.sites.len(), "{spec:?}");
        for site in &truth.sites {
            let key = (PoolTag(site.tag), frames_of(site));
            // The address of a hidden free stays held until it is handed out again.
            let hidden = u64::from(site.name == "hides");
            let expected = Found {
                allocations: site.allocations,
                frees: site.frees,
                kept: site.kept + hidden,
                kept_bytes: site.kept_bytes + 64 * hidden,
            };
            assert_eq!(found.get(&key), Some(&expected), "{} of {spec:?}", site.name);
        }
        assert_eq!(truth.leak().kept, 400);
    }
}

#[test]
fn events_have_their_process_pool_and_time() {
    for spec in every_form() {
        let (bytes, truth) = build(&spec);
        let mut etl = Etl::open(Cursor::new(bytes)).unwrap();
        let clock = *etl.clock();
        let events: Vec<_> = etl.pool_events().map(Result::unwrap).collect();
        assert!(events.is_sorted_by_key(|event| event.time), "{spec:?}");
        let cpus: std::collections::BTreeSet<_> = events.iter().map(|event| event.cpu).collect();
        assert_eq!(cpus.len(), 4, "{spec:?}");
        let leaks =
            events.iter().filter(|event| event.value.tag == PoolTag(*b"Leak") && event.value.bytes == 336);
        let leaks: Vec<_> = leaks.filter(|event| event.value.action == PoolAction::Allocate).collect();
        assert_eq!(leaks.len() as u64, truth.leak().allocations, "{spec:?}");
        let has_process =
            !matches!(spec.stacks, Stacks::None | Stacks::Items) || spec.header != Header::Perfinfo;
        for leak in leaks {
            assert_eq!((leak.value.pool, leak.value.session, leak.value.big), (Pool::Nonpaged, false, false));
            assert_eq!(leak.process, has_process.then_some(1_234), "{spec:?}");
            assert!(poolmon_etl::stack::is_kernel(leak.value.address), "{spec:?}");
        }
        let process = etl.processes().at(1_234, clock.first).unwrap();
        assert_eq!((process.name.as_str(), process.session), ("caller.exe", Some(1)));
        assert_eq!(process.command_line, "caller.exe /loop");
        let of_session = events.iter().filter(|event| event.value.tag == PoolTag(*b"Usti"));
        let mut of_session = of_session.map(|event| (event.value.session, event.value.big, event.value.pool));
        assert!(of_session.all(|found| found == (true, true, Pool::Paged)), "{spec:?}");
        // 400 rounds of 10 ms and a little.
        let last = clock.nanoseconds(events.last().unwrap().time);
        assert!((4_000_000_000..4_200_000_000).contains(&last), "{spec:?}: {last} ns");
        let start = clock.timestamp(clock.first).unwrap().to_string();
        assert_eq!(start, "2026-11-23T10:00:00Z", "{spec:?}");
    }
}

#[test]
fn stacks_come_from_the_events_own_processor() {
    for stacks in [Stacks::Inline, Stacks::Keys] {
        let (bytes, truth) = build(&Spec { stacks, cpus: 7, buffer_bytes: 1_024, ..Spec::default() });
        let mut etl = Etl::open(Cursor::new(bytes)).unwrap();
        let mut events = etl.pool_events();
        let user = events.by_ref().map(Result::unwrap).filter(|event| event.user_stack.is_some()).count();
        let counts = events.stack_counts();
        let with_stack = truth.allocations() + truth.frees() - truth.older_frees;
        assert_eq!((counts.stacks, counts.joined, counts.same_cpu), (with_stack, with_stack, with_stack));
        assert_eq!((counts.undefined, counts.hurried), (0, 0));
        assert_eq!(user as u64, if stacks == Stacks::Inline { with_stack } else { 0 });
    }
}

#[test]
fn a_circular_file_is_read_in_the_order_of_time() {
    let spec = Spec { stacks: Stacks::Keys, cpus: 2, ..Spec::default() };
    let (bytes, _) = build(&spec);
    let (header, rest) = bytes.split_at(spec.buffer_bytes);
    let buffers: Vec<&[u8]> = rest.chunks(spec.buffer_bytes).collect();
    let (old, new) = buffers.split_at(buffers.len() / 3);
    let turned = [header, &new.concat(), &old.concat()].concat();
    let events = |bytes: Vec<u8>| {
        let mut etl = Etl::open(Cursor::new(bytes)).unwrap();
        etl.pool_events().map(Result::unwrap).collect::<Vec<_>>()
    };
    assert_eq!(events(turned), events(bytes));
}

#[test]
fn a_trace_says_what_it_lost() {
    let (mut bytes, _) = build(&Spec { events_lost: 77, ..Spec::default() });
    // The mark of a lost buffer, in the flags of the second one.
    bytes[8_192 + 52] |= 4;
    let etl = Etl::open(Cursor::new(bytes)).unwrap();
    assert_eq!((etl.session().events_lost, etl.counts().lost_marks), (77, 1));
}

#[test]
fn pool_events_longer_than_known_are_read_and_shorter_ones_counted() {
    let (bytes, truth) = build(&Spec { header: Header::System, stacks: Stacks::None, ..Spec::default() });
    let with_length = |change: i8| {
        let mut bytes = bytes.clone();
        let mut changed = 0_u64;
        for at in (0..bytes.len() - 8).step_by(8) {
            if bytes[at + 2..at + 8] == [2, 0xC0, 56, 0, 0x20, 0x0E] {
                bytes[at + 4] = 56_u8.checked_add_signed(change).unwrap();
                changed += 1;
            }
        }
        assert_eq!(
            changed,
            truth.sites.iter().filter(|site| site.name != "session").map(|s| s.allocations).sum::<u64>()
        );
        let mut etl = Etl::open(Cursor::new(bytes)).unwrap();
        let read = etl.pool_events().count() as u64;
        (etl.counts().short_pool_events, read)
    };
    let all = truth.allocations() + truth.frees();
    assert_eq!(with_length(0), (0, all));
    // Seven bytes of padding would be part of the event, and are not needed; one byte less is missed.
    let (short, read) = with_length(-1);
    assert!(short > 2_000 && short + read == all, "{short} + {read} of {all}");
    assert_eq!(etl_hooks(&bytes), truth.allocations() + truth.frees());
}

fn etl_hooks(bytes: &[u8]) -> u64 {
    let etl = Etl::open(Cursor::new(bytes)).unwrap();
    let counts = etl.counts();
    [Hook::POOL_ALLOCATE, Hook::POOL_ALLOCATE_SESSION, Hook::POOL_FREE, Hook::POOL_FREE_SESSION]
        .map(|hook| counts.of(hook))
        .iter()
        .sum()
}

proptest! {
    #[test]
    fn what_is_packed_unpacks(parts in prop::collection::vec((any::<u8>(), 1_usize..90_000, any::<bool>()), 0..6)) {
        // Runs, and stretches that repeat little.
        let mut bytes = Vec::new();
        for (byte, length, run) in parts {
            let little = |n: usize| n.wrapping_mul(usize::from(byte) | 1).to_le_bytes()[1];
            let next = |n: usize| if run { byte } else { little(n) };
            bytes.extend((0..length).map(next));
        }
        let mut out = Vec::new();
        xpress::unpack(&pack(&bytes), bytes.len(), &mut out).unwrap();
        prop_assert_eq!(out, bytes);
    }
}
