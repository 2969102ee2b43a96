//! Code of ARM64 images, decoded by hand: only what carries a tag or a call matters.
//!
//! Compilers load a tag from a pool of literals between the functions (`ldr w2, =…`), or build it from two halves
//! (`movz`, `movk`). Imports are called through a slot whose address takes two instructions (`adrp`, `ldr`).

use super::flow::{CallNote, CallTarget, Notes, TagValue, like_a_tag};
use super::imports::Imports;
use super::pe::{EXCEPTION, Pe, Section, u32_at};

struct CodeReader<'a, 'n> {
    pe: &'a Pe<'a>,
    imports: &'a Imports,
    notes: &'n mut Notes,
    registers: [TagValue; 32],
    function: u32,
    /// Instructions since the function began: a thunk is no longer than three.
    fresh: u32,
    step: u32,
}

/// Reads all code, `budget` bytes at most.
pub(crate) fn read(pe: &Pe<'_>, imports: &Imports, notes: &mut Notes, mut budget: usize) {
    let starts = starts(pe);
    let mut reader =
        CodeReader { pe, imports, notes, registers: [TagValue::Unknown; 32], function: 0, fresh: 0, step: 0 };
    for section in pe.sections.iter().filter(|section| section.is_code()) {
        let bytes = pe.section_bytes(section);
        let bytes = bytes.get(..bytes.len().min(budget)).unwrap_or_default();
        budget -= bytes.len();
        reader.section(section, bytes, &starts);
    }
}

fn starts(pe: &Pe<'_>) -> Vec<u32> {
    let Some((table, size)) = pe.directory(EXCEPTION) else { return Vec::new() };
    let Some(at) = pe.offset(table) else { return Vec::new() };
    let end = at.saturating_add(size as usize).min(pe.bytes.len());
    let rows = pe.bytes.get(at..end).unwrap_or_default().chunks_exact(8);
    let mut starts: Vec<u32> = rows.filter_map(|row| u32_at(row, 0)).filter(|&rva| rva != 0).collect();
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// A field of the instruction word, sign-extended, in words.
fn signed(word: u32, low: u32, bits: u32) -> i64 {
    let shifted = i64::from(word >> low & ((1 << bits) - 1));
    if shifted >> (bits - 1) == 1 { shifted - (1 << bits) } else { shifted }
}

fn moved(rva: u32, by: i64) -> Option<u32> {
    u32::try_from(i64::from(rva).checked_add(by)?).ok()
}

impl CodeReader<'_, '_> {
    fn section(&mut self, section: &Section, bytes: &[u8], starts: &[u32]) {
        let mut next = starts.partition_point(|&start| start < section.rva);
        let mut ended = true;
        for (n, word) in bytes.chunks_exact(4).enumerate() {
            let (Some(word), Ok(inside)) = (u32_at(word, 0), u32::try_from(n * 4)) else { return };
            let Some(rva) = section.rva.checked_add(inside) else { return };
            while starts.get(next).is_some_and(|&start| start < rva) {
                next += 1;
            }
            // After a jump a block of the same function may follow, so the exception table decides where there is one.
            if starts.get(next) == Some(&rva) || n == 0 || (ended && starts.is_empty()) {
                self.begin(rva);
            }
            self.step = self.step.wrapping_add(1);
            self.fresh += 1;
            ended = self.instruction(word, rva, section.raw + n * 4);
        }
    }

    fn begin(&mut self, rva: u32) {
        self.registers = [TagValue::Unknown; 32];
        for (own, n) in self.registers.iter_mut().zip(0..8) {
            *own = TagValue::Argument(n);
        }
        self.function = rva;
        self.fresh = 0;
    }

    fn get(&self, register: u32) -> TagValue {
        self.registers.get(register as usize & 31).copied().unwrap_or_default()
    }

    fn set(&mut self, register: u32, value: TagValue) {
        // 31 is the zero register or the stack pointer: never a tag.
        if let Some(own) = self.registers.get_mut(register as usize & 31).filter(|_| register & 31 != 31) {
            *own = value;
        }
    }

    fn literal(&self, rva: Option<u32>) -> TagValue {
        let place = rva.and_then(|rva| self.pe.offset(rva));
        match place.and_then(|place| u32_at(self.pe.bytes, place).zip(Some(place))) {
            Some((value, at)) => TagValue::Constant { value, at, step: self.step },
            None => TagValue::Unknown,
        }
    }

    /// Follows one instruction; true where nothing falls through it.
    fn instruction(&mut self, word: u32, rva: u32, at: usize) -> bool {
        let (rd, rn) = (word & 31, word >> 5 & 31);
        if word & 0xff00_0000 == 0x1800_0000 {
            let value = self.literal(moved(rva, signed(word, 5, 19) * 4));
            self.set(rd, value);
        } else if word & 0x7f80_0000 == 0x5280_0000 {
            let half = (word >> 5 & 0xffff) << (16 * (word >> 21 & 1));
            let whole = word >> 22 & 1 == 0;
            let value = TagValue::Constant { value: half, at, step: self.step };
            self.set(rd, if whole { value } else { TagValue::Unknown });
        } else if word & 0x7f80_0000 == 0x7280_0000 {
            let value = match (self.get(rd), word >> 21 & 3) {
                (TagValue::Constant { value, at, .. }, shift @ 0..=1) => {
                    let mask = 0xffff << (16 * shift);
                    let value = value & !mask | (word >> 5 & 0xffff) << (16 * shift);
                    TagValue::Constant { value, at, step: self.step }
                }
                _ => TagValue::Unknown,
            };
            self.set(rd, value);
        } else if word & 0x7fe0_ffe0 == 0x2a00_03e0 {
            let value = self.get(word >> 16 & 31);
            self.set(rd, value);
        } else if word & 0x9f00_0000 == 0x9000_0000 {
            let pages = signed(word, 5, 19) * 4 + i64::from(word >> 29 & 3);
            let page = moved(rva & !0xfff, pages * 4096);
            self.set(rd, page.map_or(TagValue::Unknown, TagValue::Address));
        } else if word & 0xff80_0000 == 0x9100_0000 {
            let shift = if word >> 22 & 1 == 1 { 12 } else { 0 };
            let value = match self.get(rn) {
                TagValue::Address(base) => base.checked_add((word >> 10 & 0xfff) << shift),
                _ => None,
            };
            self.set(rd, value.map_or(TagValue::Unknown, TagValue::Address));
        } else if word & 0xbfc0_0000 == 0xb940_0000 {
            let wide = word >> 30 & 1 == 1;
            let offset = (word >> 10 & 0xfff) * if wide { 8 } else { 4 };
            let slot = match self.get(rn) {
                TagValue::Address(base) => base.checked_add(offset),
                _ => None,
            };
            let value = match slot {
                Some(slot) if wide => self.imports.slot(slot).map_or(TagValue::Unknown, TagValue::Import),
                Some(slot) => self.literal(Some(slot)),
                None => TagValue::Unknown,
            };
            self.set(rd, value);
        } else if word >> 26 == 0x25 || word >> 26 == 0x05 {
            let jump = word >> 26 == 0x05;
            let target =
                moved(rva, signed(word, 0, 26) * 4).map_or(CallTarget::Unknown, CallTarget::Function);
            return self.transfer(rva, target, jump);
        } else if word & 0xffdf_fc1f == 0xd61f_0000 {
            let jump = word >> 21 & 1 == 0;
            let target = match self.get(rn) {
                TagValue::Import(index) => CallTarget::Import(index),
                _ => CallTarget::Unknown,
            };
            return self.transfer(rva, target, jump);
        } else if word & 0xffff_fc1f == 0xd65f_0000 || word == 0 || word & 0xffe0_001f == 0xd420_0000 {
            // ret, padding, brk
            return true;
        } else {
            self.other(word, rd);
        }
        false
    }

    /// Forgets what any other instruction may have written.
    fn other(&mut self, word: u32, rd: u32) {
        let group = word >> 25 & 15;
        let loads_and_stores = group & 0b0101 == 0b0100;
        let branches = group & 0b1110 == 0b1010;
        if branches {
            return;
        }
        if loads_and_stores {
            let pair = word >> 27 & 7 == 0b101;
            let load = word >> 22 & 3 != 0;
            if load || pair {
                self.set(rd, TagValue::Unknown);
            }
            if pair && word >> 22 & 1 == 1 {
                self.set(word >> 10 & 31, TagValue::Unknown);
            }
            return;
        }
        self.set(rd, TagValue::Unknown);
    }

    fn transfer(&mut self, rva: u32, target: CallTarget, jump: bool) -> bool {
        if let (true, CallTarget::Import(_), Some(start)) = (jump, target, rva.checked_sub(8)) {
            // `adrp x16; ldr x16, [x16]; br x16`: has no row in the exception table.
            self.notes.thunks.insert(start, target);
        }
        if jump && self.fresh == 1 && target != CallTarget::Unknown {
            self.notes.thunks.insert(self.function, target);
        } else {
            let keep = |&(_, value): &(u8, TagValue)| match value {
                TagValue::Constant { value, .. } => like_a_tag(value),
                TagValue::Argument(_) => true,
                _ => false,
            };
            let arguments = (0..8).zip(self.registers.iter().copied()).filter(keep).collect();
            self.notes.call(CallNote {
                site: rva,
                step: self.step,
                function: self.function,
                target,
                arguments,
            });
        }
        for register in 0..19 {
            self.set(register, TagValue::Unknown);
        }
        jump
    }
}
