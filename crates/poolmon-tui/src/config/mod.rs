//! A person's configuration of the screen: theme, interval, order, columns, keys.
//!
//! `toml`: how a file is read; `file`: where it is; here: the settings, each once for reading, for messages and for the list of
//! defaults.

mod file;
pub(crate) mod toml;

use std::fmt::Write as _;
use std::time::Duration;

use poolmon_model::problem::{Problem, shell_path};
use poolmon_model::{Column, column, units};

use crate::bindings::{Action, Entry, Key, NAMES, entries};
use crate::columns::Choice;
use crate::keymap::Keymap;
use crate::theme::Palette;

pub use file::{load, path};
pub(crate) use toml::quoted;
use toml::{TomlItem, TomlValue};

/// What a person set; `None` = as without a configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Colours.
    pub theme: Option<Palette>,
    /// Time between two refreshes.
    pub interval: Option<Duration>,
    /// The column by which rows are sorted.
    pub sort: Option<&'static Column>,
    /// The columns of the table.
    pub columns: Option<Vec<Choice>>,
    /// `Y` may write into the clipboard of the terminal.
    pub copy: bool,
    /// How the screen was left is remembered.
    pub state: Option<bool>,
    /// Which key does what.
    pub keys: Keymap,
}

/// A setting at the top of the file.
struct Setting {
    name: &'static str,
    /// What it is without a configuration, as it is written.
    default: &'static str,
    /// What it does, and its values.
    about: fn() -> String,
    set: fn(&mut Config, &TomlValue) -> Result<(), String>,
}

const SETTINGS: &[Setting] = &[
    Setting {
        name: "theme",
        default: "\"auto\"",
        about: || format!("Colours of the screen: {}.", Palette::ALL.map(Palette::name).join(", ")),
        set: |config, value| {
            config.theme = Some(text(value)?.parse()?);
            Ok(())
        },
    },
    Setting {
        name: "interval",
        default: "\"5s\"",
        about: || "Time between two refreshes, 100ms to 1h; 1s in the demo.".into(),
        set: |config, value| {
            let text = match value {
                TomlValue::Bare(number) => number,
                other => text(other)?,
            };
            config.interval = Some(units::parse_interval(text)?);
            Ok(())
        },
    },
    Setting {
        name: "sort",
        default: if cfg!(windows) { "\"tag\"" } else { "\"bytes\"" },
        about: || format!("Order of the rows, unless something leaks: {}.", column_ids().join(", ")),
        set: |config, value| {
            let id = text(value)?;
            let column = column::by_id(id).ok_or_else(|| not_one_of(id, "column", &column_ids()))?;
            config.sort = Some(column);
            Ok(())
        },
    },
    Setting {
        name: "columns",
        default: "[]",
        about: || {
            let names: Vec<String> = Choice::all().into_iter().map(Choice::name).collect();
            format!(
                "Columns of the table, next to the tag; with none, those that fit. The key | chooses them. There are {}.",
                names.join(", ")
            )
        },
        set: |config, value| {
            let TomlValue::List(names) = value else {
                return Err("this is no list; columns are written as [\"bytes\", \"verdict\"]".into());
            };
            let all = Choice::all();
            let known = |name: &String| {
                let found = all.iter().find(|choice| choice.name() == *name).copied();
                found.ok_or_else(|| {
                    let names: Vec<String> = all.iter().map(|choice| choice.name()).collect();
                    not_one_of(name, "column of the screen", &names)
                })
            };
            let chosen = names.iter().map(known).collect::<Result<Vec<_>, _>>()?;
            config.columns = Some(chosen).filter(|chosen| !chosen.is_empty());
            Ok(())
        },
    },
    Setting {
        name: "state",
        default: "true",
        about: || {
            "How the screen of a source is left (order, columns, search, spans) is remembered for the next time; not of the demo.".into()
        },
        set: |config, value| {
            config.state = Some(switch(value)?);
            Ok(())
        },
    },
    Setting {
        name: "copy",
        default: "false",
        about: || {
            "The key Y copies the next command of a row: it writes into the clipboard of the terminal (OSC 52), if that lets it.".into()
        },
        set: |config, value| {
            config.copy = switch(value)?;
            Ok(())
        },
    },
];

/// The table of keys.
const KEYS: &str = "keys";

fn column_ids() -> Vec<String> {
    column::COLUMNS.iter().map(|column| column.id.to_owned()).collect()
}

fn switch(value: &TomlValue) -> Result<bool, String> {
    match value {
        TomlValue::Bare(word) if word == "true" => Ok(true),
        TomlValue::Bare(word) if word == "false" => Ok(false),
        _ => Err("this is neither true nor false".into()),
    }
}

fn text(value: &TomlValue) -> Result<&str, String> {
    match value {
        TomlValue::Text(text) => Ok(text),
        TomlValue::Bare(word) => Err(format!("{word} is no text; write it in quotation marks")),
        TomlValue::List(_) => Err("this is a list; one value in quotation marks is needed".into()),
    }
}

fn not_one_of(text: &str, what: &str, all: &[String]) -> String {
    format!("`{text}` is not a {what}; there are {}", all.join(", "))
}

impl Config {
    /// Reads a configuration. `name`: of its file, for messages.
    ///
    /// # Errors
    ///
    /// The first line that is wrong, and what helps.
    pub fn parse(text: &str, name: &str) -> Result<Self, Problem> {
        let at = |line: usize, what: String, remedy: String| {
            Problem::new(format!("{name}:{line}: {what}"), remedy)
        };
        let mend = || "correct that line, or leave the file out: poolmon --no-config".to_owned();
        let items = toml::read(text).map_err(|error| at(error.line, error.to_string(), mend()))?;
        let mut config = Self::default();
        let mut keys: Vec<(Action, Vec<Key>)> = Vec::new();
        for TomlItem { table, key, value, line } in &items {
            match table.as_str() {
                "" => {
                    let Some(setting) = SETTINGS.iter().find(|setting| setting.name == key) else {
                        let names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
                        let names = format!("use one of {}, or the table [{KEYS}]", names.join(", "));
                        return Err(at(*line, format!("there is no setting `{key}`"), names));
                    };
                    (setting.set)(&mut config, value)
                        .map_err(|why| at(*line, format!("`{key}`: {why}"), mend()))?;
                }
                KEYS => {
                    let Some((_, action)) = NAMES.iter().find(|(name, _)| name == key) else {
                        let help = "list the names: poolmon config".to_owned();
                        return Err(at(
                            *line,
                            format!("there is no action `{key}` that could have a key"),
                            help,
                        ));
                    };
                    let chosen =
                        keys_of(value).map_err(|why| at(*line, format!("`{key}`: {why}"), mend()))?;
                    keys.push((*action, chosen));
                }
                other => {
                    let what = format!("there is no table [{other}]");
                    return Err(at(*line, what, format!("use [{KEYS}], or write `{key}` above all tables")));
                }
            }
        }
        config.keys = Keymap::with(keys).map_err(|clash| {
            let line =
                items.iter().find(|it| it.table == KEYS && it.key == clash.wanted).map_or(0, |it| it.line);
            let remedy = match clash.other {
                Some(other) => format!("choose another key, or give `{other}` one, too: {other} = \"KEY\""),
                None => "choose another key".to_owned(),
            };
            at(line, clash.to_string(), remedy)
        })?;
        Ok(config)
    }

    /// Every setting with its default, as a file in which all lines are comments. `path`: where that file belongs.
    pub fn defaults(path: Option<&std::path::Path>) -> String {
        let mut out = String::new();
        let mut comment = |text: &str| {
            for line in in_lines(text, 96) {
                let _ = writeln!(out, "# {line}");
            }
        };
        match path {
            Some(path) => {
                comment(&path.display().to_string());
                // The same whether the folder is there or not.
                let folder = path.parent().map_or_else(String::new, |folder| {
                    let parents = if cfg!(windows) { "" } else { "-p " };
                    format!("mkdir {parents}{}, and ", shell_path(folder))
                });
                comment(&format!(
                    "The configuration of the screen (live, demo, replay): TOML, read from that file. Options on the command line \
                     come before it, and --no-config leaves it out. To begin with all defaults: {folder}poolmon config > {}",
                    shell_path(path)
                ));
            }
            None => comment(
                "The configuration of the screen: TOML. The environment names no folder for it: HOME and XDG_CONFIG_HOME \
                 (Windows: APPDATA) are not set.",
            ),
        }
        for setting in SETTINGS {
            out.push('\n');
            for line in in_lines(&(setting.about)(), 96) {
                let _ = writeln!(out, "# {line}");
            }
            let _ = writeln!(out, "#{} = {}", setting.name, setting.default);
        }
        let _ = writeln!(
            out,
            "\n# Keys of actions: x, F5, Ctrl-x, Shift-Left, Space, Enter, PgUp, or a list of them. They are in the place of\n\
             # those that help lists. A key with two meanings in a view is refused.\n#[{KEYS}]"
        );
        for (name, action) in NAMES {
            let Some((entry, keys)) = listed(*action) else { continue };
            let line = format!("#{name} = {}", written(&keys));
            let _ = writeln!(out, "{line:<32} # {}", entry.help);
        }
        out
    }
}

/// The entry of an action, and its keys as they are listed there.
fn listed(action: Action) -> Option<(&'static Entry, Vec<String>)> {
    let keys = |entry: &'static Entry| -> Vec<String> {
        entry.keys.iter().filter(|(_, its)| *its == action).map(|(key, _)| key.written()).collect()
    };
    entries().map(|entry| (entry, keys(entry))).find(|(_, keys)| !keys.is_empty())
}

/// One text, or a list of several.
fn written(keys: &[String]) -> String {
    match keys {
        [one] => quoted(one),
        many => format!("[{}]", many.iter().map(|key| quoted(key)).collect::<Vec<_>>().join(", ")),
    }
}

fn keys_of(value: &TomlValue) -> Result<Vec<Key>, String> {
    let names = match value {
        TomlValue::List(names) if names.is_empty() => return Err("no key is given".into()),
        TomlValue::List(names) => names.clone(),
        one => vec![text(one)?.to_owned()],
    };
    names
        .iter()
        .map(|name| match Key::parse(name) {
            Some(Key::Control('c')) => Err("Ctrl-c always quits".into()),
            Some(key) => Ok(key),
            None => Err(format!("`{name}` is no key; write x, F5, Ctrl-x, Shift-Left, Space, Enter or PgUp")),
        })
        .collect()
}

/// A text in lines of at most this many characters.
fn in_lines(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use ratatui_crossterm::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;
    use crate::bindings::View;

    fn parsed(text: &str) -> Result<Config, String> {
        use poolmon_model::problem::Remedy as _;
        Config::parse(text, "c.toml").map_err(|problem| problem.in_full())
    }

    #[test]
    fn each_setting_is_read() {
        let config = parsed(
            "theme = \"contrast\"\ninterval = 2\nsort = \"diff\"\ncolumns = [\"bytes\", \"bytes_change\", \"trend\"]\n\
             [keys]\nquit = [\"F10\", \"q\"]\nsearch = \"Ctrl-s\"\n",
        )
        .unwrap();
        assert_eq!(config.theme, Some(Palette::Contrast));
        assert_eq!(config.interval, Some(Duration::from_secs(2)));
        assert_eq!(config.sort.map(|column| column.id), Some("diff"));
        let names: Vec<String> = config.columns.unwrap().into_iter().map(Choice::name).collect();
        assert_eq!(names, ["bytes", "bytes_change", "trend"]);
        let f10 = KeyEvent::new(KeyCode::F(10), KeyModifiers::NONE);
        assert_eq!(config.keys.find(View::Holders, true, &f10), Some(Action::Quit));
    }

    #[test]
    fn what_is_wrong_has_its_line_and_what_helps() {
        let mend = "  correct that line, or leave the file out: poolmon --no-config";
        for (text, message) in [
            (
                "theme = \"dark\"\ncolour = 1",
                "c.toml:2: there is no setting `colour`\n  use one of theme, interval, sort, columns, state, copy, or the table [keys]"
                    .to_owned(),
            ),
            (
                "theme = \"pink\"",
                format!(
                    "c.toml:1: `theme`: `pink` is not a theme; there are auto, dark, light, contrast, colour-blind\n{mend}"
                ),
            ),
            ("theme = 5", format!("c.toml:1: `theme`: 5 is no text; write it in quotation marks\n{mend}")),
            ("interval = \"1ms\"", format!("c.toml:1: `interval`: `1ms` is out of range: 100ms to 1h\n{mend}")),
            (
                "columns = \"bytes\"",
                format!("c.toml:1: `columns`: this is no list; columns are written as [\"bytes\", \"verdict\"]\n{mend}"),
            ),
            (
                "[look]\na = 1",
                "c.toml:2: there is no table [look]\n  use [keys], or write `a` above all tables".to_owned(),
            ),
            (
                "[keys]\nfly = \"x\"",
                "c.toml:2: there is no action `fly` that could have a key\n  list the names: poolmon config".to_owned(),
            ),
            (
                "[keys]\nquit = \"Hyper-x\"",
                format!(
                    "c.toml:2: `quit`: `Hyper-x` is no key; write x, F5, Ctrl-x, Shift-Left, Space, Enter or PgUp\n{mend}"
                ),
            ),
            ("[keys]\npool = \"Ctrl-c\"", format!("c.toml:2: `pool`: Ctrl-c always quits\n{mend}")),
            (
                "[keys]\n\npool = \"g\"",
                "c.toml:3: `g` cannot be `pool`: in the view \"The table\" it is \"groups by owner, by verdict, by lockstep, then \
                 each row\"\n  choose another key, or give `group` one, too: group = \"KEY\""
                    .to_owned(),
            ),
            ("theme", format!("c.toml:1: `=` is missing before `end of the line`\n{mend}")),
        ] {
            assert_eq!(parsed(text).unwrap_err(), message, "{text}");
        }
        assert!(parsed("sort = \"size\"").unwrap_err().contains("there are tag, pool, "));
        assert!(parsed("columns = [\"size\", \"weight\"]").unwrap_err().contains("`weight` is not a column"));
    }

    /// Every line of the defaults, without its `#`, is read, and changes nothing.
    #[test]
    fn the_defaults_are_what_they_say() {
        let text = Config::defaults(Some(std::path::Path::new("/home/me/.config/poolmon/config.toml")));
        assert!(text.starts_with("# /home/me/.config/poolmon/config.toml\n"), "{text}");
        assert!(text.lines().all(|line| line.is_empty() || line.starts_with('#')), "{text}");
        assert!(parsed(&text).is_ok());
        let bare: String = text
            .lines()
            .filter_map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')))
            .fold(String::new(), |all, line| all + line + "\n");
        let config = parsed(&bare).unwrap();
        assert_eq!(config.theme, Some(Palette::Auto));
        assert_eq!(config.interval, Some(Duration::from_secs(5)));
        assert!(config.columns.is_none());
        for view in View::ALL {
            for tape in [false, true] {
                for (key, action) in entries().filter(|it| it.applies(view, tape)).flat_map(|it| it.keys) {
                    let code = match key {
                        Key::Letter(c) | Key::Char(c) => KeyCode::Char(*c),
                        Key::Code(code) => *code,
                        Key::Shift(_) | Key::Control(_) => continue,
                    };
                    let event = KeyEvent::new(code, KeyModifiers::NONE);
                    assert_eq!(config.keys.find(view, tape, &event), Some(*action), "{key:?} in {view:?}");
                }
            }
        }
    }
}
