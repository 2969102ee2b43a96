//! `/proc/modules`: `nf_tables 356352 84 nft_ct,nft_compat, Live 0xffffffffc0a3d000 (OE)`.

use super::bytes;
use crate::LoadedModule;

/// The modules that a text names, sorted by name. One that is just going is gone; lines that are no module are left out.
pub fn loaded(text: &[u8]) -> Vec<LoadedModule> {
    let mut found: Vec<_> = bytes::lines(text)
        .filter_map(|line| {
            let line = std::str::from_utf8(line).ok()?;
            let mut words = line.split_ascii_whitespace();
            let (name, size) = (words.next()?, words.next()?.parse().ok()?);
            // Reference count and users are between; without CONFIG_MODULE_UNLOAD they are `-`.
            let state = words.nth(2)?;
            (state != "Unloading").then(|| LoadedModule { name: name.into(), detail: None, size })
        })
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sizes() {
        let text = b"nf_tables 356352 84 nft_ct,nft_compat, Live 0xffffffffc0a3d000 (OE)\n\
            gone 16384 0 - Unloading 0x0000000000000000\n\
            \n\
            xfs not a size\n\
            coming 4096 - - Loading 0x0\n";
        let names: Vec<_> = loaded(text).into_iter().map(|module| (module.name, module.size)).collect();
        assert_eq!(names, [("coming".to_owned(), 4096), ("nf_tables".to_owned(), 356_352)]);
        assert!(loaded(b"").is_empty() && loaded(b"\xff\xfe 1 2 3 Live\n").is_empty());
    }
}
