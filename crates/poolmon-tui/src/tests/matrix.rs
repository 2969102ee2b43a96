//! Every view at every size, and in every number of colours: the same text, and beside it how each cell looks.

use std::fmt::Write as _;

use insta::assert_snapshot;
use ratatui::buffer::Buffer;
use ratatui_crossterm::crossterm::event::KeyCode;

use super::{
    code, draw, effects, groups, holders, legend, letters_of, looks, press, replay, support, tracing,
    verdicts,
};
use crate::{App, ColourMode, Palette, Theme};

const SIZES: [(u16, u16); 4] = [(60, 20), (80, 24), (120, 40), (200, 50)];
const COLOURS: [(&str, ColourMode); 3] = [
    ("24-bit colours", ColourMode::True),
    ("16 colours", ColourMode::Sixteen),
    ("NO_COLOR", ColourMode::None),
];

/// A view as a person meets it.
type View = (&'static str, fn() -> App);

const VIEWS: [View; 13] = [
    ("table", table),
    ("verdicts", verdicts_first),
    ("groups", grouped),
    ("detail", detail),
    ("holders", who_holds),
    ("kinds", kinds),
    ("columns", columns),
    ("help", help),
    ("replay", replayed),
    ("trace", traced),
    ("search", searched),
    ("values", values),
    ("run", asked_to_run),
];

/// Pools with a curve above them, a baseline, a selected row.
fn table() -> App {
    let mut app = looks::moved(ColourMode::True);
    code(&mut app, KeyCode::Down);
    app
}

fn verdicts_first() -> App {
    let mut app = verdicts::judged();
    press(&mut app, "v");
    app
}

fn grouped() -> App {
    let mut app = groups::judged(6);
    press(&mut app, "bg");
    code(&mut app, KeyCode::Enter);
    app
}

fn detail() -> App {
    let mut app = verdicts::judged();
    press(&mut app, "v");
    code(&mut app, KeyCode::Down);
    code(&mut app, KeyCode::Enter);
    let key = app.detail.key.clone().unwrap();
    app.describe(
        &key,
        super::facts([
            ("Owner", "example.sys - buffers of the example (pooltag.txt, line 7)"),
            ("ULONG", "0x74536d4d, in C and the debugger 'tSmM'"),
            ("Next", "poolmon who MmSt --drivers DIR"),
        ]),
    );
    app.facts(&key, Vec::new());
    app
}

fn who_holds() -> App {
    let mut app = holders::held(6);
    press(&mut app, "o");
    app
}

fn kinds() -> App {
    let mut app = holders::held(6);
    press(&mut app, "od");
    code(&mut app, KeyCode::Enter);
    app
}

fn columns() -> App {
    let mut app = verdicts::judged();
    press(&mut app, "|");
    for _ in 0..3 {
        code(&mut app, KeyCode::Down);
    }
    press(&mut app, " ");
    app
}

fn help() -> App {
    let mut app = groups::judged(6);
    press(&mut app, "?");
    app
}

fn replayed() -> App {
    let mut player = replay::player();
    player.app.opening = crate::app::Opening::OnVerdictAtEnd;
    player.app.judge(replay::leak(600));
    player.answer();
    player.app
}

fn traced() -> App {
    let mut app = tracing::traced();
    effects(&mut app);
    app.trace_news(crate::tracing::TraceNews::End(Ok(tracing::found())));
    app
}

fn searched() -> App {
    let mut app = verdicts::judged();
    press(&mut app, "/>100K verdict:leak");
    app
}

/// The cursor on the curve of a row.
fn values() -> App {
    let mut app = looks::moved(ColourMode::True);
    press(&mut app, "d");
    for key in [KeyCode::Down, KeyCode::Enter, KeyCode::Left, KeyCode::Left, KeyCode::Left] {
        code(&mut app, key);
    }
    let key = app.detail.key.clone().unwrap();
    app.facts(&key, Vec::new());
    app
}

fn asked_to_run() -> App {
    let mut app = detail();
    press(&mut app, "!");
    app
}

/// The screen in some number of colours.
fn shown(make: fn() -> App, colours: ColourMode, (width, height): (u16, u16)) -> Buffer {
    let mut app = make();
    app.theme = Theme::new(colours, Palette::Dark);
    app.message = None;
    app.tick(support::at(2_000));
    draw(&mut app, width, height)
}

#[test]
fn every_view_at_every_size_in_every_number_of_colours() {
    for (name, make) in VIEWS {
        for size in SIZES {
            let text = super::lines_of(&shown(make, ColourMode::True, size)).join("\n");
            let mut page = format!("{text}\n");
            for (colours, mode) in COLOURS {
                let buffer = shown(make, mode, size);
                assert_eq!(
                    super::lines_of(&buffer).join("\n"),
                    text,
                    "{name}: with {colours} the text differs, so colour alone says something"
                );
                let mut letters = super::Letters::new();
                let _ =
                    write!(page, "\n== {colours}\n{}{}", letters_of(&buffer, &mut letters), legend(&letters));
            }
            assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), page);
        }
    }
}

/// Invented data says so, and of which moment it is, however narrow the screen.
#[test]
fn a_narrow_replay_has_its_time() {
    let mut app = replayed();
    std::sync::Arc::make_mut(&mut app.now.origin).kind = poolmon_model::SourceKind::Simulated;
    for width in [35, 40, 50, 60, 80, 200] {
        let screen = super::picture(&mut app, width, 20);
        let said = ["SIMULATED", "REPLAY", "14:20:47"].iter().all(|part| screen.contains(part));
        assert!(said, "{width}: {screen}");
    }
}
