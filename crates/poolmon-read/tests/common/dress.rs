//! What stands around the lines of a text, how they are broken, and in which encoding: for any text.

use proptest::prelude::*;

/// How lines are broken.
#[derive(Clone, Copy, Debug)]
pub enum Breaks {
    None,
    /// A console: at a column, whatever is there.
    Hard(usize),
    /// A mail program: at the last blank before a column.
    Soft(usize),
    /// A console that leaves out what goes beyond a column.
    Cut(usize),
    /// As `Hard`, at the column where the first line ends.
    Titles,
}

/// The lines, broken.
pub fn broken(lines: &[String], breaks: Breaks) -> Vec<String> {
    let mut out = Vec::new();
    let breaks = match breaks {
        Breaks::Titles => Breaks::Hard(lines[0].len().max(20)),
        other => other,
    };
    for line in lines {
        match breaks {
            Breaks::None | Breaks::Titles => out.push(line.clone()),
            Breaks::Cut(edge) => out.push(line.get(..edge).unwrap_or(line).to_owned()),
            Breaks::Hard(edge) => {
                let mut rest = line.as_str();
                while rest.len() > edge {
                    let (head, tail) = rest.split_at(edge);
                    out.push(head.trim_end().to_owned());
                    rest = tail;
                }
                out.push(rest.to_owned());
            }
            Breaks::Soft(edge) => {
                let at = line
                    .get(..edge)
                    .filter(|_| line.trim_end().len() > edge)
                    .and_then(|head| head.rfind(' '));
                match at {
                    Some(at) => {
                        out.push(line[..at].trim_end().to_owned());
                        out.push(line[at..].trim_start().to_owned());
                    }
                    None => out.push(line.clone()),
                }
            }
        }
    }
    out
}

/// The text in one of four encodings.
pub fn encoded(text: &str, encoding: u8) -> Vec<u8> {
    let wide = || text.encode_utf16().flat_map(u16::to_le_bytes);
    match encoding {
        0 => text.as_bytes().to_vec(),
        1 => [0xff, 0xfe].into_iter().chain(wide()).collect(),
        2 => wide().collect(),
        _ => b"\xef\xbb\xbf".iter().copied().chain(text.bytes()).collect(),
    }
}

/// What may be in front of each line.
pub fn prefix() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("> ".to_owned()),
        Just("| ".to_owned()),
        Just(">> ".to_owned()),
        Just("\t".to_owned()),
        " {0,12}",
        Just("12:34:56 ".to_owned()),
        Just("[2026-03-01 12:34:56.789] ".to_owned()),
        Just("Mar  1 12:34:56 host tool: ".to_owned()),
    ]
}

/// How lines are broken, if they are.
pub fn breaks() -> impl Strategy<Value = Breaks> {
    prop_oneof![
        2 => Just(Breaks::None),
        1 => (30_usize..120).prop_map(Breaks::Hard),
        1 => (30_usize..120).prop_map(Breaks::Soft),
        1 => (30_usize..120).prop_map(Breaks::Cut),
        1 => Just(Breaks::Titles),
    ]
}
