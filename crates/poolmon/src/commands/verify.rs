//! `poolmon verify`: whether a recording is whole.

use std::io::{self, Write};

use poolmon_store::Recording;
use poolmon_store::reader::SegmentCheck;

use crate::Exit;
use crate::app::quantity::count;
use crate::cli::verify::VerifyArgs;

/// Reads every frame and every sample. Exit code 1 where something is damaged.
pub fn run(args: &VerifyArgs) -> anyhow::Result<()> {
    let recording = Recording::open(&args.recording)?;
    let written_now = recording.info()?.recording;
    let found = recording.verify()?;
    let mut out = io::stdout().lock();
    let newest = found.segments.len().saturating_sub(1);
    let (mut damaged, mut samples, mut lost) = (0_u64, 0, 0);
    for (n, segment) in found.segments.iter().enumerate() {
        // The last frame of the segment that is written now may be on its way.
        let whole = segment.is_whole() || (written_now && n == newest && only_torn(segment));
        damaged += u64::from(!whole);
        samples += segment.samples;
        lost += segment.losses.samples;
        if !whole || !args.quiet {
            writeln!(out, "{}", words(segment, whole, written_now && n == newest))?;
        }
    }
    let segments = count(found.segments.len() as u64, "segment");
    if damaged == 0 {
        if !args.quiet {
            writeln!(out, "{segments}, {}: whole", count(samples, "sample"))?;
        }
        return Ok(());
    }
    writeln!(
        out,
        "{damaged} of {segments} damaged: {} can be read, {} cannot\n\
         everything else in the recording stays readable; damaged files need no repair",
        count(samples, "sample"),
        if lost == 0 { "none known of".to_owned() } else { count(lost, "sample") }
    )?;
    out.flush()?;
    Err(Exit(1).into())
}

fn only_torn(segment: &SegmentCheck) -> bool {
    !segment.head_damaged
        && segment.damage.is_empty()
        && segment.losses.bytes == 0
        && segment.losses.samples == 0
}

fn words(segment: &SegmentCheck, whole: bool, written_now: bool) -> String {
    let name = segment.path.file_name().unwrap_or_default().display();
    let (samples, frames) = (count(segment.samples, "sample"), count(segment.frames, "frame"));
    let state = match (whole, segment.closed, written_now) {
        (false, ..) => "DAMAGED",
        (true, true, _) => "whole",
        (true, false, true) => "whole, being written now",
        (true, false, false) => "whole, not closed (the recorder was ended)",
    };
    let mut text = format!("{name}: {samples}, {frames}: {state}");
    let mut say = |line: String| {
        text.push_str("\n  ");
        text.push_str(&line);
    };
    if segment.head_damaged {
        say("offset 0x0: the head is damaged (the interval is lost by it, no sample)".into());
    }
    for (from, to) in &segment.damage {
        say(format!("offset {from:#x} to {to:#x}: {} damaged", count(to - from, "byte")));
    }
    let losses = &segment.losses;
    if losses.rescued > 0 {
        say(format!("{} brought back from parity", count(losses.rescued, "frame")));
    }
    if losses.samples > 0 {
        say(format!("{} lost", count(losses.samples, "sample")));
    }
    if losses.torn > 0 {
        say(format!(
            "{} at the end belong to a frame that was not written whole",
            count(losses.torn, "byte")
        ));
    }
    text
}
