//! Pieces of PromQL. Only what all engines understand alike: selectors, ranges, subqueries, `resets`, `changes`,
//! `min_over_time`, `count`.

use std::time::Duration;

/// A label that is one of these values, as a matcher.
pub fn one_of<'a>(label: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let values: Vec<&str> = values.into_iter().collect();
    if let [value] = values[..] {
        return format!("{label}=\"{}\"", text(value));
    }
    let pattern: Vec<String> = values.into_iter().map(literal).collect();
    format!("{label}=~\"{}\"", text(&pattern.join("|")))
}

/// A family with matchers; those that are empty are left out.
pub fn select(family: &str, matchers: &[&str]) -> String {
    let matchers: Vec<&str> = matchers.iter().copied().filter(|matcher| !matcher.is_empty()).collect();
    format!("{family}{{{}}}", matchers.join(","))
}

/// Seconds, as PromQL has them.
pub fn seconds(span: Duration) -> String {
    format!("{}s", span.as_secs().max(1))
}

/// Inside quotes.
fn text(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// As a regular expression (RE2) that matches nothing else.
fn literal(value: &str) -> String {
    let mut pattern = String::with_capacity(value.len());
    for c in value.chars() {
        if c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '_' | ' ' | '\n') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_literal() {
        assert_eq!(one_of("tag", ["Irp "]), r#"tag="Irp ""#);
        assert_eq!(one_of("tag", [r#"a"\"#]), r#"tag="a\"\\""#);
        assert_eq!(one_of("tag", ["a.b", "c|d"]), r#"tag=~"a\\.b|c\\|d""#);
        assert_eq!(select("x", &[r#"a="1""#, "", r#"b="2""#]), r#"x{a="1",b="2"}"#);
    }
}
