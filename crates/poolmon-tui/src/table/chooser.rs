//! The list of columns: which the table shows. Their order stays.

use ratatui_crossterm::crossterm::event::KeyCode;

use crate::app::{App, Mode};
use crate::bindings::{Action, Entry, Key, View};
use crate::columns::{CellKind, Choice};
use crate::render;

const COLUMNS: &[View] = &[View::Columns];

/// The keys.
pub const KEYS: &[Entry] = &[
    Entry::moving(COLUMNS, &[(Key::Code(KeyCode::Esc), Action::Back)], "back to the table")
        .aliases(&[(Key::Char('|'), Action::Back), (Key::Code(KeyCode::F(3)), Action::Back)])
        .footer(1, "back"),
    Entry::rows(
        &[(Key::Char(' '), Action::Toggle)],
        "show the column, or leave it out; also Enter, or a click",
    )
    .aliases(&[(Key::Code(KeyCode::Enter), Action::Toggle)])
    .only(COLUMNS)
    .footer(30, "show or hide"),
    Entry::rows(&[(Key::Letter('a'), Action::Automatic)], "automatic: the columns that say most and fit")
        .only(COLUMNS)
        .footer(40, "automatic"),
];

impl App {
    /// Every column that has something to say here, or was chosen, in their order.
    pub(crate) fn choices(&self) -> Vec<Choice> {
        let chosen = self.settings.columns.as_deref().unwrap_or_default();
        let mut all = Choice::all();
        all.retain(|choice| self.view.widths.says(*choice) || chosen.contains(choice));
        all
    }

    /// The columns that were chosen, or those on the screen.
    pub(crate) fn chosen(&self) -> Vec<Choice> {
        if let Some(chosen) = &self.settings.columns {
            return chosen.clone();
        }
        let exact = |kind| match kind {
            CellKind::Short => CellKind::Value,
            CellKind::ShortChange => CellKind::Change,
            kind => kind,
        };
        let all = Choice::all();
        let shown = self.layout().places.into_iter();
        let shown = shown.map(|place| Choice { kind: exact(place.kind), column: place.column });
        shown.filter(|choice| all.contains(choice)).collect()
    }

    pub(crate) fn choose_columns(&mut self) {
        // Of the columns that are scrolled out, the list would not know.
        self.view.skip = 0;
        self.mode = Mode::Columns { at: 0 };
    }

    pub(crate) fn chooser_action(&mut self, action: Action) {
        let Mode::Columns { at } = self.mode else { return };
        let last = self.choices().len().saturating_sub(1);
        let page = isize::try_from(render::chooser::page(self)).unwrap_or(isize::MAX).max(2);
        let to = match action {
            Action::Back => {
                self.mode = Mode::Table;
                return;
            }
            Action::Toggle => {
                self.toggle(at);
                at
            }
            Action::Automatic => {
                self.settings.columns = None;
                at
            }
            Action::Lines(by) => at.saturating_add_signed(by),
            Action::Halves(by) => at.saturating_add_signed(by * page / 2),
            Action::First => 0,
            Action::Last => last,
            _ => return,
        };
        self.mode = Mode::Columns { at: to.min(last) };
    }

    fn toggle(&mut self, at: usize) {
        let Some(choice) = self.choices().get(at).copied() else { return };
        let mut chosen = self.chosen();
        if chosen.contains(&choice) {
            if chosen.len() == 1 {
                return self.say("One column has to stay next to the tag.");
            }
            chosen.retain(|it| *it != choice);
        } else {
            chosen.push(choice);
            let all = Choice::all();
            chosen.sort_by_key(|it| all.iter().position(|known| known == it));
        }
        self.settings.columns = Some(chosen);
    }

    /// A click on a line of the list.
    pub(crate) fn click_choice(&mut self, at: usize, y: u16) {
        if let Some(line) = render::chooser::line_at(self, at, y) {
            self.toggle(line);
            self.mode = Mode::Columns { at: line };
        }
    }
}
