//! A cause's own section: figures, plot, reasons, owner, next commands.

use std::fmt::Write as _;

use poolmon_leak::{Kind, Verdict};
use poolmon_model::units::{grouped, human_amount, human_rate, rough_hours};
use poolmon_owner::next;

use super::escape;
use super::sections::figure;
use crate::{Dossier, Material, findings, plot, words};

/// Everything about one cause.
pub fn section(out: &mut String, material: &Material<'_>, verdict: &Verdict, number: usize) {
    let tag = verdict.tag.to_string();
    let tag = tag.trim_end();
    let _ = writeln!(
        out,
        "<section class=\"cause\" id=\"cause-{number}\">\n<h2><code>{}</code> {} in {}</h2>\n<p class=\"lead\">{}.</p>",
        escape(tag),
        words::kind(verdict.kind),
        escape(verdict.pool.long()),
        escape(&verdict.sentence(&material.zone))
    );
    tiles(out, material, verdict);
    let caption = format!(
        "<b><code>{}</code></b>, bytes: mean and range of the samples{}.",
        escape(tag),
        if matches!(verdict.kind, Kind::Leaking | Kind::Growing) {
            "; dashed the trend, shaded how steep it may be at 95 %"
        } else {
            ""
        }
    );
    figure(out, &plot::tag(material, verdict), &caption, "");
    why(out, material, verdict);
    if let Some(dossier) =
        material.dossiers.iter().find(|dossier| dossier.tag == verdict.tag && dossier.pool == verdict.pool)
    {
        owner(out, dossier);
    }
    next_commands(out, verdict, number);
    out.push_str("</section>\n");
}

fn tiles(out: &mut String, material: &Material<'_>, verdict: &Verdict) {
    let mut tiles =
        vec![("Rate", human_rate(verdict.bytes.per_hour), format!("± {}", human_rate(verdict.bytes.half())))];
    if let Some(group) = material.report.group_of(verdict) {
        let tags = format!("{} tags in lockstep", group.members.len());
        tiles.push(("Together", human_rate(group.bytes_per_hour), tags));
    }
    if let Some(allocs) = verdict.allocs {
        let per_hour = grouped(allocs.per_hour.abs().round() as u64);
        let sign = if allocs.per_hour < 0.0 { "-" } else { "+" };
        tiles.push(("Allocations", format!("{sign}{per_hour}/h"), "outstanding".to_owned()));
    }
    let held = format!("{} more than at the start", human_amount(verdict.growth));
    tiles.push(("Held", human_amount(verdict.held), held));
    if let Some(own) = verdict.share {
        let all = verdict
            .group_share
            .map(|all| format!("; {:.0} % with its group", all * 100.0))
            .unwrap_or_default();
        tiles.push((
            "Share",
            format!("{:.0} %", own * 100.0),
            format!("of {} growth{all}", verdict.pool.id()),
        ));
    }
    if let Some(since) = verdict.since {
        let since = words::moment(since, &material.zone);
        let (day, time) = since.split_once(' ').unwrap_or((&since, ""));
        let at_least = if verdict.since_start { "at least since, " } else { "" };
        tiles.push(("Since", time.to_owned(), format!("{at_least}{day}")));
    }
    if let Some(end) = verdict.exhaustion {
        let group = if verdict.group.is_some() { ", with its group" } else { "" };
        tiles.push(("Left", rough_hours(end.hours), format!("until {}{group}", end.limit.long())));
    }
    out.push_str("<dl class=\"tiles\">\n");
    for (name, value, more) in tiles {
        let _ = writeln!(
            out,
            "<div><dt>{name}</dt><dd><b>{}</b><span>{}</span></dd></div>",
            escape(&value),
            escape(&more)
        );
    }
    out.push_str("</dl>\n");
}

fn why(out: &mut String, material: &Material<'_>, verdict: &Verdict) {
    let reasons = findings::reasons(material, verdict);
    if reasons.is_empty() {
        return;
    }
    out.push_str("<h3>Why this verdict</h3>\n<ul>\n");
    for reason in reasons {
        let _ = writeln!(out, "<li>{}</li>", escape(&reason));
    }
    out.push_str("</ul>\n");
}

fn owner(out: &mut String, dossier: &Dossier) {
    if dossier.known.is_empty() && dossier.suspects.is_empty() && dossier.searched.is_none() {
        return;
    }
    out.push_str("<h3>Whose it is</h3>\n");
    for suspect in &dossier.suspects {
        let _ = writeln!(out, "<p class=\"suspect\"><b>{}</b></p>\n<ul>", escape(&suspect.name));
        for sentence in &suspect.evidence {
            let _ = writeln!(out, "<li>{}</li>", escape(sentence));
        }
        out.push_str("</ul>\n");
    }
    if let Some(searched) = &dossier.searched {
        let none = if dossier.suspects.is_empty() { "No driver shows the tag. " } else { "" };
        let _ = writeln!(out, "<p class=\"quiet\">{none}Searched: {}.</p>", escape(searched));
    }
    if !dossier.known.is_empty() {
        out.push_str("<dl class=\"known\">\n");
        for (title, text) in &dossier.known {
            let _ = writeln!(out, "<dt>{}</dt><dd>{}</dd>", escape(title), escape(text));
        }
        out.push_str("</dl>\n");
    }
}

fn next_commands(out: &mut String, verdict: &Verdict, number: usize) {
    // For the gravest they stand open; the others' are the same with another tag.
    let (open, close) = if number == 0 {
        ("<h3>What to do next</h3>\n".to_owned(), "")
    } else {
        ("<details>\n<summary>What to do next</summary>\n".to_owned(), "</details>\n")
    };
    out.push_str(&open);
    out.push_str("<div class=\"commands\">\n");
    for command in next::commands(&verdict.tag, Some(verdict.pool)) {
        let _ = writeln!(
            out,
            "<div class=\"command\"><p><b>{}</b> {}</p><pre><code>{}</code></pre><p class=\"quiet\">Needs: {}</p></div>",
            escape(command.tool),
            prose(command.tells),
            escape(&command.command),
            prose(command.needs)
        );
    }
    out.push_str("</div>\n");
    out.push_str(close);
}

/// Our own sentences, in which code stands between backticks.
fn prose(text: &str) -> String {
    let mut out = String::new();
    for (n, part) in text.split('`').enumerate() {
        let _ = if n % 2 == 1 {
            write!(out, "<code>{}</code>", escape(part))
        } else {
            write!(out, "{}", escape(part))
        };
    }
    out
}
