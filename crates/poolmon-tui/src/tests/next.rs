//! The next command of a row: `!` runs it, `Y` copies it.

use ratatui_crossterm::crossterm::event::KeyCode;

use super::support::windows;
use super::{app_of, code, effects, facts, picture, press};
use crate::app::{App, Effect, Mode};

/// The pane of a row with these next commands.
fn opened<const N: usize>(commands: [&str; N]) -> App {
    let mut app = app_of(windows, 2);
    code(&mut app, KeyCode::Down);
    code(&mut app, KeyCode::Enter);
    let key = app.detail.key.clone().unwrap();
    app.describe(&key, facts(commands.map(|command| ("Next", command))));
    effects(&mut app);
    app
}

fn said(app: &App) -> &str {
    app.message.as_ref().map_or("", |(text, _)| text.as_str())
}

#[test]
fn a_command_is_shown_before_it_is_run() {
    let mut app = opened(["poolmon who Leak", "sudo poolmon trace x"]);
    press(&mut app, "!");
    let asked = picture(&mut app, 100, 30);
    assert!(asked.contains(" Run this command? poolmon who Leak\n Enter = run it, ↑↓ = another"), "{asked}");
    assert!(asked.contains("┌ "), "the pane stays behind it");
    assert!(effects(&mut app).is_empty());
    code(&mut app, KeyCode::Down);
    assert!(picture(&mut app, 100, 30).contains("? sudo poolmon trace x\n"));
    code(&mut app, KeyCode::Enter);
    let asked = effects(&mut app);
    assert!(matches!(&asked[..], [Effect::Run(_, shown)] if shown == "sudo poolmon trace x"), "{asked:?}");
    assert_eq!(app.mode, Mode::Detail);
    // A letter that is typed does not run anything, and Esc ends the question.
    press(&mut app, "!y");
    assert_eq!(app.mode, Mode::Run { at: 0 });
    code(&mut app, KeyCode::Esc);
    assert!(effects(&mut app).is_empty());
    assert_eq!(app.mode, Mode::Detail);
}

#[test]
fn what_cannot_be_run_as_it_is_says_why() {
    let mut app = opened(["poolmon who Leak --drivers DIR"]);
    press(&mut app, "!");
    code(&mut app, KeyCode::Enter);
    assert!(said(&app).starts_with("Not run: a folder or file has to be filled in. poolmon who Leak"));
    assert!(effects(&mut app).is_empty());
    let mut none = opened([]);
    press(&mut none, "!");
    assert_eq!((said(&none), &none.mode), ("There is no next command for this row.", &Mode::Detail));
}

#[test]
fn copying_is_a_setting() {
    let mut app = opened(["poolmon who Leak", "other"]);
    press(&mut app, "Y");
    assert!(said(&app).contains("set copy = true") && effects(&mut app).is_empty());
    app.settings.copy = true;
    press(&mut app, "Y");
    assert_eq!(effects(&mut app), [Effect::Copy("poolmon who Leak".into())]);
}
