//! How the screen looks: sizes, and what is coloured in which way.

use insta::assert_snapshot;
use poolmon_model::Sample;

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
