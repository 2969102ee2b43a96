//! Sections of code that are packed or encrypted: read as code, they are noise.
//!
//! Two things have to hold. The bytes are as even as those of packed data: 7.2 bits a byte and more, which code does not reach
//! (Lyda and Hamrock, Using Entropy Analysis to Find Encrypted and Packed Malware, IEEE Security & Privacy 5(2), 2007: 6.80 and
//! 7.18 bits on average of packed and of encrypted files, 5.10 of plain ones). And nothing in the section uses an import, as code that
//! can be read always does: a driver that shows where it calls the kernel is never left out.

use poolmon_image::Machine;
use poolmon_image::bytes::u32_at;
use poolmon_image::code::arm64::Arm64;
use poolmon_image::code::x86::near_target;
use poolmon_image::pe::imports::PeImports;
use poolmon_image::pe::{Pe, PeSection};

/// Bits a byte; of 8.
const EVEN: f64 = 7.2;
/// Of fewer bytes, evenness says little: random ones have 7.95 bits from this many on.
const SMALLEST: usize = 4096;

/// A section that cannot be read.
#[derive(Debug)]
pub(crate) struct PackedSection<'a> {
    pub section: &'a PeSection,
    bits: f64,
}

impl PackedSection<'_> {
    /// `.text (7.98 of 8 bits a byte)`.
    pub fn explain(&self) -> String {
        format!("{} ({:.2} of 8 bits a byte)", self.section.name, self.bits)
    }
}

/// The packed sections of an image.
pub(crate) fn sections<'a>(pe: &'a Pe<'_>, imports: &PeImports) -> Vec<PackedSection<'a>> {
    let packed = |section: &'a PeSection| {
        let bytes = pe.section_bytes(section);
        // Code that can be read shows an import soon: of most sections, only a few bytes are looked at.
        if !section.is_code() || bytes.len() < SMALLEST || uses_imports(pe, imports, section.rva, bytes) {
            return None;
        }
        let bits = entropy(bytes);
        (bits >= EVEN).then_some(PackedSection { section, bits })
    };
    pe.sections.iter().filter_map(packed).collect()
}

/// Shannon's entropy of single bytes, in bits.
#[expect(clippy::cast_precision_loss, reason = "sizes of sections are below 2^32")]
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for &byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let all = bytes.len() as f64;
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| f64::from(count) / all)
        .map(|part| -part * part.log2())
        .sum()
}

/// Whether an instruction calls, jumps through or loads the slot of an import, directly or by a jump of one instruction.
fn uses_imports(pe: &Pe<'_>, imports: &PeImports, rva: u32, bytes: &[u8]) -> bool {
    if pe.machine == Machine::Arm64 {
        return arm64(imports, rva, bytes);
    }
    let is_slot = |rva: Option<u32>| rva.is_some_and(|rva| imports.slot(rva).is_some());
    // `ff 15` call, `ff 25` jump, `8b /r` load of [rip + distance] or [address]; `a1` loads eax.
    let slot_of = |rva: u32, code: &[u8]| {
        let field = match code {
            [0xff, 0x15 | 0x25, ..] => 2,
            [0x8b, form, ..] if form & 0xc7 == 5 => 2,
            [0xa1, ..] if !pe.is_64 => 1,
            _ => return false,
        };
        let Some(value) = u32_at(code, field) else { return false };
        is_slot(if pe.is_64 {
            Some(rva.wrapping_add(u32::try_from(field).unwrap_or(0) + 4).wrapping_add(value))
        } else {
            pe.rva_of(value.into())
        })
    };
    (0_u32..).zip(0..bytes.len()).any(|(n, at)| {
        let (own, code) = (rva.wrapping_add(n), bytes.get(at..).unwrap_or_default());
        slot_of(own, code)
            || matches!(code, [0xe8 | 0xe9, ..])
                && code
                    .get(1..)
                    .and_then(|distance| u32::try_from(near_target(own.into(), distance)?).ok())
                    .and_then(|target| Some((target, pe.bytes.get(pe.offset(target)?..)?)))
                    .is_some_and(|(target, thunk)| slot_of(target, thunk))
    })
}

/// The same of ARM64: a page's address, and within a few instructions a load from it.
fn arm64(imports: &PeImports, rva: u32, bytes: &[u8]) -> bool {
    let word = |n: usize| bytes.get(n * 4..).and_then(|word| u32_at(word, 0)).map(Arm64::decode);
    (0..bytes.len() / 4).any(|n| {
        let Some(Arm64::PageAddress { to, distance }) = word(n) else { return false };
        let own = i64::from(rva) + i64::from(u32::try_from(n).unwrap_or(u32::MAX)) * 4;
        let page = (own & !0xfff) + distance;
        (n + 1..n + 9).filter_map(word).any(|next| match next {
            Arm64::Load { base, number, .. } if base == to => {
                u32::try_from(page + i64::from(number)).is_ok_and(|slot| imports.slot(slot).is_some())
            }
            _ => false,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evenness_in_bits() {
        let all: Vec<u8> = (0..=255).collect();
        let close = |bytes: &[u8], bits: f64| (entropy(bytes) - bits).abs() < 1e-9;
        assert!(close(&all, 8.0) && close(&[7; 99], 0.0) && close(b"abab", 1.0) && close(&[], 0.0));
    }
}
