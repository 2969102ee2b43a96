//! Random machines, reboots, orders and names: what is read of them is true, or they are refused.
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::float_cmp, reason = "a test")]

use jiff::SignedDuration;
use poolmon_model::{Pool, Row, Sample, Tag};

use super::*;

/// Numbers at random, the same for the same seed.
struct Dice(u64);

impl Dice {
    /// From 0 to 1.
    fn part(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((number ^ (number >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, from: f64, to: f64) -> f64 {
        from + self.part() * (to - from)
    }

    /// As likely in each decade.
    fn scaled(&mut self, from: f64, to: f64) -> f64 {
        self.between(from.ln(), to.ln()).exp()
    }

    fn below(&mut self, end: usize) -> usize {
        ((self.part() * end as f64) as usize).min(end - 1)
    }

    fn is(&mut self, chance: f64) -> bool {
        self.part() < chance
    }
}

/// One file, and the truth of it.
#[derive(Clone)]
struct File {
    counted: Counted,
    machine: usize,
    boot: usize,
    hour: f64,
    /// What its clock showed.
    shown: f64,
}

struct Tags {
    rate: Vec<f64>,
    live: Vec<f64>,
}

impl Tags {
    fn new(dice: &mut Dice, count: usize) -> Self {
        Self {
            rate: (0..count).map(|_| dice.scaled(3.0, 1e5)).collect(),
            live: (0..count).map(|_| dice.scaled(10.0, 5000.0)).collect(),
        }
    }

    fn alike(&self, dice: &mut Dice, by: f64) -> Self {
        let mut vary = |of: &[f64]| of.iter().map(|one| one * dice.scaled(1.0 / by, by)).collect();
        Self { rate: vary(&self.rate), live: vary(&self.live) }
    }
}

/// The files of one machine, in the order of time.
fn machine(dice: &mut Dice, machine: usize, tags: &Tags, reboots: f64, files: Option<usize>) -> Vec<File> {
    let count = tags.rate.len();
    let mut uptime = dice.scaled(0.5, 1000.0);
    let (mut hour, mut boot) = (dice.between(0.0, 0.9), 0);
    let mut tags = tags.alike(dice, 1.0001);
    let decoys = dice.below(1 + count / 25);
    let leak = dice.below(count);
    let files = files.unwrap_or_else(|| 4 + dice.below(10));
    let mut all = Vec::new();
    for _ in 0..files {
        let mut sample = Sample::empty();
        for tag in 0..count {
            // Tags are not loaded yet, or no longer.
            if dice.is(0.01) {
                continue;
            }
            let leaked = if tag == leak { 300.0 * hour } else { 0.0 };
            let live = tags.live[tag] * dice.between(0.98, 1.02) + leaked;
            let mut frees = tags.rate[tag] * (uptime + 0.3);
            if tag < decoys {
                frees = dice.scaled(1.0, 1e6);
            }
            let narrow = |number: f64| (number as u64) % (1 << 32);
            let name = [b'T', b'0' + (tag / 10) as u8, b'0' + (tag % 10) as u8, b' '];
            let allocs = narrow(frees + live);
            sample.rows.push(Row::windows(Tag::pool(name), Pool::Paged, allocs, narrow(frees), 64));
        }
        all.push(File { counted: Counted::of(&sample), machine, boot, hour, shown: hour });
        let step = if dice.is(0.05) { dice.between(5.0, 40.0) } else { dice.between(0.9, 1.1) };
        hour += step;
        uptime += step;
        if dice.is(reboots) {
            boot += 1;
            uptime = dice.between(0.05, 0.95) * step;
            tags = tags.alike(dice, 1.3);
        }
    }
    all
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Clock,
    ClockSetBack,
    Numbers,
    NumbersDown,
    Letters,
    Dates,
    DatesDown,
    DatesAtRandom,
}

const WAYS: [Way; 8] = [
    Way::Clock,
    Way::ClockSetBack,
    Way::Numbers,
    Way::NumbersDown,
    Way::Letters,
    Way::Dates,
    Way::DatesDown,
    Way::DatesAtRandom,
];

/// What is read of files, as the series does; `None` if they are refused.
fn read(files: &[File], way: Way) -> Option<Vec<File>> {
    let of = |files: &[File]| files.iter().map(|file| file.counted.clone()).collect::<Vec<_>>();
    let mut kept = files.to_vec();
    loop {
        let counted = of(&kept);
        let Some(groups) = machines(&counted.iter().collect::<Vec<_>>()) else { break };
        let largest = groups.iter().rev().max_by_key(|group| group.len()).unwrap();
        kept = largest.iter().map(|at| kept[*at].clone()).collect();
    }
    let falls_of = |files: &[File]| falls(of(files).iter());
    let names = matches!(way, Way::Numbers | Way::NumbersDown | Way::Letters);
    if names {
        let ascending = falls_of(&kept);
        kept.reverse();
        if falls_of(&kept) >= ascending {
            kept.reverse();
        }
    }
    let start: Timestamp = "2026-03-04T08:00:00Z".parse().unwrap();
    let times: Vec<Timestamp> = kept
        .iter()
        .map(|file| start + SignedDuration::from_millis((file.shown * 3_600_000.0) as i64))
        .collect();
    let counted = of(&kept);
    let given = match way {
        Way::Clock | Way::ClockSetBack => Given::Clock(&times),
        Way::Dates | Way::DatesDown | Way::DatesAtRandom => Given::FileDates(&times),
        Way::Numbers | Way::NumbersDown | Way::Letters => Given::Names,
    };
    match order(&counted.iter().collect::<Vec<_>>(), given) {
        Order::Given => Some(kept),
        Order::Counts { order, .. } => Some(order.into_iter().map(|at| kept[at].clone()).collect()),
        Order::Unclear(_) => None,
    }
}

/// The files of some machines in the order that is given; whether other boots of one machine would look the same: the counts rise,
/// or the boots do not lie between each other.
fn made(dice: &mut Dice, way: Way, number: usize) -> (Vec<File>, bool) {
    let count = 20 + dice.below(40);
    let first = Tags::new(dice, count);
    let kin = dice.is(0.3);
    let reboots = if dice.is(0.5) { 0.0 } else { 0.1 };
    let mut files = Vec::new();
    for at in 0..number {
        let tags = if kin { first.alike(dice, 1.5) } else { Tags::new(dice, count) };
        files.extend(machine(dice, at, &tags, reboots, None));
    }
    let last = files.iter().fold(0.0_f64, |last, file| last.max(file.hour));
    let (moment, back) = (dice.between(0.3, 0.7) * last, dice.between(0.6, 8.0));
    for file in &mut files {
        file.shown = match way {
            Way::ClockSetBack if file.hour > moment => file.hour - back,
            Way::DatesDown | Way::NumbersDown => -file.hour,
            Way::Letters | Way::DatesAtRandom => dice.between(0.0, 20.0),
            _ => file.hour,
        };
    }
    files.sort_by(|a, b| a.shown.total_cmp(&b.shown));
    let rises = falls_either_way(&files.iter().map(|file| &file.counted).collect::<Vec<_>>()) == 0;
    let boot = |file: &File| (file.machine, file.boot);
    let mut boots: Vec<_> = files.iter().map(boot).collect();
    boots.dedup();
    let in_turn = boots.iter().enumerate().any(|(at, one)| boots[..at].contains(one));
    (files, rises || !in_turn)
}

/// What was read of one case.
struct Case {
    way: Way,
    /// There is one machine, which did not reboot.
    one_boot: bool,
    /// All files of one machine, in the order in which they were taken.
    exact: bool,
    refused: bool,
}

/// One case, or what is wrong with what is read of it.
fn case(seed: u64) -> Result<Case, String> {
    let mut dice = Dice(seed);
    let way = WAYS[dice.below(WAYS.len())];
    let number = 1 + dice.below(4);
    let (files, undecidable) = made(&mut dice, way, number);
    let rises = |a: &File, b: &File| a.counted.goes_on(&b.counted) == Some(true);
    let one_boot = files.iter().all(|file| (file.machine, file.boot) == (0, 0));
    let Some(read) = read(&files, way) else {
        return Ok(Case { way, one_boot, exact: false, refused: true });
    };
    for pair in read.windows(2) {
        let [a, b] = pair else { continue };
        if !rises(a, b) || undecidable {
            continue;
        }
        if a.machine != b.machine {
            return Err(format!("{way:?}: {number} machines: growth from {} to {}", a.machine, b.machine));
        }
        // Where the counts go on in the order that is given, or turned round, it is not doubted.
        let own: Vec<&File> = files.iter().filter(|file| file.machine == a.machine).collect();
        let is_next =
            |a: &File, b: &File| own.windows(2).any(|pair| pair[0].hour == a.hour && pair[1].hour == b.hour);
        let as_given = is_next(a, b) || is_next(b, a);
        // Nor can a boot whose levels are those of another one.
        let level = |file: &File| logarithms(&file.counted, Count::live);
        let is_alike = distance(&level(a), &level(b)) < LEVEL * APART;
        if !as_given && !is_alike && a.hour > b.hour {
            return Err(format!(
                "{way:?}: {number} machines: {} h of boot {} before {} h",
                a.hour, a.boot, b.hour
            ));
        }
    }
    let one = read.iter().all(|file| file.machine == read[0].machine);
    let whole = one && read.len() == files.iter().filter(|file| file.machine == read[0].machine).count();
    let exact = whole && read.windows(2).all(|pair| pair[0].hour < pair[1].hour);
    Ok(Case { way, one_boot, exact, refused: false })
}

/// Judges cases; how many were read exactly and refused, of those whose order is right, and of one boot in any order.
fn judge(seeds: std::ops::Range<u64>) {
    let (mut right, mut one_boot) = ([0_u32; 3], [0_u32; 3]);
    for seed in seeds {
        let case = case(seed).unwrap_or_else(|wrong| panic!("{seed}: {wrong}"));
        let is_right = matches!(case.way, Way::Clock | Way::Numbers | Way::NumbersDown | Way::Dates);
        let tallies = [(&mut right, is_right), (&mut one_boot, case.one_boot)];
        for (tally, _) in tallies.into_iter().filter(|(_, counts)| *counts) {
            tally[0] += 1;
            tally[1] += u32::from(case.exact);
            tally[2] += u32::from(case.refused);
        }
    }
    // All, exact, refused.
    assert!(right[1] * 100 > right[0] * 85 && right[2] * 100 < right[0] * 5, "{right:?}");
    assert!(one_boot[1] * 100 > one_boot[0] * 85 && one_boot[2] * 100 < one_boot[0], "{one_boot:?}");
}

#[test]
fn machines_are_never_mixed_and_an_order_is_never_invented() {
    judge(0..10_000);
}

/// More files than each is compared with: a week of one sample in five minutes.
#[test]
fn many_files_are_separated_and_put_in_order_too() {
    for seed in 0..4 {
        let mut dice = Dice(seed);
        let mut files = Vec::new();
        for at in 0..2 {
            let mut tags = Tags::new(&mut dice, 25);
            // Faster than what is live varies: of a thousand steps, not one may look like a reboot.
            tags.rate.iter_mut().for_each(|rate| *rate += 2000.0);
            files.extend(machine(&mut dice, at, &tags, 0.0, Some(1008)));
        }
        files.sort_by(|a, b| a.hour.total_cmp(&b.hour));
        assert!(files.len() > 4 * MOST_FILES);
        let counted: Vec<&Counted> = files.iter().map(|file| &file.counted).collect();
        let groups = machines(&counted).unwrap_or_else(|| panic!("{seed}: two machines"));
        let own = |group: &Vec<usize>| group.iter().all(|at| files[*at].machine == files[group[0]].machine);
        assert!(groups.len() == 2 && groups.iter().all(|group| group.len() == 1008 && own(group)), "{seed}");
        // Names say nothing of the order.
        let mut shuffled: Vec<&File> = groups[0].iter().map(|at| &files[*at]).collect();
        shuffled.sort_by_cached_key(|_| dice.below(1 << 40));
        let counted: Vec<&Counted> = shuffled.iter().map(|file| &file.counted).collect();
        let Order::Counts { order, .. } = order(&counted, Given::Names) else { panic!("{seed}: no order") };
        assert!(order.windows(2).all(|pair| shuffled[pair[0]].hour < shuffled[pair[1]].hour), "{seed}");
    }
}

#[test]
#[ignore = "takes minutes; run it with --release after a change of this module"]
fn machines_are_never_mixed_in_many_cases() {
    judge(1_000_000..1_200_000);
}
