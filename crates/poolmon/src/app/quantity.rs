//! Quantities in words.

use std::time::Duration;

pub use poolmon_model::units::counted as count;

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
