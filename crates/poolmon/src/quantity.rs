//! Quantities as people write them: `500MB`, `28d`.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
pub use poolmon_model::units::counted as count;

/// Units of bytes: decimal ones as disks are sold, binary ones where the name says so.
const UNITS: [(&str, u64); 11] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("k", 1_000),
    ("m", 1_000_000),
    ("g", 1_000_000_000),
];

/// `500MB`, `1.5 GB`, `64MiB`.
pub fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size; write 500MB, 2GB or 64MiB");
    let lower = text.trim().to_lowercase();
    let (number, unit) = UNITS
        .iter()
        .find_map(|&(name, bytes)| Some((lower.strip_suffix(name)?.trim_end(), bytes)))
        .ok_or_else(wrong)?;
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let bytes = number * unit as f64;
    if !bytes.is_finite() || !(1.0..1e18).contains(&bytes) {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was looked at")]
    Ok(bytes as u64)
}

/// What a recording may take: 1 MB at least.
pub fn disk(text: &str) -> Result<u64, String> {
    bytes(text).and_then(|size| {
        if size < 1_000_000 { Err(format!("`{text}` is too little: 1MB at least")) } else { Ok(size) }
    })
}

/// `10m`, `36h`, `28d`, `4w`, or a bare number of seconds. A day has 24 hours.
pub fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time; write 30s, 10m, 36h or 28d");
    let time = if let Ok(seconds) = text.trim().parse::<f64>() {
        Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?
    } else {
        let span: Span = text.parse().map_err(|_| wrong())?;
        let time = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
        Duration::try_from(time).map_err(|_| wrong())?
    };
    if time.is_zero() { Err(wrong()) } else { Ok(time) }
}

/// A length of time, short: `42s`, `10min 5s`, `3h 20min`, `28d 4h`.
pub fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    let two = |large: u64, unit: &str, small: u64, part: &str| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit} {small}{part}"),
    };
    match seconds {
        0 if !time.is_zero() => format!("{}ms", time.as_millis().max(1)),
        0..60 if time.subsec_millis() > 0 && seconds < 10 => {
            format!("{:.1}s", time.as_secs_f64())
        }
        0..60 => format!("{seconds}s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds / 60 % 60, "min"),
        _ => two(seconds / 86_400, "d", seconds / 3600 % 24, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(bytes("500MB"), Ok(500_000_000));
        assert_eq!(bytes("1.5 gb"), Ok(1_500_000_000));
        assert_eq!(bytes("64MiB"), Ok(64 << 20));
        assert_eq!(bytes("2G"), Ok(2_000_000_000));
        for wrong in ["", "500", "MB", "-1MB", "0MB", "nanMB", "infMB", "1e30GB", "5 parsecs"] {
            assert!(bytes(wrong).unwrap_err().contains("500MB"), "{wrong}");
        }
        assert!(disk("10kB").unwrap_err().contains("1MB at least"));
    }

    #[test]
    fn times() {
        assert_eq!(span("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(span("28d"), Ok(Duration::from_hours(28 * 24)));
        assert_eq!(span("4w"), Ok(Duration::from_hours(28 * 24)));
        assert_eq!(span("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(span("2.5"), Ok(Duration::from_millis(2500)));
        for wrong in ["", "soon", "-5s", "0", "1 year", "nan"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn told_short() {
        let told = |millis| spoken(Duration::from_millis(millis));
        assert_eq!(told(0), "0s");
        assert_eq!(told(100), "100ms");
        assert_eq!(told(2_500), "2.5s");
        assert_eq!(told(42_000), "42s");
        assert_eq!(told(605_000), "10min 5s");
        assert_eq!(told(12_000_000), "3h 20min");
        assert_eq!(told(28 * 86_400_000), "28d");
        assert_eq!(count(1, "sample"), "1 sample");
        assert_eq!(count(1234, "gap"), "1,234 gaps");
    }
}
