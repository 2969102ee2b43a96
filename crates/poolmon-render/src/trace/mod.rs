//! `trace`: the stacks that keep memory. `text.rs`: for a person; `json.rs`: for programs; `flame.rs`: for flame graph tools, and as
//! a drawing.

mod flame;
mod json;
mod text;

pub use flame::{folded, svg};
pub use json::json;
pub use text::write as text;

#[cfg(test)]
mod tests;
