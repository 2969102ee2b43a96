//! Damaged dumps: cut, flipped, with lying lengths, with page tables and pointers that lead anywhere. Each ends in an
//! error or an answer, none in a panic, a hang or much memory.
//!
//! `POOLMON_MUTATIONS=1000000` asks for more than the few that run by default, `POOLMON_SEED` for others.

mod common;
#[path = "common/exercise.rs"]
mod exercise;

use common::{planted, reported};
use exercise::exercise;
use poolmon_synth::dump::{Arch, Built, Dice, Form, Spec, build};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Numbers that lengths like to lie with.
fn lie(dice: &mut Dice, size: usize) -> u64 {
    let size = size as u64;
    let lies = [
        0,
        1,
        7,
        0x1000,
        size,
        size - 1,
        size * 8,
        u64::MAX,
        u64::MAX / 2,
        1 << 31,
        u32::MAX.into(),
        1 << 40,
    ];
    match dice.below(16) {
        at @ 0..12 => lies[usize::try_from(at).unwrap()],
        12 => dice.below(size),
        _ => dice.next() >> dice.below(60),
    }
}

/// Damages the machine's memory: page tables, pointers, whole pages.
fn damage_memory(built: &mut Built, dice: &mut Dice) {
    let pages: Vec<u64> = built.memory.pages.keys().copied().collect();
    let mapped: Vec<u64> = built.mapping.truth.keys().copied().collect();
    for _ in 0..=dice.below(4) {
        let page = pages[dice.pick(pages.len())];
        let place = page << 12 | dice.below(512) << 3;
        let value = match dice.below(5) {
            // A table that leads to the top, to itself, or to any page.
            0 => built.mapping.root | 0x63,
            1 => page << 12 | 0x63,
            2 => pages[dice.pick(pages.len())] << 12 | 0xe3,
            // A pointer that leads to any address.
            3 => mapped[dice.pick(mapped.len())] | dice.below(4096),
            _ => dice.next(),
        };
        match dice.below(3) {
            // Where something is already, it is more likely to be used.
            0 => {
                let used = (0..512).map(|at| page << 12 | at << 3).filter(|&at| built.memory.word(at) != 0);
                let used: Vec<u64> = used.collect();
                let place = if used.is_empty() { place } else { used[dice.pick(used.len())] };
                built.memory.write(place, &value.to_le_bytes());
            }
            1 => built.memory.write(place, &value.to_le_bytes()),
            _ => {
                let copy = built.memory.pages[&pages[dice.pick(pages.len())]].clone();
                built.memory.pages.insert(page, copy);
            }
        }
    }
}

/// Damages the variables, lists and blocks of the kernel, which lead to everything else.
fn damage_kernel(built: &mut Built, dice: &mut Dice) {
    let mapped: Vec<u64> = built.mapping.truth.keys().copied().collect();
    for _ in 0..=dice.below(3) {
        let at = built.kernel + 0x23000 + [0, 0x5000, 0xa000, 0x10000][dice.pick(4)] + (dice.below(512) << 3);
        let at = if dice.below(2) == 0 { built.block + 0x10 + (dice.below(100) << 3) } else { at };
        let physical = built.mapping.truth[&(at & !0xfff)] | at & 0xff8;
        let value = match dice.below(4) {
            0 => mapped[dice.pick(mapped.len())],
            1 => built.kernel + dice.below(0x60000),
            2 => dice.next(),
            _ => lie(dice, 1 << 20),
        };
        built.memory.write(physical, &value.to_le_bytes());
    }
}

fn damage_bytes(bytes: &mut [u8], dice: &mut Dice) {
    if dice.below(2) == 0 {
        for _ in 0..=dice.below(16) {
            let at = dice.pick(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }
        return;
    }
    for _ in 0..=dice.below(3) {
        let region = bytes.len().min(if dice.below(2) == 0 { 0x2080 } else { 0x4000 });
        let at = dice.pick(region / 4) * 4;
        let value = lie(dice, bytes.len()).to_le_bytes();
        let length = if dice.below(2) == 0 { 4 } else { 8 };
        let end = (at + length).min(bytes.len());
        bytes[at..end].copy_from_slice(&value[..end - at]);
    }
}

#[test]
fn damaged_dumps_end_in_an_error_or_an_answer() {
    let count = number("POOLMON_MUTATIONS", 600);
    let mut dice = Dice::new(number("POOLMON_SEED", 7));
    let machines: Vec<Built> = [
        (Arch::Amd64, 26_100),
        (Arch::Amd64, 9600),
        (Arch::I386Pae, 19_041),
        (Arch::I386, 2600),
        (Arch::Aarch64, 22_000),
        (Arch::Amd64La57, 26_100),
    ]
    .into_iter()
    .map(|(arch, number)| build(&Spec::new(arch, number).tiny()))
    .collect();
    let plants: Vec<_> = machines.iter().map(planted).collect();
    let wide = [
        Form::Full,
        Form::BitmapFull,
        Form::BitmapKernel,
        Form::RangesKernel,
        Form::RangesFull,
        Form::Elf,
        Form::Raw,
        Form::Lime,
        Form::Triage,
        Form::OldSummary,
        Form::HeaderOnly,
    ];
    let narrow = [
        Form::Full,
        Form::BitmapFull,
        Form::BitmapKernel,
        Form::RangesKernel,
        Form::RangesFull,
        Form::OldSummary,
        Form::Raw,
        Form::Triage,
        Form::Lime,
    ];
    let (mut answered, mut right) = (0_u64, 0_u64);
    for round in 0..count {
        if round > 0 && round % 20_000 == 0 {
            eprintln!("{round} of {count}");
        }
        let which = dice.pick(machines.len());
        let forms = if machines[which].spec.arch.is_32() { &narrow[..] } else { &wide[..] };
        let form = forms[dice.pick(forms.len())];
        let kind = dice.below(4);
        let mut bytes = match kind {
            0 | 1 => machines[which].bytes(form),
            _ => {
                let mut built = machines[which].clone();
                if kind == 2 {
                    damage_memory(&mut built, &mut dice);
                } else {
                    damage_kernel(&mut built, &mut dice);
                }
                built.bytes(form)
            }
        };
        match kind {
            0 => bytes.truncate(dice.pick(bytes.len())),
            1 => damage_bytes(&mut bytes, &mut dice),
            _ => {}
        }
        let outcome = std::panic::catch_unwind(|| exercise(bytes));
        let Ok(outcome) = outcome else {
            panic!("round {round}: {form:?} of {:?}, kind {kind}", machines[which].spec)
        };
        if let Some(used) = outcome {
            answered += 1;
            let same = reported(&used) == plants[which];
            right += u64::from(same);
            // A file that was cut never passes for whole with other figures.
            assert!(
                kind != 0 || same || !used.complete,
                "round {round}: {form:?} of {:?}",
                machines[which].spec
            );
        }
    }
    eprintln!("{count} damaged dumps: {answered} answered, {right} of them with the planted table");
    assert!(answered > 0 && answered < count);
    // Linux reports the most memory that this process ever had.
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak: u64 = peak.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0);
        eprintln!("peak memory: {} MiB", peak >> 10);
        assert!(peak < 256 << 10, "{peak} KiB");
    }
}
