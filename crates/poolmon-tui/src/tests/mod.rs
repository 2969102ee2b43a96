//! `frames`: pictures of the screen; `groups`: the key `g`; `chooser`: the list of columns, and keys of one's own; `state`: every key and mouse action; `styles`, `looks`: colours and the graph; `matrix`: every view at every size;
//! `replay`: a tape with time; `holders`: the key `o`; `verdicts`: who leaks; `tracing`: the key `T`; `next`: the keys `!` and `Y`; `random`: properties over random keys, sizes and figures.

mod chooser;
mod frames;
mod groups;
mod holders;
mod looks;
mod matrix;
mod next;
mod random;
mod replay;
mod state;
mod styles;
#[path = "../../tests/support/mod.rs"]
pub(crate) mod support;
mod tracing;
mod verdicts;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use poolmon_model::Sample;
use poolmon_source::Fact;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui_crossterm::crossterm::event::{
    KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use crate::{App, ColourMode, Effect, Settings};
use support::{Known, at};

fn app_with(settings: Settings, colour: ColourMode, first: Sample) -> App {
    App::new(first, settings, Duration::from_secs(5), Some(Arc::new(Known)), colour, at(0))
        .with_zone(TimeZone::UTC)
}

/// The screen after this many refreshes.
pub(crate) fn app_of(make: fn(u64) -> Sample, refreshes: u64) -> App {
    let mut app = app_with(Settings::default(), ColourMode::Sixteen, make(0));
    for step in 1..=refreshes {
        advance(&mut app, make, step);
    }
    app
}

fn advance(app: &mut App, make: fn(u64) -> Sample, step: u64) {
    app.tick(at(i64::try_from(step).unwrap() * 5));
    app.receive(make(step));
}

fn code(app: &mut App, code: KeyCode) {
    app.on_key(KeyEvent::new(code, KeyModifiers::NONE));
}

/// Presses the keys of a text one after the other.
fn press(app: &mut App, keys: &str) {
    for key in keys.chars() {
        code(app, KeyCode::Char(key));
    }
}

fn mouse(app: &mut App, kind: MouseEventKind, column: u16, row: u16) {
    app.on_mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
}

fn click(app: &mut App, column: u16, row: u16) {
    mouse(app, MouseEventKind::Down(MouseButton::Left), column, row);
}

fn draw(app: &mut App, width: u16, height: u16) -> Buffer {
    app.resize(width, height);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| crate::render(app, frame)).unwrap();
    terminal.backend().buffer().clone()
}

fn lines_of(buffer: &Buffer) -> Vec<String> {
    let area = buffer.area;
    (0..area.height)
        .map(|y| {
            let line: String = (0..area.width).map(|x| buffer[(x, y)].symbol()).collect();
            line.trim_end().to_owned()
        })
        .collect()
}

fn picture(app: &mut App, width: u16, height: u16) -> String {
    lines_of(&draw(app, width, height)).join("\n")
}

pub(crate) fn tags(app: &App) -> Vec<String> {
    app.view.table.rows.iter().map(|row| row.row.tag.to_string().trim_end().to_owned()).collect()
}

/// Facts of a title and a value.
fn facts<const N: usize>(all: [(&str, &str); N]) -> Vec<Fact> {
    all.map(|(title, value)| Fact { title: title.into(), value: value.into() }).into()
}

fn effects(app: &mut App) -> Vec<Effect> {
    app.take_effects()
}

/// A letter for each style that is on a screen.
type Letters = BTreeMap<String, char>;

/// A line for each line of the screen: the letter of each cell's style, a dot where it has none.
fn letters_of(buffer: &Buffer, letters: &mut Letters) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut styles = String::new();
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let style = format!("{:?} on {:?} {:?}", cell.fg, cell.bg, cell.modifier);
            let plain = style == "Reset on Reset NONE" || cell.symbol() == " " && cell.modifier.is_empty();
            let next = char::from(b'a' + u8::try_from(letters.len()).unwrap());
            styles.push(if plain { '.' } else { *letters.entry(style).or_insert(next) });
        }
        let _ = writeln!(text, "{}", styles.trim_end_matches('.'));
    }
    text
}

/// What each letter stands for.
fn legend(letters: &Letters) -> String {
    let mut text = String::new();
    for (style, letter) in letters {
        let _ = writeln!(text, "{letter}: {style}");
    }
    text
}
