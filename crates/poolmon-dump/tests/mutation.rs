//! Damaged dumps: cut, flipped, with lying lengths, swapped fields and hostile texts, with page tables and pointers that
//! lead anywhere; up to four such things in one dump. Each ends in an error or an answer, none in a panic, a hang or much
//! memory.
//!
//! `POOLMON_MUTATIONS=1000000` asks for more than the few that run by default, `POOLMON_SEED` for others:
//! `cargo test --release -p poolmon-dump --test mutation -- --nocapture` takes about 80 minutes of one core then, and prints
//! the peak of memory and the slowest dump.

mod common;
#[path = "common/exercise.rs"]
mod exercise;

use std::collections::BTreeMap;
use std::time::Duration;

use common::{planted, reported};
use exercise::exercise;
use poolmon_synth::dump::spec::EVIL;
use poolmon_synth::dump::{Arch, Built, Dice, Form, Spec, build};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A machine whose memory is damaged and mended again: cheaper than a copy for each dump.
struct Damaged<'a> {
    built: &'a mut Built,
    sound: BTreeMap<u64, Vec<u8>>,
}

impl Damaged<'_> {
    fn write(&mut self, at: u64, value: u64) {
        self.keep(at >> 12);
        self.built.memory.write(at, &value.to_le_bytes());
    }

    fn replace(&mut self, page: u64, bytes: Vec<u8>) {
        self.keep(page);
        self.built.memory.pages.insert(page, bytes);
    }

    fn keep(&mut self, page: u64) {
        let old = &self.built.memory.pages[&page];
        self.sound.entry(page).or_insert_with(|| old.clone());
    }
}

impl Drop for Damaged<'_> {
    fn drop(&mut self) {
        self.built.memory.pages.append(&mut self.sound);
    }
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
fn damage_memory(damaged: &mut Damaged<'_>, dice: &mut Dice) {
    let built = &damaged.built;
    let pages: Vec<u64> = built.memory.pages.keys().copied().collect();
    let mapped: Vec<u64> = built.mapping.truth.keys().copied().collect();
    let root = built.mapping.root;
    for _ in 0..=dice.below(4) {
        let page = pages[dice.pick(pages.len())];
        let place = page << 12 | dice.below(512) << 3;
        let value = match dice.below(5) {
            // A table that leads to the top, to itself, or to any page.
            0 => root | 0x63,
            1 => page << 12 | 0x63,
            2 => pages[dice.pick(pages.len())] << 12 | 0xe3,
            // A pointer that leads to any address.
            3 => mapped[dice.pick(mapped.len())] | dice.below(4096),
            _ => dice.next(),
        };
        match dice.below(3) {
            // Where something is already, it is more likely to be used.
            0 => {
                let memory = &damaged.built.memory;
                let used = (0..512).map(|at| page << 12 | at << 3).filter(|&at| memory.word(at) != 0);
                let used: Vec<u64> = used.collect();
                let place = if used.is_empty() { place } else { used[dice.pick(used.len())] };
                damaged.write(place, value);
            }
            1 => damaged.write(place, value),
            _ => {
                let copy = damaged.built.memory.pages[&pages[dice.pick(pages.len())]].clone();
                damaged.replace(page, copy);
            }
        }
    }
}

/// Damages the variables, lists and blocks of the kernel, which lead to everything else.
fn damage_kernel(damaged: &mut Damaged<'_>, dice: &mut Dice) {
    let built = &damaged.built;
    let (kernel, block) = (built.kernel, built.block);
    let mapped: Vec<u64> = built.mapping.truth.keys().copied().collect();
    for _ in 0..=dice.below(3) {
        let at = kernel + 0x23000 + [0, 0x5000, 0xa000, 0x10000][dice.pick(4)] + (dice.below(512) << 3);
        let at = if dice.below(2) == 0 { block + 0x10 + (dice.below(100) << 3) } else { at };
        let physical = damaged.built.mapping.truth[&(at & !0xfff)] | at & 0xff8;
        let value = match dice.below(4) {
            0 => mapped[dice.pick(mapped.len())],
            1 => kernel + dice.below(0x60000),
            2 => dice.next(),
            _ => lie(dice, 1 << 20),
        };
        damaged.write(physical, value);
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

/// Two fields take each other's place: of the headers, or any two.
fn swap_fields(bytes: &mut [u8], dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        let width = [4, 8, 16][dice.pick(3)];
        let region = if dice.below(4) == 0 { bytes.len() } else { bytes.len().min(0x2080) };
        let places = region / width;
        let (one, other) = (dice.pick(places.max(1)) * width, dice.pick(places.max(1)) * width);
        for at in 0..width.min(bytes.len().saturating_sub(one.max(other))) {
            bytes.swap(one + at, other + at);
        }
    }
}

/// Puts control characters and the like where a name of a file is, or where the header has its comment.
fn hostile_text(bytes: &mut [u8], dice: &mut Dice) {
    let evil: Vec<u8> = match dice.below(3) {
        0 => EVIL.into(),
        1 => EVIL.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        // Not even characters.
        _ => (0..24).map(|_| dice.next().to_le_bytes()[0]).collect(),
    };
    for _ in 0..=dice.below(3) {
        let name: &[u8] = if dice.below(2) == 0 { b".sys" } else { b".\0s\0y\0s\0" };
        let from = dice.pick(bytes.len());
        let found = memchr::memmem::find(&bytes[from..], name).map(|at| from + at);
        let at = found.unwrap_or([0x820, 0xfb0][dice.pick(2)]).saturating_sub(dice.pick(16));
        for (old, &new) in bytes.iter_mut().skip(at).zip(&evil) {
            *old = new;
        }
    }
}

/// One kind of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    Memory,
    Kernel,
    Bytes,
    Swap,
    Text,
    Cut,
}

/// One to four of them, in the order in which they are done.
fn choose(dice: &mut Dice) -> Vec<Damage> {
    use Damage::{Bytes, Cut, Kernel, Memory, Swap, Text};
    let one = |dice: &mut Dice| [Cut, Bytes, Memory, Kernel, Swap, Text][dice.pick(6)];
    let count = [1, 1, 2, 2, 3, 4][dice.pick(6)];
    let mut kinds: Vec<Damage> = (0..count).map(|_| one(dice)).collect();
    kinds.sort();
    kinds
}

/// The dump of a machine in a form, damaged.
fn damaged(machine: &mut Built, form: Form, kinds: &[Damage], dice: &mut Dice) -> Vec<u8> {
    let mut damaged = Damaged { built: machine, sound: BTreeMap::new() };
    for kind in kinds {
        match kind {
            Damage::Memory => damage_memory(&mut damaged, dice),
            Damage::Kernel => damage_kernel(&mut damaged, dice),
            _ => {}
        }
    }
    let mut bytes = damaged.built.bytes(form);
    for kind in kinds {
        if bytes.is_empty() {
            break;
        }
        match kind {
            Damage::Bytes => damage_bytes(&mut bytes, dice),
            Damage::Swap => swap_fields(&mut bytes, dice),
            Damage::Text => hostile_text(&mut bytes, dice),
            Damage::Cut => bytes.truncate(dice.pick(bytes.len())),
            Damage::Memory | Damage::Kernel => {}
        }
    }
    bytes
}

/// Time that this thread has had a processor, as Linux counts it.
fn own_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or(0))
}

#[test]
fn damaged_dumps_end_in_an_error_or_an_answer() {
    let count = number("POOLMON_MUTATIONS", 600);
    let mut dice = Dice::new(number("POOLMON_SEED", 7));
    let mut machines: Vec<Built> = [
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
    let mut slowest = (Duration::ZERO, String::new());
    for round in 0..count {
        if round > 0 && round % 20_000 == 0 {
            eprintln!("{round} of {count}, slowest {:?}: {}, {} MiB", slowest.0, slowest.1, peak() >> 10);
        }
        let which = dice.pick(machines.len());
        let forms = if machines[which].spec.arch.is_32() { &narrow[..] } else { &wide[..] };
        let form = forms[dice.pick(forms.len())];
        let kinds = choose(&mut dice);
        let bytes = damaged(&mut machines[which], form, &kinds, &mut dice);
        let what = || format!("round {round}: {form:?} of {:?}, {kinds:?}", machines[which].spec);
        let before = own_time();
        let outcome = std::panic::catch_unwind(|| exercise(bytes));
        let took = own_time().saturating_sub(before);
        if took > slowest.0 {
            slowest = (took, what());
        }
        let Ok(outcome) = outcome else { panic!("{}", what()) };
        if let Some(used) = outcome {
            answered += 1;
            let same = reported(&used) == plants[which];
            right += u64::from(same);
            // A file that was cut never passes for whole with other figures.
            let cut = kinds.iter().all(|&kind| kind == Damage::Cut);
            assert!(!cut || same || !used.complete, "{}", what());
        }
    }
    eprintln!("{count} damaged dumps: {answered} answered, {right} of them with the planted table");
    assert!(answered > 0 && answered < count);
    eprintln!("peak memory: {} MiB; slowest: {:?}, {}", peak() >> 10, slowest.0, slowest.1);
    assert!(peak() < 256 << 10, "{} KiB", peak());
}

/// The most memory that this process ever had, in KiB; 0 where the system is not Linux.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}
