//! `poolmon verify`: whether a recording is whole.

use std::io::Write;

use poolmon_model::units::counted as count;
use poolmon_render::recording::verify;
use poolmon_store::SegmentCheck;

use crate::app::outcome::Outcome;
use crate::app::say;
use crate::cli::verify::VerifyArgs;

/// Reads every frame and every sample. Exit code 1 if something is damaged.
pub fn run(args: &VerifyArgs) -> anyhow::Result<Outcome> {
    let recording = poolmon_read::recording(&args.recording)?;
    let written_now = recording.info()?.recording;
    let found = recording.verify()?;
    let mut out = say::out(true);
    let newest = found.segments.len().saturating_sub(1);
    let (mut damaged, mut samples, mut lost, mut is_cut) = (0_u64, 0, 0, false);
    for (n, segment) in found.segments.iter().enumerate() {
        // The last frame of the segment that is written now may be on its way.
        let whole = segment.is_whole() || (written_now && n == newest && only_torn(segment));
        damaged += u64::from(!whole);
        is_cut |= !whole && segment.losses.torn > 0;
        samples += segment.samples;
        lost += segment.losses.samples;
        if !whole || !say::is_quiet() {
            writeln!(out, "{}", verify::segment(segment, whole, written_now && n == newest))?;
        }
    }
    let segments = count(found.segments.len() as u64, "segment");
    if damaged == 0 {
        if !say::is_quiet() {
            writeln!(out, "{segments}, {}: intact", count(samples, "sample"))?;
        }
        return Ok(Outcome::Done);
    }
    writeln!(
        out,
        "{damaged} of {segments} damaged: {} can be read, {}\n{}",
        count(samples, "sample"),
        verify::lost(lost, is_cut),
        match samples {
            0 => "nothing of it can be analysed: look for a copy of its files",
            _ => "everything else in the recording is readable; damaged files need no repair",
        }
    )?;
    out.flush()?;
    Ok(Outcome::Failed)
}

fn only_torn(segment: &SegmentCheck) -> bool {
    !segment.head_damaged
        && segment.damage.is_empty()
        && segment.losses.bytes == 0
        && segment.losses.samples == 0
}
