//! The same in Markdown (GitHub's dialect): for tickets, mails and wikis.

pub(crate) mod markup;

use poolmon_leak::{Riser, Verdict};
use poolmon_model::units::{grouped, human_amount};

use self::markup::{Code, Fenced, Markdown, Ours, md, md_line};
use crate::{Dossier, Material, findings, traces, words};

/// The whole text.
pub fn page(material: &Material<'_>) -> String {
    let mut out = Markdown::default();
    md_line!(out, "# Kernel memory report: {}\n", material.headline());
    let mut about = Markdown::default();
    if let Some(host) = material.title.as_ref().and(material.host.as_ref()) {
        md!(about, "{}, ", host);
    }
    if let Some(system) = &material.system {
        md!(about, "{}, ", system);
    }
    let extent = words::extent(material.report, material.span, &material.zone);
    let tags = grouped(material.report.verdicts.len() as u64);
    md_line!(out, "{}{}; {} tags.\n", about, extent, tags);
    if let Some(remark) = words::times(material.report) {
        md_line!(out, "{}\n", remark);
    }
    summary(&mut out, material);
    for verdict in findings::causes(material) {
        cause(&mut out, material, verdict);
    }
    traces::markdown(&mut out, &material.traces);
    md_line!(out, "## Changing tags\n");
    let moving = findings::moving(material);
    if moving.is_empty() {
        md_line!(out, "{}\n", Ours(words::nothing_moves(material.needs)));
    } else {
        table(&mut out, material, &moving);
    }
    let biggest = findings::biggest(material);
    if !biggest.is_empty() {
        md_line!(out, "## Largest tags\n\nThe largest tags at the end. A large tag is rarely the leak.\n");
        table(&mut out, material, &biggest);
    }
    events(&mut out, material);
    md_line!(out, "## How verdicts are made, and their limits\n");
    for (title, text) in words::METHOD {
        md_line!(out, "- **{}**: {}", Ours(title), Ours(text));
    }
    md_line!(out, "");
    for text in words::LIMITS {
        md_line!(out, "- {}", Ours(text));
    }
    let zone = material.made.to_zoned(material.zone.clone()).strftime("%:z").to_string();
    md_line!(
        out,
        "\nMade by {} on {} from {}. Times are in UTC{}. Sizes are binary: 1 MiB is 1,048,576 bytes.",
        material.maker,
        Ours(&words::moment(material.made, &material.zone)),
        Code(&material.source),
        Ours(&zone)
    );
    out.into_text()
}

fn summary(out: &mut Markdown, material: &Material<'_>) {
    let counts = findings::leaks(material);
    let headline = words::headline(material.report, &material.analysis.config, material.needs, counts);
    md_line!(out, "**{}**\n", headline.trim_end_matches(':'));
    let mut any = false;
    for (number, verdict) in findings::causes(material).enumerate() {
        md_line!(out, "{}. {}", number + 1, verdict.sentence(&material.zone));
        any = true;
    }
    if any {
        md_line!(out, "");
    }
    let risers: Vec<&Riser> = words::risers(material.report, &material.filter).collect();
    if !risers.is_empty() {
        md_line!(out, "{}:\n", Ours(words::RISERS));
        for riser in risers {
            md_line!(out, "- {}", riser.sentence());
            if let Some(places) = riser.places() {
                md_line!(out, "  - {}", places);
            }
        }
        md_line!(out, "");
    }
    if let Some(figures) = material.perfmon {
        md_line!(out, "- Perfmon: {}", words::pools(figures));
    }
    md_line!(out, "- Pools: {}", words::pools(material.report));
    if let Some(others) = findings::others(material) {
        md_line!(out, "- {}: {}", Ours(words::others_title(any)), others);
    }
    md_line!(out, "");
}

fn cause(out: &mut Markdown, material: &Material<'_>, verdict: &Verdict) {
    let tag = verdict.tag.to_string();
    md_line!(
        out,
        "## {} {} in {}\n\n{}.\n",
        Code(tag.trim_end()),
        words::word(verdict),
        verdict.pool.long(),
        verdict.sentence(&material.zone)
    );
    let reasons = findings::reasons(material, verdict);
    for reason in &reasons {
        md_line!(out, "- {}", reason);
    }
    if !reasons.is_empty() {
        md_line!(out, "");
    }
    let dossier = |dossier: &&Dossier| dossier.tag == verdict.tag && dossier.pool == verdict.pool;
    if let Some(dossier) = material.dossiers.iter().find(dossier) {
        owner(out, dossier);
    }
    let commands = findings::next_commands(material, verdict);
    if !commands.is_empty() {
        md_line!(out, "### What to do next\n");
    }
    for command in commands {
        md_line!(out, "{}: {}. Needs: {}.\n", Ours(command.tool), Ours(command.shows), Ours(command.needs));
        md_line!(out, "{}\n", Fenced(&command.command));
    }
}

fn owner(out: &mut Markdown, dossier: &Dossier) {
    if dossier.known.is_empty() && dossier.suspects.is_empty() && dossier.searched.is_none() {
        return;
    }
    md_line!(out, "### Owner\n");
    for suspect in &dossier.suspects {
        md_line!(out, "- **{}**", suspect.name);
        for sentence in &suspect.evidence {
            md_line!(out, "  - {}", sentence);
        }
    }
    for (title, text) in &dossier.known {
        md_line!(out, "- {}: {}", title, text);
    }
    if let Some(searched) = &dossier.searched {
        let none = if dossier.suspects.is_empty() { "no driver uses the tag; " } else { "" };
        md_line!(out, "- {}searched: {}", none, searched);
    }
    md_line!(out, "");
}

fn table(out: &mut Markdown, material: &Material<'_>, rows: &[&Verdict]) {
    md_line!(out, "| Tag | Pool | Verdict | Rate | ± | Held | Grown | Share | Since | Used by |");
    md_line!(out, "|---|---|---|--:|--:|--:|--:|--:|---|---|");
    for verdict in rows {
        md_line!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            Code(verdict.tag.to_string().trim_end()),
            verdict.pool.id(),
            words::word(verdict),
            Ours(&words::speed(verdict)),
            Ours(&words::margin(verdict)),
            Ours(&human_amount(verdict.held)),
            Ours(&human_amount(verdict.growth)),
            Ours(&words::share(verdict)),
            Ours(&words::since(verdict, &material.zone)),
            verdict.owner.as_deref().unwrap_or_default()
        );
    }
    md_line!(out, "");
}

fn events(out: &mut Markdown, material: &Material<'_>) {
    if material.events.is_empty() {
        return;
    }
    md_line!(out, "## What happened\n\n| When | Mark | What |\n|---|---|---|");
    for event in material.events.iter().take(100) {
        let at = words::moment(event.at, &material.zone);
        md_line!(out, "| {} | {} | {} |", Ours(&at), event.kind.word(), event.text);
    }
    md_line!(out, "");
}

#[cfg(test)]
mod tests {
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
}
