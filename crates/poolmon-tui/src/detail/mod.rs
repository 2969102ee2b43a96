//! The detail pane of a row: what is known of it. `keys`: its keys; drawing is in `render/detail.rs`.

pub(crate) mod keys;

use poolmon_model::{Pool, Tag};
use poolmon_source::Fact;

use crate::tracing::RowTrace;

/// What is known of the row in the detail pane.
#[derive(Debug, Default)]
pub(crate) struct DetailView {
    /// Of which row.
    pub key: Option<(Tag, Pool)>,
    /// What is known of the tag.
    pub lines: Vec<String>,
    /// What the system reports; `None` = not answered yet.
    pub facts: Option<Vec<Fact>>,
    /// The last trace, if a row was traced; of whichever row.
    pub trace: Option<RowTrace>,
}

impl DetailView {
    /// Of another row from now on.
    pub fn turn_to(&mut self, key: (Tag, Pool)) {
        (self.key, self.facts) = (Some(key), None);
        self.lines.clear();
    }
}
