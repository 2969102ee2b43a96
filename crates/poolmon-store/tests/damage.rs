//! Cut, flip or overwrite anywhere: FORMAT.md says what is lost, and no more is.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "small numbers of a test"
)]

mod common;

use common::{FrameAt, frames, read_all, sample, segment};
use poolmon_model::Sample;
use poolmon_store::internal::{BURST, FrameKind};
use poolmon_store::{Losses, Recorder, RecorderConfig};
use proptest::prelude::*;

fn originals(count: u64) -> Vec<Sample> {
    (0..count).map(sample).collect()
}

/// Every byte of a segment; of padding, whose bytes are all alike, some.
fn places(bytes: &[u8]) -> impl Iterator<Item = usize> + use<> {
    let padding: Vec<_> =
        frames(bytes).into_iter().filter(|frame| frame.kind == FrameKind::Padding).collect();
    let dull = move |at: usize| {
        padding.iter().any(|frame| at > frame.start + 40 && at + 40 < frame.end && !at.is_multiple_of(97))
    };
    (0..bytes.len()).filter(move |&at| !dull(at))
}

#[test]
fn a_whole_segment_comes_back() {
    for closed in [false, true] {
        let (bytes, _) = segment(700, closed);
        let (samples, cursor) = read_all(bytes);
        assert!(samples == originals(700), "{} samples", samples.len());
        assert_eq!(cursor.losses(), Losses::default());
    }
}

#[test]
fn every_cut_keeps_every_frame_before_it() {
    let (bytes, starts) = segment(40, false);
    let (all, _) = read_all(bytes.clone());
    let frames = frames(&bytes);
    for cut in 0..=bytes.len() {
        let (samples, cursor) = read_all(bytes[..cut].to_vec());
        let whole = frames.iter().filter(|frame| frame.end <= cut);
        // The first sample is there twice.
        let expected = whole.filter_map(FrameAt::held).max().map_or(0, |last| last as usize + 1);
        assert!(samples == all[..expected], "cut at {cut}: {} of {expected}", samples.len());
        let torn = starts.iter().rfind(|&&start| start <= cut).map_or(cut, |start| cut - start);
        assert_eq!(cursor.losses().torn, torn as u64, "cut at {cut}");
    }
}

#[test]
fn a_flip_of_any_byte_of_a_closed_segment_loses_nothing() {
    let (bytes, _) = segment(70, true);
    let all = originals(70);
    for at in places(&bytes) {
        let mut damaged = bytes.clone();
        damaged[at] ^= if at % 2 == 0 { 0x01 } else { 0xff };
        let (samples, cursor) = read_all(damaged);
        assert!(samples == all, "byte {at}: {} samples, {:?}", samples.len(), cursor.losses());
    }
}

#[test]
fn a_lost_sector_anywhere_in_a_closed_segment_loses_nothing() {
    // One group, shorter than a sector; several.
    for (count, step) in [(40, 1), (300, 97)] {
        let (bytes, _) = segment(count, true);
        let all = originals(count);
        for at in places(&bytes).step_by(step) {
            let mut damaged = bytes.clone();
            let end = (at + BURST).min(bytes.len());
            damaged[at..end].fill(if at % 2 == 0 { 0 } else { 0xf7 });
            let (samples, cursor) = read_all(damaged);
            assert!(samples == all, "{count}, byte {at}: {} samples, {:?}", samples.len(), cursor.losses());
        }
    }
}

#[test]
fn a_flip_of_any_byte_of_an_open_segment_loses_its_frame_and_the_rest_of_its_group() {
    let (bytes, _) = segment(130, false);
    let (all, frames) = (originals(130), frames(&bytes));
    let key = frames.iter().rfind(|frame| frame.kind == FrameKind::Key).unwrap().start;
    for at in places(&bytes).step_by(3) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        let (samples, _) = read_all(damaged);
        // The last group has no parity yet. Its key can be done without.
        let hit = frames.iter().find(|frame| frame.start <= at && at < frame.end);
        let hit = hit.filter(|frame| frame.start > key && frame.kind == FrameKind::Delta);
        let safe = hit.map_or(all.len(), |frame| frame.sample as usize);
        assert!(samples == all[..safe], "byte {at}: {} of {safe}", samples.len());
    }
}

#[test]
fn the_next_recorder_protects_what_a_killed_one_could_not() {
    // Killed in a group, and between a key and the parity of the group before it.
    let (bytes, _) = segment(300, false);
    let key = *frames(&bytes).iter().rfind(|frame| frame.kind == FrameKind::Key).unwrap();
    for length in [bytes.len(), key.end] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("00000000-20261123T000000Z.plog");
        std::fs::write(&path, &bytes[..length]).unwrap();
        let (_, report) = Recorder::open(folder.path(), RecorderConfig::default()).unwrap();
        assert_eq!(report.recovered.len(), 1);
        let closed = std::fs::read(&path).unwrap();
        let all = originals(if length == key.end { u64::from(key.sample) + 1 } else { 300 });
        for at in (0..closed.len()).step_by(509) {
            let mut damaged = closed.clone();
            let end = (at + BURST).min(closed.len());
            damaged[at..end].fill(0x55);
            let (samples, cursor) = read_all(damaged);
            assert!(samples == all, "byte {at}: {} samples, {:?}", samples.len(), cursor.losses());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever one damage takes, everything before it is there, and everything from the next key on.
    #[test]
    fn larger_damage_ends_at_the_next_key(first: prop::sample::Index, length in 1_usize..60_000, with: u8) {
        let (bytes, _) = segment(700, true);
        let all = originals(700);
        let from = first.index(bytes.len());
        let to = (from + length).min(bytes.len());
        let mut damaged = bytes.clone();
        for byte in &mut damaged[from..to] {
            *byte = byte.wrapping_add(with | 1);
        }
        let (samples, cursor) = read_all(damaged);
        let frames = frames(&bytes);
        let before = frames.iter().take_while(|frame| frame.end <= from).filter_map(FrameAt::held).max();
        let before = before.map_or(0, |last| last as usize + 1);
        let key = frames.iter().find(|frame| frame.start >= to && frame.kind == FrameKind::Key);
        let after = key.map_or(all.len(), |frame| frame.sample as usize);
        prop_assert!(samples.len() >= before && samples[..before] == all[..before], "{} before", before);
        // The key's sample and all behind it.
        let rest = all.len() - after.max(before);
        prop_assert!(samples[samples.len() - rest..] == all[all.len() - rest..], "{} from the key on", rest);
        // What is between is an original or is not there; and it is said how many are missing before the last read.
        let mut originals = all.iter();
        prop_assert!(samples.iter().all(|sample| originals.any(|original| original == sample)));
        let missing = all.len() - samples.len();
        let said = cursor.losses().samples as usize;
        prop_assert!(said == missing || rest == 0 && said <= missing, "{} of {}", said, missing);
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

/// What damage left of a recording is said by all who look: that nothing is left, and where it is from if its header is gone.
#[test]
fn what_is_left_of_a_recording_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("00000000-20261130T120000Z.plog");
    let (bytes, _) = segment(40, true);
    let opened = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        poolmon_store::Recording::open(folder.path()).unwrap()
    };
    let whole = opened(&bytes);
    let info = whole.info().unwrap();
    assert_eq!(whole.verify().unwrap().in_words(false), None);
    // Everything but the header.
    let head = frames(&bytes).first().unwrap().start;
    let mut wiped = bytes.clone();
    wiped[head..].fill(0);
    let destroyed = opened(&wiped);
    let problem = destroyed.no_sample();
    assert!(problem.to_string().ends_with("no sample in it can be read"), "{problem}");
    let remedy = poolmon_model::problem::Remedy::remedy(&problem).unwrap();
    assert!(remedy.starts_with("see why: poolmon verify "), "{remedy}");
    // The header alone.
    let mut headless = bytes.clone();
    headless[4..head].fill(0);
    let headless = opened(&headless);
    let damage = headless.verify().unwrap().in_words(false).unwrap();
    assert!(damage.contains("the header of 1 of 1 segment is damaged"), "{damage}");
    let known = headless.info().unwrap();
    assert_eq!((&known.hosts, &known.kinds, known.samples), (&info.hosts, &info.kinds, 40));
    assert_eq!(known.width, info.width);
    // Cut at its end, later samples may be missing; of a segment that is being written, that is usual.
    let cut = opened(&bytes[..bytes.len() * 2 / 3]);
    let found = cut.verify().unwrap();
    assert!(found.in_words(false).unwrap().contains("later samples may be missing"), "{found:?}");
    assert_eq!(found.in_words(true), None);
}
