//! Symbols beside the search without them: they confirm it, or win, or are of no use, and each is said.

mod common;

use poolmon_dump::pe::PdbId;
use poolmon_dump::symbols::{PdbFile, SymbolError, Symbols};
use poolmon_model::{Pool, PoolTag};
use poolmon_synth::dump::pdb::GUID;
use poolmon_synth::dump::{Arch, Built, Dice, Form, Spec, build};

/// Symbols as they were planted, some of them changed.
struct Planted(Vec<(&'static str, u32)>);

impl Planted {
    fn of(built: &Built) -> Self {
        Self(built.symbols.clone())
    }

    fn with(mut self, name: &str, change: impl Fn(u32) -> Option<u32>) -> Self {
        self.0.retain_mut(|(own, offset)| {
            let changed = if *own == name { change(*offset) } else { Some(*offset) };
            *offset = changed.unwrap_or(0);
            changed.is_some()
        });
        self
    }
}

impl Symbols for Planted {
    fn name(&self) -> &'static str {
        "ntkrnlmp.pdb"
    }

    fn offset(&self, variable: &str) -> Option<u32> {
        self.0.iter().find(|(name, _)| *name == variable).map(|(_, offset)| *offset)
    }
}

#[test]
fn they_confirm_what_was_found_in_every_layout() {
    for spec in common::layouts() {
        let built = build(&spec.tiny());
        let mut dump = common::open(&built, Form::BitmapKernel);
        dump.use_symbols(&Planted::of(&built));
        let used = dump.pool_used().unwrap();
        let what = format!("{:?} {}", built.spec.arch, built.spec.build);
        common::same(&used, &built, &what);
        assert!(used.complete && used.warnings.is_empty(), "{what}: {:?}", used.warnings);
        assert!(used.notes[0].contains("ntkrnlmp.pdb confirm"), "{what}: {:?}", used.notes);
        let big = dump.big_pool(None).unwrap();
        assert_eq!(big.allocations.len(), built.big.len(), "{what}");
        assert!(big.warnings.is_empty() && big.notes[0].contains("confirm"), "{what}");
    }
}

#[test]
fn the_second_table_is_read_where_they_name_it() {
    for (arch, number) in [(Arch::Amd64, 7601), (Arch::Amd64, 26_100), (Arch::I386Pae, 6002)] {
        let mut spec = Spec::new(arch, number).tiny();
        spec.expansion = true;
        let built = build(&spec);
        let mut dump = common::open(&built, Form::BitmapKernel);
        common::same(&dump.pool_used().unwrap(), &built, "without symbols");
        dump.use_symbols(&Planted::of(&built));
        let rows = common::reported(&dump.pool_used().unwrap());
        let mut expected = common::planted(&built);
        for tag in &built.expansion {
            for (pool, held) in [(Pool::Nonpaged, tag.nonpaged), (Pool::Paged, tag.paged)] {
                if held.allocs > 0 {
                    let figures = (held.allocs, held.frees, held.bytes.cast_unsigned());
                    expected.insert((PoolTag(tag.tag), pool), figures);
                }
            }
        }
        assert!(rows == expected, "{arch:?} {number}");
    }
}

#[test]
fn they_win_where_they_differ() {
    let built = build(&Spec::new(Arch::Amd64, 19_045).tiny());
    let mut dump = common::open(&built, Form::BitmapKernel);
    // A place that starts with the first table, too, and goes on with something else.
    dump.use_symbols(&Planted::of(&built).with("ExPoolTagTables", |_| Some(0x23200)));
    let used = dump.pool_used().unwrap();
    assert!(!used.complete);
    let said = used.warnings.join("\n");
    assert!(said.contains("disagree") && said.contains("processors' tables is at"), "{said}");
    assert!(said.contains("THESE FIGURES ARE WRONG"), "{said}");
    // Where no list begins, they are not believed.
    let mut dump = common::open(&built, Form::BitmapKernel);
    dump.use_symbols(&Planted::of(&built).with("ExPoolTagTables", |_| Some(0x24000)));
    let used = dump.pool_used().unwrap();
    common::same(&used, &built, "searched");
    assert!(used.complete && used.warnings[0].contains("found by searching"), "{:?}", used.warnings);
    // Larger than the table is: the next slots are something else.
    let mut dump = common::open(&built, Form::BitmapKernel);
    dump.use_symbols(&Planted::of(&built).with("PoolBigPageTableSize", |_| Some(0x31200)));
    let big = dump.big_pool(None).unwrap();
    assert!(big.warnings[0].contains("no table of large allocations is at"), "{:?}", big.warnings);
    assert_eq!(big.allocations.len(), built.big.len());
}

#[test]
fn they_find_what_the_debugger_block_does_not_name() {
    let mut spec = Spec::new(Arch::Amd64, 22_621).tiny();
    spec.hide_table = true;
    let built = build(&spec);
    let mut dump = common::open(&built, Form::BitmapKernel);
    assert!(dump.pool_used().unwrap().found.by_search);
    dump.use_symbols(&Planted::of(&built));
    let used = dump.pool_used().unwrap();
    common::same(&used, &built, "by symbols");
    assert!(!used.found.by_search && used.complete && used.warnings.is_empty(), "{:?}", used.warnings);
}

#[test]
fn those_that_lead_nowhere_are_of_no_use() {
    let built = build(&Spec::new(Arch::Amd64, 19_045).tiny());
    let nothing = |_| None;
    for (symbols, expected) in [
        (Planted::of(&built).with("PoolTrackTable", nothing), "do not contain the address of the pool table"),
        (Planted::of(&built).with("PoolTrackTable", |_| Some(0x1000)), "no pool table is at"),
        (Planted::of(&built).with("PoolTrackTable", |_| Some(0x4fff_ffff)), "no pool table is at"),
    ] {
        let mut dump = common::open(&built, Form::BitmapKernel);
        dump.use_symbols(&symbols);
        let used = dump.pool_used().unwrap();
        common::same(&used, &built, expected);
        assert!(used.complete && used.warnings[0].contains(expected), "{:?}", used.warnings);
    }
    // Some of the names alone.
    let symbols = Planted::of(&built).with("PoolTrackTableSize", nothing).with("ExPoolTagTables", nothing);
    let mut dump = common::open(&built, Form::BitmapKernel);
    dump.use_symbols(&symbols);
    let used = dump.pool_used().unwrap();
    common::same(&used, &built, "the table's place alone");
    assert!(used.complete && used.warnings.is_empty(), "{:?}", used.warnings);
}

#[test]
fn a_symbol_file_gives_the_offsets() {
    let folder = tempfile::tempdir().unwrap();
    for arch in [Arch::Amd64, Arch::I386] {
        let built = build(&Spec::new(arch, 7601).tiny());
        let mut dump = common::open(&built, Form::BitmapKernel);
        let wanted = dump.kernel_pdb().unwrap();
        let path = folder.path().join(&wanted.name);
        std::fs::write(&path, built.pdb(GUID)).unwrap();
        let file = PdbFile::open(&path, &wanted).unwrap();
        for (name, offset) in &built.symbols {
            assert_eq!(file.offset(name), Some(*offset), "{name}");
        }
        assert_eq!(file.name(), "ntkrnlmp.pdb");
        dump.use_symbols(&file);
        let used = dump.pool_used().unwrap();
        common::same(&used, &built, "by a symbol file");
        assert!(used.notes[0].contains("confirm") && used.warnings.is_empty(), "{:?}", used.warnings);
    }
}

#[test]
fn damaged_symbol_files_are_refused_or_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ntkrnlmp.pdb");
    let built = build(&Spec::new(Arch::Amd64, 19_045).tiny());
    let wanted = common::open(&built, Form::BitmapKernel).kernel_pdb().unwrap();
    let whole = built.pdb(GUID);
    let mut dice = Dice::new(9);
    for round in 0..2000 {
        let mut bytes = whole.clone();
        if round % 4 == 0 {
            bytes.truncate(dice.pick(bytes.len()));
        } else {
            // Header, directory and the stream that leads to the others are where a lie would hurt.
            for _ in 0..=dice.pick(3) {
                let page = [0, 1, 4, 5, 6, 7, 8][dice.pick(7)].min(bytes.len() / 0x1000 - 1);
                let at = page * 0x1000 + dice.pick(128);
                bytes[at] = [0, 1, 0x7f, 0x80, 0xff][dice.pick(5)];
            }
        }
        std::fs::write(&path, &bytes).unwrap();
        let mut dump = common::open(&built, Form::BitmapKernel);
        if let Ok(file) = PdbFile::open(&path, &wanted) {
            dump.use_symbols(&file);
            assert!(!dump.pool_used().unwrap().sample.rows.is_empty());
        }
    }
}

#[test]
fn a_real_symbol_file_is_told_by_its_key() {
    let Some(path) = poolmon_testkit::shared("inputs/drivers/systeminformer-amd64.pdb") else { return };
    let image = std::fs::read(path.with_extension("sys")).unwrap();
    let at = image.windows(4).position(|four| four == b"RSDS").unwrap();
    let (a, b, c) = (
        u32::from_le_bytes(image[at + 4..at + 8].try_into().unwrap()),
        u16::from_le_bytes(image[at + 8..at + 10].try_into().unwrap()),
        u16::from_le_bytes(image[at + 10..at + 12].try_into().unwrap()),
    );
    let rest: Vec<String> = image[at + 12..at + 20].iter().map(|byte| format!("{byte:02X}")).collect();
    let rest = rest.concat();
    let age = image[at + 20];
    let wanted =
        PdbId { name: "SystemInformer.pdb".into(), key: format!("{a:08X}{b:04X}{c:04X}{rest}{age:x}") };
    let symbols = PdbFile::with(&path, &wanted, &["DriverEntry", "NoSuchName"]).unwrap();
    // The image's own entry point is a public symbol, or called right behind one.
    let offset = symbols.offset("DriverEntry").unwrap();
    let pe = u32::from_le_bytes(image[0x3c..0x40].try_into().unwrap()) as usize;
    let size = u32::from_le_bytes(image[pe + 0x50..pe + 0x54].try_into().unwrap());
    assert!(offset >= 0x1000 && offset < size, "{offset:#x}");
    assert_eq!(symbols.offset("NoSuchName"), None);

    let other = PdbId { key: wanted.key.replace('1', "2"), ..wanted.clone() };
    let error = PdbFile::open(&path, &other).unwrap_err();
    assert!(matches!(error, SymbolError::Other { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&wanted.key) && text.contains(&other.key), "{text}");
    let error = PdbFile::open(&path.with_extension("sys"), &wanted).unwrap_err();
    assert!(error.to_string().contains("systeminformer-amd64.sys"), "{error}");
}
