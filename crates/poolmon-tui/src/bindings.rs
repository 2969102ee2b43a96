//! Every key of the screen, in one table: the handling, the footer, the help page and the guide all read it.
//!
//! A view owns its entries (`table::keys`, `detail::keys`, `holders::keys`, `replay::keys`); those of the whole program are here. An
//! [`Entry`] is what a person reads in one line of help: one or more keys that belong together, and what each does.

use ratatui_crossterm::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

pub use crate::action::{Action, NAMES};
use crate::{detail, holders, replay, table};

/// What has the keys. Prompts are not in the list: they take text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The table.
    Table,
    /// The detail pane of a row.
    Detail,
    /// The list of holders.
    Holders,
    /// What kinds a holder keeps.
    Kinds,
    /// The list of columns.
    Columns,
    /// The help page.
    Help,
}

impl View {
    /// In the order of the guide.
    pub const ALL: [Self; 6] =
        [Self::Table, Self::Detail, Self::Holders, Self::Kinds, Self::Columns, Self::Help];

    /// Its name, for the guide.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Table => "The table",
            Self::Detail => "Details of a row",
            Self::Holders => "Holders",
            Self::Kinds => "What one holder keeps",
            Self::Columns => "Columns of the table",
            Self::Help => "The help page",
        }
    }
}

/// Where a key means what its entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Wherever samples come from.
    Always,
    /// On a live source, or one sample of a file.
    Live,
    /// While a recording or a log is replayed.
    Tape,
}

impl When {
    /// Whether it applies where a tape is replayed, or is not.
    pub const fn applies(self, tape: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Live => !tape,
            Self::Tape => tape,
        }
    }
}

/// A key on the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A letter in either case, as PoolMon takes its letters.
    Letter(char),
    /// This character and no other.
    Char(char),
    /// A key without a character.
    Code(KeyCode),
    /// The same with Shift.
    Shift(KeyCode),
    /// A letter with Control.
    Control(char),
}

impl Key {
    /// Whether this key was pressed.
    pub(crate) fn is(self, event: &KeyEvent) -> bool {
        let shift = event.modifiers.contains(KeyModifiers::SHIFT);
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        // With Alt, Control is AltGr, which types characters.
        let control = control && !event.modifiers.contains(KeyModifiers::ALT);
        match (self, event.code) {
            (Self::Letter(letter), KeyCode::Char(c)) => !control && c.eq_ignore_ascii_case(&letter),
            (Self::Char(letter), KeyCode::Char(c)) => !control && c == letter,
            (Self::Control(letter), KeyCode::Char(c)) => control && c.eq_ignore_ascii_case(&letter),
            (Self::Shift(code), pressed) => shift && code == pressed,
            // Whatever is held with it; a key with Shift that is an entry of its own is found first.
            (Self::Code(code), pressed) => code == pressed,
            _ => false,
        }
    }

    /// What is printed on it.
    pub fn name(self) -> String {
        let code = |code| match code {
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::Left => "←".to_owned(),
            KeyCode::Right => "→".to_owned(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::F(n) => format!("F{n}"),
            other => format!("{other:?}"),
        };
        match self {
            Self::Char(' ') => "Space".to_owned(),
            Self::Letter(c) | Self::Char(c) => c.to_string(),
            Self::Code(key) => code(key),
            Self::Shift(key) => format!("Shift-{}", code(key)),
            Self::Control(c) => format!("Ctrl-{c}"),
        }
    }
}

/// A part of the help page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Time, live or of a recording.
    Time,
    /// Which rows, in which order.
    Rows,
    /// More of a row.
    Closer,
    /// Moving around, and the program itself.
    Program,
}

impl Section {
    /// In the order of the help page.
    pub const ALL: [Self; 4] = [Self::Rows, Self::Closer, Self::Time, Self::Program];

    /// Its heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Time => "Time",
            Self::Rows => "Rows and order",
            Self::Closer => "Looking closer",
            Self::Program => "Moving and leaving",
        }
    }
}

/// Keys that are one line of help.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The keys and what each does.
    pub keys: &'static [(Key, Action)],
    /// Other keys that do the same, which help and footer do not list.
    pub aliases: &'static [(Key, Action)],
    /// In which views.
    pub views: &'static [View],
    /// Where samples come from.
    pub when: When,
    /// Its part of the help page.
    pub section: Section,
    /// What it does, in a line of help of at most 62 cells.
    pub help: &'static str,
    /// What the footer says, and how early: the lowest rank comes first. `None` = the footer leaves it out.
    pub footer: Option<(u8, &'static str)>,
}

impl Entry {
    const fn new(
        views: &'static [View],
        section: Section,
        keys: &'static [(Key, Action)],
        help: &'static str,
    ) -> Self {
        Self { keys, aliases: &[], views, when: When::Always, section, help, footer: None }
    }

    /// Keys of the table.
    pub const fn rows(keys: &'static [(Key, Action)], help: &'static str) -> Self {
        Self::new(&[View::Table, View::Detail], Section::Rows, keys, help)
    }

    /// Keys of time, in all views but the help page.
    pub const fn time(when: When, keys: &'static [(Key, Action)], help: &'static str) -> Self {
        let views = &[View::Table, View::Detail, View::Holders, View::Kinds];
        Self { when, ..Self::new(views, Section::Time, keys, help) }
    }

    /// Keys that look closer, in these views.
    pub const fn closer(views: &'static [View], keys: &'static [(Key, Action)], help: &'static str) -> Self {
        Self::new(views, Section::Closer, keys, help)
    }

    /// Keys that move in these views, or leave them.
    pub const fn moving(views: &'static [View], keys: &'static [(Key, Action)], help: &'static str) -> Self {
        Self::new(views, Section::Program, keys, help)
    }

    /// Listed in the footer, at this place.
    #[must_use]
    pub const fn footer(self, rank: u8, brief: &'static str) -> Self {
        Self { footer: Some((rank, brief)), ..self }
    }

    /// Only here.
    #[must_use]
    pub const fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    /// Only in these views.
    #[must_use]
    pub const fn only(self, views: &'static [View]) -> Self {
        Self { views, ..self }
    }

    /// Keys that do the same and are not listed.
    #[must_use]
    pub const fn aliases(self, aliases: &'static [(Key, Action)]) -> Self {
        Self { aliases, ..self }
    }

    /// Whether it means something in this view.
    pub fn applies(&self, view: View, tape: bool) -> bool {
        self.when.applies(tape) && self.views.contains(&view)
    }
}

const EVERYWHERE: &[View] = &View::ALL;
const VIEWS: &[View] = &[View::Table, View::Detail, View::Holders, View::Kinds, View::Columns];

/// Keys of the whole program.
const PROGRAM: &[Entry] = &[
    Entry::moving(
        VIEWS,
        &[(Key::Letter('h'), Action::Help)],
        "help, also ?: the keys of this view, and its terms",
    )
    .footer(10, "help")
    .aliases(&[(Key::Char('?'), Action::Help), (Key::Code(KeyCode::F(1)), Action::Help)]),
    Entry::moving(EVERYWHERE, &[(Key::Control('l'), Action::Redraw)], "draw the screen again"),
    Entry::moving(
        EVERYWHERE,
        &[(Key::Code(KeyCode::F(2)), Action::Theme)],
        "next theme: auto, dark, light, contrast, colour-blind",
    ),
    Entry::moving(EVERYWHERE, &[(Key::Letter('q'), Action::Quit)], "quit")
        .footer(95, "quit")
        .aliases(&[(Key::Control('c'), Action::Quit)]),
    Entry::time(When::Live, &[(Key::Char(' '), Action::Pause)], "pause and resume").footer(110, "pause"),
    Entry::time(
        When::Live,
        &[(Key::Letter('r'), Action::Refresh)],
        "refresh now; so does any key without a meaning",
    )
    .footer(180, "refresh"),
    Entry::time(
        When::Always,
        &[(Key::Char('='), Action::Baseline)],
        "show changes since this moment; = again ends that",
    )
    .footer(100, "baseline"),
    Entry::time(
        When::Live,
        &[(Key::Char('+'), Action::Interval(true)), (Key::Char('-'), Action::Interval(false))],
        "longer, shorter interval",
    )
    .footer(125, "interval"),
    Entry::moving(&[View::Help], &[(Key::Code(KeyCode::Esc), Action::Back)], "close this page").aliases(&[
        (Key::Letter('h'), Action::Back),
        (Key::Char('?'), Action::Back),
        (Key::Code(KeyCode::Enter), Action::Back),
        (Key::Code(KeyCode::F(1)), Action::Back),
    ]),
];

const LISTS: &[View] = &[View::Detail, View::Holders, View::Kinds, View::Columns];
const LINES: &[(Key, Action)] =
    &[(Key::Code(KeyCode::Up), Action::Lines(-1)), (Key::Code(KeyCode::Down), Action::Lines(1))];
const VI_LINES: &[(Key, Action)] = &[(Key::Char('k'), Action::Lines(-1)), (Key::Char('j'), Action::Lines(1))];

/// Moving in lists, in all views.
const MOVING: &[Entry] = &[
    Entry::moving(LISTS, LINES, "a line up, down; also k, j").footer(20, "select").aliases(VI_LINES),
    Entry::moving(&[View::Table, View::Help], LINES, "a line up, down; also k, j").aliases(VI_LINES),
    Entry::moving(
        EVERYWHERE,
        &[
            (Key::Code(KeyCode::PageUp), Action::Halves(-2)),
            (Key::Code(KeyCode::PageDown), Action::Halves(2)),
        ],
        "a page up, down; half a page with Ctrl-u, Ctrl-d",
    )
    .aliases(&[
        (Key::Control('b'), Action::Halves(-2)),
        (Key::Control('f'), Action::Halves(2)),
        (Key::Control('u'), Action::Halves(-1)),
        (Key::Control('d'), Action::Halves(1)),
    ]),
    Entry::moving(
        EVERYWHERE,
        &[(Key::Code(KeyCode::Home), Action::First), (Key::Code(KeyCode::End), Action::Last)],
        "the first row, with none selected; the last row",
    )
    .when(When::Live)
    .aliases(&[(Key::Char('G'), Action::Last)]),
    Entry::moving(VIEWS, &[(Key::Char('G'), Action::Last)], "the last row").when(When::Tape),
    Entry::moving(
        &[View::Help, View::Columns],
        &[(Key::Code(KeyCode::Home), Action::First), (Key::Code(KeyCode::End), Action::Last)],
        "the first line, the last line",
    )
    .when(When::Tape),
];

/// All tables, in the order in which help lists them.
pub const TABLES: &[&[Entry]] = &[
    replay::keys::KEYS,
    PROGRAM,
    table::keys::KEYS,
    table::chooser::KEYS,
    detail::keys::KEYS,
    holders::keys::KEYS,
    MOVING,
];

/// All entries.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    TABLES.iter().copied().flatten()
}

/// What the footer lists, the most useful first.
pub fn footer(view: View, tape: bool) -> Vec<(&'static Entry, &'static str)> {
    // The table's keys that work in the pane over it, too, would push out the pane's own.
    let shared = |entry: &Entry| entry.views == table::keys::BOTH;
    let own = |entry: &&Entry| view == View::Table || !shared(entry);
    let mut listed: Vec<(u8, &Entry, &str)> = entries()
        .filter(|entry| entry.applies(view, tape))
        .filter(own)
        .filter_map(|entry| entry.footer.map(|(rank, brief)| (rank, entry, brief)))
        .collect();
    listed.sort_by_key(|(rank, ..)| *rank);
    listed.into_iter().map(|(_, entry, brief)| (entry, brief)).collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::keymap::Keymap;

    /// The guide's section on keys, as Markdown.
    fn markdown() -> String {
        let mut text = String::new();
        let cell = |text: &str| text.replace('|', "\\|");
        for view in View::ALL {
            let own = |entry: &&Entry| {
                entry.views.first() == Some(&view) || (view == View::Table && entry.views.contains(&view))
            };
            let listed: Vec<&Entry> = entries().filter(own).collect();
            if listed.is_empty() {
                continue;
            }
            let _ = write!(text, "### {}\n\n| key | what it does | |\n|---|---|---|\n", view.title());
            for section in Section::ALL {
                for entry in listed.iter().filter(|entry| entry.section == section) {
                    let when = match entry.when {
                        When::Always => "",
                        When::Live => "live",
                        When::Tape => "replay",
                    };
                    let _ = writeln!(
                        text,
                        "| `{}` | {} | {when} |",
                        cell(&Keymap::default().label(entry)),
                        cell(entry.help)
                    );
                }
            }
            text.push('\n');
        }
        text
    }

    /// All events that a key stands for.
    fn events(key: Key) -> Vec<(KeyCode, KeyModifiers)> {
        let none = KeyModifiers::NONE;
        match key {
            Key::Letter(c) => {
                vec![
                    (KeyCode::Char(c.to_ascii_lowercase()), none),
                    (KeyCode::Char(c.to_ascii_uppercase()), none),
                ]
            }
            Key::Char(c) => vec![(KeyCode::Char(c), none)],
            Key::Code(code) => vec![(code, none)],
            Key::Shift(code) => vec![(code, KeyModifiers::SHIFT)],
            Key::Control(c) => vec![(KeyCode::Char(c), KeyModifiers::CONTROL)],
        }
    }

    #[test]
    fn no_key_has_two_meanings() {
        for view in View::ALL {
            for tape in [false, true] {
                let mut seen: Vec<((KeyCode, KeyModifiers), &str)> = Vec::new();
                for entry in entries().filter(|entry| entry.applies(view, tape)) {
                    for (key, action) in entry.keys.iter().chain(entry.aliases) {
                        for event in events(*key) {
                            if let Some((_, other)) = seen.iter().find(|(known, _)| *known == event) {
                                panic!(
                                    "{event:?} in {view:?} (tape: {tape}): `{other}` and `{}`",
                                    entry.help
                                );
                            }
                            seen.push((event, entry.help));
                            let found = Keymap::default().find(view, tape, &KeyEvent::new(event.0, event.1));
                            assert_eq!(found, Some(*action), "{event:?} in {view:?}");
                        }
                    }
                }
                assert!(
                    Keymap::default()
                        .find(view, tape, &KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE))
                        .is_some(),
                    "Esc leads out of {view:?}"
                );
            }
        }
    }

    #[test]
    fn every_sort_key_is_one_of_the_column_registry_and_the_other_way_round() {
        let of_entries: Vec<char> = entries()
            .flat_map(|entry| entry.keys.iter().chain(entry.aliases))
            .filter_map(|(_, action)| match action {
                Action::Sort(letter) => Some(*letter),
                _ => None,
            })
            .collect();
        for letter in 'a'..='z' {
            let known = poolmon_model::column::by_key(letter).is_some();
            assert_eq!(of_entries.contains(&letter), known, "{letter}");
        }
    }

    #[test]
    fn a_line_of_help_fits_80_columns() {
        for entry in entries() {
            let name = Keymap::default().label(entry);
            let (label, help) = (name.chars().count(), entry.help.chars().count());
            assert!(label <= 13, "`{name}` is {label} cells wide");
            assert!(help <= 62, "`{}` is {help} cells wide", entry.help);
            assert!(!entry.views.is_empty(), "`{}` is nowhere", entry.help);
        }
    }

    #[test]
    fn footers_have_one_entry_at_a_place() {
        for view in View::ALL {
            for tape in [false, true] {
                let ranks: Vec<u8> =
                    footer(view, tape).into_iter().filter_map(|(entry, _)| Some(entry.footer?.0)).collect();
                let mut once = ranks.clone();
                once.sort_unstable();
                once.dedup();
                assert_eq!(once.len(), ranks.len(), "{view:?} (tape: {tape}): {ranks:?}");
            }
        }
    }

    #[test]
    fn the_guide_lists_every_key() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/screen.md");
        let guide = std::fs::read_to_string(path).unwrap();
        let (start, rest) =
            guide.split_once("<!-- keys: written by POOLMON_GUIDE=write -->\n").expect("the mark");
        let (listed, end) = rest.split_once("<!-- end of keys -->").expect("the end mark");
        if std::env::var_os("POOLMON_GUIDE").is_some_and(|what| what == "write") {
            let all = format!(
                "{start}<!-- keys: written by POOLMON_GUIDE=write -->\n{}<!-- end of keys -->{end}",
                markdown()
            );
            std::fs::write(path, all).unwrap();
            return;
        }
        assert_eq!(listed, markdown(), "POOLMON_GUIDE=write cargo test -p poolmon-tui --lib guide");
    }
}
