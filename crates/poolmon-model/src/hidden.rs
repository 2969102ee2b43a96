//! Characters of texts from outside that must not reach a terminal or a page.

use std::borrow::Cow;
use std::fmt;

/// Whether a character shows nothing, or changes how others are shown: control characters, marks of direction, fillers.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A text from outside (a name of a process, a cache, a host, a file's own remark) as it may be shown: in one line, and without
/// anything that steers a terminal. What is replaced is seen to be.
pub fn safe(text: &str) -> Cow<'_, str> {
    if text.contains(is_hidden) { text.replace(is_hidden, "\u{fffd}").into() } else { text.into() }
}

/// A text from outside that has passed [`safe`]: there is no other way to make one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafeString(String);

impl From<&str> for SafeString {
    fn from(text: &str) -> Self {
        Self(safe(text).into_owned())
    }
}

impl std::ops::Deref for SafeString {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SafeString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The same of several lines, which stay lines.
pub fn safe_lines(text: &str) -> Cow<'_, str> {
    let is_unfit = |c: char| is_hidden(c) && c != '\n' && c != '\t';
    if text.contains(is_unfit) { text.replace(is_unfit, "\u{fffd}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_a_terminal() {
        for (text, shown) in [
            ("käse 1", "käse 1"),
            ("\u{1b}[31mred\u{1b}[0m", "\u{fffd}[31mred\u{fffd}[0m"),
            ("\u{1b}]0;title\u{7}", "\u{fffd}]0;title\u{fffd}"),
            ("\u{9b}2J", "\u{fffd}2J"),
            ("\u{202e}evil\u{2066}", "\u{fffd}evil\u{fffd}"),
            ("a\nb\tc", "a\u{fffd}b\u{fffd}c"),
        ] {
            assert_eq!(safe(text), shown);
            assert_eq!(&*SafeString::from(text), shown);
        }
        assert_eq!(safe_lines("a\n\u{1b}b\tc\r"), "a\n\u{fffd}b\tc\u{fffd}");
        assert!(matches!(safe("plain"), Cow::Borrowed("plain")));
    }
}
