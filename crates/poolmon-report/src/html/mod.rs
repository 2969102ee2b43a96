//! The page: one file, no network, readable without a script, better with.
//!
//! * here: the frame of the page and its policy; * `sections.rs`: what stands in it; * `cause.rs`: a cause's section; * `tables.rs`: its tables;
//! * `style.css`, `script.js`: embedded as they are.

mod cause;
mod sections;
mod tables;

use std::fmt::{self, Write as _};

use crate::{Material, findings, words};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// SHA-256 of the style and of the script, base64: the page's policy admits these two and nothing else. A test holds
/// them against the files.
const STYLE_HASH: &str = "sha256-1gYeRRbBHP0qtEtxDaJTpVaPx1NJroBR6gNrX5h1/PY=";
const SCRIPT_HASH: &str = "sha256-kRzFhTH49TUBVisRqLGshBKgLS1SsN/9rcvLTRvnAbc=";

/// Text of strangers within HTML: markup is escaped, control characters and those that turn the direction of writing
/// are spelt out (`\u{202e}`).
pub struct Escaped<'a>(&'a str);

/// Escapes text for an element or an attribute in quotes.
pub fn escape(text: &str) -> Escaped<'_> {
    Escaped(text)
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
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

/// Characters that show nothing, or change how others are shown.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// JSON within a script element.
fn json(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// The whole page.
pub fn page(material: &Material<'_>) -> String {
    let title = material.headline();
    let mut out = String::with_capacity(256 * 1024);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{STYLE_HASH}'; \
         script-src '{SCRIPT_HASH}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"generator\" content=\"{}\">\n<title>{} – kernel memory report</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n",
        escape(&material.maker),
        escape(title)
    );
    sections::all(&mut out, material, title);
    let _ = write!(out, "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n");
    out
}

/// How grave it is: the class of the summary.
fn mood(material: &Material<'_>) -> &'static str {
    let (leaks, _) = findings::leaks(material);
    match findings::gravest(material) {
        _ if material.needs.is_some() => "unsure",
        Some(_) if leaks > 0 => "bad",
        Some(_) => "unsure",
        None => "good",
    }
}

/// The summary's line, without the colon that asks for a list.
fn headline(material: &Material<'_>) -> String {
    let (leaks, causes) = findings::leaks(material);
    words::headline(material.report, material.needs, leaks, causes).trim_end_matches(':').to_owned()
}

#[cfg(test)]
mod tests;
