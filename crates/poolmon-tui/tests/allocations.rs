//! A refresh in the steady state allocates nothing for each row.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use poolmon_model::{Sort, column};
use poolmon_tui::{App, ColourMode, Settings, render};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

static COUNT: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[expect(unsafe_code, reason = "only a global allocator sees every allocation")]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of four refreshes with so many rows.
fn refreshes(rows: u32) -> usize {
    let settings = Settings { sort: Sort::by(&column::BYTES), ..Settings::default() };
    let first = support::many(rows, 0);
    let mut app =
        App::new(first, settings, Duration::from_secs(5), None, ColourMode::Sixteen, support::at(0));
    app.resize(120, 40);
    let mut terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
    let mut samples: Vec<_> = (1..9).map(|step| support::many(rows, step)).collect();
    samples.reverse();
    let mut used = Vec::with_capacity(16);
    let mut before = 0;
    for step in 0..8 {
        if step == 4 {
            before = COUNT.load(Ordering::Relaxed);
        }
        used.push(app.receive(samples.pop().unwrap()));
        terminal.draw(|frame| render(&app, frame)).unwrap();
    }
    COUNT.load(Ordering::Relaxed) - before
}

#[test]
fn a_refresh_allocates_nothing_for_each_row() {
    let (few, many) = (refreshes(1_000), refreshes(8_000));
    assert!(few > 0, "the counter counts");
    assert!(many < few + 200, "{few} allocations with 1,000 rows, {many} with 8,000");
}
