use std::collections::HashSet;

use poolmon_model::{Key, Sample};

use super::*;

const LEAKS: [Mechanism; 18] = [
    Mechanism::PerRequest,
    Mechanism::BusyRow,
    Mechanism::Timer,
    Mechanism::WorkingHours,
    Mechanism::Accelerating,
    Mechanism::ErrorPath,
    Mechanism::Staircase,
    Mechanism::Stopped,
    Mechanism::NightlyRestart,
    Mechanism::ProcessExit,
    Mechanism::PerExit,
    Mechanism::BigBlocks,
    Mechanism::CounterWrap,
    Mechanism::FileLayers,
    Mechanism::Connections,
    Mechanism::Threads,
    Mechanism::PerCpu,
    Mechanism::PageTables,
];

fn samples(host: Host) -> (Vec<Sample>, Truth) {
    let mut samples = Vec::new();
    let truth = host.run(|sample| samples.push(sample.clone()));
    (samples, truth)
}

/// Bytes of a row in each sample.
fn bytes(samples: &[Sample], key: &Key) -> Vec<f64> {
    let of = |sample: &Sample| {
        let row = sample.rows.iter().find(|row| row.tag == key.tag && row.pool == key.pool);
        let whole = || key.pool.whole().and_then(|_| sample.header.pool_total(key.pool));
        row.and_then(|row| row.counters.bytes).or_else(whole).unwrap_or(0) as f64
    };
    samples.iter().map(of).collect()
}

#[test]
fn equal_seeds_give_equal_hosts_and_sets_differ() {
    let run = |position| samples(Host::new(Seed::<Tuning>::nth(position)));
    let (first, truth) = run(0);
    let (again, again_truth) = run(0);
    assert_eq!(first, again);
    assert_eq!(truth.causes.len(), again_truth.causes.len());
    let (other, _) = samples(Host::new(Seed::<HeldOut>::nth(0)));
    assert_ne!(first[0].rows, other[0].rows);
}

#[test]
fn hosts_are_well_formed() {
    let mut leaks = 0;
    for seed in Seed::<Tuning>::first(25) {
        let host = Host::new(seed);
        let (rows, schedule) = (host.len(), host.schedule.clone());
        assert!((100..4100).contains(&rows), "{rows}");
        let (samples, truth) = samples(host);
        assert_eq!(samples.len(), schedule.hours.len());
        assert!(samples.windows(2).all(|pair| pair[0].time < pair[1].time));
        assert!(samples.windows(2).filter(|pair| pair[0].origin.boot != pair[1].origin.boot).count() <= 1);
        for sample in &samples {
            let mut seen = HashSet::new();
            assert!(sample.rows.iter().all(|row| seen.insert(row.key())), "a row is listed twice");
            assert!(sample.header.memory_available > Some(0), "the machine is full");
        }
        for row in &truth.rows {
            assert_eq!(row.lost.is_empty(), row.cause.is_none());
            assert!(row.lost.is_empty() || row.lost.len() == truth.hours.len());
        }
        for (number, cause) in truth.causes.iter().enumerate() {
            assert!(cause.members.iter().all(|&row| truth.rows[row].cause == Some(number)));
        }
        leaks += truth.causes.len();
    }
    assert!((12..60).contains(&leaks), "{leaks} leaks on 25 hosts");
}

/// What is lost is a part of what the row holds, so the row grows by it.
#[test]
fn every_leak_shows_in_its_rows() {
    for mechanism in LEAKS {
        let linux_only = matches!(mechanism, Mechanism::PerCpu | Mechanism::PageTables);
        let windows_only = mechanism == Mechanism::CounterWrap;
        for system in [System::Windows, System::Linux] {
            if (linux_only && system == System::Windows) || (windows_only && system == System::Linux) {
                continue;
            }
            let mut visible = 0;
            for seed in Seed::first(4) {
                let (samples, truth) = samples(Host::with(seed, system, Length::TwoDays, mechanism));
                let [cause] = truth.causes.as_slice() else {
                    panic!("{mechanism:?}: {}", truth.causes.len())
                };
                let from = samples.len() - truth.hours.len();
                for &member in &cause.members {
                    let row = &truth.rows[member];
                    let held = bytes(&samples[from..], &row.key);
                    let holds = held.iter().zip(&row.lost).all(|(held, lost)| *held >= lost * 0.9 - 65_536.0);
                    assert!(holds, "{mechanism:?} {system:?}: {:?} holds less than it lost", row.key);
                }
                visible += u32::from(cause.visible || cause.members.is_empty());
            }
            assert!(visible >= 1, "{mechanism:?} {system:?}: visible in {visible} of 4 hosts");
        }
    }
}

#[test]
fn releases_and_ends_are_in_the_truth() {
    let standing = |mechanism, seed| {
        let (_, truth) = samples(Host::with(Seed::nth(seed), System::Windows, Length::TwoWeeks, mechanism));
        truth.causes[0].standing
    };
    for seed in 0..4 {
        assert_eq!(standing(Mechanism::NightlyRestart, seed), Standing::Bounded);
        assert_eq!(standing(Mechanism::Timer, seed), Standing::Leaks);
        assert!(matches!(standing(Mechanism::Stopped, seed), Standing::Stopped | Standing::Silent));
    }
}

#[test]
fn growth_without_a_leak_has_no_cause() {
    for mechanism in [Mechanism::QueueFilling, Mechanism::ColdTable, Mechanism::CacheFilling, Mechanism::Scan]
    {
        let mut grew = 0;
        for seed in Seed::first(5) {
            let (samples, truth) = samples(Host::with(seed, System::Windows, Length::SixHours, mechanism));
            assert!(truth.causes.is_empty());
            let row = truth.rows.iter().rfind(|row| row.mechanism == mechanism).unwrap();
            let held = bytes(&samples, &row.key);
            grew += u32::from(held[held.len() - 1] > held[0] * 1.02);
        }
        assert!(grew >= 2, "{mechanism:?}: {grew} of 5 grew");
    }
}

#[test]
fn fragmented_slabs_grow_while_their_objects_do_not() {
    let host = Host::with(Seed::nth(1), System::Linux, Length::TwoDays, Mechanism::Fragmentation);
    let (samples, truth) = samples(host);
    let row = truth.rows.iter().rfind(|row| row.mechanism == Mechanism::Fragmentation).unwrap();
    let held = bytes(&samples, &row.key);
    let listed = |sample: &Sample| {
        let row = sample.rows.iter().find(|listed| listed.tag == row.key.tag);
        row.and_then(|row| row.counters.reported_diff).unwrap() as f64
    };
    assert!(held[held.len() - 1] > 1.2 * held[0]);
    let objects: Vec<f64> = samples.iter().map(listed).collect();
    let (low, high) =
        objects.iter().fold((f64::MAX, 0.0_f64), |ends, &count| (ends.0.min(count), ends.1.max(count)));
    assert!(high < 3.0 * low, "{low} to {high}");
}

#[test]
fn counters_wrap_as_windows_reports_them() {
    let host = Host::with(Seed::nth(2), System::Windows, Length::TwoDays, Mechanism::CounterWrap);
    let (samples, truth) = samples(host);
    let row = truth.rows.iter().find(|row| row.mechanism == Mechanism::CounterWrap).unwrap();
    let allocs: Vec<u64> = samples
        .iter()
        .filter_map(|sample| sample.rows.iter().find(|listed| row.key.is_of(listed))?.counters.allocs)
        .collect();
    assert!(allocs.windows(2).any(|pair| pair[1] < pair[0]), "it wraps");
    assert!(allocs.iter().all(|&count| u32::try_from(count).is_ok()));
}
