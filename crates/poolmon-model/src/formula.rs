//! Text that a spreadsheet would take for a formula.
//!
//! Names of tags, hosts and owners come from other people's machines; in a table they must stay text. Writers put an apostrophe before
//! such a text, as spreadsheets themselves do, and readers take it off again.

use std::borrow::Cow;

/// Whether a spreadsheet takes this for a formula, apostrophes before it aside. A number is none.
fn is_formula(text: &str) -> bool {
    let rest = text.trim_start_matches('\'');
    rest.len() > 1 && rest.starts_with(['=', '+', '-', '@', '\t', '\r']) && rest.parse::<f64>().is_err()
}

/// The text with an apostrophe before it, if a spreadsheet would take it for a formula.
pub fn guarded(text: &str) -> Cow<'_, str> {
    if is_formula(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text as it was before [`guarded`].
pub fn unguarded(text: &str) -> &str {
    text.strip_prefix('\'').filter(|rest| is_formula(rest)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text_and_come_back() {
        for text in ["=cmd|'/C calc'!A0", "+1|A", "@SUM(1)", "-1+1", "'=x", "''=x", "\t=1"] {
            assert_eq!(guarded(text), format!("'{text}"));
            assert_eq!(unguarded(&guarded(text)), text);
        }
        for text in ["Ntfx", "-", "-5", "-1.5e3", "+3", "a=b", "'tis", "", "kmalloc-64", "Ab-="] {
            assert_eq!(guarded(text), text);
            assert_eq!(unguarded(text), text);
        }
    }
}
