//! Real traces: every figure was found by an independent reader first.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Cursor, Read as _, Seek};
use std::path::Path;

use poolmon_etl::{Counts, Etl, HeaderKind, Hook, Identity, Images, Record};
use poolmon_testkit::shared;

/// The only file of a zip archive.
fn unzipped(path: &Path) -> Vec<u8> {
    let zip = std::fs::read(path).unwrap();
    let end = zip.windows(4).rposition(|four| four == b"PK\x05\x06").unwrap();
    let word = |at: usize| u32::from_le_bytes(zip[at..at + 4].try_into().unwrap()) as usize;
    let half = |at: usize| usize::from(u16::from_le_bytes(zip[at..at + 2].try_into().unwrap()));
    let directory = word(end + 16);
    let (size, local) = (word(directory + 24), word(directory + 42));
    let data = local + 30 + half(local + 26) + half(local + 28);
    let mut bytes = Vec::with_capacity(size);
    flate2::read::DeflateDecoder::new(&zip[data..]).read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len(), size);
    bytes
}

/// Images at the beginning and the end of a trace, and unloaded ones.
fn image_events(counts: &Counts) -> u64 {
    counts.of(Hook::IMAGE_AT_START) + counts.of(Hook::IMAGE_AT_END) + counts.of(Hook::IMAGE_UNLOAD)
}

fn is_no_stack_walk(record: &Record<'_>) -> bool {
    !matches!(record.identity, Identity::Kernel(hook) if hook.group() == Hook::STACK_GROUP)
}

/// Distinct stacks, frames of the kernel in them, and how many of those are in an image.
fn frames<'a>(
    stacks: impl Iterator<Item = &'a std::sync::Arc<[u64]>>,
    images: &Images,
    time: u64,
) -> (usize, usize, usize) {
    let stacks: HashSet<_> = stacks.collect();
    let all: Vec<u64> = stacks.iter().flat_map(|stack| stack.iter().copied()).collect();
    let known = all.iter().filter(|address| images.frame(**address, time).image.is_some()).count();
    (stacks.len(), all.len(), known)
}

#[test]
fn a_compressed_trace_of_windows_8() {
    let Some(zip) = shared("inputs/etl/net.4.5.2.x64.etl.zip") else { return };
    let mut etl = Etl::open(Cursor::new(unzipped(&zip))).unwrap();

    let session = etl.session();
    assert_eq!((session.build, session.cpus, session.pointer_bytes), (9_200, 8, 8));
    assert_eq!((session.events_lost, session.buffers_lost, session.buffers_written), (0, 0, 360));
    assert_eq!((session.name.as_str(), session.clock.frequency), ("Relogger", 10_000_000));
    assert_eq!(
        session.clock.timestamp(session.clock.first).unwrap().to_string(),
        "2020-07-29T00:07:00.6236167Z"
    );

    let counts = etl.counts();
    assert_eq!((counts.buffers, counts.compressed, counts.damages), (360, 359, 0));
    assert_eq!(counts.of(Hook(0x0F2E)), 79_528, "samples of the profiler");
    assert_eq!((image_events(counts), counts.of(Hook::IMAGE_LOAD)), (3_561, 35));
    assert_eq!(counts.of(Hook::STACK_KERNEL_KEY), 2_061);
    assert_eq!(counts.of(Hook::STACK_USER_KEY), 7_046);
    assert_eq!(counts.of(Hook::STACK), 252);
    assert_eq!(counts.pool_events(), 0);
    assert_eq!(counts.headers[&HeaderKind::Event], 68_143);
    let (first, last) = counts.times.unwrap();
    assert_eq!((last - first) / 1_000_000, 125, "tenths of a second");

    assert_eq!(etl.images().kernel().count(), 141);
    let names: Vec<_> = etl.images().kernel().map(poolmon_etl::Image::name).collect();
    assert!(["ntoskrnl.exe", "hal.dll", "kd.dll"].iter().all(|name| names.contains(name)), "{names:?}");
    let nt = etl.images().kernel().find(|image| image.name() == "ntoskrnl.exe").unwrap();
    assert_eq!((nt.base, nt.size, nt.process), (0xFFFF_F800_2148_9000, 0x74_8000, 0));
    let version = etl.images().version(nt).unwrap();
    assert_eq!(
        (version.version.as_str(), version.company.as_str()),
        ("6.2.9200.16384", "Microsoft Corporation")
    );
    assert_eq!(version.description, "NT Kernel & System");
    let with_version = etl.images().kernel().filter(|image| etl.images().version(image).is_some()).count();
    assert_eq!(with_version, 137);
    let system = etl.processes().at(4, first).unwrap();
    assert_eq!((system.name.as_str(), system.parent, system.session), ("System", 0, None));
    let smss = etl.processes().at(0x1C8, first).unwrap();
    assert_eq!((smss.name.as_str(), smss.parent), ("smss.exe", 4));
    assert_eq!(smss.command_line, r"\SystemRoot\System32\smss.exe");

    // Every stack finds its event.
    let mut events = etl.events(|record| is_no_stack_walk(record).then_some(()));
    let all: Vec<_> = events.by_ref().map(Result::unwrap).collect();
    let stacks = events.stack_counts();
    assert_eq!((stacks.stacks, stacks.joined, stacks.undefined), (9_359, 9_359, 0));
    assert_eq!((stacks.same_cpu, stacks.ambiguous, stacks.hurried), (9_028, 132, 0));
    assert!(all.is_sorted_by_key(|event| event.time));
    let (distinct, frames, known) =
        frames(all.iter().filter_map(|event| event.kernel_stack.as_ref()), etl.images(), last);
    assert!(distinct > 500, "{distinct}");
    // The rest is in drivers of sessions that were unloaded.
    assert!(known * 1_000 >= frames * 999, "{known} of {frames} frames");
}

/// The frames of definitions and of inline stacks, as the independent reader counted them.
#[test]
fn the_kernel_frames_of_a_real_trace_are_in_its_drivers() {
    let Some(zip) = shared("inputs/etl/net.4.5.2.x64.etl.zip") else { return };
    let bytes = unzipped(&zip);
    let etl = Etl::open(Cursor::new(&bytes)).unwrap();
    let last = etl.counts().times.unwrap().1;
    let mut buffers = poolmon_etl::Buffers::new(Cursor::new(&bytes)).unwrap();
    let (mut all, mut known, mut keys, mut inline) = (0, 0, HashSet::new(), 0);
    let mut defined = std::collections::HashMap::new();
    while let Some(buffer) = buffers.next_buffer().unwrap() {
        for record in buffer.records().map(Result::unwrap) {
            let word = |at: usize| u64::from_le_bytes(record.body[at..at + 8].try_into().unwrap());
            match record.hook() {
                Some(Hook::STACK_KEY_DELETED | Hook::STACK_KEY_AT_END) => {
                    let frames: Vec<u64> = (8..record.body.len()).step_by(8).map(word).collect();
                    defined.insert(word(0), frames);
                }
                Some(Hook::STACK_KERNEL_KEY) => drop(keys.insert(word(16))),
                Some(Hook::STACK) => {
                    inline += 1;
                    for address in (16..record.body.len()).step_by(8).map(word) {
                        all += usize::from(poolmon_etl::stack::is_kernel(address));
                        known += usize::from(etl.images().frame(address, last).image.is_some());
                    }
                }
                _ => {}
            }
        }
    }
    for address in defined.values().flatten().copied() {
        all += usize::from(poolmon_etl::stack::is_kernel(address));
        known += usize::from(etl.images().frame(address, last).image.is_some());
    }
    assert_eq!(
        (keys.len(), keys.iter().filter(|key| defined.contains_key(key)).count(), inline),
        (396, 396, 252)
    );
    assert_eq!((all, known), (3_645, 3_601));
}

fn opened(name: &str) -> Option<Etl<File>> {
    Some(Etl::open(File::open(shared(name)?).unwrap()).unwrap())
}

fn stacks_of<R: std::io::Read + Seek>(etl: &mut Etl<R>) -> (usize, u64) {
    let mut events = etl.events(|record| is_no_stack_walk(record).then_some(()));
    let count = events.by_ref().map(Result::unwrap).count();
    (count, events.stack_counts().stacks)
}

#[test]
fn a_trace_of_windows_10_that_is_not_compressed() {
    let Some(mut etl) = opened("inputs/etl/ShutdownPerfDiagLogger.etl") else { return };
    let counts = etl.counts();
    assert_eq!((counts.buffers, counts.compressed, counts.damages), (49, 0, 0));
    assert_eq!(image_events(counts), 13_681);
    assert_eq!((etl.session().build, etl.session().cpus), (18_362, 2));
    assert_eq!(etl.images().kernel().count(), 196);
    let smss = etl.processes().all().find(|process| process.name == "smss.exe").unwrap();
    assert_eq!((smss.id, smss.parent), (0x15C, 4));
    let records = usize::try_from(counts.records).unwrap();
    assert_eq!(stacks_of(&mut etl), (records, 0));
}

#[test]
fn traces_without_anything_of_the_kernel_are_valid() {
    let Some(mut etl) = opened("inputs/etl/lxcore_kernel.etl") else { return };
    assert_eq!((etl.counts().buffers, etl.counts().records, etl.counts().damages), (3, 4, 0));
    assert_eq!(etl.images().all().len() + etl.processes().all().count(), 0);
    assert_eq!(stacks_of(&mut etl), (4, 0));
    let Some(zip) = shared("inputs/etl/primitive-types.etl.zip") else { return };
    let etl = Etl::open(Cursor::new(unzipped(&zip))).unwrap();
    assert_eq!((etl.counts().records, etl.counts().damages), (7, 0));
    // What TraceLogging adds to the header is no part of the event's bytes.
    let mut buffers = poolmon_etl::Buffers::new(Cursor::new(unzipped(&zip))).unwrap();
    let mut bodies = Vec::new();
    while let Some(buffer) = buffers.next_buffer().unwrap() {
        let records =
            buffer.records().map(Result::unwrap).filter(|record| record.header == HeaderKind::Event);
        bodies.extend(records.map(|record| record.body.len()));
    }
    assert_eq!(bodies.len(), 5);
    assert!(bodies.iter().all(|length| *length < 100), "{bodies:?}");
}
