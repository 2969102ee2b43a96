//! Kernels without a plain debugger block, and variables of kernels that differ from build to build.

mod common;

use common::{layouts, open, same};
use poolmon_dump::{Dump, Needle};
use poolmon_model::PoolTag;
use poolmon_synth::dump::kernel::NEEDLE;
use poolmon_synth::dump::{Arch, Built, Form, Spec, build};
use poolmon_testkit::{Need, asked_for, run};

/// Everything that a reader should find, whatever is known of the debugger block.
fn all_is_found(dump: &Dump, built: &Built, what: &str) {
    let planted: Vec<_> = built.modules.iter().map(|m| (m.path.clone(), m.base, Some(m.timestamp))).collect();
    let modules = dump.modules().unwrap_or_else(|error| panic!("{what}: {error}"));
    let found: Vec<_> = modules.into_iter().map(|m| (m.path.to_string(), m.base, m.timestamp)).collect();
    assert_eq!(found, planted, "{what}");
    let report = dump.find(&Needle::tag(PoolTag(NEEDLE)), &mut |_, _| true).unwrap();
    assert_eq!(report.hits.iter().map(|hit| hit.address).collect::<Vec<_>>(), built.needles, "{what}");
    let used = dump.pool_used().unwrap_or_else(|error| panic!("{what}: {error}"));
    same(&used, built, what);
    let big = dump.big_pool(None).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(big.allocations.len(), built.big.len(), "{what}");
    let info = dump.info();
    assert!(info.answers.list().iter().all(|(_, answer)| answer.is_ok()), "{what}: {:?}", info.answers);
}

#[test]
fn an_encoded_block_is_decoded() {
    for spec in layouts().into_iter().filter(|spec| !spec.arch.is_32() && spec.build >= 9200) {
        for seed in 1..4 {
            let built = build(&Spec { encoded: true, seed, ..spec.clone() });
            for form in [Form::Raw, Form::Elf, Form::BitmapKernel] {
                let what = format!("{:?} {form:?}", built.spec);
                let dump = open(&built, form);
                all_is_found(&dump, &built, &what);
                let used = dump.pool_used().unwrap();
                assert!(used.complete && !used.found.by_search, "{what}: {:?}", used.warnings);
                assert_eq!(dump.unloaded_modules().len(), built.unloaded.len(), "{what}");
                let info = dump.info();
                assert_eq!(info.processors, Some(4), "{what}");
                assert_eq!(
                    info.build_text.as_deref(),
                    Some(format!("{}.1.synthetic.{seed}", spec.build).as_str()),
                    "{what}"
                );
                assert!(info.warnings.is_empty(), "{what}: {:?}", info.warnings);
            }
        }
    }
}

#[test]
fn nothing_needs_the_block() {
    for spec in layouts() {
        let built = build(&Spec { no_block: true, ..spec.clone() });
        for form in [Form::Raw, Form::Elf, Form::BitmapKernel] {
            let what = format!("{:?} {form:?}", built.spec);
            let dump = open(&built, form);
            all_is_found(&dump, &built, &what);
            let used = dump.pool_used().unwrap();
            assert!(used.found.by_search, "{what}");
            // Without the block, the number of processors is known from Windows 7 on, and by the registers in a core.
            assert!(used.complete, "{what}: {:?}", used.warnings);
            let info = dump.info();
            assert_eq!(info.memory, Some(spec.memory_pages * 4096), "{what}");
            assert!(info.time.is_some() && info.uptime.is_some(), "{what}");
            if spec.build >= 10_240 {
                assert_eq!(info.build, Some(spec.build), "{what}");
            }
        }
    }
}

#[test]
fn what_is_missing_is_the_page_tables() {
    let built = build(&Spec::new(Arch::Amd64, 26_100));
    let mut lost = built.clone();
    lost.memory.pages.remove(&(built.mapping.root >> 12));
    let dump = open(&lost, Form::BitmapKernel);
    for error in [
        dump.pool_used().unwrap_err().to_string(),
        dump.big_pool(None).unwrap_err().to_string(),
        dump.info().warnings.join("\n"),
    ] {
        assert!(
            error.contains("the page tables, by which everything is found, are not in this dump"),
            "{error}"
        );
    }
}

/// Distances of the number of slots from the pointer, next to each other and apart, and sizes of the table.
#[test]
fn large_allocations_wherever_their_variables_are() {
    let distances = [8, -8, 24, -24, 40, -40, 0x2830, -0x2848, 0x4040, -0x4040, 0x4060];
    for (at, distance) in (1_u64..).zip(distances) {
        for (arch, number) in [(Arch::Amd64, 22_621), (Arch::Amd64, 9600), (Arch::I386Pae, 19_041)] {
            large_allocations(arch, number, distance, 0x1000 << (at % 3), at);
        }
    }
}

fn large_allocations(arch: Arch, number: u32, distance: i64, slots: u64, seed: u64) {
    let spec = Spec {
        big_distance: Some(distance),
        big_slots: slots,
        noise: true,
        seed,
        ..Spec::new(arch, number).tiny()
    };
    let spec = Spec { memory_pages: 0x800, ..spec };
    let built = build(&spec);
    let dump = open(&built, Form::BitmapKernel);
    let big = dump.big_pool(None).unwrap_or_else(|error| panic!("{spec:?}: {error}"));
    let found: Vec<_> = big.allocations.iter().map(|one| (one.address, one.tag.0, one.bytes)).collect();
    let planted: Vec<_> = built.big.iter().map(|one| (one.address, one.tag, one.bytes)).collect();
    assert!(found == planted, "{spec:?}: {} of {}", found.len(), planted.len());
    assert_eq!(big.slots, slots, "{spec:?}");
}

/// The kernels of a public list of symbol offsets; it is fetched, never kept in the project.
#[test]
fn large_allocations_of_every_listed_kernel() {
    if !asked_for(Need::Network) {
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/memprocfs.sh");
    let lines = match run(std::path::Path::new("."), &["sh", script]) {
        Ok(lines) => lines,
        Err(error) => return poolmon_testkit::skip(Need::Network, error),
    };
    let (mut kernels, mut seen) = (0, std::collections::HashSet::new());
    for (seed, line) in (1..).zip(lines.lines()) {
        let mut fields = line.split('\t');
        let mut number = || fields.next()?.parse::<i64>().ok();
        let (Some(pointer), Some(table), Some(size)) = (number(), number(), number()) else {
            panic!("{line}");
        };
        let (arch, build) = if pointer == 4 { (Arch::I386Pae, 15_063) } else { (Arch::Amd64, 19_041) };
        assert_eq!((table % pointer, size % pointer), (0, 0), "{line}");
        // Kernels with the same distance are the same synthetic kernel.
        if seen.insert((pointer, size - table)) {
            large_allocations(arch, build, size - table, 0x1000, seed);
        }
        kernels += 1;
    }
    assert!(kernels > 1800, "{kernels} kernels");
    eprintln!("{kernels} kernels, {} distances", seen.len());
}
