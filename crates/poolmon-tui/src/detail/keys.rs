//! The keys of the detail pane. Those of the table that order its rows work here, too.

use ratatui_crossterm::crossterm::event::KeyCode;

use crate::app::{App, Mode};
use crate::bindings::{Action, Entry, Key, View, When};
use crate::render;

const DETAIL: &[View] = &[View::Detail];

/// The keys.
pub const KEYS: &[Entry] = &[
    Entry::moving(
        DETAIL,
        &[(Key::Code(KeyCode::Esc), Action::Back)],
        "stop the trace that is being made; back to the table",
    )
    .aliases(&[(Key::Code(KeyCode::Enter), Action::Back)])
    .footer(1, "back"),
    Entry::closer(
        DETAIL,
        &[
            (Key::Code(KeyCode::Left), Action::Cursor(false)),
            (Key::Code(KeyCode::Right), Action::Cursor(true)),
        ],
        "along the curve: moment, value, change since the point before",
    )
    .footer(28, "values"),
    Entry::closer(DETAIL, &[(Key::Char('!'), Action::Run)], "run the next command and come back; asks first")
        .footer(29, "run next"),
    Entry::closer(
        DETAIL,
        &[(Key::Char('Y'), Action::Copy)],
        "copy the next command, if the configuration has copy = true",
    ),
    Entry::closer(
        DETAIL,
        &[(Key::Char('T'), Action::Trace)],
        "trace the row for 20 s: the stacks that keep its memory",
    )
    .when(When::Live)
    .footer(30, "trace 20 s"),
    Entry::closer(
        DETAIL,
        &[(Key::Letter('c'), Action::Stacks)],
        "stacks of the trace, or charts; PgUp and PgDn scroll",
    )
    .when(When::Live)
    .footer(96, "stacks or charts"),
    Entry::closer(DETAIL, &[(Key::Char('T'), Action::Trace)], "a recording cannot be traced: says where to")
        .when(When::Tape),
];

impl App {
    pub(crate) fn detail_action(&mut self, action: Action) {
        match action {
            Action::Back if self.stop_trace() => {}
            Action::Back => {
                self.detail.cursor = None;
                self.mode = Mode::Table;
            }
            Action::Cursor(on) => match render::detail::step_cursor(self, on) {
                Ok(cursor) => self.detail.cursor = cursor,
                Err(why) => self.say(why),
            },
            Action::Halves(by) if self.scroll_detail(by) => {}
            Action::Run => self.ask_to_run(),
            Action::Copy => self.copy_command(),
            Action::First => self.select(0),
            Action::Trace => _ = self.trace_selected(),
            Action::Stacks => self.stacks_or_charts(),
            other => self.table_action(other),
        }
    }
}
