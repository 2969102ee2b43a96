//! Cut or flip anywhere: nothing but the frames that were touched is lost, and parity brings most of those back.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "small numbers of a test"
)]

mod common;

use common::{read_all, sample, segment};
use pool_model::Sample;
use proptest::prelude::*;

fn originals(count: u64) -> Vec<Sample> {
    (0..count).map(sample).collect()
}

#[test]
fn a_whole_segment_comes_back() {
    for closed in [false, true] {
        let (bytes, _) = segment(700, closed);
        let (samples, cursor) = read_all(bytes);
        assert!(samples == originals(700), "{} samples", samples.len());
        assert_eq!(cursor.losses(), pool_store::Losses::default());
    }
}

#[test]
fn every_cut_keeps_every_frame_before_it() {
    let (bytes, starts) = segment(40, false);
    let (all, _) = read_all(bytes.clone());
    for cut in 0..=bytes.len() {
        let (samples, cursor) = read_all(bytes[..cut].to_vec());
        let whole = starts[1..].iter().filter(|&&end| end <= cut).count();
        // The first sample stands there twice.
        let expected = if whole < 2 { whole } else { (whole - 1).min(all.len()) };
        assert!(samples == all[..expected], "cut at {cut}: {} of {expected}", samples.len());
        let torn = starts.iter().rfind(|&&start| start <= cut).map_or(cut, |start| cut - start);
        assert_eq!(cursor.losses().torn, torn as u64, "cut at {cut}");
    }
}

#[test]
fn a_flip_of_any_byte_of_a_closed_segment_loses_nothing() {
    let (bytes, _) = segment(70, true);
    let all = originals(70);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= if at % 2 == 0 { 0x01 } else { 0xff };
        let (samples, cursor) = read_all(damaged);
        assert!(samples == all, "byte {at}: {} samples, {:?}", samples.len(), cursor.losses());
    }
}

#[test]
fn a_damaged_frame_of_an_open_segment_costs_only_what_follows_it_before_the_next_key() {
    let (bytes, starts) = segment(600, false);
    let all = originals(600);
    let mut damaged = bytes.clone();
    // A frame after the last parity.
    let frame = starts.len() - 4;
    damaged[starts[frame] + 30] ^= 1;
    let (samples, cursor) = read_all(damaged);
    assert!(samples == all[..all.len() - 3], "{} samples", samples.len());
    assert!(cursor.losses().bytes > 0);
}

#[test]
fn keys_alone_are_enough() {
    // Deltas and parity of the first group are overwritten: reading goes on at the next key.
    let (bytes, starts) = segment(600, true);
    let all = originals(600);
    let mut damaged = bytes.clone();
    for byte in &mut damaged[starts[2]..starts[200]] {
        *byte = 0;
    }
    let (samples, cursor) = read_all(damaged);
    assert_eq!(samples[0], all[0]);
    let rest = &samples[1..];
    assert!(rest.len() > 300, "{}", rest.len());
    assert!(rest == &all[all.len() - rest.len()..]);
    assert_eq!(cursor.losses().samples as usize, all.len() - samples.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn up_to_seven_frames_in_a_row_come_back(first in 2_usize..240, width in 1_usize..7, with: u8) {
        let (bytes, starts) = segment(260, true);
        let last = (first + width).min(starts.len() - 2);
        let mut damaged = bytes.clone();
        for byte in &mut damaged[starts[first]..starts[last]] {
            *byte ^= with | 1;
        }
        let (samples, _) = read_all(damaged);
        prop_assert!(samples == originals(260), "{} samples", samples.len());
    }

    #[test]
    fn whatever_is_read_from_damaged_bytes_was_written(
        holes in prop::collection::vec((0_usize..100_000, 1_usize..5000, any::<u8>()), 1..6),
    ) {
        let (bytes, _) = segment(500, true);
        let all = originals(500);
        let mut damaged = bytes.clone();
        for (at, length, with) in holes {
            let at = at % damaged.len();
            let end = (at + length).min(damaged.len());
            damaged[at..end].fill(with);
        }
        let (samples, _) = read_all(damaged);
        let mut rest = all.iter();
        for sample in &samples {
            prop_assert!(rest.any(|original| original == sample), "a sample that was never written");
        }
    }
}
