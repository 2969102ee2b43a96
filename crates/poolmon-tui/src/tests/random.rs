//! Properties over random keys, sizes and figures.

use proptest::prelude::*;
use ratatui_crossterm::crossterm::event::{
    KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use poolmon_model::column::Unit;
use poolmon_model::{CounterWidth, Pool, Row, Tag, Value};

use super::support::{linux, many, windows};
use super::{advance, app_of, app_with, code, draw, lines_of, picture, press};
use crate::{ColourMode, Settings};

#[derive(Clone, Debug)]
enum Act {
    Key(KeyCode),
    Mouse(MouseEventKind, u16, u16),
    Size(u16, u16),
    Sample(u64),
    Fail,
}

fn act() -> impl Strategy<Value = Act> {
    let named = prop::sample::select(vec![
        KeyCode::Esc,
        KeyCode::Enter,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Backspace,
        KeyCode::F(1),
    ]);
    let wheel = prop::sample::select(vec![
        MouseEventKind::ScrollDown,
        MouseEventKind::ScrollUp,
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::Moved,
    ]);
    prop_oneof![
        4 => prop::char::range(' ', '~').prop_map(|c| Act::Key(KeyCode::Char(c))),
        4 => named.prop_map(Act::Key),
        2 => (wheel, 0_u16..130, 0_u16..60).prop_map(|(kind, x, y)| Act::Mouse(kind, x, y)),
        1 => (0_u16..130, 0_u16..60).prop_map(|(w, h)| Act::Size(w, h)),
        2 => (0_u64..9).prop_map(Act::Sample),
        1 => Just(Act::Fail),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn nothing_that_a_person_does_makes_it_panic(
        which in 0_usize..3,
        acts in prop::collection::vec(act(), 1..60),
    ) {
        let make = [windows, linux, |step| many(150, step)][which];
        let mut app = app_of(make, 1);
        let mut size = (80, 24);
        for act in acts {
            match act {
                Act::Key(key) => app.on_key(KeyEvent::new(key, KeyModifiers::NONE)),
                Act::Mouse(kind, column, row) => {
                    app.on_mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
                }
                Act::Size(width, height) => size = (width, height),
                Act::Sample(step) => advance(&mut app, make, step),
                Act::Fail => app.fail(""),
            }
            app.take_effects();
            draw(&mut app, size.0, size.1);
            // Lines: rows, or groups and the rows of those that are unfolded.
            let lines = app.view.len();
            prop_assert!(app.view.cursor < lines.max(1));
            prop_assert!(app.view.top <= lines);
            if let (Some((tag, pool)), Some(row)) = (&app.view.selected, app.current()) {
                prop_assert_eq!((&row.row.tag, row.row.pool), (tag, *pool), "the cursor is on the selected row");
            }
        }
    }

    #[test]
    fn the_selection_stays_on_its_row_whatever_the_order(
        at in 0_usize..100,
        keys in prop::collection::vec(prop::sample::select(vec!['t', 'a', 'f', 'd', 'b', 'm', '(', 'z', 'e', 'l']), 1..12),
    ) {
        let make = |step| many(100, step);
        let mut app = app_of(make, 1);
        app.resize(80, 24);
        app.select(at);
        let chosen = app.view.selected.clone();
        let line = app.view.cursor - app.view.top;
        for (step, key) in (2..).zip(keys) {
            press(&mut app, &key.to_string());
            advance(&mut app, make, step);
            prop_assert_eq!(&app.view.selected, &chosen);
            let row = &app.view.table.rows[app.view.cursor].row;
            prop_assert_eq!(Some(&(row.tag.clone(), row.pool)), chosen.as_ref());
            prop_assert!(app.view.cursor >= app.view.top && app.view.cursor < app.view.top + app.page(), "it is on the screen");
            prop_assert!(app.view.cursor - app.view.top <= line.max(app.page()));
        }
    }

    #[test]
    fn figures_never_lose_a_digit(
        figures in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>(), 0_u32..64), 1..6),
        wide in any::<bool>(),
        width in 30_u16..220,
        by_change in any::<bool>(),
        column in prop::sample::select(vec!["a", "f", "d", "b", "m"]),
    ) {
        let mut sample = windows(0);
        sample.width = if wide { CounterWidth::Bits64 } else { CounterWidth::Bits32 };
        sample.rows.clear();
        let mut before = sample.clone();
        for (n, &(allocs, frees, bytes, shift)) in (0_u8..).zip(&figures) {
            let cut = |figure: u64| if wide { figure >> shift } else { figure >> 32 >> (shift / 2) };
            let tag = Tag::pool([b'T', b'a', b'g', b'0' + n]);
            let (allocs, frees) = (cut(allocs) | 1, cut(frees));
            sample.rows.push(Row::windows(tag.clone(), Pool::Paged, allocs, frees, bytes >> shift));
            before.rows.push(Row::windows(tag, Pool::Paged, frees, allocs, bytes >> 8));
        }
        let mut app = app_with(Settings::default(), ColourMode::None, before);
        app.receive(sample);
        press(&mut app, column);
        if by_change {
            press(&mut app, "(");
        }
        let lines = lines_of(&draw(&mut app, width, 20));
        let layout = app.layout();
        let mut expected = String::new();
        for (n, row) in app.view.table.rows.iter().enumerate() {
            let line = &lines[4 + n];
            prop_assert!(!line.contains('#'), "{line}");
            let words: Vec<&str> = line.split([' ', '(', ')']).filter(|word| !word.is_empty()).collect();
            for place in layout.places.iter().filter(|place| place.column.unit != Unit::Text) {
                let value = match place.kind {
                    crate::columns::CellKind::Value => place.column.value(row),
                    // A change of what was unknown before leaves its place empty.
                    crate::columns::CellKind::Change if place.column.change(row) == Value::Unknown => continue,
                    crate::columns::CellKind::Change => place.column.change(row),
                    _ => continue,
                };
                expected.clear();
                if place.kind == crate::columns::CellKind::Value && row.is_marked(place.column.id) {
                    expected.push('~');
                }
                crate::columns::write_value(&mut expected, &value);
                prop_assert!(words.contains(&expected.as_str()), "{expected} is not whole in {line:?}");
            }
            prop_assert!(layout.places.iter().any(|p| p.column.id == "bytes" || p.x + p.width > width) || width < 40);
        }
    }
}

#[test]
fn the_smallest_screens_draw_something_sensible() {
    for width in 0..45 {
        for height in 0..14 {
            let mut app = app_of(windows, 4);
            press(&mut app, "e");
            for key in [KeyCode::Char('h'), KeyCode::Esc, KeyCode::Enter, KeyCode::Esc, KeyCode::Char('/')] {
                code(&mut app, key);
                draw(&mut app, width, height);
            }
        }
    }
    assert!(picture(&mut app_of(windows, 1), 16, 3).contains("File"));
}
