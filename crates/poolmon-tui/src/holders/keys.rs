//! The keys of the views of holders, and what they do.

use poolmon_holder::links;
use ratatui_crossterm::crossterm::event::KeyCode;

use super::HolderOrder;
use crate::app::{App, Effect, Mode};
use crate::bindings::{Action, Entry, Key, View};
use crate::render::{Regions, holders as render};

const LIST: &[View] = &[View::Holders, View::Kinds];

/// The keys.
pub const KEYS: &[Entry] = &[
    Entry::moving(LIST, &[(Key::Code(KeyCode::Esc), Action::Back)], "back").footer(1, "back"),
    Entry::closer(
        &[View::Holders],
        &[(Key::Code(KeyCode::Enter), Action::Open)],
        "the kinds of objects that the holder keeps",
    )
    .footer(30, "kinds"),
    Entry::closer(
        &[View::Kinds],
        &[(Key::Code(KeyCode::Enter), Action::Open)],
        "to the row of the table that this kind lives in",
    )
    .footer(30, "to the row"),
    Entry::closer(
        LIST,
        &[(Key::Letter('o'), Action::Holders)],
        "all holders instead of those of one row; then back",
    )
    .footer(70, "all holders"),
    Entry::rows(
        &[
            (Key::Letter('b'), Action::Sort('b')),
            (Key::Letter('d'), Action::Sort('d')),
            (Key::Char('t'), Action::Sort('t')),
        ],
        "sort by kernel memory, objects, name",
    )
    .only(LIST)
    .footer(40, "sort"),
    Entry::rows(&[(Key::Char('('), Action::ByChange)], "sort by change or by what there is; also )")
        .aliases(&[(Key::Char(')'), Action::ByChange)])
        .only(LIST)
        .footer(50, "change"),
    Entry::rows(&[(Key::Letter('z'), Action::Reverse)], "reverse the order").only(LIST).footer(60, "reverse"),
];

impl App {
    /// `o` in the table: all holders, or those of the selected row.
    pub(crate) fn open_holders(&mut self) {
        let tag = self.view.selected.as_ref().map(|(tag, _)| tag.clone());
        self.holders.of = tag.filter(|tag| links::find(tag).is_some());
        self.holders.selected = None;
        (self.holders.cursor, self.holders.top, self.holders.kind) = (0, 0, (0, 0));
        self.mode = Mode::Holders;
        self.derive_holders();
        self.want_holders();
        if self.waits_for_holders() {
            // The first count ends within the first sample's interval, and comes in with the next sample.
            self.ask(Effect::Refresh);
        }
    }

    /// An action while the view is open.
    pub(crate) fn holder_action(&mut self, action: Action) {
        let is_kinds = self.mode == Mode::Kinds;
        let page = isize::try_from(self.holder_page()).unwrap_or(isize::MAX).max(2);
        match action {
            Action::Back if is_kinds => self.mode = Mode::Holders,
            Action::Holders if self.holders.of.is_some() => {
                self.holders.of = None;
                self.mode = Mode::Holders;
                self.derive_holders();
            }
            Action::Back | Action::Holders => self.mode = Mode::Table,
            Action::Open if is_kinds => self.back_to_row(),
            Action::Open if self.holders.rows.is_empty() => {}
            Action::Open => {
                self.holders.select(self.holders.cursor);
                self.holders.kind = (0, 0);
                self.mode = Mode::Kinds;
            }
            Action::Lines(by) => self.step_holder(by),
            Action::Halves(by) if by.abs() == 1 => self.step_holder(by * (page / 2).max(2)),
            Action::Halves(by) => self.step_holder(by.signum() * (page - 1)),
            Action::First => self.step_holder(isize::MIN),
            Action::Last => self.step_holder(isize::MAX),
            Action::ByChange => {
                self.holders.by_change = !self.holders.by_change;
                self.derive_holders();
            }
            Action::Reverse => {
                self.holders.reversed = !self.holders.reversed;
                self.derive_holders();
            }
            Action::Sort('b') => self.order_holders(HolderOrder::Bytes),
            Action::Sort('d') => self.order_holders(HolderOrder::Objects),
            Action::Sort('t') => self.order_holders(HolderOrder::Name),
            _ => {}
        }
    }

    fn order_holders(&mut self, order: HolderOrder) {
        if self.holders.order != order {
            (self.holders.order, self.holders.reversed) = (order, false);
        }
        self.mode = Mode::Holders;
        self.derive_holders();
    }

    /// A click selects a line, the second one opens it; on a title, it sorts.
    pub(crate) fn click_holder(&mut self, regions: &Regions, x: u16, y: u16) {
        let is_kinds = self.mode == Mode::Kinds;
        if regions.titles.height > 0 && y == regions.titles.y {
            if let Some((order, by_change)) = render::order_at(self, x).filter(|_| !is_kinds) {
                let view = &mut self.holders;
                let is_sorted = view.order == order && by_change.is_none_or(|by| by == view.by_change);
                view.reversed = is_sorted && !view.reversed;
                (view.order, view.by_change) = (order, by_change.unwrap_or(view.by_change));
                self.derive_holders();
            }
            return;
        }
        let area = render::rows(regions);
        if y < area.y || y >= area.bottom() {
            return;
        }
        let (top, count) = match self.holders.current() {
            Some(row) if is_kinds => (self.holders.kind.1, row.kinds.len()),
            _ => (self.holders.top, self.holders.rows.len()),
        };
        let at = top + usize::from(y - area.y);
        if at >= count {
            return;
        }
        let double = self.is_double_click(at);
        if is_kinds {
            self.holders.kind.0 = at;
        } else {
            self.holders.select(at);
        }
        self.keep_holder_in_view();
        if double {
            self.holder_action(Action::Open);
        }
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
                let line = self.reveal(at);
                self.select(line);
            }
            None => self.say(format!("No row of the table is known to hold {}.", kind.many())),
        }
    }
}
