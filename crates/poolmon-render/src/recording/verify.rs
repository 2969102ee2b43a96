//! Whether a segment of a recording is whole.

use poolmon_model::units::counted as count;
use poolmon_store::SegmentCheck;

/// What a check found in a segment, a line each.
pub fn segment(segment: &SegmentCheck, whole: bool, written_now: bool) -> String {
    let name = segment.path.file_name().unwrap_or_default().display();
    let (samples, frames) = (count(segment.samples, "sample"), count(segment.frames, "frame"));
    let state = match (whole, segment.closed, written_now) {
        (false, ..) => "DAMAGED",
        (true, true, _) => "intact",
        (true, false, true) => "intact, being written now",
        (true, false, false) => "intact, not closed (the recorder was interrupted)",
    };
    let mut text = format!("{name}: {samples}, {frames}: {state}");
    let mut say = |line: String| {
        text.push_str("\n  ");
        text.push_str(&line);
    };
    if segment.head_damaged {
        say("offset 0x0: the header is damaged (the interval is lost, but no sample)".into());
    }
    for (from, to) in &segment.damage {
        say(format!("offset {from:#x} to {to:#x}: {} damaged", count(to - from, "byte")));
    }
    let losses = &segment.losses;
    if losses.rescued > 0 {
        say(format!("{} recovered from parity", count(losses.rescued, "frame")));
    }
    if losses.samples > 0 {
        say(format!("{} lost", count(losses.samples, "sample")));
    }
    if losses.torn > 0 {
        say(format!("{} at the end belong to an incomplete frame", count(losses.torn, "byte")));
    }
    text
}

/// How many samples are missing. `is_cut`: a segment lacks its end.
pub fn lost(samples: u64, is_cut: bool) -> String {
    let later = if is_cut { "later ones may be missing, as a segment is cut at its end" } else { "" };
    match samples {
        0 if is_cut => later.to_owned(),
        0 => "none is known to be lost".to_owned(),
        _ if is_cut => format!("{} cannot; {later}", count(samples, "sample")),
        _ => format!("{} cannot", count(samples, "sample")),
    }
}

#[cfg(test)]
mod tests {
    use super::lost;

    #[test]
    fn an_end_that_is_cut_may_have_taken_samples() {
        assert_eq!(lost(0, false), "none is known to be lost");
        assert_eq!(lost(3, false), "3 samples cannot");
        assert_eq!(lost(0, true), "later ones may be missing, as a segment is cut at its end");
        assert!(lost(3, true).starts_with("3 samples cannot; later ones may be missing"));
    }
}
