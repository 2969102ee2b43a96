//! The detail pane of a row: what is known of it. `keys`: its keys; drawing is in `render/detail.rs`.

pub(crate) mod keys;

use poolmon_model::{Pool, Tag};
use poolmon_source::Fact;

use crate::app::App;
use crate::bindings::View;
use crate::render;
use crate::tracing::RowTrace;

/// What is known of the row in the detail pane.
#[derive(Debug, Default)]
pub(crate) struct DetailView {
    /// Of which row.
    pub key: Option<(Tag, Pool)>,
    /// What is known of the tag; what is titled `Next` is a command, for a row that leaks.
    pub known: Vec<Fact>,
    /// What the system reports; `None` = not answered yet.
    pub facts: Option<Vec<Fact>>,
    /// The last trace, if a row was traced; of whichever row.
    pub trace: Option<RowTrace>,
    /// Lines of the text that are scrolled out.
    pub scroll: u16,
    /// The moment that the charts name the value of, in milliseconds as their points have them. Another row keeps it.
    pub cursor: Option<i64>,
}

impl DetailView {
    /// Of another row from now on.
    pub fn turn_to(&mut self, key: (Tag, Pool)) {
        (self.key, self.facts) = (Some(key), None);
        self.known.clear();
        self.scroll = 0;
    }
}

impl App {
    /// Scrolls the text of the pane, or the stacks in its place, by halves of a page. False if all of it is on the screen.
    pub(crate) fn scroll_detail(&mut self, halves: isize) -> bool {
        if self.scroll_trace(halves) {
            return true;
        }
        let (room, _) = render::detail::text_scroll(self);
        let by = i32::from(room.saturating_sub(1).max(2)) * i32::try_from(halves).unwrap_or(0) / 2;
        self.scroll_detail_lines(by)
    }

    /// The same by lines.
    pub(crate) fn scroll_detail_lines(&mut self, by: i32) -> bool {
        if self.scroll_trace_lines(by) {
            return true;
        }
        let (_, most) = render::detail::text_scroll(self);
        let to = i32::from(self.detail.scroll) + by;
        self.detail.scroll = u16::try_from(to.clamp(0, i32::from(most))).unwrap_or(0);
        most > 0
    }

    /// Text that grew shorter, or has more room now, ends at the end of its part of the screen.
    pub(crate) fn keep_detail_in_view(&mut self) {
        if self.mode.view() == View::Detail && self.detail.scroll > 0 {
            self.detail.scroll = self.detail.scroll.min(render::detail::text_scroll(self).1);
        }
    }
}
