//! Values of options: spans of time, sizes, pools, columns.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
pub use poolmon_model::units::parse_span as span;
use poolmon_model::{Pool, PoolView, column};

/// `--pool`.
pub fn pool() -> impl clap::builder::TypedValueParser<Value = PoolView> {
    let views = [PoolView::All, PoolView::Slab].into_iter().chain(Pool::ALL.map(PoolView::Only));
    PossibleValuesParser::new(views.map(PoolView::id))
        .try_map(|text| PoolView::parse(&text).ok_or("not a pool"))
}

pub fn column_id() -> PossibleValuesParser {
    PossibleValuesParser::new(
        column::COLUMNS.iter().map(|column| clap::builder::PossibleValue::new(column.id).help(column.about)),
    )
}

/// `5s`, `100ms`, `2 min`, `1h`, or a bare number of seconds.
pub fn interval(text: &str) -> Result<Duration, String> {
    let time = span(text)?;
    let range = Duration::from_millis(100)..=Duration::from_hours(1);
    if range.contains(&time) { Ok(time) } else { Err(format!("`{text}` is out of range: 100ms to 1h")) }
}

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
        if size < 1_000_000 { Err(format!("`{text}` is too small: the minimum is 1MB")) } else { Ok(size) }
    })
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
        assert!(disk("10kB").unwrap_err().contains("the minimum is 1MB"));
    }

    #[test]
    fn intervals() {
        assert_eq!(interval("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(interval("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(interval("100ms"), Ok(Duration::from_millis(100)));
        assert!(interval("1ms").unwrap_err().contains("100ms"));
        assert!(interval("soon").unwrap_err().contains("500ms"));
        assert!(interval("-5s").is_err());
        assert!(interval("1e300").is_err());
    }
}
