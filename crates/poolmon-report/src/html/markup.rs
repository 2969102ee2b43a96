//! HTML as a type: what is put into it is markup of this program, or escaped.
//!
//! [`html!`] writes a literal into an [`Html`]; every argument is escaped unless it is HTML itself. The literal cannot take
//! variables from around it, so nothing gets past that rule. There is no way from a text to [`Html`] but [`Html::of_ours`],
//! which takes constants alone.

use std::fmt::{self, Display, Write as _};

use serde_json::Value;

/// A piece of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// A constant of this program, as it is: a style, a script.
    pub(crate) const fn of_ours(text: &'static str) -> OurHtml {
        OurHtml(text)
    }

    /// Appends what [`html!`] made.
    pub(crate) fn put(&mut self, made: fmt::Arguments<'_>) {
        let _ = self.0.write_fmt(made);
    }

    /// Pieces with a constant between them.
    pub(crate) fn joined(pieces: impl IntoIterator<Item = Self>, between: &'static str) -> Self {
        let pieces: Vec<String> = pieces.into_iter().map(|piece| piece.0).collect();
        Self(pieces.join(between))
    }

    /// The page as text.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// A constant of this program.
#[derive(Clone, Copy)]
pub(crate) struct OurHtml(&'static str);

/// JSON within a script element.
pub(crate) struct Json<'a>(pub &'a Value);

/// What can be an argument of [`html!`].
pub(crate) trait ToHtml {
    /// Writes it as HTML.
    fn write_html(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// An argument of [`html!`].
pub(crate) struct Shown<'a, T: ?Sized>(pub &'a T);

impl<T: ToHtml + ?Sized> Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_html(f)
    }
}

impl<T: ToHtml + ?Sized> ToHtml for &T {
    fn write_html(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).write_html(f)
    }
}

impl ToHtml for Html {
    fn write_html(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ToHtml for OurHtml {
    fn write_html(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl ToHtml for Json<'_> {
    fn write_html(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.to_string().chars() {
            match c {
                '<' | '>' | '&' => write!(f, "\\u{:04x}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Markup is escaped; control characters and those that turn the direction of writing are spelt out (`\u{202e}`).
impl ToHtml for str {
    fn write_html(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' => f.write_char('\n')?,
                c if is_hidden(c) => write!(f, "{}", c.escape_unicode())?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

impl ToHtml for String {
    fn write_html(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().write_html(f)
    }
}

impl ToHtml for char {
    fn write_html(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.encode_utf8(&mut [0; 4]).write_html(f)
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl ToHtml for $number {
            fn write_html(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Display::fmt(self, f)
            }
        }
    )*};
}

numbers!(f64, i32, u32, u64, usize);

pub(crate) use poolmon_model::hidden::is_hidden;

/// Writes markup into an [`Html`]: a literal, and arguments that are escaped.
macro_rules! html {
    ($out:expr, $markup:literal $(, $argument:expr)* $(,)?) => {
        // `concat!` takes away the literal's right to name variables: those would not be escaped.
        $out.put(format_args!(concat!($markup, "") $(, $crate::html::markup::Shown(&$argument))*))
    };
}

/// As [`html!`], with the end of a line.
macro_rules! html_line {
    ($out:expr, $markup:literal $(, $argument:expr)* $(,)?) => {
        $out.put(format_args!(concat!($markup, "\n") $(, $crate::html::markup::Shown(&$argument))*))
    };
}

/// As [`html!`], as a piece of its own.
macro_rules! html_piece {
    ($markup:literal $(, $argument:expr)* $(,)?) => {{
        let mut piece = $crate::html::markup::Html::default();
        html!(piece, $markup $(, $argument)*);
        piece
    }};
}

pub(crate) use {html, html_line, html_piece};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn arguments_are_escaped_unless_they_are_html() {
        let stranger = "<b>\u{202e}".to_owned();
        let inner = html_piece!("<i>{}</i>", stranger);
        let mut page = Html::default();
        html_line!(page, "<p title=\"{}\">{} {:.1}{}</p>", '"', inner, 1.25, Html::of_ours("<hr>"));
        let expected = "<p title=\"&quot;\"><i>&lt;b&gt;\\u{202e}</i> 1.2<hr></p>\n";
        assert_eq!(page.into_text(), expected);
    }

    proptest! {
        #[test]
        fn escaped_text_is_text(text in any::<String>()) {
            let escaped = html_piece!("{}", text).into_text();
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            prop_assert!(!escaped.chars().any(|c| c != '\n' && is_hidden(c)));
            for rest in escaped.split('&').skip(1) {
                prop_assert!(["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|name| rest.starts_with(name)));
            }
        }

        #[test]
        fn figures_cannot_end_their_element(text in any::<String>()) {
            let value = serde_json::json!({ "s": [[text, [text]]] });
            let written = html_piece!("{}", Json(&value)).into_text();
            prop_assert!(!written.contains(['<', '>', '&']));
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }
    }
}
