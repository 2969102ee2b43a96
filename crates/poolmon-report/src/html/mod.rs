//! The page: one file, no network, readable without a script, better with.
//!
//! * here: the frame of the page and its policy; * `markup.rs`: HTML as a type; * `sections.rs`: what is in it; * `cause.rs`: a cause's section; * `tables.rs`: its tables;
//! * `style.css`, `script.js`: embedded as they are.

mod cause;
pub(crate) mod markup;
mod sections;
mod tables;

use self::markup::{Html, html};
use crate::{Material, findings, words};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// SHA-256 of the style and of the script, base64: the page's policy admits these two and nothing else. A test holds
/// them against the files.
const STYLE_HASH: &str = "sha256-5bmzXq2/KQ+LFvqyzyLsEF8P5K27WBEsxhdajBuV3Os=";
const SCRIPT_HASH: &str = "sha256-kRzFhTH49TUBVisRqLGshBKgLS1SsN/9rcvLTRvnAbc=";

/// The whole page.
pub fn page(material: &Material<'_>) -> String {
    let title = material.headline();
    let mut out = Html::default();
    html!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; \
         script-src '{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"generator\" content=\"{}\">\n<title>{} – kernel memory report</title>\n\
         <style>{}</style>\n</head>\n<body>\n<main>\n",
        Html::of_ours(STYLE_HASH),
        Html::of_ours(SCRIPT_HASH),
        material.maker,
        title,
        Html::of_ours(STYLE)
    );
    sections::all(&mut out, material, title);
    html!(out, "</main>\n<script>{}</script>\n</body>\n</html>\n", Html::of_ours(SCRIPT));
    out.into_text()
}

/// How grave it is: the class of the summary, `good`, `unsure` or `bad`.
pub fn mood(material: &Material<'_>) -> &'static str {
    let words::Counts { leaks, rising, .. } = findings::leaks(material);
    match findings::gravest(material) {
        _ if material.needs.is_some() => "unsure",
        Some(_) if leaks > 0 => "bad",
        Some(_) => "unsure",
        None if rising > 0 => "unsure",
        None => "good",
    }
}

/// The summary's line, without the colon that asks for a list.
pub fn headline(material: &Material<'_>) -> String {
    let counts = findings::leaks(material);
    words::headline(material.report, &material.analysis.config, material.needs, counts)
        .trim_end_matches(':')
        .to_owned()
}

#[cfg(test)]
mod tests;
