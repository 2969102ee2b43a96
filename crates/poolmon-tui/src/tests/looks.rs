//! How the screen looks: sizes, and what is coloured in which way.

use insta::assert_snapshot;
use poolmon_model::Sample;

use ratatui_crossterm::crossterm::event::KeyCode;

use super::support::windows;
use super::{advance, app_with, draw, picture, press};
use crate::theme::Strokes;
use crate::{App, ColourMode, Look, Palette, Settings};

/// Pools that move: one grows, one comes and goes.
fn moving(step: u64) -> Sample {
    let mut sample = windows(step);
    sample.header.pool_nonpaged = Some((400 << 20) + step * (1 << 20));
    sample.header.pool_paged = Some((200 << 20) + (step * 7 % 11) * (2 << 20));
    sample
}

pub(super) fn moved(look: impl Into<Look>) -> App {
    let look = look.into();
    let mut app = app_with(Settings::default(), look.colours, moving(0));
    (app.theme, app.strokes) = (crate::Theme::new(look.colours, look.palette), look.strokes);
    for step in 1..60 {
        advance(&mut app, moving, step);
        if step == 40 {
            press(&mut app, "=");
            app.message = None;
        }
    }
    app.tick(super::support::at(1000));
    app
}

#[test]
fn the_graph_where_the_terminal_has_no_dots() {
    let blocks = Look { strokes: Strokes::Blocks, colours: ColourMode::Sixteen, palette: Palette::Auto };
    let screen = picture(&mut moved(blocks), 80, 24);
    assert!(screen.contains('▁') && !screen.contains('⣿'), "{screen}");
    assert_snapshot!("graph_blocks_80x24", screen);
}

#[test]
fn c_walks_through_the_spans_of_the_graph() {
    let mut app = moved(ColourMode::True);
    let rows = |app: &mut App| {
        draw(app, 80, 24);
        app.page()
    };
    let with = rows(&mut app);
    press(&mut app, "c");
    assert_eq!(rows(&mut app), with + 4, "five minutes have no shorter span: none");
    press(&mut app, "c");
    assert_eq!(rows(&mut app), with);
    assert!(picture(&mut app, 80, 24).contains("everything since the screen began"));
}

#[test]
fn one_pool_alone_has_the_graph_for_itself() {
    let mut app = moved(ColourMode::True);
    press(&mut app, "p");
    let screen = picture(&mut app, 120, 40);
    assert!(
        screen.contains("Nonpaged pool  459 MiB  +59.0 MiB in 5 min") && !screen.contains("Paged pool  2"),
        "{screen}"
    );
}

#[test]
fn y_puts_zero_at_the_bottom_of_an_axis_and_a_click_names_a_value() {
    let mut app = moved(ColourMode::Sixteen);
    let axis = |app: &mut App| {
        let screen = picture(app, 120, 40);
        screen.lines().filter(|line| line.contains('\u{2524}')).nth(1).unwrap().trim_start().to_owned()
    };
    assert!(!axis(&mut app).starts_with('0'));
    press(&mut app, "y");
    assert!(axis(&mut app).starts_with("0\u{2524}"), "{}", axis(&mut app));
    press(&mut app, "y");
    app.message = None;
    let before = picture(&mut app, 120, 40);
    let line = u16::try_from(before.lines().position(|line| line.contains('\u{2524}')).unwrap()).unwrap();
    // The last cell of the left curve is now; at its axis there is no time.
    super::click(&mut app, 58, line);
    let last = 400 + 59;
    let bytes = poolmon_model::units::grouped(last << 20);
    let said = app.message.clone().map(|(text, _)| text);
    assert_eq!(said.unwrap(), format!("Nonpaged pool at 14:08:07: {last} MiB ({bytes} bytes)"));
    app.message = None;
    super::click(&mut app, 5, line);
    assert_eq!(app.message, None);
    super::click(&mut app, 119, line);
    assert!(app.message.clone().unwrap().0.starts_with("Paged pool at 14:08:07: "));
}

#[test]
fn a_click_on_a_chart_of_the_detail_pane_names_a_value() {
    let mut app = moved(ColourMode::Sixteen);
    super::code(&mut app, KeyCode::Down);
    super::code(&mut app, KeyCode::Enter);
    let screen = picture(&mut app, 140, 40);
    let lines: Vec<&str> = screen.lines().collect();
    let charts: Vec<usize> = (0..lines.len())
        .filter(|at| lines[*at].contains(" Bytes \u{2500}") || lines[*at].contains(" Diff \u{2500}"))
        .collect();
    let [bytes, diff] = charts[..] else { panic!("{screen}") };
    let mut said = |x: u16, line: usize| {
        app.message = None;
        super::click(&mut app, x, u16::try_from(line).unwrap());
        app.message.clone().map(|(text, _)| text)
    };
    // The last cell of the curve is the last point; at the axis there is no time.
    let last = said(137, bytes + 2).unwrap();
    assert!(last.starts_with("Bytes at 14:08:07: ") && last.contains(" (about "), "{last}");
    let first = said(137, diff + 2).unwrap();
    assert!(first.starts_with("Diff at 14:08:07: "), "{first}");
    assert_ne!(said(95, bytes + 2).unwrap(), last);
    assert_eq!(said(82, bytes + 2), None);
    assert_eq!(said(20, bytes + 2), None, "figures are no chart");
}

#[test]
fn a_cursor_goes_along_the_curve_of_a_row() {
    let mut app = moved(ColourMode::Sixteen);
    press(&mut app, "/leak");
    super::code(&mut app, KeyCode::Enter);
    super::code(&mut app, KeyCode::Down);
    super::code(&mut app, KeyCode::Enter);
    let readings = |app: &mut App| {
        let screen = picture(app, 140, 40);
        let read = |line: &&str| line.contains(" 14:0") && line.contains("│ 14:");
        let lines: Vec<String> = screen.lines().filter(read).map(str::to_owned).collect();
        lines.iter().map(|line| line.rsplit('│').nth(2).unwrap().trim().to_owned()).collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    assert_eq!(readings(&mut app), none);
    super::code(&mut app, KeyCode::Left);
    let last = ["14:08:07  1.64 MiB  +20.0 KiB since 14:08:02", "14:08:07  3,360  +40 since 14:08:02"];
    assert_eq!(readings(&mut app), last);
    super::code(&mut app, KeyCode::Left);
    let before = ["14:08:02  1.62 MiB  +20.0 KiB since 14:07:57", "14:08:02  3,320  +40 since 14:07:57"];
    let stepped = readings(&mut app);
    assert!(stepped != last && stepped.iter().all(|line| line.contains(" since ")), "{stepped:?}");
    // 60 points in 50 cells: a step is a point or two, and never stays in its cell.
    assert!(stepped == before || stepped[0].starts_with("14:07:57"), "{stepped:?}");
    super::code(&mut app, KeyCode::Right);
    super::code(&mut app, KeyCode::Right);
    assert_eq!(readings(&mut app), none, "after the last point there is no cursor");
    super::code(&mut app, KeyCode::Right);
    assert_eq!(readings(&mut app), ["14:03:12  500 KiB", "14:03:12  1,000"], "nothing came before the first");
    super::code(&mut app, KeyCode::Esc);
    super::code(&mut app, KeyCode::Enter);
    assert_eq!(readings(&mut app), none, "the pane opens without one");
    // A window without a curve says so.
    picture(&mut app, 60, 12);
    super::code(&mut app, KeyCode::Left);
    assert!(app.message.clone().unwrap().0.contains("larger window"));
}

#[test]
fn the_graph_shows_a_limit_that_is_near() {
    let with = |limit: u64| {
        let mut app = moved(ColourMode::Sixteen);
        let mut sample = moving(60);
        sample.header.limit_nonpaged = Some(limit << 20);
        app.receive(sample);
        picture(&mut app, 120, 40)
    };
    let near = with(600);
    assert!(near.contains("  limit 600 MiB") && near.contains("┄ limit ┄┄┄"), "{near}");
    let line = near.lines().position(|line| line.contains("┄ limit ┄")).unwrap();
    let curve = near.lines().position(|line| line.chars().take(58).any(|c| c == '⣿')).unwrap();
    assert!(line < curve, "{near}");
    let far = with(16 << 10);
    assert!(!far.contains("limit") && far.contains("of 16.0 GiB"), "the meter has it: {far}");
}

#[test]
fn a_pool_whose_change_has_no_room_has_no_time_of_it_either() {
    let mut app = moved(ColourMode::Sixteen);
    for width in 72..130 {
        let screen = picture(&mut app, width, 24);
        assert!(!screen.contains("459 MiB in") && !screen.contains("212 MiB in"), "{width}: {screen}");
    }
    let mut linux = super::app_of(super::support::linux, 3);
    for width in 100..200 {
        let screen = picture(&mut linux, width, 30);
        let title = screen.lines().find(|line| line.contains("Reclaimable slab")).unwrap();
        assert!(!title.contains("MiB in"), "{width}: {title}");
    }
}

#[test]
fn a_wide_screen_has_meters_and_a_narrower_one_poolmons_figures() {
    let mut app = moved(ColourMode::None);
    let wide = picture(&mut app, 120, 40);
    let [memory, commit] = [0, 1].map(|n| wide.lines().nth(n).unwrap().to_owned());
    // 164256 K of 260620 K are six tenths.
    assert!(memory.starts_with(" Memory  160 MiB ■■■■■■···· of 255 MiB "), "{memory}");
    assert!(memory.contains(" Nonpaged  459 MiB ■■■■■■■■■■ 180 % of RAM"), "{memory}");
    assert!(memory.contains("PageFlts ") && memory.contains("Peak "), "{memory}");
    assert!(commit.starts_with(" Commit  199 MiB ■■■······· of 626 MiB "), "{commit}");
    assert!(commit.contains("InRam Krnl 1.87 MiB") && commit.contains("P    17.4 MiB"), "{commit}");
    let bars: Vec<usize> = [&memory, &commit].map(|line| line.chars().position(|c| c == '■').unwrap()).into();
    assert_eq!(bars[0], bars[1]);
    for width in [80, 100] {
        let narrow = picture(&mut app, width, 40);
        assert!(narrow.starts_with(" Memory:  260620K Avail:   96364K "), "{narrow}");
        assert!(!narrow.contains('■'));
    }
}

#[test]
fn a_damaged_tape_says_so_for_as_long_as_it_is_shown() {
    let mut player = super::replay::player();
    player.app.damaged("rec: 1 of 3 segments damaged; poolmon verify shows where".into());
    for _ in 0..2 {
        assert!(
            picture(&mut player.app, 100, 24)
                .contains(" rec: 1 of 3 segments damaged; poolmon verify shows where")
        );
        player.code(ratatui_crossterm::crossterm::event::KeyCode::End);
        player.app.tick(super::support::at(2000));
    }
}
