//! The keys of a person: those of the tables in [`crate::bindings`], but for what the configuration file says otherwise.

use std::fmt;

use ratatui_crossterm::crossterm::event::{KeyCode, KeyEvent};

use crate::bindings::{Action, Entry, Key, NAMES, View, entries};

/// Keys without a character: as they are written, and as help names them.
const CODES: [(&str, KeyCode); 14] = [
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("Backspace", KeyCode::Backspace),
    ("Delete", KeyCode::Delete),
    ("Insert", KeyCode::Insert),
];

impl Key {
    /// Reads a key as [`Key::written`] writes it: `x`, `F5`, `Ctrl-x`, `Shift-Left`, `Space`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        if let (Some(only), None) = (chars.next(), chars.next()) {
            return (!only.is_control() && only != ' ').then_some(Self::Char(only));
        }
        let code = |name: &str| {
            let function = || name.strip_prefix('F')?.parse().ok().filter(|n| (1..=12).contains(n));
            let known = CODES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|it| it.1);
            known.or_else(|| function().map(KeyCode::F))
        };
        match text.split_once('-') {
            _ if text.eq_ignore_ascii_case("space") => Some(Self::Char(' ')),
            Some(("Ctrl", letter)) => match letter.as_bytes() {
                [letter] if letter.is_ascii_alphabetic() => {
                    Some(Self::Control(char::from(letter.to_ascii_lowercase())))
                }
                _ => None,
            },
            Some(("Shift", name)) => code(name).map(Self::Shift),
            _ => code(text).map(Self::Code),
        }
    }

    /// Its name as the configuration file has it.
    pub fn written(self) -> String {
        let plain = |code| CODES.iter().find(|(_, known)| *known == code).map(|(name, _)| *name);
        match self {
            Self::Code(code) => plain(code).map_or_else(|| self.name(), str::to_owned),
            Self::Shift(code) => plain(code).map_or_else(|| self.name(), |name| format!("Shift-{name}")),
            _ => self.name(),
        }
    }

    /// Whether this key of a table is the one that a person chose. A table's letter is in the way in lower case only: in upper case it does
    /// the same for habit's sake.
    fn is_chosen(self, own: Self) -> bool {
        match (self, own) {
            (Self::Letter(a), Self::Char(b)) => a == b,
            (a, b) => a == b,
        }
    }
}

/// A key that would mean two things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The key, as it is written.
    pub key: String,
    /// The action that was to have it.
    pub wanted: &'static str,
    /// What it does already, in a line of help.
    pub already: &'static str,
    /// The name of the action that it does already; `None` if that cannot have another key.
    pub other: Option<&'static str>,
    /// The view in which it does.
    pub view: View,
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, wanted, already, view, .. } = self;
        write!(f, "`{key}` cannot be `{wanted}`: in the view \"{}\" it is \"{already}\"", view.title())
    }
}

fn name_of(action: Action) -> Option<&'static str> {
    NAMES.iter().find(|(_, known)| *known == action).map(|(name, _)| *name)
}

/// Which key does what.
#[derive(Clone, Debug, Default)]
pub struct Keymap {
    /// What a person chose, the key to be shown first.
    own: Vec<(Action, Vec<Key>)>,
}

impl Keymap {
    /// With keys that a person chose: they are in the place of those that help lists for the action, in every view.
    ///
    /// # Errors
    ///
    /// The first key that would mean two things in a view.
    pub fn with(own: Vec<(Action, Vec<Key>)>) -> Result<Self, Clash> {
        let map = Self { own };
        for view in View::ALL {
            for tape in [false, true] {
                map.check(view, tape)?;
            }
        }
        Ok(map)
    }

    fn check(&self, view: View, tape: bool) -> Result<(), Clash> {
        let here = || entries().filter(move |entry| entry.applies(view, tape));
        let clash = |key: Key, wanted: Action, already: &'static str, other: Action| Clash {
            key: key.written(),
            wanted: name_of(wanted).unwrap_or_default(),
            already,
            other: name_of(other),
            view,
        };
        let help = |action: Action| {
            let of = |entry: &&Entry| entry.keys.iter().any(|(_, its)| *its == action);
            here().find(of).map_or("", |entry| entry.help)
        };
        let mine: Vec<(Key, Action)> = self.own(view, tape).collect();
        for (at, &(key, action)) in mine.iter().enumerate() {
            if let Some(&(_, other)) = mine.iter().take(at).find(|(it, other)| *it == key && *other != action)
            {
                return Err(clash(key, action, help(other), other));
            }
            for entry in here() {
                let kept = |(_, other): &&(Key, Action)| *other != action && !self.is_own(*other);
                if let Some((_, other)) = entry.keys.iter().filter(kept).find(|it| it.0.is_chosen(key)) {
                    return Err(clash(key, action, entry.help, *other));
                }
            }
        }
        Ok(())
    }

    fn is_own(&self, action: Action) -> bool {
        self.own.iter().any(|(own, _)| *own == action)
    }

    /// What a person chose for the actions of a view.
    fn own(&self, view: View, tape: bool) -> impl Iterator<Item = (Key, Action)> {
        let is_bound = move |action: Action| {
            let mut here = entries().filter(|entry| entry.applies(view, tape));
            here.any(|entry| entry.keys.iter().any(|(_, its)| *its == action))
        };
        let here = self.own.iter().filter(move |(action, _)| is_bound(*action));
        here.flat_map(|(action, keys)| keys.iter().map(|key| (*key, *action)))
    }

    /// What a key does in a view, if anything.
    pub fn find(&self, view: View, tape: bool, event: &KeyEvent) -> Option<Action> {
        let given = || {
            let here = entries().filter(move |entry| entry.applies(view, tape));
            let listed = here.flat_map(|entry| {
                let kept = entry.keys.iter().filter(|(_, action)| !self.is_own(*action));
                kept.chain(entry.aliases)
            });
            self.own(view, tape).chain(listed.copied())
        };
        let held = |(key, _): &(Key, Action)| matches!(key, Key::Shift(_));
        let pressed = |(key, _): &(Key, Action)| key.is(event);
        given().filter(held).find(pressed).or_else(|| given().find(pressed)).map(|(_, action)| action)
    }

    /// The keys of an entry that help lists.
    fn listed(&self, entry: &Entry) -> impl Iterator<Item = Key> {
        entry.keys.iter().map(|(key, action)| {
            let own = self.own.iter().find(|(own, _)| own == action);
            own.and_then(|(_, keys)| keys.first()).copied().unwrap_or(*key)
        })
    }

    /// Keys of an entry as the help page lists them: `t a f m`, `0-9`.
    pub fn label(&self, entry: &Entry) -> String {
        let names: Vec<String> = self.listed(entry).map(Key::name).collect();
        match names.as_slice() {
            [first, .., last] if names.len() > 8 => format!("{first}-{last}"),
            _ => names.join(" "),
        }
    }

    /// Keys of an entry as the footer does: pairs of signs need no blank.
    pub fn short_label(&self, entry: &Entry) -> String {
        let label = self.label(entry);
        let signs = entry.keys.len() == 2
            && self.listed(entry).all(|key| {
                let name = key.name();
                name.chars().count() == 1 && !name.chars().all(char::is_alphanumeric)
            });
        if signs { label.replace(' ', "") } else { label }
    }
}

#[cfg(test)]
mod tests {
    use ratatui_crossterm::crossterm::event::KeyModifiers;

    use super::*;

    fn pressed(map: &Keymap, view: View, key: KeyCode) -> Option<Action> {
        map.find(view, false, &KeyEvent::new(key, KeyModifiers::NONE))
    }

    #[test]
    fn a_key_is_written_as_it_is_read() {
        for (key, _) in entries().flat_map(|entry| entry.keys.iter().chain(entry.aliases)) {
            let back = Key::parse(&key.written());
            assert!(back.is_some_and(|back| key.is_chosen(back)), "{key:?}: {}", key.written());
        }
        for wrong in ["", " ", "F13", "F0", "Ctrl-", "Ctrl-1", "Ctrl-Up", "Shift-x", "Hyper-x", "ab"] {
            assert_eq!(Key::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_of_actions_are_unique_and_each_has_a_key() {
        for (at, (name, action)) in NAMES.iter().enumerate() {
            assert!(NAMES.iter().take(at).all(|(other, its)| other != name && its != action), "{name}");
            let bound = |entry: &Entry| entry.keys.iter().any(|(_, its)| its == action);
            assert!(entries().any(bound), "{name}");
        }
        // `s` is `d` once more, as in PoolMon; Home and End are keys of time while a tape is shown.
        let without = |action: &Action| {
            matches!(action, Action::Session(_) | Action::Sort('s') | Action::First | Action::Last)
        };
        let named = |action: &Action| without(action) || name_of(*action).is_some();
        for (key, action) in entries().flat_map(|entry| entry.keys) {
            assert!(named(action), "{} has no name for the configuration file", key.name());
        }
    }

    #[test]
    fn a_chosen_key_replaces_those_that_help_lists() {
        let map = Keymap::with(vec![(Action::Sort('b'), vec![Key::Code(KeyCode::F(5)), Key::Char('u')])]);
        let map = map.unwrap();
        for key in [KeyCode::F(5), KeyCode::Char('u')] {
            assert_eq!(pressed(&map, View::Table, key), Some(Action::Sort('b')));
        }
        assert_eq!(pressed(&map, View::Table, KeyCode::Char('b')), None);
        assert_eq!(pressed(&map, View::Help, KeyCode::F(5)), None, "nothing is sorted there");
        let entry = entries().find(|entry| entry.help == "sort by bytes").unwrap();
        assert_eq!(map.label(entry), "F5");
        // What is listed stays in the way, what is there for habit's sake does not: `s` sorts by diff, as `d` does.
        let map = Keymap::with(vec![(Action::Choose, vec![Key::Char('j')])]).unwrap();
        assert_eq!(pressed(&map, View::Table, KeyCode::Char('j')), Some(Action::Choose));
        assert_eq!(pressed(&map, View::Table, KeyCode::Down), Some(Action::Lines(1)));
    }

    #[test]
    fn keys_may_change_places_but_none_has_two_meanings() {
        let clash = Keymap::with(vec![(Action::Group, vec![Key::Char('p')])]).unwrap_err();
        assert_eq!((clash.wanted, clash.other), ("group", Some("pool")));
        assert_eq!(
            clash.to_string(),
            "`p` cannot be `group`: in the view \"The table\" it is \"one pool after the other, then all\""
        );
        let swapped = vec![(Action::Group, vec![Key::Char('p')]), (Action::Pool, vec![Key::Char('g')])];
        let map = Keymap::with(swapped).unwrap();
        assert_eq!(pressed(&map, View::Table, KeyCode::Char('p')), Some(Action::Group));
        assert_eq!(pressed(&map, View::Table, KeyCode::Char('g')), Some(Action::Pool));
        let twice = vec![(Action::Group, vec![Key::Char('u')]), (Action::Pool, vec![Key::Char('u')])];
        assert_eq!(Keymap::with(twice).unwrap_err().wanted, "pool");
        // In views that have nothing in common, a key may be used twice.
        let apart = vec![(Action::Toggle, vec![Key::Char('g')])];
        assert!(Keymap::with(apart).is_ok());
    }
}
