//! The part of YAML that configurations are written in: mappings, lists and scalars, plain, quoted or as a block (`|`).
//!
//! What is not in that part (anchors, tags, folded text, flow mappings, several documents) is an error with its line: a reader that
//! guesses would guess who may ask the server.

/// What is wrong, and in which line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// What.
    pub text: String,
}

/// A value and the line where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub line: usize,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing is written: `key:`.
    Nothing,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key, the line that it is in, and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: String,
    pub line: usize,
    pub node: Node,
}

/// Deepest nesting: configurations have three levels.
const DEEPEST: usize = 16;

type Result<T> = std::result::Result<T, Problem>;

fn problem<T>(line: usize, text: impl Into<String>) -> Result<T> {
    Err(Problem { line, text: text.into() })
}

/// A line with something in it.
#[derive(Clone, Copy)]
struct Line<'a> {
    /// From 1.
    number: usize,
    indent: usize,
    /// Without indentation; the comment may be there still.
    text: &'a str,
}

struct Reader<'a> {
    /// Every line, as it is.
    lines: Vec<&'a str>,
    /// The next one.
    at: usize,
}

/// Reads a document.
pub fn read(text: &str) -> Result<Node> {
    let mut reader = Reader { lines: text.lines().collect(), at: 0 };
    if let Some(first) = reader.peek()?
        && first.indent == 0
        && without_comment(first.text) == "---"
    {
        reader.at = first.number;
    }
    let Some(first) = reader.peek()? else { return Ok(Node { line: 1, value: Value::Nothing }) };
    let node = reader.block(first.indent, 0)?;
    match reader.peek()? {
        None => Ok(node),
        Some(line) => problem(line.number, "the indentation fits none of the lines above"),
    }
}

impl<'a> Reader<'a> {
    /// The next line that is neither empty nor a comment.
    fn peek(&mut self) -> Result<Option<Line<'a>>> {
        while let Some(whole) = self.lines.get(self.at) {
            let text = whole.trim_start_matches(' ');
            if text.trim_start().is_empty() || text.trim_start().starts_with('#') {
                self.at += 1;
                continue;
            }
            let number = self.at + 1;
            if text.starts_with('\t') {
                return problem(number, "a tab in the indentation: write spaces");
            }
            return Ok(Some(Line { number, indent: whole.len() - text.len(), text: text.trim_end() }));
        }
        Ok(None)
    }

    /// A mapping or a list, all of whose lines are indented as the first.
    fn block(&mut self, indent: usize, depth: usize) -> Result<Node> {
        let Some(first) = self.peek()? else { return Ok(Node { line: self.at, value: Value::Nothing }) };
        if depth > DEEPEST {
            return problem(first.number, "nested too deeply");
        }
        let value = if is_item(first.text) {
            Value::List(self.list(indent)?)
        } else {
            Value::Map(self.map(indent, depth)?)
        };
        Ok(Node { line: first.number, value })
    }

    fn list(&mut self, indent: usize) -> Result<Vec<Node>> {
        let mut items = Vec::new();
        while let Some(line) = self.peek()? {
            if line.indent != indent || !is_item(line.text) {
                break;
            }
            self.at = line.number;
            let text = without_comment(line.text.strip_prefix('-').unwrap_or_default().trim_start());
            if text.is_empty() || is_item(text) || split_key(text, line.number)?.is_some() {
                return problem(line.number, "an item of a list here is one text");
            }
            items.push(Node { line: line.number, value: Value::Text(scalar(text, line.number)?) });
        }
        Ok(items)
    }

    fn map(&mut self, indent: usize, depth: usize) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(line) = self.peek()? {
            if line.indent != indent {
                break;
            }
            if is_item(line.text) {
                return problem(line.number, "an item of a list where a key is expected");
            }
            if matches!(line.text, "---" | "...") {
                return problem(line.number, "more than one document in the file");
            }
            let Some((key, rest)) = split_key(line.text, line.number)? else {
                return problem(line.number, "no key: write KEY: VALUE");
            };
            if let Some(before) = entries.iter().find(|entry| entry.key == key) {
                let text = format!("`{}` is also in line {}", shown(&key), before.line);
                return problem(line.number, text);
            }
            self.at = line.number;
            let value = self.value(without_comment(rest), line, depth)?;
            let node = Node { line: line.number, value };
            entries.push(Entry { key, line: line.number, node });
        }
        Ok(entries)
    }

    /// What follows a key, in its line or below it.
    fn value(&mut self, rest: &str, line: Line<'_>, depth: usize) -> Result<Value> {
        if let Some(style) = rest.strip_prefix('|') {
            return match style {
                "" | "-" | "+" => Ok(Value::Text(self.literal(line.indent, style))),
                _ => problem(line.number, "`|`, `|-` or `|+` is understood, with nothing after it"),
            };
        }
        if let Some(inner) = rest.strip_prefix('[') {
            return Ok(Value::List(flow(inner, line.number)?));
        }
        if rest == "{}" {
            return Ok(Value::Map(Vec::new()));
        }
        if !rest.is_empty() {
            let text = scalar(rest, line.number)?;
            return match self.peek()? {
                Some(next) if next.indent > line.indent => {
                    problem(next.number, "it is indented below a key that has its value already")
                }
                _ => Ok(Value::Text(text)),
            };
        }
        match self.peek()? {
            Some(next) if next.indent > line.indent => Ok(self.block(next.indent, depth + 1)?.value),
            // YAML has lists that are not indented below their key.
            Some(next) if next.indent == line.indent && is_item(next.text) => {
                Ok(Value::List(self.list(next.indent)?))
            }
            _ => Ok(Value::Nothing),
        }
    }

    /// The lines of a block, as they are, without their common indentation.
    fn literal(&mut self, above: usize, style: &str) -> String {
        let mut text = String::new();
        let mut indent = None;
        while let Some(line) = self.lines.get(self.at) {
            if !line.trim().is_empty() {
                let own = line.len() - line.trim_start_matches(' ').len();
                let wanted = *indent.get_or_insert(own);
                if own <= above || own < wanted {
                    break;
                }
                text.push_str(line.get(wanted..).unwrap_or_default());
            }
            text.push('\n');
            self.at += 1;
        }
        if style != "+" {
            let end = text.trim_end_matches('\n').len();
            text.truncate(end);
            if style.is_empty() && !text.is_empty() {
                text.push('\n');
            }
        }
        text
    }
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

/// `KEY: VALUE` as its two parts; none if there is no key.
fn split_key(text: &str, line: usize) -> Result<Option<(String, &str)>> {
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        let (key, rest) = quoted(text, quote, line)?;
        return Ok(rest.trim_start().strip_prefix(':').map(|rest| (key, rest.trim_start())));
    }
    let text = without_comment(text);
    let end = text.find(": ").or_else(|| text.ends_with(':').then(|| text.len() - 1));
    let Some((key, rest)) = end.and_then(|end| text.split_at_checked(end)) else { return Ok(None) };
    let rest = rest.strip_prefix(':').unwrap_or_default().trim_start();
    Ok(Some((plain(key.trim_end(), line)?, rest)))
}

/// Up to a comment: `#` at the beginning or after a blank, outside quotes.
fn without_comment(text: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, one) in text.char_indices() {
        match (quote, one) {
            (None, '#') if before.is_whitespace() => return text.get(..at).unwrap_or_default().trim_end(),
            // A quote within a plain text is a letter of it.
            (None, '"' | '\'') if before.is_whitespace() || matches!(before, '[' | ',') => quote = Some(one),
            (Some(open), _) if open == one && !(one == '"' && before == '\\') => quote = None,
            _ => {}
        }
        // A backslash that is itself escaped escapes nothing.
        before = if before == '\\' && one == '\\' { ' ' } else { one };
    }
    text.trim_end()
}

/// A list in one line, after its bracket.
fn flow(text: &str, line: usize) -> Result<Vec<Node>> {
    let mut items = Vec::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix(']') {
            return if after.trim().is_empty() { Ok(items) } else { problem(line, "text after the list") };
        }
        let (item, after) = if let Some(quote @ ('"' | '\'')) = rest.chars().next() {
            quoted(rest, quote, line)?
        } else {
            let Some(end) = rest.find([',', ']']) else {
                return problem(line, "the list has no end in its line");
            };
            let (item, after) = rest.split_at_checked(end).unwrap_or_default();
            (plain(item.trim(), line)?, after)
        };
        items.push(Node { line, value: Value::Text(item) });
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if after.starts_with(']') => after,
            None => return problem(line, "a comma is missing, or the list has no end in its line"),
        };
    }
}

fn scalar(text: &str, line: usize) -> Result<String> {
    let Some(quote @ ('"' | '\'')) = text.chars().next() else { return plain(text, line) };
    let (value, rest) = quoted(text, quote, line)?;
    if rest.is_empty() { Ok(value) } else { problem(line, "text after a quote") }
}

/// A text without quotes, unless it would mean something else in YAML.
fn plain(text: &str, line: usize) -> Result<String> {
    let other = match text.chars().next() {
        None => return problem(line, "a text is missing"),
        Some('&' | '*') => "an anchor or an alias",
        Some('!') => "a type",
        Some('>') => "folded text",
        Some('{' | '}') => "a mapping in one line",
        Some('[' | ']' | ',') => "a list within a list",
        Some('%' | '@' | '`' | '|' | '?') => "a text that begins with a sign of YAML's",
        Some('"' | '\'') => "a quote",
        Some(_) if text.contains(": ") || text.ends_with(':') => "a mapping within a line",
        Some(_) => return Ok(text.to_owned()),
    };
    problem(line, format!("{other} is not understood here: write it in quotes, or in another way"))
}

/// A text in quotes, and what follows it.
fn quoted(text: &str, quote: char, line: usize) -> Result<(String, &str)> {
    let mut value = String::new();
    let mut rest = text.char_indices().skip(1).peekable();
    while let Some((at, one)) = rest.next() {
        if one == quote {
            if quote == '\'' && rest.next_if(|(_, next)| *next == '\'').is_some() {
                value.push('\'');
                continue;
            }
            return Ok((value, text.get(at + 1..).unwrap_or_default()));
        }
        if one != '\\' || quote == '\'' {
            value.push(one);
            continue;
        }
        let digits = match rest.next() {
            Some((_, 'n')) => ('\n', 0),
            Some((_, 't')) => ('\t', 0),
            Some((_, 'r')) => ('\r', 0),
            Some((_, '0')) => ('\0', 0),
            Some((_, same @ ('"' | '\\' | '/' | ' '))) => (same, 0),
            Some((_, 'x')) => (' ', 2),
            Some((_, 'u')) => (' ', 4),
            Some((_, 'U')) => (' ', 8),
            _ => return problem(line, "an unknown sequence after a backslash"),
        };
        match digits {
            (one, 0) => value.push(one),
            (_, count) => {
                let digits: String = rest.by_ref().take(count).map(|(_, digit)| digit).collect();
                let is_whole = digits.len() == count && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                let code = if is_whole { u32::from_str_radix(&digits, 16).ok() } else { None };
                let Some(one) = code.and_then(char::from_u32) else {
                    return problem(line, "no character has this number");
                };
                value.push(one);
            }
        }
    }
    problem(line, "a quote that does not end in its line")
}

/// A key or a value in a message: a line of its own cannot be made of it.
pub fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    short.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree in one line.
    fn told(node: &Node) -> String {
        match &node.value {
            Value::Nothing => "-".to_owned(),
            Value::Text(text) => format!("{text:?}"),
            Value::List(items) => format!("[{}]", items.iter().map(told).collect::<Vec<_>>().join(" ")),
            Value::Map(entries) => {
                let one = |entry: &Entry| format!("{}@{}={}", entry.key, entry.line, told(&entry.node));
                format!("{{{}}}", entries.iter().map(one).collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[track_caller]
    fn reads(text: &str, tree: &str) {
        assert_eq!(told(&read(text).unwrap()), tree, "{text}");
    }

    /// Each tree is what `PyYAML` makes of the same text.
    #[test]
    fn what_configurations_are_written_in() {
        reads("", "-");
        reads("---\n# nothing\n", "-");
        reads("a: b", r#"{a@1="b"}"#);
        reads("a:\n  b: c # d\n  e: 'it''s'\nf: \"x # y\"", r#"{a@1={b@2="c" e@3="it's"} f@4="x # y"}"#);
        reads("a: b#c\n'x y': z", r#"{a@1="b#c" x y@2="z"}"#);
        reads("a:\n- b\n- 'c'\nd:\n  - e", r#"{a@1=["b" "c"] d@4=["e"]}"#);
        reads("a: [b, 'c, d', \"e\"]\nf: []", r#"{a@1=["b" "c, d" "e"] f@2=[]}"#);
        reads("a: {}\nb:\nc: d", r#"{a@1={} b@2=- c@3="d"}"#);
        reads("a: |\n  x\n\n    y\nb: |-\n  z\n", r#"{a@1="x\n\n  y\n" b@5="z"}"#);
        reads("a: $2y$10$abc./X\nb: c:d\ne: \"\\u00fc\\n\"", r#"{a@1="$2y$10$abc./X" b@2="c:d" e@3="ü\n"}"#);
        reads("a: b\r\nc: d\r\n", r#"{a@1="b" c@2="d"}"#);
        reads("  a: b\n  c: d", r#"{a@1="b" c@2="d"}"#);
        reads("a: it's # 'x'\nb: 'x\\' # y", r#"{a@1="it's" b@2="x\\"}"#);
    }

    #[test]
    fn what_would_have_to_be_guessed_is_an_error_with_its_line() {
        for (text, line, what) in [
            ("a: b\na: c", 2, "also in line 1"),
            ("a: b\n  c: d", 2, "has its value"),
            ("a:\n    b: c\n  d: e", 3, "fits none"),
            ("a:\n\tb: c", 2, "tab"),
            ("a: &x b", 1, "anchor"),
            ("a: *x", 1, "anchor"),
            ("a: !!binary x", 1, "type"),
            ("a: >\n  b", 1, "folded"),
            ("a: {b: c}", 1, "in one line"),
            ("a: [b, [c]]", 1, "within a list"),
            ("a: [b", 1, "no end"),
            ("a: [b] c", 1, "after the list"),
            ("a: 'b", 1, "does not end"),
            ("a: 'b' c", 1, "after a quote"),
            ("a: \"\\q\"", 1, "backslash"),
            ("a: \"\\ud800\"", 1, "character"),
            ("a: b: c", 1, "mapping within"),
            ("a\nb: c", 1, "no key"),
            ("a: b\n---\nc: d", 2, "more than one document"),
            ("a:\n  - b: c", 2, "one text"),
            ("- a\nb: c", 2, "fits none"),
            ("a: |2\n  b", 1, "nothing after it"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.line == line && error.text.contains(what), "{text:?}: {error:?}");
        }
        let deep = (0..40).fold(String::new(), |text, level| text + &" ".repeat(level) + "a:\n");
        assert!(read(&deep).unwrap_err().text.contains("deeply"));
    }
}
