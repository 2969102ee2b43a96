//! ARM64 code: addresses and constants, followed from register to register in the order of the words.

use poolmon_image::bytes::u32_at;
use poolmon_image::code::arm64::{Arm64, Arm64Registers, branch_target};
use rustc_hash::FxHashMap;

use super::flow::{ARGUMENTS, KnownCall, Printed, Printers, RegisterValue};
use super::layout::AddressSpace;
pub(crate) use poolmon_image::code::arm64::is_branch;

struct CodeReader<'a, 'l> {
    layout: &'l AddressSpace<'a>,
    printers: &'l Printers,
    registers: Arm64Registers<RegisterValue>,
    stack: FxHashMap<i64, RegisterValue>,
    printed: Printed,
}

/// Where the call or jump at `at` leads to.
pub(crate) fn branch(layout: &AddressSpace<'_>, at: u64, word: u32) -> u64 {
    layout.field(at).unwrap_or_else(|| branch_target(at, word))
}

/// Reads the code from `start` up to `end`, which `begins` a function or not; reports every call with a known target.
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
        registers: Arm64Registers::default(),
        stack: FxHashMap::default(),
        printed: Printed::default(),
    };
    if begins {
        for (number, argument) in (0..8).zip(0..) {
            reader.registers.set(number, RegisterValue::Argument(argument));
        }
    }
    for (n, word) in bytes.get(..length).unwrap_or_default().chunks_exact(4).enumerate() {
        let Some(word) = u32_at(word, 0) else { return };
        reader.instruction(word, start + n as u64 * 4, &mut tell);
    }
}

impl CodeReader<'_, '_> {
    fn get(&self, register: u8) -> RegisterValue {
        self.registers.get(usize::from(register))
    }

    /// A base of addresses: 31 is the stack pointer here.
    fn base(&self, register: u8) -> RegisterValue {
        if register == 31 { RegisterValue::Stack(0) } else { self.get(register) }
    }

    /// A base and a number, or what a relocation says of the instruction at `at`.
    fn sum(&self, at: u64, base: u8, number: u32) -> RegisterValue {
        match (self.layout.field(at), self.base(base)) {
            (Some(target), _) => RegisterValue::Constant(target),
            (None, RegisterValue::Constant(from)) => {
                RegisterValue::Constant(from.wrapping_add(number.into()))
            }
            (None, RegisterValue::Stack(from)) => {
                RegisterValue::Stack(from.wrapping_add_unsigned(number.into()))
            }
            _ => RegisterValue::Unknown,
        }
    }

    fn instruction(&mut self, word: u32, at: u64, tell: &mut impl FnMut(KnownCall)) {
        let unknown = RegisterValue::Unknown;
        // With a relocation the whole address is known at once.
        let address = |there: u64| RegisterValue::Constant(self.layout.field(at).unwrap_or(there));
        let (to, value) = match Arm64::decode(word) {
            Arm64::Branch { .. } => {
                let target = branch(self.layout, at, word);
                return self.transfer(at, Some(target), tell);
            }
            Arm64::BranchRegister { .. } | Arm64::Return => return self.transfer(at, None, tell),
            Arm64::PageAddress { to, distance } => (to, address((at & !0xfff).wrapping_add_signed(distance))),
            Arm64::Address { to, distance } => (to, address(at.wrapping_add_signed(distance))),
            Arm64::AddNumber { to, base, number } => (to, self.sum(at, base, number)),
            Arm64::Move { to, from: 31, wide: true } => (to, RegisterValue::Constant(0)),
            Arm64::Move { to, from, wide: true } => (to, self.get(from)),
            Arm64::MoveHalf { to, half, shift } => (to, RegisterValue::Constant(u64::from(half) << shift)),
            Arm64::Load { to, base, number, wide: true } => {
                let value = match self.sum(at, base, number) {
                    RegisterValue::Constant(address) => RegisterValue::Loaded { address, indexed: false },
                    RegisterValue::Stack(place) => self.stack.get(&place).copied().unwrap_or_default(),
                    _ => unknown,
                };
                (to, value)
            }
            Arm64::LoadElement { to, base } => {
                let value = match self.get(base) {
                    RegisterValue::Constant(address) => RegisterValue::Loaded { address, indexed: true },
                    _ => unknown,
                };
                (to, value)
            }
            Arm64::Store { from, base, number, wide: true } => {
                if let RegisterValue::Stack(place) = self.base(base)
                    && self.stack.len() < 1024
                {
                    self.stack.insert(place.wrapping_add_unsigned(number.into()), self.get(from));
                }
                return;
            }
            Arm64::LoadLiteral { to, .. }
            | Arm64::KeepHalf { to, .. }
            | Arm64::Move { to, .. }
            | Arm64::Select { to, .. }
            | Arm64::Load { to, .. } => (to, unknown),
            Arm64::Trap
            | Arm64::Store { wide: false, .. }
            | Arm64::Compare { .. }
            | Arm64::BranchIf { .. } => return,
            Arm64::Other { writes } => {
                self.registers.forget(writes.into_iter().flatten().map(usize::from));
                return;
            }
        };
        self.registers.set(usize::from(to), value);
    }

    fn transfer(&mut self, at: u64, target: Option<u64>, tell: &mut impl FnMut(KnownCall)) {
        let mut arguments = [RegisterValue::Unknown; ARGUMENTS];
        for (own, value) in arguments.iter_mut().zip(self.registers.iter()) {
            *own = value;
        }
        let made = self.printed.call(self.printers, target, &arguments);
        if let Some(target) = target {
            for value in &mut arguments {
                *value = self.printed.passed(*value);
            }
            tell(KnownCall { at, target, arguments, formats: self.printed.formats() });
        }
        self.registers.forget(0..19);
        self.registers.set(0, made);
    }
}
