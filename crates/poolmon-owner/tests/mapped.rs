//! The same driver as a file and as it is in memory: the evidence must not differ.
#![allow(clippy::cast_possible_truncation, reason = "32-bit distances are cut on purpose")]

use std::collections::HashMap;

use poolmon_owner::scan::{DriverImage, Evidence};

const BASE: u64 = 0xffff_f803_1234_0000;

fn driver(name: &str) -> Option<Vec<u8>> {
    let path = poolmon_testkit::shared(&format!("inputs/drivers/{name}"))?;
    Some(std::fs::read(path).unwrap())
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()))
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// Lays a 64-bit file out as the loader does.
fn mapped(file: &[u8]) -> Vec<u8> {
    let pe = u32_at(file, 0x3c);
    let mut image = vec![0; u32_at(file, pe + 0x50)];
    let headers = u32_at(file, pe + 0x54);
    image[..headers].copy_from_slice(&file[..headers]);
    let table = pe + 24 + u16_at(file, pe + 20);
    for row in 0..u16_at(file, pe + 6) {
        let at = table + row * 40;
        let (size, rva) = (u32_at(file, at + 8), u32_at(file, at + 12));
        let (raw_size, raw) = (u32_at(file, at + 16), u32_at(file, at + 20));
        let n = size.min(raw_size);
        image[rva..rva + n].copy_from_slice(&file[raw..raw + n]);
    }
    image
}

fn name_at(image: &[u8], rva: usize) -> String {
    let end = image[rva..].iter().position(|&byte| byte == 0).unwrap();
    String::from_utf8_lossy(&image[rva..rva + end]).into_owned()
}

/// Fills the slots with addresses, as the loader does, and throws the list of imports away; gives what is where.
fn resolve(image: &mut [u8]) -> HashMap<u64, String> {
    let pe = u32_at(image, 0x3c);
    let mut library = u32_at(image, pe + 24 + 112 + 8);
    let mut exports = HashMap::new();
    let mut wiped = Vec::new();
    while u32_at(image, library + 12) != 0 {
        let (lookup, slots) = (u32_at(image, library), u32_at(image, library + 16));
        let mut row = 0;
        while u32_at(image, lookup + row) != 0 {
            let name = name_at(image, u32_at(image, lookup + row) + 2);
            let address = 0xffff_f803_1000_0000 + exports.len() as u64 * 0x40;
            image[slots + row..slots + row + 8].copy_from_slice(&address.to_le_bytes());
            exports.insert(address, name);
            wiped.push(lookup + row);
            row += 8;
        }
        wiped.push(library);
        wiped.push(library + 8);
        wiped.push(library + 16);
        library += 20;
    }
    for at in wiped {
        let n = 8.min(image.len() - at);
        // The third part of a row overlaps the next one's first four bytes, which are gone as well.
        image[at..at + n].fill(0);
    }
    exports
}

/// Turns `call [slot]` into direct calls, as import optimization does; gives how many.
fn call_directly(image: &mut [u8], exports: &HashMap<u64, String>) -> usize {
    let mut count = 0;
    for at in 0x1000..image.len() - 6 {
        if image[at..at + 2] != [0xff, 0x15] {
            continue;
        }
        let end = (at + 6) as u64;
        let slot = end.wrapping_add_signed(i64::from(u32_at(image, at + 2).cast_signed() as i32));
        let Some(slot) = usize::try_from(slot).ok().filter(|slot| slot + 8 <= image.len()) else { continue };
        let address = u64::from_le_bytes(image[slot..slot + 8].try_into().unwrap());
        if exports.contains_key(&address) {
            let distance = address.wrapping_sub(BASE + at as u64 + 5) as u32;
            image[at] = 0xe8;
            image[at + 1..at + 5].copy_from_slice(&distance.to_le_bytes());
            image[at + 5] = 0x90;
            count += 1;
        }
    }
    count
}

/// What must not differ: everything but the place in the file.
fn reported(evidence: &[Evidence]) -> Vec<Evidence> {
    let mut rows: Vec<Evidence> = evidence
        .iter()
        .map(|row| Evidence { offset: u64::from(row.rva.unwrap_or(0)), ..row.clone() })
        .collect();
    rows.sort_by_key(|row| (row.offset, row.kind));
    rows
}

#[test]
fn damaged_images_in_memory_end_in_an_answer() {
    let Some(file) = driver("winpmem_x64.sys") else { return };
    let mut image = mapped(&file);
    let exports = resolve(&mut image);
    let export = |address| exports.get(&address).cloned();
    let mut state = 7_u64;
    let mut dice = |end: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % end
    };
    for round in 0..400 {
        let mut damaged = image.clone();
        for _ in 0..4 {
            // The headers, and absent pages.
            damaged[dice(0x400)] = [0, 1, 0x7f, 0x80, 0xff][dice(5)];
            let page = dice(damaged.len() / 0x1000) * 0x1000;
            if round % 2 == 0 && page > 0 {
                damaged[page..page + 0x1000].fill(0);
            }
        }
        if round % 5 == 0 {
            damaged.truncate(dice(image.len()));
        }
        for base in [BASE, 0, u64::MAX - 0x1000] {
            if let Ok(parsed) = DriverImage::parse_mapped("winpmem_x64.sys", &damaged, base, &export) {
                let evidence = parsed.evidence();
                assert!(evidence.iter().all(|row| row.offset < damaged.len() as u64));
                let _ = parsed.info();
            }
        }
    }
}

#[test]
fn a_driver_in_memory_tells_what_its_file_tells() {
    for name in ["winpmem_x64.sys", "WinDivert-2.2-x64.sys", "systeminformer-amd64.sys"] {
        let Some(file) = driver(name) else { return };
        let expected = reported(&DriverImage::parse(name, &file).unwrap().evidence());
        assert!(expected.len() > 3, "{name}");
        let mut image = mapped(&file);
        let parsed = DriverImage::parse_mapped(name, &image, BASE, &|_| None).unwrap();
        assert_eq!(reported(&parsed.evidence()), expected, "{name}, as it was loaded");
        assert_eq!(parsed.info().pdb, DriverImage::parse(name, &file).unwrap().info().pdb, "{name}");

        let exports = resolve(&mut image);
        let nothing = DriverImage::parse_mapped(name, &image, BASE, &|_| None).unwrap().evidence();
        assert!(nothing.iter().all(|row| row.api.is_none() || row.role.is_none()), "{name}: {nothing:?}");
        let export = |address| exports.get(&address).cloned();
        let parsed = DriverImage::parse_mapped(name, &image, BASE, &export).unwrap();
        assert_eq!(reported(&parsed.evidence()), expected, "{name}, without its list of imports");

        assert!(call_directly(&mut image, &exports) > 10, "{name}");
        let parsed = DriverImage::parse_mapped(name, &image, BASE, &export).unwrap();
        assert_eq!(reported(&parsed.evidence()), expected, "{name}, with direct calls");
    }
}
