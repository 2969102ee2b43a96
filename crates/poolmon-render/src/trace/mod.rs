//! `trace`: the stacks that keep memory. `text.rs`: for a person; `json.rs`: for programs; `tags.rs`: the tags of a
//! trace of many; `flame.rs`: for flame graph tools, and as
//! a drawing; `section.rs`: for a report.

mod flame;
mod json;
mod section;
mod tags;
mod text;

pub use flame::{folded, svg};
pub use json::json;
pub use section::section;
pub use tags::{tags, tags_json};
pub use text::write as text;

use std::io::{self, Write};

use poolmon_trace::TraceFound;

/// Owners of each kind, and tags, that the text lists if nothing else is asked for.
const TOP: (usize, usize) = (5, 20);

/// In which form an answer is written.
#[derive(Clone, Copy, Debug)]
pub enum Form<'a> {
    /// For a person: at most `top` owners of each kind, or tags; `file` is how the trace was named.
    Text {
        /// How many.
        top: Option<usize>,
        /// The file, as a word of a command.
        file: &'a str,
    },
    /// One JSON object.
    Json,
    /// Lines for flame graph tools; of tags, as text.
    Folded,
}

/// Writes what a trace says.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, found: &TraceFound, form: Form<'_>) -> io::Result<()> {
    match (found, form) {
        (TraceFound::Stacks(answer), Form::Text { top, .. }) => text(out, answer, top.unwrap_or(TOP.0)),
        (TraceFound::Stacks(answer), Form::Json) => json(out, answer),
        (TraceFound::Stacks(answer), Form::Folded) => folded(out, answer),
        (TraceFound::Tags(found), Form::Text { top, file }) => tags(out, found, file, top.unwrap_or(TOP.1)),
        (TraceFound::Tags(found), Form::Folded) => tags(out, found, "FILE", TOP.1),
        (TraceFound::Tags(found), Form::Json) => tags_json(out, found),
    }
}

#[cfg(test)]
mod tests;
