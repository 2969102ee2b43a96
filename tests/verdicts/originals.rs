//! The cases in the histories in which the faults were found. They cannot be in this repository.

use std::fs;
use std::path::PathBuf;

use poolmon_model::Sample;
use poolmon_read::{ReadOptions, SampleSeries};
use poolmon_testkit::shared;

use crate::cases;
use crate::judged::Judged;

fn original(name: &str) -> Option<Judged> {
    let folder = shared(&format!("cases/verdicts/{name}/logs"))?;
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut series = SampleSeries::open(&files, ReadOptions::default()).unwrap();
    let mut samples = Vec::new();
    loop {
        let mut sample = Sample::empty();
        if !series.next_into(&mut sample).unwrap() {
            break;
        }
        samples.push(sample);
    }
    Some(Judged::of(samples))
}

macro_rules! originals {
    ($( $(#[$ignore:meta])? $test:ident: $name:literal, $check:expr; )+) => {
        $(
            #[test]
            $(#[$ignore])?
            fn $test() {
                if let Some(judged) = original($name) {
                    let check: fn(&Judged) = $check;
                    check(&judged);
                }
            }
        )+
    };
}

originals! {
    #[ignore = "judged wrongly today: named among what grows, but neither first nor with the share that was never freed"]
    thirty_minutes_keep_95_percent: "30min-keeps-95-percent", |judged| cases::keeps_95_percent(judged, "f2c8");
    a_leak_accelerates: "accel-called-load", |judged| cases::accelerates(judged, "VXMu");
    the_biggest_grower_is_named: "biggest-leak-not-named", |judged| cases::biggest_named(judged, "z8nC");
    #[ignore = "judged wrongly today: a table of new names would keep as much, and need fewer of them, too"]
    the_biggest_leak_is_named: "biggest-leak-not-named", |judged| cases::biggest(judged, "z8nC");
    a_flash_crowd_follows_a_leak: "flash-crowd-cuts-the-leak-off", |judged| cases::flash_crowd(judged, "fs_pkcp_cache");
    slabs_are_half_empty: "fragmentation-called-leak", |judged| cases::fragmentation(judged, "blk_mdbc_entry");
    a_leak_has_an_interval_above_zero: "interval-holds-zero", |judged| cases::interval(judged, "SEyP");
    noisy_layers_grow_in_lockstep: "lockstep-not-seen", |judged| assert_eq!(judged.group("Ezsv").len(), 5);
    a_lockstep_group_is_a_leak: "lockstep-under-not-called-a-leak", |judged| cases::group_is_a_leak(judged, "zAx4", "b5fd");
    allocations_rise_and_fall: "only-ever-rises-is-false", |judged| cases::rises_and_falls(judged, "kvmM");
    a_queue_fills: "queue-filling-called-leak", |judged| cases::queue(judged, "bX2w");
    #[ignore = "judged wrongly today: of logs without times, the one with larger objects is not named"]
    six_logs_are_taken_by_hand: "six-hand-logs", |judged| cases::few_logs(judged, "CXnC", "WmHz");
    a_leak_comes_in_bursts: "staircase-called-one-jump", |judged| cases::staircase(judged, "drv_hfvs");
    two_leaks_follow_one_load: "two-leaks-joined-as-lockstep", |judged| cases::two_leaks(judged, "G4LC", "ZebH");
}
