//! The key `T`: a trace of a row while the screen goes on.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use insta::assert_snapshot;
use poolmon_model::SourceKind;
use proptest::prelude::*;
use ratatui_crossterm::crossterm::event::{KeyCode, MouseEventKind};

use super::support::{at, linux, windows};
use super::{advance, app_of, code, effects, mouse, picture, press};
use crate::app::{App, Effect, Mode};
use crate::tracing::{TraceNews, TraceState, TraceThread, wrapped};

/// What a trace of `dentry` might say.
pub(super) fn found() -> Vec<String> {
    let text = "\
dentry on builder (Linux 6.18.44): 20 s, 5,572 allocations, 361 frees, 0 addresses reused, 0 events lost

The cache changed by +950 KiB (5,208 objects).
Outstanding allocations explain 951 KiB in 5,211 objects (100 %).

1 owner keeps growing:
  d_alloc_parallel: 5,004 objects, 938 KiB, 98.6 % of what is outstanding, the oldest for 20 s
      running at the time: worker (4711) 5,004
      stack of 5,004 objects, 938 KiB:
          __d_alloc+0x1c4
        > d_alloc_parallel+0x3a
          a_function_with_a_name_that_is_longer_than_a_line_of_eighty_columns_can_be_at_all+0x10
"
    .lines()
    .map(str::to_owned);
    text.chain((0..30).map(|n| format!("          caller_{n}+0x{n:x}"))).collect()
}

/// The screen with the second row in the detail pane, being traced.
pub(super) fn traced() -> App {
    let mut app = app_of(linux, 3);
    app.resize(80, 24);
    press(&mut app, "b");
    code(&mut app, KeyCode::Down);
    effects(&mut app);
    press(&mut app, "T");
    app
}

fn scroll(app: &App) -> u16 {
    app.detail.trace.as_ref().unwrap().scroll
}

fn message(app: &App) -> &str {
    app.message.as_ref().map_or("", |(text, _)| text)
}

#[test]
fn a_row_is_traced_while_the_screen_goes_on() {
    let mut app = traced();
    assert_eq!(app.mode, Mode::Detail);
    let asked = effects(&mut app);
    let [Effect::Inquire(described), Effect::Trace(row)] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((row.tag.to_string().as_str(), &row.tag), ("dentry", &described.tag));
    app.trace_news(TraceNews::Step(Duration::from_millis(7_400), 12_345));
    advance(&mut app, linux, 4);
    assert_snapshot!("trace_running_80x24", picture(&mut app, 80, 24));
    code(&mut app, KeyCode::Down);
    press(&mut app, "T");
    assert_eq!(effects(&mut app).iter().filter(|it| matches!(it, Effect::Trace(_))).count(), 0);
    assert_eq!(message(&app), "dentry is being traced: Esc stops it.");
    app.tick(at(60));
    assert!(picture(&mut app, 120, 24).contains("tracing dentry: 7 s of 20 s, 12,345 events; Esc stops"));
    // The pane of another row is open: a message says so.
    app.trace_news(TraceNews::End(Ok(found())));
    assert_eq!(message(&app), "The trace of dentry is done: Enter on its row shows it.");
    code(&mut app, KeyCode::Up);
    app.tick(at(90));
    assert_snapshot!("trace_done_80x24", picture(&mut app, 80, 24));
    assert_snapshot!("trace_done_140x40", picture(&mut app, 140, 40));
    // News of a trace that is over change nothing.
    app.trace_news(TraceNews::Step(Duration::from_secs(9), 1));
    assert_eq!(app.detail.trace.as_ref().unwrap().state, TraceState::Done(found()));
}

#[test]
fn stacks_scroll_to_their_last_line_and_no_further() {
    let mut app = traced();
    code(&mut app, KeyCode::PageDown);
    assert_eq!(scroll(&app), 0, "there is nothing to scroll yet");
    code(&mut app, KeyCode::PageUp);
    app.trace_news(TraceNews::End(Ok(found())));
    assert!(!picture(&mut app, 80, 24).contains("caller_29"));
    mouse(&mut app, MouseEventKind::ScrollDown, 10, 10);
    assert_eq!(scroll(&app), 3);
    for _ in 0..9 {
        code(&mut app, KeyCode::PageDown);
    }
    let end = picture(&mut app, 80, 24);
    let last = end.lines().position(|line| line.contains("caller_29")).unwrap();
    assert!(end.lines().nth(last + 1).unwrap().starts_with('└'), "{end}");
    for _ in 0..9 {
        code(&mut app, KeyCode::PageUp);
    }
    assert!(picture(&mut app, 80, 24).contains("│dentry on builder"));
    // Stacks or figures: one key.
    press(&mut app, "c");
    let figures = picture(&mut app, 80, 24);
    assert!(figures.contains("│ Bytes ") && figures.contains("Trace      ended at"), "{figures}");
    assert!(figures.contains("c shows it"), "{figures}");
    press(&mut app, "c");
    assert!(picture(&mut app, 80, 24).contains("│dentry on builder"));
    assert!(picture(&mut app, 140, 40).contains("c hides it"));
}

#[test]
fn escape_stops_the_trace_before_it_closes_anything() {
    let mut app = traced();
    effects(&mut app);
    code(&mut app, KeyCode::Esc);
    assert_eq!((app.mode.clone(), effects(&mut app)), (Mode::Detail, vec![Effect::StopTrace]));
    assert!(picture(&mut app, 80, 24).contains("Trace      stopping …"));
    // The system does not answer: the next Esc is an Esc.
    code(&mut app, KeyCode::Esc);
    assert_eq!((app.mode.clone(), effects(&mut app)), (Mode::Table, vec![]));
    app.trace_news(TraceNews::End(Ok(found())));
    code(&mut app, KeyCode::Esc);
    assert_eq!(effects(&mut app), [], "with history, Esc does not quit");
}

#[test]
fn what_cannot_be_traced_says_why_in_one_line() {
    let mut simulated = app_of(
        |step| {
            let mut sample = windows(step);
            Arc::make_mut(&mut sample.origin).kind = SourceKind::Simulated;
            sample
        },
        1,
    );
    let mut still = app_of(windows, 1).held_still();
    for (app, why) in [(&mut simulated, "these figures are simulated"), (&mut still, "a file has no events")]
    {
        code(app, KeyCode::Down);
        effects(app);
        press(app, "T");
        assert_eq!((app.mode.clone(), effects(app)), (Mode::Table, vec![]));
        assert!(message(app).starts_with("No trace: ") && message(app).contains(why), "{}", message(app));
    }
    let mut app = traced();
    let why = "poolmon lacks the rights for kernel tracepoints; run as root: sudo poolmon trace ...";
    app.trace_news(TraceNews::End(Err(why.into())));
    assert_eq!(message(&app), format!("No trace: {why}"));
    let picture = picture(&mut app, 80, 24);
    assert!(picture.contains("Trace      poolmon lacks the rights"), "{picture}");
    // And again.
    press(&mut app, "T");
    assert!(effects(&mut app).iter().any(|effect| matches!(effect, Effect::Trace(_))));
}

#[test]
fn without_a_selected_row_the_letter_sorts() {
    let mut app = app_of(windows, 1);
    press(&mut app, "bT");
    assert_eq!((app.settings.sort.column.id, app.detail.trace.is_none()), ("tag", true));
    assert!(message(&app).contains("select one with the arrow keys"), "{}", message(&app));
    press(&mut app, "b");
    code(&mut app, KeyCode::Down);
    press(&mut app, "t");
    assert_eq!((app.settings.sort.column.id, app.detail.trace.is_none()), ("tag", true));
}

#[test]
fn the_thread_reports_stops_and_is_waited_for() {
    let (news, all) = channel();
    let row = linux(0).rows.remove(0);
    let tracer: crate::Tracer = Arc::new(|row, length, go_on| {
        let mut turns = 0;
        while go_on(length, turns) {
            turns += 1;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(vec![row.tag.to_string()])
    });
    let thread = TraceThread::start(tracer, row, move |it| news.send(it).is_ok()).unwrap();
    let first = all.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(matches!(first, TraceNews::Step(crate::TRACE_LENGTH, 0)), "{first:?}");
    thread.end();
    let last = all.into_iter().last().unwrap();
    assert!(matches!(&last, TraceNews::End(Ok(lines)) if lines == &["dentry"]), "{last:?}");
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_screen_and_no_word_is_lost(
        lines in prop::collection::vec("[ a-z→]{0,120}", 0..8), width in 8_u16..100,
    ) {
        let shown = wrapped(&lines, width);
        prop_assert!(shown.iter().all(|line| line.chars().count() <= usize::from(width)));
        let letters = |lines: &[String]| lines.iter().flat_map(|line| line.chars()).filter(|c| *c != ' ').collect::<String>();
        prop_assert_eq!(letters(&shown), letters(&lines));
        prop_assert!(shown.len() >= lines.len());
    }
}
