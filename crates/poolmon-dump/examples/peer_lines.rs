//! Writes synthetic dumps into a folder, and beside each what this reader says of random addresses, for another
//! reader to compare: `tests/volatility3.sh` does. Arguments: folder, addresses for each dump.

use std::fmt::Write as _;
use std::path::Path;

use poolmon_dump::Dump;
use poolmon_synth::dump::{Arch, Dice, Form, Spec, build};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("give a folder")?;
    let count: u64 = arguments.next().ok_or("give a number of addresses")?.parse()?;
    let machines = [(Arch::Amd64, 22_621, "x64"), (Arch::I386, 7601, "x86"), (Arch::I386Pae, 19_041, "pae")];
    for (arch, number, paging) in machines {
        let built = build(&Spec::new(arch, number));
        let mapped: Vec<u64> = built.mapping.truth.keys().copied().collect();
        let present: Vec<u64> = built.memory.pages.keys().copied().collect();
        for form in [Form::Full, Form::BitmapFull] {
            let path = Path::new(&folder).join(format!("{paging}-{form:?}.dmp"));
            built.write(form, &path)?;
            let dump = Dump::open(&path)?;
            let mut dice = Dice::new(3);
            let mut lines = format!("paging {paging} {:x}\n", built.mapping.root);
            for _ in 0..count {
                let page = match dice.below(3) {
                    0 => dice.below(built.spec.memory_pages + 0x100),
                    _ => present[dice.pick(present.len())],
                };
                let address = page << 12 | dice.below(4096 - 8);
                let mut bytes = [0; 8];
                match dump.read_physical(address, &mut bytes) {
                    Ok(()) => writeln!(lines, "p {address:x} {:016x}", u64::from_be_bytes(bytes))?,
                    Err(_) => writeln!(lines, "p {address:x} -")?,
                }
                let address = match dice.below(3) {
                    0 => mapped[dice.pick(mapped.len())].wrapping_add(dice.below(64) << 12),
                    _ => mapped[dice.pick(mapped.len())] | dice.below(4096),
                };
                match dump.translate(address) {
                    Ok(found) => writeln!(lines, "v {address:x} {:x}", found.physical)?,
                    Err(_) => writeln!(lines, "v {address:x} -")?,
                }
            }
            std::fs::write(path.with_extension("lines"), lines)?;
        }
    }
    Ok(())
}
