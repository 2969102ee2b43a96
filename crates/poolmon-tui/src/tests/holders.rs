//! The view of holders: pictures, keys, a tape.

use std::sync::Arc;

use poolmon_holder::{Census, Counts, Entry, Holder, HolderId, Kind};
use poolmon_model::{CounterWidth, Counters, Origin, Pool, Row, Sample, SourceKind, Tag};
use ratatui_crossterm::crossterm::event::KeyCode;

use super::support::{at, windows};
use super::{advance, app_of, click, code, effects, picture, press};
use crate::app::{App, Effect, Mode};
use crate::holders::{HolderOrder, HolderRun};

fn entry(id: HolderId, name: &str, group: Option<&str>, figures: &[(Kind, u64)]) -> Entry {
    let mut counts = Counts::default();
    for (kind, count) in figures {
        counts.set(*kind, *count);
    }
    Entry { holder: Holder { id, name: name.into() }, group: group.map(Into::into), counts }
}

/// One leaks sockets, one holds many files, one comes late; two control groups, and a user's keys.
fn census(step: u64) -> Census {
    let process = |pid| HolderId::Process { pid, start: 9 };
    let group = |path: &str, bytes| {
        entry(HolderId::ControlGroup { path: path.into() }, path, None, &[(Kind::GroupKernel, bytes)])
    };
    let sockets = 18_000 + step * 250;
    let mut entries = vec![
        entry(
            process(1),
            "systemd",
            Some("init.scope"),
            &[(Kind::Descriptor, 260), (Kind::File, 200), (Kind::Thread, 1)],
        ),
        entry(
            process(4788),
            "python3",
            Some("web.service"),
            &[
                (Kind::Descriptor, sockets + 12),
                (Kind::Socket, sockets),
                (Kind::UnixStream, sockets),
                (Kind::File, 12),
                (Kind::Thread, 3),
                (Kind::Mapping, 137),
                (Kind::PageTable, 262_144),
            ],
        ),
        entry(
            process(911),
            "postgres",
            Some("postgresql.service"),
            &[(Kind::Descriptor, 9_000 - step), (Kind::File, 9_000 - step)],
        ),
        entry(HolderId::User { uid: 0 }, "uid 0", None, &[(Kind::Key, 31)]),
        group("/system.slice", 64 << 20),
        group("/system.slice/web.service", (20 << 20) + step * 300_000),
        entry(HolderId::Machine, "this machine", None, &[(Kind::LoopDevice, 0)]),
    ];
    if step > 2 {
        entries.push(entry(process(5000), "late one", None, &[(Kind::Pipe, 40), (Kind::Thread, 1)]));
    }
    Census { processes: 3 + u64::from(step > 2), entries, ..Census::default() }
}

fn linux(step: u64) -> Sample {
    let pools = [Pool::Reclaimable, Pool::Unreclaimable];
    let origin = Origin { host: Some("web1".into()), ..Origin::new(SourceKind::Linux, &pools) };
    let mut sample = Sample::new(Arc::new(origin), CounterWidth::Bits64);
    sample.time = Some(at(i64::try_from(step).unwrap() * 5));
    let row = |name: &str, objects: u64, size: u64| {
        let counters = Counters {
            reported_diff: i64::try_from(objects).ok(),
            bytes: Some(objects * size),
            ..Counters::default()
        };
        Row { tag: Tag::name(name), pool: Pool::Unreclaimable, counters, reported_owner: None }
    };
    sample.rows = vec![
        row("sock_inode_cache", 20_000 + step * 250, 832),
        row("UNIX-STREAM", 19_000 + step * 250, 1_088),
        row("filp", 40_000 + step * 250, 256),
        row("task_struct", 400, 9_000),
        row("kmalloc-64", 50_000, 64),
    ];
    sample
}

fn hold(app: &mut App, step: u64) {
    app.hold(HolderRun { counts: vec![Arc::new(census(step))], replaces: false });
}

pub(super) fn held(steps: u64) -> App {
    let mut app = app_of(linux, 0);
    hold(&mut app, 0);
    for step in 1..=steps {
        advance(&mut app, linux, step);
        hold(&mut app, step);
    }
    app
}

fn names(app: &App) -> Vec<&str> {
    app.holders.rows.iter().map(|row| row.name.as_str()).collect()
}

#[test]
fn sorted_by_bytes_objects_and_change() {
    let mut app = held(6);
    press(&mut app, "o");
    assert_eq!(names(&app)[..2], ["python3 (pid 4788)", "/system.slice/web.service"], "what grows is first");
    press(&mut app, "(");
    assert_eq!(names(&app)[..2], ["/system.slice +1 below", "python3 (pid 4788)"]);
    press(&mut app, "d");
    assert_eq!(app.holders.order, HolderOrder::Objects);
    assert_eq!(names(&app)[..2], ["python3 (pid 4788)", "postgres (pid 911)"]);
    press(&mut app, "(");
    assert_eq!((names(&app)[0], app.holders.rows[0].change), ("python3 (pid 4788)", Some(250)));
    press(&mut app, "z");
    assert_eq!((names(&app)[0], app.holders.rows[0].change), ("postgres (pid 911)", Some(-1)));
    press(&mut app, "b");
    assert!(!app.holders.reversed, "another column begins with its largest");
    assert!(app.holders.rows[0].bytes_change > Some(250 * 2_000), "by change of bytes");
    press(&mut app, "t");
    assert!(names(&app).is_sorted());
    assert!(!names(&app).contains(&"this machine"), "who keeps nothing is not listed");
}

#[test]
fn a_baseline_counts_from_there() {
    let mut app = held(2);
    press(&mut app, "o=");
    for step in 3..=6 {
        advance(&mut app, linux, step);
        hold(&mut app, step);
    }
    let change = |app: &App, name: &str| {
        app.holders.rows.iter().find(|row| row.name.starts_with(name)).and_then(|row| row.change)
    };
    assert_eq!((change(&app, "python3"), change(&app, "late one")), (Some(1_000), Some(41)));
    let shown = picture(&mut app, 120, 24);
    let late = shown.lines().find(|line| line.contains("late one")).expect("its line");
    assert!(late.contains(" new ") && !late.contains('+'), "what came since then has not grown: {late}");
    (app.holders.order, app.holders.by_change) = (HolderOrder::Objects, true);
    app.derive_holders();
    let place = |name: &str| names(&app).iter().position(|one| one.starts_with(name));
    assert!(place("python3") < place("late one"), "{:?}", names(&app));
    (app.holders.order, app.holders.by_change) = (HolderOrder::Bytes, false);
    app.derive_holders();
    press(&mut app, "=");
    assert_eq!((change(&app, "python3"), change(&app, "late one")), (Some(250), Some(0)));
}

#[test]
fn of_a_row_and_back_to_it() {
    let mut app = held(6);
    let at = app.view.table.rows.iter().position(|row| row.row.tag == Tag::name("task_struct")).unwrap();
    app.select(at);
    press(&mut app, "o");
    assert_eq!(app.holders.of, Some(Tag::name("task_struct")));
    let threads: Vec<_> = app.holders.rows.iter().map(|row| (row.name.as_str(), row.objects)).collect();
    assert_eq!(threads.len(), 3, "postgres has no thread that is known: {threads:?}");
    assert!(picture(&mut app, 80, 24).contains("Holder of task_struct"));
    press(&mut app, "o");
    assert_eq!((&app.holders.of, app.holders.rows.len()), (&None, 7), "all of them");
    press(&mut app, "d");
    code(&mut app, KeyCode::Enter);
    code(&mut app, KeyCode::Enter);
    assert_eq!(app.mode, Mode::Table);
    let row = app.view.selected.clone().unwrap().0;
    assert!(
        [Tag::name("UNIX-STREAM"), Tag::name("sock_inode_cache"), Tag::name("filp")].contains(&row),
        "{row}"
    );
}

/// Beside containers in containers, and names longer than the screen is wide: what grows is seen, by name and number.
#[test]
fn what_grows_is_on_a_small_screen() {
    let census = |step: u64| {
        let mut path = String::new();
        let mut entries = Vec::new();
        for level in 0..12 {
            path = format!("{path}/process_api_{level}");
            let id = HolderId::ControlGroup { path: path.as_str().into() };
            entries.push(entry(id, &path, None, &[(Kind::GroupKernel, (64 << 20) + step * 9_000_000)]));
        }
        for pid in 100..140 {
            let id = HolderId::Process { pid, start: 9 };
            entries.push(entry(id, "rustc", Some(&path), &[(Kind::Descriptor, 900), (Kind::File, 900)]));
        }
        let id = HolderId::Process { pid: 4788, start: 9 };
        let sockets = step * 500;
        let figures = [(Kind::Descriptor, sockets), (Kind::Socket, sockets), (Kind::UnixStream, sockets)];
        entries.push(entry(id, "python3", Some(&path), &figures));
        Census { processes: 41, entries, ..Census::default() }
    };
    let mut app = app_of(linux, 0);
    for step in 1..=3 {
        advance(&mut app, linux, step);
        app.hold(HolderRun { counts: vec![Arc::new(census(step))], replaces: false });
    }
    press(&mut app, "o");
    let shown = picture(&mut app, 60, 20);
    let groups = shown.lines().filter(|line| line.contains("/process_api_0")).count();
    assert!(
        shown.contains("python3 (pid 4788)") && shown.contains("rustc (pid 100)") && groups <= 1,
        "{shown}"
    );
    let wide = picture(&mut app, 120, 20);
    assert!(wide.contains("python3 (pid 4788) in ") && wide.contains("process_api"), "{wide}");
}

#[test]
fn esc_goes_back_one_step_at_a_time() {
    let mut app = held(3);
    press(&mut app, "o");
    code(&mut app, KeyCode::Down);
    code(&mut app, KeyCode::Enter);
    assert_eq!(app.mode, Mode::Kinds);
    for mode in [Mode::Holders, Mode::Table] {
        code(&mut app, KeyCode::Esc);
        assert_eq!(app.mode, mode);
    }
    assert!(effects(&mut app).is_empty(), "it does not quit");
    press(&mut app, "oo");
    assert_eq!(app.mode, Mode::Table);
    press(&mut app, "oq");
    assert_eq!(effects(&mut app), [Effect::Quit]);
}

#[test]
fn the_selected_holder_keeps_its_place_while_others_move() {
    let mut app = held(3);
    press(&mut app, "od(");
    code(&mut app, KeyCode::Down);
    code(&mut app, KeyCode::Down);
    let selected = app.holders.selected.clone();
    assert_eq!(selected, Some(HolderId::Process { pid: 911, start: 9 }));
    press(&mut app, "z");
    assert_eq!(app.holders.rows[app.holders.cursor].id, selected.unwrap());
    for key in [KeyCode::End, KeyCode::PageUp, KeyCode::Home, KeyCode::PageDown] {
        code(&mut app, key);
        let _ = picture(&mut app, 40, 8);
        assert!(app.holders.cursor < app.holders.rows.len());
    }
}

#[test]
fn where_nobody_was_counted_it_says_why() {
    let mut app = app_of(windows, 1);
    press(&mut app, "o");
    // Not yet: the first count is asked for.
    let is_counted = cfg!(any(target_os = "linux", windows));
    assert_eq!(app.take_effects().contains(&Effect::Refresh), is_counted);
    let why = if is_counted { "comes with the next refresh (r: now)." } else { "are not counted" };
    let shown = picture(&mut app, 80, 24);
    assert!(shown.contains(why), "{shown}");
    code(&mut app, KeyCode::Enter);
    assert_eq!(app.mode, Mode::Holders);
}

/// A group's figures include those of the groups below it: it says so, and is no sum of the list.
#[test]
fn a_group_with_others_below_it_says_so() {
    let app = held(1);
    let groups: Vec<&str> = names(&app).into_iter().filter(|name| name.starts_with('/')).collect();
    assert_eq!(groups, ["/system.slice/web.service", "/system.slice +1 below"]);
}

#[test]
fn a_holder_that_ended_while_its_kinds_are_shown() {
    let mut app = held(4);
    press(&mut app, "odz");
    while app.holders.current().is_none_or(|row| !row.name.starts_with("late one")) {
        code(&mut app, KeyCode::Down);
    }
    code(&mut app, KeyCode::Enter);
    hold(&mut app, 0);
    let shown = picture(&mut app, 80, 24);
    assert!(!shown.contains("late one"), "{shown}");
    app.hold(HolderRun { counts: vec![Arc::new(Census::default())], replaces: false });
    assert!(picture(&mut app, 80, 24).contains("No holder keeps anything."));
}

#[test]
fn a_narrow_list_keeps_the_names_and_the_sorted_figure() {
    let mut app = held(6);
    press(&mut app, "o");
    for (width, keys) in [(20, ""), (28, ""), (35, ""), (40, ""), (28, "("), (35, "d"), (40, "d")] {
        press(&mut app, keys);
        let shown = picture(&mut app, width, 12);
        let line = shown.lines().find(|line| line.contains("pyth")).unwrap_or_else(|| panic!("{shown}"));
        if width >= 30 {
            assert!(line.contains("python3 (pid 4788)"), "{line}");
        }
        assert!(shown.contains('▼'), "the figure that the list is sorted by is not there:\n{shown}");
        assert!(!shown.contains("-  64.0") && !shown.contains("-21.7"), "{shown}");
    }
}

#[test]
fn the_mouse_selects_opens_and_sorts() {
    let mut app = held(6);
    press(&mut app, "o");
    let screen = picture(&mut app, 120, 40);
    let line =
        |text: &str| u16::try_from(screen.lines().position(|line| line.contains(text)).unwrap()).unwrap();
    let title = |text: &str| {
        let line = screen.lines().nth(line("Objects").into()).unwrap();
        let before = line.get(..line.find(text).unwrap()).unwrap();
        u16::try_from(before.chars().count()).unwrap()
    };
    click(&mut app, title("Objects"), line("Objects"));
    assert_eq!((app.holders.order, app.holders.by_change), (HolderOrder::Objects, false));
    click(&mut app, title("Objects"), line("Objects"));
    assert!(app.holders.reversed, "a second click turns the order around");
    click(&mut app, 3, line("Objects"));
    assert_eq!((app.holders.order, app.holders.reversed), (HolderOrder::Name, false));
    click(&mut app, title("Kernel"), line("Objects"));
    press(&mut app, "(");
    let screen = picture(&mut app, 120, 40);
    let python = u16::try_from(screen.lines().position(|line| line.contains("python3")).unwrap()).unwrap();
    click(&mut app, 5, python);
    assert_eq!(app.mode, Mode::Holders);
    assert_eq!(app.holders.current().unwrap().name, "python3 (pid 4788)");
    click(&mut app, 5, python);
    assert_eq!(app.mode, Mode::Kinds, "a double click");
    click(&mut app, 5, line("Objects") + 2);
    assert_eq!((app.holders.kind.0, app.mode.clone()), (1, Mode::Kinds));
    click(&mut app, 5, line("Objects"));
    assert_eq!(app.holders.order, HolderOrder::Bytes, "titles of kinds sort nothing");
    // Below the last line there is nothing to select.
    let before = app.holders.kind;
    click(&mut app, 5, 37);
    assert_eq!((app.mode.clone(), app.holders.kind), (Mode::Kinds, before));
}
