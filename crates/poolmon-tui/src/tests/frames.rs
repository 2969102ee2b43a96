//! Pictures. Read the `.snap` files with your own eyes.

use insta::assert_snapshot;
use poolmon_model::{CounterWidth, Counters, Pool, Row, Sample, SourceKind, Tag};
use ratatui_crossterm::crossterm::event::KeyCode;

use super::support::{at, linux, many, windows};
use super::{advance, app_of, app_with, code, picture, press};
use crate::{ColourMode, Settings};

#[test]
fn poolmons_own_rows_look_as_on_its_screen() {
    // The documentation's picture, figure for figure.
    let mut sample = windows(0);
    let (n, p) = (Pool::Nonpaged, Pool::Paged);
    let row =
        |tag: &[u8; 4], pool, allocs, frees, bytes| Row::windows(Tag::pool(*tag), pool, allocs, frees, bytes);
    sample.rows = vec![
        row(b"Wait", n, 3_971_107, 3_971_077, 8_456),
        row(b"Gxlt", p, 1_161_638, 1_161_630, 864),
        row(b"Io  ", n, 1_021_112, 1_020_985, 91_912),
    ];
    let mut app = app_with(Settings::default(), ColourMode::Sixteen, sample.clone());
    app.receive(sample);
    let picture = picture(&mut app, 80, 24);
    for line in [
        " Memory:  260620K Avail:   96364K  PageFlts:     0   InRam Krnl: 1916K P:17856K",
        " Commit: 203500K Limit: 640916K Peak: 260632K            Pool N: 8332K P:27220K",
        " Wait Nonp    3971107 (   0)   3971077 (   0)       30    8456 (     0)    281",
        " Gxlt Paged   1161638 (   0)   1161630 (   0)        8     864 (     0)    108",
    ] {
        assert!(picture.lines().any(|found| found == line), "{line:?} is not in\n{picture}");
    }
    assert_snapshot!(picture);
}

#[test]
fn windows_80x24() {
    assert_snapshot!(picture(&mut app_of(windows, 6), 80, 24));
}

#[test]
fn windows_120x40() {
    assert_snapshot!(picture(&mut app_of(windows, 6), 120, 40));
}

#[test]
fn windows_200x50() {
    assert_snapshot!(picture(&mut app_of(windows, 6), 200, 50));
}

#[test]
fn windows_40x10() {
    let mut app = app_of(windows, 6);
    press(&mut app, "b");
    assert_snapshot!(picture(&mut app, 40, 10));
}

#[test]
fn the_driver_column_comes_first_where_it_was_asked_for() {
    let settings = Settings { show_driver: true, ..Settings::default() };
    let mut app = app_with(settings, ColourMode::Sixteen, windows(0));
    advance(&mut app, windows, 1);
    assert_snapshot!(picture(&mut app, 80, 16));
}

#[test]
fn by_change_with_totals_and_a_row_that_is_gone() {
    let mut app = app_of(windows, 3);
    press(&mut app, "b(e");
    advance(&mut app, windows, 4);
    assert_snapshot!(picture(&mut app, 120, 24));
}

#[test]
fn linux_80x24() {
    assert_snapshot!(picture(&mut app_of(linux, 3), 80, 24));
}

#[test]
fn linux_160x24_with_totals() {
    let mut app = app_of(linux, 3);
    press(&mut app, "be");
    assert_snapshot!(picture(&mut app, 160, 24));
}

#[test]
fn help() {
    let mut app = app_of(windows, 1);
    press(&mut app, "h");
    assert_snapshot!(picture(&mut app, 80, 24));
}

#[test]
fn detail() {
    let mut app = app_of(windows, 30);
    press(&mut app, "d");
    code(&mut app, KeyCode::Down);
    code(&mut app, KeyCode::Down);
    code(&mut app, KeyCode::Enter);
    let key = app.detail.key.clone().unwrap();
    app.describe(
        &key,
        super::facts([("Scanned", "example.sys 1.2: 3 places"), ("Next", "poolmon who Leak")]),
    );
    assert_snapshot!("detail_asking", picture(&mut app, 80, 24));
    app.facts(&key, vec![poolmon_source::Fact { title: "Aliases".into(), value: "none".into() }]);
    assert_snapshot!("detail_80x24", picture(&mut app, 80, 24));
    assert_snapshot!("detail_140x40", picture(&mut app, 140, 40));
}

#[test]
fn search() {
    let mut app = app_of(windows, 2);
    press(&mut app, "/nt*x");
    assert_snapshot!("search_typing", picture(&mut app, 80, 12));
    code(&mut app, KeyCode::Enter);
    assert_snapshot!("search_kept", picture(&mut app, 80, 12));
    press(&mut app, "/zzz");
    assert_snapshot!("search_nothing", picture(&mut app, 80, 12));
}

#[test]
fn baseline_and_paused() {
    let mut app = app_of(windows, 2);
    press(&mut app, "=");
    for step in 3..9 {
        advance(&mut app, windows, step);
    }
    app.tick(at(60));
    press(&mut app, "b( ");
    assert_snapshot!(picture(&mut app, 100, 24));
}

#[test]
fn stale_data() {
    let mut app = app_of(windows, 2);
    app.fail("/proc/slabinfo: permission denied\n  Run as root.");
    app.tick(at(18));
    assert_snapshot!("stale", picture(&mut app, 80, 12));
    app.receive(windows(3));
    app.asked();
    app.tick(at(30));
    assert_snapshot!("no_answer", picture(&mut app, 80, 12));
}

fn simulated(step: u64) -> Sample {
    let mut sample = windows(step);
    std::sync::Arc::make_mut(&mut sample.origin).kind = SourceKind::Simulated;
    sample
}

#[test]
fn simulated_data_says_so() {
    assert_snapshot!(picture(&mut app_of(simulated, 1), 80, 16));
    let narrow = picture(&mut app_of(simulated, 1), 30, 6);
    assert!(narrow.contains("SIMULATED"), "{narrow}");
}

#[test]
fn sessions_message() {
    let mut app = app_of(windows, 1);
    press(&mut app, "i12");
    assert_snapshot!("session_prompt", picture(&mut app, 80, 12));
    code(&mut app, KeyCode::Enter);
    advance(&mut app, windows, 2);
    assert_snapshot!("session_message", picture(&mut app, 80, 12));
}

#[test]
fn big_numbers_push_columns_out_and_are_never_cut() {
    let mut sample = windows(0);
    sample.width = CounterWidth::Bits64;
    sample.rows = vec![Row::windows(Tag::pool(*b"Huge"), Pool::Paged, u64::MAX, 1 << 62, u64::MAX)];
    let mut app = app_with(Settings::default(), ColourMode::Sixteen, sample);
    assert_snapshot!(picture(&mut app, 80, 8));
}

#[test]
fn many_rows_scrolled_to_the_end() {
    let mut app = app_of(|step| many(5000, step), 2);
    app.resize(100, 14);
    press(&mut app, "b");
    code(&mut app, KeyCode::End);
    assert_snapshot!(picture(&mut app, 100, 14));
}

/// Two copies of a cache on each of two sizes.
fn copies(step: u64) -> Sample {
    let mut sample = linux(step);
    let mut add = |name: &str, diff: i64, bytes| {
        let counters = Counters { reported_diff: Some(diff), bytes: Some(bytes), ..Counters::default() };
        sample.rows.push(Row {
            tag: Tag::name(name),
            pool: Pool::Unreclaimable,
            counters,
            reported_owner: None,
        });
    };
    add("kmalloc-rnd-01-1k", 100, 102_400);
    add("kmalloc-rnd-11-1k", 300 + step.cast_signed() * 40, 307_200 + step * 40_960);
    add("kmalloc-rnd-01-64", 640, 40_960);
    sample
}

#[test]
fn copies_of_a_cache_are_one_row_until_x() {
    let mut app = app_of(copies, 6);
    press(&mut app, "b");
    let joined = picture(&mut app, 100, 24);
    assert_eq!(joined.matches("kmalloc-rnd-").count(), 2, "{joined}");
    assert_snapshot!("copies_joined", joined);
    // The row that is selected stays one of its size.
    for _ in 0..4 {
        code(&mut app, KeyCode::Down);
    }
    assert_eq!(app.current().unwrap().row.tag, Tag::name("kmalloc-rnd-*-1k"));
    press(&mut app, "x");
    let each = picture(&mut app, 100, 24);
    assert_eq!(app.current().unwrap().row.tag, Tag::name("kmalloc-rnd-06-1k"));
    assert_snapshot!("copies_each", each);
    press(&mut app, "x");
    assert_eq!(app.current().unwrap().row.tag, Tag::name("kmalloc-rnd-*-1k"));
    // It has a past of its own, and no trace.
    code(&mut app, KeyCode::Enter);
    assert_snapshot!("copies_detail", picture(&mut app, 100, 24));
    press(&mut app, "T");
    assert!(app.message.as_ref().unwrap().0.contains("press x"));

    let mut other = app_of(windows, 1);
    press(&mut other, "x");
    assert!(other.message.as_ref().unwrap().0.contains("no kmalloc-rnd"));
}

#[test]
fn a_small_screen_keeps_name_bytes_and_change() {
    for (width, height) in [(20, 5), (30, 8), (40, 10), (49, 12)] {
        let mut app = app_of(windows, 30);
        press(&mut app, "b");
        app.message = None;
        let screen = picture(&mut app, width, height);
        assert_snapshot!(format!("small_{width}x{height}"), screen);
        let row = screen.lines().find(|line| line.starts_with(" File")).expect("the largest row");
        assert!(row.contains("18.0M") || row.contains("18841200"), "{row}");
        assert!(row.trim_end().ends_with('0') || row.contains("(     0)"), "the change: {row}");
        assert!(screen.contains("h help"), "how to learn of keys: {screen}");
    }
}

#[test]
fn a_screen_too_small_says_what_it_needs() {
    let mut app = app_of(windows, 1);
    assert!(picture(&mut app, 12, 2).contains("File") || picture(&mut app, 12, 2).contains("Tag"));
    assert_eq!(picture(&mut app, 11, 3), "needs 12x2,\nhas 11x3\n");
    assert!(picture(&mut app, 6, 1).starts_with("12x2"));
}
