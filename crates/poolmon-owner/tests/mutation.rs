//! Damaged images: drivers of each processor, modules and kernels of Linux, plain and packed, with flipped bits, lying lengths, cut or
//! mixed. Each ends in an error or an answer, none in a panic, a hang or much memory.
//!
//! `POOLMON_MUTATIONS=100000` asks for more than the few that run by default, `POOLMON_SEED` for others.

#![allow(missing_docs)]

mod elf;

use std::io::Write as _;
use std::time::{Duration, Instant};

use poolmon_model::PoolTag;
use poolmon_owner::linux::ScannedModule;
use poolmon_owner::scan::DriverImage;
use poolmon_synth::driver::{Processor, direct_x64, image};

const LIMIT: u64 = 4 << 20;
/// An image of a few KiB takes a thousandth of this.
const LONGEST: Duration = Duration::from_secs(10);

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Numbers that look like chance (xorshift64*), the same for the same seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }
}

fn images() -> Vec<Vec<u8>> {
    let imports =
        ["ExAllocatePoolWithTag", "ExFreePoolWithTag", "NdisAllocateNetBufferListPool", "WdfVersionBind"];
    let mut all = Vec::new();
    for delayed in [false, true] {
        let code = direct_x64(b"Test");
        all.push(image(Processor::X64, &code, &imports, delayed, b"FltRegisterFilter"));
        let push = [&[0x68][..], b"Test", &[0x6a, 0x10, 0x6a, 0, 0xff, 0x15, 0, 0x21, 1, 0, 0xc3]].concat();
        all.push(image(Processor::X86, &push, &imports, delayed, &[]));
        let words = [0x1800_0062_u32, 0xb000_0008, 0xf940_8108, 0xd63f_0100, 0xd65f_03c0];
        let arm: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        all.push(image(Processor::Arm64, &arm, &imports, delayed, &[]));
    }
    let plain =
        [elf::x64(), elf::arm64(), elf::kernel(), elf::traced_kernel(), elf::image(false), elf::image(true)];
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&elf::image(true)).unwrap();
    all.push(packer.finish().unwrap());
    // A kernel for EFI, and one in lz4's old format: one block of literals.
    let kernel = elf::kernel();
    let mut block = vec![0xf0];
    block.extend(std::iter::repeat_n(255, (kernel.len() - 15) / 255));
    block.push(u8::try_from((kernel.len() - 15) % 255).unwrap());
    block.extend(&kernel);
    let mut lz4 = vec![0x02, 0x21, 0x4c, 0x18];
    lz4.extend(u32::try_from(block.len()).unwrap().to_le_bytes());
    lz4.extend(block);
    assert!(ScannedModule::parse("vmlinuz", &lz4, LIMIT).is_ok());
    let mut efi = vec![0_u8; 64];
    efi[..8].copy_from_slice(b"MZ\0\0zimg");
    efi[8] = 64;
    efi[12..16].copy_from_slice(&u32::try_from(lz4.len()).unwrap().to_le_bytes());
    efi.extend(&lz4);
    assert!(ScannedModule::parse("vmlinuz", &efi, LIMIT).is_ok());
    all.extend([lz4, efi]);
    all.extend(plain);
    all
}

fn damage(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    match dice.below(8) {
        0 => bytes.truncate(dice.below(bytes.len())),
        1 => {
            // A piece of another image.
            let (from, to) = (dice.below(other.len()), dice.below(bytes.len()));
            let length = dice.below(512).min(other.len() - from).min(bytes.len() - to);
            bytes[to..to + length].copy_from_slice(&other[from..from + length]);
        }
        2 | 3 => {
            for _ in 0..=dice.below(16) {
                let at = dice.below(bytes.len());
                bytes[at] ^= 1 << dice.below(8);
            }
        }
        kind => {
            // Numbers that lengths and places like to lie with; headers are at the start, tables at the end.
            for _ in 0..=dice.below(6) {
                let size = bytes.len();
                let region = if kind < 6 { 0x200.min(size) } else { size };
                let at = if kind == 7 { size - region.min(0x400) } else { 0 } + dice.below(region / 4) * 4;
                let lies =
                    [0, 1, size, size - 1, size * 8, usize::MAX, 0x7fff_ffff, 0xffff_ffff, 1 << 40, 0xfff];
                let value =
                    if dice.below(4) == 0 { dice.next() } else { lies[dice.below(lies.len())] as u64 };
                let end = (at + [2, 4, 8][dice.below(3)]).min(size);
                let at = at.min(end);
                bytes[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
            }
        }
    }
}

#[test]
fn damaged_images_end_in_an_error_or_an_answer() {
    let count = number("POOLMON_MUTATIONS", 4_000);
    let mut dice = Dice(number("POOLMON_SEED", 15).max(1));
    let images = images();
    let (mut read, mut longest) = (0_u64, Duration::ZERO);
    for round in 0..count {
        let which = dice.below(images.len());
        let mut bytes = images[which].clone();
        let other = &images[dice.below(images.len())];
        for _ in 0..=dice.below(2) {
            if !bytes.is_empty() {
                damage(&mut bytes, other, &mut dice);
            }
        }
        let start = Instant::now();
        let outcome = std::panic::catch_unwind(|| {
            let driver = DriverImage::parse("test.sys", &bytes).map(|driver| {
                let info = driver.info();
                let all = driver.evidence();
                let one = driver.evidence_for(PoolTag(*b"Test"));
                all.iter().chain(&one).map(|row| row.explain().len()).sum::<usize>()
                    + info.framework_tags.len()
            });
            let mapped = DriverImage::parse_mapped("test.sys", &bytes, 0xffff_f800_0000_0000, &|_| None);
            let mapped = mapped.map(|driver| driver.evidence().len());
            let module = ScannedModule::parse("test.ko", &bytes, LIMIT);
            let module =
                module.map(|module| module.creations.iter().map(|row| row.explain().len()).sum::<usize>());
            driver.is_ok() || mapped.is_ok() || module.is_ok()
        });
        let Ok(is_read) = outcome else { panic!("round {round}: image {which}") };
        read += u64::from(is_read);
        longest = longest.max(start.elapsed());
        assert!(longest < LONGEST, "round {round}: image {which} took {longest:?}");
    }
    eprintln!("{count} damaged images: {read} answered, the longest took {longest:?}");
    assert!(read > 0 && read < count);
    // Linux reports the most memory that this process ever had.
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak: u64 = peak.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0);
        eprintln!("peak memory: {} MiB", peak >> 10);
        assert!(peak < 256 << 10, "{peak} KiB");
    }
}
