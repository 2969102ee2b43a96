//! What keys do in the view of holders.

use poolmon_holder::links;
use ratatui_crossterm::crossterm::event::KeyCode;

use super::HolderOrder;
use crate::app::{App, Mode};

impl App {
    /// `o` in the table: all holders, or those of the selected row.
    pub(crate) fn open_holders(&mut self) {
        let tag = self.selected.as_ref().map(|(tag, _)| tag.clone());
        self.holders.of = tag.filter(|tag| links::find(tag).is_some());
        self.holders.selected = None;
        (self.holders.cursor, self.holders.top, self.holders.kind) = (0, 0, (0, 0));
        self.mode = Mode::Holders;
        self.derive_holders();
        self.want_holders();
    }

    /// A key while the view is open; false = it means what it means elsewhere.
    pub(crate) fn holder_key(&mut self, code: KeyCode) -> bool {
        let is_kinds = self.mode == Mode::Kinds;
        let page = isize::try_from(self.holder_page()).unwrap_or(isize::MAX);
        match code {
            KeyCode::Esc if is_kinds => self.mode = Mode::Holders,
            KeyCode::Char('o' | 'O') if self.holders.of.is_some() => {
                self.holders.of = None;
                self.mode = Mode::Holders;
                self.derive_holders();
            }
            KeyCode::Esc | KeyCode::Char('o' | 'O') => self.mode = Mode::Table,
            KeyCode::Enter if is_kinds => self.back_to_row(),
            KeyCode::Enter if self.holders.rows.is_empty() => {}
            KeyCode::Enter => {
                self.holders.select(self.holders.cursor);
                self.holders.kind = (0, 0);
                self.mode = Mode::Kinds;
            }
            KeyCode::Up => self.step_holder(-1),
            KeyCode::Down => self.step_holder(1),
            KeyCode::PageUp => self.step_holder(1 - page.max(2)),
            KeyCode::PageDown => self.step_holder(page.max(2) - 1),
            // Of a tape, these are its start and its end.
            KeyCode::Home if self.replay.is_none() => self.step_holder(isize::MIN),
            KeyCode::End if self.replay.is_none() => self.step_holder(isize::MAX),
            KeyCode::Char('(' | ')') => {
                self.holders.by_change = !self.holders.by_change;
                self.derive_holders();
            }
            KeyCode::Char('z' | 'Z') => {
                self.holders.reversed = !self.holders.reversed;
                self.derive_holders();
            }
            KeyCode::Char('b' | 'B') => self.order_holders(HolderOrder::Bytes),
            KeyCode::Char('d' | 'D') => self.order_holders(HolderOrder::Objects),
            KeyCode::Char('t') => self.order_holders(HolderOrder::Name),
            // Of the table's keys those that make sense here.
            KeyCode::Char('q' | 'Q' | 'h' | 'H' | '?' | ' ' | '=' | '+' | '-' | 'r' | 'R') => return false,
            // The time of a tape.
            KeyCode::Char(_) | KeyCode::Home | KeyCode::End => return self.replay.is_none(),
            _ => {}
        }
        true
    }

    fn order_holders(&mut self, order: HolderOrder) {
        if self.holders.order != order {
            (self.holders.order, self.holders.reversed) = (order, false);
        }
        self.mode = Mode::Holders;
        self.derive_holders();
    }

    fn step_holder(&mut self, by: isize) {
        if self.mode == Mode::Kinds {
            self.holders.kind.0 = self.holders.kind.0.saturating_add_signed(by);
        } else if self.holders.selected.is_none() && matches!(by, -1 | 1) {
            self.holders.select(self.holders.top);
        } else {
            self.holders.select(self.holders.cursor.saturating_add_signed(by));
        }
        self.keep_holder_in_view();
    }

    /// From a kind to the row that it lives in.
    fn back_to_row(&mut self) {
        let Some(kind) = self.holders.current().and_then(|row| row.kinds.get(self.holders.kind.0)) else {
            return;
        };
        let kind = kind.kind;
        match self.row_of(kind) {
            Some(at) => {
                self.mode = Mode::Table;
                self.select(at);
            }
            None => self.say(format!("No row of the table is known to hold {}.", kind.many())),
        }
    }
}
