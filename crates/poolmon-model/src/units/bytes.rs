//! Bytes with IEC units, and rates per hour.

/// Units and their size in bytes, the largest first.
pub const UNITS: [(f64, &str); 7] = [
    (1_152_921_504_606_846_976.0, "EiB"),
    (1_125_899_906_842_624.0, "PiB"),
    (1_099_511_627_776.0, "TiB"),
    (1_073_741_824.0, "GiB"),
    (1_048_576.0, "MiB"),
    (1024.0, "KiB"),
    (1.0, "B"),
];

/// From this many of a unit on, the next larger unit is used: rounded to a whole number it would take four digits.
const NEXT_UNIT: f64 = 999.5;

/// The unit in which a size of this many bytes has at most three digits before the point.
fn unit_of(size: f64) -> (f64, &'static str) {
    let fits = |unit: &&(f64, &'static str)| size / unit.0 < NEXT_UNIT;
    UNITS.iter().rev().find(fits).or(UNITS.first()).copied().unwrap_or((1.0, "B"))
}

/// Digits after the point, so that three digits are shown; whole bytes have none.
fn decimals(scaled: f64, unit: &str) -> usize {
    match scaled {
        _ if unit == "B" => 0,
        s if s < 9.995 => 2,
        s if s < 99.95 => 1,
        _ => 0,
    }
}

/// Bytes with a unit, three significant digits: `1.88 MiB`, `512 B`.
pub fn human_bytes(bytes: u64) -> String {
    human_amount(bytes as f64)
}

/// A change in bytes with sign and unit: `+1.88 MiB`; no change is `0 B`.
pub fn human_change(bytes: i64) -> String {
    let sign = match bytes {
        0 => "",
        1.. => "+",
        _ => "-",
    };
    format!("{sign}{}", human_bytes(bytes.unsigned_abs()))
}

/// An estimated amount of bytes, which may be negative: `41.2 MiB`, `-512 B`.
pub fn human_amount(bytes: f64) -> String {
    let size = bytes.abs();
    let (unit, name) = unit_of(size);
    let scaled = size / unit;
    let digits = decimals(scaled, name);
    let text = format!("{scaled:.digits$} {name}");
    // What rounds to zero has no sign.
    let sign = if bytes < 0.0 && !text.starts_with("0 ") { "-" } else { "" };
    format!("{sign}{text}")
}

/// Amounts of bytes in the unit of the largest of them, to be compared: `3.90`, `4.10`, and `KiB`.
pub fn human_amounts<const N: usize>(amounts: [f64; N]) -> ([String; N], &'static str) {
    let largest = amounts.iter().fold(0.0_f64, |largest, amount| largest.max(amount.abs()));
    let (unit, name) = unit_of(largest);
    let digits = decimals(largest / unit, name);
    let text = |amount: f64| {
        let text = format!("{:.digits$}", amount / unit);
        // -0.00 is 0.00.
        if text.chars().all(|c| matches!(c, '-' | '0' | '.')) { text.replace('-', "") } else { text }
    };
    (amounts.map(text), name)
}

/// From a low to a high amount of bytes: `7.67–7.69 MiB`; with a negative end `-1.00 to 7.69 MiB`.
pub fn human_range(low: f64, high: f64) -> String {
    let ([low_text, high_text], unit) = human_amounts([low, high]);
    let dash = if low_text.starts_with('-') || high_text.starts_with('-') { " to " } else { "–" };
    format!("{low_text}{dash}{high_text} {unit}")
}

/// A rate in bytes per hour: `41.2 MiB/h`.
pub fn human_rate(bytes_per_hour: f64) -> String {
    format!("{}/h", human_amount(bytes_per_hour))
}

/// A rate with half of its confidence interval: `7.68 MiB/h ± 8.40 KiB/h`. Samples on one line give no interval, which is not one
/// of nothing.
pub fn rate_margin(bytes_per_hour: f64, half: f64) -> String {
    let rate = human_rate(bytes_per_hour);
    if half < 0.5 { rate } else { format!("{rate} ± {}", human_rate(half)) }
}

/// The 95 % confidence interval of a rate: `7.67–7.69 MiB/h (95 %)`.
pub fn rate_interval(low: f64, high: f64) -> String {
    format!("{}/h (95 %)", human_range(low, high))
}

/// Units of bytes: decimal ones as disks are sold, binary ones where the name says so.
const SIZES: [(&str, u64); 11] = [
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

/// Reads `500MB`, `1.5 GB`, `64MiB`.
///
/// # Errors
/// It is no size, or has no unit; the text says how sizes are written.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size; write 500MB, 2GB or 64MiB");
    let lower = text.trim().to_lowercase();
    let (number, unit) = SIZES
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits_and_a_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "0.98 KiB"),
            (1024, "1.00 KiB"),
            (1_972_392, "1.88 MiB"),
            (1_023 * 1024, "1.00 MiB"),
            (163_418_368, "156 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(human_bytes(bytes), text, "{bytes}");
        }
        assert_eq!(human_change(-2048), "-2.00 KiB");
        assert_eq!(human_change(2048), "+2.00 KiB");
        assert_eq!(human_change(0), "0 B");
    }

    #[test]
    fn estimates_may_be_negative_or_nothing() {
        assert_eq!(human_amount(-2048.0), "-2.00 KiB");
        assert_eq!(human_amount(-0.2), "0 B");
        assert_eq!(human_amount(1e30), "867361737988 EiB");
        assert_eq!(human_rate(43_200_000.0), "41.2 MiB/h");
    }

    #[test]
    fn an_interval_carries_its_unit() {
        assert_eq!(rate_margin(8_053_064.0, 8_602.0), "7.68 MiB/h ± 8.40 KiB/h");
        assert_eq!(rate_margin(8_053_064.0, 1e-9), "7.68 MiB/h");
        assert_eq!(rate_interval(8_042_578.0, 8_063_550.0), "7.67–7.69 MiB/h (95 %)");
        assert_eq!(human_range(-1024.0, 3584.0), "-1.00 to 3.50 KiB");
        assert_eq!(human_range(-0.1, 3584.0), "0.00–3.50 KiB");
    }

    #[test]
    fn sizes_as_people_write_them() {
        assert_eq!(parse_bytes("500MB"), Ok(500_000_000));
        assert_eq!(parse_bytes("1.5 gb"), Ok(1_500_000_000));
        assert_eq!(parse_bytes("64MiB"), Ok(64 << 20));
        assert_eq!(parse_bytes("2G"), Ok(2_000_000_000));
        for wrong in ["", "500", "MB", "-1MB", "0MB", "nanMB", "infMB", "1e30GB", "5 parsecs"] {
            assert!(parse_bytes(wrong).unwrap_err().contains("500MB"), "{wrong}");
        }
    }
}
