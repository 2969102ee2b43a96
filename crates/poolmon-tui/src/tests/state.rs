//! What every key and every mouse action does.

use std::time::Duration;

use poolmon_model::{Pool, PoolView, Scope, sample::Session};
use ratatui_crossterm::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEventKind};

use super::support::{START, at, many, windows};
use super::{advance, app_of, click, code, draw, effects, mouse, picture, press, tags};
use crate::bindings::View;
use crate::{App, Effect, Mode};

fn sorted_by(app: &App) -> (&'static str, bool, bool) {
    let sort = app.settings.sort;
    (sort.column.id, sort.by_change, sort.reversed)
}

#[test]
fn letters_sort_in_either_case() {
    let mut app = app_of(windows, 1);
    for (key, column) in [
        ("a", "allocs"),
        ("f", "frees"),
        ("d", "diff"),
        ("b", "bytes"),
        ("m", "per_alloc"),
        ("s", "diff"),
        ("t", "tag"),
        ("A", "allocs"),
        ("F", "frees"),
        ("D", "diff"),
        ("B", "bytes"),
        ("M", "per_alloc"),
        ("S", "diff"),
        ("T", "tag"),
    ] {
        press(&mut app, key);
        assert_eq!(sorted_by(&app).0, column, "{key}");
    }
    press(&mut app, "b");
    assert_eq!(tags(&app)[..2], ["File", "MmSt"]);
    press(&mut app, "z");
    assert_eq!(tags(&app)[0], "Gxlt", "z turns the order around");
}

#[test]
fn parentheses_switch_between_value_and_change() {
    let mut app = app_of(windows, 1);
    press(&mut app, "b(");
    assert_eq!(sorted_by(&app), ("bytes", true, false));
    assert_eq!(tags(&app)[0], "Leak");
    press(&mut app, ")");
    assert_eq!(tags(&app)[0], "File");
}

#[test]
fn p_walks_the_pools() {
    let mut app = app_of(windows, 1);
    let mut seen = Vec::new();
    for key in ["p", "P", "p"] {
        press(&mut app, key);
        seen.push(app.settings.filter.view);
    }
    assert_eq!(seen, [PoolView::Only(Pool::Nonpaged), PoolView::Only(Pool::Paged), PoolView::All]);
}

#[test]
fn h_opens_help_and_escape_closes_it() {
    for key in ["h", "H", "?"] {
        let mut app = app_of(windows, 1);
        press(&mut app, key);
        assert_eq!(app.mode, Mode::Help { at: 0, over: View::Table });
        app.resize(80, 10);
        code(&mut app, KeyCode::Down);
        assert_eq!(app.mode, Mode::Help { at: 1, over: View::Table });
        code(&mut app, KeyCode::End);
        code(&mut app, KeyCode::Down);
        assert!(picture(&mut app, 80, 10).contains("(no tag)"), "the last line can be reached");
        code(&mut app, KeyCode::Esc);
        assert_eq!((app.mode.clone(), effects(&mut app)), (Mode::Table, vec![]));
    }
}

#[test]
fn q_and_escape_and_ctrl_c_quit() {
    for key in [KeyCode::Char('q'), KeyCode::Char('Q'), KeyCode::Esc] {
        let mut app = app_of(windows, 1);
        code(&mut app, key);
        assert_eq!(effects(&mut app), [Effect::Quit], "{key:?}");
    }
    for mode in ["", "h", "/", "i"] {
        let mut app = app_of(windows, 1);
        press(&mut app, mode);
        app.on_key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert_eq!(effects(&mut app), [Effect::Quit], "Ctrl-C in {mode:?}");
    }
}

#[test]
fn escape_closes_what_is_open_first() {
    let mut app = app_of(windows, 1);
    press(&mut app, "/ntf");
    code(&mut app, KeyCode::Enter);
    code(&mut app, KeyCode::Enter);
    assert_eq!(app.mode, Mode::Detail);
    effects(&mut app);
    code(&mut app, KeyCode::Esc);
    assert_eq!(app.mode, Mode::Table);
    assert_eq!(tags(&app), ["Ntfx"], "the search is kept");
    code(&mut app, KeyCode::Esc);
    assert_eq!(tags(&app).len(), 9, "and cleared");
    assert_eq!(effects(&mut app), []);
    code(&mut app, KeyCode::Esc);
    assert_eq!(effects(&mut app), [Effect::Quit]);
}

#[test]
fn escape_throws_no_history_away() {
    let mut app = app_of(windows, 2);
    for _ in 0..5 {
        code(&mut app, KeyCode::Esc);
        assert_eq!(effects(&mut app), []);
        assert!(picture(&mut app, 80, 24).contains("Press q to quit"));
    }
    press(&mut app, "q");
    assert_eq!(effects(&mut app), [Effect::Quit]);
}

#[test]
fn help_goes_back_to_the_view_whose_keys_it_shows() {
    let mut app = app_of(windows, 2);
    code(&mut app, KeyCode::Enter);
    press(&mut app, "?");
    assert!(picture(&mut app, 80, 40).contains("trace the row for 20 s"), "the keys of the pane");
    press(&mut app, "?");
    assert_eq!(app.mode, Mode::Detail);
    code(&mut app, KeyCode::Esc);
    press(&mut app, "o?");
    assert!(picture(&mut app, 80, 40).contains("sort by kernel memory"));
    code(&mut app, KeyCode::Esc);
    assert_eq!(app.mode, Mode::Holders);
}

#[test]
fn vi_keys_move_in_lists() {
    let mut app = app_of(|step| many(200, step), 1);
    app.resize(80, 24);
    press(&mut app, "jjjk");
    assert_eq!(app.view.cursor, 1);
    press(&mut app, "G");
    assert_eq!(app.view.cursor, app.view.table.rows.len() - 1);
    app.on_key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
    assert_eq!(app.view.cursor, app.view.table.rows.len() - 1 - app.page() / 2);
    // Where a keyboard types { and @ with AltGr, they are those characters.
    press(&mut app, "0");
    app.on_key(KeyEvent::new(KeyCode::Char('='), KeyModifiers::CONTROL | KeyModifiers::ALT));
    assert!(app.baseline.is_some());
}

#[test]
fn search_filters_as_typed() {
    let mut app = app_of(windows, 1);
    press(&mut app, "/L");
    assert_eq!(tags(&app).len(), 4, "{:?}: tags and drivers, in either case", tags(&app));
    press(&mut app, "eak");
    assert_eq!(tags(&app), ["Leak"]);
    code(&mut app, KeyCode::Backspace);
    code(&mut app, KeyCode::Backspace);
    press(&mut app, "?k");
    assert_eq!(tags(&app), ["Leak"], "wildcards");
    press(&mut app, "q");
    assert!(tags(&app).is_empty(), "q is a letter here");
    code(&mut app, KeyCode::Esc);
    assert_eq!((app.mode.clone(), tags(&app).len()), (Mode::Table, 9));
}

#[test]
fn toggles() {
    let mut app = app_of(windows, 1);
    press(&mut app, "eL");
    assert!(app.settings.totals && !app.settings.highlight);
    press(&mut app, "El");
    assert!(!app.settings.totals && app.settings.highlight);
    press(&mut app, " ");
    assert!(app.paused);
    press(&mut app, " ");
    assert!(!app.paused);
    assert_eq!(effects(&mut app), [Effect::Refresh], "going on asks at once");
}

#[test]
fn plus_and_minus_walk_the_intervals() {
    let mut app = app_of(windows, 1);
    for (key, millis) in [
        ("+", 10_000),
        ("+", 30_000),
        ("+", 60_000),
        ("+", 60_000),
        ("-", 30_000),
        ("-", 10_000),
        ("-", 5_000),
        ("-", 2_000),
        ("-", 1_000),
        ("-", 500),
        ("-", 200),
        ("-", 100),
        ("-", 100),
    ] {
        press(&mut app, key);
        assert_eq!(app.interval, Duration::from_millis(millis));
    }
}

#[test]
fn keys_without_a_meaning_refresh() {
    for key in [KeyCode::Char('r'), KeyCode::Char('R'), KeyCode::Char('u'), KeyCode::F(5), KeyCode::Tab] {
        let mut app = app_of(windows, 1);
        code(&mut app, key);
        assert_eq!(effects(&mut app), [Effect::Refresh], "{key:?}");
    }
    let mut app = app_of(windows, 1);
    app.on_key(KeyEvent::new(KeyCode::Char('l'), KeyModifiers::CONTROL));
    assert_eq!(effects(&mut app), [Effect::Redraw, Effect::Refresh]);
    press(&mut app, "W");
    assert_eq!(effects(&mut app), [Effect::Snapshot]);
}

#[test]
fn equals_shows_everything_against_now() {
    let mut app = app_of(windows, 2);
    press(&mut app, "=");
    for step in 3..=7 {
        advance(&mut app, windows, step);
    }
    let leak =
        |app: &App| app.view.table.rows.iter().find(|row| row.row.tag.to_string() == "Leak").unwrap().delta;
    assert_eq!(leak(&app).unwrap().diff, Some(5 * 40));
    press(&mut app, "=");
    assert_eq!(leak(&app).unwrap().diff, Some(40));
}

fn with_sessions(step: u64) -> poolmon_model::Sample {
    let mut sample = windows(step);
    let rows = sample.rows[..2].to_vec();
    sample.sessions = vec![Session { id: 0, rows: rows.clone() }, Session { id: 1, rows }];
    sample
}

#[test]
fn digits_show_a_session_at_once() {
    let mut app = app_of(with_sessions, 1);
    press(&mut app, "1");
    assert_eq!(app.settings.filter.scope, Scope::Session(1));
    press(&mut app, "0");
    assert_eq!(app.settings.filter.scope, Scope::Session(0));
    assert_eq!(effects(&mut app)[..2], [Effect::Sessions(true), Effect::Refresh]);
    advance(&mut app, with_sessions, 2);
    assert_eq!(tags(&app).len(), 2);
    press(&mut app, "i");
    code(&mut app, KeyCode::Enter);
    assert_eq!(app.settings.filter.scope, Scope::AllSessions);
    press(&mut app, "i1");
    code(&mut app, KeyCode::Esc);
    assert_eq!(app.settings.filter.scope, Scope::AllSessions, "Esc cancels");
    press(&mut app, "i7");
    code(&mut app, KeyCode::Enter);
    advance(&mut app, with_sessions, 3);
    assert_eq!(app.settings.filter.scope, Scope::System);
    assert!(app.message.as_ref().unwrap().0.contains("no session 7; there are 0, 1"));
    press(&mut app, "1iS");
    assert_eq!((app.settings.filter.scope, app.mode.clone()), (Scope::System, Mode::Table));
    press(&mut app, "i9999999999");
    code(&mut app, KeyCode::Enter);
    assert!(app.message.as_ref().unwrap().0.contains("not a session id"));
}

#[test]
fn without_sessions_the_system_stays() {
    let mut app = app_of(windows, 1);
    press(&mut app, "3");
    advance(&mut app, windows, 2);
    assert_eq!(app.settings.filter.scope, Scope::System);
    assert!(app.message.as_ref().unwrap().0.contains("no session pools"));
    assert_eq!(tags(&app).len(), 9);
    assert!(effects(&mut app).contains(&Effect::Sessions(false)));
}

#[test]
fn arrows_and_pages_move_the_selection() {
    let mut app = app_of(|step| many(200, step), 1);
    app.resize(80, 24);
    let page = app.page();
    code(&mut app, KeyCode::Down);
    assert_eq!((app.view.cursor, app.view.top), (0, 0), "the first step selects the first row");
    code(&mut app, KeyCode::Down);
    assert_eq!(app.view.cursor, 1);
    code(&mut app, KeyCode::PageDown);
    assert_eq!(app.view.cursor, page);
    code(&mut app, KeyCode::End);
    assert_eq!(
        (app.view.cursor, app.view.top),
        (app.view.table.rows.len() - 1, app.view.table.rows.len() - page)
    );
    code(&mut app, KeyCode::PageUp);
    code(&mut app, KeyCode::Up);
    assert_eq!(app.view.cursor, app.view.table.rows.len() - 1 - page);
    code(&mut app, KeyCode::Home);
    assert_eq!(
        (app.view.cursor, app.view.top, app.view.selected.is_none()),
        (0, 0, true),
        "the view follows the order again"
    );
}

#[test]
fn left_and_right_reach_columns_that_do_not_fit() {
    let mut app = app_of(windows, 1);
    assert!(!picture(&mut app, 30, 12).contains("Allocs"));
    for _ in 0..9 {
        code(&mut app, KeyCode::Right);
    }
    assert!(picture(&mut app, 30, 12).contains("Per Alloc"), "{}", picture(&mut app, 30, 12));
    for _ in 0..9 {
        code(&mut app, KeyCode::Left);
    }
    assert_eq!(app.view.skip, 0);
}

#[test]
fn the_selection_sticks_to_its_row() {
    let mut app = app_of(windows, 3);
    app.resize(80, 24);
    let late = app.view.table.rows.iter().position(|row| row.row.tag.to_string() == "Late").unwrap();
    app.select(late);
    press(&mut app, "b");
    assert_eq!(tags(&app)[app.view.cursor], "Late");
    let place = app.view.cursor;
    advance(&mut app, windows, 4);
    assert_eq!(app.view.cursor, place, "it vanished: the same place");
    assert!(app.view.selected.is_some());
}

#[test]
fn enter_asks_about_the_row() {
    let mut app = app_of(windows, 1);
    code(&mut app, KeyCode::Enter);
    let row = app.view.table.rows[0].row.clone();
    assert_eq!(effects(&mut app), [Effect::Inquire(row)]);
    code(&mut app, KeyCode::Down);
    let row = app.view.table.rows[1].row.clone();
    assert_eq!(effects(&mut app), [Effect::Inquire(row)], "the pane follows the selection");
    let other = (app.view.table.rows[0].row.tag.clone(), Pool::Paged);
    app.describe(&other, super::facts([("Owner", "late answer")]));
    assert!(app.detail.known.is_empty(), "an answer for another row is dropped");
    // What the system reports of it is asked for again with each sample, once it has answered.
    let key = (app.view.table.rows[1].row.tag.clone(), app.view.table.rows[1].row.pool);
    let asked = |app: &mut App| effects(app).iter().any(|it| *it == Effect::Facts(key.0.clone(), key.1));
    advance(&mut app, windows, 2);
    assert!(!asked(&mut app));
    app.facts(&key, Vec::new());
    advance(&mut app, windows, 3);
    assert!(asked(&mut app));
    code(&mut app, KeyCode::Enter);
    assert_eq!(app.mode, Mode::Table);
}

#[test]
fn clicks_on_titles_sort() {
    let mut app = app_of(windows, 1);
    draw(&mut app, 120, 30);
    let (places, y) = (app.layout().places, app.regions().titles.y);
    for place in places {
        let (x, column) = (place.x + 1, place.column.id);
        click(&mut app, x, y);
        assert_eq!(sorted_by(&app).0, column, "{place:?}");
    }
    let bytes = app.layout().places.into_iter().find(|p| p.column.id == "bytes").unwrap();
    press(&mut app, "t");
    click(&mut app, bytes.x + 2, y);
    let first = sorted_by(&app);
    click(&mut app, bytes.x + 2, y);
    assert_eq!(sorted_by(&app), ("bytes", first.1, !first.2), "again: the other way round");
}

#[test]
fn clicks_select_and_double_clicks_open() {
    let mut app = app_of(windows, 1);
    app.resize(80, 24);
    let third = app.regions().rows.y + 2;
    click(&mut app, 5, third);
    assert_eq!((app.view.cursor, app.mode.clone()), (2, Mode::Table));
    click(&mut app, 5, 20);
    assert_eq!(app.view.cursor, 2, "nothing is there");
    app.tick(at(500));
    click(&mut app, 5, third);
    assert_eq!(app.mode, Mode::Table, "too late for a double click");
    app.tick(jiff::Timestamp::from_millisecond((START + 500) * 1000 + 300).unwrap());
    click(&mut app, 5, third);
    assert_eq!(app.mode, Mode::Detail);
}

#[test]
fn the_wheel_scrolls() {
    let mut app = app_of(|step| many(200, step), 1);
    app.resize(80, 24);
    mouse(&mut app, MouseEventKind::ScrollDown, 5, 5);
    assert_eq!((app.view.top, app.view.selected.is_none()), (3, true));
    mouse(&mut app, MouseEventKind::ScrollUp, 5, 5);
    mouse(&mut app, MouseEventKind::ScrollUp, 5, 5);
    assert_eq!(app.view.top, 0);
    code(&mut app, KeyCode::Down);
    mouse(&mut app, MouseEventKind::ScrollDown, 5, 5);
    assert_eq!((app.view.top, app.view.cursor), (3, 3), "the selection stays on the screen");
}

#[test]
fn a_reboot_is_said_and_compares_nothing() {
    let mut app = app_of(windows, 5);
    let mut sample = windows(1);
    sample.uptime = Some(Duration::from_secs(20));
    press(&mut app, "=");
    app.receive(sample);
    assert!(app.message.as_ref().unwrap().0.contains("rebooted"));
    assert!(app.baseline.is_none());
    assert_eq!(app.history.refreshes(), 1);
}

#[test]
fn messages_go_after_a_while_and_the_used_sample_comes_back() {
    let mut app = app_of(windows, 0);
    app.say("hello");
    app.tick(at(3));
    assert!(picture(&mut app, 80, 24).contains("hello"));
    app.tick(at(9));
    assert!(!picture(&mut app, 80, 24).contains("hello"));
    assert!(app.receive(windows(1)).is_none(), "both are still needed");
    assert_eq!(app.receive(windows(2)).unwrap().time, Some(at(0)), "the oldest is filled again");
}

#[test]
fn esc_and_a_quick_key_are_two_keys() {
    let mut app = app_of(windows, 1);
    press(&mut app, "/leak");
    assert_eq!(app.settings.filter.search.text(), "leak");
    // What a terminal sends for Esc and Space, read in one piece.
    app.on_key(KeyEvent::new(KeyCode::Char(' '), KeyModifiers::ALT));
    assert_eq!(app.settings.filter.search.text(), "", "Esc ended the search");
    assert!(app.paused, "and Space paused");
    // AltGr types: some keyboards have / on it.
    press(&mut app, "/");
    app.on_key(KeyEvent::new(KeyCode::Char('x'), KeyModifiers::CONTROL | KeyModifiers::ALT));
    assert_eq!(app.settings.filter.search.text(), "x");
}

/// What is said once, such as that the disk of a recording is full, may come with the first sample.
#[test]
fn a_remark_of_the_first_sample_is_shown() {
    let mut first = windows(0);
    first.remarks.push("recording: the disk is full".to_owned());
    let mut app = super::app_with(crate::Settings::default(), crate::ColourMode::Sixteen, first);
    assert!(picture(&mut app, 100, 20).contains("the disk is full"));
}
