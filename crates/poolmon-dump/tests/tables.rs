//! Pool tables, large allocations, modules and searches of synthetic dumps, compared to what was planted, to the unit.

mod common;

use common::{FORMS, layouts, open, planted, reported, same};
use poolmon_dump::{Absent, Dump, Machine, Needle};
use poolmon_model::{Pool, PoolTag, SourceKind};
use poolmon_synth::dump::kernel::NEEDLE;
use poolmon_synth::dump::{Arch, Built, Form, Spec, build};

#[test]
fn every_container_and_layout_gives_the_planted_table() {
    for spec in layouts() {
        let built = build(&spec);
        for form in FORMS {
            let dump = open(&built, form);
            let used = dump.pool_used().unwrap_or_else(|error| panic!("{spec:?} {form:?}: {error}"));
            assert_eq!(used.found.entry_size, spec.entry, "{spec:?} {form:?}");
            assert_eq!(used.found.slots, spec.slots);
            assert_eq!(used.found.tables, 4);
            assert!(used.complete && used.warnings.is_empty(), "{spec:?} {form:?}: {:?}", used.warnings);
            same(&used, &built, &format!("{:?}", built.spec));
            assert_eq!(used.sample.origin.kind, SourceKind::Dump);
            assert_eq!(used.sample.header.memory_total, Some(spec.memory_pages * 4096));
        }
    }
}

#[test]
fn sizes_and_processors_of_every_kind() {
    for (slots, tags, cpus) in
        [(64, 40, 1), (512, 400, 2), (2048, 2040, 7), (4096, 3000, 33), (16_384, 4000, 3), (65_536, 3000, 2)]
    {
        for (arch, number) in [(Arch::Amd64, 9600), (Arch::Amd64, 22_621), (Arch::I386Pae, 19_041)] {
            let spec = Spec { slots, tags, cpus, memory_pages: 0x1_0000, ..Spec::new(arch, number) };
            let built = build(&spec);
            let used = open(&built, Form::BitmapKernel).pool_used().unwrap();
            assert_eq!((used.found.slots, used.found.tables), (slots, cpus as u64), "{spec:?}");
            assert!(used.complete, "{:?}", used.warnings);
            same(&used, &built, &format!("{:?}", built.spec));
        }
    }
}

#[test]
fn the_entry_size_is_found_against_the_build() {
    for (arch, entry, number) in
        [(Arch::Amd64, 0x50, 7601), (Arch::Amd64, 0x28, 26_100), (Arch::I386, 0x1c, 19_041)]
    {
        let spec = Spec { entry, ..Spec::new(arch, number) };
        let built = build(&spec);
        let used = open(&built, Form::BitmapFull).pool_used().unwrap();
        assert_eq!(used.found.entry_size, entry);
        same(&used, &built, &format!("{:?}", built.spec));
    }
}

#[test]
fn only_the_first_table_is_said_loudly() {
    for spec in layouts() {
        let built = build(&Spec { hide_array: true, ..spec });
        let used = open(&built, Form::BitmapKernel).pool_used().unwrap();
        assert!(!used.complete);
        assert_eq!(used.found.tables, 1);
        assert!(used.warnings[0].contains("THESE FIGURES ARE WRONG"), "{:?}", used.warnings);
        assert!(used.warnings[0].contains("4 processors"));
        assert_eq!(used.sample.remarks, used.warnings);
        assert!(reported(&used) != planted(&built));
    }
}

fn one(change: impl FnOnce(&mut Spec)) -> (Built, Dump) {
    let mut spec = Spec::new(Arch::Amd64, 22_621);
    change(&mut spec);
    let built = build(&spec);
    let dump = open(&built, Form::RangesKernel);
    (built, dump)
}

#[test]
fn pages_and_tables_that_are_missing_are_said() {
    let (_, dump) = one(|spec| spec.lose_table_page = true);
    let used = dump.pool_used().unwrap();
    assert!(!used.complete);
    assert_eq!((used.found.tables, used.found.absent_pages), (4, 1));
    assert!(used.warnings[0].contains("1 page of the pool tables"), "{:?}", used.warnings);

    let (built, dump) = one(|spec| spec.lose_first_table = true);
    let used = dump.pool_used().unwrap();
    assert!(!used.complete && reported(&used).len() < planted(&built).len());
    assert!(used.warnings[0].contains("the table of the first processor"), "{:?}", used.warnings);

    let (_, dump) = one(|spec| spec.lose_last_table = true);
    let used = dump.pool_used().unwrap();
    assert!(!used.complete);
    assert_eq!(used.found.tables, 3);
    assert!(used.warnings[0].contains("only 3 tables"), "{:?}", used.warnings);
}

#[test]
fn hot_added_processors_stand_behind_a_gap() {
    let (built, dump) = one(|spec| spec.gap = true);
    let used = dump.pool_used().unwrap();
    assert!(used.complete);
    same(&used, &built, &format!("{:?}", built.spec));
}

#[test]
fn the_overflow_bucket_and_a_full_table_are_said() {
    let (built, dump) = one(|spec| spec.overflow = true);
    let used = dump.pool_used().unwrap();
    assert!(used.complete);
    assert!(used.warnings[0].contains("`Ovfl`"));
    same(&used, &built, &format!("{:?}", built.spec));

    let (built, dump) = one(|spec| {
        spec.slots = 512;
        spec.tags = 512;
        spec.overflow = true;
    });
    let used = dump.pool_used().unwrap();
    assert!(!used.complete);
    assert!(used.warnings.iter().any(|warning| warning.contains("expansion table")), "{:?}", used.warnings);
    same(&used, &built, &format!("{:?}", built.spec));
}

#[test]
fn the_table_is_found_though_the_block_does_not_name_it() {
    let (built, dump) = one(|spec| spec.hide_table = true);
    let used = dump.pool_used().unwrap();
    assert!(used.found.by_search && used.complete);
    same(&used, &built, &format!("{:?}", built.spec));
}

#[test]
fn the_block_is_found_though_the_header_does_not_name_it() {
    for spec in layouts() {
        let built = build(&Spec { hide_block: true, ..spec });
        let dump = open(&built, Form::BitmapKernel);
        same(&dump.pool_used().unwrap(), &built, "");
    }
}

#[test]
fn wrapped_and_negative_counters() {
    let built = build(&Spec::new(Arch::Amd64, 9600));
    let used = open(&built, Form::Full).pool_used().unwrap();
    let wrapped = &built.tags[5];
    let row = used
        .sample
        .rows
        .iter()
        .find(|row| row.tag.as_pool() == Some(PoolTag(wrapped.tag)) && row.pool == Pool::Nonpaged);
    let row = row.unwrap();
    assert_eq!(row.counters.allocs, Some(10), "32-bit counters keep the low half");
    assert_eq!(row.counters.diff(used.sample.width), Some(15));
}

#[test]
fn raw_images_and_elf_cores() {
    for spec in layouts() {
        let built = build(&spec);
        for form in [Form::Raw, Form::Elf, Form::Lime] {
            let dump = open(&built, form);
            let used = dump.pool_used().unwrap_or_else(|error| panic!("{spec:?} {form:?}: {error}"));
            same(&used, &built, &format!("{:?}", built.spec));
            assert!(used.complete);
            let info = dump.info();
            assert_eq!(info.build, Some(spec.build));
            assert_eq!(info.processors, Some(4));
            assert_eq!(info.bugcheck, Some((0xd1, [1, 2, 3, 4])));
        }
    }
}

#[test]
fn modules_of_every_layout() {
    for spec in layouts() {
        let built = build(&spec);
        for form in FORMS {
            let dump = open(&built, form);
            let list = dump.module_list().unwrap();
            assert!(list.warnings.is_empty(), "{:?}", list.warnings);
            let reported: Vec<_> = list
                .modules
                .iter()
                .map(|m| (m.path.to_string(), m.base, m.size, m.checksum, m.timestamp))
                .collect();
            let planted: Vec<_> = built
                .modules
                .iter()
                .map(|m| (m.path.clone(), m.base, m.size, m.checksum, Some(m.timestamp)))
                .collect();
            assert_eq!(reported, planted, "{spec:?} {form:?}");
            let unloaded: Vec<_> =
                dump.unloaded_modules().into_iter().map(|u| (u.name.to_string(), u.start, u.end)).collect();
            let planted: Vec<_> = built.unloaded.iter().map(|u| (u.name.clone(), u.start, u.end)).collect();
            assert_eq!(unloaded, planted);
        }
    }
}

#[test]
fn the_kernels_image_is_described() {
    let built = build(&Spec::new(Arch::Amd64, 19_041));
    let dump = open(&built, Form::BitmapKernel);
    let kernel = dump.module_at(built.kernel + 0x1234).unwrap().unwrap();
    assert_eq!((kernel.name(), kernel.file_name()), ("nt", "ntoskrnl.exe"));
    assert_eq!(kernel.symbol_key().as_deref(), Some("ntoskrnl.exe/0D8333E65c000"));
    let details = dump.module_details(&kernel);
    assert_eq!(details.reproducible, Some(true));
    assert_eq!(details.version.as_deref(), Some("10.0.19041.7"));
    let pdb = details.pdb.unwrap();
    assert_eq!(pdb.symbol_key(), "ntkrnlmp.pdb/95435CEC4AB104C5E86BFBEA4416C4A31");
    let image = dump.module_image(&kernel).unwrap();
    assert_eq!(image.bytes.len(), 0x5c000);
    assert_eq!(image.holes, [(0x43000, 0x18000)]);
    assert_eq!((image.absent.paged_out, image.absent.unmapped), (16, 8));
    assert_eq!(dump.module_at(0x1000).unwrap(), None);
}

#[test]
fn a_circle_of_modules_ends() {
    let (built, dump) = one(|spec| spec.circle = true);
    let list = dump.module_list().unwrap();
    assert_eq!(list.modules.len(), built.modules.len());
    assert!(list.warnings[0].contains("circle"));
}

#[test]
fn searches_find_what_is_planted_and_tell_what_is_absent() {
    for spec in layouts() {
        let built = build(&spec);
        let dump = open(&built, Form::BitmapKernel);
        let mut reported = Vec::new();
        let report = dump.find(&Needle::tag(PoolTag(NEEDLE)), &mut |done, all| {
            reported.push((done, all));
            true
        });
        let report = report.unwrap();
        let hits: Vec<u64> = report.hits.iter().map(|hit| hit.address).collect();
        assert_eq!(hits, built.needles, "{spec:?}");
        assert_eq!(reported.last(), Some(&(built.modules.len(), built.modules.len())));
        let first = &report.hits[0];
        assert_eq!(
            (&*first.module, first.offset, first.section.as_deref()),
            ("leaky", 0x1012, Some(".text"))
        );
        assert!(first.in_code && first.before.ends_with(&[0x41, 0xb8]) && first.bytes.starts_with(&NEEDLE));
        let leaky = report.absent_in.iter().find(|absent| &*absent.module == "leaky").unwrap();
        assert_eq!((leaky.absent.paged_out, leaky.absent.not_in_dump), built.absent_in_leaky);
        let session = report.absent_in.iter().find(|absent| &*absent.module == "win32k").unwrap();
        assert_eq!(session.absent.total(), session.pages);
        assert!(!report.cut);
        let stopped = dump.find(&Needle::tag(PoolTag(NEEDLE)), &mut |_, _| false).unwrap();
        assert!(stopped.cut && stopped.modules == 1);
    }
}

#[test]
fn searches_take_numbers_and_bytes() {
    let (built, dump) = one(|_| {});
    let [a, b, c, d] = NEEDLE;
    let number = format!("0x{:08x}", u32::from_le_bytes(NEEDLE));
    let bytes = format!("{a:02x} {b:02x} {c:02x} {d:02x}");
    // Without the protected form, which is another number.
    let leaky: Vec<u64> =
        built.needles.iter().copied().filter(|&at| at != built.kernel + 0x20_3800).collect();
    for text in [number, bytes] {
        let report = dump.find(&Needle::parse(&text).unwrap(), &mut |_, _| true).unwrap();
        assert_eq!(report.hits.iter().map(|hit| hit.address).collect::<Vec<_>>(), leaky, "{text}");
    }
    for wrong in ["", "0xzz", "too long", "abcde"] {
        assert!(Needle::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn large_allocations_of_every_layout() {
    for spec in layouts() {
        let built = build(&spec);
        let dump = open(&built, Form::BitmapFull);
        let big = dump.big_pool(None).unwrap_or_else(|error| panic!("{spec:?}: {error}"));
        assert_eq!(big.allocations.len(), built.big.len());
        assert!(!big.cut && big.absent.total() == 0);
        for (reported, planted) in big.allocations.iter().zip(&built.big) {
            assert_eq!(
                (reported.address, reported.tag.0, reported.protected, reported.bytes),
                (planted.address, planted.tag, planted.protected, planted.bytes)
            );
            let pool = if planted.paged { Pool::Paged } else { Pool::Nonpaged };
            assert_eq!(reported.pool, (spec.build >= 6000).then_some(pool));
        }
        let one = dump.big_pool(Some(PoolTag(NEEDLE))).unwrap();
        assert_eq!(one.allocations.len(), built.big.iter().filter(|big| big.tag == NEEDLE).count());
    }
}

#[test]
fn every_mapped_page_reads_as_it_was_written() {
    for spec in layouts() {
        let built = build(&spec);
        for form in FORMS {
            let dump = open(&built, form);
            let mut page = vec![0; 4096];
            for (&address, &physical) in &built.mapping.truth {
                match built.memory.pages.get(&(physical >> 12)) {
                    Some(bytes) => {
                        assert_eq!(dump.translate(address).unwrap().physical, physical);
                        dump.read_virtual(address, &mut page).unwrap();
                        assert!(page == *bytes, "{spec:?} {form:?} {address:#x}");
                        dump.read_physical(physical, &mut page).unwrap();
                        assert!(page == *bytes);
                    }
                    None => assert_eq!(dump.read_virtual(address, &mut page), Err(Absent::NotInDump)),
                }
            }
        }
    }
}

#[test]
fn the_header_is_told() {
    let (_, dump) = one(|_| {});
    let info = dump.info();
    assert_eq!(info.system().as_deref(), Some("Windows 11 22H2 or 23H2 (kernel 10.0.22621.7)"));
    assert_eq!(info.machine, Some(Machine::X64));
    assert_eq!(info.kind(), "kernel memory dump written by a debugger");
    assert_eq!(info.processors, Some(4));
    assert_eq!(info.time.unwrap().to_string(), "2021-02-21T01:38:22.9877657Z");
    assert!(info.bugcheck_text().unwrap().contains("DRIVER_IRQL_NOT_LESS_OR_EQUAL"));
    assert!(info.warnings.is_empty(), "{:?}", info.warnings);
    assert_eq!(info.build_text.as_deref(), Some("22621.1.synthetic.1"));
}
