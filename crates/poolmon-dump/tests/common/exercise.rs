//! Asks a dump everything that a person can ask, for the tests and fuzz targets that feed it rubbish.

use poolmon_dump::symbols::Symbols;
use poolmon_dump::{Dump, Needle};

/// Answers, or the first error of opening. Must neither panic nor hang nor take much memory, whatever the bytes are.
pub fn exercise(bytes: Vec<u8>) -> Option<poolmon_dump::PoolUsed> {
    let dump = Dump::from_bytes("rubbish", bytes).ok()?;
    let info = dump.info();
    let _ = (info.system(), info.kind(), info.bugcheck_text(), info.answers.list());
    if let Ok(list) = dump.module_list() {
        for module in list.modules.iter().take(8) {
            let _ = (module.name(), module.symbol_key(), dump.module_details(module));
        }
        if let Some(module) = list.modules.iter().find(|module| module.size < 1 << 20) {
            let _ = dump.module_image(module);
        }
    }
    if let Ok(modules) = dump.modules() {
        let exports = dump.exports(&modules);
        for module in modules.iter().take(3) {
            let _ = exports.at(module.base.wrapping_add(0x1100));
        }
    }
    let _ = dump.unloaded_modules();
    if let Ok(needle) = Needle::parse("Zq7x") {
        let _ = dump.find(&needle, &mut |done, _| done < 64);
    }
    let _ = dump.big_pool(None);
    let mut bytes = [0; 64];
    for address in [0, 0xffff_f803_4a00_0ff0, 0xffff_ffff_ffff_fff0, 0x8260_0000] {
        let _ = dump.read_virtual(address, &mut bytes);
        let _ = dump.read_physical(address, &mut bytes);
    }
    let used = dump.pool_used().ok();
    // Symbols that are right for the synthetic kernel, and lead anywhere in what was damaged.
    let mut dump = dump;
    dump.use_symbols(&Sound);
    let _ = (dump.kernel_pdb(), dump.big_pool(None), dump.pool_used());
    used
}

/// Where the synthetic kernel has its variables.
struct Sound;

impl Symbols for Sound {
    fn name(&self) -> &'static str {
        "sound"
    }

    fn offset(&self, variable: &str) -> Option<u32> {
        Some(match variable {
            "PoolTrackTable" => 0x298a8,
            "PoolTrackTableSize" => 0x31200,
            "PoolTrackTableExpansion" => 0x31210,
            "PoolTrackTableExpansionSize" => 0x31220,
            "ExPoolTagTables" => 0x33380,
            "PoolBigPageTable" => 0x29868,
            "PoolBigPageTableSize" => 0x29870,
            _ => return None,
        })
    }
}
