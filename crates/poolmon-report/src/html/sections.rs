//! What is in the page, from top to bottom.

use poolmon_leak::{Verdict, VerdictKind};
use poolmon_model::units::{grouped, human_amount};

use super::markup::{Html, Json, html, html_line, html_piece};
use super::{cause, headline, mood, tables};
use crate::plot::{self, Plot};
use crate::{Material, findings, traces, words};

/// Events that are listed.
const EVENTS: usize = 100;

/// Everything between the ends of the page.
pub fn all(out: &mut Html, material: &Material<'_>, title: &str) {
    heading(out, material, title);
    summary(out, material);
    contents(out, material);
    pools(out, material);
    for (number, verdict) in findings::causes(material).enumerate() {
        cause::section(out, material, verdict, number);
    }
    traces::html(out, &material.traces);
    compositions(out, material);
    tables::moving(out, material);
    tables::biggest(out, material);
    events(out, material);
    method(out);
    footer(out, material);
}

fn heading(out: &mut Html, material: &Material<'_>, title: &str) {
    let report = material.report;
    html!(
        out,
        "<header>\n<p class=\"kicker\">Kernel memory report</p>\n<h1>{}</h1>\n<p class=\"about\">",
        title
    );
    let mut parts = Vec::new();
    if material.title.is_some() {
        parts.extend(material.host.clone());
    }
    parts.extend(material.system.clone());
    parts.push(words::extent(report, material.span, &material.zone));
    parts.push(format!("{} tags", grouped(report.verdicts.len() as u64)));
    let parts = parts.iter().map(|part| html_piece!("<span>{}</span>", part));
    html!(out, "{}", Html::joined(parts, " "));
    html!(out, "</p>\n");
    if let Some(remark) = words::times(report) {
        html_line!(out, "<p class=\"remark\">{}</p>", remark);
    }
    html!(out, "</header>\n");
}

fn summary(out: &mut Html, material: &Material<'_>) {
    html_line!(
        out,
        "<section class=\"summary {}\" id=\"summary\">\n<h2>{}</h2>",
        mood(material),
        headline(material)
    );
    let causes: Vec<&Verdict> = findings::causes(material).collect();
    if causes.first().is_some_and(|verdict| VerdictKind::UNEXPLAINED.contains(&verdict.kind)) {
        html!(out, "<p>Growing, but not called a leak:</p>\n");
    }
    if !causes.is_empty() {
        html!(out, "<ol>\n");
        for (number, verdict) in causes.iter().enumerate() {
            let sentence = verdict.sentence(&material.zone);
            html!(out, "<li><a href=\"#cause-{}\">{}</a>", number, sentence);
            let companions = material.report.companions(verdict).len();
            if companions > 0 {
                html!(out, " <span class=\"more\">with {} more in lockstep</span>", companions);
            }
            html!(out, "</li>\n");
        }
        html!(out, "</ol>\n");
    }
    let mut risers = words::risers(material.report, &material.filter).peekable();
    if risers.peek().is_some() {
        html!(out, "<p>{}:</p>\n<ul>\n", words::RISERS);
        for riser in risers {
            html!(out, "<li>{}", riser.sentence());
            if let Some(places) = riser.places() {
                html!(out, " <span class=\"more\">{}</span>", places);
            }
            html!(out, "</li>\n");
        }
        html!(out, "</ul>\n");
    }
    if let Some(figures) = material.perfmon {
        html_line!(out, "<p>Perfmon: {}.</p>", words::pools(figures));
    }
    html_line!(out, "<p class=\"quiet\">Pools: {}.</p>", words::pools(material.report));
    if let Some(others) = findings::others(material) {
        let title = words::others_title(!causes.is_empty());
        html_line!(out, "<p class=\"quiet\">{}: {}.</p>", title, others);
    }
    html!(out, "</section>\n");
}

fn contents(out: &mut Html, material: &Material<'_>) {
    html!(out, "<nav aria-label=\"Contents\"><a href=\"#pools\">Pools</a> ");
    for (number, verdict) in findings::causes(material).enumerate() {
        html!(out, "<a href=\"#cause-{}\"><code>{}</code></a> ", number, verdict.tag.to_string().trim_end());
    }
    for number in 0..material.traces.len() {
        html!(out, "<a href=\"#trace-{}\">Trace</a> ", number);
    }
    if findings::pools(material).iter().any(|growth| findings::composition(material, growth.pool).is_some()) {
        html!(out, "<a href=\"#composition\">Composition</a> ");
    }
    html!(out, "<a href=\"#moving\">Changes</a> <a href=\"#biggest\">Largest</a> ");
    if !material.events.is_empty() {
        html!(out, "<a href=\"#events\">Events</a> ");
    }
    html!(out, "<a href=\"#method\">Method</a></nav>\n");
}

/// A plot with its caption, a key, and its figures for the script.
pub fn figure(out: &mut Html, plot: &Plot, caption: &Html, key: &Html) {
    let axis = if plot.from_zero {
        Html::default()
    } else {
        html_piece!(" <span class=\"axis\">The axis does not start at zero.</span>")
    };
    html_line!(
        out,
        "<figure>\n<figcaption>{}{}</figcaption>\n<div class=\"plot\">{}<output></output></div>\n{}\
         <script type=\"application/json\">{}</script>\n</figure>",
        caption,
        axis,
        plot.svg,
        key,
        Json(&plot.data)
    );
}

fn pools(out: &mut Html, material: &Material<'_>) {
    let pools = findings::pools(material);
    if pools.is_empty() {
        return;
    }
    html!(out, "<section id=\"pools\">\n<h2>Pools over time</h2>\n<div class=\"two\">\n");
    for growth in pools {
        let from = if growth.from_header { "" } else { " (sum of its tags)" };
        let caption = html_piece!("<b>{}</b>{} {}.", growth.pool.long(), from, words::growth(growth));
        figure(out, &plot::pool(material, growth), &caption, &Html::default());
    }
    html!(out, "</div>\n");
    let kinds = plot::kinds(material);
    if !kinds.is_empty() {
        let kinds = kinds.iter().map(|kind| html_piece!("<b>{}</b> {}", kind.letter(), kind.word()));
        html_line!(
            out,
            "<p class=\"key\">Marks: {}. Shaded: no samples. <a href=\"#events\">All events</a></p>",
            Html::joined(kinds, ", ")
        );
    }
    html!(out, "</section>\n");
}

fn compositions(out: &mut Html, material: &Material<'_>) {
    let mut any = false;
    for growth in findings::pools(material) {
        let Some(composition) = findings::composition(material, growth.pool) else { continue };
        if !any {
            html!(
                out,
                "<section id=\"composition\">\n<h2>Composition of the growth</h2>\n<p class=\"quiet\">Growth \
                    since the start, stacked by tag; the line is the total of the pool. If the line is below the layers, other tags freed memory.</p>\n"
            );
            any = true;
        }
        let mut key = html_piece!("<ul class=\"key\">");
        for (n, (verdict, values)) in composition.layers.iter().enumerate() {
            let last = values.last().copied().unwrap_or(0.0);
            html!(
                key,
                "<li><i class=\"s{}\"></i><code>{}</code> {}</li>",
                n + 1,
                verdict.tag.to_string().trim_end(),
                human_amount(last)
            );
        }
        let others = composition.others.last().copied().unwrap_or(0.0);
        let whole = composition.whole.last().copied().unwrap_or(0.0);
        html!(
            key,
            "<li><i class=\"s0\"></i>others {}</li><li><i class=\"line\"></i>pool total {}</li></ul>",
            human_amount(others),
            human_amount(whole)
        );
        let caption = html_piece!("<b>{}</b>", growth.pool.long());
        figure(out, &plot::composition(material, &composition), &caption, &key);
    }
    if any {
        html!(out, "</section>\n");
    }
}

fn events(out: &mut Html, material: &Material<'_>) {
    if material.events.is_empty() {
        return;
    }
    html!(
        out,
        "<section id=\"events\">\n<h2>Events</h2>\n<table>\n<thead><tr><th>When</th><th>Mark</th><th>What</th></tr></thead>\n<tbody>\n"
    );
    for event in material.events.iter().take(EVENTS) {
        html_line!(
            out,
            "<tr><td class=\"nowrap\">{}</td><td>{}</td><td>{}</td></tr>",
            words::moment(event.at, &material.zone),
            event.kind.word(),
            event.text
        );
    }
    html!(out, "</tbody>\n</table>\n");
    if material.events.len() > EVENTS {
        html_line!(
            out,
            "<p class=\"quiet\">And {} more.</p>",
            grouped((material.events.len() - EVENTS) as u64)
        );
    }
    html!(out, "</section>\n");
}

fn method(out: &mut Html) {
    html!(
        out,
        "<section id=\"method\">\n<h2>How verdicts are made, and their limits</h2>\n<dl class=\"method\">\n"
    );
    for (title, text) in words::METHOD {
        html_line!(out, "<dt>{}</dt><dd>{}</dd>", title, text);
    }
    html!(out, "</dl>\n<h3>Limits</h3>\n<ul>\n");
    for text in words::LIMITS {
        html_line!(out, "<li>{}</li>", text);
    }
    html!(out, "</ul>\n</section>\n");
}

fn footer(out: &mut Html, material: &Material<'_>) {
    let zone = material.made.to_zoned(material.zone.clone()).strftime("%:z").to_string();
    html_line!(
        out,
        "<footer><p>Made by {} on {} from <code>{}</code>. Times are in UTC{}. Sizes are binary: 1 MiB is 1,048,576 bytes.</p></footer>",
        material.maker,
        words::moment(material.made, &material.zone),
        material.source,
        zone
    );
}
