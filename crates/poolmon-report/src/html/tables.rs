//! The tables of the page.

use std::fmt::Write as _;

use poolmon_leak::Verdict;
use poolmon_model::units::{human_amount, human_rate};

use super::escape;
use crate::{Material, findings, plot, words};

/// Everything that is not steady.
pub fn moving(out: &mut String, material: &Material<'_>) {
    let rows = findings::moving(material);
    out.push_str("<section id=\"moving\">\n<h2>What moves</h2>\n");
    if rows.is_empty() {
        out.push_str("<p>Nothing but noise.</p>\n</section>\n");
        return;
    }
    table(out, material, &rows);
    let all: usize = findings::counts(material)
        .iter()
        .filter(|(kind, _)| !matches!(kind, poolmon_leak::Kind::Steady | poolmon_leak::Kind::TooLittleData))
        .map(|(_, count)| count)
        .sum();
    if all > rows.len() {
        let _ = writeln!(out, "<p class=\"quiet\">And {} more.</p>", all - rows.len());
    }
    out.push_str("</section>\n");
}

/// What holds most: seldom the leak.
pub fn biggest(out: &mut String, material: &Material<'_>) {
    let rows = findings::biggest(material);
    if rows.is_empty() {
        return;
    }
    out.push_str("<section id=\"biggest\">\n<h2>The biggest</h2>\n<p class=\"quiet\">What holds most at the end. A big tag is seldom the leak.</p>\n");
    table(out, material, &rows);
    out.push_str("</section>\n");
}

fn table(out: &mut String, material: &Material<'_>, rows: &[&Verdict]) {
    out.push_str(
        "<div class=\"scroll\"><table class=\"sortable\">\n<thead><tr><th>Tag</th><th>Pool</th><th>Verdict</th>\
         <th class=\"n\">Rate</th><th class=\"n\">±</th><th class=\"n\">Held</th><th class=\"n\">Grown</th>\
         <th class=\"n\">Share</th><th>Since</th><th>Course</th><th>Used by</th></tr></thead>\n<tbody>\n",
    );
    for verdict in rows {
        row(out, material, verdict);
    }
    out.push_str("</tbody>\n</table></div>\n");
}

fn row(out: &mut String, material: &Material<'_>, verdict: &Verdict) {
    let cell = |value: f64, text: String| format!("<td class=\"n\" data-v=\"{value:.0}\">{text}</td>");
    let figure = |value: f64| cell(value, human_amount(value));
    let rate = |value: f64| cell(value, human_rate(value));
    let share = words::share(verdict);
    let since = words::since(verdict, &material.zone);
    let _ = writeln!(
        out,
        "<tr class=\"{}\"><td><code>{}</code></td><td>{}</td><td>{}</td>{}{}{}{}<td class=\"n\" data-v=\"{:.4}\">{share}</td>\
         <td class=\"nowrap\">{since}</td><td>{}</td><td>{}</td></tr>",
        verdict.kind.id(),
        escape(verdict.tag.to_string().trim_end()),
        verdict.pool.id(),
        words::kind(verdict.kind),
        rate(verdict.bytes.per_hour),
        rate(verdict.bytes.half()),
        figure(verdict.held),
        figure(verdict.growth),
        verdict.share.unwrap_or(0.0),
        plot::small(material, verdict),
        escape(verdict.owner.as_deref().unwrap_or_default())
    );
}
