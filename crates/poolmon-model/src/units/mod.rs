//! Numbers as people read them: one formatter each for bytes, rates, spans, moments and counts, and one parser of spans.
//!
//! Bytes are in IEC units (KiB, MiB, GiB) everywhere; rates are bytes per hour (`MiB/h`), and an interval carries its unit.
//! Data for programs does not pass through here: it holds plain numbers.
//!
//! * [`mod@bytes`]: sizes, changes, rates, intervals, and exact bytes in groups;
//! * [`mod@span`]: lengths of time, to print and to parse;
//! * [`mod@moment`]: dates and times of day.

pub mod bytes;
pub mod moment;
pub mod span;

pub use bytes::{
    human_amount, human_amounts, human_bytes, human_change, human_range, human_rate, parse_bytes,
    rate_interval, rate_margin,
};
pub use moment::{
    Precision, date, day_and_time, is_dateless, moment, moment_with_zone, of_day_and_time, rfc3339,
    short_moment, time_of_day,
};
pub use span::{exact_hours, parse_distance, parse_span, rough_hours, rough_span, span};

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
}
