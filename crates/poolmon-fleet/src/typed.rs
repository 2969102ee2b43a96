//! What people type for a hunt.

use std::time::Duration;

use poolmon_model::units::parse_span;

/// An hour at least: of less, there are no floors to compare.
///
/// # Errors
/// The text is no span, or a shorter or longer one.
pub fn window(text: &str) -> Result<Duration, String> {
    let window = parse_span(text)?;
    let range = Duration::from_hours(1)..=Duration::from_hours(24 * 100);
    if range.contains(&window) { Ok(window) } else { Err(format!("`{text}` is out of range: 1h to 100d")) }
}

/// A header as `NAME: VALUE`.
///
/// # Errors
/// The text is none.
pub fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is NAME: VALUE")?;
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !is_name(name) || value.contains(char::is_control) {
        return Err("a header is NAME: VALUE, in one line".to_owned());
    }
    Ok((name.to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_one_line() {
        assert_eq!(header("X-Scope-OrgID: a"), Ok(("X-Scope-OrgID".into(), "a".into())));
        for wrong in ["X", ": a", "X Y: a", "X: a\r\nY: b"] {
            assert!(header(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn windows_are_at_least_an_hour() {
        assert_eq!(window("24h"), Ok(Duration::from_hours(24)));
        assert_eq!(window("100d"), Ok(Duration::from_hours(2400)));
        assert!(window("5m").unwrap_err().contains("1h to 100d"));
    }
}
