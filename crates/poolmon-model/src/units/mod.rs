//! Numbers as people read them: one formatter each for bytes, rates, spans, moments and counts, and one parser of spans.
//!
//! Bytes are in IEC units (KiB, MiB, GiB) everywhere; rates are bytes per hour (`MiB/h`), and an interval carries its unit.
//! Data for programs does not pass through here: it holds plain numbers.
//!
//! * [`mod@bytes`]: sizes, changes, rates, intervals, and exact bytes in groups;
//! * [`mod@span`]: lengths of time, to print and to parse;
//! * [`mod@moment`]: dates and times of day.

use std::num::NonZeroUsize;

pub mod bytes;
pub mod moment;
pub mod span;

pub use bytes::{
    human_amount, human_amounts, human_bytes, human_change, human_range, human_rate, parse_bytes,
    rate_interval, rate_margin,
};
pub use moment::{
    Precision, date, day_and_time, is_dateless, moment, moment_with_zone, of_day_and_time, rfc3339,
    short_moment, time_of_day, two_moments,
};
pub use span::{exact_hours, parse_distance, parse_interval, parse_span, rough_hours, rough_span, span};

/// A number from 1 on.
///
/// # Errors
/// The text is none.
pub fn parse_number(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number from 1 on"))
}

/// A share in percent, `2` or `2%`.
///
/// # Errors
/// The text is none, or not from 0 to 100.
pub fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').trim().parse().ok();
    number
        .filter(|number| (0.0..=100.0).contains(number))
        .ok_or_else(|| format!("`{text}` is not a number from 0 to 100"))
}

/// A count with `,` between thousands: `3,971,107`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count or change that can be negative, with `,` between thousands: `-3,971,107`.
pub fn grouped_signed(count: i64) -> String {
    let sign = if count < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(count.unsigned_abs()))
}

/// A change of a count with sign and `,` between thousands: `+3,971,107`; no change is `0`.
pub fn grouped_change(change: i64) -> String {
    let sign = if change > 0 { "+" } else { "" };
    format!("{sign}{}", grouped_signed(change))
}

/// A count of things: `1 sample`, `1,234 samples`.
pub fn counted(number: u64, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {what}{s}", grouped(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(889_167_696), "889,167,696");
        assert_eq!(grouped_signed(-1_000), "-1,000");
        assert_eq!((grouped_change(1_000), grouped_change(0)), ("+1,000".to_owned(), "0".to_owned()));
        assert_eq!(counted(1, "sample"), "1 sample");
        assert_eq!(counted(1234, "gap"), "1,234 gaps");
    }

    #[test]
    fn shares_and_numbers() {
        assert_eq!(parse_number("3").unwrap().get(), 3);
        for wrong in ["0", "-1", "x", ""] {
            assert!(parse_number(wrong).unwrap_err().contains("from 1 on"), "{wrong}");
        }
        assert_eq!((parse_percent("2"), parse_percent("0.5 %")), (Ok(2.0), Ok(0.5)));
        for wrong in ["nan", "-1", "101", "inf", "much"] {
            assert!(parse_percent(wrong).unwrap_err().contains("from 0 to 100"), "{wrong}");
        }
    }
}
