//! The same in Markdown (GitHub's dialect): for tickets, mails and wikis.

use std::fmt::{self, Write as _};

use poolmon_leak::Verdict;
use poolmon_model::units::{grouped, human_amount, human_rate};
use poolmon_owner::next;

use crate::html::is_hidden;
use crate::{Dossier, Material, findings, words};

/// Text of strangers within Markdown: nothing in it is markup, a link or HTML; lines stay lines.
pub struct Escaped<'a>(&'a str);

/// Escapes text for a paragraph, a list or a cell of a table.
pub fn escape(text: &str) -> Escaped<'_> {
    Escaped(text)
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut start = true;
        let mut before = String::new();
        let mut rest = self.0.chars().peekable();
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

/// Text as code, within a line or a cell of a table.
pub fn code(text: &str) -> String {
    let text: String = text
        .chars()
        .flat_map(|c| if is_hidden(c) { c.escape_unicode().collect() } else { vec![c] })
        .collect();
    // A bar ends a cell, even within code; and nothing within code can be escaped.
    if text.contains('|') {
        return escape(&text).to_string();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let blank = if text.starts_with('`') || text.ends_with('`') || text.trim() != text { " " } else { "" };
    if text.is_empty() { String::new() } else { format!("{fence}{blank}{text}{blank}{fence}") }
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// The whole text.
pub fn page(material: &Material<'_>) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# Kernel memory report: {}\n", escape(material.headline()));
    let mut about = String::new();
    if let Some(host) = material.title.as_ref().and(material.host.as_ref()) {
        let _ = write!(about, "{}, ", escape(host));
    }
    if let Some(system) = &material.system {
        let _ = write!(about, "{}, ", escape(system));
    }
    let extent = words::extent(material.report, material.span, &material.zone);
    let tags = grouped(material.report.verdicts.len() as u64);
    let _ = writeln!(out, "{about}{extent}; {tags} tags.\n");
    if let Some(remark) = words::times(material.report) {
        let _ = writeln!(out, "{remark}\n");
    }
    summary(&mut out, material);
    for verdict in findings::causes(material) {
        cause(&mut out, material, verdict);
    }
    let _ = writeln!(out, "## What moves\n");
    let moving = findings::moving(material);
    if moving.is_empty() {
        let _ = writeln!(out, "Nothing but noise.\n");
    } else {
        table(&mut out, material, &moving);
    }
    let biggest = findings::biggest(material);
    if !biggest.is_empty() {
        let _ =
            writeln!(out, "## The biggest\n\nWhat holds most at the end. A big tag is seldom the leak.\n");
        table(&mut out, material, &biggest);
    }
    events(&mut out, material);
    let _ = writeln!(out, "## How the verdicts come about, and what they cannot do\n");
    for (title, text) in words::METHOD {
        let _ = writeln!(out, "- **{title}**: {text}");
    }
    let _ = writeln!(out);
    for text in words::LIMITS {
        let _ = writeln!(out, "- {text}");
    }
    let zone = material.made.to_zoned(material.zone.clone()).strftime("%:z").to_string();
    let _ = writeln!(
        out,
        "\nMade by {} on {} from {}. Times are in UTC{zone}. Sizes are binary: 1 MiB is 1,048,576 bytes.",
        escape(&material.maker),
        words::moment(material.made, &material.zone),
        code(&material.source)
    );
    out
}

fn summary(out: &mut String, material: &Material<'_>) {
    let (leaks, causes) = findings::leaks(material);
    let headline = words::headline(material.report, material.needs, leaks, causes);
    let _ = writeln!(out, "**{}**\n", headline.trim_end_matches(':'));
    let mut any = false;
    for (number, verdict) in findings::causes(material).enumerate() {
        let _ = writeln!(out, "{}. {}", number + 1, escape(&verdict.sentence(&material.zone)));
        any = true;
    }
    if any {
        let _ = writeln!(out);
    }
    if let Some(figures) = material.perfmon {
        let _ = writeln!(out, "- Perfmon: {}", words::pools(&figures.pools));
    }
    let _ = writeln!(out, "- Pools: {}", words::pools(&material.report.pools));
    if let Some(others) = findings::others(material) {
        let _ = writeln!(out, "- The other tags: {others}");
    }
    let _ = writeln!(out);
}

fn cause(out: &mut String, material: &Material<'_>, verdict: &Verdict) {
    let tag = verdict.tag.to_string();
    let _ = writeln!(
        out,
        "## {} {} in {}\n\n{}.\n",
        code(tag.trim_end()),
        words::kind(verdict.kind),
        verdict.pool.long(),
        escape(&verdict.sentence(&material.zone))
    );
    let reasons = findings::reasons(material, verdict);
    for reason in &reasons {
        let _ = writeln!(out, "- {}", escape(reason));
    }
    if !reasons.is_empty() {
        let _ = writeln!(out);
    }
    let dossier = |dossier: &&Dossier| dossier.tag == verdict.tag && dossier.pool == verdict.pool;
    if let Some(dossier) = material.dossiers.iter().find(dossier) {
        owner(out, dossier);
    }
    let _ = writeln!(out, "### What to do next\n");
    for command in next::commands(&verdict.tag, Some(verdict.pool)) {
        let _ = writeln!(out, "{}: {}. Needs: {}.\n", command.tool, command.tells, command.needs);
        let fence = "`".repeat(longest_run(&command.command).max(2) + 1);
        let _ = writeln!(out, "{fence}\n{}\n{fence}\n", command.command);
    }
}

fn owner(out: &mut String, dossier: &Dossier) {
    if dossier.known.is_empty() && dossier.suspects.is_empty() && dossier.searched.is_none() {
        return;
    }
    let _ = writeln!(out, "### Whose it is\n");
    for suspect in &dossier.suspects {
        let _ = writeln!(out, "- **{}**", escape(&suspect.name));
        for sentence in &suspect.evidence {
            let _ = writeln!(out, "  - {}", escape(sentence));
        }
    }
    for (title, text) in &dossier.known {
        let _ = writeln!(out, "- {}: {}", escape(title), escape(text));
    }
    if let Some(searched) = &dossier.searched {
        let none = if dossier.suspects.is_empty() { "no driver shows the tag; " } else { "" };
        let _ = writeln!(out, "- {none}searched: {}", escape(searched));
    }
    let _ = writeln!(out);
}

fn table(out: &mut String, material: &Material<'_>, rows: &[&Verdict]) {
    let _ = writeln!(out, "| Tag | Pool | Verdict | Rate | ± | Held | Grown | Share | Since | Used by |");
    let _ = writeln!(out, "|---|---|---|--:|--:|--:|--:|--:|---|---|");
    for verdict in rows {
        let share = words::share(verdict);
        let since = words::since(verdict, &material.zone);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {share} | {since} | {} |",
            code(verdict.tag.to_string().trim_end()),
            verdict.pool.id(),
            words::kind(verdict.kind),
            human_rate(verdict.bytes.per_hour),
            human_rate(verdict.bytes.half()),
            human_amount(verdict.held),
            human_amount(verdict.growth),
            escape(verdict.owner.as_deref().unwrap_or_default())
        );
    }
    let _ = writeln!(out);
}

fn events(out: &mut String, material: &Material<'_>) {
    if material.events.is_empty() {
        return;
    }
    let _ = writeln!(out, "## What happened\n\n| When | Mark | What |\n|---|---|---|");
    for event in material.events.iter().take(100) {
        let at = words::moment(event.at, &material.zone);
        let _ = writeln!(out, "| {at} | {} | {} |", event.kind.word(), escape(&event.text));
    }
    let _ = writeln!(out);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::material;

    #[test]
    fn nothing_of_strangers_is_markup() {
        let text = page(&material());
        assert!(text.contains("## `<b>&` leaks in paged pool"), "{text}");
        assert!(text.contains(r"\[a\](javascript:b)"), "{text}");
        let outside: String = text.split("```").step_by(2).collect();
        for raw in ["<script", "</title>", "[a](", "\u{202e}", "\u{1b}"] {
            assert!(!outside.replace("`<b>&`", "").contains(raw), "{raw}");
        }
        for row in text.lines().filter(|line| line.starts_with("| ") && line.contains("paged |")) {
            let cells = row.replace("\\|", "").matches('|').count();
            assert_eq!(cells, 11, "{row}");
        }
    }

    #[test]
    fn code_of_any_tag() {
        assert_eq!(code("Leak"), "`Leak`");
        assert_eq!(code("`x"), "`` `x ``");
        assert_eq!(code(" a"), "`  a `");
        assert_eq!(code("a|b"), "a\\|b");
        assert_eq!(code(""), "");
        assert_eq!(escape("- a_b\nc@d").to_string(), "\\- a\\_b c&#64;d");
        assert_eq!(escape("at 14:05 http://x www.x.y").to_string(), "at 14:05 http&#58;//x www&#46;x.y");
    }

    proptest! {
        #[test]
        fn escaped_text_stays_in_its_line(text in any::<String>()) {
            let escaped = escape(&text).to_string();
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
        fn code_ends_where_it_should(text in "[`a |]{1,12}") {
            let written = code(&text);
            if !text.contains('|') {
                let fence = written.chars().take_while(|&c| c == '`').count();
                let inner = &written[fence..written.len() - fence];
                prop_assert!(longest_run(inner) < fence);
                prop_assert_eq!(inner.trim(), text.trim());
            }
        }
    }
}
