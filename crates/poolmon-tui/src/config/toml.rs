//! The part of TOML that a configuration file needs: tables, and keys with a string, a number, a boolean or a list of strings. What is
//! valid here means the same in TOML; what is left out (dates, inline tables, dotted keys, strings of several lines) is refused.

use std::fmt::{self, Write as _};

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TomlValue {
    /// A string.
    Text(String),
    /// Strings.
    List(Vec<String>),
    /// A number or a boolean, as it is written.
    Bare(String),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TomlItem {
    /// The table that it is in; empty at the top.
    pub table: String,
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: TomlValue,
    /// Its line, from 1.
    pub line: usize,
}

/// What is wrong in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TomlError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for TomlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// A string as TOML has it.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => _ = write!(out, "\\u{:04X}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

/// Reads a file.
///
/// # Errors
///
/// The first line that is not understood.
pub fn read(text: &str) -> Result<Vec<TomlItem>, TomlError> {
    let mut reader = Reader { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 };
    let mut items: Vec<TomlItem> = Vec::new();
    let mut tables: Vec<String> = Vec::new();
    let mut table = String::new();
    loop {
        reader.skip(true);
        if reader.rest.is_empty() {
            return Ok(items);
        }
        let line = reader.line;
        if reader.takes('[') {
            reader.skip(false);
            table = reader.name()?;
            reader.skip(false);
            reader.wants(']')?;
            if tables.contains(&table) {
                return reader.refuse(format!("the table [{table}] is there twice"));
            }
            tables.push(table.clone());
        } else {
            let key = reader.name()?;
            reader.skip(false);
            reader.wants('=')?;
            reader.skip(false);
            let value = reader.value()?;
            if items.iter().any(|item| item.table == table && item.key == key) {
                return Err(TomlError { line, what: format!("`{key}` is there twice") });
            }
            items.push(TomlItem { table: table.clone(), key, value, line });
        }
        reader.skip(false);
        if !reader.rest.is_empty() && !reader.rest.starts_with(['\n', '\r']) {
            return reader.refuse(format!("`{}` is more than a line may hold", reader.shown()));
        }
    }
}

impl Reader<'_> {
    fn refuse<T>(&self, what: String) -> Result<T, TomlError> {
        Err(TomlError { line: self.line, what })
    }

    /// What comes next, for a message.
    fn shown(&self) -> String {
        let line = self.rest.lines().next().unwrap_or_default().trim_end();
        if line.is_empty() { "end of the line".into() } else { line.chars().take(30).collect() }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn takes(&mut self, wanted: char) -> bool {
        let is_here = self.rest.starts_with(wanted);
        if is_here {
            self.next();
        }
        is_here
    }

    fn wants(&mut self, wanted: char) -> Result<(), TomlError> {
        if self.takes(wanted) {
            return Ok(());
        }
        self.refuse(format!("`{wanted}` is missing before `{}`", self.shown()))
    }

    /// Skips blanks and comments; with `lines`, ends of lines, too.
    fn skip(&mut self, lines: bool) {
        loop {
            match self.rest.chars().next() {
                Some(' ' | '\t') => _ = self.next(),
                Some('\n') if lines => _ = self.next(),
                Some('\r') if lines && self.rest.starts_with("\r\n") => _ = self.next(),
                Some('#') => {
                    // A control character ends it, and is refused if it does not end the line, too.
                    let end =
                        self.rest.find(|c: char| c.is_control() && c != '\t').unwrap_or(self.rest.len());
                    self.rest = self.rest.get(end..).unwrap_or_default();
                }
                _ => return,
            }
        }
    }

    /// A key or the name of a table.
    fn name(&mut self) -> Result<String, TomlError> {
        if self.rest.starts_with(['"', '\'']) {
            return self.text();
        }
        let word = self.word(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if word.is_empty() {
            return self.refuse(format!("`{}` is no name of a setting", self.shown()));
        }
        Ok(word)
    }

    fn word(&mut self, is_part: fn(char) -> bool) -> String {
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }

    fn value(&mut self) -> Result<TomlValue, TomlError> {
        match self.rest.chars().next() {
            Some('"' | '\'') => self.text().map(TomlValue::Text),
            Some('[') => self.list().map(TomlValue::List),
            _ => {
                let word = self.word(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '.'));
                let is_bare = matches!(word.as_str(), "true" | "false") || is_number(&word);
                if is_bare {
                    return Ok(TomlValue::Bare(word));
                }
                self.refuse(match word.as_str() {
                    "" => format!("a value is missing before `{}`", self.shown()),
                    word => format!("`{word}` is no value; text is written in quotation marks"),
                })
            }
        }
    }

    fn list(&mut self) -> Result<Vec<String>, TomlError> {
        self.wants('[')?;
        let mut list = Vec::new();
        loop {
            self.skip(true);
            if self.takes(']') {
                return Ok(list);
            }
            if !self.rest.starts_with(['"', '\'']) {
                return self
                    .refuse(format!("a list holds text in quotation marks, and not `{}`", self.shown()));
            }
            list.push(self.text()?);
            self.skip(true);
            if self.takes(']') {
                return Ok(list);
            }
            self.wants(',')?;
        }
    }

    fn text(&mut self) -> Result<String, TomlError> {
        if self.rest.starts_with("\"\"\"") || self.rest.starts_with("'''") {
            return self.refuse("strings of several lines are not understood here".into());
        }
        let quote = self.next();
        let mut text = String::new();
        loop {
            match (self.rest.chars().next(), quote) {
                (None | Some('\n' | '\r'), _) => {
                    return self.refuse("a closing quotation mark is missing".into());
                }
                (c, _) if c == quote => {
                    self.next();
                    return Ok(text);
                }
                (Some('\\'), Some('"')) => {
                    self.next();
                    text.push(self.escaped()?);
                }
                (Some(c), _) if c.is_control() && c != '\t' => {
                    return self.refuse("a control character is in a string".into());
                }
                (Some(c), _) => {
                    self.next();
                    text.push(c);
                }
            }
        }
    }

    fn escaped(&mut self) -> Result<char, TomlError> {
        let sign = self.next();
        let code = |this: &mut Self, digits: usize| {
            let number = this.rest.get(..digits).filter(|it| it.bytes().all(|b| b.is_ascii_hexdigit()))?;
            let number = u32::from_str_radix(number, 16).ok().and_then(char::from_u32)?;
            this.rest = this.rest.get(digits..)?;
            Some(number)
        };
        let known = match sign {
            Some('"') => Some('"'),
            Some('\\') => Some('\\'),
            Some('t') => Some('\t'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('u') => code(self, 4),
            Some('U') => code(self, 8),
            _ => None,
        };
        match (known, sign) {
            (Some(c), _) => Ok(c),
            (None, sign) => self.refuse(format!(
                "`\\{}` is no escape; a backslash is written twice",
                sign.map(String::from).unwrap_or_default()
            )),
        }
    }
}

/// `5`, `-2`, `0.5`: no zero in front, and digits on both sides of the point.
fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    let all = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, part) = digits.split_once('.').map_or((digits, None), |(whole, part)| (whole, Some(part)));
    // What has more digits is no number in TOML.
    all(whole) && whole.len() <= 18 && (whole == "0" || !whole.starts_with('0')) && part.is_none_or(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrong(text: &str) -> (usize, String) {
        let error = read(text).unwrap_err();
        (error.line, error.what)
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, what) in [
            ("a = 1\nb", 2, "`=` is missing before `end of the line`"),
            ("a = blue", 1, "`blue` is no value; text is written in quotation marks"),
            ("\n\na =\n", 3, "a value is missing before `end of the line`"),
            ("a = \"x\nb = 1", 1, "a closing quotation mark is missing"),
            ("a = \"C:\\dir\"", 1, "`\\d` is no escape; a backslash is written twice"),
            ("a = [\"x\",\n 5]", 2, "a list holds text in quotation marks, and not `5]`"),
            ("a = [\"x\" \"y\"]", 1, "`,` is missing before `\"y\"]`"),
            ("a = 1\n[k]\na = 1\na = 2", 4, "`a` is there twice"),
            ("[k]\n[k]", 2, "the table [k] is there twice"),
            ("[k", 1, "`]` is missing before `end of the line`"),
            ("a = 1 b = 2", 1, "`b = 2` is more than a line may hold"),
            ("a.b = 1", 1, "`=` is missing before `.b = 1`"),
            ("a = \"\"\"x\"\"\"", 1, "strings of several lines are not understood here"),
            ("a = 007", 1, "`007` is no value; text is written in quotation marks"),
        ] {
            assert_eq!(wrong(text), (line, what.to_owned()), "{text}");
        }
    }

    /// A number, however it is written.
    fn bare(number: f64) -> TomlValue {
        TomlValue::Bare(format!("{:?}", number + 0.0))
    }

    /// The same values by the reader that the rest of the world uses.
    fn by_toml(text: &str) -> Option<Vec<(String, String, TomlValue)>> {
        let value = |value: &toml::Value| match value {
            toml::Value::String(text) => TomlValue::Text(text.clone()),
            toml::Value::Array(list) => {
                TomlValue::List(list.iter().map(|it| it.as_str().unwrap_or("?").to_owned()).collect())
            }
            toml::Value::Integer(number) => bare(*number as f64),
            toml::Value::Float(number) => bare(*number),
            toml::Value::Boolean(is) => TomlValue::Bare(is.to_string()),
            toml::Value::Datetime(_) | toml::Value::Table(_) => TomlValue::Bare("?".into()),
        };
        let table: toml::Table = text.parse().ok()?;
        let mut all = Vec::new();
        for (key, it) in &table {
            match it {
                toml::Value::Table(table) => {
                    all.extend(table.iter().map(|(name, it)| (key.clone(), name.clone(), value(it))));
                }
                it => all.push((String::new(), key.clone(), value(it))),
            }
        }
        all.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        Some(all)
    }

    fn ours(text: &str) -> Option<Vec<(String, String, TomlValue)>> {
        let number = |value: TomlValue| match value {
            TomlValue::Bare(word) => word.parse().map_or(TomlValue::Bare(word), bare),
            other => other,
        };
        let items = read(text).ok()?.into_iter();
        let mut all: Vec<_> = items.map(|item| (item.table, item.key, number(item.value))).collect();
        all.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        Some(all)
    }

    #[test]
    fn what_is_right_means_what_it_means_in_toml() {
        let text = "\u{feff}# a comment\r\na = \"x # y\" # more\r\n\"b c\"='it\\s'\nn = -5\nd = 0.5\nt = true\n\
                    l = [ \"a\", # one\n  'b',\n]\ne = []\n\n[ keys ]\nq = \"\\u00e9\\t\\\"\"\n[empty]\n";
        assert_eq!(ours(text), by_toml(text));
        assert_eq!(ours(text).unwrap().len(), 8);
    }

    proptest! {
        /// Whatever is taken is TOML, and means the same there.
        #[test]
        fn no_text_means_something_else_than_in_toml(text in "[ab=\\[\\]\"'#,.0-2 \n\r\t\\\\un-]{0,40}") {
            if let Some(ours) = ours(&text) {
                prop_assert_eq!(Some(ours), by_toml(&text), "{:?}", text);
            }
        }

        #[test]
        fn a_quoted_text_is_read_as_it_was(text: String) {
            let line = format!("a = {}", quoted(&text));
            prop_assert_eq!(read(&line).unwrap().pop().map(|item| item.value), Some(TomlValue::Text(text)));
        }
    }
}
