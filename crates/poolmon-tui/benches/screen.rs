//! One refresh of 20,000 rows (update, sort, draw); sorting and scrolling 100,000 rows.
#![allow(missing_docs, reason = "criterion's macros make functions without docs")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use poolmon_model::{Sort, column};
use poolmon_tui::{App, ColourMode, Settings, render};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui_crossterm::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

fn app(rows: u32) -> (App, Terminal<TestBackend>) {
    let settings = Settings { sort: Sort::by(&column::BYTES), ..Settings::default() };
    let first = support::many(rows, 0);
    let mut app = App::new(first, settings, Duration::from_secs(5), None, ColourMode::True, support::at(0));
    app.resize(200, 50);
    app.receive(support::many(rows, 1));
    (app, Terminal::new(TestBackend::new(200, 50)).unwrap())
}

fn key(app: &mut App, code: KeyCode) {
    app.on_key(KeyEvent::new(code, KeyModifiers::NONE));
}

fn refresh(c: &mut Criterion) {
    let (mut app, mut terminal) = app(20_000);
    let mut spare = Some(support::many(20_000, 2));
    c.bench_function("refresh of 20,000 rows", |b| {
        b.iter(|| {
            if let Some(sample) = spare.take() {
                spare = app.receive(sample);
            }
            terminal.draw(|frame| render(&app, frame)).unwrap();
        });
    });
}

fn keys(c: &mut Criterion) {
    let (mut app, mut terminal) = app(100_000);
    c.bench_function("sort 100,000 rows", |b| {
        b.iter(|| {
            key(&mut app, KeyCode::Char('z'));
            terminal.draw(|frame| render(&app, frame)).unwrap();
        });
    });
    c.bench_function("scroll 100,000 rows", |b| {
        b.iter(|| {
            key(&mut app, KeyCode::PageDown);
            terminal.draw(|frame| render(&app, frame)).unwrap();
        });
    });
}

criterion_group!(benches, refresh, keys);
criterion_main!(benches);
