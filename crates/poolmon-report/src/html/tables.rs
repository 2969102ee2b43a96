//! The tables of the page.

use poolmon_leak::Verdict;
use poolmon_model::units::human_amount;

use super::markup::{Html, html, html_line, html_piece};
use crate::{Material, findings, plot, words};

/// Everything that is not steady.
pub fn moving(out: &mut Html, material: &Material<'_>) {
    let rows = findings::moving(material);
    html!(out, "<section id=\"moving\">\n<h2>Changing tags</h2>\n");
    if rows.is_empty() {
        html!(out, "<p>{}</p>\n</section>\n", words::nothing_moves(material.needs));
        return;
    }
    table(out, material, &rows);
    let all: usize =
        findings::counts(material).iter().filter(|(kind, _)| !kind.is_still()).map(|(_, count)| count).sum();
    if all > rows.len() {
        html_line!(out, "<p class=\"quiet\">And {} more.</p>", all - rows.len());
    }
    html!(out, "</section>\n");
}

/// What holds most: seldom the leak.
pub fn biggest(out: &mut Html, material: &Material<'_>) {
    let rows = findings::biggest(material);
    if rows.is_empty() {
        return;
    }
    html!(
        out,
        "<section id=\"biggest\">\n<h2>Largest tags</h2>\n<p class=\"quiet\">The largest tags at the end. A large \
            tag is rarely the leak.</p>\n"
    );
    table(out, material, &rows);
    html!(out, "</section>\n");
}

fn table(out: &mut Html, material: &Material<'_>, rows: &[&Verdict]) {
    html!(
        out,
        "<div class=\"scroll\"><table class=\"sortable\">\n<thead><tr><th>Tag</th><th>Pool</th><th>Verdict</th>\
         <th class=\"n\">Rate</th><th class=\"n\">±</th><th class=\"n\">Held</th><th class=\"n\">Grown</th>\
         <th class=\"n\">Share</th><th>Since</th><th>Over time</th><th>Used by</th></tr></thead>\n<tbody>\n"
    );
    for verdict in rows {
        row(out, material, verdict);
    }
    html!(out, "</tbody>\n</table></div>\n");
}

fn row(out: &mut Html, material: &Material<'_>, verdict: &Verdict) {
    let cell =
        |value: f64, text: String| html_piece!("<td class=\"n\" data-v=\"{:.0}\">{}</td>", value, text);
    let figure = |value: f64| cell(value, human_amount(value));
    let share = words::share(verdict);
    let since = words::since(verdict, &material.zone);
    html_line!(
        out,
        "<tr class=\"{}\"><td><code>{}</code></td><td>{}</td><td>{}</td>{}{}{}{}<td class=\"n\" data-v=\"{:.4}\">{}</td>\
         <td class=\"nowrap\">{}</td><td>{}</td><td>{}</td></tr>",
        verdict.kind.id(),
        verdict.tag.to_string().trim_end(),
        verdict.pool.id(),
        words::word(verdict),
        cell(verdict.bytes.per_hour, words::speed(verdict)),
        cell(verdict.bytes.half(), words::margin(verdict)),
        figure(verdict.held),
        figure(verdict.growth),
        verdict.share.unwrap_or(0.0),
        share,
        since,
        plot::small(material, verdict),
        verdict.owner.as_deref().unwrap_or_default()
    );
}
