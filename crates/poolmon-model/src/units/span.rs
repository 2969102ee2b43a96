//! Lengths of time: `3 h 20 min`.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A length of time in its two largest units: `100 ms`, `2.5 s`, `42 s`, `10 min 5 s`, `3 h 20 min`, `28 days 4 h`.
///
/// Rounded where seconds are shown: 5.897 s are `5.9 s`. Of hours and days, whole minutes and hours are shown.
pub fn span(time: Duration) -> String {
    // What rounds up to the next unit is shown in that.
    let time = rounded(rounded(time));
    let seconds = time.as_secs();
    let two = |large: String, small: u64, unit: &str| {
        if small == 0 { large } else { format!("{large} {small} {unit}") }
    };
    match seconds {
        0 if !time.is_zero() => format!("{} ms", time.as_millis().max(1)),
        0..10 if time.subsec_millis() >= 100 => format!("{:.1} s", time.as_secs_f64()),
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => two(format!("{} min", seconds / MINUTE), seconds % MINUTE, "s"),
        HOUR..DAY => two(format!("{} h", seconds / HOUR), seconds % HOUR / MINUTE, "min"),
        _ => two(days(seconds / DAY), seconds % DAY / HOUR, "h"),
    }
}

/// To the second, or to what is shown of a shorter time.
fn rounded(time: Duration) -> Duration {
    let unit = match time.as_secs() {
        0 => Duration::from_millis(1),
        1..10 => Duration::from_millis(100),
        _ => Duration::from_secs(1),
    };
    let units = (time.as_nanos() + unit.as_nanos() / 2) / unit.as_nanos();
    // Less than half a unit is not nothing.
    let units = if time.is_zero() { 0 } else { units.max(1) };
    u64::try_from(units * unit.as_nanos()).map_or(time, Duration::from_nanos)
}

fn days(days: u64) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{} days", super::grouped(days)) }
}

/// A measured length of time in hours, as exact as [`span`]: `30 s`, `1 min 30 s`, `5 h 59 min`.
pub fn exact_hours(hours: f64) -> String {
    let seconds = (hours * 3600.0).max(0.0);
    // Hours are a quotient: 30 s are not 29.999 s.
    let rounded = if seconds < 10.0 { (seconds * 1000.0).round() / 1000.0 } else { seconds.round() };
    span(Duration::try_from_secs_f64(rounded).unwrap_or(Duration::MAX))
}

/// An estimated length of time, no more exact than an estimate is: `40 s`, `12 min`, `3 h 10 min`, `26 h`, `12 days`,
/// `8 years`.
pub fn rough_hours(hours: f64) -> String {
    let seconds = (hours * 3600.0).round().max(0.0);
    if seconds < 60.0 {
        return format!("{seconds:.0} s");
    }
    let minutes = (hours * 60.0).round();
    let (h, m) = ((minutes / 60.0).floor(), minutes % 60.0);
    match hours {
        _ if minutes < 60.0 => format!("{minutes:.0} min"),
        x if x < 10.0 && m > 0.0 => format!("{h:.0} h {m:.0} min"),
        x if x < 72.0 => format!("{:.0} h", x.round()),
        x if x < 24.0 * 1000.0 => format!("{:.0} days", x / 24.0),
        x => format!("{:.0} years", x / 24.0 / 365.25),
    }
}

/// Like [`rough_hours`], of a duration.
pub fn rough_span(time: Duration) -> String {
    rough_hours(time.as_secs_f64() / 3600.0)
}

/// Reads a length of time: `500ms`, `30s`, `2min`, `36h`, `28d`, `1h30m`, or a plain number of seconds. A day has 24 hours.
///
/// # Errors
///
/// The text for a person if it is not a length of time, or is zero.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    parse_distance(text)
        .filter(|time| !time.is_zero())
        .ok_or_else(|| format!("`{text}` is not a time span; write 500ms, 30s, 10m, 36h or 28d"))
}

/// Reads the time between two samples: a span of 100 ms to 1 h.
///
/// # Errors
///
/// The text for a person if it is not a span, or out of that range.
pub fn parse_interval(text: &str) -> Result<Duration, String> {
    let time = parse_span(text)?;
    let range = Duration::from_millis(100)..=Duration::from_hours(1);
    if range.contains(&time) { Ok(time) } else { Err(format!("`{text}` is out of range: 100ms to 1h")) }
}

/// Reads how far a moment is from another: written like a span ([`parse_span`]), and may be zero. `None` = neither.
pub fn parse_distance(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let span: Span = text.parse().ok()?;
    span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn intervals() {
        assert_eq!(parse_interval("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse_interval("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_interval("100ms"), Ok(Duration::from_millis(100)));
        assert!(parse_interval("1ms").unwrap_err().contains("100ms"));
        assert!(parse_interval("soon").unwrap_err().contains("500ms"));
        assert!(parse_interval("-5s").is_err());
        assert!(parse_interval("1e300").is_err());
    }

    #[test]
    fn spans_have_one_spacing() {
        let text = |millis| span(Duration::from_millis(millis));
        assert_eq!(text(0), "0 s");
        assert_eq!(text(100), "100 ms");
        assert_eq!(text(2_500), "2.5 s");
        assert_eq!(text(5_897), "5.9 s");
        assert_eq!(text(9_960), "10 s", "not 10.0 s");
        assert_eq!(text(42_600), "43 s");
        assert_eq!(text(59_700), "1 min");
        assert_eq!(text(3_599_600), "1 h");
        assert_eq!(text(999), "999 ms");
        assert_eq!(text(42_000), "42 s");
        assert_eq!(text(605_000), "10 min 5 s");
        assert_eq!(text(12_000_000), "3 h 20 min");
        assert_eq!(text(86_400_000), "1 day");
        assert_eq!(text(28 * 86_400_000 + 4 * 3_600_000), "28 days 4 h");
        assert_eq!(span(Duration::from_micros(3)), "1 ms");
    }

    #[test]
    fn measured_spans_are_exact() {
        for (seconds, text) in
            [(0.0, "0 s"), (2.5, "2.5 s"), (30.0, "30 s"), (90.0, "1 min 30 s"), (21_570.0, "5 h 59 min")]
        {
            assert_eq!(exact_hours(seconds / 3600.0), text);
        }
    }

    #[test]
    fn estimates_are_rounded() {
        for (hours, text) in [
            (0.01, "36 s"),
            (0.5, "30 min"),
            (0.9999, "1 h"),
            (3.17, "3 h 10 min"),
            (26.2, "26 h"),
            (288.0, "12 days"),
            (70_128.0, "8 years"),
        ] {
            assert_eq!(rough_hours(hours), text);
        }
        assert_eq!(rough_span(Duration::from_mins(4)), "4 min");
    }

    #[test]
    fn spans_are_read() {
        assert_eq!(parse_span("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(parse_span("2min"), Ok(Duration::from_mins(2)));
        assert_eq!(parse_span("2 min"), Ok(Duration::from_mins(2)));
        assert_eq!(parse_span("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_span("1d"), Ok(Duration::from_hours(24)));
        assert_eq!(parse_span("36h"), Ok(Duration::from_hours(36)));
        assert_eq!(parse_span("28d"), Ok(Duration::from_hours(28 * 24)));
        assert_eq!(parse_span("4w"), Ok(Duration::from_hours(28 * 24)));
        assert_eq!(parse_span("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(parse_span("2.5"), Ok(Duration::from_millis(2500)));
        for wrong in ["", "soon", "-5s", "0", "1 year", "nan", "1e300"] {
            assert!(parse_span(wrong).unwrap_err().contains("500ms"), "{wrong}");
        }
        assert_eq!(parse_distance("0s"), Some(Duration::ZERO));
        assert_eq!(parse_distance("-5s"), None);
    }

    proptest! {
        #[test]
        fn what_is_printed_can_be_read(seconds in 1_u64..10_000_000) {
            let text = span(Duration::from_secs(seconds));
            let read = parse_span(&text).unwrap();
            prop_assert!(read <= Duration::from_secs(seconds));
            prop_assert_eq!(span(read), text);
        }
    }
}
