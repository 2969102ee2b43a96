//! The list of columns, columns that do not fit, and keys of one's own.

use ratatui_crossterm::crossterm::event::KeyCode;

use super::support::windows;
use super::{app_of, app_with, click, code, picture, press};
use crate::columns::Choice;
use crate::config::Config;
use crate::{App, ColourMode, Mode, Settings};

fn names(choices: &[Choice]) -> Vec<String> {
    choices.iter().map(|choice| choice.name()).collect()
}

/// The titles on the screen.
fn titles(app: &mut App, width: u16) -> String {
    picture(app, width, 24).lines().find(|line| line.starts_with(" Tag")).unwrap().to_owned()
}

/// The app with a configuration.
fn configured(text: &str) -> App {
    let config = Config::parse(text, "config.toml").unwrap();
    let settings = Settings { columns: config.columns, keys: config.keys, ..Settings::default() };
    app_with(settings, ColourMode::Sixteen, windows(0))
}

#[test]
fn a_column_is_left_out_and_comes_back_at_its_place() {
    let mut app = app_of(windows, 3);
    let before = titles(&mut app, 100);
    assert!(before.contains("Allocs") && before.contains("Frees"), "{before}");
    press(&mut app, "|");
    let all = names(&app.choices());
    assert_eq!(
        names(&app.chosen()),
        [
            "pool",
            "allocs",
            "allocs_change",
            "frees",
            "frees_change",
            "diff",
            "bytes",
            "bytes_change",
            "per_alloc",
            "trend"
        ]
    );
    let at = all.iter().position(|name| name == "frees").unwrap();
    for _ in 0..at {
        code(&mut app, KeyCode::Down);
    }
    assert_eq!(app.mode, Mode::Columns { at });
    press(&mut app, " ");
    assert!(!names(&app.chosen()).contains(&"frees".to_owned()));
    let shown = picture(&mut app, 100, 30);
    assert!(shown.contains("[ ] Frees ") && shown.contains("columns = [\"pool\", \"allocs\""), "{shown}");
    code(&mut app, KeyCode::Enter);
    assert_eq!(names(&app.chosen())[3], "frees", "its place is where it was");
    press(&mut app, " ");
    code(&mut app, KeyCode::Esc);
    let after = titles(&mut app, 100);
    assert!(after.contains("Allocs") && !after.contains("Frees"), "{after}");
    press(&mut app, "|a");
    code(&mut app, KeyCode::Esc);
    assert_eq!(titles(&mut app, 100), before, "automatic again");
}

#[test]
fn one_column_stays_and_a_click_chooses() {
    let mut app = configured("columns = [\"bytes\"]");
    press(&mut app, "|");
    let screen = picture(&mut app, 80, 24);
    let line =
        |text: &str| u16::try_from(screen.lines().position(|line| line.contains(text)).unwrap()).unwrap();
    click(&mut app, 5, line("[x] Bytes "));
    assert_eq!(names(&app.chosen()), ["bytes"]);
    assert!(picture(&mut app, 80, 24).contains("One column has to stay"), "{screen}");
    click(&mut app, 5, line("[ ] Diff "));
    assert_eq!(names(&app.chosen()), ["diff", "bytes"]);
    click(&mut app, 5, line("[x] Bytes "));
    assert_eq!(names(&app.chosen()), ["diff"]);
}

#[test]
fn what_does_not_fit_is_scrolled_to_and_the_tag_stays() {
    let all: Vec<String> = names(&Choice::all()).iter().map(|name| format!("{name:?}")).collect();
    let mut app = configured(&format!("columns = [{}]", all.join(", ")));
    let first = titles(&mut app, 60);
    assert!(
        first.starts_with(" Tag") && first.contains("Allocs") && !first.contains("Description"),
        "{first}"
    );
    let mut seen = vec![first];
    for _ in 0..60 {
        code(&mut app, KeyCode::Right);
        let line = titles(&mut app, 60);
        assert!(line.starts_with(" Tag") && line.chars().count() <= 60, "{line}");
        if seen.last() != Some(&line) {
            seen.push(line);
        }
    }
    assert!(seen.last().unwrap().contains("Description"), "{seen:#?}");
    let skip = app.view.skip;
    code(&mut app, KeyCode::Left);
    assert_eq!(app.view.skip, skip - 1, "no press of the key was for nothing");
    for _ in 0..skip {
        code(&mut app, KeyCode::Left);
    }
    assert_eq!(titles(&mut app, 60), seen[0]);
}

#[test]
fn help_and_footer_name_the_keys_that_were_chosen() {
    let mut app = configured("[keys]\nhelp = \"F1\"\nquit = \"F10\"\nsort-bytes = \"u\"\n");
    let footer = picture(&mut app, 80, 24).lines().last().unwrap().to_owned();
    assert!(
        footer.contains("F1 help") && footer.contains("u bytes") && !footer.contains(" b bytes"),
        "{footer}"
    );
    code(&mut app, KeyCode::F(1));
    let help = picture(&mut app, 80, 60);
    assert!(
        help.contains("  u             sort by bytes") && help.contains("  F10           quit"),
        "{help}"
    );
    code(&mut app, KeyCode::Esc);
    code(&mut app, KeyCode::F(10));
    assert_eq!(app.take_effects(), [crate::Effect::Quit]);
}
