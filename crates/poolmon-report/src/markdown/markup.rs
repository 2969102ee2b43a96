//! Markdown as a type: what is put into it is markup of this program, or escaped.
//!
//! [`md!`] writes a literal into a [`Markdown`]; every argument is escaped unless its type says otherwise: [`Code`] and
//! [`Fenced`] for code, [`Ours`] for words and figures that this program made.

use std::fmt::{self, Display, Write as _};

use crate::html::markup::is_hidden;

/// A piece of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Markdown(String);

impl Markdown {
    /// Appends what [`md!`] made.
    pub(crate) fn put(&mut self, made: fmt::Arguments<'_>) {
        let _ = self.0.write_fmt(made);
    }

    /// The whole as text.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// Words and figures that this program made: nothing of a stranger is in them.
#[derive(Clone, Copy)]
pub(crate) struct Ours<'a>(pub &'a str);

/// Text as code, within a line or a cell of a table.
#[derive(Clone, Copy)]
pub(crate) struct Code<'a>(pub &'a str);

/// Lines of code between fences.
#[derive(Clone, Copy)]
pub(crate) struct Fenced<'a>(pub &'a str);

/// What can be an argument of [`md!`].
pub(crate) trait ToMarkdown {
    /// Writes it as Markdown.
    fn write_markdown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// An argument of [`md!`].
pub(crate) struct Shown<'a, T: ?Sized>(pub &'a T);

impl<T: ToMarkdown + ?Sized> Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_markdown(f)
    }
}

impl<T: ToMarkdown + ?Sized> ToMarkdown for &T {
    fn write_markdown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).write_markdown(f)
    }
}

impl ToMarkdown for Markdown {
    fn write_markdown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ToMarkdown for Ours<'_> {
    fn write_markdown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl ToMarkdown for usize {
    fn write_markdown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl ToMarkdown for String {
    fn write_markdown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().write_markdown(f)
    }
}

/// Nothing in it is markup, a link or HTML; lines stay lines.
impl ToMarkdown for str {
    fn write_markdown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut start = true;
        let mut before = String::new();
        let mut rest = self.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\n' | '\r' | '\t' => f.write_char(' ')?,
                c if is_hidden(c) => write!(f, "{}", c.escape_unicode())?,
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '!' | '$' | '^' | '=' => {
                    write!(f, "\\{c}")?;
                }
                // At the start of a line these make lists.
                '-' | '+' if start => write!(f, "\\{c}")?,
                // Web addresses would become links, a name after `@` a call.
                ':' if rest.peek() == Some(&'/') => f.write_str("&#58;")?,
                '.' if before.eq_ignore_ascii_case("www") => f.write_str("&#46;")?,
                '@' => f.write_str("&#64;")?,
                c => f.write_char(c)?,
            }
            start = start && c.is_whitespace();
            if c.is_alphanumeric() { before.push(c) } else { before.clear() }
        }
        Ok(())
    }
}

impl ToMarkdown for Code<'_> {
    fn write_markdown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spelt = |c: char| if is_hidden(c) { c.escape_unicode().collect() } else { vec![c] };
        let text: String = self.0.chars().flat_map(spelt).collect();
        // A bar ends a cell, even within code; and nothing within code can be escaped.
        if text.contains('|') {
            return text.write_markdown(f);
        }
        if text.is_empty() {
            return Ok(());
        }
        let fence = "`".repeat(longest_run(&text) + 1);
        let blank =
            if text.starts_with('`') || text.ends_with('`') || text.trim() != text { " " } else { "" };
        write!(f, "{fence}{blank}{text}{blank}{fence}")
    }
}

impl ToMarkdown for Fenced<'_> {
    fn write_markdown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fence = "`".repeat(longest_run(self.0).max(2) + 1);
        write!(f, "{fence}\n{}\n{fence}", self.0)
    }
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Writes markup into a [`Markdown`]: a literal, and arguments that are escaped.
macro_rules! md {
    ($out:expr, $markup:literal $(, $argument:expr)* $(,)?) => {
        // `concat!` takes away the literal's right to name variables: those would not be escaped.
        $out.put(format_args!(concat!($markup, "") $(, $crate::markdown::markup::Shown(&$argument))*))
    };
}

/// As [`md!`], with the end of a line.
macro_rules! md_line {
    ($out:expr, $markup:literal $(, $argument:expr)* $(,)?) => {
        $out.put(format_args!(concat!($markup, "\n") $(, $crate::markdown::markup::Shown(&$argument))*))
    };
}

pub(crate) use {md, md_line};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(of: &(impl ToMarkdown + ?Sized)) -> String {
        Shown(of).to_string()
    }

    #[test]
    fn code_of_any_tag() {
        assert_eq!(text(&Code("Leak")), "`Leak`");
        assert_eq!(text(&Code("`x")), "`` `x ``");
        assert_eq!(text(&Code(" a")), "`  a `");
        assert_eq!(text(&Code("a|b")), "a\\|b");
        assert_eq!(text(&Code("")), "");
        assert_eq!(text("- a_b\nc@d"), "\\- a\\_b c&#64;d");
        assert_eq!(text("at 14:05 http://x www.x.y"), "at 14:05 http&#58;//x www&#46;x.y");
    }

    proptest! {
        #[test]
        fn escaped_text_stays_in_its_line(any in any::<String>()) {
            let escaped = text(&any);
            prop_assert!(!escaped.contains(['\n', '<', '>', '@']) && !escaped.chars().any(is_hidden));
            let mut rest = escaped.chars();
            while let Some(c) = rest.next() {
                if c == '\\' {
                    rest.next();
                } else if c == '&' {
                    prop_assert!(rest.any(|c| c == ';'), "{escaped}");
                } else {
                    prop_assert!(!"`*_[]|#~!".contains(c), "{escaped}");
                }
            }
        }

        #[test]
        fn code_ends_where_it_should(any in "[`a |]{1,12}") {
            let written = text(&Code(&any));
            if !any.contains('|') {
                let fence = written.chars().take_while(|&c| c == '`').count();
                let inner = &written[fence..written.len() - fence];
                prop_assert!(longest_run(inner) < fence);
                prop_assert_eq!(inner.trim(), any.trim());
            }
        }
    }
}
