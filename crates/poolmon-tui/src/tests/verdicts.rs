//! Verdicts on the screen.

use std::sync::Arc;
use std::time::Duration;

use insta::assert_snapshot;
use poolmon_model::{Gravity, Pool, RowVerdict, Tag};
use ratatui_crossterm::crossterm::event::KeyCode;

use super::support::windows;
use super::{app_of, code, draw, picture, press, tags};
use crate::LiveVerdicts;

fn verdict(
    app: &crate::App,
    at: usize,
    gravity: Gravity,
    brief: &str,
    rate: i64,
) -> (Tag, Pool, Arc<RowVerdict>) {
    let row = &app.view.table.rows[at].row;
    let lines = vec![format!("{} {brief} ± 2, since 12:00", row.tag), "nothing is ever freed".to_owned()];
    let verdict =
        RowVerdict { gravity, brief: brief.into(), lines, bytes_per_hour: rate, since: None, lockstep: None };
    (row.tag.clone(), row.pool, Arc::new(verdict))
}

pub(super) fn judged() -> crate::App {
    let mut app = app_of(windows, 6);
    press(&mut app, "t");
    let rows = vec![
        verdict(&app, 1, Gravity::Explained, "with the load", 9_000_000_000),
        verdict(&app, 2, Gravity::Leaking, "leaks 39.1 MiB/h", 41_000_000),
        verdict(&app, 3, Gravity::Growing, "grows 1.12 GiB/h", 1_200_000_000),
        verdict(&app, 4, Gravity::Leaking, "leaks 1.86 GiB/h", 2_000_000_000),
    ];
    app.judge(LiveVerdicts { rows, left: None });
    app
}

#[test]
fn a_column_once_there_are_verdicts() {
    assert_snapshot!(picture(&mut judged(), 120, 20));
}

#[test]
fn the_gravest_come_first() {
    let mut app = judged();
    let by_tag = tags(&app);
    press(&mut app, "v");
    let order = tags(&app);
    assert_eq!(order[..4], [4, 2, 3, 1].map(|at| by_tag[at].clone()));
    press(&mut app, "z");
    assert_eq!(
        tags(&app)[..4],
        [1, 3, 2, 4].map(|at| by_tag[at].clone()),
        "rows without a verdict stay last"
    );
    assert_snapshot!(picture(&mut app, 80, 12));
}

#[test]
fn the_detail_pane_says_why() {
    let mut app = judged();
    press(&mut app, "v");
    code(&mut app, KeyCode::Enter);
    let screen = picture(&mut app, 120, 30);
    assert!(screen.contains("leaks 1.86 GiB/h ± 2") && screen.contains("nothing is ever freed"), "{screen}");
}

#[test]
fn until_there_is_enough_data_the_screen_says_how_long() {
    let mut app = app_of(windows, 2);
    press(&mut app, "v");
    assert!(picture(&mut app, 120, 20).contains("not analysed yet"));
    app.judge(LiveVerdicts { rows: Vec::new(), left: Some(Duration::from_secs(199)) });
    assert!(picture(&mut app, 120, 20).contains("verdicts in 3 min"));
    press(&mut app, "v");
    assert!(picture(&mut app, 120, 20).contains("at least 3 min more data is needed"));
    app.judge(LiveVerdicts { rows: Vec::new(), left: Some(Duration::from_secs(20)) });
    press(&mut app, "v");
    assert!(picture(&mut app, 120, 20).contains("at least 20 s more data is needed"));
    app.judge(LiveVerdicts::default());
    press(&mut app, "v");
    assert!(picture(&mut app, 120, 20).contains("Nothing leaks or grows"));
}

#[test]
fn without_a_wish_what_leaks_comes_first_and_a_key_is_a_wish() {
    for (key, first) in [(None, "leaks"), (Some(KeyCode::Char('l')), "")] {
        let mut app = app_of(windows, 6);
        press(&mut app, "t");
        app.opening = crate::app::Opening::OnVerdictAtEnd;
        if let Some(key) = key {
            code(&mut app, key);
        }
        app.take_effects();
        let rows = vec![
            verdict(&app, 3, Gravity::Leaking, "leaks 39.1 MiB/h", 41_000_000),
            verdict(&app, 4, Gravity::Growing, "grows 1.12 GiB/h", 1_200_000_000),
        ];
        app.judge(LiveVerdicts { rows, left: None });
        let row = app.current().unwrap();
        let brief = row.verdict.as_ref().map_or("", |verdict| &verdict.brief);
        assert!(brief.starts_with(first), "{brief}");
        assert_eq!(app.view.selected.is_some(), key.is_none());
        let end = crate::Effect::Wind(crate::replay::deck::Motion::End);
        assert_eq!(app.take_effects().contains(&end), key.is_none());
    }
}

#[test]
fn nothing_moves_where_nothing_leaks() {
    let mut app = app_of(windows, 6);
    press(&mut app, "t");
    app.opening = crate::app::Opening::OnVerdictAtEnd;
    let rows = vec![verdict(&app, 1, Gravity::Growing, "grows 1.12 GiB/h", 1_200_000_000)];
    app.take_effects();
    app.judge(LiveVerdicts { rows, left: None });
    assert_eq!((app.view.selected.clone(), app.take_effects()), (None, vec![]));
}

/// What is too long for a line goes on below its own beginning, and a leak is the first thing that a small pane says.
#[test]
fn a_narrow_pane_breaks_lines_below_their_beginning() {
    let mut app = judged();
    press(&mut app, "v");
    code(&mut app, KeyCode::Enter);
    for (width, height) in [(60, 20), (40, 16), (30, 12)] {
        let screen = picture(&mut app, width, height);
        let pane: Vec<&str> = screen.lines().filter(|line| line.starts_with('│')).collect();
        assert!(pane[0].contains("Verdict"), "{screen}");
        assert!(screen.contains("leaks 1.86"), "{width}: {screen}");
        assert!(width == 30 || screen.contains("Bytes"), "{width}: {screen}");
        for line in &pane {
            let chart = ["││", "│┌", "│└"].iter().any(|border| line.starts_with(border));
            assert!(chart || line.starts_with("│ "), "{width}: a line at the border: {screen}");
        }
    }
}

#[test]
fn a_verdict_is_on_every_screen_that_has_room_and_never_half_a_rate() {
    for width in 30..130 {
        let mut app = judged();
        press(&mut app, "v");
        let screen = picture(&mut app, width, 20);
        let leak = screen.lines().find(|line| line.starts_with('!')).expect("the leaking row");
        assert!(leak.contains("leaks"), "{width}: {screen}");
        let after = leak.split("leaks").nth(1).unwrap_or_default().trim();
        assert!(after.is_empty() || after.contains("/h"), "{width}: {leak}");
    }
}

#[test]
fn what_does_not_fit_in_the_pane_can_be_scrolled() {
    let mut app = judged();
    press(&mut app, "v");
    code(&mut app, KeyCode::Down);
    code(&mut app, KeyCode::Enter);
    let key = app.detail.key.clone().unwrap();
    let describe = |app: &mut crate::App| {
        let fact = |n| poolmon_source::Fact { title: "Fact".into(), value: format!("number {n:02}") };
        app.describe(&key, (1..=12).map(fact).collect());
        app.facts(&key, Vec::new());
    };
    describe(&mut app);
    let seen = |app: &mut crate::App, text: &str| picture(app, 60, 20).contains(text);
    assert!(seen(&mut app, "PgDn: ") && !seen(&mut app, "number 12") && seen(&mut app, "Verdict "));
    for _ in 0..9 {
        code(&mut app, KeyCode::PageDown);
    }
    assert!(seen(&mut app, "number 12") && seen(&mut app, "PgUp: back") && !seen(&mut app, "Verdict  "));
    assert_eq!(app.detail.key.as_ref(), Some(&key), "the row stays");
    app.describe(&key, Vec::new());
    app.resize(60, 19);
    let (_, most) = crate::render::detail::text_scroll(&app);
    assert!(app.detail.scroll <= most, "no more is scrolled out than there is");
    code(&mut app, KeyCode::Down);
    assert!(app.detail.scroll == 0 && seen(&mut app, "Verdict "), "another row begins at its first line");
    // Where all of it is on the screen, a page is one of rows.
    code(&mut app, KeyCode::Up);
    describe(&mut app);
    draw(&mut app, 200, 50);
    code(&mut app, KeyCode::PageDown);
    assert_ne!(app.detail.key.as_ref(), Some(&key));
}

#[test]
fn the_search_finds_verdicts_and_follows_them() {
    let mut app = judged();
    press(&mut app, "/verdict:leak");
    assert_eq!(tags(&app).len(), 2);
    assert!(picture(&mut app, 100, 20).contains("2 of 10 rows"));
    app.judge(LiveVerdicts::default());
    assert!(tags(&app).is_empty(), "nothing leaks any more");
    code(&mut app, KeyCode::Esc);
    press(&mut app, "/verdict:* pool:paged");
    app.judge(judged_rows());
    assert_eq!(tags(&app), ["Gxlt"]);
}

fn judged_rows() -> LiveVerdicts {
    let app = app_of(windows, 6);
    let rows = (0..4).map(|at| verdict(&app, at, Gravity::Growing, "grows", 1)).collect();
    LiveVerdicts { rows, left: None }
}

#[test]
fn the_next_command_is_for_rows_that_leak() {
    let mut app = judged();
    press(&mut app, "v");
    code(&mut app, KeyCode::Down);
    let mut shown = Vec::new();
    for _ in 0..4 {
        code(&mut app, KeyCode::Enter);
        let key = app.detail.key.clone().unwrap();
        app.describe(&key, super::facts([("Next", "poolmon who it")]));
        let gravity = app.current().and_then(|row| row.verdict.as_ref()).map(|verdict| verdict.gravity);
        shown.push((gravity, picture(&mut app, 120, 40).contains("poolmon who it")));
        code(&mut app, KeyCode::Esc);
        code(&mut app, KeyCode::Down);
    }
    for (gravity, next) in shown {
        assert_eq!(gravity == Some(Gravity::Leaking), next, "{gravity:?}");
    }
}
