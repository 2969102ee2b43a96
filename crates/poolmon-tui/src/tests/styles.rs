//! Colours of key cells.

use std::sync::Arc;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use ratatui_crossterm::crossterm::event::KeyCode;

use poolmon_model::{Gravity, RowVerdict};

use super::support::windows;
use super::{advance, app_of, app_with, code, draw, lines_of, press};
use crate::{App, ColourMode, LiveVerdicts, Palette, Settings};

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
fn only_the_change_is_coloured_and_red_is_left_to_verdicts() {
    let mut app = app_of(windows, 1);
    let buffer = draw(&mut app, 120, 30);
    // 20 KiB more of a row of 500 KiB in a pool of 8 MiB.
    assert_eq!(cell(&buffer, " Leak", "Leak").fg, Color::Reset);
    assert_eq!(cell(&buffer, " Leak", "( 20480)").fg, Color::Yellow);
    assert!(cell(&buffer, " Leak", "( 20480)").modifier.contains(Modifier::BOLD));
    assert_eq!(cell(&buffer, " Leak", "(  40)").fg, Color::Reset, "allocs come and go");
    assert_eq!(cell(&buffer, " Ntfx", "( -4080)").fg, Color::Cyan);
    assert!(cell(&buffer, " File", "(   0)").modifier.contains(Modifier::DIM), "no change is quiet");
    assert!(buffer.content().iter().all(|cell| cell.fg != Color::Red), "nobody judged");

    let row = app.view.table.rows.iter().find(|row| row.row.tag.to_string() == "Leak").unwrap();
    let verdict = RowVerdict {
        gravity: Gravity::Leaking,
        brief: "leaks 14.0 MiB/h".into(),
        lines: vec!["it leaks".into()],
        bytes_per_hour: 14 << 20,
        since: None,
        lockstep: None,
    };
    let rows = vec![(row.row.tag.clone(), row.row.pool, Arc::new(verdict))];
    app.judge(LiveVerdicts { rows, left: None });
    let buffer = draw(&mut app, 120, 30);
    for text in ["!Leak", "leaks 14.0"] {
        assert_eq!(cell(&buffer, "!Leak", text).fg, Color::Red, "{text}");
    }
    assert_eq!(
        buffer.content().iter().filter(|cell| cell.fg == Color::Red && cell.symbol() != " ").count(),
        5 + 14
    );
}

/// What colours say is said by signs, too, and a selected row is one surface.
#[test]
fn a_selected_row_is_whole() {
    for (colour, palette) in [
        (ColourMode::None, Palette::Auto),
        (ColourMode::Sixteen, Palette::Dark),
        (ColourMode::True, Palette::Auto),
        (ColourMode::True, Palette::Dark),
        (ColourMode::True, Palette::Light),
    ] {
        let mut app = of(colour, "b(");
        app.theme = crate::Theme::new(colour, palette);
        code(&mut app, KeyCode::Down);
        let buffer = draw(&mut app, 120, 30);
        let y = app.regions().rows.y;
        let line: Vec<&Cell> = (0..120).map(|x| &buffer[(x, y)]).collect();
        let surface = |cell: &Cell| {
            if cell.modifier.contains(Modifier::REVERSED) { (cell.fg, true) } else { (cell.bg, false) }
        };
        assert!(line.iter().all(|cell| surface(cell) == surface(line[0])), "{colour:?} {palette:?}");
        assert!(surface(line[0]) != (Color::Reset, false), "it can be seen");
    }
}

#[test]
fn f2_walks_through_the_themes_where_there_are_colours_to_choose() {
    let mut app = of(ColourMode::True, "");
    code(&mut app, KeyCode::F(2));
    assert_eq!(app.theme.palette(), Palette::Dark);
    assert!(lines_of(&draw(&mut app, 100, 24)).join(" ").contains("Theme dark. poolmon --theme dark"));
    for (colour, why) in [(ColourMode::None, "NO_COLOR"), (ColourMode::Sixteen, "16 colours")] {
        let mut app = of(colour, "");
        code(&mut app, KeyCode::F(2));
        assert!(lines_of(&draw(&mut app, 100, 24)).join(" ").contains(why));
    }
}

#[test]
fn l_turns_highlighting_off() {
    let mut app = of(ColourMode::Sixteen, "l");
    let buffer = draw(&mut app, 120, 30);
    assert_eq!(cell(&buffer, " Leak", "Leak").fg, Color::Reset);
    assert_eq!(cell(&buffer, " Leak", "( 20480)").fg, Color::Reset);
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
    assert!(matches!(cell(&buffer, " Leak", "( 20480)").fg, Color::Rgb(..)));
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
    assert!(cell(&buffer, "+Late", "Late").modifier.contains(Modifier::BOLD));
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
