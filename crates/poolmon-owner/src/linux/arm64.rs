//! ARM64 code: addresses and constants, followed from register to register in the order of the words.

use rustc_hash::FxHashMap;

use super::elf::u32_at;
use super::flow::{ARGUMENTS, KnownCall, Printed, Printers, RegisterValue};
use super::layout::AddressSpace;

struct CodeReader<'a, 'l> {
    layout: &'l AddressSpace<'a>,
    printers: &'l Printers,
    registers: [RegisterValue; 32],
    stack: FxHashMap<i64, RegisterValue>,
    printed: Printed,
}

/// Bits `from..from + count` with their sign.
const fn signed(word: u32, from: u32, count: u32) -> i64 {
    ((word << (32 - from - count)).cast_signed() >> (32 - count)) as i64
}

/// Is the word a call or a jump to a fixed place.
pub(crate) const fn is_branch(word: u32) -> bool {
    word >> 26 == 0x25 || word >> 26 == 0x05
}

/// Where the call or jump at `at` leads to.
pub(crate) fn branch(layout: &AddressSpace<'_>, at: u64, word: u32) -> u64 {
    layout.field(at).unwrap_or_else(|| at.wrapping_add_signed(signed(word, 0, 26) * 4))
}

/// Reads the code from `start` up to `end`, which `begins` a function or not; tells every call with a known target.
pub(crate) fn function(
    layout: &AddressSpace<'_>,
    printers: &Printers,
    (start, end): (u64, u64),
    begins: bool,
    mut tell: impl FnMut(KnownCall),
) {
    let Some(bytes) = layout.bytes_at(start) else { return };
    let length = usize::try_from(end.saturating_sub(start)).unwrap_or(0).min(bytes.len());
    let mut reader = CodeReader {
        layout,
        printers,
        registers: [RegisterValue::Unknown; 32],
        stack: FxHashMap::default(),
        printed: Printed::default(),
    };
    if begins {
        for (own, n) in reader.registers.iter_mut().zip(0..8) {
            *own = RegisterValue::Argument(n);
        }
    }
    for (n, word) in bytes.get(..length).unwrap_or_default().chunks_exact(4).enumerate() {
        let Some(word) = u32_at(word, 0) else { return };
        reader.instruction(word, start + n as u64 * 4, &mut tell);
    }
}

impl CodeReader<'_, '_> {
    fn get(&self, register: u32) -> RegisterValue {
        self.registers.get(register as usize & 31).copied().unwrap_or_default()
    }

    /// A base of addresses: 31 is the stack pointer here.
    fn base(&self, register: u32) -> RegisterValue {
        if register & 31 == 31 { RegisterValue::Stack(0) } else { self.get(register) }
    }

    fn set(&mut self, register: u32, value: RegisterValue) {
        // 31 is the zero register or the stack pointer.
        if let Some(own) = self.registers.get_mut(register as usize & 31).filter(|_| register & 31 != 31) {
            *own = value;
        }
    }

    fn instruction(&mut self, word: u32, at: u64, tell: &mut impl FnMut(KnownCall)) {
        let (rd, rn) = (word & 31, word >> 5 & 31);
        if is_branch(word) {
            self.transfer(at, Some(branch(self.layout, at, word)), tell);
        } else if word & 0x9f00_0000 == 0x9000_0000 {
            // adrp: with a relocation the whole address is known at once.
            let page = signed(word, 5, 19) * 4 + i64::from(word >> 29 & 3);
            let there = (at & !0xfff).wrapping_add_signed(page * 4096);
            self.set(rd, RegisterValue::Constant(self.layout.field(at).unwrap_or(there)));
        } else if word & 0x9f00_0000 == 0x1000_0000 {
            let distance = signed(word, 5, 19) * 4 + i64::from(word >> 29 & 3);
            let there = at.wrapping_add_signed(distance);
            self.set(rd, RegisterValue::Constant(self.layout.field(at).unwrap_or(there)));
        } else if word & 0xff80_0000 == 0x9100_0000 {
            let shift = if word >> 22 & 1 == 1 { 12 } else { 0 };
            let number = u64::from(word >> 10 & 0xfff) << shift;
            let value = match (self.layout.field(at), self.base(rn)) {
                (Some(target), _) => RegisterValue::Constant(target),
                (None, RegisterValue::Constant(from)) => RegisterValue::Constant(from.wrapping_add(number)),
                (None, RegisterValue::Stack(from)) => {
                    RegisterValue::Stack(from.wrapping_add_unsigned(number))
                }
                _ => RegisterValue::Unknown,
            };
            self.set(rd, value);
        } else if word & 0xffe0_ffe0 == 0xaa00_03e0 {
            let from = word >> 16 & 31;
            self.set(rd, if from == 31 { RegisterValue::Constant(0) } else { self.get(from) });
        } else if word & 0x7f80_0000 == 0x5280_0000 {
            let number = u64::from(word >> 5 & 0xffff) << (16 * (word >> 21 & 3));
            self.set(rd, RegisterValue::Constant(number));
        } else if word & 0xffc0_0000 == 0xf940_0000 {
            // ldr x, [x, #number]
            let number = u64::from(word >> 10 & 0xfff) * 8;
            let value = match (self.layout.field(at), self.base(rn)) {
                (Some(address), _) => RegisterValue::Loaded { address, indexed: false },
                (None, RegisterValue::Constant(from)) => {
                    RegisterValue::Loaded { address: from.wrapping_add(number), indexed: false }
                }
                (None, RegisterValue::Stack(from)) => {
                    self.stack.get(&from.wrapping_add_unsigned(number)).copied().unwrap_or_default()
                }
                _ => RegisterValue::Unknown,
            };
            self.set(rd, value);
        } else if word & 0xffe0_0c00 == 0xf860_0800 {
            // ldr x, [x, x]: an element of a table
            let value = match self.get(rn) {
                RegisterValue::Constant(address) => RegisterValue::Loaded { address, indexed: true },
                _ => RegisterValue::Unknown,
            };
            self.set(rd, value);
        } else if word & 0xffc0_0000 == 0xf900_0000 {
            // str x, [x, #number]
            let number = u64::from(word >> 10 & 0xfff) * 8;
            if let RegisterValue::Stack(from) = self.base(rn)
                && self.stack.len() < 1024
            {
                self.stack.insert(from.wrapping_add_unsigned(number), self.get(rd));
            }
        } else if word & 0xffdf_fc1f == 0xd61f_0000 || word & 0xffff_fc1f == 0xd65f_0000 {
            // br, blr, ret
            self.transfer(at, None, tell);
        } else {
            self.other(word, rd);
        }
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
            if load {
                self.set(rd, RegisterValue::Unknown);
            }
            if pair && word >> 22 & 1 == 1 {
                self.set(word >> 10 & 31, RegisterValue::Unknown);
            }
            return;
        }
        self.set(rd, RegisterValue::Unknown);
    }

    fn transfer(&mut self, at: u64, target: Option<u64>, tell: &mut impl FnMut(KnownCall)) {
        let mut arguments = [RegisterValue::Unknown; ARGUMENTS];
        for (own, register) in arguments.iter_mut().zip(0..) {
            *own = self.get(register);
        }
        let made = self.printed.call(self.printers, target, &arguments);
        if let Some(target) = target {
            for value in &mut arguments {
                *value = self.printed.passed(*value);
            }
            tell(KnownCall { at, target, arguments, formats: self.printed.formats() });
        }
        for register in 0..19 {
            self.set(register, RegisterValue::Unknown);
        }
        self.set(0, made);
    }
}
