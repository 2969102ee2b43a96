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

/// Where an answer comes from: what can be done next depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked<'a> {
    /// A trace that was made just now, by the command.
    #[default]
    Live,
    /// The same, with every event in this file, as a word of a command.
    Saved(&'a str),
    /// A file that was read, as a word of a command.
    File(&'a str),
    /// The live screen.
    Screen,
}

/// In which form an answer is written.
#[derive(Clone, Copy, Debug)]
pub enum Form<'a> {
    /// For a person: at most `top` owners of each kind, or tags.
    Text {
        /// How many.
        top: Option<usize>,
        /// Where it comes from.
        asked: Asked<'a>,
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
        (TraceFound::Stacks(answer), Form::Text { top, asked }) => {
            text(out, answer, top.unwrap_or(TOP.0), asked)
        }
        (TraceFound::Stacks(answer), Form::Json) => json(out, answer),
        (TraceFound::Stacks(answer), Form::Folded) => folded(out, answer),
        (TraceFound::Tags(found), Form::Text { top, asked }) => {
            let file = if let Asked::File(file) = asked { file } else { "FILE" };
            tags(out, found, file, top.unwrap_or(TOP.1))
        }
        (TraceFound::Tags(found), Form::Folded) => tags(out, found, "FILE", TOP.1),
        (TraceFound::Tags(found), Form::Json) => tags_json(out, found),
    }
}

#[cfg(test)]
mod tests;
