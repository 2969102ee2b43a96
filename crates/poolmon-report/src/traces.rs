//! Traces in a report: which code keeps the memory that grew.

use poolmon_model::hidden::safe;
use poolmon_model::units::{grouped, human_bytes};

use crate::html::markup::{Html, html, html_line};
use crate::markdown::markup::{Fenced, Markdown, Ours, md_line};

/// A trace, as a section of the report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceSection {
    /// What was traced, where, for how long, and how many events there were.
    pub title: String,
    /// What has to be known to read it.
    pub remarks: Vec<String>,
    /// How much of the growth it explains, in words; empty if that is unknown.
    pub explained: String,
    /// Functions and drivers that keep memory: those that are accused first.
    pub owners: Vec<TraceOwner>,
}

/// A function or driver that keeps memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceOwner {
    /// Its name, with its module.
    pub name: String,
    /// Outstanding objects.
    pub objects: u64,
    /// Bytes that they take.
    pub bytes: u64,
    /// Share of all outstanding bytes, 0 to 1.
    pub share: f64,
    /// What their course means, in words.
    pub verdict: &'static str,
    /// The stack that keeps most, a frame a line, innermost first; empty if it is not of interest.
    pub stack: Vec<String>,
}

impl TraceOwner {
    fn cells(&self) -> [String; 3] {
        [grouped(self.objects), human_bytes(self.bytes), format!("{:.1} %", self.share * 100.0)]
    }
}

/// The sections of a page.
pub(crate) fn html(out: &mut Html, traces: &[TraceSection]) {
    for (number, trace) in traces.iter().enumerate() {
        html_line!(out, "<section id=\"trace-{}\">\n<h2>Trace</h2>\n<p>{}</p>", number, trace.title);
        for text in trace.remarks.iter().chain(Some(&trace.explained).filter(|text| !text.is_empty())) {
            html_line!(out, "<p>{}</p>", text);
        }
        html!(
            out,
            "<table>\n<thead><tr><th>Owner</th><th>Objects</th><th>Bytes</th><th>Share</th><th>Verdict</th></tr></thead>\n<tbody>\n"
        );
        for owner in &trace.owners {
            let [objects, bytes, share] = owner.cells();
            html_line!(
                out,
                "<tr><td><code>{}</code></td><td class=\"nowrap\">{}</td><td class=\"nowrap\">{}</td><td class=\"nowrap\">{}</td><td>{}</td></tr>",
                owner.name,
                objects,
                bytes,
                share,
                owner.verdict
            );
        }
        html!(out, "</tbody>\n</table>\n");
        for owner in trace.owners.iter().filter(|owner| !owner.stack.is_empty()) {
            html_line!(
                out,
                "<h3>Stack of <code>{}</code></h3>\n<pre>{}</pre>",
                owner.name,
                owner.stack.join("\n")
            );
        }
        html!(out, "</section>\n");
    }
}

/// The same in Markdown.
pub(crate) fn markdown(out: &mut Markdown, traces: &[TraceSection]) {
    for trace in traces {
        md_line!(out, "## Trace\n\n{}\n", trace.title);
        for text in trace.remarks.iter().chain(Some(&trace.explained).filter(|text| !text.is_empty())) {
            md_line!(out, "{}\n", text);
        }
        md_line!(out, "| Owner | Objects | Bytes | Share | Verdict |\n|---|--:|--:|--:|---|");
        for owner in &trace.owners {
            let [objects, bytes, share] = owner.cells();
            let [objects, bytes, share] = [&objects, &bytes, &share].map(|cell| Ours(cell));
            md_line!(
                out,
                "| {} | {} | {} | {} | {} |",
                owner.name,
                objects,
                bytes,
                share,
                Ours(owner.verdict)
            );
        }
        md_line!(out, "");
        for owner in trace.owners.iter().filter(|owner| !owner.stack.is_empty()) {
            // A fence shows text as it is.
            let lines: Vec<String> = owner.stack.iter().map(|line| safe(line).into_owned()).collect();
            md_line!(out, "Stack of {}:\n\n{}\n", owner.name, Fenced(&lines.join("\n")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{HOSTILE, material};

    #[test]
    fn a_trace_is_a_section_of_both_and_its_names_are_no_markup() {
        let owner = TraceOwner {
            name: format!("take {HOSTILE}"),
            objects: 1_600,
            bytes: 409_600,
            share: 0.941,
            verdict: "keeps growing",
            stack: vec![format!("take+0x10 {HOSTILE}"), "worker+0x4".into()],
        };
        let mut material = material();
        material.traces = vec![TraceSection {
            title: format!("leaky_item on {HOSTILE}: 4 s"),
            remarks: vec!["17 events were lost".into()],
            explained: "Outstanding allocations explain 400 KiB in 1,600 objects (99 %).".into(),
            owners: vec![owner],
        }];
        for text in [crate::html::page(&material), crate::markdown::page(&material)] {
            for part in ["leaky\\_item", "17 events", "explain 400 KiB", "1,600", "94.1 %", "worker+0x4"] {
                let plain = part.replace('\\', "");
                assert!(text.contains(part) || text.contains(&plain), "{part}: {text}");
            }
            assert!(!text.contains("<script>alert") || !text.contains("<html"), "{text}");
            assert!(!text.contains('\u{202e}') && !text.contains('\u{1b}'), "{text}");
        }
        assert!(crate::html::page(&material).contains("href=\"#trace-0\""));
    }
}
