//! What the mouse does.

use poolmon_model::column::{self, Unit};
use ratatui_crossterm::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use crate::app::{App, Effect, Mode, Opening};
use crate::bindings::{Action, View};
use crate::columns::CellKind;
use crate::render;
use crate::replay::deck::Motion;

/// Two clicks within this many milliseconds are a double click.
const DOUBLE_CLICK: i64 = 400;
/// Rows that one turn of the wheel moves.
const WHEEL: isize = 3;

impl App {
    /// The mouse was used.
    pub fn on_mouse(&mut self, mouse: MouseEvent) {
        match mouse.kind {
            MouseEventKind::ScrollUp => self.wheel(-WHEEL),
            MouseEventKind::ScrollDown => self.wheel(WHEEL),
            MouseEventKind::Down(MouseButton::Left) => {
                self.opening = Opening::AsAsked;
                self.click(mouse.column, mouse.row);
            }
            _ => {}
        }
    }

    fn wheel(&mut self, by: isize) {
        match self.mode.view() {
            View::Help => self.help_action(Action::Lines(by.signum())),
            View::Columns => self.chooser_action(Action::Lines(by.signum())),
            View::Holders | View::Kinds => {
                for _ in 0..by.unsigned_abs() {
                    self.holder_action(Action::Lines(by.signum()));
                }
            }
            View::Detail => {
                if !self.scroll_detail_lines(i32::try_from(by).unwrap_or(0)) {
                    self.step(by.signum());
                }
            }
            View::Table => self.scroll(by),
        }
    }

    fn scroll(&mut self, by: isize) {
        let most = self.view.len().saturating_sub(self.page());
        self.view.top = self.view.top.saturating_add_signed(by).min(most);
        // The selection stays on the screen; without one the view simply moves.
        if self.view.has_selection() {
            let bottom = self.view.top + self.page() - 1;
            self.select(self.view.cursor.clamp(self.view.top, bottom));
        }
    }

    fn click(&mut self, x: u16, y: u16) {
        if let Mode::Columns { at } = self.mode {
            return self.click_choice(at, y);
        }
        let view = self.mode.view();
        if !matches!(view, View::Table | View::Detail | View::Holders | View::Kinds) {
            return;
        }
        let regions = render::regions(self);
        if let Some(time) = render::timeline::time_at(self, regions.timeline, x, y) {
            self.paused = true;
            return self.ask(Effect::Wind(Motion::To(time)));
        }
        if let Some(value) = render::graph::value_at(self, regions.graph, x, y) {
            return self.say(value);
        }
        match view {
            View::Holders | View::Kinds => return self.click_holder(&regions, x, y),
            View::Detail => {
                if let Some((value, at)) = render::detail::value_at(self, x, y) {
                    self.detail.cursor = Some(at);
                    self.say(value);
                }
                return;
            }
            _ => {}
        }
        if regions.titles.height > 0 && y == regions.titles.y {
            self.click_title(x);
            return;
        }
        if y < regions.rows.y || y >= regions.rows.bottom() {
            return;
        }
        let at = self.view.top + usize::from(y - regions.rows.y);
        if at >= self.view.len() {
            return;
        }
        // The sign of a group is all that a click needs.
        if x < 2 && self.fold_group(at) {
            return;
        }
        let double = self.is_double_click(at);
        self.select(at);
        if double {
            self.open();
        }
    }

    /// Whether a click is the second one on a line.
    pub(crate) fn is_double_click(&mut self, at: usize) -> bool {
        let double = self.view.last_click.is_some_and(|(last, when)| {
            last == at && self.clock.as_millisecond() - when.as_millisecond() <= DOUBLE_CLICK
        });
        self.view.last_click = (!double).then_some((at, self.clock));
        double
    }

    /// A title sorts by its column; the title of the sorted column turns the order around.
    fn click_title(&mut self, x: u16) {
        let layout = self.layout();
        let Some(place) = layout.places.iter().find(|p| x >= p.x && x < p.x + p.width) else { return };
        let column = match place.kind {
            CellKind::Value
            | CellKind::Change
            | CellKind::Driver
            | CellKind::Description
            | CellKind::Verdict => place.column,
            CellKind::Human | CellKind::Short | CellKind::ShortChange | CellKind::Trend => &column::BYTES,
        };
        let by_change = matches!(place.kind, CellKind::Change | CellKind::ShortChange | CellKind::Trend);
        let sort = &mut self.settings.sort;
        if sort.column.id == column.id && (sort.by_change == by_change || column.unit == Unit::Text) {
            sort.reversed = !sort.reversed;
        } else {
            sort.column = column;
            sort.reversed = false;
            sort.by_change = by_change;
        }
        self.derive();
    }
}
