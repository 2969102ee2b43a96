//! Colours of key cells.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use ratatui_crossterm::crossterm::event::KeyCode;

use super::support::windows;
use super::{advance, app_of, app_with, code, draw, lines_of, press};
use crate::{App, ColourMode, Settings};

/// The first cell of a text on the line that begins with `line`.
fn cell<'a>(buffer: &'a Buffer, line: &str, text: &str) -> &'a Cell {
    let lines = lines_of(buffer);
    let (y, found) = lines.iter().enumerate().find(|(_, l)| l.starts_with(line)).expect(line);
    let x = found.find(text).map(|at| found[..at].chars().count()).expect(text);
    &buffer[(u16::try_from(x).unwrap(), u16::try_from(y).unwrap())]
}

fn of(colour: ColourMode, keys: &str) -> App {
    let mut app = app_with(Settings::default(), colour, windows(0));
    advance(&mut app, windows, 1);
    press(&mut app, keys);
    app
}

#[test]
fn rows_that_grew_are_red_and_bold_and_fade() {
    let mut app = app_of(windows, 1);
    let buffer = draw(&mut app, 120, 30);
    let leak = cell(&buffer, " Leak", "Leak");
    assert_eq!(leak.fg, Color::Red);
    assert!(leak.modifier.contains(Modifier::BOLD));
    assert_eq!(cell(&buffer, " Ntfx", "Ntfx").fg, Color::Green);
    assert_eq!(cell(&buffer, " File", "File").fg, Color::Reset);
    assert!(cell(&buffer, " File", "(   0)").modifier.contains(Modifier::DIM), "no change is quiet");

    app.receive(windows(1));
    let leak = draw(&mut app, 120, 30);
    assert_eq!(cell(&leak, " Leak", "Leak").fg, Color::Red);
    assert!(!cell(&leak, " Leak", "Leak").modifier.contains(Modifier::BOLD));
    app.receive(windows(1));
    app.receive(windows(1));
    assert_eq!(cell(&draw(&mut app, 120, 30), " Leak", "Leak").fg, Color::Reset);
}

#[test]
fn l_turns_highlighting_off() {
    let mut app = of(ColourMode::Sixteen, "l");
    let buffer = draw(&mut app, 120, 30);
    assert_eq!(cell(&buffer, " Leak", "Leak").fg, Color::Reset);
    assert_eq!(cell(&buffer, " Leak", "(  40)").fg, Color::Reset);
}

#[test]
fn no_colour_uses_bold_and_reverse_only() {
    let mut app = of(ColourMode::None, "b(=");
    app.fail("nothing");
    code(&mut app, KeyCode::Down);
    for keys in ["", "h"] {
        press(&mut app, keys);
        let buffer = draw(&mut app, 120, 30);
        for cell in buffer.content() {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{cell:?}");
        }
    }
}

#[test]
fn truecolour_is_used_where_there_is_some() {
    let buffer = draw(&mut of(ColourMode::True, ""), 120, 30);
    assert!(matches!(cell(&buffer, " Leak", "Leak").fg, Color::Rgb(..)));
}

#[test]
fn no_cell_has_a_background() {
    for keys in ["", "h", "e=", "/x"] {
        let buffer = draw(&mut of(ColourMode::True, keys), 120, 30);
        assert!(buffer.content().iter().all(|cell| cell.bg == Color::Reset), "{keys}");
    }
}

#[test]
fn the_sorted_title_the_selection_and_badges_stand_out() {
    let mut app = of(ColourMode::Sixteen, "b= ");
    code(&mut app, KeyCode::Down);
    let buffer = draw(&mut app, 120, 30);
    assert_eq!(cell(&buffer, " Tag", "Bytes▼").fg, Color::Cyan);
    assert_eq!(cell(&buffer, " Tag", "Allocs").fg, Color::Reset);
    assert!(
        cell(&buffer, " File", "File").modifier.contains(Modifier::REVERSED),
        "the first row is selected"
    );
    assert!(!cell(&buffer, " MmSt", "MmSt").modifier.contains(Modifier::REVERSED));
    for badge in ["PAUSED", "BASELINE"] {
        let badge = cell(&buffer, " System", badge);
        assert!(badge.fg == Color::Yellow && badge.modifier.contains(Modifier::REVERSED));
    }
}

#[test]
fn new_and_gone_rows_are_marked() {
    let mut app = app_of(windows, 3);
    let buffer = draw(&mut app, 120, 30);
    assert_eq!(cell(&buffer, "+Late", "Late").fg, Color::Magenta);
    press(&mut app, "b(");
    advance(&mut app, windows, 4);
    let buffer = draw(&mut app, 120, 30);
    assert!(cell(&buffer, "-Late", "Late").modifier.contains(Modifier::CROSSED_OUT));
    advance(&mut app, windows, 5);
    assert!(lines_of(&draw(&mut app, 120, 30)).iter().any(|line| line.starts_with("-Late")), "for a while");
    for step in [6, 8, 9, 10] {
        advance(&mut app, windows, step);
    }
    assert!(!lines_of(&draw(&mut app, 120, 30)).iter().any(|line| line.contains("Late")), "not for ever");
}
