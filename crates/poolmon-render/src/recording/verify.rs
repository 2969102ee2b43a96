//! Whether a segment of a recording is whole.

use poolmon_model::units::counted as count;
use poolmon_store::reader::SegmentCheck;

/// What a check found in a segment, a line each.
pub fn segment(segment: &SegmentCheck, whole: bool, written_now: bool) -> String {
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
