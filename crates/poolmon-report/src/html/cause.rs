//! A cause's own section: figures, plot, reasons, owner, next commands.

use poolmon_leak::Verdict;
use poolmon_model::units::{grouped, human_amount, human_rate, rough_hours};
use poolmon_owner::next::NextCommand;

use super::markup::{Html, html, html_line, html_piece};
use super::sections::figure;
use crate::{Dossier, Material, findings, plot, words};

/// Everything about one cause.
pub fn section(out: &mut Html, material: &Material<'_>, verdict: &Verdict, number: usize) {
    let tag = verdict.tag.to_string();
    let tag = tag.trim_end();
    html_line!(
        out,
        "<section class=\"cause\" id=\"cause-{}\">\n<h2><code>{}</code> {} in {}</h2>\n<p class=\"lead\">{}.</p>",
        number,
        tag,
        words::word(verdict),
        verdict.pool.long(),
        verdict.sentence(&material.zone)
    );
    tiles(out, material, verdict);
    let caption = html_piece!(
        "<b><code>{}</code></b>, bytes: mean and range of the samples{}.",
        tag,
        if verdict.kind.rises() { "; dashed: the trend; shaded: its 95 % interval" } else { "" }
    );
    figure(out, &plot::tag(material, verdict), &caption, &Html::default());
    why(out, material, verdict);
    if let Some(dossier) =
        material.dossiers.iter().find(|dossier| dossier.tag == verdict.tag && dossier.pool == verdict.pool)
    {
        owner(out, dossier);
    }
    next_commands(out, &findings::next_commands(material, verdict), number);
    html!(out, "</section>\n");
}

fn tiles(out: &mut Html, material: &Material<'_>, verdict: &Verdict) {
    let half = words::margin(verdict);
    let margin = if half.is_empty() { half } else { format!("± {half}") };
    let mut tiles = vec![(if verdict.timed { "Rate" } else { "Growth" }, words::speed(verdict), margin)];
    if let Some(group) = material.report.group_of(verdict).filter(|_| verdict.timed) {
        let tags = format!("{} tags in lockstep", group.members.len());
        tiles.push(("Together", human_rate(group.bytes_per_hour), tags));
    }
    if let Some(allocs) = verdict.allocs.filter(|_| verdict.timed) {
        let per_hour = grouped(allocs.per_hour.abs().round() as u64);
        let sign = if allocs.per_hour < 0.0 { "-" } else { "+" };
        tiles.push(("Allocations", format!("{sign}{per_hour}/h"), "outstanding".to_owned()));
    }
    let held = format!("{} since the start", human_amount(verdict.growth));
    tiles.push(("Held", human_amount(verdict.held), held));
    if let Some(own) = verdict.share {
        let all = verdict
            .group_share
            .map(|all| format!("; {} with its group", poolmon_leak::percent(all)))
            .unwrap_or_default();
        tiles.push(("Share", poolmon_leak::percent(own), format!("of {} growth{all}", verdict.pool.id())));
    }
    if let Some(since) = verdict.since {
        let since = words::moment(since, &material.zone);
        let (day, time) = since.split_once(' ').unwrap_or((&since, ""));
        let at_least = if verdict.since_start { "before the first sample, " } else { "" };
        tiles.push(("Since", time.to_owned(), format!("{at_least}{day}")));
    }
    if let Some(end) = verdict.exhaustion {
        let others = if end.causes > 1 { ", with the other leaks" } else { "" };
        tiles.push(("Left", rough_hours(end.hours), format!("until {}{others}", end.limit.long())));
    }
    html!(out, "<dl class=\"tiles\">\n");
    for (name, value, more) in tiles {
        html_line!(out, "<div><dt>{}</dt><dd><b>{}</b><span>{}</span></dd></div>", name, value, more);
    }
    html!(out, "</dl>\n");
}

fn why(out: &mut Html, material: &Material<'_>, verdict: &Verdict) {
    let reasons = findings::reasons(material, verdict);
    if reasons.is_empty() {
        return;
    }
    html!(out, "<h3>Why this verdict</h3>\n<ul>\n");
    for reason in reasons {
        html_line!(out, "<li>{}</li>", reason);
    }
    html!(out, "</ul>\n");
}

fn owner(out: &mut Html, dossier: &Dossier) {
    if dossier.known.is_empty() && dossier.suspects.is_empty() && dossier.searched.is_none() {
        return;
    }
    html!(out, "<h3>Owner</h3>\n");
    for suspect in &dossier.suspects {
        html_line!(out, "<p class=\"suspect\"><b>{}</b></p>\n<ul>", suspect.name);
        for sentence in &suspect.evidence {
            html_line!(out, "<li>{}</li>", sentence);
        }
        html!(out, "</ul>\n");
    }
    if let Some(searched) = &dossier.searched {
        let none = if dossier.suspects.is_empty() { "No driver uses the tag. " } else { "" };
        html_line!(out, "<p class=\"quiet\">{}Searched: {}.</p>", none, searched);
    }
    if !dossier.known.is_empty() {
        html!(out, "<dl class=\"known\">\n");
        for (title, text) in &dossier.known {
            html_line!(out, "<dt>{}</dt><dd>{}</dd>", title, text);
        }
        html!(out, "</dl>\n");
    }
}

fn next_commands(out: &mut Html, commands: &[NextCommand], number: usize) {
    if commands.is_empty() {
        return;
    }
    // For the gravest they are open; the others' are the same with another tag.
    let open = number == 0;
    if open {
        html_line!(out, "<h3>What to do next</h3>");
    } else {
        html_line!(out, "<details>\n<summary>What to do next</summary>");
    }
    html!(out, "<div class=\"commands\">\n");
    for command in commands {
        html_line!(
            out,
            "<div class=\"command\"><p><b>{}</b> {}</p><pre><code>{}</code></pre><p class=\"quiet\">Needs: {}</p></div>",
            command.tool,
            prose(command.shows),
            &command.command,
            prose(command.needs)
        );
    }
    html!(out, "</div>\n");
    if !open {
        html_line!(out, "</details>");
    }
}

/// Our own sentences, in which code is between backticks.
fn prose(text: &str) -> Html {
    let mut out = Html::default();
    for (n, part) in text.split('`').enumerate() {
        if n % 2 == 1 {
            html!(out, "<code>{}</code>", part);
        } else {
            html!(out, "{}", part);
        }
    }
    out
}
