//! One line of CSV or TSV as its fields.

use std::borrow::Cow;

/// The fields of a line. Quotes count only where they stand around a whole field: tags hold quotes too (`Cs@"`).
pub(crate) struct Fields<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

/// A field, and what follows its separator.
type Split<'a> = (Cow<'a, [u8]>, Option<&'a [u8]>);

impl<'a> Fields<'a> {
    pub(crate) fn new(line: &'a [u8], separator: u8) -> Self {
        Self { rest: Some(line), separator }
    }

    /// A field in quotes, and what follows its separator.
    fn quoted(&self, line: &'a [u8]) -> Option<Split<'a>> {
        let inside = line.strip_prefix(b"\"")?;
        let mut doubled = false;
        let mut from = 0;
        loop {
            let at = from + memchr::memchr(b'"', inside.get(from..)?)?;
            let after = inside.get(at + 1..)?;
            let rest = match after {
                [] => None,
                [b'"', ..] => {
                    doubled = true;
                    from = at + 2;
                    continue;
                }
                [separator, rest @ ..] if *separator == self.separator => Some(rest),
                _ => return None,
            };
            let text = inside.get(..at)?;
            return Some(if doubled {
                (Cow::Owned(halved(text)), rest)
            } else {
                (Cow::Borrowed(text), rest)
            });
        }
    }
}

/// `""` made `"` again.
fn halved(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        out.push(byte);
        if byte == b'"' {
            bytes.next();
        }
    }
    out
}

impl<'a> Iterator for Fields<'a> {
    type Item = Cow<'a, [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.rest.take()?;
        if let Some((field, rest)) = self.quoted(line) {
            self.rest = rest;
            return Some(field);
        }
        let at = memchr::memchr(self.separator, line);
        self.rest = at.and_then(|at| line.get(at + 1..));
        Some(Cow::Borrowed(at.and_then(|at| line.get(..at)).unwrap_or(line)))
    }
}
