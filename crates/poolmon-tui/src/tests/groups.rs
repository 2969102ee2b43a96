//! Rows in groups: the key `g`, folding, and what keeps its place.

use std::sync::Arc;

use insta::assert_snapshot;
use poolmon_model::{Gravity, Key, Pool, RowVerdict, Tag};
use ratatui_crossterm::crossterm::event::KeyCode;

use super::support::windows;
use super::{advance, app_of, click, code, draw, picture, press};
use crate::{App, LiveVerdicts, Mode};

/// Verdicts on two rows in lockstep.
pub(super) fn judged(refreshes: u64) -> App {
    let mut app = app_of(windows, refreshes);
    let verdict = |tag: &[u8; 4], pool, gravity, brief: &str| {
        let lockstep = Some(Key { tag: Tag::pool(*b"Leak"), pool: Pool::Nonpaged });
        let (lines, brief) = (Vec::new(), brief.to_owned());
        let verdict = RowVerdict { gravity, brief, lines, bytes_per_hour: 14 << 20, since: None, lockstep };
        (Tag::pool(*tag), pool, Arc::new(verdict))
    };
    let rows = vec![
        verdict(b"Leak", Pool::Nonpaged, Gravity::Leaking, "leaks 14.0 MiB/h"),
        verdict(b"Io  ", Pool::Nonpaged, Gravity::Leaking, "leaks 14.0 MiB/h"),
    ];
    app.judge(LiveVerdicts { rows, left: None });
    app
}

fn names(app: &App) -> Vec<String> {
    let name = |at| match app.view.group_at(at) {
        Some(group) => format!("{} {}", group.key.name, group.rows.len()),
        None => app
            .view
            .row_at(at)
            .map_or_else(String::new, |row| format!("- {}", row.row.tag.to_string().trim_end())),
    };
    (0..app.view.len()).map(name).collect()
}

#[test]
fn g_walks_through_the_groups_and_back_to_the_rows() {
    let mut app = judged(3);
    press(&mut app, "g");
    assert_eq!(names(&app), ["unknown owner 8", "ntfs.sys 1", "myfault.sys 1"]);
    assert_eq!(app.settings.sort.column.id, "bytes", "by tag means nothing among owners");
    press(&mut app, "g");
    assert_eq!(names(&app), ["leaks 2", "no verdict 8"]);
    press(&mut app, "g");
    assert_eq!(names(&app), ["Leak Nonp 2", "alone 8"]);
    press(&mut app, "g");
    assert_eq!((app.view.len(), app.settings.sort.column.id), (10, "tag"), "in the order of before");
    // Without verdicts there is nothing to group by them.
    let mut app = app_of(windows, 2);
    press(&mut app, "gg");
    assert_eq!(app.view.grouping.by, None);
    assert!(app.message.as_ref().unwrap().0.contains("not analysed yet"));
    // An order that was chosen meanwhile stays.
    press(&mut app, "gdg");
    assert_eq!(app.settings.sort.column.id, "diff");
}

#[test]
fn enter_unfolds_a_group_and_opens_its_rows() {
    let mut app = judged(3);
    press(&mut app, "g");
    code(&mut app, KeyCode::Down);
    code(&mut app, KeyCode::Down);
    code(&mut app, KeyCode::Enter);
    assert_eq!(names(&app), ["unknown owner 8", "ntfs.sys 1", "- Ntfx", "myfault.sys 1"]);
    // The group stays selected through refreshes, and open.
    advance(&mut app, windows, 4);
    assert_eq!(app.view.group_at(app.view.cursor).unwrap().key.name, "ntfs.sys");
    assert_eq!(app.view.len(), 4);
    code(&mut app, KeyCode::Down);
    code(&mut app, KeyCode::Enter);
    assert_eq!((&app.mode, app.current().unwrap().row.tag.clone()), (&Mode::Detail, Tag::pool(*b"Ntfx")));
    // In the pane, only rows are gone through.
    code(&mut app, KeyCode::Down);
    assert_eq!(app.current().unwrap().row.tag, Tag::pool(*b"Ntfx"));
    code(&mut app, KeyCode::Esc);
    code(&mut app, KeyCode::Up);
    code(&mut app, KeyCode::Enter);
    assert_eq!(app.view.len(), 3, "folded");
    assert_eq!(app.mode, Mode::Table);
}

#[test]
fn the_mouse_folds_groups() {
    let mut app = judged(3);
    press(&mut app, "g");
    draw(&mut app, 80, 24);
    let y = app.regions().rows.y;
    click(&mut app, 0, y + 1);
    assert_eq!(app.view.len(), 4, "a click on the sign");
    click(&mut app, 10, y + 2);
    assert_eq!((app.view.cursor, app.view.len()), (2, 4));
    click(&mut app, 10, y + 1);
    click(&mut app, 10, y + 1);
    assert_eq!(app.view.len(), 3, "a double click");
}

#[test]
fn sums_and_changes_of_groups_follow_the_filter() {
    let mut app = judged(3);
    press(&mut app, "gp");
    let nonpaged: Vec<_> = app.view.table.rows.iter().filter_map(|row| row.row.counters.bytes).collect();
    let groups = &app.view.grouping.groups;
    let sum = |bytes: Vec<u64>| bytes.iter().sum::<u64>();
    assert_eq!(
        sum(groups.iter().filter_map(|group| group.sum.row.counters.bytes).collect()),
        sum(nonpaged.clone())
    );
    assert!(groups.iter().all(|group| group.pool() == Some(Pool::Nonpaged)));
    let (_, table) = app.shown();
    assert_eq!(table.rows.len(), nonpaged.len(), "a snapshot has rows, not groups");
}

#[test]
fn groups_by_verdict() {
    let mut app = judged(30);
    press(&mut app, "gg");
    app.message = None;
    assert_snapshot!("groups_by_verdict", picture(&mut app, 100, 16));
}

#[test]
fn a_name_that_says_nobody_knows_is_whole_on_a_narrow_screen() {
    let mut app = judged(3);
    press(&mut app, "g");
    let screen = picture(&mut app, 60, 20);
    assert!(screen.contains("unknown owner 7") || screen.contains("unknown owner 8"), "{screen}");
    assert!(!screen.contains("~-"), "what is unknown is not inexact: {screen}");
    assert!(screen.contains("1 leaks 14.0") || !screen.contains("myfault.sys 1  leaks"), "{screen}");
}

#[test]
fn help_explains_groups_while_there_are_some() {
    let mut app = judged(3);
    press(&mut app, "h");
    assert!(!picture(&mut app, 80, 60).contains("►Name 12"));
    code(&mut app, KeyCode::Esc);
    press(&mut app, "gh");
    assert!(picture(&mut app, 80, 60).contains("►Name 12"));
}
