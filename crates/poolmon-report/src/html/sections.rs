//! What stands in the page, from top to bottom.

use std::fmt::Write as _;

use poolmon_leak::{Kind, Verdict};
use poolmon_model::units::{grouped, human_amount};

use super::{cause, escape, headline, json, mood, tables};
use crate::plot::{self, Plot};
use crate::{Material, findings, words};

/// Events that are listed.
const EVENTS: usize = 100;

/// Everything between the ends of the page.
pub fn all(out: &mut String, material: &Material<'_>, title: &str) {
    heading(out, material, title);
    summary(out, material);
    contents(out, material);
    pools(out, material);
    for (number, verdict) in findings::causes(material).enumerate() {
        cause::section(out, material, verdict, number);
    }
    compositions(out, material);
    tables::moving(out, material);
    tables::biggest(out, material);
    events(out, material);
    method(out);
    footer(out, material);
}

fn heading(out: &mut String, material: &Material<'_>, title: &str) {
    let report = material.report;
    let _ = write!(
        out,
        "<header>\n<p class=\"kicker\">Kernel memory report</p>\n<h1>{}</h1>\n<p class=\"about\">",
        escape(title)
    );
    let mut parts = Vec::new();
    if material.title.is_some() {
        parts.extend(material.host.clone());
    }
    parts.extend(material.system.clone());
    parts.push(words::extent(report, material.span, &material.zone));
    parts.push(format!("{} tags", grouped(report.verdicts.len() as u64)));
    let parts: Vec<String> = parts.iter().map(|part| format!("<span>{}</span>", escape(part))).collect();
    out.push_str(&parts.join(" "));
    out.push_str("</p>\n");
    if let Some(remark) = words::times(report) {
        let _ = writeln!(out, "<p class=\"remark\">{}</p>", escape(remark));
    }
    out.push_str("</header>\n");
}

fn summary(out: &mut String, material: &Material<'_>) {
    let _ = writeln!(
        out,
        "<section class=\"summary {}\" id=\"summary\">\n<h2>{}</h2>",
        mood(material),
        escape(&headline(material))
    );
    let causes: Vec<&Verdict> = findings::causes(material).collect();
    if causes.iter().any(|verdict| verdict.kind != Kind::Leaking) {
        out.push_str("<p>What grows, but cannot be called a leak yet:</p>\n");
    }
    if !causes.is_empty() {
        out.push_str("<ol>\n");
        for (number, verdict) in causes.iter().enumerate() {
            let sentence = verdict.sentence(&material.zone);
            let _ = write!(out, "<li><a href=\"#cause-{number}\">{}</a>", escape(&sentence));
            let companions = material.report.companions(verdict).len();
            if companions > 0 {
                let _ = write!(out, " <span class=\"more\">with {companions} more in lockstep</span>");
            }
            out.push_str("</li>\n");
        }
        out.push_str("</ol>\n");
    }
    if let Some(figures) = material.perfmon {
        let _ = writeln!(out, "<p>Perfmon: {}.</p>", escape(&words::pools(&figures.pools)));
    }
    let _ = writeln!(out, "<p class=\"quiet\">Pools: {}.</p>", escape(&words::pools(&material.report.pools)));
    if let Some(others) = findings::others(material) {
        let _ = writeln!(out, "<p class=\"quiet\">The other tags: {others}.</p>");
    }
    out.push_str("</section>\n");
}

fn contents(out: &mut String, material: &Material<'_>) {
    out.push_str("<nav aria-label=\"Contents\"><a href=\"#pools\">Pools</a> ");
    for (number, verdict) in findings::causes(material).enumerate() {
        let _ = write!(
            out,
            "<a href=\"#cause-{number}\"><code>{}</code></a> ",
            escape(verdict.tag.to_string().trim_end())
        );
    }
    if findings::pools(material).iter().any(|growth| findings::composition(material, growth.pool).is_some()) {
        out.push_str("<a href=\"#composition\">Composition</a> ");
    }
    out.push_str("<a href=\"#moving\">What moves</a> <a href=\"#biggest\">The biggest</a> ");
    if !material.events.is_empty() {
        out.push_str("<a href=\"#events\">Events</a> ");
    }
    out.push_str("<a href=\"#method\">Method</a></nav>\n");
}

/// A plot with its caption, a key, and its figures for the script.
pub fn figure(out: &mut String, plot: &Plot, caption: &str, key: &str) {
    let axis =
        if plot.from_zero { "" } else { " <span class=\"axis\">The axis does not start at zero.</span>" };
    let _ = writeln!(
        out,
        "<figure>\n<figcaption>{caption}{axis}</figcaption>\n<div class=\"plot\">{}<output></output></div>\n{key}\
         <script type=\"application/json\">{}</script>\n</figure>",
        plot.svg,
        json(&plot.data)
    );
}

fn pools(out: &mut String, material: &Material<'_>) {
    let pools = findings::pools(material);
    if pools.is_empty() {
        return;
    }
    out.push_str("<section id=\"pools\">\n<h2>The pools over time</h2>\n<div class=\"two\">\n");
    for growth in pools {
        let from = if growth.from_header { "" } else { " (sum of its tags)" };
        let caption =
            format!("<b>{}</b>{from} {}.", escape(growth.pool.long()), escape(&words::growth(growth)));
        figure(out, &plot::pool(material, growth), &caption, "");
    }
    out.push_str("</div>\n");
    let kinds = plot::kinds(material);
    if !kinds.is_empty() {
        let kinds: Vec<String> =
            kinds.iter().map(|kind| format!("<b>{}</b> {}", kind.letter(), kind.word())).collect();
        let _ = writeln!(
            out,
            "<p class=\"key\">Marks: {}. Shaded: no samples. <a href=\"#events\">All of them</a></p>",
            kinds.join(", ")
        );
    }
    out.push_str("</section>\n");
}

fn compositions(out: &mut String, material: &Material<'_>) {
    let mut any = false;
    for growth in findings::pools(material) {
        let Some(composition) = findings::composition(material, growth.pool) else { continue };
        if !any {
            out.push_str(
                "<section id=\"composition\">\n<h2>What the growth is made of</h2>\n<p class=\"quiet\">Bytes more than at \
                 the start, one tag on the other; the line is the whole pool. Where it runs below the layers, other \
                 tags gave memory back.</p>\n",
            );
            any = true;
        }
        let mut key = String::from("<ul class=\"key\">");
        for (n, (verdict, values)) in composition.layers.iter().enumerate() {
            let last = values.last().copied().unwrap_or(0.0);
            let _ = write!(
                key,
                "<li><i class=\"s{}\"></i><code>{}</code> {}</li>",
                n + 1,
                escape(verdict.tag.to_string().trim_end()),
                human_amount(last)
            );
        }
        let others = composition.others.last().copied().unwrap_or(0.0);
        let whole = composition.whole.last().copied().unwrap_or(0.0);
        let _ = write!(
            key,
            "<li><i class=\"s0\"></i>others {}</li><li><i class=\"line\"></i>whole pool {}</li></ul>",
            human_amount(others),
            human_amount(whole)
        );
        let caption = format!("<b>{}</b>", escape(growth.pool.long()));
        figure(out, &plot::composition(material, &composition), &caption, &key);
    }
    if any {
        out.push_str("</section>\n");
    }
}

fn events(out: &mut String, material: &Material<'_>) {
    if material.events.is_empty() {
        return;
    }
    out.push_str("<section id=\"events\">\n<h2>What happened</h2>\n<table>\n<thead><tr><th>When</th><th>Mark</th><th>What</th></tr></thead>\n<tbody>\n");
    for event in material.events.iter().take(EVENTS) {
        let _ = writeln!(
            out,
            "<tr><td class=\"nowrap\">{}</td><td>{}</td><td>{}</td></tr>",
            words::moment(event.at, &material.zone),
            event.kind.word(),
            escape(&event.text)
        );
    }
    out.push_str("</tbody>\n</table>\n");
    if material.events.len() > EVENTS {
        let _ = writeln!(
            out,
            "<p class=\"quiet\">And {} more.</p>",
            grouped((material.events.len() - EVENTS) as u64)
        );
    }
    out.push_str("</section>\n");
}

fn method(out: &mut String) {
    out.push_str("<section id=\"method\">\n<h2>How the verdicts come about, and what they cannot do</h2>\n<dl class=\"method\">\n");
    for (title, text) in words::METHOD {
        let _ = writeln!(out, "<dt>{}</dt><dd>{}</dd>", escape(title), escape(text));
    }
    out.push_str("</dl>\n<h3>Limits</h3>\n<ul>\n");
    for text in words::LIMITS {
        let _ = writeln!(out, "<li>{}</li>", escape(text));
    }
    out.push_str("</ul>\n</section>\n");
}

fn footer(out: &mut String, material: &Material<'_>) {
    let zone = material.made.to_zoned(material.zone.clone()).strftime("%:z").to_string();
    let _ = writeln!(
        out,
        "<footer><p>Made by {} on {} from <code>{}</code>. Times are in UTC{zone}. Sizes are binary: 1 MiB is 1,048,576 bytes.</p></footer>",
        escape(&material.maker),
        words::moment(material.made, &material.zone),
        escape(&material.source)
    );
}
