//! The cases in histories of our own.

use crate::cases;
use crate::history::{History, Noise, Step};
use crate::judged::Judged;

const MIB: f64 = 1_048_576.0;

/// So many objects an hour are lost, of so many times as many that are allocated.
fn leak(an_hour: f64, times: f64) -> impl FnMut(&Step, &mut Noise) -> (f64, f64) {
    move |step, noise| {
        let lost = noise.count(an_hour * step.takes);
        let passed = noise.count(lost * (times - 1.0));
        (lost + passed, passed)
    }
}

/// Objects that are allocated in each eighth of a history of so many hours.
struct Eighths(f64, [f64; 8]);

impl Eighths {
    /// Objects expected in a step.
    fn of(&self, step: &Step) -> f64 {
        let eighth = self.0 / 8.0;
        let at = ((step.hours - step.takes / 2.0) / eighth) as usize;
        self.1[at.min(7)] * step.takes / eighth
    }
}

/// Objects with lifetimes of so many hours, of a service that starts with the first sample.
fn filling(an_hour: f64, lives: f64) -> impl FnMut(&Step, &mut Noise) -> (f64, f64) {
    let mut held = 0.0;
    move |step, noise| {
        let born = noise.count(an_hour * step.load * step.takes);
        let freed = noise.count(held * -(-step.takes / lives).exp_m1()).min(held);
        held += born - freed;
        (born, freed)
    }
}

fn judged(history: History) -> Judged {
    Judged::of(history.samples())
}

#[test]
#[ignore = "judged wrongly today: named among what grows, but neither first nor with the share that was never freed"]
fn thirty_minutes_keep_95_percent() {
    let mut history = History::every(5.0 / 60.0, 0.5, false);
    // 27 MiB/h of 704 bytes, beside a queue that grows by more in its first half hour.
    history.row("f2c8", 704, 7_222_316.0, 7_632_404.0, leak(27.0 * MIB / 704.0, 1.053));
    history.row("Queu", 1024, 0.0, 0.0, filling(60.0 * MIB / 1024.0, 0.8));
    cases::keeps_95_percent(&judged(history), "f2c8");
}

#[test]
fn a_leak_accelerates() {
    let mut history = History::every(10.0, 48.0, false);
    history.row("VXMu", 1328, 44_861.0, 1_502_902.0, |step, noise| {
        let lost = noise.count(1600.0 * step.hours / 48.0 * step.takes);
        let passed = noise.count(54_000.0 * step.load * step.takes);
        (lost + passed, passed)
    });
    cases::accelerates(&judged(history), "VXMu");
}

#[test]
fn the_biggest_grower_is_named() {
    let mut history = History::every(60.0, 48.0, false);
    // Its work is less at night and at the weekend.
    let work = Eighths(48.0, [644e3, 535e3, 587e3, 439e3, 333e3, 333e3, 388e3, 650e3]);
    history.row("z8nC", 384, 9_693_218.0, 9_695_104.0, move |step, noise| {
        let lost = noise.count(work.of(step));
        (lost, noise.count(lost * 0.0002))
    });
    history.row("yZ9z", 96, 11_100_823.0, 11_110_439.0, leak(93_200.0, 1.0008));
    cases::biggest_named(&judged(history), "z8nC");
}

#[test]
fn a_flash_crowd_follows_a_leak() {
    let mut history = History::every(1.0, 6.0, true);
    let work = Eighths(6.0, [104e3, 106e3, 144e3, 110e3, 133e3, 129e3, 245e3, 651e3]);
    history.row("fs_pkcp_cache", 96, 2_096_762.0, 2_096_762.0, move |step, noise| {
        (noise.count(work.of(step)), 0.0)
    });
    cases::flash_crowd(&judged(history), "fs_pkcp_cache");
}

#[test]
fn slabs_are_half_empty() {
    let mut history = History::every(10.0, 48.0, true);
    let mut now = 60_000.0;
    history.row("blk_mdbc_entry", 512, now, now, move |_, noise| {
        let next = 60_000.0 + 1200.0 * noise.normal();
        let (born, freed) = ((next - now).max(0.0).round(), (now - next).max(0.0).round());
        now += born - freed;
        (born, freed)
    });
    history.half_empty(2.2);
    cases::fragmentation(&judged(history), "blk_mdbc_entry");
}

#[test]
fn a_leak_has_an_interval_above_zero() {
    let mut history = History::every(10.0, 48.0, false);
    // A cold table of distinct names: ever fewer are new, with days and nights.
    let new = Eighths(48.0, [7017.0, 1265.0, 432.0, 1428.0, 3086.0, 868.0, 370.0, 1100.0]);
    history.row("SEyP", 1024, 618.0, 1622.0, move |step, noise| (noise.count(new.of(step)), 0.0));
    cases::interval(&judged(history), "SEyP");
}

#[test]
fn noisy_layers_grow_in_lockstep() {
    let mut history = History::every(10.0, 6.0, false);
    // Every object is lost with its layers, which hold others as well: those swing together with the open files.
    let lost = |number: usize| 55.0 + (number * 37 % 29) as f64;
    let open_files = |number: usize| 130.0 * (number as f64 * 2.4).sin() * (number as f64 * 0.7).cos();
    for (tag, size, held, follows, alone) in [
        ("Ezsv", 128, 75_429.0, 0.0, 4.0),
        ("File", 400, 339_250.0, 1.0, 20.0),
        ("NtFC", 224, 79_742.0, 0.9, 25.0),
        ("IoNm", 176, 79_731.0, 1.0, 20.0),
        ("FMfn", 480, 747_043.0, 0.9, 30.0),
    ] {
        let mut beside = 0.0;
        history.row(tag, size, held, held * 4.0, move |step, noise| {
            let now = (follows * open_files(step.number) + alone * noise.normal()).round();
            let more = lost(step.number) + now - beside;
            beside = now;
            let passed = noise.count(3.0 * lost(step.number));
            (more.max(0.0) + passed, passed + (-more).max(0.0))
        });
    }
    cases::lockstep(&judged(history), "Ezsv", &["File", "NtFC", "IoNm", "FMfn"]);
}

#[test]
#[ignore = "judged wrongly today: the group is not among the leaks"]
fn a_lockstep_group_is_a_leak() {
    let mut history = History::every(60.0, 336.0, false);
    let lost = |number: usize| 3050.0 + 900.0 * (number as f64 / 3.82).sin();
    for (tag, size, held) in [
        ("zAx4", 64, 741_427.0),
        ("File", 384, 745_857.0),
        ("FMfn", 509, 819_333.0),
        ("NtFC", 224, 745_852.0),
    ] {
        history.row(tag, size, held, held * 2.0, move |step, noise| {
            let passed = noise.count(33_000.0 * step.load * step.takes);
            (lost(step.number) + passed, passed)
        });
    }
    history.row("b5fd", 64, 2_180_873.0, 3_112_511_884.0, leak(12_100.0, 800.0));
    cases::group_is_a_leak(&judged(history), "zAx4", "b5fd");
}

#[test]
fn allocations_rise_and_fall() {
    let mut history = History::every(10.0, 48.0, false);
    history.row("kvmM", 704, 2_099_333.0, 99_678_395.0, |step, noise| {
        let passed = noise.count(3.6e6 * step.load * step.takes);
        let lost = noise.count(57_300.0 * step.takes);
        // Now and then much is freed at once that comes back within the hour.
        let back = if step.number % 8 == 3 { 25_000.0 } else { 0.0 };
        let returns = if step.number % 8 == 5 { 25_000.0 } else { 0.0 };
        (lost + passed + returns, passed + back)
    });
    cases::rises_and_falls(&judged(history), "kvmM");
}

#[test]
fn a_queue_fills() {
    let mut history = History::every(10.0, 48.0, false);
    history.row("bX2w", 96, 1134.0, 1_429_373.0, filling(45_700.0, 27.0));
    cases::queue(&judged(history), "bX2w");
}

#[test]
#[ignore = "judged wrongly today: the largest is not first, as few of its objects are allocated"]
fn six_logs_are_taken_by_hand() {
    let mut history = History::at(vec![0.0, 11.0, 14.0, 15.5, 44.0, 48.0], false);
    history.row("CXnC", 65_536, 9143.0, 15_077.0, leak(308.0, 1.6));
    history.row("WmHz", 96, 966_979.0, 976_141.0, leak(45_400.0, 1.01));
    cases::few_logs(&judged(history), "CXnC", "WmHz");
}

#[test]
fn a_leak_comes_in_bursts() {
    let mut history = History::every(10.0, 48.0, true);
    history.row("drv_hfvs", 384, 3_529_373.0, 3_529_373.0, |step, noise| {
        let size = match step.number {
            16 => 92_000.0,
            70 | 71 => 500_000.0,
            101 | 102 => 432_000.0,
            165 => 122_000.0,
            262 | 263 => 774_000.0,
            _ => 0.0,
        };
        (size + noise.count(4.0), 0.0)
    });
    cases::staircase(&judged(history), "drv_hfvs");
}

#[test]
fn two_leaks_follow_one_load() {
    let mut history = History::every(1.0, 6.0, false);
    let one = Eighths(6.0, [15_152.0, 17_234.0, 15_790.0, 16_575.0, 17_614.0, 16_587.0, 13_170.0, 12_399.0]);
    let other = Eighths(6.0, [2796.0, 2593.0, 2336.0, 2444.0, 2924.0, 3080.0, 2784.0, 2499.0]);
    history.row("G4LC", 256, 347_493.0, 347_791.0, move |step, noise| (noise.count(one.of(step)), 0.0));
    history.row("ZebH", 704, 99_811.0, 127_669.0, move |step, noise| {
        let passed = noise.count(1090.0 * step.takes);
        (noise.count(other.of(step)) + passed, passed)
    });
    // What the machine does is known from the rows that do it.
    for number in 0..16 {
        let work =
            Eighths(6.0, [0.994, 1.007, 0.946, 1.051, 1.123, 1.05, 0.904, 0.903].map(|part| part * 20_000.0));
        history.row(&format!("By{number:02}"), 512, 2000.0, 900_000.0, move |step, noise| {
            let passed = noise.count(work.of(step));
            (passed, passed)
        });
    }
    cases::two_leaks(&judged(history), "G4LC", "ZebH");
}
