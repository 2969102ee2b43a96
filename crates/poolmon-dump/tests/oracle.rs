//! The same synthetic files read by kdmp-parser, which shares nothing with this reader: the same physical pages,
//! the same translations, the same modules.

mod common;

use kdmp_parser::gxa::{Gpa, Gva, Gxa as _};
use kdmp_parser::parse::KernelDumpParser;
use kdmp_parser::{phys, virt};
use poolmon_dump::{Absent, Dump};
use poolmon_synth::dump::{Arch, Dice, Form, Spec, build};

/// Random addresses for each of the six files: 100,008 in all.
const ADDRESSES: u64 = 16_668;

#[test]
fn kdmp_parser_sees_the_same_memory() {
    let folder = tempfile::tempdir().unwrap();
    let forms = [
        Form::Full,
        Form::BitmapFull,
        Form::BitmapKernel,
        Form::RangesKernel,
        Form::RangesKernelUser,
        Form::RangesFull,
    ];
    let built = build(&Spec::new(Arch::Amd64, 22_621));
    let mapped: Vec<u64> = built.mapping.truth.keys().copied().collect();
    let present: Vec<u64> = built.memory.pages.keys().copied().collect();
    for form in forms {
        let path = folder.path().join(format!("{form:?}.dmp"));
        built.write(form, &path).unwrap();
        let ours = Dump::open(&path).unwrap();
        let theirs = KernelDumpParser::new(&path).unwrap_or_else(|error| panic!("{form:?}: {error}"));

        let mut pages = 0;
        ours.each_physical_range(|_, bytes| {
            pages += bytes / 4096;
            true
        });
        assert_eq!(pages, theirs.physmem().len() as u64, "{form:?}");
        let modules: Vec<_> =
            ours.modules().unwrap().iter().map(|module| (module.base, module.end())).collect();
        let mut sorted = modules.clone();
        sorted.sort_unstable();
        let mut other: Vec<_> =
            theirs.kernel_modules().map(|(range, _)| (range.start.u64(), range.end.u64())).collect();
        other.sort_unstable();
        assert_eq!(sorted, other, "{form:?}");

        let (physical, virtual_) = (phys::Reader::new(&theirs), virt::Reader::new(&theirs));
        let mut dice = Dice::new(0x0dd5);
        let (mut ok, mut absent) = (0, 0);
        for _ in 0..ADDRESSES {
            // Physical: half of them pages that were written, half anywhere.
            let page = match dice.below(2) {
                0 => present[dice.pick(present.len())],
                _ => dice.below(built.spec.memory_pages + 0x100),
            };
            let address = page << 12 | dice.below(4096 - 8);
            let (mut a, mut b) = ([0; 8], [0; 8]);
            let mine = ours.read_physical(address, &mut a);
            let his = physical.read_exact(Gpa::new(address), &mut b);
            assert_eq!(mine.is_ok(), his.is_ok(), "{form:?} {address:#x}");
            assert_eq!(a, b, "{form:?} {address:#x}");

            // Virtual: mapped pages, their neighbours, anywhere in the kernel's half.
            let address = match dice.below(4) {
                0 => 0xffff_8000_0000_0000 | dice.next() >> 17,
                1 => mapped[dice.pick(mapped.len())].wrapping_add(dice.below(64) << 12),
                _ => mapped[dice.pick(mapped.len())] | dice.below(4096),
            };
            let mine = ours.translate(address);
            let his = virtual_.translate(Gva::new(address));
            match (mine, his) {
                // A page on its way out: read here as WinDbg reads it, refused there.
                (Ok(mine), Err(_)) => assert!(mine.transition, "{form:?} {address:#x} {mine:?}"),
                (Ok(mine), Ok(his)) => {
                    assert_eq!(mine.physical, his.gpa().u64(), "{form:?} {address:#x}");
                    ok += 1;
                }
                (Err(why), his) => {
                    assert!(his.is_err(), "{form:?} {address:#x}");
                    assert_ne!(why, Absent::NotInDump);
                    absent += 1;
                }
            }
        }
        assert!(ok > ADDRESSES / 3 && absent > ADDRESSES / 10, "{form:?}: {ok} and {absent}");
    }
}
